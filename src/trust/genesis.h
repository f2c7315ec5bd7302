/* trust/genesis.h - the record that a space begins with. Its hash is the id of the space.
 *
 *     genesis    version: byte, 1 | root: 32 bytes | recovery: 32 bytes | members_max: 4 bytes, lowest first
 *                | zero: 16 bytes | signature: 64 bytes
 *
 *     root       the public key that issues the first token of every chain
 *     recovery   the hash of the public key that may take its place if it is lost
 *     signature  of the root key, over "mytosis-genesis-v1" | all before
 *     id         BLAKE2b-256 of "mytosis-space-v1" | all but the signature
 *
 * It has one form, and no number in it can be changed later. `err` is never NULL. */
#ifndef MTI_GENESIS_H
#define MTI_GENESIS_H

#include "trust/statement.h"

#define MTI_GENESIS_LEN 149

typedef struct mti_genesis {
    uint8_t root[MT_KEY_LEN];
    uint8_t recovery[MTI_ID_LEN]; /* mti_genesis_recovery of the key */
    uint32_t members_max;         /* at least 1 */
} mti_genesis;

/* Writes the record of the space whose root key this is. MT_INVALID: room for no member. */
MT_MUST_USE mt_status mti_genesis_make(const mt_crypto *crypto,
                                       const uint8_t root[MT_SIGNING_KEY_LEN],
                                       const uint8_t recovery[MT_KEY_LEN], uint32_t members_max,
                                       uint8_t out[MTI_GENESIS_LEN], mt_error *err);

/* Reads a record and checks all of it. MT_UNSUPPORTED: a later version made it, or uses bytes that are zero
 * so far. MT_MALFORMED. */
MT_MUST_USE mt_status mti_genesis_read(const mt_crypto *crypto, mt_bytes bytes, mti_genesis *out,
                                       mt_error *err);

/* The id of the space that a record begins, of one that was made or read here. */
void mti_genesis_id(const mt_crypto *crypto, const uint8_t genesis[MTI_GENESIS_LEN],
                    uint8_t out[MTI_ID_LEN]);

/* What stands for a recovery key. */
void mti_genesis_recovery(const mt_crypto *crypto, const uint8_t key[MT_KEY_LEN],
                          uint8_t out[MTI_ID_LEN]);

#endif
