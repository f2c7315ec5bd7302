/* sha1.c - FIPS 180-4, section 6.1. */
#include "plugins/sha1.h"

#include <string.h>

#define BLOCK_LEN 64

static uint32_t rotate(uint32_t word, unsigned bits)
{
    return word << bits | word >> (32 - bits);
}

static void words_of(const uint8_t *block, uint32_t word[80])
{
    for (size_t i = 0; i < 16; i++) {
        const uint8_t *at = block + 4 * i;

        word[i] = (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
    }
    for (size_t i = 16; i < 80; i++)
        word[i] = rotate(word[i - 3] ^ word[i - 8] ^ word[i - 14] ^ word[i - 16], 1);
}

static void block_add(uint32_t sum[5], const uint8_t *block)
{
    uint32_t word[80], a = sum[0], b = sum[1], c = sum[2], d = sum[3], e = sum[4];

    words_of(block, word);
    for (size_t i = 0; i < 80; i++) {
        uint32_t f, k, next;

        if (i < 20) f = (b & c) | (~b & d), k = 0x5A827999;
        else if (i < 40) f = b ^ c ^ d, k = 0x6ED9EBA1;
        else if (i < 60) f = (b & c) | (b & d) | (c & d), k = 0x8F1BBCDC;
        else f = b ^ c ^ d, k = 0xCA62C1D6;
        next = rotate(a, 5) + f + e + k + word[i];
        e = d;
        d = c;
        c = rotate(b, 30);
        b = a;
        a = next;
    }
    sum[0] += a;
    sum[1] += b;
    sum[2] += c;
    sum[3] += d;
    sum[4] += e;
}

void mti_sha1(const uint8_t *data, size_t len, uint8_t out[MTI_SHA1_LEN])
{
    uint32_t sum[5] = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};
    uint8_t padded[2 * BLOCK_LEN] = {0};
    size_t end = len < BLOCK_LEN - 8 ? BLOCK_LEN : 2 * BLOCK_LEN;

    memcpy(padded, data, len);
    padded[len] = 0x80;
    padded[end - 2] = (uint8_t)(len * 8 >> 8);
    padded[end - 1] = (uint8_t)(len * 8);
    for (size_t at = 0; at < end; at += BLOCK_LEN) block_add(sum, padded + at);
    for (size_t i = 0; i < MTI_SHA1_LEN; i++) out[i] = (uint8_t)(sum[i / 4] >> (24 - i % 4 * 8));
}
