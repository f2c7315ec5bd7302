/* save.h - writing a graph in one of the forms of a file, all at once or row by row. */
#ifndef CLI_SAVE_H
#define CLI_SAVE_H

#include "options.h"
#include "output.h"
#include "rows.h"

typedef enum cli_format {
    FORMAT_UNKNOWN, /* JSON */
    FORMAT_JSON,
    FORMAT_BINARY,
    FORMAT_COMPRESSED
} cli_format;

/* As --format says, else as the ending of the path does: .json, .mtg, .mtz. */
cli_format cli_save_format(const cli_options *options, const char *path);

/* A file that is being written, or standard output for "-". */
typedef struct cli_saving {
    cli_output out;
    mt_json_writer json;
    mt_binary_writer *binary; /* NULL: JSON */
    mt_status status;         /* of the binary writer */
} cli_saving;

/* Anything but EXIT_DONE has been reported, and `saving` needs no end. */
cli_exit_code cli_save_begin(cli_saving *saving, const char *path, cli_format format);

/* Adds a row, in uid order. False: no more of them is wanted; cli_save_end says why. */
bool cli_save_row(cli_saving *saving, const mt_row *row);

/* Puts the file in its place, if `code`, what has happened so far, is EXIT_DONE. Answers `code`, or what went wrong, which
 * has been reported. */
cli_exit_code cli_save_end(cli_saving *saving, cli_exit_code code);

/* Writes a whole graph. Anything but EXIT_DONE has been reported. */
cli_exit_code cli_save_graph(const char *path, cli_format format, const mt_graph *graph);

/* Adds rows in canonical JSON, with a final newline; those of a whole graph. */
void cli_save_rows(cli_output *out, cli_rows *rows);
void cli_save_json(cli_output *out, const mt_graph *graph);

/* The same of every node that a part of a delta touches, without the newline at the end. */
void cli_save_delta(cli_output *out, const mt_delta *delta, mt_delta_part part);

/* Adds a member that is a number, behind others: ,"name":12. */
void cli_save_number(cli_text *text, const char *name, uint64_t number);

/* Adds what a peer is called as JSON: any bytes, which are a string if they are text. */
void cli_save_name(cli_text *text, mt_bytes name);

/* Adds a conflict as JSON: {"uid":...,"field":...,"won":{...},"lost":{...}}. */
void cli_save_conflict(cli_text *text, mt_bytes uid, const mt_conflict *conflict);

#endif
