/* A database ends, whatever is under way. */
#include "test.h"
#include "test_calls.h"

#include <stdlib.h>
#include <string.h>

static void turn(test_stage *s)
{
    test_env_run(&s->t.te);
}

static void closed(void *ctx)
{
    test_heard_add(ctx, "closed");
}

/* Begins to close; `closed` is heard. The stage need not close it any more. */
static void close_stage(test_stage *s)
{
    mt_db_close(s->db, closed, &s->heard);
    s->t.db = NULL;
}

TEST(idle_database_closes_in_the_next_turn)
{
    test_stage s;

    test_stage_begin(&s, NULL);
    test_write(s.db, "ada a=1");
    test_heard_is(&s.ts.heard, "read(ada) write(ada)");
    close_stage(&s);
    test_heard_is(&s.heard, "");
    turn(&s);
    test_heard_is(&s.heard, "closed");
    test_heard_is(&s.ts.heard, "close");
    test_stage_end(&s);
}

TEST(calls_under_way_are_canceled_before_it_is_closed)
{
    test_call r = {.name = "r"}, w = {.name = "w"}, f = {.name = "f"};
    test_stage s;

    test_stage_begin(&s, NULL);
    s.ts.when = TEST_HELD;
    r.heard = w.heard = f.heard = &s.heard;
    CHECK(test_call_read(&r, s.db, "ada", NULL) == MT_OK);
    CHECK(test_call_write(&w, s.db, "bob a=1", NULL) == MT_OK);
    CHECK(test_call_forget(&f, s.db, "cyd", NULL) == MT_OK);
    close_stage(&s);
    turn(&s);
    test_heard_is(&s.heard, "r:MT_CANCELED w:MT_CANCELED f:MT_CANCELED");
    test_storage_answer_all(&s.ts);
    turn(&s);
    test_heard_is(&s.heard, "closed");
    CHECK(s.ts.writes == 0);
    test_stage_end(&s);
}

TEST(merged_writes_are_answered_as_storage_answers)
{
    test_call w[2] = {{.name = "a"}, {.name = "b"}};
    test_watch watch = {.name = "e"};
    test_stage s;

    test_stage_begin(&s, NULL);
    test_write(s.db, "ada a=0, bob a=0");
    s.ts.when = TEST_HELD;
    s.ts.fault = (test_fault){.calls = TEST_WRITE, .status = MT_FULL, .fail_at = 1};
    watch.heard = w[0].heard = w[1].heard = &s.heard;
    test_watch_on(&watch, s.db, 0, "*");
    CHECK(test_call_write(&w[0], s.db, "ada a=1", NULL) == MT_OK);
    turn(&s);
    CHECK(test_call_write(&w[1], s.db, "bob a=1", NULL) == MT_OK);
    close_stage(&s);
    turn(&s);
    test_heard_is(&s.heard, "");
    test_storage_answer(&s.ts, 0);
    turn(&s);
    test_heard_is(&s.heard, "e:update(ada) a:MT_OK(ada)");
    test_storage_answer(&s.ts, 0);
    turn(&s);
    test_heard_is(&s.heard, "b:MT_FULL closed");
    test_stage_end(&s);
}

TEST(close_waits_for_hooks_and_asks_no_more_of_them)
{
    test_hook late = {.name = "late", .does = TEST_HOLDS}, behind = {.name = "behind"};
    test_hook catches = {.name = "catch"};
    test_call r = {.name = "r"}, w = {.name = "w"};
    test_stage s;

    test_stage_init(&s);
    test_stage_hook(&s, &late, MT_BEFORE_READ_NODES);
    test_stage_hook(&s, &behind, MT_BEFORE_READ_NODES);
    test_stage_hook(&s, &late, MT_BEFORE_WRITE);
    test_stage_hook(&s, &catches, MT_ON_CATCH);
    test_stage_open(&s, NULL);
    r.heard = w.heard = &s.heard;
    CHECK(test_call_read(&r, s.db, "ada", NULL) == MT_OK);
    CHECK(test_call_write(&w, s.db, "ada a=1", NULL) == MT_OK);
    test_heard_is(&s.heard, "late late");
    close_stage(&s);
    turn(&s);
    test_heard_is(&s.heard, "r:MT_CANCELED w:MT_CANCELED");
    test_hook_pass(&late, 0);
    turn(&s);
    test_heard_is(&s.heard, "");
    test_hook_refuse(&late, 0);
    turn(&s);
    test_heard_is(&s.heard, "closed");
    test_stage_end(&s);
}

TEST(close_waits_for_the_storage_to_open)
{
    test_call r = {.name = "r"};
    test_stage s;

    test_stage_init(&s);
    s.ts.when = TEST_HELD;
    test_stage_open(&s, NULL);
    r.heard = &s.heard;
    CHECK(test_call_read(&r, s.db, "ada", NULL) == MT_OK);
    close_stage(&s);
    turn(&s);
    test_heard_is(&s.heard, "r:MT_CANCELED");
    test_storage_answer(&s.ts, 0);
    turn(&s);
    test_heard_is(&s.heard, "closed");
    test_stage_end(&s);
}

TEST(no_call_starts_once_it_is_closing)
{
    test_call c = {.name = "c"};
    mt_listen all = {.kinds = 0};
    mt_listening *listening;
    test_stage s;

    test_stage_begin(&s, NULL);
    s.ts.when = TEST_HELD;
    CHECK(test_call_read(&c, s.db, "ada", NULL) == MT_OK);
    close_stage(&s);
    mt_db_close(s.db, closed, &s.heard);
    CHECK(test_call_read(&c, s.db, "ada", NULL) == MT_CLOSED);
    CHECK(test_call_write(&c, s.db, "ada a=1", NULL) == MT_CLOSED);
    CHECK(test_call_forget(&c, s.db, "ada", NULL) == MT_CLOSED);
    CHECK(mt_db_ready(s.db, NULL, NULL) == MT_CLOSED);
    CHECK(mt_stream(s.db, NULL, NULL, NULL, NULL, NULL) == MT_CLOSED);
    CHECK(mt_on(s.db, &all, NULL, NULL, &listening) == MT_OK);
    assert_string_equal(mt_db_error(s.db)->text, "the database is being closed");
    test_storage_answer_all(&s.ts);
    turn(&s);
    test_heard_is(&s.heard, "closed");
    test_stage_end(&s);
}

TEST(handles_that_are_held_go_with_the_database)
{
    test_stage s;

    test_stage_begin(&s, NULL);
    test_write(s.db, "ada a=1");
    CHECK(test_hold_node(s.db, "ada") != NULL);
    test_stage_end(&s);
}

TEST(database_that_did_not_open_closes)
{
    test_stage s;

    test_stage_init(&s);
    s.ts.fault = (test_fault){.calls = TEST_OPEN, .status = MT_MALFORMED};
    test_stage_open(&s, NULL);
    turn(&s);
    close_stage(&s);
    turn(&s);
    test_heard_is(&s.heard, "closed");
    test_stage_end(&s);
}

static bool pause_row(void *ctx, mt_db *db, const mt_row *row)
{
    (void)ctx;
    (void)db;
    (void)row;
    return false;
}

/* Everything at once, closed after each of the first turns, its storage answering in any order. */
TEST(database_closes_cleanly_at_any_moment)
{
    for (unsigned moment = 0; moment < 30; moment++) {
        test_hook late = {.name = "late", .does = TEST_HOLDS};
        mt_options options = {.size = sizeof options, .deadline_ms = 1000};
        test_call c[8];
        test_stage s;

        test_stage_init(&s);
        s.ts.quiet = true;
        s.ts.large = 1;
        s.ts.when = TEST_MIXED;
        s.ts.rng = test_rng_new(moment);
        test_storage_put(&s.ts, "ada a=1@1 b=&bob@1, bob a=1@1 b=1@1, cyd a=1@1");
        test_stage_hook(&s, &late, MT_AFTER_WRITE);
        test_stage_open(&s, NULL);
        memset(c, 0, sizeof c);
        CHECK(test_call_write(&c[0], s.db, "ada a=2, bob c=1", &options) == MT_OK);
        CHECK(test_call_read(&c[1], s.db, "ada bob cyd dan", &options) == MT_OK);
        CHECK(test_call_write(&c[2], s.db, "!cyd x=1", NULL) == MT_OK);
        CHECK(test_call_forget(&c[3], s.db, "bob", NULL) == MT_OK);
        CHECK(test_call_write(&c[4], s.db, "bob d=1, eve a=1", NULL) == MT_OK);
        CHECK(mt_stream(s.db, NULL, pause_row, test_answered, &c[5].a, NULL) == MT_OK);
        test_env_run_for(&s.t.te, moment);
        close_stage(&s);
        while (late.held_count > 0) test_hook_pass(&late, 0);
        do {
            turn(&s);
            while (late.held_count > 0) test_hook_pass(&late, 0);
            turn(&s);
        } while (s.ts.requests);
        for (size_t i = 0; i < 6; i++) CHECK(c[i].a.count == 1);
        CHECK(strstr(s.heard.text, "closed") != NULL && s.ts.open == 0);
        test_stage_end(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(idle_database_closes_in_the_next_turn),
        cmocka_unit_test(calls_under_way_are_canceled_before_it_is_closed),
        cmocka_unit_test(merged_writes_are_answered_as_storage_answers),
        cmocka_unit_test(close_waits_for_hooks_and_asks_no_more_of_them),
        cmocka_unit_test(close_waits_for_the_storage_to_open),
        cmocka_unit_test(no_call_starts_once_it_is_closing),
        cmocka_unit_test(handles_that_are_held_go_with_the_database),
        cmocka_unit_test(database_that_did_not_open_closes),
        cmocka_unit_test(database_closes_cleanly_at_any_moment),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
