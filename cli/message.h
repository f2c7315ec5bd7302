/* message.h - what is said on standard error: failures, and progress.
 *
 * Messages are one line, "mytosis: ...". Progress shows only on a terminal, and only once the command has run
 * for a second: one line that is written anew every second and removed in the end. */
#ifndef CLI_MESSAGE_H
#define CLI_MESSAGE_H

#include "command.h"

#include <mytosis/mytosis.h>

/* Says what failed and answers `code`. */
cli_exit_code cli_complain(cli_exit_code code, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The same for what a call of the library said: "cannot patch a.json: ...", or its message alone if `verb` is NULL.
 * MT_NO_MEMORY ends with EXIT_SYSTEM, all else with EXIT_INPUT. */
cli_exit_code cli_complain_error(const mt_error *err, const char *verb, const char *name);

/* What the command does now: "reading", "a.json". `name` may be empty; both stay where they are until the next call. */
void cli_progress(const char *action, const char *name);

/* Takes the line away. Standard output may be the same terminal: nothing is written there before. */
void cli_progress_end(void);

#endif
