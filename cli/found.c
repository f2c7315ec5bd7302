#include "found.h"

#include "keys.h"
#include "member.h"
#include "message.h"

#include <mytosis/host.h>
#include <mytosis/loop.h>

#include <string.h>

static const uint8_t *public_of(const uint8_t key[MT_SIGNING_KEY_LEN])
{
    return key + MT_SIGNING_KEY_LEN - MT_DEVICE_LEN;
}

/* The seeds that a space begins with. */
typedef struct seeds {
    uint8_t device[MT_KEY_LEN], root[MT_KEY_LEN], recovery[MT_KEY_LEN];
} seeds;

/* Keys that are there from an attempt that failed are good for another. */
static cli_exit_code make_key(const char *store_path, cli_key_kind kind, uint8_t seed[MT_KEY_LEN])
{
    if (cli_keys_has(store_path, kind)) return cli_key_load(store_path, kind, seed);
    return cli_key_make(store_path, kind, seed);
}

cli_exit_code cli_found_device(const char *store_path, uint8_t seed[MT_KEY_LEN])
{
    return make_key(store_path, KEY_DEVICE, seed);
}

static mt_status make_records(const mt_env *env, const seeds *s, cli_space_file *file,
                              mt_error *err)
{
    const mt_crypto *crypto = mt_crypto_sodium();
    uint8_t device[MT_SIGNING_KEY_LEN], recovery[MT_SIGNING_KEY_LEN];
    mt_bytes everything = {NULL, 0};
    mt_token token = {.size = sizeof token,
                      .rights = MT_RIGHT_READ | MT_RIGHT_WRITE | MT_RIGHT_DELEGATE | MT_RIGHT_ADMIN,
                      .device = public_of(device),
                      .prefixes = &everything,
                      .prefix_count = 1,
                      .not_before_ms = env->now_ms(env->ctx) - MEMBER_SKEW_MS,
                      .not_after_ms = UINT64_MAX};
    mt_status st;

    crypto->signing_key(crypto->ctx, s->device, device);
    crypto->signing_key(crypto->ctx, s->recovery, recovery);
    st = mt_genesis_make(crypto, s->root, public_of(recovery), 0, &file->genesis.buf, err);
    if (st == MT_OK)
        st = mt_token_issue(env, crypto, mt_buf_bytes(&file->genesis.buf), s->root, everything,
                            &token, &file->chain.buf, err);
    crypto->wipe(crypto->ctx, device, sizeof device);
    crypto->wipe(crypto->ctx, recovery, sizeof recovery);
    return st;
}

static cli_exit_code make_all(const char *store_path, const seeds *s, cli_space_file *file)
{
    mt_error err = {MT_NO_MEMORY, "out of memory"};
    mt_loop *loop = NULL;
    mt_status st = mt_loop_new(mt_mem_system(), &loop); /* for its clock, and random numbers */

    if (st == MT_OK) st = make_records(mt_loop_env(loop), s, file, &err);
    mt_loop_free(loop);
    if (st != MT_OK) return cli_complain(cli_exit_of(st), "cannot begin a space: %s", err.text);
    return cli_space_file_save(store_path, file);
}

cli_exit_code cli_found_space(const char *store_path, cli_space_file *file)
{
    seeds s;
    cli_exit_code code = cli_found_device(store_path, s.device);

    if (code == EXIT_DONE) code = make_key(store_path, KEY_ROOT, s.root);
    if (code == EXIT_DONE) code = make_key(store_path, KEY_RECOVERY, s.recovery);
    if (code == EXIT_DONE) code = make_all(store_path, &s, file);
    mt_crypto_sodium()->wipe(NULL, &s, sizeof s);
    return code;
}
