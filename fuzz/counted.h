/* fuzz/counted.h - what all targets share: requirements, and memory that counts itself. */
#ifndef COUNTED_H
#define COUNTED_H

#include <mytosis/mem.h>

#define REQUIRE(truth) ((truth) ? (void)0 : require_fail(#truth, __FILE__, __LINE__))
_Noreturn void require_fail(const char *what, const char *file, int line);

typedef struct counter {
    size_t live;
    size_t live_max; /* more is a failed requirement */
} counter;

/* For an mt_mem whose `ctx` is a counter. */
void *counted_resize(void *ctx, void *ptr, size_t old_size, size_t size);

#endif
