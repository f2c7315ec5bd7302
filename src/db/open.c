#include "db/open.h"

#include "base/bytes.h"
#include "crdt/limits.h"
#include "db/branch_storage.h"
#include "db/call.h"
#include "db/event.h"
#include "db/extension.h"
#include "db/handle.h"
#include "db/rank.h"

#define CACHE_BYTES_DEFAULT ((size_t)256 * 1024 * 1024)

/* ---- Requests of storage ---- */

mt_status mti_request_begin(mt_db *db, void (*answer)(void *ctx, const mt_storage_answer *answer),
                            void *ctx, uint64_t *id)
{
    mti_request *request = mti_mem_alloc(db->mem, sizeof *request);

    if (!request) return mti_no_memory(&db->error);
    request->answer = answer;
    request->ctx = ctx;
    if (mti_map_put(&db->requests, ++db->last_request, request) != MT_OK) {
        mti_mem_free(db->mem, request, sizeof *request);
        return mti_no_memory(&db->error);
    }
    *id = db->last_request;
    return MT_OK;
}

void mti_request_end(mt_db *db, uint64_t id)
{
    mti_mem_free(db->mem, mti_map_take(&db->requests, id), sizeof(mti_request));
}

static void storage_answered(void *ctx, uint64_t id, const mt_storage_answer *answer)
{
    mt_db *db = ctx;
    mti_request *request = mti_map_get(&db->requests, id), copy;

    if (!request) return; /* a plugin that answers twice harms nobody */
    copy = *request;
    if (!answer->more) mti_request_end(db, id);
    copy.answer(copy.ctx, answer);
    if (db->closing) mti_pump_set(db);
}

/* ---- Gathering the configs ---- */

/* A config as this build knows it. */
static mt_config config_copy(const mt_config *config)
{
    mt_config copy = {.size = sizeof copy};

    memcpy(&copy, config, config->size < sizeof copy ? config->size : sizeof copy);
    return copy;
}

static const char *config_name(const mt_config *config)
{
    return config->name ? config->name : "unnamed";
}

static mt_status second(mt_db *db, const char *what, const mt_config *first, const mt_config *other)
{
    return mti_db_fail(db, MT_INVALID,
                       "config \"%s\" brings a second %s; the first is that of \"%s\"",
                       config_name(other), what, config_name(first));
}

static mt_status add_hooks(mt_db *db, const mt_config *config)
{
    for (size_t i = 0; i < config->hook_count; i++) {
        const mt_hook *hook = &config->hooks[i];
        mti_hook_list *list;
        mt_hook *items;
        if ((unsigned)hook->point >= MT_HOOK_POINTS || !hook->run)
            return mti_db_fail(db, MT_INVALID, "hook %zu of config \"%s\" has no such point", i,
                               config_name(config));
        list = &db->hooks[hook->point];
        items =
            mti_vector_reserve(db->mem, list->items, &list->cap, list->count + 1, sizeof *items);
        if (!items) return mti_no_memory(&db->error);
        list->items = items;
        items[list->count++] = *hook;
    }
    return MT_OK;
}

static mt_status add_links(mt_db *db, const mt_config *config)
{
    mt_status st = MT_OK;

    for (size_t i = 0; i < config->connection_count && st == MT_OK; i++)
        st = mt_group_add(db->group, config->connections[i]);
    if (st == MT_OK && config->group) st = mt_group_follow(db->group, config->group);
    if (st != MT_OK) db->error = *mt_group_error(db->group);
    return st;
}

static mt_status add_config(mt_db *db, const mt_config *config)
{
    mt_status st = add_hooks(db, config);

    if (st == MT_OK) st = add_links(db, config);
    if (st != MT_OK) return st;
    if (config->limits) db->limits = mti_limits_copy(config->limits);
    if (config->cache_bytes) db->cache_bytes = config->cache_bytes;
    if (config->app) db->app = config->app;
    if (mti_extensions_add(db, config->extensions, config->extension_count) != MT_OK ||
        mti_engines_add(db, config->engines, config->engine_count) != MT_OK)
        return mti_no_memory(&db->error);
    return MT_OK;
}

/* The plugins of all configs: of each kind one. */
typedef struct parts {
    const mt_env *env;
    const mt_storage *storage;
    const mt_router *router;
    mt_clock clock;
    mt_config of_env, of_storage, of_router, of_clock;
} parts;

static mt_status find_parts(mt_db *db, const mt_config *const *configs, size_t count, parts *out)
{
    for (size_t i = 0; i < count; i++) {
        mt_config c = config_copy(configs[i]);
        if (c.env && out->env && c.env != out->env)
            return second(db, "environment", &out->of_env, &c);
        if (c.storage && out->storage) return second(db, "storage", &out->of_storage, &c);
        if (c.router && out->router) return second(db, "router", &out->of_router, &c);
        if (c.clock && out->clock && c.clock != out->clock)
            return second(db, "clock", &out->of_clock, &c);
        if (c.env) out->env = c.env, out->of_env = c;
        if (c.storage) out->storage = c.storage, out->of_storage = c;
        if (c.router) out->router = c.router, out->of_router = c;
        if (c.clock) out->clock = c.clock, out->of_clock = c;
    }
    return MT_OK;
}

/* ---- The network ---- */

static void group_message(void *ctx, const void *event)
{
    const mt_message *message = event;
    mt_db *db = ctx;

    if (!db->closing) db->router.message(db->router_ctx, message->connection, message->bytes);
}

static void group_changed(void *ctx, const void *event)
{
    const mt_group_event *change = event;
    mt_db *db = ctx;

    /* While the database is closed, too: the router must not keep what is gone. */
    if (change->kind == MT_GROUP_ADDED) db->router.joined(db->router_ctx, change->connection);
    else db->router.left(db->router_ctx, change->connection);
}

/* Copies the table of a router. */
static mt_status router_adopt(mt_db *db, const mt_router *router)
{
    mt_router_ops *own = &db->router;

    if (router->ops->abi != MT_ROUTER_ABI)
        return mti_db_fail(db, MT_UNSUPPORTED, "the router is of abi %u, not %u",
                           (unsigned)router->ops->abi, MT_ROUTER_ABI);
    memcpy(own, router->ops, router->ops->size < sizeof *own ? router->ops->size : sizeof *own);
    if (own->name && own->open && own->push && own->pull && own->message && own->joined &&
        own->left && own->close)
        return MT_OK;
    return mti_db_fail(db, MT_UNSUPPORTED, "router \"%s\" lacks what every router has",
                       own->name ? own->name : "");
}

static mt_status router_start(mt_db *db, const mt_router *router)
{
    mt_subscriber members = {.on_event = group_changed, .ctx = db};
    mt_subscriber messages = {.on_event = group_message, .ctx = db};
    mt_status st = router_adopt(db, router);

    db->router_ctx = router->ctx;
    if (st != MT_OK) {
        memset(&db->router, 0, sizeof db->router);
        return st;
    }
    st = db->router.open(db->router_ctx, db, db->group);
    if (st != MT_OK) {
        mti_db_fail(db, st, "router \"%s\" does not open: %s", db->router.name, mt_status_text(st));
    } else {
        st = mt_event_stream_subscribe(mt_group_events(db->group), &members, &db->members);
        if (st == MT_OK)
            st = mt_event_stream_subscribe(mt_group_messages(db->group), &messages, &db->messages);
        if (st != MT_OK) mti_no_memory(&db->error);
    }
    if (st != MT_OK) memset(&db->router, 0, sizeof db->router); /* it is the caller's still */
    return st;
}

/* ---- Ready ---- */

static void ready(mt_db *db)
{
    db->is_ready = true;
    mti_pump_set(db);
}

/* What is known of the store, which must be what the config asks for. */
static void take_info(mt_db *db, const mt_storage_info *info)
{
    static const char *const names[] = {"none", "hybrid", "lamport"};

    if (info->clock_mode > MT_CLOCK_LAMPORT)
        mti_fail(&db->opening, MT_UNSUPPORTED, "the store has clock mode %u, which is not known",
                 (unsigned)info->clock_mode);
    else if (info->clock > MT_STATE_MAX)
        mti_fail(&db->opening, MT_MALFORMED, "the clock of the store is past 2^53 - 1");
    else if (info->clock_mode && db->mode && info->clock_mode != (uint8_t)db->mode)
        mti_fail(&db->opening, MT_INVALID, "the store has a %s clock, the config asks for %s",
                 names[info->clock_mode], names[db->mode]);
    else {
        if (info->clock_mode) db->mode = (mt_clock)info->clock_mode;
        if (info->clock > db->clock) db->clock = info->clock;
        db->head = info->head;
        db->has_head = db->storage.changes != NULL;
    }
}

static void storage_opened(void *ctx, const mt_storage_answer *answer)
{
    mt_db *db = ctx;

    if (answer->more) return;
    if (answer->status != MT_OK)
        mti_fail(&db->opening, answer->status, "storage \"%s\" does not open: %s", db->storage.name,
                 answer->text ? answer->text : mt_status_text(answer->status));
    else if (answer->info) take_info(db, answer->info);
    if (db->mode == MT_CLOCK_DEFAULT) db->mode = MT_CLOCK_HYBRID;
    ready(db);
}

static mt_status storage_start(mt_db *db)
{
    mt_status st;
    uint64_t id = 0;

    if (!db->storage.name || !db->storage.open) {
        if (db->mode == MT_CLOCK_DEFAULT) db->mode = MT_CLOCK_HYBRID;
        ready(db);
        return MT_OK;
    }
    st = mti_request_begin(db, storage_opened, db, &id);
    if (st != MT_OK) return st;
    st = db->storage.open(db->storage_ctx, &db->storage_host, id);
    if (st == MT_OK) return MT_OK;
    mti_request_end(db, id);
    return mti_db_fail(db, st, "storage \"%s\" does not open: %s", db->storage.name,
                       mt_status_text(st));
}

static void ready_stage(mt_action *action)
{
    if (mti_call_may_start(action)) mti_call_finish(action);
}

mt_status mt_db_ready(mt_db *db, mt_done *done, void *ctx)
{
    mt_action *action;
    mt_status st = mti_call_new(db, CALL_READY, NULL, done, ctx, &action);

    if (st == MT_OK) mti_call_start(action, ready_stage, false, NULL);
    return st;
}

/* ---- Making and freeing ---- */

static mt_status db_new(const mt_env *env, mt_db **out)
{
    mt_db *db = mti_mem_alloc(env->mem, sizeof *db);

    if (!db) return MT_NO_MEMORY;
    memset(db, 0, sizeof *db);
    db->env = env;
    db->mem = env->mem;
    db->calls.mem = db->requests.mem = env->mem;
    db->storage_host.answer = storage_answered;
    db->storage_host.ctx = db;
    mti_heap_init(&db->rank_heap, env->mem);
    mti_handles_init(db);
    mt_limits_init(&db->limits);
    if (mt_group_new(env->mem, &db->group) == MT_OK) {
        *out = db;
        return MT_OK;
    }
    mti_db_free(db);
    return MT_NO_MEMORY;
}

void mti_db_free(mt_db *db)
{
    for (size_t i = 0; i < MT_HOOK_POINTS; i++)
        mti_mem_free(db->mem, db->hooks[i].items, db->hooks[i].cap * sizeof(mt_hook));
    mti_extensions_free(db);
    mti_events_free(db);
    mti_handles_free(db);
    mti_ranks_free(db);
    mti_block_free(db->mem, &db->shown);
    mti_heap_end(&db->rank_heap);
    mt_graph_free(db->graph);
    mt_group_unref(db->group);
    mti_map_free(&db->calls);
    mti_map_free(&db->requests);
    mti_mem_free(db->mem, db, sizeof *db);
}

/* Everything but the plugins that can still be given back. */
static mt_status db_build(mt_db *db, const mt_config *const *configs, size_t count,
                          const parts *found)
{
    mt_status st = MT_OK;

    db->mode = found->clock;
    for (size_t i = 0; i < count && st == MT_OK; i++) {
        mt_config c = config_copy(configs[i]);
        st = add_config(db, &c);
    }
    if (st == MT_OK && mt_graph_new(db->mem, &db->limits, &db->graph) != MT_OK)
        st = mti_no_memory(&db->error);
    if (st == MT_OK && found->storage)
        st = mti_storage_adopt(found->storage, &db->storage, &db->error);
    if (st != MT_OK) return st;
    if (!found->storage) db->cache_bytes = SIZE_MAX;
    else if (!db->cache_bytes) db->cache_bytes = CACHE_BYTES_DEFAULT;
    if (found->storage) db->storage_ctx = found->storage->ctx;
    if (found->router) st = router_start(db, found->router);
    return st == MT_OK ? storage_start(db) : st;
}

static void stop_listening(mt_db *db)
{
    mt_subscription_dispose(db->members);
    mt_subscription_dispose(db->messages);
    db->members = db->messages = NULL;
}

mt_status mt_db_open(const mt_config *const *configs, size_t count, mt_db **out, mt_error *err)
{
    parts found = {.clock = MT_CLOCK_DEFAULT};
    mt_db *db, scratch = {.last_id = 0};
    mt_status st = find_parts(&scratch, configs, count, &found);

    if (st != MT_OK) return mti_fail(err, st, "%s", scratch.error.text);
    if (!found.env) return mti_fail(err, MT_INVALID, "no config brings an environment");
    if (found.env->abi != MT_ENV_ABI)
        return mti_fail(err, MT_UNSUPPORTED, "the environment is of abi %u, not %u",
                        (unsigned)found.env->abi, MT_ENV_ABI);
    if (db_new(found.env, &db) != MT_OK) return mti_no_memory(err);
    st = db_build(db, configs, count, &found);
    if (st == MT_OK) {
        *out = db;
        return MT_OK;
    }
    mti_fail(err, st, "%s", db->error.text);
    /* The plugins stay the caller's; a router that had opened must not see this database again, and
     * its calls are answered. */
    stop_listening(db);
    mti_calls_end(db);
    if (db->pump_set) db->env->timer_stop(db->env->ctx, &db->pump);
    if (db->alarm_at) db->env->timer_stop(db->env->ctx, &db->alarm);
    mti_db_free(db);
    return st;
}

mt_status mti_db_new_branch(mti_branch *branch, mt_db **out)
{
    mt_db *source = branch->source, *db;
    mt_config like = {.size = sizeof like,
                      .extensions = source->extensions,
                      .extension_count = source->extension_count,
                      .engines = source->engines,
                      .engine_count = source->engine_count,
                      .limits = &source->limits,
                      .app = source->app};
    mt_status st = db_new(source->env, &db);

    if (st != MT_OK) return st;
    st = add_config(db, &like);
    for (size_t i = 0; i < MT_HOOK_POINTS && st == MT_OK; i++) {
        like.hooks = source->hooks[i].items;
        like.hook_count = source->hooks[i].count;
        st = add_hooks(db, &like);
    }
    if (st == MT_OK) st = mt_graph_new(db->mem, &db->limits, &db->graph);
    if (st != MT_OK) {
        mti_db_free(db);
        return MT_NO_MEMORY;
    }
    db->branch = branch;
    db->storage = mti_branch_storage;
    db->storage_ctx = branch;
    db->mode = source->mode;
    db->cache_bytes = source->cache_bytes;
    db->is_ready = true;
    *out = db;
    return MT_OK;
}
