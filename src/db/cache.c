/* Nodes leave memory, those used least lately first, until the budget is kept.
 *
 * The hand of a clock goes round over the nodes in uid order: one that was used since it last
 * came by is spared once, one that somebody holds, always. */
#include "base/assert.h"
#include "base/bytes.h"
#include "db/load.h"

/* How many nodes are picked before they are taken out: the walk must not see the tree change. */
#define PICKED_MAX 64

void mti_cache_drop(mt_db *db, mt_bytes uid)
{
    mti_tree_env env = mti_node_env(db->graph->family);
    mt_status st;
    void *old;

    db->graph->last.leaf = NULL;
    db->graph->version++;
    st = mti_tree_remove(&db->graph->nodes, &env, uid, &old);
    mti_assert(st == MT_OK);
    mti_node_release(db->graph->family, old);
}

void mti_cache_clear(mt_db *db)
{
    mti_tree_env env = mti_node_env(db->graph->family);

    db->graph->last.leaf = NULL;
    db->graph->version++;
    mti_tree_end(&db->graph->nodes, &env);
    mti_handles_unknow(db);
}

/* Goes on from the hand and picks nodes that may leave. Answers whether the end was reached. */
static bool pick(mt_db *db, mt_node **picked, size_t *count)
{
    mt_bytes from = {db->hand, db->hand_len};
    mt_walk walk;
    mt_node *node;

    *count = 0;
    mti_tree_walk(&db->graph->nodes, &mti_node_kind, from, &walk);
    for (size_t looked = 0; looked < 16 * PICKED_MAX && *count < PICKED_MAX; looked++) {
        if (!(node = mti_tree_next(&walk))) {
            db->hand_len = 0;
            return true;
        }
        memcpy(db->hand, node->uid, node->uid_len);
        db->hand_len = node->uid_len;
        if (node->flags & MTI_NODE_USED) node->flags &= (uint8_t)~MTI_NODE_USED;
        else if (!mti_handle_find(db, mt_node_uid(node))) picked[(*count)++] = node;
    }
    return false;
}

static bool is_within(const mt_db *db)
{
    return db->graph->family->heap.used <= db->cache_bytes;
}

/* The last time everything was held, and since then nothing was let go of. */
static bool is_futile(const mt_db *db)
{
    return db->futile_used >= db->graph->family->heap.used && db->futile_freed == db->handles_freed;
}

bool mti_cache_has_room(mt_db *db)
{
    mt_node *picked[PICKED_MAX];
    uint8_t uid[MT_UID_LEN_MAX];
    unsigned rounds = 0;
    size_t count;

    if (is_within(db)) return true;
    if (!mti_db_has_storage(db) || is_futile(db)) return false;
    /* Three rounds: the first may only spare, the last must find everything. */
    while (!is_within(db) && rounds < 3) {
        if (pick(db, picked, &count)) rounds++;
        for (size_t i = 0; i < count; i++) {
            mt_bytes key = {uid, picked[i]->uid_len};
            memcpy(uid, picked[i]->uid, key.len);
            mti_cache_drop(db, key);
        }
    }
    if (is_within(db)) return true;
    db->futile_used = db->graph->family->heap.used;
    db->futile_freed = db->handles_freed;
    return false;
}

const mt_node *mt_peek(const mt_db *db, mt_bytes uid)
{
    mt_node *node = mti_tree_get(&db->graph->nodes, &mti_node_kind, uid);

    if (!node) return NULL;
    node->flags |= MTI_NODE_USED;
    return node->alive > 0 || mti_node_is_partial(node) ? node : NULL;
}
