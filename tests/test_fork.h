/* test_fork.h - a database and a branch of it, for tests.
 *
 *     test_fork f;
 *     test_fork_stored(&f, "ada name='Ada'@1");
 *     test_write(f.branch, "ada name='Eve'");
 *     test_edits_are(f.branch, "ada name='Eve'@2");
 *     test_fork_end(&f);
 *
 * States count, so that they can be read. */
#ifndef TEST_FORK_H
#define TEST_FORK_H

#include "test_calls.h"

extern const mt_config test_counts; /* a clock that counts */

typedef struct test_fork {
    test_stage s;
    mt_db *source; /* that of `s` */
    mt_db *branch;
} test_fork;

/* A source whose storage has these nodes (may be NULL), and nothing in memory. */
void test_fork_stored(test_fork *f, const char *nodes);

/* The same, with a config besides. */
void test_fork_config(test_fork *f, const char *nodes, const mt_config *config);

/* A source without storage, where these rows were written. */
void test_fork_memory(test_fork *f, const char *rows);

void test_fork_end(test_fork *f);

/* Branches, rebases and commits; it must succeed. */
mt_db *test_branch_of(mt_db *source);
void test_rebase(mt_db *branch);
void test_commit_branch(mt_db *db, mt_db *branch);

/* Fails unless these are the edits of a branch, as in test_notation.h. */
void test_edits_are(mt_db *branch, const char *nodes);

#endif
