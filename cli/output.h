/* output.h - where results go: standard output, or a file that appears whole or not at all.
 *
 * A file is written under another name beside its place, flushed to disk, and renamed when it is complete. What is no
 * regular file, such as /dev/null or a pipe, is written directly. An output keeps its first error and then does nothing;
 * `cli_output_end` reports it. A reader of standard output that has gone away is no error. */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include "command.h"
#include "text.h"

typedef struct cli_output {
    cli_text text;    /* what was not written yet: add to it, then call cli_output_flow */
    int fd;           /* -1: none, all of it stays in `text` */
    int error;        /* errno of the first failure */
    bool color;       /* styles are written */
    bool quiet;       /* the reader has gone */
    const char *name; /* as the user wrote it */
    char *target;     /* of a file: where it goes; OWNED */
    char *temporary;  /* under what name it is written until then, or NULL; OWNED */
} cli_output;

/* Standard output. No call but cli_output_end fails. */
void cli_output_standard(cli_output *out);

/* What is only put together: it stays in `text`, which is OWNED: cli_text_free. Needs no end. */
void cli_output_memory(cli_output *out, bool color);

/* A file; "-" is standard output. Anything but EXIT_DONE has been reported, and `out` needs no end. */
cli_exit_code cli_output_file(cli_output *out, const char *path);

/* Writes what has gathered, once there is much of it. */
void cli_output_flow(cli_output *out);

/* Writes what has gathered. */
void cli_output_flush(cli_output *out);

/* Writes the rest and closes. `code` is what has happened so far: a file is put in its place only after EXIT_DONE.
 * Answers `code`, or EXIT_SYSTEM if writing failed. */
cli_exit_code cli_output_end(cli_output *out, cli_exit_code code);

/* ---- For files that are written in another way ---- */

/* Writes all of it. False: errno says why not. */
bool cli_output_all(int fd, const void *data, size_t len);

/* Flushes the folder that a file is in, so that its new name lasts. Not every file system can do that. */
void cli_output_sync_folder(const char *path);

/* ---- Styles, written only if `color` ---- */

typedef enum cli_style {
    STYLE_PLAIN,
    STYLE_BOLD,
    STYLE_DIM,
    STYLE_RED,
    STYLE_GREEN,
    STYLE_YELLOW,
    STYLE_CYAN
} cli_style;

/* Starts a style; STYLE_PLAIN ends it. */
void cli_output_style(cli_output *out, cli_style style);

#endif
