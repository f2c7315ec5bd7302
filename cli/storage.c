#include "storage.h"

#include "daemon.h"
#include "message.h"
#include "plugins.h"

#include <mytosis/plugin/kv_lmdb.h>
#include <mytosis/plugin/node_store.h>

#include <stdio.h>
#include <string.h>
#include <time.h>

/* How often, and after how long, a store is tried again that is held by none who answers: a daemon that has just begun, or is
 * about to end. */
#define BUSY_TRIES 5
#define BUSY_PAUSE_MS 20

static mt_status open_file(const mt_env *env, const char *path, cli_access access, mt_storage *out,
                           mt_error *err)
{
    mt_kv_lmdb_options options = {.size = sizeof options,
                                  .read_only = access == ACCESS_READ || access == ACCESS_CHECK,
                                  .check = access == ACCESS_CHECK,
                                  .must_exist = access == ACCESS_WRITE || access == ACCESS_ALONE,
                                  .no_sync = access == ACCESS_SCRATCH};
    const mt_node_store_options store_options = {.size = sizeof store_options,
                                                 .check = access == ACCESS_CHECK};
    mt_kv kv;
    mt_status st;

    if (cli_plugins_at(MT_PLUGIN_KV | MT_PLUGIN_STORAGE, 0))
        return cli_plugins_storage(env, path, access, out, err);
    if ((st = mt_kv_lmdb(env, path, &options, &kv, err)) != MT_OK) return st;
    if ((st = mt_node_store_new(env, kv, &store_options, out, err)) != MT_OK) mt_kv_close(&kv);
    return st;
}

mt_status cli_storage_at(const mt_env *env, const char *path, cli_access access, mt_storage *out,
                         mt_error *err)
{
    const struct timespec pause = {.tv_nsec = BUSY_PAUSE_MS * 1000000};
    mt_status st = open_file(env, path, access, out, err);

    if (access > ACCESS_WRITE) return st;
    for (size_t i = 0; i < BUSY_TRIES && st == MT_BUSY; i++) {
        if (cli_daemon_storage(env, path, out) == MT_OK) return MT_OK;
        (void)nanosleep(&pause, NULL);
        st = open_file(env, path, access, out, err);
    }
    return st;
}

cli_exit_code cli_storage_complain(const mt_error *err)
{
    if (err->status == MT_NOT_FOUND)
        return cli_complain(EXIT_INPUT, "%s; mytosis init makes one", err->text);
    return cli_complain_error(err, NULL, NULL);
}

/* ---- Answers ---- */

static void answered(void *ctx, uint64_t id, const mt_storage_answer *answer)
{
    cli_storage *s = ctx;

    (void)id;
    if (s->take) s->take(s->ctx, answer);
    if (answer->info) s->info = *answer->info;
    if (answer->more) return;
    s->answered = true;
    s->next = answer->next;
    s->end = answer->end;
    if (answer->status != MT_OK) cli_error_note(&s->err, answer->status, answer->text);
}

static void expect(cli_storage *s, cli_storage_take *take, void *ctx)
{
    s->err = (mt_error){MT_OK, ""};
    s->answered = s->end = false;
    s->take = take;
    s->ctx = ctx;
}

/* `st`: what starting the request came to. */
static mt_status wait_for(cli_storage *s, mt_status st)
{
    const mt_env *env = mt_loop_env(s->loop);

    while (st == MT_OK && !s->answered) st = env->turn(env->ctx);
    if (st == MT_OK) return s->err.status;
    cli_error_note(&s->err, st, NULL);
    return st;
}

/* ---- Requests ---- */

mt_status cli_storage_list(cli_storage *s, mt_bytes after, size_t limit, cli_storage_take *take,
                           void *ctx)
{
    mt_bytes all = {NULL, 0};

    expect(s, take, ctx);
    return wait_for(s, s->storage.ops->list(s->storage.ctx, &s->host, 0, all, after, limit));
}

mt_status cli_storage_read(cli_storage *s, const mt_storage_key *keys, size_t count,
                           cli_storage_take *take, void *ctx)
{
    expect(s, take, ctx);
    return wait_for(s, s->storage.ops->read(s->storage.ctx, &s->host, 0, keys, count));
}

mt_status cli_storage_changes(cli_storage *s, const mt_cursor *since, size_t limit,
                              cli_storage_take *take, void *ctx)
{
    expect(s, take, ctx);
    return wait_for(s, s->storage.ops->changes(s->storage.ctx, &s->host, 0, since, limit));
}

mt_status cli_storage_records(cli_storage *s, mt_bytes after, size_t limit, cli_storage_take *take,
                              void *ctx)
{
    mt_bytes all = {NULL, 0};

    expect(s, take, ctx);
    return wait_for(s, s->storage.ops->records(s->storage.ctx, &s->host, 0, all, after, limit));
}

mt_status cli_storage_write(cli_storage *s, const mt_storage_write *write)
{
    expect(s, NULL, NULL);
    return wait_for(s, s->storage.ops->write(s->storage.ctx, &s->host, 0, write));
}

uint64_t cli_storage_bytes(const cli_storage *s)
{
    return s->storage.ops->bytes ? s->storage.ops->bytes(s->storage.ctx) : 0;
}

/* ---- Opening ---- */

mt_status cli_storage_try(cli_storage *out, const char *path, cli_access access)
{
    mt_status st;

    memset(out, 0, sizeof *out);
    out->path = path;
    out->host = (mt_storage_host){answered, out};
    if ((st = mt_loop_new(mt_mem_system(), &out->loop)) != MT_OK) {
        out->err = (mt_error){st, "there is no event loop to be had"};
        return st;
    }
    out->env = *mt_loop_env(out->loop);
    out->env.work = NULL;
    st = cli_storage_at(access == ACCESS_MAKE ? &out->env : mt_loop_env(out->loop), path, access,
                        &out->storage, &out->err);
    if (st == MT_OK) {
        mt_error err;

        expect(out, NULL, NULL);
        st = wait_for(out, out->storage.ops->open(out->storage.ctx, &out->host, 0));
        err = out->err;
        if (st != MT_OK)
            (void)snprintf(out->err.text, sizeof out->err.text, "%.100s: %.200s", path, err.text);
    }
    if (st != MT_OK) cli_storage_close(out);
    return st;
}

cli_exit_code cli_storage_open(cli_storage *out, const char *path, cli_access access)
{
    mt_status st = cli_storage_try(out, path, access);

    return st == MT_OK ? EXIT_DONE : cli_storage_complain(&out->err);
}

void cli_storage_close(cli_storage *s)
{
    mt_storage_close(&s->storage);
    cli_storage_loop_free(s->loop);
    s->loop = NULL;
}

void cli_storage_loop_settle(mt_loop *loop)
{
    const mt_env *env = loop ? mt_loop_env(loop) : NULL;

    while (env && env->turn(env->ctx) == MT_OK) {
    }
}

void cli_storage_loop_free(mt_loop *loop)
{
    cli_storage_loop_settle(loop);
    mt_loop_free(loop);
}
