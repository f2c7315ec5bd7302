/* trust/statement.h - what the records of trust have in common: how they are read, hashed and signed.
 *
 * Each hash and each signature has a domain, a text that comes before the record: what was signed as one thing
 * is then never taken for another. No domain begins with another one. */
#ifndef MTI_STATEMENT_H
#define MTI_STATEMENT_H

#include "sync/message.h"

#include <mytosis/crypto.h>

#define MTI_ID_LEN 32           /* of spaces and tokens: BLAKE2b-256 */
#define MTI_STATEMENT_VERSION 1 /* of all records here */
#define MTI_SIGNED_LEN_MAX 512  /* of a record, without its signature */

/* ---- Reading ---- */

/* The first byte. MT_UNSUPPORTED, of another version, or MT_MALFORMED: the reader has failed. */
void mti_statement_version(mti_parse *in);

/* Fails with another status than MT_MALFORMED, or of a place `back` bytes before this one. What came before
 * stays said. */
void mti_statement_fail(mti_parse *in, mt_status status, size_t back, const char *what,
                        const char *how);

/* Some bytes, and a word of 8; zero, where the reader has failed. */
void mti_statement_copy(mti_parse *in, const char *what, uint8_t *out, size_t len);
uint64_t mti_statement_word(mti_parse *in, const char *what);

/* ---- Writing ---- */

/* Both answer where what they wrote ends. */
uint8_t *mti_statement_put(uint8_t *at, const void *data, size_t len);
uint8_t *mti_statement_put_word(uint8_t *at, uint64_t word);

/* ---- Ciphers ---- */

/* BLAKE2b of domain | bytes. */
void mti_statement_hash(const mt_crypto *crypto, const char *domain, mt_bytes bytes, uint8_t *out,
                        size_t out_len);

/* The signature of domain | bytes, at most MTI_SIGNED_LEN_MAX of them; and whether one is right.
 * MT_MALFORMED: it is not. */
void mti_statement_sign(const mt_crypto *crypto, const char *domain, mt_bytes bytes,
                        const uint8_t key[MT_SIGNING_KEY_LEN], uint8_t out[MT_SIGNATURE_LEN]);
mt_status mti_statement_verify(const mt_crypto *crypto, const char *domain, mt_bytes bytes,
                               const uint8_t key[MT_KEY_LEN],
                               const uint8_t signature[MT_SIGNATURE_LEN]);

/* The public half of a signing key. */
static inline const uint8_t *mti_statement_public(const uint8_t key[MT_SIGNING_KEY_LEN])
{
    return key + MT_SIGNING_KEY_LEN - MT_KEY_LEN;
}

#endif
