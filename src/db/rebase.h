/* db/rebase.h - the call that rebases a branch. */
#ifndef MTI_REBASE_H
#define MTI_REBASE_H

#include "db/call.h"

void mti_rebase_free(mt_action *action);

#endif
