/* db/storing.h - writes to storage: what was merged since the last one goes in one transaction. */
#ifndef MTI_STORING_H
#define MTI_STORING_H

#include "db/call.h"

/* Puts a merged write into the queue. */
void mti_storing_add(mt_action *action);

/* Gives what waits to storage, if it is idle. */
void mti_storing_flush(mt_db *db);

#endif
