/* input.h - reading the files that a command is given. "-" is standard input. */
#ifndef CLI_INPUT_H
#define CLI_INPUT_H

#include "command.h"
#include "text.h"

/* How messages call a file. */
const char *cli_input_name(const char *path);

/* Appends all that a file holds. Anything but EXIT_DONE has been reported. */
cli_exit_code cli_input_read(const char *path, cli_text *into);

/* Whether bytes are in the binary form, by the first of them. */
bool cli_input_is_binary(mt_bytes bytes);

typedef struct cli_input_facts {
    size_t len;  /* bytes of the file */
    bool binary; /* else JSON */
} cli_input_facts;

/* Reads a graph, OWNED, in whatever form it is. `facts` may be NULL. Anything but EXIT_DONE has been reported. */
cli_exit_code cli_input_graph(const char *path, mt_graph **out, cli_input_facts *facts);

#endif
