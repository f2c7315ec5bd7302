/* crdt/rows.h - nodes and deltas, expanded into rows piece by piece: what every writer starts
 * from. */
#ifndef MTI_ROWS_H
#define MTI_ROWS_H

#include <mytosis/delta.h>
#include <mytosis/graph.h>

/* How many fields a row made here has at most; a node with more comes in several rows, all but
 * the last marked `more`. */
#define MTI_ROW_FIELDS 64

/* The rows of one node, delete markers included. */
typedef struct mti_node_rows {
    mt_field_iter iter;
    bool done;
    mt_field fields[MTI_ROW_FIELDS];
} mti_node_rows;

void mti_node_rows_init(mti_node_rows *rows, const mt_node *node);

/* The next row, its fields in `rows`, its bytes BORROWED from the node; false at the end. A node
 * gives at least one row. The floor stands in each. */
bool mti_node_rows_next(mti_node_rows *rows, mt_row *out);

/* The rows of MT_UPDATE or MT_HISTORY of a delta. */
typedef struct mti_delta_rows {
    mt_delta_iter iter;
    mt_delta_node node;
    bool within; /* fields of `node` are left */
    bool all;    /* nodes that were touched without effect, too */
    mt_field next;
    mt_field fields[MTI_ROW_FIELDS];
} mti_delta_rows;

void mti_delta_rows_init(mti_delta_rows *rows, const mt_delta *delta, mt_delta_part part, bool all);
bool mti_delta_rows_next(mti_delta_rows *rows, mt_row *out);

#endif
