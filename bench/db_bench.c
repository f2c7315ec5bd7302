/* The figures of a database in memory: what the pipeline costs on top of the graph. */
#include "data.h"
#include "figure.h"

#include <mytosis/mytosis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define READS 200000u
#define WRITES 100000u
#define IN_FLIGHT 256u

typedef struct bench {
    bench_set set;
    uint64_t seed;
} bench;

static mt_db *open_db(const mt_config *config)
{
    mt_error error;
    mt_db *db;

    if (mt_open(&config, config ? 1 : 0, &db, &error) != MT_OK) bench_fail("open", error.text);
    return db;
}

/* Turns the loop until a count has come down to 0. */
static void turn_until(mt_db *db, const size_t *left)
{
    const mt_env *env = mt_db_env(db);

    while (*left > 0) bench_must(env->turn(env->ctx), "turn");
}

static mt_db *filled(bench *b, const mt_config *config, size_t count)
{
    mt_db *db = open_db(config);

    for (size_t i = 0; i < count; i += BATCH)
        bench_must(mt_write_wait(db, &b->set.rows[i], BATCH, NULL, NULL), "write");
    return db;
}

/* ---- Reading ---- */

/* Random uids, one behind the other: what a caller asks for it has at hand, so that looking it up in
 * the data of the bench is not measured. */
typedef struct asked {
    mt_bytes uids[READS];
    uint8_t text[READS][UID_LEN];
} asked;

static asked *asked_new(const bench *b)
{
    asked *a = bench_room(1, sizeof *a);
    bench_rng rng = {b->seed};

    for (size_t i = 0; i < READS; i++) {
        memcpy(a->text[i], b->set.rows[bench_random(&rng, NODES)].uid.data, UID_LEN);
        a->uids[i] = (mt_bytes){a->text[i], UID_LEN};
    }
    return a;
}

typedef struct reading {
    size_t left, started, batch;
    asked *asked;
} reading;

static void read_more(reading *r, mt_db *db);

static void was_read(void *ctx, mt_db *db, const mt_result *result)
{
    reading *r = ctx;

    bench_must(result->status, "read");
    r->left -= r->batch;
    read_more(r, db);
}

static void read_more(reading *r, mt_db *db)
{
    const mt_bytes *uids = &r->asked->uids[r->started];

    if (r->started >= READS) return;
    r->started += r->batch;
    bench_must(mt_nodes(db, uids, r->batch, NULL, was_read, r, NULL), "nodes");
}

static double reads(bench *b, size_t batch)
{
    mt_db *db = filled(b, NULL, NODES);
    reading r = {.left = READS, .batch = batch, .asked = asked_new(b)};
    double start = bench_now();

    for (size_t i = 0; i < IN_FLIGHT; i++) read_more(&r, db);
    turn_until(db, &r.left);
    start = bench_now() - start;
    mt_close(db);
    free(r.asked);
    return READS / start;
}

static double reads_alone(void *ctx)
{
    return reads(ctx, 1);
}

static double reads_16(void *ctx)
{
    return reads(ctx, 16);
}

static double peeks(void *ctx)
{
    bench *b = ctx;
    mt_db *db = filled(b, NULL, NODES);
    asked *a = asked_new(b);
    size_t found = 0;
    double start = bench_now();

    for (size_t i = 0; i < READS; i++) found += mt_peek(db, a->uids[i]) != NULL;
    start = bench_now() - start;
    mt_close(db);
    free(a);
    return found == READS ? READS / start : 0;
}

/* ---- Writing ---- */

typedef struct writing {
    size_t left, started;
    bench *b;
    bench_rng rng;
} writing;

static void write_more(writing *w, mt_db *db);

static void was_written(void *ctx, mt_db *db, const mt_result *result)
{
    writing *w = ctx;

    bench_must(result->status, "write");
    w->left--;
    write_more(w, db);
}

/* One field of a random node. */
static void write_more(writing *w, mt_db *db)
{
    size_t at = bench_random(&w->rng, NODES);
    unsigned which = bench_random(&w->rng, FIELDS);
    const mt_row *node = &w->b->set.rows[at];
    mt_row row = {.uid = node->uid, .fields = &node->fields[which], .count = 1};

    if (w->started++ >= WRITES) return;
    bench_must(mt_write(db, &row, 1, NULL, was_written, w, NULL), "write");
}

static double writes(bench *b, mt_db *db)
{
    writing w = {.left = WRITES, .b = b, .rng = {b->seed}};
    double start = bench_now();

    for (size_t i = 0; i < IN_FLIGHT; i++) write_more(&w, db);
    turn_until(db, &w.left);
    start = bench_now() - start;
    return WRITES / start;
}

static void pass(void *ctx, mt_action *action)
{
    ++*(size_t *)ctx;
    mt_action_pass(action);
}

static double writes_hooked(bench *b, size_t count)
{
    size_t called = 0;
    mt_hook hooks[10];
    mt_config config = {.size = sizeof config, .hooks = hooks, .hook_count = count};
    mt_db *db;
    double rate;

    for (size_t i = 0; i < 10; i++) {
        mt_hook hook = {
            .point = i % 2 ? MT_AFTER_WRITE : MT_BEFORE_WRITE, .run = pass, .ctx = &called};
        hooks[i] = hook;
    }
    db = filled(b, &config, NODES);
    rate = writes(b, db);
    mt_close(db);
    return rate;
}

static double writes_0(void *ctx)
{
    return writes_hooked(ctx, 0);
}

static double writes_1(void *ctx)
{
    return writes_hooked(ctx, 1);
}

static double writes_10(void *ctx)
{
    return writes_hooked(ctx, 10);
}

static double create(void *ctx)
{
    bench *b = ctx;
    double start = bench_now();
    mt_db *db = filled(b, NULL, NODES);

    start = bench_now() - start;
    mt_close(db);
    return NODES / start;
}

/* ---- Events ---- */

static void heard(void *ctx, mt_db *db, const mt_event *event)
{
    (void)db;
    (void)event;
    ++*(size_t *)ctx;
}

/* `per_write` listeners hear of each write, `elsewhere` of none. */
static double events(bench *b, size_t per_write, size_t elsewhere)
{
    mt_db *db = filled(b, NULL, NODES);
    mt_listen everything = {.kinds = MT_EVENT_UPDATE};
    size_t count = 0;
    mt_listening *l;
    double rate;

    for (size_t i = 0; i < per_write; i++)
        bench_must(mt_on(db, &everything, heard, &count, &l), "listen");
    for (size_t i = 0; i < elsewhere; i++) {
        char uid[32];
        mt_listen one = {.kinds = MT_EVENT_UPDATE};
        snprintf(uid, sizeof uid, "elsewhere/%06zu", i);
        one.uid = mt_str(uid);
        bench_must(mt_on(db, &one, heard, &count, &l), "listen");
    }
    rate = writes(b, db);
    if (count != per_write * WRITES) rate = 0;
    mt_close(db);
    return per_write ? rate * (double)per_write : rate;
}

static double events_1(void *ctx)
{
    return events(ctx, 1, 0);
}

static double events_100(void *ctx)
{
    return events(ctx, 100, 0);
}

static double events_elsewhere(void *ctx)
{
    return events(ctx, 0, 100000);
}

static figure figures[] = {
    FIGURE("create", "write, 1,000 nodes a commit", "nodes/s", create, 0, false, false),
    FIGURE("reads", "cached read, one node a call", "nodes/s", reads_alone, 1e6, false, false),
    FIGURE("reads_16", "cached read, 16 nodes a call", "nodes/s", reads_16, 0, false, false),
    FIGURE("peeks", "peek", "nodes/s", peeks, 0, false, false),
    FIGURE("writes", "write of one field", "commits/s", writes_0, 0, false, false),
    FIGURE("writes_1_hook", "  with a hook", "commits/s", writes_1, 0, false, false),
    FIGURE("writes_10_hooks", "  with 10 hooks", "commits/s", writes_10, 0, false, false),
    FIGURE("events_1", "events, one listener", "events/s", events_1, 0, false, false),
    FIGURE("events_100", "events, 100 listeners", "events/s", events_100, 1e6, false, false),
    FIGURE("events_elsewhere", "write of one field, 100,000 other listeners", "commits/s",
           events_elsewhere, 0, false, false),
};

#define FIGURE_COUNT (sizeof figures / sizeof *figures)

int main(int argc, char **argv)
{
    static const char about[] =
        "Times a database in memory on 200,000 nodes of 5 fields, 256 calls under way at a time.\n";
    figures_options options;
    bench b = {.seed = 0};

    if (!figures_parse(argc, argv, about, figures, FIGURE_COUNT, &options))
        return options.exit_code;
    b.set = bench_set_new(NODES, 1, 0);
    figures_run(figures, FIGURE_COUNT, &options, &b, &b.seed);
    bench_set_free(&b.set);
    return 0;
}
