/* Branches: private copies that see their source as it was. */
#include "test.h"
#include "test_fork.h"
#include "test_notation.h"

/* ---- What a branch sees ---- */

TEST(branch_sees_what_its_source_has_in_memory_and_in_storage)
{
    test_fork f;

    test_fork_stored(&f, "ada name='Ada'@1, bob name='Bob'@1");
    test_read_is(f.source, "ada", "{\"name\":\"Ada\"}");
    test_write(f.source, "cyd name='Cyd'");
    mt_db_close(f.branch, NULL, NULL);
    f.branch = test_branch_of(f.source);
    test_read_is(f.branch, "ada", "{\"name\":\"Ada\"}");
    test_read_is(f.branch, "bob", "{\"name\":\"Bob\"}");
    test_read_is(f.branch, "cyd", "{\"name\":\"Cyd\"}");
    test_read_is(f.branch, "dan", NULL);
    test_fork_end(&f);
}

/* Changes that a source may go through, and what was there before. */
static void source_changes_unseen(test_fork *f)
{
    test_write(f->source, "ada name='Eve' age=7, new name='New'");
    test_write(f->source, "!bob");
    test_write(f->source, "cyd name=~");
    test_commit(f->source, "dan name='Foreign'@9, ede^9");
    test_write(f->source, "!fay name='Fay 2'");
    test_read_is(f->branch, "ada", "{\"name\":\"Ada\"}");
    test_read_is(f->branch, "bob", "{\"name\":\"Bob\"}");
    test_read_is(f->branch, "cyd", "{\"name\":\"Cyd\"}");
    test_read_is(f->branch, "dan", "{\"name\":\"Dan\"}");
    test_read_is(f->branch, "ede", "{\"name\":\"Ede\"}");
    test_read_is(f->branch, "fay", "{\"age\":1,\"name\":\"Fay\"}");
    test_read_is(f->branch, "new", NULL);
    test_read_is(f->source, "ada", "{\"age\":7,\"name\":\"Eve\"}");
}

TEST(what_the_source_changes_later_is_not_seen)
{
    test_fork f;

    test_fork_stored(&f, "ada name='Ada'@1, bob name='Bob'@1, cyd name='Cyd'@1, dan name='Dan'@1, "
                         "ede name='Ede'@1, fay name='Fay'@1 age=1@1");
    source_changes_unseen(&f);
    test_fork_end(&f);
}

TEST(what_a_source_without_storage_changes_later_is_not_seen)
{
    test_fork f;

    test_fork_memory(&f, "ada name='Ada', bob name='Bob', cyd name='Cyd', dan name='Dan', "
                         "ede name='Ede', fay name='Fay' age=1");
    source_changes_unseen(&f);
    test_fork_end(&f);
}

TEST(what_a_branch_has_read_stays_as_it_is)
{
    mt_handle *ada;
    test_fork f;

    test_fork_memory(&f, "ada name='Ada'");
    ada = test_hold_node(f.branch, "ada");
    test_write(f.source, "ada name='Eve'");
    test_write(f.source, "!ada");
    test_peek_is(f.branch, "ada", "{\"name\":\"Ada\"}");
    mt_handle_unref(ada);
    test_read_is(f.branch, "ada", "{\"name\":\"Ada\"}");
    test_fork_end(&f);
}

TEST(read_that_is_under_way_while_the_source_changes_sees_what_was)
{
    test_call read = {.name = "read"};
    test_fork f;

    test_fork_stored(&f, "ada name='Ada'@1");
    f.s.ts.when = TEST_HELD;
    CHECK(test_call_read(&read, f.branch, "ada", NULL) == MT_OK);
    test_env_run(&f.s.t.te);
    f.s.ts.when = TEST_AT_ONCE;
    test_storage_answer_all(&f.s.ts);
    test_write(f.source, "ada name='Eve'");
    test_env_run(&f.s.t.te);
    test_call_is(&read, MT_OK, NULL);
    assert_string_equal(read.nodes, "ada");
    test_read_is(f.branch, "ada", "{\"name\":\"Ada\"}");
    test_fork_end(&f);
}

TEST(each_branch_sees_the_source_as_it_was_when_it_was_made)
{
    mt_db *later;
    test_fork f;

    test_fork_memory(&f, "ada n=1");
    test_write(f.source, "ada n=2");
    later = test_branch_of(f.source);
    test_write(f.source, "ada n=3");
    test_read_is(f.branch, "ada", "{\"n\":1}");
    test_read_is(later, "ada", "{\"n\":2}");
    test_write(later, "ada n=9");
    test_read_is(f.branch, "ada", "{\"n\":1}");
    test_read_is(f.source, "ada", "{\"n\":3}");
    test_fork_end(&f);
}

TEST(storage_that_fails_its_source_is_seen_to_fail)
{
    mt_handle *ada;
    test_fork f;

    test_fork_stored(&f, "ada name='Ada'@1");
    f.s.ts.fault = (test_fault){.calls = TEST_READ, .status = MT_IO};
    CHECK(mt_read_wait(f.branch, mt_str("ada"), NULL, &ada) == MT_IO);
    test_read_is(f.branch, "ada", "{\"name\":\"Ada\"}");
    test_fork_end(&f);
}

/* ---- What is not stored yet ---- */

TEST(branch_sees_what_was_merged_and_is_not_stored_yet)
{
    test_call write = {.name = "write"};
    mt_db *branch;
    test_fork f;

    test_fork_stored(&f, "ada name='Ada'@1");
    f.s.ts.when = TEST_HELD;
    CHECK(test_call_write(&write, f.source, "new name='New'", NULL) == MT_OK);
    test_storage_answer_all(&f.s.ts);
    branch = test_branch_of(f.source);
    test_peek_is(f.source, "new", "{\"name\":\"New\"}");
    f.s.ts.when = TEST_AT_ONCE;
    test_storage_answer_all(&f.s.ts);
    test_read_is(branch, "new", "{\"name\":\"New\"}");
    test_read_is(f.branch, "new", NULL);
    test_fork_end(&f);
}

TEST(commit_that_storage_refuses_stays_for_a_branch_that_saw_it)
{
    test_call write = {.name = "write"};
    mt_db *branch;
    test_fork f;

    test_fork_stored(&f, "ada name='Ada'@1 age=7@1, bob name='Bob'@1");
    test_read_is(f.source, "ada", "{\"age\":7,\"name\":\"Ada\"}");
    test_read_is(f.source, "bob", "{\"name\":\"Bob\"}");
    f.s.ts.fault = (test_fault){.calls = TEST_WRITE, .status = MT_FULL};
    CHECK(test_call_write(&write, f.source, "ada name='Eve', !bob, new a=1", NULL) == MT_OK);
    branch = test_branch_of(f.source);
    test_env_run(&f.s.t.te);
    test_call_is(&write, MT_FULL, NULL);
    test_read_is(f.source, "ada", "{\"age\":7,\"name\":\"Ada\"}");
    test_read_is(f.source, "bob", "{\"name\":\"Bob\"}");
    test_read_is(f.source, "new", NULL);
    test_read_is(branch, "ada", "{\"age\":7,\"name\":\"Eve\"}");
    test_read_is(branch, "bob", NULL);
    test_read_is(branch, "new", "{\"a\":1}");
    test_read_is(f.branch, "ada", "{\"age\":7,\"name\":\"Ada\"}");
    test_read_is(f.branch, "bob", "{\"name\":\"Bob\"}");
    test_read_is(f.branch, "new", NULL);
    test_fork_end(&f);
}

/* ---- What goes along ---- */

static void function(void)
{
}

TEST(hooks_extensions_and_the_application_go_along)
{
    test_hook hook = {.name = "hook", .does = TEST_REFUSES, .text = "not here"};
    mt_hook hooks[] = {test_hook_at(&hook, MT_BEFORE_WRITE)};
    mt_extension extension = {.name = "f", .extends = MT_EXTENDS_NODE, .function = function};
    int app = 0;
    mt_config config = {.size = sizeof config,
                        .hooks = hooks,
                        .hook_count = 1,
                        .extensions = &extension,
                        .extension_count = 1,
                        .app = &app};
    test_call write = {.name = "write"};
    mt_handle *ada;
    test_db t;
    mt_db *branch;

    test_db_begin(&t);
    test_db_open(&t, &config);
    branch = test_branch_of(t.db);
    CHECK(test_call_write(&write, branch, "ada name='Ada'", NULL) == MT_OK);
    test_env_run(&t.te);
    test_call_is(&write, MT_REFUSED, "not here");
    hook.does = TEST_PASSES;
    test_write(branch, "ada name='Ada'");
    ada = test_hold_node(branch, "ada");
    CHECK(mt_handle_extension(ada, "f")->function == function);
    CHECK(mt_db_app(branch) == &app);
    assert_int_equal(hook.count, 2);
    mt_handle_unref(ada);
    test_db_end(&t);
}

TEST(storage_and_network_do_not_go_along)
{
    mt_cursor start = {.number = 0};
    mt_bytes ada = mt_str("ada");
    test_fork f;

    test_fork_stored(&f, "ada name='Ada'@1");
    CHECK(mt_db_group(f.branch) != mt_db_group(f.source));
    assert_int_equal(mt_group_count(mt_db_group(f.branch)), 0);
    CHECK(mt_db_changes(f.branch, &start, 1, NULL, NULL) == MT_UNSUPPORTED);
    CHECK(mt_forget(f.branch, &ada, 1, NULL, NULL, NULL, NULL) == MT_UNSUPPORTED);
    test_fork_end(&f);
}

/* ---- A branch of a branch ---- */

TEST(branch_of_a_branch_sees_its_edits_and_its_source)
{
    mt_db *twig;
    test_fork f;

    test_fork_stored(&f, "ada name='Ada'@1, bob name='Bob'@1, cyd name='Cyd'@1");
    test_write(f.branch, "ada name='Eve'");
    twig = test_branch_of(f.branch);
    test_write(f.branch, "bob name='Bert'");
    test_write(f.source, "cyd name='Cid'");
    test_read_is(twig, "ada", "{\"name\":\"Eve\"}");
    test_read_is(twig, "bob", "{\"name\":\"Bob\"}");
    test_read_is(twig, "cyd", "{\"name\":\"Cyd\"}");
    test_write(twig, "cyd name='Clara'");
    test_commit_branch(f.branch, twig);
    test_read_is(f.branch, "cyd", "{\"name\":\"Clara\"}");
    test_read_is(f.source, "cyd", "{\"name\":\"Cid\"}");
    test_edits_are(f.branch, "ada name='Eve'@2, bob name='Bert'@2, cyd name='Clara'@2");
    test_fork_end(&f);
}

/* ---- Forgetting ---- */

TEST(what_the_source_forgets_is_still_seen)
{
    mt_bytes uids[] = {mt_str("ada"), mt_str("nobody")};
    test_fork f;

    test_fork_stored(&f, "ada name='Ada'@1");
    CHECK(mt_forget_wait(f.source, uids, 2, NULL) == MT_OK);
    test_storage_says(&f.s.ts, "");
    test_read_is(f.source, "ada", NULL);
    test_read_is(f.branch, "ada", "{\"name\":\"Ada\"}");
    test_write(f.source, "nobody a=1, ada b=1");
    test_read_is(f.branch, "ada", "{\"name\":\"Ada\"}");
    test_read_is(f.branch, "nobody", NULL);
    test_fork_end(&f);
}

/* ---- The end ---- */

TEST(closing_the_source_closes_its_branches)
{
    test_call calls[3] = {{.name = "read"}, {.name = "write"}, {.name = "twig"}};
    mt_db *twig;
    test_fork f;

    test_fork_stored(&f, "ada name='Ada'@1");
    twig = test_branch_of(f.branch);
    f.s.ts.when = TEST_HELD;
    CHECK(test_call_read(&calls[0], f.branch, "ada", NULL) == MT_OK);
    CHECK(test_call_write(&calls[1], f.branch, "bob name='Bob'", NULL) == MT_OK);
    CHECK(test_call_read(&calls[2], twig, "ada", NULL) == MT_OK);
    test_stage_close(&f.s);
    for (size_t i = 0; i < 3; i++) test_call_is(&calls[i], MT_CANCELED, NULL);
    test_fork_end(&f);
}

TEST(branch_is_closed_before_its_source_and_others_live_on)
{
    mt_db *other;
    test_fork f;

    test_fork_memory(&f, "ada n=1");
    other = test_branch_of(f.source);
    test_write(f.branch, "ada n=2");
    test_close(f.branch);
    test_write(f.source, "ada n=3");
    test_read_is(other, "ada", "{\"n\":1}");
    test_close(other);
    test_write(f.source, "ada n=4");
    test_fork_end(&f);
}

TEST(database_that_is_not_open_yet_or_no_longer_has_no_branches)
{
    mt_db *branch;
    test_stage s;

    test_stage_init(&s);
    s.ts.when = TEST_HELD;
    test_stage_open(&s, NULL);
    CHECK(mt_branch(s.db, &branch) == MT_INVALID);
    test_storage_answer_all(&s.ts);
    test_env_run(&s.t.te);
    mt_db_close(s.db, NULL, NULL);
    CHECK(mt_branch(s.db, &branch) == MT_CLOSED);
    s.t.db = NULL;
    test_env_run(&s.t.te);
    test_stage_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(branch_sees_what_its_source_has_in_memory_and_in_storage),
        cmocka_unit_test(what_the_source_changes_later_is_not_seen),
        cmocka_unit_test(what_a_source_without_storage_changes_later_is_not_seen),
        cmocka_unit_test(what_a_branch_has_read_stays_as_it_is),
        cmocka_unit_test(read_that_is_under_way_while_the_source_changes_sees_what_was),
        cmocka_unit_test(each_branch_sees_the_source_as_it_was_when_it_was_made),
        cmocka_unit_test(storage_that_fails_its_source_is_seen_to_fail),
        cmocka_unit_test(branch_sees_what_was_merged_and_is_not_stored_yet),
        cmocka_unit_test(commit_that_storage_refuses_stays_for_a_branch_that_saw_it),
        cmocka_unit_test(hooks_extensions_and_the_application_go_along),
        cmocka_unit_test(storage_and_network_do_not_go_along),
        cmocka_unit_test(branch_of_a_branch_sees_its_edits_and_its_source),
        cmocka_unit_test(what_the_source_forgets_is_still_seen),
        cmocka_unit_test(closing_the_source_closes_its_branches),
        cmocka_unit_test(branch_is_closed_before_its_source_and_others_live_on),
        cmocka_unit_test(database_that_is_not_open_yet_or_no_longer_has_no_branches),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
