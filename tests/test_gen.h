/* test_gen.h - graphs, rows and patches out of a seed.
 *
 * All that one case makes comes from one small universe, so that uids, names, values and states
 * meet: every order and every tie happens. Now and then the universe is a large one, so that nodes
 * become trees and trees split. */
#ifndef TEST_GEN_H
#define TEST_GEN_H

#include "test_reference.h"

typedef enum gen_size {
    GEN_SMALL,      /* up to 3 nodes of up to 5 fields */
    GEN_LARGE_NODE, /* one or two nodes, up to 400 fields each */
    GEN_MANY_NODES  /* several hundred nodes */
} gen_size;

/* What the graphs of a case are made of. */
typedef struct gen_universe {
    gen_size size;
    size_t uid_count, name_count;
    size_t presence;    /* in 100: how many of the names a node has */
    size_t floors;      /* in 100: how many nodes have a floor */
    uint64_t state_low; /* states are this + 1 to this + 6 */
    unsigned uid_style; /* how uids and names begin: some share long prefixes */
    unsigned name_style;
} gen_universe;

/* Mostly a small one. */
gen_universe gen_any(test_case *c);
gen_universe gen_of_size(test_case *c, gen_size size);

/* Any value that a graph may hold; few enough that two are often equal. */
mt_value gen_value(test_case *c);

/* Any value at all: random doubles, integers, texts, bytes and uids. */
mt_value gen_wild_value(test_case *c);

/* The names and uids of a universe. */
mt_bytes gen_uid(test_case *c, const gen_universe *u, size_t i);
mt_bytes gen_name(test_case *c, const gen_universe *u, size_t i);

ref_graph gen_graph(test_case *c, const gen_universe *u);

/* The rows of a graph, in random order, their fields too. With `mess`: a node in several rows, some
 * of them twice, and fields that lie below the floor of their row. */
mt_row *gen_rows(test_case *c, const ref_graph *graph, bool mess, size_t *count);

/* Rows for mt_graph_patch, valid, no uid twice. */
mt_row *gen_patch(test_case *c, const gen_universe *u, size_t *count);

/* Puts items in random order. */
void gen_shuffle(test_case *c, void *items, size_t count, size_t size);

#endif
