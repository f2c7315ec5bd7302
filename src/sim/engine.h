/* sim/engine.h - the least engine that survives crashes: a log of commits on a simulated disk, which is
 * replayed into memory when it is opened. It answers late, and fails as it is told. */
#ifndef MTI_SIM_ENGINE_H
#define MTI_SIM_ENGINE_H

#include "sim/disk.h"
#include "sim/trace.h"

#include <mytosis/plugin/kv.h>

/* What a disk does wrong. All zero: nothing. */
typedef struct mti_sim_faults {
    bool full;       /* commits answer MT_FULL */
    bool sync_fails; /* the next sync fails; then everything does until the disk is opened again */
    unsigned reads_fail; /* one read in so many answers MT_IO; 0: none */
    unsigned reads_flip; /* one read in so many has a bit flipped in a value; 0: none */
    bool harmed;         /* a read or a sync has failed since the disk was opened */
    bool flipped;        /* a bit was, ever */
} mti_sim_faults;

typedef struct mti_sim_engine_options {
    const mt_env *env; /* BORROWED: timers, entropy */
    mti_sim_disk *disk;
    mti_sim_faults *faults;
    mti_sim_draws *draws;
    uint64_t delay_ms; /* the longest that an answer takes; 0: it comes at once */
    mti_sim_trace *trace;
    size_t where;
} mti_sim_engine_options;

/* Opens what lies on a disk. All that the options point to is BORROWED until the engine is closed. A commit
 * is written at once, and then synced and answered. */
mt_kv mti_sim_engine(const mti_sim_engine_options *options);

#endif
