/* fuzz/frames.h - what the targets of the binary form share. */
#ifndef FRAMES_H
#define FRAMES_H

#include <mytosis/binary.h>

/* Cuts any input into frames: each begins with its version, has a length that fits and a checksum
 * that is right. Else no change would pass the checksum. OWNED: mt_buf_free. */
mt_buf frames_mend(const uint8_t *data, size_t size);

/* A frame with this content, OWNED as above. */
mt_buf frames_make(unsigned kind, mt_bytes content);

/* Reads a sequence whole and in pieces of `step`, and holds that
 *
 *   rows are valid and in order, and errors have a message
 *   both times the same is said
 *   what is accepted, written again, says the same; with `exact`, one frame gives the same bytes
 *   memory stays within a small multiple of the input and of what `compressor` makes of it */
void frames_check(mt_bytes bytes, const mt_compressor *compressor, size_t step, bool exact);

#endif
