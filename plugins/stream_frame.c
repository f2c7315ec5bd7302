#include "plugins/stream_frame.h"

#include "plugins/gather.h"

#include <string.h>

static size_t head_message_len(const mti_stream_reader *r)
{
    return (size_t)r->head[1] | (size_t)r->head[2] << 8 | (size_t)r->head[3] << 16;
}

static size_t len_max(const mti_stream_reader *r)
{
    return r->len_max ? r->len_max : MT_MESSAGE_LEN_MAX;
}

static void too_large(const mti_stream_reader *r, mti_frame *out)
{
    out->kind = MTI_FRAME_BAD;
    mti_link_error(&out->error, MT_TOO_LARGE, "a message of %zu bytes, and %zu are the most",
                   head_message_len(r), len_max(r));
}

static void bad(mti_frame *out, mt_status status, const char *what, size_t number)
{
    out->kind = MTI_FRAME_BAD;
    mti_link_error(&out->error, status, what, number);
}

/* Looks at a head that is complete. */
static void head_read(mti_stream_reader *r, mti_frame *out)
{
    size_t len = head_message_len(r);

    switch (r->head[0]) {
    case MTI_STREAM_MESSAGE:
        if (len > len_max(r)) too_large(r, out);
        return;
    case MTI_STREAM_PING:
    case MTI_STREAM_PONG:
        if (len > 0) {
            bad(out, MT_MALFORMED, "a ping of %zu bytes, which has none", len);
            return;
        }
        out->kind = r->head[0] == MTI_STREAM_PING ? MTI_FRAME_PING : MTI_FRAME_PONG;
        r->head_len = 0;
        return;
    default: bad(out, MT_UNSUPPORTED, "an unknown kind of frame: %#zx", (size_t)r->head[0]);
    }
}

/* Reads the message that a head announced. */
static size_t body_read(mti_stream_reader *r, const uint8_t *data, size_t len, mti_frame *out)
{
    size_t whole = head_message_len(r), left = whole - r->body.len;

    if (r->body.len == 0 && len >= whole) {
        out->bytes = (mt_bytes){data, whole};
    } else {
        if (len < left) left = len;
        if (mti_gather(&r->body, data, left, whole) != MT_OK) {
            bad(out, MT_NO_MEMORY, "no memory for a message of %zu bytes", whole);
            return 0;
        }
        if (r->body.len < whole) return left;
        out->bytes = mt_buf_bytes(&r->body);
        r->given = true;
    }
    out->kind = MTI_FRAME_MESSAGE;
    r->head_len = 0;
    return left;
}

size_t mti_stream_read(mti_stream_reader *r, const uint8_t *data, size_t len, bool hold,
                       mti_frame *out)
{
    size_t read = 0;

    *out = (mti_frame){.kind = MTI_FRAME_NONE};
    if (r->given) mt_buf_free(&r->body);
    r->given = false;
    if (r->head_len < MTI_STREAM_HEAD_LEN) {
        read = MTI_STREAM_HEAD_LEN - (size_t)r->head_len;
        if (read > len) read = len;
        if (read > 0) memcpy(r->head + r->head_len, data, read);
        r->head_len = (uint8_t)(r->head_len + read);
        if (r->head_len < MTI_STREAM_HEAD_LEN) return read;
        head_read(r, out);
        if (out->kind != MTI_FRAME_NONE) return read;
    }
    if (hold) {
        out->kind = MTI_FRAME_HELD;
        return read;
    }
    return read + body_read(r, read > 0 ? data + read : data, len - read, out);
}

bool mti_stream_between(const mti_stream_reader *r)
{
    return r->head_len == 0;
}

void mti_stream_reset(mti_stream_reader *r)
{
    mt_buf_free(&r->body);
    r->head_len = 0;
    r->given = false;
}

void mti_stream_head(uint8_t head[MTI_STREAM_HEAD_LEN], uint8_t kind, size_t len)
{
    head[0] = kind;
    head[1] = (uint8_t)len;
    head[2] = (uint8_t)(len >> 8);
    head[3] = (uint8_t)(len >> 16);
}
