/* binary_encode.c - what a row looks like, from its head to its last value.
 *
 * Everything that can fail comes first: the shape is found or added, and room is made in the
 * streams. What writes cannot fail and reads like the format. */
#include "crdt/binary_encode.h"
#include "base/bytes.h"
#include "base/status.h"
#include "crdt/binary_put.h"

/* ---- Set up ---- */

mt_status mti_encoder_init(mti_encoder *encoder, const mt_mem *mem, bool columns)
{
    memset(encoder, 0, sizeof *encoder);
    encoder->mask = columns ? UINT32_MAX : 0;
    encoder->streams = columns ? MTI_STREAMS_MAX : 1;
    encoder->stream = mti_mem_alloc(mem, encoder->streams * sizeof *encoder->stream);
    if (!encoder->stream) return MT_NO_MEMORY;
    for (unsigned i = 0; i < encoder->streams; i++) encoder->stream[i] = (mt_buf){.mem = mem};
    encoder->texts.mem = mem;
    mti_dictionary_init(&encoder->dictionary, mem);
    mti_encoder_clear(encoder);
    return MT_OK;
}

void mti_encoder_free(mti_encoder *encoder)
{
    if (!encoder->stream) return;
    for (unsigned i = 0; i < encoder->streams; i++) mt_buf_free(&encoder->stream[i]);
    mti_mem_free(encoder->texts.mem, encoder->stream, encoder->streams * sizeof *encoder->stream);
    mt_buf_free(&encoder->texts);
    mti_dictionary_free(&encoder->dictionary);
}

void mti_encoder_forget(mti_encoder *encoder)
{
    memset(encoder->guess, 0, sizeof encoder->guess);
}

void mti_encoder_clear(mti_encoder *encoder)
{
    for (unsigned i = 0; i < encoder->streams; i++) encoder->stream[i].len = 0;
    encoder->texts.len = 0;
    mti_dictionary_clear(&encoder->dictionary);
    mti_encoder_forget(encoder);
    encoder->state = 0;
    encoder->edge.len = 0;
    encoder->fresh = true;
}

size_t mti_encoder_len(const mti_encoder *encoder)
{
    unsigned count = encoder->mask ? mti_stream_count(encoder->dictionary.names.count) : 1;
    size_t len = 0;

    for (unsigned i = 0; i < count; i++) len += encoder->stream[i].len;
    return len;
}

bool mti_encoder_has_room(const mti_encoder *encoder)
{
    return encoder->dictionary.shapes.count < MTI_DICTIONARY_MAX &&
           encoder->dictionary.names.count <= MTI_DICTIONARY_MAX - MTI_SHAPE_NAMES_MAX;
}

/* ---- Finding the shape ---- */

/* A shape as a row needs it: its number, its names' numbers, and which of them are new in this
 * frame. */
typedef struct row_shape {
    uint32_t number;
    bool is_new;
    const uint16_t *names;
    uint64_t new_names; /* by their places in the row */
} row_shape;

/* Where a guess is kept changes how fast it is found, and nothing else. */
static mti_guess *guess_of(mti_encoder *encoder, const mt_row *row, bool by_hint)
{
    uint64_t key = (uintptr_t)row->shape >> 4;

    if (!by_hint) {
        mt_bytes first = row->fields[0].name;

        key = row->count + 8 * first.len;
        if (first.len)
            key += (uint64_t)first.data[0] << 8 | (uint64_t)first.data[first.len - 1] << 16;
    }
    return &encoder->guess[key * UINT64_C(0x9E3779B97F4A7C15) >> 58];
}

static bool shape_fits(const mti_encoder *encoder, const mti_guess *guess, const mt_row *row)
{
    const uint16_t *names;
    size_t count;

    if (guess->count != row->count) return false;
    names = mti_dictionary_shape(&encoder->dictionary, guess->shape, &count);
    for (size_t i = 0; i < count; i++) {
        mt_bytes name = mti_dictionary_name(&encoder->dictionary, names[i]);

        if (!mt_bytes_equal(name, row->fields[i].name)) return false;
    }
    return true;
}

static bool guess_fits(const mti_encoder *encoder, const mti_guess *guess, const mt_row *row,
                       bool by_hint)
{
    if (!by_hint) return shape_fits(encoder, guess, row);
    return guess->hint == row->shape && guess->count == row->count &&
           guess->first == row->fields[0].name.data;
}

static mt_status add_name(mti_encoder *encoder, mt_bytes name, mt_error *err)
{
    size_t at = encoder->texts.len;
    mt_status st;

    if ((st = mt_name_check(name, err)) != MT_OK) return st;
    /* A byte more: the place of an empty name is a place too. */
    if ((st = mti_buf_reserve(&encoder->texts, name.len + 1)) != MT_OK) return st;
    mti_copy_text(encoder->texts.data + at, name.data, name.len);
    encoder->texts.len += name.len;
    encoder->dictionary.texts = encoder->texts.data;
    return mti_dictionary_add_name(&encoder->dictionary, at, name.len);
}

/* Finds or adds the names, one by one, and the shape that they make. */
static mt_status find_shape(mti_encoder *encoder, const mt_row *row, row_shape *out, mt_error *err)
{
    mti_dictionary *dictionary = &encoder->dictionary;
    uint16_t names[MTI_SHAPE_NAMES_MAX];
    mt_status st;

    for (size_t i = 0; i < row->count; i++) {
        mt_bytes name = row->fields[i].name;
        uint32_t number = mti_dictionary_find_name(dictionary, name);

        if (i > 0 && mt_bytes_compare(row->fields[i - 1].name, name) >= 0)
            return mti_fail(err, MT_INVALID,
                            "the field \"%.*s\" does not sort after the one before it",
                            MTI_SHOW(name));
        if (number == MTI_DICTIONARY_NONE) {
            number = dictionary->names.count;
            if ((st = add_name(encoder, name, err)) != MT_OK) return st;
            out->new_names |= UINT64_C(1) << i;
        }
        names[i] = (uint16_t)number;
    }
    out->number = mti_dictionary_find_shape(dictionary, names, row->count);
    if (out->number != MTI_DICTIONARY_NONE) return MT_OK;
    out->number = dictionary->shapes.count;
    out->is_new = true;
    return mti_dictionary_add_shape(dictionary, names, row->count);
}

static mt_status shape_of(mti_encoder *encoder, const mt_row *row, bool same, row_shape *out,
                          mt_error *err)
{
    bool by_hint = same && row->shape;
    mti_guess *guess = NULL;
    size_t count;
    mt_status st;

    *out = (row_shape){0};
    if (row->count > 0) {
        guess = guess_of(encoder, row, by_hint);
        out->number = guess->shape;
    }
    if (!guess || !guess_fits(encoder, guess, row, by_hint)) {
        if ((st = find_shape(encoder, row, out, err)) != MT_OK) return st;
        if (guess) {
            *guess = (mti_guess){row->shape, row->fields[0].name.data, (uint32_t)row->count,
                                 out->number};
        }
    }
    out->names = mti_dictionary_shape(&encoder->dictionary, out->number, &count);
    return MT_OK;
}

/* ---- Making room ---- */

/* Makes room for the row, which takes `bound` bytes at most, in every stream that it touches. */
static mt_status reserve_row(mti_encoder *encoder, const mt_row *row, const row_shape *shape,
                             size_t bound)
{
    mt_status st = MT_OK;

    if (!encoder->mask) return mti_buf_reserve(&encoder->stream[0], bound);
    for (unsigned i = 0; i < MTI_STREAM_COLUMNS && st == MT_OK; i++) {
        st = mti_buf_reserve(&encoder->stream[i], bound);
    }
    for (size_t i = 0; i < row->count && st == MT_OK; i++) {
        mt_buf *column = &encoder->stream[mti_column(shape->names[i])];
        bool shared = shape->names[i] >= MTI_COLUMNS_MAX - 1;
        size_t room = shared ? bound : MTI_FIELD_BOUND + mti_text_len(&row->fields[i]);

        for (unsigned j = 0; j < MTI_COLUMN_STREAMS && st == MT_OK; j++) {
            st = mti_buf_reserve(column + j, room);
        }
    }
    return st;
}

/* ---- Writing: room is there ---- */

MTI_INLINED void put_state(mti_encoder *encoder, mti_pens out, uint64_t state)
{
    mti_put_number(mti_pen(out, MTI_STREAM_STATES), mti_zigzag(state - encoder->state));
    encoder->state = state;
}

MTI_INLINED void put_shape(mti_pens out, const mt_row *row, const row_shape *shape)
{
    mt_buf *heads = mti_pen(out, MTI_STREAM_HEADS);

    mti_put_number(heads, row->count);
    for (size_t i = 0; i < row->count; i++) {
        mt_bytes name = row->fields[i].name;

        if (shape->new_names >> i & 1) {
            mti_put_number(heads, (uint64_t)name.len << 1 | 1);
            mti_put_bytes(heads, name);
        } else {
            mti_put_number(heads, (uint64_t)shape->names[i] << 1);
        }
    }
}

/* A uid as its difference from the one before, which it takes the place of. `before` counts for
 * `len` bytes. */
MTI_INLINED void put_front(mt_buf *codes, mt_buf *texts, mti_front *before, size_t len,
                           mt_bytes uid)
{
    size_t keep = mti_put_change(codes, texts, (mt_bytes){before->text, len}, uid);

    mti_copy_text(before->text + keep, uid.data + keep, uid.len - keep);
    before->len = uid.len;
}

MTI_INLINED void put_uid(mti_encoder *encoder, mti_pens out, mt_bytes uid)
{
    size_t len = encoder->fresh ? 0 : encoder->uid.len;

    put_front(mti_pen(out, MTI_STREAM_UID_CODES), mti_pen(out, MTI_STREAM_UID_TEXTS), &encoder->uid,
              len, uid);
    encoder->fresh = false;
}

MTI_INLINED void put_edge(mti_encoder *encoder, mti_pens column, mt_bytes uid)
{
    if (encoder->edge.len == 0) encoder->edge = encoder->uid;
    mti_put_tag(column, MTI_TAG_EDGE, 0);
    put_front(mti_pen(column, MTI_COLUMN_DATA), mti_pen(column, MTI_COLUMN_TEXTS), &encoder->edge,
              encoder->edge.len, uid);
}

MTI_INLINED void put_value(mti_encoder *encoder, mti_pens column, const mt_field *field)
{
    if (mti_is_edge(field)) put_edge(encoder, column, field->value.as.bytes);
    else mti_put_plain(column, field);
}

MTI_INLINED void put_row(mti_encoder *encoder, mti_pens out, const mt_row *row,
                         const row_shape *shape)
{
    mti_states states = mti_states_of(row, encoder->state);

    mti_put_head(out, row, shape->is_new ? 0 : (uint64_t)shape->number + 1, states);
    if (shape->is_new) put_shape(out, row, shape);
    put_uid(encoder, out, row->uid);
    if (row->floor) put_state(encoder, out, row->floor);
    if (states == MTI_STATES_ONE) put_state(encoder, out, row->fields[0].state);
    for (size_t i = 0; i < row->count && states == MTI_STATES_EACH; i++) {
        put_state(encoder, out, row->fields[i].state);
    }
    for (size_t i = 0; i < row->count; i++) {
        mti_pens column = {mti_pen(out, mti_column(shape->names[i])), out.mask};

        put_value(encoder, column, &row->fields[i]);
    }
    if (row->extension.len) {
        mti_put_number(mti_pen(out, MTI_STREAM_HEADS), row->extension.len);
        mti_put_bytes(mti_pen(out, MTI_STREAM_HEADS), row->extension);
    }
}

mt_status mti_encode_row(mti_encoder *encoder, const mt_row *row, size_t bound, bool same,
                         mt_error *err)
{
    row_shape shape;
    mt_status st;

    if ((st = shape_of(encoder, row, same, &shape, err)) != MT_OK) return st;
    if ((st = reserve_row(encoder, row, &shape, bound)) != MT_OK) return st;
    if (encoder->mask) {
        put_row(encoder, (mti_pens){encoder->stream, UINT32_MAX}, row, &shape);
    } else {
        mt_buf rows = encoder->stream[0];

        put_row(encoder, (mti_pens){&rows, 0}, row, &shape);
        encoder->stream[0].len = rows.len;
    }
    return MT_OK;
}

/* ---- Columns ---- */

mt_status mti_encoder_parts(const mti_encoder *encoder, mt_buf *table, mt_bytes *parts,
                            size_t *count)
{
    unsigned streams = mti_stream_count(encoder->dictionary.names.count);
    mt_status st = mti_buf_reserve(table, (1 + (size_t)streams) * MTI_VARINT_LEN_MAX);

    if (st != MT_OK) return st;
    mti_put_number(table, streams);
    for (unsigned i = 0; i < streams; i++) {
        parts[1 + i] = mt_buf_bytes(&encoder->stream[i]);
        mti_put_number(table, parts[1 + i].len);
    }
    parts[0] = mt_buf_bytes(table);
    *count = 1 + streams;
    return MT_OK;
}
