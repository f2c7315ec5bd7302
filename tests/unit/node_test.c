/* Nodes: how they are read, and how their fields lie in memory. */
#include "crdt/node.h"
#include "test_inspect.h"
#include "test_notation.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const mt_node *node_of(const mt_graph *graph)
{
    const mt_node *node = mt_graph_get(graph, mt_str("a"));

    CHECK(node);
    return node;
}

/* ---- Reading ---- */

TEST(a_node_says_what_it_holds)
{
    mt_graph *graph = test_graph_from("a^3 x=1@4 y=~@9 z='t'@5");
    const mt_node *node = node_of(graph);

    CHECK(mt_bytes_equal(mt_node_uid(node), mt_str("a")));
    assert_int_equal(mt_node_floor(node), 3);
    assert_int_equal(mt_node_state_max(node), 9);
    assert_int_equal(mt_node_count(node), 2);
    assert_int_equal(mt_node_count_all(node), 3);
    mt_graph_free(graph);
}

TEST(an_empty_node_is_found_and_does_not_exist)
{
    mt_graph *graph = test_graph_from("a, b^7, c x=~@2");
    const mt_node *node = node_of(graph);

    CHECK(mt_node_count(node) == 0 && mt_node_count_all(node) == 0);
    CHECK(mt_node_state_max(node) == 0 && mt_node_floor(node) == 0);
    CHECK(mt_node_state_max(mt_graph_get(graph, mt_str("b"))) == 7);
    CHECK(mt_node_count(mt_graph_get(graph, mt_str("c"))) == 0);
    CHECK(mt_node_count_all(mt_graph_get(graph, mt_str("c"))) == 1);
    mt_graph_free(graph);
}

/* A node of `count` fields named 000 and so on; every third is a delete marker. */
static mt_graph *node_graph(size_t count)
{
    mt_field *fields = calloc(count, sizeof *fields);
    char(*names)[32] = calloc(count, sizeof *names);
    mt_row row = {.uid = mt_str("a"), .fields = fields, .count = count};
    mt_graph *graph;

    for (size_t i = 0; i < count; i++) {
        snprintf(names[i], sizeof names[i], "%03zu", i);
        fields[i] = (mt_field){.name = mt_str(names[i]), .state = i + 1};
        fields[i].value = mt_string(fields[i].name);
        if (i % 3 == 2) fields[i].kind = MT_FIELD_DELETED;
    }
    graph = test_graph_of_rows(&row, 1);
    free(fields);
    free(names);
    return graph;
}

static void check_lookups(size_t count)
{
    mt_graph *graph = node_graph(count);
    const mt_node *node = node_of(graph);

    for (size_t i = 0; i < count + 2; i++) {
        mt_field any = {.state = 99999}, living = {.state = 99999};
        char name[32];
        mt_status there = i < count ? MT_OK : MT_NOT_FOUND;

        snprintf(name, sizeof name, "%03zu", i);
        CHECK(mt_node_get_any(node, mt_str(name), &any) == there);
        if (i % 3 == 2) there = MT_NOT_FOUND;
        CHECK(mt_node_get(node, mt_str(name), &living) == there);
        /* What is not found leaves the output alone. */
        CHECK(living.state == (there == MT_OK ? i + 1 : 99999));
        CHECK(any.state == (i < count ? i + 1 : 99999));
        if (there == MT_OK) CHECK(mt_bytes_equal(living.value.as.bytes, mt_str(name)));
        /* Views are of the node and not of what was asked with. */
        if (i < count) CHECK(any.name.data != (const uint8_t *)name);
    }
    mt_graph_free(graph);
}

TEST(fields_are_found_in_nodes_of_any_size)
{
    check_lookups(0);
    check_lookups(1);
    check_lookups(8);
    check_lookups(9);
    check_lookups(64);
    check_lookups(65);
    check_lookups(900);
}

static void check_iteration(size_t count)
{
    mt_graph *graph = node_graph(count);
    size_t seen = 0, living = 0;
    mt_field_iter iter;
    mt_field field;
    char name[32];

    mt_field_iter_init(&iter, node_of(graph), true);
    for (; mt_field_iter_next(&iter, &field); seen++) {
        snprintf(name, sizeof name, "%03zu", seen);
        CHECK(mt_bytes_equal(field.name, mt_str(name)) && field.state == seen + 1);
        CHECK((field.kind == MT_FIELD_DELETED) == (seen % 3 == 2));
        CHECK(field.kind == MT_FIELD_VALUE || field.value.kind == MT_NULL);
    }
    CHECK(!mt_field_iter_next(&iter, &field));
    assert_int_equal(seen, count);
    mt_field_iter_init(&iter, node_of(graph), false);
    for (; mt_field_iter_next(&iter, &field); living++) CHECK(field.kind == MT_FIELD_VALUE);
    assert_int_equal(living, mt_node_count(node_of(graph)));
    mt_graph_free(graph);
}

TEST(fields_come_in_name_order_from_nodes_of_any_size)
{
    check_iteration(0);
    check_iteration(1);
    check_iteration(64);
    check_iteration(65);
    check_iteration(900);
}

TEST(nodes_are_equal_in_all_or_not)
{
    mt_graph *large = node_graph(100), *again = node_graph(100), *more = node_graph(101);
    mt_graph *a = test_graph_from("a x=1@1"), *b = test_graph_from("b x=1@1");

    CHECK(mt_node_equal(node_of(large), node_of(large)));
    CHECK(mt_node_equal(node_of(large), node_of(again)));
    CHECK(!mt_node_equal(node_of(large), node_of(more)));
    test_worked(again, test_merge_rows(again, "a 050=7@51, b 050=7@51", NULL));
    CHECK(!mt_node_equal(node_of(large), node_of(again)));
    CHECK(!mt_node_equal(node_of(again), mt_graph_get(again, mt_str("b"))));
    /* As many fields, of the same states, by other names. */
    test_worked(large, test_merge_rows(large, "a xxx=1@101", NULL));
    CHECK(!mt_node_equal(node_of(large), node_of(more)));
    CHECK(!mt_node_equal(node_of(more), node_of(large)));
    CHECK(!mt_node_equal(node_of(a), mt_graph_get(b, mt_str("b"))));
    mt_graph_free(a);
    mt_graph_free(b);
    mt_graph_free(large);
    mt_graph_free(again);
    mt_graph_free(more);
}

/* ---- In memory ---- */

/* Writes one value of every length around those at which it is kept in another way. */
static void check_lengths(mt_value (*make)(mt_bytes bytes), size_t longest)
{
    char text[300];

    memset(text, 'x', sizeof text);
    for (size_t len = 1; len <= longest; len++) {
        mt_value value = make((mt_bytes){(const uint8_t *)text, len});
        mt_field fields[3] = {{.name = mt_str("x"), .value = value, .state = 2},
                              {.name = mt_str("y"), .value = mt_text("another one"), .state = 3},
                              {.name = mt_str("z"), .value = value, .state = 4}};
        mt_row row = {.uid = mt_str("a"), .fields = fields, .count = 3};
        mt_graph *graph = test_graph_of_rows(&row, 1);
        mt_field found;

        test_inspect_alone(graph);
        CHECK(mt_node_get(node_of(graph), mt_str("z"), &found) == MT_OK);
        CHECK(mt_value_equal(&found.value, &value));
        CHECK(mt_node_get(node_of(graph), mt_str("x"), &found) == MT_OK);
        CHECK(mt_value_equal(&found.value, &value));
        mt_graph_free(graph);
    }
}

TEST(texts_bytes_and_edges_of_every_length_are_kept)
{
    check_lengths(mt_string, 300);
    check_lengths(mt_blob, 300);
    check_lengths(mt_edge, 255);
}

/* One field written over and over: shorter and longer, and each way of keeping it after each
 * other. */
TEST(a_field_is_replaced_by_one_of_any_other_length)
{
    static const size_t lens[] = {0, 1, 8, 9, 20, 50, 127, 128, 129, 300};
    char text[300];

    memset(text, 'x', sizeof text);
    for (size_t i = 0; i < TEST_COUNT(lens) * TEST_COUNT(lens); i++) {
        mt_graph *graph = test_graph_from("a w='next to it, not inline'@1 x=1@1 y=~@1"), *clone;
        mt_bytes first = {(const uint8_t *)text, lens[i / TEST_COUNT(lens)]};
        mt_bytes second = {(const uint8_t *)text, lens[i % TEST_COUNT(lens)]};
        mt_field found;

        test_worked(graph, mt_graph_set(graph, mt_str("a"), mt_str("x"), mt_string(first)));
        clone = test_clone(graph);
        test_worked(graph, mt_graph_set(graph, mt_str("a"), mt_str("x"), mt_string(second)));
        test_inspect(graph);
        CHECK(mt_node_get(node_of(graph), mt_str("x"), &found) == MT_OK);
        CHECK(mt_bytes_equal(found.value.as.bytes, second) && found.state == 3);
        CHECK(mt_node_get(node_of(clone), mt_str("x"), &found) == MT_OK);
        CHECK(mt_bytes_equal(found.value.as.bytes, first) && found.state == 2);
        test_worked(graph, mt_graph_remove(graph, mt_str("a"), mt_str("x")));
        mt_graph_free(clone);
        test_inspect_alone(graph);
        test_graph_says(graph, "a w='next to it, not inline'@1 x=~@4 y=~@1");
        mt_graph_free(graph);
    }
}

TEST(long_values_are_shared_by_what_a_node_becomes)
{
    mt_graph *graph = test_graph_new(), *clone;
    char *text = calloc(1, 100001);
    size_t before;

    memset(text, 'x', 100000);
    test_worked(graph, mt_graph_set(graph, mt_str("a"), mt_str("long"), mt_text(text)));
    before = mt_graph_memory(graph);
    clone = test_clone(graph);
    for (int i = 0; i < 50; i++)
        test_worked(clone, mt_graph_set(clone, mt_str("a"), mt_str("n"), mt_number(i)));
    CHECK(mt_graph_memory(graph) < before + 50000);
    test_inspect(graph);
    test_inspect(clone);
    mt_graph_free(graph);
    test_inspect_alone(clone);
    mt_graph_free(clone);
    free(text);
}

TEST(a_node_is_large_from_65_fields_on)
{
    for (size_t count = 60; count < 70; count++) {
        mt_graph *graph = node_graph(count);

        CHECK((node_of(graph)->shape == NULL) == (count > MTI_SHAPE_FIELDS_MAX));
        test_inspect_alone(graph);
        mt_graph_free(graph);
    }
}

TEST(a_cell_says_what_its_field_says)
{
    static const char *const values[] = {"null", "true",       "false", "1.5", "#-9007199254740993",
                                         "''",   "'12345678'", "$1",    "&b",  "~"};
    char text[64];

    for (size_t i = 0; i < TEST_COUNT(values); i++) {
        test_arena arena = {.left = 0};
        mti_cell cell;
        mt_field out;
        size_t count;
        mt_row *rows;

        snprintf(text, sizeof text, "a x=%s@9007199254740991", values[i]);
        rows = test_rows_read(&arena, text, &count);
        mti_cell_of(rows[0].fields, &cell);
        CHECK(mti_cell_state(&cell) == MT_STATE_MAX);
        CHECK(mti_cell_deleted(&cell) == (rows[0].fields[0].kind == MT_FIELD_DELETED));
        mti_cell_field(NULL, &cell, mt_str("x"), &out);
        CHECK(ref_field_equal(&out, rows[0].fields));
        test_arena_end(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_node_says_what_it_holds),
        cmocka_unit_test(an_empty_node_is_found_and_does_not_exist),
        cmocka_unit_test(fields_are_found_in_nodes_of_any_size),
        cmocka_unit_test(fields_come_in_name_order_from_nodes_of_any_size),
        cmocka_unit_test(nodes_are_equal_in_all_or_not),
        cmocka_unit_test(texts_bytes_and_edges_of_every_length_are_kept),
        cmocka_unit_test(a_field_is_replaced_by_one_of_any_other_length),
        cmocka_unit_test(long_values_are_shared_by_what_a_node_becomes),
        cmocka_unit_test(a_node_is_large_from_65_fields_on),
        cmocka_unit_test(a_cell_says_what_its_field_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
