#include "base/bytes.h"
#include "crdt/binary.h"
#include "test_binary.h"
#include "test_graph.h"
#include <mytosis/host.h>
#include <stdio.h>

/* ---- Helpers ---- */

static mt_field field_of(const char *name, mt_value value, uint64_t state)
{
    return (mt_field){.name = mt_str(name), .value = value, .state = state};
}

static mt_row row_of(const char *uid, const mt_field *fields, size_t count)
{
    return (mt_row){.uid = mt_str(uid), .fields = fields, .count = count};
}

typedef struct sink {
    mt_buf out;
    mt_binary_writer *writer;
} sink;

static void sink_open(sink *s, const mt_limits *limits, const mt_compressor *compressor)
{
    s->out = (mt_buf){.mem = test_mem()};
    CHECK(mt_binary_writer_new(test_mem(), limits, compressor, &s->out, &s->writer) == MT_OK);
}

static void sink_close(sink *s)
{
    mt_binary_writer_free(s->writer);
    mt_buf_free(&s->out);
}

static void check_bytes(mt_buf bytes, mt_buf expected)
{
    CHECK(bytes.len == expected.len);
    assert_memory_equal(bytes.data, expected.data, bytes.len);
    mt_buf_free(&bytes);
    mt_buf_free(&expected);
}

static mt_buf encode(const mt_row *rows, size_t count)
{
    const test_rows all = {(mt_row *)(uintptr_t)rows, count, count};

    return test_encode(&all, NULL, NULL);
}

/* Holds that the row is refused, with this message, and that the writer stays so. */
static void check_refused(const mt_row *rows, size_t count, mt_status status, const char *message)
{
    sink s;

    sink_open(&s, NULL, NULL);
    for (size_t i = 0; i + 1 < count; i++) CHECK(mt_binary_row(s.writer, &rows[i]) == MT_OK);
    CHECK(mt_binary_row(s.writer, &rows[count - 1]) == status);
    assert_string_equal(mt_binary_writer_error(s.writer)->text, message);
    CHECK(mt_binary_writer_error(s.writer)->status == status);
    CHECK(mt_binary_row(s.writer, &rows[0]) == status);
    CHECK(mt_binary_finish(s.writer) == status);
    CHECK(s.out.len == 0);
    sink_close(&s);
}

static void check_field_refused(mt_field field, mt_status status, const char *message)
{
    mt_row row = row_of("u", &field, 1);

    check_refused(&row, 1, status, message);
}

/* ---- Bytes ---- */

TEST(nothing_is_an_empty_frame)
{
    check_bytes(encode(NULL, 0), test_frame(0x01, ""));
}

TEST(a_row_reads_like_the_format)
{
    mt_field fields[] = {field_of("age", mt_number(36), 5), field_of("name", mt_text("Ada"), 5)};
    mt_row row = row_of("user/1", fields, 2);

    check_bytes(encode(&row, 1),
                test_frame(0x01, "01 02 07\"age\" 09\"name\" 06\"user/1\" 0a 3824 63\"Ada\""));
}

TEST(shapes_names_and_uids_are_written_once)
{
    mt_field ab[] = {field_of("a", mt_null(), 1), field_of("b", mt_null(), 1)};
    mt_row rows[] = {row_of("user/10", ab, 2), row_of("user/11", ab, 2),
                     row_of("user/2", ab + 1, 1), row_of("user/21", ab, 2)};

    check_bytes(encode(rows, 4), test_frame(0x01, "01 02 03\"a\" 03\"b\" 07\"user/10\" 02 0000"
                                                  "04 11\"1\" 0000"
                                                  "00 01 02 21\"2\" 00"
                                                  "04 01\"1\" 0000"));
}

TEST(states_take_the_shortest_form_that_fits)
{
    mt_field same[] = {field_of("a", mt_null(), 7), field_of("b", mt_null(), 7)};
    mt_field each[] = {field_of("a", mt_null(), 7), field_of("b", mt_null(), 9)};
    mt_field back[] = {field_of("a", mt_null(), 1), field_of("b", mt_null(), 1)};
    mt_row rows[] = {row_of("1", same, 2), row_of("2", same, 2), row_of("3", each, 2),
                     row_of("4", back, 2), row_of("5", NULL, 0)};

    check_bytes(encode(rows, 5), test_frame(0x01, "01 02 03\"a\" 03\"b\" 01\"1\" 0e 0000"
                                                  "04 11\"2\" 0000"
                                                  "06 11\"3\" 00 04 0000"
                                                  "05 11\"4\" 0f 0000"
                                                  "00 00 11\"5\""));
}

TEST(what_is_rare_stands_in_a_byte_of_flags)
{
    mt_field a[] = {field_of("a", mt_null(), 9)};
    mt_row rows[] = {row_of("1", a, 1), row_of("2", a, 1), row_of("3", NULL, 0)};

    rows[0].floor = 5;
    rows[1].extension = mt_str("sign");
    rows[2].floor = 20;
    check_bytes(encode(rows, 3), test_frame(0x01, "03 05 01 03\"a\" 01\"1\" 0a 08 00"
                                                  "07 08 11\"2\" 00 04\"sign\""
                                                  "03 04 00 11\"3\" 16"));
}

TEST(every_kind_of_value_has_its_tag)
{
    const struct {
        mt_value value;
        const char *bytes;
    } cases[] = {
        {mt_null(), "00"},
        {mt_bool(false), "01"},
        {mt_bool(true), "02"},
        {mt_number(0.5), "04 000000000000e03f"},
        {mt_number(1e300), "04 9c7500883ce4377e"},
        {mt_number(9007199254740992.0), "04 0000000000004043"},
        {mt_int(INT64_C(9007199254740993)), "05 0100000000002000"},
        {mt_int(INT64_MAX), "05 ffffffffffffff7f"},
        {mt_number(0), "20"},
        {mt_number(23), "37"},
        {mt_number(24), "38 18"},
        {mt_number(255), "38 ff"},
        {mt_number(256), "39 0001"},
        {mt_number(65535), "39 ffff"},
        {mt_number(65536), "3a 000001"},
        {mt_number(4294967296.0), "3c 0000000001"},
        {mt_number(9007199254740991.0), "3e ffffffffffff1f"},
        {mt_number(-1), "40"},
        {mt_number(-24), "57"},
        {mt_number(-25), "58 18"},
        {mt_number(-9007199254740992.0), "5e ffffffffffff1f"},
        {mt_number(-9007199254740994.0), "04 01000000000040c3"},
        {mt_text(""), "60"},
        {mt_text("0123456789012345678901234567890"), "7f 00\"0123456789012345678901234567890\""},
        {mt_text("012345678901234567890123456789"), "7e \"012345678901234567890123456789\""},
        {mt_blob(mt_str("\xFF")), "81 ff"},
        {mt_edge_to("u"), "a0 00"},
        {mt_edge_to("u/1"), "a0 02\"/1\""},
        {mt_edge_to("v"), "a0 11\"v\""},
    };

    for (size_t i = 0; i < TEST_COUNT(cases); i++) {
        mt_field field = field_of("a", cases[i].value, 1);
        mt_row row = row_of("u", &field, 1);
        char text[200];

        snprintf(text, sizeof text, "01 01 03\"a\" 01\"u\" 02 %s", cases[i].bytes);
        check_bytes(encode(&row, 1), test_frame(0x01, text));
    }
}

TEST(a_delete_marker_has_no_value)
{
    mt_field field = field_of("a", mt_text("means nothing"), 1);
    mt_row row = row_of("u", &field, 1);

    field.kind = MT_FIELD_DELETED;
    check_bytes(encode(&row, 1), test_frame(0x01, "01 01 03\"a\" 01\"u\" 02 03"));
}

TEST(edges_are_differences_from_the_edge_before)
{
    mt_field one[] = {field_of("a", mt_edge_to("user/07"), 1),
                      field_of("b", mt_edge_to("user/0"), 1)};
    mt_row rows[] = {row_of("user/1", one, 2), row_of("user/2", one, 2)};

    check_bytes(encode(rows, 2),
                test_frame(0x01, "01 02 03\"a\" 03\"b\" 06\"user/1\" 02 a0 12\"07\" a0 10"
                                 "04 11\"2\" a0 01\"7\" a0 10"));
}

TEST(long_changes_of_uids_spill_out_of_their_nibbles)
{
    mt_row rows[] = {row_of("0123456789abcdefghij", NULL, 0),
                     row_of("01234A6789abcdefghij", NULL, 0)};

    check_bytes(encode(rows, 2), test_frame(0x01, "00 00 0f05\"0123456789abcdefghij\""
                                                  "04 ff 0000\"A6789abcdefghij\""));
}

TEST(columns_hold_the_same_parts_in_streams)
{
    mt_field fields[] = {field_of("age", mt_number(36), 5), field_of("name", mt_text("Ada"), 5)};
    mt_row rows[] = {row_of("user/1", fields, 2), row_of("user/2", fields + 1, 1)};
    const test_rows all = {rows, 2, 2};

    check_bytes(test_encode(&all, NULL, test_store()),
                test_column_frame("0a 0e 02 07 01 01 01 00 02 00 06"
                                  "01 02 07\"age\" 09\"name\" 00 01 02"
                                  "06 11 \"user/12\" 0a"
                                  "38 24"
                                  "6363 \"AdaAda\""));
}

/* ---- Where frames end ---- */

/* How many frames a sequence has. */
static size_t count_frames(mt_bytes bytes, size_t *longest)
{
    size_t count = 0;

    for (*longest = 0; bytes.len > 0; count++) {
        size_t len = 0, at = 2;

        for (unsigned shift = 0;; shift += 7) {
            len |= (size_t)(bytes.data[at] & 0x7F) << shift;
            if (bytes.data[at++] < 0x80) break;
        }
        len += at + 4;
        CHECK(len <= bytes.len);
        CHECK((bytes.data[1] & 0x08) == (len < bytes.len ? 0x08 : 0));
        if (len > *longest) *longest = len;
        bytes.data += len;
        bytes.len -= len;
    }
    return count;
}

TEST(a_frame_ends_when_it_is_long_enough)
{
    size_t longest, count = 0;
    char uid[32];
    sink s;

    sink_open(&s, NULL, NULL);
    for (int i = 0; i < 30000; i++) {
        mt_field field = field_of("name", mt_text("0123456789"), 1);
        mt_row row = row_of(uid, &field, 1);

        snprintf(uid, sizeof uid, "%08d", i);
        row.uid = mt_str(uid);
        CHECK(mt_binary_row(s.writer, &row) == MT_OK);
    }
    CHECK(mt_binary_finish(s.writer) == MT_OK);
    count = count_frames(mt_buf_bytes(&s.out), &longest);
    CHECK(longest < 65 * 1024 && count == s.out.len / (64 * 1024) + 1);
    sink_close(&s);
}

TEST(the_buffer_may_be_emptied_between_rows)
{
    static char text[9000];
    mt_field field = field_of("a", mt_text(text), 1);
    mt_buf whole = {.mem = test_mem()};
    char uid[32];
    sink a, b;

    memset(text, 'x', sizeof text - 1);
    field.value = mt_text(text);
    sink_open(&a, NULL, NULL);
    sink_open(&b, NULL, NULL);
    for (int i = 0; i < 100; i++) {
        mt_row row = row_of(uid, &field, 1);

        snprintf(uid, sizeof uid, "%08d", i);
        row.uid = mt_str(uid);
        CHECK(mt_binary_row(a.writer, &row) == MT_OK);
        CHECK(mt_binary_row(b.writer, &row) == MT_OK);
        CHECK(mti_buf_append(&whole, b.out.data, b.out.len) == MT_OK);
        b.out.len = 0;
    }
    CHECK(mt_binary_finish(a.writer) == MT_OK);
    CHECK(mt_binary_finish(b.writer) == MT_OK);
    CHECK(mti_buf_append(&whole, b.out.data, b.out.len) == MT_OK);
    CHECK(mt_bytes_equal(mt_buf_bytes(&whole), mt_buf_bytes(&a.out)));
    mt_buf_free(&whole);
    sink_close(&a);
    sink_close(&b);
}

/* Fields with names in order, in memory that stays for the test. */
static mt_field *many_fields(test_arena *arena, size_t count, size_t value_len)
{
    mt_field *fields = test_take(arena, (count + 1) * sizeof *fields);
    uint8_t *value = test_take(arena, value_len);

    memset(value, 'v', value_len);
    for (size_t i = 0; i < count; i++) {
        char name[32];

        snprintf(name, sizeof name, "n%07zu", i);
        fields[i].name = test_copy(arena, mt_str(name));
        fields[i].state = 3;
        fields[i].value = mt_string((mt_bytes){value, value_len});
    }
    return fields;
}

TEST(a_node_gives_the_same_bytes_whole_or_in_rows_of_64)
{
    const size_t counts[] = {1, 63, 64, 65, 128, 129, 1000};
    test_arena arena = {0};

    for (size_t i = 0; i < TEST_COUNT(counts); i++) {
        mt_field *fields = many_fields(&arena, counts[i], 3);
        mt_row whole = row_of("node", fields, counts[i]),
               *parts = test_take(&arena, 20 * sizeof *parts);
        size_t count = 0;

        whole.floor = 2;
        for (size_t at = 0; at < counts[i]; at += 64, count++) {
            parts[count] = whole;
            parts[count].fields = fields + at;
            parts[count].count = counts[i] - at < 64 ? counts[i] - at : 64;
            parts[count].more = at + 64 < counts[i];
        }
        check_bytes(encode(&whole, 1), encode(parts, count));
    }
    test_arena_end(&arena);
}

TEST(a_row_larger_than_a_frame_is_split)
{
    const mt_limits limits = {.frame_len_max = 70000};
    test_arena arena = {0};
    mt_row row = row_of("node", many_fields(&arena, 64, 10000), 64);
    const test_rows rows = {&row, 1, 1};
    mt_buf bytes = test_encode(&rows, &limits, NULL);
    test_binary input = {&limits, NULL, mt_buf_bytes(&bytes)};
    size_t longest;

    CHECK(count_frames(input.bytes, &longest) == 11);
    CHECK(longest <= limits.frame_len_max);
    test_binary_check(&input, NULL);
    mt_buf_free(&bytes);
    test_arena_end(&arena);
}

TEST(a_field_that_fits_no_frame_is_refused)
{
    const mt_limits limits = {.frame_len_max = 1000, .block_len_max = 5500};
    test_arena arena = {0};
    mt_row row = row_of("node", many_fields(&arena, 1, 1000), 1);
    sink s;

    sink_open(&s, &limits, NULL);
    CHECK(mt_binary_row(s.writer, &row) == MT_TOO_LARGE);
    assert_string_equal(mt_binary_writer_error(s.writer)->text,
                        "a field of \"node\" fits no frame (frame_len_max)");
    sink_close(&s);
    row = row_of("node", many_fields(&arena, 1, 5000), 1);
    sink_open(&s, &limits, test_store());
    CHECK(mt_binary_row(s.writer, &row) == MT_TOO_LARGE);
    assert_string_equal(mt_binary_writer_error(s.writer)->text,
                        "a field of \"node\" fits no frame (block_len_max)");
    sink_close(&s);
    test_arena_end(&arena);
}

TEST(a_frame_has_at_most_65536_names)
{
    test_arena arena = {0};
    const size_t count = 70000;
    mt_row row = row_of("node", many_fields(&arena, count, 0), count);
    const test_rows rows = {&row, 1, 1};
    mt_buf bytes = test_encode(&rows, NULL, test_store());
    test_binary input = {NULL, test_store(), mt_buf_bytes(&bytes)};
    mt_buf said = test_binary_said(test_mem(), &input, bytes.len, 1);
    size_t longest;

    CHECK(count_frames(input.bytes, &longest) == 2);
    CHECK(memcmp(said.data + said.len - 6, "MT_END", 6) == 0);
    mt_buf_free(&said);
    mt_buf_free(&bytes);
    test_arena_end(&arena);
}

TEST(a_block_that_compresses_too_well_is_padded)
{
    test_arena arena = {0};
    mt_row row = row_of("node", many_fields(&arena, 10, 100000), 10);
    const test_rows rows = {&row, 1, 1};
    mt_buf bytes = test_encode(&rows, NULL, mt_compressor_zstd());
    test_binary input = {NULL, mt_compressor_zstd(), mt_buf_bytes(&bytes)};

    CHECK(bytes.len > 1000000 / 64 && bytes.len < 1000000 / 64 + 200);
    test_binary_check(&input, NULL);
    mt_buf_free(&bytes);
    test_arena_end(&arena);
}

TEST(a_frame_may_be_ended_early)
{
    mt_row rows[] = {row_of("1", NULL, 0), row_of("2", NULL, 0)};
    mt_buf first = test_frame(0x09, "00 00 01\"1\""), second = test_frame(0x01, "00 00 01\"2\"");
    sink s;

    sink_open(&s, NULL, NULL);
    CHECK(mti_binary_cut(s.writer) == MT_OK);
    CHECK(mt_binary_row(s.writer, &rows[0]) == MT_OK);
    CHECK(mti_binary_cut(s.writer) == MT_OK);
    CHECK(mti_binary_cut(s.writer) == MT_OK);
    CHECK(mt_binary_row(s.writer, &rows[1]) == MT_OK);
    CHECK(mt_binary_finish(s.writer) == MT_OK);
    CHECK(mti_buf_append(&first, second.data, second.len) == MT_OK);
    CHECK(mt_bytes_equal(mt_buf_bytes(&first), mt_buf_bytes(&s.out)));
    mt_buf_free(&first);
    mt_buf_free(&second);
    sink_close(&s);
}

TEST(a_writer_begins_anew_after_the_end)
{
    mt_field field = field_of("a", mt_edge_to("v"), 7);
    mt_row row = row_of("u", &field, 1);
    size_t half;
    sink s;

    sink_open(&s, NULL, NULL);
    CHECK(mt_binary_row(s.writer, &row) == MT_OK && mt_binary_finish(s.writer) == MT_OK);
    half = s.out.len;
    CHECK(mt_binary_row(s.writer, &row) == MT_OK && mt_binary_finish(s.writer) == MT_OK);
    CHECK(s.out.len == 2 * half && memcmp(s.out.data, s.out.data + half, half) == 0);
    sink_close(&s);
}

TEST(hints_in_rows_from_outside_mean_nothing)
{
    mt_field a = field_of("a", mt_null(), 1), b = field_of("b", mt_null(), 1);
    mt_row rows[] = {row_of("1", &a, 1), row_of("2", &b, 1)};
    mt_buf plain = encode(rows, 2);

    rows[0].shape = rows[1].shape = rows;
    check_bytes(encode(rows, 2), plain);
}

/* ---- What is refused ---- */

TEST(rows_out_of_order_are_refused)
{
    mt_row rows[] = {row_of("b", NULL, 0), row_of("a", NULL, 0)};

    check_refused(rows, 2, MT_INVALID, "the node \"a\" does not sort after \"b\"");
    rows[1] = rows[0];
    check_refused(rows, 2, MT_INVALID, "the node \"b\" does not sort after \"b\"");
}

TEST(fields_out_of_order_are_refused)
{
    mt_field fields[] = {field_of("b", mt_null(), 1), field_of("a", mt_null(), 1)};
    mt_row row = row_of("u", fields, 2);

    check_refused(&row, 1, MT_INVALID, "the field \"a\" does not sort after the one before it");
    fields[1].name = fields[0].name;
    check_refused(&row, 1, MT_INVALID, "the field \"b\" does not sort after the one before it");
}

TEST(a_node_that_goes_on_otherwise_than_announced_is_refused)
{
    mt_field a = field_of("a", mt_null(), 9), b = field_of("b", mt_null(), 9);
    mt_row rows[] = {row_of("u", &b, 1), row_of("v", &b, 1)};
    sink s;

    rows[0].more = true;
    check_refused(rows, 2, MT_INVALID, "the node \"u\" does not go on as announced");
    rows[1] = row_of("u", &a, 1);
    check_refused(rows, 2, MT_INVALID, "the fields of \"u\" do not sort after \"b\"");
    rows[1] = row_of("u", NULL, 0);
    check_refused(rows, 2, MT_INVALID, "the fields of \"u\" do not sort after \"b\"");
    rows[1] = row_of("u", &b, 1);
    rows[1].floor = 1;
    check_refused(rows, 2, MT_INVALID, "the rows of \"u\" differ in their floor");
    rows[0].count = 0;
    check_refused(rows, 1, MT_INVALID, "a row without fields cannot go on");
    rows[0].count = 1;
    sink_open(&s, NULL, NULL);
    CHECK(mt_binary_row(s.writer, &rows[0]) == MT_OK);
    CHECK(mt_binary_finish(s.writer) == MT_INVALID);
    assert_string_equal(mt_binary_writer_error(s.writer)->text, "the last row is marked to go on");
    sink_close(&s);
}

TEST(what_no_graph_may_hold_is_refused)
{
    static uint8_t long_value[256 * 1024 + 1];
    mt_field field = field_of("a", mt_null(), 5), odd;
    mt_row row = row_of("", NULL, 0);

    check_refused(&row, 1, MT_INVALID, "a uid is empty");
    row = row_of("u", &field, 1);
    row.floor = 5;
    check_refused(&row, 1, MT_INVALID, "\"a\" is not above the floor of its node");
    row.floor = MT_STATE_MAX + 1;
    check_refused(&row, 1, MT_STATE, "a floor of 9007199254740992 is above 2^53 - 1");
    row.floor = 0;
    row.delete_node = true;
    check_refused(&row, 1, MT_INVALID, "a row deletes its node, as only a patch may");
    check_field_refused(field_of("a", mt_null(), 0), MT_STATE,
                        "state 0 of \"a\" is not 1 to 2^53 - 1");
    check_field_refused(field_of("a", mt_null(), MT_STATE_MAX + 1), MT_STATE,
                        "state 9007199254740992 of \"a\" is not 1 to 2^53 - 1");
    check_field_refused(field_of("@object", mt_null(), 1), MT_INVALID,
                        "a field may not have the name \"@object\"");
    check_field_refused(field_of("a", mt_text("\xFF"), 1), MT_INVALID,
                        "a string is not UTF-8: byte 0xFF at 0");
    check_field_refused(field_of("a", mt_string((mt_bytes){long_value, sizeof long_value}), 1),
                        MT_TOO_LARGE, "a value has 262145 bytes, more than 262144 (value_len_max)");
    odd = field_of("a", mt_null(), 1);
    odd.kind = (mt_field_kind)2;
    check_field_refused(odd, MT_INVALID, "2 is no kind of field");
    odd.kind = MT_FIELD_VALUE;
    odd.type = (mt_field_type)1;
    check_field_refused(odd, MT_UNSUPPORTED, "1 is no type of field");
}

static mt_status refuse_to_compress(void *ctx, const mt_bytes *parts, size_t count, uint8_t *out,
                                    size_t *out_len)
{
    (void)ctx;
    (void)parts;
    (void)count;
    (void)out;
    (void)out_len;
    return MT_IO;
}

TEST(what_the_compressor_answers_is_passed_on)
{
    mt_compressor broken = *test_store();
    mt_row row = row_of("u", NULL, 0);
    mt_graph *graph = test_graph_new();
    mt_delta *delta = NULL;
    sink s;

    CHECK(mt_graph_merge_rows(graph, &row, 1, &delta) == MT_OK);
    broken.compress = refuse_to_compress;
    sink_open(&s, NULL, &broken);
    CHECK(mt_binary_finish(s.writer) == MT_IO);
    assert_string_equal(mt_binary_writer_error(s.writer)->text, "reading or writing failed");
    CHECK(mt_binary_finish(s.writer) == MT_IO);
    /* After that it does nothing more. */
    CHECK(mti_binary_cut(s.writer) == MT_IO);
    CHECK(mt_binary_row(s.writer, &row) == MT_IO);
    CHECK(mt_binary_delta(s.writer, delta, MT_CONFLICT) == MT_IO);
    CHECK(mt_binary_delta(s.writer, delta, MT_UPDATE) == MT_IO);
    CHECK(s.out.len == 0);
    sink_close(&s);
    mt_delta_free(delta);
    mt_graph_free(graph);
}

TEST(a_block_that_may_have_no_bytes_holds_no_row)
{
    const mt_limits limits = {.block_len_max = 100};
    mt_row row = row_of("u", NULL, 0);
    sink s;

    sink_open(&s, &limits, test_store());
    CHECK(mt_binary_row(s.writer, &row) == MT_TOO_LARGE);
    assert_string_equal(mt_binary_writer_error(s.writer)->text,
                        "a field of \"u\" fits no frame (block_len_max)");
    sink_close(&s);
}

/* ---- Memory ---- */

static mt_status encode_all(const mt_mem *mem, const test_rows *rows,
                            const mt_compressor *compressor)
{
    mt_buf out = {.mem = mem};
    mt_binary_writer *writer = NULL;
    mt_status st = mt_binary_writer_new(mem, NULL, compressor, &out, &writer);

    for (size_t i = 0; i < rows->count && st == MT_OK; i++)
        st = mt_binary_row(writer, &rows->rows[i]);
    if (st == MT_OK) st = mt_binary_finish(writer);
    if (st != MT_OK && writer)
        assert_string_equal(mt_binary_writer_error(writer)->text, "out of memory");
    mt_binary_writer_free(writer);
    mt_buf_free(&out);
    return st;
}

TEST(every_allocation_may_fail)
{
    test_case c = {.rng = test_rng_new(5)};
    test_rows rows = {0};

    while (rows.count < 20) rows = test_binary_rows(&c);
    for (int columns = 0; columns < 2; columns++) {
        for (size_t n = 0;; n++) {
            fail_mem fm = {.fail_at = n};
            mt_status st = encode_all(fail_mem_hook(&fm), &rows, columns ? test_store() : NULL);

            CHECK(fm.live_bytes == 0);
            CHECK(st == (fm.tripped ? MT_NO_MEMORY : MT_OK));
            if (!fm.tripped) break;
        }
    }
    test_arena_end(&c.arena);
}

/* ---- Graphs and deltas ---- */

TEST(graphs_are_written_as_their_rows)
{
    const size_t counts[] = {0, 1, 5, 63, 64, 65, 127, 128, 129, 500};
    mt_graph *graph = test_graph_new();
    test_arena arena = {0};
    test_rows rows = {test_take(&arena, TEST_COUNT(counts) * sizeof(mt_row)), 0, 0};
    sink s;

    for (size_t i = 0; i < TEST_COUNT(counts); i++) {
        char uid[32];

        snprintf(uid, sizeof uid, "u%zu", i);
        rows.rows[i] = row_of("", many_fields(&arena, counts[i], 20), counts[i]);
        rows.rows[i].uid = test_copy(&arena, mt_str(uid));
        rows.rows[i].floor = i % 3;
        rows.count++;
    }
    CHECK(mt_graph_merge_rows(graph, rows.rows, rows.count, NULL) == MT_OK);
    sink_open(&s, NULL, NULL);
    CHECK(mt_binary_graph(s.writer, graph) == MT_OK);
    CHECK(mt_binary_finish(s.writer) == MT_OK);
    check_bytes(s.out, test_encode(&rows, NULL, NULL));
    mt_binary_writer_free(s.writer);
    mt_graph_free(graph);
    test_arena_end(&arena);
}

TEST(nodes_are_written_one_by_one_as_in_their_graph)
{
    static const size_t counts[] = {0, 1, 3, 64, 65, 200};
    mt_graph *graph = test_graph_new();
    test_arena arena = {0};
    sink all, each;

    for (size_t i = 0; i < TEST_COUNT(counts); i++) {
        char uid[32];
        mt_row row = row_of("", many_fields(&arena, counts[i], 20), counts[i]);

        snprintf(uid, sizeof uid, "u%zu", i);
        row.uid = mt_str(uid);
        row.floor = i % 3;
        CHECK(mt_graph_merge_rows(graph, &row, 1, NULL) == MT_OK);
    }
    sink_open(&all, NULL, NULL);
    sink_open(&each, NULL, NULL);
    CHECK(mt_binary_graph(all.writer, graph) == MT_OK);
    CHECK(mt_binary_finish(all.writer) == MT_OK);
    for (size_t i = 0; i < TEST_COUNT(counts); i++) {
        char uid[32];

        snprintf(uid, sizeof uid, "u%zu", i);
        CHECK(mt_binary_node(each.writer, mt_graph_get(graph, mt_str(uid))) == MT_OK);
    }
    CHECK(mt_binary_node(each.writer, mt_graph_get(graph, mt_str("u0"))) == MT_INVALID);
    mt_binary_writer_free(each.writer);
    mt_buf_free(&each.out);
    sink_open(&each, NULL, NULL);
    for (size_t i = 0; i < TEST_COUNT(counts); i++) {
        char uid[32];

        snprintf(uid, sizeof uid, "u%zu", i);
        CHECK(mt_binary_node(each.writer, mt_graph_get(graph, mt_str(uid))) == MT_OK);
    }
    CHECK(mt_binary_finish(each.writer) == MT_OK);
    check_bytes(each.out, all.out);
    mt_binary_writer_free(all.writer);
    mt_binary_writer_free(each.writer);
    mt_graph_free(graph);
    test_arena_end(&arena);
}

TEST(deltas_are_written_part_by_part)
{
    mt_field first[] = {field_of("a", mt_text("x"), 1), field_of("b", mt_text("y"), 1)};
    mt_field second[] = {field_of("a", mt_text("z"), 2)};
    mt_row before = row_of("u", first, 2), after[] = {row_of("t", NULL, 0), row_of("u", second, 1)};
    mt_graph *graph = test_graph_of_rows(&before, 1);
    mt_delta *delta;
    sink s;

    CHECK(mt_graph_merge_rows(graph, after, 2, &delta) == MT_OK);
    sink_open(&s, NULL, NULL);
    CHECK(mt_binary_delta(s.writer, delta, MT_UPDATE) == MT_OK);
    CHECK(mt_binary_finish(s.writer) == MT_OK);
    check_bytes(s.out, test_frame(0x01, "00 00 01\"t\" 01 01 03\"a\" 11\"u\" 04 61\"z\""));
    s.out = (mt_buf){.mem = test_mem()};
    CHECK(mt_binary_delta(s.writer, delta, MT_HISTORY) == MT_OK);
    CHECK(mt_binary_finish(s.writer) == MT_OK);
    test_binary_says(s.out, "\"u\": \"a\"=\"x\"@1\nMT_END");
    s.out = (mt_buf){.mem = test_mem()};
    CHECK(mt_binary_delta(s.writer, delta, MT_CONFLICT) == MT_INVALID);
    assert_string_equal(mt_binary_writer_error(s.writer)->text,
                        "conflicts are no rows: only update and history are");
    sink_close(&s);
    mt_delta_free(delta);
    mt_graph_free(graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_an_empty_frame),
        cmocka_unit_test(a_row_reads_like_the_format),
        cmocka_unit_test(shapes_names_and_uids_are_written_once),
        cmocka_unit_test(states_take_the_shortest_form_that_fits),
        cmocka_unit_test(what_is_rare_stands_in_a_byte_of_flags),
        cmocka_unit_test(every_kind_of_value_has_its_tag),
        cmocka_unit_test(a_delete_marker_has_no_value),
        cmocka_unit_test(edges_are_differences_from_the_edge_before),
        cmocka_unit_test(long_changes_of_uids_spill_out_of_their_nibbles),
        cmocka_unit_test(columns_hold_the_same_parts_in_streams),
        cmocka_unit_test(a_frame_ends_when_it_is_long_enough),
        cmocka_unit_test(the_buffer_may_be_emptied_between_rows),
        cmocka_unit_test(a_node_gives_the_same_bytes_whole_or_in_rows_of_64),
        cmocka_unit_test(a_row_larger_than_a_frame_is_split),
        cmocka_unit_test(a_field_that_fits_no_frame_is_refused),
        cmocka_unit_test(a_frame_has_at_most_65536_names),
        cmocka_unit_test(a_block_that_compresses_too_well_is_padded),
        cmocka_unit_test(a_frame_may_be_ended_early),
        cmocka_unit_test(a_writer_begins_anew_after_the_end),
        cmocka_unit_test(hints_in_rows_from_outside_mean_nothing),
        cmocka_unit_test(rows_out_of_order_are_refused),
        cmocka_unit_test(fields_out_of_order_are_refused),
        cmocka_unit_test(a_node_that_goes_on_otherwise_than_announced_is_refused),
        cmocka_unit_test(what_no_graph_may_hold_is_refused),
        cmocka_unit_test(what_the_compressor_answers_is_passed_on),
        cmocka_unit_test(a_block_that_may_have_no_bytes_holds_no_row),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(graphs_are_written_as_their_rows),
        cmocka_unit_test(nodes_are_written_one_by_one_as_in_their_graph),
        cmocka_unit_test(deltas_are_written_part_by_part),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
