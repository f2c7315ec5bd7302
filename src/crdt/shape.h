/* crdt/shape.h - a list of field names, kept once for all nodes that have just these fields.
 *
 * Graphs hold many nodes of few kinds. A small node points at a shape instead of naming its
 * fields, and two nodes of one shape are merged field by field without looking at a name.
 *
 * A family is what graphs that came from one another by cloning share: the heap, and the shapes
 * in it. */
#ifndef MTI_SHAPE_H
#define MTI_SHAPE_H

#include "base/heap.h"
#include "base/tree.h"

/* A node with more fields than this has a tree of them instead of a shape. */
#define MTI_SHAPE_FIELDS_MAX 64
#define MTI_SHAPE_RECENT 256 /* 2^8: see recent_slot */

/* The names in order, and as one run of bytes: of each its length and its bytes. */
typedef struct mti_shape {
    uint32_t refs;
    uint32_t count;
    mt_bytes list;
    mt_bytes names[];
} mti_shape;

typedef struct mti_family {
    size_t refs;
    mti_heap heap;
    mti_tree shapes;
    mti_shape *recent[MTI_SHAPE_RECENT]; /* held; by a hash of the names */
    uint8_t *list;                       /* where a list is put together */
    size_t list_cap;
} mti_family;

mt_status mti_family_new(const mt_mem *mem, mti_family **out);
void mti_family_hold(mti_family *family);

/* Lets go; with the last holder goes all that the family's graphs held. */
void mti_family_release(mti_family *family);

/* The shape with these names, which are valid, in order, each once, at most
 * MTI_SHAPE_FIELDS_MAX; held once more for the caller. NULL without memory. */
mti_shape *mti_shape_of(mti_family *family, const mt_bytes *names, size_t count);

/* The same, if the family has used it lately, else NULL. `names` come from outside, in any
 * order, checked or not: those of a shape are in order and valid. */
mti_shape *mti_shape_recent(mti_family *family, const mt_bytes *names, size_t stride, size_t count);

/* The shape with the same names as one of another family. */
mti_shape *mti_shape_like(mti_family *family, const mti_shape *foreign);

void mti_shape_release(mti_family *family, mti_shape *shape);

#endif
