/* What a source hands its branches before it changes: nodes as they were. */
#include "db/branch.h"

#include "base/bytes.h"
#include "base/status.h"
#include "crdt/part.h"
#include "crdt/rows.h"

/* Copies a whole node, or none, into the base. */
static mt_status keep_whole(mti_branch *branch, mt_bytes uid, const mt_node *node)
{
    mt_row row = {.uid = uid};
    mti_node_rows rows;
    mt_status st;

    if (!node) return mt_graph_merge_rows(branch->base, &row, 1, NULL);
    mti_node_rows_init(&rows, node);
    do {
        if (!mti_node_rows_next(&rows, &row)) return MT_OK;
        st = mt_graph_merge_rows(branch->base, &row, 1, NULL);
    } while (st == MT_OK);
    return st;
}

/* Keeps one field as it was, or that it was not there. */
static mt_status keep_field(mti_branch *branch, const mt_node *before, mt_bytes name)
{
    mti_part part = {.uid = mt_node_uid(before),
                     .floor = mt_node_floor(before),
                     .state_max = mt_node_state_max(before)};
    mt_field field;

    if (mt_node_get_any(before, name, &field) == MT_OK) {
        part.fields = &field;
        part.count = 1;
    } else {
        part.absent = &name;
        part.absent_count = 1;
    }
    return mti_graph_load_part(branch->base, &part);
}

/* The rest of a node of which some fields were kept: it is about to lose many. */
static mt_status keep_rest(mti_branch *branch, const mt_node *before)
{
    mti_part part = {.uid = mt_node_uid(before),
                     .floor = mt_node_floor(before),
                     .state_max = mt_node_state_max(before)};
    mti_node_rows rows;
    mt_status st = MT_OK;
    mt_row row;

    mti_node_rows_init(&rows, before);
    while (st == MT_OK && mti_node_rows_next(&rows, &row)) {
        part.fields = row.fields;
        part.count = row.count;
        part.whole = !row.more;
        st = mti_graph_load_part(branch->base, &part);
    }
    return st;
}

/* Keeps what a node was before a change, of which `iter` tells the fields. */
static mt_status keep_change(mti_branch *branch, const mt_delta_node *node, mt_delta_iter *iter)
{
    const mt_node *kept = mt_graph_get(branch->base, node->uid);
    mt_status st = MT_OK;
    mt_field field;

    if (node->before == node->after) return MT_OK;
    if (kept && !mti_node_is_partial(kept)) return MT_OK;
    if (!kept && (!node->before || !mti_node_is_partial(node->before)))
        return keep_whole(branch, node->uid, node->before);
    if (mt_node_floor(node->after) > mt_node_floor(node->before))
        return keep_rest(branch, node->before);
    while (st == MT_OK && mt_delta_iter_field(iter, &field))
        st = keep_field(branch, node->before, field.name);
    return st;
}

mt_status mti_branches_keep(mt_db *db, const mt_delta *delta)
{
    mt_status st = MT_OK;

    for (mti_branch *b = db->branches; b && st == MT_OK; b = b->next) {
        mt_delta_iter iter;
        mt_delta_node node;
        mt_delta_iter_init(&iter, delta, MT_UPDATE);
        while (st == MT_OK && mt_delta_iter_node(&iter, &node)) st = keep_change(b, &node, &iter);
    }
    return st == MT_OK ? MT_OK : mti_no_memory(&db->error);
}

mt_status mti_branches_keep_node(mt_db *db, mt_bytes uid)
{
    const mt_node *node = mt_graph_get(db->graph, uid);
    mt_status st = MT_OK;

    for (mti_branch *b = db->branches; b && st == MT_OK; b = b->next) {
        const mt_node *kept = mt_graph_get(b->base, uid);
        if (!kept) st = keep_whole(b, uid, node);
        else if (mti_node_is_partial(kept) && node) st = keep_rest(b, node);
    }
    return st == MT_OK ? MT_OK : mti_no_memory(&db->error);
}
