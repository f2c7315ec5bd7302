/* peers: whom the daemon of a store is linked to. */
#include "message.h"
#include "remote_print.h"
#include "report.h"
#include "store.h"

static cli_exit_code run_peers(const cli_options *options)
{
    cli_admin_form form = {.json = cli_options_has(options, OPTION_JSON),
                           .is_long = cli_options_has(options, OPTION_LONG)};
    cli_storage storage;
    cli_exit_code code = cli_store_storage(options, ACCESS_READ, &storage);
    cli_output out;

    if (code != EXIT_DONE) return code;
    cli_report_output(options, &out);
    if (cli_remote_of(&storage.storage)) code = cli_remote_print(&storage, ADMIN_PEERS, form, &out);
    else
        code = cli_complain(EXIT_DIFFERENT, "no daemon holds %s; mytosis serve starts one",
                            storage.path);
    cli_storage_close(&storage);
    return cli_output_end(&out, code);
}

const cli_command cli_verb_peers = {
    .name = "peers",
    .path = "mytosis peers",
    .operands = "no operands",
    .option_bits = OPTION_BIT(OPTION_STORE) | OPTION_BIT(OPTION_JSON) | OPTION_BIT(OPTION_LONG),
    .run = run_peers,
    .help = "Usage: mytosis peers [OPTION...]\n"
            "\n"
            "Lists the peers of the daemon that holds the store: the link, how far they are,\n"
            "how many nodes came and went, and the last error.\n"
            "\n"
            "      --store PATH   the store; else MYTOSIS_STORE names it\n"
            "  -l, --long         below each, what goes over, range by range\n"
            "      --json         print an array of objects, ranges and all\n"
            "      --color WHEN   auto, always or never\n"
            "\n"
            "Example: mytosis peers --store notes.mdb\n"
            "\n"
            "Exit codes: 0 done, 1 no daemon holds the store, 2 usage, 3 bad input, 4 the\n"
            "daemon has gone, or no memory.\n",
};
