#include "db/read.h"

#include "base/bytes.h"
#include "db/load.h"
#include "db/order.h"
#include "db/push.h"

/* How many uids one read takes. */
#define READ_UIDS_MAX 10000u

void mti_read_free(mt_action *action)
{
    mti_reading *read = &action->as.read;

    mti_handles_release(action->db->mem, read->handles, read->handle_count);
    mti_block_free(action->db->mem, &read->keys);
    mti_mem_free(action->db->mem, read->unanswered, sizeof *read->unanswered);
}

void mti_read_result(const mt_action *action, mt_result *result)
{
    if (action->status != MT_OK) return;
    result->nodes = action->as.read.handles;
    result->count = action->as.read.handle_count;
}

static const mt_bytes *read_keys(const mt_action *action)
{
    return action->as.read.keys.data;
}

/* ---- After ---- */

/* A node that is not there is NULL, unless a peer that might have it was asked and did not say. */
static void read_assemble(mt_action *action)
{
    mti_reading *read = &action->as.read;
    bool missing = action->options.force;

    for (size_t i = 0; i < read->handle_count && !read->wants; i++) {
        if (mt_handle_node(read->handles[i])) continue;
        if (read->deleted && mti_handle_resident(read->handles[i])) continue;
        mt_handle_unref(read->handles[i]);
        read->handles[i] = NULL;
        missing = true;
    }
    if (missing && read->unanswered)
        mti_call_fail(action, read->unanswered->status, read->unanswered->text);
    else if (read->wants || read->for_peer) mti_call_finish(action);
    else mti_hooks_run(action, MT_AFTER_READ_NODES, mti_call_finish);
}

/* ---- Loading ---- */

/* The keys that memory does not answer, for the router: those of which no living node is here. */
static void read_pull(mt_action *action, const mti_order *s, mti_stage *stage)
{
    mt_db *db = action->db;
    const mt_bytes *keys = read_keys(action);
    mt_bytes *missing;
    size_t count = 0;

    if (!db->router.name || action->options.network_none || !mt_action_group(action)) return;
    if (s->count == 0) return;
    if (!(missing = mti_mem_alloc(db->mem, s->count * sizeof *missing))) {
        mti_call_fail(action, MT_NO_MEMORY, NULL);
        return;
    }
    for (size_t i = 0; i < s->count; i++)
        if (action->options.force || !mt_peek(db, keys[s->at[i]]))
            missing[count++] = keys[s->at[i]];
    if (count > 0) mti_pull_start(action, missing, count, stage);
    mti_mem_free(db->mem, missing, s->count * sizeof *missing);
}

static mti_need need_of(const mti_reading *read, size_t i)
{
    mti_need need = {.handle = read->handles[i], .whole = read->for_peer};

    if (!read->wants) return need;
    need.names = read->wants[i].names;
    need.name_count = read->wants[i].name_count;
    need.whole = read->wants[i].whole;
    return need;
}

static void read_go_on(mt_action *action);

static mt_status read_load(mt_action *action, const mti_order *s, bool *waits)
{
    mti_reading *read = &action->as.read;
    mti_need *needs = mti_mem_alloc(action->db->mem, s->count * sizeof *needs);
    bool force = action->options.force && !read->forced;
    mt_status st;

    *waits = false;
    if (!needs) return s->count ? mti_no_memory(&action->db->error) : MT_OK;
    for (size_t i = 0; i < s->count; i++) {
        needs[i] = need_of(read, s->at[i]);
        needs[i].force = force;
    }
    read->forced = true;
    st = mti_load(action, needs, s->count, read_go_on, waits);
    mti_mem_free(action->db->mem, needs, s->count * sizeof *needs);
    return st;
}

static bool all_in_memory(mt_action *action)
{
    const mti_reading *read = &action->as.read;

    if (action->options.force) return false;
    for (size_t i = 0; i < read->handle_count; i++) {
        mti_need need = need_of(read, i);
        bool known = read->wants || read->for_peer;
        if (known ? !mti_need_met(&need) : !mt_handle_node(need.handle)) return false;
    }
    return true;
}

/* Asks storage and router, the router once; `first`: it was not asked yet. */
static void read_missing(mt_action *action, bool first)
{
    mti_reading *read = &action->as.read;
    mt_db *db = action->db;
    mt_status st = MT_OK;
    bool waits = false;
    mti_order s;

    if (mti_order_keys(db->mem, read_keys(action), sizeof(mt_bytes), read->count, &s) != MT_OK) {
        mti_call_fail(action, MT_NO_MEMORY, NULL);
        return;
    }
    action->stage = read_go_on;
    action->waits++; /* until both have been asked */
    if (first && !read->wants && !read->for_peer) read_pull(action, &s, read_go_on);
    if (!mti_call_over(action) && !action->options.storage_none) st = read_load(action, &s, &waits);
    mti_order_free(db->mem, &s);
    action->waits--;
    if (st != MT_OK) mti_call_fail(action, st, db->error.text);
    else if (action->waits == 0 && !mti_call_over(action)) read_assemble(action);
}

static void read_go_on(mt_action *action)
{
    read_missing(action, false);
}

/* ---- Before ---- */

static void read_hold(mt_action *action)
{
    mti_reading *read = &action->as.read;

    if (action->db->branch) action->options.storage_none = false; /* its source is no storage */
    if (mti_handles_hold(action->db, read_keys(action), sizeof(mt_bytes), read->count,
                         &read->handles) != MT_OK) {
        mti_call_fail(action, MT_NO_MEMORY, NULL);
        return;
    }
    read->handle_count = read->count;
    if (all_in_memory(action)) read_assemble(action);
    else read_missing(action, true);
}

static void read_start(mt_action *action)
{
    mti_reading *read = &action->as.read;

    if (!mti_call_may_start(action)) return;
    if (read->wants) read_hold(action);
    else mti_hooks_run(action, read->for_peer ? MT_ON_REQUEST : MT_BEFORE_READ_NODES, read_hold);
}

mt_status mti_read_check(mt_db *db, const mt_bytes *uids, size_t count)
{
    mt_status st;

    if (count > READ_UIDS_MAX)
        return mti_db_fail(db, MT_TOO_LARGE, "%zu uids are more than the %u that one read takes",
                           count, READ_UIDS_MAX);
    for (size_t i = 0; i < count; i++)
        if ((st = mt_uid_check(uids[i], &db->error)) != MT_OK) return st;
    return MT_OK;
}

/* A read that is ready to start. */
static mt_status read_new(mt_db *db, const mt_bytes *uids, size_t count, const mt_options *options,
                          mt_done *done, void *ctx, mt_action **out)
{
    mt_status st = mti_call_new(db, CALL_READ, options, done, ctx, out);

    if (st != MT_OK) return st;
    if (mti_keys_copy(db->mem, uids, count, &(*out)->as.read.keys) == MT_OK) {
        (*out)->as.read.count = count;
        return MT_OK;
    }
    mti_call_drop(*out);
    return mti_no_memory(&db->error);
}

mt_status mt_nodes(mt_db *db, const mt_bytes *uids, size_t count, const mt_options *options,
                   mt_done *done, void *ctx, uint64_t *id)
{
    mt_action *action;
    mt_status st = mti_read_check(db, uids, count);

    if (st != MT_OK || (st = read_new(db, uids, count, options, done, ctx, &action)) != MT_OK)
        return st;
    mti_call_start(action, read_start, true, id);
    return MT_OK;
}

mt_status mt_read(mt_db *db, mt_bytes uid, const mt_options *options, mt_done *done, void *ctx,
                  uint64_t *id)
{
    return mt_nodes(db, &uid, 1, options, done, ctx, id);
}

mt_status mti_read_raw(mt_db *db, const mt_storage_key *wants, size_t count, mt_done *done,
                       void *ctx)
{
    mt_bytes *uids = mti_mem_alloc(db->mem, count * sizeof *uids);
    mt_action *action;
    mt_status st;

    if (!uids && count) return mti_no_memory(&db->error);
    for (size_t i = 0; i < count; i++) uids[i] = wants[i].uid;
    st = read_new(db, uids, count, NULL, done, ctx, &action);
    mti_mem_free(db->mem, uids, count * sizeof *uids);
    if (st != MT_OK) return st;
    action->as.read.wants = wants;
    mti_call_start(action, read_start, true, NULL);
    return MT_OK;
}

static mt_status request(mt_db *db, mt_connection *from, const mt_bytes *uids, size_t count,
                         const mt_options *options, bool deleted, mt_done *done, void *ctx,
                         uint64_t *id)
{
    mt_action *action;
    mt_status st = mti_read_check(db, uids, count);

    if (st != MT_OK || (st = read_new(db, uids, count, options, done, ctx, &action)) != MT_OK)
        return st;
    action->as.read.for_peer = true;
    action->as.read.deleted = deleted;
    if (from) action->origin = mt_connection_ref(from);
    mti_call_start(action, read_start, true, id);
    return MT_OK;
}

mt_status mt_db_request(mt_db *db, mt_connection *from, const mt_bytes *uids, size_t count,
                        const mt_options *options, mt_done *done, void *ctx, uint64_t *id)
{
    return request(db, from, uids, count, options, false, done, ctx, id);
}

mt_status mti_read_for_peer(mt_db *db, mt_connection *from, const mt_bytes *uids, size_t count,
                            mt_done *done, void *ctx)
{
    return request(db, from, uids, count, NULL, true, done, ctx, NULL);
}
