/* mytosis/plugin/router.h - the contract of a router: who is asked, and who is told.
 *
 * A router is created with a database, sees every write (push) and every read that memory does
 * not answer (pull), and whatever arrives on the database's group. What it learns it hands to
 * the database with mt_db_receive; what a peer wants to read it asks with mt_db_request.
 * Requests are answered by number, at once or later, if and only if they returned MT_OK.
 * Threads: that of the database.
 *
 * examples/small_router.c is one in under 100 lines; examples/relay_router.c passes the suite in
 * mytosis/conformance.h with all that it can try. */
#ifndef MYTOSIS_PLUGIN_ROUTER_H
#define MYTOSIS_PLUGIN_ROUTER_H

#include <mytosis/db.h>

MT_BEGIN_DECLS

/* The contract that this header has. */
#define MT_ROUTER_ABI 1

/* A write on its way to the peers. */
typedef struct mt_push {
    const mt_delta *delta; /* what changed is its MT_UPDATE */
    mt_group *group;       /* whom to tell now; NULL: nobody. Whoever is not told may learn of it
                                * with what comes later: it is no secret */
    mt_connection *origin; /* where it came from; NULL: written here */
    const mt_options *options; /* level and peers say what the writer waits for */
    uint64_t commit;           /* as in mt_event */
    bool durable;              /* it is in storage here */
    const struct mt_cursor
        *head; /* where the log ends now, of which all was pushed with this; NULL:
                                   * more is to be pushed, or the storage has no log */
} mt_push;

/* How far a push has come. */
typedef struct mt_push_answer {
    mt_status status;  /* MT_OK, or why nothing more will come: a write that waits fails with it */
    const char *text;  /* of a failure; may be NULL */
    bool more;         /* another answer follows: this one tells how far it is */
    uint32_t received; /* how many peers have it */
    uint32_t durable;  /* how many have it in storage */
} mt_push_answer;

/* A read that peers may be able to answer. */
typedef struct mt_pull {
    const mt_bytes *keys; /* in uid order, each once */
    size_t count;
    mt_group *group; /* whom to ask; NULL: nobody */
    const mt_options *options;
} mt_pull;

/* What peers know of a read. BORROWED until mt_pull_done returns. */
typedef struct mt_pull_answer {
    mt_status status;   /* MT_OK, or why nothing more will come: the read fails with it, if in the
                       * end a node is missing or was asked for by force */
    const char *text;   /* of a failure; may be NULL */
    const mt_row *rows; /* with states; those of nodes that nobody asked for are ignored */
    size_t count;
    mt_connection *from; /* who answered; may be NULL */
    bool more;           /* another answer follows */
} mt_pull_answer;

/* All that is passed in is BORROWED until the call returns, but for `delta`, `group` and
 * `origin` of a push, which are PINNED until its last answer. */
typedef struct mt_router_ops {
    uint32_t abi;  /* MT_ROUTER_ABI */
    uint32_t size; /* sizeof(mt_router_ops) as compiled */
    const char *name;

    /* First of all. `db` and `group` (all its connections) are BORROWED until close; those that
     * are members already are not announced by `joined`. Anything but MT_OK ends mt_open with it,
     * and the router stays the caller's. */
    mt_status (*open)(void *ctx, mt_db *db, mt_group *group);

    /* Answer with mt_push_done(db, id, ...). */
    mt_status (*push)(void *ctx, uint64_t id, const mt_push *push);

    /* Answer with mt_pull_done(db, id, ...). */
    mt_status (*pull)(void *ctx, uint64_t id, const mt_pull *pull);

    /* A message came in, a connection joined or left the group. */
    void (*message)(void *ctx, mt_connection *from, mt_bytes bytes);
    void (*joined)(void *ctx, mt_connection *connection);
    void (*left)(void *ctx, mt_connection *connection);

    /* A pull is no longer waited for: its read was canceled, is late or has failed. Answering it is
     * allowed and has no effect. May be NULL: then it is answered all the same, and what comes is
     * merged. A push is never canceled: the write stands, whoever waits for it. */
    void (*cancel)(void *ctx, uint64_t id);

    /* Ends the router and frees it: also one that no database was opened with. */
    void (*close)(void *ctx);
} mt_router_ops;

/* A router at hand. OWNED by whoever made it, until it is MOVED. */
typedef struct mt_router {
    const mt_router_ops *ops;
    void *ctx;
} mt_router;

/* Answers of the router. A number that is not waited for is ignored. */
MT_API void mt_push_done(mt_db *db, uint64_t id, const mt_push_answer *answer);
MT_API void mt_pull_done(mt_db *db, uint64_t id, const mt_pull_answer *answer);

/* Merges what a peer sent: rows with states, COPIED, as one commit: hooks of MT_ON_UPDATE, merge,
 * storage, events, push. `from` is SHARED. A state more than ten minutes ahead refuses it with
 * MT_STATE, unless `options` allow. `done` may be NULL. As mt_write. */
MT_API MT_MUST_USE mt_status mt_db_receive(mt_db *db, mt_connection *from, const mt_row *rows,
                                           size_t count, const mt_options *options, mt_done *done,
                                           void *ctx, uint64_t *id);

/* What a peer sent, with records of the router's own, such as how far the peer has come: they are
 * stored in the same transaction, also if the rows change nothing or there are none. A record whose
 * value is NULL is deleted. Without a storage they are dropped. */
typedef struct mt_received {
    const mt_row *rows; /* COPIED */
    size_t count;
    const mt_storage_record *records; /* COPIED */
    size_t record_count;
    bool
        checked; /* the rows are as a reader of mytosis/binary.h gave them, which looked at uids, names and
                   * values: that is not done once more for hooks */
} mt_received;

/* As mt_db_receive, with all that mt_received has. */
MT_API MT_MUST_USE mt_status mt_db_receive_with(mt_db *db, mt_connection *from,
                                                const mt_received *what, const mt_options *options,
                                                mt_done *done, void *ctx, uint64_t *id);

/* Where the log of the storage ends. False: it has none, or is not open yet. */
MT_API bool mt_db_head(const mt_db *db, struct mt_cursor *out);

/* Reads for a peer: hooks of MT_ON_REQUEST, memory, storage, never the network. As mt_nodes, but
 * nodes are whole, however large. */
MT_API MT_MUST_USE mt_status mt_db_request(mt_db *db, mt_connection *from, const mt_bytes *uids,
                                           size_t count, const mt_options *options, mt_done *done,
                                           void *ctx, uint64_t *id);

/* Changes in the sequence log after a cursor, for a feed; and the database's own records. As the
 * storage contract; MT_UNSUPPORTED: the storage has none. */
typedef void mt_changes_done(void *ctx, mt_db *db, const struct mt_storage_answer *answer);
MT_API MT_MUST_USE mt_status mt_db_changes(mt_db *db, const struct mt_cursor *since, size_t limit,
                                           mt_changes_done *done, void *ctx);
MT_API MT_MUST_USE mt_status mt_db_records(mt_db *db, mt_bytes prefix, mt_bytes after, size_t limit,
                                           mt_changes_done *done, void *ctx);

MT_END_DECLS
#endif
