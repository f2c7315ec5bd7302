/* kv_lmdb_disk_test.c - stores on disks that fail, that are full, and under programs that are killed.
 *
 * What LMDB calls to write and to flush is replaced here, so that each such call may fail in turn. */
#define _GNU_SOURCE /* NOLINT(bugprone-reserved-identifier): for RTLD_NEXT */
#include "test_folder.h"
#include "test_kv.h"
#include <dlfcn.h>
#include <errno.h>
#include <mytosis/plugin/kv_lmdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- A disk that fails ---- */

static struct {
    bool armed;
    size_t fail_at, count;
    int code;     /* errno of the call that fails */
    bool tripped; /* once */
} disk;

static bool disk_fails(void)
{
    if (!disk.armed || disk.count++ != disk.fail_at) return false;
    disk.tripped = true;
    errno = disk.code;
    return true;
}

/* Ours stand before those of the C library, which they call. */
#define BEFORE(name) __asm__(name) __attribute__((visibility("default")))
#define NEXT(ours, name) ((__typeof__(&(ours)))(uintptr_t)dlsym(RTLD_NEXT, name))

ssize_t disk_pwrite(int fd, const void *bytes, size_t len, off_t at) BEFORE("pwrite");
ssize_t disk_pwritev(int fd, const struct iovec *runs, int count, off_t at) BEFORE("pwritev");
ssize_t disk_writev(int fd, const struct iovec *runs, int count) BEFORE("writev");
int disk_fdatasync(int fd) BEFORE("fdatasync");
int disk_fsync(int fd) BEFORE("fsync");

ssize_t disk_pwrite(int fd, const void *bytes, size_t len, off_t at)
{
    return disk_fails() ? -1 : NEXT(disk_pwrite, "pwrite")(fd, bytes, len, at);
}

ssize_t disk_pwritev(int fd, const struct iovec *runs, int count, off_t at)
{
    return disk_fails() ? -1 : NEXT(disk_pwritev, "pwritev")(fd, runs, count, at);
}

ssize_t disk_writev(int fd, const struct iovec *runs, int count)
{
    return disk_fails() ? -1 : NEXT(disk_writev, "writev")(fd, runs, count);
}

int disk_fdatasync(int fd)
{
    return disk_fails() ? -1 : NEXT(disk_fdatasync, "fdatasync")(fd);
}

int disk_fsync(int fd)
{
    return disk_fails() ? -1 : NEXT(disk_fsync, "fsync")(fd);
}

static void disk_arm(size_t fail_at, int code)
{
    disk.armed = true;
    disk.fail_at = fail_at;
    disk.count = 0;
    disk.code = code;
    disk.tripped = false;
}

static void disk_disarm(void)
{
    disk.armed = false;
}

/* ---- A store on it ---- */

typedef struct place {
    test_env te;
    test_folder folder;
    char path[128];
} place;

static void place_begin(place *p)
{
    test_folder_begin(&p->folder);
    test_env_init(&p->te, 1, test_mem());
    snprintf(p->path, sizeof p->path, "%s", test_folder_file(&p->folder, "notes.mdb"));
}

static void place_end(place *p)
{
    CHECK(test_mem_live() == 0);
    test_env_end(&p->te);
    test_folder_end(&p->folder);
}

static mt_status store_open(place *p, test_kv *t)
{
    *t = (test_kv){.te = &p->te};
    return mt_kv_lmdb(&p->te.env, p->path, NULL, &t->kv, NULL);
}

static void store_begin(place *p, test_kv *t)
{
    place_begin(p);
    CHECK(store_open(p, t) == MT_OK);
    CHECK(test_kv_put(t, "a", "1") == MT_OK);
}

/* Closes the store, and expects of it, opened again, the value. */
static void store_end(place *p, test_kv *t, const char *value)
{
    test_kv_close(t);
    CHECK(store_open(p, t) == MT_OK);
    assert_string_equal(test_kv_get(t, "a"), value);
    CHECK(test_kv_put(t, "a", "again") == MT_OK);
    test_kv_close(t);
    place_end(p);
}

TEST(after_a_failed_write_or_flush_nothing_is_acknowledged)
{
    place p;
    test_kv t;

    for (size_t n = 0;; n++) {
        store_begin(&p, &t);
        disk_arm(n, EIO);
        test_kv_put(&t, "a", "2");
        disk_disarm();
        if (!disk.tripped) break;
        CHECK(t.status == MT_IO);
        CHECK(strstr(t.text, "notes.mdb: nothing is written since a write failed: Input/output "));
        CHECK(test_kv_put(&t, "a", "3") == MT_IO);
        CHECK(test_kv_put(&t, "b", "3") == MT_IO);
        CHECK(strstr(t.text, "nothing is written since a write failed"));
        store_end(&p, &t, "1");
    }
    /* Pages, flush, meta page. */
    CHECK(disk.count >= 3);
    CHECK(t.status == MT_OK);
    store_end(&p, &t, "2");
}

TEST(after_a_write_without_room_the_store_goes_on)
{
    size_t went_on = 0;
    place p;
    test_kv t;

    for (size_t n = 0;; n++) {
        store_begin(&p, &t);
        disk_arm(n, ENOSPC);
        test_kv_put(&t, "a", "2");
        disk_disarm();
        if (!disk.tripped) break;
        CHECK(t.status == MT_FULL);
        CHECK(strstr(t.text, "notes.mdb: No space left on device"));
        /* LMDB gives up if it is the meta page for which there is no room. */
        if (test_kv_put(&t, "a", "3") == MT_OK) {
            went_on++;
            assert_string_equal(test_kv_get(&t, "a"), "3");
            store_end(&p, &t, "3");
        } else {
            CHECK(t.status == MT_IO);
            store_end(&p, &t, "1");
        }
    }
    CHECK(went_on >= 2);
    store_end(&p, &t, "2");
}

TEST(a_store_that_cannot_be_made_leaves_nothing)
{
    for (size_t n = 0;; n++) {
        place p;
        test_kv t;
        mt_status st;

        place_begin(&p);
        disk_arm(n, n % 2 == 0 ? ENOSPC : EIO);
        st = store_open(&p, &t);
        disk_disarm();
        if (disk.tripped) {
            CHECK(st == (n % 2 == 0 ? MT_FULL : MT_IO));
            CHECK(test_folder_count(&p.folder) == 0);
        } else {
            CHECK(st == MT_OK);
        }
        test_kv_close(&t);
        place_end(&p);
        if (!disk.tripped) break;
    }
}

/* ---- Real limits ---- */

TEST(a_limit_on_the_file_is_a_full_disk)
{
    struct rlimit before, tight;
    struct stat st;
    place p;
    test_kv t;

    signal(SIGXFSZ, SIG_IGN);
    store_begin(&p, &t);
    CHECK(stat(p.path, &st) == 0);
    CHECK(getrlimit(RLIMIT_FSIZE, &before) == 0);
    tight = before;
    tight.rlim_cur = (rlim_t)st.st_size + 50000;
    CHECK(setrlimit(RLIMIT_FSIZE, &tight) == 0);
    for (int i = 0; i < 3; i++) {
        CHECK(test_kv_put_large(&t, "large", 1 << 20) == MT_FULL);
        assert_string_equal(test_kv_get(&t, "a"), "1");
        assert_string_equal(test_kv_get(&t, "large"), "?");
        CHECK(t.kv.ops->bytes(t.kv.ctx) == (uint64_t)st.st_size);
    }
    CHECK(test_kv_put(&t, "a", "2") == MT_OK);
    CHECK(setrlimit(RLIMIT_FSIZE, &before) == 0);
    CHECK(test_kv_put_large(&t, "large", 1 << 20) == MT_OK);
    store_end(&p, &t, "2");
    signal(SIGXFSZ, SIG_DFL);
}

/* Only root may have a disk of its own, and not everywhere. */
TEST(a_full_disk_is_no_end)
{
    place p;
    test_kv t;
    int made;

    place_begin(&p);
    made = mount("tmpfs", p.folder.path, "tmpfs", 0, "size=256k");
    if (made != 0) {
        place_end(&p);
        skip();
    }
    CHECK(store_open(&p, &t) == MT_OK);
    CHECK(test_kv_put(&t, "a", "1") == MT_OK);
    for (size_t len = 1 << 20; len > 260000; len = len / 10 * 8) {
        CHECK(test_kv_put_large(&t, "large", len) == MT_FULL);
        assert_string_equal(test_kv_get(&t, "a"), "1");
        CHECK(test_kv_put(&t, "a", "1") == MT_OK);
    }
    CHECK(test_kv_put_large(&t, "large", 50000) == MT_OK);
    test_kv_close(&t);
    CHECK(store_open(&p, &t) == MT_OK);
    assert_string_equal(test_kv_get(&t, "a"), "1");
    test_kv_close(&t);
    CHECK(umount2(p.folder.path, MNT_DETACH) == 0);
    place_end(&p);
}

/* ---- Killed ---- */

/* Commits 1, 2, 3 ... and tells of each that was acknowledged, until it is killed. */
static void count_for_ever(place *p, int out)
{
    test_kv t;

    if (store_open(p, &t) != MT_OK) _exit(1);
    for (uint32_t number = 1;; number++) {
        char value[16];

        snprintf(value, sizeof value, "%u", number);
        if (test_kv_put(&t, "a", value) != MT_OK) _exit(1);
        if (write(out, &number, sizeof number) != sizeof number) _exit(1);
    }
}

TEST(what_was_acknowledged_survives_a_kill)
{
    for (uint32_t kill_at = 1; kill_at < 200; kill_at += 33) {
        uint32_t acknowledged = 0, kept = 0;
        int ends[2], status;
        place p;
        test_kv t;
        pid_t pid;

        place_begin(&p);
        CHECK(pipe(ends) == 0);
        pid = fork();
        if (pid == 0) count_for_ever(&p, ends[1]);
        close(ends[1]);
        while (acknowledged < kill_at)
            CHECK(read(ends[0], &acknowledged, sizeof acknowledged) == sizeof acknowledged);
        CHECK(kill(pid, SIGKILL) == 0 && waitpid(pid, &status, 0) == pid);
        /* What it still told of before it died. */
        while (read(ends[0], &acknowledged, sizeof acknowledged) == sizeof acknowledged) {
        }
        close(ends[0]);
        CHECK(store_open(&p, &t) == MT_OK);
        kept = (uint32_t)strtoul(test_kv_get(&t, "a"), NULL, 10);
        CHECK(kept == acknowledged || kept == acknowledged + 1);
        test_kv_close(&t);
        place_end(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(after_a_failed_write_or_flush_nothing_is_acknowledged),
        cmocka_unit_test(after_a_write_without_room_the_store_goes_on),
        cmocka_unit_test(a_store_that_cannot_be_made_leaves_nothing),
        cmocka_unit_test(a_limit_on_the_file_is_a_full_disk),
        cmocka_unit_test(a_full_disk_is_no_end),
        cmocka_unit_test(what_was_acknowledged_survives_a_kill),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
