/* store/key.h - the keys of a node store: a byte that says what lies there, and what it is about.
 *
 *     b | number            a boot: the first change logged in an opening
 *     f | uid | 00 | name   a field of a large node
 *     l | number            a change in the sequence log
 *     m | name              about the store itself
 *     n | uid               a node
 *     r | key               a record of the database's own
 *     x ...                 the fingerprint index: index_record.h
 *
 * Numbers have 8 bytes, the highest first, so that keys are in their order. No uid holds a zero byte,
 * so that the fields of a node are a range of their own, in name order. */
#ifndef MTI_KEY_H
#define MTI_KEY_H

#include <mytosis/limits.h>
#include <mytosis/plugin/kv.h>

#include <string.h>

#define MTI_KEY_BOOT 'b'
#define MTI_KEY_FIELD 'f'
#define MTI_KEY_LOG 'l'
#define MTI_KEY_META 'm'
#define MTI_KEY_NODE 'n'
#define MTI_KEY_RECORD 'r'

/* What is kept about the store itself, by its whole keys. What it is stands there twice, as the format
 * and as small_len_max, and never changes. */
#define MTI_META_CLOCK "mclock"
#define MTI_META_FORMAT "mformat"
#define MTI_META_FORMAT_COPY "mformat.copy"
#define MTI_META_LOG "mlog"

#define MTI_STORE_FORMAT 1

/* The longest rest of a record's key. */
#define MTI_RECORD_KEY_MAX 255

#define MTI_KEY_NUMBER_LEN 9

/* A key by itself. */
typedef struct mti_key {
    size_t len;
    uint8_t data[MT_KV_KEY_LEN_MAX];
} mti_key;

static inline mt_bytes mti_key_bytes(const mti_key *key)
{
    return (mt_bytes){key->data, key->len};
}

/* Write keys to memory, and answer where they end. Of each, the length is known before. */
static inline uint8_t *mti_key_put(uint8_t *at, uint8_t tag, mt_bytes rest)
{
    *at++ = tag;
    if (rest.len) memcpy(at, rest.data, rest.len);
    return at + rest.len;
}

static inline uint8_t *mti_key_put_field(uint8_t *at, mt_bytes uid, mt_bytes name)
{
    at = mti_key_put(at, MTI_KEY_FIELD, uid);
    return mti_key_put(at, 0, name);
}

static inline uint8_t *mti_key_put_number(uint8_t *at, uint8_t tag, uint64_t number)
{
    *at++ = tag;
    for (int shift = 56; shift >= 0; shift -= 8) *at++ = (uint8_t)(number >> shift);
    return at;
}

/* The same for a key by itself. A rest too long for a key is cut: there is none that long. */
void mti_key_set(mti_key *key, uint8_t tag, mt_bytes rest);
void mti_key_set_number(mti_key *key, uint8_t tag, uint64_t number);

/* The bounds of the fields of a node: the key before the first, and the first behind the last. */
void mti_key_set_fields(mti_key *before, mti_key *behind, mt_bytes uid);

/* The bounds of the keys of a kind whose rest begins with `prefix`. Before the first there is room
 * for infinitely many keys, of which this is the last that an engine can hold. */
void mti_key_set_prefix(mti_key *before, mti_key *behind, uint8_t tag, mt_bytes prefix);

/* The number in a key; false if the key is not of that form. */
bool mti_key_number(mt_bytes key, uint8_t tag, uint64_t *number);

/* What follows the first byte of a key, which has one; and the name in a field's key. */
static inline mt_bytes mti_key_rest(mt_bytes key)
{
    return (mt_bytes){key.data + 1, key.len - 1};
}
static inline mt_bytes mti_key_name(mt_bytes key, mt_bytes uid)
{
    return (mt_bytes){key.data + uid.len + 2, key.len - uid.len - 2};
}

#endif
