/* crdt/merge.h - the merge of one node: the rule itself. */
#ifndef MTI_MERGE_H
#define MTI_MERGE_H

#include "crdt/node.h"

/* What comes in for one node: fields in name order, each once, with states in range and valid
 * values. */
typedef struct mti_incoming {
    mt_bytes uid;
    uint64_t floor;
    size_t count;
    const mt_bytes *names;
    const mti_cell *cells;
    const void *base; /* what the cells lie in */
    mti_shape *shape; /* of the target's family, with these names; NULL: not known */
    bool share;       /* the cells lie in the target's family */
} mti_incoming;

/* Merges `in` into `current` (NULL: there is no such node). `*out` is held once for the caller,
 * or is `current` itself if nothing changes. `*late`: something in `in` is older than what is
 * here. MT_NO_MEMORY. */
mt_status mti_node_merge(mti_family *family, mt_node *current, const mti_incoming *in,
                         mt_node **out, bool *late);

/* A node, held once, with the entries of `tree`, which is emptied if this succeeds: small where they
 * are few. NULL without memory. */
mt_node *mti_node_of_entries(mti_family *family, mt_bytes uid, uint64_t floor, uint64_t state_max,
                             size_t alive, mti_tree *tree);

/* Where the nodes of a graph that is merged lie, and the shape met last among them, which is
 * mostly that of the next. All but `same` begins empty; `own` is held: mti_source_end. */
typedef struct mti_merge_source {
    bool same; /* in the target's family */
    const mti_shape *foreign;
    mti_shape *own; /* the target's, with the names of `foreign` */
} mti_merge_source;

void mti_source_end(mti_family *family, mti_merge_source *source);

/* Merges a node as mti_node_merge. */
mt_status mti_node_merge_node(mti_family *family, mt_node *current, mt_node *incoming,
                              mti_merge_source *source, mt_node **out, bool *late);

#endif
