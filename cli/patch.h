/* patch.h - reading a patch: {"uid": {"field": value}}.
 *
 * A reader's rows last until the next one, and a patch is applied as one. So the rows are kept in two graphs: the fields,
 * and the nodes to be deleted. */
#ifndef CLI_PATCH_H
#define CLI_PATCH_H

#include "command.h"

#include <mytosis/mytosis.h>

typedef struct cli_patch {
    mt_graph *fields;  /* at state 1, each node once; they hold what the rows show */
    mt_graph *deletes; /* empty nodes */
    mt_row *rows;      /* for mt_graph_patch */
    size_t row_count;
    mt_field *row_fields;
} cli_patch;

/* Reads the text of a patch, OWNED: cli_patch_free. `name` is what messages call it. After anything but MT_OK there is
 * nothing to free, and `err` says where the text is wrong. */
mt_status cli_patch_parse(mt_bytes text, const char *name, cli_patch *out, mt_error *err);

/* The same of a file. Anything but EXIT_DONE has been reported. */
cli_exit_code cli_patch_read(const char *path, cli_patch *out);

/* Frees what is there and leaves the patch empty. */
void cli_patch_free(cli_patch *patch);

#endif
