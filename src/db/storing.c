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
        if (a->as.write.delta) mti_graph_take_back(db->graph, a->as.write.delta);
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

static mt_action *last_commit(const mti_queue *queue)
{
    mt_action *last = NULL;

    for (mt_action *a = queue->first; a; a = a->next_stored)
        if (mti_write_commits(a)) last = a;
    return last;
}

static void batch_answered(void *ctx, const mt_storage_answer *answer)
{
    mt_db *db = ctx;
    mti_queue done = db->storing;
    bool failed = answer->status != MT_OK;
    mt_action *action, *last = db->has_head ? last_commit(&done) : NULL;
    mt_error why;

    if (answer->more) return;
    db->storing.first = db->storing.last = NULL;
    db->store_busy = false;
    mti_block_free(db->mem, &db->store_commits);
    mti_block_free(db->mem, &db->store_records);
    if (!failed && db->has_head && answer->next.number > 0) db->head = answer->next;
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
        db->head_told = action == last;
        mti_write_stored(action, MT_OK, NULL);
        mti_call_release(action);
    }
    db->head_told = false;
    mti_ranks_trim(db);
}

/* What a batch has for storage. */
typedef struct batch_size {
    size_t commits, records;
} batch_size;

/* Moves up to BATCH_MAX writes from the queue into `storing`. */
static batch_size batch_take(mt_db *db)
{
    batch_size size = {0, 0};

    for (size_t taken = 0; db->to_store.first && taken < BATCH_MAX; taken++) {
        mt_action *action = db->to_store.first;
        db->to_store.first = action->next_stored;
        if (!db->to_store.first) db->to_store.last = NULL;
        queue_add(&db->storing, action);
        size.commits += mti_write_commits(action);
        size.records += action->as.write.record_count;
    }
    return size;
}

static mt_status block_new(const mt_mem *mem, size_t size, mti_block *out)
{
    out->data = mti_mem_alloc(mem, size ? size : 1);
    out->size = size ? size : 1;
    return out->data ? MT_OK : MT_NO_MEMORY;
}

static void put_commit(const mt_action *action, mt_storage_commit *out)
{
    memset(out, 0, sizeof *out);
    out->delta = action->as.write.delta;
    out->whole = action->as.write.whole;
    if (!action->origin) return;
    out->origin = mt_connection_peer(action->origin);
    if (out->origin.len == 0) out->origin = mt_connection_id(action->origin);
}

static mt_status batch_fill(mt_db *db, batch_size size)
{
    mt_storage_commit *commits;
    mt_storage_record *records;

    if (block_new(db->mem, size.commits * sizeof *commits, &db->store_commits) != MT_OK ||
        block_new(db->mem, size.records * sizeof *records, &db->store_records) != MT_OK)
        return MT_NO_MEMORY;
    memset(&db->store_write, 0, sizeof db->store_write);
    db->store_write.commits = commits = db->store_commits.data;
    db->store_write.commit_count = size.commits;
    db->store_write.records = records = db->store_records.data;
    db->store_write.record_count = size.records;
    for (const mt_action *a = db->storing.first; a; a = a->next_stored) {
        const mti_writing *w = &a->as.write;
        if (mti_write_commits(a)) put_commit(a, commits++);
        if (w->record_count > 0)
            memcpy(records, w->records.data, w->record_count * sizeof *records);
        records += w->record_count;
    }
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
    batch_size size;
    mt_status st;
    uint64_t id = 0;

    if (db->store_busy || !db->to_store.first) return;
    db->store_busy = true;
    size = batch_take(db);
    if (size.commits == 0 && size.records == 0) {
        batch_end(db, MT_OK);
        return;
    }
    st = batch_fill(db, size);
    if (st == MT_OK) st = mti_request_begin(db, batch_answered, db, &id);
    if (st == MT_OK) {
        st = db->storage.write(db->storage_ctx, &db->storage_host, id, &db->store_write);
        if (st != MT_OK) mti_request_end(db, id);
    }
    if (st != MT_OK) batch_end(db, st);
}
