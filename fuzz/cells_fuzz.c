/* cells_fuzz.c - any words, as a coded table that a peer sent.
 *
 * The input's first byte is the seed; the others are cells as they are sent, as many as there are. If its
 * highest bit is set, the three highest bits of each word are cleared, so that more get in; and if the
 * bit below is, too, each cell is made to look as if an element were alone in it: its first word is a
 * value, and its second a key that has a place there, if one is found soon. */
#include "counted.h"
#include "sync/cells.h"
#include "sync/cells_place.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The next key, from one on, that has a place there, or just the last that was tried. */
static uint64_t key_at(uint64_t key, uint64_t seed, size_t count, size_t at)
{
    for (size_t tries = 0; tries < 64; tries++, key++) {
        mti_places p;

        key %= MTI_CELLS_KEY_END;
        mti_places_of(key, seed, count, &p);
        for (size_t i = 0; i < p.count; i++)
            if (p.at[i] == at) return key;
    }
    return key % MTI_CELLS_KEY_END;
}

static void mend(uint8_t *bytes, size_t count, uint8_t how)
{
    for (size_t i = 0; how & 0x80 && i < 2 * count; i++)
        mti_store_le64(mti_load_le64(bytes + 8 * i) & MTI_F61_PRIME >> 1, bytes + 8 * i);
    for (size_t i = 0; (how & 0xC0) == 0xC0 && i < count; i++) {
        uint64_t value = mti_load_le64(bytes + 16 * i);
        uint64_t key = key_at(mti_load_le64(bytes + 16 * i + 8), how, count, i);
        mti_places p;

        mti_places_of(key, how, count, &p);
        mti_store_le64(mti_f61_mul(p.name, value), bytes + 16 * i + 8);
    }
}

static bool all_empty(const mti_cells *cells)
{
    for (size_t i = 0; i < cells->count; i++)
        if (mti_f61_reduce(cells->cells[i].s0) || mti_f61_reduce(cells->cells[i].s1)) return false;
    return true;
}

/* What was found is what is gone. */
static void check(mti_cells *cells, mti_cells *copy)
{
    mti_difference found;
    mt_status st = mti_cells_decode(cells, &found);

    REQUIRE(st == (all_empty(cells) ? MT_OK : MT_AGAIN));
    REQUIRE(found.count <= cells->count);
    REQUIRE((mti_cells_left(cells) == 0) == all_empty(cells));
    for (size_t i = 0; i < found.count; i++) {
        REQUIRE(found.items[i].key > 0 && found.items[i].key < MTI_CELLS_KEY_END);
        REQUIRE(found.items[i].value > 0 && found.items[i].value < MTI_F61_PRIME);
    }
    mti_cells_add(cells, found.items, found.count);
    mti_cells_subtract(copy, cells);
    REQUIRE(all_empty(copy));
    mti_difference_free(&found);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t count = size / MTI_CELL_LEN;
    counter counted = {.live_max = 4 * size};
    const mt_mem mem = {counted_resize, &counted};
    mti_cells cells, copy;
    uint8_t *bytes;
    mt_bytes in;

    if (size % MTI_CELL_LEN != 1 || mti_cells_new(&mem, count, data[0], &cells) != MT_OK) return 0;
    REQUIRE(mti_cells_new(&mem, count, data[0], &copy) == MT_OK);
    bytes = malloc(size);
    REQUIRE(bytes);
    memcpy(bytes, data + 1, size - 1);
    mend(bytes, count, data[0]);
    in = (mt_bytes){bytes, size - 1};
    if (mti_cells_get(&cells, in) == MT_OK && mti_cells_get(&copy, in) == MT_OK)
        check(&cells, &copy);
    free(bytes);
    mti_cells_free(&cells);
    mti_cells_free(&copy);
    REQUIRE(counted.live == 0);
    return 0;
}
