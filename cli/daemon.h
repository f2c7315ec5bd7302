/* daemon.h - the daemon that holds a store, found by the Unix socket beside it: notes.mdb-socket. */
#ifndef CLI_DAEMON_H
#define CLI_DAEMON_H

#include <mytosis/env.h>
#include <mytosis/plugin/storage.h>

/* Silence that no link to a daemon is given up for: a command may be stopped for as long as it likes. */
#define DAEMON_SILENCE_MS (UINT64_C(7) * 24 * 60 * 60 * 1000)

/* The URL of the socket that belongs to a store, OWNED: free. NULL without memory. */
char *cli_daemon_url(const char *path);

/* The store of the daemon at a path, as a storage, OWNED. Turns the loop of `env` until it is there. Anything but MT_OK: no daemon
 * answers. */
mt_status cli_daemon_storage(const mt_env *env, const char *path, mt_storage *out);

#endif
