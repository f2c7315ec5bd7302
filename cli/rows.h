/* rows.h - a graph, a node, or a part of a delta, as rows: what writers take. */
#ifndef CLI_ROWS_H
#define CLI_ROWS_H

#include <mytosis/mytosis.h>

/* Rows of a longer node are cut after so many fields, where the binary form would cut them too. */
#define ROW_FIELDS 64

/* Walks the rows of a graph, a node or a delta, which is BORROWED. */
typedef struct cli_rows {
    mt_graph_iter nodes;
    mt_field_iter fields;
    mt_delta_iter delta;
    const mt_event *event;
    bool is_delta;
    const mt_node *living; /* the one node whose living fields are wanted */
    bool nodes_over;       /* `living` was given */
    bool ahead;            /* the node goes on: `next` is its next field */
    mt_field next;
    mt_row row;
    mt_field held[ROW_FIELDS];
} cli_rows;

/* The nodes whose uid has `prefix`, which is BORROWED too; empty: all. */
void cli_rows_of_graph(cli_rows *rows, const mt_graph *graph, mt_bytes prefix);

/* The nodes of an event, which is BORROWED too. */
void cli_rows_of_event(cli_rows *rows, const mt_event *event);

/* One node as its readers see it. */
void cli_rows_of_node(cli_rows *rows, const mt_node *node);

/* Every node that the merge touched, also without effect. */
void cli_rows_of_delta(cli_rows *rows, const mt_delta *delta, mt_delta_part part);

/* The next row, or NULL. BORROWED until the next call. */
const mt_row *cli_rows_next(cli_rows *rows);

#endif
