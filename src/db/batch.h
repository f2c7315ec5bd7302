/* db/batch.h - writes to storage: what was merged since the last one goes in one transaction. */
#ifndef MTI_BATCH_H
#define MTI_BATCH_H

#include "db/call.h"

/* Puts a merged write into the queue. */
void mti_batch_add(mt_action *action);

/* Gives what waits to storage, if it is idle. */
void mti_batch_flush(mt_db *db);

#endif
