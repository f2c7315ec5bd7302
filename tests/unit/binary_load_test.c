/* Whole graphs in and out, and how few bytes they take. */
#include "base/bytes.h"
#include "test_binary.h"
#include "test_gen.h"
#include "test_graph.h"
#include <mytosis/host.h>
#include <stdio.h>

static mt_buf encode_graph(const mt_graph *graph, const mt_compressor *compressor)
{
    mt_buf out = {.mem = test_mem()};
    mt_binary_writer *writer;

    CHECK(mt_binary_writer_new(test_mem(), NULL, compressor, &out, &writer) == MT_OK);
    CHECK(mt_binary_graph(writer, graph) == MT_OK);
    CHECK(mt_binary_finish(writer) == MT_OK);
    mt_binary_writer_free(writer);
    return out;
}

static mt_graph *load(mt_bytes bytes)
{
    mt_graph *graph = NULL;
    mt_error err = {0};

    if (mt_binary_load(test_mem(), NULL, mt_compressor_zstd(), "t", bytes, &graph, &err) != MT_OK)
        fail_msg("%s", err.text);
    return graph;
}

/* ---- Graphs ---- */

static void graph_round_trip(test_case *c)
{
    gen_universe u = gen_any(c);
    ref_graph expected = gen_graph(c, &u);
    mt_graph *graph = test_graph_of(&expected), *back;
    const mt_compressor *compressor = test_once_in(c, 3) ? mt_compressor_zstd() : NULL;
    mt_buf bytes = encode_graph(graph, compressor), again;

    back = load(mt_buf_bytes(&bytes));
    HOLDS(mt_graph_equal(graph, back));
    again = encode_graph(back, compressor);
    HOLDS(mt_bytes_equal(mt_buf_bytes(&bytes), mt_buf_bytes(&again)));
    mt_graph_free(graph);
    mt_graph_free(back);
    mt_buf_free(&bytes);
    mt_buf_free(&again);
}

TEST(graphs_load_as_they_were_written)
{
    test_law(20000, graph_round_trip);
}

/* What a merge changed, written and read and merged elsewhere, changes the same there. */
static void delta_replay(test_case *c)
{
    gen_universe u = gen_any(c);
    ref_graph before = gen_graph(c, &u), incoming = gen_graph(c, &u);
    mt_graph *here = test_graph_of(&before), *there = test_graph_of(&before);
    mt_graph *other = test_graph_of(&incoming), *update;
    mt_delta *delta = test_merge(here, other);
    mt_buf out = {.mem = test_mem()};
    mt_binary_writer *writer;

    CHECK(mt_binary_writer_new(test_mem(), NULL, NULL, &out, &writer) == MT_OK);
    CHECK(mt_binary_delta(writer, delta, MT_UPDATE) == MT_OK);
    CHECK(mt_binary_finish(writer) == MT_OK);
    update = load(mt_buf_bytes(&out));
    CHECK(mt_graph_merge(there, update, NULL) == MT_OK);
    HOLDS(mt_graph_equal(here, there));
    mt_binary_writer_free(writer);
    mt_delta_free(delta);
    mt_graph_free(here);
    mt_graph_free(there);
    mt_graph_free(other);
    mt_graph_free(update);
    mt_buf_free(&out);
}

TEST(deltas_have_the_same_effect_elsewhere)
{
    test_law(10000, delta_replay);
}

TEST(what_is_wrong_with_a_file_is_said_with_its_name)
{
    mt_buf bad = test_frame(0x01, "00 00 01\"b\" 04 11\"a\"");
    mt_graph *graph = NULL;
    mt_error err = {0};

    CHECK(mt_binary_load(test_mem(), NULL, NULL, "graph.mtg", mt_buf_bytes(&bad), &graph, &err) ==
          MT_MALFORMED);
    assert_string_equal(err.text, "graph.mtg: byte 8: a uid does not sort after \"b\"");
    CHECK(err.status == MT_MALFORMED && graph == NULL);
    CHECK(mt_binary_load(test_mem(), NULL, NULL, "graph.mtg", mt_buf_bytes(&bad), &graph, NULL) ==
          MT_MALFORMED);
    mt_buf_free(&bad);
}

TEST(every_allocation_may_fail)
{
    test_case c = {.rng = test_rng_new(3)};
    gen_universe u = gen_of_size(&c, GEN_LARGE_NODE);
    ref_graph content = gen_graph(&c, &u);
    mt_graph *graph = test_graph_of(&content);
    mt_buf bytes = encode_graph(graph, NULL);

    for (size_t n = 0;; n++) {
        fail_mem fm = {.fail_at = n};
        mt_graph *back = NULL;
        mt_error err = {0};
        mt_status st =
            mt_binary_load(fail_mem_hook(&fm), NULL, NULL, "t", mt_buf_bytes(&bytes), &back, &err);

        CHECK(st == (fm.tripped ? MT_NO_MEMORY : MT_OK));
        CHECK(err.status == st && (back != NULL) == (st == MT_OK));
        mt_graph_free(back);
        CHECK(fm.live_bytes == 0);
        if (!fm.tripped) break;
    }
    mt_graph_free(graph);
    mt_buf_free(&bytes);
    test_arena_end(&c.arena);
}

/* ---- How few bytes ---- */

/* The nodes that are measured everywhere: `user/000000` and on, five fields each. */
#define NODES 20000
#define NODES_NAMED 200000

static mt_bytes letters(test_case *c, size_t len)
{
    static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz .,-'?";
    uint8_t *text = test_take(&c->arena, len);

    for (size_t i = 0; i < len; i++) text[i] = (uint8_t)alphabet[test_below(c, 32)];
    return (mt_bytes){text, len};
}

static mt_bytes user(test_case *c, size_t number)
{
    char uid[32];

    snprintf(uid, sizeof uid, "user/%06zu", number);
    return test_copy(&c->arena, mt_str(uid));
}

static mt_row user_row(test_case *c, size_t number)
{
    mt_field *fields = test_take(&c->arena, 5 * sizeof *fields);
    mt_row row = {.uid = user(c, number), .fields = fields, .count = 5};

    fields[0] =
        (mt_field){.name = mt_str("active"), .value = mt_bool(test_once_in(c, 2)), .state = 1};
    fields[1] = (mt_field){
        .name = mt_str("age"), .value = mt_number((double)test_below(c, 100)), .state = 1};
    fields[2] = (mt_field){.name = mt_str("bio"), .value = mt_string(letters(c, 40)), .state = 1};
    fields[3] = (mt_field){.name = mt_str("friend"),
                           .value = mt_edge(user(c, test_below(c, NODES_NAMED))),
                           .state = 1};
    fields[4] = (mt_field){.name = mt_str("name"), .value = mt_string(letters(c, 12)), .state = 1};
    return row;
}

static double bytes_per_field(const test_rows *rows, const mt_compressor *compressor)
{
    mt_buf bytes = test_encode(rows, NULL, compressor);
    double len = (double)bytes.len;

    mt_buf_free(&bytes);
    return len / (double)(5 * rows->count);
}

TEST(fields_take_few_bytes)
{
    test_case c = {.rng = test_rng_new(11)};
    test_rows rows = {test_take(&c.arena, NODES * sizeof(mt_row)), NODES, NODES};

    for (size_t i = 0; i < NODES; i++) rows.rows[i] = user_row(&c, i);
    CHECK(bytes_per_field(&rows, NULL) <= 14.0);
    CHECK(bytes_per_field(&rows, mt_compressor_zstd()) <= 7.4);
    test_arena_end(&c.arena);
}

/* One random field of a random node, at a small state. */
static mt_row update_of(test_case *c, size_t number)
{
    mt_row row = user_row(c, number);
    mt_field *field = (mt_field *)(uintptr_t)row.fields + test_below(c, 5);

    field->state = 1 + test_below(c, 30);
    row.fields = field;
    row.count = 1;
    return row;
}

TEST(updates_of_one_field_take_few_bytes)
{
    const size_t count = 1000;
    test_case c = {.rng = test_rng_new(12)};
    test_rows rows = {test_take(&c.arena, count * sizeof(mt_row)), count, count};
    size_t alone = 0;
    mt_buf bytes;

    for (size_t i = 0; i < count; i++) {
        test_rows one = {&rows.rows[i], 1, 1};

        rows.rows[i] =
            update_of(&c, i * (NODES_NAMED / count) + test_below(&c, NODES_NAMED / count));
        bytes = test_encode(&one, NULL, NULL);
        alone += bytes.len;
        mt_buf_free(&bytes);
    }
    CHECK(alone <= 42 * count);
    bytes = test_encode(&rows, NULL, NULL);
    CHECK(bytes.len <= 26 * count);
    mt_buf_free(&bytes);
    test_arena_end(&c.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(graphs_load_as_they_were_written),
        cmocka_unit_test(deltas_have_the_same_effect_elsewhere),
        cmocka_unit_test(what_is_wrong_with_a_file_is_said_with_its_name),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(fields_take_few_bytes),
        cmocka_unit_test(updates_of_one_field_take_few_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
