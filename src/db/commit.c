/* The calls that write: each makes rows of what it was given. */
#include "base/bytes.h"
#include "crdt/rows.h"
#include "db/branch.h"
#include "db/write.h"

#include <mytosis/plugin/router.h>

mt_status mt_write(mt_db *db, const mt_row *rows, size_t count, const mt_options *options,
                   mt_done *done, void *ctx, uint64_t *id)
{
    mti_write_start start = {.rows = rows, .count = count, .options = options};

    return mti_write_start_call(db, &start, done, ctx, id);
}

mt_status mt_node_write(mt_handle *handle, const mt_field *fields, size_t count,
                        const mt_options *options, mt_done *done, void *ctx, uint64_t *id)
{
    mt_row row = {.uid = mt_handle_uid(handle), .fields = fields, .count = count};

    return mt_write(handle->db, &row, 1, options, done, ctx, id);
}

mt_status mt_delete(mt_db *db, mt_bytes uid, const mt_options *options, mt_done *done, void *ctx,
                    uint64_t *id)
{
    mt_row row = {.uid = uid, .delete_node = true};

    return mt_write(db, &row, 1, options, done, ctx, id);
}

mt_status mt_delete_fields(mt_db *db, mt_bytes uid, const mt_bytes *names, size_t count,
                           const mt_options *options, mt_done *done, void *ctx, uint64_t *id)
{
    mt_field *fields = mti_mem_alloc(db->mem, (count ? count : 1) * sizeof *fields);
    mt_row row = {.uid = uid, .fields = fields, .count = count};
    mt_status st;

    if (!fields) return mti_no_memory(&db->error);
    memset(fields, 0, count * sizeof *fields);
    for (size_t i = 0; i < count; i++) {
        fields[i].name = names[i];
        fields[i].kind = MT_FIELD_DELETED;
    }
    st = mt_write(db, &row, 1, options, done, ctx, id);
    mti_mem_free(db->mem, fields, (count ? count : 1) * sizeof *fields);
    return st;
}

mt_status mt_commit_rows(mt_db *db, const mt_row *rows, size_t count, const mt_options *options,
                         mt_done *done, void *ctx, uint64_t *id)
{
    mti_write_start start = {.rows = rows, .count = count, .options = options, .stamped = true};

    return mti_write_start_call(db, &start, done, ctx, id);
}

mt_status mt_db_receive(mt_db *db, mt_connection *from, const mt_row *rows, size_t count,
                        const mt_options *options, mt_done *done, void *ctx, uint64_t *id)
{
    mti_write_start start = {.rows = rows,
                             .count = count,
                             .options = options,
                             .stamped = true,
                             .received = true,
                             .origin = from};

    return mti_write_start_call(db, &start, done, ctx, id);
}

mt_status mt_db_receive_with(mt_db *db, mt_connection *from, const mt_received *what,
                             const mt_options *options, mt_done *done, void *ctx, uint64_t *id)
{
    mti_write_start start = {.rows = what->rows,
                             .count = what->count,
                             .options = options,
                             .stamped = true,
                             .received = true,
                             .checked = what->checked,
                             .origin = from,
                             .records = what->records,
                             .record_count = what->record_count};

    return mti_write_start_call(db, &start, done, ctx, id);
}

/* ---- A graph as rows ---- */

typedef struct graph_rows {
    const mt_mem *mem;
    mt_row *rows;
    mt_field *fields;
    size_t row_count, field_count;
} graph_rows;

static void graph_rows_free(graph_rows *g)
{
    mti_mem_free(g->mem, g->rows, g->row_count * sizeof *g->rows);
    mti_mem_free(g->mem, g->fields, g->field_count * sizeof *g->fields);
}

/* Rows that are views of the graph. */
static mt_status graph_rows_make(const mt_graph *graph, const mt_mem *mem, graph_rows *out)
{
    mt_bytes all = {NULL, 0};
    mt_graph_iter iter;
    const mt_node *node;
    size_t row = 0, field = 0;

    memset(out, 0, sizeof *out);
    out->mem = mem;
    out->row_count = mt_graph_count(graph);
    mt_graph_iter_init(&iter, graph, all, all);
    while ((node = mt_graph_iter_next(&iter))) out->field_count += mt_node_count_all(node);
    out->rows = mti_mem_alloc(mem, out->row_count * sizeof *out->rows);
    out->fields = mti_mem_alloc(mem, out->field_count * sizeof *out->fields);
    if ((out->row_count && !out->rows) || (out->field_count && !out->fields)) {
        graph_rows_free(out);
        return MT_NO_MEMORY;
    }
    mt_graph_iter_init(&iter, graph, all, all);
    while ((node = mt_graph_iter_next(&iter))) {
        mt_field_iter fields;
        size_t first = field;
        memset(&out->rows[row], 0, sizeof *out->rows);
        mt_field_iter_init(&fields, node, true);
        while (mt_field_iter_next(&fields, &out->fields[field])) field++;
        out->rows[row].uid = mt_node_uid(node);
        out->rows[row].floor = mt_node_floor(node);
        out->rows[row].fields = out->fields + first;
        out->rows[row++].count = field - first;
    }
    return MT_OK;
}

mt_status mt_commit_graph(mt_db *db, const mt_graph *graph, const mt_options *options,
                          mt_done *done, void *ctx, uint64_t *id)
{
    graph_rows g;
    mt_status st = graph_rows_make(graph, db->mem, &g);

    if (st != MT_OK) return mti_no_memory(&db->error);
    st = mt_commit_rows(db, g.rows, g.row_count, options, done, ctx, id);
    graph_rows_free(&g);
    return st;
}

mt_status mt_commit(mt_db *db, mt_db *branch, const mt_options *options, mt_done *done, void *ctx,
                    uint64_t *id)
{
    mt_options own = mti_options_copy(options);
    mt_graph *edits;
    mt_status st;

    if (!branch->branch) return mti_db_fail(db, MT_INVALID, "what is committed is no branch");
    if ((st = mt_branch_edits(branch, &edits)) != MT_OK) {
        if (branch != db) db->error = branch->error;
        return st;
    }
    /* States of our own clock are not from elsewhere, however far it is ahead. */
    if (mti_branch_root(branch) == mti_branch_root(db)) own.allow_future = true;
    st = mt_commit_graph(db, edits, &own, done, ctx, id);
    mt_graph_free(edits);
    return st;
}
