/* store/seal.h - the four bytes at the end of a record that bind it to its key.
 *
 *     content | the low 32 bits of XXH64(content, seed: XXH64(key, seed: 0))
 *
 * So a record is found out when it is damaged, and when it lies under another key than its own. */
#ifndef MTI_SEAL_H
#define MTI_SEAL_H

#include "base/checksum.h"
#include "base/word.h"

#define MTI_SEAL_LEN 4

/* Writes the seal of what lies from `start` to `end` behind it; answers where it ends. */
static inline uint8_t *mti_seal_put(mt_bytes key, const uint8_t *start, uint8_t *end)
{
    mt_bytes content = {start, (size_t)(end - start)};
    uint32_t sum = mti_checksum32(content, mti_checksum(key, 0));

    for (unsigned i = 0; i < MTI_SEAL_LEN; i++) *end++ = (uint8_t)(sum >> (8 * i));
    return end;
}

/* The content of a sealed record; false if the seal is broken. */
static inline bool mti_seal_open(mt_bytes key, mt_bytes value, mt_bytes *content)
{
    if (value.len < MTI_SEAL_LEN) return false;
    *content = (mt_bytes){value.data, value.len - MTI_SEAL_LEN};
    return mti_load_le32(value.data + content->len) ==
           mti_checksum32(*content, mti_checksum(key, 0));
}

#endif
