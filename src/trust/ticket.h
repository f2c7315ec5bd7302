/* trust/ticket.h - a ticket: one line of text with which a device is let in, once.
 *
 *     line       "mt1:" | base64url(ticket), without padding
 *     ticket     version: byte, 1 | space: 32 bytes | device: 32 bytes | noise key: 32 bytes | secret: 16 bytes
 *                | expiry: 8 bytes | count: byte, 1 to 4 | (length: byte, 1 to 255 | address) count times
 *                | checksum: 4 bytes
 *     address    printable ASCII, without spaces
 *     checksum   the first 4 bytes of the BLAKE2b-256 of all before: it finds slips, not forgers
 *
 * Numbers have their lowest byte first. A ticket has one text. Whoever holds that text may use it: it is a
 * secret, as are all buffers here that it was in, which their owners wipe. `err` is never NULL. */
#ifndef MTI_TICKET_H
#define MTI_TICKET_H

#include "trust/statement.h"

#include <mytosis/ticket.h>

#define MTI_TICKET_SECRET_LEN 16
#define MTI_TICKET_ADDRESSES_MAX MT_TICKET_ADDRESSES_MAX
#define MTI_TICKET_LEN_MAX 1150                        /* as bytes */
#define MTI_TICKET_TEXT_LEN_MAX MT_TICKET_TEXT_LEN_MAX /* as text */

typedef struct mti_ticket {
    uint8_t space[MTI_ID_LEN];
    uint8_t device[MT_KEY_LEN];    /* who invites: its Ed25519 key */
    uint8_t noise_key[MT_KEY_LEN]; /* its static X25519 key */
    uint8_t secret[MTI_TICKET_SECRET_LEN];
    uint64_t expiry_ms; /* since 1970 */
    uint8_t address_count;
    mt_bytes addresses[MTI_TICKET_ADDRESSES_MAX]; /* where it is found; BORROWED */
} mti_ticket;

/* Writes a ticket as text, without a zero byte. MT_INVALID: it is none that could be read. */
MT_MUST_USE mt_status mti_ticket_encode(const mt_crypto *crypto, const mti_ticket *ticket,
                                        char out[MTI_TICKET_TEXT_LEN_MAX], size_t *out_len,
                                        mt_error *err);

/* Reads one; its addresses are BORROWED from `room`. MT_UNSUPPORTED: of a later version. MT_MALFORMED. */
MT_MUST_USE mt_status mti_ticket_decode(const mt_crypto *crypto, mt_bytes text,
                                        uint8_t room[MTI_TICKET_LEN_MAX], mti_ticket *out,
                                        mt_error *err);

/* What names a ticket without telling its secret, and the key that both sides share by it. */
void mti_ticket_id(const mt_crypto *crypto, const uint8_t secret[MTI_TICKET_SECRET_LEN],
                   uint8_t out[MT_TICKET_ID_LEN]);
void mti_ticket_key(const mt_crypto *crypto, const uint8_t secret[MTI_TICKET_SECRET_LEN],
                    uint8_t out[MT_KEY_LEN]);

#endif
