/* The peers of a daemon: where it listens, whom it dials, and the router that
 * keeps them equal. */
#include "serve.h"

#include "plugins.h"
#include "tls.h"

#include <mytosis/plugin/sync.h>

#include <stdio.h>
#include <string.h>

/* When it is told which of those that are dialed are not there. */
#define FIRST_LOOK_MS 1000

/* ---- What becomes of them ---- */

const mt_error *cli_dialed_error(const mt_connection *connection)
{
    const mt_connection *link = mt_secure_link(connection);
    const mt_error *dialing = mt_dial_error(link ? link : connection);
    const mt_error *secured = mt_secure_error(connection);

    if (dialing && dialing->status != MT_OK) return dialing;
    return secured && secured->status != MT_OK ? secured : NULL;
}

/* In a space a link that comes is only a link: who it is, or that nobody was let in, is told when that is known. */
static void on_peer(void *ctx, const void *event)
{
    const mt_group_event *e = event;
    const mt_error *why = mt_secure_error(e->connection);
    bool has_come = e->kind == MT_GROUP_ADDED;
    cli_serving *s = ctx;

    if (!has_come && why && why->status != MT_OK && !mt_connection_device(e->connection)) {
        cli_serve_refused(s, e->connection, why->text);
        return;
    }
    cli_log_line(&s->log, has_come && why ? LOG_DEBUG : LOG_INFO, has_come ? "peer" : "peer-gone",
                 "id", mt_connection_id(e->connection));
}

static void on_status(void *ctx, mt_db *db)
{
    (void)db;
    cli_serve_peers_tell(ctx);
    cli_met_look(&((cli_serving *)ctx)->met);
}

/* Those that were never there change no state: they are told of once. */
static void look_first(void *ctx)
{
    cli_serving *s = ctx;

    for (size_t i = 0; i < s->dialed_count; i++) {
        const mt_error *why = cli_dialed_error(s->dialed[i]);

        if (!mt_connection_offline(s->dialed[i]) || !why) continue;
        if (!cli_log_begin(&s->log, LOG_WARNING, "unreachable")) continue;
        cli_log_text(&s->log, "id", mt_connection_id(s->dialed[i]));
        cli_log_text(&s->log, "error", mt_str(why->text));
        cli_log_end(&s->log);
    }
}

/* ---- Beginning ---- */

/* A prefix is a range both ways if it is in both lists; "*" is everything. */
static void add_prefix(mt_sync_range *ranges, size_t *count, const char *text, bool pull)
{
    mt_bytes prefix = mt_str(strcmp(text, "*") == 0 ? "" : text);
    size_t i = 0;

    while (i < *count && !mt_bytes_equal(ranges[i].prefix, prefix)) i++;
    if (i == *count)
        ranges[(*count)++] =
            (mt_sync_range){.prefix = prefix, .pull_none = true, .push_none = true};
    if (pull) ranges[i].pull_none = false;
    else ranges[i].push_none = false;
}

/* What is pulled and pushed: what the settings say, or, if they say nothing, everything. */
static size_t fill_ranges(const cli_config *config, mt_sync_range *ranges)
{
    size_t count = 0;

    for (size_t i = 0; i < config->settings[SETTING_PULL].count; i++)
        add_prefix(ranges, &count, config->settings[SETTING_PULL].items[i].text, true);
    for (size_t i = 0; i < config->settings[SETTING_PUSH].count; i++)
        add_prefix(ranges, &count, config->settings[SETTING_PUSH].items[i].text, false);
    return count;
}

/* A router of a plugin knows of no rights, and its connections of no devices. */
static mt_status refuse_in_space(const cli_plugin *plugin, const char *what, mt_error *err)
{
    err->status = MT_REFUSED;
    (void)snprintf(err->text, sizeof err->text,
                   "plugin %.200s: a store that is in a space takes no %s of a plugin",
                   plugin->named, what);
    return err->status;
}

static mt_status make_router(cli_serving *s, const cli_plugin *plugin, mt_router *router,
                             mt_error *err)
{
    mt_plugin_args args = cli_plugin_args(plugin, s->env);

    if (s->member) return refuse_in_space(plugin, "router", err);
    return mt_plugin_router(plugin->plugin, &args, router, err);
}

mt_status cli_serve_peers_new(cli_serving *s, mt_router *router, mt_error *err)
{
    mt_sync_range ranges[2 * OPTION_LISTED_MAX + 1];
    mt_sync_options options = {
        .size = sizeof options, .ranges = ranges, .compressor = mt_compressor_zstd()};
    const cli_plugin *maker = cli_plugins_at(MT_PLUGIN_ROUTER, 0);
    mt_status st = mt_group_new(s->env->mem, &s->peers);

    if (st != MT_OK) {
        *err = (mt_error){st, "out of memory"};
        return st;
    }
    if (maker) return make_router(s, maker, router, err);
    options.range_count = fill_ranges(&s->config, ranges);
    if (s->member) {
        /* What the space says of itself is wanted whatever else is. */
        if (options.range_count > 0)
            ranges[options.range_count++] = (mt_sync_range){.prefix = mt_str("@space/")};
        options.rights = mt_space_rights;
        options.rights_ctx = s->member->space;
    }
    return mt_router_sync(s->env, &options, router, err);
}

/* The texts of a setting, which are BORROWED; answers how many there are. */
static size_t list(const cli_config *config, cli_setting setting, mt_bytes out[OPTION_LISTED_MAX])
{
    size_t count = config->settings[setting].count;

    for (size_t i = 0; i < count; i++) out[i] = mt_str(config->settings[setting].items[i].text);
    return count;
}

static mt_status listen_at(cli_serving *s, const char *url, mt_error *err)
{
    mt_bytes origins[OPTION_LISTED_MAX], hosts[OPTION_LISTED_MAX];
    mt_server_options options = {.size = sizeof options,
                                 .http = cli_serve_http,
                                 .http_ctx = s,
                                 .origins = origins,
                                 .hosts = hosts};
    bool is_tls = cli_tls_is_url(url);
    mt_server **listener = &s->listeners[s->listener_count];
    mt_secure_server **secured = &s->secured[s->listener_count];
    mt_group *links;
    mt_status st;

    options.origin_count = list(&s->config, SETTING_ORIGIN, origins);
    options.host_count = list(&s->config, SETTING_HOST, hosts);
    options.anywhere = s->member != NULL;
    options.cert_file = is_tls ? cli_config_get(&s->config, SETTING_CERT) : NULL;
    options.key_file = is_tls ? cli_config_get(&s->config, SETTING_KEY) : NULL;
    st = mt_server_new(s->env, url, &options, listener, err);
    if (st != MT_OK) return st;
    s->listener_count++;
    links = mt_server_group(*listener);
    if (s->member) {
        if ((st = mt_secure_serve(s->member->secure, links, secured, err)) != MT_OK) return st;
        links = mt_secure_server_group(*secured);
    }
    st = mt_group_follow(s->peers, links);
    if (st != MT_OK) *err = *mt_group_error(s->peers);
    else cli_log_line(&s->log, LOG_INFO, "listening", "url", mt_str(mt_server_url(*listener)));
    return st;
}

static mt_status dial(cli_serving *s, const char *url, const uint8_t *device, mt_error *err)
{
    mt_connection **connection = &s->dialed[s->dialed_count];
    mt_dial_options options = {.size = sizeof options};
    mt_status st;

    options.ca_file = cli_tls_is_url(url) ? cli_config_get(&s->config, SETTING_CA) : NULL;
    st = cli_member_reach(s->member, s->env, url, device, &options, connection, err);
    if (st != MT_OK) return st;
    s->dialed_count++;
    st = mt_group_add(s->peers, *connection);
    if (st != MT_OK) *err = *mt_group_error(s->peers);
    else cli_log_line(&s->log, LOG_INFO, "connecting", "url", mt_str(url));
    return st;
}

/* A peer that is named, perhaps with its device. */
static mt_status dial_named(cli_serving *s, const char *named, mt_error *err)
{
    cli_peer_name name;
    mt_status st = cli_peer_name_read(named, &s->space_file, &name, err);

    return st == MT_OK ? dial(s, name.url, name.has_device ? name.device : NULL, err) : st;
}

static mt_status connect_plugins(cli_serving *s, mt_error *err)
{
    const cli_plugin *plugin;
    mt_status st = MT_OK;

    for (size_t i = 0; st == MT_OK && (plugin = cli_plugins_at(MT_PLUGIN_CONNECTION, i)); i++) {
        mt_plugin_args args = cli_plugin_args(plugin, s->env);
        mt_connection **connection = &s->dialed[s->dialed_count];

        if (s->member) return refuse_in_space(plugin, "connection", err);
        st = mt_plugin_connection(plugin->plugin, &args, connection, err);
        if (st != MT_OK) return st;
        s->dialed_count++;
        if ((st = mt_group_add(s->peers, *connection)) != MT_OK) *err = *mt_group_error(s->peers);
        else
            cli_log_line(&s->log, LOG_INFO, "connecting", "plugin",
                         mt_str(mt_plugin_name(plugin->plugin)));
    }
    return st;
}

static bool is_dialed(const cli_serving *s, const char *url)
{
    size_t i = 0;

    while (i < s->dialed_count && !mt_bytes_equal(mt_connection_id(s->dialed[i]), mt_str(url))) i++;
    return i < s->dialed_count;
}

/* Those that are known from before; one that cannot be dialed any more is left. */
static void dial_known(cli_serving *s)
{
    mt_error ignored;

    for (size_t i = 0; s->member && i < s->space_file.peer_count; i++) {
        const cli_space_peer *peer = &s->space_file.peers[i];

        if (!is_dialed(s, peer->url)) (void)dial(s, peer->url, peer->device, &ignored);
    }
}

/* Listens where the settings say, or else where a space was shared from. */
static mt_status listen_all(cli_serving *s, mt_error *err)
{
    const cli_config *config = &s->config;
    size_t set = config->settings[SETTING_LISTEN].count;
    mt_status st = MT_OK;

    for (size_t i = 0; i < set && st == MT_OK; i++)
        st = listen_at(s, config->settings[SETTING_LISTEN].items[i].text, err);
    for (size_t i = 0; set == 0 && i < s->space_file.listen_count && st == MT_OK; i++)
        st = listen_at(s, s->space_file.listens[i], err);
    return st;
}

mt_status cli_serve_peers_begin(cli_serving *s, mt_error *err)
{
    mt_subscriber subscriber = {.on_event = on_peer, .ctx = s};
    const cli_config *config = &s->config;
    mt_status st =
        mt_event_stream_subscribe(mt_group_events(s->peers), &subscriber, &s->peer_events);

    if (st != MT_OK) *err = (mt_error){st, "out of memory"};
    /* Without a router there is nothing to tell. */
    (void)!mt_db_on_status(s->db, on_status, s);
    cli_met_begin(&s->met, s->db);
    if (st == MT_OK) st = listen_all(s, err);
    for (size_t i = 0; i < config->settings[SETTING_CONNECT].count && st == MT_OK; i++)
        st = dial_named(s, config->settings[SETTING_CONNECT].items[i].text, err);
    if (st == MT_OK) st = connect_plugins(s, err);
    if (st == MT_OK) dial_known(s);
    s->first_look = (mt_timer){.fire = look_first, .arg = s};
    if (st == MT_OK && s->dialed_count > 0)
        s->env->timer_set(s->env->ctx, &s->first_look, FIRST_LOOK_MS);
    return st;
}

void cli_serve_peers_end(cli_serving *s)
{
    if (s->first_look.fire) s->env->timer_stop(s->env->ctx, &s->first_look);
    mt_subscription_dispose(s->peer_events);
    for (size_t i = 0; i < s->listener_count; i++) {
        mt_secure_server_free(s->secured[i]);
        mt_server_close(s->listeners[i]);
    }
    for (size_t i = 0; i < s->dialed_count; i++) {
        mt_connection_close(s->dialed[i]);
        mt_connection_unref(s->dialed[i]);
    }
    mt_group_unref(s->peers);
}
