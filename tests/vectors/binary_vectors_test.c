/* The samples in vectors/binary: the same graph as JSON text and as the bytes of each binary form.
 *
 * To change one is to change the format. The bytes of `zstd` are only read: what a library of
 * compression writes may differ from one release to the next. */
#include "test_binary.h"
#include "test_graph.h"
#include "test_json.h"
#include <mytosis/host.h>
#include <mytosis/json.h>
#include <stdio.h>

static mt_bytes file_of(const char *name, const char *form)
{
    char path[100];

    snprintf(path, sizeof path, "binary/%s.%s", name, form);
    return test_vectors(path);
}

static mt_graph *graph_of(const char *name)
{
    mt_bytes text = file_of(name, "json");
    mt_graph *graph = NULL;
    mt_error err = {0};

    if (mt_json_load(test_mem(), NULL, name, text, &graph, &err) != MT_OK) fail_msg("%s", err.text);
    test_vectors_free(text);
    return graph;
}

static mt_buf bytes_of(const char *name, const char *form)
{
    mt_bytes text = file_of(name, form); /* with a zero byte behind it */
    mt_buf bytes = test_hex((const char *)text.data);

    test_vectors_free(text);
    return bytes;
}

/* Holds that the bytes load to the graph. */
static void check_load(const char *name, const char *form, const mt_compressor *compressor)
{
    mt_buf bytes = bytes_of(name, form);
    mt_graph *expected = graph_of(name), *graph = NULL;
    mt_error err = {0};

    if (mt_binary_load(test_mem(), NULL, compressor, name, mt_buf_bytes(&bytes), &graph, &err) !=
        MT_OK)
        fail_msg("%s.%s: %s", name, form, err.text);
    if (!mt_graph_equal(graph, expected)) fail_msg("%s.%s is another graph", name, form);
    test_same_bytes(test_text(graph), test_text(expected));
    mt_graph_free(graph);
    mt_graph_free(expected);
    mt_buf_free(&bytes);
}

/* Holds that the graph is written as the bytes. */
static void check_write(const char *name, const char *form, const mt_compressor *compressor)
{
    mt_buf expected = bytes_of(name, form), out = {.mem = test_mem()};
    mt_graph *graph = graph_of(name);
    mt_binary_writer *writer;

    CHECK(mt_binary_writer_new(test_mem(), NULL, compressor, &out, &writer) == MT_OK);
    CHECK(mt_binary_graph(writer, graph) == MT_OK);
    CHECK(mt_binary_finish(writer) == MT_OK);
    if (!mt_bytes_equal(mt_buf_bytes(&out), mt_buf_bytes(&expected))) {
        for (size_t i = 0; i < out.len; i++) print_message("%02x", out.data[i]);
        fail_msg(" is written for %s.%s", name, form);
    }
    mt_binary_writer_free(writer);
    mt_buf_free(&out);
    mt_buf_free(&expected);
    mt_graph_free(graph);
}

static const char *const names[] = {"empty",  "example", "parts", "shapes",
                                    "states", "uids",    "values"};

TEST(samples_of_rows_are_read_and_written)
{
    for (size_t i = 0; i < TEST_COUNT(names); i++) {
        check_load(names[i], "rows.hex", NULL);
        check_write(names[i], "rows.hex", NULL);
    }
}

/* Stored, by a compressor that does nothing, to show the streams. */
TEST(samples_of_columns_are_read_and_written)
{
    for (size_t i = 0; i < TEST_COUNT(names); i++) {
        check_load(names[i], "columns.hex", test_store());
        check_write(names[i], "columns.hex", test_store());
    }
}

TEST(samples_of_compressed_columns_are_read)
{
    for (size_t i = 0; i < TEST_COUNT(names); i++)
        check_load(names[i], "zstd.hex", mt_compressor_zstd());
}

/* Several frames, extensions, and a node that goes on in the next frame. */
TEST(a_sample_of_a_sequence_is_read)
{
    mt_buf bytes = bytes_of("sequence", "rows.hex");

    check_load("sequence", "rows.hex", NULL);
    test_binary_says(bytes, "\"a\": \"x\"=1@3 +\"later\" more\n"
                            "\"a\": \"y\"=deleted@3\n"
                            "\"b\"^3: \"x\"=2@4\n"
                            "MT_END");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_of_rows_are_read_and_written),
        cmocka_unit_test(samples_of_columns_are_read_and_written),
        cmocka_unit_test(samples_of_compressed_columns_are_read),
        cmocka_unit_test(a_sample_of_a_sequence_is_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
