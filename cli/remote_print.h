/* remote_print.h - what a daemon prints for a command. */
#ifndef CLI_REMOTE_PRINT_H
#define CLI_REMOTE_PRINT_H

#include "admin_message.h"
#include "output.h"
#include "store.h"

/* Asks the daemon of a store, which is one, for what it prints, and adds it to `out`, in color if that is. Waits.
 * Anything but EXIT_DONE has been reported. */
cli_exit_code cli_remote_print(const cli_storage *storage, cli_admin_kind kind, cli_admin_form form,
                               cli_output *out);

/* Has the daemon of a store meet a peer, and adds what it says of that. `ca`: as cli_visit_new; NULL: the daemon's. The same. */
cli_exit_code cli_remote_visit(const cli_store *store, const char *url, const char *ca, bool json,
                               cli_output *out);

/* Has a daemon do what `kind` says, with a body that is freed, and adds what it says to `out`. Anything but EXIT_DONE has been
 * reported: EXIT_DIFFERENT for MT_NOT_FOUND. */
cli_exit_code cli_remote_say(const cli_storage *storage, cli_admin_kind kind, cli_text *body,
                             cli_output *out);

#endif
