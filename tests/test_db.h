/* test_db.h - databases on virtual time, for tests.
 *
 *     test_db t;
 *     test_db_memory(&t);
 *     test_set(t.db, "ada", "name", mt_text("Ada"));
 *     test_db_end(&t);
 *
 * Blocking calls turn the virtual loop. `test_db_end` checks that no memory is left. */
#ifndef TEST_DB_H
#define TEST_DB_H

#include "test_env.h"

#include <mytosis/blocking.h>
#include <mytosis/plugin/router.h>

typedef struct test_db {
    test_env te;
    mt_db *db;
    mt_error error;
    size_t live_before; /* bytes of test_mem in use before */
} test_db;

/* A database without storage. */
void test_db_memory(test_db *t);

/* A database of a config, whose environment is set. */
void test_db_open(test_db *t, const mt_config *config);

/* Starts the environment alone, for configs that need it. */
void test_db_begin(test_db *t);

/* Closes the database, if it is open, and checks that everything was given back. */
void test_db_end(test_db *t);

/* Closes a database, and waits for that. */
void test_close(mt_db *db);

/* Writes one field, and waits. */
void test_set(mt_db *db, const char *uid, const char *name, mt_value value);

/* Checks what a field is, as readers see it after loading it: its JSON text, or NULL for no such
 * field. */
void test_field_is(mt_db *db, const char *uid, const char *name, const char *json);

/* What a call answered, copied. */
typedef struct test_answer {
    unsigned count; /* how often */
    mt_status status;
    char text[MT_ERROR_TEXT_MAX];
    mt_level reached;
    uint32_t received, durable;
    bool has_delta;
    void *app;
} test_answer;

/* An `mt_done` that fills the test_answer that is its ctx. */
void test_answered(void *ctx, mt_db *db, const mt_result *result);

#endif
