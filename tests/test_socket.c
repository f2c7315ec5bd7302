#include "test_socket.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <mytosis/conformance.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define WAIT_MS 20000

void test_net_begin(test_net *net, const mt_mem *mem)
{
    *net = (test_net){0};
    CHECK(mt_loop_new(mem, &net->loop) == MT_OK);
    net->env = mt_loop_env(net->loop);
}

void test_net_end(test_net *net)
{
    mt_server_close(net->server);
    CHECK(mt_loop_run(net->loop) == MT_OK);
    mt_loop_free(net->loop);
    if (net->folder[0]) CHECK(rmdir(net->folder) == 0);
}

const char *test_net_unix_url(test_net *net)
{
    if (!net->folder[0]) {
        snprintf(net->folder, sizeof net->folder, "/tmp/mytosis-socket-XXXXXX");
        CHECK(mkdtemp(net->folder) != NULL);
    }
    snprintf(net->url, sizeof net->url, "unix:%s/s", net->folder);
    return net->url;
}

void test_net_listen(test_net *net, const char *url, const mt_server_options *options)
{
    mt_error err = {.status = MT_OK};

    if (mt_server_new(net->env, url, options, &net->server, &err) != MT_OK)
        fail_msg("%s", err.text);
    snprintf(net->url, sizeof net->url, "%s", mt_server_url(net->server));
}

mt_connection *test_net_dial(test_net *net, const mt_dial_options *options)
{
    mt_connection *connection = NULL;
    mt_error err = {.status = MT_OK};

    if (mt_dial(net->env, net->url, options, &connection, &err) != MT_OK) fail_msg("%s", err.text);
    return connection;
}

/* ---- Turning ---- */

/* Rings often, since what is waited for may be no matter of the loop's. */
#define TICK_MS 2

typedef struct bell {
    mt_timer timer;
    const mt_env *env;
    uint64_t end_ms;
    bool rang; /* for the last time */
} bell;

static void ring(void *arg)
{
    bell *b = arg;
    uint64_t now_ms = b->env->ticks_ms(b->env->ctx), left_ms = b->end_ms - now_ms;

    b->rang = now_ms >= b->end_ms;
    if (b->rang) return;
    b->env->timer_set(b->env->ctx, &b->timer, left_ms < TICK_MS ? left_ms : TICK_MS);
}

static bool turn_until(test_net *net, bool (*done)(void *ctx), void *ctx, uint64_t ms)
{
    const mt_env *env = net->env;
    bell b = {.timer = {.fire = ring, .arg = &b}, .env = env};
    bool is_done;

    b.end_ms = env->ticks_ms(env->ctx) + ms;
    ring(&b);
    while (!(is_done = done && done(ctx)) && !b.rang) {
        if (env->turn(env->ctx) != MT_OK) break;
    }
    env->timer_stop(env->ctx, &b.timer);
    return is_done;
}

bool test_net_until(test_net *net, bool (*done)(void *ctx), void *ctx)
{
    return turn_until(net, done, ctx, WAIT_MS);
}

void test_net_pass(test_net *net, uint64_t ms)
{
    turn_until(net, NULL, NULL, ms);
}

void test_net_settle(test_net *net)
{
    test_net_pass(net, 20);
}

typedef struct awaited {
    const mt_group *group;
    const mt_connection *connection;
    size_t count;
    bool online;
} awaited;

static bool has_members(void *ctx)
{
    const awaited *a = ctx;

    return mt_group_count(a->group) == a->count;
}

static bool is_as_awaited(void *ctx)
{
    const awaited *a = ctx;

    return mt_connection_offline(a->connection) != a->online;
}

void test_net_members(test_net *net, size_t count)
{
    awaited a = {.group = mt_server_group(net->server), .count = count};

    CHECK(test_net_until(net, has_members, &a));
}

void test_net_online(test_net *net, mt_connection *connection, bool online)
{
    awaited a = {.connection = connection, .online = online};

    if (test_net_until(net, is_as_awaited, &a)) return;
    fail_msg("not %s: %s", online ? "online" : "offline",
             mt_dial_error(connection) ? mt_dial_error(connection)->text : "");
}

/* ---- Peers ---- */

int test_net_raw(const test_net *net)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    const char *port = strrchr(net->url, ':');

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    at.sin_port = htons((uint16_t)strtoul(port + 1, NULL, 10));
    CHECK(fd >= 0 && connect(fd, (struct sockaddr *)&at, sizeof at) == 0);
    CHECK(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
    return fd;
}

void test_net_with_memory(fail_mem *fm, const char *url)
{
    static const mt_dial_options options = {.size = sizeof options, .once = true};

    test_net_with_options(fm, url, NULL, &options);
}

void test_net_with_options(fail_mem *fm, const char *url, const mt_server_options *served,
                           const mt_dial_options *dialed)
{
    mt_loop *loop = NULL;
    mt_server *server = NULL;
    mt_connection *there = NULL;
    const mt_env *env;

    if (mt_loop_new(fail_mem_hook(fm), &loop) != MT_OK) return;
    env = mt_loop_env(loop);
    if (mt_server_new(env, url, served, &server, NULL) == MT_OK &&
        mt_dial(env, mt_server_url(server), dialed, &there, NULL) == MT_OK) {
        for (size_t i = 0; i < 60 && !mt_connection_ended(there); i++) {
            mt_group_sent sent = mt_group_send(mt_server_group(server), mt_str("from the server"));
            mt_status st = mt_connection_send(there, mt_str("from the client"));

            (void)sent;
            (void)st;
            if (env->turn(env->ctx) != MT_OK) break;
        }
    }
    mt_connection_unref(there);
    mt_server_close(server);
    CHECK(mt_loop_run(loop) == MT_OK);
    mt_loop_free(loop);
}

/* ---- Conformance ---- */

typedef struct net_subject {
    test_net *net;
    const mt_dial_options *options;
    bool swapped; /* the first end is the accepted one */
} net_subject;

/* Dials its own server, so that the suite has both ends. */
static mt_status net_connect(void *ctx, mt_connection **a, mt_connection **b, mt_error *err)
{
    net_subject *s = ctx;
    mt_connection *there, *here;
    mt_status st;

    test_net_members(s->net, 0);
    if ((st = mt_dial(s->net->env, s->net->url, s->options, &there, err)) != MT_OK) return st;
    test_net_online(s->net, there, true);
    test_net_members(s->net, 1);
    here = mt_connection_ref(mt_group_at(mt_server_group(s->net->server), 0));
    /* The suite alone holds its first end, to let go of it. */
    if (s->swapped) CHECK(mt_group_remove(mt_server_group(s->net->server), here) == MT_OK);
    *a = s->swapped ? here : there;
    *b = s->swapped ? there : here;
    return MT_OK;
}

static void say(void *ctx, const char *check, const char *violation)
{
    (void)ctx;
    if (violation) printf("    not so: %s: %s\n", check, violation);
}

void test_net_conforms(test_net *net, const mt_dial_options *options, bool swapped)
{
    net_subject s = {net, options, swapped};
    mt_conformance_connection subject = {.size = sizeof subject,
                                         .connect = net_connect,
                                         .env = net->env,
                                         .seed = 8831,
                                         .ctx = &s,
                                         .report = say};
    mt_error err;

    if (mt_conformance_connection_run(&subject, &err) != MT_OK) fail_msg("%s", err.text);
}
