#include "db/rank.h"

#include "base/bytes.h"
#include "db/branch.h"

/* How many nodes are remembered. */
#define RANKS_MAX 65536

/* Where the states of a node begin. */
typedef struct mti_rank {
    uint32_t refs;
    uint64_t zero;  /* the state of a call is this and its number, wrapping round */
    uint64_t first; /* the call that has the first state */
    uint64_t last;  /* the last call that asked */
    uint8_t uid_len;
    uint8_t uid[];
} mti_rank;

static mt_bytes rank_key(const void *object)
{
    const mti_rank *rank = object;
    mt_bytes uid = {rank->uid, rank->uid_len};
    return uid;
}

static void rank_release(void *ctx, void *object)
{
    mti_rank *rank = object;

    mti_mem_free(ctx, rank, sizeof *rank + rank->uid_len);
}

static const mti_tree_kind rank_kind = {rank_key, rank_release};

static mti_tree_env ranks_env(mt_db *db)
{
    mti_tree_env env = {&rank_kind, &db->rank_heap, (void *)(uintptr_t)db->mem};
    return env;
}

void mti_ranks_free(mt_db *db)
{
    mti_tree_env env = ranks_env(db);

    mti_tree_end(&db->ranks, &env);
}

/* ---- Coming and going ---- */

void mti_rank_enter(mt_action *action)
{
    mt_db *db = action->db;
    mt_action *older = db->unmerged_newest;

    if (action->unmerged) return;
    action->unmerged = true;
    /* Those that are made now come last; those that are merged again, somewhere. */
    while (older && older->id > action->id) older = older->unmerged_older;
    action->unmerged_older = older;
    action->unmerged_newer = older ? older->unmerged_newer : db->unmerged_oldest;
    if (older) older->unmerged_newer = action;
    else db->unmerged_oldest = action;
    if (action->unmerged_newer) action->unmerged_newer->unmerged_older = action;
    else db->unmerged_newest = action;
}

static uint64_t queue_oldest(const mti_queue *queue, uint64_t oldest)
{
    for (const mt_action *a = queue->first; a; a = a->next_stored)
        if (a->id < oldest) oldest = a->id;
    return oldest;
}

/* The earliest write that may still be merged, or merged again should storage fail. */
static uint64_t oldest_id(const mt_db *db)
{
    uint64_t oldest = db->unmerged_oldest ? db->unmerged_oldest->id : UINT64_MAX;

    return queue_oldest(&db->to_store, queue_oldest(&db->storing, oldest));
}

/* Keeps what was asked for at or after a call. */
static void ranks_filter(mt_db *db, uint64_t oldest)
{
    mti_tree_env env = ranks_env(db);
    mti_tree kept = {NULL, 0, 0};
    mt_bytes start = {NULL, 0};
    mti_rank *rank;
    mt_walk walk;
    void *old;

    mti_tree_walk(&db->ranks, &rank_kind, start, &walk);
    while ((rank = mti_tree_next(&walk))) {
        if (rank->last < oldest) continue;
        mti_hold(rank);
        if (mti_tree_put(&kept, &env, rank, &old) == MT_OK) continue;
        rank->refs--;
        mti_tree_end(&kept, &env);
        return; /* another time */
    }
    mti_tree_end(&db->ranks, &env);
    db->ranks = kept;
    db->ranks_kept = kept.count;
}

static bool are_many(const mt_db *db)
{
    return db->ranks.count > 2 * db->ranks_kept + 16;
}

void mti_ranks_trim(mt_db *db)
{
    uint64_t oldest;

    if (db->ranks.count == 0) return;
    oldest = oldest_id(db);
    if (are_many(db) || oldest == UINT64_MAX) ranks_filter(db, oldest);
}

void mti_rank_leave(mt_action *action)
{
    mt_db *db = action->db;
    bool was_full = db->ranks.count >= RANKS_MAX, was_oldest = db->unmerged_oldest == action;

    if (!action->unmerged) return;
    action->unmerged = false;
    if (action->unmerged_older) action->unmerged_older->unmerged_newer = action->unmerged_newer;
    else db->unmerged_oldest = action->unmerged_newer;
    if (action->unmerged_newer) action->unmerged_newer->unmerged_older = action->unmerged_older;
    else db->unmerged_newest = action->unmerged_older;
    action->unmerged_older = action->unmerged_newer = NULL;
    if (was_oldest && (are_many(db) || (!db->to_store.first && !db->store_busy)))
        mti_ranks_trim(db);
    if (was_full || !db->unmerged_oldest) mti_unblock(db);
}

/* ---- Looking ---- */

bool mti_rank_is_early(const mt_action *action)
{
    const mt_action *oldest = action->db->unmerged_oldest;

    return oldest && oldest->id < action->id;
}

bool mti_rank_expects(const mt_action *action, mt_bytes uid)
{
    for (const mt_action *a = action->db->unmerged_oldest; a && a->id < action->id;
         a = a->unmerged_newer) {
        const mt_row *rows = a->as.write.rows.data;
        for (size_t i = 0; i < a->as.write.count; i++)
            if (mt_bytes_equal(rows[i].uid, uid)) return true;
    }
    return false;
}

bool mti_rank_is_free(const mt_action *action)
{
    return action->db->ranks.count == 0 && !mti_rank_is_early(action);
}

bool mti_rank_must_wait(const mt_action *action)
{
    return action->db->ranks.count >= RANKS_MAX && mti_rank_is_early(action);
}

/* ---- States ---- */

static mti_rank *rank_new(mt_db *db, mt_bytes uid)
{
    mti_tree_env env = ranks_env(db);
    mti_rank *rank = mti_mem_alloc(db->mem, sizeof *rank + uid.len);
    void *old;

    if (!rank) return NULL;
    memset(rank, 0, sizeof *rank);
    rank->refs = 1;
    rank->first = UINT64_MAX;
    rank->uid_len = (uint8_t)uid.len;
    memcpy(rank->uid, uid.data, uid.len);
    if (mti_tree_put(&db->ranks, &env, rank, &old) == MT_OK) return rank;
    rank_release(env.ctx, rank);
    return NULL;
}

/* The states of a node begin anew where it has none, or where a call before the first is merged
 * again: then everything after it was taken back. */
mt_status mti_rank_state(mt_action *action, mt_bytes uid, uint64_t highest, uint64_t *state)
{
    mt_db *db = action->db;
    mti_rank *rank = mti_tree_get(&db->ranks, &rank_kind, uid);

    *state = 0;
    if (!rank && !mti_rank_expects(action, uid)) return MT_OK;
    if (!rank && !(rank = rank_new(db, uid))) return MT_NO_MEMORY;
    if (action->id < rank->first) {
        rank->first = mti_rank_is_early(action) ? db->unmerged_oldest->id : action->id;
        rank->zero = highest + 1 - rank->first;
    }
    if (rank->last < action->id) rank->last = action->id;
    *state = rank->zero + action->id;
    if (*state < action->as.write.state) *state = action->as.write.state;
    return MT_OK;
}

bool mti_rank_is_later(const mt_action *action, uint64_t mine, uint64_t state)
{
    mt_db *db = action->db;
    uint64_t clock = mti_branch_root(db)->clock;

    if (state < mine) return false;
    return state <= clock || state - mine <= db->last_id - action->id;
}
