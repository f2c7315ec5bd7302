#include "test_socket.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

static void ring(void *arg)
{
    *(bool *)arg = true;
}

static bool turn_until(test_net *net, bool (*done)(void *ctx), void *ctx, uint64_t ms)
{
    const mt_env *env = net->env;
    bool rang = false, is_done;
    mt_timer timer = {.fire = ring, .arg = &rang};

    env->timer_set(env->ctx, &timer, ms);
    while (!(is_done = done && done(ctx)) && !rang) {
        if (env->turn(env->ctx) != MT_OK) break;
    }
    env->timer_stop(env->ctx, &timer);
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
