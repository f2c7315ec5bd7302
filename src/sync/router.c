/* router.c - the sync router as the database sees it. */
#include "sync/sync.h"

#define WINDOW_DEFAULT ((size_t)4 * 1024 * 1024)
#define WINDOW_MIN ((size_t)64 * 1024)
#define LOG_NODES_DEFAULT 65536u
#define PULL_MS_DEFAULT 10000u
#define MISSED_MS 1000

/* ---- What is replicated ---- */

void mti_wishes_free(const mt_mem *mem, mti_wishes *wishes)
{
    for (size_t i = 0; i < wishes->count; i++) mti_range_free(mem, &wishes->at[i].range);
    mti_mem_free(mem, wishes->at, wishes->count * sizeof *wishes->at);
    *wishes = (mti_wishes){NULL, 0};
}

mt_status mti_wishes_new(const mt_mem *mem, size_t count, mti_wishes *out)
{
    mti_wish *at = mti_mem_alloc(mem, count * sizeof *at);

    if (!at && count) return MT_NO_MEMORY;
    if (count) memset(at, 0, count * sizeof *at);
    *out = (mti_wishes){at, count};
    return MT_OK;
}

bool mti_wishes_give(const mti_wishes *wishes, mt_bytes uid)
{
    for (size_t i = 0; i < wishes->count; i++)
        if (wishes->at[i].push && mti_range_has(&wishes->at[i].range, uid)) return true;
    return false;
}

/* ---- The contract ---- */

static mt_status opened(void *ctx, mt_db *db, mt_group *group)
{
    mti_sync *sync = ctx;
    mt_status st;

    sync->db = db;
    sync->group = group;
    sync->log.of_storage = db->storage.name && db->storage.changes && db->storage.list;
    for (size_t i = 0; i < mt_group_count(group); i++) {
        st = mti_session_new(sync, mt_group_at(group, i));
        if (st == MT_OK) continue;
        while (sync->sessions) mti_session_free(sync->sessions);
        return st;
    }
    mti_known_read(sync);
    return MT_OK;
}

static mt_status push(void *ctx, uint64_t id, const mt_push *push)
{
    mti_sync *sync = ctx;

    mti_log_note(sync, push);
    mti_own_index_note(sync, push);
    mti_live_push(sync, push);
    return mti_await(sync, id, push);
}

static mt_status pull(void *ctx, uint64_t id, const mt_pull *pull)
{
    return mti_sync_pull_ask(ctx, id, pull);
}

static void message(void *ctx, mt_connection *from, mt_bytes bytes)
{
    mti_session *session = mti_session_of(ctx, from);

    if (session) mti_session_message(session, bytes);
}

/* Without memory for a session there is none, until there is. */
static void joined(void *ctx, mt_connection *connection)
{
    mti_sync *sync = ctx;

    if (mti_session_of(sync, connection) || sync->closing) return;
    if (mti_session_new(sync, connection) != MT_OK) {
        sync->env->timer_set(sync->env->ctx, &sync->missed, MISSED_MS);
        return;
    }
    if (sync->identified && !mt_connection_offline(connection))
        mti_session_online(mti_session_of(sync, connection));
}

static void look_for_missed(void *arg)
{
    mti_sync *sync = arg;

    for (size_t i = 0; i < mt_group_count(sync->group); i++)
        joined(sync, mt_group_at(sync->group, i));
}

static void left(void *ctx, mt_connection *connection)
{
    mti_session *session = mti_session_of(ctx, connection);

    if (session) mti_session_free(session);
}

static void cancel(void *ctx, uint64_t id)
{
    mti_sync_pull_cancel(ctx, id);
}

static void sync_free(mti_sync *sync)
{
    mti_log_free(sync);
    mti_own_index_free(sync);
    mti_refused_end(sync);
    mt_binary_reader_free(sync->reader);
    mti_wishes_free(sync->mem, &sync->wishes);
    mti_mem_free(sync->mem, sync->known, sync->known_cap * sizeof *sync->known);
    mt_buf_free(&sync->message);
    mt_buf_free(&sync->commit);
    mti_mem_free(sync->mem, sync, sizeof *sync);
}

static void closed(void *ctx)
{
    mti_sync *sync = ctx;

    sync->closing = true;
    mti_sync_pull_end_all(sync);
    mti_awaited_end_all(sync);
    while (sync->sessions) mti_session_free(sync->sessions);
    sync->env->timer_stop(sync->env->ctx, &sync->refused_due);
    sync->env->timer_stop(sync->env->ctx, &sync->missed);
    sync->env->timer_stop(sync->env->ctx, &sync->greet_anew);
    sync->env->timer_stop(sync->env->ctx, &sync->read_known);
    sync->env->timer_stop(sync->env->ctx, &sync->store_known);
    sync->env->timer_stop(sync->env->ctx, &sync->tell_changed);
    sync_free(sync);
}

const mt_router_ops mti_sync_ops = {.abi = MT_ROUTER_ABI,
                                    .size = sizeof mti_sync_ops,
                                    .name = "sync",
                                    .open = opened,
                                    .push = push,
                                    .pull = pull,
                                    .message = message,
                                    .joined = joined,
                                    .left = left,
                                    .cancel = cancel,
                                    .close = closed};

/* ---- Wishes ---- */

static mt_status wish_make(const mt_mem *mem, const mt_sync_range *range, size_t number,
                           mti_wish *out, mt_error *err)
{
    out->pull = !range->pull_none;
    out->push = !range->push_none;
    out->once = range->once;
    if (!out->pull && !out->push)
        return mti_fail(err, MT_INVALID, "range %zu is neither pulled nor pushed", number);
    return mti_range_of(mem, range, &out->range, err);
}

/* None are everything. */
static mt_status wishes_make(const mt_mem *mem, const mt_sync_range *ranges, size_t count,
                             mti_wishes *out, mt_error *err)
{
    static const mt_sync_range everything;
    mti_wishes made;
    mt_status st = MT_OK;

    if (count > MT_SYNC_RANGES_MAX)
        return mti_fail(err, MT_TOO_LARGE, "%zu ranges, the limit is %u", count,
                        MT_SYNC_RANGES_MAX);
    if (mti_wishes_new(mem, count ? count : 1, &made) != MT_OK) return mti_no_memory(err);
    for (size_t i = 0; i < made.count && st == MT_OK; i++)
        st = wish_make(mem, count ? &ranges[i] : &everything, i + 1, &made.at[i], err);
    if (st == MT_OK) *out = made;
    else mti_wishes_free(mem, &made);
    return st;
}

/* Hooks that run meanwhile may take any of them away: each time it is looked for from the first. */
static void greet_anew(void *arg)
{
    mti_sync *sync = arg;
    mti_session *s;

    for (s = sync->sessions; s; s = s->next) s->greets = s->stage != SESSION_OFFLINE;
    for (s = sync->sessions; s;) {
        if (!s->greets) {
            s = s->next;
            continue;
        }
        s->greets = false;
        if (s->stage != SESSION_OFFLINE) mti_greet(s);
        s = sync->sessions;
    }
}

mt_status mt_db_set_ranges(mt_db *db, const mt_sync_range *ranges, size_t count)
{
    mti_sync *sync = mti_sync_of(db);
    mti_wishes made;
    mt_error err;
    mt_status st;

    if (!sync) return MT_UNSUPPORTED;
    if (sync->dry) return mti_db_fail(db, MT_UNSUPPORTED, "a dry run keeps its ranges");
    if ((st = wishes_make(sync->mem, ranges, count, &made, &err)) != MT_OK)
        return mti_db_fail(db, st, "%s", err.text);
    mti_wishes_free(sync->mem, &sync->wishes);
    sync->wishes = made;
    sync->env->timer_set(sync->env->ctx, &sync->greet_anew, 0);
    return MT_OK;
}

mt_status mt_db_rights_changed(mt_db *db)
{
    mti_sync *sync = mti_sync_of(db);

    if (!sync) return MT_UNSUPPORTED;
    sync->env->timer_set(sync->env->ctx, &sync->greet_anew, 0);
    return MT_OK;
}

/* ---- Making one ---- */

static void tell_changed(void *arg)
{
    mti_sync *sync = arg;

    if (sync->changed) sync->changed(sync->changed_ctx, sync->db);
}

static mt_status sync_fill(mti_sync *sync, const mt_sync_options *options, mt_error *err)
{
    mt_status st =
        wishes_make(sync->mem, options->ranges, options->range_count, &sync->wishes, err);

    if (st != MT_OK) return st;
    sync->window = options->window ? options->window : WINDOW_DEFAULT;
    if (sync->window < WINDOW_MIN) sync->window = WINDOW_MIN;
    sync->compressor = options->compressor;
    sync->rights = options->rights;
    sync->rights_ctx = options->rights_ctx;
    sync->dry = options->dry_run;
    for (size_t i = 0; i < sync->wishes.count && sync->dry; i++) {
        sync->wishes.at[i].push = false;
        if (sync->wishes.at[i].range.uids)
            return mti_fail(err, MT_INVALID, "range %zu is a list, which a dry run cannot compare",
                            i + 1);
    }
    sync->pull_ms = options->pull_ms ? options->pull_ms : PULL_MS_DEFAULT;
    sync->refused_due = (mt_timer){.fire = mti_refused_fetch, .arg = sync};
    sync->missed = (mt_timer){.fire = look_for_missed, .arg = sync};
    sync->greet_anew = (mt_timer){.fire = greet_anew, .arg = sync};
    sync->tell_changed.fire = tell_changed;
    sync->tell_changed.arg = sync;
    if (sync->env->entropy(sync->env->ctx, sync->boot, sizeof sync->boot) != MT_OK ||
        sync->env->entropy(sync->env->ctx, sync->self, sizeof sync->self) != MT_OK ||
        mti_log_init(sync, options->log_nodes ? options->log_nodes : LOG_NODES_DEFAULT) != MT_OK)
        return mti_fail(err, MT_IO, "there is no source of random numbers");
    mti_own_index_init(sync);
    if (mt_binary_reader_new(sync->mem, NULL, sync->compressor, "data", &sync->reader) != MT_OK)
        return mti_no_memory(err);
    return MT_OK;
}

mt_status mt_router_sync(const mt_env *env, const mt_sync_options *options, mt_router *out,
                         mt_error *err)
{
    mt_sync_options own = {.size = sizeof own};
    mti_sync *sync = mti_mem_alloc(env->mem, sizeof *sync);
    mt_status st;

    if (!sync) return mti_no_memory(err);
    if (options) memcpy(&own, options, options->size < sizeof own ? options->size : sizeof own);
    memset(sync, 0, sizeof *sync);
    sync->env = env;
    sync->mem = sync->message.mem = sync->commit.mem = env->mem;
    if ((st = sync_fill(sync, &own, err)) != MT_OK) {
        sync_free(sync);
        return st;
    }
    *out = (mt_router){&mti_sync_ops, sync};
    return MT_OK;
}
