/* Pull: who is asked for what is not in memory, and what becomes of the answers. */
#include "test.h"
#include "test_notation.h"
#include "test_router.h"

#include <stdio.h>

TEST(all_that_is_missing_in_memory_is_asked_in_one_request)
{
    test_call r = {.name = "r"};
    test_routed t;

    test_routed_init(&t);
    test_storage_put(&t.s.ts, "bob n=1@1, dan n=1@1");
    test_routed_open(&t, NULL);
    test_write(t.db, "ada n=1");
    t.s.heard.len = 0;
    t.s.ts.quiet = false;
    t.s.ts.heard.len = 0;
    t.r.pull_rows = "cyd n=3@3";
    CHECK(test_call_read(&r, t.db, "dan cyd bob ada cyd eve", NULL) == MT_OK);
    test_env_run(&t.s.t.te);
    test_call_is(&r, MT_OK, NULL);
    assert_string_equal(r.nodes, "dan cyd bob ada cyd -");
    test_heard_is(&t.s.heard, "pull(bob,cyd,dan,eve) untold(cyd)");
    test_read_is(t.db, "cyd", "{\"n\":3}");
    test_routed_end(&t);
}

TEST(read_waits_for_the_last_answer_and_merges_all)
{
    test_call r = {.name = "r"};
    test_routed t;

    test_routed_begin(&t);
    t.r.holds = true;
    CHECK(test_call_read(&r, t.db, "ada bob", NULL) == MT_OK);
    test_env_run(&t.s.t.te);
    test_router_pull(&t.r, 0, (mt_pull_answer){.more = true}, "ada n=1@4 m=1@1");
    test_env_run(&t.s.t.te);
    assert_int_equal(r.a.count, 0);
    test_peek_is(t.db, "ada", "{\"m\":1,\"n\":1}");
    test_router_pull(&t.r, 0, (mt_pull_answer){.more = true}, "ada n=2@5, bob n=1@1");
    test_env_run(&t.s.t.te);
    test_router_pull(&t.r, 0, (mt_pull_answer){.more = false}, "ada n=0@3 k=1@1");
    test_env_run(&t.s.t.te);
    test_call_is(&r, MT_OK, NULL);
    test_peek_is(t.db, "ada", "{\"k\":1,\"m\":1,\"n\":2}");
    assert_string_equal(r.nodes, "ada bob");
    test_routed_end(&t);
}

TEST(what_is_pulled_is_stored_and_nobody_is_told)
{
    test_routed t;

    test_routed_begin(&t);
    t.r.pull_rows = "ada n=1@4";
    test_read_is(t.db, "ada", "{\"n\":1}");
    test_env_run(&t.s.t.te);
    test_heard_is(&t.s.heard, "pull(ada) untold(ada)");
    test_storage_says(&t.s.ts, "ada n=1@4");
    test_routed_end(&t);
}

TEST(nodes_that_nobody_asked_for_are_ignored)
{
    test_routed t;

    test_routed_begin(&t);
    t.r.pull_rows = "aaa n=1@1, ada n=1@4, bob n=1@1";
    test_read_is(t.db, "ada", "{\"n\":1}");
    test_storage_says(&t.s.ts, "ada n=1@4");
    test_routed_end(&t);
}

TEST(answer_that_is_in_no_order_is_merged)
{
    test_call r = {.name = "r"};
    test_routed t;

    test_routed_begin(&t);
    t.r.pull_rows = "cyd n=1@1, ada m=1@2, zed n=1@1, ada n=1@1, bob n=1@1";
    CHECK(test_call_read(&r, t.db, "bob cyd ada", NULL) == MT_OK);
    test_env_run(&t.s.t.te);
    assert_string_equal(r.nodes, "bob cyd ada");
    test_storage_says(&t.s.ts, "ada m=1@2 n=1@1, bob n=1@1, cyd n=1@1");
    test_routed_end(&t);
}

TEST(hook_of_update_sees_what_is_pulled_and_may_refuse_it)
{
    test_hook hook = {.name = "update", .does = TEST_PASSES};
    mt_hook hooks[] = {test_hook_at(&hook, MT_ON_UPDATE)};
    mt_config config = {.size = sizeof config, .hooks = hooks, .hook_count = 1};
    mt_handle *node = NULL;
    test_routed t;

    test_routed_init(&t);
    test_routed_open(&t, &config);
    hook.heard = &t.s.heard;
    t.r.pull_rows = "ada n=1@4";
    test_read_is(t.db, "ada", "{\"n\":1}");
    test_heard_is(&t.s.heard, "pull(ada) update untold(ada)");
    hook.does = TEST_REFUSES;
    hook.text = "not from them";
    t.r.pull_rows = "bob n=1@4";
    CHECK(mt_read_wait(t.db, mt_str("bob"), NULL, &node) == MT_REFUSED);
    assert_string_equal(mt_db_error(t.db)->text, "not from them");
    test_storage_says(&t.s.ts, "ada n=1@4");
    test_routed_end(&t);
}

/* The state of a time so many minutes ahead, in `out`. */
static const char *ahead(const test_routed *t, unsigned minutes, char *out, size_t cap)
{
    const mt_env *env = &t->s.t.te.env;
    uint64_t since = env->now_ms(env->ctx) - UINT64_C(1577836800000);

    snprintf(out, cap, "ada n=1@%llu",
             (unsigned long long)((since + (uint64_t)minutes * 60000) << 11));
    return out;
}

TEST(what_is_pulled_or_received_may_be_ten_minutes_ahead)
{
    mt_options allow = {.size = sizeof allow, .allow_future = true};
    mt_config config = {.size = sizeof config};
    test_call c = {.name = "c"};
    mt_handle *node = NULL;
    char rows[64];
    test_routed t;

    test_routed_init(&t);
    config.router = &t.r.router; /* and a hybrid clock */
    test_stage_open(&t.s, &config);
    t.db = t.s.db;
    t.r.pull_rows = ahead(&t, 11, rows, sizeof rows);
    CHECK(mt_read_wait(t.db, mt_str("ada"), NULL, &node) == MT_STATE);
    CHECK(test_call_receive(&c, t.db, NULL, rows, NULL) == MT_OK);
    test_env_run(&t.s.t.te);
    test_call_is(&c, MT_STATE, NULL);
    ahead(&t, 9, rows, sizeof rows);
    test_read_is(t.db, "ada", "{\"n\":1}");
    ahead(&t, 20, rows, sizeof rows);
    CHECK(test_call_receive(&c, t.db, NULL, rows, &allow) == MT_OK);
    test_env_run(&t.s.t.te);
    test_call_is(&c, MT_OK, NULL);
    test_routed_end(&t);
}

TEST(pull_that_fails_fails_only_a_read_that_misses_a_node)
{
    mt_options force = {.size = sizeof force, .force = true};
    test_call r = {.name = "r"};
    test_routed t;

    test_routed_init(&t);
    test_storage_put(&t.s.ts, "ada n=1@1");
    test_routed_open(&t, NULL);
    t.r.pull = (mt_pull_answer){.status = MT_OFFLINE, .text = "nobody is there"};
    test_read_is(t.db, "ada", "{\"n\":1}");
    CHECK(test_call_read(&r, t.db, "ada bob", NULL) == MT_OK);
    test_env_run(&t.s.t.te);
    test_call_is(&r, MT_OFFLINE, "nobody is there");
    CHECK(test_call_read(&r, t.db, "ada", &force) == MT_OK);
    test_env_run(&t.s.t.te);
    test_call_is(&r, MT_OFFLINE, "nobody is there");
    t.r.pull.status = MT_OK;
    t.r.pull_start = MT_NO_MEMORY;
    CHECK(test_call_read(&r, t.db, "bob", NULL) == MT_OK);
    test_env_run(&t.s.t.te);
    test_call_is(&r, MT_NO_MEMORY, "the router did not start to ask");
    test_routed_end(&t);
}

TEST(what_one_peer_refuses_another_may_answer)
{
    test_call r = {.name = "r"};
    test_routed t;

    test_routed_begin(&t);
    t.r.holds = true;
    CHECK(test_call_read(&r, t.db, "ada", NULL) == MT_OK);
    test_env_run(&t.s.t.te);
    test_router_pull(&t.r, 0, (mt_pull_answer){.more = true}, "ada n=1@9007199254740993");
    test_env_run(&t.s.t.te);
    assert_int_equal(r.a.count, 0);
    test_router_pull(&t.r, 0, (mt_pull_answer){.more = false}, "ada n=2@1");
    test_env_run(&t.s.t.te);
    test_call_is(&r, MT_OK, NULL);
    assert_string_equal(r.nodes, "ada");
    test_routed_end(&t);
}

TEST(force_asks_for_what_is_in_memory)
{
    mt_options force = {.size = sizeof force, .force = true};
    test_call r = {.name = "r"};
    test_routed t;

    test_routed_begin(&t);
    test_write(t.db, "ada n=1");
    test_read_is(t.db, "ada", "{\"n\":1}");
    test_heard_is(&t.s.heard, "push(ada)");
    t.r.pull_rows = "ada n=2@5";
    CHECK(test_call_read(&r, t.db, "ada", &force) == MT_OK);
    test_env_run(&t.s.t.te);
    test_heard_is(&t.s.heard, "pull(ada) untold(ada)");
    test_peek_is(t.db, "ada", "{\"n\":2}");
    test_routed_end(&t);
}

TEST(canceled_or_late_read_cancels_its_pull)
{
    mt_options soon = {.size = sizeof soon, .deadline_ms = 20};
    test_call r = {.name = "r"};
    uint64_t id;
    test_routed t;

    test_routed_begin(&t);
    t.r.holds = true;
    CHECK(test_call_read(&r, t.db, "ada", NULL) == MT_OK);
    test_env_run(&t.s.t.te);
    id = t.r.pulls[0];
    mt_cancel(t.db, r.id);
    test_env_run(&t.s.t.te);
    test_call_is(&r, MT_CANCELED, NULL);
    test_heard_is(&t.s.heard, "pull(ada) cancel");
    mt_pull_done(t.db, id, &(mt_pull_answer){.status = MT_OK});
    CHECK(test_call_read(&r, t.db, "ada", &soon) == MT_OK);
    test_env_run_for(&t.s.t.te, 100);
    test_call_is(&r, MT_DEADLINE, NULL);
    test_heard_is(&t.s.heard, "pull(ada) cancel");
    test_routed_end(&t);
}

TEST(late_answer_of_a_router_without_cancel_is_merged)
{
    mt_options soon = {.size = sizeof soon, .deadline_ms = 20};
    test_call r = {.name = "r"};
    test_routed t;

    test_routed_init(&t);
    t.r.ops.cancel = NULL;
    test_routed_open(&t, NULL);
    t.r.holds = true;
    CHECK(test_call_read(&r, t.db, "ada", &soon) == MT_OK);
    test_env_run_for(&t.s.t.te, 100);
    test_call_is(&r, MT_DEADLINE, NULL);
    test_router_pull(&t.r, 0, (mt_pull_answer){.more = false}, "ada n=1@1, bob n=1@1");
    test_env_run(&t.s.t.te);
    test_storage_says(&t.s.ts, "ada n=1@1");
    assert_int_equal(r.a.count, 1);
    test_routed_end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_that_is_missing_in_memory_is_asked_in_one_request),
        cmocka_unit_test(read_waits_for_the_last_answer_and_merges_all),
        cmocka_unit_test(what_is_pulled_is_stored_and_nobody_is_told),
        cmocka_unit_test(nodes_that_nobody_asked_for_are_ignored),
        cmocka_unit_test(answer_that_is_in_no_order_is_merged),
        cmocka_unit_test(hook_of_update_sees_what_is_pulled_and_may_refuse_it),
        cmocka_unit_test(what_is_pulled_or_received_may_be_ten_minutes_ahead),
        cmocka_unit_test(pull_that_fails_fails_only_a_read_that_misses_a_node),
        cmocka_unit_test(what_one_peer_refuses_another_may_answer),
        cmocka_unit_test(force_asks_for_what_is_in_memory),
        cmocka_unit_test(canceled_or_late_read_cancels_its_pull),
        cmocka_unit_test(late_answer_of_a_router_without_cancel_is_merged),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
