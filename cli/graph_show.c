/* graph show: a graph, or some of its nodes. */
#include "graph.h"
#include "input.h"
#include "listing.h"
#include "message.h"
#include "report.h"
#include "rows.h"
#include "save.h"

/* Of a value, without --all. */
#define VALUE_COLUMNS 64

/* What is shown, out of what there is. */
typedef struct selection {
    const mt_graph *graph;
    mt_graph *some;  /* the selected nodes; NULL: all are */
    size_t matching; /* how many nodes there are to show, without --limit */
} node_selection;

/* ---- Which nodes ---- */

static size_t count_matching(const mt_graph *graph, mt_bytes prefix)
{
    mt_graph_iter iter;
    size_t count = 0;

    mt_graph_iter_init(&iter, graph, prefix, mt_str(NULL));
    while (mt_graph_iter_next(&iter)) count++;
    return count;
}

/* The first `count` nodes that have the prefix. */
static mt_status select_nodes(const mt_graph *graph, mt_bytes prefix, size_t count, mt_graph *out)
{
    mt_status st = MT_OK;
    bool within = false;
    const mt_row *row;
    cli_rows rows;

    cli_rows_of_graph(&rows, graph, prefix);
    while (st == MT_OK && (row = cli_rows_next(&rows)) && (within || mt_graph_count(out) < count)) {
        st = mt_graph_merge_rows(out, row, 1, NULL);
        within = row->more;
    }
    return st;
}

static mt_status select_by(const cli_options *options, node_selection *selection)
{
    const char *uid = options->values[OPTION_UID], *prefix = options->values[OPTION_PREFIX];
    mt_bytes which = mt_str(uid ? uid : prefix);
    size_t count;
    mt_status st;

    selection->matching = mt_graph_count(selection->graph);
    if (!uid && !prefix && selection->matching <= options->limit) return MT_OK;
    /* Of all that have a uid as their prefix, the node of that uid is the first. */
    if (uid) selection->matching = mt_graph_get(selection->graph, which) ? 1 : 0;
    else selection->matching = count_matching(selection->graph, which);
    count = selection->matching < options->limit ? selection->matching : options->limit;
    st = mt_graph_new(mt_mem_system(), NULL, &selection->some);
    return st == MT_OK ? select_nodes(selection->graph, which, count, selection->some) : st;
}

/* ---- How ---- */

typedef struct sums {
    size_t living, deleted, floors;
} field_sums;

static field_sums sum_up(const mt_graph *graph)
{
    mt_graph_iter iter;
    const mt_node *node;
    field_sums sums = {0};

    mt_graph_iter_init(&iter, graph, mt_str(NULL), mt_str(NULL));
    while ((node = mt_graph_iter_next(&iter))) {
        sums.living += mt_node_count(node);
        sums.deleted += mt_node_count_all(node) - mt_node_count(node);
        sums.floors += mt_node_floor(node) > 0;
    }
    return sums;
}

static void add_summary(cli_output *out, const node_selection *selection, const mt_graph *shown,
                        size_t file_len)
{
    field_sums sums = sum_up(shown);
    cli_text *text = &out->text;

    if (mt_graph_count(shown) > 0) cli_text_str(text, "\n");
    if (selection->some) {
        cli_text_number(text, mt_graph_count(shown));
        cli_text_str(text, " of ");
    }
    cli_text_count(text, mt_graph_count(selection->graph), "node");
    cli_text_str(text, ", ");
    cli_text_count(text, sums.living, "living field");
    cli_text_str(text, ", ");
    cli_text_count(text, sums.deleted, "deleted field");
    cli_text_str(text, ", ");
    cli_text_count(text, sums.floors, "floor");
    cli_text_str(text, ", ");
    cli_text_count(text, file_len, "byte");
    cli_text_str(text, "\n");
}

static cli_exit_code show(const cli_options *options, const node_selection *selection,
                          size_t file_len)
{
    const mt_graph *graph = selection->some ? selection->some : selection->graph;
    cli_extent extent = {SIZE_MAX, SIZE_MAX,
                         cli_options_has(options, OPTION_ALL) ? SIZE_MAX : VALUE_COLUMNS};
    cli_output out;

    cli_report_output(options, &out);
    if (cli_options_has(options, OPTION_JSON)) {
        cli_save_json(&out, graph);
    } else if (cli_options_has(options, OPTION_PLAIN)) {
        cli_text_note(&out.text, mt_graph_snapshot(graph, &out.text.buf));
        cli_text_str(&out.text, "\n");
    } else {
        (void)cli_listing_graph(&out, graph, extent);
        if (selection->matching > mt_graph_count(graph)) {
            cli_text_str(&out.text, "… and ");
            cli_text_count(&out.text, selection->matching - mt_graph_count(graph), "more node");
            cli_text_str(&out.text, "\n");
        }
        add_summary(&out, selection, graph, file_len);
    }
    return cli_output_end(&out, EXIT_DONE);
}

static cli_exit_code check_options(const cli_options *options)
{
    const char *uid = options->values[OPTION_UID];
    mt_error err;

    if (cli_options_has(options, OPTION_JSON) && cli_options_has(options, OPTION_PLAIN))
        return cli_complain(EXIT_USAGE, "--json and --plain cannot be combined");
    if (uid && cli_options_has(options, OPTION_PREFIX))
        return cli_complain(EXIT_USAGE, "--uid and --prefix cannot be combined");
    if (uid && mt_uid_check(mt_str(uid), &err) != MT_OK)
        return cli_complain(EXIT_USAGE, "--uid: %s", err.text);
    return EXIT_DONE;
}

static cli_exit_code run_show(const cli_options *options)
{
    node_selection selection = {0};
    mt_graph *graph = NULL;
    cli_input_facts facts;
    cli_exit_code code = check_options(options);

    if (code == EXIT_DONE) code = cli_input_graph(options->operands[0], &graph, &facts);
    selection.graph = graph;
    if (code == EXIT_DONE && select_by(options, &selection) != MT_OK)
        code = cli_complain(EXIT_SYSTEM, "%s", mt_status_text(MT_NO_MEMORY));
    cli_progress_end();
    if (code == EXIT_DONE) code = show(options, &selection, facts.len);
    mt_graph_free(selection.some);
    mt_graph_free(graph);
    return code;
}

const cli_command cli_graph_show = {
    .name = "show",
    .path = "mytosis graph show",
    .summary = "print the nodes of FILE",
    .operands = "an operand, FILE",
    .operand_min = 1,
    .operand_max = 1,
    .input_count = 1,
    .option_bits = OPTION_BIT(OPTION_JSON) | OPTION_BIT(OPTION_PLAIN) | OPTION_BIT(OPTION_ALL) |
                   OPTION_BIT(OPTION_UID) | OPTION_BIT(OPTION_PREFIX) | OPTION_BIT(OPTION_LIMIT),
    .run = run_show,
    .help = "Usage: mytosis graph show [OPTION...] FILE\n"
            "\n"
            "Prints the nodes of FILE with their fields, values and states. FILE is JSON or\n"
            "binary, as its content says; \"-\" is standard input.\n"
            "\n"
            "      --uid UID      only the node of this uid\n"
            "      --prefix P     only nodes whose uid begins with P\n"
            "      --limit N      the first N nodes, at most\n"
            "      --json         print the graph as canonical JSON\n"
            "      --plain        print plain values without states, as JSON: living fields\n"
            "                     only; this is a patch that brings them back\n"
            "      --all          show long values whole\n"
            "      --color WHEN   auto, always or never\n"
            "\n"
            "Example: mytosis graph show packages.mtz --prefix package/lib --limit 20\n"
            "\n"
            "Exit codes: 0 done, 2 usage, 3 bad input, 4 writing failed or no memory.\n",
};
