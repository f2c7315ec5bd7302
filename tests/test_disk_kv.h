/* test_disk_kv.h - the least engine that survives crashes: a log of commits on a mti_sim_disk, which is
 * replayed into memory when it is opened. */
#ifndef TEST_DISK_KV_H
#define TEST_DISK_KV_H

#include "test_disk.h"
#include <mytosis/plugin/kv.h>

/* Opens what lies on a disk, which is BORROWED and must be there until the engine is closed. It answers
 * at once. A commit is written, synced and then answered; on a dead disk it comes to MT_IO, and so
 * does all that follows. */
mt_kv test_disk_kv(const mt_env *env, mti_sim_disk *disk);

#endif
