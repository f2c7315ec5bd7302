/* plugin.c - plugins from shared objects: loading one, and having it make something.
 *
 * The shared object stays in the program for good (RTLD_NODELETE): what a plugin made has callbacks,
 * timers and threads that lead into it, and no table says when the last of them has returned. */
#include <mytosis/plugin/load.h>

#include "base/status.h"

#include <mytosis/plugin/node_store.h>

#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

struct mt_plugin {
    const mt_mem *mem;
    mt_plugin_ops ops;
};

/* ---- Loading ---- */

static mt_status check_file(const char *path, mt_error *err)
{
    struct stat about;

    if (stat(path, &about) != 0)
        return mti_fail(err, errno == ENOENT || errno == ENOTDIR ? MT_NOT_FOUND : MT_IO, "%s: %s",
                        path, strerror(errno));
    if (!S_ISREG(about.st_mode)) return mti_fail(err, MT_MALFORMED, "%s: it is no file", path);
    return MT_OK;
}

/* dlopen looks for what has no slash in folders of its own. `*library` is for good. */
static mt_status open_library(const mt_mem *mem, const char *path, void **library, mt_error *err)
{
    size_t len = strlen(path), size = len + sizeof "./";
    char *here = mem->resize(mem->ctx, NULL, 0, size);
    const char *why;

    if (!here) return mti_no_memory(err);
    memcpy(here, "./", 2);
    memcpy(here + 2, path, len + 1);
    *library = dlopen(strchr(path, '/') ? path : here, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    mem->resize(mem->ctx, here, size, 0);
    if (*library) return MT_OK;
    why = dlerror();
    return mti_fail(err, MT_MALFORMED, "%s: it is no shared object that can be loaded here: %s",
                    path, why ? why : "no reason is given");
}

static unsigned kinds_of(const mt_plugin_ops *ops)
{
    return (ops->kv ? MT_PLUGIN_KV : 0) | (ops->storage ? MT_PLUGIN_STORAGE : 0) |
           (ops->connection ? MT_PLUGIN_CONNECTION : 0) | (ops->router ? MT_PLUGIN_ROUTER : 0) |
           (ops->engine ? MT_PLUGIN_ENGINE : 0);
}

/* The first version of the table ended with its makers: none may be shorter. */
static mt_status copy_table(const mt_plugin_ops *ops, const char *path, mt_plugin_ops *out,
                            mt_error *err)
{
    const size_t first = offsetof(mt_plugin_ops, engine_close) + sizeof out->engine_close;

    if (!ops) return mti_fail(err, MT_INVALID, "%s: mt_plugin_entry answers no table", path);
    if (ops->abi != MT_PLUGIN_ABI)
        return mti_fail(err, MT_UNSUPPORTED, "%s: it is made for abi %u of plugins, and this is %u",
                        path, (unsigned)ops->abi, MT_PLUGIN_ABI);
    if (ops->size < first)
        return mti_fail(err, MT_INVALID, "%s: its table has %u bytes, and must have %zu", path,
                        (unsigned)ops->size, first);
    memset(out, 0, sizeof *out);
    memcpy(out, ops, ops->size < sizeof *out ? ops->size : sizeof *out);
    if (!out->name || !*out->name)
        return mti_fail(err, MT_INVALID, "%s: its table has no name", path);
    if (kinds_of(out) == 0)
        return mti_fail(err, MT_INVALID, "%s: its table has no maker of anything", path);
    return MT_OK;
}

/* A symbol is no function to ISO C, only to POSIX. */
static const mt_plugin_ops *enter(void *symbol)
{
    const mt_plugin_ops *(*entry)(void);

    memcpy(&entry, &symbol, sizeof entry);
    return entry();
}

mt_status mt_plugin_load(const mt_mem *mem, const char *path, mt_plugin **out, mt_error *err)
{
    void *library = NULL, *symbol;
    mt_plugin_ops ops;
    mt_plugin *plugin;
    mt_status st = check_file(path, err);

    if (st == MT_OK) st = open_library(mem, path, &library, err);
    if (st != MT_OK) return st;
    if (!(symbol = dlsym(library, "mt_plugin_entry")))
        return mti_fail(err, MT_INVALID, "%s: it has no mt_plugin_entry, and is no plugin", path);
    if ((st = copy_table(enter(symbol), path, &ops, err)) != MT_OK) return st;
    plugin = mem->resize(mem->ctx, NULL, 0, sizeof *plugin);
    if (!plugin) return mti_no_memory(err);
    *plugin = (mt_plugin){mem, ops};
    *out = plugin;
    return MT_OK;
}

void mt_plugin_free(mt_plugin *plugin)
{
    if (plugin) plugin->mem->resize(plugin->mem->ctx, plugin, sizeof *plugin, 0);
}

const char *mt_plugin_name(const mt_plugin *plugin)
{
    return plugin->ops.name;
}

const char *mt_plugin_version(const mt_plugin *plugin)
{
    return plugin->ops.version ? plugin->ops.version : "";
}

unsigned mt_plugin_kinds(const mt_plugin *plugin)
{
    return kinds_of(&plugin->ops);
}

/* ---- Making ---- */

static mt_status lacks(const mt_plugin *plugin, const char *what, mt_error *err)
{
    return mti_fail(err, MT_UNSUPPORTED, "%s: this plugin makes no %s", plugin->ops.name, what);
}

/* What a maker came to: `why` is what it said. */
static mt_status failed(const mt_plugin *plugin, mt_status st, const mt_error *why, mt_error *err)
{
    return mti_fail(err, st, "%s: %s", plugin->ops.name,
                    why->text[0] ? why->text : mt_status_text(st));
}

/* Looks at the first words of the table of what was made, which are the same in all. */
static mt_status check_made(const mt_plugin *plugin, const void *ops, uint32_t abi,
                            const char *what, mt_error *err)
{
    uint32_t made_for;

    if (!ops) return mti_fail(err, MT_INVALID, "%s: what it made is no %s", plugin->ops.name, what);
    memcpy(&made_for, ops, sizeof made_for);
    if (made_for == abi) return MT_OK;
    return mti_fail(err, MT_UNSUPPORTED, "%s: its %s is made for abi %u, and this is %u",
                    plugin->ops.name, what, (unsigned)made_for, (unsigned)abi);
}

mt_status mt_plugin_kv(const mt_plugin *plugin, const mt_plugin_args *args, mt_kv *out,
                       mt_error *err)
{
    mt_error why = {MT_OK, ""};
    mt_kv made = {NULL, NULL};
    mt_status st;

    if (!plugin->ops.kv) return lacks(plugin, "key-value engine", err);
    if ((st = plugin->ops.kv(args, &made, &why)) != MT_OK) return failed(plugin, st, &why, err);
    st = check_made(plugin, made.ops, MT_KV_ABI, "key-value engine", err);
    if (st == MT_OK) *out = made;
    return st;
}

static mt_status store_over_kv(const mt_plugin *plugin, const mt_plugin_args *args, mt_storage *out,
                               mt_error *err)
{
    mt_error why = {MT_OK, ""};
    mt_kv kv = {NULL, NULL};
    mt_status st = mt_plugin_kv(plugin, args, &kv, err);

    if (st != MT_OK) return st;
    if ((st = mt_node_store_new(args->env, kv, NULL, out, &why)) == MT_OK) return MT_OK;
    mt_kv_close(&kv);
    return failed(plugin, st, &why, err);
}

mt_status mt_plugin_storage(const mt_plugin *plugin, const mt_plugin_args *args, mt_storage *out,
                            mt_error *err)
{
    mt_error why = {MT_OK, ""};
    mt_storage made = {NULL, NULL};
    mt_status st;

    if (!plugin->ops.storage && plugin->ops.kv) return store_over_kv(plugin, args, out, err);
    if (!plugin->ops.storage) return lacks(plugin, "storage", err);
    if ((st = plugin->ops.storage(args, &made, &why)) != MT_OK)
        return failed(plugin, st, &why, err);
    st = check_made(plugin, made.ops, MT_STORAGE_ABI, "storage", err);
    if (st == MT_OK) *out = made;
    return st;
}

mt_status mt_plugin_connection(const mt_plugin *plugin, const mt_plugin_args *args,
                               mt_connection **out, mt_error *err)
{
    mt_error why = {MT_OK, ""};
    mt_connection *made = NULL;
    mt_status st;

    if (!plugin->ops.connection) return lacks(plugin, "connection", err);
    if ((st = plugin->ops.connection(args, &made, &why)) != MT_OK)
        return failed(plugin, st, &why, err);
    if (!made)
        return mti_fail(err, MT_INVALID, "%s: what it made is no connection", plugin->ops.name);
    *out = made;
    return MT_OK;
}

mt_status mt_plugin_router(const mt_plugin *plugin, const mt_plugin_args *args, mt_router *out,
                           mt_error *err)
{
    mt_error why = {MT_OK, ""};
    mt_router made = {NULL, NULL};
    mt_status st;

    if (!plugin->ops.router) return lacks(plugin, "router", err);
    if ((st = plugin->ops.router(args, &made, &why)) != MT_OK) return failed(plugin, st, &why, err);
    st = check_made(plugin, made.ops, MT_ROUTER_ABI, "router", err);
    if (st == MT_OK) *out = made;
    return st;
}

mt_status mt_plugin_engine(const mt_plugin *plugin, const mt_plugin_args *args,
                           mt_query_engine *out, mt_error *err)
{
    mt_error why = {MT_OK, ""};
    mt_query_engine made = {NULL, NULL, NULL};
    mt_status st;

    if (!plugin->ops.engine) return lacks(plugin, "query engine", err);
    if ((st = plugin->ops.engine(args, &made, &why)) != MT_OK) return failed(plugin, st, &why, err);
    if (!made.name || !*made.name || !made.execute)
        return mti_fail(err, MT_INVALID, "%s: what it made is no query engine", plugin->ops.name);
    *out = made;
    return MT_OK;
}

void mt_plugin_engine_close(const mt_plugin *plugin, mt_query_engine *engine)
{
    if (engine->execute && plugin->ops.engine_close) plugin->ops.engine_close(engine);
    *engine = (mt_query_engine){NULL, NULL, NULL};
}
