/* serve: the daemon. */
#include "serve.h"

#include "clock.h"
#include "daemon.h"
#include "message.h"
#include "notify.h"
#include "plugins.h"
#include "qr.h"
#include "report.h"
#include "store.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

/* How long commands have to take their last answers. */
#define PATIENCE_MS 2000

/* After so long without anything new it is stored how far we came with a peer. */
#define STORED_MS 400

/* How often, and after how long, a store is tried again that is held. */
#define BUSY_TRIES 100
#define BUSY_PAUSE_MS 20

/* Links that strangers hold take a thousand and more descriptors, and often no more than 1,024 are to be had unless one asks. */
#define DESCRIPTORS 65536

/* ---- Ending ---- */

static void done(void *ctx)
{
    *(bool *)ctx = true;
}

static void turn_until(const cli_serving *s, const bool *truth)
{
    while (!*truth && s->env->turn(s->env->ctx) == MT_OK) {
    }
}

static void on_patience(uv_timer_t *timer)
{
    *(bool *)timer->data = true;
}

/* Waits until all links are closed, and frees the loop; but not for ever for a peer that takes nothing, which loses no more than
 * what it did not take. */
static void end_loop(cli_serving *s)
{
    bool impatient = false;
    uv_timer_t timer;

    (void)uv_timer_init(mt_loop_uv(s->loop), &timer);
    timer.data = &impatient;
    uv_update_time(mt_loop_uv(s->loop));
    (void)uv_timer_start(&timer, on_patience, PATIENCE_MS, 0);
    uv_unref((uv_handle_t *)&timer);
    turn_until(s, &impatient);
    if (impatient) return;
    uv_close((uv_handle_t *)&timer, NULL);
    cli_serve_space_end(s);
    cli_storage_loop_free(s->loop);
}

/* How far we came with the peers is stored a moment after what they gave: without it that would come again the next time. */
static void store_positions(cli_serving *s)
{
    bool late = false;
    mt_timer timer = {.fire = done, .arg = &late};

    s->env->timer_set(s->env->ctx, &timer, STORED_MS);
    while (!late && !cli_serve_peers_stored(s) && s->env->turn(s->env->ctx) == MT_OK) {
    }
    s->env->timer_stop(s->env->ctx, &timer);
}

/* In this order nothing that was acknowledged is lost: commands and peers hear of no write that is not durable. */
static void stop(cli_serving *s)
{
    bool stopped = false, closed = false;

    s->stopping = true;
    mt_subscription_dispose(s->comers);
    if (s->admin) {
        cli_admin_stop(s->admin, PATIENCE_MS, done, &stopped);
        turn_until(s, &stopped);
        cli_admin_free(s->admin);
        s->admin = NULL; /* metrics are asked for until the end */
    }
    mt_server_close(s->socket);
    if (s->db) {
        store_positions(s);
        cli_met_end(&s->met);
        if (s->member) s->member->db = NULL;
        mt_db_close(s->db, done, &closed);
        turn_until(s, &closed);
    }
    cli_serve_peers_end(s);
    cli_member_close(s->member);
    end_loop(s);
    cli_log_free(&s->log);
    cli_config_free(&s->config);
}

/* ---- The socket of the commands ---- */

/* As soon as the store is held, so that commands wait for what is to come. */
static mt_status open_socket(cli_serving *s, mt_error *err)
{
    mt_server_options options = {
        .size = sizeof options, .ping_ms = DAEMON_SILENCE_MS, .silence_ms = 2 * DAEMON_SILENCE_MS};
    char *url = cli_daemon_url(s->path);
    mt_status st = MT_NO_MEMORY;

    if (url) st = mt_server_new(s->env, url, &options, &s->socket, err);
    else *err = (mt_error){st, "out of memory"};
    free(url);
    return st;
}

static void take(cli_serving *s, mt_connection *comer)
{
    mt_status st = cli_admin_take(s->admin, comer);

    if (st != MT_OK) mt_connection_close(comer);
    if (!cli_log_begin(&s->log, st == MT_OK ? LOG_DEBUG : LOG_WARNING, "command")) return;
    cli_log_text(&s->log, "id", mt_connection_id(comer));
    if (st != MT_OK) cli_log_text(&s->log, "refused", mt_str(mt_status_text(st)));
    cli_log_end(&s->log);
}

static void on_comer(void *ctx, const void *event)
{
    const mt_group_event *e = event;

    if (e->kind == MT_GROUP_ADDED) take(ctx, e->connection);
}

static mt_status share(void *ctx, const cli_invitation *invitation, cli_text *line, mt_error *err)
{
    return cli_serve_share(ctx, invitation, line, err);
}

/* Serves the commands that have come, and those that will. */
static mt_status serve_commands(cli_serving *s, mt_error *err)
{
    cli_admin_options options = {.env = s->env,
                                 .db = s->db,
                                 .storage = s->storage,
                                 .peers = s->peers,
                                 .ca = cli_config_get(&s->config, SETTING_CA),
                                 .member = s->member,
                                 .share = share,
                                 .print = cli_serve_print,
                                 .ctx = s};
    mt_subscriber subscriber = {.on_event = on_comer, .ctx = s};
    mt_group *group = mt_server_group(s->socket);
    mt_status st = cli_admin_new(&options, &s->admin);

    if (st == MT_OK)
        st = mt_event_stream_subscribe(mt_group_events(group), &subscriber, &s->comers);
    if (st != MT_OK) {
        *err = (mt_error){st, "out of memory"};
        return st;
    }
    for (size_t i = 0; i < mt_group_count(group); i++) take(s, mt_group_at(group, i));
    return MT_OK;
}

/* ---- The database ---- */

/* Commands that read the store do so for a moment: they are waited for, unless another daemon holds it. */
static mt_status hold_store(cli_serving *s, mt_storage *out, mt_error *err)
{
    const struct timespec pause = {.tv_nsec = BUSY_PAUSE_MS * 1000000};
    mt_status st = cli_storage_at(s->env, s->path, ACCESS_ALONE, out, err);
    mt_storage other;

    if (st == MT_BUSY && cli_daemon_storage(s->env, s->path, &other) == MT_OK) {
        mt_storage_close(&other);
        return st;
    }
    for (size_t i = 0; i < BUSY_TRIES && st == MT_BUSY; i++) {
        (void)nanosleep(&pause, NULL);
        st = cli_storage_at(s->env, s->path, ACCESS_ALONE, out, err);
    }
    return st;
}

/* The storage at the path, shared. */
static mt_status open_storage(cli_serving *s, mt_storage *out, mt_error *err)
{
    mt_storage inner;
    mt_status st = hold_store(s, &inner, err);

    if (st != MT_OK) return st;
    if ((st = cli_shared_storage_new(inner, out, &s->storage)) == MT_OK) return MT_OK;
    mt_storage_close(&inner);
    *err = (mt_error){st, "out of memory"};
    return st;
}

static void tell_plugins(cli_serving *s)
{
    const cli_plugin *p;

    for (size_t i = 0; (p = cli_plugins_at(~0u, i)); i++) {
        if (!cli_log_begin(&s->log, LOG_INFO, "plugin")) continue;
        cli_log_text(&s->log, "name", mt_str(mt_plugin_name(p->plugin)));
        cli_log_text(&s->log, "version", mt_str(mt_plugin_version(p->plugin)));
        cli_log_text(&s->log, "from", mt_str(p->named));
        cli_log_end(&s->log);
    }
}

static mt_status open_db(cli_serving *s, mt_error *err)
{
    mt_storage storage = {NULL, NULL};
    mt_router router = {NULL, NULL};
    mt_config config = {.size = sizeof config, .name = s->path, .env = s->env, .storage = &storage};
    mt_status st = open_storage(s, &storage, err);

    if (st != MT_OK) return st;
    st = open_socket(s, err);
    if (st == MT_OK) st = cli_serve_space_begin(s, err);
    if (st == MT_OK) st = cli_serve_peers_new(s, &router, err);
    if (st != MT_OK) {
        mt_storage_close(&storage);
        return st;
    }
    config.router = router.ops ? &router : NULL;
    config.group = s->peers;
    cli_member_equip(s->member, &config, NULL);
    st = cli_store_open_db(&config, &s->db, err);
    return st == MT_OK ? cli_serve_space_follow(s, err) : st;
}

/* ---- Running ---- */

typedef struct signals {
    cli_serving *serving;
    uv_signal_t handles[2];
    int came;
} signals;

static void on_signal(uv_signal_t *handle, int number)
{
    signals *all = handle->data;

    if (all->came) return;
    all->came = number;
    mt_loop_stop(all->serving->loop);
}

/* SIGHUP is for daemons that have files of logs: there is nothing to do. */
static bool signals_watch(signals *all)
{
    static const int numbers[] = {SIGTERM, SIGINT};
    bool watched = true;

    (void)signal(SIGHUP, SIG_IGN);
    for (size_t i = 0; i < 2; i++) {
        uv_signal_t *handle = &all->handles[i];

        (void)uv_signal_init(mt_loop_uv(all->serving->loop), handle);
        handle->data = all;
        watched &= uv_signal_start(handle, on_signal, numbers[i]) == 0;
    }
    return watched;
}

static void signals_end(signals *all)
{
    for (size_t i = 0; i < 2; i++) uv_close((uv_handle_t *)&all->handles[i], NULL);
}

/* What a service manager cannot be told harms nobody else. */
static void tell_manager(cli_serving *s, const char *state)
{
    mt_error err;

    if (cli_notify(state, &err) == MT_OK) return;
    if (!cli_log_begin(&s->log, LOG_WARNING, "not-notified")) return;
    cli_log_text(&s->log, "state", mt_str(state));
    cli_log_text(&s->log, "error", mt_str(err.text));
    cli_log_end(&s->log);
}

static void tell_started(cli_serving *s)
{
    if (!cli_log_begin(&s->log, LOG_INFO, "ready")) return;
    cli_log_text(&s->log, "store", mt_str(s->path));
    cli_log_number(&s->log, "pid", (uint64_t)getpid());
    cli_log_end(&s->log);
}

/* The line of a ticket is all that goes to standard output. */
static mt_status print_ticket(cli_serving *s, mt_error *err)
{
    cli_output out;
    mt_status st;
    size_t len;

    if (!s->share) return MT_OK;
    if (cli_serve_space_note(s) != EXIT_DONE) return MT_IO;
    if (isatty(STDERR_FILENO))
        (void)fputs("mytosis: on the other device: mytosis join, and this line\n", stderr);
    cli_output_standard(&out);
    out.color = s->config.colors;
    st = cli_serve_share(s, s->share, &out.text, err);
    len = out.text.buf.len;
    if (st == MT_OK) cli_text_str(&out.text, "\n");
    if (st == MT_OK && s->config.draws)
        st = cli_qr_add(&out, (mt_bytes){out.text.buf.data, len}, err);
    cli_output_flush(&out);
    mt_crypto_sodium()->wipe(NULL, out.text.buf.data, out.text.buf.cap);
    return cli_output_end(&out, EXIT_DONE) == EXIT_DONE ? st : MT_IO;
}

static void ask_for_descriptors(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= DESCRIPTORS) return;
    limit.rlim_cur = limit.rlim_max < DESCRIPTORS ? limit.rlim_max : DESCRIPTORS;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

/* From the first turn on signals end it in order. */
static cli_exit_code run(cli_serving *s)
{
    signals all = {.serving = s};
    mt_error err = {MT_OK, ""};
    cli_exit_code code = EXIT_DONE;
    bool watched = signals_watch(&all);
    mt_status st;

    tell_plugins(s);
    st = watched ? cli_serve_sandbox_enter(s, &err) : MT_IO;
    if (!watched) err = (mt_error){st, "signals cannot be watched"};
    if (st == MT_OK) st = open_db(s, &err);
    if (st == MT_OK) st = serve_commands(s, &err);
    if (st == MT_OK) st = cli_serve_peers_begin(s, &err);
    if (st == MT_OK) st = print_ticket(s, &err);
    if (st == MT_OK) {
        tell_manager(s, "READY=1");
        tell_started(s);
        cli_serve_sandbox_tell(s);
        (void)!mt_loop_run(s->loop);
        tell_manager(s, "STOPPING=1");
        cli_log_line(&s->log, LOG_INFO, "stopping", "signal",
                     mt_str(all.came == SIGINT ? "SIGINT" : "SIGTERM"));
    } else {
        code = cli_storage_complain(&err);
    }
    signals_end(&all);
    stop(s);
    return code;
}

static cli_exit_code check_config(const cli_options *options, cli_config *config)
{
    cli_output out;

    cli_report_output(options, &out);
    cli_config_print(config, cli_options_has(options, OPTION_JSON), &out);
    cli_config_free(config);
    return cli_output_end(&out, EXIT_DONE);
}

static cli_exit_code run_serve(const cli_options *options)
{
    cli_config config;
    cli_exit_code code;

    if (cli_options_has(options, OPTION_JSON) && !cli_options_has(options, OPTION_CHECK_CONFIG))
        return cli_complain_usage(options, "--json goes with --check-config, and there is none");
    if ((code = cli_config_load(options, &config)) != EXIT_DONE) return code;
    if (cli_options_has(options, OPTION_CHECK_CONFIG)) return check_config(options, &config);
    if ((code = cli_config_plugins(&config)) != EXIT_DONE) {
        cli_config_free(&config);
        return code;
    }
    return cli_serve_with(&config, NULL);
}

cli_exit_code cli_serve_with(cli_config *config, const cli_invitation *share)
{
    cli_serving s = {.config = *config, .share = share};
    cli_exit_code code;

    s.path = cli_config_get(&s.config, SETTING_STORE);
    if ((code = cli_serve_space_load(&s)) != EXIT_DONE) {
        cli_config_free(&s.config);
        return code;
    }
    cli_log_init(&s.log, cli_log_level_of(cli_config_get(&s.config, SETTING_LOG_LEVEL)),
                 *cli_config_get(&s.config, SETTING_LOG_FORMAT) == 'j');
    if (mt_loop_new(mt_mem_system(), &s.loop) != MT_OK) {
        cli_serve_space_end(&s);
        cli_config_free(&s.config);
        return cli_complain(EXIT_SYSTEM, "there is no event loop to be had");
    }
    ask_for_descriptors();
    s.env = mt_loop_env(s.loop);
    s.start_ms = cli_clock_ticks();
    return run(&s);
}

const cli_command cli_verb_serve = {
    .name = "serve",
    .path = "mytosis serve",
    .operands = "no operands",
    .option_bits = OPTION_BIT(OPTION_STORE) | OPTION_BIT(OPTION_LISTEN) |
                   OPTION_BIT(OPTION_CONNECT) | OPTION_BIT(OPTION_PULL) | OPTION_BIT(OPTION_PUSH) |
                   OPTION_BIT(OPTION_ORIGIN) | OPTION_BIT(OPTION_HOST) | OPTION_BIT(OPTION_CERT) |
                   OPTION_BIT(OPTION_KEY) | OPTION_BIT(OPTION_CA) | OPTION_BIT(OPTION_CONFIG) |
                   OPTION_BIT(OPTION_CHECK_CONFIG) | OPTION_BIT(OPTION_PLUGIN) |
                   OPTION_BIT(OPTION_REQUIRE_SANDBOX) | OPTION_BIT(OPTION_NO_SANDBOX) |
                   OPTION_BIT(OPTION_JSON) | OPTION_BIT(OPTION_LOG_LEVEL) |
                   OPTION_BIT(OPTION_LOG_FORMAT),
    .run = run_serve,
    .help = "Usage: mytosis serve [OPTION...]\n"
            "\n"
            "Holds the store and keeps it equal to those of peers, until SIGTERM or SIGINT.\n"
            "Options win over variables (MYTOSIS_LISTEN, ...) and the file; ... may repeat.\n"
            "\n"
            "      --store PATH        the store; else MYTOSIS_STORE names it\n"
            "      --listen URL...     for peers: ws:// or wss://HOST:PORT, tcp://, unix:PATH\n"
            "      --connect URL...    a peer to connect to, again and again\n"
            "      --pull PREFIX...    get only nodes whose uid begins so, * for all\n"
            "      --push PREFIX...    give only these. Without either, all go both ways\n"
            "      --origin ORIGIN...  pages that may connect, such as http://localhost:8000\n"
            "      --host HOST...      names that lead here, HOST or HOST:PORT\n"
            "      --cert, --key FILE  the certificate of wss:// listeners, its key, in PEM\n"
            "      --ca FILE           whom wss:// peers are certified by; else the system's\n"
            "      --plugin FILE...    a storage, router or connection: FILE or FILE:OPTIONS\n"
            "      --config FILE       lines \"key = value\", such as pull = notes/\n"
            "      --check-config      print all settings and where from; --json: as JSON\n"
            "      --require-sandbox   end unless it all is there; --no-sandbox: without one\n"
            "      --log-level LEVEL   error, warning, info or debug\n"
            "      --log-format FORM   text or json, on standard error\n"
            "\n"
            "Example: mytosis serve --store notes.mdb --listen ws://127.0.0.1:7118\n"
            "Exit codes: 0 a signal, 2 usage, 3 bad input, 4 the store is held, or it failed.\n",
};
