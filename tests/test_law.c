#include "test_law.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_LEN ((size_t)64 * 1024)

struct test_block {
    struct test_block *older;
    size_t len;
    _Alignas(16) uint8_t data[];
};

void *test_take(test_arena *arena, size_t size)
{
    size_t len = TEST_SANITIZED ? size : (size + 15) & ~(size_t)15;
    struct test_block *block = arena->blocks;

    if (TEST_SANITIZED || arena->left < len) {
        size_t room = TEST_SANITIZED || len > BLOCK_LEN ? len : BLOCK_LEN;

        block = malloc(sizeof *block + room);
        if (!block) abort();
        block->older = arena->blocks;
        block->len = arena->left = room;
        arena->blocks = block;
    }
    arena->left -= len;
    return memset(block->data + arena->left, 0, len);
}

mt_bytes test_copy(test_arena *arena, mt_bytes bytes)
{
    uint8_t *data = test_take(arena, bytes.len);

    if (bytes.len) memcpy(data, bytes.data, bytes.len);
    return (mt_bytes){data, bytes.len};
}

void *test_room(test_arena *arena, void *items, size_t count, size_t *room, size_t size)
{
    void *grown;

    if (count < *room) return items;
    *room = count ? 2 * count : 4;
    grown = test_take(arena, *room * size);
    if (count) memcpy(grown, items, count * size);
    return grown;
}

static void free_all_but(test_arena *arena, struct test_block *kept)
{
    while (arena->blocks != kept) {
        struct test_block *block = arena->blocks;

        arena->blocks = block->older;
        free(block);
    }
}

void test_arena_reset(test_arena *arena)
{
    struct test_block *first = arena->blocks;

    while (first && first->older) first = first->older;
    if (TEST_SANITIZED || (first && first->len != BLOCK_LEN)) first = NULL;
    free_all_but(arena, first);
    arena->left = first ? first->len : 0;
}

void test_arena_end(test_arena *arena)
{
    free_all_but(arena, NULL);
    arena->left = 0;
}

size_t test_below(test_case *c, size_t bound)
{
    return (size_t)test_rng_below(&c->rng, bound);
}

bool test_once_in(test_case *c, size_t n)
{
    return test_below(c, n) == 0;
}

static const test_case *running;

_Noreturn void test_broken(const char *what, const char *file, int line)
{
    if (running) print_error("MYTOSIS_SEED=%" PRIu64 "\n", running->seed);
    running = NULL;
    print_error("does not hold: %s\n", what);
    _fail(file, line);
    abort(); /* not reached: a test that failed is left */
}

static void run_case(test_case *c, uint64_t seed, void (*law)(test_case *c))
{
    size_t live = test_mem_live();

    c->seed = seed;
    c->rng = test_rng_new(seed);
    running = c;
    law(c);
    HOLDS(test_mem_live() == live);
    running = NULL;
    test_arena_reset(&c->arena);
}

size_t test_times(size_t amount)
{
    const char *times = getenv("MYTOSIS_TIMES");

    if (times) amount = (size_t)((double)amount * strtod(times, NULL));
    return amount ? amount : 1;
}

void test_law(size_t count, void (*law)(test_case *c))
{
    const char *only = getenv("MYTOSIS_SEED"), *from = getenv("MYTOSIS_FROM");
    uint64_t first = from ? strtoull(from, NULL, 10) : 0;
    size_t amount = test_times(TEST_AMOUNT(count));
    test_case c = {.seed = 0};

    if (only) {
        run_case(&c, strtoull(only, NULL, 10), law);
    } else {
        for (size_t i = 0; i < amount; i++) run_case(&c, first + i, law);
        print_message("[   CASES  ] %zu\n", amount);
    }
    test_arena_end(&c.arena);
}

bool test_full(void)
{
    const char *full = getenv("MYTOSIS_FULL");

    return full && strcmp(full, "1") == 0;
}
