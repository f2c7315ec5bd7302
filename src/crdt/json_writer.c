/* Writes the canonical text of graphs. Room is made once for each field, for the longest text it
 * can have; then all is written through a plain pointer. */
#include "base/bytes.h"
#include "base/number.h"
#include "crdt/rows.h"
#include "crdt/value.h"
#include <mytosis/json.h>

/* Room for all that stands around names and values: punctuation, members, a state or a floor. */
#define AROUND 128

static mt_status make_room(mt_buf *out, size_t room)
{
    size_t all;

    if (!mti_size_add(room, AROUND, &all)) return MT_NO_MEMORY;
    return mti_buf_reserve(out, all);
}

static uint8_t *end_of(const mt_buf *out)
{
    return out->data + out->len;
}

static void end_at(mt_buf *out, const uint8_t *end)
{
    out->len = (size_t)(end - out->data);
}

/* States and floors are less than 2^53. */
static uint8_t *put_count(uint64_t count, uint8_t *out)
{
    return out + mti_integer_format((int64_t)count, (char *)out);
}

static size_t field_room(const mt_field *field)
{
    return field->kind == MT_FIELD_DELETED ? 0 : mti_value_text_room(&field->value);
}

static uint8_t *put_field(const mt_field *field, uint8_t *out)
{
    if (field->kind == MT_FIELD_DELETED) {
        out = MTI_PUT("{\"deleted\":true", out);
    } else {
        out = MTI_PUT("{\"value\":", out);
        out = mti_value_text_put(&field->value, out);
    }
    out = MTI_PUT(",\"state\":", out);
    out = put_count(field->state, out);
    *out = '}';
    return out + 1;
}

mt_status mt_json_field(const mt_field *field, mt_buf *out)
{
    mt_status st = make_room(out, field_room(field));

    if (st == MT_OK) end_at(out, put_field(field, end_of(out)));
    return st;
}

mt_status mt_json_string(mt_bytes text, mt_buf *out)
{
    mt_status st = make_room(out, mti_string_text_room(text));

    if (st == MT_OK) end_at(out, mti_string_text_put(text, end_of(out)));
    return st;
}

/* ---- Rows ---- */

mt_status mt_json_rows_begin(mt_json_writer *writer, mt_buf *out)
{
    mt_status st = make_room(out, 0);

    if (st != MT_OK) return st;
    *writer = (mt_json_writer){0};
    end_at(out, MTI_PUT("{", end_of(out)));
    return MT_OK;
}

/* From what parts the node from the one before, to its "@object". */
static mt_status begin_node(const mt_json_writer *writer, const mt_row *row, mt_buf *out)
{
    /* A uid is short. */
    mt_status st = make_room(out, 2 * mti_string_text_room(row->uid));
    uint8_t *at;

    if (st != MT_OK) return st;
    at = end_of(out);
    if (writer->any) at = MTI_PUT(",\n", at);
    at = mti_string_text_put(row->uid, at);
    at = MTI_PUT(":{\"@object\":{\"uid\":", at);
    at = mti_string_text_put(row->uid, at);
    if (row->floor) {
        at = MTI_PUT(",\"floor\":", at);
        at = put_count(row->floor, at);
    }
    *at++ = '}';
    end_at(out, at);
    return MT_OK;
}

static mt_status add_fields(const mt_row *row, mt_buf *out)
{
    for (size_t i = 0; i < row->count; i++) {
        const mt_field *field = &row->fields[i];
        size_t room = mti_string_text_room(field->name);
        uint8_t *at;
        mt_status st;

        if (!mti_size_add(room, field_room(field), &room)) return MT_NO_MEMORY;
        if ((st = make_room(out, room)) != MT_OK) return st;
        at = end_of(out);
        *at++ = ',';
        at = mti_string_text_put(field->name, at);
        *at++ = ':';
        end_at(out, put_field(field, at));
    }
    return MT_OK;
}

mt_status mt_json_row(mt_json_writer *writer, const mt_row *row, mt_buf *out)
{
    size_t len = out->len;
    mt_status st = MT_OK;

    if (writer->open && row->floor != writer->floor) return MT_INVALID;
    if (!writer->open) st = begin_node(writer, row, out);
    if (st == MT_OK) st = add_fields(row, out);
    if (st == MT_OK && !row->more) st = mti_buf_append(out, "}", 1);
    if (st != MT_OK) {
        out->len = len;
        return st;
    }
    *writer = (mt_json_writer){.any = true, .open = row->more, .floor = row->floor};
    return MT_OK;
}

mt_status mt_json_rows_end(mt_json_writer *writer, mt_buf *out)
{
    if (writer->open) return MT_INVALID;
    return mti_buf_append(out, "}\n", 2);
}

/* ---- Graphs ---- */

static mt_status add_node(mt_json_writer *writer, const mt_node *node, mt_buf *out)
{
    mti_node_rows rows;
    mt_row row;
    mt_status st = MT_OK;

    mti_node_rows_init(&rows, node);
    while (st == MT_OK && mti_node_rows_next(&rows, &row)) st = mt_json_row(writer, &row, out);
    return st;
}

mt_status mt_json_graph(const mt_graph *graph, mt_buf *out)
{
    static const mt_bytes all;
    size_t len = out->len;
    mt_json_writer writer;
    mt_graph_iter iter;
    const mt_node *node;
    mt_status st = mt_json_rows_begin(&writer, out);

    mt_graph_iter_init(&iter, graph, all, all);
    while (st == MT_OK && (node = mt_graph_iter_next(&iter))) st = add_node(&writer, node, out);
    if (st == MT_OK) st = mt_json_rows_end(&writer, out);
    if (st != MT_OK) out->len = len;
    return st;
}
