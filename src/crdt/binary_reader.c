/* binary_reader.c - finding frames in what arrives, and handing out their rows.
 *
 *     piece --> frame --> body --> batch of rows
 *               (kept until whole)  (columns: decompressed)
 *
 * A frame that lies wholly in a piece is read where it is; otherwise its bytes are kept as they
 * come, so that nothing is ever allocated on the word of a header. The checksum is compared before
 * anything else is believed. */
#include "base/bytes.h"
#include "base/checksum.h"
#include "base/status.h"
#include "base/varint.h"
#include "base/word.h"
#include "crdt/binary_decode.h"
#include "crdt/limits.h"

#define NAME_MAX 100

/* What a batch holds at most: little enough to stay in a cache until it is used. */
#define BATCH_ROWS 512
#define BATCH_FIELDS 2048
#define BATCH_TEXT ((size_t)64 * 1024)

/* A frame's header. */
typedef struct header {
    unsigned kind;
    size_t len;   /* of the header itself */
    size_t total; /* of the frame with header and checksum */
} header;

typedef struct row_batch {
    mt_row *rows;
    mt_field *fields;
    uint8_t *text;
    size_t row_cap, field_cap, text_cap;
    size_t count; /* rows in it */
    size_t taken; /* rows handed out */
} row_batch;

struct mt_binary_reader {
    const mt_mem *mem;
    const mt_compressor *compressor;
    mt_limits limits;
    char name[NAME_MAX + 1];
    mt_bytes piece;   /* what is left of it */
    uint64_t offset;  /* where it begins in the sequence */
    bool last;        /* nothing follows the piece */
    bool fed;         /* MT_AGAIN was not answered since */
    mt_buf kept;      /* the beginning of a frame that came in pieces, or all of it */
    bool whole;       /* all of it: it is being read, or was */
    bool within;      /* a frame is being read */
    bool first;       /* no frame was read yet */
    bool more;        /* another frame must follow */
    mt_bytes body;    /* of the frame: the rows, or the block of columns */
    uint64_t body_at; /* where the body begins, or the packed block of columns */
    bool columns;
    mt_buf block; /* columns, decompressed */
    mti_decoder decoder;
    row_batch batch;
    mt_error why;    /* a failure before it is told in full */
    uint64_t why_at; /* the byte of the sequence that it is about */
    mt_error error;
};

/* ---- Life ---- */

mt_status mt_binary_reader_new(const mt_mem *mem, const mt_limits *limits,
                               const mt_compressor *compressor, const char *name,
                               mt_binary_reader **out)
{
    mt_binary_reader *reader = mti_mem_alloc(mem, sizeof *reader);
    size_t len = name ? strlen(name) : 0;

    if (!reader) return MT_NO_MEMORY;
    memset(reader, 0, sizeof *reader);
    reader->mem = mem;
    reader->compressor = compressor;
    reader->limits = mti_limits_copy(limits);
    if (reader->limits.frame_len_max > MTI_FRAME_LEN_WALL)
        reader->limits.frame_len_max = MTI_FRAME_LEN_WALL;
    if (reader->limits.block_len_max > MTI_FRAME_LEN_WALL)
        reader->limits.block_len_max = MTI_FRAME_LEN_WALL;
    if (len > 0) memcpy(reader->name, name, len < NAME_MAX ? len : NAME_MAX);
    reader->kept.mem = mem;
    reader->block.mem = mem;
    if (mti_decoder_init(&reader->decoder, mem, &reader->limits) != MT_OK) {
        mt_binary_reader_free(reader);
        return MT_NO_MEMORY;
    }
    mt_binary_reader_reset(reader);
    *out = reader;
    return MT_OK;
}

void mt_binary_reader_free(mt_binary_reader *reader)
{
    row_batch *batch;

    if (!reader) return;
    batch = &reader->batch;
    mti_mem_free(reader->mem, batch->rows, batch->row_cap * sizeof *batch->rows);
    mti_mem_free(reader->mem, batch->fields, batch->field_cap * sizeof *batch->fields);
    mti_mem_free(reader->mem, batch->text, batch->text_cap);
    mti_decoder_free(&reader->decoder);
    mt_buf_free(&reader->kept);
    mt_buf_free(&reader->block);
    mti_mem_free(reader->mem, reader, sizeof *reader);
}

void mt_binary_reader_reset(mt_binary_reader *reader)
{
    reader->piece = (mt_bytes){NULL, 0};
    reader->offset = 0;
    reader->last = reader->fed = false;
    reader->kept.len = 0;
    reader->whole = reader->within = reader->more = false;
    reader->first = true;
    reader->batch.count = reader->batch.taken = 0;
    reader->error.status = MT_OK;
    reader->error.text[0] = 0;
    mti_decoder_reset(&reader->decoder);
}

const mt_error *mt_binary_reader_error(const mt_binary_reader *reader)
{
    return &reader->error;
}

mt_status mt_binary_reader_feed(mt_binary_reader *reader, mt_bytes bytes, bool last)
{
    if (reader->fed || reader->error.status != MT_OK) return MT_INVALID;
    reader->piece = bytes;
    reader->last = last;
    reader->fed = true;
    return MT_OK;
}

/* ---- What is wrong, and where ---- */

static mt_error *blame(mt_binary_reader *reader, uint64_t at)
{
    reader->why_at = at;
    return &reader->why;
}

/* Fails with what the decoder found in the body. */
static mt_status blame_body(mt_binary_reader *reader, mt_status status)
{
    const mti_decoder *decoder = &reader->decoder;
    uint64_t at = (uint64_t)(decoder->bad - reader->body.data);

    if (!reader->columns)
        return mti_fail(blame(reader, reader->body_at + at), status, "%s", decoder->error.text);
    return mti_fail(blame(reader, reader->body_at), status, "block byte %llu: %s",
                    (unsigned long long)at, decoder->error.text);
}

/* Makes a failure the answer from now on. */
static mt_status settle(mt_binary_reader *reader, mt_status status)
{
    if (status == MT_OK || status == MT_AGAIN || status == MT_END) return status;
    if (status == MT_NO_MEMORY)
        return mti_fail(&reader->error, status, "%s: %s", reader->name, mt_status_text(status));
    return mti_fail(&reader->error, status, "%s: byte %llu: %s", reader->name,
                    (unsigned long long)reader->why_at, reader->why.text);
}

/* ---- Frames ---- */

static mt_status check_version(mt_binary_reader *reader, uint64_t at, uint8_t byte)
{
    if (byte == MT_BINARY_VERSION_1) return MT_OK;
    if (byte >> 4 == MT_BINARY_VERSION_1 >> 4)
        return mti_fail(blame(reader, at), MT_UNSUPPORTED,
                        "version %d of the binary form is not known, only 1", byte & 15);
    return mti_fail(blame(reader, at), MT_MALFORMED, "a frame begins with byte %d, not %d", byte,
                    MT_BINARY_VERSION_1);
}

static mt_status check_kind(mt_binary_reader *reader, uint64_t at, unsigned byte)
{
    unsigned kind = byte & MTI_FRAME_KIND;
    unsigned unknown = byte & ~(unsigned)(MTI_FRAME_KIND | MTI_FRAME_EXTENSION | MTI_FRAME_MORE);

    if (unknown)
        return mti_fail(blame(reader, at), MT_UNSUPPORTED, "a frame has the unknown flag %u",
                        unknown);
    if (kind == MTI_FRAME_ROWS || kind == MTI_FRAME_COLUMNS) return MT_OK;
    return mti_fail(blame(reader, at), MT_UNSUPPORTED, "unknown frame kind %u", kind);
}

static mt_status check_len(mt_binary_reader *reader, uint64_t at, unsigned kind, uint64_t len)
{
    bool rows = (kind & MTI_FRAME_KIND) == MTI_FRAME_ROWS;
    size_t max = rows ? reader->limits.frame_len_max : reader->limits.block_len_max;

    if (len <= max) return MT_OK;
    return mti_fail(blame(reader, at), MT_TOO_LARGE, "a frame of %llu bytes, more than %zu (%s)",
                    (unsigned long long)len, max, rows ? "frame_len_max" : "block_len_max");
}

/* Reads a header at `at` of the sequence, as far as it is there. MT_AGAIN: there is more to it. */
static mt_status read_header(mt_binary_reader *reader, uint64_t at, mt_bytes in, header *out)
{
    uint64_t len = 0;
    mt_status st;
    int taken;

    if (in.len < 1) return MT_AGAIN;
    if ((st = check_version(reader, at, in.data[0])) != MT_OK) return st;
    if (in.len < 2) return MT_AGAIN;
    if ((st = check_kind(reader, at + 1, in.data[1])) != MT_OK) return st;
    taken = mti_varint_get(in.data + 2, in.data + in.len, &len);
    if (taken == MTI_VARINT_CUT) return MT_AGAIN;
    if (taken == MTI_VARINT_BAD)
        return mti_fail(blame(reader, at + 2), MT_MALFORMED,
                        "a frame's length is not a number in its shortest form");
    out->kind = in.data[1];
    out->len = 2 + (size_t)taken;
    if ((st = check_len(reader, at + 2, out->kind, len)) != MT_OK) return st;
    out->total = out->len + (size_t)len + MTI_FRAME_CHECKSUM;
    return MT_OK;
}

/* The piece is used up. */
static mt_status starve(mt_binary_reader *reader)
{
    if (!reader->last) {
        reader->fed = false;
        return MT_AGAIN;
    }
    if (reader->kept.len > 0)
        return mti_fail(blame(reader, reader->offset), MT_MALFORMED,
                        "ends within the frame that begins at byte %llu",
                        (unsigned long long)(reader->offset - reader->kept.len));
    return mti_fail(blame(reader, reader->offset), MT_MALFORMED,
                    reader->first ? "ends before any frame"
                                  : "ends where another frame must follow");
}

static void skip(mt_binary_reader *reader, size_t len)
{
    reader->piece.data += len;
    reader->piece.len -= len;
    reader->offset += len;
}

/* Keeps what belongs to a frame until it is whole. */
static mt_status keep_frame(mt_binary_reader *reader, header *head)
{
    for (;;) {
        mt_status st = read_header(reader, reader->offset - reader->kept.len,
                                   mt_buf_bytes(&reader->kept), head);
        size_t missing = st == MT_OK ? head->total - reader->kept.len : 1;

        if (st != MT_OK && st != MT_AGAIN) return st;
        if (missing == 0) return MT_OK;
        if (missing > reader->piece.len) missing = reader->piece.len;
        if (missing == 0) return starve(reader);
        if (mti_buf_append(&reader->kept, reader->piece.data, missing) != MT_OK)
            return MT_NO_MEMORY;
        skip(reader, missing);
    }
}

/* Finds the next frame: where it is in the piece, or put together from pieces. */
static mt_status find_frame(mt_binary_reader *reader, header *head, mt_bytes *frame)
{
    mt_status st;

    if (reader->kept.len == 0) {
        st = read_header(reader, reader->offset, reader->piece, head);
        if (st != MT_OK && st != MT_AGAIN) return st;
        if (st == MT_OK && head->total <= reader->piece.len) {
            *frame = (mt_bytes){reader->piece.data, head->total};
            skip(reader, head->total);
            return MT_OK;
        }
    }
    if ((st = keep_frame(reader, head)) != MT_OK) return st;
    reader->whole = true;
    *frame = mt_buf_bytes(&reader->kept);
    return MT_OK;
}

static mt_status check_sum(mt_binary_reader *reader, uint64_t start, mt_bytes frame)
{
    mt_bytes summed = {frame.data, frame.len - MTI_FRAME_CHECKSUM};

    if (mti_checksum32(summed, 0) == mti_load_le32(frame.data + summed.len)) return MT_OK;
    return mti_fail(blame(reader, start), MT_MALFORMED,
                    "the frame's checksum does not match its bytes");
}

/* ---- Bodies ---- */

/* Takes a number off the front of a frame's content. */
static mt_status take_number(mt_binary_reader *reader, uint64_t *at, mt_bytes *in, const char *what,
                             uint64_t *out)
{
    int len = mti_varint_get(in->data, in->data + in->len, out);

    if (len <= 0)
        return mti_fail(blame(reader, *at), MT_MALFORMED, "%s is not a number in its shortest form",
                        what);
    in->data += len;
    in->len -= (size_t)len;
    *at += (uint64_t)len;
    return MT_OK;
}

/* Takes `len` bytes off the front. */
static mt_status take_bytes(mt_binary_reader *reader, uint64_t *at, mt_bytes *in, const char *what,
                            uint64_t len)
{
    if (len > in->len)
        return mti_fail(blame(reader, *at), MT_MALFORMED, "%s of %llu bytes, where %zu are left",
                        what, (unsigned long long)len, in->len);
    in->data += len;
    in->len -= (size_t)len;
    *at += len;
    return MT_OK;
}

/* Skips what a later version put there. */
static mt_status skip_extension(mt_binary_reader *reader, uint64_t *at, mt_bytes *in)
{
    uint64_t len;
    mt_status st = take_number(reader, at, in, "the length of an extension", &len);

    return st == MT_OK ? take_bytes(reader, at, in, "an extension", len) : st;
}

static mt_status check_compressor(mt_binary_reader *reader, uint64_t at, uint64_t id)
{
    const mt_compressor *compressor = reader->compressor;

    if (compressor && compressor->id == id) return MT_OK;
    return mti_fail(blame(reader, at), MT_UNSUPPORTED, "compressed by compressor %llu, and %s",
                    (unsigned long long)id,
                    compressor ? "this reader has another" : "this reader has none");
}

/* Checks how long a block is going to be, out of `packed` bytes, before there is any room for it.
 */
static mt_status check_raw_len(mt_binary_reader *reader, uint64_t at, uint64_t raw_len,
                               size_t packed)
{
    const mt_limits *limits = &reader->limits;

    if (raw_len == 0) return mti_fail(blame(reader, at), MT_MALFORMED, "an empty block");
    if (raw_len > limits->block_len_max)
        return mti_fail(blame(reader, at), MT_TOO_LARGE,
                        "a block of %llu bytes, more than %zu (block_len_max)",
                        (unsigned long long)raw_len, limits->block_len_max);
    if (raw_len / limits->expand_max <= packed) return MT_OK;
    return mti_fail(blame(reader, at), MT_TOO_LARGE,
                    "a block of %llu bytes out of %zu, more than %zu times as much (expand_max)",
                    (unsigned long long)raw_len, packed, limits->expand_max);
}

static mt_status check_padding(mt_binary_reader *reader, uint64_t at, mt_bytes padding)
{
    for (size_t i = 0; i < padding.len; i++) {
        if (padding.data[i] == 0) continue;
        return mti_fail(blame(reader, at + i), MT_MALFORMED, "padding is not zero");
    }
    return MT_OK;
}

static mt_status expand_block(mt_binary_reader *reader, uint64_t at, mt_bytes packed,
                              size_t raw_len)
{
    const mt_compressor *compressor = reader->compressor;
    mt_status st;

    if (reader->block.cap < raw_len) mt_buf_free(&reader->block);
    reader->block.len = 0;
    if (mti_buf_reserve(&reader->block, raw_len) != MT_OK) return MT_NO_MEMORY;
    st = compressor->decompress(compressor->ctx, packed, reader->block.data, raw_len);
    if (st == MT_NO_MEMORY) return MT_NO_MEMORY;
    if (st != MT_OK)
        return mti_fail(blame(reader, at), MT_MALFORMED,
                        "the block does not decompress to the %zu bytes that it announces",
                        raw_len);
    reader->block.len = raw_len;
    return MT_OK;
}

static mt_status open_columns(mt_binary_reader *reader, uint64_t at, mt_bytes in)
{
    uint64_t id, raw_len, padding, start = at;
    const uint8_t *zeros;
    mt_status st;

    if ((st = take_number(reader, &at, &in, "a compressor", &id)) != MT_OK) return st;
    if ((st = check_compressor(reader, start, id)) != MT_OK) return st;
    start = at;
    if ((st = take_number(reader, &at, &in, "the length of a block", &raw_len)) != MT_OK) return st;
    if ((st = take_number(reader, &at, &in, "the length of the padding", &padding)) != MT_OK)
        return st;
    if ((st = check_raw_len(reader, start, raw_len, in.len)) != MT_OK) return st;
    zeros = in.data;
    start = at;
    if ((st = take_bytes(reader, &at, &in, "padding", padding)) != MT_OK) return st;
    if ((st = check_padding(reader, start, (mt_bytes){zeros, (size_t)padding})) != MT_OK) return st;
    if ((st = expand_block(reader, at, in, (size_t)raw_len)) != MT_OK) return st;
    reader->body = mt_buf_bytes(&reader->block);
    reader->body_at = at;
    reader->columns = true;
    st = mti_decoder_columns(&reader->decoder, reader->body);
    return st == MT_OK ? st : blame_body(reader, st);
}

static void open_rows(mt_binary_reader *reader, uint64_t at, mt_bytes in)
{
    reader->body = in;
    reader->body_at = at;
    reader->columns = false;
    mti_decoder_rows(&reader->decoder, in);
}

static mt_status open_frame(mt_binary_reader *reader, uint64_t start, const header *head,
                            mt_bytes frame)
{
    mt_bytes in = {frame.data + head->len, frame.len - head->len - MTI_FRAME_CHECKSUM};
    uint64_t at = start + head->len;
    mt_status st;

    if ((st = check_sum(reader, start, frame)) != MT_OK) return st;
    if (head->kind & MTI_FRAME_EXTENSION && (st = skip_extension(reader, &at, &in)) != MT_OK)
        return st;
    if ((head->kind & MTI_FRAME_KIND) == MTI_FRAME_ROWS) open_rows(reader, at, in);
    else if ((st = open_columns(reader, at, in)) != MT_OK) return st;
    reader->more = (head->kind & MTI_FRAME_MORE) != 0;
    if (mti_decoder_done(&reader->decoder) && (reader->more || !reader->first))
        return mti_fail(blame(reader, at), MT_MALFORMED,
                        "a frame without rows is not the only one");
    reader->first = false;
    reader->within = true;
    return MT_OK;
}

static mt_status next_frame(mt_binary_reader *reader)
{
    header head = {0};
    mt_bytes frame;
    mt_status st;

    if (reader->whole) reader->kept.len = 0;
    reader->whole = false;
    if (!reader->first && !reader->more) {
        if (reader->piece.len > 0)
            return mti_fail(blame(reader, reader->offset), MT_MALFORMED,
                            "bytes follow the last frame");
        if (!reader->last) return starve(reader);
        return MT_END;
    }
    if ((st = find_frame(reader, &head, &frame)) != MT_OK) return st;
    return open_frame(reader, reader->offset - frame.len, &head, frame);
}

static mt_status end_frame(mt_binary_reader *reader)
{
    mti_decoder *decoder = &reader->decoder;
    mt_status st = mti_decoder_end(decoder);

    if (st == MT_OK && decoder->more && !reader->more) {
        st = mti_fail(&decoder->error, MT_MALFORMED, "the last row is marked to go on");
    }
    reader->within = false;
    return st == MT_OK ? st : blame_body(reader, st);
}

/* ---- Rows ---- */

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Makes a batch as large as the body can fill, and at least large enough for any row. */
static mt_status reserve_batch(mt_binary_reader *reader)
{
    row_batch *batch = &reader->batch;
    size_t len = reader->body.len;
    size_t text = MTI_DECODED_TEXT_MAX + smaller(4 * len, BATCH_TEXT);
    void *made;

    made = mti_vector_reserve(reader->mem, batch->rows, &batch->row_cap, smaller(len, BATCH_ROWS),
                              sizeof *batch->rows);
    if (!made) return MT_NO_MEMORY;
    batch->rows = made;
    made = mti_vector_reserve(reader->mem, batch->fields, &batch->field_cap,
                              MTI_DECODED_FIELDS_MAX + smaller(len, BATCH_FIELDS),
                              sizeof *batch->fields);
    if (!made) return MT_NO_MEMORY;
    batch->fields = made;
    made = mti_vector_reserve(reader->mem, batch->text, &batch->text_cap, text, 1);
    if (!made) return MT_NO_MEMORY;
    batch->text = made;
    return MT_OK;
}

static mt_status fill_batch(mt_binary_reader *reader)
{
    mti_decoder *decoder = &reader->decoder;
    row_batch *batch = &reader->batch;
    size_t fields = 0;
    mt_status st;

    mti_decoder_hold(decoder);
    if ((st = reserve_batch(reader)) != MT_OK) return st;
    batch->count = batch->taken = 0;
    decoder->text = batch->text;
    while (!mti_decoder_done(decoder) && batch->count < batch->row_cap &&
           batch->field_cap - fields >= MTI_DECODED_FIELDS_MAX &&
           (size_t)(batch->text + batch->text_cap - decoder->text) >= MTI_DECODED_TEXT_MAX) {
        mt_row *row = &batch->rows[batch->count];

        st = mti_decode_row(decoder, row, batch->fields + fields);
        if (st != MT_OK) {
            batch->count = 0;
            return blame_body(reader, st);
        }
        fields += row->count;
        batch->count++;
    }
    return MT_OK;
}

/* Sees to it that a row is at hand. */
static mt_status have_row(mt_binary_reader *reader)
{
    mt_status st = reader->error.status;

    while (st == MT_OK && reader->batch.taken == reader->batch.count) {
        if (!reader->within) st = next_frame(reader);
        else if (mti_decoder_done(&reader->decoder)) st = end_frame(reader);
        else st = fill_batch(reader);
    }
    return reader->error.status == MT_OK ? settle(reader, st) : st;
}

mt_status mt_binary_reader_next(mt_binary_reader *reader, mt_row *out)
{
    mt_status st = have_row(reader);

    if (st == MT_OK) *out = reader->batch.rows[reader->batch.taken++];
    return st;
}

mt_status mt_binary_reader_rows(mt_binary_reader *reader, const mt_row **rows, size_t *count)
{
    row_batch *batch = &reader->batch;
    mt_status st = have_row(reader);

    if (st != MT_OK) return st;
    *rows = batch->rows + batch->taken;
    *count = batch->count - batch->taken;
    batch->taken = batch->count;
    return MT_OK;
}
