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

static mt_status admit(void *ctx, const mt_secure_visitor *visitor, mt_connection *connection,
                       mt_error *why)
{
    (void)ctx, (void)visitor, (void)connection, (void)why;
    return MT_OK;
}

/* All that listen are one device, and all that dial another. */
static void secure_open(peer *p, bool dials)
{
    static const uint8_t seeds[2][MT_KEY_LEN] = {{1}, {2}}, space[MT_SPACE_LEN] = {3};
    mt_secure_options options = {.size = sizeof options,
                                 .crypto = mt_crypto_sodium(),
                                 .seed = seeds[dials],
                                 .space = space,
                                 .admit = admit};
    mt_error error;

    bench_must(mt_secure_new(p->env, &options, &p->secure, &error), "secure");
}

/* Whom `dial` leads to. */
static const uint8_t *listener(void)
{
    static uint8_t key[MT_SIGNING_KEY_LEN];
    static const uint8_t seed[MT_KEY_LEN] = {1};

    mt_crypto_sodium()->signing_key(NULL, seed, key);
    return key + MT_SIGNING_KEY_LEN - MT_DEVICE_LEN;
}

static void dial(peer *p, const char *url)
{
    mt_secure_peer far = {.size = sizeof far, .device = listener()};
    mt_connection *link;
    mt_error error;

    bench_must(mt_dial(p->env, url, NULL, &link, &error), "dial");
    if (!p->secure) {
        p->link = link;
        return;
    }
    bench_must(mt_secure_dial(p->secure, link, &far, &p->link, &error), "secure");
    mt_connection_unref(link);
}

static mt_group *listen_at(peer *p, const char *url)
{
    mt_error error;

    if (mt_server_new(p->env, url, NULL, &p->server, &error) != MT_OK) bench_fail(url, error.text);
    if (!p->secure) return mt_server_group(p->server);
    bench_must(mt_secure_serve(p->secure, mt_server_group(p->server), &p->secured, &error),
               "secure");
    return mt_secure_server_group(p->secured);
}

void peer_open(peer *p, mt_loop *loop, const char *path, const char *url, bool dials, bool secured)
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
    if (secured) secure_open(p, dials);
    if (dials) {
        dial(p, url);
        config.connections = &p->link;
        config.connection_count = 1;
    } else {
        config.group = listen_at(p, url);
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
    mt_secure_server_free(p->secured);
    mt_secure_unref(p->secure);
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
