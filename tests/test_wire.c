/* test_wire.c - as plugins/pipe.c, with less of everything: an end keeps the packets that are on their way to it,
 * and a timer fires a millisecond after there is something to do. */
#include "test_wire.h"

#include <string.h>

#define AWAY_MS 50 /* how long the link is down, or full */

typedef struct packet {
    struct packet *next;
    size_t len;
    uint8_t bytes[];
} packet;

typedef struct wire wire;

typedef struct wire_end {
    wire *of;
    struct wire_end *other;
    mt_connection *connection; /* NULL once it is gone */
    packet *first, **last;     /* on their way to this end */
    size_t queued;
    bool listening, closing, over;
    bool full; /* it was told MT_AGAIN */
    mt_timer timer;
    bool set;
} wire_end;

struct wire {
    const mt_env *env;
    test_wire_fault *fault;
    wire_end ends[2];
    size_t left; /* ends */
    bool cut;
    mt_timer mending;
};

static void *take(size_t size)
{
    void *taken = test_mem()->resize(test_mem()->ctx, NULL, 0, size);

    CHECK(taken);
    return taken;
}

static void packet_free(packet *p)
{
    test_mem()->resize(test_mem()->ctx, p, sizeof *p + p->len, 0);
}

static void packets_drop(wire_end *e)
{
    packet *p;

    while ((p = e->first)) {
        e->first = p->next;
        packet_free(p);
    }
    e->last = &e->first;
    e->queued = 0;
}

/* ---- Time ---- */

static bool is_due(const wire_end *e)
{
    if (e->over || !e->connection) return false;
    if (e->closing) return true;
    return !e->of->cut && (e->first ? e->listening : e->other->closing);
}

static void arm(wire_end *e)
{
    if (e->set || !is_due(e)) return;
    e->set = true;
    e->of->env->timer_set(e->of->env->ctx, &e->timer, 1);
}

/* Those that were there when it began: who answers at once does not keep the loop from all else. */
static void deliver(wire_end *e)
{
    size_t count = 0;

    for (const packet *p = e->first; p; p = p->next) count++;
    while (count-- > 0 && e->first && e->listening && !e->of->cut && !e->closing) {
        packet *p = e->first;

        if (!(e->first = p->next)) e->last = &e->first;
        e->queued -= p->len;
        CHECK(mt_connection_deliver(e->connection, (mt_bytes){p->bytes, p->len}) == MT_OK);
        packet_free(p);
    }
}

static void fire(void *arg)
{
    wire_end *e = arg;
    mt_connection *connection = mt_connection_ref(e->connection);

    e->set = false;
    deliver(e);
    if (is_due(e) && !(e->first && !e->closing)) {
        e->over = true;
        mt_connection_closed(connection, NULL);
    }
    arm(e);
    mt_connection_unref(connection); /* and with it perhaps the end */
}

/* ---- What is wrong with it ---- */

static void set_cut(wire *w, bool cut)
{
    mt_connection *ends[2];

    w->cut = cut;
    for (size_t i = 0; i < 2; i++) {
        ends[i] = mt_connection_ref(w->ends[i].connection);
        if (cut) packets_drop(&w->ends[i]);
        arm(&w->ends[i]);
    }
    for (size_t i = 0; i < 2; i++) {
        if (ends[i]) mt_connection_set_offline(ends[i], w->cut);
        mt_connection_unref(ends[i]);
    }
}

/* One that failed from then on does so until somebody says otherwise; so this looks again and again. */
static void mend(void *arg)
{
    wire *w = arg;
    const test_wire_fault *fault = w->fault;
    mt_connection *ends[2];

    if (fault->from_then_on && fault->count > fault->fail_at && fault->how == TEST_WIRE_FULL) {
        w->env->timer_set(w->env->ctx, &w->mending, AWAY_MS);
        return;
    }
    for (size_t i = 0; i < 2; i++) ends[i] = mt_connection_ref(w->ends[i].connection);
    if (fault->how == TEST_WIRE_BREAKS) set_cut(w, !w->cut);
    if (w->cut) w->env->timer_set(w->env->ctx, &w->mending, AWAY_MS);
    for (size_t i = 0; i < 2; i++) {
        if (ends[i] && w->ends[i].full) {
            w->ends[i].full = false;
            mt_connection_writable(ends[i]);
        }
        mt_connection_unref(ends[i]);
    }
}

/* What becomes of the next send; MT_OK: it goes, if the link does not break. */
static mt_status next_send(test_wire_fault *fault, bool *breaks)
{
    uint64_t number = fault->count++, past = number - fault->fail_at;
    uint64_t wrong = fault->how == TEST_WIRE_CHOKES ? 2 : 1; /* sends in a row */

    *breaks = false;
    if (number < fault->fail_at || (past >= wrong && !fault->from_then_on)) return MT_OK;
    fault->tripped = true;
    switch (fault->how) {
    case TEST_WIRE_FAILS: return MT_NO_MEMORY;
    case TEST_WIRE_FULL: return MT_AGAIN;
    case TEST_WIRE_CHOKES: return past % 2 ? MT_NO_MEMORY : MT_AGAIN;
    case TEST_WIRE_BREAKS: break;
    }
    *breaks = true;
    return MT_OK;
}

/* ---- What a connection asks for ---- */

static mt_status end_send(void *ctx, mt_bytes message)
{
    wire_end *e = ctx, *to = e->other;
    wire *w = e->of;
    mt_status st;
    bool breaks;
    packet *p;

    if (to->closing || to->over) return MT_CLOSED;
    st = next_send(w->fault, &breaks);
    if (breaks) w->env->timer_set(w->env->ctx, &w->mending, 0);
    if (st == MT_AGAIN) w->env->timer_set(w->env->ctx, &w->mending, AWAY_MS);
    if (st == MT_AGAIN) e->full = true;
    if (st != MT_OK) return st;
    p = take(sizeof *p + message.len);
    p->next = NULL;
    p->len = message.len;
    if (message.len) memcpy(p->bytes, message.data, message.len);
    *to->last = p;
    to->last = &p->next;
    to->queued += message.len;
    arm(to);
    return MT_OK;
}

static size_t end_queued(void *ctx)
{
    const wire_end *e = ctx;

    return e->other->queued + e->full;
}

static void end_start(void *ctx)
{
    wire_end *e = ctx;

    e->listening = true;
    arm(e);
}

static void end_stop(void *ctx)
{
    ((wire_end *)ctx)->listening = false;
}

static void end_close(void *ctx)
{
    wire_end *e = ctx;

    e->closing = true;
    packets_drop(e);
    arm(e);
    arm(e->other);
}

static void end_free(void *ctx)
{
    wire_end *e = ctx;
    wire *w = e->of;

    w->env->timer_stop(w->env->ctx, &e->timer);
    packets_drop(e);
    e->connection = NULL;
    e->closing = true;
    if (--w->left > 0) return;
    w->env->timer_stop(w->env->ctx, &w->mending);
    test_mem()->resize(test_mem()->ctx, w, sizeof *w, 0);
}

static const mt_connection_ops wire_ops = {
    .abi = MT_CONNECTION_ABI,
    .size = sizeof wire_ops,
    .type = "wire",
    .send = end_send,
    .queued = end_queued,
    .start = end_start,
    .stop = end_stop,
    .close = end_close,
    .free = end_free,
};

/* ---- Making one ---- */

static mt_status end_begin(wire *w, size_t at, const char *id)
{
    wire_end *e = &w->ends[at];
    mt_status st;

    e->of = w;
    e->other = &w->ends[1 - at];
    e->last = &e->first;
    e->timer = (mt_timer){.fire = fire, .arg = e};
    st = mt_connection_new(w->env->mem, mt_str(id), &wire_ops, e, 0, &e->connection, NULL);
    if (st == MT_OK) w->left++;
    return st;
}

mt_status test_wire_new(const mt_env *env, test_wire_fault *fault, const char *a_id,
                        const char *b_id, mt_connection **a, mt_connection **b)
{
    wire *w = take(sizeof *w);
    mt_status st;

    memset(w, 0, sizeof *w);
    w->env = env;
    w->fault = fault;
    w->mending = (mt_timer){.fire = mend, .arg = w};
    w->ends[1].last = &w->ends[1].first;
    if ((st = end_begin(w, 0, a_id)) != MT_OK) {
        test_mem()->resize(test_mem()->ctx, w, sizeof *w, 0);
        return st;
    }
    if ((st = end_begin(w, 1, b_id)) != MT_OK) {
        mt_connection_closed(w->ends[0].connection, NULL);
        mt_connection_unref(w->ends[0].connection);
        return st;
    }
    *a = w->ends[0].connection;
    *b = w->ends[1].connection;
    return MT_OK;
}

void test_wire_cut(mt_connection *end, bool cut)
{
    wire_end *e = mt_connection_ctx(end, &wire_ops);

    CHECK(e);
    if (e->of->cut == cut) return;
    e->of->env->timer_stop(e->of->env->ctx, &e->of->mending);
    set_cut(e->of, cut);
}
