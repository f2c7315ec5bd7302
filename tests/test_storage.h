/* test_storage.h - a storage in memory that answers when and as a test wants it to.
 *
 *     test_storage ts;
 *     test_storage_init(&ts, &t.te.env);
 *     ts.when = TEST_HELD;
 *     ... a config gets &ts.storage; the database reads ada ...
 *     test_heard_is(&ts.heard, "open read(ada)");
 *     test_storage_answer(&ts, 0);
 *     test_storage_end(&ts);
 *
 * What it keeps outlives the database, so that another can open it. It ends the test where the
 * database breaks the contract: keys out of order, two writes at once, a field stored over one with
 * a higher state. */
#ifndef TEST_STORAGE_H
#define TEST_STORAGE_H

#include "test_env.h"
#include "test_heard.h"
#include "test_law.h"

#include <mytosis/graph.h>
#include <mytosis/plugin/storage.h>

/* When it answers. */
typedef enum test_when {
    TEST_AT_ONCE, /* before the call returns */
    TEST_LATER,   /* 1 ms later, in order */
    TEST_MIXED,   /* at once, or up to 4 ms later in any order; a read sees what was there when it
                   * started or what is there when it is answered */
    TEST_HELD     /* when the test says: test_storage_answer */
} test_when;

#define TEST_OPEN 1u
#define TEST_READ 2u
#define TEST_WRITE 4u
#define TEST_REMOVE 8u
#define TEST_LIST 16u
#define TEST_CHANGES 32u
#define TEST_ALL 63u

/* Which call fails, and how. Count `fail_at` up, with the rest as it was, to fail each in turn. */
typedef struct test_fault {
    unsigned calls;   /* TEST_READ | ...: others are not counted */
    mt_status status; /* MT_OK: none fails */
    size_t fail_at;   /* from 0 */
    bool at_start;    /* it does not start, else its answer says so */
    size_t count;     /* so far */
    bool tripped;
} test_fault;

struct test_request;

typedef struct test_storage {
    mt_storage storage; /* for a config */
    test_when when;
    test_fault fault;
    size_t large;      /* nodes of more fields come without any but those asked for; 0: none do */
    size_t row_fields; /* the most fields of a row: 64 */
    bool rows_alone;   /* every row comes in an answer of its own */
    bool wants_full;   /* set before it is opened */
    bool quiet;        /* `heard` hears nothing */
    bool exact;        /* what is written must leave each node as memory has it */
    const char *extra; /* the uid of a node that every read answers, asked for or not */
    test_heard heard;  /* "open read(ada,bob:name,cyd!) write(ada|bob!|cyd<peer) remove(ada)
                         * list(a>ab)": names asked for, `!` whole, `<` the origin */
    mt_graph *graph;   /* what it keeps */
    uint64_t clock;    /* of the last write; a test may set both */
    uint8_t clock_mode;
    unsigned calls, reads, writes, commits, keys; /* how many so far */
    unsigned open;                                /* 1 while a database has it */
    /* its own */
    mt_storage_ops ops;
    const mt_env *env;
    test_rng rng;
    struct test_request *requests; /* oldest first */
    bool writing;
} test_storage;

void test_storage_init(test_storage *ts, const mt_env *env);

/* Frees it. No database has it. */
void test_storage_end(test_storage *ts);

/* How many requests are not answered. */
size_t test_storage_waiting(const test_storage *ts);

/* Answers the request that is `at` of those waiting, from 0, the oldest first. */
void test_storage_answer(test_storage *ts, size_t at);

/* Answers all, also those that come meanwhile. */
void test_storage_answer_all(test_storage *ts);

/* Puts nodes into it, written as in test_notation.h. */
void test_storage_put(test_storage *ts, const char *nodes);

/* Fails unless it keeps these, as in test_notation.h. */
void test_storage_says(const test_storage *ts, const char *nodes);

#endif
