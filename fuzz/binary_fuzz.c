/* fuzz/binary_fuzz.c - any bytes, read as frames of rows.
 *
 * The last byte of the input says in pieces of what length the bytes before it are fed the second
 * time, and, by its highest bit, whether lengths and checksums are mended first. */
#include "frames.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    mt_buf mended;
    unsigned how;

    if (size == 0) return 0;
    how = data[--size];
    if (how & 0x80) {
        frames_check((mt_bytes){data, size}, NULL, 1 + how % 0x80, true);
        return 0;
    }
    mended = frames_mend(data, size);
    frames_check((mt_bytes){mended.data, mended.len}, NULL, 1 + how, true);
    mt_buf_free(&mended);
    return 0;
}
