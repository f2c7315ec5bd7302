/* trust/identity.h - who a device is: one secret of 32 bytes, and the two keys that follow from it.
 *
 *     seed -> signing key (Ed25519)             the device's name is its public half
 *          -> static key (X25519)               what handshakes are made with, through a hash of its own
 *          -> proof: the signing key signs      that the one belongs to the other
 *             "mytosis-noise-v1" | static key
 *
 * So a device keeps one secret, and whoever is shown a proof knows whose the session is. */
#ifndef MTI_IDENTITY_H
#define MTI_IDENTITY_H

#include <mytosis/crypto.h>

typedef struct mti_identity {
    uint8_t signing[MT_SIGNING_KEY_LEN];
    uint8_t secret[MT_KEY_LEN]; /* the static one */
    uint8_t fixed[MT_KEY_LEN];  /* its public half */
    uint8_t proof[MT_SIGNATURE_LEN];
} mti_identity;

void mti_identity_make(const mt_crypto *crypto, const uint8_t seed[MT_KEY_LEN], mti_identity *out);
void mti_identity_wipe(const mt_crypto *crypto, mti_identity *identity);

/* The device's public key, 32 bytes. */
const uint8_t *mti_identity_device(const mti_identity *identity);

/* Whether a proof says that a static key is a device's. MT_MALFORMED: it does not. */
mt_status mti_identity_check(const mt_crypto *crypto, const uint8_t device[MT_KEY_LEN],
                             const uint8_t fixed[MT_KEY_LEN],
                             const uint8_t proof[MT_SIGNATURE_LEN]);

#endif
