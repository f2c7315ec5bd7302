#include "store/index_record.h"

#include "base/bytes.h"
#include "store/content.h"
#include "store/seal.h"

#define KIND_META 'm'
#define KIND_UNLOGGED 'r'

#define META_BOUND (3 * MTI_VARINT_LEN_MAX + 8 + MTI_SEAL_LEN)
#define LEAF_HEAD_BOUND (32 + 2 * MTI_VARINT_LEN_MAX)

/* ---- Keys ---- */

static const uint8_t meta_key[] = {MTI_KEY_INDEX, 0, KIND_META};
static const uint8_t unlogged_first[] = {MTI_KEY_INDEX, 0, KIND_UNLOGGED};
static const uint8_t unlogged_behind[] = {MTI_KEY_INDEX, 0, KIND_UNLOGGED + 1};
static const uint8_t index_first[] = {MTI_KEY_INDEX};
static const uint8_t index_behind[] = {MTI_KEY_INDEX + 1};

mt_bytes mti_index_meta_key(void)
{
    return (mt_bytes){meta_key, sizeof meta_key};
}

mt_bytes mti_index_keys_first(void)
{
    return (mt_bytes){index_first, sizeof index_first};
}

mt_bytes mti_index_keys_behind(void)
{
    return (mt_bytes){index_behind, sizeof index_behind};
}

mti_index_record mti_index_record_of(mt_bytes key, mt_bytes *rest)
{
    *rest = (mt_bytes){key.data + 1, key.len - 1};
    if (rest->len == 0) return MTI_INDEX_STRANGE;
    if (rest->data[0] != 0) return MTI_INDEX_LEAF;
    if (mt_bytes_equal(key, mti_index_meta_key())) return MTI_INDEX_META;
    *rest = (mt_bytes){key.data + 3, key.len - 3};
    if (key.len > 3 && key.data[2] == KIND_UNLOGGED && rest->len <= MT_UID_LEN_MAX)
        return MTI_INDEX_UNLOGGED;
    return MTI_INDEX_STRANGE;
}

/* ---- Reading ---- */

/* So that sums made with another key are not taken for ours. */
static uint64_t key_check(void)
{
    mti_siphash hash;
    mt_bytes none = {NULL, 0};

    mti_siphash_init(&hash, &mti_space_key);
    return mti_siphash_end(hash, none, none).lo;
}

static bool take_word(mt_bytes *in, uint64_t *word)
{
    mt_bytes bytes;

    if (!mti_content_text(in, 8, &bytes)) return false;
    *word = mti_load_le64(bytes.data);
    return true;
}

static bool take_sum(mt_bytes *in, mt_sum *sum)
{
    return take_word(in, &sum->lo) && take_word(in, &sum->hi);
}

bool mti_index_meta_get(mt_bytes value, mti_index_meta *out)
{
    uint64_t suite, check;
    mt_bytes in;

    return mti_seal_open(mti_index_meta_key(), value, &in) && mti_content_number(&in, &suite) &&
           suite == MTI_FINGERPRINT_SUITE && take_word(&in, &check) && check == key_check() &&
           mti_content_number(&in, &out->watermark) && mti_content_number(&in, &out->leaves) &&
           in.len == 0;
}

bool mti_index_leaf_get(mt_bytes key, mt_bytes value, mti_leaf_sum *sum, mt_bytes *bytes)
{
    return mti_seal_open(key, value, bytes) && take_sum(bytes, &sum->living) &&
           take_sum(bytes, &sum->deleted) && mti_content_number(bytes, &sum->nodes) &&
           mti_content_number(bytes, &sum->elements) && bytes->len > 0;
}

bool mti_index_unlogged_get(mt_bytes key, mt_bytes value)
{
    mt_bytes content;

    return mti_seal_open(key, value, &content) && content.len == 0;
}

/* ---- Writing ---- */

static uint8_t *put_sum(uint8_t *at, const mt_sum *sum)
{
    mti_store_le64(sum->lo, at);
    mti_store_le64(sum->hi, at + 8);
    return at + 16;
}

/* Adds a put of what lies in a batch's room: a key, and from `value` to `end` what is to have a seal. */
static mt_status put(mti_batch *batch, mt_bytes key, uint8_t *value, uint8_t *end)
{
    end = mti_seal_put(key, value, end);
    mti_batch_take(batch, (size_t)(end - key.data));
    return mti_batch_add(batch, MT_KV_PUT, key, (mt_bytes){value, (size_t)(end - value)});
}

mt_status mti_index_put_meta(mti_batch *batch, const mti_index_meta *meta)
{
    uint8_t *room = mti_batch_room(batch, sizeof meta_key + META_BOUND), *value, *end;

    if (!room) return MT_NO_MEMORY;
    memcpy(room, meta_key, sizeof meta_key);
    value = end = room + sizeof meta_key;
    end = mti_varint_put(end, MTI_FINGERPRINT_SUITE);
    mti_store_le64(key_check(), end);
    end = mti_varint_put(end + 8, meta->watermark);
    end = mti_varint_put(end, meta->leaves);
    return put(batch, (mt_bytes){room, sizeof meta_key}, value, end);
}

mt_status mti_index_put_leaf(mti_batch *batch, const mti_leaf *leaf)
{
    mt_bytes first = mti_leaf_first(leaf);
    size_t len = 1 + first.len + LEAF_HEAD_BOUND + leaf->len + MTI_SEAL_LEN;
    uint8_t *room = mti_batch_room(batch, len), *value, *end;

    if (!room) return MT_NO_MEMORY;
    value = mti_key_put(room, MTI_KEY_INDEX, first);
    end = put_sum(put_sum(value, &leaf->sum.living), &leaf->sum.deleted);
    end = mti_varint_put(end, leaf->sum.nodes);
    end = mti_varint_put(end, leaf->sum.elements);
    memcpy(end, leaf->bytes, leaf->len);
    return put(batch, (mt_bytes){room, 1 + first.len}, value, end + leaf->len);
}

mt_status mti_index_put_unlogged(mti_batch *batch, mt_bytes uid)
{
    size_t len = sizeof unlogged_first + uid.len;
    uint8_t *room = mti_batch_room(batch, len + MTI_SEAL_LEN);

    if (!room) return MT_NO_MEMORY;
    memcpy(room, unlogged_first, sizeof unlogged_first);
    memcpy(room + sizeof unlogged_first, uid.data, uid.len);
    return put(batch, (mt_bytes){room, len}, room + len, room + len);
}

mt_status mti_index_delete_leaf(mti_batch *batch, mt_bytes first)
{
    uint8_t *room = mti_batch_room(batch, 1 + first.len);

    if (!room) return MT_NO_MEMORY;
    mti_key_put(room, MTI_KEY_INDEX, first);
    mti_batch_take(batch, 1 + first.len);
    return mti_batch_add(batch, MT_KV_DELETE, (mt_bytes){room, 1 + first.len}, (mt_bytes){NULL, 0});
}

mt_status mti_index_delete_unlogged(mti_batch *batch)
{
    return mti_batch_add(batch, MT_KV_DELETE_RANGE,
                         (mt_bytes){unlogged_first, sizeof unlogged_first},
                         (mt_bytes){unlogged_behind, sizeof unlogged_behind});
}

mt_status mti_index_delete_all(mti_batch *batch)
{
    return mti_batch_add(batch, MT_KV_DELETE_RANGE, mti_index_keys_first(),
                         mti_index_keys_behind());
}
