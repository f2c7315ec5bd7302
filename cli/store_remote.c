/* Writes to a store that a daemon holds: they go there as they are. */
#include "store.h"

#include "batch.h"
#include "message.h"

/* A write on its way, and what the daemon says that it changed. */
typedef struct writing {
    mt_storage_host host;
    cli_batch changed;
    bool answered;
    mt_error err;
} writing;

static void answered(void *ctx, uint64_t id, const mt_storage_answer *answer)
{
    writing *w = ctx;
    mt_status st = MT_OK;

    (void)id;
    for (size_t i = 0; i < answer->row_count && st == MT_OK; i++)
        st = cli_batch_add(&w->changed, &answer->rows[i].row);
    if (st != MT_OK) cli_error_note(&w->err, st, NULL);
    if (answer->more) return;
    w->answered = true;
    if (answer->status != MT_OK) cli_error_note(&w->err, answer->status, answer->text);
}

/* `st`: what starting it came to. */
static void wait_for(const cli_store *store, writing *w, mt_status st)
{
    while (st == MT_OK && !w->answered)
        if (!cli_store_turn(store)) st = MT_CLOSED;
    if (st != MT_OK) cli_error_note(&w->err, st, NULL);
}

/* What changed, as the delta that it is in an empty graph. */
static mt_status show(writing *w, cli_store_seen *seen, void *ctx)
{
    mt_graph *empty = NULL;
    mt_delta *delta = NULL;
    const mt_row *rows;
    size_t count;
    mt_status st = mt_graph_new(mt_mem_system(), NULL, &empty);

    rows = cli_batch_rows(&w->changed, &count);
    if (st == MT_OK && count > 0) st = mt_graph_merge_rows(empty, rows, count, &delta);
    if (st == MT_OK && delta) seen(ctx, delta);
    mt_delta_free(delta);
    mt_graph_free(empty);
    return st;
}

mt_status cli_store_remote_patch(const cli_store *store, const mt_row *rows, size_t count,
                                 cli_store_seen *seen, void *ctx, mt_error *err)
{
    writing w = {.answered = false};
    mt_status st;

    w.host = (mt_storage_host){answered, &w};
    wait_for(store, &w, cli_remote_patch(store->remote, rows, count, &w.host));
    if (w.err.status == MT_OK && seen && (st = show(&w, seen, ctx)) != MT_OK)
        cli_error_note(&w.err, st, NULL);
    cli_batch_free(&w.changed);
    *err = w.err;
    return w.err.status;
}

mt_status cli_store_remote_merge(const cli_store *store, const mt_graph *graph, bool future,
                                 mt_error *err)
{
    writing w = {.answered = false};

    w.host = (mt_storage_host){answered, &w};
    wait_for(store, &w, cli_remote_merge(store->remote, graph, future, &w.host));
    *err = w.err;
    return w.err.status;
}
