/* A database with its store in a file: LMDB below, the node store on it. */
#include "host/open.h"

#include "base/status.h"

#include <mytosis/blocking.h>
#include <mytosis/host.h>
#include <mytosis/plugin/kv_lmdb.h>
#include <mytosis/plugin/node_store.h>

/* The store at a path, on an environment. */
static mt_status store_at(const char *path, const mt_env *env, mt_storage *out, mt_error *err)
{
    mt_kv kv;
    mt_status st = mt_kv_lmdb(env, path, NULL, &kv, err);

    if (st != MT_OK) return st;
    if ((st = mt_node_store_new(env, kv, NULL, out, err)) != MT_OK) mt_kv_close(&kv);
    return st;
}

/* Opens both configs; `loop` NULL: on an environment of the application's. */
static mt_status open_both(const char *path, const mt_config *config, const mt_env *env,
                           mt_loop *loop, mt_db **out, mt_error *err)
{
    mt_config store = {.size = sizeof store, .name = path};
    const mt_config *both[2] = {&store, config};
    size_t count = config ? 2 : 1;
    mt_storage storage;
    mt_status st = store_at(path, env, &storage, err);

    if (st != MT_OK) return st;
    store.storage = &storage;
    if (!loop) {
        if ((st = mt_db_open(both, count, out, err)) != MT_OK) mt_storage_close(&storage);
        return st;
    }
    return mti_open_on(loop, both, count, out, &storage, err);
}

mt_status mt_open_path(const char *path, const mt_config *config, mt_db **out, mt_error *err)
{
    const mt_env *env = config ? mti_env_of(&config, 1) : NULL;
    mt_loop *loop;
    mt_status st;

    if (env) return open_both(path, config, env, NULL, out, err);
    if ((st = mt_loop_new(mt_mem_system(), &loop)) != MT_OK)
        return mti_fail(err, st, "there is no loop to be had: %s", mt_status_text(st));
    if ((st = open_both(path, config, mt_loop_env(loop), loop, out, err)) != MT_OK)
        mt_loop_free(loop);
    return st;
}
