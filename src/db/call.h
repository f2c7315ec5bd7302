/* db/call.h - calls: how they begin, wait, and answer once. */
#ifndef MTI_CALL_H
#define MTI_CALL_H

#include "base/status.h"
#include "db/db.h"

/* The options of a caller (NULL: none) as this build knows them. */
mt_options mti_options_copy(const mt_options *options);

/* A new call, whose stage `stage` runs when the database is ready: mti_call_start. `options` may be
 * NULL. MT_CLOSED, MT_NO_MEMORY. */
mt_status mti_call_new(mt_db *db, mti_call_kind kind, const mt_options *options, mt_done *done,
                       void *ctx, mt_action **out);

/* Frees a call that was not started. */
void mti_call_drop(mt_action *action);

/* Counts it among those under way, and runs its first stage: now where `now` and the database is
 * ready, else in a turn of the loop. Calls start in the order in which they were made. From here on
 * it will be answered. */
void mti_call_start(mt_action *action, mti_stage *stage, bool now, uint64_t *id);

/* Lets a stage run in the next turn. */
void mti_call_later(mt_action *action, mti_stage *stage);

/* Lets a stage run again once storage has answered something; and lets those run. */
void mti_call_block(mt_action *action, mti_stage *stage);
void mti_unblock(mt_db *db);

/* Ends the call with a status and a line (may be NULL): hooks of catch, then the answer. */
void mti_call_fail(mt_action *action, mt_status status, const char *text);

/* Ends the call well: it answers in the next turn. */
void mti_call_finish(mt_action *action);

/* Whoever will come back to the call holds it, and lets go afterwards. */
void mti_call_hold(mt_action *action);
void mti_call_release(mt_action *action);

/* Whether the way of the call ends here: it was answered, or its answer is decided, but for what
 * hooks of catch make of it. A write that is merged goes on all the same. */
static inline bool mti_call_over(const mt_action *action)
{
    return action->answered || action->answering || action->catching;
}

/* Whether a call that starts may go on: it is not over, and the database is open. Else it fails. */
bool mti_call_may_start(mt_action *action);

/* The call with a number, or NULL. */
mt_action *mti_call_by_id(mt_db *db, uint64_t id);

/* Empties the ready queue in the next turn. */
void mti_pump_set(mt_db *db);

/* Answers every call that is under way with MT_CANCELED, but for writes that are merged and on their
 * way to storage. */
void mti_calls_cancel(mt_db *db);

/* The same at once, where none has started: the database does not open. */
void mti_calls_end(mt_db *db);

/* Sets the line that goes with the status of a call; NULL: none. */
void mti_call_set_text(mt_action *action, const char *text);

/* ---- Hooks ---- */

/* Runs the hooks of a point, then `then`. A refusal fails the call. */
void mti_hooks_run(mt_action *action, mt_hook_point point, mti_stage *then);

/* Goes on with the next hook. */
void mti_hooks_go_on(mt_action *action);

#endif
