/* The published handshakes of Noise: every message of both sides, byte for byte, and those that follow. */
#include "test.h"
#include "test_json.h"
#include "trust/noise.h"

#include <mytosis/host.h>
#include <string.h>

static mt_bytes hex(mt_bytes vector, const char *name)
{
    return test_json_hex(test_json_get(vector, name));
}

/* The key that both share, if there is one. */
static mt_bytes shared_key(mt_bytes vector)
{
    mt_bytes list = test_json_get(vector, "init_psks"), item = {NULL, 0};
    test_json_iter iter;

    if (list.len == 0) return item;
    iter = test_json_items(list);
    return test_json_next(&iter, NULL, &item) ? test_json_hex(item) : (mt_bytes){NULL, 0};
}

static void begin(mti_noise *noise, mt_bytes vector, bool initiator)
{
    mt_bytes shared = shared_key(vector);
    mti_noise_start start = {
        .crypto = mt_crypto_sodium(),
        .pattern = shared.len ? MTI_NOISE_XXPSK3 : MTI_NOISE_XX,
        .initiator = initiator,
        .prologue = hex(vector, initiator ? "init_prologue" : "resp_prologue"),
        .secret = hex(vector, initiator ? "init_static" : "resp_static").data,
        .ephemeral = hex(vector, initiator ? "init_ephemeral" : "resp_ephemeral").data,
        .shared = shared.len ? shared.data : NULL,
    };

    mti_noise_begin(noise, &start);
}

/* A message of the handshake: written as published, and read as what it is of. */
static void check_message(mti_noise *from, mti_noise *to, mt_bytes message)
{
    mt_bytes payload = hex(message, "payload"), expected = hex(message, "ciphertext");
    uint8_t written[512], read[512];
    size_t len;

    CHECK(mti_noise_writes(from) && !mti_noise_writes(to));
    assert_int_equal(payload.len + mti_noise_overhead(from), expected.len);
    CHECK(mti_noise_write(from, payload, written) == MT_OK);
    assert_memory_equal(written, expected.data, expected.len);
    CHECK(mti_noise_read(to, expected, read, &len) == MT_OK);
    assert_int_equal(len, payload.len);
    assert_memory_equal(read, payload.data, payload.len);
}

static void check_transport(mti_cipher *from, mti_cipher *to, mt_bytes message)
{
    const mt_crypto *crypto = mt_crypto_sodium();
    mt_bytes payload = hex(message, "payload"), expected = hex(message, "ciphertext");
    mt_bytes with = {NULL, 0};
    uint8_t sealed[512], opened[512];

    CHECK(mti_cipher_seal(crypto, from, with, payload, sealed) == MT_OK);
    assert_int_equal(payload.len + MT_TAG_LEN, expected.len);
    assert_memory_equal(sealed, expected.data, expected.len);
    CHECK(mti_cipher_open(crypto, to, with, expected, opened) == MT_OK);
    assert_memory_equal(opened, payload.data, payload.len);
}

static void check_vector(mt_bytes vector)
{
    test_json_iter messages = test_json_items(test_json_get(vector, "messages"));
    mt_bytes hash, message;
    mti_noise sides[2]; /* the initiator first */
    mti_cipher sends[2], receives[2];
    size_t count = 0;

    for (size_t i = 0; i < 2; i++) begin(&sides[i], vector, i == 0);
    for (; test_json_next(&messages, NULL, &message); count++) {
        size_t from = count % 2;

        if (count < 3) check_message(&sides[from], &sides[1 - from], message);
        else check_transport(&sends[from], &receives[1 - from], message);
        if (count != 2) continue;
        hash = hex(vector, "handshake_hash"); /* not all have one */
        for (size_t i = 0; i < 2; i++) {
            CHECK(mti_noise_done(&sides[i]));
            if (hash.len) assert_memory_equal(mti_noise_hash(&sides[i]), hash.data, hash.len);
            mti_noise_split(&sides[i], &sends[i], &receives[i]);
        }
    }
    CHECK(count > 4);
    for (size_t i = 0; i < 2; i++) mti_noise_wipe(&sides[i]);
}

TEST(published_handshakes_are_met)
{
    mt_bytes file = test_vectors("crypto/noise.json"), vector;
    test_json_iter iter = test_json_items(file);
    size_t xx = 0, with_key = 0;

    while (test_json_next(&iter, NULL, &vector)) {
        mt_bytes name = test_json_get(vector, "protocol_name");
        bool is_xx = test_json_is(name, "\"Noise_XX_25519_ChaChaPoly_BLAKE2b\"");
        bool has_key = test_json_is(name, "\"Noise_XXpsk3_25519_ChaChaPoly_BLAKE2b\"");

        if (is_xx || has_key) check_vector(vector);
        xx += is_xx;
        with_key += has_key;
    }
    assert_int_equal(xx, 2);
    assert_int_equal(with_key, 1);
    test_vectors_free(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_handshakes_are_met),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
