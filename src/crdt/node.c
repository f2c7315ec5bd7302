#include "crdt/node.h"

#include "base/bytes.h"

/* ---- Cells ---- */

static void cell_value(const void *base, const mti_cell *cell, mt_value *out)
{
    out->kind = (mt_value_kind)mti_cell_kind(cell);
    switch (out->kind) {
    case MT_NULL: break;
    case MT_BOOL: out->as.boolean = cell->payload != 0; break;
    case MT_NUMBER: memcpy(&out->as.number, &cell->payload, 8); break;
    case MT_INT: memcpy(&out->as.integer, &cell->payload, 8); break;
    case MT_STRING:
    case MT_BYTES:
    case MT_EDGE: out->as.bytes = mti_cell_bytes(base, cell); break;
    }
}

void mti_cell_field(const void *base, const mti_cell *cell, mt_bytes name, mt_field *out)
{
    out->name = name;
    out->state = mti_cell_state(cell);
    out->type = MT_TYPE_REGISTER;
    if (mti_cell_deleted(cell)) {
        out->kind = MT_FIELD_DELETED;
        out->value.kind = MT_NULL;
        return;
    }
    out->kind = MT_FIELD_VALUE;
    cell_value(base, cell, &out->value);
}

int mti_cell_compare(const void *base_a, const mti_cell *a, const void *base_b, const mti_cell *b)
{
    uint64_t state_a = mti_cell_state(a), state_b = mti_cell_state(b);
    mt_value value_a, value_b;

    if (state_a != state_b) return state_a < state_b ? -1 : 1;
    if (mti_cell_equal(base_a, a, base_b, b)) return 0;
    if (mti_cell_deleted(a) || mti_cell_deleted(b))
        return (int)mti_cell_deleted(b) - (int)mti_cell_deleted(a);
    cell_value(base_a, a, &value_a);
    cell_value(base_b, b, &value_b);
    return mt_value_compare(&value_a, &value_b);
}

int mti_field_compare(const mt_field *a, const mt_field *b)
{
    mti_cell cell_a, cell_b;

    mti_cell_of(a, &cell_a);
    mti_cell_of(b, &cell_b);
    return mti_cell_compare(NULL, &cell_a, NULL, &cell_b);
}

/* ---- Making and freeing ---- */

static void cell_release(mti_family *family, const mti_cell *cell)
{
    mti_blob *blob;

    if (mti_cell_place(cell) != MTI_BLOB) return;
    blob = (mti_blob *)(uintptr_t)cell->payload;
    if (--blob->refs == 0) mti_heap_free(&family->heap, blob, sizeof *blob + blob->len);
}

/* How many bytes a cell needs beside itself, in what it will lie in. */
static inline size_t cell_within_len(const mti_pick *pick)
{
    switch (mti_cell_place(pick->cell)) {
    case MTI_WITHIN: return (size_t)(pick->cell->payload >> 32);
    case MTI_FOREIGN: {
        size_t len = mti_cell_bytes(NULL, pick->cell).len;
        return len <= MTI_WITHIN_MAX ? len : 0;
    }
    case MTI_INLINE:
    case MTI_BLOB: break;
    }
    return 0;
}

static __attribute__((noinline)) bool cell_blob(mti_family *family, mti_cell *out,
                                                const mti_pick *pick)
{
    mt_bytes bytes = mti_cell_bytes(pick->base, pick->cell);
    mti_blob *blob;

    if (mti_cell_place(pick->cell) == MTI_BLOB && pick->share) {
        *out = *pick->cell;
        ((mti_blob *)(uintptr_t)pick->cell->payload)->refs++;
        return true;
    }
    blob = mti_heap_alloc(&family->heap, sizeof *blob + bytes.len);
    if (!blob) return false;
    blob->refs = 1;
    blob->len = (uint32_t)bytes.len;
    memcpy(blob->data, bytes.data, bytes.len);
    out->head = mti_cell_head(mti_cell_state(pick->cell), mti_cell_kind(pick->cell), MTI_BLOB, 0);
    out->payload = (uintptr_t)blob;
    return true;
}

/* Copies more than 8 bytes, mostly few. The compiler's own idea for a copy of at most
 * MTI_WITHIN_MAX bytes is a string instruction that takes longer than all the rest of a merge. */
static inline void copy_short(uint8_t *to, const uint8_t *from, size_t len)
{
    size_t i = 0;

    for (; i + 8 < len; i += 8) memcpy(to + i, from + i, 8);
    memcpy(to + len - 8, from + len - 8, 8);
}

/* Copies a picked cell to `out`, its short bytes to `*at` in the new `base`. False without
 * memory. */
static inline bool cell_copy(mti_family *family, const void *base, mti_cell *out, uint8_t **at,
                             const mti_pick *pick)
{
    const mti_cell *cell = pick->cell;
    mti_cell_where place = mti_cell_place(cell);
    mt_bytes bytes;

    if (place == MTI_INLINE) {
        *out = *cell;
        return true;
    }
    bytes = mti_cell_bytes(pick->base, cell);
    if (place == MTI_BLOB || bytes.len > MTI_WITHIN_MAX) return cell_blob(family, out, pick);
    copy_short(*at, bytes.data, bytes.len);
    out->head = mti_cell_head(mti_cell_state(cell), mti_cell_kind(cell), MTI_WITHIN, 0);
    out->payload = (uint64_t)bytes.len << 32 | (uint32_t)(*at - (const uint8_t *)base);
    *at += bytes.len;
    return true;
}

static void node_head(mt_node *node, size_t size, mt_bytes uid, uint64_t floor, uint64_t state_max)
{
    node->refs = 1;
    node->size = (uint32_t)size;
    node->floor = floor;
    node->state_max = state_max;
    node->flags = MTI_NODE_USED;
    node->uid_len = (uint8_t)uid.len;
    memcpy(node->uid, uid.data, uid.len);
}

mt_node *mti_node_new(mti_family *family, mt_bytes uid, uint64_t floor, uint64_t state_max,
                      mti_shape *shape, const mti_pick *picks)
{
    size_t count = shape->count, size = mti_node_body(uid.len) + count * sizeof(mti_cell);
    mti_cell *cells;
    mt_node *node;
    uint8_t *at;

    for (size_t i = 0; i < count; i++) size += cell_within_len(&picks[i]);
    node = mti_heap_alloc(&family->heap, size);
    if (!node) return NULL;
    node_head(node, size, uid, floor, state_max);
    node->alive = 0;
    cells = mti_node_cells(node);
    at = (uint8_t *)&cells[count];
    for (size_t i = 0; i < count; i++) {
        if (!cell_copy(family, node, &cells[i], &at, &picks[i])) {
            while (i-- > 0) cell_release(family, &cells[i]);
            mti_heap_free(&family->heap, node, size);
            return NULL;
        }
        node->alive += !mti_cell_deleted(&cells[i]);
    }
    node->count = (uint32_t)count;
    node->shape = shape;
    return node;
}

/* Whether a cell can be written over one of a node without moving anything. */
static bool edit_fits(const mti_cell *old, const mti_pick *pick)
{
    mti_cell_where place = mti_cell_place(pick->cell);
    size_t len;

    if (mti_cell_place(old) == MTI_BLOB || place == MTI_BLOB) return false;
    if (place == MTI_INLINE) return true;
    len = mti_cell_bytes(pick->base, pick->cell).len;
    return mti_cell_place(old) == MTI_WITHIN && len <= old->payload >> 32;
}

static void edit_cell(mt_node *node, mti_cell *cell, const mti_pick *pick)
{
    mt_bytes bytes;

    node->alive -= !mti_cell_deleted(cell);
    if (mti_cell_place(pick->cell) == MTI_INLINE) {
        *cell = *pick->cell;
    } else {
        bytes = mti_cell_bytes(pick->base, pick->cell);
        copy_short((uint8_t *)node + (uint32_t)cell->payload, bytes.data, bytes.len);
        cell->head =
            mti_cell_head(mti_cell_state(pick->cell), mti_cell_kind(pick->cell), MTI_WITHIN, 0);
        cell->payload = (uint64_t)bytes.len << 32 | (uint32_t)cell->payload;
    }
    node->alive += !mti_cell_deleted(cell);
}

mt_node *mti_node_edit(mti_family *family, const mt_node *node, uint64_t state_max,
                       const mti_edit *edits, size_t count, bool *fits)
{
    mti_cell *cells = mti_node_cells(node);
    mt_node *copy;

    *fits = false;
    for (size_t i = 0; i < count; i++)
        if (!edit_fits(&cells[edits[i].at], &edits[i].pick)) return NULL;
    *fits = true;
    copy = mti_heap_alloc(&family->heap, node->size);
    if (!copy) return NULL;
    memcpy(copy, node, node->size);
    copy->refs = 1;
    copy->state_max = state_max;
    copy->shape->refs++;
    cells = mti_node_cells(copy);
    for (size_t i = 0; i < count; i++) edit_cell(copy, &cells[edits[i].at], &edits[i].pick);
    for (uint32_t i = 0; i < copy->count; i++)
        if (mti_cell_place(&cells[i]) == MTI_BLOB)
            ((mti_blob *)(uintptr_t)cells[i].payload)->refs++;
    return copy;
}

mt_node *mti_node_copy(mti_family *family, const mt_node *foreign, mti_shape *shape)
{
    mt_node *node = mti_heap_alloc(&family->heap, foreign->size);
    mti_cell *cells;

    if (!node) return NULL;
    memcpy(node, foreign, foreign->size);
    node->refs = 1;
    cells = mti_node_cells(node);
    for (uint32_t i = 0; i < node->count; i++) {
        mti_pick pick = {foreign, &mti_node_cells(foreign)[i], false};
        if (mti_cell_place(&cells[i]) != MTI_BLOB || cell_blob(family, &cells[i], &pick)) continue;
        while (i-- > 0) cell_release(family, &cells[i]);
        mti_heap_free(&family->heap, node, foreign->size);
        return NULL;
    }
    node->shape = shape;
    return node;
}

mt_node *mti_node_new_large(mti_family *family, mt_bytes uid, uint64_t floor, uint64_t state_max,
                            size_t alive, const mti_tree *tree)
{
    size_t size = mti_node_body(uid.len) + sizeof(mti_tree);
    mt_node *node = mti_heap_alloc(&family->heap, size);

    if (!node) return NULL;
    node_head(node, size, uid, floor, state_max);
    node->count = (uint32_t)tree->count;
    node->alive = (uint32_t)alive;
    node->shape = NULL;
    *mti_node_tree(node) = *tree;
    return node;
}

mt_node *mti_node_new_partial(mti_family *family, mt_bytes uid, uint64_t floor, uint64_t state_max,
                              size_t alive, mti_tree *tree)
{
    mt_node *node = mti_node_new_large(family, uid, floor, state_max, alive, tree);

    if (!node) return NULL;
    node->flags |= MTI_NODE_PARTIAL;
    memset(tree, 0, sizeof *tree);
    return node;
}

mti_entry *mti_entry_new(mti_family *family, mt_bytes name, const mti_pick *pick)
{
    size_t size = offsetof(mti_entry, name) + name.len + cell_within_len(pick);
    mti_entry *entry = mti_heap_alloc(&family->heap, size);
    uint8_t *at;

    if (!entry) return NULL;
    entry->refs = 1;
    entry->size = (uint32_t)size;
    entry->name_len = (uint8_t)name.len;
    if (name.len) memcpy(entry->name, name.data, name.len);
    at = entry->name + name.len;
    if (!cell_copy(family, entry, &entry->cell, &at, pick)) {
        mti_heap_free(&family->heap, entry, size);
        return NULL;
    }
    return entry;
}

static mt_bytes entry_key(const void *object)
{
    return mti_entry_name(object);
}

static void entry_free(void *ctx, void *object)
{
    mti_family *family = ctx;
    mti_entry *entry = object;

    cell_release(family, &entry->cell);
    mti_heap_free(&family->heap, entry, entry->size);
}

static mt_bytes node_key(const void *object)
{
    return mt_node_uid(object);
}

static void node_free(void *ctx, void *object)
{
    mti_family *family = ctx;
    mti_tree_env env = mti_entry_env(family);
    mt_node *node = object;

    if (node->shape) {
        const mti_cell *cells = mti_node_cells(node);
        for (uint32_t i = 0; i < node->count; i++) cell_release(family, &cells[i]);
        mti_shape_release(family, node->shape);
    } else {
        mti_tree_end(mti_node_tree(node), &env);
    }
    mti_heap_free(&family->heap, node, node->size);
}

const mti_tree_kind mti_entry_kind = {entry_key, entry_free};
const mti_tree_kind mti_node_kind = {node_key, node_free};

void mti_node_release(mti_family *family, mt_node *node)
{
    if (node && --node->refs == 0) node_free(family, node);
}

void mti_entry_release(mti_family *family, mti_entry *entry)
{
    if (entry && --entry->refs == 0) entry_free(family, entry);
}

/* ---- Reading ---- */

mt_bytes mt_node_uid(const mt_node *node)
{
    mt_bytes uid = {node->uid, node->uid_len};
    return uid;
}

uint64_t mt_node_floor(const mt_node *node)
{
    return node->floor;
}

uint64_t mt_node_state_max(const mt_node *node)
{
    return node->state_max;
}

bool mt_node_partial(const mt_node *node)
{
    return mti_node_is_partial(node);
}

size_t mt_node_count(const mt_node *node)
{
    return node->alive;
}

size_t mt_node_count_all(const mt_node *node)
{
    return node->count;
}

bool mti_shape_find(const mti_shape *shape, mt_bytes name, size_t *at)
{
    size_t first = 0, len = shape->count;

    /* A few names are compared faster, by their lengths mostly, than searched by halves. */
    for (; len <= 8 && first < len; first++) {
        if (!mti_bytes_same(shape->names[first], name)) continue;
        *at = first;
        return true;
    }
    if (len <= 8) return false;
    while (len > 0) {
        size_t half = len / 2;
        int order = mti_bytes_order(shape->names[first + half], name);
        if (order == 0) {
            *at = first + half;
            return true;
        }
        first = order < 0 ? first + half + 1 : first;
        len = order < 0 ? len - half - 1 : half;
    }
    return false;
}

const mti_cell *mti_node_find(const mt_node *node, mt_bytes name, const void **base)
{
    const mti_entry *entry;
    size_t at;

    if (node->shape) {
        *base = node;
        return mti_shape_find(node->shape, name, &at) ? &mti_node_cells(node)[at] : NULL;
    }
    *base = entry = mti_tree_get(mti_node_tree(node), &mti_entry_kind, name);
    return entry && !mti_cell_absent(&entry->cell) ? &entry->cell : NULL;
}

/* One search, whatever the node. The name handed out is the node's, not the caller's: it lives as
 * long as the views. */
static mt_status node_get(const mt_node *node, mt_bytes name, bool any, mt_field *out)
{
    const mti_entry *entry = NULL;
    const mti_cell *cell = NULL;
    size_t at;

    if (node->shape && mti_shape_find(node->shape, name, &at)) {
        cell = &mti_node_cells(node)[at];
        name = node->shape->names[at];
    } else if (!node->shape) {
        entry = mti_tree_get(mti_node_tree(node), &mti_entry_kind, name);
        if (entry) {
            cell = &entry->cell;
            name = mti_entry_name(entry);
        }
    }
    if (!cell) return mti_node_is_partial(node) ? MT_NOT_LOADED : MT_NOT_FOUND;
    if (mti_cell_absent(cell) || (!any && mti_cell_deleted(cell))) return MT_NOT_FOUND;
    mti_cell_field(entry ? (const void *)entry : node, cell, name, out);
    return MT_OK;
}

mt_status mt_node_get(const mt_node *node, mt_bytes name, mt_field *out)
{
    return node_get(node, name, false, out);
}

mt_status mt_node_get_any(const mt_node *node, mt_bytes name, mt_field *out)
{
    return node_get(node, name, true, out);
}

void mt_field_iter_init(mt_field_iter *iter, const mt_node *node, bool any)
{
    mt_bytes start = {NULL, 0};

    iter->node = node;
    iter->any = any;
    iter->at = 0;
    if (node && !node->shape)
        mti_tree_walk(mti_node_tree(node), &mti_entry_kind, start, &iter->walk);
}

bool mt_field_iter_next(mt_field_iter *iter, mt_field *out)
{
    const mt_node *node = iter->node;
    const mti_entry *entry;

    if (!node) return false;
    if (node->shape) {
        const mti_cell *cells = mti_node_cells(node);
        while (iter->at < node->count) {
            uint32_t at = iter->at++;
            if (!iter->any && mti_cell_deleted(&cells[at])) continue;
            mti_cell_field(node, &cells[at], node->shape->names[at], out);
            return true;
        }
        return false;
    }
    while ((entry = mti_tree_next(&iter->walk))) {
        if (!iter->any && mti_cell_deleted(&entry->cell)) continue;
        if (mti_cell_absent(&entry->cell)) continue;
        mti_cell_field(entry, &entry->cell, mti_entry_name(entry), out);
        return true;
    }
    return false;
}

static bool large_equal(const mt_node *a, const mt_node *b)
{
    mt_walk walk_a, walk_b;
    void *x, *y;

    mti_tree_pair_walk(mti_node_tree(a), mti_node_tree(b), &walk_a, &walk_b);
    while (mti_tree_pair_next(&mti_entry_kind, &walk_a, &walk_b, &x, &y)) {
        const mti_entry *entry_a = x, *entry_b = y;
        if (!entry_a || !entry_b) return false;
        if (mti_cell_compare(entry_a, &entry_a->cell, entry_b, &entry_b->cell) != 0) return false;
    }
    return true;
}

bool mt_node_equal(const mt_node *a, const mt_node *b)
{
    const mti_cell *cells_a, *cells_b;

    if (a == b) return true;
    if (a->floor != b->floor || a->count != b->count || a->state_max != b->state_max) return false;
    if (!mt_bytes_equal(mt_node_uid(a), mt_node_uid(b))) return false;
    if (!a->shape || !b->shape) return !a->shape && !b->shape && large_equal(a, b);
    if (a->shape != b->shape && !mt_bytes_equal(a->shape->list, b->shape->list)) return false;
    cells_a = mti_node_cells(a);
    cells_b = mti_node_cells(b);
    for (uint32_t i = 0; i < a->count; i++)
        if (mti_cell_compare(a, &cells_a[i], b, &cells_b[i]) != 0) return false;
    return true;
}
