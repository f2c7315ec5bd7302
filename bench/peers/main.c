/* Measures one subject in C, in a process of its own, and prints a line `NAME VALUE` for each figure.
 *
 *     peers SUBJECT memory INPUT STATE SECONDS       in memory; leaves the encoded state at STATE
 *     peers SUBJECT durable INPUT STORE SECONDS      makes a store at STORE
 *     peers SUBJECT open STORE UID NAME              opens it, and reads a field
 *     peers SUBJECT held STATE                       loads the encoded state
 *
 * SECONDS: how long single commits and reads are measured; what is left of the commits then comes in one. The
 * first tenth of the nodes is done once before, unmeasured, as in JavaScript. Digests say what a replica held
 * afterwards: bench/peers/run knows what it must be. */
#include "peers.h"

#include "../figure.h"

#include <mytosis/system.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CLOCK_EVERY 64u /* reads to a look at the clock */

typedef struct run {
    const peers_subject *subject;
    double limit;
    bool quiet; /* warming up */
} run;

static void say(const run *r, const char *name, double value)
{
    if (!r->quiet) printf("%s %.9g\n", name, value);
}

static void say_digest(const run *r, const char *name, peers_digest digest)
{
    if (!r->quiet)
        printf("digest.%s %zu:%llu\n", name, digest.count, (unsigned long long)digest.sum);
}

static void say_state(const run *r, const char *name, const peers_ops *ops, void *replica)
{
    peers_digest digest = {0, 0};

    ops->each(replica, &digest);
    say_digest(r, name, digest);
}

/* ---- Workloads ---- */

static void write_all(const run *r, const char *name, const peers_ops *ops, void *replica,
                      const peers_input *in)
{
    double start = bench_now();

    for (size_t first = 0; first < in->count; first += PEERS_BATCH) {
        size_t left = in->count - first;
        ops->write(replica, in, first, left < PEERS_BATCH ? left : PEERS_BATCH);
    }
    start = bench_now() - start;
    say(r, name, (double)(in->count * in->name_count) / start);
}

/* An edit a commit. */
static void update(const run *r, const char *name, const peers_ops *ops, void *replica,
                   const peers_input *in)
{
    const peers_edits *edits = &in->lists[PEERS_UPDATES];
    double start = bench_now(), taken = 0;
    size_t done = 0;

    while (done < edits->count && taken < r->limit) {
        ops->edit(replica, in, &edits->at[done++], 1);
        if (done % CLOCK_EVERY == 0 || done == edits->count) taken = bench_now() - start;
    }
    say(r, name, (double)done / taken);
    if (done < edits->count) ops->edit(replica, in, &edits->at[done], edits->count - done);
}

static void read_fields(const run *r, const peers_ops *ops, void *replica, const peers_input *in)
{
    const peers_edits *reads = &in->lists[PEERS_READS];
    double start = bench_now(), taken = 0;
    size_t done = 0, len = 0;

    while (done < reads->count && taken < r->limit) {
        const peers_edit *at = &reads->at[done++];
        len += ops->read(replica, in->uids[at->node], in->names[at->field]).len;
        if (done % CLOCK_EVERY == 0 || done == reads->count) taken = bench_now() - start;
    }
    say(r, "read", (double)done / taken);
    if (!r->quiet) printf("length.read %zu:%zu\n", done, len);
}

/* ---- In memory ---- */

static void put_file(const char *path, mt_bytes bytes)
{
    FILE *file = fopen(path, "wb");

    bench_well(file && fwrite(bytes.data, 1, bytes.len, file) == bytes.len, path);
    bench_well(fclose(file) == 0, path);
}

static void encode_and_load(const run *r, const peers_ops *ops, void *replica, const char *path)
{
    mt_buf bytes = {.mem = mt_mem_system()};
    double start = bench_now();
    void *loaded;

    ops->encode(replica, &bytes);
    say(r, "encode", 1e3 * (bench_now() - start));
    say(r, "encoded", (double)bytes.len);
    start = bench_now();
    loaded = ops->load(mt_buf_bytes(&bytes));
    say(r, "load", 1e3 * (bench_now() - start));
    say_state(r, "load", ops, loaded);
    ops->close(loaded);
    if (!r->quiet) put_file(path, mt_buf_bytes(&bytes));
    mt_buf_free(&bytes);
}

static void in_memory(const run *r, const peers_input *in, const char *path)
{
    const peers_ops *ops = r->subject->memory;
    void *replica = ops->open(path);

    write_all(r, "write", ops, replica, in);
    say_state(r, "write", ops, replica);
    update(r, "update", ops, replica, in);
    say_state(r, "update", ops, replica);
    read_fields(r, ops, replica, in);
    if (ops->encode) encode_and_load(r, ops, replica, path);
    ops->close(replica);
    if (r->subject->meet) {
        peers_meeting met = {.bytes = 0};
        r->subject->meet(in, &met);
        say(r, "merge", 1e3 * met.seconds);
        say(r, "merged", (double)met.bytes);
        say_digest(r, "here", met.here);
        say_digest(r, "there", met.there);
    }
}

static void memory_mode(run *r, const peers_input *in, const char *path)
{
    peers_input part = peers_input_part(in, in->count / 10);

    r->quiet = true;
    in_memory(r, &part, path);
    r->quiet = false;
    peers_input_free(&part);
    in_memory(r, in, path);
}

/* ---- In a store ---- */

static double disk_bytes(const char *path)
{
    struct stat facts = {.st_blocks = 0};

    bench_well(stat(path, &facts) == 0, path);
    return (double)facts.st_blocks * 512;
}

static void durable_mode(const run *r, const peers_input *in, const char *path)
{
    const peers_ops *ops = r->subject->store;
    void *replica = ops->open(path);

    write_all(r, "store.write", ops, replica, in);
    update(r, "store.update", ops, replica, in);
    ops->close(replica);
    say(r, "store.bytes", disk_bytes(path));
}

static void open_mode(const run *r, const char *path, mt_bytes uid, mt_bytes name)
{
    const peers_ops *ops = r->subject->store;
    double start = bench_now();
    void *replica = ops->open(path);
    size_t len = ops->read(replica, uid, name).len;

    say(r, "open", 1e3 * (bench_now() - start));
    printf("length.open 1:%zu\n", len);
    say_state(r, "open", ops, replica);
    ops->close(replica);
}

/* ---- What a replica takes ---- */

static double resident(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    char line[128], *resident_pages;

    bench_well(file && fgets(line, sizeof line, file), "statm");
    (void)fclose(file);
    (void)strtoul(line, &resident_pages, 10); /* all of its addresses */
    return (double)strtoul(resident_pages, NULL, 10) * (double)sysconf(_SC_PAGESIZE);
}

static void held_mode(const run *r, const char *path)
{
    const peers_ops *ops = r->subject->memory;
    double before = resident();
    mt_buf bytes = {.mem = mt_mem_system()};
    FILE *file = fopen(path, "rb");
    struct stat facts = {.st_size = 0};
    void *replica;

    bench_well(file && fstat(fileno(file), &facts) == 0, path);
    bytes.cap = bytes.len = (size_t)facts.st_size;
    bytes.data = bench_need(bytes.mem->resize(bytes.mem->ctx, NULL, 0, bytes.cap));
    bench_well(fread(bytes.data, 1, bytes.len, file) == bytes.len, path);
    (void)fclose(file);
    replica = ops->load(mt_buf_bytes(&bytes));
    mt_buf_free(&bytes);
    say(r, "held", resident() - before);
    say_state(r, "held", ops, replica);
    ops->close(replica);
}

static _Noreturn void usage(void)
{
    fputs("usage: peers SUBJECT memory INPUT STATE SECONDS | durable INPUT STORE SECONDS |\n"
          "       open STORE UID NAME | held STATE | version\n",
          stderr);
    exit(2);
}

int main(int argc, char **argv)
{
    static const peers_subject *const subjects[] = {
        &peers_mytosis,
        &peers_lmdb,
#ifdef PEERS_WITH_SQLITE
        &peers_sqlite,
#endif
        NULL,
    };
    run r = {.subject = NULL};
    const char *mode = argc > 2 ? argv[2] : "";

    (void)setvbuf(stdout, NULL, _IOLBF, 0); /* who is stopped has said what is done */
    for (size_t i = 0; argc > 2 && subjects[i]; i++)
        if (strcmp(subjects[i]->name, argv[1]) == 0) r.subject = subjects[i];
    if (!r.subject) usage();
    if (argc == 3 && strcmp(mode, "version") == 0) {
        printf("version %s\n", r.subject->version());
    } else if (argc == 4 && strcmp(mode, "held") == 0 && r.subject->memory->load) {
        held_mode(&r, argv[3]);
    } else if (argc == 6 && strcmp(mode, "open") == 0) {
        open_mode(&r, argv[3], mt_str(argv[4]), mt_str(argv[5]));
    } else if (argc == 6) {
        peers_input in = peers_input_read(argv[3]);
        r.limit = strtod(argv[5], NULL);
        if (strcmp(mode, "memory") == 0) memory_mode(&r, &in, argv[4]);
        else if (strcmp(mode, "durable") == 0) durable_mode(&r, &in, argv[4]);
        else usage();
        peers_input_free(&in);
    } else {
        usage();
    }
    return 0;
}
