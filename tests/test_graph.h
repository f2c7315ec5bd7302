/* test_graph.h - between the library's graphs and those of the reference. */
#ifndef TEST_GRAPH_H
#define TEST_GRAPH_H

#include "test_reference.h"

/* An empty graph in `test_mem`. */
mt_graph *test_graph_new(void);

/* Holds that a call succeeded; else says what the graph says. */
void test_worked(const mt_graph *graph, mt_status st);

/* A graph of its own family. Rows are merged as they come, in one call. */
mt_graph *test_graph_of_rows(const mt_row *rows, size_t count);
mt_graph *test_graph_of(const ref_graph *graph);

/* As mt_graph_clone, merge, rebase and so on, where they must succeed. */
mt_graph *test_clone(const mt_graph *graph);
mt_delta *test_merge(mt_graph *graph, const mt_graph *incoming);

/* What a graph holds, read through its public functions. */
ref_graph test_read(test_arena *arena, const mt_graph *graph);

/* Holds that a graph is this one, and that what it says of itself is true: order, counts, highest
 * states. */
void test_graph_is(const mt_graph *graph, const ref_graph *expected);

/* Holds that the three parts of a delta are these. `shared`: both graphs were of one family, so
 * that nodes without effect may be left out. */
void test_delta_is(const mt_delta *delta, const ref_delta *expected, bool shared);

/* The rows of a part of a delta, in the arena; nodes that were touched without effect left out. */
mt_row *test_delta_rows(test_arena *arena, const mt_delta *delta, mt_delta_part part,
                        size_t *count);

/* The canonical JSON text, and the snapshot, to be freed. */
mt_buf test_text(const mt_graph *graph);
mt_buf test_snapshot(const mt_graph *graph);

/* Holds that both buffers have the same bytes, and frees them. */
void test_same_bytes(mt_buf a, mt_buf b);

#endif
