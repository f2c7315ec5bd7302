/* test_calls.h - calls of a database that answer later, its hooks and its events, in words.
 *
 *     test_call w = {.name = "w", .heard = &heard};
 *     CHECK(test_call_write(&w, t.db, "ada name='Ada'", NULL) == MT_OK);
 *     test_env_run(&t.te);
 *     test_heard_is(&heard, "w:MT_OK(ada)");
 *
 * Each call is seen to answer once, and not before it has returned. */
#ifndef TEST_CALLS_H
#define TEST_CALLS_H

#include "test_db.h"
#include "test_heard.h"
#include "test_storage.h"

/* ---- Calls ---- */

typedef struct test_call test_call;
struct test_call {
    const char *name;
    test_heard *heard;                        /* hears "NAME:STATUS(nodes)", if not NULL */
    void (*then)(test_call *call, mt_db *db); /* done in the answer, if not NULL */
    void *arg;                                /* for it */
    /* what became of it */
    uint64_t id;
    bool no_id; /* it is started without asking for its number: set by the test */
    bool returned;
    test_answer a;
    char nodes[256]; /* their uids, "-" where there is none */
};

/* Rows are written as in test_notation.h, uids and names in a row with spaces between. */
mt_status test_call_write(test_call *call, mt_db *db, const char *rows, const mt_options *options);
mt_status test_call_rows(test_call *call, mt_db *db, const char *rows, const mt_options *options);
mt_status test_call_receive(test_call *call, mt_db *db, mt_connection *from, const char *rows,
                            const mt_options *options);
mt_status test_call_delete(test_call *call, mt_db *db, const char *uid, const mt_options *options);
mt_status test_call_read(test_call *call, mt_db *db, const char *uids, const mt_options *options);
mt_status test_call_fields(test_call *call, mt_handle *node, const char *names,
                           const mt_options *options);
mt_status test_call_forget(test_call *call, mt_db *db, const char *uids, const mt_options *options);

/* Fails unless it answered once, with this status; with `text`, with exactly that line. */
void test_call_is(const test_call *call, mt_status status, const char *text);

typedef struct test_hook test_hook;

/* ---- Results that are waited for ---- */

/* A database on a test storage.
 *
 *     test_stage s;
 *     test_stage_init(&s);
 *     s.ts.large = 8;
 *     test_stage_open(&s, NULL);
 *     ...
 *     test_stage_end(&s); */
typedef struct test_stage {
    test_db t;
    test_storage ts;
    test_heard heard; /* for what the test hears */
    mt_hook hooks[8]; /* test_stage_hook adds them, before it is opened */
    size_t hook_count;
    mt_db *db; /* that of `t` */
} test_stage;

void test_stage_init(test_stage *s);

/* Opens the database, with a config (may be NULL) besides, and waits until it is ready. */
void test_stage_open(test_stage *s, const mt_config *config);

/* Closes the database and waits for it; it may be opened again. */
void test_stage_close(test_stage *s);

/* Closes it, and holds that all memory was given back. */
void test_stage_end(test_stage *s);

/* Adds a hook, which is heard on the stage. */
void test_stage_hook(test_stage *s, test_hook *hook, mt_hook_point point);

/* As test_stage_init and test_stage_open. */
void test_stage_begin(test_stage *s, const mt_config *config);

/* Writes rows, or commits them with their states, and has it succeed. */
void test_write(mt_db *db, const char *rows);
void test_commit(mt_db *db, const char *rows);

/* What is in memory: a node as plain JSON, or NULL for no node that readers see. */
void test_peek_is(mt_db *db, const char *uid, const char *json);

/* The same, read first with all its fields. */
void test_read_is(mt_db *db, const char *uid, const char *json);

/* A node that is read, held for the caller; it must be there. */
mt_handle *test_hold_node(mt_db *db, const char *uid);

/* ---- Hooks ---- */

typedef enum test_does { TEST_PASSES, TEST_REFUSES, TEST_HOLDS } test_does;

struct test_hook {
    const char *name;
    test_heard *heard; /* hears the name, if not NULL */
    test_does does;
    mt_status status;                                 /* of a refusal: MT_REFUSED */
    const char *text;                                 /* of a refusal; NULL: none given */
    void (*then)(test_hook *hook, mt_action *action); /* first of all, if not NULL */
    void *arg;
    unsigned count; /* how often it ran */
    mt_action *held[64];
    size_t held_count;
};

/* A hook for a config. */
mt_hook test_hook_at(test_hook *hook, mt_hook_point point);

/* Lets the action `at` of those held pass, or refuses it. */
void test_hook_pass(test_hook *hook, size_t at);
void test_hook_refuse(test_hook *hook, size_t at);

/* ---- Events ---- */

/* Hears "NAME:update(ada,bob)" and the like. */
typedef struct test_watch test_watch;
struct test_watch {
    const char *name;
    test_heard *heard;
    void (*then)(test_watch *watch, mt_db *db, const mt_event *event);
    void *arg;
    unsigned count;
    uint64_t commit; /* of the last event */
    mt_listening *listening;
};

/* Listens to a node, to a prefix ("no*"), or to all ("*"). */
void test_watch_on(test_watch *watch, mt_db *db, unsigned kinds, const char *what);
void test_watch_off(test_watch *watch);

/* As mt_on, which may fail. */
mt_status test_watch_try(test_watch *watch, mt_db *db, const mt_listen *listen);

#endif
