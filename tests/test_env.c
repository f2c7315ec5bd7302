#include "test_env.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EPOCH_2026_MS UINT64_C(1767225600000)
#define TURNS_MAX 1000000

static void refuse(const char *what)
{
    fprintf(stderr, "test_env: %s\n", what);
    abort();
}

/* ---- The heap of alarms ---- */

static bool alarm_before(const test_alarm *a, const test_alarm *b)
{
    return a->due_ms != b->due_ms ? a->due_ms < b->due_ms : a->number < b->number;
}

static size_t timer_place(const mt_timer *timer)
{
    return (size_t)(uintptr_t)timer->host[0];
}

static void alarm_put(test_env *te, size_t at, test_alarm alarm)
{
    te->alarms[at] = alarm;
    alarm.timer->host[0] = (void *)(uintptr_t)(at + 1);
}

/* Puts an alarm where it belongs, from the hole at `at`. */
static void alarm_settle(test_env *te, size_t at, test_alarm alarm)
{
    for (; at > 0 && alarm_before(&alarm, &te->alarms[(at - 1) / 2]); at = (at - 1) / 2)
        alarm_put(te, at, te->alarms[(at - 1) / 2]);
    for (size_t child; (child = 2 * at + 1) < te->alarm_count; at = child) {
        if (child + 1 < te->alarm_count &&
            alarm_before(&te->alarms[child + 1], &te->alarms[child])) {
            child++;
        }
        if (!alarm_before(&te->alarms[child], &alarm)) break;
        alarm_put(te, at, te->alarms[child]);
    }
    alarm_put(te, at, alarm);
}

static void test_timer_stop(void *ctx, mt_timer *timer)
{
    test_env *te = ctx;
    size_t place = timer_place(timer);
    test_alarm last;

    if (place == 0) return;
    if (place > te->alarm_count || te->alarms[place - 1].timer != timer)
        refuse("a timer that was changed while it was set, or is of another environment");
    timer->host[0] = NULL;
    last = te->alarms[--te->alarm_count];
    if (last.timer != timer) alarm_settle(te, place - 1, last);
}

static void test_timer_set(void *ctx, mt_timer *timer, uint64_t delay_ms)
{
    test_env *te = ctx;
    test_alarm alarm = {.number = ++te->set_count, .timer = timer};

    test_timer_stop(ctx, timer);
    if (te->alarm_count == te->alarm_cap) {
        te->alarm_cap = te->alarm_cap ? 2 * te->alarm_cap : 64;
        te->alarms = realloc(te->alarms, te->alarm_cap * sizeof *te->alarms);
        if (!te->alarms) refuse("out of memory");
    }
    alarm.due_ms = delay_ms < UINT64_MAX - te->ticks_ms ? te->ticks_ms + delay_ms : UINT64_MAX;
    alarm_settle(te, te->alarm_count++, alarm);
}

/* ---- Works as timers: the first firing runs it, the second says that it is done ---- */

typedef struct test_work {
    mt_timer timer;
    test_env *te;
    void (*run)(void *arg);
    void (*done)(void *arg);
    void *arg;
} test_work;

static void work_fire(void *arg)
{
    test_work *work = arg, last = *work;

    if (work->run) {
        work->run(work->arg);
        work->run = NULL;
        test_timer_set(work->te, &work->timer, test_rng_below(&work->te->rng, 4));
        return;
    }
    free(work);
    last.te->work_count--;
    last.done(last.arg);
}

static mt_status test_work_start(void *ctx, void (*run)(void *arg), void (*done)(void *arg),
                                 void *arg)
{
    test_env *te = ctx;
    test_work *work = calloc(1, sizeof *work);

    if (!work) refuse("out of memory");
    *work = (test_work){
        .timer = {.fire = work_fire, .arg = work}, .te = te, .run = run, .done = done, .arg = arg};
    te->work_count++;
    test_timer_set(te, &work->timer, test_rng_below(&te->rng, 4));
    return MT_OK;
}

/* ---- The environment ---- */

static uint64_t test_now_ms(void *ctx)
{
    test_env *te = ctx;

    return te->epoch_ms + te->ticks_ms;
}

static uint64_t test_ticks_ms(void *ctx)
{
    return ((test_env *)ctx)->ticks_ms;
}

static mt_status test_entropy(void *ctx, uint8_t *out, size_t len)
{
    test_env *te = ctx;

    if (te->no_entropy) return MT_IO;
    for (size_t i = 0; i < len; i++) out[i] = (uint8_t)test_rng_next(&te->rng);
    return MT_OK;
}

/* Fires what is due and was set before now. Answers whether anything was. */
static bool fire_due(test_env *te)
{
    uint64_t set_before = te->set_count;
    bool fired = false;

    /* A timer set in this turn is never before an older one: its time is not earlier, and its
     * number is higher. */
    while (te->alarm_count > 0 && te->alarms[0].due_ms <= te->ticks_ms &&
           te->alarms[0].number <= set_before) {
        mt_timer *timer = te->alarms[0].timer;

        test_timer_stop(te, timer);
        timer->fire(timer->arg);
        fired = true;
    }
    return fired;
}

/* What can be done without moving time. Answers whether anything was. */
static bool turn_now(test_env *te)
{
    return fire_due(te) || (te->threads && test_threads_turn(te));
}

static mt_status test_turn(void *ctx)
{
    test_env *te = ctx;
    mt_status st = MT_OK;

    if (te->turning) return MT_INVALID;
    te->turning = true;
    if (!turn_now(te)) {
        if (te->alarm_count == 0) st = MT_END;
        else te->ticks_ms = te->alarms[0].due_ms;
        fire_due(te);
    }
    te->turning = false;
    return st;
}

void test_env_init(test_env *te, uint64_t seed, const mt_mem *mem)
{
    memset(te, 0, sizeof *te);
    te->env = (mt_env){.abi = MT_ENV_ABI,
                       .size = sizeof(mt_env),
                       .mem = mem,
                       .now_ms = test_now_ms,
                       .ticks_ms = test_ticks_ms,
                       .entropy = test_entropy,
                       .timer_set = test_timer_set,
                       .timer_stop = test_timer_stop,
                       .turn = test_turn,
                       .ctx = te};
    te->epoch_ms = EPOCH_2026_MS;
    te->rng = test_rng_new(seed);
}

void test_env_end(test_env *te)
{
    if (te->work_count > 0) refuse("a work is under way at the end");
    if (te->alarm_count > 0) refuse("a timer is set at the end");
    if (te->threads) test_threads_end(te);
    free(te->alarms);
    memset(te, 0, sizeof *te);
}

void test_env_works(test_env *te)
{
    te->env.work = test_work_start;
}

void test_env_run(test_env *te)
{
    if (te->turning) refuse("run from inside a turn");
    for (size_t turns = 0; test_turn(te) == MT_OK; turns++)
        if (turns == TURNS_MAX) refuse("still not idle after a million turns");
}

void test_env_run_for(test_env *te, uint64_t ms)
{
    uint64_t end_ms = te->ticks_ms + ms;

    if (te->turning) refuse("run from inside a turn");
    te->turning = true;
    for (;;) {
        if (turn_now(te)) continue;
        if (te->alarm_count == 0 || te->alarms[0].due_ms > end_ms) break;
        te->ticks_ms = te->alarms[0].due_ms;
    }
    te->ticks_ms = end_ms;
    te->turning = false;
}
