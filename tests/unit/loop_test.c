/* loop_test.c - the environment on libuv: a loop of its own. No test sleeps; those that need time
 * to pass run the loop until it has. */
#include "test_loop.h"

#include "test_env.h"

/* ---- Clocks and randomness ---- */

TEST(clocks_and_entropy_are_those_of_the_system)
{
    mt_loop *loop = test_loop_new();
    const mt_env *env = mt_loop_env(loop);
    uint64_t begin_ms = env->ticks_ms(env->ctx), year_2020_ms = UINT64_C(1577836800000);
    uint8_t a[16] = {0}, b[16] = {0};

    CHECK(env->abi == MT_ENV_ABI && env->size == sizeof(mt_env) && env->mem == test_mem());
    CHECK(env->now_ms(env->ctx) > year_2020_ms);
    while (env->ticks_ms(env->ctx) == begin_ms) continue;
    CHECK(env->ticks_ms(env->ctx) > begin_ms);
    CHECK(env->entropy(env->ctx, a, sizeof a) == MT_OK);
    CHECK(env->entropy(env->ctx, b, sizeof b) == MT_OK);
    CHECK(memcmp(a, b, sizeof a) != 0);
    test_loop_free(loop);
}

TEST(a_loop_is_found_by_its_environment)
{
    mt_loop *loop = test_loop_new();
    mt_env copy = *mt_loop_env(loop);
    test_env te;

    test_env_init(&te, 1, test_mem());
    CHECK(mt_loop_of(mt_loop_env(loop)) == loop);
    CHECK(mt_loop_of(&copy) == loop);
    CHECK(mt_loop_of(&te.env) == NULL);
    CHECK(mt_loop_uv(loop) != NULL);
    test_env_end(&te);
    test_loop_free(loop);
}

TEST(a_loop_without_memory_is_refused)
{
    fail_mem fm = {.fail_at = 0};
    mt_loop *loop = NULL;
    uv_loop_t uv;

    CHECK(mt_loop_new(fail_mem_hook(&fm), &loop) == MT_NO_MEMORY);
    CHECK(uv_loop_init(&uv) == 0);
    fm.fail_at = fm.count;
    CHECK(mt_loop_join(fail_mem_hook(&fm), &uv, &loop) == MT_NO_MEMORY);
    CHECK(mt_loop_join(test_mem(), NULL, &loop) == MT_INVALID);
    CHECK(loop == NULL && fm.live_bytes == 0);
    CHECK(uv_loop_close(&uv) == 0);
    mt_loop_free(NULL);
    mt_loop_close(NULL, NULL, NULL);
}

/* ---- Timers ---- */

TEST(timers_fire_by_time_and_then_in_the_order_they_were_set)
{
    letters all;

    letters_begin(&all, test_loop_new());
    letters_set_dbac(&all);
    CHECK(all.count == 0);
    CHECK(mt_loop_run(all.loop) == MT_OK);
    assert_string_equal(all.note, "dbac");
    test_loop_free(all.loop);
}

TEST(a_timer_set_in_a_turn_fires_in_a_later_one)
{
    letters all;

    letters_begin(&all, test_loop_new());
    all.at[0].sets = &all.at[2];
    all.at[2].sets = &all.at[3];
    letter_set(&all, 0, 0);
    letter_set(&all, 1, 0);
    CHECK(letters_turn(&all) == MT_OK);
    assert_string_equal(all.note, "ab");
    CHECK(letters_turn(&all) == MT_OK);
    assert_string_equal(all.note, "abc");
    CHECK(letters_turn(&all) == MT_OK);
    assert_string_equal(all.note, "abcd");
    CHECK(letters_turn(&all) == MT_END);
    test_loop_free(all.loop);
}

TEST(a_turn_waits_for_the_next_timer)
{
    letters all;

    letters_begin(&all, test_loop_new());
    letter_set(&all, 0, 5);
    while (all.count == 0) CHECK(letters_turn(&all) == MT_OK);
    CHECK(letters_turn(&all) == MT_END);
    test_loop_free(all.loop);
}

TEST(a_timer_is_stopped_and_set_anew)
{
    letters all;

    letters_begin(&all, test_loop_new());
    for (size_t i = 0; i < 4; i++) letter_set(&all, i, i);
    letter_set(&all, 0, 6);
    letter_stop(&all, 2);
    letter_stop(&all, 2);
    CHECK(mt_loop_run(all.loop) == MT_OK);
    assert_string_equal(all.note, "bda");
    letter_set(&all, 2, 5);
    letter_set(&all, 2, 0);
    letter_set(&all, 1, 0);
    letter_set(&all, 1, 5);
    CHECK(mt_loop_run(all.loop) == MT_OK);
    assert_string_equal(all.note, "bdacb");
    test_loop_free(all.loop);
}

TEST(a_timer_may_set_and_stop_timers_when_it_fires)
{
    letters all;

    letters_begin(&all, test_loop_new());
    all.at[0].sets = &all.at[0];
    all.at[0].set_count = 3;
    all.at[1].stops = &all.at[2];
    all.at[3].stops = &all.at[0];
    letter_set(&all, 0, 0);
    letter_set(&all, 1, 0);
    letter_set(&all, 2, 0);
    CHECK(letters_turn(&all) == MT_OK);
    assert_string_equal(all.note, "ab");
    letter_set(&all, 3, 0);
    CHECK(letters_turn(&all) == MT_OK);
    assert_string_equal(all.note, "abad");
    CHECK(letters_turn(&all) == MT_END);
    test_loop_free(all.loop);
}

TEST(a_timer_may_be_freed_when_it_fires)
{
    letters all;
    letter *one = malloc(sizeof *one);

    if (!one) abort();
    letters_begin(&all, test_loop_new());
    *one = all.at[0];
    one->timer.arg = one;
    one->frees = true;
    all.env->timer_set(all.env->ctx, &one->timer, 1);
    CHECK(mt_loop_run(all.loop) == MT_OK);
    assert_string_equal(all.note, "a");
    test_loop_free(all.loop);
}

/* Ten thousand timers over 20 milliseconds, a third of them stopped. */
typedef struct crowd {
    const mt_env *env;
    size_t fired;
    uint64_t last_due_min_ms; /* of those that fired */
    struct crowd_one {
        mt_timer timer;
        struct crowd *crowd;
        uint64_t due_min_ms, due_max_ms; /* the clock may move as it is set */
        bool stopped;
    } at[10000];
} crowd;

static void crowd_fire(void *arg)
{
    struct crowd_one *one = arg;
    crowd *all = one->crowd;

    CHECK(!one->stopped);
    CHECK(all->env->ticks_ms(all->env->ctx) >= one->due_min_ms);
    CHECK(one->due_max_ms >= all->last_due_min_ms);
    if (one->due_min_ms > all->last_due_min_ms) all->last_due_min_ms = one->due_min_ms;
    all->fired++;
}

TEST(ten_thousand_timers_fire_in_order_and_none_early)
{
    static crowd all;
    mt_loop *loop = test_loop_new();
    test_rng rng = test_rng_new(3);
    size_t stopped = 0;

    all = (crowd){.env = mt_loop_env(loop)};
    for (size_t i = 0; i < TEST_COUNT(all.at); i++) {
        struct crowd_one *one = &all.at[i];
        uint64_t delay_ms = 1 + test_rng_below(&rng, 20);

        one->crowd = &all;
        one->timer = (mt_timer){.fire = crowd_fire, .arg = one};
        one->due_min_ms = all.env->ticks_ms(all.env->ctx) + delay_ms;
        all.env->timer_set(all.env->ctx, &one->timer, delay_ms);
        one->due_max_ms = all.env->ticks_ms(all.env->ctx) + delay_ms;
    }
    for (size_t i = 0; i < TEST_COUNT(all.at); i += 3, stopped++) {
        all.at[i].stopped = true;
        all.env->timer_stop(all.env->ctx, &all.at[i].timer);
    }
    CHECK(mt_loop_run(loop) == MT_OK);
    CHECK(all.fired == TEST_COUNT(all.at) - stopped);
    test_loop_free(loop);
}

TEST(a_delay_counts_from_when_it_is_set)
{
    letters all;
    uint64_t begin_ms, set_ms;

    letters_begin(&all, test_loop_new());
    begin_ms = all.env->ticks_ms(all.env->ctx);
    do {
        set_ms = all.env->ticks_ms(all.env->ctx);
    } while (set_ms < begin_ms + 5); /* the loop's own idea of the time is old by now */
    letter_set(&all, 0, 3);
    CHECK(mt_loop_run(all.loop) == MT_OK);
    CHECK(all.env->ticks_ms(all.env->ctx) >= set_ms + 3);
    test_loop_free(all.loop);
}

TEST(the_longest_delay_keeps_the_loop_alive_until_it_is_stopped)
{
    letters all;

    letters_begin(&all, test_loop_new());
    letter_set(&all, 0, UINT64_MAX);
    letter_set(&all, 1, 0);
    CHECK(letters_turn(&all) == MT_OK);
    assert_string_equal(all.note, "b");
    CHECK(uv_loop_alive(mt_loop_uv(all.loop)));
    letter_stop(&all, 0);
    CHECK(letters_turn(&all) == MT_END);
    test_loop_free(all.loop);
}

/* ---- Turns ---- */

static void try_turns(void *arg)
{
    letters *all = arg;

    CHECK(all->env->turn(all->env->ctx) == MT_INVALID);
    CHECK(mt_loop_run(all->loop) == MT_INVALID);
    all->count++;
}

static void try_turns_async(uv_async_t *async)
{
    try_turns(async->data);
}

TEST(a_turn_inside_a_turn_is_refused)
{
    letters all;
    mt_timer timer = {.fire = try_turns, .arg = &all};
    uv_async_t async;

    letters_begin(&all, test_loop_new());
    all.env->timer_set(all.env->ctx, &timer, 0);
    CHECK(letters_turn(&all) == MT_OK);
    all.env->timer_set(all.env->ctx, &timer, 1);
    CHECK(mt_loop_run(all.loop) == MT_OK);
    CHECK(uv_async_init(mt_loop_uv(all.loop), &async, try_turns_async) == 0);
    async.data = &all;
    CHECK(uv_async_send(&async) == 0);
    while (all.count < 3) CHECK(letters_turn(&all) == MT_OK);
    uv_close((uv_handle_t *)&async, NULL);
    test_loop_free(all.loop);
}

TEST(a_loop_runs_until_it_is_stopped)
{
    letters all;

    letters_begin(&all, test_loop_new());
    all.at[0].sets = &all.at[0];
    all.at[0].set_count = SIZE_MAX;
    all.at[1].stops_loop = true;
    letter_set(&all, 0, 0);
    letter_set(&all, 1, 0);
    CHECK(mt_loop_run(all.loop) == MT_OK);
    assert_string_equal(all.note, "ab");
    mt_loop_stop(all.loop);
    CHECK(mt_loop_run(all.loop) == MT_OK);
    assert_string_equal(all.note, "ab");
    letter_stop(&all, 0);
    CHECK(mt_loop_run(all.loop) == MT_OK);
    assert_string_equal(all.note, "ab");
    test_loop_free(all.loop);
}

static void async_noted(uv_async_t *async)
{
    *(bool *)async->data = true;
}

TEST(timers_due_at_once_do_not_keep_input_waiting)
{
    letters all;
    uv_async_t async;
    bool came = false;

    letters_begin(&all, test_loop_new());
    all.at[0].sets = &all.at[0];
    all.at[0].set_count = SIZE_MAX;
    letter_set(&all, 0, 0);
    CHECK(uv_async_init(mt_loop_uv(all.loop), &async, async_noted) == 0);
    async.data = &came;
    CHECK(letters_turn(&all) == MT_OK);
    CHECK(uv_async_send(&async) == 0);
    while (!came) CHECK(letters_turn(&all) == MT_OK);
    letter_set(&all, 1, 2); /* nor timers with a delay */
    while (all.at[1].fired == 0) CHECK(letters_turn(&all) == MT_OK);
    letter_stop(&all, 0);
    uv_close((uv_handle_t *)&async, NULL);
    test_loop_free(all.loop);
}

static void uv_timer_noted(uv_timer_t *timer)
{
    *(bool *)timer->data = true;
}

/* libuv before 1.45 waits after it has called timers. The async would never come. */
TEST(a_turn_in_which_a_timer_of_libuv_was_due_does_not_wait)
{
    mt_loop *loop = test_loop_new();
    const mt_env *env = mt_loop_env(loop);
    uv_async_t async;
    uv_timer_t timer;
    bool fired = false;

    CHECK(uv_async_init(mt_loop_uv(loop), &async, async_noted) == 0);
    CHECK(uv_timer_init(mt_loop_uv(loop), &timer) == 0);
    timer.data = &fired;
    for (uint64_t delay_ms = 0; delay_ms < 3; delay_ms++) {
        fired = false;
        CHECK(uv_timer_start(&timer, uv_timer_noted, delay_ms, 0) == 0);
        while (!fired) CHECK(env->turn(env->ctx) == MT_OK);
    }
    uv_close((uv_handle_t *)&timer, NULL);
    uv_close((uv_handle_t *)&async, NULL);
    test_loop_free(loop);
}

/* ---- Works ---- */

TEST(works_run_on_another_thread_and_are_done_on_this_one)
{
    mt_loop *loop = test_loop_new();
    const mt_env *env = mt_loop_env(loop);
    work_note notes[20] = {{0}};

    for (size_t i = 0; i < TEST_COUNT(notes); i++) work_begin(&notes[i], loop);
    for (size_t i = 0; i < TEST_COUNT(notes); i++) CHECK(notes[i].done == 0);
    CHECK(mt_loop_run(loop) == MT_OK);
    for (size_t i = 0; i < TEST_COUNT(notes); i++) work_check(&notes[i]);
    CHECK(env->turn(env->ctx) == MT_END);
    test_loop_free(loop);
}

TEST(a_work_without_memory_is_refused)
{
    fail_mem fm = {.fail_at = 1};
    work_note note = {0};
    mt_loop *loop = NULL;
    const mt_env *env;

    CHECK(mt_loop_new(fail_mem_hook(&fm), &loop) == MT_OK);
    env = mt_loop_env(loop);
    CHECK(env->work(env->ctx, work_note_run, work_note_done, &note) == MT_NO_MEMORY);
    CHECK(mt_loop_run(loop) == MT_OK);
    CHECK(note.ran == 0 && note.done == 0);
    mt_loop_free(loop);
    CHECK(fm.live_bytes == 0);
}

/* ---- The end ---- */

TEST(freeing_a_loop_drops_timers_and_waits_for_works)
{
    letters all;
    work_note notes[8] = {{0}};
    bool closed = false;

    letters_begin(&all, test_loop_new());
    letter_set(&all, 0, 0);
    letter_set(&all, 1, 1);
    letter_set(&all, 2, 100000);
    for (size_t i = 0; i < TEST_COUNT(notes); i++) work_begin(&notes[i], all.loop);
    mt_loop_close(all.loop, test_loop_closed, &closed);
    CHECK(closed && all.count == 0);
    for (size_t i = 0; i < TEST_COUNT(notes); i++) work_check(&notes[i]);
    CHECK(test_mem_live() == 0);
}

TEST(a_loop_may_be_freed_in_its_own_turn)
{
    for (size_t delay_ms = 0; delay_ms < 2; delay_ms++) {
        letters all;
        work_note note = {0};

        letters_begin(&all, test_loop_new());
        all.at[0].frees_loop = true;
        letter_set(&all, 0, delay_ms);
        letter_set(&all, 1, delay_ms);
        work_begin(&note, all.loop);
        CHECK(mt_loop_run(all.loop) == MT_OK);
        work_check(&note);
        assert_string_equal(all.note, "a");
        CHECK(test_mem_live() == 0);
    }
}

TEST(a_loop_may_be_freed_when_a_work_is_done)
{
    mt_loop *loop = test_loop_new();
    work_note note = {.frees_loop = true}, other = {0};

    work_begin(&note, loop);
    work_begin(&other, loop);
    CHECK(mt_loop_run(loop) == MT_OK);
    work_check(&note);
    work_check(&other);
    CHECK(test_mem_live() == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clocks_and_entropy_are_those_of_the_system),
        cmocka_unit_test(a_loop_is_found_by_its_environment),
        cmocka_unit_test(a_loop_without_memory_is_refused),
        cmocka_unit_test(timers_fire_by_time_and_then_in_the_order_they_were_set),
        cmocka_unit_test(a_timer_set_in_a_turn_fires_in_a_later_one),
        cmocka_unit_test(a_turn_waits_for_the_next_timer),
        cmocka_unit_test(a_timer_is_stopped_and_set_anew),
        cmocka_unit_test(a_timer_may_set_and_stop_timers_when_it_fires),
        cmocka_unit_test(a_timer_may_be_freed_when_it_fires),
        cmocka_unit_test(ten_thousand_timers_fire_in_order_and_none_early),
        cmocka_unit_test(a_delay_counts_from_when_it_is_set),
        cmocka_unit_test(the_longest_delay_keeps_the_loop_alive_until_it_is_stopped),
        cmocka_unit_test(a_turn_inside_a_turn_is_refused),
        cmocka_unit_test(a_loop_runs_until_it_is_stopped),
        cmocka_unit_test(timers_due_at_once_do_not_keep_input_waiting),
        cmocka_unit_test(a_turn_in_which_a_timer_of_libuv_was_due_does_not_wait),
        cmocka_unit_test(works_run_on_another_thread_and_are_done_on_this_one),
        cmocka_unit_test(a_work_without_memory_is_refused),
        cmocka_unit_test(freeing_a_loop_drops_timers_and_waits_for_works),
        cmocka_unit_test(a_loop_may_be_freed_in_its_own_turn),
        cmocka_unit_test(a_loop_may_be_freed_when_a_work_is_done),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
