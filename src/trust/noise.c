#include "trust/noise.h"

#include "base/assert.h"
#include "base/word.h"

#include <string.h>

#define BLOCK_LEN 128 /* of BLAKE2b */

/* Stages besides the numbers of the three messages. */
enum { OVER = 0, DONE = 4, SPLIT = 5 };

/* What messages are made of, in the order of the pattern. END is 0, and ends each. */
typedef enum token { END, E, S, EE, ES, SE, PSK } token;

static const uint8_t patterns[2][3][5] = {
    [MTI_NOISE_XX] = {{E}, {E, EE, S, ES}, {S, SE}},
    [MTI_NOISE_XXPSK3] = {{E}, {E, EE, S, ES}, {S, SE, PSK}},
};

static const uint8_t overheads[2][3] = {
    [MTI_NOISE_XX] = {MT_KEY_LEN, 2 * (MT_KEY_LEN + MT_TAG_LEN), MT_KEY_LEN + 2 * MT_TAG_LEN},
    [MTI_NOISE_XXPSK3] = {MT_KEY_LEN + MT_TAG_LEN, 2 * (MT_KEY_LEN + MT_TAG_LEN),
                          MT_KEY_LEN + 2 * MT_TAG_LEN},
};

static const mt_bytes nothing = {NULL, 0};

static mt_bytes key_bytes(const uint8_t key[MT_KEY_LEN])
{
    return (mt_bytes){key, MT_KEY_LEN};
}

/* ---- Ciphers: section 5.1 ---- */

/* Four bytes of zero, and the number lowest byte first. */
static void nonce_put(uint64_t number, uint8_t out[MT_NONCE_LEN])
{
    memset(out, 0, MT_NONCE_LEN - sizeof number);
    mti_store_le64(number, out + MT_NONCE_LEN - sizeof number);
}

mt_status mti_cipher_seal(const mt_crypto *crypto, mti_cipher *cipher, mt_bytes with, mt_bytes text,
                          uint8_t *out)
{
    uint8_t nonce[MT_NONCE_LEN];

    if (cipher->nonce == UINT64_MAX) return MT_FULL;
    nonce_put(cipher->nonce++, nonce);
    crypto->seal(crypto->ctx, cipher->key, nonce, with, text, out);
    return MT_OK;
}

mt_status mti_cipher_open(const mt_crypto *crypto, mti_cipher *cipher, mt_bytes with,
                          mt_bytes sealed, uint8_t *out)
{
    uint8_t nonce[MT_NONCE_LEN];
    mt_status st;

    if (cipher->nonce == UINT64_MAX) return MT_FULL;
    if (sealed.len < MT_TAG_LEN) return MT_MALFORMED;
    nonce_put(cipher->nonce, nonce);
    st = crypto->open(crypto->ctx, cipher->key, nonce, with, sealed, out);
    if (st == MT_OK) cipher->nonce++;
    return st;
}

void mti_cipher_rekey(const mt_crypto *crypto, mti_cipher *cipher)
{
    static const uint8_t zeros[MT_KEY_LEN];
    uint8_t nonce[MT_NONCE_LEN], sealed[MT_KEY_LEN + MT_TAG_LEN];

    nonce_put(UINT64_MAX, nonce);
    crypto->seal(crypto->ctx, cipher->key, nonce, nothing, key_bytes(zeros), sealed);
    memcpy(cipher->key, sealed, MT_KEY_LEN);
    crypto->wipe(crypto->ctx, sealed, sizeof sealed);
}

/* ---- Keys from keys: section 4.3 ---- */

/* HMAC of two parts, RFC 2104. The key is as long as a hash. `out` may be the key. */
static void hmac(const mt_crypto *crypto, const uint8_t key[MT_HASH_LEN_MAX], mt_bytes head,
                 mt_bytes tail, uint8_t out[MT_HASH_LEN_MAX])
{
    uint8_t pad[BLOCK_LEN], inner[MT_HASH_LEN_MAX];
    const mt_bytes inside[] = {{pad, sizeof pad}, head, tail};
    const mt_bytes outside[] = {{pad, sizeof pad}, {inner, sizeof inner}};

    memset(pad, 0x36, sizeof pad);
    for (size_t i = 0; i < MT_HASH_LEN_MAX; i++) pad[i] ^= key[i];
    crypto->hash(crypto->ctx, inside, 3, inner, sizeof inner);
    for (size_t i = 0; i < sizeof pad; i++) pad[i] ^= 0x36 ^ 0x5c;
    crypto->hash(crypto->ctx, outside, 2, out, MT_HASH_LEN_MAX);
    crypto->wipe(crypto->ctx, pad, sizeof pad);
    crypto->wipe(crypto->ctx, inner, sizeof inner);
}

/* HKDF, RFC 5869, as far as Noise needs it: `count` outputs, 2 or 3, of the chain and an input. */
static void derive(const mt_crypto *crypto, const uint8_t chain[MT_HASH_LEN_MAX], mt_bytes input,
                   size_t count, uint8_t out[][MT_HASH_LEN_MAX])
{
    uint8_t key[MT_HASH_LEN_MAX];

    hmac(crypto, chain, input, nothing, key);
    for (size_t i = 0; i < count; i++) {
        mt_bytes before = i > 0 ? (mt_bytes){out[i - 1], MT_HASH_LEN_MAX} : nothing;
        uint8_t number = (uint8_t)(i + 1);

        hmac(crypto, key, before, (mt_bytes){&number, 1}, out[i]);
    }
    crypto->wipe(crypto->ctx, key, sizeof key);
}

/* ---- What was said and exchanged: section 5.2 ---- */

static void mix_hash(mti_noise *noise, mt_bytes data)
{
    const mt_bytes parts[] = {{noise->hash, sizeof noise->hash}, data};
    uint8_t hash[MT_HASH_LEN_MAX];

    noise->crypto->hash(noise->crypto->ctx, parts, 2, hash, sizeof hash);
    memcpy(noise->hash, hash, sizeof hash);
}

/* MixKey, or, with `said`, MixKeyAndHash. */
static void mix_key(mti_noise *noise, mt_bytes input, bool said)
{
    uint8_t out[3][MT_HASH_LEN_MAX];
    size_t count = said ? 3 : 2;

    derive(noise->crypto, noise->chain, input, count, out);
    memcpy(noise->chain, out[0], sizeof noise->chain);
    if (said) mix_hash(noise, (mt_bytes){out[1], sizeof out[1]});
    memcpy(noise->cipher.key, out[count - 1], MT_KEY_LEN);
    noise->cipher.nonce = 0;
    noise->keyed = true;
    noise->crypto->wipe(noise->crypto->ctx, out, sizeof out);
}

/* EncryptAndHash. Answers where `out` goes on. */
static uint8_t *put_sealed(mti_noise *noise, mt_bytes text, uint8_t *out)
{
    size_t len = text.len + (noise->keyed ? MT_TAG_LEN : 0);
    mt_status st = MT_OK;

    if (noise->keyed)
        st = mti_cipher_seal(noise->crypto, &noise->cipher,
                             (mt_bytes){noise->hash, sizeof noise->hash}, text, out);
    else if (len) memcpy(out, text.data, len);
    mti_assert(st == MT_OK); /* a key of the handshake seals two messages at most */
    mix_hash(noise, (mt_bytes){out, len});
    return out + len;
}

/* DecryptAndHash. */
static mt_status take_sealed(mti_noise *noise, mt_bytes sealed, uint8_t *out)
{
    mt_status st = MT_OK;

    if (noise->keyed)
        st = mti_cipher_open(noise->crypto, &noise->cipher,
                             (mt_bytes){noise->hash, sizeof noise->hash}, sealed, out);
    else if (sealed.len) memcpy(out, sealed.data, sealed.len);
    if (st == MT_OK) mix_hash(noise, sealed);
    return st;
}

/* ---- The handshake: section 5.3 ---- */

void mti_noise_begin(mti_noise *noise, const mti_noise_start *start)
{
    static const char *const names[] = {
        [MTI_NOISE_XX] = "Noise_XX_25519_ChaChaPoly_BLAKE2b",
        [MTI_NOISE_XXPSK3] = "Noise_XXpsk3_25519_ChaChaPoly_BLAKE2b",
    };
    const char *name = names[start->pattern];

    mti_assert(start->crypto && start->secret && start->ephemeral);
    mti_assert((start->pattern == MTI_NOISE_XXPSK3) == (start->shared != NULL));
    memset(noise, 0, sizeof *noise);
    noise->crypto = start->crypto;
    noise->pattern = start->pattern;
    noise->initiator = start->initiator;
    noise->stage = 1;
    memcpy(noise->secret, start->secret, MT_KEY_LEN);
    memcpy(noise->ephemeral, start->ephemeral, MT_KEY_LEN);
    if (start->shared) memcpy(noise->shared, start->shared, MT_KEY_LEN);
    memcpy(noise->hash, name, strlen(name)); /* shorter than a hash: filled up with zeros */
    memcpy(noise->chain, noise->hash, sizeof noise->chain);
    mix_hash(noise, start->prologue);
}

void mti_noise_wipe(mti_noise *noise)
{
    const mt_crypto *crypto = noise->crypto;

    if (crypto) crypto->wipe(crypto->ctx, noise, sizeof *noise);
}

/* Ends the handshake for good. */
static mt_status fail(mti_noise *noise)
{
    mti_noise_wipe(noise);
    return MT_MALFORMED;
}

static bool is_message(const mti_noise *noise)
{
    return noise->stage > OVER && noise->stage < DONE;
}

bool mti_noise_writes(const mti_noise *noise)
{
    return is_message(noise) && (noise->stage % 2 == 1) == noise->initiator;
}

static bool reads(const mti_noise *noise)
{
    return is_message(noise) && !mti_noise_writes(noise);
}

bool mti_noise_done(const mti_noise *noise)
{
    return noise->stage >= DONE;
}

size_t mti_noise_overhead(const mti_noise *noise)
{
    return is_message(noise) ? overheads[noise->pattern][noise->stage - 1] : 0;
}

/* Mixes in an ephemeral public key, as it was sent. With a shared key it counts as exchanged, too: else
 * the same key and nonce could seal twice. */
static void mix_ephemeral(mti_noise *noise, const uint8_t *key)
{
    mix_hash(noise, key_bytes(key));
    if (noise->pattern == MTI_NOISE_XXPSK3) mix_key(noise, key_bytes(key), false);
}

/* Mixes in what two keys share: the first letter names the initiator's, the second the responder's. */
static mt_status mix_exchange(mti_noise *noise, token what)
{
    bool ours_static = what == (noise->initiator ? SE : ES);
    bool theirs_static = what == (noise->initiator ? ES : SE);
    const mt_crypto *crypto = noise->crypto;
    uint8_t shared[MT_KEY_LEN];
    mt_status st = crypto->exchange(crypto->ctx, ours_static ? noise->secret : noise->ephemeral,
                                    theirs_static ? noise->theirs : noise->their_ephemeral, shared);

    if (st == MT_OK) mix_key(noise, key_bytes(shared), false);
    crypto->wipe(crypto->ctx, shared, sizeof shared);
    return st;
}

/* The tokens that are sent by neither side. */
static mt_status mix_token(mti_noise *noise, token what)
{
    if (what != PSK) return mix_exchange(noise, what);
    mix_key(noise, key_bytes(noise->shared), true);
    return MT_OK;
}

/* Writes what a token stands for and moves `*at` behind it. */
static mt_status write_token(mti_noise *noise, token what, uint8_t **at)
{
    const mt_crypto *crypto = noise->crypto;
    uint8_t key[MT_KEY_LEN];

    if (what == E) {
        crypto->exchange_key(crypto->ctx, noise->ephemeral, *at);
        mix_ephemeral(noise, *at);
        *at += MT_KEY_LEN;
    } else if (what == S) {
        crypto->exchange_key(crypto->ctx, noise->secret, key);
        *at = put_sealed(noise, key_bytes(key), *at);
    } else {
        return mix_token(noise, what);
    }
    return MT_OK;
}

/* Reads what a token stands for off the front of `rest`, which is long enough. */
static mt_status read_token(mti_noise *noise, token what, mt_bytes *rest)
{
    mt_bytes front = {rest->data, 0};
    mt_status st = MT_OK;

    if (what == E) {
        front.len = MT_KEY_LEN;
        memcpy(noise->their_ephemeral, front.data, MT_KEY_LEN);
        mix_ephemeral(noise, front.data);
    } else if (what == S) {
        front.len = MT_KEY_LEN + MT_TAG_LEN;
        st = take_sealed(noise, front, noise->theirs);
    } else {
        return mix_token(noise, what);
    }
    *rest = (mt_bytes){rest->data + front.len, rest->len - front.len};
    return st;
}

mt_status mti_noise_write(mti_noise *noise, mt_bytes payload, uint8_t *out)
{
    const uint8_t *tokens;

    if (noise->stage == OVER) return MT_MALFORMED;
    mti_assert(mti_noise_writes(noise));
    if (payload.len > MTI_NOISE_LEN_MAX - mti_noise_overhead(noise)) return MT_TOO_LARGE;
    tokens = patterns[noise->pattern][noise->stage - 1];
    for (; *tokens != END; tokens++)
        if (write_token(noise, (token)*tokens, &out) != MT_OK) return fail(noise);
    (void)put_sealed(noise, payload, out);
    noise->stage++;
    return MT_OK;
}

mt_status mti_noise_read(mti_noise *noise, mt_bytes message, uint8_t *payload, size_t *len)
{
    size_t overhead = mti_noise_overhead(noise);
    const uint8_t *tokens;
    mt_bytes rest = message;

    if (!reads(noise) || message.len < overhead || message.len > MTI_NOISE_LEN_MAX)
        return fail(noise);
    tokens = patterns[noise->pattern][noise->stage - 1];
    for (; *tokens != END; tokens++)
        if (read_token(noise, (token)*tokens, &rest) != MT_OK) return fail(noise);
    if (take_sealed(noise, rest, payload) != MT_OK) return fail(noise);
    *len = message.len - overhead;
    noise->known = noise->stage > 1;
    noise->stage++;
    return MT_OK;
}

const uint8_t *mti_noise_theirs(const mti_noise *noise)
{
    return noise->known ? noise->theirs : NULL;
}

const uint8_t *mti_noise_hash(const mti_noise *noise)
{
    mti_assert(noise->stage != OVER); /* zeros would bind nothing */
    return noise->hash;
}

void mti_noise_split(mti_noise *noise, mti_cipher *sends, mti_cipher *receives)
{
    const mt_crypto *crypto = noise->crypto;
    uint8_t out[2][MT_HASH_LEN_MAX];

    mti_assert(noise->stage == DONE);
    derive(crypto, noise->chain, nothing, 2, out);
    memcpy(sends->key, out[noise->initiator ? 0 : 1], MT_KEY_LEN);
    memcpy(receives->key, out[noise->initiator ? 1 : 0], MT_KEY_LEN);
    sends->nonce = receives->nonce = 0;
    noise->stage = SPLIT;
    noise->keyed = false;
    crypto->wipe(crypto->ctx, out, sizeof out);
    crypto->wipe(crypto->ctx, &noise->cipher, sizeof noise->cipher);
    crypto->wipe(crypto->ctx, noise->chain, sizeof noise->chain);
    crypto->wipe(crypto->ctx, noise->secret, sizeof noise->secret);
    crypto->wipe(crypto->ctx, noise->ephemeral, sizeof noise->ephemeral);
    crypto->wipe(crypto->ctx, noise->shared, sizeof noise->shared);
}
