/* mytosis/plugin/kv.h - the contract of an ordered key-value engine, for those who write one.
 *
 * An engine keeps pairs of bytes in key order and changes many of them at once, wholly or not at
 * all. That is all that the node store (mytosis/plugin/node_store.h) needs to make a storage of
 * it: LMDB, SQLite, LevelDB, a browser's store.
 *
 *     mt_kv kv;
 *     mt_kv_memory(env, &kv);               or mt_kv_lmdb(env, "notes.mdb", NULL, &kv, &err)
 *     mt_node_store_new(env, kv, NULL, &storage);
 *
 * Each of get, scan and commit starts a request and is answered exactly once with
 * `host->answer(host->ctx, id, &answer)`, at once (before the call returns) or later, in any
 * order, if and only if it returned MT_OK. Requests that are under way when one is started do not
 * see each other, but for this: what a commit answered with MT_OK, every get and scan started
 * later sees. Commits take effect in the order in which they were started. Threads: all calls and
 * all answers are made on the thread of the database. */
#ifndef MYTOSIS_PLUGIN_KV_H
#define MYTOSIS_PLUGIN_KV_H

#include <mytosis/env.h>

MT_BEGIN_DECLS

/* The contract that this header has. */
#define MT_KV_ABI 1

/* The longest key that the node store makes; an engine that declares less is refused. */
#define MT_KV_KEY_LEN_MAX 511

/* A pair of an answer. */
typedef struct mt_kv_pair {
    mt_bytes key;
    mt_bytes value; /* `data` NULL in an answer to get: there is no such key */
} mt_kv_pair;

/* What a commit does to a key, or to a range of them. */
typedef enum mt_kv_op_kind {
    MT_KV_PUT = 0,         /* key, value: put, whether or not the key is there */
    MT_KV_DELETE = 1,      /* key: delete; nothing happens if it is not there */
    MT_KV_DELETE_RANGE = 2 /* delete every key at or after `key` and before `value` */
} mt_kv_op_kind;

/* One step of a commit. */
typedef struct mt_kv_op {
    mt_kv_op_kind kind;
    mt_bytes key;   /* 1 to key_len_max bytes */
    mt_bytes value; /* of any length, empty too */
} mt_kv_op;

/* What a request came to. All of it is BORROWED until `answer` returns, and may lie anywhere,
 * unaligned. */
typedef struct mt_kv_answer {
    mt_status status;        /* MT_OK, or why nothing happened: MT_NO_MEMORY, MT_IO, MT_FULL,
                              * MT_MALFORMED (the engine's file is damaged) */
    const char *text;        /* of a failure: what happened, in a line; may be NULL */
    const mt_kv_pair *pairs; /* get: one for each key, in order of the keys; scan: in key order */
    size_t count;
    bool more; /* scan: there may be more behind the last pair */
} mt_kv_answer;

/* Whoever uses the engine. BORROWED by the engine until the last answer. */
typedef struct mt_kv_host {
    void (*answer)(void *ctx, uint64_t id, const mt_kv_answer *answer);
    void *ctx;
} mt_kv_host;

/* An engine: a table of functions that get `ctx`. */
typedef struct mt_kv_ops {
    uint32_t abi;  /* MT_KV_ABI */
    uint32_t size; /* sizeof(mt_kv_ops) as compiled */
    const char *name;
    size_t key_len_max; /* at least MT_KV_KEY_LEN_MAX */

    /* Looks `count` keys up, which are in ascending order, each once. The array and the keys are
     * BORROWED until the call returns. */
    mt_status (*get)(void *ctx, const mt_kv_host *host, uint64_t id, const mt_bytes *keys,
                     size_t count);

    /* Lists pairs in key order: those whose key is after `after` (empty: from the first) and before
     * `end` (empty: to the last), at most `limit` of them, at least 1 if there is one. An engine
     * may answer fewer than `limit`, with `more`; then the next page is asked for after the last
     * key. It holds nothing open between pages. `after` and `end` are BORROWED until the call
     * returns. */
    mt_status (*scan)(void *ctx, const mt_kv_host *host, uint64_t id, mt_bytes after, mt_bytes end,
                      size_t limit);

    /* Applies the ops in their order, all or none, and answers once they are durable. The array and
     * all it points to are PINNED until the answer. After a failure all is as it was before, and
     * the engine is asked to go on; one that no longer can (a failed fsync) answers MT_IO to all
     * that follows. */
    mt_status (*commit)(void *ctx, const mt_kv_host *host, uint64_t id, const mt_kv_op *ops,
                        size_t count);

    /* Ends the engine and frees it. No request is under way. */
    void (*close)(void *ctx);

    /* How many bytes the engine takes where it rests, or 0: not known. May be NULL. */
    uint64_t (*bytes)(void *ctx);
} mt_kv_ops;

/* An engine at hand. OWNED by whoever made it, until it is MOVED. */
typedef struct mt_kv {
    const mt_kv_ops *ops;
    void *ctx;
} mt_kv;

/* Closes an engine that was not given away. One that is all zero is accepted. */
MT_API void mt_kv_close(mt_kv *kv);

MT_END_DECLS
#endif
