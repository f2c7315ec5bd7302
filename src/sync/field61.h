/* sync/field61.h - numbers modulo the prime 2^61 - 1.
 *
 * 2^61 is 1 here, so what lies above 61 bits is folded onto what lies below, and nothing is ever divided.
 * A number is reduced if it is less than the prime; unless a comment says otherwise, arguments and
 * answers are. */
#ifndef MTI_FIELD61_H
#define MTI_FIELD61_H

#include "base/word.h"

#define MTI_F61_PRIME ((UINT64_C(1) << 61) - 1)

/* The same number in at most 2^61 + 6, of any word. */
static inline uint64_t mti_f61_fold(uint64_t a)
{
    return (a & MTI_F61_PRIME) + (a >> 61);
}

/* Of any word. */
static inline uint64_t mti_f61_reduce(uint64_t a)
{
    a = mti_f61_fold(a);
    return a >= MTI_F61_PRIME ? a - MTI_F61_PRIME : a;
}

static inline uint64_t mti_f61_add(uint64_t a, uint64_t b)
{
    a += b;
    return a >= MTI_F61_PRIME ? a - MTI_F61_PRIME : a;
}

static inline uint64_t mti_f61_sub(uint64_t a, uint64_t b)
{
    return a >= b ? a - b : a + MTI_F61_PRIME - b;
}

/* The product, not reduced: below 2^62. */
static inline uint64_t mti_f61_mul_loose(uint64_t a, uint64_t b)
{
    mti_wide product = mti_mul64(a, b);

    return (product.lo & MTI_F61_PRIME) + (product.hi << 3 | product.lo >> 61);
}

static inline uint64_t mti_f61_mul(uint64_t a, uint64_t b)
{
    a = mti_f61_mul_loose(a, b);
    return a >= MTI_F61_PRIME ? a - MTI_F61_PRIME : a;
}

/* The number whose product with `a` is 1: a^(p - 2), as Fermat has it. `a` is not 0. */
static inline uint64_t mti_f61_inverse(uint64_t a)
{
    uint64_t power = 1;

    for (uint64_t left = MTI_F61_PRIME - 2; left > 0; left >>= 1) {
        if (left & 1) power = mti_f61_mul(power, a);
        a = mti_f61_mul(a, a);
    }
    return power;
}

#endif
