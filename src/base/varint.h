/* base/varint.h - numbers in as few bytes as they need: LEB128, seven bits a byte, the lowest
 * first.
 *
 *     0 -> 00    127 -> 7f    128 -> 80 01    300 -> ac 02
 *     2^64 - 1 -> ff ff ff ff ff ff ff ff ff 01
 *
 * Every byte but the last has its high bit set. A number has one form, the shortest, and at most 64
 * bits. */
#ifndef MTI_VARINT_H
#define MTI_VARINT_H

#include <stddef.h>
#include <stdint.h>

#define MTI_VARINT_LEN_MAX 10

/* Writes a number and answers where it ends. There is room for MTI_VARINT_LEN_MAX bytes. */
static inline uint8_t *mti_varint_put(uint8_t *at, uint64_t number)
{
    for (; number > 0x7F; number >>= 7) *at++ = (uint8_t)(number | 0x80);
    *at++ = (uint8_t)number;
    return at;
}

/* What a number cannot begin with: see mti_varint_get. */
#define MTI_VARINT_CUT 0
#define MTI_VARINT_BAD (-1)

/* Reads a number; answers how many bytes it has. MTI_VARINT_CUT: `end` comes before its last byte.
 * MTI_VARINT_BAD: it is not in its shortest form, or has more than 64 bits. Then `*number` is 0. */
static inline int mti_varint_get(const uint8_t *at, const uint8_t *end, uint64_t *number)
{
    uint64_t sum = 0;

    *number = 0;
    for (int i = 0; i < MTI_VARINT_LEN_MAX; i++) {
        uint8_t byte;

        if (at == end) return MTI_VARINT_CUT;
        byte = *at++;
        sum |= (uint64_t)(byte & 0x7F) << (7 * i);
        if (byte & 0x80) continue;
        if (i > 0 && byte == 0) return MTI_VARINT_BAD;
        if (i == MTI_VARINT_LEN_MAX - 1 && byte > 1) return MTI_VARINT_BAD;
        *number = sum;
        return i + 1;
    }
    return MTI_VARINT_BAD;
}

/* Small differences of either sign as small numbers: 0, -1, 1, -2, 2 become 0, 1, 2, 3, 4.
 * Differences are taken modulo 2^64, so that every word has one. */
static inline uint64_t mti_zigzag(uint64_t difference)
{
    return difference << 1 ^ (0 - (difference >> 63));
}

static inline uint64_t mti_unzigzag(uint64_t number)
{
    return number >> 1 ^ (0 - (number & 1));
}

#endif
