/* event.h - printing the events of a database as they happen. */
#ifndef CLI_EVENT_H
#define CLI_EVENT_H

#include "admin_message.h"
#include "options.h"
#include "output.h"

#include <mytosis/mytosis.h>

typedef struct cli_events {
    cli_output out;
    bool json; /* an object a line, else for a person */
    mt_bytes prefix;
    size_t columns; /* of a value */
} cli_events;

/* Prints, from now on, every event of nodes whose uid has the prefix (BORROWED): updates, and with --history and --conflicts
 * these, too. Each is written out at once. OWNED: cli_events_end. MT_NO_MEMORY, MT_INVALID. */
mt_status cli_events_begin(cli_events *events, const cli_options *options, mt_db *db,
                           mt_bytes prefix);

/* What is printed of events with this prefix (BORROWED), in memory: cli_events_print adds to `out.text`, to be freed. */
void cli_events_init(cli_events *events, const cli_admin_form *form, mt_bytes prefix);
void cli_events_print(cli_events *events, const mt_event *event);

/* How the options want events to be printed, on standard output; and which: MT_EVENT_... */
cli_admin_form cli_events_form(const cli_options *options, const cli_output *out);
unsigned cli_events_kinds(const cli_options *options);

/* Prints no more; the database may be closed already. `code` as cli_output_end. */
cli_exit_code cli_events_end(cli_events *events, cli_exit_code code);

#endif
