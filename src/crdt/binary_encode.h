/* crdt/binary_encode.h - rows into the streams of a frame. */
#ifndef MTI_BINARY_ENCODE_H
#define MTI_BINARY_ENCODE_H

#include "crdt/binary.h"

#define MTI_GUESSES 64

/* A shape that was found before, by the hint in its rows or by what its names look like. */
typedef struct mti_guess {
    const void *hint;
    const uint8_t *first; /* where its first name lies */
    uint32_t count;
    uint32_t shape;
} mti_guess;

/* A uid that the next one is written as a difference from. */
typedef struct mti_front {
    size_t len;
    uint8_t text[MT_UID_LEN_MAX];
} mti_front;

typedef struct mti_encoder {
    unsigned mask;    /* which stream is meant: 0 in rows, where all are the first */
    unsigned streams; /* how many there are */
    mt_buf *stream;
    mti_dictionary dictionary;
    mt_buf texts; /* the dictionary's names */
    mti_guess guess[MTI_GUESSES];
    uint64_t state; /* the one before */
    mti_front uid;  /* the one before; kept from frame to frame, for the order */
    mti_front edge; /* the one before; none yet: the length is 0 */
    bool fresh;     /* no row in this frame yet */
} mti_encoder;

/* MT_NO_MEMORY leaves nothing behind. */
mt_status mti_encoder_init(mti_encoder *encoder, const mt_mem *mem, bool columns);
void mti_encoder_free(mti_encoder *encoder);

/* Begins a frame. */
void mti_encoder_clear(mti_encoder *encoder);

/* How many bytes the streams hold. */
size_t mti_encoder_len(const mti_encoder *encoder);

/* Whether the frame has room for the names and the shape of one more row. */
bool mti_encoder_has_room(const mti_encoder *encoder);

/* Adds a row of at most MTI_SHAPE_NAMES_MAX fields, whose bound is `bound`, and which is valid, but
 * for its names: MT_INVALID if they are not, or not in order. `same`: equal hints in rows since
 * mti_encoder_forget stand for equal names. MT_NO_MEMORY. After a failure the encoder can only be
 * cleared. */
mt_status mti_encode_row(mti_encoder *encoder, const mt_row *row, size_t bound, bool same,
                         mt_error *err);

/* Forgets the hints of rows so far. */
void mti_encoder_forget(mti_encoder *encoder);

/* The parts of a block of columns: how many streams there are and their lengths, put into `table`,
 * then the streams. BORROWED until the encoder or `table` next changes. `parts` has room for
 * MTI_PARTS_MAX. */
#define MTI_PARTS_MAX (1 + MTI_STREAMS_MAX)
mt_status mti_encoder_parts(const mti_encoder *encoder, mt_buf *table, mt_bytes *parts,
                            size_t *count);

#endif
