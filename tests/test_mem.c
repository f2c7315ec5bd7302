/* test_mem.c - memory that is watched, memory that fails, and random numbers.
 *
 * Each block is kept between its size and a guard:
 *
 *     size (8 bytes)  alive (8 bytes)  what the caller sees ...  guard (8 bytes) */
#include "test.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD_LEN 16
#define GUARD_LEN 8
#define ALIVE UINT64_C(0x6D79746F73697321)
#define DEAD UINT64_C(0x6465616465616465)

static size_t live_bytes;

static void refuse(const char *what, size_t size)
{
    fprintf(stderr, "test_mem: %s (block of %zu bytes)\n", what, size);
    abort();
}

/* Checks what the caller says about a block and answers where it really begins. */
static uint8_t *block_check(void *ptr, size_t old_size)
{
    uint8_t *block = (uint8_t *)ptr - HEAD_LEN;
    uint64_t size, alive, guard;

    memcpy(&size, block, 8);
    memcpy(&alive, block + 8, 8);
    if (alive != ALIVE) refuse("not a block, or freed before", old_size);
    if (size != old_size) refuse("told a wrong old size", size);
    memcpy(&guard, block + HEAD_LEN + size, GUARD_LEN);
    if (guard != ALIVE) refuse("written past the end", size);
    return block;
}

static void *block_mark(uint8_t *block, uint64_t size)
{
    const uint64_t alive = ALIVE;

    memcpy(block, &size, 8);
    memcpy(block + 8, &alive, 8);
    memcpy(block + HEAD_LEN + size, &alive, GUARD_LEN);
    return block + HEAD_LEN;
}

static void *test_resize(void *ctx, void *ptr, size_t old_size, size_t size)
{
    const uint64_t dead = DEAD;
    uint8_t *block = NULL, *grown;

    (void)ctx;
    if (ptr) block = block_check(ptr, old_size);
    else if (old_size != 0) refuse("told an old size of nothing", old_size);
    if (size == 0) {
        if (block) memcpy(block + 8, &dead, 8);
        free(block);
        live_bytes -= old_size;
        return NULL;
    }
    if (size > SIZE_MAX - HEAD_LEN - GUARD_LEN) return NULL;
    grown = realloc(block, HEAD_LEN + size + GUARD_LEN);
    if (!grown) return NULL;
    /* New memory is not zero, so that nobody relies on it. */
    if (size > old_size) memset(grown + HEAD_LEN + old_size, 0xA5, size - old_size);
    live_bytes = live_bytes - old_size + size;
    return block_mark(grown, size);
}

const mt_mem *test_mem(void)
{
    static const mt_mem mem = {.resize = test_resize};

    return &mem;
}

size_t test_mem_live(void)
{
    return live_bytes;
}

static void *fail_resize(void *ctx, void *ptr, size_t old_size, size_t size)
{
    fail_mem *fm = ctx;
    size_t number = fm->count;
    void *grown;

    if (size > old_size) fm->count++;
    if (size > old_size && (number == fm->fail_at || (fm->from_then_on && number > fm->fail_at))) {
        fm->tripped = true;
        return NULL;
    }
    grown = test_resize(NULL, ptr, old_size, size);
    if (grown || size == 0) fm->live_bytes = fm->live_bytes - old_size + size;
    return grown;
}

const mt_mem *fail_mem_hook(fail_mem *fm)
{
    fm->mem = (mt_mem){.resize = fail_resize, .ctx = fm};
    return &fm->mem;
}

/* David Blackman and Sebastiano Vigna, "Scrambled linear pseudorandom number generators", 2021. The
 * seed is spread by splitmix64, as they advise. */
test_rng test_rng_new(uint64_t seed)
{
    test_rng rng;

    for (int i = 0; i < 4; i++) {
        uint64_t word = seed += UINT64_C(0x9E3779B97F4A7C15);

        word = (word ^ word >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
        word = (word ^ word >> 27) * UINT64_C(0x94D049BB133111EB);
        rng.word[i] = word ^ word >> 31;
    }
    return rng;
}

static uint64_t rotate(uint64_t word, unsigned bits)
{
    return word << bits | word >> (64 - bits);
}

uint64_t test_rng_next(test_rng *rng)
{
    uint64_t *word = rng->word, shifted = word[1] << 17;
    uint64_t result = rotate(word[1] * 5, 7) * 9;

    word[2] ^= word[0];
    word[3] ^= word[1];
    word[1] ^= word[2];
    word[0] ^= word[3];
    word[2] ^= shifted;
    word[3] = rotate(word[3], 45);
    return result;
}

uint64_t test_rng_below(test_rng *rng, uint64_t bound)
{
    return test_rng_next(rng) % bound;
}
