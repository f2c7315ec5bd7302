/* Raw LMDB: a field a record, its key the uid, a zero byte and the name. A transaction a commit, with an fsync in
 * a store and without one in memory (MDB_NOSYNC): it has no memory but its file. A read takes the snapshot of its
 * time: one read transaction, renewed. */
#include "peers.h"

#include "../figure.h"

#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEY_MAX 511u

typedef struct replica {
    MDB_env *env;
    MDB_dbi dbi;
    MDB_txn *reading;    /* reset between reads */
    const char *scratch; /* NULL: it is to stay */
} replica;

static void must(int code, const char *what)
{
    if (code != 0) bench_fail(what, mdb_strerror(code));
}

static const char *version(void)
{
    static char text[32];
    int major, minor, patch;

    (void)mdb_version(&major, &minor, &patch);
    (void)snprintf(text, sizeof text, "%d.%d.%d", major, minor, patch);
    return text;
}

static replica *open_with(const char *path, unsigned flags)
{
    replica *r = bench_room(1, sizeof *r);
    MDB_txn *txn;

    must(mdb_env_create(&r->env), "env");
    must(mdb_env_set_mapsize(r->env, (size_t)1 << 32), "mapsize");
    must(mdb_env_open(r->env, path, MDB_NOSUBDIR | MDB_NOTLS | flags, 0600), "open");
    must(mdb_txn_begin(r->env, NULL, 0, &txn), "begin");
    must(mdb_dbi_open(txn, NULL, 0, &r->dbi), "dbi");
    must(mdb_txn_commit(txn), "commit");
    must(mdb_txn_begin(r->env, NULL, MDB_RDONLY, &r->reading), "begin");
    mdb_txn_reset(r->reading);
    return r;
}

static void *store_open(const char *path)
{
    return open_with(path, 0);
}

static void *memory_open(const char *path)
{
    replica *r;

    (void)unlink(path);
    r = open_with(path, MDB_NOSYNC | MDB_NOLOCK);
    r->scratch = path;
    return r;
}

static void close_it(void *ctx)
{
    replica *r = ctx;

    mdb_txn_abort(r->reading);
    mdb_env_close(r->env);
    if (r->scratch) (void)unlink(r->scratch);
    free(r);
}

static MDB_val key_of(uint8_t *room, mt_bytes uid, mt_bytes name)
{
    if (uid.len + 1 + name.len > KEY_MAX) bench_fail("key", "it is too long");
    memcpy(room, uid.data, uid.len);
    room[uid.len] = 0;
    memcpy(room + uid.len + 1, name.data, name.len);
    return (MDB_val){uid.len + 1 + name.len, room};
}

static void put(const replica *r, MDB_txn *txn, mt_bytes uid, mt_bytes name, mt_bytes value)
{
    uint8_t room[KEY_MAX];
    MDB_val key = key_of(room, uid, name), data = {value.len, (void *)(uintptr_t)value.data};

    must(mdb_put(txn, r->dbi, &key, &data, 0), "put");
}

static void write_nodes(void *ctx, const peers_input *in, size_t first, size_t count)
{
    const replica *r = ctx;
    MDB_txn *txn;

    must(mdb_txn_begin(r->env, NULL, 0, &txn), "begin");
    for (size_t i = first; i < first + count; i++)
        for (size_t k = 0; k < in->name_count; k++)
            put(r, txn, in->uids[i], in->names[k], in->values[i * in->name_count + k]);
    must(mdb_txn_commit(txn), "commit");
}

static void edit(void *ctx, const peers_input *in, const peers_edit *edits, size_t count)
{
    const replica *r = ctx;
    MDB_txn *txn;

    must(mdb_txn_begin(r->env, NULL, 0, &txn), "begin");
    for (size_t i = 0; i < count; i++)
        put(r, txn, in->uids[edits[i].node], in->names[edits[i].field], edits[i].value);
    must(mdb_txn_commit(txn), "commit");
}

static mt_bytes read_field(void *ctx, mt_bytes uid, mt_bytes name)
{
    const replica *r = ctx;
    uint8_t room[KEY_MAX];
    MDB_val key = key_of(room, uid, name), data;

    mdb_txn_reset(r->reading);
    must(mdb_txn_renew(r->reading), "renew");
    must(mdb_get(r->reading, r->dbi, &key, &data), "get");
    return (mt_bytes){data.mv_data, data.mv_size};
}

static void each(void *ctx, peers_digest *digest)
{
    const replica *r = ctx;
    MDB_cursor *cursor;
    MDB_val key, data;

    mdb_txn_reset(r->reading);
    must(mdb_txn_renew(r->reading), "renew");
    must(mdb_cursor_open(r->reading, r->dbi, &cursor), "cursor");
    while (mdb_cursor_get(cursor, &key, &data, MDB_NEXT) == 0) {
        const uint8_t *uid = key.mv_data, *end = memchr(uid, 0, key.mv_size);
        size_t len = (size_t)(end - uid);
        peers_digest_add(digest, (mt_bytes){uid, len}, (mt_bytes){end + 1, key.mv_size - len - 1},
                         (mt_bytes){data.mv_data, data.mv_size});
    }
    mdb_cursor_close(cursor);
}

static const peers_ops memory_ops = {.open = memory_open,
                                     .close = close_it,
                                     .write = write_nodes,
                                     .edit = edit,
                                     .read = read_field,
                                     .each = each};

static const peers_ops store_ops = {.open = store_open,
                                    .close = close_it,
                                    .write = write_nodes,
                                    .edit = edit,
                                    .read = read_field,
                                    .each = each};

const peers_subject peers_lmdb = {
    .name = "lmdb", .version = version, .memory = &memory_ops, .store = &store_ops};
