/* check.c - what must be true once all is quiet. */
#include "sim/world.h"

#include "sim/room.h"

#include <mytosis/blocking.h>
#include <mytosis/host.h>
#include <mytosis/plugin/router.h>

#include <inttypes.h>
#include <stdlib.h>

#define ROUND_MS 60000
#define CLOSE_MS 600000
#define HOUR_MS 3600000

#define EQUAL "peers that are joined hold the same"
#define LOST "no acknowledged write is lost"
#define BACK "what was deleted stays deleted"
#define LOGGED "the log names all that is stored"
#define BUDGET "memory stays within its budget"
#define ENDS "peers end when they are closed"
#define OPENS "peers open once all is well"

/* ---- All faults end ---- */

static bool some_close(const mt_sim *sim)
{
    for (size_t i = 0; i < sim->peer_count; i++)
        if (sim->peers[i].db && !mti_sim_peer_up(&sim->peers[i])) return true;
    return false;
}

static void await_closed(mt_sim *sim)
{
    uint64_t until_ms = sim->clock.ticks_ms + CLOSE_MS;

    do mti_sim_pass(sim, 10);
    while (some_close(sim) && sim->clock.ticks_ms < until_ms && !mti_sim_failed(sim));
    if (some_close(sim)) mti_sim_violate(sim, ENDS, "one goes on for ten minutes");
}

/* What was written ahead is taken when others' clocks have come so far. */
uint64_t mti_sim_apart_ms(const mt_sim *sim)
{
    int64_t most_ms = sim->ahead_most_ms, least_ms = 0;

    for (size_t i = 0; i < sim->peer_count; i++) {
        int64_t ahead_ms = sim->peers[i].ahead_ms;
        if (ahead_ms > most_ms) most_ms = ahead_ms;
        if (ahead_ms < least_ms) least_ms = ahead_ms;
    }
    return (uint64_t)(most_ms - least_ms);
}

/* ---- Graphs ---- */

static bool take(void *ctx, mt_db *db, const mt_row *row)
{
    (void)db;
    return mt_graph_merge_rows(ctx, row, 1, NULL) == MT_OK;
}

mt_status mt_sim_graph(mt_sim *sim, size_t peer, mt_graph **out)
{
    mt_range all = {.deleted = true};
    mt_graph *graph;
    mt_status st;

    if (!mt_sim_db(sim, peer)) return MT_CLOSED;
    if (mt_graph_new(mt_mem_system(), NULL, &graph) != MT_OK) mti_sim_refuse("out of memory");
    st = mt_stream_wait(sim->peers[peer].db, &all, take, graph);
    if (st == MT_OK) *out = graph;
    else mt_graph_free(graph);
    return st;
}

/* Of each peer that is in, all that it holds, to be freed; NULL: the run has failed. */
static mt_graph **graphs_new(mt_sim *sim)
{
    mt_graph **graphs = mti_sim_new(sim->peer_count, sizeof(mt_graph *));

    for (size_t i = 0; i < sim->peer_count; i++) {
        mti_sim_peer *peer = &sim->peers[i];
        if (peer->out || peer->role->lies || mti_sim_failed(sim)) continue;
        if (peer->failed) {
            mti_sim_violate(sim, OPENS, "%zu does not", i);
        } else if (mt_sim_graph(sim, i, &graphs[i]) != MT_OK) {
            mti_sim_violate(sim, OPENS, "%zu cannot be read: %s", i, mt_db_error(peer->db)->text);
        }
    }
    return graphs;
}

static void graphs_free(mt_sim *sim, mt_graph **graphs)
{
    for (size_t i = 0; i < sim->peer_count; i++) mt_graph_free(graphs[i]);
    free(graphs);
}

/* For each peer, the first of those that it is joined with; to be freed. */
static size_t *firsts_new(const mt_sim *sim)
{
    size_t *first = mti_sim_new(sim->peer_count, sizeof *first);
    bool changed = true;

    for (size_t i = 0; i < sim->peer_count; i++) first[i] = i;
    while (changed) {
        changed = false;
        for (size_t i = 0; i < sim->plan->link_count; i++) {
            size_t *a = &first[sim->plan->links[i][0]], *b = &first[sim->plan->links[i][1]];
            if (!mti_sim_plan_agrees(sim->plan, i) || *a == *b) continue;
            *a = *b = *a < *b ? *a : *b;
            changed = true;
        }
    }
    return first;
}

/* The first node in which two graphs differ. */
static mt_bytes difference(const mt_graph *a, const mt_graph *b)
{
    const mt_graph *graphs[2] = {a, b};
    mt_bytes none = {NULL, 0};

    for (size_t i = 0; i < 2; i++) {
        mt_graph_iter iter;
        const mt_node *node, *other;
        mt_graph_iter_init(&iter, graphs[i], none, none);
        while ((node = mt_graph_iter_next(&iter))) {
            other = mt_graph_get(graphs[1 - i], mt_node_uid(node));
            if (!other || !mt_node_equal(node, other)) return mt_node_uid(node);
        }
    }
    return none;
}

/* ---- The checks ---- */

static bool are_equal(mt_sim *sim, mt_graph **graphs, const size_t *first, bool last)
{
    for (size_t i = 0; i < sim->peer_count; i++) {
        mt_bytes uid;
        if (!graphs[i] || mt_graph_equal(graphs[i], graphs[first[i]])) continue;
        uid = difference(graphs[i], graphs[first[i]]);
        if (last)
            mti_sim_violate(sim, EQUAL, "%zu and %zu differ after two rounds, in %.*s", first[i], i,
                            (int)uid.len, (const char *)uid.data);
        return false;
    }
    return true;
}

/* What was answered to have been stored changes nothing any more. */
static void sure_is_there(mt_sim *sim, mt_graph *has, const mt_graph *sure, size_t peer)
{
    mt_delta *delta;
    mt_delta_iter iter;
    mt_delta_node node;
    mt_field field;

    if (mt_graph_merge(has, sure, &delta) != MT_OK) mti_sim_refuse("out of memory");
    mt_delta_iter_init(&iter, delta, MT_UPDATE);
    while (mt_delta_iter_node(&iter, &node)) {
        bool deleted = node.floor > 0, any = deleted || node.created;
        while (mt_delta_iter_field(&iter, &field)) {
            any = true;
            deleted |= field.kind == MT_FIELD_DELETED;
        }
        if (any)
            mti_sim_violate(sim, deleted ? BACK : LOST, "%.*s, which %zu wrote", (int)node.uid.len,
                            (const char *)node.uid.data, peer);
    }
    mt_delta_free(delta);
}

static void memory_is_bounded(mt_sim *sim, const mti_sim_peer *peer)
{
    mt_db_stats stats = {.size = sizeof stats};

    if (!mti_sim_peer_up(peer) || peer->cache_bytes == 0) return;
    mt_db_statistics(peer->db, &stats);
    if (stats.cache_bytes > peer->cache_bytes)
        mti_sim_violate(sim, BUDGET, "%zu has %zu bytes of nodes, of %zu", peer->number,
                        stats.cache_bytes, peer->cache_bytes);
}

/* ---- The log of a store ---- */

typedef struct log_walk {
    mt_graph *named; /* a node for each that the log names */
    mt_cursor next;
    uint64_t number;
    bool answered, end, ascends;
    mt_status status;
} log_walk;

static void log_read(void *ctx, mt_db *db, const mt_storage_answer *answer)
{
    log_walk *w = ctx;

    (void)db;
    for (size_t i = 0; i < answer->change_count; i++) {
        const mt_storage_change *change = &answer->changes[i];
        mt_row row = {.uid = change->uid};
        w->ascends = w->ascends && change->number > w->number;
        w->number = change->number;
        if (mt_graph_patch(w->named, &row, 1, 0, NULL) != MT_OK) mti_sim_refuse("out of memory");
    }
    if (answer->more) return;
    w->status = answer->status;
    w->next = answer->next;
    w->end = answer->end || answer->change_count == 0;
    w->answered = true;
}

/* Reads all of it; false: it does not go back to its beginning. */
static bool log_walk_all(mt_sim *sim, mt_db *db, log_walk *w)
{
    while (!w->end) {
        w->answered = false;
        if (mt_db_changes(db, &w->next, 100, log_read, w) != MT_OK) return false;
        while (!w->answered)
            if (mti_sim_turn(sim) != MT_OK) return false;
        if (w->status != MT_OK) return false;
    }
    return true;
}

static void log_is_whole(mt_sim *sim, mti_sim_peer *peer, const mt_graph *has)
{
    log_walk w = {.ascends = true};
    mt_bytes none = {NULL, 0};
    mt_graph_iter iter;
    const mt_node *node;

    if (!peer->stored) return;
    if (mt_graph_new(mt_mem_system(), NULL, &w.named) != MT_OK) mti_sim_refuse("out of memory");
    if (log_walk_all(sim, peer->db, &w)) {
        if (!w.ascends) mti_sim_violate(sim, LOGGED, "that of %zu is out of order", peer->number);
        mt_graph_iter_init(&iter, has, none, none);
        while ((node = mt_graph_iter_next(&iter))) {
            mt_bytes uid = mt_node_uid(node);
            if (!mt_graph_get(w.named, uid))
                mti_sim_violate(sim, LOGGED, "that of %zu lacks %.*s", peer->number, (int)uid.len,
                                (const char *)uid.data);
        }
    }
    mt_graph_free(w.named);
}

/* ---- All ---- */

static void check_each(mt_sim *sim, mt_graph **graphs)
{
    for (size_t i = 0; i < sim->peer_count && !mti_sim_failed(sim); i++) {
        if (!graphs[i]) continue;
        memory_is_bounded(sim, &sim->peers[i]);
        log_is_whole(sim, &sim->peers[i], graphs[i]);
        mti_sim_ledger_check(sim, graphs[i], i);
    }
}

static void check_all(mt_sim *sim, mt_graph **graphs, const size_t *first)
{
    unsigned most = sim->report->version_most, max = sim->options->version_max;

    for (size_t i = 0; i < sim->peer_count; i++)
        if (graphs[first[i]]) sure_is_there(sim, graphs[first[i]], sim->peers[i].sure, i);
    if (most > (max ? max : MT_SIM_VERSION_MAX))
        mti_sim_violate(sim, "no version crosses a link too often", "one did %u times", most);
}

/* Those that are down begin again, those whose disk has harmed them too. */
static void restart(mt_sim *sim)
{
    for (size_t i = 0; i < sim->peer_count; i++) {
        mti_sim_peer *peer = &sim->peers[i];
        bool harmed = peer->faults.harmed || peer->faults.sync_fails;
        peer->faults = (mti_sim_faults){.flipped = peer->faults.flipped};
        peer->doomed = 0;
        if (!mti_sim_peer_up(peer)) continue;
        if (peer->failed) mti_sim_peer_stop(peer);
        else if (harmed) mti_sim_peer_crash(peer, 1);
        mti_sim_peer_lives(peer);
    }
    await_closed(sim);
    for (size_t i = 0; i < sim->peer_count; i++) mti_sim_peer_start(&sim->peers[i]);
}

/* A disk that read what was never written is not trusted, although nothing on it may be damaged: what was
 * skipped as damaged by whoever read it does not come again. */
static void replace_disks(mt_sim *sim)
{
    for (size_t i = 0; i < sim->peer_count; i++)
        if (sim->peers[i].faults.flipped) mti_sim_peer_stop(&sim->peers[i]);
    await_closed(sim);
    for (size_t i = 0; i < sim->peer_count; i++) {
        mti_sim_peer *peer = &sim->peers[i];
        if (!peer->faults.flipped || mti_sim_failed(sim)) continue;
        peer->faults.flipped = false;
        mti_sim_disk_end(&peer->disk);
        mt_graph_free(peer->sure);
        if (mt_graph_new(mt_mem_system(), NULL, &peer->sure) != MT_OK)
            mti_sim_refuse("out of memory");
        mti_sim_peer_start(peer);
    }
}

static void heal(mt_sim *sim)
{
    mti_sim_links_heal(sim);
    restart(sim);
    mti_sim_pass(sim, 1000);
    graphs_free(sim, graphs_new(sim));
    replace_disks(sim);
    if (mti_sim_apart_ms(sim) > 0) mti_sim_pass(sim, mti_sim_apart_ms(sim) + HOUR_MS);
}

void mti_sim_settle(mt_sim *sim)
{
    mt_error why = {MT_OK, ""};
    bool equal = false;

    heal(sim);
    for (unsigned round = 0; round < 2 && !equal && !mti_sim_failed(sim); round++) {
        size_t *first = firsts_new(sim);
        mt_graph **graphs;
        mti_sim_pass(sim, ROUND_MS);
        graphs = graphs_new(sim);
        check_each(sim, graphs);
        equal = !mti_sim_failed(sim) && are_equal(sim, graphs, first, round == 1);
        if (equal) check_all(sim, graphs, first);
        graphs_free(sim, graphs);
        free(first);
    }
    if (mti_sim_failed(sim) || !sim->options->check) return;
    if (sim->options->check(sim->options->ctx, sim, &why) != MT_OK)
        mti_sim_violate(sim, "what the application checks", "%s", why.text);
}
