/* graph convert: from one form of file to another. */
#include "graph.h"
#include "input.h"
#include "save.h"

static cli_exit_code run_convert(const cli_options *options)
{
    const char *path = options->operands[1];
    cli_format format = cli_save_format(options, path);
    mt_graph *graph = NULL;
    cli_input_facts facts;
    cli_exit_code code = cli_input_graph(options->operands[0], &graph, &facts);

    if (code != EXIT_DONE) return code;
    if (format == FORMAT_UNKNOWN) format = facts.binary ? FORMAT_JSON : FORMAT_BINARY;
    code = cli_save_graph(path, format, graph);
    mt_graph_free(graph);
    return code;
}

const cli_command cli_graph_convert = {
    .name = "convert",
    .path = "mytosis graph convert",
    .summary = "between JSON, binary and compressed files",
    .operands = "two operands, IN and OUT",
    .operand_min = 2,
    .operand_max = 2,
    .input_count = 1,
    .option_bits = OPTION_BIT(OPTION_FORMAT),
    .run = run_convert,
    .help = "Usage: mytosis graph convert [OPTION...] IN OUT\n"
            "\n"
            "Reads the graph IN, JSON or binary as its content says, and writes it to OUT.\n"
            "\"-\" is standard input and standard output. The same graph gives the same bytes,\n"
            "always: JSON to binary and back is the JSON that mytosis writes.\n"
            "\n"
            "      --format NAME  how to write OUT: json, binary or compressed; else as its\n"
            "                     ending says: .json, .mtg (binary) or .mtz (compressed);\n"
            "                     else JSON becomes binary, and binary JSON\n"
            "\n"
            "Example: mytosis graph convert packages.json packages.mtz\n"
            "\n"
            "Exit codes: 0 done, 2 usage, 3 bad input, 4 writing failed or no memory.\n",
};
