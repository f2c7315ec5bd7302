#include "base/base64url.h"
#include "test.h"
#include <string.h>

static const char *refused(const char *text)
{
    uint8_t out[64];
    size_t len = 42;
    const char *why = NULL;

    if (mti_base64url_decode(mt_str(text), out, &len, &why)) return NULL;
    CHECK(len == 42);
    return why;
}

TEST(the_samples_of_the_standard_are_written_and_read)
{
    /* RFC 4648, section 10, without the padding. */
    static const char *const samples[][2] = {
        {"", ""},           {"f", "Zg"},          {"fo", "Zm8"},          {"foo", "Zm9v"},
        {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}, {"\xFB\xFF\xBF", "-_-_"},
    };

    for (size_t i = 0; i < TEST_COUNT(samples); i++) {
        mt_bytes bytes = mt_str(samples[i][0]), text = mt_str(samples[i][1]);
        char written[16];
        uint8_t read[16];
        size_t len;
        const char *why;

        CHECK(mti_base64url_len(bytes.len) == text.len);
        mti_base64url_encode(bytes, written);
        assert_memory_equal(written, text.data, text.len);
        CHECK(mti_base64url_decode(text, read, &len, &why));
        CHECK(len == bytes.len);
        assert_memory_equal(read, bytes.data, len);
    }
}

TEST(random_bytes_come_back)
{
    test_rng rng = test_rng_new(2);

    for (size_t len = 0; len < 300; len++) {
        uint8_t bytes[300], read[302];
        char text[401];
        size_t text_len = mti_base64url_len(len), read_len;
        const char *why;

        for (size_t i = 0; i < len; i++) bytes[i] = (uint8_t)test_rng_next(&rng);
        text[text_len] = '!';
        mti_base64url_encode((mt_bytes){bytes, len}, text);
        CHECK(text[text_len] == '!');
        CHECK(memchr(text, '=', text_len) == NULL);
        CHECK(mti_base64url_decode((mt_bytes){(const uint8_t *)text, text_len}, read, &read_len,
                                   &why));
        CHECK(read_len == len);
        assert_memory_equal(read, bytes, len);
    }
}

TEST(what_is_read_is_written_the_same)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    size_t taken[4] = {0};

    /* All texts of two characters, and those of three that begin alike. */
    for (size_t i = 0; i < 64 * 64; i++) {
        for (size_t len = 2; len <= 3; len++) {
            char text[3] = {alphabet[len == 2 ? i / 64 : 0], alphabet[len == 2 ? i % 64 : i / 64],
                            alphabet[i % 64]};
            char written[3];
            uint8_t read[2];
            size_t read_len;
            const char *why;

            if (!mti_base64url_decode((mt_bytes){(const uint8_t *)text, len}, read, &read_len,
                                      &why)) {
                continue;
            }
            taken[len]++;
            CHECK(read_len == len - 1);
            mti_base64url_encode((mt_bytes){read, read_len}, written);
            assert_memory_equal(written, text, len);
        }
    }
    CHECK(taken[2] == 64 * 4);
    CHECK(taken[3] == 64 * 16);
}

TEST(padding_is_refused)
{
    assert_string_equal(refused("Zg=="), "base64url takes no padding");
    assert_string_equal(refused("Zm8="), "base64url takes no padding");
    assert_string_equal(refused("="), "base64url takes no padding");
    assert_string_equal(refused("Zm9v===="), "base64url takes no padding");
}

TEST(foreign_characters_are_refused)
{
    const char *why = "a character is not of the base64url alphabet";
    static const char *const texts[] = {"Zm9v+A", "Zm9v/A", "Zm 9", "Zm9v\n",
                                        " Zm9v",  "Zm9.",   "*",    "Z\xC3\xA9v"};

    for (size_t i = 0; i < TEST_COUNT(texts); i++) assert_string_equal(refused(texts[i]), why);
    for (int byte = 0; byte < 256; byte++) {
        uint8_t text[4] = {'A', 'A', 'A', 'A'}, out[3];
        bool known = byte != 0 && strchr("-_", byte);
        size_t len;

        known |= (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
                 (byte >= 'a' && byte <= 'z');
        for (int i = 0; i < 4; i++) {
            text[i] = (uint8_t)byte;
            CHECK(mti_base64url_decode((mt_bytes){text, 4}, out, &len, &why) == known);
            text[i] = 'A';
        }
    }
}

TEST(impossible_lengths_are_refused)
{
    assert_string_equal(refused("Z"), "no base64url text has this length");
    assert_string_equal(refused("Zm9vY"), "no base64url text has this length");
    assert_string_equal(refused("A"), "no base64url text has this length");
}

TEST(trailing_bits_must_be_zero)
{
    const char *why = "the last bits of the base64url text are not zero";

    CHECK(refused("Zg") == NULL);
    assert_string_equal(refused("Zh"), why);
    assert_string_equal(refused("Zv"), why);
    CHECK(refused("Zm8") == NULL);
    assert_string_equal(refused("Zm9"), why);
    assert_string_equal(refused("Zm-"), why);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_samples_of_the_standard_are_written_and_read),
        cmocka_unit_test(random_bytes_come_back),
        cmocka_unit_test(what_is_read_is_written_the_same),
        cmocka_unit_test(padding_is_refused),
        cmocka_unit_test(foreign_characters_are_refused),
        cmocka_unit_test(impossible_lengths_are_refused),
        cmocka_unit_test(trailing_bits_must_be_zero),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
