/* test_said.h - what a JSON reader says of a text, as text itself.
 *
 * Short texts are read whole, cut in two at every byte, and byte by byte: neither rows nor
 * errors may depend on it. Each piece ends where memory ends, and is spoilt when the next one is
 * fed. */
#ifndef TEST_SAID_H
#define TEST_SAID_H

#include <mytosis/json.h>

typedef struct test_text {
    mt_json_form form;
    const mt_limits *limits;
    mt_bytes text;
} test_text;

/* Feeds `first` bytes, then `step` at a time. What is said, OWNED, has a line for each row, such as
 *
 *     "uid"^FLOOR delete: "name"=VALUE@STATE "other"=deleted@STATE more
 *
 * and ends with the status and, unless that is MT_END, the message. */
mt_buf test_said_in_pieces(const mt_mem *mem, const test_text *text, size_t first, size_t step);

/* Fails unless the same is said when the text is cut so. */
void test_said_check_same(const test_text *text, const mt_buf *expected, size_t first, size_t step);

/* Reads a text in many ways and fails unless this is said, or, with `end`, what is said ends
 * with this. */
void test_said_check(const test_text *text, const char *expected, bool end);

/* Appends to a buffer of test_mem. */
void test_said_add(mt_buf *out, const char *text);

/* `count` times `unit`, between two texts, OWNED. */
mt_buf test_said_repeat(const char *before, const char *unit, size_t count, const char *behind);

#endif
