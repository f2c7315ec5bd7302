/* sync: meeting a peer once, until both are equal. */
#include "message.h"
#include "remote_print.h"
#include "report.h"
#include "store.h"
#include "tls.h"
#include "visit.h"

#include <mytosis/plugin/socket.h>

typedef struct syncing {
    const char *url;
    bool ended;
    mt_error err;
    cli_visit_facts facts;
} syncing;

static void hear(void *ctx, const cli_visit_facts *facts, const mt_error *why)
{
    syncing *s = ctx;

    s->facts = *facts;
    if (why) {
        s->ended = true;
        s->err = *why;
    } else if (cli_progress_due()) {
        cli_progress("", *facts->words ? facts->words : "connecting"); /* of a peer, perhaps */
    }
}

/* By a router of our own. */
static cli_exit_code sync_own(const cli_options *options, const char *ca, cli_store *store,
                              cli_output *out)
{
    syncing s = {.url = options->operands[0]};
    cli_visit *visit = NULL;
    mt_status st = cli_visit_new(store->db, store->peers, s.url, ca, hear, &s, &visit, &s.err);

    while (st == MT_OK && !s.ended)
        if (!cli_store_turn(store)) st = MT_IO;
    if (st == MT_OK) st = s.err.status;
    cli_visit_free(visit);
    if (st != MT_OK)
        return cli_complain(EXIT_SYSTEM, "%s", *s.err.text ? s.err.text : mt_status_text(st));
    if (!store->dry_run) {
        cli_visit_print(&s.facts, s.url, cli_options_has(options, OPTION_JSON), &out->text);
        return EXIT_DONE;
    }
    return cli_visit_print_dry(&s.facts, s.url, cli_options_has(options, OPTION_JSON), &out->text)
               ? EXIT_DIFFERENT
               : EXIT_DONE;
}

static cli_exit_code run_sync(const cli_options *options)
{
    cli_store store = {.wants_peers = true};
    cli_exit_code code;
    cli_output out;
    const char *ca;
    mt_error err;

    if (mt_url_check(options->operands[0], false, &err) != MT_OK)
        return cli_complain(EXIT_USAGE, "%s", err.text);
    if ((code = cli_tls_ca(options, options->operands[0], &ca)) != EXIT_DONE) return code;
    store.dry_run = cli_options_has(options, OPTION_DRY_RUN);
    if ((code = cli_store_open(options, ACCESS_WRITE, &store)) != EXIT_DONE) return code;
    cli_report_output(options, &out);
    cli_progress("connecting", "");
    if (store.remote && !store.dry_run)
        code = cli_remote_visit(&store, options->operands[0], ca,
                                cli_options_has(options, OPTION_JSON), &out);
    else code = sync_own(options, ca, &store, &out);
    cli_progress_end();
    cli_store_close(&store);
    return cli_output_end(&out, code);
}

const cli_command cli_verb_sync = {
    .name = "sync",
    .path = "mytosis sync",
    .operands = "an operand, URL",
    .operand_min = 1,
    .operand_max = 1,
    .option_bits = OPTION_BIT(OPTION_STORE) | OPTION_BIT(OPTION_CA) | OPTION_BIT(OPTION_JSON) |
                   OPTION_BIT(OPTION_DRY_RUN),
    .run = run_sync,
    .help = "Usage: mytosis sync [OPTION...] URL\n"
            "\n"
            "Connects to a peer, gives what it lacks, takes what it has, and ends when both\n"
            "are equal. While a daemon holds the store, it does so. What was transferred\n"
            "stays, whatever ends it.\n"
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
