/* store/index_record.h - how the fingerprint index rests in the engine.
 *
 *     x | first key of the leaf    living: 16 | deleted: 16 | nodes: number | elements: number | leaf | seal
 *     x | 00 | m                   suite: number | key check: 8 | watermark: number | leaves: number | seal
 *     x | 00 | r | uid             seal: the node is to be read anew, since the log does not say all: it was
 *                                  forgotten, or has become a large one, so that fields are elements that
 *                                  did not change
 *
 * No uid begins with a zero byte, so that what is about the index itself comes before all leaves. */
#ifndef MTI_INDEX_RECORD_H
#define MTI_INDEX_RECORD_H

#include "store/batch.h"
#include "store/index.h"
#include "store/key.h"

#define MTI_KEY_INDEX 'x'

/* What is known of an index as it is stored. */
typedef struct mti_index_meta {
    uint64_t watermark; /* changes of the log up to this one are in the leaves */
    uint64_t leaves;    /* how many there are */
} mti_index_meta;

/* Its key; static. */
mt_bytes mti_index_meta_key(void);

/* What a key says. */
typedef enum mti_index_record {
    MTI_INDEX_LEAF, /* the rest is the leaf's first key */
    MTI_INDEX_META,
    MTI_INDEX_UNLOGGED, /* the rest is a uid */
    MTI_INDEX_STRANGE
} mti_index_record;

mti_index_record mti_index_record_of(mt_bytes key, mt_bytes *rest);

/* All keys of the index are behind the first of these, which is none, and before the other; static. */
mt_bytes mti_index_keys_first(void);
mt_bytes mti_index_keys_behind(void);

/* Read what lies under a key. False: it is damaged, or, of the meta record, it is of other hashes. */
bool mti_index_meta_get(mt_bytes value, mti_index_meta *out);
bool mti_index_leaf_get(mt_bytes key, mt_bytes value, mti_leaf_sum *sum, mt_bytes *bytes);
bool mti_index_unlogged_get(mt_bytes key, mt_bytes value);

/* Add ops. MT_NO_MEMORY. */
mt_status mti_index_put_meta(mti_batch *batch, const mti_index_meta *meta);
mt_status mti_index_put_leaf(mti_batch *batch, const mti_leaf *leaf);
mt_status mti_index_put_unlogged(mti_batch *batch, mt_bytes uid);
mt_status mti_index_delete_leaf(mti_batch *batch, mt_bytes first);
mt_status mti_index_delete_unlogged(mti_batch *batch);
mt_status mti_index_delete_all(mti_batch *batch);

#endif
