/* Secured connections over pipes, on one loop and one thread: handshakes of a second, both sides of each, and
 * messages, sealed and opened. */
#include "figure.h"

#include <mytosis/host.h>
#include <mytosis/loop.h>
#include <mytosis/plugin/pipe.h>
#include <mytosis/secure.h>

#define HANDSHAKES 1000u
#define LARGE 65536u
#define SMALL 256u
#define RUN_LEN ((size_t)1 << 28) /* bytes to a run, but */
#define RUN_MAX 200000u           /* no more messages than that */

typedef struct stage {
    mt_loop *loop;
    const mt_env *env;
    mt_secure *secure[2];
    mt_connection *ends[2];
    mt_subscription *messages;
    size_t received;
} stage;

static mt_status admit(void *ctx, const mt_secure_visitor *visitor, mt_connection *connection,
                       mt_error *why)
{
    (void)ctx, (void)visitor, (void)connection, (void)why;
    return MT_OK;
}

static void on_message(void *ctx, const void *event)
{
    (void)event;
    ((stage *)ctx)->received++;
}

static void turn(const stage *s)
{
    bench_must(s->env->turn(s->env->ctx), "turn");
}

static void stage_open(stage *s)
{
    mt_error error;

    *s = (stage){.loop = NULL};
    bench_must(mt_loop_new(mt_mem_system(), &s->loop), "loop");
    s->env = mt_loop_env(s->loop);
    for (unsigned i = 0; i < 2; i++) {
        uint8_t seed[MT_KEY_LEN] = {(uint8_t)(1 + i)}, space[MT_SPACE_LEN] = {3};
        mt_secure_options options = {.size = sizeof options,
                                     .crypto = mt_crypto_sodium(),
                                     .seed = seed,
                                     .space = space,
                                     .admit = admit};
        bench_must(mt_secure_new(s->env, &options, &s->secure[i], &error), "secure");
    }
}

static void stage_join(stage *s, bool secured)
{
    mt_pipe_options options = {.size = sizeof options, .queued_max = (size_t)1 << 20};
    mt_secure_peer peer = {.size = sizeof peer, .device = mt_secure_device(s->secure[1])};
    mt_subscriber subscriber = {.on_event = on_message, .ctx = s};
    mt_connection *link[2];
    mt_error error;

    bench_must(mt_pipe_new(s->env, &options, &link[0], &link[1], &error), "pipe");
    for (unsigned i = 0; i < 2; i++) s->ends[i] = mt_connection_ref(link[i]);
    if (secured) {
        for (unsigned i = 0; i < 2; i++) mt_connection_unref(s->ends[i]);
        bench_must(mt_secure_dial(s->secure[0], link[0], &peer, &s->ends[0], &error), "dial");
        bench_must(mt_secure_accept(s->secure[1], link[1], &s->ends[1], &error), "accept");
    }
    for (unsigned i = 0; i < 2; i++) mt_connection_unref(link[i]);
    bench_must(
        mt_event_stream_subscribe(mt_connection_messages(s->ends[1]), &subscriber, &s->messages),
        "listen");
    while (mt_connection_offline(s->ends[0]) || mt_connection_offline(s->ends[1])) turn(s);
}

static void stage_part(stage *s)
{
    mt_subscription_dispose(s->messages);
    for (unsigned i = 0; i < 2; i++) mt_connection_unref(s->ends[i]);
}

static void stage_close(stage *s)
{
    bench_must(mt_loop_run(s->loop), "loop");
    for (unsigned i = 0; i < 2; i++) mt_secure_unref(s->secure[i]);
    mt_loop_free(s->loop);
}

/* ---- Figures ---- */

static double handshakes(void *ctx)
{
    double start;
    stage s;

    (void)ctx;
    stage_open(&s);
    start = bench_now();
    for (unsigned i = 0; i < HANDSHAKES; i++) {
        stage_join(&s, true);
        stage_part(&s);
    }
    start = bench_now() - start;
    stage_close(&s);
    return HANDSHAKES / start;
}

static double send_many(bool secured, size_t len)
{
    static uint8_t message[LARGE];
    size_t count = RUN_LEN / len < RUN_MAX ? RUN_LEN / len : RUN_MAX, sent = 0;
    double start;
    stage s;

    stage_open(&s);
    stage_join(&s, secured);
    start = bench_now();
    while (s.received < count) {
        mt_status st = MT_OK;

        while (sent < count && st == MT_OK) {
            st = mt_connection_send(s.ends[0], (mt_bytes){message, len});
            if (st == MT_OK) sent++;
            else if (st != MT_AGAIN) bench_must(st, "send");
        }
        turn(&s);
    }
    start = bench_now() - start;
    stage_part(&s);
    stage_close(&s);
    return (double)count / start;
}

static double plain_large(void *ctx)
{
    (void)ctx;
    return send_many(false, LARGE) * LARGE / 1e9;
}

static double sealed_large(void *ctx)
{
    (void)ctx;
    return send_many(true, LARGE) * LARGE / 1e9;
}

static double plain_small(void *ctx)
{
    (void)ctx;
    return send_many(false, SMALL);
}

static double sealed_small(void *ctx)
{
    (void)ctx;
    return send_many(true, SMALL);
}

static figure figures[] = {
    FIGURE("handshakes", "handshakes, both sides on one core", "/s", handshakes, 0, false, false),
    FIGURE("plain_large", "messages of 64 KiB, plain", "GB/s", plain_large, 0, false, false),
    FIGURE("sealed_large", "  sealed and opened", "GB/s", sealed_large, 0, false, false),
    FIGURE("plain_small", "messages of 256 bytes, plain", "/s", plain_small, 0, false, false),
    FIGURE("sealed_small", "  sealed and opened", "/s", sealed_small, 0, false, false),
};

#define FIGURE_COUNT (sizeof figures / sizeof *figures)

int main(int argc, char **argv)
{
    static const char about[] =
        "Times secured connections over pipes on one thread: handshakes, and "
        "messages beside plain\n"
        "ones.\n";
    figures_options options;
    uint64_t seed = 1;

    if (!figures_parse(argc, argv, about, figures, FIGURE_COUNT, &options))
        return options.exit_code;
    figures_run(figures, FIGURE_COUNT, &options, NULL, &seed);
    return 0;
}
