/* trust/handshake.h - how two devices of one space find out who the other is.
 *
 *     who dials                                          who is dialed
 *     HELLO  version | kind | ticket? | knock | e   --->   no such space, no such ticket: ends, in silence
 *                                                   <---   PROOF  e, ee, s, es | device | proof | papers
 *     another device than expected: ends
 *     PROOF  s, se | device | proof | papers        --->   may admit the device
 *
 * The letters are those of Noise: trust/noise.h. Who dials knows whom to expect, and is not shown to
 * anybody else. Who is dialed answers only to a knock, a hash of the space's id and of e, which nobody can
 * make who does not know the space. Whoever comes for the first time has a ticket, and the key in it is mixed
 * into the last message: XXpsk3.
 *
 *     version    01
 *     kind       1: XX; 2: XXpsk3, and the ticket's id follows, 16 bytes
 *     knock      16 bytes of BLAKE2b: "mytosis-knock-v1" | space | e
 *     device     its public key, 32 bytes
 *     proof      64 bytes: trust/identity.h
 *     prologue   "mytosis/1" | version | kind | ticket, if there is one | space
 *
 * Papers are whatever a device has to show for itself: 0 to 2,048 bytes that are not looked at here. A machine
 * without memory of its own: bytes in, bytes out. */
#ifndef MTI_HANDSHAKE_H
#define MTI_HANDSHAKE_H

#include "trust/identity.h"
#include "trust/noise.h"

#include <mytosis/secure.h>

/* The longest message that is read, and one that has room for all we write. */
#define MTI_HANDSHAKE_READ_MAX 4096
#define MTI_HANDSHAKE_LEN_MAX (256 + MT_PAPERS_LEN_MAX)

typedef struct mti_handshake_start {
    const mt_crypto *crypto; /* BORROWED while the handshake lives, as is `self` */
    const mti_identity *self;
    const uint8_t *space;     /* its id, COPIED, as is all that follows */
    const uint8_t *ephemeral; /* 32 random bytes, drawn for this handshake */
    const uint8_t *expected;  /* who dials: the device at the other end; else NULL */
    const uint8_t *ticket;    /* who dials with one: its id, and its key; else NULL */
    const uint8_t *ticket_key;
    mt_bytes papers; /* of ours: BORROWED while the handshake lives */

    /* Who is dialed: the key of a ticket. MT_NOT_FOUND: it is not good, or not any more. NULL: no ticket
     * is. */
    mt_status (*find)(void *ctx, const uint8_t ticket[MT_TICKET_ID_LEN], uint8_t key[MT_KEY_LEN]);
    void *ctx;
} mti_handshake_start;

typedef struct mti_handshake {
    mti_handshake_start start;
    uint8_t space[MT_SPACE_LEN], ephemeral[MT_KEY_LEN], expected[MT_KEY_LEN];
    uint8_t ticket[MT_TICKET_ID_LEN], ticket_key[MT_KEY_LEN];
    bool has_ticket, begun, failed;
    bool knocked; /* who dials knows the space */
    mti_noise noise;
    uint8_t device[MT_KEY_LEN]; /* at the other end; and its papers */
    uint8_t papers[MT_PAPERS_LEN_MAX];
    size_t papers_len;
} mti_handshake;

void mti_handshake_begin(mti_handshake *handshake, const mti_handshake_start *start);
void mti_handshake_wipe(mti_handshake *handshake);

/* Whether the next message is ours to say, or all three have been said. */
bool mti_handshake_says(const mti_handshake *handshake);
bool mti_handshake_done(const mti_handshake *handshake);

/* Writes our next message; answers its length. MT_MALFORMED: the keys do not go together. */
mt_status mti_handshake_say(mti_handshake *handshake, uint8_t out[MTI_HANDSHAKE_LEN_MAX],
                            size_t *len);

/* Takes the other's next message. A failure is for good: MT_MALFORMED, MT_UNSUPPORTED (another version),
 * MT_REFUSED (another space, or a ticket that is not good, or another device than was expected),
 * MT_TOO_LARGE. */
mt_status mti_handshake_hear(mti_handshake *handshake, mt_bytes message, mt_error *err);

/* Once it is done: the keys of both directions. */
void mti_handshake_split(mti_handshake *handshake, mti_cipher *sends, mti_cipher *receives);

#endif
