#include "plugins.h"

#include "message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of these one is all that there can be. */
#define KINDS_OF_STORES (MT_PLUGIN_KV | MT_PLUGIN_STORAGE)

static cli_plugin plugins[OPTION_LISTED_MAX];
static size_t plugin_count;

const cli_plugin *cli_plugins_at(unsigned kinds, size_t i)
{
    for (size_t at = 0; at < plugin_count; at++)
        if ((mt_plugin_kinds(plugins[at].plugin) & kinds) && i-- == 0) return &plugins[at];
    return NULL;
}

/* ---- Loading ---- */

static cli_exit_code check_single(const cli_plugin *added, unsigned kinds, const char *what)
{
    const cli_plugin *before = cli_plugins_at(kinds, 0);

    if (!before || !(mt_plugin_kinds(added->plugin) & kinds)) return EXIT_DONE;
    return cli_complain(EXIT_USAGE, "plugin %s: it makes %s, and so does %s", added->named, what,
                        before->named);
}

cli_exit_code cli_plugins_add(const char *named)
{
    cli_plugin *added = &plugins[plugin_count];
    const char *colon;
    mt_error err = {MT_NO_MEMORY, "out of memory"};
    cli_exit_code code;
    mt_status st;
    char *file;

    if (plugin_count == OPTION_LISTED_MAX)
        return cli_complain(EXIT_USAGE, "more than %d plugins are named", OPTION_LISTED_MAX);
    *added = (cli_plugin){.named = strdup(named)};
    file = strndup(named, strcspn(named, ":"));
    st = MT_NO_MEMORY;
    if (file && added->named) st = mt_plugin_load(mt_mem_system(), file, &added->plugin, &err);
    free(file);
    if (st != MT_OK) {
        free(added->named);
        return cli_complain(cli_exit_of(st), "plugin %s", err.text);
    }
    colon = strchr(added->named, ':');
    added->options = colon ? colon + 1 : NULL;
    code = check_single(added, KINDS_OF_STORES, "a storage");
    if (code == EXIT_DONE) code = check_single(added, MT_PLUGIN_ROUTER, "a router");
    if (code == EXIT_DONE) {
        plugin_count++;
    } else {
        mt_plugin_free(added->plugin);
        free(added->named);
    }
    return code;
}

cli_exit_code cli_plugins_load(const cli_options *options)
{
    const char *value = getenv("MYTOSIS_PLUGIN");
    cli_exit_code code = EXIT_DONE;
    char *copy, *rest, *word;

    if (plugin_count > 0) return EXIT_DONE;
    for (size_t i = 0; i < options->listed_count && code == EXIT_DONE; i++)
        if (options->listed[i].id == OPTION_PLUGIN)
            code = cli_plugins_add(options->listed[i].value);
    if (cli_options_has(options, OPTION_PLUGIN) || !value) return code;
    if (!(copy = strdup(value))) return cli_complain(EXIT_SYSTEM, "out of memory");
    word = strtok_r(copy, " \t\n", &rest);
    for (; word && code == EXIT_DONE; word = strtok_r(NULL, " \t\n", &rest))
        code = cli_plugins_add(word);
    free(copy);
    return code;
}

/* ---- What they make ---- */

mt_plugin_args cli_plugin_args(const cli_plugin *plugin, const mt_env *env)
{
    return (mt_plugin_args){.size = sizeof(mt_plugin_args), .env = env, .options = plugin->options};
}

/* Commands ask a storage for more than a database does. */
static bool is_complete(const mt_storage_ops *ops)
{
    return ops->size >= sizeof *ops && ops->open && ops->read && ops->write && ops->remove &&
           ops->close && ops->list && ops->changes && ops->records;
}

mt_status cli_plugins_storage(const mt_env *env, const char *path, cli_access access,
                              mt_storage *out, mt_error *err)
{
    const cli_plugin *maker = cli_plugins_at(KINDS_OF_STORES, 0);
    mt_plugin_args args = cli_plugin_args(maker, env);
    mt_status st;

    args.path = path;
    args.read_only = access == ACCESS_READ || access == ACCESS_CHECK;
    args.must_exist = access != ACCESS_MAKE && access != ACCESS_SCRATCH;
    if ((st = mt_plugin_storage(maker->plugin, &args, out, err)) != MT_OK) return st;
    if (is_complete(out->ops)) return MT_OK;
    mt_storage_close(out);
    *err = (mt_error){MT_UNSUPPORTED, ""};
    (void)snprintf(err->text, sizeof err->text,
                   "%.100s: the command needs a storage with list, changes and records, too",
                   mt_plugin_name(maker->plugin));
    return err->status;
}
