#include "base/utf8.h"
#include "test.h"
#include <string.h>

/* The encoding of a code point of any size up to 21 bits, surrogates too, in `len` bytes. */
static void encode(uint32_t code, size_t len, uint8_t *out)
{
    static const uint8_t lead[5] = {0, 0, 0xC0, 0xE0, 0xF0};

    for (size_t i = len; i-- > 1; code >>= 6) out[i] = (uint8_t)(0x80 | (code & 0x3F));
    out[0] = (uint8_t)(lead[len] | code);
}

static size_t shortest_len(uint32_t code)
{
    return code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
}

TEST(every_code_point_but_surrogates_is_valid_in_its_shortest_form_alone)
{
    uint8_t bytes[4];

    for (uint32_t code = 0; code < 0x200000; code++) {
        bool allowed = code <= 0x10FFFF && (code < 0xD800 || code > 0xDFFF);

        for (size_t len = shortest_len(code); len <= 4; len++) {
            bool valid = allowed && len == shortest_len(code);

            encode(code, len, bytes);
            if (mti_utf8_valid((mt_bytes){bytes, len}) != valid) fail_msg("U+%04X", code);
            if (mti_utf8_len((mt_bytes){bytes, len}) != (valid ? len : 0)) fail_msg("U+%04X", code);
        }
    }
}

TEST(decoding_gives_the_code_point_back)
{
    uint8_t bytes[4];
    size_t len;

    for (uint32_t code = 0; code <= 0x10FFFF; code++) {
        if (code == 0xD800) code = 0xE000;
        encode(code, shortest_len(code), bytes);
        if (mti_utf8_decode(bytes, &len) != code) fail_msg("U+%04X", code);
        CHECK(len == shortest_len(code));
    }
}

/* By the table 3-7 of the Unicode Standard, byte by byte. */
static bool valid_by_table(const uint8_t *at, size_t len)
{
    static const uint8_t rows[][9] = {
        {1, 0x00, 0x7F},
        {2, 0xC2, 0xDF, 0x80, 0xBF},
        {3, 0xE0, 0xE0, 0xA0, 0xBF, 0x80, 0xBF},
        {3, 0xE1, 0xEC, 0x80, 0xBF, 0x80, 0xBF},
        {3, 0xED, 0xED, 0x80, 0x9F, 0x80, 0xBF},
        {3, 0xEE, 0xEF, 0x80, 0xBF, 0x80, 0xBF},
        {4, 0xF0, 0xF0, 0x90, 0xBF, 0x80, 0xBF, 0x80, 0xBF},
        {4, 0xF1, 0xF3, 0x80, 0xBF, 0x80, 0xBF, 0x80, 0xBF},
        {4, 0xF4, 0xF4, 0x80, 0x8F, 0x80, 0xBF, 0x80, 0xBF},
    };

    for (size_t row = 0; row < TEST_COUNT(rows); row++) {
        size_t matched = 0;

        if (rows[row][0] != len) continue;
        while (matched < len && at[matched] >= rows[row][1 + 2 * matched] &&
               at[matched] <= rows[row][2 + 2 * matched]) {
            matched++;
        }
        if (matched == len) return true;
    }
    return false;
}

static size_t bad_by_table(const uint8_t *text, size_t text_len)
{
    size_t at = 0;

    while (at < text_len) {
        size_t len = 1;

        while (len <= 4 && !(len <= text_len - at && valid_by_table(text + at, len))) len++;
        if (len > 4) return at;
        at += len;
    }
    return at;
}

TEST(random_bytes_are_judged_as_the_standard_judges_them)
{
    test_rng rng = test_rng_new(1);
    /* Bytes at the edges of the table, so that much of what is made is nearly valid. */
    static const uint8_t edges[] = {0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF,
                                    0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xEC, 0xED, 0xEE,
                                    0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFF};
    uint8_t text[40];

    for (int round = 0; round < 1000000; round++) {
        size_t len = test_rng_below(&rng, round % 2 ? 6 : sizeof text);
        /* At the end of the array, so that reading on is noticed. */
        uint8_t *start = text + sizeof text - len;
        size_t bad;

        for (size_t i = 0; i < len; i++) {
            start[i] = round % 4 < 2 || test_rng_below(&rng, 16) == 0
                           ? edges[test_rng_below(&rng, sizeof edges)]
                           : (uint8_t)('a' + i % 26);
        }
        bad = bad_by_table(start, len);
        CHECK(mti_utf8_bad((mt_bytes){start, len}) == bad);
        CHECK(mti_utf8_valid((mt_bytes){start, len}) == (bad == len));
    }
}

TEST(one_bad_byte_is_found_wherever_it_stands)
{
    uint8_t text[80];

    for (size_t len = 1; len <= sizeof text; len++) {
        for (size_t at = 0; at < len; at++) {
            memset(text, 'x', len);
            CHECK(mti_utf8_bad((mt_bytes){text, len}) == len);
            text[at] = 0x80;
            CHECK(mti_utf8_bad((mt_bytes){text, len}) == at);
        }
    }
}

TEST(a_character_cut_short_is_bad_where_it_begins)
{
    mt_bytes text = mt_str("ab\xF0\x9F\x98\x80");

    CHECK(mti_utf8_bad(text) == 6);
    for (text.len = 3; text.len < 6; text.len++) CHECK(mti_utf8_bad(text) == 2);
}

TEST(empty_text_is_valid)
{
    CHECK(mti_utf8_valid((mt_bytes){NULL, 0}));
    CHECK(mti_utf8_bad((mt_bytes){NULL, 0}) == 0);
    CHECK(mti_utf8_len((mt_bytes){NULL, 0}) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_point_but_surrogates_is_valid_in_its_shortest_form_alone),
        cmocka_unit_test(decoding_gives_the_code_point_back),
        cmocka_unit_test(random_bytes_are_judged_as_the_standard_judges_them),
        cmocka_unit_test(one_bad_byte_is_found_wherever_it_stands),
        cmocka_unit_test(a_character_cut_short_is_bad_where_it_begins),
        cmocka_unit_test(empty_text_is_valid),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
