/* key_file_test.c - keys as lines of text: what was written, and what never is. */
#include "test.h"
#include "base/base64url.h"
#include <mytosis/host.h>
#include <string.h>

#include "key_file.h"

#define PLAIN_LEN 70
#define SEALED_LEN 110
#define ROOM_LEN (SEALED_LEN + 3)

/* Made by another program, with libraries of its own. */
static const char plain_line[] =
    "mtk1:AQDkAwmYz9WtFyPBaflWqgueuGGbWZK9YSwq9Cjrx5-N8AEIDxYdJCsyOUBHTlVcY2pxeH-GjZS"
    "boqmwt77FzNPa_vJwdw";
static const char sealed_line[] =
    "mtk1:AgHkAwmYz9WtFyPBaflWqgueuGGbWZK9YSwq9Cjrx5-N8AcICQAAAAAAAAAAAAAAAAABAAAACAA"
    "AADEityAjU1_KddjShpOGQeebY9jcjdNqY56JVwEhH8hPG-oU8SKg8AwkvBCNCsQ3BmJzpKg";

static const uint8_t salt[MT_SALT_LEN] = {7, 8, 9};

static const uint8_t *seed(void)
{
    static uint8_t made[MT_KEY_LEN];

    for (size_t i = 0; i < sizeof made; i++) made[i] = (uint8_t)(i * 7 + 1);
    return made;
}

static cli_key_file plain(cli_key_kind kind)
{
    cli_key_file file;

    cli_key_file_plain(mt_crypto_sodium(), kind, seed(), &file);
    return file;
}

static cli_key_file sealed(cli_key_kind kind)
{
    cli_key_file file;

    CHECK(cli_key_file_seal(mt_crypto_sodium(), kind, seed(), mt_str("open sesame"), salt, 1, 8,
                            &file) == MT_OK);
    return file;
}

typedef struct line {
    char text[KEY_LINE_LEN_MAX + 2];
    size_t len;
} line;

static mt_bytes bytes_of(const line *l)
{
    return (mt_bytes){(const uint8_t *)l->text, l->len};
}

static line line_of(const cli_key_file *file)
{
    line l = {.len = 0};

    l.len = cli_key_file_encode(mt_crypto_sodium(), file, l.text);
    CHECK(l.len <= KEY_LINE_LEN_MAX);
    return l;
}

#define ANY MT_OK /* reason will do */

static void refused(mt_bytes text, mt_status status, const char *why)
{
    cli_key_file read;
    const uint8_t *bytes = memset(&read, 0xaa, sizeof read);
    mt_error err = {.status = MT_OK};

    CHECK(cli_key_file_decode(mt_crypto_sodium(), text, &read, &err) != MT_OK);
    CHECK(err.status == status || (status == ANY && err.text[0]));
    for (size_t i = 0; i < sizeof read; i++) CHECK(bytes[i] == 0);
    if (why) assert_string_equal(err.text, why);
}

static cli_key_file read_line(const line *l)
{
    cli_key_file read;
    mt_error err;

    if (cli_key_file_decode(mt_crypto_sodium(), bytes_of(l), &read, &err) != MT_OK)
        fail_msg("%s", err.text);
    return read;
}

/* ---- Lines that are right but for one thing ---- */

typedef struct key_bytes {
    uint8_t at[ROOM_LEN + 1];
    size_t len; /* without the checksum */
} key_bytes;

static key_bytes key_bytes_of(const cli_key_file *file)
{
    key_bytes bytes = {.len = 0};
    line l = line_of(file);
    const char *why;

    CHECK(mti_base64url_decode((mt_bytes){(const uint8_t *)l.text + 5, l.len - 5}, bytes.at,
                               &bytes.len, &why));
    bytes.len -= 4;
    return bytes;
}

/* With a checksum that is right. */
static void bytes_refused(key_bytes bytes, mt_status status, const char *why)
{
    const mt_crypto *crypto = mt_crypto_sodium();
    mt_bytes all = {bytes.at, bytes.len};
    uint8_t hash[32];
    char text[2 * ROOM_LEN] = "mtk1:";

    crypto->hash(crypto->ctx, &all, 1, hash, sizeof hash);
    memcpy(bytes.at + bytes.len, hash, 4);
    mti_base64url_encode((mt_bytes){bytes.at, bytes.len + 4}, text + 5);
    refused((mt_bytes){(const uint8_t *)text, 5 + mti_base64url_len(bytes.len + 4)}, status, why);
}

/* ---- What was written ---- */

TEST(what_was_written_is_read)
{
    for (cli_key_kind kind = KEY_DEVICE; kind <= KEY_RECOVERY; kind++) {
        cli_key_file files[] = {plain(kind), sealed(kind)};

        for (size_t i = 0; i < 2; i++) {
            line l = line_of(&files[i]);
            cli_key_file read = read_line(&l);
            uint8_t out[MT_KEY_LEN];
            mt_error err;

            CHECK(read.kind == kind && read.is_sealed == (i == 1));
            assert_memory_equal(read.public_key, files[0].public_key, MT_KEY_LEN);
            CHECK(cli_key_file_seed(mt_crypto_sodium(), &read, mt_str(i ? "open sesame" : NULL),
                                    out, &err) == MT_OK);
            assert_memory_equal(out, seed(), MT_KEY_LEN);
        }
    }
}

TEST(text_is_what_others_make_of_the_bytes)
{
    cli_key_file files[] = {plain(KEY_DEVICE), sealed(KEY_ROOT)};
    size_t lens[] = {PLAIN_LEN, SEALED_LEN};

    for (size_t i = 0; i < 2; i++) {
        line l = line_of(&files[i]);
        key_bytes bytes = key_bytes_of(&files[i]);
        char text[2 * ROOM_LEN];

        CHECK(bytes.len + 4 == lens[i] && l.len == 5 + mti_base64url_len(lens[i]));
        mti_base64url_encode((mt_bytes){bytes.at, lens[i]}, text);
        assert_memory_equal(text, l.text + 5, l.len - 5);
        CHECK(bytes.at[0] == files[i].kind && bytes.at[1] == i);
        assert_memory_equal(bytes.at + 2, files[i].public_key, MT_KEY_LEN);
    }
}

TEST(key_is_written_as_others_write_it)
{
    cli_key_file files[] = {plain(KEY_DEVICE), sealed(KEY_ROOT)};
    const char *lines[] = {plain_line, sealed_line};

    for (size_t i = 0; i < 2; i++) {
        line l = line_of(&files[i]);

        CHECK(mt_bytes_equal(bytes_of(&l), mt_str(lines[i])));
    }
}

TEST(sealed_key_has_no_seed_in_it)
{
    cli_key_file file = sealed(KEY_DEVICE);
    key_bytes bytes = key_bytes_of(&file);

    for (size_t i = 0; i + MT_KEY_LEN <= bytes.len; i++)
        CHECK(memcmp(bytes.at + i, seed(), MT_KEY_LEN) != 0);
}

/* ---- What is refused ---- */

TEST(every_changed_bit_is_refused)
{
    cli_key_file files[] = {plain(KEY_DEVICE), sealed(KEY_DEVICE)};

    for (size_t i = 0; i < 2; i++) {
        line l = line_of(&files[i]);

        for (size_t bit = 0; bit < l.len * 8; bit++) {
            l.text[bit / 8] = (char)((uint8_t)l.text[bit / 8] ^ 1u << bit % 8);
            refused(bytes_of(&l), ANY, NULL);
            l.text[bit / 8] = (char)((uint8_t)l.text[bit / 8] ^ 1u << bit % 8);
        }
    }
}

TEST(every_cut_and_every_character_more_is_refused)
{
    cli_key_file files[] = {plain(KEY_DEVICE), sealed(KEY_DEVICE)};

    for (size_t i = 0; i < 2; i++) {
        line l = line_of(&files[i]);
        size_t whole = l.len;

        for (l.len = 0; l.len < whole; l.len++) refused(bytes_of(&l), MT_MALFORMED, NULL);
        for (l.len = whole + 1; l.len <= whole + 2; l.len++) {
            for (unsigned c = 0; c < 256; c++) {
                l.text[l.len - 1] = (char)c;
                refused(bytes_of(&l), MT_MALFORMED, NULL);
            }
        }
    }
}

TEST(text_that_is_no_key_is_refused_with_its_reason)
{
    static const struct {
        const char *text;
        mt_status status;
        const char *why;
    } cases[] = {
        {"", MT_MALFORMED, "no key: it does not begin with \"mtk1:\""},
        {"mt1:AAAA", MT_MALFORMED, "no key: it does not begin with \"mtk1:\""},
        {"mtk2:AAAA", MT_UNSUPPORTED, "a key of version 2, this build knows 1"},
        {"mtk1:", MT_MALFORMED, "its end is missing"},
        {"mtk1:AAAAAAAA", MT_MALFORMED, "its end is missing"},
        {"mtk1:AAAAAAAAAAA", MT_MALFORMED,
         "its checksum is wrong: a character was changed or is missing"},
        {"mtk1:AAAAAAAAAAAAA", MT_MALFORMED, "no base64url text has this length"},
        {"mtk1:AAAAAAAAAAB", MT_MALFORMED, "the last bits of the base64url text are not zero"},
        {"mtk1:AAAAAAAAAA=", MT_MALFORMED, "a character is not of the base64url alphabet"},
        {"mtk1:AAAA+AAAAAA", MT_MALFORMED, "a character is not of the base64url alphabet"},
    };

    for (size_t i = 0; i < TEST_COUNT(cases); i++)
        refused(mt_str(cases[i].text), cases[i].status, cases[i].why);
}

TEST(kinds_forms_and_lengths_that_are_unknown_are_refused)
{
    cli_key_file file = plain(KEY_DEVICE);
    key_bytes bytes = key_bytes_of(&file);

    bytes.at[0] = 0;
    bytes_refused(bytes, MT_UNSUPPORTED, "a key of kind 0, which this build does not know");
    bytes.at[0] = 4;
    bytes_refused(bytes, MT_UNSUPPORTED, "a key of kind 4, which this build does not know");
    bytes.at[0] = KEY_DEVICE;
    bytes.at[1] = 2;
    bytes_refused(bytes, MT_UNSUPPORTED, "a key of form 2, which this build does not know");
    bytes.at[1] = 1;
    bytes_refused(bytes, MT_MALFORMED, "it has 70 bytes, which no key of its form has");
    bytes.at[1] = 0;
    bytes.len++;
    bytes_refused(bytes, MT_MALFORMED, "it has 71 bytes, which no key of its form has");
    bytes.len = SEALED_LEN - 4;
    bytes_refused(bytes, MT_MALFORMED, "it has 110 bytes, which no key of its form has");
    bytes.len++;
    bytes_refused(bytes, MT_MALFORMED, "it is longer than any key");
}

TEST(passphrase_takes_no_more_than_it_may)
{
    static const uint32_t wrong[][2] = {
        {0, 8}, {17, 8}, {UINT32_MAX, 8}, {1, 7}, {1, 0}, {1, 1024 * 1024 + 1}, {1, UINT32_MAX}};
    cli_key_file file = sealed(KEY_DEVICE);

    for (size_t i = 0; i < TEST_COUNT(wrong); i++) {
        file.passes = wrong[i][0];
        file.kib = wrong[i][1];
        bytes_refused(key_bytes_of(&file), MT_MALFORMED, NULL);
    }
    file.passes = 17;
    file.kib = 8;
    bytes_refused(key_bytes_of(&file), MT_MALFORMED, "its passphrase takes 17 passes, not 1 to 16");
    file.passes = 1;
    file.kib = 7;
    bytes_refused(key_bytes_of(&file), MT_MALFORMED,
                  "its passphrase takes 7 KiB of memory, not 8 to 1048576");
}

/* ---- What does not open ---- */

static void not_opened(const cli_key_file *file, const char *passphrase, mt_status status,
                       const char *why)
{
    static const uint8_t wiped[MT_KEY_LEN];
    uint8_t out[MT_KEY_LEN] = {1};
    mt_error err;

    CHECK(cli_key_file_seed(mt_crypto_sodium(), file, mt_str(passphrase), out, &err) == status);
    CHECK(err.status == status && memcmp(out, wiped, sizeof out) == 0);
    assert_string_equal(err.text, why);
}

TEST(another_passphrase_opens_nothing)
{
    cli_key_file file = sealed(KEY_DEVICE);
    const char *why = "the passphrase is not the one that it is sealed with";

    not_opened(&file, "open sesam", MT_INVALID, why);
    not_opened(&file, "open sesame ", MT_INVALID, why);
    not_opened(&file, NULL, MT_INVALID, why);
}

TEST(what_stands_before_the_seed_is_sealed_with_it)
{
    const char *why = "the passphrase is not the one that it is sealed with";
    cli_key_file file = sealed(KEY_DEVICE);

    file.kind = KEY_ROOT;
    not_opened(&file, "open sesame", MT_INVALID, why);
    file = sealed(KEY_DEVICE);
    file.public_key[31] ^= 1;
    not_opened(&file, "open sesame", MT_INVALID, why);
    file = sealed(KEY_DEVICE);
    file.passes++;
    not_opened(&file, "open sesame", MT_INVALID, why);
}

TEST(public_key_of_another_seed_is_refused)
{
    const mt_crypto *crypto = mt_crypto_sodium();
    cli_key_file file = plain(KEY_DEVICE);
    uint8_t key[MT_KEY_LEN], head[58] = {KEY_DEVICE, 1};
    uint8_t nonce[MT_NONCE_LEN] = {0};

    file.public_key[0] ^= 1;
    bytes_refused(key_bytes_of(&file), MT_MALFORMED,
                  "the public key is not that of the secret one");

    /* Sealed by somebody who knows the passphrase. */
    file = sealed(KEY_DEVICE);
    file.public_key[0] ^= 1;
    memcpy(head + 2, file.public_key, MT_KEY_LEN);
    memcpy(head + 34, file.salt, MT_SALT_LEN);
    head[50] = 1;
    head[54] = 8;
    CHECK(crypto->stretch(crypto->ctx, mt_str("open sesame"), salt, 1, 8, key) == MT_OK);
    crypto->seal(crypto->ctx, key, nonce, (mt_bytes){head, sizeof head},
                 (mt_bytes){seed(), MT_KEY_LEN}, file.box);
    not_opened(&file, "open sesame", MT_MALFORMED, "the public key is not that of the secret one");
}

static mt_status no_memory(void *ctx, mt_bytes passphrase, const uint8_t *with, uint32_t passes,
                           uint32_t kib, uint8_t *out)
{
    (void)ctx, (void)passphrase, (void)with, (void)passes, (void)kib, (void)out;
    return MT_NO_MEMORY;
}

TEST(without_memory_nothing_is_sealed_or_opened)
{
    mt_crypto crypto = *mt_crypto_sodium();
    cli_key_file file = sealed(KEY_DEVICE), other;
    uint8_t out[MT_KEY_LEN];
    mt_error err;

    crypto.stretch = no_memory;
    CHECK(cli_key_file_seed(&crypto, &file, mt_str("open sesame"), out, &err) == MT_NO_MEMORY);
    CHECK(cli_key_file_seal(&crypto, KEY_DEVICE, seed(), mt_str("x"), salt, 1, 8, &other) ==
          MT_NO_MEMORY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_read),
        cmocka_unit_test(text_is_what_others_make_of_the_bytes),
        cmocka_unit_test(key_is_written_as_others_write_it),
        cmocka_unit_test(sealed_key_has_no_seed_in_it),
        cmocka_unit_test(every_changed_bit_is_refused),
        cmocka_unit_test(every_cut_and_every_character_more_is_refused),
        cmocka_unit_test(text_that_is_no_key_is_refused_with_its_reason),
        cmocka_unit_test(kinds_forms_and_lengths_that_are_unknown_are_refused),
        cmocka_unit_test(passphrase_takes_no_more_than_it_may),
        cmocka_unit_test(another_passphrase_opens_nothing),
        cmocka_unit_test(what_stands_before_the_seed_is_sealed_with_it),
        cmocka_unit_test(public_key_of_another_seed_is_refused),
        cmocka_unit_test(without_memory_nothing_is_sealed_or_opened),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
