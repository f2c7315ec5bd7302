/* loop_join_test.c - the environment on libuv: inside a loop of the application's. */
#include "test_loop.h"

/* An application's loop, and ours in it. */
typedef struct joined {
    uv_loop_t uv;
    letters all;
} joined;

static void joined_begin(joined *j)
{
    mt_loop *loop = NULL;

    CHECK(uv_loop_init(&j->uv) == 0);
    CHECK(mt_loop_join(test_mem(), &j->uv, &loop) == MT_OK);
    CHECK(mt_loop_uv(loop) == &j->uv);
    letters_begin(&j->all, loop);
}

/* What the application does: it runs its loop until that has nothing left, and closes it. */
static void joined_end(joined *j)
{
    CHECK(uv_run(&j->uv, UV_RUN_DEFAULT) == 0);
    CHECK(uv_loop_close(&j->uv) == 0);
    CHECK(test_mem_live() == 0);
}

TEST(a_joined_loop_fires_timers_in_order)
{
    joined j;

    joined_begin(&j);
    letters_set_dbac(&j.all);
    CHECK(uv_run(&j.uv, UV_RUN_DEFAULT) == 0);
    assert_string_equal(j.all.note, "dbac");
    mt_loop_free(j.all.loop);
    joined_end(&j);
}

TEST(a_joined_loop_alone_keeps_nothing_alive)
{
    joined j;

    joined_begin(&j);
    CHECK(!uv_loop_alive(&j.uv));
    for (uint64_t delay_ms = 0; delay_ms < 2; delay_ms++) {
        letter_set(&j.all, 0, delay_ms);
        letter_set(&j.all, 1, delay_ms);
        CHECK(uv_loop_alive(&j.uv));
        letter_stop(&j.all, 0);
        CHECK(uv_loop_alive(&j.uv));
        letter_stop(&j.all, 1);
        CHECK(!uv_loop_alive(&j.uv));
    }
    CHECK(letters_turn(&j.all) == MT_END);
    CHECK(uv_run(&j.uv, UV_RUN_DEFAULT) == 0);
    CHECK(j.all.count == 0);
    mt_loop_free(j.all.loop);
    joined_end(&j);
}

static void count_check(uv_check_t *check)
{
    ++*(size_t *)check->data;
}

TEST(many_turns_fit_into_one_iteration_but_not_all)
{
    joined j;
    uv_check_t check;
    size_t iterations = 0;

    joined_begin(&j);
    CHECK(uv_check_init(&j.uv, &check) == 0);
    check.data = &iterations;
    CHECK(uv_check_start(&check, count_check) == 0);
    uv_unref((uv_handle_t *)&check);
    j.all.at[0].sets = &j.all.at[0];
    j.all.at[0].set_count = 100000;
    letter_set(&j.all, 0, 0);
    CHECK(uv_run(&j.uv, UV_RUN_DEFAULT) == 0);
    CHECK(j.all.count == 100001);
    CHECK(iterations > 1 && iterations < 100000);
    uv_close((uv_handle_t *)&check, NULL);
    mt_loop_free(j.all.loop);
    joined_end(&j);
}

static void async_turns(uv_async_t *async)
{
    joined *j = async->data;

    CHECK(letters_turn(&j->all) == MT_INVALID);
    CHECK(mt_loop_run(j->all.loop) == MT_INVALID);
    letter_set(&j->all, 0, 0);
    uv_close((uv_handle_t *)async, NULL);
}

TEST(a_turn_inside_the_application_s_run_is_refused)
{
    joined j;
    uv_async_t async;

    joined_begin(&j);
    CHECK(uv_async_init(&j.uv, &async, async_turns) == 0);
    async.data = &j;
    CHECK(uv_async_send(&async) == 0);
    j.all.at[0].turns = true;
    letter_set(&j.all, 1, 1);
    j.all.at[1].turns = true;
    CHECK(uv_run(&j.uv, UV_RUN_DEFAULT) == 0);
    CHECK(j.all.at[0].fired == 1 && j.all.at[1].fired == 1);
    mt_loop_free(j.all.loop);
    joined_end(&j);
}

TEST(a_turn_runs_the_application_s_loop)
{
    joined j;
    work_note note = {0};

    joined_begin(&j);
    letter_set(&j.all, 0, 0);
    j.all.at[0].sets = &j.all.at[1];
    CHECK(letters_turn(&j.all) == MT_OK);
    assert_string_equal(j.all.note, "a");
    CHECK(letters_turn(&j.all) == MT_OK);
    assert_string_equal(j.all.note, "ab");
    work_begin(&note, j.all.loop);
    while (note.done == 0) CHECK(letters_turn(&j.all) == MT_OK);
    CHECK(letters_turn(&j.all) == MT_END);
    letter_set(&j.all, 2, 1);
    CHECK(mt_loop_run(j.all.loop) == MT_OK);
    assert_string_equal(j.all.note, "abc");
    mt_loop_free(j.all.loop);
    joined_end(&j);
}

TEST(works_are_done_inside_the_application_s_run)
{
    joined j;
    work_note notes[6] = {{0}};

    joined_begin(&j);
    for (size_t i = 0; i < TEST_COUNT(notes); i++) work_begin(&notes[i], j.all.loop);
    CHECK(uv_run(&j.uv, UV_RUN_DEFAULT) == 0);
    for (size_t i = 0; i < TEST_COUNT(notes); i++) work_check(&notes[i]);
    mt_loop_free(j.all.loop);
    joined_end(&j);
}

TEST(a_joined_loop_is_freed_with_timers_set_and_works_under_way)
{
    joined j;
    work_note notes[6] = {{0}};
    bool closed = false;

    joined_begin(&j);
    for (size_t i = 0; i < TEST_COUNT(notes); i++) work_begin(&notes[i], j.all.loop);
    letter_set(&j.all, 0, 0);
    letter_set(&j.all, 1, 0);
    letter_set(&j.all, 2, 100000);
    mt_loop_close(j.all.loop, test_loop_closed, &closed);
    CHECK(!closed);
    letter_stop(&j.all, 0); /* as whoever set it does, before the memory goes */
    letter_set(&j.all, 3, 0);
    CHECK(j.all.env->work(j.all.env->ctx, work_note_run, work_note_done, notes) == MT_CLOSED);
    joined_end(&j);
    CHECK(closed && j.all.count == 0);
    for (size_t i = 0; i < TEST_COUNT(notes); i++) work_check(&notes[i]);
}

TEST(a_joined_loop_may_be_freed_when_a_timer_fires)
{
    for (size_t kind = 0; kind < 4; kind++) {
        joined j;
        bool closed = false, turns = kind / 2;
        work_note note = {0};

        joined_begin(&j);
        j.all.at[0].frees_loop = true;
        j.all.freed = &closed;
        letter_set(&j.all, 0, kind % 2);
        letter_set(&j.all, 1, kind % 2);
        work_begin(&note, j.all.loop);
        if (turns) CHECK(mt_loop_run(j.all.loop) == MT_OK);
        else CHECK(uv_run(&j.uv, UV_RUN_DEFAULT) == 0);
        joined_end(&j);
        CHECK(closed);
        assert_string_equal(j.all.note, "a");
        work_check(&note);
    }
}

TEST(a_joined_loop_may_be_freed_when_a_work_is_done)
{
    for (size_t turns = 0; turns < 2; turns++) {
        joined j;
        work_note note = {.frees_loop = true}, other = {0};

        joined_begin(&j);
        work_begin(&note, j.all.loop);
        work_begin(&other, j.all.loop);
        if (turns) CHECK(mt_loop_run(j.all.loop) == MT_OK);
        joined_end(&j);
        work_check(&note);
        work_check(&other);
    }
}

TEST(two_loops_may_join_one)
{
    joined j;
    letters other;
    mt_loop *loop = NULL;

    joined_begin(&j);
    CHECK(mt_loop_join(test_mem(), &j.uv, &loop) == MT_OK);
    letters_begin(&other, loop);
    letter_set(&j.all, 0, 0);
    letter_set(&other, 1, 2);
    CHECK(uv_run(&j.uv, UV_RUN_DEFAULT) == 0);
    CHECK(j.all.count == 1 && other.count == 1);
    mt_loop_free(j.all.loop);
    letter_set(&other, 2, 0);
    CHECK(uv_run(&j.uv, UV_RUN_DEFAULT) == 0);
    assert_string_equal(other.note, "bc");
    mt_loop_free(loop);
    joined_end(&j);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_joined_loop_fires_timers_in_order),
        cmocka_unit_test(a_joined_loop_alone_keeps_nothing_alive),
        cmocka_unit_test(many_turns_fit_into_one_iteration_but_not_all),
        cmocka_unit_test(a_turn_inside_the_application_s_run_is_refused),
        cmocka_unit_test(a_turn_runs_the_application_s_loop),
        cmocka_unit_test(works_are_done_inside_the_application_s_run),
        cmocka_unit_test(a_joined_loop_is_freed_with_timers_set_and_works_under_way),
        cmocka_unit_test(a_joined_loop_may_be_freed_when_a_timer_fires),
        cmocka_unit_test(a_joined_loop_may_be_freed_when_a_work_is_done),
        cmocka_unit_test(two_loops_may_join_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
