/* crdt/json.h - inside the JSON reader.
 *
 *     json_input.c   pieces of text become windows: runs of bytes that lie together
 *     json_arena.c   bytes that belong to the row at hand
 *     json_text.c    tokens: strings, numbers, words, and what to say where none of them stands
 *     json_value.c   values and states, and the objects around them
 *     json_reader.c  the graph of nodes of fields, row by row
 *     json_load.c    a whole text into a graph
 *
 * The text is read in units: punctuation, `"uid": {`, or `"name": VALUE`. A unit is read in one
 * go from one window. Functions that read take a position and answer the position behind what
 * they read; NULL says that `reader->st` tells why not. MT_AGAIN among these means that the unit
 * needs more text: nothing of it is kept, and it is read again when there is more. Whatever is
 * refused depends on the bytes alone and not on where pieces end. */
#ifndef MTI_JSON_H
#define MTI_JSON_H

#include <mytosis/json.h>
#include "base/bytes.h"

/* A row ends behind so many fields, or bytes of values. */
#define MTI_JSON_ROW_FIELDS 1024
#define MTI_JSON_ROW_BYTES (256 * 1024)

/* ---- Input ---- */

typedef struct mti_json_input {
    mt_bytes piece;         /* fed last; BORROWED, never NULL */
    size_t used;            /* how much of it has been in a window */
    mt_buf held;            /* the window while a unit lies in more than one piece */
    size_t carried;         /* bytes of `held` from earlier pieces; 0: the piece is the window */
    size_t want;            /* what `held` must hold before its unit is tried again */
    const uint8_t *at;      /* the window from the next unit on */
    const uint8_t *end;     /* the end of the window */
    const uint8_t *counted; /* the byte in the window that stands at the place below */
    uint64_t line;
    uint64_t column;
    bool last;     /* nothing follows the piece */
    bool hungry;   /* waits to be fed */
    bool unfilled; /* was fed while `held` is the window */
} mti_json_input;

/* Where something stands: at a byte of the window, or (line > 0) settled. */
typedef struct mti_json_place {
    const uint8_t *at;
    uint64_t line;
    uint64_t column;
} mti_json_place;

void mti_json_input_init(mti_json_input *input, const mt_mem *mem);
void mti_json_input_end(mti_json_input *input);
void mti_json_input_feed(mti_json_input *input, mt_bytes text, bool last);

/* Makes a window that holds the unit at `at` and more than before. MT_AGAIN: feed. MT_NO_MEMORY. */
mt_status mti_json_input_more(mti_json_input *input);

/* Puts more of the piece into a window that was carried over. As mti_json_input_more. */
mt_status mti_json_input_fill(mti_json_input *input);

/* Whether all that was carried over is read, so that the piece can be the window. */
static inline bool mti_json_input_is_through(const mti_json_input *input)
{
    return input->carried && (size_t)(input->at - input->held.data) >= input->carried;
}

/* Makes the piece the window. */
void mti_json_input_resume(mti_json_input *input);

/* Whether the text ends with the window. */
static inline bool mti_json_input_is_final(const mti_json_input *input)
{
    return input->last && input->used == input->piece.len;
}

/* Counts lines and characters up to `at`, which must not lie before what was counted. */
void mti_json_input_count(mti_json_input *input, const uint8_t *at);

/* Settles a place, which must not lie before what was counted; counts up to it. */
void mti_json_input_settle(mti_json_input *input, mti_json_place *place);

/* ---- Arena ---- */

typedef struct mti_json_arena {
    const mt_mem *mem;
    struct json_chunk *chunk; /* the newest */
    size_t used;              /* bytes of it */
} mti_json_arena;

void mti_json_arena_end(mti_json_arena *arena);

/* `len` bytes, not aligned; NULL without memory. */
uint8_t *mti_json_arena_take(mti_json_arena *arena, size_t len);

/* Frees what was taken since `mark`, a copy of the arena, was made. */
void mti_json_arena_rewind(mti_json_arena *arena, mti_json_arena mark);

/* Frees all. Keeps a chunk for what comes. */
void mti_json_arena_reset(mti_json_arena *arena);

/* ---- The reader ---- */

/* What may come next. */
typedef enum mti_json_state {
    MTI_JSON_START,
    MTI_JSON_FIRST_UID,
    MTI_JSON_UID,
    MTI_JSON_FIRST_NAME,
    MTI_JSON_NAME,
    MTI_JSON_AFTER_FIELD,
    MTI_JSON_AFTER_NODE,
    MTI_JSON_TAIL
} mti_json_state;

/* What a string may be. */
typedef struct mti_json_limit {
    const char *what;
    size_t len_max;   /* bytes without escapes */
    size_t told;      /* what the message says in its place */
    const char *name; /* of the limit that may be set, for the message; or empty */
} mti_json_limit;

struct mt_json_reader {
    const mt_mem *mem;
    mti_json_input input;
    mti_json_arena arena;
    const uint8_t *stop; /* a unit must end before it */
    size_t unit_len_max;
    mti_json_limit value_limit;
    mti_json_limit bytes_limit; /* base64url makes it longer */
    mti_json_state state;
    mt_json_form form;
    mt_status st;   /* why a function answered NULL */
    mt_status done; /* MT_END or an error: what is answered from then on */
    mt_error err;

    /* The node. */
    uint8_t uid[MT_UID_LEN_MAX];
    size_t uid_len;
    mti_json_place uid_place;
    uint64_t floor;
    bool delete_node;
    bool has_object; /* "@object" was read */

    /* The row: fields before `settled` do not borrow from the window. */
    bool complete;  /* to be answered now */
    bool more;      /* the node goes on in the next row */
    bool continued; /* the node began in an earlier row */
    bool sorted;    /* names ascend so far */
    size_t count;
    size_t settled;
    size_t value_bytes;
    mt_field fields[MTI_JSON_ROW_FIELDS];
    mti_json_place places[MTI_JSON_ROW_FIELDS]; /* of their names */
    uint16_t order[MTI_JSON_ROW_FIELDS];        /* scratch: fields by name */

    char name[101]; /* of the text, for messages */
};

/* Makes the reader fail at the place of a field of the row read last. As mt_json_reader_refuse. */
mt_status mti_json_reader_refuse_field(mt_json_reader *reader, size_t field, const char *text);

/* ---- Tokens ---- */

/* Puts the place of `at` before the message in `reader->err`, sets `reader->st` and answers NULL:
 * `return mti_json_refuse(reader, at, mti_fail(&reader->err, MT_MALFORMED, "..."));` */
const uint8_t *mti_json_refuse(mt_json_reader *reader, const uint8_t *at, mt_status st);

/* Answers NULL where something else, or nothing, stands at `at` in place of `expected`. */
const uint8_t *mti_json_unexpected(mt_json_reader *reader, const uint8_t *at, const char *expected);

/* Answers NULL for want of memory. */
const uint8_t *mti_json_no_memory(mt_json_reader *reader);

/* Passes white space. */
static inline const uint8_t *mti_json_space(const uint8_t *at, const uint8_t *stop)
{
    while (at < stop && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t')) at++;
    return at;
}

/* Reads one character of punctuation, behind white space. */
static inline const uint8_t *mti_json_expect(mt_json_reader *reader, const uint8_t *at,
                                             uint8_t mark, const char *expected)
{
    at = mti_json_space(at, reader->stop);
    if (at < reader->stop && *at == mark) return at + 1;
    return mti_json_unexpected(reader, at, expected);
}

/* Reads a word such as "true", which begins at `at`. `expected` is the word in quotes. */
const uint8_t *mti_json_word(mt_json_reader *reader, const uint8_t *at, const char *expected);

/* Reads a string, whose opening quote stands at `at`. `*out` is BORROWED from the window, or from
 * the arena where there are escapes. MT_TOO_LARGE: longer than the limit. */
const uint8_t *mti_json_string(mt_json_reader *reader, const uint8_t *at,
                               const mti_json_limit *limit, mt_bytes *out);

/* Reads a number that a double can hold. */
const uint8_t *mti_json_number(mt_json_reader *reader, const uint8_t *at, double *out);

/* ---- Values and objects ---- */

extern const mti_json_limit mti_json_uid_limit;
extern const mti_json_limit mti_json_name_limit;

/* Checks what a limit does not: `at` is where the uid begins. NULL or `behind`. */
const uint8_t *mti_json_check_uid(mt_json_reader *reader, const uint8_t *at, mt_bytes uid,
                                  const uint8_t *behind);

/* Read the rest of a unit into `field`, from the value on: of a graph, an object with a state;
 * of a patch, a plain value. */
const uint8_t *mti_json_graph_field(mt_json_reader *reader, const uint8_t *at, mt_field *field);
const uint8_t *mti_json_patch_field(mt_json_reader *reader, const uint8_t *at, mt_field *field);

/* Reads the object of "@object", of the node at hand. */
const uint8_t *mti_json_object(mt_json_reader *reader, const uint8_t *at);

#endif
