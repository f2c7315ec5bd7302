/* crdt/record.h - a row as a frame by itself: how nodes and fields rest in a store.
 *
 * The bytes are those of docs/format.md, just as mt_binary_writer makes them of this row alone. All
 * names and the shape of such a frame are new in it, so that writing one takes no dictionary and no
 * memory. */
#ifndef MTI_RECORD_H
#define MTI_RECORD_H

#include "crdt/binary_decode.h"

/* How much room the frame of a row takes at most. */
size_t mti_record_bound(const mt_row *row);

/* Writes the frame of a row such as graphs hold: at most MTI_SHAPE_NAMES_MAX fields, in order, above
 * the floor. Answers where it lies in `room`, which has mti_record_bound bytes. */
mt_bytes mti_record_put(const mt_row *row, uint8_t *room);

/* Reads a frame that is a single row. `fields` has room for MTI_DECODED_FIELDS_MAX and
 * `decoder->text`, which the caller sets, for MTI_DECODED_TEXT_MAX; the row is BORROWED from both and
 * from `frame`. The checksum is compared before anything is believed. MT_MALFORMED; MT_UNSUPPORTED:
 * a sound frame of a kind or version that is not known; MT_TOO_LARGE; MT_NO_MEMORY. */
mt_status mti_record_get(mti_decoder *decoder, mt_bytes frame, mt_row *row, mt_field *fields,
                         mt_error *err);

#endif
