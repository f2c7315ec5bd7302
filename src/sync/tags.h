/* sync/tags.h - nodes and ranges under names that are short, and new in each comparison.
 *
 * What crosses the wire is drawn from the sums with a key that both sides make of their sessions' numbers
 * and of the number of the comparison: whoever made up fields in advance could not know it, and two that
 * happen to look alike do not look alike the next time.
 *
 *     print     SipHash-2-4-128 over the four words of the two sums, as long as it is written
 *     key       40 bits of XXH64 over the uid: where a node is in a coded table
 *     value     the highest state, and 8 bits of the sums: what it is there. 61 bits, not 0
 *     tag       24 bits of key and sums: a node in a list */
#ifndef MTI_TAGS_H
#define MTI_TAGS_H

#include "base/checksum.h"
#include "crdt/fingerprint.h"

#define MTI_TAG_PRIME ((UINT64_C(1) << 61) - 1)

typedef struct mti_tag_key {
    mti_sipkey print;
    uint64_t uid;    /* a seed */
    uint64_t odd[4]; /* multipliers of the four words */
    uint64_t table;  /* the seed of the coded table */
} mti_tag_key;

/* The key of the `round`th comparison of a subscription, between who asks and who answers. */
static inline mti_tag_key mti_tag_key_of(uint64_t asker, uint64_t answerer, uint64_t subscription,
                                         uint64_t round)
{
    mti_sipkey session = {asker, answerer};
    uint64_t word[8];
    mti_tag_key key;

    for (uint64_t i = 0; i < 8; i += 2) {
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
    key.uid = word[2];
    key.table = word[3];
    for (int i = 0; i < 4; i++) key.odd[i] = word[4 + i] | 1;
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

/* Not 0. */
static inline uint64_t mti_tag_uid(const mti_tag_key *key, mt_bytes uid)
{
    uint64_t hash = mti_checksum(uid, key->uid) >> 24;

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
#define MTI_KEY_LEN 5u

static inline uint32_t mti_tag_of(const mti_tag_key *key, const mt_storage_item *item)
{
    uint64_t mix = (mti_tag_mix(key, item) ^ mti_tag_uid(key, item->uid)) * key->odd[3];

    return (uint32_t)(mix >> 40);
}

#endif
