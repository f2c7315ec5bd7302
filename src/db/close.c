/* A database ends: first its calls, then what storage has begun, then the plugins, then itself. */
#include "base/bytes.h"
#include "db/branch.h"
#include "db/call.h"
#include "db/open.h"
#include "db/push.h"

/* ---- What there is to know of a database ---- */

const mt_error *mt_db_error(const mt_db *db)
{
    return &db->error;
}

void *mt_db_app(const mt_db *db)
{
    return db->app;
}

const mt_env *mt_db_env(const mt_db *db)
{
    return db->env;
}

mt_group *mt_db_group(const mt_db *db)
{
    return db->group;
}

mt_clock mt_db_clock(const mt_db *db)
{
    return db->mode;
}

/* ---- The end ---- */

/* The router answers no more: what waited for it goes on without. */
static void close_router(mt_db *db)
{
    mt_action *action, *newer;

    if (!db->router.name) return;
    mt_subscription_dispose(db->members);
    mt_subscription_dispose(db->messages);
    db->members = db->messages = NULL;
    db->router.close(db->router_ctx);
    db->router.name = NULL;
    for (action = db->oldest; action; action = newer) {
        mti_call_hold(action);
        mti_push_cancel(action);
        newer = action->newer;
        mti_call_release(action);
    }
}

static void close_now(mt_db *db)
{
    void (*closed)(void *) = db->closed;
    void *ctx = db->closed_ctx;

    if (db->storage.name) db->storage.close(db->storage_ctx);
    if (db->pump_set) db->env->timer_stop(db->env->ctx, &db->pump);
    if (db->alarm_at) db->env->timer_stop(db->env->ctx, &db->alarm);
    mti_db_free(db);
    if (closed) closed(ctx);
}

void mti_db_close_step(mt_db *db)
{
    if (!db->closing) return;
    if (db->branches) {
        for (mti_branch *b = db->branches; b; b = b->next)
            if (!b->db->closing) mt_db_close(b->db, NULL, NULL);
        return;
    }
    mti_calls_cancel(db);
    if (!db->is_ready || db->ready.first || db->to_store.first || db->store_busy) return;
    if (db->requests.count > 0) return;
    close_router(db);
    if (db->oldest) return;
    close_now(db);
}

void mt_db_close(mt_db *db, void (*closed)(void *ctx), void *ctx)
{
    if (!db || db->closing) return;
    db->closing = true;
    db->closed = closed;
    db->closed_ctx = ctx;
    mti_calls_cancel(db);
    mti_pump_set(db);
}
