/* keeper_build.c - the index made anew, from all records.
 *
 *     CLEAR     what there is of an old one is deleted
 *     NODES     a scan of the nodes, up to the first large one
 *     FIELDS    scans of its fields
 *     STORE     a commit of the leaves that are full; then on where it was
 *
 * What is written meanwhile is pending, and is taken in when all is read. The meta record comes with the
 * last leaves, so that an index which is not complete is none. */
#include "base/bytes.h"
#include "store/node_store.h"

#define NODES_PAGE 256
#define NODES_PAGE_FEW \
    8 /* behind a large node: where all are large, others would be read in vain */
#define FIELDS_PAGE 256

/* How many leaves are stored at once. */
#define LEAVES_MAX 128

void mti_keeper_build_begin(mti_keeper *keeper)
{
    mti_building *b = &keeper->building;

    mti_keeper_drop(keeper);
    keeper->state = MTI_KEEPER_BUILD;
    b->step = MTI_BUILD_CLEAR;
    mti_leaf_writer_clear(&b->writer);
    b->page = NODES_PAGE;
    b->stored = 0;
    b->nodes = 0;
    b->end.len = 0;
    b->node.data[0] = MTI_KEY_NODE;
    b->node.len = 1;
}

/* ---- Elements ---- */

/* Ends the leaf that is being written, if it has anything. */
static mt_status cut(mti_keeper *keeper)
{
    mti_building *b = &keeper->building;
    mt_status st;

    if (b->writer.sum.elements == 0) return MT_OK;
    st = mti_index_append(&keeper->index, mt_buf_bytes(&b->first), mt_buf_bytes(&b->writer.bytes),
                          &b->writer.sum);
    if (st == MT_OK) mti_leaf_writer_clear(&b->writer);
    return st;
}

/* Adds an element behind all others. MT_NO_MEMORY: it was not added. */
static mt_status add(mti_keeper *keeper, mt_bytes key, const mti_print *print)
{
    mti_building *b = &keeper->building;
    mti_element element = {key, *print};

    if (mti_leaf_writer_ends(&b->writer, key) && cut(keeper) != MT_OK) return MT_NO_MEMORY;
    if (b->writer.sum.elements == 0) {
        b->first.len = 0;
        if (mti_buf_append(&b->first, key.data, key.len) != MT_OK) return MT_NO_MEMORY;
    }
    return mti_leaf_writer_add(&b->writer, &element);
}

/* ---- CLEAR, STORE ---- */

static bool commit(mti_asking *asking)
{
    mti_keeper *keeper = &asking->store->keeper;

    keeper->asked = MTI_ASKED_STORE;
    mti_ask_commit(asking, keeper->batch.ops, keeper->batch.count);
    return true;
}

static bool clear_go(mti_asking *asking)
{
    mti_keeper *keeper = &asking->store->keeper;

    mti_batch_clear(&keeper->batch);
    if (mti_index_delete_all(&keeper->batch) == MT_OK) return commit(asking);
    mti_keeper_no_memory(keeper);
    return false;
}

static bool store_go(mti_asking *asking)
{
    mti_keeper *keeper = &asking->store->keeper;
    mt_status st = MT_OK;

    mti_batch_clear(&keeper->batch);
    for (size_t i = keeper->building.stored; i < keeper->index.count && st == MT_OK; i++)
        st = mti_index_put_leaf(&keeper->batch, &keeper->index.leaves[i]);
    if (st == MT_OK) return commit(asking);
    mti_keeper_no_memory(keeper);
    return false;
}

void mti_keeper_build_stored(mti_keeper *keeper)
{
    mti_building *b = &keeper->building;

    mti_batch_clear(&keeper->batch);
    if (b->step == MTI_BUILD_CLEAR) keeper->in_store = false;
    for (; b->stored < keeper->index.count; b->stored++)
        keeper->index.leaves[b->stored].stored = true;
    keeper->meta = (mti_index_meta){0, b->stored};
    mti_keeper_trim(keeper);
    b->step = b->end.len > 0 ? MTI_BUILD_FIELDS : MTI_BUILD_NODES;
}

/* ---- NODES ---- */

static bool nodes_go(mti_asking *asking)
{
    static const uint8_t behind[] = {MTI_KEY_NODE + 1};
    mti_keeper *keeper = &asking->store->keeper;

    mti_ask_scan(asking, mti_key_bytes(&keeper->building.node), (mt_bytes){behind, sizeof behind},
                 mti_keeper_page(keeper, keeper->building.page));
    return true;
}

/* Takes a node; MT_AGAIN: its fields come next. */
static mt_status take_node(mti_node_store *store, const mt_kv_pair *pair)
{
    mti_keeper *keeper = &store->keeper;
    mti_building *b = &keeper->building;
    mti_print print;
    bool is_large;
    mt_status st;

    st = mti_keeper_read_node(store, pair->key, pair->value, &print, &is_large, &b->large);
    if (st == MT_OK) st = add(keeper, mti_key_rest(pair->key), &print);
    else if (st == MT_NOT_FOUND) is_large = false;
    if (st == MT_NO_MEMORY) return st;
    memcpy(b->node.data, pair->key.data, pair->key.len);
    b->node.len = pair->key.len;
    b->nodes++;
    return is_large ? MT_AGAIN : MT_OK;
}

static void building_end(mti_keeper *keeper)
{
    if (cut(keeper) != MT_OK) {
        mti_keeper_no_memory(keeper);
        return;
    }
    mt_buf_free(&keeper->building.first);
    mt_buf_free(&keeper->building.writer.bytes);
    keeper->due = 0;
    keeper->state = MTI_KEEPER_READY;
}

/* Goes on with what comes next, unless many leaves are full. */
static void step(mti_keeper *keeper)
{
    mti_building *b = &keeper->building;

    if (keeper->index.count - b->stored >= LEAVES_MAX) b->step = MTI_BUILD_STORE;
    else b->step = b->end.len > 0 ? MTI_BUILD_FIELDS : MTI_BUILD_NODES;
}

static void nodes_take(mti_node_store *store, const mt_kv_answer *answer)
{
    mti_keeper *keeper = &store->keeper;
    mti_building *b = &keeper->building;
    mt_status st = MT_OK;
    size_t i = 0;

    while (i < answer->count && st == MT_OK) st = take_node(store, &answer->pairs[i++]);
    mti_keeper_spend(keeper, i);
    if (st == MT_NO_MEMORY) {
        mti_keeper_no_memory(keeper);
    } else if (st == MT_AGAIN) {
        b->page = NODES_PAGE_FEW;
        mti_key_set_fields(&b->after, &b->end, mti_key_rest(mti_key_bytes(&b->node)));
        step(keeper);
    } else if (!answer->more || answer->count == 0) {
        building_end(keeper);
    } else {
        if (b->page < NODES_PAGE) b->page *= 2;
        step(keeper);
    }
}

/* ---- FIELDS ---- */

static bool fields_go(mti_asking *asking)
{
    mti_keeper *keeper = &asking->store->keeper;
    const mti_building *b = &keeper->building;

    mti_ask_scan(asking, mti_key_bytes(&b->after), mti_key_bytes(&b->end),
                 mti_keeper_page(keeper, FIELDS_PAGE));
    return true;
}

static mt_status take_field(mti_node_store *store, const mt_kv_pair *pair)
{
    mti_building *b = &store->keeper.building;
    mt_bytes uid = mti_key_rest(mti_key_bytes(&b->node)), name;
    mti_print print;
    mt_status st;

    if (pair->key.len < uid.len + 2) return MT_OK;
    name = mti_key_name(pair->key, uid);
    st = mti_keeper_read_field(store, uid, &b->large, name, pair->value, &print);
    if (st == MT_OK) st = add(&store->keeper, mti_key_rest(pair->key), &print);
    if (st == MT_NO_MEMORY) return st;
    memcpy(b->after.data, pair->key.data, pair->key.len);
    b->after.len = pair->key.len;
    return MT_OK;
}

static void fields_take(mti_node_store *store, const mt_kv_answer *answer)
{
    mti_keeper *keeper = &store->keeper;

    for (size_t i = 0; i < answer->count; i++)
        if (take_field(store, &answer->pairs[i]) != MT_OK) {
            mti_keeper_no_memory(keeper);
            return;
        }
    mti_keeper_spend(keeper, answer->count);
    if (!answer->more || answer->count == 0) keeper->building.end.len = 0;
    step(keeper);
}

/* ---- Steps ---- */

bool mti_keeper_build_go(mti_asking *asking)
{
    mti_keeper *keeper = &asking->store->keeper;

    keeper->asked = MTI_ASKED_STATE;
    switch (keeper->building.step) {
    case MTI_BUILD_CLEAR: return clear_go(asking);
    case MTI_BUILD_NODES: return nodes_go(asking);
    case MTI_BUILD_FIELDS: return fields_go(asking);
    case MTI_BUILD_STORE: break;
    }
    return store_go(asking);
}

void mti_keeper_build_take(mti_asking *asking, const mt_kv_answer *answer)
{
    switch (asking->store->keeper.building.step) {
    case MTI_BUILD_NODES: nodes_take(asking->store, answer); break;
    case MTI_BUILD_FIELDS: fields_take(asking->store, answer); break;
    case MTI_BUILD_CLEAR:
    case MTI_BUILD_STORE: break; /* only commits */
    }
}
