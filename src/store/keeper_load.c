/* keeper_load.c - reading what is stored of the index: of each leaf its first key and its sums, and of which
 * nodes the log does not say all that happened since. */
#include "base/bytes.h"
#include "store/node_store.h"

#define LEAVES_PAGE 512

bool mti_keeper_load_go(mti_asking *asking)
{
    mti_keeper *keeper = &asking->store->keeper;
    mt_bytes after = mti_key_bytes(&keeper->load_after);

    if (after.len == 0) after = mti_index_keys_first();
    keeper->asked = MTI_ASKED_STATE;
    mti_ask_scan(asking, after, mti_index_keys_behind(), mti_keeper_page(keeper, LEAVES_PAGE));
    return true;
}

/* MT_MALFORMED: the index is damaged. */
static mt_status take_pair(mti_keeper *keeper, const mt_kv_pair *pair)
{
    mti_changes *unlogged = &keeper->recovery.unlogged;
    mti_leaf_sum sum;
    mt_bytes rest, bytes;

    switch (mti_index_record_of(pair->key, &rest)) {
    case MTI_INDEX_META: return MT_OK;
    case MTI_INDEX_STRANGE: break;
    case MTI_INDEX_LEAF:
        if (!mti_index_leaf_get(pair->key, pair->value, &sum, &bytes)) break;
        return mti_index_append(&keeper->index, rest, (mt_bytes){NULL, 0}, &sum);
    case MTI_INDEX_UNLOGGED:
        if (!mti_index_unlogged_get(pair->key, pair->value)) break;
        if (mti_changes_add(unlogged, MTI_CHANGE_REMOVE, rest, NULL) != MT_OK) return MT_NO_MEMORY;
        return mti_changes_add(unlogged, MTI_CHANGE_FIELDS, rest, NULL);
    }
    return MT_MALFORMED;
}

/* A leaf that is missing altogether is found by their number. */
void mti_keeper_load_take(mti_keeper *keeper, const mt_kv_answer *answer)
{
    for (size_t i = 0; i < answer->count; i++) {
        const mt_kv_pair *pair = &answer->pairs[i];
        mt_status st = take_pair(keeper, pair);

        if (st == MT_MALFORMED) mti_keeper_drop(keeper);
        else if (st != MT_OK) mti_keeper_no_memory(keeper);
        if (st != MT_OK) return;
        memcpy(keeper->load_after.data, pair->key.data, pair->key.len);
        keeper->load_after.len = pair->key.len;
    }
    mti_keeper_spend(keeper, answer->count);
    if (answer->more && answer->count > 0) return;
    if (keeper->index.count == keeper->meta.leaves) mti_keeper_recover_begin(keeper);
    else mti_keeper_drop(keeper);
}
