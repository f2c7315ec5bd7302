/* Nodes of which only a part is in memory. */
#include "crdt/part.h"
#include "test.h"

#include <stdio.h>
#include <string.h>

#define UID "large"

static mt_graph *graph_new(const mt_mem *mem)
{
    mt_graph *graph = NULL;

    CHECK(mt_graph_new(mem, NULL, &graph) == MT_OK);
    return graph;
}

static mt_field value(const char *name, double number, uint64_t state)
{
    mt_field field = {.name = mt_str(name), .value = mt_number(number), .state = state};

    return field;
}

/* Loads one field, or that there is none of the name. */
static void load(mt_graph *graph, const char *name, double number, uint64_t state)
{
    mt_field field = value(name, number, state);
    mt_bytes absent = mt_str(name);
    mti_part part = {.uid = mt_str(UID), .state_max = 9};

    if (state) {
        part.fields = &field;
        part.count = 1;
    } else {
        part.absent = &absent;
        part.absent_count = 1;
    }
    CHECK(mti_graph_load_part(graph, &part) == MT_OK);
}

static const mt_node *node_of(const mt_graph *graph)
{
    return mt_graph_get(graph, mt_str(UID));
}

static mt_status get(const mt_graph *graph, const char *name)
{
    mt_field field;

    return mt_node_get(node_of(graph), mt_str(name), &field);
}

static void patch(mt_graph *graph, const char *name, double number, mt_delta **delta)
{
    mt_field field = value(name, number, 0);
    mt_row row = {.uid = mt_str(UID), .fields = &field, .count = 1};

    CHECK(mt_graph_patch(graph, &row, 1, 0, delta) == MT_OK);
}

TEST(field_that_is_not_loaded_is_not_said_to_be_missing)
{
    mt_graph *graph = graph_new(test_mem());

    load(graph, "a", 1, 3);
    load(graph, "none", 0, 0);
    CHECK(mt_node_partial(node_of(graph)));
    CHECK(get(graph, "a") == MT_OK);
    CHECK(get(graph, "b") == MT_NOT_LOADED);
    CHECK(get(graph, "none") == MT_NOT_FOUND);
    mt_graph_free(graph);
}

TEST(highest_state_is_that_of_the_whole_node)
{
    mt_graph *graph = graph_new(test_mem());

    load(graph, "a", 1, 3);
    CHECK(mt_node_state_max(node_of(graph)) == 9);
    mt_graph_free(graph);
}

TEST(field_in_memory_stays_as_it_is_when_it_is_loaded_again)
{
    mt_graph *graph = graph_new(test_mem());
    mt_field field;

    load(graph, "a", 1, 3);
    patch(graph, "a", 2, NULL);
    load(graph, "a", 1, 3);
    CHECK(mt_node_get(node_of(graph), mt_str("a"), &field) == MT_OK);
    CHECK(field.value.as.number == 2 && field.state == 4);
    mt_graph_free(graph);
}

TEST(name_known_to_have_no_field_is_seen_by_no_reader)
{
    mt_graph *graph = graph_new(test_mem());
    mt_field_iter iter;
    mt_field field;

    load(graph, "none", 0, 0);
    CHECK(mt_node_count(node_of(graph)) == 0);
    CHECK(mt_node_get_any(node_of(graph), mt_str("none"), &field) == MT_NOT_FOUND);
    mt_field_iter_init(&iter, node_of(graph), true);
    CHECK(!mt_field_iter_next(&iter, &field));
    mt_graph_free(graph);
}

TEST(write_of_a_name_without_field_overwrites_nothing)
{
    mt_graph *graph = graph_new(test_mem());
    mt_delta_iter iter;
    mt_delta_node node;
    mt_delta *delta;
    mt_field field = {.state = 0};

    load(graph, "none", 0, 0);
    patch(graph, "none", 5, &delta);
    CHECK(mt_delta_part_empty(delta, MT_HISTORY));
    mt_delta_iter_init(&iter, delta, MT_UPDATE);
    CHECK(mt_delta_iter_node(&iter, &node) && mt_delta_iter_field(&iter, &field));
    CHECK(field.state == 1 && mt_node_partial(node.after));
    CHECK(!mt_delta_iter_field(&iter, &field));
    mt_delta_free(delta);
    mt_graph_free(graph);
}

TEST(write_to_a_partial_node_leaves_it_partial)
{
    mt_graph *graph = graph_new(test_mem());

    load(graph, "a", 1, 3);
    patch(graph, "a", 2, NULL);
    CHECK(mt_node_partial(node_of(graph)) && get(graph, "b") == MT_NOT_LOADED);
    mt_graph_free(graph);
}

TEST(late_field_of_a_partial_node_is_in_history)
{
    mt_graph *graph = graph_new(test_mem());
    mt_field field = value("a", 7, 2);
    mt_row row = {.uid = mt_str(UID), .fields = &field, .count = 1};
    mt_delta *delta;

    load(graph, "a", 1, 3);
    CHECK(mt_graph_merge_rows(graph, &row, 1, &delta) == MT_OK);
    CHECK(!mt_delta_changed(delta) && !mt_delta_part_empty(delta, MT_HISTORY));
    mt_delta_free(delta);
    mt_graph_free(graph);
}

/* Loads `count` fields in pieces, the last of which makes the node whole. */
static void load_all(mt_graph *graph, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char name[24];
        mt_field field;
        mti_part part = {.uid = mt_str(UID), .state_max = 9, .count = 1, .whole = i + 1 == count};
        snprintf(name, sizeof name, "%04zu", i);
        field = value(name, (double)i, 1 + i % 9);
        part.fields = &field;
        CHECK(mti_graph_load_part(graph, &part) == MT_OK);
    }
}

TEST(node_loaded_in_pieces_equals_one_merged_at_once)
{
    const size_t counts[] = {1, 9, 64, 65, 300};

    for (size_t c = 0; c < TEST_COUNT(counts); c++) {
        mt_graph *parts = graph_new(test_mem()), *rows = graph_new(test_mem());
        load(parts, "none", 0, 0);
        load_all(parts, counts[c]);
        for (size_t i = 0; i < counts[c]; i++) {
            char name[24];
            mt_field field;
            mt_row row = {.uid = mt_str(UID), .fields = &field, .count = 1};
            snprintf(name, sizeof name, "%04zu", i);
            field = value(name, (double)i, 1 + i % 9);
            CHECK(mt_graph_merge_rows(rows, &row, 1, NULL) == MT_OK);
        }
        CHECK(!mt_node_partial(node_of(parts)));
        CHECK(counts[c] < 9 || mt_graph_equal(parts, rows));
        mt_graph_free(parts);
        mt_graph_free(rows);
    }
}

TEST(lack_of_memory_leaves_a_partial_node_as_it_was)
{
    for (size_t n = 0;; n++) {
        fail_mem fm = {.fail_at = SIZE_MAX};
        mt_graph *graph = graph_new(fail_mem_hook(&fm));
        mt_field field = value("b", 2, 5);
        mti_part part = {.uid = mt_str(UID), .state_max = 9, .fields = &field, .count = 1};
        mt_status st;

        load(graph, "a", 1, 3);
        fm.fail_at = fm.count + n;
        st = mti_graph_load_part(graph, &part);
        CHECK(st == (fm.tripped ? MT_NO_MEMORY : MT_OK));
        CHECK(get(graph, "b") == (fm.tripped ? MT_NOT_LOADED : MT_OK));
        CHECK(get(graph, "a") == MT_OK);
        mt_graph_free(graph);
        CHECK(fm.live_bytes == 0);
        if (!fm.tripped) break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(field_that_is_not_loaded_is_not_said_to_be_missing),
        cmocka_unit_test(highest_state_is_that_of_the_whole_node),
        cmocka_unit_test(field_in_memory_stays_as_it_is_when_it_is_loaded_again),
        cmocka_unit_test(name_known_to_have_no_field_is_seen_by_no_reader),
        cmocka_unit_test(write_of_a_name_without_field_overwrites_nothing),
        cmocka_unit_test(write_to_a_partial_node_leaves_it_partial),
        cmocka_unit_test(late_field_of_a_partial_node_is_in_history),
        cmocka_unit_test(node_loaded_in_pieces_equals_one_merged_at_once),
        cmocka_unit_test(lack_of_memory_leaves_a_partial_node_as_it_was),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
