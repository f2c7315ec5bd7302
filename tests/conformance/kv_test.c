/* kv_test.c - the engine in memory keeps the contract, and so does the one that is late. */
#include "test_kv.h"
#include <mytosis/plugin/kv_memory.h>

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
    test_kv_conforms(&subject);
    CHECK(s.fm.live_bytes == 0);
    test_env_end(&s.te);
}

TEST(an_engine_that_answers_late_conforms)
{
    memory_subject s = {.late = true};
    mt_conformance_kv subject = {
        .env = &s.te.env, .open = memory_open, .fail_commit = late_fail_commit, .ctx = &s};

    test_env_init(&s.te, 1, test_mem());
    test_kv_conforms(&subject);
    CHECK(test_mem_live() == 0);
    test_env_end(&s.te);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_engine_in_memory_conforms),
        cmocka_unit_test(an_engine_that_answers_late_conforms),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
