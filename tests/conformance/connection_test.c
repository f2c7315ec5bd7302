/* connection_test.c - pipes keep the contract of transports. */
#include "test_env.h"
#include <mytosis/conformance.h>
#include <mytosis/plugin/pipe.h>
#include <stdio.h>

typedef struct pipe_subject {
    test_env te;
    mt_pipe_options options;
    mt_connection *end; /* of the pipe made last; held */
} pipe_subject;

static mt_status pipe_connect(void *ctx, mt_connection **a, mt_connection **b, mt_error *err)
{
    pipe_subject *s = ctx;
    mt_status st = mt_pipe_new(&s->te.env, &s->options, a, b, err);

    s->end = st == MT_OK ? *a : NULL;
    return st;
}

static void pipe_cut(void *ctx)
{
    CHECK(mt_pipe_cut(((pipe_subject *)ctx)->end) == MT_OK);
}

static void pipe_mend(void *ctx)
{
    CHECK(mt_pipe_restore(((pipe_subject *)ctx)->end) == MT_OK);
}

static void say(void *ctx, const char *check, const char *violation)
{
    (void)ctx;
    if (violation) printf("    not so: %s: %s\n", check, violation);
}

static void conforms(mt_pipe_options options)
{
    pipe_subject s = {.options = options};
    const mt_conformance_connection subject = {.size = sizeof subject,
                                               .env = &s.te.env,
                                               .connect = pipe_connect,
                                               .cut = pipe_cut,
                                               .mend = pipe_mend,
                                               .seed = 8831,
                                               .ctx = &s,
                                               .report = say};
    mt_error err;

    s.options.size = sizeof options;
    test_env_init(&s.te, 1, test_mem());
    if (mt_conformance_connection_run(&subject, &err) != MT_OK) fail_msg("%s", err.text);
    test_env_run(&s.te);
    test_env_end(&s.te);
    CHECK(test_mem_live() == 0);
}

TEST(pipes_conform)
{
    conforms((mt_pipe_options){0});
}

TEST(slow_pipes_conform)
{
    conforms((mt_pipe_options){.latency_ms = 7});
}

TEST(pipes_with_hardly_any_room_conform)
{
    conforms((mt_pipe_options){.queued_max = 1});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pipes_conform),
        cmocka_unit_test(slow_pipes_conform),
        cmocka_unit_test(pipes_with_hardly_any_room_conform),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
