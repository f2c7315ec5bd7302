#include "db/write.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "db/branch_base.h"
#include "db/event.h"
#include "db/handle.h"
#include "db/join.h"
#include "db/push.h"
#include "db/rank.h"
#include "db/stamp.h"
#include "db/storing.h"
#include "db/touched.h"

static mt_row *write_rows(const mt_action *action)
{
    return action->as.write.rows.data;
}

/* ---- The end ---- */

static void drop_full(mt_action *action)
{
    mt_graph_free(action->as.write.full);
    action->as.write.full = NULL;
}

void mti_write_free(mt_action *action)
{
    mti_writing *w = &action->as.write;

    drop_full(action);
    mti_touched_release(action);
    mti_block_free(action->db->mem, &w->rows);
    mti_block_free(action->db->mem, &w->records);
    mt_delta_free(w->delta);
}

void mti_write_leave(mt_action *action)
{
    if (action->kind == CALL_WRITE) mti_rank_leave(action);
}

void mti_write_result(const mt_action *action, mt_result *result)
{
    const mti_writing *w = &action->as.write;

    if (w->merged) {
        result->delta = w->delta;
        result->reached = w->reached;
        if (action->db->branch && w->reached) result->reached = MT_LEVEL_APPLIED;
        result->received = w->got;
        result->durable = w->durable;
    }
    if (action->status != MT_OK) return;
    result->nodes = w->handles;
    result->count = w->handle_count;
}

/* ---- After storage ---- */

/* Whether it goes to storage, if it changes something. */
static bool is_stored(const mt_action *action)
{
    return mti_db_has_storage(action->db) && !action->as.write.aside;
}

static mt_level level_wanted(const mt_action *action)
{
    if (action->options.level != MT_LEVEL_DEFAULT) return action->options.level;
    return is_stored(action) ? MT_LEVEL_DURABLE : MT_LEVEL_APPLIED;
}

static uint32_t peers_wanted(const mt_action *action)
{
    return action->options.peers ? action->options.peers : 1;
}

/* How far the write has come, of the levels that count peers. */
static bool peers_reached(mt_action *action)
{
    mti_writing *w = &action->as.write;

    if (w->durable >= peers_wanted(action)) w->reached = MT_LEVEL_DURABLE_AT_PEERS;
    else if (w->got >= peers_wanted(action)) w->reached = MT_LEVEL_RECEIVED;
    return w->reached >= level_wanted(action);
}

static void fail_for_peers(mt_action *action)
{
    const mti_writing *w = &action->as.write;
    bool received = level_wanted(action) == MT_LEVEL_RECEIVED;
    mt_error line;

    mti_fail(&line, MT_OFFLINE, "%s by %u of the %u peers asked for",
             received ? "received" : "stored", (unsigned)(received ? w->got : w->durable),
             (unsigned)peers_wanted(action));
    mti_call_fail(action, MT_OFFLINE, line.text);
}

/* Runs when the router has answered, again and again until the write need not wait any more. */
static void write_wait(mt_action *action)
{
    mti_writing *w = &action->as.write;
    bool waits = !mti_call_over(action);
    bool lacks = waits && level_wanted(action) >= MT_LEVEL_RECEIVED && !peers_reached(action);

    if (w->told) return;
    if (w->pushing && (lacks || (waits && action->options.await_push))) return;
    if (lacks) fail_for_peers(action);
    w->told = true;
    w->after_catch = action->catching;
    if (w->internal) mti_call_finish(action);
    else if (!action->catching) mti_hooks_run(action, MT_AFTER_WRITE, mti_call_finish);
}

void mti_write_caught(mt_action *action)
{
    if (action->as.write.after_catch) mti_hooks_run(action, MT_AFTER_WRITE, mti_call_finish);
}

/* Merged, and in storage where it is to be: now others learn of it. */
static void write_tell(mt_action *action)
{
    mti_writing *w = &action->as.write;
    bool changed = w->delta && mt_delta_changed(w->delta);

    mti_call_hold(action);
    if (w->delta) mti_events_tell(action);
    if (changed && action->db->router.name) mti_push_start(action, write_wait);
    else write_wait(action);
    mti_call_release(action);
}

static void set_unstored(mt_action *action, bool unstored)
{
    mti_writing *w = &action->as.write;

    if (w->unstored == unstored) return;
    w->unstored = unstored;
    for (size_t i = 0; i < w->handle_count; i++) {
        if (unstored) w->handles[i]->unstored++;
        else w->handles[i]->unstored--;
    }
}

void mti_write_stored(mt_action *action, mt_status status, const char *text)
{
    mti_writing *w = &action->as.write;

    set_unstored(action, false);
    if (status != MT_OK) {
        w->merged = false;
        w->reached = MT_LEVEL_DEFAULT;
        mti_call_fail(action, status, text);
        return;
    }
    for (size_t i = 0; i < w->handle_count && w->whole; i++)
        if (w->handles[i]->volatile_at < w->commit) mti_handle_set_volatile(w->handles[i], 0);
    if (w->reached < MT_LEVEL_DURABLE && !w->aside) w->reached = MT_LEVEL_DURABLE;
    write_tell(action);
}

/* ---- Merging ---- */

/* Whether a row says nothing, or deletes a node that is not there and that nothing before it will
 * bring into being. `mark`: rows before it in the patch have marked what they are about. */
static bool does_nothing(mt_action *action, const mt_row *row, mt_handle *handle, uint64_t mark)
{
    if (row->count > 0 || row->floor > 0) return false;
    if (!row->delete_node) return true;
    if (mti_handle_resident(handle) || handle->mark == mark) return false;
    return !mti_rank_expects(action, row->uid);
}

/* The rows that do something; `out` (may be NULL) has room for all. Answers how many. `*twins`:
 * some of them are about one node. */
static size_t rows_that_count(mt_action *action, mt_row *out, bool *twins)
{
    mt_handle **handles = action->as.write.handles;
    const mt_row *rows = write_rows(action);
    uint64_t mark = ++action->db->marks;
    size_t kept = 0;

    *twins = false;
    for (size_t i = 0; i < action->as.write.count; i++) {
        if (does_nothing(action, &rows[i], handles[i], mark)) continue;
        if (handles[i]->mark == mark) *twins = true;
        handles[i]->mark = mark;
        if (out) out[kept] = rows[i];
        kept++;
    }
    return kept;
}

static mt_status merge_rows(mt_action *action, const mt_row *rows, size_t count)
{
    mti_writing *w = &action->as.write;
    mt_db *db = action->db;
    mt_status st = MT_OK;

    if (!w->stamped) return mti_stamp_merge(action, rows, count);
    if (!action->options.allow_future) st = mti_stamp_check(db, rows, count);
    if (st != MT_OK) return st;
    st = mt_graph_merge_rows(db->graph, rows, count, &w->delta);
    if (st != MT_OK) db->error = *mt_graph_error(db->graph);
    return st;
}

/* A patch has one row for each node, so that one state will do. */
static mt_status merge_joined(mt_action *action, const mt_row *rows, size_t count)
{
    mti_block joined;
    mt_status st;

    if (mti_rows_join(action->db->mem, rows, count, &joined, &count) != MT_OK)
        return mti_no_memory(&action->db->error);
    st = merge_rows(action, joined.data, count);
    mti_block_free(action->db->mem, &joined);
    return st;
}

static mt_status merge_what_counts(mt_action *action)
{
    mti_writing *w = &action->as.write;
    const mt_mem *mem = action->db->mem;
    const mt_row *rows = write_rows(action);
    mt_row *some = NULL;
    bool twins;
    size_t count = rows_that_count(action, NULL, &twins);
    mt_status st;

    if (count == 0) return MT_OK;
    if (count < w->count) {
        if (!(some = mti_mem_alloc(mem, w->count * sizeof *some)))
            return mti_no_memory(&action->db->error);
        rows_that_count(action, some, &twins);
        rows = some;
    }
    if (twins && !w->stamped) st = merge_joined(action, rows, count);
    else st = merge_rows(action, rows, count);
    mti_mem_free(mem, some, w->count * sizeof *some);
    return st;
}

/* A write to storage of a node that holds more than storage knows takes all of it along. */
static void note_volatile(mt_action *action)
{
    mti_writing *w = &action->as.write;
    const mt_row *rows = write_rows(action);

    w->whole = false;
    for (size_t i = 0; i < w->handle_count; i++) {
        bool does = rows[i].count > 0 || rows[i].floor > 0 || rows[i].delete_node;
        if (!w->aside) w->whole |= w->handles[i]->volatile_at > 0;
        else if (does) mti_handle_set_volatile(w->handles[i], w->commit);
    }
}

mt_status mti_write_merge(mt_action *action)
{
    mti_writing *w = &action->as.write;
    mt_db *db = action->db;
    mt_status st;

    mt_delta_free(w->delta);
    w->delta = NULL;
    st = merge_what_counts(action);
    if (st != MT_OK || !w->delta) return st;
    if ((st = mti_branches_keep(db, w->delta)) != MT_OK) {
        mti_graph_take_back(db->graph, w->delta);
        mt_delta_free(w->delta);
        w->delta = NULL;
        return st;
    }
    /* Merged again, it is a later commit than those that were told of meanwhile. */
    if (w->delta->changed || w->delta->late) w->commit = ++db->commits;
    if (w->delta->changed && mti_db_has_storage(db)) note_volatile(action);
    return MT_OK;
}

static void tell_later(mt_action *action)
{
    write_tell(action);
}

/* Whether the write goes the way of those to storage: it is stored, or lies on top of something
 * that is not stored yet, and may have to be taken back with it. */
static bool is_queued(const mt_action *action)
{
    const mti_writing *w = &action->as.write;

    if (w->internal || !mti_db_has_storage(action->db)) return false;
    if (mti_write_stores(action)) return true;
    if (!w->delta) return false;
    for (size_t i = 0; i < w->handle_count; i++)
        if (w->handles[i]->unstored > 0) return true;
    return false;
}

static void write_merge(mt_action *action)
{
    mti_writing *w = &action->as.write;
    mt_db *db = action->db;
    mt_status st = mti_write_merge(action);
    bool changed;

    if (st != MT_OK) {
        mti_call_fail(action, st, db->error.text);
        return;
    }
    mti_rank_leave(action);
    w->merged = true;
    w->reached = MT_LEVEL_APPLIED;
    changed = w->delta && mt_delta_changed(w->delta);
    if (is_queued(action)) {
        set_unstored(action, true);
        mti_storing_add(action);
        if (level_wanted(action) == MT_LEVEL_APPLIED) mti_call_finish(action);
        return;
    }
    if (!changed && is_stored(action)) w->reached = MT_LEVEL_DURABLE;
    mti_call_later(action, tell_later);
}

static void write_load(mt_action *action)
{
    if (!mti_touched_load(action, false, write_load)) return;
    if (mti_rank_must_wait(action)) mti_call_block(action, write_load);
    else write_merge(action);
}

/* ---- Before ---- */

/* In a branch nothing is volatile: what it commits is for the commit. */
static void note_aside(mt_action *action)
{
    action->as.write.aside = action->options.storage_none && !action->db->branch;
}

static void write_hold(mt_action *action)
{
    drop_full(action);
    note_aside(action);
    if (action->as.write.handles || mti_touched_hold(action)) write_load(action);
}

/* Rows as hooks may trust them. Their states are seen to when they are merged. */
mt_status mti_rows_check(mt_db *db, const mt_row *rows, size_t count)
{
    mt_status st = MT_OK;

    for (size_t i = 0; i < count && st == MT_OK; i++) {
        st = mt_uid_check(rows[i].uid, &db->error);
        for (size_t j = 0; j < rows[i].count && st == MT_OK; j++) {
            const mt_field *field = &rows[i].fields[j];
            st = mt_name_check(field->name, &db->error);
            if (st == MT_OK && field->kind != MT_FIELD_DELETED)
                st = mt_value_check(&field->value, &db->limits, &db->error);
        }
    }
    return st;
}

static void write_hooks(mt_action *action)
{
    mti_writing *w = &action->as.write;
    mt_hook_point point = w->received ? MT_ON_UPDATE : MT_BEFORE_WRITE;
    mt_db *db = action->db;
    mt_status st = MT_OK;

    if (w->internal || db->hooks[point].count == 0 || (w->received && w->count == 0)) {
        write_hold(action);
        return;
    }
    if (!w->checked) st = mti_rows_check(db, write_rows(action), w->count);
    if (st != MT_OK) mti_call_fail(action, st, db->error.text);
    else mti_hooks_run(action, point, write_hold);
}

void mti_write_set_rows(mt_action *action, mti_block *rows, size_t count)
{
    mti_writing *w = &action->as.write;

    drop_full(action);
    mti_touched_release(action);
    mti_block_free(action->db->mem, &w->rows);
    w->rows = *rows;
    w->count = count;
}

static mt_status fill_full(mt_action *action)
{
    mti_writing *w = &action->as.write;
    mt_db *db = action->db;
    const mt_row *rows = write_rows(action);
    mt_status st = mti_graph_new_in(db->mem, db->graph->family, &db->limits, &w->full);

    for (size_t i = 0; i < w->count && st == MT_OK; i++) {
        mt_node *node = mti_tree_get(&db->graph->nodes, &mti_node_kind, rows[i].uid);
        if (!node) continue;
        mti_hold(node);
        st = mti_graph_put(w->full, node);
    }
    if (st != MT_OK) return mti_no_memory(&db->error);
    if (w->stamped) st = mt_graph_merge_rows(w->full, rows, w->count, NULL);
    else st = mt_graph_patch(w->full, rows, w->count, 0, NULL);
    if (st != MT_OK) db->error = *mt_graph_error(w->full);
    return st;
}

bool mti_write_make_full(mt_action *action, mti_stage *stage)
{
    mti_writing *w = &action->as.write;
    mt_status st;

    if (w->full) return true;
    if (!w->handles && !mti_touched_hold(action)) return false;
    if (!mti_touched_load(action, true, stage)) return false;
    if ((st = fill_full(action)) == MT_OK) return true;
    drop_full(action);
    mti_call_fail(action, st, action->db->error.text);
    return false;
}

static void write_start(mt_action *action)
{
    mti_writing *w = &action->as.write;

    if (!mti_call_may_start(action)) return;
    if (!w->stamped) {
        w->state = mti_clock_take(action->db);
        mti_rank_enter(action);
    }
    write_hooks(action);
}

mt_status mti_write_start_call(mt_db *db, const mti_write_start *start, mt_done *done, void *ctx,
                               uint64_t *id)
{
    mt_action *action;
    mti_block rows = {NULL, 0}, records = {NULL, 0};
    mt_status st;

    for (size_t i = 0; i < start->count; i++)
        if ((st = mt_uid_check(start->rows[i].uid, &db->error)) != MT_OK) return st;
    st = mti_rows_copy(db->mem, start->rows, start->count, MTI_COMMIT_FIELDS_MAX, &rows);
    if (st == MT_TOO_LARGE)
        return mti_db_fail(db, st, "a commit has at most %u fields", MTI_COMMIT_FIELDS_MAX);
    if (st != MT_OK) return mti_no_memory(&db->error);
    if (start->record_count > 0 &&
        mti_records_copy(db->mem, start->records, start->record_count, &records) != MT_OK)
        st = mti_no_memory(&db->error);
    if (st == MT_OK) st = mti_call_new(db, CALL_WRITE, start->options, done, ctx, &action);
    if (st != MT_OK) {
        mti_block_free(db->mem, &rows);
        mti_block_free(db->mem, &records);
        return st;
    }
    action->as.write.records = records;
    action->as.write.record_count = start->record_count;
    action->as.write.rows = rows;
    action->as.write.count = start->count;
    action->as.write.stamped = start->stamped;
    action->as.write.received = start->received;
    action->as.write.checked = start->checked;
    action->as.write.internal = start->internal;
    if (start->origin) action->origin = mt_connection_ref(start->origin);
    note_aside(action);
    if (action->options.level == MT_LEVEL_DURABLE && (!is_stored(action) || db->branch)) {
        mti_call_drop(action);
        return mti_db_fail(db, MT_INVALID, "nothing would store it: there is no durable level");
    }
    mti_call_start(action, write_start, true, id);
    return MT_OK;
}
