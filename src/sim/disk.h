/* sim/disk.h - a disk that loses what was not synced.
 *
 *     mti_sim_disk disk = {0};
 *     mti_sim_disk_write(&disk, 0, data, 100);
 *     mti_sim_disk_sync(&disk);
 *     mti_sim_disk_write(&disk, 100, data, 100);
 *     mti_sim_disk image = mti_sim_disk_crash(&disk, MTI_SIM_CRASH_ANY, &draws);
 *     mti_sim_disk_end(&image);
 *
 * It is one file. Of what was written since the last sync, a crash keeps anything: each sector of 512
 * bytes may be as any write left it, or as it was before them all, in whatever order they came; a sector
 * may even be torn between two of these. The file may be as long as any write made it, what was never
 * written being zero. */
#ifndef MTI_SIM_DISK_H
#define MTI_SIM_DISK_H

#include "sim/draw.h"

#include <stddef.h>

#define MTI_SIM_SECTOR 512

typedef struct mti_sim_disk_made {
    uint64_t at;
    size_t len;
    uint8_t *data;
} mti_sim_disk_made;

/* All zero is an empty file. */
typedef struct mti_sim_disk {
    uint8_t *data; /* with every write */
    size_t len, cap;
    uint8_t *synced; /* as the last sync left it */
    size_t synced_len, synced_cap;
    mti_sim_disk_made *writes; /* since then */
    size_t write_count, write_cap;
    bool dead; /* whoever has it may set it: writes and syncs fail */

    /* Called after every write and every sync, if not NULL: a crash may come here. */
    void (*event)(void *ctx, struct mti_sim_disk *disk);
    void *ctx;
} mti_sim_disk;

/* Answer whether it worked. */
bool mti_sim_disk_write(mti_sim_disk *disk, uint64_t at, const void *data, size_t len);
bool mti_sim_disk_sync(mti_sim_disk *disk);

/* A write that is durable by itself, and nothing else with it. */
bool mti_sim_disk_write_through(mti_sim_disk *disk, uint64_t at, const void *data, size_t len);

/* What a crash leaves. */
typedef enum mti_sim_crash {
    MTI_SIM_CRASH_NONE,   /* nothing that was not synced */
    MTI_SIM_CRASH_ALL,    /* everything */
    MTI_SIM_CRASH_PREFIX, /* the first writes, the last of them torn */
    MTI_SIM_CRASH_ANY,    /* of each sector any version */
    MTI_SIM_CRASH_TORN,   /* the same, and sectors are torn */
    MTI_SIM_CRASH_KINDS
} mti_sim_crash;

/* A disk with what a crash leaves of another, all of it synced. */
mti_sim_disk mti_sim_disk_crash(const mti_sim_disk *disk, mti_sim_crash kind, mti_sim_draws *draws);

void mti_sim_disk_end(mti_sim_disk *disk);

#endif
