/* test_binary.h - frames made by hand and by the writer, and what a reader says of them. */
#ifndef TEST_BINARY_H
#define TEST_BINARY_H

#include "test_law.h"
#include <mytosis/binary.h>

/* A compressor that stores its input as it is, so that columns can be looked at. Its id is 127. */
const mt_compressor *test_store(void);
#define TEST_STORE_ID 127

/* A vector of rows, in order. */
typedef struct test_rows {
    mt_row *rows;
    size_t count, room;
} test_rows;

/* Rows as a reader may give them: every kind of field, floors, extensions, nodes in several parts.
 * All in the arena of the case. */
test_rows test_binary_rows(test_case *c);

/* What a writer makes of rows, OWNED, in `test_mem`. It must succeed. */
mt_buf test_encode(const test_rows *rows, const mt_limits *limits, const mt_compressor *compressor);

/* The bytes of hexadecimal text, OWNED; space is skipped. A `"` begins and ends bytes that stand
 * for themselves. */
mt_buf test_hex(const char *text);

/* One frame, OWNED, with its length and checksum, around what `test_hex` makes of `content`. */
mt_buf test_frame(unsigned kind, const char *content);

/* A frame of columns, stored, around a block. */
mt_buf test_column_frame(const char *block);

/* Replaces the checksum of a frame that is all of `frame`. */
void test_mend(mt_buf *frame);

/* Feeds `first` bytes, then `step` at a time, each piece ending where memory ends. What the reader,
 * whose name is t, says, OWNED: a line for each row, such as
 *
 *     "uid"^FLOOR: "name"=VALUE@STATE "other"=deleted@STATE +"extension" more
 *
 * and at the end the status and, unless that is MT_END, the message. */
typedef struct test_binary {
    const mt_limits *limits;
    const mt_compressor *compressor;
    mt_bytes bytes;
} test_binary;

mt_buf test_binary_said(const mt_mem *mem, const test_binary *input, size_t first, size_t step);

/* Reads the bytes whole and cut in many ways; fails unless this is said. */
void test_binary_check(const test_binary *input, const char *expected);

/* The same for bytes that are freed. */
void test_binary_says(mt_buf bytes, const char *expected);

/* The line of a row, appended. */
void test_binary_add_row(mt_buf *out, const mt_row *row);

#endif
