#include "base/bytes.h"
#include "test.h"
#include <mytosis/json.h>
#include <stdio.h>

#define NUL(text) ((mt_bytes){(const uint8_t *)(text), sizeof(text) - 1})

/* Fails unless the buffer holds this text, and frees it. */
static void check_holds(mt_buf *out, const char *expected)
{
    CHECK(mti_buf_append(out, "", 1) == MT_OK);
    assert_string_equal((const char *)out->data, expected);
    mt_buf_free(out);
}

/* ---- Rows ---- */

static mt_buf write_rows(const mt_row *rows, size_t count)
{
    mt_buf out = {.mem = test_mem()};
    mt_json_writer writer;

    CHECK(mt_json_rows_begin(&writer, &out) == MT_OK);
    for (size_t i = 0; i < count; i++) CHECK(mt_json_row(&writer, &rows[i], &out) == MT_OK);
    CHECK(mt_json_rows_end(&writer, &out) == MT_OK);
    return out;
}

TEST(rows_are_written_one_a_line)
{
    const mt_field fields[] = {
        {.name = mt_str("name"), .value = mt_text("Ada"), .state = 3},
        {.name = mt_str("old"), .kind = MT_FIELD_DELETED, .state = 9},
    };
    const mt_row rows[] = {
        {.uid = mt_str("user/1"), .fields = fields, .count = 1},
        {.uid = mt_str("user/2"), .fields = fields + 1, .count = 1, .floor = 7},
        {.uid = mt_str("user/3")},
    };
    mt_buf none = write_rows(rows, 0), one = write_rows(rows, 1), all = write_rows(rows, 3);

    check_holds(&none, "{}\n");
    check_holds(&one, "{\"user/1\":{\"@object\":{\"uid\":\"user/"
                      "1\"},\"name\":{\"value\":\"Ada\",\"state\":3}}}\n");
    check_holds(
        &all,
        "{\"user/1\":{\"@object\":{\"uid\":\"user/1\"},\"name\":{\"value\":\"Ada\",\"state\":3}},\n"
        "\"user/2\":{\"@object\":{\"uid\":\"user/"
        "2\",\"floor\":7},\"old\":{\"deleted\":true,\"state\":9}},\n"
        "\"user/3\":{\"@object\":{\"uid\":\"user/3\"}}}\n");
}

TEST(names_and_uids_are_escaped)
{
    const mt_field field = {
        .name = NUL("a\0\"\n"), .value = mt_edge_to("\\"), .state = MT_STATE_MAX};
    const mt_row row = {.uid = mt_str("u\t\xC3\xA9"), .fields = &field, .count = 1};
    mt_buf out = write_rows(&row, 1);

    check_holds(&out,
                "{\"u\\t\xC3\xA9\":{\"@object\":{\"uid\":\"u\\t\xC3\xA9\"},\"a\\u0000\\\"\\n\":"
                "{\"value\":{\"edge\":\"\\\\\"},\"state\":9007199254740991}}}\n");
}

TEST(a_node_goes_on_in_the_next_row)
{
    const mt_field fields[] = {
        {.name = mt_str("a"), .value = mt_null(), .state = 1},
        {.name = mt_str("b"), .value = mt_bool(true), .state = 2},
        {.name = mt_str("c"), .value = mt_number(0.5), .state = 3},
    };
    const mt_row rows[] = {
        {.uid = mt_str("n"), .fields = fields, .count = 2, .floor = 5, .more = true},
        {.uid = mt_str("n"), .floor = 5, .more = true},
        {.uid = mt_str("n"), .fields = fields + 2, .count = 1, .floor = 5},
        {.uid = mt_str("o")},
    };
    mt_buf out = write_rows(rows, 4);

    check_holds(
        &out, "{\"n\":{\"@object\":{\"uid\":\"n\",\"floor\":5},\"a\":{\"value\":null,\"state\":1},"
              "\"b\":{\"value\":true,\"state\":2},\"c\":{\"value\":0.5,\"state\":3}},\n"
              "\"o\":{\"@object\":{\"uid\":\"o\"}}}\n");
}

TEST(a_floor_that_comes_too_late_is_refused)
{
    const mt_row rows[] = {{.uid = mt_str("n"), .more = true}, {.uid = mt_str("n"), .floor = 5}};
    mt_buf out = {.mem = test_mem()};
    mt_json_writer writer;
    size_t len;

    CHECK(mt_json_rows_begin(&writer, &out) == MT_OK);
    CHECK(mt_json_row(&writer, &rows[0], &out) == MT_OK);
    len = out.len;
    CHECK(mt_json_row(&writer, &rows[1], &out) == MT_INVALID);
    CHECK(mt_json_rows_end(&writer, &out) == MT_INVALID);
    CHECK(out.len == len && writer.open);
    mt_buf_free(&out);
}

TEST(the_buffer_may_be_emptied_between_rows)
{
    const mt_row rows[] = {{.uid = mt_str("a")}, {.uid = mt_str("b")}};
    mt_buf out = {.mem = test_mem()};
    mt_json_writer writer;

    CHECK(mt_json_rows_begin(&writer, &out) == MT_OK);
    CHECK(mt_json_row(&writer, &rows[0], &out) == MT_OK);
    out.len = 0;
    CHECK(mt_json_row(&writer, &rows[1], &out) == MT_OK);
    CHECK(mt_json_rows_end(&writer, &out) == MT_OK);
    check_holds(&out, ",\n\"b\":{\"@object\":{\"uid\":\"b\"}}}\n");
}

TEST(fields_and_strings_are_written_alone)
{
    const mt_field living = {.name = mt_str("x"), .value = mt_text("Ada"), .state = 3};
    const mt_field deleted = {.name = mt_str("x"), .kind = MT_FIELD_DELETED, .state = 4};
    mt_buf out = {.mem = test_mem()};

    CHECK(mt_json_field(&living, &out) == MT_OK);
    CHECK(mt_json_field(&deleted, &out) == MT_OK);
    CHECK(mt_json_string(NUL("a\"\x1F"), &out) == MT_OK);
    check_holds(&out,
                "{\"value\":\"Ada\",\"state\":3}{\"deleted\":true,\"state\":4}\"a\\\"\\u001f\"");
}

/* ---- Graphs ---- */

static mt_graph *graph_new(void)
{
    mt_graph *graph;

    CHECK(mt_graph_new(test_mem(), NULL, &graph) == MT_OK);
    return graph;
}

static mt_graph *sample(void)
{
    mt_graph *graph = graph_new();

    CHECK(mt_graph_set(graph, mt_str("b"), mt_str("name"), mt_text("Bob")) == MT_OK);
    CHECK(mt_graph_set(graph, mt_str("b"), mt_str("age"), mt_number(7)) == MT_OK);
    CHECK(mt_graph_set(graph, mt_str("a"), mt_str("knows"), mt_edge_to("b")) == MT_OK);
    CHECK(mt_graph_set(graph, mt_str("a"), mt_str("gone"), mt_null()) == MT_OK);
    CHECK(mt_graph_remove(graph, mt_str("a"), mt_str("gone")) == MT_OK);
    CHECK(mt_graph_set(graph, mt_str("c"), mt_str("x"), mt_int(INT64_MAX)) == MT_OK);
    CHECK(mt_graph_remove_node(graph, mt_str("c")) == MT_OK);
    return graph;
}

TEST(a_graph_is_written_in_the_order_of_uids_and_names)
{
    mt_graph *graph = sample(), *empty = graph_new();
    mt_buf out = {.mem = test_mem()}, none = {.mem = test_mem()};

    CHECK(mt_json_graph(graph, &out) == MT_OK);
    check_holds(&out, "{\"a\":{\"@object\":{\"uid\":\"a\"},\"gone\":{\"deleted\":true,\"state\":2},"
                      "\"knows\":{\"value\":{\"edge\":\"b\"},\"state\":1}},\n"
                      "\"b\":{\"@object\":{\"uid\":\"b\"},\"age\":{\"value\":7,\"state\":1},"
                      "\"name\":{\"value\":\"Bob\",\"state\":1}},\n"
                      "\"c\":{\"@object\":{\"uid\":\"c\",\"floor\":1}}}\n");
    CHECK(mt_json_graph(empty, &none) == MT_OK);
    check_holds(&none, "{}\n");
    mt_graph_free(graph);
    mt_graph_free(empty);
}

TEST(a_snapshot_has_only_what_lives)
{
    mt_graph *graph = sample(), *empty = graph_new();
    mt_buf out = {.mem = test_mem()}, none = {.mem = test_mem()}, node = {.mem = test_mem()};

    CHECK(mt_graph_snapshot(graph, &out) == MT_OK);
    check_holds(&out, "{\"a\":{\"knows\":{\"edge\":\"b\"}},\"b\":{\"age\":7,\"name\":\"Bob\"}}");
    CHECK(mt_graph_snapshot(empty, &none) == MT_OK);
    check_holds(&none, "{}");
    CHECK(mt_node_snapshot(mt_graph_get(graph, mt_str("b")), &node) == MT_OK);
    CHECK(mt_node_snapshot(mt_graph_get(graph, mt_str("c")), &node) == MT_OK);
    check_holds(&node, "{\"age\":7,\"name\":\"Bob\"}{}");
    mt_graph_free(graph);
    mt_graph_free(empty);
}

TEST(a_node_of_very_many_fields_is_written_whole)
{
    mt_graph *graph = graph_new(), *again;
    mt_buf out = {.mem = test_mem()}, twice = {.mem = test_mem()};
    char name[32];
    mt_error err;

    for (int i = 0; i < 3000; i++) {
        snprintf(name, sizeof name, "field %d", i);
        CHECK(mt_graph_set(graph, mt_str("n"), mt_str(name), mt_text(name)) == MT_OK);
    }
    CHECK(mt_json_graph(graph, &out) == MT_OK);
    assert_int_equal(mt_json_load(test_mem(), NULL, "t", mt_buf_bytes(&out), &again, &err), MT_OK);
    CHECK(mt_graph_equal(graph, again));
    CHECK(mt_json_graph(again, &twice) == MT_OK);
    CHECK(mt_bytes_equal(mt_buf_bytes(&out), mt_buf_bytes(&twice)));
    mt_buf_free(&out);
    mt_buf_free(&twice);
    mt_graph_free(graph);
    mt_graph_free(again);
}

TEST(without_memory_the_buffer_stays_as_it_was)
{
    static const uint8_t controls[70000];
    mt_graph *graph = sample();
    mt_value value = mt_string((mt_bytes){controls, sizeof controls});

    CHECK(mt_graph_set(graph, mt_str("d"), mt_str("long"), value) == MT_OK);
    for (size_t n = 0;; n++) {
        fail_mem fm = {.fail_at = n};
        mt_buf out = {.mem = fail_mem_hook(&fm)};
        mt_status st = mt_json_string(mt_str("before"), &out);
        size_t len = out.len;

        if (st == MT_OK) st = mt_json_graph(graph, &out);
        if (st == MT_OK) {
            len = out.len;
            st = mt_graph_snapshot(graph, &out);
        }
        CHECK(st == (fm.tripped ? MT_NO_MEMORY : MT_OK));
        if (fm.tripped) CHECK(out.len == len);
        mt_buf_free(&out);
        CHECK(fm.live_bytes == 0);
        if (!fm.tripped) break;
    }
    mt_graph_free(graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_written_one_a_line),
        cmocka_unit_test(names_and_uids_are_escaped),
        cmocka_unit_test(a_node_goes_on_in_the_next_row),
        cmocka_unit_test(a_floor_that_comes_too_late_is_refused),
        cmocka_unit_test(the_buffer_may_be_emptied_between_rows),
        cmocka_unit_test(fields_and_strings_are_written_alone),
        cmocka_unit_test(a_graph_is_written_in_the_order_of_uids_and_names),
        cmocka_unit_test(a_snapshot_has_only_what_lives),
        cmocka_unit_test(a_node_of_very_many_fields_is_written_whole),
        cmocka_unit_test(without_memory_the_buffer_stays_as_it_was),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
