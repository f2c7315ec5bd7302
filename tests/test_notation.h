/* test_notation.h - graphs in a line, for tests of what is done to them.
 *
 *     ada^3 name='Ada'@4 old=~@5, bob      two nodes; a floor of 3, a text, a delete marker
 *     !ada name='Ada' old=~                a row of a patch, which deletes the node first
 *
 * Nodes and rows are separated by a comma and a space, fields by a space. A value is null, true,
 * false, a number, 'text', &uid for an edge, #digits for an integer, $text for bytes, or ~ for a
 * delete marker. What is written here comes in uid and name order; what is read may stand in
 * any. */
#ifndef TEST_NOTATION_H
#define TEST_NOTATION_H

#include "test_graph.h"

/* The rows that stand in a text. */
mt_row *test_rows_read(test_arena *arena, const char *text, size_t *count);

/* A graph of these nodes, OWNED. */
mt_graph *test_graph_from(const char *text);

/* Patches or merges the rows that stand in a text. `delta` may be NULL. */
mt_status test_patch(mt_graph *graph, const char *rows, uint64_t state, mt_delta **delta);
mt_status test_merge_rows(mt_graph *graph, const char *rows, mt_delta **delta);

/* Fails unless a graph is this one. */
void test_graph_says(const mt_graph *graph, const char *expected);

/* Fails unless MT_UPDATE or MT_HISTORY of a delta is this. Nodes that were touched without effect
 * are written too; those that were created as +uid. */
void test_part_says(const mt_delta *delta, mt_delta_part part, const char *expected);

/* The same of MT_CONFLICT: "ada name='Ada'@4<'Eve'@4" says that 'Ada' lost. Nodes without any are
 * left out. */
void test_conflict_says(const mt_delta *delta, const char *expected);

/* The rows of a patch. */
void test_rows_say(const mt_row *rows, size_t count, const char *expected);

/* Fails unless the last call on a graph failed like this. */
void test_error_is(const mt_graph *graph, mt_status status, const char *text);

#endif
