#include "counted.h"
#include <stdio.h>
#include <stdlib.h>

_Noreturn void require_fail(const char *what, const char *file, int line)
{
    fprintf(stderr, "%s:%d: %s\n", file, line, what);
    abort();
}

void *counted_resize(void *ctx, void *ptr, size_t old_size, size_t size)
{
    counter *count = ctx;
    void *grown = NULL;

    if (size == 0) free(ptr);
    else grown = realloc(ptr, size);
    if (size > 0 && !grown) return NULL;
    count->live = count->live - old_size + size;
    REQUIRE(count->live <= count->live_max);
    return grown;
}
