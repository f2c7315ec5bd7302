#include "crdt/delta.h"

#include "base/bytes.h"
#include "crdt/merge.h"

/* ---- The log ---- */

mt_status mti_delta_new(const mt_mem *mem, mti_family *family, mti_family *foreign, mt_delta **out)
{
    mt_delta *delta = mti_mem_alloc(mem, sizeof *delta);

    if (!delta) return MT_NO_MEMORY;
    memset(delta, 0, sizeof *delta);
    delta->mem = mem;
    delta->family = family;
    delta->foreign = foreign == family ? NULL : foreign;
    delta->sorted = true;
    delta->changes = &delta->first;
    delta->cap = 1;
    mti_family_hold(family);
    if (delta->foreign) mti_family_hold(delta->foreign);
    *out = delta;
    return MT_OK;
}

static void change_release(mt_delta *delta, mti_change *change)
{
    mti_node_release(delta->family, change->before);
    mti_node_release(delta->family, change->after);
    mti_node_release(change->foreign ? delta->foreign : delta->family, change->incoming);
}

void mti_delta_reset(mt_delta *delta)
{
    for (size_t i = 0; i < delta->count; i++) change_release(delta, &delta->changes[i]);
    delta->count = 0;
    delta->sorted = true;
    delta->changed = delta->late = false;
}

void mt_delta_free(mt_delta *delta)
{
    if (!delta) return;
    /* What nobody else holds goes with its family, all at once. */
    if (delta->family->refs > 1 || delta->foreign || mti_heap_checked()) mti_delta_reset(delta);
    mti_family_release(delta->family);
    if (delta->foreign) mti_family_release(delta->foreign);
    if (delta->changes != &delta->first)
        mti_mem_free(delta->mem, delta->changes, delta->cap * sizeof *delta->changes);
    mti_mem_free(delta->mem, delta, sizeof *delta);
}

mt_status mti_delta_reserve(mt_delta *delta, size_t extra)
{
    bool own = delta->changes != &delta->first;
    size_t cap = own ? delta->cap : 0;
    mti_change *changes;

    if (extra <= delta->cap - delta->count) return MT_OK;
    changes = mti_vector_reserve(delta->mem, own ? delta->changes : NULL, &cap,
                                 delta->count + extra, sizeof *changes);
    if (!changes) return MT_NO_MEMORY;
    if (!own) changes[0] = delta->first;
    delta->changes = changes;
    delta->cap = cap;
    return MT_OK;
}

static mt_bytes change_uid(const mti_change *change)
{
    return mt_node_uid(change->after);
}

void mti_delta_add(mt_delta *delta, mti_change change)
{
    if (delta->count > 0 && delta->sorted)
        delta->sorted = mt_bytes_compare(change_uid(&delta->changes[delta->count - 1]),
                                         change_uid(&change)) < 0;
    delta->changes[delta->count++] = change;
    if (change.after != change.before) delta->changed = true;
    if (change.incoming) delta->late = true;
}

static void hold(mt_node *node)
{
    if (node) mti_hold(node);
}

mt_status mt_delta_clone(const mt_delta *delta, mt_delta **out)
{
    mt_delta *clone;
    mt_status st = mti_delta_new(delta->mem, delta->family, delta->foreign, &clone);

    if (st != MT_OK) return st;
    if ((st = mti_delta_reserve(clone, delta->count)) != MT_OK) {
        mt_delta_free(clone);
        return st;
    }
    for (size_t i = 0; i < delta->count; i++) {
        hold(delta->changes[i].before);
        hold(delta->changes[i].after);
        hold(delta->changes[i].incoming);
        mti_delta_add(clone, delta->changes[i]);
    }
    *out = clone;
    return MT_OK;
}

static inline bool change_after(const mti_change *a, const mti_change *b)
{
    return mti_bytes_order8(change_uid(a), change_uid(b)) > 0;
}

/* Runs this long are sorted by insertion, before they are merged. */
#define RUN 8

static void run_sort(mti_change *changes, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        mti_change moved = changes[i];
        size_t at = i;
        for (; at > 0 && change_after(&changes[at - 1], &moved); at--)
            changes[at] = changes[at - 1];
        changes[at] = moved;
    }
}

static void runs_merge(const mti_change *from, size_t middle, size_t end, mti_change *to)
{
    size_t i = 0, j = middle;

    while (i < middle && j < end) *to++ = change_after(&from[i], &from[j]) ? from[j++] : from[i++];
    while (i < middle) *to++ = from[i++];
    while (j < end) *to++ = from[j++];
}

/* A merge sort from the bottom up: changes of one uid stay in the order in which they happened. */
static mt_status changes_sort(const mt_mem *mem, mti_change *changes, size_t count)
{
    mti_change *from = changes, *to, *scratch = NULL;
    size_t size = count * sizeof *changes;

    for (size_t i = 0; i < count; i += RUN)
        run_sort(changes + i, count - i < RUN ? count - i : RUN);
    if (count <= RUN) return MT_OK;
    scratch = to = mti_mem_alloc(mem, size);
    if (!scratch) return MT_NO_MEMORY;
    for (size_t run = RUN; run < count; run *= 2) {
        mti_change *swapped = from;
        for (size_t i = 0; i < count; i += 2 * run) {
            size_t end = count - i < 2 * run ? count - i : 2 * run;
            runs_merge(from + i, run < end ? run : end, end, to + i);
        }
        from = to;
        to = swapped;
    }
    if (from != changes) memcpy(changes, from, size);
    mti_mem_free(mem, scratch, size);
    return MT_OK;
}

/* What came too late for `to` and for the change after it, in one node. Both are of the delta's
 * family: rows are the only ones that name a node twice. */
static mt_status late_join(mt_delta *delta, mti_change *to, mti_change *from)
{
    mti_merge_source source = {.same = true};
    mt_node *joined = to->incoming;
    mt_status st;
    bool late;

    if (!from->incoming) return MT_OK;
    if (!to->incoming) {
        to->incoming = from->incoming;
        from->incoming = NULL;
        return MT_OK;
    }
    st = mti_node_merge_node(delta->family, to->incoming, from->incoming, &source, &joined, &late);
    if (st != MT_OK || joined == to->incoming) return st;
    mti_node_release(delta->family, to->incoming);
    to->incoming = joined;
    return MT_OK;
}

mt_status mti_delta_settle(mt_delta *delta)
{
    size_t kept = 0;
    mt_status st;

    if (delta->sorted || delta->count == 0) return MT_OK;
    if ((st = changes_sort(delta->mem, delta->changes, delta->count)) != MT_OK) return st;
    for (size_t i = 1; i < delta->count; i++) {
        mti_change *to = &delta->changes[kept], *from = &delta->changes[i];
        if (!mt_bytes_equal(change_uid(to), change_uid(from))) {
            delta->changes[++kept] = *from;
            continue;
        }
        if ((st = late_join(delta, to, from)) != MT_OK) {
            /* Close the gap, so that every change is there and in order of turns for each uid. */
            size_t rest = delta->count - i;
            memmove(to + 1, from, rest * sizeof *to);
            delta->count = kept + 1 + rest;
            return st;
        }
        mti_node_release(delta->family, to->after);
        to->after = from->after;
        mti_node_release(delta->family, from->before);
        mti_node_release(delta->family, from->incoming);
    }
    delta->count = kept + 1;
    delta->sorted = true;
    return MT_OK;
}

/* ---- Views ---- */

/* What the iterator holds back. */
enum { BEFORE = 0, AFTER = 1, LATE = 2, OVERWRITTEN = 3 };
enum { HAVE_LATE = 1 << LATE, HAVE_OVERWRITTEN = 1 << OVERWRITTEN };

bool mt_delta_changed(const mt_delta *delta)
{
    return delta->changed;
}

bool mt_delta_part_empty(const mt_delta *delta, mt_delta_part part)
{
    mt_delta_iter iter;
    mt_delta_node node;
    mt_conflict conflict;

    mt_delta_iter_init(&iter, delta, part);
    while (mt_delta_iter_node(&iter, &node)) {
        if (part == MT_CONFLICT ? mt_delta_iter_conflict(&iter, &conflict) : !node.empty)
            return false;
    }
    return true;
}

void mt_delta_iter_init(mt_delta_iter *iter, const mt_delta *delta, mt_delta_part part)
{
    memset(iter, 0, sizeof *iter);
    iter->delta = delta;
    iter->part = part;
}

static const mti_change *iter_change(const mt_delta_iter *iter)
{
    return &iter->delta->changes[iter->at - 1];
}

static bool fill(mt_delta_iter *iter, mt_field_iter *from, int slot)
{
    if (!(iter->have & 1u << slot) && mt_field_iter_next(from, &iter->held[slot]))
        iter->have = (uint8_t)(iter->have | 1u << slot);
    return iter->have >> slot & 1;
}

static void take(mt_delta_iter *iter, int slot, mt_field *out)
{
    *out = iter->held[slot];
    iter->have = (uint8_t)(iter->have & ~(1u << slot));
}

/* One name, with the field before and the field after where there is one. */
typedef struct pair {
    mt_field before, after;
    bool had, has;
} pair;

static void pair_cells(pair *p, mt_bytes name, const void *base_a, const mti_cell *a,
                       const void *base_b, const mti_cell *b)
{
    p->had = a && !mti_cell_absent(a);
    p->has = b && !mti_cell_absent(b);
    if (p->had) mti_cell_field(base_a, a, name, &p->before);
    if (p->has) mti_cell_field(base_b, b, name, &p->after);
}

static bool large_pair(mt_delta_iter *iter, pair *p)
{
    void *x, *y;

    while (mti_tree_pair_next(&mti_entry_kind, &iter->before.walk, &iter->after.walk, &x, &y)) {
        const mti_entry *a = x, *b = y, *any = a ? a : b;
        if (!any || (a && b && mti_cell_equal(a, &a->cell, b, &b->cell))) continue;
        pair_cells(p, mti_entry_name(any), a, a ? &a->cell : NULL, b, b ? &b->cell : NULL);
        return true;
    }
    return false;
}

static bool small_pair(mt_delta_iter *iter, const mt_node *before, const mt_node *after, pair *p)
{
    uint32_t *i = &iter->before.at, *j = &iter->after.at;
    const mti_cell *cells = mti_node_cells(before), *others = mti_node_cells(after);
    const mt_bytes *names = before->shape->names, *other_names = after->shape->names;

    while (*i < before->count || *j < after->count) {
        int order = *i >= before->count ? 1 : *j >= after->count ? -1 : 0;
        const mti_cell *a, *b;
        if (order == 0 && names != other_names) order = mti_bytes_order(names[*i], other_names[*j]);
        a = order <= 0 ? &cells[(*i)++] : NULL;
        b = order >= 0 ? &others[(*j)++] : NULL;
        if (a && b && mti_cell_equal(before, a, after, b)) continue;
        pair_cells(p, b ? other_names[*j - 1] : names[*i - 1], before, a, after, b);
        return true;
    }
    return false;
}

/* Of a small and a large node, or where there was none before. */
static bool mixed_pair(mt_delta_iter *iter, pair *p)
{
    for (;;) {
        int order;
        p->had = fill(iter, &iter->before, BEFORE);
        p->has = fill(iter, &iter->after, AFTER);
        if (!p->had && !p->has) return false;
        order = !p->had   ? 1
                : !p->has ? -1
                          : mt_bytes_compare(iter->held[BEFORE].name, iter->held[AFTER].name);
        p->had = order <= 0;
        p->has = order >= 0;
        if (p->had) take(iter, BEFORE, &p->before);
        if (p->has) take(iter, AFTER, &p->after);
        if (order != 0 || mti_field_compare(&p->before, &p->after) != 0) return true;
    }
}

/* The next name whose field is not the same before and after. */
static bool next_pair(mt_delta_iter *iter, pair *p)
{
    const mti_change *change = iter_change(iter);
    const mt_node *before = change->before, *after = change->after;

    if (before == after) return false;
    if (!before || !before->shape != !after->shape) return mixed_pair(iter, p);
    return before->shape ? small_pair(iter, before, after, p) : large_pair(iter, p);
}

static bool next_overwritten(mt_delta_iter *iter, mt_field *out)
{
    pair p;

    while (next_pair(iter, &p)) {
        if (!p.had) continue;
        *out = p.before;
        return true;
    }
    return false;
}

/* The next incoming field that is older than what is here. */
static bool next_late(mt_delta_iter *iter, mt_field *out)
{
    const mt_node *after = iter_change(iter)->after;
    const mti_cell *cell;
    const void *base;

    while (mt_field_iter_next(&iter->incoming, out)) {
        cell = mti_node_find(after, out->name, &base);
        if (out->state < (cell ? mti_cell_state(cell) : after->floor)) return true;
    }
    return false;
}

/* Overwritten and late, in name order. Of a name that is both, what was overwritten. */
static bool next_history(mt_delta_iter *iter, mt_field *out)
{
    bool over, late;
    int order;

    if (!(iter->have & HAVE_OVERWRITTEN) && next_overwritten(iter, &iter->held[OVERWRITTEN]))
        iter->have |= HAVE_OVERWRITTEN;
    if (!(iter->have & HAVE_LATE) && next_late(iter, &iter->held[LATE])) iter->have |= HAVE_LATE;
    over = iter->have & HAVE_OVERWRITTEN;
    late = iter->have & HAVE_LATE;
    if (!over && !late) return false;
    order = !over   ? 1
            : !late ? -1
                    : mt_bytes_compare(iter->held[OVERWRITTEN].name, iter->held[LATE].name);
    if (order >= 0) take(iter, LATE, out);
    if (order <= 0) take(iter, OVERWRITTEN, out);
    return true;
}

bool mt_delta_iter_field(mt_delta_iter *iter, mt_field *out)
{
    pair p;

    if (iter->at == 0 || iter->part == MT_CONFLICT) return false;
    if (iter->part == MT_HISTORY) return next_history(iter, out);
    while (next_pair(iter, &p)) {
        if (!p.has) continue;
        *out = p.after;
        return true;
    }
    return false;
}

bool mt_delta_iter_conflict(mt_delta_iter *iter, mt_conflict *out)
{
    pair p;

    if (iter->at == 0 || iter->part != MT_CONFLICT) return false;
    while (next_pair(iter, &p)) {
        bool won = p.had && p.has && p.after.state == p.before.state;
        bool sunk = p.had && !p.has && p.before.state == iter_change(iter)->after->floor;
        if (!won && !sunk) continue;
        out->lost = p.before;
        out->won = won ? p.after : p.before;
        if (sunk) {
            out->won.kind = MT_FIELD_DELETED;
            out->won.value = mt_null();
        }
        return true;
    }
    return false;
}

static uint64_t history_floor(const mti_change *change)
{
    uint64_t before = change->before ? change->before->floor : 0;
    uint64_t late = change->incoming ? change->incoming->floor : 0;

    if (change->after->floor > before) return before;
    return late < change->after->floor ? late : 0;
}

static void iter_start(mt_delta_iter *iter)
{
    const mti_change *change = iter_change(iter);
    const mt_node *before = change->before, *after = change->after;

    iter->have = 0;
    mt_field_iter_init(&iter->incoming, change->incoming, true);
    if (before == after) return;
    mt_field_iter_init(&iter->before, before, true);
    mt_field_iter_init(&iter->after, after, true);
    if (before && !before->shape && !after->shape)
        mti_tree_pair_walk(mti_node_tree(before), mti_node_tree(after), &iter->before.walk,
                           &iter->after.walk);
}

bool mt_delta_iter_node(mt_delta_iter *iter, mt_delta_node *out)
{
    const mti_change *change;
    mt_conflict conflict;
    uint64_t before;
    mt_field field;

    if (iter->at >= iter->delta->count) return false;
    iter->at++;
    change = iter_change(iter);
    before = change->before ? change->before->floor : 0;
    out->uid = change_uid(change);
    out->before = change->before;
    out->after = change->after;
    out->created = !change->before;
    out->floor = 0;
    if (iter->part == MT_UPDATE && change->after->floor > before) out->floor = change->after->floor;
    if (iter->part == MT_HISTORY) out->floor = history_floor(change);
    iter_start(iter);
    /* What changed a node is in its update; whether there is more must be looked for. */
    out->empty = change->before == change->after && !out->floor;
    if (iter->part != MT_UPDATE && !out->floor) {
        out->empty = iter->part == MT_HISTORY ? !mt_delta_iter_field(iter, &field)
                                              : !mt_delta_iter_conflict(iter, &conflict);
        iter_start(iter);
    }
    return true;
}

/* ---- Revert ---- */

struct mt_patch {
    const mt_mem *mem;
    mt_row *rows;
    mt_field *fields;
    size_t row_count, row_cap;
    size_t field_count, field_cap;
};

static bool living(bool there, const mt_field *field)
{
    return there && field->kind == MT_FIELD_VALUE;
}

/* One pass over the delta: counts the rows and fields that undo it and, where there is room,
 * writes them. */
static void revert_pass(const mt_delta *delta, mt_patch *patch)
{
    mt_delta_iter iter;
    mt_delta_node node;
    pair p;

    patch->row_count = patch->field_count = 0;
    mt_delta_iter_init(&iter, delta, MT_UPDATE);
    while (mt_delta_iter_node(&iter, &node)) {
        size_t first = patch->field_count;
        while (next_pair(&iter, &p)) {
            bool lived = living(p.had, &p.before);
            if (!lived && !living(p.has, &p.after)) continue;
            if (patch->field_count < patch->field_cap) {
                mt_field *undo = &patch->fields[patch->field_count];
                *undo = lived ? p.before : p.after;
                undo->kind = lived ? MT_FIELD_VALUE : MT_FIELD_DELETED;
                undo->state = 0;
            }
            patch->field_count++;
        }
        if (patch->field_count == first) continue;
        if (patch->row_count < patch->row_cap) {
            mt_row row = {.uid = node.uid, .count = patch->field_count - first};
            row.fields = patch->fields + first;
            patch->rows[patch->row_count] = row;
        }
        patch->row_count++;
    }
}

mt_status mt_delta_revert(const mt_delta *delta, mt_patch **out)
{
    mt_patch *patch = mti_mem_alloc(delta->mem, sizeof *patch);

    if (!patch) return MT_NO_MEMORY;
    memset(patch, 0, sizeof *patch);
    patch->mem = delta->mem;
    revert_pass(delta, patch);
    if (patch->row_count > 0) {
        size_t rows = patch->row_count, fields = patch->field_count;
        patch->rows =
            mti_vector_reserve(patch->mem, NULL, &patch->row_cap, rows, sizeof *patch->rows);
        patch->fields =
            mti_vector_reserve(patch->mem, NULL, &patch->field_cap, fields, sizeof *patch->fields);
        if (!patch->rows || !patch->fields) {
            mt_patch_free(patch);
            return MT_NO_MEMORY;
        }
        revert_pass(delta, patch);
    }
    *out = patch;
    return MT_OK;
}

const mt_row *mt_patch_rows(const mt_patch *patch, size_t *count)
{
    *count = patch->row_count;
    return patch->rows;
}

void mt_patch_free(mt_patch *patch)
{
    if (!patch) return;
    mti_mem_free(patch->mem, patch->rows, patch->row_cap * sizeof *patch->rows);
    mti_mem_free(patch->mem, patch->fields, patch->field_cap * sizeof *patch->fields);
    mti_mem_free(patch->mem, patch, sizeof *patch);
}
