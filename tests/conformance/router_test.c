/* router_test.c - the relaying router of the examples keeps the contract of routers. */
#include "test_env.h"

#include <mytosis/conformance.h>

/* Its program has a main of its own. */
#define main relay_router_main
#include "../../examples/relay_router.c" /* NOLINT(bugprone-suspicious-include) */
#undef main

static mt_status make(void *ctx, mt_router *out, mt_error *err)
{
    (void)ctx;
    (void)err;
    *out = relay_router_new();
    return MT_OK;
}

static void say(void *ctx, const char *check, const char *violation)
{
    (void)ctx;
    if (violation) printf("    not so: %s: %s\n", check, violation);
}

TEST(relay_router_of_the_examples_conforms)
{
    test_env te;
    mt_conformance_router subject = {.size = sizeof subject,
                                     .env = &te.env,
                                     .make = make,
                                     .tells = true,
                                     .relays = true,
                                     .asks = true,
                                     .catches_up = true,
                                     .seed = 8831,
                                     .report = say};
    mt_error err;

    test_env_init(&te, 1, test_mem());
    if (mt_conformance_router_run(&subject, &err) != MT_OK) fail_msg("%s", err.text);
    test_env_run(&te);
    test_env_end(&te);
    CHECK(test_mem_live() == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(relay_router_of_the_examples_conforms),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
