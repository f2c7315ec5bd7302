/* The two machines of a comparison where more differs than goes into one message, or into one pass. */
#include "test_compare.h"

#include <stdio.h>

static void end(test_pair *pair)
{
    test_pair_end(pair);
    test_pair_free(pair);
}

/* Both have so many nodes, of which some are others at each. */
static void begin(test_pair *pair, size_t common, size_t differing)
{
    test_pair_init(pair);
    for (size_t i = 0; i < 2; i++) test_peer_fill(&pair->peers[i], "user/", 0, common);
    for (size_t i = 0; i < differing; i++) {
        char uid[32];
        (void)snprintf(uid, sizeof uid, "user/%06zu", i * (common / differing));
        test_peer_set(&pair->peers[i % 2], uid, 2000000 + i, (mt_sum){i + 1, 7});
    }
    pair->codes = false;
}

TEST(lists_that_do_not_fit_into_a_message_go_on_with_the_parts_behind_them)
{
    test_pair pair;

    begin(&pair, 300000, 9000);
    CHECK(test_pair_run(&pair) == MT_OK);
    CHECK(!pair.asker.result.copy && pair.asker.result.equal);
    CHECK(test_peers_equal(&pair.peers[0], &pair.peers[1]));
    end(&pair);
}

TEST(dry_run_counts_what_is_in_lists_that_do_not_fit_into_a_message)
{
    test_pair pair;

    begin(&pair, 300000, 9000);
    pair.dry = true;
    CHECK(test_pair_run(&pair) == MT_OK);
    CHECK(pair.asker.result.both + pair.asker.result.ours + pair.asker.result.theirs >= 9000);
    CHECK(pair.asker.result.both > 8000);
    end(&pair);
}

/* Each has some hundred thousand that the other has nothing of. */
TEST(what_is_more_than_goes_in_one_pass_goes_in_the_next)
{
    test_pair pair;

    test_pair_init(&pair);
    test_peer_fill(&pair.peers[0], "a/", 0, MTI_COMPARE_SENDS_MAX + 5000);
    test_peer_fill(&pair.peers[1], "b/", 0, MTI_COMPARE_SENDS_MAX + 5000);
    for (size_t i = 0; i < 2; i++) test_peer_fill(&pair.peers[i], "user/", 0, 1000);
    CHECK(test_pair_run(&pair) == MT_OK);
    CHECK(pair.asker.result.passes > 1);
    CHECK(!pair.asker.result.copy && test_peers_equal(&pair.peers[0], &pair.peers[1]));
    end(&pair);
}

/* Offers of all of them would make a message too long: by their number, and by the length of their uids. */
static void offers(const char *prefix, size_t count, bool copies)
{
    test_pair pair;

    test_pair_init(&pair);
    test_peer_fill(&pair.peers[0], prefix, 0, count);
    for (size_t i = 0; i < count; i++) {
        char uid[64];
        (void)snprintf(uid, sizeof uid, "%s%06zu", prefix, i);
        test_peer_set(&pair.peers[1], uid, 500, (mt_sum){i + 1, 7});
    }
    pair.codes = false;
    CHECK(test_pair_run(&pair) == MT_OK);
    CHECK(pair.message.len < 1 << 20);
    CHECK(pair.asker.result.copy == copies);
    if (!copies) CHECK(test_peers_equal(&pair.peers[0], &pair.peers[1]));
    end(&pair);
}

TEST(more_than_may_be_offered_at_once_is_offered_in_another_pass_or_copied)
{
    offers("", MTI_COMPARE_WANTS_MAX + 2000, true); /* so much is copied */
    offers("a/rather/long/prefix/of/uids/", 40000, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_that_do_not_fit_into_a_message_go_on_with_the_parts_behind_them),
        cmocka_unit_test(dry_run_counts_what_is_in_lists_that_do_not_fit_into_a_message),
        cmocka_unit_test(what_is_more_than_goes_in_one_pass_goes_in_the_next),
        cmocka_unit_test(more_than_may_be_offered_at_once_is_offered_in_another_pass_or_copied),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
