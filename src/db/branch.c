#include "db/branch.h"

#include "base/bytes.h"
#include "crdt/part.h"
#include "crdt/rows.h"
#include "db/branch_storage.h"
#include "db/call.h"
#include "db/handle.h"
#include "db/load.h"
#include "db/open.h"
#include "db/write.h"

mt_db *mti_branch_root(mt_db *db)
{
    while (db->branch) db = db->branch->source;
    return db;
}

/* ---- What the source hands over ---- */

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

/* ---- Coming and going ---- */

mt_status mt_branch(mt_db *source, mt_db **out)
{
    mti_branch *branch;
    mt_status st;

    if (!source->is_ready || source->open_status != MT_OK)
        return mti_db_fail(source, MT_INVALID, "a database that is not open has no branches yet");
    if (source->closing) return mti_db_fail(source, MT_CLOSED, "the database is being closed");
    if (!(branch = mti_mem_alloc(source->mem, sizeof *branch)))
        return mti_no_memory(&source->error);
    memset(branch, 0, sizeof *branch);
    branch->source = source;
    st = mt_graph_new(source->mem, &source->limits, &branch->base);
    if (st == MT_OK) st = mt_graph_new(source->mem, &source->limits, &branch->edits);
    if (st == MT_OK) st = mti_db_new_branch(branch, &branch->db);
    if (st != MT_OK) {
        mt_graph_free(branch->base);
        mt_graph_free(branch->edits);
        mti_mem_free(source->mem, branch, sizeof *branch);
        return mti_no_memory(&source->error);
    }
    branch->next = source->branches;
    source->branches = branch;
    *out = branch->db;
    return MT_OK;
}

void mti_branch_free(mti_branch *branch)
{
    mti_branch **at = &branch->source->branches;

    while (*at != branch) at = &(*at)->next;
    *at = branch->next;
    mt_graph_free(branch->base);
    mt_graph_free(branch->edits);
    if (branch->source->closing) mti_pump_set(branch->source);
    mti_mem_free(branch->source->mem, branch, sizeof *branch);
}

/* Edits that are merged but not in `edits` yet are in the queue to it. */
mt_status mt_branch_edits(mt_db *branch, mt_graph **out)
{
    mt_status st;

    if (!branch->branch) return mti_db_fail(branch, MT_INVALID, "the database is no branch");
    if (mt_graph_clone(branch->branch->edits, out) != MT_OK) return mti_no_memory(&branch->error);
    for (const mt_action *a = branch->to_store.first; a; a = a->next_stored) {
        if ((st = mti_edits_add(*out, a->as.write.delta)) == MT_OK) continue;
        mt_graph_free(*out);
        return mti_no_memory(&branch->error);
    }
    return MT_OK;
}

/* ---- Rebase ---- */

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
