/* db/branch_storage.h - the storage of a branch: its source as it was, and its edits. */
#ifndef MTI_BRANCH_STORAGE_H
#define MTI_BRANCH_STORAGE_H

#include "db/branch.h"

/* ctx: mti_branch. */
extern const mt_storage_ops mti_branch_storage;

/* Adds what a write changed to edits. MT_NO_MEMORY. */
mt_status mti_edits_add(mt_graph *edits, const mt_delta *delta);

#endif
