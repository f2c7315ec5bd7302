/* base/utf8.h - text as UTF-8 (RFC 3629): checking it and walking over it.
 *
 * Valid are the shortest forms of U+0000 to U+10FFFF without the surrogates, U+D800 to U+DFFF. */
#ifndef MTI_UTF8_H
#define MTI_UTF8_H

#include <mytosis/bytes.h>

/* Whether `text` is valid throughout. Empty text is. */
bool mti_utf8_valid(mt_bytes text);

/* Where the first character that is not valid begins; `text.len` if there is none. */
size_t mti_utf8_bad(mt_bytes text);

/* The length of the character that `text` starts with, 1 to 4; 0 if it starts with none. */
size_t mti_utf8_len(mt_bytes text);

/* The code point of the character at `at`, and its length. The text must be valid there. */
uint32_t mti_utf8_decode(const uint8_t *at, size_t *len);

#endif
