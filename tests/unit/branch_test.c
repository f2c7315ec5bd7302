/* Branches: private copies that see their source as it was, to edit and to commit. */
#include "test.h"
#include "test_calls.h"
#include "test_notation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* States count, so that they can be read. */
static const mt_config counts = {.size = sizeof counts, .clock = MT_CLOCK_LAMPORT};

/* A source and a branch of it. */
typedef struct fork {
    test_stage s;
    mt_db *source; /* that of `s` */
    mt_db *branch;
} fork;

static void branch_of(mt_db *source, mt_db **out)
{
    if (mt_branch(source, out) != MT_OK) fail_msg("%s", mt_db_error(source)->text);
}

/* A source whose storage has these nodes, and nothing in memory. */
static void fork_stored(fork *f, const char *nodes)
{
    test_stage_init(&f->s);
    if (nodes) test_storage_put(&f->s.ts, nodes);
    test_stage_open(&f->s, &counts);
    f->source = f->s.db;
    branch_of(f->source, &f->branch);
    f->s.heard.len = f->s.ts.heard.len = 0;
}

/* A source without storage. */
static void fork_memory(fork *f, const char *rows)
{
    memset(f, 0, sizeof *f);
    test_db_begin(&f->s.t);
    test_db_open(&f->s.t, &counts);
    f->source = f->s.t.db;
    if (rows) test_write(f->source, rows);
    branch_of(f->source, &f->branch);
}

static void fork_end(fork *f)
{
    if (f->s.ts.env) test_stage_end(&f->s);
    else test_db_end(&f->s.t);
}

static void rebase(mt_db *branch)
{
    if (mt_rebase_wait(branch) != MT_OK) fail_msg("%s", mt_db_error(branch)->text);
}

static void commit(mt_db *db, mt_db *branch)
{
    if (mt_commit_wait(db, branch, NULL) != MT_OK) fail_msg("%s", mt_db_error(db)->text);
}

/* Fails unless these are the edits of a branch. */
static void edits_are(mt_db *branch, const char *nodes)
{
    mt_graph *edits = NULL;

    CHECK(mt_branch_edits(branch, &edits) == MT_OK);
    test_graph_says(edits, nodes);
    mt_graph_free(edits);
}

/* ---- What a branch sees ---- */

TEST(branch_sees_what_its_source_has_in_memory_and_in_storage)
{
    fork f;

    fork_stored(&f, "ada name='Ada'@1, bob name='Bob'@1");
    test_read_is(f.source, "ada", "{\"name\":\"Ada\"}");
    test_write(f.source, "cyd name='Cyd'");
    mt_db_close(f.branch, NULL, NULL);
    branch_of(f.source, &f.branch);
    test_read_is(f.branch, "ada", "{\"name\":\"Ada\"}");
    test_read_is(f.branch, "bob", "{\"name\":\"Bob\"}");
    test_read_is(f.branch, "cyd", "{\"name\":\"Cyd\"}");
    test_read_is(f.branch, "dan", NULL);
    fork_end(&f);
}

/* Changes that a source may go through, and what was there before. */
static void source_changes_unseen(fork *f)
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
    fork f;

    fork_stored(&f, "ada name='Ada'@1, bob name='Bob'@1, cyd name='Cyd'@1, dan name='Dan'@1, "
                    "ede name='Ede'@1, fay name='Fay'@1 age=1@1");
    source_changes_unseen(&f);
    fork_end(&f);
}

TEST(what_a_source_without_storage_changes_later_is_not_seen)
{
    fork f;

    fork_memory(&f, "ada name='Ada', bob name='Bob', cyd name='Cyd', dan name='Dan', "
                    "ede name='Ede', fay name='Fay' age=1");
    source_changes_unseen(&f);
    fork_end(&f);
}

TEST(what_a_branch_has_read_stays_as_it_is)
{
    mt_handle *ada;
    fork f;

    fork_memory(&f, "ada name='Ada'");
    ada = test_hold_node(f.branch, "ada");
    test_write(f.source, "ada name='Eve'");
    test_write(f.source, "!ada");
    test_peek_is(f.branch, "ada", "{\"name\":\"Ada\"}");
    mt_handle_unref(ada);
    test_read_is(f.branch, "ada", "{\"name\":\"Ada\"}");
    fork_end(&f);
}

TEST(read_that_is_under_way_while_the_source_changes_sees_what_was)
{
    test_call read = {.name = "read"};
    fork f;

    fork_stored(&f, "ada name='Ada'@1");
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
    fork_end(&f);
}

TEST(each_branch_sees_the_source_as_it_was_when_it_was_made)
{
    mt_db *later;
    fork f;

    fork_memory(&f, "ada n=1");
    test_write(f.source, "ada n=2");
    branch_of(f.source, &later);
    test_write(f.source, "ada n=3");
    test_read_is(f.branch, "ada", "{\"n\":1}");
    test_read_is(later, "ada", "{\"n\":2}");
    test_write(later, "ada n=9");
    test_read_is(f.branch, "ada", "{\"n\":1}");
    test_read_is(f.source, "ada", "{\"n\":3}");
    fork_end(&f);
}

TEST(storage_that_fails_its_source_is_seen_to_fail)
{
    mt_handle *ada;
    fork f;

    fork_stored(&f, "ada name='Ada'@1");
    f.s.ts.fault = (test_fault){.calls = TEST_READ, .status = MT_IO};
    CHECK(mt_read_wait(f.branch, mt_str("ada"), NULL, &ada) == MT_IO);
    test_read_is(f.branch, "ada", "{\"name\":\"Ada\"}");
    fork_end(&f);
}

/* ---- What is not stored yet ---- */

TEST(branch_sees_what_was_merged_and_is_not_stored_yet)
{
    test_call write = {.name = "write"};
    mt_db *branch;
    fork f;

    fork_stored(&f, "ada name='Ada'@1");
    f.s.ts.when = TEST_HELD;
    CHECK(test_call_write(&write, f.source, "new name='New'", NULL) == MT_OK);
    test_storage_answer_all(&f.s.ts);
    branch_of(f.source, &branch);
    test_peek_is(f.source, "new", "{\"name\":\"New\"}");
    f.s.ts.when = TEST_AT_ONCE;
    test_storage_answer_all(&f.s.ts);
    test_read_is(branch, "new", "{\"name\":\"New\"}");
    test_read_is(f.branch, "new", NULL);
    fork_end(&f);
}

TEST(commit_that_storage_refuses_stays_for_a_branch_that_saw_it)
{
    test_call write = {.name = "write"};
    mt_db *branch;
    fork f;

    fork_stored(&f, "ada name='Ada'@1 age=7@1, bob name='Bob'@1");
    test_read_is(f.source, "ada", "{\"age\":7,\"name\":\"Ada\"}");
    test_read_is(f.source, "bob", "{\"name\":\"Bob\"}");
    f.s.ts.fault = (test_fault){.calls = TEST_WRITE, .status = MT_FULL};
    CHECK(test_call_write(&write, f.source, "ada name='Eve', !bob, new a=1", NULL) == MT_OK);
    branch_of(f.source, &branch);
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
    fork_end(&f);
}

/* ---- Large nodes ---- */

/* "big f00=0@1 f01=1@1 ..." */
static const char *big_node(char *out, size_t count, const char *state)
{
    size_t len = (size_t)sprintf(out, "big");

    for (size_t i = 0; i < count; i++)
        len += (size_t)sprintf(out + len, " f%02zu=%zu%s", i, i, state);
    return out;
}

TEST(field_of_a_large_node_is_read_alone)
{
    char text[2048];
    mt_handle *big;
    mt_field field;
    fork f;

    fork_stored(&f, big_node(text, 90, "@1"));
    f.s.ts.large = 8;
    big = test_hold_node(f.branch, "big");
    CHECK(mt_handle_get(big, mt_str("f07"), &field) == MT_NOT_LOADED);
    CHECK(mt_field_wait(big, mt_str("f07"), NULL, &field, NULL) == MT_OK);
    CHECK(field.value.as.number == 7);
    CHECK(mt_field_wait(big, mt_str("none"), NULL, &field, NULL) == MT_NOT_FOUND);
    CHECK(mt_handle_get(big, mt_str("f08"), &field) == MT_NOT_LOADED);
    test_heard_is(&f.s.ts.heard, "read(big) read(big:f07) read(big:none)");
    mt_handle_unref(big);
    fork_end(&f);
}

TEST(of_a_large_node_only_the_fields_that_change_are_kept)
{
    char text[2048];
    mt_handle *big;
    fork f;

    fork_stored(&f, big_node(text, 90, "@1"));
    f.s.ts.large = 8;
    test_write(f.source, "big f07='changed' new=1 f08=~");
    test_heard_is(&f.s.ts.heard, "read(big) read(big:f07:f08:new) write(big)");
    test_field_is(f.branch, "big", "f07", "7");
    test_field_is(f.branch, "big", "f08", "8");
    test_field_is(f.branch, "big", "f09", "9");
    test_field_is(f.branch, "big", "new", NULL);
    test_write(f.source, "big f09='changed' new=2");
    test_field_is(f.branch, "big", "f09", "9");
    test_field_is(f.branch, "big", "new", NULL);
    big = test_hold_node(f.branch, "big");
    CHECK(mt_fields_wait(big, NULL, 0, NULL) == MT_OK);
    assert_int_equal(mt_node_count(mt_handle_node(big)), 90);
    mt_handle_unref(big);
    fork_end(&f);
}

TEST(large_node_that_is_deleted_is_kept_as_it_was)
{
    char text[2048];
    mt_handle *big;
    fork f;

    fork_stored(&f, big_node(text, 90, "@1"));
    f.s.ts.large = 8;
    test_write(f.source, "big f07='changed' new=1");
    test_write(f.source, "!big f01='back'");
    test_write(f.source, "big f02='again'");
    test_field_is(f.branch, "big", "f07", "7");
    test_field_is(f.branch, "big", "new", NULL);
    test_field_is(f.branch, "big", "f01", "1");
    big = test_hold_node(f.branch, "big");
    CHECK(mt_fields_wait(big, NULL, 0, NULL) == MT_OK);
    assert_int_equal(mt_node_count(mt_handle_node(big)), 90);
    mt_handle_unref(big);
    fork_end(&f);
}

TEST(large_node_is_edited_by_its_fields)
{
    char text[2048];
    fork f;

    fork_stored(&f, big_node(text, 90, "@1"));
    f.s.ts.large = 8;
    test_write(f.branch, "big f07='mine' own=1 f08=~");
    test_heard_is(&f.s.ts.heard, "read(big) read(big:f07:f08:own)");
    edits_are(f.branch, "big f07='mine'@2 f08=~@2 own=1@1");
    test_write(f.source, "big f07='theirs' f10='theirs'");
    test_field_is(f.branch, "big", "f07", "\"mine\"");
    test_field_is(f.branch, "big", "f08", NULL);
    test_field_is(f.branch, "big", "f10", "10");
    test_field_is(f.branch, "big", "own", "1");
    commit(f.source, f.branch);
    test_field_is(f.source, "big", "own", "1");
    test_field_is(f.source, "big", "f08", NULL);
    fork_end(&f);
}

TEST(large_node_that_a_branch_deletes_has_no_fields_left_there)
{
    char text[2048];
    fork f;

    fork_stored(&f, big_node(text, 90, "@1"));
    f.s.ts.large = 8;
    test_write(f.source, "big f05='theirs'");
    test_write(f.branch, "!big f07='mine'");
    edits_are(f.branch, "big^1 f07='mine'@2");
    test_read_is(f.branch, "big", "{\"f07\":\"mine\"}");
    test_field_is(f.source, "big", "f07", "7");
    commit(f.source, f.branch);
    test_read_is(f.source, "big", "{\"f05\":\"theirs\",\"f07\":\"mine\"}");
    fork_end(&f);
}

/* ---- Writing ---- */

TEST(what_a_branch_writes_never_shows_in_its_source)
{
    fork f;

    fork_stored(&f, "ada name='Ada'@1, bob name='Bob'@1");
    test_write(f.branch, "ada name='Eve' age=7, new name='New'");
    test_write(f.branch, "!bob");
    test_read_is(f.branch, "ada", "{\"age\":7,\"name\":\"Eve\"}");
    test_read_is(f.branch, "bob", NULL);
    test_read_is(f.branch, "new", "{\"name\":\"New\"}");
    test_read_is(f.source, "ada", "{\"name\":\"Ada\"}");
    test_read_is(f.source, "bob", "{\"name\":\"Bob\"}");
    test_read_is(f.source, "new", NULL);
    test_storage_says(&f.s.ts, "ada name='Ada'@1, bob name='Bob'@1");
    edits_are(f.branch, "ada age=7@1 name='Eve'@2, bob^1, new name='New'@1");
    fork_end(&f);
}

TEST(handle_that_was_read_from_a_branch_writes_to_it)
{
    mt_field name = {.name = mt_str("name"), .value = mt_text("Eve")};
    mt_handle *ada;
    fork f;

    fork_memory(&f, "ada name='Ada'");
    ada = test_hold_node(f.branch, "ada");
    CHECK(mt_handle_db(ada) == f.branch);
    CHECK(mt_node_write_wait(ada, &name, 1, NULL) == MT_OK);
    test_peek_is(f.branch, "ada", "{\"name\":\"Eve\"}");
    test_peek_is(f.source, "ada", "{\"name\":\"Ada\"}");
    mt_handle_unref(ada);
    fork_end(&f);
}

TEST(edits_that_leave_memory_come_back)
{
    mt_config tiny = counts;
    mt_db *branch;
    test_stage s;

    test_stage_init(&s);
    tiny.cache_bytes = 3000;
    test_storage_put(&s.ts, "ada name='Ada'@1");
    test_stage_open(&s, &tiny);
    branch_of(s.db, &branch);
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
    fork f;

    fork_stored(&f, "ada name='Ada'@1");
    CHECK(test_call_write(&write, f.branch, "ada name='Eve'", &none) == MT_OK);
    test_env_run(&f.s.t.te);
    test_call_is(&write, MT_OK, NULL);
    edits_are(f.branch, "ada name='Eve'@2");
    rebase(f.branch);
    CHECK(mt_read_wait(f.branch, mt_str("ada"), &none, &ada) == MT_OK);
    test_peek_is(f.branch, "ada", "{\"name\":\"Eve\"}");
    mt_handle_unref(ada);
    fork_end(&f);
}

TEST(write_to_a_branch_is_applied_and_no_more)
{
    test_call write = {.name = "write"};
    fork f;

    fork_stored(&f, NULL);
    CHECK(test_call_write(&write, f.branch, "ada name='Ada'", NULL) == MT_OK);
    test_env_run(&f.s.t.te);
    test_call_is(&write, MT_OK, NULL);
    CHECK(write.a.reached == MT_LEVEL_APPLIED);
    fork_end(&f);
}

TEST(branch_has_no_durable_level)
{
    mt_options durable = {.size = sizeof durable, .level = MT_LEVEL_DURABLE};
    test_call write = {.name = "write"};
    fork f;

    fork_stored(&f, NULL);
    CHECK(test_call_write(&write, f.branch, "ada name='Ada'", &durable) == MT_INVALID);
    fork_end(&f);
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
    branch_of(t.db, &branch);
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
    fork f;

    fork_stored(&f, "ada name='Ada'@1");
    CHECK(mt_db_group(f.branch) != mt_db_group(f.source));
    assert_int_equal(mt_group_count(mt_db_group(f.branch)), 0);
    CHECK(mt_db_changes(f.branch, &start, 1, NULL, NULL) == MT_UNSUPPORTED);
    CHECK(mt_forget(f.branch, &ada, 1, NULL, NULL, NULL, NULL) == MT_UNSUPPORTED);
    fork_end(&f);
}

/* ---- Committing ---- */

TEST(commit_of_a_branch_is_one_commit_with_its_own_states)
{
    test_watch watch = {.name = "w"};
    fork f;

    fork_stored(&f, "ada name='Ada'@4, bob name='Bob'@1");
    watch.heard = &f.s.heard;
    test_watch_on(&watch, f.source, MT_EVENT_UPDATE, "*");
    test_write(f.branch, "ada name='Eve'");
    test_write(f.branch, "ada name='Ada King'");
    test_write(f.branch, "!bob, new n=1");
    f.s.ts.heard.len = 0;
    commit(f.source, f.branch);
    test_heard_is(&f.s.ts.heard, "read(new) write(ada,bob,new)");
    test_heard_is(&f.s.heard, "w:update(ada,bob,new)");
    test_storage_says(&f.s.ts, "ada name='Ada King'@6, bob^1, new n=1@1");
    fork_end(&f);
}

TEST(commit_of_a_branch_without_edits_is_none)
{
    mt_db_stats stats = {.size = sizeof stats};
    fork f;

    fork_stored(&f, "ada name='Ada'@4");
    commit(f.source, f.branch);
    mt_db_statistics(f.source, &stats);
    assert_int_equal(stats.commits, 0);
    test_heard_is(&f.s.ts.heard, "");
    fork_end(&f);
}

TEST(branch_that_was_committed_goes_on_and_may_be_committed_again)
{
    fork f;

    fork_memory(&f, "ada n=1");
    test_write(f.branch, "ada n=2");
    commit(f.source, f.branch);
    commit(f.source, f.branch);
    test_read_is(f.branch, "ada", "{\"n\":2}");
    test_write(f.branch, "ada n=3");
    test_write(f.source, "ada other=true");
    test_read_is(f.branch, "ada", "{\"n\":3}");
    commit(f.source, f.branch);
    test_read_is(f.source, "ada", "{\"n\":3,\"other\":true}");
    fork_end(&f);
}

TEST(later_write_of_the_source_wins_over_an_earlier_edit)
{
    test_db t;
    mt_db *branch;

    test_db_memory(&t);
    branch_of(t.db, &branch);
    test_write(branch, "ada first='branch' second='branch'");
    test_write(t.db, "ada first='source'");
    test_write(branch, "ada second='branch, later'");
    test_write(t.db, "ada third='source'");
    commit(t.db, branch);
    test_read_is(t.db, "ada",
                 "{\"first\":\"source\",\"second\":\"branch, later\",\"third\":\"source\"}");
    test_db_end(&t);
}

TEST(branch_is_committed_to_another_database)
{
    mt_config on = {.size = sizeof on};
    const mt_config *configs[1] = {&on};
    mt_db *other;
    fork f;

    fork_memory(&f, "ada n=1");
    on.env = &f.s.t.te.env;
    CHECK(mt_db_open(configs, 1, &other, NULL) == MT_OK);
    test_write(f.branch, "bob n=2");
    commit(other, f.branch);
    test_read_is(other, "bob", "{\"n\":2}");
    test_read_is(other, "ada", NULL);
    CHECK(mt_commit_wait(f.source, other, NULL) == MT_INVALID);
    test_close(other);
    fork_end(&f);
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
    branch_of(t.db, &branch);
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
    fork f;

    fork_stored(&f, "ada name='Ada'@1 age=7@1, bob name='Bob'@1");
    test_write(f.branch, "ada name='Eve' new=1, !bob, cyd n=1");
    CHECK(mt_commit(f.source, f.branch, NULL, undo, &undone, NULL) == MT_OK);
    test_env_run(&f.s.t.te);
    CHECK(undone.count == 1 && undone.status == MT_OK);
    test_read_is(f.source, "ada", "{\"age\":7,\"name\":\"Ada\"}");
    test_read_is(f.source, "bob", "{\"name\":\"Bob\"}");
    test_read_is(f.source, "cyd", NULL);
    fork_end(&f);
}

/* ---- A branch of a branch ---- */

TEST(branch_of_a_branch_sees_its_edits_and_its_source)
{
    mt_db *twig;
    fork f;

    fork_stored(&f, "ada name='Ada'@1, bob name='Bob'@1, cyd name='Cyd'@1");
    test_write(f.branch, "ada name='Eve'");
    branch_of(f.branch, &twig);
    test_write(f.branch, "bob name='Bert'");
    test_write(f.source, "cyd name='Cid'");
    test_read_is(twig, "ada", "{\"name\":\"Eve\"}");
    test_read_is(twig, "bob", "{\"name\":\"Bob\"}");
    test_read_is(twig, "cyd", "{\"name\":\"Cyd\"}");
    test_write(twig, "cyd name='Clara'");
    commit(f.branch, twig);
    test_read_is(f.branch, "cyd", "{\"name\":\"Clara\"}");
    test_read_is(f.source, "cyd", "{\"name\":\"Cid\"}");
    edits_are(f.branch, "ada name='Eve'@2, bob name='Bert'@2, cyd name='Clara'@2");
    fork_end(&f);
}

/* ---- Forgetting ---- */

TEST(what_the_source_forgets_is_still_seen)
{
    mt_bytes uids[] = {mt_str("ada"), mt_str("nobody")};
    fork f;

    fork_stored(&f, "ada name='Ada'@1");
    CHECK(mt_forget_wait(f.source, uids, 2, NULL) == MT_OK);
    test_storage_says(&f.s.ts, "");
    test_read_is(f.source, "ada", NULL);
    test_read_is(f.branch, "ada", "{\"name\":\"Ada\"}");
    test_write(f.source, "nobody a=1, ada b=1");
    test_read_is(f.branch, "ada", "{\"name\":\"Ada\"}");
    test_read_is(f.branch, "nobody", NULL);
    fork_end(&f);
}

TEST(large_node_that_was_kept_in_part_is_forgotten_whole)
{
    mt_bytes big = mt_str("big");
    char text[2048];
    fork f;

    fork_stored(&f, big_node(text, 90, "@1"));
    f.s.ts.large = 8;
    test_write(f.source, "big f07='changed'");
    CHECK(mt_forget_wait(f.source, &big, 1, NULL) == MT_OK);
    test_field_is(f.branch, "big", "f07", "7");
    test_field_is(f.branch, "big", "f08", "8");
    fork_end(&f);
}

/* ---- The end ---- */

TEST(closing_the_source_closes_its_branches)
{
    test_call calls[3] = {{.name = "read"}, {.name = "write"}, {.name = "twig"}};
    mt_db *twig;
    fork f;

    fork_stored(&f, "ada name='Ada'@1");
    branch_of(f.branch, &twig);
    f.s.ts.when = TEST_HELD;
    CHECK(test_call_read(&calls[0], f.branch, "ada", NULL) == MT_OK);
    CHECK(test_call_write(&calls[1], f.branch, "bob name='Bob'", NULL) == MT_OK);
    CHECK(test_call_read(&calls[2], twig, "ada", NULL) == MT_OK);
    test_stage_close(&f.s);
    for (size_t i = 0; i < 3; i++) test_call_is(&calls[i], MT_CANCELED, NULL);
    fork_end(&f);
}

TEST(branch_is_closed_before_its_source_and_others_live_on)
{
    mt_db *other;
    fork f;

    fork_memory(&f, "ada n=1");
    branch_of(f.source, &other);
    test_write(f.branch, "ada n=2");
    test_close(f.branch);
    test_write(f.source, "ada n=3");
    test_read_is(other, "ada", "{\"n\":1}");
    test_close(other);
    test_write(f.source, "ada n=4");
    fork_end(&f);
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
        cmocka_unit_test(field_of_a_large_node_is_read_alone),
        cmocka_unit_test(of_a_large_node_only_the_fields_that_change_are_kept),
        cmocka_unit_test(large_node_that_is_deleted_is_kept_as_it_was),
        cmocka_unit_test(large_node_is_edited_by_its_fields),
        cmocka_unit_test(large_node_that_a_branch_deletes_has_no_fields_left_there),
        cmocka_unit_test(what_a_branch_writes_never_shows_in_its_source),
        cmocka_unit_test(handle_that_was_read_from_a_branch_writes_to_it),
        cmocka_unit_test(edits_that_leave_memory_come_back),
        cmocka_unit_test(in_a_branch_nothing_is_volatile),
        cmocka_unit_test(write_to_a_branch_is_applied_and_no_more),
        cmocka_unit_test(branch_has_no_durable_level),
        cmocka_unit_test(hooks_extensions_and_the_application_go_along),
        cmocka_unit_test(storage_and_network_do_not_go_along),
        cmocka_unit_test(commit_of_a_branch_is_one_commit_with_its_own_states),
        cmocka_unit_test(commit_of_a_branch_without_edits_is_none),
        cmocka_unit_test(branch_that_was_committed_goes_on_and_may_be_committed_again),
        cmocka_unit_test(later_write_of_the_source_wins_over_an_earlier_edit),
        cmocka_unit_test(branch_is_committed_to_another_database),
        cmocka_unit_test(hook_of_the_source_may_refuse_the_commit_of_a_branch),
        cmocka_unit_test(commit_of_a_branch_is_undone_by_its_delta),
        cmocka_unit_test(branch_of_a_branch_sees_its_edits_and_its_source),
        cmocka_unit_test(what_the_source_forgets_is_still_seen),
        cmocka_unit_test(large_node_that_was_kept_in_part_is_forgotten_whole),
        cmocka_unit_test(closing_the_source_closes_its_branches),
        cmocka_unit_test(branch_is_closed_before_its_source_and_others_live_on),
        cmocka_unit_test(database_that_is_not_open_yet_or_no_longer_has_no_branches),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
