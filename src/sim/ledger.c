/* ledger.c - what was written by a peer that may, so that nothing else is ever found anywhere.
 *
 * The values are noted, and not their states: those the database gives after the hook. Who lies takes everything from
 * anybody, and gives as its own what it may write of that. */
#include "sim/world.h"

#include "sim/meter.h"

#include <string.h>

#define RECORDS "@space/"

static bool is_record(const mt_sim *sim, mt_bytes uid)
{
    size_t len = sizeof RECORDS - 1;

    return sim->plan->space && uid.len >= len && memcmp(uid.data, RECORDS, len) == 0;
}

/* The key of that a node was deleted. */
static uint64_t deletion(mt_bytes uid)
{
    return mti_sim_version_key(uid, &(mt_field){.kind = MT_FIELD_DELETED}, false);
}

static void note(const mti_sim_peer *peer, const mt_row *row)
{
    mt_sim *sim = peer->sim;

    if (sim->plan->space && !mti_sim_role_writes(peer->role, row->uid)) return;
    if (row->delete_node || row->floor > 0) mti_sim_tally_add(&sim->written, deletion(row->uid));
    for (size_t i = 0; i < row->count; i++)
        mti_sim_tally_add(&sim->written, mti_sim_version_key(row->uid, &row->fields[i], false));
}

static void note_all(void *ctx, mt_action *action)
{
    size_t count;
    const mt_row *rows = mt_action_rows(action, &count);

    for (size_t i = 0; i < count; i++) note(ctx, &rows[i]);
    mt_action_pass(action);
}

mt_hook mti_sim_ledger_hook(mti_sim_peer *peer, mt_hook_point point)
{
    return (mt_hook){.point = point, .run = note_all, .ctx = peer};
}

void mti_sim_ledger_said(mti_sim_peer *peer, mt_bytes message)
{
    mt_binary_reader *reader = peer->sim->reader;
    uint64_t subscription;
    mt_row row;

    if (!mti_sim_meter_rows(reader, message, &subscription)) return;
    while (mt_binary_reader_next(reader, &row) == MT_OK) note(peer, &row);
}

/* Clocks that were ahead are met by now. */
static uint64_t state_most(const mt_sim *sim)
{
    return mti_sim_state_at(MTI_SIM_EPOCH_MS + sim->clock.ticks_ms + mti_sim_apart_ms(sim) +
                            MTI_SIM_EARLY_MS);
}

static void check_node(mt_sim *sim, const mt_node *node, size_t peer)
{
    mt_bytes uid = mt_node_uid(node);
    mt_field_iter iter;
    mt_field field;

    if (mt_node_state_max(node) > state_most(sim))
        mti_sim_violate(sim, MTI_SIM_TIMELY, "%zu holds %.*s", peer, (int)uid.len,
                        (const char *)uid.data);

    if (mt_node_floor(node) > 0 && !mti_sim_tally_has(&sim->written, deletion(uid)))
        mti_sim_violate(sim, MTI_SIM_ALLOWED, "%zu holds %.*s as deleted", peer, (int)uid.len,
                        (const char *)uid.data);
    mt_field_iter_init(&iter, node, true);
    while (mt_field_iter_next(&iter, &field))
        if (!mti_sim_tally_has(&sim->written, mti_sim_version_key(uid, &field, false)))
            mti_sim_violate(sim, MTI_SIM_ALLOWED, "%zu holds %.*s of %.*s", peer,
                            (int)field.name.len, (const char *)field.name.data, (int)uid.len,
                            (const char *)uid.data);
}

void mti_sim_ledger_check(mt_sim *sim, const mt_graph *graph, size_t peer)
{
    mt_bytes none = {NULL, 0};
    mt_graph_iter iter;
    const mt_node *node;

    mt_graph_iter_init(&iter, graph, none, none);
    while ((node = mt_graph_iter_next(&iter)))
        if (!is_record(sim, mt_node_uid(node))) check_node(sim, node, peer);
}
