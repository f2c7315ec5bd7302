#include "test_secure.h"

#include <string.h>

const uint8_t test_secure_space[MT_SPACE_LEN] = "the space of these two devices!";

void test_secure_seed(size_t number, uint8_t out[MT_KEY_LEN])
{
    memset(out, (int)('A' + number), MT_KEY_LEN);
}

/* ---- Whom the second admits ---- */

static mt_status admit(void *ctx, const mt_secure_visitor *visitor, mt_connection *connection,
                       mt_error *why)
{
    test_secure *w = ctx;

    w->papers_len = visitor->papers.len;
    if (w->papers_len) memcpy(w->papers, visitor->papers.data, w->papers_len);
    w->came_with = visitor->ticket != NULL;
    if (w->admitting) w->admitting(w, connection);
    if (memcmp(visitor->device, w->strangers, MT_DEVICE_LEN) != 0) return MT_OK;
    *why = (mt_error){MT_REFUSED, "not this one"};
    return MT_REFUSED;
}

static mt_status ticket(void *ctx, const uint8_t *id, uint8_t *key)
{
    test_secure *w = ctx;

    if (w->ticketing) w->ticketing(w, w->ends[1].outer);
    if (!w->ticket_good || memcmp(id, TEST_TICKET, MT_TICKET_ID_LEN) != 0) return MT_NOT_FOUND;
    memcpy(key, w->ticket_key, MT_KEY_LEN);
    return MT_OK;
}

static void secure_make(test_secure *w, size_t at, mt_secure_options options)
{
    uint8_t seed[MT_KEY_LEN];

    test_secure_seed(at, seed);
    options.size = sizeof options;
    options.crypto = mt_crypto_sodium();
    options.seed = seed;
    options.space = test_secure_space;
    options.ctx = w;
    if (at == 1) options.admit = admit;
    if (at == 1) options.ticket = ticket;
    CHECK(mt_secure_new(&w->te.env, &options, &w->ends[at].secure, NULL) == MT_OK);
}

void test_secure_begin_with(test_secure *w, const mt_secure_options *options)
{
    memset(w, 0, sizeof *w);
    w->seen.mem = test_mem();
    test_env_init(&w->te, 4711, test_mem());
    for (size_t i = 0; i < 2; i++) {
        w->ends[i].world = w;
        w->ends[i].number = i;
        w->ends[i].last.mem = test_mem();
        secure_make(w, i, i == 1 ? *options : (mt_secure_options){0});
    }
}

void test_secure_begin(test_secure *w)
{
    test_secure_begin_with(w, &(mt_secure_options){0});
}

/* ---- The middle ---- */

static void append(mt_buf *buf, mt_bytes bytes)
{
    buf->mem = test_mem();
    if (buf->cap - buf->len < bytes.len) {
        size_t cap = 2 * buf->cap + bytes.len;
        buf->data = test_mem()->resize(test_mem()->ctx, buf->data, buf->cap, cap);
        CHECK(buf->data);
        buf->cap = cap;
    }
    if (bytes.len) memcpy(buf->data + buf->len, bytes.data, bytes.len);
    buf->len += bytes.len;
}

static void pass(void *ctx, const void *event)
{
    test_secure_end *from = ctx;
    test_secure *w = from->world;
    mt_connection *to = w->ends[1 - from->number].tap;
    mt_buf bytes = {.len = 0};
    mt_status st;

    from->sent++;
    append(&bytes, ((const mt_message *)event)->bytes);
    append(&w->seen, mt_buf_bytes(&bytes));
    if (!w->tamper || w->tamper(w, from->number, from->sent, &bytes)) {
        st = mt_connection_send(to, mt_buf_bytes(&bytes));
        CHECK(st == MT_OK || st == MT_CLOSED || st == MT_OFFLINE);
    }
    mt_buf_free(&bytes);
}

static void tap_told(void *ctx, const void *event)
{
    const mt_connection_event *change = event;
    test_secure_end *from = ctx;
    mt_connection *to = from->world->ends[1 - from->number].tap;

    if (change->kind == MT_CONNECTION_CLOSED) mt_connection_close(to);
}

/* ---- The ends ---- */

static void hear(void *ctx, const void *event)
{
    test_secure_end *end = ctx;

    end->got++;
    end->last.len = 0;
    append(&end->last, ((const mt_message *)event)->bytes);
}

static void told(void *ctx, const void *event)
{
    const mt_connection_event *change = event;
    test_secure_end *end = ctx;

    if (change->kind != MT_CONNECTION_CLOSED) return;
    end->closed = true;
    end->why = change->why ? *change->why : (mt_error){.status = MT_OK};
}

static void leave(test_secure_end *end)
{
    mt_subscription_dispose(end->tapped);
    mt_subscription_dispose(end->parted);
    mt_subscription_dispose(end->heard);
    mt_subscription_dispose(end->told);
    mt_connection_unref(end->outer);
    mt_connection_unref(end->inner);
    mt_connection_unref(end->tap);
    end->tapped = end->parted = end->heard = end->told = NULL;
    end->outer = end->inner = end->tap = NULL;
    end->closed = false;
    end->sent = end->got = 0;
}

static void subscribe(mt_event_stream *stream, void (*on_event)(void *, const void *), void *ctx,
                      mt_subscription **out)
{
    const mt_subscriber subscriber = {.on_event = on_event, .ctx = ctx};

    CHECK(mt_event_stream_subscribe(stream, &subscriber, out) == MT_OK);
}

void test_secure_listen(test_secure *w)
{
    for (size_t i = 0; i < 2; i++) {
        test_secure_end *end = &w->ends[i];

        end->closed = false;
        subscribe(mt_connection_messages(end->outer), hear, end, &end->heard);
        subscribe(mt_connection_events(end->outer), told, end, &end->told);
    }
}

void test_secure_join_to(test_secure *w, const mt_secure_peer *peer)
{
    mt_pipe_options options = {.size = sizeof options, .queued_max = (size_t)1 << 23};

    for (size_t i = 0; i < 2; i++) {
        test_secure_end *end = &w->ends[i];

        leave(end);
        CHECK(mt_pipe_new(&w->te.env, &options, &end->inner, &end->tap, NULL) == MT_OK);
        subscribe(mt_connection_messages(end->tap), pass, end, &end->tapped);
        subscribe(mt_connection_events(end->tap), tap_told, end, &end->parted);
    }
    CHECK(mt_secure_dial(w->ends[0].secure, w->ends[0].inner, peer, &w->ends[0].outer, NULL) ==
          MT_OK);
    CHECK(mt_secure_accept(w->ends[1].secure, w->ends[1].inner, &w->ends[1].outer, NULL) == MT_OK);
    test_secure_listen(w);
}

void test_secure_join(test_secure *w)
{
    test_secure_join_to(w, &(mt_secure_peer){.size = sizeof(mt_secure_peer),
                                             .device = mt_secure_device(w->ends[1].secure)});
}

void test_secure_send(test_secure *w, size_t from, const char *text)
{
    CHECK(mt_connection_send(w->ends[from].outer, mt_str(text)) == MT_OK);
}

void test_secure_end_all(test_secure *w)
{
    for (size_t i = 0; i < 2; i++) leave(&w->ends[i]);
    test_env_run(&w->te);
    for (size_t i = 0; i < 2; i++) {
        mt_secure_unref(w->ends[i].secure);
        mt_buf_free(&w->ends[i].last);
    }
    mt_buf_free(&w->seen);
    test_env_end(&w->te);
    CHECK(test_mem_live() == 0);
}
