/* Framing of WebSocket, ours beside wslay: messages to bytes and bytes to messages, in memory.
 *
 *     messages --- framed into ---> the wire --- read in pieces ---> unframed, whole messages
 *
 * Each side does what it does between two sockets, without the calls to the system: what is framed is
 * appended to one buffer, for one send, and what is read is copied out of it, as recv would. wslay is
 * there twice: its events give whole messages, checked, as ours do; its frames, below these, give
 * pieces of which whole ones are made here, and leave most checks to their user. Each reads as much at
 * once as it does by itself, ours 32 KiB, wslay 4 KiB. A client masks, a server does not. */
#include "figure.h"
#include "plugins/gather.h"
#include "plugins/websocket_frame.h"

#include <mytosis/host.h>
#include <stdlib.h>
#include <string.h>
#include <wslay/wslay.h>

#define READ_LEN 32768u
#define BURST_MAX 64u               /* messages that are framed before any is read */
#define BURST_LEN ((size_t)1 << 18) /* and bytes, about */
#define RUN_LEN ((size_t)1 << 28)   /* bytes to a run, but */
#define RUN_MAX 1000000u            /* no more messages than that */

/* ---- Messages and the wire ---- */

typedef struct exchange {
    const uint8_t *message; /* sent again and again */
    size_t len;
    bool masked;
    mt_buf wire;
    size_t at;       /* so far was read of it */
    size_t received; /* messages */
    uint64_t masks;
} exchange;

static void send_bytes(exchange *x, const void *data, size_t len)
{
    bench_must(mti_gather(&x->wire, data, len, SIZE_MAX), "wire");
}

/* Up to `cap` bytes; 0: there are no more for now. */
static size_t receive_bytes(exchange *x, uint8_t *into, size_t cap)
{
    size_t left = x->wire.len - x->at;

    if (left > cap) left = cap;
    if (left > 0) memcpy(into, x->wire.data + x->at, left);
    x->at += left;
    return left;
}

/* Masks cost the same for all: xorshift64, Marsaglia 2003. */
static void mask_new(exchange *x, uint8_t mask[4])
{
    x->masks ^= x->masks << 13;
    x->masks ^= x->masks >> 7;
    x->masks ^= x->masks << 17;
    memcpy(mask, &x->masks, 4);
}

/* Takes a message; looks at its ends, and lets none pass that was changed on the way. */
static void take(exchange *x, const uint8_t *data, size_t len)
{
    if (len != x->len || memcmp(data, x->message, 8) != 0 ||
        memcmp(data + len - 8, x->message + len - 8, 8) != 0)
        bench_fail("message", "it is another one");
    x->received++;
}

typedef struct framing {
    void (*open)(exchange *x);
    void (*send)(exchange *x, size_t count);
    void (*receive)(exchange *x); /* all that there is */
    void (*close)(void);
} framing;

/* ---- Ours ---- */

static mti_websocket_reader reader;

static void ours_open(exchange *x)
{
    reader = (mti_websocket_reader){.masked = x->masked, .body = {.mem = mt_mem_system()}};
}

/* As plugins/socket_link.c does it. */
static void ours_send(exchange *x, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint8_t head[MTI_WEBSOCKET_HEAD_MAX], mask[4];
        if (x->masked) mask_new(x, mask);
        send_bytes(x, head,
                   mti_websocket_head(head, MTI_WEBSOCKET_BINARY, x->len, x->masked ? mask : NULL));
        send_bytes(x, x->message, x->len);
        if (x->masked) mti_websocket_mask(x->wire.data + x->wire.len - x->len, x->len, mask, 0);
    }
}

static void ours_receive(exchange *x)
{
    static uint8_t chunk[READ_LEN];
    size_t len;

    while ((len = receive_bytes(x, chunk, sizeof chunk)) > 0) {
        uint8_t *data = chunk;
        mti_frame frame;
        do {
            size_t read = mti_websocket_read(&reader, data, len, false, &frame);
            data += read;
            len -= read;
            if (frame.kind == MTI_FRAME_MESSAGE) take(x, frame.bytes.data, frame.bytes.len);
            else if (frame.kind != MTI_FRAME_NONE) bench_fail("frame", frame.error.text);
        } while (frame.kind != MTI_FRAME_NONE);
    }
}

static void ours_close(void)
{
    mti_websocket_reset(&reader);
}

static const framing ours = {ours_open, ours_send, ours_receive, ours_close};

/* ---- wslay's events ---- */

static void wslay_must(int code, const char *what)
{
    if (code != 0) bench_fail(what, "wslay has refused it");
}

static wslay_event_context_ptr event_out, event_in;

static ssize_t event_send_bytes(wslay_event_context_ptr ctx, const uint8_t *data, size_t len,
                                int flags, void *x)
{
    (void)ctx;
    (void)flags;
    send_bytes(x, data, len);
    return (ssize_t)len;
}

static ssize_t event_receive_bytes(wslay_event_context_ptr ctx, uint8_t *into, size_t cap,
                                   int flags, void *x)
{
    size_t len = receive_bytes(x, into, cap);

    (void)flags;
    if (len > 0) return (ssize_t)len;
    wslay_event_set_error(ctx, WSLAY_ERR_WOULDBLOCK);
    return -1;
}

static int event_mask(wslay_event_context_ptr ctx, uint8_t *mask, size_t len, void *x)
{
    (void)ctx;
    (void)len;
    mask_new(x, mask);
    return 0;
}

static void event_message(wslay_event_context_ptr ctx,
                          const struct wslay_event_on_msg_recv_arg *got, void *x)
{
    (void)ctx;
    take(x, got->msg, got->msg_length);
}

static void event_open(exchange *x)
{
    const struct wslay_event_callbacks calls = {.recv_callback = event_receive_bytes,
                                                .send_callback = event_send_bytes,
                                                .genmask_callback = event_mask,
                                                .on_msg_recv_callback = event_message};

    wslay_must(wslay_event_context_client_init(x->masked ? &event_out : &event_in, &calls, x),
               "client");
    wslay_must(wslay_event_context_server_init(x->masked ? &event_in : &event_out, &calls, x),
               "server");
}

static void event_send(exchange *x, size_t count)
{
    const struct wslay_event_msg message = {WSLAY_BINARY_FRAME, x->message, x->len};

    for (size_t i = 0; i < count; i++)
        wslay_must(wslay_event_queue_msg(event_out, &message), "message");
    wslay_must(wslay_event_send(event_out), "send");
}

static void event_receive(exchange *x)
{
    (void)x;
    wslay_must(wslay_event_recv(event_in), "receive");
}

static void event_close(void)
{
    wslay_event_context_free(event_out);
    wslay_event_context_free(event_in);
}

static const framing events = {event_open, event_send, event_receive, event_close};

/* ---- wslay's frames ---- */

static wslay_frame_context_ptr frame_out, frame_in;

static ssize_t frame_send_bytes(const uint8_t *data, size_t len, int flags, void *x)
{
    (void)flags;
    send_bytes(x, data, len);
    return (ssize_t)len;
}

static ssize_t frame_receive_bytes(uint8_t *into, size_t cap, int flags, void *x)
{
    size_t len = receive_bytes(x, into, cap);

    (void)flags;
    return len > 0 ? (ssize_t)len : -1;
}

static int frame_mask(uint8_t *mask, size_t len, void *x)
{
    (void)len;
    mask_new(x, mask);
    return 0;
}

static void frame_open(exchange *x)
{
    const struct wslay_frame_callbacks calls = {frame_send_bytes, frame_receive_bytes, frame_mask};

    wslay_must(wslay_frame_context_init(&frame_out, &calls, x), "frames out");
    wslay_must(wslay_frame_context_init(&frame_in, &calls, x), "frames in");
}

static void frame_send(exchange *x, size_t count)
{
    struct wslay_frame_iocb frame = {.fin = 1,
                                     .opcode = WSLAY_BINARY_FRAME,
                                     .payload_length = x->len,
                                     .mask = x->masked,
                                     .data = x->message,
                                     .data_length = x->len};

    for (size_t i = 0; i < count; i++)
        if (wslay_frame_send(frame_out, &frame) != (ssize_t)x->len)
            bench_fail("frame", "wslay has sent a part of it");
}

/* A message that has come in one piece is taken where it is. */
static void frame_receive(exchange *x)
{
    mt_buf whole = {.mem = mt_mem_system()};
    struct wslay_frame_iocb frame;

    while (wslay_frame_recv(frame_in, &frame) > 0) {
        if (frame.data_length == frame.payload_length) {
            take(x, frame.data, frame.data_length);
            continue;
        }
        bench_must(mti_gather(&whole, frame.data, frame.data_length, frame.payload_length),
                   "piece");
        if (whole.len < frame.payload_length) continue;
        take(x, whole.data, whole.len);
        whole.len = 0;
    }
    mt_buf_free(&whole);
}

static void frame_close(void)
{
    wslay_frame_context_free(frame_out);
    wslay_frame_context_free(frame_in);
}

static const framing frames = {frame_open, frame_send, frame_receive, frame_close};

/* ---- Figures ---- */

enum { OURS, EVENTS, FRAMES, OF_EVENTS, OF_FRAMES, MEASURES };

typedef struct kind {
    size_t len;
    bool masked;
} kind;

enum { SMALL_MASKED, SMALL, MIDDLE_MASKED, MIDDLE, LARGE_MASKED, LARGE, KINDS };

static const kind kinds[KINDS] = {
    [SMALL_MASKED] = {16, true}, [SMALL] = {16, false},          [MIDDLE_MASKED] = {256, true},
    [MIDDLE] = {256, false},     [LARGE_MASKED] = {65536, true}, [LARGE] = {65536, false},
};

typedef struct bench {
    uint64_t seed;
    uint8_t message[65536];
    double rates[KINDS][MEASURES];
} bench;

/* Messages per second, there and back again. */
static double measure(const bench *b, const framing *f, const kind *k)
{
    size_t count = RUN_LEN / k->len, burst = BURST_LEN / k->len, sent = 0;
    exchange x = {.message = b->message,
                  .len = k->len,
                  .masked = k->masked,
                  .wire = {.mem = mt_mem_system()},
                  .masks = b->seed};
    double start;

    if (count > RUN_MAX) count = RUN_MAX;
    if (burst > BURST_MAX) burst = BURST_MAX;
    f->open(&x);
    start = bench_now();
    for (; sent < count; sent += burst) {
        x.wire.len = x.at = 0;
        f->send(&x, burst);
        f->receive(&x);
    }
    start = bench_now() - start;
    if (x.received != sent) bench_fail("messages", "not all have come");
    f->close();
    mt_buf_free(&x.wire);
    return (double)sent / start;
}

static double rate(void *ctx, unsigned at)
{
    bench *b = ctx;
    const kind *k = &kinds[at / MEASURES];
    double *rates = b->rates[at / MEASURES];

    switch (at % MEASURES) {
    case OURS: return rates[OURS] = measure(b, &ours, k);
    case EVENTS: return rates[EVENTS] = measure(b, &events, k);
    case FRAMES: return rates[FRAMES] = measure(b, &frames, k);
    case OF_EVENTS: return bench_percent(rates[OURS], rates[EVENTS]);
    default: return bench_percent(rates[OURS], rates[FRAMES]);
    }
}

#define RATE(name, what, unit, kind, which) \
    FIGURE_AT(name, what, unit, rate, (kind)*MEASURES + (which), 0, false)

#define RATES(name, what, kind)                                                     \
    RATE(name, what, "messages/s", kind, OURS),                                     \
        RATE(name "_events", "  events of wslay", "messages/s", kind, EVENTS),      \
        RATE(name "_frames", "  frames of wslay", "messages/s", kind, FRAMES),      \
        RATE(name "_of_events", "  ours, of wslay's events", "%", kind, OF_EVENTS), \
        RATE(name "_of_frames", "  ours, of wslay's frames", "%", kind, OF_FRAMES)

static figure figures[] = {
    RATES("masked_16", "messages of 16 bytes, masked", SMALL_MASKED),
    RATES("plain_16", "messages of 16 bytes", SMALL),
    RATES("masked_256", "messages of 256 bytes, masked", MIDDLE_MASKED),
    RATES("plain_256", "messages of 256 bytes", MIDDLE),
    RATES("masked_65536", "messages of 64 KiB, masked", LARGE_MASKED),
    RATES("plain_65536", "messages of 64 KiB", LARGE),
};

#define FIGURE_COUNT (sizeof figures / sizeof *figures)

int main(int argc, char **argv)
{
    static const char about[] =
        "Times the framing of WebSocket, in memory and on one thread, beside that of wslay:\n"
        "messages to bytes and back.\n";
    figures_options options;
    static bench b;

    if (!figures_parse(argc, argv, about, figures, FIGURE_COUNT, &options))
        return options.exit_code;
    for (size_t i = 0; i < sizeof b.message; i++) b.message[i] = (uint8_t)(i * 7 + (i >> 8));
    figures_run(figures, FIGURE_COUNT, &options, &b, &b.seed);
    return 0;
}
