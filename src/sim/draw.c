#include "sim/draw.h"

static uint64_t split(uint64_t *state)
{
    uint64_t word = *state += UINT64_C(0x9E3779B97F4A7C15);

    word = (word ^ word >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    word = (word ^ word >> 27) * UINT64_C(0x94D049BB133111EB);
    return word ^ word >> 31;
}

static uint64_t rotated(uint64_t word, unsigned by)
{
    return word << by | word >> (64 - by);
}

mti_sim_draws mti_sim_draws_new(uint64_t seed, uint64_t what)
{
    uint64_t state = seed, other = what;
    mti_sim_draws d;

    state = split(&state) ^ rotated(split(&other), 32);
    for (unsigned i = 0; i < 4; i++) d.word[i] = split(&state);
    return d;
}

uint64_t mti_sim_draw(mti_sim_draws *d)
{
    uint64_t *s = d->word, drawn = rotated(s[1] * 5, 7) * 9, shifted = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotated(s[3], 45);
    return drawn;
}

uint64_t mti_sim_below(mti_sim_draws *d, uint64_t bound)
{
    return mti_sim_draw(d) % bound;
}

bool mti_sim_once_in(mti_sim_draws *d, uint64_t n)
{
    return mti_sim_below(d, n) == 0;
}

uint64_t mti_sim_spread(mti_sim_draws *d, uint64_t max)
{
    unsigned bits = 0;
    uint64_t top;

    while (bits < 63 && max >> bits) bits++;
    top = (UINT64_C(1) << mti_sim_below(d, bits + 1)) - 1;
    return mti_sim_below(d, (top < max ? top : max) + 1);
}
