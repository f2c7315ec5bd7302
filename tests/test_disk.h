/* test_disk.h - a disk that loses what was not synced.
 *
 *     test_disk disk = {0};
 *     test_disk_write(&disk, 0, data, 100);
 *     test_disk_sync(&disk);
 *     test_disk_write(&disk, 100, data, 100);
 *     test_disk image = test_disk_crash(&disk, TEST_CRASH_ANY, &rng);
 *     test_disk_end(&image);
 *
 * It is one file. Of what was written since the last sync, a crash keeps anything: each sector of 512
 * bytes may be as any write left it, or as it was before them all, in whatever order they came; a sector
 * may even be torn between two of these. The file may be as long as any write made it, what was never
 * written being zero. */
#ifndef TEST_DISK_H
#define TEST_DISK_H

#include "test.h"

#define TEST_SECTOR 512

typedef struct test_disk_write_made {
    uint64_t at;
    size_t len;
    uint8_t *data;
} test_disk_write_made;

/* All zero is an empty file. */
typedef struct test_disk {
    uint8_t *data; /* with every write */
    size_t len, cap;
    uint8_t *synced; /* as the last sync left it */
    size_t synced_len, synced_cap;
    test_disk_write_made *writes; /* since then */
    size_t write_count, write_cap;
    bool dead; /* a test may set it: writes and syncs fail */

    /* Called after every write and every sync, if not NULL: a crash may come here. */
    void (*event)(void *ctx, struct test_disk *disk);
    void *ctx;
} test_disk;

/* Answer whether it worked. */
bool test_disk_write(test_disk *disk, uint64_t at, const void *data, size_t len);
bool test_disk_sync(test_disk *disk);

/* A write that is durable by itself, and nothing else with it. */
bool test_disk_write_through(test_disk *disk, uint64_t at, const void *data, size_t len);

/* What a crash leaves. */
typedef enum test_crash {
    TEST_CRASH_NONE,   /* nothing that was not synced */
    TEST_CRASH_ALL,    /* everything */
    TEST_CRASH_PREFIX, /* the first writes, the last of them torn */
    TEST_CRASH_ANY,    /* of each sector any version */
    TEST_CRASH_TORN,   /* the same, and sectors are torn */
    TEST_CRASH_KINDS
} test_crash;

/* A disk with what a crash leaves of another, all of it synced. */
test_disk test_disk_crash(const test_disk *disk, test_crash kind, test_rng *rng);

void test_disk_end(test_disk *disk);

#endif
