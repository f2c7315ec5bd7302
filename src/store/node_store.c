#include "store/node_store.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "base/status.h"
#include "crdt/limits.h"

#define LOG_MAX 1000000
#define SMALL_LEN_MAX 4096

/* ---- Life ---- */

static void store_free(mti_node_store *store)
{
    const mt_mem *mem = store->mem;

    mti_plan_free(&store->plan);
    mti_keeper_free(&store->keeper);
    mti_piece_free(&store->spare);
    mti_decoder_free(&store->decoder);
    mti_map_free(&store->asked);
    mti_mem_free(mem, store->boots, store->boot_cap * sizeof *store->boots);
    mti_mem_free(mem, store, sizeof *store);
}

void mti_store_enter(mti_node_store *store)
{
    store->depth++;
}

void mti_store_leave(mti_node_store *store)
{
    mt_kv kv = {&store->kv, store->kv_ctx};

    if (--store->depth > 0 || !store->closed) return;
    kv.ops->close(kv.ctx);
    store_free(store);
}

static void store_close(void *ctx)
{
    mti_node_store *store = ctx;

    mti_assert(store->live == 0 && !store->closed);
    mti_store_enter(store);
    store->closed = true;
    mti_store_leave(store);
}

static uint64_t store_bytes(void *ctx)
{
    const mti_node_store *store = ctx;

    return store->kv.bytes ? store->kv.bytes(store->kv_ctx) : 0;
}

static const mt_storage_ops store_ops = {
    .abi = MT_STORAGE_ABI,
    .size = sizeof(mt_storage_ops),
    .name = "node store",
    .open = mti_store_open,
    .read = mti_store_read,
    .write = mti_store_write,
    .remove = mti_store_remove,
    .close = store_close,
    .list = mti_store_list,
    .changes = mti_store_changes,
    .records = mti_store_records,
    .bytes = store_bytes,
    .fingerprint = mti_store_fingerprint,
    .items = mti_store_items,
};

static void options_copy(const mt_node_store_options *options, mti_node_store *store)
{
    mt_node_store_options own;

    memset(&own, 0, sizeof own);
    if (options && options->size > 0)
        memcpy(&own, options, options->size < sizeof own ? options->size : sizeof own);
    store->limits = mti_limits_copy(&own.limits);
    store->log_max = own.log_max ? own.log_max : LOG_MAX;
    store->small_len_max = own.small_len_max ? own.small_len_max : SMALL_LEN_MAX;
    if (store->small_len_max > MTI_FRAME_LEN_WALL) store->small_len_max = MTI_FRAME_LEN_WALL;
    store->keeper.lag_max = own.index_lag;
    if (own.index_bytes) store->keeper.bytes_max = own.index_bytes;
    store->keeper.off = own.no_fingerprints;
    store->check = own.check;
    store->ops = store_ops;
    if (own.no_fingerprints) {
        store->ops.fingerprint = NULL;
        store->ops.items = NULL;
    }
}

mt_status mt_node_store_new(const mt_env *env, mt_kv kv, const mt_node_store_options *options,
                            mt_storage *out, mt_error *err)
{
    mti_node_store *store;
    mt_kv_ops ops;
    mt_status st = mti_kv_adopt(&kv, &ops, err);
    uint64_t seed = 0;

    if (st != MT_OK) return st;
    if (!(store = mti_mem_alloc(env->mem, sizeof *store))) return mti_no_memory(err);
    memset(store, 0, sizeof *store);
    store->env = env;
    store->mem = store->asked.mem = store->spare.mem = env->mem;
    mti_keeper_init(&store->keeper, env->mem);
    options_copy(options, store);
    /* Without randomness, peers that try could slow the window down; the first write says so. */
    if (env->entropy(env->ctx, (uint8_t *)&seed, sizeof seed) != MT_OK) seed = 0;
    mti_plan_init(&store->plan, env->mem, seed);
    if (mti_decoder_init(&store->decoder, env->mem, &store->limits) != MT_OK) {
        store_free(store);
        return mti_no_memory(err);
    }
    store->kv = ops;
    store->kv_ctx = kv.ctx;
    *out = (mt_storage){&store->ops, store};
    return MT_OK;
}
