/* message.h - what is said on standard error: failures, and progress.
 *
 * Messages are one line, "mytosis: ...". Progress shows only on a terminal, and only once the command has run
 * for a second: one line that is written anew every second and removed in the end. */
#ifndef CLI_MESSAGE_H
#define CLI_MESSAGE_H

#include "command.h"
#include "text.h"

#include <stdbool.h>

/* Says what failed and answers `code`. */
cli_exit_code cli_complain(cli_exit_code code, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* How the program ends after what a call of the library answered: EXIT_SYSTEM without memory or room, where reading or
 * writing failed, or where another holds it; else EXIT_INPUT. */
cli_exit_code cli_exit_of(mt_status status);

/* Notes what something came to. `text` NULL: no more is said of it than the status says. */
void cli_error_note(mt_error *err, mt_status status, const char *text);

/* Says what a call of the library said: "cannot patch a.json: ...", or its message alone if `verb` is NULL. */
cli_exit_code cli_complain_error(const mt_error *err, const char *verb, const char *name);

/* What the command does now: "reading", "a.json". `name` may be empty; both stay where they are until the next call. */
void cli_progress(const char *action, const char *name);

/* The same with a text of how far it is, which is freed. */
void cli_progress_text(const char *action, cli_text *text);

/* Whether it is time to say how far the command is: on a terminal, a few times a second. */
bool cli_progress_due(void);

/* Takes the line away. Standard output may be the same terminal: nothing is written there before. */
void cli_progress_end(void);

#endif
