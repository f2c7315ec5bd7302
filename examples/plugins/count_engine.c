/* count_engine.c - a plugin with a query engine: how many nodes have a uid that begins so?
 *
 *     cc -shared -fPIC $(pkg-config --cflags mytosis) count_engine.c -o count_engine.so
 *     mytosis query count user/ --store notes.mdb --plugin ./count_engine.so */
#include <mytosis/db.h>
#include <mytosis/plugin/load.h>

#include <stdio.h>
#include <stdlib.h>

/* A query under way: what its stream has shown so far. */
typedef struct counting {
    uint64_t id;
    size_t nodes;
} counting;

static bool count_row(void *ctx, mt_db *db, const mt_row *row)
{
    (void)db;
    if (!row->more) ((counting *)ctx)->nodes++;
    return true;
}

static void counted(void *ctx, mt_db *db, const mt_result *result)
{
    counting *c = ctx;
    char answer[32];

    snprintf(answer, sizeof answer, "%zu", c->nodes);
    mt_query_done(db, c->id, result->status, result->text, mt_str(answer));
    free(c);
}

static mt_status execute(void *ctx, mt_db *db, uint64_t id, mt_bytes query,
                         const mt_options *options)
{
    mt_range range = {.prefix = query};
    counting *c = calloc(1, sizeof *c);
    mt_status st;

    (void)ctx;
    (void)options;
    if (!c) return MT_NO_MEMORY;
    c->id = id;
    if ((st = mt_stream(db, &range, count_row, counted, c, NULL)) != MT_OK) free(c);
    return st;
}

static mt_status make_engine(const mt_plugin_args *args, mt_query_engine *out, mt_error *err)
{
    (void)args;
    (void)err;
    *out = (mt_query_engine){.name = "count", .execute = execute};
    return MT_OK;
}

const mt_plugin_ops *mt_plugin_entry(void)
{
    static const mt_plugin_ops ops = {.abi = MT_PLUGIN_ABI,
                                      .size = sizeof ops,
                                      .name = "count",
                                      .version = "1.0",
                                      .engine = make_engine};

    return &ops;
}
