/* base/siphash.h - a keyed hash of 128 bits: who does not know the key cannot tell what a message will
 * hash to.
 *
 * SipHash-2-4 with 128 bits out: Jean-Philippe Aumasson and Daniel J. Bernstein, "SipHash: a fast
 * short-input PRF", 2012, and the authors' own code for the longer output. */
#ifndef MTI_SIPHASH_H
#define MTI_SIPHASH_H

#include <mytosis/bytes.h>

/* A hash that is under way. It may be copied, to go on from one beginning in several ways. */
typedef struct mti_siphash {
    uint64_t v[4];
    uint64_t len; /* of what it took, a multiple of 8 */
} mti_siphash;

typedef struct mti_sipkey {
    uint64_t lo, hi; /* of the 16 bytes of the key, each little-endian */
} mti_sipkey;

typedef struct mti_sip128 {
    uint64_t lo, hi; /* of the 16 bytes of the hash, each little-endian */
} mti_sip128;

void mti_siphash_init(mti_siphash *hash, const mti_sipkey *key);

/* Takes a word, as the 8 bytes that it has little-endian. */
void mti_siphash_word(mti_siphash *hash, uint64_t word);

/* Takes two runs of bytes, the one behind the other, and ends. */
mti_sip128 mti_siphash_end(mti_siphash hash, mt_bytes head, mt_bytes tail);

#endif
