/* plugins/socket_link.h - a link: a connection of the library over a socket, dialed or accepted.
 *
 *     DOWN ---> CONNECTING ---> HELLO ---> UP ---> SHUT ---> DOWN, or gone
 *
 * DOWN is that of a dialed link between two attempts, CONNECTING its socket's, HELLO WebSocket's
 * before the upgrade, SHUT any link's until libuv has closed the socket. An accepted link of
 * WebSocket has no connection until it is up.
 *
 * Two timers: `soon` does in the loop's next turn what calls of the application have brought up,
 * sending above all; `alarm` is what the stage waits for at most. Callbacks may do anything, so that
 * whoever goes on with a link afterwards holds its connection. */
#ifndef MTI_SOCKET_LINK_H
#define MTI_SOCKET_LINK_H

#include "plugins/socket.h"
#include "plugins/socket_address.h"
#include "plugins/stream_frame.h"
#include "plugins/websocket_frame.h"

#include <mytosis/loop.h>
#include <mytosis/plugin/network.h>

typedef enum mti_link_stage {
    MTI_LINK_DOWN = 0,
    MTI_LINK_CONNECTING,
    MTI_LINK_HELLO,
    MTI_LINK_UP,
    MTI_LINK_SHUT
} mti_link_stage;

/* Limits that nobody set. */
#define MTI_LINK_QUEUED_MAX ((size_t)1024 * 1024)
#define MTI_LINK_SILENCE_MS 45000

typedef struct mti_link_limits {
    size_t queued_max;
    uint64_t ping_ms;
    uint64_t silence_ms;
} mti_link_limits;

typedef struct mti_link {
    const mt_env *env;
    uv_loop_t *uv;
    mt_connection *connection; /* BORROWED; NULL: not yet, or no more */
    struct mti_dial *dial;     /* one of these two; `dial` is OWNED */
    struct mt_server *server;
    struct mti_link *next, *before; /* of the server's */
    mti_link_limits limits;
    mti_url_kind kind;
    mti_link_stage stage;
    mti_socket socket;
    mt_timer soon, alarm;
    bool soon_set;

    bool listening;  /* to messages */
    bool closing;    /* the application has closed it */
    bool dropped;    /* the application wants the link to end, for `why` */
    bool deaf;       /* no more messages are taken from the peer, though it may send some */
    bool ending;     /* once all is sent our side ends, and then we wait for the peer's end */
    bool ended;      /* our side has */
    bool full;       /* a send was answered with MT_AGAIN */
    bool paused;     /* a message is held back, and the socket not read */
    bool close_sent; /* of WebSocket: a frame of control that says so */
    bool close_heard;
    bool pong_waits;   /* in what is to be sent */
    uint64_t heard_ms; /* when something last came */
    uint64_t asked_ms; /* when the peer was asked for a sign of life, if that was later */
    mt_buf held;       /* read and not taken yet: of WebSocket before the upgrade its head */
    union {
        mti_stream_reader stream;
        mti_websocket_reader websocket;
    } reader;
    char accept[28]; /* of WebSocket: what the server must answer */
    mt_error why;    /* what went wrong; of a dialed link, last */
} mti_link;

/* ---- For those who make links ---- */

/* Limits of options: those that are 0 get their defaults. MT_INVALID: silence would end a link before
 * anybody is asked. */
mt_status mti_link_limits_of(size_t queued_max, uint64_t ping_ms, uint64_t silence_ms,
                             mti_link_limits *out, mt_error *err);

/* A link without a connection or socket; NULL: no memory. */
mti_link *mti_link_new(const mt_env *env, mti_url_kind kind, const mti_link_limits *limits);

/* Makes its connection. As mt_connection_new. */
mt_status mti_link_connection(mti_link *link, mt_bytes id, unsigned flags, mt_connection **out,
                              mt_error *err);

/* Frees one that has no connection and no socket. */
void mti_link_free(mti_link *link);

/* What a connection is a link of; NULL: none. */
mti_link *mti_link_of(const mt_connection *connection);

/* ---- Stages ---- */

/* The socket is connected and the hello over, if there is one. Calls the application. */
void mti_link_up(mti_link *link);

/* Ends what there is of a socket now; `err` (NULL: nothing went wrong) is why. Calls nobody: what
 * follows comes in a later turn. */
void mti_link_fail(mti_link *link, const mt_error *err);

/* Sends what waits, ends our side, waits for the peer's for a while, and takes nothing more. */
void mti_link_finish(mti_link *link);

/* Has `soon` come. */
void mti_link_soon(mti_link *link);

void mti_link_alarm(mti_link *link, uint64_t delay_ms);

/* Sends what can be sent, and watches for what the stage asks for. Calls nobody. */
void mti_link_settle(mti_link *link);

/* Takes bytes that were read while it is up; they may be changed. Calls the application. */
void mti_link_take(mti_link *link, uint8_t *data, size_t len);

uint64_t mti_link_now(const mti_link *link);

/* ---- Dialing: plugins/socket_dial.c ---- */

void mti_dial_ready(mti_link *link);      /* the socket of a link that is connecting */
void mti_dial_alarm(mti_link *link);      /* the wait for the next attempt is over */
void mti_dial_up(mti_link *link);         /* it is; before the application hears of it */
void mti_dial_failed(mti_link *link);     /* its socket is closed: sets when the next attempt is */
bool mti_dial_ends(const mti_link *link); /* or there is none, as it was to connect once */
const mt_error *mti_dial_note(mti_link *link); /* has `why` be what mt_dial_error gives */
mt_status mti_dial_mask(mti_link *link, uint8_t mask[4]); /* MT_IO: there is no randomness */
void mti_dial_free(mti_link *link);

/* How long to wait after the attempt number `failures` in a row has failed, from 1. `random` is any. */
uint64_t mti_dial_wait_ms(uint64_t failures, uint64_t min_ms, uint64_t max_ms, uint32_t random);

/* ---- The hello of WebSocket: plugins/socket_hello.c ---- */

void mti_hello_begin(mti_link *link);                    /* a server waits for a request */
void mti_hello_send(mti_link *link, const mti_url *url); /* a client sends one */

/* Whether a server of TLS has met who may speak plain HTTP, and its answer, which ends the link. */
bool mti_hello_is_plain(const mti_link *link);
void mti_hello_plain(mti_link *link);

/* Takes bytes that were read before the link is up; they may be changed. Calls the application. */
void mti_hello_take(mti_link *link, uint8_t *data, size_t len);

/* ---- Listening: plugins/socket_server.c ---- */

void mti_server_lost(mti_link *link); /* it is going */

/* An accepted link is up and joins the group, with a connection if it has none yet. */
void mti_server_joined(mti_link *link);

#endif
