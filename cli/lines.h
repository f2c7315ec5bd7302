/* lines.h - standard input, line by line. */
#ifndef CLI_LINES_H
#define CLI_LINES_H

#include "text.h"

/* A longer line is refused. */
#define LINE_LEN_MAX ((size_t)16 * 1024 * 1024)

typedef struct cli_lines {
    cli_text held; /* what was read, of which `taken` bytes were given */
    size_t taken;
    size_t number; /* of the line given last, from 1 */
    bool ended;
    int error; /* errno of a read that failed */

    /* May be set: called before more is read, which may wait; false: no more is wanted. */
    bool (*wait)(void *ctx);
    void *ctx;
} cli_lines;

void cli_lines_init(cli_lines *lines);
void cli_lines_free(cli_lines *lines);

/* The next line without its end, BORROWED until the next call; false: there is none, or reading failed. A last line may do
 * without its end. MT_TOO_LARGE or MT_NO_MEMORY in `held.status`: the line is too long. */
bool cli_lines_next(cli_lines *lines, mt_bytes *out);

#endif
