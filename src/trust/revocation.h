/* trust/revocation.h - a record that takes a token back, and with it all that derive from it.
 *
 *     revocation   version: byte, 1 | space: 32 bytes | token: 32 bytes, its id | by: 32 bytes, a public key
 *                  | time: 8 bytes, lowest first | signature: 64 bytes
 *     signature    of `by`, over "mytosis-revoke-v1" | all before
 *
 * Whether it has any effect on a chain is not its own to say: trust/rights.h. `err` is never NULL. */
#ifndef MTI_REVOCATION_H
#define MTI_REVOCATION_H

#include "trust/statement.h"

#define MTI_REVOCATION_LEN 169

typedef struct mti_revocation {
    uint8_t space[MTI_ID_LEN];
    uint8_t token[MTI_ID_LEN];
    uint8_t by[MT_KEY_LEN];
    uint64_t time_ms; /* when it was made, for people: it has its effect whatever this says */
    uint8_t signature[MT_SIGNATURE_LEN];
} mti_revocation;

/* Signs `revocation`, whose `by` is then whose key that is, and writes it. */
void mti_revocation_make(const mt_crypto *crypto, const uint8_t key[MT_SIGNING_KEY_LEN],
                         mti_revocation *revocation, uint8_t out[MTI_REVOCATION_LEN]);

/* Writes one as it stands. */
void mti_revocation_encode(const mti_revocation *revocation, uint8_t out[MTI_REVOCATION_LEN]);

/* Reads one, but for what its signature is worth. MT_UNSUPPORTED: of a later version. MT_MALFORMED. */
MT_MUST_USE mt_status mti_revocation_decode(mt_bytes bytes, mti_revocation *out, mt_error *err);

/* Whether `by` signed it. MT_MALFORMED: no. */
MT_MUST_USE mt_status mti_revocation_verify(const mt_crypto *crypto,
                                            const mti_revocation *revocation, mt_error *err);

#endif
