/* record_test.c - single rows as frames, compared with what the writer and the reader of frames make
 * of them. */
#include "crdt/record.h"
#include "crdt/limits.h"
#include "test_binary.h"
#include <string.h>

/* Where records are read to. */
typedef struct reading {
    mti_decoder decoder;
    uint8_t text[MTI_DECODED_TEXT_MAX];
    mt_field fields[MTI_DECODED_FIELDS_MAX];
    mt_row row;
    mt_error err;
} reading;

static void reading_init(reading *r)
{
    mt_limits limits = mti_limits_copy(NULL);

    memset(r, 0, sizeof *r);
    CHECK(mti_decoder_init(&r->decoder, test_mem(), &limits) == MT_OK);
}

static mt_status reading_get(reading *r, mt_bytes frame)
{
    r->decoder.text = r->text;
    r->err.text[0] = 0;
    return mti_record_get(&r->decoder, frame, &r->row, r->fields, &r->err);
}

/* A row as a record, with no byte of room to spare. */
static mt_buf record_of(const mt_row *row)
{
    mt_buf out = {.mem = test_mem(), .cap = mti_record_bound(row)};
    mt_bytes frame;

    out.data = out.mem->resize(out.mem->ctx, NULL, 0, out.cap);
    frame = mti_record_put(row, out.data);
    CHECK(frame.data >= out.data && frame.data + frame.len <= out.data + out.cap);
    memmove(out.data, frame.data, frame.len);
    out.len = frame.len;
    return out;
}

static mt_buf line_of(const mt_row *row)
{
    mt_buf line = {.mem = test_mem()};

    test_binary_add_row(&line, row);
    return line;
}

static void same(mt_buf a, mt_buf b)
{
    HOLDS(mt_bytes_equal(mt_buf_bytes(&a), mt_buf_bytes(&b)));
    mt_buf_free(&a);
    mt_buf_free(&b);
}

static void a_record_is_the_frame_of_its_row(test_case *c)
{
    test_rows rows = test_binary_rows(c);
    reading r;

    reading_init(&r);
    for (size_t i = 0; i < rows.count; i++) {
        test_rows one = {&rows.rows[i], 1, 1};
        mt_buf record;

        one.rows->more = false;
        if (one.rows->count > MTI_SHAPE_NAMES_MAX) one.rows->count = MTI_SHAPE_NAMES_MAX;
        record = record_of(one.rows);
        HOLDS(reading_get(&r, mt_buf_bytes(&record)) == MT_OK);
        same(line_of(&r.row), line_of(one.rows));
        same(record, test_encode(&one, NULL, NULL));
    }
    mti_decoder_free(&r.decoder);
}

TEST(records_are_the_frames_of_their_rows)
{
    test_law(20000, a_record_is_the_frame_of_its_row);
}

/* What a record is refused with. */
static void says(mt_buf frame, mt_status status, const char *text)
{
    reading r;

    reading_init(&r);
    CHECK(reading_get(&r, mt_buf_bytes(&frame)) == status && r.err.status == status);
    assert_string_equal(r.err.text, text);
    mti_decoder_free(&r.decoder);
    mt_buf_free(&frame);
}

#define ROW "01 01 03\"a\" 01\"u\" 0a 24"

TEST(what_is_no_single_row_is_refused)
{
    mt_buf frame;

    says(test_hex(""), MT_MALFORMED, "0 bytes are no frame");
    says(test_hex("a1 01 00"), MT_MALFORMED, "3 bytes are no frame");
    says(test_frame(1, ""), MT_MALFORMED, "byte 3: ends within a row's head");
    says(test_frame(1, ROW "04 11\"v\" 00 24"), MT_MALFORMED,
         "byte 11: no row uses the rest of stream 0");
    says(test_frame(9, ROW), MT_UNSUPPORTED, "byte 1: a frame of kind 9 is no record");
    says(test_frame(2, "7f 00 00"), MT_UNSUPPORTED, "byte 1: a frame of kind 2 is no record");
    frame = test_frame(1, ROW);
    frame.data[0] = 0xA2;
    test_mend(&frame);
    says(frame, MT_UNSUPPORTED, "byte 0: version byte 162 of the binary form is not known");
    frame = test_frame(1, ROW);
    frame.data[2]++;
    test_mend(&frame);
    says(frame, MT_MALFORMED, "byte 3: a frame of 9 bytes, where 8 are");
    says(test_frame(1, "03 11 01 03\"a\" 01\"u\" 0a 24"), MT_MALFORMED,
         "byte 3: the row is marked to go on");
}

TEST(bad_names_of_fields_are_refused)
{
    says(test_frame(1, "01 41"), MT_MALFORMED, "byte 4: a row of 65 fields, more than 64");
    says(test_frame(1, "01 01 02"), MT_MALFORMED, "byte 5: field name 1, where each is new");
    says(test_frame(1, "01 01 03 ff 01\"u\" 0a 24"), MT_MALFORMED,
         "byte 6: a field name is not UTF-8: byte 0xFF at 0");
    says(test_frame(1, "01 02 03\"b\" 03\"a\" 01\"u\" 0a 24 24"), MT_MALFORMED,
         "byte 8: the field \"a\" does not sort after \"b\"");
    says(test_frame(1, "01 02 03\"a\" 03\"a\" 01\"u\" 0a 24 24"), MT_MALFORMED,
         "byte 8: the field \"a\" does not sort after \"a\"");
}

/* The first bytes of a frame, with a length and a checksum that are right for them. */
static void is_refused_cut(const mt_buf *frame, size_t len)
{
    mt_buf cut = {.mem = test_mem(), .cap = len + 4, .len = len + 4};
    reading r;
    mt_status st;

    cut.data = cut.mem->resize(cut.mem->ctx, NULL, 0, cut.cap);
    memcpy(cut.data, frame->data, len);
    if (len > 3) cut.data[2] = (uint8_t)(len - 3);
    test_mend(&cut);
    reading_init(&r);
    st = reading_get(&r, mt_buf_bytes(&cut));
    CHECK(st == MT_MALFORMED && r.err.status == MT_MALFORMED && r.err.text[0]);
    mti_decoder_free(&r.decoder);
    mt_buf_free(&cut);
}

TEST(a_record_that_was_cut_anywhere_is_refused)
{
    mt_buf frame = test_frame(5, "02\"??\"" ROW);
    reading r;

    reading_init(&r);
    CHECK(reading_get(&r, mt_buf_bytes(&frame)) == MT_OK);
    mti_decoder_free(&r.decoder);
    for (size_t len = 0; len + 4 < frame.len; len++) is_refused_cut(&frame, len);
    mt_buf_free(&frame);
}

TEST(an_extension_of_the_frame_is_skipped)
{
    mt_buf frame = test_frame(5, "02\"??\"" ROW);
    reading r;

    reading_init(&r);
    CHECK(reading_get(&r, mt_buf_bytes(&frame)) == MT_OK);
    CHECK(mt_bytes_equal(r.row.uid, mt_str("u")) && r.row.count == 1);
    mti_decoder_free(&r.decoder);
    mt_buf_free(&frame);
}

TEST(every_flipped_bit_is_noticed)
{
    mt_buf frame = test_frame(1, ROW);
    reading r;

    reading_init(&r);
    for (size_t bit = 0; bit < 8 * frame.len; bit++) {
        frame.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        CHECK(reading_get(&r, mt_buf_bytes(&frame)) == MT_MALFORMED);
        frame.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    CHECK(reading_get(&r, mt_buf_bytes(&frame)) == MT_OK);
    mti_decoder_free(&r.decoder);
    mt_buf_free(&frame);
}

TEST(a_value_over_its_limit_is_too_large)
{
    mt_buf frame = test_frame(1, ROW);
    mt_limits limits = mti_limits_copy(NULL);
    mt_buf long_text = test_frame(1, "01 01 03\"a\" 01\"u\" 0a 64\"word\"");
    reading r;

    memset(&r, 0, sizeof r);
    limits.value_len_max = 3;
    CHECK(mti_decoder_init(&r.decoder, test_mem(), &limits) == MT_OK);
    CHECK(reading_get(&r, mt_buf_bytes(&long_text)) == MT_TOO_LARGE);
    CHECK(reading_get(&r, mt_buf_bytes(&frame)) == MT_OK);
    mti_decoder_free(&r.decoder);
    mt_buf_free(&long_text);
    mt_buf_free(&frame);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_are_the_frames_of_their_rows),
        cmocka_unit_test(what_is_no_single_row_is_refused),
        cmocka_unit_test(bad_names_of_fields_are_refused),
        cmocka_unit_test(a_record_that_was_cut_anywhere_is_refused),
        cmocka_unit_test(an_extension_of_the_frame_is_skipped),
        cmocka_unit_test(every_flipped_bit_is_noticed),
        cmocka_unit_test(a_value_over_its_limit_is_too_large),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
