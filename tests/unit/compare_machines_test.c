/* Comparisons, case by case. */
#include "test_compare.h"

#include <stdio.h>
#include <string.h>

/* ---- What it takes ---- */

typedef struct traffic {
    size_t bytes;
    size_t asked, answered; /* messages */
} traffic;

static void count(test_pair *pair, bool to_asker)
{
    traffic *t = pair->ctx;

    t->bytes += pair->message.len;
    t->asked += !to_asker;
    t->answered += to_asker;
}

static traffic compare(test_pair *pair)
{
    traffic t = {0, 0, 0};

    pair->hook = count;
    pair->ctx = &t;
    CHECK(test_pair_run(pair) == MT_OK);
    return t;
}

/* Two peers with the same 20,000 nodes. */
static void twins(test_pair *pair)
{
    test_pair_init(pair);
    test_peer_fill(&pair->peers[0], "user/", 0, 20000);
    test_peer_fill(&pair->peers[1], "user/", 0, 20000);
    pair->differs = false;
}

TEST(equal_peers_find_so_with_one_question)
{
    test_pair pair;
    traffic t;

    twins(&pair);
    t = compare(&pair);
    CHECK(pair.asker.result.equal && t.asked == 1 && t.bytes < 50);
    test_pair_end(&pair);
    test_pair_free(&pair);
}

TEST(two_peers_without_nodes_are_equal)
{
    test_pair pair;
    traffic t;

    test_pair_init(&pair);
    t = compare(&pair);
    CHECK(pair.asker.result.equal && t.asked <= 2);
    test_pair_end(&pair);
    test_pair_free(&pair);
}

TEST(a_few_nodes_that_differ_take_three_questions)
{
    test_pair pair;
    traffic t;

    twins(&pair);
    test_peer_set(&pair.peers[0], "user/000100", 5000000, (mt_sum){1, 2});
    test_peer_set(&pair.peers[1], "user/015000", 5000000, (mt_sum){3, 4});
    test_peer_set(&pair.peers[1], "user/017000/x", 5000000, (mt_sum){5, 6});
    t = compare(&pair);
    CHECK(pair.asker.result.equal && t.asked == 3 && t.bytes < 2000);
    CHECK(pair.asker.result.both == 2 && pair.asker.result.theirs == 1);
    CHECK(test_peers_equal(&pair.peers[0], &pair.peers[1]));
    test_pair_end(&pair);
    test_pair_free(&pair);
}

TEST(who_has_nothing_gets_all_and_gives_nothing)
{
    for (int with = 0; with < 2; with++) {
        test_pair pair;
        traffic t;
        test_pair_init(&pair);
        test_peer_fill(&pair.peers[with], "user/", 0, 3000);
        t = compare(&pair);
        CHECK(pair.asker.result.equal && t.bytes < 1000);
        CHECK(test_peers_equal(&pair.peers[0], &pair.peers[1]));
        test_pair_end(&pair);
        test_pair_free(&pair);
    }
}

TEST(one_side_has_a_run_that_the_other_lacks)
{
    for (int with = 0; with < 2; with++) {
        test_pair pair;
        twins(&pair);
        test_peer_fill(&pair.peers[with], "zebra/", 0, 5000);
        (void)compare(&pair);
        CHECK(pair.asker.result.equal);
        CHECK(test_peers_equal(&pair.peers[0], &pair.peers[1]));
        test_pair_end(&pair);
        test_pair_free(&pair);
    }
}

TEST(only_the_range_is_compared)
{
    test_pair pair;
    mti_print out;

    twins(&pair);
    test_peer_set(&pair.peers[1], "user/000100/x", 9, (mt_sum){1, 2});
    test_peer_set(&pair.peers[1], "user/005000/x", 9, (mt_sum){1, 2});
    test_peer_set(&pair.peers[1], "user/010000", 5000000, (mt_sum){1, 2});
    pair.first = mt_str("user/004");
    pair.end = mt_str("user/010000");
    (void)compare(&pair);
    CHECK(pair.asker.result.equal);
    CHECK(test_peer_get(&pair.peers[0], "user/005000/x", &out));
    CHECK(!test_peer_get(&pair.peers[0], "user/000100/x", &out));
    CHECK(test_peer_get(&pair.peers[0], "user/010000", &out) && out.state_max == 11000);
    test_pair_end(&pair);
    test_pair_free(&pair);
}

TEST(who_does_not_give_keeps_its_own)
{
    test_pair pair;
    mti_print out;

    twins(&pair);
    pair.gives = false;
    pair.differs = true;
    test_peer_set(&pair.peers[0], "user/000100/mine", 9, (mt_sum){1, 2});
    test_peer_set(&pair.peers[1], "user/000100/theirs", 9, (mt_sum){3, 4});
    (void)compare(&pair);
    CHECK(!pair.asker.result.equal);
    CHECK(test_peer_get(&pair.peers[0], "user/000100/theirs", &out));
    CHECK(!test_peer_get(&pair.peers[1], "user/000100/mine", &out));
    test_pair_end(&pair);
    test_pair_free(&pair);
}

/* ---- Long uids, alike and unlike ---- */

/* Two peers whose uids share much with one neighbour and nothing with the other. */
TEST(uids_that_share_long_prefixes_are_divided_all_the_same)
{
    for (unsigned codes = 0; codes < 2; codes++) {
        test_pair pair;
        char uid[200];
        test_pair_init(&pair);
        pair.codes = codes;
        for (unsigned i = 0; i < 6000; i++) {
            memset(uid, 'a' + (int)(i / 3 % 26), sizeof uid);
            snprintf(uid + i % 3 * 60, sizeof uid - i % 3 * 60, "%05u", i * 7919 % 6000);
            test_peer_set(&pair.peers[0], uid, 1 + i, (mt_sum){i + 1, i});
            test_peer_set(&pair.peers[1], uid, 1 + i + (i % 50 == 0), (mt_sum){i + 1, i});
        }
        (void)compare(&pair);
        CHECK(pair.asker.result.equal);
        CHECK(test_peers_equal(&pair.peers[0], &pair.peers[1]));
        test_pair_end(&pair);
        test_pair_free(&pair);
    }
}

/* ---- Bounds that are cut ---- */

static const char *const firsts[] = {"", "user/0100", "user/0200", "user/0250", "zebra/long/uid"};

static void parts_make(mti_parts *parts)
{
    mti_parts_init(parts, test_mem());
    for (size_t i = 0; i < TEST_COUNT(firsts); i++) {
        mt_bytes end = mt_str(i + 1 < TEST_COUNT(firsts) ? firsts[i + 1] : "zz");
        CHECK(mti_parts_add(parts, mt_str(firsts[i]), end) == MT_OK);
    }
}

TEST(bounds_are_cut_to_what_tells_them_apart)
{
    static const char *const cut_firsts[] = {"", "user/010", "user/0200", "user/0250", "ze"};
    mti_parts parts, cut;
    bool worth;

    parts_make(&parts);
    mti_parts_init(&cut, test_mem());
    CHECK(mti_parts_cut(&parts, &cut, &worth) == MT_OK && worth);
    CHECK(cut.count == parts.count);
    for (size_t i = 0; i < cut.count; i++) {
        mt_bytes first = mti_part_first(&cut, &cut.at[i]);
        CHECK(mt_bytes_equal(first, mt_str(cut_firsts[i])));
        if (i > 0) CHECK(mt_bytes_equal(first, mti_part_end(&cut, &cut.at[i - 1])));
    }
    mti_parts_free(&parts);
    mti_parts_free(&cut);
}

TEST(parts_are_read_as_they_were_written)
{
    for (size_t len = 0; len <= 16; len += 4) {
        mt_buf out = {.mem = test_mem()};
        mti_say say = {.out = &out};
        mt_error err;
        mti_parts parts, read;
        mti_parse in;
        parts_make(&parts);
        parts.at[1].print = (mti_sip128){UINT64_MAX, UINT64_MAX};
        parts.at[3].end_len--; /* it ends before the next begins */
        mti_say_parts(&say, &parts, mt_str("zz"), len);
        in = mti_parse_of(mt_buf_bytes(&out), "parts", &err);
        mti_parts_init(&read, test_mem());
        mti_parse_parts(&in, &read, mt_str(""), mt_str("zz"), len, 100);
        CHECK(mti_parse_end(&in) == MT_OK && read.count == parts.count);
        for (size_t i = 0; i < read.count; i++) {
            mti_part *a = &parts.at[i], *b = &read.at[i];
            CHECK(mt_bytes_equal(mti_part_first(&parts, a), mti_part_first(&read, b)));
            if (i + 1 < read.count)
                CHECK(mt_bytes_equal(mti_part_end(&parts, a), mti_part_end(&read, b)));
            CHECK(mti_prints_same(a->print, b->print, len));
        }
        mti_parts_free(&parts);
        mti_parts_free(&read);
        mt_buf_free(&out);
    }
}

/* ---- Memory ---- */

static void fill_unlike(test_pair *pair)
{
    test_peer_fill(&pair->peers[0], "user/", 0, 1500);
    test_peer_fill(&pair->peers[1], "user/", 0, 1500);
    test_peer_fill(&pair->peers[0], "a/", 0, 40);
    test_peer_fill(&pair->peers[1], "z/", 0, 40);
    for (unsigned i = 0; i < 60; i++) {
        char uid[20];
        snprintf(uid, sizeof uid, "user/%06u", i * 20);
        test_peer_set(&pair->peers[i % 2], uid, 9000 + i, (mt_sum){i, 1});
    }
}

static void fail_each_allocation(bool codes, bool differs)
{
    for (size_t n = 0;; n++) {
        fail_mem fm = {.fail_at = n};
        test_pair pair;
        mt_status st;
        test_pair_init(&pair);
        fill_unlike(&pair);
        pair.mem = fail_mem_hook(&fm);
        pair.codes = codes;
        pair.differs = differs;
        st = test_pair_run(&pair);
        test_pair_end(&pair);
        CHECK(fm.live_bytes == 0);
        CHECK(st == (fm.tripped ? MT_NO_MEMORY : MT_OK));
        if (!fm.tripped) CHECK(test_peers_equal(&pair.peers[0], &pair.peers[1]));
        test_pair_free(&pair);
        if (!fm.tripped) break;
    }
}

TEST(any_allocation_may_fail)
{
    fail_each_allocation(true, true);
    fail_each_allocation(true, false);
    fail_each_allocation(false, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_peers_find_so_with_one_question),
        cmocka_unit_test(two_peers_without_nodes_are_equal),
        cmocka_unit_test(a_few_nodes_that_differ_take_three_questions),
        cmocka_unit_test(who_has_nothing_gets_all_and_gives_nothing),
        cmocka_unit_test(one_side_has_a_run_that_the_other_lacks),
        cmocka_unit_test(only_the_range_is_compared),
        cmocka_unit_test(who_does_not_give_keeps_its_own),
        cmocka_unit_test(uids_that_share_long_prefixes_are_divided_all_the_same),
        cmocka_unit_test(bounds_are_cut_to_what_tells_them_apart),
        cmocka_unit_test(parts_are_read_as_they_were_written),
        cmocka_unit_test(any_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
