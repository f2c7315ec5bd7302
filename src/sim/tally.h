/* sim/tally.h - how often each of many things was seen, by a key of 64 bits. */
#ifndef MTI_SIM_TALLY_H
#define MTI_SIM_TALLY_H

#include <mytosis/graph.h>

/* Zeros: nothing was seen. */
typedef struct mti_sim_tally {
    uint64_t *keys; /* 0: free */
    uint8_t *times;
    size_t count, cap;
} mti_sim_tally;

/* Answers how often it was seen by now: 255 is that or more. */
unsigned mti_sim_tally_add(mti_sim_tally *tally, uint64_t key);
bool mti_sim_tally_has(const mti_sim_tally *tally, uint64_t key);
void mti_sim_tally_end(mti_sim_tally *tally);

/* The key of a field of a node: of what it holds, and, if asked for, since when. */
uint64_t mti_sim_version_key(mt_bytes uid, const mt_field *field, bool with_state);

#endif
