#include "base/number.h"
#include "test.h"
#include <math.h>
#include <mytosis/value.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NUL(text) ((mt_bytes){(const uint8_t *)(text), sizeof(text) - 1})

/* ---- Makers ---- */

TEST(makers_say_what_they_were_given)
{
    CHECK(mt_null().kind == MT_NULL);
    CHECK(mt_bool(true).kind == MT_BOOL && mt_bool(true).as.boolean);
    CHECK(mt_number(1.5).kind == MT_NUMBER && mt_number(1.5).as.number == 1.5);
    CHECK(mt_text("Ada").kind == MT_STRING && mt_text("Ada").as.bytes.len == 3);
    CHECK(mt_blob(NUL("\0\1")).kind == MT_BYTES && mt_blob(NUL("\0\1")).as.bytes.len == 2);
    CHECK(mt_edge_to("ada").kind == MT_EDGE && mt_edge_to("ada").as.bytes.len == 3);
}

TEST(minus_zero_becomes_zero)
{
    CHECK(!signbit(mt_number(-0.0).as.number));
}

TEST(integers_that_a_double_holds_become_numbers)
{
    const int64_t two_53 = INT64_C(9007199254740992);
    const int64_t numbers[] = {
        0,          1,          -1,        two_53 - 1,       two_53,          -two_53,
        two_53 + 2, 3 * two_53, INT64_MIN, INT64_C(1) << 62, INT64_MAX - 1023};
    const int64_t integers[] = {two_53 + 1, -two_53 - 1,   2 * two_53 + 2 + 1,
                                INT64_MAX,  INT64_MIN + 1, INT64_MAX - 1022};

    for (size_t i = 0; i < TEST_COUNT(numbers); i++) {
        mt_value value = mt_int(numbers[i]);

        CHECK(value.kind == MT_NUMBER && value.as.number == (double)numbers[i]);
    }
    for (size_t i = 0; i < TEST_COUNT(integers); i++) {
        mt_value value = mt_int(integers[i]);

        CHECK(value.kind == MT_INT && value.as.integer == integers[i]);
    }
}

/* ---- Checks ---- */

static void check_refused(mt_value value, const mt_limits *limits, mt_status status,
                          const char *text)
{
    mt_error err = {0};

    CHECK(mt_value_check(&value, limits, &err) == status);
    CHECK(mt_value_check(&value, limits, NULL) == status);
    CHECK(err.status == status);
    assert_string_equal(err.text, text);
}

TEST(values_that_a_graph_may_hold_pass_the_check)
{
    const mt_value values[] = {mt_null(),
                               mt_bool(false),
                               mt_number(-1.5),
                               mt_number(5e-324),
                               mt_int(INT64_MAX),
                               mt_text(""),
                               mt_string((mt_bytes){NULL, 0}),
                               mt_text("\xF0\x9F\x98\x80"),
                               mt_string(NUL("a\0b")),
                               mt_blob(NUL("\xFF")),
                               mt_blob((mt_bytes){NULL, 0}),
                               mt_edge_to("user/1")};

    for (size_t i = 0; i < TEST_COUNT(values); i++)
        CHECK(mt_value_check(&values[i], NULL, NULL) == MT_OK);
}

TEST(values_that_no_graph_may_hold_are_named)
{
    mt_value integer = {.kind = MT_INT, .as.integer = 5},
             zero = {.kind = MT_NUMBER, .as.number = -0.0};
    mt_value unknown = {.kind = (mt_value_kind)7};
    mt_limits limits;
    char uid[257];

    mt_limits_init(&limits);
    limits.value_len_max = 3;
    memset(uid, 'u', 256);
    uid[256] = 0;
    check_refused(mt_number(NAN), NULL, MT_INVALID, "a number is not finite");
    check_refused(mt_number(-INFINITY), NULL, MT_INVALID, "a number is not finite");
    check_refused(zero, NULL, MT_INVALID, "a number is -0, not 0");
    check_refused(integer, NULL, MT_INVALID, "the integer 5 is a number: a double holds it");
    check_refused(mt_text("ab\xFF"), NULL, MT_INVALID, "a string is not UTF-8: byte 0xFF at 2");
    check_refused(mt_text("\xED\xA0\x80"), NULL, MT_INVALID,
                  "a string is not UTF-8: byte 0xED at 0");
    check_refused(mt_edge_to(""), NULL, MT_INVALID, "a uid is empty");
    check_refused(mt_edge_to(uid), NULL, MT_INVALID, "a uid has 256 bytes, more than 255");
    check_refused(mt_edge(NUL("a\0")), NULL, MT_INVALID, "a uid holds U+0000");
    check_refused(mt_edge_to("a\xC3"), NULL, MT_INVALID, "a uid is not UTF-8: byte 0xC3 at 1");
    check_refused(unknown, NULL, MT_INVALID, "7 is no kind of value");
    check_refused(mt_text("four"), &limits, MT_TOO_LARGE,
                  "a value has 4 bytes, more than 3 (value_len_max)");
    check_refused(mt_blob(NUL("four")), &limits, MT_TOO_LARGE,
                  "a value has 4 bytes, more than 3 (value_len_max)");
}

TEST(a_limit_of_zero_stands_for_its_default)
{
    mt_limits limits = {.size = sizeof limits};
    uint8_t *long_text = malloc(256 * 1024 + 1);
    mt_value value = mt_blob((mt_bytes){long_text, 256 * 1024});

    CHECK(mt_value_check(&value, &limits, NULL) == MT_OK);
    value.as.bytes.len++;
    CHECK(mt_value_check(&value, &limits, NULL) == MT_TOO_LARGE);
    CHECK(mt_value_check(&value, NULL, NULL) == MT_TOO_LARGE);
    free(long_text);
}

TEST(uids_and_names_have_their_own_rules)
{
    mt_error err = {0};
    char text[256];

    memset(text, 'x', 255);
    text[255] = 0;
    CHECK(mt_uid_check(mt_str(text), NULL) == MT_OK);
    CHECK(mt_name_check(mt_str(text), &err) == MT_INVALID);
    assert_string_equal(err.text, "a field name has 255 bytes, more than 254");
    text[254] = 0;
    CHECK(mt_name_check(mt_str(text), NULL) == MT_OK);
    CHECK(mt_name_check(mt_str(""), NULL) == MT_OK);
    CHECK(mt_name_check(mt_str("__proto__"), NULL) == MT_OK);
    CHECK(mt_name_check(NUL("a\0"), NULL) == MT_OK);
    CHECK(mt_name_check(mt_str("@object"), &err) == MT_INVALID);
    assert_string_equal(err.text, "a field may not have the name \"@object\"");
    CHECK(mt_name_check(mt_str("@objects"), NULL) == MT_OK);
    CHECK(mt_name_check(mt_str("\x80"), &err) == MT_INVALID);
    assert_string_equal(err.text, "a field name is not UTF-8: byte 0x80 at 0");
}

TEST(equal_values_have_the_same_kind_and_content)
{
    const mt_value values[] = {
        mt_null(),    mt_bool(false),    mt_bool(true),         mt_number(0),
        mt_number(1), mt_int(INT64_MAX), mt_int(INT64_MIN + 1), mt_text(""),
        mt_text("a"), mt_blob(NUL("a")), mt_edge_to("a"),       mt_edge_to("b")};

    for (size_t i = 0; i < TEST_COUNT(values); i++) {
        for (size_t j = 0; j < TEST_COUNT(values); j++)
            CHECK(mt_value_equal(&values[i], &values[j]) == (i == j));
    }
}

/* ---- Text ---- */

static void check_text(mt_value value, const char *text)
{
    mt_buf out = {.mem = test_mem()};

    CHECK(mt_value_json(&value, &out) == MT_OK);
    assert_int_equal(out.len, strlen(text));
    assert_memory_equal(out.data, text, out.len);
    mt_buf_free(&out);
}

TEST(the_text_of_a_value_is_that_of_ecmascript)
{
    check_text(mt_null(), "null");
    check_text(mt_bool(true), "true");
    check_text(mt_bool(false), "false");
    check_text(mt_number(-1.5), "-1.5");
    check_text(mt_number(1e21), "1e+21");
    check_text(mt_int(INT64_C(9007199254740993)), "{\"int\":\"9007199254740993\"}");
    check_text(mt_int(INT64_MIN + 1), "{\"int\":\"-9223372036854775807\"}");
    check_text(mt_text("a/b \x7F \xE2\x80\xA8"), "\"a/b \x7F \xE2\x80\xA8\"");
    check_text(mt_string((mt_bytes){NULL, 0}), "\"\"");
    check_text(mt_string(NUL("\b\t\n\f\r\"\\")), "\"\\b\\t\\n\\f\\r\\\"\\\\\"");
    check_text(mt_string(NUL("\0\1\v\x1F")), "\"\\u0000\\u0001\\u000b\\u001f\"");
    check_text(mt_text("plain text of some length\nand on"),
               "\"plain text of some length\\nand on\"");
    check_text(mt_blob(NUL("\1\2\3")), "{\"bytes\":\"AQID\"}");
    check_text(mt_blob(NUL("\xFF")), "{\"bytes\":\"_w\"}");
    check_text(mt_blob((mt_bytes){NULL, 0}), "{\"bytes\":\"\"}");
    check_text(mt_edge_to("user/1\n"), "{\"edge\":\"user/1\\n\"}");
}

TEST(text_is_appended)
{
    mt_buf out = {.mem = test_mem()};
    mt_value value = mt_text("b");

    CHECK(mt_value_json(&value, &out) == MT_OK);
    CHECK(mt_value_json(&value, &out) == MT_OK);
    assert_int_equal(out.len, 6);
    assert_memory_equal(out.data, "\"b\"\"b\"", 6);
    mt_buf_free(&out);
}

/* What stands in a text for each byte of a string, written as plainly as can be. */
static size_t slow_escape(uint8_t byte, char *out)
{
    const char *pairs = "\bb\tt\nn\ff\rr\"\"\\\\";

    for (; *pairs; pairs += 2) {
        if ((uint8_t)*pairs == byte) return (size_t)sprintf(out, "\\%c", pairs[1]);
    }
    if (byte < 0x20) return (size_t)sprintf(out, "\\u%04x", byte);
    out[0] = (char)byte;
    return 1;
}

TEST(strings_of_every_length_are_escaped_within_their_room)
{
    test_rng rng = test_rng_new(1);

    for (size_t len = 0; len < 3000; len += len < 40 ? 1 : 97) {
        uint8_t text[3000];
        char expected[18002];
        size_t expected_len = 1, plain = test_rng_below(&rng, 8);
        mt_value value = mt_string((mt_bytes){text, len});
        mt_buf out = {.mem = test_mem()};

        expected[0] = '"';
        for (size_t i = 0; i < len; i++) {
            text[i] = (uint8_t)test_rng_below(&rng, test_rng_below(&rng, 8) < plain ? 128 : 32);
            expected_len += slow_escape(text[i], expected + expected_len);
        }
        expected[expected_len++] = '"';
        CHECK(mt_value_json(&value, &out) == MT_OK);
        assert_int_equal(out.len, expected_len);
        assert_memory_equal(out.data, expected, expected_len);
        mt_buf_free(&out); /* finds what was written behind the room */
    }
}

TEST(without_memory_the_buffer_stays_as_it_was)
{
    mt_value value = mt_text("some text");

    for (size_t n = 0;; n++) {
        fail_mem fm = {.fail_at = n};
        mt_buf out = {.mem = fail_mem_hook(&fm)};
        mt_status st = mt_value_json(&value, &out);

        CHECK(st == (fm.tripped ? MT_NO_MEMORY : MT_OK));
        if (st != MT_OK) CHECK(out.len == 0 && out.data == NULL);
        mt_buf_free(&out);
        CHECK(fm.live_bytes == 0);
        if (!fm.tripped) break;
    }
}

TEST(a_random_uid_is_a_uuid_of_version_4)
{
    uint8_t entropy[16];
    char uid[MT_UID_RANDOM_LEN + 1];

    memset(entropy, 0xFF, 16);
    mt_uid_random(entropy, uid);
    assert_string_equal(uid, "ffffffff-ffff-4fff-bfff-ffffffffffff");
    memset(entropy, 0, 16);
    mt_uid_random(entropy, uid);
    assert_string_equal(uid, "00000000-0000-4000-8000-000000000000");
    for (int i = 0; i < 16; i++) entropy[i] = (uint8_t)(17 * i);
    mt_uid_random(entropy, uid);
    assert_string_equal(uid, "00112233-4455-4677-8899-aabbccddeeff");
}

/* ---- Order ---- */

/* A text as UTF-16, made without any of the library but its number formats. */
typedef struct units {
    size_t len;
    uint16_t unit[1024];
} units;

static void add_text(units *out, const char *text)
{
    while (*text) out->unit[out->len++] = (uint8_t)*text++;
}

static void add_code(units *out, uint32_t code)
{
    char escape[8] = {0};

    if (code < 0x80) {
        slow_escape((uint8_t)code, escape);
        add_text(out, escape);
    } else if (code < 0x10000) {
        out->unit[out->len++] = (uint16_t)code;
    } else {
        out->unit[out->len++] = (uint16_t)(0xD800 + ((code - 0x10000) >> 10));
        out->unit[out->len++] = (uint16_t)(0xDC00 + ((code - 0x10000) & 0x3FF));
    }
}

static void add_string(units *out, mt_bytes text)
{
    add_text(out, "\"");
    for (size_t i = 0; i < text.len;) {
        uint8_t lead = text.data[i];
        size_t len = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
        uint32_t code = len == 1 ? lead : (uint32_t)(lead & (0x7F >> len));

        for (size_t k = 1; k < len; k++) code = code * 64 + text.data[i + k] % 64;
        add_code(out, code);
        i += len;
    }
    add_text(out, "\"");
}

static void add_base64url(units *out, mt_bytes bytes)
{
    for (size_t bit = 0; bit < 8 * bytes.len; bit += 6) {
        unsigned value = 0;

        for (size_t k = bit; k < bit + 6; k++) {
            unsigned set = k < 8 * bytes.len && bytes.data[k / 8] >> (7 - k % 8) & 1;

            value = 2 * value + set;
        }
        out->unit[out->len++] =
            (uint16_t)(uint8_t) "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
                [value];
    }
}

static void add_value(units *out, const mt_value *value)
{
    char number[32] = {0};

    out->len = 0;
    switch (value->kind) {
    case MT_NULL: add_text(out, "null"); break;
    case MT_BOOL: add_text(out, value->as.boolean ? "true" : "false"); break;
    case MT_NUMBER:
        number[mti_number_format(value->as.number, number)] = 0;
        add_text(out, number);
        break;
    case MT_INT:
        add_text(out, "{\"int\":\"");
        number[mti_integer_format(value->as.integer, number)] = 0;
        add_text(out, number);
        add_text(out, "\"}");
        break;
    case MT_STRING: add_string(out, value->as.bytes); break;
    case MT_BYTES:
        add_text(out, "{\"bytes\":\"");
        add_base64url(out, value->as.bytes);
        add_text(out, "\"}");
        break;
    case MT_EDGE:
        add_text(out, "{\"edge\":");
        add_string(out, value->as.bytes);
        add_text(out, "}");
        break;
    }
}

static int slow_compare(const mt_value *a, const mt_value *b)
{
    static units a_text, b_text;
    size_t i = 0;

    add_value(&a_text, a);
    add_value(&b_text, b);
    while (i < a_text.len && i < b_text.len && a_text.unit[i] == b_text.unit[i]) i++;
    if (i < a_text.len && i < b_text.len) return a_text.unit[i] < b_text.unit[i] ? -1 : 1;
    return (a_text.len > i) - (b_text.len > i);
}

static int sign(int order)
{
    return (order > 0) - (order < 0);
}

static const uint32_t nasty[] = {
    0,       1,       8,       9,       0xA,     0xB,     0xC,     0xD,      0x1F,
    ' ',     '!',     '"',     '#',     '-',     '/',     '0',     '9',      ':',
    'A',     'Z',     '[',     '\\',    ']',     '_',     'a',     'b',      'f',
    'n',     't',     'u',     'z',     '{',     '|',     '}',     0x7F,     0x80,
    0xE9,    0x7FF,   0x800,   0x2028,  0xD7FF,  0xE000,  0xE001,  0xFFFD,   0xFFFF,
    0x10000, 0x10001, 0x103FF, 0x10400, 0x1F600, 0x1F601, 0xFFFFF, 0x100000, 0x10FFFF};

static size_t put_code(uint32_t code, uint8_t *out)
{
    size_t len = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;

    for (size_t k = len; k-- > 1; code >>= 6) out[k] = (uint8_t)(0x80 + code % 64);
    out[0] = (uint8_t)(len == 1 ? code : (0xF00U >> len & 0xFF) + code);
    return len;
}

#define CONTENT_MAX 120

typedef struct content {
    uint8_t data[CONTENT_MAX + 4];
    size_t len;
} content;

/* Characters in a row, after a prefix that many share. */
static void make_text(test_rng *rng, content *out, bool zero)
{
    size_t prefix = test_rng_below(rng, 4) ? test_rng_below(rng, 24) : 0;
    size_t count = test_rng_below(rng, 4);

    out->len = 0;
    for (size_t i = 0; i < prefix; i++)
        out->len += put_code(i % 5 ? 'p' : 0xE9, out->data + out->len);
    for (size_t i = 0; i < count; i++) {
        uint32_t code = nasty[test_rng_below(rng, TEST_COUNT(nasty))];

        out->len += put_code(zero || code ? code : 'x', out->data + out->len);
    }
    if (!zero && out->len == 0) out->data[out->len++] = 'u';
}

static double make_number(test_rng *rng)
{
    static const double numbers[] = {0,   1,    10,   100,  9,      -1, -10, 1.5,
                                     0.1, 1e21, 1e-7, 1e20, 5e-324, 12, 123};
    uint64_t bits = test_rng_next(rng);
    double number;

    if (test_rng_below(rng, 2)) return numbers[test_rng_below(rng, TEST_COUNT(numbers))];
    if (test_rng_below(rng, 2)) return (double)(int64_t)(bits >> test_rng_below(rng, 64));
    memcpy(&number, &bits, sizeof number);
    return isfinite(number) ? number : 7;
}

static int64_t make_integer(test_rng *rng)
{
    uint64_t odd = test_rng_next(rng) >> test_rng_below(rng, 10) | (UINT64_C(1) << 54) | 1;

    return (int64_t)odd;
}

/* A value whose bytes are in `room`. */
static mt_value make_value(test_rng *rng, content *room)
{
    switch (test_rng_below(rng, 16)) {
    case 0: return mt_null();
    case 1: return mt_bool(test_rng_below(rng, 2));
    case 2:
    case 3: return mt_number(make_number(rng));
    case 4: return mt_int(make_integer(rng));
    case 5:
    case 6:
    case 7:
        room->len = test_rng_below(rng, 9);
        for (size_t i = 0; i < room->len; i++)
            room->data[i] = (uint8_t)(test_rng_below(rng, 3) ? 0 : test_rng_next(rng));
        return mt_blob((mt_bytes){room->data, room->len});
    case 8:
    case 9:
    case 10: make_text(rng, room, false); return mt_edge((mt_bytes){room->data, room->len});
    default: make_text(rng, room, true); return mt_string((mt_bytes){room->data, room->len});
    }
}

TEST(values_order_as_their_texts_do_in_javascript)
{
    test_rng rng = test_rng_new(20260101);

    for (size_t i = 0; i < 1200000; i++) {
        content rooms[2];
        mt_value a = make_value(&rng, &rooms[0]), b = make_value(&rng, &rooms[1]);
        int order = sign(mt_value_compare(&a, &b));

        if (order != slow_compare(&a, &b) || order != -sign(mt_value_compare(&b, &a)) ||
            (order == 0) != mt_value_equal(&a, &b))
            fail_msg("pair %zu is ordered %d", i, order);
    }
}

TEST(every_two_characters_order_as_in_javascript)
{
    for (size_t i = 0; i < TEST_COUNT(nasty); i++) {
        for (size_t j = 0; j < TEST_COUNT(nasty); j++) {
            uint8_t a_room[16] = "prefix 8", b_room[16] = "prefix 8";
            mt_value a = mt_string((mt_bytes){a_room, 8 + put_code(nasty[i], a_room + 8)});
            mt_value b = mt_string((mt_bytes){b_room, 8 + put_code(nasty[j], b_room + 8)});
            mt_value end = mt_string((mt_bytes){a_room, 8});

            assert_int_equal(sign(mt_value_compare(&a, &b)), slow_compare(&a, &b));
            assert_int_equal(sign(mt_value_compare(&a, &end)), slow_compare(&a, &end));
            assert_int_equal(sign(mt_value_compare(&end, &b)), slow_compare(&end, &b));
        }
    }
}

TEST(the_order_is_transitive)
{
    test_rng rng = test_rng_new(3);
    enum { COUNT = 160 };
    static content rooms[COUNT];
    mt_value values[COUNT];

    for (size_t i = 0; i < COUNT; i++) values[i] = make_value(&rng, &rooms[i]);
    for (size_t a = 0; a < COUNT; a++) {
        for (size_t b = 0; b < COUNT; b++) {
            if (mt_value_compare(&values[a], &values[b]) > 0) continue;
            for (size_t c = 0; c < COUNT; c++) {
                if (mt_value_compare(&values[b], &values[c]) > 0) continue;
                CHECK(mt_value_compare(&values[a], &values[c]) <= 0);
            }
        }
    }
}

TEST(the_known_traps_are_ordered_right)
{
    const mt_value ascending[] = {
        mt_text("a "), /* the space is below the closing quote */
        mt_text("a!"),
        mt_text("a"),
        mt_text("a#"),
        mt_text("a["),
        mt_text("a\""),   /* a backslash */
        mt_text("a\x1F"), /* a backslash, then u */
        mt_text("a]"),
        mt_text("a\xED\x9F\xBF"),     /* U+D7FF */
        mt_text("a\xF0\x9F\x98\x80"), /* U+1F600, D83D DE00 */
        mt_text("a\xEE\x80\x80"),     /* U+E000 */
        mt_text("a\xEF\xBF\xBF"),     /* U+FFFF */
        mt_number(-1),
        mt_number(0),
        mt_number(1),
        mt_number(10),
        mt_number(1e21),
        mt_number(9),
        mt_bool(false),
        mt_null(),
        mt_bool(true),
        mt_blob((mt_bytes){NULL, 0}),
        mt_blob(NUL("\xF8")), /* -A: the alphabet is not in the order of its values */
        mt_blob(NUL("\xD0")), /* 0A */
        mt_blob(NUL("\0")),   /* AA */
        mt_blob(NUL("\0\0")),
        mt_blob(NUL("\xFC")), /* _A */
        mt_blob(NUL("\x68")), /* aA */
        mt_edge_to("a"),
        mt_edge_to("b"),
        mt_int(INT64_MIN + 1),
        mt_int(INT64_MAX),
    };

    for (size_t i = 0; i < TEST_COUNT(ascending); i++) {
        for (size_t j = 0; j < TEST_COUNT(ascending); j++)
            assert_int_equal(sign(mt_value_compare(&ascending[i], &ascending[j])),
                             i < j ? -1 : i > j);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(makers_say_what_they_were_given),
        cmocka_unit_test(minus_zero_becomes_zero),
        cmocka_unit_test(integers_that_a_double_holds_become_numbers),
        cmocka_unit_test(values_that_a_graph_may_hold_pass_the_check),
        cmocka_unit_test(values_that_no_graph_may_hold_are_named),
        cmocka_unit_test(a_limit_of_zero_stands_for_its_default),
        cmocka_unit_test(uids_and_names_have_their_own_rules),
        cmocka_unit_test(equal_values_have_the_same_kind_and_content),
        cmocka_unit_test(the_text_of_a_value_is_that_of_ecmascript),
        cmocka_unit_test(text_is_appended),
        cmocka_unit_test(strings_of_every_length_are_escaped_within_their_room),
        cmocka_unit_test(without_memory_the_buffer_stays_as_it_was),
        cmocka_unit_test(a_random_uid_is_a_uuid_of_version_4),
        cmocka_unit_test(values_order_as_their_texts_do_in_javascript),
        cmocka_unit_test(every_two_characters_order_as_in_javascript),
        cmocka_unit_test(the_order_is_transitive),
        cmocka_unit_test(the_known_traps_are_ordered_right),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
