/* How long it takes from a write at one peer to the event at others, which are subscribed over
 * WebSocket; all in one process and on one loop, one write at a time.
 *
 *     write            merged        stored here, told, sent       merged there   stored there: event
 *       |----------------|--------------------|--------- link ----------|----------------|
 *     applied: from here ------------------------------------------------------------> to here
 *                                  durable: from here -------------------------------> to here
 *
 * Events and sending follow the storage, at both ends. Where a peer is in memory, what is stored is so
 * at once: from applied is then the only figure. Where both are durable, from applied has two flushes
 * in it, and from durable one. */
#include "core.h"
#include "data.h"
#include "figure.h"
#include "folder.h"
#include "peer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define LATENCY_NODES 100000u
#define PINGS 2000u
#define PINGS_FEW 200u /* where there are many subscribers, or a flush in each */
#define SUBSCRIBERS_MAX 100u

typedef struct setting {
    size_t subscribers;
    bool durable;      /* the writer's */
    bool both_durable; /* the subscribers', too */
    bool pinned;       /* all threads on one core */
} setting;

enum {
    ONE,
    ONE_PINNED,
    ONE_DURABLE,
    ONE_DURABLE_PINNED,
    MANY,
    MANY_PINNED,
    MANY_DURABLE,
    MANY_DURABLE_PINNED,
    SETTINGS
};

static const setting settings[SETTINGS] = {
    [ONE] = {1, false, false, false},
    [ONE_PINNED] = {1, false, false, true},
    [ONE_DURABLE] = {1, true, true, false},
    [ONE_DURABLE_PINNED] = {1, true, true, true},
    [MANY] = {SUBSCRIBERS_MAX, false, false, false},
    [MANY_PINNED] = {SUBSCRIBERS_MAX, false, false, true},
    [MANY_DURABLE] = {SUBSCRIBERS_MAX, true, false, false},
    [MANY_DURABLE_PINNED] = {SUBSCRIBERS_MAX, true, false, true},
};

/* What is measured in a setting, all of it in one go. */
enum { APPLIED, APPLIED_P99, DURABLE, DURABLE_P99, MEASURES };

typedef struct bench {
    bench_set set;
    bench_folder folder;
    uint64_t seed;
    double us[SETTINGS][MEASURES];
} bench;

/* ---- A setting ---- */

typedef struct stage {
    mt_loop *loop;
    peer writer;
    peer others[SUBSCRIBERS_MAX];
    size_t count;
} stage;

static void stage_open(stage *s, const bench *b, const setting *how)
{
    char path[128];

    bench_folder_clear(&b->folder);
    s->count = how->subscribers;
    bench_must(mt_loop_new(mt_mem_system(), &s->loop), "loop");
    snprintf(path, sizeof path, "%s/writer.mdb", b->folder.path);
    peer_open(&s->writer, s->loop, how->durable ? path : NULL, "ws://127.0.0.1:0", false, false);
    for (size_t i = 0; i < s->count; i++) {
        snprintf(path, sizeof path, "%s/%zu.mdb", b->folder.path, i);
        peer_open(&s->others[i], s->loop, how->both_durable ? path : NULL,
                  mt_server_url(s->writer.server), true, false);
    }
    while (peer_totals(&s->writer).live < s->count) peer_turn(&s->writer);
}

static void stage_close(stage *s)
{
    for (size_t i = 0; i < s->count; i++) peer_close(&s->others[i]);
    peer_close(&s->writer);
    bench_must(mt_loop_run(s->loop), "loop");
    mt_loop_free(s->loop);
}

/* ---- A write ---- */

static void was_stored(void *ctx, mt_db *db, const mt_result *result)
{
    (void)db;
    bench_must(result->status, "write");
    *(double *)ctx = bench_now();
}

/* Seconds until each has heard of it, from the call, which merges it, and from when it was stored. */
static void ping(stage *s, const mt_row *row, double *applied, double *durable)
{
    double start = bench_now(), stored = 0;
    size_t all = 0;

    for (size_t i = 0; i < s->count; i++) s->others[i].heard = 0;
    bench_must(mt_write(s->writer.db, row, 1, NULL, was_stored, &stored, NULL), "write");
    while (all < s->count || stored == 0) {
        peer_turn(&s->writer);
        while (all < s->count && s->others[all].heard > 0) all++;
    }
    for (size_t i = 0; i < s->count; i++) {
        applied[i] = s->others[i].heard_at - start;
        durable[i] = s->others[i].heard_at - stored;
    }
}

static void summarize(double *times, size_t count, double *p50, double *p99)
{
    bench_sort(times, count);
    *p50 = 1e6 * times[count / 2];
    *p99 = 1e6 * times[count * 99 / 100];
}

static void measure(const bench *b, const setting *how, double us[MEASURES])
{
    static double applied[PINGS_FEW * SUBSCRIBERS_MAX], durable[PINGS_FEW * SUBSCRIBERS_MAX];
    size_t pings = how->durable || how->subscribers > 1 ? PINGS_FEW : PINGS;
    size_t each = how->subscribers;
    stage *s = bench_room(1, sizeof *s);
    bench_rng rng = {b->seed};

    stage_open(s, b, how);
    for (size_t i = 0; i < pings; i++)
        ping(s, &b->set.rows[bench_random(&rng, LATENCY_NODES)], &applied[i * each],
             &durable[i * each]);
    stage_close(s);
    free(s);
    summarize(applied, pings * each, &us[APPLIED], &us[APPLIED_P99]);
    summarize(durable, pings * each, &us[DURABLE], &us[DURABLE_P99]);
}

/* ---- All ---- */

#define AT(setting, which) ((setting)*MEASURES + (which))

/* The first of a setting measures all of it. */
static double latency(void *ctx, unsigned at)
{
    bench *b = ctx;
    const setting *how = &settings[at / MEASURES];
    double *us = b->us[at / MEASURES];

    if (at % MEASURES == APPLIED) {
        us[APPLIED] = us[APPLIED_P99] = us[DURABLE] = us[DURABLE_P99] = NAN;
        if (!how->pinned || bench_core_pin()) measure(b, how, us);
        if (how->pinned) bench_core_free();
    }
    return us[at % MEASURES] > 0 ? us[at % MEASURES] : (double)NAN;
}

#define LATENCY(name, what, setting, which, aim) \
    FIGURE_AT(name, what, "us", latency, AT(setting, which), aim, true)

static figure figures[] = {
    LATENCY("latency_1", "write to event at one peer, p50", ONE, APPLIED, 0),
    LATENCY("latency_1_p99", "  p99", ONE, APPLIED_P99, 0),
    LATENCY("latency_1_pinned", "the same on one core, p50", ONE_PINNED, APPLIED, 0),
    LATENCY("latency_1_pinned_p99", "  p99", ONE_PINNED, APPLIED_P99, 0),
    LATENCY("latency_1_durable", "both durable: from applied, p50", ONE_DURABLE, APPLIED, 0),
    LATENCY("latency_1_durable_p99", "  p99", ONE_DURABLE, APPLIED_P99, 0),
    LATENCY("latency_1_from_durable", "  from durable, p50", ONE_DURABLE, DURABLE, 0),
    LATENCY("latency_1_from_durable_p99", "  p99", ONE_DURABLE, DURABLE_P99, 0),
    LATENCY("latency_1_durable_pinned", "the same on one core: from applied, p50",
            ONE_DURABLE_PINNED, APPLIED, 0),
    LATENCY("latency_1_durable_pinned_p99", "  p99", ONE_DURABLE_PINNED, APPLIED_P99, 0),
    LATENCY("latency_1_from_durable_pinned", "  from durable, p50", ONE_DURABLE_PINNED, DURABLE, 0),
    LATENCY("latency_1_from_durable_pinned_p99", "  p99", ONE_DURABLE_PINNED, DURABLE_P99, 0),
    LATENCY("latency_100", "write to event at each of 100 peers, p50", MANY, APPLIED, 900),
    LATENCY("latency_100_p99", "  p99", MANY, APPLIED_P99, 2000),
    LATENCY("latency_100_pinned", "the same on one core, p50", MANY_PINNED, APPLIED, 900),
    LATENCY("latency_100_pinned_p99", "  p99", MANY_PINNED, APPLIED_P99, 2000),
    LATENCY("latency_100_durable", "writer durable: from applied, p50", MANY_DURABLE, APPLIED, 0),
    LATENCY("latency_100_durable_p99", "  p99", MANY_DURABLE, APPLIED_P99, 0),
    LATENCY("latency_100_from_durable", "  from durable, p50", MANY_DURABLE, DURABLE, 0),
    LATENCY("latency_100_from_durable_p99", "  p99", MANY_DURABLE, DURABLE_P99, 0),
    LATENCY("latency_100_durable_pinned", "the same on one core: from applied, p50",
            MANY_DURABLE_PINNED, APPLIED, 0),
    LATENCY("latency_100_durable_pinned_p99", "  p99", MANY_DURABLE_PINNED, APPLIED_P99, 0),
    LATENCY("latency_100_from_durable_pinned", "  from durable, p50", MANY_DURABLE_PINNED, DURABLE,
            0),
    LATENCY("latency_100_from_durable_pinned_p99", "  p99", MANY_DURABLE_PINNED, DURABLE_P99, 0),
};

#define FIGURE_COUNT (sizeof figures / sizeof *figures)

int main(int argc, char **argv)
{
    static const char about[] =
        "Times writes until peers over WebSocket know, in one process and on one loop; the stores\n"
        "of those that are durable are in a new folder here.\n";
    figures_options options;
    bench b = {.seed = 1};

    if (!figures_parse(argc, argv, about, figures, FIGURE_COUNT, &options))
        return options.exit_code;
    b.folder = bench_folder_new("latency");
    b.set = bench_set_new(LATENCY_NODES, 8831, 0);
    figures_run(figures, FIGURE_COUNT, &options, &b, &b.seed);
    bench_set_free(&b.set);
    bench_folder_free(&b.folder);
    return 0;
}
