/* trust/token.h - a token: who may do what, where, until when.
 *
 *     token      version: byte, 1 | rights: byte | space: 32 bytes | parent: 32 bytes | issuer: 32 bytes
 *                | audience: 32 bytes | not_before: 8 bytes | not_after: 8 bytes | depth: byte | nonce: 8 bytes
 *                | count: byte, 1 to 4 | (length: byte, at most 64 | prefix) count times | signature: 64 bytes
 *     signature  of the issuer, over "mytosis-token-v1" | all before
 *     id         BLAKE2b-256 of "mytosis-token-id-v1" | all but the signature
 *
 * Numbers have their lowest byte first. A token has one form: what is read is written the same. `err` is
 * never NULL. */
#ifndef MTI_TOKEN_H
#define MTI_TOKEN_H

#include "trust/statement.h"

#include <mytosis/space.h>

#define MTI_RIGHTS_ALL 15u
#define MTI_RIGHT_RELAY 16u /* reserved */

#define MTI_TOKEN_NONCE_LEN 8
#define MTI_TOKEN_LEN_MIN 221 /* with one prefix, the empty one */
#define MTI_TOKEN_LEN_MAX 480

typedef struct mti_token {
    uint8_t rights;               /* MTI_RIGHT_..., at least one */
    uint8_t space[MTI_ID_LEN];    /* where it is good */
    uint8_t parent[MTI_ID_LEN];   /* the token it derives from; zero: the root issued it */
    uint8_t issuer[MT_KEY_LEN];   /* who signed it */
    uint8_t audience[MT_KEY_LEN]; /* the device that it is for */
    uint64_t not_before,
        not_after; /* milliseconds since 1970: good from the first, up to the second */
    uint8_t depth; /* tokens above it, 0 to 3; 0 exactly if `parent` is zero */
    uint8_t nonce[MTI_TOKEN_NONCE_LEN];
    uint8_t prefix_count;
    mt_bytes prefixes
        [MT_TOKEN_PREFIXES_MAX]; /* in order; of a token that was read, BORROWED from its bytes */
    uint8_t signature[MT_SIGNATURE_LEN];
} mti_token;

/* Signs a token and writes it; its issuer is whose key that is. MT_INVALID: it is none that could be read. */
MT_MUST_USE mt_status mti_token_make(const mt_crypto *crypto, const uint8_t key[MT_SIGNING_KEY_LEN],
                                     const mti_token *token, uint8_t out[MTI_TOKEN_LEN_MAX],
                                     size_t *out_len, mt_error *err);

/* Writes a token as it stands and answers its length; it has at most MT_TOKEN_PREFIXES_MAX prefixes, and each
 * at most MT_TOKEN_PREFIX_LEN_MAX bytes. */
size_t mti_token_encode(const mti_token *token, uint8_t out[MTI_TOKEN_LEN_MAX]);

/* Reads one, but for what its signature is worth. MT_UNSUPPORTED: of a later version, or it gives a right
 * that is reserved. MT_MALFORMED. */
MT_MUST_USE mt_status mti_token_decode(mt_bytes bytes, mti_token *out, mt_error *err);

/* The id of a token that was made or read here. */
void mti_token_id(const mt_crypto *crypto, mt_bytes token, uint8_t out[MTI_ID_LEN]);

/* Whether it was signed by its issuer. MT_MALFORMED: it was not, or it is no token. */
MT_MUST_USE mt_status mti_token_verify(const mt_crypto *crypto, mt_bytes token, mt_error *err);

/* Whether a prefix covers a uid, or all that begins with another prefix: "notes/" covers "notes/a", and
 * neither "notesx" nor "notes". */
bool mti_prefix_covers(mt_bytes prefix, mt_bytes name);

#endif
