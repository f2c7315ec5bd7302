/* zstd.c - the compressor of files, on libzstd. */
#include <mytosis/host.h>

#include <zstd.h>

static size_t zstd_bound(void *ctx, size_t len)
{
    (void)ctx;
    return ZSTD_compressBound(len);
}

static mt_status zstd_compress(void *ctx, mt_bytes in, uint8_t *out, size_t *out_len)
{
    ZSTD_CCtx *cctx = ZSTD_createCCtx();
    size_t len;

    (void)ctx;
    if (!cctx) return MT_NO_MEMORY;
    len = ZSTD_compressCCtx(cctx, out, ZSTD_compressBound(in.len), in.data, in.len, 3);
    ZSTD_freeCCtx(cctx);
    if (ZSTD_isError(len)) return MT_NO_MEMORY;
    *out_len = len;
    return MT_OK;
}

/* The output is the window, so that what `in` claims about its size costs nothing. */
static mt_status zstd_decompress(void *ctx, mt_bytes in, uint8_t *out, size_t out_len)
{
    ZSTD_DCtx *dctx = ZSTD_createDCtx();
    size_t len;

    (void)ctx;
    if (!dctx) return MT_NO_MEMORY;
    len = ZSTD_decompressDCtx(dctx, out, out_len, in.data, in.len);
    ZSTD_freeDCtx(dctx);
    return ZSTD_isError(len) || len != out_len ? MT_MALFORMED : MT_OK;
}

const mt_compressor *mt_compressor_zstd(void)
{
    static const mt_compressor zstd = {
        MT_COMPRESSOR_ABI, sizeof(mt_compressor), MT_COMPRESSION_ZSTD, zstd_bound,
        zstd_compress,     zstd_decompress,       NULL,
    };

    return &zstd;
}
