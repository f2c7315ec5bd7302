/* kv_memory_test.c - the engine in memory: what it takes, and how it ends. */
#include "test_kv.h"
#include <mytosis/plugin/kv_memory.h>
#include <stdio.h>

static void engine_open(test_env *te, test_kv *t, const mt_mem *mem)
{
    test_env_init(te, 1, mem);
    *t = (test_kv){.te = te};
    CHECK(mt_kv_memory(&te->env, &t->kv) == MT_OK);
}

TEST(bytes_are_those_of_what_it_holds)
{
    test_env te;
    test_kv t;
    uint64_t small;

    engine_open(&te, &t, test_mem());
    CHECK(t.kv.ops->bytes(t.kv.ctx) == 0);
    CHECK(test_kv_put(&t, "a", "1") == MT_OK);
    small = t.kv.ops->bytes(t.kv.ctx);
    CHECK(small > 2);
    CHECK(test_kv_put_large(&t, "a", 100000) == MT_OK);
    CHECK(t.kv.ops->bytes(t.kv.ctx) >= 100000);
    CHECK(t.kv.ops->bytes(t.kv.ctx) < 100000 + small + 200);
    test_kv_close(&t);
    CHECK(test_mem_live() == 0);
    test_env_end(&te);
}

TEST(it_does_without_entropy)
{
    test_env te;
    test_kv t = {.te = &te};

    test_env_init(&te, 1, test_mem());
    te.no_entropy = true;
    CHECK(mt_kv_memory(&te.env, &t.kv) == MT_OK);
    for (int i = 0; i < 1000; i++) {
        char key[16];

        snprintf(key, sizeof key, "%d", i);
        CHECK(test_kv_put(&t, key, key) == MT_OK);
    }
    assert_string_equal(test_kv_get(&t, "777"), "777");
    test_kv_close(&t);
    test_env_end(&te);
}

TEST(failing_allocations_change_nothing)
{
    test_env te;
    test_kv t;

    for (size_t n = 0;; n++) {
        fail_mem fm = {.fail_at = n};
        mt_status st;

        test_env_init(&te, 1, fail_mem_hook(&fm));
        t = (test_kv){.te = &te};
        st = mt_kv_memory(&te.env, &t.kv);
        if (st == MT_OK) st = test_kv_put(&t, "a", "1");
        if (st == MT_OK) st = test_kv_scan(&t);
        CHECK(st == (fm.tripped ? MT_NO_MEMORY : MT_OK));
        if (t.kv.ops) assert_string_equal(test_kv_get(&t, "a"), n == 1 ? "?" : "1");
        test_kv_close(&t);
        CHECK(fm.live_bytes == 0);
        test_env_end(&te);
        if (!fm.tripped) break;
    }
}

TEST(keys_that_do_not_fit_are_refused_at_the_start)
{
    char longest[MT_KV_KEY_LEN_MAX + 2];
    test_env te;
    test_kv t;

    engine_open(&te, &t, test_mem());
    for (size_t i = 0; i <= MT_KV_KEY_LEN_MAX; i++) longest[i] = 'k';
    longest[MT_KV_KEY_LEN_MAX + 1] = '\0';
    CHECK(test_kv_put(&t, "", "1") == MT_INVALID);
    CHECK(test_kv_put(&t, longest, "1") == MT_INVALID);
    CHECK(test_kv_scan(&t) == MT_OK && t.count == 0);
    test_kv_close(&t);
    test_env_end(&te);
}

/* ---- Closing inside an answer: a host that ends may do so at its last one ---- */

static void heard_close(void *ctx, uint64_t id, const mt_kv_answer *answer)
{
    test_kv *t = ctx;

    (void)id;
    t->kv.ops->close(t->kv.ctx);
    /* The answer holds still. */
    if (answer->count == 1) CHECK(mt_bytes_equal(answer->pairs[0].value, mt_str("1")));
    t->under_way--;
}

TEST(it_may_be_closed_inside_an_answer)
{
    mt_bytes key = mt_str("a"), none = {NULL, 0};
    mt_kv_op op = {MT_KV_DELETE, mt_str("a"), none};
    test_env te;
    test_kv t;

    for (int kind = 0; kind < 3; kind++) {
        mt_kv_host host = {heard_close, &t};

        engine_open(&te, &t, test_mem());
        CHECK(test_kv_put(&t, "a", "1") == MT_OK);
        t.under_way = 1;
        if (kind == 0) CHECK(t.kv.ops->get(t.kv.ctx, &host, 1, &key, 1) == MT_OK);
        if (kind == 1) CHECK(t.kv.ops->scan(t.kv.ctx, &host, 1, none, none, 100) == MT_OK);
        if (kind == 2) CHECK(t.kv.ops->commit(t.kv.ctx, &host, 1, &op, 1) == MT_OK);
        CHECK(t.under_way == 0);
        CHECK(test_mem_live() == 0);
        test_env_end(&te);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_are_those_of_what_it_holds),
        cmocka_unit_test(it_does_without_entropy),
        cmocka_unit_test(failing_allocations_change_nothing),
        cmocka_unit_test(keys_that_do_not_fit_are_refused_at_the_start),
        cmocka_unit_test(it_may_be_closed_inside_an_answer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
