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
static void add_row(const mt_row *row, mti_need *need, mt_bytes **at)
{
    const mt_node *node = mti_handle_resident(need->handle);

    if (row->delete_node) need->whole = true;
    if (!node || !mti_node_is_partial(node)) return;
    if (row->floor > mt_node_floor(node)) need->whole = true;
    if (!need->names) need->names = *at;
    for (size_t i = 0; i < row->count; i++) *(*at)++ = row->fields[i].name;
    need->name_count += row->count;
}

/* The names of a need lie in our own array. */
static mt_status sort_names(mt_action *action, mti_need *need)
{
    return mti_keys_sort(action->db->mem, (mt_bytes *)(uintptr_t)need->names, &need->name_count);
}

static mt_status needing_fill(mt_action *action, needing *n, bool whole)
{
    mti_writing *w = &action->as.write;
    const mt_row *rows = w->rows.data;
    const mt_mem *mem = action->db->mem;
    mt_status st = MT_OK;
    mt_bytes *at;

    memset(n, 0, sizeof *n);
    if (mti_order_all(mem, &rows->uid, sizeof *rows, w->count, &n->order) != MT_OK)
        return MT_NO_MEMORY;
    for (size_t i = 0; i < w->count; i++) n->name_cap += rows[i].count;
    n->needs = mti_mem_alloc(mem, w->count * sizeof *n->needs);
    n->names = mti_mem_alloc(mem, n->name_cap * sizeof *n->names);
    if (!n->needs || (n->name_cap && !n->names)) return MT_NO_MEMORY;
    at = n->names;
    for (size_t i = 0; i < w->count; i++) {
        mt_handle *handle = w->handles[n->order.at[i]];
        if (n->count == 0 || n->needs[n->count - 1].handle != handle) {
            mti_need need = {.handle = handle, .whole = whole};
            n->needs[n->count++] = need;
        }
        add_row(&rows[n->order.at[i]], &n->needs[n->count - 1], &at);
    }
    for (size_t i = 0; i < n->count && st == MT_OK; i++) st = sort_names(action, &n->needs[i]);
    return st;
}

static bool all_met(const needing *n)
{
    for (size_t i = 0; i < n->count; i++)
        if (!mti_need_met(&n->needs[i])) return false;
    return true;
}

/* Whether every node is in memory as a whole, or known not to be there: what any write needs. */
static bool all_whole(const mt_action *action)
{
    const mti_writing *w = &action->as.write;

    for (size_t i = 0; i < w->handle_count; i++) {
        mti_need need = {.handle = w->handles[i], .whole = true};
        if (!mti_need_met(&need)) return false;
    }
    return true;
}

/* A node that holds what storage does not goes there as a whole one day, and so does every node of
 * a commit that has one. */
static bool needs_whole(const mt_action *action)
{
    const mti_writing *w = &action->as.write;

    if (w->aside || action->db->storage.wants_full) return true;
    for (size_t i = 0; i < w->handle_count; i++)
        if (w->handles[i]->volatile_at > 0) return true;
    return false;
}

mt_status mti_touched_met(mt_action *action, bool *met)
{
    mt_status st = MT_OK;
    needing n;

    *met = all_whole(action);
    if (*met) return MT_OK;
    if ((st = needing_fill(action, &n, needs_whole(action))) == MT_OK) *met = all_met(&n);
    needing_free(action, &n);
    return st;
}

bool mti_touched_load(mt_action *action, bool whole, mti_stage *stage)
{
    mt_db *db = action->db;
    bool waits = false, met = all_whole(action);
    mt_status st = MT_OK;
    needing n;

    /* Once more after what came at once: of a large node, that was not a single field. */
    while (st == MT_OK && !met && !waits) {
        st = needing_fill(action, &n, whole || needs_whole(action));
        if (st != MT_OK) mti_no_memory(&db->error);
        else if (!(met = all_met(&n))) st = mti_load(action, n.needs, n.count, stage, &waits);
        needing_free(action, &n);
    }
    if (st != MT_OK) mti_call_fail(action, st, db->error.text);
    return st == MT_OK && !waits && !mti_call_over(action);
}
