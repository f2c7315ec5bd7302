#include "trust/identity.h"

#include "trust/statement.h"

#define STATIC_DOMAIN "mytosis-static-v1"
#define PROOF_DOMAIN "mytosis-noise-v1"

void mti_identity_make(const mt_crypto *crypto, const uint8_t seed[MT_KEY_LEN], mti_identity *out)
{
    mt_bytes fixed = {out->fixed, MT_KEY_LEN};

    crypto->signing_key(crypto->ctx, seed, out->signing);
    mti_statement_hash(crypto, STATIC_DOMAIN, (mt_bytes){seed, MT_KEY_LEN}, out->secret,
                       MT_KEY_LEN);
    crypto->exchange_key(crypto->ctx, out->secret, out->fixed);
    mti_statement_sign(crypto, PROOF_DOMAIN, fixed, out->signing, out->proof);
}

void mti_identity_wipe(const mt_crypto *crypto, mti_identity *identity)
{
    crypto->wipe(crypto->ctx, identity, sizeof *identity);
}

const uint8_t *mti_identity_device(const mti_identity *identity)
{
    return mti_statement_public(identity->signing);
}

mt_status mti_identity_check(const mt_crypto *crypto, const uint8_t device[MT_KEY_LEN],
                             const uint8_t fixed[MT_KEY_LEN], const uint8_t proof[MT_SIGNATURE_LEN])
{
    return mti_statement_verify(crypto, PROOF_DOMAIN, (mt_bytes){fixed, MT_KEY_LEN}, device, proof);
}
