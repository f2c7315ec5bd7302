/* The sandbox of a daemon: what it still needs, by its settings. */
#include "plugins.h"
#include "serve.h"

#include <netdb.h>

/* Names are looked up once before: the modules for that are loaded then, and need not be later. */
static void load_names(void)
{
    struct addrinfo *found = NULL;

    if (getaddrinfo("localhost", NULL, NULL, &found) == 0) freeaddrinfo(found);
}

static void allow_list(cli_sandbox *sandbox, const cli_config *config, cli_setting setting,
                       bool listens)
{
    for (size_t i = 0; i < config->settings[setting].count; i++)
        cli_sandbox_url(sandbox, config->settings[setting].items[i].text, listens);
}

static void allow_file(cli_sandbox *sandbox, const cli_config *config, cli_setting setting)
{
    const char *path = cli_config_get(config, setting);

    if (path) cli_sandbox_path(sandbox, path, false);
}

void cli_serve_sandbox(const cli_config *config, const cli_space_file *space, cli_sandbox *out)
{
    *out = (cli_sandbox){.path_count = 0};
    cli_sandbox_system(out);
    cli_sandbox_folder_of(out, cli_config_get(config, SETTING_STORE));
    allow_file(out, config, SETTING_CERT);
    allow_file(out, config, SETTING_KEY);
    allow_file(out, config, SETTING_CA);
    allow_list(out, config, SETTING_LISTEN, true);
    allow_list(out, config, SETTING_CONNECT, false);
    for (size_t i = 0; i < space->listen_count; i++) cli_sandbox_url(out, space->listens[i], true);
    for (size_t i = 0; i < space->peer_count; i++) cli_sandbox_url(out, space->peers[i].url, false);
    /* A daemon meets any peer that mytosis sync names, unless it was told to be strict; where plugins connect to nobody knows. */
    out->any_connection = config->sandbox != SANDBOX_REQUIRED ||
                          cli_plugins_at(MT_PLUGIN_CONNECTION | MT_PLUGIN_STORAGE, 0);
}

void cli_serve_sandbox_tell(cli_serving *s)
{
    const cli_sandbox_result *r = &s->sandbox;
    bool lacks = r->lacking[0] != '\0';

    if (s->config.sandbox == SANDBOX_NONE) return;
    if (!cli_log_begin(&s->log, lacks ? LOG_WARNING : LOG_DEBUG, "sandbox")) return;
    cli_log_text(&s->log, "files", mt_str(r->has_files ? "landlock" : "open"));
    cli_log_text(&s->log, "calls", mt_str(r->has_calls ? "seccomp" : "open"));
    cli_log_text(&s->log, "listening", mt_str(r->has_ports ? "landlock" : "open"));
    cli_log_text(&s->log, "connecting",
                 mt_str(r->has_ports && !r->any_connection ? "landlock" : "open"));
    if (lacks) cli_log_text(&s->log, "lacking", mt_str(r->lacking));
    cli_log_end(&s->log);
}

mt_status cli_serve_sandbox_enter(cli_serving *s, mt_error *err)
{
    cli_sandbox sandbox;
    mt_status st;

    if (s->config.sandbox == SANDBOX_NONE) return MT_OK;
    load_names();
    cli_serve_sandbox(&s->config, &s->space_file, &sandbox);
    st = cli_sandbox_enter(&sandbox, s->config.sandbox == SANDBOX_REQUIRED, &s->sandbox, err);
    cli_sandbox_free(&sandbox);
    return st;
}
