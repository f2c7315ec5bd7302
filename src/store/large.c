#include "store/large.h"

#include "base/status.h"
#include "store/content.h"

#include <mytosis/value.h>

uint8_t *mti_large_put(mt_bytes key, const mti_large *large, uint8_t *at)
{
    uint8_t *end = at;

    *end++ = large->few ? MTI_LARGE_FEW : MTI_LARGE_MANY;
    end = mti_varint_put(end, large->floor);
    end = mti_varint_put(end, large->state_max);
    *end++ = 0;
    return mti_seal_put(key, at, end);
}

mt_status mti_large_get(mt_bytes key, mt_bytes value, mti_large *out, mt_error *err)
{
    mt_bytes uid = {key.data + 1, key.len - 1}, in;
    uint8_t tag;

    /* No other part of the record shows that the uid is one, as the row of a small node does. */
    if (mt_uid_check(uid, NULL) != MT_OK)
        return mti_fail(err, MT_MALFORMED, "its key is of no uid");
    if (!mti_seal_open(key, value, &in))
        return mti_fail(err, MT_MALFORMED, "the seal does not match the bytes");
    if (mti_content_byte(&in, &tag) && mti_content_number(&in, &out->floor) &&
        mti_content_number(&in, &out->state_max) && mti_content_long_text(&in, &out->extension) &&
        in.len == 0 && out->floor <= out->state_max && out->state_max <= MT_STATE_MAX) {
        out->few = tag == MTI_LARGE_FEW;
        return MT_OK;
    }
    return mti_fail(err, MT_MALFORMED, "its content is not of the form of a large node");
}
