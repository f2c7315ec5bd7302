/* member.h - a store as a device of a space: what its database and its links take from that.
 *
 *     space file, device key -> member -> hooks and rights of a database, secured links, tickets, revocations */
#ifndef CLI_MEMBER_H
#define CLI_MEMBER_H

#include "admin_message.h"
#include "output.h"
#include "space_file.h"
#include "tickets.h"

#include <mytosis/mytosis.h>
#include <mytosis/plugin/socket.h>
#include <mytosis/plugin/sync.h>

/* How far clocks of devices may differ: what is given now is good from so long ago. */
#define MEMBER_SKEW_MS (UINT64_C(10) * 60000)

typedef struct cli_member {
    const mt_env *env;
    const char *path;           /* of the store */
    const cli_space_file *file; /* BORROWED */
    mt_space *space;            /* NULL: it was closed */
    mt_secure *secure;          /* NULL: without the key of the device there are no links */
    mt_db *db;                  /* NULL: not open yet, or closed */
    uint8_t seed[MT_KEY_LEN];
    mt_error unfit;  /* why what this device may is not good now; MT_OK: it is */
    bool has_device; /* its key is there */
    uint8_t device[MT_DEVICE_LEN];
    mt_hook hooks[MT_SPACE_HOOKS]; /* for the database */
} cli_member;

/* Makes one of a store that is in a space; `seed` is that of the device, COPIED, or NULL where only the store itself is worked
 * on. All else is BORROWED. OWNED: cli_member_free. Anything but MT_OK: `err`. */
mt_status cli_member_new(const mt_env *env, const char *path, const cli_space_file *file,
                         const uint8_t *seed, cli_member **out, mt_error *err);

/* The database is closed, and nobody is let in any more; links may still be ending. NULL is accepted. */
void cli_member_close(cli_member *member);

/* The links have ended, and the database is closed. NULL is accepted. */
void cli_member_free(cli_member *member);

/* Adds the hooks to a config, and the rights to options of a router (which may be NULL). A member of NULL has none. */
void cli_member_equip(cli_member *member, mt_config *config, mt_sync_options *options);

/* Takes in the records that the database has, and waits. */
mt_status cli_member_follow(cli_member *member, mt_db *db, mt_error *err);

/* A peer as it is named on the command line: URL, or URL#DEVICE. */
typedef struct cli_peer_name {
    char url[MT_CONNECTION_ID_LEN_MAX + 1];
    bool has_device; /* it was named, or is known from before */
    uint8_t device[MT_DEVICE_LEN];
} cli_peer_name;

/* Takes a name apart; `file` knows peers from before, and may be NULL. MT_INVALID: what follows "#" is no device. Else as
 * mt_url_check. */
mt_status cli_peer_name_read(const char *word, const cli_space_file *file, cli_peer_name *out,
                             mt_error *err);

/* Dials, SHARED with the caller: as mt_dial without a space (`member` is NULL), else in a secured link. MT_INVALID: in a space the
 * device of a peer must be known, and without one there is none to ask for. */
mt_status cli_member_reach(const cli_member *member, const mt_env *env, const char *url,
                           const uint8_t *device, const mt_dial_options *options,
                           mt_connection **out, mt_error *err);

/* ---- Inviting ---- */

/* Adds the line of a new ticket for whoever comes to one of the addresses. MT_INVALID: this device may not give that. */
mt_status cli_member_invite(const cli_member *member, const cli_invitation *invitation,
                            const char *const *addresses, size_t address_count, cli_text *line,
                            mt_error *err);

/* ---- Others ---- */

/* Prints who has been given what. */
void cli_member_print(const cli_member *member, const cli_admin_form *form, cli_output *out);

/* Adds what this device may: "read, write: notes/", or why that is nothing now. */
void cli_member_add_own(const cli_member *member, cli_text *text);

/* Takes back all tokens of the one device whose name begins with these digits; `done` comes once that is stored. Says in `text`
 * what was done. MT_NOT_FOUND: no device has that name, or several have; MT_INVALID: this device may not. Anything but MT_OK:
 * `done` does not come. */
mt_status cli_member_revoke(cli_member *member, const char *digits, cli_text *text, mt_done *done,
                            void *ctx, mt_error *err);

#endif
