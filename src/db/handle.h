/* db/handle.h - handles: nodes that somebody holds, by uid. They come and go with every call, so that
 * they are in a hash table. */
#ifndef MTI_HANDLE_H
#define MTI_HANDLE_H

#include "db/db.h"

/* The handle of a uid, held once more for the caller. NULL without memory. */
mt_handle *mti_handle_hold(mt_db *db, mt_bytes uid);

/* The node of a handle as it is in memory, deleted ones too; NULL: not in memory, or not there.
 * BORROWED until the graph next changes. */
const mt_node *mti_handle_resident(mt_handle *handle);

/* The handle of a uid, if there is one, not held. */
mt_handle *mti_handle_find(const mt_db *db, mt_bytes uid);

/* Handles for keys, each held. MT_NO_MEMORY: none. */
mt_status mti_handles_hold(mt_db *db, const mt_bytes *uids, size_t stride, size_t count,
                           mt_handle ***out);
void mti_handles_release(const mt_mem *mem, mt_handle **handles, size_t count);

/* Nothing is known any more of what storage has. */
void mti_handles_unknow(mt_db *db);

/* Makes a node volatile by a commit; 0: it is not any more. */
void mti_handle_set_volatile(mt_handle *handle, uint64_t commit);

void mti_handles_init(mt_db *db);

/* Frees all: what the application still holds may not be used any more. */
void mti_handles_free(mt_db *db);

#endif
