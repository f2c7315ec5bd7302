/* storage_test.c - the node store keeps the contract of storages, over engines of all tempers. */
#include "test_env.h"
#include "test_law.h"
#include <mytosis/conformance.h>
#include <mytosis/plugin/kv_memory.h>
#include <mytosis/plugin/node_store.h>
#include <stdio.h>

static void say(void *ctx, const char *check, const char *violation)
{
    (void)ctx;
    if (violation) printf("    not so: %s: %s\n", check, violation);
}

typedef struct subject {
    test_env te;
    mt_conformance_storage suite;
    mt_node_store_options options;
    mt_kv kept; /* the engine in memory, which outlives the stores */
    mt_kv_ops ops;
    mt_kv_fault fault;
    bool late;
} subject;

static void stay_open(void *ctx)
{
    (void)ctx;
}

/* The engine in memory is kept for the next opening. */
static mt_status memory_open(void *ctx, bool fresh, mt_storage *out, mt_error *err)
{
    subject *s = ctx;
    mt_kv_late_options late = {.size = sizeof late, .seed = 7, .fault = &s->fault};
    mt_kv kv;

    if (fresh) {
        mt_kv_close(&s->kept);
        CHECK(mt_kv_memory(&s->te.env, &s->kept) == MT_OK);
    }
    s->ops = *s->kept.ops;
    s->ops.close = stay_open;
    kv = (mt_kv){&s->ops, s->kept.ctx};
    if (s->late) CHECK(mt_kv_late(&s->te.env, kv, &late, &kv) == MT_OK);
    return mt_node_store_new(&s->te.env, kv, &s->options, out, err);
}

static void fail_write(void *ctx)
{
    subject *s = ctx;

    s->fault = (mt_kv_fault){.calls = MT_KV_FAULT_COMMIT, .status = MT_FULL};
}

static void holds(subject *s)
{
    mt_error err = {0};

    s->options.size = sizeof s->options;
    s->suite.size = sizeof s->suite;
    s->suite.env = &s->te.env;
    s->suite.seed = 8831;
    s->suite.rounds = TEST_AMOUNT(400);
    s->suite.report = say;
    s->suite.ctx = s;
    s->suite.persistent = true;
    if (!s->suite.open) s->suite.open = memory_open;
    test_env_init(&s->te, 1, test_mem());
    if (mt_conformance_storage_run(&s->suite, &err) != MT_OK) fail_msg("%s", err.text);
    mt_kv_close(&s->kept);
    CHECK(test_mem_live() == 0);
    test_env_end(&s->te);
}

TEST(the_node_store_over_memory_conforms)
{
    subject s = {.late = false};

    holds(&s);
}

TEST(with_every_node_too_long_for_a_record_it_conforms)
{
    subject s = {.options.small_len_max = 1};

    holds(&s);
}

TEST(with_an_index_that_is_stored_all_the_time_it_conforms)
{
    subject s = {.options = {.index_lag = 3, .index_bytes = 1}, .late = true};

    holds(&s);
}

TEST(without_an_index_it_conforms)
{
    subject s = {.options.no_fingerprints = true};

    holds(&s);
}

TEST(over_an_engine_that_answers_late_it_conforms)
{
    subject s = {.late = true, .suite.fail_write = fail_write};

    holds(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_node_store_over_memory_conforms),
        cmocka_unit_test(with_every_node_too_long_for_a_record_it_conforms),
        cmocka_unit_test(with_an_index_that_is_stored_all_the_time_it_conforms),
        cmocka_unit_test(without_an_index_it_conforms),
        cmocka_unit_test(over_an_engine_that_answers_late_it_conforms),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
