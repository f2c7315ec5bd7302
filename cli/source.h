/* source.h - a graph in a file, JSON or binary as its content says, read row by row in bounded memory. */
#ifndef CLI_SOURCE_H
#define CLI_SOURCE_H

#include "command.h"

#include <mytosis/mytosis.h>

/* Members are private but for what is said. */
typedef struct cli_source {
    const char *name;        /* for messages */
    uint64_t size;           /* of a regular file; 0: not known */
    uint64_t taken;          /* how many bytes were read */
    mt_error err;            /* what the last call came to */
    void (*idle)(void *ctx); /* may be set: called before it waits for more, as from a slow pipe */
    void *ctx;
    int fd;
    uint8_t *piece;
    mt_json_reader *json;
    mt_binary_reader *binary;
    mt_row row;
} cli_source;

/* Opens a file; "-" is standard input. OWNED: cli_source_close. Anything but EXIT_DONE has been reported. */
cli_exit_code cli_source_open(cli_source *out, const char *path);

/* Closes what was opened; one that is all zero is accepted. */
void cli_source_close(cli_source *source);

/* The next rows, BORROWED until the next call; none at the end. MT_CANCELED: a signal came while it waited for more, and the
 * call may be repeated. Else `err` says what is wrong, and where. */
mt_status cli_source_rows(cli_source *source, const mt_row **rows, size_t *count);

#endif
