/* The clock: which state a write gets, and which states may come in. */
#include "test.h"
#include "test_calls.h"
#include "test_notation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const mt_config counts = {.size = sizeof counts, .clock = MT_CLOCK_LAMPORT};

/* The time of day as a state. */
static uint64_t now(const test_stage *s)
{
    return (s->t.te.epoch_ms + s->t.te.ticks_ms - UINT64_C(1577836800000)) << 11;
}

static mt_db_stats stats_of(const test_stage *s)
{
    mt_db_stats stats = {.size = sizeof stats};

    mt_db_statistics(s->db, &stats);
    return stats;
}

/* The state of a field in memory. */
static uint64_t state_of(const test_stage *s, const char *uid, const char *name)
{
    const mt_node *node = mt_peek(s->db, mt_str(uid));
    mt_field field = {.state = 0};

    CHECK(node && mt_node_get_any(node, mt_str(name), &field) == MT_OK);
    return field.state;
}

/* A row with one field at a state. */
static const char *row_at(const char *uid, uint64_t state)
{
    static char row[64];

    snprintf(row, sizeof row, "%s a=1@%llu", uid, (unsigned long long)state);
    return row;
}

/* ---- Writes here ---- */

TEST(write_gets_the_time_of_day)
{
    test_stage s;

    test_stage_begin(&s, NULL);
    test_write(s.db, "ada a=1");
    CHECK(state_of(&s, "ada", "a") == now(&s));
    s.t.te.ticks_ms += 1000;
    test_write(s.db, "ada a=1");
    CHECK(state_of(&s, "ada", "a") == now(&s));
    test_stage_end(&s);
}

TEST(writes_of_one_millisecond_count_up)
{
    test_stage s;

    test_stage_begin(&s, NULL);
    test_write(s.db, "ada a=1 b=1");
    test_write(s.db, "bob a=1");
    test_write(s.db, "ada b=2");
    CHECK(state_of(&s, "ada", "a") == now(&s) && state_of(&s, "bob", "a") == now(&s) + 1);
    CHECK(state_of(&s, "ada", "b") == now(&s) + 2);
    CHECK(stats_of(&s).clock == now(&s) + 2);
    test_stage_end(&s);
}

TEST(clock_set_back_never_yields_a_lower_state)
{
    uint64_t before;
    test_stage s;

    test_stage_begin(&s, NULL);
    test_write(s.db, "ada a=1");
    before = state_of(&s, "ada", "a");
    s.t.te.epoch_ms -= 3600 * 1000;
    test_write(s.db, "ada a=2");
    test_write(s.db, "bob a=1");
    CHECK(state_of(&s, "ada", "a") == before + 1 && state_of(&s, "bob", "a") == before + 2);
    CHECK(stats_of(&s).clock_ahead_ms == 3600 * 1000);
    s.t.te.epoch_ms = 0;
    test_write(s.db, "bob a=2");
    CHECK(state_of(&s, "bob", "a") == before + 3);
    test_stage_end(&s);
}

TEST(clock_far_ahead_that_was_corrected_goes_on_and_says_by_how_much)
{
    uint64_t wrong;
    test_stage s;

    test_stage_begin(&s, NULL);
    s.t.te.epoch_ms += UINT64_C(365) * 24 * 3600 * 1000;
    test_write(s.db, "ada a=1");
    wrong = state_of(&s, "ada", "a");
    s.t.te.epoch_ms -= UINT64_C(365) * 24 * 3600 * 1000;
    test_write(s.db, "ada a=2");
    CHECK(state_of(&s, "ada", "a") == wrong + 1);
    CHECK(stats_of(&s).clock_ahead_ms == UINT64_C(365) * 24 * 3600 * 1000);
    test_stage_end(&s);
}

TEST(highest_state_is_found_again_when_the_store_is_opened)
{
    uint64_t before;
    test_stage s;

    test_stage_begin(&s, NULL);
    test_write(s.db, "ada a=1");
    before = state_of(&s, "ada", "a");
    test_stage_close(&s);
    s.t.te.epoch_ms -= 3600 * 1000;
    test_stage_open(&s, NULL);
    test_write(s.db, "bob a=1");
    CHECK(state_of(&s, "bob", "a") == before + 1);
    test_stage_end(&s);
}

TEST(write_is_above_what_it_overwrites)
{
    uint64_t ahead;
    test_stage s;

    test_stage_begin(&s, NULL);
    ahead = now(&s) + (60 << 11);
    test_commit(s.db, row_at("ada", ahead));
    test_write(s.db, "ada a=2 b=2, bob a=1");
    CHECK(state_of(&s, "ada", "a") == ahead + 1 && state_of(&s, "ada", "b") == ahead + 1);
    CHECK(state_of(&s, "bob", "a") == ahead + 1);
    test_write(s.db, "bob a=2");
    CHECK(state_of(&s, "bob", "a") == ahead + 2);
    test_stage_end(&s);
}

TEST(deleting_is_above_every_field)
{
    uint64_t ahead;
    test_stage s;

    test_stage_begin(&s, NULL);
    ahead = now(&s) + (60 << 11);
    test_commit(s.db, row_at("ada", ahead));
    test_write(s.db, "!ada b=1");
    test_peek_is(s.db, "ada", "{\"b\":1}");
    CHECK(state_of(&s, "ada", "b") == ahead + 1);
    CHECK(mt_node_floor(mt_peek(s.db, mt_str("ada"))) == ahead);
    test_stage_end(&s);
}

TEST(merging_never_moves_the_clock)
{
    test_call c = {.name = "c"};
    test_stage s;

    test_stage_begin(&s, NULL);
    test_write(s.db, "bob a=1");
    test_commit(s.db, row_at("ada", now(&s) + (500 << 11)));
    CHECK(test_call_receive(&c, s.db, NULL, row_at("cyd", now(&s) + (500 << 11)), NULL) == MT_OK);
    test_env_run(&s.t.te);
    test_call_is(&c, MT_OK, NULL);
    CHECK(stats_of(&s).clock == now(&s));
    test_write(s.db, "dan a=1");
    CHECK(state_of(&s, "dan", "a") == now(&s) + 1);
    test_stage_end(&s);
}

TEST(there_is_no_state_above_the_last)
{
    mt_options anything = {.size = sizeof anything, .allow_future = true};
    static const mt_clock clocks[] = {MT_CLOCK_HYBRID, MT_CLOCK_LAMPORT};
    test_call c = {.name = "c"};
    test_stage s;

    for (size_t i = 0; i < TEST_COUNT(clocks); i++) {
        mt_config config = {.size = sizeof config, .clock = clocks[i]};
        test_stage_begin(&s, &config);
        CHECK(test_call_rows(&c, s.db, row_at("ada", MT_STATE_MAX), &anything) == MT_OK);
        test_env_run(&s.t.te);
        test_call_is(&c, MT_OK, NULL);
        CHECK(test_call_write(&c, s.db, "ada a=2", NULL) == MT_OK);
        test_env_run(&s.t.te);
        test_call_is(&c, MT_STATE, NULL);
        test_peek_is(s.db, "ada", "{\"a\":1}");
        test_write(s.db, "bob a=1");
        test_stage_end(&s);
    }
}

/* ---- Counting ---- */

TEST(counting_clock_adds_one_for_each_field)
{
    test_stage s;

    test_stage_begin(&s, &counts);
    test_commit(s.db, "ada^3 a=1@5 b=1@9");
    test_write(s.db, "ada a=2 b=2 c=2");
    test_storage_says(&s.ts, "ada^3 a=2@6 b=2@10 c=2@4");
    test_write(s.db, "!ada a=3");
    test_storage_says(&s.ts, "ada^10 a=3@11");
    CHECK(stats_of(&s).clock == 0 && stats_of(&s).clock_ahead_ms == 0);
    test_stage_end(&s);
}

TEST(counting_clock_counts_on_plainly_after_a_commit_that_failed)
{
    test_hook hook = {.name = "h", .does = TEST_HOLDS};
    mt_hook hooks[] = {test_hook_at(&hook, MT_BEFORE_WRITE)};
    mt_config config = counts;
    test_call w[3] = {{.name = "a"}, {.name = "b"}, {.name = "c"}};
    test_stage s;

    test_stage_init(&s);
    config.hooks = hooks;
    config.hook_count = 1;
    test_stage_open(&s, &config);
    for (size_t i = 0; i < 3; i++) CHECK(test_call_write(&w[i], s.db, "ada n=1", NULL) == MT_OK);
    s.ts.fault = (test_fault){.calls = TEST_WRITE, .status = MT_FULL};
    test_hook_pass(&hook, 2);
    test_hook_pass(&hook, 1);
    test_hook_pass(&hook, 0);
    test_env_run(&s.t.te);
    for (size_t i = 0; i < 3; i++) test_call_is(&w[i], MT_FULL, NULL);
    hook.does = TEST_PASSES;
    test_write(s.db, "ada n=2");
    test_storage_says(&s.ts, "ada n=2@1");
    test_stage_end(&s);
}

TEST(mode_of_the_clock_is_that_of_the_store)
{
    mt_config hybrid = {.size = sizeof hybrid, .clock = MT_CLOCK_HYBRID};
    test_call c = {.name = "c"};
    test_stage s;

    test_stage_begin(&s, &counts);
    test_write(s.db, "ada a=1");
    test_stage_close(&s);
    test_stage_open(&s, NULL);
    CHECK(mt_db_clock(s.db) == MT_CLOCK_LAMPORT);
    test_stage_close(&s);
    test_stage_open(&s, &hybrid);
    CHECK(test_call_read(&c, s.db, "ada", NULL) == MT_OK);
    test_env_run(&s.t.te);
    test_call_is(&c, MT_INVALID, "the store has a lamport clock, the config asks for hybrid");
    test_stage_end(&s);
}

TEST(store_with_a_clock_that_cannot_be_does_not_open)
{
    test_call c = {.name = "c"};
    test_stage s;

    for (int mode = 0; mode < 2; mode++) {
        test_stage_init(&s);
        if (mode) s.ts.clock_mode = 77;
        else s.ts.clock = MT_STATE_MAX + 1;
        test_stage_open(&s, NULL);
        CHECK(test_call_read(&c, s.db, "ada", NULL) == MT_OK);
        test_env_run(&s.t.te);
        test_call_is(&c, mode ? MT_UNSUPPORTED : MT_MALFORMED, NULL);
        test_stage_end(&s);
    }
}

/* ---- States from elsewhere ---- */

typedef mt_status comes(test_call *call, test_stage *s, const char *rows,
                        const mt_options *options);

static mt_status comes_as_rows(test_call *call, test_stage *s, const char *rows,
                               const mt_options *options)
{
    return test_call_rows(call, s->db, rows, options);
}

static mt_status comes_from_a_peer(test_call *call, test_stage *s, const char *rows,
                                   const mt_options *options)
{
    return test_call_receive(call, s->db, NULL, rows, options);
}

static comes *const ways[] = {comes_as_rows, comes_from_a_peer};

TEST(state_may_be_ten_minutes_ahead_and_no_more)
{
    mt_options anything = {.size = sizeof anything, .allow_future = true};
    test_call c = {.name = "c"};
    uint64_t most;
    test_stage s;

    for (size_t i = 0; i < TEST_COUNT(ways); i++) {
        test_stage_begin(&s, NULL);
        most = now(&s) + ((uint64_t)600 * 1000 << 11);
        CHECK(ways[i](&c, &s, row_at("ada", most + 1), NULL) == MT_OK);
        test_env_run(&s.t.te);
        test_call_is(&c, MT_STATE, NULL);
        CHECK(strstr(c.a.text, "600 s ahead of the time of day; 600 are the most"));
        test_peek_is(s.db, "ada", NULL);
        CHECK(ways[i](&c, &s, row_at("ada", most), NULL) == MT_OK);
        test_env_run(&s.t.te);
        test_call_is(&c, MT_OK, NULL);
        CHECK(ways[i](&c, &s, row_at("bob", most << 1), &anything) == MT_OK);
        test_env_run(&s.t.te);
        test_call_is(&c, MT_OK, NULL);
        test_stage_end(&s);
    }
}

TEST(floor_ahead_and_one_field_of_many_refuse_the_whole_commit)
{
    test_call c = {.name = "c"};
    char rows[128];
    unsigned long long ahead;
    test_stage s;

    test_stage_begin(&s, NULL);
    ahead = now(&s) + ((uint64_t)601 * 1000 << 11);
    snprintf(rows, sizeof rows, "ada a=1@5, bob a=1@5 b=1@%llu", ahead);
    CHECK(test_call_rows(&c, s.db, rows, NULL) == MT_OK);
    test_env_run(&s.t.te);
    test_call_is(&c, MT_STATE, NULL);
    test_peek_is(s.db, "ada", NULL);
    snprintf(rows, sizeof rows, "ada^%llu", ahead);
    CHECK(test_call_rows(&c, s.db, rows, NULL) == MT_OK);
    test_env_run(&s.t.te);
    test_call_is(&c, MT_STATE, NULL);
    CHECK(s.ts.writes == 0);
    test_stage_end(&s);
}

TEST(committed_graph_keeps_its_states)
{
    mt_graph *graph;
    test_stage s;

    test_stage_begin(&s, NULL);
    graph = test_graph_from("ada^2 a=1@5 b=~@6, bob a=1@7");
    CHECK(mt_commit_graph_wait(s.db, graph, NULL) == MT_OK);
    mt_graph_free(graph);
    test_storage_says(&s.ts, "ada^2 a=1@5 b=~@6, bob a=1@7");
    test_stage_end(&s);
}

TEST(committed_graph_from_the_future_is_refused)
{
    char nodes[64];
    mt_graph *graph;
    test_stage s;

    test_stage_begin(&s, NULL);
    snprintf(nodes, sizeof nodes, "ada a=1@%llu",
             (unsigned long long)(now(&s) + ((uint64_t)601 * 1000 << 11)));
    graph = test_graph_from(nodes);
    CHECK(mt_commit_graph_wait(s.db, graph, NULL) == MT_STATE);
    mt_graph_free(graph);
    test_stage_end(&s);
}

TEST(counting_clock_takes_any_state)
{
    test_stage s;

    test_stage_begin(&s, &counts);
    test_commit(s.db, row_at("ada", MT_STATE_MAX));
    test_peek_is(s.db, "ada", "{\"a\":1}");
    test_stage_end(&s);
}

TEST(states_that_cannot_be_are_refused)
{
    test_call c = {.name = "c"};
    test_stage s;

    test_stage_begin(&s, &counts);
    CHECK(test_call_rows(&c, s.db, "ada a=1", NULL) == MT_OK);
    test_env_run(&s.t.te);
    test_call_is(&c, MT_STATE, NULL);
    CHECK(test_call_rows(&c, s.db, row_at("ada", MT_STATE_MAX + 1), NULL) == MT_OK);
    test_env_run(&s.t.te);
    test_call_is(&c, MT_STATE, NULL);
    test_stage_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(write_gets_the_time_of_day),
        cmocka_unit_test(writes_of_one_millisecond_count_up),
        cmocka_unit_test(clock_set_back_never_yields_a_lower_state),
        cmocka_unit_test(clock_far_ahead_that_was_corrected_goes_on_and_says_by_how_much),
        cmocka_unit_test(highest_state_is_found_again_when_the_store_is_opened),
        cmocka_unit_test(write_is_above_what_it_overwrites),
        cmocka_unit_test(deleting_is_above_every_field),
        cmocka_unit_test(merging_never_moves_the_clock),
        cmocka_unit_test(there_is_no_state_above_the_last),
        cmocka_unit_test(counting_clock_adds_one_for_each_field),
        cmocka_unit_test(counting_clock_counts_on_plainly_after_a_commit_that_failed),
        cmocka_unit_test(mode_of_the_clock_is_that_of_the_store),
        cmocka_unit_test(store_with_a_clock_that_cannot_be_does_not_open),
        cmocka_unit_test(state_may_be_ten_minutes_ahead_and_no_more),
        cmocka_unit_test(floor_ahead_and_one_field_of_many_refuse_the_whole_commit),
        cmocka_unit_test(committed_graph_keeps_its_states),
        cmocka_unit_test(committed_graph_from_the_future_is_refused),
        cmocka_unit_test(counting_clock_takes_any_state),
        cmocka_unit_test(states_that_cannot_be_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
