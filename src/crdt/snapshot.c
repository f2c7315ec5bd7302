/* What readers see of a graph, as plain JSON: living fields, and nodes that have one. */
#include "base/bytes.h"
#include "crdt/value.h"
#include <mytosis/graph.h>

static mt_status put_mark(char mark, mt_buf *out)
{
    return mti_buf_append(out, &mark, 1);
}

/* A name, a colon, and what stands before: a comma, unless it is the first. */
static mt_status put_name(mt_bytes name, bool first, mt_buf *out)
{
    size_t room;
    uint8_t *at;
    mt_status st;

    if (!mti_size_add(mti_string_text_room(name), 2, &room)) return MT_NO_MEMORY;
    if ((st = mti_buf_reserve(out, room)) != MT_OK) return st;
    at = out->data + out->len;
    if (!first) *at++ = ',';
    at = mti_string_text_put(name, at);
    *at++ = ':';
    out->len = (size_t)(at - out->data);
    return MT_OK;
}

static mt_status put_node(const mt_node *node, mt_buf *out)
{
    mt_field_iter iter;
    mt_field field;
    bool first = true;
    mt_status st = put_mark('{', out);

    mt_field_iter_init(&iter, node, false);
    while (st == MT_OK && mt_field_iter_next(&iter, &field)) {
        st = put_name(field.name, first, out);
        if (st == MT_OK) st = mt_value_json(&field.value, out);
        first = false;
    }
    return st == MT_OK ? put_mark('}', out) : st;
}

static mt_status put_graph(const mt_graph *graph, mt_buf *out)
{
    static const mt_bytes all;
    mt_graph_iter iter;
    const mt_node *node;
    bool first = true;
    mt_status st = put_mark('{', out);

    mt_graph_iter_init(&iter, graph, all, all);
    while (st == MT_OK && (node = mt_graph_iter_next(&iter))) {
        if (mt_node_count(node) == 0) continue;
        st = put_name(mt_node_uid(node), first, out);
        if (st == MT_OK) st = put_node(node, out);
        first = false;
    }
    return st == MT_OK ? put_mark('}', out) : st;
}

mt_status mt_node_snapshot(const mt_node *node, mt_buf *out)
{
    size_t len = out->len;
    mt_status st = put_node(node, out);

    if (st != MT_OK) out->len = len;
    return st;
}

mt_status mt_graph_snapshot(const mt_graph *graph, mt_buf *out)
{
    size_t len = out->len;
    mt_status st = put_graph(graph, out);

    if (st != MT_OK) out->len = len;
    return st;
}
