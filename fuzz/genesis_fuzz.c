/* fuzz/genesis_fuzz.c - any bytes, read as the record that a space begins with.
 *
 * The first byte of the input is odd if the rest is to be signed first, by a key whose public half is put in. */
#include "counted.h"

#include "trust/genesis.h"

#include <mytosis/host.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void mend(uint8_t *genesis)
{
    static const uint8_t seed[MT_KEY_LEN] = "genesis";
    const mt_crypto *crypto = mt_crypto_sodium();
    const size_t len = MTI_GENESIS_LEN - MT_SIGNATURE_LEN;
    uint8_t key[MT_SIGNING_KEY_LEN];

    crypto->signing_key(crypto->ctx, seed, key);
    memcpy(genesis + 1, mti_statement_public(key), MT_KEY_LEN);
    mti_statement_sign(crypto, "mytosis-genesis-v1", (mt_bytes){genesis, len}, key, genesis + len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t zero[16];
    uint8_t mended[MTI_GENESIS_LEN];
    mt_bytes bytes;
    mti_genesis read;
    mt_error err = {.status = MT_OK};

    if (size == 0) return 0;
    bytes = (mt_bytes){data + 1, size - 1};
    if (data[0] % 2 && bytes.len == sizeof mended) {
        memcpy(mended, bytes.data, sizeof mended);
        mend(mended);
        bytes.data = mended;
    }
    if (mti_genesis_read(mt_crypto_sodium(), bytes, &read, &err) != MT_OK) {
        REQUIRE(err.text[0] && (err.status == MT_MALFORMED || err.status == MT_UNSUPPORTED));
        return 0;
    }
    REQUIRE(bytes.len == MTI_GENESIS_LEN && read.members_max > 0);
    REQUIRE(memcmp(bytes.data + 1, read.root, MT_KEY_LEN) == 0);
    REQUIRE(memcmp(bytes.data + 33, read.recovery, MTI_ID_LEN) == 0);
    REQUIRE(memcmp(bytes.data + 69, zero, sizeof zero) == 0);
    return 0;
}
