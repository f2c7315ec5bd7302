/* config.h - how a daemon is to run: the command line over the environment over a file.
 *
 *     # notes.conf
 *     store  = /var/lib/mytosis/notes.mdb
 *     listen = ws://127.0.0.1:7118
 *     listen = tcp://127.0.0.1:7117
 *
 * Each setting comes from the first of them that says anything of it, lists as a whole. */
#ifndef CLI_CONFIG_H
#define CLI_CONFIG_H

#include "options.h"
#include "output.h"

typedef enum cli_setting {
    SETTING_STORE,
    SETTING_LISTEN,  /* a list */
    SETTING_CONNECT, /* a list */
    SETTING_PULL,    /* a list */
    SETTING_PUSH,    /* a list */
    SETTING_ORIGIN,  /* a list */
    SETTING_HOST,    /* a list */
    SETTING_CERT,
    SETTING_KEY,
    SETTING_CA,
    SETTING_PLUGIN, /* a list */
    SETTING_SANDBOX,
    SETTING_LOG_LEVEL,
    SETTING_LOG_FORMAT,
    SETTING_COUNT
} cli_setting;

typedef enum cli_sandbox_mode {
    SANDBOX_WANTED,   /* as far as it can be had */
    SANDBOX_REQUIRED, /* all of it, and strictly */
    SANDBOX_NONE
} cli_sandbox_mode;

typedef struct cli_config_value {
    char *text;
    char *from; /* "--listen", "MYTOSIS_LISTEN", "notes.conf:3", "default" */
} cli_config_value;

typedef struct cli_config {
    struct {
        cli_config_value *items;
        size_t count;
    } settings[SETTING_COUNT];
    cli_sandbox_mode sandbox; /* as its setting says */
    bool draws, colors;       /* no settings: of share, its ticket is drawn, and with colours */
} cli_config;

/* Puts it together, OWNED: cli_config_free. Anything but EXIT_DONE has been reported, and leaves nothing to free. */
cli_exit_code cli_config_load(const cli_options *options, cli_config *out);
void cli_config_free(cli_config *config);

/* Loads the plugins. Anything but EXIT_DONE has been reported, with where they are named. */
cli_exit_code cli_config_plugins(const cli_config *config);

/* What a setting that is no list is; NULL: nothing. BORROWED. */
const char *cli_config_get(const cli_config *config, cli_setting setting);

/* Prints all of it, and where it came from. */
void cli_config_print(const cli_config *config, bool json, cli_output *out);

#endif
