/* trust/noise.h - the handshake that makes a link secret, and the messages that follow it.
 *
 * The Noise Protocol Framework, revision 34, as Noise_XX_25519_ChaChaPoly_BLAKE2b and, with a key that both
 * already share, Noise_XXpsk3_25519_ChaChaPoly_BLAKE2b. The initiator writes first, and so in turn:
 *
 *     1  ->  e               ephemeral key, 32                                 | payload
 *     2  <-  e, ee, s, es    ephemeral key, 32 | static key, sealed, 32 + 16   | payload, sealed, + 16
 *     3  ->  s, se (, psk)   static key, sealed, 32 + 16                       | payload, sealed, + 16
 *
 * The payload of message 1 is in clear, and whoever listens may replay it. With XXpsk3 it is sealed, + 16, but
 * by nothing that is secret. That of message 2 is read by whoever sent message 1, not yet known; that of
 * message 3 by the holder of the responder's static key. XXpsk3 proves the shared key by message 3, so that a
 * responder knows that the initiator has it, and an initiator knows the same of the responder by the first
 * transport message that opens.
 *
 * Bytes and keys in, bytes out: what is random is drawn by the caller. Threads: one at a time. */
#ifndef MTI_NOISE_H
#define MTI_NOISE_H

#include <mytosis/crypto.h>

/* The longest message of a handshake. */
#define MTI_NOISE_LEN_MAX 65535

typedef enum mti_noise_pattern { MTI_NOISE_XX, MTI_NOISE_XXPSK3 } mti_noise_pattern;

/* One direction of a session. */
typedef struct mti_cipher {
    uint8_t key[MT_KEY_LEN];
    uint64_t nonce; /* of the next message; UINT64_MAX is never one */
} mti_cipher;

typedef struct mti_noise_start {
    const mt_crypto *crypto; /* BORROWED while the handshake lives */
    mti_noise_pattern pattern;
    bool initiator;
    mt_bytes prologue;        /* what both sides must agree on; any difference ends the handshake */
    const uint8_t *secret;    /* our static X25519 key, COPIED */
    const uint8_t *ephemeral; /* a secret one, drawn for this handshake alone, COPIED */
    const uint8_t *shared;    /* XXpsk3: the pre-shared key of 32 bytes, COPIED; else NULL */
} mti_noise_start;

/* A handshake. All zero is one that is over: every message is refused. */
typedef struct mti_noise {
    const mt_crypto *crypto;
    mti_noise_pattern pattern;
    bool initiator;
    bool keyed;                     /* `cipher` has a key, and what is said is sealed */
    bool known;                     /* `theirs` has come, in a message that was read to its end */
    uint8_t stage;                  /* the number of the next message, or what noise.c names */
    mti_cipher cipher;              /* of the handshake */
    uint8_t chain[MT_HASH_LEN_MAX]; /* of all that was exchanged, the keys come from it */
    uint8_t hash[MT_HASH_LEN_MAX];  /* of all that was said */
    uint8_t secret[MT_KEY_LEN], ephemeral[MT_KEY_LEN], shared[MT_KEY_LEN];
    uint8_t theirs[MT_KEY_LEN], their_ephemeral[MT_KEY_LEN];
} mti_noise;

void mti_noise_begin(mti_noise *noise, const mti_noise_start *start);

/* Forgets all secrets, and all else: the handshake is over. May be called twice. */
void mti_noise_wipe(mti_noise *noise);

/* Whether the next message is ours to write. */
bool mti_noise_writes(const mti_noise *noise);

/* Whether all three messages have passed. */
bool mti_noise_done(const mti_noise *noise);

/* How many bytes the next message has beyond its payload; 0 if there is no next one. */
size_t mti_noise_overhead(const mti_noise *noise);

/* Writes the next message, which must be ours, as payload.len + overhead bytes. `payload` does not lie in
 * `out`. MT_TOO_LARGE: over MTI_NOISE_LEN_MAX; nothing has changed. MT_MALFORMED: the handshake is over, now
 * or since earlier: the other's key shares the same with every key, or a message was refused. */
MT_MUST_USE mt_status mti_noise_write(mti_noise *noise, mt_bytes payload, uint8_t *out);

/* Reads the other's message. `payload` has room for message.len bytes, of which `*len` are used, and does not
 * overlap with `message`. MT_MALFORMED: it is not the next message of this handshake, or it came when it was
 * not the other's turn. The handshake is over for good, its secrets are wiped; what `payload` holds must not
 * be looked at, and `*len` is untouched. */
MT_MUST_USE mt_status mti_noise_read(mti_noise *noise, mt_bytes message, uint8_t *payload,
                                     size_t *len);

/* The other's static key, or NULL as long as it has not come, and once the handshake is over. Having come
 * in message 2 or 3 it is proven. BORROWED until `noise` is wiped. */
const uint8_t *mti_noise_theirs(const mti_noise *noise);

/* MT_HASH_LEN_MAX bytes that bind what is said to this handshake. They change with each message and are the
 * same on both sides after it. The handshake is not over. BORROWED until then. */
const uint8_t *mti_noise_hash(const mti_noise *noise);

/* After the last message, once: the two directions. All secrets of the handshake are wiped; the hash and
 * the other's key stay. */
void mti_noise_split(mti_noise *noise, mti_cipher *sends, mti_cipher *receives);

/* ---- Transport messages ----
 *
 * MT_TAG_LEN bytes longer than what is in them, and of any length: the 65,535 of the specification is left to
 * who frames them. `out` may be where the input begins. `with` is not sent, but must be the same on both
 * sides. Messages open in the order in which they were sealed. */

/* MT_FULL: all nonces are used up; nothing was written. */
MT_MUST_USE mt_status mti_cipher_seal(const mt_crypto *crypto, mti_cipher *cipher, mt_bytes with,
                                      mt_bytes text, uint8_t *out);

/* MT_MALFORMED: not the next message, or changed on its way. The nonce has not moved, the right message still
 * opens; `out` may have been written to. MT_FULL. */
MT_MUST_USE mt_status mti_cipher_open(const mt_crypto *crypto, mti_cipher *cipher, mt_bytes with,
                                      mt_bytes sealed, uint8_t *out);

/* Replaces the key by one that comes from it and does not lead back, so that who finds it cannot read what
 * was said before. Both sides do so between the same two messages. The nonce goes on. Sections 4.2 and 11.3. */
void mti_cipher_rekey(const mt_crypto *crypto, mti_cipher *cipher);

#endif
