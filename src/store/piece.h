/* store/piece.h - rows on their way out: what records say, put together for one answer.
 *
 * Rows are views of the records and of the piece, so that it must be handed out while the records are
 * there. */
#ifndef MTI_PIECE_H
#define MTI_PIECE_H

#include "crdt/binary_decode.h"
#include "store/large.h"

#include <mytosis/plugin/storage.h>

typedef struct mti_piece {
    const mt_mem *mem;
    mt_storage_row *rows;
    mt_field *fields;
    uint8_t *text; /* uids and edges, which are put together from what they share */
    size_t row_count, row_cap;
    size_t field_count, field_cap;
    size_t text_len, text_cap;
    bool open; /* the last row takes more fields */
} mti_piece;

void mti_piece_free(mti_piece *piece);

/* Empties a piece. */
static inline void mti_piece_clear(mti_piece *piece)
{
    piece->row_count = piece->field_count = piece->text_len = 0;
    piece->open = false;
}

/* Gives an empty piece room for `count` records of `len` bytes in all, or as much as a piece has
 * at most: at least for one. MT_NO_MEMORY. */
mt_status mti_piece_reserve(mti_piece *piece, size_t count, size_t len);

/* Whether there is room for one more record. If not, the piece has rows to hand out. */
bool mti_piece_has_room(const mti_piece *piece);

/* Add what a record says, for which there is room; or nothing, and say in `err` which record is
 * damaged, and how. `uid` is BORROWED by the rows.
 *
 * A small node is a row. A large one begins as a row without fields that says `partial` or not; the
 * fields that follow join it, until it is closed. A field with an extension is a row of its own. One
 * that was written since the large node's record was read raises its highest state. */
mt_status mti_piece_add_node(mti_piece *piece, mti_decoder *decoder, mt_bytes uid, mt_bytes value,
                             mt_error *err);
void mti_piece_add_large(mti_piece *piece, mt_bytes uid, const mti_large *large, bool partial);
mt_status mti_piece_add_field(mti_piece *piece, mti_decoder *decoder, mt_bytes uid,
                              mti_large *large, bool partial, mt_bytes name, mt_bytes value,
                              mt_error *err);

/* Closes the row that takes more fields, if there is one; `more`: another of the node follows. */
void mti_piece_close(mti_piece *piece, bool more);

#endif
