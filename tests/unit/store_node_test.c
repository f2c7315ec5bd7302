/* store_node_test.c - how nodes rest, how they are written from one form to the other, and read. */
#include "crdt/part.h"
#include "store/large.h"
#include "test_binary.h"
#include "test_shelf.h"
#include <stdio.h>
#include <string.h>

static const mt_cursor none;

/* ---- Small nodes ---- */

TEST(a_small_node_is_one_record)
{
    test_shelf shelf = {0};

    test_shelf_begin(&shelf);
    test_shelf_write(&shelf, "ada name='Ada'@4 old=~@5, bob^3", "");
    test_shelf_keys(&shelf, "n f", "nada nbob");
    test_shelf_reads(&shelf, "ada", NULL, false,
                     "\"ada\": \"name\"=\"Ada\"@4 \"old\"=deleted@5 max 5");
    test_shelf_reads(&shelf, "bob", NULL, false, "\"bob\"^3: max 3");
    test_shelf_end(&shelf);
}

TEST(a_small_node_comes_whole_whatever_of_it_is_asked_for)
{
    test_shelf shelf = {0};

    test_shelf_begin(&shelf);
    test_shelf_write(&shelf, "ada age=7@4 name='Ada'@5", "");
    test_shelf_reads(&shelf, "ada", "age", false, "\"ada\": \"age\"=7@4 \"name\"=\"Ada\"@5 max 5");
    test_shelf_reads(&shelf, "ada", NULL, true, "\"ada\": \"age\"=7@4 \"name\"=\"Ada\"@5 max 5");
    test_shelf_end(&shelf);
}

TEST(a_node_that_is_not_there_has_no_row)
{
    test_shelf shelf = {0};

    test_shelf_begin(&shelf);
    test_shelf_reads(&shelf, "ada", NULL, false, "");
    test_shelf_reads(&shelf, "ada", "name", false, "");
    test_shelf_reads(&shelf, "ada", NULL, true, "");
    test_shelf_end(&shelf);
}

TEST(a_deleted_node_keeps_its_record)
{
    test_shelf shelf = {0};

    test_shelf_begin(&shelf);
    test_shelf_write(&shelf, "ada name='Ada'@4", "");
    test_shelf_write(&shelf, "ada^4", "");
    test_shelf_keys(&shelf, "n", "nada");
    test_shelf_reads(&shelf, "ada", NULL, true, "\"ada\"^4: max 4");
    test_shelf_end(&shelf);
}

TEST(what_did_nothing_is_not_written)
{
    test_shelf shelf = {0};

    test_shelf_begin(&shelf);
    test_shelf_write(&shelf, "ada name='Ada'@4", "");
    test_shelf_ops(&shelf);
    test_shelf_write(&shelf, "ada name='Eve'@3", "");
    assert_int_equal(test_shelf_ops(&shelf), 0);
    test_shelf_end(&shelf);
}

/* ---- Large nodes ---- */

TEST(a_node_of_more_than_64_fields_is_large)
{
    test_shelf shelf = {0};

    test_shelf_begin(&shelf);
    test_shelf_write_large(&shelf, "big", 64, 5);
    test_shelf_keys(&shelf, "f", "");
    test_shelf_write(&shelf, "big g=1@6", "");
    test_shelf_write(&shelf, "big^5", "");
    test_shelf_keys(&shelf, "n f", "nbig");
    test_shelf_reads(&shelf, "big", NULL, true, "\"big\"^5: \"g\"=1@6 max 6");
    test_shelf_end(&shelf);
}

TEST(a_large_node_comes_without_fields_unless_they_are_asked_for)
{
    test_shelf shelf = {0};

    test_shelf_begin(&shelf);
    test_shelf_write(&shelf, "big^3", "");
    test_shelf_write_large(&shelf, "big", 65, 5);
    test_shelf_reads(&shelf, "big", NULL, false, "\"big\"^3: partial max 5");
    test_shelf_reads(&shelf, "big", "f007 f999", false, "\"big\"^3: \"f007\"=7@5 partial max 5");
    test_shelf_reads(&shelf, "big", "other", false, "\"big\"^3: partial max 5");
    test_asker_is(&shelf.s, shelf.graph);
    test_shelf_end(&shelf);
}

TEST(a_node_whose_record_would_be_long_has_a_record_for_each_field)
{
    test_shelf shelf = {.options.small_len_max = 60};

    test_shelf_begin(&shelf);
    test_shelf_write(&shelf, "ada bio='a text that is too long for so short a record'@4 x=1@4", "");
    test_shelf_keys(&shelf, "f n", "fada|bio fada|x nada");
    /* It has few fields, and comes whole. */
    test_shelf_reads(
        &shelf, "ada", "x", false,
        "\"ada\": \"bio\"=\"a text that is too long for so short a record\"@4 \"x\"=1@4 max 4");
    test_shelf_write(&shelf, "ada bio='short'@5", "");
    test_shelf_keys(&shelf, "n f", "nada");
    test_asker_is(&shelf.s, shelf.graph);
    test_shelf_end(&shelf);
}

TEST(how_long_a_small_node_is_was_settled_when_the_store_was_made)
{
    test_shelf shelf = {.options.small_len_max = 60};
    const char *row = "ada bio='a text that is too long for so short a record'@4";

    test_shelf_begin(&shelf);
    test_shelf_write(&shelf, row, "");
    shelf.options.small_len_max = 1000;
    test_shelf_reopen(&shelf);
    test_shelf_write(&shelf, "ada x=1@5", "");
    test_shelf_keys(&shelf, "f", "fada|bio fada|x");
    test_asker_is(&shelf.s, shelf.graph);
    test_shelf_end(&shelf);
}

TEST(a_change_of_a_large_node_writes_what_changed)
{
    test_shelf shelf = {0};

    test_shelf_begin(&shelf);
    test_shelf_write_large(&shelf, "big", 300, 5);
    test_shelf_ops(&shelf);
    /* The field, the node's record, the log. */
    test_shelf_write(&shelf, "big f007=8@6", "");
    assert_int_equal(test_shelf_ops(&shelf), 3);
    /* The highest state stays as it is. And the entry of the log absorbs the one before. */
    test_shelf_write(&shelf, "big f007=9@6", "");
    assert_int_equal(test_shelf_ops(&shelf), 3);
    test_asker_is(&shelf.s, shelf.graph);
    test_shelf_end(&shelf);
}

TEST(a_floor_takes_fields_of_a_large_node_away)
{
    test_shelf shelf = {0};

    test_shelf_begin(&shelf);
    test_shelf_write_large(&shelf, "big", 80, 5);
    test_shelf_write(&shelf, "big a=1@2 b=2@3 c=3@4", "");
    test_shelf_ops(&shelf);
    /* Two fields, the node's record, the log, and a range of it that is absorbed. */
    test_shelf_write(&shelf, "big^3", "");
    assert_int_equal(test_shelf_ops(&shelf), 5);
    test_shelf_reads(&shelf, "big", "a b c", false, "\"big\"^3: \"c\"=3@4 partial max 5");
    test_asker_is(&shelf.s, shelf.graph);
    test_shelf_end(&shelf);
}

TEST(a_floor_that_takes_most_away_writes_the_rest_anew)
{
    test_shelf shelf = {0};

    test_shelf_begin(&shelf);
    test_shelf_write_large(&shelf, "big", 300, 5);
    test_shelf_write_large(&shelf, "big", 70, 6);
    test_shelf_ops(&shelf);
    test_shelf_write(&shelf, "big^5", "");
    assert_int_equal(test_shelf_ops(&shelf), 74);
    test_asker_is(&shelf.s, shelf.graph);
    test_shelf_end(&shelf);
}

TEST(fields_of_a_node_are_not_those_of_one_whose_uid_goes_on)
{
    test_shelf shelf = {0};

    test_shelf_begin(&shelf);
    test_shelf_write_large(&shelf, "big", 70, 5);
    test_shelf_write_large(&shelf, "bigger", 70, 5);
    test_shelf_write_large(&shelf, "big\x01", 70, 5);
    test_shelf_write(&shelf, "big^5", "");
    test_asker_is(&shelf.s, shelf.graph);
    test_shelf_end(&shelf);
}

TEST(long_nodes_come_in_pages)
{
    test_shelf shelf = {0};

    test_shelf_begin(&shelf);
    test_shelf_write_large(&shelf, "big", 1000, 5);
    test_asker_is(&shelf.s, shelf.graph);
    test_shelf_end(&shelf);
}

/* ---- Several commits in a write ---- */

TEST(a_node_that_commits_touch_again_and_again_is_written_once)
{
    test_shelf shelf = {0};
    mt_storage_commit commits[3] = {{0}};
    mt_storage_write write = {.commits = commits, .commit_count = 3};
    mt_delta *deltas[3];
    test_reply r;

    test_shelf_begin(&shelf);
    test_shelf_write(&shelf, "eve x=1@1", "");
    test_shelf_ops(&shelf);
    CHECK(test_merge_rows(shelf.graph, "ada x=1@1", &deltas[0]) == MT_OK);
    CHECK(test_merge_rows(shelf.graph, "ada x=2@2", &deltas[1]) == MT_OK);
    CHECK(test_merge_rows(shelf.graph, "ada y=2@2", &deltas[2]) == MT_OK);
    for (size_t i = 0; i < 3; i++) commits[i].delta = deltas[i];
    test_ask_write(&shelf.s, &r, &write);
    test_await(&shelf.s, &r);
    test_reply_worked(&r);
    test_reply_end(&r);
    assert_int_equal(test_shelf_ops(&shelf), 2);
    test_shelf_log(&shelf, none, "1:eve* 4:ada*");
    test_asker_is(&shelf.s, shelf.graph);
    for (size_t i = 0; i < 3; i++) mt_delta_free(deltas[i]);
    test_shelf_end(&shelf);
}

/* ---- Nodes of which storage does not know all ---- */

TEST(a_commit_that_is_to_be_written_whole_replaces_what_is_there)
{
    test_shelf shelf = {0};
    mt_storage_commit commit = {.whole = true};
    mt_storage_write write = {.commits = &commit, .commit_count = 1};
    mt_delta *delta = NULL;
    test_reply r;

    test_shelf_begin(&shelf);
    test_shelf_write_large(&shelf, "big", 70, 5);
    /* What was written without storage: it would take `big` for a small node. */
    CHECK(test_merge_rows(shelf.graph, "big^6, big g=1@7, ada x=1@1", NULL) == MT_OK);
    CHECK(test_merge_rows(shelf.graph, "big h=1@8, ada y=1@1", &delta) == MT_OK);
    commit.delta = delta;
    test_ask_write(&shelf.s, &r, &write);
    test_await(&shelf.s, &r);
    test_reply_worked(&r);
    test_reply_end(&r);
    mt_delta_free(delta);
    test_shelf_keys(&shelf, "n f", "nada nbig");
    test_shelf_log(&shelf, none, "2:ada* 3:big*");
    test_asker_is(&shelf.s, shelf.graph);
    test_shelf_end(&shelf);
}

TEST(a_part_of_a_node_is_refused_where_all_is_needed)
{
    mti_part part = {.uid = mt_str("big"), .state_max = 5};
    test_shelf shelf = {0};
    mt_storage_commit commit = {.whole = true};
    mt_storage_write write = {.commits = &commit, .commit_count = 1};
    mt_graph *memory = test_graph_new();
    mt_bytes name = mt_str("f007");
    mt_delta *delta = NULL;
    test_reply r;

    test_shelf_begin(&shelf);
    test_shelf_write_large(&shelf, "big", 70, 5);
    part.absent = &name;
    part.absent_count = 1;
    CHECK(mti_graph_load_part(memory, &part) == MT_OK);
    CHECK(test_merge_rows(memory, "big f007=9@6", &delta) == MT_OK);
    commit.delta = delta;
    test_ask_write(&shelf.s, &r, &write);
    test_await(&shelf.s, &r);
    CHECK(r.status == MT_INVALID);
    assert_string_equal(r.text, "of the node \"big\" only a part is given, and all is needed");
    test_reply_end(&r);
    test_asker_is(&shelf.s, shelf.graph);
    commit.whole = false;
    test_ask_write(&shelf.s, &r, &write);
    test_await(&shelf.s, &r);
    test_reply_worked(&r);
    test_reply_end(&r);
    mt_delta_free(delta);
    mt_graph_free(memory);
    test_shelf_reads(&shelf, "big", "f007", false, "\"big\": \"f007\"=9@6 partial max 6");
    test_shelf_end(&shelf);
}

/* A commit raises the floor while all is in memory; the next one finds only a part of it there. */
TEST(a_node_of_which_a_write_has_only_a_part_in_the_end_is_written_step_by_step)
{
    mti_part part = {.uid = mt_str("big"), .floor = 2, .state_max = 5};
    mt_bytes name = mt_str("f007");
    mt_storage_commit commits[2] = {{.whole = false}, {.whole = false}};
    mt_storage_write write = {.commits = commits, .commit_count = 2};
    mt_graph *memory = test_graph_new(), *all;
    mt_delta *first = NULL, *second = NULL;
    test_shelf shelf = {0};
    test_reply r;

    test_shelf_begin(&shelf);
    test_shelf_write_large(&shelf, "big", 70, 5);
    test_shelf_write(&shelf, "big old=1@1", "");
    all = test_clone(shelf.graph);
    test_worked(all, test_merge_rows(all, "big^2 f003=8@6", &first));
    part.absent = &name;
    part.absent_count = 1;
    CHECK(mti_graph_load_part(memory, &part) == MT_OK);
    test_worked(memory, test_merge_rows(memory, "big f007=9@7", &second));
    commits[0].delta = first;
    commits[1].delta = second;
    test_ask_write(&shelf.s, &r, &write);
    test_await(&shelf.s, &r);
    test_reply_worked(&r);
    test_reply_end(&r);
    mt_delta_free(first);
    mt_delta_free(second);
    mt_graph_free(memory);
    mt_graph_free(all);
    CHECK(test_merge_rows(shelf.graph, "big^2 f003=8@6 f007=9@7", NULL) == MT_OK);
    test_asker_is(&shelf.s, shelf.graph);
    test_shelf_end(&shelf);
}

/* A commit makes the node, and the next one finds only a part of it in memory. */
TEST(a_node_that_is_made_and_then_is_there_in_part_is_written_step_by_step)
{
    mti_part part = {.uid = mt_str("big"), .state_max = 5};
    mt_bytes name = mt_str("f007");
    mt_storage_commit commits[2] = {{.whole = false}, {.whole = false}};
    mt_storage_write write = {.commits = commits, .commit_count = 2};
    mt_graph *memory = test_graph_new();
    mt_delta *second = NULL;
    test_shelf shelf = {0};
    test_reply r;

    test_shelf_begin(&shelf);
    part.absent = &name;
    part.absent_count = 1;
    CHECK(mti_graph_load_part(memory, &part) == MT_OK);
    test_worked(memory, test_merge_rows(memory, "big f007=9@7", &second));
    commits[0].delta = test_large_delta(shelf.graph, "big", 70, 5);
    commits[1].delta = second;
    test_ask_write(&shelf.s, &r, &write);
    test_await(&shelf.s, &r);
    test_reply_worked(&r);
    test_reply_end(&r);
    mt_delta_free((mt_delta *)(uintptr_t)commits[0].delta);
    mt_delta_free(second);
    mt_graph_free(memory);
    CHECK(test_merge_rows(shelf.graph, "big f007=9@7", NULL) == MT_OK);
    test_asker_is(&shelf.s, shelf.graph);
    test_shelf_end(&shelf);
}

/* ---- Extensions ---- */

/* Puts the record of a row under a key. */
static void put_row(test_shelf *shelf, mt_bytes key, mt_row *row)
{
    test_rows rows = {row, 1, 1};
    mt_buf value = test_encode(&rows, NULL, NULL);

    test_shelf_put(shelf, key, &value);
    mt_buf_free(&value);
}

TEST(what_a_record_carries_is_handed_on)
{
    const mt_bytes field_key = {(const uint8_t *)"fbig\0f002", 9};
    mt_field field = {.name = mt_str("x"), .value = mt_number(1), .state = 4};
    mt_row row = {.uid = mt_str("ada"), .fields = &field, .count = 1, .extension = mt_str("sig")};
    test_shelf shelf = {0};
    test_reply r;

    test_shelf_begin(&shelf);
    test_shelf_write_large(&shelf, "big", 65, 5);
    put_row(&shelf, mt_str("nada"), &row);
    test_shelf_reads(&shelf, "ada", NULL, false, "\"ada\": \"x\"=1@4 +\"sig\" max 4");
    field.name = mt_str("f002");
    field.state = 5;
    row.uid = mt_str("big");
    put_row(&shelf, field_key, &row);
    /* It stands in a row by itself. */
    test_shelf_reads(&shelf, "big", "f001 f002 f003", false,
                     "\"big\": \"f001\"=7@5 more partial max 5\n"
                     "\"big\": \"f002\"=1@5 +\"sig\" more partial max 5\n"
                     "\"big\": \"f003\"=7@5 partial max 5");
    r = test_asker_read(&shelf.s, &(mt_storage_key){.uid = row.uid, .whole = true}, 1);
    assert_int_equal(r.row_count, 3);
    assert_int_equal(r.rows[0].row.count, 2);
    CHECK(mt_bytes_equal(r.rows[1].row.extension, row.extension));
    assert_int_equal(r.rows[2].row.count, 62);
    test_reply_end(&r);
    test_shelf_end(&shelf);
}

TEST(what_the_record_of_a_large_node_carries_comes_with_its_last_row)
{
    uint8_t room[MTI_LARGE_BOUND + 8] = {MTI_LARGE_MANY, 0, 5, 3, 's', 'i', 'g'};
    mt_buf value = {.mem = test_mem(), .data = room};
    test_shelf shelf = {0};
    test_reply r;

    test_shelf_begin(&shelf);
    test_shelf_write_large(&shelf, "big", 65, 5);
    value.len = (size_t)(mti_seal_put(mt_str("nbig"), room, room + 7) - room);
    test_shelf_put(&shelf, mt_str("nbig"), &value);
    test_shelf_reads(&shelf, "big", NULL, false, "\"big\": +\"sig\" partial max 5");
    r = test_asker_read(&shelf.s, &(mt_storage_key){.uid = mt_str("big"), .whole = true}, 1);
    CHECK(mt_bytes_equal(r.rows[r.row_count - 1].row.extension, mt_str("sig")));
    test_reply_end(&r);
    test_shelf_end(&shelf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_small_node_is_one_record),
        cmocka_unit_test(a_small_node_comes_whole_whatever_of_it_is_asked_for),
        cmocka_unit_test(a_node_that_is_not_there_has_no_row),
        cmocka_unit_test(a_deleted_node_keeps_its_record),
        cmocka_unit_test(what_did_nothing_is_not_written),
        cmocka_unit_test(a_node_of_more_than_64_fields_is_large),
        cmocka_unit_test(a_large_node_comes_without_fields_unless_they_are_asked_for),
        cmocka_unit_test(a_node_whose_record_would_be_long_has_a_record_for_each_field),
        cmocka_unit_test(how_long_a_small_node_is_was_settled_when_the_store_was_made),
        cmocka_unit_test(a_change_of_a_large_node_writes_what_changed),
        cmocka_unit_test(a_floor_takes_fields_of_a_large_node_away),
        cmocka_unit_test(a_floor_that_takes_most_away_writes_the_rest_anew),
        cmocka_unit_test(fields_of_a_node_are_not_those_of_one_whose_uid_goes_on),
        cmocka_unit_test(long_nodes_come_in_pages),
        cmocka_unit_test(a_node_that_commits_touch_again_and_again_is_written_once),
        cmocka_unit_test(a_commit_that_is_to_be_written_whole_replaces_what_is_there),
        cmocka_unit_test(a_part_of_a_node_is_refused_where_all_is_needed),
        cmocka_unit_test(
            a_node_of_which_a_write_has_only_a_part_in_the_end_is_written_step_by_step),
        cmocka_unit_test(a_node_that_is_made_and_then_is_there_in_part_is_written_step_by_step),
        cmocka_unit_test(what_a_record_carries_is_handed_on),
        cmocka_unit_test(what_the_record_of_a_large_node_carries_comes_with_its_last_row),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
