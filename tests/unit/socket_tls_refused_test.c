/* Links over TLS that do not come to be: certificates that are refused, files that are no good, peers
 * that speak something else. */
#include "test_tls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>

/* ---- What a client refuses ---- */

/* A client that dials `host`, whose server shows `certificate`, fails so. */
static void refused(const char *certificate, const char *host, const char *ca, const char *expected)
{
    mt_connection *there;
    test_net net;

    test_tls_begin(&net);
    test_tls_listen(&net, "wss://127.0.0.1:0", certificate);
    there = test_tls_dial(&net, host, ca);
    test_tls_fails(&net, there, expected);
    CHECK(mt_group_count(mt_server_group(net.server)) == 0);
    test_tls_end(&net);
}

TEST(a_certificate_for_another_host_is_refused_with_both_names)
{
    refused("other", "localhost", "ca",
            "the certificate is for other.example, 192.0.2.7 and 4 more, not localhost");
    refused("other", "127.0.0.1", "ca",
            "the certificate is for other.example, 192.0.2.7 and 4 more, not 127.0.0.1");
    refused("nameless", "localhost", "ca", "the certificate is for no host, not localhost");
}

TEST(long_names_leave_room_for_the_host_that_was_meant)
{
    refused("long", "localhost", "ca",
            "the certificate is for a-name-that-is-much-longer-than-what-is-, "
            "one-more-that-is-much-longer-than-what-i, not localhost");
}

/* localhost is at 127.0.0.1, and yet it is not its name. */
TEST(a_name_is_not_its_address)
{
    refused("chain", "127.0.0.1", "ca", "the certificate is for localhost, not 127.0.0.1");
}

TEST(a_certificate_of_nobody_who_is_trusted_is_refused)
{
    refused("here", "localhost", NULL,
            "the certificate is of an authority that is not trusted: Test Authority");
    refused("strange", "localhost", "ca",
            "the certificate is of an authority that is not trusted: Strange Authority");
    refused("own", "localhost", "ca", "the certificate is self-signed, and not trusted");
    refused("own", "localhost", NULL, "the certificate is self-signed, and not trusted");
}

/* The day in so many days, as texts have it. */
static const char *day(int from_today)
{
    static char text[16];
    time_t at = time(NULL) + 86400L * from_today;
    struct tm broken;

    CHECK(gmtime_r(&at, &broken) && strftime(text, sizeof text, "%Y-%m-%d", &broken));
    return text;
}

/* Servers of ours show no such certificate. */
static void refused_by_date(const char *certificate, const char *expected)
{
    test_tls_peer peer;
    mt_connection *there;
    test_net net;

    test_tls_begin(&net);
    test_tls_peer_serves(&net, &peer, certificate);
    there = test_tls_dial(&net, "localhost", "ca");
    CHECK(!test_tls_peer_shakes_hands(&net, &peer));
    test_tls_fails(&net, there, expected);
    test_tls_peer_end(&peer);
    test_tls_end(&net);
}

TEST(a_certificate_is_refused_after_its_time_and_before_it)
{
    char expected[80];

    snprintf(expected, sizeof expected, "the certificate has expired, on %s", day(-1));
    refused_by_date("expired", expected);
    snprintf(expected, sizeof expected, "the certificate is not valid before %s", day(1));
    refused_by_date("early", expected);
}

TEST(a_certificate_whose_authority_has_expired_is_refused)
{
    char expected[120];

    snprintf(expected, sizeof expected,
             "the certificate of its authority Stale Authority has expired, on %s", day(-1));
    refused("stale", "localhost", "stale-ca", expected);
}

TEST(a_certificate_that_is_refused_is_refused_again_and_again)
{
    mt_dial_options options = {.size = sizeof options, .retry_min_ms = 1, .retry_max_ms = 2};
    mt_connection *there = NULL;
    test_net net;

    test_tls_begin(&net);
    test_tls_listen(&net, "wss://127.0.0.1:0", "other");
    options.ca_file = test_tls_file("ca.pem");
    CHECK(mt_dial(net.env, test_tls_url(&net, "wss://localhost"), &options, &there, NULL) == MT_OK);
    while (mt_dial_failures(there) < 5) {
        CHECK(net.env->turn(net.env->ctx) == MT_OK);
        CHECK(mt_connection_offline(there));
    }
    CHECK(mt_dial_error(there)->status == MT_REFUSED);
    mt_connection_unref(there);
    test_tls_end(&net);
}

TEST(protocols_of_old_are_refused)
{
    test_tls_peer peer;
    mt_connection *there;
    test_net net;

    test_tls_begin(&net);
    test_tls_peer_serves(&net, &peer, "here");
    SSL_set_security_level(peer.ssl, 0);
    CHECK(SSL_set_min_proto_version(peer.ssl, TLS1_VERSION));
    CHECK(SSL_set_max_proto_version(peer.ssl, TLS1_1_VERSION));
    there = test_tls_dial(&net, "localhost", "ca");
    CHECK(!test_tls_peer_shakes_hands(&net, &peer));
    test_tls_fails(&net, there, "TLS failed: tlsv1 alert protocol version");
    test_tls_peer_end(&peer);
    test_tls_end(&net);
}

/* ---- Files ---- */

/* A listener with these files (NULL: none) fails so. */
static void not_listened(const char *url, const char *cert, const char *key, mt_status status,
                         const char *format)
{
    mt_server_options options = {.size = sizeof options};
    mt_error err = {.status = MT_OK}, same = {.status = MT_OK};
    char expected[MT_ERROR_TEXT_MAX];
    test_net net;

    if (cert) options.cert_file = test_tls_file(cert);
    if (key) options.key_file = test_tls_file(key);
    test_tls_begin(&net);
    CHECK(mt_server_new(net.env, url, &options, &net.server, &err) == status);
    CHECK(mt_server_new(net.env, url, &options, &net.server, NULL) == status);
    snprintf(expected, sizeof expected, "%s%s", format[0] == ':' ? test_tls_file("") : "",
             format + (format[0] == ':'));
    assert_string_equal(err.text, expected);
    if (cert && key && strncmp(url, "wss://127", 9) == 0) {
        CHECK(mt_tls_check(options.cert_file, options.key_file, NULL, &same) == status);
        assert_string_equal(same.text, expected);
    }
    test_tls_end(&net);
}

TEST(a_listener_over_tls_needs_a_certificate_and_its_key)
{
    const char *here = "wss://127.0.0.1:0";

    not_listened(here, NULL, NULL, MT_INVALID,
                 "wss://127.0.0.1:0: to listen there takes a certificate and its key");
    not_listened(here, "here.pem", NULL, MT_INVALID,
                 "wss://127.0.0.1:0: to listen there takes the key of the certificate, too");
    not_listened(here, NULL, "here.key", MT_INVALID,
                 "wss://127.0.0.1:0: to listen there takes the certificate of the key, too");
    not_listened("ws://127.0.0.1:0", "here.pem", "here.key", MT_INVALID,
                 "ws://127.0.0.1:0: certificates and keys are for wss://");
    not_listened("tcp://127.0.0.1:0", NULL, "here.key", MT_INVALID,
                 "tcp://127.0.0.1:0: certificates and keys are for wss://");
    not_listened(
        "wss://192.0.2.1:1", "here.pem", "here.key", MT_INVALID,
        "wss://192.0.2.1:1: anybody could connect there; without secured links only addresses of "
        "this machine are listened on: 127.0.0.0/8, [::1], localhost, unix:");
    CHECK(mt_tls_check("a", NULL, NULL, NULL) == MT_INVALID);
    CHECK(mt_tls_check(NULL, "a", NULL, NULL) == MT_INVALID);
    CHECK(mt_tls_check(NULL, NULL, NULL, NULL) == MT_OK);
}

static void write_file(const char *name, const char *text)
{
    FILE *file = fopen(test_tls_file(name), "w");

    CHECK(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

TEST(a_listener_says_which_file_is_no_good_and_why)
{
    const char *here = "wss://127.0.0.1:0";
    char expected[80];

    write_file("damaged.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    not_listened(here, "no.pem", "here.key", MT_IO,
                 ":no.pem: cannot be read: No such file or directory");
    not_listened(here, "here.pem", "no.key", MT_IO,
                 ":no.key: cannot be read: No such file or directory");
    not_listened(here, ".", "here.key", MT_IO, ":.: cannot be read: Is a directory");
    not_listened(here, "here.key", "here.key", MT_INVALID,
                 ":here.key: there is no certificate in it, in PEM");
    not_listened(here, "here.pem", "here.pem", MT_INVALID,
                 ":here.pem: there is no private key in it, in PEM");
    not_listened(here, "here.pem", "secret.key", MT_INVALID,
                 ":secret.key: the key is behind a passphrase, which nobody can be asked for");
    not_listened(here, "damaged.pem", "here.key", MT_INVALID,
                 ":damaged.pem: a certificate in it is damaged");
    snprintf(expected, sizeof expected, ":expired.pem: the certificate has expired, on %s",
             day(-1));
    not_listened(here, "expired.pem", "expired.key", MT_INVALID, expected);
    snprintf(expected, sizeof expected, ":early.pem: the certificate is not valid before %s",
             day(1));
    not_listened(here, "early.pem", "early.key", MT_INVALID, expected);
}

TEST(a_key_that_is_not_that_of_the_certificate_is_named_with_it)
{
    mt_error err = {.status = MT_OK};
    char expected[MT_ERROR_TEXT_MAX];

    CHECK(mt_tls_check(test_tls_file("here.pem"), test_tls_file("other.key"), NULL, &err) ==
          MT_INVALID);
    snprintf(expected, sizeof expected, "%s: it is not the key of the certificate in %s",
             test_tls_file("other.key"), test_tls_file("here.pem"));
    assert_string_equal(err.text, expected);
}

TEST(a_file_that_never_ends_is_not_read_to_its_end)
{
    mt_error err = {.status = MT_OK};

    CHECK(mt_tls_check("/dev/zero", test_tls_file("here.key"), NULL, &err) == MT_TOO_LARGE);
    assert_string_equal(err.text, "/dev/zero: more than 4194304 bytes");
}

TEST(authorities_are_checked_before_anybody_is_dialed)
{
    mt_dial_options options = {.size = sizeof options};
    mt_connection *there = NULL;
    mt_error err = {.status = MT_OK};
    test_net net;

    test_tls_begin(&net);
    options.ca_file = test_tls_file("no.pem");
    CHECK(mt_dial(net.env, "wss://a", &options, &there, &err) == MT_IO);
    CHECK(strstr(err.text, "/no.pem: cannot be read: No such file or directory"));
    options.ca_file = test_tls_file("here.key");
    CHECK(mt_dial(net.env, "wss://a", &options, &there, &err) == MT_INVALID);
    CHECK(strstr(err.text, "/here.key: there is no certificate in it, in PEM"));
    CHECK(mt_dial(net.env, "wss://a", &options, &there, NULL) == MT_INVALID);
    CHECK(mt_tls_check(NULL, NULL, options.ca_file, NULL) == MT_INVALID);
    options.ca_file = test_tls_file("ca.pem");
    CHECK(mt_tls_check(NULL, NULL, options.ca_file, &err) == MT_OK);
    CHECK(mt_dial(net.env, "ws://a", &options, &there, &err) == MT_INVALID);
    assert_string_equal(err.text,
                        "ws://a: authorities are for wss://, and this link has no certificates");
    test_tls_end(&net);
}

/* ---- Who speaks something else ---- */

TEST(a_client_without_tls_is_told_that_it_is_spoken)
{
    static const mt_dial_options options = {.size = sizeof options, .once = true};
    mt_connection *there = NULL;
    test_net net;

    test_tls_begin(&net);
    test_tls_listen(&net, "wss://127.0.0.1:0", "here");
    CHECK(mt_dial(net.env, test_tls_url(&net, "ws://127.0.0.1"), &options, &there, NULL) == MT_OK);
    test_tls_fails(&net, there, "the server answers 400 TLS Is Spoken Here");
    test_tls_end(&net);
}

TEST(a_client_with_tls_hears_where_none_is_spoken)
{
    mt_connection *there;
    test_net net;

    test_tls_begin(&net);
    test_net_listen(&net, "ws://127.0.0.1:0", NULL);
    there = test_tls_dial(&net, "localhost", "ca");
    test_tls_fails(&net, there, "the peer does not speak TLS");
    test_tls_end(&net);
    test_tls_begin(&net);
    test_net_listen(&net, "tcp://127.0.0.1:0", NULL);
    there = test_tls_dial(&net, "localhost", "ca");
    CHECK(test_net_until(&net, (bool (*)(void *))mt_connection_ended, there));
    CHECK(strstr(mt_dial_error(there)->text, ": the peer has ended the link before TLS was up") ||
          strstr(mt_dial_error(there)->text, ": the link broke: connection reset by peer"));
    mt_connection_unref(there);
    test_tls_end(&net);
}

typedef struct plain {
    int fd;
    size_t len;
    char text[1024];
} plain;

static bool plain_has_ended(void *ctx)
{
    plain *p = ctx;
    ssize_t got;

    while ((got = recv(p->fd, p->text + p->len, sizeof p->text - 1 - p->len, 0)) > 0)
        p->len += (size_t)got;
    p->text[p->len] = '\0';
    return got == 0 || errno == ECONNRESET;
}

static void plain_says(test_net *net, plain *p, const char *bytes, size_t len)
{
    test_net raw = *net;

    snprintf(raw.url, sizeof raw.url, "%s", net->url);
    *strrchr(raw.url, '/') = '\0';
    *p = (plain){.fd = test_net_raw(&raw)};
    CHECK(send(p->fd, bytes, len, MSG_NOSIGNAL) == (ssize_t)len);
}

TEST(plain_requests_are_answered_in_plain_and_garbage_ends_at_once)
{
    static const char request[] = "GET / HTTP/1.1\r\n\r\n";
    test_net net;
    plain p;

    test_tls_begin(&net);
    test_tls_listen(&net, "wss://127.0.0.1:0", "here");
    plain_says(&net, &p, request, sizeof request - 1);
    CHECK(test_net_until(&net, plain_has_ended, &p));
    CHECK(strstr(p.text, "HTTP/1.1 400 TLS Is Spoken Here\r\n") == p.text);
    CHECK(strstr(p.text, "\r\n\r\nTLS is spoken here: wss:// or https:// instead\n"));
    close(p.fd);
    plain_says(&net, &p, "\x10\x05\0\0hello", 9);
    CHECK(test_net_until(&net, plain_has_ended, &p));
    CHECK(p.len == 0);
    close(p.fd);
    plain_says(&net, &p, "\x16\x03\x01\0\x05hello", 10);
    CHECK(test_net_until(&net, plain_has_ended, &p));
    CHECK(p.len > 0 && p.text[0] == 0x15);
    close(p.fd);
    test_tls_end(&net);
}

TEST(a_client_of_another_protocol_within_tls_is_turned_away)
{
    static const unsigned char other[] = "\x02h2";
    static const unsigned char both[] = "\x02h2\x08http/1.1";
    const unsigned char *chosen;
    unsigned chosen_len;
    test_tls_peer peer;
    test_net net;

    test_tls_begin(&net);
    test_tls_listen(&net, "wss://127.0.0.1:0", "here");
    test_tls_peer_dials(&net, &peer);
    CHECK(SSL_set_alpn_protos(peer.ssl, other, sizeof other - 1) == 0);
    CHECK(!test_tls_peer_shakes_hands(&net, &peer));
    test_tls_peer_end(&peer);
    test_tls_peer_dials(&net, &peer);
    CHECK(SSL_set_alpn_protos(peer.ssl, both, sizeof both - 1) == 0);
    CHECK(test_tls_peer_shakes_hands(&net, &peer));
    SSL_get0_alpn_selected(peer.ssl, &chosen, &chosen_len);
    CHECK(chosen_len == 8 && memcmp(chosen, "http/1.1", 8) == 0);
    test_tls_peer_end(&peer);
    test_tls_end(&net);
}

/* ---- Who stops half way ---- */

TEST(a_client_that_stops_half_way_is_dropped_in_time)
{
    /* The beginning of a record whose end never comes. */
    static const char begun[] = "\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03";
    mt_server_options options = {.size = sizeof options, .hello_ms = 30, .half_open_max = 2};
    test_tls_peer peer;
    plain p[2];
    test_net net;

    test_tls_begin(&net);
    options.cert_file = test_tls_file("here.pem");
    options.key_file = test_tls_file("here.key");
    test_net_listen(&net, "wss://127.0.0.1:0", &options);
    plain_says(&net, &p[0], begun, sizeof begun - 1);
    plain_says(&net, &p[1], begun, 1);
    for (size_t i = 0; i < 2; i++) {
        CHECK(test_net_until(&net, plain_has_ended, &p[i]));
        CHECK(p[i].len == 0);
        close(p[i].fd);
    }
    /* One that shakes hands, and then says nothing. */
    test_tls_peer_dials(&net, &peer);
    CHECK(test_tls_peer_shakes_hands(&net, &peer));
    test_tls_peer_hears(&net, &peer, 0);
    CHECK(peer.code == SSL_ERROR_ZERO_RETURN);
    test_tls_peer_end(&peer);
    test_tls_end(&net);
}

TEST(a_client_gives_up_on_a_server_that_stops_half_way)
{
    mt_dial_options options = {.size = sizeof options, .connect_ms = 30, .once = true};
    test_tls_peer peer;
    mt_connection *there = NULL;
    test_net net;

    test_tls_begin(&net);
    test_tls_peer_serves(&net, &peer, "here");
    options.ca_file = test_tls_file("ca.pem");
    CHECK(mt_dial(net.env, test_tls_url(&net, "wss://localhost"), &options, &there, NULL) == MT_OK);
    test_tls_fails(&net, there, "no whole hello came within the time that it may take");
    CHECK(mt_dial(net.env, test_tls_url(&net, "wss://localhost"), &options, &there, NULL) == MT_OK);
    close(accept(peer.listening, NULL, NULL)); /* the first */
    CHECK(test_tls_peer_shakes_hands(&net, &peer));
    test_tls_fails(&net, there, "no whole hello came within the time that it may take");
    test_tls_peer_end(&peer);
    test_tls_end(&net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_certificate_for_another_host_is_refused_with_both_names),
        cmocka_unit_test(long_names_leave_room_for_the_host_that_was_meant),
        cmocka_unit_test(a_name_is_not_its_address),
        cmocka_unit_test(a_certificate_of_nobody_who_is_trusted_is_refused),
        cmocka_unit_test(a_certificate_is_refused_after_its_time_and_before_it),
        cmocka_unit_test(a_certificate_whose_authority_has_expired_is_refused),
        cmocka_unit_test(a_certificate_that_is_refused_is_refused_again_and_again),
        cmocka_unit_test(protocols_of_old_are_refused),
        cmocka_unit_test(a_listener_over_tls_needs_a_certificate_and_its_key),
        cmocka_unit_test(a_listener_says_which_file_is_no_good_and_why),
        cmocka_unit_test(a_key_that_is_not_that_of_the_certificate_is_named_with_it),
        cmocka_unit_test(a_file_that_never_ends_is_not_read_to_its_end),
        cmocka_unit_test(authorities_are_checked_before_anybody_is_dialed),
        cmocka_unit_test(a_client_without_tls_is_told_that_it_is_spoken),
        cmocka_unit_test(a_client_with_tls_hears_where_none_is_spoken),
        cmocka_unit_test(plain_requests_are_answered_in_plain_and_garbage_ends_at_once),
        cmocka_unit_test(a_client_of_another_protocol_within_tls_is_turned_away),
        cmocka_unit_test(a_client_that_stops_half_way_is_dropped_in_time),
        cmocka_unit_test(a_client_gives_up_on_a_server_that_stops_half_way),
    };

    return cmocka_run_group_tests(tests, NULL, test_tls_over);
}
