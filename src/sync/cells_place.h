/* sync/cells_place.h - which cells of a coded table an element is in.
 *
 * In a small table each is in 4 cells, all different. In a larger one, 14 of 128 are in 16, one in each
 * sixteenth of the table, and the others in 3. 10,000 elements decode, 99 times in 100, in 13,100 cells
 * with 4 cells for each, in 12,400 with 3, and in 11,240 with this mixture. In small tables it is two
 * elements that share all of their cells, or three that share most, that cannot be told apart; with 4 cells
 * out of the whole table 20 elements take 39, with 3 they take 53, and with 4 out of a quarter each 48.
 *
 * All of it is computed from the key, the seed and the count, alike on all machines: it is part of what
 * peers agree on. */
#ifndef MTI_CELLS_PLACE_H
#define MTI_CELLS_PLACE_H

#include "base/word.h"

#include <stdbool.h>
#include <stddef.h>

#define MTI_PLACES_FEW 4u
#define MTI_PLACES_MANY 16u
#define MTI_PLACES_MANY_OF_128 14u
#define MTI_PLACES_MIXED_MIN 150u /* cells */
#define MTI_PLACES_CHECK_LEN 20u  /* bits */
#define MTI_PLACES_CHECK ((UINT64_C(1) << MTI_PLACES_CHECK_LEN) - 1)

typedef struct mti_places {
    uint32_t at[MTI_PLACES_MANY];
    uint32_t count;
    uint64_t name; /* what a cell knows the key by */
} mti_places;

static inline uint64_t mti_places_mix(uint64_t a, uint64_t b)
{
    mti_wide product = mti_mul64(a, b);

    return product.hi ^ product.lo;
}

/* What all of an element's places are drawn from. */
static inline uint64_t mti_places_bits(uint64_t key, uint64_t seed)
{
    uint64_t bits = mti_places_mix(key ^ seed, UINT64_C(0x9E3779B97F4A7C15));

    return mti_places_mix(bits ^ seed, UINT64_C(0xD6E8FEB86659FD93));
}

/* What a cell knows a key by: the key, and 20 bits that only the key has there. */
static inline uint64_t mti_places_name(uint64_t key, uint64_t bits)
{
    return key << MTI_PLACES_CHECK_LEN | (bits & MTI_PLACES_CHECK);
}

/* Whether an element is in many cells of a table of `count`. */
static inline bool mti_places_are_many(uint64_t bits, size_t count)
{
    return count >= MTI_PLACES_MIXED_MIN && (bits & 127) < MTI_PLACES_MANY_OF_128;
}

/* The next number below a bound, out of a fraction of 2^64; what is left of it gives more of them. */
static inline uint32_t mti_places_draw(uint64_t *fraction, size_t bound)
{
    mti_wide product = mti_mul64(*fraction, bound);

    *fraction = product.lo;
    return (uint32_t)product.hi;
}

/* Draws 3 cells: each among those that are left, and steps over those that are not, the lowest
 * first. */
static inline void mti_places_three(uint64_t *fraction, size_t count, uint32_t at[3])
{
    uint32_t a = mti_places_draw(fraction, count), b = mti_places_draw(fraction, count - 1);
    uint32_t c = mti_places_draw(fraction, count - 2), low, high;

    b += b >= a;
    low = a < b ? a : b;
    high = a < b ? b : a;
    c += c >= low;
    c += c >= high;
    at[0] = a;
    at[1] = b;
    at[2] = c;
}

/* Draws one more beside 3. */
static inline uint32_t mti_places_fourth(uint64_t *fraction, size_t count, const uint32_t at[3])
{
    uint32_t d = mti_places_draw(fraction, count - 3);
    uint32_t low = at[0] < at[1] ? at[0] : at[1], high = at[0] < at[1] ? at[1] : at[0];
    uint32_t first = at[2] < low ? at[2] : low, last = at[2] > high ? at[2] : high;
    uint32_t middle = at[0] ^ at[1] ^ at[2] ^ first ^ last;

    d += d >= first;
    d += d >= middle;
    d += d >= last;
    return d;
}

static inline void mti_places_few(uint64_t bits, size_t count, uint32_t at[MTI_PLACES_FEW])
{
    mti_places_three(&bits, count, at);
    if (count < MTI_PLACES_MIXED_MIN) at[3] = mti_places_fourth(&bits, count, at);
}

/* How many cells those in few cells are in. */
static inline uint32_t mti_places_few_count(size_t count)
{
    return count < MTI_PLACES_MIXED_MIN ? 4 : 3;
}

static inline void mti_places_many(uint64_t bits, size_t count, uint32_t at[MTI_PLACES_MANY])
{
    uint32_t width = (uint32_t)(count / MTI_PLACES_MANY);

    for (uint32_t i = 0; i < MTI_PLACES_MANY; i++) {
        uint32_t start = (uint32_t)(i * count / MTI_PLACES_MANY);

        if (i % 4 == 0)
            bits =
                mti_places_mix(bits ^ UINT64_C(0xA0761D6478BD642F), UINT64_C(0xE7037ED1A0B428DB));
        at[i] = start + ((uint32_t)(bits >> (i % 4 * 16) & 0xFFFF) * width >> 16);
    }
}

static inline void mti_places_of(uint64_t key, uint64_t seed, size_t count, mti_places *out)
{
    uint64_t bits = mti_places_bits(key, seed);

    out->name = mti_places_name(key, bits);
    if (mti_places_are_many(bits, count)) {
        out->count = MTI_PLACES_MANY;
        mti_places_many(bits, count, out->at);
    } else {
        out->count = mti_places_few_count(count);
        mti_places_few(bits, count, out->at);
    }
}

#endif
