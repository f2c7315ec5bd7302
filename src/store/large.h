/* store/large.h - the record that stands for a node whose fields are records of their own.
 *
 *     01 or 02 | floor | highest state | extension | seal
 *
 * 01: the node has more fields than a small one may have, and can be read in part. 02: it has no more,
 * but is too long for one record; such a node is always read whole, so that what is in memory shows
 * how it rests. Every other record of a node begins with the version of a frame. */
#ifndef MTI_LARGE_H
#define MTI_LARGE_H

#include "base/varint.h"
#include "store/seal.h"

#include <mytosis/limits.h>
#include <mytosis/status.h>

#define MTI_LARGE_MANY 0x01
#define MTI_LARGE_FEW 0x02

typedef struct mti_large {
    bool few; /* it is of the second kind */
    uint64_t floor;
    uint64_t state_max;
    mt_bytes extension; /* handed on as that of a row is */
} mti_large;

/* How much room the record takes at most, without an extension. */
#define MTI_LARGE_BOUND (1 + 2 * MTI_VARINT_LEN_MAX + 1 + MTI_SEAL_LEN)

/* Writes the record of a key, without an extension; answers where it ends. */
uint8_t *mti_large_put(mt_bytes key, const mti_large *large, uint8_t *at);

static inline bool mti_is_large(mt_bytes value)
{
    return value.len > 0 && (value.data[0] == MTI_LARGE_MANY || value.data[0] == MTI_LARGE_FEW);
}

/* Reads what lies under a key. MT_MALFORMED. */
mt_status mti_large_get(mt_bytes key, mt_bytes value, mti_large *out, mt_error *err);

#endif
