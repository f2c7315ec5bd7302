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

/* Makes room for `extra` more bytes, growing by half at least. MT_NO_MEMORY leaves the buffer as it was. */
mt_status mti_buf_grow(mt_buf *buf, size_t extra);

static inline mt_status mti_buf_reserve(mt_buf *buf, size_t extra)
{
    return buf->cap - buf->len >= extra ? MT_OK : mti_buf_grow(buf, extra);
}

/* Appends. MT_NO_MEMORY leaves the buffer as it was. */
mt_status mti_buf_append(mt_buf *buf, const void *data, size_t len);

/* Makes room for `need` items of `size` bytes in a vector that holds room for `*cap`; answers where they are
 * now, or NULL without memory, with all as it was. */
void *mti_vector_reserve(const mt_mem *mem, void *items, size_t *cap, size_t need, size_t size);

#endif
