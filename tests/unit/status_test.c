#include "base/status.h"
#include "base/utf8.h"
#include "test.h"
#include <limits.h>
#include <stdio.h>
#include <string.h>

TEST(every_status_has_a_name_and_a_text)
{
#define CHECK_STATUS(name, number, text)              \
    CHECK((int)name == (number));                     \
    assert_string_equal(mt_status_name(name), #name); \
    assert_string_equal(mt_status_text(name), (text));
    MT_STATUS_MAP(CHECK_STATUS)
#undef CHECK_STATUS
}

TEST(an_unknown_status_is_said_to_be_unknown)
{
    assert_string_equal(mt_status_name((mt_status)-1000), "MT_UNKNOWN");
    assert_string_equal(mt_status_text((mt_status)7), "an unknown status");
}

TEST(failing_sets_status_and_text_together)
{
    mt_error err = {.status = MT_OK};

    CHECK(mti_fail(&err, MT_TOO_LARGE, "frame of %zu bytes", (size_t)70000) == MT_TOO_LARGE);
    CHECK(err.status == MT_TOO_LARGE);
    assert_string_equal(err.text, "frame of 70000 bytes");
    CHECK(mti_fail(&err, MT_INVALID, "x") == MT_INVALID);
    CHECK(err.status == MT_INVALID);
    assert_string_equal(err.text, "x");
    CHECK(mti_fail(NULL, MT_IO, "nobody listens to %s", "this") == MT_IO);
}

TEST(every_directive_is_written_as_printf_writes_it)
{
    mt_error err;
    char expected[MT_ERROR_TEXT_MAX];

#define CHECK_AS_PRINTF(...)                                \
    (void)mti_fail(&err, MT_INVALID, __VA_ARGS__);          \
    (void)snprintf(expected, sizeof expected, __VA_ARGS__); \
    assert_string_equal(err.text, expected)

    CHECK_AS_PRINTF("plain");
    CHECK_AS_PRINTF("%s and %s", "one", "another");
    CHECK_AS_PRINTF("<%.*s>", 3, "abcdef");
    CHECK_AS_PRINTF("<%.*s>", 0, "abcdef");
    CHECK_AS_PRINTF("%c%c", 'o', 'k');
    CHECK_AS_PRINTF("%d %d %d %d", 0, -1, INT_MAX, INT_MIN);
    CHECK_AS_PRINTF("%u %u", 0u, UINT_MAX);
    CHECK_AS_PRINTF("%zu %zu", (size_t)0, SIZE_MAX);
    CHECK_AS_PRINTF("%llu %llu", 10ull, ULLONG_MAX);
    CHECK_AS_PRINTF("100%% of %d%%", 5);
    CHECK_AS_PRINTF("%s%d%s", "", 1, "");
#undef CHECK_AS_PRINTF
}

TEST(a_directive_that_is_not_ours_ends_the_reading)
{
    mt_error err;

    (void)mti_fail(&err, MT_INVALID, "%d, %x, %s", 1, 2u, "three");
    assert_string_equal(err.text, "1, %x, %s");
    (void)mti_fail(&err, MT_INVALID, "%lld", 1ll);
    assert_string_equal(err.text, "%lld");
}

TEST(bytes_that_cannot_be_shown_are_escaped)
{
    mt_error err;

    (void)mti_fail(&err, MT_INVALID, "[%s]", "a\tb\nc\x1b[0m\x7f");
    assert_string_equal(err.text, "[a\\x09b\\x0ac\\x1b[0m\\x7f]");
    (void)mti_fail(&err, MT_INVALID, "%s", "\xC3\xA9 \xE6\x97\xA5 \xF0\x9F\x98\x80");
    assert_string_equal(err.text, "\xC3\xA9 \xE6\x97\xA5 \xF0\x9F\x98\x80");
    (void)mti_fail(&err, MT_INVALID, "%s", "\xC3( \xED\xA0\x80 \xFF");
    assert_string_equal(err.text, "\\xc3( \\xed\\xa0\\x80 \\xff");
    (void)mti_fail(&err, MT_INVALID, "%s", "\xC2\x85 \xE2\x80\xA8 \xE2\x80\xA9");
    assert_string_equal(err.text, "\\xc2\\x85 \\xe2\\x80\\xa8 \\xe2\\x80\\xa9");
    (void)mti_fail(&err, MT_INVALID, "%c%c", '\n', 0x80);
    assert_string_equal(err.text, "\\x0a\\x80");
    (void)mti_fail(&err, MT_INVALID, "a\nb");
    assert_string_equal(err.text, "a\\x0ab");
}

TEST(a_run_of_bytes_is_shown_whole)
{
    mt_error err;
    mt_bytes uid = {(const uint8_t *)"a\0b", 3}, nothing = mt_str(NULL);

    (void)mti_fail(&err, MT_INVALID, "uid %.*s, %.*s.", MTI_SHOW(uid), MTI_SHOW(nothing));
    assert_string_equal(err.text, "uid a\\x00b, .");
}

TEST(no_string_at_all_is_shown_as_null)
{
    mt_error err;
    const char *volatile none = NULL;

    (void)mti_fail(&err, MT_INVALID, "<%s>", none);
    assert_string_equal(err.text, "<(null)>");
}

TEST(a_message_may_contain_the_one_it_replaces)
{
    mt_error err;

    (void)mti_fail(&err, MT_MALFORMED, "byte %d is wrong", 7);
    (void)mti_fail(&err, MT_MALFORMED, "frame 3: %s", err.text);
    assert_string_equal(err.text, "frame 3: byte 7 is wrong");
}

TEST(a_long_message_is_cut_between_characters)
{
    static const char *const fillers[] = {"a", "\xC3\xA9", "\xE6\x97\xA5", "\xF0\x9F\x98\x80",
                                          "\n"};
    char text[2 * MT_ERROR_TEXT_MAX];
    mt_error err;

    for (size_t i = 0; i < TEST_COUNT(fillers); i++) {
        size_t len = strlen(fillers[i]), shown = *fillers[i] == '\n' ? 4 : len;

        for (size_t before = 0; before < 8; before++) {
            memset(text, 'x', before);
            for (size_t at = before; at + 4 < sizeof text; at += len) {
                memcpy(text + at, fillers[i], len + 1);
            }
            (void)mti_fail(&err, MT_INVALID, "%s%d", text, 5);
            CHECK(strlen(err.text) < MT_ERROR_TEXT_MAX);
            CHECK(strlen(err.text) == before + (MT_ERROR_TEXT_MAX - 1 - before) / shown * shown);
            CHECK(mti_utf8_valid(mt_str(err.text)));
        }
    }
}

TEST(what_comes_after_the_cut_is_left_out_too)
{
    char text[MT_ERROR_TEXT_MAX];
    mt_error err;

    memset(text, 'x', sizeof text);
    text[MT_ERROR_TEXT_MAX - 3] = 0;
    (void)mti_fail(&err, MT_INVALID, "%s%d%c", text, 123, 'y');
    assert_string_equal(err.text, text);
    (void)mti_fail(&err, MT_INVALID, "%s%d", text, 12);
    CHECK(strlen(err.text) == MT_ERROR_TEXT_MAX - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_status_has_a_name_and_a_text),
        cmocka_unit_test(an_unknown_status_is_said_to_be_unknown),
        cmocka_unit_test(failing_sets_status_and_text_together),
        cmocka_unit_test(every_directive_is_written_as_printf_writes_it),
        cmocka_unit_test(a_directive_that_is_not_ours_ends_the_reading),
        cmocka_unit_test(bytes_that_cannot_be_shown_are_escaped),
        cmocka_unit_test(a_run_of_bytes_is_shown_whole),
        cmocka_unit_test(no_string_at_all_is_shown_as_null),
        cmocka_unit_test(a_message_may_contain_the_one_it_replaces),
        cmocka_unit_test(a_long_message_is_cut_between_characters),
        cmocka_unit_test(what_comes_after_the_cut_is_left_out_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
