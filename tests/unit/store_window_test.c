/* store_window_test.c - what is remembered of the nodes logged last, and in how much memory. */
#include "store/window.h"
#include "test.h"
#include <stdio.h>
#include <string.h>

static void put(mti_window *w, const char *uid, uint64_t number, const char *names)
{
    mti_logged logged = {.named_count = 1};

    logged.named[0] = (mti_logged_names){number, mt_str("peer"), mt_str(names), 1};
    logged.touch = (uint32_t)number;
    CHECK(mti_window_put(w, mt_str(uid), &logged) == MT_OK);
}

static bool knows(const mti_window *w, const char *uid, uint64_t number, const char *names)
{
    mti_logged logged;

    if (!mti_window_find(w, mt_str(uid), &logged)) return false;
    CHECK(logged.named_count == 1 && logged.named[0].number == number);
    CHECK(logged.touch == number && logged.all_number == 0 && logged.all_origin.len == 0);
    CHECK(mt_bytes_equal(logged.named[0].names, mt_str(names)));
    CHECK(mt_bytes_equal(logged.named[0].origin, mt_str("peer")));
    return true;
}

TEST(what_was_put_is_found_and_what_was_put_over_it)
{
    mti_window w;

    mti_window_init(&w, test_mem(), 1);
    CHECK(!knows(&w, "ada", 1, ""));
    put(&w, "ada", 1, "name");
    put(&w, "bob", 2, "age");
    CHECK(knows(&w, "ada", 1, "name") && knows(&w, "bob", 2, "age") && !knows(&w, "ad", 1, ""));
    put(&w, "ada", 3, "x");
    put(&w, "bob", 4, "a longer list of names than there was");
    CHECK(knows(&w, "ada", 3, "x"));
    CHECK(knows(&w, "bob", 4, "a longer list of names than there was"));
    mti_window_clear(&w);
    CHECK(!knows(&w, "ada", 3, "x") && !knows(&w, "bob", 4, ""));
    put(&w, "ada", 5, "y");
    CHECK(knows(&w, "ada", 5, "y"));
    mti_window_free(&w);
    CHECK(test_mem_live() == 0);
}

TEST(all_that_an_entry_says_is_kept)
{
    mti_logged in = {.all_number = 7, .named_count = 2, .touch = 3}, out;
    mti_window w;

    in.all_origin = mt_str("p");
    in.named[0] = (mti_logged_names){9, mt_str(""), mt_str("\1x\1y"), 2};
    in.named[1] = (mti_logged_names){12, mt_str("q"), mt_str("\1z"), 1};
    mti_window_init(&w, test_mem(), 1);
    CHECK(mti_window_put(&w, mt_str("ada"), &in) == MT_OK);
    CHECK(mti_window_find(&w, mt_str("ada"), &out));
    CHECK(out.all_number == 7 && out.named_count == 2 && out.touch == 3);
    CHECK(mt_bytes_equal(out.all_origin, in.all_origin));
    for (size_t i = 0; i < 2; i++) {
        CHECK(out.named[i].number == in.named[i].number);
        CHECK(out.named[i].name_count == in.named[i].name_count);
        CHECK(mt_bytes_equal(out.named[i].origin, in.named[i].origin));
        CHECK(mt_bytes_equal(out.named[i].names, in.named[i].names));
    }
    mti_window_free(&w);
}

TEST(the_last_nodes_are_remembered_in_bounded_memory)
{
    size_t most = 0, known = 0;
    char uid[16];
    mti_window w;

    mti_window_init(&w, test_mem(), 1);
    for (uint64_t i = 1; i <= 100000; i++) {
        snprintf(uid, sizeof uid, "n%llu", (unsigned long long)i);
        put(&w, uid, i, "x");
        if (test_mem_live() > most) most = test_mem_live();
    }
    CHECK(most < 4 * MTI_WINDOW_BYTES);
    for (uint64_t i = 1; i <= 100000; i++) {
        snprintf(uid, sizeof uid, "n%llu", (unsigned long long)i);
        /* The last ones, without a gap. */
        if (knows(&w, uid, i, "x")) known++;
        else CHECK(known == 0);
    }
    CHECK(known >= MTI_WINDOW_NODES && known <= 2 * MTI_WINDOW_NODES);
    mti_window_free(&w);
}

TEST(long_lists_of_names_take_no_more_memory)
{
    static char names[16001];
    size_t most = 0, known = 0;
    char uid[16];
    mti_window w;

    memset(names, 'n', sizeof names - 1);
    mti_window_init(&w, test_mem(), 1);
    for (uint64_t i = 1; i <= 1000; i++) {
        snprintf(uid, sizeof uid, "n%llu", (unsigned long long)i);
        put(&w, uid, i, names);
        if (test_mem_live() > most) most = test_mem_live();
    }
    CHECK(most < 4 * MTI_WINDOW_BYTES);
    for (uint64_t i = 1; i <= 1000; i++) {
        snprintf(uid, sizeof uid, "n%llu", (unsigned long long)i);
        known += knows(&w, uid, i, names);
    }
    CHECK(known >= MTI_WINDOW_BYTES / sizeof names && known < 200);
    mti_window_free(&w);
}

TEST(a_node_that_changes_all_the_time_pushes_no_other_out)
{
    mti_window w;

    mti_window_init(&w, test_mem(), 1);
    put(&w, "ada", 1, "name");
    for (uint64_t i = 2; i < 200000; i++) put(&w, "bob", i, i % 2 ? "x" : "xy");
    CHECK(knows(&w, "ada", 1, "name") && knows(&w, "bob", 199999, "x"));
    mti_window_free(&w);
}

TEST(without_memory_it_holds_what_it_held)
{
    for (size_t n = 0;; n++) {
        fail_mem fm = {.fail_at = n};
        mti_logged logged = {.named_count = 1,
                             .named = {{.number = 1, .names = mt_str("x"), .name_count = 1}}};
        size_t held = 0, found = 0;
        mti_window w;
        char uid[16];

        mti_window_init(&w, fail_mem_hook(&fm), 1);
        for (int i = 0; i < 200; i++) {
            snprintf(uid, sizeof uid, "n%d", i);
            held += mti_window_put(&w, mt_str(uid), &logged) == MT_OK;
        }
        for (int i = 0; i < 200; i++) {
            snprintf(uid, sizeof uid, "n%d", i);
            found += mti_window_find(&w, mt_str(uid), &logged);
        }
        CHECK(held == found && held == (fm.tripped ? 199 : 200));
        mti_window_free(&w);
        CHECK(fm.live_bytes == 0);
        if (!fm.tripped) break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_put_is_found_and_what_was_put_over_it),
        cmocka_unit_test(all_that_an_entry_says_is_kept),
        cmocka_unit_test(the_last_nodes_are_remembered_in_bounded_memory),
        cmocka_unit_test(long_lists_of_names_take_no_more_memory),
        cmocka_unit_test(a_node_that_changes_all_the_time_pushes_no_other_out),
        cmocka_unit_test(without_memory_it_holds_what_it_held),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
