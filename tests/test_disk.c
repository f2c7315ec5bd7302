#include "test_disk.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *grown(void *items, size_t *cap, size_t need, size_t size)
{
    if (need <= *cap) return items;
    *cap = need + *cap / 2 + 64;
    items = realloc(items, *cap * size);
    if (!items) abort();
    return items;
}

/* Writes to an image, which gets longer if need be. */
static void put(uint8_t **data, size_t *len, size_t *cap, uint64_t at, const void *from, size_t n)
{
    size_t end = (size_t)at + n;

    *data = grown(*data, cap, end, 1);
    if (end > *len) {
        memset(*data + *len, 0, end - *len);
        *len = end;
    }
    if (n) memcpy(*data + at, from, n);
}

static void forget_writes(test_disk *disk)
{
    for (size_t i = 0; i < disk->write_count; i++) free(disk->writes[i].data);
    disk->write_count = 0;
}

static void tell(test_disk *disk)
{
    if (disk->event) disk->event(disk->ctx, disk);
}

bool test_disk_write(test_disk *disk, uint64_t at, const void *data, size_t len)
{
    test_disk_write_made made = {.at = at, .len = len, .data = malloc(len + 1)};

    if (disk->dead) {
        free(made.data);
        return false;
    }
    if (!made.data) abort();
    if (len) memcpy(made.data, data, len);
    put(&disk->data, &disk->len, &disk->cap, at, data, len);
    disk->writes =
        grown(disk->writes, &disk->write_cap, disk->write_count + 1, sizeof *disk->writes);
    disk->writes[disk->write_count++] = made;
    tell(disk);
    return true;
}

bool test_disk_sync(test_disk *disk)
{
    if (disk->dead) return false;
    for (size_t i = 0; i < disk->write_count; i++)
        put(&disk->synced, &disk->synced_len, &disk->synced_cap, disk->writes[i].at,
            disk->writes[i].data, disk->writes[i].len);
    forget_writes(disk);
    tell(disk);
    return true;
}

bool test_disk_write_through(test_disk *disk, uint64_t at, const void *data, size_t len)
{
    if (!test_disk_write(disk, at, data, len)) return false;
    put(&disk->synced, &disk->synced_len, &disk->synced_cap, at, data, len);
    free(disk->writes[--disk->write_count].data);
    tell(disk);
    return true;
}

/* ---- Crashes ---- */

/* Applies a part of a write to an image. */
static void apply(test_disk *image, const test_disk_write_made *made, size_t from, size_t to)
{
    if (from >= to) return;
    put(&image->data, &image->len, &image->cap, made->at + from, made->data + from, to - from);
}

/* Applies some sectors of a write, each if the lot falls so. */
static void apply_some(test_disk *image, const test_disk_write_made *made, bool torn, test_rng *rng)
{
    for (size_t from = 0; from < made->len;) {
        size_t to = from + TEST_SECTOR - (size_t)((made->at + from) % TEST_SECTOR);

        if (to > made->len) to = made->len;
        if (torn && test_rng_below(rng, 4) == 0) {
            size_t cut = from + (size_t)test_rng_below(rng, to - from + 1);

            if (test_rng_below(rng, 2)) apply(image, made, from, cut);
            else apply(image, made, cut, to);
        } else if (test_rng_below(rng, 2)) {
            apply(image, made, from, to);
        }
        from = to;
    }
}

/* Some writes, in an order of their own: what is applied last wins a sector, so that a later write may
 * lose it to an earlier one. */
static void apply_any(test_disk *image, const test_disk *disk, bool torn, test_rng *rng)
{
    for (size_t i = 0; i < 2 * disk->write_count; i++)
        apply_some(image, &disk->writes[test_rng_below(rng, disk->write_count)], torn, rng);
}

/* The first sectors of a write. */
static size_t some_sectors(const test_disk_write_made *made, test_rng *rng)
{
    size_t end = (size_t)(made->at + test_rng_below(rng, made->len + 1));

    end -= end % TEST_SECTOR;
    return end > made->at ? end - (size_t)made->at : 0;
}

test_disk test_disk_crash(const test_disk *disk, test_crash kind, test_rng *rng)
{
    test_disk image = {0};
    size_t count = disk->write_count;

    put(&image.data, &image.len, &image.cap, 0, disk->synced, disk->synced_len);
    switch (kind) {
    case TEST_CRASH_PREFIX:
        if (count == 0) break;
        count = (size_t)test_rng_below(rng, count);
        apply(&image, &disk->writes[count], 0, some_sectors(&disk->writes[count], rng));
        /* fallthrough */
    case TEST_CRASH_ALL:
        for (size_t i = 0; i < count; i++) apply(&image, &disk->writes[i], 0, disk->writes[i].len);
        break;
    case TEST_CRASH_ANY:
    case TEST_CRASH_TORN: apply_any(&image, disk, kind == TEST_CRASH_TORN, rng); break;
    case TEST_CRASH_NONE:
    case TEST_CRASH_KINDS: break;
    }
    put(&image.synced, &image.synced_len, &image.synced_cap, 0, image.data, image.len);
    return image;
}

void test_disk_end(test_disk *disk)
{
    forget_writes(disk);
    free(disk->writes);
    free(disk->data);
    free(disk->synced);
    memset(disk, 0, sizeof *disk);
}
