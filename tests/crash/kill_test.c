/* kill_test.c - a program that writes is killed, again and again, and nothing that it was told is
 * lost.
 *
 *     child      opens the store, writes commits 1, 2, 3 ... as fast as it can, many under way at
 *                once, and says on a pipe which of them were acknowledged
 *     parent     kills it after a random number of these, opens the store itself, and looks
 *
 * Commit n writes n to the fields of several nodes, each of which belongs to n modulo something: so
 * what must be there follows from the numbers that were acknowledged, and a commit of which only a
 * part is there shows. */
#include "test.h"
#include "test_folder.h"
#include "test_law.h"

#include <mytosis/blocking.h>
#include <mytosis/plugin/router.h>

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define KILLS 200
#define CALLERS 48
#define SLOTS 40   /* nodes x/i, y/i, z/i with i = n % SLOTS: n in all three */
#define FIELDS 160 /* node big, field i = n % FIELDS; a multiple of SLOTS */

/* ---- What a commit writes ---- */

typedef struct commit {
    mt_row rows[5];
    mt_field fields[5];
    char uids[5][16], name[16];
} commit;

static void row_of(commit *c, size_t i, const char *kind, uint64_t slot, uint64_t n)
{
    snprintf(c->uids[i], sizeof c->uids[i], "%s/%02" PRIu64, kind, slot);
    c->fields[i] = (mt_field){.name = mt_str("n"), .value = mt_number((double)n)};
    c->rows[i] = (mt_row){.uid = mt_str(c->uids[i]), .fields = &c->fields[i], .count = 1};
}

static void commit_of(commit *c, uint64_t n)
{
    memset(c, 0, sizeof *c);
    row_of(c, 0, "x", n % SLOTS, n);
    row_of(c, 1, "y", n % SLOTS, n);
    row_of(c, 2, "z", n % SLOTS, n);
    /* An even and an odd slot share a node, which the even writes and the odd deletes. */
    row_of(c, 3, "even", n % SLOTS / 2, n);
    if (n % 2) c->rows[3] = (mt_row){.uid = c->rows[3].uid, .delete_node = true};
    snprintf(c->name, sizeof c->name, "f%03" PRIu64, n % FIELDS);
    row_of(c, 4, "big", 0, n);
    c->fields[4].name = mt_str(c->name);
}

/* ---- The child ---- */

typedef struct writer {
    mt_db *db;
    uint64_t next;
    int out;
} writer;

typedef struct caller {
    writer *w;
    uint64_t n;
} caller;

static void die(const char *what)
{
    fprintf(stderr, "child: %s\n", what);
    _exit(3);
}

static void write_next(caller *c);

static void written(void *ctx, mt_db *db, const mt_result *result)
{
    caller *c = ctx;

    (void)db;
    if (result->status != MT_OK) die(result->text);
    if (write(c->w->out, &c->n, sizeof c->n) != sizeof c->n) die("nobody listens");
    write_next(c);
}

static void write_next(caller *c)
{
    commit wanted;

    c->n = c->w->next++;
    commit_of(&wanted, c->n);
    if (mt_write(c->w->db, wanted.rows, 5, NULL, written, c, NULL) != MT_OK) die("no write");
}

/* Writes until it is killed. */
static int child(const char *path, uint64_t first, int out)
{
    writer w = {.next = first, .out = out};
    caller callers[CALLERS];
    const mt_env *env;
    mt_error err;

    if (mt_open_path(path, NULL, &w.db, &err) != MT_OK) die(err.text);
    env = mt_db_env(w.db);
    for (size_t i = 0; i < CALLERS; i++) {
        callers[i].w = &w;
        write_next(&callers[i]);
    }
    while (env->turn(env->ctx) == MT_OK) continue;
    return 3;
}

/* ---- The parent ---- */

typedef struct world {
    test_folder folder;
    const char *self;
    test_rng rng;
    uint64_t next;                        /* no commit had this number yet */
    uint64_t acked[SLOTS], field[FIELDS]; /* the highest that was acknowledged */
    uint64_t total;                       /* acknowledged in all */
    mt_cursor head;                       /* of the log, when it was last looked at */
} world;

static uint64_t most(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static void note_ack(world *w, uint64_t n)
{
    uint64_t *slot = &w->acked[n % SLOTS], *field = &w->field[n % FIELDS];

    *slot = most(*slot, n);
    *field = most(*field, n);
    w->total++;
}

static pid_t start_child(const world *w, const char *path, int *from)
{
    char first[24], out[12];
    int ends[2];
    pid_t pid;

    CHECK(pipe(ends) == 0);
    snprintf(first, sizeof first, "%" PRIu64, w->next);
    snprintf(out, sizeof out, "%d", ends[1]);
    pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        execl(w->self, w->self, "child", path, first, out, (char *)NULL);
        _exit(3);
    }
    close(ends[1]);
    *from = ends[0];
    return pid;
}

/* Lets a child write until so many acknowledgements have come, and kills it. What it still said
 * counts. */
static void run_and_kill(world *w, const char *path)
{
    uint64_t acks = 1 + test_rng_below(&w->rng, 200), n;
    pid_t pid;
    int from, status;

    pid = start_child(w, path, &from);
    while (acks > 0 && read(from, &n, sizeof n) == sizeof n) {
        note_ack(w, n);
        acks--;
    }
    CHECK(kill(pid, SIGKILL) == 0);
    CHECK(waitpid(pid, &status, 0) == pid);
    if (!WIFSIGNALED(status)) fail_msg("the child ended by itself, with %d", WEXITSTATUS(status));
    while (read(from, &n, sizeof n) == sizeof n) note_ack(w, n);
    close(from);
    CHECK(acks == 0);
}

/* What a store holds. */
typedef struct held {
    uint64_t x[SLOTS], y[SLOTS], z[SLOTS], even[SLOTS / 2];
    uint64_t big[FIELDS];
} held;

/* The number in a field of a node that is in memory, or 0. */
static uint64_t number_of(const mt_handle *node, const char *name)
{
    mt_field field;
    mt_status st = node ? mt_handle_get(node, mt_str(name), &field) : MT_NOT_FOUND;

    CHECK(st == MT_OK || st == MT_NOT_FOUND);
    return st == MT_OK ? (uint64_t)field.value.as.number : 0;
}

static void read_slots(mt_db *db, const char *kind, uint64_t *out, size_t count)
{
    char uids[SLOTS][32];
    mt_bytes keys[SLOTS] = {{NULL, 0}};
    mt_handle *nodes[SLOTS] = {NULL};

    for (size_t i = 0; i < count; i++) {
        snprintf(uids[i], sizeof uids[i], "%s/%02zu", kind, i);
        keys[i] = mt_str(uids[i]);
    }
    if (mt_nodes_wait(db, keys, count, NULL, nodes) != MT_OK) fail_msg("%s", mt_db_error(db)->text);
    for (size_t i = 0; i < count; i++) out[i] = number_of(nodes[i], "n");
    for (size_t i = 0; i < count; i++) mt_handle_unref(nodes[i]);
}

static void read_big(mt_db *db, uint64_t out[FIELDS])
{
    mt_handle *big = NULL;
    char name[16];
    mt_status st = mt_read_wait(db, mt_str("big/00"), NULL, &big);

    if (st == MT_OK && big) st = mt_fields_wait(big, NULL, 0, NULL);
    if (st != MT_OK) fail_msg("%s", mt_db_error(db)->text);
    for (size_t i = 0; i < FIELDS; i++) {
        snprintf(name, sizeof name, "f%03zu", i);
        out[i] = number_of(big, name);
    }
    mt_handle_unref(big);
}

static void read_all(mt_db *db, held *out)
{
    read_slots(db, "x", out->x, SLOTS);
    read_slots(db, "y", out->y, SLOTS);
    read_slots(db, "z", out->z, SLOTS);
    read_slots(db, "even", out->even, SLOTS / 2);
    read_big(db, out->big);
}

/* All three nodes of a slot have the same number, and none older than what was acknowledged. */
static void check_slot(const world *w, const held *h, size_t i)
{
    if (h->x[i] != h->y[i] || h->y[i] != h->z[i])
        fail_msg("half of a commit is there: %" PRIu64 " %" PRIu64 " %" PRIu64, h->x[i], h->y[i],
                 h->z[i]);
    if (h->x[i] < w->acked[i])
        fail_msg("commit %" PRIu64 " was acknowledged and is gone: there is %" PRIu64, w->acked[i],
                 h->x[i]);
    CHECK(h->x[i] == 0 || h->x[i] % SLOTS == i);
}

/* It is there if the last of the two commits wrote it, and gone if that deleted it. */
static void check_even(const held *h, size_t i)
{
    uint64_t even = h->x[2 * i], odd = h->x[2 * i + 1];

    assert_int_equal(h->even[i], even > odd ? even : 0);
}

/* A field is as new as what was acknowledged, and no newer than its slot; the last commit of a slot
 * is in its field. */
static void check_field(const world *w, const held *h, size_t i)
{
    uint64_t n = h->big[i], last = h->x[i % SLOTS];

    if (n < w->field[i]) fail_msg("big lost commit %" PRIu64, w->field[i]);
    CHECK(n <= last && (n == 0 || n % FIELDS == i));
    if (last % FIELDS == i) assert_int_equal(n, last);
}

static void check_held(const world *w, const held *h)
{
    for (size_t i = 0; i < SLOTS; i++) check_slot(w, h, i);
    for (size_t i = 0; i < SLOTS / 2; i++) check_even(h, i);
    for (size_t i = 0; i < FIELDS; i++) check_field(w, h, i);
}

/* ---- The log ---- */

typedef struct log_seen {
    uint64_t last; /* the number before */
    bool slots[SLOTS], done;
    mt_cursor next;
    bool end;
} log_seen;

static void note_change(log_seen *seen, const mt_storage_change *change)
{
    const uint8_t *uid = change->uid.data;
    size_t slot;

    CHECK(change->number > seen->last && change->origin.len == 0);
    seen->last = change->number;
    if (change->uid.len != 4 || uid[0] != 'x') return;
    slot = (size_t)(uid[2] - '0') * 10 + (size_t)(uid[3] - '0');
    CHECK(slot < SLOTS);
    seen->slots[slot] = true;
}

static void changes_come(void *ctx, mt_db *db, const mt_storage_answer *answer)
{
    log_seen *seen = ctx;

    (void)db;
    if (answer->status != MT_OK) fail_msg("the log: %s", answer->text);
    for (size_t i = 0; i < answer->change_count; i++) note_change(seen, &answer->changes[i]);
    seen->next = answer->next;
    seen->end = answer->end;
    if (!answer->more) seen->done = true;
}

/* Reads the log after a cursor to its end. */
static void read_log(mt_db *db, mt_cursor since, log_seen *seen)
{
    const mt_env *env = mt_db_env(db);

    memset(seen, 0, sizeof *seen);
    seen->last = since.number;
    seen->next = since;
    do {
        mt_cursor at = seen->next;
        seen->done = false;
        CHECK(mt_db_changes(db, &at, 50, changes_come, seen) == MT_OK);
        while (!seen->done) CHECK(env->turn(env->ctx) == MT_OK);
    } while (!seen->end);
}

/* What changed since the log was last looked at is in it; and from its start, every node is. */
static void check_log(world *w, mt_db *db, const held *now, const held *before)
{
    mt_cursor start = {.number = 0};
    log_seen seen;

    read_log(db, w->head, &seen);
    for (size_t i = 0; i < SLOTS; i++)
        if (now->x[i] != before->x[i]) CHECK(seen.slots[i]);
    w->head = seen.next;
    read_log(db, start, &seen);
    for (size_t i = 0; i < SLOTS; i++)
        if (now->x[i] > 0) CHECK(seen.slots[i]);
}

static void look(world *w, const char *path, held *h)
{
    held before = *h;
    mt_error err;
    mt_db *db;

    if (mt_open_path(path, NULL, &db, &err) != MT_OK) fail_msg("%s", err.text);
    read_all(db, h);
    check_held(w, h);
    check_log(w, db, h, &before);
    for (size_t i = 0; i < SLOTS; i++) w->next = most(w->next, h->x[i] + 1);
    mt_close(db);
}

static const char *own_path;

TEST(what_was_acknowledged_survives_every_kill)
{
    size_t kills = TEST_AMOUNT(KILLS);
    static held found;
    world w = {.self = own_path, .next = 1, .rng = test_rng_new(8831)};
    char path[128];

    test_folder_begin(&w.folder);
    snprintf(path, sizeof path, "%s", test_folder_file(&w.folder, "kill.mdb"));
    for (size_t i = 0; i < kills; i++) {
        run_and_kill(&w, path);
        look(&w, path, &found);
    }
    print_message("%zu kills, %" PRIu64 " commits acknowledged\n", kills, w.total);
    test_folder_end(&w.folder);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_acknowledged_survives_every_kill),
    };

    if (argc == 5 && strcmp(argv[1], "child") == 0)
        return child(argv[2], strtoull(argv[3], NULL, 10), (int)strtol(argv[4], NULL, 10));
    own_path = argv[0];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
