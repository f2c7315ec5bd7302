/* The in-memory figures: what a graph costs to make, merge, update, write out and read in.
 *
 * Each figure is the median of several runs in turn, so that a noisy moment spoils one run of
 * each and not all of one. The plain hash table of table.h does the same writes in the same
 * runs. */
#include "data.h"
#include "figure.h"
#include "table.h"

#include <limits.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <mytosis/mytosis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UPDATES 200000u
#define ALL_FIELDS (NODES * FIELDS)

/* What one run works on. */
typedef struct bench {
    bench_set set;   /* the nodes, states 1 */
    bench_set other; /* the same uids with other values, states 1: every field in conflict */
    mt_graph *graph; /* of `set` */
    mt_graph *rival; /* of `other` */
    mt_buf plain, packed, json;
    uint64_t seed;
} bench;

/* Keeps freed memory in the process. Memory that is new to a virtual machine costs more than all
 * else that is timed here; the first run of each figure pays for it, and shows as the worst one. */
static void memory_keep(void)
{
#ifdef __GLIBC__
    mallopt(M_MMAP_THRESHOLD, 1 << 30);
    mallopt(M_TRIM_THRESHOLD, INT_MAX);
    mallopt(M_TOP_PAD, 64 << 20);
#endif
}

static mt_graph *graph_new(void)
{
    mt_graph *graph;

    bench_must(mt_graph_new(mt_mem_system(), NULL, &graph), "graph");
    return graph;
}

static mt_graph *graph_of(const bench_set *set)
{
    mt_graph *graph = graph_new();

    for (size_t i = 0; i < set->count; i += BATCH)
        bench_must(mt_graph_patch(graph, &set->rows[i], BATCH, 0, NULL), "patch");
    return graph;
}

/* ---- The table ---- */

static double table_create(void *ctx)
{
    bench *b = ctx;
    table *t = table_new();
    double start = bench_now();

    for (size_t i = 0; i < NODES; i++) table_merge(t, &b->set.rows[i]);
    start = bench_now() - start;
    table_free(t);
    return ALL_FIELDS / start;
}

static double table_single(void *ctx)
{
    bench *b = ctx;
    table *t = table_new();
    double start = bench_now();

    for (size_t i = 0; i < NODES; i++)
        for (unsigned k = 0; k < FIELDS; k++)
            table_set(t, b->set.rows[i].uid, &b->set.rows[i].fields[k]);
    start = bench_now() - start;
    table_free(t);
    return ALL_FIELDS / start;
}

static double table_conflict(void *ctx)
{
    bench *b = ctx;
    table *t = table_new();
    double start;

    for (size_t i = 0; i < NODES; i++) table_merge(t, &b->set.rows[i]);
    start = bench_now();
    for (size_t i = 0; i < NODES; i++) table_merge(t, &b->other.rows[i]);
    start = bench_now() - start;
    table_free(t);
    return ALL_FIELDS / start;
}

static double table_bytes(void *ctx)
{
    bench *b = ctx;
    table *t = table_new();
    double bytes;

    for (size_t i = 0; i < NODES; i++) table_merge(t, &b->set.rows[i]);
    bytes = (double)table_memory(t) / ALL_FIELDS;
    table_free(t);
    return bytes;
}

/* ---- Making and merging ---- */

static double create_batch(void *ctx)
{
    bench *b = ctx;
    double start = bench_now();
    mt_graph *graph = graph_of(&b->set);

    start = bench_now() - start;
    mt_graph_free(graph);
    return ALL_FIELDS / start;
}

static double create_single(void *ctx)
{
    bench *b = ctx;
    mt_graph *graph = graph_new();
    double start = bench_now();

    for (size_t i = 0; i < NODES; i++) {
        const mt_row *row = &b->set.rows[i];
        for (unsigned k = 0; k < FIELDS; k++)
            bench_must(mt_graph_set(graph, row->uid, row->fields[k].name, row->fields[k].value),
                       "set");
    }
    start = bench_now() - start;
    mt_graph_free(graph);
    return ALL_FIELDS / start;
}

static double merge_first(void *ctx)
{
    bench *b = ctx;
    mt_graph *graph = graph_new();
    double start = bench_now();

    bench_must(mt_graph_merge(graph, b->graph, NULL), "merge");
    start = bench_now() - start;
    mt_graph_free(graph);
    return ALL_FIELDS / start;
}

static double merge_again(void *ctx)
{
    bench *b = ctx;
    mt_graph *graph = graph_of(&b->set);
    double start = bench_now();

    bench_must(mt_graph_merge(graph, b->graph, NULL), "merge");
    start = bench_now() - start;
    mt_graph_free(graph);
    return ALL_FIELDS / start;
}

static double merge_conflict(void *ctx)
{
    bench *b = ctx;
    mt_graph *graph = graph_of(&b->set);
    mt_delta_iter iter;
    mt_delta_node node;
    mt_conflict conflict;
    mt_delta *delta;
    mt_field field;
    size_t won = 0, updated = 0;
    double start = bench_now();

    bench_must(mt_graph_merge(graph, b->rival, &delta), "merge");
    mt_delta_iter_init(&iter, delta, MT_CONFLICT);
    while (mt_delta_iter_node(&iter, &node))
        while (mt_delta_iter_conflict(&iter, &conflict)) won++;
    mt_delta_iter_init(&iter, delta, MT_UPDATE);
    while (mt_delta_iter_node(&iter, &node))
        while (mt_delta_iter_field(&iter, &field)) updated++;
    start = bench_now() - start;
    if (won != updated || won < ALL_FIELDS / 3) bench_must(MT_INVALID, "conflicts");
    mt_delta_free(delta);
    mt_graph_free(graph);
    return ALL_FIELDS / start;
}

static double merge_random(void *ctx)
{
    bench *b = ctx;
    mt_graph *graph = graph_new();
    mt_row *rows = bench_room(NODES, sizeof *rows);
    bench_rng rng = {b->seed};
    double start;

    memcpy(rows, b->set.rows, NODES * sizeof *rows);
    for (uint32_t i = NODES; i-- > 1;) {
        uint32_t k = bench_random(&rng, i + 1);
        mt_row row = rows[i];
        rows[i] = rows[k];
        rows[k] = row;
    }
    start = bench_now();
    for (size_t i = 0; i < NODES; i += BATCH)
        bench_must(mt_graph_merge_rows(graph, rows + i, BATCH, NULL), "merge");
    start = bench_now() - start;
    free(rows);
    mt_graph_free(graph);
    return ALL_FIELDS / start;
}

/* Microseconds. */
static double clone_time(void *ctx)
{
    bench *b = ctx;
    mt_graph *clone;
    double start = bench_now();

    bench_must(mt_graph_clone(b->graph, &clone), "clone");
    start = bench_now() - start;
    mt_graph_free(clone);
    return start * 1e6;
}

static double memory_per_field(void *ctx)
{
    bench *b = ctx;
    return (double)mt_graph_memory(b->graph) / ALL_FIELDS;
}

/* ---- One-field updates: made on one graph, encoded, decoded, applied to another ---- */

typedef struct link {
    mt_graph *from, *to;
    mt_buf wire;
    mt_binary_writer *writer;
    mt_binary_reader *reader;
    size_t sent;
} link;

static link link_new(bench *b)
{
    link l = {.from = graph_of(&b->set), .to = graph_of(&b->set), .wire = {.mem = mt_mem_system()}};
    return l;
}

static void link_free(link *l)
{
    mt_binary_writer_free(l->writer);
    mt_binary_reader_free(l->reader);
    mt_buf_free(&l->wire);
    mt_graph_free(l->from);
    mt_graph_free(l->to);
}

static void link_carry(link *l, const mt_row *rows, size_t count)
{
    const mt_row *arrived;
    mt_delta *delta;
    size_t got;

    bench_must(mt_graph_patch(l->from, rows, count, 0, &delta), "patch");
    l->wire.len = 0;
    bench_must(mt_binary_delta(l->writer, delta, MT_UPDATE), "encode");
    bench_must(mt_binary_finish(l->writer), "encode");
    mt_delta_free(delta);
    l->sent += l->wire.len;
    mt_binary_reader_reset(l->reader);
    bench_must(mt_binary_reader_feed(l->reader, mt_buf_bytes(&l->wire), true), "decode");
    bench_must(mt_binary_reader_rows(l->reader, &arrived, &got), "decode");
    bench_must(mt_graph_merge_rows(l->to, arrived, got, NULL), "apply");
}

/* Updates a second in frames of `batch`; `bytes` gets bytes for each. */
static double updates(bench *b, size_t batch, double *bytes)
{
    bench_node *nodes = bench_room(UPDATES, sizeof *nodes);
    mt_field *fields = bench_room(UPDATES, sizeof *fields);
    mt_row *rows = bench_room(UPDATES, sizeof *rows);
    bench_rng rng = {b->seed};
    link l = link_new(b);
    double start;

    for (size_t i = 0; i < UPDATES; i++) {
        bench_node_fill(&nodes[i], bench_random(&rng, NODES), &rng);
        fields[i] = bench_field(&nodes[i], bench_random(&rng, FIELDS));
        rows[i].uid.data = (const uint8_t *)nodes[i].uid;
        rows[i].uid.len = UID_LEN;
        rows[i].fields = &fields[i];
        rows[i].count = 1;
    }
    bench_must(mt_binary_writer_new(mt_mem_system(), NULL, NULL, &l.wire, &l.writer), "writer");
    bench_must(mt_binary_reader_new(mt_mem_system(), NULL, NULL, "updates", &l.reader), "reader");
    start = bench_now();
    for (size_t done = 0; done < UPDATES; done += batch) link_carry(&l, &rows[done], batch);
    start = bench_now() - start;
    if (!mt_graph_equal(l.from, l.to)) bench_must(MT_INVALID, "updates");
    *bytes = (double)l.sent / UPDATES;
    link_free(&l);
    free(nodes);
    free(fields);
    free(rows);
    return UPDATES / start;
}

static double bytes_alone, bytes_stream;

static double update_alone(void *ctx)
{
    bench *b = ctx;
    return updates(b, 1, &bytes_alone);
}

static double update_stream(void *ctx)
{
    bench *b = ctx;
    return updates(b, 100, &bytes_stream);
}

static double update_alone_bytes(void *ctx)
{
    bench *b = ctx;
    if (bytes_alone == 0) (void)update_alone(b);
    return bytes_alone;
}

static double update_stream_bytes(void *ctx)
{
    bench *b = ctx;
    if (bytes_stream == 0) (void)update_stream(b);
    return bytes_stream;
}

/* Microseconds for one change, delta included, to a node of a million fields, and to one of
 * five. */
static double change_time(size_t fields)
{
    mt_graph *graph = graph_new();
    bench_rng rng = {fields};
    char name[32];
    double start;

    for (size_t i = 0; i < fields; i++) {
        snprintf(name, sizeof name, "m/%07zu", i);
        bench_must(mt_graph_set(graph, mt_str("node"), mt_str(name), mt_number((double)i)), "set");
    }
    start = bench_now();
    for (int i = 0; i < 20000; i++) {
        mt_field field = {.value = mt_number(i)};
        mt_row row = {.uid = mt_str("node"), .fields = &field, .count = 1};
        mt_delta *delta;
        snprintf(name, sizeof name, "m/%07u", bench_random(&rng, (uint32_t)fields));
        field.name = mt_str(name);
        bench_must(mt_graph_patch(graph, &row, 1, 0, &delta), "patch");
        mt_delta_free(delta);
    }
    start = bench_now() - start;
    mt_graph_free(graph);
    return start / 20000 * 1e6;
}

static double change_large(void *ctx)
{
    bench *b = ctx;
    (void)b;
    return change_time(1000000);
}

static double change_small(void *ctx)
{
    bench *b = ctx;
    (void)b;
    return change_time(5);
}

/* ---- Out and in ---- */

static double encode(bench *b, const mt_compressor *compressor, mt_buf *out)
{
    mt_binary_writer *writer;
    double start;

    out->len = 0;
    bench_must(mt_binary_writer_new(mt_mem_system(), NULL, compressor, out, &writer), "writer");
    start = bench_now();
    bench_must(mt_binary_graph(writer, b->graph), "encode");
    bench_must(mt_binary_finish(writer), "encode");
    start = bench_now() - start;
    mt_binary_writer_free(writer);
    return ALL_FIELDS / start;
}

static double load(bench *b, mt_bytes bytes)
{
    mt_error err;
    mt_graph *graph;
    double start = bench_now();

    if (mt_binary_load(mt_mem_system(), NULL, mt_compressor_zstd(), "graph", bytes, &graph, &err) !=
        MT_OK)
        bench_must(err.status, err.text);
    start = bench_now() - start;
    if (!mt_graph_equal(graph, b->graph)) bench_must(MT_INVALID, "load");
    mt_graph_free(graph);
    return ALL_FIELDS / start;
}

static double binary_out(void *ctx)
{
    bench *b = ctx;
    return encode(b, NULL, &b->plain);
}

static double binary_in(void *ctx)
{
    bench *b = ctx;
    if (b->plain.len == 0) (void)binary_out(b);
    return load(b, mt_buf_bytes(&b->plain));
}

static double packed_out(void *ctx)
{
    bench *b = ctx;
    return encode(b, mt_compressor_zstd(), &b->packed);
}

static double packed_in(void *ctx)
{
    bench *b = ctx;
    if (b->packed.len == 0) (void)packed_out(b);
    return load(b, mt_buf_bytes(&b->packed));
}

static double json_out(void *ctx)
{
    bench *b = ctx;
    double start;

    b->json.len = 0;
    start = bench_now();
    bench_must(mt_json_graph(b->graph, &b->json), "write");
    return ALL_FIELDS / (bench_now() - start);
}

static double json_in(void *ctx)
{
    bench *b = ctx;
    mt_error err;
    mt_graph *graph;
    double start;

    if (b->json.len == 0) (void)json_out(b);
    start = bench_now();
    if (mt_json_load(mt_mem_system(), NULL, "graph", mt_buf_bytes(&b->json), &graph, &err) != MT_OK)
        bench_must(err.status, err.text);
    start = bench_now() - start;
    mt_graph_free(graph);
    return ALL_FIELDS / start;
}

static double plain_bytes(void *ctx)
{
    bench *b = ctx;
    if (b->plain.len == 0) (void)binary_out(b);
    return (double)b->plain.len / ALL_FIELDS;
}

static double packed_bytes(void *ctx)
{
    bench *b = ctx;
    if (b->packed.len == 0) (void)packed_out(b);
    return (double)b->packed.len / ALL_FIELDS;
}

static double json_bytes(void *ctx)
{
    bench *b = ctx;
    if (b->json.len == 0) (void)json_out(b);
    return (double)b->json.len / ALL_FIELDS;
}

/* ---- The figures ---- */

static figure figures[] = {
    FIGURE("table_create", "hash table: create", "fields/s", table_create, 0, false, false),
    FIGURE("table_single", "hash table: create, a field at a time", "fields/s", table_single, 0,
           false, false),
    FIGURE("table_conflict", "hash table: overwrite by value", "fields/s", table_conflict, 0, false,
           false),
    FIGURE("table_memory", "hash table: memory", "bytes/field", table_bytes, 0, true, true),
    FIGURE("create_batch", "create, by batch", "fields/s", create_batch, 8e6, false, false),
    FIGURE("create_single", "create, a field at a time", "fields/s", create_single, 3e6, false,
           false),
    FIGURE("merge", "merge", "fields/s", merge_first, 8e6, false, false),
    FIGURE("merge_again", "merge again", "fields/s", merge_again, 15e6, false, false),
    FIGURE("merge_conflict", "merge, all in conflict, deltas read", "fields/s", merge_conflict, 6e6,
           false, false),
    FIGURE("merge_random", "merge of rows in random order", "fields/s", merge_random, 0, false,
           false),
    FIGURE("memory", "memory", "bytes/field", memory_per_field, 64, true, true),
    FIGURE("clone", "clone", "us", clone_time, 0, true, false),
    FIGURE("update_alone", "update made to applied, alone", "updates/s", update_alone, 1e6, false,
           false),
    FIGURE("update_alone_bytes", "  its frame", "bytes", update_alone_bytes, 42, true, true),
    FIGURE("update_stream", "update made to applied, 100 a frame", "updates/s", update_stream, 1e6,
           false, false),
    FIGURE("update_stream_bytes", "  its share of the frame", "bytes", update_stream_bytes, 26,
           true, true),
    FIGURE("change_small", "change and delta, node of 5 fields", "us", change_small, 0, true, true),
    FIGURE("change_large", "change and delta, node of 1,000,000", "us", change_large, 0, true,
           true),
    FIGURE("binary_out", "binary out", "fields/s", binary_out, 40e6, false, false),
    FIGURE("binary_in", "binary in", "fields/s", binary_in, 8e6, false, false),
    FIGURE("binary_bytes", "  size", "bytes/field", plain_bytes, 15.5, true, true),
    FIGURE("packed_out", "compressed out", "fields/s", packed_out, 5e6, false, false),
    FIGURE("packed_in", "compressed in", "fields/s", packed_in, 0, false, false),
    FIGURE("packed_bytes", "  size", "bytes/field", packed_bytes, 7.6, true, true),
    FIGURE("json_out", "JSON out", "fields/s", json_out, 6e6, false, false),
    FIGURE("json_in", "JSON in", "fields/s", json_in, 3e6, false, false),
    FIGURE("json_bytes", "  size", "bytes/field", json_bytes, 0, true, true),
};

#define FIGURE_COUNT (sizeof figures / sizeof *figures)

int main(int argc, char **argv)
{
    static const char about[] =
        "Times the graph in memory on 200,000 nodes of 5 fields, beside a plain hash table.\n";
    bench b = {.plain = {.mem = mt_mem_system()},
               .packed = {.mem = mt_mem_system()},
               .json = {.mem = mt_mem_system()}};
    figures_options options;

    if (!figures_parse(argc, argv, about, figures, FIGURE_COUNT, &options))
        return options.exit_code;
    memory_keep();
    b.set = bench_set_new(NODES, 1, 1);
    b.other = bench_set_new(NODES, 2, 1);
    b.graph = graph_of(&b.set);
    b.rival = graph_of(&b.other);
    figures_run(figures, FIGURE_COUNT, &options, &b, &b.seed);
    mt_buf_free(&b.plain);
    mt_buf_free(&b.packed);
    mt_buf_free(&b.json);
    mt_graph_free(b.graph);
    mt_graph_free(b.rival);
    bench_set_free(&b.set);
    bench_set_free(&b.other);
    return 0;
}
