#include "test_graph.h"
#include <mytosis/json.h>
#include <string.h>

mt_graph *test_graph_new(void)
{
    mt_graph *graph = NULL;

    HOLDS(mt_graph_new(test_mem(), NULL, &graph) == MT_OK);
    return graph;
}

void test_worked(const mt_graph *graph, mt_status st)
{
    if (st != MT_OK) print_error("%s: %s\n", mt_status_name(st), mt_graph_error(graph)->text);
    HOLDS(st == MT_OK);
}

mt_graph *test_graph_of_rows(const mt_row *rows, size_t count)
{
    mt_graph *graph = test_graph_new();

    test_worked(graph, mt_graph_merge_rows(graph, rows, count, NULL));
    return graph;
}

mt_graph *test_graph_of(const ref_graph *graph)
{
    mt_graph *out = test_graph_new();

    for (size_t i = 0; i < graph->count; i++) {
        const ref_node *node = &graph->nodes[i];
        mt_row row = {
            .uid = node->uid, .fields = node->fields, .count = node->count, .floor = node->floor};

        test_worked(out, mt_graph_merge_rows(out, &row, 1, NULL));
    }
    return out;
}

mt_graph *test_clone(const mt_graph *graph)
{
    mt_graph *copy = NULL;

    HOLDS(mt_graph_clone(graph, &copy) == MT_OK);
    return copy;
}

mt_delta *test_merge(mt_graph *graph, const mt_graph *incoming)
{
    mt_delta *delta = NULL;

    test_worked(graph, mt_graph_merge(graph, incoming, &delta));
    return delta;
}

ref_graph test_read(test_arena *arena, const mt_graph *graph)
{
    const mt_bytes all = {NULL, 0};
    ref_graph out = {.arena = arena};
    const mt_node *node;
    mt_graph_iter iter;
    mt_field_iter fields;
    mt_field field;

    mt_graph_iter_init(&iter, graph, all, all);
    while ((node = mt_graph_iter_next(&iter))) {
        ref_node *read = ref_add(&out, test_copy(arena, mt_node_uid(node)));

        read->floor = mt_node_floor(node);
        mt_field_iter_init(&fields, node, true);
        while (mt_field_iter_next(&fields, &field)) {
            field.name = test_copy(arena, field.name);
            if (field.value.kind >= MT_STRING)
                field.value.as.bytes = test_copy(arena, field.value.as.bytes);
            ref_put(&out, read, &field);
        }
    }
    return out;
}

/* ---- Graphs ---- */

static void field_is_found(const mt_node *node, const mt_field *expected)
{
    mt_field found;

    HOLDS(mt_node_get_any(node, expected->name, &found) == MT_OK);
    HOLDS(ref_field_equal(&found, expected));
    if (expected->kind == MT_FIELD_DELETED) {
        HOLDS(mt_node_get(node, expected->name, &found) == MT_NOT_FOUND);
    } else {
        HOLDS(mt_node_get(node, expected->name, &found) == MT_OK);
        HOLDS(ref_field_equal(&found, expected));
    }
}

static void fields_are(const mt_node *node, const ref_node *expected, bool any)
{
    mt_bytes last = {NULL, 0};
    mt_field_iter iter;
    mt_field field;
    size_t count = 0;

    mt_field_iter_init(&iter, node, any);
    for (; mt_field_iter_next(&iter, &field); count++) {
        const mt_field *other = ref_field(expected, field.name);

        HOLDS(count == 0 || mt_bytes_compare(last, field.name) < 0);
        HOLDS(field.type == MT_TYPE_REGISTER);
        HOLDS(other && ref_field_equal(&field, other));
        HOLDS(any || field.kind == MT_FIELD_VALUE);
        last = field.name;
    }
    HOLDS(count == (any ? mt_node_count_all(node) : mt_node_count(node)));
}

static void node_is(const mt_node *node, const ref_node *expected)
{
    uint64_t state_max = expected->floor;
    size_t living = 0;

    for (size_t i = 0; i < expected->count; i++) {
        const mt_field *field = &expected->fields[i];

        living += field->kind == MT_FIELD_VALUE;
        if (field->state > state_max) state_max = field->state;
        if (i % 8 == 0) field_is_found(node, field);
    }
    HOLDS(mt_node_floor(node) == expected->floor);
    HOLDS(mt_node_count(node) == living);
    HOLDS(mt_node_count_all(node) == expected->count);
    HOLDS(mt_node_state_max(node) == state_max);
    fields_are(node, expected, true);
    fields_are(node, expected, false);
}

void test_graph_is(const mt_graph *graph, const ref_graph *expected)
{
    const mt_bytes all = {NULL, 0};
    mt_bytes last = {NULL, 0};
    const mt_node *node;
    mt_graph_iter iter;

    HOLDS(mt_graph_count(graph) == expected->count);
    mt_graph_iter_init(&iter, graph, all, all);
    while ((node = mt_graph_iter_next(&iter))) {
        const ref_node *other = ref_get(expected, mt_node_uid(node));

        HOLDS(last.len == 0 || mt_bytes_compare(last, mt_node_uid(node)) < 0);
        HOLDS(mt_graph_get(graph, mt_node_uid(node)) == node);
        HOLDS(other);
        node_is(node, other);
        last = mt_node_uid(node);
    }
}

/* ---- Deltas ---- */

/* How many nodes of a part are there: all, or those with an effect. */
static size_t part_count(const ref_graph *part, bool update, bool all)
{
    size_t count = 0;

    for (size_t i = 0; i < part->count; i++) {
        const ref_node *node = &part->nodes[i];

        count += all || node->count || node->floor || (update && node->created);
    }
    return count;
}

static void delta_fields_are(mt_delta_iter *iter, const ref_node *expected)
{
    mt_bytes last = {NULL, 0};
    mt_field field;
    size_t count = 0;

    for (; mt_delta_iter_field(iter, &field); count++) {
        const mt_field *other = ref_field(expected, field.name);

        HOLDS(count == 0 || mt_bytes_compare(last, field.name) < 0);
        HOLDS(other && ref_field_equal(&field, other));
        last = field.name;
    }
    HOLDS(count == expected->count);
    HOLDS(!mt_delta_iter_field(iter, &field));
}

static void part_is(const mt_delta *delta, mt_delta_part part, const ref_graph *expected,
                    bool shared)
{
    bool update = part == MT_UPDATE;
    mt_bytes last = {NULL, 0};
    mt_delta_node node;
    mt_delta_iter iter;
    size_t count = 0;

    mt_delta_iter_init(&iter, delta, part);
    while (mt_delta_iter_node(&iter, &node)) {
        const ref_node *other = ref_get(expected, node.uid);

        HOLDS(last.len == 0 || mt_bytes_compare(last, node.uid) < 0);
        HOLDS(other && node.floor == other->floor && node.created == other->created);
        HOLDS(node.empty == (!other->count && !other->floor && !(update && other->created)));
        delta_fields_are(&iter, other);
        count += !shared || !node.empty;
        last = node.uid;
    }
    HOLDS(count == part_count(expected, update, !shared));
    HOLDS(!mt_delta_iter_node(&iter, &node));
    HOLDS(mt_delta_part_empty(delta, part) == (part_count(expected, update, false) == 0));
}

static const ref_conflict *find_conflict(const ref_delta *expected, mt_bytes uid, mt_bytes name)
{
    for (size_t i = 0; i < expected->conflict_count; i++) {
        const ref_conflict *conflict = &expected->conflicts[i];

        if (mt_bytes_equal(conflict->uid, uid) && mt_bytes_equal(conflict->lost.name, name))
            return conflict;
    }
    return NULL;
}

static void conflicts_are(const mt_delta *delta, const ref_delta *expected)
{
    mt_delta_node node;
    mt_conflict conflict;
    mt_delta_iter iter;
    size_t count = 0;

    mt_delta_iter_init(&iter, delta, MT_CONFLICT);
    while (mt_delta_iter_node(&iter, &node)) {
        mt_bytes last = {NULL, 0};
        size_t before = count;

        for (; mt_delta_iter_conflict(&iter, &conflict); count++) {
            const ref_conflict *other = find_conflict(expected, node.uid, conflict.lost.name);

            HOLDS(count == before || mt_bytes_compare(last, conflict.lost.name) < 0);
            HOLDS(other && ref_field_equal(&conflict.won, &other->won));
            HOLDS(ref_field_equal(&conflict.lost, &other->lost));
            last = conflict.lost.name;
        }
        HOLDS(node.floor == 0 && node.empty == (count == before));
    }
    HOLDS(count == expected->conflict_count);
    HOLDS(mt_delta_part_empty(delta, MT_CONFLICT) == (count == 0));
}

void test_delta_is(const mt_delta *delta, const ref_delta *expected, bool shared)
{
    part_is(delta, MT_UPDATE, &expected->update, shared);
    part_is(delta, MT_HISTORY, &expected->history, shared);
    conflicts_are(delta, expected);
    HOLDS(mt_delta_changed(delta) == !mt_delta_part_empty(delta, MT_UPDATE));
}

mt_row *test_delta_rows(test_arena *arena, const mt_delta *delta, mt_delta_part part, size_t *count)
{
    mt_row *rows = NULL;
    size_t room = 0;
    mt_delta_node node;
    mt_delta_iter iter;
    mt_field field;

    *count = 0;
    mt_delta_iter_init(&iter, delta, part);
    while (mt_delta_iter_node(&iter, &node)) {
        mt_row row = {.uid = node.uid, .floor = node.floor};
        mt_field *fields = NULL;
        size_t field_room = 0;

        if (node.empty) continue;
        while (mt_delta_iter_field(&iter, &field)) {
            fields = test_room(arena, fields, row.count, &field_room, sizeof *fields);
            fields[row.count++] = field;
        }
        row.fields = fields;
        rows = test_room(arena, rows, *count, &room, sizeof *rows);
        rows[(*count)++] = row;
    }
    return rows;
}

/* ---- Bytes ---- */

mt_buf test_text(const mt_graph *graph)
{
    mt_buf text = {.mem = test_mem()};

    HOLDS(mt_json_graph(graph, &text) == MT_OK);
    return text;
}

mt_buf test_snapshot(const mt_graph *graph)
{
    mt_buf text = {.mem = test_mem()};

    HOLDS(mt_graph_snapshot(graph, &text) == MT_OK);
    return text;
}

void test_same_bytes(mt_buf a, mt_buf b)
{
    HOLDS(mt_bytes_equal(mt_buf_bytes(&a), mt_buf_bytes(&b)));
    mt_buf_free(&a);
    mt_buf_free(&b);
}
