#include "rows.h"

#include <string.h>

void cli_rows_of_graph(cli_rows *rows, const mt_graph *graph, mt_bytes prefix)
{
    memset(rows, 0, sizeof *rows);
    mt_graph_iter_init(&rows->nodes, graph, prefix, mt_str(NULL));
}

void cli_rows_of_node(cli_rows *rows, const mt_node *node)
{
    memset(rows, 0, sizeof *rows);
    rows->living = node;
}

void cli_rows_of_delta(cli_rows *rows, const mt_delta *delta, mt_delta_part part)
{
    memset(rows, 0, sizeof *rows);
    rows->is_delta = true;
    mt_delta_iter_init(&rows->delta, delta, part);
}

void cli_rows_of_event(cli_rows *rows, const mt_event *event)
{
    memset(rows, 0, sizeof *rows);
    rows->is_delta = true;
    rows->event = event;
}

static bool next_node(cli_rows *rows)
{
    const mt_node *node;
    mt_delta_node part;

    if (rows->is_delta) {
        if (rows->event ? !mt_event_node(rows->event, &rows->delta, &part)
                        : !mt_delta_iter_node(&rows->delta, &part))
            return false;
        rows->row = (mt_row){.uid = part.uid, .floor = part.floor};
        return true;
    }
    if (rows->nodes_over) return false;
    if (rows->living) {
        mt_field_iter_init(&rows->fields, rows->living, false);
        rows->row = (mt_row){.uid = mt_node_uid(rows->living)};
        rows->nodes_over = true;
        return true;
    }
    if (!(node = mt_graph_iter_next(&rows->nodes))) return false;
    mt_field_iter_init(&rows->fields, node, true);
    rows->row = (mt_row){.uid = mt_node_uid(node), .floor = mt_node_floor(node)};
    return true;
}

static bool next_field(cli_rows *rows)
{
    if (rows->is_delta) return mt_delta_iter_field(&rows->delta, &rows->next);
    return mt_field_iter_next(&rows->fields, &rows->next);
}

const mt_row *cli_rows_next(cli_rows *rows)
{
    size_t count = 0;

    if (!rows->ahead) {
        if (!next_node(rows)) return NULL;
        rows->ahead = next_field(rows);
    }
    while (rows->ahead && count < ROW_FIELDS) {
        rows->held[count++] = rows->next;
        rows->ahead = next_field(rows);
    }
    rows->row.fields = rows->held;
    rows->row.count = count;
    rows->row.more = rows->ahead;
    return &rows->row;
}
