/* What the simulator finds, or found: laws of its runs, with some kinds of faults at a time. */
#include "test_law.h"

#include <mytosis/sim.h>

#include <string.h>

/* Runs as many seeds as an amount is, once each. */
static void all_hold(size_t amount, mt_sim_options options)
{
    options.size = sizeof options;
    options.once = true;
    for (size_t i = 0; i < TEST_AMOUNT(amount); i++, options.seed++) {
        mt_sim_report report;
        mt_status st = mt_sim_run(&options, &report);
        if (st != MT_OK) print_error("seed %s: %s\n", report.replay, report.text);
        CHECK(st == MT_OK);
    }
}

TEST(two_peers_agree_which_of_two_links_is_used)
{
    uint32_t links = MT_SIM_DOUBLES | MT_SIM_BREAKS;

    all_hold(2000, (mt_sim_options){.peers = 2, .actions = 60, .without = MT_SIM_ALL & ~links});
}

/* Of the future, and noted on a disk that is full. */
TEST(what_was_refused_and_could_not_be_noted_comes_again)
{
    uint32_t disks = MT_SIM_DISKS | MT_SIM_CLOCKS;

    all_hold(3000, (mt_sim_options){.peers = 2, .without = MT_SIM_ALL & ~disks});
}

/* A field that could not be read once, of a node that was then deleted; and of a short one in long records, which was
 * then written. */
TEST(nothing_is_stored_that_cannot_be_read)
{
    uint32_t strange = MT_SIM_SPACES | MT_SIM_LIES | MT_SIM_VERSIONS;

    all_hold(1, (mt_sim_options){.seed = 443, .without = strange});
    all_hold(1, (mt_sim_options){.seed = 5290, .without = strange});
    all_hold(1, (mt_sim_options){.seed = 570, .without = strange | MT_SIM_CLOCKS});
    all_hold(1000, (mt_sim_options){.without = MT_SIM_ALL & ~(MT_SIM_DISKS | MT_SIM_CRASHES)});
}

/* What one of two copies of a store sent too early was asked for of the other, which has it not. */
TEST(copies_of_a_store_are_both_asked_for_what_came_too_early)
{
    uint32_t copies = MT_SIM_CLOCKS | MT_SIM_BACKUPS | MT_SIM_CRASHES;

    all_hold(1, (mt_sim_options){.seed = 8004601});
    all_hold(1500, (mt_sim_options){.without = MT_SIM_ALL & ~copies});
}

/* What was refused as too early counts as known when two compare; what else there is of the node goes in the end, too. */
TEST(what_is_beside_what_came_too_early_is_not_forgotten)
{
    all_hold(1, (mt_sim_options){.seed = 4295969532});
    all_hold(1, (mt_sim_options){.seed = 4295971353}); /* and could not be noted */
    all_hold(1500, (mt_sim_options){.without = MT_SIM_ALL & ~(MT_SIM_CLOCKS | MT_SIM_SPACES)});
}

/* In data, and in what they say; with rights and without. */
TEST(peers_that_lie_change_nothing_that_they_may_not)
{
    uint32_t lies = MT_SIM_LIES | MT_SIM_SPACES;

    all_hold(400, (mt_sim_options){.without = MT_SIM_ALL & ~lies});
    all_hold(200, (mt_sim_options){.without = MT_SIM_DISKS | MT_SIM_VERSIONS});
}

TEST(peers_of_other_versions_sync_or_keep_to_themselves)
{
    all_hold(400, (mt_sim_options){.without = MT_SIM_ALL & ~MT_SIM_VERSIONS});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_peers_agree_which_of_two_links_is_used),
        cmocka_unit_test(what_was_refused_and_could_not_be_noted_comes_again),
        cmocka_unit_test(nothing_is_stored_that_cannot_be_read),
        cmocka_unit_test(copies_of_a_store_are_both_asked_for_what_came_too_early),
        cmocka_unit_test(what_is_beside_what_came_too_early_is_not_forgotten),
        cmocka_unit_test(peers_that_lie_change_nothing_that_they_may_not),
        cmocka_unit_test(peers_of_other_versions_sync_or_keep_to_themselves),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
