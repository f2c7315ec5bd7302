/* test_inspect.h - graphs seen from within. */
#ifndef TEST_INSPECT_H
#define TEST_INSPECT_H

#include "crdt/graph.h"
#include "test_tree.h"

/* Holds that every page, node, entry, cell, blob and shape that the graph reaches is as it must
 * be. */
void test_inspect(const mt_graph *graph);

/* The same for a graph that shares nothing with another or with a delta: each object has one
 * holder, and all that the heap has handed out is reached. */
void test_inspect_alone(const mt_graph *graph);

/* Keeps a graph's family beyond its graphs and deltas, and then holds that they left nothing in its
 * heap but the shapes that the family keeps. */
mti_family *test_family_keep(const mt_graph *graph);
void test_family_end(mti_family *family);

#endif
