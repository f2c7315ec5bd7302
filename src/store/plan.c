#include "store/plan.h"

#include "base/bytes.h"
#include "base/status.h"
#include "store/node_store.h"

/* What a plan keeps between writes, of each vector, is no more than a few thousand nodes need. */
#define KEPT_MAX ((size_t)8192)

void mti_plan_init(mti_plan *plan, const mt_mem *mem, uint64_t seed)
{
    memset(plan, 0, sizeof *plan);
    mti_batch_init(&plan->batch, mem);
    mti_window_init(&plan->window, mem, seed);
    plan->names.mem = plan->measure.mem = mem;
}

static void vectors_free(mti_plan *plan, size_t kept)
{
    const mt_mem *mem = plan->batch.mem;

    if (plan->step_cap > kept) {
        mti_mem_free(mem, plan->steps, plan->step_cap * sizeof *plan->steps);
        plan->steps = NULL;
        plan->step_cap = 0;
    }
    if (plan->touch_cap > kept) {
        mti_mem_free(mem, plan->touches, plan->touch_cap * sizeof *plan->touches);
        plan->touches = NULL;
        plan->touch_cap = 0;
    }
    if (plan->entry_cap > kept) {
        mti_mem_free(mem, plan->entries, plan->entry_cap * sizeof *plan->entries);
        plan->entries = NULL;
        plan->entry_cap = 0;
    }
}

void mti_plan_free(mti_plan *plan)
{
    mti_batch_free(&plan->batch);
    mti_window_free(&plan->window);
    mt_buf_free(&plan->names);
    mt_buf_free(&plan->measure);
    vectors_free(plan, 0);
}

static void plan_begin(mti_node_store *store)
{
    store->plan.next = store->log;
    store->plan.restructures = false;
    store->plan.run = store->plan.run_end = 0;
}

static void plan_end(mti_plan *plan)
{
    mti_batch_clear(&plan->batch);
    plan->step_count = plan->touch_count = plan->entry_count = 0;
    vectors_free(plan, KEPT_MAX);
    if (plan->measure.cap > KEPT_MAX) mt_buf_free(&plan->measure);
}

void mti_plan_done(mti_node_store *store)
{
    mti_plan *plan = &store->plan;

    if (plan->next.booted && !store->log.booted) {
        mti_boot boot = {.first = store->log.head + 1, .known = true};

        memcpy(boot.id, store->boot_id, sizeof boot.id);
        mti_boots_add(store, &boot);
    }
    store->log = plan->next;
    mti_keeper_settle(&store->keeper);
    plan_end(plan);
}

/* The window knows of entries that are not there now. To forget all of it is allowed. */
void mti_plan_undo(mti_node_store *store)
{
    mti_window_clear(&store->plan.window);
    mti_keeper_undo(&store->keeper);
    store->plan.next = store->log;
    plan_end(&store->plan);
}

/* ---- Ops ---- */

mt_status mti_plan_put(mti_plan *plan, mt_kv_op_kind kind, mt_bytes key, mt_bytes value)
{
    uint8_t *room = mti_batch_room(&plan->batch, key.len + value.len);
    mt_bytes value_copy = {NULL, value.len};

    if (!room) return MT_NO_MEMORY;
    value_copy.data = room + key.len;
    memcpy(room, key.data, key.len);
    if (value.len) memcpy(room + key.len, value.data, value.len);
    mti_batch_take(&plan->batch, key.len + value.len);
    return mti_batch_add(&plan->batch, kind, (mt_bytes){room, key.len}, value_copy);
}

mt_status mti_plan_put_sealed(mti_plan *plan, mt_bytes key, mt_bytes content)
{
    size_t len = content.len + MTI_SEAL_LEN;
    uint8_t *room = mti_batch_room(&plan->batch, key.len + len), *value;

    if (!room) return MT_NO_MEMORY;
    value = room + key.len;
    memcpy(room, key.data, key.len);
    if (content.len) memcpy(value, content.data, content.len);
    mti_seal_put(key, value, value + content.len);
    mti_batch_take(&plan->batch, key.len + len);
    return mti_batch_add(&plan->batch, MT_KV_PUT, (mt_bytes){room, key.len},
                         (mt_bytes){value, len});
}

/* What the store is, in two copies: without it no other record can be told from noise. */
static mt_status put_format(mti_node_store *store)
{
    uint8_t content[2 * MTI_VARINT_LEN_MAX], *end = content;
    mt_bytes bytes = {content, 0};
    mt_status st;

    if (store->log.formatted) return MT_OK;
    end = mti_varint_put(end, MTI_STORE_FORMAT);
    end = mti_varint_put(end, store->small_len_max);
    bytes.len = (size_t)(end - content);
    st = mti_plan_put_sealed(&store->plan, mt_str(MTI_META_FORMAT), bytes);
    if (st == MT_OK) st = mti_plan_put_sealed(&store->plan, mt_str(MTI_META_FORMAT_COPY), bytes);
    store->plan.next.formatted = true;
    return st;
}

static mt_status put_records(mti_plan *plan, const mt_storage_record *records, size_t count,
                             mt_error *err)
{
    mt_status st = MT_OK;
    mti_key key;

    for (size_t i = 0; i < count && st == MT_OK; i++) {
        if (records[i].key.len > MTI_RECORD_KEY_MAX)
            return mti_fail(err, MT_TOO_LARGE, "the key of a record has %zu bytes, more than %d",
                            records[i].key.len, MTI_RECORD_KEY_MAX);
        mti_key_set(&key, MTI_KEY_RECORD, records[i].key);
        if (records[i].value.data)
            st = mti_plan_put_sealed(plan, mti_key_bytes(&key), records[i].value);
        else st = mti_plan_put(plan, MT_KV_DELETE, mti_key_bytes(&key), (mt_bytes){NULL, 0});
    }
    return st;
}

/* ---- Touches ---- */

/* Notes that a commit touched a node, as the first of this write or as one more. */
static mt_status add_step(mti_plan *plan, const mt_storage_commit *commit,
                          const mt_delta_node *node, size_t at, size_t touch)
{
    mti_step *steps = mti_vector_reserve(plan->batch.mem, plan->steps, &plan->step_cap,
                                         plan->step_count + 1, sizeof *steps);
    mti_touch *touches;

    if (!steps) return MT_NO_MEMORY;
    plan->steps = steps;
    touches = mti_vector_reserve(plan->batch.mem, plan->touches, &plan->touch_cap,
                                 plan->touch_count + 1, sizeof *touches);
    if (!touches) return MT_NO_MEMORY;
    plan->touches = touches;
    steps[plan->step_count++] = (mti_step){commit->delta, at, 0};
    touches += touch;
    if (touch == plan->touch_count) {
        *touches = (mti_touch){.before = node->before, .first = plan->step_count};
        plan->touch_count++;
    } else {
        steps[touches->last - 1].next = plan->step_count;
    }
    touches->after = node->after;
    touches->last = plan->step_count;
    touches->whole |= commit->whole;
    return MT_OK;
}

static mt_status plan_commit(mti_node_store *store, const mt_storage_commit *commit, mt_error *err)
{
    mt_status st = MT_OK;
    mt_delta_iter iter;
    mt_delta_node node;
    size_t touch;

    if (commit->origin.len > MTI_ORIGIN_LEN_MAX)
        return mti_fail(err, MT_TOO_LARGE, "an origin of %zu bytes, more than %d",
                        commit->origin.len, MTI_ORIGIN_LEN_MAX);
    if (!commit->delta) return MT_OK;
    mt_delta_iter_init(&iter, commit->delta, MT_UPDATE);
    while (st == MT_OK && mt_delta_iter_node(&iter, &node)) {
        if (node.empty) continue;
        st = mti_plan_log(store, commit, &node, &iter, store->plan.touch_count, &touch);
        if (st == MT_OK) st = add_step(&store->plan, commit, &node, iter.at - 1, touch);
    }
    return st;
}

static mt_status plan_write(mti_node_store *store, const mt_storage_write *write,
                            const mti_trim *trim, mt_error *err)
{
    mti_plan *plan = &store->plan;
    mt_status st = put_format(store);

    mti_plan_log_begin(store, trim);
    if (write->clock > plan->next.clock) plan->next.clock = write->clock;
    plan->next.clock_mode = write->clock_mode;
    for (size_t i = 0; i < write->commit_count && st == MT_OK; i++)
        st = plan_commit(store, &write->commits[i], err);
    for (size_t i = 0; i < plan->touch_count && st == MT_OK; i++)
        st = mti_plan_touch(store, &plan->touches[i], err);
    if (st == MT_OK) st = mti_plan_log_end(store, err);
    if (st == MT_OK) st = put_records(plan, write->records, write->record_count, err);
    return st;
}

static mt_status settle(mti_node_store *store, mt_status st, mt_error *err)
{
    if (st == MT_OK) return MT_OK;
    mti_plan_undo(store);
    return st == MT_NO_MEMORY ? mti_no_memory(err) : st;
}

mt_status mti_plan_write(mti_node_store *store, const mt_storage_write *write, const mti_trim *trim,
                         mt_error *err)
{
    plan_begin(store);
    return settle(store, plan_write(store, write, trim, err), err);
}

/* The log says nothing of this: an index that is stored, and lags behind, is told by a mark. */
static mt_status remove_one(mti_node_store *store, mt_bytes uid)
{
    mti_plan *plan = &store->plan;
    mti_key key, behind;
    mt_status st;

    mti_key_set(&key, MTI_KEY_NODE, uid);
    st = mti_plan_put(plan, MT_KV_DELETE, mti_key_bytes(&key), (mt_bytes){NULL, 0});
    if (st != MT_OK) return st;
    mti_key_set_fields(&key, &behind, uid);
    st = mti_plan_put(plan, MT_KV_DELETE_RANGE, mti_key_bytes(&key), mti_key_bytes(&behind));
    if (st == MT_OK) st = mti_keeper_note_no_node(&store->keeper, uid);
    if (st == MT_OK) st = mti_keeper_note_no_fields(&store->keeper, uid);
    return st == MT_OK ? mti_keeper_mark(&store->keeper, &plan->batch, uid) : st;
}

mt_status mti_plan_remove(mti_node_store *store, const mt_bytes *uids, size_t count, mt_error *err)
{
    mt_status st;

    plan_begin(store);
    st = put_format(store);
    for (size_t i = 0; i < count && st == MT_OK; i++) st = remove_one(store, uids[i]);
    store->plan.restructures = true;
    return settle(store, st, err);
}
