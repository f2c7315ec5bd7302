#include "trust/identity.h"

#include <string.h>

#define STATIC_DOMAIN "mytosis-static-v1"
#define PROOF_DOMAIN "mytosis-noise-v1"
#define PROOF_TEXT_LEN (sizeof PROOF_DOMAIN - 1 + MT_KEY_LEN)

/* What a proof signs. */
static mt_bytes proof_text(const uint8_t fixed[MT_KEY_LEN], uint8_t room[PROOF_TEXT_LEN])
{
    memcpy(room, PROOF_DOMAIN, sizeof PROOF_DOMAIN - 1);
    memcpy(room + sizeof PROOF_DOMAIN - 1, fixed, MT_KEY_LEN);
    return (mt_bytes){room, PROOF_TEXT_LEN};
}

void mti_identity_make(const mt_crypto *crypto, const uint8_t seed[MT_KEY_LEN], mti_identity *out)
{
    const mt_bytes parts[] = {mt_str(STATIC_DOMAIN), {seed, MT_KEY_LEN}};
    uint8_t room[PROOF_TEXT_LEN];

    crypto->signing_key(crypto->ctx, seed, out->signing);
    crypto->hash(crypto->ctx, parts, 2, out->secret, MT_KEY_LEN);
    crypto->exchange_key(crypto->ctx, out->secret, out->fixed);
    crypto->sign(crypto->ctx, out->signing, proof_text(out->fixed, room), out->proof);
}

void mti_identity_wipe(const mt_crypto *crypto, mti_identity *identity)
{
    crypto->wipe(crypto->ctx, identity, sizeof *identity);
}

mt_status mti_identity_check(const mt_crypto *crypto, const uint8_t device[MT_KEY_LEN],
                             const uint8_t fixed[MT_KEY_LEN], const uint8_t proof[MT_SIGNATURE_LEN])
{
    uint8_t room[PROOF_TEXT_LEN];

    return crypto->verify(crypto->ctx, device, proof_text(fixed, room), proof);
}
