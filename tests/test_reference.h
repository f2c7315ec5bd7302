/* test_reference.h - the rule once more, naive and slow, to compare the library with.
 *
 * A graph is a list of nodes in any order, a node a list of fields in any order; whatever is looked
 * for is looked for one by one. Values compare by their JSON text, turned into UTF-16 and compared
 * unit by unit. Of the library it uses the text of a value and nothing else. */
#ifndef TEST_REFERENCE_H
#define TEST_REFERENCE_H

#include "test_law.h"
#include <mytosis/graph.h>

typedef struct ref_node {
    mt_bytes uid;
    uint64_t floor;
    mt_field *fields; /* none at or below the floor */
    size_t count, room;
    bool created; /* in an update or history: the node was not there before */
} ref_node;

/* All zero, but for the arena, is an empty graph. Names and values are BORROWED from the arena. */
typedef struct ref_graph {
    test_arena *arena;
    ref_node *nodes;
    size_t count, room;
} ref_graph;

typedef struct ref_conflict {
    mt_bytes uid;
    mt_field won, lost;
} ref_conflict;

/* Every node that was touched is in update and in history, with nothing in it if there was no
 * effect. */
typedef struct ref_delta {
    ref_graph update, history;
    ref_conflict *conflicts;
    size_t conflict_count, conflict_room;
    bool late; /* something in history came too late */
} ref_delta;

/* The node or field, or NULL. */
ref_node *ref_get(const ref_graph *graph, mt_bytes uid);
mt_field *ref_field(const ref_node *node, mt_bytes name);

/* The node, which is added if it is not there. BORROWED until the next one is added. */
ref_node *ref_add(ref_graph *graph, mt_bytes uid);

/* Puts a field in the place of that with the same name, or adds it. */
void ref_put(ref_graph *graph, ref_node *node, const mt_field *field);

/* Takes the field at `i` out, or the node at `i`. */
void ref_drop_field(ref_node *node, size_t i);
void ref_drop_node(ref_graph *graph, size_t i);

/* A copy whose nodes and fields can be changed apart from those of `graph`. */
ref_graph ref_copy(const ref_graph *graph);

/* Whether all is the same but for the order in which it stands. */
bool ref_equal(const ref_graph *a, const ref_graph *b);
bool ref_field_equal(const mt_field *a, const mt_field *b);

/* The order of values: negative, zero or positive. */
int ref_value_compare(const mt_value *a, const mt_value *b);

/* As mt_graph_merge. `delta` may be NULL. */
ref_graph ref_merge(const ref_graph *current, const ref_graph *incoming, ref_delta *delta);

/* As mt_graph_patch, for rows that are valid. MT_STATE leaves the outputs alone. */
mt_status ref_patch(const ref_graph *current, const mt_row *rows, size_t count, uint64_t state,
                    ref_graph *out, ref_delta *delta);

/* As mt_graph_rebase: MT_OK or MT_STATE. */
mt_status ref_rebase(const ref_graph *source, const ref_graph *target, ref_graph *out);

/* As mt_graph_overlap and mt_graph_diff. */
ref_graph ref_overlap(const ref_graph *source, const ref_graph *target);
ref_graph ref_diff(const ref_graph *a, const ref_graph *b);

#endif
