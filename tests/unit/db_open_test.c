/* A database is made of configs, and opens with its storage, or does not. */
#include "test.h"
#include "test_calls.h"
#include "test_link.h"

#include <stdlib.h>
#include <string.h>

/* Opens a database of two configs, the first of which has the environment. */
static mt_status open_two(test_db *t, mt_config *a, mt_config *b)
{
    const mt_config *both[2] = {a, b};

    a->size = b->size = sizeof *a;
    a->env = &t->te.env;
    return mt_db_open(both, 2, &t->db, &t->error);
}

/* ---- What configs may not bring ---- */

TEST(database_without_an_environment_is_refused)
{
    mt_config none = {.size = sizeof none};
    const mt_config *one[1] = {&none};
    mt_error error;
    mt_db *db;

    CHECK(mt_db_open(one, 1, &db, &error) == MT_INVALID);
    assert_string_equal(error.text, "no config brings an environment");
    CHECK(mt_db_open(NULL, 0, &db, NULL) == MT_INVALID);
}

TEST(second_storage_router_clock_and_environment_are_refused_naming_both)
{
    test_storage ts, other;
    test_db t;

    test_db_begin(&t);
    test_storage_init(&ts, &t.te.env);
    test_storage_init(&other, &t.te.env);
    for (unsigned i = 0; i < 4; i++) {
        static const char *const texts[] = {
            "config \"b\" brings a second storage; the first is that of \"a\"",
            "config \"b\" brings a second router; the first is that of \"a\"",
            "config \"b\" brings a second clock; the first is that of \"a\"",
            "config \"unnamed\" brings a second environment; the first is that of \"a\""};
        static const mt_router router;
        test_env te;
        mt_config a = {.name = "a"}, b = {.name = "b"};
        test_env_init(&te, 1, test_mem());
        if (i == 0) a.storage = &ts.storage, b.storage = &other.storage;
        if (i == 1) a.router = b.router = &router;
        if (i == 2) a.clock = MT_CLOCK_HYBRID, b.clock = MT_CLOCK_LAMPORT;
        if (i == 3) b.env = &te.env, b.name = NULL;
        CHECK(open_two(&t, &a, &b) == MT_INVALID);
        assert_string_equal(t.error.text, texts[i]);
        test_env_end(&te);
    }
    CHECK(!ts.open && !other.open);
    test_storage_end(&ts);
    test_storage_end(&other);
    test_db_end(&t);
}

TEST(the_same_environment_and_clock_may_come_twice)
{
    mt_config a = {.clock = MT_CLOCK_LAMPORT}, b = {.clock = MT_CLOCK_LAMPORT};
    test_db t;

    test_db_begin(&t);
    b.env = &t.te.env;
    CHECK(open_two(&t, &a, &b) == MT_OK);
    CHECK(mt_db_clock(t.db) == MT_CLOCK_LAMPORT);
    test_db_end(&t);
}

TEST(hook_of_no_point_is_refused)
{
    mt_hook hook = {.point = MT_HOOK_POINTS};
    mt_config a = {.name = "a", .hooks = &hook, .hook_count = 1}, b = {.name = "b"};
    test_db t;

    test_db_begin(&t);
    CHECK(open_two(&t, &a, &b) == MT_INVALID);
    assert_string_equal(t.error.text, "hook 0 of config \"a\" has no such point");
    hook.point = MT_BEFORE_WRITE;
    CHECK(open_two(&t, &a, &b) == MT_INVALID);
    test_db_end(&t);
}

TEST(storage_of_another_abi_without_a_name_or_a_function_is_refused)
{
    mt_config a = {.name = "a"}, b = {.name = "b"};
    test_storage ts;
    test_db t;

    test_db_begin(&t);
    test_storage_init(&ts, &t.te.env);
    a.storage = &ts.storage;
    ts.ops.abi = 77;
    CHECK(open_two(&t, &a, &b) == MT_UNSUPPORTED);
    ts.ops.abi = MT_STORAGE_ABI;
    ts.ops.name = NULL;
    CHECK(open_two(&t, &a, &b) == MT_UNSUPPORTED);
    ts.ops.name = "test";
    ts.ops.remove = NULL;
    CHECK(open_two(&t, &a, &b) == MT_UNSUPPORTED);
    CHECK(!ts.open);
    test_storage_end(&ts);
    test_db_end(&t);
}

TEST(environment_of_another_abi_is_refused)
{
    mt_config a = {.name = "a"}, b = {.name = "b"};
    test_db t;

    test_db_begin(&t);
    t.te.env.abi = 77;
    CHECK(open_two(&t, &a, &b) == MT_UNSUPPORTED);
    assert_string_equal(t.error.text, "the environment is of abi 77, not 1");
    test_db_end(&t);
}

/* ---- What becomes of them ---- */

TEST(connections_and_groups_of_all_configs_are_one_group_that_follows)
{
    mt_config a = {.name = "a"}, b = {.name = "b"};
    test_link links[3] = {{.heard = NULL}};
    mt_group *group;
    test_db t;

    test_db_begin(&t);
    CHECK(mt_group_new(test_mem(), &group) == MT_OK);
    for (size_t i = 0; i < 3; i++) test_link_begin(&links[i], NULL, i ? i == 1 ? "y" : "z" : "x");
    a.connections = &links[0].connection;
    a.connection_count = 1;
    b.group = group;
    CHECK(mt_group_add(group, links[1].connection) == MT_OK);
    CHECK(open_two(&t, &a, &b) == MT_OK);
    test_members_are(mt_db_group(t.db), "xy");
    CHECK(mt_group_add(group, links[2].connection) == MT_OK);
    test_members_are(mt_db_group(t.db), "xyz");
    CHECK(mt_group_remove(group, links[1].connection) == MT_OK);
    test_members_are(mt_db_group(t.db), "xz");
    mt_group_unref(group);
    if (t.db) mt_db_close(t.db, NULL, NULL);
    t.db = NULL;
    test_env_run(&t.te);
    for (size_t i = 0; i < 3; i++) test_link_end(&links[i]);
    test_db_end(&t);
}

TEST(two_connections_with_one_id_are_refused)
{
    mt_config a = {.name = "a"}, b = {.name = "b"};
    test_link links[2] = {{.heard = NULL}};
    test_db t;

    test_db_begin(&t);
    for (size_t i = 0; i < 2; i++) test_link_begin(&links[i], NULL, "x");
    a.connections = &links[0].connection;
    b.connections = &links[1].connection;
    a.connection_count = b.connection_count = 1;
    CHECK(open_two(&t, &a, &b) == MT_BUSY);
    for (size_t i = 0; i < 2; i++) test_link_end(&links[i]);
    test_db_end(&t);
}

TEST(of_limits_cache_and_app_the_last_counts)
{
    mt_limits first = {.size = sizeof first, .value_len_max = 4};
    mt_limits last = {.size = sizeof last, .value_len_max = 8};
    mt_config a = {.limits = &first, .app = &first}, b = {.limits = &last, .app = &last};
    test_call w = {.name = "w"};
    test_db t;

    test_db_begin(&t);
    CHECK(open_two(&t, &a, &b) == MT_OK);
    CHECK(mt_db_app(t.db) == &last && mt_db_env(t.db) == &t.te.env);
    test_write(t.db, "ada a='12345678'");
    CHECK(test_call_write(&w, t.db, "ada a='123456789'", NULL) == MT_OK);
    test_env_run(&t.te);
    test_call_is(&w, MT_TOO_LARGE, NULL);
    test_db_end(&t);
}

TEST(config_of_an_older_and_smaller_kind_is_taken_as_far_as_it_goes)
{
    mt_config a = {.name = "a"}, b = {.name = "b", .clock = MT_CLOCK_LAMPORT};
    const mt_config *both[2] = {&a, &b};
    test_db t;

    test_db_begin(&t);
    a.size = sizeof a;
    a.env = &t.te.env;
    b.size = offsetof(mt_config, clock);
    CHECK(mt_db_open(both, 2, &t.db, &t.error) == MT_OK);
    CHECK(mt_db_clock(t.db) == MT_CLOCK_HYBRID);
    test_db_end(&t);
}

TEST(arrays_of_a_config_are_copied)
{
    test_hook hook = {.name = "h"};
    mt_hook *hooks = malloc(sizeof *hooks);
    mt_config config = {.size = sizeof config, .hooks = hooks, .hook_count = 1};
    test_db t;

    if (!hooks) abort();
    *hooks = test_hook_at(&hook, MT_BEFORE_WRITE);
    test_db_begin(&t);
    test_db_open(&t, &config);
    free(hooks);
    test_write(t.db, "ada a=1");
    CHECK(hook.count == 1);
    test_db_end(&t);
}

/* ---- The storage opens, or does not ---- */

TEST(every_call_fails_as_the_storage_did_when_it_opened)
{
    static const char *const text = "storage \"test\" does not open: the disk is upset";
    test_call ready = {.name = "ready"}, c[4];
    test_answer answers[2] = {{.count = 0}};
    test_stage s;

    test_stage_init(&s);
    s.ts.when = TEST_LATER;
    s.ts.fault = (test_fault){.calls = TEST_OPEN, .status = MT_MALFORMED};
    test_stage_open(&s, NULL);
    memset(c, 0, sizeof c);
    for (unsigned round = 0; round < 2; round++) {
        CHECK(mt_db_ready(s.db, test_answered, &ready.a) == MT_OK);
        CHECK(test_call_read(&c[0], s.db, "ada", NULL) == MT_OK);
        CHECK(test_call_write(&c[1], s.db, "ada a=1", NULL) == MT_OK);
        CHECK(test_call_forget(&c[2], s.db, "ada", NULL) == MT_OK);
        memset(answers, 0, sizeof answers);
        CHECK(mt_stream(s.db, NULL, NULL, test_answered, &answers[0], NULL) == MT_OK);
        /* What else goes wrong leaves the reason as it was. */
        CHECK(test_call_read(&c[3], s.db, "ada", NULL) == MT_OK);
        CHECK(mt_read(s.db, mt_str(""), NULL, NULL, NULL, NULL) == MT_INVALID);
        test_env_run(&s.t.te);
        for (size_t i = 0; i < 4; i++) test_call_is(&c[i], MT_MALFORMED, text);
        CHECK(answers[0].status == MT_MALFORMED);
        assert_string_equal(answers[0].text, text);
        CHECK(ready.a.status == MT_MALFORMED);
    }
    test_stage_end(&s);
}

TEST(storage_that_does_not_start_to_open_fails_mt_db_open)
{
    mt_config on = {.size = sizeof on};
    const mt_config *one[1] = {&on};
    test_stage s;

    test_stage_init(&s);
    on.env = &s.t.te.env;
    on.storage = &s.ts.storage;
    s.ts.fault = (test_fault){.calls = TEST_OPEN, .status = MT_BUSY, .at_start = true};
    CHECK(mt_db_open(one, 1, &s.db, &s.t.error) == MT_BUSY);
    assert_string_equal(s.t.error.text, "storage \"test\" does not open: it is held by another");
    /* The storage is the caller's still. */
    mt_storage_close(&s.ts.storage);
    CHECK(s.ts.open == 0);
    test_stage_end(&s);
}

TEST(storage_without_open_is_used_at_once)
{
    test_stage s;

    test_stage_init(&s);
    s.ts.ops.open = NULL;
    s.ts.open = 1;
    test_stage_open(&s, NULL);
    test_write(s.db, "ada a=1");
    CHECK(s.ts.writes == 1 && mt_db_clock(s.db) == MT_CLOCK_HYBRID);
    test_stage_end(&s);
}

TEST(statistics_count_what_there_is)
{
    mt_db_stats stats = {.size = sizeof stats};
    mt_db_stats old = {.size = offsetof(mt_db_stats, commits), .commits = 77};
    test_call r = {.name = "r"};
    test_stage s;

    test_stage_begin(&s, NULL);
    test_write(s.db, "ada a=1, bob a=1");
    test_write(s.db, "ada a=2");
    s.ts.when = TEST_HELD;
    CHECK(test_call_read(&r, s.db, "cyd", NULL) == MT_OK);
    mt_db_statistics(s.db, &stats);
    CHECK(stats.size == sizeof stats && stats.commits == 2 && stats.calls == 1);
    CHECK(stats.cache_nodes == 2 && stats.cache_bytes > 0 && stats.storage_bytes == 0);
    CHECK(stats.clock > 0 && stats.clock_ahead_ms == 0);
    mt_db_statistics(s.db, &old);
    CHECK(old.cache_nodes == 2 && old.commits == 77);
    test_storage_answer_all(&s.ts);
    test_stage_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(database_without_an_environment_is_refused),
        cmocka_unit_test(second_storage_router_clock_and_environment_are_refused_naming_both),
        cmocka_unit_test(the_same_environment_and_clock_may_come_twice),
        cmocka_unit_test(hook_of_no_point_is_refused),
        cmocka_unit_test(storage_of_another_abi_without_a_name_or_a_function_is_refused),
        cmocka_unit_test(environment_of_another_abi_is_refused),
        cmocka_unit_test(connections_and_groups_of_all_configs_are_one_group_that_follows),
        cmocka_unit_test(two_connections_with_one_id_are_refused),
        cmocka_unit_test(of_limits_cache_and_app_the_last_counts),
        cmocka_unit_test(config_of_an_older_and_smaller_kind_is_taken_as_far_as_it_goes),
        cmocka_unit_test(arrays_of_a_config_are_copied),
        cmocka_unit_test(every_call_fails_as_the_storage_did_when_it_opened),
        cmocka_unit_test(storage_that_does_not_start_to_open_fails_mt_db_open),
        cmocka_unit_test(storage_without_open_is_used_at_once),
        cmocka_unit_test(statistics_count_what_there_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
