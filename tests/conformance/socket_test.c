/* socket_test.c - links over sockets keep the contract of transports. */
#include "test_socket.h"

static void conforms(const char *url, bool swapped)
{
    static const mt_dial_options options = {.size = sizeof options, .once = true};
    test_net net;

    test_net_begin(&net, test_mem());
    test_net_listen(&net, url ? url : test_net_unix_url(&net), NULL);
    test_net_conforms(&net, &options, swapped);
    test_net_end(&net);
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
