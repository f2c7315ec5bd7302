/* binary_decode.c - reading rows: the mirror of binary_encode.c.
 *
 * Each step takes its bytes from the stream that it belongs to, or says what is wrong with them. */
#include "base/bytes.h"
#include "crdt/binary_take.h"

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

static void hold(mt_bytes *text, uint8_t *held)
{
    if (text->len > 0 && text->data != held) memcpy(held, text->data, text->len);
    text->data = held;
}

void mti_decoder_hold(mti_decoder *decoder)
{
    hold(&decoder->uid, decoder->uid_held);
    hold(&decoder->edge, decoder->edge_held);
}

bool mti_decoder_done(const mti_decoder *decoder)
{
    return decoder->source[0].at == decoder->source[0].end;
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
    mt_status st = mti_take_byte(decoder, in, "a row's flags", &out->flags);

    if (st != MT_OK) return st;
    out->states = out->flags & MTI_ROW_STATES;
    out->flags &= ~(unsigned)MTI_ROW_STATES;
    if (out->flags & ~known)
        return mti_fail(mti_blame(decoder, at), MT_UNSUPPORTED, "a row has the unknown flag %u",
                        out->flags & ~known);
    if (out->states == MTI_STATES_FLAGS)
        return mti_fail(mti_blame(decoder, at), MT_MALFORMED,
                        "a row's flags say 3 of its states, more than 2");
    if (out->flags == 0)
        return mti_fail(mti_blame(decoder, at), MT_MALFORMED, "a row's flags are empty");
    return MT_OK;
}

static mt_status read_head(mti_decoder *decoder, row_head *out)
{
    mti_source *in = mti_source_of(decoder, MTI_STREAM_HEADS);
    const uint8_t *at = in->at;
    uint64_t number;
    mt_status st;

    if ((st = mti_take_number(decoder, in, "a row's head", &number)) != MT_OK) return st;
    out->shape = number >> 2;
    out->states = number & MTI_ROW_STATES;
    out->flags = 0;
    if (out->shape > decoder->dictionary.shapes.count)
        return mti_fail(mti_blame(decoder, at), MT_MALFORMED, "shape %llu, of %u so far",
                        (unsigned long long)out->shape, decoder->dictionary.shapes.count);
    return out->states == MTI_STATES_FLAGS ? read_flags(decoder, in, out) : MT_OK;
}

static mt_status read_new_name(mti_decoder *decoder, mti_source *in, uint64_t len, uint16_t *out)
{
    mti_dictionary *dictionary = &decoder->dictionary;
    const uint8_t *at = in->at;
    mt_bytes name;
    mt_status st;

    if ((st = mti_take_bytes(decoder, in, "a field name", len, &name)) != MT_OK) return st;
    if (mt_name_check(name, mti_blame(decoder, at)) != MT_OK)
        return decoder->error.status = MT_MALFORMED;
    if (mti_dictionary_find_name(dictionary, name) != MTI_DICTIONARY_NONE)
        return mti_fail(mti_blame(decoder, at), MT_MALFORMED,
                        "the field name \"%.*s\" is spelled out twice", MTI_SHOW(name));
    if (dictionary->names.count == MTI_DICTIONARY_MAX)
        return mti_fail(mti_blame(decoder, at), MT_TOO_LARGE, "more than %d field names in a frame",
                        MTI_DICTIONARY_MAX);
    if (decoder->mask && mti_stream_count(dictionary->names.count + 1) > decoder->streams)
        return mti_fail(mti_blame(decoder, at), MT_MALFORMED, "the field \"%.*s\" has no column",
                        MTI_SHOW(name));
    *out = (uint16_t)dictionary->names.count;
    st = mti_dictionary_add_name(dictionary, (size_t)(name.data - dictionary->texts), name.len);
    return st == MT_OK ? st : mti_fail(mti_blame(decoder, at), st, "%s", mt_status_text(st));
}

static mt_status read_name(mti_decoder *decoder, mti_source *in, uint16_t *out)
{
    const uint8_t *at = in->at;
    uint64_t number;
    mt_status st;

    if ((st = mti_take_number(decoder, in, "a field name", &number)) != MT_OK) return st;
    if (number & 1) return read_new_name(decoder, in, number >> 1, out);
    if (number >> 1 >= decoder->dictionary.names.count)
        return mti_fail(mti_blame(decoder, at), MT_MALFORMED, "field name %llu, of %u so far",
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

        names[i] = 0;
        if ((st = read_name(decoder, in, &names[i])) != MT_OK) return st;
        name = mti_dictionary_name(&decoder->dictionary, names[i]);
        if (i > 0 && mt_bytes_compare(before, name) >= 0)
            return mti_fail(mti_blame(decoder, at), MT_MALFORMED,
                            "the field \"%.*s\" does not sort after \"%.*s\"", MTI_SHOW(name),
                            MTI_SHOW(before));
        before = name;
    }
    return MT_OK;
}

static mt_status read_shape(mti_decoder *decoder)
{
    mti_source *in = mti_source_of(decoder, MTI_STREAM_HEADS);
    mti_dictionary *dictionary = &decoder->dictionary;
    uint16_t names[MTI_SHAPE_NAMES_MAX];
    const uint8_t *at = in->at;
    uint64_t count;
    mt_status st;

    if ((st = mti_take_number(decoder, in, "a shape", &count)) != MT_OK) return st;
    if (count > MTI_SHAPE_NAMES_MAX)
        return mti_fail(mti_blame(decoder, at), MT_MALFORMED, "a row of %llu fields, more than %d",
                        (unsigned long long)count, MTI_SHAPE_NAMES_MAX);
    if (dictionary->shapes.count == MTI_DICTIONARY_MAX)
        return mti_fail(mti_blame(decoder, at), MT_TOO_LARGE, "more than %d shapes in a frame",
                        MTI_DICTIONARY_MAX);
    if ((st = read_names(decoder, in, names, (size_t)count)) != MT_OK) return st;
    if (mti_dictionary_find_shape(dictionary, names, (size_t)count) != MTI_DICTIONARY_NONE)
        return mti_fail(mti_blame(decoder, at), MT_MALFORMED, "a shape is spelled out twice");
    st = mti_dictionary_add_shape(dictionary, names, (size_t)count);
    return st == MT_OK ? st : mti_fail(mti_blame(decoder, at), st, "%s", mt_status_text(st));
}

/* ---- States ---- */

static mt_status read_state(mti_decoder *decoder, const char *what)
{
    mti_source *in = mti_source_of(decoder, MTI_STREAM_STATES);
    const uint8_t *at = in->at;
    uint64_t number;
    mt_status st;

    if ((st = mti_take_number(decoder, in, what, &number)) != MT_OK) return st;
    decoder->state += mti_unzigzag(number);
    if (decoder->state - 1 < MT_STATE_MAX) return MT_OK;
    return mti_fail(mti_blame(decoder, at), MT_MALFORMED, "%s is not 1 to 2^53 - 1", what);
}

static mt_status read_each_state(mti_decoder *decoder, mt_field *fields, size_t count)
{
    const uint8_t *at = mti_source_of(decoder, MTI_STREAM_STATES)->at;
    uint64_t differ = 0;
    mt_status st;

    for (size_t i = 0; i < count; i++) {
        if ((st = read_state(decoder, "a state")) != MT_OK) return st;
        fields[i].state = decoder->state;
        differ |= decoder->state ^ fields[0].state;
    }
    if (differ) return MT_OK;
    return mti_fail(mti_blame(decoder, at), MT_MALFORMED,
                    "states that are all equal are written one by one");
}

static mt_status read_states(mti_decoder *decoder, unsigned states, mt_field *fields, size_t count)
{
    const uint8_t *at = mti_source_of(decoder, MTI_STREAM_STATES)->at;
    uint64_t before = decoder->state;
    mt_status st;

    if (states == MTI_STATES_EACH) return read_each_state(decoder, fields, count);
    if (states == MTI_STATES_ONE) {
        if ((st = read_state(decoder, "a state")) != MT_OK) return st;
        if (count == 0 || decoder->state == before)
            return mti_fail(mti_blame(decoder, at), MT_MALFORMED,
                            "a state is written that says nothing new");
    } else if (count > 0 && before == 0) {
        return mti_fail(mti_blame(decoder, at), MT_MALFORMED,
                        "the first row of a frame has no state");
    }
    for (size_t i = 0; i < count; i++) fields[i].state = decoder->state;
    return MT_OK;
}

/* Fields at or below the floor are gone. */
static mt_status check_floor(mti_decoder *decoder, const mt_row *row, const uint8_t *at)
{
    for (size_t i = 0; i < row->count && row->floor; i++) {
        if (row->fields[i].state <= row->floor)
            return mti_fail(mti_blame(decoder, at), MT_MALFORMED,
                            "the field \"%.*s\" is not above its node's floor",
                            MTI_SHOW(row->fields[i].name));
    }
    return MT_OK;
}

/* The floor, if there is one, and the states. */
static mt_status read_versions(mti_decoder *decoder, const row_head *head, mt_row *row,
                               mt_field *fields)
{
    const uint8_t *at = mti_source_of(decoder, MTI_STREAM_STATES)->at;
    mt_status st;

    if (head->flags & MTI_ROW_FLOOR) {
        if ((st = read_state(decoder, "a floor")) != MT_OK) return st;
        row->floor = decoder->state;
    }
    if ((st = read_states(decoder, head->states, fields, row->count)) != MT_OK) return st;
    return check_floor(decoder, row, at);
}

/* ---- Rows ---- */

/* Checks a row that may go on, or goes on from the one before, and remembers what its next part is
 * compared with. */
static mt_status check_parts(mti_decoder *decoder, const mt_row *row, bool goes_on)
{
    mt_bytes before = {decoder->name, decoder->name_len}, name;

    if (row->count == 0)
        return mti_fail(mti_blame(decoder, decoder->bad), MT_MALFORMED,
                        "a part of a node has no fields");
    if (goes_on && row->floor != decoder->floor)
        return mti_fail(mti_blame(decoder, decoder->bad), MT_MALFORMED,
                        "the parts of a node differ in their floor");
    name = row->fields[0].name;
    if (goes_on && mt_bytes_compare(before, name) >= 0)
        return mti_fail(mti_blame(decoder, decoder->bad), MT_MALFORMED,
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
        st = mti_decode_value(decoder, mti_source_of(decoder, mti_column(names[i])), &fields[i]);
        if (st != MT_OK) return st;
    }
    return MT_OK;
}

static mt_status read_extension(mti_decoder *decoder, mt_bytes *out)
{
    mti_source *in = mti_source_of(decoder, MTI_STREAM_HEADS);
    const uint8_t *at = in->at;
    uint64_t len;
    mt_status st;

    if ((st = mti_take_number(decoder, in, "an extension", &len)) != MT_OK) return st;
    if (len == 0) return mti_fail(mti_blame(decoder, at), MT_MALFORMED, "an extension is empty");
    return mti_take_bytes(decoder, in, "an extension", len, out);
}

/* The names of the one row of a frame: each is new, and above the one before. They need no
 * dictionary, which is most of the time that such a frame would take. */
static mt_status read_names_alone(mti_decoder *decoder, mt_row *row, mt_field *fields)
{
    mti_source *in = mti_source_of(decoder, MTI_STREAM_HEADS);
    const uint8_t *at = in->at;
    uint64_t count, number;
    mt_status st;

    if ((st = mti_take_number(decoder, in, "a shape", &count)) != MT_OK) return st;
    if (count > MTI_SHAPE_NAMES_MAX)
        return mti_fail(mti_blame(decoder, at), MT_MALFORMED, "a row of %llu fields, more than %d",
                        (unsigned long long)count, MTI_SHAPE_NAMES_MAX);
    for (size_t i = 0; i < count; i++) {
        mt_bytes *name = &fields[i].name;
        at = in->at;
        if ((st = mti_take_number(decoder, in, "a field name", &number)) != MT_OK) return st;
        if (!(number & 1))
            return mti_fail(mti_blame(decoder, at), MT_MALFORMED,
                            "field name %llu, where each is new",
                            (unsigned long long)(number >> 1));
        at = in->at;
        if ((st = mti_take_bytes(decoder, in, "a field name", number >> 1, name)) != MT_OK)
            return st;
        if (mt_name_check(*name, mti_blame(decoder, at)) != MT_OK)
            return decoder->error.status = MT_MALFORMED;
        if (i > 0 && mti_bytes_order(fields[i - 1].name, *name) >= 0)
            return mti_fail(mti_blame(decoder, at), MT_MALFORMED,
                            "the field \"%.*s\" does not sort after \"%.*s\"", MTI_SHOW(*name),
                            MTI_SHOW(fields[i - 1].name));
        fields[i].kind = MT_FIELD_VALUE;
        fields[i].type = MT_TYPE_REGISTER;
    }
    row->count = (size_t)count;
    return MT_OK;
}

/* The shape's names, in `fields` and as the numbers that tell their columns. */
static mt_status read_fields(mti_decoder *decoder, uint64_t shape, mt_row *row, mt_field *fields,
                             const uint16_t **names)
{
    static const uint16_t first_column[MTI_SHAPE_NAMES_MAX];
    mti_dictionary *dictionary = &decoder->dictionary;
    mt_status st;

    if (decoder->alone && shape == 0) {
        *names = first_column; /* rows have no others */
        return read_names_alone(decoder, row, fields);
    }
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
    const uint8_t *at = mti_source_of(decoder, MTI_STREAM_HEADS)->at;
    bool goes_on = decoder->more;
    const uint16_t *names;
    row_head head = {0};
    mt_status st;

    *row = (mt_row){.fields = fields};
    if ((st = read_head(decoder, &head)) != MT_OK) return st;
    if ((st = read_fields(decoder, head.shape, row, fields, &names)) != MT_OK) return st;
    if ((st = mti_decode_uid(decoder, &row->uid)) != MT_OK) return st;
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

    if ((st = mti_take_number(decoder, in, "the number of streams", &count)) != MT_OK) return st;
    if (count < MTI_STREAM_COLUMNS || count > MTI_STREAMS_MAX ||
        (count - MTI_STREAM_COLUMNS) % MTI_COLUMN_STREAMS != 0)
        return mti_fail(mti_blame(decoder, at), MT_MALFORMED, "%llu is no number of streams",
                        (unsigned long long)count);
    decoder->streams = (unsigned)count;
    return MT_OK;
}

mt_status mti_decoder_columns(mti_decoder *decoder, mt_bytes block)
{
    mti_source in = {block.data, block.data + block.len};
    uint64_t len[MTI_STREAMS_MAX] = {0};
    mt_status st;

    begin_frame(decoder, block);
    decoder->mask = UINT32_MAX;
    if ((st = read_stream_count(decoder, &in)) != MT_OK) return st;
    for (unsigned i = 0; i < decoder->streams; i++) {
        if ((st = mti_take_number(decoder, &in, "the length of a stream", &len[i])) != MT_OK)
            return st;
    }
    for (unsigned i = 0; i < decoder->streams; i++) {
        mt_bytes stream;

        if ((st = mti_take_bytes(decoder, &in, "a stream", len[i], &stream)) != MT_OK) return st;
        decoder->source[i] = (mti_source){stream.data, stream.data + stream.len};
    }
    if (in.at == in.end) return MT_OK;
    return mti_fail(mti_blame(decoder, in.at), MT_MALFORMED, "bytes follow the last stream");
}

mt_status mti_decoder_end(mti_decoder *decoder)
{
    unsigned used = decoder->mask ? mti_stream_count(decoder->dictionary.names.count) : 1;

    for (unsigned i = 0; i < decoder->streams; i++) {
        if (i >= used || decoder->source[i].at != decoder->source[i].end)
            return mti_fail(mti_blame(decoder, decoder->source[i].at), MT_MALFORMED,
                            "no row uses the rest of stream %u", i);
    }
    return MT_OK;
}
