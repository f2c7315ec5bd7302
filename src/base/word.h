/* base/word.h - 64-bit words: their bytes in memory, and their wide products.
 *
 * Bytes are little-endian wherever they are read or written here, whatever the machine. */
#ifndef MTI_WORD_H
#define MTI_WORD_H

#include <stdint.h>
#include <string.h>

/* A number of 128 bits: hi * 2^64 + lo. */
typedef struct mti_wide {
    uint64_t hi;
    uint64_t lo;
} mti_wide;

#if defined(__SIZEOF_INT128__) && !defined(MTI_NO_INT128)
__extension__ typedef unsigned __int128 mti_uint128;

static inline mti_wide mti_mul64(uint64_t a, uint64_t b)
{
    mti_uint128 product = (mti_uint128)a * b;

    return (mti_wide){(uint64_t)(product >> 64), (uint64_t)product};
}
#else
/* The four products of 32-bit halves. `middle` cannot overflow: (2^32 - 1)^2 + 2 (2^32 - 1) is
 * less than 2^64. */
static inline mti_wide mti_mul64(uint64_t a, uint64_t b)
{
    uint64_t a_hi = a >> 32, a_lo = a & UINT32_MAX;
    uint64_t b_hi = b >> 32, b_lo = b & UINT32_MAX;
    uint64_t low = a_lo * b_lo;
    uint64_t cross = a_hi * b_lo;
    uint64_t middle = a_lo * b_hi + (cross & UINT32_MAX) + (low >> 32);

    return (mti_wide){a_hi * b_hi + (cross >> 32) + (middle >> 32),
                      (middle << 32) | (low & UINT32_MAX)};
}
#endif

/* Turns a word from the machine's order of bytes into little-endian, or back. */
static inline uint64_t mti_le64(uint64_t word)
{
    return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? __builtin_bswap64(word) : word;
}

static inline uint64_t mti_load_le64(const void *at)
{
    uint64_t word;

    memcpy(&word, at, sizeof word);
    return mti_le64(word);
}

static inline uint32_t mti_load_le32(const void *at)
{
    uint32_t word;

    memcpy(&word, at, sizeof word);
    return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? __builtin_bswap32(word) : word;
}

static inline void mti_store_le64(uint64_t word, void *at)
{
    word = mti_le64(word);
    memcpy(at, &word, sizeof word);
}

#endif
