#include "sim/disk.h"

#include "sim/room.h"

#include <stdlib.h>
#include <string.h>

/* Writes to an image, which gets longer if need be. */
static void put(uint8_t **data, size_t *len, size_t *cap, uint64_t at, const void *from, size_t n)
{
    size_t end = (size_t)at + n;

    *data = mti_sim_room(*data, cap, end, 1);
    if (end > *len) {
        memset(*data + *len, 0, end - *len);
        *len = end;
    }
    if (n) memcpy(*data + at, from, n);
}

static void forget_writes(mti_sim_disk *disk)
{
    for (size_t i = 0; i < disk->write_count; i++) free(disk->writes[i].data);
    disk->write_count = 0;
}

static void tell(mti_sim_disk *disk)
{
    if (disk->event) disk->event(disk->ctx, disk);
}

bool mti_sim_disk_write(mti_sim_disk *disk, uint64_t at, const void *data, size_t len)
{
    mti_sim_disk_made made = {.at = at, .len = len};

    if (disk->dead) return false;
    made.data = mti_sim_new(len + 1, 1);
    if (len) memcpy(made.data, data, len);
    put(&disk->data, &disk->len, &disk->cap, at, data, len);
    disk->writes =
        mti_sim_room(disk->writes, &disk->write_cap, disk->write_count + 1, sizeof *disk->writes);
    disk->writes[disk->write_count++] = made;
    tell(disk);
    return true;
}

bool mti_sim_disk_sync(mti_sim_disk *disk)
{
    if (disk->dead) return false;
    for (size_t i = 0; i < disk->write_count; i++)
        put(&disk->synced, &disk->synced_len, &disk->synced_cap, disk->writes[i].at,
            disk->writes[i].data, disk->writes[i].len);
    forget_writes(disk);
    tell(disk);
    return true;
}

bool mti_sim_disk_write_through(mti_sim_disk *disk, uint64_t at, const void *data, size_t len)
{
    if (!mti_sim_disk_write(disk, at, data, len)) return false;
    put(&disk->synced, &disk->synced_len, &disk->synced_cap, at, data, len);
    free(disk->writes[--disk->write_count].data);
    tell(disk);
    return true;
}

/* ---- Crashes ---- */

/* Applies a part of a write to an image. */
static void apply(mti_sim_disk *image, const mti_sim_disk_made *made, size_t from, size_t to)
{
    if (from >= to) return;
    put(&image->data, &image->len, &image->cap, made->at + from, made->data + from, to - from);
}

/* Applies some sectors of a write, each if the lot falls so. */
static void apply_some(mti_sim_disk *image, const mti_sim_disk_made *made, bool torn,
                       mti_sim_draws *draws)
{
    for (size_t from = 0; from < made->len;) {
        size_t to = from + MTI_SIM_SECTOR - (size_t)((made->at + from) % MTI_SIM_SECTOR);

        if (to > made->len) to = made->len;
        if (torn && mti_sim_below(draws, 4) == 0) {
            size_t cut = from + (size_t)mti_sim_below(draws, to - from + 1);

            if (mti_sim_below(draws, 2)) apply(image, made, from, cut);
            else apply(image, made, cut, to);
        } else if (mti_sim_below(draws, 2)) {
            apply(image, made, from, to);
        }
        from = to;
    }
}

/* Some writes, in an order of their own: what is applied last wins a sector, so that a later write may
 * lose it to an earlier one. */
static void apply_any(mti_sim_disk *image, const mti_sim_disk *disk, bool torn,
                      mti_sim_draws *draws)
{
    for (size_t i = 0; i < 2 * disk->write_count; i++)
        apply_some(image, &disk->writes[mti_sim_below(draws, disk->write_count)], torn, draws);
}

/* The first sectors of a write. */
static size_t some_sectors(const mti_sim_disk_made *made, mti_sim_draws *draws)
{
    size_t end = (size_t)(made->at + mti_sim_below(draws, made->len + 1));

    end -= end % MTI_SIM_SECTOR;
    return end > made->at ? end - (size_t)made->at : 0;
}

mti_sim_disk mti_sim_disk_crash(const mti_sim_disk *disk, mti_sim_crash kind, mti_sim_draws *draws)
{
    mti_sim_disk image = {0};
    size_t count = disk->write_count;

    put(&image.data, &image.len, &image.cap, 0, disk->synced, disk->synced_len);
    switch (kind) {
    case MTI_SIM_CRASH_PREFIX:
        if (count == 0) break;
        count = (size_t)mti_sim_below(draws, count);
        apply(&image, &disk->writes[count], 0, some_sectors(&disk->writes[count], draws));
        /* fallthrough */
    case MTI_SIM_CRASH_ALL:
        for (size_t i = 0; i < count; i++) apply(&image, &disk->writes[i], 0, disk->writes[i].len);
        break;
    case MTI_SIM_CRASH_ANY:
    case MTI_SIM_CRASH_TORN: apply_any(&image, disk, kind == MTI_SIM_CRASH_TORN, draws); break;
    case MTI_SIM_CRASH_NONE:
    case MTI_SIM_CRASH_KINDS: break;
    }
    put(&image.synced, &image.synced_len, &image.synced_cap, 0, image.data, image.len);
    return image;
}

void mti_sim_disk_end(mti_sim_disk *disk)
{
    forget_writes(disk);
    free(disk->writes);
    free(disk->data);
    free(disk->synced);
    memset(disk, 0, sizeof *disk);
}
