#include "trust/revocation.h"

#define DOMAIN_SIGNATURE "mytosis-revoke-v1"

#define SIGNED_LEN (MTI_REVOCATION_LEN - MT_SIGNATURE_LEN)

_Static_assert(SIGNED_LEN == 1 + 2 * MTI_ID_LEN + MT_KEY_LEN + 8, "all but the signature");

void mti_revocation_encode(const mti_revocation *revocation, uint8_t out[MTI_REVOCATION_LEN])
{
    uint8_t *at = out;

    *at++ = MTI_STATEMENT_VERSION;
    at = mti_statement_put(at, revocation->space, sizeof revocation->space);
    at = mti_statement_put(at, revocation->token, sizeof revocation->token);
    at = mti_statement_put(at, revocation->by, sizeof revocation->by);
    at = mti_statement_put_word(at, revocation->time_ms);
    mti_statement_put(at, revocation->signature, sizeof revocation->signature);
}

void mti_revocation_make(const mt_crypto *crypto, const uint8_t key[MT_SIGNING_KEY_LEN],
                         mti_revocation *revocation, uint8_t out[MTI_REVOCATION_LEN])
{
    memcpy(revocation->by, mti_statement_public(key), sizeof revocation->by);
    mti_revocation_encode(revocation, out);
    mti_statement_sign(crypto, DOMAIN_SIGNATURE, (mt_bytes){out, SIGNED_LEN}, key,
                       revocation->signature);
    memcpy(out + SIGNED_LEN, revocation->signature, MT_SIGNATURE_LEN);
}

mt_status mti_revocation_decode(mt_bytes bytes, mti_revocation *out, mt_error *err)
{
    mti_parse in = mti_parse_of(bytes, "a revocation", err);
    mti_revocation read;
    mt_status st;

    mti_statement_version(&in);
    mti_statement_copy(&in, "the space", read.space, sizeof read.space);
    mti_statement_copy(&in, "the token", read.token, sizeof read.token);
    mti_statement_copy(&in, "the key", read.by, sizeof read.by);
    read.time_ms = mti_statement_word(&in, "the time");
    mti_statement_copy(&in, "the signature", read.signature, sizeof read.signature);
    if ((st = mti_parse_end(&in)) != MT_OK) return st;
    *out = read;
    return MT_OK;
}

mt_status mti_revocation_verify(const mt_crypto *crypto, const mti_revocation *revocation,
                                mt_error *err)
{
    uint8_t bytes[MTI_REVOCATION_LEN];

    mti_revocation_encode(revocation, bytes);
    if (mti_statement_verify(crypto, DOMAIN_SIGNATURE, (mt_bytes){bytes, SIGNED_LEN},
                             revocation->by, revocation->signature) != MT_OK)
        return mti_fail(err, MT_MALFORMED,
                        "a revocation: byte %d: the signature: not that of its key", SIGNED_LEN);
    return MT_OK;
}
