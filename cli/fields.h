/* fields.h - fields as words of the command line: name=text, age:=36, friend@charles.
 *
 * The first of "=", ":=" and "@" in a word ends the name; behind a backslash they, and a backslash, are part of it. */
#ifndef CLI_FIELDS_H
#define CLI_FIELDS_H

#include "text.h"
#include "command.h"

typedef struct cli_fields {
    mt_field *fields;
    size_t count;
    cli_text *texts; /* of each field its name, then what its value holds; private */
} cli_fields;

/* Reads words, OWNED: cli_fields_free. Anything but EXIT_DONE has been reported and leaves nothing to free. */
cli_exit_code cli_fields_read(const char *const *words, size_t count, cli_fields *out);

void cli_fields_free(cli_fields *fields);

#endif
