/* kv_test.c - our ordered key-value engines keep the contract. */
#include "test_env.h"
#include "test_folder.h"
#include "test_law.h"
#include <mytosis/conformance.h>
#include <mytosis/plugin/kv_lmdb.h>
#include <mytosis/plugin/kv_memory.h>
#include <stdio.h>
#include <unistd.h>

static void say(void *ctx, const char *check, const char *violation)
{
    (void)ctx;
    if (violation) printf("    not so: %s: %s\n", check, violation);
}

/* Runs the suite and has all checks hold. */
static void holds(mt_conformance_kv *subject)
{
    mt_error err = {0};

    subject->size = sizeof *subject;
    subject->seed = 8831;
    subject->rounds = TEST_AMOUNT(400);
    subject->report = say;
    if (mt_conformance_kv_run(subject, &err) != MT_OK) fail_msg("%s", err.text);
}

/* ---- In memory, and late over memory ---- */

typedef struct memory_subject {
    test_env te;
    fail_mem fm;
    size_t failed; /* commits so far */
    mt_kv_fault fault;
    bool late;
} memory_subject;

static mt_status memory_open(void *ctx, bool fresh, mt_kv *out, mt_error *err)
{
    memory_subject *s = ctx;
    mt_kv_late_options options = {.size = sizeof options, .seed = 7, .fault = &s->fault};
    mt_kv inner;

    (void)err;
    CHECK(fresh);
    CHECK(mt_kv_memory(&s->te.env, &inner) == MT_OK);
    if (s->late) return mt_kv_late(&s->te.env, inner, &options, out);
    *out = inner;
    return MT_OK;
}

/* Of the next commit, the suite allocates its own copy, and then the engine a record for each put:
 * the last of these fails. The suite's five commits have so many puts. */
static void memory_fail_commit(void *ctx)
{
    static const size_t puts[] = {1, 2, 2, 2, 3};
    memory_subject *s = ctx;

    s->fm.fail_at = s->fm.count + puts[s->failed++ % 5];
}

static void late_fail_commit(void *ctx)
{
    memory_subject *s = ctx;

    s->fault = (mt_kv_fault){.calls = MT_KV_FAULT_COMMIT, .status = MT_FULL};
}

TEST(the_engine_in_memory_conforms)
{
    memory_subject s = {.fm = {.fail_at = SIZE_MAX}};
    mt_conformance_kv subject = {
        .env = &s.te.env, .open = memory_open, .fail_commit = memory_fail_commit, .ctx = &s};

    test_env_init(&s.te, 1, fail_mem_hook(&s.fm));
    holds(&subject);
    CHECK(s.fm.live_bytes == 0);
    test_env_end(&s.te);
}

TEST(an_engine_that_answers_late_conforms)
{
    memory_subject s = {.late = true};
    mt_conformance_kv subject = {
        .env = &s.te.env, .open = memory_open, .fail_commit = late_fail_commit, .ctx = &s};

    test_env_init(&s.te, 1, test_mem());
    holds(&subject);
    CHECK(test_mem_live() == 0);
    test_env_end(&s.te);
}

/* ---- On disk ---- */

typedef struct lmdb_subject {
    test_env te;
    test_folder folder;
    mt_kv_fault fault;
    bool late;
} lmdb_subject;

static mt_status lmdb_open(void *ctx, bool fresh, mt_kv *out, mt_error *err)
{
    lmdb_subject *s = ctx;
    mt_kv_lmdb_options options = {.size = sizeof options, .no_sync = true, .map_len = 1};
    mt_kv_late_options late = {.size = sizeof late, .seed = 7, .fault = &s->fault};
    const char *path = test_folder_file(&s->folder, "store.mdb");
    mt_status st;
    mt_kv inner;

    if (fresh) unlink(path);
    st = mt_kv_lmdb(&s->te.env, path, &options, &inner, err);
    if (st != MT_OK) return st;
    if (s->late) return mt_kv_late(&s->te.env, inner, &late, out);
    *out = inner;
    return MT_OK;
}

static void lmdb_late_fail_commit(void *ctx)
{
    lmdb_subject *s = ctx;

    s->fault = (mt_kv_fault){.calls = MT_KV_FAULT_COMMIT, .status = MT_FULL};
}

/* The map begins tiny, so that it grows all the time. */
static void lmdb_holds(void (*works)(test_env *te), bool late)
{
    lmdb_subject s = {.late = late};
    mt_conformance_kv subject = {
        .env = &s.te.env, .open = lmdb_open, .persistent = true, .ctx = &s};

    if (late) subject.fail_commit = lmdb_late_fail_commit;
    test_folder_begin(&s.folder);
    test_env_init(&s.te, 3, test_mem());
    if (works) works(&s.te);
    holds(&subject);
    CHECK(test_mem_live() == 0);
    test_env_end(&s.te);
    test_folder_end(&s.folder);
}

TEST(the_engine_on_disk_conforms)
{
    lmdb_holds(NULL, false);
}

TEST(the_engine_on_disk_conforms_where_works_are_done_later)
{
    lmdb_holds(test_env_works, false);
}

TEST(the_engine_on_disk_conforms_where_works_are_done_on_threads)
{
    lmdb_holds(test_env_threads, false);
}

TEST(late_over_the_engine_on_disk_conforms)
{
    lmdb_holds(test_env_works, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_engine_in_memory_conforms),
        cmocka_unit_test(an_engine_that_answers_late_conforms),
        cmocka_unit_test(the_engine_on_disk_conforms),
        cmocka_unit_test(the_engine_on_disk_conforms_where_works_are_done_later),
        cmocka_unit_test(the_engine_on_disk_conforms_where_works_are_done_on_threads),
        cmocka_unit_test(late_over_the_engine_on_disk_conforms),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
