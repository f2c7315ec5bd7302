/* db/branch_base.h - what a source hands its branches before it changes: nodes as they were.
 *
 * A small node is kept whole when it first changes, of a large one only the fields that change.
 * So what a branch costs is what is written on either side. */
#ifndef MTI_BRANCH_BASE_H
#define MTI_BRANCH_BASE_H

#include "db/branch.h"

/* Gives the branches of a database what a change overwrote. MT_NO_MEMORY. */
mt_status mti_branches_keep(mt_db *db, const mt_delta *delta);

/* Gives them a node that is going to be forgotten, which is in memory as a whole or not there. */
mt_status mti_branches_keep_node(mt_db *db, mt_bytes uid);

/* Gives a new branch what its source may yet take back: should storage fail, the branch still sees
 * what it saw. MT_NO_MEMORY. */
mt_status mti_branch_keep_unstored(mti_branch *branch);

#endif
