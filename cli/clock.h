/* clock.h - states of a hybrid clock as times of day: milliseconds since 2020-01-01 shifted left by 11. */
#ifndef CLI_CLOCK_H
#define CLI_CLOCK_H

#include "text.h"

/* How far ahead of now a state may be that was not given here. */
#define CLOCK_AHEAD_MS_MAX (UINT64_C(10) * 60 * 1000)

/* The state that stands for now. */
uint64_t cli_clock_now(void);

/* The time of day, in milliseconds since 1970. */
uint64_t cli_clock_now_ms(void);

/* The state `ms` after another. */
uint64_t cli_clock_after(uint64_t state, uint64_t ms);

/* How many milliseconds a state is ahead of another; 0: it is not. */
uint64_t cli_clock_ahead(uint64_t state, uint64_t of);

/* Milliseconds of a clock that only moves forward. */
uint64_t cli_clock_ticks(void);

/* Adds a time of day: 2026-11-23 10:12:13.123 UTC. */
void cli_clock_add(cli_text *text, uint64_t state);

/* The same of milliseconds since 1970, to the minute: 2026-11-23 10:12 UTC. */
void cli_clock_add_ms(cli_text *text, uint64_t ms);

/* Reads a span: a number and one of s, m, h or d, such as 24h. False: it is none, or zero, or longer than 100 years. */
bool cli_clock_read_span(const char *word, uint64_t *ms);

/* Adds a span: 12 ms, 7 s, 3 min, 5 h, 12 days. */
void cli_clock_add_span(cli_text *text, uint64_t ms);

#endif
