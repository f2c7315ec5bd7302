/* mt_forget: nodes leave this replica, and no other. */
#include "base/bytes.h"
#include "db/branch_base.h"
#include "db/handle.h"
#include "db/load.h"
#include "db/order.h"

/* The needs of the call: one for each uid, in order. */
typedef struct forgetting {
    mti_order order;
    mti_need *needs;
} forgetting;

static mt_status forgetting_make(mt_action *action, forgetting *f)
{
    mti_reading *read = &action->as.read;
    const mt_mem *mem = action->db->mem;

    if (mti_order_keys(mem, read->keys.data, sizeof(mt_bytes), read->count, &f->order) != MT_OK)
        return mti_no_memory(&action->db->error);
    f->needs = mti_mem_alloc(mem, (f->order.count ? f->order.count : 1) * sizeof *f->needs);
    if (!f->needs) {
        mti_order_free(mem, &f->order);
        return mti_no_memory(&action->db->error);
    }
    memset(f->needs, 0, f->order.count * sizeof *f->needs);
    for (size_t i = 0; i < f->order.count; i++) {
        f->needs[i].handle = read->handles[f->order.at[i]];
        f->needs[i].whole = true;
    }
    return MT_OK;
}

static void forgetting_free(mt_action *action, forgetting *f)
{
    const mt_mem *mem = action->db->mem;

    mti_mem_free(mem, f->needs, (f->order.count ? f->order.count : 1) * sizeof *f->needs);
    mti_order_free(mem, &f->order);
}

static void drop_all(mt_action *action, const forgetting *f)
{
    for (size_t i = 0; i < f->order.count; i++) {
        mti_handle_set_volatile(f->needs[i].handle, 0);
        f->needs[i].handle->absent = false;
        mti_cache_drop(action->db, mt_handle_uid(f->needs[i].handle));
    }
}

/* Branches see the nodes as they were: they are given them before they go. */
static mt_status keep_for_branches(mt_action *action, const forgetting *f)
{
    mt_status st = MT_OK;

    for (size_t i = 0; i < f->order.count && st == MT_OK; i++)
        st = mti_branches_keep_node(action->db, mt_handle_uid(f->needs[i].handle));
    return st;
}

static void forget_go_on(mt_action *action);

/* Loads what branches want to keep. Answers whether all is there. */
static bool load_for_branches(mt_action *action, const forgetting *f)
{
    bool waits = false;
    mt_status st = MT_OK;

    if (!action->db->branches) return true;
    st = mti_load(action, f->needs, f->order.count, forget_go_on, &waits);
    if (st == MT_OK && !waits) st = keep_for_branches(action, f);
    if (st != MT_OK) mti_call_fail(action, st, action->db->error.text);
    return st == MT_OK && !waits;
}

static void forget_remove(mt_action *action, const forgetting *f)
{
    bool waits = false;
    mt_status st = MT_OK;

    drop_all(action, f);
    action->db->forgotten++;
    if (mti_db_has_storage(action->db) && f->order.count > 0)
        st = mti_remove(action, f->needs, f->order.count, mti_call_finish, &waits);
    if (st != MT_OK) mti_call_fail(action, st, action->db->error.text);
    else if (!waits) mti_call_finish(action);
}

static bool is_busy(const forgetting *f)
{
    for (size_t i = 0; i < f->order.count; i++)
        if (f->needs[i].handle->unstored || f->needs[i].handle->fetch) return true;
    return false;
}

static void forget_go_on(mt_action *action)
{
    forgetting f;
    mt_status st;

    if (mti_call_over(action)) return;
    if ((st = forgetting_make(action, &f)) != MT_OK) {
        mti_call_fail(action, st, action->db->error.text);
        return;
    }
    if (is_busy(&f)) mti_call_block(action, forget_go_on);
    else if (load_for_branches(action, &f)) forget_remove(action, &f);
    forgetting_free(action, &f);
}

static void forget_start(mt_action *action)
{
    mti_reading *read = &action->as.read;
    mt_db *db = action->db;

    if (!mti_call_may_start(action)) return;
    if (mti_handles_hold(db, read->keys.data, sizeof(mt_bytes), read->count, &read->handles) !=
        MT_OK) {
        mti_call_fail(action, MT_NO_MEMORY, NULL);
    } else {
        read->handle_count = read->count;
        forget_go_on(action);
    }
}

mt_status mt_forget(mt_db *db, const mt_bytes *uids, size_t count, const mt_options *options,
                    mt_done *done, void *ctx, uint64_t *id)
{
    mt_action *action;
    mt_status st;

    if (db->branch) return mti_db_fail(db, MT_UNSUPPORTED, "a branch cannot forget nodes");
    for (size_t i = 0; i < count; i++)
        if ((st = mt_uid_check(uids[i], &db->error)) != MT_OK) return st;
    if ((st = mti_call_new(db, CALL_FORGET, options, done, ctx, &action)) != MT_OK) return st;
    if (mti_keys_copy(db->mem, uids, count, &action->as.read.keys) != MT_OK) {
        mti_call_drop(action);
        return mti_no_memory(&db->error);
    }
    action->as.read.count = count;
    mti_call_start(action, forget_start, true, id);
    return MT_OK;
}
