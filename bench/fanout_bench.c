/* One writer, many subscribers over WebSocket, in another process: how many messages go out in a second,
 * and how long one takes, from the call that writes to the subscriber's read. */
#include "crowd.h"
#include "data.h"
#include "figure.h"
#include "peer.h"
#include "plain_server.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FANOUT_NODES 100000u

/* Flat out: commits that are written at once, how often, and how many of these may be on their way. */
#define BURST 64u
#define BURSTS 64u
#define BURSTS_AHEAD 2u

/* At a low rate. */
#define UPDATES 150u

typedef struct bench {
    bench_set set;
    uint64_t seed;
    double p50[2], p99[2]; /* ours, of a plain server */
} bench;

typedef struct stage {
    mt_loop *loop;
    peer writer;
    crowd *crowd;
    size_t count;
} stage;

/* What wakes the loop while nothing else does. */
typedef struct alarm_clock {
    mt_timer timer;
    bool rang;
} alarm_clock;

static void ring(void *arg)
{
    *(bool *)arg = true;
}

static void wait_ms(const peer *p, uint64_t ms)
{
    alarm_clock clock = {.timer = {.fire = ring}, .rang = false};

    clock.timer.arg = &clock.rang;
    p->env->timer_set(p->env->ctx, &clock.timer, ms);
    while (!clock.rang) peer_turn(p);
}

static void stage_open(stage *s, size_t count)
{
    const char *port;

    s->count = count;
    bench_must(mt_loop_new(mt_mem_system(), &s->loop), "loop");
    peer_open(&s->writer, s->loop, NULL, "ws://127.0.0.1:0", false, false);
    port = strrchr(mt_server_url(s->writer.server), ':') + 1;
    s->crowd = crowd_new((unsigned)strtoul(port, NULL, 10), count);
    while (crowd_ready(s->crowd) < count) wait_ms(&s->writer, 1);
}

static void stage_close(stage *s)
{
    crowd_free(s->crowd);
    peer_close(&s->writer);
    bench_must(mt_loop_run(s->loop), "loop");
    mt_loop_free(s->loop);
}

static void write_one(stage *s, const bench *b, bench_rng *rng)
{
    const mt_row *row = &b->set.rows[bench_random(rng, FANOUT_NODES)];

    bench_must(mt_write(s->writer.db, row, 1, NULL, NULL, NULL, NULL), "write");
}

/* ---- Flat out ---- */

static double flat_out(const bench *b, size_t count)
{
    bench_rng rng = {b->seed};
    uint64_t sent = 0;
    double start;
    stage s;

    stage_open(&s, count);
    start = bench_now();
    for (size_t i = 0; i < BURSTS; i++) {
        for (size_t k = 0; k < BURST; k++) write_one(&s, b, &rng);
        sent += BURST;
        while (crowd_heard(s.crowd) + BURSTS_AHEAD * BURST * count < sent * count)
            wait_ms(&s.writer, 0);
    }
    while (crowd_heard(s.crowd) < sent * count) wait_ms(&s.writer, 0);
    start = bench_now() - start;
    stage_close(&s);
    return (double)(sent * count) / start;
}

static double flat_out_100(void *ctx)
{
    return flat_out(ctx, 100);
}

static double flat_out_1000(void *ctx)
{
    return flat_out(ctx, 1000);
}

/* ---- At a low rate ---- */

static void keep(bench *b, size_t at, double *times, size_t count)
{
    bench_sort(times, count);
    b->p50[at] = times[count / 2];
    b->p99[at] = times[count * 99 / 100];
}

static double at_rate(bench *b, size_t count, uint64_t pause_ms)
{
    double *times = bench_room(count * UPDATES, sizeof *times);
    bench_rng rng = {b->seed};
    stage s;
    size_t all;

    stage_open(&s, count);
    for (size_t i = 1; i <= UPDATES; i++) {
        crowd_mark(s.crowd);
        write_one(&s, b, &rng);
        wait_ms(&s.writer, pause_ms);
        while (crowd_heard(s.crowd) < i * count) wait_ms(&s.writer, 0);
    }
    all = crowd_times(s.crowd, times);
    stage_close(&s);
    keep(b, 0, times, all);
    free(times);
    return b->p50[0];
}

static double rate_100(void *ctx)
{
    return at_rate(ctx, 100, 20);
}

static double rate_1000(void *ctx)
{
    return at_rate(ctx, 1000, 50);
}

static double p99(void *ctx)
{
    return ((bench *)ctx)->p99[0];
}

static double floor_p99(void *ctx)
{
    return ((bench *)ctx)->p99[1];
}

static double ratio_p50(void *ctx)
{
    const bench *b = ctx;

    return bench_percent(b->p50[0], b->p50[1]);
}

static double ratio_p99(void *ctx)
{
    const bench *b = ctx;

    return bench_percent(b->p99[0], b->p99[1]);
}

/* ---- The least that it costs ---- */

/* How long a message of a commit is, about. */
#define PLAIN_LEN 144u

typedef struct floor_stage {
    plain_server *server;
    crowd *crowd;
} floor_stage;

static floor_stage floor_open(size_t count)
{
    floor_stage s;
    unsigned port;

    s.server = plain_server_new(&port);
    s.crowd = crowd_new(port, count);
    plain_server_take(s.server, count);
    while (crowd_ready(s.crowd) < count) (void)sched_yield();
    return s;
}

static void floor_close(const floor_stage *s)
{
    crowd_free(s->crowd);
    plain_server_free(s->server);
}

static double floor_flat_out(size_t count)
{
    floor_stage s = floor_open(count);
    double start = bench_now();
    uint64_t sent = 0;

    for (size_t i = 0; i < BURSTS; i++) {
        plain_server_send(s.server, BURST, PLAIN_LEN);
        sent += BURST;
        while (crowd_heard(s.crowd) + BURSTS_AHEAD * BURST * count < sent * count)
            (void)sched_yield();
    }
    while (crowd_heard(s.crowd) < sent * count) (void)sched_yield();
    start = bench_now() - start;
    floor_close(&s);
    return (double)(sent * count) / start;
}

static double floor_at_rate(bench *b, size_t count, unsigned pause_ms)
{
    double *times = bench_room(count * UPDATES, sizeof *times);
    struct timespec pause = {0, (long)pause_ms * 1000000};
    floor_stage s = floor_open(count);
    size_t all;

    for (size_t i = 0; i < UPDATES; i++) {
        crowd_mark(s.crowd);
        plain_server_send(s.server, 1, PLAIN_LEN);
        (void)nanosleep(&pause, NULL);
    }
    while (crowd_heard(s.crowd) < UPDATES * count) (void)sched_yield();
    all = crowd_times(s.crowd, times);
    floor_close(&s);
    keep(b, 1, times, all);
    free(times);
    return b->p50[1];
}

static double floor_100(void *ctx)
{
    (void)ctx;
    return floor_flat_out(100);
}

static double floor_1000(void *ctx)
{
    (void)ctx;
    return floor_flat_out(1000);
}

static double floor_rate_100(void *ctx)
{
    return floor_at_rate(ctx, 100, 20);
}

static double floor_rate_1000(void *ctx)
{
    return floor_at_rate(ctx, 1000, 50);
}

/* ---- All ---- */

/* Latency is for the most part that of system calls and of waking the other process, which drift with
 * the machine: where the aims were set, a plain server took 0.67 ms and 1.1 ms, so that the aims are
 * 134 % and 182 % of it. */
static figure figures[] = {
    FIGURE("fanout_100", "to 100 subscribers, flat out", "messages/s", flat_out_100, 0, false,
           false),
    FIGURE("fanout_100_floor", "  a plain server, the same system calls", "messages/s", floor_100,
           0, false, false),
    FIGURE("fanout_1000", "to 1,000 subscribers, flat out", "messages/s", flat_out_1000, 3e6, false,
           false),
    FIGURE("fanout_1000_floor", "  a plain server", "messages/s", floor_1000, 0, false, false),
    FIGURE("fanout_100_p50", "50 updates a second to 100, write to read, p50", "us", rate_100, 900,
           true, false),
    FIGURE("fanout_100_p99", "  p99", "us", p99, 2000, true, false),
    FIGURE("fanout_100_floor_p50", "  a plain server, p50", "us", floor_rate_100, 0, true, false),
    FIGURE("fanout_100_floor_p99", "  p99", "us", floor_p99, 0, true, false),
    FIGURE("fanout_100_ratio_p50", "  ours of that, p50", "%", ratio_p50, 134, true, false),
    FIGURE("fanout_100_ratio_p99", "  p99", "%", ratio_p99, 182, true, false),
    FIGURE("fanout_1000_p50", "20 updates a second to 1,000, write to read, p50", "us", rate_1000,
           0, true, true),
    FIGURE("fanout_1000_p99", "  p99", "us", p99, 0, true, true),
    FIGURE("fanout_1000_floor_p50", "  a plain server, p50", "us", floor_rate_1000, 0, true, true),
    FIGURE("fanout_1000_floor_p99", "  p99", "us", floor_p99, 0, true, true),
};

#define FIGURE_COUNT (sizeof figures / sizeof *figures)

int main(int argc, char **argv)
{
    static const char about[] =
        "Measures one writer and many subscribers over WebSocket, which are plain sockets in a\n"
        "process of their own.\n";
    figures_options options;
    bench b = {.seed = 1};

    if (!figures_parse(argc, argv, about, figures, FIGURE_COUNT, &options))
        return options.exit_code;
    b.set = bench_set_new(FANOUT_NODES, 8831, 0);
    figures_run(figures, FIGURE_COUNT, &options, &b, &b.seed);
    bench_set_free(&b.set);
    return 0;
}
