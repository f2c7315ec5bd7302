/* save.h - writing a graph in one of the forms of a file. */
#ifndef CLI_SAVE_H
#define CLI_SAVE_H

#include "options.h"
#include "output.h"

typedef enum cli_format {
    FORMAT_UNKNOWN,
    FORMAT_JSON,
    FORMAT_BINARY,
    FORMAT_COMPRESSED
} cli_format;

/* As --format says, else as the ending of the path does: .json, .mtg, .mtz. */
cli_format cli_save_format(const cli_options *options, const char *path);

/* Adds the rows of a graph in canonical JSON, with a final newline. */
void cli_save_json(cli_output *out, const mt_graph *graph);

/* Writes a graph to a file, or to standard output for "-". Anything but EXIT_DONE has been reported. */
cli_exit_code cli_save_graph(const char *path, cli_format format, const mt_graph *graph);

#endif
