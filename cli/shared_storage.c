#include "shared_storage.h"

#include <stdlib.h>

struct cli_shared_storage {
    mt_storage inner;
    mt_storage_ops ops; /* of the storage that the database has */
    mt_storage_info info;
};

/* An opening or a write on its way, whose answer is looked at. */
typedef struct passing {
    cli_shared_storage *shared;
    const mt_storage_host *host;
    mt_storage_host own;
    mt_storage_write write;
} passing;

static void note_answer(passing *p, const mt_storage_answer *answer)
{
    mt_storage_info *info = &p->shared->info;

    if (answer->status != MT_OK) return;
    if (answer->info) *info = *answer->info;
    if (answer->info || p->write.commit_count + p->write.record_count == 0) return;
    info->head = answer->next;
    if (p->write.clock > info->clock) info->clock = p->write.clock;
    if (p->write.clock_mode) info->clock_mode = p->write.clock_mode;
}

static void answered(void *ctx, uint64_t id, const mt_storage_answer *answer)
{
    passing *p = ctx;
    const mt_storage_host *host = p->host;

    note_answer(p, answer);
    if (!answer->more) free(p);
    host->answer(host->ctx, id, answer);
}

static passing *passing_new(cli_shared_storage *shared, const mt_storage_host *host)
{
    passing *p = calloc(1, sizeof *p);

    if (!p) return NULL;
    p->shared = shared;
    p->host = host;
    p->own = (mt_storage_host){answered, p};
    return p;
}

static mt_status pass_open(void *ctx, const mt_storage_host *host, uint64_t id)
{
    cli_shared_storage *s = ctx;
    passing *p = passing_new(s, host);
    mt_status st;

    if (!p) return MT_NO_MEMORY;
    st = s->inner.ops->open(s->inner.ctx, &p->own, id);
    if (st != MT_OK) free(p);
    return st;
}

static mt_status pass_write(void *ctx, const mt_storage_host *host, uint64_t id,
                            const mt_storage_write *write)
{
    cli_shared_storage *s = ctx;
    passing *p = passing_new(s, host);
    mt_status st;

    if (!p) return MT_NO_MEMORY;
    p->write = *write;
    if (p->write.clock < s->info.clock) p->write.clock = s->info.clock;
    st = s->inner.ops->write(s->inner.ctx, &p->own, id, &p->write);
    if (st != MT_OK) free(p);
    return st;
}

static mt_status pass_read(void *ctx, const mt_storage_host *host, uint64_t id,
                           const mt_storage_key *keys, size_t count)
{
    cli_shared_storage *s = ctx;

    return s->inner.ops->read(s->inner.ctx, host, id, keys, count);
}

static mt_status pass_remove(void *ctx, const mt_storage_host *host, uint64_t id,
                             const mt_bytes *uids, size_t count)
{
    cli_shared_storage *s = ctx;

    return s->inner.ops->remove(s->inner.ctx, host, id, uids, count);
}

static mt_status pass_list(void *ctx, const mt_storage_host *host, uint64_t id, mt_bytes prefix,
                           mt_bytes after, size_t limit)
{
    cli_shared_storage *s = ctx;

    return s->inner.ops->list(s->inner.ctx, host, id, prefix, after, limit);
}

static mt_status pass_changes(void *ctx, const mt_storage_host *host, uint64_t id,
                              const mt_cursor *since, size_t limit)
{
    cli_shared_storage *s = ctx;

    return s->inner.ops->changes(s->inner.ctx, host, id, since, limit);
}

static mt_status pass_records(void *ctx, const mt_storage_host *host, uint64_t id, mt_bytes prefix,
                              mt_bytes after, size_t limit)
{
    cli_shared_storage *s = ctx;

    return s->inner.ops->records(s->inner.ctx, host, id, prefix, after, limit);
}

static mt_status pass_fingerprint(void *ctx, const mt_storage_host *host, uint64_t id,
                                  const mt_storage_span *spans, size_t count)
{
    cli_shared_storage *s = ctx;

    return s->inner.ops->fingerprint(s->inner.ctx, host, id, spans, count);
}

static mt_status pass_items(void *ctx, const mt_storage_host *host, uint64_t id,
                            const mt_storage_span *spans, size_t count)
{
    cli_shared_storage *s = ctx;

    return s->inner.ops->items(s->inner.ctx, host, id, spans, count);
}

static uint64_t pass_bytes(void *ctx)
{
    cli_shared_storage *s = ctx;

    return s->inner.ops->bytes(s->inner.ctx);
}

static void pass_close(void *ctx)
{
    cli_shared_storage *s = ctx;

    mt_storage_close(&s->inner);
    free(s);
}

static const mt_storage_ops passes = {.abi = MT_STORAGE_ABI,
                                      .size = sizeof passes,
                                      .name = "shared",
                                      .open = pass_open,
                                      .read = pass_read,
                                      .write = pass_write,
                                      .remove = pass_remove,
                                      .close = pass_close,
                                      .list = pass_list,
                                      .changes = pass_changes,
                                      .records = pass_records,
                                      .bytes = pass_bytes,
                                      .fingerprint = pass_fingerprint,
                                      .items = pass_items};

mt_status cli_shared_storage_new(mt_storage inner, mt_storage *out, cli_shared_storage **shared)
{
    cli_shared_storage *s = calloc(1, sizeof *s);

    if (!s) return MT_NO_MEMORY;
    s->inner = inner;
    s->ops = passes;
    s->ops.name = inner.ops->name;
    s->ops.wants_full = inner.ops->wants_full;
    if (!inner.ops->bytes) s->ops.bytes = NULL;
    if (!inner.ops->fingerprint) s->ops.fingerprint = NULL;
    if (!inner.ops->items) s->ops.items = NULL;
    *out = (mt_storage){&s->ops, s};
    *shared = s;
    return MT_OK;
}

const mt_storage *cli_shared_storage_inner(const cli_shared_storage *shared)
{
    return &shared->inner;
}

const mt_storage_info *cli_shared_storage_info(const cli_shared_storage *shared)
{
    return &shared->info;
}

void cli_shared_storage_clock(cli_shared_storage *shared, uint64_t clock)
{
    if (clock > shared->info.clock) shared->info.clock = clock;
}
