#include "crdt/rows.h"
#include "test_notation.h"
#include <stdio.h>
#include <stdlib.h>

/* A graph with a node of so many fields; every third is a delete marker. */
static mt_graph *node_graph(size_t count, uint64_t floor)
{
    mt_field *fields = calloc(count + 1, sizeof *fields);
    char(*names)[32] = calloc(count + 1, sizeof *names);
    mt_row row = {.uid = mt_str("a"), .fields = fields, .count = count, .floor = floor};
    mt_graph *graph;

    for (size_t i = 0; i < count; i++) {
        snprintf(names[i], sizeof names[i], "%04zu", i);
        fields[i] = (mt_field){.name = mt_str(names[i]), .state = floor + 1 + i};
        fields[i].value = mt_string(fields[i].name);
        if (i % 3 == 2) fields[i].kind = MT_FIELD_DELETED;
    }
    graph = test_graph_of_rows(&row, 1);
    free(fields);
    free(names);
    return graph;
}

static void check_node_rows(size_t count, uint64_t floor)
{
    mt_graph *graph = node_graph(count, floor), *copy = test_graph_new();
    size_t expected = count ? (count + MTI_ROW_FIELDS - 1) / MTI_ROW_FIELDS : 1, seen = 0, at = 0;
    mti_node_rows rows;
    mt_row row;
    char name[32];

    mti_node_rows_init(&rows, mt_graph_get(graph, mt_str("a")));
    for (; mti_node_rows_next(&rows, &row); seen++) {
        CHECK(mt_bytes_equal(row.uid, mt_str("a")) && row.floor == floor);
        CHECK(row.count <= MTI_ROW_FIELDS && row.more == (seen + 1 < expected));
        CHECK(row.extension.len == 0 && !row.delete_node);
        for (size_t i = 0; i < row.count; i++, at++) {
            snprintf(name, sizeof name, "%04zu", at);
            CHECK(mt_bytes_equal(row.fields[i].name, mt_str(name)));
        }
        test_worked(copy, mt_graph_merge_rows(copy, &row, 1, NULL));
    }
    CHECK(!mti_node_rows_next(&rows, &row));
    assert_int_equal(seen, expected);
    assert_int_equal(at, count);
    CHECK(mt_graph_equal(graph, copy));
    mt_graph_free(graph);
    mt_graph_free(copy);
}

TEST(a_node_comes_in_rows_of_64_fields)
{
    static const size_t counts[] = {0, 1, 63, 64, 65, 127, 128, 129, 192, 1000};

    for (size_t i = 0; i < TEST_COUNT(counts); i++) {
        check_node_rows(counts[i], 0);
        check_node_rows(counts[i], 7);
    }
}

/* The rows of a part, merged into an empty graph. */
static void check_delta_rows(const mt_delta *delta, mt_delta_part part, bool all,
                             const char *expected)
{
    mt_graph *graph = test_graph_new();
    mti_delta_rows rows;
    mt_row row;

    mti_delta_rows_init(&rows, delta, part, all);
    while (mti_delta_rows_next(&rows, &row)) {
        CHECK(!row.more && !row.delete_node && row.extension.len == 0);
        test_worked(graph, mt_graph_merge_rows(graph, &row, 1, NULL));
    }
    CHECK(!mti_delta_rows_next(&rows, &row));
    test_graph_says(graph, expected);
    mt_graph_free(graph);
}

TEST(a_delta_comes_in_rows_with_what_had_no_effect_or_without)
{
    mt_graph *graph = test_graph_from("a x=1@1, b y=1@5, c z=1@1, d^2");
    mt_delta *delta = NULL;

    test_worked(graph,
                test_merge_rows(graph, "a x=2@2 y=3@3, b y=2@4, c z=1@1, d^1, e, f^3", &delta));
    check_delta_rows(delta, MT_UPDATE, false, "a x=2@2 y=3@3, e, f^3");
    check_delta_rows(delta, MT_UPDATE, true, "a x=2@2 y=3@3, b, c, d, e, f^3");
    check_delta_rows(delta, MT_HISTORY, false, "a x=1@1, b y=2@4, d^1");
    check_delta_rows(delta, MT_HISTORY, true, "a x=1@1, b y=2@4, c, d^1, e, f");
    mt_delta_free(delta);
    mt_graph_free(graph);
}

static void check_large_delta(size_t count)
{
    mt_graph *graph = test_graph_new(), *other = node_graph(count, 2), *copy = test_graph_new();
    mt_delta *delta = test_merge(graph, other);
    size_t seen = 0, fields = 0;
    mti_delta_rows rows;
    mt_row row;

    mti_delta_rows_init(&rows, delta, MT_UPDATE, false);
    for (; mti_delta_rows_next(&rows, &row); seen++) {
        CHECK(row.count <= MTI_ROW_FIELDS && row.floor == 2);
        fields += row.count;
        CHECK(row.more == (fields < count));
        test_worked(copy, mt_graph_merge_rows(copy, &row, 1, NULL));
    }
    assert_int_equal(fields, count);
    assert_int_equal(seen, count ? (count + MTI_ROW_FIELDS - 1) / MTI_ROW_FIELDS : 1);
    CHECK(mt_graph_equal(copy, graph));
    mt_delta_free(delta);
    mt_graph_free(graph);
    mt_graph_free(other);
    mt_graph_free(copy);
}

TEST(many_fields_of_a_delta_come_in_rows_of_64)
{
    check_large_delta(0);
    check_large_delta(1);
    check_large_delta(64);
    check_large_delta(65);
    check_large_delta(128);
    check_large_delta(1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_node_comes_in_rows_of_64_fields),
        cmocka_unit_test(a_delta_comes_in_rows_with_what_had_no_effect_or_without),
        cmocka_unit_test(many_fields_of_a_delta_come_in_rows_of_64),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
