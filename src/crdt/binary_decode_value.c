/* binary_decode_value.c - reading uids, edges and the values of fields. */
#include "base/bytes.h"
#include "base/utf8.h"
#include "crdt/binary_take.h"
#include "crdt/value.h"

/* ---- Uids and edges ---- */

/* What a uid keeps of the one before, and what it adds. */
typedef struct uid_change {
    const uint8_t *at; /* where it stands */
    size_t keep;
    mt_bytes added;
} uid_change;

static mt_status read_part(mti_decoder *decoder, mti_source *codes, const char *what,
                           unsigned nibble, size_t *out)
{
    uint64_t rest = 0;
    mt_status st = MT_OK;

    if (nibble == MTI_FRONT_LONG) st = mti_take_number(decoder, codes, what, &rest);
    /* Beyond any uid: what checks the length need not fear an overflow. */
    *out = nibble + (size_t)(rest < MT_UID_LEN_MAX ? rest : MT_UID_LEN_MAX);
    return st;
}

/* Reads a change of a uid of `len` bytes, which gives one of 1 to 255 bytes. */
static mt_status read_change(mti_decoder *decoder, mti_source *codes, mti_source *texts,
                             const char *what, size_t len, uid_change *out)
{
    unsigned code;
    size_t drop, add;
    mt_status st;

    out->at = codes->at;
    if ((st = mti_take_byte(decoder, codes, what, &code)) != MT_OK) return st;
    if ((st = read_part(decoder, codes, what, code >> 4, &drop)) != MT_OK) return st;
    if ((st = read_part(decoder, codes, what, code & 15, &add)) != MT_OK) return st;
    if (drop > len)
        return mti_fail(mti_blame(decoder, out->at), MT_MALFORMED, "%s drops %zu bytes of %zu",
                        what, drop, len);
    if (len - drop + add > MT_UID_LEN_MAX || len - drop + add == 0)
        return mti_fail(mti_blame(decoder, out->at), MT_MALFORMED, "%s is not 1 to %d bytes long",
                        what, MT_UID_LEN_MAX);
    out->keep = len - drop;
    return mti_take_bytes(decoder, texts, what, add, &out->added);
}

/* Whether a changed uid is one, given that `before` is: it is when ASCII follows a whole character.
 */
static bool change_is_plain(mt_bytes before, const uid_change *change)
{
    for (size_t i = 0; i < change->added.len; i++) {
        if (change->added.data[i] == 0 || change->added.data[i] >= 0x80) return false;
    }
    return change->keep == before.len || (before.data[change->keep] & 0xC0) != 0x80;
}

/* Puts a uid together: what it keeps of `*before` in pieces of 16 bytes, for which there is room,
 * then what it adds. It is the one before from now on. */
static mt_status apply_change(mti_decoder *decoder, mt_bytes *before, const uid_change *change)
{
    bool plain = change_is_plain(*before, change);
    uint8_t *text = decoder->text;

    for (size_t i = 0; i < change->keep; i += 16) {
        uint64_t words[2];

        memcpy(words, before->data + i, 16);
        memcpy(text + i, words, 16);
    }
    mti_copy_text(text + change->keep, change->added.data, change->added.len);
    *before = (mt_bytes){text, change->keep + change->added.len};
    decoder->text += before->len;
    if (plain || mt_uid_check(*before, mti_blame(decoder, change->at)) == MT_OK) return MT_OK;
    return decoder->error.status = MT_MALFORMED;
}

/* Checks that the uid comes where it should: after the one before, or, where that goes on, with the
 * same again. */
static mt_status check_order(mti_decoder *decoder, const uid_change *change)
{
    mt_bytes before = decoder->uid;
    int order = 1;

    if (decoder->fresh) {
        if (decoder->any) order = mt_bytes_compare(change->added, before);
    } else if (change->keep < before.len) {
        order = change->added.len > 0 ? change->added.data[0] - before.data[change->keep] : -1;
    } else {
        order = change->added.len > 0;
    }
    if (decoder->more && order != 0)
        return mti_fail(mti_blame(decoder, change->at), MT_MALFORMED,
                        "the node \"%.*s\" does not go on as announced", MTI_SHOW(before));
    if (!decoder->more && order <= 0)
        return mti_fail(mti_blame(decoder, change->at), MT_MALFORMED,
                        "a uid does not sort after \"%.*s\"", MTI_SHOW(before));
    return MT_OK;
}

mt_status mti_decode_uid(mti_decoder *decoder, mt_bytes *out)
{
    mti_source *codes = mti_source_of(decoder, MTI_STREAM_UID_CODES);
    mti_source *texts = mti_source_of(decoder, MTI_STREAM_UID_TEXTS);
    size_t len = decoder->fresh ? 0 : decoder->uid.len;
    uid_change change = {0};
    mt_status st;

    if ((st = read_change(decoder, codes, texts, "a uid", len, &change)) != MT_OK) return st;
    if ((st = check_order(decoder, &change)) != MT_OK) return st;
    if (decoder->fresh) decoder->uid.len = 0;
    decoder->fresh = false;
    decoder->any = true;
    st = apply_change(decoder, &decoder->uid, &change);
    *out = decoder->uid;
    return st;
}

static mt_status read_edge(mti_decoder *decoder, mti_source *column, mt_bytes *out)
{
    mti_source *codes = column + (MTI_COLUMN_DATA & decoder->mask);
    mti_source *texts = column + (MTI_COLUMN_TEXTS & decoder->mask);
    mt_bytes *before = &decoder->edge;
    uid_change change = {0};
    mt_status st;

    if (before->len == 0) *before = decoder->uid;
    if ((st = read_change(decoder, codes, texts, "an edge", before->len, &change)) != MT_OK)
        return st;
    if (change.keep < before->len && change.added.len > 0 &&
        change.added.data[0] == before->data[change.keep])
        return mti_fail(mti_blame(decoder, change.at), MT_MALFORMED,
                        "an edge drops more than differs");
    st = apply_change(decoder, before, &change);
    *out = *before;
    return st;
}

/* ---- Values ---- */

static mt_status read_simple(mti_decoder *decoder, mti_source *column, const uint8_t *at,
                             unsigned small, mt_field *field)
{
    mti_source *in = column + (MTI_COLUMN_DATA & decoder->mask);
    mt_value *value = &field->value;
    uint64_t word;
    mt_status st;

    switch ((mti_simple)small) {
    case MTI_SIMPLE_NULL: value->kind = MT_NULL; return MT_OK;
    case MTI_SIMPLE_FALSE:
    case MTI_SIMPLE_TRUE:
        value->kind = MT_BOOL;
        value->as.boolean = small == MTI_SIMPLE_TRUE;
        return MT_OK;
    case MTI_SIMPLE_DELETED:
        value->kind = MT_NULL;
        field->kind = MT_FIELD_DELETED;
        return MT_OK;
    case MTI_SIMPLE_DOUBLE:
        if ((st = mti_take_word(decoder, in, "a double", 8, &word)) != MT_OK) return st;
        value->kind = MT_NUMBER;
        memcpy(&value->as.number, &word, sizeof word);
        break;
    case MTI_SIMPLE_INT64:
        if ((st = mti_take_word(decoder, in, "an integer", 8, &word)) != MT_OK) return st;
        value->kind = MT_INT;
        value->as.integer = (int64_t)word;
        break;
    default:
        return mti_fail(mti_blame(decoder, at), MT_UNSUPPORTED, "unknown simple value %u", small);
    }
    if (mt_value_check(value, &decoder->limits, mti_blame(decoder, at)) != MT_OK)
        return decoder->error.status = MT_MALFORMED;
    if (value->kind == MT_NUMBER && mti_is_short_integer(value->as.number))
        return mti_fail(mti_blame(decoder, at), MT_MALFORMED,
                        "an integer below 2^53 is written as a double");
    return MT_OK;
}

static mt_status read_integer(mti_decoder *decoder, mti_source *column, const uint8_t *at,
                              unsigned small, uint64_t *out)
{
    unsigned len = small - (MTI_INTEGER_SMALL - 1);
    mt_status st;

    *out = small;
    if (small < MTI_INTEGER_SMALL) return MT_OK;
    if (len > 7)
        return mti_fail(mti_blame(decoder, at), MT_MALFORMED, "an integer of more than 7 bytes");
    st = mti_take_word(decoder, column + (MTI_COLUMN_DATA & decoder->mask), "an integer", len, out);
    if (st != MT_OK) return st;
    if (*out < MTI_INTEGER_SMALL || *out >> (8 * (len - 1)) == 0)
        return mti_fail(mti_blame(decoder, at), MT_MALFORMED,
                        "an integer is not in its shortest form");
    if (*out >= MTI_INTEGER_END)
        return mti_fail(mti_blame(decoder, at), MT_MALFORMED,
                        "an integer of 2^53 or more is not written as a double");
    return MT_OK;
}

static mt_status read_text(mti_decoder *decoder, mti_source *column, const uint8_t *at,
                           unsigned small, mt_value *value)
{
    uint64_t len = small, rest;
    mt_status st;

    if (small == MTI_LEN_LONG) {
        st =
            mti_take_number(decoder, column + (MTI_COLUMN_DATA & decoder->mask), "a length", &rest);
        if (st != MT_OK) return st;
        len = rest > SIZE_MAX / 2 ? rest : rest + MTI_LEN_LONG;
    }
    if (len > decoder->limits.value_len_max)
        return mti_fail(mti_blame(decoder, at), MT_TOO_LARGE,
                        "a value of %llu bytes, more than %zu (value_len_max)",
                        (unsigned long long)len, decoder->limits.value_len_max);
    st = mti_take_bytes(decoder, column + (MTI_COLUMN_TEXTS & decoder->mask), "a value", len,
                        &value->as.bytes);
    if (st != MT_OK || value->kind == MT_BYTES || mti_utf8_valid(value->as.bytes)) return st;
    return mti_fail(mti_blame(decoder, at), MT_MALFORMED, "a string is not UTF-8 at its byte %zu",
                    mti_utf8_bad(value->as.bytes));
}

mt_status mti_decode_value(mti_decoder *decoder, mti_source *column, mt_field *field)
{
    const uint8_t *at = column->at;
    mt_value *value = &field->value;
    unsigned tag, small;
    uint64_t size;
    mt_status st;

    if ((st = mti_take_byte(decoder, column, "a value", &tag)) != MT_OK) return st;
    small = tag & MTI_TAG_SMALL;
    switch ((mti_tag)(tag >> MTI_TAG_BITS)) {
    case MTI_TAG_SIMPLE: return read_simple(decoder, column, at, small, field);
    case MTI_TAG_NATURAL:
    case MTI_TAG_NEGATIVE:
        if ((st = read_integer(decoder, column, at, small, &size)) != MT_OK) return st;
        value->kind = MT_NUMBER;
        value->as.number =
            tag >> MTI_TAG_BITS == MTI_TAG_NATURAL ? (double)size : -1 - (double)size;
        return MT_OK;
    case MTI_TAG_STRING:
    case MTI_TAG_BYTES:
        value->kind = tag >> MTI_TAG_BITS == MTI_TAG_STRING ? MT_STRING : MT_BYTES;
        return read_text(decoder, column, at, small, value);
    case MTI_TAG_EDGE:
        value->kind = MT_EDGE;
        if (small == 0) return read_edge(decoder, column, &value->as.bytes);
        return mti_fail(mti_blame(decoder, at), MT_UNSUPPORTED, "unknown edge %u", small);
    }
    return mti_fail(mti_blame(decoder, at), MT_UNSUPPORTED, "unknown value kind %u",
                    tag >> MTI_TAG_BITS);
}
