/* sync: meeting a peer once, until both are equal. */
#include "message.h"
#include "met.h"
#include "remote_print.h"
#include "report.h"
#include "store.h"
#include "tls.h"
#include "wait.h"

#include <mytosis/plugin/socket.h>

typedef struct meeting {
    bool ended;
    mt_error err;
    cli_visit_facts facts;
} meeting;

static void hear(void *ctx, const cli_visit_facts *facts, const mt_error *why)
{
    meeting *m = ctx;

    m->facts = *facts;
    if (why) {
        m->ended = true;
        m->err = *why;
    } else if (cli_progress_due()) {
        cli_progress("", *facts->words ? facts->words : "connecting"); /* of a peer, perhaps */
    }
}

mt_status cli_store_visit(const cli_store *store, const cli_peer_name *name, const char *ca,
                          cli_visit_facts *facts, mt_error *err)
{
    meeting m = {.ended = false};
    cli_visit *visit = NULL;
    mt_status st =
        cli_visit_new(store->db, store->peers, store->member, name, ca, hear, &m, &visit, &m.err);

    while (st == MT_OK && !m.ended)
        if (!cli_store_turn(store)) st = MT_IO;
    if (st == MT_OK) st = m.err.status;
    cli_visit_free(visit);
    *facts = m.facts;
    *err = m.err;
    if (!*err->text) cli_error_note(err, st, NULL);
    return st;
}

/* Where that fails, it is not known when the peer was met: nothing else is lost. */
static void note_met(const cli_store *store, const cli_visit_facts *facts, const char *url)
{
    mt_bytes peer = {facts->peer, facts->peer_len};
    cli_wait wait = {.answered = false};

    if (peer.len == 0) return;
    if (cli_met_note(store->db, peer, mt_str(url), cli_wait_answered, &wait) == MT_OK)
        (void)cli_wait_for(mt_loop_env(store->loop), &wait);
}

/* By a router of our own. */
static cli_exit_code sync_own(const cli_options *options, const char *ca, const char *word,
                              cli_store *store, cli_output *out)
{
    bool json = cli_options_has(options, OPTION_JSON);
    cli_visit_facts facts;
    mt_error err = {MT_OK, ""};
    cli_peer_name name;
    mt_status st = cli_peer_name_read(word, &store->space_file, &name, &err);

    if (st == MT_OK) st = cli_store_visit(store, &name, ca, &facts, &err);
    if (st != MT_OK) return cli_complain(EXIT_SYSTEM, "%s", err.text);
    if (!store->dry_run) {
        note_met(store, &facts, name.url);
        cli_visit_print(&facts, name.url, json, &out->text);
        return EXIT_DONE;
    }
    return cli_visit_print_dry(&facts, name.url, json, &out->text) ? EXIT_DIFFERENT : EXIT_DONE;
}

/* One peer; `ca` is that of --ca, which is checked if the peer needs it. */
static cli_exit_code sync_one(const cli_options *options, const char *word, cli_store *store,
                              cli_output *out)
{
    cli_exit_code code;
    const char *ca;

    if ((code = cli_tls_ca(options, word, &ca)) != EXIT_DONE) return code;
    cli_progress("connecting", "");
    if (store->remote && !store->dry_run)
        code = cli_remote_visit(store, word, ca, cli_options_has(options, OPTION_JSON), out);
    else code = sync_own(options, ca, word, store, out);
    cli_progress_end();
    return code;
}

/* Those that are known from before, each; what one of them comes to is no matter to the others. */
static cli_exit_code sync_known(const cli_options *options, cli_store *store, cli_output *out)
{
    const cli_space_file *file = &store->space_file;
    cli_exit_code worst = EXIT_DONE, code;

    if (file->peer_count == 0)
        return cli_complain(EXIT_USAGE,
                            "no peer is known: name one by its URL, or come into a space "
                            "with mytosis join");
    for (size_t i = 0; i < file->peer_count; i++)
        if ((code = sync_one(options, file->peers[i].url, store, out)) > worst) worst = code;
    return worst;
}

static cli_exit_code run_sync(const cli_options *options)
{
    const char *word = options->operand_count > 0 ? options->operands[0] : NULL;
    cli_store store = {.wants_peers = true};
    cli_peer_name name;
    cli_exit_code code;
    cli_output out;
    const char *ca;
    mt_error err;

    if (word && cli_peer_name_read(word, NULL, &name, &err) != MT_OK)
        return cli_complain(EXIT_USAGE, "%s", err.text);
    if (word && (code = cli_tls_ca(options, word, &ca)) != EXIT_DONE) return code;
    store.dry_run = cli_options_has(options, OPTION_DRY_RUN);
    if ((code = cli_store_open(options, ACCESS_WRITE, &store)) != EXIT_DONE) return code;
    cli_report_output(options, &out);
    code = word ? sync_one(options, word, &store, &out) : sync_known(options, &store, &out);
    cli_store_close(&store);
    return cli_output_end(&out, code);
}

const cli_command cli_verb_sync = {
    .name = "sync",
    .path = "mytosis sync",
    .operands = "at most one operand, URL",
    .operand_max = 1,
    .option_bits = OPTION_BIT(OPTION_STORE) | OPTION_BIT(OPTION_CA) | OPTION_BIT(OPTION_JSON) |
                   OPTION_BIT(OPTION_DRY_RUN),
    .run = run_sync,
    .help = "Usage: mytosis sync [OPTION...] [URL]\n"
            "\n"
            "Connects to a peer, gives what it lacks, takes what it has, and ends when both\n"
            "are equal. While a daemon holds the store, it does so. What was transferred\n"
            "stays, whatever ends it. In a space a peer that is not known from before is\n"
            "URL#DEVICE, and without a URL all that are known are met.\n"
            "\n"
            "  -n, --dry-run      only say how many nodes differ: nothing is transferred\n"
            "      --store PATH   the store; else MYTOSIS_STORE names it\n"
            "      --ca FILE      who certifies a peer at wss://, in PEM; else MYTOSIS_CA\n"
            "                     names them, or the daemon does, or the system\n"
            "      --json         print what was transferred, as JSON\n"
            "\n"
            "Example: mytosis sync ws://127.0.0.1:7118 --store notes.mdb\n"
            "\n"
            "Exit codes: 0 equal, 1 with --dry-run: something differs, 2 usage, 3 bad input,\n"
            "4 the peer cannot be reached or refused, or something failed.\n",
};
