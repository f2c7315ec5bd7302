/* bench/core.h - where the threads of a bench run: what moves between cores, or waits for another to
 * wake up, is not alike in any two runs. */
#ifndef BENCH_CORE_H
#define BENCH_CORE_H

#include <stdbool.h>

/* Keeps all threads of the program, and those that they start, on the core where the caller is. False:
 * not to be had here. */
bool bench_core_pin(void);

/* Lets them run where they could before. */
void bench_core_free(void);

#endif
