/* The canonical JSON text of values, as ECMAScript's JSON.stringify writes it: in strings only the
 * quote, the backslash and the controls U+0000 to U+001F are escaped. */
#include "crdt/value.h"
#include "base/base64url.h"
#include "base/bytes.h"
#include "base/number.h"

/* Longer strings are measured instead of being given room for the worst case. */
#define MEASURED_LEN 1024

/* Strings are copied eight bytes at a time and may write as many behind their end. */
#define SLACK 8

static bool needs_escape(uint8_t byte)
{
    return byte < 0x20 || byte == '"' || byte == '\\';
}

/* The letter behind the backslash; `u` where four digits follow. */
static uint8_t escape_letter(uint8_t byte)
{
    switch (byte) {
    case '\b': return 'b';
    case '\t': return 't';
    case '\n': return 'n';
    case '\f': return 'f';
    case '\r': return 'r';
    case '"':
    case '\\': return byte;
    default: return 'u';
    }
}

static uint8_t *put_escape(uint8_t byte, uint8_t *out)
{
    static const uint8_t hex[] = "0123456789abcdef";

    *out++ = '\\';
    *out++ = escape_letter(byte);
    if (out[-1] != 'u') return out;
    *out++ = '0';
    *out++ = '0';
    *out++ = (uint8_t)('0' + (byte >> 4));
    *out++ = hex[byte & 15];
    return out;
}

size_t mti_string_text_room(mt_bytes text)
{
    size_t room = text.len;

    if (text.len <= MEASURED_LEN) return 6 * text.len + 2 + SLACK;
    for (size_t i = 0; i < text.len; i++) {
        while (text.len - i >= 8 && !mti_escapes_in(mti_load_le64(text.data + i))) i += 8;
        if (i == text.len || !needs_escape(text.data[i])) continue;
        if (!mti_size_add(room, escape_letter(text.data[i]) == 'u' ? 5 : 1, &room)) return SIZE_MAX;
    }
    return mti_size_add(room, 2 + SLACK, &room) ? room : SIZE_MAX;
}

uint8_t *mti_string_text_put(mt_bytes text, uint8_t *out)
{
    const uint8_t *at = text.data;
    size_t left = text.len;

    *out++ = '"';
    while (left >= 8) {
        uint64_t word = mti_load_le64(at), found = mti_escapes_in(word);
        unsigned plain;

        mti_store_le64(word, out);
        if (!found) {
            at += 8;
            left -= 8;
            out += 8;
            continue;
        }
        plain = (unsigned)__builtin_ctzll(found) / 8;
        out = put_escape(at[plain], out + plain);
        at += plain + 1;
        left -= plain + 1;
    }
    for (; left > 0; left--, at++) {
        if (needs_escape(*at)) out = put_escape(*at, out);
        else *out++ = *at;
    }
    *out++ = '"';
    return out;
}

size_t mti_value_text_room(const mt_value *value)
{
    size_t room = 0;

    switch (value->kind) {
    case MT_NULL:
    case MT_BOOL:
    case MT_NUMBER:
    case MT_INT: return 64;
    case MT_STRING:
    case MT_EDGE: room = mti_string_text_room(value->as.bytes); break;
    case MT_BYTES:
        room = value->as.bytes.len / 3; /* times four, rounded up */
        if (!mti_size_mul(room + 1, 4, &room)) return SIZE_MAX;
        break;
    }
    return mti_size_add(room, 16, &room) ? room : SIZE_MAX;
}

uint8_t *mti_value_text_put(const mt_value *value, uint8_t *out)
{
    switch (value->kind) {
    case MT_NULL: return MTI_PUT("null", out);
    case MT_BOOL: return value->as.boolean ? MTI_PUT("true", out) : MTI_PUT("false", out);
    case MT_NUMBER: return out + mti_number_format(value->as.number, (char *)out);
    case MT_STRING: return mti_string_text_put(value->as.bytes, out);
    case MT_INT:
        out = MTI_PUT("{\"int\":\"", out);
        out += mti_integer_format(value->as.integer, (char *)out);
        return MTI_PUT("\"}", out);
    case MT_BYTES:
        out = MTI_PUT("{\"bytes\":\"", out);
        mti_base64url_encode(value->as.bytes, (char *)out);
        out += mti_base64url_len(value->as.bytes.len);
        return MTI_PUT("\"}", out);
    case MT_EDGE:
        out = MTI_PUT("{\"edge\":", out);
        out = mti_string_text_put(value->as.bytes, out);
        return MTI_PUT("}", out);
    }
    return out;
}

mt_status mt_value_json(const mt_value *value, mt_buf *out)
{
    mt_status st = mti_buf_reserve(out, mti_value_text_room(value));

    if (st != MT_OK) return st;
    out->len = (size_t)(mti_value_text_put(value, out->data + out->len) - out->data);
    return MT_OK;
}
