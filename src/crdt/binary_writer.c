/* binary_writer.c - where frames begin and end, and what stands around their bodies.
 *
 * A frame ends with the row that brings it to its aim, or before one that might not fit. Which it
 * is depends on the rows alone, so the same rows give the same bytes. A full frame is kept until it
 * is known whether another follows. */
#include "base/bytes.h"
#include "base/checksum.h"
#include "base/status.h"
#include "crdt/binary_encode.h"
#include "crdt/binary_put.h"
#include "crdt/limits.h"
#include "crdt/rows.h"

/* How long a body gets before the frame ends: little enough to stay in a cache, and enough that
 * what stands around it does not count; columns gain from being long. */
#define ROWS_AIM ((size_t)64 * 1024)
#define COLUMNS_AIM ((size_t)1024 * 1024)

/* What is kept free in a plain frame for all around its body. */
#define AROUND_ROWS (MTI_FRAME_HEADER_MAX + MTI_FRAME_CHECKSUM)

/* Room for compressor, raw length and padding. */
#define PACKED_HEADER_MAX (3 * MTI_VARINT_LEN_MAX)

struct mt_binary_writer {
    const mt_mem *mem;
    const mt_compressor *compressor; /* NULL: plain */
    mt_buf *out;
    mt_limits limits;
    mti_encoder encoder;
    mt_buf table;    /* how long the columns are */
    size_t body_max; /* before compression */
    size_t aim;
    bool any;       /* a row was added to this sequence */
    bool more;      /* the node of the last row goes on */
    uint64_t floor; /* of that node */
    uint8_t name[MT_NAME_LEN_MAX];
    size_t name_len; /* its last name */
    mt_error error;
};

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* What is kept free for the lengths of the streams, and because a block that does not compress
 * grows a little. */
static size_t columns_max(size_t block_len_max)
{
    size_t spare = block_len_max / 64 + 2 * (1 + MTI_STREAMS_MAX) * MTI_VARINT_LEN_MAX;

    return block_len_max > spare ? block_len_max - spare : 0;
}

static size_t rows_max(size_t frame_len_max)
{
    return frame_len_max > AROUND_ROWS ? frame_len_max - AROUND_ROWS : 0;
}

mt_status mt_binary_writer_new(const mt_mem *mem, const mt_limits *limits,
                               const mt_compressor *compressor, mt_buf *out,
                               mt_binary_writer **writer)
{
    mt_binary_writer *made = mti_mem_alloc(mem, sizeof *made);

    if (!made) return MT_NO_MEMORY;
    memset(made, 0, sizeof *made);
    made->mem = mem;
    made->compressor = compressor;
    made->out = out;
    made->limits = mti_limits_copy(limits);
    made->table.mem = mem;
    if (compressor)
        made->body_max = columns_max(smaller(made->limits.block_len_max, MTI_FRAME_LEN_WALL));
    else made->body_max = rows_max(smaller(made->limits.frame_len_max, MTI_FRAME_LEN_WALL));
    made->aim = smaller(made->body_max, compressor ? COLUMNS_AIM : ROWS_AIM);
    if (mti_encoder_init(&made->encoder, mem, compressor != NULL) != MT_OK) {
        mt_binary_writer_free(made);
        return MT_NO_MEMORY;
    }
    *writer = made;
    return MT_OK;
}

void mt_binary_writer_free(mt_binary_writer *writer)
{
    if (!writer) return;
    mti_encoder_free(&writer->encoder);
    mt_buf_free(&writer->table);
    mti_mem_free(writer->mem, writer, sizeof *writer);
}

const mt_error *mt_binary_writer_error(const mt_binary_writer *writer)
{
    return &writer->error;
}

/* Keeps a failure, with its message if it has one yet. */
static mt_status settle(mt_binary_writer *writer, mt_status status)
{
    if (status == MT_OK || writer->error.status != MT_OK) return status;
    return mti_fail(&writer->error, status, "%s", mt_status_text(status));
}

/* ---- Frames ---- */

static void put_header(mt_buf *out, unsigned flags, size_t len)
{
    uint8_t *at = out->data + out->len;

    *at++ = MT_BINARY_VERSION_1;
    *at++ = (uint8_t)flags;
    at = mti_varint_put(at, len);
    out->len = (size_t)(at - out->data);
}

static void put_checksum(mt_buf *out, size_t start)
{
    mt_bytes frame = {out->data + start, out->len - start};
    uint32_t sum = mti_checksum32(frame, 0);

    for (int i = 0; i < MTI_FRAME_CHECKSUM; i++) out->data[out->len++] = (uint8_t)(sum >> (8 * i));
}

static mt_status write_rows(mt_binary_writer *writer, unsigned flags)
{
    mt_bytes body = mt_buf_bytes(&writer->encoder.stream[0]);
    mt_buf *out = writer->out;
    size_t start = out->len;
    mt_status st = mti_buf_reserve(out, AROUND_ROWS + body.len);

    if (st != MT_OK) return st;
    put_header(out, MTI_FRAME_ROWS | flags, body.len);
    if (body.len) memcpy(out->data + out->len, body.data, body.len);
    out->len += body.len;
    put_checksum(out, start);
    return MT_OK;
}

/* Where a block compresses so well that a reader would refuse to expand it, zeros make up for it.
 */
static size_t padding_of(const mt_binary_writer *writer, size_t raw_len, size_t packed_len)
{
    size_t least = raw_len / writer->limits.expand_max;

    return packed_len < least ? least - packed_len : 0;
}

/* Writes the frame of a block that was compressed to `packed`, which lies behind all that comes
 * before it. */
static mt_status pack_columns(mt_binary_writer *writer, unsigned flags, size_t raw_len,
                              mt_bytes packed)
{
    mt_buf *out = writer->out;
    size_t start = out->len, max = writer->limits.block_len_max;
    size_t padding = padding_of(writer, raw_len, packed.len);
    uint8_t header[PACKED_HEADER_MAX], *at, *body;
    size_t header_len, len;

    at = mti_varint_put(header, writer->compressor->id);
    at = mti_varint_put(at, raw_len);
    at = mti_varint_put(at, padding);
    header_len = (size_t)(at - header);
    len = header_len + padding + packed.len;
    if (len > max)
        return mti_fail(&writer->error, MT_TOO_LARGE,
                        "a frame of %zu bytes, more than %zu (block_len_max)", len, max);
    put_header(out, MTI_FRAME_COLUMNS | flags, len);
    body = out->data + out->len;
    memmove(body + header_len + padding, packed.data, packed.len);
    memcpy(body, header, header_len);
    memset(body + header_len, 0, padding);
    out->len += len;
    put_checksum(out, start);
    return MT_OK;
}

static mt_status write_columns(mt_binary_writer *writer, unsigned flags)
{
    const mt_compressor *compressor = writer->compressor;
    const size_t ahead = MTI_FRAME_HEADER_MAX + PACKED_HEADER_MAX;
    mt_buf *out = writer->out;
    mt_bytes parts[MTI_PARTS_MAX];
    size_t count, raw_len, room, packed_len = 0;
    mt_status st;

    writer->table.len = 0;
    if ((st = mti_encoder_parts(&writer->encoder, &writer->table, parts, &count)) != MT_OK)
        return st;
    raw_len = writer->table.len + mti_encoder_len(&writer->encoder);
    room = compressor->bound(compressor->ctx, raw_len, count) + padding_of(writer, raw_len, 0);
    st = mti_buf_reserve(out, ahead + room + MTI_FRAME_CHECKSUM);
    if (st != MT_OK) return st;
    st = compressor->compress(compressor->ctx, parts, count, out->data + out->len + ahead,
                              &packed_len);
    if (st != MT_OK) return st;
    return pack_columns(writer, flags, raw_len,
                        (mt_bytes){out->data + out->len + ahead, packed_len});
}

/* Writes the frame and begins the next. */
static mt_status write_frame(mt_binary_writer *writer, bool last)
{
    unsigned flags = last ? 0 : MTI_FRAME_MORE;
    mt_status st = writer->compressor ? write_columns(writer, flags) : write_rows(writer, flags);

    if (st == MT_OK) mti_encoder_clear(&writer->encoder);
    return st;
}

mt_status mti_binary_cut(mt_binary_writer *writer)
{
    if (writer->error.status != MT_OK) return writer->error.status;
    if (writer->encoder.fresh) return MT_OK;
    return settle(writer, write_frame(writer, false));
}

mt_status mt_binary_finish(mt_binary_writer *writer)
{
    mt_status st;

    if (writer->error.status != MT_OK) return writer->error.status;
    if (writer->more)
        return settle(writer,
                      mti_fail(&writer->error, MT_INVALID, "the last row is marked to go on"));
    st = write_frame(writer, true);
    writer->any = false;
    return settle(writer, st);
}

/* ---- Rows ---- */

static mt_status check_field(mt_binary_writer *writer, const mt_row *row, const mt_field *field)
{
    mt_error *err = &writer->error;

    if (field->state == 0 || field->state > MT_STATE_MAX)
        return mti_fail(err, MT_STATE, "state %llu of \"%.*s\" is not 1 to 2^53 - 1",
                        (unsigned long long)field->state, MTI_SHOW(field->name));
    if (field->state <= row->floor)
        return mti_fail(err, MT_INVALID, "\"%.*s\" is not above the floor of its node",
                        MTI_SHOW(field->name));
    if (field->type != MT_TYPE_REGISTER)
        return mti_fail(err, MT_UNSUPPORTED, "%d is no type of field", (int)field->type);
    if (field->kind == MT_FIELD_DELETED) return MT_OK;
    if (field->kind != MT_FIELD_VALUE)
        return mti_fail(err, MT_INVALID, "%d is no kind of field", (int)field->kind);
    return mt_value_check(&field->value, &writer->limits, err);
}

/* All but the names, which the encoder checks where it first meets them, and the order. */
static mt_status check_row(mt_binary_writer *writer, const mt_row *row)
{
    mt_status st;

    if ((st = mt_uid_check(row->uid, &writer->error)) != MT_OK) return st;
    if (row->floor > MT_STATE_MAX)
        return mti_fail(&writer->error, MT_STATE, "a floor of %llu is above 2^53 - 1",
                        (unsigned long long)row->floor);
    if (row->delete_node)
        return mti_fail(&writer->error, MT_INVALID, "a row deletes its node, as only a patch may");
    for (size_t i = 0; i < row->count; i++) {
        if ((st = check_field(writer, row, &row->fields[i])) != MT_OK) return st;
    }
    return MT_OK;
}

/* A node that goes on: the same uid and floor, and names that sort after those before. */
static mt_status check_goes_on(mt_binary_writer *writer, const mt_row *row)
{
    mt_bytes uid = {writer->encoder.uid.text, writer->encoder.uid.len};
    mt_bytes name = {writer->name, writer->name_len};

    if (!mt_bytes_equal(row->uid, uid))
        return mti_fail(&writer->error, MT_INVALID, "the node \"%.*s\" does not go on as announced",
                        MTI_SHOW(uid));
    if (row->floor != writer->floor)
        return mti_fail(&writer->error, MT_INVALID, "the rows of \"%.*s\" differ in their floor",
                        MTI_SHOW(uid));
    if (row->count == 0 || mt_bytes_compare(name, row->fields[0].name) >= 0)
        return mti_fail(&writer->error, MT_INVALID,
                        "the fields of \"%.*s\" do not sort after \"%.*s\"", MTI_SHOW(uid),
                        MTI_SHOW(name));
    return MT_OK;
}

static mt_status check_order(mt_binary_writer *writer, const mt_row *row)
{
    mt_bytes uid = {writer->encoder.uid.text, writer->encoder.uid.len};

    if (row->more && row->count == 0)
        return mti_fail(&writer->error, MT_INVALID, "a row without fields cannot go on");
    if (writer->more) return check_goes_on(writer, row);
    if (writer->any && mt_bytes_compare(uid, row->uid) >= 0)
        return mti_fail(&writer->error, MT_INVALID,
                        "the node \"%.*s\" does not sort after \"%.*s\"", MTI_SHOW(row->uid),
                        MTI_SHOW(uid));
    return MT_OK;
}

static void remember(mt_binary_writer *writer, const mt_row *row)
{
    writer->any = true;
    writer->more = row->more;
    writer->floor = row->floor;
    if (row->more) {
        mt_bytes name = row->fields[row->count - 1].name;

        writer->name_len = name.len;
        if (name.len) memcpy(writer->name, name.data, name.len);
    }
}

/* Adds a row that fits a frame. */
static mt_status add_piece(mt_binary_writer *writer, const mt_row *row, size_t bound, bool same)
{
    size_t len = mti_encoder_len(&writer->encoder);
    mt_status st;

    if ((st = check_order(writer, row)) != MT_OK) return st;
    if (!writer->encoder.fresh && (len >= writer->aim || bound > writer->body_max - len ||
                                   !mti_encoder_has_room(&writer->encoder))) {
        if ((st = write_frame(writer, false)) != MT_OK) return st;
    }
    st = mti_encode_row(&writer->encoder, row, bound, same, &writer->error);
    if (st == MT_OK) remember(writer, row);
    return st;
}

/* The longest beginning of a row's fields that fits a frame; none if there is not even one. */
static size_t fields_that_fit(const mt_binary_writer *writer, const mt_row *row, size_t *bound)
{
    mt_row piece = *row;

    for (piece.count = smaller(row->count, MTI_SHAPE_NAMES_MAX);; piece.count--) {
        *bound = mti_row_bound(&piece);
        if (*bound <= writer->body_max || piece.count == 0) return piece.count;
    }
}

/* Adds a row in pieces: as many fields as a shape may have, and fewer where they do not fit a
 * frame. */
static mt_status add_pieces(mt_binary_writer *writer, const mt_row *row, bool same)
{
    mt_row rest = *row;
    mt_status st;

    rest.shape = NULL;
    do {
        mt_row piece = rest;
        size_t bound;

        piece.count = fields_that_fit(writer, &rest, &bound);
        piece.more = row->more || piece.count < rest.count;
        if (bound > writer->body_max || (piece.count == 0 && rest.count > 0))
            return mti_fail(&writer->error, MT_TOO_LARGE, "a field of \"%.*s\" fits no frame (%s)",
                            MTI_SHOW(row->uid),
                            writer->compressor ? "block_len_max" : "frame_len_max");
        if ((st = add_piece(writer, &piece, bound, same)) != MT_OK) return st;
        rest.fields += piece.count;
        rest.count -= piece.count;
        rest.extension.len = 0;
    } while (rest.count > 0);
    return MT_OK;
}

static mt_status add_row(mt_binary_writer *writer, const mt_row *row, bool same)
{
    size_t bound = mti_row_bound(row);

    if (row->count > MTI_SHAPE_NAMES_MAX || bound > writer->body_max)
        return add_pieces(writer, row, same);
    return add_piece(writer, row, bound, same);
}

mt_status mt_binary_row(mt_binary_writer *writer, const mt_row *row)
{
    mt_status st;

    if (writer->error.status != MT_OK) return writer->error.status;
    st = check_row(writer, row);
    if (st == MT_OK) st = add_row(writer, row, false);
    return settle(writer, st);
}

mt_status mt_binary_node(mt_binary_writer *writer, const mt_node *node)
{
    mt_status st = writer->error.status;
    mti_node_rows rows;
    mt_row row;

    mti_node_rows_init(&rows, node);
    while (st == MT_OK && mti_node_rows_next(&rows, &row)) {
        row.shape = NULL; /* of a graph that the encoder may not know */
        st = mt_binary_row(writer, &row);
    }
    return st;
}

mt_status mt_binary_graph(mt_binary_writer *writer, const mt_graph *graph)
{
    mt_bytes all = {NULL, 0};
    const mt_node *node;
    mti_node_rows rows;
    mt_graph_iter iter;
    mt_row row;

    mti_encoder_forget(&writer->encoder);
    mt_graph_iter_init(&iter, graph, all, all);
    while (writer->error.status == MT_OK && (node = mt_graph_iter_next(&iter))) {
        mti_node_rows_init(&rows, node);
        while (writer->error.status == MT_OK && mti_node_rows_next(&rows, &row)) {
            (void)settle(writer, add_row(writer, &row, true));
        }
    }
    return writer->error.status;
}

mt_status mt_binary_delta(mt_binary_writer *writer, const mt_delta *delta, mt_delta_part part)
{
    mti_delta_rows rows;
    mt_row row;

    mti_encoder_forget(&writer->encoder);
    if (part == MT_CONFLICT && writer->error.status == MT_OK)
        return mti_fail(&writer->error, MT_INVALID,
                        "conflicts are no rows: only update and history are");
    mti_delta_rows_init(&rows, delta, part, false);
    while (writer->error.status == MT_OK && mti_delta_rows_next(&rows, &row)) {
        (void)settle(writer, add_row(writer, &row, true));
    }
    return writer->error.status;
}
