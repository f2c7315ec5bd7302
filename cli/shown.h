/* shown.h - uids, names and values as a person reads them.
 *
 * What a graph holds may come from anywhere. Whatever could steer a terminal or turn the reading order around is shown
 * as an escape, so that a listing shows what is there and nothing else. */
#ifndef CLI_SHOWN_H
#define CLI_SHOWN_H

#include "text.h"

/* How many columns a terminal needs for `bytes`: none for marks that combine, two for wide characters. */
size_t cli_shown_columns(mt_bytes bytes);

/* Adds text as it is, but for what is not printable: \x1b, \u202e. */
void cli_shown_raw(cli_text *text, mt_bytes bytes);

/* A uid or a field's name: bare, or in quotes where it would be hard to tell apart from what stands around. */
void cli_shown_key(cli_text *text, mt_bytes key);

/* A value: "Ada", 7, true, -> user/1, <3 bytes: 010203>. Longer than `columns`, it is cut: "Ada Lov…" (812 bytes). */
void cli_shown_value(cli_text *text, const mt_value *value, size_t columns);

/* The value of a field, or `deleted`. */
void cli_shown_field(cli_text *text, const mt_field *field, size_t columns);

#endif
