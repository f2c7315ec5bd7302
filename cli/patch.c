#include "patch.h"

#include "input.h"
#include "message.h"
#include "shown.h"

#include <stdlib.h>
#include <string.h>

static const mt_bytes all;

typedef struct reading {
    cli_patch *patch;
    mt_json_reader *reader;
    bool within; /* the next row goes on with the node */
} reading;

static mt_status refuse(reading *r, const char *what, mt_bytes key)
{
    mt_status st = MT_NO_MEMORY;
    cli_text text;

    cli_text_init(&text);
    cli_text_printf(&text, "%s \"", what);
    cli_shown_raw(&text, key);
    cli_text_str(&text, "\" stands twice");
    cli_text_add(&text, (mt_bytes){(const uint8_t *)"", 1});
    if (text.status == MT_OK) st = mt_json_reader_refuse(r->reader, (const char *)text.buf.data);
    cli_text_free(&text);
    return st;
}

/* The reader has compared the names of one row; those of the rows before are in the graph. */
static mt_status check_names(reading *r, const mt_row *row)
{
    const mt_node *node = mt_graph_get(r->patch->fields, row->uid);
    mt_field found;

    for (size_t i = 0; i < row->count; i++)
        if (mt_node_get_any(node, row->fields[i].name, &found) == MT_OK)
            return refuse(r, "field", row->fields[i].name);
    return MT_OK;
}

static mt_status keep_fields(reading *r, const mt_row *row)
{
    mt_field *fields = malloc((row->count ? row->count : 1) * sizeof *fields);
    mt_row kept = {.uid = row->uid, .fields = fields, .count = row->count};
    mt_status st;

    if (!fields) return MT_NO_MEMORY;
    for (size_t i = 0; i < row->count; i++) {
        fields[i] = row->fields[i];
        fields[i].state = 1;
    }
    st = mt_graph_merge_rows(r->patch->fields, &kept, 1, NULL);
    free(fields);
    return st;
}

static mt_status keep_row(reading *r, const mt_row *row)
{
    mt_row deleted = {.uid = row->uid};
    size_t count = mt_graph_count(r->patch->fields);
    mt_status st = r->within ? check_names(r, row) : MT_OK;

    if (st == MT_OK) st = keep_fields(r, row);
    if (st == MT_OK && !r->within && mt_graph_count(r->patch->fields) == count)
        st = refuse(r, "uid", row->uid);
    if (st == MT_OK && row->delete_node)
        st = mt_graph_merge_rows(r->patch->deletes, &deleted, 1, NULL);
    r->within = row->more;
    return st;
}

static mt_status keep_rows(reading *r, const char *name, mt_bytes text, mt_error *err)
{
    const mt_mem *mem = mt_mem_system();
    mt_status st;
    mt_row row;

    if (mt_graph_new(mem, NULL, &r->patch->fields) != MT_OK ||
        mt_graph_new(mem, NULL, &r->patch->deletes) != MT_OK ||
        mt_json_reader_new(mem, MT_JSON_PATCH, name, NULL, &r->reader) != MT_OK)
        return MT_NO_MEMORY;
    st = mt_json_reader_feed(r->reader, text, true);
    while (st == MT_OK && (st = mt_json_reader_next(r->reader, &row)) == MT_OK)
        st = keep_row(r, &row);
    if (st == MT_END) return MT_OK;
    *err = *mt_json_reader_error(r->reader);
    return st;
}

/* One row for each node, now that the graphs stay as they are. */
static mt_status make_rows(cli_patch *patch)
{
    size_t row_count = mt_graph_count(patch->fields), field_count = 0;
    const mt_node *node;
    mt_graph_iter nodes;
    mt_field_iter fields;
    mt_field *next;

    mt_graph_iter_init(&nodes, patch->fields, all, all);
    while ((node = mt_graph_iter_next(&nodes))) field_count += mt_node_count_all(node);
    patch->rows = calloc(row_count + 1, sizeof *patch->rows);
    patch->row_fields = calloc(field_count + 1, sizeof *patch->row_fields);
    if (!patch->rows || !patch->row_fields) return MT_NO_MEMORY;
    next = patch->row_fields;
    mt_graph_iter_init(&nodes, patch->fields, all, all);
    while ((node = mt_graph_iter_next(&nodes))) {
        mt_row *row = &patch->rows[patch->row_count++];

        *row = (mt_row){.uid = mt_node_uid(node), .fields = next};
        row->delete_node = mt_graph_get(patch->deletes, row->uid);
        mt_field_iter_init(&fields, node, true);
        while (mt_field_iter_next(&fields, next)) next++;
        row->count = (size_t)(next - row->fields);
    }
    return MT_OK;
}

mt_status cli_patch_parse(mt_bytes text, const char *name, cli_patch *out, mt_error *err)
{
    reading r = {.patch = out};
    mt_status st;

    memset(out, 0, sizeof *out);
    st = keep_rows(&r, name, text, err);
    mt_json_reader_free(r.reader);
    if (st == MT_OK) st = make_rows(out);
    if (st == MT_NO_MEMORY) *err = (mt_error){st, "out of memory"};
    if (st != MT_OK) cli_patch_free(out);
    return st;
}

cli_exit_code cli_patch_read(const char *path, cli_patch *out)
{
    const char *name = cli_input_name(path);
    cli_exit_code code;
    mt_bytes bytes;
    mt_error err;
    cli_text file;

    memset(out, 0, sizeof *out);
    cli_text_init(&file);
    code = cli_input_read(path, &file);
    bytes = mt_buf_bytes(&file.buf);
    if (code == EXIT_DONE && cli_input_is_binary(bytes))
        code = cli_complain(EXIT_INPUT, "%s: a patch is JSON, and this is a binary graph", name);
    if (code == EXIT_DONE && cli_patch_parse(bytes, name, out, &err) != MT_OK)
        code = cli_complain_error(&err, NULL, NULL);
    cli_text_free(&file);
    return code;
}

void cli_patch_free(cli_patch *patch)
{
    free(patch->rows);
    free(patch->row_fields);
    mt_graph_free(patch->fields);
    mt_graph_free(patch->deletes);
    memset(patch, 0, sizeof *patch);
}
