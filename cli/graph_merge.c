/* graph merge and graph patch: what changes a graph. */
#include "graph.h"
#include "input.h"
#include "message.h"
#include "patch.h"
#include "report.h"

/* What both begin with: a graph, and then what happened to it. */
typedef struct subject {
    mt_graph *graph;
    mt_delta *delta;
} graph_subject;

static cli_exit_code subject_read(graph_subject *subject, const cli_options *options)
{
    cli_exit_code code = cli_report_check(options);

    if (code == EXIT_DONE) code = cli_input_graph(options->operands[0], &subject->graph, NULL);
    return code;
}

static cli_exit_code subject_complain(const graph_subject *subject, const cli_options *options)
{
    return cli_complain_error(mt_graph_error(subject->graph), options->command->name,
                              cli_input_name(options->operands[0]));
}

static cli_exit_code subject_report(const graph_subject *subject, const cli_options *options)
{
    cli_report report = {.graph = subject->graph,
                         .delta = subject->delta,
                         .document = true,
                         .same = "nothing changed"};

    return cli_report_write(options, &report);
}

static void subject_free(graph_subject *subject)
{
    mt_delta_free(subject->delta);
    mt_graph_free(subject->graph);
}

static cli_exit_code run_merge(const cli_options *options)
{
    graph_subject subject = {0};
    mt_graph *incoming = NULL;
    cli_exit_code code = subject_read(&subject, options);
    mt_status st;

    if (code == EXIT_DONE) code = cli_input_graph(options->operands[1], &incoming, NULL);
    if (code == EXIT_DONE) {
        cli_progress("merging", "");
        st = mt_graph_merge(subject.graph, incoming, &subject.delta);
        if (st != MT_OK) code = subject_complain(&subject, options);
    }
    if (code == EXIT_DONE) code = subject_report(&subject, options);
    subject_free(&subject);
    mt_graph_free(incoming);
    return code;
}

static cli_exit_code run_patch(const cli_options *options)
{
    graph_subject subject = {0};
    cli_patch patch = {0};
    cli_exit_code code = subject_read(&subject, options);
    mt_status st;

    if (code == EXIT_DONE) code = cli_patch_read(options->operands[1], &patch);
    if (code == EXIT_DONE) {
        cli_progress("patching", "");
        st = mt_graph_patch(subject.graph, patch.rows, patch.row_count, 0, &subject.delta);
        if (st != MT_OK) code = subject_complain(&subject, options);
    }
    if (code == EXIT_DONE) code = subject_report(&subject, options);
    subject_free(&subject);
    cli_patch_free(&patch);
    return code;
}

const cli_command cli_graph_merge = {
    .name = "merge",
    .path = "mytosis graph merge",
    .summary = "merge INCOMING into CURRENT",
    .operands = "two operands, CURRENT and INCOMING",
    .operand_min = 2,
    .operand_max = 2,
    .input_count = 2,
    .option_bits = CLI_REPORT_OPTIONS,
    .run = run_merge,
    .help = "Usage: mytosis graph merge [OPTION...] CURRENT INCOMING\n"
            "\n"
            "Merges INCOMING into CURRENT and says what changed, what was overwritten, what\n"
            "came too late, and where equal states were in conflict. Files are JSON or\n"
            "binary, as their content says; \"-\" is standard input. No file is changed\n"
            "unless --output names it.\n"
            "\n"
            "  -o, --output FILE  write the merged graph there, as its ending says: .json,\n"
            "                     .mtg (binary) or .mtz (compressed)\n"
            "      --format NAME  how to write it: json, binary or compressed\n"
            "      --json         print merged, update, history and conflicts as JSON\n"
            "      --all          show every change, and long values whole\n"
            "      --color WHEN   auto, always or never\n"
            "\n"
            "Example: mytosis graph merge notes.mtg phone.json -o notes.mtg\n"
            "\n"
            "Exit codes: 0 done, 2 usage, 3 bad input, 4 writing failed or no memory.\n",
};

const cli_command cli_graph_patch = {
    .name = "patch",
    .path = "mytosis graph patch",
    .summary = "write the fields of PATCH to GRAPH",
    .operands = "two operands, GRAPH and PATCH",
    .operand_min = 2,
    .operand_max = 2,
    .input_count = 2,
    .option_bits = CLI_REPORT_OPTIONS,
    .run = run_patch,
    .help = "Usage: mytosis graph patch [OPTION...] GRAPH PATCH\n"
            "\n"
            "Writes PATCH to GRAPH: each field gets the next state. PATCH is JSON,\n"
            "{\"uid\": {\"field\": value}}; {\"deleted\": true} as a value deletes the field, and\n"
            "{\"uid\": {\"@object\": {\"deleted\": true}}} the node. \"-\" is standard input.\n"
            "\n"
            "  -o, --output FILE  write the new graph there, as its ending says: .json,\n"
            "                     .mtg (binary) or .mtz (compressed)\n"
            "      --format NAME  how to write it: json, binary or compressed\n"
            "      --json         print merged, update, history and conflicts as JSON\n"
            "      --all          show every change, and long values whole\n"
            "      --color WHEN   auto, always or never\n"
            "\n"
            "Example: echo '{\"ada\": {\"age\": 36}}' | mytosis graph patch a.json - -o a.json\n"
            "\n"
            "Exit codes: 0 done, 2 usage, 3 bad input, 4 writing failed or no memory.\n",
};
