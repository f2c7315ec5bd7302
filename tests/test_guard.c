#include "test_guard.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* At most so many bytes before a copy are spoilt: all that small pieces leave of each other. */
#define SPOILT_LEN 4096

test_guard test_guard_new(size_t cap)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t len = (cap / page + 1) * page;
    uint8_t *map =
        mmap(NULL, len + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (map == MAP_FAILED || mprotect(map + len, page, PROT_NONE) != 0) {
        perror("test_guard");
        abort();
    }
    return (test_guard){map, map + len};
}

void test_guard_free(test_guard *guard)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);

    munmap(guard->start, (size_t)(guard->end - guard->start) + page);
    *guard = (test_guard){0};
}

mt_bytes test_guard_put(test_guard *guard, mt_bytes bytes)
{
    size_t room = (size_t)(guard->end - guard->start);
    uint8_t *copy;
    size_t spoilt;

    if (bytes.len > room) {
        fprintf(stderr, "test_guard: %zu bytes in room for %zu\n", bytes.len, room);
        abort();
    }
    copy = guard->end - bytes.len;
    spoilt = room - bytes.len < SPOILT_LEN ? room - bytes.len : SPOILT_LEN;
    if (bytes.len) memmove(copy, bytes.data, bytes.len);
    memset(copy - spoilt, 0xA5, spoilt);
    return (mt_bytes){copy, bytes.len};
}
