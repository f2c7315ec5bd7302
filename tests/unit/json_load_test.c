#include "base/bytes.h"
#include "test.h"
#include "test_said.h"
#include <stdio.h>

static mt_status load(mt_bytes text, mt_graph **out, mt_error *err)
{
    return mt_json_load(test_mem(), NULL, "t", text, out, err);
}

/* Fails unless the text is refused with this message. */
static void check_refused(mt_bytes text, mt_status status, const char *expected)
{
    mt_graph *graph = NULL;
    mt_error err = {0};

    assert_int_equal(load(text, &graph, &err), status);
    assert_string_equal(err.text, expected);
    CHECK(err.status == status);
    CHECK(graph == NULL);
    CHECK(load(text, &graph, NULL) == status);
}

TEST(a_text_that_was_written_is_loaded_to_the_byte)
{
    static const char text[] =
        "{\"a\":{\"@object\":{\"uid\":\"a\"},\"f\":{\"value\":\"x\",\"state\":3}},\n"
        "\"b\":{\"@object\":{\"uid\":\"b\",\"floor\":7}},\n"
        "\"c\":{\"@object\":{\"uid\":\"c\"}}}\n";
    mt_buf out = {.mem = test_mem()};
    mt_graph *graph;
    mt_error err;

    CHECK(load(mt_str(text), &graph, &err) == MT_OK);
    CHECK(mt_graph_count(graph) == 3);
    CHECK(mt_json_graph(graph, &out) == MT_OK);
    CHECK(mt_bytes_equal(mt_buf_bytes(&out), mt_str(text)));
    mt_buf_free(&out);
    mt_graph_free(graph);
}

TEST(fields_at_or_below_the_floor_are_gone)
{
    static const char text[] =
        "{\"n\":{\"a\":{\"value\":1,\"state\":9},\"b\":{\"value\":1,\"state\":10},"
        "\"@object\":{\"uid\":\"n\",\"floor\":9}}}";
    mt_graph *graph;
    mt_error err;

    CHECK(load(mt_str(text), &graph, &err) == MT_OK);
    CHECK(mt_node_count_all(mt_graph_get(graph, mt_str("n"))) == 1);
    mt_graph_free(graph);
}

TEST(a_uid_that_stands_twice_is_refused_at_its_second_place)
{
    check_refused(
        mt_str("{\"a\":{\"@object\":{\"uid\":\"a\"}},\n\"b\":{\"@object\":{\"uid\":\"b\"}},\n"
               " \"a\":{\"@object\":{\"uid\":\"a\"},\"f\":{\"value\":1,\"state\":1}}}"),
        MT_MALFORMED, "t:3:2: uid \"a\" stands twice");
}

TEST(what_the_reader_refuses_is_passed_on)
{
    mt_limits limits = {.size = sizeof limits, .value_len_max = 3};
    mt_graph *graph;
    mt_error err;

    check_refused(mt_str(""), MT_MALFORMED, "t:1:1: the text is empty");
    check_refused(mt_str("{\"a\":{\"@object\":{\"uid\":\"a\"},\"f\":{\"value\":1,\"state\":1},"
                         "\"f\":{\"value\":1,\"state\":1}}}"),
                  MT_MALFORMED, "t:1:55: field \"f\" stands twice");
    CHECK(
        mt_json_load(
            test_mem(), &limits, "t",
            mt_str("{\"a\":{\"@object\":{\"uid\":\"a\"},\"f\":{\"value\":\"four\",\"state\":1}}}"),
            &graph, &err) == MT_TOO_LARGE);
    assert_string_equal(err.text, "t:1:42: a value of more than 3 bytes (value_len_max)");
}

/* A node of `count` fields, a line each. Field `second` has the name of field `first`. Every
 * `stride`th name comes after the others. */
static mt_buf large_node(size_t count, size_t first, size_t second, size_t stride,
                         const char *floor)
{
    mt_buf out = {.mem = test_mem()};
    char line[128];

    test_said_add(&out, "{\"n\":{\"@object\":{\"uid\":\"n\"");
    test_said_add(&out, floor);
    test_said_add(&out, "}");
    for (size_t i = 0; i < count; i++) {
        size_t name = i == second ? first : i;

        snprintf(line, sizeof line, ",\n\"%s%05zu\":{\"value\":1,\"state\":%zu}",
                 name % stride ? "a" : "b", name, i % 7 + 1);
        test_said_add(&out, line);
    }
    test_said_add(&out, "}}");
    return out;
}

TEST(a_field_that_stands_twice_is_found_across_rows)
{
    static const size_t strides[] = {1, 3, 100000};
    static const char *const floors[] = {"", ",\"floor\":4"};

    for (size_t s = 0; s < TEST_COUNT(strides); s++) {
        for (size_t f = 0; f < TEST_COUNT(floors); f++) {
            mt_buf within = large_node(2500, 3, 5, strides[s], floors[f]);
            mt_buf across = large_node(2500, 7, 2400, strides[s], floors[f]);
            char expected[100];

            snprintf(expected, sizeof expected, "t:7:1: field \"%s00003\" stands twice",
                     3 % strides[s] ? "a" : "b");
            check_refused(mt_buf_bytes(&within), MT_MALFORMED, expected);
            snprintf(expected, sizeof expected, "t:2402:1: field \"%s00007\" stands twice",
                     7 % strides[s] ? "a" : "b");
            check_refused(mt_buf_bytes(&across), MT_MALFORMED, expected);
            mt_buf_free(&within);
            mt_buf_free(&across);
        }
    }
}

TEST(a_large_node_is_loaded_in_whatever_order_its_names_stand)
{
    mt_buf sorted = large_node(2500, 0, 2500, 100000, ""), mixed = large_node(2500, 0, 2500, 3, "");
    mt_graph *a, *b;
    mt_error err;

    assert_int_equal(load(mt_buf_bytes(&sorted), &a, &err), MT_OK);
    assert_int_equal(load(mt_buf_bytes(&mixed), &b, &err), MT_OK);
    CHECK(mt_node_count(mt_graph_get(a, mt_str("n"))) == 2500);
    CHECK(mt_node_count(mt_graph_get(b, mt_str("n"))) == 2500);
    mt_graph_free(a);
    mt_graph_free(b);
    mt_buf_free(&sorted);
    mt_buf_free(&mixed);
}

TEST(two_large_nodes_may_have_the_same_names)
{
    mt_buf text = large_node(1500, 0, 1500, 3, ""), other = large_node(1500, 0, 1500, 3, "");
    mt_graph *graph;
    mt_error err;

    text.data[text.len - 1] = ',';
    for (size_t i = 0; i + 3 < other.len; i++)
        if (memcmp(other.data + i, "\"n\"", 3) == 0) other.data[i + 1] = 'm';
    CHECK(mti_buf_append(&text, other.data + 1, other.len - 1) == MT_OK);
    assert_int_equal(load(mt_buf_bytes(&text), &graph, &err), MT_OK);
    CHECK(mt_graph_count(graph) == 2);
    mt_graph_free(graph);
    mt_buf_free(&text);
    mt_buf_free(&other);
}

TEST(without_memory_nothing_is_loaded_and_nothing_leaks)
{
    /* One value fills a row, and its name sorts behind those of the next. */
    mt_buf text =
        test_said_repeat("{\"m\":{\"@object\":{\"uid\":\"m\"}},\"n\":{\"@object\":{\"uid\":\"n\"},"
                         "\"z\":{\"state\":1,\"value\":\"",
                         "x", 262144,
                         "\"},\"b\":{\"value\":\"\\n\",\"state\":1},"
                         "\"a\":{\"value\":1,\"state\":1}}}");

    for (size_t n = 0;; n++) {
        fail_mem fm = {.fail_at = n};
        mt_graph *graph = NULL;
        mt_error err = {0};
        mt_status st =
            mt_json_load(fail_mem_hook(&fm), NULL, "t", mt_buf_bytes(&text), &graph, &err);

        CHECK(st == (fm.tripped ? MT_NO_MEMORY : MT_OK));
        if (fm.tripped) assert_string_equal(err.text, "t: out of memory");
        if (st == MT_OK) mt_graph_free(graph);
        CHECK(fm.live_bytes == 0);
        if (!fm.tripped) break;
    }
    mt_buf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_that_was_written_is_loaded_to_the_byte),
        cmocka_unit_test(fields_at_or_below_the_floor_are_gone),
        cmocka_unit_test(a_uid_that_stands_twice_is_refused_at_its_second_place),
        cmocka_unit_test(what_the_reader_refuses_is_passed_on),
        cmocka_unit_test(a_field_that_stands_twice_is_found_across_rows),
        cmocka_unit_test(a_large_node_is_loaded_in_whatever_order_its_names_stand),
        cmocka_unit_test(two_large_nodes_may_have_the_same_names),
        cmocka_unit_test(without_memory_nothing_is_loaded_and_nothing_leaks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
