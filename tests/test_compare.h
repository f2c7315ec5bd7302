/* test_compare.h - two peers that compare: each an index of items, whose sums are chosen freely.
 *
 * An item says no more than its state and sums; of two the greater one stays: the higher state, then the
 * greater sums. What the machines say goes from one to the other as bytes, through a hook that may change
 * it. */
#ifndef TEST_COMPARE_H
#define TEST_COMPARE_H

#include "store/index_query.h"
#include "sync/answerer.h"
#include "sync/asker.h"
#include "test.h"

typedef struct test_peer {
    const mt_mem *mem; /* of the machines; the index has its own */
    mti_index index;
    mti_changes changes;
    uint64_t looked; /* items and prints that a machine was given */
} test_peer;

void test_peer_init(test_peer *peer);
void test_peer_free(test_peer *peer);
void test_peer_set(test_peer *peer, const char *uid, uint64_t state, mt_sum living);
void test_peer_remove(test_peer *peer, const char *uid);

/* Sets `count` items `prefix` and a number of six digits, from one on: of state 1000 + number. */
void test_peer_fill(test_peer *peer, const char *prefix, size_t first, size_t count);

/* The item; false: it is not there. */
bool test_peer_get(test_peer *peer, const char *uid, mti_print *out);
bool test_peers_equal(test_peer *a, test_peer *b);

typedef struct test_pair {
    test_peer peers[2]; /* the asker's, the answerer's */
    mti_asker asker;
    mti_answerer answerer;
    bool codes, gives, differs, dry;
    const char *const *refused; /* uids that the asker refuses, up to NULL; NULL: none */
    const mt_mem *mem;          /* of the machines */
    mt_bytes first, end;        /* the range */
    size_t messages;            /* that were handed over */
    size_t messages_max;        /* after which nothing more is */
    mt_error error;             /* why it ended */
    mt_buf message;             /* the last */
    /* Sees each message before it is handed over, and may put another into its place. NULL: it stays. */
    void (*hook)(struct test_pair *pair, bool to_asker);
    void *ctx;
    /* Sees the prints that a machine is told, and may change them, or tell less. NULL: they stay. */
    void (*told)(struct test_pair *pair, bool asks, mt_storage_print *prints, size_t *count);
} test_pair;

void test_pair_init(test_pair *pair);
void test_pair_free(test_pair *pair);

/* Compares. MT_OK: the asker is done. Else the first failure of a machine; MT_END: there were as many
 * messages as there may be, or each waits for the other. The machines are there until `test_pair_end`. */
mt_status test_pair_run(test_pair *pair);
void test_pair_end(test_pair *pair);

/* Begins a message in place of the one that is handed over: a hook's. */
mti_say test_pair_say(test_pair *pair, mti_message_type type);

#endif
