#include "base/base64url.h"

/* One character stands for six bits, the highest first:
 *
 *     bytes       aaaaaaaa bbbbbbbb cccccccc
 *     characters  aaaaaa aabbbb bbbbcc cccccc
 *
 * One or two bytes at the end make two or three characters, the last filled up with zero bits. */

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* The value of each character of the alphabet, with KNOWN set; 0 for all others. */
#define KNOWN 0x80
#define K(value) (KNOWN | (value))
/* clang-format off */
static const uint8_t values[256] = {
    ['A'] = K(0), K(1), K(2), K(3), K(4), K(5), K(6), K(7), K(8), K(9),
            K(10), K(11), K(12), K(13), K(14), K(15), K(16), K(17), K(18), K(19),
            K(20), K(21), K(22), K(23), K(24), K(25),
    ['a'] = K(26), K(27), K(28), K(29), K(30), K(31), K(32), K(33), K(34), K(35),
            K(36), K(37), K(38), K(39), K(40), K(41), K(42), K(43), K(44), K(45),
            K(46), K(47), K(48), K(49), K(50), K(51),
    ['0'] = K(52), K(53), K(54), K(55), K(56), K(57), K(58), K(59), K(60), K(61),
    ['-'] = K(62),
    ['_'] = K(63),
};
/* clang-format on */

size_t mti_base64url_len(size_t len)
{
    size_t rest = len % 3;

    return len / 3 * 4 + (rest ? rest + 1 : 0);
}

void mti_base64url_encode(mt_bytes in, char *out)
{
    const uint8_t *at = in.data;
    size_t left = in.len;
    uint32_t bits;

    for (; left >= 3; left -= 3, at += 3, out += 4) {
        bits = (uint32_t)at[0] << 16 | (uint32_t)at[1] << 8 | at[2];
        out[0] = alphabet[bits >> 18];
        out[1] = alphabet[bits >> 12 & 63];
        out[2] = alphabet[bits >> 6 & 63];
        out[3] = alphabet[bits & 63];
    }
    if (left == 0) return;
    bits = (uint32_t)at[0] << 16 | (left == 2 ? (uint32_t)at[1] << 8 : 0);
    out[0] = alphabet[bits >> 18];
    out[1] = alphabet[bits >> 12 & 63];
    if (left == 2) out[2] = alphabet[bits >> 6 & 63];
}

/* Why `text` was refused. Padding is named before other foreign characters: it is the most likely
 * mistake, and easily mended. */
static const char *refusal(mt_bytes text)
{
    bool foreign = false;

    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '=') return "base64url takes no padding";
        if (!values[text.data[i]]) foreign = true;
    }
    if (foreign) return "a character is not of the base64url alphabet";
    if (text.len % 4 == 1) return "no base64url text has this length";
    return "the last bits of the base64url text are not zero";
}

bool mti_base64url_decode(mt_bytes text, uint8_t *out, size_t *out_len, const char **why)
{
    const uint8_t *at = text.data;
    size_t left = text.len;
    uint8_t known = KNOWN, *end = out;
    uint32_t bits = 0;

    for (; left >= 4; left -= 4, at += 4, end += 3) {
        uint8_t a = values[at[0]], b = values[at[1]], c = values[at[2]], d = values[at[3]];

        known &= a & b & c & d;
        bits = (a & 63u) << 18 | (b & 63u) << 12 | (c & 63u) << 6 | (d & 63u);
        end[0] = (uint8_t)(bits >> 16);
        end[1] = (uint8_t)(bits >> 8);
        end[2] = (uint8_t)bits;
    }
    bits = 0;
    for (size_t i = 0; i < left; i++) {
        known &= values[at[i]];
        bits |= (values[at[i]] & 63u) << (18 - 6 * i);
    }
    if (left >= 2) *end++ = (uint8_t)(bits >> 16);
    if (left == 3) *end++ = (uint8_t)(bits >> 8);
    if (!known || left == 1 || (bits & (left == 2 ? 0xFFFFu : 0xFFu))) {
        *why = refusal(text);
        return false;
    }
    *out_len = (size_t)(end - out);
    return true;
}
