#include "db/order.h"

#include "base/bytes.h"

static mt_bytes key_at(const mt_bytes *keys, size_t stride, size_t i)
{
    mt_bytes key;

    memcpy(&key, (const uint8_t *)keys + i * stride, sizeof key);
    return key;
}

/* A merge sort from the bottom up, which keeps equal keys as they came. */
static void sort(const mt_bytes *keys, size_t stride, uint32_t *order, uint32_t *other,
                 size_t count)
{
    uint32_t *from = order, *to = other, *swap;

    for (size_t run = 1; run < count; run *= 2) {
        for (size_t start = 0; start < count; start += 2 * run) {
            size_t middle = count - start < run ? count : start + run;
            size_t end = count - start < 2 * run ? count : start + 2 * run;
            size_t i = start, j = middle, at = start;
            while (i < middle && j < end) {
                int less =
                    mti_bytes_order8(key_at(keys, stride, from[j]), key_at(keys, stride, from[i]));
                to[at++] = less < 0 ? from[j++] : from[i++];
            }
            while (i < middle) to[at++] = from[i++];
            while (j < end) to[at++] = from[j++];
        }
        swap = from;
        from = to;
        to = swap;
    }
    if (from != order) memcpy(order, from, count * sizeof *order);
}

static bool in_order(const mt_bytes *keys, size_t stride, size_t count)
{
    for (size_t i = 1; i < count; i++)
        if (mti_bytes_order8(key_at(keys, stride, i - 1), key_at(keys, stride, i)) > 0)
            return false;
    return true;
}

mt_status mti_order_all(const mt_mem *mem, const mt_bytes *keys, size_t stride, size_t count,
                        mti_order *out)
{
    out->count = count;
    out->size = 2 * (count ? count : 1) * sizeof *out->at;
    out->at = mti_mem_alloc(mem, out->size);
    if (!out->at) return MT_NO_MEMORY;
    for (size_t i = 0; i < count; i++) out->at[i] = (uint32_t)i;
    if (!in_order(keys, stride, count)) sort(keys, stride, out->at, out->at + count, count);
    return MT_OK;
}

mt_status mti_order_keys(const mt_mem *mem, const mt_bytes *keys, size_t stride, size_t count,
                         mti_order *out)
{
    mt_status st = mti_order_all(mem, keys, stride, count, out);
    size_t kept = 0;

    if (st != MT_OK) return st;
    for (size_t i = 0; i < count; i++) {
        if (kept > 0 && mt_bytes_equal(key_at(keys, stride, out->at[kept - 1]),
                                       key_at(keys, stride, out->at[i])))
            continue;
        out->at[kept++] = out->at[i];
    }
    out->count = kept;
    return MT_OK;
}

void mti_order_free(const mt_mem *mem, mti_order *order)
{
    mti_mem_free(mem, order->at, order->size);
    order->at = NULL;
}

mt_status mti_keys_sort(const mt_mem *mem, mt_bytes *keys, size_t *count)
{
    size_t size = *count * sizeof *keys;
    mti_order order;
    mt_bytes *sorted;

    if (*count < 2) return MT_OK;
    if (!(sorted = mti_mem_alloc(mem, size))) return MT_NO_MEMORY;
    if (mti_order_keys(mem, keys, sizeof *keys, *count, &order) != MT_OK) {
        mti_mem_free(mem, sorted, size);
        return MT_NO_MEMORY;
    }
    for (size_t i = 0; i < order.count; i++) sorted[i] = keys[order.at[i]];
    memcpy(keys, sorted, order.count * sizeof *sorted);
    *count = order.count;
    mti_order_free(mem, &order);
    mti_mem_free(mem, sorted, size);
    return MT_OK;
}
