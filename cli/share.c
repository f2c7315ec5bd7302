/* share: inviting a device, with a ticket. */
#include "clock.h"
#include "found.h"
#include "message.h"
#include "qr.h"
#include "remote_print.h"
#include "report.h"
#include "serve.h"
#include "store.h"
#include "tls.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How long a ticket is good if nothing is said of it. */
#define TICKET_MS (UINT64_C(24) * 3600000)

/* Where the first device of a space listens if nothing is said of it. */
static const char listen_default[] = "tcp://0.0.0.0:7118";

/* ---- What is shared ---- */

static cli_exit_code take_span(const cli_options *options, cli_option_id id, const char *name,
                               uint64_t *ms)
{
    const char *word = options->values[id];

    if (!cli_options_has(options, id) || cli_clock_read_span(word, ms)) return EXIT_DONE;
    return cli_complain_usage(options, "--%s takes a time such as 24h, 30m or 7d, not \"%s\"", name,
                              word);
}

static unsigned rights_of(const cli_options *options)
{
    unsigned rights = MT_RIGHT_READ;

    if (cli_options_has(options, OPTION_WRITE)) rights |= MT_RIGHT_WRITE;
    if (cli_options_has(options, OPTION_ADMIN))
        rights |= MT_RIGHT_WRITE | MT_RIGHT_DELEGATE | MT_RIGHT_ADMIN;
    return rights;
}

static cli_exit_code take_prefix(const cli_options *options, const char *word, mt_bytes *out)
{
    size_t len = strlen(word);

    *out = mt_str(strcmp(word, "*") == 0 ? "" : word);
    if (out->len == 0 && len == 1) return EXIT_DONE;
    if (len == 0 || word[len - 1] != '/')
        return cli_complain_usage(
            options, "a prefix ends with \"/\", as in \"%s/\"; \"*\" is everything", word);
    return EXIT_DONE;
}

static int compare_prefixes(const void *a, const void *b)
{
    return mt_bytes_compare(*(const mt_bytes *)a, *(const mt_bytes *)b);
}

static cli_exit_code take_invitation(const cli_options *options, cli_invitation *out)
{
    cli_exit_code code = EXIT_DONE;

    *out = (cli_invitation){.rights = rights_of(options), .ticket_ms = TICKET_MS};
    out->prefix_count = options->operand_count;
    for (size_t i = 0; i < options->operand_count && code == EXIT_DONE; i++)
        code = take_prefix(options, options->operands[i], &out->prefixes[i]);
    qsort(out->prefixes, out->prefix_count, sizeof *out->prefixes, compare_prefixes);
    if (code == EXIT_DONE) code = take_span(options, OPTION_EXPIRES, "expires", &out->ticket_ms);
    if (code == EXIT_DONE) code = take_span(options, OPTION_FOR, "for", &out->token_ms);
    return code;
}

/* ---- By the daemon that holds the store ---- */

/* The ticket is a line, and all that is there. */
static cli_exit_code draw(cli_output *out)
{
    mt_bytes line = mt_buf_bytes(&out->text.buf);
    mt_error err = {MT_OK, ""};

    if (line.len > 0) line.len--;
    if (cli_qr_add(out, line, &err) == MT_OK) return EXIT_DONE;
    return cli_complain_error(&err, "draw", "the ticket");
}

static cli_exit_code share_remote(const cli_options *options, const cli_storage *storage,
                                  const cli_invitation *invitation)
{
    cli_exit_code code;
    cli_output out;
    cli_text body;

    cli_report_output(options, &out);
    cli_text_init(&body);
    cli_invitation_put(&body, invitation);
    code = cli_remote_say(storage, ADMIN_SHARE, &body, &out);
    if (code == EXIT_DONE && cli_options_has(options, OPTION_QR)) code = draw(&out);
    return cli_output_end(&out, code);
}

/* Whether a daemon holds the store, which has then been asked. */
static bool is_held(const cli_options *options, const char *path, const cli_invitation *invitation,
                    cli_exit_code *code)
{
    cli_storage storage;
    bool is_remote;

    if ((*code = cli_storage_open(&storage, path, ACCESS_READ)) != EXIT_DONE) return true;
    is_remote = cli_remote_of(&storage.storage) != NULL;
    if (is_remote) *code = share_remote(options, &storage, invitation);
    cli_storage_close(&storage);
    return is_remote;
}

/* ---- By a daemon of our own ---- */

/* It must be found somewhere. What the settings say is noted once it listens there: serve.c. */
static cli_exit_code listen_somewhere(const char *path, const cli_config *config,
                                      cli_space_file *file)
{
    if (config->settings[SETTING_LISTEN].count + file->listen_count > 0) return EXIT_DONE;
    if (cli_space_file_listen(file, listen_default) != MT_OK)
        return cli_complain(EXIT_SYSTEM, "out of memory");
    return cli_space_file_save(path, file);
}

/* Before a space is begun that nobody could come into, it is tried whether one may listen. */
static cli_exit_code try_listener(const char *url)
{
    mt_server_options options = {.size = sizeof options, .anywhere = true};
    mt_error err = {MT_NO_MEMORY, "there is no event loop to be had"};
    mt_server *server = NULL;
    mt_loop *loop = NULL;
    mt_status st;

    if (cli_tls_is_url(url)) return EXIT_DONE; /* of its files enough is known */
    st = mt_loop_new(mt_mem_system(), &loop);
    if (st == MT_OK) st = mt_server_new(mt_loop_env(loop), url, &options, &server, &err);
    if (server) mt_server_close(server);
    cli_storage_loop_free(loop);
    if (st == MT_OK) return EXIT_DONE;
    return cli_complain(cli_exit_of(st), "%s; --listen says where else", err.text);
}

static cli_exit_code try_listeners(const cli_config *config)
{
    size_t count = config->settings[SETTING_LISTEN].count;
    cli_exit_code code = count == 0 ? try_listener(listen_default) : EXIT_DONE;

    for (size_t i = 0; i < count && code == EXIT_DONE; i++)
        code = try_listener(config->settings[SETTING_LISTEN].items[i].text);
    return code;
}

/* A store that is in no space yet begins one. */
static cli_exit_code found(const char *path, const cli_config *config, cli_space_file *file)
{
    cli_exit_code code = try_listeners(config);

    return code == EXIT_DONE ? cli_found_space(path, file) : code;
}

static cli_exit_code prepare(const char *path, const cli_config *config)
{
    cli_space_file file;
    cli_exit_code code = cli_space_file_load(path, &file);

    if (code != EXIT_DONE) return code;
    if (!cli_space_file_is_there(&file)) code = found(path, config, &file);
    if (code == EXIT_DONE) code = listen_somewhere(path, config, &file);
    cli_space_file_free(&file);
    return code;
}

static void take_drawing(const cli_options *options, cli_config *config)
{
    cli_output out;

    config->draws = cli_options_has(options, OPTION_QR);
    cli_report_output(options, &out);
    config->colors = out.color;
    cli_text_free(&out.text);
}

static cli_exit_code run_share(const cli_options *options)
{
    cli_invitation invitation;
    cli_config config;
    const char *path;
    cli_exit_code code = take_invitation(options, &invitation);

    if (code == EXIT_DONE && cli_options_has(options, OPTION_QR)) code = cli_qr_check();
    if (code == EXIT_DONE) code = cli_config_load(options, &config);
    if (code != EXIT_DONE) return code;
    if ((code = cli_config_plugins(&config)) != EXIT_DONE) {
        cli_config_free(&config);
        return code;
    }
    take_drawing(options, &config);
    path = cli_config_get(&config, SETTING_STORE);
    if (access(path, F_OK) != 0) code = cli_store_make(path, MT_CLOCK_HYBRID);
    if (code != EXIT_DONE || is_held(options, path, &invitation, &code)) {
        cli_config_free(&config);
        return code;
    }
    if ((code = prepare(path, &config)) == EXIT_DONE) return cli_serve_with(&config, &invitation);
    cli_config_free(&config);
    return code;
}

const cli_command cli_verb_share = {
    .name = "share",
    .path = "mytosis share",
    .operands = "one to four operands, PREFIX",
    .operand_min = 1,
    .operand_max = MT_TOKEN_PREFIXES_MAX,
    .option_bits = OPTION_BIT(OPTION_STORE) | OPTION_BIT(OPTION_READ) | OPTION_BIT(OPTION_WRITE) |
                   OPTION_BIT(OPTION_ADMIN) | OPTION_BIT(OPTION_EXPIRES) | OPTION_BIT(OPTION_FOR) |
                   OPTION_BIT(OPTION_LISTEN) | OPTION_BIT(OPTION_CONNECT) |
                   OPTION_BIT(OPTION_CERT) | OPTION_BIT(OPTION_KEY) | OPTION_BIT(OPTION_CA) |
                   OPTION_BIT(OPTION_CONFIG) | OPTION_BIT(OPTION_LOG_LEVEL) |
                   OPTION_BIT(OPTION_LOG_FORMAT) | OPTION_BIT(OPTION_REQUIRE_SANDBOX) |
                   OPTION_BIT(OPTION_NO_SANDBOX) | OPTION_BIT(OPTION_QR),
    .run = run_share,
    .help = "Usage: mytosis share [OPTION...] PREFIX...\n"
            "\n"
            "Prints a ticket: a line with which one other device joins, and may then read the\n"
            "nodes whose uids begin with PREFIX, which ends with \"/\"; * is everything. If no\n"
            "daemon holds the store, it is one until a signal comes. The store, the keys and\n"
            "the space are made if they are not there. Whoever has the ticket can use it.\n"
            "\n"
            "      --read           the device may read: so it is if nothing is said\n"
            "      --write          it may read and write\n"
            "      --admin          it may do all that this device may, and invite others\n"
            "      --expires TIME   how long the ticket can be used: 24h, or 30m, 7d ...\n"
            "      --for TIME       how long what it gives is good; else until it is revoked\n"
            "      --qr             draw it, too, as a QR code for a camera\n"
            "      --store PATH     the store; else MYTOSIS_STORE names it\n"
            "      --listen URL...  where to be found; at first tcp://0.0.0.0:7118, then as\n"
            "                       before. This and the rest is as of mytosis serve:\n"
            "      --connect URL..., --cert FILE, --key FILE, --ca FILE, --config FILE,\n"
            "      --log-level LEVEL, --log-format FORM, --require-sandbox, --no-sandbox\n"
            "\n"
            "Example: mytosis share notes/ --write --store notes.mdb\n"
            "\n"
            "Exit codes: 0 done, or a signal, 2 usage, 3 bad input, or this device may not\n"
            "give that, 4 it failed.\n",
};
