#include "db/push.h"

#include "base/bytes.h"
#include "db/order.h"
#include "db/write.h"

/* ---- Push ---- */

/* Nothing more will come of it. Answers whether it was waited for till now. */
static bool push_end(mt_action *action)
{
    bool was = action->as.write.pushing;

    action->as.write.pushing = false;
    if (was) mti_call_release(action);
    return was;
}

/* A push that failed fails only a write that waits for it: what is merged stays merged. */
static void push_failed(mt_action *action, mt_status status, const char *text)
{
    bool awaited = action->options.await_push || action->options.level >= MT_LEVEL_RECEIVED;

    if (awaited && !action->as.write.told) mti_call_fail(action, status, text);
}

void mti_push_start(mt_action *action, mti_stage *stage)
{
    mti_writing *w = &action->as.write;
    mt_db *db = action->db;
    mt_push push = {.delta = w->delta,
                    .group = action->options.network_none ? NULL : mt_action_group(action),
                    .origin = action->origin,
                    .options = &action->options,
                    .commit = w->commit,
                    .durable = w->reached >= MT_LEVEL_DURABLE,
                    .head = db->head_told ? &db->head : NULL};
    mt_status st;

    w->pushing = true;
    w->pushed = stage;
    mti_call_hold(action);
    st = db->router.push(db->router_ctx, action->id, &push);
    if (st != MT_OK && push_end(action)) push_failed(action, st, "the router did not take it");
    stage(action);
}

void mt_push_done(mt_db *db, uint64_t id, const mt_push_answer *answer)
{
    mt_action *action = mti_call_by_id(db, id);
    mti_writing *w = action ? &action->as.write : NULL;

    if (!action || action->kind != CALL_WRITE || !w->pushing) return;
    if (answer->received > w->got) w->got = answer->received;
    if (answer->durable > w->durable) w->durable = answer->durable;
    if (w->durable > w->got) w->got = w->durable;
    mti_call_hold(action);
    if (!answer->more || answer->status != MT_OK) push_end(action);
    if (answer->status != MT_OK) push_failed(action, answer->status, answer->text);
    if (!w->told) w->pushed(action);
    mti_call_release(action);
}

/* ---- Pull ---- */

/* Nothing more will come of it. Answers whether it was waited for till now. */
static bool pull_end(mt_action *action)
{
    bool was = action->as.read.pulling;

    action->as.read.pulling = false;
    if (was) action->waits--;
    return was;
}

/* What one peer did not answer, or should not have, another or storage may: it counts once all have
 * answered, and where a node is missing then. */
static void pull_failed(mt_action *action, mt_status status, const char *text)
{
    mti_reading *read = &action->as.read;

    if (mti_call_over(action) || read->unanswered) return;
    read->unanswered = mti_mem_alloc(action->db->mem, sizeof *read->unanswered);
    if (!read->unanswered) mti_call_fail(action, MT_NO_MEMORY, NULL);
    else mti_fail(read->unanswered, status, "%s", text && *text ? text : mt_status_text(status));
}

void mti_pull_start(mt_action *action, const mt_bytes *keys, size_t count, mti_stage *stage)
{
    mt_db *db = action->db;
    mt_pull pull = {.keys = keys,
                    .count = count,
                    .group = mt_action_group(action),
                    .options = &action->options};
    mt_status st;

    action->stage = stage;
    action->as.read.pulling = true;
    action->waits++;
    mti_call_hold(action);
    if ((st = db->router.pull(db->router_ctx, action->id, &pull)) == MT_OK) return;
    if (!pull_end(action)) return;
    pull_failed(action, st, "the router did not start to ask");
    mti_call_release(action);
}

static void go_on(mt_action *action)
{
    if (action->waits == 0 && !mti_call_over(action)) action->stage(action);
}

/* What a peer answered is merged, or refused. */
static void pulled(void *ctx, mt_db *db, const mt_result *result)
{
    mt_action *action = ctx;

    (void)db;
    action->waits--;
    if (result->status != MT_OK) pull_failed(action, result->status, result->text);
    go_on(action);
    mti_call_release(action);
}

static bool was_asked(const mt_bytes *keys, const mti_order *order, mt_bytes uid)
{
    size_t first = 0, len = order->count;

    while (len > 0) {
        size_t half = len / 2;
        int found = mt_bytes_compare(keys[order->at[first + half]], uid);
        if (found == 0) return true;
        first = found < 0 ? first + half + 1 : first;
        len = found < 0 ? len - half - 1 : half;
    }
    return false;
}

/* Starts to merge the rows; the read waits for it. */
static mt_status merge_answer(mt_action *action, const mt_pull_answer *answer, const mt_row *rows,
                              size_t count)
{
    mt_options options = {.size = sizeof options, .network_none = true};
    mti_write_start start = {.rows = rows,
                             .count = count,
                             .stamped = true,
                             .received = true,
                             .origin = answer->from,
                             .options = &options};
    mt_status st;

    options.storage_none = action->options.storage_none;
    options.allow_future = action->options.allow_future;
    options.app = action->options.app;
    options.level = MT_LEVEL_APPLIED;
    action->waits++;
    mti_call_hold(action);
    st = mti_write_start_call(action->db, &start, pulled, action, NULL);
    if (st == MT_OK) return MT_OK;
    action->waits--;
    mti_call_release(action);
    return st;
}

/* Takes of an answer what was asked for. */
static mt_status take_answer(mt_action *action, const mt_pull_answer *answer)
{
    mti_reading *read = &action->as.read;
    const mt_bytes *keys = read->keys.data;
    mt_db *db = action->db;
    mti_order order;
    mt_status st = MT_OK;
    size_t count = 0;
    mt_row *rows;

    if (answer->count == 0) return MT_OK;
    if (mti_order_keys(db->mem, keys, sizeof *keys, read->count, &order) != MT_OK)
        return mti_no_memory(&db->error);
    if ((rows = mti_mem_alloc(db->mem, answer->count * sizeof *rows))) {
        for (size_t i = 0; i < answer->count; i++)
            if (was_asked(keys, &order, answer->rows[i].uid)) rows[count++] = answer->rows[i];
        if (count > 0) st = merge_answer(action, answer, rows, count);
    } else {
        st = mti_no_memory(&db->error);
    }
    mti_mem_free(db->mem, rows, answer->count * sizeof *rows);
    mti_order_free(db->mem, &order);
    return st;
}

void mt_pull_done(mt_db *db, uint64_t id, const mt_pull_answer *answer)
{
    mt_action *action = mti_call_by_id(db, id);
    mt_status st;

    if (!action || action->kind != CALL_READ || !action->as.read.pulling) return;
    mti_call_hold(action);
    if (answer->status != MT_OK) pull_failed(action, answer->status, answer->text);
    else if ((st = take_answer(action, answer)) != MT_OK) pull_failed(action, st, db->error.text);
    if (!answer->more || answer->status != MT_OK) {
        pull_end(action);
        go_on(action);
        mti_call_release(action);
    }
    mti_call_release(action);
}

/* ---- The end ---- */

void mti_pull_leave(mt_action *action)
{
    mt_db *db = action->db;

    if (action->kind != CALL_READ || !action->as.read.pulling || !db->router.cancel) return;
    pull_end(action);
    db->router.cancel(db->router_ctx, action->id);
    mti_call_release(action);
}

void mti_push_cancel(mt_action *action)
{
    if (action->kind == CALL_WRITE) push_end(action);
    else if (action->kind == CALL_READ && pull_end(action)) mti_call_release(action);
}
