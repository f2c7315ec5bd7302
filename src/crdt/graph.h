/* crdt/graph.h - a graph inside: nodes by uid, and how a change of many nodes happens wholly or
 * not at all.
 *
 *     row -> mti_incoming_row -> incoming --+
 *                                           +-- mti_node_merge -> graph_apply -> tree, log
 *     node of another graph ----------------+
 *
 * The log of what was applied is the delta; on failure it is undone from its end. */
#ifndef MTI_GRAPH_H
#define MTI_GRAPH_H

#include "crdt/delta.h"
#include "crdt/merge.h"

typedef struct mti_listening {
    mt_graph_listener *listener;
    void *ctx;
} mti_listening;

/* Where a row becomes an incoming. */
typedef struct mti_scratch {
    mt_bytes *names;
    mti_cell *cells;
    uint32_t *order; /* of a row whose fields do not stand in name order */
    size_t name_cap, cell_cap, order_cap;
} mti_scratch;

struct mt_graph {
    const mt_mem *mem;
    mti_family *family;
    mti_tree nodes;
    uint64_t version; /* counts changes of `nodes` */
    mt_limits limits;
    mti_tree_place
        last; /* of the node written last: the next is often the same, or the one behind it */
    mti_scratch scratch;
    mt_delta *spare; /* a log for changes of which nobody wants to know; NULL: none made yet */
    mti_listening *listeners;
    size_t listener_count, listener_cap;
    mt_error error;
};

/* An empty graph of a family, which is held once more. */
mt_status mti_graph_new_in(const mt_mem *mem, mti_family *family, const mt_limits *limits,
                           mt_graph **out);

/* Puts a node in its place; it is MOVED whatever happens. */
mt_status mti_graph_put(mt_graph *graph, mt_node *node);

/* Checks a row (its uid only if it is not `known` to be one) and puts it into `graph->scratch`: `out` is BORROWED from there and from the row.
 * With `states`, the fields' states are checked and those at or below the row's floor left out;
 * without, they are 0 in the cells. `out->shape` is held where it is known: mti_incoming_end. */
mt_status mti_incoming_row(mt_graph *graph, const mt_row *row, bool known, bool states,
                           mti_incoming *out);
void mti_incoming_end(mt_graph *graph, mti_incoming *in);

/* Gives the cells of an incoming patch their states, and it its floor. `state` as in
 * mt_graph_patch. */
mt_status mti_incoming_stamp(mt_graph *graph, const mt_node *current, const mt_row *row,
                             uint64_t state, mti_incoming *in);

/* Takes a change back, which nothing has come after but what was taken back already. Needs no memory,
 * for no other graph shares the pages of this one. */
void mti_graph_take_back(mt_graph *graph, const mt_delta *delta);

/* Merges an incoming into `current`, which was found at `place`. For the length of one change,
 * `log` collects what it did; with `record`, also what had no effect or came too late. */
mt_status mti_graph_apply(mt_graph *graph, const mti_tree_place *place, mt_node *current,
                          const mti_incoming *in, mt_delta *log, bool record);

#endif
