#include "db/handle.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "base/checksum.h"

/* Buckets are four times as many as handles at least: most are empty or have one, so that looking for a
 * node that has none touches no other's. */
#define BUCKETS_MIN 64
#define BUCKETS_EACH 4

/* ---- The table ---- */

void mti_handles_init(mt_db *db)
{
    mti_handle_table *table = &db->handles;

    if (db->env->entropy(db->env->ctx, (uint8_t *)&table->seed, sizeof table->seed) != MT_OK)
        table->seed = 0;
}

static void handle_free(const mt_db *db, mt_handle *handle)
{
    mti_mem_free(db->mem, handle, offsetof(mt_handle, uid) + handle->uid_len);
}

void mti_handles_free(mt_db *db)
{
    mti_handle_table *table = &db->handles;

    for (size_t i = 0; i < table->cap; i++)
        for (mt_handle *handle = table->buckets[i], *next; handle; handle = next) {
            next = handle->next;
            handle_free(db, handle);
        }
    mti_mem_free(db->mem, table->buckets, table->cap * sizeof(mt_handle *));
}

static mt_handle **bucket_of(const mti_handle_table *table, uint32_t hash)
{
    return &table->buckets[hash & (table->cap - 1)];
}

static mt_handle *table_find(const mti_handle_table *table, uint32_t hash, mt_bytes uid)
{
    mt_handle *handle = table->cap ? *bucket_of(table, hash) : NULL;

    while (handle && (handle->hash != hash || !mti_bytes_same(mt_handle_uid(handle), uid)))
        handle = handle->next;
    return handle;
}

/* Doubles the buckets. */
static mt_status table_grow(mt_db *db)
{
    const mti_handle_table *old = &db->handles;
    mti_handle_table wider = *old;

    wider.cap = old->cap ? 2 * old->cap : BUCKETS_MIN;
    wider.buckets = mti_mem_alloc(db->mem, wider.cap * sizeof(mt_handle *));
    if (!wider.buckets) return MT_NO_MEMORY;
    memset(wider.buckets, 0, wider.cap * sizeof(mt_handle *));
    for (size_t i = 0; i < old->cap; i++)
        for (mt_handle *handle = old->buckets[i], *next; handle; handle = next) {
            mt_handle **bucket = bucket_of(&wider, handle->hash);

            next = handle->next;
            handle->next = *bucket;
            *bucket = handle;
        }
    mti_mem_free(db->mem, old->buckets, old->cap * sizeof(mt_handle *));
    db->handles = wider;
    return MT_OK;
}

static void table_remove(mti_handle_table *table, const mt_handle *handle)
{
    mt_handle **at = bucket_of(table, handle->hash);

    while (*at != handle) at = &(*at)->next;
    *at = handle->next;
    table->count--;
}

/* ---- Holding and letting go ---- */

mt_handle *mti_handle_find(const mt_db *db, mt_bytes uid)
{
    return table_find(&db->handles, mti_checksum32(uid, db->handles.seed), uid);
}

static mt_handle *hold(mt_db *db, mt_bytes uid, uint32_t hash)
{
    mti_handle_table *table = &db->handles;
    mt_handle *handle = table_find(table, hash, uid), **bucket;

    if (handle) return mt_handle_ref(handle);
    if (BUCKETS_EACH * table->count >= table->cap && table_grow(db) != MT_OK) return NULL;
    handle = mti_mem_alloc(db->mem, offsetof(mt_handle, uid) + uid.len);
    if (!handle) return NULL;
    memset(handle, 0, offsetof(mt_handle, uid));
    handle->held = 1;
    handle->hash = hash;
    handle->db = db;
    handle->version = UINT64_MAX;
    handle->uid_len = (uint8_t)uid.len;
    memcpy(handle->uid, uid.data, uid.len);
    bucket = bucket_of(table, hash);
    handle->next = *bucket;
    *bucket = handle;
    table->count++;
    return handle;
}

mt_handle *mti_handle_hold(mt_db *db, mt_bytes uid)
{
    return hold(db, uid, mti_checksum32(uid, db->handles.seed));
}

mt_handle *mt_handle_ref(mt_handle *handle)
{
    handle->held++;
    return handle;
}

void mt_handle_unref(mt_handle *handle)
{
    mt_db *db;

    if (!handle) return;
    mti_assert(handle->held > 0);
    if (--handle->held > 0) return;
    db = handle->db;
    mti_assert(!handle->fetch && !handle->unstored);
    table_remove(&db->handles, handle);
    handle_free(db, handle);
    db->handles_freed++;
}

/* How many buckets are on their way from memory at once. */
#define AHEAD 16

static mt_bytes uid_at(const mt_bytes *uids, size_t stride, size_t at)
{
    mt_bytes uid;

    memcpy(&uid, (const uint8_t *)uids + at * stride, sizeof uid);
    return uid;
}

/* Holds those from `first` to before `end`, whose buckets are asked for first. Answers where it ended:
 * before that where there is no memory. */
static size_t hold_some(mt_db *db, const mt_bytes *uids, size_t stride, size_t first, size_t end,
                        mt_handle **out)
{
    uint32_t hashes[AHEAD];
    size_t i;

    for (i = first; i < end; i++) {
        hashes[i - first] = mti_checksum32(uid_at(uids, stride, i), db->handles.seed);
        if (db->handles.cap) __builtin_prefetch(bucket_of(&db->handles, hashes[i - first]));
    }
    for (i = first; i < end; i++)
        if (!(out[i] = hold(db, uid_at(uids, stride, i), hashes[i - first]))) break;
    return i;
}

mt_status mti_handles_hold(mt_db *db, const mt_bytes *uids, size_t stride, size_t count,
                           mt_handle ***out)
{
    mt_handle **handles = mti_mem_alloc(db->mem, (count ? count : 1) * sizeof(mt_handle *));
    size_t held = 0, end;

    if (!handles) return MT_NO_MEMORY;
    while (held < count) {
        end = count - held < AHEAD ? count : held + AHEAD;
        held = hold_some(db, uids, stride, held, end, handles);
        if (held == end) continue;
        while (held-- > 0) mt_handle_unref(handles[held]);
        mti_mem_free(db->mem, handles, (count ? count : 1) * sizeof(mt_handle *));
        return MT_NO_MEMORY;
    }
    *out = handles;
    return MT_OK;
}

void mti_handles_release(const mt_mem *mem, mt_handle **handles, size_t count)
{
    if (!handles) return;
    for (size_t i = 0; i < count; i++) {
        const mt_handle *next = i + AHEAD / 2 < count ? handles[i + AHEAD / 2] : NULL;

        if (i + AHEAD < count && handles[i + AHEAD]) __builtin_prefetch(handles[i + AHEAD], 1);
        if (next) __builtin_prefetch(bucket_of(&next->db->handles, next->hash), 1);
        mt_handle_unref(handles[i]);
    }
    mti_mem_free(mem, handles, (count ? count : 1) * sizeof(mt_handle *));
}

void mti_handles_unknow(mt_db *db)
{
    const mti_handle_table *table = &db->handles;

    for (size_t i = 0; i < table->cap; i++)
        for (mt_handle *handle = table->buckets[i]; handle; handle = handle->next)
            handle->absent = false;
}

void mti_handle_set_volatile(mt_handle *handle, uint64_t commit)
{
    bool was_volatile = handle->volatile_at > 0;

    handle->volatile_at = commit;
    if (commit > 0 && !was_volatile) mt_handle_ref(handle);
    if (commit == 0 && was_volatile) mt_handle_unref(handle);
}

/* ---- What a handle shows ---- */

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
