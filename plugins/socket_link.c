#include "plugins/socket_link.h"

#include "plugins/gather.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

/* What is read at once. On the stack, so that no idle link has a buffer. */
#define CHUNK_LEN ((size_t)32 * 1024)
#define CHUNKS_MAX 4

/* Is not zeroed where all else on the stack is: of a chunk only what has come is looked at, and to zero
 * it takes longer than to read a small message. */
#if defined __has_attribute
#if __has_attribute(uninitialized)
#define NOT_ZEROED __attribute__((uninitialized))
#endif
#endif
#ifndef NOT_ZEROED
#define NOT_ZEROED
#endif

/* The same while nobody listens: enough for the next head, and for pings. */
#define PEEK_LEN ((size_t)16)

/* How long the peer has to end its side, after ours. */
#define LINGER_MS 5000

static mt_status link_send(void *ctx, mt_bytes message);
static size_t link_queued(void *ctx);
static void link_start(void *ctx);
static void link_stop(void *ctx);
static void link_close(void *ctx);
static void link_free(void *ctx);
static void link_drop(void *ctx, const mt_error *why);
static void link_limit(void *ctx, size_t len);

#define LINK_OPS(name)                                                                    \
    {                                                                                     \
        .abi = MT_CONNECTION_ABI, .size = sizeof(mt_connection_ops), .type = (name),      \
        .send = link_send, .queued = link_queued, .start = link_start, .stop = link_stop, \
        .close = link_close, .free = link_free, .drop = link_drop, .limit = link_limit    \
    }

static const mt_connection_ops link_ops[] = {
    [MTI_URL_TCP] = LINK_OPS("tcp"),
    [MTI_URL_UNIX] = LINK_OPS("unix"),
    [MTI_URL_WS] = LINK_OPS("websocket"),
};

/* ---- Timers ---- */

uint64_t mti_link_now(const mti_link *link)
{
    return link->env->ticks_ms(link->env->ctx);
}

void mti_link_soon(mti_link *link)
{
    if (link->soon_set) return;
    link->soon_set = true;
    link->env->timer_set(link->env->ctx, &link->soon, 0);
}

void mti_link_alarm(mti_link *link, uint64_t delay_ms)
{
    link->env->timer_set(link->env->ctx, &link->alarm, delay_ms);
}

/* ---- Putting frames ---- */

static bool is_client(const mti_link *link)
{
    return link->dial != NULL;
}

static mt_status put_websocket(mti_link *link, uint8_t opcode, mt_bytes body)
{
    uint8_t head[MTI_WEBSOCKET_HEAD_MAX], mask[4];
    const uint8_t *masked = is_client(link) ? mask : NULL;
    mt_status st;

    if (masked && (st = mti_dial_mask(link, mask)) != MT_OK) return st;
    return mti_socket_put(&link->socket,
                          (mt_bytes){head, mti_websocket_head(head, opcode, body.len, masked)},
                          body, masked);
}

static mt_status put_stream(mti_link *link, uint8_t kind, mt_bytes body)
{
    uint8_t head[MTI_STREAM_HEAD_LEN];

    mti_stream_head(head, kind, body.len);
    return mti_socket_put(&link->socket, (mt_bytes){head, sizeof head}, body, NULL);
}

static mt_status put_message(mti_link *link, mt_bytes message)
{
    return link->kind == MTI_URL_WS ? put_websocket(link, MTI_WEBSOCKET_BINARY, message)
                                    : put_stream(link, MTI_STREAM_MESSAGE, message);
}

/* A ping that finds no memory is left out: what the peer lacks then is asked for again. */
static void put_ping(mti_link *link)
{
    const mt_bytes nothing = {NULL, 0};
    mt_status st = link->kind == MTI_URL_WS ? put_websocket(link, MTI_WEBSOCKET_PING, nothing)
                                            : put_stream(link, MTI_STREAM_PING, nothing);

    (void)st;
    mti_link_soon(link);
}

/* One answer at a time waits to be sent, so that pings cannot fill our memory. */
static void put_pong(mti_link *link, mt_bytes echo)
{
    mt_status st;

    if (link->pong_waits || link->ending || link->close_sent) return;
    link->pong_waits = true;
    st = link->kind == MTI_URL_WS ? put_websocket(link, MTI_WEBSOCKET_PONG, echo)
                                  : put_stream(link, MTI_STREAM_PONG, (mt_bytes){NULL, 0});
    (void)st;
    mti_link_soon(link);
}

/* ---- Ending ---- */

static bool is_deaf(const mti_link *link)
{
    return link->deaf || link->closing || link->dropped;
}

void mti_link_finish(mti_link *link)
{
    link->ending = true;
    link->deaf = true;
    mti_link_alarm(link, LINGER_MS);
    mti_link_soon(link);
}

static void put_close(mti_link *link, uint16_t code)
{
    const uint8_t body[2] = {(uint8_t)(code >> 8), (uint8_t)code};
    mt_status st;

    if (link->close_sent) return;
    link->close_sent = true;
    /* Of codes that say that there is none, none is sent. */
    st = put_websocket(link, MTI_WEBSOCKET_CLOSE, (mt_bytes){body, code == 1005 ? 0 : 2});
    if (st == MT_OK) mti_link_soon(link);
    else mti_link_finish(link); /* without a word */
}

static void reader_reset(mti_link *link)
{
    if (link->kind == MTI_URL_WS) mti_websocket_reset(&link->reader.websocket);
    else mti_stream_reset(&link->reader.stream);
    mt_buf_free(&link->held);
}

void mti_link_fail(mti_link *link, const mt_error *err)
{
    if (link->stage == MTI_LINK_SHUT) return;
    link->stage = MTI_LINK_SHUT;
    if (err) link->why = *err;
    link->env->timer_stop(link->env->ctx, &link->alarm);
    reader_reset(link);
    if (link->socket.fd >= 0) mti_socket_close(&link->socket);
    else mti_link_soon(link);
}

static void fail_errno(mti_link *link, const char *what, int code)
{
    mt_error err;

    mti_link_error(&err, MT_IO, "%s: %s", what, uv_strerror(uv_translate_sys_error(code)));
    mti_link_fail(link, &err);
}

/* The socket said so. TLS knows more than the system; that it was not ended in order matters to nobody
 * who has ended it. */
static void fail_socket(mti_link *link, int code)
{
    if (code != EPROTO || !link->socket.tls) fail_errno(link, "the link broke", code);
    else mti_link_fail(link, is_deaf(link) ? NULL : mti_tls_error(link->socket.tls));
}

/* Of WebSocket, the peer is told why; else it only sees the end. */
static void fail_frame(mti_link *link, const mti_frame *frame)
{
    if (link->kind != MTI_URL_WS || is_deaf(link)) {
        mti_link_fail(link, &frame->error);
        return;
    }
    link->why = frame->error;
    put_close(link, frame->code);
    mti_link_finish(link);
}

/* The peer closes by the book of WebSocket. Its answer, if it is ours that is answered, needs none. */
static void close_heard(mti_link *link, const mti_frame *frame)
{
    link->close_heard = true;
    if (!link->close_sent) {
        mti_link_error(&link->why, MT_CLOSED, "the peer has closed it with code %u",
                       (unsigned)frame->code);
    }
    put_close(link, frame->code);
    link->deaf = true;
    if (is_client(link)) mti_link_alarm(link, LINGER_MS); /* the server ends first */
    else mti_link_finish(link);
}

/* ---- Reading ---- */

static size_t frame_read(mti_link *link, uint8_t *data, size_t len, bool hold, mti_frame *out)
{
    return link->kind == MTI_URL_WS
               ? mti_websocket_read(&link->reader.websocket, data, len, hold, out)
               : mti_stream_read(&link->reader.stream, data, len, hold, out);
}

/* Does what a frame asks for; whether to go on. */
static bool frame_take(mti_link *link, const mti_frame *frame)
{
    mt_status st = MT_OK;

    switch (frame->kind) {
    case MTI_FRAME_NONE:
    case MTI_FRAME_HELD: return false;
    case MTI_FRAME_PONG: return true;
    case MTI_FRAME_PING: put_pong(link, frame->bytes); return true;
    case MTI_FRAME_CLOSE: close_heard(link, frame); return false;
    case MTI_FRAME_BAD: fail_frame(link, frame); return false;
    case MTI_FRAME_MESSAGE:
        if (!is_deaf(link)) st = mt_connection_deliver(link->connection, frame->bytes);
        (void)st; /* it is open and somebody listens */
        return link->stage == MTI_LINK_UP;
    }
    return false;
}

/* Whether what comes is not even looked at. */
static bool is_waste(const mti_link *link)
{
    return link->stage != MTI_LINK_UP || link->ending || link->close_heard ||
           (is_deaf(link) && link->kind != MTI_URL_WS);
}

void mti_link_take(mti_link *link, uint8_t *data, size_t len)
{
    bool more = !is_waste(link);
    mti_frame frame;
    size_t read;

    while (more) {
        read = frame_read(link, data, len, !link->listening && !is_deaf(link), &frame);
        if (data) data += read;
        len -= read;
        more = frame_take(link, &frame) && !is_waste(link);
        if (frame.kind != MTI_FRAME_HELD) continue;
        link->paused = true;
        if (mti_gather(&link->held, data, len, len) != MT_OK) {
            mti_link_error(&frame.error, MT_NO_MEMORY, "no memory to hold back a message");
            mti_link_fail(link, &frame.error);
        }
    }
}

/* Somebody listens, or it is being closed: takes what was held back. */
static void resume(mti_link *link)
{
    mt_buf held = link->held;

    link->paused = false;
    link->held = (mt_buf){.mem = held.mem};
    link->heard_ms = mti_link_now(link);
    mti_link_take(link, held.data, held.len);
    mt_buf_free(&held);
}

static bool between(const mti_link *link)
{
    return link->kind == MTI_URL_WS ? mti_websocket_between(&link->reader.websocket)
                                    : mti_stream_between(&link->reader.stream);
}

/* The peer has ended its side. */
static void end_heard(mti_link *link)
{
    mt_error err;

    if (is_deaf(link)) {
        mti_link_fail(link, NULL);
        return;
    }
    if (between(link)) mti_link_error(&err, MT_CLOSED, "the peer has ended the link");
    else mti_link_error(&err, MT_IO, "the peer has ended the link inside a message");
    mti_link_fail(link, &err);
}

static void link_read(mti_link *link)
{
    NOT_ZEROED uint8_t chunk[CHUNK_LEN];

    for (size_t i = 0; i < CHUNKS_MAX && !link->paused && link->stage != MTI_LINK_SHUT; i++) {
        bool peek = link->stage == MTI_LINK_UP && !link->listening && !is_deaf(link);
        size_t cap = peek ? PEEK_LEN : sizeof chunk;
        ssize_t got = mti_socket_read(&link->socket, chunk, cap);

        if (got == -EAGAIN) return;
        if (got < 0) {
            if (got == -EPROTO && mti_hello_is_plain(link)) mti_hello_plain(link);
            else fail_socket(link, (int)-got);
            return;
        }
        if (got == 0) {
            end_heard(link);
            return;
        }
        link->heard_ms = mti_link_now(link);
        if (link->stage == MTI_LINK_HELLO) mti_hello_take(link, chunk, (size_t)got);
        else mti_link_take(link, chunk, (size_t)got);
        if ((size_t)got < cap) return;
    }
}

/* ---- Writing ---- */

/* What came before the link broke may not be read yet: then reading finds that it did. */
static void flush(mti_link *link)
{
    size_t before = mti_socket_queued(&link->socket), after;
    int code = mti_socket_flush(&link->socket);

    if (code != 0 && (link->paused || link->ended || code == EPROTO)) {
        fail_socket(link, code);
        return;
    }
    if (code != 0) mti_socket_drop(&link->socket);
    after = mti_socket_queued(&link->socket);
    if (after > 0) {
        if (is_deaf(link) && after < before) mti_link_alarm(link, LINGER_MS);
        return;
    }
    link->pong_waits = false;
    if (link->ending && !link->ended) link->ended = mti_socket_end(&link->socket);
}

void mti_link_settle(mti_link *link)
{
    if (link->stage == MTI_LINK_SHUT || link->socket.fd < 0) return;
    if (link->stage != MTI_LINK_CONNECTING) flush(link);
    if (link->stage == MTI_LINK_SHUT) return;
    if (!link->paused && mti_socket_has_more(&link->socket, false)) mti_link_soon(link);
    mti_socket_watch(&link->socket, link->stage != MTI_LINK_CONNECTING && !link->paused,
                     link->stage == MTI_LINK_CONNECTING);
}

/* Tells that there is room again once half of it is. */
static void tell_writable(mti_link *link)
{
    if (!link->full || link->stage != MTI_LINK_UP) return;
    if (mti_socket_queued(&link->socket) > link->limits.queued_max / 2) return;
    link->full = false;
    mt_connection_writable(link->connection);
}

static void on_ready(mti_socket *s, bool readable, bool writable)
{
    mti_link *link = (mti_link *)(void *)((uint8_t *)s - offsetof(mti_link, socket));
    mt_connection *connection = mt_connection_ref(link->connection);

    if (link->stage == MTI_LINK_CONNECTING) mti_dial_ready(link);
    else if (readable || mti_socket_has_more(s, writable)) link_read(link);
    mti_link_settle(link);
    tell_writable(link);
    mt_connection_unref(connection);
}

/* ---- The two timers ---- */

/* The application has closed it, and its functions are not called any more. */
static void close_begin(mti_link *link)
{
    if (link->ending || link->close_sent || link->stage == MTI_LINK_SHUT) return;
    if (link->stage != MTI_LINK_UP) {
        mti_link_fail(link, NULL);
    } else if (link->kind == MTI_URL_WS) {
        put_close(link, 1000);
        mti_link_alarm(link, LINGER_MS);
    } else {
        mti_link_finish(link);
    }
}

/* The socket is closed, or there was none. */
static void over(mti_link *link)
{
    const mt_error *why = link->dial ? mti_dial_note(link) : &link->why;

    if (link->dial && !link->closing && !mti_dial_ends(link)) {
        link->stage = MTI_LINK_DOWN;
        link->deaf = link->ending = link->ended = link->full = link->paused = false;
        link->close_sent = link->close_heard = link->pong_waits = link->dropped = false;
        mti_dial_failed(link);
        mt_connection_set_offline(link->connection, true);
        return;
    }
    if (link->server) mti_server_lost(link);
    if (link->closing || why->status == MT_OK || why->status == MT_CLOSED) why = NULL;
    if (link->connection) mt_connection_closed(link->connection, why);
    else mti_link_free(link);
}

static void on_closed(mti_socket *s)
{
    mti_link_soon((mti_link *)(void *)((uint8_t *)s - offsetof(mti_link, socket)));
}

static void on_soon(void *arg)
{
    mti_link *link = arg;
    mt_connection *connection = mt_connection_ref(link->connection);
    bool shut = link->stage == MTI_LINK_SHUT;

    link->soon_set = false;
    if (shut && link->socket.fd < 0) over(link);
    if (!shut) {
        if (link->dropped) mti_link_fail(link, NULL);
        else if (link->closing) close_begin(link);
        if (link->paused && (link->listening || is_deaf(link))) resume(link);
        if (mti_socket_has_more(&link->socket, false)) link_read(link);
        mti_link_settle(link);
        tell_writable(link);
    }
    mt_connection_unref(connection);
}

/* How long until the silence has lasted too long; 0: it has. That counts from when the peer was asked,
 * since a host that was stopped for a while has not heard anything either. */
static uint64_t patience_ms(mti_link *link, uint64_t now_ms)
{
    uint64_t waited_ms, bound_ms = link->limits.silence_ms - link->limits.ping_ms;

    if (link->asked_ms <= link->heard_ms) link->asked_ms = now_ms;
    waited_ms = now_ms - link->asked_ms;
    return waited_ms < bound_ms ? bound_ms - waited_ms : 0;
}

static void ping(mti_link *link)
{
    uint64_t now_ms = mti_link_now(link), silent_ms = now_ms - link->heard_ms;
    uint64_t next_ms = link->limits.ping_ms, left_ms;
    mt_error err;

    if (!link->paused && silent_ms < next_ms) {
        mti_link_alarm(link, next_ms - silent_ms);
        return;
    }
    if (!link->paused) {
        if ((left_ms = patience_ms(link, now_ms)) == 0) {
            mti_link_error(&err, MT_IO, "nothing has come from the peer for %llu ms",
                           (unsigned long long)silent_ms);
            mti_link_fail(link, &err);
            return;
        }
        if (left_ms < next_ms) next_ms = left_ms;
    }
    if (mti_socket_queued(&link->socket) == 0) put_ping(link);
    mti_link_alarm(link, next_ms);
}

static void on_alarm(void *arg)
{
    mti_link *link = arg;
    mt_error err;

    switch (link->stage) {
    case MTI_LINK_DOWN: mti_dial_alarm(link); return;
    case MTI_LINK_CONNECTING:
    case MTI_LINK_HELLO:
        mti_link_error(&err, MT_IO, "%s within the time that it may take",
                       link->stage == MTI_LINK_HELLO ? "no whole hello came" : "no connection");
        mti_link_fail(link, link->ending ? NULL : &err);
        return;
    case MTI_LINK_UP:
        if (is_deaf(link)) mti_link_fail(link, NULL);
        else ping(link);
        return;
    case MTI_LINK_SHUT: return;
    }
}

/* ---- What a connection asks for ---- */

static mt_status link_send(void *ctx, mt_bytes message)
{
    mti_link *link = ctx;
    size_t size = message.len + MTI_WEBSOCKET_HEAD_MAX, queued = mti_socket_queued(&link->socket);
    mt_status st;

    if (link->stage != MTI_LINK_UP || is_deaf(link)) return link->dial ? MT_OFFLINE : MT_CLOSED;
    if (queued > 0 && (size > link->limits.queued_max || queued > link->limits.queued_max - size)) {
        link->full = true;
        return MT_AGAIN;
    }
    if ((st = put_message(link, message)) == MT_OK) mti_link_soon(link);
    return st;
}

static size_t link_queued(void *ctx)
{
    return mti_socket_queued(&((const mti_link *)ctx)->socket);
}

static void link_start(void *ctx)
{
    mti_link *link = ctx;

    link->listening = true;
    if (link->paused) mti_link_soon(link);
}

static void link_stop(void *ctx)
{
    ((mti_link *)ctx)->listening = false;
}

static void link_close(void *ctx)
{
    mti_link *link = ctx;

    link->closing = true;
    mti_link_soon(link);
}

static void link_free(void *ctx)
{
    mti_link *link = ctx;

    link->connection = NULL;
    mti_link_free(link);
}

/* It may be called for a message that is being delivered, out of what would be given back. */
static void link_drop(void *ctx, const mt_error *why)
{
    mti_link *link = ctx;

    if (link->stage != MTI_LINK_UP) return;
    link->dropped = true;
    if (why) link->why = *why;
    mti_link_soon(link);
}

static void link_limit(void *ctx, size_t len)
{
    mti_link *link = ctx;

    if (link->kind == MTI_URL_WS) link->reader.websocket.len_max = len;
    else link->reader.stream.len_max = len;
}

/* ---- Its life ---- */

mt_status mti_link_limits_of(size_t queued_max, uint64_t ping_ms, uint64_t silence_ms,
                             mti_link_limits *out, mt_error *err)
{
    if (!silence_ms && ping_ms) silence_ms = ping_ms > UINT64_MAX / 3 ? UINT64_MAX : ping_ms * 3;
    if (!silence_ms) silence_ms = MTI_LINK_SILENCE_MS;
    if (!ping_ms) ping_ms = silence_ms < 3 ? 1 : silence_ms / 3;
    *out = (mti_link_limits){queued_max ? queued_max : MTI_LINK_QUEUED_MAX, ping_ms, silence_ms};
    if (ping_ms < silence_ms) return MT_OK;
    return mti_link_error(err, MT_INVALID, "ping_ms is %llu, not less than silence_ms: %llu",
                          (unsigned long long)ping_ms, (unsigned long long)silence_ms);
}

mti_link *mti_link_new(const mt_env *env, mti_url_kind kind, const mti_link_limits *limits)
{
    mti_link *link = env->mem->resize(env->mem->ctx, NULL, 0, sizeof *link);

    if (!link) return NULL;
    memset(link, 0, sizeof *link);
    link->env = env;
    link->uv = mt_loop_uv(mt_loop_of(env));
    link->kind = kind;
    link->limits = *limits;
    link->socket.fd = -1;
    link->socket.out.mem = env->mem;
    link->socket.ready = on_ready;
    link->socket.closed = on_closed;
    link->soon = (mt_timer){.fire = on_soon, .arg = link};
    link->alarm = (mt_timer){.fire = on_alarm, .arg = link};
    link->held.mem = env->mem;
    if (kind == MTI_URL_WS) link->reader.websocket.body.mem = env->mem;
    else link->reader.stream.body.mem = env->mem;
    return link;
}

mt_status mti_link_connection(mti_link *link, mt_bytes id, unsigned flags, mt_connection **out,
                              mt_error *err)
{
    mt_status st =
        mt_connection_new(link->env->mem, id, &link_ops[link->kind], link, flags, out, err);

    if (st == MT_OK) link->connection = *out;
    return st;
}

void mti_link_free(mti_link *link)
{
    const mt_mem *mem = link->env->mem;

    link->env->timer_stop(link->env->ctx, &link->soon);
    link->env->timer_stop(link->env->ctx, &link->alarm);
    reader_reset(link);
    mt_buf_free(&link->socket.out);
    if (link->dial) mti_dial_free(link);
    mem->resize(mem->ctx, link, sizeof *link, 0);
}

mti_link *mti_link_of(const mt_connection *connection)
{
    for (size_t i = 0; i < sizeof link_ops / sizeof *link_ops; i++) {
        mti_link *link = mt_connection_ctx(connection, &link_ops[i]);

        if (link) return link;
    }
    return NULL;
}

void mti_link_up(mti_link *link)
{
    mt_connection *connection;

    link->stage = MTI_LINK_UP;
    link->heard_ms = mti_link_now(link);
    if (link->kind == MTI_URL_WS) link->reader.websocket.masked = !is_client(link);
    mti_link_alarm(link, link->limits.ping_ms);
    if (link->dial) {
        mti_dial_up(link);
        connection = mt_connection_ref(link->connection);
        mt_connection_set_offline(connection, false);
        mt_connection_unref(connection);
    } else {
        mti_server_joined(link);
    }
}
