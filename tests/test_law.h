/* test_law.h - laws: what holds for every generated case.
 *
 *     static void merge_is_idempotent(test_case *c)
 *     {
 *         ...
 *         HOLDS(mt_graph_equal(once, twice));
 *     }
 *     TEST(merge_is_idempotent_for_all) { test_law(100000, merge_is_idempotent); }
 *
 * A case is its seed. A failure prints the seed, and with MYTOSIS_SEED=N in the environment each
 * law runs for that seed alone; with MYTOSIS_TIMES=N, for N times as many as it says, 0.1 too; with
 * MYTOSIS_FROM=N, for those from N on. Tests that try all there is try a part of it, unless
 * MYTOSIS_FULL=1 is there. */
#ifndef TEST_LAW_H
#define TEST_LAW_H

#include "test.h"
#include <mytosis/bytes.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define TEST_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define TEST_SANITIZED 1
#endif
#endif
#ifndef TEST_SANITIZED
#define TEST_SANITIZED 0
#endif

/* An amount of work, less of it where a sanitizer makes it slow. */
#define TEST_AMOUNT(count) (TEST_SANITIZED ? (count) / 6 + 1 : (count))

/* Memory that goes all at once. Under a sanitizer every piece is a block of its own. */
typedef struct test_arena {
    struct test_block *blocks; /* newest first */
    size_t left;               /* of the newest */
} test_arena;

/* Zeros, aligned for anything; never NULL. */
void *test_take(test_arena *arena, size_t size);
mt_bytes test_copy(test_arena *arena, mt_bytes bytes);

/* Grows a vector of items in an arena: answers where its `count` items are now, with room for one
 * more. */
void *test_room(test_arena *arena, void *items, size_t count, size_t *room, size_t size);

/* Forgets what was taken; `test_arena_end` frees it too. */
void test_arena_reset(test_arena *arena);
void test_arena_end(test_arena *arena);

typedef struct test_case {
    uint64_t seed;
    test_rng rng;
    test_arena arena; /* for the length of the case */
} test_case;

/* 0 to bound - 1. */
size_t test_below(test_case *c, size_t bound);

/* True once in `n` times. */
bool test_once_in(test_case *c, size_t n);

/* Runs a law for `count` seeds, fewer under a sanitizer. Each gives back what it took of
 * `test_mem`. */
void test_law(size_t count, void (*law)(test_case *c));

/* So many, or as many times that as MYTOSIS_TIMES says; never 0 then. */
size_t test_times(size_t amount);

/* Whether all is to be tried that a test can. */
bool test_full(void);

/* As CHECK, and names the seed of the case that runs. */
#define HOLDS(truth) ((truth) ? (void)0 : test_broken(#truth, __FILE__, __LINE__))
_Noreturn void test_broken(const char *what, const char *file, int line);

#endif
