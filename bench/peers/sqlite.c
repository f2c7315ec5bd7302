/* Raw SQLite: a table of fields without rowids, its primary key uid and name; statements are prepared once. A
 * transaction a commit. A store has journal_mode=WAL and synchronous=FULL, so that each commit is durable as it
 * returns; a replica in memory is ":memory:", its state what sqlite3_serialize gives. */
#include "peers.h"

#include "../figure.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

typedef struct replica {
    sqlite3 *db;
    sqlite3_stmt *put, *get;
} replica;

static const char create[] =
    "CREATE TABLE IF NOT EXISTS fields(uid TEXT NOT NULL, name TEXT NOT NULL,"
    " value TEXT NOT NULL, PRIMARY KEY(uid, name)) WITHOUT ROWID";
static const char upsert[] = "INSERT INTO fields VALUES(?1, ?2, ?3)"
                             " ON CONFLICT DO UPDATE SET value = excluded.value";
static const char choose[] = "SELECT value FROM fields WHERE uid = ?1 AND name = ?2";

static const char *version(void)
{
    return sqlite3_libversion();
}

static void must(const replica *r, int code)
{
    if (code != SQLITE_OK) bench_fail("sqlite", sqlite3_errmsg(r->db));
}

static void run(const replica *r, const char *sql)
{
    must(r, sqlite3_exec(r->db, sql, NULL, NULL, NULL));
}

static void prepare(replica *r)
{
    unsigned lasting = SQLITE_PREPARE_PERSISTENT;

    must(r, sqlite3_prepare_v3(r->db, upsert, -1, lasting, &r->put, NULL));
    must(r, sqlite3_prepare_v3(r->db, choose, -1, lasting, &r->get, NULL));
}

static replica *open_at(const char *path)
{
    replica *r = bench_room(1, sizeof *r);

    must(r, sqlite3_open(path, &r->db));
    return r;
}

static void *store_open(const char *path)
{
    replica *r = open_at(path);

    run(r, "PRAGMA journal_mode = WAL");
    run(r, "PRAGMA synchronous = FULL");
    run(r, create);
    prepare(r);
    return r;
}

static void *memory_open(const char *path)
{
    replica *r = open_at(":memory:");

    (void)path;
    run(r, create);
    prepare(r);
    return r;
}

static void close_it(void *ctx)
{
    replica *r = ctx;

    (void)sqlite3_finalize(r->put);
    (void)sqlite3_finalize(r->get);
    must(r, sqlite3_close(r->db));
    free(r);
}

static void bind(const replica *r, sqlite3_stmt *statement, int at, mt_bytes text)
{
    must(r,
         sqlite3_bind_text(statement, at, (const char *)text.data, (int)text.len, SQLITE_STATIC));
}

static void put(const replica *r, mt_bytes uid, mt_bytes name, mt_bytes value)
{
    bind(r, r->put, 1, uid);
    bind(r, r->put, 2, name);
    bind(r, r->put, 3, value);
    if (sqlite3_step(r->put) != SQLITE_DONE) bench_fail("put", sqlite3_errmsg(r->db));
    must(r, sqlite3_reset(r->put));
}

static void write_nodes(void *ctx, const peers_input *in, size_t first, size_t count)
{
    const replica *r = ctx;

    run(r, "BEGIN");
    for (size_t i = first; i < first + count; i++)
        for (size_t k = 0; k < in->name_count; k++)
            put(r, in->uids[i], in->names[k], in->values[i * in->name_count + k]);
    run(r, "COMMIT");
}

/* A single one is a transaction of its own. */
static void edit(void *ctx, const peers_input *in, const peers_edit *edits, size_t count)
{
    const replica *r = ctx;

    if (count > 1) run(r, "BEGIN");
    for (size_t i = 0; i < count; i++)
        put(r, in->uids[edits[i].node], in->names[edits[i].field], edits[i].value);
    if (count > 1) run(r, "COMMIT");
}

static mt_bytes column(sqlite3_stmt *statement, int at)
{
    return (mt_bytes){sqlite3_column_text(statement, at),
                      (size_t)sqlite3_column_bytes(statement, at)};
}

static mt_bytes read_field(void *ctx, mt_bytes uid, mt_bytes name)
{
    const replica *r = ctx;

    must(r, sqlite3_reset(r->get));
    bind(r, r->get, 1, uid);
    bind(r, r->get, 2, name);
    if (sqlite3_step(r->get) != SQLITE_ROW) bench_fail("read", "no such field");
    return column(r->get, 0);
}

static void each(void *ctx, peers_digest *digest)
{
    const replica *r = ctx;
    sqlite3_stmt *all;

    must(r, sqlite3_prepare_v2(r->db, "SELECT uid, name, value FROM fields", -1, &all, NULL));
    while (sqlite3_step(all) == SQLITE_ROW)
        peers_digest_add(digest, column(all, 0), column(all, 1), column(all, 2));
    must(r, sqlite3_finalize(all));
}

static void encode(void *ctx, mt_buf *out)
{
    const replica *r = ctx;
    sqlite3_int64 len;
    unsigned char *bytes;

    must(r, sqlite3_reset(r->get));
    bytes = bench_need(sqlite3_serialize(r->db, "main", &len, 0));
    out->cap = out->len = (size_t)len;
    out->data = bench_need(out->mem->resize(out->mem->ctx, NULL, 0, out->cap));
    memcpy(out->data, bytes, out->len);
    sqlite3_free(bytes);
}

static void *load(mt_bytes bytes)
{
    replica *r = open_at(":memory:");
    unsigned char *own = bench_need(sqlite3_malloc64(bytes.len));
    sqlite3_int64 len = (sqlite3_int64)bytes.len;

    memcpy(own, bytes.data, bytes.len);
    must(r, sqlite3_deserialize(r->db, "main", own, len, len,
                                SQLITE_DESERIALIZE_FREEONCLOSE | SQLITE_DESERIALIZE_RESIZEABLE));
    prepare(r);
    return r;
}

static const peers_ops memory_ops = {.open = memory_open,
                                     .close = close_it,
                                     .write = write_nodes,
                                     .edit = edit,
                                     .read = read_field,
                                     .each = each,
                                     .encode = encode,
                                     .load = load};

static const peers_ops store_ops = {.open = store_open,
                                    .close = close_it,
                                    .write = write_nodes,
                                    .edit = edit,
                                    .read = read_field,
                                    .each = each};

const peers_subject peers_sqlite = {
    .name = "sqlite", .version = version, .memory = &memory_ops, .store = &store_ops};
