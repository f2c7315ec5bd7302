#include "base/bytes.h"
#include "crdt/binary.h"
#include "test_binary.h"
#include "test_graph.h"
#include "test_guard.h"
#include <mytosis/host.h>
#include <stdio.h>

/* ---- What is written is read ---- */

/* The lines that a reader should say for rows. */
static mt_buf lines_of(const test_rows *rows)
{
    mt_buf out = {.mem = test_mem()};

    for (size_t i = 0; i < rows->count; i++) test_binary_add_row(&out, &rows->rows[i]);
    CHECK(mti_buf_append(&out, "MT_END", 7) == MT_OK);
    return out;
}

static void round_trip(test_case *c, const mt_compressor *compressor)
{
    /* Room for any row here, so that none is split. */
    const mt_limits limits = {.frame_len_max = 200000, .block_len_max = 300000};
    test_rows rows = test_binary_rows(c);
    mt_buf lines = lines_of(&rows), bytes = test_encode(&rows, &limits, compressor);
    test_binary input = {&limits, compressor, mt_buf_bytes(&bytes)};
    mt_buf said = test_binary_said(test_mem(), &input, bytes.len, 1);

    HOLDS(said.len + 1 == lines.len && memcmp(said.data, lines.data, said.len) == 0);
    if (test_once_in(c, 50)) test_binary_check(&input, NULL);
    mt_buf_free(&said);
    mt_buf_free(&bytes);
    mt_buf_free(&lines);
}

static void rows_round_trip(test_case *c)
{
    round_trip(c, NULL);
}

static void columns_round_trip(test_case *c)
{
    round_trip(c, test_once_in(c, 4) ? mt_compressor_zstd() : test_store());
}

TEST(rows_read_back_as_they_were_written)
{
    test_law(8000, rows_round_trip);
}

TEST(columns_read_back_as_they_were_written)
{
    test_law(4000, columns_round_trip);
}

static void small_frames(test_case *c)
{
    const mt_limits limits = {.frame_len_max = 2500 + test_below(c, 3000), .block_len_max = 7500};
    const mt_compressor *compressor = test_once_in(c, 2) ? test_store() : NULL;
    test_rows rows = test_binary_rows(c);
    mt_buf bytes = test_encode(&rows, &limits, compressor);
    test_binary input = {&limits, compressor, mt_buf_bytes(&bytes)};
    mt_graph *expected = test_graph_of_rows(rows.rows, rows.count), *graph;
    mt_error err = {0};

    HOLDS(mt_binary_load(test_mem(), &limits, compressor, "t", input.bytes, &graph, &err) == MT_OK);
    HOLDS(mt_graph_equal(graph, expected));
    if (test_once_in(c, 10)) test_binary_check(&input, NULL);
    mt_graph_free(graph);
    mt_graph_free(expected);
    mt_buf_free(&bytes);
}

TEST(nodes_split_over_frames_read_back_too)
{
    test_law(3000, small_frames);
}

/* ---- What is accepted is canonical ---- */

/* Reads a frame and writes its rows again; answers whether the reader accepted them. */
static bool read_and_write(mt_bytes frame, const mt_compressor *compressor, mt_buf *again)
{
    mt_binary_reader *reader;
    mt_binary_writer *writer;
    bool whole = true;
    mt_status st;
    mt_row row;

    CHECK(mt_binary_reader_new(test_mem(), NULL, compressor, "t", &reader) == MT_OK);
    CHECK(mt_binary_writer_new(test_mem(), NULL, compressor, again, &writer) == MT_OK);
    CHECK(mt_binary_reader_feed(reader, frame, true) == MT_OK);
    while ((st = mt_binary_reader_next(reader, &row)) == MT_OK)
        CHECK(mt_binary_row(writer, &row) == MT_OK);
    whole = st == MT_END;
    if (whole) CHECK(mt_binary_finish(writer) == MT_OK);
    else CHECK(st == MT_MALFORMED || st == MT_UNSUPPORTED || st == MT_TOO_LARGE);
    mt_binary_reader_free(reader);
    mt_binary_writer_free(writer);
    return whole;
}

/* Damages a frame, mends its checksum, and holds that it is refused or gives the same bytes again.
 */
static void damage(test_case *c, const mt_compressor *compressor)
{
    test_rows rows = test_binary_rows(c);
    mt_buf bytes, again = {.mem = test_mem()};
    size_t changes = 1 + test_below(c, 3);

    if (rows.count > 20) rows.count = 20;
    if (rows.count > 0) rows.rows[rows.count - 1].more = false;
    bytes = test_encode(&rows, NULL, compressor);
    /* The header stays, and the numbers before a block. */
    for (size_t i = 0; i < changes && bytes.len > 20; i++) {
        size_t at = (compressor ? 12 : 5) + test_below(c, bytes.len - 19);
        uint8_t *byte = &bytes.data[at < bytes.len - 4 ? at : bytes.len - 5];

        if (test_once_in(c, 2)) *byte ^= (uint8_t)(1u << test_below(c, 8));
        else *byte = (uint8_t)(*byte + test_below(c, 5) - 2);
    }
    test_mend(&bytes);
    if (read_and_write(mt_buf_bytes(&bytes), compressor, &again))
        HOLDS(mt_bytes_equal(mt_buf_bytes(&bytes), mt_buf_bytes(&again)));
    mt_buf_free(&again);
    mt_buf_free(&bytes);
}

static void damaged_rows(test_case *c)
{
    damage(c, NULL);
}

static void damaged_columns(test_case *c)
{
    damage(c, test_store());
}

TEST(damaged_rows_are_refused_or_canonical)
{
    test_law(40000, damaged_rows);
}

TEST(damaged_columns_are_refused_or_canonical)
{
    test_law(40000, damaged_columns);
}

/* ---- Cuts and flips ---- */

/* A sequence of three frames, with all that rows can have. */
static mt_buf sample(const mt_compressor *compressor)
{
    mt_field fields[] = {{.name = mt_str("age"), .value = mt_number(-1.5), .state = 12},
                         {.name = mt_str("friend"), .value = mt_edge_to("user/2"), .state = 12},
                         {.name = mt_str("name"), .value = mt_text("Zo\xC3\xAB"), .state = 13},
                         {.name = mt_str("old"), .state = 12, .kind = MT_FIELD_DELETED}};
    mt_row rows[] = {
        {.uid = mt_str("user/1"), .fields = fields, .count = 4, .floor = 11},
        {.uid = mt_str("user/2"), .fields = fields, .count = 2, .extension = mt_str("signed")},
        {.uid = mt_str("user/3"), .fields = fields, .count = 1, .more = true},
        {.uid = mt_str("user/3"), .fields = fields + 2, .count = 1}};
    mt_buf out = {.mem = test_mem()};
    mt_binary_writer *writer;

    CHECK(mt_binary_writer_new(test_mem(), NULL, compressor, &out, &writer) == MT_OK);
    for (size_t i = 0; i < 4; i++) {
        CHECK(mt_binary_row(writer, &rows[i]) == MT_OK);
        if (i % 2 == 0) CHECK(mti_binary_cut(writer) == MT_OK);
    }
    CHECK(mt_binary_finish(writer) == MT_OK);
    mt_binary_writer_free(writer);
    return out;
}

static mt_status status_of(mt_bytes bytes, const mt_compressor *compressor, char *text,
                           size_t *count)
{
    mt_binary_reader *reader;
    mt_status st;
    mt_row row;

    CHECK(mt_binary_reader_new(test_mem(), NULL, compressor, "t", &reader) == MT_OK);
    CHECK(mt_binary_reader_feed(reader, bytes, true) == MT_OK);
    for (*count = 0; (st = mt_binary_reader_next(reader, &row)) == MT_OK; ++*count) {
    }
    memcpy(text, mt_binary_reader_error(reader)->text, MT_ERROR_TEXT_MAX);
    mt_binary_reader_free(reader);
    return st;
}

TEST(a_sequence_that_is_cut_is_refused)
{
    for (int columns = 0; columns < 2; columns++) {
        const mt_compressor *compressor = columns ? mt_compressor_zstd() : NULL;
        mt_buf bytes = sample(compressor);
        test_guard guard = test_guard_new(bytes.len);
        char text[MT_ERROR_TEXT_MAX], expected[MT_ERROR_TEXT_MAX];
        size_t count;

        for (size_t len = 0; len < bytes.len; len++) {
            mt_bytes cut = test_guard_put(&guard, (mt_bytes){bytes.data, len});

            CHECK(status_of(cut, compressor, text, &count) == MT_MALFORMED);
            snprintf(expected, sizeof expected, "t: byte %zu: ends ", len);
            CHECK(strncmp(text, expected, strlen(expected)) == 0);
        }
        CHECK(status_of(mt_buf_bytes(&bytes), compressor, text, &count) == MT_END && count == 4);
        test_guard_free(&guard);
        mt_buf_free(&bytes);
    }
}

TEST(a_flipped_bit_is_refused)
{
    for (int columns = 0; columns < 2; columns++) {
        const mt_compressor *compressor = columns ? mt_compressor_zstd() : NULL;
        mt_buf bytes = sample(compressor);
        char text[MT_ERROR_TEXT_MAX];
        size_t count;

        for (size_t bit = 0; bit < 8 * bytes.len; bit++) {
            mt_status st;

            bytes.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
            st = status_of(mt_buf_bytes(&bytes), compressor, text, &count);
            CHECK(st == MT_MALFORMED || st == MT_UNSUPPORTED || st == MT_TOO_LARGE);
            bytes.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        mt_buf_free(&bytes);
    }
}

/* ---- Limits and memory ---- */

TEST(limits_of_the_reader_hold)
{
    const mt_limits limits = {
        .value_len_max = 3, .frame_len_max = 20, .block_len_max = 30, .expand_max = 1};
    mt_buf value = test_frame(0x01, "01 01 03\"a\" 01\"u\" 02 64\"abcd\""), frame, block, expand;
    test_binary input = {&limits, test_store(), mt_buf_bytes(&value)};

    test_binary_check(&input,
                      "MT_TOO_LARGE t: byte 10: a value of 4 bytes, more than 3 (value_len_max)");
    frame = test_frame(0x01, "00 00 0f03\"123456789012345678\"");
    input.bytes = mt_buf_bytes(&frame);
    test_binary_check(&input,
                      "MT_TOO_LARGE t: byte 2: a frame of 22 bytes, more than 20 (frame_len_max)");
    block = test_frame(0x02, "7f 1f 00");
    input.bytes = mt_buf_bytes(&block);
    test_binary_check(&input,
                      "MT_TOO_LARGE t: byte 4: a block of 31 bytes, more than 30 (block_len_max)");
    expand = test_frame(0x02, "7f 05 00 04000000");
    input.bytes = mt_buf_bytes(&expand);
    test_binary_check(&input, "MT_TOO_LARGE t: byte 4: a block of 5 bytes out of 4, more than 1 "
                              "times as much (expand_max)");
    mt_buf_free(&value);
    mt_buf_free(&frame);
    mt_buf_free(&block);
    mt_buf_free(&expand);
}

/* Memory that knows how much it ever held. */
typedef struct counting {
    size_t live, most;
} counting;

static void *count_resize(void *ctx, void *ptr, size_t old_size, size_t size)
{
    counting *c = ctx;
    const mt_mem *mem = test_mem();

    c->live += size - old_size;
    if (c->live > c->most) c->most = c->live;
    return mem->resize(mem->ctx, ptr, old_size, size);
}

static size_t most_memory(const test_binary *input, mt_status status)
{
    counting count = {0};
    const mt_mem mem = {count_resize, &count};
    mt_buf said = test_binary_said(&mem, input, input->bytes.len, 1);

    CHECK(strstr((CHECK(mti_buf_append(&said, "", 1) == MT_OK), (char *)said.data),
                 mt_status_name(status)));
    CHECK(count.live == 0);
    mt_buf_free(&said);
    return count.most;
}

TEST(a_few_bytes_that_claim_much_get_no_memory)
{
    const struct {
        const char *hex;
        unsigned kind;
        mt_status status;
    } cases[] = {
        {"01 ffffffffff7f 00 28b52ffd", 0x02, MT_TOO_LARGE},
        {"01 80808002 00 28b52ffd", 0x02, MT_TOO_LARGE},
        {"01 ff01 00 28b52ffda4ffffff7f", 0x02, MT_MALFORMED},
        {"01 01 03\"a\" 01\"u\" 02 7f c0ff0f", 0x01, MT_MALFORMED},
        {"00 40 03", 0x01, MT_MALFORMED},
    };

    for (size_t i = 0; i < TEST_COUNT(cases); i++) {
        mt_buf bytes = test_frame(cases[i].kind, cases[i].hex);
        test_binary input = {NULL, mt_compressor_zstd(), mt_buf_bytes(&bytes)};

        CHECK(most_memory(&input, cases[i].status) < 60000);
        mt_buf_free(&bytes);
    }
}

TEST(a_header_that_claims_much_gets_no_memory)
{
    mt_buf bytes = test_hex("a1 02 80808002 00");
    test_binary input = {NULL, mt_compressor_zstd(), mt_buf_bytes(&bytes)};

    CHECK(most_memory(&input, MT_MALFORMED) < 20000);
    mt_buf_free(&bytes);
}

/* Names of every kind cost the most: a shape of 64 new names for each row. */
TEST(memory_is_a_small_multiple_of_the_input)
{
    mt_buf body = {.mem = test_mem()}, frame = {.mem = test_mem()};
    uint8_t header[] = {MT_BINARY_VERSION_1, 0x01, 0, 0, 0};
    test_binary input = {0};
    unsigned name = 0;

    for (unsigned row = 0; row < 1000; row++) {
        const uint8_t head[] = {row ? 0x00 : 0x01, 64};
        uint8_t uid[] = {row ? 0x33 : 0x03, (uint8_t)('a' + row / 400),
                         (uint8_t)('a' + row / 20 % 20), (uint8_t)('a' + row % 20)};
        uint8_t nulls[66] = {0x02};

        CHECK(mti_buf_append(&body, head, 2) == MT_OK);
        for (unsigned i = 0; i < 64; i++, name++) {
            uint8_t text[] = {3 << 1 | 1, (uint8_t)('0' + name / 4096),
                              (uint8_t)('0' + name / 64 % 64), (uint8_t)('0' + name % 64)};

            CHECK(mti_buf_append(&body, text, sizeof text) == MT_OK);
        }
        /* Uids differ in one letter, two or three. */
        if (row && row % 20) uid[0] = 0x11;
        else if (row && row % 400) uid[0] = 0x22;
        CHECK(mti_buf_append(&body, uid, 1) == MT_OK);
        CHECK(mti_buf_append(&body, uid + 4 - (uid[0] & 15), uid[0] & 15) == MT_OK);
        CHECK(mti_buf_append(&body, nulls + (row > 0), 65 - (row > 0)) == MT_OK);
    }
    header[2] = (uint8_t)(body.len | 0x80);
    header[3] = (uint8_t)(body.len >> 7 | 0x80);
    header[4] = (uint8_t)(body.len >> 14);
    CHECK(mti_buf_append(&frame, header, 5) == MT_OK);
    CHECK(mti_buf_append(&frame, body.data, body.len) == MT_OK);
    CHECK(mti_buf_append(&frame, "sum?", 4) == MT_OK);
    test_mend(&frame);
    input.bytes = mt_buf_bytes(&frame);
    CHECK(most_memory(&input, MT_END) < 400000 + 16 * frame.len);
    mt_buf_free(&body);
    mt_buf_free(&frame);
}

static mt_status read_all(const mt_mem *mem, mt_bytes bytes, const mt_compressor *compressor)
{
    mt_binary_reader *reader = NULL;
    mt_status st = mt_binary_reader_new(mem, NULL, compressor, "t", &reader);
    size_t half = bytes.len / 2;
    mt_row row;

    if (st != MT_OK) return st;
    CHECK(mt_binary_reader_feed(reader, (mt_bytes){bytes.data, half}, false) == MT_OK);
    do {
        st = mt_binary_reader_next(reader, &row);
        if (st == MT_AGAIN)
            CHECK(mt_binary_reader_feed(reader, (mt_bytes){bytes.data + half, bytes.len - half},
                                        true) == MT_OK);
    } while (st == MT_OK || st == MT_AGAIN);
    if (st != MT_END) assert_string_equal(mt_binary_reader_error(reader)->text, "t: out of memory");
    mt_binary_reader_free(reader);
    return st;
}

TEST(every_allocation_may_fail)
{
    for (int columns = 0; columns < 2; columns++) {
        const mt_compressor *compressor = columns ? test_store() : NULL;
        mt_buf bytes = sample(compressor);

        for (size_t n = 0;; n++) {
            fail_mem fm = {.fail_at = n};
            mt_status st = read_all(fail_mem_hook(&fm), mt_buf_bytes(&bytes), compressor);

            CHECK(fm.live_bytes == 0);
            CHECK(st == (fm.tripped ? MT_NO_MEMORY : MT_END));
            if (!fm.tripped) break;
        }
        mt_buf_free(&bytes);
    }
}

/* ---- The handle ---- */

TEST(a_reader_that_is_reset_begins_anew)
{
    mt_buf good = sample(NULL), bad = test_hex("00");
    mt_binary_reader *reader;
    size_t count;
    mt_row row;

    CHECK(mt_binary_reader_new(test_mem(), NULL, NULL, "t", &reader) == MT_OK);
    for (int i = 0; i < 3; i++) {
        CHECK(mt_binary_reader_feed(reader, mt_buf_bytes(i == 1 ? &bad : &good), true) == MT_OK);
        for (count = 0; mt_binary_reader_next(reader, &row) == MT_OK; count++) {
        }
        CHECK(count == (i == 1 ? 0 : 4));
        CHECK(mt_binary_reader_error(reader)->status == (i == 1 ? MT_MALFORMED : MT_OK));
        mt_binary_reader_reset(reader);
        CHECK(mt_binary_reader_error(reader)->status == MT_OK);
    }
    mt_binary_reader_free(reader);
    mt_buf_free(&good);
    mt_buf_free(&bad);
}

TEST(pieces_are_fed_only_when_asked_for)
{
    mt_buf bytes = sample(NULL);
    mt_binary_reader *reader;
    mt_row row;

    CHECK(mt_binary_reader_new(test_mem(), NULL, NULL, "t", &reader) == MT_OK);
    CHECK(mt_binary_reader_next(reader, &row) == MT_AGAIN);
    CHECK(mt_binary_reader_feed(reader, mt_buf_bytes(&bytes), false) == MT_OK);
    CHECK(mt_binary_reader_feed(reader, mt_buf_bytes(&bytes), false) == MT_INVALID);
    for (int i = 0; i < 4; i++) CHECK(mt_binary_reader_next(reader, &row) == MT_OK);
    CHECK(mt_binary_reader_next(reader, &row) == MT_AGAIN);
    CHECK(mt_binary_reader_feed(reader, (mt_bytes){NULL, 0}, true) == MT_OK);
    CHECK(mt_binary_reader_next(reader, &row) == MT_END);
    CHECK(mt_binary_reader_next(reader, &row) == MT_END);
    CHECK(mt_binary_reader_feed(reader, (mt_bytes){NULL, 0}, true) == MT_INVALID);
    mt_binary_reader_free(reader);
    mt_buf_free(&bytes);
}

TEST(a_reader_that_failed_is_fed_no_more)
{
    mt_binary_reader *reader;
    mt_row row;

    CHECK(mt_binary_reader_new(test_mem(), NULL, NULL, NULL, &reader) == MT_OK);
    CHECK(mt_binary_reader_feed(reader, mt_str("{"), false) == MT_OK);
    CHECK(mt_binary_reader_next(reader, &row) == MT_MALFORMED);
    CHECK(strstr(mt_binary_reader_error(reader)->text, "a frame begins with byte 123, not 161"));
    CHECK(mt_binary_reader_feed(reader, mt_str("{"), false) == MT_INVALID);
    mt_binary_reader_free(reader);
}

/* A frame is never longer than lengths in it can say. */
TEST(limits_may_be_as_large_as_can_be)
{
    const mt_limits limits = {.frame_len_max = SIZE_MAX, .block_len_max = SIZE_MAX};
    mt_buf bytes = sample(NULL), longer = test_hex("a1 01 ffffffffffffffffff01");
    mt_binary_reader *reader;
    mt_row row;

    CHECK(mt_binary_reader_new(test_mem(), &limits, NULL, "t", &reader) == MT_OK);
    CHECK(mt_binary_reader_feed(reader, mt_buf_bytes(&bytes), true) == MT_OK);
    while (mt_binary_reader_next(reader, &row) == MT_OK) {
    }
    CHECK(mt_binary_reader_next(reader, &row) == MT_END);
    mt_binary_reader_reset(reader);
    CHECK(mt_binary_reader_feed(reader, mt_buf_bytes(&longer), true) == MT_OK);
    CHECK(mt_binary_reader_next(reader, &row) == MT_TOO_LARGE);
    mt_binary_reader_free(reader);
    mt_buf_free(&bytes);
    mt_buf_free(&longer);
}

static mt_status no_memory_to_decompress(void *ctx, mt_bytes in, uint8_t *out, size_t out_len)
{
    (void)ctx, (void)in, (void)out, (void)out_len;
    return MT_NO_MEMORY;
}

TEST(memory_may_be_out_for_the_compressor)
{
    mt_compressor poor = *test_store();
    mt_buf bytes = sample(test_store());
    mt_binary_reader *reader;
    mt_row row;

    poor.decompress = no_memory_to_decompress;
    CHECK(mt_binary_reader_new(test_mem(), NULL, &poor, "t", &reader) == MT_OK);
    CHECK(mt_binary_reader_feed(reader, mt_buf_bytes(&bytes), true) == MT_OK);
    CHECK(mt_binary_reader_next(reader, &row) == MT_NO_MEMORY);
    mt_binary_reader_free(reader);
    mt_buf_free(&bytes);
}

TEST(a_long_name_of_the_input_is_cut)
{
    char name[150], expected[300];
    mt_binary_reader *reader;
    mt_row row;

    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = 0;
    CHECK(mt_binary_reader_new(test_mem(), NULL, NULL, name, &reader) == MT_OK);
    CHECK(mt_binary_reader_feed(reader, (mt_bytes){NULL, 0}, true) == MT_OK);
    CHECK(mt_binary_reader_next(reader, &row) == MT_MALFORMED);
    snprintf(expected, sizeof expected, "%.100s: byte 0: ends before any frame", name);
    assert_string_equal(mt_binary_reader_error(reader)->text, expected);
    mt_binary_reader_free(reader);
    mt_binary_reader_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_read_back_as_they_were_written),
        cmocka_unit_test(columns_read_back_as_they_were_written),
        cmocka_unit_test(nodes_split_over_frames_read_back_too),
        cmocka_unit_test(damaged_rows_are_refused_or_canonical),
        cmocka_unit_test(damaged_columns_are_refused_or_canonical),
        cmocka_unit_test(a_sequence_that_is_cut_is_refused),
        cmocka_unit_test(a_flipped_bit_is_refused),
        cmocka_unit_test(limits_of_the_reader_hold),
        cmocka_unit_test(a_few_bytes_that_claim_much_get_no_memory),
        cmocka_unit_test(a_header_that_claims_much_gets_no_memory),
        cmocka_unit_test(memory_is_a_small_multiple_of_the_input),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(a_reader_that_is_reset_begins_anew),
        cmocka_unit_test(pieces_are_fed_only_when_asked_for),
        cmocka_unit_test(a_reader_that_failed_is_fed_no_more),
        cmocka_unit_test(limits_may_be_as_large_as_can_be),
        cmocka_unit_test(memory_may_be_out_for_the_compressor),
        cmocka_unit_test(a_long_name_of_the_input_is_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
