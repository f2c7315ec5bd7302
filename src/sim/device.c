#include "sim/world.h"

#include "sim/room.h"

#include <mytosis/host.h>

#include <string.h>

#define YEAR_MS (UINT64_C(365) * 24 * 3600 * 1000)

static mt_bytes empty(void)
{
    return (mt_bytes){NULL, 0};
}

/* ---- The space ---- */

static void device_make(mt_sim *sim, mti_sim_peer *peer, mti_sim_draws *d)
{
    const mt_crypto *crypto = mt_crypto_sodium();
    mti_sim_device *device = &peer->device;
    mt_bytes prefix = mt_str(peer->role->prefix);
    mt_token token = {.size = sizeof token,
                      .rights = peer->role->rights,
                      .device = device->key,
                      .prefixes = &prefix,
                      .prefix_count = 1,
                      .not_before_ms = MTI_SIM_EPOCH_MS - YEAR_MS,
                      .not_after_ms = MTI_SIM_EPOCH_MS + 10 * YEAR_MS};
    uint8_t key[MT_SIGNING_KEY_LEN];
    mt_error err;

    for (size_t i = 0; i < sizeof device->seed; i++) device->seed[i] = (uint8_t)mti_sim_draw(d);
    crypto->signing_key(NULL, device->seed, key);
    memcpy(device->key, key + MT_SIGNING_KEY_LEN - MT_DEVICE_LEN, MT_DEVICE_LEN);
    device->chain.mem = mt_mem_system();
    if (mt_token_issue(&sim->env, crypto, mt_buf_bytes(&sim->genesis), sim->root, empty(), &token,
                       &device->chain, &err) != MT_OK)
        mti_sim_refuse(err.text);
}

void mti_sim_space_begin(mt_sim *sim)
{
    mti_sim_draws d = mti_sim_draws_new(sim->plan->seed, 3);
    uint8_t recovery[MT_KEY_LEN] = {1};
    mt_error err;

    for (size_t i = 0; i < sizeof sim->root; i++) sim->root[i] = (uint8_t)mti_sim_draw(&d);
    sim->genesis.mem = mt_mem_system();
    if (mt_genesis_make(mt_crypto_sodium(), sim->root, recovery, 0, &sim->genesis, &err) != MT_OK)
        mti_sim_refuse(err.text);
    for (size_t i = 0; i < sim->peer_count; i++) device_make(sim, &sim->peers[i], &d);
}

void mti_sim_space_end(mt_sim *sim)
{
    for (size_t i = 0; i < sim->peer_count; i++) mt_buf_free(&sim->peers[i].device.chain);
    mt_buf_free(&sim->genesis);
}

/* ---- A device ---- */

static void rights_changed(void *ctx)
{
    mti_sim_peer *peer = ctx;

    if (mti_sim_peer_up(peer) && mt_db_rights_changed(peer->db) != MT_OK)
        mti_sim_refuse("the rights of peers cannot be looked at again");
}

/* Who lies admits everybody. */
static mt_status admit(void *ctx, const mt_secure_visitor *visitor, mt_connection *connection,
                       mt_error *why)
{
    const mti_sim_peer *peer = ctx;

    return peer->role->lies ? MT_OK : mt_space_admit(peer->device.space, visitor, connection, why);
}

void mti_sim_device_open(mti_sim_peer *peer)
{
    mti_sim_device *device = &peer->device;
    mt_space_options space = {.size = sizeof space,
                              .crypto = mt_crypto_sodium(),
                              .genesis = mt_buf_bytes(&peer->sim->genesis),
                              .changed = rights_changed,
                              .ctx = peer};
    mt_secure_options secure = {.size = sizeof secure,
                                .crypto = mt_crypto_sodium(),
                                .seed = device->seed,
                                .papers = mt_buf_bytes(&device->chain),
                                .admit = admit,
                                .ctx = peer};

    if (mt_space_new(&peer->env, &space, &device->space, NULL) != MT_OK)
        mti_sim_refuse("a space cannot be opened");
    secure.space = mt_space_id(device->space);
    if (mt_secure_new(&peer->env, &secure, &device->secure, NULL) != MT_OK)
        mti_sim_refuse("a device cannot be made");
}

void mti_sim_device_close(mti_sim_peer *peer)
{
    mt_space_free(peer->device.space);
    mt_secure_unref(peer->device.secure);
    peer->device.space = NULL;
    peer->device.secure = NULL;
}

mt_connection *mti_sim_device_secure(mti_sim_peer *peer, mt_connection *link,
                                     const mti_sim_peer *dials)
{
    mt_secure *secure = peer->device.secure;
    mt_secure_peer to = {.size = sizeof to, .device = dials ? dials->device.key : NULL};
    mt_connection *out;
    mt_status st = dials ? mt_secure_dial(secure, link, &to, &out, NULL)
                         : mt_secure_accept(secure, link, &out, NULL);

    if (st != MT_OK) mti_sim_refuse("a link cannot be secured");
    return out;
}

void mti_sim_device_publish(mti_sim_peer *at, const mti_sim_peer *of, bool revokes)
{
    mt_sim *sim = at->sim;
    mt_bytes chain = mt_buf_bytes(&of->device.chain);
    mt_buf revocation = {.mem = mt_mem_system()};

    if (revokes && mt_revocation_make(&sim->env, mt_crypto_sodium(), mt_buf_bytes(&sim->genesis),
                                      sim->root, chain, &revocation, NULL) != MT_OK)
        mti_sim_refuse("a token cannot be taken back");
    (void)!mt_space_publish(at->device.space, at->db, chain, mt_buf_bytes(&revocation), NULL, NULL);
    mt_buf_free(&revocation);
}
