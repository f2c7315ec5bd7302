#include "trust/genesis.h"

#include "base/word.h"

#define DOMAIN_SPACE "mytosis-space-v1"
#define DOMAIN_SIGNATURE "mytosis-genesis-v1"
#define DOMAIN_RECOVERY "mytosis-recovery-v1"

#define ZERO_LEN 16
#define SIGNED_LEN (MTI_GENESIS_LEN - MT_SIGNATURE_LEN)

static const uint8_t zero[ZERO_LEN];

void mti_genesis_recovery(const mt_crypto *crypto, const uint8_t key[MT_KEY_LEN],
                          uint8_t out[MTI_ID_LEN])
{
    mti_statement_hash(crypto, DOMAIN_RECOVERY, (mt_bytes){key, MT_KEY_LEN}, out, MTI_ID_LEN);
}

void mti_genesis_id(const mt_crypto *crypto, const uint8_t genesis[MTI_GENESIS_LEN],
                    uint8_t out[MTI_ID_LEN])
{
    mti_statement_hash(crypto, DOMAIN_SPACE, (mt_bytes){genesis, SIGNED_LEN}, out, MTI_ID_LEN);
}

mt_status mti_genesis_make(const mt_crypto *crypto, const uint8_t root[MT_SIGNING_KEY_LEN],
                           const uint8_t recovery[MT_KEY_LEN], uint32_t members_max,
                           uint8_t out[MTI_GENESIS_LEN], mt_error *err)
{
    uint8_t *at = out, words[8];

    if (members_max == 0) return mti_fail(err, MT_INVALID, "a genesis: room for no member");
    *at++ = MTI_STATEMENT_VERSION;
    at = mti_statement_put(at, mti_statement_public(root), MT_KEY_LEN);
    mti_genesis_recovery(crypto, recovery, at);
    at += MTI_ID_LEN;
    mti_store_le64(members_max, words);
    at = mti_statement_put(at, words, 4);
    at = mti_statement_put(at, zero, ZERO_LEN);
    mti_statement_sign(crypto, DOMAIN_SIGNATURE, (mt_bytes){out, SIGNED_LEN}, root, at);
    return MT_OK;
}

mt_status mti_genesis_read(const mt_crypto *crypto, mt_bytes bytes, mti_genesis *out, mt_error *err)
{
    mti_parse in = mti_parse_of(bytes, "a genesis", err);
    uint8_t members_max[4], rest[ZERO_LEN], signature[MT_SIGNATURE_LEN];
    mti_genesis read;
    mt_status st;

    mti_statement_version(&in);
    mti_statement_copy(&in, "the root key", read.root, sizeof read.root);
    mti_statement_copy(&in, "the recovery key", read.recovery, sizeof read.recovery);
    mti_statement_copy(&in, "the number of members", members_max, sizeof members_max);
    read.members_max = mti_load_le32(members_max);
    if (read.members_max == 0)
        mti_statement_fail(&in, MT_MALFORMED, 4, "the number of members", "room for none");
    mti_statement_copy(&in, "the zero bytes", rest, sizeof rest);
    if (memcmp(rest, zero, sizeof rest) != 0)
        mti_statement_fail(&in, MT_UNSUPPORTED, ZERO_LEN, "the zero bytes",
                           "not zero, and this build knows nothing else");
    mti_statement_copy(&in, "the signature", signature, sizeof signature);
    if ((st = mti_parse_end(&in)) != MT_OK) return st;
    bytes.len = SIGNED_LEN;
    if (mti_statement_verify(crypto, DOMAIN_SIGNATURE, bytes, read.root, signature) != MT_OK)
        return mti_fail(err, MT_MALFORMED,
                        "a genesis: byte %d: the signature: not that of the root key", SIGNED_LEN);
    *out = read;
    return MT_OK;
}
