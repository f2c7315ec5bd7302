/* What the reader refuses, with what words. */
#include "base/bytes.h"
#include "test_binary.h"
#include <mytosis/host.h>
#include <stdio.h>

/* ---- Bad frames ---- */

TEST(what_is_no_frame_is_refused)
{
    const struct {
        const char *hex, *said;
    } cases[] = {
        {"", "MT_MALFORMED t: byte 0: ends before any frame"},
        {"a1", "MT_MALFORMED t: byte 1: ends within the frame that begins at byte 0"},
        {"a1 01 05 00", "MT_MALFORMED t: byte 4: ends within the frame that begins at byte 0"},
        {"\"{\"", "MT_MALFORMED t: byte 0: a frame begins with byte 123, not 161"},
        {"a2 01", "MT_UNSUPPORTED t: byte 0: version 2 of the binary form is not known, only 1"},
        {"a1 00", "MT_UNSUPPORTED t: byte 1: unknown frame kind 0"},
        {"a1 03", "MT_UNSUPPORTED t: byte 1: unknown frame kind 3"},
        {"a1 11", "MT_UNSUPPORTED t: byte 1: a frame has the unknown flag 16"},
        {"a1 e1", "MT_UNSUPPORTED t: byte 1: a frame has the unknown flag 224"},
        {"a1 01 8000",
         "MT_MALFORMED t: byte 2: a frame's length is not a number in its shortest form"},
        {"a1 01 ffffffffffffffffff02",
         "MT_MALFORMED t: byte 2: a frame's length is not a number in its shortest form"},
        {"a1 01 818040",
         "MT_TOO_LARGE t: byte 2: a frame of 1048577 bytes, more than 1048576 (frame_len_max)"},
        {"a1 02 81808002",
         "MT_TOO_LARGE t: byte 2: a frame of 4194305 bytes, more than 4194304 (block_len_max)"},
        {"a1 01 ffffffffffffffffff01", "MT_TOO_LARGE t: byte 2: a frame of 18446744073709551615 "
                                       "bytes, more than 1048576 (frame_len_max)"},
        {"a1 01 00 00000000",
         "MT_MALFORMED t: byte 0: the frame's checksum does not match its bytes"},
    };

    for (size_t i = 0; i < TEST_COUNT(cases); i++)
        test_binary_says(test_hex(cases[i].hex), cases[i].said);
}

/* Two frames in one sequence. */
static mt_buf joined(mt_buf a, mt_buf b)
{
    CHECK(mti_buf_append(&a, b.data, b.len) == MT_OK);
    mt_buf_free(&b);
    return a;
}

TEST(frames_follow_each_other_as_announced)
{
    test_binary_says(test_frame(0x09, "00 00 01\"1\""),
                     "\"1\":\nMT_MALFORMED t: byte 11: ends where another frame must follow");
    test_binary_says(joined(test_frame(0x01, "00 00 01\"1\""), test_frame(0x01, "00 00 01\"2\"")),
                     "\"1\":\nMT_MALFORMED t: byte 11: bytes follow the last frame");
    test_binary_says(joined(test_frame(0x01, ""), test_hex("00")),
                     "MT_MALFORMED t: byte 7: bytes follow the last frame");
    test_binary_says(test_frame(0x09, ""),
                     "MT_MALFORMED t: byte 3: a frame without rows is not the only one");
    test_binary_says(joined(test_frame(0x09, "00 00 01\"1\""), test_frame(0x01, "")),
                     "\"1\":\nMT_MALFORMED t: byte 14: a frame without rows is not the only one");
    test_binary_says(joined(test_frame(0x09, "00 00 01\"1\""), test_frame(0x01, "00 00 01\"1\"")),
                     "\"1\":\nMT_MALFORMED t: byte 16: a uid does not sort after \"1\"");
    test_binary_says(joined(test_frame(0x09, "00 00 01\"1\""), test_frame(0x01, "00 00 02\"10\"")),
                     "\"1\":\n\"10\":\nMT_END");
}

TEST(an_extension_of_a_frame_is_skipped)
{
    test_binary_says(test_frame(0x05, "03\"new\" 00 00 01\"1\""), "\"1\":\nMT_END");
    test_binary_says(test_frame(0x05, "00"), "MT_END");
    test_binary_says(test_frame(0x05, "04\"new\""),
                     "MT_MALFORMED t: byte 4: an extension of 4 bytes, where 3 are left");
    test_binary_says(
        test_frame(0x05, ""),
        "MT_MALFORMED t: byte 3: the length of an extension is not a number in its shortest form");
}

/* ---- Bad rows ---- */

/* The content of a frame of rows, and what is said of it; its first byte is byte 3. */
typedef struct bad_rows {
    const char *hex, *said;
} bad_rows;

static void check_rows(const bad_rows *cases, size_t count)
{
    for (size_t i = 0; i < count; i++)
        test_binary_says(test_frame(0x01, cases[i].hex), cases[i].said);
}

TEST(bad_heads_are_refused)
{
    const bad_rows cases[] = {
        {"04", "MT_MALFORMED t: byte 3: shape 1, of 0 so far"},
        {"80", "MT_MALFORMED t: byte 3: ends within a row's head"},
        {"8000", "MT_MALFORMED t: byte 3: a row's head is not a number in its shortest form, of 64 "
                 "bits at most"},
        {"03", "MT_MALFORMED t: byte 4: ends within a row's flags"},
        {"03 00", "MT_MALFORMED t: byte 4: a row's flags are empty"},
        {"03 07", "MT_MALFORMED t: byte 4: a row's flags say 3 of its states, more than 2"},
        {"03 20", "MT_UNSUPPORTED t: byte 4: a row has the unknown flag 32"},
        {"03 c4", "MT_UNSUPPORTED t: byte 4: a row has the unknown flag 192"},
        {"03 08 00 01\"1\" 00", "MT_MALFORMED t: byte 8: an extension is empty"},
        {"03 08 00 01\"1\" 02\"x\"", "MT_MALFORMED t: byte 9: ends within an extension"},
        {"03 08 00 01\"1\"", "MT_MALFORMED t: byte 8: ends within an extension"},
    };

    check_rows(cases, TEST_COUNT(cases));
}

TEST(bad_shapes_are_refused)
{
    const bad_rows cases[] = {
        {"00", "MT_MALFORMED t: byte 4: ends within a shape"},
        {"00 41", "MT_MALFORMED t: byte 4: a row of 65 fields, more than 64"},
        {"01 01", "MT_MALFORMED t: byte 5: ends within a field name"},
        {"01 01 02", "MT_MALFORMED t: byte 5: field name 1, of 0 so far"},
        {"01 01 05\"a\"", "MT_MALFORMED t: byte 6: ends within a field name"},
        {"01 01 0f\"@object\"",
         "MT_MALFORMED t: byte 6: a field may not have the name \"@object\""},
        {"01 01 03 ff", "MT_MALFORMED t: byte 6: a field name is not UTF-8: byte 0xFF at 0"},
        {"01 02 03\"b\" 03\"a\"",
         "MT_MALFORMED t: byte 7: the field \"a\" does not sort after \"b\""},
        {"01 02 03\"a\" 00", "MT_MALFORMED t: byte 7: the field \"a\" does not sort after \"a\""},
        {"01 02 03\"a\" 03\"a\"",
         "MT_MALFORMED t: byte 8: the field name \"a\" is spelled out twice"},
        {"00 00 01\"1\" 00 00", "MT_MALFORMED t: byte 8: a shape is spelled out twice"},
        {"01 01 03\"a\" 01\"1\" 02 00 00 01 00",
         "MT_MALFORMED t: byte 12: a shape is spelled out twice"},
    };

    check_rows(cases, TEST_COUNT(cases));
}

TEST(a_name_that_is_too_long_is_refused)
{
    char name[256], hex[300];

    memset(name, 'n', 255);
    name[255] = 0;
    snprintf(hex, sizeof hex, "01 01 ff03 \"%s\"", name);
    test_binary_says(test_frame(0x01, hex),
                     "MT_MALFORMED t: byte 8: a field name has 255 bytes, more than 254");
}

TEST(bad_uids_are_refused)
{
    const bad_rows cases[] = {
        {"00 00", "MT_MALFORMED t: byte 5: ends within a uid"},
        {"00 00 00", "MT_MALFORMED t: byte 5: a uid is not 1 to 255 bytes long"},
        {"00 00 11\"1\"", "MT_MALFORMED t: byte 5: a uid drops 1 bytes of 0"},
        {"00 00 02\"1\"", "MT_MALFORMED t: byte 6: ends within a uid"},
        {"00 00 0f", "MT_MALFORMED t: byte 6: ends within a uid"},
        {"00 00 0f ff7f", "MT_MALFORMED t: byte 5: a uid is not 1 to 255 bytes long"},
        {"00 00 0f f101", "MT_MALFORMED t: byte 5: a uid is not 1 to 255 bytes long"},
        {"00 00 0f ffffffffffffffffff01",
         "MT_MALFORMED t: byte 5: a uid is not 1 to 255 bytes long"},
        {"00 00 01 00", "MT_MALFORMED t: byte 5: a uid holds U+0000"},
        {"00 00 01 c3", "MT_MALFORMED t: byte 5: a uid is not UTF-8: byte 0xC3 at 0"},
        {"00 00 02 c3a9 04 11 bf", "\"\xC3\xA9\":\n\"\xC3\xBF\":\nMT_END"},
        {"00 00 02 c3a9 04 11 c3", "MT_MALFORMED t: byte 9: a uid is not UTF-8: byte 0xC3 at 0"},
        {"00 00 02 c3a9 04 11 \"a\"",
         "MT_MALFORMED t: byte 9: a uid does not sort after \"\xC3\xA9\""},
        {"00 00 02\"12\" 04 11\"1\"", "MT_MALFORMED t: byte 9: a uid does not sort after \"12\""},
        {"00 00 02\"12\" 04 11\"2\"", "MT_MALFORMED t: byte 9: a uid does not sort after \"12\""},
        {"00 00 02\"12\" 04 10", "MT_MALFORMED t: byte 9: a uid does not sort after \"12\""},
        {"00 00 02\"12\" 04 00", "MT_MALFORMED t: byte 9: a uid does not sort after \"12\""},
        {"00 00 02\"12\" 04 22\"13\"", "MT_MALFORMED t: byte 9: a uid does not sort after \"12\""},
        {"00 00 02\"12\" 04 31\"2\"", "MT_MALFORMED t: byte 9: a uid drops 3 bytes of 2"},
        {"00 00 02\"12\" 04 f1", "MT_MALFORMED t: byte 10: ends within a uid"},
    };

    check_rows(cases, TEST_COUNT(cases));
}

TEST(bad_states_are_refused)
{
    const bad_rows cases[] = {
        {"00 01 03\"a\" 01\"u\" 00",
         "MT_MALFORMED t: byte 9: the first row of a frame has no state"},
        {"01 01 03\"a\" 01\"u\"", "MT_MALFORMED t: byte 9: ends within a state"},
        {"01 01 03\"a\" 01\"u\" 00 00", "MT_MALFORMED t: byte 9: a state is not 1 to 2^53 - 1"},
        {"01 01 03\"a\" 01\"u\" 01 00", "MT_MALFORMED t: byte 9: a state is not 1 to 2^53 - 1"},
        {"01 01 03\"a\" 01\"u\" 8080808080808020 00",
         "MT_MALFORMED t: byte 9: a state is not 1 to 2^53 - 1"},
        {"01 01 03\"a\" 01\"u\" ffffffffffffffffff01 00",
         "MT_MALFORMED t: byte 9: a state is not 1 to 2^53 - 1"},
        {"01 01 03\"a\" 01\"u\" feffffffffffff1f 00", "\"u\": \"a\"=null@9007199254740991\nMT_END"},
        {"01 01 03\"a\" 01\"u\" 02 00 05 11\"v\" 00 00",
         "MT_MALFORMED t: byte 14: a state is written that says nothing new"},
        {"01 00 01\"u\" 02", "MT_MALFORMED t: byte 7: a state is written that says nothing new"},
        {"02 01 03\"a\" 01\"u\" 02 00",
         "MT_MALFORMED t: byte 9: states that are all equal are written one by one"},
        {"02 02 03\"a\" 03\"b\" 01\"u\" 02 00 00 00",
         "MT_MALFORMED t: byte 11: states that are all equal are written one by one"},
        {"02 00 01\"u\"",
         "MT_MALFORMED t: byte 7: states that are all equal are written one by one"},
        {"02 02 03\"a\" 03\"b\" 01\"u\" 02 01 00 00",
         "MT_MALFORMED t: byte 12: a state is not 1 to 2^53 - 1"},
        {"03 05 01 03\"a\" 01\"u\" 02 00 00",
         "MT_MALFORMED t: byte 11: a state is written that says nothing new"},
        {"03 04 01 03\"a\" 01\"u\" 02 00",
         "MT_MALFORMED t: byte 10: the field \"a\" is not above its node's floor"},
        {"03 05 01 03\"a\" 01\"u\" 08 01 00",
         "MT_MALFORMED t: byte 10: the field \"a\" is not above its node's floor"},
        {"03 04 00 01\"u\" 00", "MT_MALFORMED t: byte 8: a floor is not 1 to 2^53 - 1"},
        {"03 04 00 01\"u\"", "MT_MALFORMED t: byte 8: ends within a floor"},
    };

    check_rows(cases, TEST_COUNT(cases));
}

/* What is said of a value at byte 10, the first one of a row. */
static void check_value(const char *hex, const char *said)
{
    char row[1000], all[1000];

    snprintf(row, sizeof row, "01 01 03\"a\" 01\"u\" 02 %s", hex);
    snprintf(all, sizeof all, *said == '=' ? "\"u\": \"a\"%s@1\nMT_END" : "%s", said);
    test_binary_says(test_frame(0x01, row), all);
}

TEST(bad_values_are_refused)
{
    const bad_rows cases[] = {
        {"", "MT_MALFORMED t: byte 10: ends within a value"},
        {"06", "MT_UNSUPPORTED t: byte 10: unknown simple value 6"},
        {"1f", "MT_UNSUPPORTED t: byte 10: unknown simple value 31"},
        {"c0", "MT_UNSUPPORTED t: byte 10: unknown value kind 6"},
        {"ff", "MT_UNSUPPORTED t: byte 10: unknown value kind 7"},
        {"04 00", "MT_MALFORMED t: byte 11: ends within a double"},
        {"04 000000000000f07f", "MT_MALFORMED t: byte 10: a number is not finite"},
        {"04 000000000000f0ff", "MT_MALFORMED t: byte 10: a number is not finite"},
        {"04 010000000000f87f", "MT_MALFORMED t: byte 10: a number is not finite"},
        {"04 0000000000000080", "MT_MALFORMED t: byte 10: a number is -0, not 0"},
        {"04 0000000000000000",
         "MT_MALFORMED t: byte 10: an integer below 2^53 is written as a double"},
        {"04 00000000000040c3",
         "MT_MALFORMED t: byte 10: an integer below 2^53 is written as a double"},
        {"04 0000000000004043", "=9007199254740992"},
        {"05 0000000000000000",
         "MT_MALFORMED t: byte 10: the integer 0 is a number: a double holds it"},
        {"05 0000000000000080", "MT_MALFORMED t: byte 10: the integer -9223372036854775808 is a "
                                "number: a double holds it"},
        {"05 0100000000000080", "={\"int\":\"-9223372036854775807\"}"},
        {"05 00", "MT_MALFORMED t: byte 11: ends within an integer"},
        {"38", "MT_MALFORMED t: byte 11: ends within an integer"},
        {"38 17", "MT_MALFORMED t: byte 10: an integer is not in its shortest form"},
        {"39 ff00", "MT_MALFORMED t: byte 10: an integer is not in its shortest form"},
        {"3e 00000000000020",
         "MT_MALFORMED t: byte 10: an integer of 2^53 or more is not written as a double"},
        {"3f 0000000000000001", "MT_MALFORMED t: byte 10: an integer of more than 7 bytes"},
        {"5f 0000000000000001", "MT_MALFORMED t: byte 10: an integer of more than 7 bytes"},
        {"58 17", "MT_MALFORMED t: byte 10: an integer is not in its shortest form"},
        {"62 \"x\"", "MT_MALFORMED t: byte 11: ends within a value"},
        {"7f", "MT_MALFORMED t: byte 11: ends within a length"},
        {"7f 00 \"x\"", "MT_MALFORMED t: byte 12: ends within a value"},
        {"7f 8000", "MT_MALFORMED t: byte 11: a length is not a number in its shortest form, of 64 "
                    "bits at most"},
        {"7f e2ff0f",
         "MT_TOO_LARGE t: byte 10: a value of 262145 bytes, more than 262144 (value_len_max)"},
        {"7f ffffffffffffffffff01", "MT_TOO_LARGE t: byte 10: a value of 18446744073709551615 "
                                    "bytes, more than 262144 (value_len_max)"},
        {"62 c328", "MT_MALFORMED t: byte 10: a string is not UTF-8 at its byte 0"},
        {"63 eda080", "MT_MALFORMED t: byte 10: a string is not UTF-8 at its byte 0"},
        {"83 eda080", "={\"bytes\":\"7aCA\"}"},
        {"a1 00", "MT_UNSUPPORTED t: byte 10: unknown edge 1"},
        {"a0 00", "={\"edge\":\"u\"}"},
        {"a0 11\"u\"", "MT_MALFORMED t: byte 11: an edge drops more than differs"},
        {"a0 10", "MT_MALFORMED t: byte 11: an edge is not 1 to 255 bytes long"},
        {"a0 20", "MT_MALFORMED t: byte 11: an edge drops 2 bytes of 1"},
        {"a0 01 00", "MT_MALFORMED t: byte 11: a uid holds U+0000"},
        {"a0 01 80", "MT_MALFORMED t: byte 11: a uid is not UTF-8: byte 0x80 at 1"},
        {"a0 0f f001", "MT_MALFORMED t: byte 11: an edge is not 1 to 255 bytes long"},
        {"a0", "MT_MALFORMED t: byte 11: ends within an edge"},
    };

    for (size_t i = 0; i < TEST_COUNT(cases); i++) check_value(cases[i].hex, cases[i].said);
}

TEST(an_edge_may_be_the_beginning_of_another)
{
    test_binary_says(test_frame(0x01, "01 02 03\"a\" 03\"b\" 01\"u\" 02 a0 11 \"x\" a0 02 c3a9"),
                     "\"u\": \"a\"={\"edge\":\"x\"}@1 \"b\"={\"edge\":\"x\xC3\xA9\"}@1\nMT_END");
    test_binary_says(test_frame(0x01, "01 02 03\"a\" 03\"b\" 01\"u\" 02 a0 03 \"x\" c3a9 a0 20"),
                     "\"u\": \"a\"={\"edge\":\"ux\xC3\xA9\"}@1 \"b\"={\"edge\":\"ux\"}@1\nMT_END");
    test_binary_says(test_frame(0x01, "01 02 03\"a\" 03\"b\" 01\"u\" 02 a0 03 \"x\" c3a9 a0 10"),
                     "MT_MALFORMED t: byte 18: a uid is not UTF-8: byte 0xC3 at 2");
}

TEST(parts_of_a_node_must_fit_together)
{
    const bad_rows cases[] = {
        {"03 11 01 03\"a\" 01\"u\" 02 00 00 01 03\"b\" 00 00",
         "\"u\": \"a\"=null@1 more\n\"u\": \"b\"=null@1\nMT_END"},
        {"03 11 01 03\"a\" 01\"u\" 02 00",
         "\"u\": \"a\"=null@1 more\nMT_MALFORMED t: byte 3: the last row is marked to go on"},
        {"03 11 01 03\"a\" 01\"u\" 02 00 00 01 03\"b\" 11\"v\" 00",
         "MT_MALFORMED t: byte 16: the node \"u\" does not go on as announced"},
        {"03 11 01 03\"a\" 01\"u\" 02 00 04 00 00",
         "MT_MALFORMED t: byte 12: the field \"a\" does not sort after \"a\""},
        {"03 11 01 03\"b\" 01\"u\" 02 00 00 01 03\"a\" 00 00",
         "MT_MALFORMED t: byte 12: the field \"a\" does not sort after \"b\""},
        {"03 11 01 03\"b\" 01\"u\" 04 00 03 05 01 03\"c\" 00 01 02 00",
         "MT_MALFORMED t: byte 12: the parts of a node differ in their floor"},
        {"03 10 00 01\"u\"", "MT_MALFORMED t: byte 3: a part of a node has no fields"},
        {"03 11 01 03\"b\" 01\"u\" 04 00 00 00 00",
         "MT_MALFORMED t: byte 12: a part of a node has no fields"},
    };

    check_rows(cases, TEST_COUNT(cases));
}

TEST(a_node_may_go_on_in_the_next_frame)
{
    const char *const first = "03 11 01 03\"a\" 01\"u\" 02 00";
    const bad_rows cases[] = {
        {"01 01 03\"b\" 01\"u\" 02 00", "\"u\": \"a\"=null@1 more\n\"u\": \"b\"=null@1\nMT_END"},
        {"01 01 03\"a\" 01\"u\" 02 00", "\"u\": \"a\"=null@1 more\nMT_MALFORMED t: byte 19: the "
                                        "field \"a\" does not sort after \"a\""},
        {"01 01 03\"b\" 01\"v\" 02 00", "\"u\": \"a\"=null@1 more\nMT_MALFORMED t: byte 23: the "
                                        "node \"u\" does not go on as announced"},
    };

    for (size_t i = 0; i < TEST_COUNT(cases); i++)
        test_binary_says(joined(test_frame(0x09, first), test_frame(0x01, cases[i].hex)),
                         cases[i].said);
}

/* ---- Bad columns ---- */

TEST(bad_columns_are_refused)
{
    const bad_rows cases[] = {
        {"04 00 00 00 00", "MT_END"},
        {"07 00 00 00 00",
         "MT_MALFORMED t: byte 6: block byte 5: ends within the length of a stream"},
        {"03 00 00 00", "MT_MALFORMED t: byte 6: block byte 0: 3 is no number of streams"},
        {"05 00 00 00 00 00", "MT_MALFORMED t: byte 6: block byte 0: 5 is no number of streams"},
        {"c701", "MT_MALFORMED t: byte 6: block byte 0: 199 is no number of streams"},
        {"04 00 00 00", "MT_MALFORMED t: byte 6: block byte 4: ends within the length of a stream"},
        {"04 00 00 00 01", "MT_MALFORMED t: byte 6: block byte 5: ends within a stream"},
        {"04 ffffffffffffffffff01 00 00 00",
         "MT_MALFORMED t: byte 6: block byte 14: ends within a stream"},
        {"04 00 00 00 00 00", "MT_MALFORMED t: byte 6: block byte 5: bytes follow the last stream"},
        {"04 00 00 00 01 00",
         "MT_MALFORMED t: byte 6: block byte 5: no row uses the rest of stream 3"},
        {"07 00 00 00 00 00 00 00",
         "MT_MALFORMED t: byte 6: block byte 8: no row uses the rest of stream 4"},
        {"04 04 01 01 01 01 01 03\"a\" 01 \"u\" 02",
         "MT_MALFORMED t: byte 6: block byte 8: the field \"a\" has no column"},
        {"07 04 01 01 01 01 00 00 01 01 03\"a\" 01 \"u\" 02 00", "\"u\": \"a\"=null@1\nMT_END"},
        {"07 04 01 01 01 00 00 00 01 01 03\"a\" 01 \"u\" 02",
         "MT_MALFORMED t: byte 6: block byte 15: ends within a value"},
        {"07 04 01 01 01 02 00 00 01 01 03\"a\" 01 \"u\" 02 0000",
         "\"u\": \"a\"=null@1\nMT_MALFORMED t: byte 6: block byte 16: no row uses the rest of "
         "stream 4"},
        {"07 04 01 01 01 01 01 00 01 01 03\"a\" 01 \"u\" 02 38 18", "\"u\": \"a\"=24@1\nMT_END"},
        {"0a 04 01 01 01 01 00 00 00 00 00 01 01 03\"a\" 01 \"u\" 02 00",
         "\"u\": \"a\"=null@1\nMT_MALFORMED t: byte 6: block byte 19: no row uses the rest of "
         "stream 7"},
    };

    for (size_t i = 0; i < TEST_COUNT(cases); i++) {
        /* The block is short, so that all before it takes six bytes. */
        test_binary_says(test_column_frame(cases[i].hex), cases[i].said);
    }
}

TEST(bad_blocks_are_refused)
{
    const bad_rows cases[] = {
        {"", "MT_MALFORMED t: byte 3: a compressor is not a number in its shortest form"},
        {"01 05 00",
         "MT_UNSUPPORTED t: byte 3: compressed by compressor 1, and this reader has another"},
        {"7f",
         "MT_MALFORMED t: byte 4: the length of a block is not a number in its shortest form"},
        {"7f 05",
         "MT_MALFORMED t: byte 5: the length of the padding is not a number in its shortest form"},
        {"7f 00 00", "MT_MALFORMED t: byte 4: an empty block"},
        {"7f 81808002 00",
         "MT_TOO_LARGE t: byte 4: a block of 4194305 bytes, more than 4194304 (block_len_max)"},
        {"7f 40 00", "MT_TOO_LARGE t: byte 4: a block of 64 bytes out of 0, more than 64 times as "
                     "much (expand_max)"},
        {"7f c001 00 0000", "MT_TOO_LARGE t: byte 4: a block of 192 bytes out of 2, more than 64 "
                            "times as much (expand_max)"},
        {"7f 05 01", "MT_MALFORMED t: byte 6: padding of 1 bytes, where 0 are left"},
        {"7f 05 02 0001 0400000000", "MT_MALFORMED t: byte 7: padding is not zero"},
        {"7f 05 02 0000 0400000000", "MT_END"},
        {"7f 05 00 04000000",
         "MT_MALFORMED t: byte 6: the block does not decompress to the 5 bytes that it announces"},
    };

    for (size_t i = 0; i < TEST_COUNT(cases); i++)
        test_binary_says(test_frame(0x02, cases[i].hex), cases[i].said);
}

TEST(columns_without_a_compressor_are_unsupported)
{
    mt_buf bytes = test_column_frame("04 00000000");
    test_binary input = {NULL, NULL, mt_buf_bytes(&bytes)};

    test_binary_check(
        &input, "MT_UNSUPPORTED t: byte 3: compressed by compressor 127, and this reader has none");
    input.compressor = mt_compressor_zstd();
    test_binary_check(
        &input,
        "MT_UNSUPPORTED t: byte 3: compressed by compressor 127, and this reader has another");
    mt_buf_free(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_frame_is_refused),
        cmocka_unit_test(frames_follow_each_other_as_announced),
        cmocka_unit_test(an_extension_of_a_frame_is_skipped),
        cmocka_unit_test(bad_heads_are_refused),
        cmocka_unit_test(bad_shapes_are_refused),
        cmocka_unit_test(a_name_that_is_too_long_is_refused),
        cmocka_unit_test(bad_uids_are_refused),
        cmocka_unit_test(bad_states_are_refused),
        cmocka_unit_test(bad_values_are_refused),
        cmocka_unit_test(an_edge_may_be_the_beginning_of_another),
        cmocka_unit_test(parts_of_a_node_must_fit_together),
        cmocka_unit_test(a_node_may_go_on_in_the_next_frame),
        cmocka_unit_test(bad_columns_are_refused),
        cmocka_unit_test(bad_blocks_are_refused),
        cmocka_unit_test(columns_without_a_compressor_are_unsupported),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
