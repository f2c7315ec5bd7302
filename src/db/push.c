#include "db/push.h"

#include "base/bytes.h"
#include "db/write.h"

/* ---- Push ---- */

void mti_push_start(mt_action *action, mti_stage *stage)
{
    mti_writing *w = &action->as.write;
    mt_db *db = action->db;
    mt_push push = {.delta = w->delta,
                    .group = mt_action_group(action),
                    .origin = action->origin,
                    .options = &action->options,
                    .commit = w->commit,
                    .durable = w->reached >= MT_LEVEL_DURABLE};

    w->pushing = true;
    w->pushed = stage;
    mti_call_hold(action);
    if (db->router.push(db->router_ctx, action->id, &push) != MT_OK) {
        w->pushing = false;
        mti_call_release(action);
    }
    stage(action);
}

void mt_push_done(mt_db *db, uint64_t id, const mt_push_answer *answer)
{
    mt_action *action = mti_call_by_id(db, id);
    mti_writing *w = action ? &action->as.write : NULL;
    bool awaited;

    if (!action || action->kind != CALL_WRITE || !w->pushing) return;
    if (answer->received > w->got) w->got = answer->received;
    if (answer->durable > w->durable) w->durable = answer->durable;
    if (w->durable > w->got) w->got = w->durable;
    awaited = action->options.await_push || action->options.level >= MT_LEVEL_RECEIVED;
    mti_call_hold(action);
    if (!answer->more || answer->status != MT_OK) {
        w->pushing = false;
        mti_call_release(action);
    }
    if (answer->status != MT_OK && awaited && !w->told)
        mti_call_fail(action, answer->status, answer->text);
    if (!w->told) w->pushed(action);
    mti_call_release(action);
}

/* ---- Pull ---- */

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
    action->as.read.pulling = false;
    action->waits--;
    mti_call_fail(action, st, "the router did not start to ask");
    mti_call_release(action);
}

/* One thing less to wait for. */
static void pull_step(mt_action *action)
{
    action->waits--;
    if (action->waits == 0 && !mti_call_over(action)) action->stage(action);
    mti_call_release(action);
}

static void pulled(void *ctx, mt_db *db, const mt_result *result)
{
    mt_action *action = ctx;

    (void)db;
    if (result->status != MT_OK) mti_call_fail(action, result->status, result->text);
    pull_step(action);
}

static bool was_asked(const mt_action *action, mt_bytes uid)
{
    const mt_bytes *keys = action->as.read.keys.data;

    for (size_t i = 0; i < action->as.read.count; i++)
        if (mt_bytes_equal(keys[i], uid)) return true;
    return false;
}

/* Merges what was asked for; the read waits for it. */
static mt_status take_answer(mt_action *action, const mt_pull_answer *answer)
{
    mt_db *db = action->db;
    mt_row *rows = mti_mem_alloc(db->mem, answer->count * sizeof *rows);
    mt_options options = {.size = sizeof options, .network_none = true};
    mti_write_start start = {
        .stamped = true, .received = true, .origin = answer->from, .options = &options};
    mt_status st;

    if (!rows) return answer->count ? MT_NO_MEMORY : MT_OK;
    options.storage_none = action->options.storage_none;
    options.app = action->options.app;
    options.level = MT_LEVEL_APPLIED;
    start.rows = rows;
    for (size_t i = 0; i < answer->count; i++)
        if (was_asked(action, answer->rows[i].uid)) rows[start.count++] = answer->rows[i];
    action->waits++;
    mti_call_hold(action);
    st = start.count ? mti_write_start_call(db, &start, pulled, action, NULL) : MT_END;
    if (st != MT_OK) {
        action->waits--;
        mti_call_release(action);
    }
    mti_mem_free(db->mem, rows, answer->count * sizeof *rows);
    return st == MT_END ? MT_OK : st;
}

void mt_pull_done(mt_db *db, uint64_t id, const mt_pull_answer *answer)
{
    mt_action *action = mti_call_by_id(db, id);
    mt_status st;

    if (!action || action->kind != CALL_READ || !action->as.read.pulling) return;
    mti_call_hold(action);
    if (answer->status != MT_OK) mti_call_fail(action, answer->status, answer->text);
    else if ((st = take_answer(action, answer)) != MT_OK) mti_call_fail(action, st, db->error.text);
    if (!answer->more || answer->status != MT_OK) {
        action->as.read.pulling = false;
        pull_step(action);
    }
    mti_call_release(action);
}

/* ---- The end ---- */

void mti_push_cancel(mt_action *action)
{
    if (action->kind == CALL_WRITE && action->as.write.pushing) {
        action->as.write.pushing = false;
        mti_call_release(action);
    } else if (action->kind == CALL_READ && action->as.read.pulling) {
        action->as.read.pulling = false;
        action->waits--;
        mti_call_release(action);
    }
}
