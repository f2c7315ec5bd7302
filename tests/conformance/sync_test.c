/* sync_test.c - the sync router passes the suite for routers, with all that it tries. */
#include "test_env.h"

#include <mytosis/conformance.h>
#include <mytosis/plugin/sync.h>
#include <stdio.h>

typedef struct subject {
    test_env te;
    mt_sync_options options;
} subject;

static mt_status make(void *ctx, mt_router *out, mt_error *err)
{
    const subject *s = ctx;

    return mt_router_sync(&s->te.env, &s->options, out, err);
}

static void say(void *ctx, const char *check, const char *violation)
{
    (void)ctx;
    if (violation) printf("    not so: %s: %s\n", check, violation);
}

static void conforms(subject *s, mt_conformance_router suite)
{
    mt_error err;

    s->options.size = sizeof s->options;
    test_env_init(&s->te, 1, test_mem());
    suite.size = sizeof suite;
    suite.env = &s->te.env;
    suite.make = make;
    suite.ctx = s;
    suite.seed = 8831;
    suite.report = say;
    if (mt_conformance_router_run(&suite, &err) != MT_OK) fail_msg("%s", err.text);
    test_env_run(&s->te);
    test_env_end(&s->te);
    CHECK(test_mem_live() == 0);
}

TEST(router_that_replicates_everything_conforms)
{
    static subject s;

    conforms(&s, (mt_conformance_router){.tells = true, .relays = true, .catches_up = true});
}

TEST(router_that_replicates_nothing_asks)
{
    static const mt_sync_range given = {.pull_none = true};
    static subject s = {.options = {.ranges = &given, .range_count = 1}};

    conforms(&s, (mt_conformance_router){.asks = true});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(router_that_replicates_everything_conforms),
        cmocka_unit_test(router_that_replicates_nothing_asks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
