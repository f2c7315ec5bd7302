/* fuzz/compressed_fuzz.c - any bytes, read as columns.
 *
 * The last byte of the input says in pieces of what length the frame is fed the second time, and,
 * by its highest bit, what the bytes before it are: a sequence of frames compressed by zstd, or a
 * block as it is after decompression, which few changes would survive. */
#include "base/varint.h"
#include "counted.h"
#include "frames.h"
#include <mytosis/host.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define STORE_ID 127

static size_t store_bound(void *ctx, size_t len, size_t count)
{
    (void)ctx;
    (void)count;
    return len;
}

static mt_status store_compress(void *ctx, const mt_bytes *parts, size_t count, uint8_t *out,
                                size_t *out_len)
{
    (void)ctx;
    *out_len = 0;
    for (size_t i = 0; i < count; i++) {
        if (parts[i].len) memcpy(out + *out_len, parts[i].data, parts[i].len);
        *out_len += parts[i].len;
    }
    return MT_OK;
}

static mt_status store_decompress(void *ctx, mt_bytes in, uint8_t *out, size_t out_len)
{
    (void)ctx;
    if (in.len != out_len) return MT_MALFORMED;
    memcpy(out, in.data, out_len);
    return MT_OK;
}

static void check_block(const uint8_t *data, size_t size, size_t step)
{
    const mt_compressor store = {
        MT_COMPRESSOR_ABI, sizeof store,     STORE_ID, store_bound,
        store_compress,    store_decompress, NULL,
    };
    uint8_t *content = malloc(size + 3 * MTI_VARINT_LEN_MAX), *at;
    mt_buf frame;

    REQUIRE(content != NULL);
    at = mti_varint_put(content, STORE_ID);
    at = mti_varint_put(at, size);
    *at++ = 0; /* no padding */
    if (size) memcpy(at, data, size);
    frame = frames_make(0x02, (mt_bytes){content, (size_t)(at - content) + size});
    frames_check((mt_bytes){frame.data, frame.len}, &store, step, true);
    mt_buf_free(&frame);
    free(content);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    mt_buf mended;
    unsigned how;

    if (size == 0) return 0;
    how = data[--size];
    if (how & 0x80) {
        check_block(data, size, 1 + how % 0x80);
        return 0;
    }
    mended = frames_mend(data, size);
    frames_check((mt_bytes){mended.data, mended.len}, mt_compressor_zstd(), 1 + how, false);
    mt_buf_free(&mended);
    return 0;
}
