/* Calls: answered once and not too soon, canceled, late, and made from within answers. */
#include "test.h"
#include "test_calls.h"

#include <stdlib.h>
#include <string.h>

static void turn(test_stage *s)
{
    test_env_run(&s->t.te);
}

static void run_for(test_stage *s, uint64_t ms)
{
    test_env_run_for(&s->t.te, ms);
}

/* ---- Answers ---- */

TEST(calls_are_numbered_from_one_and_answered_in_a_later_turn)
{
    test_heard heard = {0};
    test_call w = {.name = "w", .heard = &heard}, r = {.name = "r", .heard = &heard};
    test_call again = {.name = "again", .heard = &heard, .no_id = true};
    test_db t;

    test_db_memory(&t);
    CHECK(test_call_write(&w, t.db, "ada a=1", NULL) == MT_OK);
    CHECK(test_call_read(&r, t.db, "ada", NULL) == MT_OK);
    CHECK(test_call_read(&again, t.db, "ada", NULL) == MT_OK);
    CHECK(w.id == 1 && r.id == 2);
    test_heard_is(&heard, "");
    test_env_run(&t.te);
    test_heard_is(&heard, "r:MT_OK(ada) again:MT_OK(ada) w:MT_OK(ada)");
    test_db_end(&t);
}

TEST(calls_without_a_callback_do_their_work)
{
    mt_field a = {.name = mt_str("a"), .value = mt_number(1)};
    mt_row row = {.uid = mt_str("ada"), .fields = &a, .count = 1};
    test_stage s;

    test_stage_begin(&s, NULL);
    CHECK(mt_write(s.db, &row, 1, NULL, NULL, NULL, NULL) == MT_OK);
    CHECK(mt_read(s.db, mt_str("bob"), NULL, NULL, NULL, NULL) == MT_OK);
    turn(&s);
    test_peek_is(s.db, "ada", "{\"a\":1}");
    test_stage_end(&s);
}

TEST(calls_made_before_the_storage_is_open_wait_for_it_in_their_order)
{
    test_call w[3], ready = {.name = "ready"};
    test_stage s;

    test_stage_init(&s);
    s.ts.when = TEST_HELD;
    memset(w, 0, sizeof w);
    test_stage_open(&s, NULL);
    for (size_t i = 0; i < 3; i++) w[i].heard = ready.heard = &s.heard;
    w[0].name = "a";
    w[1].name = "b";
    w[2].name = "c";
    CHECK(test_call_write(&w[0], s.db, "ada a=1", NULL) == MT_OK);
    ready.returned = true;
    CHECK(mt_db_ready(s.db, test_answered, &ready.a) == MT_OK);
    CHECK(test_call_write(&w[1], s.db, "ada a=2", NULL) == MT_OK);
    turn(&s);
    test_heard_is(&s.ts.heard, "open");
    CHECK(ready.a.count == 0);
    s.ts.when = TEST_AT_ONCE;
    test_storage_answer(&s.ts, 0);
    /* Ready by now, but the others have not started: this one comes behind them. */
    CHECK(test_call_write(&w[2], s.db, "ada a=3", NULL) == MT_OK);
    turn(&s);
    CHECK(ready.a.count == 1 && ready.a.status == MT_OK);
    test_peek_is(s.db, "ada", "{\"a\":3}");
    test_heard_is(&s.heard, "a:MT_OK(ada) b:MT_OK(ada) c:MT_OK(ada)");
    test_stage_end(&s);
}

/* ---- Canceling ---- */

TEST(call_may_be_canceled_at_each_stage)
{
    test_call c = {.name = "c"};
    test_stage s;

    for (unsigned stage = 0; stage < 4; stage++) {
        test_stage_begin(&s, NULL);
        s.ts.when = TEST_HELD;
        CHECK(test_call_write(&c, s.db, "ada a=1", NULL) == MT_OK);
        if (stage > 0) turn(&s);
        if (stage > 1) test_storage_answer(&s.ts, 0);
        if (stage > 2) turn(&s);
        mt_cancel(s.db, c.id);
        mt_cancel(s.db, c.id);
        CHECK(c.a.count == 0);
        turn(&s);
        test_call_is(&c, MT_CANCELED, "the call was canceled");
        CHECK(c.a.has_delta == (stage > 1));
        test_storage_answer_all(&s.ts);
        turn(&s);
        test_storage_answer_all(&s.ts);
        turn(&s);
        /* What was merged stays, what was not never is. */
        test_peek_is(s.db, "ada", stage > 1 ? "{\"a\":1}" : NULL);
        mt_cancel(s.db, c.id);
        test_stage_end(&s);
    }
}

TEST(canceling_what_is_no_call_does_nothing)
{
    test_stage s;

    test_stage_begin(&s, NULL);
    mt_cancel(s.db, 0);
    mt_cancel(s.db, 77);
    test_stage_end(&s);
}

TEST(answer_that_is_on_its_way_wins_over_cancel)
{
    test_call r = {.name = "r"};
    test_stage s;

    test_stage_begin(&s, NULL);
    CHECK(test_call_read(&r, s.db, "ada", NULL) == MT_OK);
    mt_cancel(s.db, r.id);
    turn(&s);
    test_call_is(&r, MT_OK, NULL);
    test_stage_end(&s);
}

/* ---- Deadlines ---- */

TEST(call_ends_at_its_deadline_wherever_it_is)
{
    mt_options options = {.size = sizeof options, .deadline_ms = 50};
    test_hook hook = {.name = "h", .does = TEST_HOLDS};
    test_call r = {.name = "r"};
    test_stage s;

    for (int in_hook = 0; in_hook < 2; in_hook++) {
        hook.held_count = 0;
        test_stage_init(&s);
        if (in_hook) test_stage_hook(&s, &hook, MT_BEFORE_READ_NODES);
        test_stage_open(&s, NULL);
        s.ts.when = TEST_HELD;
        CHECK(test_call_read(&r, s.db, "ada", &options) == MT_OK);
        run_for(&s, 49);
        CHECK(r.a.count == 0);
        run_for(&s, 2);
        test_call_is(&r, MT_DEADLINE, "the deadline of the call has passed");
        if (in_hook) test_hook_pass(&hook, 0);
        test_stage_end(&s);
    }
}

TEST(deadline_holds_while_the_storage_opens)
{
    mt_options options = {.size = sizeof options, .deadline_ms = 50};
    test_call r = {.name = "r"};
    test_stage s;

    test_stage_init(&s);
    s.ts.when = TEST_HELD;
    test_stage_open(&s, NULL);
    CHECK(test_call_read(&r, s.db, "ada", &options) == MT_OK);
    run_for(&s, 60);
    test_storage_answer_all(&s.ts);
    turn(&s);
    test_call_is(&r, MT_DEADLINE, NULL);
    test_stage_end(&s);
}

TEST(each_call_has_its_own_deadline)
{
    static const uint64_t deadlines[] = {70, 20, 0, 50, 20};
    static const uint64_t ends[] = {71, 21, 0, 51, 21};
    test_call r[TEST_COUNT(deadlines)];
    test_stage s;

    test_stage_begin(&s, NULL);
    s.ts.when = TEST_HELD;
    memset(r, 0, sizeof r);
    for (size_t i = 0; i < TEST_COUNT(r); i++) {
        mt_options options = {.size = sizeof options, .deadline_ms = deadlines[i]};
        CHECK(test_call_read(&r[i], s.db, "ada", &options) == MT_OK);
    }
    for (uint64_t ms = 1; ms < 100; ms++) {
        run_for(&s, 1);
        for (size_t i = 0; i < TEST_COUNT(r); i++)
            CHECK(r[i].a.count == (ends[i] && ms >= ends[i] - 1));
    }
    test_storage_answer_all(&s.ts);
    turn(&s);
    test_call_is(&r[2], MT_OK, NULL);
    test_stage_end(&s);
}

TEST(deadline_that_never_comes_is_as_long_as_it_takes)
{
    mt_options options = {.size = sizeof options, .deadline_ms = UINT64_MAX};
    test_call r = {.name = "r"};
    test_stage s;

    test_stage_begin(&s, NULL);
    s.ts.when = TEST_HELD;
    CHECK(test_call_read(&r, s.db, "ada", &options) == MT_OK);
    run_for(&s, 100000);
    CHECK(r.a.count == 0);
    test_storage_answer_all(&s.ts);
    run_for(&s, 1);
    test_call_is(&r, MT_OK, NULL);
    test_stage_end(&s);
}

/* ---- Calls from within answers ---- */

typedef struct within {
    test_call next, other;
    const char *rows;
} within;

static void write_next(test_call *call, mt_db *db)
{
    within *w = call->arg;

    CHECK(test_call_write(&w->next, db, "bob a=1", NULL) == MT_OK);
}

TEST(answer_may_write)
{
    within w = {.next = {.name = "next"}};
    test_call c = {.name = "c", .then = write_next, .arg = &w};
    test_stage s;

    test_stage_begin(&s, NULL);
    CHECK(test_call_write(&c, s.db, "ada a=1", NULL) == MT_OK);
    turn(&s);
    test_call_is(&w.next, MT_OK, NULL);
    test_peek_is(s.db, "bob", "{\"a\":1}");
    test_stage_end(&s);
}

static void cancel_other(test_call *call, mt_db *db)
{
    within *w = call->arg;

    mt_cancel(db, w->other.id);
    mt_cancel(db, call->id);
}

TEST(answer_may_cancel_others_and_itself)
{
    within w = {.other = {.name = "other"}};
    test_call c = {.name = "c", .then = cancel_other, .arg = &w};
    test_stage s;

    test_stage_begin(&s, NULL);
    s.ts.when = TEST_HELD;
    CHECK(test_call_read(&c, s.db, "ada", NULL) == MT_OK);
    CHECK(test_call_read(&w.other, s.db, "bob", NULL) == MT_OK);
    test_storage_answer(&s.ts, 0);
    turn(&s);
    test_call_is(&c, MT_OK, NULL);
    test_call_is(&w.other, MT_CANCELED, NULL);
    test_storage_answer_all(&s.ts);
    turn(&s);
    CHECK(w.other.a.count == 1);
    test_stage_end(&s);
}

static void count_gone(void *ctx)
{
    ++*(unsigned *)ctx;
}

static void close_it(test_call *call, mt_db *db)
{
    mt_db_close(db, count_gone, call->arg);
}

TEST(answer_may_close_the_database)
{
    unsigned gone = 0;
    test_call c = {.name = "c", .then = close_it, .arg = &gone}, other = {.name = "other"};
    test_stage s;

    test_stage_begin(&s, NULL);
    s.ts.when = TEST_HELD;
    CHECK(test_call_read(&c, s.db, "ada", NULL) == MT_OK);
    CHECK(test_call_read(&other, s.db, "bob", NULL) == MT_OK);
    test_storage_answer(&s.ts, 0);
    turn(&s);
    test_call_is(&other, MT_CANCELED, "the database was closed");
    CHECK(gone == 0);
    test_storage_answer_all(&s.ts);
    turn(&s);
    CHECK(gone == 1);
    s.t.db = NULL;
    test_stage_end(&s);
}

static void block(test_call *call, mt_db *db)
{
    mt_handle *node;

    CHECK(mt_read_wait(db, mt_str("ada"), NULL, &node) == MT_INVALID);
    assert_string_equal(mt_db_error(db)->text, "a blocking call inside a callback of its own loop");
    (void)call;
}

TEST(answer_may_not_wait)
{
    test_call c = {.name = "c", .then = block};
    test_stage s;

    test_stage_begin(&s, NULL);
    CHECK(test_call_write(&c, s.db, "ada a=1", NULL) == MT_OK);
    turn(&s);
    test_call_is(&c, MT_OK, NULL);
    test_stage_end(&s);
}

/* Ten thousand calls deep, one made in the answer of the other. */
static void once_more(test_call *call, mt_db *db)
{
    unsigned *left = call->arg;

    if (--*left == 0) return;
    CHECK(test_call_read(call, db, "ada", NULL) == MT_OK);
}

TEST(calls_made_in_answers_take_no_stack)
{
    unsigned left = 10000;
    test_call c = {.name = "c", .then = once_more, .arg = &left};
    test_db t;

    test_db_memory(&t);
    test_write(t.db, "ada a=1");
    CHECK(test_call_read(&c, t.db, "ada", NULL) == MT_OK);
    test_env_run(&t.te);
    CHECK(left == 0);
    test_db_end(&t);
}

TEST(many_calls_are_answered_over_several_turns)
{
    enum { MANY = 10000 };
    test_answer *answers = calloc(MANY, sizeof *answers);
    test_db t;

    if (!answers) abort();
    test_db_memory(&t);
    for (size_t i = 0; i < MANY; i++)
        CHECK(mt_read(t.db, mt_str("ada"), NULL, test_answered, &answers[i], NULL) == MT_OK);
    test_env_run(&t.te);
    for (size_t i = 0; i < MANY; i++) CHECK(answers[i].count == 1 && answers[i].status == MT_OK);
    free(answers);
    test_db_end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_are_numbered_from_one_and_answered_in_a_later_turn),
        cmocka_unit_test(calls_without_a_callback_do_their_work),
        cmocka_unit_test(calls_made_before_the_storage_is_open_wait_for_it_in_their_order),
        cmocka_unit_test(call_may_be_canceled_at_each_stage),
        cmocka_unit_test(canceling_what_is_no_call_does_nothing),
        cmocka_unit_test(answer_that_is_on_its_way_wins_over_cancel),
        cmocka_unit_test(call_ends_at_its_deadline_wherever_it_is),
        cmocka_unit_test(deadline_holds_while_the_storage_opens),
        cmocka_unit_test(each_call_has_its_own_deadline),
        cmocka_unit_test(deadline_that_never_comes_is_as_long_as_it_takes),
        cmocka_unit_test(answer_may_write),
        cmocka_unit_test(answer_may_cancel_others_and_itself),
        cmocka_unit_test(answer_may_close_the_database),
        cmocka_unit_test(answer_may_not_wait),
        cmocka_unit_test(calls_made_in_answers_take_no_stack),
        cmocka_unit_test(many_calls_are_answered_over_several_turns),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
