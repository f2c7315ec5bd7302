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

static const uint8_t seeds[2][MT_KEY_LEN] = {{1}, {2}}, root[MT_KEY_LEN] = {3};

/* The public key of a device, in a key that is given. */
static const uint8_t *device_of(const uint8_t *seed, uint8_t key[MT_SIGNING_KEY_LEN])
{
    mt_crypto_sodium()->signing_key(NULL, seed, key);
    return key + MT_SIGNING_KEY_LEN - MT_DEVICE_LEN;
}

/* The genesis, and what it gives a device: everything, for ever. */
static void records_make(const peer *p, const uint8_t *seed, mt_buf *genesis, mt_buf *chain)
{
    static const uint8_t recovery[MT_KEY_LEN] = {4};
    uint8_t key[MT_SIGNING_KEY_LEN];
    mt_bytes everything = {NULL, 0};
    mt_token token = {.size = sizeof token,
                      .rights = MT_RIGHT_READ | MT_RIGHT_WRITE,
                      .device = device_of(seed, key),
                      .prefixes = &everything,
                      .prefix_count = 1,
                      .not_after_ms = UINT64_MAX};
    mt_error error;

    genesis->mem = chain->mem = mt_mem_system();
    bench_must(mt_genesis_make(mt_crypto_sodium(), root, recovery, 0, genesis, &error), "genesis");
    bench_must(mt_token_issue(p->env, mt_crypto_sodium(), mt_buf_bytes(genesis), root, everything,
                              &token, chain, &error),
               "token");
}

/* A device of a space, with all that belongs to it: all that listen are one, and all that dial another. */
static void secure_open(peer *p, bool dials, mt_config *config, mt_sync_options *sync)
{
    mt_buf genesis = {.len = 0}, chain = {.len = 0};
    mt_space_options space = {.size = sizeof space, .crypto = mt_crypto_sodium()};
    mt_secure_options options = {.size = sizeof options,
                                 .crypto = mt_crypto_sodium(),
                                 .seed = seeds[dials],
                                 .admit = mt_space_admit};
    mt_error error;

    records_make(p, seeds[dials], &genesis, &chain);
    space.genesis = mt_buf_bytes(&genesis);
    bench_must(mt_space_new(p->env, &space, &p->space, &error), "space");
    options.space = mt_space_id(p->space);
    options.papers = mt_buf_bytes(&chain);
    options.ctx = p->space;
    bench_must(mt_secure_new(p->env, &options, &p->secure, &error), "secure");
    mt_buf_free(&chain);
    mt_buf_free(&genesis);
    mt_space_hooks(p->space, p->hooks);
    config->hooks = p->hooks;
    config->hook_count = MT_SPACE_HOOKS;
    sync->rights = mt_space_rights;
    sync->rights_ctx = p->space;
}

static void dial(peer *p, const char *url)
{
    uint8_t key[MT_SIGNING_KEY_LEN];
    mt_secure_peer far = {.size = sizeof far, .device = device_of(seeds[0], key)};
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
    if (secured) secure_open(p, dials, &config, &sync);
    bench_must(mt_router_sync(p->env, &sync, &router, &error), "router");
    config.router = &router;
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
    mt_space_free(p->space);
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
