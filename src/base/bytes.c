#include "base/bytes.h"

mt_bytes mt_str(const char *text)
{
    mt_bytes bytes = {(const uint8_t *)text, text ? strlen(text) : 0};
    return bytes;
}

int mt_bytes_compare(mt_bytes a, mt_bytes b)
{
    size_t len = a.len < b.len ? a.len : b.len;
    int order = len ? memcmp(a.data, b.data, len) : 0;

    if (order) return order;
    return a.len < b.len ? -1 : a.len > b.len;
}

bool mt_bytes_equal(mt_bytes a, mt_bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

mt_bytes mt_buf_bytes(const mt_buf *buf)
{
    mt_bytes bytes = {buf->data, buf->len};
    return bytes;
}

void mt_buf_free(mt_buf *buf)
{
    if (!buf || !buf->mem) return;
    mti_mem_free(buf->mem, buf->data, buf->cap);
    buf->data = NULL;
    buf->len = buf->cap = 0;
}

void *mti_mem_alloc(const mt_mem *mem, size_t size)
{
    return size ? mem->resize(mem->ctx, NULL, 0, size) : NULL;
}

void mti_mem_free(const mt_mem *mem, void *ptr, size_t size)
{
    if (ptr) mem->resize(mem->ctx, ptr, size, 0);
}

mt_status mti_buf_grow(mt_buf *buf, size_t extra)
{
    size_t need, cap;
    void *data;

    if (!mti_size_add(buf->len, extra, &need)) return MT_NO_MEMORY;
    if (!mti_size_add(buf->cap, buf->cap / 2 + 64, &cap) || cap < need) cap = need;
    data = buf->mem->resize(buf->mem->ctx, buf->data, buf->cap, cap);
    if (!data) return MT_NO_MEMORY;
    buf->data = data;
    buf->cap = cap;
    return MT_OK;
}

mt_status mti_buf_append(mt_buf *buf, const void *data, size_t len)
{
    mt_status st = mti_buf_reserve(buf, len);

    if (st != MT_OK) return st;
    if (len) memcpy(buf->data + buf->len, data, len);
    buf->len += len;
    return MT_OK;
}

void *mti_vector_reserve(const mt_mem *mem, void *items, size_t *cap, size_t need, size_t size)
{
    size_t room, bytes;
    void *grown;

    if (need <= *cap) return items;
    if (!mti_size_add(*cap, *cap / 2 + 8, &room) || room < need) room = need;
    if (!mti_size_mul(room, size, &bytes)) return NULL;
    grown = mem->resize(mem->ctx, items, *cap * size, bytes);
    if (grown) *cap = room;
    return grown;
}
