/* base/map.h - a hash map from numbers to pointers: requests by their ids.
 *
 * Open addressing with linear probing in a power of two, at most half full; a key taken out is
 * closed up by moving what follows. Keys are counted up from 1, so that a multiplication spreads
 * them well enough; they never come from a peer. */
#ifndef MTI_MAP_H
#define MTI_MAP_H

#include <mytosis/bytes.h>
#include <mytosis/status.h>

typedef struct mti_map_slot {
    uint64_t key; /* 0: free */
    void *value;
} mti_map_slot;

/* All zero but for `mem` is an empty map. */
typedef struct mti_map {
    const mt_mem *mem;
    mti_map_slot *slots;
    size_t count;
    size_t cap; /* a power of two, or 0 */
} mti_map;

/* Adds a value, not NULL, under a key that is not 0 and not there. MT_NO_MEMORY. */
mt_status mti_map_put(mti_map *map, uint64_t key, void *value);

/* The value, or NULL. */
void *mti_map_get(const mti_map *map, uint64_t key);

/* Takes the value out, or answers NULL. */
void *mti_map_take(mti_map *map, uint64_t key);

/* Any value at all, NULL if the map is empty: for whoever takes all of them. */
void *mti_map_any(const mti_map *map);

void mti_map_free(mti_map *map);

#endif
