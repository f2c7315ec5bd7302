#include "db/handle.h"

#include "base/assert.h"
#include "base/bytes.h"

static mt_bytes handle_key(const void *object)
{
    return mt_handle_uid(object);
}

static void handle_free(void *ctx, void *object)
{
    mt_handle *handle = object;

    mti_mem_free(ctx, handle, offsetof(mt_handle, uid) + handle->uid_len);
}

static const mti_tree_kind handle_kind = {handle_key, handle_free};

static mti_tree_env handles_env(mt_db *db)
{
    /* The table of memory is never written to. */
    mti_tree_env env = {&handle_kind, &db->handle_heap, (void *)(uintptr_t)db->mem};
    return env;
}

mt_handle *mti_handle_find(const mt_db *db, mt_bytes uid)
{
    return mti_tree_get(&db->handles, &handle_kind, uid);
}

mt_handle *mti_handle_hold(mt_db *db, mt_bytes uid)
{
    mti_tree_env env = handles_env(db);
    mti_tree_place place;
    mt_handle *handle = mti_tree_find(&db->handles, &handle_kind, uid, &place);
    void *old;

    if (handle) {
        handle->held++;
        return handle;
    }
    handle = mti_mem_alloc(db->mem, offsetof(mt_handle, uid) + uid.len);
    if (!handle) return NULL;
    memset(handle, 0, offsetof(mt_handle, uid));
    handle->refs = handle->held = 1;
    handle->db = db;
    handle->version = UINT64_MAX;
    handle->uid_len = (uint8_t)uid.len;
    memcpy(handle->uid, uid.data, uid.len);
    if (mti_tree_put_at(&db->handles, &env, &place, handle, &old) == MT_OK) return handle;
    handle_free((void *)(uintptr_t)db->mem, handle);
    return NULL;
}

mt_handle *mt_handle_ref(mt_handle *handle)
{
    handle->held++;
    return handle;
}

void mt_handle_unref(mt_handle *handle)
{
    mti_tree_env env;
    mt_status st;
    void *old;
    mt_db *db;

    if (!handle) return;
    mti_assert(handle->held > 0);
    if (--handle->held > 0) return;
    db = handle->db;
    mti_assert(!handle->fetch && !handle->unstored);
    env = handles_env(db);
    st = mti_tree_remove(&db->handles, &env, mt_handle_uid(handle), &old);
    mti_assert(st == MT_OK && old == handle);
    handle_free(env.ctx, handle);
    db->handles_freed++;
}

mt_status mti_handles_hold(mt_db *db, const mt_bytes *uids, size_t stride, size_t count,
                           mt_handle ***out)
{
    mt_handle **handles = mti_mem_alloc(db->mem, (count ? count : 1) * sizeof(mt_handle *));
    mt_bytes uid;

    if (!handles) return MT_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        memcpy(&uid, (const uint8_t *)uids + i * stride, sizeof uid);
        if ((handles[i] = mti_handle_hold(db, uid))) continue;
        while (i-- > 0) mt_handle_unref(handles[i]);
        mti_mem_free(db->mem, handles, (count ? count : 1) * sizeof(mt_handle *));
        return MT_NO_MEMORY;
    }
    *out = handles;
    return MT_OK;
}

void mti_handles_release(const mt_mem *mem, mt_handle **handles, size_t count)
{
    if (!handles) return;
    for (size_t i = 0; i < count; i++) mt_handle_unref(handles[i]);
    mti_mem_free(mem, handles, (count ? count : 1) * sizeof(mt_handle *));
}

mt_status mti_handles_all(mt_db *db, mt_handle ***out, size_t *count)
{
    mt_handle **handles =
        mti_mem_alloc(db->mem, (db->handles.count ? db->handles.count : 1) * sizeof(mt_handle *));
    mt_bytes start = {NULL, 0};
    mt_handle *handle;
    mt_walk walk;

    *count = 0;
    if (!handles) return MT_NO_MEMORY;
    mti_tree_walk(&db->handles, &handle_kind, start, &walk);
    while ((handle = mti_tree_next(&walk))) handles[(*count)++] = mt_handle_ref(handle);
    *out = handles;
    return MT_OK;
}

void mti_handles_unknow(mt_db *db)
{
    mt_bytes start = {NULL, 0};
    mt_handle *handle;
    mt_walk walk;

    mti_tree_walk(&db->handles, &handle_kind, start, &walk);
    while ((handle = mti_tree_next(&walk))) handle->absent = false;
}

void mti_handle_set_volatile(mt_handle *handle, uint64_t commit)
{
    bool was_volatile = handle->volatile_at > 0;

    handle->volatile_at = commit;
    if (commit > 0 && !was_volatile) mt_handle_ref(handle);
    if (commit == 0 && was_volatile) mt_handle_unref(handle);
}

void mti_handles_orphan(mt_db *db)
{
    mti_tree_env env = handles_env(db);

    /* What the application still holds may not be used any more, and goes with the database. */
    mti_tree_end(&db->handles, &env);
}

mt_bytes mt_handle_uid(const mt_handle *handle)
{
    mt_bytes uid = {handle->uid, handle->uid_len};
    return uid;
}

mt_db *mt_handle_db(const mt_handle *handle)
{
    return handle->db;
}

const mt_node *mti_handle_resident(mt_handle *handle)
{
    const mt_graph *graph = handle->db->graph;
    mt_node *node;

    if (handle->version == graph->version) return handle->node;
    node = mti_tree_get(&graph->nodes, &mti_node_kind, mt_handle_uid(handle));
    if (node) node->flags |= MTI_NODE_USED;
    handle->node = node;
    handle->version = graph->version;
    return node;
}

const mt_node *mt_handle_node(const mt_handle *handle)
{
    /* What a handle remembers is no change that anybody sees. */
    const mt_node *node = mti_handle_resident((mt_handle *)(uintptr_t)handle);

    return node && (node->alive > 0 || mti_node_is_partial(node)) ? node : NULL;
}

mt_status mt_handle_get(const mt_handle *handle, mt_bytes name, mt_field *out)
{
    const mt_node *node = mt_handle_node(handle);

    return node ? mt_node_get(node, name, out) : MT_NOT_FOUND;
}

mt_value mt_handle_edge(const mt_handle *handle)
{
    return mt_edge(mt_handle_uid(handle));
}
