/* Links over TLS: what goes over them, how they end, what they cost. */
#include "test_heard.h"
#include "test_tls.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>

#include "plugins/tls.h"

static mt_connection *member(test_net *net)
{
    test_net_members(net, 1);
    return mt_connection_ref(mt_group_at(mt_server_group(net->server), 0));
}

static bool heard_something(void *ctx)
{
    const test_heard *heard = ctx;

    return heard->len > 0;
}

static void then_heard(test_net *net, test_heard *heard, const char *expected)
{
    CHECK(test_net_until(net, heard_something, heard));
    test_heard_is(heard, expected);
}

/* A server and who dials it, both ends online. */
static void link_begin(test_net *net, mt_connection **there, mt_connection **here)
{
    test_tls_begin(net);
    test_tls_listen(net, "wss://127.0.0.1:0/sync", "here");
    snprintf(net->url, sizeof net->url, "%s", mt_server_url(net->server));
    *strrchr(net->url, '/') = '\0';
    *there = NULL;
    CHECK(mt_dial(net->env, mt_server_url(net->server),
                  &(mt_dial_options){.size = sizeof(mt_dial_options),
                                     .retry_min_ms = 1,
                                     .retry_max_ms = 4,
                                     .ca_file = test_tls_file("ca.pem")},
                  there, NULL) == MT_OK);
    test_net_online(net, *there, true);
    *here = member(net);
}

static void link_end(test_net *net, mt_connection *there, mt_connection *here)
{
    mt_connection_unref(here);
    mt_connection_unref(there);
    test_tls_end(net);
}

/* ---- Messages ---- */

/* What comes must be 1, 2, 3 ... in turn, each as long as it says, filled from its number on. */
typedef struct sink {
    size_t count, wanted;
    size_t len; /* of the last */
    mt_subscription *subscription;
} sink;

static uint8_t byte_at(size_t number, size_t i)
{
    return (uint8_t)(number + i + (i >> 8));
}

static void fill(uint8_t *data, size_t len, size_t number)
{
    for (size_t i = 0; i < len; i++) data[i] = byte_at(number, i);
}

static void on_message(void *ctx, const void *event)
{
    mt_bytes bytes = ((const mt_message *)event)->bytes;
    sink *s = ctx;
    size_t i = 0;

    s->count++;
    while (i < bytes.len && bytes.data[i] == byte_at(s->count, i)) i++;
    CHECK(i == bytes.len);
    s->len = bytes.len;
}

static void sink_begin(sink *s, mt_connection *from)
{
    mt_subscriber subscriber = {.on_event = on_message, .ctx = s};

    CHECK(mt_event_stream_subscribe(mt_connection_messages(from), &subscriber, &s->subscription) ==
          MT_OK);
}

static bool has_come(void *ctx)
{
    const sink *s = ctx;

    return s->count == s->wanted;
}

/* Sends the message that has this number, and waits for it. */
static void goes_over(test_net *net, mt_connection *from, sink *to, size_t len)
{
    uint8_t *data = malloc(len + 1);

    CHECK(data != NULL);
    to->wanted = to->count + 1;
    fill(data, len, to->wanted);
    CHECK(mt_connection_send(from, (mt_bytes){data, len}) == MT_OK);
    free(data);
    CHECK(test_net_until(net, has_come, to));
    CHECK(to->len == len);
}

TEST(messages_of_any_length_go_both_ways)
{
    static const size_t lens[] = {0, 1, 125, 126, 16383, 16384, 16385, 65536, 2097152, 2097151, 3};
    sink up = {0}, down = {0};
    mt_connection *there, *here;
    test_net net;

    link_begin(&net, &there, &here);
    CHECK(strncmp(mt_server_url(net.server), "wss://127.0.0.1:", 16) == 0);
    CHECK(mt_bytes_equal(mt_connection_type(here), mt_str("websocket")));
    CHECK(memcmp(mt_connection_id(here).data, "wss:127.0.0.1:", 14) == 0);
    sink_begin(&up, here);
    sink_begin(&down, there);
    for (size_t i = 0; i < TEST_COUNT(lens); i++) {
        goes_over(&net, there, &up, lens[i]);
        goes_over(&net, here, &down, lens[i]);
    }
    CHECK(mt_connection_queued(there) == 0 && mt_connection_queued(here) == 0);
    mt_subscription_dispose(up.subscription);
    mt_subscription_dispose(down.subscription);
    link_end(&net, there, here);
}

/* Each record brings several messages here, and one message takes several records. */
TEST(many_messages_at_once_come_in_their_order)
{
    sink up = {.wanted = 3000};
    mt_connection *there, *here;
    uint8_t data[300];
    test_net net;

    link_begin(&net, &there, &here);
    sink_begin(&up, here);
    for (size_t i = 1; i <= up.wanted; i++) {
        fill(data, i % sizeof data, i);
        CHECK(mt_connection_send(there, (mt_bytes){data, i % sizeof data}) == MT_OK);
    }
    CHECK(test_net_until(&net, has_come, &up));
    mt_subscription_dispose(up.subscription);
    link_end(&net, there, here);
}

TEST(what_nobody_takes_fills_no_more_than_the_buffer_and_comes_when_somebody_does)
{
    static uint8_t data[100000];
    test_heard heard = {0};
    test_listener events = {.heard = &heard, .name = "t", .say = test_say_connection_event};
    mt_connection *there, *here;
    size_t sent = 0;
    sink up = {0};
    test_net net;

    link_begin(&net, &there, &here);
    test_listen(&events, mt_connection_events(there));
    for (mt_status st = MT_OK; st != MT_AGAIN;) {
        fill(data, sizeof data, sent + 1);
        st = mt_connection_send(there, (mt_bytes){data, sizeof data});
        CHECK(st == MT_OK || st == MT_AGAIN);
        sent += st == MT_OK;
        CHECK(mt_connection_queued(there) <= 1024 * 1024);
        if (st == MT_AGAIN || sent % 4 == 0) test_net_settle(&net);
        if (st == MT_AGAIN && heard.len > 0) {
            test_heard_is(&heard, "t:writable");
            st = MT_OK;
        }
    }
    CHECK(sent > 10);
    up.wanted = sent;
    sink_begin(&up, here);
    CHECK(test_net_until(&net, has_come, &up));
    then_heard(&net, &heard, "t:writable");
    test_unlisten(&events);
    mt_subscription_dispose(up.subscription);
    link_end(&net, there, here);
}

/* The record is decrypted by then, and the socket will never be readable for it again. */
TEST(messages_of_one_record_wait_for_who_listens_now_and_then)
{
    test_heard heard = {0};
    test_listener messages = {.heard = &heard, .name = "h", .say = test_say_bytes};
    mt_connection *there, *here;
    test_net net;

    link_begin(&net, &there, &here);
    CHECK(mt_connection_send(there, mt_str("a")) == MT_OK);
    CHECK(mt_connection_send(there, mt_str("a message that is longer than what is looked at")) ==
          MT_OK);
    CHECK(mt_connection_send(there, mt_str("b")) == MT_OK);
    test_net_settle(&net);
    test_listen(&messages, mt_connection_messages(here));
    then_heard(&net, &heard, "h:a h:a message that is lo h:b");
    test_unlisten(&messages);
    CHECK(mt_connection_send(there, mt_str("c")) == MT_OK);
    test_net_settle(&net);
    test_listen(&messages, mt_connection_messages(here));
    then_heard(&net, &heard, "h:c");
    test_unlisten(&messages);
    link_end(&net, there, here);
}

/* ---- Whom a client takes ---- */

static void taken(const char *certificate, const char *url, const char *host, const char *ca)
{
    mt_connection *there;
    test_net net;

    test_tls_begin(&net);
    test_tls_listen(&net, url, certificate);
    there = test_tls_dial(&net, host, ca);
    test_net_online(&net, there, true);
    mt_connection_unref(there);
    test_tls_end(&net);
}

TEST(a_certificate_is_taken_for_any_of_its_names_and_addresses)
{
    taken("here", "wss://127.0.0.1:0", "localhost", "ca");
    taken("here", "wss://127.0.0.1:0", "LocalHost", "ca");
    taken("here", "wss://127.0.0.1:0", "127.0.0.1", "ca");
}

TEST(a_certificate_is_taken_for_an_address_of_ipv6)
{
    int fd = socket(AF_INET6, SOCK_STREAM, 0);
    struct sockaddr_in6 at = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    bool known = fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof at) == 0;

    if (fd >= 0) close(fd);
    if (!known) skip();
    taken("here", "wss://[::1]:0", "[::1]", "ca");
}

TEST(a_certificate_of_its_own_is_taken_where_it_is_the_authority)
{
    taken("own", "wss://127.0.0.1:0", "localhost", "own");
}

TEST(a_server_shows_the_authorities_between)
{
    taken("chain", "wss://127.0.0.1:0", "localhost", "ca");
}

TEST(the_authorities_of_the_system_are_those_of_its_environment)
{
    CHECK(setenv("SSL_CERT_FILE", test_tls_file("ca.pem"), 1) == 0);
    taken("here", "wss://127.0.0.1:0", "localhost", NULL);
    CHECK(unsetenv("SSL_CERT_FILE") == 0);
}

TEST(a_server_is_told_the_name_that_is_meant_but_no_address)
{
    test_tls_peer peer;
    mt_connection *there;
    test_net net;

    test_tls_begin(&net);
    for (size_t i = 0; i < 2; i++) {
        test_tls_peer_serves(&net, &peer, "here");
        there = test_tls_dial(&net, i == 0 ? "localhost" : "127.0.0.1", "ca");
        CHECK(test_tls_peer_shakes_hands(&net, &peer));
        if (i > 0) CHECK(SSL_get_servername(peer.ssl, TLSEXT_NAMETYPE_host_name) == NULL);
        else
            assert_string_equal(SSL_get_servername(peer.ssl, TLSEXT_NAMETYPE_host_name),
                                "localhost");
        mt_connection_unref(there);
        test_tls_peer_end(&peer);
    }
    test_tls_end(&net);
}

/* ---- Peers that are OpenSSL alone ---- */

/* A client that is up, and who hears of it. */
typedef struct stage {
    test_net net;
    test_tls_peer peer;
    mt_connection *here;
    test_heard heard;
    test_listener events, messages;
} stage;

static void stage_begin(stage *s, int version)
{
    *s = (stage){0};
    s->events = (test_listener){.heard = &s->heard, .name = "h", .say = test_say_connection_event};
    s->messages = (test_listener){.heard = &s->heard, .name = "h", .say = test_say_bytes};
    test_tls_begin(&s->net);
    test_tls_listen(&s->net, "wss://127.0.0.1:0", "here");
    test_tls_peer_dials(&s->net, &s->peer);
    CHECK(SSL_set_min_proto_version(s->peer.ssl, version));
    CHECK(SSL_set_max_proto_version(s->peer.ssl, version));
    test_tls_peer_upgrades(&s->net, &s->peer);
    s->here = member(&s->net);
    test_listen(&s->events, mt_connection_events(s->here));
    test_listen(&s->messages, mt_connection_messages(s->here));
}

static void stage_end(stage *s)
{
    test_unlisten(&s->events);
    test_unlisten(&s->messages);
    mt_connection_unref(s->here);
    test_tls_peer_end(&s->peer);
    test_tls_end(&s->net);
}

#define SAY(s, bytes) test_tls_peer_says(&(s)->net, &(s)->peer, bytes, sizeof(bytes) - 1)

TEST(either_version_of_tls_is_spoken)
{
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

    for (size_t i = 0; i < 2; i++) {
        stage s;

        stage_begin(&s, versions[i]);
        SAY(&s, "\x82\x83\0\0\0\0abc");
        then_heard(&s.net, &s.heard, "h:abc");
        CHECK(mt_connection_send(s.here, mt_str("back")) == MT_OK);
        test_tls_peer_hears(&s.net, &s.peer, 6);
        CHECK(memcmp(s.peer.text,
                     "\x82\x04"
                     "back",
                     6) == 0);
        stage_end(&s);
    }
}

TEST(a_link_that_is_closed_ends_tls_before_it_ends_the_socket)
{
    stage s;

    stage_begin(&s, TLS1_3_VERSION);
    mt_connection_close(s.here);
    test_tls_peer_hears(&s.net, &s.peer, 4);
    CHECK(memcmp(s.peer.text, "\x88\x02\x03\xe8", 4) == 0);
    SAY(&s, "\x88\x82\0\0\0\0\x03\xe8");
    test_tls_peer_hears(&s.net, &s.peer, 0);
    CHECK(s.peer.len == 0 && s.peer.code == SSL_ERROR_ZERO_RETURN);
    CHECK(SSL_shutdown(s.peer.ssl) == 1 && shutdown(s.peer.fd, SHUT_WR) == 0);
    test_net_members(&s.net, 0);
    test_heard_is(&s.heard, "h:closed h. h.");
    stage_end(&s);
}

TEST(a_peer_that_ends_tls_has_ended_the_link_in_order)
{
    stage s;

    stage_begin(&s, TLS1_3_VERSION);
    SAY(&s, "\x82\x83\0\0\0\0abc");
    CHECK(SSL_shutdown(s.peer.ssl) == 0);
    test_net_members(&s.net, 0);
    test_heard_is(&s.heard, "h:abc h:closed h. h.");
    stage_end(&s);
}

TEST(a_link_that_is_cut_is_told_from_one_that_has_ended)
{
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

    for (size_t i = 0; i < 2; i++) {
        stage s;

        stage_begin(&s, versions[i]);
        SAY(&s, "\x82\x83\0\0\0\0abc");
        CHECK(shutdown(s.peer.fd, SHUT_WR) == 0);
        test_net_members(&s.net, 0);
        test_heard_is(&s.heard, "h:abc h:closed h!the link was cut: the peer has not ended TLS "
                                "h!the link was cut: the peer has not ended TLS");
        stage_end(&s);
    }
}

TEST(a_link_that_ends_inside_a_message_says_so)
{
    stage s;

    stage_begin(&s, TLS1_3_VERSION);
    SAY(&s, "\x82\x83\0\0\0\0a");
    CHECK(SSL_shutdown(s.peer.ssl) == 0);
    test_net_members(&s.net, 0);
    test_heard_is(&s.heard, "h:closed h!the peer has ended the link inside a message "
                            "h!the peer has ended the link inside a message");
    stage_end(&s);
}

TEST(bytes_that_were_changed_on_the_way_end_the_link)
{
    stage s;

    stage_begin(&s, TLS1_3_VERSION);
    CHECK(send(s.peer.fd, "\x17\x03\x03\0\x1d 29 bytes that nobody has made", 5 + 29, 0) == 34);
    test_net_members(&s.net, 0);
    test_heard_is(&s.heard, "h:closed h!TLS failed: decryption failed or bad record mac "
                            "h!TLS failed: decryption failed or bad record mac");
    stage_end(&s);
}

TEST(keys_may_be_changed_at_any_time)
{
    stage s;

    stage_begin(&s, TLS1_3_VERSION);
    for (size_t i = 0; i < 10; i++) {
        CHECK(SSL_key_update(s.peer.ssl, SSL_KEY_UPDATE_REQUESTED));
        SAY(&s, "\x82\x81\0\0\0\0a");
        then_heard(&s.net, &s.heard, "h:a");
        CHECK(mt_connection_send(s.here, mt_str("b")) == MT_OK);
        test_tls_peer_hears(&s.net, &s.peer, 3);
        CHECK(memcmp(s.peer.text,
                     "\x82\x01"
                     "b",
                     3) == 0);
    }
    stage_end(&s);
}

/* Both ends on a pair of sockets, `there` being OpenSSL alone. */
typedef struct pair {
    mti_tls_context *context;
    mti_tls *here;
    int fd;
    SSL_CTX *ctx;
    SSL *there;
} pair;

static void pair_begin(pair *p)
{
    uint8_t byte;
    int fds[2];

    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == 0);
    CHECK(mti_tls_serve(test_mem(), test_tls_file("here.pem"), test_tls_file("here.key"),
                        &p->context, NULL) == MT_OK);
    p->fd = fds[0];
    CHECK((p->here = mti_tls_new(p->context, fds[0])) != NULL);
    CHECK((p->ctx = SSL_CTX_new(TLS_client_method())) && (p->there = SSL_new(p->ctx)));
    CHECK(SSL_set_fd(p->there, fds[1]));
    SSL_set_connect_state(p->there);
    while (SSL_do_handshake(p->there) != 1) CHECK(mti_tls_read(p->here, &byte, 1) == -EAGAIN);
    CHECK(mti_tls_read(p->here, &byte, 1) == -EAGAIN && !mti_tls_has_more(p->here));
}

static void pair_end(pair *p)
{
    mti_tls_free(p->here);
    mti_tls_context_free(p->context);
    close(p->fd);
    close(SSL_get_fd(p->there));
    SSL_free(p->there);
    SSL_CTX_free(p->ctx);
    CHECK(test_mem_live() == 0);
}

TEST(who_only_changes_keys_is_left_for_others_after_a_while)
{
    BIO *sent = BIO_new(BIO_s_mem()); /* so many small pieces need more room than a socket has */
    size_t calls = 0;
    uint8_t byte;
    pair p;
    int fd;
    char *data;
    long len;

    pair_begin(&p);
    fd = SSL_get_fd(p.there);
    SSL_set0_rbio(p.there, BIO_new_socket(fd, BIO_NOCLOSE));
    SSL_set0_wbio(p.there, sent);
    for (size_t i = 0; i < 5000; i++) {
        CHECK(SSL_key_update(p.there, SSL_KEY_UPDATE_NOT_REQUESTED));
        CHECK(SSL_do_handshake(p.there) == 1);
    }
    CHECK(SSL_write(p.there, "x", 1) == 1);
    len = BIO_get_mem_data(sent, &data);
    CHECK(len > 100000 && send(fd, data, (size_t)len, 0) == len);
    for (; mti_tls_read(p.here, &byte, 1) == -EAGAIN; calls++) CHECK(mti_tls_has_more(p.here));
    CHECK(byte == 'x' && calls > 0);
    pair_end(&p);
}

/* What an application asks OpenSSL for itself is no matter of ours. */
TEST(no_errors_are_left_to_the_application)
{
    uint8_t byte;
    pair p;

    pair_begin(&p);
    CHECK(shutdown(SSL_get_fd(p.there), SHUT_WR) == 0);
    CHECK(mti_tls_read(p.here, &byte, 1) == -EPROTO);
    CHECK(ERR_peek_error() == 0);
    pair_end(&p);
}

TEST(hands_are_shaken_once_only)
{
    stage s;

    stage_begin(&s, TLS1_2_VERSION);
    CHECK(SSL_renegotiate(s.peer.ssl));
    (void)SSL_do_handshake(s.peer.ssl);
    test_tls_peer_hears(&s.net, &s.peer, 1);
    CHECK(s.peer.code == SSL_ERROR_SSL);
    CHECK(ERR_GET_REASON(ERR_peek_last_error()) == SSL_R_NO_RENEGOTIATION);
    ERR_clear_error();
    stage_end(&s);
}

/* ---- Their life ---- */

TEST(a_client_comes_back_when_its_server_does)
{
    mt_connection *there, *here;
    test_net net;
    char url[sizeof net.url];

    link_begin(&net, &there, &here);
    mt_connection_unref(here);
    snprintf(url, sizeof url, "%s", mt_server_url(net.server));
    mt_server_close(net.server);
    test_net_online(&net, there, false);
    CHECK(mt_dial_error(there)->status == MT_CLOSED);
    test_tls_listen(&net, url, "here");
    test_net_online(&net, there, true);
    mt_connection_unref(there);
    test_tls_end(&net);
}

TEST(idle_links_keep_each_other_alive_also_where_nobody_listens)
{
    mt_server_options served = {.size = sizeof served, .ping_ms = 5, .silence_ms = 500};
    mt_dial_options dialed = {.size = sizeof dialed, .ping_ms = 5, .silence_ms = 500};
    mt_connection *there, *here;
    test_net net;

    test_tls_begin(&net);
    served.cert_file = test_tls_file("here.pem");
    served.key_file = test_tls_file("here.key");
    dialed.ca_file = test_tls_file("ca.pem");
    test_net_listen(&net, "wss://127.0.0.1:0", &served);
    there = test_net_dial(&net, &dialed);
    test_net_online(&net, there, true);
    here = member(&net);
    test_net_pass(&net, 700);
    CHECK(!mt_connection_offline(there) && !mt_connection_ended(here));
    CHECK(mt_connection_send(there, mt_str("held back at the other end")) == MT_OK);
    test_net_pass(&net, 700);
    CHECK(!mt_connection_offline(there) && !mt_connection_ended(here));
    link_end(&net, there, here);
}

static void ring(void *arg)
{
    *(bool *)arg = true;
}

/* How often the loop turns in so long. */
static size_t turns_within(test_net *net, uint64_t ms)
{
    struct {
        mt_timer timer;
        bool rang;
    } bell = {.timer = {.fire = ring}};
    size_t turns = 0;

    bell.timer.arg = &bell.rang;
    net->env->timer_set(net->env->ctx, &bell.timer, ms);
    for (; !bell.rang; turns++) CHECK(net->env->turn(net->env->ctx) == MT_OK);
    return turns;
}

TEST(a_link_that_waits_lets_the_loop_sleep)
{
    test_tls_peer peer;
    mt_connection *there, *here;
    test_net net;

    link_begin(&net, &there, &here);
    test_net_settle(&net);
    CHECK(turns_within(&net, 50) < 10);
    CHECK(mt_connection_send(there, mt_str("that nobody takes")) == MT_OK);
    test_net_settle(&net);
    CHECK(turns_within(&net, 50) < 10);
    mt_connection_unref(here);
    mt_connection_unref(there);
    mt_server_close(net.server);
    net.server = NULL;
    /* A hello that waits for a server's, which says nothing. */
    test_tls_peer_serves(&net, &peer, "here");
    there = test_tls_dial(&net, "127.0.0.1", "ca");
    test_net_settle(&net);
    CHECK(turns_within(&net, 50) < 10);
    mt_connection_unref(there);
    test_tls_peer_end(&peer);
    test_tls_end(&net);
}

/* ---- Memory ---- */

static void with_memory(fail_mem *fm)
{
    mt_server_options served = {.size = sizeof served};
    mt_dial_options dialed = {.size = sizeof dialed, .once = true};

    served.cert_file = test_tls_file("here.pem");
    served.key_file = test_tls_file("here.key");
    dialed.ca_file = test_tls_file("ca.pem");
    test_net_with_options(fm, "wss://127.0.0.1:0", &served, &dialed);
}

TEST(each_allocation_of_a_link_over_tls_may_fail_once)
{
    size_t n = 0;

    for (;; n++) {
        fail_mem fm = {.fail_at = n};

        with_memory(&fm);
        CHECK(fm.live_bytes == 0);
        if (!fm.tripped) break;
    }
    CHECK(n > 10 && test_mem_live() == 0);
}

/* What OpenSSL has in use, with its size in front of each piece. */
typedef union head {
    size_t size;
    max_align_t align;
} head;

static size_t openssl_live, openssl_count;
static size_t openssl_fails_at = SIZE_MAX; /* the allocation that fails, of those counted */

static void openssl_free(void *ptr, const char *file, int line)
{
    (void)file;
    (void)line;
    if (!ptr) return;
    openssl_live -= ((head *)ptr - 1)->size;
    free((head *)ptr - 1);
}

static void *openssl_alloc(size_t size, const char *file, int line)
{
    head *made = openssl_count++ == openssl_fails_at ? NULL : malloc(sizeof *made + size);

    (void)file;
    (void)line;
    if (!made) return NULL;
    made->size = size;
    openssl_live += size;
    return made + 1;
}

static void *openssl_resize(void *ptr, size_t size, const char *file, int line)
{
    size_t old = ptr ? ((head *)ptr - 1)->size : 0;
    void *made = openssl_alloc(size, file, line);

    if (made && ptr) memcpy(made, ptr, old < size ? old : size);
    if (made) openssl_free(ptr, file, line);
    return made;
}

/* Of its thousands of allocations in one scenario, every so manieth: a prime number. */
#define STEP 29

/* Runs a scenario again and again, each time with another allocation that fails. */
static void with_openssl_memory(void (*scenario)(void))
{
    size_t count;

    scenario(); /* what OpenSSL keeps for ever is there */
    openssl_count = 0;
    scenario();
    count = openssl_count;
    CHECK(count > 1000);
    for (size_t n = 0; n < count; n += STEP) {
        openssl_count = 0;
        openssl_fails_at = n;
        scenario();
        openssl_fails_at = SIZE_MAX;
    }
}

static void sends_both_ways(void)
{
    fail_mem none = {.fail_at = SIZE_MAX};

    with_memory(&none);
    CHECK(none.live_bytes == 0);
}

TEST(allocations_of_openssl_may_fail)
{
    with_openssl_memory(sends_both_ways);
}

static void dials_the_wrong_host(void)
{
    mt_server_options served = {.size = sizeof served};
    mt_dial_options dialed = {.size = sizeof dialed, .once = true};
    mt_connection *there = NULL;
    test_net net;

    served.cert_file = test_tls_file("other.pem");
    served.key_file = test_tls_file("other.key");
    dialed.ca_file = test_tls_file("ca.pem");
    test_tls_begin(&net);
    if (mt_server_new(net.env, "wss://127.0.0.1:0", &served, &net.server, NULL) == MT_OK &&
        mt_dial(net.env, mt_server_url(net.server), &dialed, &there, NULL) == MT_OK) {
        while (!mt_connection_ended(there)) {
            CHECK(net.env->turn(net.env->ctx) == MT_OK);
            CHECK(mt_connection_offline(there));
            CHECK(mt_group_count(mt_server_group(net.server)) == 0);
        }
        CHECK(mt_dial_error(there)->status != MT_OK);
        mt_connection_unref(there);
    }
    test_tls_end(&net);
}

TEST(no_failed_allocation_lets_a_certificate_pass)
{
    with_openssl_memory(dials_the_wrong_host);
}

enum { COUNT = 20 };

TEST(an_idle_link_that_was_accepted_costs_little)
{
    test_tls_peer peers[COUNT];
    size_t ours, openssls, server, client;
    test_net net;

    test_tls_begin(&net);
    test_tls_listen(&net, "wss://127.0.0.1:0", "here");
    ours = test_mem_live();
    for (size_t i = 0; i < COUNT; i++) {
        test_tls_peer_dials(&net, &peers[i]);
        test_tls_peer_upgrades(&net, &peers[i]);
    }
    test_net_members(&net, COUNT);
    test_net_settle(&net);
    ours = (test_mem_live() - ours) / COUNT;
    openssls = openssl_live;
    for (size_t i = 0; i < COUNT; i++) test_tls_peer_end(&peers[i]);
    client = openssls - openssl_live;
    test_net_members(&net, 0);
    test_net_settle(&net);
    server = (openssls - client - openssl_live) / COUNT;
    print_message("an accepted link over TLS: %zu bytes, and %zu of OpenSSL\n", ours, server);
    CHECK(ours <= 4096 && server <= 24 * 1024);
    test_tls_end(&net);
}

/* Each has authorities of its own, here one. */
TEST(an_idle_link_that_was_dialed_costs_little_more)
{
    mt_connection *there[COUNT];
    size_t ours, openssls;
    test_net net;

    test_tls_begin(&net);
    test_tls_listen(&net, "wss://127.0.0.1:0", "here");
    ours = test_mem_live();
    openssls = openssl_live;
    for (size_t i = 0; i < COUNT; i++) there[i] = test_tls_dial(&net, "localhost", "ca");
    test_net_members(&net, COUNT);
    for (size_t i = 0; i < COUNT; i++) test_net_online(&net, there[i], true);
    test_net_settle(&net);
    ours = (test_mem_live() - ours) / COUNT;
    openssls = (openssl_live - openssls) / COUNT;
    print_message("a link over TLS with both ends: %zu bytes, and %zu of OpenSSL\n", ours,
                  openssls);
    CHECK(ours <= 8192 && openssls <= 64 * 1024);
    for (size_t i = 0; i < COUNT; i++) mt_connection_unref(there[i]);
    test_tls_end(&net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_of_any_length_go_both_ways),
        cmocka_unit_test(many_messages_at_once_come_in_their_order),
        cmocka_unit_test(
            what_nobody_takes_fills_no_more_than_the_buffer_and_comes_when_somebody_does),
        cmocka_unit_test(messages_of_one_record_wait_for_who_listens_now_and_then),
        cmocka_unit_test(a_certificate_is_taken_for_any_of_its_names_and_addresses),
        cmocka_unit_test(a_certificate_is_taken_for_an_address_of_ipv6),
        cmocka_unit_test(a_certificate_of_its_own_is_taken_where_it_is_the_authority),
        cmocka_unit_test(a_server_shows_the_authorities_between),
        cmocka_unit_test(the_authorities_of_the_system_are_those_of_its_environment),
        cmocka_unit_test(a_server_is_told_the_name_that_is_meant_but_no_address),
        cmocka_unit_test(either_version_of_tls_is_spoken),
        cmocka_unit_test(a_link_that_is_closed_ends_tls_before_it_ends_the_socket),
        cmocka_unit_test(a_peer_that_ends_tls_has_ended_the_link_in_order),
        cmocka_unit_test(a_link_that_is_cut_is_told_from_one_that_has_ended),
        cmocka_unit_test(a_link_that_ends_inside_a_message_says_so),
        cmocka_unit_test(bytes_that_were_changed_on_the_way_end_the_link),
        cmocka_unit_test(keys_may_be_changed_at_any_time),
        cmocka_unit_test(who_only_changes_keys_is_left_for_others_after_a_while),
        cmocka_unit_test(no_errors_are_left_to_the_application),
        cmocka_unit_test(hands_are_shaken_once_only),
        cmocka_unit_test(a_client_comes_back_when_its_server_does),
        cmocka_unit_test(idle_links_keep_each_other_alive_also_where_nobody_listens),
        cmocka_unit_test(a_link_that_waits_lets_the_loop_sleep),
        cmocka_unit_test(each_allocation_of_a_link_over_tls_may_fail_once),
        cmocka_unit_test(allocations_of_openssl_may_fail),
        cmocka_unit_test(no_failed_allocation_lets_a_certificate_pass),
        cmocka_unit_test(an_idle_link_that_was_accepted_costs_little),
        cmocka_unit_test(an_idle_link_that_was_dialed_costs_little_more),
    };

    /* Before it allocates anything. */
    if (!CRYPTO_set_mem_functions(openssl_alloc, openssl_resize, openssl_free)) return 1;
    return cmocka_run_group_tests(tests, NULL, test_tls_over);
}
