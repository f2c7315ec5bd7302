/* kv_lmdb.c - an ordered key-value engine on LMDB.
 *
 * Reads share one read transaction, which is renewed for a request and reset after its answer, so
 * that no old state is kept from being reused. Pairs point into the map. While they do, no commit
 * begins and the map does not move: a commit made inside an answer is queued until that was read.
 *
 *     commit  ->  queue  ->  applied here, or by work on another thread  ->  answered
 *                   ^                         |
 *                   +---- the map was full: it grows, once more ----------+
 *
 * While a commit is on the other thread, the read transaction is held, so that reads find the state
 * before it. Only one is there at a time; it touches its job and LMDB, and nothing else. */
#include "plugins/kv_lmdb_check.h"

#include <lmdb.h>

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MAP_LEN_DEFAULT (SIZE_MAX > UINT32_MAX ? (uint64_t)1 << 30 : (uint64_t)64 << 20)
#define MAP_LEN_UNIT ((size_t)1 << 16) /* a multiple of any page */

/* A commit that is under way. */
typedef struct job {
    struct job *next;
    struct lmdb *engine;
    const mt_kv_host *host;
    uint64_t id;
    const mt_kv_op *ops; /* pinned by the host */
    size_t count;
    bool applied; /* and came to `rc`, of LMDB or the system */
    int rc;
} job;

typedef struct lmdb {
    const mt_env *env;
    mti_lmdb_file file;
    MDB_env *mdb;
    MDB_dbi dbi;
    MDB_txn *reader;
    MDB_cursor *cursor; /* of the reader */
    size_t holds;       /* of the reader: it is reset at 0 */
    size_t answering;   /* answers that are being read */
    bool working;       /* the first job is on another thread */
    bool closed;        /* inside an answer */
    int failed;         /* what writing came to, after which nothing is written any more */
    bool lost;          /* nor read: the map could not be taken again */
    job *jobs;          /* in order */
    job **jobs_end;
} lmdb;

/* ---- What LMDB says ---- */

static bool is_no_room(int rc)
{
    return rc == ENOSPC || rc == EDQUOT || rc == EFBIG || rc == MDB_MAP_FULL || rc == MDB_TXN_FULL;
}

mt_status mti_lmdb_status(int rc)
{
    if (is_no_room(rc)) return MT_FULL;
    switch (rc) {
    case 0: return MT_OK;
    case ENOMEM: return MT_NO_MEMORY;
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID:
    case MDB_VERSION_MISMATCH:
    case MDB_INCOMPATIBLE:
    case MDB_MAP_RESIZED: /* by nobody: the file says that it is larger than it can be */
        return MT_MALFORMED;
    default: return MT_IO;
    }
}

/* Says what `rc` means, of a store that is open or is being opened. */
static mt_status fail_rc(const lmdb *l, int rc, mt_error *err)
{
    const char *name = mti_lmdb_file_name(&l->file), *why = mdb_strerror(rc);
    mt_status st = mti_lmdb_status(rc);

    if (rc == MDB_INVALID) return mti_lmdb_fail(err, st, "%s is not a store of LMDB", name);
    if (rc == MDB_VERSION_MISMATCH)
        return mti_lmdb_fail(err, st, "%s is of another version of LMDB", name);
    if (rc == MDB_MAP_FULL)
        return mti_lmdb_fail(err, st, "%s: no address space is left for it to grow", name);
    if (rc == EROFS && l->file.read_only)
        return mti_lmdb_fail(err, st, "%s is open for reading only", name);
    if (st == MT_MALFORMED) return mti_lmdb_fail(err, st, "%s is damaged: %s", name, why);
    if (rc == l->failed)
        return mti_lmdb_fail(err, st, "%s: nothing is written since a write failed: %s", name, why);
    return mti_lmdb_fail(err, st, "%s: %s", name, why);
}

static MDB_val val_of(mt_bytes bytes)
{
    return (MDB_val){.mv_size = bytes.len, .mv_data = (void *)(uintptr_t)bytes.data};
}

static mt_bytes bytes_of(MDB_val val)
{
    return (mt_bytes){val.mv_data, val.mv_size};
}

/* ---- Answering ---- */

static void jobs_run(lmdb *l);
static void lmdb_free(lmdb *l, bool undo);

/* The state as it is now, until it is released as often as it was held. */
static int reader_hold(lmdb *l)
{
    int rc = 0;

    if (l->lost) return l->failed;
    if (l->holds == 0) {
        if ((rc = mdb_txn_renew(l->reader)) != 0) return rc;
        rc = mdb_cursor_renew(l->reader, l->cursor);
        if (rc != 0) mdb_txn_reset(l->reader);
    }
    if (rc == 0) l->holds++;
    return rc;
}

static void reader_release(lmdb *l)
{
    if (--l->holds == 0) mdb_txn_reset(l->reader);
}

static void answer_give(lmdb *l, const mt_kv_host *host, uint64_t id, const mt_kv_answer *answer)
{
    l->answering++;
    host->answer(host->ctx, id, answer);
    l->answering--;
}

/* After an answer, when nothing of the engine is in use any more: what was put off is done. */
static void leave(lmdb *l)
{
    if (l->answering > 0) return;
    if (l->closed) lmdb_free(l, false);
    else jobs_run(l);
}

static void answer_failure(lmdb *l, const mt_kv_host *host, uint64_t id, int rc)
{
    mt_error err;
    mt_status st = fail_rc(l, rc, &err);

    answer_give(l, host, id, &(mt_kv_answer){.status = st, .text = err.text});
}

#define PAIRS_FEW 16

/* Room for the pairs of an answer: on the stack if they are few. */
typedef struct pairs {
    const mt_mem *mem;
    mt_kv_pair *at;
    size_t cap;
    mt_kv_pair few[PAIRS_FEW];
} pairs;

static bool pairs_begin(pairs *p, const mt_mem *mem, size_t cap)
{
    p->mem = mem;
    p->cap = cap;
    p->at = p->few;
    if (cap <= PAIRS_FEW) return true;
    if (cap > SIZE_MAX / sizeof *p->at) return false;
    p->at = mem->resize(mem->ctx, NULL, 0, cap * sizeof *p->at);
    return p->at != NULL;
}

static void pairs_end(pairs *p)
{
    if (p->at != p->few) p->mem->resize(p->mem->ctx, p->at, p->cap * sizeof *p->at, 0);
}

/* ---- Reading ---- */

static bool key_fits(mt_bytes key)
{
    return key.len >= 1 && key.len <= MT_KV_KEY_LEN_MAX;
}

/* Looks the keys up with one cursor: LMDB first looks where it stands, which is near. */
static int pairs_get(lmdb *l, const mt_bytes *keys, size_t count, mt_kv_pair *out)
{
    for (size_t i = 0; i < count; i++) {
        MDB_val key = val_of(keys[i]), value;
        int rc = mdb_cursor_get(l->cursor, &key, &value, MDB_SET);

        if (rc != 0 && rc != MDB_NOTFOUND) return rc;
        out[i] = (mt_kv_pair){.key = keys[i]};
        if (rc == 0) out[i].value = bytes_of(value);
    }
    return 0;
}

static mt_status lmdb_get(void *ctx, const mt_kv_host *host, uint64_t id, const mt_bytes *keys,
                          size_t count)
{
    lmdb *l = ctx;
    pairs found;
    int rc;

    for (size_t i = 0; i < count; i++)
        if (!key_fits(keys[i])) return MT_INVALID;
    if (!pairs_begin(&found, l->env->mem, count)) return MT_NO_MEMORY;
    rc = reader_hold(l);
    if (rc != 0) {
        answer_failure(l, host, id, rc);
    } else {
        rc = pairs_get(l, keys, count, found.at);
        if (rc != 0) answer_failure(l, host, id, rc);
        else answer_give(l, host, id, &(mt_kv_answer){.pairs = found.at, .count = count});
        reader_release(l);
    }
    pairs_end(&found);
    leave(l);
    return MT_OK;
}

#define PAGE_MAX 1000

/* Fills a page. `*more`: there is a pair behind it. */
static int pairs_scan(lmdb *l, mt_bytes after, mt_bytes end, pairs *page, size_t *count, bool *more)
{
    MDB_val key = val_of(after), value;
    int rc = mdb_cursor_get(l->cursor, &key, &value, after.len > 0 ? MDB_SET_RANGE : MDB_FIRST);

    *count = 0;
    *more = false;
    if (rc == 0 && after.len > 0 && mt_bytes_equal(bytes_of(key), after))
        rc = mdb_cursor_get(l->cursor, &key, &value, MDB_NEXT);
    while (rc == 0 && (end.len == 0 || mt_bytes_compare(bytes_of(key), end) < 0)) {
        *more = *count == page->cap;
        if (*more) return 0;
        page->at[(*count)++] = (mt_kv_pair){bytes_of(key), bytes_of(value)};
        rc = mdb_cursor_get(l->cursor, &key, &value, MDB_NEXT);
    }
    return rc == MDB_NOTFOUND ? 0 : rc;
}

static mt_status lmdb_scan(void *ctx, const mt_kv_host *host, uint64_t id, mt_bytes after,
                           mt_bytes end, size_t limit)
{
    lmdb *l = ctx;
    mt_kv_answer answer = {.status = MT_OK};
    pairs found;
    int rc;

    if (limit == 0) return MT_INVALID;
    if (!pairs_begin(&found, l->env->mem, limit < PAGE_MAX ? limit : PAGE_MAX)) return MT_NO_MEMORY;
    rc = reader_hold(l);
    if (rc != 0) {
        answer_failure(l, host, id, rc);
    } else {
        answer.pairs = found.at;
        rc = pairs_scan(l, after, end, &found, &answer.count, &answer.more);
        if (rc != 0) answer_failure(l, host, id, rc);
        else answer_give(l, host, id, &answer);
        reader_release(l);
    }
    pairs_end(&found);
    leave(l);
    return MT_OK;
}

/* ---- Committing: on any thread ---- */

/* Seeks each key anew: what a cursor points to after it deleted has changed between versions. */
static int range_delete(MDB_cursor *cursor, mt_bytes first, mt_bytes end)
{
    for (;;) {
        MDB_val key = val_of(first), value;
        int rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);

        if (rc != 0) return rc == MDB_NOTFOUND ? 0 : rc;
        if (mt_bytes_compare(bytes_of(key), end) >= 0) return 0;
        if ((rc = mdb_cursor_del(cursor, 0)) != 0) return rc;
    }
}

static int op_apply(MDB_cursor *cursor, const mt_kv_op *op)
{
    MDB_val key = val_of(op->key), value = val_of(op->value);
    int rc = 0;

    switch (op->kind) {
    case MT_KV_PUT: return mdb_cursor_put(cursor, &key, &value, 0);
    case MT_KV_DELETE:
        rc = mdb_cursor_get(cursor, &key, &value, MDB_SET);
        if (rc == MDB_NOTFOUND) return 0;
        return rc != 0 ? rc : mdb_cursor_del(cursor, 0);
    case MT_KV_DELETE_RANGE: return range_delete(cursor, op->key, op->value);
    }
    return EINVAL;
}

/* One cursor for all ops: where keys ascend, LMDB finds each next to the last, which is half as
 * fast again as to search from the root. */
static int ops_apply(lmdb *l, const mt_kv_op *ops, size_t count)
{
    MDB_txn *txn;
    MDB_cursor *cursor;
    int rc = mdb_txn_begin(l->mdb, NULL, 0, &txn);

    if (rc != 0) return rc;
    rc = mdb_cursor_open(txn, l->dbi, &cursor);
    if (rc == 0) {
        for (size_t i = 0; i < count && rc == 0; i++) rc = op_apply(cursor, &ops[i]);
        mdb_cursor_close(cursor);
    }
    if (rc == 0) return mdb_txn_commit(txn);
    mdb_txn_abort(txn);
    return rc;
}

static void job_apply(void *arg)
{
    job *j = arg;

    j->rc = ops_apply(j->engine, j->ops, j->count);
}

/* ---- Committing: on the thread of the database ---- */

/* Whether so much more address space is to be had. LMDB gives the old map up before it takes a new
 * one, and would be left with none. */
static bool map_fits(size_t len)
{
    void *room = mmap(NULL, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (room == MAP_FAILED) return false;
    munmap(room, len);
    return true;
}

/* Doubles the map, or adds what there is address space for. */
static int map_grow(lmdb *l)
{
    MDB_envinfo info;
    size_t step;
    int rc = mdb_env_info(l->mdb, &info), dead;

    if (rc != 0) return rc;
    assert(l->holds == 0);
    (void)mdb_reader_check(l->mdb, &dead); /* a copy that was killed keeps pages from being used */
    for (step = info.me_mapsize; step >= MAP_LEN_UNIT;
         step = step / 2 / MAP_LEN_UNIT * MAP_LEN_UNIT)
        if (step <= SIZE_MAX - info.me_mapsize && map_fits(info.me_mapsize + step)) break;
    if (step < MAP_LEN_UNIT) return MDB_MAP_FULL;
    rc = mdb_env_set_mapsize(l->mdb, info.me_mapsize + step);
    if (rc == 0) return 0;
    l->lost = true;
    l->failed = EIO;
    return EIO;
}

/* Gives back what a commit for which there was no room has taken of the disk. */
static void file_trim(lmdb *l)
{
    MDB_envinfo info;
    MDB_stat stat;
    uint64_t used;

    if (mdb_env_info(l->mdb, &info) != 0 || mdb_env_stat(l->mdb, &stat) != 0) return;
    used = ((uint64_t)info.me_last_pgno + 1) * stat.ms_psize;
    if (mti_lmdb_file_len(&l->file) > used) mti_lmdb_file_resize(&l->file, used);
}

/* What an applied job came to for good, or that it is to be applied again. */
static bool job_again(lmdb *l, job *j)
{
    int rc = j->rc;

    if (rc == MDB_MAP_FULL) {
        j->rc = map_grow(l);
        j->applied = j->rc != 0;
        return !j->applied;
    }
    /* LMDB says EIO of a write that was cut short, as the last one before the disk is full is. */
    if (rc == EIO && !l->file.read_only && mti_lmdb_file_full(&l->file)) j->rc = ENOSPC;
    if (is_no_room(j->rc)) file_trim(l);
    else if (mti_lmdb_status(j->rc) == MT_IO) l->failed = j->rc;
    return false;
}

static void job_answer(lmdb *l, job *j)
{
    l->jobs = j->next;
    if (!l->jobs) l->jobs_end = &l->jobs;
    if (j->rc == 0) answer_give(l, j->host, j->id, &(mt_kv_answer){.status = MT_OK});
    else answer_failure(l, j->host, j->id, j->rc);
    l->env->mem->resize(l->env->mem->ctx, j, sizeof *j, 0);
}

static void job_done(void *arg)
{
    job *j = arg;
    lmdb *l = j->engine;

    l->working = false;
    j->applied = true;
    reader_release(l);
    leave(l);
}

/* Hands the job to another thread. False: it is to be applied here. */
static bool job_hand_over(lmdb *l, job *j)
{
    if (!l->env->work || reader_hold(l) != 0) return false;
    l->working = true;
    if (l->env->work(l->env->ctx, job_apply, job_done, j) == MT_OK) return true;
    l->working = false;
    reader_release(l);
    return false;
}

/* Goes on with the jobs, as far as that is possible now. The engine may be gone afterwards. */
static void jobs_run(lmdb *l)
{
    while (l->jobs && !l->working && l->answering == 0) {
        job *j = l->jobs;

        if (!j->applied && l->failed != 0) {
            j->rc = l->failed;
        } else {
            if (!j->applied) {
                if (job_hand_over(l, j)) return;
                job_apply(j);
                j->applied = true;
            }
            if (job_again(l, j)) continue;
        }
        job_answer(l, j);
        if (l->closed) {
            lmdb_free(l, false);
            return;
        }
    }
}

static mt_status lmdb_commit(void *ctx, const mt_kv_host *host, uint64_t id, const mt_kv_op *ops,
                             size_t count)
{
    lmdb *l = ctx;
    job *j;

    for (size_t i = 0; i < count; i++) {
        if (ops[i].kind > MT_KV_DELETE_RANGE || !key_fits(ops[i].key)) return MT_INVALID;
        if (ops[i].value.len > UINT32_MAX) return MT_TOO_LARGE;
    }
    j = l->env->mem->resize(l->env->mem->ctx, NULL, 0, sizeof *j);
    if (!j) return MT_NO_MEMORY;
    *j = (job){.engine = l, .host = host, .id = id, .ops = ops, .count = count};
    *l->jobs_end = j;
    l->jobs_end = &j->next;
    jobs_run(l);
    return MT_OK;
}

/* ---- Opening and closing ---- */

/* The file may be shorter than what is in use of it, where its last pages were never written because
 * they are free. Made longer, a page that is missing for another reason is found to be damaged, and
 * not a crash. */
static bool file_mend(lmdb *l)
{
    MDB_envinfo info;
    MDB_stat stat;
    uint64_t used;

    if (mdb_env_info(l->mdb, &info) != 0 || mdb_env_stat(l->mdb, &stat) != 0) return false;
    used = ((uint64_t)info.me_last_pgno + 1) * stat.ms_psize;
    if (mti_lmdb_file_len(&l->file) >= used) return true;
    return !l->file.read_only && mti_lmdb_file_resize(&l->file, used);
}

static void lmdb_free(lmdb *l, bool undo)
{
    const mt_mem *mem = l->env->mem;

    if (l->reader && !undo && !l->lost) file_mend(l);
    if (l->cursor) mdb_cursor_close(l->cursor);
    if (l->reader) mdb_txn_abort(l->reader);
    if (l->mdb) mdb_env_close(l->mdb);
    mti_lmdb_file_close(&l->file, undo);
    mem->resize(mem->ctx, l, sizeof *l, 0);
}

static void lmdb_close(void *ctx)
{
    lmdb *l = ctx;

    assert(!l->closed && !l->jobs);
    l->closed = true;
    leave(l);
}

static uint64_t lmdb_bytes(void *ctx)
{
    return mti_lmdb_file_len(&((lmdb *)ctx)->file);
}

/* Opens the environment with a map of about so many bytes, or of fewer if there is no address space
 * for that. */
static int env_open(lmdb *l, const mt_kv_lmdb_options *options)
{
    unsigned flags = MDB_NOSUBDIR | MDB_NOTLS;
    uint64_t need = l->file.len + MAP_LEN_UNIT, len = options->map_len;
    int rc;

    /* Nobody writes while readers hold the file, so they need not tell that they are there. */
    if (options->read_only) flags |= MDB_RDONLY | MDB_NOLOCK;
    if (options->no_sync) flags |= MDB_NOSYNC;
    if (len < 2 * need) len = 2 * need;
    for (;; len /= 2) {
        if (len > SIZE_MAX - MAP_LEN_UNIT) continue;
        if ((rc = mdb_env_create(&l->mdb)) != 0) return rc;
        len = (len + MAP_LEN_UNIT - 1) / MAP_LEN_UNIT * MAP_LEN_UNIT;
        rc = mdb_env_set_mapsize(l->mdb, (size_t)len);
        if (rc == 0) rc = mdb_env_open(l->mdb, l->file.path, flags, (mdb_mode_t)options->mode);
        if (rc != ENOMEM || len / 2 < need) return rc;
        mdb_env_close(l->mdb);
        l->mdb = NULL;
    }
}

static int reader_open(lmdb *l)
{
    unsigned flags;
    int rc;

    if ((rc = mdb_txn_begin(l->mdb, NULL, MDB_RDONLY, &l->reader)) != 0) return rc;
    if ((rc = mdb_dbi_open(l->reader, NULL, 0, &l->dbi)) != 0) return rc;
    if ((rc = mdb_dbi_flags(l->reader, l->dbi, &flags)) != 0) return rc;
    /* Another program's, with keys in another order or several values each. */
    if (flags != 0) return MDB_INCOMPATIBLE;
    if ((rc = mdb_cursor_open(l->reader, l->dbi, &l->cursor)) != 0) return rc;
    mdb_txn_reset(l->reader);
    return 0;
}

static mt_status lmdb_open(lmdb *l, const char *path, const mt_kv_lmdb_options *options,
                           mt_error *err)
{
    mt_status st = mti_lmdb_file_open(&l->file, l->env->mem, path, options, err);
    int rc;

    if (st != MT_OK) return st;
    if (options->read_only) l->failed = EROFS;
    if (options->check && (st = mti_lmdb_check(&l->file, err)) != MT_OK) return st;
    if ((rc = env_open(l, options)) != 0) return fail_rc(l, rc, err);
    if (mdb_env_get_maxkeysize(l->mdb) < MT_KV_KEY_LEN_MAX)
        return mti_lmdb_fail(err, MT_UNSUPPORTED, "this LMDB has keys of at most %d bytes",
                             mdb_env_get_maxkeysize(l->mdb));
    if ((rc = reader_open(l)) != 0) return fail_rc(l, rc, err);
    if (!file_mend(l))
        return mti_lmdb_fail(err, MT_MALFORMED, "%s is cut short: it has %llu bytes",
                             mti_lmdb_file_name(&l->file), (unsigned long long)l->file.len);
    if (!l->file.made || options->no_sync) return MT_OK;
    if ((rc = mdb_env_sync(l->mdb, 1)) == 0 && !mti_lmdb_file_sync_folder(&l->file)) rc = errno;
    return rc == 0 ? MT_OK : fail_rc(l, rc, err);
}

mt_status mt_kv_lmdb(const mt_env *env, const char *path, const mt_kv_lmdb_options *options,
                     mt_kv *out, mt_error *err)
{
    static const mt_kv_ops ops = {.abi = MT_KV_ABI,
                                  .size = sizeof(mt_kv_ops),
                                  .name = "lmdb",
                                  .key_len_max = MT_KV_KEY_LEN_MAX,
                                  .get = lmdb_get,
                                  .scan = lmdb_scan,
                                  .commit = lmdb_commit,
                                  .close = lmdb_close,
                                  .bytes = lmdb_bytes};
    mt_kv_lmdb_options own = {0};
    lmdb *l = env->mem->resize(env->mem->ctx, NULL, 0, sizeof *l);
    mt_status st;

    if (!l) return mti_lmdb_fail(err, MT_NO_MEMORY, "out of memory");
    if (options) memcpy(&own, options, options->size < sizeof own ? options->size : sizeof own);
    if (own.mode == 0) own.mode = 0600;
    if (own.map_len == 0) own.map_len = MAP_LEN_DEFAULT;
    *l = (lmdb){.env = env};
    l->jobs_end = &l->jobs;
    st = lmdb_open(l, path, &own, err);
    if (st == MT_OK) *out = (mt_kv){&ops, l};
    else lmdb_free(l, true);
    return st;
}
