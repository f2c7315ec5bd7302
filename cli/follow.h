/* follow.h - the events of a daemon, printed as they come, while standard input is waited for. */
#ifndef CLI_FOLLOW_H
#define CLI_FOLLOW_H

#include "options.h"
#include "output.h"
#include "store.h"

typedef struct cli_follow {
    const cli_store *store;
    cli_output out;
    bool begun, ended;
    mt_error err; /* why it ended */
} cli_follow;

/* Prints, from now on, every event of the daemon that holds the store, as cli_events_begin does. OWNED: cli_follow_end, once the
 * store is closed. What it comes to is in `err`. */
mt_status cli_follow_begin(cli_follow *follow, const cli_options *options, const cli_store *store,
                           mt_bytes prefix);

/* Waits until standard input can be read; false: the events ended before. ctx: cli_follow. */
bool cli_follow_input(void *ctx);

/* Waits until the events end. */
void cli_follow_wait(cli_follow *follow);

/* Says why the events ended, if they did. `code` as cli_output_end. */
cli_exit_code cli_follow_end(cli_follow *follow, cli_exit_code code);

#endif
