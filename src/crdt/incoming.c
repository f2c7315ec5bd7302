/* Rows as they come from outside, checked and made ready to merge. */
#include "base/bytes.h"
#include "base/status.h"
#include "crdt/graph.h"

#define FIELD_MAX UINT32_MAX

static bool scratch_reserve(mt_graph *graph, size_t count)
{
    mti_scratch *s = &graph->scratch;
    mt_bytes *names =
        mti_vector_reserve(graph->mem, s->names, &s->name_cap, count + 1, sizeof *names);
    mti_cell *cells;

    if (!names) return false;
    s->names = names;
    cells = mti_vector_reserve(graph->mem, s->cells, &s->cell_cap, count + 1, sizeof *cells);
    if (!cells) return false;
    s->cells = cells;
    return true;
}

/* Keys that lie `stride` bytes apart: the names of fields, the uids of rows. */
typedef struct keys {
    const mt_bytes *first;
    size_t stride;
    size_t count;
} keys;

static inline mt_bytes key_at(const keys *k, size_t i)
{
    mt_bytes key;

    memcpy(&key, (const uint8_t *)k->first + i * k->stride, sizeof key);
    return key;
}

static void order_sink(const keys *k, uint32_t *order, size_t root, size_t count)
{
    uint32_t moved = order[root];
    size_t child;

    while ((child = 2 * root + 1) < count) {
        if (child + 1 < count &&
            mt_bytes_compare(key_at(k, order[child]), key_at(k, order[child + 1])) < 0)
            child++;
        if (mt_bytes_compare(key_at(k, moved), key_at(k, order[child])) >= 0) break;
        order[root] = order[child];
        root = child;
    }
    order[root] = moved;
}

/* The order of keys, in the scratch space. False without memory. */
static bool order_make(mt_graph *graph, const keys *k)
{
    mti_scratch *s = &graph->scratch;
    uint32_t *order =
        mti_vector_reserve(graph->mem, s->order, &s->order_cap, k->count, sizeof *order);

    if (!order) return false;
    s->order = order;
    for (size_t i = 0; i < k->count; i++) order[i] = (uint32_t)i;
    for (size_t i = k->count / 2; i-- > 0;) order_sink(k, order, i, k->count);
    for (size_t i = k->count; i-- > 1;) {
        uint32_t last = order[i];
        order[i] = order[0];
        order[0] = last;
        order_sink(k, order, 0, i);
    }
    return true;
}

/* Whether each key is above the one before. */
static bool in_order(const keys *k)
{
    for (size_t i = 1; i < k->count; i++)
        if (mti_bytes_order(key_at(k, i - 1), key_at(k, i)) >= 0) return false;
    return true;
}

/* Adds where a message is about: the node, and the field unless it is NULL. */
static mt_status fail_at(mt_graph *graph, const mt_row *row, const mt_field *field,
                         const mt_error *why)
{
    if (!field)
        return mti_fail(&graph->error, why->status, "node \"%.*s\": %s", MTI_SHOW(row->uid),
                        why->text);
    return mti_fail(&graph->error, why->status, "node \"%.*s\", field \"%.*s\": %s",
                    MTI_SHOW(row->uid), MTI_SHOW(field->name), why->text);
}

static mt_status field_fail(mt_graph *graph, const mt_row *row, const mt_field *field, bool states)
{
    mt_error why = {MT_OK, ""};

    if (field->type != MT_TYPE_REGISTER)
        mti_fail(&why, MT_UNSUPPORTED, "type %u is not known", (unsigned)field->type);
    else if (field->kind != MT_FIELD_VALUE && field->kind != MT_FIELD_DELETED)
        mti_fail(&why, MT_INVALID, "field kind %u is not known", (unsigned)field->kind);
    else if (states && (field->state == 0 || field->state > MT_STATE_MAX))
        mti_fail(&why, MT_STATE, "state %llu is not in 1 to 2^53 - 1",
                 (unsigned long long)field->state);
    else if (mt_value_check(&field->value, &graph->limits, &why) == MT_OK) return MT_OK;
    return fail_at(graph, row, field, &why);
}

/* Whether a value may be held, for those that are seen at once; the others are looked at more
 * closely. */
static inline bool plain_value(const mt_value *value, const mt_limits *limits)
{
    uint64_t word, high = 0;
    size_t i = 0, len;

    if (value->kind == MT_NULL || value->kind == MT_BOOL) return true;
    if (value->kind == MT_NUMBER) {
        memcpy(&word, &value->as.number, 8);
        return (word >> 52 & 0x7ff) != 0x7ff && word != UINT64_C(1) << 63;
    }
    if (value->kind != MT_STRING) return false;
    len = value->as.bytes.len;
    if (len < 8 || len > limits->value_len_max) return false;
    for (; i + 8 < len; i += 8) {
        memcpy(&word, value->as.bytes.data + i, 8);
        high |= word;
    }
    memcpy(&word, value->as.bytes.data + len - 8, 8);
    return ((high | word) & UINT64_C(0x8080808080808080)) == 0;
}

static inline mt_status field_check(mt_graph *graph, const mt_row *row, const mt_field *field,
                                    bool states)
{
    bool fine = field->type == MT_TYPE_REGISTER && (!states || field->state - 1 < MT_STATE_MAX);

    if (fine && field->kind == MT_FIELD_DELETED) return MT_OK;
    if (fine && field->kind == MT_FIELD_VALUE && plain_value(&field->value, &graph->limits))
        return MT_OK;
    return field_fail(graph, row, field, states);
}

static mt_status row_check(mt_graph *graph, const mt_row *row, bool known)
{
    mt_error why;

    if (known && row->floor <= MT_STATE_MAX && row->count <= FIELD_MAX) return MT_OK;
    why.status = MT_OK;
    if (mt_uid_check(row->uid, &why) != MT_OK)
        return mti_fail(&graph->error, why.status, "%s", why.text);
    if (row->floor > MT_STATE_MAX)
        mti_fail(&why, MT_STATE, "floor %llu is above 2^53 - 1", (unsigned long long)row->floor);
    else if (row->count > FIELD_MAX)
        mti_fail(&why, MT_TOO_LARGE, "%zu fields are too many", row->count);
    return why.status == MT_OK ? MT_OK : fail_at(graph, row, NULL, &why);
}

/* Names that are no known shape are checked one by one. */
static mt_status names_check(mt_graph *graph, const mt_row *row, const mti_incoming *in)
{
    mt_error why = {MT_OK, ""};

    for (size_t i = 0; i < in->count; i++) {
        if (mt_name_check(in->names[i], &why) != MT_OK) return fail_at(graph, row, NULL, &why);
        if (i > 0 && mt_bytes_equal(in->names[i - 1], in->names[i])) {
            mti_fail(&why, MT_INVALID, "field \"%.*s\" stands twice", MTI_SHOW(in->names[i]));
            return fail_at(graph, row, NULL, &why);
        }
    }
    return MT_OK;
}

/* Names that are no shape at hand are checked, and become one: what comes once comes again. */
static mt_status names_learn(mt_graph *graph, const mt_row *row, mti_incoming *in)
{
    mt_status st = names_check(graph, row, in);

    if (st != MT_OK || in->count > MTI_SHAPE_FIELDS_MAX) return st;
    in->shape = mti_shape_of(graph->family, in->names, in->count);
    return in->shape ? MT_OK : mti_no_memory(&graph->error);
}

/* Where the fields stand: `*order` NULL in name order already; `*shape` held if it is one at
 * hand. */
static mt_status row_order(mt_graph *graph, const mt_row *row, mti_shape **shape,
                           const uint32_t **order)
{
    keys names = {NULL, sizeof *row->fields, row->count};

    *order = NULL;
    *shape = NULL;
    if (row->count == 0) return MT_OK;
    names.first = &row->fields->name;
    if (row->count <= MTI_SHAPE_FIELDS_MAX)
        *shape = mti_shape_recent(graph->family, names.first, names.stride, names.count);
    if (*shape || in_order(&names)) return MT_OK;
    if (!order_make(graph, &names)) return MT_NO_MEMORY;
    *order = graph->scratch.order;
    return MT_OK;
}

static mt_status row_fill(mt_graph *graph, const mt_row *row, bool states, const uint32_t *order,
                          mti_incoming *out)
{
    mti_scratch *s = &graph->scratch;
    mt_status st;

    for (size_t i = 0; i < row->count; i++) {
        const mt_field *field = &row->fields[order ? order[i] : i];
        if ((st = field_check(graph, row, field, states)) != MT_OK) return st;
        if (states && field->state <= row->floor) continue;
        s->names[out->count] = field->name;
        mti_cell_of(field, &s->cells[out->count++]);
    }
    return MT_OK;
}

mt_status mti_incoming_row(mt_graph *graph, const mt_row *row, bool known, bool states,
                           mti_incoming *out)
{
    const uint32_t *order;
    mt_status st;

    memset(out, 0, sizeof *out);
    if ((st = row_check(graph, row, known)) != MT_OK) return st;
    if (!scratch_reserve(graph, row->count) || row_order(graph, row, &out->shape, &order) != MT_OK)
        return mti_no_memory(&graph->error);
    out->uid = row->uid;
    out->floor = row->floor;
    out->names = graph->scratch.names;
    out->cells = graph->scratch.cells;
    out->share = true; /* scratch cells hold no blob */
    st = row_fill(graph, row, states, order, out);
    if (st == MT_OK && !out->shape) st = names_learn(graph, row, out);
    if (st != MT_OK || (out->shape && out->shape->count != out->count))
        mti_incoming_end(graph, out);
    return st;
}

void mti_incoming_end(mt_graph *graph, mti_incoming *in)
{
    if (in->shape) mti_shape_release(graph->family, in->shape);
    in->shape = NULL;
}

static mt_status stamp_fail(mt_graph *graph, const mt_row *row, const mt_bytes *name,
                            uint64_t state, uint64_t below)
{
    mt_error why = {MT_OK, ""};
    mt_field field = {.value = {.kind = MT_NULL}};

    if (name) field.name = *name;
    if (below >= MT_STATE_MAX) mti_fail(&why, MT_STATE, "there is no state above 2^53 - 1");
    else
        mti_fail(&why, MT_STATE, "state %llu is not above %llu, which is there",
                 (unsigned long long)state, (unsigned long long)below);
    return fail_at(graph, row, name ? &field : NULL, &why);
}

mt_status mti_incoming_stamp(mt_graph *graph, const mt_node *current, const mt_row *row,
                             uint64_t state, mti_incoming *in)
{
    uint64_t floor = current ? current->floor : 0;
    bool aligned = current && in->shape && in->shape == current->shape;

    in->floor = 0;
    if (state > MT_STATE_MAX) return stamp_fail(graph, row, NULL, state, MT_STATE_MAX);
    if (row->delete_node) {
        uint64_t top = current ? current->state_max : 0;
        if (state && state <= top) return stamp_fail(graph, row, NULL, state, top);
        in->floor = floor = state ? state - 1 : top;
    }
    for (size_t i = 0; i < in->count; i++) {
        mti_cell *cell = &graph->scratch.cells[i];
        const mti_cell *here = NULL;
        const void *base;
        uint64_t below = floor;
        if (aligned) here = &mti_node_cells(current)[i];
        else if (current) here = mti_node_find(current, in->names[i], &base);
        if (here && mti_cell_state(here) > below) below = mti_cell_state(here);
        if (below >= MT_STATE_MAX || (state && state <= below))
            return stamp_fail(graph, row, &in->names[i], state, below);
        cell->head = (cell->head & ~MT_STATE_MAX) | (state ? state : below + 1);
    }
    return MT_OK;
}
