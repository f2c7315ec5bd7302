/* sim/draw.h - numbers out of a seed, the same everywhere: xoshiro256**.
 *
 * Whatever draws has numbers of its own, made of the seed and of what it is for, so that leaving one
 * peer or action out changes nothing for the others. */
#ifndef MTI_SIM_DRAW_H
#define MTI_SIM_DRAW_H

#include <stdbool.h>
#include <stdint.h>

typedef struct mti_sim_draws {
    uint64_t word[4];
} mti_sim_draws;

mti_sim_draws mti_sim_draws_new(uint64_t seed, uint64_t what);
uint64_t mti_sim_draw(mti_sim_draws *d);

/* 0 to bound - 1; `bound` is not 0. */
uint64_t mti_sim_below(mti_sim_draws *d, uint64_t bound);

/* True once in `n` times. */
bool mti_sim_once_in(mti_sim_draws *d, uint64_t n);

/* 0 to max, small ones as often as large ones: of each number of bits alike. */
uint64_t mti_sim_spread(mti_sim_draws *d, uint64_t max);

#endif
