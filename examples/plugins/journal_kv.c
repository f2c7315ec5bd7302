/* journal_kv.c - a plugin with a storage engine of one's own: keys in memory, every commit in a file.
 *
 *     cc -shared -fPIC $(pkg-config --cflags mytosis) journal_kv.c -o journal_kv.so
 *     mytosis init notes.journal --plugin ./journal_kv.so
 *
 *     file    record...
 *     record  length of ops: 8 bytes | FNV-1a of ops: 8 bytes | ops
 *     ops     kind: byte | length of key: 2 bytes | length of value: 4 bytes | key | value ...
 *
 * Numbers have their lowest byte first. What a crash left half written at the end is cut off. The file
 * only grows: an engine to read, for small stores. docs/plugins.md leads through it. */
#include <mytosis/plugin/load.h>

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define RECORD_HEAD 16
#define OP_HEAD 7
#define PAGE 256

typedef struct entry {
    struct entry *next; /* of those removed */
    mt_bytes key, value;
    uint8_t bytes[];
} entry;

typedef struct journal {
    int fd;
    uint64_t len;    /* of the file: whole records */
    entry **entries; /* in key order */
    size_t count, cap;
    entry *removed;   /* while an answer is read they stay */
    size_t answering; /* answers being read */
    bool broken;      /* what is in the file is not known any more */
    bool closed;      /* inside an answer */
} journal;

static mt_status fail(mt_error *err, mt_status status, const char *path, const char *why)
{
    err->status = status;
    snprintf(err->text, sizeof err->text, "%.200s: %s", path, why);
    return status;
}

/* ---- Entries ---- */

static entry *entry_new(mt_bytes key, mt_bytes value)
{
    entry *e = malloc(sizeof *e + key.len + value.len);

    if (!e) return NULL;
    memcpy(e->bytes, key.data, key.len);
    if (value.len > 0) memcpy(e->bytes + key.len, value.data, value.len);
    e->key = (mt_bytes){e->bytes, key.len};
    e->value = (mt_bytes){e->bytes + key.len, value.len};
    return e;
}

/* The number of the first entry at or after a key. */
static size_t seek(const journal *j, mt_bytes key)
{
    size_t low = 0, high = j->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (mt_bytes_compare(j->entries[middle]->key, key) < 0) low = middle + 1;
        else high = middle;
    }
    return low;
}

static bool is_at(const journal *j, size_t at, mt_bytes key)
{
    return at < j->count && mt_bytes_equal(j->entries[at]->key, key);
}

static void free_removed(journal *j)
{
    while (j->removed) {
        entry *e = j->removed;

        j->removed = e->next;
        free(e);
    }
}

static void remove_span(journal *j, size_t first, size_t end)
{
    if (first >= end) return;
    for (size_t i = first; i < end; i++) {
        j->entries[i]->next = j->removed;
        j->removed = j->entries[i];
    }
    memmove(&j->entries[first], &j->entries[end], (j->count - end) * sizeof(entry *));
    j->count -= end - first;
}

static bool reserve(journal *j, size_t more)
{
    size_t cap = 2 * (j->count + more);
    entry **entries;

    if (more <= j->cap - j->count) return true;
    if (!(entries = realloc(j->entries, cap * sizeof(entry *)))) return false;
    j->entries = entries;
    j->cap = cap;
    return true;
}

/* There is room; `made`: of a put. */
static void apply(journal *j, const mt_kv_op *op, entry *made)
{
    size_t at = seek(j, op->key);

    if (op->kind == MT_KV_DELETE_RANGE) remove_span(j, at, seek(j, op->value));
    else if (is_at(j, at, op->key)) remove_span(j, at, at + 1);
    if (op->kind != MT_KV_PUT) return;
    memmove(&j->entries[at + 1], &j->entries[at], (j->count - at) * sizeof(entry *));
    j->entries[at] = made;
    j->count++;
}

/* Makes all entries first, so that then nothing fails. */
static bool make_entries(journal *j, const mt_kv_op *ops, size_t count, entry ***out)
{
    entry **made = calloc(count + 1, sizeof(entry *));
    bool ok = made && reserve(j, count);

    for (size_t i = 0; ok && i < count; i++)
        if (ops[i].kind == MT_KV_PUT) ok = (made[i] = entry_new(ops[i].key, ops[i].value)) != NULL;
    for (size_t i = 0; made && !ok && i < count; i++) free(made[i]);
    if (!ok) free(made);
    else *out = made;
    return ok;
}

/* ---- The file ---- */

static void put_number(uint8_t *out, uint64_t number, size_t len)
{
    for (size_t i = 0; i < len; i++) out[i] = (uint8_t)(number >> (8 * i));
}

static uint64_t get_number(const uint8_t *in, size_t len)
{
    uint64_t number = 0;

    for (size_t i = len; i-- > 0;) number = number << 8 | in[i];
    return number;
}

static uint64_t fnv(const uint8_t *bytes, size_t len)
{
    uint64_t hash = UINT64_C(0xCBF29CE484222325);

    for (size_t i = 0; i < len; i++) hash = (hash ^ bytes[i]) * UINT64_C(0x100000001B3);
    return hash;
}

/* The record of a commit, to be freed; NULL: no memory, or a value that has no room in it. */
static uint8_t *record_of(const mt_kv_op *ops, size_t count, size_t *len)
{
    uint8_t *record, *to;

    *len = RECORD_HEAD;
    for (size_t i = 0; i < count; i++) {
        if (ops[i].value.len > UINT32_MAX) return NULL;
        *len += OP_HEAD + ops[i].key.len + ops[i].value.len;
    }
    if (!(record = malloc(*len))) return NULL;
    to = record + RECORD_HEAD;
    for (size_t i = 0; i < count; i++) {
        to[0] = (uint8_t)ops[i].kind;
        put_number(to + 1, ops[i].key.len, 2);
        put_number(to + 3, ops[i].value.len, 4);
        memcpy(to + OP_HEAD, ops[i].key.data, ops[i].key.len);
        to += OP_HEAD + ops[i].key.len;
        if (ops[i].value.len > 0) memcpy(to, ops[i].value.data, ops[i].value.len);
        to += ops[i].value.len;
    }
    put_number(record, *len - RECORD_HEAD, 8);
    put_number(record + 8, fnv(record + RECORD_HEAD, *len - RECORD_HEAD), 8);
    return record;
}

static bool write_all(const journal *j, const uint8_t *bytes, size_t len)
{
    size_t at = 0;

    while (at < len) {
        ssize_t done = pwrite(j->fd, bytes + at, len - at, (off_t)(j->len + at));

        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) return false;
        at += (size_t)done;
    }
    return true;
}

/* After a flush that failed nobody knows what is in the file: it is not written any more. */
static mt_status append(journal *j, const uint8_t *record, size_t len)
{
    int why;

    if (!write_all(j, record, len)) {
        why = errno;
        j->broken = ftruncate(j->fd, (off_t)j->len) != 0;
        return why == ENOSPC || why == EDQUOT ? MT_FULL : MT_IO;
    }
    if (fdatasync(j->fd) != 0) {
        j->broken = true;
        return MT_IO;
    }
    j->len += len;
    return MT_OK;
}

/* The next op of a record; false: there is none, or it is none. */
static bool take_op(const uint8_t **at, const uint8_t *end, mt_kv_op *op)
{
    size_t room = (size_t)(end - *at);

    if (room < OP_HEAD) return false;
    op->kind = (mt_kv_op_kind)(*at)[0];
    op->key.len = (size_t)get_number(*at + 1, 2);
    op->value.len = (size_t)get_number(*at + 3, 4);
    if (op->kind > MT_KV_DELETE_RANGE || op->key.len > room - OP_HEAD ||
        op->value.len > room - OP_HEAD - op->key.len)
        return false;
    op->key.data = *at + OP_HEAD;
    op->value.data = op->key.data + op->key.len;
    *at = op->value.data + op->value.len;
    return true;
}

static mt_status replay(journal *j, const uint8_t *file, uint64_t len)
{
    while (len - j->len >= RECORD_HEAD) {
        const uint8_t *at = file + j->len + RECORD_HEAD, *end;
        uint64_t ops_len = get_number(file + j->len, 8);
        mt_kv_op op;

        if (ops_len > len - j->len - RECORD_HEAD) break;
        if (fnv(at, (size_t)ops_len) != get_number(file + j->len + 8, 8)) break;
        for (end = at + ops_len; take_op(&at, end, &op);) {
            entry *made = op.kind == MT_KV_PUT ? entry_new(op.key, op.value) : NULL;

            if ((op.kind == MT_KV_PUT && !made) || !reserve(j, 1)) return MT_NO_MEMORY;
            apply(j, &op, made);
        }
        if (at != end) return MT_MALFORMED;
        j->len += RECORD_HEAD + ops_len;
    }
    return MT_OK;
}

static mt_status load(journal *j, bool read_only)
{
    struct stat about;
    uint8_t *file;
    uint64_t len;
    mt_status st = MT_IO;

    if (fstat(j->fd, &about) != 0) return MT_IO;
    len = (uint64_t)about.st_size;
    if (!(file = malloc((size_t)len + 1))) return MT_NO_MEMORY;
    if (pread(j->fd, file, (size_t)len, 0) == (ssize_t)len) st = replay(j, file, len);
    free(file);
    free_removed(j);
    if (st == MT_OK && j->len == 0 && len >= RECORD_HEAD) return MT_MALFORMED; /* none of ours */
    if (st == MT_OK && !read_only && j->len < len && ftruncate(j->fd, (off_t)j->len) != 0)
        return MT_IO;
    return st;
}

/* ---- The engine ---- */

static void journal_free(journal *j)
{
    free_removed(j);
    for (size_t i = 0; i < j->count; i++) free(j->entries[i]);
    free(j->entries);
    if (j->fd >= 0) close(j->fd);
    free(j);
}

/* A commit or a close inside of the answer must leave what is being read. */
static void answer(journal *j, const mt_kv_host *host, uint64_t id, const mt_kv_answer *what)
{
    j->answering++;
    host->answer(host->ctx, id, what);
    if (--j->answering > 0) return;
    free_removed(j);
    if (j->closed) journal_free(j);
}

static mt_status journal_get(void *ctx, const mt_kv_host *host, uint64_t id, const mt_bytes *keys,
                             size_t count)
{
    journal *j = ctx;
    mt_kv_pair *pairs = calloc(count + 1, sizeof *pairs);

    if (!pairs) return MT_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        size_t at = seek(j, keys[i]);

        pairs[i].key = keys[i];
        if (is_at(j, at, keys[i])) pairs[i].value = j->entries[at]->value;
    }
    answer(j, host, id, &(mt_kv_answer){.pairs = pairs, .count = count});
    free(pairs);
    return MT_OK;
}

static mt_status journal_scan(void *ctx, const mt_kv_host *host, uint64_t id, mt_bytes after,
                              mt_bytes end, size_t limit)
{
    journal *j = ctx;
    mt_kv_pair pairs[PAGE];
    mt_kv_answer page = {.pairs = pairs};
    size_t at = seek(j, after), last = end.len > 0 ? seek(j, end) : j->count;

    if (limit == 0) return MT_INVALID;
    if (is_at(j, at, after)) at++;
    for (; at < last && page.count < PAGE && page.count < limit; at++)
        pairs[page.count++] = (mt_kv_pair){j->entries[at]->key, j->entries[at]->value};
    page.more = at < last;
    answer(j, host, id, &page);
    return MT_OK;
}

static mt_status journal_commit(void *ctx, const mt_kv_host *host, uint64_t id, const mt_kv_op *ops,
                                size_t count)
{
    journal *j = ctx;
    mt_kv_answer done = {.status = MT_OK};
    entry **made;
    uint8_t *record;
    size_t len;

    for (size_t i = 0; i < count; i++)
        if (ops[i].kind > MT_KV_DELETE_RANGE || ops[i].key.len == 0 ||
            ops[i].key.len > MT_KV_KEY_LEN_MAX)
            return MT_INVALID;
    if (!make_entries(j, ops, count, &made)) return MT_NO_MEMORY;
    record = record_of(ops, count, &len);
    if (!record) done.status = MT_NO_MEMORY;
    else done.status = j->broken ? MT_IO : append(j, record, len);
    for (size_t i = 0; i < count; i++) {
        if (done.status == MT_OK) apply(j, &ops[i], made[i]);
        else free(made[i]);
    }
    free(made);
    free(record);
    if (done.status == MT_IO) done.text = "the journal cannot be written";
    answer(j, host, id, &done);
    return MT_OK;
}

static void journal_close(void *ctx)
{
    journal *j = ctx;

    j->closed = true;
    if (j->answering == 0) journal_free(j);
}

static uint64_t journal_bytes(void *ctx)
{
    return ((journal *)ctx)->len;
}

/* ---- Opening ---- */

/* A file that is new is there after a crash once its folder is flushed. */
static bool flush_folder(const char *path)
{
    char *copy = strdup(path);
    int fd = copy ? open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    bool flushed = fd >= 0 && fsync(fd) == 0;

    if (fd >= 0) close(fd);
    free(copy);
    return flushed;
}

static mt_status open_file(journal *j, const mt_plugin_args *args, mt_error *err)
{
    int flags = args->read_only ? O_RDONLY : args->must_exist ? O_RDWR : O_RDWR | O_CREAT;
    mt_status st;

    j->fd = open(args->path, flags | O_CLOEXEC, 0600);
    if (j->fd < 0)
        return fail(err, errno == ENOENT ? MT_NOT_FOUND : MT_IO, args->path, strerror(errno));
    if (flock(j->fd, (args->read_only ? LOCK_SH : LOCK_EX) | LOCK_NB) != 0)
        return fail(err, MT_BUSY, args->path, "it is held by another");
    if ((flags & O_CREAT) && !flush_folder(args->path))
        return fail(err, MT_IO, args->path, strerror(errno));
    if ((st = load(j, args->read_only)) == MT_OK) return MT_OK;
    return fail(err, st, args->path,
                st == MT_MALFORMED ? "it is no journal, or damaged" : mt_status_text(st));
}

static mt_status make_kv(const mt_plugin_args *args, mt_kv *out, mt_error *err)
{
    static const mt_kv_ops ops = {.abi = MT_KV_ABI,
                                  .size = sizeof ops,
                                  .name = "journal",
                                  .key_len_max = MT_KV_KEY_LEN_MAX,
                                  .get = journal_get,
                                  .scan = journal_scan,
                                  .commit = journal_commit,
                                  .close = journal_close,
                                  .bytes = journal_bytes};
    journal *j;
    mt_status st;

    if (args->options && *args->options)
        return fail(err, MT_INVALID, args->options, "a journal has no options");
    if (!args->path) return fail(err, MT_INVALID, "journal", "no path of a store is given");
    if (!(j = calloc(1, sizeof *j))) return fail(err, MT_NO_MEMORY, args->path, "out of memory");
    j->fd = -1;
    if ((st = open_file(j, args, err)) != MT_OK) {
        journal_free(j);
        return st;
    }
    *out = (mt_kv){&ops, j};
    return MT_OK;
}

const mt_plugin_ops *mt_plugin_entry(void)
{
    static const mt_plugin_ops ops = {.abi = MT_PLUGIN_ABI,
                                      .size = sizeof ops,
                                      .name = "journal",
                                      .version = "1.0",
                                      .kv = make_kv};

    return &ops;
}
