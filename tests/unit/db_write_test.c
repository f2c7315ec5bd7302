/* Writes: their way from the call to storage, to events and to the answer. */
#include "test.h"
#include "test_calls.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A database whose states count, so that they can be read. */
static const mt_config counts = {.size = sizeof counts, .clock = MT_CLOCK_LAMPORT};

/* ---- Reading before merging ---- */

TEST(node_is_read_before_it_is_merged)
{
    test_stage s;

    test_stage_init(&s);
    test_storage_put(&s.ts, "ada name='Ada'@7 old=1@3");
    test_stage_open(&s, &counts);
    test_write(s.db, "ada name='Eve'");
    test_heard_is(&s.ts.heard, "open read(ada) write(ada)");
    test_storage_says(&s.ts, "ada name='Eve'@8 old=1@3");
    test_stage_end(&s);
}

TEST(node_in_memory_is_not_read_again)
{
    test_stage s;

    test_stage_begin(&s, &counts);
    test_write(s.db, "ada name='Ada'");
    test_write(s.db, "ada name='Eve'");
    test_heard_is(&s.ts.heard, "read(ada) write(ada) write(ada)");
    test_stage_end(&s);
}

TEST(all_nodes_of_a_write_are_read_in_one_request)
{
    test_stage s;

    test_stage_begin(&s, NULL);
    test_write(s.db, "cyd a=1, ada a=1, bob a=1, ada b=2");
    test_heard_is(&s.ts.heard, "read(ada,bob,cyd) write(ada,bob,cyd)");
    test_stage_end(&s);
}

TEST(two_writes_to_one_node_read_it_once)
{
    test_call w[2] = {{.name = "a"}, {.name = "b"}};
    test_stage s;

    test_stage_init(&s);
    s.ts.when = TEST_LATER;
    test_stage_open(&s, &counts);
    CHECK(test_call_write(&w[0], s.db, "ada a=1", NULL) == MT_OK);
    CHECK(test_call_write(&w[1], s.db, "ada b=2", NULL) == MT_OK);
    test_env_run(&s.t.te);
    test_call_is(&w[0], MT_OK, NULL);
    test_call_is(&w[1], MT_OK, NULL);
    test_heard_is(&s.ts.heard, "open read(ada) write(ada|ada)");
    test_stage_end(&s);
}

TEST(write_fails_where_its_node_cannot_be_read)
{
    test_call w = {.name = "w"};
    test_stage s;

    test_stage_begin(&s, NULL);
    s.ts.fault = (test_fault){.calls = TEST_READ, .status = MT_IO};
    CHECK(test_call_write(&w, s.db, "ada name='Ada'", NULL) == MT_OK);
    test_env_run(&s.t.te);
    test_call_is(&w, MT_IO, "the disk is upset");
    test_heard_is(&s.ts.heard, "read(ada)");
    test_read_is(s.db, "ada", NULL);
    test_stage_end(&s);
}

/* ---- Storage ---- */

TEST(writes_of_one_turn_are_one_write_to_storage)
{
    test_call w[3] = {{.name = "a"}, {.name = "b"}, {.name = "c"}};
    test_stage s;

    test_stage_begin(&s, NULL);
    CHECK(test_call_write(&w[0], s.db, "ada a=1", NULL) == MT_OK);
    CHECK(test_call_write(&w[1], s.db, "bob a=1, cyd a=1", NULL) == MT_OK);
    CHECK(test_call_write(&w[2], s.db, "ada a=2", NULL) == MT_OK);
    test_env_run(&s.t.te);
    for (size_t i = 0; i < 3; i++) test_call_is(&w[i], MT_OK, NULL);
    test_heard_is(&s.ts.heard, "read(ada) read(bob,cyd) write(ada|bob,cyd|ada)");
    test_stage_end(&s);
}

TEST(writes_that_come_while_one_is_stored_go_together_next)
{
    test_call w[3] = {{.name = "a"}, {.name = "b"}, {.name = "c"}};
    test_stage s;

    test_stage_begin(&s, NULL);
    test_write(s.db, "ada a=0, bob a=0, cyd a=0");
    test_heard_is(&s.ts.heard, "read(ada,bob,cyd) write(ada,bob,cyd)");
    s.ts.when = TEST_HELD;
    CHECK(test_call_write(&w[0], s.db, "ada a=1", NULL) == MT_OK);
    test_env_run(&s.t.te);
    CHECK(test_call_write(&w[1], s.db, "bob a=1", NULL) == MT_OK);
    test_env_run(&s.t.te);
    CHECK(test_call_write(&w[2], s.db, "cyd a=1", NULL) == MT_OK);
    test_env_run(&s.t.te);
    test_heard_is(&s.ts.heard, "write(ada)");
    test_storage_answer(&s.ts, 0);
    test_env_run(&s.t.te);
    test_heard_is(&s.ts.heard, "write(bob|cyd)");
    test_call_is(&w[0], MT_OK, NULL);
    CHECK(w[1].a.count == 0 && w[2].a.count == 0);
    test_storage_answer(&s.ts, 0);
    test_env_run(&s.t.te);
    test_call_is(&w[1], MT_OK, NULL);
    test_call_is(&w[2], MT_OK, NULL);
    test_stage_end(&s);
}

TEST(readers_see_a_commit_once_it_is_merged)
{
    test_call w = {.name = "w"};
    test_stage s;

    test_stage_begin(&s, NULL);
    test_write(s.db, "ada name='Ada'");
    s.ts.when = TEST_HELD;
    CHECK(test_call_write(&w, s.db, "ada name='Eve'", NULL) == MT_OK);
    test_peek_is(s.db, "ada", "{\"name\":\"Eve\"}");
    test_read_is(s.db, "ada", "{\"name\":\"Eve\"}");
    CHECK(w.a.count == 0);
    test_stage_end(&s);
}

TEST(write_that_storage_does_not_take_is_undone)
{
    test_watch watch = {.name = "w"};
    test_call w = {.name = "w"};
    test_stage s;

    for (int at_start = 0; at_start < 2; at_start++) {
        test_stage_begin(&s, &counts);
        test_write(s.db, "ada name='Ada'");
        watch = (test_watch){.name = "w", .heard = &s.heard};
        test_watch_on(&watch, s.db, 7, "*");
        s.ts.fault = (test_fault){.calls = TEST_WRITE, .status = MT_FULL, .at_start = at_start};
        CHECK(test_call_write(&w, s.db, "ada name='Eve', bob a=1", NULL) == MT_OK);
        test_env_run(&s.t.te);
        test_call_is(&w, MT_FULL, at_start ? mt_status_text(MT_FULL) : "the disk is upset");
        CHECK(!w.a.has_delta && w.nodes[0] == '\0');
        test_peek_is(s.db, "ada", "{\"name\":\"Ada\"}");
        test_peek_is(s.db, "bob", NULL);
        test_heard_is(&s.heard, "");
        test_storage_says(&s.ts, "ada name='Ada'@1");
        test_write(s.db, "ada age=7");
        test_storage_says(&s.ts, "ada age=7@1 name='Ada'@1");
        test_heard_is(&s.heard, "w:update(ada)");
        test_stage_end(&s);
    }
}

TEST(commits_of_a_failed_batch_are_undone_together)
{
    test_call w[3] = {{.name = "a"}, {.name = "b"}, {.name = "c"}};
    test_stage s;

    test_stage_begin(&s, &counts);
    test_write(s.db, "ada a=0, bob a=0");
    s.ts.fault = (test_fault){.calls = TEST_WRITE, .status = MT_IO};
    CHECK(test_call_write(&w[0], s.db, "ada a=1", NULL) == MT_OK);
    CHECK(test_call_write(&w[1], s.db, "ada a=2 b=2, cyd a=2", NULL) == MT_OK);
    CHECK(test_call_delete(&w[2], s.db, "ada", NULL) == MT_OK);
    test_peek_is(s.db, "ada", NULL);
    test_env_run(&s.t.te);
    for (size_t i = 0; i < 3; i++) test_call_is(&w[i], MT_IO, "the disk is upset");
    test_peek_is(s.db, "ada", "{\"a\":0}");
    test_peek_is(s.db, "cyd", NULL);
    test_stage_end(&s);
}

TEST(commit_behind_a_failed_batch_is_merged_anew)
{
    test_call w[2] = {{.name = "a"}, {.name = "b"}};
    test_stage s;

    test_stage_begin(&s, &counts);
    test_write(s.db, "ada a=0 b=0");
    s.ts.when = TEST_HELD;
    s.ts.fault = (test_fault){.calls = TEST_WRITE, .status = MT_IO};
    CHECK(test_call_write(&w[0], s.db, "ada a=1 b=1", NULL) == MT_OK);
    test_env_run(&s.t.te);
    CHECK(test_call_write(&w[1], s.db, "ada b=2 c=2", NULL) == MT_OK);
    test_env_run(&s.t.te);
    test_storage_answer(&s.ts, 0);
    test_peek_is(s.db, "ada", "{\"a\":0,\"b\":2,\"c\":2}");
    test_env_run(&s.t.te);
    test_call_is(&w[0], MT_IO, "the disk is upset");
    test_storage_answer(&s.ts, 0);
    test_env_run(&s.t.te);
    test_call_is(&w[1], MT_OK, NULL);
    test_storage_says(&s.ts, "ada a=0@1 b=2@2 c=2@1");
    test_stage_end(&s);
}

TEST(commit_that_repeats_one_on_its_way_is_not_durable_before_it)
{
    test_call w[2] = {{.name = "a"}, {.name = "b"}};
    test_stage s;

    test_stage_begin(&s, &counts);
    test_write(s.db, "ada a=0");
    s.ts.when = TEST_HELD;
    s.ts.fault = (test_fault){.calls = TEST_WRITE, .status = MT_IO};
    CHECK(test_call_rows(&w[0], s.db, "ada a=1@5", NULL) == MT_OK);
    test_env_run(&s.t.te);
    CHECK(test_call_rows(&w[1], s.db, "ada a=1@5", NULL) == MT_OK);
    test_env_run(&s.t.te);
    CHECK(w[1].a.count == 0);
    test_storage_answer(&s.ts, 0);
    test_env_run(&s.t.te);
    test_call_is(&w[0], MT_IO, NULL);
    CHECK(w[1].a.count == 0);
    test_storage_answer(&s.ts, 0);
    test_env_run(&s.t.te);
    test_call_is(&w[1], MT_OK, NULL);
    CHECK(w[1].a.reached == MT_LEVEL_DURABLE);
    test_storage_says(&s.ts, "ada a=1@5");
    test_stage_end(&s);
}

TEST(volatile_write_behind_a_failed_batch_stays)
{
    mt_options aside = {.size = sizeof aside, .storage_none = true};
    test_call w[2] = {{.name = "a"}, {.name = "b"}};
    test_stage s;

    test_stage_begin(&s, &counts);
    test_write(s.db, "ada a=0");
    s.ts.when = TEST_HELD;
    s.ts.fault = (test_fault){.calls = TEST_WRITE, .status = MT_IO};
    CHECK(test_call_write(&w[0], s.db, "ada a=1", NULL) == MT_OK);
    test_env_run(&s.t.te);
    CHECK(test_call_write(&w[1], s.db, "ada b=1", &aside) == MT_OK);
    test_env_run(&s.t.te);
    test_call_is(&w[1], MT_OK, NULL);
    test_storage_answer(&s.ts, 0);
    test_env_run(&s.t.te);
    test_call_is(&w[0], MT_IO, NULL);
    test_peek_is(s.db, "ada", "{\"a\":0,\"b\":1}");
    test_storage_says(&s.ts, "ada a=0@1");
    test_stage_end(&s);
}

/* ---- Large nodes ---- */

TEST(write_to_a_large_node_reads_only_the_fields_it_names)
{
    test_stage s;

    test_stage_init(&s);
    s.ts.large = 2;
    test_storage_put(&s.ts, "ada a=1@9 b=2@8 c=3@7");
    test_stage_open(&s, &counts);
    test_write(s.db, "ada b=5 d=4");
    test_heard_is(&s.ts.heard, "open read(ada) read(ada:b:d) write(ada)");
    test_storage_says(&s.ts, "ada a=1@9 b=5@9 c=3@7 d=4@1");
    test_write(s.db, "ada b=6");
    test_heard_is(&s.ts.heard, "write(ada)");
    test_stage_end(&s);
}

TEST(commit_behind_a_failed_batch_never_overwrites_what_is_not_in_memory)
{
    test_call w[2] = {{.name = "a"}, {.name = "b"}};
    test_stage s;

    test_stage_init(&s);
    s.ts.large = 2;
    test_storage_put(&s.ts, "ada a=1@9 b=2@8 c=3@7");
    test_stage_open(&s, &counts);
    test_write(s.db, "ada a=2");
    s.ts.when = TEST_HELD;
    s.ts.fault = (test_fault){.calls = TEST_WRITE, .status = MT_IO};
    CHECK(test_call_write(&w[0], s.db, "ada a=3", NULL) == MT_OK);
    test_env_run(&s.t.te);
    CHECK(test_call_write(&w[1], s.db, "ada b=3", NULL) == MT_OK);
    test_storage_answer(&s.ts, 1);
    test_env_run(&s.t.te);
    test_peek_is(s.db, "ada", "{\"a\":3,\"b\":3}");
    test_storage_answer(&s.ts, 0);
    test_env_run(&s.t.te);
    test_storage_answer_all(&s.ts);
    test_env_run(&s.t.te);
    test_call_is(&w[0], MT_IO, NULL);
    test_call_is(&w[1], MT_IO, NULL);
    s.ts.when = TEST_AT_ONCE;
    test_write(s.db, "ada b=4");
    test_storage_says(&s.ts, "ada a=2@10 b=4@9 c=3@7");
    test_stage_end(&s);
}

TEST(deleting_a_large_node_reads_it_whole)
{
    test_stage s;

    test_stage_init(&s);
    s.ts.large = 2;
    test_storage_put(&s.ts, "ada a=1@9 b=2@8 c=3@7");
    test_stage_open(&s, &counts);
    test_write(s.db, "!ada");
    test_heard_is(&s.ts.heard, "open read(ada!) write(ada)");
    test_storage_says(&s.ts, "ada^9");
    test_stage_end(&s);
}

TEST(deleting_a_large_node_of_which_a_part_is_in_memory_reads_the_rest)
{
    test_stage s;

    test_stage_init(&s);
    s.ts.large = 2;
    s.ts.row_fields = 1;
    s.ts.rows_alone = true;
    test_storage_put(&s.ts, "ada a=1@9 b=2@8 c=3@7");
    test_stage_open(&s, &counts);
    test_write(s.db, "ada b=3");
    test_write(s.db, "!ada");
    test_heard_is(&s.ts.heard, "open read(ada) read(ada:b) write(ada) read(ada!) write(ada)");
    test_storage_says(&s.ts, "ada^9");
    test_read_is(s.db, "ada", NULL);
    test_stage_end(&s);
}

TEST(storage_that_wants_whole_nodes_gets_them)
{
    test_stage s;

    test_stage_init(&s);
    s.ts.large = 2;
    s.ts.ops.wants_full = true;
    test_storage_put(&s.ts, "ada a=1@9 b=2@8 c=3@7");
    test_stage_open(&s, &counts);
    test_write(s.db, "ada b=5");
    test_heard_is(&s.ts.heard, "open read(ada!) write(ada)");
    test_stage_end(&s);
}

/* ---- Writes that do nothing ---- */

TEST(row_without_fields_gives_a_handle_and_stores_nothing)
{
    mt_row row = {.uid = mt_str("ada")};
    mt_handle *ada = NULL;
    test_stage s;

    test_stage_begin(&s, NULL);
    CHECK(mt_write_wait(s.db, &row, 1, NULL, &ada) == MT_OK);
    CHECK(ada && mt_bytes_equal(mt_handle_uid(ada), mt_str("ada")));
    CHECK(mt_handle_node(ada) == NULL);
    mt_handle_unref(ada);
    CHECK(s.ts.writes == 0);
    test_storage_says(&s.ts, "");
    test_stage_end(&s);
}

TEST(write_of_no_rows_succeeds)
{
    test_call w = {.name = "w"};
    test_stage s;

    test_stage_begin(&s, NULL);
    CHECK(test_call_write(&w, s.db, "", NULL) == MT_OK);
    test_env_run(&s.t.te);
    test_call_is(&w, MT_OK, NULL);
    test_heard_is(&s.ts.heard, "");
    test_stage_end(&s);
}

TEST(of_two_rows_with_one_uid_the_second_overwrites_the_first)
{
    static const mt_clock clocks[] = {MT_CLOCK_HYBRID, MT_CLOCK_LAMPORT};
    test_stage s;

    for (size_t i = 0; i < TEST_COUNT(clocks); i++) {
        mt_config config = {.size = sizeof config, .clock = clocks[i]};
        test_stage_begin(&s, &config);
        test_write(s.db, "ada a=2 b=1, bob a=1, ada a=1");
        test_peek_is(s.db, "ada", "{\"a\":1,\"b\":1}");
        test_write(s.db, "ada a=3, !ada b=2");
        test_peek_is(s.db, "ada", "{\"b\":2}");
        test_write(s.db, "ada a=4, !ada, ada c=1");
        test_peek_is(s.db, "ada", "{\"c\":1}");
        test_write(s.db, "ada c=~, ada c=2");
        test_peek_is(s.db, "ada", "{\"c\":2}");
        test_stage_end(&s);
    }
}

TEST(deleting_a_node_that_is_not_there_changes_nothing)
{
    test_watch watch = {.name = "w"};
    test_stage s;

    test_stage_begin(&s, NULL);
    watch.heard = &s.heard;
    test_watch_on(&watch, s.db, 7, "*");
    test_write(s.db, "!ada");
    test_heard_is(&s.ts.heard, "read(ada!)");
    test_heard_is(&s.heard, "");
    test_stage_end(&s);
}

/* ---- Rows ---- */

TEST(node_is_deleted_before_the_fields_of_its_row_are_written)
{
    test_stage s;

    test_stage_begin(&s, &counts);
    test_write(s.db, "ada a=1 b=1");
    test_write(s.db, "!ada b=2");
    test_storage_says(&s.ts, "ada^1 b=2@2");
    test_stage_end(&s);
}

TEST(values_names_and_uids_that_cannot_be_are_refused)
{
    static const uint8_t broken[] = {0xC3};
    mt_bytes not_text = {broken, 1};
    mt_field fields[] = {
        {.name = mt_str("a"), .value = {.kind = MT_NUMBER, .as.number = NAN}},
        {.name = mt_str("a"), .value = mt_string(not_text)},
        {.name = mt_str("a"), .value = mt_edge(mt_str(""))},
        {.name = mt_str("a"), .value = {.kind = (mt_value_kind)77}},
        {.name = not_text, .value = mt_null()},
        {.name = mt_str("@object"), .value = mt_null()},
    };
    test_stage s;

    test_stage_begin(&s, NULL);
    for (size_t i = 0; i < TEST_COUNT(fields); i++) {
        mt_row rows[2] = {{.uid = mt_str("bob"), .fields = &fields[i], .count = 1},
                          {.uid = mt_str("ada"), .fields = &fields[i], .count = 1}};
        CHECK(mt_write_wait(s.db, rows, 2, NULL, NULL) == MT_INVALID);
        CHECK(mt_db_error(s.db)->status == MT_INVALID);
    }
    test_peek_is(s.db, "bob", NULL);
    CHECK(s.ts.writes == 0);
    test_stage_end(&s);
}

TEST(uid_that_is_none_is_refused_at_once)
{
    test_call w = {.name = "w"};
    mt_row row = {.uid = mt_str("")};
    test_stage s;

    test_stage_begin(&s, NULL);
    CHECK(mt_write(s.db, &row, 1, NULL, test_answered, &w, NULL) == MT_INVALID);
    CHECK(mt_db_error(s.db)->status == MT_INVALID);
    test_env_run(&s.t.te);
    CHECK(w.a.count == 0);
    test_stage_end(&s);
}

TEST(more_than_a_million_fields_are_refused)
{
    mt_field field = {.name = mt_str("a"), .value = mt_null()};
    mt_row *rows = calloc(1000001, sizeof *rows);
    test_call w = {.name = "w"};
    test_stage s;

    if (!rows) abort();
    for (size_t i = 0; i < 1000001; i++)
        rows[i] = (mt_row){.uid = mt_str("ada"), .fields = &field, .count = 1};
    test_stage_begin(&s, NULL);
    CHECK(mt_write(s.db, rows, 1000001, NULL, test_answered, &w, NULL) == MT_TOO_LARGE);
    assert_string_equal(mt_db_error(s.db)->text, "a commit has at most 1000000 fields");
    free(rows);
    test_stage_end(&s);
}

/* ---- Results ---- */

TEST(result_has_a_handle_for_each_row_and_what_the_options_carried)
{
    test_call w = {.name = "w"};
    mt_options options = {.size = sizeof options, .app = &w};
    test_stage s;

    test_stage_begin(&s, NULL);
    CHECK(test_call_write(&w, s.db, "cyd a=1, ada a=1, cyd b=1", &options) == MT_OK);
    test_env_run(&s.t.te);
    test_call_is(&w, MT_OK, NULL);
    assert_string_equal(w.nodes, "cyd ada cyd");
    CHECK(w.a.has_delta && w.a.app == &w && w.a.reached == MT_LEVEL_DURABLE);
    test_stage_end(&s);
}

TEST(level_applied_is_answered_before_storage_has)
{
    mt_options options = {.size = sizeof options, .level = MT_LEVEL_APPLIED};
    test_call w = {.name = "w"};
    test_stage s;

    test_stage_begin(&s, NULL);
    test_write(s.db, "ada a=1");
    s.ts.when = TEST_HELD;
    CHECK(test_call_write(&w, s.db, "ada a=2", &options) == MT_OK);
    test_env_run(&s.t.te);
    test_call_is(&w, MT_OK, NULL);
    CHECK(w.a.reached == MT_LEVEL_APPLIED && w.a.has_delta);
    CHECK(test_storage_waiting(&s.ts) == 1);
    test_storage_answer_all(&s.ts);
    test_env_run(&s.t.te);
    CHECK(w.a.count == 1);
    test_stage_end(&s);
}

TEST(without_storage_the_default_level_is_applied)
{
    test_call w = {.name = "w"};
    test_db t;

    test_db_memory(&t);
    CHECK(test_call_write(&w, t.db, "ada a=2", NULL) == MT_OK);
    test_env_run(&t.te);
    test_call_is(&w, MT_OK, NULL);
    CHECK(w.a.reached == MT_LEVEL_APPLIED);
    test_db_end(&t);
}

TEST(level_durable_is_refused_where_nothing_would_store_it)
{
    mt_options options = {.size = sizeof options, .level = MT_LEVEL_DURABLE};
    test_call w = {.name = "w"};
    test_stage s;
    test_db t;

    test_db_memory(&t);
    CHECK(test_call_write(&w, t.db, "ada a=2", &options) == MT_INVALID);
    test_db_end(&t);
    test_stage_begin(&s, NULL);
    options.storage_none = true;
    CHECK(test_call_write(&w, s.db, "ada a=2", &options) == MT_INVALID);
    test_stage_end(&s);
}

TEST(options_of_size_zero_mean_what_they_say)
{
    mt_options options = {.storage_none = true};
    test_call w = {.name = "w"};
    test_stage s;

    test_stage_begin(&s, NULL);
    CHECK(test_call_write(&w, s.db, "ada a=2", &options) == MT_OK);
    test_env_run(&s.t.te);
    test_call_is(&w, MT_OK, NULL);
    CHECK(s.ts.writes == 0);
    test_stage_end(&s);
}

TEST(node_write_and_deletes_of_fields_are_writes)
{
    mt_field age = {.name = mt_str("age"), .value = mt_number(7)};
    mt_bytes names[] = {mt_str("name"), mt_str("none")};
    mt_handle *ada;
    test_stage s;

    test_stage_begin(&s, &counts);
    test_write(s.db, "ada name='Ada'");
    ada = test_hold_node(s.db, "ada");
    CHECK(mt_node_write_wait(ada, &age, 1, NULL) == MT_OK);
    CHECK(mt_delete_fields_wait(s.db, mt_str("ada"), names, 2, NULL) == MT_OK);
    test_storage_says(&s.ts, "ada age=7@1 name=~@2 none=~@1");
    CHECK(mt_delete_wait(s.db, mt_str("ada"), NULL) == MT_OK);
    test_storage_says(&s.ts, "ada^2");
    CHECK(mt_handle_node(ada) == NULL);
    mt_handle_unref(ada);
    test_stage_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(node_is_read_before_it_is_merged),
        cmocka_unit_test(node_in_memory_is_not_read_again),
        cmocka_unit_test(all_nodes_of_a_write_are_read_in_one_request),
        cmocka_unit_test(two_writes_to_one_node_read_it_once),
        cmocka_unit_test(write_fails_where_its_node_cannot_be_read),
        cmocka_unit_test(writes_of_one_turn_are_one_write_to_storage),
        cmocka_unit_test(writes_that_come_while_one_is_stored_go_together_next),
        cmocka_unit_test(readers_see_a_commit_once_it_is_merged),
        cmocka_unit_test(write_that_storage_does_not_take_is_undone),
        cmocka_unit_test(commits_of_a_failed_batch_are_undone_together),
        cmocka_unit_test(commit_behind_a_failed_batch_is_merged_anew),
        cmocka_unit_test(commit_that_repeats_one_on_its_way_is_not_durable_before_it),
        cmocka_unit_test(volatile_write_behind_a_failed_batch_stays),
        cmocka_unit_test(write_to_a_large_node_reads_only_the_fields_it_names),
        cmocka_unit_test(commit_behind_a_failed_batch_never_overwrites_what_is_not_in_memory),
        cmocka_unit_test(deleting_a_large_node_reads_it_whole),
        cmocka_unit_test(deleting_a_large_node_of_which_a_part_is_in_memory_reads_the_rest),
        cmocka_unit_test(storage_that_wants_whole_nodes_gets_them),
        cmocka_unit_test(row_without_fields_gives_a_handle_and_stores_nothing),
        cmocka_unit_test(write_of_no_rows_succeeds),
        cmocka_unit_test(of_two_rows_with_one_uid_the_second_overwrites_the_first),
        cmocka_unit_test(deleting_a_node_that_is_not_there_changes_nothing),
        cmocka_unit_test(node_is_deleted_before_the_fields_of_its_row_are_written),
        cmocka_unit_test(values_names_and_uids_that_cannot_be_are_refused),
        cmocka_unit_test(uid_that_is_none_is_refused_at_once),
        cmocka_unit_test(more_than_a_million_fields_are_refused),
        cmocka_unit_test(result_has_a_handle_for_each_row_and_what_the_options_carried),
        cmocka_unit_test(level_applied_is_answered_before_storage_has),
        cmocka_unit_test(without_storage_the_default_level_is_applied),
        cmocka_unit_test(level_durable_is_refused_where_nothing_would_store_it),
        cmocka_unit_test(options_of_size_zero_mean_what_they_say),
        cmocka_unit_test(node_write_and_deletes_of_fields_are_writes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
