/* db/read.h - reads of nodes. */
#ifndef MTI_READ_H
#define MTI_READ_H

#include "db/call.h"

void mti_read_free(mt_action *action);
void mti_read_result(const mt_action *action, mt_result *result);

/* Whether a read takes these: MT_INVALID, MT_TOO_LARGE. */
mt_status mti_read_check(mt_db *db, const mt_bytes *uids, size_t count);

/* Reads nodes for a branch: as they are here, what is wanted of each, without hooks or network.
 * `wants`, in uid order, is BORROWED until `done` returns; its answer has a handle for each. */
mt_status mti_read_raw(mt_db *db, const mt_storage_key *wants, size_t count, mt_done *done,
                       void *ctx);

/* As mt_db_request, with a handle also where nothing but deletions is there. */
mt_status mti_read_for_peer(mt_db *db, mt_connection *from, const mt_bytes *uids, size_t count,
                            mt_done *done, void *ctx);

#endif
