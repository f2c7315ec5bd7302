#include "sim/room.h"

#include <stdio.h>
#include <stdlib.h>

void mti_sim_refuse(const char *what)
{
    fprintf(stderr, "mytosis sim: %s\n", what);
    abort();
}

void *mti_sim_new(size_t count, size_t size)
{
    void *made = calloc(count ? count : 1, size);

    if (!made) mti_sim_refuse("out of memory");
    return made;
}

void *mti_sim_room(void *items, size_t *cap, size_t need, size_t size)
{
    if (need <= *cap) return items;
    *cap = need + *cap / 2 + 16;
    items = realloc(items, *cap * size);
    if (!items) mti_sim_refuse("out of memory");
    return items;
}
