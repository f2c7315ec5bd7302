/* export: the nodes of a store as a file. */
#include "clock.h"
#include "message.h"
#include "save.h"
#include "store.h"

#include <mytosis/blocking.h>

#include <string.h>
#include <unistd.h>

/* How many nodes come between two looks at the clock. */
#define LOOK_NODES 1000

typedef struct exporting {
    cli_saving saving;
    const char *name; /* of the output, for progress */
    mt_bytes prefix;
    uint64_t nodes;
    uint64_t start_ms;
    bool stopped; /* no more rows are wanted */
} exporting;

static void show_progress(const exporting *e)
{
    uint64_t ms = cli_clock_ticks() - e->start_ms;
    cli_text text;

    if (!cli_progress_due()) return;
    cli_text_init(&text);
    cli_text_count(&text, e->nodes, "node");
    cli_text_str(&text, ", ");
    cli_text_number(&text, ms > 0 ? e->nodes * 1000 / ms : 0);
    cli_text_printf(&text, "/s, %s", e->name);
    cli_progress_text("exporting", &text);
}

static bool export_row(void *ctx, mt_db *db, const mt_row *row)
{
    exporting *e = ctx;

    (void)db;
    if (cli_store_left_out(e->prefix, row->uid)) return true;
    e->stopped = !cli_save_row(&e->saving, row);
    e->nodes += !row->more;
    if (e->nodes % LOOK_NODES == 0 && *e->name) show_progress(e);
    return !e->stopped;
}

static cli_exit_code export_all(const cli_store *store, exporting *e, mt_bytes prefix)
{
    mt_range range = {.prefix = prefix, .deleted = true};
    mt_status st;

    e->prefix = prefix;
    e->start_ms = cli_clock_ticks();
    if (*e->name) cli_progress("exporting", e->name);
    st = mt_stream_wait(store->db, &range, export_row, e);
    if (*e->name) cli_progress_end();
    return st == MT_OK || e->stopped ? EXIT_DONE : cli_store_complain(store, st, "export");
}

static cli_exit_code run_export(const cli_options *options)
{
    const char *path = options->values[OPTION_OUTPUT];
    cli_store store = {.path = NULL};
    exporting e = {.nodes = 0};
    mt_bytes prefix;
    cli_exit_code code = cli_store_prefix(options, &prefix);

    if (!path) path = "-";
    /* A line of progress would stand in the middle of what is printed on the same terminal. */
    e.name = strcmp(path, "-") != 0 ? path : isatty(STDOUT_FILENO) ? "" : "standard output";
    if (code == EXIT_DONE) code = cli_store_open(options, ACCESS_READ, &store);
    if (code == EXIT_DONE) {
        code = cli_save_begin(&e.saving, path, cli_save_format(options, path));
        if (code == EXIT_DONE) code = cli_save_end(&e.saving, export_all(&store, &e, prefix));
    }
    cli_store_close(&store);
    return code;
}

const cli_command cli_verb_export = {
    .name = "export",
    .path = "mytosis export",
    .operands = "at most one operand, PREFIX",
    .operand_max = 1,
    .option_bits = OPTION_BIT(OPTION_STORE) | OPTION_BIT(OPTION_OUTPUT) | OPTION_BIT(OPTION_FORMAT),
    .run = run_export,
    .help = "Usage: mytosis export [OPTION...] [PREFIX]\n"
            "\n"
            "Writes all nodes, or those whose uid begins with PREFIX, as a graph, with all\n"
            "that they hold: states, delete markers and floors. The same store gives the\n"
            "same bytes, and importing them elsewhere the same store. It may be larger than\n"
            "memory. What a space says of itself, below @space/, is left out, unless PREFIX\n"
            "begins with @.\n"
            "\n"
            "      --store PATH   the store; else MYTOSIS_STORE names it\n"
            "  -o, --output FILE  where to, instead of to standard output\n"
            "      --format NAME  how to write it: json, binary or compressed; else as the\n"
            "                     ending of FILE says: .json, .mtg (binary) or .mtz\n"
            "                     (compressed); else JSON\n"
            "\n"
            "Example: mytosis export package/ -o packages.mtz\n"
            "\n"
            "Exit codes: 0 done, 2 usage, 3 bad input, 4 writing failed or no memory.\n",
};
