/* remote_storage.h - the store of a daemon as a storage of one's own: requests go over a connection, and answers come back.
 *
 * A database on it keeps the contract of storages as the daemon's own does, but for this: nodes that others write meanwhile
 * change beneath it, so that what it has read is what was there then. Writes are merged, whatever else was written. */
#ifndef CLI_REMOTE_STORAGE_H
#define CLI_REMOTE_STORAGE_H

#include "admin_message.h"

#include <mytosis/graph.h>
#include <mytosis/network.h>

typedef struct cli_remote cli_remote;

/* Makes a storage of a connection to a daemon, which is SHARED. Its requests wait until that is online. When the connection
 * ends, they come to MT_IO. MT_CLOSED, MT_NO_MEMORY. */
mt_status cli_remote_new(mt_connection *connection, mt_storage *out);

/* The remote storage that this is, BORROWED until it is closed; NULL: it is another kind. */
cli_remote *cli_remote_of(const mt_storage *storage);

/* Writes a patch, which the daemon stamps, or merges a graph, each as one commit that is answered as a write is; that of a patch
 * has rows, which say what changed. `future`: states may be further ahead than ten minutes. Statuses as cli_remote_ask. */
mt_status cli_remote_patch(cli_remote *remote, const mt_row *rows, size_t count,
                           const mt_storage_host *host);
mt_status cli_remote_merge(cli_remote *remote, const mt_graph *graph, bool future,
                           const mt_storage_host *host);

/* Hears what a daemon says, piece by piece: `why` is NULL, but of the last one, where it is what it came to. BORROWED until it
 * returns. */
typedef void cli_remote_hear(void *ctx, mt_bytes text, const mt_error *why);

/* Asks a daemon for something that is printed: ADMIN_STATUS and what follows. `body` is freed in any case. `hear` is called until
 * nothing follows, later, and not once the storage is closed. MT_NO_MEMORY; MT_IO: the connection has ended. */
mt_status cli_remote_ask(cli_remote *remote, cli_admin_kind kind, cli_text *body,
                         cli_remote_hear *hear, void *ctx);

#endif
