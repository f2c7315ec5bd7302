/* text.h - text that is put together in memory.
 *
 * A text keeps its first error and then does nothing, so that what writes it need not look after every piece. */
#ifndef CLI_TEXT_H
#define CLI_TEXT_H

#include <mytosis/mytosis.h>

typedef struct cli_text {
    mt_buf buf;
    mt_status status; /* MT_OK, or why no more is added */
} cli_text;

/* An empty text. OWNED: cli_text_free. */
void cli_text_init(cli_text *text);
void cli_text_free(cli_text *text);

/* Makes room for `len` more bytes. */
bool cli_text_reserve(cli_text *text, size_t len);

void cli_text_add(cli_text *text, mt_bytes bytes);
void cli_text_str(cli_text *text, const char *string);
void cli_text_printf(cli_text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A number with separators: 1,204. */
void cli_text_number(cli_text *text, uint64_t number);

/* A number and its noun: 1 node, 1,204 nodes. The plural is the noun with an "s". */
void cli_text_count(cli_text *text, uint64_t number, const char *noun);

/* "12 deleted", after a comma unless the text is but `start` bytes long; nothing of 0. */
void cli_text_fact(cli_text *text, size_t start, uint64_t number, const char *fact);

/* Notes the outcome of a call that appended to `text->buf`. */
void cli_text_note(cli_text *text, mt_status status);

#endif
