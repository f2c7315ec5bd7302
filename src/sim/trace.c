#include "sim/trace.h"

#include <string.h>

#define ODD_A UINT64_C(0x9FB21C651E98DF25)
#define ODD_B UINT64_C(0xC2B2AE3D27D4EB4F)

static uint64_t mixed(uint64_t word)
{
    word = (word ^ word >> 32) * ODD_A;
    return word ^ word >> 29;
}

uint64_t mti_sim_hash(mt_bytes bytes, uint64_t seed)
{
    uint64_t hash = mixed(seed ^ bytes.len), word;
    size_t at = 0;

    for (; bytes.len - at >= 8; at += 8) {
        memcpy(&word, bytes.data + at, 8);
        hash = mixed(hash ^ word) + ODD_B;
    }
    word = 0;
    if (at < bytes.len) memcpy(&word, bytes.data + at, bytes.len - at);
    return mixed(mixed(hash ^ word) ^ ODD_B);
}

static void absorb(mti_sim_trace *trace, uint64_t word)
{
    trace->lo = mixed(trace->lo ^ word) + ODD_B;
    trace->hi = mixed(trace->hi + word * ODD_B) ^ (trace->lo << 31 | trace->lo >> 33);
}

void mti_sim_note(mti_sim_trace *trace, mti_sim_event event, size_t where, uint64_t ms,
                  uint64_t what)
{
    trace->events++;
    absorb(trace, (uint64_t)event << 56 ^ (uint64_t)where << 48 ^ ms);
    absorb(trace, what);
}
