#include "report.h"

#include "listing.h"
#include "message.h"
#include "save.h"
#include "shown.h"
#include "table.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

cli_exit_code cli_report_check(const cli_options *options)
{
    const char *path = options->values[OPTION_OUTPUT];

    if (cli_options_has(options, OPTION_FORMAT) && !path)
        return cli_complain(EXIT_USAGE, "--format says how --output is written, and there is none");
    if (path && strcmp(path, "-") == 0 && cli_options_has(options, OPTION_JSON))
        return cli_complain(EXIT_USAGE, "--json and --output - both want standard output");
    return EXIT_DONE;
}

static bool is_wanted(const char *variable)
{
    const char *value = getenv(variable);

    return value && *value;
}

void cli_report_output(const cli_options *options, cli_output *out)
{
    const char *when = options->values[OPTION_COLOR];
    const char *terminal = getenv("TERM"); /* without one, nothing is known of the terminal */

    cli_output_standard(out);
    if (when && strcmp(when, "auto") != 0) out->color = strcmp(when, "always") == 0;
    else if (is_wanted("NO_COLOR") || !terminal || strcmp(terminal, "dumb") == 0)
        out->color = false;
    else out->color = isatty(STDOUT_FILENO);
}

/* ---- For a program ---- */

static void add_conflicts(cli_output *out, const mt_delta *delta)
{
    mt_delta_iter iter;
    mt_delta_node node;
    mt_conflict conflict;
    bool any = false;

    cli_text_str(&out->text, "[");
    mt_delta_iter_init(&iter, delta, MT_CONFLICT);
    while (mt_delta_iter_node(&iter, &node)) {
        while (mt_delta_iter_conflict(&iter, &conflict)) {
            if (any) cli_text_str(&out->text, ",\n");
            cli_save_conflict(&out->text, node.uid, &conflict);
            cli_output_flow(out);
            any = true;
        }
    }
    cli_text_str(&out->text, "]");
}

static void write_json(cli_output *out, const cli_report *report)
{
    if (!report->document) {
        cli_save_json(out, report->graph);
        return;
    }
    cli_text_str(&out->text, "{\"merged\":");
    cli_save_json(out, report->graph);
    cli_text_str(&out->text, ",\"update\":");
    cli_save_delta(out, report->delta, MT_UPDATE);
    cli_text_str(&out->text, ",\n\"history\":");
    cli_save_delta(out, report->delta, MT_HISTORY);
    cli_text_str(&out->text, ",\n\"conflicts\":");
    add_conflicts(out, report->delta);
    cli_text_str(&out->text, "}\n");
}

/* ---- For a person ---- */

static size_t count_fields(const mt_graph *graph)
{
    mt_graph_iter iter;
    const mt_node *node;
    size_t count = 0;

    mt_graph_iter_init(&iter, graph, mt_str(NULL), mt_str(NULL));
    while ((node = mt_graph_iter_next(&iter))) count += mt_node_count_all(node);
    return count;
}

static void write_summary(cli_output *out, const cli_report *report,
                          const cli_change_counts *counts)
{
    cli_table table;
    cli_text *more;
    size_t start;

    cli_table_init(&table, 1u << 1);
    more = cli_table_counted(&table, out, "nodes", mt_graph_count(report->graph));
    start = more->buf.len;
    cli_text_fact(more, start, counts->nodes_created, "new");
    cli_text_fact(more, start, counts->nodes_changed, "changed");
    cli_text_fact(more, start, counts->nodes_deleted, "deleted");
    more = cli_table_counted(&table, out, "fields", count_fields(report->graph));
    start = more->buf.len;
    cli_text_fact(more, start, counts->fields_changed, "changed");
    cli_text_fact(more, start, counts->fields_overwritten, "overwritten");
    cli_text_fact(more, start, counts->fields_late, "came too late");
    if (report->delta) (void)cli_table_counted(&table, out, "conflicts", counts->conflicts);
    cli_table_print(&table, out);
    cli_table_free(&table);
}

static void write_title(cli_output *out, const char *title)
{
    cli_text_str(&out->text, "\n");
    cli_output_style(out, STYLE_BOLD);
    cli_text_str(&out->text, title);
    cli_output_style(out, STYLE_PLAIN);
    cli_text_str(&out->text, "\n");
}

static void write_changes(cli_output *out, const cli_report *report, cli_extent extent)
{
    cli_changes changes;
    cli_change_counts counts;

    cli_changes_init(&changes, report->delta, mt_str(NULL));
    cli_changes_count(changes, &counts);
    write_summary(out, report, &counts);
    if (counts.conflicts > 0) {
        write_title(out, "conflicts: the same state, and the greater value wins");
        cli_listing_rest(out, cli_listing_conflicts(out, report->delta, &counts, extent));
    }
    if (counts.lines > 0) {
        write_title(out, "changes");
        cli_listing_rest(out, cli_listing_changes(out, changes, &counts, extent));
    } else {
        cli_text_printf(&out->text, "\n%s\n", report->same);
    }
}

static void write_graph(cli_output *out, const cli_report *report, cli_extent extent)
{
    static const cli_change_counts none;

    write_summary(out, report, &none);
    if (mt_graph_count(report->graph) == 0) return;
    cli_text_str(&out->text, "\n");
    cli_listing_rest(out, cli_listing_graph(out, report->graph, extent));
}

static void write_path(cli_output *out, const char *path)
{
    cli_text_str(&out->text, "\nwritten to ");
    cli_shown_raw(&out->text, mt_str(path));
    cli_text_str(&out->text, "\n");
}

/* ---- Both ---- */

cli_exit_code cli_report_write(const cli_options *options, const cli_report *report)
{
    const char *path = options->values[OPTION_OUTPUT];
    cli_extent extent = cli_listing_extent(cli_options_has(options, OPTION_ALL));
    cli_exit_code code = EXIT_DONE;
    cli_output out;

    if (path) code = cli_save_graph(path, cli_save_format(options, path), report->graph);
    if (code != EXIT_DONE || (path && strcmp(path, "-") == 0)) return code;
    cli_progress_end();
    cli_report_output(options, &out);
    if (cli_options_has(options, OPTION_JSON)) write_json(&out, report);
    else if (report->delta) write_changes(&out, report, extent);
    else write_graph(&out, report, extent);
    if (path && !cli_options_has(options, OPTION_JSON)) write_path(&out, path);
    return cli_output_end(&out, EXIT_DONE);
}
