/* mytosis/plugin/load.h - plugins from shared objects: for those who write one, and who load one.
 *
 * A plugin is a shared object that exports one function, mt_plugin_entry, which answers a table:
 * who it is, and a maker for each kind of thing that it can make.
 *
 *     static mt_status make_router(const mt_plugin_args *args, mt_router *out, mt_error *err);
 *
 *     const mt_plugin_ops *mt_plugin_entry(void)
 *     {
 *         static const mt_plugin_ops ops = {.abi = MT_PLUGIN_ABI, .size = sizeof ops,
 *                                           .name = "small", .version = "1.0", .router = make_router};
 *         return &ops;
 *     }
 *
 *     cc -shared -fPIC $(pkg-config --cflags mytosis) small.c -o small.so
 *
 * It is not linked to libmytosis: what it calls of that it finds in the program that loads it.
 *
 *     mt_plugin *plugin;
 *     mt_plugin_args args = {.size = sizeof args, .env = env};
 *     mt_plugin_load(mt_mem_system(), "./small.so", &plugin, &err);
 *     mt_plugin_router(plugin, &args, &router, &err);
 *     mt_plugin_free(plugin);              at any time: what it made goes on
 *
 * A shared object that was loaded stays in the program until that ends, as timers, threads and
 * callbacks of what it made may lead into it: it is never taken away below them. So a handle may be
 * freed before or after what was made, and the same file, loaded again, has the variables that it
 * had. It can do all that the program can: load none that you would not run. docs/plugins.md shows
 * how to write, test and load one. Threads: any for loading; makers run on that of `env`. */
#ifndef MYTOSIS_PLUGIN_LOAD_H
#define MYTOSIS_PLUGIN_LOAD_H

#include <mytosis/plugin/kv.h>
#include <mytosis/plugin/network.h>
#include <mytosis/plugin/router.h>
#include <mytosis/plugin/storage.h>

MT_BEGIN_DECLS

/* ---- For those who write one ---- */

/* The contract that this header has. */
#define MT_PLUGIN_ABI 1

/* What a maker is given. BORROWED until it returns, but for `env`. */
typedef struct mt_plugin_args {
    size_t size;         /* sizeof(mt_plugin_args) as compiled by who loads */
    const mt_env *env;   /* BORROWED for the life of what is made */
    const char *options; /* a text of the plugin's own form, such as what stands behind the colon of
                          * mytosis --plugin FILE:OPTIONS; NULL: nothing was said */
    const char *path;    /* kv, storage: where the store is to be; NULL: nothing was said */
    bool read_only;      /* kv, storage: nothing will be written; several may read at a time */
    bool must_exist;     /* kv, storage: a store that is not there is not made: MT_NOT_FOUND */
} mt_plugin_args;

/* Makers answer MT_OK and fill `out`, which is OWNED by who called; or anything else, with `err`,
 * which is never NULL, and leave nothing behind. NULL: it makes none of that kind. */
typedef struct mt_plugin_ops {
    uint32_t abi;        /* MT_PLUGIN_ABI */
    uint32_t size;       /* sizeof(mt_plugin_ops) as compiled */
    const char *name;    /* of the plugin; static, as all that the table points to */
    const char *version; /* of the plugin, for people to read; may be NULL */

    /* An ordered key-value engine, of which the host makes a storage: see mytosis/plugin/kv.h. */
    mt_status (*kv)(const mt_plugin_args *args, mt_kv *out, mt_error *err);

    /* A storage. MT_BUSY: the store at `path` is held by another. */
    mt_status (*storage)(const mt_plugin_args *args, mt_storage *out, mt_error *err);

    /* A connection to the peer that `options` name. */
    mt_status (*connection)(const mt_plugin_args *args, mt_connection **out, mt_error *err);

    mt_status (*router)(const mt_plugin_args *args, mt_router *out, mt_error *err);

    /* A query engine; `name` and `ctx` of it are the plugin's, until `engine_close`. */
    mt_status (*engine)(const mt_plugin_args *args, mt_query_engine *out, mt_error *err);

    /* Ends an engine that `engine` made, after every database that had it was closed. May be NULL:
     * there is nothing to end. */
    void (*engine_close)(mt_query_engine *engine);
} mt_plugin_ops;

/* The one symbol that a plugin exports. libmytosis has none of that name. */
__attribute__((visibility("default"))) const mt_plugin_ops *mt_plugin_entry(void);

/* ---- For those who load one ---- */

/* A plugin that was loaded. */
typedef struct mt_plugin mt_plugin;

/* What a plugin can make. */
#define MT_PLUGIN_KV 1u
#define MT_PLUGIN_STORAGE 2u
#define MT_PLUGIN_CONNECTION 4u
#define MT_PLUGIN_ROUTER 8u
#define MT_PLUGIN_ENGINE 16u

/* Loads the shared object at `path`, OWNED: mt_plugin_free. No folders are searched: a path without
 * a slash lies in the working folder. All that it needs is looked for now, and its symbols are its
 * own. The table is COPIED; one that is shorter than this build's has NULL for the rest. `mem` is
 * BORROWED until the handle is freed.
 * MT_NOT_FOUND: there is no such file. MT_MALFORMED: it is no shared object, one for another
 * machine, or one that lacks something. MT_INVALID: it is no plugin, or its table is not what it
 * should be. MT_UNSUPPORTED: it was made for another abi. MT_NO_MEMORY. `err` may be NULL. */
MT_API MT_MUST_USE mt_status mt_plugin_load(const mt_mem *mem, const char *path, mt_plugin **out,
                                            mt_error *err);

/* Frees the handle, and nothing that was made by it. NULL is accepted. */
MT_API void mt_plugin_free(mt_plugin *plugin);

/* What it calls itself, which version it is ("" where it does not say), and what it can make:
 * MT_PLUGIN_KV | ... . Static. */
MT_API const char *mt_plugin_name(const mt_plugin *plugin);
MT_API const char *mt_plugin_version(const mt_plugin *plugin);
MT_API unsigned mt_plugin_kinds(const mt_plugin *plugin);

/* Each makes something by it, OWNED by the caller until it is MOVED. MT_UNSUPPORTED: it makes none
 * of that kind, or its table of that is of another abi. MT_INVALID: what it made is not what it
 * should be. Else what the maker answered; `err` (may be NULL) begins with the name of the
 * plugin. */
MT_API MT_MUST_USE mt_status mt_plugin_kv(const mt_plugin *plugin, const mt_plugin_args *args,
                                          mt_kv *out, mt_error *err);
MT_API MT_MUST_USE mt_status mt_plugin_connection(const mt_plugin *plugin,
                                                  const mt_plugin_args *args, mt_connection **out,
                                                  mt_error *err);
MT_API MT_MUST_USE mt_status mt_plugin_router(const mt_plugin *plugin, const mt_plugin_args *args,
                                              mt_router *out, mt_error *err);

/* The same; where the plugin has an engine and no storage, a node store over that engine. */
MT_API MT_MUST_USE mt_status mt_plugin_storage(const mt_plugin *plugin, const mt_plugin_args *args,
                                               mt_storage *out, mt_error *err);

/* A query engine, to be ended by mt_plugin_engine_close once no database has it any more: before the
 * handle is freed, which that call needs. */
MT_API MT_MUST_USE mt_status mt_plugin_engine(const mt_plugin *plugin, const mt_plugin_args *args,
                                              mt_query_engine *out, mt_error *err);
MT_API void mt_plugin_engine_close(const mt_plugin *plugin, mt_query_engine *engine);

MT_END_DECLS
#endif
