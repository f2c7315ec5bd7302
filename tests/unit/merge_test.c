/* The rule, case by case, and what a merge says about itself. */
#include "test_notation.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct expected {
    const char *merged, *update, *history, *conflict;
} expected;

/* Merges graph into graph, and rows into graph: both must say this. */
static void check_merge(const char *current, const char *incoming, expected e)
{
    mt_graph *graph = test_graph_from(current), *other = test_graph_from(incoming);
    mt_graph *rows = test_graph_from(current);
    mt_delta *delta = test_merge(graph, other), *by_rows = NULL;

    test_graph_says(graph, e.merged);
    test_graph_says(other, incoming);
    test_part_says(delta, MT_UPDATE, e.update);
    test_part_says(delta, MT_HISTORY, e.history);
    test_conflict_says(delta, e.conflict);
    test_worked(rows, test_merge_rows(rows, incoming, &by_rows));
    CHECK(mt_graph_equal(rows, graph));
    test_part_says(by_rows, MT_UPDATE, e.update);
    test_part_says(by_rows, MT_HISTORY, e.history);
    test_conflict_says(by_rows, e.conflict);
    mt_delta_free(delta);
    mt_delta_free(by_rows);
    mt_graph_free(graph);
    mt_graph_free(other);
    mt_graph_free(rows);
}

/* ---- Fields ---- */

TEST(the_higher_state_wins)
{
    check_merge("a x=1@2", "a x=2@3", (expected){"a x=2@3", "a x=2@3", "a x=1@2", ""});
    check_merge("a x=1@2", "a x=~@3", (expected){"a x=~@3", "a x=~@3", "a x=1@2", ""});
    check_merge("a x=~@2", "a x=1@3", (expected){"a x=1@3", "a x=1@3", "a x=~@2", ""});
}

TEST(a_late_field_with_lower_state_is_history)
{
    check_merge("a x=1@3", "a x=2@2", (expected){"a x=1@3", "a", "a x=2@2", ""});
    check_merge("a x=~@3", "a x=2@2", (expected){"a x=~@3", "a", "a x=2@2", ""});
}

TEST(what_is_new_is_added)
{
    check_merge("", "a x=1@2", (expected){"a x=1@2", "+a x=1@2", "+a", ""});
    check_merge("a x=1@2", "a y=1@1", (expected){"a x=1@2 y=1@1", "a y=1@1", "a", ""});
    check_merge("a x=1@2", "b", (expected){"a x=1@2, b", "+b", "+b", ""});
    check_merge("b", "a^3, c x=~@2", (expected){"a^3, b, c x=~@2", "+a^3, +c x=~@2", "+a, +c", ""});
}

TEST(at_equal_states_the_greater_text_wins)
{
    check_merge("a x=9@2", "a x=10@2", (expected){"a x=9@2", "a", "a", ""});
    check_merge("a x=10@2", "a x=9@2",
                (expected){"a x=9@2", "a x=9@2", "a x=10@2", "a x=10@2<9@2"});
    check_merge("a x='z'@2", "a x=null@2",
                (expected){"a x=null@2", "a x=null@2", "a x='z'@2", "a x='z'@2<null@2"});
    check_merge("a x=&b@2", "a x=#9007199254740993@2",
                (expected){"a x=#9007199254740993@2", "a x=#9007199254740993@2", "a x=&b@2",
                           "a x=&b@2<#9007199254740993@2"});
    check_merge("a x=$b@2", "a x=true@2", (expected){"a x=$b@2", "a", "a", ""});
}

TEST(texts_compare_by_utf16)
{
    /* U+FF5E is above U+1F600 in UTF-16 and below it in UTF-8. */
    check_merge("a x='\xF0\x9F\x98\x80'@2", "a x='\xEF\xBD\x9E'@2",
                (expected){"a x='\xEF\xBD\x9E'@2", "a x='\xEF\xBD\x9E'@2",
                           "a x='\xF0\x9F\x98\x80'@2",
                           "a x='\xF0\x9F\x98\x80'@2<'\xEF\xBD\x9E'@2"});
}

TEST(the_same_changes_nothing)
{
    check_merge("a x=1@2", "a x=1@2", (expected){"a x=1@2", "a", "a", ""});
    check_merge("a^3 x=~@4", "a^3 x=~@4", (expected){"a^3 x=~@4", "a", "a", ""});
    check_merge("a", "a", (expected){"a", "a", "a", ""});
    check_merge("", "", (expected){"", "", "", ""});
}

TEST(at_equal_states_a_value_beats_a_delete_marker)
{
    check_merge("a x=~@2", "a x=null@2",
                (expected){"a x=null@2", "a x=null@2", "a x=~@2", "a x=~@2<null@2"});
    check_merge("a x=''@2", "a x=~@2", (expected){"a x=''@2", "a", "a", ""});
}

/* ---- Floors ---- */

TEST(a_floor_takes_away_what_is_at_or_below_it)
{
    check_merge("a x=1@2 y=1@3 z=1@4", "a^3",
                (expected){"a^3 z=1@4", "a^3", "a x=1@2 y=1@3", "a y=1@3<~@3"});
    check_merge("a^2 x=1@3", "a^5", (expected){"a^5", "a^5", "a^2 x=1@3", ""});
    check_merge("a x=~@3", "a^3", (expected){"a^3", "a^3", "a x=~@3", "a x=~@3<~@3"});
}

TEST(what_comes_below_a_floor_is_late)
{
    check_merge("a^3", "a x=1@2 y=1@3 z=1@4", (expected){"a^3 z=1@4", "a z=1@4", "a x=1@2", ""});
    check_merge("a^3", "a^2 x=1@4", (expected){"a^3 x=1@4", "a x=1@4", "a^2", ""});
    check_merge("a^3 x=1@4", "a^2", (expected){"a^3 x=1@4", "a", "a^2", ""});
}

TEST(floor_and_fields_come_together)
{
    check_merge("a x=1@2 y=1@9", "a^5 x=2@6 z=3@7",
                (expected){"a^5 x=2@6 y=1@9 z=3@7", "a^5 x=2@6 z=3@7", "a x=1@2", ""});
    check_merge("a^1 x=1@6", "a^5 x=2@6",
                (expected){"a^5 x=2@6", "a^5 x=2@6", "a^1 x=1@6", "a x=1@6<2@6"});
}

TEST(fields_at_or_below_the_floor_of_their_row_are_gone)
{
    mt_graph *graph = test_graph_new();

    test_worked(graph, test_merge_rows(graph, "a^3 w=1@2 x=1@3 y=1@4 z=~@1", NULL));
    test_graph_says(graph, "a^3 y=1@4");
    /* The same names, once all of them above a floor. */
    test_worked(graph, test_merge_rows(graph, "b w=1@1 x=1@1 y=1@1 z=~@1", NULL));
    test_worked(graph, test_merge_rows(graph, "c^3 w=1@2 x=1@3 y=1@4 z=~@1", NULL));
    test_worked(graph, test_merge_rows(graph, "b^3 w=1@2 x=1@3 y=1@4 z=~@1", NULL));
    test_graph_says(graph, "a^3 y=1@4, b^3 y=1@4, c^3 y=1@4");
    mt_graph_free(graph);
}

/* ---- Rows ---- */

TEST(a_node_may_come_in_several_rows)
{
    mt_graph *graph = test_graph_from("b x=1@5, c^3");
    mt_delta *delta = NULL;

    test_worked(graph, test_merge_rows(graph,
                                       "b x=2@6, a y=1@1, b x=0@4 y=9@9, c x=1@1, b x=1@7, "
                                       "c^2, a y=1@1, c z=1@2",
                                       &delta));
    test_graph_says(graph, "a y=1@1, b x=1@7 y=9@9, c^3");
    test_part_says(delta, MT_UPDATE, "+a y=1@1, b x=1@7 y=9@9, c");
    /* Of what is overwritten, what was there before; of what came late, what is left below its own
     * floor. */
    test_part_says(delta, MT_HISTORY, "+a, b x=1@5, c^2");
    mt_delta_free(delta);
    mt_graph_free(graph);
}

TEST(states_and_floors_must_be_in_range)
{
    mt_graph *graph = test_graph_from("a x=1@1");

    CHECK(test_merge_rows(graph, "b y=1@1, a x=1", NULL) == MT_STATE);
    test_error_is(graph, MT_STATE, "node \"a\", field \"x\": state 0 is not in 1 to 2^53 - 1");
    CHECK(test_merge_rows(graph, "a x=1@9007199254740992", NULL) == MT_STATE);
    test_error_is(graph, MT_STATE,
                  "node \"a\", field \"x\": state 9007199254740992 is not in 1 to 2^53 - 1");
    CHECK(test_merge_rows(graph, "a x=~@18446744073709551615", NULL) == MT_STATE);
    test_error_is(graph, MT_STATE,
                  "node \"a\", field \"x\": state 18446744073709551615 is not in 1 to 2^53 - 1");
    CHECK(test_merge_rows(graph, "a^9007199254740992", NULL) == MT_STATE);
    test_error_is(graph, MT_STATE, "node \"a\": floor 9007199254740992 is above 2^53 - 1");
    CHECK(test_patch(graph, "a^9007199254740992", 0, NULL) == MT_STATE);
    test_graph_says(graph, "a x=1@1");
    test_worked(graph, test_merge_rows(graph, "a^9007199254740990 x=2@9007199254740991", NULL));
    test_graph_says(graph, "a^9007199254740990 x=2@9007199254740991");
    mt_graph_free(graph);
}

/* ---- Limits ---- */

static mt_graph *narrow_graph(void)
{
    mt_graph *graph = NULL;
    mt_limits limits;

    mt_limits_init(&limits);
    limits.value_len_max = 10;
    CHECK(mt_graph_new(test_mem(), &limits, &graph) == MT_OK);
    return graph;
}

TEST(a_graph_with_narrower_limits_refuses_what_is_over_them)
{
    mt_graph *graph = narrow_graph(), *wide = test_graph_from("a x=1@1, b y='0123456789a'@1");

    CHECK(mt_graph_merge(graph, wide, NULL) == MT_TOO_LARGE);
    test_error_is(graph, MT_TOO_LARGE,
                  "node \"b\", field \"y\": a value has 11 bytes, more than 10 (value_len_max)");
    test_graph_says(graph, "");
    test_worked(wide, test_patch(wide, "b y=$0123456789a", 0, NULL));
    CHECK(mt_graph_merge(graph, wide, NULL) == MT_TOO_LARGE);
    test_worked(wide, mt_graph_set(wide, mt_str("b"), mt_str("y"), mt_text("0123456789")));
    test_worked(graph, mt_graph_merge(graph, wide, NULL));
    CHECK(mt_graph_equal(graph, wide));
    mt_graph_free(graph);
    mt_graph_free(wide);
}

TEST(an_edge_has_the_limit_of_uids)
{
    mt_graph *graph = narrow_graph(), *wide = test_graph_from("a x=&0123456789abcdef@1");

    test_worked(graph, mt_graph_merge(graph, wide, NULL));
    test_graph_says(graph, "a x=&0123456789abcdef@1");
    mt_graph_free(graph);
    mt_graph_free(wide);
}

/* ---- Large nodes ---- */

/* A node of so many fields, all at one state, under a floor. */
static void merge_large(mt_graph *graph, size_t count, uint64_t state, uint64_t floor,
                        mt_delta **delta)
{
    mt_field *fields = calloc(count + 1, sizeof *fields);
    char(*names)[32] = calloc(count + 1, sizeof *names);
    mt_row row = {.uid = mt_str("a"), .fields = fields, .count = count, .floor = floor};

    for (size_t i = 0; i < count; i++) {
        snprintf(names[i], sizeof names[i], "%zu", i);
        fields[i] = (mt_field){.name = mt_str(names[i]), .state = state};
        fields[i].value = mt_number((double)i);
    }
    test_worked(graph, mt_graph_merge_rows(graph, &row, 1, delta));
    free(fields);
    free(names);
}

static size_t part_fields(const mt_delta *delta, mt_delta_part part)
{
    mt_delta_node node;
    mt_delta_iter iter;
    mt_field field;
    size_t count = 0;

    mt_delta_iter_init(&iter, delta, part);
    while (mt_delta_iter_node(&iter, &node))
        while (mt_delta_iter_field(&iter, &field)) count++;
    return count;
}

static void check_large(mt_graph *graph, size_t count, uint64_t state, uint64_t floor, size_t left,
                        size_t updated, size_t past)
{
    mt_delta *delta = NULL;
    const mt_node *node;

    merge_large(graph, count, state, floor, &delta);
    node = mt_graph_get(graph, mt_str("a"));
    assert_int_equal(mt_node_count(node), left);
    assert_int_equal(part_fields(delta, MT_UPDATE), updated);
    assert_int_equal(part_fields(delta, MT_HISTORY), past);
    mt_delta_free(delta);
}

TEST(a_node_grows_over_64_fields_and_shrinks_below)
{
    mt_graph *graph = test_graph_new();

    check_large(graph, 63, 1, 0, 63, 63, 0);
    check_large(graph, 64, 1, 0, 64, 1, 0);
    check_large(graph, 65, 1, 0, 65, 1, 0);
    check_large(graph, 66, 2, 0, 66, 66, 65);
    check_large(graph, 1000, 2, 0, 1000, 934, 0);
    check_large(graph, 70, 1, 0, 1000, 0, 70);
    check_large(graph, 64, 3, 2, 64, 64, 1000);
    check_large(graph, 65, 2, 0, 64, 0, 64);
    check_large(graph, 65, 4, 3, 65, 65, 64);
    check_large(graph, 0, 0, 4, 0, 0, 65);
    check_large(graph, 500, 3, 0, 0, 0, 500);
    check_large(graph, 500, 5, 0, 500, 500, 0);
    check_large(graph, 1, 6, 5, 1, 1, 500);
    mt_graph_free(graph);
}

TEST(a_floor_that_comes_too_late_is_history_of_large_nodes_too)
{
    mt_graph *graph = test_graph_new();
    mt_delta *delta = NULL;

    merge_large(graph, 100, 9, 5, NULL);
    test_worked(graph, test_merge_rows(graph, "a^3", &delta));
    test_part_says(delta, MT_HISTORY, "a^3");
    test_part_says(delta, MT_UPDATE, "a");
    mt_delta_free(delta);
    mt_graph_free(graph);
}

/* ---- Whole graphs ---- */

TEST(merging_a_graph_into_itself_changes_nothing)
{
    mt_graph *graph = test_graph_from("a x=1@1, b^3 y='some longer text'@4");
    mt_delta *delta = test_merge(graph, graph);

    CHECK(!mt_delta_changed(delta) && mt_delta_part_empty(delta, MT_HISTORY));
    test_graph_says(graph, "a x=1@1, b^3 y='some longer text'@4");
    mt_delta_free(delta);
    mt_graph_free(graph);
}

TEST(the_target_needs_nothing_of_what_was_merged)
{
    mt_graph *graph = test_graph_new(), *other = test_graph_new();
    char text[1000];

    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = 0;
    merge_large(other, 200, 7, 3, NULL);
    test_worked(other, mt_graph_set(other, mt_str("b"), mt_str("long"), mt_text(text)));
    mt_delta_free(test_merge(graph, other));
    CHECK(mt_graph_equal(graph, other));
    mt_graph_free(other);
    other = test_graph_new();
    mt_delta_free(test_merge(other, graph));
    CHECK(mt_graph_equal(graph, other));
    mt_graph_free(graph);
    mt_graph_free(other);
}

TEST(a_delta_outlives_both_graphs)
{
    mt_graph *graph = test_graph_from("a x='a text of the target'@1, b y=1@1");
    mt_graph *other = test_graph_from("a x='a text that comes in'@2, b y=0@1 z=1@3, c");
    mt_delta *delta = test_merge(graph, other);

    test_worked(graph, mt_graph_remove_node(graph, mt_str("a")));
    test_worked(other, mt_graph_remove_node(other, mt_str("a")));
    mt_graph_free(other);
    mt_graph_free(graph);
    test_part_says(delta, MT_UPDATE, "a x='a text that comes in'@2, b z=1@3, +c");
    test_part_says(delta, MT_HISTORY, "a x='a text of the target'@1, b, +c");
    mt_delta_free(delta);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_higher_state_wins),
        cmocka_unit_test(a_late_field_with_lower_state_is_history),
        cmocka_unit_test(what_is_new_is_added),
        cmocka_unit_test(at_equal_states_the_greater_text_wins),
        cmocka_unit_test(texts_compare_by_utf16),
        cmocka_unit_test(the_same_changes_nothing),
        cmocka_unit_test(at_equal_states_a_value_beats_a_delete_marker),
        cmocka_unit_test(a_floor_takes_away_what_is_at_or_below_it),
        cmocka_unit_test(what_comes_below_a_floor_is_late),
        cmocka_unit_test(floor_and_fields_come_together),
        cmocka_unit_test(fields_at_or_below_the_floor_of_their_row_are_gone),
        cmocka_unit_test(a_node_may_come_in_several_rows),
        cmocka_unit_test(states_and_floors_must_be_in_range),
        cmocka_unit_test(a_graph_with_narrower_limits_refuses_what_is_over_them),
        cmocka_unit_test(an_edge_has_the_limit_of_uids),
        cmocka_unit_test(a_node_grows_over_64_fields_and_shrinks_below),
        cmocka_unit_test(a_floor_that_comes_too_late_is_history_of_large_nodes_too),
        cmocka_unit_test(merging_a_graph_into_itself_changes_nothing),
        cmocka_unit_test(the_target_needs_nothing_of_what_was_merged),
        cmocka_unit_test(a_delta_outlives_both_graphs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
