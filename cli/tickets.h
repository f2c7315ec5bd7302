/* tickets.h - the tickets that this device has given out: PATH-keys/tickets/ID, a file each.
 *
 * A ticket is used by one device: which, and what that was given, is noted before it hears of it. The same device may come
 * again with it, for it may not have heard. */
#ifndef CLI_TICKETS_H
#define CLI_TICKETS_H

#include "pack.h"

#include <mytosis/space.h>
#include <mytosis/ticket.h>

/* What a ticket is good for. */
typedef struct cli_invitation {
    unsigned rights; /* MT_RIGHT_... */
    mt_bytes prefixes[MT_TOKEN_PREFIXES_MAX];
    size_t prefix_count;
    uint64_t ticket_ms; /* how long it may be used, from now */
    uint64_t token_ms;  /* how long what it gives is good, from when it is used; 0: for ever */
} cli_invitation;

void cli_invitation_put(cli_text *text, const cli_invitation *invitation);

/* False: it is none. Its prefixes are BORROWED from what is unpacked. */
bool cli_invitation_take(cli_unpacking *from, cli_invitation *out);

typedef struct cli_ticket_note {
    uint8_t key[MT_KEY_LEN];
    cli_invitation invitation; /* its prefixes are BORROWED from `text` */
    uint64_t expires_ms;       /* since 1970 */
    bool used;
    uint8_t device[MT_DEVICE_LEN]; /* by whom */
    mt_bytes chain;                /* what that was given; BORROWED from `text` */
    cli_text text;
} cli_ticket_note;

/* Keeps what there is to know of a ticket, instead of what was known before; `text` is not looked at. */
mt_status cli_ticket_keep(const char *store_path, const uint8_t id[MT_TICKET_ID_LEN],
                          const cli_ticket_note *note, mt_error *err);

/* Reads it, OWNED: cli_ticket_note_free. MT_NOT_FOUND, and as cli_private_read. */
mt_status cli_ticket_find(const char *store_path, const uint8_t id[MT_TICKET_ID_LEN],
                          cli_ticket_note *out, mt_error *err);
void cli_ticket_note_free(cli_ticket_note *note);

/* Removes those that nobody can use any more. */
void cli_tickets_sweep(const char *store_path, uint64_t now_ms);

#endif
