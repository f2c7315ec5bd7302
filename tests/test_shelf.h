/* test_shelf.h - a node store over an engine in memory, in words: what is written, what is read, and what
 * lies where.
 *
 *     test_shelf shelf = {0};
 *     test_shelf_begin(&shelf);
 *     test_shelf_write(&shelf, "ada name='Ada'@4", "");
 *     test_shelf_keys(&shelf, "l n", "l1 nada");
 *     test_shelf_log(&shelf, none, "1:ada*");
 *     test_shelf_end(&shelf);
 */
#ifndef TEST_SHELF_H
#define TEST_SHELF_H

#include "test_asker.h"
#include "test_notation.h"

typedef struct test_shelf test_shelf;
struct test_shelf {
    mt_node_store_options options; /* of the openings to come */
    const mt_mem *mem;             /* of the store, and not of its engine; NULL: test_mem */
    mt_env engine_env;
    test_env te;
    mt_kv engine; /* through all openings; the store has one that passes everything on to it */
    test_asker s;
    mt_graph *graph; /* what was written */
    size_t ops;      /* that the engine was given since it was last looked at */
    bool hold;       /* commits happen, but their answers wait for test_shelf_release */
    const mt_kv_host *held_host;
    uint64_t held_id; /* 0: none waits */
    /* What an engine answers to a get, or else to a scan, is made into something else, if this is set. */
    void (*bend)(test_shelf *shelf, bool get, const mt_kv_host *host, mt_kv_answer *answer);
};

/* An empty engine, and a store that is open. All zero but for the options before. */
void test_shelf_begin(test_shelf *shelf);
void test_shelf_end(test_shelf *shelf);

/* Closes the store and opens it again; opens one that was closed. */
void test_shelf_reopen(test_shelf *shelf);
void test_shelf_open(test_shelf *shelf);

/* Opens one that was closed, or fails: then `opened` says why, and nothing is open. */
mt_status test_shelf_try(test_shelf *shelf, test_reply *opened);

/* Merges rows in words, and writes what they changed as one commit. Answers the head. */
mt_cursor test_shelf_write(test_shelf *shelf, const char *rows, const char *origin);

/* How many ops the engine was given since the last call. */
size_t test_shelf_ops(test_shelf *shelf);

/* Gives the answer of a commit that was held, and holds no more. */
void test_shelf_release(test_shelf *shelf);

/* Rows that are read, in words, each in a line. The names are separated by spaces; NULL: none asked
 * for. */
void test_shelf_reads(test_shelf *shelf, const char *uid, const char *names, bool whole,
                      const char *expected);

/* What a list says, its uids in words; a final dot says that nothing follows. */
void test_shelf_lists(test_shelf *shelf, const char *prefix, const char *after, size_t limit,
                      const char *expected);

/* The same of records: "key=value". */
void test_shelf_records(test_shelf *shelf, const char *prefix, const char *after, size_t limit,
                        const char *expected);

/* Writes a record; `value` NULL deletes it. */
mt_status test_shelf_record(test_shelf *shelf, const char *key, const char *value);

/* Changes after a cursor, in words: of each its number, its node, * or the names, and <ORIGIN. Answers
 * where to go on. */
mt_cursor test_shelf_log(test_shelf *shelf, mt_cursor since, const char *expected);

/* What changes after a cursor come to. */
mt_status test_shelf_follow(test_shelf *shelf, mt_cursor since);

/* The keys in the engine whose first byte is one of `kinds`, in words: numbers in decimals, | for a zero
 * byte. */
void test_shelf_keys(test_shelf *shelf, const char *kinds, const char *expected);

/* The record that lies under a key, OWNED; empty if there is none. Puts one, or with NULL deletes
 * it. */
mt_buf test_shelf_get(test_shelf *shelf, mt_bytes key);
void test_shelf_put(test_shelf *shelf, mt_bytes key, const mt_buf *value);

/* All pairs of one engine, in the place of all of another. */
void test_shelf_copy(test_shelf *from, test_shelf *to);

/* Large nodes: `count` fields f000 and on, each of this value, at this state. */
mt_delta *test_large_delta(mt_graph *graph, const char *uid, size_t count, uint64_t state);
mt_cursor test_shelf_write_large(test_shelf *shelf, const char *uid, size_t count, uint64_t state);

/* Pairs of an engine, as they were: what a scan with the id 1 answers at once. */
typedef struct test_pairs {
    test_arena arena;
    mt_kv_pair *pairs;
    size_t count, room;
} test_pairs;

void test_pairs_take(void *ctx, uint64_t id, const mt_kv_answer *answer);

#endif
