/* fuzz/json_fuzz.c - any text, read as a graph and as a patch.
 *
 * The last byte of the input says in pieces of what length the text before it is fed the second
 * time: rows and errors must be those of the first time, when it was whole. What can be loaded
 * is written, loaded again and written to the same bytes. Memory stays within a small multiple
 * of the input. */
#include "base/bytes.h"
#include "counted.h"
#include <mytosis/json.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- Reading ---- */

/* FNV-1a over all that a reader says. */
typedef struct said {
    uint64_t sum;
    bool ended;
} said;

static void add(said *out, const void *data, size_t len)
{
    const uint8_t *at = data;

    for (size_t i = 0; i < len; i++) out->sum = (out->sum ^ at[i]) * UINT64_C(0x100000001B3);
}

static void add_number(said *out, uint64_t number)
{
    add(out, &number, sizeof number);
}

static void add_row(said *out, mt_json_form form, const mt_row *row, mt_buf *text)
{
    REQUIRE(mt_uid_check(row->uid, NULL) == MT_OK);
    REQUIRE(row->floor <= MT_STATE_MAX);
    add_number(out, row->floor);
    add_number(out, row->count * 4 + row->more * 2U + row->delete_node);
    text->len = 0;
    REQUIRE(mt_json_string(row->uid, text) == MT_OK);
    for (size_t i = 0; i < row->count; i++) {
        const mt_field *field = &row->fields[i];

        REQUIRE(mt_name_check(field->name, NULL) == MT_OK);
        REQUIRE(field->kind == MT_FIELD_DELETED ||
                mt_value_check(&field->value, NULL, NULL) == MT_OK);
        REQUIRE(form == MT_JSON_PATCH ? field->state == 0 : field->state - 1 < MT_STATE_MAX);
        REQUIRE(mt_json_string(field->name, text) == MT_OK);
        REQUIRE(mt_json_field(field, text) == MT_OK);
    }
    add(out, text->data, text->len);
}

static mt_bytes next_piece(mt_bytes text, size_t at, size_t len, uint8_t *room)
{
    if (len > text.len - at) len = text.len - at;
    if (len) memcpy(room, text.data + at, len);
    return (mt_bytes){room, len};
}

static said read_in_pieces(mt_json_form form, mt_bytes text, size_t piece_len)
{
    counter count = {.live_max = 8 * text.len + (2 << 20)}, text_count = {.live_max = SIZE_MAX};
    mt_mem mem = {counted_resize, &count}, text_mem = {counted_resize, &text_count};
    mt_buf written = {.mem = &text_mem};
    said out = {.sum = UINT64_C(0xCBF29CE484222325)};
    mt_json_reader *reader;
    uint8_t *room = NULL;
    size_t at = 0;
    mt_status st;
    mt_row row;

    REQUIRE(mt_json_reader_new(&mem, form, "f", NULL, &reader) == MT_OK);
    while ((st = mt_json_reader_next(reader, &row)) == MT_OK || st == MT_AGAIN) {
        if (st == MT_OK) {
            add_row(&out, form, &row, &written);
            continue;
        }
        /* Each piece has a block of its own, which ends with it. */
        free(room);
        room = malloc(piece_len ? piece_len : 1);
        REQUIRE(room);
        mt_bytes piece = next_piece(text, at, piece_len, room);
        at += piece.len;
        REQUIRE(mt_json_reader_feed(reader, piece, at == text.len) == MT_OK);
    }
    REQUIRE(st == MT_END || st == MT_MALFORMED || st == MT_TOO_LARGE);
    REQUIRE(mt_json_reader_next(reader, &row) == st);
    out.ended = st == MT_END;
    add_number(&out, (uint64_t)st);
    add(&out, mt_json_reader_error(reader)->text, strlen(mt_json_reader_error(reader)->text));
    mt_json_reader_free(reader);
    mt_buf_free(&written);
    free(room);
    REQUIRE(count.live == 0 && text_count.live == 0);
    return out;
}

static bool is_read(mt_json_form form, mt_bytes text, size_t piece_len)
{
    said whole = read_in_pieces(form, text, text.len);
    said pieces = read_in_pieces(form, text, piece_len);

    REQUIRE(whole.sum == pieces.sum);
    return whole.ended;
}

/* ---- Loading ---- */

static void load_and_write(mt_bytes text)
{
    counter count = {.live_max = 64 * text.len + (8 << 20)}, text_count = {.live_max = SIZE_MAX};
    mt_mem mem = {counted_resize, &count}, text_mem = {counted_resize, &text_count};
    mt_buf first = {.mem = &text_mem}, second = {.mem = &text_mem}, plain = {.mem = &text_mem};
    mt_graph *graph, *again;
    mt_error err;
    mt_status st = mt_json_load(&mem, NULL, "f", text, &graph, &err);

    if (st == MT_OK) {
        REQUIRE(mt_json_graph(graph, &first) == MT_OK);
        REQUIRE(mt_graph_snapshot(graph, &plain) == MT_OK);
        mt_graph_free(graph);
        count.live_max = 64 * first.len + (8 << 20);
        REQUIRE(mt_json_load(&mem, NULL, "f", mt_buf_bytes(&first), &again, &err) == MT_OK);
        REQUIRE(mt_json_graph(again, &second) == MT_OK);
        mt_graph_free(again);
        REQUIRE(mt_bytes_equal(mt_buf_bytes(&first), mt_buf_bytes(&second)));
        REQUIRE(is_read(MT_JSON_PATCH, mt_buf_bytes(&plain), 64));
    } else {
        REQUIRE(st == MT_MALFORMED && strstr(err.text, "stands twice"));
    }
    mt_buf_free(&first);
    mt_buf_free(&second);
    mt_buf_free(&plain);
    REQUIRE(count.live == 0 && text_count.live == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    mt_bytes text = {data, size ? size - 1 : 0};
    size_t piece_len = size ? (size_t)data[size - 1] + 1 : 1;

    if (is_read(MT_JSON_GRAPH, text, piece_len)) load_and_write(text);
    is_read(MT_JSON_PATCH, text, piece_len);
    return 0;
}
