/* sync/tags.h - nodes and ranges under names that are short, and new in each comparison.
 *
 * What crosses the wire is drawn from the sums with a key that both sides make of their sessions' numbers
 * and of the number of the comparison: whoever made up fields in advance could not know it, and two that
 * happen to look alike do not look alike the next time.
 *
 *     print     SipHash-2-4-128 over the four words of the two sums, as long as it is written
 *     key       40 bits of a hash of the uid: where a node is in a coded table; 32 of them where it is
 *               wanted, since one more that has the same is only sent in vain
 *     value     the highest state, and 8 bits of the sums: what it is there. 61 bits, not 0
 *     tag       24 bits of key and sums: a node in a list */
#ifndef MTI_TAGS_H
#define MTI_TAGS_H

#include "base/word.h"
#include "crdt/fingerprint.h"

#define MTI_TAG_PRIME ((UINT64_C(1) << 61) - 1)

typedef struct mti_tag_key {
    mti_sipkey print;
    uint64_t uid[3]; /* seeds */
    uint64_t odd[4]; /* multipliers of the four words */
    uint64_t table;  /* the seed of the coded table */
} mti_tag_key;

/* The key of the `round`th comparison of a subscription, between who asks and who answers. */
static inline mti_tag_key mti_tag_key_of(uint64_t asker, uint64_t answerer, uint64_t subscription,
                                         uint64_t round)
{
    mti_sipkey session = {asker, answerer};
    uint64_t word[10];
    mti_tag_key key;

    for (uint64_t i = 0; i < 10; i += 2) {
        mti_siphash hash;
        mti_sip128 two;
        mti_siphash_init(&hash, &session);
        mti_siphash_word(&hash, subscription);
        mti_siphash_word(&hash, round);
        mti_siphash_word(&hash, i);
        two = mti_siphash_end(hash, (mt_bytes){NULL, 0}, (mt_bytes){NULL, 0});
        word[i] = two.lo;
        word[i + 1] = two.hi;
    }
    key.print = (mti_sipkey){word[0], word[1]};
    key.table = word[2];
    for (int i = 0; i < 3; i++) key.uid[i] = word[3 + i];
    for (int i = 0; i < 4; i++) key.odd[i] = word[6 + i] | 1;
    return key;
}

static inline mti_sip128 mti_tag_print(const mti_tag_key *key, const mt_sum *living,
                                       const mt_sum *deleted)
{
    mti_siphash hash;

    mti_siphash_init(&hash, &key->print);
    mti_siphash_word(&hash, living->lo);
    mti_siphash_word(&hash, living->hi);
    mti_siphash_word(&hash, deleted->lo);
    mti_siphash_word(&hash, deleted->hi);
    return mti_siphash_end(hash, (mt_bytes){NULL, 0}, (mt_bytes){NULL, 0});
}

static inline uint64_t mti_tag_fold(uint64_t a, uint64_t b)
{
    mti_wide product = mti_mul64(a, b);

    return product.hi ^ product.lo;
}

/* A hash of a uid: 16 bytes at a time are multiplied, folded and taken along, as wyhash does (Wang Yi,
 * "wyhash", 2019). XXH64 took 8 ns for a short uid, and this takes 3, of some 20 for a node in all. */
static inline uint64_t mti_tag_hash(const mti_tag_key *key, mt_bytes uid)
{
    const uint8_t *at = uid.data;
    uint64_t hash = key->uid[0], low = 0, high = 0;
    size_t left = uid.len;

    for (; left > 16; at += 16, left -= 16)
        hash = mti_tag_fold(mti_load_le64(at) ^ key->uid[1], mti_load_le64(at + 8) ^ hash);
    if (left >= 8) {
        low = mti_load_le64(at);
        high = mti_load_le64(at + left - 8);
    } else if (left >= 4) {
        low = mti_load_le32(at);
        high = mti_load_le32(at + left - 4);
    } else if (left > 0) {
        low = (uint64_t)at[0] << 16 | (uint64_t)at[left / 2] << 8 | at[left - 1];
    }
    hash = mti_tag_fold(low ^ key->uid[1], high ^ hash);
    /* The length where no byte can make up for it. */
    return mti_tag_fold(hash ^ key->uid[2], UINT64_C(0x9E3779B97F4A7C15) ^ uid.len);
}

/* Not 0. */
static inline uint64_t mti_tag_uid(const mti_tag_key *key, mt_bytes uid)
{
    uint64_t hash = mti_tag_hash(key, uid) >> 24;

    return hash ? hash : 1;
}

static inline uint64_t mti_tag_mix(const mti_tag_key *key, const mt_storage_item *item)
{
    return (item->living.lo + item->deleted.hi) * key->odd[0] +
           (item->living.hi ^ item->living.lo >> 32) * key->odd[1] +
           (item->deleted.lo ^ item->deleted.hi >> 32) * key->odd[2];
}

/* The value of an item, not 0 modulo the prime; and the state that one says. */
static inline uint64_t mti_tag_value(const mti_tag_key *key, const mt_storage_item *item)
{
    uint64_t value = item->state_max << 8 | mti_tag_mix(key, item) >> 56;

    return value == MTI_TAG_PRIME ? value - 1 : value ? value : 1;
}

static inline uint64_t mti_tag_state(uint64_t value)
{
    return value >> 8;
}

#define MTI_TAG_LEN 3u
#define MTI_KEY_LEN 4u /* of a node that is wanted */

static inline uint32_t mti_tag_of(const mti_tag_key *key, const mt_storage_item *item)
{
    uint64_t mix = (mti_tag_mix(key, item) ^ mti_tag_uid(key, item->uid)) * key->odd[3];

    return (uint32_t)(mix >> 40);
}

#endif
