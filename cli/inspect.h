/* inspect.h - going through all of a store: what it holds, what is ahead of its time, and what is damaged. */
#ifndef CLI_INSPECT_H
#define CLI_INSPECT_H

#include "met.h"
#include "storage.h"
#include "text.h"

/* Nodes are counted by their size, in powers of two. */
#define INSPECT_SIZES 41

/* How many damaged records are named. */
#define DAMAGE_NAMED 20

typedef struct cli_inspection {
    uint64_t nodes, nodes_deleted; /* with and without a living field */
    uint64_t fields, fields_deleted, floors;
    uint64_t value_len; /* bytes of strings, bytes and edges */
    uint64_t edges, edges_dangling;
    uint64_t changes, records;
    uint64_t now, ahead_from; /* states: of the time of day, and the first that is too far ahead */
    uint64_t ahead, ahead_nodes; /* fields and floors that are, and the nodes that have them */
    uint64_t state_max;          /* the highest state there is */
    uint64_t sizes
        [INSPECT_SIZES]; /* nodes of below 2^i bytes, names and values, and not below half that */
    size_t damaged;      /* records, at least */
    cli_text damage;     /* a line for each of the first of them */
    cli_met_list met;    /* when peers were met last */
} cli_inspection;

/* Goes through the store, OWNED: cli_inspection_free. Damage is noted and no failure. Anything but EXIT_DONE has been
 * reported and leaves nothing to free. */
cli_exit_code cli_inspect(cli_storage *storage, cli_inspection *out);

void cli_inspection_free(cli_inspection *inspection);

#endif
