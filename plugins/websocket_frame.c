#include "plugins/websocket_frame.h"

#include "plugins/gather.h"

#include <string.h>

#define CODE_PROTOCOL 1002
#define CODE_KIND 1003
#define CODE_NONE 1005
#define CODE_TEXT 1007
#define CODE_SIZE 1009
#define CODE_SERVER 1011

static void bad(mti_frame *out, mt_status status, uint16_t code, const char *what)
{
    out->kind = MTI_FRAME_BAD;
    out->code = code;
    mti_link_error(&out->error, status, "%s", what);
}

static void broken(mti_frame *out, const char *what)
{
    bad(out, MT_MALFORMED, CODE_PROTOCOL, what);
}

/* ---- The head ---- */

static uint8_t opcode_of(const mti_websocket_reader *r)
{
    return r->head[0] & 0x0F;
}

static bool is_control(const mti_websocket_reader *r)
{
    return opcode_of(r) >= 8;
}

static bool is_fin(const mti_websocket_reader *r)
{
    return r->head[0] & 0x80;
}

static size_t length_size(const mti_websocket_reader *r)
{
    uint8_t said = r->head[1] & 0x7F;

    return said == 127 ? 8 : said == 126 ? 2 : 0;
}

/* How long the head is, as far as that is known. */
static size_t head_size(const mti_websocket_reader *r)
{
    if (r->head_len < 2) return 2;
    return 2 + length_size(r) + (r->head[1] & 0x80 ? 4 : 0);
}

/* Looks at the first two bytes. */
static void kind_check(const mti_websocket_reader *r, mti_frame *out)
{
    uint8_t opcode = opcode_of(r);

    if (r->head[0] & 0x70) {
        broken(out, "a frame of WebSocket with bits of an extension");
    } else if (!(r->head[1] & 0x80) == r->masked) {
        broken(out, r->masked ? "a frame of WebSocket that is not masked, from a client"
                              : "a frame of WebSocket that is masked, from a server");
    } else if (opcode >= 8) {
        if (opcode > MTI_WEBSOCKET_PONG) broken(out, "an unknown kind of frame of WebSocket");
        else if (!is_fin(r) || (r->head[1] & 0x7F) > MTI_WEBSOCKET_CONTROL_MAX)
            broken(out, "a frame of control of WebSocket that is split or longer than 125 bytes");
    } else if (opcode == 1 && !r->within) {
        bad(out, MT_UNSUPPORTED, CODE_KIND, "a message of WebSocket that is text, not binary");
    } else if (opcode > MTI_WEBSOCKET_BINARY) {
        broken(out, "an unknown kind of frame of WebSocket");
    } else if ((opcode == 0) != r->within) {
        broken(out, r->within ? "a message of WebSocket that begins inside another"
                              : "a frame of WebSocket that goes on with no message");
    }
}

static void too_large(mti_frame *out, size_t most)
{
    out->kind = MTI_FRAME_BAD;
    out->code = CODE_SIZE;
    mti_link_error(&out->error, MT_TOO_LARGE, "a message of more than %zu bytes", most);
}

/* Takes the length of a head that is complete. */
static void length_read(mti_websocket_reader *r, mti_frame *out)
{
    size_t size = length_size(r), most = r->len_max ? r->len_max : MT_MESSAGE_LEN_MAX;
    size_t room = r->body.len < most ? most - r->body.len : 0;
    uint64_t len = 0;

    for (size_t i = 0; i < size; i++) len = len << 8 | r->head[2 + i];
    if (size == 0) len = r->head[1] & 0x7F;
    if ((size == 2 && len < 126) || (size == 8 && (len <= UINT16_MAX || len >> 63))) {
        broken(out, "a length of WebSocket that is not in its shortest form");
    } else if (len > room) {
        too_large(out, most);
    } else {
        r->frame_len = (uint32_t)len;
        r->frame_read = 0;
    }
}

/* Reads of the head; whether it is complete. */
static bool head_read(mti_websocket_reader *r, const uint8_t *data, size_t len, size_t *read,
                      mti_frame *out)
{
    while (r->head_len < head_size(r)) {
        if (*read == len) return false;
        r->head[r->head_len++] = data[(*read)++];
        if (r->head_len == 2) kind_check(r, out);
        if (out->kind == MTI_FRAME_NONE && r->head_len >= 2 && r->head_len == head_size(r))
            length_read(r, out);
        if (out->kind != MTI_FRAME_NONE) return false;
    }
    return true;
}

/* ---- The payload ---- */

void mti_websocket_mask(uint8_t *bytes, size_t len, const uint8_t mask[4], size_t at)
{
    uint8_t turned[8];
    uint64_t wide, word;
    size_t i = 0;

    for (size_t k = 0; k < sizeof turned; k++) turned[k] = mask[(at + k) % 4];
    memcpy(&wide, turned, sizeof wide);
    for (; i + sizeof word <= len; i += sizeof word) {
        memcpy(&word, bytes + i, sizeof word);
        word ^= wide;
        memcpy(bytes + i, &word, sizeof word);
    }
    for (; i < len; i++) bytes[i] ^= turned[i % 4];
}

static void unmask(const mti_websocket_reader *r, uint8_t *data, size_t len)
{
    mti_websocket_mask(data, len, r->head + r->head_len - 4, r->frame_read);
}

static bool utf8_continues(const uint8_t *text, size_t len, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (i >= len || (text[i] & 0xC0) != 0x80) return false;
    }
    return true;
}

/* Whether a reason is UTF-8: no lone surrogates, nothing in a form that is not the shortest. */
static bool is_utf8(const uint8_t *text, size_t len)
{
    for (size_t i = 0; i < len;) {
        uint8_t first = text[i++], second = i < len ? text[i] : 0;
        size_t more = first < 0x80 ? 0 : first < 0xE0 ? 1 : first < 0xF0 ? 2 : 3;

        if ((first >= 0x80 && first < 0xC2) || first > 0xF4) return false;
        if (!utf8_continues(text + i, len - i, more)) return false;
        if ((first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F)) return false;
        if ((first == 0xF0 && second < 0x90) || (first == 0xF4 && second > 0x8F)) return false;
        i += more;
    }
    return true;
}

static bool code_may_be_sent(uint16_t code)
{
    return (code >= 1000 && code <= 1011 && code != 1004 && code != 1005 && code != 1006) ||
           (code >= 3000 && code <= 4999);
}

static void close_read(const mti_websocket_reader *r, mti_frame *out)
{
    out->kind = MTI_FRAME_CLOSE;
    out->code = CODE_NONE;
    if (r->frame_len == 0) return;
    out->code = 0;
    if (r->frame_len > 1) {
        out->code = (uint16_t)(r->control[0] << 8 | r->control[1]);
        out->bytes = (mt_bytes){r->control + 2, r->frame_len - 2};
    }
    if (!code_may_be_sent(out->code))
        broken(out, "a close of WebSocket with a code that cannot be");
    else if (!is_utf8(out->bytes.data, out->bytes.len))
        bad(out, MT_MALFORMED, CODE_TEXT, "a close of WebSocket whose reason is not UTF-8");
}

static size_t control_read(mti_websocket_reader *r, uint8_t *data, size_t len, mti_frame *out)
{
    size_t left = r->frame_len - r->frame_read;

    if (len < left) left = len;
    if (r->masked) unmask(r, data, left);
    if (left > 0) memcpy(r->control + r->frame_read, data, left);
    r->frame_read += (uint32_t)left;
    if (r->frame_read < r->frame_len) return left;
    out->bytes = (mt_bytes){r->control, r->frame_len};
    if (opcode_of(r) == MTI_WEBSOCKET_CLOSE) close_read(r, out);
    else out->kind = opcode_of(r) == MTI_WEBSOCKET_PING ? MTI_FRAME_PING : MTI_FRAME_PONG;
    r->head_len = 0;
    return left;
}

static size_t data_read(mti_websocket_reader *r, uint8_t *data, size_t len, mti_frame *out)
{
    size_t left = r->frame_len - r->frame_read;
    bool whole = len >= left, fresh = r->body.len == 0;

    if (!whole) left = len;
    if (r->masked) unmask(r, data, left);
    if (whole && fresh && is_fin(r)) {
        out->bytes = (mt_bytes){data, left};
    } else {
        if (mti_gather(&r->body, data, left, r->body.len + r->frame_len - r->frame_read) != MT_OK) {
            bad(out, MT_NO_MEMORY, CODE_SERVER, "no memory for a message");
            return 0;
        }
        r->frame_read += (uint32_t)left;
        if (!whole) return left;
    }
    r->head_len = 0;
    r->within = !is_fin(r);
    if (r->within) return left;
    if (r->body.len > 0) {
        out->bytes = mt_buf_bytes(&r->body);
        r->given = true;
    }
    out->kind = MTI_FRAME_MESSAGE;
    return left;
}

/* ---- Reading on ---- */

/* Reads to the end of a frame, at most; whether there may be more to read. */
static bool frame_step(mti_websocket_reader *r, uint8_t *data, size_t len, bool hold, size_t *read,
                       mti_frame *out)
{
    if (!head_read(r, data, len, read, out)) return false;
    data += *read;
    len -= *read;
    if (is_control(r)) {
        *read += control_read(r, data, len, out);
    } else if (hold) {
        out->kind = MTI_FRAME_HELD;
    } else {
        *read += data_read(r, data, len, out);
    }
    return out->kind == MTI_FRAME_NONE && r->head_len == 0;
}

size_t mti_websocket_read(mti_websocket_reader *r, uint8_t *data, size_t len, bool hold,
                          mti_frame *out)
{
    size_t read = 0;

    *out = (mti_frame){.kind = MTI_FRAME_NONE};
    if (!data) data = r->control; /* of which nothing is read */
    if (r->given) mt_buf_free(&r->body);
    r->given = false;
    while (frame_step(r, data, len, hold, &read, out)) continue;
    return read;
}

bool mti_websocket_between(const mti_websocket_reader *r)
{
    return r->head_len == 0 && !r->within;
}

void mti_websocket_reset(mti_websocket_reader *r)
{
    bool masked = r->masked;
    size_t len_max = r->len_max;
    mt_buf body = r->body;

    mt_buf_free(&body);
    *r = (mti_websocket_reader){.masked = masked, .len_max = len_max, .body = body};
}

size_t mti_websocket_head(uint8_t head[MTI_WEBSOCKET_HEAD_MAX], uint8_t opcode, size_t len,
                          const uint8_t *mask)
{
    size_t size = len < 126 ? 0 : len <= UINT16_MAX ? 2 : 8;

    head[0] = 0x80 | opcode;
    head[1] = (uint8_t)((mask ? 0x80 : 0) | (size == 0 ? len : size == 2 ? 126 : 127));
    for (size_t i = 0; i < size; i++) head[2 + i] = (uint8_t)((uint64_t)len >> 8 * (size - 1 - i));
    if (mask) memcpy(head + 2 + size, mask, 4);
    return 2 + size + (mask ? 4 : 0);
}
