/* test_trial.h - scenarios that are played once for each thing in them that may fail.
 *
 *     static void play(test_trial *t)
 *     {
 *         test_trial_open(t, 0);
 *         test_trial_write(t, 0, "ada", "name age");
 *     }
 *     static const test_scenario writes = {.name = "writes", .play = play, .stored = true};
 *     test_trials(&writes);
 *
 * A point is an allocation, a call of the engine or a send, by its number, which fails once, or with all after it.
 * Whatever fails: nothing crashes, nothing is left, each call comes to MT_OK or to what failed, and what it said to
 * have stored is there afterwards. Then nothing fails any more, and everything works: the databases are written to,
 * become equal, and are the same once more after they were closed.
 *
 * Under a sanitizer, of many points only some are tried; with MYTOSIS_TIMES=N in the environment N times as many, at
 * most all. MYTOSIS_POINT="writes/allocation/7" tries one, "writes/allocation+/7" it and all after it failing. */
#ifndef TEST_TRIAL_H
#define TEST_TRIAL_H

#include "test_asker.h"
#include "test_env.h"
#include "test_wire.h"

#include <mytosis/conformance.h>
#include <mytosis/mytosis.h>

typedef enum test_point_kind {
    TEST_POINT_ALLOCATION,
    TEST_POINT_ANSWER, /* a call of the engine starts, and its answer is that it failed */
    TEST_POINT_CALL,   /* it does not start */
    TEST_POINT_SEND,   /* a send fails */
    TEST_POINT_FULL,   /* the link has no room for it */
    TEST_POINT_CHOKE,  /* nor, and the next send fails */
    TEST_POINT_BREAK,  /* the link is down with it, and all that is under way is lost */
    TEST_POINT_KINDS
} test_point_kind;

typedef struct test_point {
    test_point_kind kind;
    bool from_then_on;
    size_t at; /* SIZE_MAX: nothing fails, all is counted */
} test_point;

/* Makes what `point` says fail, from now on, and counts. All zero but for `memory.fail_at`, which is SIZE_MAX,
 * nothing does. */
typedef struct test_failing {
    test_point point;
    size_t allocated; /* how often before that */
    fail_mem memory;
    mt_kv_fault engine;
    test_wire_fault wire;
} test_failing;

void test_failing_init(test_failing *f);
void test_failing_arm(test_failing *f, test_point point);
void test_failing_disarm(test_failing *f);
bool test_failing_tripped(const test_failing *f);

/* What a call may come to that met what fails. */
mt_status test_failing_status(const test_failing *f);

/* How many there were of the point's kind since it was armed. */
size_t test_failing_count(const test_failing *f);

/* Plays what is given a point and answers how many of its kind it came by, for the kinds of a set (1 << kind), each
 * once and from then on. Says how many there are. */
void test_points(const char *name, unsigned kinds,
                 size_t (*play)(const void *arg, test_point point), const void *arg);

/* ---- Databases ---- */

struct test_trial;

typedef struct test_scenario {
    const char *name;
    size_t sites; /* 1 if it is 0; 2: they sync */
    bool stored;  /* else they are in memory alone */
    bool lists;   /* the second replicates some nodes, and is asked for others */
    bool packs;   /* what a peer lacks goes over compressed */
    mt_node_store_options options;
    void (*before)(struct test_trial *t); /* without anything that fails; may be NULL */
    void (*play)(struct test_trial *t);
} test_scenario;

/* What is known of a field: the number of the write that is the last that was acknowledged, and of the last that
 * may have deleted it. */
typedef struct test_promise {
    char uid[16], name[8];
    uint64_t kept, removed;
} test_promise;

typedef struct test_site {
    test_kept kept; /* its engine */
    mt_db *db;      /* NULL: it is not open */
    mt_group *links;
    mt_connection *end; /* of the link; NULL: there is none */
    mt_status ready;    /* whether its storage could be opened; MT_AGAIN: nobody knows */
} test_site;

typedef struct test_trial {
    const test_scenario *scenario;
    test_env te;
    test_failing failing;
    test_site sites[2];
    bool linked;
    size_t links; /* so far */
    test_promise promises[64];
    size_t promise_count;
    uint64_t number; /* of writes so far */
    size_t live_before;
} test_trial;

/* Tries all points of a scenario. */
void test_trials(const test_scenario *scenario);

/* What a scenario does. All answer whether it worked; with what is not open nothing does. */
bool test_trial_open(test_trial *t, size_t site);
void test_trial_close(test_trial *t, size_t site);
bool test_trial_link(test_trial *t);
void test_trial_cut(test_trial *t, bool cut);
void test_trial_run(test_trial *t, uint64_t ms);

/* Writes fields of some nodes, all of both lists, in one go; waits. The values are texts, most of them short. */
bool test_trial_write(test_trial *t, size_t site, const char *uids, const char *names);
bool test_trial_write_at(test_trial *t, size_t site, const char *uids, const char *names,
                         mt_level level);
bool test_trial_delete(test_trial *t, size_t site, const char *uid);
bool test_trial_delete_fields(test_trial *t, size_t site, const char *uid, const char *names);

/* Reads some nodes and all their fields. Those that the site has alone are what was acknowledged. */
bool test_trial_read(test_trial *t, size_t site, const char *uids);

/* Writes a field of some node in a branch, and answers the number of the write, which is promised once the branch is
 * committed. 0: it failed. */
uint64_t test_trial_edit(test_trial *t, mt_db *branch, const char *uid, const char *name);

/* Of writes that are made otherwise: their value, BORROWED until the next; and what they are about, with their number
 * if they were acknowledged, else 0. */
mt_value test_trial_value(test_trial *t);
void test_trial_promise(test_trial *t, const char *uid, const char *name, uint64_t kept);

/* Whether a call came to what it may come to, and MT_OK. */
bool test_trial_worked(test_trial *t, mt_status st);

/* The words of a list, BORROWED from it. */
#define TEST_WORDS_MAX 16
size_t test_words(const char *list, mt_bytes words[TEST_WORDS_MAX]);

/* As CHECK, and names the point. */
#define STANDS(truth) ((truth) ? (void)0 : test_point_broken(#truth, __FILE__, __LINE__))
_Noreturn void test_point_broken(const char *what, const char *file, int line);

#endif
