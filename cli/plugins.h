/* plugins.h - the plugins that the command was told of, FILE or FILE:OPTIONS each: by --plugin, MYTOSIS_PLUGIN or, for a daemon,
 * its file of settings.
 *
 * They are loaded once, before the store is opened, and are there until the program ends. */
#ifndef CLI_PLUGINS_H
#define CLI_PLUGINS_H

#include "options.h"
#include "storage.h"

#include <mytosis/plugin/load.h>

typedef struct cli_plugin {
    char *named;         /* as it was named, which is its file and its options */
    const char *options; /* behind the colon; NULL: there is none */
    mt_plugin *plugin;
} cli_plugin;

/* Loads one; `named` is COPIED. Anything but EXIT_DONE has been reported: it cannot be loaded, or makes what another makes, too. */
cli_exit_code cli_plugins_add(const char *named);

/* Loads those of the options, or else those of the environment; twice is once. */
cli_exit_code cli_plugins_load(const cli_options *options);

/* Those that make something of these kinds (MT_PLUGIN_...), by number; NULL past the last. */
const cli_plugin *cli_plugins_at(unsigned kinds, size_t i);

/* The storage of the one that makes one. MT_UNSUPPORTED, too: it lacks what the command asks for. */
mt_status cli_plugins_storage(const mt_env *env, const char *path, cli_access access,
                              mt_storage *out, mt_error *err);

/* What a maker of it is given. */
mt_plugin_args cli_plugin_args(const cli_plugin *plugin, const mt_env *env);

/* The verb that runs a query engine: query.c. */
extern const cli_command cli_verb_query;

#endif
