/* graph rebase, graph overlap and graph diff: graphs made from two graphs. */
#include "graph.h"
#include "input.h"
#include "message.h"
#include "report.h"

typedef mt_status combiner(const mt_graph *a, const mt_graph *b, mt_graph **out, mt_error *err);

/* The operands, and what is made of them. */
typedef struct pair {
    mt_graph *a, *b;
    mt_graph *made;
    mt_graph *after; /* `b` with what was made merged in */
    mt_delta *delta; /* what that did */
} pair_graphs;

static cli_exit_code pair_make(pair_graphs *pair, const cli_options *options, const char *action,
                               combiner *combine)
{
    mt_error err = {MT_OK, ""};
    cli_exit_code code = cli_report_check(options);

    if (code == EXIT_DONE) code = cli_input_graph(options->operands[0], &pair->a, NULL);
    if (code == EXIT_DONE) code = cli_input_graph(options->operands[1], &pair->b, NULL);
    if (code != EXIT_DONE) return code;
    cli_progress(action, "");
    if (combine(pair->a, pair->b, &pair->made, &err) != MT_OK)
        code =
            cli_complain_error(&err, options->command->name, cli_input_name(options->operands[0]));
    return code;
}

/* A person sees what the new graph would change in `b`. */
static cli_exit_code pair_compare(pair_graphs *pair)
{
    if (mt_graph_clone(pair->b, &pair->after) == MT_OK &&
        mt_graph_merge(pair->after, pair->made, &pair->delta) == MT_OK)
        return EXIT_DONE;
    return cli_complain(EXIT_SYSTEM, "%s", mt_status_text(MT_NO_MEMORY));
}

static void pair_free(pair_graphs *pair)
{
    mt_delta_free(pair->delta);
    mt_graph_free(pair->after);
    mt_graph_free(pair->made);
    mt_graph_free(pair->b);
    mt_graph_free(pair->a);
}

/* `same` NULL: the graph itself is shown, not what it changes. `*empty` is whether it has no nodes. */
static cli_exit_code run_pair(const cli_options *options, const char *action, combiner *combine,
                              const char *same, bool *empty)
{
    pair_graphs pair = {0};
    cli_exit_code code = pair_make(&pair, options, action, combine);

    if (code == EXIT_DONE && same && !cli_options_has(options, OPTION_JSON))
        code = pair_compare(&pair);
    if (code == EXIT_DONE) {
        cli_report report = {.graph = pair.made, .delta = pair.delta, .same = same};
        *empty = mt_graph_count(pair.made) == 0;
        code = cli_report_write(options, &report);
    }
    pair_free(&pair);
    return code;
}

static cli_exit_code run_rebase(const cli_options *options)
{
    bool empty;

    return run_pair(options, "rebasing", mt_graph_rebase, "nothing changed", &empty);
}

static cli_exit_code run_overlap(const cli_options *options)
{
    bool empty;

    return run_pair(options, "comparing", mt_graph_overlap, NULL, &empty);
}

static cli_exit_code run_diff(const cli_options *options)
{
    bool empty = true;
    cli_exit_code code = run_pair(options, "comparing", mt_graph_diff,
                                  "no difference: B has all that A has", &empty);

    return code == EXIT_DONE && !empty ? EXIT_DIFFERENT : code;
}

const cli_command cli_graph_rebase = {
    .name = "rebase",
    .path = "mytosis graph rebase",
    .summary = "replay SOURCE on top of TARGET",
    .operands = "two operands, SOURCE and TARGET",
    .operand_min = 2,
    .operand_max = 2,
    .input_count = 2,
    .option_bits = CLI_REPORT_OPTIONS,
    .run = run_rebase,
    .help = "Usage: mytosis graph rebase [OPTION...] SOURCE TARGET\n"
            "\n"
            "Replays SOURCE on top of TARGET: where both have a field, the value of SOURCE\n"
            "gets a state above that of TARGET; all else stays as it is. Says what that\n"
            "changes in TARGET. Files are JSON or binary, as their content says; \"-\" is\n"
            "standard input. No file is changed unless --output names it.\n"
            "\n"
            "  -o, --output FILE  write the new graph there, as its ending says: .json,\n"
            "                     .mtg (binary) or .mtz (compressed)\n"
            "      --format NAME  how to write it: json, binary or compressed\n"
            "      --json         print the new graph as JSON\n"
            "      --all          show every change, and long values whole\n"
            "      --color WHEN   auto, always or never\n"
            "\n"
            "Example: mytosis graph rebase draft.json main.json -o main.json\n"
            "\n"
            "Exit codes: 0 done, 2 usage, 3 bad input, 4 writing failed or no memory.\n",
};

const cli_command cli_graph_overlap = {
    .name = "overlap",
    .path = "mytosis graph overlap",
    .summary = "the fields of SOURCE that TARGET has too",
    .operands = "two operands, SOURCE and TARGET",
    .operand_min = 2,
    .operand_max = 2,
    .input_count = 2,
    .option_bits = CLI_REPORT_OPTIONS,
    .run = run_overlap,
    .help = "Usage: mytosis graph overlap [OPTION...] SOURCE TARGET\n"
            "\n"
            "Shows the fields of SOURCE that TARGET has too, with the values and states of\n"
            "SOURCE. Files are JSON or binary, as their content says; \"-\" is standard input.\n"
            "\n"
            "  -o, --output FILE  write the overlap there, as its ending says: .json,\n"
            "                     .mtg (binary) or .mtz (compressed)\n"
            "      --format NAME  how to write it: json, binary or compressed\n"
            "      --json         print the overlap as JSON\n"
            "      --all          show every node and field, and long values whole\n"
            "      --color WHEN   auto, always or never\n"
            "\n"
            "Example: mytosis graph overlap laptop.json phone.json --json\n"
            "\n"
            "Exit codes: 0 done, 2 usage, 3 bad input, 4 writing failed or no memory.\n",
};

const cli_command cli_graph_diff = {
    .name = "diff",
    .path = "mytosis graph diff",
    .summary = "what A has and B lacks",
    .operands = "two operands, A and B",
    .operand_min = 2,
    .operand_max = 2,
    .input_count = 2,
    .option_bits = CLI_REPORT_OPTIONS,
    .run = run_diff,
    .help = "Usage: mytosis graph diff [OPTION...] A B\n"
            "\n"
            "Makes the least graph that, merged into B, does what merging all of A would\n"
            "do, and says what that changes in B. Files are JSON or binary, as their content\n"
            "says; \"-\" is standard input.\n"
            "\n"
            "  -o, --output FILE  write the difference there, as its ending says: .json,\n"
            "                     .mtg (binary) or .mtz (compressed)\n"
            "      --format NAME  how to write it: json, binary or compressed\n"
            "      --json         print the difference as JSON\n"
            "      --all          show every change, and long values whole\n"
            "      --color WHEN   auto, always or never\n"
            "\n"
            "Example: mytosis graph diff laptop.json phone.json -o for-phone.mtz\n"
            "\n"
            "Exit codes: 0 the difference is empty, 1 it is not, 2 usage, 3 bad input,\n"
            "4 writing failed or no memory.\n",
};
