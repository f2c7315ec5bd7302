/* crdt/binary_put.h - writing the smallest parts of rows to their streams, where room is there.
 *
 * The mirror of crdt/binary_take.h. Nothing here can fail. */
#ifndef MTI_BINARY_PUT_H
#define MTI_BINARY_PUT_H

#include "base/varint.h"
#include "base/word.h"
#include "crdt/binary.h"

#define MTI_INLINED static inline __attribute__((always_inline))

/* The most that a field takes beside its name and text, and a row beside its uid, fields and
 * extension. */
#define MTI_FIELD_BOUND 32
#define MTI_ROW_BOUND 64

static inline size_t mti_text_len(const mt_field *field)
{
    bool text = field->kind == MT_FIELD_VALUE && field->value.kind >= MT_STRING;

    return text ? field->value.as.bytes.len : 0;
}

/* At least as many bytes as the row can take. */
static inline size_t mti_row_bound(const mt_row *row)
{
    size_t bound = MTI_ROW_BOUND + row->uid.len + row->extension.len;

    for (size_t i = 0; i < row->count; i++)
        bound += MTI_FIELD_BOUND + row->fields[i].name.len + mti_text_len(&row->fields[i]);
    return bound;
}

/* The streams that a row, or the value of a column, is written to. In rows they are one, and a copy
 * of it on the stack: with everything inlined it lives in registers, which is a good deal faster.
 */
typedef struct mti_pens {
    mt_buf *stream;
    unsigned mask;
} mti_pens;

MTI_INLINED mt_buf *mti_pen(mti_pens out, unsigned stream)
{
    return out.stream + (stream & out.mask);
}

MTI_INLINED void mti_put_byte(mt_buf *out, unsigned byte)
{
    out->data[out->len++] = (uint8_t)byte;
}

MTI_INLINED void mti_put_number(mt_buf *out, uint64_t number)
{
    out->len = (size_t)(mti_varint_put(out->data + out->len, number) - out->data);
}

/* The low `len` bytes of a word; up to eight are touched. */
MTI_INLINED void mti_put_word(mt_buf *out, uint64_t word, size_t len)
{
    mti_store_le64(word, out->data + out->len);
    out->len += len;
}

MTI_INLINED void mti_put_bytes(mt_buf *out, mt_bytes bytes)
{
    mti_copy_text(out->data + out->len, bytes.data, bytes.len);
    out->len += bytes.len;
}

/* ---- Heads ---- */

/* How the states of a row are written; `before` is the state before it. */
static inline mti_states mti_states_of(const mt_row *row, uint64_t before)
{
    uint64_t first;

    if (row->count == 0) return MTI_STATES_SAME;
    first = row->fields[0].state;
    for (size_t i = 1; i < row->count; i++) {
        if (row->fields[i].state != first) return MTI_STATES_EACH;
    }
    return first == (row->floor ? row->floor : before) ? MTI_STATES_SAME : MTI_STATES_ONE;
}

/* `shape` is 0 for a new one, else its number + 1. */
MTI_INLINED void mti_put_head(mti_pens out, const mt_row *row, uint64_t shape, mti_states states)
{
    mt_buf *heads = mti_pen(out, MTI_STREAM_HEADS);
    unsigned flags = 0;

    if (row->floor) flags |= MTI_ROW_FLOOR;
    if (row->extension.len) flags |= MTI_ROW_EXTENSION;
    if (row->more) flags |= MTI_ROW_MORE;
    mti_put_number(heads, shape << 2 | (flags ? MTI_STATES_FLAGS : states));
    if (flags) mti_put_byte(heads, flags | states);
}

/* ---- Uids and edges ---- */

static inline size_t mti_common_len(mt_bytes a, mt_bytes b)
{
    size_t len = a.len < b.len ? a.len : b.len, at = 0;

    while (len - at >= 8) {
        uint64_t differ = mti_load_le64(a.data + at) ^ mti_load_le64(b.data + at);

        if (differ) return at + (size_t)__builtin_ctzll(differ) / 8;
        at += 8;
    }
    while (at < len && a.data[at] == b.data[at]) at++;
    return at;
}

/* A uid as its difference from the one before. Answers how much of that is kept. */
MTI_INLINED size_t mti_put_change(mt_buf *codes, mt_buf *texts, mt_bytes before, mt_bytes uid)
{
    size_t keep = mti_common_len(before, uid);
    size_t drop = before.len - keep, add = uid.len - keep;
    unsigned high = drop < MTI_FRONT_LONG ? (unsigned)drop : MTI_FRONT_LONG;
    unsigned low = add < MTI_FRONT_LONG ? (unsigned)add : MTI_FRONT_LONG;

    mti_put_byte(codes, high << 4 | low);
    if (high == MTI_FRONT_LONG) mti_put_number(codes, drop - MTI_FRONT_LONG);
    if (low == MTI_FRONT_LONG) mti_put_number(codes, add - MTI_FRONT_LONG);
    mti_put_bytes(texts, (mt_bytes){uid.data + keep, add});
    return keep;
}

/* ---- Values ---- */

static inline bool mti_is_edge(const mt_field *field)
{
    return field->kind == MT_FIELD_VALUE && field->value.kind == MT_EDGE;
}

MTI_INLINED void mti_put_tag(mti_pens column, mti_tag tag, unsigned small)
{
    mti_put_byte(mti_pen(column, MTI_COLUMN_TAGS), tag << MTI_TAG_BITS | small);
}

MTI_INLINED void mti_put_integer(mti_pens column, mti_tag tag, uint64_t size)
{
    unsigned len;

    if (size < MTI_INTEGER_SMALL) {
        mti_put_tag(column, tag, (unsigned)size);
        return;
    }
    len = (unsigned)(71 - __builtin_clzll(size)) / 8;
    mti_put_tag(column, tag, MTI_INTEGER_SMALL - 1 + len);
    mti_put_word(mti_pen(column, MTI_COLUMN_DATA), size, len);
}

MTI_INLINED void mti_put_double(mti_pens column, double number)
{
    uint64_t bits;

    if (mti_is_short_integer(number)) {
        int64_t integer = (int64_t)number;
        bool negative = integer < 0;

        mti_put_integer(column, negative ? MTI_TAG_NEGATIVE : MTI_TAG_NATURAL,
                        (uint64_t)(negative ? -1 - integer : integer));
        return;
    }
    memcpy(&bits, &number, sizeof bits);
    mti_put_tag(column, MTI_TAG_SIMPLE, MTI_SIMPLE_DOUBLE);
    mti_put_word(mti_pen(column, MTI_COLUMN_DATA), bits, sizeof bits);
}

MTI_INLINED void mti_put_text(mti_pens column, mti_tag tag, mt_bytes text)
{
    unsigned small = text.len < MTI_LEN_LONG ? (unsigned)text.len : MTI_LEN_LONG;

    mti_put_tag(column, tag, small);
    if (small == MTI_LEN_LONG)
        mti_put_number(mti_pen(column, MTI_COLUMN_DATA), text.len - MTI_LEN_LONG);
    mti_put_bytes(mti_pen(column, MTI_COLUMN_TEXTS), text);
}

/* The value of a field that is no edge. */
MTI_INLINED void mti_put_plain(mti_pens column, const mt_field *field)
{
    const mt_value *value = &field->value;

    if (field->kind == MT_FIELD_DELETED) {
        mti_put_tag(column, MTI_TAG_SIMPLE, MTI_SIMPLE_DELETED);
        return;
    }
    switch (value->kind) {
    case MT_NULL: mti_put_tag(column, MTI_TAG_SIMPLE, MTI_SIMPLE_NULL); break;
    case MT_BOOL:
        mti_put_tag(column, MTI_TAG_SIMPLE, value->as.boolean ? MTI_SIMPLE_TRUE : MTI_SIMPLE_FALSE);
        break;
    case MT_NUMBER: mti_put_double(column, value->as.number); break;
    case MT_INT:
        mti_put_tag(column, MTI_TAG_SIMPLE, MTI_SIMPLE_INT64);
        mti_put_word(mti_pen(column, MTI_COLUMN_DATA), (uint64_t)value->as.integer,
                     sizeof(int64_t));
        break;
    case MT_STRING: mti_put_text(column, MTI_TAG_STRING, value->as.bytes); break;
    case MT_BYTES: mti_put_text(column, MTI_TAG_BYTES, value->as.bytes); break;
    case MT_EDGE: break;
    }
}

#endif
