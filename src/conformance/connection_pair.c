#include "conformance/connection_pair.h"

#include <string.h>

#define SPOILED 0xDB
#define WAIT_MS 10000
#define QUIET_MS 20

/* ---- What messages hold ---- */

/* Short ones; a check that needs others says so. */
static size_t short_len(uint64_t number)
{
    return (size_t)(number * 7 % 40) + sizeof number;
}

/* The number, and then what a generator makes of it; all of it cut to the length. */
static void content_fill(uint8_t *bytes, size_t len, uint64_t number, bool of_b)
{
    uint64_t state = number * 2 + of_b, word = number;

    for (size_t i = 0; i < len; i += sizeof word) {
        memcpy(bytes + i, &word, len - i < sizeof word ? len - i : sizeof word);
        word = mti_trial_draw(&state);
    }
}

static bool content_is(mt_bytes bytes, uint64_t number, bool of_b)
{
    uint64_t state = number * 2 + of_b, word = number;

    for (size_t i = 0; i < bytes.len; i += sizeof word) {
        size_t left = bytes.len - i;

        if (memcmp(bytes.data + i, &word, left < sizeof word ? left : sizeof word) != 0)
            return false;
        word = mti_trial_draw(&state);
    }
    return true;
}

/* ---- Listening ---- */

static void violate(const mti_end *end, const char *what)
{
    mti_trial_violate(end->pair->trial, "at end %s, %s", end->name, what);
}

static void check_allowed(const mti_end *end, const char *what)
{
    mti_trial *t = end->pair->trial;

    if (end->inside) mti_trial_violate(t, "at end %s, %s is told inside a call", end->name, what);
    if (end->closed) mti_trial_violate(t, "at end %s, %s comes after the end", end->name, what);
}

/* Messages may be missing, but those that come have ascending numbers. */
static void skip_lost(mti_end *end, mt_bytes bytes)
{
    uint64_t number;

    if (bytes.len < sizeof number) return;
    memcpy(&number, bytes.data, sizeof number);
    if (number > end->heard && number < end->other->sent) end->heard = number;
}

static void on_message(void *ctx, const void *event)
{
    mti_end *end = ctx;
    mti_pair *p = end->pair;
    const mt_message *message = event;
    void (*then)(mti_end * end) = end->then;

    check_allowed(end, "a message");
    if (end->closing) violate(end, "a message comes after it was closed");
    if (message->connection != end->connection) violate(end, "a message has another sender");
    if (p->lossy) skip_lost(end, message->bytes);
    if (end->heard == end->other->sent) {
        violate(end, "a message comes that was not sent");
    } else if (message->bytes.len != p->len_of(end->heard)) {
        mti_trial_violate(p->trial, "at end %s, message %llu has %zu bytes, not %zu", end->name,
                          (unsigned long long)end->heard, message->bytes.len,
                          p->len_of(end->heard));
    } else if (!content_is(message->bytes, end->heard, end == &p->a)) {
        mti_trial_violate(p->trial, "at end %s, message %llu is not what was sent", end->name,
                          (unsigned long long)end->heard);
    }
    end->heard++;
    end->then = NULL;
    if (then && !p->trial->broken) then(end);
}

static void on_messages_end(void *ctx, const mt_error *why)
{
    mti_end *end = ctx;

    (void)why;
    if (end->messages_ended++) violate(end, "the messages end twice");
}

static void on_event(void *ctx, const void *event)
{
    mti_end *end = ctx;
    const mt_connection_event *told = event;

    check_allowed(end, "an event");
    if (told->connection != end->connection) violate(end, "an event is of another connection");
    switch (told->kind) {
    case MT_CONNECTION_WENT_ONLINE: end->online++; break;
    case MT_CONNECTION_WENT_OFFLINE: end->offline++; break;
    case MT_CONNECTION_WRITABLE: end->writable++; break;
    case MT_CONNECTION_CLOSED: end->closed++; break;
    }
}

static void on_events_end(void *ctx, const mt_error *why)
{
    mti_end *end = ctx;

    (void)why;
    if (end->events_ended++) violate(end, "the events end twice");
    if (!end->closed) violate(end, "the events end without one that says so");
}

void mti_end_listen(mti_end *end)
{
    const mt_subscriber subscriber = {on_message, on_messages_end, end};
    mt_status st;

    if (end->pair->trial->broken || end->messages) return;
    end->inside = true;
    st = mt_event_stream_subscribe(mt_connection_messages(end->connection), &subscriber,
                                   &end->messages);
    end->inside = false;
    if (st != MT_OK) violate(end, mt_status_text(st));
}

void mti_end_ignore(mti_end *end)
{
    mt_subscription *messages = end->messages;

    end->messages = NULL;
    mt_subscription_dispose(messages);
}

/* ---- Sending and closing ---- */

mt_status mti_end_try(mti_end *end)
{
    mti_trial *t = end->pair->trial;
    size_t len = end->pair->len_of(end->sent);
    uint8_t *bytes = mti_trial_alloc(t, len + 1);
    mt_status st;

    if (!bytes) return MT_NO_MEMORY;
    content_fill(bytes, len, end->sent, end == &end->pair->b);
    end->inside = true;
    end->other->inside = true;
    st = mt_connection_send(end->connection, (mt_bytes){bytes, len});
    end->inside = false;
    end->other->inside = false;
    memset(bytes, SPOILED, len);
    mti_trial_free(t, bytes, len + 1);
    if (st == MT_OK) end->sent++;
    return st;
}

static void check_taken(const mti_end *end, mt_status st)
{
    if (st == MT_OK) return;
    mti_trial_violate(end->pair->trial, "at end %s, message %llu of %zu bytes is not taken: %s",
                      end->name, (unsigned long long)end->sent, end->pair->len_of(end->sent),
                      mt_status_text(st));
}

void mti_end_send(mti_end *end)
{
    if (!end->pair->trial->broken) check_taken(end, mti_end_try(end));
}

bool mti_end_offer(mti_end *end)
{
    mt_status st;

    if (end->pair->trial->broken) return false;
    st = mti_end_try(end);
    if (st != MT_AGAIN) check_taken(end, st);
    return st == MT_OK;
}

void mti_end_send_some(mti_end *end, size_t count)
{
    for (size_t i = 0; i < count && mti_end_offer(end); i++) continue;
}

void mti_end_close(mti_end *end)
{
    if (!end->connection || end->closing) return;
    end->closing = true;
    end->inside = true;
    mt_connection_close(end->connection);
    end->inside = false;
}

void mti_end_let_go(mti_end *end)
{
    mt_connection *connection = end->connection;
    mt_subscription *events = end->events;

    mti_end_ignore(end);
    end->connection = NULL;
    end->events = NULL;
    mt_subscription_dispose(events);
    mt_connection_unref(connection);
}

/* ---- Time ---- */

static void ring(void *arg)
{
    ((mti_pair *)arg)->rang = true;
}

/* Turns until `done` (NULL: never) or until the time is over; answers whether it was done. */
static bool turn_until(mti_pair *p, bool (*done)(const mti_pair *p), uint64_t ms)
{
    const mt_env *env = p->trial->env;
    bool is_done = done && done(p);

    p->rang = false;
    p->timer = (mt_timer){.fire = ring, .arg = p};
    if (is_done) return true;
    env->timer_set(env->ctx, &p->timer, ms);
    while (!is_done && !p->rang && (p->ending || !p->trial->broken)) {
        if (env->turn(env->ctx) != MT_OK) break;
        is_done = done && done(p);
    }
    env->timer_stop(env->ctx, &p->timer);
    return is_done;
}

void mti_pair_await(mti_pair *p, bool (*done)(const mti_pair *p), const char *what)
{
    uint64_t wait_ms = p->subject->wait_ms ? p->subject->wait_ms : WAIT_MS;

    if ((p->trial->broken && !p->ending) || turn_until(p, done, wait_ms)) return;
    mti_trial_violate(p->trial, "%s (%llu ms were waited)", what, (unsigned long long)wait_ms);
}

void mti_pair_turn(mti_pair *p)
{
    turn_until(p, NULL, 0);
}

void mti_pair_settle(mti_pair *p)
{
    turn_until(p, NULL, p->subject->quiet_ms ? p->subject->quiet_ms : QUIET_MS);
}

static bool all_heard(const mti_pair *p)
{
    return p->a.heard == p->b.sent && p->b.heard == p->a.sent;
}

void mti_pair_await_all(mti_pair *p)
{
    mti_pair_await(p, all_heard, "not all that was sent arrives");
}

/* ---- Its life ---- */

static bool both_online(const mti_pair *p)
{
    return !mt_connection_offline(p->a.connection) && !mt_connection_offline(p->b.connection);
}

static bool end_begin(mti_end *end, mti_pair *p, mti_end *other, const char *name)
{
    const mt_subscriber subscriber = {on_event, on_events_end, end};

    end->pair = p;
    end->other = other;
    end->name = name;
    return mt_event_stream_subscribe(mt_connection_events(end->connection), &subscriber,
                                     &end->events) == MT_OK;
}

bool mti_pair_open(mti_pair *p)
{
    const mt_conformance_connection *subject = p->subject;
    mt_error err = {.status = MT_OK};
    mt_status st;

    *p = (mti_pair){.trial = p->trial, .subject = subject, .len_of = short_len};
    st = subject->connect(subject->ctx, &p->a.connection, &p->b.connection, &err);
    if (st != MT_OK) {
        mti_trial_violate(p->trial, "it does not connect: %s",
                          err.text[0] ? err.text : mt_status_text(st));
        p->trial->first = (mt_error){.status = st};
        memcpy(p->trial->first.text, p->trial->violation, sizeof p->trial->first.text);
        p->a.connection = p->b.connection = NULL;
        return false;
    }
    if (!end_begin(&p->a, p, &p->b, "a") || !end_begin(&p->b, p, &p->a, "b")) {
        mti_trial_violate(p->trial, "the events of a new connection cannot be subscribed to");
    }
    mti_pair_await(p, both_online, "a new link does not come online");
    return !p->trial->broken;
}

static bool has_ended(const mti_end *end)
{
    return !end->connection || end->closed;
}

static bool both_ended(const mti_pair *p)
{
    return has_ended(&p->a) && has_ended(&p->b);
}

void mti_pair_close(mti_pair *p)
{
    p->ending = true;
    mti_end_close(&p->a);
    mti_end_close(&p->b);
    mti_pair_await(p, both_ended, "an end that was closed does not say so");
    mti_pair_settle(p);
    mti_end_let_go(&p->a);
    mti_end_let_go(&p->b);
    mti_pair_settle(p);
}
