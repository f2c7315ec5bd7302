#include "crdt/rows.h"

#include "crdt/node.h"

void mti_node_rows_init(mti_node_rows *rows, const mt_node *node)
{
    rows->done = false;
    mt_field_iter_init(&rows->iter, node, true);
}

bool mti_node_rows_next(mti_node_rows *rows, mt_row *out)
{
    const mt_node *node = rows->iter.node;
    size_t count = 0;

    if (rows->done) return false;
    out->uid = mt_node_uid(node);
    out->floor = node->floor;
    out->fields = rows->fields;
    out->extension.data = NULL;
    out->extension.len = 0;
    out->shape = node->shape;
    out->delete_node = false;
    if (node->shape) {
        const mti_cell *cells = mti_node_cells(node);
        for (; count < node->count; count++)
            mti_cell_field(node, &cells[count], node->shape->names[count], &rows->fields[count]);
        rows->done = true;
    } else {
        while (count < MTI_ROW_FIELDS && mt_field_iter_next(&rows->iter, &rows->fields[count]))
            count++;
        rows->done = rows->iter.walk.level < 0;
    }
    out->count = count;
    out->more = !rows->done;
    return true;
}

void mti_delta_rows_init(mti_delta_rows *rows, const mt_delta *delta, mt_delta_part part, bool all)
{
    rows->within = false;
    rows->all = all;
    mt_delta_iter_init(&rows->iter, delta, part);
}

bool mti_delta_rows_next(mti_delta_rows *rows, mt_row *out)
{
    size_t count = 0;

    if (!rows->within) {
        do {
            if (!mt_delta_iter_node(&rows->iter, &rows->node)) return false;
        } while (rows->node.empty && !rows->all);
        rows->within = mt_delta_iter_field(&rows->iter, &rows->next);
    }
    while (rows->within && count < MTI_ROW_FIELDS) {
        rows->fields[count++] = rows->next;
        rows->within = mt_delta_iter_field(&rows->iter, &rows->next);
    }
    out->uid = rows->node.uid;
    out->floor = rows->node.floor;
    out->fields = rows->fields;
    out->count = count;
    out->extension.data = NULL;
    out->extension.len = 0;
    out->shape = NULL;
    out->delete_node = false;
    out->more = rows->within;
    return true;
}
