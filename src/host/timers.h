/* host/timers.h - which timers are set, and in which order they fire.
 *
 * Timers without a delay are in a ring, in the order in which they were set: a few stores to set
 * or stop one. The others are in a pairing heap, the soonest first. All of it is in the words
 * `host` of the timers, so that nothing is allocated and nothing fails. Time comes from outside. */
#ifndef MTI_TIMERS_H
#define MTI_TIMERS_H

#include <mytosis/env.h>

typedef struct mti_timers {
    mt_timer soon;   /* head of the ring of those without a delay */
    mt_timer firing; /* head of the ring of those that this round fires */
    mt_timer *root;  /* of the heap; NULL: it is empty */
    uintptr_t number;
} mti_timers;

/* `timers` must not move. */
void mti_timers_init(mti_timers *timers);

/* Sets a timer, anew if it was set: for the next round, now being `now_ms`; for `due_ms`. */
void mti_timers_set_soon(mti_timers *timers, mt_timer *timer, uint64_t now_ms);
void mti_timers_set_due(mti_timers *timers, mt_timer *timer, uint64_t due_ms);

/* Does nothing if the timer is not set. */
void mti_timers_stop(mti_timers *timers, mt_timer *timer);

/* Begins a round, which fires what was set without a delay before it, and what is due. */
void mti_timers_round(mti_timers *timers);

/* The next one to fire in this round, no longer set, or NULL at its end: by the time they are due,
 * then in the order in which they were set. */
mt_timer *mti_timers_take(mti_timers *timers, uint64_t now_ms);

/* Whether a timer waits for the next round, or is left of this one. */
bool mti_timers_any_soon(const mti_timers *timers);

/* When the first of the others is due; UINT64_MAX: there is none. */
uint64_t mti_timers_due_ms(const mti_timers *timers);

#endif
