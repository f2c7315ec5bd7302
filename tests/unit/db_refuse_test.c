/* Hooks that refuse, answer late, or catch what failed. */
#include "test.h"
#include "test_calls.h"

/* Opens a database with the hooks of the stage, whose states count. */
static void begin(test_stage *s)
{
    static const mt_config counts = {.size = sizeof counts, .clock = MT_CLOCK_LAMPORT};

    test_stage_open(s, &counts);
    test_heard_is(&s->ts.heard, "open");
}

static void turn(test_stage *s)
{
    test_env_run(&s->t.te);
}

/* ---- Refusing ---- */

TEST(refused_write_leaves_no_trace)
{
    test_hook hook = {.name = "h", .does = TEST_REFUSES, .text = "not on Sundays"};
    test_hook behind = {.name = "behind"}, after = {.name = "after"};
    test_watch watch = {.name = "e"};
    test_call w = {.name = "w"};
    mt_db_stats stats = {.size = sizeof stats};
    test_stage s;

    test_stage_init(&s);
    test_stage_hook(&s, &hook, MT_BEFORE_WRITE);
    test_stage_hook(&s, &behind, MT_BEFORE_WRITE);
    test_stage_hook(&s, &after, MT_AFTER_WRITE);
    begin(&s);
    watch.heard = &s.heard;
    test_watch_on(&watch, s.db, 7, "*");
    CHECK(test_call_write(&w, s.db, "ada a=1", NULL) == MT_OK);
    turn(&s);
    test_call_is(&w, MT_REFUSED, "not on Sundays");
    CHECK(!w.a.has_delta && w.nodes[0] == '\0');
    test_heard_is(&s.heard, "h");
    test_heard_is(&s.ts.heard, "");
    test_peek_is(s.db, "ada", NULL);
    mt_db_statistics(s.db, &stats);
    CHECK(stats.cache_nodes == 0 && stats.commits == 0 && stats.calls == 0);
    test_stage_end(&s);
}

TEST(refusal_has_a_status_and_a_line_of_its_own)
{
    test_hook hook = {.name = "h", .does = TEST_REFUSES};
    test_call r = {.name = "r"};
    test_stage s;

    test_stage_init(&s);
    test_stage_hook(&s, &hook, MT_BEFORE_READ_NODES);
    begin(&s);
    CHECK(test_call_read(&r, s.db, "ada", NULL) == MT_OK);
    turn(&s);
    test_call_is(&r, MT_REFUSED, "a hook refused it");
    hook.status = MT_FULL;
    hook.text = "enough";
    CHECK(test_call_read(&r, s.db, "ada", NULL) == MT_OK);
    turn(&s);
    test_call_is(&r, MT_FULL, "enough");
    test_heard_is(&s.ts.heard, "");
    test_stage_end(&s);
}

static void refuse_with_ok(test_hook *hook, mt_action *action)
{
    hook->does = TEST_HOLDS;
    mt_action_refuse(action, MT_OK, NULL);
}

TEST(refusal_with_ok_is_a_refusal)
{
    test_hook hook = {.name = "h", .then = refuse_with_ok};
    test_call r = {.name = "r"};
    test_stage s;

    test_stage_init(&s);
    test_stage_hook(&s, &hook, MT_BEFORE_READ_NODES);
    begin(&s);
    CHECK(test_call_read(&r, s.db, "ada", NULL) == MT_OK);
    turn(&s);
    test_call_is(&r, MT_REFUSED, NULL);
    test_stage_end(&s);
}

TEST(after_write_may_refuse_what_stays_all_the_same)
{
    test_hook hook = {.name = "h", .does = TEST_REFUSES, .text = "too bad"};
    test_hook behind = {.name = "behind"};
    test_call w = {.name = "w"};
    test_stage s;

    test_stage_init(&s);
    test_stage_hook(&s, &hook, MT_AFTER_WRITE);
    test_stage_hook(&s, &behind, MT_AFTER_WRITE);
    begin(&s);
    CHECK(test_call_write(&w, s.db, "ada a=1", NULL) == MT_OK);
    turn(&s);
    test_call_is(&w, MT_REFUSED, "too bad");
    CHECK(w.a.has_delta && w.a.reached == MT_LEVEL_DURABLE);
    test_heard_is(&s.heard, "h");
    test_storage_says(&s.ts, "ada a=1@1");
    test_stage_end(&s);
}

/* ---- Late answers ---- */

TEST(action_waits_for_its_hook_and_nothing_else_does)
{
    test_hook hook = {.name = "h", .does = TEST_HOLDS};
    test_call w[2] = {{.name = "a"}, {.name = "b"}};
    test_stage s;

    test_stage_init(&s);
    test_stage_hook(&s, &hook, MT_BEFORE_WRITE);
    begin(&s);
    CHECK(test_call_write(&w[0], s.db, "ada a=1", NULL) == MT_OK);
    CHECK(test_call_write(&w[1], s.db, "bob a=1", NULL) == MT_OK);
    turn(&s);
    test_hook_pass(&hook, 1);
    turn(&s);
    test_call_is(&w[1], MT_OK, NULL);
    CHECK(w[0].a.count == 0);
    test_hook_refuse(&hook, 0);
    turn(&s);
    test_call_is(&w[0], MT_REFUSED, NULL);
    test_storage_says(&s.ts, "bob a=1@1");
    test_stage_end(&s);
}

TEST(hooks_behind_one_that_is_late_run_after_it)
{
    test_hook late = {.name = "late", .does = TEST_HOLDS}, behind = {.name = "behind"};
    test_call r = {.name = "r"};
    test_stage s;

    test_stage_init(&s);
    test_stage_hook(&s, &late, MT_AFTER_READ_NODES);
    test_stage_hook(&s, &behind, MT_AFTER_READ_NODES);
    begin(&s);
    CHECK(test_call_read(&r, s.db, "ada", NULL) == MT_OK);
    turn(&s);
    test_heard_is(&s.heard, "late");
    test_hook_pass(&late, 0);
    test_heard_is(&s.heard, "behind");
    turn(&s);
    test_call_is(&r, MT_OK, NULL);
    test_stage_end(&s);
}

TEST(hook_may_answer_for_a_call_that_was_canceled)
{
    test_hook hook = {.name = "h", .does = TEST_HOLDS}, behind = {.name = "behind"};
    test_call c[2] = {{.name = "w"}, {.name = "r"}};
    test_stage s;

    test_stage_init(&s);
    test_stage_hook(&s, &hook, MT_BEFORE_WRITE);
    test_stage_hook(&s, &hook, MT_BEFORE_READ_NODES);
    test_stage_hook(&s, &behind, MT_BEFORE_WRITE);
    begin(&s);
    CHECK(test_call_write(&c[0], s.db, "ada a=1", NULL) == MT_OK);
    CHECK(test_call_read(&c[1], s.db, "ada", NULL) == MT_OK);
    mt_cancel(s.db, c[0].id);
    mt_cancel(s.db, c[1].id);
    turn(&s);
    test_call_is(&c[0], MT_CANCELED, "the call was canceled");
    test_call_is(&c[1], MT_CANCELED, NULL);
    test_hook_pass(&hook, 0);
    test_hook_refuse(&hook, 0);
    turn(&s);
    test_heard_is(&s.heard, "h h");
    test_heard_is(&s.ts.heard, "");
    test_stage_end(&s);
}

TEST(canceled_write_that_is_merged_still_meets_its_hooks)
{
    test_hook first = {.name = "first"}, second = {.name = "second"};
    test_watch watch = {.name = "e"};
    test_call w = {.name = "w"};
    test_stage s;

    test_stage_init(&s);
    test_stage_hook(&s, &first, MT_AFTER_WRITE);
    test_stage_hook(&s, &second, MT_AFTER_WRITE);
    begin(&s);
    watch.heard = w.heard = &s.heard;
    test_watch_on(&watch, s.db, 0, "*");
    s.ts.when = TEST_HELD;
    CHECK(test_call_write(&w, s.db, "ada a=1", NULL) == MT_OK);
    test_storage_answer(&s.ts, 0);
    mt_cancel(s.db, w.id);
    turn(&s);
    test_heard_is(&s.heard, "w:MT_CANCELED");
    CHECK(w.a.has_delta);
    test_storage_answer_all(&s.ts);
    turn(&s);
    test_heard_is(&s.heard, "e:update(ada) first second");
    test_stage_end(&s);
}

TEST(canceled_write_in_memory_is_told_of_all_the_same)
{
    test_heard heard = {0};
    test_watch watch = {.name = "e", .heard = &heard};
    test_call w = {.name = "w", .heard = &heard};
    test_db t;

    test_db_memory(&t);
    test_watch_on(&watch, t.db, 0, "*");
    CHECK(test_call_write(&w, t.db, "ada a=1", NULL) == MT_OK);
    mt_cancel(t.db, w.id);
    test_env_run(&t.te);
    test_heard_is(&heard, "e:update(ada) w:MT_CANCELED");
    test_db_end(&t);
}

/* ---- Catch ---- */

static void see_error(test_hook *hook, mt_action *action)
{
    const mt_error *error = mt_action_error(action);

    CHECK(error && error->status == MT_IO);
    assert_string_equal(error->text, "the disk is upset");
    CHECK(mt_action_point(action) == MT_ON_CATCH);
    (void)hook;
}

TEST(catch_sees_the_error_of_a_call_and_passes_it_on)
{
    test_hook hook = {.name = "catch", .then = see_error};
    test_call r = {.name = "r"};
    test_stage s;

    test_stage_init(&s);
    test_stage_hook(&s, &hook, MT_ON_CATCH);
    begin(&s);
    s.ts.fault = (test_fault){.calls = TEST_READ, .status = MT_IO};
    CHECK(test_call_read(&r, s.db, "ada", NULL) == MT_OK);
    turn(&s);
    test_call_is(&r, MT_IO, "the disk is upset");
    CHECK(hook.count == 1);
    test_stage_end(&s);
}

TEST(catch_may_replace_the_error_but_not_undo_it)
{
    test_hook first = {.name = "c1", .does = TEST_REFUSES, .status = MT_FULL, .text = "first"};
    test_hook second = {.name = "c2", .does = TEST_REFUSES, .status = MT_BUSY, .text = "second"};
    test_hook last = {.name = "c3"};
    test_call w = {.name = "w"};
    test_stage s;

    test_stage_init(&s);
    test_stage_hook(&s, &first, MT_ON_CATCH);
    test_stage_hook(&s, &second, MT_ON_CATCH);
    test_stage_hook(&s, &last, MT_ON_CATCH);
    begin(&s);
    s.ts.fault = (test_fault){.calls = TEST_WRITE, .status = MT_IO};
    CHECK(test_call_write(&w, s.db, "ada a=1", NULL) == MT_OK);
    turn(&s);
    test_call_is(&w, MT_BUSY, "second");
    test_heard_is(&s.heard, "c1 c2 c3");
    test_peek_is(s.db, "ada", NULL);
    test_stage_end(&s);
}

TEST(catch_gives_an_error_a_line_where_there_was_none)
{
    test_hook hook = {.name = "c", .does = TEST_REFUSES, .text = "a line"};
    test_call r = {.name = "r"};
    test_stage s;

    test_stage_init(&s);
    test_stage_hook(&s, &hook, MT_ON_CATCH);
    begin(&s);
    s.ts.fault = (test_fault){.calls = TEST_LIST, .status = MT_IO, .at_start = true};
    CHECK(mt_stream(s.db, NULL, NULL, test_answered, &r.a, NULL) == MT_OK);
    turn(&s);
    test_call_is(&r, MT_REFUSED, "a line");
    test_stage_end(&s);
}

TEST(catch_sees_refusals_of_other_hooks)
{
    test_hook before = {.name = "b", .does = TEST_REFUSES, .text = "no"};
    test_hook hook = {.name = "c", .does = TEST_HOLDS}, second = {.name = "d"};
    test_call w = {.name = "w"};
    test_stage s;

    test_stage_init(&s);
    test_stage_hook(&s, &before, MT_BEFORE_WRITE);
    test_stage_hook(&s, &hook, MT_ON_CATCH);
    test_stage_hook(&s, &second, MT_ON_CATCH);
    begin(&s);
    CHECK(test_call_write(&w, s.db, "ada a=1", NULL) == MT_OK);
    turn(&s);
    test_heard_is(&s.heard, "b c");
    CHECK(w.a.count == 0);
    test_hook_pass(&hook, 0);
    test_heard_is(&s.heard, "d");
    turn(&s);
    test_call_is(&w, MT_REFUSED, "no");
    test_stage_end(&s);
}

TEST(canceled_call_does_not_wait_for_catch)
{
    test_hook hook = {.name = "c", .does = TEST_HOLDS};
    test_call r = {.name = "r"};
    test_stage s;

    test_stage_init(&s);
    test_stage_hook(&s, &hook, MT_ON_CATCH);
    begin(&s);
    s.ts.when = TEST_HELD;
    CHECK(test_call_read(&r, s.db, "ada", NULL) == MT_OK);
    mt_cancel(s.db, r.id);
    turn(&s);
    CHECK(r.a.count == 0 && hook.held_count == 1);
    test_storage_answer_all(&s.ts); /* the read goes no further */
    turn(&s);
    CHECK(r.a.count == 0);
    mt_cancel(s.db, r.id);
    turn(&s);
    test_call_is(&r, MT_CANCELED, NULL);
    test_hook_refuse(&hook, 0);
    turn(&s);
    CHECK(r.a.count == 1);
    test_stage_end(&s);
}

TEST(hooks_after_a_canceled_write_wait_for_those_of_catch)
{
    test_hook hook = {.name = "c", .does = TEST_HOLDS}, after = {.name = "after"};
    test_call w = {.name = "w"};
    test_stage s;

    test_stage_init(&s);
    test_stage_hook(&s, &hook, MT_ON_CATCH);
    test_stage_hook(&s, &after, MT_AFTER_WRITE);
    begin(&s);
    test_write(s.db, "ada a=1");
    test_heard_is(&s.heard, "after");
    s.ts.when = TEST_HELD;
    CHECK(test_call_write(&w, s.db, "ada a=2", NULL) == MT_OK);
    mt_cancel(s.db, w.id);
    turn(&s);
    test_storage_answer_all(&s.ts);
    turn(&s);
    test_heard_is(&s.heard, "c");
    test_hook_pass(&hook, 0);
    turn(&s);
    test_call_is(&w, MT_CANCELED, NULL);
    test_heard_is(&s.heard, "after");
    test_stage_end(&s);
}

static void set_aside(test_hook *hook, mt_action *action)
{
    mt_action_options(action)->storage_none = true;
    (void)hook;
}

TEST(options_changed_in_catch_have_no_effect_on_what_is_merged)
{
    test_hook hook = {.name = "c", .then = set_aside};
    test_call w = {.name = "w"};
    test_stage s;

    test_stage_init(&s);
    test_stage_hook(&s, &hook, MT_ON_CATCH);
    begin(&s);
    CHECK(test_call_write(&w, s.db, "ada a=1", NULL) == MT_OK);
    mt_cancel(s.db, w.id);
    turn(&s);
    test_call_is(&w, MT_CANCELED, NULL);
    CHECK(hook.count == 1);
    test_storage_says(&s.ts, "ada a=1@1");
    test_stage_end(&s);
}

/* ---- Calls from within ---- */

static void write_more(test_hook *hook, mt_action *action)
{
    test_call *call = hook->arg;

    hook->then = NULL;
    CHECK(test_call_write(call, mt_action_db(action), "bob a=1", NULL) == MT_OK);
}

TEST(hook_may_make_calls_of_its_own)
{
    test_call inner = {.name = "inner"};
    test_hook hook = {.name = "h", .then = write_more, .arg = &inner};
    test_stage s;

    test_stage_init(&s);
    test_stage_hook(&s, &hook, MT_BEFORE_WRITE);
    begin(&s);
    test_write(s.db, "ada a=1");
    turn(&s);
    test_call_is(&inner, MT_OK, NULL);
    test_storage_says(&s.ts, "ada a=1@1, bob a=1@1");
    test_stage_end(&s);
}

static void cancel_it(test_hook *hook, mt_action *action)
{
    test_call *call = hook->arg;

    mt_cancel(mt_action_db(action), call->id);
}

TEST(hook_may_cancel_the_call_that_it_has)
{
    test_call r = {.name = "r"};
    test_hook hook = {.name = "h", .then = cancel_it, .arg = &r}, behind = {.name = "behind"};
    test_stage s;

    test_stage_init(&s);
    test_stage_hook(&s, &hook, MT_BEFORE_READ_NODES);
    test_stage_hook(&s, &behind, MT_BEFORE_READ_NODES);
    begin(&s);
    CHECK(test_call_read(&r, s.db, "ada", NULL) == MT_OK);
    turn(&s);
    test_call_is(&r, MT_CANCELED, NULL);
    test_heard_is(&s.heard, "h");
    test_stage_end(&s);
}

static void note_gone(void *ctx)
{
    *(bool *)ctx = true;
}

static void close_it(test_hook *hook, mt_action *action)
{
    mt_db_close(mt_action_db(action), note_gone, hook->arg);
}

TEST(hook_may_close_the_database)
{
    test_call r = {.name = "r"};
    bool gone = false;
    test_hook hook = {.name = "h", .then = close_it, .arg = &gone};
    test_stage s;

    test_stage_init(&s);
    test_stage_hook(&s, &hook, MT_BEFORE_READ_NODES);
    begin(&s);
    CHECK(test_call_read(&r, s.db, "ada", NULL) == MT_OK);
    CHECK(!gone);
    turn(&s);
    test_call_is(&r, MT_CANCELED, "the database was closed");
    CHECK(gone);
    s.t.db = NULL;
    test_stage_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused_write_leaves_no_trace),
        cmocka_unit_test(refusal_has_a_status_and_a_line_of_its_own),
        cmocka_unit_test(refusal_with_ok_is_a_refusal),
        cmocka_unit_test(after_write_may_refuse_what_stays_all_the_same),
        cmocka_unit_test(action_waits_for_its_hook_and_nothing_else_does),
        cmocka_unit_test(hooks_behind_one_that_is_late_run_after_it),
        cmocka_unit_test(hook_may_answer_for_a_call_that_was_canceled),
        cmocka_unit_test(canceled_write_that_is_merged_still_meets_its_hooks),
        cmocka_unit_test(canceled_write_in_memory_is_told_of_all_the_same),
        cmocka_unit_test(catch_sees_the_error_of_a_call_and_passes_it_on),
        cmocka_unit_test(catch_may_replace_the_error_but_not_undo_it),
        cmocka_unit_test(catch_gives_an_error_a_line_where_there_was_none),
        cmocka_unit_test(catch_sees_refusals_of_other_hooks),
        cmocka_unit_test(canceled_call_does_not_wait_for_catch),
        cmocka_unit_test(hooks_after_a_canceled_write_wait_for_those_of_catch),
        cmocka_unit_test(options_changed_in_catch_have_no_effect_on_what_is_merged),
        cmocka_unit_test(hook_may_make_calls_of_its_own),
        cmocka_unit_test(hook_may_cancel_the_call_that_it_has),
        cmocka_unit_test(hook_may_close_the_database),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
