/* kv_lmdb_crash_test.c - the node store over LMDB on a disk that loses what was not synced.
 *
 * What LMDB calls to write and to flush is replaced here: all that goes to the store's file goes to a
 * mti_sim_disk too. What a crash leaves of that is written to another file, and opened.
 *
 * LMDB writes its pages, flushes them, and then writes the page that makes them valid through a descriptor
 * that flushes each write. That page has no checksum; it is safe because what matters of it lies in one
 * sector, and disks write sectors wholly or not at all. So sectors are not torn here. */
#define _GNU_SOURCE /* NOLINT(bugprone-reserved-identifier): for RTLD_NEXT */
#include "test_crash.h"
#include "test_folder.h"
#include <dlfcn.h>
#include <fcntl.h>
#include <mytosis/plugin/kv_lmdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

/* ---- What LMDB calls ---- */

static struct {
    mti_sim_disk *disk; /* NULL: nothing is watched */
    char path[160];     /* of the store's file */
} watched;

/* Ours stand before those of the C library, which they call. */
#define BEFORE(name) __asm__(name) __attribute__((visibility("default")))
#define NEXT(ours, name) ((__typeof__(&(ours)))(uintptr_t)dlsym(RTLD_NEXT, name))

ssize_t crash_pwrite(int fd, const void *bytes, size_t len, off_t at) BEFORE("pwrite");
ssize_t crash_pwritev(int fd, const struct iovec *runs, int count, off_t at) BEFORE("pwritev");
ssize_t crash_write(int fd, const void *bytes, size_t len) BEFORE("write");
ssize_t crash_writev(int fd, const struct iovec *runs, int count) BEFORE("writev");
int crash_fdatasync(int fd) BEFORE("fdatasync");
int crash_fsync(int fd) BEFORE("fsync");
int crash_msync(void *at, size_t len, int flags) BEFORE("msync");
int crash_ftruncate(int fd, off_t len) BEFORE("ftruncate");

static bool is_watched(int fd)
{
    struct stat st, file;

    return watched.disk && fstat(fd, &st) == 0 && stat(watched.path, &file) == 0 &&
           st.st_dev == file.st_dev && st.st_ino == file.st_ino;
}

/* A crash is tried after the file has been written, as what is tried reads it too. */
static void watch(int fd, const void *bytes, size_t len, off_t at)
{
    bool through = (fcntl(fd, F_GETFL) & O_DSYNC) != 0;

    if (through) mti_sim_disk_write_through(watched.disk, (uint64_t)at, bytes, len);
    else mti_sim_disk_write(watched.disk, (uint64_t)at, bytes, len);
}

ssize_t crash_pwrite(int fd, const void *bytes, size_t len, off_t at)
{
    ssize_t written = NEXT(crash_pwrite, "pwrite")(fd, bytes, len, at);

    if (written > 0 && is_watched(fd)) watch(fd, bytes, (size_t)written, at);
    return written;
}

ssize_t crash_write(int fd, const void *bytes, size_t len)
{
    ssize_t written = NEXT(crash_write, "write")(fd, bytes, len);

    if (written > 0 && is_watched(fd))
        watch(fd, bytes, (size_t)written, lseek(fd, 0, SEEK_CUR) - written);
    return written;
}

static void watch_runs(int fd, const struct iovec *runs, int count, off_t at, ssize_t written)
{
    for (int i = 0; i < count && written > 0; i++) {
        size_t len = runs[i].iov_len < (size_t)written ? runs[i].iov_len : (size_t)written;

        watch(fd, runs[i].iov_base, len, at);
        at += (off_t)len;
        written -= (ssize_t)len;
    }
}

ssize_t crash_pwritev(int fd, const struct iovec *runs, int count, off_t at)
{
    ssize_t written = NEXT(crash_pwritev, "pwritev")(fd, runs, count, at);

    if (written > 0 && is_watched(fd)) watch_runs(fd, runs, count, at, written);
    return written;
}

ssize_t crash_writev(int fd, const struct iovec *runs, int count)
{
    ssize_t written = NEXT(crash_writev, "writev")(fd, runs, count);

    if (written > 0 && is_watched(fd))
        watch_runs(fd, runs, count, lseek(fd, 0, SEEK_CUR) - written, written);
    return written;
}

/* Nothing is really flushed: the mti_sim_disk knows what would be there. */
int crash_fdatasync(int fd)
{
    if (is_watched(fd)) mti_sim_disk_sync(watched.disk);
    return 0;
}

int crash_fsync(int fd)
{
    return crash_fdatasync(fd);
}

int crash_msync(void *at, size_t len, int flags)
{
    (void)at;
    (void)len;
    (void)flags;
    if (watched.disk) fail_msg("the map was written");
    return 0;
}

/* A file that becomes longer is so without its length being synced. */
int crash_ftruncate(int fd, off_t len)
{
    struct stat st;

    if (is_watched(fd) && (fstat(fd, &st) != 0 || st.st_size > len))
        fail_msg("the file was made shorter");
    return NEXT(crash_ftruncate, "ftruncate")(fd, len);
}

/* ---- Stores in files ---- */

static test_folder folder;

static mt_kv open_file(const mt_env *env, const char *name)
{
    /* What a crash left has a structure that is sound. */
    mt_kv_lmdb_options options = {.size = sizeof options, .check = true};
    mt_kv kv = {NULL, NULL};
    mt_error err = {0};

    if (mt_kv_lmdb(env, test_folder_file(&folder, name), &options, &kv, &err) != MT_OK)
        print_error("%s\n", err.text);
    HOLDS(err.status == MT_OK);
    return kv;
}

/* Watches the store's file from here on. */
static void watch_begin(mti_sim_disk *disk)
{
    snprintf(watched.path, sizeof watched.path, "%s", test_folder_file(&folder, "store.mdb"));
    watched.disk = disk;
}

/* What a store that was just made holds is on the disk. */
static void take_file(mti_sim_disk *disk)
{
    static uint8_t data[1 << 20];
    FILE *file = fopen(test_folder_file(&folder, "store.mdb"), "rb");

    HOLDS(file != NULL);
    mti_sim_disk_write(disk, 0, data, fread(data, 1, sizeof data, file));
    mti_sim_disk_sync(disk);
    fclose(file);
}

static mt_kv open_store(test_history *h)
{
    mt_kv kv = open_file(&h->w.te.env, "store.mdb");

    if (!watched.disk) take_file(&h->disk);
    watch_begin(&h->disk);
    return kv;
}

static void files_remove(const char *name, const char *lock)
{
    unlink(test_folder_file(&folder, name));
    unlink(test_folder_file(&folder, lock));
}

static void image_write(const mti_sim_disk *image)
{
    FILE *file;

    files_remove("image.mdb", "image.mdb-lock");
    file = fopen(test_folder_file(&folder, "image.mdb"), "wb");
    HOLDS(file != NULL);
    if (image->len) HOLDS(fwrite(image->data, 1, image->len, file) == image->len);
    HOLDS(fclose(file) == 0);
}

static mt_kv open_image(test_history *h, test_env *te, mti_sim_disk *image, bool again)
{
    (void)h;
    if (!again) image_write(image);
    return open_file(&te->env, "image.mdb");
}

static size_t points;

static void a_crash_loses_nothing_acknowledged(test_case *c)
{
    test_history h = {.open = open_store, .open_image = open_image, .kinds = MTI_SIM_CRASH_TORN};

    watched.disk = NULL;
    files_remove("store.mdb", "store.mdb-lock");
    test_history_begin(&h, c);
    test_history_run(&h);
    test_history_end(&h);
    points += h.points;
}

TEST(a_crash_at_any_time_loses_nothing_that_was_acknowledged)
{
    test_folder_begin(&folder);
    test_law(24, a_crash_loses_nothing_acknowledged);
    watched.disk = NULL;
    test_folder_end(&folder);
    print_message("[  CRASHES ] %zu\n", points);
}

/* ---- While a store is made ----
 *
 * LMDB writes the first two pages of a new file, which hold nothing yet, before the engine flushes them.
 * A crash in between may leave some of their sectors: a file that is no store, and that has to be removed
 * by hand. Nothing was acknowledged by then. */

/* Two pages. */
#define FILE_MADE_LEN 8192

typedef struct making {
    test_env te;
    test_rng rng;
    size_t opened;
} making;

static void crash_while_made(void *ctx, mti_sim_disk *disk)
{
    making *m = ctx;

    for (int kind = 0; kind < MTI_SIM_CRASH_TORN; kind++) {
        mti_sim_disk image = test_disk_crash(disk, (mti_sim_crash)kind, &m->rng);
        mt_kv kv = {NULL, NULL};
        mt_error err = {0};

        image_write(&image);
        if (mt_kv_lmdb(&m->te.env, test_folder_file(&folder, "image.mdb"), NULL, &kv, &err) ==
            MT_OK)
            m->opened++;
        else CHECK(err.status == MT_MALFORMED && image.len <= FILE_MADE_LEN);
        mt_kv_close(&kv);
        mti_sim_disk_end(&image);
    }
}

TEST(a_crash_while_a_store_is_made_leaves_nothing_to_lose)
{
    making m = {.rng = test_rng_new(1)};
    mti_sim_disk disk = {.event = crash_while_made, .ctx = &m};
    mt_kv kv;

    test_folder_begin(&folder);
    test_env_init(&m.te, 1, test_mem());
    watch_begin(&disk);
    kv = open_file(&m.te.env, "store.mdb");
    mt_kv_close(&kv);
    watched.disk = NULL;
    CHECK(m.opened > 0);
    mti_sim_disk_end(&disk);
    test_env_end(&m.te);
    test_folder_end(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_crash_while_a_store_is_made_leaves_nothing_to_lose),
        cmocka_unit_test(a_crash_at_any_time_loses_nothing_that_was_acknowledged),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
