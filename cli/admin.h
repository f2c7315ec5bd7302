/* admin.h - what a daemon does for the commands that come to its Unix socket.
 *
 *     cli_admin_take, one for each connection      cli_admin_stop -- stopped -- cli_admin_free
 *
 * Reads are answered by the storage as it rests, writes go through the database and are answered once they are durable. Of one
 * command, requests take effect in the order in which they came. A command that does not read its answers is not read either;
 * it costs a few MiB, and one that watches is told that it was too slow. */
#ifndef CLI_ADMIN_H
#define CLI_ADMIN_H

#include "admin_message.h"
#include "member.h"
#include "output.h"
#include "shared_storage.h"

#include <mytosis/mytosis.h>

typedef struct cli_admin cli_admin;

typedef struct cli_admin_options {
    const mt_env *env;
    mt_db *db; /* that is ready */
    cli_shared_storage *storage;
    mt_group *peers; /* where those are put that a command has it visit */
    const char *
        ca; /* the file of the authorities that certify them, if the command names none; NULL: the system's */

    cli_member *member; /* of a space; NULL: the store is in none */

    /* Adds the line of a ticket. */
    mt_status (*share)(void *ctx, const cli_invitation *invitation, cli_text *line, mt_error *err);

    /* Prints what ADMIN_STATUS, ADMIN_PEERS or ADMIN_WHO asks for, to an output in memory. */
    void (*print)(void *ctx, uint8_t kind, const cli_admin_form *form, cli_output *out);
    void *ctx;
} cli_admin_options;

/* All is BORROWED until cli_admin_free. OWNED. MT_NO_MEMORY. */
mt_status cli_admin_new(const cli_admin_options *options, cli_admin **out);

/* Serves whoever is at the other end of a connection, which is SHARED. MT_CLOSED, MT_NO_MEMORY. */
mt_status cli_admin_take(cli_admin *admin, mt_connection *connection);

/* How many commands are served now. */
size_t cli_admin_count(const cli_admin *admin);

/* Takes no more requests. `stopped` is called, later, once all that came are answered and the answers are on their way, or after
 * `patience_ms`; the storage is left alone from then on. */
void cli_admin_stop(cli_admin *admin, uint64_t patience_ms, void (*stopped)(void *ctx), void *ctx);

/* Ends all connections. No request may be under way: it was stopped, or the database is closed. NULL is accepted. */
void cli_admin_free(cli_admin *admin);

#endif
