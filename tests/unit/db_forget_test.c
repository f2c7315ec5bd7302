/* What leaves memory, and what does not: forgotten nodes, volatile ones, the budget. */
#include "test.h"
#include "test_calls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const mt_config counts = {.size = sizeof counts, .clock = MT_CLOCK_LAMPORT};
static const mt_options aside = {.size = sizeof aside, .storage_none = true};

static void turn(test_stage *s)
{
    test_env_run(&s->t.te);
}

static void write_aside(test_stage *s, const char *rows)
{
    test_call w = {.name = "w"};

    CHECK(test_call_write(&w, s->db, rows, &aside) == MT_OK);
    turn(s);
    test_call_is(&w, MT_OK, NULL);
    CHECK(w.a.reached == MT_LEVEL_APPLIED);
}

static void forget(test_stage *s, const char *uids)
{
    test_call f = {.name = "f"};

    CHECK(test_call_forget(&f, s->db, uids, NULL) == MT_OK);
    turn(s);
    test_call_is(&f, MT_OK, NULL);
}

/* ---- Forgetting ---- */

TEST(forgotten_nodes_are_gone_from_memory_and_storage_without_a_marker)
{
    test_watch watch = {.name = "e"};
    test_stage s;

    test_stage_begin(&s, &counts);
    test_write(s.db, "ada a=1, bob a=1, cyd a=1");
    test_heard_is(&s.ts.heard, "read(ada,bob,cyd) write(ada,bob,cyd)");
    watch.heard = &s.heard;
    test_watch_on(&watch, s.db, 7, "*");
    forget(&s, "cyd ada nobody ada");
    test_heard_is(&s.ts.heard, "remove(ada,cyd,nobody)");
    test_heard_is(&s.heard, "");
    test_peek_is(s.db, "ada", NULL);
    test_storage_says(&s.ts, "bob a=1@1");
    test_read_is(s.db, "ada", NULL);
    test_stage_end(&s);
}

TEST(handle_of_a_forgotten_node_shows_it_when_it_is_written_again)
{
    mt_handle *ada;
    test_stage s;

    test_stage_begin(&s, &counts);
    test_write(s.db, "ada a=1");
    ada = test_hold_node(s.db, "ada");
    forget(&s, "ada");
    CHECK(mt_handle_node(ada) == NULL);
    test_write(s.db, "ada b=1");
    CHECK(mt_handle_node(ada) != NULL);
    test_peek_is(s.db, "ada", "{\"b\":1}");
    test_storage_says(&s.ts, "ada b=1@1");
    mt_handle_unref(ada);
    test_stage_end(&s);
}

TEST(read_during_a_removal_waits_for_it)
{
    test_call f = {.name = "f"}, r = {.name = "r"};
    test_stage s;

    test_stage_begin(&s, &counts);
    test_write(s.db, "ada a=1");
    s.ts.when = TEST_HELD;
    CHECK(test_call_forget(&f, s.db, "ada", NULL) == MT_OK);
    CHECK(test_call_read(&r, s.db, "ada", NULL) == MT_OK);
    turn(&s);
    CHECK(test_storage_waiting(&s.ts) == 1 && r.a.count == 0);
    test_storage_answer_all(&s.ts);
    turn(&s);
    test_call_is(&f, MT_OK, NULL);
    test_call_is(&r, MT_OK, NULL);
    assert_string_equal(r.nodes, "-");
    test_stage_end(&s);
}

TEST(forget_waits_for_commits_that_are_not_stored)
{
    test_call f = {.name = "f"}, w = {.name = "w"};
    test_stage s;

    test_stage_begin(&s, &counts);
    test_write(s.db, "ada a=1");
    s.ts.when = TEST_HELD;
    CHECK(test_call_write(&w, s.db, "ada a=2", NULL) == MT_OK);
    CHECK(test_call_forget(&f, s.db, "ada", NULL) == MT_OK);
    turn(&s);
    test_heard_is(&s.ts.heard, "read(ada) write(ada) write(ada)");
    test_storage_answer_all(&s.ts);
    turn(&s);
    test_heard_is(&s.ts.heard, "remove(ada)");
    test_storage_answer_all(&s.ts);
    turn(&s);
    test_call_is(&w, MT_OK, NULL);
    test_call_is(&f, MT_OK, NULL);
    test_storage_says(&s.ts, "");
    test_stage_end(&s);
}

TEST(forget_waits_for_a_load)
{
    test_call f = {.name = "f"}, r = {.name = "r"};
    test_stage s;

    test_stage_begin(&s, &counts);
    test_storage_put(&s.ts, "ada a=1@1");
    s.ts.when = TEST_HELD;
    CHECK(test_call_read(&r, s.db, "ada", NULL) == MT_OK);
    CHECK(test_call_forget(&f, s.db, "ada", NULL) == MT_OK);
    turn(&s);
    test_heard_is(&s.ts.heard, "read(ada)");
    test_storage_answer_all(&s.ts);
    turn(&s);
    test_storage_answer_all(&s.ts);
    turn(&s);
    test_call_is(&r, MT_OK, NULL);
    test_call_is(&f, MT_OK, NULL);
    test_peek_is(s.db, "ada", NULL);
    test_stage_end(&s);
}

TEST(node_that_storage_cannot_remove_is_read_again)
{
    test_call f = {.name = "f"};
    mt_handle *ada;
    test_stage s;

    for (int at_start = 0; at_start < 2; at_start++) {
        test_stage_begin(&s, &counts);
        test_write(s.db, "ada a=1");
        ada = test_hold_node(s.db, "ada");
        s.ts.fault = (test_fault){.calls = TEST_REMOVE, .status = MT_IO, .at_start = at_start};
        CHECK(test_call_forget(&f, s.db, "ada", NULL) == MT_OK);
        turn(&s);
        test_call_is(&f, MT_IO, NULL);
        test_read_is(s.db, "ada", "{\"a\":1}");
        mt_handle_unref(ada);
        test_stage_end(&s);
    }
}

TEST(forget_without_storage_drops_from_memory)
{
    test_call f = {.name = "f"};
    test_db t;

    test_db_memory(&t);
    test_write(t.db, "ada a=1, bob a=1");
    CHECK(test_call_forget(&f, t.db, "ada", NULL) == MT_OK);
    test_env_run(&t.te);
    test_call_is(&f, MT_OK, NULL);
    test_peek_is(t.db, "ada", NULL);
    test_peek_is(t.db, "bob", "{\"a\":1}");
    test_db_end(&t);
}

TEST(forgetting_what_is_no_uid_or_nothing_is_simple)
{
    mt_bytes none = {NULL, 0};
    test_call f = {.name = "f"};
    test_stage s;

    test_stage_begin(&s, &counts);
    CHECK(mt_forget(s.db, &none, 1, NULL, test_answered, &f.a, NULL) == MT_INVALID);
    forget(&s, "");
    test_heard_is(&s.ts.heard, "");
    test_stage_end(&s);
}

/* ---- Volatile data ---- */

TEST(volatile_write_stays_in_memory_and_is_never_stored)
{
    mt_config narrow = {.size = sizeof narrow, .clock = MT_CLOCK_LAMPORT, .cache_bytes = 1};
    test_stage s;

    test_stage_begin(&s, &narrow);
    write_aside(&s, "ada a=1");
    turn(&s);
    test_peek_is(s.db, "ada", "{\"a\":1}");
    test_heard_is(&s.ts.heard, "read(ada!)");
    test_stage_close(&s);
    test_storage_says(&s.ts, "");
    test_stage_end(&s);
}

TEST(write_to_storage_takes_volatile_data_along)
{
    test_stage s;

    test_stage_init(&s);
    s.ts.large = 2;
    test_storage_put(&s.ts, "ada a=1@1 b=1@1 c=1@1, bob a=1@1 b=1@1 c=1@1");
    test_stage_open(&s, &counts);
    write_aside(&s, "ada d=4");
    test_storage_says(&s.ts, "ada a=1@1 b=1@1 c=1@1, bob a=1@1 b=1@1 c=1@1");
    test_write(s.db, "ada a=2, bob a=2");
    test_heard_is(&s.ts.heard, "open read(ada!) read(bob!) write(ada,bob!)");
    test_storage_says(&s.ts, "ada a=2@2 b=1@1 c=1@1 d=4@1, bob a=2@2 b=1@1 c=1@1");
    test_write(s.db, "ada a=3");
    test_heard_is(&s.ts.heard, "write(ada)");
    test_stage_end(&s);
}

TEST(node_that_becomes_volatile_while_it_is_stored_stays_so)
{
    test_call w = {.name = "w"};
    test_stage s;

    test_stage_begin(&s, &counts);
    s.ts.exact = false;
    test_write(s.db, "ada a=1");
    write_aside(&s, "ada b=1");
    s.ts.when = TEST_HELD;
    CHECK(test_call_write(&w, s.db, "ada a=2", NULL) == MT_OK);
    turn(&s);
    write_aside(&s, "ada c=1");
    test_storage_answer_all(&s.ts);
    turn(&s);
    test_call_is(&w, MT_OK, NULL);
    test_storage_says(&s.ts, "ada a=2@2 b=1@1");
    s.ts.when = TEST_AT_ONCE;
    test_write(s.db, "ada a=3");
    test_storage_says(&s.ts, "ada a=3@3 b=1@1 c=1@1");
    test_stage_end(&s);
}

TEST(volatile_data_stays_volatile_where_storage_did_not_take_it)
{
    test_call w = {.name = "w"};
    test_stage s;

    test_stage_begin(&s, &counts);
    test_write(s.db, "ada a=1");
    write_aside(&s, "ada b=1");
    s.ts.fault = (test_fault){.calls = TEST_WRITE, .status = MT_IO};
    CHECK(test_call_write(&w, s.db, "ada a=2", NULL) == MT_OK);
    turn(&s);
    test_call_is(&w, MT_IO, NULL);
    test_peek_is(s.db, "ada", "{\"a\":1,\"b\":1}");
    test_write(s.db, "ada a=3");
    test_storage_says(&s.ts, "ada a=3@2 b=1@1");
    test_stage_end(&s);
}

TEST(volatile_node_may_be_forgotten)
{
    test_stage s;

    test_stage_begin(&s, &counts);
    test_write(s.db, "ada a=1");
    write_aside(&s, "ada b=1, bob a=1");
    forget(&s, "ada bob");
    test_read_is(s.db, "ada", NULL);
    test_read_is(s.db, "bob", NULL);
    test_write(s.db, "ada c=1");
    test_storage_says(&s.ts, "ada c=1@1");
    test_stage_end(&s);
}

/* ---- The budget ---- */

static size_t cache_bytes(const test_stage *s)
{
    mt_db_stats stats = {.size = sizeof stats};

    mt_db_statistics(s->db, &stats);
    return stats.cache_bytes;
}

enum { NODES = 2000, BUDGET = 64 * 1024 };

static void begin_narrow(test_stage *s)
{
    mt_config narrow = {.size = sizeof narrow, .clock = MT_CLOCK_LAMPORT, .cache_bytes = BUDGET};

    test_stage_begin(s, &narrow);
    s->ts.quiet = true;
}

static void write_node(test_stage *s, size_t i)
{
    char row[400];

    snprintf(row, sizeof row, "u%05zu n=%zu text='%0300d'", i, i, 0);
    test_write(s->db, row);
}

TEST(data_of_ten_budgets_is_written_and_read_within_one)
{
    char uid[16];
    mt_handle *node;
    mt_field field;
    test_stage s;

    begin_narrow(&s);
    for (size_t i = 0; i < NODES; i++) {
        write_node(&s, i);
        turn(&s);
        CHECK(cache_bytes(&s) <= BUDGET);
    }
    for (size_t i = 0; i < NODES; i++) {
        snprintf(uid, sizeof uid, "u%05zu", i * 7 % NODES);
        node = test_hold_node(s.db, uid);
        CHECK(mt_handle_get(node, mt_str("n"), &field) == MT_OK);
        CHECK(field.value.as.number == (double)(i * 7 % NODES));
        mt_handle_unref(node);
        turn(&s);
        CHECK(cache_bytes(&s) <= BUDGET);
    }
    test_stage_end(&s);
}

TEST(held_node_stays_in_memory_while_others_go)
{
    mt_handle *held;
    test_stage s;

    begin_narrow(&s);
    write_node(&s, 0);
    held = test_hold_node(s.db, "u00000");
    for (size_t i = 1; i < NODES; i++) write_node(&s, i);
    turn(&s);
    CHECK(mt_handle_node(held) != NULL);
    CHECK(mt_peek(s.db, mt_str("u00001")) == NULL);
    mt_handle_unref(held);
    test_stage_end(&s);
}

TEST(only_what_is_written_is_pinned_by_a_volatile_write)
{
    test_stage s;

    begin_narrow(&s);
    test_write(s.db, "ada a=1");
    write_aside(&s, "ada, bob x=1");
    for (size_t i = 1; i < NODES; i++) write_node(&s, i);
    turn(&s);
    test_peek_is(s.db, "ada", NULL);
    test_peek_is(s.db, "bob", "{\"x\":1}");
    test_stage_end(&s);
}

TEST(loads_fail_with_budget_when_held_nodes_fill_it_and_work_again_when_they_go)
{
    mt_handle *held[NODES];
    mt_handle *node = NULL;
    char uid[16];
    size_t count = 0;
    mt_status st = MT_OK;
    test_stage s;

    begin_narrow(&s);
    for (size_t i = 0; i < NODES; i++) write_node(&s, i);
    for (; count < NODES; count++) {
        snprintf(uid, sizeof uid, "u%05zu", count);
        if ((st = mt_read_wait(s.db, mt_str(uid), NULL, &held[count])) != MT_OK) break;
        CHECK(held[count] != NULL);
    }
    CHECK(st == MT_BUDGET && count > 20 && count < NODES / 5);
    assert_string_equal(mt_db_error(s.db)->text,
                        "nodes that are held fill the cache of 65536 bytes");
    CHECK(mt_read_wait(s.db, mt_str("u01999"), NULL, &node) == MT_BUDGET);
    for (size_t i = 0; i < 10; i++) mt_handle_unref(held[i]);
    CHECK(mt_read_wait(s.db, mt_str("u01999"), NULL, &node) == MT_OK && node);
    mt_handle_unref(node);
    for (size_t i = 10; i < count; i++) mt_handle_unref(held[i]);
    test_stage_end(&s);
}

TEST(one_read_of_more_than_the_budget_fails_and_stays_within_it)
{
    mt_bytes keys[NODES];
    static char uids[NODES][8];
    test_call r = {.name = "r"};
    test_stage s;

    begin_narrow(&s);
    for (size_t i = 0; i < NODES; i++) {
        write_node(&s, i);
        snprintf(uids[i], sizeof uids[i], "u%05zu", i);
        keys[i] = mt_str(uids[i]);
    }
    CHECK(mt_nodes(s.db, keys, NODES, NULL, test_answered, &r.a, NULL) == MT_OK);
    turn(&s);
    test_call_is(&r, MT_BUDGET, NULL);
    CHECK(cache_bytes(&s) <= BUDGET + 16 * 1024);
    test_stage_end(&s);
}

TEST(without_storage_there_is_no_budget)
{
    mt_config narrow = {.size = sizeof narrow, .cache_bytes = 1024};
    test_db t;

    test_db_begin(&t);
    test_db_open(&t, &narrow);
    for (unsigned i = 0; i < 100; i++) {
        char row[64];
        snprintf(row, sizeof row, "u%u a='%040d'", i, 0);
        test_write(t.db, row);
    }
    for (unsigned i = 0; i < 100; i++) {
        char uid[16];
        snprintf(uid, sizeof uid, "u%u", i);
        CHECK(mt_peek(t.db, mt_str(uid)) != NULL);
    }
    test_db_end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forgotten_nodes_are_gone_from_memory_and_storage_without_a_marker),
        cmocka_unit_test(handle_of_a_forgotten_node_shows_it_when_it_is_written_again),
        cmocka_unit_test(read_during_a_removal_waits_for_it),
        cmocka_unit_test(forget_waits_for_commits_that_are_not_stored),
        cmocka_unit_test(forget_waits_for_a_load),
        cmocka_unit_test(node_that_storage_cannot_remove_is_read_again),
        cmocka_unit_test(forget_without_storage_drops_from_memory),
        cmocka_unit_test(forgetting_what_is_no_uid_or_nothing_is_simple),
        cmocka_unit_test(volatile_write_stays_in_memory_and_is_never_stored),
        cmocka_unit_test(write_to_storage_takes_volatile_data_along),
        cmocka_unit_test(node_that_becomes_volatile_while_it_is_stored_stays_so),
        cmocka_unit_test(volatile_data_stays_volatile_where_storage_did_not_take_it),
        cmocka_unit_test(volatile_node_may_be_forgotten),
        cmocka_unit_test(data_of_ten_budgets_is_written_and_read_within_one),
        cmocka_unit_test(held_node_stays_in_memory_while_others_go),
        cmocka_unit_test(only_what_is_written_is_pinned_by_a_volatile_write),
        cmocka_unit_test(
            loads_fail_with_budget_when_held_nodes_fill_it_and_work_again_when_they_go),
        cmocka_unit_test(one_read_of_more_than_the_budget_fails_and_stays_within_it),
        cmocka_unit_test(without_storage_there_is_no_budget),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
