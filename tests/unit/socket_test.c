/* Links over TCP and Unix sockets: what becomes of them when peers come, go and misbehave. */
#include "test_heard.h"
#include "test_socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "plugins/socket_link.h"

/* ---- A peer that is no link: a plain socket ---- */

static void raw_send(int fd, const void *bytes, size_t len)
{
    CHECK(send(fd, bytes, len, MSG_NOSIGNAL) == (ssize_t)len);
}

/* Whether the other side has ended: what comes before that is dropped. */
static bool raw_ended(void *ctx)
{
    const int *fd = ctx;
    char bytes[4096];
    ssize_t got;

    while ((got = recv(*fd, bytes, sizeof bytes, 0)) > 0) continue;
    return got == 0 || errno == ECONNRESET;
}

static bool raw_readable(void *ctx)
{
    struct pollfd p = {.fd = *(const int *)ctx, .events = POLLIN};

    return poll(&p, 1, 0) == 1;
}

static void raw_get(test_net *net, int fd, void *bytes, size_t len)
{
    CHECK(test_net_until(net, raw_readable, &fd));
    CHECK(recv(fd, bytes, len, 0) == (ssize_t)len);
}

/* ---- What is heard ---- */

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

/* Holds whoever has connected, so that it can be watched to its end. */
static mt_connection *member(test_net *net)
{
    test_net_members(net, 1);
    return mt_connection_ref(mt_group_at(mt_server_group(net->server), 0));
}

static void net_over(test_net *net)
{
    test_net_end(net);
    CHECK(test_mem_live() == 0);
}

/* ---- What they are ---- */

TEST(a_dialed_link_is_named_by_its_url_and_an_accepted_one_by_a_number)
{
    mt_connection *there, *here;
    char expected[64];
    test_net net;

    test_net_begin(&net, test_mem());
    test_net_listen(&net, "tcp://localhost:0", NULL);
    CHECK(strncmp(net.url, "tcp://127.0.0.1:", 16) == 0 && net.url[16] != '0');
    there = test_net_dial(&net, NULL);
    CHECK(mt_connection_offline(there));
    test_net_online(&net, there, true);
    here = member(&net);
    CHECK(mt_bytes_equal(mt_connection_id(there), mt_str(net.url)));
    CHECK(mt_bytes_equal(mt_connection_type(here), mt_str("tcp")));
    snprintf(expected, sizeof expected, "%.*s", (int)mt_connection_id(here).len,
             (const char *)mt_connection_id(here).data);
    CHECK(strncmp(expected, "tcp:127.0.0.1:", 14) == 0 && strstr(expected, "#1"));
    CHECK(mt_dial_error(here) == NULL && mt_dial_error(there)->status == MT_OK);
    CHECK(mt_dial_failures(there) == 0 && mt_dial_retry_ms(there) == 0);
    mt_connection_unref(here);
    mt_connection_unref(there);
    net_over(&net);
}

TEST(a_link_over_ipv6_is_a_link)
{
    mt_connection *there;
    test_net net;
    int fd = socket(AF_INET6, SOCK_STREAM, 0);
    struct sockaddr_in6 at = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    bool known = fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof at) == 0;

    if (fd >= 0) close(fd);
    if (!known) skip();
    test_net_begin(&net, test_mem());
    test_net_listen(&net, "tcp://[::1]:0", NULL);
    there = test_net_dial(&net, NULL);
    test_net_online(&net, there, true);
    mt_connection_unref(there);
    net_over(&net);
}

TEST(a_host_may_be_a_name)
{
    mt_connection *there = NULL;
    char url[64];
    test_net net;

    test_net_begin(&net, test_mem());
    test_net_listen(&net, "tcp://127.0.0.1:0", NULL);
    snprintf(url, sizeof url, "tcp://localhost%s", strrchr(net.url, ':'));
    CHECK(mt_dial(net.env, url, NULL, &there, NULL) == MT_OK);
    test_net_online(&net, there, true);
    mt_connection_unref(there);
    /* And one that is closed while its name is looked up. */
    CHECK(mt_dial(net.env, url, NULL, &there, NULL) == MT_OK);
    CHECK(net.env->turn(net.env->ctx) == MT_OK);
    mt_connection_unref(there);
    net_over(&net);
}

/* No host has a label of so many letters, which is known without asking anybody. */
TEST(a_host_that_there_is_not_is_said_to_be_unknown)
{
    mt_connection *there;
    test_net net;

    test_net_begin(&net, test_mem());
    memset(net.url, 'x', 80);
    memcpy(net.url, "tcp://", 6);
    memcpy(net.url + 80, ":1", 3);
    there = test_net_dial(&net, NULL);
    while (mt_dial_failures(there) == 0) CHECK(net.env->turn(net.env->ctx) == MT_OK);
    CHECK(strstr(mt_dial_error(there)->text, ": the host was not found: "));
    mt_connection_unref(there);
    net_over(&net);
}

/* ---- Refusals ---- */

static void listen_refused(test_net *net, const char *url, mt_status status, const char *part)
{
    mt_server *server = NULL;
    mt_error err = {.status = MT_OK};

    CHECK(mt_server_new(net->env, url, NULL, &server, &err) == status);
    CHECK(server == NULL && err.status == status);
    if (!strstr(err.text, part)) fail_msg("%s", err.text);
}

static void listens(const char *url, mt_status status, bool is_local)
{
    CHECK(mt_url_check(url, true, NULL) == status);
    CHECK(mt_url_is_local(url) == is_local);
}

TEST(a_url_to_listen_on_has_an_address_and_may_be_of_this_machine)
{
    listens("tcp://127.3.2.1:0", MT_OK, true);
    listens("ws://[::1]:1/x", MT_OK, true);
    listens("tcp://localhost:1", MT_OK, true);
    listens("unix:x", MT_OK, true);
    listens("tcp://0.0.0.0:1", MT_OK, false);
    listens("ws://[::]:1", MT_OK, false);
    listens("tcp://192.168.0.1:7117", MT_OK, false);
    listens("ws://[::ffff:127.0.0.1]:7117", MT_OK, false);
    listens("tcp://localhost.example.org:1", MT_INVALID, false);
    listens("tcp://127.0.0.1.example.org:1", MT_INVALID, false);
    listens("tcp://[127.0.0.1]:1", MT_INVALID, false);
    listens("tcp://127.1:1", MT_INVALID, false);
    listens("http://127.0.0.1:1", MT_UNSUPPORTED, false);
    listens("", MT_UNSUPPORTED, false);
}

TEST(only_addresses_of_this_machine_are_listened_on_unless_any_may_be)
{
    const char *part = "anybody could connect there; without secured links only addresses of this "
                       "machine are listened on: 127.0.0.0/8, [::1], localhost, unix:";
    test_net net;

    test_net_begin(&net, test_mem());
    listen_refused(&net, "tcp://0.0.0.0:0", MT_INVALID, part);
    listen_refused(&net, "tcp://192.168.0.1:7117", MT_INVALID, part);
    listen_refused(&net, "tcp://[::]:7117", MT_INVALID, part);
    listen_refused(&net, "ws://[::ffff:127.0.0.1]:7117", MT_INVALID, part);
    listen_refused(&net, "tcp://example.org:7117", MT_INVALID, "is an address, or localhost");
    net_over(&net);
}

TEST(who_listens_anywhere_is_reached_from_this_machine_too)
{
    static const mt_server_options options = {.size = sizeof options, .anywhere = true};
    mt_server_options old = {.size = offsetof(mt_server_options, anywhere), .anywhere = true};
    mt_server *server = NULL;
    mt_connection *there;
    char port[8];
    test_net net;

    test_net_begin(&net, test_mem());
    CHECK(mt_server_new(net.env, "tcp://0.0.0.0:0", &old, &server, NULL) == MT_INVALID && !server);
    test_net_listen(&net, "tcp://0.0.0.0:0", &options);
    CHECK(strncmp(net.url, "tcp://0.0.0.0:", 14) == 0 && !mt_url_is_local(net.url));
    snprintf(port, sizeof port, "%s", strrchr(net.url, ':'));
    snprintf(net.url, sizeof net.url, "tcp://127.0.0.1%s", port);
    there = test_net_dial(&net, NULL);
    test_net_online(&net, there, true);
    test_net_members(&net, 1);
    mt_connection_unref(there);
    net_over(&net);
}

static void dial_refused(const mt_env *env, const char *url, const mt_dial_options *options,
                         const char *message)
{
    mt_connection *connection = NULL;
    mt_error err = {.status = MT_OK};

    CHECK(mt_dial(env, url, options, &connection, &err) == MT_INVALID && connection == NULL);
    assert_string_equal(err.text, message);
}

TEST(what_cannot_be_dialed_is_refused)
{
    const mt_dial_options waits = {.size = sizeof waits, .retry_min_ms = 9, .retry_max_ms = 8};
    const mt_dial_options silent = {.size = sizeof silent, .ping_ms = 9, .silence_ms = 9};
    const mt_server_options too = {.size = sizeof too, .ping_ms = 45000, .silence_ms = 9};
    const mt_dial_options flags = {.size = sizeof flags, .flags = 64};
    mt_env none = {.abi = MT_ENV_ABI};
    mt_server *server = NULL;
    test_net net;

    test_net_begin(&net, test_mem());
    dial_refused(net.env, "tcp://a:0", NULL, "tcp://a:0: there is no port 0");
    dial_refused(net.env, "tcp://[1.2.3.4]:1", NULL,
                 "tcp://[1.2.3.4]:1: what is in brackets is not an IPv6 address");
    dial_refused(net.env, "tcp://a:1", &waits, "retry_min_ms is 9, more than retry_max_ms: 8");
    dial_refused(net.env, "tcp://a:1", &silent, "ping_ms is 9, not less than silence_ms: 9");
    CHECK(mt_server_new(net.env, "tcp://localhost:0", &too, &server, NULL) == MT_INVALID);
    dial_refused(net.env, "tcp://a:1", &flags, "unknown flags: 65");
    dial_refused(&none, "tcp://a:1", NULL, "dialing needs the environment of a loop");
    net_over(&net);
}

TEST(a_port_that_somebody_listens_on_is_busy)
{
    test_net net;

    test_net_begin(&net, test_mem());
    test_net_listen(&net, "tcp://127.0.0.1:0", NULL);
    listen_refused(&net, net.url, MT_BUSY, "somebody listens there");
    net_over(&net);
}

/* ---- Unix sockets ---- */

TEST(a_unix_socket_is_its_owners_alone_and_goes_with_its_server)
{
    struct stat found;
    mode_t mask;
    test_net net;

    test_net_begin(&net, test_mem());
    mask = umask(0);
    test_net_listen(&net, test_net_unix_url(&net), NULL);
    umask(mask);
    CHECK(lstat(net.url + 5, &found) == 0);
    CHECK(S_ISSOCK(found.st_mode) && (found.st_mode & 0777) == 0600);
    mt_server_close(net.server);
    net.server = NULL;
    CHECK(lstat(net.url + 5, &found) != 0);
    net_over(&net);
}

TEST(a_live_unix_socket_is_busy_and_a_stale_one_is_replaced)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    mt_connection *there, *here;
    test_net net;
    int fd;

    test_net_begin(&net, test_mem());
    snprintf(at.sun_path, sizeof at.sun_path, "%s", test_net_unix_url(&net) + 5);
    fd = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK(bind(fd, (struct sockaddr *)&at, sizeof at) == 0 && listen(fd, 1) == 0);
    listen_refused(&net, net.url, MT_BUSY, "somebody listens there");
    close(fd); /* as a process that was killed leaves it */
    test_net_listen(&net, net.url, NULL);
    there = test_net_dial(&net, NULL);
    test_net_online(&net, there, true);
    here = member(&net);
    CHECK(mt_bytes_equal(mt_connection_id(here), mt_str("unix#1")));
    mt_connection_unref(here);
    mt_connection_unref(there);
    net_over(&net);
}

TEST(a_file_that_is_no_socket_is_left_alone)
{
    test_net net;
    FILE *file;

    test_net_begin(&net, test_mem());
    file = fopen(test_net_unix_url(&net) + 5, "w");
    CHECK(file && fclose(file) == 0);
    listen_refused(&net, net.url, MT_BUSY, "what is there is no socket, and is left alone");
    CHECK(unlink(net.url + 5) == 0);
    net_over(&net);
}

TEST(a_socket_that_is_connected_to_itself_is_found_out)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    test_net net;

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(bind(fd, (struct sockaddr *)&at, sizeof at) == 0);
    CHECK(getsockname(fd, (struct sockaddr *)&at, &len) == 0);
    CHECK(connect(fd, (struct sockaddr *)&at, sizeof at) == 0);
    CHECK(mti_address_meets_itself(fd));
    close(fd);
    test_net_begin(&net, test_mem());
    test_net_listen(&net, "tcp://127.0.0.1:0", NULL);
    fd = test_net_raw(&net);
    CHECK(!mti_address_meets_itself(fd));
    close(fd);
    net_over(&net);
}

/* ---- Loops ---- */

/* An application's own loop runs it all, in uv_run. */
TEST(links_work_on_a_joined_loop)
{
    test_heard heard = {0};
    test_listener messages = {.heard = &heard, .name = "h", .say = test_say_bytes};
    mt_connection *there = NULL;
    mt_server *server = NULL;
    mt_loop *loop = NULL;
    const mt_env *env;
    uv_loop_t uv;

    CHECK(uv_loop_init(&uv) == 0 && mt_loop_join(test_mem(), &uv, &loop) == MT_OK);
    env = mt_loop_env(loop);
    CHECK(mt_server_new(env, "ws://localhost:0", NULL, &server, NULL) == MT_OK);
    CHECK(mt_dial(env, mt_server_url(server), NULL, &there, NULL) == MT_OK);
    test_listen(&messages, mt_group_messages(mt_server_group(server)));
    while (mt_connection_offline(there)) uv_run(&uv, UV_RUN_ONCE);
    CHECK(mt_connection_send(there, mt_str("hello")) == MT_OK);
    while (heard.len == 0) uv_run(&uv, UV_RUN_ONCE);
    test_heard_is(&heard, "h:hello");
    test_unlisten(&messages);
    mt_connection_unref(there);
    mt_server_close(server);
    CHECK(uv_run(&uv, UV_RUN_DEFAULT) == 0);
    mt_loop_free(loop);
    CHECK(uv_run(&uv, UV_RUN_DEFAULT) == 0 && uv_loop_close(&uv) == 0);
    CHECK(test_mem_live() == 0);
}

/* ---- Reconnecting ---- */

TEST(a_dialed_link_comes_back_when_its_server_does)
{
    static const mt_dial_options options = {
        .size = sizeof options, .retry_min_ms = 1, .retry_max_ms = 4};
    test_heard heard = {0};
    test_listener events = {.heard = &heard, .name = "t", .say = test_say_connection_event};
    mt_connection *there;
    test_net net;

    test_net_begin(&net, test_mem());
    test_net_listen(&net, "tcp://127.0.0.1:0", NULL);
    there = test_net_dial(&net, &options);
    test_listen(&events, mt_connection_events(there));
    then_heard(&net, &heard, "t:online");
    for (int i = 0; i < 3; i++) {
        mt_server_close(net.server);
        net.server = NULL;
        then_heard(&net, &heard, "t:offline");
        CHECK(mt_dial_error(there)->status == MT_CLOSED);
        while (mt_dial_failures(there) < 4 * (uint64_t)i + 4) {
            CHECK(net.env->turn(net.env->ctx) == MT_OK);
        }
        CHECK(strstr(mt_dial_error(there)->text, ": connection refused"));
        CHECK(strstr(mt_dial_error(there)->text, net.url) == mt_dial_error(there)->text);
        test_net_listen(&net, net.url, NULL);
        then_heard(&net, &heard, "t:online");
    }
    test_unlisten(&events);
    mt_connection_unref(there);
    net_over(&net);
}

TEST(a_dialed_link_that_is_dropped_says_why_and_comes_back)
{
    static const mt_dial_options options = {
        .size = sizeof options, .retry_min_ms = 1, .retry_max_ms = 4};
    const mt_error why = {MT_REFUSED, "not the peer that was expected"};
    test_heard heard = {0};
    test_listener events = {.heard = &heard, .name = "t", .say = test_say_connection_event};
    mt_connection *there;
    test_net net;

    test_net_begin(&net, test_mem());
    test_net_listen(&net, "tcp://127.0.0.1:0", NULL);
    there = test_net_dial(&net, &options);
    test_listen(&events, mt_connection_events(there));
    then_heard(&net, &heard, "t:online");
    for (int i = 0; i < 3; i++) {
        mt_connection_drop(there, &why);
        test_heard_is(&heard, ""); /* not inside the call */
        then_heard(&net, &heard, "t:offline");
        CHECK(mt_dial_error(there)->status == MT_REFUSED);
        CHECK(strstr(mt_dial_error(there)->text, why.text));
        then_heard(&net, &heard, "t:online");
    }
    mt_connection_close(there);
    mt_connection_drop(there, &why); /* it is closed already */
    test_unlisten(&events);
    mt_connection_unref(there);
    net_over(&net);
}

/* Drops the link that a message comes of, and reads the message all the same. */
static void drop_and_read(void *sum, const void *event)
{
    const mt_message *message = event;

    mt_connection_drop(message->connection, NULL);
    for (size_t i = 0; i < message->bytes.len; i++) *(size_t *)sum += message->bytes.data[i];
}

TEST(a_link_may_be_dropped_inside_a_message)
{
    static const char *const urls[] = {"tcp://127.0.0.1:0", "ws://127.0.0.1:0"};
    static const mt_dial_options once = {.size = sizeof once, .once = true};
    static uint8_t ones[300000];

    memset(ones, 1, sizeof ones);
    for (size_t i = 0; i < TEST_COUNT(urls); i++) {
        size_t sum = 0;
        mt_subscriber subscriber = {.on_event = drop_and_read, .ctx = &sum};
        mt_subscription *subscription;
        mt_connection *there;
        test_net net;

        test_net_begin(&net, test_mem());
        test_net_listen(&net, urls[i], NULL);
        there = test_net_dial(&net, &once);
        test_net_members(&net, 1);
        test_net_online(&net, there, true);
        CHECK(mt_event_stream_subscribe(mt_group_messages(mt_server_group(net.server)), &subscriber,
                                        &subscription) == MT_OK);
        CHECK(mt_connection_send(there, (mt_bytes){ones, sizeof ones}) == MT_OK);
        CHECK(mt_connection_send(there, (mt_bytes){ones, sizeof ones}) == MT_OK);
        test_net_members(&net, 0);
        CHECK(sum == sizeof ones); /* and none after it */
        mt_subscription_dispose(subscription);
        mt_connection_unref(there);
        net_over(&net);
    }
}

TEST(an_accepted_link_that_is_dropped_is_closed)
{
    const mt_error why = {MT_REFUSED, "not admitted"};
    test_heard heard = {0};
    test_listener events = {.heard = &heard, .name = "m", .say = test_say_connection_event};
    mt_connection *there, *here;
    test_net net;

    test_net_begin(&net, test_mem());
    test_net_listen(&net, "tcp://127.0.0.1:0", NULL);
    there = test_net_dial(&net, NULL);
    test_net_members(&net, 1);
    here = mt_connection_ref(mt_group_at(mt_server_group(net.server), 0));
    test_listen(&events, mt_connection_events(here));
    mt_connection_drop(here, &why);
    then_heard(&net, &heard, "m:closed m!not admitted");
    test_unlisten(&events);
    mt_connection_unref(here);
    mt_connection_unref(there);
    net_over(&net);
}

TEST(a_link_that_is_to_connect_once_closes_where_others_come_back)
{
    static const mt_dial_options options = {.size = sizeof options, .once = true};
    test_heard heard = {0};
    test_listener events = {.heard = &heard, .name = "t", .say = test_say_connection_event};
    char expected[200];
    mt_connection *there;
    test_net net;

    test_net_begin(&net, test_mem());
    test_net_listen(&net, "tcp://127.0.0.1:0", NULL);
    mt_server_close(net.server);
    net.server = NULL;
    there = test_net_dial(&net, &options);
    test_listen(&events, mt_connection_events(there));
    snprintf(expected, sizeof expected, "t:closed t!%s: connection refused", net.url);
    then_heard(&net, &heard, expected);
    test_unlisten(&events);
    mt_connection_unref(there);
    net_over(&net);
}

TEST(limits_of_silence_follow_each_other)
{
    mti_link_limits limits;

    CHECK(mti_link_limits_of(0, 0, 0, &limits, NULL) == MT_OK);
    CHECK(limits.queued_max == 1024 * 1024 && limits.ping_ms == 15000);
    CHECK(limits.silence_ms == 45000);
    CHECK(mti_link_limits_of(7, 20000, 0, &limits, NULL) == MT_OK);
    CHECK(limits.queued_max == 7 && limits.silence_ms == 60000);
    CHECK(mti_link_limits_of(0, 0, 300, &limits, NULL) == MT_OK && limits.ping_ms == 100);
    CHECK(mti_link_limits_of(0, UINT64_MAX / 2, 0, &limits, NULL) == MT_OK);
    CHECK(mti_link_limits_of(0, 0, 1, &limits, NULL) == MT_INVALID);
}

TEST(waits_double_up_to_a_bound_and_are_drawn_from_their_upper_half)
{
    CHECK(mti_dial_wait_ms(1, 200, 30000, 0) == 100);
    CHECK(mti_dial_wait_ms(1, 200, 30000, UINT32_MAX) == 200);
    CHECK(mti_dial_wait_ms(2, 200, 30000, UINT32_MAX) == 400);
    CHECK(mti_dial_wait_ms(8, 200, 30000, UINT32_MAX) == 25600);
    CHECK(mti_dial_wait_ms(9, 200, 30000, UINT32_MAX) == 30000);
    CHECK(mti_dial_wait_ms(9, 200, 30000, 0) == 15000);
    CHECK(mti_dial_wait_ms(UINT64_MAX, 1, UINT32_MAX, UINT32_MAX) == UINT32_MAX);
    CHECK(mti_dial_wait_ms(3, 200, 30000, UINT32_MAX / 2) == 599);
}

TEST(an_attempt_may_be_hurried)
{
    static const mt_dial_options options = {
        .size = sizeof options, .retry_min_ms = 1000000, .retry_max_ms = 2000000};
    mt_connection *there;
    test_net net;

    test_net_begin(&net, test_mem());
    test_net_listen(&net, "tcp://127.0.0.1:0", NULL);
    mt_server_close(net.server);
    there = test_net_dial(&net, &options);
    while (mt_dial_failures(there) == 0) CHECK(net.env->turn(net.env->ctx) == MT_OK);
    CHECK(mt_dial_retry_ms(there) > 400000 && mt_dial_retry_ms(there) <= 1000000);
    test_net_listen(&net, net.url, NULL);
    mt_dial_hurry(there);
    test_net_online(&net, there, true);
    CHECK(mt_dial_retry_ms(there) == 0);
    mt_connection_unref(there);
    net_over(&net);
}

/* ---- Bad peers ---- */

/* Sends bytes that end a link; the server says why. */
static void garbage_ends(const void *bytes, size_t len, bool then_end, const char *heard_is)
{
    test_heard heard = {0};
    test_listener messages = {.heard = &heard, .name = "h", .say = test_say_bytes};
    mt_connection *here;
    test_net net;
    int fd;

    test_net_begin(&net, test_mem());
    test_net_listen(&net, "tcp://127.0.0.1:0", NULL);
    fd = test_net_raw(&net);
    here = member(&net);
    test_listen(&messages, mt_connection_messages(here));
    raw_send(fd, bytes, len);
    if (then_end) CHECK(shutdown(fd, SHUT_WR) == 0);
    CHECK(test_net_until(&net, raw_ended, &fd));
    test_net_members(&net, 0);
    test_heard_is(&heard, heard_is);
    test_unlisten(&messages);
    mt_connection_unref(here);
    close(fd);
    net_over(&net);
}

TEST(garbage_ends_a_link_with_a_word_about_it)
{
    garbage_ends("GET / HTTP/1.1\r\n\r\n", 18, false, "h!an unknown kind of frame: 0x47");
    garbage_ends("\x10\x01\0\0a\x10\x01\0\x20", 9, false,
                 "h:a h!a message of 2097153 bytes, and 2097152 are the most");
    garbage_ends("\x11\x01\0\0a", 5, false, "h!a ping of 1 bytes, which has none");
}

/* For who does not know yet who is there. */
static void long_ones_end(const char *url, const char *hello, const char *bytes, size_t len,
                          const char *heard_is)
{
    test_heard heard = {0};
    test_listener messages = {.heard = &heard, .name = "h", .say = test_say_bytes};
    mt_connection *here;
    test_net net;
    int fd;

    test_net_begin(&net, test_mem());
    test_net_listen(&net, url, NULL);
    fd = test_net_raw(&net);
    raw_send(fd, hello, strlen(hello));
    here = member(&net);
    test_listen(&messages, mt_connection_messages(here));
    mt_connection_limit(here, 4);
    raw_send(fd, bytes, len);
    CHECK(test_net_until(&net, raw_ended, &fd));
    close(fd);
    test_net_members(&net, 0);
    test_heard_is(&heard, heard_is);
    test_unlisten(&messages);
    mt_connection_unref(here);
    net_over(&net);
}

TEST(a_link_with_a_limit_ends_where_a_longer_message_begins)
{
    long_ones_end("tcp://127.0.0.1:0", "", "\x10\4\0\0abcd\x10\5\0\0", 12,
                  "h:abcd h!a message of 5 bytes, and 4 are the most");
    long_ones_end("ws://127.0.0.1:0", TEST_HELLO, "\x82\x84\0\0\0\0abcd\x82\x85\0\0\0\0", 16,
                  "h:abcd h!a message of more than 4 bytes");
}

TEST(a_link_that_ends_inside_a_message_says_so)
{
    garbage_ends("\x10\x05\0\0he", 6, true, "h!the peer has ended the link inside a message");
    garbage_ends("\x10\x05", 2, true, "h!the peer has ended the link inside a message");
    garbage_ends("\x10\x01\0\0a", 5, true, "h:a h.");
}

TEST(messages_may_come_byte_by_byte)
{
    static const char bytes[] = "\x10\x02\0\0ab\x11\0\0\0\x10\x01\0\0c";
    test_heard heard = {0};
    test_listener messages = {.heard = &heard, .name = "h", .say = test_say_bytes};
    mt_connection *here;
    char pong[4];
    test_net net;
    int fd;

    test_net_begin(&net, test_mem());
    test_net_listen(&net, "tcp://127.0.0.1:0", NULL);
    fd = test_net_raw(&net);
    here = member(&net);
    test_listen(&messages, mt_connection_messages(here));
    for (size_t i = 0; i < sizeof bytes - 1; i++) {
        raw_send(fd, bytes + i, 1);
        CHECK(net.env->turn(net.env->ctx) == MT_OK);
    }
    raw_get(&net, fd, pong, sizeof pong);
    CHECK(memcmp(pong, "\x12\0\0\0", 4) == 0);
    test_net_settle(&net);
    test_heard_is(&heard, "h:ab h:c");
    test_unlisten(&messages);
    mt_connection_unref(here);
    close(fd);
    net_over(&net);
}

static size_t send_until_full(mt_connection *connection)
{
    static const uint8_t bytes[10000];
    const mt_bytes message = {bytes, sizeof bytes};
    size_t sent = 0;
    mt_status st;

    while ((st = mt_connection_send(connection, message)) == MT_OK) sent++;
    CHECK(st == MT_AGAIN);
    return sent;
}

TEST(a_peer_that_never_reads_costs_no_more_than_the_buffer)
{
    static const mt_server_options options = {.size = sizeof options, .queued_max = 100000};
    test_heard heard = {0};
    test_listener events = {.heard = &heard, .name = "h", .say = test_say_connection_event};
    mt_connection *here;
    size_t before;
    test_net net;
    int fd;

    test_net_begin(&net, test_mem());
    test_net_listen(&net, "tcp://127.0.0.1:0", &options);
    fd = test_net_raw(&net);
    here = member(&net);
    test_listen(&events, mt_connection_events(here));
    before = test_mem_live();
    /* The kernel takes some megabytes first. */
    for (size_t i = 0; i < 2000 && heard.len == 0 && mt_connection_queued(here) < 90000; i++) {
        CHECK(send_until_full(here) <= 10);
        test_net_pass(&net, 1);
        if (heard.len > 0) test_heard_is(&heard, "h:writable");
    }
    CHECK(send_until_full(here) <= 10);
    CHECK(mt_connection_queued(here) >= 90000 && mt_connection_queued(here) <= 100000);
    CHECK(test_mem_live() - before <= 4 * 100000);
    test_net_settle(&net);
    test_heard_is(&heard, "");
    while (heard.len == 0) {
        raw_ended(&fd);
        CHECK(net.env->turn(net.env->ctx) == MT_OK);
    }
    test_heard_is(&heard, "h:writable");
    test_unlisten(&events);
    mt_connection_unref(here);
    close(fd);
    net_over(&net);
}

TEST(a_peer_that_pings_and_never_reads_fills_nothing)
{
    uint8_t pings[40000];
    mt_connection *here;
    test_net net;
    int fd;

    for (size_t i = 0; i < sizeof pings; i++) pings[i] = i % 4 ? 0 : 0x11;
    test_net_begin(&net, test_mem());
    test_net_listen(&net, "tcp://127.0.0.1:0", NULL);
    fd = test_net_raw(&net);
    here = member(&net);
    for (size_t i = 0; i < 100; i++) {
        (void)!send(fd, pings, sizeof pings, MSG_NOSIGNAL);
        test_net_pass(&net, 1);
        CHECK(mt_connection_queued(here) <= 4);
    }
    mt_connection_unref(here);
    close(fd);
    net_over(&net);
}

TEST(who_is_one_too_many_is_turned_away)
{
    static const mt_server_options options = {.size = sizeof options, .connections_max = 2};
    test_net net;
    int fds[3];

    test_net_begin(&net, test_mem());
    test_net_listen(&net, "tcp://127.0.0.1:0", &options);
    for (size_t i = 0; i < 3; i++) fds[i] = test_net_raw(&net);
    CHECK(test_net_until(&net, raw_ended, &fds[2]));
    test_net_members(&net, 2);
    close(fds[0]);
    test_net_members(&net, 1);
    fds[0] = test_net_raw(&net);
    test_net_members(&net, 2);
    for (size_t i = 0; i < 3; i++) close(fds[i]);
    test_net_members(&net, 0);
    net_over(&net);
}

/* Without descriptors nothing can be accepted: the server neither spins nor forgets who waits. */
TEST(a_server_without_descriptors_rests_and_goes_on)
{
    struct rlimit limit, none;
    size_t turns = 0;
    uint64_t end_ms;
    test_net net;
    int fd;

    test_net_begin(&net, test_mem());
    test_net_listen(&net, "tcp://127.0.0.1:0", NULL);
    fd = test_net_raw(&net);
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    none = (struct rlimit){.rlim_cur = (rlim_t)fd + 1, .rlim_max = limit.rlim_max};
    CHECK(setrlimit(RLIMIT_NOFILE, &none) == 0);
    end_ms = net.env->ticks_ms(net.env->ctx) + 50;
    while (net.env->ticks_ms(net.env->ctx) < end_ms) {
        CHECK(net.env->turn(net.env->ctx) == MT_OK);
        turns++;
    }
    CHECK(turns < 20);
    CHECK(mt_group_count(mt_server_group(net.server)) == 0);
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    test_net_members(&net, 1);
    close(fd);
    net_over(&net);
}

TEST(a_peer_that_is_gone_raises_no_signal)
{
    mt_connection *here;
    test_net net;
    int fd;

    signal(SIGPIPE, SIG_DFL);
    test_net_begin(&net, test_mem());
    test_net_listen(&net, "tcp://127.0.0.1:0", NULL);
    fd = test_net_raw(&net);
    here = member(&net);
    close(fd);
    for (size_t i = 0; i < 100 && !mt_connection_ended(here); i++) {
        mt_status st = mt_connection_send(here, mt_str("x"));

        (void)st;
        test_net_pass(&net, 1);
    }
    test_net_members(&net, 0);
    mt_connection_unref(here);
    net_over(&net);
}

/* ---- Silence ---- */

TEST(a_silent_peer_is_asked_and_then_given_up)
{
    static const mt_server_options options = {
        .size = sizeof options, .ping_ms = 10, .silence_ms = 40};
    test_heard heard = {0};
    test_listener events = {.heard = &heard, .name = "h", .say = test_say_connection_event};
    mt_connection *here;
    uint8_t ping[4];
    test_net net;
    int fd;

    test_net_begin(&net, test_mem());
    test_net_listen(&net, "tcp://127.0.0.1:0", &options);
    fd = test_net_raw(&net);
    here = member(&net);
    test_listen(&events, mt_connection_events(here));
    raw_get(&net, fd, ping, sizeof ping);
    CHECK(memcmp(ping, "\x11\0\0\0", 4) == 0);
    CHECK(test_net_until(&net, raw_ended, &fd));
    test_net_members(&net, 0);
    heard.text[heard.len] = '\0';
    CHECK(strstr(heard.text, "h:closed h!nothing has come from the peer for ") == heard.text);
    test_unlisten(&events);
    mt_connection_unref(here);
    close(fd);
    net_over(&net);
}

TEST(idle_links_keep_each_other_alive_also_where_nobody_listens)
{
    static const mt_server_options served = {
        .size = sizeof served, .ping_ms = 5, .silence_ms = 500};
    static const mt_dial_options dialed = {.size = sizeof dialed,
                                           .ping_ms = 5,
                                           .silence_ms = 500,
                                           .retry_min_ms = 100000,
                                           .retry_max_ms = 100000};
    mt_connection *there, *here;
    test_net net;

    test_net_begin(&net, test_mem());
    test_net_listen(&net, "tcp://127.0.0.1:0", &served);
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

/* ---- Memory ---- */

TEST(an_idle_link_costs_little)
{
    enum { COUNT = 50 };
    mt_connection *there[COUNT];
    size_t before, dialed, accepted;
    int fds[COUNT];
    test_net net;

    test_net_begin(&net, test_mem());
    test_net_listen(&net, "tcp://127.0.0.1:0", NULL);
    before = test_mem_live();
    for (size_t i = 0; i < COUNT; i++) {
        char id[16];
        mt_dial_options options = {.size = sizeof options};

        snprintf(id, sizeof id, "%zu", i);
        options.id = mt_str(id);
        there[i] = test_net_dial(&net, &options);
    }
    dialed = (test_mem_live() - before) / COUNT;
    test_net_members(&net, COUNT);
    for (size_t i = 0; i < COUNT; i++) test_net_online(&net, there[i], true);
    for (size_t i = 0; i < COUNT; i++) mt_connection_unref(there[i]);
    test_net_members(&net, 0);
    test_net_settle(&net);
    before = test_mem_live();
    for (size_t i = 0; i < COUNT; i++) {
        fds[i] = test_net_raw(&net);
        CHECK(send(fds[i], "\x10\x05\0\0hello", 9, MSG_NOSIGNAL) == 9);
    }
    test_net_members(&net, COUNT);
    test_net_settle(&net);
    accepted = (test_mem_live() - before) / COUNT;
    print_message("a dialed link: %zu bytes, an accepted one: %zu\n", dialed, accepted);
    CHECK(dialed <= 4096 && accepted <= 4096);
    for (size_t i = 0; i < COUNT; i++) close(fds[i]);
    net_over(&net);
}

TEST(each_allocation_may_fail_once)
{
    size_t n = 0;

    for (;; n++) {
        fail_mem fm = {.fail_at = n};

        test_net_with_memory(&fm, "tcp://127.0.0.1:0");
        CHECK(fm.live_bytes == 0);
        if (!fm.tripped) break;
    }
    CHECK(n > 10 && test_mem_live() == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_dialed_link_is_named_by_its_url_and_an_accepted_one_by_a_number),
        cmocka_unit_test(a_link_over_ipv6_is_a_link),
        cmocka_unit_test(a_host_may_be_a_name),
        cmocka_unit_test(a_host_that_there_is_not_is_said_to_be_unknown),
        cmocka_unit_test(a_url_to_listen_on_has_an_address_and_may_be_of_this_machine),
        cmocka_unit_test(only_addresses_of_this_machine_are_listened_on_unless_any_may_be),
        cmocka_unit_test(who_listens_anywhere_is_reached_from_this_machine_too),
        cmocka_unit_test(what_cannot_be_dialed_is_refused),
        cmocka_unit_test(a_port_that_somebody_listens_on_is_busy),
        cmocka_unit_test(a_unix_socket_is_its_owners_alone_and_goes_with_its_server),
        cmocka_unit_test(a_live_unix_socket_is_busy_and_a_stale_one_is_replaced),
        cmocka_unit_test(a_file_that_is_no_socket_is_left_alone),
        cmocka_unit_test(a_socket_that_is_connected_to_itself_is_found_out),
        cmocka_unit_test(links_work_on_a_joined_loop),
        cmocka_unit_test(a_dialed_link_comes_back_when_its_server_does),
        cmocka_unit_test(a_dialed_link_that_is_dropped_says_why_and_comes_back),
        cmocka_unit_test(a_link_may_be_dropped_inside_a_message),
        cmocka_unit_test(an_accepted_link_that_is_dropped_is_closed),
        cmocka_unit_test(a_link_that_is_to_connect_once_closes_where_others_come_back),
        cmocka_unit_test(limits_of_silence_follow_each_other),
        cmocka_unit_test(waits_double_up_to_a_bound_and_are_drawn_from_their_upper_half),
        cmocka_unit_test(an_attempt_may_be_hurried),
        cmocka_unit_test(garbage_ends_a_link_with_a_word_about_it),
        cmocka_unit_test(a_link_with_a_limit_ends_where_a_longer_message_begins),
        cmocka_unit_test(a_link_that_ends_inside_a_message_says_so),
        cmocka_unit_test(messages_may_come_byte_by_byte),
        cmocka_unit_test(a_peer_that_never_reads_costs_no_more_than_the_buffer),
        cmocka_unit_test(a_peer_that_pings_and_never_reads_fills_nothing),
        cmocka_unit_test(who_is_one_too_many_is_turned_away),
        cmocka_unit_test(a_server_without_descriptors_rests_and_goes_on),
        cmocka_unit_test(a_peer_that_is_gone_raises_no_signal),
        cmocka_unit_test(a_silent_peer_is_asked_and_then_given_up),
        cmocka_unit_test(idle_links_keep_each_other_alive_also_where_nobody_listens),
        cmocka_unit_test(an_idle_link_costs_little),
        cmocka_unit_test(each_allocation_may_fail_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
