/* What the fingerprint index of a node store costs, and what it gives: the same writes, by turns, to a
 * store that keeps it and to one that does not. */
#include "data.h"
#include "figure.h"
#include "folder.h"

#include <mytosis/mytosis.h>
#include <mytosis/plugin/kv_lmdb.h>
#include <mytosis/plugin/kv_memory.h>
#include <mytosis/plugin/node_store.h>
#include <stdio.h>
#include <string.h>

#define MANY 1000000u   /* nodes of the large store */
#define UPDATES 100000u /* updates of random fields, 1,000 to a write */
#define SINGLES 2000u   /* of one field, each waited for */
#define WRITES_BETWEEN 300u
#define RANGES 10000u /* fingerprints */

enum { BARE, KEPT };

/* What is written, and where. */
enum { CREATE, CREATE_MEMORY, UPDATE, UPDATE_MEMORY, SINGLE, WAYS };

typedef struct bench {
    bench_set set;
    bench_folder folder;
    mt_loop *loop;
    const mt_env *env;
    uint64_t seed;
    double rates[WAYS][2];
    bool filled; /* the large store is there */
} bench;

static mt_kv engine(const bench *b, const char *name)
{
    char path[128];
    mt_error err;
    mt_kv kv;

    snprintf(path, sizeof path, "%s/%s.mdb", b->folder.path, name);
    if (mt_kv_lmdb(b->env, path, NULL, &kv, &err) != MT_OK) bench_fail(path, err.text);
    return kv;
}

/* A store, over an engine that is MOVED. */
static mt_storage store_new(const bench *b, mt_kv kv, int kept)
{
    mt_node_store_options options = {.size = sizeof options, .no_fingerprints = kept == BARE};
    mt_storage storage;

    bench_must(mt_node_store_new(b->env, kv, &options, &storage, NULL), "store");
    return storage;
}

/* ---- Writes ---- */

/* A database that keeps an index, or does not, and how long writes took it. */
typedef struct side {
    mt_db *db;
    double spent;
} side;

static void side_open(const bench *b, side *s, bool memory, int kept)
{
    mt_storage storage;
    mt_config config = {.size = sizeof config, .env = b->env, .storage = &storage};
    const mt_config *configs = &config;
    mt_error err;
    mt_kv kv;

    if (memory) bench_must(mt_kv_memory(b->env, &kv), "memory");
    else kv = engine(b, kept ? "kept" : "bare");
    storage = store_new(b, kv, kept);
    if (mt_open(&configs, 1, &s->db, &err) != MT_OK) bench_fail("open", err.text);
    s->spent = 0;
}

/* Writes rows to both, each in turn before the other. */
static void write_rows(side sides[2], const mt_row *rows, size_t count, unsigned turn)
{
    for (unsigned i = 0; i < 2; i++) {
        side *s = &sides[(i + turn) % 2];
        double start = bench_now();

        bench_must(mt_write_wait(s->db, rows, count, NULL, NULL), "write");
        s->spent += bench_now() - start;
    }
}

static void create(const bench *b, side sides[2])
{
    for (unsigned i = 0; i < NODES / BATCH; i++)
        write_rows(sides, &b->set.rows[i * BATCH], BATCH, i);
}

/* Updates a field of each of `per` random nodes at a time. */
static void update(const bench *b, side sides[2], size_t count, size_t per)
{
    bench_rng rng = {b->seed};
    mt_row rows[BATCH];
    mt_field fields[BATCH];

    for (unsigned i = 0; i < count / per; i++) {
        for (size_t k = 0; k < per; k++) {
            const bench_node *node = &b->set.nodes[bench_random(&rng, NODES)];
            bench_node value;
            rows[k] = (mt_row){.uid = mt_str(node->uid), .fields = &fields[k], .count = 1};
            bench_node_fill(&value, 0, &rng);
            fields[k] = bench_field(node, AGE);
            fields[k].value = mt_number(value.age + i);
        }
        write_rows(sides, rows, per, i);
    }
}

static void run_way(bench *b, unsigned way)
{
    bool memory = way == CREATE_MEMORY || way == UPDATE_MEMORY;
    bool creates = way == CREATE || way == CREATE_MEMORY;
    size_t count = creates ? NODES : way == SINGLE ? SINGLES : UPDATES;
    side sides[2];

    bench_folder_clear(&b->folder);
    b->filled = false;
    for (int kept = BARE; kept <= KEPT; kept++) side_open(b, &sides[kept], memory, kept);
    create(b, sides);
    if (!creates) sides[BARE].spent = sides[KEPT].spent = 0;
    if (!creates) update(b, sides, count, way == SINGLE ? 1 : BATCH);
    for (int kept = BARE; kept <= KEPT; kept++) {
        b->rates[way][kept] = (double)count / sides[kept].spent;
        mt_close(sides[kept].db);
    }
}

/* `at`: what is written, and of that: without the index, with it, and the cost. */
static double way(void *ctx, unsigned at)
{
    bench *b = ctx;
    const double *rates = b->rates[at / 3];

    if (at % 3 == 0) run_way(b, at / 3);
    if (at % 3 < 2) return rates[at % 3];
    return 100 * (rates[BARE] / rates[KEPT] - 1);
}

/* ---- A large store ---- */

/* A storage that is asked, one question after the other. */
typedef struct shelf {
    mt_storage storage;
    mt_storage_host host;
    bool done;
    mt_status status;
    uint64_t last_id;
    uint64_t nodes; /* of the last fingerprint */
} shelf;

static void answered(void *ctx, uint64_t id, const mt_storage_answer *answer)
{
    shelf *s = ctx;

    (void)id;
    s->status = answer->status;
    if (answer->print_count) s->nodes = answer->prints[0].count;
    if (answer->status != MT_OK && answer->status != MT_AGAIN)
        bench_fail("store", answer->text ? answer->text : mt_status_text(answer->status));
    s->done = !answer->more;
}

static void await(const bench *b, bool *done)
{
    while (!*done) bench_must(b->env->turn(b->env->ctx), "turn");
    *done = false;
}

static void shelf_open(const bench *b, shelf *s)
{
    memset(s, 0, sizeof *s);
    s->storage = store_new(b, engine(b, "large"), KEPT);
    s->host = (mt_storage_host){answered, s};
    bench_must(s->storage.ops->open(s->storage.ctx, &s->host, ++s->last_id), "open");
    await(b, &s->done);
}

static void shelf_write(const bench *b, shelf *s, const mt_row *rows, size_t count)
{
    mt_storage_commit commit = {.delta = NULL};
    mt_storage_write write = {.commits = &commit, .commit_count = 1, .clock = 1, .clock_mode = 1};
    mt_delta *delta = NULL;
    mt_graph *graph;

    bench_must(mt_graph_new(mt_mem_system(), NULL, &graph), "graph");
    bench_must(mt_graph_merge_rows(graph, rows, count, &delta), "merge");
    commit.delta = delta;
    bench_must(s->storage.ops->write(s->storage.ctx, &s->host, ++s->last_id, &write), "write");
    await(b, &s->done);
    mt_delta_free(delta);
    mt_graph_free(graph);
}

static void fill(bench *b)
{
    static bench_node nodes[BATCH];
    static mt_field fields[BATCH][FIELDS];
    static mt_row rows[BATCH];
    bench_rng rng = {1};
    shelf s;

    if (b->filled) return;
    bench_folder_clear(&b->folder);
    shelf_open(b, &s);
    for (uint32_t i = 0; i < MANY; i += BATCH) {
        for (uint32_t k = 0; k < BATCH; k++) {
            bench_node_fill(&nodes[k], i + k, &rng);
            for (unsigned f = 0; f < FIELDS; f++) {
                fields[k][f] = bench_field(&nodes[k], f);
                fields[k][f].state = 1;
            }
            rows[k] = (mt_row){.uid = mt_str(nodes[k].uid), .fields = fields[k], .count = FIELDS};
        }
        shelf_write(b, &s, rows, BATCH);
    }
    mt_storage_close(&s.storage);
    b->filled = true;
}

static void ask(const bench *b, shelf *s, const mt_storage_span *span)
{
    do {
        bench_must(s->storage.ops->fingerprint(s->storage.ctx, &s->host, ++s->last_id, span, 1),
                   "fingerprint");
        await(b, &s->done);
    } while (s->status == MT_AGAIN);
}

/* Opens the large store, and adds it all up. Answers how long that took. */
static double open_large(bench *b, shelf *s)
{
    mt_storage_span all = {.parts = 1};
    double start;

    fill(b);
    shelf_open(b, s);
    start = bench_now();
    ask(b, s, &all);
    start = bench_now() - start;
    if (s->nodes != MANY) bench_fail("fingerprint", "nodes are missing");
    return start;
}

static double first_use(void *ctx)
{
    double spent;
    shelf s;

    spent = open_large(ctx, &s);
    mt_storage_close(&s.storage);
    return spent * 1e3;
}

static double whole(void *ctx)
{
    bench *b = ctx;
    mt_storage_span all = {.parts = 1};
    double start;
    shelf s;

    (void)open_large(b, &s);
    start = bench_now();
    for (unsigned i = 0; i < RANGES; i++) ask(b, &s, &all);
    start = bench_now() - start;
    mt_storage_close(&s.storage);
    return start * 1e6 / RANGES;
}

static double ranges(void *ctx)
{
    bench *b = ctx;
    bench_rng rng = {b->seed};
    double spent = 0;
    shelf s;

    (void)open_large(b, &s);
    for (unsigned i = 0; i < RANGES; i++) {
        uint32_t from = bench_random(&rng, MANY - 1);
        uint32_t to = from + 1 + bench_random(&rng, MANY - 1 - from);
        mt_storage_span span = {.parts = 1};
        bench_node first, end;

        bench_node_fill(&first, from, &rng);
        bench_node_fill(&end, to, &rng);
        span.first = mt_str(first.uid);
        span.end = mt_str(end.uid);
        spent -= bench_now();
        ask(b, &s, &span);
        spent += bench_now();
        if (s.nodes != to - from) bench_fail("fingerprint", "nodes are missing");
    }
    mt_storage_close(&s.storage);
    return spent * 1e6 / RANGES;
}

/* A fingerprint when a field was written since the last one. */
static double after_write(void *ctx)
{
    bench *b = ctx;
    bench_rng rng = {b->seed};
    mt_storage_span all = {.parts = 1};
    double spent = 0;
    shelf s;

    (void)open_large(b, &s);
    for (unsigned i = 0; i < WRITES_BETWEEN; i++) {
        bench_node node;
        mt_field field;
        mt_row row = {.fields = &field, .count = 1};

        bench_node_fill(&node, bench_random(&rng, MANY), &rng);
        field = bench_field(&node, AGE);
        field.state = 2 + i;
        row.uid = mt_str(node.uid);
        shelf_write(b, &s, &row, 1);
        spent -= bench_now();
        ask(b, &s, &all);
        spent += bench_now();
    }
    mt_storage_close(&s.storage);
    b->filled = false; /* fields are missing now */
    return spent * 1e6 / WRITES_BETWEEN;
}

static void dropped(void *ctx, uint64_t id, const mt_kv_answer *answer)
{
    (void)id;
    bench_must(answer->status, "drop");
    *(bool *)ctx = true;
}

static double build(void *ctx)
{
    bench *b = ctx;
    mt_kv_op drop = {MT_KV_DELETE_RANGE, mt_str("x"), mt_str("y")};
    bool done = false;
    mt_kv_host host = {dropped, &done};
    double spent;
    shelf s;
    mt_kv kv;

    fill(b);
    kv = engine(b, "large");
    bench_must(kv.ops->commit(kv.ctx, &host, 1, &drop, 1), "drop");
    await(b, &done);
    mt_kv_close(&kv);
    spent = open_large(b, &s);
    mt_storage_close(&s.storage);
    return spent;
}

#define WAY(name, what, unit, at)                                                       \
    FIGURE_AT("bare_" name, what, unit, way, 3 * (at), 0, false),                       \
        FIGURE_AT("kept_" name, "  with the index", unit, way, 3 * (at) + 1, 0, false), \
        FIGURE_AT("cost_" name, "  more time by that", "%", way, 3 * (at) + 2, 50, true)

static figure figures[] = {
    WAY("create", "durable, 1,000 nodes a write", "nodes/s", CREATE),
    WAY("create_memory", "in memory, 1,000 nodes a write", "nodes/s", CREATE_MEMORY),
    WAY("update", "durable, 1,000 random fields a write", "fields/s", UPDATE),
    WAY("update_memory", "in memory, 1,000 random fields a write", "fields/s", UPDATE_MEMORY),
    WAY("single", "durable, a field a write", "writes/s", SINGLE),
    FIGURE("whole", "fingerprint of all of 1,000,000 nodes", "us", whole, 10, true, false),
    FIGURE("ranges", "fingerprint between random nodes of them", "us", ranges, 10, true, false),
    FIGURE("after_write", "fingerprint behind a write", "us", after_write, 0, true, true),
    FIGURE("first_use", "the first one after opening", "ms", first_use, 0, true, false),
    FIGURE("build", "making the index of them anew", "s", build, 0, true, true),
};

#define FIGURE_COUNT (sizeof figures / sizeof *figures)

int main(int argc, char **argv)
{
    static const char about[] =
        "Times what the fingerprint index of a store costs, on LMDB in a new folder here and in\n"
        "memory, and how fast it answers.\n";
    figures_options options;
    bench b = {.seed = 0};

    if (!figures_parse(argc, argv, about, figures, FIGURE_COUNT, &options))
        return options.exit_code;
    b.folder = bench_folder_new("index");
    bench_must(mt_loop_new(mt_mem_system(), &b.loop), "loop");
    b.env = mt_loop_env(b.loop);
    b.set = bench_set_new(NODES, 1, 1);
    figures_run(figures, FIGURE_COUNT, &options, &b, &b.seed);
    bench_set_free(&b.set);
    mt_loop_free(b.loop);
    bench_folder_free(&b.folder);
    return 0;
}
