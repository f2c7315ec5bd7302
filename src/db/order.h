/* db/order.h - keys as callers give them, in uid order and each once: as plugins take them. */
#ifndef MTI_ORDER_H
#define MTI_ORDER_H

#include <mytosis/bytes.h>
#include <mytosis/status.h>

/* Where the keys stand, in order. `at` has room for all; of equal keys, the first stands in it. */
typedef struct mti_order {
    uint32_t *at;
    size_t count; /* of different keys */
    size_t size;  /* of the allocation */
} mti_order;

/* Orders `count` keys that lie `stride` bytes apart. MT_NO_MEMORY. */
mt_status mti_order_keys(const mt_mem *mem, const mt_bytes *keys, size_t stride, size_t count,
                         mti_order *out);

/* The same, but equal keys all stay, in the order in which they came. */
mt_status mti_order_all(const mt_mem *mem, const mt_bytes *keys, size_t stride, size_t count,
                        mti_order *out);

void mti_order_free(const mt_mem *mem, mti_order *order);

/* Puts keys themselves in order, each once: `*count` becomes how many those are. MT_NO_MEMORY. */
mt_status mti_keys_sort(const mt_mem *mem, mt_bytes *keys, size_t *count);

#endif
