/* bench/crowd.h - many subscribers of one peer over WebSocket, as plain sockets in a process of their
 * own, so that it is the peer that is measured: each greets, subscribes to everything, counts the
 * commits that come, and acknowledges them. */
#ifndef BENCH_CROWD_H
#define BENCH_CROWD_H

#include <stddef.h>
#include <stdint.h>

/* How many commits may be marked. */
#define CROWD_MARKS 1024u

typedef struct crowd crowd;

/* Starts `count` of them, which connect to ws://127.0.0.1:PORT while the caller turns its loop. */
crowd *crowd_new(unsigned port, size_t count);

/* Stops them. */
void crowd_free(crowd *c);

/* How many have all that there is. */
size_t crowd_ready(const crowd *c);

/* How many commits have come, at all of them together. */
uint64_t crowd_heard(const crowd *c);

/* The next commit is about to be written: how long it takes to each of them is kept. */
void crowd_mark(crowd *c);

/* The microseconds of all marked commits to each subscriber; answers how many there are. */
size_t crowd_times(const crowd *c, double *out);

#endif
