#include "base/siphash.h"

#include "base/word.h"

static inline uint64_t rotate(uint64_t word, unsigned bits)
{
    return word << bits | word >> (64 - bits);
}

static inline void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[2] += v[3];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] = rotate(v[0], 32);
    v[2] += v[1];
    v[0] += v[3];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] = rotate(v[2], 32);
}

static inline void absorb(uint64_t v[4], uint64_t word)
{
    v[3] ^= word;
    sip_round(v);
    sip_round(v);
    v[0] ^= word;
}

void mti_siphash_init(mti_siphash *hash, const mti_sipkey *key)
{
    hash->v[0] = key->lo ^ UINT64_C(0x736f6d6570736575);
    hash->v[1] = key->hi ^ UINT64_C(0x646f72616e646f6d) ^ 0xee;
    hash->v[2] = key->lo ^ UINT64_C(0x6c7967656e657261);
    hash->v[3] = key->hi ^ UINT64_C(0x7465646279746573);
    hash->len = 0;
}

void mti_siphash_word(mti_siphash *hash, uint64_t word)
{
    absorb(hash->v, word);
    hash->len += 8;
}

/* Up to 7 bytes, the first of them lowest. */
static inline uint64_t load_few(const uint8_t *at, size_t count)
{
    uint64_t word = 0;

    for (size_t i = 0; i < count; i++) word |= (uint64_t)at[i] << 8 * i;
    return word;
}

/* Takes all whole words of `bytes` off its front. */
static inline void absorb_words(uint64_t v[4], mt_bytes *bytes)
{
    for (; bytes->len >= 8; bytes->data += 8, bytes->len -= 8)
        absorb(v, mti_load_le64(bytes->data));
}

mti_sip128 mti_siphash_end(mti_siphash hash, mt_bytes head, mt_bytes tail)
{
    uint64_t len = hash.len + head.len + tail.len, last;
    size_t need;
    mti_sip128 out;

    absorb_words(hash.v, &head);
    last = load_few(head.data, head.len);
    need = 8 - head.len;
    if (tail.len >= need && head.len > 0) {
        last |= load_few(tail.data, need) << 8 * head.len;
        absorb(hash.v, last);
        tail.data += need;
        tail.len -= need;
        head.len = 0;
        last = 0;
    }
    if (head.len == 0) absorb_words(hash.v, &tail);
    last |= load_few(tail.data, tail.len) << 8 * head.len;
    absorb(hash.v, last | len << 56);
    hash.v[2] ^= 0xee;
    for (int i = 0; i < 4; i++) sip_round(hash.v);
    out.lo = hash.v[0] ^ hash.v[1] ^ hash.v[2] ^ hash.v[3];
    hash.v[1] ^= 0xdd;
    for (int i = 0; i < 4; i++) sip_round(hash.v);
    out.hi = hash.v[0] ^ hash.v[1] ^ hash.v[2] ^ hash.v[3];
    return out;
}
