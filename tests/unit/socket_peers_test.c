/* Our WebSocket against peers that others wrote: Python's sockets and tests/peers/websocket.py, and node's
 * package ws where that is installed. They send back what they get. */
#include "test_heard.h"
#include "test_socket.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- Their process ---- */

typedef struct peer {
    const char *program; /* "python3" */
    const char *script;  /* "websocket.py" */
} peer;

static const peer python = {"python3", "websocket.py"}, node = {"node", "websocket.cjs"};

typedef struct process {
    pid_t id;
    int out; /* what it prints */
    int status;
} process;

static process spawn(const peer *of, const char *role, const char *port)
{
    const char *vectors = getenv("MYTOSIS_VECTORS");
    process p = {.id = -1};
    char script[512];
    int ends[2];

    snprintf(script, sizeof script, "%s/../peers/%s", vectors ? vectors : "tests/vectors",
             of->script);
    CHECK(pipe(ends) == 0);
    CHECK((p.id = fork()) >= 0);
    if (p.id == 0) {
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        execlp(of->program, of->program, script, role, "127.0.0.1", port, "/echo", (char *)NULL);
        _exit(77); /* it is not installed */
    }
    close(ends[1]);
    p.out = ends[0];
    return p;
}

static bool is_over(void *ctx)
{
    process *p = ctx;

    return waitpid(p->id, &p->status, WNOHANG) == p->id;
}

static void leaves_well(test_net *net, process *p)
{
    CHECK(test_net_until(net, is_over, p));
    close(p->out);
    CHECK(WIFEXITED(p->status));
    assert_int_equal(WEXITSTATUS(p->status), 0);
}

/* Where all is checked it has to be there. */
static void not_installed(const peer *of, const process *p)
{
    if (WEXITSTATUS(p->status) != 77) fail_msg("it left with %d", WEXITSTATUS(p->status));
    print_message("%s or its package is not installed\n", of->program);
    if (getenv("CI")) fail_msg("scripts/setup test installs it");
    skip();
}

/* ---- Echoes ---- */

static const size_t lens[] = {1, 2, 125, 126, 127, 65535, 65536, 300000, MT_MESSAGE_LEN_MAX};

typedef struct echo {
    mt_connection *connection;
    size_t at;        /* of `lens`, what is awaited */
    bool good, waits; /* for room: a ping may be on its way */
} echo;

static uint8_t byte_at(size_t at, size_t i)
{
    return (uint8_t)(i * 31 + i / 256 + at);
}

static void echo_send(echo *e)
{
    size_t len = lens[e->at];
    static uint8_t bytes[MT_MESSAGE_LEN_MAX];
    mt_status st;

    for (size_t i = 0; i < len; i++) bytes[i] = byte_at(e->at, i);
    st = mt_connection_send(e->connection, (mt_bytes){bytes, len});
    e->waits = st == MT_AGAIN;
    CHECK(st == MT_OK || st == MT_AGAIN);
}

static void on_event(void *ctx, const void *event)
{
    const mt_connection_event *told = event;
    echo *e = ctx;

    if (told->kind == MT_CONNECTION_WRITABLE && e->waits) echo_send(e);
}

static void on_message(void *ctx, const void *event)
{
    const mt_message *message = event;
    echo *e = ctx;

    e->good = e->good && e->at < TEST_COUNT(lens) && message->bytes.len == lens[e->at];
    for (size_t i = 0; e->good && i < message->bytes.len; i++) {
        e->good = message->bytes.data[i] == byte_at(e->at, i);
    }
    e->at++;
    if (e->good && e->at < TEST_COUNT(lens)) echo_send(e);
}

static bool all_came(void *ctx)
{
    const echo *e = ctx;

    return !e->good || e->at == TEST_COUNT(lens);
}

static bool has_ended(void *ctx)
{
    return mt_connection_ended(ctx);
}

/* Sends one message after the other, and then either side closes. */
static void echoes(test_net *net, mt_connection *connection, bool they_close)
{
    echo e = {.connection = connection, .good = true};
    const mt_subscriber messages = {on_message, NULL, &e}, events = {on_event, NULL, &e};
    mt_subscription *to_messages, *to_events;

    CHECK(mt_event_stream_subscribe(mt_connection_messages(connection), &messages, &to_messages) ==
          MT_OK);
    CHECK(mt_event_stream_subscribe(mt_connection_events(connection), &events, &to_events) ==
          MT_OK);
    echo_send(&e);
    CHECK(test_net_until(net, all_came, &e) && e.good);
    if (they_close) CHECK(mt_connection_send(connection, mt_str("close")) == MT_OK);
    else mt_connection_close(connection);
    CHECK(test_net_until(net, has_ended, connection));
    mt_subscription_dispose(to_messages);
    mt_subscription_dispose(to_events);
}

static void net_over(test_net *net)
{
    test_net_end(net);
    CHECK(test_mem_live() == 0);
}

/* ---- Their client, our server ---- */

static bool came_or_over(void *ctx)
{
    void **both = ctx;

    return mt_group_count(mt_server_group(((test_net *)both[0])->server)) == 1 ||
           waitpid(((process *)both[1])->id, &((process *)both[1])->status, WNOHANG) > 0;
}

static void their_client(const peer *of, bool they_close)
{
    static const mt_server_options options = {
        .size = sizeof options, .ping_ms = 5, .silence_ms = 20000};
    mt_connection *here;
    char port[8];
    test_net net;
    process p;

    test_net_begin(&net, test_mem());
    test_net_listen(&net, "ws://127.0.0.1:0/echo", &options);
    snprintf(port, sizeof port, "%lu", strtoul(net.url + strlen("ws://127.0.0.1:"), NULL, 10));
    p = spawn(of, "client", port);
    CHECK(test_net_until(&net, came_or_over, (void *[]){&net, &p}));
    if (mt_group_count(mt_server_group(net.server)) == 0) {
        close(p.out);
        net_over(&net);
        not_installed(of, &p);
    }
    here = mt_connection_ref(mt_group_at(mt_server_group(net.server), 0));
    echoes(&net, here, they_close);
    mt_connection_unref(here);
    leaves_well(&net, &p);
    net_over(&net);
}

/* ---- Our client, their server ---- */

static void their_server(const peer *of, bool they_close)
{
    static const mt_dial_options options = {
        .size = sizeof options, .ping_ms = 5, .silence_ms = 20000, .once = true};
    process p = spawn(of, "server", "0");
    mt_connection *there;
    char port[8] = "";
    test_net net;

    if (read(p.out, port, sizeof port - 1) <= 0) {
        CHECK(waitpid(p.id, &p.status, 0) == p.id);
        close(p.out);
        not_installed(of, &p);
    }
    test_net_begin(&net, test_mem());
    snprintf(net.url, sizeof net.url, "ws://127.0.0.1:%lu/echo", strtoul(port, NULL, 10));
    there = test_net_dial(&net, &options);
    test_net_online(&net, there, true);
    echoes(&net, there, they_close);
    mt_connection_unref(there);
    leaves_well(&net, &p);
    net_over(&net);
}

TEST(a_client_in_python_gets_back_and_forth)
{
    their_client(&python, false);
}

TEST(a_client_in_python_may_close)
{
    their_client(&python, true);
}

TEST(a_server_in_python_gets_back_and_forth)
{
    their_server(&python, false);
}

TEST(a_server_in_python_may_close)
{
    their_server(&python, true);
}

TEST(a_client_of_nodes_ws_gets_back_and_forth)
{
    their_client(&node, false);
}

TEST(a_client_of_nodes_ws_may_close)
{
    their_client(&node, true);
}

TEST(a_server_of_nodes_ws_gets_back_and_forth)
{
    their_server(&node, false);
}

TEST(a_server_of_nodes_ws_may_close)
{
    their_server(&node, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_client_in_python_gets_back_and_forth),
        cmocka_unit_test(a_client_in_python_may_close),
        cmocka_unit_test(a_server_in_python_gets_back_and_forth),
        cmocka_unit_test(a_server_in_python_may_close),
        cmocka_unit_test(a_client_of_nodes_ws_gets_back_and_forth),
        cmocka_unit_test(a_client_of_nodes_ws_may_close),
        cmocka_unit_test(a_server_of_nodes_ws_gets_back_and_forth),
        cmocka_unit_test(a_server_of_nodes_ws_may_close),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
