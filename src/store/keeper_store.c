/* keeper_store.c - storing the leaves that changed, some at a time.
 *
 *     in memory    a  B  C  d  E  f  G        capitals: changed, or new
 *     stored       a  b     d  e  f           b to d is replaced, then d to f, then f to the end
 *
 * What is replaced at once ends where a leaf begins that did not change: so the leaves that are stored
 * cover every key once after each commit, the new ones before that place and the old ones behind it. The
 * watermark moves with the last. Meanwhile writes go on, and what they change behind the place is stored
 * the next time. */
#include "base/bytes.h"
#include "store/node_store.h"

mt_status mti_keeper_mark(mti_keeper *keeper, mti_batch *batch, mt_bytes uid)
{
    if (!keeper->in_store && !keeper->storing.runs) return MT_OK;
    keeper->storing.marked = true;
    return mti_index_put_unlogged(batch, uid);
}

/* What is not stored now stays as it is, and is stored when there is more. */
void mti_keeper_store_later(mti_keeper *keeper)
{
    keeper->storing.runs = false;
    keeper->due = keeper->lag + mti_keeper_lag_max(keeper);
    mti_batch_clear(&keeper->batch);
}

static void begin(mti_node_store *store)
{
    mti_storing *s = &store->keeper.storing;

    s->runs = true;
    s->next.len = 0;
    s->watermark = store->log.head;
    s->lag = store->keeper.lag;
    s->marked = false;
}

/* From a leaf that did not change to another, or to the end. What comes before the place where it goes on
 * may have changed since. */
static void choose(mti_keeper *keeper)
{
    const mti_index *index = &keeper->index;
    mti_storing *s = &keeper->storing;
    mt_bytes next = mti_key_bytes(&s->next);

    s->from = s->put = 0;
    if (next.len > 0 && index->count > 0) s->from = mti_index_leaf_of(index, next);
    while (s->from > 0 && !index->leaves[s->from].stored) s->from--;
    for (s->to = s->from; s->to < index->count; s->to++) {
        const mti_leaf *leaf = &index->leaves[s->to];
        if (leaf->stored && s->put >= s->most && mt_bytes_compare(mti_leaf_first(leaf), next) > 0)
            break;
        s->put += !leaf->stored;
    }
}

/* Whether a leaf that is no more lies in what is replaced. */
static bool is_within(const mti_keeper *keeper, mt_bytes first)
{
    const mti_index *index = &keeper->index;
    const mti_storing *s = &keeper->storing;

    if (s->from > 0 && mt_bytes_compare(first, mti_leaf_first(&index->leaves[s->from])) < 0)
        return false;
    return s->to == index->count ||
           mt_bytes_compare(first, mti_leaf_first(&index->leaves[s->to])) < 0;
}

/* Whether a leaf begins with a key: then that is not deleted, but put. */
static bool has_leaf(const mti_index *index, mt_bytes first)
{
    if (index->count == 0) return false;
    return mt_bytes_equal(mti_leaf_first(&index->leaves[mti_index_leaf_of(index, first)]), first);
}

static mt_status delete_dropped(mti_keeper *keeper)
{
    const mti_changes *dropped = &keeper->dropped;
    mt_status st = MT_OK;

    keeper->storing.dropped = 0;
    for (size_t i = 0; i < dropped->count && st == MT_OK; i++) {
        mt_bytes first = mti_change_key(dropped, &dropped->at[i]);

        if (!is_within(keeper, first)) continue;
        keeper->storing.dropped++;
        if (!has_leaf(&keeper->index, first)) st = mti_index_delete_leaf(&keeper->batch, first);
    }
    return st;
}

static bool is_last(const mti_keeper *keeper)
{
    return keeper->storing.to == keeper->index.count;
}

/* The meta record after it; until the last one, only its number of leaves is another. */
static mti_index_meta meta_after(const mti_keeper *keeper)
{
    const mti_storing *s = &keeper->storing;
    mti_index_meta meta = keeper->meta;

    meta.leaves += s->put;
    meta.leaves -= s->dropped;
    if (is_last(keeper)) meta.watermark = s->watermark;
    return meta;
}

static mt_status put_all(mti_keeper *keeper)
{
    const mti_storing *s = &keeper->storing;
    mti_batch *batch = &keeper->batch;
    mti_index_meta meta;
    mt_status st;

    mti_batch_clear(batch);
    st = delete_dropped(keeper);
    for (size_t i = s->from; i < s->to && st == MT_OK; i++)
        if (!keeper->index.leaves[i].stored)
            st = mti_index_put_leaf(batch, &keeper->index.leaves[i]);
    meta = meta_after(keeper);
    if (st == MT_OK && (is_last(keeper) || keeper->in_store)) st = mti_index_put_meta(batch, &meta);
    if (st == MT_OK && is_last(keeper) && !s->marked) st = mti_index_delete_unlogged(batch);
    return st;
}

bool mti_keeper_store_go(mti_asking *asking)
{
    mti_keeper *keeper = &asking->store->keeper;

    if (!keeper->storing.runs) begin(asking->store);
    choose(keeper);
    keeper->stored = true;
    if (put_all(keeper) != MT_OK) {
        mti_keeper_store_later(keeper);
        return false;
    }
    keeper->asked = MTI_ASKED_STORE;
    mti_ask_commit(asking, keeper->batch.ops, keeper->batch.count);
    return true;
}

/* Forgets the leaves that were deleted, or put anew. */
static void forget_dropped(mti_keeper *keeper)
{
    mti_changes *dropped = &keeper->dropped;
    size_t kept = 0;

    for (size_t i = 0; i < dropped->count; i++)
        if (!is_within(keeper, mti_change_key(dropped, &dropped->at[i])))
            dropped->at[kept++] = dropped->at[i];
    dropped->count = kept;
    if (kept == 0) mti_changes_clear(dropped);
}

void mti_keeper_stored(mti_node_store *store)
{
    mti_keeper *keeper = &store->keeper;
    mti_storing *s = &keeper->storing;

    keeper->meta = meta_after(keeper);
    forget_dropped(keeper);
    for (size_t i = s->from; i < s->to; i++) keeper->index.leaves[i].stored = true;
    mti_batch_clear(&keeper->batch);
    if (is_last(keeper)) {
        keeper->in_store = true;
        keeper->lag -= s->lag;
        keeper->due = mti_keeper_lag_max(keeper);
        s->runs = false;
    } else {
        mt_bytes next = mti_leaf_first(&keeper->index.leaves[s->to]);
        memcpy(s->next.data, next.data, next.len);
        s->next.len = next.len;
    }
    mti_keeper_trim(keeper);
}
