/* bench/peer.h - a database that replicates all of it with others, over a link. */
#ifndef BENCH_PEER_H
#define BENCH_PEER_H

#include "data.h"

#include <mytosis/loop.h>
#include <mytosis/mytosis.h>
#include <mytosis/plugin/socket.h>
#include <mytosis/space.h>

typedef struct peer {
    const mt_env *env;
    mt_db *db;
    mt_connection *link; /* dialed; NULL: it listens */
    mt_server *server;
    mt_space *space;
    mt_hook hooks[MT_SPACE_HOOKS];
    mt_secure *secure; /* NULL: links are plain */
    mt_secure_server *secured;
    size_t heard;    /* nodes of update events */
    double heard_at; /* when, last */
} peer;

/* Opens a peer that listens at `url`, or, with `dials`, connects to it. `path` is of its store; NULL:
 * in memory. `secured`: both are devices of a
 * space. `p` stays where it is until peer_close. */
void peer_open(peer *p, mt_loop *loop, const char *path, const char *url, bool dials, bool secured);

/* Dials from one that listens, too. OWNED. */
mt_connection *peer_dial(const peer *p, const char *url);

/* Begins to close; turning the loop ends it. */
void peer_close(peer *p);

/* One turn of the loop of this peer, and of all others on it. */
void peer_turn(const peer *p);

/* Writes all nodes, in batches, and waits until they are stored. */
void peer_fill(const peer *p, const bench_set *set);

/* Of all that it is connected with. */
typedef struct totals {
    uint64_t bytes; /* both ways */
    size_t live;    /* so many are in sync */
    uint64_t trips; /* waits for an answer, since the links are up */
} totals;

totals peer_totals(const peer *p);

#endif
