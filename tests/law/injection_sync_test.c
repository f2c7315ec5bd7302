/* injection_sync_test.c - two databases that sync, where each allocation, each call of an engine and each send
 * fails. */
#include "test_trial.h"

/* ---- What is there before ---- */

static void open_both(test_trial *t)
{
    CHECK(test_trial_open(t, 0) && test_trial_open(t, 1));
}

/* The first has some nodes, one of them large, and things that were deleted. */
static void before_one(test_trial *t)
{
    open_both(t);
    CHECK(test_trial_write(t, 0, "ada bob cyd dan eve", "a b c"));
    CHECK(test_trial_write(t, 0, "large", "a1 a2 a3 a4 a5 a6 a7 a8"));
    CHECK(test_trial_delete(t, 0, "dan"));
    CHECK(test_trial_delete_fields(t, 0, "eve", "a"));
}

/* Both have some, and some of it is the same. */
static void before_strangers(test_trial *t)
{
    before_one(t);
    CHECK(test_trial_write(t, 1, "ada bob fay gus", "d e"));
    CHECK(test_trial_write(t, 1, "large", "b1 b2 b3 b4"));
    CHECK(test_trial_delete(t, 1, "gus"));
}

static void before_live(test_trial *t)
{
    before_one(t);
    CHECK(test_trial_link(t));
    test_trial_run(t, 2000);
}

/* One was away while both wrote, more than a short log remembers. */
static void before_absent(test_trial *t)
{
    before_live(t);
    test_trial_cut(t, true);
    for (int i = 0; i < 4; i++) {
        CHECK(test_trial_write(t, 0, "ada bob cyd", "a b"));
        CHECK(test_trial_write(t, 1, "fay large", "d b1"));
    }
    CHECK(test_trial_delete(t, 0, "bob"));
    CHECK(test_trial_write(t, 0, "bob", "c"));
}

/* ---- Scenarios ---- */

static void play_meeting(test_trial *t)
{
    test_trial_link(t);
    test_trial_run(t, 300);
    test_trial_write(t, 0, "ada", "a");
    test_trial_write_at(t, 1, "hal", "h", MT_LEVEL_RECEIVED);
    test_trial_run(t, 300);
}

TEST(a_first_copy_goes_over)
{
    static const test_scenario s = {.name = "copy",
                                    .sites = 2,
                                    .stored = true,
                                    .options = {.small_len_max = 300},
                                    .before = before_one,
                                    .play = play_meeting};

    test_trials(&s);
}

TEST(a_first_copy_goes_over_compressed)
{
    static const test_scenario s = {.name = "packed",
                                    .sites = 2,
                                    .stored = true,
                                    .packs = true,
                                    .before = before_one,
                                    .play = play_meeting};

    test_trials(&s);
}

TEST(strangers_compare_what_they_have)
{
    static const test_scenario s = {.name = "comparison",
                                    .sites = 2,
                                    .stored = true,
                                    .options = {.small_len_max = 300},
                                    .before = before_strangers,
                                    .play = play_meeting};

    test_trials(&s);
}

TEST(strangers_in_memory_compare_what_they_have)
{
    static const test_scenario s = {.name = "comparison-in-memory",
                                    .sites = 2,
                                    .before = before_strangers,
                                    .play = play_meeting};

    test_trials(&s);
}

static void play_opening(test_trial *t)
{
    test_trial_open(t, 0);
    test_trial_open(t, 1);
    test_trial_write(t, 0, "ada bob", "a b");
    test_trial_write(t, 1, "cyd", "a b");
    play_meeting(t);
}

TEST(two_are_opened_and_meet)
{
    static const test_scenario s = {
        .name = "opening", .sites = 2, .stored = true, .play = play_opening};

    test_trials(&s);
}

static void play_live(test_trial *t)
{
    test_trial_write(t, 0, "ada bob", "a b");
    test_trial_write_at(t, 1, "fay", "d", MT_LEVEL_RECEIVED);
    test_trial_run(t, 50);
    test_trial_delete(t, 0, "cyd");
    test_trial_write_at(t, 0, "large", "a1", MT_LEVEL_DURABLE_AT_PEERS);
    test_trial_delete_fields(t, 1, "fay", "d");
    test_trial_write(t, 1, "fay", "e");
    test_trial_run(t, 300);
}

TEST(writes_are_told_as_they_happen)
{
    static const test_scenario s = {.name = "live",
                                    .sites = 2,
                                    .stored = true,
                                    .options = {.small_len_max = 300},
                                    .before = before_live,
                                    .play = play_live};

    test_trials(&s);
}

TEST(writes_are_told_as_they_happen_in_memory)
{
    static const test_scenario s = {
        .name = "live-in-memory", .sites = 2, .before = before_live, .play = play_live};

    test_trials(&s);
}

static void play_return(test_trial *t)
{
    test_trial_cut(t, false);
    test_trial_run(t, 200);
    test_trial_write(t, 0, "ada", "a");
    test_trial_cut(t, true);
    test_trial_write(t, 1, "fay", "d");
    test_trial_write(t, 0, "bob", "b");
    test_trial_run(t, 20);
    test_trial_cut(t, false);
    test_trial_run(t, 300);
}

TEST(who_was_away_catches_up)
{
    static const test_scenario s = {.name = "absence",
                                    .sites = 2,
                                    .stored = true,
                                    .before = before_absent,
                                    .play = play_return};

    test_trials(&s);
}

TEST(who_was_away_for_longer_than_the_log_compares)
{
    static const test_scenario s = {.name = "long-absence",
                                    .sites = 2,
                                    .stored = true,
                                    .options = {.log_max = 2, .index_lag = 2, .index_bytes = 1},
                                    .before = before_absent,
                                    .play = play_return};

    test_trials(&s);
}

/* What was edited while the other was away is made anew on what came since. */
static void play_rebase(test_trial *t)
{
    mt_db *branch = NULL;
    uint64_t edited;

    if (!test_trial_worked(t, mt_branch(t->sites[1].db, &branch))) return;
    edited = test_trial_edit(t, branch, "ada", "mine");
    test_trial_cut(t, false);
    test_trial_run(t, 200);
    test_trial_worked(t, mt_rebase_wait(branch));
    test_trial_write(t, 0, "ada", "b");
    test_trial_run(t, 50);
    test_trial_worked(t, mt_rebase_wait(branch));
    if (test_trial_worked(t, mt_commit_wait(t->sites[1].db, branch, NULL)))
        test_trial_promise(t, "ada", "mine", edited);
    mt_close(branch);
    test_trial_run(t, 200);
}

TEST(a_branch_is_rebased_after_an_absence)
{
    static const test_scenario s = {
        .name = "rebase", .sites = 2, .stored = true, .before = before_absent, .play = play_rebase};

    test_trials(&s);
}

static void play_restart(test_trial *t)
{
    test_trial_write(t, 1, "fay", "d");
    test_trial_close(t, 1);
    test_trial_write(t, 0, "ada bob", "a");
    test_trial_open(t, 1);
    test_trial_link(t);
    test_trial_run(t, 100);
    test_trial_close(t, 0);
    test_trial_open(t, 0);
    test_trial_link(t);
    test_trial_write(t, 1, "fay", "e");
    test_trial_run(t, 300);
}

TEST(peers_are_restarted_in_between)
{
    static const test_scenario s = {.name = "restart",
                                    .sites = 2,
                                    .stored = true,
                                    .options = {.log_max = 10},
                                    .before = before_live,
                                    .play = play_restart};

    test_trials(&s);
}

static void play_pulls(test_trial *t)
{
    test_trial_link(t);
    test_trial_run(t, 100);
    test_trial_read(t, 1, "ada cyd large nobody");
    test_trial_write(t, 0, "cyd ada", "c");
    test_trial_run(t, 100);
    test_trial_read(t, 1, "cyd eve");
    test_trial_run(t, 100);
}

TEST(what_is_not_replicated_is_asked_for)
{
    static const test_scenario s = {.name = "pulls",
                                    .sites = 2,
                                    .stored = true,
                                    .lists = true,
                                    .options = {.small_len_max = 300},
                                    .before = before_one,
                                    .play = play_pulls};

    test_trials(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_first_copy_goes_over),
        cmocka_unit_test(a_first_copy_goes_over_compressed),
        cmocka_unit_test(strangers_compare_what_they_have),
        cmocka_unit_test(strangers_in_memory_compare_what_they_have),
        cmocka_unit_test(two_are_opened_and_meet),
        cmocka_unit_test(writes_are_told_as_they_happen),
        cmocka_unit_test(writes_are_told_as_they_happen_in_memory),
        cmocka_unit_test(who_was_away_catches_up),
        cmocka_unit_test(who_was_away_for_longer_than_the_log_compares),
        cmocka_unit_test(a_branch_is_rebased_after_an_absence),
        cmocka_unit_test(peers_are_restarted_in_between),
        cmocka_unit_test(what_is_not_replicated_is_asked_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
