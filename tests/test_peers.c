#include "test_peers.h"

#include <mytosis/plugin/node_store.h>
#include <mytosis/plugin/pipe.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How long everything may take to come to rest: a session that failed begins anew after 5 s. */
#define SETTLE_MS 60000
#define SETTLE_ROUNDS 4

static mt_graph *graph_new(void)
{
    mt_graph *graph;

    HOLDS(mt_graph_new(test_mem(), NULL, &graph) == MT_OK);
    return graph;
}

/* ---- Links ---- */

static void link_close(test_link *link)
{
    for (size_t i = 0; i < 2; i++) {
        if (!link->connections[i]) continue;
        mt_connection_close(link->connections[i]);
        mt_connection_unref(link->connections[i]);
        link->connections[i] = NULL;
    }
}

/* Joins the ends of a link that are both up. */
static void link_open(test_peers *p, test_link *link)
{
    char ids[2][16];
    mt_pipe_options options = {.size = sizeof options, .latency_ms = test_below(p->c, 20)};
    test_peer *a = &p->peers[link->ends[0]], *b = &p->peers[link->ends[1]];

    if (link->connections[0] || !a->db || !b->db) return;
    snprintf(ids[0], sizeof ids[0], "to%zu#%zu", b->number, (size_t)(link - p->links));
    snprintf(ids[1], sizeof ids[1], "to%zu#%zu", a->number, (size_t)(link - p->links));
    options.a_id = mt_str(ids[0]);
    options.b_id = mt_str(ids[1]);
    options.queued_max = p->how.harsh && test_once_in(p->c, 3) ? 20000 : 0;
    HOLDS(mt_pipe_new(&p->te.env, &options, &link->connections[0], &link->connections[1], NULL) ==
          MT_OK);
    if (link->cut) HOLDS(mt_pipe_cut(link->connections[0]) == MT_OK);
    HOLDS(mt_group_add(a->links, link->connections[0]) == MT_OK);
    HOLDS(mt_group_add(b->links, link->connections[1]) == MT_OK);
}

void test_peers_link(test_peers *p, size_t a, size_t b)
{
    test_link *link = &p->links[p->link_count++];

    HOLDS(p->link_count <= TEST_LINKS_MAX);
    memset(link, 0, sizeof *link);
    link->ends[0] = a;
    link->ends[1] = b;
    link_open(p, link);
}

void test_peers_join(test_peers *p)
{
    size_t n = p->count;

    switch (test_below(p->c, 5)) {
    case 0: /* a line */
        for (size_t i = 1; i < n; i++) test_peers_link(p, i - 1, i);
        break;
    case 1: /* a star */
        for (size_t i = 1; i < n; i++) test_peers_link(p, 0, i);
        break;
    case 2: /* a ring */
        for (size_t i = 0; i < n && (n > 2 || i == 0); i++) test_peers_link(p, i, (i + 1) % n);
        break;
    case 3: /* everybody with everybody */
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < i; j++) test_peers_link(p, i, j);
        break;
    default: /* a mixture: each with one before it, and some with others */
        for (size_t i = 1; i < n; i++) {
            size_t one = test_below(p->c, i);
            for (size_t j = 0; j < i; j++)
                if (j == one || test_once_in(p->c, 3)) test_peers_link(p, i, j);
        }
    }
}

void test_peers_cut(test_peers *p, size_t at, bool cut)
{
    test_link *link = &p->links[at];

    link->cut = cut;
    if (!link->connections[0]) return;
    if (cut) HOLDS(mt_pipe_cut(link->connections[0]) == MT_OK);
    else HOLDS(mt_pipe_restore(link->connections[0]) == MT_OK);
}

/* ---- An environment for each ---- */

static const mt_env *env_of(void *ctx)
{
    return &((test_peer *)ctx)->world->te.env;
}

static uint64_t now_ms(void *ctx)
{
    return env_of(ctx)->now_ms(env_of(ctx)->ctx) + ((test_peer *)ctx)->ahead_ms;
}

static uint64_t ticks_ms(void *ctx)
{
    return env_of(ctx)->ticks_ms(env_of(ctx)->ctx);
}

static mt_status entropy(void *ctx, uint8_t *out, size_t len)
{
    return env_of(ctx)->entropy(env_of(ctx)->ctx, out, len);
}

static void timer_set(void *ctx, mt_timer *timer, uint64_t delay_ms)
{
    env_of(ctx)->timer_set(env_of(ctx)->ctx, timer, delay_ms);
}

static void timer_stop(void *ctx, mt_timer *timer)
{
    env_of(ctx)->timer_stop(env_of(ctx)->ctx, timer);
}

static mt_status turn(void *ctx)
{
    return env_of(ctx)->turn(env_of(ctx)->ctx);
}

static void env_make(test_peers *p, test_peer *peer)
{
    peer->env = (mt_env){.abi = MT_ENV_ABI,
                         .size = sizeof peer->env,
                         .mem = p->te.env.mem,
                         .now_ms = now_ms,
                         .ticks_ms = ticks_ms,
                         .entropy = entropy,
                         .timer_set = timer_set,
                         .timer_stop = timer_stop,
                         .turn = turn,
                         .ctx = peer};
    if (p->how.apart_ms > 0)
        peer->ahead_ms = test_below(p->c, 2 * p->how.apart_ms) - p->how.apart_ms;
}

/* ---- Up and down ---- */

static mt_kv engine_of(test_peers *p, test_peer *peer)
{
    mt_kv_late_options options = {.size = sizeof options, .fault = &peer->fault};
    mt_kv kv = test_disk_kv(&peer->env, &peer->disk);

    if (!peer->late) return kv;
    options.seed = test_below(p->c, 1000000);
    options.delay_ms = 1 + test_below(p->c, 40);
    HOLDS(mt_kv_late(&peer->env, kv, &options, &kv) == MT_OK);
    return kv;
}

static void disk_copy(mti_sim_disk *to, const mti_sim_disk *from)
{
    test_rng rng = test_rng_new(1);

    mti_sim_disk_end(to);
    *to = test_disk_crash(from, MTI_SIM_CRASH_ALL, &rng);
}

/* How many changes a log remembers that is too short. */
static size_t log_of_few(test_peers *p)
{
    return 8 + test_below(p->c, 24);
}

void test_peers_start(test_peers *p, size_t at)
{
    test_peer *peer = &p->peers[at];
    mt_node_store_options options = {.size = sizeof options,
                                     .log_max = p->how.harsh && test_once_in(p->c, 4) ? 8 : 0,
                                     .small_len_max = 100 + test_below(p->c, 2000)};
    mt_config config = {.size = sizeof config, .env = &peer->env, .clock = MT_CLOCK_HYBRID};
    const mt_config *configs[1] = {&config};
    mt_storage storage;
    mt_router router;
    mt_error err;

    if (peer->db) return;
    if (p->how.forgetful && !test_once_in(p->c, 3)) options.log_max = log_of_few(p);
    HOLDS(mt_group_new(test_mem(), &peer->links) == MT_OK);
    if (peer->stored) {
        HOLDS(mt_node_store_new(&peer->env, engine_of(p, peer), &options, &storage, NULL) == MT_OK);
        config.storage = &storage;
    }
    HOLDS(mt_router_sync(&peer->env, &peer->options, &router, &err) == MT_OK);
    config.router = &router;
    config.group = peer->links;
    HOLDS(mt_open(configs, 1, &peer->db, &err) == MT_OK);
    for (size_t i = 0; i < p->link_count; i++)
        if (p->links[i].ends[0] == at || p->links[i].ends[1] == at) link_open(p, &p->links[i]);
}

static void stop(test_peers *p, size_t at)
{
    test_peer *peer = &p->peers[at];

    if (!peer->db) return;
    for (size_t i = 0; i < p->link_count; i++)
        if (p->links[i].ends[0] == at || p->links[i].ends[1] == at) link_close(&p->links[i]);
    mt_close(peer->db);
    peer->db = NULL;
    mt_group_unref(peer->links);
}

void test_peers_crash(test_peers *p, size_t at)
{
    test_peer *peer = &p->peers[at];
    mti_sim_disk image;

    if (!peer->db || !peer->stored)
        return; /* one in memory would lose all that it was asked to keep */
    image = test_disk_crash(&peer->disk, (mti_sim_crash)test_below(p->c, MTI_SIM_CRASH_KINDS),
                            &p->c->rng);
    peer->disk.dead = true;
    stop(p, at);
    mti_sim_disk_end(&peer->disk);
    peer->disk = image;
}

void test_peers_fail(test_peers *p, size_t at, uint64_t calls)
{
    mt_kv_fault *fault = &p->peers[at].fault;

    *fault = (mt_kv_fault){.calls = MT_KV_FAULT_COMMIT, .status = MT_IO, .fail_at = calls};
    fault->at_start = test_once_in(p->c, 2);
}

void test_peers_keep(test_peers *p, size_t at)
{
    test_peer *peer = &p->peers[at];

    if (!peer->stored) return;
    disk_copy(&peer->then, &peer->disk);
    peer->has_then = true;
}

void test_peers_restore(test_peers *p, size_t at, size_t from)
{
    test_peer *peer = &p->peers[at];

    if (peer->db || !peer->stored || !p->peers[from].has_then) return;
    disk_copy(&peer->disk, &p->peers[from].then);
    /* What it had stored since then others may have, or nobody. */
    mt_graph_free(peer->sure);
    peer->sure = graph_new();
}

/* ---- Writing ---- */

typedef struct write {
    test_peer *peer;
} write;

static void keep_sure(mt_graph *sure, const mt_delta *delta)
{
    mt_delta_iter iter;
    mt_delta_node node;
    mt_field field;

    mt_delta_iter_init(&iter, delta, MT_UPDATE);
    while (mt_delta_iter_node(&iter, &node)) {
        mt_row row = {.uid = node.uid, .floor = node.floor};
        if (row.floor) HOLDS(mt_graph_merge_rows(sure, &row, 1, NULL) == MT_OK);
        row.fields = &field;
        row.count = 1;
        while (mt_delta_iter_field(&iter, &field))
            HOLDS(mt_graph_merge_rows(sure, &row, 1, NULL) == MT_OK);
    }
}

static void written(void *ctx, mt_db *db, const mt_result *result)
{
    write *w = ctx;

    (void)db;
    if (result->status == MT_OK && result->delta) keep_sure(w->peer->sure, result->delta);
    free(w);
}

/* Where what is told last is not put off by a clock that is ahead. */
static bool some_untold(const test_peers *p)
{
    return p->how.harsh && p->how.apart_ms == 0;
}

void test_peers_write(test_peers *p, size_t at)
{
    test_peers_write_some(p, at, SIZE_MAX);
}

void test_peers_write_some(test_peers *p, size_t at, size_t nodes_max)
{
    mt_options options = {.size = sizeof options,
                          .network_none = some_untold(p) && test_once_in(p->c, 8)};
    test_peer *peer = &p->peers[at];
    write *w = malloc(sizeof *w);
    size_t count;
    mt_row *rows;
    mt_status st;

    if (!w) abort();
    w->peer = peer;
    rows = gen_patch(p->c, &p->u, &count);
    if (count > nodes_max) count = nodes_max;
    st = peer->db ? mt_write(peer->db, rows, count, &options, written, w, NULL) : MT_CLOSED;
    if (st != MT_OK) free(w);
}

/* ---- Coming to rest ---- */

static bool take(void *ctx, mt_db *db, const mt_row *row)
{
    (void)db;
    HOLDS(mt_graph_merge_rows(ctx, row, 1, NULL) == MT_OK);
    return true;
}

mt_graph *test_peers_graph(test_peers *p, size_t at)
{
    mt_graph *graph = graph_new();
    mt_range all = {.deleted = true};

    HOLDS(mt_stream_wait(p->peers[at].db, &all, take, graph) == MT_OK);
    return graph;
}

static bool are_equal(test_peers *p)
{
    mt_graph *first = test_peers_graph(p, 0);
    bool equal = true;

    for (size_t i = 1; i < p->count; i++) {
        mt_graph *other = test_peers_graph(p, i);
        equal &= mt_graph_equal(first, other);
        mt_graph_free(other);
    }
    mt_graph_free(first);
    return equal;
}

static void show_peer(void *ctx, const mt_sync_peer *peer)
{
    mt_bytes id = mt_connection_id(peer->connection);

    printf("    %zu %.*s: %s; %s\n", *(const size_t *)ctx, (int)id.len, (const char *)id.data,
           peer->text, peer->error);
}

/* How it stands where peers do not become equal. */
static void show(test_peers *p)
{
    for (size_t i = 0; i < p->count; i++) {
        mt_buf text = {.mem = test_mem()};
        mt_graph *graph = test_peers_graph(p, i);
        HOLDS(mt_db_status(p->peers[i].db, show_peer, &i) == MT_OK);
        HOLDS(mt_graph_snapshot(graph, &text) == MT_OK);
        printf("    %zu has %zu: %.*s\n", i, mt_graph_count(graph), (int)text.len,
               (const char *)text.data);
        mt_buf_free(&text);
        mt_graph_free(graph);
    }
}

static void nothing_is_lost(test_peers *p)
{
    mt_graph *has = test_peers_graph(p, 0);

    for (size_t i = 0; i < p->count; i++) {
        mt_delta *delta;
        HOLDS(mt_graph_merge(has, p->peers[i].sure, &delta) == MT_OK);
        HOLDS(!mt_delta_changed(delta));
        mt_delta_free(delta);
    }
    mt_graph_free(has);
}

/* What nobody was told of goes with what they are told. */
static void tell_all(test_peers *p)
{
    mt_field field = {.name = mt_str("told"), .value = mt_text("all")};
    mt_row row = {.uid = mt_str("told"), .fields = &field, .count = 1};

    for (size_t i = 0; i < p->count; i++)
        (void)!mt_write(p->peers[i].db, &row, 1, NULL, NULL, NULL, NULL);
}

void test_peers_heal(test_peers *p)
{
    for (size_t i = 0; i < p->count; i++) {
        p->peers[i].fault.status = MT_OK;
        test_peers_start(p, i);
    }
    for (size_t i = 0; i < p->link_count; i++) test_peers_cut(p, i, false);
    if (some_untold(p)) {
        test_env_run_for(&p->te, 1000); /* what is under way comes first */
        tell_all(p);
    }
    test_env_run_for(&p->te, SETTLE_MS);
}

void test_peers_settle(test_peers *p)
{
    bool equal = false;

    test_peers_heal(p);
    for (size_t round = 0; round < SETTLE_ROUNDS && !equal; round++) {
        test_env_run_for(&p->te, SETTLE_MS);
        equal = are_equal(p);
    }
    if (!equal) show(p);
    HOLDS(equal);
    nothing_is_lost(p);
}

/* ---- All ---- */

void test_peers_begin(test_peers *p, test_case *c, size_t count, bool harsh)
{
    test_peers_begin_as(p, c, count, &(test_peers_how){.harsh = harsh});
}

void test_peers_begin_as(test_peers *p, test_case *c, size_t count, const test_peers_how *how)
{
    memset(p, 0, sizeof *p);
    p->c = c;
    p->how = *how;
    p->u = gen_any(c);
    p->count = count;
    test_env_init(&p->te, c->seed, test_mem());
    for (size_t i = 0; i < count; i++) {
        p->peers[i].world = p;
        p->peers[i].number = i;
        p->peers[i].stored = !test_once_in(c, 4);
        p->peers[i].options.size = sizeof p->peers[i].options;
        p->peers[i].sure = graph_new();
        p->peers[i].late = how->late && test_once_in(c, 2);
        if (how->forgetful && !test_once_in(c, 3)) p->peers[i].options.log_nodes = log_of_few(p);
        /* Not drawn, so that it changes nothing else of a case. */
        if ((c->seed + i) % 3) p->peers[i].options.compressor = mt_compressor_zstd();
        env_make(p, &p->peers[i]);
        if (how->choose) how->choose(p, i);
        test_peers_start(p, i);
    }
}

void test_peers_end(test_peers *p)
{
    for (size_t i = 0; i < p->count; i++) {
        stop(p, i);
        mti_sim_disk_end(&p->peers[i].disk);
        mti_sim_disk_end(&p->peers[i].then);
        mt_graph_free(p->peers[i].sure);
    }
    test_env_run(&p->te);
    test_env_end(&p->te);
}
