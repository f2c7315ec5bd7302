/* db/touched.h - the nodes that a write touches: held, and loaded before it is merged. */
#ifndef MTI_TOUCHED_H
#define MTI_TOUCHED_H

#include "db/call.h"

/* Holds a handle for each row, those held before let go of. False: the call has failed. */
bool mti_touched_hold(mt_action *action);
void mti_touched_release(mt_action *action);

/* Loads what the rows touch; `whole`: nodes, not only the fields that are written. Answers
 * whether all is there; else `stage` runs later, or the call has failed. */
bool mti_touched_load(mt_action *action, bool whole, mti_stage *stage);

/* Whether all that is in memory now. MT_NO_MEMORY. */
mt_status mti_touched_met(mt_action *action, bool *met);

#endif
