/* sim/wire.c
 *
 *     end 0                                       end 1
 *     send ----------------> packets to 1 ------> deliver
 *     deliver <------------- packets to 0 <------ send
 *
 * An end has one timer, which fires when something is due there: the oldest packet; that the wire is cut;
 * that the other end has closed, after all its packets; or that it was closed itself. */
#include "sim/wire.h"

#include "sim/meter.h"
#include "sim/room.h"

#include <mytosis/host.h>

#include <stdlib.h>
#include <string.h>

typedef struct mti_sim_packet {
    struct mti_sim_packet *next;
    uint64_t number, due_ms;
    size_t len;
    uint8_t bytes[];
} packet;

static uint64_t now_of(const mti_sim_wire *wire)
{
    return wire->env->ticks_ms(wire->env->ctx);
}

static size_t number_of(const mti_sim_end *e)
{
    return (size_t)(e - e->wire->ends);
}

/* ---- Packets ---- */

static void packets_drop(mti_sim_end *e)
{
    while (e->first) {
        packet *gone = e->first;
        e->first = gone->next;
        free(gone);
    }
    e->last = NULL;
    e->queued = 0;
    e->full = false;
}

static packet *packet_pop(mti_sim_end *e)
{
    packet *oldest = e->first;

    e->first = oldest->next;
    if (!e->first) e->last = NULL;
    e->queued -= sizeof *oldest + oldest->len;
    return oldest;
}

/* ---- The timer of an end ---- */

static bool has_to_notice(const mti_sim_end *e)
{
    return e->connection && !mt_connection_offline(e->connection);
}

/* Of a wire that is cut: an end goes offline, and learns of a close after that. */
static bool is_due_while_cut(const mti_sim_end *e, uint64_t *due_ms)
{
    *due_ms = e->other_closed ? e->closed_ms : UINT64_MAX;
    if (has_to_notice(e) && e->offline_ms < *due_ms) *due_ms = e->offline_ms;
    return *due_ms != UINT64_MAX;
}

static bool is_due(const mti_sim_end *e, uint64_t *due_ms)
{
    if (e->over) return false;
    *due_ms = 0;
    if (e->closing) return true;
    if (e->wire->cut) return is_due_while_cut(e, due_ms);
    *due_ms = e->first ? e->first->due_ms : e->closed_ms;
    return e->first ? e->listening && !e->stalled : e->other_closed;
}

static void arm(mti_sim_end *e)
{
    const mt_env *env = e->wire->env;
    uint64_t due_ms, now_ms = now_of(e->wire);

    if (!is_due(e, &due_ms) || (e->set && e->set_ms <= due_ms)) return;
    e->set = true;
    e->set_ms = due_ms;
    env->timer_set(env->ctx, &e->timer, due_ms > now_ms ? due_ms - now_ms : 0);
}

static void count_versions(mti_sim_end *e, mt_bytes message)
{
    unsigned most = 0;

    if (e->wire->reader) most = mti_sim_meter(e->wire->reader, message, &e->came);
    if (most > *e->wire->version_most) *e->wire->version_most = most;
}

static void deliver(mti_sim_end *e)
{
    mti_sim_wire *wire = e->wire;
    uint64_t due_ms, now_ms = now_of(wire), last = wire->sent;

    while (!wire->cut && e->first && e->first->number <= last && is_due(e, &due_ms) &&
           due_ms <= now_ms) {
        packet *oldest = packet_pop(e);
        mt_bytes bytes = {oldest->bytes, oldest->len};
        mti_sim_note(wire->trace, MTI_SIM_DELIVERED, wire->where, now_ms, oldest->number);
        count_versions(e, bytes);
        if (mt_connection_deliver(e->connection, bytes) != MT_OK)
            mti_sim_refuse("a message is not taken where somebody listens");
        free(oldest);
        if (!e->full || e->queued > wire->queued_max / 2) continue;
        e->full = false;
        if (e->other->connection) mt_connection_writable(e->other->connection);
    }
}

static void fire(void *arg)
{
    mti_sim_end *e = arg;
    mt_connection *connection = mt_connection_ref(e->connection);
    uint64_t due_ms;

    e->set = false;
    deliver(e);
    if (is_due(e, &due_ms) && due_ms <= now_of(e->wire)) {
        if (e->wire->cut && !e->closing && has_to_notice(e)) {
            mt_connection_set_offline(connection, true);
        } else if (!e->first) {
            e->over = *e->wire->tend = true;
            mt_connection_closed(connection, NULL);
        }
    }
    arm(e);
    mt_connection_unref(connection); /* and with it perhaps the end */
}

/* ---- What a connection asks for ---- */

static uint64_t due_of(mti_sim_wire *wire, const mti_sim_end *to, size_t len)
{
    uint64_t now_ms = now_of(wire);
    uint64_t due_ms = now_ms + wire->latency_min_ms;

    due_ms += mti_sim_below(&wire->draws, wire->latency_more_ms + 1);
    if (due_ms < to->last_ms) due_ms = to->last_ms;
    return to->per_ms ? due_ms + len / to->per_ms : due_ms;
}

static mt_status end_send(void *ctx, mt_bytes message)
{
    mti_sim_end *e = ctx, *to = e->other;
    mti_sim_wire *wire = e->wire;
    size_t size = sizeof(packet) + message.len;
    packet *sent;

    if (to->closing || to->over) return MT_OK; /* it is lost, which this end does not know yet */
    if (to->queued > 0 && (size > wire->queued_max || to->queued > wire->queued_max - size)) {
        to->full = true;
        return MT_AGAIN;
    }
    wire->sent++;
    ++*wire->messages;
    *wire->bytes += message.len;
    mti_sim_note(wire->trace, MTI_SIM_SENT, wire->where, now_of(wire),
                 mti_sim_hash(message, number_of(e)));
    if (wire->cut) return MT_OK; /* it is lost, which this end does not know yet */
    sent = mti_sim_new(1, size);
    sent->number = wire->sent;
    sent->due_ms = to->last_ms = due_of(wire, to, message.len);
    sent->len = message.len;
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
    return ((const mti_sim_end *)ctx)->other->queued;
}

static void end_start(void *ctx)
{
    mti_sim_end *e = ctx;

    e->listening = true;
    arm(e);
}

static void end_stop(void *ctx)
{
    ((mti_sim_end *)ctx)->listening = false;
}

static void end_close(void *ctx)
{
    mti_sim_end *e = ctx;
    mti_sim_wire *wire = e->wire;

    *wire->tend = true;
    e->closing = true;
    packets_drop(e);
    arm(e);
    e->other->other_closed = true;
    e->other->stalled = false; /* nobody ends that any more */
    if (e->other->per_ms) mti_sim_wire_slow(wire, number_of(e->other), 0);
    e->other->closed_ms = now_of(wire) + wire->latency_min_ms;
    if (wire->lag_ms) e->other->closed_ms += mti_sim_spread(&wire->draws, wire->lag_ms);
    arm(e->other);
}

static void end_free(void *ctx)
{
    mti_sim_end *e = ctx;
    mti_sim_wire *wire = e->wire;

    wire->env->timer_stop(wire->env->ctx, &e->timer);
    packets_drop(e);
    mti_sim_tally_end(&e->came);
    e->connection = NULL;
    if (--wire->ends_left == 0) free(wire);
}

static const mt_connection_ops wire_ops = {
    .abi = MT_CONNECTION_ABI,
    .size = sizeof wire_ops,
    .type = "simulated",
    .send = end_send,
    .queued = end_queued,
    .start = end_start,
    .stop = end_stop,
    .close = end_close,
    .free = end_free,
};

mti_sim_wire *mti_sim_wire_new(const mti_sim_wire *like, const mt_bytes ids[2])
{
    mti_sim_wire *wire = mti_sim_new(1, sizeof *wire);

    *wire = *like;
    wire->ends_left = 2;
    for (size_t i = 0; i < 2; i++) {
        mti_sim_end *e = &wire->ends[i];
        e->wire = wire;
        e->other = &wire->ends[1 - i];
        e->timer = (mt_timer){.fire = fire, .arg = e};
        if (mt_connection_new(mt_mem_system(), ids[i], &wire_ops, e, 0, &e->connection, NULL) !=
            MT_OK)
            mti_sim_refuse("out of memory");
    }
    return wire;
}

/* ---- Faults ---- */

void mti_sim_wire_cut(mti_sim_wire *wire, size_t end, uint64_t later_ms)
{
    if (wire->cut) return;
    wire->cut = true;
    for (size_t i = 0; i < 2; i++) {
        packets_drop(&wire->ends[i]);
        wire->ends[i].offline_ms = now_of(wire) + (i == end ? 0 : later_ms);
        arm(&wire->ends[i]);
    }
}

void mti_sim_wire_mend(mti_sim_wire *wire)
{
    mt_connection *held[2];

    if (!wire->cut) return;
    for (size_t i = 0; i < 2; i++) {
        held[i] = mt_connection_ref(wire->ends[i].connection);
        if (held[i]) mt_connection_set_offline(held[i], true);
    }
    wire->cut = false;
    for (size_t i = 0; i < 2; i++) {
        mti_sim_tally_end(&wire->ends[i].came);
        packets_drop(&wire->ends[i]);
        arm(&wire->ends[i]);
    }
    for (size_t i = 0; i < 2; i++) {
        if (held[i]) mt_connection_set_offline(held[i], false);
        mt_connection_unref(held[i]);
    }
}

void mti_sim_wire_stall(mti_sim_wire *wire, size_t end, bool stalled)
{
    wire->ends[end].stalled = stalled;
    arm(&wire->ends[end]);
}

void mti_sim_wire_slow(mti_sim_wire *wire, size_t end, uint64_t per_ms)
{
    mti_sim_end *e = &wire->ends[end];

    e->per_ms = per_ms;
    if (per_ms) return;
    for (packet *p = e->first; p; p = p->next)
        if (p->due_ms > now_of(wire)) p->due_ms = now_of(wire);
    e->last_ms = now_of(wire);
    arm(e);
}

void mti_sim_wire_silence(mti_sim_wire *wire, size_t end)
{
    packets_drop(&wire->ends[end]);
    packets_drop(&wire->ends[1 - end]);
    wire->cut = true;
    for (size_t i = 0; i < 2; i++) wire->ends[i].offline_ms = UINT64_MAX;
}
