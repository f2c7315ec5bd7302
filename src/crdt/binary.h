/* crdt/binary.h - the parts of the binary form. docs/format.md says all of it in words.
 *
 *     frame    a1 | kind, flags | length | [extension] | body | checksum
 *     body     of kind ROWS: the rows
 *              of kind COLUMNS: compressor | raw length | padding | the streams, compressed as one
 *
 *     row      head | [flags] | [shape] | uid | [floor] | [states] | values | [extension]
 *     head     shape * 4 + how the states are written; shape 0 is a new one
 *     uid      bytes to drop from the uid before and to add, a nibble each | the bytes added
 *     value    kind, small number | [length or integer or double] | [text]
 *
 * In columns, each part of a row goes to the stream of its sort; in rows, all streams are the same
 * one. So one codec writes and reads both. What a row refers to (names, shapes, the uid, edge and
 * state before) starts anew with each frame. */
#ifndef MTI_BINARY_H
#define MTI_BINARY_H

#include "crdt/dictionary.h"

#include <mytosis/binary.h>
#include <string.h>

/* ---- Frames ---- */

/* The second byte of a frame. */
#define MTI_FRAME_ROWS 0x01
#define MTI_FRAME_COLUMNS 0x02
#define MTI_FRAME_KIND 0x03
#define MTI_FRAME_EXTENSION 0x04 /* bytes for later versions, which this one skips */
#define MTI_FRAME_MORE 0x08      /* another frame follows in this sequence */

#define MTI_FRAME_HEADER_MAX 12 /* version, kind, a varint */
#define MTI_FRAME_CHECKSUM 4

/* A name's place in a frame has 32 bits; limits beyond this count as this. */
#define MTI_FRAME_LEN_WALL ((size_t)1 << 30)

/* ---- Rows ---- */

/* The low two bits of a row's head: how the states of its fields are written. */
typedef enum mti_states {
    MTI_STATES_SAME = 0, /* all as the state before */
    MTI_STATES_ONE = 1,  /* one for all, as its difference from the one before */
    MTI_STATES_EACH = 2, /* of each field its difference from the one before */
    MTI_STATES_FLAGS = 3 /* what is rare stands in a byte of flags behind the head */
} mti_states;

/* The byte of flags; its low two bits are the mti_states. */
#define MTI_ROW_STATES 0x03
#define MTI_ROW_FLOOR 0x04
#define MTI_ROW_EXTENSION 0x08
#define MTI_ROW_MORE 0x10 /* the node goes on in the next row */

/* ---- Values: three bits of kind and five of a small number ---- */

typedef enum mti_tag {
    MTI_TAG_SIMPLE = 0,
    MTI_TAG_NATURAL = 1,  /* an integer from 0, below 2^53 */
    MTI_TAG_NEGATIVE = 2, /* the same, of -1 - integer */
    MTI_TAG_STRING = 3,
    MTI_TAG_BYTES = 4,
    MTI_TAG_EDGE = 5
} mti_tag;

/* The small number of MTI_TAG_SIMPLE. */
typedef enum mti_simple {
    MTI_SIMPLE_NULL = 0,
    MTI_SIMPLE_FALSE = 1,
    MTI_SIMPLE_TRUE = 2,
    MTI_SIMPLE_DELETED = 3,
    MTI_SIMPLE_DOUBLE = 4,
    MTI_SIMPLE_INT64 = 5
} mti_simple;

#define MTI_TAG_BITS 5
#define MTI_TAG_SMALL 0x1F

/* Of integers: up to 23 stand in the tag; 24 to 30 say that 1 to 7 bytes follow. */
#define MTI_INTEGER_SMALL 24
#define MTI_INTEGER_END (UINT64_C(1) << 53)

/* Whether a number is written as an integer. */
static inline bool mti_is_short_integer(double number)
{
    const double end = (double)MTI_INTEGER_END;

    return number >= -end && number < end && (double)(int64_t)number == number;
}

/* Of strings and bytes: lengths up to 30 stand in the tag; after 31 follows the rest as a varint.
 */
#define MTI_LEN_LONG 31

/* Of uids and edges: in each nibble, 15 says that the rest follows as a varint. */
#define MTI_FRONT_LONG 15

/* ---- Streams ---- */

enum {
    MTI_STREAM_HEADS,     /* heads, flags, shapes, extensions */
    MTI_STREAM_UID_CODES, /* of uids: what to drop and to add */
    MTI_STREAM_UID_TEXTS,
    MTI_STREAM_STATES, /* floors, states */
    MTI_STREAM_COLUMNS /* the first column */
};

/* The streams of a column, the values of one field name. Names from the 64th on share the last
 * column. */
enum { MTI_COLUMN_TAGS, MTI_COLUMN_DATA, MTI_COLUMN_TEXTS, MTI_COLUMN_STREAMS };
#define MTI_COLUMNS_MAX 64
#define MTI_STREAMS_MAX (MTI_STREAM_COLUMNS + MTI_COLUMNS_MAX * MTI_COLUMN_STREAMS)

/* The first stream of the column of a name. */
static inline unsigned mti_column(unsigned name)
{
    unsigned column = name < MTI_COLUMNS_MAX ? name : MTI_COLUMNS_MAX - 1;

    return MTI_STREAM_COLUMNS + column * MTI_COLUMN_STREAMS;
}

/* How many streams a frame with so many names has. */
static inline unsigned mti_stream_count(unsigned names)
{
    unsigned columns = names < MTI_COLUMNS_MAX ? names : MTI_COLUMNS_MAX;

    return MTI_STREAM_COLUMNS + columns * MTI_COLUMN_STREAMS;
}

/* Copies text, which is short as a rule: without a call, by two words that may overlap. */
static inline void mti_copy_text(uint8_t *out, const uint8_t *in, size_t len)
{
    uint64_t words[2];
    uint32_t halves[2];

    if (len > 16) {
        memcpy(out, in, len);
    } else if (len >= 8) {
        memcpy(&words[0], in, 8);
        memcpy(&words[1], in + len - 8, 8);
        memcpy(out, &words[0], 8);
        memcpy(out + len - 8, &words[1], 8);
    } else if (len >= 4) {
        memcpy(&halves[0], in, 4);
        memcpy(&halves[1], in + len - 4, 4);
        memcpy(out, &halves[0], 4);
        memcpy(out + len - 4, &halves[1], 4);
    } else {
        for (size_t i = 0; i < len; i++) out[i] = in[i];
    }
}

/* ---- The writer, from within ---- */

/* Ends the frame here, if it holds anything; another follows. */
mt_status mti_binary_cut(mt_binary_writer *writer);

#endif
