/* What is written is read back exactly, and the same graph gives the same bytes. */
#include "test_gen.h"
#include "test_graph.h"
#include "test_inspect.h"
#include <mytosis/binary.h>
#include <mytosis/host.h>
#include <mytosis/json.h>
#include <string.h>

typedef struct subject {
    ref_graph ref;
    mt_graph *graph;
} subject;

static subject subject_new(test_case *c)
{
    gen_universe u = gen_any(c);
    subject s = {.ref = gen_graph(c, &u)};

    s.graph = test_graph_of(&s.ref);
    return s;
}

/* The next piece of what is left, of any length. */
static mt_bytes next_piece(test_case *c, mt_bytes *left)
{
    mt_bytes piece = {left->data, 1 + test_below(c, test_once_in(c, 2) ? 20 : 3000)};

    if (piece.len > left->len) piece.len = left->len;
    left->data += piece.len;
    left->len -= piece.len;
    return piece;
}

/* Holds that a call succeeded; else says why not. */
static void worked(mt_status st, mt_status wanted, const mt_error *err)
{
    if (st != wanted) print_error("%s: %s\n", mt_status_name(st), err->text);
    HOLDS(st == wanted);
}

/* ---- JSON ---- */

static void json_in_pieces(test_case *c, mt_json_reader *reader, mt_bytes text, mt_graph *graph)
{
    mt_status st = MT_AGAIN;
    mt_row row;

    while (st == MT_AGAIN) {
        mt_bytes piece = next_piece(c, &text);

        HOLDS(mt_json_reader_feed(reader, piece, text.len == 0) == MT_OK);
        while ((st = mt_json_reader_next(reader, &row)) == MT_OK)
            test_worked(graph, mt_graph_merge_rows(graph, &row, 1, NULL));
    }
    worked(st, MT_END, mt_json_reader_error(reader));
    HOLDS(text.len == 0);
}

static void json_is_read_back(test_case *c)
{
    subject s = subject_new(c);
    mt_buf text = test_text(s.graph);
    mt_error err = {MT_OK, ""};
    mt_graph *whole = NULL, *pieces = test_graph_new();
    mt_json_reader *reader = NULL;

    worked(mt_json_load(test_mem(), NULL, "t", mt_buf_bytes(&text), &whole, &err), MT_OK, &err);
    test_graph_is(whole, &s.ref);
    HOLDS(mt_json_reader_new(test_mem(), MT_JSON_GRAPH, "t", NULL, &reader) == MT_OK);
    json_in_pieces(c, reader, mt_buf_bytes(&text), pieces);
    mt_json_reader_free(reader);
    HOLDS(mt_graph_equal(pieces, whole));
    test_same_bytes(text, test_text(whole));
    mt_graph_free(pieces);
    mt_graph_free(whole);
    mt_graph_free(s.graph);
}

/* The snapshot, read as a patch, gives an empty graph what readers of the first saw. */
static void snapshot_is_read_back(test_case *c)
{
    subject s = subject_new(c);
    mt_buf before = test_snapshot(s.graph);
    mt_graph *graph = test_graph_new();
    mt_json_reader *reader = NULL;
    mt_status st;
    mt_row row;

    HOLDS(mt_json_reader_new(test_mem(), MT_JSON_PATCH, "t", NULL, &reader) == MT_OK);
    HOLDS(mt_json_reader_feed(reader, mt_buf_bytes(&before), true) == MT_OK);
    while ((st = mt_json_reader_next(reader, &row)) == MT_OK)
        test_worked(graph, mt_graph_patch(graph, &row, 1, 0, NULL));
    HOLDS(st == MT_END);
    test_same_bytes(before, test_snapshot(graph));
    mt_json_reader_free(reader);
    mt_graph_free(graph);
    mt_graph_free(s.graph);
}

/* ---- Binary ---- */

static const mt_compressor *gen_compressor(test_case *c)
{
    return test_once_in(c, 8) ? mt_compressor_zstd() : NULL;
}

/* Small frames, now and then, so that graphs take many. */
static mt_limits gen_limits(test_case *c)
{
    mt_limits limits;

    mt_limits_init(&limits);
    if (test_once_in(c, 2)) limits.frame_len_max = 4096 + test_below(c, 4096);
    return limits;
}

static mt_buf encode_graph(const mt_graph *graph, const mt_limits *limits,
                           const mt_compressor *compressor)
{
    mt_buf out = {.mem = test_mem()};
    mt_binary_writer *writer = NULL;

    HOLDS(mt_binary_writer_new(test_mem(), limits, compressor, &out, &writer) == MT_OK);
    HOLDS(mt_binary_graph(writer, graph) == MT_OK && mt_binary_finish(writer) == MT_OK);
    mt_binary_writer_free(writer);
    return out;
}

static void binary_in_pieces(test_case *c, mt_binary_reader *reader, mt_bytes bytes,
                             mt_graph *graph)
{
    mt_status st = MT_AGAIN;
    const mt_row *rows;
    size_t count;

    while (st == MT_AGAIN) {
        mt_bytes piece = next_piece(c, &bytes);

        HOLDS(mt_binary_reader_feed(reader, piece, bytes.len == 0) == MT_OK);
        while ((st = mt_binary_reader_rows(reader, &rows, &count)) == MT_OK)
            test_worked(graph, mt_graph_merge_rows(graph, rows, count, NULL));
    }
    worked(st, MT_END, mt_binary_reader_error(reader));
    HOLDS(bytes.len == 0);
}

static void binary_is_read_back(test_case *c)
{
    subject s = subject_new(c);
    const mt_compressor *zip = gen_compressor(c);
    mt_limits limits = gen_limits(c);
    mt_buf bytes = encode_graph(s.graph, &limits, zip);
    mt_graph *whole = NULL, *pieces = test_graph_new();
    mt_binary_reader *reader = NULL;
    mt_error err = {MT_OK, ""};

    worked(mt_binary_load(test_mem(), NULL, zip, "t", mt_buf_bytes(&bytes), &whole, &err), MT_OK,
           &err);
    test_graph_is(whole, &s.ref);
    test_inspect_alone(whole);
    HOLDS(mt_binary_reader_new(test_mem(), NULL, zip, "t", &reader) == MT_OK);
    binary_in_pieces(c, reader, mt_buf_bytes(&bytes), pieces);
    mt_binary_reader_free(reader);
    HOLDS(mt_graph_equal(pieces, whole));
    test_same_bytes(bytes, encode_graph(whole, &limits, zip));
    mt_graph_free(pieces);
    mt_graph_free(whole);
    mt_graph_free(s.graph);
}

static mt_buf encode_delta(const mt_delta *delta, mt_delta_part part)
{
    mt_buf out = {.mem = test_mem()};
    mt_binary_writer *writer = NULL;

    HOLDS(mt_binary_writer_new(test_mem(), NULL, NULL, &out, &writer) == MT_OK);
    HOLDS(mt_binary_delta(writer, delta, part) == MT_OK && mt_binary_finish(writer) == MT_OK);
    mt_binary_writer_free(writer);
    return out;
}

/* A delta goes over the wire to another replica. */
static void delta_is_read_back(test_case *c)
{
    gen_universe u = gen_any(c);
    ref_graph current = gen_graph(c, &u), incoming = gen_graph(c, &u);
    mt_graph *graph = test_graph_of(&current), *replica = test_graph_of(&current);
    mt_graph *other = test_graph_of(&incoming), *past = NULL;
    mt_delta *delta = test_merge(graph, other);
    mt_buf update = encode_delta(delta, MT_UPDATE), history = encode_delta(delta, MT_HISTORY);
    mt_binary_reader *reader = NULL;
    mt_error err = {MT_OK, ""};
    mt_delta *again;

    HOLDS(mt_binary_reader_new(test_mem(), NULL, NULL, "t", &reader) == MT_OK);
    binary_in_pieces(c, reader, mt_buf_bytes(&update), replica);
    HOLDS(mt_graph_equal(replica, graph));
    worked(mt_binary_load(test_mem(), NULL, NULL, "t", mt_buf_bytes(&history), &past, &err), MT_OK,
           &err);
    again = test_merge(replica, past);
    HOLDS(!mt_delta_changed(again));
    mt_delta_free(again);
    mt_delta_free(delta);
    mt_binary_reader_free(reader);
    mt_buf_free(&update);
    mt_buf_free(&history);
    mt_graph_free(past);
    mt_graph_free(graph);
    mt_graph_free(replica);
    mt_graph_free(other);
}

/* ---- The same bytes ---- */

/* Two ways to one graph: rows in one order, or merged, split and repeated in another. */
static void equal_graphs_give_equal_bytes(test_case *c)
{
    subject s = subject_new(c);
    mt_graph *other = test_graph_new();
    size_t count, first;
    mt_row *rows = gen_rows(c, &s.ref, true, &count);

    first = test_below(c, count + 1);
    test_worked(other, mt_graph_merge_rows(other, rows + first, count - first, NULL));
    mt_graph_free(test_clone(other));
    test_worked(other, mt_graph_merge_rows(other, rows, first, NULL));
    HOLDS(mt_graph_equal(other, s.graph));
    test_same_bytes(test_text(other), test_text(s.graph));
    test_same_bytes(test_snapshot(other), test_snapshot(s.graph));
    test_same_bytes(encode_graph(other, NULL, NULL), encode_graph(s.graph, NULL, NULL));
    mt_graph_free(other);
    mt_graph_free(s.graph);
}

/* FNV-1a, 64 bits. */
static uint64_t digest_add(uint64_t digest, mt_buf *bytes)
{
    for (size_t i = 0; i < bytes->len; i++)
        digest = (digest ^ bytes->data[i]) * UINT64_C(0x100000001b3);
    mt_buf_free(bytes);
    return digest;
}

/* Merges two graphs and adds whatever text can be made of it to a digest. */
static uint64_t digest_case(test_case *c, uint64_t digest)
{
    gen_universe u = gen_any(c);
    ref_graph a = gen_graph(c, &u), b = gen_graph(c, &u);
    mt_graph *graph = test_graph_of(&a), *other = test_graph_of(&b), *made = NULL;
    mt_delta *delta = test_merge(graph, other);
    mt_buf out[5] = {test_text(graph), test_snapshot(graph)};

    for (int part = MT_UPDATE; part <= MT_HISTORY; part++) {
        size_t count;
        mt_row *rows = test_delta_rows(&c->arena, delta, (mt_delta_part)part, &count);

        made = test_graph_of_rows(rows, count);
        out[2 + part] = test_text(made);
        mt_graph_free(made);
    }
    HOLDS(mt_graph_diff(other, graph, &made, NULL) == MT_OK);
    out[4] = test_text(made);
    for (size_t i = 0; i < 5; i++) digest = digest_add(digest, &out[i]);
    mt_delta_free(delta);
    mt_graph_free(made);
    mt_graph_free(other);
    mt_graph_free(graph);
    return digest;
}

TEST(every_run_on_every_machine_gives_the_same_bytes)
{
    uint64_t digest = UINT64_C(0xcbf29ce484222325);
    test_case c = {.seed = 0};

    for (c.seed = 0; c.seed < 1000; c.seed++) {
        c.rng = test_rng_new(c.seed);
        digest = digest_case(&c, digest);
        test_arena_reset(&c.arena);
    }
    test_arena_end(&c.arena);
    /* Another number says that the cases are others, or that what is written has changed. */
    assert_int_equal(digest, UINT64_C(0xc1e69115eec3e045));
}

/* ---- Values ---- */

static mt_buf value_text(const mt_value *value)
{
    mt_buf text = {.mem = test_mem()};

    HOLDS(mt_value_json(value, &text) == MT_OK);
    return text;
}

/* Reads a value's text by itself, as the only field of a patch; BORROWED from the reader. */
static mt_value value_read(mt_json_reader *reader, mt_bytes text, mt_buf *room)
{
    static const char head[] = "{\"n\":{\"f\":", tail[] = "}}";
    mt_row row;

    room->data = test_mem()->resize(NULL, NULL, 0, sizeof head + text.len + sizeof tail);
    room->cap = sizeof head + text.len + sizeof tail;
    memcpy(room->data, head, sizeof head - 1);
    memcpy(room->data + sizeof head - 1, text.data, text.len);
    memcpy(room->data + sizeof head - 1 + text.len, tail, sizeof tail - 1);
    room->len = sizeof head - 1 + text.len + sizeof tail - 1;
    HOLDS(mt_json_reader_feed(reader, mt_buf_bytes(room), true) == MT_OK);
    HOLDS(mt_json_reader_next(reader, &row) == MT_OK && row.count == 1);
    HOLDS(row.fields[0].kind == MT_FIELD_VALUE);
    return row.fields[0].value;
}

static void value_and_text_are_one(test_case *c)
{
    mt_value a = test_once_in(c, 2) ? gen_value(c) : gen_wild_value(c);
    mt_value b = test_once_in(c, 2) ? gen_value(c) : gen_wild_value(c), read;
    mt_buf text_a = value_text(&a), text_b = value_text(&b), room = {.mem = test_mem()};
    bool same = mt_bytes_equal(mt_buf_bytes(&text_a), mt_buf_bytes(&text_b));
    mt_json_reader *reader = NULL;

    HOLDS(mt_value_check(&a, NULL, NULL) == MT_OK);
    HOLDS(mt_value_equal(&a, &b) == same);
    HOLDS((mt_value_compare(&a, &b) == 0) == same);
    HOLDS((mt_value_compare(&a, &b) < 0) == (ref_value_compare(&a, &b) < 0));
    HOLDS((mt_value_compare(&b, &a) < 0) == (ref_value_compare(&b, &a) < 0));
    HOLDS(mt_json_reader_new(test_mem(), MT_JSON_PATCH, "t", NULL, &reader) == MT_OK);
    read = value_read(reader, mt_buf_bytes(&text_a), &room);
    HOLDS(mt_value_equal(&a, &read));
    mt_json_reader_free(reader);
    mt_buf_free(&text_a);
    mt_buf_free(&text_b);
    mt_buf_free(&room);
}

TEST(json_round_trips_are_exact)
{
    test_law(60000, json_is_read_back);
}

TEST(snapshots_are_patches_that_bring_values_back)
{
    test_law(20000, snapshot_is_read_back);
}

TEST(binary_round_trips_are_exact)
{
    test_law(60000, binary_is_read_back);
}

TEST(deltas_travel_as_bytes)
{
    test_law(40000, delta_is_read_back);
}

TEST(graphs_that_are_equal_give_the_same_bytes)
{
    test_law(60000, equal_graphs_give_equal_bytes);
}

TEST(one_value_has_one_text_and_one_text_one_value)
{
    test_law(200000, value_and_text_are_one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_round_trips_are_exact),
        cmocka_unit_test(snapshots_are_patches_that_bring_values_back),
        cmocka_unit_test(binary_round_trips_are_exact),
        cmocka_unit_test(deltas_travel_as_bytes),
        cmocka_unit_test(graphs_that_are_equal_give_the_same_bytes),
        cmocka_unit_test(every_run_on_every_machine_gives_the_same_bytes),
        cmocka_unit_test(one_value_has_one_text_and_one_text_one_value),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
