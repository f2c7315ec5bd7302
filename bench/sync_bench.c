/* Peers that sync over loopback: for a first sync in two processes, else in one and on one loop. */
#include "data.h"
#include "far_peer.h"
#include "figure.h"
#include "folder.h"
#include "peer.h"
#include "raw_lmdb.h"

#include <math.h>
#include <mytosis/mytosis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SYNC_NODES 100000u
#define EDITS 200u
#define MILLION 1000000u
#define IDLE 500u
#define STORE_PATH 128 /* room for one */

typedef struct bench {
    bench_set set;
    bench_folder folder;
    uint64_t seed;
    raw_records records; /* of `set`, once they are needed */
    size_t sync_commits; /* at the receiving side of sync_durable */
    double sync_memory, sync_secured;
    double sync_bytes, sync_durable, sync_raw, resync_bytes, resync_ms;
    double strangers_ms, strangers_trips, equal_ms, equal_bytes;
} bench;

/* ---- First sync ---- */

static void store_path(const bench *b, size_t number, char out[STORE_PATH])
{
    snprintf(out, STORE_PATH, "%s/%zu.mdb", b->folder.path, number);
}

/* The sender, in a process of its own, has it all, durable if it is to be, before the clock runs; it runs
 * until the receiver has heard of each node, which it does once that is stored there. */
static double first_sync(bench *b, const bench_set *set, bool durable, const char *scheme,
                         bool secured)
{
    char paths[2][STORE_PATH], url[64];
    size_t count = set->count;
    far_peer from;
    mt_loop *loop;
    double start;
    peer to;

    bench_folder_clear(&b->folder);
    for (size_t i = 0; i < 2; i++) store_path(b, i, paths[i]);
    snprintf(url, sizeof url, "%s://127.0.0.1:0", scheme);
    from = far_peer_open(durable ? paths[0] : NULL, url, set, secured);
    bench_must(mt_loop_new(mt_mem_system(), &loop), "loop");
    start = bench_now();
    peer_open(&to, loop, durable ? paths[1] : NULL, from.url, true, secured);
    while (to.heard < count || peer_totals(&to).live == 0) peer_turn(&to);
    start = bench_now() - start;
    b->sync_bytes = (double)peer_totals(&to).bytes / (double)count;
    peer_close(&to);
    bench_must(mt_loop_run(loop), "loop");
    mt_loop_free(loop);
    far_peer_close(&from);
    return (double)count / start;
}

static double sync_memory(void *ctx)
{
    bench *b = ctx;

    return b->sync_memory = first_sync(b, &b->set, false, "tcp", false);
}

static double sync_websocket(void *ctx)
{
    bench *b = ctx;

    return first_sync(b, &b->set, false, "ws", false);
}

static double sync_secured(void *ctx)
{
    bench *b = ctx;

    return b->sync_secured = first_sync(b, &b->set, false, "tcp", true);
}

static double secured_ratio(void *ctx)
{
    const bench *b = ctx;

    return bench_percent(b->sync_secured, b->sync_memory);
}

static double sync_durable(void *ctx)
{
    bench *b = ctx;
    char received[STORE_PATH];

    b->sync_durable = first_sync(b, &b->set, true, "tcp", false);
    store_path(b, 1, received);
    b->sync_commits = raw_lmdb_commits(received);
    return b->sync_durable;
}

/* What the receiver of sync_durable has put into its store, put there by LMDB alone: the record of each
 * node and its entry in the log, in as many transactions, each flushed. That leaves out the sender,
 * whose store was written before the clock ran but whose reading and sending is in the sync's time,
 * the link, merging, and what the receiver stores besides: where the nodes came from, and how far it
 * came. NaN: there was no sync to compare with. */
static double sync_raw(void *ctx)
{
    bench *b = ctx;
    char path[STORE_PATH];

    b->sync_raw = NAN;
    if (b->sync_commits == 0) return b->sync_raw;
    if (!b->records.set) b->records = raw_records_new(&b->set);
    bench_folder_clear(&b->folder);
    store_path(b, 0, path);
    b->sync_raw = raw_lmdb_write(path, &b->records, SYNC_NODES, b->sync_commits, true);
    return b->sync_raw;
}

static double sync_ratio(void *ctx)
{
    const bench *b = ctx;

    return bench_percent(b->sync_durable, b->sync_raw);
}

static double sync_per_commit(void *ctx)
{
    const bench *b = ctx;

    return b->sync_commits > 0 ? SYNC_NODES / (double)b->sync_commits : (double)NAN;
}

/* A million nodes; made for each run, so that they do not take memory from the others. */
static double million(bench *b, bool durable)
{
    bench_set set = bench_set_new(MILLION, 8831, 0);
    double rate = first_sync(b, &set, durable, "tcp", false);

    bench_set_free(&set);
    return rate;
}

static double million_memory(void *ctx)
{
    return million(ctx, false);
}

static double million_durable(void *ctx)
{
    return million(ctx, true);
}

static double sync_bytes(void *ctx)
{
    return ((bench *)ctx)->sync_bytes;
}

/* ---- Sync again ---- */

/* The link is cut, 200 fields are written, the link is back. */
static double resync(void *ctx)
{
    bench *b = ctx;
    bench_rng rng = {b->seed};
    peer here, there;
    mt_loop *loop;
    uint64_t bytes;
    double start;
    char url[64];

    bench_must(mt_loop_new(mt_mem_system(), &loop), "loop");
    peer_open(&here, loop, NULL, "tcp://127.0.0.1:0", false, false);
    peer_fill(&here, &b->set);
    peer_open(&there, loop, NULL, mt_server_url(here.server), true, false);
    while (there.heard < SYNC_NODES || peer_totals(&there).live == 0) peer_turn(&there);
    snprintf(url, sizeof url, "%s", mt_server_url(here.server));
    mt_connection_close(mt_group_at(mt_server_group(here.server), 0));
    while (!mt_connection_offline(there.link)) peer_turn(&there);
    for (size_t i = 0; i < EDITS; i++) {
        const mt_row *row = &b->set.rows[bench_random(&rng, SYNC_NODES)];
        mt_field field = row->fields[bench_random(&rng, FIELDS)];
        mt_row edit = {.uid = row->uid, .fields = &field, .count = 1};
        bench_must(mt_write_wait(here.db, &edit, 1, NULL, NULL), "write");
    }
    bytes = peer_totals(&there).bytes;
    there.heard = 0;
    mt_dial_hurry(there.link);
    start = bench_now();
    while (peer_totals(&there).live == 0 || mt_connection_offline(there.link)) peer_turn(&there);
    b->resync_ms = 1e3 * (bench_now() - start);
    b->resync_bytes = (double)(peer_totals(&there).bytes - bytes);
    peer_close(&there);
    peer_close(&here);
    bench_must(mt_loop_run(loop), "loop");
    mt_loop_free(loop);
    return b->resync_bytes;
}

static double resync_ms(void *ctx)
{
    return ((bench *)ctx)->resync_ms;
}

/* ---- Strangers ---- */

enum { ORIGIN, BETWEEN, HERE, THERE, EQUAL, STRANGERS };

/* Links two, waits until both are equal, and takes the link away. Answers how long that took; `*trips`: how
 * often the one that dialed had to wait for an answer, and `*bytes`: that were said. */
static double meet(const peer *from, const peer *to, double *bytes, double *trips)
{
    uint64_t before = peer_totals(from).bytes;
    double start = bench_now(), taken;
    mt_connection *link = peer_dial(from, mt_server_url(to->server));

    while (peer_totals(from).live == 0 || peer_totals(to).live == 0) peer_turn(from);
    taken = bench_now() - start;
    *bytes = (double)(peer_totals(from).bytes - before);
    *trips = (double)peer_totals(from).trips;
    mt_connection_close(link);
    mt_connection_unref(link);
    while (peer_totals(to).live > 0 || mt_group_count(mt_server_group(from->server)) > 0)
        peer_turn(from);
    return taken;
}

static void edit(const bench *b, bench_rng *rng, const peer *p, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const mt_row *row = &b->set.rows[bench_random(rng, SYNC_NODES)];
        mt_field field = row->fields[bench_random(rng, FIELDS)];
        mt_row change = {.uid = row->uid, .fields = &field, .count = 1};
        bench_must(mt_write_wait(p->db, &change, 1, NULL, NULL), "write");
    }
}

/* Two that have the same from a third, and never met: each has written 100 fields since. Both met another
 * before, so that they have their indexes. */
static double strangers(void *ctx)
{
    bench *b = ctx;
    bench_rng rng = {b->seed};
    peer peers[STRANGERS];
    mt_loop *loop;
    double bytes, none;

    bench_must(mt_loop_new(mt_mem_system(), &loop), "loop");
    for (size_t i = 0; i < STRANGERS; i++)
        peer_open(&peers[i], loop, NULL, "tcp://127.0.0.1:0", false, false);
    peer_fill(&peers[ORIGIN], &b->set);
    for (size_t i = BETWEEN; i < STRANGERS; i++)
        (void)meet(&peers[i], &peers[ORIGIN], &none, &none);
    for (size_t i = HERE; i < STRANGERS; i++) (void)meet(&peers[i], &peers[BETWEEN], &none, &none);
    b->equal_ms = 1e3 * meet(&peers[EQUAL], &peers[HERE], &b->equal_bytes, &none);
    edit(b, &rng, &peers[HERE], EDITS / 2);
    edit(b, &rng, &peers[THERE], EDITS / 2);
    b->strangers_ms = 1e3 * meet(&peers[HERE], &peers[THERE], &bytes, &b->strangers_trips);
    for (size_t i = 0; i < STRANGERS; i++) peer_close(&peers[i]);
    bench_must(mt_loop_run(loop), "loop");
    mt_loop_free(loop);
    return bytes;
}

static double strangers_ms(void *ctx)
{
    return ((bench *)ctx)->strangers_ms;
}

/* The greeting is one. */
static double strangers_trips(void *ctx)
{
    return ((bench *)ctx)->strangers_trips - 1;
}

static double equal_bytes(void *ctx)
{
    return ((bench *)ctx)->equal_bytes;
}

static double equal_ms(void *ctx)
{
    return ((bench *)ctx)->equal_ms;
}

/* ---- Idle ---- */

typedef struct counted {
    mt_mem mem;
    size_t live;
} counted;

static void *counted_resize(void *ctx, void *ptr, size_t old_size, size_t size)
{
    counted *c = ctx;
    const mt_mem *system = mt_mem_system();
    void *out = system->resize(system->ctx, ptr, old_size, size);

    if (out || size == 0) c->live += size - old_size;
    return out;
}

/* Memory of the server for one more peer that is in sync and says nothing. */
static double idle(void *ctx)
{
    peer here, *there = bench_room(IDLE, sizeof *there);
    counted c = {.live = 0};
    mt_loop *loop, *others;
    size_t before;

    (void)ctx;
    c.mem = (mt_mem){counted_resize, &c};
    bench_must(mt_loop_new(&c.mem, &loop), "loop");
    bench_must(mt_loop_new(mt_mem_system(), &others), "loop");
    peer_open(&here, loop, NULL, "ws://127.0.0.1:0", false, false);
    before = c.live;
    for (size_t i = 0; i < IDLE; i++)
        peer_open(&there[i], others, NULL, mt_server_url(here.server), true, false);
    while (peer_totals(&here).live < IDLE) {
        peer_turn(&there[0]);
        peer_turn(&here);
    }
    before = c.live - before;
    for (size_t i = 0; i < IDLE; i++) peer_close(&there[i]);
    peer_close(&here);
    bench_must(mt_loop_run(others), "loop");
    bench_must(mt_loop_run(loop), "loop");
    mt_loop_free(others);
    mt_loop_free(loop);
    free(there);
    return (double)before / IDLE;
}

/* ---- All ---- */

static figure figures[] = {
    FIGURE("sync_memory", "first sync of 100,000 nodes, in memory", "nodes/s", sync_memory, 500e3,
           false, false),
    FIGURE("sync_bytes", "  bytes a node", "bytes", sync_bytes, 43, true, false),
    FIGURE("sync_websocket", "the same over WebSocket", "nodes/s", sync_websocket, 0, false, false),
    FIGURE("sync_secured", "the same over TCP, devices of a space", "nodes/s", sync_secured, 0,
           false, false),
    FIGURE("sync_secured_ratio", "  of plain TCP", "%", secured_ratio, 90, false, false),
    FIGURE("sync_durable", "the same over TCP, durable on both sides", "nodes/s", sync_durable,
           150e3, false, false),
    FIGURE("sync_durable_nodes", "  nodes a commit of the receiver", "nodes", sync_per_commit, 0,
           false, false),
    FIGURE("sync_durable_raw", "  raw LMDB: these nodes and log, as many commits", "nodes/s",
           sync_raw, 0, false, false),
    FIGURE("sync_durable_ratio", "  the sync, of raw LMDB", "%", sync_ratio, 40, false, false),
    FIGURE("million_memory", "first sync of 1,000,000 nodes, in memory", "nodes/s", million_memory,
           500e3, false, true),
    FIGURE("million_durable", "the same, durable on both sides", "nodes/s", million_durable, 150e3,
           false, true),
    FIGURE("resync_bytes", "200 changed fields, positions known", "bytes", resync, 11e3, true,
           false),
    FIGURE("resync_ms", "  until live again", "ms", resync_ms, 10, true, false),
    FIGURE("strangers_bytes", "200 changed fields, positions unknown", "bytes", strangers, 25e3,
           true, false),
    FIGURE("strangers_ms", "  from dialing until live", "ms", strangers_ms, 10, true, false),
    FIGURE("strangers_trips", "  round trips behind the greeting", "", strangers_trips, 2, true,
           false),
    FIGURE("equal_bytes", "strangers that are equal, with the greeting", "bytes", equal_bytes, 0,
           true, false),
    FIGURE("equal_ms", "  from dialing until live", "ms", equal_ms, 0, true, false),
    FIGURE("idle", "memory of an idle connection", "bytes", idle, 8192, true, true),
};

#define FIGURE_COUNT (sizeof figures / sizeof *figures)

int main(int argc, char **argv)
{
    static const char about[] = "Measures peers that sync over loopback, in one process and on one "
                                "loop; the stores of those\n"
                                "that are durable are in a new folder here.\n";
    figures_options options;
    bench b = {.seed = 1};

    if (!figures_parse(argc, argv, about, figures, FIGURE_COUNT, &options))
        return options.exit_code;
    b.folder = bench_folder_new("sync");
    b.set = bench_set_new(SYNC_NODES, 8831, 0);
    figures_run(figures, FIGURE_COUNT, &options, &b, &b.seed);
    raw_records_free(&b.records);
    bench_set_free(&b.set);
    bench_folder_free(&b.folder);
    return 0;
}
