#include "test_inspect.h"
#include <string.h>

typedef struct walkthrough {
    size_t objects;     /* of the heap, but for the shapes and their tree */
    size_t shapes_held; /* by nodes */
    bool shared;
    uint64_t state_max; /* of the node at hand */
    size_t alive;
} walkthrough;

static void count_object(walkthrough *w, uint32_t refs)
{
    HOLDS(refs > 0);
    w->objects++;
    w->shared |= refs > 1;
}

static void inline_cell(const mti_cell *cell)
{
    size_t len = cell->head >> 58 & 15;
    unsigned kind = mti_cell_kind(cell);
    const uint8_t *bytes = (const uint8_t *)&cell->payload;

    if (kind < MT_STRING || kind == MTI_CELL_DELETED) {
        HOLDS(len == 0);
        HOLDS((kind != MT_NULL && kind != MTI_CELL_DELETED) || cell->payload == 0);
        HOLDS(kind != MT_BOOL || cell->payload <= 1);
        return;
    }
    HOLDS(len <= MTI_CELL_INLINE_MAX);
    /* Cells are compared whole, so that what is not used must be zero. */
    for (size_t i = len; i < 8; i++) HOLDS(bytes[i] == 0);
}

/* `low` and `high` say where in its node or entry the bytes of a cell may lie. */
static void cell_inspect(walkthrough *w, const void *base, const mti_cell *cell, size_t low,
                         size_t high)
{
    unsigned kind = mti_cell_kind(cell);
    mt_field field;

    HOLDS(mti_cell_state(cell) > 0 && mti_cell_state(cell) <= MT_STATE_MAX);
    HOLDS(kind <= MT_EDGE || kind == MTI_CELL_DELETED);
    HOLDS(cell->head >> 62 == 0);
    if (mti_cell_state(cell) > w->state_max) w->state_max = mti_cell_state(cell);
    w->alive += kind != MTI_CELL_DELETED;
    if (mti_cell_place(cell) == MTI_INLINE) {
        inline_cell(cell);
    } else {
        size_t at = (uint32_t)cell->payload, len = mti_cell_bytes(base, cell).len;

        HOLDS(kind >= MT_STRING && kind <= MT_EDGE);
        HOLDS(mti_cell_place(cell) != MTI_FOREIGN);
        if (mti_cell_place(cell) == MTI_WITHIN) {
            HOLDS(len > MTI_CELL_INLINE_MAX && len <= MTI_WITHIN_MAX);
            HOLDS(at >= low && at + len <= high);
        } else {
            HOLDS(len > MTI_WITHIN_MAX);
            count_object(w, ((const mti_blob *)(uintptr_t)cell->payload)->refs);
        }
    }
    mti_cell_field(base, cell, mt_str("name"), &field);
    if (field.kind == MT_FIELD_VALUE) HOLDS(mt_value_check(&field.value, NULL, NULL) == MT_OK);
}

static mt_bytes shape_key(const void *object)
{
    return ((const mti_shape *)object)->list;
}

static const mti_tree_kind shape_kind = {shape_key, NULL};

static void shape_inspect(const mti_shape *shape)
{
    const uint8_t *at = shape->list.data;

    HOLDS(shape->refs > 0 && shape->count <= MTI_SHAPE_FIELDS_MAX);
    for (uint32_t i = 0; i < shape->count; i++) {
        HOLDS(*at == shape->names[i].len && at + 1 == shape->names[i].data);
        HOLDS(mt_name_check(shape->names[i], NULL) == MT_OK);
        HOLDS(i == 0 || mt_bytes_compare(shape->names[i - 1], shape->names[i]) < 0);
        at += 1 + shape->names[i].len;
    }
    HOLDS(at == shape->list.data + shape->list.len);
}

static void small_inspect(walkthrough *w, const mt_node *node)
{
    const mti_cell *cells = mti_node_cells(node);
    size_t body = mti_node_body(node->uid_len);

    shape_inspect(node->shape);
    w->shapes_held++;
    HOLDS(node->shape->count == node->count);
    for (uint32_t i = 0; i < node->count; i++) {
        HOLDS(mti_cell_state(&cells[i]) > node->floor);
        cell_inspect(w, node, &cells[i], body + node->count * sizeof(mti_cell), node->size);
    }
}

static void large_inspect(walkthrough *w, const mt_node *node)
{
    const mti_tree *tree = mti_node_tree(node);
    test_tree seen = test_tree_inspect(tree, &mti_entry_kind);
    const mti_entry *entry;
    mt_walk walk;

    HOLDS(node->count > MTI_SHAPE_FIELDS_MAX && tree->count == node->count);
    HOLDS(node->size == mti_node_body(node->uid_len) + sizeof(mti_tree));
    w->objects += seen.pages;
    w->shared |= seen.shared;
    mti_tree_walk(tree, &mti_entry_kind, mt_str(""), &walk);
    while ((entry = mti_tree_next(&walk))) {
        size_t head = offsetof(mti_entry, name) + entry->name_len;

        HOLDS(mt_name_check(mti_entry_name(entry), NULL) == MT_OK);
        HOLDS(mti_cell_state(&entry->cell) > node->floor);
        cell_inspect(w, entry, &entry->cell, head, entry->size);
        count_object(w, entry->refs);
    }
}

static void node_inspect(walkthrough *w, const mt_node *node)
{
    count_object(w, node->refs);
    HOLDS(mt_uid_check(mt_node_uid(node), NULL) == MT_OK);
    HOLDS(node->floor <= MT_STATE_MAX);
    w->state_max = node->floor;
    w->alive = 0;
    if (node->shape) small_inspect(w, node);
    else large_inspect(w, node);
    HOLDS(node->alive == w->alive && node->state_max == w->state_max);
}

static walkthrough inspect(const mt_graph *graph)
{
    walkthrough w = {.shared = false};
    test_tree seen = test_tree_inspect(&graph->nodes, &mti_node_kind);
    const mt_node *node;
    mt_walk walk;

    w.objects = seen.pages;
    w.shared = seen.shared;
    mti_tree_walk(&graph->nodes, &mti_node_kind, mt_str(""), &walk);
    while ((node = mti_tree_next(&walk))) node_inspect(&w, node);
    return w;
}

/* Holds that the shapes of a family have so many holders, besides those that it keeps itself;
 * answers how many objects of the heap they are. */
static size_t shapes_inspect(const mti_family *family, size_t held)
{
    test_tree seen = test_tree_inspect(&family->shapes, &shape_kind);
    const mti_shape *shape;
    size_t refs = 0;
    mt_walk walk;

    for (size_t i = 0; i < MTI_SHAPE_RECENT; i++) held += family->recent[i] != NULL;
    mti_tree_walk(&family->shapes, &shape_kind, mt_str(""), &walk);
    while ((shape = mti_tree_next(&walk))) {
        shape_inspect(shape);
        refs += shape->refs;
    }
    HOLDS(refs == held);
    return seen.pages + seen.objects;
}

void test_inspect(const mt_graph *graph)
{
    inspect(graph);
}

void test_inspect_alone(const mt_graph *graph)
{
    walkthrough w = inspect(graph);

    HOLDS(!w.shared && graph->family->refs == 1u + (graph->spare != NULL));
    w.objects += shapes_inspect(graph->family, w.shapes_held);
    HOLDS(graph->family->heap.live == w.objects);
}

mti_family *test_family_keep(const mt_graph *graph)
{
    mti_family_hold(graph->family);
    return graph->family;
}

void test_family_end(mti_family *family)
{
    HOLDS(family->refs == 1);
    HOLDS(family->heap.live == shapes_inspect(family, 0));
    mti_family_release(family);
}
