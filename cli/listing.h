/* listing.h - graphs and changes as lines for a person. */
#ifndef CLI_LISTING_H
#define CLI_LISTING_H

#include "changes.h"
#include "table.h"

/* How much of it is shown. */
typedef struct cli_extent {
    size_t lines;     /* of nodes and fields, at most */
    size_t conflicts; /* lines of these */
    size_t columns;   /* of a value */
} cli_extent;

/* With --all everything, else what can be taken in. */
cli_extent cli_listing_extent(bool all);

/* The nodes of a graph: a line for each, and one for each field. Answers how many lines were left out. */
size_t cli_listing_graph(cli_output *out, const mt_graph *graph, cli_extent extent);

/* The line of a node. */
void cli_listing_uid(cli_output *out, mt_bytes uid, uint64_t floor);

/* A node as its readers see it: its line, and one for each living field. */
void cli_listing_living(cli_output *out, const mt_node *node, size_t columns);

/* Lines of fields, one after the other: a table for them, OWNED (cli_table_print, cli_table_free), and a line. */
void cli_listing_fields_begin(cli_table *table);
void cli_listing_field(cli_output *out, cli_table *table, const mt_field *field, size_t columns);

/* What a delta did, with the same answer; `counts` is that of `changes`. */
size_t cli_listing_changes(cli_output *out, cli_changes changes, const cli_change_counts *counts,
                           cli_extent extent);

/* The conflicts of a delta, a line for each, with the same answer. */
size_t cli_listing_conflicts(cli_output *out, const mt_delta *delta,
                             const cli_change_counts *counts, cli_extent extent);

/* One conflict as a line of a table of its own. */
void cli_listing_conflict(cli_output *out, cli_table *table, mt_bytes uid,
                          const mt_conflict *conflict, size_t columns);

/* "… and 1,204 more; --all shows them", unless `count` is 0. */
void cli_listing_rest(cli_output *out, size_t count);

#endif
