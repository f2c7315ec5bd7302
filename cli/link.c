#include "link.h"

#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD_LEN 13
#define PIECE_MAX ((size_t)512 * 1024)

enum { MARK_AT = 0, VERSION_AT = 2, KIND_AT = 3, MORE_AT = 4, ID_AT = 5 };

static const uint8_t mark[3] = {'m', 'A', 1};

typedef struct frame {
    struct frame *next;
    size_t len;
    uint8_t bytes[];
} frame;

struct cli_link {
    mt_connection *connection;
    const cli_link_ops *ops;
    void *ctx;
    mt_subscription *events, *messages;
    frame *first, *last; /* that wait to be sent */
    size_t queued;
    bool ended;
    bool within; /* a body that goes on: its frames so far are in `body` */
    uint8_t kind;
    uint64_t id;
    cli_text body;
};

static void drop_frames(cli_link *link)
{
    while (link->first) {
        frame *next = link->first->next;

        free(link->first);
        link->first = next;
    }
    link->last = NULL;
    link->queued = 0;
}

/* Tells the owner, who may free the link: nothing may follow. */
static void end(cli_link *link, const mt_error *why)
{
    if (link->ended) return;
    link->ended = true;
    cli_link_listen(link, false);
    mt_connection_close(link->connection);
    drop_frames(link);
    link->ops->ended(link->ctx, why);
}

static void fail(cli_link *link, mt_status status, const char *text)
{
    mt_error why = {.status = status};

    (void)snprintf(why.text, sizeof why.text, "%s", text);
    end(link, &why);
}

/* ---- Sending ---- */

/* Answers what kept the rest from being sent. */
static mt_status flush(cli_link *link)
{
    mt_status st = MT_OK;
    frame *sent;

    while ((sent = link->first)) {
        st = mt_connection_send(link->connection, (mt_bytes){sent->bytes, sent->len});
        if (st != MT_OK) return st;
        link->first = sent->next;
        if (!link->first) link->last = NULL;
        link->queued -= sent->len;
        free(sent);
    }
    return st;
}

static frame *frame_new(uint8_t kind, uint64_t id, mt_bytes piece, bool more)
{
    frame *f = malloc(sizeof *f + HEAD_LEN + piece.len);

    if (!f) return NULL;
    f->next = NULL;
    f->len = HEAD_LEN + piece.len;
    memcpy(f->bytes + MARK_AT, mark, sizeof mark);
    f->bytes[KIND_AT] = kind;
    f->bytes[MORE_AT] = more;
    for (size_t i = 0; i < 8; i++) f->bytes[ID_AT + i] = (uint8_t)(id >> (8 * i));
    if (piece.len) memcpy(f->bytes + HEAD_LEN, piece.data, piece.len);
    return f;
}

/* The frames of a message, all or none. */
static mt_status frames_new(uint8_t kind, uint64_t id, mt_bytes body, cli_link *into)
{
    do {
        mt_bytes piece = {body.data, body.len < PIECE_MAX ? body.len : PIECE_MAX};
        frame *f = frame_new(kind, id, piece, piece.len < body.len);

        if (!f) {
            drop_frames(into);
            return MT_NO_MEMORY;
        }
        if (into->last) into->last->next = f;
        else into->first = f;
        into->last = f;
        into->queued += f->len;
        if (piece.len) body.data += piece.len;
        body.len -= piece.len;
    } while (body.len > 0);
    return MT_OK;
}

mt_status cli_link_send(cli_link *link, uint8_t kind, uint64_t id, mt_bytes body)
{
    cli_link made = {.first = NULL};
    mt_status st;

    if (link->ended) return MT_CLOSED;
    if (body.len > LINK_BODY_MAX) return MT_TOO_LARGE;
    if ((st = frames_new(kind, id, body, &made)) != MT_OK) return st;
    if (link->last) link->last->next = made.first;
    else link->first = made.first;
    link->last = made.last;
    link->queued += made.queued;
    (void)flush(link); /* the events of the connection tell what becomes of the rest */
    return MT_OK;
}

size_t cli_link_queued(const cli_link *link)
{
    return link->queued;
}

/* ---- Receiving ---- */

static const char *check_frame(const cli_link *link, mt_bytes bytes, uint64_t *id)
{
    if (bytes.len < HEAD_LEN || memcmp(bytes.data, mark, VERSION_AT) != 0)
        return "what came is no message of mytosis";
    if (bytes.data[VERSION_AT] != mark[VERSION_AT])
        return "a message of another version of mytosis came";
    if (bytes.data[MORE_AT] > 1) return "a message with an unknown mark came";
    *id = 0;
    for (size_t i = 0; i < 8; i++) *id |= (uint64_t)bytes.data[ID_AT + i] << (8 * i);
    if (link->within && (*id != link->id || bytes.data[KIND_AT] != link->kind))
        return "a message came in the middle of another";
    if (link->body.buf.len + bytes.len - HEAD_LEN > LINK_BODY_MAX)
        return "a message that is too long came";
    return NULL;
}

/* Gives a message that is whole: the link may be gone afterwards. */
static void give(cli_link *link, uint8_t kind, uint64_t id, mt_bytes last)
{
    cli_text body = link->body;

    if (!link->within) {
        link->ops->message(link->ctx, kind, id, last);
        return;
    }
    cli_text_add(&body, last);
    link->within = false;
    cli_text_init(&link->body);
    if (body.status != MT_OK) fail(link, body.status, mt_status_text(body.status));
    else link->ops->message(link->ctx, kind, id, mt_buf_bytes(&body.buf));
    cli_text_free(&body);
}

static void on_message(void *ctx, const void *event)
{
    mt_bytes bytes = ((const mt_message *)event)->bytes;
    cli_link *link = ctx;
    uint64_t id;
    const char *wrong = check_frame(link, bytes, &id);
    mt_bytes piece;

    if (wrong) {
        fail(link, MT_MALFORMED, wrong);
        return;
    }
    piece = (mt_bytes){bytes.data + HEAD_LEN, bytes.len - HEAD_LEN};
    if (!bytes.data[MORE_AT]) {
        give(link, bytes.data[KIND_AT], id, piece);
        return;
    }
    link->within = true;
    link->id = id;
    link->kind = bytes.data[KIND_AT];
    cli_text_add(&link->body, piece);
}

/* ---- The connection ---- */

static void go_on(cli_link *link)
{
    if (flush(link) == MT_OK && link->ops->drained) link->ops->drained(link->ctx);
}

static void on_event(void *ctx, const void *event)
{
    const mt_connection_event *e = event;
    cli_link *link = ctx;

    switch (e->kind) {
    case MT_CONNECTION_WENT_ONLINE:
    case MT_CONNECTION_WRITABLE: go_on(link); break;
    case MT_CONNECTION_WENT_OFFLINE: fail(link, MT_OFFLINE, "the connection broke"); break;
    case MT_CONNECTION_CLOSED: end(link, e->why); break;
    }
}

mt_status cli_link_new(mt_connection *connection, const cli_link_ops *ops, void *ctx,
                       cli_link **out)
{
    mt_subscriber subscriber = {.on_event = on_event};
    cli_link *link;
    mt_status st;

    if (mt_connection_ended(connection)) return MT_CLOSED;
    if (!(link = calloc(1, sizeof *link))) return MT_NO_MEMORY;
    link->ops = ops;
    link->ctx = ctx;
    cli_text_init(&link->body);
    subscriber.ctx = link;
    st = mt_event_stream_subscribe(mt_connection_events(connection), &subscriber, &link->events);
    if (st != MT_OK) {
        free(link);
        return st == MT_END ? MT_CLOSED : st;
    }
    link->connection = mt_connection_ref(connection);
    *out = link;
    return MT_OK;
}

void cli_link_listen(cli_link *link, bool on)
{
    mt_subscriber subscriber = {.on_event = on_message, .ctx = link};

    if (!on) {
        mt_subscription_dispose(link->messages);
        link->messages = NULL;
    } else if (!link->messages && !link->ended) {
        mt_status st = mt_event_stream_subscribe(mt_connection_messages(link->connection),
                                                 &subscriber, &link->messages);

        /* That it has closed, the events will tell. */
        if (st != MT_OK) link->messages = NULL;
    }
}

void cli_link_close(cli_link *link)
{
    cli_link_listen(link, false);
    mt_connection_close(link->connection);
}

void cli_link_free(cli_link *link)
{
    if (!link) return;
    link->ended = true;
    mt_subscription_dispose(link->messages);
    mt_subscription_dispose(link->events);
    mt_connection_close(link->connection);
    mt_connection_unref(link->connection);
    drop_frames(link);
    cli_text_free(&link->body);
    free(link);
}
