/* link.h - messages of any length between a daemon and a command, over a connection.
 *
 *     message    kind, id, body
 *     on a connection, cut into frames that follow one another:
 *
 *     frame    0   2  "mA"
 *              2   1  version: 1
 *              3   1  kind
 *              4   1  1: the body goes on in the next frame
 *              5   8  id, little-endian
 *             13      a piece of the body
 *
 * What cannot be sent yet waits in memory; whoever sends much looks at cli_link_queued and goes on when `drained` is called. A
 * connection that breaks or brings anything else ends the link; it never comes back. */
#ifndef CLI_LINK_H
#define CLI_LINK_H

#include <mytosis/network.h>

/* The longest body. */
#define LINK_BODY_MAX ((size_t)256 * 1024 * 1024)

typedef struct cli_link cli_link;

/* Inside each of them any call is allowed, cli_link_free too. */
typedef struct cli_link_ops {
    /* A message came. `body` is BORROWED until it returns. */
    void (*message)(void *ctx, uint8_t kind, uint64_t id, mt_bytes body);

    /* All that was queued is on its way. May be NULL. */
    void (*drained)(void *ctx);

    /* Nothing comes or goes any more; `why` is NULL where the other side closed. Once. */
    void (*ended)(void *ctx, const mt_error *why);
} cli_link_ops;

/* A link over a connection, which is SHARED and may still be on its way to be online. It takes nothing until
 * cli_link_listen. OWNED: cli_link_free. `ops` is BORROWED. MT_CLOSED, MT_NO_MEMORY. */
mt_status cli_link_new(mt_connection *connection, const cli_link_ops *ops, void *ctx,
                       cli_link **out);

/* Ends the link: what was sent still goes out as far as the connection has taken it. NULL is accepted. */
void cli_link_free(cli_link *link);

/* Takes messages, or leaves them where they are, at last with who sent them. */
void cli_link_listen(cli_link *link, bool on);

/* Sends a message; `body` is COPIED. MT_TOO_LARGE, MT_NO_MEMORY; MT_CLOSED: the link has ended. */
mt_status cli_link_send(cli_link *link, uint8_t kind, uint64_t id, mt_bytes body);

/* Closes the connection: `ended` will be called, later. */
void cli_link_close(cli_link *link);

/* How many bytes were sent that the connection has not taken. */
size_t cli_link_queued(const cli_link *link);

#endif
