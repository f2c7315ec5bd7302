/* test_storage_request.h - what a test storage has to answer, and its answers. */
#ifndef TEST_STORAGE_REQUEST_H
#define TEST_STORAGE_REQUEST_H

#include "test_storage.h"

/* A request, with what it was given, copied as the contract has it. */
typedef struct test_request {
    struct test_request *next;
    test_storage *ts;
    mt_timer timer; /* not set: it is held */
    const mt_storage_host *host;
    uint64_t id;
    unsigned call;    /* TEST_READ or the like */
    mt_status status; /* what it comes to */
    test_arena arena; /* the rest lies here, and the rows of the answer */
    mt_graph *seen;   /* OWNED; NULL: it sees what is there when it is answered */
    mt_storage_key *keys;
    size_t count;
    const mt_storage_write *write; /* PINNED by the database; NULL once it took effect */
    mt_bytes prefix, after;
    size_t limit;
} test_request;

/* Lets a write take effect, unless it has or is to fail. */
void test_request_store(test_request *r);

/* Answers, in one piece or several. */
void test_request_give(test_request *r);

/* Takes a node out of what a storage keeps. */
void test_storage_drop(test_storage *ts, mt_bytes uid);

#endif
