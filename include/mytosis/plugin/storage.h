/* mytosis/plugin/storage.h - the contract of a storage, for those who write one.
 *
 * A storage keeps nodes. Most engines need none of this: they implement mytosis/plugin/kv.h, and
 * the node store makes a storage of them. This contract is for what already thinks in nodes.
 *
 * Each request is answered with `host->answer(host->ctx, id, &answer)`, at once (before the call
 * returns) or later, in any order, if and only if it returned MT_OK; `read`, `list`, `changes` and
 * `records` may be answered in several pieces, all but the last marked `more`. What a write answered
 * with MT_OK is seen by every request started later; writes take effect in the order in which they
 * were started. Threads: all calls and all answers are made on the thread of the database. */
#ifndef MYTOSIS_PLUGIN_STORAGE_H
#define MYTOSIS_PLUGIN_STORAGE_H

#include <mytosis/delta.h>
#include <mytosis/env.h>

MT_BEGIN_DECLS

/* The contract that this header has. */
#define MT_STORAGE_ABI 1

/* Where a replica stands in the history of its store: valid only for that store, and only while the
 * boot is known there and covers the number. All zero: before everything. */
typedef struct mt_cursor {
    uint8_t boot[16]; /* the random id of an opening of the store */
    uint64_t number;  /* how many changes came before */
} mt_cursor;

/* What to read: a node, or some of its fields. */
typedef struct mt_storage_key {
    mt_bytes uid;
    const mt_bytes *names; /* these fields, in ascending order; more may come */
    size_t name_count;
    bool whole; /* every field, however many; else a large node may come without any */
} mt_storage_key;

/* A node or a part of one, as it is stored. */
typedef struct mt_storage_row {
    mt_row row;         /* fields with their states, delete markers too; row.floor; row.more: the
                         * next row is of the same node, and none that follows has its fields */
    uint64_t state_max; /* of the whole node: its highest state, or the floor */
    bool partial;       /* the node has fields that are in none of these rows of it: not asked
                         * for, or damaged */
} mt_storage_row;

/* A change in the sequence log. */
typedef struct mt_storage_change {
    uint64_t number;       /* from 1 */
    mt_bytes uid;          /* what changed; the node may be gone since */
    const mt_bytes *names; /* the fields that changed, in ascending order ... */
    size_t name_count;
    bool all;        /* ... or any of them, and the floor */
    uint64_t since;  /* if not 0: `all` is true for a reader that was last told `end` below this */
    mt_bytes origin; /* the peer that it came from; empty: written here */
} mt_storage_change;

/* A record of the database's own: what it wants to find again beside the nodes, such as the
 * positions of peers. Keys are at most 255 bytes. */
typedef struct mt_storage_record {
    mt_bytes key;
    mt_bytes value; /* in a write: `data` NULL deletes the record */
} mt_storage_record;

/* Hashes of what fields say, added up modulo 2^128: docs/store.md, "Fingerprints". */
typedef struct mt_sum {
    uint64_t lo, hi;
} mt_sum;

/* Nodes from one uid to before another. */
typedef struct mt_storage_span {
    mt_bytes first;
    mt_bytes end;   /* empty: to the last */
    uint32_t parts; /* fingerprint: about how many to divide it into; 0 or 1: none */
} mt_storage_span;

/* What is in a span, or in a part of one. */
typedef struct mt_storage_print {
    mt_bytes first; /* where it begins; it ends where the next of its span does, or with it */
    size_t span;    /* which one, of those asked for */
    uint64_t count; /* nodes, deleted ones too */
    mt_sum living;  /* of all fields that hold a value */
    mt_sum deleted; /* of delete markers and floors */
} mt_storage_print;

/* A node, as far as it is to be compared. */
typedef struct mt_storage_item {
    mt_bytes uid;
    uint64_t state_max; /* its highest state, or the floor */
    mt_sum living, deleted;
} mt_storage_item;

/* What is known of a store when it is opened. */
typedef struct mt_storage_info {
    uint64_t clock;     /* the highest clock ever written, 0: none */
    uint8_t clock_mode; /* as it was written, 0: none */
    mt_cursor head;     /* where the log ends */
    uint64_t log_first; /* the number of the oldest change that is still there; 0: none */
} mt_storage_info;

/* What a request came to. All of it is BORROWED until `answer` returns.
 *
 * MT_MALFORMED, in the last piece, says that some of what was asked for is damaged; all that is sound
 * came in the pieces before. A list and records go on behind the last that came, unless `end`; changes
 * do not go on. */
typedef struct mt_storage_answer {
    mt_status status; /* MT_OK, or why nothing came or happened. MT_MALFORMED: what was asked for is
                       * damaged. MT_STALE: changes(since) is not valid here */
    const char *text; /* of a failure: what happened, in a line; may be NULL */
    bool more;        /* another piece of this answer follows */
    const mt_storage_row *rows; /* read, list. A node that is not there has no row; the rows of
                                 * one node follow one another. list: in uid order */
    size_t row_count;
    const mt_storage_change *changes; /* changes: in order of their numbers */
    size_t change_count;
    mt_cursor next;                   /* changes: where to go on; write: the new head */
    bool end;                         /* list, changes, records: nothing follows now */
    const mt_storage_info *info;      /* open */
    const mt_storage_record *records; /* records: in key order */
    size_t record_count;
    const mt_storage_print *prints; /* fingerprint: of all spans, or of their parts, in order */
    size_t print_count;
    const mt_storage_item *items; /* items: in uid order */
    size_t item_count;
} mt_storage_answer;

/* Whoever uses the storage. BORROWED by the storage until the last answer. */
typedef struct mt_storage_host {
    void (*answer)(void *ctx, uint64_t id, const mt_storage_answer *answer);
    void *ctx;
} mt_storage_host;

/* One commit of a write. The nodes after it (mt_delta_node.after) are at hand without cost; of a
 * large node perhaps only a part (mt_node_partial). */
typedef struct mt_storage_commit {
    const mt_delta *delta; /* what changed is its MT_UPDATE; NULL: only records */
    mt_bytes origin;       /* the peer it came from, at most 255 bytes; empty: written here */
    bool whole;            /* its nodes are whole and written so, whatever is there: what they held
                            * before was not all written */
} mt_storage_commit;

/* What is written at once, wholly or not at all. */
typedef struct mt_storage_write {
    const mt_storage_commit *commits; /* in the order in which they happened */
    size_t commit_count;
    const mt_storage_record *records;
    size_t record_count;
    uint64_t clock; /* to be found again in mt_storage_info */
    uint8_t clock_mode;
} mt_storage_write;

/* A storage: a table of functions that get `ctx`. */
typedef struct mt_storage_ops {
    uint32_t abi;  /* MT_STORAGE_ABI */
    uint32_t size; /* sizeof(mt_storage_ops) as compiled */
    const char *name;
    bool wants_full; /* nodes after a commit are to be whole (mt_node_partial is false) */

    /* The first request, before any other: repairs what a crash left, answers `info`. NULL: there
     * is nothing to do and nothing known. */
    mt_status (*open)(void *ctx, const mt_storage_host *host, uint64_t id);

    /* Reads nodes: `keys` is in uid order, each uid once, BORROWED until the call returns. */
    mt_status (*read)(void *ctx, const mt_storage_host *host, uint64_t id,
                      const mt_storage_key *keys, size_t count);

    /* Writes; answers once it is durable. `write` and all it points to are PINNED until the
     * answer. After a failure all is as it was before. */
    mt_status (*write)(void *ctx, const mt_storage_host *host, uint64_t id,
                       const mt_storage_write *write);

    /* Drops nodes from this replica only: no delete marker, no change in the log. `uids` is in
     * order, each once, BORROWED until the call returns. */
    mt_status (*remove)(void *ctx, const mt_storage_host *host, uint64_t id, const mt_bytes *uids,
                        size_t count);

    /* Ends the storage and frees it. No request is under way. */
    void (*close)(void *ctx);

    /* ---- May be NULL: the storage cannot ---- */

    /* Lists up to `limit` nodes, whole, in uid order: those whose uid begins with `prefix` and is
     * after `after`. Deleted nodes too. Holds nothing open between requests. */
    mt_status (*list)(void *ctx, const mt_storage_host *host, uint64_t id, mt_bytes prefix,
                      mt_bytes after, size_t limit);

    /* Up to `limit` changes after a cursor. Only those are shown that are durable. */
    mt_status (*changes)(void *ctx, const mt_storage_host *host, uint64_t id,
                         const mt_cursor *since, size_t limit);

    /* Up to `limit` records whose key begins with `prefix` and is after `after`. */
    mt_status (*records)(void *ctx, const mt_storage_host *host, uint64_t id, mt_bytes prefix,
                         mt_bytes after, size_t limit);

    /* How many bytes the storage takes where it rests, or 0: not known. */
    uint64_t (*bytes)(void *ctx);

    /* Adds up what is in spans, which are in order and do not overlap, BORROWED until the call returns.
     * Costs little, whatever their size; one that is to be divided is, where that is cheap. Answers
     * MT_AGAIN, with a text, while it makes ready: then it has come a little further, and is to be asked
     * again. NULL: the sync router does that in memory, from `list`. */
    mt_status (*fingerprint)(void *ctx, const mt_storage_host *host, uint64_t id,
                             const mt_storage_span *spans, size_t count);

    /* Lists the nodes of such spans as items, in several pieces. MT_AGAIN as above. Goes with
     * `fingerprint`. */
    mt_status (*items)(void *ctx, const mt_storage_host *host, uint64_t id,
                       const mt_storage_span *spans, size_t count);
} mt_storage_ops;

/* A storage at hand. OWNED by whoever made it, until it is MOVED. */
typedef struct mt_storage {
    const mt_storage_ops *ops;
    void *ctx;
} mt_storage;

/* Adds what a row says to the item of its node, but for the uid; `first`: it is the first row of the node,
 * whose floor counts once. */
MT_API void mt_storage_item_add(mt_storage_item *item, const mt_row *row, bool first);

/* Closes a storage that was not given away. One that is all zero is accepted. */
MT_API void mt_storage_close(mt_storage *storage);

MT_END_DECLS
#endif
