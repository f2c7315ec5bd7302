/* mytosis/node.h - a node: a map from names to fields, and how to read it.
 *
 * A field holds a value and its state, a version that only grows. Merge keeps the field with the
 * higher state; at equal states, a value beats a delete marker, and of two values the one with
 * the greater JSON text stays. A node's floor stands for every field of it: what is at or below
 * the floor is gone. */
#ifndef MYTOSIS_NODE_H
#define MYTOSIS_NODE_H

#include <mytosis/value.h>

MT_BEGIN_DECLS

/* Whether a field lives. */
typedef enum mt_field_kind {
    MT_FIELD_VALUE = 0,
    MT_FIELD_DELETED = 1 /* a delete marker: `value` is null and means nothing */
} mt_field_kind;

/* How a field's values join. There is one way so far; unknown ones are refused by name. */
typedef enum mt_field_type { MT_TYPE_REGISTER = 0 } mt_field_type;

/* A field, as it is read and written. What it points to is BORROWED. */
typedef struct mt_field {
    mt_bytes name;
    mt_value value;
    uint64_t state; /* 1 to MT_STATE_MAX */
    mt_field_kind kind;
    mt_field_type type;
} mt_field;

/* A node, or a part of one, as it travels: what readers give and what patch and merge take. All
 * in it is BORROWED. Fields stand in name order, each name once, wherever mytosis made the row;
 * where it takes one, any order will do. */
typedef struct mt_row {
    mt_bytes uid;
    const mt_field *fields;
    size_t count;
    uint64_t floor;     /* 0: none */
    mt_bytes extension; /* bytes that travel along, outside of merge and equality; may be empty */
    const void *shape;  /* mytosis' own: NULL in a row that you make */
    bool delete_node;   /* in a patch: delete the node before its fields are written */
    bool more;          /* from a reader: the next row goes on with the same node */
} mt_row;

/* A node of a graph. BORROWED from its graph until that graph next changes or is freed. Threads:
 * that of the graph. */
typedef struct mt_node mt_node;

MT_API mt_bytes mt_node_uid(const mt_node *node);   /* BORROWED from the node */
MT_API uint64_t mt_node_floor(const mt_node *node); /* or 0: it has none */
MT_API uint64_t
mt_node_state_max(const mt_node *node); /* the highest state of a field or the floor; or 0 */

/* Whether only a part of the node is in memory: that of a large node in a database. Its counts,
 * its iterator and its snapshot then show that part. */
MT_API bool mt_node_partial(const mt_node *node);

/* How many fields are alive. A node whose count is 0 does not exist for readers. */
MT_API size_t mt_node_count(const mt_node *node);

/* How many fields there are, delete markers included. */
MT_API size_t mt_node_count_all(const mt_node *node);

/* Looks a living field up. `*out` gets views BORROWED from `node`. MT_NOT_FOUND: no such field,
 * or it is deleted. MT_NOT_LOADED: that is not known here, the node is partial. `*out` is then
 * untouched. */
MT_API MT_MUST_USE mt_status mt_node_get(const mt_node *node, mt_bytes name, mt_field *out);

/* The same, with delete markers. */
MT_API MT_MUST_USE mt_status mt_node_get_any(const mt_node *node, mt_bytes name, mt_field *out);

/* Whether uid, floor and every field with its state are the same. */
MT_API bool mt_node_equal(const mt_node *a, const mt_node *b);

/* Appends the living fields as plain JSON without states: {"age":7,"name":"Ada"}. MT_NO_MEMORY
 * leaves `out` as it was. */
MT_API MT_MUST_USE mt_status mt_node_snapshot(const mt_node *node, mt_buf *out);

/* Walks a map in key order. Needs no end call and no memory. Members are private. BORROWED from
 * the map until it next changes. */
#define MT_WALK_DEPTH 12
typedef struct mt_walk {
    const void *page[MT_WALK_DEPTH];
    uint16_t at[MT_WALK_DEPTH];
    int level;
} mt_walk;

/* Walks a node's fields in name order. */
typedef struct mt_field_iter {
    const mt_node *node;
    mt_walk walk;
    uint32_t at;
    bool any;
} mt_field_iter;

/* Starts before the first field; `any`: delete markers too. */
MT_API void mt_field_iter_init(mt_field_iter *iter, const mt_node *node, bool any);

/* The next field, its views BORROWED from the node; false at the end. */
MT_API bool mt_field_iter_next(mt_field_iter *iter, mt_field *out);

MT_END_DECLS
#endif
