/* Links over loopback, on one loop: what goes over TCP, WebSocket, and WebSocket over TLS in a second,
 * and how often a link comes to be. One thread encrypts and decrypts. */
#include "figure.h"
#include "folder.h"

#include "tests/test_certificates.h"
#include <mytosis/host.h>
#include <mytosis/loop.h>
#include <mytosis/plugin/socket.h>
#include <stdio.h>
#include <string.h>

#define LARGE 65536u
#define SMALL 256u
#define RUN_LEN ((size_t)1 << 28) /* bytes to a run, but */
#define RUN_MAX 500000u           /* no more messages than that */
#define LINKS 300u                /* that come to be, one after the other */

typedef enum kind { TCP, WS, WSS, KINDS } kind;

static const char *const urls[KINDS] = {"tcp://127.0.0.1:0", "ws://127.0.0.1:0",
                                        "wss://127.0.0.1:0"};

typedef struct bench {
    char cert[160], key[160], ca[160];
    uint64_t seed;
    double rates[3][KINDS]; /* of large ones, of small ones, of links */
} bench;

/* ---- A link ---- */

typedef struct stage {
    mt_loop *loop;
    const mt_env *env;
    mt_server *server;
    mt_connection *there;
    mt_subscription *messages;
    mt_dial_options dialed;
    size_t received;
} stage;

static void on_message(void *ctx, const void *event)
{
    (void)event;
    ((stage *)ctx)->received++;
}

static void turn(const stage *s)
{
    bench_must(s->env->turn(s->env->ctx), "turn");
}

static void stage_dial(stage *s)
{
    mt_error error;

    if (mt_dial(s->env, mt_server_url(s->server), &s->dialed, &s->there, &error) != MT_OK)
        bench_fail("dial", error.text);
    while (mt_connection_offline(s->there)) {
        turn(s);
        if (mt_connection_ended(s->there)) bench_fail("dial", mt_dial_error(s->there)->text);
    }
    while (mt_group_count(mt_server_group(s->server)) == 0) turn(s);
}

static void stage_hang_up(stage *s)
{
    mt_connection_unref(s->there);
    while (mt_group_count(mt_server_group(s->server)) > 0) turn(s);
}

static void stage_open(stage *s, const bench *b, kind k)
{
    mt_server_options served = {.size = sizeof served};
    mt_subscriber subscriber = {.on_event = on_message, .ctx = s};
    mt_error error;

    *s = (stage){.dialed = {.size = sizeof s->dialed, .once = true}};
    bench_must(mt_loop_new(mt_mem_system(), &s->loop), "loop");
    s->env = mt_loop_env(s->loop);
    if (k == WSS) {
        served.cert_file = b->cert;
        served.key_file = b->key;
        s->dialed.ca_file = b->ca;
    }
    if (mt_server_new(s->env, urls[k], &served, &s->server, &error) != MT_OK)
        bench_fail(urls[k], error.text);
    bench_must(mt_event_stream_subscribe(mt_group_messages(mt_server_group(s->server)), &subscriber,
                                         &s->messages),
               "listen");
}

static void stage_close(stage *s)
{
    mt_subscription_dispose(s->messages);
    mt_server_close(s->server);
    bench_must(mt_loop_run(s->loop), "loop");
    mt_loop_free(s->loop);
}

/* ---- Figures ---- */

/* Messages of a second from the dialed end to the other. */
static double send_many(const bench *b, kind k, size_t len)
{
    static uint8_t message[LARGE];
    size_t count = RUN_LEN / len < RUN_MAX ? RUN_LEN / len : RUN_MAX, sent = 0;
    double start;
    stage s;

    stage_open(&s, b, k);
    stage_dial(&s);
    start = bench_now();
    while (s.received < count) {
        mt_status st = MT_OK;

        while (sent < count && st == MT_OK) {
            st = mt_connection_send(s.there, (mt_bytes){message, len});
            if (st == MT_OK) sent++;
            else if (st != MT_AGAIN) bench_must(st, "send");
        }
        turn(&s);
    }
    start = bench_now() - start;
    stage_hang_up(&s);
    stage_close(&s);
    return (double)count / start;
}

static double come_to_be(const bench *b, kind k)
{
    double start;
    stage s;

    stage_open(&s, b, k);
    start = bench_now();
    for (size_t i = 0; i < LINKS; i++) {
        stage_dial(&s);
        stage_hang_up(&s);
    }
    start = bench_now() - start;
    stage_close(&s);
    return LINKS / start;
}

enum { OF_WS = KINDS, MEASURES };

static double rate(void *ctx, unsigned at)
{
    bench *b = ctx;
    unsigned what = at / MEASURES, k = at % MEASURES;
    double *rates = b->rates[what];

    if (k == OF_WS) return bench_percent(rates[WSS], rates[WS]);
    if (what == 0) return rates[k] = send_many(b, (kind)k, LARGE) * LARGE / 1e6;
    if (what == 1) return rates[k] = send_many(b, (kind)k, SMALL);
    return rates[k] = come_to_be(b, (kind)k);
}

#define RATE(name, what, unit, which, k) \
    FIGURE_AT(name, what, unit, rate, (which)*MEASURES + (k), 0, false)

#define RATES(name, what, unit, which)                     \
    RATE(name "_tcp", what ", TCP", unit, which, TCP),     \
        RATE(name "_ws", "  WebSocket", unit, which, WS),  \
        RATE(name "_wss", "  over TLS", unit, which, WSS), \
        RATE(name "_of_ws", "  of that without", "%", which, OF_WS)

static figure figures[] = {
    RATES("large", "messages of 64 KiB", "MB/s", 0),
    RATES("small", "messages of 256 bytes", "messages/s", 1),
    RATES("links", "links that come to be, and end", "links/s", 2),
};

#define FIGURE_COUNT (sizeof figures / sizeof *figures)

int main(int argc, char **argv)
{
    static const char about[] =
        "Times links over loopback, both ends on one loop: TCP, WebSocket, and that over TLS.\n";
    figures_options options;
    bench_folder certificates;
    static bench b;

    if (!figures_parse(argc, argv, about, figures, FIGURE_COUNT, &options))
        return options.exit_code;
    certificates = bench_folder_new("link");
    if (!test_certificates_make(certificates.path)) bench_fail("certificates", "not made");
    snprintf(b.cert, sizeof b.cert, "%s/here.pem", certificates.path);
    snprintf(b.key, sizeof b.key, "%s/here.key", certificates.path);
    snprintf(b.ca, sizeof b.ca, "%s/ca.pem", certificates.path);
    figures_run(figures, FIGURE_COUNT, &options, &b, &b.seed);
    bench_folder_free(&certificates);
    return 0;
}
