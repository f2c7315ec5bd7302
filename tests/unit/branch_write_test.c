/* Branches: what is written to them, and what becomes of it when they are committed. */
#include "test.h"
#include "test_fork.h"
#include "test_notation.h"

#include <stdio.h>

/* ---- Writing ---- */

TEST(what_a_branch_writes_never_shows_in_its_source)
{
    test_fork f;

    test_fork_stored(&f, "ada name='Ada'@1, bob name='Bob'@1");
    test_write(f.branch, "ada name='Eve' age=7, new name='New'");
    test_write(f.branch, "!bob");
    test_read_is(f.branch, "ada", "{\"age\":7,\"name\":\"Eve\"}");
    test_read_is(f.branch, "bob", NULL);
    test_read_is(f.branch, "new", "{\"name\":\"New\"}");
    test_read_is(f.source, "ada", "{\"name\":\"Ada\"}");
    test_read_is(f.source, "bob", "{\"name\":\"Bob\"}");
    test_read_is(f.source, "new", NULL);
    test_storage_says(&f.s.ts, "ada name='Ada'@1, bob name='Bob'@1");
    test_edits_are(f.branch, "ada age=7@1 name='Eve'@2, bob^1, new name='New'@1");
    test_fork_end(&f);
}

TEST(handle_that_was_read_from_a_branch_writes_to_it)
{
    mt_field name = {.name = mt_str("name"), .value = mt_text("Eve")};
    mt_handle *ada;
    test_fork f;

    test_fork_memory(&f, "ada name='Ada'");
    ada = test_hold_node(f.branch, "ada");
    CHECK(mt_handle_db(ada) == f.branch);
    CHECK(mt_node_write_wait(ada, &name, 1, NULL) == MT_OK);
    test_peek_is(f.branch, "ada", "{\"name\":\"Eve\"}");
    test_peek_is(f.source, "ada", "{\"name\":\"Ada\"}");
    mt_handle_unref(ada);
    test_fork_end(&f);
}

TEST(edits_count_as_soon_as_they_are_merged)
{
    test_call write = {.name = "write"};
    test_answer committed = {.count = 0};
    test_fork f;

    test_fork_stored(&f, "ada name='Ada'@1");
    test_read_is(f.branch, "ada", "{\"name\":\"Ada\"}");
    CHECK(test_call_write(&write, f.branch, "ada name='Eve'", NULL) == MT_OK);
    test_edits_are(f.branch, "ada name='Eve'@2");
    CHECK(mt_commit(f.source, f.branch, NULL, test_answered, &committed, NULL) == MT_OK);
    test_env_run(&f.s.t.te);
    CHECK(committed.count == 1 && committed.status == MT_OK);
    test_storage_says(&f.s.ts, "ada name='Eve'@2");
    test_fork_end(&f);
}

TEST(edits_that_leave_memory_come_back)
{
    mt_config tiny = test_counts;
    mt_db *branch;
    test_stage s;

    test_stage_init(&s);
    tiny.cache_bytes = 3000;
    test_storage_put(&s.ts, "ada name='Ada'@1");
    test_stage_open(&s, &tiny);
    branch = test_branch_of(s.db);
    test_write(branch, "ada name='Eve'");
    for (int i = 0; i < 40; i++) {
        char row[64];
        sprintf(row, "other%02d text='a text that takes some room'", i);
        test_write(branch, row);
    }
    CHECK(mt_peek(branch, mt_str("ada")) == NULL);
    test_read_is(branch, "ada", "{\"name\":\"Eve\"}");
    test_read_is(branch, "other00", "{\"text\":\"a text that takes some room\"}");
    test_stage_end(&s);
}

TEST(in_a_branch_nothing_is_volatile)
{
    test_call write = {.name = "write"};
    mt_options none = {.size = sizeof none, .storage_none = true};
    mt_handle *ada = NULL;
    test_fork f;

    test_fork_stored(&f, "ada name='Ada'@1");
    CHECK(test_call_write(&write, f.branch, "ada name='Eve'", &none) == MT_OK);
    test_env_run(&f.s.t.te);
    test_call_is(&write, MT_OK, NULL);
    test_edits_are(f.branch, "ada name='Eve'@2");
    test_rebase(f.branch);
    CHECK(mt_read_wait(f.branch, mt_str("ada"), &none, &ada) == MT_OK);
    test_peek_is(f.branch, "ada", "{\"name\":\"Eve\"}");
    mt_handle_unref(ada);
    test_fork_end(&f);
}

TEST(write_to_a_branch_is_applied_and_no_more)
{
    test_call write = {.name = "write"};
    test_fork f;

    test_fork_stored(&f, NULL);
    CHECK(test_call_write(&write, f.branch, "ada name='Ada'", NULL) == MT_OK);
    test_env_run(&f.s.t.te);
    test_call_is(&write, MT_OK, NULL);
    CHECK(write.a.reached == MT_LEVEL_APPLIED);
    test_fork_end(&f);
}

TEST(branch_has_no_durable_level)
{
    mt_options durable = {.size = sizeof durable, .level = MT_LEVEL_DURABLE};
    test_call write = {.name = "write"};
    test_fork f;

    test_fork_stored(&f, NULL);
    CHECK(test_call_write(&write, f.branch, "ada name='Ada'", &durable) == MT_INVALID);
    test_fork_end(&f);
}

/* ---- Committing ---- */

TEST(commit_of_a_branch_is_one_commit_with_its_own_states)
{
    test_watch watch = {.name = "w"};
    test_fork f;

    test_fork_stored(&f, "ada name='Ada'@4, bob name='Bob'@1");
    watch.heard = &f.s.heard;
    test_watch_on(&watch, f.source, MT_EVENT_UPDATE, "*");
    test_write(f.branch, "ada name='Eve'");
    test_write(f.branch, "ada name='Ada King'");
    test_write(f.branch, "!bob, new n=1");
    f.s.ts.heard.len = 0;
    test_commit_branch(f.source, f.branch);
    test_heard_is(&f.s.ts.heard, "read(new) write(ada,bob,new)");
    test_heard_is(&f.s.heard, "w:update(ada,bob,new)");
    test_storage_says(&f.s.ts, "ada name='Ada King'@6, bob^1, new n=1@1");
    test_fork_end(&f);
}

TEST(commit_of_a_branch_without_edits_is_none)
{
    mt_db_stats stats = {.size = sizeof stats};
    test_fork f;

    test_fork_stored(&f, "ada name='Ada'@4");
    test_commit_branch(f.source, f.branch);
    mt_db_statistics(f.source, &stats);
    assert_int_equal(stats.commits, 0);
    test_heard_is(&f.s.ts.heard, "");
    test_fork_end(&f);
}

TEST(branch_that_was_committed_goes_on_and_may_be_committed_again)
{
    test_fork f;

    test_fork_memory(&f, "ada n=1");
    test_write(f.branch, "ada n=2");
    test_commit_branch(f.source, f.branch);
    test_commit_branch(f.source, f.branch);
    test_read_is(f.branch, "ada", "{\"n\":2}");
    test_write(f.branch, "ada n=3");
    test_write(f.source, "ada other=true");
    test_read_is(f.branch, "ada", "{\"n\":3}");
    test_commit_branch(f.source, f.branch);
    test_read_is(f.source, "ada", "{\"n\":3,\"other\":true}");
    test_fork_end(&f);
}

TEST(later_write_of_the_source_wins_over_an_earlier_edit)
{
    test_db t;
    mt_db *branch;

    test_db_memory(&t);
    branch = test_branch_of(t.db);
    test_write(branch, "ada first='branch' second='branch'");
    test_write(t.db, "ada first='source'");
    test_write(branch, "ada second='branch, later'");
    test_write(t.db, "ada third='source'");
    test_commit_branch(t.db, branch);
    test_read_is(t.db, "ada",
                 "{\"first\":\"source\",\"second\":\"branch, later\",\"third\":\"source\"}");
    test_db_end(&t);
}

TEST(branch_is_committed_to_another_database)
{
    mt_config on = {.size = sizeof on};
    const mt_config *configs[1] = {&on};
    mt_db *other;
    test_fork f;

    test_fork_memory(&f, "ada n=1");
    on.env = &f.s.t.te.env;
    CHECK(mt_db_open(configs, 1, &other, NULL) == MT_OK);
    test_write(f.branch, "bob n=2");
    test_commit_branch(other, f.branch);
    test_read_is(other, "bob", "{\"n\":2}");
    test_read_is(other, "ada", NULL);
    CHECK(mt_commit_wait(f.source, other, NULL) == MT_INVALID);
    test_close(other);
    test_fork_end(&f);
}

TEST(hook_of_the_source_may_refuse_the_commit_of_a_branch)
{
    test_hook hook = {.name = "hook", .does = TEST_PASSES};
    mt_hook hooks[] = {test_hook_at(&hook, MT_BEFORE_WRITE)};
    mt_config config = {.size = sizeof config, .hooks = hooks, .hook_count = 1};
    test_db t;
    mt_db *branch;

    test_db_begin(&t);
    test_db_open(&t, &config);
    branch = test_branch_of(t.db);
    test_write(branch, "ada n=1");
    hook.does = TEST_REFUSES;
    CHECK(mt_commit_wait(t.db, branch, NULL) == MT_REFUSED);
    test_read_is(t.db, "ada", NULL);
    test_read_is(branch, "ada", "{\"n\":1}");
    test_db_end(&t);
}

static void undo(void *ctx, mt_db *db, const mt_result *result)
{
    mt_patch *patch;
    size_t count;
    const mt_row *rows;

    CHECK(result->status == MT_OK);
    CHECK(mt_delta_revert(result->delta, &patch) == MT_OK);
    rows = mt_patch_rows(patch, &count);
    CHECK(mt_write(db, rows, count, NULL, test_answered, ctx, NULL) == MT_OK);
    mt_patch_free(patch);
}

TEST(commit_of_a_branch_is_undone_by_its_delta)
{
    test_answer undone = {.count = 0};
    test_fork f;

    test_fork_stored(&f, "ada name='Ada'@1 age=7@1, bob name='Bob'@1");
    test_write(f.branch, "ada name='Eve' new=1, !bob, cyd n=1");
    CHECK(mt_commit(f.source, f.branch, NULL, undo, &undone, NULL) == MT_OK);
    test_env_run(&f.s.t.te);
    CHECK(undone.count == 1 && undone.status == MT_OK);
    test_read_is(f.source, "ada", "{\"age\":7,\"name\":\"Ada\"}");
    test_read_is(f.source, "bob", "{\"name\":\"Bob\"}");
    test_read_is(f.source, "cyd", NULL);
    test_fork_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_branch_writes_never_shows_in_its_source),
        cmocka_unit_test(handle_that_was_read_from_a_branch_writes_to_it),
        cmocka_unit_test(edits_count_as_soon_as_they_are_merged),
        cmocka_unit_test(edits_that_leave_memory_come_back),
        cmocka_unit_test(in_a_branch_nothing_is_volatile),
        cmocka_unit_test(write_to_a_branch_is_applied_and_no_more),
        cmocka_unit_test(branch_has_no_durable_level),
        cmocka_unit_test(commit_of_a_branch_is_one_commit_with_its_own_states),
        cmocka_unit_test(commit_of_a_branch_without_edits_is_none),
        cmocka_unit_test(branch_that_was_committed_goes_on_and_may_be_committed_again),
        cmocka_unit_test(later_write_of_the_source_wins_over_an_earlier_edit),
        cmocka_unit_test(branch_is_committed_to_another_database),
        cmocka_unit_test(hook_of_the_source_may_refuse_the_commit_of_a_branch),
        cmocka_unit_test(commit_of_a_branch_is_undone_by_its_delta),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
