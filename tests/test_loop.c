#include "test_loop.h"

mt_loop *test_loop_new(void)
{
    mt_loop *loop = NULL;

    CHECK(mt_loop_new(test_mem(), &loop) == MT_OK);
    return loop;
}

void test_loop_free(mt_loop *loop)
{
    mt_loop_free(loop);
    CHECK(test_mem_live() == 0);
}

void test_loop_closed(void *ctx)
{
    *(bool *)ctx = true;
}

/* ---- Letters ---- */

static void letter_fire(void *arg)
{
    letter *l = arg;
    letters *all = l->all;

    if (all->count + 1 < sizeof all->note) all->note[all->count] = l->is;
    all->count++;
    l->fired++;
    if (l->turns) CHECK(letters_turn(all) == MT_INVALID);
    if (l->stops) all->env->timer_stop(all->env->ctx, &l->stops->timer);
    if (l->sets) {
        all->env->timer_set(all->env->ctx, &l->sets->timer, 0);
        if (l->set_count <= 1) l->sets = NULL;
        else l->set_count--;
    }
    if (l->stops_loop) mt_loop_stop(all->loop);
    if (l->frees_loop) mt_loop_close(all->loop, all->freed ? test_loop_closed : NULL, all->freed);
    if (l->frees) free(l);
}

void letters_begin(letters *all, mt_loop *loop)
{
    *all = (letters){.loop = loop, .env = mt_loop_env(loop)};
    for (size_t i = 0; i < TEST_COUNT(all->at); i++) {
        all->at[i] = (letter){.all = all, .is = (char)('a' + i)};
        all->at[i].timer = (mt_timer){.fire = letter_fire, .arg = &all->at[i]};
    }
}

void letter_set(letters *all, size_t i, uint64_t delay_ms)
{
    all->env->timer_set(all->env->ctx, &all->at[i].timer, delay_ms);
}

void letter_stop(letters *all, size_t i)
{
    all->env->timer_stop(all->env->ctx, &all->at[i].timer);
}

void letters_set_dbac(letters *all)
{
    uint64_t begin_ms;

    /* On a busy machine so much time may pass in between that the order would be another. */
    do {
        begin_ms = all->env->ticks_ms(all->env->ctx);
        letter_set(all, 0, 7);
        letter_set(all, 1, 3);
        letter_set(all, 2, 7);
        letter_set(all, 3, 0);
    } while (all->env->ticks_ms(all->env->ctx) - begin_ms > 3);
}

mt_status letters_turn(letters *all)
{
    return all->env->turn(all->env->ctx);
}

/* ---- Works ---- */

static bool is_here(const work_note *note)
{
    uv_thread_t self = uv_thread_self();

    return uv_thread_equal(&self, &note->begun_on) != 0;
}

void work_note_run(void *arg)
{
    work_note *note = arg;

    CHECK(!is_here(note));
    CHECK(note->done == 0);
    note->ran++;
}

void work_note_done(void *arg)
{
    work_note *note = arg;
    const mt_env *env = mt_loop_env(note->loop);

    CHECK(is_here(note));
    CHECK(note->ran == 1);
    CHECK(env->turn(env->ctx) == MT_INVALID);
    note->done++;
    if (note->frees_loop) mt_loop_free(note->loop);
}

void work_begin(work_note *note, mt_loop *loop)
{
    const mt_env *env = mt_loop_env(loop);

    note->loop = loop;
    note->begun_on = uv_thread_self();
    CHECK(env->work(env->ctx, work_note_run, work_note_done, note) == MT_OK);
}

void work_check(const work_note *note)
{
    CHECK(note->ran == 1 && note->done == 1);
}
