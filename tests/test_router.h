/* test_router.h - a router that does as a test says, and notes what it is told.
 *
 *     test_router r;
 *     test_router_init(&r, &heard);
 *     r.pull_rows = "ada name='Ada'@7";
 *     ... a config gets &r.router; the database reads ada ...
 *     test_heard_is(&heard, "open pull(ada)");
 *
 * It answers at once, or when the test says (`holds`). */
#ifndef TEST_ROUTER_H
#define TEST_ROUTER_H

#include "test_calls.h"

/* Requests that are not answered yet. */
#define TEST_ROUTER_MAX 32

typedef struct test_router {
    mt_router router; /* for a config */
    test_heard *heard;
    bool holds;           /* pushes and pulls wait for the test */
    mt_status push_start; /* what starting comes to */
    mt_status pull_start;
    mt_push_answer push;   /* what is answered at once */
    mt_pull_answer pull;   /* the same; its rows are those of `pull_rows` */
    const char *pull_rows; /* as in test_notation.h; NULL: none */
    /* what it was told last */
    mt_db *db;
    mt_group *group;
    mt_push pushed; /* its delta until it is answered */
    mt_level level;
    mt_group *pull_group;
    uint64_t pushes[TEST_ROUTER_MAX], pulls[TEST_ROUTER_MAX]; /* held, oldest first */
    size_t push_count, pull_count;
    mt_router_ops ops; /* a test may change them before the database is opened */
} test_router;

/* It answers all with MT_OK and nothing. */
void test_router_init(test_router *r, test_heard *heard);

/* Answers the push or pull that is `at` of those held, from 0; it stays held if there is `more`. */
void test_router_push(test_router *r, size_t at, mt_push_answer answer);
void test_router_pull(test_router *r, size_t at, mt_pull_answer answer, const char *rows);

/* A database with such a router and a storage; its states count. */
typedef struct test_routed {
    test_stage s;
    test_router r; /* it notes in the stage's `heard` */
    mt_db *db;
} test_routed;

void test_routed_init(test_routed *t);

/* Opens it, with a config (may be NULL) besides. */
void test_routed_open(test_routed *t, const mt_config *config);

/* Both. */
void test_routed_begin(test_routed *t);

/* Closes it, the router too. */
void test_routed_end(test_routed *t);

#endif
