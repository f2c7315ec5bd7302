/* mytosis/network.h - connections to peers, and groups of them.
 *
 * A connection carries messages to one peer and back: whole, in order, each once or, if the link
 * breaks, not at all. Transports make them (mytosis/plugin/pipe.h, ...); mytosis/plugin/network.h
 * is for those who write one. A group is a set of connections, and may follow other groups: be
 * their union, or the part of one that a test accepts.
 *
 * Handles are SHARED: counted, with _ref and _unref. A subscription to a stream of a connection or
 * group keeps that as well. Inside a callback any call is allowed, also one that closes, removes or
 * lets go. Threads: those of one database, its connections and its groups are one. */
#ifndef MYTOSIS_NETWORK_H
#define MYTOSIS_NETWORK_H

#include <mytosis/event_stream.h>

MT_BEGIN_DECLS

/* A connection, and a group of them. SHARED. */
typedef struct mt_connection mt_connection;
typedef struct mt_group mt_group;

/* ---- A connection ---- */

/* The longest message: a frame of 1 MiB and what is put around it. */
#define MT_MESSAGE_LEN_MAX ((size_t)2 * 1024 * 1024)

/* The longest id of a connection. */
#define MT_CONNECTION_ID_LEN_MAX 255

/* What may be said of a connection when it is made. */
#define MT_CONNECTION_OFFLINE 1u /* it is not online yet */
#define MT_CONNECTION_EPHEMERAL \
    2u /* its peer is not expected back: no cursor is kept for it, and no
                                    * write waits for it */

/* What streams of messages tell: `event` points to one. BORROWED until the callback returns. */
typedef struct mt_message {
    mt_connection *connection; /* where it came from */
    mt_bytes bytes;
} mt_message;

/* What becomes of a connection. */
typedef enum mt_connection_event_kind {
    MT_CONNECTION_WENT_ONLINE = 0,
    MT_CONNECTION_WENT_OFFLINE = 1, /* what was under way may be lost */
    MT_CONNECTION_WRITABLE = 2,     /* after a send that answered MT_AGAIN: there is room again */
    MT_CONNECTION_CLOSED = 3        /* for good; the last event */
} mt_connection_event_kind;

/* What a connection's stream of events tells. */
typedef struct mt_connection_event {
    mt_connection_event_kind kind;
    mt_connection *connection;
    const mt_error *why; /* of MT_CONNECTION_CLOSED: NULL where nothing went wrong */
} mt_connection_event;

/* One holder more, one less. A connection that nobody holds is closed: whoever lets go of the last
 * handle need not call mt_connection_close. NULL is accepted. */
MT_API mt_connection *mt_connection_ref(mt_connection *connection);
MT_API void mt_connection_unref(mt_connection *connection);

/* Which one it is: 1 to 255 bytes, chosen by whoever made it; unique within a group. BORROWED. */
MT_API mt_bytes mt_connection_id(const mt_connection *connection);

/* The name of its transport, such as "pipe". Static. */
MT_API mt_bytes mt_connection_type(const mt_connection *connection);

/* Whether the link is down for now. A closed connection is offline for ever. */
MT_API bool mt_connection_offline(const mt_connection *connection);

/* Whether its peer is not expected back: MT_CONNECTION_EPHEMERAL. */
MT_API bool mt_connection_ephemeral(const mt_connection *connection);

/* Sends a message, which is COPIED; it may be empty. After MT_OK it is on its way, and arrives
 * unless the link breaks. MT_AGAIN: the connection's buffer is full; MT_CONNECTION_WRITABLE tells
 * when to try again, unless the connection goes offline or is closed. MT_OFFLINE: the link is down;
 * MT_CONNECTION_WENT_ONLINE tells when it is up. MT_CLOSED: it was closed. MT_TOO_LARGE: longer
 * than MT_MESSAGE_LEN_MAX. MT_NO_MEMORY. Whatever is not MT_OK sends nothing. */
MT_API MT_MUST_USE mt_status mt_connection_send(mt_connection *connection, mt_bytes message);

/* How many bytes were accepted and have not left yet, with what the transport puts around them. */
MT_API size_t mt_connection_queued(const mt_connection *connection);

/* Closes: sends what was accepted, then ends the link. No message comes any more; the events end
 * with MT_CONNECTION_CLOSED, later, never inside this call. Twice is once. */
MT_API void mt_connection_close(mt_connection *connection);

/* Ends the link that there is, for a reason (COPIED): one that connects by itself does so again, as after
 * any link that broke; any other is closed. Events come later, never inside this call. */
MT_API void mt_connection_drop(mt_connection *connection, const mt_error *why);

/* From now on a message of more than `len` bytes that comes ends the link, where the transport can, before
 * it is collected; 0: MT_MESSAGE_LEN_MAX, as to begin with. For who does not know yet who is there. */
MT_API void mt_connection_limit(mt_connection *connection, size_t len);

/* Whether it was closed, by either side or by an error, or is being closed. */
MT_API bool mt_connection_ended(const mt_connection *connection);

/* What arrives: of `mt_message`. Lazy: while nobody subscribes, messages wait, at last at the peer.
 * Completes when the connection is closed. BORROWED, as long as the connection lives. */
MT_API mt_event_stream *mt_connection_messages(mt_connection *connection);

/* What becomes of it: of `mt_connection_event`. Completes when the connection is closed, after the
 * event that says so. BORROWED, as long as the connection lives. */
MT_API mt_event_stream *mt_connection_events(mt_connection *connection);

/* Who is at the other end, as the router found out: up to 32 bytes, COPIED, that stay the same when the
 * peer comes back on another connection. The log of what was received names it. Empty until it is set.
 * MT_TOO_LARGE. */
#define MT_PEER_LEN_MAX 32
MT_API MT_MUST_USE mt_status mt_connection_set_peer(mt_connection *connection, mt_bytes peer);
MT_API mt_bytes mt_connection_peer(const mt_connection *connection); /* BORROWED */

/* The public key of the device at the other end, 32 bytes, where it has proven that: see
 * mytosis/secure.h. NULL: nobody has. BORROWED, as long as the connection lives. */
MT_API const uint8_t *mt_connection_device(const mt_connection *connection);

/* A pointer of the application's own; NULL until it is set. */
MT_API void mt_connection_set_app(mt_connection *connection, void *app);
MT_API void *mt_connection_app(const mt_connection *connection);

/* ---- A group ---- */

/* How many groups one may follow, and how long a chain of groups may be that follow one another. */
#define MT_GROUP_SOURCES_MAX 63
#define MT_GROUP_DEPTH_MAX 32

/* Whether a connection came or went. */
typedef enum mt_group_event_kind { MT_GROUP_ADDED = 0, MT_GROUP_REMOVED = 1 } mt_group_event_kind;

/* What a group's stream of events tells. */
typedef struct mt_group_event {
    mt_group_event_kind kind;
    mt_group *group;
    mt_connection *connection;
} mt_group_event;

/* Whether a connection is to be a member: asked once, when it comes. It looks at the connection and
 * calls nothing that changes a connection or group. */
typedef bool mt_group_test(void *ctx, const mt_connection *connection);

/* An empty group. `mem` is BORROWED for its life. MT_NO_MEMORY. */
MT_API MT_MUST_USE mt_status mt_group_new(const mt_mem *mem, mt_group **out);

/* One holder more, one less. A group holds the groups that it follows and the connections in it.
 * NULL is accepted. */
MT_API mt_group *mt_group_ref(mt_group *group);
MT_API void mt_group_unref(mt_group *group);

/* What the last call that failed on this group said. BORROWED until the next call fails. */
MT_API const mt_error *mt_group_error(const mt_group *group);

/* Adds a connection; adding it again changes nothing. It leaves by itself when it is closed.
 * MT_BUSY: another connection with the same id is in this group, or in one that follows it; or the
 * call is made inside a test of this group. MT_CLOSED: the connection is closed. MT_NO_MEMORY. */
MT_API MT_MUST_USE mt_status mt_group_add(mt_group *group, mt_connection *connection);

/* Takes out a connection that was added to this very group. It stays a member while a group that is
 * followed has it. MT_NOT_FOUND: it was not added here. MT_BUSY: as mt_group_add. */
MT_API MT_MUST_USE mt_status mt_group_remove(mt_group *group, mt_connection *connection);

/* The member with this id, or NULL. BORROWED until it leaves. */
MT_API mt_connection *mt_group_get(const mt_group *group, mt_bytes id);
MT_API bool mt_group_has(const mt_group *group, const mt_connection *connection);

/* The members by number, in the order of the bytes of their ids; NULL past the last. BORROWED until
 * it leaves. Numbers change when members come and go, which any callback may bring about. */
MT_API size_t mt_group_count(const mt_group *group);
MT_API mt_connection *mt_group_at(const mt_group *group, size_t i);

/* The first member whose id sorts after `id` (empty: the first of all), or NULL. A walk from id to
 * id meets each that stays once, whoever comes and goes meanwhile. BORROWED until it leaves: who
 * walks on after a call that may bring that about keeps a reference for so long. */
MT_API mt_connection *mt_group_after(const mt_group *group, mt_bytes id);

/* What became of a message sent to all. */
typedef struct mt_group_sent {
    size_t taken;   /* members that took it */
    size_t offline; /* that were offline, or closed meanwhile */
    size_t full;    /* that answered MT_AGAIN */
    size_t failed;  /* that answered anything else */
} mt_group_sent;

/* Sends a message to every member, in the order of their ids. */
MT_API mt_group_sent mt_group_send(mt_group *group, mt_bytes message);

/* Makes `group` follow `source`, which is SHARED: the members of `source` are in `group`, now and
 * as they come and go. Following it again changes nothing. MT_BUSY: as mt_group_add. MT_TOO_LARGE:
 * more than MT_GROUP_SOURCES_MAX groups; a chain of more than MT_GROUP_DEPTH_MAX, which is also
 * what one that leads back to itself is. MT_NO_MEMORY. Nothing has changed then. */
MT_API MT_MUST_USE mt_status mt_group_follow(mt_group *group, mt_group *source);

/* Ends that. MT_NOT_FOUND: it does not follow `source`. MT_BUSY: as mt_group_add. */
MT_API MT_MUST_USE mt_status mt_group_unfollow(mt_group *group, mt_group *source);

/* A new group that follows the members of `source` that `test` accepts. `ctx` is BORROWED until the
 * new group is gone. MT_TOO_LARGE, MT_NO_MEMORY; `source` has the message. */
MT_API MT_MUST_USE mt_status mt_group_filter(mt_group *source, mt_group **out, mt_group_test *test,
                                             void *ctx);

/* A new group that follows the members of `source` whose type this is. `type` is COPIED. As
 * mt_group_filter. */
MT_API MT_MUST_USE mt_status mt_group_select(mt_group *source, mt_bytes type, mt_group **out);

/* A new group that follows both. A connection in both is one member, and leaves when it has left
 * both. MT_BUSY: they have two connections with one id. As mt_group_filter; `a` has the message. */
MT_API MT_MUST_USE mt_status mt_group_union(mt_group *a, mt_group *b, mt_group **out);

/* Who comes and goes: of `mt_group_event`. All groups have changed before the first is told of it.
 * A connection that came and went before it could be told of is not told of. Never completes.
 * BORROWED, as long as the group lives. */
MT_API mt_event_stream *mt_group_events(mt_group *group);

/* What arrives at any member: of `mt_message`. The members' messages are subscribed to only while
 * this stream has subscribers. Never completes. BORROWED, as long as the group lives. */
MT_API mt_event_stream *mt_group_messages(mt_group *group);

MT_END_DECLS
#endif
