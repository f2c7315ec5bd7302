/* Links over TLS keep the contract of transports. */
#include "test_tls.h"

static void conforms(bool swapped)
{
    mt_dial_options options = {.size = sizeof options, .once = true};
    test_net net;

    test_tls_begin(&net);
    test_tls_listen(&net, "wss://127.0.0.1:0/sync", "here");
    options.ca_file = test_tls_file("ca.pem");
    test_net_conforms(&net, &options, swapped);
    test_tls_end(&net);
}

TEST(links_over_tls_conform_from_both_ends)
{
    conforms(false);
    conforms(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(links_over_tls_conform_from_both_ends),
    };

    return cmocka_run_group_tests(tests, NULL, test_tls_over);
}
