/* db/db.h - a database inside.
 *
 * A call is a `mt_action` that goes through stages. Whatever may take time (a hook, a load, a
 * write to storage, a push) is started, and goes on in a stage of its own when it answers:
 *
 *     mt_write     write.c   hooks -> load.c -> merge, stamp.c -> storing.c -> event.c -> push.c
 *     mt_nodes     read.c    hooks -> load.c, push.c (pull)
 *     mt_fields    fields.c  hooks -> load.c -> mt_nodes
 *
 * then each ends with its after hooks in call.c, which answers. Stages that must not run within the call that caused
 * them wait in the ready queue, which the pump empties in the next turn of the loop. */
#ifndef MTI_DB_H
#define MTI_DB_H

#include "base/map.h"
#include "base/tree.h"
#include "crdt/graph.h"
#include "db/copy.h"
#include "store/contract.h"

#include <mytosis/plugin/router.h>

/* ---- Handles ---- */

typedef struct mti_fetch mti_fetch;

/* A node that somebody holds: the application, or a call that is under way. While there is one, its
 * node stays in memory. */
struct mt_handle {
    uint32_t held;   /* by whom it was given to; 0: it goes */
    uint32_t hash;   /* of the uid */
    mt_handle *next; /* in its bucket */
    mt_db *db;
    const mt_node *node; /* in memory at `version` of the graph; NULL: none */
    uint64_t version;
    uint64_t volatile_at; /* the last commit that brought what storage does not get; 0: none. While
                           * there is one, the handle is held once for it */
    uint64_t mark;        /* of the last walk over handles that came by: see `db->marks` */
    mti_fetch *fetch;     /* that loads it now; NULL: none */
    uint32_t unstored;    /* commits on it that storage has not answered */
    bool absent;          /* storage has no such node: there is one only if it is in memory */
    uint8_t uid_len;
    uint8_t uid[];
};

/* All handles, by uid: chains in buckets, a power of two of them, at least as many as handles. */
typedef struct mti_handle_table {
    mt_handle **buckets;
    size_t cap; /* 0: no bucket yet */
    size_t count;
    uint64_t seed; /* of the hash: what peers cannot know, so that none can make uids collide */
} mti_handle_table;

/* ---- Calls ---- */

typedef enum mti_call_kind {
    CALL_READ,
    CALL_FIELDS,
    CALL_WRITE,
    CALL_STREAM,
    CALL_FORGET,
    CALL_QUERY,
    CALL_REBASE,
    CALL_READY,
    CALL_LOG /* changes, records */
} mti_call_kind;

typedef void mti_stage(mt_action *action);

/* What a read of nodes is about. */
typedef struct mti_reading {
    mti_block keys;
    size_t count;
    mt_handle **handles; /* held, one for each key; after the read NULL where there is none */
    size_t handle_count;
    bool for_peer;               /* mt_db_request: hooks of request, no network */
    bool deleted;                /* nodes of which nothing lives are there, too */
    const mt_storage_key *wants; /* a branch's, one for each key: no hooks at all, no network */
    bool forced;                 /* what was asked for by force has been fetched */
    bool pulling;                /* the router has not given its last answer */
    mt_error *unanswered;        /* why one of its answers is missing; OWNED, NULL: none is */
} mti_reading;

typedef struct mti_fields_reading {
    mt_handle *node; /* held */
    mti_block names;
    size_t name_count;
    mti_family *family; /* held: that of `shown` */
    mt_node *shown;     /* held: the node whose fields are shown; NULL: none */
    mt_found_field *found;
    mt_handle **to; /* held; one for each field */
    size_t count, cap;
    bool forced; /* what was asked for by force has been fetched */
} mti_fields_reading;

typedef struct mti_writing {
    mti_block rows;
    size_t count;
    mti_block records; /* stored in the same transaction */
    size_t record_count;
    bool stamped;        /* rows have states: a graph's, or a peer's */
    bool received;       /* hooks of update instead of write */
    bool checked;        /* as of mt_received */
    bool internal;       /* a rebase's: no hooks, which saw it already, no storage */
    uint64_t state;      /* taken when the call was made; 0: stamped, or the clock counts */
    uint64_t commit;     /* its number, once merged */
    mt_handle **handles; /* held, one for each row */
    size_t handle_count;
    mt_graph *full;
    mt_delta *delta;
    bool merged;
    bool unstored; /* counts in the handles */
    bool aside;    /* volatile: as the options had it when hooks had seen them */
    bool whole;    /* storage is to write its nodes whole */
    mt_level reached;
    uint32_t got, durable; /* peers */
    bool pushing;          /* the router has not given its last answer */
    mti_stage *pushed;     /* runs when it answers */
    bool told;             /* hooks of after.write have begun */
    bool after_catch;      /* they begin when those of catch have ended */
} mti_writing;

typedef struct mti_streaming {
    mti_block start; /* two keys: the prefix, and room for where the last page ended */
    mt_range range;
    uint8_t *after; /* in `start`, with room for any uid */
    size_t after_len;
    size_t left;
    mt_stream_row *row;
    bool listing, paused, last_page;
    bool dropping; /* the rest of the page */
    bool advanced; /* the page has brought a node */
    bool within;   /* rows of the node that came last follow */
    bool begun;    /* a row of it was given */
} mti_streaming;

typedef struct mti_logging {
    mt_cursor since;
    mti_block keys; /* prefix, after */
    bool records;
    size_t limit;
    mt_changes_done *changed;
} mti_logging;

typedef struct mti_querying {
    mt_query_engine engine;
    mti_block query, answer; /* one key each */
    bool executing;
} mti_querying;

typedef struct mti_rebasing {
    mt_handle **handles;   /* held: of the nodes that are read anew */
    mt_storage_key *wants; /* of the source: one for each, in uid order */
    size_t count;
    uint64_t commits; /* of the branch, when they were chosen */
    bool with_base;   /* all nodes of the base are among them */
} mti_rebasing;

struct mt_action {
    mt_db *db;
    mt_action *older, *newer; /* all calls, in the order in which they were made */
    mt_action *next;          /* in the ready queue */
    mt_action *next_stored;   /* in a queue of writes to storage */
    mt_action *unmerged_older, *unmerged_newer; /* among writes that are not merged yet */
    mti_stage *stage;                           /* what runs next */
    uint64_t id;
    mti_call_kind kind;
    uint32_t holds; /* others that will come back to it: it stays until they have */
    uint32_t waits; /* answers that its stage waits for */
    bool queued;    /* in the ready queue */
    bool blocked;   /* runs again when storage has answered something */
    bool answered;  /* `done` was called, or will not be */
    bool answering; /* its answer is on its way */
    bool catching;  /* hooks of catch have it */
    bool unstarted; /* counts in `db->unstarted` */
    bool unmerged;  /* a write among those of `db->unmerged_oldest` */
    mt_status status;
    char *text; /* OWNED, of MT_ERROR_TEXT_MAX bytes; NULL: the status says it all */
    mt_done *done;
    void *ctx;
    mt_options options;
    uint64_t due; /* in ticks; 0: none */
    /* the hooks */
    mt_hook_point point;
    size_t hook_at;
    bool in_hook, hook_answered, hook_refused, waits_for_hook;
    mt_status refusal; /* of the hook that refused; its line is `text` */
    mti_stage *after_hooks;
    mt_error *caught; /* what mt_action_error shows; OWNED. NULL: hooks of catch never had it */
    mt_group *group;  /* held; NULL: none */
    bool group_set;
    mt_connection *origin; /* held */
    union {
        mti_reading read;
        mti_fields_reading fields;
        mti_writing write;
        mti_streaming stream;
        mti_logging log;
        mti_querying query;
        mti_rebasing rebase;
    } as;
};

typedef struct mti_queue {
    mt_action *first, *last;
} mti_queue;

/* ---- The database ---- */

typedef struct mti_hook_list {
    mt_hook *items;
    size_t count, cap;
} mti_hook_list;

typedef struct mti_branch mti_branch;
typedef struct mti_events mti_events;

struct mt_db {
    const mt_env *env;
    const mt_mem *mem;
    mt_limits limits;
    mt_error error;
    void *app;

    /* what it is made of */
    mt_storage_ops storage; /* `name` NULL: none */
    void *storage_ctx;
    mt_storage_host storage_host;
    mt_router_ops router; /* `name` NULL: none */
    void *router_ctx;
    mt_group *group;
    mt_subscription *members, *messages;
    mti_hook_list hooks[MT_HOOK_POINTS];
    mt_extension *extensions;
    size_t extension_count, extension_cap;
    mt_query_engine *engines;
    size_t engine_count, engine_cap;

    /* nodes in memory */
    mt_graph *graph;
    size_t cache_bytes;           /* SIZE_MAX: no limit */
    uint8_t hand[MT_UID_LEN_MAX]; /* the last uid that was looked at for eviction */
    size_t hand_len;
    size_t futile_used;    /* bytes in use when all of them were held ... */
    uint64_t futile_freed; /* ... and `handles_freed` then */
    uint64_t handles_freed;
    mti_handle_table handles;
    mti_heap rank_heap; /* the pages of the tree of ranks */
    uint64_t marks;     /* walks over handles so far: each marks those that it has seen */

    /* the clock */
    mt_clock mode; /* what the config asked for, then what it is */
    uint64_t clock;
    uint64_t commits;

    /* calls */
    mt_action *oldest, *newest;
    size_t call_count;
    uint64_t last_id, last_request;
    mti_map calls;    /* by id */
    mti_map requests; /* of storage, by id: mti_request */
    mti_queue ready;
    mt_timer pump;
    mt_timer alarm; /* the soonest deadline */
    uint64_t alarm_at;
    size_t blocked;   /* calls that wait for storage to answer something */
    size_t unstarted; /* calls whose first stage is in the ready queue */
    mt_action *unmerged_oldest, *unmerged_newest; /* writes stamped here that are not merged */
    mti_tree ranks;                               /* of nodes that several of them write: rank.h */
    size_t ranks_kept;

    /* writes on their way to storage */
    mti_queue to_store;
    mti_queue storing;
    mti_block store_commits;
    mti_block store_records;
    mt_storage_write store_write;
    mt_cursor head; /* where the log ends */
    bool has_head;
    bool head_told; /* the last commit of a batch is being told of: none of it follows */

    mti_events *events;

    /* branches */
    mti_branch *branches; /* of this database */
    mti_branch *branch;   /* what this one is, NULL: not a branch */

    uint64_t forgotten; /* counts how often nodes were */

    /* opening and closing */
    mt_error opening; /* what the opening of the storage came to */
    bool is_ready, closing;
    bool pump_set;   /* the timer `pump` is set */
    bool store_busy; /* `storing` is with storage */
    void (*closed)(void *ctx);
    void *closed_ctx;
    void *owner;     /* the loop that mt_open made for it */
    mti_block shown; /* a row with the field that mt_field_wait gave last */
};

/* A request of storage: who gets the answer. */
typedef struct mti_request {
    void (*answer)(void *ctx, const mt_storage_answer *answer);
    void *ctx;
} mti_request;

/* Starts counting a request; its number goes to storage. MT_NO_MEMORY. */
mt_status mti_request_begin(mt_db *db, void (*answer)(void *ctx, const mt_storage_answer *answer),
                            void *ctx, uint64_t *id);

/* Forgets one that storage did not take. */
void mti_request_end(mt_db *db, uint64_t id);

static inline bool mti_db_has_storage(const mt_db *db)
{
    return db->storage.name != NULL;
}

/* Says why a call is refused, in the database's error. */
#define mti_db_fail(db, ...) mti_fail(&(db)->error, __VA_ARGS__)

/* Goes on with closing, once nothing is under way. */
void mti_db_close_step(mt_db *db);

#endif
