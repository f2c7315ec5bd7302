/* Loads a whole text into a graph.
 *
 * The reader finds a name that stands twice in one row. Left to find here are uids that stand
 * twice, which show as rows that add no node, and names that stand twice in a node of several
 * rows. The names of such a node ascend in a text that was written by a program; where they do
 * not, the text is loaded anew and the names of each such node are collected in a graph of their
 * own. */
#include "base/assert.h"
#include "base/status.h"
#include "crdt/json.h"

typedef struct loader {
    const mt_mem *mem;
    const mt_limits *limits;
    mt_json_reader *reader;
    mt_graph *graph;
    mt_graph *names; /* of a node of several rows; NULL: they are expected to ascend */
    bool within;     /* the next row goes on with the node */
    uint8_t last[MT_NAME_LEN_MAX]; /* the name read last, of such a node */
    size_t last_len;
} loader;

static mt_status refuse_uid(loader *load, mt_bytes uid)
{
    mt_error text;

    mti_fail(&text, MT_MALFORMED, "uid \"%.*s\" stands twice", MTI_SHOW(uid));
    return mt_json_reader_refuse(load->reader, text.text);
}

/* Whether the names of a row ascend, from the last one of the row before. */
static bool is_ascending(loader *load, const mt_row *row)
{
    mt_bytes last = {load->last, load->last_len};

    for (size_t i = 0; i < row->count; i++) {
        mt_bytes name = row->fields[i].name;

        if ((i > 0 || load->within) && mt_bytes_compare(last, name) >= 0) return false;
        last = name;
    }
    load->last_len = last.len;
    memmove(load->last, last.data, last.len);
    return true;
}

/* Looks for each name among those of the rows before, and adds it to them. */
static mt_status collect_names(loader *load, const mt_row *row)
{
    const mt_node *node = mt_graph_get(load->names, row->uid);
    mt_row names = {.uid = row->uid, .fields = row->fields, .count = row->count};
    mt_field field;
    mt_error text;

    for (size_t i = 0; i < row->count && node && load->within; i++) {
        mt_bytes name = row->fields[i].name;

        if (mt_node_get_any(node, name, &field) != MT_OK) continue;
        mti_fail(&text, MT_MALFORMED, "field \"%.*s\" stands twice", MTI_SHOW(name));
        return mti_json_reader_refuse_field(load->reader, i, text.text);
    }
    return mt_graph_merge_rows(load->names, &names, 1, NULL);
}

/* MT_AGAIN: names do not ascend and must be collected. */
static mt_status load_row(loader *load, const mt_row *row)
{
    size_t count = mt_graph_count(load->graph);
    mt_status st = mt_graph_merge_rows(load->graph, row, 1, NULL);

    if (st != MT_OK) return st;
    if (!load->within && mt_graph_count(load->graph) == count) return refuse_uid(load, row->uid);
    if (load->within || row->more) {
        if (load->names) st = collect_names(load, row);
        else if (!is_ascending(load, row)) st = MT_AGAIN;
    }
    load->within = row->more;
    return st;
}

static mt_status load_rows(loader *load)
{
    mt_row row;
    mt_status st;

    while ((st = mt_json_reader_next(load->reader, &row)) == MT_OK) {
        if ((st = load_row(load, &row)) != MT_OK) return st;
    }
    mti_assert(st != MT_AGAIN);
    return st == MT_END ? MT_OK : st;
}

/* Frees what was made; the graph only if `st` is an error. */
static void end_loader(loader *load, mt_status st)
{
    mt_json_reader_free(load->reader);
    mt_graph_free(load->names);
    if (st != MT_OK) mt_graph_free(load->graph);
}

static mt_status load_text(loader *load, const char *name, mt_bytes text, bool collect,
                           mt_error *err)
{
    mt_status st = mt_json_reader_new(load->mem, MT_JSON_GRAPH, name, load->limits, &load->reader);

    if (st == MT_OK) st = mt_graph_new(load->mem, load->limits, &load->graph);
    if (st == MT_OK && collect) st = mt_graph_new(load->mem, load->limits, &load->names);
    if (st == MT_OK) st = mt_json_reader_feed(load->reader, text, true);
    if (st == MT_OK) st = load_rows(load);
    if (st == MT_MALFORMED || st == MT_TOO_LARGE) {
        if (err) *err = *mt_json_reader_error(load->reader);
    } else if (st != MT_OK && st != MT_AGAIN) {
        mti_fail(err, st, "%s: %s", name, mt_status_text(st));
    }
    end_loader(load, st);
    return st;
}

mt_status mt_json_load(const mt_mem *mem, const mt_limits *limits, const char *name, mt_bytes text,
                       mt_graph **out, mt_error *err)
{
    loader load = {.mem = mem, .limits = limits};
    mt_status st = load_text(&load, name, text, false, err);

    if (st == MT_AGAIN) {
        load = (loader){.mem = mem, .limits = limits};
        st = load_text(&load, name, text, true, err);
    }
    if (st == MT_OK) *out = load.graph;
    return st;
}
