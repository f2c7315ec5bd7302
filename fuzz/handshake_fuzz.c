/* fuzz/handshake_fuzz.c - what a stranger says to either side of a handshake.
 *
 * The first byte says, from its lowest bit, whether the pattern is XXpsk3, whether we are the initiator, and what
 * follows:
 *
 *     0   messages to us, each a length of two bytes, lowest first, and the bytes
 *     1   a stranger's secret, ephemeral and shared key, then edits of what is said to us, three bytes each:
 *         which message, which byte of it, and what that is changed by
 *
 * Our keys are always the same, and so are those of a friend. Of messages, what is sealed with keys that were
 * exchanged is taken if, and only if, the friend would have said it. A stranger that has keys comes through
 * if, and only if, nothing was edited and its shared key is ours. */
#include "counted.h"
#include "trust/noise.h"

#include <mytosis/host.h>

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ROOM 256 /* for what we and the friend say */

static const uint8_t our_secret[MT_KEY_LEN] = {1}, our_ephemeral[MT_KEY_LEN] = {2};
static const uint8_t friend_secret[MT_KEY_LEN] = {3}, friend_ephemeral[MT_KEY_LEN] = {4};
static const uint8_t our_shared[MT_KEY_LEN] = {5};

/* Us, and whoever is on the other side. */
typedef struct talk {
    mti_noise us, them;
    mti_cipher sends, receives;
} talk;

static void begin(mti_noise *noise, mti_noise_pattern pattern, bool initiator,
                  const uint8_t *secret, const uint8_t *ephemeral, const uint8_t *shared)
{
    mti_noise_begin(noise, &(mti_noise_start){
                               .crypto = mt_crypto_sodium(),
                               .pattern = pattern,
                               .initiator = initiator,
                               .prologue = mt_str("fuzz"),
                               .secret = secret,
                               .ephemeral = ephemeral,
                               .shared = pattern == MTI_NOISE_XXPSK3 ? shared : NULL,
                           });
}

static void talk_begin(talk *t, uint8_t how, const uint8_t *secret, const uint8_t *ephemeral,
                       const uint8_t *shared)
{
    mti_noise_pattern pattern = how & 1 ? MTI_NOISE_XXPSK3 : MTI_NOISE_XX;
    bool initiator = how & 2;

    begin(&t->us, pattern, initiator, our_secret, our_ephemeral, our_shared);
    begin(&t->them, pattern, !initiator, secret, ephemeral, shared);
}

/* What a side says, of the same payload always. */
static mt_status say(mti_noise *noise, uint8_t out[ROOM], size_t *len)
{
    mt_bytes payload = mt_str("payload");

    *len = payload.len + mti_noise_overhead(noise);
    return mti_noise_write(noise, payload, out);
}

/* Reads from a block of the message's size into one of the same, so that a sanitizer sees every step beyond. */
static mt_status hear(mti_noise *noise, mt_bytes message)
{
    size_t room = message.len ? message.len : 1, len = SIZE_MAX;
    uint8_t *in = malloc(room), *out = malloc(room);
    mt_status st;

    REQUIRE(in && out);
    if (message.len) memcpy(in, message.data, message.len);
    st = mti_noise_read(noise, (mt_bytes){in, message.len}, out, &len);
    REQUIRE(st == MT_OK ? len < message.len : st == MT_MALFORMED && len == SIZE_MAX);
    free(in);
    free(out);
    return st;
}

/* A handshake that was refused something refuses all. */
static void require_over(mti_noise *noise)
{
    uint8_t out[ROOM];
    size_t len;

    REQUIRE(!mti_noise_done(noise) && !mti_noise_writes(noise) && !mti_noise_theirs(noise));
    REQUIRE(hear(noise, (mt_bytes){out, 0}) == MT_MALFORMED);
    REQUIRE(say(noise, out, &len) == MT_MALFORMED);
}

/* We are done, and the other side is whoever has this secret key. */
static void require_done(const mti_noise *noise, const uint8_t *secret)
{
    const mt_crypto *crypto = mt_crypto_sodium();
    uint8_t key[MT_KEY_LEN];

    crypto->exchange_key(crypto->ctx, secret, key);
    REQUIRE(mti_noise_done(noise) && mti_noise_theirs(noise));
    REQUIRE(memcmp(mti_noise_theirs(noise), key, sizeof key) == 0);
}

/* ---- Messages ---- */

static bool next_message(mt_bytes *rest, mt_bytes *message)
{
    size_t len;

    if (rest->len < 2) return false;
    len = rest->data[0] + (size_t)256 * rest->data[1];
    *rest = (mt_bytes){rest->data + 2, rest->len - 2};
    if (len > rest->len) len = rest->len;
    *message = (mt_bytes){rest->data, len};
    *rest = (mt_bytes){rest->data + len, rest->len - len};
    return true;
}

/* We say something. Who knows only that the friend did not say what was heard can still be answered, if its
 * ephemeral key is good. */
static bool answer(talk *t, bool friendly)
{
    uint8_t out[ROOM];
    size_t len;
    mt_status st = say(&t->us, out, &len);

    REQUIRE(st == MT_OK || (st == MT_MALFORMED && !friendly));
    if (st == MT_OK && friendly) REQUIRE(hear(&t->them, (mt_bytes){out, len}) == MT_OK);
    if (st != MT_OK) require_over(&t->us);
    return st == MT_OK;
}

/* Something is said to us. `*friendly` says whether it, and all before, is what the friend says. */
static bool listen(talk *t, mt_bytes message, bool first, bool *friendly)
{
    uint8_t expected[ROOM];
    size_t len;
    mt_status st;

    if (*friendly) {
        REQUIRE(say(&t->them, expected, &len) == MT_OK);
        *friendly = mt_bytes_equal(message, (mt_bytes){expected, len});
    }
    st = hear(&t->us, message);
    REQUIRE(st == MT_OK ? *friendly || first : !*friendly);
    if (st != MT_OK) require_over(&t->us);
    return st == MT_OK;
}

/* Transport messages open if the friend sealed them, each once. */
static void transport(talk *t, mt_bytes rest)
{
    const mt_crypto *crypto = mt_crypto_sodium();
    mti_cipher sends, unused;
    uint8_t expected[ROOM], out[65536];
    mt_bytes message, text = mt_str("text");
    mt_status st = MT_OK;

    mti_noise_split(&t->us, &t->sends, &t->receives);
    mti_noise_split(&t->them, &sends, &unused);
    while (next_message(&rest, &message)) {
        uint64_t nonce = t->receives.nonce;
        bool same;

        if (st == MT_OK) REQUIRE(mti_cipher_seal(crypto, &sends, text, text, expected) == MT_OK);
        same = mt_bytes_equal(message, (mt_bytes){expected, text.len + MT_TAG_LEN});
        st = mti_cipher_open(crypto, &t->receives, text, message, out);
        REQUIRE(st == (same ? MT_OK : MT_MALFORMED) && t->receives.nonce == nonce + same);
    }
}

static void run_messages(uint8_t how, mt_bytes rest)
{
    bool friendly = true, going = true;
    mt_bytes message;
    talk t;

    talk_begin(&t, how, friend_secret, friend_ephemeral, our_shared);
    for (size_t n = 0; n < 3 && going; n++) {
        if (mti_noise_writes(&t.us)) going = answer(&t, friendly);
        else going = next_message(&rest, &message) && listen(&t, message, n == 0, &friendly);
    }
    if (going) {
        require_done(&t.us, friend_secret);
        transport(&t, rest);
    }
    mti_noise_wipe(&t.us);
    mti_noise_wipe(&t.them);
}

/* ---- A stranger with keys ---- */

/* Applies the edits of message n, and answers whether it has changed. */
static bool edit(mt_bytes edits, size_t n, uint8_t *message, size_t len)
{
    uint8_t before[ROOM];

    memcpy(before, message, len);
    for (size_t i = 0; i + 3 <= edits.len; i += 3)
        if (edits.data[i] % 3 == n) message[edits.data[i + 1] % len] ^= edits.data[i + 2];
    return memcmp(before, message, len) != 0;
}

static void run_stranger(uint8_t how, mt_bytes rest)
{
    const uint8_t *secret = rest.data, *shared = rest.data + 2 * MT_KEY_LEN;
    bool honest = !(how & 1) || memcmp(shared, our_shared, MT_KEY_LEN) == 0, edited = false;
    mt_bytes edits = {rest.data + 3 * MT_KEY_LEN, rest.len - 3 * MT_KEY_LEN};
    uint8_t message[ROOM];
    mt_status st = MT_OK;
    size_t len;
    talk t;

    talk_begin(&t, how, secret, secret + MT_KEY_LEN, shared);
    for (size_t n = 0; n < 3 && st == MT_OK; n++) {
        bool ours = mti_noise_writes(&t.us);

        if ((st = say(ours ? &t.us : &t.them, message, &len)) != MT_OK) break;
        if (!ours && edit(edits, n, message, len)) edited = true;
        st = hear(ours ? &t.them : &t.us, (mt_bytes){message, len});
    }
    REQUIRE((st == MT_OK) == (honest && !edited));
    if (st == MT_OK) require_done(&t.us, secret);
    mti_noise_wipe(&t.us);
    mti_noise_wipe(&t.them);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    mt_bytes rest;

    if (size == 0) return 0;
    rest = (mt_bytes){data + 1, size - 1};
    if (!(data[0] & 4)) run_messages(data[0], rest);
    else if (rest.len >= (size_t)3 * MT_KEY_LEN) run_stranger(data[0], rest);
    return 0;
}
