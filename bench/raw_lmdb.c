#include "raw_lmdb.h"

#include "figure.h"

#include <lmdb.h>
#include <mytosis/binary.h>
#include <mytosis/host.h>
#include <stdlib.h>
#include <string.h>

#define LOG_LEN 16u /* of an entry of the log beside the uid, about */

/* ---- Records ---- */

raw_records raw_records_new(const bench_set *set)
{
    raw_records r = {.set = set, .frames = {.mem = mt_mem_system()}};
    mt_binary_writer *writer;

    r.frame_at = bench_room(set->count + 1, sizeof *r.frame_at);
    bench_must(mt_binary_writer_new(mt_mem_system(), NULL, NULL, &r.frames, &writer), "writer");
    for (size_t i = 0; i < set->count; i++) {
        mt_row row = set->rows[i];
        mt_field fields[FIELDS];
        memcpy(fields, row.fields, sizeof fields);
        for (unsigned k = 0; k < FIELDS; k++) fields[k].state = UINT64_C(1) << 48;
        row.fields = fields;
        r.frame_at[i] = r.frames.len;
        bench_must(mt_binary_row(writer, &row), "row");
        bench_must(mt_binary_finish(writer), "finish");
    }
    r.frame_at[set->count] = r.frames.len;
    mt_binary_writer_free(writer);
    return r;
}

void raw_records_free(raw_records *records)
{
    mt_buf_free(&records->frames);
    free(records->frame_at);
}

/* ---- A store ---- */

typedef struct raw {
    MDB_env *env;
    MDB_dbi dbi;
    uint64_t number; /* of the log */
} raw;

static void must(int code, const char *what)
{
    if (code != 0) bench_fail(what, mdb_strerror(code));
}

static raw raw_open(const char *path)
{
    MDB_txn *txn;
    raw r = {.number = 0};

    must(mdb_env_create(&r.env), "env");
    must(mdb_env_set_mapsize(r.env, (size_t)1 << 32), "mapsize");
    must(mdb_env_open(r.env, path, MDB_NOSUBDIR | MDB_NOTLS, 0600), "open");
    must(mdb_txn_begin(r.env, NULL, 0, &txn), "begin");
    must(mdb_dbi_open(txn, NULL, 0, &r.dbi), "dbi");
    must(mdb_txn_commit(txn), "commit");
    return r;
}

static void put(raw *r, MDB_txn *txn, const raw_records *records, size_t at, bool log)
{
    uint8_t key[1 + UID_LEN] = {'n'}, number[9] = {'l'}, entry[UID_LEN + LOG_LEN] = {0};
    mt_bytes uid = records->set->rows[at].uid;
    MDB_val k = {sizeof key, key}, v;

    memcpy(key + 1, uid.data, uid.len);
    v.mv_size = records->frame_at[at + 1] - records->frame_at[at];
    v.mv_data = records->frames.data + records->frame_at[at];
    must(mdb_put(txn, r->dbi, &k, &v, 0), "put");
    if (!log) return;
    r->number++;
    for (int i = 0; i < 8; i++) number[8 - i] = (uint8_t)(r->number >> (8 * i));
    memcpy(entry, uid.data, uid.len);
    k.mv_data = number;
    k.mv_size = sizeof number;
    v.mv_data = entry;
    v.mv_size = sizeof entry;
    must(mdb_put(txn, r->dbi, &k, &v, 0), "put");
}

double raw_lmdb_write(const char *path, const raw_records *records, size_t count, size_t commits,
                      bool log)
{
    raw r = raw_open(path);
    double start = bench_now();
    size_t at = 0;

    for (size_t i = 1; i <= commits; i++) {
        MDB_txn *txn;
        must(mdb_txn_begin(r.env, NULL, 0, &txn), "begin");
        for (; at < count * i / commits; at++) put(&r, txn, records, at, log);
        must(mdb_txn_commit(txn), "commit");
    }
    start = bench_now() - start;
    mdb_env_close(r.env);
    return (double)count / start;
}

double raw_lmdb_read(const char *path, const bench_set *set, size_t count, uint64_t seed)
{
    bench_rng rng = {seed};
    double start = bench_now();
    raw r = raw_open(path);
    size_t bytes = 0;
    MDB_txn *txn;

    must(mdb_txn_begin(r.env, NULL, MDB_RDONLY, &txn), "begin");
    for (size_t i = 0; i < count; i++) {
        uint8_t key[1 + UID_LEN] = {'n'};
        MDB_val k = {sizeof key, key}, v;
        memcpy(key + 1, set->rows[bench_random(&rng, (uint32_t)set->count)].uid.data, UID_LEN);
        must(mdb_get(txn, r.dbi, &k, &v), "get");
        bytes += v.mv_size;
    }
    mdb_txn_abort(txn);
    start = bench_now() - start;
    mdb_env_close(r.env);
    return bytes > 0 ? (double)count / start : 0;
}

size_t raw_lmdb_commits(const char *path)
{
    MDB_envinfo info;
    MDB_env *env;

    must(mdb_env_create(&env), "env");
    must(mdb_env_open(env, path, MDB_NOSUBDIR | MDB_RDONLY | MDB_NOLOCK, 0600), "open");
    must(mdb_env_info(env, &info), "info");
    mdb_env_close(env);
    return info.me_last_txnid;
}
