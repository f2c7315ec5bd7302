#include "frames.h"
#include "base/bytes.h"
#include "base/checksum.h"
#include "base/varint.h"
#include "crdt/binary.h"
#include "counted.h"
#include <stdlib.h>

/* ---- Memory ---- */

static void *plain_resize(void *ctx, void *ptr, size_t old_size, size_t size)
{
    (void)ctx;
    (void)old_size;
    if (size > 0) return realloc(ptr, size);
    free(ptr);
    return NULL;
}

static const mt_mem plain_mem = {plain_resize, NULL};

/* ---- Frames ---- */

static void add(mt_buf *out, const void *data, size_t len)
{
    REQUIRE(mti_buf_append(out, data, len) == MT_OK);
}

static void add_frame(mt_buf *out, unsigned kind, mt_bytes content)
{
    uint8_t header[MTI_FRAME_HEADER_MAX] = {MT_BINARY_VERSION_1, (uint8_t)kind};
    size_t start = out->len;
    uint32_t sum;

    add(out, header, (size_t)(mti_varint_put(header + 2, content.len) - header));
    add(out, content.data, content.len);
    sum = mti_checksum32((mt_bytes){out->data + start, out->len - start}, 0);
    for (int i = 0; i < MTI_FRAME_CHECKSUM; i++) {
        uint8_t byte = (uint8_t)(sum >> (8 * i));

        add(out, &byte, 1);
    }
}

mt_buf frames_make(unsigned kind, mt_bytes content)
{
    mt_buf out = {.mem = &plain_mem};

    add_frame(&out, kind, content);
    return out;
}

mt_buf frames_mend(const uint8_t *data, size_t size)
{
    mt_buf out = {.mem = &plain_mem};

    while (size >= 7) {
        unsigned kind = data[1];
        uint64_t len;
        int taken = mti_varint_get(data + 2, data + size, &len);
        size_t head = 2 + (size_t)(taken > 0 ? taken : 1);

        if (size < head + MTI_FRAME_CHECKSUM) break;
        if (!(kind & MTI_FRAME_MORE) || len > size - head - MTI_FRAME_CHECKSUM)
            len = size - head - MTI_FRAME_CHECKSUM;
        add_frame(&out, kind, (mt_bytes){data + head, (size_t)len});
        data += head + len + MTI_FRAME_CHECKSUM;
        size -= head + len + MTI_FRAME_CHECKSUM;
    }
    add(&out, data, size);
    return out;
}

/* ---- What is said ---- */

/* FNV-1a over all rows, or over the error where there is one. */
typedef struct said {
    uint64_t sum;
    mt_status end;
} said;

static void say(said *out, const void *data, size_t len)
{
    const uint8_t *at = data;

    for (size_t i = 0; i < len; i++) out->sum = (out->sum ^ at[i]) * UINT64_C(0x100000001B3);
}

static void say_number(said *out, uint64_t number)
{
    say(out, &number, sizeof number);
}

static void say_bytes(said *out, mt_bytes bytes)
{
    say_number(out, bytes.len);
    say(out, bytes.data, bytes.len);
}

static void say_value(said *out, const mt_value *value)
{
    uint64_t bits;

    switch (value->kind) {
    case MT_NULL: break;
    case MT_BOOL: say_number(out, value->as.boolean); break;
    case MT_NUMBER:
        memcpy(&bits, &value->as.number, sizeof bits);
        say_number(out, bits);
        break;
    case MT_INT: say_number(out, (uint64_t)value->as.integer); break;
    case MT_STRING:
    case MT_BYTES:
    case MT_EDGE: say_bytes(out, value->as.bytes); break;
    }
}

static void say_row(said *out, const mt_row *row)
{
    REQUIRE(mt_uid_check(row->uid, NULL) == MT_OK);
    REQUIRE(row->floor <= MT_STATE_MAX && row->count <= MTI_SHAPE_NAMES_MAX && !row->shape &&
            !row->delete_node);
    say_bytes(out, row->uid);
    say_bytes(out, row->extension);
    say_number(out, row->floor);
    say_number(out, row->count * 2 + row->more);
    for (size_t i = 0; i < row->count; i++) {
        const mt_field *field = &row->fields[i];

        REQUIRE(mt_name_check(field->name, NULL) == MT_OK);
        REQUIRE(i == 0 || mt_bytes_compare(row->fields[i - 1].name, field->name) < 0);
        REQUIRE(field->state > row->floor && field->state <= MT_STATE_MAX);
        REQUIRE(mt_value_check(&field->value, NULL, NULL) == MT_OK);
        say_bytes(out, field->name);
        say_number(out, field->state);
        say_number(out, (uint64_t)field->kind * 16 + field->value.kind);
        say_value(out, &field->value);
    }
}

/* Reads a sequence in pieces of `step`. Rows go to `writer` too, unless that is NULL. */
static said read_in_pieces(mt_bytes bytes, const mt_compressor *compressor, size_t step,
                           size_t live_max, mt_binary_writer *writer)
{
    counter count = {0, live_max};
    const mt_mem mem = {counted_resize, &count};
    mt_binary_reader *reader;
    said out = {0};
    mt_row row;

    REQUIRE(mt_binary_reader_new(&mem, NULL, compressor, "fuzz", &reader) == MT_OK);
    while ((out.end = mt_binary_reader_next(reader, &row)) == MT_OK || out.end == MT_AGAIN) {
        if (out.end == MT_OK) {
            say_row(&out, &row);
            REQUIRE(!writer || mt_binary_row(writer, &row) == MT_OK);
        } else {
            mt_bytes piece = {bytes.data, bytes.len < step ? bytes.len : step};

            if (piece.len) bytes.data += piece.len;
            bytes.len -= piece.len;
            REQUIRE(mt_binary_reader_feed(reader, piece, bytes.len == 0) == MT_OK);
        }
    }
    REQUIRE(mt_binary_reader_error(reader)->status == (out.end == MT_END ? MT_OK : out.end));
    if (out.end != MT_END) say_bytes(&out, mt_str(mt_binary_reader_error(reader)->text));
    mt_binary_reader_free(reader);
    REQUIRE(count.live == 0);
    return out;
}

/* What the blocks of columns say of their length, as far as a reader may believe it. */
static size_t declared_len(mt_bytes bytes)
{
    size_t most = 0;

    for (size_t at = 0; at + 3 < bytes.len; at++) {
        uint64_t len;

        if (mti_varint_get(bytes.data + at, bytes.data + bytes.len, &len) <= 0) continue;
        if (len <= 4 * 1024 * 1024 && len / 64 <= bytes.len && len > most) most = (size_t)len;
    }
    return most;
}

void frames_check(mt_bytes bytes, const mt_compressor *compressor, size_t step, bool exact)
{
    size_t input = bytes.len + (compressor ? declared_len(bytes) : 0);
    size_t live_max = 512 * 1024 + 24 * input;
    bool one_frame = bytes.len > 2 && !(bytes.data[1] & (MTI_FRAME_MORE | MTI_FRAME_EXTENSION));
    mt_buf again = {.mem = &plain_mem};
    mt_binary_writer *writer;
    said whole, pieces;

    REQUIRE(mt_binary_writer_new(&plain_mem, NULL, compressor, &again, &writer) == MT_OK);
    whole = read_in_pieces(bytes, compressor, bytes.len, live_max, writer);
    pieces = read_in_pieces(bytes, compressor, step, live_max, NULL);
    REQUIRE(whole.end == pieces.end && whole.sum == pieces.sum);
    if (whole.end == MT_END) {
        REQUIRE(mt_binary_finish(writer) == MT_OK);
        pieces = read_in_pieces(mt_buf_bytes(&again), compressor, again.len, SIZE_MAX, NULL);
        REQUIRE(pieces.end == MT_END && pieces.sum == whole.sum);
        /* Longer ones the writer would cut. */
        if (exact && one_frame && bytes.len < 60000)
            REQUIRE(mt_bytes_equal(mt_buf_bytes(&again), bytes));
    }
    mt_binary_writer_free(writer);
    mt_buf_free(&again);
}
