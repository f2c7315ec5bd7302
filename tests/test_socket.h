/* test_socket.h - a server and who dials it, on one loop.
 *
 *     test_net net;
 *     test_net_begin(&net, test_mem());
 *     test_net_listen(&net, "tcp://127.0.0.1:0", NULL);
 *     mt_connection *there = test_net_dial(&net, NULL);
 *     mt_connection *here = test_net_member(&net);
 *     ...
 *     test_net_end(&net);
 *
 * Nothing sleeps: the loop is turned until something happens. */
#ifndef TEST_SOCKET_H
#define TEST_SOCKET_H

#include "test.h"
#include <mytosis/loop.h>
#include <mytosis/plugin/socket.h>

typedef struct test_net {
    mt_loop *loop;
    const mt_env *env;
    mt_server *server; /* NULL: none */
    char folder[64];   /* for Unix sockets; made when it is asked for */
    char url[160];     /* where the server listens, or last did */
} test_net;

void test_net_begin(test_net *net, const mt_mem *mem);

/* Closes the server, turns until nothing is left to happen, and frees the loop. Connections must
 * have been let go of. */
void test_net_end(test_net *net);

/* "unix:" and a path in a folder of this test. BORROWED until the next call. */
const char *test_net_unix_url(test_net *net);

/* Listens; it must succeed. */
void test_net_listen(test_net *net, const char *url, const mt_server_options *options);

/* Dials the server, which must not fail; the caller holds it. */
mt_connection *test_net_dial(test_net *net, const mt_dial_options *options);

/* Turns until `done(ctx)`; false: not within 20 seconds, or nothing will ever come. */
bool test_net_until(test_net *net, bool (*done)(void *ctx), void *ctx);

/* Turns until the server has `count` members, and until a connection is on- or offline. */
void test_net_members(test_net *net, size_t count);
void test_net_online(test_net *net, mt_connection *connection, bool online);

/* Some turns, in which nothing that is tested for should happen. */
void test_net_settle(test_net *net);

/* Turns for so long. */
void test_net_pass(test_net *net, uint64_t ms);

/* A socket that is connected to the listener's port and does not block, without a link on it. */
int test_net_raw(const test_net *net);

/* Links that are dialed so, once, keep the contract of transports, seen from the dialed end, or, with
 * `swapped`, from the accepted one. */
void test_net_conforms(test_net *net, const mt_dial_options *options, bool swapped);

/* A server and who dials it, sending to one another for some turns, all with memory that fails once:
 * whatever fails, it ends. */
void test_net_with_memory(fail_mem *fm, const char *url);

/* The same with options; those for dialing connect once. */
void test_net_with_options(fail_mem *fm, const char *url, const mt_server_options *served,
                           const mt_dial_options *dialed);

/* What the client of a WebSocket says first, and what it is answered: the sample of RFC 6455. */
#define TEST_HELLO                  \
    "GET / HTTP/1.1\r\n"            \
    "Host: localhost\r\n"           \
    "Upgrade: websocket\r\n"        \
    "Connection: Upgrade\r\n"       \
    "Sec-WebSocket-Version: 13\r\n" \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

#define TEST_WELCOME                       \
    "HTTP/1.1 101 Switching Protocols\r\n" \
    "Upgrade: websocket\r\n"               \
    "Connection: Upgrade\r\n"              \
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"

#endif
