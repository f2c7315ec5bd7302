/* mytosis/ticket.h - a line of text with which a device is let into a space for the first time.
 *
 *     mt1:AQ2fWx...
 *
 * It says which space, which device invites, where that is found, and a secret that both then share: whoever holds the
 * line may use it. docs/trust.md has its bytes. Who invites gives mt_secure_options the key of the ticket by its id, and
 * who comes names both to mt_secure_dial. That it is used but once is up to who invites. Threads: any. */
#ifndef MYTOSIS_TICKET_H
#define MYTOSIS_TICKET_H

#include <mytosis/secure.h>

MT_BEGIN_DECLS

/* How many addresses a ticket has, how long each may be, and how long its text is with the zero
 * byte. */
#define MT_TICKET_ADDRESSES_MAX 4
#define MT_TICKET_ADDRESS_LEN_MAX 255
#define MT_TICKET_TEXT_LEN_MAX 1538

/* What a ticket says. */
typedef struct mt_ticket {
    uint32_t size;                 /* sizeof(mt_ticket) as compiled */
    uint8_t space[MT_SPACE_LEN];   /* the id of the space */
    uint8_t device[MT_DEVICE_LEN]; /* who invites */
    uint8_t id[MT_TICKET_ID_LEN];  /* names the ticket, and is no secret */
    uint8_t key[MT_KEY_LEN];       /* what both sides share: secret */
    uint64_t expires_ms;           /* since 1970 */
    size_t address_count;          /* 1 to 4 */
    char addresses[MT_TICKET_ADDRESSES_MAX]
                  [MT_TICKET_ADDRESS_LEN_MAX + 1]; /* URLs, as mt_dial takes them */
} mt_ticket;

/* Makes a ticket of the device with this seed. Of `ticket`, `space`, `expires_ms` and the addresses are read, and the
 * rest is filled in; the line, without a zero byte, is appended to `out`, whose owner wipes it. MT_INVALID: addresses that a
 * ticket cannot have. MT_IO: no randomness. MT_NO_MEMORY. `err` may be NULL, here and below. */
MT_API MT_MUST_USE mt_status mt_ticket_make(const mt_env *env, const mt_crypto *crypto,
                                            const uint8_t *seed, mt_ticket *ticket, mt_buf *out,
                                            mt_error *err);

/* Reads a line. MT_MALFORMED: it was mistyped, or is none. MT_UNSUPPORTED: of a later version. */
MT_API MT_MUST_USE mt_status mt_ticket_read(const mt_crypto *crypto, mt_bytes line, mt_ticket *out,
                                            mt_error *err);

MT_END_DECLS
#endif
