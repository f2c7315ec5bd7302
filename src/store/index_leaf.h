/* store/index_leaf.h - a page of the fingerprint index: some elements in key order, as bytes.
 *
 *     leaf      element, one after the other
 *     element   shared: byte | rest: number | text(rest)      the key: so much of the one before, and this
 *               parts: byte                                   1 living, 2 deleted
 *               state: number                                 the highest, zigzag of the difference to the
 *                                                             one before
 *               living: 16 bytes, deleted: 16 bytes           those of the two that are there
 *
 * An element is what one record of the store holds: a small node, under its uid; a field of a large one,
 * under uid | 00 | name; the floor of a large one, under its uid. So what the index holds follows from
 * the records, whatever happened before.
 *
 * A leaf begins where the key's checksum says so, if the one before is long enough: two replicas that hold
 * the same then mostly have the same leaves, and compare them without looking into any. Nothing but speed
 * rests on that. */
#ifndef MTI_INDEX_LEAF_H
#define MTI_INDEX_LEAF_H

#include "base/bytes.h"
#include "crdt/fingerprint.h"

/* The longest key: uid | 00 | name. */
#define MTI_ELEMENT_KEY_MAX (MT_UID_LEN_MAX + 1 + MT_NAME_LEN_MAX)

/* How many elements a leaf has; fewer only where some were taken out, or it is the last. */
#define MTI_LEAF_MIN 16u
#define MTI_LEAF_MAX 96u
#define MTI_LEAF_MASK 31u /* one in 32 keys begins a leaf */

/* The most bytes that an element takes. */
#define MTI_ELEMENT_LEN_MAX (1 + 2 + MTI_ELEMENT_KEY_MAX + 1 + 10 + 32)

typedef struct mti_element {
    mt_bytes key;
    mti_print print;
} mti_element;

/* Whether the element is a node, and not a field of one. */
static inline bool mti_element_is_node(mt_bytes key)
{
    return memchr(key.data, 0, key.len) == NULL;
}

/* The uid in a key. */
mt_bytes mti_element_uid(mt_bytes key);

/* ---- Reading ---- */

typedef struct mti_leaf_iter {
    const uint8_t *at, *end;
    uint64_t state;
    size_t key_len;
    uint8_t key[MTI_ELEMENT_KEY_MAX];
    bool bad; /* the bytes are no leaf */
} mti_leaf_iter;

void mti_leaf_iter_init(mti_leaf_iter *iter, mt_bytes leaf);

/* The next element, its key BORROWED from the iterator until the next; false at the end. */
bool mti_leaf_iter_next(mti_leaf_iter *iter, mti_element *out);

/* The elements of a leaf that has nodes alone, behind those of `items`, of which there are `*count` with
 * `*text_len` bytes of uids in `text`: as the iterator gives them, and several times as fast. There is room
 * for MTI_LEAF_MAX more, and for MT_UID_LEN_MAX bytes of each. */
void mti_leaf_nodes(mt_bytes leaf, mt_storage_item *items, size_t *count, uint8_t *text,
                    size_t *text_len);

/* ---- Writing ---- */

/* What is in a leaf, or in several. */
typedef struct mti_leaf_sum {
    mt_sum living, deleted;
    uint64_t nodes;
    uint64_t elements;
} mti_leaf_sum;

void mti_leaf_sum_add(mti_leaf_sum *sum, const mti_element *element);

/* A leaf that is being made: elements are added in key order. */
typedef struct mti_leaf_writer {
    mt_buf bytes;
    mti_leaf_sum sum;
    uint64_t state;
    size_t key_len;
    uint8_t key[MTI_ELEMENT_KEY_MAX]; /* the last */
} mti_leaf_writer;

/* Begins the next leaf in the same buffer. */
void mti_leaf_writer_clear(mti_leaf_writer *writer);

/* Whether a leaf ends before this key. */
bool mti_leaf_writer_ends(const mti_leaf_writer *writer, mt_bytes key);

/* MT_NO_MEMORY leaves the leaf as it was. */
mt_status mti_leaf_writer_add(mti_leaf_writer *writer, const mti_element *element);

#endif
