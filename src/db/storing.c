#include "db/storing.h"

#include "base/assert.h"
#include "base/bytes.h"
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

/* The batch failed: those behind it are merged anew on what is there without it. */
static void batch_failed(mt_db *db, mti_queue *failed, mt_status status, const char *text)
{
    mti_queue behind = db->to_store;
    mt_action *action;
    mt_error line;

    mti_fail(&line, status, "%s", text && *text ? text : mt_status_text(status));
    take_back(db, &behind);
    take_back(db, failed);
    db->to_store.first = db->to_store.last = NULL;
    while ((action = behind.first)) {
        mt_status st = mti_write_merge(action);
        behind.first = action->next_stored;
        if (st == MT_OK && action->as.write.delta && mt_delta_changed(action->as.write.delta)) {
            queue_add(&db->to_store, action);
            continue;
        }
        mti_write_stored(action, st, st == MT_OK ? NULL : db->error.text);
        mti_call_release(action);
    }
    while ((action = failed->first)) {
        failed->first = action->next_stored;
        action->next_stored = NULL;
        mti_write_stored(action, status, line.text);
        mti_call_release(action);
    }
    mti_db_fail(db, status, "%s", line.text);
}

static void batch_answered(void *ctx, const mt_storage_answer *answer)
{
    mt_db *db = ctx;
    mti_queue done = db->storing;
    mt_action *action;

    if (answer->more) return;
    db->storing.first = db->storing.last = NULL;
    db->store_busy = false;
    mti_block_free(db->mem, &db->store_commits);
    mti_unblock(db);
    mti_pump_set(db);
    if (answer->status != MT_OK) {
        batch_failed(db, &done, answer->status, answer->text);
        return;
    }
    while ((action = done.first)) {
        done.first = action->next_stored;
        action->next_stored = NULL;
        mti_write_stored(action, MT_OK, NULL);
        mti_call_release(action);
    }
}

/* Moves up to BATCH_MAX writes from the queue into `storing`. Answers how many. */
static size_t batch_take(mt_db *db)
{
    size_t count = 0;

    while (db->to_store.first && count < BATCH_MAX) {
        mt_action *action = db->to_store.first;
        db->to_store.first = action->next_stored;
        if (!db->to_store.first) db->to_store.last = NULL;
        queue_add(&db->storing, action);
        count++;
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
    for (mt_action *a = db->storing.first; a; a = a->next_stored, at++) {
        commits[at].delta = a->as.write.delta;
        commits[at].whole = a->as.write.whole;
        if (a->origin) commits[at].origin = mt_connection_id(a->origin);
    }
    memset(&db->store_write, 0, sizeof db->store_write);
    db->store_write.commits = commits;
    db->store_write.commit_count = count;
    db->store_write.clock = db->clock;
    db->store_write.clock_mode = (uint8_t)db->mode;
    return MT_OK;
}

void mti_storing_flush(mt_db *db)
{
    mt_storage_answer failed = {.status = MT_NO_MEMORY};
    mt_status st;
    uint64_t id;
    size_t count;

    if (db->store_busy || !db->to_store.first) return;
    db->store_busy = true;
    count = batch_take(db);
    st = batch_fill(db, count);
    if (st == MT_OK) st = mti_request_begin(db, batch_answered, db, &id);
    if (st == MT_OK) {
        st = db->storage.write(db->storage_ctx, &db->storage_host, id, &db->store_write);
        if (st != MT_OK) mti_request_end(db, id);
    }
    if (st == MT_OK) return;
    failed.status = st;
    batch_answered(db, &failed);
}
