/* sim/clock.h - the timers of all peers, in one heap, on time that moves as it is told. */
#ifndef MTI_SIM_CLOCK_H
#define MTI_SIM_CLOCK_H

#include <mytosis/env.h>

/* A timer that is set: `host[0]` of it is its place in the heap, from 1; NULL: not set. */
typedef struct mti_sim_alarm {
    uint64_t due_ms;
    uint64_t number; /* of two that are due at once, the one set first fires first */
    mt_timer *timer;
    size_t owner;
} mti_sim_alarm;

typedef struct mti_sim_clock {
    uint64_t ticks_ms;
    mti_sim_alarm *alarms;
    size_t count, cap;
    uint64_t set_count;
} mti_sim_clock;

void mti_sim_clock_set(mti_sim_clock *clock, size_t owner, mt_timer *timer, uint64_t delay_ms);
void mti_sim_clock_stop(mti_sim_clock *clock, mt_timer *timer);

/* Takes the next timer that is due now and was set as one of the first `before`; false: there is none. */
bool mti_sim_clock_take(mti_sim_clock *clock, uint64_t before, mti_sim_alarm *out);

void mti_sim_clock_end(mti_sim_clock *clock);

#endif
