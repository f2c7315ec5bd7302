/* bench/plain_server.h - what sending to many subscribers over WebSocket costs at least: a server that
 * does nothing else, with one frame made once, and one system call for each subscriber. */
#ifndef BENCH_PLAIN_SERVER_H
#define BENCH_PLAIN_SERVER_H

#include <stddef.h>

typedef struct plain_server plain_server;

/* Listens on a port of loopback. */
plain_server *plain_server_new(unsigned *port);
void plain_server_free(plain_server *s);

/* Takes `count` subscribers, and tells them that there is nothing. */
void plain_server_take(plain_server *s, size_t count);

/* Sends each of them `frames` messages of a commit, with `len` bytes in each, in one go, and drops what
 * they said. */
void plain_server_send(plain_server *s, size_t frames, size_t len);

#endif
