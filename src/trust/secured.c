/* secured.c - one secured connection: handshakes, and messages in both directions.
 *
 * Callbacks may do anything: whoever goes on after one holds the outer connection meanwhile, which holds
 * the rest. What goes wrong with a peer drops the link; what that brings about comes as events of the link,
 * later. */
#include "trust/secure.h"

#include "base/assert.h"
#include "base/status.h"

/* How long what waits to be sent may take once the connection was closed. */
#define CLOSE_MS 5000

static void secured_free(void *ctx);

/* ---- Sending ---- */

static void forget_waiting(mti_secured *s)
{
    mt_buf_free(&s->waiting);
    s->waiting_at = 0;
}

static void forget_held(mti_secured *s)
{
    mt_buf_free(&s->held);
    s->holds = false;
}

/* Gives the link parts from `*at` on. What it has no room for is left; a link that is gone needs none. */
static void push_parts(mti_secured *s, const mt_buf *parts, size_t *at)
{
    mt_error why;
    mt_bytes part;
    mt_status st;

    while (mti_sealed_part(parts, *at, &part)) {
        st = mt_connection_send(s->link, part);
        if (st == MT_AGAIN) return;
        *at = (size_t)(part.data + part.len - parts->data);
        if (st == MT_OK) continue;
        *at = parts->len;
        if (st == MT_OFFLINE || st == MT_CLOSED) return;
        mti_fail(&why, st, "%s", mt_status_text(st));
        mti_secured_fail(s, &why);
        return;
    }
}

/* What was sealed goes out, or waits. There is no memory to let it wait: the session cannot go on, since
 * the peer counts. */
static mt_status send_sealed(mti_secured *s)
{
    mt_buf *out = &s->secure->out;
    mt_error why;
    size_t at = 0;

    mti_assert(s->waiting.len == 0);
    push_parts(s, out, &at);
    if (s->stage == MTI_SECURED_DOWN) return MT_OFFLINE;
    if (at == out->len) return MT_OK;
    if (mti_buf_append(&s->waiting, out->data + at, out->len - at) == MT_OK) return MT_OK;
    mti_no_memory(&why);
    mti_secured_fail(s, &why);
    return MT_NO_MEMORY;
}

static mt_status secured_send(void *ctx, mt_bytes message)
{
    mti_secured *s = ctx;
    mt_buf *out = &s->secure->out;
    mt_status st;

    if (s->stage != MTI_SECURED_UP) return MT_OFFLINE;
    s->full = s->waiting.len > 0;
    if (s->full) return MT_AGAIN;
    out->len = 0;
    st = mti_sealed_put(&s->sealed, s->secure->options.crypto, message, out);
    return st == MT_OK ? send_sealed(s) : st;
}

static size_t secured_queued(void *ctx)
{
    const mti_secured *s = ctx;

    return s->waiting.len - s->waiting_at + mt_connection_queued(s->link);
}

/* All has been sent: the peer is told that this was not a cut, and once that is sent, too, the link is closed. */
static void finish(mti_secured *s)
{
    mt_buf *out = &s->secure->out;

    out->len = 0;
    if (s->stage == MTI_SECURED_UP && !s->end_said &&
        mti_sealed_put_end(&s->sealed, s->secure->options.crypto, out) == MT_OK) {
        s->end_said = true;
        (void)send_sealed(s);
    }
    if (s->waiting.len == 0) mt_connection_close(s->link);
}

static void flush(mti_secured *s)
{
    push_parts(s, &s->waiting, &s->waiting_at);
    if (s->waiting_at < s->waiting.len) return;
    forget_waiting(s);
    if (s->closing) finish(s);
    else if (s->full && s->stage == MTI_SECURED_UP) mt_connection_writable(s->outer);
}

/* ---- The handshake ---- */

static void timer_set(mti_secured *s, uint64_t delay_ms)
{
    const mt_env *env = s->secure->env;

    env->timer_set(env->ctx, &s->timer, delay_ms);
    s->timer_set = true;
}

static void timer_stop(mti_secured *s)
{
    const mt_env *env = s->secure->env;

    if (s->timer_set) env->timer_stop(env->ctx, &s->timer);
    s->timer_set = false;
}

/* Listens to the link: also where nobody wants messages, until there is one, since it may be the last word.
 */
static void hear(void *ctx, const void *event);
static mt_status listen(mti_secured *s)
{
    const mt_subscriber subscriber = {.on_event = hear, .ctx = s};
    bool wanted = s->stage != MTI_SECURED_DOWN && !s->holds && !s->deaf;

    if (wanted && !s->messages)
        return mt_event_stream_subscribe(mt_connection_messages(s->link), &subscriber,
                                         &s->messages);
    if (wanted) return MT_OK;
    mt_subscription_dispose(s->messages);
    s->messages = NULL;
    return MT_OK;
}

static void handshake_free(const mti_secured *s, mti_handshake *handshake)
{
    mti_handshake_wipe(handshake);
    mti_mem_free(s->secure->env->mem, handshake, sizeof *handshake);
}

static void forget_handshake(mti_secured *s)
{
    if (s->handshake && s->handshake != s->used) handshake_free(s, s->handshake);
    s->handshake = NULL;
}

/* While a handshake is used, it calls the application, which may do anything. Answers whether it still counts. */
static void use(mti_secured *s)
{
    s->used = s->handshake;
}

static bool used(mti_secured *s)
{
    mti_handshake *handshake = s->used;

    s->used = NULL;
    if (s->handshake == handshake && !s->closing) return true;
    if (s->handshake != handshake) handshake_free(s, handshake);
    return false;
}

/* Back to before the handshake. */
static void reset(mti_secured *s)
{
    const mt_crypto *crypto = s->secure->options.crypto;

    if (s->stage == MTI_SECURED_SHAKING) s->secure->counts.failed++;
    s->stage = MTI_SECURED_DOWN;
    timer_stop(s);
    mti_secure_leave(s);
    forget_handshake(s);
    mti_sealed_wipe(&s->sealed, crypto);
    forget_waiting(s);
    forget_held(s);
    s->deaf = false;
    s->end_said = false;
    s->full = false;
    (void)listen(s);
}

void mti_secured_fail(mti_secured *s, const mt_error *why)
{
    if (s->stage == MTI_SECURED_DOWN) return;
    s->why = *why;
    reset(s);
    mt_connection_drop(s->link, why);
}

static void fail_with(mti_secured *s, mt_status status, const char *text)
{
    mt_error why;

    mti_fail(&why, status, "%s", text);
    mti_secured_fail(s, &why);
}

/* For what was wrong before. */
static void fail_again(mti_secured *s)
{
    mt_error why = s->why;

    mti_secured_fail(s, &why);
}

static void release(mti_secured *s);
static void fire(void *arg)
{
    mti_secured *s = arg;
    mt_connection *outer = mt_connection_ref(s->outer);

    s->timer_set = false;
    if (s->closing) mt_connection_close(s->link); /* the peer does not read */
    else if (s->deaf) fail_again(s);
    else if (s->stage == MTI_SECURED_SHAKING)
        fail_with(s, MT_DEADLINE, "the handshake took too long");
    else release(s);
    mt_connection_unref(outer);
}

/* Whoever is there may be: the session begins. */
static void up(mti_secured *s)
{
    mti_handshake_split(s->handshake, &s->sealed.sends, &s->sealed.receives);
    mt_connection_set_device(s->outer, s->handshake->device);
    forget_handshake(s);
    timer_stop(s);
    mti_secure_leave(s);
    mt_connection_limit(s->link, 0);
    s->stage = MTI_SECURED_UP;
    s->secure->counts.done++;
    s->why = (mt_error){.status = MT_OK};
    if (listen(s) != MT_OK) fail_with(s, MT_NO_MEMORY, mt_status_text(MT_NO_MEMORY));
    else mt_connection_set_offline(s->outer, false);
}

static void admit(mti_secured *s)
{
    const mt_secure_options *options = &s->secure->options;
    const mti_handshake *handshake = s->handshake;
    mt_secure_visitor visitor = {.size = sizeof visitor,
                                 .device = handshake->device,
                                 .papers = {handshake->papers, handshake->papers_len},
                                 .ticket = handshake->has_ticket ? handshake->ticket : NULL};
    mt_status st = s->dialed ? MT_OK : MT_REFUSED;
    mt_error why;

    mti_fail(&why, MT_REFUSED, "no device is admitted here");
    use(s);
    if (options->admit) st = options->admit(options->ctx, &visitor, s->outer, &why);
    if (!used(s)) return; /* it was closed meanwhile, or begins anew */
    if (st == MT_OK) up(s);
    else mti_secured_fail(s, &why);
}

/* Says what is ours to say, and goes on if that was the last. */
static void shake(mti_secured *s)
{
    uint8_t message[MTI_HANDSHAKE_LEN_MAX];
    size_t len;

    if (mti_handshake_says(s->handshake)) {
        mt_status st = mti_handshake_say(s->handshake, message, &len);
        if (st == MT_OK) st = mt_connection_send(s->link, (mt_bytes){message, len});
        if (st != MT_OK) {
            fail_with(s, st, "a message of a handshake could not be sent");
            return;
        }
    }
    if (mti_handshake_done(s->handshake)) admit(s);
}

static mt_status handshake_begin(mti_secured *s)
{
    const mt_secure *secure = s->secure;
    const mt_env *env = secure->env;
    uint8_t ephemeral[MT_KEY_LEN];
    mti_handshake_start start = {
        .crypto = secure->options.crypto,
        .self = &secure->identity,
        .space = secure->space,
        .ephemeral = ephemeral,
        .expected = s->dialed ? s->device : NULL,
        .ticket = s->with_ticket ? s->ticket : NULL,
        .ticket_key = s->with_ticket ? s->ticket_key : NULL,
        .papers = secure->options.papers,
        .find = secure->options.ticket,
        .ctx = secure->options.ctx,
    };
    mt_status st = env->entropy(env->ctx, ephemeral, sizeof ephemeral);

    if (st != MT_OK) return st;
    s->handshake = mti_mem_alloc(env->mem, sizeof *s->handshake);
    if (s->handshake) mti_handshake_begin(s->handshake, &start);
    secure->options.crypto->wipe(secure->options.crypto->ctx, ephemeral, sizeof ephemeral);
    return s->handshake ? MT_OK : MT_NO_MEMORY;
}

/* The link is up. Who was accepted has nothing of a handshake until it says something. */
static void begin(mti_secured *s)
{
    mt_status st;

    if (s->stage != MTI_SECURED_DOWN || s->closing) return;
    s->stage = MTI_SECURED_SHAKING;
    s->secure->counts.begun++;
    mt_connection_limit(s->link, MTI_HANDSHAKE_READ_MAX);
    timer_set(s, s->secure->options.handshake_ms);
    if (!s->dialed) mti_secure_enter(s, &s->secure->silent);
    st = s->dialed ? handshake_begin(s) : MT_OK;
    if (st == MT_OK) st = listen(s);
    if (st != MT_OK) fail_with(s, st, "a handshake could not be begun");
    else if (s->dialed) shake(s);
}

/* ---- What comes ---- */

/* To throw a stranger out would bring it back at once, or another: it waits until its time is over, at
 * the cost of one that says nothing, and does not learn what was wrong. */
static void leave_waiting(mti_secured *s, const mt_error *why)
{
    s->why = *why;
    s->deaf = true;
    forget_handshake(s);
    (void)listen(s);
}

static void hear_handshake(mti_secured *s, mt_bytes message)
{
    bool silent = s->among == &s->secure->silent;
    mt_status st = silent ? handshake_begin(s) : MT_OK;
    mt_error why;

    if (st != MT_OK) {
        fail_with(s, st, "a handshake could not be begun");
        return;
    }
    use(s);
    st = mti_handshake_hear(s->handshake, message, &why);
    if (!used(s)) return;
    if (st != MT_OK && silent && !s->handshake->knocked) {
        leave_waiting(s, &why);
    } else if (st != MT_OK) {
        mti_secured_fail(s, &why);
    } else {
        if (silent) mti_secure_enter(s, &s->secure->knocked);
        shake(s);
    }
}

/* Nobody listens: the message waits here, and all others at the link. */
static mt_status hold(mti_secured *s, mt_bytes message)
{
    mt_status st = mti_buf_append(&s->held, message.data, message.len);

    s->holds = st == MT_OK;
    return st == MT_OK ? listen(s) : st;
}

/* Somebody listens again. */
static void release(mti_secured *s)
{
    mt_buf held = s->held;
    mt_status st;

    if (!s->holds || !s->listening) return;
    s->held = (mt_buf){.mem = held.mem};
    s->holds = false;
    st = mt_connection_deliver(s->outer, mt_buf_bytes(&held));
    mt_buf_free(&held);
    if (st != MT_CLOSED && listen(s) != MT_OK)
        fail_with(s, MT_NO_MEMORY, mt_status_text(MT_NO_MEMORY));
}

/* A message that came in parts is taken out of the session, which may end while it is delivered. */
static void deliver(mti_secured *s, mt_bytes message)
{
    mt_buf parts = {.mem = s->secure->env->mem};
    mt_status st;

    if (s->sealed.whole) {
        parts = s->sealed.parts;
        s->sealed.parts = (mt_buf){.mem = parts.mem};
        s->sealed.whole = false;
    }
    st = mt_connection_deliver(s->outer, message);
    (void)st; /* whoever closed the connection meanwhile wants no message */
    mt_buf_free(&parts);
}

static void hear_part(mti_secured *s, mt_bytes part)
{
    mt_secure *secure = s->secure;
    mt_bytes message;
    mt_status st = mti_sealed_take(&s->sealed, secure->options.crypto, part, &secure->in, &message);

    if (st == MT_OK && s->listening) {
        deliver(s, message);
        return;
    }
    if (st == MT_OK) st = hold(s, message);
    if (st == MT_MALFORMED) fail_with(s, st, "what came is not what the peer has sealed");
    else if (st != MT_OK && st != MT_AGAIN && st != MT_END) fail_with(s, st, mt_status_text(st));
}

static void hear(void *ctx, const void *event)
{
    const mt_message *message = event;
    mti_secured *s = ctx;
    mt_connection *outer = mt_connection_ref(s->outer);

    if (s->stage == MTI_SECURED_SHAKING) hear_handshake(s, message->bytes);
    else if (s->stage == MTI_SECURED_UP) hear_part(s, message->bytes);
    mt_connection_unref(outer);
}

/* The end of a session without a word of the peer's is that of a link that was cut, whatever the transport
 * knows of it. */
static void link_closed(mti_secured *s, const mt_error *why)
{
    mt_error cut = s->why;

    if (why && cut.status == MT_OK) cut = *why;
    if (s->stage == MTI_SECURED_UP && !s->sealed.ended && cut.status == MT_OK)
        mti_fail(&cut, MT_IO, "the link was cut");
    if (s->stage == MTI_SECURED_SHAKING && cut.status == MT_OK)
        mti_fail(&cut, MT_CLOSED, "the peer ended the link before the handshake was through");
    if (s->closing) cut.status = MT_OK;
    reset(s);
    mt_connection_closed(s->outer, cut.status == MT_OK ? NULL : &cut);
}

static void link_changed(void *ctx, const void *event)
{
    const mt_connection_event *change = event;
    mti_secured *s = ctx;
    mt_connection *outer = mt_connection_ref(s->outer);

    switch (change->kind) {
    case MT_CONNECTION_WENT_ONLINE: begin(s); break;
    case MT_CONNECTION_WENT_OFFLINE:
        reset(s);
        mt_connection_set_device(s->outer, NULL);
        mt_connection_set_offline(s->outer, true);
        if (s->closing) mt_connection_close(s->link);
        break;
    case MT_CONNECTION_WRITABLE: flush(s); break;
    case MT_CONNECTION_CLOSED: link_closed(s, change->why); break;
    }
    mt_connection_unref(outer);
}

/* ---- The contract of a transport ---- */

static void secured_start(void *ctx)
{
    mti_secured *s = ctx;

    s->listening = true;
    if (s->holds) timer_set(s, 0);
}

static void secured_stop(void *ctx)
{
    mti_secured *s = ctx;

    s->listening = false;
}

static void secured_close(void *ctx)
{
    mti_secured *s = ctx;

    s->closing = true;
    timer_stop(s);
    if (s->waiting.len == 0) finish(s);
    if (s->waiting.len > 0) timer_set(s, CLOSE_MS);
}

static void secured_drop(void *ctx, const mt_error *why)
{
    mti_secured *s = ctx;

    if (s->stage != MTI_SECURED_DOWN) reset(s);
    mt_connection_drop(s->link, why);
}

static const mt_connection_ops ops = {
    .abi = MT_CONNECTION_ABI,
    .size = sizeof(mt_connection_ops),
    .type = "secure",
    .send = secured_send,
    .queued = secured_queued,
    .start = secured_start,
    .stop = secured_stop,
    .close = secured_close,
    .free = secured_free,
    .drop = secured_drop,
};

mti_secured *mti_secured_of(const mt_connection *connection)
{
    return mt_connection_ctx(connection, &ops);
}

/* ---- Its life ---- */

static void secured_free(void *ctx)
{
    mti_secured *s = ctx;
    mt_secure *secure = s->secure;
    const mt_crypto *crypto = secure->options.crypto;

    reset(s);
    mt_subscription_dispose(s->events);
    mt_connection_unref(s->link);
    crypto->wipe(crypto->ctx, s->ticket_key, sizeof s->ticket_key);
    mti_mem_free(secure->env->mem, s, sizeof *s);
    mt_secure_unref(secure);
}

static void take_peer(mti_secured *s, const mt_secure_peer *peer)
{
    s->dialed = peer != NULL;
    if (!peer) return;
    memcpy(s->device, peer->device, MT_DEVICE_LEN);
    s->with_ticket = peer->ticket != NULL;
    if (!peer->ticket) return;
    memcpy(s->ticket, peer->ticket, MT_TICKET_ID_LEN);
    memcpy(s->ticket_key, peer->ticket_key, MT_KEY_LEN);
}

mt_status mti_secured_new(mt_secure *secure, mt_connection *link, const mt_secure_peer *peer,
                          mt_connection **out, mt_error *err)
{
    const mt_mem *mem = secure->env->mem;
    mti_secured *s = mti_secured_of(link);
    mt_subscriber subscriber = {.on_event = link_changed};
    unsigned flags = MT_CONNECTION_OFFLINE;
    mt_status st;

    if (s && s->secure == secure)
        return mti_fail(err, MT_INVALID, "a link that is secured by the same device already");
    if (!(s = mti_mem_alloc(mem, sizeof *s))) return mti_no_memory(err);
    memset(s, 0, sizeof *s);
    s->secure = mt_secure_ref(secure);
    s->link = mt_connection_ref(link);
    s->timer = (mt_timer){.fire = fire, .arg = s};
    subscriber.ctx = s;
    s->waiting.mem = s->held.mem = s->sealed.parts.mem = mem;
    take_peer(s, peer);
    if (mt_connection_ephemeral(link)) flags |= MT_CONNECTION_EPHEMERAL;
    st = mt_event_stream_subscribe(mt_connection_events(link), &subscriber, &s->events);
    if (st == MT_OK)
        st = mt_connection_new(mem, mt_connection_id(link), &ops, s, flags, &s->outer, err);
    else st = mti_fail(err, st == MT_END ? MT_CLOSED : st, "the link cannot be listened to");
    if (st != MT_OK) {
        secured_free(s);
        return st;
    }
    *out = s->outer;
    if (!mt_connection_offline(link)) begin(s);
    return MT_OK;
}
