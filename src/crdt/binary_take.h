/* crdt/binary_take.h - taking the smallest parts of rows from their streams, or saying what is
 * wrong with them. */
#ifndef MTI_BINARY_TAKE_H
#define MTI_BINARY_TAKE_H

#include "base/status.h"
#include "base/varint.h"
#include "crdt/binary_decode.h"

static inline mti_source *mti_source_of(mti_decoder *decoder, unsigned stream)
{
    return &decoder->source[stream & decoder->mask];
}

/* Where a failure goes that is about the byte at `at`. */
static inline mt_error *mti_blame(mti_decoder *decoder, const uint8_t *at)
{
    decoder->bad = at;
    return &decoder->error;
}

static inline mt_status mti_refuse_cut(mti_decoder *decoder, const uint8_t *at, const char *what)
{
    return mti_fail(mti_blame(decoder, at), MT_MALFORMED, "ends within %s", what);
}

static inline mt_status mti_take_byte(mti_decoder *decoder, mti_source *in, const char *what,
                                      unsigned *out)
{
    *out = 0;
    if (in->at == in->end) return mti_refuse_cut(decoder, in->at, what);
    *out = *in->at++;
    return MT_OK;
}

static inline mt_status mti_take_number(mti_decoder *decoder, mti_source *in, const char *what,
                                        uint64_t *out)
{
    int len = mti_varint_get(in->at, in->end, out);

    if (len == MTI_VARINT_CUT) return mti_refuse_cut(decoder, in->at, what);
    if (len == MTI_VARINT_BAD)
        return mti_fail(mti_blame(decoder, in->at), MT_MALFORMED,
                        "%s is not a number in its shortest form, of 64 bits at most", what);
    in->at += len;
    return MT_OK;
}

static inline mt_status mti_take_bytes(mti_decoder *decoder, mti_source *in, const char *what,
                                       uint64_t len, mt_bytes *out)
{
    *out = (mt_bytes){NULL, 0};
    if (len > (size_t)(in->end - in->at)) return mti_refuse_cut(decoder, in->at, what);
    *out = (mt_bytes){in->at, (size_t)len};
    in->at += len;
    return MT_OK;
}

/* Little-endian, `len` bytes of a word. */
static inline mt_status mti_take_word(mti_decoder *decoder, mti_source *in, const char *what,
                                      unsigned len, uint64_t *out)
{
    *out = 0;
    if (len > (size_t)(in->end - in->at)) return mti_refuse_cut(decoder, in->at, what);
    for (unsigned i = 0; i < len; i++) *out |= (uint64_t)*in->at++ << (8 * i);
    return MT_OK;
}

#endif
