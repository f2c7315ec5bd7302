/* mytosis/crypto.h - the ciphers, hashes and signatures that the core is given.
 *
 * The core links no such library. `mt_crypto_sodium()` in <mytosis/host.h> is the one on libsodium; whoever
 * brings another has it pass the published vectors, as tests/vectors/crypto_vectors_test.c does.
 *
 * Nothing here depends on anything but its arguments: no randomness, no clock. What is secret is not
 * branched on, and not used as an index. Threads: any. */
#ifndef MYTOSIS_CRYPTO_H
#define MYTOSIS_CRYPTO_H

#include <mytosis/bytes.h>
#include <mytosis/status.h>

MT_BEGIN_DECLS

/* The contract that this header has. */
#define MT_CRYPTO_ABI 1

/* Lengths in bytes. */
#define MT_HASH_LEN_MAX 64    /* of BLAKE2b */
#define MT_KEY_LEN 32         /* of every key but a signing one */
#define MT_TAG_LEN 16         /* that sealing adds */
#define MT_NONCE_LEN 12       /* of ChaCha20-Poly1305 */
#define MT_LONG_NONCE_LEN 24  /* of XChaCha20-Poly1305: long enough to be drawn */
#define MT_SIGNING_KEY_LEN 64 /* the seed, and the public key behind it */
#define MT_SIGNATURE_LEN 64
#define MT_SALT_LEN 16 /* of a passphrase */

/* Ciphers, hashes and signatures: a table of functions that get `ctx`. */
typedef struct mt_crypto {
    uint32_t abi;  /* MT_CRYPTO_ABI */
    uint32_t size; /* sizeof(mt_crypto) as compiled */

    /* BLAKE2b of the parts, one behind the other, as `out_len` bytes, 1 to 64. RFC 7693, no key. */
    void (*hash)(void *ctx, const mt_bytes *parts, size_t count, uint8_t *out, size_t out_len);

    /* ChaCha20-Poly1305, RFC 8439. Seals `text` into `out`, which has MT_TAG_LEN bytes more; opens what was
     * sealed into `out`, which has so many fewer. `out` may be where the input begins. MT_MALFORMED: it is
     * not what was sealed with this key, nonce and `with`, or too short; `out` may be written to. */
    void (*seal)(void *ctx, const uint8_t key[MT_KEY_LEN], const uint8_t nonce[MT_NONCE_LEN],
                 mt_bytes with, mt_bytes text, uint8_t *out);
    mt_status (*open)(void *ctx, const uint8_t key[MT_KEY_LEN], const uint8_t nonce[MT_NONCE_LEN],
                      mt_bytes with, mt_bytes sealed, uint8_t *out);

    /* The same with XChaCha20-Poly1305, draft-irtf-cfrg-xchacha-03. */
    void (*seal_long)(void *ctx, const uint8_t key[MT_KEY_LEN],
                      const uint8_t nonce[MT_LONG_NONCE_LEN], mt_bytes with, mt_bytes text,
                      uint8_t *out);
    mt_status (*open_long)(void *ctx, const uint8_t key[MT_KEY_LEN],
                           const uint8_t nonce[MT_LONG_NONCE_LEN], mt_bytes with, mt_bytes sealed,
                           uint8_t *out);

    /* X25519, RFC 7748: the public key of a secret one, any 32 bytes; and what the two of `secret` and
     * `theirs` share. MT_MALFORMED: that would be 0, whatever the secret is. */
    void (*exchange_key)(void *ctx, const uint8_t secret[MT_KEY_LEN], uint8_t out[MT_KEY_LEN]);
    mt_status (*exchange)(void *ctx, const uint8_t secret[MT_KEY_LEN],
                          const uint8_t theirs[MT_KEY_LEN], uint8_t out[MT_KEY_LEN]);

    /* Ed25519, RFC 8032: the signing key of a seed, whose last 32 bytes are the public key; a signature;
     * and whether one is right. MT_MALFORMED: it is not. Signatures that are not in their one form, and
     * keys of small order, are refused. */
    void (*signing_key)(void *ctx, const uint8_t seed[MT_KEY_LEN], uint8_t out[MT_SIGNING_KEY_LEN]);
    void (*sign)(void *ctx, const uint8_t key[MT_SIGNING_KEY_LEN], mt_bytes message,
                 uint8_t out[MT_SIGNATURE_LEN]);
    mt_status (*verify)(void *ctx, const uint8_t key[MT_KEY_LEN], mt_bytes message,
                        const uint8_t signature[MT_SIGNATURE_LEN]);

    /* Argon2id, RFC 9106, of version 1.3 and one lane: a key of a passphrase, by `passes` over `kib` KiB
     * of memory. MT_INVALID: fewer than 1 pass or 8 KiB. MT_NO_MEMORY. */
    mt_status (*stretch)(void *ctx, mt_bytes passphrase, const uint8_t salt[MT_SALT_LEN],
                         uint32_t passes, uint32_t kib, uint8_t out[MT_KEY_LEN]);

    /* Zeroes, whatever a compiler thinks of it. */
    void (*wipe)(void *ctx, void *data, size_t len);

    void *ctx;
} mt_crypto;

MT_END_DECLS
#endif
