/* base/base64url.h - bytes as text: RFC 4648, section 5, without padding.
 *
 * One run of bytes has one text and one text one run of bytes: the reader refuses whatever the
 * writer would not have written. */
#ifndef MTI_BASE64URL_H
#define MTI_BASE64URL_H

#include <mytosis/bytes.h>

/* The length of the text for `len` bytes. `len` is at most SIZE_MAX / 4 * 3. */
size_t mti_base64url_len(size_t len);

/* Writes mti_base64url_len(in.len) characters, and no zero byte. */
void mti_base64url_encode(mt_bytes in, char *out);

/* Reads all of `text`. `out` has room for text.len / 4 * 3 + 2 bytes; `*out_len` says how many of
 * them were written. False: `*why` is a static line that says what is wrong, `*out_len` is
 * untouched, and `out` holds nothing of use. */
bool mti_base64url_decode(mt_bytes text, uint8_t *out, size_t *out_len, const char **why);

#endif
