#include "peer.h"

#include "figure.h"

#include <mytosis/blocking.h>
#include <mytosis/host.h>
#include <mytosis/plugin/sync.h>
#include <string.h>

static void heard(void *ctx, mt_db *db, const mt_event *event)
{
    peer *p = ctx;

    (void)db;
    p->heard += event->count;
    p->heard_at = bench_now();
}

void peer_open(peer *p, mt_loop *loop, const char *path, const char *url, bool dials)
{
    mt_config config = {.size = sizeof config};
    mt_sync_options sync = {.size = sizeof sync, .compressor = mt_compressor_zstd()};
    mt_error error;
    mt_router router;
    mt_listen all = {.kinds = MT_EVENT_UPDATE};
    mt_status st;

    memset(p, 0, sizeof *p);
    p->env = mt_loop_env(loop);
    config.env = p->env;
    bench_must(mt_router_sync(p->env, &sync, &router, &error), "router");
    config.router = &router;
    if (dials) {
        bench_must(mt_dial(p->env, url, NULL, &p->link, &error), "dial");
        config.connections = &p->link;
        config.connection_count = 1;
    } else {
        if (mt_server_new(p->env, url, NULL, &p->server, &error) != MT_OK)
            bench_fail(url, error.text);
        config.group = mt_server_group(p->server);
    }
    if (path) st = mt_open_path(path, &config, &p->db, &error);
    else st = mt_open(&(const mt_config *){&config}, 1, &p->db, &error);
    if (st != MT_OK) bench_fail("open", error.text);
    bench_must(mt_on(p->db, &all, heard, p, NULL), "listen");
}

mt_connection *peer_dial(const peer *p, const char *url)
{
    mt_connection *link;
    mt_error error;

    bench_must(mt_dial(p->env, url, NULL, &link, &error), "dial");
    bench_must(mt_group_add(mt_server_group(p->server), link), "group");
    return link;
}

void peer_close(peer *p)
{
    mt_close(p->db);
    mt_connection_unref(p->link);
    mt_server_close(p->server);
}

void peer_turn(const peer *p)
{
    bench_must(p->env->turn(p->env->ctx), "turn");
}

void peer_fill(const peer *p, const bench_set *set)
{
    for (size_t i = 0; i < set->count; i += BATCH)
        bench_must(mt_write_wait(p->db, &set->rows[i], BATCH, NULL, NULL), "write");
}

static void add_peer(void *ctx, const mt_sync_peer *one)
{
    totals *t = ctx;

    t->bytes += one->bytes_in + one->bytes_out;
    t->live += one->state == MT_SYNC_LIVE;
    t->trips += one->round_trips;
}

totals peer_totals(const peer *p)
{
    totals t = {0, 0, 0};

    bench_must(mt_db_status(p->db, add_peer, &t), "status");
    return t;
}
