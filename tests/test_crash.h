/* test_crash.h - random histories of a node store on a disk, with a crash tried at every write to it and
 * every sync.
 *
 * What each kind of crash leaves is opened by another store. Nothing that was acknowledged is missing,
 * nothing is half there, the log and the nodes agree, cursors that were told lead on, and the store goes
 * on working. */
#ifndef TEST_CRASH_H
#define TEST_CRASH_H

#include "test_disk.h"
#include "test_world.h"

#define TEST_CRASH_FOLLOWERS 4

/* What a store holds at one time. */
typedef struct test_moment {
    mt_graph *graph;
    uint64_t head, clock;
    uint64_t record; /* of the key "r", as decimal text; 0: none */
} test_moment;

/* A cursor that was told, and what was there then. */
typedef struct test_follower {
    mt_cursor cursor;
    mt_graph *graph; /* NULL: none */
} test_follower;

typedef struct test_history {
    test_world w; /* its engine is not used */
    mti_sim_disk disk;
    bool removals; /* then nobody follows: the log says nothing of them */
    test_moment acknowledged, next;
    test_follower followers[TEST_CRASH_FOLLOWERS];
    size_t told;
    size_t points;       /* crashes tried so far */
    mti_sim_crash kinds; /* those before this one are tried */

    /* Opens the engine of the history, or one on what a crash left; `again`: the same once more. */
    mt_kv (*open)(struct test_history *h);
    mt_kv (*open_image)(struct test_history *h, test_env *te, mti_sim_disk *image, bool again);
    void *arg;
} test_history;

/* Starts with an empty store; all zero but for `open`, `open_image`, `kinds` and `arg` before. The disk
 * is told of what is written by the engine. */
void test_history_begin(test_history *h, test_case *c);
void test_history_end(test_history *h);

/* Some writes, removals and openings. */
void test_history_run(test_history *h);

#endif
