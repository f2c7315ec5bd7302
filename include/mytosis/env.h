/* mytosis/env.h - what a database is given of the world: memory, clocks, randomness, timers.
 *
 * The core makes no system call. Whoever runs it brings a table like this one; mytosis/loop.h has
 * one on libuv, mytosis/sim.h one on virtual time. Threads: all calls come from the thread of the
 * database, and timers fire there. */
#ifndef MYTOSIS_ENV_H
#define MYTOSIS_ENV_H

#include <mytosis/status.h>

MT_BEGIN_DECLS

/* A timer that somebody keeps. All zero but for `fire` and `arg` is one that is not set. It may be
 * set again while it is set, and is not freed until it fired or was stopped. */
typedef struct mt_timer {
    void (*fire)(void *arg);
    void *arg;
    void *host[6]; /* the environment's own */
} mt_timer;

/* The contract that this header has. */
#define MT_ENV_ABI 1

/* A table of functions, each of which gets `ctx`. */
typedef struct mt_env {
    uint32_t abi;  /* MT_ENV_ABI */
    uint32_t size; /* sizeof(mt_env) as compiled */
    const mt_mem *mem;

    /* The time of day in milliseconds since 1970 (UTC); may jump either way. */
    uint64_t (*now_ms)(void *ctx);

    /* Milliseconds of a clock that only moves forward, from any start. */
    uint64_t (*ticks_ms)(void *ctx);

    /* Fills `out` from a random source fit for keys. MT_IO: there is none. */
    mt_status (*entropy)(void *ctx, uint8_t *out, size_t len);

    /* Lets `timer` fire once after `delay_ms`, never before the call returns; 0: in the next turn
     * of the loop. Timers that are due at once fire in the order in which they were set. Never
     * fails. */
    void (*timer_set)(void *ctx, mt_timer *timer, uint64_t delay_ms);
    void (*timer_stop)(void *ctx, mt_timer *timer);

    /* May be NULL. Runs `run(arg)` on another thread, and then `done(arg)` on this one. MT_OK: both
     * will come; else neither. */
    mt_status (*work)(void *ctx, void (*run)(void *arg), void (*done)(void *arg), void *arg);

    /* May be NULL: then there are no blocking calls. Runs one turn of the loop, waiting for
     * something to do if there is nothing yet. MT_END: nothing will ever come. MT_INVALID: the
     * loop is running already, further down the stack. */
    mt_status (*turn)(void *ctx);

    void *ctx;
} mt_env;

MT_END_DECLS
#endif
