/* test.h - what the test programs share, on top of cmocka.
 *
 * A test's name is a sentence. A file of tests is one program:
 *
 *     TEST(empty_text_is_valid)
 *     {
 *         CHECK(mti_utf8_valid(mt_str("")));
 *     }
 *
 *     int main(void)
 *     {
 *         const struct CMUnitTest tests[] = {cmocka_unit_test(empty_text_is_valid)};
 *
 *         return cmocka_run_group_tests(tests, NULL, NULL);
 *     }
 */
#ifndef TEST_H
#define TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <mytosis/mem.h>

#define TEST(name) static void name(__attribute__((unused)) void **state)

#define CHECK(truth) assert_true(truth)

/* How many items an array has. */
#define TEST_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Pseudo-random numbers, the same for the same seed everywhere: xoshiro256**. */
typedef struct test_rng {
    uint64_t word[4];
} test_rng;

test_rng test_rng_new(uint64_t seed);
uint64_t test_rng_next(test_rng *rng);

/* 0 to bound - 1; `bound` is not 0. */
uint64_t test_rng_below(test_rng *rng, uint64_t bound);

/* malloc, realloc and free as a table, counting what is in use. It ends the program with a message
 * if it is told a wrong old size, or if memory is freed twice or was written past its end. */
const mt_mem *test_mem(void);

/* How many bytes of `test_mem` are in use. */
size_t test_mem_live(void);

/* A table that fails once: at the allocation or growth numbered `fail_at`, from 0. Start it as
 * `fail_mem fm = {.fail_at = n}`; a `fail_at` of SIZE_MAX only counts. */
typedef struct fail_mem {
    size_t fail_at;
    bool from_then_on; /* so does every one after it */
    size_t count;      /* allocations and growths so far */
    bool tripped;      /* whether one has failed */
    size_t live_bytes; /* in use through this table */
    mt_mem mem;        /* set by fail_mem_hook */
} fail_mem;

/* The table. BORROWED from `fm`, which must not move. */
const mt_mem *fail_mem_hook(fail_mem *fm);

#endif
