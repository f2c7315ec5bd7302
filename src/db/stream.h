/* db/stream.h - what goes through storage page by page: streams of nodes, the log, records. */
#ifndef MTI_STREAM_H
#define MTI_STREAM_H

#include "db/call.h"

/* Tells whoever asked for the log or records that they will not come. */
void mti_log_fail(mt_action *action);

#endif
