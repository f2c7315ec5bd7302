#include "trust/ticket.h"

#include "base/base64url.h"

#define DOMAIN_ID "mytosis-ticket-id-v1"
#define DOMAIN_KEY "mytosis-ticket-key-v1"

#define START "mt1:"
#define START_LEN 4
#define ADDRESS_LEN_MAX 255
#define CHECKSUM_LEN 4
#define HEAD_LEN (1 + MTI_ID_LEN + 2 * MT_KEY_LEN + MTI_TICKET_SECRET_LEN + 8 + 1)

_Static_assert(MTI_TICKET_LEN_MAX ==
                   HEAD_LEN + MTI_TICKET_ADDRESSES_MAX * (1 + ADDRESS_LEN_MAX) + CHECKSUM_LEN,
               "as many and long addresses as there may be");
_Static_assert(MTI_TICKET_TEXT_LEN_MAX == START_LEN + (MTI_TICKET_LEN_MAX * 4 + 2) / 3,
               "four characters for three bytes");

/* What base64url writes at most while it reads. */
#define ROOM_LEN (MTI_TICKET_TEXT_LEN_MAX / 4 * 3 + 2)

static void checksum_of(const mt_crypto *crypto, mt_bytes bytes, uint8_t out[CHECKSUM_LEN])
{
    uint8_t hash[MTI_ID_LEN];

    crypto->hash(crypto->ctx, &bytes, 1, hash, sizeof hash);
    memcpy(out, hash, CHECKSUM_LEN);
}

/* ---- Reading ---- */

static void parse_address(mti_parse *in, mt_bytes *out)
{
    size_t len = mti_parse_byte(in, "the length of an address");

    if (len == 0) mti_statement_fail(in, MT_MALFORMED, 1, "the length of an address", "none");
    *out = mti_parse_fixed(in, "an address", in->failed ? 0 : len);
    for (size_t i = 0; i < out->len; i++)
        if (out->data[i] <= ' ' || out->data[i] > '~')
            mti_statement_fail(in, MT_MALFORMED, len - i, "an address",
                               "a character is not printable ASCII, or a space");
}

/* All but the checksum, which was right. */
static mt_status parse_ticket(mt_bytes bytes, mti_ticket *out, mt_error *err)
{
    mti_parse in = mti_parse_of(bytes, "a ticket", err);

    memset(out, 0, sizeof *out);
    mti_statement_version(&in);
    mti_statement_copy(&in, "the space", out->space, sizeof out->space);
    mti_statement_copy(&in, "the device", out->device, sizeof out->device);
    mti_statement_copy(&in, "the key for sessions", out->noise_key, sizeof out->noise_key);
    mti_statement_copy(&in, "the secret", out->secret, sizeof out->secret);
    out->expiry_ms = mti_statement_word(&in, "the time up to which it is good");
    out->address_count = mti_parse_byte(&in, "the number of addresses");
    if (out->address_count < 1 || out->address_count > MTI_TICKET_ADDRESSES_MAX)
        mti_statement_fail(&in, MT_MALFORMED, 1, "the number of addresses", "not 1 to 4");
    for (size_t i = 0; i < out->address_count && !in.failed; i++)
        parse_address(&in, &out->addresses[i]);
    return mti_parse_end(&in);
}

/* Takes the start off a text. */
static mt_status skip_start(mt_bytes *text, mt_error *err)
{
    const uint8_t *at = text->data;

    if (text->len > MTI_TICKET_TEXT_LEN_MAX)
        return mti_fail(err, MT_MALFORMED, "a ticket: longer than any");
    if (text->len >= START_LEN && memcmp(at, START, START_LEN) != 0 && at[0] == 'm' &&
        at[1] == 't' && at[2] >= '0' && at[2] <= '9' && at[3] == ':')
        return mti_fail(err, MT_UNSUPPORTED, "a ticket: of version %c, this build knows 1", at[2]);
    if (text->len < START_LEN || memcmp(at, START, START_LEN) != 0)
        return mti_fail(err, MT_MALFORMED, "not a ticket: it does not begin with \"%s\"", START);
    text->data += START_LEN;
    text->len -= START_LEN;
    return MT_OK;
}

/* The bytes of a text, all but the checksum. */
static mt_status unwrap(const mt_crypto *crypto, mt_bytes text, uint8_t *bytes, size_t *len,
                        mt_error *err)
{
    uint8_t checksum[CHECKSUM_LEN];
    const char *why;
    mt_status st;

    if ((st = skip_start(&text, err)) != MT_OK) return st;
    if (!mti_base64url_decode(text, bytes, len, &why))
        return mti_fail(err, MT_MALFORMED, "a ticket: %s", why);
    if (*len < HEAD_LEN + CHECKSUM_LEN)
        return mti_fail(err, MT_MALFORMED, "a ticket: its end is missing");
    *len -= CHECKSUM_LEN;
    checksum_of(crypto, (mt_bytes){bytes, *len}, checksum);
    if (memcmp(checksum, bytes + *len, sizeof checksum) != 0)
        return mti_fail(err, MT_MALFORMED,
                        "a ticket: its checksum is wrong: a character was mistyped or is missing");
    return MT_OK;
}

mt_status mti_ticket_decode(const mt_crypto *crypto, mt_bytes text,
                            uint8_t room[MTI_TICKET_LEN_MAX], mti_ticket *out, mt_error *err)
{
    uint8_t bytes[ROOM_LEN];
    mti_ticket read = {0};
    size_t len = 0;
    mt_status st = unwrap(crypto, text, bytes, &len, err);

    if (st == MT_OK && len > MTI_TICKET_LEN_MAX - CHECKSUM_LEN)
        st = mti_fail(err, MT_MALFORMED, "a ticket: longer than any");
    if (st == MT_OK) {
        memcpy(room, bytes, len);
        st = parse_ticket((mt_bytes){room, len}, &read, err);
    }
    if (st == MT_OK) *out = read;
    crypto->wipe(crypto->ctx, bytes, sizeof bytes);
    crypto->wipe(crypto->ctx, &read, sizeof read);
    return st;
}

/* ---- Writing ---- */

static size_t write_ticket(const mti_ticket *ticket, uint8_t *bytes)
{
    uint8_t *at = bytes;

    *at++ = MTI_STATEMENT_VERSION;
    at = mti_statement_put(at, ticket->space, sizeof ticket->space);
    at = mti_statement_put(at, ticket->device, sizeof ticket->device);
    at = mti_statement_put(at, ticket->noise_key, sizeof ticket->noise_key);
    at = mti_statement_put(at, ticket->secret, sizeof ticket->secret);
    at = mti_statement_put_word(at, ticket->expiry_ms);
    *at++ = ticket->address_count;
    for (size_t i = 0; i < ticket->address_count; i++) {
        *at++ = (uint8_t)ticket->addresses[i].len;
        at = mti_statement_put(at, ticket->addresses[i].data, ticket->addresses[i].len);
    }
    return (size_t)(at - bytes);
}

mt_status mti_ticket_encode(const mt_crypto *crypto, const mti_ticket *ticket,
                            char out[MTI_TICKET_TEXT_LEN_MAX], size_t *out_len, mt_error *err)
{
    uint8_t bytes[MTI_TICKET_LEN_MAX];
    mti_ticket read;
    mt_status st;
    size_t len;

    if (ticket->address_count > MTI_TICKET_ADDRESSES_MAX)
        return mti_fail(err, MT_INVALID, "a ticket: more than 4 addresses");
    for (size_t i = 0; i < ticket->address_count; i++)
        if (ticket->addresses[i].len > ADDRESS_LEN_MAX)
            return mti_fail(err, MT_INVALID, "a ticket: an address of more than 255 bytes");
    len = write_ticket(ticket, bytes);
    if ((st = parse_ticket((mt_bytes){bytes, len}, &read, err)) != MT_OK) {
        st = err->status = MT_INVALID;
    } else {
        checksum_of(crypto, (mt_bytes){bytes, len}, bytes + len);
        len += CHECKSUM_LEN;
        memcpy(out, START, START_LEN);
        mti_base64url_encode((mt_bytes){bytes, len}, out + START_LEN);
        *out_len = START_LEN + mti_base64url_len(len);
    }
    crypto->wipe(crypto->ctx, bytes, sizeof bytes);
    crypto->wipe(crypto->ctx, &read, sizeof read);
    return st;
}

/* ---- What follows from the secret ---- */

void mti_ticket_id(const mt_crypto *crypto, const uint8_t secret[MTI_TICKET_SECRET_LEN],
                   uint8_t out[MT_TICKET_ID_LEN])
{
    mti_statement_hash(crypto, DOMAIN_ID, (mt_bytes){secret, MTI_TICKET_SECRET_LEN}, out,
                       MT_TICKET_ID_LEN);
}

void mti_ticket_key(const mt_crypto *crypto, const uint8_t secret[MTI_TICKET_SECRET_LEN],
                    uint8_t out[MT_KEY_LEN])
{
    mti_statement_hash(crypto, DOMAIN_KEY, (mt_bytes){secret, MTI_TICKET_SECRET_LEN}, out,
                       MT_KEY_LEN);
}
