#include "trust/handshake.h"

#include "base/assert.h"
#include "base/status.h"

#include <string.h>

#define VERSION 1
#define KIND_XX 1
#define KIND_TICKET 2
#define KNOCK_LEN 16
#define KNOCK_DOMAIN "mytosis-knock-v1"
#define PROLOGUE_DOMAIN "mytosis/1"
#define PROOF_LEN (MT_KEY_LEN + MT_SIGNATURE_LEN)

/* What stands before the knock in the first message. */
#define HEAD_LEN_MAX (2 + MT_TICKET_ID_LEN)
#define PROLOGUE_LEN_MAX (sizeof PROLOGUE_DOMAIN - 1 + HEAD_LEN_MAX + MT_SPACE_LEN)

void mti_handshake_begin(mti_handshake *handshake, const mti_handshake_start *start)
{
    mti_assert(!start->ticket == !start->ticket_key && (start->expected || !start->ticket));
    mti_assert(start->papers.len <= MT_PAPERS_LEN_MAX);
    memset(handshake, 0, sizeof *handshake);
    handshake->start = *start;
    memcpy(handshake->space, start->space, MT_SPACE_LEN);
    memcpy(handshake->ephemeral, start->ephemeral, MT_KEY_LEN);
    if (start->expected) memcpy(handshake->expected, start->expected, MT_KEY_LEN);
    handshake->has_ticket = start->ticket != NULL;
    if (!start->ticket) return;
    memcpy(handshake->ticket, start->ticket, MT_TICKET_ID_LEN);
    memcpy(handshake->ticket_key, start->ticket_key, MT_KEY_LEN);
}

void mti_handshake_wipe(mti_handshake *handshake)
{
    const mt_crypto *crypto = handshake->start.crypto;

    crypto->wipe(crypto->ctx, handshake, sizeof *handshake);
}

static bool dials(const mti_handshake *handshake)
{
    return handshake->start.expected != NULL;
}

bool mti_handshake_says(const mti_handshake *handshake)
{
    if (handshake->failed || mti_handshake_done(handshake)) return false;
    return handshake->begun ? mti_noise_writes(&handshake->noise) : dials(handshake);
}

bool mti_handshake_done(const mti_handshake *handshake)
{
    return !handshake->failed && handshake->begun && mti_noise_done(&handshake->noise);
}

static size_t put_head(const mti_handshake *handshake, uint8_t out[HEAD_LEN_MAX])
{
    out[0] = VERSION;
    out[1] = handshake->has_ticket ? KIND_TICKET : KIND_XX;
    if (!handshake->has_ticket) return 2;
    memcpy(out + 2, handshake->ticket, MT_TICKET_ID_LEN);
    return HEAD_LEN_MAX;
}

/* Both know by now whether there is a ticket, and its key. */
static void noise_begin(mti_handshake *handshake)
{
    uint8_t prologue[PROLOGUE_LEN_MAX];
    size_t len = sizeof PROLOGUE_DOMAIN - 1;
    mti_noise_start start = {
        .crypto = handshake->start.crypto,
        .pattern = handshake->has_ticket ? MTI_NOISE_XXPSK3 : MTI_NOISE_XX,
        .initiator = dials(handshake),
        .secret = handshake->start.self->secret,
        .ephemeral = handshake->ephemeral,
        .shared = handshake->has_ticket ? handshake->ticket_key : NULL,
    };

    memcpy(prologue, PROLOGUE_DOMAIN, len);
    len += put_head(handshake, prologue + len);
    memcpy(prologue + len, handshake->space, MT_SPACE_LEN);
    start.prologue = (mt_bytes){prologue, len + MT_SPACE_LEN};
    mti_noise_begin(&handshake->noise, &start);
    handshake->begun = true;
}

/* `e` begins each first message of Noise. */
static void knock(const mti_handshake *handshake, const uint8_t e[MT_KEY_LEN],
                  uint8_t out[KNOCK_LEN])
{
    const mt_crypto *crypto = handshake->start.crypto;
    const mt_bytes parts[] = {
        mt_str(KNOCK_DOMAIN), {handshake->space, MT_SPACE_LEN}, {e, MT_KEY_LEN}};

    crypto->hash(crypto->ctx, parts, 3, out, KNOCK_LEN);
}

/* Takes the same time whatever they are: who could time it would learn to knock, byte by byte. */
static bool is_knock(const uint8_t a[KNOCK_LEN], const uint8_t b[KNOCK_LEN])
{
    unsigned differ = 0;

    for (size_t i = 0; i < KNOCK_LEN; i++) differ |= (unsigned)(a[i] ^ b[i]);
    return differ == 0;
}

/* ---- Saying ---- */

static mt_status say_hello(mti_handshake *handshake, uint8_t *out, size_t *len)
{
    size_t head = put_head(handshake, out);
    uint8_t *e = out + head + KNOCK_LEN;
    mt_status st;

    noise_begin(handshake);
    *len = head + KNOCK_LEN + mti_noise_overhead(&handshake->noise);
    st = mti_noise_write(&handshake->noise, (mt_bytes){NULL, 0}, e);
    mti_assert(st == MT_OK); /* it meets no key of the other's yet */
    knock(handshake, e, out + head);
    return st;
}

static mt_status say_proof(mti_handshake *handshake, uint8_t *out, size_t *len)
{
    const mti_identity *self = handshake->start.self;
    mt_bytes papers = handshake->start.papers;
    uint8_t proof[PROOF_LEN + MT_PAPERS_LEN_MAX];
    size_t said = PROOF_LEN + papers.len;

    memcpy(proof, mti_identity_device(self), MT_KEY_LEN);
    memcpy(proof + MT_KEY_LEN, self->proof, MT_SIGNATURE_LEN);
    if (papers.len) memcpy(proof + PROOF_LEN, papers.data, papers.len);
    *len = said + mti_noise_overhead(&handshake->noise);
    mti_assert(*len <= MTI_HANDSHAKE_LEN_MAX);
    return mti_noise_write(&handshake->noise, (mt_bytes){proof, said}, out);
}

mt_status mti_handshake_say(mti_handshake *handshake, uint8_t out[MTI_HANDSHAKE_LEN_MAX],
                            size_t *len)
{
    mt_status st;

    mti_assert(mti_handshake_says(handshake));
    st = handshake->begun ? say_proof(handshake, out, len) : say_hello(handshake, out, len);
    handshake->failed = st != MT_OK;
    return st;
}

/* ---- Hearing ---- */

/* Takes what stands before the knock; answers how long it is, or 0. */
static size_t take_head(mti_handshake *handshake, mt_bytes message, mt_error *err)
{
    size_t len = HEAD_LEN_MAX;

    if (message.len > 0 && message.data[0] != VERSION) {
        mti_fail(err, MT_UNSUPPORTED, "a handshake of version %u, this build knows %u",
                 message.data[0], VERSION);
        return 0;
    }
    if (message.len > 1 && message.data[1] == KIND_XX) len = 2;
    else handshake->has_ticket = message.len > 1 && message.data[1] == KIND_TICKET;
    if (len == HEAD_LEN_MAX && !handshake->has_ticket) {
        mti_fail(err, MT_MALFORMED, "a handshake that begins with no kind that is known");
        return 0;
    }
    if (message.len < len + KNOCK_LEN + MT_KEY_LEN) {
        mti_fail(err, MT_MALFORMED, "the first message of a handshake has only %zu bytes",
                 message.len);
        return 0;
    }
    if (handshake->has_ticket) memcpy(handshake->ticket, message.data + 2, MT_TICKET_ID_LEN);
    return len;
}

static mt_status find_ticket(mti_handshake *handshake, mt_error *err)
{
    const mti_handshake_start *start = &handshake->start;
    mt_status st = MT_NOT_FOUND;

    if (start->find) st = start->find(start->ctx, handshake->ticket, handshake->ticket_key);
    if (st == MT_OK) return MT_OK;
    return mti_fail(err, MT_REFUSED, "the ticket is not good, or not any more");
}

static mt_status hear_hello(mti_handshake *handshake, mt_bytes message, mt_error *err)
{
    uint8_t expected[KNOCK_LEN], payload[MTI_HANDSHAKE_READ_MAX];
    size_t head = take_head(handshake, message, err), len;
    mt_bytes e;

    if (head == 0) return err->status;
    e = (mt_bytes){message.data + head + KNOCK_LEN, message.len - head - KNOCK_LEN};
    knock(handshake, e.data, expected);
    if (!is_knock(expected, message.data + head))
        return mti_fail(err, MT_REFUSED, "the peer knocks at another space");
    handshake->knocked = true;
    if (handshake->has_ticket && find_ticket(handshake, err) != MT_OK) return err->status;
    noise_begin(handshake);
    if (mti_noise_read(&handshake->noise, e, payload, &len) == MT_OK) return MT_OK;
    return mti_fail(err, MT_MALFORMED, "the first message of a handshake cannot be read");
}

static mt_status hear_proof(mti_handshake *handshake, mt_bytes message, mt_error *err)
{
    const mt_crypto *crypto = handshake->start.crypto;
    uint8_t payload[MTI_HANDSHAKE_READ_MAX];
    size_t len;

    if (mti_noise_read(&handshake->noise, message, payload, &len) != MT_OK)
        return mti_fail(err, MT_MALFORMED, "a message of a handshake cannot be read with its keys");
    if (len < PROOF_LEN)
        return mti_fail(err, MT_MALFORMED, "a handshake in which a device proves nothing");
    handshake->papers_len = len - PROOF_LEN;
    if (handshake->papers_len > MT_PAPERS_LEN_MAX)
        return mti_fail(err, MT_TOO_LARGE, "a device with papers of %zu bytes, more than %d",
                        handshake->papers_len, MT_PAPERS_LEN_MAX);
    memcpy(handshake->device, payload, MT_KEY_LEN);
    memcpy(handshake->papers, payload + PROOF_LEN, handshake->papers_len);
    if (dials(handshake) && memcmp(handshake->device, handshake->expected, MT_KEY_LEN) != 0)
        return mti_fail(err, MT_REFUSED, "the peer is another device than was expected");
    if (mti_identity_check(crypto, handshake->device, mti_noise_theirs(&handshake->noise),
                           payload + MT_KEY_LEN) != MT_OK)
        return mti_fail(err, MT_MALFORMED, "a device whose proof is not its own");
    return MT_OK;
}

mt_status mti_handshake_hear(mti_handshake *handshake, mt_bytes message, mt_error *err)
{
    mt_error ignored;
    mt_status st;

    if (!err) err = &ignored;
    if (handshake->failed || mti_handshake_done(handshake) || mti_handshake_says(handshake))
        st = mti_fail(err, MT_MALFORMED, "a message of a handshake that nobody waits for");
    else if (message.len > MTI_HANDSHAKE_READ_MAX)
        st = mti_fail(err, MT_TOO_LARGE, "a message of a handshake has %zu bytes, more than %d",
                      message.len, MTI_HANDSHAKE_READ_MAX);
    else if (handshake->begun) st = hear_proof(handshake, message, err);
    else st = hear_hello(handshake, message, err);
    handshake->failed = st != MT_OK;
    return st;
}

void mti_handshake_split(mti_handshake *handshake, mti_cipher *sends, mti_cipher *receives)
{
    mti_noise_split(&handshake->noise, sends, receives);
}
