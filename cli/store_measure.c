#include "store_measure.h"

#include "interrupt.h"
#include "message.h"
#include "storage.h"

#include <mytosis/blocking.h>
#include <mytosis/plugin/socket.h>
#include <mytosis/plugin/sync.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define FIELDS 5
#define GRAPH_NODES 20000
#define BATCH 1000

/* A node for which there is room on the stack. */
typedef struct sample {
    char uid[32], texts[FIELDS][24];
    mt_field fields[FIELDS];
    mt_row row;
} sample;

static double now(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static bool goes_on(const cli_measuring *m, double begun)
{
    return now() - begun < m->slice && !cli_interrupted();
}

static mt_status note(cli_measuring *m, mt_status st, const mt_db *db)
{
    const mt_error *err = db ? mt_db_error(db) : NULL;

    if (st != MT_OK && m->err.status == MT_OK)
        cli_error_note(&m->err, st, err && err->status == st ? err->text : NULL);
    return st;
}

/* Number `n`, as version `version` wrote it. */
static const mt_row *sample_make(sample *s, uint64_t n, uint64_t version)
{
    static const char *const names[FIELDS] = {"city", "mail", "name", "note", "year"};

    (void)snprintf(s->uid, sizeof s->uid, "user/%08" PRIu64, n);
    for (size_t i = 0; i < FIELDS; i++) {
        (void)snprintf(s->texts[i], sizeof s->texts[i], "%s %" PRIu64, names[i], n * 7 + version);
        s->fields[i] = (mt_field){.name = mt_str(names[i]), .value = mt_text(s->texts[i])};
        if (version > 0) s->fields[i].state = version;
    }
    s->row = (mt_row){.uid = mt_str(s->uid), .fields = s->fields, .count = FIELDS};
    return &s->row;
}

/* ---- Stores ---- */

static mt_status open_store(cli_measuring *m, const char *name, mt_db **out)
{
    char path[4096];

    if ((size_t)snprintf(path, sizeof path, "%s/%s", m->folder, name) >= sizeof path)
        return note(m, MT_TOO_LARGE, NULL);
    return mt_open_path(path, NULL, out, &m->err);
}

static mt_status write_one(cli_measuring *m, double *per_second)
{
    double begun, took;
    uint64_t count = 0;
    mt_db *db = NULL;
    mt_status st = open_store(m, "one.mdb", &db);
    sample s = {.uid = ""};

    for (begun = now(); st == MT_OK && goes_on(m, begun); count++)
        st = note(m, mt_write_wait(db, sample_make(&s, m->written[0]++, 0), 1, NULL, NULL), db);
    took = now() - begun;
    mt_close(db);
    *per_second = (double)count / took;
    return st;
}

static mt_status write_batches(cli_measuring *m, double *per_second)
{
    static sample samples[BATCH];
    mt_row rows[BATCH];
    double begun, took;
    uint64_t count = 0;
    mt_db *db = NULL;
    mt_status st = open_store(m, "many.mdb", &db);

    for (begun = now(); st == MT_OK && goes_on(m, begun); count += BATCH) {
        for (size_t i = 0; i < BATCH; i++) rows[i] = *sample_make(&samples[i], m->written[1]++, 0);
        st = note(m, mt_write_wait(db, rows, BATCH, NULL, NULL), db);
    }
    took = now() - begun;
    mt_close(db);
    *per_second = (double)count / took;
    return st;
}

/* Reads nodes, and answers how long that took. Those that are there were written. */
static mt_status read_nodes(cli_measuring *m, mt_db *db, uint64_t first, uint64_t step,
                            double *took)
{
    char uids[BATCH][32];
    mt_bytes keys[BATCH];
    mt_handle *handles[BATCH];
    size_t missing = 0;
    double begun;
    mt_status st;

    for (uint64_t i = 0; i < BATCH; i++) {
        (void)snprintf(uids[i], sizeof uids[i], "user/%08" PRIu64,
                       (first + i * step) % m->written[1]);
        keys[i] = mt_str(uids[i]);
    }
    begun = now();
    st = note(m, mt_nodes_wait(db, keys, BATCH, NULL, handles), db);
    *took += now() - begun;
    for (size_t i = 0; st == MT_OK && i < BATCH; i++) {
        missing += handles[i] == NULL;
        mt_handle_unref(handles[i]);
    }
    return missing ? note(m, MT_NOT_FOUND, NULL) : st;
}

/* Far from one node to the next. */
static uint64_t step_of(const cli_measuring *m)
{
    return m->written[1] > BATCH ? m->written[1] / BATCH * 7 + 3 : 1;
}

/* From the file, or what the system has of it in memory: each opening begins with none of them. */
static mt_status read_cold(cli_measuring *m, double *per_second)
{
    double took = 0, begun = now();
    uint64_t count = 0;
    mt_status st = MT_OK;

    do {
        mt_db *db = NULL;

        if ((st = open_store(m, "many.mdb", &db)) != MT_OK) break;
        st = read_nodes(m, db, count, step_of(m), &took);
        mt_close(db);
        count += BATCH;
    } while (st == MT_OK && goes_on(m, begun));
    *per_second = (double)count / took;
    return st;
}

static mt_status read_cached(cli_measuring *m, double *per_second)
{
    double took = 0, warm = 0, begun = now();
    uint64_t count = 0;
    mt_db *db = NULL;
    mt_status st = open_store(m, "many.mdb", &db);

    if (st == MT_OK) st = read_nodes(m, db, 0, step_of(m), &warm);
    do {
        if (st == MT_OK) st = read_nodes(m, db, 0, step_of(m), &took);
        count += BATCH;
    } while (st == MT_OK && goes_on(m, begun));
    mt_close(db);
    *per_second = (double)count / took;
    return st;
}

/* ---- Graphs ---- */

static mt_status fill(mt_graph *graph, uint64_t version)
{
    mt_status st = MT_OK;
    mt_delta *delta;
    sample s = {.uid = ""};

    for (uint64_t i = 0; i < GRAPH_NODES && st == MT_OK; i++) {
        delta = NULL;
        st = mt_graph_merge_rows(graph, sample_make(&s, i, version), 1, &delta);
        mt_delta_free(delta);
    }
    return st;
}

static mt_status merge(cli_measuring *m, double *per_second)
{
    double took = 0, begun = now();
    uint64_t count = 0;
    mt_status st = MT_OK;

    do {
        mt_graph *graph = NULL;
        mt_delta *delta = NULL;
        double start;

        st = mt_graph_clone(m->graph, &graph);
        start = now();
        if (st == MT_OK) st = mt_graph_merge(graph, m->later, &delta);
        took += now() - start;
        count += (uint64_t)GRAPH_NODES * FIELDS;
        mt_delta_free(delta);
        mt_graph_free(graph);
    } while (st == MT_OK && goes_on(m, begun));
    *per_second = (double)count / took;
    return note(m, st, NULL);
}

/* ---- Peers ---- */

typedef struct peers {
    mt_loop *loop;
    mt_server *server;
    mt_group *links;
    mt_connection *link;
    mt_db *from, *to;
    bool live;
} peers;

static mt_status open_peer(const mt_env *env, mt_group *links, mt_db **out, mt_error *err)
{
    mt_config config = {.size = sizeof config, .env = env, .group = links};
    mt_router router;
    mt_status st = mt_router_sync(env, NULL, &router, err);

    if (st != MT_OK) return st;
    config.router = &router;
    st = mt_open((const mt_config *[]){&config}, 1, out, err);
    if (st != MT_OK) router.ops->close(router.ctx);
    return st;
}

static void look(void *ctx, const mt_sync_peer *peer)
{
    peers *p = ctx;

    p->live = peer->state == MT_SYNC_LIVE && peer->nodes_in >= GRAPH_NODES;
}

static mt_status peers_open(cli_measuring *m, peers *p)
{
    const mt_env *env;
    mt_status st = note(m, mt_loop_new(mt_mem_system(), &p->loop), NULL);

    if (st != MT_OK) return st;
    env = mt_loop_env(p->loop);
    st = mt_server_new(env, "tcp://127.0.0.1:0", NULL, &p->server, &m->err);
    if (st == MT_OK) st = note(m, mt_group_new(mt_mem_system(), &p->links), NULL);
    if (st == MT_OK) st = open_peer(env, mt_server_group(p->server), &p->from, &m->err);
    if (st == MT_OK) st = open_peer(env, p->links, &p->to, &m->err);
    if (st == MT_OK) st = note(m, mt_commit_graph_wait(p->from, m->graph, NULL), p->from);
    return st;
}

static void peers_close(peers *p)
{
    mt_close(p->to);
    mt_close(p->from);
    if (p->link) mt_connection_close(p->link);
    mt_connection_unref(p->link);
    mt_group_unref(p->links);
    mt_server_close(p->server);
    cli_storage_loop_free(p->loop);
}

static mt_status sync_peers(cli_measuring *m, double *per_second)
{
    peers p = {.live = false};
    mt_status st = peers_open(m, &p);
    double begun = now();

    if (st == MT_OK) {
        const mt_env *env = mt_loop_env(p.loop);

        st = mt_dial(env, mt_server_url(p.server), NULL, &p.link, &m->err);
        if (st == MT_OK) st = note(m, mt_group_add(p.links, p.link), NULL);
        while (st == MT_OK && !p.live) {
            st = note(m, env->turn(env->ctx), NULL);
            if (st == MT_OK) st = note(m, mt_db_status(p.to, look, &p), p.to);
        }
    }
    *per_second = GRAPH_NODES / (now() - begun);
    peers_close(&p);
    return st;
}

/* ---- All ---- */

const cli_measure cli_measures[MEASURES] = {
    {"writes_durable", "writes, each flushed to the disk", "nodes/s", write_one},
    {"writes_batched", "writes, 1,000 to a flush", "nodes/s", write_batches},
    {"reads_cold", "reads from the file", "nodes/s", read_cold},
    {"reads_cached", "reads from memory", "nodes/s", read_cached},
    {"merge", "merge of every field", "fields/s", merge},
    {"sync", "first sync over loopback, in memory", "nodes/s", sync_peers},
};

mt_status cli_measuring_begin(cli_measuring *m, const char *folder, double slice)
{
    mt_status st;

    *m = (cli_measuring){.folder = folder, .slice = slice};
    st = mt_graph_new(mt_mem_system(), NULL, &m->graph);
    if (st == MT_OK) st = mt_graph_new(mt_mem_system(), NULL, &m->later);
    if (st == MT_OK) st = fill(m->graph, 1);
    if (st == MT_OK) st = fill(m->later, 2);
    return note(m, st, NULL);
}

void cli_measuring_end(cli_measuring *m)
{
    mt_graph_free(m->graph);
    mt_graph_free(m->later);
}
