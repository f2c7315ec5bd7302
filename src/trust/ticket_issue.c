/* ticket_issue.c - tickets as a program has them. */
#include "base/bytes.h"
#include "base/status.h"
#include "trust/identity.h"
#include "trust/ticket.h"

#include <mytosis/ticket.h>

#include <string.h>

static void fill(const mt_crypto *crypto, const uint8_t *seed, const mt_ticket *ticket,
                 mti_ticket *out)
{
    mti_identity identity;

    mti_identity_make(crypto, seed, &identity);
    memcpy(out->space, ticket->space, sizeof out->space);
    memcpy(out->device, mti_identity_device(&identity), sizeof out->device);
    memcpy(out->noise_key, identity.fixed, sizeof out->noise_key);
    mti_identity_wipe(crypto, &identity);
    out->expiry_ms = ticket->expires_ms;
    out->address_count = (uint8_t)ticket->address_count;
    for (size_t i = 0; i < ticket->address_count; i++)
        out->addresses[i] = mt_str(ticket->addresses[i]);
}

mt_status mt_ticket_make(const mt_env *env, const mt_crypto *crypto, const uint8_t *seed,
                         mt_ticket *ticket, mt_buf *out, mt_error *err)
{
    char text[MTI_TICKET_TEXT_LEN_MAX];
    mt_error ignored;
    mti_ticket made = {.expiry_ms = 0};
    size_t len = 0;
    mt_status st;

    if (!err) err = &ignored;
    if (ticket->address_count < 1 || ticket->address_count > MTI_TICKET_ADDRESSES_MAX)
        return mti_fail(err, MT_INVALID, "a ticket of %zu addresses, not 1 to %d",
                        ticket->address_count, MTI_TICKET_ADDRESSES_MAX);
    fill(crypto, seed, ticket, &made);
    if (env->entropy(env->ctx, made.secret, sizeof made.secret) != MT_OK)
        return mti_fail(err, MT_IO, "there is no source of random numbers");
    st = mti_ticket_encode(crypto, &made, text, &len, err);
    if (st == MT_OK && mti_buf_append(out, text, len) != MT_OK) st = mti_no_memory(err);
    if (st == MT_OK) {
        memcpy(ticket->device, made.device, sizeof ticket->device);
        mti_ticket_id(crypto, made.secret, ticket->id);
        mti_ticket_key(crypto, made.secret, ticket->key);
    }
    crypto->wipe(crypto->ctx, text, sizeof text);
    crypto->wipe(crypto->ctx, &made, sizeof made);
    return st;
}

mt_status mt_ticket_read(const mt_crypto *crypto, mt_bytes line, mt_ticket *out, mt_error *err)
{
    uint8_t room[MTI_TICKET_LEN_MAX];
    mt_error ignored;
    mti_ticket ticket;
    mt_status st = mti_ticket_decode(crypto, line, room, &ticket, err ? err : &ignored);

    if (st == MT_OK) {
        memset(out, 0, sizeof *out);
        out->size = sizeof *out;
        memcpy(out->space, ticket.space, sizeof out->space);
        memcpy(out->device, ticket.device, sizeof out->device);
        mti_ticket_id(crypto, ticket.secret, out->id);
        mti_ticket_key(crypto, ticket.secret, out->key);
        out->expires_ms = ticket.expiry_ms;
        out->address_count = ticket.address_count;
        for (size_t i = 0; i < ticket.address_count; i++)
            memcpy(out->addresses[i], ticket.addresses[i].data, ticket.addresses[i].len);
    }
    crypto->wipe(crypto->ctx, room, sizeof room);
    crypto->wipe(crypto->ctx, &ticket, sizeof ticket);
    return st;
}
