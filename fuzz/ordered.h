/* fuzz/ordered.h - a chain that was put in order, so that input gets behind its hashes and signatures. */
#ifndef ORDERED_H
#define ORDERED_H

#include "trust/rights.h"

typedef struct ordered {
    mti_token tokens[MT_CHAIN_TOKENS_MAX];
    uint8_t room[MT_CHAIN_TOKENS_MAX][MTI_TOKEN_LEN_MAX];
    mt_bytes bytes[MT_CHAIN_TOKENS_MAX];
    size_t count;
    mti_space space; /* where it is good */
} ordered;

/* Ciphers that believe every signature. */
mt_crypto ordered_crypto(void);

/* Gives each of `out->count` tokens the hash, the place and the issuer that it must have. False: one cannot be read. */
bool ordered_make(ordered *out, const mt_crypto *crypto, const mt_bytes *tokens);

#endif
