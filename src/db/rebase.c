/* mt_rebase: the edits of a branch, made anew on its source of now.
 *
 *     choose     what is edited, and what is held and has changed in the source
 *     read       those nodes from the source, as they are now
 *     at once    the new view takes the place of the old, and the edits are written to it
 *
 * All else that the branch has in memory is the same in the source of now, and stays. Readers see
 * the old view or the new one with its edits, and nothing between. */
#include "db/rebase.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "crdt/rows.h"
#include "db/branch_base.h"
#include "db/branch_storage.h"
#include "db/handle.h"
#include "db/load.h"
#include "db/order.h"
#include "db/read.h"
#include "db/write.h"

static const mt_bytes all = {NULL, 0};

void mti_rebase_free(mt_action *action)
{
    mti_rebasing *r = &action->as.rebase;
    const mt_mem *mem = action->db->mem;

    mti_handles_release(mem, r->handles, r->count);
    mti_mem_free(mem, r->wants, r->count * sizeof *r->wants);
    r->handles = NULL;
    r->wants = NULL;
    r->count = 0;
}

/* ---- What is read anew ---- */

/* The uids, some twice; `out` NULL: only how many. */
static size_t list_uids(const mt_db *db, bool with_base, mt_bytes *out)
{
    mt_graph_iter iter;
    const mt_node *node;
    size_t count = 0;

    mt_graph_iter_init(&iter, db->branch->edits, all, all);
    while ((node = mt_graph_iter_next(&iter))) {
        if (out) out[count] = mt_node_uid(node);
        count++;
    }
    mt_graph_iter_init(&iter, db->branch->base, all, all);
    while ((node = mt_graph_iter_next(&iter))) {
        if (!with_base && !mti_handle_find(db, mt_node_uid(node))) continue;
        if (out) out[count] = mt_node_uid(node);
        count++;
    }
    return count;
}

/* Holds the nodes of sorted uids, and wants all of each. */
static mt_status hold_chosen(mt_action *action, const mt_bytes *uids, const mti_order *order)
{
    mti_rebasing *r = &action->as.rebase;
    mt_db *db = action->db;
    mt_bytes *sorted = mti_mem_alloc(db->mem, (order->count + 1) * sizeof *sorted);
    mt_status st = MT_NO_MEMORY;

    r->wants = mti_mem_alloc(db->mem, order->count * sizeof *r->wants);
    r->count = order->count;
    if (sorted && (r->wants || !r->count)) {
        for (size_t i = 0; i < r->count; i++) sorted[i] = uids[order->at[i]];
        st = mti_handles_hold(db, sorted, sizeof *sorted, r->count, &r->handles);
    }
    for (size_t i = 0; i < r->count && st == MT_OK; i++) {
        memset(&r->wants[i], 0, sizeof *r->wants);
        r->wants[i].uid = mt_handle_uid(r->handles[i]);
        r->wants[i].whole = true;
    }
    mti_mem_free(db->mem, sorted, (order->count + 1) * sizeof *sorted);
    return st;
}

static mt_status choose(mt_action *action)
{
    mti_rebasing *r = &action->as.rebase;
    mt_db *db = action->db;
    size_t count;
    mti_order order;
    mt_bytes *uids;
    mt_status st;

    mti_rebase_free(action);
    r->with_base = db->branches != NULL;
    r->commits = db->commits;
    count = list_uids(db, r->with_base, NULL);
    if (!(uids = mti_mem_alloc(db->mem, (count + 1) * sizeof *uids))) return MT_NO_MEMORY;
    list_uids(db, r->with_base, uids);
    if ((st = mti_order_keys(db->mem, uids, sizeof *uids, count, &order)) == MT_OK) {
        st = hold_chosen(action, uids, &order);
        mti_order_free(db->mem, &order);
    }
    mti_mem_free(db->mem, uids, (count + 1) * sizeof *uids);
    return st;
}

/* No write is on its way: what was written before the call is in the edits, what is written after
 * it comes after. */
static bool is_idle(const mt_db *db)
{
    return !db->unmerged_oldest && !db->to_store.first && !db->store_busy;
}

/* Whether the choice still holds. */
static bool is_current(const mt_action *action)
{
    const mti_rebasing *r = &action->as.rebase;
    const mt_db *db = action->db;
    mt_graph_iter iter;
    const mt_node *node;
    size_t at = 0;

    if (!is_idle(db) || db->commits != r->commits || (db->branches && !r->with_base)) return false;
    mt_graph_iter_init(&iter, db->branch->base, all, all);
    while ((node = mt_graph_iter_next(&iter))) {
        mt_bytes uid = mt_node_uid(node);
        if (!r->with_base && !mti_handle_find(db, uid)) continue;
        while (at < r->count && mt_bytes_compare(r->wants[at].uid, uid) < 0) at++;
        if (at == r->count || !mt_bytes_equal(r->wants[at].uid, uid)) return false;
    }
    return true;
}

/* ---- The new view ---- */

typedef struct next {
    mt_graph *base, *edits;
    mt_graph *shown; /* what is in memory */
} next;

static void next_free(next *n)
{
    mt_graph_free(n->base);
    mt_graph_free(n->edits);
    mt_graph_free(n->shown);
}

/* Takes the nodes of a graph out of what is shown. */
static mt_status hide(mt_graph *shown, const mt_graph *graph)
{
    mti_tree_env env = mti_node_env(shown->family);
    mt_status st = MT_OK;
    mt_graph_iter iter;
    const mt_node *node;

    mt_graph_iter_init(&iter, graph, all, all);
    while (st == MT_OK && (node = mt_graph_iter_next(&iter))) {
        void *old = NULL;
        if (!mt_graph_get(shown, mt_node_uid(node))) continue;
        st = mti_tree_remove(&shown->nodes, &env, mt_node_uid(node), &old);
        mti_node_release(shown->family, old);
    }
    return st;
}

/* Shows a node as it is in the source. */
static mt_status show(mt_graph *shown, const mt_node *node)
{
    mti_node_rows rows;
    mt_status st = MT_OK;
    mt_row row;

    if (!node) return MT_OK;
    mti_node_rows_init(&rows, node);
    while (st == MT_OK && mti_node_rows_next(&rows, &row))
        st = mt_graph_merge_rows(shown, &row, 1, NULL);
    return st;
}

static mt_status next_make(const mt_action *action, next *n)
{
    const mti_rebasing *r = &action->as.rebase;
    mt_db *db = action->db;
    mti_branch *branch = db->branch;
    mt_status st = mt_graph_new(db->mem, &db->limits, &n->base);

    if (st == MT_OK) st = mt_graph_new(db->mem, &db->limits, &n->edits);
    if (st == MT_OK) st = mt_graph_clone(db->graph, &n->shown);
    if (st == MT_OK) st = hide(n->shown, branch->base);
    if (st == MT_OK) st = hide(n->shown, branch->edits);
    for (size_t i = 0; i < r->count && st == MT_OK; i++)
        st = show(n->shown, mt_graph_get(branch->source->graph, r->wants[i].uid));
    return st;
}

/* Puts the new view in the place of the old, or back. What its handles knew of storage was of the
 * other view; `known`: what is not shown now is not there. */
static void next_swap(const mt_action *action, next *n, bool known)
{
    const mti_rebasing *r = &action->as.rebase;
    mt_db *db = action->db;
    mti_branch *branch = db->branch;
    next old = {.base = branch->base, .edits = branch->edits};
    mti_tree nodes = db->graph->nodes;

    branch->base = n->base;
    branch->edits = n->edits;
    n->base = old.base;
    n->edits = old.edits;
    db->graph->nodes = n->shown->nodes;
    n->shown->nodes = nodes;
    db->graph->last.leaf = n->shown->last.leaf = NULL;
    db->graph->version++;
    for (size_t i = 0; i < r->count; i++)
        r->handles[i]->absent = known && !mti_handle_resident(r->handles[i]);
}

/* ---- The edits ---- */

/* The edits as a patch: rows without states. */
static mt_status patch_of(const mt_graph *edits, const mt_mem *mem, mti_block *out, size_t *count)
{
    size_t nodes = mt_graph_count(edits), fields = 0, at = 0;
    const mt_node *node;
    mt_graph_iter iter;
    mt_field *field;
    mt_row *rows;

    mt_graph_iter_init(&iter, edits, all, all);
    while ((node = mt_graph_iter_next(&iter))) fields += mt_node_count_all(node);
    out->size = nodes * sizeof *rows + fields * sizeof *field + 1;
    if (!(out->data = rows = mti_mem_alloc(mem, out->size))) return MT_NO_MEMORY;
    field = (mt_field *)&rows[nodes];
    mt_graph_iter_init(&iter, edits, all, all);
    while ((node = mt_graph_iter_next(&iter))) {
        mt_row row = {.uid = mt_node_uid(node), .fields = field};
        mt_field_iter each;
        row.delete_node = mt_node_floor(node) > 0;
        mt_field_iter_init(&each, node, true);
        while (mt_field_iter_next(&each, field)) {
            field++;
            row.count++;
        }
        rows[at++] = row;
    }
    *count = at;
    return MT_OK;
}

/* The edits have been written anew, and told, or could not be. */
static void replayed(void *ctx, mt_db *db, const mt_result *result)
{
    mt_action *action = ctx;

    (void)db;
    if (result->status == MT_OK) mti_call_finish(action);
    else mti_call_fail(action, result->status, result->text);
    mti_call_release(action);
}

/* Writes the edits to the new view, all of which is in memory: this merges at once. Answers
 * whether it did; else the call that was started fails. */
static bool replay(mt_action *action, const mti_block *rows, size_t count)
{
    mti_write_start start = {.rows = rows->data, .count = count, .internal = true};
    mt_db *db = action->db;
    mt_action *write;
    mt_status st;
    uint64_t id;

    mti_call_hold(action);
    if ((st = mti_write_start_call(db, &start, replayed, action, &id)) != MT_OK) {
        mti_call_fail(action, st, db->error.text);
        mti_call_release(action);
        return false;
    }
    write = mti_call_by_id(db, id);
    mti_assert(write->as.write.merged || mti_call_over(write));
    if (!write->as.write.merged) return false;
    if (!write->as.write.delta) return true;
    st = mti_edits_add(db->branch->edits, write->as.write.delta);
    if (st == MT_OK) return true;
    mt_delta_free(write->as.write.delta); /* nobody is to be told of it */
    write->as.write.delta = NULL;
    mti_write_stored(write, st, NULL);
    return false;
}

/* ---- The call ---- */

/* The branch's own branches get what they see of it. */
static mt_status keep_for_branches(const mt_action *action)
{
    const mti_rebasing *r = &action->as.rebase;
    mt_status st = MT_OK;

    for (size_t i = 0; i < r->count && action->db->branches && st == MT_OK; i++)
        st = mti_branches_keep_node(action->db, r->wants[i].uid);
    return st;
}

static void rebase_now(mt_action *action)
{
    mt_db *db = action->db;
    mti_block rows = {NULL, 0};
    next n = {.base = NULL};
    size_t count;
    mt_status st = patch_of(db->branch->edits, db->mem, &rows, &count);

    if (st == MT_OK) st = keep_for_branches(action);
    if (st == MT_OK) st = next_make(action, &n);
    if (st == MT_OK) {
        next_swap(action, &n, true);
        if (!replay(action, &rows, count)) next_swap(action, &n, false);
    }
    next_free(&n);
    mti_block_free(db->mem, &rows);
    if (st != MT_OK) mti_call_fail(action, st, NULL);
}

static void rebase_start(mt_action *action);

/* The source has what is wanted in memory. */
static void fetched(void *ctx, mt_db *source, const mt_result *result)
{
    mt_action *action = ctx;

    (void)source;
    if (result->status != MT_OK) mti_call_fail(action, result->status, result->text);
    else if (!mti_call_over(action) && !is_current(action)) mti_call_later(action, rebase_start);
    else if (!mti_call_over(action)) rebase_now(action);
    mti_call_release(action);
}

static mt_status fetch(mt_action *action)
{
    const mti_rebasing *r = &action->as.rebase;
    mt_db *source = action->db->branch->source;
    mt_status st;

    mti_call_hold(action);
    st = mti_read_raw(source, r->wants, r->count, fetched, action);
    if (st == MT_OK) return MT_OK;
    action->db->error = source->error;
    mti_call_release(action);
    return st;
}

/* Loads what the branch's own branches are to get. Answers whether all of it is there. */
static mt_status load_for_branches(mt_action *action, bool *waits)
{
    mti_rebasing *r = &action->as.rebase;
    mt_db *db = action->db;
    mti_need *needs;
    mt_status st;

    *waits = false;
    if (!r->with_base || r->count == 0) return MT_OK;
    if (!(needs = mti_mem_alloc(db->mem, r->count * sizeof *needs)))
        return mti_no_memory(&db->error);
    memset(needs, 0, r->count * sizeof *needs);
    for (size_t i = 0; i < r->count; i++) {
        needs[i].handle = r->handles[i];
        needs[i].whole = true;
    }
    st = mti_load(action, needs, r->count, rebase_start, waits);
    mti_mem_free(db->mem, needs, r->count * sizeof *needs);
    return st;
}

static void rebase_start(mt_action *action)
{
    mt_db *db = action->db;
    bool waits = false;
    mt_status st;

    if (mti_call_over(action)) return;
    if (!is_idle(db)) {
        mti_call_block(action, rebase_start);
        mti_pump_set(db);
        return;
    }
    if ((st = choose(action)) != MT_OK) mti_no_memory(&db->error);
    if (st == MT_OK) st = load_for_branches(action, &waits);
    if (st == MT_OK && !waits) st = fetch(action);
    if (st != MT_OK) mti_call_fail(action, st, db->error.text);
}

mt_status mt_rebase(mt_db *branch, mt_done *done, void *ctx, uint64_t *id)
{
    mt_action *action;
    mt_status st;

    if (!branch->branch) return mti_db_fail(branch, MT_INVALID, "what is rebased is no branch");
    if ((st = mti_call_new(branch, CALL_REBASE, NULL, done, ctx, &action)) != MT_OK) return st;
    mti_call_start(action, rebase_start, false, id);
    return MT_OK;
}
