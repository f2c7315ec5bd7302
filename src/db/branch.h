/* db/branch.h - private copies of a database.
 *
 * A branch is a database whose storage is its source as it was:
 *
 *     read    what the source gave of a node before it first changed it (`base`),
 *             else the node in the source now, which is still the same;
 *             with the branch's own edits on top
 *     write   into the edits
 *
 * So branching costs nothing, and then what is edited on either side. */
#ifndef MTI_BRANCH_H
#define MTI_BRANCH_H

#include "db/db.h"

struct mti_branch {
    mti_branch *next; /* of the same source */
    mt_db *db;
    mt_db *source;
    mt_graph *base; /* nodes as they were; without anything: they were not there; partial: only the
                      * fields that changed since */
    mt_graph *edits;
};

/* The database whose clock a branch shares. */
mt_db *mti_branch_root(mt_db *db);

/* Takes a branch from its source and frees it: its database is closed. */
void mti_branch_free(mti_branch *branch);

#endif
