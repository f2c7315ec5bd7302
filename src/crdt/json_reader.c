/* Reads a graph or a patch, row by row. */
#include "crdt/json.h"
#include "base/base64url.h"
#include "base/status.h"
#include "crdt/limits.h"

/* What a field's text may have beside a value of the greatest length: its names, its state,
 * white space. */
#define UNIT_SLACK (16 * 1024)

/* More than that is as good as no limit, and six times as much can still be counted. */
#define VALUE_LEN_WALL (SIZE_MAX / 16)

/* ---- The node and its rows ---- */

static void begin_row(mt_json_reader *reader)
{
    reader->continued = reader->complete && reader->more;
    reader->complete = reader->more = false;
    reader->sorted = true;
    reader->count = reader->settled = reader->value_bytes = 0;
    mti_json_arena_reset(&reader->arena);
}

static void begin_node(mt_json_reader *reader, mt_bytes uid, const uint8_t *at)
{
    memcpy(reader->uid, uid.data, uid.len);
    reader->uid_len = uid.len;
    reader->uid_place = (mti_json_place){.at = at};
    reader->floor = 0;
    reader->delete_node = reader->has_object = false;
}

/* Makes a run of bytes independent of the window. */
static bool keep_bytes(mt_json_reader *reader, mt_bytes *bytes)
{
    const mti_json_input *input = &reader->input;
    const uint8_t *start = input->carried ? input->held.data : input->piece.data;
    uint8_t *copy;

    if (bytes->len == 0) return true;
    if ((uintptr_t)bytes->data < (uintptr_t)start ||
        (uintptr_t)bytes->data >= (uintptr_t)input->end)
        return true; /* in the arena */
    copy = mti_json_arena_take(&reader->arena, bytes->len);
    if (!copy) return false;
    memcpy(copy, bytes->data, bytes->len);
    bytes->data = copy;
    return true;
}

/* Makes the row at hand, and the places in it, independent of the window, which is about to go. */
static mt_status settle(mt_json_reader *reader)
{
    mti_json_input_settle(&reader->input, &reader->uid_place);
    for (size_t i = reader->settled; i < reader->count; i++) {
        mt_field *field = &reader->fields[i];
        bool has_bytes = field->value.kind >= MT_STRING;

        mti_json_input_settle(&reader->input, &reader->places[i]);
        if (!keep_bytes(reader, &field->name) ||
            (has_bytes && !keep_bytes(reader, &field->value.as.bytes))) {
            mti_json_no_memory(reader);
            return MT_NO_MEMORY;
        }
    }
    reader->settled = reader->count;
    return MT_OK;
}

/* Where the name of a field belongs among the first `count` of `order`, and whether it is there. */
static size_t find_name(const mt_json_reader *reader, size_t count, mt_bytes name, bool *found)
{
    size_t low = 0, high = count;

    *found = false;
    while (low < high && !*found) {
        size_t middle = low + (high - low) / 2;
        int order = mt_bytes_compare(reader->fields[reader->order[middle]].name, name);

        if (order < 0) low = middle + 1;
        else high = middle;
        if (order == 0) *found = true;
    }
    return low;
}

static mt_status refuse_at(mt_json_reader *reader, const mti_json_place *place, mt_status st)
{
    mti_json_place settled = *place;
    mti_json_input input = reader->input;
    mt_error what = reader->err;

    mti_json_input_settle(&input, &settled);
    return mti_fail(&reader->err, st, "%s:%llu:%llu: %s", reader->name,
                    (unsigned long long)settled.line, (unsigned long long)settled.column,
                    what.text);
}

/* Finds a name that stands twice, and of these the one whose second place comes first. */
static mt_status check_names(mt_json_reader *reader)
{
    if (reader->sorted) return MT_OK;
    for (size_t i = 0; i < reader->count; i++) {
        mt_bytes name = reader->fields[i].name;
        bool found;
        size_t at = find_name(reader, i, name, &found);

        if (found) {
            mti_fail(&reader->err, MT_MALFORMED, "field \"%.*s\" stands twice", MTI_SHOW(name));
            return refuse_at(reader, &reader->places[i], MT_MALFORMED);
        }
        memmove(reader->order + at + 1, reader->order + at, (i - at) * sizeof *reader->order);
        reader->order[at] = (uint16_t)i;
    }
    return MT_OK;
}

/* The row is as the text has it; `more`: the node is not. */
static const uint8_t *complete_row(mt_json_reader *reader, bool more, const uint8_t *behind)
{
    reader->st = check_names(reader);
    if (reader->st != MT_OK) return NULL;
    reader->complete = true;
    reader->more = more;
    return behind;
}

static void give_row(const mt_json_reader *reader, mt_row *out)
{
    *out = (mt_row){
        .uid = {reader->uid, reader->uid_len},
        .fields = reader->fields,
        .count = reader->count,
        .floor = reader->floor,
        .delete_node = reader->delete_node,
        .more = reader->more,
    };
}

/* ---- Units ---- */

static const uint8_t *read_start(mt_json_reader *reader, const uint8_t *at)
{
    if (at == reader->stop && mti_json_input_is_final(&reader->input))
        return mti_json_refuse(reader, at,
                               mti_fail(&reader->err, MT_MALFORMED, "the text is empty"));
    if (!(at = mti_json_expect(reader, at, '{', "\"{\""))) return NULL;
    reader->state = MTI_JSON_FIRST_UID;
    return at;
}

static const uint8_t *read_uid(mt_json_reader *reader, const uint8_t *at)
{
    const uint8_t *start = at;
    mt_bytes uid;

    if (at == reader->stop || *at != '"')
        return mti_json_unexpected(
            reader, at, reader->state == MTI_JSON_UID ? "a uid behind \",\"" : "a uid or \"}\"");
    if (!(at = mti_json_string(reader, at, &mti_json_uid_limit, &uid))) return NULL;
    if (!mti_json_check_uid(reader, start, uid, at)) return NULL;
    if (!(at = mti_json_expect(reader, at, ':', "\":\""))) return NULL;
    if (!(at = mti_json_expect(reader, at, '{', "\"{\""))) return NULL;
    begin_node(reader, uid, start);
    reader->state = MTI_JSON_FIRST_NAME;
    return at;
}

static const uint8_t *read_first_uid(mt_json_reader *reader, const uint8_t *at)
{
    if (at == reader->stop || *at != '}') return read_uid(reader, at);
    reader->state = MTI_JSON_TAIL;
    return at + 1;
}

/* Reads what follows the name "@object". */
static const uint8_t *read_object(mt_json_reader *reader, const uint8_t *name, const uint8_t *at)
{
    if (reader->has_object) {
        mti_fail(&reader->err, MT_MALFORMED, "\"@object\" stands twice");
        return mti_json_refuse(reader, name, MT_MALFORMED);
    }
    if (!(at = mti_json_object(reader, at))) return NULL;
    reader->has_object = true;
    reader->state = MTI_JSON_AFTER_FIELD;
    return at;
}

static bool is_object(mt_bytes name)
{
    return name.len == 7 && memcmp(name.data, "@object", 7) == 0;
}

static const uint8_t *read_field(mt_json_reader *reader, const uint8_t *at)
{
    size_t count = reader->count;
    mt_field *field = &reader->fields[count];
    const uint8_t *start = at;

    if (at == reader->stop || *at != '"')
        return mti_json_unexpected(reader, at,
                                   reader->state == MTI_JSON_NAME ? "a field name behind \",\""
                                                                  : "a field name or \"}\"");
    *field = (mt_field){.kind = MT_FIELD_VALUE};
    if (!(at = mti_json_string(reader, at, &mti_json_name_limit, &field->name))) return NULL;
    if (!(at = mti_json_expect(reader, at, ':', "\":\""))) return NULL;
    if (is_object(field->name)) return read_object(reader, start, at);
    if (reader->form == MT_JSON_GRAPH) at = mti_json_graph_field(reader, at, field);
    else at = mti_json_patch_field(reader, at, field);
    if (!at) return NULL;
    if (field->kind == MT_FIELD_VALUE && field->value.kind >= MT_STRING)
        reader->value_bytes += field->value.as.bytes.len;
    if (count > 0 && mt_bytes_compare(field[-1].name, field->name) >= 0) reader->sorted = false;
    reader->places[count] = (mti_json_place){.at = start};
    reader->count = count + 1;
    reader->state = MTI_JSON_AFTER_FIELD;
    return at;
}

static const uint8_t *end_node(mt_json_reader *reader, const uint8_t *at)
{
    if (reader->form == MT_JSON_GRAPH && !reader->has_object) {
        mti_fail(&reader->err, MT_MALFORMED, "expected a member \"@object\", found \"}\"");
        return mti_json_refuse(reader, at, MT_MALFORMED);
    }
    reader->state = MTI_JSON_AFTER_NODE;
    return complete_row(reader, false, at + 1);
}

static const uint8_t *read_first_name(mt_json_reader *reader, const uint8_t *at)
{
    if (at == reader->stop || *at != '}') return read_field(reader, at);
    return end_node(reader, at);
}

static const uint8_t *read_after_field(mt_json_reader *reader, const uint8_t *at)
{
    if (at < reader->stop && *at == '}') return end_node(reader, at);
    if (at == reader->stop || *at != ',') return mti_json_unexpected(reader, at, "\",\" or \"}\"");
    reader->state = MTI_JSON_NAME;
    if (reader->count < MTI_JSON_ROW_FIELDS && reader->value_bytes < MTI_JSON_ROW_BYTES)
        return at + 1;
    return complete_row(reader, true, at + 1);
}

static const uint8_t *read_after_node(mt_json_reader *reader, const uint8_t *at)
{
    if (at == reader->stop || (*at != ',' && *at != '}'))
        return mti_json_unexpected(reader, at, "\",\" or \"}\"");
    reader->state = *at == ',' ? MTI_JSON_UID : MTI_JSON_TAIL;
    return at + 1;
}

static const uint8_t *read_tail(mt_json_reader *reader, const uint8_t *at)
{
    if (at < reader->stop || !mti_json_input_is_final(&reader->input))
        return mti_json_unexpected(reader, at, "the end of the text");
    reader->st = MT_END;
    return NULL;
}

static const uint8_t *read_unit(mt_json_reader *reader, const uint8_t *at)
{
    switch (reader->state) {
    case MTI_JSON_START: return read_start(reader, at);
    case MTI_JSON_FIRST_UID: return read_first_uid(reader, at);
    case MTI_JSON_UID: return read_uid(reader, at);
    case MTI_JSON_FIRST_NAME: return read_first_name(reader, at);
    case MTI_JSON_NAME: return read_field(reader, at);
    case MTI_JSON_AFTER_FIELD: return read_after_field(reader, at);
    case MTI_JSON_AFTER_NODE: return read_after_node(reader, at);
    case MTI_JSON_TAIL: return read_tail(reader, at);
    }
    return NULL;
}

/* ---- Windows ---- */

/* Reads one unit, with more text if need be. */
static mt_status step(mt_json_reader *reader)
{
    mti_json_input *input = &reader->input;
    mti_json_arena mark = reader->arena;
    const uint8_t *at = mti_json_space(input->at, input->end);

    input->at = at;
    reader->stop = input->end;
    if ((size_t)(input->end - at) > reader->unit_len_max) reader->stop = at + reader->unit_len_max;
    at = read_unit(reader, at);
    if (at) {
        input->at = at;
        if (!mti_json_input_is_through(input)) return MT_OK;
        if (settle(reader) != MT_OK) return MT_NO_MEMORY;
        mti_json_input_resume(input);
        return MT_OK;
    }
    if (reader->st != MT_AGAIN) return reader->st;
    mti_json_arena_rewind(&reader->arena, mark);
    if (settle(reader) != MT_OK) return MT_NO_MEMORY;
    reader->st = mti_json_input_more(input);
    if (reader->st == MT_NO_MEMORY) mti_json_no_memory(reader);
    return reader->st;
}

mt_status mt_json_reader_feed(mt_json_reader *reader, mt_bytes text, bool last)
{
    if (reader->done != MT_OK || !reader->input.hungry || reader->input.last) return MT_INVALID;
    mti_json_input_feed(&reader->input, text, last);
    return MT_OK;
}

mt_status mt_json_reader_next(mt_json_reader *reader, mt_row *out)
{
    mt_status st = MT_OK;

    if (reader->done != MT_OK) return reader->done;
    if (reader->input.hungry) return MT_AGAIN;
    if (reader->complete) begin_row(reader);
    if (reader->input.unfilled) {
        st = mti_json_input_fill(&reader->input);
        if (st == MT_NO_MEMORY) mti_json_no_memory(reader);
    }
    while (st == MT_OK && !reader->complete) st = step(reader);
    if (st == MT_OK) give_row(reader, out);
    else if (st != MT_AGAIN) reader->done = st;
    return st;
}

/* ---- The reader itself ---- */

/* Copies what a message shows of the text's name, without the half of a character at its end. */
static void copy_name(mt_json_reader *reader, const char *name)
{
    size_t max = sizeof reader->name - 1, len = 0;

    while (len < max && name[len]) len++;
    if (name[len]) {
        while (len > 0 && ((uint8_t)name[len] & 0xC0) == 0x80) len--;
    }
    memcpy(reader->name, name, len);
    reader->name[len] = 0;
}

static void set_limits(mt_json_reader *reader, const mt_limits *limits)
{
    static const char named[] = " (value_len_max)";
    size_t max = mti_limits_copy(limits).value_len_max;

    if (max > VALUE_LEN_WALL) max = VALUE_LEN_WALL;
    reader->value_limit = (mti_json_limit){"a value", max, max, named};
    reader->bytes_limit = (mti_json_limit){"a value", mti_base64url_len(max), max, named};
    reader->unit_len_max = 6 * max + UNIT_SLACK;
}

mt_status mt_json_reader_new(const mt_mem *mem, mt_json_form form, const char *name,
                             const mt_limits *limits, mt_json_reader **out)
{
    mt_json_reader *reader = mti_mem_alloc(mem, sizeof *reader);

    if (!reader) return MT_NO_MEMORY;
    memset(reader, 0, offsetof(mt_json_reader, fields));
    reader->mem = mem;
    reader->form = form;
    reader->arena.mem = mem;
    reader->sorted = true;
    reader->uid_place = (mti_json_place){.line = 1, .column = 1};
    reader->err = (mt_error){MT_OK, ""};
    copy_name(reader, name);
    set_limits(reader, limits);
    mti_json_input_init(&reader->input, mem);
    *out = reader;
    return MT_OK;
}

void mt_json_reader_free(mt_json_reader *reader)
{
    if (!reader) return;
    mti_json_input_end(&reader->input);
    mti_json_arena_end(&reader->arena);
    mti_mem_free(reader->mem, reader, sizeof *reader);
}

const mt_error *mt_json_reader_error(const mt_json_reader *reader)
{
    return &reader->err;
}

static mt_status refuse_text(mt_json_reader *reader, const mti_json_place *place, const char *text)
{
    if (reader->done != MT_OK && reader->done != MT_END) return reader->done;
    mti_fail(&reader->err, MT_MALFORMED, "%s", text);
    reader->done = refuse_at(reader, place, MT_MALFORMED);
    return MT_MALFORMED;
}

mt_status mti_json_reader_refuse_field(mt_json_reader *reader, size_t field, const char *text)
{
    return refuse_text(reader, &reader->places[field], text);
}

mt_status mt_json_reader_refuse(mt_json_reader *reader, const char *text)
{
    if (reader->continued && reader->count > 0) return refuse_text(reader, reader->places, text);
    return refuse_text(reader, &reader->uid_place, text);
}
