/* db/event.h - who listens to what. */
#ifndef MTI_EVENT_H
#define MTI_EVENT_H

#include "db/call.h"

/* Tells a write to those who listen. */
void mti_events_tell(mt_action *action);

void mti_events_free(mt_db *db);

#endif
