/* Databases on a loop of their own, for programs that have none. */
#include "host/open.h"

#include "base/bytes.h"
#include "base/status.h"
#include "db/db.h"

#include <mytosis/blocking.h>
#include <mytosis/host.h>

const mt_env *mti_env_of(const mt_config *const *configs, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (configs[i]->size > offsetof(mt_config, env) && configs[i]->env) return configs[i]->env;
    return NULL;
}

mt_status mti_open_on(mt_loop *loop, const mt_config *const *configs, size_t count, mt_db **out,
                      mt_storage *mine, mt_error *err)
{
    const mt_mem *mem = mt_mem_system();
    mt_config own = {.size = sizeof own, .name = "host", .env = mt_loop_env(loop)};
    const mt_config **all = mti_mem_alloc(mem, (count + 1) * sizeof(mt_config *));
    mt_status st;
    mt_db *db;

    if (!all) return mti_no_memory(err);
    all[0] = &own;
    for (size_t i = 0; i < count; i++) all[i + 1] = configs[i];
    st = mt_db_open(all, count + 1, &db, err);
    mti_mem_free(mem, all, (count + 1) * sizeof(mt_config *));
    if (st != MT_OK) {
        if (mine) mt_storage_close(mine);
        return st;
    }
    if ((st = mti_wait_ready(db)) != MT_OK) {
        mti_fail(err, st, "%s", db->error.text);
        mt_close(db);
        return st;
    }
    db->owner = loop;
    *out = db;
    return MT_OK;
}

mt_status mt_open(const mt_config *const *configs, size_t count, mt_db **out, mt_error *err)
{
    mt_loop *loop;
    mt_status st;

    if (mti_env_of(configs, count)) return mt_db_open(configs, count, out, err);
    if ((st = mt_loop_new(mt_mem_system(), &loop)) != MT_OK)
        return mti_fail(err, st, "there is no loop to be had: %s", mt_status_text(st));
    if ((st = mti_open_on(loop, configs, count, out, NULL, err)) != MT_OK) mt_loop_free(loop);
    return st;
}

static void closed(void *ctx)
{
    *(bool *)ctx = true;
}

static void free_loop(void *loop)
{
    mt_loop_free(loop);
}

void mt_close(mt_db *db)
{
    const mt_env *env;
    mt_status st = MT_OK;
    bool gone = false;
    mt_loop *loop;

    if (!db) return;
    env = db->env;
    loop = db->owner;
    mt_db_close(db, closed, &gone);
    while (!gone && env->turn && (st = env->turn(env->ctx)) == MT_OK) continue;
    if (!gone) { /* nobody waits any more */
        db->closed = loop && st == MT_INVALID ? free_loop : NULL;
        db->closed_ctx = loop;
    }
    if (gone || st != MT_INVALID) mt_loop_free(loop);
}
