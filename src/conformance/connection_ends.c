/* connection_ends.c - how links end, and how they break and are mended. */
#include "conformance/connection_checks.h"

static bool both_closed(const mti_pair *p)
{
    return p->a.closed && p->b.closed;
}

static void await_closed(mti_pair *p)
{
    mti_pair_await(p, both_closed, "not both ends say that they are closed");
}

/* ---- Closing ---- */

void mti_connection_check_close(mti_pair *p)
{
    mti_end_listen(&p->a);
    mti_end_listen(&p->b);
    mti_end_send_some(&p->a, 20);
    mti_end_close(&p->a);
    await_closed(p);
    if (p->b.heard != p->a.sent) {
        mti_trial_violate(p->trial, "of %llu messages sent before closing %llu arrive",
                          (unsigned long long)p->a.sent, (unsigned long long)p->b.heard);
    }
    if (p->a.messages_ended != 1 || p->b.messages_ended != 1)
        mti_trial_violate(p->trial, "the messages of a closed connection do not end");
    if (p->a.events_ended != 1 || p->b.events_ended != 1)
        mti_trial_violate(p->trial, "the events of a closed connection do not end");
}

void mti_connection_check_close_other(mti_pair *p)
{
    mti_end_listen(&p->a);
    mti_end_listen(&p->b);
    mti_end_send_some(&p->a, 3);
    mti_pair_await_all(p);
    mti_end_send_some(&p->b, 3);
    mti_end_close(&p->a);
    await_closed(p);
}

void mti_connection_check_close_inside(mti_pair *p)
{
    mti_end_listen(&p->b);
    p->b.then = mti_end_close;
    mti_end_send_some(&p->a, 5);
    await_closed(p);
}

void mti_connection_check_close_both(mti_pair *p)
{
    mti_end_listen(&p->a);
    mti_end_listen(&p->b);
    mti_end_send_some(&p->a, 3);
    mti_end_send_some(&p->b, 3);
    mti_end_close(&p->a);
    mti_end_close(&p->b);
    await_closed(p);
}

static void check_closed(mti_end *end)
{
    const mt_subscriber nobody = {NULL, NULL, NULL};
    mti_trial *t = end->pair->trial;
    mt_connection *connection = end->connection;
    mt_subscription *subscription;

    if (mti_end_try(end) != MT_CLOSED) mti_trial_violate(t, "a closed end takes a message");
    if (!mt_connection_ended(connection) || !mt_connection_offline(connection))
        mti_trial_violate(t, "a closed end is still online");
    if (mt_connection_queued(connection) != 0)
        mti_trial_violate(t, "a closed end has something queued");
    if (mt_event_stream_subscribe(mt_connection_messages(connection), &nobody, &subscription) !=
        MT_END) {
        mti_trial_violate(t, "the messages of a closed end have not ended");
    }
    mt_connection_close(connection);
}

void mti_connection_check_closed_is_closed(mti_pair *p)
{
    mti_end_close(&p->a);
    await_closed(p);
    if (p->trial->broken) return;
    check_closed(&p->a);
    check_closed(&p->b);
    mti_pair_settle(p);
}

/* ---- Letting go ---- */

static bool b_is_closed(const mti_pair *p)
{
    return p->b.closed;
}

void mti_connection_check_let_go(mti_pair *p)
{
    uint64_t sent;

    mti_end_listen(&p->b);
    mti_end_send_some(&p->a, 5);
    sent = p->a.sent;
    mti_end_let_go(&p->a);
    mti_pair_await(p, b_is_closed, "an end that is let go of does not close the other");
    if (p->b.heard != sent)
        mti_trial_violate(p->trial, "what was sent before letting go does not arrive");
}

static void let_go_of_both(mti_end *end)
{
    mti_end_let_go(end->other);
    mti_end_let_go(end);
}

static bool both_gone(const mti_pair *p)
{
    return !p->a.connection && !p->b.connection;
}

void mti_connection_check_let_go_inside(mti_pair *p)
{
    mti_end_listen(&p->b);
    p->b.then = let_go_of_both;
    mti_end_send_some(&p->a, 5);
    mti_pair_await(p, both_gone, "no message arrives");
    mti_pair_settle(p);
}

/* ---- Cutting ---- */

static bool both_offline(const mti_pair *p)
{
    return mt_connection_offline(p->a.connection) && mt_connection_offline(p->b.connection);
}

static bool both_online(const mti_pair *p)
{
    return !mt_connection_offline(p->a.connection) && !mt_connection_offline(p->b.connection);
}

static void cut(mti_pair *p)
{
    if (p->trial->broken) return;
    p->lossy = true;
    p->subject->cut(p->subject->ctx);
    mti_pair_await(p, both_offline, "an end whose link is cut stays online");
}

/* What is sent from now on arrives again. */
static void mend(mti_pair *p)
{
    if (p->trial->broken) return;
    p->subject->mend(p->subject->ctx);
    mti_pair_await(p, both_online, "an end whose link is mended stays offline");
    mti_end_send(&p->a);
    mti_end_send(&p->b);
    mti_pair_await_all(p);
}

static void check_told(const mti_end *end, size_t times)
{
    if (end->offline != times || end->online != times) {
        mti_trial_violate(end->pair->trial,
                          "end %s was cut and mended %zu times, and tells %zu times that it is "
                          "offline, %zu times that it is online",
                          end->name, times, end->offline, end->online);
    }
}

void mti_connection_check_cut(mti_pair *p)
{
    mti_end_listen(&p->a);
    mti_end_listen(&p->b);
    p->a.online = p->b.online = p->a.offline = p->b.offline = 0;
    mti_end_send_some(&p->a, 3);
    cut(p);
    if (p->trial->broken) return;
    if (mti_end_try(&p->a) != MT_OFFLINE || mti_end_try(&p->b) != MT_OFFLINE)
        mti_trial_violate(p->trial, "an end that is offline does not say so to who sends");
    mend(p);
    check_told(&p->a, 1);
    check_told(&p->b, 1);
}

void mti_connection_check_cuts(mti_pair *p)
{
    uint64_t seed = p->subject->seed + 1;

    mti_end_listen(&p->a);
    mti_end_listen(&p->b);
    p->a.online = p->b.online = p->a.offline = p->b.offline = 0;
    for (size_t round = 0; round < 20; round++) {
        uint64_t drawn = mti_trial_draw(&seed) >> 8;

        mti_end_send_some(&p->a, drawn % 20);
        mti_end_send_some(&p->b, drawn / 32 % 20);
        if (drawn / 1024 % 2) mti_pair_turn(p);
        cut(p);
        mend(p);
    }
    check_told(&p->a, 20);
    check_told(&p->b, 20);
}
