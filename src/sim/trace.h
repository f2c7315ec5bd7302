/* sim/trace.h - a hash of all that happened, in its order: two runs with the same one were the same. */
#ifndef MTI_SIM_TRACE_H
#define MTI_SIM_TRACE_H

#include <mytosis/bytes.h>

typedef enum mti_sim_event {
    MTI_SIM_FIRED = 1,
    MTI_SIM_SENT,
    MTI_SIM_DELIVERED,
    MTI_SIM_WROTE,
    MTI_SIM_SYNCED,
    MTI_SIM_ANSWERED,
    MTI_SIM_ACTED
} mti_sim_event;

typedef struct mti_sim_trace {
    uint64_t lo, hi;
    uint64_t events;
} mti_sim_trace;

/* Notes an event: what it was, at which peer or link, when, and its bytes or what else it was. */
void mti_sim_note(mti_sim_trace *trace, mti_sim_event event, size_t where, uint64_t ms,
                  uint64_t what);

/* A hash of bytes: not for strangers. */
uint64_t mti_sim_hash(mt_bytes bytes, uint64_t seed);

#endif
