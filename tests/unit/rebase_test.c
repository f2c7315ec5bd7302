/* Rebasing a branch: its own edits, made anew on the source of now. */
#include "test.h"
#include "test_fork.h"
#include "test_notation.h"

/* ---- What it does ---- */

TEST(rebase_writes_the_edits_on_the_source_of_now)
{
    test_fork f;

    test_fork_config(&f, "ada name='Ada'@1 age=1@1, bob name='Bob'@1", &test_counts);
    test_write(f.branch, "ada name='mine', new own=1");
    test_write(f.source, "ada name='theirs' age=2, bob name='Bert', new own=7");
    test_write(f.source, "ada name='theirs 2'");
    test_rebase(f.branch);
    test_edits_are(f.branch, "ada name='mine'@4, new own=1@2");
    test_read_is(f.branch, "ada", "{\"age\":2,\"name\":\"mine\"}");
    test_read_is(f.branch, "bob", "{\"name\":\"Bert\"}");
    test_read_is(f.branch, "new", "{\"own\":1}");
    CHECK(mt_commit_wait(f.source, f.branch, NULL) == MT_OK);
    test_read_is(f.source, "ada", "{\"age\":2,\"name\":\"mine\"}");
    test_fork_end(&f);
}

TEST(rebase_makes_edits_newer_than_all_that_the_source_has_written)
{
    mt_db *branch;
    test_db t;

    test_db_memory(&t);
    CHECK(mt_branch(t.db, &branch) == MT_OK);
    test_write(branch, "ada name='mine'");
    test_write(t.db, "ada name='theirs'");
    test_rebase(branch);
    CHECK(mt_commit_wait(t.db, branch, NULL) == MT_OK);
    test_read_is(t.db, "ada", "{\"name\":\"mine\"}");
    test_db_end(&t);
}

TEST(rebased_branch_no_longer_sees_what_the_source_was)
{
    test_fork f;

    test_fork_config(&f, "ada n=1@1, bob n=1@1, cyd n=1@1", &test_counts);
    test_write(f.source, "ada n=2");
    test_write(f.source, "!cyd");
    test_rebase(f.branch);
    test_read_is(f.branch, "ada", "{\"n\":2}");
    test_read_is(f.branch, "cyd", NULL);
    test_write(f.source, "ada n=3, bob n=3");
    test_read_is(f.branch, "ada", "{\"n\":2}");
    test_read_is(f.branch, "bob", "{\"n\":1}");
    test_fork_end(&f);
}

TEST(deletes_are_replayed)
{
    test_fork f;

    test_fork_config(&f, "ada a=1@1 b=1@1, bob n=1@1, cyd n=1@1", &test_counts);
    test_write(f.branch, "ada a=~, !bob n=2");
    test_write(f.branch, "!cyd");
    test_write(f.source, "ada a=2 c=2, bob n=5 m=5, cyd n=2");
    test_write(f.source, "bob m=6, cyd n=3");
    test_rebase(f.branch);
    test_edits_are(f.branch, "ada a=~@3, bob^2 n=2@3, cyd^3");
    test_read_is(f.branch, "ada", "{\"b\":1,\"c\":2}");
    test_read_is(f.branch, "bob", "{\"n\":2}");
    test_read_is(f.branch, "cyd", NULL);
    test_fork_end(&f);
}

TEST(delete_of_what_the_source_forgot_is_no_edit_any_more)
{
    mt_bytes ada = mt_str("ada");
    test_fork f;

    test_fork_config(&f, "ada n=1@1", &test_counts);
    test_write(f.branch, "!ada");
    CHECK(mt_forget_wait(f.source, &ada, 1, NULL) == MT_OK);
    test_rebase(f.branch);
    test_edits_are(f.branch, "");
    test_read_is(f.branch, "ada", NULL);
    test_fork_end(&f);
}

TEST(rebase_without_edits_shows_the_source_of_now)
{
    test_watch watch = {.name = "w"};
    test_fork f;

    test_fork_config(&f, "ada n=1@1", &test_counts);
    watch.heard = &f.s.heard;
    test_read_is(f.branch, "ada", "{\"n\":1}");
    test_watch_on(&watch, f.branch, MT_EVENT_UPDATE, "*");
    test_write(f.source, "ada n=2");
    test_rebase(f.branch);
    test_read_is(f.branch, "ada", "{\"n\":2}");
    test_heard_is(&f.s.heard, "");
    test_fork_end(&f);
}

TEST(rebase_tells_of_the_edits_as_one_commit)
{
    test_watch watch = {.name = "w"};
    test_fork f;

    test_fork_config(&f, "ada n=1@1, bob n=1@1", &test_counts);
    watch.heard = &f.s.heard;
    test_write(f.branch, "ada n=2");
    test_write(f.branch, "bob n=2");
    test_watch_on(&watch, f.branch, MT_EVENT_UPDATE, "*");
    test_rebase(f.branch);
    test_heard_is(&f.s.heard, "w:update(ada,bob)");
    test_fork_end(&f);
}

TEST(rebase_goes_past_the_hooks_which_saw_the_edits_already)
{
    test_hook hook = {.name = "hook", .does = TEST_PASSES};
    mt_hook hooks[] = {test_hook_at(&hook, MT_BEFORE_WRITE)};
    mt_config config = {.size = sizeof config, .hooks = hooks, .hook_count = 1};
    test_fork f;

    test_fork_config(&f, "ada n=1@1", &config);
    test_write(f.branch, "ada n=2");
    hook.does = TEST_REFUSES;
    test_rebase(f.branch);
    test_read_is(f.branch, "ada", "{\"n\":2}");
    assert_int_equal(hook.count, 1);
    test_fork_end(&f);
}

TEST(only_what_is_edited_or_held_and_changed_is_read_again)
{
    mt_handle *held, *same;
    test_fork f;

    test_fork_config(&f, "ada n=1@1, bob n=1@1, cyd n=1@1, dan n=1@1", &test_counts);
    held = test_hold_node(f.branch, "bob");
    same = test_hold_node(f.branch, "cyd");
    test_read_is(f.branch, "dan", "{\"n\":1}");
    test_write(f.branch, "new n=2");
    test_write(f.source, "bob n=3, dan n=3");
    f.s.ts.heard.len = 0;
    test_rebase(f.branch);
    test_heard_is(&f.s.ts.heard, "read(new!)");
    test_peek_is(f.branch, "bob", "{\"n\":3}");
    test_peek_is(f.branch, "cyd", "{\"n\":1}");
    test_peek_is(f.branch, "dan", NULL);
    test_read_is(f.branch, "dan", "{\"n\":3}");
    mt_handle_unref(held);
    mt_handle_unref(same);
    test_fork_end(&f);
}

/* ---- Handles ---- */

TEST(handle_shows_the_old_view_or_the_new_and_nothing_between)
{
    test_answer done = {.count = 0};
    mt_handle *ada, *bob, *cyd;
    mt_field field;
    test_fork f;

    test_fork_config(&f, "ada n=1@1, bob n=1@1, cyd n=1@1", &test_counts);
    ada = test_hold_node(f.branch, "ada");
    bob = test_hold_node(f.branch, "bob");
    cyd = test_hold_node(f.branch, "cyd");
    test_write(f.branch, "ada n=2");
    test_write(f.source, "bob n=5");
    CHECK(mt_rebase(f.branch, test_answered, &done, NULL) == MT_OK);
    while (done.count == 0) {
        bool old;
        CHECK(mt_handle_get(ada, mt_str("n"), &field) == MT_OK && field.value.as.number == 2);
        CHECK(mt_handle_get(cyd, mt_str("n"), &field) == MT_OK && field.value.as.number == 1);
        CHECK(mt_handle_get(bob, mt_str("n"), &field) == MT_OK);
        old = field.value.as.number == 1;
        CHECK(old || field.value.as.number == 5);
        CHECK(f.s.t.te.env.turn(f.s.t.te.env.ctx) == MT_OK);
    }
    CHECK(done.status == MT_OK);
    CHECK(mt_handle_get(bob, mt_str("n"), &field) == MT_OK && field.value.as.number == 5);
    mt_handle_unref(ada);
    mt_handle_unref(bob);
    mt_handle_unref(cyd);
    test_fork_end(&f);
}

TEST(handle_of_what_the_source_deleted_shows_nothing)
{
    mt_handle *ada;
    test_fork f;

    test_fork_config(&f, "ada n=1@1", &test_counts);
    ada = test_hold_node(f.branch, "ada");
    test_write(f.source, "!ada");
    test_rebase(f.branch);
    CHECK(mt_handle_node(ada) == NULL);
    test_write(f.branch, "ada m=1");
    test_peek_is(f.branch, "ada", "{\"m\":1}");
    mt_handle_unref(ada);
    test_fork_end(&f);
}

/* ---- Others at work ---- */

TEST(rebase_waits_for_writes_that_are_on_their_way)
{
    test_hook hook = {.name = "hook", .does = TEST_HOLDS};
    mt_hook hooks[] = {test_hook_at(&hook, MT_BEFORE_WRITE)};
    mt_config config = {.size = sizeof config, .hooks = hooks, .hook_count = 1};
    test_call write = {.name = "write"}, refused = {.name = "refused"};
    test_answer done = {.count = 0};
    test_fork f;

    test_fork_config(&f, "ada n=1@1", &config);
    CHECK(test_call_write(&write, f.branch, "ada n=2", NULL) == MT_OK);
    CHECK(test_call_write(&refused, f.branch, "ada n=3", NULL) == MT_OK);
    CHECK(mt_rebase(f.branch, test_answered, &done, NULL) == MT_OK);
    test_env_run(&f.s.t.te);
    assert_int_equal(done.count, 0);
    test_hook_pass(&hook, 0);
    test_env_run(&f.s.t.te);
    assert_int_equal(done.count, 0);
    test_hook_refuse(&hook, 0);
    test_env_run(&f.s.t.te);
    CHECK(done.count == 1 && done.status == MT_OK);
    test_read_is(f.branch, "ada", "{\"n\":2}");
    test_fork_end(&f);
}

TEST(write_that_was_made_after_the_call_wins_over_the_edits)
{
    test_call write = {.name = "write"};
    test_answer done = {.count = 0};
    mt_db *branch;
    test_db t;

    test_db_memory(&t);
    CHECK(mt_branch(t.db, &branch) == MT_OK);
    test_write(branch, "ada a=1 b=1");
    test_write(t.db, "ada a=7 b=7");
    CHECK(mt_rebase(branch, test_answered, &done, NULL) == MT_OK);
    CHECK(test_call_write(&write, branch, "ada a=2, bob n=1", NULL) == MT_OK);
    test_env_run(&t.te);
    CHECK(done.count == 1 && done.status == MT_OK);
    test_read_is(branch, "ada", "{\"a\":2,\"b\":1}");
    test_read_is(branch, "bob", "{\"n\":1}");
    test_db_end(&t);
}

TEST(write_while_the_source_is_read_is_replayed_too)
{
    test_call write = {.name = "write"};
    test_answer done = {.count = 0};
    test_fork f;

    test_fork_config(&f, "ada n=1@1, bob n=1@1", &test_counts);
    test_write(f.branch, "ada n=2");
    test_write(f.source, "cyd n=1");
    f.s.ts.when = TEST_LATER;
    CHECK(mt_rebase(f.branch, test_answered, &done, NULL) == MT_OK);
    CHECK(f.s.t.te.env.turn(f.s.t.te.env.ctx) == MT_OK);
    CHECK(test_call_write(&write, f.branch, "bob n=2", NULL) == MT_OK);
    test_env_run(&f.s.t.te);
    CHECK(done.count == 1 && done.status == MT_OK);
    test_edits_are(f.branch, "ada n=2@2, bob n=2@2");
    test_read_is(f.branch, "cyd", "{\"n\":1}");
    test_fork_end(&f);
}

static bool row_given(void *ctx, mt_db *db, const mt_row *row)
{
    (void)ctx;
    (void)db;
    (void)row;
    return true;
}

TEST(rebase_and_reads_and_streams_go_on_side_by_side)
{
    test_answer done = {.count = 0}, streamed = {.count = 0};
    test_call read = {.name = "read"};
    test_fork f;

    test_fork_config(&f, "ada n=1@1, bob n=1@1, cyd n=1@1", &test_counts);
    test_write(f.branch, "ada n=2");
    test_write(f.source, "bob n=3");
    f.s.ts.when = TEST_MIXED;
    CHECK(mt_stream(f.branch, NULL, row_given, test_answered, &streamed, NULL) == MT_OK);
    CHECK(test_call_read(&read, f.branch, "bob cyd", NULL) == MT_OK);
    CHECK(mt_rebase(f.branch, test_answered, &done, NULL) == MT_OK);
    test_env_run(&f.s.t.te);
    CHECK(done.count == 1 && done.status == MT_OK);
    CHECK(streamed.count == 1 && streamed.status == MT_OK);
    test_call_is(&read, MT_OK, NULL);
    test_read_is(f.branch, "bob", "{\"n\":3}");
    test_fork_end(&f);
}

TEST(two_rebases_at_once_both_succeed)
{
    test_answer done[2] = {{.count = 0}, {.count = 0}};
    test_fork f;

    test_fork_config(&f, "ada n=1@1", &test_counts);
    test_write(f.branch, "ada n=2");
    test_write(f.source, "ada n=5");
    CHECK(mt_rebase(f.branch, test_answered, &done[0], NULL) == MT_OK);
    CHECK(mt_rebase(f.branch, test_answered, &done[1], NULL) == MT_OK);
    test_env_run(&f.s.t.te);
    for (size_t i = 0; i < 2; i++) CHECK(done[i].count == 1 && done[i].status == MT_OK);
    test_edits_are(f.branch, "ada n=2@3");
    test_fork_end(&f);
}

/* ---- A branch of a branch ---- */

TEST(branches_of_a_branch_stay_as_they_were_when_it_is_rebased)
{
    mt_db *twig;
    test_fork f;

    test_fork_config(&f, "ada n=1@1, bob n=1@1, cyd n=1@1, dan n=1@1", &test_counts);
    test_write(f.branch, "ada n=2, dan n=2");
    CHECK(mt_branch(f.branch, &twig) == MT_OK);
    test_write(twig, "dan n=9");
    test_write(f.source, "ada n=5, bob n=5, new n=5");
    test_write(f.source, "!cyd");
    test_rebase(f.branch);
    test_read_is(f.branch, "bob", "{\"n\":5}");
    test_read_is(twig, "ada", "{\"n\":2}");
    test_read_is(twig, "bob", "{\"n\":1}");
    test_read_is(twig, "cyd", "{\"n\":1}");
    test_read_is(twig, "dan", "{\"n\":9}");
    test_read_is(twig, "new", NULL);
    test_rebase(twig);
    test_read_is(twig, "ada", "{\"n\":2}");
    test_read_is(twig, "bob", "{\"n\":5}");
    test_read_is(twig, "cyd", NULL);
    test_read_is(twig, "dan", "{\"n\":9}");
    test_fork_end(&f);
}

/* ---- Failures ---- */

TEST(what_is_no_branch_is_not_rebased)
{
    test_db t;

    test_db_memory(&t);
    CHECK(mt_rebase(t.db, test_answered, NULL, NULL) == MT_INVALID);
    test_db_end(&t);
}

TEST(rebase_that_cannot_read_the_source_changes_nothing)
{
    test_fork f;

    test_fork_config(&f, "ada n=1@1, bob n=1@1", &test_counts);
    test_write(f.branch, "new n=1");
    test_write(f.source, "bob n=2");
    f.s.ts.fault = (test_fault){.calls = TEST_READ, .status = MT_IO};
    CHECK(mt_rebase_wait(f.branch) == MT_IO);
    test_edits_are(f.branch, "new n=1@1");
    test_read_is(f.branch, "bob", "{\"n\":1}");
    test_rebase(f.branch);
    test_read_is(f.branch, "bob", "{\"n\":2}");
    test_fork_end(&f);
}

TEST(canceled_rebase_changes_nothing)
{
    test_answer done = {.count = 0};
    uint64_t id;
    test_fork f;

    test_fork_config(&f, "ada n=1@1", &test_counts);
    test_write(f.branch, "ada n=2");
    test_write(f.source, "ada n=5, bob n=5");
    CHECK(mt_rebase(f.branch, test_answered, &done, &id) == MT_OK);
    CHECK(f.s.t.te.env.turn(f.s.t.te.env.ctx) == MT_OK);
    mt_cancel(f.branch, id);
    test_env_run(&f.s.t.te);
    CHECK(done.count == 1 && done.status == MT_CANCELED);
    test_edits_are(f.branch, "ada n=2@2");
    test_read_is(f.branch, "bob", NULL);
    test_fork_end(&f);
}

TEST(edit_past_the_last_state_is_not_rebased_and_stays)
{
    test_fork f;

    test_fork_config(&f, "ada n=1@1", &test_counts);
    test_write(f.branch, "ada n=2, bob n=1");
    test_commit(f.source, "ada n=7@9007199254740991");
    CHECK(mt_rebase_wait(f.branch) == MT_STATE);
    test_edits_are(f.branch, "ada n=2@2, bob n=1@1");
    test_read_is(f.branch, "ada", "{\"n\":2}");
    test_read_is(f.branch, "bob", "{\"n\":1}");
    test_fork_end(&f);
}

TEST(closing_ends_a_rebase)
{
    test_answer done = {.count = 0};
    test_fork f;

    test_fork_config(&f, "ada n=1@1", &test_counts);
    test_write(f.branch, "ada n=2");
    CHECK(mt_rebase(f.branch, test_answered, &done, NULL) == MT_OK);
    CHECK(f.s.t.te.env.turn(f.s.t.te.env.ctx) == MT_OK);
    test_fork_end(&f);
    CHECK(done.count == 1 && done.status == MT_CANCELED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rebase_writes_the_edits_on_the_source_of_now),
        cmocka_unit_test(rebase_makes_edits_newer_than_all_that_the_source_has_written),
        cmocka_unit_test(rebased_branch_no_longer_sees_what_the_source_was),
        cmocka_unit_test(deletes_are_replayed),
        cmocka_unit_test(delete_of_what_the_source_forgot_is_no_edit_any_more),
        cmocka_unit_test(rebase_without_edits_shows_the_source_of_now),
        cmocka_unit_test(rebase_tells_of_the_edits_as_one_commit),
        cmocka_unit_test(rebase_goes_past_the_hooks_which_saw_the_edits_already),
        cmocka_unit_test(only_what_is_edited_or_held_and_changed_is_read_again),
        cmocka_unit_test(handle_shows_the_old_view_or_the_new_and_nothing_between),
        cmocka_unit_test(handle_of_what_the_source_deleted_shows_nothing),
        cmocka_unit_test(rebase_waits_for_writes_that_are_on_their_way),
        cmocka_unit_test(write_that_was_made_after_the_call_wins_over_the_edits),
        cmocka_unit_test(write_while_the_source_is_read_is_replayed_too),
        cmocka_unit_test(rebase_and_reads_and_streams_go_on_side_by_side),
        cmocka_unit_test(two_rebases_at_once_both_succeed),
        cmocka_unit_test(branches_of_a_branch_stay_as_they_were_when_it_is_rebased),
        cmocka_unit_test(what_is_no_branch_is_not_rebased),
        cmocka_unit_test(rebase_that_cannot_read_the_source_changes_nothing),
        cmocka_unit_test(canceled_rebase_changes_nothing),
        cmocka_unit_test(edit_past_the_last_state_is_not_rebased_and_stays),
        cmocka_unit_test(closing_ends_a_rebase),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
