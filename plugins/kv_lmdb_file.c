#include "plugins/kv_lmdb_file.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_SHOWN_MAX 160

mt_status mti_lmdb_fail(mt_error *err, mt_status status, const char *format, ...)
{
    va_list args;

    if (!err) return status;
    err->status = status;
    va_start(args, format);
    vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    return status;
}

const char *mti_lmdb_file_name(const mti_lmdb_file *file)
{
    size_t len = strlen(file->path);

    return file->path + (len > NAME_SHOWN_MAX ? len - NAME_SHOWN_MAX : 0);
}

/* ---- The holder's name ---- */

#define OWNER_MAX 128
#define TAIL_MAX 8

/* The path with a tail of at most TAIL_MAX letters. BORROWED until the next call. */
static const char *beside(const mti_lmdb_file *file, const char *tail)
{
    char *path = file->path + file->path_size;

    memcpy(path, file->path, file->path_size - 1);
    memcpy(path + file->path_size - 1, tail, strlen(tail) + 1);
    return path;
}

/* Reads the start of a file as a line. False: there is none. */
static bool line_read(const char *path, char *line, size_t cap)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t len = fd >= 0 ? read(fd, line, cap - 1) : -1;

    if (fd >= 0) close(fd);
    line[len > 0 ? len : 0] = '\0';
    line[strcspn(line, "\n")] = '\0';
    return line[0] != '\0';
}

/* Notes who we are. A failure is none: only a message gets poorer. */
static void owner_write(const mti_lmdb_file *file, mode_t mode)
{
    int fd = open(beside(file, "-owner"), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode), len;
    char line[OWNER_MAX], name[64];
    ssize_t written;

    if (fd < 0) return;
    if (!line_read("/proc/self/comm", name, sizeof name)) snprintf(name, sizeof name, "process");
    len = snprintf(line, sizeof line, "%ld %s\n", (long)getpid(), name);
    written = write(fd, line, (size_t)len);
    (void)written;
    close(fd);
}

/* The note may be of an earlier holder that was killed, if this one has not written its own yet or
 * only reads: then its process is gone. */
long mti_lmdb_file_owner(const char *owner_path, char *name, size_t cap)
{
    char line[OWNER_MAX] = "", *end = line;
    long pid = line_read(owner_path, line, sizeof line) ? strtol(line, &end, 10) : 0;

    name[0] = '\0';
    if (pid <= 0 || *end != ' ' || (kill((pid_t)pid, 0) != 0 && errno == ESRCH)) return 0;
    snprintf(name, cap, "%s", end + 1);
    return pid;
}

static mt_status busy(const mti_lmdb_file *file, mt_error *err)
{
    char name[OWNER_MAX];
    long pid = mti_lmdb_file_owner(beside(file, "-owner"), name, sizeof name);

    if (pid == (long)getpid())
        return mti_lmdb_fail(err, MT_BUSY, "%s is open already, in this process",
                             mti_lmdb_file_name(file));
    if (pid == 0)
        return mti_lmdb_fail(err, MT_BUSY, "%s is held by another", mti_lmdb_file_name(file));
    return mti_lmdb_fail(err, MT_BUSY, "%s is held by %s (pid %ld)", mti_lmdb_file_name(file), name,
                         pid);
}

/* ---- Opening ---- */

static mt_status fail_errno(const mti_lmdb_file *file, mt_error *err, const char *what)
{
    int code = errno;
    mt_status st = MT_IO;

    if (code == ENOENT) st = MT_NOT_FOUND;
    if (code == ENOMEM) st = MT_NO_MEMORY;
    if (code == ENOSPC || code == EDQUOT) st = MT_FULL;
    return mti_lmdb_fail(err, st, "%s cannot be %s: %s", mti_lmdb_file_name(file), what,
                         strerror(code));
}

/* Before it is opened: opening a pipe would wait for its other end. */
static mt_status check_kind(const mti_lmdb_file *file, const mt_kv_lmdb_options *options,
                            mt_error *err)
{
    struct stat st;

    if (stat(file->path, &st) != 0) {
        if (errno != ENOENT) return fail_errno(file, err, "opened");
        if (!options->must_exist && !options->read_only) return MT_OK;
        return mti_lmdb_fail(err, MT_NOT_FOUND, "there is no store %s", mti_lmdb_file_name(file));
    }
    if (S_ISREG(st.st_mode)) return MT_OK;
    return mti_lmdb_fail(err, MT_INVALID, "%s is %s, not the file of a store",
                         mti_lmdb_file_name(file), S_ISDIR(st.st_mode) ? "a folder" : "a device");
}

/* Opens the file, or makes it. */
static mt_status fd_open(mti_lmdb_file *file, const mt_kv_lmdb_options *options, mt_error *err)
{
    int flags = O_CLOEXEC | (options->read_only ? O_RDONLY : O_RDWR);

    file->made = false;
    file->fd = open(file->path, flags);
    if (file->fd < 0 && errno == ENOENT && !options->read_only && !options->must_exist) {
        file->made = true;
        file->fd = open(file->path, flags | O_CREAT, (mode_t)options->mode);
    }
    if (file->fd >= 0) return MT_OK;
    return fail_errno(file, err, file->made ? "made" : "opened");
}

/* Locks the file that is open. `*gone`: it is not at its path any more: one removed it who had made it
 * and failed, or put another in its place. */
static mt_status fd_lock(mti_lmdb_file *file, bool *gone, mt_error *err)
{
    struct stat st, now;

    *gone = false;
    while (flock(file->fd, (file->read_only ? LOCK_SH : LOCK_EX) | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK) return busy(file, err);
        if (errno != EINTR) return fail_errno(file, err, "locked");
    }
    if (fstat(file->fd, &st) != 0) return fail_errno(file, err, "read");
    file->len = (uint64_t)st.st_size;
    /* One that holds something was made by another just before. */
    file->made = file->made && file->len == 0;
    *gone = stat(file->path, &now) != 0 || now.st_ino != st.st_ino || now.st_dev != st.st_dev;
    return MT_OK;
}

static void fd_close(mti_lmdb_file *file)
{
    if (file->fd >= 0) close(file->fd);
    file->fd = -1;
}

static mt_status open_and_lock(mti_lmdb_file *file, const mt_kv_lmdb_options *options,
                               mt_error *err)
{
    bool gone = false;
    mt_status st;

    do {
        fd_close(file);
        if ((st = check_kind(file, options, err)) != MT_OK) return st;
        if ((st = fd_open(file, options, err)) != MT_OK) return st;
        if ((st = fd_lock(file, &gone, err)) != MT_OK) return st;
    } while (gone);
    if (file->len == 0 && (options->read_only || options->must_exist))
        return mti_lmdb_fail(err, MT_NOT_FOUND, "there is no store in %s: the file is empty",
                             mti_lmdb_file_name(file));
    if (file->read_only) return MT_OK;
    owner_write(file, (mode_t)options->mode);
    file->had_lock = access(beside(file, "-lock"), F_OK) == 0;
    return MT_OK;
}

/* How much memory the paths take: the file's, and one of a file beside it. */
static size_t paths_size(const mti_lmdb_file *file)
{
    return 2 * file->path_size + TAIL_MAX;
}

mt_status mti_lmdb_file_open(mti_lmdb_file *file, const mt_mem *mem, const char *path,
                             const mt_kv_lmdb_options *options, mt_error *err)
{
    mt_status st;

    *file = (mti_lmdb_file){.mem = mem, .fd = -1, .read_only = options->read_only};
    file->path_size = strlen(path) + 1;
    file->path = mem->resize(mem->ctx, NULL, 0, paths_size(file));
    if (!file->path) return mti_lmdb_fail(err, MT_NO_MEMORY, "out of memory");
    memcpy(file->path, path, file->path_size);
    st = open_and_lock(file, options, err);
    if (st != MT_OK) fd_close(file);
    return st;
}

void mti_lmdb_file_close(mti_lmdb_file *file, bool undo)
{
    if (file->fd >= 0 && !file->read_only) {
        /* While it is locked: afterwards they may be another's. */
        if (undo && file->made) unlink(file->path);
        if (undo && !file->had_lock) unlink(beside(file, "-lock"));
        unlink(beside(file, "-owner"));
    }
    fd_close(file);
    if (file->path) file->mem->resize(file->mem->ctx, file->path, paths_size(file), 0);
    file->path = NULL;
}

/* ---- What the file system says ---- */

bool mti_lmdb_file_sync_folder(const mti_lmdb_file *file)
{
    char *slash = strrchr(file->path, '/'), kept = '\0';
    int fd, code;
    bool done;

    /* Of "a/b" the folder is "a/", of "/b" it is "/". */
    if (slash) {
        kept = slash[1];
        slash[1] = '\0';
    }
    fd = open(slash ? file->path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (slash) slash[1] = kept;
    /* A folder that may be written, but not read, cannot be flushed. */
    if (fd < 0) return errno == EACCES;
    done = fsync(fd) == 0 || errno == EINVAL;
    code = errno;
    close(fd);
    errno = code;
    return done;
}

bool mti_lmdb_file_full(const mti_lmdb_file *file)
{
    static const char zeros[16384];
    uint64_t len = mti_lmdb_file_len(file), at = len;
    bool full = false;

    /* Some of it always fits: what is left of the last block. */
    while (!full && at < len + 4 * sizeof zeros) {
        ssize_t written = pwrite(file->fd, zeros, sizeof zeros, (off_t)at);

        if (written < 0 && errno == EINTR) continue;
        full = written < 0 && (errno == ENOSPC || errno == EDQUOT || errno == EFBIG);
        if (written <= 0) break;
        at += (uint64_t)written;
    }
    mti_lmdb_file_resize(file, len);
    return full;
}

bool mti_lmdb_file_resize(const mti_lmdb_file *file, uint64_t len)
{
    return ftruncate(file->fd, (off_t)len) == 0;
}

uint64_t mti_lmdb_file_len(const mti_lmdb_file *file)
{
    struct stat st;

    return fstat(file->fd, &st) == 0 ? (uint64_t)st.st_size : 0;
}
