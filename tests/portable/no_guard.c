/* no_guard.c - for test_guard.h, on a target without pages that nobody may touch: bytes that end where their memory
 * does. */
#include "test_guard.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

test_guard test_guard_new(size_t cap)
{
    uint8_t *start = malloc(cap + 1);

    if (!start) {
        perror("test_guard");
        abort();
    }
    return (test_guard){start, start + cap};
}

void test_guard_free(test_guard *guard)
{
    free(guard->start);
    *guard = (test_guard){0};
}

mt_bytes test_guard_put(test_guard *guard, mt_bytes bytes)
{
    uint8_t *copy = guard->end - bytes.len;

    if (bytes.len > (size_t)(guard->end - guard->start)) {
        fprintf(stderr, "test_guard: no room for %zu bytes\n", bytes.len);
        abort();
    }
    if (bytes.len) memmove(copy, bytes.data, bytes.len);
    return (mt_bytes){copy, bytes.len};
}
