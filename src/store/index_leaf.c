#include "store/index_leaf.h"

#include "base/assert.h"
#include "base/checksum.h"
#include "base/varint.h"
#include "base/word.h"

#define PART_LIVING 1u
#define PART_DELETED 2u

mt_bytes mti_element_uid(mt_bytes key)
{
    const uint8_t *zero = memchr(key.data, 0, key.len);

    if (zero) key.len = (size_t)(zero - key.data);
    return key;
}

/* ---- Reading ---- */

void mti_leaf_iter_init(mti_leaf_iter *iter, mt_bytes leaf)
{
    iter->at = leaf.data;
    iter->end = leaf.data + leaf.len;
    iter->state = 0;
    iter->key_len = 0;
    iter->bad = false;
}

static bool take_number(mti_leaf_iter *iter, uint64_t *number)
{
    int len;

    if (iter->at < iter->end && *iter->at < 0x80) {
        *number = *iter->at++;
        return true;
    }
    len = mti_varint_get(iter->at, iter->end, number);
    if (len <= 0) return false;
    iter->at += len;
    return true;
}

static bool take_key(mti_leaf_iter *iter, mt_bytes *key)
{
    size_t shared = *iter->at++;
    uint64_t rest;

    if (!take_number(iter, &rest) || shared > iter->key_len || rest == 0 ||
        rest > sizeof iter->key - shared || rest > (size_t)(iter->end - iter->at))
        return false;
    memcpy(iter->key + shared, iter->at, (size_t)rest);
    iter->at += rest;
    iter->key_len = shared + (size_t)rest;
    *key = (mt_bytes){iter->key, iter->key_len};
    return true;
}

static void take_sum(mti_leaf_iter *iter, mt_sum *sum)
{
    sum->lo = mti_load_le64(iter->at);
    sum->hi = mti_load_le64(iter->at + 8);
    iter->at += 16;
}

static bool take_print(mti_leaf_iter *iter, mti_print *print)
{
    unsigned parts;
    uint64_t state;

    if (iter->at == iter->end || (parts = *iter->at++) > (PART_LIVING | PART_DELETED)) return false;
    if (!take_number(iter, &state)) return false;
    iter->state += mti_unzigzag(state);
    if (((size_t)(parts & 1) + (parts >> 1)) * 16 > (size_t)(iter->end - iter->at)) return false;
    *print = (mti_print){.state_max = iter->state};
    if (parts & PART_LIVING) take_sum(iter, &print->living);
    if (parts & PART_DELETED) take_sum(iter, &print->deleted);
    return true;
}

bool mti_leaf_iter_next(mti_leaf_iter *iter, mti_element *out)
{
    if (iter->at == iter->end) return false;
    if (take_key(iter, &out->key) && take_print(iter, &out->print)) return true;
    iter->bad = true;
    iter->at = iter->end;
    return false;
}

/* ---- Reading nodes ---- */

/* Here a leaf is believed: its bytes were looked at when it was loaded. A number, mostly of one byte. */
static inline const uint8_t *number(const uint8_t *at, const uint8_t *end, uint64_t *out)
{
    int len;

    mti_assert(at < end);
    if (*at < 0x80) {
        *out = *at;
        return at + 1;
    }
    len = mti_varint_get(at, end, out);
    mti_assert(len > 0);
    return at + len;
}

/* Copies a few bytes: 16 at a time where so many can be read and written. Those may overlap. */
static inline void copy_short(uint8_t *to, const uint8_t *from, size_t len, bool roomy)
{
    uint8_t sixteen[16];

    if (len <= sizeof sixteen && roomy) {
        memcpy(sixteen, from, sizeof sixteen);
        memcpy(to, sixteen, sizeof sixteen);
    } else {
        memcpy(to, from, len);
    }
}

/* The key of the next element, behind that of the one before. Uids of a leaf have room for more than any
 * has, so that 16 bytes may be written. */
static inline const uint8_t *node_key(const uint8_t *at, const uint8_t *end, mt_bytes before,
                                      uint8_t *text, size_t *len)
{
    uint64_t rest;
    size_t shared;

    shared = *at++;
    at = number(at, end, &rest);
    mti_assert(rest > 0 && rest <= (size_t)(end - at));
    mti_assert(shared <= before.len && rest <= MT_UID_LEN_MAX - shared);
    if (shared > 0) copy_short(text, before.data, shared, true);
    copy_short(text + shared, at, (size_t)rest, end - at >= 16);
    *len = shared + (size_t)rest;
    return at + rest;
}

static inline const uint8_t *node_sums(const uint8_t *at, const uint8_t *end, uint64_t *state,
                                       mt_storage_item *item)
{
    uint64_t difference;
    unsigned parts;

    mti_assert(at < end);
    parts = *at++;
    at = number(at, end, &difference);
    item->state_max = *state += mti_unzigzag(difference);
    mti_assert(((size_t)(parts & 1) + (parts >> 1)) * 16 <= (size_t)(end - at));
    item->living = item->deleted = (mt_sum){0, 0};
    if (parts & PART_LIVING) {
        item->living = (mt_sum){mti_load_le64(at), mti_load_le64(at + 8)};
        at += 16;
    }
    if (parts & PART_DELETED) {
        item->deleted = (mt_sum){mti_load_le64(at), mti_load_le64(at + 8)};
        at += 16;
    }
    return at;
}

void mti_leaf_nodes(mt_bytes leaf, mt_storage_item *items, size_t *count, uint8_t *text,
                    size_t *text_len)
{
    const uint8_t *at = leaf.data, *end = leaf.data + leaf.len;
    mt_storage_item *item = items + *count;
    mt_bytes before = {text, 0};
    uint64_t state = 0;

    text += *text_len;
    for (size_t most = MTI_LEAF_MAX; at < end; most--) {
        size_t len;

        mti_assert(most > 0);
        at = node_key(at, end, before, text, &len);
        at = node_sums(at, end, &state, item);
        item->uid = before = (mt_bytes){text, len};
        item++;
        text += len;
        *text_len += len;
    }
    *count = (size_t)(item - items);
}

/* ---- Writing ---- */

void mti_leaf_sum_add(mti_leaf_sum *sum, const mti_element *element)
{
    mti_sum_add(&sum->living, &element->print.living);
    mti_sum_add(&sum->deleted, &element->print.deleted);
    sum->nodes += mti_element_is_node(element->key);
    sum->elements++;
}

void mti_leaf_writer_clear(mti_leaf_writer *writer)
{
    writer->bytes.len = 0;
    memset(&writer->sum, 0, sizeof writer->sum);
    writer->state = 0;
    writer->key_len = 0;
}

bool mti_leaf_writer_ends(const mti_leaf_writer *writer, mt_bytes key)
{
    if (writer->sum.elements >= MTI_LEAF_MAX) return true;
    return writer->sum.elements >= MTI_LEAF_MIN && (mti_checksum32(key, 0) & MTI_LEAF_MASK) == 0;
}

static bool sum_is_zero(const mt_sum *sum)
{
    return (sum->lo | sum->hi) == 0;
}

static uint8_t *put_sum(uint8_t *at, const mt_sum *sum)
{
    if (sum_is_zero(sum)) return at;
    mti_store_le64(sum->lo, at);
    mti_store_le64(sum->hi, at + 8);
    return at + 16;
}

mt_status mti_leaf_writer_add(mti_leaf_writer *writer, const mti_element *element)
{
    const mti_print *print = &element->print;
    mt_bytes key = element->key;
    size_t shared = 0, most = key.len - 1 < 255 ? key.len - 1 : 255;
    uint8_t *at;

    if (most > writer->key_len) most = writer->key_len;
    if (mti_buf_reserve(&writer->bytes, MTI_ELEMENT_LEN_MAX) != MT_OK) return MT_NO_MEMORY;
    while (shared < most && key.data[shared] == writer->key[shared]) shared++;
    at = writer->bytes.data + writer->bytes.len;
    *at++ = (uint8_t)shared;
    at = mti_varint_put(at, key.len - shared);
    memcpy(at, key.data + shared, key.len - shared);
    at += key.len - shared;
    *at++ = (uint8_t)((sum_is_zero(&print->living) ? 0 : PART_LIVING) |
                      (sum_is_zero(&print->deleted) ? 0 : PART_DELETED));
    at = mti_varint_put(at, mti_zigzag(print->state_max - writer->state));
    at = put_sum(put_sum(at, &print->living), &print->deleted);
    writer->bytes.len = (size_t)(at - writer->bytes.data);
    writer->state = print->state_max;
    memcpy(writer->key + shared, key.data + shared, key.len - shared);
    writer->key_len = key.len;
    mti_leaf_sum_add(&writer->sum, element);
    return MT_OK;
}
