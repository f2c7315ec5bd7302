/* host/open.h - opening a database on a loop of our own. */
#ifndef MTI_HOST_OPEN_H
#define MTI_HOST_OPEN_H

#include <mytosis/db.h>
#include <mytosis/loop.h>

/* Waits until the storage of a database is open; else what it says, in the database's error. */
mt_status mti_wait_ready(mt_db *db);

/* The environment of the first config that brings one, or NULL. */
const mt_env *mti_env_of(const mt_config *const *configs, size_t count);

/* Opens on a loop, which is MOVED to the database if this succeeds, and waits until the storage is
 * open. `mine` (NULL: none) is a storage among the configs that goes, whatever happens. */
mt_status mti_open_on(mt_loop *loop, const mt_config *const *configs, size_t count, mt_db **out,
                      mt_storage *mine, mt_error *err);

#endif
