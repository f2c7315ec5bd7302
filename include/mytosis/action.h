/* mytosis/action.h - what is going to happen, on its way through the pipeline, and the hooks
 * that see, change, delay or refuse it.
 *
 *     before.read.nodes   mt_read, mt_nodes, mt_fields' edges      -> after.read.nodes
 *     before.read.fields  mt_fields                                -> after.read.fields
 *     before.write        mt_write, mt_commit, deletes             -> after.write
 *     update              what arrives from the network to be merged
 *     request             what arrives from the network to be read
 *     catch               a call that failed, but for one that a hook still had then
 *
 * A hook is given the action and answers it exactly once, now or later, with mt_action_pass or
 * mt_action_refuse; until then the action waits, and nothing else does. Hooks of one point run
 * in the order of the configs and in them, each after the one before has answered. What a
 * refused write wanted leaves no trace anywhere. An action is BORROWED until the hook answers.
 *
 * Of what arrives from the network, mt_connection_device of mt_action_origin is who sends it, if that was proven, and
 * mt_space_may of mytosis/space.h what that device may. A hook can only refuse more than that. Threads: that of the
 * database. */
#ifndef MYTOSIS_ACTION_H
#define MYTOSIS_ACTION_H

#include <mytosis/graph.h>
#include <mytosis/network.h>

MT_BEGIN_DECLS

/* A database, of mytosis/db.h; a handle to one of its nodes; and an action, while a hook has
 * it. */
typedef struct mt_db mt_db;
typedef struct mt_handle mt_handle;
typedef struct mt_action mt_action;

/* What a write waits for before it answers. */
typedef enum mt_level {
    MT_LEVEL_DEFAULT = 0,         /* durable here where there is a storage, else applied */
    MT_LEVEL_APPLIED = 1,         /* merged: every reader here sees it */
    MT_LEVEL_DURABLE = 2,         /* in storage here */
    MT_LEVEL_RECEIVED = 3,        /* received by `peers` peers */
    MT_LEVEL_DURABLE_AT_PEERS = 4 /* in storage at `peers` peers */
} mt_level;

/* Options of one call. All zero gives the defaults. */
typedef struct mt_options {
    size_t size;          /* sizeof(mt_options) as compiled, or 0 where all is default */
    bool storage_none;    /* write: volatile: in memory, never in storage or its log.
                           * Its node stays in memory until it is forgotten, or written to storage
                           * too, which takes all that it holds along. Read: storage is not asked.
                           * Means nothing in a branch: its commit says what is stored */
    bool network_none;    /* nobody is told of this call, or asked. What it wrote goes to peers with
                           * what they are sent next, unless it is not stored here either */
    bool force;           /* a read asks storage and network even for what is in memory */
    bool edges_none;      /* mt_fields gives edges without reading the nodes that they lead to */
    bool await_push;      /* a write waits for the router's answer, whatever its level */
    bool allow_future;    /* states given may be further ahead than ten minutes */
    mt_level level;       /* of a write */
    uint32_t peers;       /* how many, for the levels that count them; 0: one */
    uint64_t deadline_ms; /* how long the call may take, from now; 0: as long as it takes */
    void *app;            /* the application's own; goes along into hooks, plugins and the result */
} mt_options;

/* Where a hook stands: see the table above. */
typedef enum mt_hook_point {
    MT_BEFORE_READ_NODES,
    MT_AFTER_READ_NODES,
    MT_BEFORE_READ_FIELDS,
    MT_AFTER_READ_FIELDS,
    MT_BEFORE_WRITE,
    MT_AFTER_WRITE,
    MT_ON_UPDATE,
    MT_ON_REQUEST,
    MT_ON_CATCH,
    MT_HOOK_POINTS /* how many there are */
} mt_hook_point;

/* A hook. COPIED with the config that has it; `ctx` is BORROWED until the database is closed. */
typedef struct mt_hook {
    mt_hook_point point;
    bool wants_full; /* before.write, update: mt_action_full is to be at hand. It costs loading and
                      * merging every node that is touched, before the hook runs */
    void (*run)(void *ctx, mt_action *action);
    void *ctx;
} mt_hook;

/* The answers of a hook. `status` is not MT_OK; `text` (COPIED, may be NULL) says why in a line. A
 * refusal gets the caller `status` with that text. In catch: mt_action_pass gives the caller the
 * error as it is now, mt_action_refuse another one in its place. */
MT_API void mt_action_pass(mt_action *action);
MT_API void mt_action_refuse(mt_action *action, mt_status status, const char *text);

/* ---- Of every action ---- */

/* The database of an action, BORROWED, and the point at which it is. */
MT_API mt_db *mt_action_db(const mt_action *action);
MT_API mt_hook_point mt_action_point(const mt_action *action);

/* The options, to be read and changed. In after hooks and catch a change has no effect. */
MT_API mt_options *mt_action_options(mt_action *action);

/* The connections that are told or asked, BORROWED; NULL: none. Of what arrived from the network,
 * mt_action_origin is the connection that it came from; else it is NULL. */
MT_API mt_group *mt_action_group(const mt_action *action);
MT_API mt_connection *mt_action_origin(const mt_action *action);

/* Tells or asks these connections instead; `group` is SHARED, NULL: none. Before hooks only. */
MT_API void mt_action_set_group(mt_action *action, mt_group *group);

/* ---- Of reads: before and after.read.nodes, request ---- */

/* The uids asked for. BORROWED until they are set or the hook answers. */
MT_API const mt_bytes *mt_action_keys(const mt_action *action, size_t *count);

/* Asks for other uids instead, COPIED. Before hooks and request. MT_INVALID: one is no uid.
 * MT_NO_MEMORY. */
MT_API MT_MUST_USE mt_status mt_action_set_keys(mt_action *action, const mt_bytes *keys,
                                                size_t count);

/* After: the nodes found, one for each key, NULL where there is none. BORROWED. */
MT_API mt_handle *const *mt_action_nodes(const mt_action *action, size_t *count);

/* After: puts another node, or NULL, in the place of one found. `node` is SHARED. */
MT_API void mt_action_set_node(mt_action *action, size_t at, mt_handle *node);

/* ---- Of reads of fields ---- */

/* The node that is read, and the names asked for; none: all. */
MT_API mt_handle *mt_action_node(const mt_action *action);
MT_API const mt_bytes *mt_action_names(const mt_action *action, size_t *count);

/* Before: asks for other names, COPIED. MT_INVALID, MT_NO_MEMORY. */
MT_API MT_MUST_USE mt_status mt_action_set_names(mt_action *action, const mt_bytes *names,
                                                 size_t count);

/* What a field read gave: `found` false where there is no such field. */
typedef struct mt_found_field {
    mt_field field;
    bool found;
} mt_found_field;

/* After: the fields, to be read and changed; what is put in must live until the call's answer has
 * been given. Nodes that edges lead to are mt_action_nodes. */
MT_API mt_found_field *mt_action_fields(mt_action *action, size_t *count);

/* ---- Of writes: before and after.write, update ---- */

/* What is written: of a patch, rows without states; of a commit of a graph and of an update, with
 * them (mt_action_stamped). BORROWED until they are set or the hook answers. */
MT_API const mt_row *mt_action_rows(const mt_action *action, size_t *count);
MT_API bool mt_action_stamped(const mt_action *action);

/* Before: writes other rows instead, COPIED. MT_INVALID, MT_TOO_LARGE: what no write takes.
 * MT_NO_MEMORY. */
MT_API MT_MUST_USE mt_status mt_action_set_rows(mt_action *action, const mt_row *rows,
                                                size_t count);

/* With wants_full: the nodes touched as they would be after the write, in a graph BORROWED until
 * the hook answers; else NULL. */
MT_API const mt_graph *mt_action_full(const mt_action *action);

/* After: what it did. BORROWED. */
MT_API const mt_delta *mt_action_delta(const mt_action *action);

/* ---- Of catch ---- */

/* What went wrong, as it is now. BORROWED until the hook answers. */
MT_API const mt_error *mt_action_error(const mt_action *action);

MT_END_DECLS
#endif
