/* store/index.h - the fingerprint index: what is in any range of nodes, added up.
 *
 *     summaries   first key, sum of all before it, sum of its own     in memory, one of each leaf
 *     leaves      elements in key order: index_leaf.h                 in memory, or in the store
 *
 * A range that begins and ends with leaves is the difference of two sums. Where it begins or ends within
 * one, that leaf is looked into, so it has to be in memory: whoever keeps leaves elsewhere loads it first.
 *
 * Changes are taken in many at once: the leaves that they concern are made anew, all others stay, and the
 * sums are added up once. What the index holds after that follows from the elements alone, not from how
 * they came. */
#ifndef MTI_INDEX_H
#define MTI_INDEX_H

#include "store/index_change.h"

typedef struct mti_leaf {
    uint8_t *first; /* all its keys are at or after this; the first leaf begins before everything */
    uint8_t *bytes; /* NULL: not in memory */
    uint32_t len, cap; /* of the bytes */
    uint16_t first_len;
    bool stored; /* as it is, it rests in the store under `first` */
    mti_leaf_sum sum;
    mti_leaf_sum before; /* of all leaves before it */
} mti_leaf;

typedef struct mti_index {
    const mt_mem *mem;
    mti_leaf *leaves;
    size_t count, cap;
    mti_leaf_sum all;
    size_t held; /* bytes of leaves that are in memory */
} mti_index;

void mti_index_init(mti_index *index, const mt_mem *mem);
void mti_index_free(mti_index *index);

static inline mt_bytes mti_leaf_first(const mti_leaf *leaf)
{
    return (mt_bytes){leaf->first, leaf->first_len};
}

static inline mt_bytes mti_leaf_bytes(const mti_leaf *leaf)
{
    return (mt_bytes){leaf->bytes, leaf->len};
}

/* The last leaf that begins at or before a key: the first, if there is none. There is at least one. */
size_t mti_index_leaf_of(const mti_index *index, mt_bytes key);

/* The same, of a key that is not before that of the leaf `from`: fast, if it is near. */
size_t mti_index_leaf_near(const mti_index *index, mt_bytes key, size_t from);

/* ---- Changing ---- */

/* Changes in key order, those that hold. All zero but for the changes, which are sorted, is before the
 * first. */
typedef struct mti_change_feed {
    const mti_changes *changes;
    size_t at;
    mt_bytes fields; /* of the last uid whose fields were taken away by what was passed */
    mt_bytes passed; /* the key of the last that was passed and is about one element */
} mti_change_feed;

/* Goes through the leaves that changes concern. Begins in the same way. */
typedef struct mti_index_search {
    mti_change_feed feed;
    size_t leaf; /* the next to be looked at */
} mti_index_search;

/* The next of them that is not in memory: SIZE_MAX if there is none. The leaves stay as they are from
 * the first call to the last, but for those that are loaded. */
size_t mti_index_search_next(const mti_index *index, mti_index_search *search);

/* Takes sorted changes in, of which no leaf is missing. `dropped`, if not NULL, is told the first key of
 * each stored leaf that is no more. MT_NO_MEMORY: nothing has changed. */
mt_status mti_index_apply(mti_index *index, const mti_changes *changes, mti_changes *dropped);

/* Puts a leaf behind all others: how an index is read. `bytes` NULL: it is stored, and not in memory; else
 * COPIED. MT_NO_MEMORY. */
mt_status mti_index_append(mti_index *index, mt_bytes first, mt_bytes bytes,
                           const mti_leaf_sum *sum);

/* Gives a leaf that is not in memory its bytes, COPIED. MT_MALFORMED: they are no leaf, or another than
 * its summary says. MT_NO_MEMORY. */
mt_status mti_index_load(mti_index *index, size_t at, mt_bytes bytes);

/* Drops the bytes of leaves that are stored. */
void mti_index_unload(mti_index *index);

/* ---- Adding up ---- */

/* The leaf that has to be in memory for the sum of all before a key: SIZE_MAX if that is known, or is in
 * memory. `key` empty: all. */
size_t mti_index_edge(const mti_index *index, mt_bytes key);

/* What is before a key: nothing is missing. Of keys that ascend: `*near` begins with 0, and is kept from one
 * call to the next. */
mti_leaf_sum mti_index_before_near(const mti_index *index, mt_bytes key, size_t *near);

void mti_leaf_sum_subtract(mti_leaf_sum *sum, const mti_leaf_sum *other);

#endif
