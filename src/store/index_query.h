/* store/index_query.h - what the index answers: prints of spans and of their parts, and the items in them.
 *
 * Spans are in order and do not overlap, and begin and end between nodes. Leaves that are not in memory
 * and have to be looked into are named before; whoever keeps them loads them. */
#ifndef MTI_INDEX_QUERY_H
#define MTI_INDEX_QUERY_H

#include "store/index.h"

/* Whether spans are as they have to be. */
bool mti_spans_valid(const mt_storage_span *spans, size_t count);

/* The next leaf that the prints of spans need and that is not in memory; SIZE_MAX: none is. `*from`
 * begins with 0, and is kept from one call to the next. */
size_t mti_prints_missing(const mti_index *index, const mt_storage_span *spans, size_t count,
                          size_t *from);

/* The prints of spans or, where they are to be divided, of their parts; `first` is BORROWED from the span
 * or the index. Parts begin where leaves do, and have about as many elements each. One allocation of
 * `*count` prints, OWNED. MT_NO_MEMORY. */
mt_status mti_prints_make(const mti_index *index, const mt_storage_span *spans, size_t span_count,
                          mt_storage_print **out, size_t *count);

/* Walks the nodes of spans. All zero but for the first three is before the first. */
typedef struct mti_item_walk {
    const mti_index *index;
    const mt_storage_span *spans;
    size_t span_count;
    size_t span; /* the one it is in */
    bool within; /* it has begun */
    size_t leaf; /* the next to be looked into */
    bool any;    /* `uid` and `print` are of a node that may go on in the next leaf */
    uint8_t uid_len;
    uint8_t uid[MT_UID_LEN_MAX];
    mti_print print;
} mti_item_walk;

/* Room for the items of one leaf. */
typedef struct mti_items {
    size_t count;
    mt_storage_item at[MTI_LEAF_MAX + 1];
    uint8_t text[(MTI_LEAF_MAX + 1) * MT_UID_LEN_MAX + 16]; /* copied in pieces of 16 */
} mti_items;

/* The leaf that comes next and is not in memory; SIZE_MAX: it is, or there is none. */
size_t mti_items_missing(mti_item_walk *walk);

/* The items of the next leaf, perhaps none: their uids lie in `out`. False: there are no more. */
bool mti_items_next(mti_item_walk *walk, mti_items *out);

#endif
