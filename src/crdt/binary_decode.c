/* binary_decode.c - reading rows: the mirror of binary_encode.c.
 *
 * Each step takes its bytes from the stream that it belongs to, or says what is wrong with them. */
#include "crdt/binary_decode.h"
#include "base/bytes.h"
#include "base/status.h"
#include "base/utf8.h"
#include "base/varint.h"
#include "base/word.h"
#include "crdt/value.h"

static mti_source *source_of(mti_decoder *decoder, unsigned stream)
{
    return &decoder->source[stream & decoder->mask];
}

/* ---- Set up ---- */

mt_status mti_decoder_init(mti_decoder *decoder, const mt_mem *mem, const mt_limits *limits)
{
    memset(decoder, 0, sizeof *decoder);
    decoder->source = mti_mem_alloc(mem, MTI_STREAMS_MAX * sizeof *decoder->source);
    if (!decoder->source) return MT_NO_MEMORY;
    decoder->mem = mem;
    decoder->limits = *limits;
    mti_dictionary_init(&decoder->dictionary, mem);
    return MT_OK;
}

void mti_decoder_free(mti_decoder *decoder)
{
    if (!decoder->source) return;
    mti_mem_free(decoder->mem, decoder->source, MTI_STREAMS_MAX * sizeof *decoder->source);
    mti_dictionary_free(&decoder->dictionary);
}

void mti_decoder_reset(mti_decoder *decoder)
{
    decoder->uid.len = 0;
    decoder->any = decoder->more = false;
    decoder->error.status = MT_OK;
}

static void begin_frame(mti_decoder *decoder, mt_bytes body)
{
    mti_dictionary_clear(&decoder->dictionary);
    decoder->dictionary.texts = body.data;
    decoder->state = 0;
    decoder->edge.len = 0;
    decoder->fresh = true;
}

void mti_decoder_rows(mti_decoder *decoder, mt_bytes body)
{
    begin_frame(decoder, body);
    decoder->mask = 0;
    decoder->streams = 1;
    decoder->source[0] = (mti_source){body.data, body.data + body.len};
}

bool mti_decoder_done(const mti_decoder *decoder)
{
    return decoder->source[0].at == decoder->source[0].end;
}

/* ---- What is wrong, and where ---- */

static mt_error *blame(mti_decoder *decoder, const uint8_t *at)
{
    decoder->bad = at;
    return &decoder->error;
}

static mt_status refuse_cut(mti_decoder *decoder, const uint8_t *at, const char *what)
{
    return mti_fail(blame(decoder, at), MT_MALFORMED, "ends within %s", what);
}

/* ---- Parts ---- */

static mt_status take_byte(mti_decoder *decoder, mti_source *in, const char *what, unsigned *out)
{
    *out = 0;
    if (in->at == in->end) return refuse_cut(decoder, in->at, what);
    *out = *in->at++;
    return MT_OK;
}

static mt_status take_number(mti_decoder *decoder, mti_source *in, const char *what, uint64_t *out)
{
    int len = mti_varint_get(in->at, in->end, out);

    if (len == MTI_VARINT_CUT) return refuse_cut(decoder, in->at, what);
    if (len == MTI_VARINT_BAD)
        return mti_fail(blame(decoder, in->at), MT_MALFORMED,
                        "%s is not a number in its shortest form, of 64 bits at most", what);
    in->at += len;
    return MT_OK;
}

static mt_status take_bytes(mti_decoder *decoder, mti_source *in, const char *what, uint64_t len,
                            mt_bytes *out)
{
    *out = (mt_bytes){NULL, 0};
    if (len > (size_t)(in->end - in->at)) return refuse_cut(decoder, in->at, what);
    *out = (mt_bytes){in->at, (size_t)len};
    in->at += len;
    return MT_OK;
}

/* Little-endian, `len` bytes of a word. */
static mt_status take_word(mti_decoder *decoder, mti_source *in, const char *what, unsigned len,
                           uint64_t *out)
{
    mt_bytes bytes;
    mt_status st = take_bytes(decoder, in, what, len, &bytes);

    *out = 0;
    for (unsigned i = 0; st == MT_OK && i < len; i++) *out |= (uint64_t)bytes.data[i] << (8 * i);
    return st;
}

/* ---- Heads and shapes ---- */

typedef struct row_head {
    uint64_t shape; /* 0: a new one follows; else its number + 1 */
    unsigned states;
    unsigned flags;
} row_head;

static mt_status read_flags(mti_decoder *decoder, mti_source *in, row_head *out)
{
    const unsigned known = MTI_ROW_STATES | MTI_ROW_FLOOR | MTI_ROW_EXTENSION | MTI_ROW_MORE;
    const uint8_t *at = in->at;
    mt_status st = take_byte(decoder, in, "a row's flags", &out->flags);

    if (st != MT_OK) return st;
    out->states = out->flags & MTI_ROW_STATES;
    out->flags &= ~(unsigned)MTI_ROW_STATES;
    if (out->flags & ~known)
        return mti_fail(blame(decoder, at), MT_UNSUPPORTED, "a row has the unknown flag %u",
                        out->flags & ~known);
    if (out->states == MTI_STATES_FLAGS)
        return mti_fail(blame(decoder, at), MT_MALFORMED,
                        "a row's flags say 3 of its states, more than 2");
    if (out->flags == 0)
        return mti_fail(blame(decoder, at), MT_MALFORMED, "a row's flags are empty");
    return MT_OK;
}

static mt_status read_head(mti_decoder *decoder, row_head *out)
{
    mti_source *in = source_of(decoder, MTI_STREAM_HEADS);
    const uint8_t *at = in->at;
    uint64_t number;
    mt_status st;

    if ((st = take_number(decoder, in, "a row's head", &number)) != MT_OK) return st;
    out->shape = number >> 2;
    out->states = number & MTI_ROW_STATES;
    out->flags = 0;
    if (out->shape > decoder->dictionary.shapes.count)
        return mti_fail(blame(decoder, at), MT_MALFORMED, "shape %llu, of %u so far",
                        (unsigned long long)out->shape, decoder->dictionary.shapes.count);
    return out->states == MTI_STATES_FLAGS ? read_flags(decoder, in, out) : MT_OK;
}

static mt_status read_new_name(mti_decoder *decoder, mti_source *in, uint64_t len, uint16_t *out)
{
    mti_dictionary *dictionary = &decoder->dictionary;
    const uint8_t *at = in->at;
    mt_bytes name;
    mt_status st;

    if ((st = take_bytes(decoder, in, "a field name", len, &name)) != MT_OK) return st;
    if (mt_name_check(name, blame(decoder, at)) != MT_OK)
        return decoder->error.status = MT_MALFORMED;
    if (mti_dictionary_find_name(dictionary, name) != MTI_DICTIONARY_NONE)
        return mti_fail(blame(decoder, at), MT_MALFORMED,
                        "the field name \"%.*s\" is spelled out twice", MTI_SHOW(name));
    if (dictionary->names.count == MTI_DICTIONARY_MAX)
        return mti_fail(blame(decoder, at), MT_TOO_LARGE, "more than %d field names in a frame",
                        MTI_DICTIONARY_MAX);
    if (decoder->mask && mti_stream_count(dictionary->names.count + 1) > decoder->streams)
        return mti_fail(blame(decoder, at), MT_MALFORMED, "the field \"%.*s\" has no column",
                        MTI_SHOW(name));
    *out = (uint16_t)dictionary->names.count;
    st = mti_dictionary_add_name(dictionary, (size_t)(name.data - dictionary->texts), name.len);
    return st == MT_OK ? st : mti_fail(blame(decoder, at), st, "%s", mt_status_text(st));
}

static mt_status read_name(mti_decoder *decoder, mti_source *in, uint16_t *out)
{
    const uint8_t *at = in->at;
    uint64_t number;
    mt_status st;

    if ((st = take_number(decoder, in, "a field name", &number)) != MT_OK) return st;
    if (number & 1) return read_new_name(decoder, in, number >> 1, out);
    if (number >> 1 >= decoder->dictionary.names.count)
        return mti_fail(blame(decoder, at), MT_MALFORMED, "field name %llu, of %u so far",
                        (unsigned long long)(number >> 1), decoder->dictionary.names.count);
    *out = (uint16_t)(number >> 1);
    return MT_OK;
}

static mt_status read_names(mti_decoder *decoder, mti_source *in, uint16_t *names, size_t count)
{
    mt_bytes before = {NULL, 0};
    mt_status st;

    for (size_t i = 0; i < count; i++) {
        const uint8_t *at = in->at;
        mt_bytes name;

        if ((st = read_name(decoder, in, &names[i])) != MT_OK) return st;
        name = mti_dictionary_name(&decoder->dictionary, names[i]);
        if (i > 0 && mt_bytes_compare(before, name) >= 0)
            return mti_fail(blame(decoder, at), MT_MALFORMED,
                            "the field \"%.*s\" does not sort after \"%.*s\"", MTI_SHOW(name),
                            MTI_SHOW(before));
        before = name;
    }
    return MT_OK;
}

static mt_status read_shape(mti_decoder *decoder)
{
    mti_source *in = source_of(decoder, MTI_STREAM_HEADS);
    mti_dictionary *dictionary = &decoder->dictionary;
    uint16_t names[MTI_SHAPE_NAMES_MAX];
    const uint8_t *at = in->at;
    uint64_t count;
    mt_status st;

    if ((st = take_number(decoder, in, "a shape", &count)) != MT_OK) return st;
    if (count > MTI_SHAPE_NAMES_MAX)
        return mti_fail(blame(decoder, at), MT_MALFORMED, "a row of %llu fields, more than %d",
                        (unsigned long long)count, MTI_SHAPE_NAMES_MAX);
    if (dictionary->shapes.count == MTI_DICTIONARY_MAX)
        return mti_fail(blame(decoder, at), MT_TOO_LARGE, "more than %d shapes in a frame",
                        MTI_DICTIONARY_MAX);
    if ((st = read_names(decoder, in, names, (size_t)count)) != MT_OK) return st;
    if (mti_dictionary_find_shape(dictionary, names, (size_t)count) != MTI_DICTIONARY_NONE)
        return mti_fail(blame(decoder, at), MT_MALFORMED, "a shape is spelled out twice");
    st = mti_dictionary_add_shape(dictionary, names, (size_t)count);
    return st == MT_OK ? st : mti_fail(blame(decoder, at), st, "%s", mt_status_text(st));
}

/* ---- Uids and edges ---- */

/* What a uid keeps of the one before, and what it adds. */
typedef struct uid_change {
    const uint8_t *at; /* where it stands */
    size_t keep;
    size_t drop;
    mt_bytes added;
} uid_change;

static mt_status read_part(mti_decoder *decoder, mti_source *codes, const char *what,
                           unsigned nibble, size_t *out)
{
    uint64_t rest = 0;
    mt_status st = MT_OK;

    if (nibble == MTI_FRONT_LONG) st = take_number(decoder, codes, what, &rest);
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
    if ((st = take_byte(decoder, codes, what, &code)) != MT_OK) return st;
    if ((st = read_part(decoder, codes, what, code >> 4, &drop)) != MT_OK) return st;
    if ((st = read_part(decoder, codes, what, code & 15, &add)) != MT_OK) return st;
    if (drop > len)
        return mti_fail(blame(decoder, out->at), MT_MALFORMED, "%s drops %zu bytes of %zu", what,
                        drop, len);
    if (len - drop + add > MT_UID_LEN_MAX || len - drop + add == 0)
        return mti_fail(blame(decoder, out->at), MT_MALFORMED, "%s is not 1 to %d bytes long", what,
                        MT_UID_LEN_MAX);
    out->keep = len - drop;
    out->drop = drop;
    return take_bytes(decoder, texts, what, add, &out->added);
}

/* Whether a changed uid is one, given that the one before was: it is when ASCII follows a whole character. */
static bool change_is_plain(const mti_front *front, const uid_change *change)
{
    for (size_t i = 0; i < change->added.len; i++) {
        if (change->added.data[i] == 0 || change->added.data[i] >= 0x80) return false;
    }
    return change->drop == 0 || (front->text[change->keep] & 0xC0) != 0x80;
}

/* Changes the uid and copies it to `text`. */
static mt_status apply_change(mti_decoder *decoder, mti_front *front, const uid_change *change,
                              mt_bytes *out)
{
    bool plain = change_is_plain(front, change);

    memcpy(front->text + change->keep, change->added.data, change->added.len);
    front->len = change->keep + change->added.len;
    *out = (mt_bytes){decoder->text, front->len};
    for (size_t i = 0; i < front->len; i += 16) memcpy(decoder->text + i, front->text + i, 16);
    decoder->text += front->len;
    if (plain || mt_uid_check(*out, blame(decoder, change->at)) == MT_OK) return MT_OK;
    return decoder->error.status = MT_MALFORMED;
}

/* Checks that the uid comes where it should: after the one before, or, where that goes on, with the same again. */
static mt_status check_order(mti_decoder *decoder, const uid_change *change)
{
    mt_bytes before = {decoder->uid.text, decoder->uid.len};
    int order = 1;

    if (decoder->fresh) {
        if (decoder->any) order = mt_bytes_compare(change->added, before);
    } else if (change->drop > 0) {
        order = change->added.len > 0 ? change->added.data[0] - before.data[change->keep] : -1;
    } else {
        order = change->added.len > 0;
    }
    if (decoder->more && order != 0)
        return mti_fail(blame(decoder, change->at), MT_MALFORMED,
                        "the node \"%.*s\" does not go on as announced", MTI_SHOW(before));
    if (!decoder->more && order <= 0)
        return mti_fail(blame(decoder, change->at), MT_MALFORMED,
                        "a uid does not sort after \"%.*s\"", MTI_SHOW(before));
    return MT_OK;
}

static mt_status read_uid(mti_decoder *decoder, mt_bytes *out)
{
    mti_source *codes = source_of(decoder, MTI_STREAM_UID_CODES);
    mti_source *texts = source_of(decoder, MTI_STREAM_UID_TEXTS);
    size_t len = decoder->fresh ? 0 : decoder->uid.len;
    uid_change change;
    mt_status st;

    if ((st = read_change(decoder, codes, texts, "a uid", len, &change)) != MT_OK) return st;
    if ((st = check_order(decoder, &change)) != MT_OK) return st;
    decoder->fresh = false;
    decoder->any = true;
    return apply_change(decoder, &decoder->uid, &change, out);
}

static mt_status read_edge(mti_decoder *decoder, mti_source *column, mt_bytes *out)
{
    mti_source *codes = column + (MTI_COLUMN_DATA & decoder->mask);
    mti_source *texts = column + (MTI_COLUMN_TEXTS & decoder->mask);
    mti_front *front = &decoder->edge;
    uid_change change;
    mt_status st;

    if (front->len == 0) *front = decoder->uid;
    if ((st = read_change(decoder, codes, texts, "an edge", front->len, &change)) != MT_OK)
        return st;
    if (change.drop > 0 && change.added.len > 0 && change.added.data[0] == front->text[change.keep])
        return mti_fail(blame(decoder, change.at), MT_MALFORMED, "an edge drops more than differs");
    return apply_change(decoder, front, &change, out);
}

/* ---- States ---- */

static mt_status read_state(mti_decoder *decoder, const char *what)
{
    mti_source *in = source_of(decoder, MTI_STREAM_STATES);
    const uint8_t *at = in->at;
    uint64_t number;
    mt_status st;

    if ((st = take_number(decoder, in, what, &number)) != MT_OK) return st;
    decoder->state += mti_unzigzag(number);
    if (decoder->state - 1 < MT_STATE_MAX) return MT_OK;
    return mti_fail(blame(decoder, at), MT_MALFORMED, "%s is not 1 to 2^53 - 1", what);
}

static mt_status read_each_state(mti_decoder *decoder, mt_field *fields, size_t count)
{
    const uint8_t *at = source_of(decoder, MTI_STREAM_STATES)->at;
    uint64_t differ = 0;
    mt_status st;

    for (size_t i = 0; i < count; i++) {
        if ((st = read_state(decoder, "a state")) != MT_OK) return st;
        fields[i].state = decoder->state;
        differ |= decoder->state ^ fields[0].state;
    }
    if (differ) return MT_OK;
    return mti_fail(blame(decoder, at), MT_MALFORMED,
                    "states that are all equal are written one by one");
}

static mt_status read_states(mti_decoder *decoder, unsigned states, mt_field *fields, size_t count)
{
    const uint8_t *at = source_of(decoder, MTI_STREAM_STATES)->at;
    uint64_t before = decoder->state;
    mt_status st;

    if (states == MTI_STATES_EACH) return read_each_state(decoder, fields, count);
    if (states == MTI_STATES_ONE) {
        if ((st = read_state(decoder, "a state")) != MT_OK) return st;
        if (count == 0 || decoder->state == before)
            return mti_fail(blame(decoder, at), MT_MALFORMED,
                            "a state is written that says nothing new");
    } else if (count > 0 && before == 0) {
        return mti_fail(blame(decoder, at), MT_MALFORMED, "the first row of a frame has no state");
    }
    for (size_t i = 0; i < count; i++) fields[i].state = decoder->state;
    return MT_OK;
}

/* Fields at or below the floor are gone. */
static mt_status check_floor(mti_decoder *decoder, const mt_row *row, const uint8_t *at)
{
    for (size_t i = 0; i < row->count && row->floor; i++) {
        if (row->fields[i].state <= row->floor)
            return mti_fail(blame(decoder, at), MT_MALFORMED,
                            "the field \"%.*s\" is not above its node's floor",
                            MTI_SHOW(row->fields[i].name));
    }
    return MT_OK;
}

/* The floor, if there is one, and the states. */
static mt_status read_versions(mti_decoder *decoder, const row_head *head, mt_row *row,
                               mt_field *fields)
{
    const uint8_t *at = source_of(decoder, MTI_STREAM_STATES)->at;
    mt_status st;

    if (head->flags & MTI_ROW_FLOOR) {
        if ((st = read_state(decoder, "a floor")) != MT_OK) return st;
        row->floor = decoder->state;
    }
    if ((st = read_states(decoder, head->states, fields, row->count)) != MT_OK) return st;
    return check_floor(decoder, row, at);
}

/* ---- Values ---- */

static mt_status read_simple(mti_decoder *decoder, mti_source *column, const uint8_t *at,
                             unsigned small, mt_field *field)
{
    mti_source *in = column + (MTI_COLUMN_DATA & decoder->mask);
    uint64_t word;
    mt_status st;

    switch ((mti_simple)small) {
    case MTI_SIMPLE_NULL: field->value = mt_null(); return MT_OK;
    case MTI_SIMPLE_FALSE:
    case MTI_SIMPLE_TRUE: field->value = mt_bool(small == MTI_SIMPLE_TRUE); return MT_OK;
    case MTI_SIMPLE_DELETED:
        field->value = mt_null();
        field->kind = MT_FIELD_DELETED;
        return MT_OK;
    case MTI_SIMPLE_DOUBLE:
        if ((st = take_word(decoder, in, "a double", 8, &word)) != MT_OK) return st;
        field->value.kind = MT_NUMBER;
        memcpy(&field->value.as.number, &word, sizeof word);
        break;
    case MTI_SIMPLE_INT64:
        if ((st = take_word(decoder, in, "an integer", 8, &word)) != MT_OK) return st;
        field->value.kind = MT_INT;
        field->value.as.integer = (int64_t)word;
        break;
    default: return mti_fail(blame(decoder, at), MT_UNSUPPORTED, "unknown simple value %u", small);
    }
    if (mt_value_check(&field->value, &decoder->limits, blame(decoder, at)) != MT_OK)
        return decoder->error.status = MT_MALFORMED;
    if (field->value.kind == MT_NUMBER && mti_is_short_integer(field->value.as.number))
        return mti_fail(blame(decoder, at), MT_MALFORMED,
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
        return mti_fail(blame(decoder, at), MT_MALFORMED, "an integer of more than 7 bytes");
    st = take_word(decoder, column + (MTI_COLUMN_DATA & decoder->mask), "an integer", len, out);
    if (st != MT_OK) return st;
    if (*out < MTI_INTEGER_SMALL || *out >> (8 * (len - 1)) == 0)
        return mti_fail(blame(decoder, at), MT_MALFORMED, "an integer is not in its shortest form");
    if (*out >= MTI_INTEGER_END)
        return mti_fail(blame(decoder, at), MT_MALFORMED,
                        "an integer of 2^53 or more is not written as a double");
    return MT_OK;
}

static mt_status read_text(mti_decoder *decoder, mti_source *column, const uint8_t *at,
                           unsigned small, mt_value *value)
{
    uint64_t len = small, rest;
    mt_status st;

    if (small == MTI_LEN_LONG) {
        st = take_number(decoder, column + (MTI_COLUMN_DATA & decoder->mask), "a length", &rest);
        if (st != MT_OK) return st;
        len = rest > SIZE_MAX / 2 ? rest : rest + MTI_LEN_LONG;
    }
    if (len > decoder->limits.value_len_max)
        return mti_fail(blame(decoder, at), MT_TOO_LARGE,
                        "a value of %llu bytes, more than %zu (value_len_max)",
                        (unsigned long long)len, decoder->limits.value_len_max);
    st = take_bytes(decoder, column + (MTI_COLUMN_TEXTS & decoder->mask), "a value", len,
                    &value->as.bytes);
    if (st != MT_OK || value->kind == MT_BYTES || mti_utf8_valid(value->as.bytes)) return st;
    return mti_fail(blame(decoder, at), MT_MALFORMED, "a string is not UTF-8 at its byte %zu",
                    mti_utf8_bad(value->as.bytes));
}

static mt_status read_value(mti_decoder *decoder, mti_source *column, mt_field *field)
{
    const uint8_t *at = column->at;
    mt_value *value = &field->value;
    unsigned tag, small;
    uint64_t size;
    mt_status st;

    if ((st = take_byte(decoder, column, "a value", &tag)) != MT_OK) return st;
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
        return mti_fail(blame(decoder, at), MT_UNSUPPORTED, "unknown edge %u", small);
    }
    return mti_fail(blame(decoder, at), MT_UNSUPPORTED, "unknown value kind %u",
                    tag >> MTI_TAG_BITS);
}

/* ---- Rows ---- */

/* Checks a row that may go on, or goes on from the one before, and remembers what its next part is compared with. */
static mt_status check_parts(mti_decoder *decoder, const mt_row *row, bool goes_on)
{
    mt_bytes before = {decoder->name, decoder->name_len}, name;

    if (row->count == 0)
        return mti_fail(blame(decoder, decoder->bad), MT_MALFORMED,
                        "a part of a node has no fields");
    if (goes_on && row->floor != decoder->floor)
        return mti_fail(blame(decoder, decoder->bad), MT_MALFORMED,
                        "the parts of a node differ in their floor");
    name = row->fields[0].name;
    if (goes_on && mt_bytes_compare(before, name) >= 0)
        return mti_fail(blame(decoder, decoder->bad), MT_MALFORMED,
                        "the field \"%.*s\" does not sort after \"%.*s\"", MTI_SHOW(name),
                        MTI_SHOW(before));
    name = row->fields[row->count - 1].name;
    decoder->floor = row->floor;
    decoder->name_len = name.len;
    memcpy(decoder->name, name.data, name.len);
    return MT_OK;
}

static mt_status read_values(mti_decoder *decoder, const uint16_t *names, mt_field *fields,
                             size_t count)
{
    mt_status st;

    for (size_t i = 0; i < count; i++) {
        st = read_value(decoder, source_of(decoder, mti_column(names[i])), &fields[i]);
        if (st != MT_OK) return st;
    }
    return MT_OK;
}

static mt_status read_extension(mti_decoder *decoder, mt_bytes *out)
{
    mti_source *in = source_of(decoder, MTI_STREAM_HEADS);
    const uint8_t *at = in->at;
    uint64_t len;
    mt_status st;

    if ((st = take_number(decoder, in, "an extension", &len)) != MT_OK) return st;
    if (len == 0) return mti_fail(blame(decoder, at), MT_MALFORMED, "an extension is empty");
    return take_bytes(decoder, in, "an extension", len, out);
}

/* The shape's names, in `fields` and as the numbers that tell their columns. */
static mt_status read_fields(mti_decoder *decoder, uint64_t shape, mt_row *row, mt_field *fields,
                             const uint16_t **names)
{
    mti_dictionary *dictionary = &decoder->dictionary;
    mt_status st;

    if (shape == 0) {
        if ((st = read_shape(decoder)) != MT_OK) return st;
        shape = dictionary->shapes.count;
    }
    *names = mti_dictionary_shape(dictionary, (uint32_t)shape - 1, &row->count);
    for (size_t i = 0; i < row->count; i++) {
        fields[i].name = mti_dictionary_name(dictionary, (*names)[i]);
        fields[i].kind = MT_FIELD_VALUE;
        fields[i].type = MT_TYPE_REGISTER;
    }
    return MT_OK;
}

mt_status mti_decode_row(mti_decoder *decoder, mt_row *row, mt_field *fields)
{
    const uint8_t *at = source_of(decoder, MTI_STREAM_HEADS)->at;
    bool goes_on = decoder->more;
    const uint16_t *names;
    row_head head;
    mt_status st;

    *row = (mt_row){.fields = fields};
    if ((st = read_head(decoder, &head)) != MT_OK) return st;
    if ((st = read_fields(decoder, head.shape, row, fields, &names)) != MT_OK) return st;
    if ((st = read_uid(decoder, &row->uid)) != MT_OK) return st;
    if ((st = read_versions(decoder, &head, row, fields)) != MT_OK) return st;
    if ((st = read_values(decoder, names, fields, row->count)) != MT_OK) return st;
    if (head.flags & MTI_ROW_EXTENSION && (st = read_extension(decoder, &row->extension)) != MT_OK)
        return st;
    decoder->more = row->more = (head.flags & MTI_ROW_MORE) != 0;
    decoder->bad = at;
    return goes_on || row->more ? check_parts(decoder, row, goes_on) : MT_OK;
}

/* ---- Columns ---- */

static mt_status read_stream_count(mti_decoder *decoder, mti_source *in)
{
    const uint8_t *at = in->at;
    uint64_t count;
    mt_status st;

    if ((st = take_number(decoder, in, "the number of streams", &count)) != MT_OK) return st;
    if (count < MTI_STREAM_COLUMNS || count > MTI_STREAMS_MAX ||
        (count - MTI_STREAM_COLUMNS) % MTI_COLUMN_STREAMS != 0)
        return mti_fail(blame(decoder, at), MT_MALFORMED, "%llu is no number of streams",
                        (unsigned long long)count);
    decoder->streams = (unsigned)count;
    return MT_OK;
}

mt_status mti_decoder_columns(mti_decoder *decoder, mt_bytes block)
{
    mti_source in = {block.data, block.data + block.len};
    uint64_t len[MTI_STREAMS_MAX];
    mt_status st;

    begin_frame(decoder, block);
    decoder->mask = UINT32_MAX;
    if ((st = read_stream_count(decoder, &in)) != MT_OK) return st;
    for (unsigned i = 0; i < decoder->streams; i++) {
        if ((st = take_number(decoder, &in, "the length of a stream", &len[i])) != MT_OK) return st;
    }
    for (unsigned i = 0; i < decoder->streams; i++) {
        mt_bytes stream;

        if ((st = take_bytes(decoder, &in, "a stream", len[i], &stream)) != MT_OK) return st;
        decoder->source[i] = (mti_source){stream.data, stream.data + stream.len};
    }
    if (in.at == in.end) return MT_OK;
    return mti_fail(blame(decoder, in.at), MT_MALFORMED, "bytes follow the last stream");
}

mt_status mti_decoder_end(mti_decoder *decoder)
{
    unsigned used = decoder->mask ? mti_stream_count(decoder->dictionary.names.count) : 1;

    for (unsigned i = 0; i < decoder->streams; i++) {
        if (i >= used || decoder->source[i].at != decoder->source[i].end)
            return mti_fail(blame(decoder, decoder->source[i].at), MT_MALFORMED,
                            "no row uses the rest of stream %u", i);
    }
    return MT_OK;
}
