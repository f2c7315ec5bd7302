#include "sim/clock.h"

#include "sim/room.h"

#include <stdlib.h>
#include <string.h>

static bool is_before(const mti_sim_alarm *a, const mti_sim_alarm *b)
{
    return a->due_ms != b->due_ms ? a->due_ms < b->due_ms : a->number < b->number;
}

static void put(mti_sim_clock *clock, size_t at, mti_sim_alarm alarm)
{
    clock->alarms[at] = alarm;
    alarm.timer->host[0] = (void *)(uintptr_t)(at + 1);
}

/* Puts an alarm where it belongs, from the hole at `at`. */
static void settle(mti_sim_clock *clock, size_t at, mti_sim_alarm alarm)
{
    mti_sim_alarm *alarms = clock->alarms;

    for (; at > 0 && is_before(&alarm, &alarms[(at - 1) / 2]); at = (at - 1) / 2)
        put(clock, at, alarms[(at - 1) / 2]);
    for (size_t child; (child = 2 * at + 1) < clock->count; at = child) {
        if (child + 1 < clock->count && is_before(&alarms[child + 1], &alarms[child])) child++;
        if (!is_before(&alarms[child], &alarm)) break;
        put(clock, at, alarms[child]);
    }
    put(clock, at, alarm);
}

void mti_sim_clock_stop(mti_sim_clock *clock, mt_timer *timer)
{
    size_t place = (size_t)(uintptr_t)timer->host[0];
    mti_sim_alarm last;

    if (place == 0) return;
    if (place > clock->count || clock->alarms[place - 1].timer != timer)
        mti_sim_refuse("a timer was changed while it was set");
    timer->host[0] = NULL;
    last = clock->alarms[--clock->count];
    if (last.timer != timer) settle(clock, place - 1, last);
}

void mti_sim_clock_set(mti_sim_clock *clock, size_t owner, mt_timer *timer, uint64_t delay_ms)
{
    mti_sim_alarm alarm = {.number = ++clock->set_count, .timer = timer, .owner = owner};

    mti_sim_clock_stop(clock, timer);
    clock->alarms =
        mti_sim_room(clock->alarms, &clock->cap, clock->count + 1, sizeof *clock->alarms);
    alarm.due_ms =
        delay_ms < UINT64_MAX - clock->ticks_ms ? clock->ticks_ms + delay_ms : UINT64_MAX;
    settle(clock, clock->count++, alarm);
}

bool mti_sim_clock_take(mti_sim_clock *clock, uint64_t before, mti_sim_alarm *out)
{
    if (clock->count == 0 || clock->alarms[0].due_ms > clock->ticks_ms ||
        clock->alarms[0].number > before)
        return false;
    *out = clock->alarms[0];
    mti_sim_clock_stop(clock, out->timer);
    return true;
}

void mti_sim_clock_end(mti_sim_clock *clock)
{
    free(clock->alarms);
    memset(clock, 0, sizeof *clock);
}
