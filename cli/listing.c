#include "listing.h"

#include "shown.h"

#include <inttypes.h>

/* Without --all. */
#define LINES_MAX 40
#define CONFLICTS_MAX 20
#define VALUE_COLUMNS 40

static const mt_bytes all_uids;

cli_extent cli_listing_extent(bool all)
{
    return all ? (cli_extent){SIZE_MAX, SIZE_MAX, SIZE_MAX}
               : (cli_extent){LINES_MAX, CONFLICTS_MAX, VALUE_COLUMNS};
}

void cli_listing_rest(cli_output *out, size_t count)
{
    if (count == 0) return;
    cli_output_style(out, STYLE_DIM);
    cli_text_str(&out->text, "… and ");
    cli_text_number(&out->text, count);
    cli_text_str(&out->text, " more; --all shows them");
    cli_output_style(out, STYLE_PLAIN);
    cli_text_str(&out->text, "\n");
}

/* ---- Graphs ---- */

enum { GRAPH_NAME, GRAPH_VALUE, GRAPH_STATE };

/* The columns that are aligned to the right. */
#define GRAPH_RIGHT (1u << GRAPH_STATE)

void cli_listing_uid(cli_output *out, mt_bytes uid, uint64_t floor)
{
    cli_output_style(out, STYLE_BOLD);
    cli_shown_key(&out->text, uid);
    cli_output_style(out, STYLE_PLAIN);
    if (floor) {
        cli_output_style(out, STYLE_DIM);
        cli_text_printf(&out->text, "  floor %" PRIu64, floor);
        cli_output_style(out, STYLE_PLAIN);
    }
    cli_text_str(&out->text, "\n");
}

static void add_field_line(cli_table *table, const mt_field *field, size_t columns)
{
    bool deleted = field->kind == MT_FIELD_DELETED;
    bool edge = !deleted && field->value.kind == MT_EDGE;
    cli_text *cell = cli_table_cell_open(table, GRAPH_NAME, STYLE_PLAIN);

    cli_text_str(cell, "  ");
    cli_shown_key(cell, field->name);
    cell = cli_table_cell_open(table, GRAPH_VALUE,
                               deleted ? STYLE_RED
                               : edge  ? STYLE_CYAN
                                       : STYLE_PLAIN);
    cli_shown_field(cell, field, columns);
    cli_text_printf(cli_table_cell_open(table, GRAPH_STATE, STYLE_DIM), "%" PRIu64, field->state);
}

void cli_listing_field(cli_output *out, cli_table *table, const mt_field *field, size_t columns)
{
    cli_table_next(table, out);
    add_field_line(table, field, columns);
}

/* Answers how many lines are left of `lines`. */
static size_t list_fields(cli_output *out, cli_table *table, mt_field_iter iter, size_t lines,
                          size_t columns)
{
    mt_field field;

    while (lines > 0 && mt_field_iter_next(&iter, &field)) {
        cli_listing_field(out, table, &field, columns);
        lines--;
    }
    cli_table_print(table, out);
    return lines;
}

static size_t count_lines(const mt_graph *graph)
{
    size_t lines = mt_graph_count(graph);
    mt_graph_iter iter;
    const mt_node *node;

    mt_graph_iter_init(&iter, graph, all_uids, all_uids);
    while ((node = mt_graph_iter_next(&iter))) lines += mt_node_count_all(node);
    return lines;
}

size_t cli_listing_graph(cli_output *out, const mt_graph *graph, cli_extent extent)
{
    size_t lines = extent.lines, total = count_lines(graph);
    mt_field_iter fields;
    mt_graph_iter iter;
    const mt_node *node;
    cli_table table;

    cli_table_init(&table, GRAPH_RIGHT);
    mt_graph_iter_init(&iter, graph, all_uids, all_uids);
    while (lines > 0 && !out->quiet && (node = mt_graph_iter_next(&iter))) {
        cli_listing_uid(out, mt_node_uid(node), mt_node_floor(node));
        mt_field_iter_init(&fields, node, true);
        lines = list_fields(out, &table, fields, lines - 1, extent.columns);
    }
    cli_table_free(&table);
    return total > extent.lines ? total - extent.lines : 0;
}

void cli_listing_living(cli_output *out, const mt_node *node, size_t columns)
{
    mt_field_iter fields;
    cli_table table;

    cli_listing_uid(out, mt_node_uid(node), 0);
    cli_table_init(&table, GRAPH_RIGHT);
    mt_field_iter_init(&fields, node, false);
    (void)list_fields(out, &table, fields, SIZE_MAX, columns);
    cli_table_free(&table);
}

void cli_listing_fields_begin(cli_table *table)
{
    cli_table_init(table, GRAPH_RIGHT);
}

/* ---- Changes ---- */

enum { CHANGE_NAME, CHANGE_OLD, CHANGE_ARROW, CHANGE_NOW, CHANGE_STATE };

static void add_changed_node_line(cli_output *out, const cli_node_change *node)
{
    static const char marks[] = {
        [NODE_UNTOUCHED] = ' ', [NODE_LATE] = '<',    [NODE_CHANGED] = '~',
        [NODE_CREATED] = '+',   [NODE_DELETED] = '-',
    };

    cli_output_style(out, STYLE_BOLD);
    cli_text_printf(&out->text, "%c ", marks[node->fate]);
    cli_shown_key(&out->text, node->uid);
    cli_output_style(out, STYLE_PLAIN);
    if (node->floor) cli_text_printf(&out->text, "  floor %" PRIu64, node->floor);
    cli_text_str(&out->text, "\n");
}

static void add_states(cli_text *cell, const cli_field_change *field)
{
    uint64_t old = field->old.state, now = field->now.state;

    if (field->fate == FIELD_CONFLICT || !field->had) cli_text_printf(cell, "%" PRIu64, now);
    else if (field->fate == FIELD_GONE)
        cli_text_printf(cell, "%" PRIu64 " ≤ %" PRIu64, old, field->floor);
    else if (field->fate != FIELD_LATE) cli_text_printf(cell, "%" PRIu64 " → %" PRIu64, old, now);
    else if (field->has) cli_text_printf(cell, "%" PRIu64 " < %" PRIu64, old, now);
    else cli_text_printf(cell, "%" PRIu64 " ≤ %" PRIu64, old, field->floor);
}

static void add_change_line(cli_table *table, const cli_field_change *field, size_t columns)
{
    static const char marks[] = {
        [FIELD_ADDED] = '+',   [FIELD_CHANGED] = '~', [FIELD_CONFLICT] = '!',
        [FIELD_DELETED] = '-', [FIELD_GONE] = '-',    [FIELD_LATE] = '<',
    };
    static const cli_style styles[] = {
        [FIELD_ADDED] = STYLE_GREEN, [FIELD_CHANGED] = STYLE_YELLOW, [FIELD_CONFLICT] = STYLE_RED,
        [FIELD_DELETED] = STYLE_RED, [FIELD_GONE] = STYLE_RED,       [FIELD_LATE] = STYLE_DIM,
    };
    cli_style style = styles[field->fate];
    cli_text *cell = cli_table_cell_open(table, CHANGE_NAME, style);

    cli_text_printf(cell, "  %c ", marks[field->fate]);
    cli_shown_key(cell, field->name);
    if (field->had) {
        cli_shown_field(cli_table_cell_open(table, CHANGE_OLD, STYLE_DIM), &field->old, columns);
        cli_text_str(cli_table_cell_open(table, CHANGE_ARROW, STYLE_DIM),
                     field->fate == FIELD_LATE ? "late" : "→");
    }
    cell = cli_table_cell_open(table, CHANGE_NOW, field->fate == FIELD_LATE ? STYLE_PLAIN : style);
    if (field->has) cli_shown_field(cell, &field->now, columns);
    else cli_text_str(cell, "deleted");
    add_states(cli_table_cell_open(table, CHANGE_STATE, STYLE_DIM), field);
}

size_t cli_listing_changes(cli_output *out, cli_changes changes, const cli_change_counts *counts,
                           cli_extent extent)
{
    size_t lines = extent.lines;
    cli_node_change node;
    cli_field_change field;
    cli_table table;

    cli_table_init(&table, 0);
    while (lines > 0 && !out->quiet && cli_changes_node(&changes, &node)) {
        if (node.fate == NODE_UNTOUCHED) continue;
        add_changed_node_line(out, &node);
        lines--;
        for (; lines > 0 && cli_changes_field(&changes, &field); lines--) {
            cli_table_next(&table, out);
            add_change_line(&table, &field, extent.columns);
        }
        cli_table_print(&table, out);
    }
    cli_table_free(&table);
    return counts->lines > extent.lines ? counts->lines - extent.lines : 0;
}

/* ---- Conflicts ---- */

enum { CONFLICT_UID, CONFLICT_NAME, CONFLICT_WON, CONFLICT_OVER, CONFLICT_LOST, CONFLICT_STATE };

static void add_conflict_line(cli_table *table, mt_bytes uid, const mt_conflict *conflict,
                              size_t columns)
{
    cli_text *cell = cli_table_cell_open(table, CONFLICT_UID, STYLE_BOLD);

    cli_text_str(cell, "  ");
    cli_shown_key(cell, uid);
    cli_shown_key(cli_table_cell_open(table, CONFLICT_NAME, STYLE_PLAIN), conflict->won.name);
    cli_shown_field(cli_table_cell_open(table, CONFLICT_WON, STYLE_GREEN), &conflict->won, columns);
    cli_text_str(cli_table_cell_open(table, CONFLICT_OVER, STYLE_PLAIN), "won over");
    cli_shown_field(cli_table_cell_open(table, CONFLICT_LOST, STYLE_RED), &conflict->lost, columns);
    cli_text_printf(cli_table_cell_open(table, CONFLICT_STATE, STYLE_DIM), "%" PRIu64,
                    conflict->won.state);
}

void cli_listing_conflict(cli_output *out, cli_table *table, mt_bytes uid,
                          const mt_conflict *conflict, size_t columns)
{
    cli_table_next(table, out);
    add_conflict_line(table, uid, conflict, columns);
}

size_t cli_listing_conflicts(cli_output *out, const mt_delta *delta,
                             const cli_change_counts *counts, cli_extent extent)
{
    size_t lines = extent.conflicts;
    mt_delta_iter iter;
    mt_delta_node node;
    mt_conflict conflict;
    cli_table table;

    cli_table_init(&table, 0);
    mt_delta_iter_init(&iter, delta, MT_CONFLICT);
    while (lines > 0 && !out->quiet && mt_delta_iter_node(&iter, &node)) {
        for (; lines > 0 && mt_delta_iter_conflict(&iter, &conflict); lines--)
            cli_listing_conflict(out, &table, node.uid, &conflict, extent.columns);
    }
    cli_table_print(&table, out);
    cli_table_free(&table);
    return counts->conflicts > extent.conflicts ? counts->conflicts - extent.conflicts : 0;
}
