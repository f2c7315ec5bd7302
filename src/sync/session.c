/* session.c - with one peer, while its link is up.
 *
 *     offline --link up--> greeting --their HELLO--> active <--> standby
 *        ^                    ^                        |
 *        +-----link down------+-------- BYE, ----------+--> ended
 *                             +---- greeted again ----------+
 *
 * While we wait for a HELLO, all else is of what is over, and is dropped. greeting.c has the rest. */
#include "sync/sync.h"

#include "net/connection.h"

/* Data is acknowledged when there is so much of it, or after so long. */
#define ACK_LEN ((size_t)32 * 1024)
#define ACK_MS 10

/* How long a peer may not know that it has all: only so that it need not be told again later. */
#define POSITIONS_MS 1000

/* How long until a link that is full of other things is looked at again. */
#define LATER_MS 10

/* Messages, but for data, that wait for room at most. */
#define QUEUE_MAX ((size_t)1024 * 1024)

/* How full a connection may be before what is not live waits: a commit never waits behind more, and the
 * peer has something to do while what follows is read. */
#define QUEUED_MAX ((size_t)64 * 1024)

/* What a peer may say before we know who we are: its greeting. */
#define EARLY_MAX ((size_t)1024 * 1024)

/* ---- Its life ---- */

static void stop_timers(mti_session *session)
{
    const mt_env *env = session->sync->env;

    env->timer_stop(env->ctx, &session->flush);
    env->timer_stop(env->ctx, &session->later);
    env->timer_stop(env->ctx, &session->again);
    env->timer_stop(env->ctx, &session->positions);
    env->timer_stop(env->ctx, &session->delayed);
}

/* Whoever held it may have gone on with it after it was freed. */
static void destroy(mti_session *session)
{
    const mt_mem *mem = session->sync->mem;

    stop_timers(session);
    mti_session_tear_down(session);
    mti_greeting_forget(session);
    mti_rights_forget(session);
    mt_connection_unref(session->connection);
    mt_buf_free(&session->queue);
    mt_buf_free(&session->early);
    mti_mem_free(mem, session->sent, session->sent_cap * sizeof *session->sent);
    mti_mem_free(mem, session, sizeof *session);
}

void mti_session_hold(mti_session *session)
{
    session->holds++;
}

bool mti_session_is_linked(const mti_session *session)
{
    return !session->gone && !mt_connection_offline(session->connection);
}

void mti_session_release(mti_session *session)
{
    if (--session->holds == 0 && session->gone) destroy(session);
}

/* ---- Sending ---- */

static bool is_up(const mti_session *session)
{
    return session->stage != SESSION_OFFLINE;
}

/* Sends what is queued, as far as there is room. Answers whether all has gone. Of room the link tells; where there
 * is no memory, it is tried again in a while. */
static bool queue_send(mti_session *session)
{
    mt_buf *queue = &session->queue;

    while (session->queue_at < queue->len) {
        uint32_t len;
        mt_status st;

        memcpy(&len, queue->data + session->queue_at, sizeof len);
        st = mt_connection_send(session->connection,
                                (mt_bytes){queue->data + session->queue_at + sizeof len, len});
        if (st == MT_AGAIN) session->full = true;
        if (st == MT_NO_MEMORY) mti_session_flush_later(session);
        if (st != MT_OK) return false;
        session->bytes_out += len;
        session->queue_at += sizeof len + len;
    }
    queue->len = session->queue_at = 0;
    return true;
}

/* Appends a message to several. */
static mt_status queue_add(mt_buf *queue, mt_bytes message, size_t max)
{
    uint32_t len = (uint32_t)message.len;

    if (queue->len + message.len > max) return MT_TOO_LARGE;
    if (mti_buf_reserve(queue, sizeof len + message.len) != MT_OK) return MT_NO_MEMORY;
    (void)mti_buf_append(queue, &len, sizeof len);
    return mti_buf_append(queue, message.data, message.len);
}

/* A message cannot be sent: what follows would make no sense to the peer. All that is between us ends
 * in the next turn, and begins anew. */
static void lose(mti_session *session, mt_status status, const char *text)
{
    if (session->lost != MT_OK) return;
    session->lost = status;
    mti_fail(&session->error, status, "%s", text);
    mti_session_flush_soon(session);
}

void mti_session_send(mti_session *session, const mti_say *say)
{
    mt_bytes message = mt_buf_bytes(&session->sync->message);
    bool waits = session->queue.len > 0; /* behind others */
    mt_status st = mti_say_end(say);

    if (!is_up(session) || session->lost != MT_OK) return;
    if (st == MT_OK && !waits) {
        st = mt_connection_send(session->connection, message);
        session->full |= st == MT_AGAIN;
        if (st == MT_OK) session->bytes_out += message.len;
    }
    if (st == MT_AGAIN || (st == MT_OK && waits)) {
        st = queue_add(&session->queue, message, QUEUE_MAX);
        if (st == MT_TOO_LARGE) lose(session, MT_FULL, "it does not read what it is sent");
    }
    if (st == MT_NO_MEMORY) lose(session, st, mt_status_text(st));
    /* Of a link that is down its events tell. */
}

mt_status mti_session_send_now(mti_session *session, const mti_say *say)
{
    mt_bytes message = mt_buf_bytes(&session->sync->message);
    mt_status st = mti_say_end(say);

    if (st != MT_OK) return st;
    if (session->full || session->queue.len > 0) return MT_AGAIN;
    st = mt_connection_send(session->connection, message);
    if (st == MT_OK) session->bytes_out += message.len;
    if (st != MT_AGAIN && st != MT_OFFLINE && st != MT_CLOSED) return st;
    session->full = true; /* until there is room, or the link is up again */
    return MT_AGAIN;
}

bool mti_session_has_room(mti_session *session)
{
    bool again = !session->looked;

    if (session->full || session->queue.len > 0) return false;
    session->looked = mt_connection_queued(session->connection) >= QUEUED_MAX;
    if (!session->looked) return true;
    /* Mostly it leaves with this turn. Else an ACK will say that it has, unless it is no data. */
    if (again) mti_session_flush_soon(session);
    else if (session->sent_count == 0) mti_session_flush_later(session);
    return false;
}

static mt_status sent_add(mti_session *session, mti_sent sent)
{
    size_t cap = session->sent_cap ? 2 * session->sent_cap : 16;
    mti_sent *wider;

    if (session->sent_count == session->sent_cap) {
        if (!(wider = mti_mem_alloc(session->sync->mem, cap * sizeof *wider))) return MT_NO_MEMORY;
        for (size_t i = 0; i < session->sent_count; i++)
            wider[i] = session->sent[(session->sent_first + i) & (session->sent_cap - 1)];
        mti_mem_free(session->sync->mem, session->sent, session->sent_cap * sizeof *wider);
        session->sent = wider;
        session->sent_cap = cap;
        session->sent_first = 0;
    }
    session->sent[(session->sent_first + session->sent_count++) & (session->sent_cap - 1)] = sent;
    session->sent_number++;
    return MT_OK;
}

mt_status mti_session_send_data(mti_session *session, mti_outbound *out, bool live)
{
    const mti_say say = {.out = &session->sync->message};
    size_t len = say.out->len;
    mti_sent sent = {out->id, (uint32_t)len, live};
    mt_status st;

    if ((st = sent_add(session, sent)) != MT_OK) return st;
    if ((st = mti_session_send_now(session, &say)) != MT_OK) {
        session->sent_count--;
        session->sent_number--;
        return st;
    }
    out->in_flight += len;
    out->bytes += len;
    if (live) session->live_in_flight += len;
    return MT_OK;
}

/* Says where the peer stands in our log, too, where it does not know. */
void mti_session_answer(mti_session *session)
{
    mti_say say = mti_say_begin(&session->sync->message, MTI_ACK);
    mti_say_number(&say, session->handled);
    session->handled_told = session->handled;
    for (mti_outbound *out = session->outbound; out; out = out->next) {
        if (out->mode != OUT_LIVE || !out->position_owed) continue;
        mti_say_number(&say, out->id);
        mti_say_cursor(&say, &out->position);
        out->position_owed = false;
    }
    mti_session_send(session, &say);
}

static void send_ack(mti_session *session)
{
    session->prompt = false;
    session->unacknowledged = 0;
    if (session->handled != session->handled_told && session->stage == SESSION_ACTIVE)
        mti_session_answer(session);
}

static void ack_delayed(void *arg)
{
    mti_session *session = arg;

    session->delays = false;
    send_ack(session);
}

void mti_session_handled(mti_session *session, size_t len, bool prompt)
{
    session->handled++;
    session->unacknowledged += len;
    session->prompt |= prompt || session->unacknowledged >= ACK_LEN;
    if (session->prompt) {
        mti_session_flush_soon(session);
    } else if (!session->delays) {
        session->delays = true;
        session->sync->env->timer_set(session->sync->env->ctx, &session->delayed, ACK_MS);
    }
}

static void tell_positions(void *arg)
{
    mti_session *session = arg;

    session->owes = false;
    if (session->stage != SESSION_ACTIVE) return;
    for (mti_outbound *out = session->outbound; out; out = out->next)
        if (out->mode == OUT_LIVE && out->position_owed &&
            mti_gather_send_none(out, MTI_DATA_POSITION) != MT_OK)
            mti_session_owes(session);
}

void mti_session_owes(mti_session *session)
{
    if (session->owes) return;
    session->owes = true;
    session->sync->env->timer_set(session->sync->env->ctx, &session->positions, POSITIONS_MS);
}

static void flush(void *arg)
{
    mti_session *session = arg;

    if (!session->full) (void)queue_send(session);
    if (session->lost != MT_OK) {
        mti_session_fail(session, session->lost, session->error.text, true);
        return;
    }
    mti_session_hold(session);
    if (session->prompt) send_ack(session);
    if (session->stage == SESSION_ACTIVE) mti_outbound_step_all(session);
    if (session->stage == SESSION_ACTIVE) mti_comparing_turn(session);
    if (session->stage == SESSION_ACTIVE) mti_answer_step(session);
    mti_status_note(session);
    mti_session_release(session);
}

void mti_session_flush_soon(mti_session *session)
{
    session->sync->env->timer_set(session->sync->env->ctx, &session->flush, 0);
}

void mti_session_flush_later(mti_session *session)
{
    session->sync->env->timer_set(session->sync->env->ctx, &session->later, LATER_MS);
}

/* ---- Beginning and ending ---- */

void mti_session_tear_down(mti_session *session)
{
    mti_inbound_end_all(session);
    mti_answer_end_all(session);
    mti_outbound_end_all(session);
    mti_awaited_leave(session, false);
    session->sent_first = session->sent_count = 0;
    session->sent_number = session->acked_number = 0;
    session->handled = session->handled_told = 0;
    session->unacknowledged = 0;
    session->prompt = false;
    session->live_in_flight = 0;
    session->asks = false;
    session->stalls_till = 0;
}

/* Another session with the same peer may now be used. */
static void promote_other(const mti_session *gone)
{
    for (mti_session *s = gone->sync->sessions; s; s = s->next)
        if (s != gone && s->stage == SESSION_STANDBY && memcmp(s->origin, gone->origin, 16) == 0) {
            mti_greet(s);
            return; /* hooks may have taken any away */
        }
}

static void go_offline(mti_session *session)
{
    bool was_active = session->stage == SESSION_ACTIVE;

    stop_timers(session);
    session->owes = session->delays = false;
    mti_session_tear_down(session);
    mti_sync_pull_leave(session);
    mti_greeting_forget(session);
    mt_buf_free(&session->early);
    session->stage = SESSION_OFFLINE;
    if (was_active && !session->sync->closing) promote_other(session);
    mti_status_note(session);
}

static void end(mti_session *session)
{
    bool was_active = session->stage == SESSION_ACTIVE;

    session->sync->env->timer_stop(session->sync->env->ctx, &session->again);
    mti_session_tear_down(session);
    mti_sync_pull_leave(session);
    if (!mti_session_is_linked(session)) return;
    mti_greeting_forget(session);
    session->stage = SESSION_ENDED;
    if (was_active) promote_other(session);
    mti_status_note(session);
}

void mti_session_fail(mti_session *session, mt_status status, const char *text, bool again)
{
    mt_error why;
    mti_say say;

    if (!is_up(session) || session->stage == SESSION_ENDED) return;
    mti_fail(&why, status, "%s", text ? text : mt_status_text(status));
    session->error = why;
    say = mti_say_begin(&session->sync->message, MTI_BYE);
    mti_say_reason(&say, status, why.text);
    session->lost = MT_OK;
    mti_session_send(session, &say);
    mti_session_hold(session);
    end(session);
    session->lost = MT_OK; /* if the peer was not told, it goes on in vain until it is greeted */
    if (again) mti_greet_later(session);
    mti_session_release(session);
}

/* ---- What comes ---- */

static void take_bye(mti_session *session, mti_parse *in)
{
    mti_parse_reason(in, &session->error);
    end(session);
}

/* Each position is that of one of our subscriptions. */
static void take_positions(mti_session *session, mti_parse *in)
{
    while (in->at != in->end) {
        uint64_t id = mti_parse_number(in, "the subscription");
        mt_cursor position;
        mti_parse_cursor(in, &position);
        if (in->failed) return;
        mti_inbound_position(session, id, &position);
    }
}

static void take_ack(mti_session *session, mti_parse *in)
{
    uint64_t number = mti_parse_number(in, "how much was taken");

    if (in->failed) return;
    if (number < session->acked_number || number > session->sent_number) {
        mti_parse_fail(in, "how much was taken", "less than before, or more than was sent");
        return;
    }
    take_positions(session, in);
    if (session->stalls_till > 0 && number >= session->stalls_till) {
        session->round_trips++;
        session->stalls_till = 0;
    }
    mti_outbound_acked(session, number - session->acked_number);
    session->acked_number = number;
    mti_awaited_check(session);
    mti_session_flush_soon(session);
}

/* Only what is said between peers that know each other. */
static void dispatch(mti_session *session, unsigned type, mti_parse *in)
{
    switch (type) {
    case MTI_SUBSCRIBE: mti_outbound_start(session, in); break;
    case MTI_SUBSCRIBED: mti_inbound_granted(session, in); break;
    case MTI_REFUSED: mti_inbound_refused(session, in); break;
    case MTI_DATA: mti_inbound_data(session, in); break;
    case MTI_ACK: take_ack(session, in); break;
    case MTI_UNSUBSCRIBE:
        mti_outbound_stop(session, mti_parse_number(in, "the subscription"));
        break;
    case MTI_PULL: mti_sync_pull_asked(session, in); break;
    case MTI_FOUND: mti_sync_pull_found(session, in); break;
    case MTI_ANSWER: mti_comparing_take(session, type, in); break;
    case MTI_PRINTS: mti_prints_take(session, in); break;
    case MTI_ASK:
    case MTI_WANT:
    case MTI_LACK:
    case MTI_COMPARED: mti_inbound_message(session, type, in); break;
    default:
        if (type % 2 == 0) {
            mt_error line;
            mti_fail(&line, MT_UNSUPPORTED, "message type %u is not known here", type);
            mti_session_fail(session, line.status, line.text, false);
        }
    }
}

void mti_session_message(mti_session *session, mt_bytes bytes)
{
    mt_error err = {.status = MT_OK};
    mti_parse in;
    unsigned type = 0;
    mt_status st;

    if (!is_up(session)) {
        /* A peer that says too much is greeted as if it had said nothing, and begins anew. */
        if (!session->sync->identified) (void)queue_add(&session->early, bytes, EARLY_MAX);
        return;
    }
    session->bytes_in += bytes.len;
    if ((st = mti_parse_head(bytes, &type, &in, &err)) != MT_OK) {
        mti_session_fail(session, st, err.text, false);
        return;
    }
    mti_session_hold(session);
    if (type == MTI_HELLO) mti_greeting_take(session, &in);
    else if (session->deaf && type != MTI_PRINTS && type != MTI_BYE) {
        (void)mti_parse_rest(&in);
    } else if (type == MTI_BYE && session->stage != SESSION_ENDED) take_bye(session, &in);
    else if (session->stage == SESSION_ACTIVE) {
        /* Prints go with a greeting, whether ours was heard or not. */
        if (type != MTI_PRINTS) mti_greeting_heard(session);
        dispatch(session, type, &in);
    }
    if (in.failed && session->stage == SESSION_ACTIVE)
        mti_session_fail(session, err.status, err.text, false);
    mti_session_release(session);
}

/* ---- The link ---- */

/* What the peer said while we did not know who we are. */
static void hear_early(mti_session *session)
{
    mt_buf early = session->early;
    uint32_t len;

    session->early = (mt_buf){.mem = early.mem};
    for (size_t at = 0; at < early.len; at += sizeof len + len) {
        memcpy(&len, early.data + at, sizeof len);
        mti_session_message(session, (mt_bytes){early.data + at + sizeof len, len});
    }
    mt_buf_free(&early);
}

void mti_session_online(mti_session *session)
{
    if (session->stage != SESSION_OFFLINE) return;
    session->full = session->looked = false;
    session->round_trips = 0;
    session->queue.len = session->queue_at = 0;
    mti_session_hold(session);
    mti_greet(session);
    hear_early(session);
    mti_session_release(session);
}

void mti_session_greet_all(mti_sync *sync)
{
    for (mti_session *s = sync->sessions; s; s = s->next)
        if (!mt_connection_offline(s->connection)) mti_session_online(s);
}

static void link_changed(void *ctx, const void *event)
{
    mti_session *session = ctx;
    const mt_connection_event *e = event;

    mti_session_hold(session);
    switch (e->kind) {
    case MT_CONNECTION_WENT_ONLINE:
        if (session->sync->identified) mti_session_online(session);
        break;
    case MT_CONNECTION_WENT_OFFLINE:
    case MT_CONNECTION_CLOSED: go_offline(session); break;
    case MT_CONNECTION_WRITABLE:
        session->full = false;
        if (queue_send(session)) mti_session_flush_soon(session);
        break;
    }
    mti_session_release(session);
}

mti_session *mti_session_of(const mti_sync *sync, const mt_connection *connection)
{
    mti_session *session = mti_connection_session(connection);

    return session && session->sync == sync ? session : NULL;
}

mt_status mti_session_new(mti_sync *sync, mt_connection *connection)
{
    mti_session *session = mti_mem_alloc(sync->mem, sizeof *session), **at = &sync->sessions;
    mt_subscriber subscriber = {.on_event = link_changed, .ctx = session};
    mt_status st;

    if (!session) return MT_NO_MEMORY;
    memset(session, 0, sizeof *session);
    session->sync = sync;
    session->connection = mt_connection_ref(connection);
    session->queue.mem = session->early.mem = sync->mem;
    session->arrivals_end = &session->arrivals;
    session->flush = (mt_timer){.fire = flush, .arg = session};
    session->later = (mt_timer){.fire = flush, .arg = session};
    session->again = (mt_timer){.fire = mti_greet_again, .arg = session};
    session->delayed = (mt_timer){.fire = ack_delayed, .arg = session};
    session->positions = (mt_timer){.fire = tell_positions, .arg = session};
    st = mt_event_stream_subscribe(mt_connection_events(connection), &subscriber, &session->events);
    if (st != MT_OK) {
        mt_connection_unref(connection);
        mti_mem_free(sync->mem, session, sizeof *session);
        return st;
    }
    while (*at &&
           mt_bytes_compare(mt_connection_id((*at)->connection), mt_connection_id(connection)) < 0)
        at = &(*at)->next;
    session->next = *at;
    *at = session;
    mti_connection_set_session(connection, session);
    return MT_OK;
}

void mti_session_free(mti_session *session)
{
    mti_sync *sync = session->sync;
    mti_session **at = &sync->sessions;

    mti_session_hold(session);
    go_offline(session);
    while (*at != session) at = &(*at)->next;
    *at = session->next;
    mti_awaited_leave(session, true);
    mt_subscription_dispose(session->events);
    mti_connection_set_session(session->connection, NULL);
    session->gone = true;
    mti_session_release(session);
}
