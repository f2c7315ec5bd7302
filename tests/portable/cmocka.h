/* cmocka.h - as much of cmocka as the tests use, for targets that have no cmocka and perhaps no setjmp: the first
 * check that fails ends the program. scripts/portable builds with it. */
#ifndef PORTABLE_CMOCKA_H
#define PORTABLE_CMOCKA_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct CMUnitTest {
    const char *name;
    void (*test)(void **state);
    int (*setup)(void **state);
    int (*teardown)(void **state);
};

#define cmocka_unit_test(test)  \
    {                           \
#test, test, NULL, NULL \
    }
#define cmocka_unit_test_setup_teardown(test, setup, teardown) \
    {                                                          \
#test, test, setup, teardown                           \
    }

#define print_message(...) ((void)printf(__VA_ARGS__))
#define print_error(...) ((void)fprintf(stderr, __VA_ARGS__))

#define fail_msg(...)                                                              \
    (fprintf(stderr, "%s:%d: ", __FILE__, __LINE__), fprintf(stderr, __VA_ARGS__), \
     fputs("\n", stderr), exit(1))
#define fail() fail_msg("failed")
#define _fail(file, line) (fprintf(stderr, "%s:%d: failed\n", file, line), exit(1))
#define skip()                      \
    do {                            \
        print_message("skipped\n"); \
        return;                     \
    } while (0)
#define portable_check(truth, text) ((truth) ? (void)0 : fail_msg("%s", text))

#define assert_true(truth) portable_check(!!(truth), #truth)
#define assert_int_equal(a, b) portable_check((uintmax_t)(a) == (uintmax_t)(b), #a " is not " #b)
#define assert_string_equal(a, b) portable_check(strcmp(a, b) == 0, #a " is not " #b)
#define assert_string_not_equal(a, b) portable_check(strcmp(a, b) != 0, #a " is " #b)
#define assert_memory_equal(a, b, len) portable_check(memcmp(a, b, len) == 0, #a " is not " #b)

static inline int portable_run(const struct CMUnitTest *tests, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        void *state = NULL;

        if (tests[i].setup && tests[i].setup(&state) != 0) fail_msg("setup of %s", tests[i].name);
        tests[i].test(&state);
        if (tests[i].teardown && tests[i].teardown(&state) != 0)
            fail_msg("teardown of %s", tests[i].name);
    }
    printf("%zu tests\n", count);
    return 0;
}

#define cmocka_run_group_tests(tests, setup, teardown) \
    portable_run(tests, sizeof(tests) / sizeof((tests)[0]))

#endif
