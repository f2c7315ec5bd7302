/* test_guard.h - bytes that end where memory ends: reading one more is a crash. */
#ifndef TEST_GUARD_H
#define TEST_GUARD_H

#include <mytosis/bytes.h>

typedef struct test_guard {
    uint8_t *start;
    uint8_t *end; /* a page that nobody may touch begins here */
} test_guard;

/* Room for `cap` bytes. Ends the program if there is none. */
test_guard test_guard_new(size_t cap);
void test_guard_free(test_guard *guard);

/* Copies `bytes` to the end of the room, BORROWED until the next call, and spoils all before
 * them. */
mt_bytes test_guard_put(test_guard *guard, mt_bytes bytes);

#endif
