/* mytosis/db.h - a database: a graph that is kept, watched and shared.
 *
 *     mt_db *db;
 *     mt_open(NULL, 0, &db, &error);                          in memory; see mt_config for more
 *     mt_field name = {.name = mt_str("name"), .value = mt_text("Ada")};
 *     mt_row ada = {.uid = mt_str("ada"), .fields = &name, .count = 1};
 *     mt_write(db, &ada, 1, NULL, written, NULL, NULL);
 *     mt_close(db);
 *
 * Every call that may take time answers later: it returns MT_OK and a number, and then `done` is
 * called exactly once, never before the call has returned; or it returns anything else, and
 * `done` is not called. mytosis/blocking.h has twins that wait. Inside a callback any call is
 * allowed, mt_db_close too.
 *
 * Threads: a database and all that came from it belong to one thread, that of its environment. */
#ifndef MYTOSIS_DB_H
#define MYTOSIS_DB_H

#include <mytosis/action.h>
#include <mytosis/env.h>
#include <mytosis/plugin/storage.h>

MT_BEGIN_DECLS

/* ---- Results ---- */

/* What a call came to. All of it is BORROWED until `done` returns. */
typedef struct mt_result {
    uint64_t id; /* of the call */
    mt_status status;
    const char *text; /* what happened, in a line; empty after MT_OK */
    void *app;        /* of the call's options */
    /* mt_read, mt_nodes: one for each key, in their order, NULL where there is no such node.
     * mt_write and its like: one for each row. mt_fields: one for each field, NULL where it is
     * no edge to a node that there is. mt_handle_ref keeps one. */
    mt_handle *const *nodes;
    size_t count;
    const mt_found_field *fields; /* mt_fields: `count` of them */
    const mt_delta *delta;        /* writes: what happened; NULL where nothing did */
    mt_level reached;             /* writes: the highest level reached */
    uint32_t received, durable;   /* writes: by how many peers */
    mt_bytes answer;              /* mt_query */
} mt_result;

/* Hears what a call came to, once. */
typedef void mt_done(void *ctx, mt_db *db, const mt_result *result);

/* ---- Extensions and query engines ---- */

/* Any function, as an extension has it. */
typedef void mt_function(void);

/* What an extension is of. */
typedef enum mt_extends { MT_EXTENDS_DB, MT_EXTENDS_NODE } mt_extends;

/* A named function, or data, that databases or nodes have: the application's own API. */
typedef struct mt_extension {
    const char *name;
    mt_extends extends;
    mt_function *function; /* to be cast to what it is; may be NULL */
    void *data;
} mt_extension;

/* Answers queries in a language of its own. `execute` answers with mt_query_done(db, id, ...),
 * at once or later, if and only if it returned MT_OK. `query` is BORROWED until it returns. */
typedef struct mt_query_engine {
    const char *name;
    mt_status (*execute)(void *ctx, mt_db *db, uint64_t id, mt_bytes query,
                         const mt_options *options);
    void *ctx;
} mt_query_engine;

/* ---- Opening ---- */

/* How states are counted. */
typedef enum mt_clock {
    MT_CLOCK_DEFAULT = 0, /* that of the store, and of a new one hybrid */
    MT_CLOCK_HYBRID = 1,  /* states follow the time of day: later writes win */
    MT_CLOCK_LAMPORT = 2  /* states count writes */
} mt_clock;

struct mt_router;

/* What a database is made of. All zero but for `size` is a config of nothing; several are merged:
 * hooks follow one another, connections and groups become one group, of extensions and engines with
 * one name the later wins; a second environment, storage, router or clock is an error that says
 * which. All arrays are COPIED, all they point to is BORROWED until the database is closed. */
typedef struct mt_config {
    size_t size;                       /* sizeof(mt_config) as compiled */
    const char *name;                  /* of this config, for errors; may be NULL */
    const mt_env *env;                 /* NULL: mt_open makes a loop of its own */
    const mt_storage *storage;         /* MOVED if opening succeeds; NULL: none */
    const struct mt_router *router;    /* MOVED if opening succeeds; NULL: none */
    mt_connection *const *connections; /* SHARED */
    size_t connection_count;
    mt_group *group; /* SHARED; its members come and go in the database's too */
    const mt_hook *hooks;
    size_t hook_count;
    const mt_extension *extensions;
    size_t extension_count;
    const mt_query_engine *engines;
    size_t engine_count;
    const mt_limits *limits; /* COPIED; of several configs, the last counts */
    size_t cache_bytes; /* how much memory nodes may take: 256 MiB with a storage. Without one, no
                              * limit */
    mt_clock clock;
    void *app; /* the application's own: mt_db_app */
} mt_config;

/* Opens a database from several configs, OWNED: mt_db_close. It may be used at once: calls wait
 * until the storage is open. Without an environment in any of them, this fails with MT_INVALID:
 * mt_open of mytosis/blocking.h brings one. `err` may be NULL. */
MT_API MT_MUST_USE mt_status mt_db_open(const mt_config *const *configs, size_t count, mt_db **out,
                                        mt_error *err);

/* Calls `done` once the storage is open, or has failed to: then every call fails with the same. */
MT_API MT_MUST_USE mt_status mt_db_ready(mt_db *db, mt_done *done, void *ctx);

/* Ends every call that is under way with MT_CANCELED, writes that storage has begun with what it
 * answers, then the plugins; then calls `closed` (may be NULL) and frees the database. Handles and
 * branches must not be used any more; branches are closed with it. */
MT_API void mt_db_close(mt_db *db, void (*closed)(void *ctx), void *ctx);

/* What the last call that returned anything but MT_OK said. BORROWED until the next one does. */
MT_API const mt_error *mt_db_error(const mt_db *db);

/* What the database was opened with: the application's own pointer, of the last config that has
 * one, and the environment, BORROWED; its group; and its clock, never MT_CLOCK_DEFAULT once the
 * storage is open. */
MT_API void *mt_db_app(const mt_db *db);
MT_API const mt_env *mt_db_env(const mt_db *db);
MT_API mt_group *mt_db_group(const mt_db *db); /* BORROWED; never NULL */
MT_API mt_clock mt_db_clock(const mt_db *db);

/* ---- Handles ---- */

/* A handle stands for a node of a database, or of a branch, by its uid. It shows the node as it is
 * now, and keeps it in memory while it is held. The same node has the same handle. SHARED. */
MT_API mt_handle *mt_handle_ref(mt_handle *handle);
MT_API void mt_handle_unref(mt_handle *handle); /* NULL is accepted */

MT_API mt_bytes mt_handle_uid(const mt_handle *handle); /* BORROWED from the handle */
MT_API mt_db *mt_handle_db(const mt_handle *handle);    /* BORROWED; of a node of a branch, that */

/* The node as it is now: read it with mt_node_get and its like. BORROWED until the database next
 * runs or is written. NULL: there is no such node, or no longer. A large one of which only a part is
 * in memory is there, although it may turn out that nothing of it lives. */
MT_API const mt_node *mt_handle_node(const mt_handle *handle);

/* One living field as it is now. MT_NOT_FOUND; MT_NOT_LOADED: the node is large, and mt_fields
 * loads it. */
MT_API MT_MUST_USE mt_status mt_handle_get(const mt_handle *handle, mt_bytes name, mt_field *out);

/* An edge to the node: what a field is written with to point there. BORROWED from the handle. */
MT_API mt_value mt_handle_edge(const mt_handle *handle);

/* ---- Reading ---- */

/* Reads one node, or several in one go. uids are COPIED, up to 10,000 and may repeat.
 * MT_INVALID: no uid. A node that is not there is NULL in the result, and no error. `id` may be
 * NULL. */
MT_API MT_MUST_USE mt_status mt_read(mt_db *db, mt_bytes uid, const mt_options *options,
                                     mt_done *done, void *ctx, uint64_t *id);
MT_API MT_MUST_USE mt_status mt_nodes(mt_db *db, const mt_bytes *uids, size_t count,
                                      const mt_options *options, mt_done *done, void *ctx,
                                      uint64_t *id);

/* Reads fields of a node (no names: all of them), loading what is not in memory, and every node
 * that they have an edge to. */
MT_API MT_MUST_USE mt_status mt_fields(mt_handle *handle, const mt_bytes *names, size_t count,
                                       const mt_options *options, mt_done *done, void *ctx,
                                       uint64_t *id);

/* The node, if it is in memory, without a hook being asked. BORROWED until the database next
 * runs or is written. NULL: not in memory, or not there. */
MT_API const mt_node *mt_peek(const mt_db *db, mt_bytes uid);

/* Which stored nodes to stream. */
typedef struct mt_range {
    mt_bytes prefix; /* only uids that begin with it; empty: all */
    mt_bytes after;  /* only uids after it; empty: from the first */
    size_t limit;    /* at most so many nodes; 0: all */
    bool deleted;    /* deleted nodes too, and delete markers in rows */
} mt_range;

/* A node of a stream, or a part of a large one (`row->more`). BORROWED until it returns. Answers
 * whether to go on: false pauses the stream behind that node, whose last rows still come;
 * mt_stream_resume lets it run again. The last row of a large node may be empty. */
typedef bool mt_stream_row(void *ctx, mt_db *db, const mt_row *row);

/* Streams every stored node in uid order, in pages, in bounded memory, holding nothing open
 * between them: what is written meanwhile may be seen or not. `done` comes when all have been,
 * or on failure. MT_UNSUPPORTED: the storage cannot list its nodes. */
MT_API MT_MUST_USE mt_status mt_stream(mt_db *db, const mt_range *range, mt_stream_row *row,
                                       mt_done *done, void *ctx, uint64_t *id);
MT_API void mt_stream_resume(mt_db *db, uint64_t id);

/* Runs a query engine by its name. MT_NOT_FOUND: no such engine; the error lists those there
 * are. */
MT_API MT_MUST_USE mt_status mt_query(mt_db *db, const char *engine, mt_bytes query,
                                      const mt_options *options, mt_done *done, void *ctx,
                                      uint64_t *id);
MT_API void mt_query_done(mt_db *db, uint64_t id, mt_status status, const char *text,
                          mt_bytes answer);

/* ---- Writing ---- */

/* Writes a patch: rows without states, COPIED, all of them as one commit or none. Fields get
 * values or, with MT_FIELD_DELETED, are deleted; `delete_node` deletes the node first. The state
 * is taken now, so that program order decides. A row without fields gives a handle and stores
 * nothing. */
MT_API MT_MUST_USE mt_status mt_write(mt_db *db, const mt_row *rows, size_t count,
                                      const mt_options *options, mt_done *done, void *ctx,
                                      uint64_t *id);

/* Writes fields of one node. */
MT_API MT_MUST_USE mt_status mt_node_write(mt_handle *handle, const mt_field *fields, size_t count,
                                           const mt_options *options, mt_done *done, void *ctx,
                                           uint64_t *id);

/* Deletes a node, or fields of it. */
MT_API MT_MUST_USE mt_status mt_delete(mt_db *db, mt_bytes uid, const mt_options *options,
                                       mt_done *done, void *ctx, uint64_t *id);
MT_API MT_MUST_USE mt_status mt_delete_fields(mt_db *db, mt_bytes uid, const mt_bytes *names,
                                              size_t count, const mt_options *options,
                                              mt_done *done, void *ctx, uint64_t *id);

/* Commits what was edited in a branch, or a graph, with the states that it has; rows with states as
 * they come from a reader. COPIED. MT_STATE: a state is more than ten minutes ahead. */
MT_API MT_MUST_USE mt_status mt_commit(mt_db *db, mt_db *branch, const mt_options *options,
                                       mt_done *done, void *ctx, uint64_t *id);
MT_API MT_MUST_USE mt_status mt_commit_graph(mt_db *db, const mt_graph *graph,
                                             const mt_options *options, mt_done *done, void *ctx,
                                             uint64_t *id);
MT_API MT_MUST_USE mt_status mt_commit_rows(mt_db *db, const mt_row *rows, size_t count,
                                            const mt_options *options, mt_done *done, void *ctx,
                                            uint64_t *id);

/* Drops nodes from this replica, in memory and in storage, without a delete marker: peers keep
 * them. Handles of them show no node until it is read or written again. */
MT_API MT_MUST_USE mt_status mt_forget(mt_db *db, const mt_bytes *uids, size_t count,
                                       const mt_options *options, mt_done *done, void *ctx,
                                       uint64_t *id);

/* Asks for the end of a call; `done` still comes, with MT_CANCELED, or with the answer that won the
 * race. A write that was merged stays. */
MT_API void mt_cancel(mt_db *db, uint64_t id);

/* ---- Branches ---- */

/* A private copy to edit, made at once whatever the size: a database like any other, with the
 * hooks and extensions of its source, that sees the source as it was when branched, and stores
 * and sends nothing. OWNED: mt_db_close. */
MT_API MT_MUST_USE mt_status mt_branch(mt_db *source, mt_db **out);

/* Replays the branch's own edits, stamped as new writes, on its source of now, at once: readers see
 * the old view or the new one. Waits for writes to the branch that are on their way. Its own
 * branches stay as they are. After a failure nothing has changed. */
MT_API MT_MUST_USE mt_status mt_rebase(mt_db *branch, mt_done *done, void *ctx, uint64_t *id);

/* What was edited in a branch, with its states, as a new graph, OWNED. */
MT_API MT_MUST_USE mt_status mt_branch_edits(mt_db *branch, mt_graph **out);

/* ---- Events ---- */

/* What happened to a node. */
typedef enum mt_event_kind {
    MT_EVENT_UPDATE = 1,  /* fields changed */
    MT_EVENT_HISTORY = 2, /* something was overwritten, or came too late */
    MT_EVENT_CONFLICT = 4 /* an equal state was settled */
} mt_event_kind;

/* A commit, for one subscription. BORROWED until the callback returns. */
typedef struct mt_event {
    mt_event_kind kind;
    const mt_delta *delta; /* of the whole commit */
    size_t first, count;   /* the nodes of it that the subscription is about */
    mt_connection *origin; /* where it came from; NULL: written here */
    uint64_t commit;       /* counts the commits of this database, from 1 */
    void *app;             /* of the write's options */
} mt_event;

/* Hears of a commit. */
typedef void mt_listener(void *ctx, mt_db *db, const mt_event *event);

/* What to listen to: a node, or all whose uid begins with a prefix. */
typedef struct mt_listen {
    unsigned kinds;  /* MT_EVENT_UPDATE | ...; 0: update */
    mt_bytes uid;    /* one node; empty: by prefix */
    mt_bytes prefix; /* empty: every node */
} mt_listen;

/* A subscription to events, until mt_off or the end of its database. */
typedef struct mt_listening mt_listening;

/* Calls `listener` for every commit that touches what is listened to, after it was stored, once for
 * each kind. `out` may be NULL; else it gets what mt_off takes. Without that it ends with the
 * database. MT_INVALID: no uid. MT_NO_MEMORY. */
MT_API MT_MUST_USE mt_status mt_on(mt_db *db, const mt_listen *listen, mt_listener *listener,
                                   void *ctx, mt_listening **out);
MT_API void mt_off(mt_listening *listening); /* also inside a callback; NULL is accepted */

/* Walks the nodes of an event, with `iter` as of its part of the delta: mt_delta_iter_field and
 * mt_delta_iter_conflict follow. Set `*iter` to zero first. False at the end. */
MT_API bool mt_event_node(const mt_event *event, mt_delta_iter *iter, mt_delta_node *out);

/* ---- Extensions ---- */

/* The extension with a name, or NULL. BORROWED until the database is closed. */
MT_API const mt_extension *mt_db_extension(const mt_db *db, const char *name);
MT_API const mt_extension *mt_handle_extension(const mt_handle *handle, const char *name);

/* ---- Status ---- */

/* How a database is doing. */
typedef struct mt_db_stats {
    size_t size;             /* sizeof(mt_db_stats) as compiled, set by the caller */
    size_t cache_bytes;      /* memory of nodes in use */
    size_t cache_nodes;      /* nodes in memory */
    uint64_t storage_bytes;  /* 0: not known, or none */
    uint64_t commits;        /* so far */
    uint64_t clock;          /* the highest state given */
    uint64_t clock_ahead_ms; /* how far that is ahead of the time of day */
    size_t calls;            /* under way */
} mt_db_stats;

/* Fills in `stats`, whose `size` was set. */
MT_API void mt_db_statistics(const mt_db *db, mt_db_stats *stats);

MT_END_DECLS
#endif
