/* crdt/binary_decode.h - the streams of a frame into rows, checked to the last bit.
 *
 * What passes is valid, in order, and in the one form that a writer gives it. */
#ifndef MTI_BINARY_DECODE_H
#define MTI_BINARY_DECODE_H

#include "crdt/binary.h"

/* Room for a uid that is copied in pieces of 16 bytes. */
#define MTI_DECODED_UID_MAX 272

/* The most that one row can need: fields, and bytes of uids and edges, which are put together from
 * what they share with those before. */
#define MTI_DECODED_FIELDS_MAX MTI_SHAPE_NAMES_MAX
#define MTI_DECODED_TEXT_MAX ((MTI_SHAPE_NAMES_MAX + 1) * MTI_DECODED_UID_MAX)

typedef struct mti_source {
    const uint8_t *at;
    const uint8_t *end;
} mti_source;

typedef struct mti_decoder {
    const mt_mem *mem;
    mt_limits limits;
    unsigned mask;    /* which stream is meant: 0 in rows, where all are the first */
    unsigned streams; /* how many there are */
    mti_source *source;
    mti_dictionary dictionary;
    uint64_t state; /* the one before */
    mt_bytes uid;   /* the one before; kept from frame to frame, for the order */
    mt_bytes edge;  /* the one before; none yet: the length is 0 */
    bool alone;     /* a frame of rows has one: its names are told apart by their order alone */
    bool fresh;     /* no row in this frame yet */
    bool any;       /* a row in this sequence */
    bool more;      /* the node of the last row goes on */
    uint64_t floor; /* of that node */
    uint8_t name[MT_NAME_LEN_MAX];
    size_t name_len; /* its last name */
    uint8_t *text;   /* where the next uid or edge goes */
    uint8_t uid_held[MTI_DECODED_UID_MAX];
    uint8_t edge_held[MTI_DECODED_UID_MAX];
    mt_error error;
    const uint8_t *bad; /* what the error is about */
} mti_decoder;

/* MT_NO_MEMORY leaves nothing behind. */
mt_status mti_decoder_init(mti_decoder *decoder, const mt_mem *mem, const mt_limits *limits);
void mti_decoder_free(mti_decoder *decoder);

/* Begins a sequence. */
void mti_decoder_reset(mti_decoder *decoder);

/* Begins a frame of rows or of columns, BORROWED until the next. A failure of columns:
 * MT_MALFORMED, see the error. */
void mti_decoder_rows(mti_decoder *decoder, mt_bytes body);
mt_status mti_decoder_columns(mti_decoder *decoder, mt_bytes block);

/* Copies what it needs of the text of the rows before, which may then go. */
void mti_decoder_hold(mti_decoder *decoder);

/* Whether all rows of the frame were read. */
bool mti_decoder_done(const mti_decoder *decoder);

/* The next row of the frame, BORROWED from it, from `fields`, which has room for
 * MTI_DECODED_FIELDS_MAX, and from `text`, which the caller sets: with room for
 * MTI_DECODED_TEXT_MAX. What fails is told in `error` and `bad`. */
mt_status mti_decode_row(mti_decoder *decoder, mt_row *row, mt_field *fields);

/* Parts of a row: the uid, which is checked to come where it should, and a value, from the streams
 * that begin at `column`. */
mt_status mti_decode_uid(mti_decoder *decoder, mt_bytes *out);
mt_status mti_decode_value(mti_decoder *decoder, mti_source *column, mt_field *field);

/* Checks that nothing is left over. */
mt_status mti_decoder_end(mti_decoder *decoder);

#endif
