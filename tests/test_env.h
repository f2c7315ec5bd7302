/* test_env.h - an environment on virtual time: the same seed, the same events, no waiting.
 *
 *     test_env te;
 *     test_env_init(&te, 8831, test_mem());
 *     ... what is tested gets &te.env ...
 *     test_env_run(&te);
 *     test_env_end(&te);
 *
 * A turn fires the timers that are due. When none is, time moves to the next one at once. Timers
 * set in a turn fire in a later one, as a real loop has it. All of it happens on one thread, but
 * for the works after `test_env_threads`. */
#ifndef TEST_ENV_H
#define TEST_ENV_H

#include "test.h"
#include <mytosis/env.h>

/* A timer that is set, in a heap: the soonest first, at equal times the one set first. */
typedef struct test_alarm {
    uint64_t due_ms; /* in ticks */
    uint64_t number;
    mt_timer *timer; /* `host[0]` is its place in the heap, from 1; NULL: not set */
} test_alarm;

typedef struct test_env {
    mt_env env;
    uint64_t ticks_ms; /* moves by turns only; a test may add to it */
    uint64_t epoch_ms; /* the time of day at tick 0: 2026; a test may change it, to jump */
    bool no_entropy;   /* a test may set it: `entropy` answers MT_IO */
    test_rng rng;      /* entropy, and how long works take */
    test_alarm *alarms;
    size_t alarm_count, alarm_cap;
    uint64_t set_count; /* timers set so far */
    size_t work_count;  /* works under way */
    bool turning;
    struct test_threads *threads; /* NULL: works are timers */
} test_env;

/* Starts at tick 0. `te` must not move until it ends; `mem` is what `te->env.mem` gives and is not
 * used here, so that failing memory fails only what is tested. `te->env.work` is NULL. */
void test_env_init(test_env *te, uint64_t seed, const mt_mem *mem);

/* Ends the program with a message if a timer is still set or a work under way: what is tested
 * should have stopped it. */
void test_env_end(test_env *te);

/* Gives `te->env` a `work`. Each runs, and is done, in a turn of its own up to 3 ms later, in an
 * order that the seed decides. */
void test_env_works(test_env *te);

/* Gives `te->env` a `work` where each runs on a real thread. Time stands still until it is done.
 * Orders are no longer those of the seed. */
void test_env_threads(test_env *te);

/* Turns until nothing will ever come. Ends the program after a million turns. */
void test_env_run(test_env *te);

/* Turns through the next `ms` milliseconds, and has time stand at their end. */
void test_env_run_for(test_env *te, uint64_t ms);

/* For works on threads: takes those that finished and answers whether there were any, waiting for
 * one if any is under way. */
bool test_threads_turn(test_env *te);
void test_threads_end(test_env *te);

#endif
