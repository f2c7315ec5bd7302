#include "test_reference.h"
#include <stdlib.h>
#include <string.h>

/* ---- Maps ---- */

static bool same_bytes(mt_bytes a, mt_bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

ref_node *ref_get(const ref_graph *graph, mt_bytes uid)
{
    for (size_t i = 0; i < graph->count; i++)
        if (same_bytes(graph->nodes[i].uid, uid)) return &graph->nodes[i];
    return NULL;
}

mt_field *ref_field(const ref_node *node, mt_bytes name)
{
    for (size_t i = 0; node && i < node->count; i++)
        if (same_bytes(node->fields[i].name, name)) return &node->fields[i];
    return NULL;
}

ref_node *ref_add(ref_graph *graph, mt_bytes uid)
{
    ref_node *node = ref_get(graph, uid);

    if (node) return node;
    graph->nodes =
        test_room(graph->arena, graph->nodes, graph->count, &graph->room, sizeof *graph->nodes);
    node = &graph->nodes[graph->count++];
    *node = (ref_node){.uid = uid};
    return node;
}

void ref_put(ref_graph *graph, ref_node *node, const mt_field *field)
{
    mt_field *here = ref_field(node, field->name);

    if (!here) {
        node->fields =
            test_room(graph->arena, node->fields, node->count, &node->room, sizeof *node->fields);
        here = &node->fields[node->count++];
    }
    *here = *field;
}

void ref_drop_field(ref_node *node, size_t i)
{
    node->fields[i] = node->fields[--node->count];
}

void ref_drop_node(ref_graph *graph, size_t i)
{
    graph->nodes[i] = graph->nodes[--graph->count];
}

static void copy_node(ref_graph *graph, const ref_node *node)
{
    ref_node *copy = ref_add(graph, node->uid);

    copy->floor = node->floor;
    copy->created = node->created;
    for (size_t i = 0; i < node->count; i++) ref_put(graph, copy, &node->fields[i]);
}

ref_graph ref_copy(const ref_graph *graph)
{
    ref_graph copy = {.arena = graph->arena};

    for (size_t i = 0; i < graph->count; i++) copy_node(&copy, &graph->nodes[i]);
    return copy;
}

static bool same_number(double a, double b)
{
    uint64_t bits_a, bits_b;

    memcpy(&bits_a, &a, sizeof bits_a);
    memcpy(&bits_b, &b, sizeof bits_b);
    return bits_a == bits_b;
}

static bool same_value(const mt_value *a, const mt_value *b)
{
    if (a->kind != b->kind) return false;
    switch (a->kind) {
    case MT_NULL: return true;
    case MT_BOOL: return a->as.boolean == b->as.boolean;
    case MT_NUMBER: return same_number(a->as.number, b->as.number);
    case MT_INT: return a->as.integer == b->as.integer;
    case MT_STRING:
    case MT_BYTES:
    case MT_EDGE: return same_bytes(a->as.bytes, b->as.bytes);
    }
    return false;
}

bool ref_field_equal(const mt_field *a, const mt_field *b)
{
    if (!same_bytes(a->name, b->name) || a->state != b->state || a->kind != b->kind) return false;
    return a->kind == MT_FIELD_DELETED || same_value(&a->value, &b->value);
}

static bool same_node(const ref_node *a, const ref_node *b)
{
    if (a->floor != b->floor || a->count != b->count) return false;
    for (size_t i = 0; i < a->count; i++) {
        const mt_field *other = ref_field(b, a->fields[i].name);

        if (!other || !ref_field_equal(&a->fields[i], other)) return false;
    }
    return true;
}

bool ref_equal(const ref_graph *a, const ref_graph *b)
{
    if (a->count != b->count) return false;
    for (size_t i = 0; i < a->count; i++) {
        const ref_node *other = ref_get(b, a->nodes[i].uid);

        if (!other || !same_node(&a->nodes[i], other)) return false;
    }
    return true;
}

/* ---- The order of values ---- */

/* UTF-8, which is valid, as UTF-16. Answers how many units there are; `out` has room for one a
 * byte. */
static size_t to_utf16(const uint8_t *text, size_t len, uint16_t *out)
{
    size_t count = 0;

    for (size_t at = 0; at < len;) {
        uint8_t head = text[at];
        size_t more = head < 0x80 ? 0 : head < 0xE0 ? 1 : head < 0xF0 ? 2 : 3;
        uint32_t code = more == 0 ? head : head & (0x3Fu >> more);

        for (size_t i = 1; i <= more; i++) code = code << 6 | (text[at + i] & 0x3Fu);
        at += 1 + more;
        if (code >= 0x10000) {
            out[count++] = (uint16_t)(0xD800 + ((code - 0x10000) >> 10));
            code = 0xDC00 + ((code - 0x10000) & 0x3FF);
        }
        out[count++] = (uint16_t)code;
    }
    return count;
}

static uint16_t *value_units(const mt_value *value, size_t *count)
{
    mt_buf text = {.mem = test_mem()};
    uint16_t *units;

    HOLDS(mt_value_json(value, &text) == MT_OK);
    units = malloc(text.len * sizeof *units);
    if (!units) abort();
    *count = to_utf16(text.data, text.len, units);
    mt_buf_free(&text);
    return units;
}

int ref_value_compare(const mt_value *a, const mt_value *b)
{
    size_t count_a, count_b, at = 0;
    uint16_t *units_a = value_units(a, &count_a), *units_b = value_units(b, &count_b);
    int order;

    while (at < count_a && at < count_b && units_a[at] == units_b[at]) at++;
    if (at < count_a && at < count_b) order = units_a[at] < units_b[at] ? -1 : 1;
    else order = (at < count_a) - (at < count_b);
    free(units_a);
    free(units_b);
    return order;
}

/* ---- Merge ---- */

/* What competes for a name: (state, kind, text), where a floor is the greatest kind. */
typedef struct rival {
    uint64_t state;
    int kind; /* 0: delete marker, 1: value, 2: floor */
    const mt_field *field;
} rival;

static rival rival_field(const mt_field *field)
{
    return (rival){field->state, field->kind == MT_FIELD_DELETED ? 0 : 1, field};
}

static int rival_compare(const rival *a, const rival *b)
{
    if (a->state != b->state) return a->state < b->state ? -1 : 1;
    if (a->kind != b->kind) return a->kind < b->kind ? -1 : 1;
    return a->kind == 1 ? ref_value_compare(&a->field->value, &b->field->value) : 0;
}

static void add_conflict(ref_delta *delta, test_arena *arena, ref_conflict conflict)
{
    delta->conflicts = test_room(arena, delta->conflicts, delta->conflict_count,
                                 &delta->conflict_room, sizeof *delta->conflicts);
    delta->conflicts[delta->conflict_count++] = conflict;
}

/* One merge of one node. */
typedef struct merging {
    test_arena *arena;
    ref_graph *out;
    ref_node *merged;
    ref_delta *delta;
    ref_node *update, *history;
} merging;

/* What the log says about a field of which `best` is left; `mine` and `theirs` may be NULL. */
static void log_name(merging *m, const mt_field *mine, const mt_field *theirs, const rival *best)
{
    bool stays = mine && best->field && ref_field_equal(mine, best->field);

    if (best->field && !stays) ref_put(&m->delta->update, m->update, best->field);
    if (mine && !stays) {
        ref_put(&m->delta->history, m->history, mine);
        if (best->state == mine->state) {
            mt_field gone = {.name = mine->name, .state = mine->state, .kind = MT_FIELD_DELETED};

            add_conflict(m->delta, m->arena,
                         (ref_conflict){m->merged->uid, best->field ? *best->field : gone, *mine});
        }
    }
    if (theirs && theirs->state < best->state) {
        ref_put(&m->delta->history, m->history, theirs);
        m->delta->late = true;
    }
}

static void merge_name(merging *m, uint64_t floor, const mt_field *mine, const mt_field *theirs)
{
    rival best = {floor, 2, NULL}, other;

    if (mine) {
        other = rival_field(mine);
        if (rival_compare(&other, &best) > 0) best = other;
    }
    if (theirs) {
        other = rival_field(theirs);
        if (rival_compare(&other, &best) > 0) best = other;
    }
    if (best.field) ref_put(m->out, m->merged, best.field);
    if (m->delta) log_name(m, mine, theirs, &best);
}

static void merge_floor(merging *m, uint64_t mine, uint64_t theirs)
{
    m->merged->floor = theirs > mine ? theirs : mine;
    if (!m->delta) return;
    if (theirs > mine) {
        m->update->floor = theirs;
        m->history->floor = mine;
    } else if (theirs < mine) {
        m->history->floor = theirs;
        m->delta->late |= theirs > 0;
    }
}

/* `current` may be NULL. */
static void merge_node(merging *m, const ref_node *current, const ref_node *incoming)
{
    m->merged = ref_add(m->out, incoming->uid);
    if (m->delta) {
        m->update = ref_add(&m->delta->update, incoming->uid);
        m->history = ref_add(&m->delta->history, incoming->uid);
        m->update->created = m->history->created = !current;
    }
    merge_floor(m, current ? current->floor : 0, incoming->floor);
    for (size_t i = 0; current && i < current->count; i++) {
        const mt_field *field = &current->fields[i];

        merge_name(m, m->merged->floor, field, ref_field(incoming, field->name));
    }
    for (size_t i = 0; i < incoming->count; i++) {
        const mt_field *field = &incoming->fields[i];

        if (!ref_field(current, field->name)) merge_name(m, m->merged->floor, NULL, field);
    }
}

ref_graph ref_merge(const ref_graph *current, const ref_graph *incoming, ref_delta *delta)
{
    ref_graph out = {.arena = current->arena};
    merging m = {.arena = current->arena, .out = &out, .delta = delta};

    if (delta)
        *delta =
            (ref_delta){.update = {.arena = current->arena}, .history = {.arena = current->arena}};
    for (size_t i = 0; i < current->count; i++)
        if (!ref_get(incoming, current->nodes[i].uid)) copy_node(&out, &current->nodes[i]);
    for (size_t i = 0; i < incoming->count; i++)
        merge_node(&m, ref_get(current, incoming->nodes[i].uid), &incoming->nodes[i]);
    return out;
}

/* ---- Patch ---- */

static uint64_t node_top(const ref_node *node)
{
    uint64_t top = node ? node->floor : 0;

    for (size_t i = 0; node && i < node->count; i++)
        if (node->fields[i].state > top) top = node->fields[i].state;
    return top;
}

/* Turns a row of a patch into an incoming node. */
static mt_status patch_row(const ref_graph *current, const mt_row *row, uint64_t state,
                           ref_graph *incoming)
{
    const ref_node *here = ref_get(current, row->uid);
    uint64_t floor = here ? here->floor : 0, top = node_top(here);
    ref_node *node;

    if (row->delete_node) {
        if (state && state <= top) return MT_STATE;
        floor = state ? state - 1 : top;
        if (!here && row->count == 0 && floor == 0) return MT_OK;
    }
    node = ref_add(incoming, row->uid);
    node->floor = row->delete_node ? floor : 0;
    for (size_t i = 0; i < row->count; i++) {
        const mt_field *old = ref_field(here, row->fields[i].name);
        uint64_t below = old && old->state > floor ? old->state : floor;
        mt_field field = row->fields[i];

        field.state = state ? state : below + 1;
        if (field.state <= below || field.state > MT_STATE_MAX) return MT_STATE;
        ref_put(incoming, node, &field);
    }
    return MT_OK;
}

mt_status ref_patch(const ref_graph *current, const mt_row *rows, size_t count, uint64_t state,
                    ref_graph *out, ref_delta *delta)
{
    ref_graph incoming = {.arena = current->arena};

    if (state > MT_STATE_MAX && count > 0) return MT_STATE;
    for (size_t i = 0; i < count; i++) {
        mt_status st = patch_row(current, &rows[i], state, &incoming);

        if (st != MT_OK) return st;
    }
    *out = ref_merge(current, &incoming, delta);
    return MT_OK;
}

/* ---- Rebase, overlap, diff ---- */

static uint64_t max_state(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static mt_status rebase_node(const ref_node *source, const ref_node *target, ref_graph *incoming)
{
    uint64_t here = target ? target->floor : 0;
    bool raised = source->floor > here;
    uint64_t floor = raised ? max_state(node_top(target), source->floor) : here;
    ref_node *node = ref_add(incoming, source->uid);

    node->floor = raised ? floor : 0;
    for (size_t i = 0; i < source->count; i++) {
        mt_field field = source->fields[i];
        const mt_field *other = ref_field(target, field.name);

        if (other) field.state = max_state(other->state + 1, field.state);
        if (field.state <= floor && field.kind == MT_FIELD_DELETED) continue;
        field.state = max_state(field.state, floor + 1);
        if (field.state > MT_STATE_MAX) return MT_STATE;
        ref_put(incoming, node, &field);
    }
    return MT_OK;
}

mt_status ref_rebase(const ref_graph *source, const ref_graph *target, ref_graph *out)
{
    ref_graph incoming = {.arena = source->arena};

    for (size_t i = 0; i < source->count; i++) {
        const ref_node *node = &source->nodes[i];

        if (rebase_node(node, ref_get(target, node->uid), &incoming) != MT_OK) return MT_STATE;
    }
    *out = ref_merge(target, &incoming, NULL);
    return MT_OK;
}

ref_graph ref_overlap(const ref_graph *source, const ref_graph *target)
{
    ref_graph out = {.arena = source->arena};

    for (size_t i = 0; i < source->count; i++) {
        const ref_node *node = &source->nodes[i], *other = ref_get(target, node->uid);
        ref_node *both;

        if (!other) continue;
        both = ref_add(&out, node->uid);
        both->floor = other->floor ? node->floor : 0;
        for (size_t f = 0; f < node->count; f++)
            if (ref_field(other, node->fields[f].name)) ref_put(&out, both, &node->fields[f]);
    }
    return out;
}

ref_graph ref_diff(const ref_graph *a, const ref_graph *b)
{
    ref_graph out = {.arena = a->arena};
    ref_delta delta;

    ref_merge(b, a, &delta);
    for (size_t i = 0; i < delta.update.count; i++) {
        const ref_node *node = &delta.update.nodes[i];

        if (node->created || node->floor || node->count) copy_node(&out, node);
    }
    return out;
}
