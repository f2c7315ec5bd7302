/* base/bytes.h - owned buffers, and sums that must not overflow. */
#ifndef MTI_BYTES_H
#define MTI_BYTES_H

#include <mytosis/bytes.h>
#include <mytosis/status.h>
#include <string.h>

/* Allocation through a table; sizes of 0 give NULL. */
void *mti_mem_alloc(const mt_mem *mem, size_t size);
void mti_mem_free(const mt_mem *mem, void *ptr, size_t size);

/* Whether a + b, a * b fit; the result is then in `*out`. */
static inline bool mti_size_add(size_t a, size_t b, size_t *out)
{
    return !__builtin_add_overflow(a, b, out);
}
static inline bool mti_size_mul(size_t a, size_t b, size_t *out)
{
    return !__builtin_mul_overflow(a, b, out);
}

/* Makes room for `extra` more bytes, growing by half at least. MT_NO_MEMORY leaves the buffer as
 * it was. */
mt_status mti_buf_grow(mt_buf *buf, size_t extra);

static inline mt_status mti_buf_reserve(mt_buf *buf, size_t extra)
{
    return buf->cap - buf->len >= extra ? MT_OK : mti_buf_grow(buf, extra);
}

/* As mt_bytes_compare, for runs that mostly differ at once. */
static inline int mti_bytes_order(mt_bytes a, mt_bytes b)
{
    if (a.len && b.len && a.data[0] != b.data[0]) return a.data[0] < b.data[0] ? -1 : 1;
    return mt_bytes_compare(a, b);
}

/* As mt_bytes_compare, for runs that mostly differ in their first 8 bytes. */
static inline int mti_bytes_order8(mt_bytes a, mt_bytes b)
{
    uint64_t x, y;

    if (a.len < 8 || b.len < 8) return mt_bytes_compare(a, b);
    memcpy(&x, a.data, 8);
    memcpy(&y, b.data, 8);
    if (x == y) return mt_bytes_compare(a, b);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    x = __builtin_bswap64(x);
    y = __builtin_bswap64(y);
#endif
    return x < y ? -1 : 1;
}

/* As mt_bytes_equal, for runs that are mostly short: no call. */
static inline bool mti_bytes_same(mt_bytes a, mt_bytes b)
{
    uint64_t x, y, differ = 0;
    size_t i = 0;

    if (a.len != b.len) return false;
    if (a.len > 32) return memcmp(a.data, b.data, a.len) == 0;
    if (a.len >= 8) {
        for (; i + 8 < a.len; i += 8) {
            memcpy(&x, a.data + i, 8);
            memcpy(&y, b.data + i, 8);
            differ |= x ^ y;
        }
        memcpy(&x, a.data + a.len - 8, 8);
        memcpy(&y, b.data + a.len - 8, 8);
        return (differ | (x ^ y)) == 0;
    }
    for (; i < a.len; i++) differ |= (uint64_t)(a.data[i] ^ b.data[i]);
    return differ == 0;
}

/* Appends. MT_NO_MEMORY leaves the buffer as it was. */
mt_status mti_buf_append(mt_buf *buf, const void *data, size_t len);

/* Makes room for `need` items of `size` bytes in a vector that holds room for `*cap`; answers
 * where they are now, or NULL without memory, with all as it was. */
void *mti_vector_reserve(const mt_mem *mem, void *items, size_t *cap, size_t need, size_t size);

#endif
