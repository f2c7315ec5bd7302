/* The published results of the ciphers, on libsodium: every one of Project Wycheproof's files, and those of the
 * documents that say what they are. Whoever brings a table of their own passes them, too. */
#include "test.h"
#include "test_json.h"

#include <mytosis/host.h>
#include <stdio.h>
#include <string.h>

typedef struct counts {
    size_t valid, invalid, acceptable;
} counts;

static mt_bytes hex(mt_bytes test, const char *name)
{
    return test_json_hex(test_json_get(test, name));
}

/* Whether a test says that what it has is right. */
static bool is(mt_bytes test, const char *result)
{
    return test_json_is(test_json_get(test, "result"), result);
}

/* Calls `check` for each test of a file, with its group. */
static counts each(const char *name, void (*check)(mt_bytes group, mt_bytes test))
{
    mt_bytes file = test_vectors(name), group, test;
    test_json_iter groups = test_json_items(test_json_get(file, "testGroups"));
    counts n = {0, 0, 0};

    while (test_json_next(&groups, NULL, &group)) {
        test_json_iter tests = test_json_items(test_json_get(group, "tests"));

        while (test_json_next(&tests, NULL, &test)) {
            n.valid += is(test, "\"valid\"");
            n.invalid += is(test, "\"invalid\"");
            n.acceptable += is(test, "\"acceptable\"");
            check(group, test);
        }
    }
    test_vectors_free(file);
    return n;
}

static void check_signature(mt_bytes group, mt_bytes test)
{
    const mt_crypto *crypto = mt_crypto_sodium();
    mt_bytes key = hex(test_json_get(group, "publicKey"), "pk"), signature = hex(test, "sig");
    bool right = key.len == MT_KEY_LEN && signature.len == MT_SIGNATURE_LEN &&
                 crypto->verify(crypto->ctx, key.data, hex(test, "msg"), signature.data) == MT_OK;

    CHECK(right == is(test, "\"valid\""));
}

TEST(published_signatures_are_told_right_from_wrong)
{
    counts n = each("crypto/wycheproof-ed25519.json", check_signature);

    CHECK(n.valid == 88 && n.invalid == 63 && n.acceptable == 0);
}

/* What is acceptable there are keys that are unusual: they give what is published, or nothing. */
static void check_exchange(mt_bytes group, mt_bytes test)
{
    const mt_crypto *crypto = mt_crypto_sodium();
    mt_bytes expected = hex(test, "shared");
    uint8_t shared[MT_KEY_LEN], zero[MT_KEY_LEN] = {0};
    mt_status st =
        crypto->exchange(crypto->ctx, hex(test, "private").data, hex(test, "public").data, shared);

    (void)group;
    if (is(test, "\"valid\"")) CHECK(st == MT_OK);
    CHECK((st == MT_MALFORMED) == (memcmp(expected.data, zero, sizeof zero) == 0));
    if (st == MT_OK) assert_memory_equal(shared, expected.data, MT_KEY_LEN);
}

TEST(published_exchanges_are_met_and_none_gives_zero)
{
    counts n = each("crypto/wycheproof-x25519.json", check_exchange);

    CHECK(n.valid == 264 && n.invalid == 0 && n.acceptable == 254);
}

static void check_sealed(mt_bytes group, mt_bytes test)
{
    const mt_crypto *crypto = mt_crypto_sodium();
    mt_bytes key = hex(test, "key"), nonce = hex(test, "iv"), with = hex(test, "aad");
    mt_bytes text = hex(test, "msg"), cipher = hex(test, "ct"), tag = hex(test, "tag");
    uint8_t sealed[1024], out[1024];
    mt_status st;

    (void)group;
    if (nonce.len != MT_LONG_NONCE_LEN) {
        CHECK(is(test, "\"invalid\"")); /* there is no other length */
        return;
    }
    memcpy(sealed, cipher.data, cipher.len);
    memcpy(sealed + cipher.len, tag.data, tag.len);
    st = crypto->open_long(crypto->ctx, key.data, nonce.data, with,
                           (mt_bytes){sealed, cipher.len + tag.len}, out);
    CHECK((st == MT_OK) == is(test, "\"valid\""));
    if (st != MT_OK) return;
    assert_memory_equal(out, text.data, text.len);
    crypto->seal_long(crypto->ctx, key.data, nonce.data, with, text, out);
    assert_memory_equal(out, sealed, text.len + MT_TAG_LEN);
}

TEST(published_texts_are_sealed_and_opened_and_others_are_not)
{
    counts n = each("crypto/wycheproof-xchacha20_poly1305.json", check_sealed);

    CHECK(n.valid == 246 && n.invalid == 69 && n.acceptable == 0);
}

static mt_bytes digits(const char *text)
{
    static char quoted[2048];
    int len = snprintf(quoted, sizeof quoted, "\"%s\"", text);

    CHECK(len > 0 && (size_t)len < sizeof quoted);
    return test_json_hex(mt_str(quoted));
}

TEST(hash_of_abc_is_that_of_rfc_7693)
{
    const mt_crypto *crypto = mt_crypto_sodium();
    const mt_bytes parts[] = {mt_str("a"), {NULL, 0}, mt_str("bc")};
    mt_bytes expected = digits("ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1"
                               "7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923");
    uint8_t hash[MT_HASH_LEN_MAX];

    crypto->hash(crypto->ctx, parts, 3, hash, sizeof hash);
    assert_memory_equal(hash, expected.data, sizeof hash);
}

TEST(text_of_rfc_8439_is_sealed_as_there)
{
    const mt_crypto *crypto = mt_crypto_sodium();
    mt_bytes key = digits("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f");
    mt_bytes nonce = digits("070000004041424344454647"), with = digits("50515253c0c1c2c3c4c5c6c7");
    mt_bytes text = mt_str("Ladies and Gentlemen of the class of '99: If I could offer you only "
                           "one tip for the future, sunscreen would be it.");
    mt_bytes tag = digits("1ae10b594f09e26a7e902ecbd0600691");
    uint8_t sealed[256], opened[256];
    size_t len = text.len + MT_TAG_LEN;

    crypto->seal(crypto->ctx, key.data, nonce.data, with, text, sealed);
    assert_memory_equal(sealed + text.len, tag.data, MT_TAG_LEN);
    CHECK(crypto->open(crypto->ctx, key.data, nonce.data, with, (mt_bytes){sealed, len}, opened) ==
          MT_OK);
    assert_memory_equal(opened, text.data, text.len);
    for (size_t i = 0; i < len; i++) {
        sealed[i] ^= 1;
        CHECK(crypto->open(crypto->ctx, key.data, nonce.data, with, (mt_bytes){sealed, len},
                           opened) == MT_MALFORMED);
        sealed[i] ^= 1;
    }
    CHECK(crypto->open(crypto->ctx, key.data, nonce.data, with, (mt_bytes){sealed, 15}, opened) ==
          MT_MALFORMED);
}

/* No document has Argon2id of one lane: these are of another implementation, which meets that of RFC 9106. */
TEST(keys_of_passphrases_are_those_of_another_implementation)
{
    static const struct {
        const char *passphrase, *salt;
        uint32_t passes, kib;
        const char *key;
    } cases[] = {
        {"70617373776f7264", "736f6d6573616c74736f6d6573616c74", 1, 8,
         "05b6ca8f8038b683887ad4916533858b49cb52040126c134f4c6e9d8711b8c09"},
        {"0101010101010101010101010101010101010101010101010101010101010101",
         "02020202020202020202020202020202", 3, 32,
         "30e0b44b7e23423b7282859ea36f02825b5828dde3c25f124d59d42d7235e132"},
        {"", "000102030405060708090a0b0c0d0e0f", 2, 600,
         "39ce9b7c19f0bf330ada4992765e5d16485f3aa3eea0e84630409ad10bf279ad"},
    };
    const mt_crypto *crypto = mt_crypto_sodium();

    for (size_t i = 0; i < TEST_COUNT(cases); i++) {
        mt_bytes passphrase = digits(cases[i].passphrase), salt = digits(cases[i].salt);
        uint8_t key[MT_KEY_LEN];

        CHECK(crypto->stretch(crypto->ctx, passphrase, salt.data, cases[i].passes, cases[i].kib,
                              key) == MT_OK);
        assert_memory_equal(key, digits(cases[i].key).data, sizeof key);
    }
}

TEST(passphrases_give_keys_that_depend_on_everything_about_them)
{
    const mt_crypto *crypto = mt_crypto_sodium();
    uint8_t salt[MT_SALT_LEN] = {1}, key[MT_KEY_LEN], other[MT_KEY_LEN];

    CHECK(crypto->stretch(crypto->ctx, mt_str("open"), salt, 1, 64, key) == MT_OK);
    CHECK(crypto->stretch(crypto->ctx, mt_str("open"), salt, 1, 64, other) == MT_OK);
    assert_memory_equal(key, other, sizeof key);
    CHECK(crypto->stretch(crypto->ctx, mt_str("opem"), salt, 1, 64, other) == MT_OK);
    CHECK(memcmp(key, other, sizeof key) != 0);
    CHECK(crypto->stretch(crypto->ctx, mt_str("open"), salt, 2, 64, other) == MT_OK);
    CHECK(memcmp(key, other, sizeof key) != 0);
    CHECK(crypto->stretch(crypto->ctx, mt_str("open"), salt, 1, 72, other) == MT_OK);
    CHECK(memcmp(key, other, sizeof key) != 0);
    salt[0]++;
    CHECK(crypto->stretch(crypto->ctx, mt_str("open"), salt, 1, 64, other) == MT_OK);
    CHECK(memcmp(key, other, sizeof key) != 0);
    CHECK(crypto->stretch(crypto->ctx, mt_str("open"), salt, 0, 64, other) == MT_INVALID);
    CHECK(crypto->stretch(crypto->ctx, mt_str("open"), salt, 1, 7, other) == MT_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_signatures_are_told_right_from_wrong),
        cmocka_unit_test(published_exchanges_are_met_and_none_gives_zero),
        cmocka_unit_test(published_texts_are_sealed_and_opened_and_others_are_not),
        cmocka_unit_test(hash_of_abc_is_that_of_rfc_7693),
        cmocka_unit_test(text_of_rfc_8439_is_sealed_as_there),
        cmocka_unit_test(keys_of_passphrases_are_those_of_another_implementation),
        cmocka_unit_test(passphrases_give_keys_that_depend_on_everything_about_them),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
