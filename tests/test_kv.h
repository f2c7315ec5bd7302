/* test_kv.h - ordered key-value engines in tests: the suite, and single calls that wait. */
#ifndef TEST_KV_H
#define TEST_KV_H

#include "test_env.h"
#include <mytosis/conformance.h>

/* Runs the suite, and has all checks hold. */
void test_kv_conforms(mt_conformance_kv *subject);

/* An engine in use, and what the last call came to. */
typedef struct test_kv {
    test_env *te;
    mt_kv kv;
    mt_kv_host host; /* the calls set it */
    size_t under_way;
    mt_status status;
    char text[MT_ERROR_TEXT_MAX]; /* of a failure */
    char value[64];               /* of the last get; "?": there is none */
    size_t count;                 /* pairs of the last scan */
} test_kv;

/* Commits a put, and waits. Answers what it came to. */
mt_status test_kv_put(test_kv *t, const char *key, const char *value);

/* As test_kv_put, without waiting: `under_way` tells. */
void test_kv_put_start(test_kv *t, const char *key, const char *value);

/* Puts a value of `len` bytes. */
mt_status test_kv_put_large(test_kv *t, const char *key, size_t len);

/* Commits several operations at once, and waits. */
mt_status test_kv_commit(test_kv *t, const mt_kv_op *ops, size_t count);

/* The value of a key, or "?", or "!" and `status` if the get failed. BORROWED until the next
 * call. */
const char *test_kv_get(test_kv *t, const char *key);

/* Scans all. */
mt_status test_kv_scan(test_kv *t);

void test_kv_close(test_kv *t);

#endif
