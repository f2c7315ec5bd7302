#include "test_tls.h"

#include "test_certificates.h"
#include "test_folder.h"
#include "test_heard.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- Certificates ---- */

static test_folder certificates;

const char *test_tls_file(const char *name)
{
    static char paths[4][sizeof certificates.file];
    static size_t at;

    if (!certificates.path[0]) {
        test_folder_begin(&certificates);
        CHECK(test_certificates_make(certificates.path));
    }
    at = (at + 1) % 4;
    snprintf(paths[at], sizeof paths[at], "%s", test_folder_file(&certificates, name));
    return paths[at];
}

int test_tls_over(void **state)
{
    (void)state;
    if (certificates.path[0]) test_folder_end(&certificates);
    return 0;
}

/* "here" and "pem" to a path. */
static const char *file_of(const char *name, const char *ending)
{
    char file[32];

    snprintf(file, sizeof file, "%s.%s", name, ending);
    return test_tls_file(file);
}

/* ---- Servers and clients ---- */

void test_tls_begin(test_net *net)
{
    signal(SIGPIPE, SIG_IGN); /* OpenSSL alone writes with it */
    test_net_begin(net, test_mem());
}

void test_tls_end(test_net *net)
{
    test_net_end(net);
    CHECK(test_mem_live() == 0);
}

void test_tls_listen(test_net *net, const char *url, const char *certificate)
{
    mt_server_options options = {.size = sizeof options};

    options.cert_file = file_of(certificate, "pem");
    options.key_file = file_of(certificate, "key");
    test_net_listen(net, url, &options);
}

const char *test_tls_url(const test_net *net, const char *scheme_and_host)
{
    static char url[sizeof net->url];

    snprintf(url, sizeof url, "%s%s", scheme_and_host, strrchr(net->url, ':'));
    return url;
}

mt_connection *test_tls_dial(test_net *net, const char *host, const char *ca)
{
    mt_dial_options options = {.size = sizeof options, .once = true};
    mt_connection *there = NULL;
    mt_error err = {.status = MT_OK};
    char scheme_and_host[128];

    snprintf(scheme_and_host, sizeof scheme_and_host, "wss://%s", host);
    if (ca) options.ca_file = file_of(ca, "pem");
    if (mt_dial(net->env, test_tls_url(net, scheme_and_host), &options, &there, &err) != MT_OK)
        fail_msg("%s", err.text);
    return there;
}

static bool has_ended(void *ctx)
{
    return mt_connection_ended(ctx);
}

void test_tls_fails(test_net *net, mt_connection *there, const char *expected)
{
    const char *text;

    CHECK(test_net_until(net, has_ended, there));
    text = mt_dial_error(there)->text;
    CHECK(strncmp(text, "ws", 2) == 0 && strstr(text, ": "));
    assert_string_equal(strstr(text, ": ") + 2, expected);
    mt_connection_unref(there);
}

/* ---- A peer that is OpenSSL alone ---- */

static void begin(test_tls_peer *peer, const SSL_METHOD *method)
{
    *peer = (test_tls_peer){.listening = -1, .fd = -1};
    CHECK((peer->ctx = SSL_CTX_new(method)) && (peer->ssl = SSL_new(peer->ctx)));
    CHECK(SSL_CTX_set_num_tickets(peer->ctx, 0));
}

void test_tls_peer_serves(test_net *net, test_tls_peer *peer, const char *certificate)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof at;

    begin(peer, TLS_server_method());
    CHECK(SSL_use_certificate_file(peer->ssl, file_of(certificate, "pem"), SSL_FILETYPE_PEM) == 1);
    CHECK(SSL_use_PrivateKey_file(peer->ssl, file_of(certificate, "key"), SSL_FILETYPE_PEM) == 1);
    CHECK((peer->listening = socket(AF_INET, SOCK_STREAM, 0)) >= 0);
    CHECK(bind(peer->listening, (struct sockaddr *)&at, len) == 0);
    CHECK(listen(peer->listening, 4) == 0 && fcntl(peer->listening, F_SETFL, O_NONBLOCK) == 0);
    CHECK(getsockname(peer->listening, (struct sockaddr *)&at, &len) == 0);
    snprintf(net->url, sizeof net->url, "wss://127.0.0.1:%u", (unsigned)ntohs(at.sin_port));
    SSL_set_accept_state(peer->ssl);
}

void test_tls_peer_dials(test_net *net, test_tls_peer *peer)
{
    begin(peer, TLS_client_method());
    SSL_set_verify(peer->ssl, SSL_VERIFY_NONE, NULL);
    SSL_set_connect_state(peer->ssl);
    snprintf(net->url, sizeof net->url, "%s", mt_server_url(net->server));
    *strrchr(net->url, '/') = '\0'; /* the path */
    peer->fd = test_net_raw(net);
}

void test_tls_peer_end(test_tls_peer *peer)
{
    SSL_free(peer->ssl);
    SSL_CTX_free(peer->ctx);
    if (peer->fd >= 0) close(peer->fd);
    if (peer->listening >= 0) close(peer->listening);
}

/* Whether somebody is there. */
static bool connects(test_tls_peer *peer)
{
    if (peer->fd < 0 && (peer->fd = accept(peer->listening, NULL, NULL)) >= 0)
        CHECK(fcntl(peer->fd, F_SETFL, O_NONBLOCK) == 0);
    if (peer->fd >= 0 && SSL_get_fd(peer->ssl) < 0) CHECK(SSL_set_fd(peer->ssl, peer->fd));
    return peer->fd >= 0;
}

/* Whether a call went as far as it ever will. */
static bool is_over(test_tls_peer *peer, int result)
{
    peer->code = SSL_get_error(peer->ssl, result);
    return peer->code != SSL_ERROR_WANT_READ && peer->code != SSL_ERROR_WANT_WRITE;
}

static bool has_shaken_hands(void *ctx)
{
    test_tls_peer *peer = ctx;

    ERR_clear_error();
    return connects(peer) && is_over(peer, SSL_do_handshake(peer->ssl));
}

bool test_tls_peer_shakes_hands(test_net *net, test_tls_peer *peer)
{
    CHECK(test_net_until(net, has_shaken_hands, peer));
    return peer->code == SSL_ERROR_NONE;
}

static bool has_heard(void *ctx)
{
    test_tls_peer *peer = ctx;
    size_t got;
    int result = 1;

    ERR_clear_error();
    while (result == 1 && (peer->wanted == 0 || peer->len < peer->wanted)) {
        size_t cap = peer->wanted ? peer->wanted - peer->len : sizeof peer->text - 1 - peer->len;

        result = SSL_read_ex(peer->ssl, peer->text + peer->len, cap, &got);
        if (result == 1) peer->len += got;
        peer->text[peer->len] = '\0';
    }
    return is_over(peer, result);
}

void test_tls_peer_hears(test_net *net, test_tls_peer *peer, size_t wanted)
{
    peer->len = 0;
    peer->wanted = wanted;
    CHECK(wanted < sizeof peer->text && test_net_until(net, has_heard, peer));
}

/* What it says is short: there is room for it. */
void test_tls_peer_says(test_net *net, test_tls_peer *peer, const char *bytes, size_t len)
{
    (void)net;
    ERR_clear_error();
    CHECK(SSL_write(peer->ssl, bytes, (int)len) == (int)len);
}

void test_tls_peer_upgrades(test_net *net, test_tls_peer *peer)
{
    CHECK(test_tls_peer_shakes_hands(net, peer));
    test_tls_peer_says(net, peer, TEST_HELLO, sizeof TEST_HELLO - 1);
    test_tls_peer_hears(net, peer, sizeof TEST_WELCOME - 1);
    assert_string_equal(peer->text, TEST_WELCOME);
}
