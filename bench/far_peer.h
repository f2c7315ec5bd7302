/* bench/far_peer.h - a peer in a process of its own, as peers are: two that sync then have a core each. */
#ifndef BENCH_FAR_PEER_H
#define BENCH_FAR_PEER_H

#include "data.h"

#include <sys/types.h>

typedef struct far_peer {
    pid_t process;
    char url[64]; /* where it listens */
} far_peer;

/* Starts one that listens at `url` and has all of a set, in its store at `path`, or, if that is NULL, in
 * memory. `secured`: its links are. Waits until it has. No loop must be open here. */
far_peer far_peer_open(const char *path, const char *url, const bench_set *set, bool secured);

/* Ends it at once. */
void far_peer_close(const far_peer *far);

#endif
