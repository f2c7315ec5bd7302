/* crdt/part.h - nodes of which only a part is in memory, as it is read from storage piece by
 * piece. */
#ifndef MTI_PART_H
#define MTI_PART_H

#include "crdt/graph.h"

/* What was read of a node. Everything is as it is stored, so that nothing here is news: fields that
 * the graph has already stay as they are. */
typedef struct mti_part {
    mt_bytes uid;
    uint64_t floor;
    uint64_t state_max;     /* of the whole node */
    const mt_field *fields; /* in name order */
    size_t count;
    const mt_bytes *absent; /* names that the node does not have */
    size_t absent_count;
    bool whole; /* with these, every field is in memory */
} mti_part;

/* Adds a part to a node that is not there yet, or is partial. No listener is told: to load is not to
 * change. MT_NO_MEMORY; MT_INVALID and its like where a field is none. */
mt_status mti_graph_load_part(mt_graph *graph, const mti_part *part);

#endif
