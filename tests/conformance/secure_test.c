/* secure_test.c - secured connections keep the contract of transports. */
#include "test_secure.h"

#include <mytosis/conformance.h>
#include <stdio.h>

typedef struct subject {
    test_secure w;
    mt_pipe_options options;
    mt_connection *link; /* the pipe made last; held */
} subject;

static mt_status connect_two(void *ctx, mt_connection **a, mt_connection **b, mt_error *err)
{
    subject *s = ctx;
    mt_secure_peer peer = {.size = sizeof peer, .device = mt_secure_device(s->w.ends[1].secure)};
    mt_connection *near, *far;

    mt_connection_unref(s->link);
    CHECK(mt_pipe_new(&s->w.te.env, &s->options, &near, &far, err) == MT_OK);
    CHECK(mt_secure_dial(s->w.ends[0].secure, near, &peer, a, err) == MT_OK);
    CHECK(mt_secure_accept(s->w.ends[1].secure, far, b, err) == MT_OK);
    mt_connection_unref(far);
    s->link = near;
    return MT_OK;
}

static void cut(void *ctx)
{
    CHECK(mt_pipe_cut(((subject *)ctx)->link) == MT_OK);
}

static void mend(void *ctx)
{
    CHECK(mt_pipe_restore(((subject *)ctx)->link) == MT_OK);
}

static void say(void *ctx, const char *check, const char *violation)
{
    (void)ctx;
    if (violation) printf("    not so: %s: %s\n", check, violation);
}

static void conforms(mt_pipe_options options)
{
    subject s = {.options = options};
    const mt_conformance_connection tried = {.size = sizeof tried,
                                             .env = &s.w.te.env,
                                             .connect = connect_two,
                                             .cut = cut,
                                             .mend = mend,
                                             .seed = 8831,
                                             .ctx = &s,
                                             .report = say};
    mt_error err;

    s.options.size = sizeof options;
    test_secure_begin(&s.w);
    if (mt_conformance_connection_run(&tried, &err) != MT_OK) fail_msg("%s", err.text);
    mt_connection_unref(s.link);
    test_secure_end_all(&s.w);
}

TEST(secured_pipes_conform)
{
    conforms((mt_pipe_options){0});
}

TEST(secured_slow_pipes_conform)
{
    conforms((mt_pipe_options){.latency_ms = 7});
}

TEST(secured_pipes_with_hardly_any_room_conform)
{
    conforms((mt_pipe_options){.queued_max = 1});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(secured_pipes_conform),
        cmocka_unit_test(secured_slow_pipes_conform),
        cmocka_unit_test(secured_pipes_with_hardly_any_room_conform),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
