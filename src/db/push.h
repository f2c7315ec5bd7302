/* db/push.h - the router: who is told and who is asked. */
#ifndef MTI_PUSH_H
#define MTI_PUSH_H

#include "db/call.h"

/* Tells the router of a write. Its last answer ends `as.write.pushing`; `stage` runs whenever it
 * has answered. */
void mti_push_start(mt_action *action, mti_stage *stage);

/* Asks the router for nodes. `stage` runs when it has answered and everything is merged
 * (action->waits); `as.read.unanswered` then says what went wrong. */
void mti_pull_start(mt_action *action, const mt_bytes *keys, size_t count, mti_stage *stage);

/* The read is over: tells the router, if it can be told, that nobody waits for an answer. */
void mti_pull_leave(mt_action *action);

/* The router is gone: nothing more will come from it. */
void mti_push_cancel(mt_action *action);

#endif
