/* socket_test.c - links over sockets keep the contract of transports. */
#include "test_socket.h"
#include <mytosis/conformance.h>
#include <stdio.h>

typedef struct net_subject {
    test_net net;
    bool swapped; /* the first end is the accepted one */
} net_subject;

/* Dials its own server, so that the suite has both ends. */
static mt_status net_connect(void *ctx, mt_connection **a, mt_connection **b, mt_error *err)
{
    static const mt_dial_options options = {.size = sizeof options, .once = true};
    net_subject *s = ctx;
    mt_connection *there, *here;
    mt_status st;

    test_net_members(&s->net, 0);
    if ((st = mt_dial(s->net.env, s->net.url, &options, &there, err)) != MT_OK) return st;
    test_net_online(&s->net, there, true);
    test_net_members(&s->net, 1);
    here = mt_connection_ref(mt_group_at(mt_server_group(s->net.server), 0));
    /* The suite alone holds its first end, to let go of it. */
    if (s->swapped) CHECK(mt_group_remove(mt_server_group(s->net.server), here) == MT_OK);
    *a = s->swapped ? here : there;
    *b = s->swapped ? there : here;
    return MT_OK;
}

static void say(void *ctx, const char *check, const char *violation)
{
    (void)ctx;
    if (violation) printf("    not so: %s: %s\n", check, violation);
}

static void conforms(const char *url, bool swapped)
{
    net_subject s = {.swapped = swapped};
    mt_conformance_connection subject = {
        .size = sizeof subject, .connect = net_connect, .seed = 8831, .ctx = &s, .report = say};
    mt_error err;

    test_net_begin(&s.net, test_mem());
    test_net_listen(&s.net, url ? url : test_net_unix_url(&s.net), NULL);
    subject.env = s.net.env;
    if (mt_conformance_connection_run(&subject, &err) != MT_OK) fail_msg("%s", err.text);
    test_net_end(&s.net);
    CHECK(test_mem_live() == 0);
}

TEST(links_over_tcp_conform_from_both_ends)
{
    conforms("tcp://127.0.0.1:0", false);
    conforms("tcp://127.0.0.1:0", true);
}

TEST(links_over_unix_sockets_conform_from_both_ends)
{
    conforms(NULL, false);
    conforms(NULL, true);
}

TEST(links_over_websocket_conform_from_both_ends)
{
    conforms("ws://127.0.0.1:0/sync", false);
    conforms("ws://127.0.0.1:0/sync", true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(links_over_tcp_conform_from_both_ends),
        cmocka_unit_test(links_over_unix_sockets_conform_from_both_ends),
        cmocka_unit_test(links_over_websocket_conform_from_both_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
