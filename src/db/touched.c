#include "db/touched.h"

#include "base/bytes.h"
#include "db/load.h"
#include "db/order.h"

/* ---- Handles ---- */

void mti_touched_release(mt_action *action)
{
    mti_writing *w = &action->as.write;

    mti_handles_release(action->db->mem, w->handles, w->handle_count);
    w->handles = NULL;
    w->handle_count = 0;
}

bool mti_touched_hold(mt_action *action)
{
    mti_writing *w = &action->as.write;
    const mt_row *rows = action->as.write.rows.data;

    mti_touched_release(action);
    if (mti_handles_hold(action->db, w->count ? &rows->uid : NULL, sizeof *rows, w->count,
                         &w->handles) != MT_OK) {
        mti_call_fail(action, MT_NO_MEMORY, NULL);
        return false;
    }
    w->handle_count = w->count;
    return true;
}

/* ---- Loading ---- */

/* The needs of the rows: one for each uid. */
typedef struct needing {
    mti_order order; /* of the rows, by uid */
    mti_need *needs;
    mt_bytes *names;
    size_t count, name_cap;
} needing;

static void needing_free(mt_action *action, needing *n)
{
    const mt_mem *mem = action->db->mem;

    mti_mem_free(mem, n->needs, action->as.write.count * sizeof *n->needs);
    mti_mem_free(mem, n->names, n->name_cap * sizeof *n->names);
    mti_order_free(mem, &n->order);
}

/* What a row needs of a large node: the fields that it names, or every one. */
static bool add_names(mt_action *action, const mt_row *row, mti_need *need, mt_bytes **at)
{
    const mt_node *node = mt_graph_get(action->db->graph, row->uid);

    if (action->options.storage_none || row->delete_node || need->handle->is_volatile)
        need->whole = true;
    if (!node || !mti_node_is_partial(node)) return true;
    if (row->floor > mt_node_floor(node)) need->whole = true;
    if (!need->names) need->names = *at;
    for (size_t i = 0; i < row->count; i++) *(*at)++ = row->fields[i].name;
    need->name_count += row->count;
    return true;
}

/* Sorts the names of a need, each once. */
static mt_status sort_names(mt_action *action, mti_need *need)
{
    mt_bytes *names = (mt_bytes *)(uintptr_t)need->names; /* of our own array */
    mti_order order;
    mt_bytes *sorted;
    const mt_mem *mem = action->db->mem;

    if (need->name_count < 2) return MT_OK;
    if (mti_order_keys(mem, names, sizeof *names, need->name_count, &order) != MT_OK)
        return MT_NO_MEMORY;
    if (!(sorted = mti_mem_alloc(mem, order.count * sizeof *sorted))) {
        mti_order_free(mem, &order);
        return MT_NO_MEMORY;
    }
    for (size_t i = 0; i < order.count; i++) sorted[i] = names[order.at[i]];
    memcpy(names, sorted, order.count * sizeof *sorted);
    need->name_count = order.count;
    mti_mem_free(mem, sorted, order.count * sizeof *sorted);
    mti_order_free(mem, &order);
    return MT_OK;
}

static mt_status needing_fill(mt_action *action, needing *n, bool whole)
{
    mti_writing *w = &action->as.write;
    const mt_row *rows = action->as.write.rows.data;
    mt_bytes *at;

    memset(n, 0, sizeof *n);
    if (mti_order_all(action->db->mem, &rows->uid, sizeof *rows, w->count, &n->order) != MT_OK)
        return MT_NO_MEMORY;
    for (size_t i = 0; i < w->count; i++) n->name_cap += rows[i].count;
    n->needs = mti_mem_alloc(action->db->mem, w->count * sizeof *n->needs);
    n->names = mti_mem_alloc(action->db->mem, n->name_cap * sizeof *n->names);
    if ((w->count && !n->needs) || (n->name_cap && !n->names)) return MT_NO_MEMORY;
    at = n->names;
    for (size_t i = 0; i < w->count; i++) {
        const mt_row *row = &rows[n->order.at[i]];
        mti_need *need = n->count ? &n->needs[n->count - 1] : NULL;
        if (!need || !mt_bytes_equal(mt_handle_uid(need->handle), row->uid)) {
            need = &n->needs[n->count++];
            memset(need, 0, sizeof *need);
            need->handle = w->handles[n->order.at[i]];
            need->whole = whole;
        }
        add_names(action, row, need, &at);
    }
    for (size_t i = 0; i < n->count; i++)
        if (sort_names(action, &n->needs[i]) != MT_OK) return MT_NO_MEMORY;
    return MT_OK;
}

bool mti_touched_load(mt_action *action, bool whole, mti_stage *stage)
{
    mt_db *db = action->db;
    bool waits = false;
    mt_status st;
    needing n;

    if (!mti_db_has_storage(db) || action->as.write.count == 0) return true;
    st = needing_fill(action, &n, whole);
    if (st != MT_OK) mti_no_memory(&db->error);
    else st = mti_load(action, n.needs, n.count, stage, &waits);
    needing_free(action, &n);
    if (st != MT_OK) mti_call_fail(action, st, db->error.text);
    return st == MT_OK && !waits && !mti_call_over(action);
}
