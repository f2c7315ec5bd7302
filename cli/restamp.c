#include "restamp.h"

#include "batch.h"
#include "interrupt.h"
#include "message.h"
#include "output.h"
#include "store_hold.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NODES_PAGE 256

/* A write takes no more nodes than this, and more than that many bytes only of a single node. */
#define WRITE_NODES 4096
#define WRITE_TEXT_LEN ((size_t)16 * 1024 * 1024)

typedef struct restamping {
    const cli_inspection *seen;
    cli_storage *from;
    cli_storage to;
    char *path;      /* of the new file */
    cli_batch batch; /* whole nodes, but perhaps for the last */
    uint8_t after[MT_UID_LEN_MAX];
    size_t after_len;
    mt_status failed;
} restamping;

/* ---- States ---- */

/* Gives the row the states that it shall have. Within a node, what is above the floor stays above it. */
static void restamp_row(const cli_inspection *seen, mt_row *row, mt_field *fields)
{
    if (row->floor >= seen->ahead_from) row->floor = seen->now - 1;
    for (size_t i = 0; i < row->count; i++) {
        if (fields[i].state < seen->ahead_from) continue;
        fields[i].state = seen->now > row->floor ? seen->now : row->floor + 1;
    }
}

static void restamp_batch(restamping *r)
{
    size_t count;
    const mt_row *rows = cli_batch_rows(&r->batch, &count);

    for (size_t i = 0; i < count; i++)
        restamp_row(r->seen, (mt_row *)(uintptr_t)&rows[i], /* ours to write */
                    (mt_field *)(uintptr_t)rows[i].fields);
}

static uint64_t restamped_clock(const restamping *r)
{
    uint64_t clock = r->from->info.clock;

    return clock < r->seen->ahead_from ? clock : r->seen->now;
}

/* ---- Writing ---- */

static mt_status write_batch(restamping *r)
{
    mt_storage_commit commit = {.whole = true};
    mt_storage_write write = {.commits = &commit, .commit_count = 1};
    mt_graph *graph = NULL;
    mt_delta *delta = NULL;
    const mt_row *rows;
    size_t count;
    mt_status st = mt_graph_new(mt_mem_system(), NULL, &graph);

    restamp_batch(r);
    rows = cli_batch_rows(&r->batch, &count);
    if (st == MT_OK) st = mt_graph_merge_rows(graph, rows, count, &delta);
    write.clock = restamped_clock(r);
    write.clock_mode = r->from->info.clock_mode;
    write.commit_count = count > 0;
    commit.delta = delta;
    if (st == MT_OK) st = cli_storage_write(&r->to, &write);
    else r->to.err = (mt_error){st, "out of memory"};
    mt_delta_free(delta);
    mt_graph_free(graph);
    cli_batch_clear(&r->batch);
    return st;
}

static void take_nodes(void *ctx, const mt_storage_answer *answer)
{
    restamping *r = ctx;

    for (size_t i = 0; i < answer->row_count && r->failed == MT_OK; i++) {
        const mt_row *row = &answer->rows[i].row;

        r->failed = cli_batch_add(&r->batch, row);
        if (row->more) continue;
        memcpy(r->after, row->uid.data, row->uid.len);
        r->after_len = row->uid.len;
    }
}

/* MT_CANCELED: a signal came. What failed is in the error of one storage or the other. */
static mt_status write_all(restamping *r)
{
    mt_status st = MT_OK;
    bool end = false;

    while (!end && st == MT_OK) {
        uint8_t held[MT_UID_LEN_MAX];
        mt_bytes after = {held, r->after_len};

        memcpy(held, r->after, r->after_len);
        st = cli_storage_list(r->from, after, NODES_PAGE, take_nodes, r);
        if (st == MT_OK && r->failed != MT_OK) st = r->failed;
        end = r->from->end || (r->after_len == after.len && memcmp(r->after, held, after.len) == 0);
        if (st == MT_OK &&
            (end || r->batch.nodes >= WRITE_NODES || r->batch.text_len >= WRITE_TEXT_LEN))
            st = write_batch(r);
        if (cli_interrupted()) return MT_CANCELED;
    }
    return st;
}

/* ---- Files ---- */

/* An empty file beside the old one, with its mode. */
static cli_exit_code make_file(restamping *r)
{
    static const char pattern[] = ".mytosis-XXXXXX";
    const char *path = r->from->path, *slash = strrchr(path, '/');
    size_t folder = slash ? (size_t)(slash - path) + 1 : 0;
    struct stat old;
    int fd = -1;

    if (!(r->path = malloc(folder + sizeof pattern)))
        return cli_complain(EXIT_SYSTEM, "%s", mt_status_text(MT_NO_MEMORY));
    memcpy(r->path, path, folder);
    memcpy(r->path + folder, pattern, sizeof pattern);
    if (stat(path, &old) == 0) fd = mkstemp(r->path);
    if (fd >= 0 && fchmod(fd, old.st_mode & 0777) == 0 && close(fd) == 0) return EXIT_DONE;
    return cli_complain(EXIT_SYSTEM, "cannot make a file beside %s: %s", path, strerror(errno));
}

/* What lies beside the file of a store. */
static void remove_beside(const char *path, const char *tail)
{
    char *name = malloc(strlen(path) + strlen(tail) + 1);

    if (!name) return;
    (void)sprintf(name, "%s%s", path, tail);
    (void)unlink(name);
    free(name);
}

static bool flush(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool done = fd >= 0 && fsync(fd) == 0;

    if (fd >= 0) (void)close(fd);
    return done;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Puts the new file in the place of the old one. That is closed first, since LMDB's lock file goes by the name; and then locked
 * as it locks it, so that nobody opens it any more, and looked at, in case somebody has. */
static cli_exit_code put_in_place(restamping *r)
{
    const char *path = r->from->path;
    struct stat before;
    cli_exit_code code;
    cli_hold hold;

    if (stat(path, &before) != 0) memset(&before, 0, sizeof before);
    cli_storage_close(r->from);
    code = cli_hold_begin(&hold, path, "doctor --restamp", false);
    if (code != EXIT_DONE) return code;
    if (!same_file(&before, &hold.found))
        code = cli_complain(EXIT_SYSTEM, "%s: another process took it meanwhile", path);
    if (code == EXIT_DONE) code = cli_hold_alone(&hold);
    if (code == EXIT_DONE && (!flush(r->path) || rename(r->path, path) != 0))
        code = cli_complain(EXIT_SYSTEM, "cannot write %s: %s", path, strerror(errno));
    if (code == EXIT_DONE) cli_output_sync_folder(path);
    cli_hold_end(&hold, false);
    return code;
}

/* Writes the new file and puts it in its place. */
static cli_exit_code write_file(restamping *r)
{
    cli_exit_code code = cli_storage_open(&r->to, r->path, ACCESS_SCRATCH);
    mt_status st = MT_OK;

    if (code == EXIT_DONE && (st = write_all(r)) == MT_CANCELED)
        code = cli_complain(EXIT_SYSTEM, "%s: interrupted; it is as it was", r->from->path);
    else if (st != MT_OK)
        code = cli_complain(cli_exit_of(st), "cannot restamp %s: %s", r->from->path,
                            r->to.err.status != MT_OK ? r->to.err.text : r->from->err.text);
    cli_storage_close(&r->to);
    remove_beside(r->path, "-lock");
    return code == EXIT_DONE ? put_in_place(r) : code;
}

cli_exit_code cli_restamp(cli_storage *storage, const cli_inspection *inspection)
{
    restamping r = {.seen = inspection, .from = storage};
    cli_exit_code code = make_file(&r);

    cli_interrupt_watch();
    cli_progress("restamping", storage->path);
    if (code == EXIT_DONE) code = write_file(&r);
    if (code != EXIT_DONE && r.path) (void)unlink(r.path);
    cli_progress_end();
    cli_batch_free(&r.batch);
    free(r.path);
    return code;
}
