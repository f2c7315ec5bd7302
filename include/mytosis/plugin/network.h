/* mytosis/plugin/network.h - the contract of a connection, for those who write a transport.
 *
 * A transport makes a connection of a table and a context, tells it what happens on the link, and
 * is told what to do:
 *
 *     made -- start <-> stop --+-- close (at most once) --+-- mt_connection_closed -- free
 *                              +--------------------------+
 *
 * It calls in from the loop only, never inside a function of its table. Whatever it calls in may
 * run the application, which may close the connection or let go of it: a transport that goes on
 * with `ctx` afterwards holds a reference meanwhile (mt_connection_ref). `ctx` lives until `free`,
 * which comes after mt_connection_closed and never before. Threads: that of the database. */
#ifndef MYTOSIS_PLUGIN_NETWORK_H
#define MYTOSIS_PLUGIN_NETWORK_H

#include <mytosis/network.h>

MT_BEGIN_DECLS

/* The contract that this header has. */
#define MT_CONNECTION_ABI 1

/* A transport: a table of functions that get `ctx`. */
typedef struct mt_connection_ops {
    uint32_t abi;     /* MT_CONNECTION_ABI */
    uint32_t size;    /* sizeof(mt_connection_ops) as compiled */
    const char *type; /* the name of the transport; static */

    /* Takes a message of up to MT_MESSAGE_LEN_MAX bytes, COPIED, to be sent after all before it.
     * MT_AGAIN: the buffer is full; then call mt_connection_writable once there is room. A
     * transport that has nothing queued takes any message. Only called while the connection is
     * online. */
    mt_status (*send)(void *ctx, mt_bytes message);

    /* How many bytes were taken and have not left, with what is put around them. */
    size_t (*queued)(void *ctx);

    /* Somebody listens, or nobody does any more. Between the two messages are delivered, else they
     * are held back; a link that can stops reading. Stopped to begin with. Neither is called once
     * the connection is being closed. */
    void (*start)(void *ctx);
    void (*stop)(void *ctx);

    /* Ends the link: sends what was taken, if it can still be sent, and then calls
     * mt_connection_closed, later, never inside this call. Not called once the transport has
     * called that of its own accord. */
    void (*close)(void *ctx);

    /* Frees `ctx`: the connection is closed, and nobody holds it any more. May be NULL. */
    void (*free)(void *ctx);

    /* Ends the link at once, and not the connection: what follows is said as if it had broken, later,
     * never inside this call. `why` is COPIED. NULL: a link that ends closes the connection. */
    void (*drop)(void *ctx, const mt_error *why);

    /* Takes messages of at most `len` bytes, not 0, from now on: the link ends before a longer one is
     * collected. May be called inside of mt_connection_deliver. NULL: it takes them all the same. */
    void (*limit)(void *ctx, size_t len);
} mt_connection_ops;

/* A connection, SHARED, held by the caller. `id` is COPIED, `ops` too: one that is shorter than
 * this build's has NULL for the rest. `ctx` is MOVED. `flags` are MT_CONNECTION_OFFLINE and
 * _EPHEMERAL. MT_INVALID: an id that is empty or too long, a function that is missing, unknown
 * flags. MT_UNSUPPORTED: a table of an abi that is not known. MT_NO_MEMORY. `err` may be NULL. */
MT_API MT_MUST_USE mt_status mt_connection_new(const mt_mem *mem, mt_bytes id,
                                               const mt_connection_ops *ops, void *ctx,
                                               unsigned flags, mt_connection **out, mt_error *err);

/* The context, if the connection was made with this table, else NULL. */
MT_API void *mt_connection_ctx(const mt_connection *connection, const mt_connection_ops *ops);

/* A message has arrived; `bytes` is BORROWED until the call returns. MT_AGAIN: nobody listens; hold
 * it back until `start`. MT_CLOSED: the connection is closed; drop it. MT_TOO_LARGE: longer than
 * MT_MESSAGE_LEN_MAX; end the link before collecting one. */
MT_API MT_MUST_USE mt_status mt_connection_deliver(mt_connection *connection, mt_bytes bytes);

/* The link went down, or came up. What was taken and not sent is lost with it. Saying what is known
 * already has no effect. */
MT_API void mt_connection_set_offline(mt_connection *connection, bool offline);

/* Says who is at the other end: the public key of a device that has proven that it is there, 32 bytes,
 * COPIED; NULL: nobody has. */
MT_API void mt_connection_set_device(mt_connection *connection, const uint8_t *device);

/* There is room again. Has an effect only after `send` answered MT_AGAIN. */
MT_API void mt_connection_writable(mt_connection *connection);

/* The link has ended: closed by the peer, broken for good (`why`, COPIED), or as `close` asked for.
 * To be called once. All messages that came before were delivered or are lost. */
MT_API void mt_connection_closed(mt_connection *connection, const mt_error *why);

MT_END_DECLS
#endif
