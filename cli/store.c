#include "store.h"

#include "keys.h"
#include "message.h"
#include "plugins.h"
#include "wait.h"

#include <mytosis/blocking.h>
#include <mytosis/plugin/sync.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

cli_exit_code cli_store_path(const cli_options *options, const char **out)
{
    const char *path = options->values[OPTION_STORE];

    if (!path) path = getenv("MYTOSIS_STORE");
    if (!path || !*path)
        return cli_complain(EXIT_USAGE, "no store is named: --store PATH does, or MYTOSIS_STORE in "
                                        "the environment");
    *out = path;
    return cli_plugins_load(options);
}

cli_exit_code cli_store_storage(const cli_options *options, cli_access access, cli_storage *out)
{
    const char *path = NULL;
    cli_exit_code code = cli_store_path(options, &path);

    return code == EXIT_DONE ? cli_storage_open(out, path, access) : code;
}

/* ---- Opening ---- */

mt_status cli_store_open_db(const mt_config *config, mt_db **out, mt_error *err)
{
    mt_storage storage = *config->storage;
    cli_wait w = {.answered = false};
    mt_status st = mt_db_open(&config, 1, out, &w.err);

    if (st != MT_OK) {
        if (config->router) config->router->ops->close(config->router->ctx);
        mt_storage_close(&storage);
    } else if ((st = mt_db_ready(*out, cli_wait_answered, &w)) != MT_OK) {
        w.err = *mt_db_error(*out);
    } else {
        st = cli_wait_for(config->env, &w);
    }
    err->status = st;
    (void)snprintf(err->text, sizeof err->text, "%.100s: %.200s", config->name, w.err.text);
    return st;
}

bool cli_store_turn(const cli_store *store)
{
    const mt_env *env = mt_loop_env(store->loop);

    return env->turn(env->ctx) == MT_OK;
}

/* A router, and the group of its peers, if they are wanted. */
static mt_status make_peers(cli_store *store, mt_config *config, mt_router *router, mt_error *err)
{
    mt_sync_options options = {
        .size = sizeof options, .compressor = mt_compressor_zstd(), .dry_run = store->dry_run};
    mt_status st;

    if (!store->wants_peers || (store->remote && !store->dry_run)) {
        if (!store->remote) cli_member_equip(store->member, config, NULL);
        return MT_OK;
    }
    cli_member_equip(store->member, config, &options);
    if ((st = mt_group_new(mt_mem_system(), &store->peers)) != MT_OK) {
        *err = (mt_error){st, "out of memory"};
        return st;
    }
    if ((st = mt_router_sync(config->env, &options, router, err)) != MT_OK) return st;
    config->router = router;
    config->group = store->peers;
    return MT_OK;
}

/* What it is in a space; links need the key of the device. */
static mt_status make_member(cli_store *store, mt_error *err)
{
    bool has_links = store->wants_peers && (!store->remote || store->dry_run);
    uint8_t seed[MT_KEY_LEN];
    mt_status st = MT_OK;

    if (!cli_space_file_is_there(&store->space_file)) return MT_OK;
    if (has_links && cli_key_load(store->path, KEY_DEVICE, seed) != EXIT_DONE) {
        store->told = true;
        return MT_REFUSED;
    }
    st = cli_member_new(mt_loop_env(store->loop), store->path, &store->space_file,
                        has_links ? seed : NULL, &store->member, err);
    mt_crypto_sodium()->wipe(NULL, seed, sizeof seed);
    return st;
}

static mt_status open_db(cli_store *store, mt_storage *storage, mt_error *err)
{
    mt_config config = {.size = sizeof config,
                        .name = store->path,
                        .env = mt_loop_env(store->loop),
                        .storage = storage,
                        .engines = store->engines,
                        .engine_count = store->engine_count,
                        .cache_bytes = store->cache_len};
    mt_router router;
    mt_status st = make_member(store, err);

    if (st == MT_OK) st = make_peers(store, &config, &router, err);
    if (st != MT_OK) {
        mt_storage_close(storage);
        return st;
    }
    st = cli_store_open_db(&config, &store->db, err);
    return st == MT_OK && store->member ? cli_member_follow(store->member, store->db, err) : st;
}

static mt_status open_path(cli_store *store, cli_access access, mt_error *err)
{
    mt_storage storage;
    mt_status st = store->loop ? MT_OK : mt_loop_new(mt_mem_system(), &store->loop);

    if (st != MT_OK) {
        *err = (mt_error){st, "there is no event loop to be had"};
        return st;
    }
    st = cli_storage_at(mt_loop_env(store->loop), store->path, access, &storage, err);
    if (st != MT_OK) return st;
    store->remote = cli_remote_of(&storage);
    return open_db(store, &storage, err);
}

cli_exit_code cli_store_open(const cli_options *options, cli_access access, cli_store *out)
{
    mt_error err = {MT_OK, ""};
    cli_exit_code code;

    if ((code = cli_store_path(options, &out->path)) != EXIT_DONE) return code;
    if ((code = cli_space_file_load(out->path, &out->space_file)) != EXIT_DONE) return code;
    if (open_path(out, access, &err) == MT_OK) return EXIT_DONE;
    code = out->told ? EXIT_INPUT : cli_storage_complain(&err);
    cli_store_close(out);
    return code;
}

void cli_store_close(cli_store *store)
{
    mt_close(store->db);
    mt_group_unref(store->peers);
    cli_member_close(store->member);
    cli_storage_loop_settle(store->loop);
    cli_member_free(store->member);
    cli_space_file_free(&store->space_file);
    cli_storage_loop_free(store->loop);
    store->member = NULL;
    store->db = NULL;
    store->peers = NULL;
    store->loop = NULL;
}

/* ---- Calls ---- */

/* Engines begin what they say with the path, which stands there already. */
static const char *without_path(const cli_store *store, const char *why)
{
    size_t len = strlen(store->path);

    return strncmp(why, store->path, len) == 0 && why[len] == ':' ? why + len + 2 : why;
}

cli_exit_code cli_store_complain(const cli_store *store, mt_status status, const char *action)
{
    const mt_error *err = mt_db_error(store->db);
    const char *why = err->status == status && *err->text ? err->text : mt_status_text(status);

    return cli_complain(cli_exit_of(status), "cannot %s %s: %s", action, store->path,
                        without_path(store, why));
}

bool cli_store_left_out(mt_bytes prefix, mt_bytes uid)
{
    static const char records[] = "@space/";
    size_t len = sizeof records - 1;

    return uid.len >= len && memcmp(uid.data, records, len) == 0 &&
           (prefix.len == 0 || prefix.data[0] != '@');
}

cli_exit_code cli_store_check_uid(const char *word)
{
    mt_error err;

    if (mt_uid_check(mt_str(word), &err) == MT_OK) return EXIT_DONE;
    return cli_complain(EXIT_USAGE, "uid \"%s\": %s", word, err.text);
}

cli_exit_code cli_store_prefix(const cli_options *options, mt_bytes *out)
{
    *out = mt_str(options->operand_count > 0 ? options->operands[0] : NULL);
    if (out->len <= MT_UID_LEN_MAX) return EXIT_DONE;
    return cli_complain(EXIT_USAGE, "a prefix of %zu bytes is longer than any uid", out->len);
}

cli_exit_code cli_store_node(const cli_store *store, mt_bytes uid, mt_handle **out)
{
    mt_status st = mt_read_wait(store->db, uid, NULL, out);

    if (st != MT_OK) return cli_store_complain(store, st, "read");
    if (*out) return EXIT_DONE;
    return cli_complain(EXIT_DIFFERENT, "there is no node \"%.*s\"", (int)uid.len,
                        (const char *)uid.data);
}

mt_status cli_store_patch(const cli_store *store, const mt_row *rows, size_t count,
                          cli_store_seen *seen, void *ctx, mt_error *err)
{
    cli_wait w = {.seen = seen, .ctx = ctx};

    if (store->remote) return cli_store_remote_patch(store, rows, count, seen, ctx, err);
    if (mt_write(store->db, rows, count, NULL, cli_wait_answered, &w, NULL) != MT_OK)
        w.err = *mt_db_error(store->db);
    else (void)cli_wait_for(mt_loop_env(store->loop), &w);
    *err = w.err;
    return w.err.status;
}

mt_status cli_store_merge(const cli_store *store, const mt_graph *graph, bool future, mt_error *err)
{
    mt_options options = {.size = sizeof options, .allow_future = future};
    mt_status st;

    if (store->remote) return cli_store_remote_merge(store, graph, future, err);
    st = mt_commit_graph_wait(store->db, graph, &options);
    if (st != MT_OK) *err = *mt_db_error(store->db);
    return st;
}

/* Says of the first node that was written where this device has no right to that no peer takes it. */
static void tell_kept(const cli_store *store, const mt_row *rows, size_t count)
{
    const cli_member *m = store->member;
    mt_error why;

    for (size_t i = 0; m && m->has_device && i < count; i++) {
        if (mt_space_may(m->space, m->device, MT_RIGHT_WRITE, rows[i].uid, &why) == MT_OK) continue;
        (void)cli_complain(EXIT_DONE,
                           "%.*s is written here alone: this device lacks the right to write it "
                           "for others: %s",
                           (int)rows[i].uid.len, (const char *)rows[i].uid.data, why.text);
        return;
    }
}

cli_exit_code cli_store_write(const cli_store *store, const mt_row *rows, size_t count,
                              cli_store_seen *seen, void *ctx)
{
    mt_error err = {MT_OK, ""};
    mt_status st = cli_store_patch(store, rows, count, seen, ctx, &err);

    if (st == MT_OK) {
        tell_kept(store, rows, count);
        return EXIT_DONE;
    }
    return cli_complain(cli_exit_of(st), "cannot write to %s: %s", store->path,
                        without_path(store, *err.text ? err.text : mt_status_text(st)));
}
