/* Links of WebSocket and plain HTTP on one server: upgrades, answers, closes, bad peers. */
#include "test_heard.h"
#include "test_socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void net_over(test_net *net)
{
    test_net_end(net);
    CHECK(test_mem_live() == 0);
}

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

/* ---- A raw client, and all that it was sent until the server ended ---- */

typedef struct raw {
    int fd;
    size_t len;
    char text[4096];
    bool ended;
    size_t wanted; /* how much to wait for; 0: the end */
} raw;

static bool raw_is_done(void *ctx)
{
    raw *r = ctx;
    ssize_t got;

    while (r->len < sizeof r->text - 1 &&
           (got = recv(r->fd, r->text + r->len, sizeof r->text - 1 - r->len, 0)) >= 0) {
        if (got == 0) r->ended = true;
        if (got == 0) break;
        r->len += (size_t)got;
    }
    if (errno == ECONNRESET) r->ended = true;
    r->text[r->len] = '\0';
    return r->ended || (r->wanted && r->len >= r->wanted);
}

static void raw_begin(test_net *net, raw *r)
{
    *r = (raw){.fd = test_net_raw(net)};
}

static void raw_send(raw *r, const char *bytes, size_t len)
{
    CHECK(send(r->fd, bytes, len, MSG_NOSIGNAL) == (ssize_t)len);
}

static void raw_say(raw *r, const char *text)
{
    raw_send(r, text, strlen(text));
}

static void raw_await(test_net *net, raw *r, size_t wanted)
{
    r->wanted = wanted;
    CHECK(test_net_until(net, raw_is_done, r));
}

/* Sends the hello, and takes the server's. */
static void raw_upgrade(test_net *net, raw *r)
{
    raw_begin(net, r);
    raw_say(r, TEST_HELLO);
    raw_await(net, r, sizeof TEST_WELCOME - 1);
    assert_string_equal(r->text, TEST_WELCOME);
    r->len = 0;
}

/* ---- HTTP ---- */

static void serve(void *ctx, mt_bytes path, mt_http_response *response)
{
    CHECK(strcmp(ctx, "ctx") == 0);
    CHECK(mt_http_respond(response, 99, "text/plain", mt_str("")) == MT_INVALID);
    CHECK(mt_http_respond(response, 200, "", mt_str("")) == MT_INVALID);
    CHECK(mt_http_respond(response, 200, "a\r\nb", mt_str("")) == MT_INVALID);
    if (mt_bytes_equal(path, mt_str("/healthz?all"))) {
        CHECK(mt_http_respond(response, 500, "text/html", mt_str("replaced by the next")) == MT_OK);
        CHECK(mt_http_respond(response, 200, "text/plain", mt_str("fine\n")) == MT_OK);
    }
}

static const mt_server_options http_options = {
    .size = sizeof http_options, .http = serve, .http_ctx = (char[]){"ctx"}};

/* Asks, and compares the first line and the body. Nothing lets a page of another origin read it. */
static void http_answers(test_net *net, const char *request, const char *first, const char *body)
{
    char line[128];
    const char *end;
    raw r;

    raw_begin(net, &r);
    raw_say(&r, request);
    raw_await(net, &r, 0);
    CHECK((end = strstr(r.text, "\r\n")) && (size_t)(end - r.text) < sizeof line);
    snprintf(line, sizeof line, "%.*s", (int)(end - r.text), r.text);
    assert_string_equal(line, first);
    CHECK(strstr(r.text, "\r\nConnection: close\r\n") && !strstr(r.text, "Access-Control"));
    CHECK((end = strstr(r.text, "\r\n\r\n")) != NULL);
    assert_string_equal(end + 4, body);
    close(r.fd);
}

#define HOST "Host: localhost\r\n"

TEST(plain_requests_are_answered_by_the_application_or_with_what_is_wrong)
{
    char path[9000];
    test_net net;

    test_net_begin(&net, test_mem());
    test_net_listen(&net, "ws://127.0.0.1:0/sync", &http_options);
    http_answers(&net, "GET /healthz?all HTTP/1.1\r\nHost: [::1]\r\n\r\n", "HTTP/1.1 200 OK",
                 "fine\n");
    http_answers(&net, "HEAD /healthz?all HTTP/1.0\r\n\r\n", "HTTP/1.1 200 OK", "");
    http_answers(&net, "GET /other HTTP/1.1\r\n" HOST "\r\n", "HTTP/1.1 404 Not Found",
                 "there is nothing here\n");
    http_answers(&net, "GET /sync?x HTTP/1.1\r\n" HOST "\r\n", "HTTP/1.1 426 Upgrade Required",
                 "WebSocket is spoken here\n");
    http_answers(&net, "DELETE /sync HTTP/1.1\r\n" HOST "\r\n", "HTTP/1.1 405 Method Not Allowed",
                 "only GET and HEAD are answered\n");
    http_answers(&net, "GET / HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello",
                 "HTTP/1.1 400 Bad Request", "a request with a body is not taken\n");
    http_answers(&net, "GET / HTTP/1.1\r\nno field\r\n\r\n", "HTTP/1.1 400 Bad Request",
                 "a field of HTTP is not a name, a colon and a value\n");
    http_answers(&net, TEST_HELLO, "HTTP/1.1 404 Not Found", "there is nothing here\n");
    memset(path, 'x', sizeof path);
    memcpy(path, "GET /", 5);
    path[sizeof path - 1] = '\0';
    http_answers(&net, path, "HTTP/1.1 431 Request Header Fields Too Large",
                 "a request has at most 8192 bytes\n");
    net_over(&net);
}

TEST(pages_of_other_origins_are_refused)
{
    const mt_bytes origins[] = {mt_str("http://a"), mt_str("http://localhost:8000")};
    mt_server_options options = {
        .size = sizeof options, .origins = origins, .origin_count = TEST_COUNT(origins)};
    test_net net;

    test_net_begin(&net, test_mem());
    test_net_listen(&net, "ws://127.0.0.1:0/x", &options);
    http_answers(&net, "GET / HTTP/1.1\r\n" HOST "Origin: http://evil\r\n\r\n",
                 "HTTP/1.1 403 Forbidden", "pages of this origin may not connect\n");
    http_answers(&net, "GET / HTTP/1.1\r\n" HOST "Origin: null\r\n\r\n", "HTTP/1.1 403 Forbidden",
                 "pages of this origin may not connect\n");
    http_answers(&net, "GET / HTTP/1.1\r\n" HOST "Origin: http://localhost:8000\r\n\r\n",
                 "HTTP/1.1 404 Not Found", "there is nothing here\n");
    net_over(&net);
}

TEST(a_page_may_not_ask_what_it_may_ask)
{
    const mt_bytes origins[] = {mt_str("http://a")};
    mt_server_options options = {.size = sizeof options, .origins = origins, .origin_count = 1};
    test_net net;

    test_net_begin(&net, test_mem());
    test_net_listen(&net, "ws://127.0.0.1:0", &options);
    http_answers(&net,
                 "OPTIONS / HTTP/1.1\r\n" HOST "Origin: http://a\r\n"
                 "Access-Control-Request-Method: GET\r\n\r\n",
                 "HTTP/1.1 405 Method Not Allowed", "only GET and HEAD are answered\n");
    http_answers(&net,
                 "OPTIONS / HTTP/1.1\r\n" HOST "Origin: http://b\r\n"
                 "Access-Control-Request-Private-Network: true\r\n\r\n",
                 "HTTP/1.1 403 Forbidden", "pages of this origin may not connect\n");
    net_over(&net);
}

/* ---- Hosts ---- */

#define UPGRADE                                                                  \
    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

/* Another's name is refused before an upgrade, and before the application is asked. */
TEST(only_names_of_the_server_are_answered_to)
{
    const mt_bytes hosts[] = {mt_str("notes.example")};
    mt_server_options options = http_options;
    const char *other = "this Host is not one that is answered to here\n";
    const char *misdirected = "HTTP/1.1 421 Misdirected Request", *bad = "HTTP/1.1 400 Bad Request";
    const char *fine = "HTTP/1.1 200 OK";
    test_net net;

    options.hosts = hosts;
    options.host_count = 1;
    test_net_begin(&net, test_mem());
    test_net_listen(&net, "ws://127.0.0.1:0", &options);
    http_answers(&net, "GET /healthz?all HTTP/1.1\r\nHost: evil.example\r\n\r\n", misdirected,
                 other);
    http_answers(&net, "GET /healthz?all HTTP/1.0\r\nHost: evil.example\r\n\r\n", misdirected,
                 other);
    http_answers(&net, "GET / HTTP/1.1\r\nHost: evil.example:80\r\n" UPGRADE, misdirected, other);
    http_answers(&net, "GET / HTTP/1.1\r\n" UPGRADE, bad, "a request has a Host\n");
    http_answers(&net, "GET /healthz?all HTTP/1.1\r\n\r\n", bad, "a request has a Host\n");
    http_answers(&net, "GET /healthz?all HTTP/1.1\r\n" HOST HOST "\r\n", bad,
                 "the field host of HTTP is there twice\n");
    http_answers(&net, "GET / HTTP/1.1\r\nHost: local host\r\n" UPGRADE, bad,
                 "the Host of a request is HOST or HOST:PORT\n");
    http_answers(&net, "GET /healthz?all HTTP/1.1\r\nHost: Notes.Example:1\r\n\r\n", fine,
                 "fine\n");
    net_over(&net);
}

TEST(hosts_that_are_none_are_refused)
{
    const mt_bytes hosts[] = {mt_str("notes.example/")};
    const mt_server_options options = {.size = sizeof options, .hosts = hosts, .host_count = 1};
    mt_server *server = NULL;
    test_net net;
    mt_error err;

    test_net_begin(&net, test_mem());
    CHECK(mt_server_new(net.env, "ws://127.0.0.1:0", &options, &server, &err) == MT_INVALID);
    assert_string_equal(err.text,
                        "a host to answer to is HOST or HOST:PORT, not \"notes.example/\"");
    net_over(&net);
}

/* What the application tells of itself is for this machine. */
TEST(plain_requests_are_not_answered_where_anybody_can_ask)
{
    mt_server_options options = http_options;
    test_net net;

    options.anywhere = true;
    test_net_begin(&net, test_mem());
    test_net_listen(&net, "ws://0.0.0.0:0/sync", &options);
    http_answers(&net, "GET /healthz?all HTTP/1.1\r\nHost: 192.0.2.7\r\n\r\n",
                 "HTTP/1.1 404 Not Found", "there is nothing here\n");
    http_answers(&net, "GET /healthz?all HTTP/1.1\r\nHost: evil.example\r\n\r\n",
                 "HTTP/1.1 421 Misdirected Request",
                 "this Host is not one that is answered to here\n");
    net_over(&net);
}

TEST(who_says_no_hello_keeps_nobody_out)
{
    const mt_server_options options = {
        .size = sizeof options, .hello_ms = 60000, .half_open_max = 2};
    raw silent[20], r;
    test_net net;

    test_net_begin(&net, test_mem());
    test_net_listen(&net, "ws://127.0.0.1:0", &options);
    for (size_t i = 0; i < TEST_COUNT(silent); i++) {
        raw_begin(&net, &silent[i]);
        test_net_pass(&net, 2);
    }
    raw_upgrade(&net, &r);
    test_net_members(&net, 1);
    for (size_t i = 0; i < TEST_COUNT(silent) - 1; i++) raw_await(&net, &silent[i], 0);
    CHECK(!raw_is_done(&silent[TEST_COUNT(silent) - 1]));
    for (size_t i = 0; i < TEST_COUNT(silent); i++) close(silent[i].fd);
    close(r.fd);
    test_net_members(&net, 0);
    net_over(&net);
}

TEST(who_says_no_hello_is_dropped_in_time_and_few_may_wait)
{
    const mt_server_options options = {.size = sizeof options, .hello_ms = 30, .half_open_max = 2};
    raw r[3];
    test_net net;

    test_net_begin(&net, test_mem());
    test_net_listen(&net, "ws://127.0.0.1:0", &options);
    for (size_t i = 0; i < 3; i++) raw_begin(&net, &r[i]);
    raw_say(&r[0], "GET / HT");
    raw_await(&net, &r[2], 0);
    raw_await(&net, &r[0], 0);
    raw_await(&net, &r[1], 0);
    for (size_t i = 0; i < 3; i++) close(r[i].fd);
    net_over(&net);
}

/* ---- The server, to the byte ---- */

TEST(a_server_talks_to_a_client_by_the_book)
{
    static const char masked[] = "\x82\x83\0\0\0\0abc\x89\x81\1\1\1\1q";
    test_heard heard = {0};
    test_listener messages = {.heard = &heard, .name = "h", .say = test_say_bytes};
    mt_connection *here;
    test_net net;
    raw r;

    test_net_begin(&net, test_mem());
    test_net_listen(&net, "ws://127.0.0.1:0", NULL);
    raw_upgrade(&net, &r);
    here = member(&net);
    CHECK(mt_bytes_equal(mt_connection_type(here), mt_str("websocket")));
    CHECK(memcmp(mt_connection_id(here).data, "ws:127.0.0.1:", 13) == 0);
    test_listen(&messages, mt_connection_messages(here));
    raw_send(&r, masked, sizeof masked - 1);
    raw_await(&net, &r, 3);
    CHECK(memcmp(r.text, "\x8a\x01p", 3) == 0);
    test_heard_is(&heard, "h:abc");
    CHECK(mt_connection_send(here, mt_str("back")) == MT_OK);
    raw_await(&net, &r, 9);
    CHECK(memcmp(r.text + 3,
                 "\x82\x04"
                 "back",
                 6) == 0);
    mt_connection_close(here);
    raw_await(&net, &r, 13);
    CHECK(memcmp(r.text + 9, "\x88\x02\x03\xe8", 4) == 0);
    raw_send(&r, "\x88\x82\0\0\0\0\x03\xe8", 8);
    raw_await(&net, &r, 0);
    CHECK(r.len == 13);
    CHECK(shutdown(r.fd, SHUT_WR) == 0);
    test_net_members(&net, 0);
    test_heard_is(&heard, "h.");
    test_unlisten(&messages);
    mt_connection_unref(here);
    close(r.fd);
    net_over(&net);
}

/* What a client sends behind its hello in the same piece is taken, too. */
TEST(nothing_between_the_hello_and_the_first_message_is_lost)
{
    test_heard heard = {0};
    test_listener messages = {.heard = &heard, .name = "h", .say = test_say_bytes};
    test_net net;
    raw r;

    test_net_begin(&net, test_mem());
    test_net_listen(&net, "ws://127.0.0.1:0", NULL);
    test_listen(&messages, mt_group_messages(mt_server_group(net.server)));
    raw_begin(&net, &r);
    raw_send(&r, TEST_HELLO "\x82\x82\0\0\0\0hi\x02\x81\0\0\0\0a\x80\x81\0\0\0\0b",
             sizeof TEST_HELLO - 1 + 8 + 7 + 7);
    raw_await(&net, &r, sizeof TEST_WELCOME - 1);
    test_net_settle(&net);
    test_heard_is(&heard, "h:hi h:ab");
    test_unlisten(&messages);
    close(r.fd);
    net_over(&net);
}

/* Bad frames, and the code of the close that answers them. */
static void frame_ends(const char *bytes, size_t len, const char *close_is, const char *heard_is)
{
    test_heard heard = {0};
    test_listener messages = {.heard = &heard, .name = "h", .say = test_say_bytes};
    mt_connection *here;
    test_net net;
    raw r;

    test_net_begin(&net, test_mem());
    test_net_listen(&net, "ws://127.0.0.1:0", NULL);
    raw_upgrade(&net, &r);
    here = member(&net);
    test_listen(&messages, mt_connection_messages(here));
    raw_send(&r, bytes, len);
    raw_await(&net, &r, 0);
    CHECK(r.len == 4 && memcmp(r.text, close_is, 4) == 0);
    close(r.fd);
    test_net_members(&net, 0);
    test_heard_is(&heard, heard_is);
    test_unlisten(&messages);
    mt_connection_unref(here);
    net_over(&net);
}

TEST(bad_frames_are_answered_with_a_close_that_says_why)
{
    frame_ends("\x82\x01x", 3, "\x88\x02\x03\xea",
               "h!a frame of WebSocket that is not masked, from a client");
    frame_ends("\x81\x81\0\0\0\0x", 7, "\x88\x02\x03\xeb",
               "h!a message of WebSocket that is text, not binary");
    frame_ends("\x82\xff\0\0\0\0\x7f\0\0\0\0\0\0\0", 14, "\x88\x02\x03\xf1",
               "h!a message of more than 2097152 bytes");
    frame_ends("\x88\x82\0\0\0\0\x03\xe9", 8, "\x88\x02\x03\xe9", "h.");
}

/* ---- The client ---- */

TEST(a_client_says_why_it_does_not_come_online)
{
    static const mt_dial_options options = {.size = sizeof options, .once = true};
    char url[200], expected[400];
    test_heard heard = {0};
    test_listener events = {.heard = &heard, .name = "t", .say = test_say_connection_event};
    mt_connection *there = NULL;
    test_net net;

    test_net_begin(&net, test_mem());
    test_net_listen(&net, "ws://127.0.0.1:0/right", NULL);
    snprintf(url, sizeof url, "%s/not", net.url);
    CHECK(mt_dial(net.env, url, &options, &there, NULL) == MT_OK);
    test_listen(&events, mt_connection_events(there));
    snprintf(expected, sizeof expected, "t:closed t!%s: the server answers 404 Not Found", url);
    CHECK(test_net_until(&net, heard_something, &heard));
    test_heard_is(&heard, expected);
    test_unlisten(&events);
    mt_connection_unref(there);
    net_over(&net);
}

TEST(a_client_gives_up_on_a_server_that_never_answers)
{
    static const mt_dial_options options = {.size = sizeof options, .connect_ms = 20};
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    mt_connection *there;
    test_net net;

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(bind(fd, (struct sockaddr *)&at, len) == 0 && listen(fd, 1) == 0);
    CHECK(getsockname(fd, (struct sockaddr *)&at, &len) == 0);
    test_net_begin(&net, test_mem());
    snprintf(net.url, sizeof net.url, "ws://127.0.0.1:%u/", (unsigned)ntohs(at.sin_port));
    there = test_net_dial(&net, &options);
    while (mt_dial_failures(there) == 0) CHECK(net.env->turn(net.env->ctx) == MT_OK);
    CHECK(strstr(mt_dial_error(there)->text, ": no whole hello came within the time"));
    CHECK(mt_connection_offline(there));
    mt_connection_unref(there);
    close(fd);
    net_over(&net);
}

TEST(idle_links_of_websocket_keep_each_other_alive)
{
    static const mt_server_options served = {
        .size = sizeof served, .ping_ms = 5, .silence_ms = 500};
    static const mt_dial_options dialed = {.size = sizeof dialed, .ping_ms = 5, .silence_ms = 500};
    mt_connection *there, *here;
    test_net net;

    test_net_begin(&net, test_mem());
    test_net_listen(&net, "ws://127.0.0.1:0", &served);
    there = test_net_dial(&net, &dialed);
    test_net_online(&net, there, true);
    here = member(&net);
    test_net_pass(&net, 700);
    CHECK(!mt_connection_offline(there) && !mt_connection_ended(here));
    CHECK(mt_connection_send(there, mt_str("held back at the other end")) == MT_OK);
    test_net_pass(&net, 700);
    CHECK(!mt_connection_offline(there) && !mt_connection_ended(here));
    mt_connection_unref(here);
    mt_connection_unref(there);
    net_over(&net);
}

TEST(a_client_comes_back_when_its_server_does)
{
    static const mt_dial_options options = {
        .size = sizeof options, .retry_min_ms = 1, .retry_max_ms = 4};
    mt_connection *there;
    test_net net;

    test_net_begin(&net, test_mem());
    test_net_listen(&net, "ws://127.0.0.1:0", NULL);
    there = test_net_dial(&net, &options);
    test_net_online(&net, there, true);
    mt_server_close(net.server);
    test_net_online(&net, there, false);
    assert_true(mt_dial_error(there)->status == MT_CLOSED);
    test_net_listen(&net, net.url, NULL);
    test_net_online(&net, there, true);
    mt_connection_unref(there);
    net_over(&net);
}

TEST(each_allocation_of_a_link_of_websocket_may_fail_once)
{
    size_t n = 0;

    for (;; n++) {
        fail_mem fm = {.fail_at = n};

        test_net_with_memory(&fm, "ws://127.0.0.1:0");
        CHECK(fm.live_bytes == 0);
        if (!fm.tripped) break;
    }
    CHECK(n > 10 && test_mem_live() == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_requests_are_answered_by_the_application_or_with_what_is_wrong),
        cmocka_unit_test(pages_of_other_origins_are_refused),
        cmocka_unit_test(a_page_may_not_ask_what_it_may_ask),
        cmocka_unit_test(only_names_of_the_server_are_answered_to),
        cmocka_unit_test(hosts_that_are_none_are_refused),
        cmocka_unit_test(plain_requests_are_not_answered_where_anybody_can_ask),
        cmocka_unit_test(who_says_no_hello_keeps_nobody_out),
        cmocka_unit_test(who_says_no_hello_is_dropped_in_time_and_few_may_wait),
        cmocka_unit_test(a_server_talks_to_a_client_by_the_book),
        cmocka_unit_test(nothing_between_the_hello_and_the_first_message_is_lost),
        cmocka_unit_test(bad_frames_are_answered_with_a_close_that_says_why),
        cmocka_unit_test(a_client_says_why_it_does_not_come_online),
        cmocka_unit_test(a_client_gives_up_on_a_server_that_never_answers),
        cmocka_unit_test(idle_links_of_websocket_keep_each_other_alive),
        cmocka_unit_test(a_client_comes_back_when_its_server_does),
        cmocka_unit_test(each_allocation_of_a_link_of_websocket_may_fail_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
