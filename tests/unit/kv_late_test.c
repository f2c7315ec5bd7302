/* kv_late_test.c - the engine that answers late: in which order, and how it fails. */
#include "test_kv.h"
#include <mytosis/plugin/kv_memory.h>
#include <stdio.h>
#include <string.h>

typedef struct scene {
    test_env te;
    fail_mem fm;
    mt_kv_fault fault;
    test_kv t;
    char order[64]; /* in which requests were answered */
} scene;

static void scene_begin(scene *s, uint64_t seed)
{
    mt_kv_late_options options = {.size = sizeof options, .seed = seed, .fault = &s->fault};
    mt_kv inner;

    memset(s, 0, sizeof *s);
    s->fm.fail_at = SIZE_MAX;
    test_env_init(&s->te, seed, fail_mem_hook(&s->fm));
    s->t.te = &s->te;
    CHECK(mt_kv_memory(&s->te.env, &inner) == MT_OK);
    CHECK(mt_kv_late(&s->te.env, inner, &options, &s->t.kv) == MT_OK);
}

static void scene_end(scene *s)
{
    test_kv_close(&s->t);
    CHECK(s->fm.live_bytes == 0);
    test_env_end(&s->te);
}

/* ---- Order ---- */

static void order_heard(void *ctx, uint64_t id, const mt_kv_answer *answer)
{
    scene *s = ctx;

    CHECK(answer->status == MT_OK);
    s->order[strlen(s->order)] = (char)id;
}

/* Starts gets a to j and commits A to J, and notes the order of the answers. */
static void order_of(uint64_t seed, char out[64])
{
    static scene s;
    mt_kv_host host = {order_heard, &s};
    mt_bytes key = mt_str("k");
    mt_kv_op op = {MT_KV_PUT, mt_str("k"), mt_str("v")};

    scene_begin(&s, seed);
    for (uint64_t i = 0; i < 10; i++) {
        CHECK(s.t.kv.ops->get(s.t.kv.ctx, &host, 'a' + i, &key, 1) == MT_OK);
        CHECK(s.t.kv.ops->commit(s.t.kv.ctx, &host, 'A' + i, &op, 1) == MT_OK);
        CHECK(s.order[0] == '\0');
    }
    test_env_run(&s.te);
    CHECK(strlen(s.order) == 20);
    memcpy(out, s.order, sizeof s.order);
    scene_end(&s);
}

TEST(answers_come_in_an_order_that_the_seed_decides)
{
    char first[64], again[64], other[64];

    order_of(1, first);
    order_of(1, again);
    order_of(2, other);
    assert_string_equal(first, again);
    assert_string_not_equal(first, other);
    assert_string_not_equal(first, "aAbBcCdDeEfFgGhHiIjJ");
}

/* ---- Faults ---- */

/* Puts, gets and scans twice; answers how many of the six calls failed. */
static size_t calls_failed(scene *s, mt_status status)
{
    size_t failed = 0;

    for (int i = 0; i < 2; i++) {
        bool put = test_kv_put(&s->t, "a", i == 0 ? "1" : "2") == status;
        bool got = strcmp(test_kv_get(&s->t, "a"), "!") == 0 && s->t.status == status;
        bool scanned = test_kv_scan(&s->t) == status;

        failed += (size_t)put + got + scanned;
    }
    return failed;
}

TEST(each_call_may_be_made_to_fail)
{
    scene s;

    for (int at_start = 0; at_start < 2; at_start++) {
        for (uint64_t n = 0;; n++) {
            scene_begin(&s, n);
            s.fault = (mt_kv_fault){.calls = MT_KV_FAULT_ALL,
                                    .status = MT_FULL,
                                    .fail_at = n,
                                    .at_start = at_start == 1};
            CHECK(calls_failed(&s, MT_FULL) == (s.fault.tripped ? 1 : 0));
            CHECK(s.fault.count == 6);
            CHECK(s.fault.tripped == (n < 6));
            scene_end(&s);
            if (n == 6) break;
        }
    }
}

TEST(all_calls_from_one_on_may_be_made_to_fail)
{
    scene s;

    scene_begin(&s, 1);
    s.fault = (mt_kv_fault){
        .calls = MT_KV_FAULT_ALL, .status = MT_IO, .fail_at = 2, .from_then_on = true};
    CHECK(calls_failed(&s, MT_IO) == 4);
    CHECK(strcmp(s.t.text, "the test made it fail") == 0);
    scene_end(&s);
}

TEST(only_the_calls_that_are_named_fail)
{
    static const uint32_t calls[] = {MT_KV_FAULT_GET, MT_KV_FAULT_SCAN, MT_KV_FAULT_COMMIT};
    scene s;

    for (size_t i = 0; i < TEST_COUNT(calls); i++) {
        scene_begin(&s, 1);
        s.fault = (mt_kv_fault){.calls = calls[i], .status = MT_IO, .from_then_on = true};
        CHECK(calls_failed(&s, MT_IO) == 2);
        CHECK(s.fault.count == 2);
        scene_end(&s);
    }
}

TEST(a_commit_that_was_made_to_fail_does_nothing)
{
    scene s;

    scene_begin(&s, 1);
    CHECK(test_kv_put(&s.t, "a", "1") == MT_OK);
    s.fault = (mt_kv_fault){.calls = MT_KV_FAULT_COMMIT, .status = MT_FULL};
    CHECK(test_kv_put(&s.t, "a", "2") == MT_FULL);
    assert_string_equal(test_kv_get(&s.t, "a"), "1");
    CHECK(test_kv_put(&s.t, "a", "3") == MT_OK);
    assert_string_equal(test_kv_get(&s.t, "a"), "3");
    scene_end(&s);
}

/* Of this engine, and of the one in memory below it. */
TEST(failing_allocations_fail_one_call)
{
    scene s;

    for (size_t n = 0;; n++) {
        scene_begin(&s, n);
        s.fm.fail_at = s.fm.count + n;
        CHECK(calls_failed(&s, MT_NO_MEMORY) == (s.fm.tripped ? 1 : 0));
        scene_end(&s);
        if (!s.fm.tripped) break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_come_in_an_order_that_the_seed_decides),
        cmocka_unit_test(each_call_may_be_made_to_fail),
        cmocka_unit_test(all_calls_from_one_on_may_be_made_to_fail),
        cmocka_unit_test(only_the_calls_that_are_named_fail),
        cmocka_unit_test(a_commit_that_was_made_to_fail_does_nothing),
        cmocka_unit_test(failing_allocations_fail_one_call),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
