/* socket_test.c - links over sockets keep the contract of transports. */
#include "test_socket.h"
#include <mytosis/conformance.h>
#include <stdio.h>

/* Dials its own server, so that the suite has both ends. */
static mt_status net_connect(void *ctx, mt_connection **a, mt_connection **b, mt_error *err)
{
    static const mt_dial_options options = {.size = sizeof options, .once = true};
    test_net *net = ctx;
    mt_group *group = mt_server_group(net->server);
    mt_status st;

    test_net_members(net, 0);
    if ((st = mt_dial(net->env, net->url, &options, a, err)) != MT_OK) return st;
    test_net_online(net, *a, true);
    test_net_members(net, 1);
    *b = mt_connection_ref(mt_group_at(group, 0));
    return MT_OK;
}

static void say(void *ctx, const char *check, const char *violation)
{
    (void)ctx;
    if (violation) printf("    not so: %s: %s\n", check, violation);
}

static void conforms(test_net *net)
{
    const mt_conformance_connection subject = {.size = sizeof subject,
                                               .env = net->env,
                                               .connect = net_connect,
                                               .seed = 8831,
                                               .ctx = net,
                                               .report = say};
    mt_error err;

    if (mt_conformance_connection_run(&subject, &err) != MT_OK) fail_msg("%s", err.text);
}

TEST(links_over_tcp_conform)
{
    test_net net;

    test_net_begin(&net, test_mem());
    test_net_listen(&net, "tcp://127.0.0.1:0", NULL);
    conforms(&net);
    test_net_end(&net);
    CHECK(test_mem_live() == 0);
}

TEST(links_over_unix_sockets_conform)
{
    test_net net;

    test_net_begin(&net, test_mem());
    test_net_listen(&net, test_net_unix_url(&net), NULL);
    conforms(&net);
    test_net_end(&net);
    CHECK(test_mem_live() == 0);
}

TEST(links_over_websocket_conform)
{
    test_net net;

    test_net_begin(&net, test_mem());
    test_net_listen(&net, "ws://127.0.0.1:0/sync", NULL);
    conforms(&net);
    test_net_end(&net);
    CHECK(test_mem_live() == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(links_over_tcp_conform),
        cmocka_unit_test(links_over_unix_sockets_conform),
        cmocka_unit_test(links_over_websocket_conform),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
