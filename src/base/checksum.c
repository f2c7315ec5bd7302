/* checksum.c - XXH64, written from its specification: Yann Collet, "xxHash fast digest algorithm",
 * version 0.1.1, doc/xxhash_spec.md at https://github.com/Cyan4973/xxHash.
 *
 *     32 bytes or more   four lanes of eight bytes each take the stripes of 32, then join
 *     the rest           eight, four, one at a time
 *     the end            bits are mixed until each has touched all
 *
 * The names of the primes and steps are those of the specification. */
#include "base/checksum.h"
#include "base/word.h"

#define PRIME_1 UINT64_C(0x9E3779B185EBCA87)
#define PRIME_2 UINT64_C(0xC2B2AE3D27D4EB4F)
#define PRIME_3 UINT64_C(0x165667B19E3779F9)
#define PRIME_4 UINT64_C(0x85EBCA77C2B2AE63)
#define PRIME_5 UINT64_C(0x27D4EB2F165667C5)

static uint64_t rotate(uint64_t word, unsigned bits)
{
    return word << bits | word >> (64 - bits);
}

static uint64_t round_lane(uint64_t lane, uint64_t word)
{
    return rotate(lane + word * PRIME_2, 31) * PRIME_1;
}

static uint64_t merge_lane(uint64_t sum, uint64_t lane)
{
    return (sum ^ round_lane(0, lane)) * PRIME_1 + PRIME_4;
}

/* Takes all whole stripes of `*data`, at least one, off its front. */
static uint64_t sum_stripes(mt_bytes *data, uint64_t seed)
{
    uint64_t a = seed + PRIME_1 + PRIME_2, b = seed + PRIME_2, c = seed, d = seed - PRIME_1;
    uint64_t sum;

    for (; data->len >= 32; data->data += 32, data->len -= 32) {
        a = round_lane(a, mti_load_le64(data->data));
        b = round_lane(b, mti_load_le64(data->data + 8));
        c = round_lane(c, mti_load_le64(data->data + 16));
        d = round_lane(d, mti_load_le64(data->data + 24));
    }
    sum = rotate(a, 1) + rotate(b, 7) + rotate(c, 12) + rotate(d, 18);
    sum = merge_lane(sum, a);
    sum = merge_lane(sum, b);
    sum = merge_lane(sum, c);
    return merge_lane(sum, d);
}

static uint64_t sum_rest(uint64_t sum, mt_bytes data)
{
    const uint8_t *at = data.data;
    size_t left = data.len;

    for (; left >= 8; left -= 8, at += 8) {
        sum = rotate(sum ^ round_lane(0, mti_load_le64(at)), 27) * PRIME_1 + PRIME_4;
    }
    if (left >= 4) {
        sum = rotate(sum ^ mti_load_le32(at) * PRIME_1, 23) * PRIME_2 + PRIME_3;
        at += 4;
        left -= 4;
    }
    for (size_t i = 0; i < left; i++) sum = rotate(sum ^ at[i] * PRIME_5, 11) * PRIME_1;
    return sum;
}

uint64_t mti_checksum(mt_bytes data, uint64_t seed)
{
    uint64_t len = data.len;
    uint64_t sum = len >= 32 ? sum_stripes(&data, seed) : seed + PRIME_5;

    sum = sum_rest(sum + len, data);
    sum = (sum ^ sum >> 33) * PRIME_2;
    sum = (sum ^ sum >> 29) * PRIME_3;
    return sum ^ sum >> 32;
}

uint32_t mti_checksum32(mt_bytes data, uint64_t seed)
{
    return (uint32_t)mti_checksum(data, seed);
}
