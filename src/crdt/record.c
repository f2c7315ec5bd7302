#include "crdt/record.h"

#include "base/bytes.h"
#include "base/checksum.h"
#include "base/status.h"
#include "crdt/binary_put.h"
#include "crdt/binary_take.h"

/* ---- Writing ---- */

size_t mti_record_bound(const mt_row *row)
{
    return MTI_FRAME_HEADER_MAX + mti_row_bound(row) + MTI_FRAME_CHECKSUM;
}

static inline void put_states(mt_buf *out, const mt_row *row, mti_states states)
{
    size_t count = states == MTI_STATES_EACH ? row->count : states == MTI_STATES_ONE;
    uint64_t before = 0;

    if (row->floor) {
        mti_put_number(out, mti_zigzag(row->floor));
        before = row->floor;
    }
    for (size_t i = 0; i < count; i++) {
        mti_put_number(out, mti_zigzag(row->fields[i].state - before));
        before = row->fields[i].state;
    }
}

static inline void put_values(mt_buf *out, const mt_row *row)
{
    mti_pens pens = {out, 0};
    mt_bytes before = row->uid;

    for (size_t i = 0; i < row->count; i++) {
        const mt_field *field = &row->fields[i];

        if (!mti_is_edge(field)) {
            mti_put_plain(pens, field);
            continue;
        }
        mti_put_tag(pens, MTI_TAG_EDGE, 0);
        mti_put_change(out, out, before, field->value.as.bytes);
        before = field->value.as.bytes;
    }
}

static inline void put_body(mt_buf *out, const mt_row *row)
{
    mti_states states = mti_states_of(row, 0);

    mti_put_head((mti_pens){out, 0}, row, 0, states);
    mti_put_number(out, row->count);
    for (size_t i = 0; i < row->count; i++) {
        mti_put_number(out, (uint64_t)row->fields[i].name.len << 1 | 1);
        mti_put_bytes(out, row->fields[i].name);
    }
    mti_put_change(out, out, (mt_bytes){NULL, 0}, row->uid);
    put_states(out, row, states);
    put_values(out, row);
    if (row->extension.len) {
        mti_put_number(out, row->extension.len);
        mti_put_bytes(out, row->extension);
    }
}

mt_bytes mti_record_put(const mt_row *row, uint8_t *room)
{
    uint8_t header[MTI_FRAME_HEADER_MAX] = {MT_BINARY_VERSION_1, MTI_FRAME_ROWS};
    mt_buf body = {.data = room + MTI_FRAME_HEADER_MAX};
    size_t header_len;
    mt_bytes frame;
    uint32_t sum;

    put_body(&body, row);
    /* How long the header is shows only now; it comes to stand right before the body. */
    header_len = (size_t)(mti_varint_put(header + 2, body.len) - header);
    frame.data = body.data - header_len;
    frame.len = header_len + body.len;
    memcpy(body.data - header_len, header, header_len);
    sum = mti_checksum32(frame, 0);
    for (unsigned i = 0; i < MTI_FRAME_CHECKSUM; i++)
        mti_put_byte(&body, (uint8_t)(sum >> (8 * i)));
    frame.len += MTI_FRAME_CHECKSUM;
    return frame;
}

/* ---- Reading ---- */

static mt_status check_sum(mt_bytes frame, mt_error *err)
{
    mt_bytes summed = {frame.data, 0};

    if (frame.len < MTI_FRAME_CHECKSUM)
        return mti_fail(err, MT_MALFORMED, "%zu bytes are no frame", frame.len);
    summed.len = frame.len - MTI_FRAME_CHECKSUM;
    if (mti_checksum32(summed, 0) == mti_load_le32(frame.data + summed.len)) return MT_OK;
    return mti_fail(err, MT_MALFORMED, "the checksum does not match the bytes");
}

/* Reads what stands before the rows. */
static mt_status read_header(mti_decoder *decoder, mti_source *in)
{
    uint64_t len;
    unsigned byte;
    mt_bytes skipped;
    mt_status st;

    if ((st = mti_take_byte(decoder, in, "the version", &byte)) != MT_OK) return st;
    if (byte != MT_BINARY_VERSION_1)
        return mti_fail(mti_blame(decoder, in->at - 1), MT_UNSUPPORTED,
                        "version byte %u of the binary form is not known", byte);
    if ((st = mti_take_byte(decoder, in, "the kind of a frame", &byte)) != MT_OK) return st;
    if ((byte & ~(unsigned)MTI_FRAME_EXTENSION) != MTI_FRAME_ROWS)
        return mti_fail(mti_blame(decoder, in->at - 1), MT_UNSUPPORTED,
                        "a frame of kind %u is no record", byte);
    if ((st = mti_take_number(decoder, in, "the length of a frame", &len)) != MT_OK) return st;
    if (len != (size_t)(in->end - in->at))
        return mti_fail(mti_blame(decoder, in->at), MT_MALFORMED,
                        "a frame of %llu bytes, where %zu are", (unsigned long long)len,
                        (size_t)(in->end - in->at));
    if (!(byte & MTI_FRAME_EXTENSION)) return MT_OK;
    if ((st = mti_take_number(decoder, in, "the length of an extension", &len)) != MT_OK) return st;
    return mti_take_bytes(decoder, in, "an extension", len, &skipped);
}

static mt_status read_frame(mti_decoder *decoder, mti_source *in, mt_row *row, mt_field *fields)
{
    mt_status st = read_header(decoder, in);

    if (st != MT_OK) return st;
    mti_decoder_rows(decoder, (mt_bytes){in->at, (size_t)(in->end - in->at)});
    if ((st = mti_decode_row(decoder, row, fields)) != MT_OK) return st;
    if (row->more)
        return mti_fail(mti_blame(decoder, in->at), MT_MALFORMED, "the row is marked to go on");
    return mti_decoder_end(decoder);
}

mt_status mti_record_get(mti_decoder *decoder, mt_bytes frame, mt_row *row, mt_field *fields,
                         mt_error *err)
{
    mt_status st = check_sum(frame, err);
    mti_source in;

    if (st != MT_OK) return st;
    in = (mti_source){frame.data, frame.data + frame.len - MTI_FRAME_CHECKSUM};
    mti_decoder_reset(decoder);
    decoder->alone = true;
    if ((st = read_frame(decoder, &in, row, fields)) == MT_OK) return MT_OK;
    return mti_fail(err, st, "byte %zu: %s", (size_t)(decoder->bad - frame.data),
                    decoder->error.text);
}
