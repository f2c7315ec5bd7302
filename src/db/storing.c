#include "db/storing.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "db/rank.h"
#include "db/touched.h"
#include "db/write.h"

/* How many commits go in one transaction. */
#define BATCH_MAX 4096

static void queue_add(mti_queue *queue, mt_action *action)
{
    action->next_stored = NULL;
    if (queue->last) queue->last->next_stored = action;
    else queue->first = action;
    queue->last = action;
}

void mti_storing_add(mt_action *action)
{
    mti_call_hold(action);
    queue_add(&action->db->to_store, action);
    mti_pump_set(action->db);
}

/* Takes what was merged and not stored back, the last first. Queues are singly linked, and this is
 * rare: each is turned round, walked and turned back. */
static void queue_turn(mti_queue *queue)
{
    mt_action *turned = NULL, *action = queue->first;

    queue->last = action;
    while (action) {
        mt_action *next = action->next_stored;
        action->next_stored = turned;
        turned = action;
        action = next;
    }
    queue->first = turned;
}

static void take_back(mt_db *db, mti_queue *queue)
{
    queue_turn(queue);
    for (mt_action *a = queue->first; a; a = a->next_stored)
        mti_graph_take_back(db->graph, a->as.write.delta);
    queue_turn(queue);
}

/* Merges a write anew on what is there without those that failed. What it needs of a large node
 * may have gone from memory with them: then it fails as they did. */
static mt_status merge_again(mt_action *action, const mt_error *why)
{
    mt_db *db = action->db;
    bool met;
    mt_status st = mti_touched_met(action, &met);

    if (st != MT_OK) mti_no_memory(&db->error);
    else if (!met) st = mti_fail(&db->error, why->status, "%s", why->text);
    else st = mti_write_merge(action);
    mti_rank_leave(action);
    return st;
}

/* Answers a queue of writes, whose callers may start others meanwhile. */
static void fail_all(mti_queue *queue, const mt_error *why)
{
    mt_action *action;

    while ((action = queue->first)) {
        queue->first = action->next_stored;
        action->next_stored = NULL;
        mti_write_stored(action, why->status, why->text);
        mti_call_release(action);
    }
}

/* The batch failed: it is undone, and those behind it are merged anew. Before the first is
 * answered, all is as it is to be. */
static void batch_failed(mt_db *db, mti_queue *failed, const mt_error *why)
{
    mti_queue behind = db->to_store, lost = {NULL, NULL};
    mt_action *action;
    mt_error last = *why;

    take_back(db, &behind);
    take_back(db, failed);
    db->to_store.first = db->to_store.last = NULL;
    for (action = behind.first; action; action = action->next_stored)
        if (!action->as.write.stamped) mti_rank_enter(action);
    while ((action = behind.first)) {
        behind.first = action->next_stored;
        if (merge_again(action, why) == MT_OK) {
            queue_add(&db->to_store, action);
        } else {
            last = db->error;
            queue_add(&lost, action);
        }
    }
    fail_all(failed, why);
    fail_all(&lost, &last);
    db->error = *why;
}

static void batch_answered(void *ctx, const mt_storage_answer *answer)
{
    mt_db *db = ctx;
    mti_queue done = db->storing;
    bool failed = answer->status != MT_OK;
    mt_action *action;
    mt_error why;

    if (answer->more) return;
    db->storing.first = db->storing.last = NULL;
    db->store_busy = false;
    mti_block_free(db->mem, &db->store_commits);
    mti_unblock(db);
    mti_pump_set(db);
    if (failed) {
        const char *text = answer->text && *answer->text ? answer->text : NULL;
        mti_fail(&why, answer->status, "%s", text ? text : mt_status_text(answer->status));
        batch_failed(db, &done, &why);
    }
    while (!failed && (action = done.first)) {
        done.first = action->next_stored;
        action->next_stored = NULL;
        mti_write_stored(action, MT_OK, NULL);
        mti_call_release(action);
    }
    mti_ranks_trim(db);
}

/* Moves up to BATCH_MAX writes from the queue into `storing`. Answers how many of them go to
 * storage. */
static size_t batch_take(mt_db *db)
{
    size_t count = 0;

    for (size_t taken = 0; db->to_store.first && taken < BATCH_MAX; taken++) {
        mt_action *action = db->to_store.first;
        db->to_store.first = action->next_stored;
        if (!db->to_store.first) db->to_store.last = NULL;
        queue_add(&db->storing, action);
        count += mti_write_stores(action);
    }
    return count;
}

static mt_status batch_fill(mt_db *db, size_t count)
{
    mt_storage_commit *commits = mti_mem_alloc(db->mem, count * sizeof *commits);
    size_t at = 0;

    if (!commits) return MT_NO_MEMORY;
    db->store_commits.data = commits;
    db->store_commits.size = count * sizeof *commits;
    memset(commits, 0, count * sizeof *commits);
    for (mt_action *a = db->storing.first; a; a = a->next_stored) {
        if (!mti_write_stores(a)) continue;
        commits[at].delta = a->as.write.delta;
        commits[at].whole = a->as.write.whole;
        if (a->origin) commits[at].origin = mt_connection_id(a->origin);
        at++;
    }
    memset(&db->store_write, 0, sizeof db->store_write);
    db->store_write.commits = commits;
    db->store_write.commit_count = count;
    db->store_write.clock = db->clock;
    db->store_write.clock_mode = (uint8_t)db->mode;
    return MT_OK;
}

/* Answers the batch by itself: storage has not taken it, or has no part in it. */
static void batch_end(mt_db *db, mt_status status)
{
    mt_storage_answer answer = {.status = status};

    batch_answered(db, &answer);
}

void mti_storing_flush(mt_db *db)
{
    mt_status st;
    uint64_t id = 0;
    size_t count;

    if (db->store_busy || !db->to_store.first) return;
    db->store_busy = true;
    if ((count = batch_take(db)) == 0) {
        batch_end(db, MT_OK);
        return;
    }
    st = batch_fill(db, count);
    if (st == MT_OK) st = mti_request_begin(db, batch_answered, db, &id);
    if (st == MT_OK) {
        st = db->storage.write(db->storage_ctx, &db->storage_host, id, &db->store_write);
        if (st != MT_OK) mti_request_end(db, id);
    }
    if (st != MT_OK) batch_end(db, st);
}
