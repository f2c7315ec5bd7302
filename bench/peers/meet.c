/* Two databases in memory with the sync router, joined by a pipe: they become equal, the pipe is cut, each is
 * edited, and the pipe is restored. What they then say to each other is everything, the greeting too. */
#include "mytosis.h"

#include "../figure.h"

#include <mytosis/loop.h>
#include <mytosis/mytosis.h>
#include <mytosis/plugin/pipe.h>
#include <mytosis/plugin/sync.h>

typedef struct side {
    mt_db *db;
    size_t fields; /* that came from the other */
    uint64_t bytes;
    bool live;
} side;

static void heard(void *ctx, mt_db *db, const mt_event *event)
{
    mt_delta_iter iter = {.delta = NULL};
    mt_delta_node node;
    mt_field field;

    (void)db;
    if (!event->origin) return;
    while (mt_event_node(event, &iter, &node))
        while (mt_delta_iter_field(&iter, &field)) ((side *)ctx)->fields++;
}

static void side_open(side *s, const mt_env *env, mt_connection *link)
{
    mt_sync_options options = {.size = sizeof options, .compressor = mt_compressor_zstd()};
    mt_config config = {
        .size = sizeof config, .env = env, .connections = &link, .connection_count = 1};
    mt_listen all = {.kinds = MT_EVENT_UPDATE};
    mt_router router;
    mt_error error;

    bench_must(mt_router_sync(env, &options, &router, &error), "router");
    config.router = &router;
    bench_must(mt_open(&(const mt_config *){&config}, 1, &s->db, &error), "open");
    bench_must(mt_on(s->db, &all, heard, s, NULL), "listen");
}

static void note(void *ctx, const mt_sync_peer *peer)
{
    side *s = ctx;

    s->live = peer->state == MT_SYNC_LIVE;
    s->bytes = peer->bytes_in + peer->bytes_out;
}

/* One turn; answers whether all has come that there was. */
static bool turn(const mt_env *env, side *sides, size_t here, size_t there)
{
    bench_must(env->turn(env->ctx), "turn");
    if (sides[0].fields < here || sides[1].fields < there) return false;
    for (int i = 0; i < 2; i++) bench_must(mt_db_status(sides[i].db, note, &sides[i]), "status");
    return sides[0].live && sides[1].live;
}

static void fill(const side *s, const peers_input *in)
{
    peers_db_write(s->db, in, 0, in->count);
}

static void edit(const side *s, const peers_input *in, const peers_edits *edits)
{
    for (size_t at = 0; at < edits->count; at += PEERS_EDITS) {
        size_t left = edits->count - at;
        peers_db_edit(s->db, in, &edits->at[at], left < PEERS_EDITS ? left : PEERS_EDITS);
    }
}

static void digest(const side *s, const peers_input *in, peers_digest *out)
{
    *out = (peers_digest){0, 0};
    for (size_t i = 0; i < in->count; i++) peers_node_digest(mt_peek(s->db, in->uids[i]), out);
}

void peers_db_meet(const peers_input *in, peers_meeting *meeting)
{
    const peers_edits *here = &in->lists[PEERS_HERE], *there = &in->lists[PEERS_THERE];
    side sides[2] = {{.fields = 0}, {.fields = 0}};
    mt_connection *ends[2];
    const mt_env *env;
    mt_loop *loop;

    bench_must(mt_loop_new(mt_mem_system(), &loop), "loop");
    env = mt_loop_env(loop);
    bench_must(mt_pipe_new(env, NULL, &ends[0], &ends[1], NULL), "pipe");
    for (int i = 0; i < 2; i++) side_open(&sides[i], env, ends[i]);
    fill(&sides[0], in);
    while (!turn(env, sides, 0, in->count * in->name_count)) continue;

    bench_must(mt_pipe_cut(ends[0]), "cut");
    edit(&sides[0], in, here);
    edit(&sides[1], in, there);
    sides[0].fields = sides[1].fields = 0;
    meeting->bytes = sides[0].bytes;
    meeting->seconds = bench_now();
    bench_must(mt_pipe_restore(ends[0]), "restore");
    while (!turn(env, sides, there->count, here->count)) continue;
    meeting->seconds = bench_now() - meeting->seconds;
    meeting->bytes = sides[0].bytes - meeting->bytes;

    digest(&sides[0], in, &meeting->here);
    digest(&sides[1], in, &meeting->there);
    for (int i = 0; i < 2; i++) {
        mt_close(sides[i].db);
        mt_connection_close(ends[i]);
        mt_connection_unref(ends[i]);
    }
    bench_must(mt_loop_run(loop), "loop");
    mt_loop_free(loop);
}
