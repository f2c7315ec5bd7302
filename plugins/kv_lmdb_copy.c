/* kv_lmdb_copy.c - a consistent copy of a store, whoever holds it.
 *
 *     held by          the copy                                       writers meanwhile
 *     nobody           shares the lock of the file, as readers do     are kept out
 *     another process  is a reader in LMDB's table of readers,        go on; pages that it may
 *                      PATH-lock                                      read are not used again
 *     the caller       needs no lock                                  there are none
 *
 * LMDB's table belongs to the name by which the holder opened the store: so its note, PATH-owner, must
 * lie beside this one. Whoever replaces the file of a store would leave a table that is not that of
 * the new one: so the table is locked too, shared by copies, and alone by who replaces. */
#include "plugins/kv_lmdb_file.h"

#include <lmdb.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAP_LEN_UNIT ((uint64_t)1 << 16)

/* The store grew beyond the map before the copy began. */
#define TRIES 8

typedef struct copying {
    const char *path;
    mt_error *err;
    int fd;         /* of the store; locked if nobody holds it */
    int table;      /* of PATH-lock, locked; -1: LMDB needs none */
    unsigned flags; /* for LMDB */
} copying;

static mt_status fail_code(const copying *c, int code, const char *what)
{
    return mti_lmdb_fail(c->err, mti_lmdb_status(code), "%.160s cannot be %s: %s", c->path, what,
                         mdb_strerror(code));
}

/* ---- Locks ---- */

static bool lock_shared(int fd)
{
    int rc;

    do rc = flock(fd, LOCK_SH | LOCK_NB);
    while (rc != 0 && errno == EINTR);
    return rc == 0;
}

static mt_status open_table(copying *c, const char *path)
{
    c->table = open(path, O_RDWR | O_CLOEXEC);
    if (c->table < 0) return fail_code(c, errno, "read beside its holder");
    if (lock_shared(c->table)) return MT_OK;
    return mti_lmdb_fail(c->err, MT_BUSY, "%.160s is being replaced", c->path);
}

/* The store is held by another process, which must be one that writes it, by this name. */
static mt_status join_holder(copying *c)
{
    size_t size = strlen(c->path) + sizeof "-owner";
    char name[64], *beside = malloc(size);
    mt_status st = MT_OK;
    long pid;

    if (!beside) return mti_lmdb_fail(c->err, MT_NO_MEMORY, "out of memory");
    snprintf(beside, size, "%s-owner", c->path);
    pid = mti_lmdb_file_owner(beside, name, sizeof name);
    if (pid == 0) st = mti_lmdb_fail(c->err, MT_BUSY, "%.160s is held by another", c->path);
    else if (pid == (long)getpid())
        st = mti_lmdb_fail(c->err, MT_BUSY, "%.160s is open already, in this process", c->path);
    snprintf(beside, size, "%s-lock", c->path);
    if (st == MT_OK) st = open_table(c, beside);
    c->flags = 0;
    free(beside);
    return st;
}

static mt_status open_store(copying *c, bool held)
{
    struct stat facts;

    if (stat(c->path, &facts) == 0 && !S_ISREG(facts.st_mode))
        return mti_lmdb_fail(c->err, MT_INVALID, "%.160s is not the file of a store", c->path);
    c->fd = open(c->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (c->fd < 0 && errno == ENOENT)
        return mti_lmdb_fail(c->err, MT_NOT_FOUND, "there is no store %.160s", c->path);
    if (c->fd < 0 || fstat(c->fd, &facts) != 0) return fail_code(c, errno, "opened");
    if (facts.st_size == 0)
        return mti_lmdb_fail(c->err, MT_NOT_FOUND, "there is no store in %.160s: the file is empty",
                             c->path);
    c->flags = MDB_NOLOCK;
    if (held || lock_shared(c->fd)) return MT_OK;
    return errno == EWOULDBLOCK ? join_holder(c) : fail_code(c, errno, "locked");
}

/* ---- Copying ---- */

/* LMDB leaves free pages out, or refuses, where pages are neither in use nor free. Then all are taken. */
static int copy_pages(MDB_env *mdb, int to)
{
    int rc = mdb_env_copyfd2(mdb, to, MDB_CP_COMPACT);

    if (rc != MDB_INCOMPATIBLE) return rc;
    if (ftruncate(to, 0) != 0 || lseek(to, 0, SEEK_SET) != 0) return errno;
    return mdb_env_copyfd2(mdb, to, 0);
}

static int copy_once(const copying *c, int to)
{
    struct stat facts;
    MDB_env *mdb;
    uint64_t len;
    int rc, dead;

    if (fstat(c->fd, &facts) != 0) return errno;
    len = 2 * (uint64_t)facts.st_size / MAP_LEN_UNIT * MAP_LEN_UNIT + MAP_LEN_UNIT;
    if (len > SIZE_MAX) return ENOMEM;
    if ((rc = mdb_env_create(&mdb)) != 0) return rc;
    rc = mdb_env_set_mapsize(mdb, (size_t)len);
    if (rc == 0)
        rc = mdb_env_open(mdb, c->path, MDB_RDONLY | MDB_NOSUBDIR | MDB_NOTLS | c->flags, 0600);
    /* Copies that were killed would keep pages for ever. */
    if (rc == 0 && c->table >= 0) (void)mdb_reader_check(mdb, &dead);
    if (rc == 0) rc = copy_pages(mdb, to);
    mdb_env_close(mdb);
    return rc;
}

static mt_status copy_to(copying *c, const char *path)
{
    int to = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), rc = MDB_MAP_RESIZED;

    if (to < 0)
        return mti_lmdb_fail(c->err, mti_lmdb_status(errno), "%.160s cannot be made: %s", path,
                             strerror(errno));
    for (int i = 0; i < TRIES && rc == MDB_MAP_RESIZED; i++) rc = copy_once(c, to);
    if (rc == 0 && fsync(to) != 0) rc = errno;
    (void)close(to);
    if (rc == MDB_INVALID)
        return mti_lmdb_fail(c->err, MT_MALFORMED, "%.160s is not a store of LMDB", c->path);
    return rc == 0 ? MT_OK : fail_code(c, rc, "copied");
}

mt_status mt_kv_lmdb_copy(const char *path, const char *to, const mt_kv_lmdb_copy_options *options,
                          mt_error *err)
{
    mt_kv_lmdb_copy_options own = {0};
    copying c = {.path = path, .err = err, .fd = -1, .table = -1};
    mt_status st;

    if (options) memcpy(&own, options, options->size < sizeof own ? options->size : sizeof own);
    st = open_store(&c, own.held);
    if (st == MT_OK) st = copy_to(&c, to);
    /* After LMDB has closed the table: that takes away all locks of this process on it. */
    if (c.table >= 0) (void)close(c.table);
    if (c.fd >= 0) (void)close(c.fd);
    return st;
}
