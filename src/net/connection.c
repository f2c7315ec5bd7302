/* connection.c - one link to a peer: what an application sees of a transport.
 *
 * The transport's functions may not call back, and the application's callbacks may do anything:
 * close the connection, let go of it, end the subscription that they are called for. Hence each
 * call of a transport holds a reference until it returns. */
#include "net/connection.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "base/status.h"

/* What the table held when it was first released; it only grows. */
#define FIRST_SIZE (offsetof(mt_connection_ops, free) + sizeof(void (*)(void *)))

#define DEVICE_LEN 32

#define KNOWN_FLAGS (MT_CONNECTION_OFFLINE | MT_CONNECTION_EPHEMERAL)

typedef enum stage {
    OPEN,
    CLOSING, /* the transport was told to; it is held until it answers */
    CLOSED
} stage;

struct mt_connection {
    const mt_mem *mem;
    size_t refs;
    mt_connection_ops ops;
    const mt_connection_ops *table; /* what `ops` was copied from; only compared */
    void *ctx;
    mt_event_stream *messages;
    mt_event_stream *events;
    void *app;
    void *session;
    stage stage;
    bool offline;
    bool ephemeral;
    bool full; /* somebody was told MT_AGAIN, and not yet that there is room */
    uint8_t peer[MT_PEER_LEN_MAX];
    uint8_t peer_len;
    uint8_t device[DEVICE_LEN];
    bool has_device;
    size_t id_len;
    uint8_t id[];
};

/* ---- Its life ---- */

static void destroy(mt_connection *connection)
{
    mti_assert(connection->stage == CLOSED);
    mt_event_stream_unref(connection->messages);
    mt_event_stream_unref(connection->events);
    if (connection->ops.free) connection->ops.free(connection->ctx);
    mti_mem_free(connection->mem, connection, sizeof *connection + connection->id_len);
}

mt_connection *mt_connection_ref(mt_connection *connection)
{
    if (connection) connection->refs++;
    return connection;
}

void mt_connection_unref(mt_connection *connection)
{
    if (!connection || --connection->refs) return;
    if (connection->stage == OPEN) mt_connection_close(connection);
    else destroy(connection);
}

void mt_connection_close(mt_connection *connection)
{
    if (connection->stage != OPEN) return;
    connection->stage = CLOSING;
    connection->refs++;
    connection->ops.close(connection->ctx);
}

void mt_connection_drop(mt_connection *connection, const mt_error *why)
{
    if (connection->stage != OPEN) return;
    if (connection->ops.drop) connection->ops.drop(connection->ctx, why);
    else mt_connection_close(connection);
}

void mt_connection_limit(mt_connection *connection, size_t len)
{
    if (len == 0 || len > MT_MESSAGE_LEN_MAX) len = MT_MESSAGE_LEN_MAX;
    if (connection->stage == OPEN && connection->ops.limit)
        connection->ops.limit(connection->ctx, len);
}

/* ---- Its streams ---- */

static mt_status events_open(void *ctx, mt_event_stream *stream)
{
    (void)stream;
    mt_connection_ref(ctx);
    return MT_OK;
}

static void events_close(void *ctx, mt_event_stream *stream)
{
    (void)stream;
    mt_connection_unref(ctx);
}

static mt_status messages_open(void *ctx, mt_event_stream *stream)
{
    mt_connection *connection = ctx;

    (void)stream;
    mt_connection_ref(connection);
    if (connection->stage == OPEN) connection->ops.start(connection->ctx);
    return MT_OK;
}

static void messages_close(void *ctx, mt_event_stream *stream)
{
    mt_connection *connection = ctx;

    (void)stream;
    if (connection->stage == OPEN) connection->ops.stop(connection->ctx);
    mt_connection_unref(connection);
}

static mt_status streams_new(mt_connection *connection)
{
    const mt_event_source events = {events_open, events_close, connection};
    const mt_event_source messages = {messages_open, messages_close, connection};
    mt_status st = mt_event_stream_new(connection->mem, &events, &connection->events);

    if (st != MT_OK) return st;
    return mt_event_stream_new(connection->mem, &messages, &connection->messages);
}

/* ---- Making one ---- */

/* Copies the table of a plugin that may be older or newer than this build. */
static mt_status ops_copy(const mt_connection_ops *ops, mt_connection_ops *copy, mt_error *err)
{
    if (ops->abi != MT_CONNECTION_ABI || ops->size < FIRST_SIZE) {
        return mti_fail(err, MT_UNSUPPORTED, "a transport of abi %u with a table of %u bytes",
                        (unsigned)ops->abi, (unsigned)ops->size);
    }
    memset(copy, 0, sizeof *copy);
    memcpy(copy, ops, ops->size < sizeof *copy ? ops->size : sizeof *copy);
    if (copy->type && copy->send && copy->queued && copy->start && copy->stop && copy->close) {
        return MT_OK;
    }
    return mti_fail(err, MT_INVALID, "the table of a transport lacks a name or a function");
}

mt_status mt_connection_new(const mt_mem *mem, mt_bytes id, const mt_connection_ops *ops, void *ctx,
                            unsigned flags, mt_connection **out, mt_error *err)
{
    mt_connection_ops copy;
    mt_connection *connection;
    mt_status st;

    if (id.len == 0 || id.len > MT_CONNECTION_ID_LEN_MAX) {
        return mti_fail(err, MT_INVALID, "the id of a connection has %zu bytes, not 1 to %d",
                        id.len, MT_CONNECTION_ID_LEN_MAX);
    }
    if (flags & ~KNOWN_FLAGS) return mti_fail(err, MT_INVALID, "unknown flags: %u", flags);
    if ((st = ops_copy(ops, &copy, err)) != MT_OK) return st;
    if (!(connection = mti_mem_alloc(mem, sizeof *connection + id.len))) return mti_no_memory(err);
    *connection = (mt_connection){.mem = mem, .refs = 1, .ops = copy, .table = ops, .ctx = ctx};
    connection->offline = flags & MT_CONNECTION_OFFLINE;
    connection->ephemeral = flags & MT_CONNECTION_EPHEMERAL;
    connection->id_len = id.len;
    memcpy(connection->id, id.data, id.len);
    if (streams_new(connection) != MT_OK) {
        mt_event_stream_unref(connection->events);
        mti_mem_free(mem, connection, sizeof *connection + id.len);
        return mti_no_memory(err);
    }
    *out = connection;
    return MT_OK;
}

void *mt_connection_ctx(const mt_connection *connection, const mt_connection_ops *ops)
{
    return connection->table == ops ? connection->ctx : NULL;
}

/* ---- For applications ---- */

mt_bytes mt_connection_id(const mt_connection *connection)
{
    return (mt_bytes){connection->id, connection->id_len};
}

mt_bytes mt_connection_type(const mt_connection *connection)
{
    return mt_str(connection->ops.type);
}

bool mt_connection_offline(const mt_connection *connection)
{
    return connection->offline;
}

bool mt_connection_ephemeral(const mt_connection *connection)
{
    return connection->ephemeral;
}

bool mt_connection_ended(const mt_connection *connection)
{
    return connection->stage != OPEN;
}

mt_status mt_connection_send(mt_connection *connection, mt_bytes message)
{
    mt_status st;

    if (message.len > MT_MESSAGE_LEN_MAX) return MT_TOO_LARGE;
    if (connection->stage != OPEN) return MT_CLOSED;
    if (connection->offline) return MT_OFFLINE;
    st = connection->ops.send(connection->ctx, message);
    if (st == MT_AGAIN) connection->full = true;
    return st;
}

size_t mt_connection_queued(const mt_connection *connection)
{
    return connection->stage == CLOSED ? 0 : connection->ops.queued(connection->ctx);
}

mt_event_stream *mt_connection_messages(mt_connection *connection)
{
    return connection->messages;
}

mt_event_stream *mt_connection_events(mt_connection *connection)
{
    return connection->events;
}

mt_status mt_connection_set_peer(mt_connection *connection, mt_bytes peer)
{
    if (peer.len > MT_PEER_LEN_MAX) return MT_TOO_LARGE;
    if (peer.len) memcpy(connection->peer, peer.data, peer.len);
    connection->peer_len = (uint8_t)peer.len;
    return MT_OK;
}

mt_bytes mt_connection_peer(const mt_connection *connection)
{
    return (mt_bytes){connection->peer, connection->peer_len};
}

void mt_connection_set_device(mt_connection *connection, const uint8_t *device)
{
    connection->has_device = device != NULL;
    if (device) memcpy(connection->device, device, DEVICE_LEN);
}

const uint8_t *mt_connection_device(const mt_connection *connection)
{
    return connection->has_device ? connection->device : NULL;
}

void mt_connection_set_app(mt_connection *connection, void *app)
{
    connection->app = app;
}

void *mt_connection_app(const mt_connection *connection)
{
    return connection->app;
}

void mti_connection_set_session(mt_connection *connection, void *session)
{
    connection->session = session;
}

void *mti_connection_session(const mt_connection *connection)
{
    return connection->session;
}

/* ---- For transports ---- */

static void tell(mt_connection *connection, mt_connection_event_kind kind, const mt_error *why)
{
    const mt_connection_event event = {kind, connection, why};
    mt_status st = mt_event_stream_emit(connection->events, &event);

    mti_assert(st == MT_OK); /* the stream completes in mt_connection_closed and nowhere else */
}

mt_status mt_connection_deliver(mt_connection *connection, mt_bytes bytes)
{
    const mt_message message = {connection, bytes};
    mt_status st;

    if (bytes.len > MT_MESSAGE_LEN_MAX) return MT_TOO_LARGE;
    if (connection->stage != OPEN) return MT_CLOSED;
    if (!mt_event_stream_subscribed(connection->messages)) return MT_AGAIN;
    mt_connection_ref(connection);
    st = mt_event_stream_emit(connection->messages, &message);
    mt_connection_unref(connection);
    return st;
}

void mt_connection_set_offline(mt_connection *connection, bool offline)
{
    if (connection->stage == CLOSED || connection->offline == offline) return;
    connection->offline = offline;
    connection->full = false;
    mt_connection_ref(connection);
    tell(connection, offline ? MT_CONNECTION_WENT_OFFLINE : MT_CONNECTION_WENT_ONLINE, NULL);
    mt_connection_unref(connection);
}

void mt_connection_writable(mt_connection *connection)
{
    if (connection->stage != OPEN || !connection->full) return;
    connection->full = false;
    mt_connection_ref(connection);
    tell(connection, MT_CONNECTION_WRITABLE, NULL);
    mt_connection_unref(connection);
}

void mt_connection_closed(mt_connection *connection, const mt_error *why)
{
    bool asked_for = connection->stage == CLOSING;
    mt_status st;

    if (connection->stage == CLOSED) return;
    connection->stage = CLOSED;
    connection->offline = true;
    connection->full = false;
    mt_connection_ref(connection);
    tell(connection, MT_CONNECTION_CLOSED, why);
    if ((st = mt_event_stream_complete(connection->events, why)) == MT_OK) {
        st = mt_event_stream_complete(connection->messages, why);
    }
    mti_assert(st == MT_OK);
    if (asked_for) mt_connection_unref(connection);
    mt_connection_unref(connection);
}
