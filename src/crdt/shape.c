#include "crdt/shape.h"

#include "base/assert.h"
#include "base/bytes.h"

static mt_bytes shape_key(const void *object)
{
    return ((const mti_shape *)object)->list;
}

static void shape_last(void *ctx, void *object)
{
    (void)ctx;
    (void)object; /* shapes leave the tree before their last holder does */
}

static const mti_tree_kind shape_kind = {shape_key, shape_last};

static mti_tree_env shape_env(mti_family *family)
{
    mti_tree_env env = {&shape_kind, &family->heap, NULL};
    return env;
}

mt_status mti_family_new(const mt_mem *mem, mti_family **out)
{
    mti_family *family = mti_mem_alloc(mem, sizeof *family);

    if (!family) return MT_NO_MEMORY;
    memset(family, 0, sizeof *family);
    family->refs = 1;
    mti_heap_init(&family->heap, mem);
    *out = family;
    return MT_OK;
}

void mti_family_hold(mti_family *family)
{
    family->refs++;
}

void mti_family_release(mti_family *family)
{
    const mt_mem *mem = family->heap.mem;

    if (--family->refs > 0) return;
    for (size_t i = 0; i < MTI_SHAPE_RECENT; i++)
        if (family->recent[i]) mti_shape_release(family, family->recent[i]);
    mti_mem_free(mem, family->list, family->list_cap);
    mti_heap_end(&family->heap);
    mti_mem_free(mem, family, sizeof *family);
}

/* Names of a list that lie `stride` bytes apart, as they do within fields. */
static inline mt_bytes name_at(const mt_bytes *names, size_t stride, size_t i)
{
    mt_bytes name;

    memcpy(&name, (const uint8_t *)names + i * stride, sizeof name);
    return name;
}

static unsigned recent_slot(const mt_bytes *names, size_t stride, size_t count)
{
    uint64_t hash = count;

    if (count > 0) {
        mt_bytes first = name_at(names, stride, 0), last = name_at(names, stride, count - 1);
        hash += first.len << 8 | last.len << 16;
        if (first.len)
            hash += (uint64_t)first.data[0] << 24 | (uint64_t)first.data[first.len - 1] << 32;
        if (last.len)
            hash += (uint64_t)last.data[0] << 40 | (uint64_t)last.data[last.len - 1] << 48;
    }
    return (unsigned)(hash * UINT64_C(0x9e3779b97f4a7c15) >> 56);
}

static unsigned shape_slot(const mti_shape *shape)
{
    return recent_slot(shape->names, sizeof(mt_bytes), shape->count);
}

mti_shape *mti_shape_recent(mti_family *family, const mt_bytes *names, size_t stride, size_t count)
{
    mti_shape *shape = family->recent[recent_slot(names, stride, count)];

    if (!shape || shape->count != count) return NULL;
    for (size_t i = 0; i < count; i++)
        if (!mti_bytes_same(shape->names[i], name_at(names, stride, i))) return NULL;
    shape->refs++;
    return shape;
}

static mti_shape *shape_new(mti_family *family, mt_bytes list, size_t count)
{
    size_t names_len = count * sizeof(mt_bytes);
    mti_shape *shape = mti_heap_alloc(&family->heap, sizeof *shape + names_len + list.len);
    const uint8_t *at;

    if (!shape) return NULL;
    shape->refs = 0;
    shape->count = (uint32_t)count;
    at = (const uint8_t *)memcpy((uint8_t *)&shape->names[count], list.data, list.len);
    shape->list.data = at;
    shape->list.len = list.len;
    for (size_t i = 0; i < count; i++) {
        shape->names[i].len = *at;
        shape->names[i].data = at + 1;
        at += 1 + shape->names[i].len;
    }
    return shape;
}

static size_t shape_size(const mti_shape *shape)
{
    return sizeof *shape + shape->count * sizeof(mt_bytes) + shape->list.len;
}

void mti_shape_release(mti_family *family, mti_shape *shape)
{
    mti_tree_env env = shape_env(family);
    mt_status st;
    void *old;

    if (--shape->refs > 0) return;
    /* No copy of this tree is ever made, so that taking out needs no memory. */
    st = mti_tree_remove(&family->shapes, &env, shape->list, &old);
    mti_assert(st == MT_OK && old == shape);
    mti_heap_free(&family->heap, shape, shape_size(shape));
}

/* The recent shapes are held, so that those which nodes only pass through, as their fields are
 * written one by one, are not made anew each time. */
static void shape_remember(mti_family *family, mti_shape *shape)
{
    mti_shape **slot = &family->recent[shape_slot(shape)];
    mti_shape *before = *slot;

    if (before == shape) return;
    shape->refs++;
    *slot = shape;
    if (before) mti_shape_release(family, before);
}

static mti_shape *shape_find_or_new(mti_family *family, mt_bytes list, size_t count)
{
    mti_shape *shape = mti_tree_get(&family->shapes, &shape_kind, list);
    mti_tree_env env = shape_env(family);
    void *old;

    if (!shape) {
        shape = shape_new(family, list, count);
        if (!shape) return NULL;
        if (mti_tree_put(&family->shapes, &env, shape, &old) != MT_OK) {
            mti_heap_free(&family->heap, shape, shape_size(shape));
            return NULL;
        }
    }
    shape->refs++;
    shape_remember(family, shape);
    return shape;
}

mti_shape *mti_shape_of(mti_family *family, const mt_bytes *names, size_t count)
{
    mti_shape *shape = mti_shape_recent(family, names, sizeof *names, count);
    mt_bytes list = {NULL, 0};
    uint8_t *at;

    if (shape) return shape;
    for (size_t i = 0; i < count; i++) list.len += 1 + names[i].len;
    at = mti_vector_reserve(family->heap.mem, family->list, &family->list_cap, list.len + 1, 1);
    if (!at) return NULL;
    list.data = family->list = at;
    for (size_t i = 0; i < count; i++) {
        *at++ = (uint8_t)names[i].len;
        if (names[i].len) memcpy(at, names[i].data, names[i].len);
        at += names[i].len;
    }
    return shape_find_or_new(family, list, count);
}

mti_shape *mti_shape_like(mti_family *family, const mti_shape *foreign)
{
    mti_shape *shape = mti_shape_recent(family, foreign->names, sizeof(mt_bytes), foreign->count);

    return shape ? shape : shape_find_or_new(family, foreign->list, foreign->count);
}
