#include "base/map.h"

#include "base/bytes.h"

#define CAP_MIN 16

static size_t home(uint64_t key, size_t cap)
{
    return (size_t)((key * UINT64_C(0x9E3779B97F4A7C15)) >> 32) & (cap - 1);
}

static size_t find(const mti_map *map, uint64_t key)
{
    size_t at = home(key, map->cap);

    while (map->slots[at].key && map->slots[at].key != key) at = (at + 1) & (map->cap - 1);
    return at;
}

static mt_status grow(mti_map *map)
{
    mti_map wider = {.mem = map->mem, .cap = map->cap ? 2 * map->cap : CAP_MIN};

    wider.slots = mti_mem_alloc(map->mem, wider.cap * sizeof *wider.slots);
    if (!wider.slots) return MT_NO_MEMORY;
    memset(wider.slots, 0, wider.cap * sizeof *wider.slots);
    for (size_t i = 0; i < map->cap; i++)
        if (map->slots[i].key) wider.slots[find(&wider, map->slots[i].key)] = map->slots[i];
    wider.count = map->count;
    mti_map_free(map);
    *map = wider;
    return MT_OK;
}

mt_status mti_map_put(mti_map *map, uint64_t key, void *value)
{
    mti_map_slot slot = {key, value};

    if (2 * (map->count + 1) > map->cap && grow(map) != MT_OK) return MT_NO_MEMORY;
    map->slots[find(map, key)] = slot;
    map->count++;
    return MT_OK;
}

void *mti_map_get(const mti_map *map, uint64_t key)
{
    return map->count ? map->slots[find(map, key)].value : NULL;
}

void *mti_map_take(mti_map *map, uint64_t key)
{
    size_t at, next;
    void *value;

    if (map->count == 0) return NULL;
    at = find(map, key);
    value = map->slots[at].value;
    if (!map->slots[at].key) return NULL;
    for (next = (at + 1) & (map->cap - 1); map->slots[next].key;
         next = (next + 1) & (map->cap - 1)) {
        size_t from = home(map->slots[next].key, map->cap);
        /* What lies in its home, or between the gap and its home, stays. */
        if (((next - from) & (map->cap - 1)) < ((next - at) & (map->cap - 1))) continue;
        map->slots[at] = map->slots[next];
        at = next;
    }
    map->slots[at].key = 0;
    map->slots[at].value = NULL;
    map->count--;
    return value;
}

void *mti_map_any(const mti_map *map)
{
    for (size_t i = 0; map->count && i < map->cap; i++)
        if (map->slots[i].key) return map->slots[i].value;
    return NULL;
}

void mti_map_free(mti_map *map)
{
    mti_mem_free(map->mem, map->slots, map->cap * sizeof *map->slots);
    map->slots = NULL;
    map->count = map->cap = 0;
}
