/* mytosis by its public API: a graph in memory (mytosis/graph.h), written by patches without deltas and encoded
 * as a compressed file is; and a database on LMDB (mytosis/blocking.h), a commit at a time, each waited for until
 * it is durable. */
#include "mytosis.h"

#include "../figure.h"

#include <mytosis/mytosis.h>
#include <stdlib.h>

static const char *version(void)
{
    return PEERS_VERSION;
}

/* ---- Rows ---- */

typedef struct rows {
    mt_row *at;
    mt_field *fields;
} rows;

static rows rows_new(size_t count, size_t width)
{
    return (rows){bench_room(count, sizeof(mt_row)), bench_room(count * width, sizeof(mt_field))};
}

static void rows_free(rows *r)
{
    free(r->at);
    free(r->fields);
}

static rows rows_of_nodes(const peers_input *in, size_t first, size_t count)
{
    size_t width = in->name_count;
    rows r = rows_new(count, width);

    for (size_t i = 0; i < count; i++) {
        const mt_bytes *values = &in->values[(first + i) * width];
        r.at[i] =
            (mt_row){.uid = in->uids[first + i], .fields = &r.fields[i * width], .count = width};
        for (size_t k = 0; k < width; k++)
            r.fields[i * width + k] =
                (mt_field){.name = in->names[k], .value = mt_string(values[k])};
    }
    return r;
}

static rows rows_of_edits(const peers_input *in, const peers_edit *edits, size_t count)
{
    rows r = rows_new(count, 1);

    for (size_t i = 0; i < count; i++) {
        r.fields[i] =
            (mt_field){.name = in->names[edits[i].field], .value = mt_string(edits[i].value)};
        r.at[i] = (mt_row){.uid = in->uids[edits[i].node], .fields = &r.fields[i], .count = 1};
    }
    return r;
}

static mt_bytes text_of(const mt_node *node, mt_bytes name)
{
    mt_field field;

    if (!node) bench_fail("read", "no such node");
    bench_must(mt_node_get(node, name, &field), "read");
    return field.value.as.bytes;
}

void peers_node_digest(const mt_node *node, peers_digest *digest)
{
    mt_field_iter iter;
    mt_field field;

    mt_field_iter_init(&iter, node, false);
    while (mt_field_iter_next(&iter, &field))
        peers_digest_add(digest, mt_node_uid(node), field.name, field.value.as.bytes);
}

/* ---- A graph ---- */

static void *graph_open(const char *path)
{
    mt_graph *graph;

    (void)path;
    bench_must(mt_graph_new(mt_mem_system(), NULL, &graph), "graph");
    return graph;
}

static void graph_close(void *replica)
{
    mt_graph_free(replica);
}

static void graph_write(void *replica, const peers_input *in, size_t first, size_t count)
{
    rows r = rows_of_nodes(in, first, count);

    bench_must(mt_graph_patch(replica, r.at, count, 0, NULL), "patch");
    rows_free(&r);
}

static void graph_edit(void *replica, const peers_input *in, const peers_edit *edits, size_t count)
{
    for (size_t i = 0; i < count; i++)
        bench_must(mt_graph_set(replica, in->uids[edits[i].node], in->names[edits[i].field],
                                mt_string(edits[i].value)),
                   "set");
}

static mt_bytes graph_read(void *replica, mt_bytes uid, mt_bytes name)
{
    return text_of(mt_graph_get(replica, uid), name);
}

static void graph_each(void *replica, peers_digest *digest)
{
    mt_graph_iter iter;
    const mt_node *node;

    mt_graph_iter_init(&iter, replica, mt_str(NULL), mt_str(NULL));
    while ((node = mt_graph_iter_next(&iter))) peers_node_digest(node, digest);
}

static void graph_encode(void *replica, mt_buf *out)
{
    mt_binary_writer *writer;

    bench_must(mt_binary_writer_new(mt_mem_system(), NULL, mt_compressor_zstd(), out, &writer),
               "writer");
    bench_must(mt_binary_graph(writer, replica), "encode");
    bench_must(mt_binary_finish(writer), "encode");
    mt_binary_writer_free(writer);
}

static void *graph_load(mt_bytes bytes)
{
    mt_graph *graph;

    bench_must(
        mt_binary_load(mt_mem_system(), NULL, mt_compressor_zstd(), "state", bytes, &graph, NULL),
        "load");
    return graph;
}

/* ---- A store ---- */

void peers_db_write(mt_db *db, const peers_input *in, size_t first, size_t count)
{
    rows r = rows_of_nodes(in, first, count);

    bench_must(mt_write_wait(db, r.at, count, NULL, NULL), "write");
    rows_free(&r);
}

void peers_db_edit(mt_db *db, const peers_input *in, const peers_edit *edits, size_t count)
{
    rows r = rows_of_edits(in, edits, count);

    bench_must(mt_write_wait(db, r.at, count, NULL, NULL), "write");
    rows_free(&r);
}

/* The handle: what the value of a read borrows from. */
typedef struct store {
    mt_db *db;
    mt_handle *handle;
} store;

static void *store_open(const char *path)
{
    store *s = bench_room(1, sizeof *s);
    mt_error error;

    if (mt_open_path(path, NULL, &s->db, &error) != MT_OK) bench_fail(path, error.text);
    return s;
}

static void store_close(void *replica)
{
    store *s = replica;

    mt_handle_unref(s->handle);
    mt_close(s->db);
    free(s);
}

static void store_write(void *replica, const peers_input *in, size_t first, size_t count)
{
    peers_db_write(((store *)replica)->db, in, first, count);
}

static void store_edit(void *replica, const peers_input *in, const peers_edit *edits, size_t count)
{
    peers_db_edit(((store *)replica)->db, in, edits, count);
}

static mt_bytes store_read(void *replica, mt_bytes uid, mt_bytes name)
{
    store *s = replica;

    mt_handle_unref(s->handle);
    bench_must(mt_read_wait(s->db, uid, NULL, &s->handle), "read");
    if (!s->handle) bench_fail("read", "no such node");
    return text_of(mt_handle_node(s->handle), name);
}

static bool digest_row(void *ctx, mt_db *db, const mt_row *row)
{
    (void)db;
    for (size_t i = 0; i < row->count; i++)
        peers_digest_add(ctx, row->uid, row->fields[i].name, row->fields[i].value.as.bytes);
    return true;
}

static void store_each(void *replica, peers_digest *digest)
{
    bench_must(mt_stream_wait(((store *)replica)->db, NULL, digest_row, digest), "stream");
}

static const peers_ops memory_ops = {.open = graph_open,
                                     .close = graph_close,
                                     .write = graph_write,
                                     .edit = graph_edit,
                                     .read = graph_read,
                                     .each = graph_each,
                                     .encode = graph_encode,
                                     .load = graph_load};

static const peers_ops store_ops = {.open = store_open,
                                    .close = store_close,
                                    .write = store_write,
                                    .edit = store_edit,
                                    .read = store_read,
                                    .each = store_each};

const peers_subject peers_mytosis = {.name = "mytosis",
                                     .version = version,
                                     .memory = &memory_ops,
                                     .store = &store_ops,
                                     .meet = peers_db_meet};
