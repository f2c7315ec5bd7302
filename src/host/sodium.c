/* sodium.c - ciphers, hashes and signatures, on libsodium. */
#include <mytosis/host.h>

#include <sodium.h>

_Static_assert(MT_KEY_LEN == crypto_aead_chacha20poly1305_ietf_KEYBYTES, "keys of one length");
_Static_assert(MT_KEY_LEN == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "keys of one length");
_Static_assert(MT_NONCE_LEN == crypto_aead_chacha20poly1305_ietf_NPUBBYTES, "a nonce");
_Static_assert(MT_LONG_NONCE_LEN == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES, "a long nonce");
_Static_assert(MT_TAG_LEN == crypto_aead_chacha20poly1305_ietf_ABYTES, "a tag");
_Static_assert(MT_SIGNING_KEY_LEN == crypto_sign_SECRETKEYBYTES, "a seed and a public key");
_Static_assert(MT_SIGNATURE_LEN == crypto_sign_BYTES, "a signature");
_Static_assert(MT_SALT_LEN == crypto_pwhash_argon2id_SALTBYTES, "a salt");

static void hash(void *ctx, const mt_bytes *parts, size_t count, uint8_t *out, size_t out_len)
{
    crypto_generichash_state state;

    (void)ctx;
    crypto_generichash_init(&state, NULL, 0, out_len);
    for (size_t i = 0; i < count; i++)
        crypto_generichash_update(&state, parts[i].data, parts[i].len);
    crypto_generichash_final(&state, out, out_len);
    sodium_memzero(&state, sizeof state);
}

static void seal(void *ctx, const uint8_t *key, const uint8_t *nonce, mt_bytes with, mt_bytes text,
                 uint8_t *out)
{
    (void)ctx;
    crypto_aead_chacha20poly1305_ietf_encrypt(out, NULL, text.data, text.len, with.data, with.len,
                                              NULL, nonce, key);
}

static mt_status open(void *ctx, const uint8_t *key, const uint8_t *nonce, mt_bytes with,
                      mt_bytes sealed, uint8_t *out)
{
    (void)ctx;
    if (sealed.len < MT_TAG_LEN) return MT_MALFORMED;
    return crypto_aead_chacha20poly1305_ietf_decrypt(out, NULL, NULL, sealed.data, sealed.len,
                                                     with.data, with.len, nonce, key)
               ? MT_MALFORMED
               : MT_OK;
}

static void seal_long(void *ctx, const uint8_t *key, const uint8_t *nonce, mt_bytes with,
                      mt_bytes text, uint8_t *out)
{
    (void)ctx;
    crypto_aead_xchacha20poly1305_ietf_encrypt(out, NULL, text.data, text.len, with.data, with.len,
                                               NULL, nonce, key);
}

static mt_status open_long(void *ctx, const uint8_t *key, const uint8_t *nonce, mt_bytes with,
                           mt_bytes sealed, uint8_t *out)
{
    (void)ctx;
    if (sealed.len < MT_TAG_LEN) return MT_MALFORMED;
    return crypto_aead_xchacha20poly1305_ietf_decrypt(out, NULL, NULL, sealed.data, sealed.len,
                                                      with.data, with.len, nonce, key)
               ? MT_MALFORMED
               : MT_OK;
}

static void exchange_key(void *ctx, const uint8_t *secret, uint8_t *out)
{
    (void)ctx;
    (void)crypto_scalarmult_base(out, secret);
}

static mt_status exchange(void *ctx, const uint8_t *secret, const uint8_t *theirs, uint8_t *out)
{
    (void)ctx;
    return crypto_scalarmult(out, secret, theirs) ? MT_MALFORMED : MT_OK;
}

static void signing_key(void *ctx, const uint8_t *seed, uint8_t *out)
{
    uint8_t public_key[MT_KEY_LEN];

    (void)ctx;
    (void)crypto_sign_seed_keypair(public_key, out, seed);
}

static void sign(void *ctx, const uint8_t *key, mt_bytes message, uint8_t *out)
{
    (void)ctx;
    (void)crypto_sign_detached(out, NULL, message.data, message.len, key);
}

static mt_status verify(void *ctx, const uint8_t *key, mt_bytes message, const uint8_t *signature)
{
    (void)ctx;
    return crypto_sign_verify_detached(signature, message.data, message.len, key) ? MT_MALFORMED
                                                                                  : MT_OK;
}

static mt_status stretch(void *ctx, mt_bytes passphrase, const uint8_t *salt, uint32_t passes,
                         uint32_t kib, uint8_t *out)
{
    const char *text = passphrase.len ? (const char *)passphrase.data : ""; /* never NULL */

    (void)ctx;
    if (passes < 1 || kib < crypto_pwhash_argon2id_MEMLIMIT_MIN / 1024) return MT_INVALID;
    if (crypto_pwhash_argon2id(out, MT_KEY_LEN, text, passphrase.len, salt, passes,
                               (size_t)kib * 1024, crypto_pwhash_argon2id_ALG_ARGON2ID13))
        return MT_NO_MEMORY; /* all else was looked at */
    return MT_OK;
}

static void wipe(void *ctx, void *data, size_t len)
{
    (void)ctx;
    sodium_memzero(data, len);
}

const mt_crypto *mt_crypto_sodium(void)
{
    static const mt_crypto sodium = {
        MT_CRYPTO_ABI, sizeof(mt_crypto), hash, seal,   open,    seal_long, open_long, exchange_key,
        exchange,      signing_key,       sign, verify, stretch, wipe,      NULL,
    };

    return sodium_init() < 0 ? NULL : &sodium;
}
