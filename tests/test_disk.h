/* test_disk.h - the disk of the simulator, which crashes by the numbers of a test. */
#ifndef TEST_DISK_H
#define TEST_DISK_H

#include "sim/disk.h"
#include "test.h"

/* A disk with what a crash leaves of another, all of it synced. */
static inline mti_sim_disk test_disk_crash(const mti_sim_disk *disk, mti_sim_crash kind,
                                           test_rng *rng)
{
    mti_sim_draws draws = mti_sim_draws_new(test_rng_next(rng), 0);

    return mti_sim_disk_crash(disk, kind, &draws);
}

#endif
