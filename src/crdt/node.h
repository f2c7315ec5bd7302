/* crdt/node.h - how a node lies in memory.
 *
 *     small node   | header | uid | pad | cell 0 | cell 1 | ... | bytes of short strings ... |
 *     large node   | header | uid | pad | tree of entries |
 *     entry        | header | cell | name | bytes of a short string |
 *
 * A cell is a field without its name: state, kinds and, in 8 bytes, the value or where it is.
 * The names of a small node are its shape. Nodes, entries and blobs are never changed once
 * others can see them: whoever merges makes new ones, and those who hold the old keep them. That
 * is what clones, deltas and branches rest on. */
#ifndef MTI_NODE_H
#define MTI_NODE_H

#include "base/assert.h"
#include "base/bytes.h"
#include "crdt/shape.h"

#include <mytosis/graph.h>

typedef struct mti_cell {
    uint64_t head;    /* see below */
    uint64_t payload; /* boolean, double, int64; or bytes, as `where` says */
} mti_cell;

/* head: state 53 bits | value kind or MTI_CELL_DELETED 3 bits | where 2 bits | length of inline
 * bytes 4 bits */
#define MTI_CELL_DELETED 7u
#define MTI_CELL_INLINE_MAX 8

typedef enum mti_cell_where {
    MTI_INLINE = 0, /* in the payload */
    MTI_WITHIN = 1, /* offset from the node or entry, and length, 32 bits each */
    MTI_BLOB = 2,   /* an mti_blob, held */
    MTI_FOREIGN = 3 /* an mt_bytes of the caller's; only while a merge runs */
} mti_cell_where;

/* Bytes longer than this are a blob of their own, so that a write copies little. */
#define MTI_WITHIN_MAX 128

typedef struct mti_blob {
    uint32_t refs;
    uint32_t len;
    uint8_t data[];
} mti_blob;

/* Flags of a node. A partial one lacks fields that rest in storage. It lies as a large node does,
 * however few fields it has; a name known to have no field is an entry of state 0. */
#define MTI_NODE_PARTIAL 1u
#define MTI_NODE_USED 2u /* read or written lately; changes in a node that others see */

struct mt_node {
    uint32_t refs;
    uint32_t size; /* bytes in all, as allocated */
    uint64_t floor;
    uint64_t state_max; /* the floor or the highest state of a field */
    uint32_t count;     /* fields */
    uint32_t alive;     /* of which are not delete markers */
    mti_shape *shape;   /* NULL: a large node */
    uint8_t flags;
    uint8_t uid_len;
    uint8_t uid[];
};

typedef struct mti_entry {
    uint32_t refs;
    uint32_t size;
    mti_cell cell;
    uint8_t name_len;
    uint8_t name[];
} mti_entry;

extern const mti_tree_kind mti_node_kind;  /* ctx: mti_family */
extern const mti_tree_kind mti_entry_kind; /* ctx: mti_family */

static inline uint64_t mti_cell_state(const mti_cell *cell)
{
    return cell->head & MT_STATE_MAX;
}
static inline unsigned mti_cell_kind(const mti_cell *cell)
{
    return cell->head >> 53 & 7;
}
static inline mti_cell_where mti_cell_place(const mti_cell *cell)
{
    return (mti_cell_where)(cell->head >> 56 & 3);
}
/* The entry of a name that a partial node is known not to have. */
static inline bool mti_cell_absent(const mti_cell *cell)
{
    return mti_cell_state(cell) == 0;
}
static inline bool mti_cell_deleted(const mti_cell *cell)
{
    return mti_cell_kind(cell) == MTI_CELL_DELETED;
}

static inline size_t mti_node_body(size_t uid_len)
{
    return (offsetof(mt_node, uid) + uid_len + 7) & ~(size_t)7;
}
static inline mti_cell *mti_node_cells(const mt_node *node)
{
    return (mti_cell *)((uint8_t *)node + mti_node_body(node->uid_len));
}
static inline mti_tree *mti_node_tree(const mt_node *node)
{
    return (mti_tree *)((uint8_t *)node + mti_node_body(node->uid_len));
}
static inline mt_bytes mti_entry_name(const mti_entry *entry)
{
    mt_bytes name = {entry->name, entry->name_len};
    return name;
}

static inline uint64_t mti_cell_head(uint64_t state, unsigned kind, mti_cell_where where,
                                     size_t len)
{
    return state | (uint64_t)kind << 53 | (uint64_t)where << 56 | (uint64_t)len << 58;
}

/* The cell of a field as it travels. Strings of the field are BORROWED by the cell. In a patch the field's state may be
 * anything and means nothing. */
static inline void mti_cell_of(const mt_field *field, mti_cell *cell)
{
    const mt_value *value = &field->value;
    uint64_t state = field->state & MT_STATE_MAX, payload = 0;

    if (field->kind == MT_FIELD_DELETED) {
        cell->head = mti_cell_head(state, MTI_CELL_DELETED, MTI_INLINE, 0);
        cell->payload = 0;
        return;
    }
    cell->head = mti_cell_head(state, value->kind, MTI_INLINE, 0);
    switch (value->kind) {
    case MT_NULL: break;
    case MT_BOOL: payload = value->as.boolean; break;
    case MT_NUMBER: memcpy(&payload, &value->as.number, 8); break;
    case MT_INT: memcpy(&payload, &value->as.integer, 8); break;
    case MT_STRING:
    case MT_BYTES:
    case MT_EDGE: {
        size_t len = value->as.bytes.len;
        if (len <= MTI_CELL_INLINE_MAX) {
            cell->head |= (uint64_t)len << 58;
            for (size_t i = 0; i < len; i++) ((uint8_t *)&payload)[i] = value->as.bytes.data[i];
        } else {
            cell->head |= (uint64_t)MTI_FOREIGN << 56;
            payload = (uintptr_t)&value->as.bytes;
        }
        break;
    }
    }
    cell->payload = payload;
}

/* The bytes of a string, bytes or edge. `base` is the node or entry that the cell lies in. */
static inline mt_bytes mti_cell_bytes(const void *base, const mti_cell *cell)
{
    mt_bytes bytes = {NULL, 0};

    switch (mti_cell_place(cell)) {
    case MTI_INLINE:
        bytes.data = (const uint8_t *)&cell->payload;
        bytes.len = cell->head >> 58 & 15;
        break;
    case MTI_WITHIN:
        bytes.data = (const uint8_t *)base + (uint32_t)cell->payload;
        bytes.len = (size_t)(cell->payload >> 32);
        break;
    case MTI_BLOB: {
        const mti_blob *blob = (const mti_blob *)(uintptr_t)cell->payload;
        mti_assert(blob);
        bytes.data = blob->data;
        bytes.len = blob->len;
        break;
    }
    case MTI_FOREIGN:
        mti_assert(cell->payload);
        bytes = *(const mt_bytes *)(uintptr_t)cell->payload;
        break;
    }
    return bytes;
}

/* The field that a cell is, with views of `base`. */
void mti_cell_field(const void *base, const mti_cell *cell, mt_bytes name, mt_field *out);

/* Whether two cells are the same field but for their names. */
static inline bool mti_cell_equal(const void *base_a, const mti_cell *a, const void *base_b,
                                  const mti_cell *b)
{
    const uint64_t mask = MT_STATE_MAX | UINT64_C(7) << 53;

    if ((a->head ^ b->head) & mask) return false;
    if (mti_cell_kind(a) < MT_STRING || mti_cell_deleted(a)) return a->payload == b->payload;
    if (mti_cell_place(a) == MTI_INLINE && mti_cell_place(b) == MTI_INLINE)
        return a->head == b->head && a->payload == b->payload;
    if (mti_cell_place(a) == MTI_BLOB && a->head == b->head && a->payload == b->payload)
        return true;
    return mti_bytes_same(mti_cell_bytes(base_a, a), mti_cell_bytes(base_b, b));
}

/* The order of the merge rule between two fields: state, then kind, then text. */
int mti_cell_compare(const void *base_a, const mti_cell *a, const void *base_b, const mti_cell *b);

/* The same between fields as they travel. */
int mti_field_compare(const mt_field *a, const mt_field *b);

/* A cell, and what it lies in. `share`: a blob of it may be held instead of copied. */
typedef struct mti_pick {
    const void *base;
    const mti_cell *cell;
    bool share;
} mti_pick;

/* A small node, held once. `shape` is MOVED if this succeeds. NULL without memory. */
mt_node *mti_node_new(mti_family *family, mt_bytes uid, uint64_t floor, uint64_t state_max,
                      mti_shape *shape, const mti_pick *picks);

/* A cell that takes the place of a small node's field `at`. */
typedef struct mti_edit {
    size_t at;
    mti_pick pick;
} mti_edit;

/* A small node with some of its fields replaced, held once: faster than one made from picks. NULL
 * and not `*fits`: a new value needs more room than the old one, or one of the two is a blob. NULL
 * and `*fits`: without memory. What a shorter value leaves free stays so until the node is made
 * anew. */
mt_node *mti_node_edit(mti_family *family, const mt_node *node, uint64_t state_max,
                       const mti_edit *edits, size_t count, bool *fits);

/* A small node of another family, held once, in this one. `shape` is MOVED if this succeeds.
 * NULL without memory. */
mt_node *mti_node_copy(mti_family *family, const mt_node *foreign, mti_shape *shape);

/* A large node, held once, with the entries of `tree`, which is MOVED if this succeeds. NULL
 * without memory. */
mt_node *mti_node_new_large(mti_family *family, mt_bytes uid, uint64_t floor, uint64_t state_max,
                            size_t alive, const mti_tree *tree);

/* The same for a partial node; `tree` is emptied if this succeeds. */
mt_node *mti_node_new_partial(mti_family *family, mt_bytes uid, uint64_t floor, uint64_t state_max,
                              size_t alive, mti_tree *tree);

/* An entry, held once. NULL without memory. */
mti_entry *mti_entry_new(mti_family *family, mt_bytes name, const mti_pick *pick);

void mti_node_release(mti_family *family, mt_node *node);
void mti_entry_release(mti_family *family, mti_entry *entry);

static inline mti_tree_env mti_node_env(mti_family *family)
{
    mti_tree_env env = {&mti_node_kind, &family->heap, family};
    return env;
}
static inline mti_tree_env mti_entry_env(mti_family *family)
{
    mti_tree_env env = {&mti_entry_kind, &family->heap, family};
    return env;
}

/* Where `name` is in a small node's shape; false if it is not there. */
bool mti_shape_find(const mti_shape *shape, mt_bytes name, size_t *at);

static inline bool mti_node_is_partial(const mt_node *node)
{
    return node->flags & MTI_NODE_PARTIAL;
}

/* The cell of a field of any node, NULL if there is none; `*base` gets what it lies in. */
const mti_cell *mti_node_find(const mt_node *node, mt_bytes name, const void **base);

#endif
