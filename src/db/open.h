/* db/open.h - a database comes into being. */
#ifndef MTI_OPEN_H
#define MTI_OPEN_H

#include "db/branch.h"

/* The database of a branch. MT_NO_MEMORY. */
mt_status mti_db_new_branch(mti_branch *branch, mt_db **out);

/* Frees a database that has nothing under way and no plugins any more. */
void mti_db_free(mt_db *db);

#endif
