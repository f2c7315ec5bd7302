/* mytosis/plugin/pipe.h - two connections in one process, joined back to back.
 *
 *     mt_connection *here, *there;
 *     mt_pipe_new(env, NULL, &here, &there, NULL);
 *
 * For two databases in one program, and for tests: messages take as long as they are told to, and
 * the link can be cut. Threads: one. */
#ifndef MYTOSIS_PLUGIN_PIPE_H
#define MYTOSIS_PLUGIN_PIPE_H

#include <mytosis/env.h>
#include <mytosis/network.h>

MT_BEGIN_DECLS

/* All zero gives the defaults. */
typedef struct mt_pipe_options {
    size_t size;         /* sizeof(mt_pipe_options) as compiled */
    mt_bytes a_id;       /* of the first connection: "a" */
    mt_bytes b_id;       /* of the second: "b" */
    size_t queued_max;   /* bytes under way each way before MT_AGAIN: 256 KiB */
    uint64_t latency_ms; /* how long a message takes; 0: until the next turn of the loop */
    unsigned flags;      /* of both: MT_CONNECTION_EPHEMERAL; MT_CONNECTION_OFFLINE: cut */
} mt_pipe_options;

/* Makes a pipe: what is sent on one connection arrives at the other. Both are SHARED, held by the
 * caller. `env` is BORROWED until both are gone, which takes turns of its loop. `options` is
 * COPIED; NULL: defaults. MT_INVALID: an id that cannot be. MT_NO_MEMORY. `err` may be NULL. */
MT_API MT_MUST_USE mt_status mt_pipe_new(const mt_env *env, const mt_pipe_options *options,
                                         mt_connection **a, mt_connection **b, mt_error *err);

/* Cuts the pipe that `connection` is an end of: both ends go offline, and what is under way is
 * lost. Restoring it brings both online. Doing what is done has no effect. An end that is closed
 * while the pipe is cut closes the other when it is restored. MT_INVALID: not an end of a pipe. */
MT_API MT_MUST_USE mt_status mt_pipe_cut(mt_connection *connection);
MT_API MT_MUST_USE mt_status mt_pipe_restore(mt_connection *connection);

MT_END_DECLS
#endif
