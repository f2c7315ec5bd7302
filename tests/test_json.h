/* test_json.h - test vectors: JSON cut into raw slices, for tests of what reads JSON.
 *
 *     mt_bytes text = test_vectors("tie-break.json"), item, current;
 *     test_json_iter iter = test_json_items(text);
 *     while (test_json_next(&iter, NULL, &item)) {
 *         current = test_json_get(item, "current");
 *         ...
 *     }
 *     test_vectors_free(text);
 *
 * It trusts its input: what is not JSON ends the program. */
#ifndef TEST_JSON_H
#define TEST_JSON_H

#include <mytosis/bytes.h>

/* The content of a file of vectors, OWNED. The folder is the environment variable
 * MYTOSIS_VECTORS, or else the one known when the tests were built. */
mt_bytes test_vectors(const char *file);
void test_vectors_free(mt_bytes text);

/* Walks the items of an array, or the members of an object. */
typedef struct test_json_iter {
    mt_bytes text;
    size_t at;
} test_json_iter;

test_json_iter test_json_items(mt_bytes array_or_object);

/* The next item as it stands in the text, without the space around it; false at the end. Of a
 * member, `key` gets the name with its quotes; it may be NULL. */
bool test_json_next(test_json_iter *iter, mt_bytes *key, mt_bytes *value);

/* The value of a member as it stands in the text; empty if there is none. */
mt_bytes test_json_get(mt_bytes object, const char *name);

/* Whether a slice is this text. */
bool test_json_is(mt_bytes slice, const char *text);

/* Writes what a string with quotes stands for, and answers its length. `out` has room for
 * slice.len. */
size_t test_json_string(mt_bytes slice, uint8_t *out);

/* What a string of hexadecimal digits stands for, up to 4,096 bytes; an empty slice: none. There are eight
 * rooms, used in turn: BORROWED until the eighth call from here. */
mt_bytes test_json_hex(mt_bytes slice);

#endif
