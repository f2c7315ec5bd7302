#include "base/utf8.h"
#include "base/word.h"

#define HIGH_BITS UINT64_C(0x8080808080808080)

static bool is_tail(uint8_t byte)
{
    return (byte & 0xC0) == 0x80;
}

/* The length of the character of two bytes or more at `at`, before which `room` bytes end. What the
 * second byte may be says it all: it decides on overlong forms (E0, F0), surrogates (ED) and on
 * what lies above U+10FFFF (F4). */
static size_t long_len(const uint8_t *at, size_t room)
{
    uint8_t lead = at[0], low = 0x80, high = 0xBF;

    if (lead < 0xC2 || lead > 0xF4 || room < 2) return 0;
    if (lead < 0xE0) return is_tail(at[1]) ? 2 : 0;
    if (lead == 0xE0) low = 0xA0;
    if (lead == 0xED) high = 0x9F;
    if (lead == 0xF0) low = 0x90;
    if (lead == 0xF4) high = 0x8F;
    if (at[1] < low || at[1] > high || room < 3 || !is_tail(at[2])) return 0;
    if (lead < 0xF0) return 3;
    return room >= 4 && is_tail(at[3]) ? 4 : 0;
}

/* Passes ASCII, 16 bytes at a time while there are as many. */
static size_t skip_ascii(mt_bytes text, size_t at)
{
    while (text.len - at >= 16) {
        uint64_t first, second;

        memcpy(&first, text.data + at, 8);
        memcpy(&second, text.data + at + 8, 8);
        if ((first | second) & HIGH_BITS) break;
        at += 16;
    }
    while (at < text.len && text.data[at] < 0x80) at++;
    return at;
}

size_t mti_utf8_bad(mt_bytes text)
{
    size_t at = 0;

    while ((at = skip_ascii(text, at)) < text.len) {
        /* Long characters mostly follow one another. */
        do {
            size_t len = long_len(text.data + at, text.len - at);

            if (len == 0) return at;
            at += len;
        } while (at < text.len && text.data[at] >= 0x80);
    }
    return at;
}

/* Whether all is ASCII; the last bytes are looked at in one word, some of them twice. */
static bool all_ascii(mt_bytes text)
{
    uint64_t word, high = 0;
    size_t at = 0;

    if (text.len < 8) {
        for (; at < text.len; at++) high |= text.data[at];
        return (high & 0x80) == 0;
    }
    for (; text.len - at > 8; at += 8) {
        memcpy(&word, text.data + at, 8);
        high |= word;
        if ((at & 511) == 504 && (high & HIGH_BITS)) return false;
    }
    memcpy(&word, text.data + text.len - 8, 8);
    return ((high | word) & HIGH_BITS) == 0;
}

bool mti_utf8_valid(mt_bytes text)
{
    return all_ascii(text) || mti_utf8_bad(text) == text.len;
}

size_t mti_utf8_len(mt_bytes text)
{
    if (text.len == 0) return 0;
    return text.data[0] < 0x80 ? 1 : long_len(text.data, text.len);
}

uint32_t mti_utf8_decode(const uint8_t *at, size_t *len)
{
    uint32_t lead = at[0];

    *len = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    if (lead < 0x80) return lead;
    if (lead < 0xE0) return (lead & 0x1F) << 6 | (at[1] & 0x3Fu);
    if (lead < 0xF0) return (lead & 0x0F) << 12 | (at[1] & 0x3Fu) << 6 | (at[2] & 0x3Fu);
    return (lead & 0x07) << 18 | (at[1] & 0x3Fu) << 12 | (at[2] & 0x3Fu) << 6 | (at[3] & 0x3Fu);
}
