/* mt_rebase: the edits of a branch, made anew on its source of now. */
#include "base/bytes.h"
#include "db/branch.h"
#include "db/handle.h"
#include "db/load.h"
#include "db/write.h"

/* The edits as a patch: rows without states. */
static mt_status patch_of(const mt_graph *edits, const mt_mem *mem, mti_block *out, size_t *count)
{
    size_t nodes = mt_graph_count(edits), fields = 0, at = 0;
    mt_bytes all = {NULL, 0};
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

static void rebase_reload(mt_action *action)
{
    mti_rebasing *r = &action->as.rebase;
    mti_need *needs;
    bool waits = false;
    mt_status st;

    if (mti_call_over(action)) return;
    needs = mti_mem_alloc(action->db->mem, (r->count + 1) * sizeof *needs);
    if (!needs) {
        mti_call_fail(action, MT_NO_MEMORY, NULL);
        return;
    }
    memset(needs, 0, (r->count + 1) * sizeof *needs);
    for (size_t i = 0; i < r->count; i++) needs[i].handle = r->handles[i];
    st = mti_load(action, needs, r->count, rebase_reload, &waits);
    mti_mem_free(action->db->mem, needs, (r->count + 1) * sizeof *needs);
    if (st != MT_OK) mti_call_fail(action, st, action->db->error.text);
    else if (!waits) mti_call_finish(action);
}

/* The edits are written anew, or stay as they were on the source of now. */
static void rebased(void *ctx, mt_db *db, const mt_result *result)
{
    mt_action *action = ctx;
    mti_branch *branch = db->branch;
    mti_rebasing *r = &action->as.rebase;

    if (result->status != MT_OK && branch) {
        mt_graph *unused = branch->edits;
        branch->edits = r->edits;
        r->edits = unused;
        mti_cache_clear(db);
        mti_call_fail(action, result->status, result->text);
    } else if (!mti_call_over(action)) {
        rebase_reload(action);
    }
    mti_call_release(action);
}

static bool is_idle(const mt_db *db)
{
    return db->unmerged == 0 && !db->to_store.first && !db->store_busy && db->requests.count == 0;
}

/* Starts anew from the source of now. */
static mt_status rebase_reset(mt_action *action)
{
    mti_rebasing *r = &action->as.rebase;
    mti_branch *branch = action->db->branch;
    mt_db *db = action->db;
    mt_graph *base, *edits;

    if (mt_graph_new(db->mem, &db->limits, &base) != MT_OK) return MT_NO_MEMORY;
    if (mt_graph_new(db->mem, &db->limits, &edits) != MT_OK) {
        mt_graph_free(base);
        return MT_NO_MEMORY;
    }
    mt_graph_free(branch->base);
    branch->base = base;
    r->edits = branch->edits;
    branch->edits = edits;
    mti_cache_clear(db);
    return MT_OK;
}

static void rebase_start(mt_action *action)
{
    mt_db *db = action->db;
    mti_rebasing *r = &action->as.rebase;
    mti_write_start start = {.internal = true};
    mti_block rows = {NULL, 0};
    mt_status st;

    if (mti_call_over(action)) return;
    if (!is_idle(db)) {
        mti_call_block(action, rebase_start);
        mti_pump_set(db);
        return;
    }
    st = patch_of(db->branch->edits, db->mem, &rows, &start.count);
    if (st == MT_OK) st = mti_handles_all(db, &r->handles, &r->count);
    if (st == MT_OK) st = rebase_reset(action);
    if (st == MT_OK) {
        start.rows = rows.data;
        mti_call_hold(action);
        st = mti_write_start_call(db, &start, rebased, action, NULL);
        if (st != MT_OK) {
            mt_graph_free(db->branch->edits);
            db->branch->edits = r->edits;
            r->edits = NULL;
            mti_call_release(action);
        }
    }
    mti_block_free(db->mem, &rows);
    if (st != MT_OK) mti_call_fail(action, st, NULL);
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
