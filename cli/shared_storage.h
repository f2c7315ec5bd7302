/* shared_storage.h - a storage that a database has, and that can be asked beside it.
 *
 * A daemon answers reads, lists, changes and records of commands from the storage itself, as it rests, so that they neither fill
 * the memory of its database nor go to peers; writes go through the database. It also keeps what there is to know of the
 * storage up to date. */
#ifndef CLI_SHARED_STORAGE_H
#define CLI_SHARED_STORAGE_H

#include <mytosis/plugin/storage.h>

typedef struct cli_shared_storage cli_shared_storage;

/* Makes a storage, for a database, of `inner`, which is MOVED if this succeeds; `*shared` is BORROWED and lives until that is
 * closed. MT_NO_MEMORY. */
mt_status cli_shared_storage_new(mt_storage inner, mt_storage *out, cli_shared_storage **shared);

/* The storage below, to be asked once it is open, for all that does not write nodes. BORROWED. */
const mt_storage *cli_shared_storage_inner(const cli_shared_storage *shared);

/* As it is now; `log_first` is that of when it was opened. BORROWED. */
const mt_storage_info *cli_shared_storage_info(const cli_shared_storage *shared);

/* The clock that is written is at least this from now on. */
void cli_shared_storage_clock(cli_shared_storage *shared, uint64_t clock);

#endif
