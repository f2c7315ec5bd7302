/* mytosis/delta.h - what a patch or a merge did.
 *
 * A delta holds the nodes before, after and incoming, SHARED with the graphs, and copies
 * nothing. It has three parts, each a list of nodes with some of their fields, in uid order:
 *
 *   update    fields and floors that changed, as they are now: merged elsewhere,
 *             they have the same effect
 *   history   what was overwritten, and what came too late
 *   conflict  fields whose equal state the incoming side won: what won and what lost */
#ifndef MYTOSIS_DELTA_H
#define MYTOSIS_DELTA_H

#include <mytosis/node.h>

MT_BEGIN_DECLS

/* What a merge did. */
typedef struct mt_delta mt_delta;

/* A copy, OWNED, that shares all with the delta: to keep one that is BORROWED, such as that of an
 * event, for undoing it later. What it holds counts in the memory of the graph or database.
 * MT_NO_MEMORY. */
MT_API MT_MUST_USE mt_status mt_delta_clone(const mt_delta *delta, mt_delta **out);

/* Frees a delta. NULL is accepted. Its graphs may be gone already. */
MT_API void mt_delta_free(mt_delta *delta);

/* Its parts: fields that changed; what was overwritten, or came too late; and equal states that
 * the incoming side won. */
typedef enum mt_delta_part { MT_UPDATE, MT_HISTORY, MT_CONFLICT } mt_delta_part;

/* One node of a part. */
typedef struct mt_delta_node {
    mt_bytes uid;
    const mt_node *before; /* the whole node, BORROWED from the delta; NULL: there was none */
    const mt_node *after;
    uint64_t floor; /* in update: the new one; in history: the lower one; 0: it played no part */
    bool created;   /* the node was not there before */
    bool empty;     /* no field, no floor, and not created: it was touched without effect */
} mt_delta_node;

/* A field on which the incoming side won an equal state. A floor that wins shows as a delete
 * marker. */
typedef struct mt_conflict {
    mt_field won;
    mt_field lost;
} mt_conflict;

/* Walks a part. Members are private. */
typedef struct mt_delta_iter {
    const mt_delta *delta;
    mt_delta_part part;
    size_t at;
    mt_field_iter before;
    mt_field_iter after;
    mt_field_iter incoming;
    mt_field held[4];
    uint8_t have;
} mt_delta_iter;

/* Whether the graph changed at all. */
MT_API bool mt_delta_changed(const mt_delta *delta);

/* Whether a part holds neither field nor floor nor created node. */
MT_API bool mt_delta_part_empty(const mt_delta *delta, mt_delta_part part);

/* Starts before the first node of a part. The delta is BORROWED while the iterator is used. */
MT_API void mt_delta_iter_init(mt_delta_iter *iter, const mt_delta *delta, mt_delta_part part);

/* The next node that the merge touched, with effect or without; false at the end. Views are
 * BORROWED from the delta. */
MT_API bool mt_delta_iter_node(mt_delta_iter *iter, mt_delta_node *out);

/* The next field of that node, in name order, of MT_UPDATE or MT_HISTORY; false at its end. */
MT_API bool mt_delta_iter_field(mt_delta_iter *iter, mt_field *out);

/* The next conflict of that node, in name order, of MT_CONFLICT; false at its end. */
MT_API bool mt_delta_iter_conflict(mt_delta_iter *iter, mt_conflict *out);

/* The patch that undoes the delta: rows for mt_graph_patch, OWNED together, in uid order.
 * Written to the graph as the delta left it, every reader sees again what was there before. */
typedef struct mt_patch mt_patch;

/* MT_NO_MEMORY. The rows are views of the delta: free the patch before it. */
MT_API MT_MUST_USE mt_status mt_delta_revert(const mt_delta *delta, mt_patch **out);

/* The rows of a patch, BORROWED from it. */
MT_API const mt_row *mt_patch_rows(const mt_patch *patch, size_t *count);

/* Frees a patch. NULL is accepted. */
MT_API void mt_patch_free(mt_patch *patch);

MT_END_DECLS
#endif
