/* mytosis/compress.h - a compressor that the core is given.
 *
 * The core links no compression library. `mt_compressor_zstd()` in <mytosis/host.h> is the one
 * for files; what a file says it was compressed with must match `id`. */
#ifndef MYTOSIS_COMPRESS_H
#define MYTOSIS_COMPRESS_H

#include <mytosis/bytes.h>
#include <mytosis/status.h>

MT_BEGIN_DECLS

/* The contract that this header has, and the ids of compressions. */
#define MT_COMPRESSOR_ABI 1
#define MT_COMPRESSION_ZSTD 1 /* RFC 8878 */

/* A compressor: a table of functions that get `ctx`. Threads: as who made it says. */
typedef struct mt_compressor {
    uint32_t abi;  /* MT_COMPRESSOR_ABI */
    uint32_t size; /* sizeof(mt_compressor) as compiled */
    uint32_t id;   /* MT_COMPRESSION_ZSTD */
    /* The most bytes that `count` parts of `len` bytes together can take when compressed. */
    size_t (*bound)(void *ctx, size_t len, size_t count);
    /* Compresses the parts, one behind the other, as one run into `out`, which has room for
     * `bound` bytes; `*out_len` gets what was used. Each part holds data of one sort, so that a
     * compressor does well to look at each anew. The same parts give the same bytes. */
    mt_status (*compress)(void *ctx, const mt_bytes *parts, size_t count, uint8_t *out,
                          size_t *out_len);
    /* Decompresses `in` into exactly `out_len` bytes at `out`. MT_MALFORMED: it does not give
     * exactly that. Writes and allocates no more than a fixed amount beyond `out_len`, whatever
     * `in` claims. */
    mt_status (*decompress)(void *ctx, mt_bytes in, uint8_t *out, size_t out_len);
    void *ctx;
} mt_compressor;

MT_END_DECLS
#endif
