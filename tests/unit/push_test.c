/* Push: who is told of a write, and who waits for that. */
#include "test.h"
#include "test_notation.h"
#include "test_router.h"

TEST(write_is_pushed_once_it_is_stored)
{
    test_call w = {.name = "w"};
    test_routed t;

    test_routed_begin(&t);
    t.s.ts.when = TEST_HELD;
    w.heard = &t.s.heard;
    CHECK(test_call_write(&w, t.db, "bob n=1, ada n=1", NULL) == MT_OK);
    test_storage_answer_all(&t.s.ts);
    test_env_run(&t.s.t.te);
    test_heard_is(&t.s.heard, "");
    test_storage_answer_all(&t.s.ts);
    test_env_run(&t.s.t.te);
    test_heard_is(&t.s.heard, "push(ada,bob) w:MT_OK(bob ada)");
    CHECK(t.r.pushed.durable && t.r.pushed.commit == 1);
    CHECK(t.r.pushed.origin == NULL && t.r.pushed.group == mt_db_group(t.db));
    t.s.ts.when = TEST_AT_ONCE;
    test_routed_end(&t);
}

TEST(push_sees_what_changed_and_only_if_something_did)
{
    test_routed t;

    test_routed_begin(&t);
    t.r.holds = true;
    test_commit(t.db, "ada n=1@5 m=1@5");
    test_part_says(t.r.pushed.delta, MT_UPDATE, "+ada m=1@5 n=1@5");
    test_commit(t.db, "ada n=2@7 m=1@5 k=1@1");
    test_heard_is(&t.s.heard, "push(ada) push(ada)");
    test_part_says(t.r.pushed.delta, MT_UPDATE, "ada k=1@1 n=2@7");
    test_commit(t.db, "ada n=1@5");
    test_heard_is(&t.s.heard, "");
    test_routed_end(&t);
}

TEST(write_does_not_wait_for_the_router)
{
    test_routed t;

    test_routed_begin(&t);
    t.r.holds = true;
    test_write(t.db, "ada n=1");
    CHECK(t.r.push_count == 1);
    test_router_push(&t.r, 0, (mt_push_answer){.status = MT_OK, .received = 3});
    test_routed_end(&t);
}

TEST(volatile_write_is_pushed_and_not_durable)
{
    mt_options none = {.size = sizeof none, .storage_none = true};
    test_call w = {.name = "w"};
    test_routed t;

    test_routed_begin(&t);
    CHECK(test_call_write(&w, t.db, "ada n=1", &none) == MT_OK);
    test_env_run(&t.s.t.te);
    test_heard_is(&t.s.heard, "push(ada)");
    CHECK(!t.r.pushed.durable);
    test_routed_end(&t);
}

TEST(write_that_awaits_push_waits_for_its_last_answer)
{
    mt_options await = {.size = sizeof await, .await_push = true};
    test_call w = {.name = "w"};
    test_routed t;

    test_routed_begin(&t);
    t.r.holds = true;
    CHECK(test_call_write(&w, t.db, "ada n=1", &await) == MT_OK);
    test_env_run(&t.s.t.te);
    test_router_push(&t.r, 0, (mt_push_answer){.status = MT_OK, .received = 2, .more = true});
    test_env_run(&t.s.t.te);
    assert_int_equal(w.a.count, 0);
    test_router_push(&t.r, 0, (mt_push_answer){.status = MT_OK, .received = 2, .durable = 1});
    test_env_run(&t.s.t.te);
    test_call_is(&w, MT_OK, NULL);
    CHECK(w.a.received == 2 && w.a.durable == 1);
    test_routed_end(&t);
}

TEST(level_received_waits_for_so_many_peers)
{
    mt_options level = {.size = sizeof level, .level = MT_LEVEL_RECEIVED, .peers = 2};
    test_call w = {.name = "w"};
    test_routed t;

    test_routed_begin(&t);
    t.r.holds = true;
    CHECK(test_call_write(&w, t.db, "ada n=1", &level) == MT_OK);
    test_env_run(&t.s.t.te);
    test_router_push(&t.r, 0, (mt_push_answer){.status = MT_OK, .received = 1, .more = true});
    test_env_run(&t.s.t.te);
    assert_int_equal(w.a.count, 0);
    test_router_push(&t.r, 0, (mt_push_answer){.status = MT_OK, .received = 2, .more = true});
    test_env_run(&t.s.t.te);
    test_call_is(&w, MT_OK, NULL);
    CHECK(w.a.reached == MT_LEVEL_RECEIVED && w.a.received == 2);
    test_router_push(&t.r, 0, (mt_push_answer){.status = MT_OK, .received = 3});
    test_routed_end(&t);
}

TEST(level_durable_at_peers_counts_what_is_stored_there)
{
    mt_options level = {.size = sizeof level, .level = MT_LEVEL_DURABLE_AT_PEERS};
    test_call w = {.name = "w"};
    test_routed t;

    test_routed_begin(&t);
    t.r.holds = true;
    CHECK(test_call_write(&w, t.db, "ada n=1", &level) == MT_OK);
    test_env_run(&t.s.t.te);
    CHECK(t.r.level == MT_LEVEL_DURABLE_AT_PEERS);
    test_router_push(&t.r, 0, (mt_push_answer){.status = MT_OK, .received = 5, .more = true});
    test_env_run(&t.s.t.te);
    assert_int_equal(w.a.count, 0);
    test_router_push(&t.r, 0, (mt_push_answer){.status = MT_OK, .durable = 1});
    test_env_run(&t.s.t.te);
    test_call_is(&w, MT_OK, NULL);
    CHECK(w.a.reached == MT_LEVEL_DURABLE_AT_PEERS && w.a.received == 5 && w.a.durable == 1);
    test_routed_end(&t);
}

TEST(level_that_no_answer_reaches_says_how_far_it_came)
{
    mt_options level = {.size = sizeof level, .level = MT_LEVEL_RECEIVED, .peers = 3};
    test_call w = {.name = "w"};
    test_routed t;

    test_routed_begin(&t);
    t.r.push = (mt_push_answer){.status = MT_OK, .received = 1};
    CHECK(test_call_write(&w, t.db, "ada n=1", &level) == MT_OK);
    test_env_run(&t.s.t.te);
    test_call_is(&w, MT_OFFLINE, "received by 1 of the 3 peers asked for");
    CHECK(w.a.reached == MT_LEVEL_DURABLE && w.a.received == 1);
    test_read_is(t.db, "ada", "{\"n\":1}");
    test_routed_end(&t);
}

TEST(level_without_a_router_is_reached_by_nobody)
{
    mt_options level = {.size = sizeof level, .level = MT_LEVEL_RECEIVED};
    test_call w = {.name = "w"};
    test_db t;

    test_db_memory(&t);
    CHECK(test_call_write(&w, t.db, "ada n=1", &level) == MT_OK);
    test_env_run(&t.te);
    test_call_is(&w, MT_OFFLINE, "received by 0 of the 1 peers asked for");
    test_db_end(&t);
}

TEST(deadline_ends_the_waiting_and_not_the_write)
{
    mt_options level = {
        .size = sizeof level, .level = MT_LEVEL_RECEIVED, .peers = 2, .deadline_ms = 50};
    test_call w = {.name = "w"};
    test_routed t;

    test_routed_begin(&t);
    t.r.holds = true;
    CHECK(test_call_write(&w, t.db, "ada n=1", &level) == MT_OK);
    test_env_run_for(&t.s.t.te, 10);
    test_router_push(&t.r, 0, (mt_push_answer){.status = MT_OK, .received = 1, .more = true});
    test_env_run_for(&t.s.t.te, 100);
    test_call_is(&w, MT_DEADLINE, NULL);
    CHECK(w.a.received == 1 && w.a.reached == MT_LEVEL_DURABLE);
    test_heard_is(&t.s.heard, "push(ada)");
    test_read_is(t.db, "ada", "{\"n\":1}");
    test_router_push(&t.r, 0, (mt_push_answer){.status = MT_OK, .received = 2});
    test_env_run(&t.s.t.te);
    assert_int_equal(w.a.count, 1);
    test_routed_end(&t);
}

TEST(push_that_fails_fails_only_who_waits_for_it)
{
    mt_options await = {.size = sizeof await, .await_push = true};
    test_call w = {.name = "w"};
    test_routed t;

    test_routed_begin(&t);
    t.r.push = (mt_push_answer){.status = MT_IO, .text = "the wire is cut"};
    test_write(t.db, "ada n=1");
    CHECK(test_call_write(&w, t.db, "ada n=2", &await) == MT_OK);
    test_env_run(&t.s.t.te);
    test_call_is(&w, MT_IO, "the wire is cut");
    test_read_is(t.db, "ada", "{\"n\":2}");
    test_routed_end(&t);
}

TEST(push_that_does_not_start_fails_only_who_waits_for_it)
{
    mt_options await = {.size = sizeof await, .await_push = true};
    test_call w = {.name = "w"};
    test_routed t;

    test_routed_begin(&t);
    t.r.push_start = MT_NO_MEMORY;
    test_write(t.db, "ada n=1");
    CHECK(test_call_write(&w, t.db, "ada n=2", &await) == MT_OK);
    test_env_run(&t.s.t.te);
    test_call_is(&w, MT_NO_MEMORY, "the router did not take it");
    test_routed_end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(write_is_pushed_once_it_is_stored),
        cmocka_unit_test(push_sees_what_changed_and_only_if_something_did),
        cmocka_unit_test(write_does_not_wait_for_the_router),
        cmocka_unit_test(volatile_write_is_pushed_and_not_durable),
        cmocka_unit_test(write_that_awaits_push_waits_for_its_last_answer),
        cmocka_unit_test(level_received_waits_for_so_many_peers),
        cmocka_unit_test(level_durable_at_peers_counts_what_is_stored_there),
        cmocka_unit_test(level_that_no_answer_reaches_says_how_far_it_came),
        cmocka_unit_test(level_without_a_router_is_reached_by_nobody),
        cmocka_unit_test(deadline_ends_the_waiting_and_not_the_write),
        cmocka_unit_test(push_that_fails_fails_only_who_waits_for_it),
        cmocka_unit_test(push_that_does_not_start_fails_only_who_waits_for_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
