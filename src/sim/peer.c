#include "sim/world.h"

#include "sim/room.h"

#include <mytosis/host.h>
#include <mytosis/plugin/node_store.h>

#include <stdlib.h>
#include <string.h>

#define DAY_MS (UINT64_C(24) * 3600 * 1000)
#define LEAVING_MS 60000
#define HOOKS_MAX (MT_SPACE_HOOKS + 2)

/* ---- The environment of a peer ---- */

static uint64_t peer_now_ms(void *ctx)
{
    const mti_sim_peer *peer = ctx;

    return MTI_SIM_EPOCH_MS + peer->sim->clock.ticks_ms + (uint64_t)peer->ahead_ms;
}

static uint64_t peer_ticks_ms(void *ctx)
{
    return ((mti_sim_peer *)ctx)->sim->clock.ticks_ms;
}

static mt_status peer_entropy(void *ctx, uint8_t *out, size_t len)
{
    mti_sim_peer *peer = ctx;

    for (size_t i = 0; i < len; i++) out[i] = (uint8_t)mti_sim_draw(&peer->entropy);
    return MT_OK;
}

static void peer_timer_set(void *ctx, mt_timer *timer, uint64_t delay_ms)
{
    mti_sim_peer *peer = ctx;

    mti_sim_clock_set(&peer->sim->clock, peer->number, timer, delay_ms);
}

static void peer_timer_stop(void *ctx, mt_timer *timer)
{
    mti_sim_clock_stop(&((mti_sim_peer *)ctx)->sim->clock, timer);
}

static mt_status peer_turn(void *ctx)
{
    return mti_sim_turn(((mti_sim_peer *)ctx)->sim);
}

static void *peer_resize(void *ctx, void *ptr, size_t old_size, size_t size)
{
    mti_sim_peer *peer = ctx;
    void *moved = NULL;

    if (size == 0) free(ptr);
    else if (!(moved = realloc(ptr, size))) mti_sim_refuse("out of memory");
    peer->live += size - old_size;
    if (peer->live > peer->peak) peer->peak = peer->live;
    return moved;
}

void mti_sim_peer_make(mti_sim_peer *peer, mt_sim *sim, size_t number)
{
    mti_sim_draws d = mti_sim_draws_new(sim->plan->seed, 1000 + number);

    peer->sim = sim;
    peer->number = number;
    peer->out = sim->plan->peers_out[number];
    peer->role = &sim->plan->roles[number];
    peer->mem = (mt_mem){peer_resize, peer};
    peer->env = (mt_env){.abi = MT_ENV_ABI,
                         .size = sizeof peer->env,
                         .mem = &peer->mem,
                         .now_ms = peer_now_ms,
                         .ticks_ms = peer_ticks_ms,
                         .entropy = peer_entropy,
                         .timer_set = peer_timer_set,
                         .timer_stop = peer_timer_stop,
                         .turn = peer_turn,
                         .ctx = peer};
    peer->stored = !mti_sim_once_in(&d, 5);
    peer->disk_ms = mti_sim_once_in(&d, 3) ? 0 : mti_sim_spread(&d, 50);
    peer->cache_bytes = sim->options->cache_bytes;
    if (!peer->cache_bytes && peer->stored && mti_sim_once_in(&d, 4))
        peer->cache_bytes = (size_t)(512 * 1024 + mti_sim_below(&d, 1024 * 1024));
    if (sim->plan->clocks)
        peer->ahead_ms = (int64_t)mti_sim_spread(&d, DAY_MS) * (mti_sim_once_in(&d, 2) ? -1 : 1);
    peer->entropy = mti_sim_draws_new(mti_sim_draw(&d), 1);
    peer->disk_draws = mti_sim_draws_new(mti_sim_draw(&d), 2);
    peer->life = mti_sim_draws_new(mti_sim_draw(&d), 3);
    peer->talk = mti_sim_draws_new(mti_sim_draw(&d), 4);
    if (mt_graph_new(mt_mem_system(), NULL, &peer->sure) != MT_OK) mti_sim_refuse("out of memory");
}

void mti_sim_peer_free(mti_sim_peer *peer)
{
    if (peer->peak > peer->sim->report->memory_peak) peer->sim->report->memory_peak = peer->peak;
    mt_graph_free(peer->sure);
    mt_graph_free(peer->sure_then);
    mti_sim_disk_end(&peer->disk);
    mti_sim_disk_end(&peer->backup);
    for (size_t i = 0; i < MTI_SIM_HEARD; i++) free(peer->heard[i].data);
}

bool mti_sim_peer_up(const mti_sim_peer *peer)
{
    return peer->db && !peer->dying && !peer->closing;
}

bool mti_sim_peer_linkable(const mti_sim_peer *peer)
{
    return mti_sim_peer_up(peer) && peer->linkable;
}

/* ---- Starting ---- */

static void disk_event(void *ctx, mti_sim_disk *disk)
{
    (void)disk;
    mti_sim_peer_lives(ctx);
}

static void opened(void *ctx, mt_db *db, const mt_result *result)
{
    (void)db;
    if (result->status != MT_OK && result->status != MT_CANCELED)
        ((mti_sim_peer *)ctx)->failed = true;
}

/* What its space says of itself is known: now it may meet others. */
static void followed(void *ctx, mt_db *db, const mt_result *result)
{
    mti_sim_peer *peer = ctx;

    (void)db;
    if (result->status == MT_OK) peer->linkable = peer->sim->tend = true;
    else if (result->status != MT_CANCELED) peer->failed = true;
}

static void storage_make(mti_sim_peer *peer, mt_storage *storage)
{
    mti_sim_draws *d = &peer->life;
    mti_sim_engine_options engine = {.env = &peer->env,
                                     .disk = &peer->disk,
                                     .faults = &peer->faults,
                                     .draws = &peer->disk_draws,
                                     .delay_ms = peer->disk_ms,
                                     .trace = &peer->sim->trace,
                                     .where = peer->number};
    mt_node_store_options options = {.size = sizeof options,
                                     .log_max =
                                         mti_sim_once_in(d, 4) ? 8 + mti_sim_below(d, 24) : 0,
                                     .small_len_max = 100 + (size_t)mti_sim_below(d, 2000)};

    /* What a sync that failed has left of it is anybody's guess. */
    if (peer->disk.write_count > 0) {
        mti_sim_disk image = mti_sim_disk_crash(&peer->disk, MTI_SIM_CRASH_TORN, &peer->disk_draws);
        mti_sim_disk_end(&peer->disk);
        peer->disk = image;
    }
    peer->disk.event = disk_event;
    peer->disk.ctx = peer;
    peer->disk.dead = false;
    peer->faults.sync_fails = peer->faults.harmed = false;
    if (mt_node_store_new(&peer->env, mti_sim_engine(&engine), &options, storage, NULL) != MT_OK)
        mti_sim_refuse("a store cannot be made");
}

static void router_make(mti_sim_peer *peer, mt_router *router)
{
    mti_sim_draws *d = &peer->life;
    mt_sync_options options = {.size = sizeof options};

    if (peer->device.space && !peer->role->lies) {
        options.rights = mt_space_rights;
        options.rights_ctx = peer->device.space;
    }
    if (mti_sim_once_in(d, 4)) options.log_nodes = (size_t)(8 + mti_sim_below(d, 24));
    if (!mti_sim_once_in(d, 3)) options.compressor = mt_compressor_zstd();
    if (mt_router_sync(&peer->env, &options, router, NULL) != MT_OK)
        mti_sim_refuse("a router cannot be made");
}

static size_t hooks_make(mti_sim_peer *peer, mt_hook hooks[HOOKS_MAX])
{
    size_t count = 0;

    if (peer->device.space && !peer->role->lies) {
        mt_space_hooks(peer->device.space, hooks);
        count = MT_SPACE_HOOKS;
    }
    hooks[count++] = mti_sim_ledger_hook(peer, MT_BEFORE_WRITE);
    if (peer->role->lies) hooks[count++] = mti_sim_ledger_hook(peer, MT_ON_UPDATE);
    return count;
}

/* What the application adds comes first: its hooks may change what is written. */
static void open(mti_sim_peer *peer, const mt_config *made)
{
    const mt_sim_options *options = peer->sim->options;
    mt_config application = {.size = sizeof application, .name = "application"};
    mt_config own = *made;
    const mt_config *configs[2] = {&application, &own};
    mt_storage storage;
    mt_router router;
    mt_error err = {MT_OK, ""};

    if (peer->stored) {
        storage_make(peer, &storage);
        own.storage = &storage;
    }
    if (options->configure && !peer->role->lies)
        options->configure(options->ctx, peer->sim, peer->number, &application);
    if (!application.router) {
        router_make(peer, &router);
        own.router = &router;
    }
    if (mt_db_open(configs, 2, &peer->db, &err) != MT_OK) mti_sim_refuse(err.text);
    if (mt_db_ready(peer->db, opened, peer) != MT_OK) mti_sim_refuse("out of memory");
}

void mti_sim_peer_start(mti_sim_peer *peer)
{
    mt_hook hooks[HOOKS_MAX];
    mt_config own = {.size = sizeof own,
                     .name = "simulator",
                     .env = &peer->env,
                     .clock = MT_CLOCK_HYBRID,
                     .cache_bytes = peer->cache_bytes,
                     .hooks = hooks};

    if (peer->out || peer->db) return;
    peer->failed = false;
    if (mt_group_new(mt_mem_system(), &peer->links) != MT_OK) mti_sim_refuse("out of memory");
    own.group = peer->links;
    if (peer->sim->plan->space) mti_sim_device_open(peer);
    own.hook_count = hooks_make(peer, hooks);
    open(peer, &own);
    peer->linkable = !peer->device.space;
    if (peer->device.space &&
        mt_space_follow(peer->device.space, peer->db, followed, peer) != MT_OK)
        mti_sim_refuse("out of memory");
    peer->sim->tend = true;
}

/* ---- Links ---- */

static mti_sim_change *change_of(const mti_sim_role *role)
{
    if (role->lies) return mti_sim_lie_speaks;
    return role->version != MTI_SIM_PRESENT ? mti_sim_version_speaks : NULL;
}

void mti_sim_peer_link(mti_sim_peer *peer, mt_connection *end, const mti_sim_peer *other,
                       bool dials)
{
    mti_sim_change *change = change_of(peer->role);
    mt_connection *secured = NULL, *filtered = NULL, *outer = end;

    if (peer->device.secure)
        outer = secured = mti_sim_device_secure(peer, end, dials ? other : NULL);
    if (change) outer = filtered = mti_sim_filter_new(outer, change, peer);
    if (mt_group_add(peer->links, outer) != MT_OK) mti_sim_refuse("a link cannot be added");
    mt_connection_unref(secured);
    mt_connection_unref(filtered);
}

/* ---- Ending ---- */

/* Does something to each wire of a peer. */
static void for_wires(mti_sim_peer *peer, void (*done)(mti_sim_wire *wire, size_t end))
{
    mt_sim *sim = peer->sim;

    for (size_t i = 0; i < sim->plan->link_count; i++)
        for (size_t end = 0; end < 2; end++)
            for (size_t slot = 0; slot < MTI_SIM_WIRES; slot++)
                if (sim->plan->links[i][end] == peer->number && sim->links[i].wires[slot])
                    done(sim->links[i].wires[slot], end);
}

static void close_end(mti_sim_wire *wire, size_t end)
{
    mt_connection_close(wire->ends[end].connection);
}

static void closed(void *ctx)
{
    mti_sim_peer *peer = ctx;

    peer->closed = peer->sim->tend = true;
}

static void stop_counting(mti_sim_wire *wire, size_t end)
{
    (void)end;
    wire->reader = NULL;
}

void mti_sim_peer_harmed(mti_sim_peer *peer)
{
    peer->harmed = true;
    for_wires(peer, stop_counting);
}

void mti_sim_peer_stop(mti_sim_peer *peer)
{
    if (!peer->db || peer->closing) return;
    peer->closing = true;
    peer->doomed = 0;
    for_wires(peer, close_end);
    mt_db_close(peer->db, closed, peer);
}

/* From now on nothing that it does has an effect; it is closed when nothing of it runs. */
static void die(mti_sim_peer *peer)
{
    mti_sim_crash kind = (mti_sim_crash)mti_sim_below(&peer->disk_draws, MTI_SIM_CRASH_KINDS);

    peer->image = mti_sim_disk_crash(&peer->disk, kind, &peer->disk_draws);
    peer->disk.dead = peer->dying = peer->sim->tend = true;
    for_wires(peer, mti_sim_wire_silence);
    peer->sim->report->crashes++;
}

void mti_sim_peer_lives(mti_sim_peer *peer)
{
    if (peer->doomed > 0 && --peer->doomed == 0 && !peer->dying && !peer->closing) die(peer);
}

void mti_sim_peer_crash(mti_sim_peer *peer, uint64_t events)
{
    if (peer->stored && mti_sim_peer_up(peer) && peer->doomed == 0) peer->doomed = events;
}

/* It is closed: links that are secured end in a while. */
static void leave(mti_sim_peer *peer)
{
    peer->closed = false;
    peer->leaving_ms = peer->sim->clock.ticks_ms + 1;
    mt_group_unref(peer->links);
    peer->links = NULL;
    if (peer->device.space) mti_sim_device_close(peer);
}

static void is_down(mti_sim_peer *peer)
{
    peer->db = NULL;
    peer->closing = false;
    peer->leaving_ms = 0;
    if (peer->live != 0)
        mti_sim_violate(peer->sim, "a peer gives all its memory back", "%zu bytes of %zu",
                        peer->live, peer->number);
    if (!peer->dying) return;
    mti_sim_disk_end(&peer->disk);
    peer->disk = peer->image;
    memset(&peer->image, 0, sizeof peer->image);
    peer->dying = false;
}

void mti_sim_peer_tend(mti_sim_peer *peer)
{
    const mt_sim *sim = peer->sim;

    if (peer->dying && !peer->closing) mti_sim_peer_stop(peer);
    if (peer->closed) leave(peer);
    if (!peer->leaving_ms) return;
    if (peer->live == 0 || sim->clock.count == 0 ||
        sim->clock.ticks_ms > peer->leaving_ms + LEAVING_MS)
        is_down(peer);
    else peer->sim->tend = true;
}
