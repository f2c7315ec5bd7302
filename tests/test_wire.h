/* test_wire.h - a link of two connections, whose sends may be made to fail.
 *
 * What is sent arrives a millisecond later. Threads: one. */
#ifndef TEST_WIRE_H
#define TEST_WIRE_H

#include "test_env.h"

#include <mytosis/plugin/network.h>

/* What becomes of a send. */
typedef enum test_wire_how {
    TEST_WIRE_FAILS,  /* MT_NO_MEMORY */
    TEST_WIRE_FULL,   /* MT_AGAIN; a while later there is room */
    TEST_WIRE_CHOKES, /* the same, and the next send fails, as that which finds room again */
    TEST_WIRE_BREAKS  /* it is taken, then the link is down for a while and all under way is lost */
} test_wire_how;

/* Says which send of either end fails, and how. */
typedef struct test_wire_fault {
    test_wire_how how;
    uint64_t fail_at;  /* its number, from 0; SIZE_MAX: none */
    bool from_then_on; /* so do all after it */
    uint64_t count;    /* sends so far */
    bool tripped;      /* whether one failed */
} test_wire_fault;

/* Makes both ends, SHARED, held by the caller. `env` and `fault` are BORROWED until both are gone, which takes
 * turns. Packets are of `test_mem`, so that failing memory fails the ends alone. MT_NO_MEMORY. */
mt_status test_wire_new(const mt_env *env, test_wire_fault *fault, const char *a_id,
                        const char *b_id, mt_connection **a, mt_connection **b);

/* Takes the link of an end down, and all that is under way; brings it up. */
void test_wire_cut(mt_connection *end, bool cut);

#endif
