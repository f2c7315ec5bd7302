/* timers_test.c - which timers fire, and in which order, against a plain list. */
#include "test.h"

#include "host/timers.h"

/* What the list knows of a timer. */
typedef struct model {
    mt_timer timer;
    bool set, soon, firing;
    uint64_t due_ms, number;
} model;

enum { COUNT = 300, STEPS = 20000 };

typedef struct trial {
    mti_timers timers;
    model at[COUNT];
    uint64_t now_ms, number;
    bool restless; /* timers that fire change others */
    test_rng rng;
} trial;

static void trial_begin(trial *t, uint64_t seed)
{
    *t = (trial){.rng = test_rng_new(seed)};
    mti_timers_init(&t->timers);
}

static void set(trial *t, size_t i, uint64_t delay_ms)
{
    model *m = &t->at[i];

    *m = (model){.timer = m->timer,
                 .set = true,
                 .soon = delay_ms == 0,
                 .due_ms = t->now_ms + delay_ms,
                 .number = ++t->number};
    if (m->soon) mti_timers_set_soon(&t->timers, &m->timer, t->now_ms);
    else mti_timers_set_due(&t->timers, &m->timer, m->due_ms);
}

static void stop(trial *t, size_t i)
{
    t->at[i].set = false;
    mti_timers_stop(&t->timers, &t->at[i].timer);
}

/* The next one to fire in this round, as the list has it. */
static model *expected(trial *t)
{
    model *best = NULL;

    for (model *m = t->at; m < t->at + COUNT; m++) {
        if (!m->set || (m->soon ? !m->firing : m->due_ms > t->now_ms)) continue;
        if (!best || m->due_ms < best->due_ms ||
            (m->due_ms == best->due_ms && m->number < best->number)) {
            best = m;
        }
    }
    return best;
}

static void check_summary(trial *t)
{
    uint64_t due_ms = UINT64_MAX;
    bool soon = false;

    for (model *m = t->at; m < t->at + COUNT; m++) {
        if (!m->set) continue;
        if (m->soon) soon = true;
        else if (m->due_ms < due_ms) due_ms = m->due_ms;
    }
    CHECK(mti_timers_any_soon(&t->timers) == soon);
    CHECK(mti_timers_due_ms(&t->timers) == due_ms);
}

static void change(trial *t)
{
    size_t i = test_rng_below(&t->rng, COUNT);
    uint64_t range = test_rng_below(&t->rng, 8) ? 50 : 100000;

    if (test_rng_below(&t->rng, 3) == 0) stop(t, i);
    else set(t, i, test_rng_below(&t->rng, 3) ? test_rng_below(&t->rng, range) : 0);
}

static void take_round(trial *t)
{
    mt_timer *timer;
    model *want;

    for (size_t i = 0; i < COUNT; i++) t->at[i].firing = true;
    mti_timers_round(&t->timers);
    do {
        want = expected(t);
        timer = mti_timers_take(&t->timers, t->now_ms);
        CHECK(timer == (want ? &want->timer : NULL));
        if (want) want->set = want->firing = false;
        /* What a timer that fires may do: set and stop itself and others. What it sets is due
         * later; what has no delay waits for the next round. */
        if (want && t->restless && test_rng_below(&t->rng, 2)) change(t);
    } while (timer);
}

static void run_seed(uint64_t seed, uintptr_t number)
{
    static trial t;

    trial_begin(&t, seed);
    t.restless = true;
    t.timers.number = number;
    for (size_t i = 0; i < STEPS; i++) {
        change(&t);
        if (test_rng_below(&t.rng, 20)) continue;
        t.now_ms += test_rng_below(&t.rng, 40);
        take_round(&t);
        check_summary(&t);
    }
    for (size_t i = 0; i < COUNT; i++) stop(&t, i);
    check_summary(&t);
}

TEST(timers_fire_as_a_plain_list_has_it)
{
    for (uint64_t seed = 1; seed <= 10; seed++) run_seed(seed, 0);
}

TEST(their_numbers_may_wrap_around)
{
    run_seed(11, UINTPTR_MAX - 3000);
}

TEST(due_times_are_64_bits_wide)
{
    static trial t;

    trial_begin(&t, 1);
    set(&t, 0, UINT64_MAX - 1);
    set(&t, 1, UINT64_C(0x100000001));
    set(&t, 2, UINT64_C(0x200000000));
    check_summary(&t);
    t.now_ms = UINT64_C(0x200000000);
    take_round(&t);
    check_summary(&t);
    CHECK(t.at[0].set && !t.at[1].set && !t.at[2].set);
}

TEST(a_round_begun_twice_loses_nothing)
{
    static trial t;

    trial_begin(&t, 1);
    set(&t, 0, 0);
    set(&t, 1, 0);
    mti_timers_round(&t.timers);
    set(&t, 2, 0);
    mti_timers_round(&t.timers);
    for (size_t i = 0; i < 3; i++) CHECK(mti_timers_take(&t.timers, 0) == &t.at[i].timer);
    CHECK(mti_timers_take(&t.timers, 0) == NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timers_fire_as_a_plain_list_has_it),
        cmocka_unit_test(their_numbers_may_wrap_around),
        cmocka_unit_test(due_times_are_64_bits_wide),
        cmocka_unit_test(a_round_begun_twice_loses_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
