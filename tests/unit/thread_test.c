/* thread_test.c - a thread that runs a loop, and calls to it from others. */
#include "test_loop.h"

/* ---- Memory that several threads may use at once, and that may fail ---- */

typedef struct shared_mem {
    uv_mutex_t lock;
    fail_mem fm;
    mt_mem mem;
} shared_mem;

static void *shared_resize(void *ctx, void *ptr, size_t old_size, size_t size)
{
    shared_mem *shared = ctx;
    void *made;

    uv_mutex_lock(&shared->lock);
    made = shared->fm.mem.resize(shared->fm.mem.ctx, ptr, old_size, size);
    uv_mutex_unlock(&shared->lock);
    return made;
}

static const mt_mem *shared_begin(shared_mem *shared)
{
    *shared = (shared_mem){.fm = {.fail_at = SIZE_MAX}};
    fail_mem_hook(&shared->fm);
    CHECK(uv_mutex_init(&shared->lock) == 0);
    shared->mem = (mt_mem){.resize = shared_resize, .ctx = shared};
    return &shared->mem;
}

static void shared_end(shared_mem *shared)
{
    CHECK(shared->fm.live_bytes == 0);
    uv_mutex_destroy(&shared->lock);
}

/* ---- A thread under test ---- */

typedef struct trial {
    shared_mem shared;
    mt_thread *thread;
    /* The thread's own, and others' while it waits or when it has ended. */
    size_t ran;
    uv_thread_t ran_on;
    letters all;
    work_note note;
} trial;

static void trial_begin(trial *t)
{
    *t = (trial){.ran = 0};
    CHECK(mt_thread_start(shared_begin(&t->shared), &t->thread) == MT_OK);
}

static void trial_end(trial *t)
{
    mt_thread_free(t->thread);
    shared_end(&t->shared);
}

static void count(void *ctx, const mt_env *env)
{
    trial *t = ctx;

    CHECK(env->mem == &t->shared.mem);
    t->ran++;
    t->ran_on = uv_thread_self();
}

TEST(a_call_that_is_waited_for_has_run)
{
    trial t;
    uv_thread_t self = uv_thread_self();

    trial_begin(&t);
    for (size_t i = 1; i <= 100; i++) {
        CHECK(mt_thread_call_wait(t.thread, count, &t) == MT_OK);
        CHECK(t.ran == i);
        CHECK(!uv_thread_equal(&self, &t.ran_on));
    }
    trial_end(&t);
}

/* ---- Order ---- */

enum { CALLERS = 4, CALLS = 2000 };

/* Calls that note in which order they ran. */
typedef struct ordered {
    struct order *order;
    size_t number;
} ordered;

typedef struct order {
    mt_thread *thread;
    size_t next; /* the thread's own */
    ordered at[CALLS];
    mt_status answers[CALLS];
    bool ran[CALLS];
} order;

static void run_ordered(void *ctx, const mt_env *env)
{
    ordered *o = ctx;

    (void)env;
    CHECK(o->number >= o->order->next);
    o->order->next = o->number + 1;
    o->order->ran[o->number] = true;
}

/* A caller: makes all its calls, every hundredth of them waiting. */
static void call_all(void *arg)
{
    order *all = arg;

    for (size_t i = 0; i < CALLS; i++) {
        all->at[i] = (ordered){all, i};
        if (i % 100 == 0) {
            all->answers[i] = mt_thread_call_wait(all->thread, run_ordered, &all->at[i]);
            if (all->answers[i] == MT_OK) CHECK(all->ran[i]);
        } else {
            all->answers[i] = mt_thread_call(all->thread, run_ordered, &all->at[i]);
        }
    }
}

TEST(calls_run_in_the_order_they_were_made)
{
    static order all;
    trial t;

    trial_begin(&t);
    all = (order){.thread = t.thread};
    call_all(&all);
    CHECK(mt_thread_stop(t.thread) == MT_OK);
    for (size_t i = 0; i < CALLS; i++) CHECK(all.answers[i] == MT_OK && all.ran[i]);
    trial_end(&t);
}

static void callers_start(uv_thread_t *threads, order *orders, mt_thread *thread)
{
    for (size_t i = 0; i < CALLERS; i++) {
        orders[i] = (order){.thread = thread};
        CHECK(uv_thread_create(&threads[i], call_all, &orders[i]) == 0);
    }
}

TEST(calls_of_several_threads_all_run)
{
    static order orders[CALLERS];
    uv_thread_t threads[CALLERS];
    trial t;

    trial_begin(&t);
    callers_start(threads, orders, t.thread);
    for (size_t i = 0; i < CALLERS; i++) CHECK(uv_thread_join(&threads[i]) == 0);
    CHECK(mt_thread_stop(t.thread) == MT_OK);
    for (size_t i = 0; i < CALLERS; i++)
        for (size_t j = 0; j < CALLS; j++) CHECK(orders[i].answers[j] == MT_OK && orders[i].ran[j]);
    trial_end(&t);
}

TEST(what_was_called_before_a_stop_runs_and_nothing_after)
{
    static order orders[CALLERS];
    uv_thread_t threads[CALLERS];
    trial t;

    for (size_t round = 0; round < 20; round++) {
        trial_begin(&t);
        callers_start(threads, orders, t.thread);
        for (size_t i = 0; i < round * 10; i++) CHECK(mt_thread_call(t.thread, count, &t) == MT_OK);
        CHECK(mt_thread_stop(t.thread) == MT_OK);
        CHECK(t.ran == round * 10);
        for (size_t i = 0; i < CALLERS; i++) CHECK(uv_thread_join(&threads[i]) == 0);
        for (size_t i = 0; i < CALLERS; i++) {
            for (size_t j = 0; j < CALLS; j++) {
                CHECK(orders[i].answers[j] == (orders[i].ran[j] ? MT_OK : MT_CLOSED));
                CHECK(j == 0 || orders[i].ran[j - 1] || !orders[i].ran[j]);
            }
        }
        trial_end(&t);
    }
}

/* ---- On the thread ---- */

static void call_itself(void *ctx, const mt_env *env)
{
    trial *t = ctx;

    CHECK(mt_thread_call_wait(t->thread, count, t) == MT_INVALID);
    CHECK(mt_thread_stop(t->thread) == MT_INVALID);
    CHECK(mt_thread_call(t->thread, count, t) == MT_OK);
    CHECK(t->ran == 0);
    (void)env;
}

TEST(the_thread_itself_may_call_but_not_wait)
{
    trial t;

    trial_begin(&t);
    CHECK(mt_thread_call_wait(t.thread, call_itself, &t) == MT_OK);
    CHECK(mt_thread_call_wait(t.thread, count, &t) == MT_OK);
    CHECK(t.ran == 2);
    trial_end(&t);
}

/* Sets a timer, begins a work, and waits for both, as a blocking call does. */
static void wait_for_loop(void *ctx, const mt_env *env)
{
    trial *t = ctx;

    letters_begin(&t->all, mt_loop_of(env));
    letter_set(&t->all, 0, 1);
    work_begin(&t->note, t->all.loop);
    while (t->all.count == 0 || t->note.done == 0) CHECK(letters_turn(&t->all) == MT_OK);
}

TEST(a_call_may_run_turns)
{
    trial t;

    trial_begin(&t);
    CHECK(mt_thread_call(t.thread, wait_for_loop, &t) == MT_OK);
    CHECK(mt_thread_call(t.thread, count, &t) == MT_OK);
    CHECK(mt_thread_call_wait(t.thread, count, &t) == MT_OK);
    CHECK(t.all.count == 1 && t.ran == 2);
    work_check(&t.note);
    trial_end(&t);
}

static void call_and_wait_for_loop(void *ctx, const mt_env *env)
{
    trial *t = ctx;

    CHECK(mt_thread_call(t->thread, count, t) == MT_OK);
    wait_for_loop(t, env);
    CHECK(t->ran == 0);
}

TEST(what_is_called_while_a_call_runs_turns_runs_after_it)
{
    trial t;

    trial_begin(&t);
    CHECK(mt_thread_call_wait(t.thread, call_and_wait_for_loop, &t) == MT_OK);
    CHECK(mt_thread_call_wait(t.thread, count, &t) == MT_OK);
    CHECK(t.ran == 2);
    trial_end(&t);
}

static void keep_busy(void *ctx, const mt_env *env)
{
    trial *t = ctx;

    letters_begin(&t->all, mt_loop_of(env));
    t->all.at[0].sets = &t->all.at[0];
    t->all.at[0].set_count = SIZE_MAX;
    letter_set(&t->all, 0, 0);
    letter_set(&t->all, 1, 100000);
    work_begin(&t->note, t->all.loop);
}

TEST(a_busy_loop_takes_calls_and_stops)
{
    trial t;

    trial_begin(&t);
    CHECK(mt_thread_call(t.thread, keep_busy, &t) == MT_OK);
    for (size_t i = 1; i <= 20; i++) {
        CHECK(mt_thread_call_wait(t.thread, count, &t) == MT_OK);
        CHECK(t.ran == i);
    }
    CHECK(mt_thread_stop(t.thread) == MT_OK);
    CHECK(t.all.count > 0);
    work_check(&t.note);
    trial_end(&t);
}

/* ---- Beginning and end ---- */

TEST(a_stopped_thread_takes_no_calls)
{
    trial t;

    trial_begin(&t);
    CHECK(mt_thread_call(t.thread, count, &t) == MT_OK);
    CHECK(mt_thread_stop(t.thread) == MT_OK);
    CHECK(t.ran == 1);
    CHECK(mt_thread_call(t.thread, count, &t) == MT_CLOSED);
    CHECK(mt_thread_call_wait(t.thread, count, &t) == MT_CLOSED);
    CHECK(mt_thread_stop(t.thread) == MT_OK);
    CHECK(t.ran == 1);
    trial_end(&t);
    mt_thread_free(NULL);
}

static void stop_it(void *arg)
{
    trial *t = arg;

    CHECK(mt_thread_stop(t->thread) == MT_OK);
    CHECK(t->ran == 50);
}

TEST(several_threads_may_stop_one)
{
    uv_thread_t threads[CALLERS];
    trial t;

    trial_begin(&t);
    for (size_t i = 0; i < 50; i++) CHECK(mt_thread_call(t.thread, count, &t) == MT_OK);
    for (size_t i = 0; i < CALLERS; i++) CHECK(uv_thread_create(&threads[i], stop_it, &t) == 0);
    for (size_t i = 0; i < CALLERS; i++) CHECK(uv_thread_join(&threads[i]) == 0);
    trial_end(&t);
}

TEST(without_memory_nothing_starts_and_nothing_is_called)
{
    for (size_t n = 0;; n++) {
        trial t = {.ran = 0};
        const mt_mem *mem = shared_begin(&t.shared);
        mt_status st;

        t.shared.fm.fail_at = n;
        st = mt_thread_start(mem, &t.thread);
        if (st == MT_OK) {
            st = mt_thread_call(t.thread, count, &t);
            CHECK(mt_thread_call_wait(t.thread, count, &t) == MT_OK);
            CHECK(t.ran == (st == MT_OK ? 2 : 1));
        }
        CHECK(st == (t.shared.fm.tripped ? MT_NO_MEMORY : MT_OK));
        trial_end(&t);
        if (!t.shared.fm.tripped) break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_that_is_waited_for_has_run),
        cmocka_unit_test(calls_run_in_the_order_they_were_made),
        cmocka_unit_test(calls_of_several_threads_all_run),
        cmocka_unit_test(what_was_called_before_a_stop_runs_and_nothing_after),
        cmocka_unit_test(the_thread_itself_may_call_but_not_wait),
        cmocka_unit_test(a_call_may_run_turns),
        cmocka_unit_test(what_is_called_while_a_call_runs_turns_runs_after_it),
        cmocka_unit_test(a_busy_loop_takes_calls_and_stops),
        cmocka_unit_test(a_stopped_thread_takes_no_calls),
        cmocka_unit_test(several_threads_may_stop_one),
        cmocka_unit_test(without_memory_nothing_starts_and_nothing_is_called),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
