/* bench/figure.h - figures that are measured in turn, several times, and reported.
 *
 * Each figure is the median of several runs in turn, so that a noisy moment spoils one run of each
 * and not all of one. */
#ifndef BENCH_FIGURE_H
#define BENCH_FIGURE_H

#include <mytosis/status.h>

#define RUNS_MAX 31

typedef struct figure {
    const char *name;
    const char *what;
    const char *unit;
    double (*run)(void *ctx);                 /* a NaN: not to be had here */
    double aim;                               /* 0: none */
    bool least;                               /* the aim is a bound from above */
    bool once;                                /* does not vary, or takes long */
    double (*run_at)(void *ctx, unsigned at); /* in place of `run`: several figures have it */
    unsigned at;
    int count;
    double runs[RUNS_MAX];
} figure;

#define FIGURE(name, what, unit, run, aim, least, once)      \
    {                                                        \
        name, what, unit, run, aim, least, once, NULL, 0, 0, \
        {                                                    \
            0                                                \
        }                                                    \
    }

/* Number `at` of several that one function measures. */
#define FIGURE_AT(name, what, unit, run_at, at, aim, least)       \
    {                                                             \
        name, what, unit, NULL, aim, least, false, run_at, at, 0, \
        {                                                         \
            0                                                     \
        }                                                         \
    }

typedef struct figures_options {
    bool json;
    int runs;
    char **names; /* what was asked for; none: all */
    int name_count;
    int exit_code; /* where the program ends at once */
} figures_options;

/* Reads the command line:
 *
 *     [--json] [--runs N] [FIGURE...]
 *
 * FIGURE: the name of one, or the beginning of several, up to and with a `_`. `about` is what --help
 * says of the program, in whole lines. False: the program ends with `exit_code`, before it has made
 * anything. That is 0 where it has none of the figures, too: `make bench` gives all programs one
 * command line. */
bool figures_parse(int argc, char **argv, const char *about, const figure *figures, size_t count,
                   figures_options *options);

/* Runs and reports. `*seed` is the number of the run, from 1. */
void figures_run(figure *figures, size_t count, const figures_options *options, void *ctx,
                 uint64_t *seed);

/* ---- What every bench needs ---- */

double bench_now(void); /* seconds */

/* The least first. */
void bench_sort(double *values, size_t count);

/* `a` in hundredths of `b`; a NaN unless both were measured. */
double bench_percent(double a, double b);

/* Ends the program: what went wrong, and why. */
_Noreturn void bench_fail(const char *what, const char *why);

/* Ends the program unless a call of the system went well: `errno` says why not. */
void bench_well(bool well, const char *what);

/* Ends the program unless all is well. */
void bench_must(mt_status st, const char *what);

/* What was allocated; ends the program where that is nothing. */
void *bench_need(void *memory);

/* Zeroed memory, or the end of the program. */
void *bench_room(size_t count, size_t size);

#endif
