#include "crdt/limits.h"
#include <string.h>

/* What the struct held when it was first released; it only grows. */
#define FIRST_SIZE (offsetof(mt_limits, expand_max) + sizeof(size_t))

/* The lengths of values are kept in 32 bits. */
#define VALUE_LEN_WALL ((size_t)1 << 30)

void mt_limits_init(mt_limits *limits)
{
    limits->size = sizeof *limits;
    limits->value_len_max = 256 * 1024;
    limits->frame_len_max = 1024 * 1024;
    limits->block_len_max = 4 * 1024 * 1024;
    limits->expand_max = 64;
}

mt_limits mti_limits_copy(const mt_limits *limits)
{
    mt_limits copy, given = {0};
    size_t size;

    mt_limits_init(&copy);
    if (!limits) return copy;
    size = limits->size ? limits->size : FIRST_SIZE;
    memcpy(&given, limits, size < sizeof given ? size : sizeof given);
    if (given.value_len_max) copy.value_len_max = given.value_len_max;
    if (copy.value_len_max > VALUE_LEN_WALL) copy.value_len_max = VALUE_LEN_WALL;
    if (given.frame_len_max) copy.frame_len_max = given.frame_len_max;
    if (given.block_len_max) copy.block_len_max = given.block_len_max;
    if (given.expand_max) copy.expand_max = given.expand_max;
    return copy;
}
