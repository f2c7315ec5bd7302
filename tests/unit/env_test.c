/* env_test.c - the environment that other tests run in. */
#include "test_env.h"

/* A timer that notes its letter when it fires. */
typedef struct letter {
    mt_timer timer;
    char *note;
    size_t *count;
    char is;
    test_env *te;
    struct letter *next; /* set by this one, at once */
} letter;

static void letter_fire(void *arg)
{
    letter *l = arg;

    l->note[(*l->count)++] = l->is;
    if (l->next) l->te->env.timer_set(l->te->env.ctx, &l->next->timer, 0);
}

typedef struct letters {
    test_env te;
    letter at[4];
    char note[16];
    size_t count;
} letters;

static void letters_begin(letters *all)
{
    *all = (letters){.count = 0};
    test_env_init(&all->te, 1, test_mem());
    for (size_t i = 0; i < TEST_COUNT(all->at); i++) {
        all->at[i] = (letter){
            .note = all->note, .count = &all->count, .is = (char)('a' + i), .te = &all->te};
        all->at[i].timer = (mt_timer){.fire = letter_fire, .arg = &all->at[i]};
    }
}

static void letter_set(letters *all, size_t i, uint64_t delay_ms)
{
    all->te.env.timer_set(all->te.env.ctx, &all->at[i].timer, delay_ms);
}

TEST(timers_fire_by_time_and_then_in_the_order_they_were_set)
{
    letters all;

    letters_begin(&all);
    letter_set(&all, 0, 7);
    letter_set(&all, 1, 3);
    letter_set(&all, 2, 7);
    letter_set(&all, 3, 0);
    test_env_run(&all.te);
    assert_string_equal(all.note, "dbac");
    CHECK(all.te.ticks_ms == 7);
    test_env_end(&all.te);
}

TEST(a_timer_set_in_a_turn_fires_in_a_later_one)
{
    letters all;

    letters_begin(&all);
    all.at[0].next = &all.at[2];
    letter_set(&all, 0, 0);
    letter_set(&all, 1, 0);
    CHECK(all.te.env.turn(all.te.env.ctx) == MT_OK);
    assert_string_equal(all.note, "ab");
    CHECK(all.te.env.turn(all.te.env.ctx) == MT_OK);
    assert_string_equal(all.note, "abc");
    CHECK(all.te.env.turn(all.te.env.ctx) == MT_END);
    test_env_end(&all.te);
}

TEST(a_timer_is_stopped_and_set_anew)
{
    letters all;

    letters_begin(&all);
    for (size_t i = 0; i < 4; i++) letter_set(&all, i, i);
    letter_set(&all, 0, 9);
    all.te.env.timer_stop(all.te.env.ctx, &all.at[2].timer);
    all.te.env.timer_stop(all.te.env.ctx, &all.at[2].timer);
    test_env_run_for(&all.te, 8);
    assert_string_equal(all.note, "bd");
    CHECK(all.te.ticks_ms == 8);
    test_env_run_for(&all.te, 1);
    assert_string_equal(all.note, "bda");
    test_env_end(&all.te);
}

TEST(many_timers_fire_in_order)
{
    enum { COUNT = 500 };
    static letter at[COUNT];
    static char note[COUNT];
    uint64_t last_ms = 0;
    size_t count = 0;
    test_rng rng = test_rng_new(3);
    test_env te;

    test_env_init(&te, 1, test_mem());
    for (size_t i = 0; i < COUNT; i++) {
        at[i] = (letter){.note = note, .count = &count, .te = &te};
        at[i].timer = (mt_timer){.fire = letter_fire, .arg = &at[i]};
        te.env.timer_set(te.env.ctx, &at[i].timer, test_rng_below(&rng, 100));
    }
    for (size_t i = 0; i < COUNT; i += 3) te.env.timer_stop(te.env.ctx, &at[i].timer);
    while (te.env.turn(te.env.ctx) == MT_OK) {
        CHECK(te.ticks_ms >= last_ms);
        last_ms = te.ticks_ms;
    }
    CHECK(count == COUNT - (COUNT + 2) / 3);
    test_env_end(&te);
}

/* ---- Works ---- */

typedef struct work_note {
    size_t ran, done;
    mt_status nested;
    test_env *te;
} work_note;

static void note_run(void *arg)
{
    work_note *note = arg;

    CHECK(note->done == 0);
    note->ran++;
}

static void note_done(void *arg)
{
    work_note *note = arg;

    CHECK(note->ran == 1);
    note->nested = note->te->env.turn(note->te->env.ctx);
    note->done++;
}

static void works_run(test_env *te)
{
    work_note notes[5] = {{0}};

    for (size_t i = 0; i < TEST_COUNT(notes); i++) {
        notes[i].te = te;
        CHECK(te->env.work(te->env.ctx, note_run, note_done, &notes[i]) == MT_OK);
    }
    for (size_t i = 0; i < TEST_COUNT(notes); i++) CHECK(notes[i].done == 0);
    test_env_run(te);
    for (size_t i = 0; i < TEST_COUNT(notes); i++) {
        CHECK(notes[i].done == 1);
        CHECK(notes[i].nested == MT_INVALID);
    }
    test_env_end(te);
}

TEST(works_run_once_and_are_then_done)
{
    test_env te;

    test_env_init(&te, 5, test_mem());
    CHECK(te.env.work == NULL);
    test_env_works(&te);
    works_run(&te);
}

TEST(works_run_on_threads)
{
    test_env te;

    test_env_init(&te, 5, test_mem());
    test_env_threads(&te);
    works_run(&te);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timers_fire_by_time_and_then_in_the_order_they_were_set),
        cmocka_unit_test(a_timer_set_in_a_turn_fires_in_a_later_one),
        cmocka_unit_test(a_timer_is_stopped_and_set_anew),
        cmocka_unit_test(many_timers_fire_in_order),
        cmocka_unit_test(works_run_once_and_are_then_done),
        cmocka_unit_test(works_run_on_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
