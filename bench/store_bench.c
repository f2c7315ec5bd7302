/* The figures of a durable database, beside raw LMDB that writes and reads the same records; a second
 * figure of it has the nodes alone. Each ratio is of two figures of one run. */
#include "data.h"
#include "figure.h"
#include "folder.h"
#include "raw_lmdb.h"

#include <mytosis/mytosis.h>
#include <mytosis/plugin/kv_lmdb.h>
#include <mytosis/plugin/node_store.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SINGLES 2000u     /* commits of one node, each waited for */
#define MANY 100000u      /* commits of one node, many under way */
#define CALLERS 1000u     /* how many */
#define COLD_READS 10000u /* random nodes after opening */
#define READ_KEYS 100u    /* nodes to a read */

typedef struct bench {
    bench_set set;
    bench_folder folder;
    char path[96];
    uint64_t seed;
    raw_records records;
    double raw_log_1000, raw_1000, store_1000, raw_single, store_single, raw_reads, store_reads;
} bench;

/* ---- Raw LMDB ---- */

static double raw_write(bench *b, size_t count, size_t per, bool log)
{
    bench_folder_clear(&b->folder);
    return raw_lmdb_write(b->path, &b->records, count, count / per, log);
}

static double raw_1000(void *ctx)
{
    bench *b = ctx;

    return b->raw_1000 = raw_write(b, NODES, BATCH, false);
}

static double raw_log_1000(void *ctx)
{
    bench *b = ctx;

    return b->raw_log_1000 = raw_write(b, NODES, BATCH, true);
}

static double raw_single(void *ctx)
{
    bench *b = ctx;

    return b->raw_single = raw_write(b, SINGLES, 1, true);
}

/* ---- A database ---- */

static mt_db *store_open(const bench *b, size_t cache_bytes)
{
    mt_config config = {.size = sizeof config, .cache_bytes = cache_bytes};
    mt_error error;
    mt_db *db;

    if (mt_open_path(b->path, &config, &db, &error) != MT_OK) bench_fail(b->path, error.text);
    return db;
}

/* Writes under way: each answered one starts the next. */
typedef struct writing {
    bench *b;
    mt_db *db;
    size_t left, next, count, per;
} writing;

static void write_next(writing *w);

static void was_written(void *ctx, mt_db *db, const mt_result *result)
{
    writing *w = ctx;

    (void)db;
    if (result->status != MT_OK) bench_fail("write", result->text);
    w->left -= w->per;
    write_next(w);
}

static void write_next(writing *w)
{
    const mt_row *rows = &w->b->set.rows[w->next % NODES];

    if (w->next >= w->count) return;
    w->next += w->per;
    bench_must(mt_write(w->db, rows, w->per, NULL, was_written, w, NULL), "write");
}

/* Writes `count` nodes, `per` to a commit, `callers` commits under way. Nodes per second. */
static double store_write(bench *b, size_t count, size_t per, size_t callers)
{
    writing w = {.b = b, .left = count, .count = count, .per = per};
    const mt_env *env;
    double start;

    bench_folder_clear(&b->folder);
    w.db = store_open(b, 0);
    env = mt_db_env(w.db);
    start = bench_now();
    for (size_t i = 0; i < callers; i++) write_next(&w);
    while (w.left > 0) bench_must(env->turn(env->ctx), "turn");
    start = bench_now() - start;
    mt_close(w.db);
    return (double)count / start;
}

static double store_1000(void *ctx)
{
    bench *b = ctx;

    return b->store_1000 = store_write(b, NODES, BATCH, 1);
}

static double store_single(void *ctx)
{
    bench *b = ctx;

    return b->store_single = store_write(b, SINGLES, 1, 1);
}

static double store_many(void *ctx)
{
    return store_write(ctx, MANY, 1, CALLERS);
}

/* ---- Ratios, of the figures before them ---- */

static double ratio_log(void *ctx)
{
    const bench *b = ctx;

    return bench_percent(b->store_1000, b->raw_log_1000);
}

static double ratio_nodes(void *ctx)
{
    const bench *b = ctx;

    return bench_percent(b->store_1000, b->raw_1000);
}

static double ratio_single(void *ctx)
{
    const bench *b = ctx;

    return bench_percent(b->store_single, b->raw_single);
}

/* ---- Opening and reading ---- */

/* Makes a store with all nodes, unless there is one. */
static void fill_store(bench *b)
{
    (void)store_write(b, NODES, BATCH, 1);
}

static double open_time(void *ctx)
{
    bench *b = ctx;
    double start;
    mt_db *db;

    fill_store(b);
    start = bench_now();
    db = store_open(b, 0);
    start = bench_now() - start;
    mt_close(db);
    return start * 1e3;
}

static double raw_reads(void *ctx)
{
    bench *b = ctx;

    (void)raw_write(b, NODES, BATCH, true);
    return b->raw_reads = raw_lmdb_read(b->path, &b->set, COLD_READS, b->seed);
}

/* Reads random nodes, `count` of them. Reads per second. */
static double read_random(bench *b, mt_db *db, size_t count)
{
    bench_rng rng = {b->seed};
    double start = bench_now();

    for (size_t i = 0; i < count; i += READ_KEYS) {
        mt_bytes uids[READ_KEYS];
        mt_handle *nodes[READ_KEYS];
        for (size_t k = 0; k < READ_KEYS; k++) uids[k] = b->set.rows[bench_random(&rng, NODES)].uid;
        bench_must(mt_nodes_wait(db, uids, READ_KEYS, NULL, nodes), "read");
        for (size_t k = 0; k < READ_KEYS; k++) {
            if (!nodes[k]) bench_fail("read", "a node is missing");
            mt_handle_unref(nodes[k]);
        }
    }
    return (double)count / (bench_now() - start);
}

static double cold_reads(void *ctx)
{
    bench *b = ctx;
    double rate;
    mt_db *db;

    fill_store(b);
    db = store_open(b, 0);
    rate = read_random(b, db, COLD_READS);
    mt_close(db);
    return b->store_reads = rate;
}

static double ratio_reads(void *ctx)
{
    const bench *b = ctx;

    return bench_percent(b->store_reads, b->raw_reads);
}

static double warm_reads(void *ctx)
{
    bench *b = ctx;
    double rate;
    mt_db *db;

    fill_store(b);
    db = store_open(b, 0);
    (void)read_random(b, db, 2 * NODES);
    rate = read_random(b, db, NODES);
    mt_close(db);
    return rate;
}

/* ---- The budget ---- */

#define BUDGET ((size_t)5 << 20) /* a tenth of what all nodes take */

static double budget_reads(void *ctx)
{
    bench *b = ctx;
    double rate;
    mt_db *db;

    fill_store(b);
    db = store_open(b, BUDGET);
    rate = read_random(b, db, NODES);
    mt_close(db);
    return rate;
}

static bool count_row(void *ctx, mt_db *db, const mt_row *row)
{
    (void)db;
    *(size_t *)ctx += row->count;
    return true;
}

/* Reads, writes and streams everything, and answers the most memory that nodes took between the
 * calls, in parts of the budget. */
static double budget_peak(void *ctx)
{
    bench *b = ctx;
    mt_db_stats stats = {.size = sizeof stats};
    size_t peak = 0, fields = 0;
    mt_db *db;

    fill_store(b);
    db = store_open(b, BUDGET);
    for (size_t i = 0; i < NODES; i += BATCH) {
        (void)read_random(b, db, READ_KEYS);
        bench_must(mt_write_wait(db, &b->set.rows[i], BATCH, NULL, NULL), "write");
        mt_db_statistics(db, &stats);
        if (stats.cache_bytes > peak) peak = stats.cache_bytes;
    }
    bench_must(mt_stream_wait(db, NULL, count_row, &fields), "stream");
    if (fields != NODES * FIELDS) bench_fail("stream", "fields are missing");
    mt_close(db);
    return (double)peak / BUDGET;
}

static double stream(void *ctx)
{
    bench *b = ctx;
    size_t fields = 0;
    double start;
    mt_db *db;

    fill_store(b);
    db = store_open(b, 0);
    start = bench_now();
    bench_must(mt_stream_wait(db, NULL, count_row, &fields), "stream");
    start = bench_now() - start;
    mt_close(db);
    return NODES / start;
}

static double store_bytes(void *ctx)
{
    bench *b = ctx;
    mt_db_stats stats = {.size = sizeof stats};
    mt_db *db;

    fill_store(b);
    db = store_open(b, 0);
    mt_db_statistics(db, &stats);
    mt_close(db);
    return (double)stats.storage_bytes / NODES;
}

static figure figures[] = {
    FIGURE("raw_1000", "raw LMDB: 1,000 nodes a commit", "nodes/s", raw_1000, 0, false, false),
    FIGURE("raw_log_1000", "raw LMDB: the same, nodes and log", "nodes/s", raw_log_1000, 0, false,
           false),
    FIGURE("durable_1000", "durable, 1,000 nodes a commit", "nodes/s", store_1000, 0, false, false),
    FIGURE("ratio_log", "  of raw LMDB with nodes and log", "%", ratio_log, 60, false, false),
    FIGURE("ratio_nodes", "  of raw LMDB with nodes alone", "%", ratio_nodes, 45, false, false),
    FIGURE("raw_single", "raw LMDB: a node a commit, nodes and log", "commits/s", raw_single, 0,
           false, false),
    FIGURE("durable_single", "durable, a node a commit", "commits/s", store_single, 0, false,
           false),
    FIGURE("ratio_single", "  of raw LMDB", "%", ratio_single, 90, false, false),
    FIGURE("durable_many", "durable, a node a commit, 1,000 callers", "commits/s", store_many,
           100e3, false, false),
    FIGURE("store_bytes", "size of the store", "bytes/node", store_bytes, 0, true, true),
    FIGURE("open", "open after a clean close", "ms", open_time, 5, true, false),
    FIGURE("raw_reads", "raw LMDB: open and 10,000 random gets", "reads/s", raw_reads, 0, false,
           false),
    FIGURE("cold_reads", "10,000 cold random nodes, 100 a call", "reads/s", cold_reads, 500e3,
           false, false),
    FIGURE("ratio_reads", "  of raw LMDB", "%", ratio_reads, 60, false, false),
    FIGURE("warm_reads", "the same, in memory", "reads/s", warm_reads, 1e6, false, false),
    FIGURE("budget_reads", "random nodes, memory for a tenth of them", "reads/s", budget_reads, 0,
           false, false),
    FIGURE("budget_peak", "  memory of nodes at most, of the budget", "times", budget_peak, 1.1,
           true, true),
    FIGURE("stream", "stream of all nodes", "nodes/s", stream, 0, false, false),
};

#define FIGURE_COUNT (sizeof figures / sizeof *figures)

int main(int argc, char **argv)
{
    static const char about[] =
        "Times a database on LMDB with 200,000 nodes of 5 fields in a new folder here, beside raw\n"
        "LMDB.\n";
    figures_options options;
    bench b = {.seed = 0};

    if (!figures_parse(argc, argv, about, figures, FIGURE_COUNT, &options))
        return options.exit_code;
    b.folder = bench_folder_new("store");
    snprintf(b.path, sizeof b.path, "%s/bench.mdb", b.folder.path);
    b.set = bench_set_new(NODES, 1, 0);
    b.records = raw_records_new(&b.set);
    figures_run(figures, FIGURE_COUNT, &options, &b, &b.seed);
    bench_folder_free(&b.folder);
    raw_records_free(&b.records);
    bench_set_free(&b.set);
    return 0;
}
