/* connection_messages.c - that messages arrive: whole, in order, when somebody listens. */
#include "conformance/connection_checks.h"

static void listen_both(mti_pair *p)
{
    mti_end_listen(&p->a);
    mti_end_listen(&p->b);
}

/* ---- What an end says of itself ---- */

static void check_name(const mti_end *end)
{
    mti_trial *t = end->pair->trial;
    mt_bytes id = mt_connection_id(end->connection);
    mt_bytes type = mt_connection_type(end->connection);

    if (id.len == 0 || id.len > MT_CONNECTION_ID_LEN_MAX)
        mti_trial_violate(t, "the id of end %s has %zu bytes", end->name, id.len);
    if (type.len == 0) mti_trial_violate(t, "the type of end %s is empty", end->name);
    if (mt_connection_ended(end->connection))
        mti_trial_violate(t, "end %s is closed from the start", end->name);
    if (mt_connection_queued(end->connection) != 0)
        mti_trial_violate(t, "end %s has something queued from the start", end->name);
}

void mti_connection_check_names(mti_pair *p)
{
    check_name(&p->a);
    check_name(&p->b);
}

/* ---- Order and length ---- */

void mti_connection_check_order(mti_pair *p)
{
    listen_both(p);
    for (size_t i = 0; i < 50; i++) {
        mti_end_send_some(&p->a, i % 7 + 1);
        mti_end_send_some(&p->b, i % 3);
        if (i % 5 == 4) mti_pair_await_all(p);
    }
    mti_pair_await_all(p);
}

/* About the powers of two, where buffers end, to 1 MiB; then the longest. */
#define LENGTHS (3 * 21 + 1)

static size_t tried_len(uint64_t number)
{
    size_t power = (size_t)1 << number % LENGTHS / 3;

    if (number % LENGTHS == 0) return 0;
    if (number % LENGTHS == LENGTHS - 1) return MT_MESSAGE_LEN_MAX;
    return power + (size_t)(number % LENGTHS % 3) - 1;
}

void mti_connection_check_lengths(mti_pair *p)
{
    p->len_of = tried_len;
    listen_both(p);
    for (size_t i = 0; i < LENGTHS; i++) {
        mti_end_send(&p->a);
        mti_end_send(&p->b);
        mti_pair_await_all(p);
    }
}

/* ---- Sending inside a message ---- */

#define ANSWERS 100

static void answer(mti_end *end)
{
    mti_end_send(end);
    if (end->sent < ANSWERS) end->then = answer;
}

void mti_connection_check_answers(mti_pair *p)
{
    listen_both(p);
    p->a.then = p->b.then = answer;
    mti_end_send(&p->a);
    mti_pair_await_all(p);
    if (p->a.sent + p->b.sent < ANSWERS) {
        mti_trial_violate(p->trial, "of %d answers %llu come", ANSWERS,
                          (unsigned long long)p->a.sent + p->b.sent);
    }
}

/* ---- Nobody listens ---- */

void mti_connection_check_held_back(mti_pair *p)
{
    mti_end_send_some(&p->a, 5);
    mti_pair_settle(p);
    mti_end_listen(&p->b);
    mti_pair_await_all(p);
}

static bool b_has_stopped(const mti_pair *p)
{
    return !p->b.messages;
}

void mti_connection_check_held_back_again(mti_pair *p)
{
    for (size_t round = 0; round < 3; round++) {
        uint64_t heard = p->b.heard;

        mti_end_listen(&p->b);
        p->b.then = mti_end_ignore;
        mti_end_send_some(&p->a, 4);
        mti_pair_await(p, b_has_stopped, "no message arrives");
        mti_pair_settle(p);
        if (p->b.heard > heard + 1)
            mti_trial_violate(p->trial, "a message comes although nobody listens any more");
    }
    mti_end_listen(&p->b);
    mti_pair_await_all(p);
}

/* ---- Backpressure ---- */

#define FULL_LEN 50000
#define FULL_BYTES ((uint64_t)1 << 28)

static size_t full_len(uint64_t number)
{
    (void)number;
    return FULL_LEN;
}

/* Sends until an end is full. */
static void fill(mti_end *end)
{
    mti_trial *t = end->pair->trial;
    uint64_t bound = end->sent + FULL_BYTES / FULL_LEN;

    while (end->sent < bound && mti_end_offer(end)) continue;
    if (end->sent == bound) mti_trial_violate(t, "an end takes any amount while nobody listens");
    if (!t->broken && mt_connection_queued(end->connection) == 0)
        mti_trial_violate(t, "an end says that it is full, and that nothing is queued");
}

static bool a_is_writable(const mti_pair *p)
{
    return p->a.writable > 0;
}

static bool a_has_sent(const mti_pair *p)
{
    return mt_connection_queued(p->a.connection) == 0;
}

void mti_connection_check_full(mti_pair *p)
{
    p->len_of = full_len;
    for (size_t round = 0; round < 2; round++) {
        p->a.writable = 0;
        fill(&p->a);
        mti_end_listen(&p->b);
        mti_pair_await(p, a_is_writable, "there is room again and nobody is told");
        mti_end_send(&p->a);
        mti_pair_await_all(p);
        mti_pair_settle(p);
        if (p->a.writable > 1) mti_trial_violate(p->trial, "room is told of twice");
        mti_pair_await(p, a_has_sent, "all has arrived, and something is still queued");
        mti_end_ignore(&p->b);
    }
}

/* ---- Random traffic ---- */

static size_t mixed_len(uint64_t number)
{
    uint64_t state = number;
    uint64_t drawn = mti_trial_draw(&state);

    return (size_t)(drawn >> 32) % ((size_t)1 << drawn % 15);
}

/* What one end does now and then. */
static void act(mti_end *end, uint64_t drawn)
{
    if (drawn % 16 == 0) mti_end_ignore(end);
    else if (drawn % 16 == 1) mti_end_listen(end);
    mti_end_send_some(end, drawn % 7);
}

void mti_connection_check_traffic(mti_pair *p)
{
    uint64_t seed = p->subject->seed;

    p->len_of = mixed_len;
    listen_both(p);
    for (size_t round = 0; round < 500 && !p->trial->broken; round++) {
        act(&p->a, mti_trial_draw(&seed) >> 8);
        act(&p->b, mti_trial_draw(&seed) >> 8);
        if (round % 4 == 0) mti_pair_turn(p);
    }
    listen_both(p);
    mti_pair_await_all(p);
}
