/* store/content.h - taking a sealed record apart. Each part is taken off the front, or is not
 * there, which is false. */
#ifndef MTI_CONTENT_H
#define MTI_CONTENT_H

#include "base/varint.h"

#include <mytosis/bytes.h>

static inline bool mti_content_text(mt_bytes *in, uint64_t len, mt_bytes *out)
{
    *out = (mt_bytes){NULL, 0};
    if (len > in->len) return false;
    *out = (mt_bytes){in->data, (size_t)len};
    in->data += len;
    in->len -= (size_t)len;
    return true;
}

static inline bool mti_content_byte(mt_bytes *in, uint8_t *out)
{
    mt_bytes byte;

    *out = 0;
    if (!mti_content_text(in, 1, &byte)) return false;
    *out = byte.data[0];
    return true;
}

static inline bool mti_content_number(mt_bytes *in, uint64_t *out)
{
    int len = mti_varint_get(in->data, in->data + in->len, out);

    if (len <= 0) return false;
    in->data += len;
    in->len -= (size_t)len;
    return true;
}

/* Text behind its length, as a number and as a byte. */
static inline bool mti_content_long_text(mt_bytes *in, mt_bytes *out)
{
    uint64_t len;

    *out = (mt_bytes){NULL, 0};
    return mti_content_number(in, &len) && mti_content_text(in, len, out);
}
static inline bool mti_content_short_text(mt_bytes *in, mt_bytes *out)
{
    uint8_t len;

    *out = (mt_bytes){NULL, 0};
    return mti_content_byte(in, &len) && mti_content_text(in, len, out);
}

#endif
