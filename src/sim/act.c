/* act.c - what each action does, with numbers of its own. */
#include "sim/world.h"

#include "sim/room.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_MAX 4
#define FIELDS_MAX 4
#define TEXT_MAX 3000
#define CRASH_EVENTS 200
#define DAY_MS (UINT64_C(24) * 3600 * 1000)

/* ---- Writing ---- */

typedef struct writing {
    mti_sim_peer *peer;
    mt_done *done;
    void *ctx;
} writing;

static void keep_sure(mt_graph *sure, const mt_delta *delta)
{
    mt_delta_iter iter;
    mt_delta_node node;
    mt_field field;
    mt_status st = MT_OK;

    mt_delta_iter_init(&iter, delta, MT_UPDATE);
    while (mt_delta_iter_node(&iter, &node)) {
        mt_row row = {.uid = node.uid, .floor = node.floor};
        if (row.floor && st == MT_OK) st = mt_graph_merge_rows(sure, &row, 1, NULL);
        row.fields = &field;
        row.count = 1;
        while (mt_delta_iter_field(&iter, &field))
            if (st == MT_OK) st = mt_graph_merge_rows(sure, &row, 1, NULL);
    }
    if (st != MT_OK) mti_sim_refuse("what was written cannot be kept");
}

static void written(void *ctx, mt_db *db, const mt_result *result)
{
    writing last = *(writing *)ctx;

    free(ctx);
    if (result->status == MT_OK) {
        last.peer->sim->report->acknowledged++;
        if (result->delta) keep_sure(last.peer->sure, result->delta);
    }
    if (last.done) last.done(last.ctx, db, result);
}

mt_status mt_sim_write(mt_sim *sim, size_t peer, const mt_row *rows, size_t count,
                       const mt_options *options, mt_done *done, void *ctx)
{
    writing *w;
    mt_status st;

    if (!mt_sim_db(sim, peer)) return MT_CLOSED;
    w = mti_sim_new(1, sizeof *w);
    *w = (writing){&sim->peers[peer], done, ctx};
    st = mt_write(sim->peers[peer].db, rows, count, options, written, w, NULL);
    if (st != MT_OK) free(w);
    return st;
}

/* ---- Edits of the simulator's own ---- */

typedef struct row_room {
    char uid[32];
    char names[FIELDS_MAX][16];
    mt_field fields[FIELDS_MAX];
    char text[TEXT_MAX];
} row_room;

static mt_value draw_value(mt_sim *sim, row_room *room)
{
    uint64_t value = mti_sim_below(&sim->draws, sim->values);
    size_t len = (size_t)mti_sim_spread(&sim->draws, TEXT_MAX - 1);

    switch (mti_sim_below(&sim->draws, 7)) {
    case 0: return mt_null();
    case 1: return mt_bool(value & 1);
    case 2: return mt_edge(mt_str(room->uid));
    case 3: return mt_int(INT64_MIN + (int64_t)value);
    case 4: return mt_number((double)value / 8);
    default:
        memset(room->text, 'a' + (int)(value % 26), len);
        return mt_string((mt_bytes){(const uint8_t *)room->text, len});
    }
}

static mt_row draw_row(mt_sim *sim, row_room *room)
{
    mt_row row = {.fields = room->fields};
    size_t names[FIELDS_MAX];

    snprintf(room->uid, sizeof room->uid, "%s/%u",
             mti_sim_once_in(&sim->draws, 2) ? "user" : "note",
             (unsigned)mti_sim_below(&sim->draws, sim->uids));
    row.uid = mt_str(room->uid);
    row.delete_node = mti_sim_once_in(&sim->draws, 12);
    for (size_t i = 0; i < FIELDS_MAX && !mti_sim_once_in(&sim->draws, 3); i++) {
        mt_field *field = &room->fields[row.count];
        bool known = false;
        names[row.count] = (size_t)mti_sim_below(&sim->draws, sim->names);
        for (size_t j = 0; j < row.count; j++) known |= names[j] == names[row.count];
        if (known) continue;
        snprintf(room->names[row.count], sizeof room->names[0], "f%zu", names[row.count]);
        *field = (mt_field){.name = mt_str(room->names[row.count]), .value = draw_value(sim, room)};
        if (mti_sim_once_in(&sim->draws, 6))
            *field = (mt_field){.name = field->name, .kind = MT_FIELD_DELETED};
        row.count++;
    }
    return row;
}

void mt_sim_edit(mt_sim *sim, size_t peer)
{
    size_t count = 1 + (size_t)mti_sim_below(&sim->draws, ROWS_MAX);
    row_room *rooms = mti_sim_new(count, sizeof *rooms);
    mt_row rows[ROWS_MAX];

    for (size_t i = 0; i < count; i++) rows[i] = draw_row(sim, &rooms[i]);
    (void)!mt_sim_write(sim, peer, rows, count, NULL, NULL, NULL);
    free(rooms);
}

/* Now and then a peer says what it may, or that the root has taken back what a liar may. */
static void publish(mt_sim *sim, mti_sim_peer *peer)
{
    const mti_sim_peer *of = &sim->peers[mti_sim_below(&sim->draws, sim->peer_count)];

    if (mti_sim_once_in(&sim->draws, 15)) mti_sim_device_publish(peer, peer, false);
    if (of->role->lies && mti_sim_once_in(&sim->draws, 15)) mti_sim_device_publish(peer, of, true);
}

static void edit(mt_sim *sim, size_t at)
{
    mti_sim_peer *peer = &sim->peers[at];

    if (!mti_sim_peer_up(peer)) return;
    sim->report->edits++;
    if (sim->plan->space && peer->linkable) publish(sim, peer);
    if (peer->role->lies) mti_sim_lie(sim, peer);
    else if (sim->options->edit) sim->options->edit(sim->options->ctx, sim, at);
    else mt_sim_edit(sim, at);
}

/* ---- Disks and clocks ---- */

static void disk_copy(mti_sim_disk *to, const mti_sim_disk *from)
{
    mti_sim_draws unused = {{0}};

    mti_sim_disk_end(to);
    *to = mti_sim_disk_crash(from, MTI_SIM_CRASH_NONE, &unused);
}

static mt_graph *clone_of(const mt_graph *graph)
{
    mt_graph *clone;

    if (mt_graph_clone(graph, &clone) != MT_OK) mti_sim_refuse("out of memory");
    return clone;
}

static void back_up(mti_sim_peer *peer)
{
    if (!peer->stored || peer->dying) return;
    disk_copy(&peer->backup, &peer->disk);
    peer->has_backup = true;
    mt_graph_free(peer->sure_then);
    peer->sure_then = clone_of(peer->sure);
}

/* From its own backup, or now and then from another's: a copy of a store that goes on elsewhere. */
static void restore(mt_sim *sim, mti_sim_peer *peer)
{
    const mti_sim_peer *from = peer;

    if (mti_sim_once_in(&sim->draws, 4) && !peer->role->lies)
        from = &sim->peers[mti_sim_below(&sim->draws, sim->peer_count)];
    if (peer->db || !peer->stored || !from->has_backup || (from != peer && from->role->lies))
        return;
    disk_copy(&peer->disk, &from->backup);
    mt_graph_free(peer->sure);
    peer->sure = clone_of(from->sure_then);
}

static void jump(mt_sim *sim, mti_sim_peer *peer)
{
    if (peer->ahead_ms > sim->ahead_most_ms) sim->ahead_most_ms = peer->ahead_ms;
    peer->ahead_ms = (int64_t)mti_sim_spread(&sim->draws, DAY_MS);
    if (mti_sim_once_in(&sim->draws, 2)) peer->ahead_ms = -peer->ahead_ms;
}

/* ---- Links ---- */

static void act_on_link(mt_sim *sim, mti_sim_kind kind, size_t at)
{
    mti_sim_link *link = &sim->links[at];
    mti_sim_wire *wire = link->wires[mti_sim_once_in(&sim->draws, 4)];
    size_t end = (size_t)mti_sim_below(&sim->draws, 2);

    if (kind == MTI_SIM_CUT) link->cut = true;
    if (kind == MTI_SIM_DOUBLE) link->doubled = sim->tend = true;
    if (kind == MTI_SIM_MEND) {
        link->cut = false;
        sim->tend = true;
    }
    for (size_t slot = 0; slot < MTI_SIM_WIRES; slot++) {
        mti_sim_wire *one = link->wires[slot];
        if (!one) continue;
        if (kind == MTI_SIM_CUT) mti_sim_wire_cut(one, end, mti_sim_spread(&sim->draws, 20000));
        if (kind == MTI_SIM_MEND) {
            for (size_t i = 0; i < 2; i++) {
                mti_sim_wire_stall(one, i, false);
                mti_sim_wire_slow(one, i, 0);
            }
            mti_sim_wire_mend(one);
        }
    }
    if (!wire) return;
    if (kind == MTI_SIM_CLOSE) mt_connection_close(wire->ends[end].connection);
    if (kind == MTI_SIM_STALL) mti_sim_wire_stall(wire, end, true);
    if (kind == MTI_SIM_SLOW) mti_sim_wire_slow(wire, end, 1 + mti_sim_spread(&sim->draws, 1000));
}

/* ---- All ---- */

static void act_on_peer(mt_sim *sim, mti_sim_kind kind, mti_sim_peer *peer)
{
    mti_sim_draws *d = &sim->draws;

    if (kind >= MTI_SIM_FULL && kind < MTI_SIM_REPAIR) mti_sim_peer_harmed(peer);
    switch (kind) {
    case MTI_SIM_EDIT: edit(sim, peer->number); break;
    case MTI_SIM_CRASH: mti_sim_peer_crash(peer, 1 + mti_sim_spread(d, CRASH_EVENTS)); break;
    case MTI_SIM_STOP:
        if (peer->stored) mti_sim_peer_stop(peer);
        break;
    case MTI_SIM_START: mti_sim_peer_start(peer); break;
    case MTI_SIM_BACK_UP: back_up(peer); break;
    case MTI_SIM_RESTORE: restore(sim, peer); break;
    case MTI_SIM_FULL: peer->faults.full = true; break;
    case MTI_SIM_NO_READ: peer->faults.reads_fail = 1 + (unsigned)mti_sim_spread(d, 100); break;
    case MTI_SIM_NO_SYNC: peer->faults.sync_fails = true; break;
    case MTI_SIM_FLIP: peer->faults.reads_flip = 1 + (unsigned)mti_sim_spread(d, 100); break;
    case MTI_SIM_REPAIR:
        peer->faults.full = false;
        peer->faults.reads_fail = peer->faults.reads_flip = 0;
        break;
    case MTI_SIM_JUMP: jump(sim, peer); break;
    case MTI_SIM_CUT:
    case MTI_SIM_CLOSE:
    case MTI_SIM_STALL:
    case MTI_SIM_SLOW:
    case MTI_SIM_DOUBLE:
    case MTI_SIM_MEND:
    case MTI_SIM_KINDS: break;
    }
}

void mti_sim_act(mt_sim *sim, const mti_sim_action *action)
{
    sim->draws = mti_sim_draws_new(action->draw, 1);
    mti_sim_note(&sim->trace, MTI_SIM_ACTED, action->where, sim->clock.ticks_ms, action->kind);
    sim->report->actions++;
    if (action->kind != MTI_SIM_EDIT && action->kind != MTI_SIM_MEND &&
        action->kind != MTI_SIM_START && action->kind != MTI_SIM_REPAIR)
        sim->report->faults++;
    if (mti_sim_kind_of_link(action->kind)) act_on_link(sim, action->kind, action->where);
    else act_on_peer(sim, action->kind, &sim->peers[action->where]);
}
