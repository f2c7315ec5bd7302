/* mytosis/plugin/sync.h - the router that keeps replicas equal.
 *
 *     mt_router router;
 *     mt_router_sync(env, NULL, &router, &error);            all nodes, both ways, live
 *     mt_config config = {.size = sizeof config, .router = &router, .group = links};
 *
 * Peers tell each other which nodes they want and which they give. Where the two meet, what one has
 * and the other lacks goes over: from where they stopped the last time, or all of it; and from then
 * on every change as it happens. A peer that is slow, or away, costs a position in the log, no memory.
 * docs/protocol.md has the messages to the byte.
 *
 * Threads: that of the database. */
#ifndef MYTOSIS_PLUGIN_SYNC_H
#define MYTOSIS_PLUGIN_SYNC_H

#include <mytosis/compress.h>
#include <mytosis/plugin/router.h>

MT_BEGIN_DECLS

/* ---- What is replicated ---- */

/* Some nodes: those whose uid begins with a prefix, those from one uid to before another, or a list.
 * All zero: every node, both ways, live. */
typedef struct mt_sync_range {
    mt_bytes prefix;
    mt_bytes first, end; /* `end` empty: to the last */
    const mt_bytes *uids;
    size_t uid_count; /* at most 10,000 */
    bool pull_none;   /* changes of peers are not asked for */
    bool push_none;   /* peers that ask for them get none */
    bool once;        /* what is asked for ends when all has come that there was, each time that the
                       * peers meet */
} mt_sync_range;

/* How many ranges one database, or one peer, has. */
#define MT_SYNC_RANGES_MAX 1000u

/* What a peer may: of which uids it may be sent nodes, and of which it may send some. Ranges, at most 256 of each,
 * of which only the prefix, the bounds or the list is looked at; one that is all zero is everything. BORROWED
 * until the next call into the database. */
typedef struct mt_sync_rights {
    const mt_sync_range *read;
    size_t read_count;
    const mt_sync_range *write;
    size_t write_count;
} mt_sync_rights;

/* All zero but for `size` gives the defaults. */
typedef struct mt_sync_options {
    size_t size;                 /* sizeof(mt_sync_options) as compiled */
    const mt_sync_range *ranges; /* COPIED; none: every node, both ways, live */
    size_t range_count;
    size_t window;    /* bytes that a peer may send ahead of what was stored here: 4 MiB */
    size_t log_nodes; /* without a storage that keeps a log: changes remembered for peers that were
                       * away, 65,536 */
    const mt_compressor
        *compressor;  /* BORROWED; what a peer lacks altogether goes over compressed, if
                                      * the peer has one too. NULL: plain. See mt_compressor_zstd */
    uint64_t pull_ms; /* how long peers are asked for what is not replicated here: 10,000 */
    bool dry_run; /* only find out how much differs from what each peer has, and move nothing: see
                       * mt_sync_subscription. No range is a list */

    /* What a peer may: asked when a link to it comes up, when it begins anew, and after
     * mt_db_rights_changed. `mt_connection_device` says who it is, if it has proven that. It narrows `ranges`
     * and never widens them: of what a peer may not be sent it is not told in any way, and what it may not
     * send is not taken. Anything but MT_OK ends the session, with `why`. It calls nothing that changes a
     * connection or the database. NULL: each peer may everything. */
    mt_status (*rights)(void *ctx, mt_connection *connection, mt_sync_rights *rights,
                        mt_error *why);
    void *rights_ctx;
} mt_sync_options;

/* A router for one database, OWNED until it is MOVED to mt_open; `router->ops->close` ends one that
 * is not. `env` is BORROWED, the environment of the database. Ranges of one database may overlap, at
 * the cost of what is in both going over twice. MT_INVALID, MT_TOO_LARGE: a range that cannot be;
 * `err` (may be NULL) says which. MT_NO_MEMORY. */
MT_API MT_MUST_USE mt_status mt_router_sync(const mt_env *env, const mt_sync_options *options,
                                            mt_router *out, mt_error *err);

/* Replicates these ranges from now on, COPIED, instead of those before; none: every node, both ways,
 * live. The peers are told in the next turn, and all begin anew: a range that was there before goes on
 * where it was, one that is new is copied. Nodes that are in no range any more stay, and get no news.
 * MT_INVALID, MT_TOO_LARGE: a range that cannot be; nothing has changed. MT_NO_MEMORY.
 * MT_UNSUPPORTED: the router of the database is another. mt_db_error says more. */
MT_API MT_MUST_USE mt_status mt_db_set_ranges(mt_db *db, const mt_sync_range *ranges, size_t count);

/* What peers may has changed: all sessions begin anew in the next turn, and it is asked for again. Nothing that
 * has been sent comes back. MT_UNSUPPORTED: the router of the database is another. */
MT_API MT_MUST_USE mt_status mt_db_rights_changed(mt_db *db);

/* ---- Status ---- */

/* How far a peer is. */
typedef enum mt_sync_state {
    MT_SYNC_OFFLINE = 0,  /* the link is down */
    MT_SYNC_GREETING = 1, /* it is up, and the peer has not said who it is */
    MT_SYNC_CATCHING = 2, /* what one has and the other lacks is on its way */
    MT_SYNC_LIVE = 3,     /* equal, but for what is on its way */
    MT_SYNC_STANDBY = 4,  /* the peer is there on another link, which is used */
    MT_SYNC_REFUSED = 5,  /* what they have to say to each other ended with an error */
    MT_SYNC_DONE = 6      /* of a subscription that is once: all that there was has come */
} mt_sync_state;

/* What a peer of an older version, or a smaller build, may lack; it is done without. Then copies go to it plain, which
 * only who has a compressor himself tells of; two without a position in common send all that they have; to compare
 * takes more bytes. */
#define MT_SYNC_LACKS_COMPRESSION 1u
#define MT_SYNC_LACKS_COMPARING 2u
#define MT_SYNC_LACKS_CODES 4u
/* The version of one is not known to the other: nothing goes over until one of them is updated. */
#define MT_SYNC_LACKS_VERSION 8u

/* One peer. BORROWED until the callback returns. */
typedef struct mt_sync_peer {
    size_t size; /* of what the library knows: later members are there if it reaches so far */
    mt_connection *connection;
    mt_bytes id; /* of its store; empty: not known yet */
    mt_sync_state state;
    char text[128];               /* the same in words: "live", "receiving notes/, 12,000 nodes" */
    const char *error;            /* the last that went wrong with it; empty: nothing */
    uint64_t since_ms;            /* of MT_SYNC_LIVE: the time of day when it became so */
    uint64_t nodes_in, nodes_out; /* since the database was opened */
    uint64_t bytes_in, bytes_out;
    uint64_t behind;         /* changes in our log that it has not been sent */
    uint64_t unacknowledged; /* bytes on their way to it */
    uint64_t refused;        /* nodes of it that are not taken, for now or for good */
    bool
        unstored; /* how far we came with it is not all in the store yet: for a while, some of what it
                    * has would be asked for again if the database were closed now */
    uint64_t round_trip_ms; /* of the greeting */
    uint64_t round_trips;   /* since the link is up: how often this side could only go on once the
                             * peer had answered. The greeting is one, what is subscribed to
                             * another, and each time that enough was on its way unacknowledged */
    int64_t
        clock_ahead_ms; /* how far its time of day was ahead of ours as it greeted, or behind, but
                             * for `round_trip_ms` */
    mt_status status;   /* of `error` */
    unsigned lacks;     /* MT_SYNC_LACKS_..., as it greeted */
} mt_sync_peer;

/* One range that goes over between us and a peer, in one direction. BORROWED until the callback
 * returns. */
typedef struct mt_sync_subscription {
    bool outgoing;         /* the peer subscribed here: our changes go there. Else we did, there */
    mt_sync_range range;   /* what both replicate: a prefix, a first and an end, or uids; `once` */
    mt_sync_state state;   /* MT_SYNC_CATCHING, _LIVE, _REFUSED or _DONE */
    char text[128];        /* the same in words: "live", "receiving, 12,000 nodes" */
    const char *error;     /* of MT_SYNC_REFUSED: why; else empty */
    uint64_t since_ms;     /* of MT_SYNC_LIVE and _DONE: the time of day when it became so */
    uint64_t nodes, bytes; /* that went over since the peers greeted */
    uint64_t behind;       /* outgoing: changes in our log that the peer has not been sent */
    uint64_t unacknowledged; /* outgoing: bytes on their way */
    /* of a dry run, once it is MT_SYNC_DONE */
    uint64_t only_there, only_here; /* nodes that only one of the two has, deleted ones too ... */
    uint64_t on_both;               /* ... and such that both have and that differ */
    uint64_t nodes_there;           /* in all */
} mt_sync_subscription;

/* Shows each peer to `show`, in the order of their connections' ids. MT_UNSUPPORTED: the router of the
 * database is another. */
MT_API MT_MUST_USE mt_status mt_db_status(mt_db *db,
                                          void (*show)(void *ctx, const mt_sync_peer *peer),
                                          void *ctx);

/* Shows what goes over on one connection, first what comes and then what goes, in the order in which it
 * was subscribed to; nothing, unless its peer is MT_SYNC_CATCHING or _LIVE. MT_NOT_FOUND: it is none
 * of the database's. MT_UNSUPPORTED: as mt_db_status. */
MT_API MT_MUST_USE mt_status
mt_db_subscriptions(mt_db *db, const mt_connection *connection,
                    void (*show)(void *ctx, const mt_sync_subscription *subscription), void *ctx);

/* Calls `changed` in a turn after the state of a peer has become another one; once for any number
 * of them. NULL: nobody any more. MT_UNSUPPORTED: as mt_db_status. */
MT_API MT_MUST_USE mt_status mt_db_on_status(mt_db *db, void (*changed)(void *ctx, mt_db *db),
                                             void *ctx);

MT_END_DECLS
#endif
