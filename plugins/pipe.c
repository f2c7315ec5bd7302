/* pipe.c - two connections in one process, joined back to back.
 *
 *     end a                                       end b
 *     send ----------------> packets to b ------> deliver
 *     deliver <------------- packets to a <------ send
 *
 * An end keeps the packets that are on their way to it, and one timer, which fires when something
 * is due there: the oldest packet, if somebody listens; that the other end has closed, after all
 * its packets; or that it was closed itself. What is sent while the timer fires waits for the next
 * turn, so that who sends more in answer to a message does not keep the loop from all else.
 *
 * Callbacks may do anything, so that an end holds its connection while its timer fires. The pipe is
 * gone with the last of its ends. */
#include <mytosis/plugin/network.h>
#include <mytosis/plugin/pipe.h>

#include <string.h>

#define QUEUED_MAX ((size_t)256 * 1024)

typedef struct packet {
    struct packet *next;
    uint64_t number; /* in the order of sending */
    uint64_t due_ms;
    size_t len;
    uint8_t bytes[];
} packet;

typedef struct end {
    struct pipe *pipe;
    struct end *other;
    mt_connection *connection; /* BORROWED; NULL once it is gone */
    packet *first;             /* on the way to this end */
    packet *last;
    size_t queued; /* bytes of these */
    bool full;     /* the other end was told MT_AGAIN */
    bool listening;
    bool closing;      /* its own side closed it */
    bool other_closed; /* and this end learns of it at: */
    uint64_t closed_ms;
    bool over; /* it was reported closed */
    mt_timer timer;
    bool set; /* the timer is, for: */
    uint64_t set_ms;
} end;

typedef struct pipe {
    const mt_env *env;
    size_t queued_max;
    uint64_t latency_ms;
    uint64_t sent; /* packets ever */
    bool cut;
    unsigned ends_left;
    end a;
    end b;
} pipe;

/* ---- Memory and time ---- */

static void *take(const pipe *p, size_t size)
{
    return p->env->mem->resize(p->env->mem->ctx, NULL, 0, size);
}

static void give(const pipe *p, void *ptr, size_t size)
{
    p->env->mem->resize(p->env->mem->ctx, ptr, size, 0);
}

static uint64_t now_of(const pipe *p)
{
    return p->env->ticks_ms(p->env->ctx);
}

/* ---- Packets ---- */

static size_t packet_size(size_t len)
{
    return sizeof(packet) + len;
}

static void packet_free(const pipe *p, packet *gone)
{
    give(p, gone, packet_size(gone->len));
}

static void packets_drop(end *e)
{
    while (e->first) {
        packet *gone = e->first;

        e->first = gone->next;
        packet_free(e->pipe, gone);
    }
    e->last = NULL;
    e->queued = 0;
    e->full = false;
}

static packet *packet_pop(end *e)
{
    packet *oldest = e->first;

    e->first = oldest->next;
    if (!e->first) e->last = NULL;
    e->queued -= packet_size(oldest->len);
    return oldest;
}

/* ---- The timer of an end ---- */

/* Whether something is to be done at this end, without more being called; and when. */
static bool is_due(const end *e, uint64_t *due_ms)
{
    if (e->over) return false;
    *due_ms = 0;
    if (e->closing) return true;
    if (e->pipe->cut) return false;
    *due_ms = e->first ? e->first->due_ms : e->closed_ms;
    return e->first ? e->listening : e->other_closed;
}

/* A timer that is set already stays, so that it cannot be put off for ever. */
static void arm(end *e)
{
    const mt_env *env = e->pipe->env;
    uint64_t due_ms, now_ms = now_of(e->pipe);

    if (!is_due(e, &due_ms) || (e->set && e->set_ms <= due_ms)) return;
    e->set = true;
    e->set_ms = due_ms;
    env->timer_set(env->ctx, &e->timer, due_ms > now_ms ? due_ms - now_ms : 0);
}

/* Gives what is due to whoever listens, and tells the other end when half of the room is free. */
static void deliver(end *e)
{
    pipe *p = e->pipe;
    uint64_t due_ms, now_ms = now_of(p), last = p->sent;

    while (e->first && e->first->number <= last && is_due(e, &due_ms) && due_ms <= now_ms) {
        packet *oldest = packet_pop(e);
        mt_bytes bytes = {oldest->bytes, oldest->len};
        mt_status st = mt_connection_deliver(e->connection, bytes);

        (void)st; /* the connection is open and somebody listens */
        packet_free(p, oldest);
        if (!e->full || e->queued > p->queued_max / 2) continue;
        e->full = false;
        if (e->other->connection) mt_connection_writable(e->other->connection);
    }
}

static void fire(void *arg)
{
    end *e = arg;
    mt_connection *connection = mt_connection_ref(e->connection);
    uint64_t due_ms;

    e->set = false;
    deliver(e);
    if (!e->first && is_due(e, &due_ms) && due_ms <= now_of(e->pipe)) {
        e->over = true;
        mt_connection_closed(connection, NULL);
    }
    arm(e);
    mt_connection_unref(connection); /* and with it perhaps the end */
}

/* ---- What a connection asks for ---- */

static mt_status end_send(void *ctx, mt_bytes message)
{
    end *e = ctx, *to = e->other;
    pipe *p = e->pipe;
    size_t size = packet_size(message.len);
    packet *sent;

    if (to->closing || to->over) return MT_CLOSED;
    if (to->queued > 0 && (size > p->queued_max || to->queued > p->queued_max - size)) {
        to->full = true;
        return MT_AGAIN;
    }
    if (!(sent = take(p, size))) return MT_NO_MEMORY;
    *sent = (packet){.number = ++p->sent, .due_ms = now_of(p) + p->latency_ms, .len = message.len};
    if (message.len > 0) memcpy(sent->bytes, message.data, message.len);
    if (to->last) to->last->next = sent;
    else to->first = sent;
    to->last = sent;
    to->queued += size;
    arm(to);
    return MT_OK;
}

static size_t end_queued(void *ctx)
{
    return ((const end *)ctx)->other->queued;
}

static void end_start(void *ctx)
{
    end *e = ctx;

    e->listening = true;
    arm(e);
}

static void end_stop(void *ctx)
{
    ((end *)ctx)->listening = false;
}

static void end_close(void *ctx)
{
    end *e = ctx;

    e->closing = true;
    packets_drop(e);
    arm(e);
    e->other->other_closed = true;
    e->other->closed_ms = now_of(e->pipe) + e->pipe->latency_ms;
    arm(e->other);
}

static void end_free(void *ctx)
{
    end *e = ctx;
    pipe *p = e->pipe;

    p->env->timer_stop(p->env->ctx, &e->timer);
    packets_drop(e);
    e->connection = NULL;
    if (--p->ends_left == 0) give(p, p, sizeof *p);
}

static const mt_connection_ops pipe_ops = {
    .abi = MT_CONNECTION_ABI,
    .size = sizeof pipe_ops,
    .type = "pipe",
    .send = end_send,
    .queued = end_queued,
    .start = end_start,
    .stop = end_stop,
    .close = end_close,
    .free = end_free,
};

/* ---- Making one ---- */

static mt_pipe_options options_with_defaults(const mt_pipe_options *options)
{
    mt_pipe_options own = {0};

    if (options) memcpy(&own, options, options->size < sizeof own ? options->size : sizeof own);
    if (!own.a_id.data) own.a_id = mt_str("a");
    if (!own.b_id.data) own.b_id = mt_str("b");
    if (!own.queued_max) own.queued_max = QUEUED_MAX;
    return own;
}

static mt_status end_begin(pipe *p, end *e, end *other, mt_bytes id, unsigned flags, mt_error *err)
{
    mt_status st;

    e->pipe = p;
    e->other = other;
    e->timer = (mt_timer){.fire = fire, .arg = e};
    st = mt_connection_new(p->env->mem, id, &pipe_ops, e, flags, &e->connection, err);
    if (st == MT_OK) p->ends_left++;
    return st;
}

mt_status mt_pipe_new(const mt_env *env, const mt_pipe_options *options, mt_connection **a,
                      mt_connection **b, mt_error *err)
{
    const mt_pipe_options own = options_with_defaults(options);
    mt_status st;
    pipe *p;

    if (!(p = env->mem->resize(env->mem->ctx, NULL, 0, sizeof *p))) {
        if (err) *err = (mt_error){MT_NO_MEMORY, "out of memory"};
        return MT_NO_MEMORY;
    }
    *p = (pipe){.env = env, .queued_max = own.queued_max, .latency_ms = own.latency_ms};
    p->cut = own.flags & MT_CONNECTION_OFFLINE;
    if ((st = end_begin(p, &p->a, &p->b, own.a_id, own.flags, err)) != MT_OK) {
        give(p, p, sizeof *p);
        return st;
    }
    if ((st = end_begin(p, &p->b, &p->a, own.b_id, own.flags, err)) != MT_OK) {
        mt_connection_closed(p->a.connection, NULL);
        mt_connection_unref(p->a.connection);
        return st;
    }
    *a = p->a.connection;
    *b = p->b.connection;
    return MT_OK;
}

/* ---- Cutting ---- */

/* Callbacks may cut and restore it again, and close the ends: what holds in the end is what is
 * told. */
static mt_status cut(mt_connection *connection, bool cut)
{
    end *e = mt_connection_ctx(connection, &pipe_ops);
    mt_connection *a, *b;
    pipe *p;

    if (!e) return MT_INVALID;
    p = e->pipe;
    if (p->cut == cut) return MT_OK;
    p->cut = cut;
    a = mt_connection_ref(p->a.connection);
    b = mt_connection_ref(p->b.connection);
    if (cut) {
        packets_drop(&p->a);
        packets_drop(&p->b);
    }
    arm(&p->a);
    arm(&p->b);
    if (a) mt_connection_set_offline(a, p->cut);
    if (b) mt_connection_set_offline(b, p->cut);
    mt_connection_unref(a);
    mt_connection_unref(b);
    return MT_OK;
}

mt_status mt_pipe_cut(mt_connection *connection)
{
    return cut(connection, true);
}

mt_status mt_pipe_restore(mt_connection *connection)
{
    return cut(connection, false);
}
