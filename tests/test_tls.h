/* test_tls.h - servers and clients of wss:// for tests, and peers that are OpenSSL alone.
 *
 *     test_net net;
 *     test_tls_begin(&net);                          also makes certificates
 *     test_tls_listen(&net, "wss://localhost:0", "here");
 *     mt_connection *there = test_tls_dial(&net, "localhost", "ca");
 *     ...
 *     test_tls_end(&net);
 *
 * Certificates are named as in test_certificates.h. */
#ifndef TEST_TLS_H
#define TEST_TLS_H

#include "test_socket.h"

#include <openssl/ssl.h>

void test_tls_begin(test_net *net);

/* As test_net_end, and nothing is left of memory. */
void test_tls_end(test_net *net);

/* The path of a file, "here.pem". BORROWED until the fourth call after this one. */
const char *test_tls_file(const char *name);

/* Removes the certificates when the program ends: for cmocka. */
int test_tls_over(void **state);

void test_tls_listen(test_net *net, const char *url, const char *certificate);

/* The URL where the server listens, with another scheme and host, such as "wss://localhost". BORROWED
 * until the next call. */
const char *test_tls_url(const test_net *net, const char *scheme_and_host);

/* Dials it once, trusting `ca` (NULL: the system's). */
mt_connection *test_tls_dial(test_net *net, const char *host, const char *ca);

/* What a link that is dialed once ends with, with what stands behind its URL. */
void test_tls_fails(test_net *net, mt_connection *there, const char *expected);

/* ---- A peer that is OpenSSL alone ---- */

typedef struct test_tls_peer {
    int listening; /* -1: no */
    int fd;        /* -1: not yet */
    SSL_CTX *ctx;
    SSL *ssl;
    int code; /* of SSL_get_error, of the last call */
    size_t len, wanted;
    char text[8192]; /* what was read */
} test_tls_peer;

/* A server, where clients of `net` then dial; and a client of the server of `net`. Before the first step
 * `ctx` and `ssl` may still be changed. */
void test_tls_peer_serves(test_net *net, test_tls_peer *peer, const char *certificate);
void test_tls_peer_dials(test_net *net, test_tls_peer *peer);
void test_tls_peer_end(test_tls_peer *peer);

/* Turns until hands are shaken; whether they are. */
bool test_tls_peer_shakes_hands(test_net *net, test_tls_peer *peer);

/* Turns until all is written, and until so much more was read (0: until the end). */
void test_tls_peer_says(test_net *net, test_tls_peer *peer, const char *bytes, size_t len);
void test_tls_peer_hears(test_net *net, test_tls_peer *peer, size_t wanted);

/* A client says and hears the hellos of WebSocket. */
void test_tls_peer_upgrades(test_net *net, test_tls_peer *peer);

#endif
