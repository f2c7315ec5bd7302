#include "db/call.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "db/storing.h"
#include "db/fields.h"
#include "db/handle.h"
#include "db/load.h"
#include "db/push.h"
#include "db/read.h"
#include "db/rebase.h"
#include "db/stream.h"
#include "db/write.h"

/* How many stages a turn runs before the loop may look at something else. */
#define STAGES_MAX 4096

/* ---- The ready queue ---- */

static void pump(void *arg);

void mti_pump_set(mt_db *db)
{
    if (db->pump_set) return;
    db->pump_set = true;
    db->pump.fire = pump;
    db->pump.arg = db;
    db->env->timer_set(db->env->ctx, &db->pump, 0);
}

void mti_call_later(mt_action *action, mti_stage *stage)
{
    mti_queue *queue = &action->db->ready;

    mti_assert(!action->queued);
    action->stage = stage;
    action->queued = true;
    action->next = NULL;
    if (queue->last) queue->last->next = action;
    else queue->first = action;
    queue->last = action;
    if (action->db->is_ready || action->db->closing) mti_pump_set(action->db);
}

void mti_call_block(mt_action *action, mti_stage *stage)
{
    action->stage = stage;
    if (!action->blocked) action->db->blocked++;
    action->blocked = true;
}

static void unblock(mt_action *action)
{
    if (!action->blocked) return;
    action->blocked = false;
    action->db->blocked--;
}

void mti_unblock(mt_db *db)
{
    for (mt_action *a = db->oldest; a && db->blocked > 0; a = a->newer) {
        if (!a->blocked) continue;
        unblock(a);
        mti_call_later(a, a->stage);
    }
}

static mt_action *ready_take(mt_db *db)
{
    mt_action *action = db->ready.first;

    if (!action) return NULL;
    db->ready.first = action->next;
    if (!db->ready.first) db->ready.last = NULL;
    action->next = NULL;
    action->queued = false;
    if (action->unstarted) db->unstarted--;
    action->unstarted = false;
    return action;
}

static void answer_stage(mt_action *action);

/* Runs the next stage. Answers whether there was one. */
static bool run_next(mt_db *db)
{
    mt_action *action = ready_take(db);

    if (!action) return false;
    mti_call_hold(action);
    action->stage(action);
    if (action->answering && !action->answered && !action->queued)
        mti_call_later(action, answer_stage);
    mti_call_release(action);
    return true;
}

static void pump(void *arg)
{
    mt_db *db = arg;
    size_t left = STAGES_MAX;

    db->pump_set = false;
    while (left > 0 && run_next(db)) left--;
    mti_storing_flush(db);
    mti_cache_has_room(db);
    if (db->ready.first) mti_pump_set(db);
    if (db->closing) mti_db_close_step(db);
}

/* ---- Beginning ---- */

/* What the first version had: that much is there, whatever its size says. */
#define OPTIONS_SIZE_FIRST (offsetof(mt_options, app) + sizeof(void *))

mt_options mti_options_copy(const mt_options *options)
{
    mt_options copy = {.size = sizeof copy};
    size_t size = OPTIONS_SIZE_FIRST;

    if (!options) return copy;
    if (options->size > 0) size = options->size < sizeof copy ? options->size : sizeof copy;
    memcpy(&copy, options, size);
    copy.size = sizeof copy;
    return copy;
}

mt_status mti_call_new(mt_db *db, mti_call_kind kind, const mt_options *options, mt_done *done,
                       void *ctx, mt_action **out)
{
    mt_action *action;

    if (db->closing) return mti_db_fail(db, MT_CLOSED, "the database is being closed");
    action = mti_mem_alloc(db->mem, sizeof *action);
    if (!action) return mti_no_memory(&db->error);
    memset(action, 0, sizeof *action);
    action->db = db;
    action->kind = kind;
    action->options = mti_options_copy(options);
    action->done = done;
    action->ctx = ctx;
    action->id = db->last_id + 1;
    if (mti_map_put(&db->calls, action->id, action) != MT_OK) {
        mti_mem_free(db->mem, action, sizeof *action);
        return mti_no_memory(&db->error);
    }
    db->last_id++;
    *out = action;
    return MT_OK;
}

static void alarm_fire(void *arg);

static void alarm_set(mt_db *db, uint64_t due)
{
    uint64_t now = db->env->ticks_ms(db->env->ctx);

    if (db->alarm_at && db->alarm_at <= due) return;
    if (db->alarm_at) db->env->timer_stop(db->env->ctx, &db->alarm);
    db->alarm_at = due;
    db->alarm.fire = alarm_fire;
    db->alarm.arg = db;
    db->env->timer_set(db->env->ctx, &db->alarm, due > now ? due - now : 0);
}

void mti_call_start(mt_action *action, mti_stage *stage, bool now, uint64_t *id)
{
    mt_db *db = action->db;

    action->older = db->newest;
    if (db->newest) db->newest->newer = action;
    else db->oldest = action;
    db->newest = action;
    db->call_count++;
    if (id) *id = action->id;
    if (action->options.deadline_ms > 0) {
        uint64_t ticks = db->env->ticks_ms(db->env->ctx);
        uint64_t most = UINT64_MAX - ticks;
        action->due =
            ticks + (action->options.deadline_ms < most ? action->options.deadline_ms : most);
        if (action->due == 0) action->due = 1;
        alarm_set(db, action->due);
    }
    if (!now || !db->is_ready || db->unstarted > 0) {
        action->unstarted = true;
        db->unstarted++;
        mti_call_later(action, stage);
        return;
    }
    mti_call_hold(action);
    stage(action);
    mti_call_release(action);
}

mt_action *mti_call_by_id(mt_db *db, uint64_t id)
{
    return id ? mti_map_get(&db->calls, id) : NULL;
}

/* ---- Ending ---- */

static void unlink_call(mt_action *action)
{
    mt_db *db = action->db;

    if (action->older) action->older->newer = action->newer;
    else db->oldest = action->newer;
    if (action->newer) action->newer->older = action->older;
    else db->newest = action->older;
    db->call_count--;
}

static void call_free(mt_action *action)
{
    mt_db *db = action->db;

    mti_map_take(&db->calls, action->id);
    switch (action->kind) {
    case CALL_READ: mti_read_free(action); break;
    case CALL_FIELDS: mti_fields_free(action); break;
    case CALL_WRITE: mti_write_free(action); break;
    case CALL_FORGET: mti_read_free(action); break;
    case CALL_STREAM: mti_block_free(db->mem, &action->as.stream.start); break;
    case CALL_LOG: mti_block_free(db->mem, &action->as.log.keys); break;
    case CALL_QUERY:
        mti_block_free(db->mem, &action->as.query.query);
        mti_block_free(db->mem, &action->as.query.answer);
        break;
    case CALL_REBASE: mti_rebase_free(action); break;
    case CALL_READY: break;
    }
    mt_group_unref(action->group);
    mt_connection_unref(action->origin);
    mti_mem_free(db->mem, action->text, MT_ERROR_TEXT_MAX);
    mti_mem_free(db->mem, action->caught, sizeof *action->caught);
    mti_mem_free(db->mem, action, sizeof *action);
}

void mti_call_drop(mt_action *action)
{
    call_free(action);
}

void mti_call_hold(mt_action *action)
{
    action->holds++;
}

void mti_call_release(mt_action *action)
{
    mt_db *db = action->db;

    mti_assert(action->holds > 0);
    if (--action->holds > 0 || !action->answered || action->queued) return;
    unlink_call(action);
    call_free(action);
    if (db->closing) mti_pump_set(db);
}

static void result_fill(const mt_action *action, mt_result *result)
{
    result->id = action->id;
    result->status = action->status;
    result->app = action->options.app;
    result->text = "";
    if (action->status != MT_OK)
        result->text = action->text ? action->text : mt_status_text(action->status);
    switch (action->kind) {
    case CALL_READ: mti_read_result(action, result); break;
    case CALL_FIELDS: mti_fields_result(action, result); break;
    case CALL_WRITE: mti_write_result(action, result); break;
    case CALL_QUERY:
        if (action->as.query.answer.data)
            result->answer = *(mt_bytes *)action->as.query.answer.data;
        break;
    case CALL_STREAM:
    case CALL_FORGET:
    case CALL_REBASE:
    case CALL_READY:
    case CALL_LOG: break;
    }
}

static void answer_stage(mt_action *action)
{
    mt_result result;

    memset(&result, 0, sizeof result);
    result_fill(action, &result);
    action->answered = true;
    mti_pull_leave(action);
    if (action->kind == CALL_LOG) mti_log_fail(action);
    else if (action->done) action->done(action->ctx, action->db, &result);
}

/* From here nobody else decides what the call answers. A stage that waits in the queue is run before:
 * of a merged write it tells others. */
static void answer_soon(mt_action *action)
{
    action->answering = true;
    unblock(action);
    mti_write_leave(action);
    if (!action->queued) mti_call_later(action, answer_stage);
}

bool mti_call_may_start(mt_action *action)
{
    const mt_error *opening = &action->db->opening;

    if (mti_call_over(action)) return false;
    if (opening->status != MT_OK) mti_call_fail(action, opening->status, opening->text);
    return opening->status == MT_OK;
}

void mti_call_finish(mt_action *action)
{
    if (!mti_call_over(action)) answer_soon(action);
}

void mti_call_set_text(mt_action *action, const char *text)
{
    mt_error error;

    mti_mem_free(action->db->mem, action->text, MT_ERROR_TEXT_MAX);
    action->text = NULL;
    if (!text || !*text) return;
    action->text = mti_mem_alloc(action->db->mem, MT_ERROR_TEXT_MAX);
    if (!action->text) return;
    mti_fail(&error, MT_OK, "%s", text);
    memcpy(action->text, error.text, sizeof error.text);
}

/* Hooks of catch have passed or replaced the error. */
static void caught_stage(mt_action *action)
{
    action->catching = false;
    if (!action->answered && !action->answering) answer_soon(action);
    if (action->kind == CALL_WRITE) mti_write_caught(action);
}

/* A hook that has the call still, and answers late, cannot be told from one of catch. */
static bool catches(const mt_action *action)
{
    if (action->db->hooks[MT_ON_CATCH].count == 0 || action->caught) return false;
    if (action->waits_for_hook || action->db->closing) return false;
    switch (action->kind) {
    case CALL_READ: return !action->as.read.wants;
    case CALL_WRITE: return !action->as.write.internal;
    case CALL_FIELDS:
    case CALL_STREAM:
    case CALL_FORGET:
    case CALL_QUERY:
    case CALL_REBASE: return true;
    case CALL_READY:
    case CALL_LOG: break;
    }
    return false;
}

void mti_call_fail(mt_action *action, mt_status status, const char *text)
{
    mt_error line;

    if (mti_call_over(action)) return;
    action->status = status;
    mti_fail(&line, status, "%s", text ? text : "");
    mti_call_set_text(action, line.text);
    if (catches(action)) action->caught = mti_mem_alloc(action->db->mem, sizeof *action->caught);
    else action->caught = NULL;
    if (!action->caught) {
        answer_soon(action);
        return;
    }
    action->catching = true;
    mti_fail(action->caught, status, "%s", *line.text ? line.text : mt_status_text(status));
    mti_hooks_run(action, MT_ON_CATCH, caught_stage);
}

/* Ends a call that the pipeline did not, nor waits for hooks of catch. */
static void call_end(mt_action *action, mt_status status, const char *text)
{
    if (!action->catching) {
        mti_call_fail(action, status, text);
        return;
    }
    if (action->answered || action->answering) return;
    action->status = status;
    mti_call_set_text(action, text);
    answer_soon(action);
}

void mt_cancel(mt_db *db, uint64_t id)
{
    mt_action *action = mti_call_by_id(db, id);

    if (action) call_end(action, MT_CANCELED, "the call was canceled");
}

void mti_calls_cancel(mt_db *db)
{
    mt_action *action, *newer;

    for (action = db->oldest; action; action = newer) {
        newer = action->newer;
        if (action->kind == CALL_WRITE && action->as.write.unstored) continue;
        call_end(action, MT_CANCELED, "the database was closed");
    }
}

void mti_calls_end(mt_db *db)
{
    db->closing = true;
    mti_calls_cancel(db);
    while (run_next(db)) continue;
}

/* ---- Deadlines ---- */

static void alarm_fire(void *arg)
{
    mt_db *db = arg;
    uint64_t now = db->env->ticks_ms(db->env->ctx), soonest = 0;
    mt_action *action;

    db->alarm_at = 0;
    for (action = db->oldest; action; action = action->newer) {
        if (action->due == 0 || action->answered || action->answering) continue;
        if (action->due <= now) {
            call_end(action, MT_DEADLINE, "the deadline of the call has passed");
            continue;
        }
        if (soonest == 0 || action->due < soonest) soonest = action->due;
    }
    if (soonest) alarm_set(db, soonest);
}
