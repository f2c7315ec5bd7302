#include "graph.h"

static const cli_command *const members[] = {
    &cli_graph_merge, &cli_graph_patch, &cli_graph_rebase,  &cli_graph_overlap,
    &cli_graph_diff,  &cli_graph_show,  &cli_graph_convert, NULL,
};

const cli_command cli_graph_group = {
    .name = "graph",
    .path = "mytosis graph",
    .summary = "merge, compare, show and convert graphs in files",
    .help = "Usage: mytosis graph COMMAND [OPTION...] FILE...\n"
            "\n"
            "Works on graphs in files, JSON or binary as their content says. \"-\" is standard\n"
            "input. No file is changed but the one that a command is told to write.\n"
            "\n"
            "Commands:\n",
    .footer = "\n"
              "Example: mytosis graph diff laptop.json phone.json\n"
              "\n"
              "Exit codes: 0 done, 1 diff found a difference, 2 usage, 3 bad input, 4 writing\n"
              "failed or no memory. \"mytosis graph COMMAND --help\" says more.\n",
    .members = members,
};
