#include "crdt/merge.h"

#include "base/assert.h"
#include "base/bytes.h"

/* ---- Small nodes: two sorted lists into one ---- */

typedef struct plan {
    const mt_node *current; /* NULL: none */
    const mti_incoming *in;
    uint64_t floor; /* of the result */
    uint64_t state_max;
    size_t count; /* fields picked */
    bool changed;
    bool late;
    mti_pick pick[2 * MTI_SHAPE_FIELDS_MAX];
    const mt_bytes *name[2 * MTI_SHAPE_FIELDS_MAX];
} plan;

static uint64_t max_state(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static inline void plan_pick(plan *p, const mt_bytes *name, const void *base, const mti_cell *cell,
                             bool share)
{
    mti_pick pick = {base, cell, share};

    p->name[p->count] = name;
    p->pick[p->count++] = pick;
}

/* A field that only `current` has: it stays, unless it is below the new floor. */
static inline void plan_current(plan *p, const mt_bytes *name, const mti_cell *cell)
{
    if (mti_cell_state(cell) <= p->floor) {
        p->changed = true;
        return;
    }
    plan_pick(p, name, p->current, cell, true);
}

static inline void plan_incoming(plan *p, const mt_bytes *name, const mti_cell *cell)
{
    uint64_t state = mti_cell_state(cell);

    if (state <= p->floor) {
        if (p->current && state < p->current->floor) p->late = true;
        return;
    }
    plan_pick(p, name, p->in->base, cell, p->in->share);
    p->state_max = max_state(p->state_max, state);
    p->changed = true;
}

/* A field that both have: the greater stays. */
static inline void plan_both(plan *p, const mt_bytes *name, const mti_cell *cell,
                             const mti_cell *incoming)
{
    int order = mti_cell_compare(p->in->base, incoming, p->current, cell);

    if (order > 0) {
        if (mti_cell_state(incoming) <= p->floor) p->changed = true;
        else plan_incoming(p, name, incoming);
        return;
    }
    if (order < 0 && mti_cell_state(incoming) < mti_cell_state(cell)) p->late = true;
    plan_current(p, name, cell);
}

static void plan_zip(plan *p)
{
    const mt_node *current = p->current;
    const mti_incoming *in = p->in;
    const mti_cell *cells = current ? mti_node_cells(current) : NULL;
    const mt_bytes *names = current ? current->shape->names : NULL;
    size_t count = current ? current->count : 0, i = 0, j = 0;

    if (current && in->shape == current->shape) {
        for (; i < count; i++) plan_both(p, &names[i], &cells[i], &in->cells[i]);
        return;
    }
    while (i < count && j < in->count) {
        int order = mti_bytes_order(names[i], in->names[j]);
        if (order < 0) {
            plan_current(p, &names[i], &cells[i]);
            i++;
        } else if (order > 0) {
            plan_incoming(p, &in->names[j], &in->cells[j]);
            j++;
        } else {
            plan_both(p, &names[i], &cells[i], &in->cells[j]);
            i++;
            j++;
        }
    }
    for (; i < count; i++) plan_current(p, &names[i], &cells[i]);
    for (; j < in->count; j++) plan_incoming(p, &in->names[j], &in->cells[j]);
}

/* Whether the planned fields are just those of a shape. */
static bool plan_fits(const plan *p, const mti_shape *shape, const mt_bytes *names)
{
    if (p->count != shape->count) return false;
    for (size_t i = 0; i < p->count; i++)
        if (p->name[i] != &names[i] && !mti_bytes_same(*p->name[i], names[i])) return false;
    return true;
}

/* The shape of the planned fields, held; first one that is at hand. NULL without memory. */
static mti_shape *plan_shape(const plan *p, mti_family *family)
{
    mti_shape *known = p->current ? p->current->shape : NULL;
    mt_bytes name[MTI_SHAPE_FIELDS_MAX];

    if (known && plan_fits(p, known, known->names)) {
        known->refs++;
        return known;
    }
    known = p->in->shape;
    if (known && plan_fits(p, known, p->in->names)) {
        known->refs++;
        return known;
    }
    for (size_t i = 0; i < p->count; i++) name[i] = *p->name[i];
    return mti_shape_of(family, name, p->count);
}

/* ---- Small nodes: a few fields in place ---- */

/* With more, going through both lists is faster than looking each up. */
#define EDITS_MAX 8

/* Whether the merge is only this: fields that `current` has are replaced by values that take no more
 * room, or are too old. Then does it. */
static bool edit_merge(mti_family *family, mt_node *current, const mti_incoming *in, mt_node **out,
                       bool *late, mt_status *st)
{
    const mti_cell *cells = mti_node_cells(current);
    bool aligned = in->shape == current->shape, fits;
    uint64_t state_max = current->state_max;
    mti_edit edits[EDITS_MAX];
    size_t count = 0;

    if (in->floor != 0 || in->count > EDITS_MAX) return false;
    *late = false;
    for (size_t i = 0; i < in->count; i++) {
        mti_edit edit = {i, {in->base, &in->cells[i], in->share}};
        int order;
        if (!aligned && !mti_shape_find(current->shape, in->names[i], &edit.at)) return false;
        order = mti_cell_compare(in->base, edit.pick.cell, current, &cells[edit.at]);
        if (order > 0) {
            edits[count++] = edit;
            state_max = max_state(state_max, mti_cell_state(edit.pick.cell));
        } else if (mti_cell_state(edit.pick.cell) < mti_cell_state(&cells[edit.at])) {
            *late = true;
        }
    }
    *st = MT_OK;
    *out = current;
    if (count == 0) return true;
    *out = mti_node_edit(family, current, state_max, edits, count, &fits);
    if (!*out) *st = MT_NO_MEMORY;
    return fits;
}

/* Two lists of fields, neither longer than a small node's. `*out` NULL: the result is a large
 * node. */
static mt_status small_merge(mti_family *family, mt_node *current, const mti_incoming *in,
                             mt_node **out, bool *late)
{
    mti_shape *shape;
    plan p;

    p.current = current;
    p.in = in;
    p.count = 0;
    p.floor = max_state(current ? current->floor : 0, in->floor);
    p.state_max = max_state(current ? current->state_max : 0, p.floor);
    p.changed = !current || p.floor > current->floor;
    p.late = current && in->floor > 0 && in->floor < current->floor;
    plan_zip(&p);
    *late = p.late;
    *out = current;
    if (!p.changed) return MT_OK;
    *out = NULL;
    if (p.count > MTI_SHAPE_FIELDS_MAX) return MT_OK;
    if (!(shape = plan_shape(&p, family))) return MT_NO_MEMORY;
    *out = mti_node_new(family, in->uid, p.floor, p.state_max, shape, p.pick);
    if (*out) return MT_OK;
    mti_shape_release(family, shape);
    return MT_NO_MEMORY;
}

/* ---- Large nodes: a tree of entries, copied and then edited ---- */

typedef struct large {
    mti_family *family;
    mti_tree tree;
    uint64_t floor;
    uint64_t state_max;
    size_t alive;
    bool changed;
    bool late;
    bool partial;
} large;

/* Puts an entry, which is MOVED whatever happens. */
static mt_status large_put(large *l, mti_entry *entry)
{
    mti_tree_env env = mti_entry_env(l->family);
    mt_status st;
    void *old;

    l->alive += !mti_cell_deleted(&entry->cell);
    st = mti_tree_put(&l->tree, &env, entry, &old);
    if (st != MT_OK) {
        mti_entry_release(l->family, entry);
        return st;
    }
    if (old) l->alive -= !mti_cell_deleted(&((mti_entry *)old)->cell);
    mti_entry_release(l->family, old);
    return MT_OK;
}

static mt_status large_put_new(large *l, mt_bytes name, const mti_pick *pick)
{
    mti_entry *entry = mti_entry_new(l->family, name, pick);

    return entry ? large_put(l, entry) : MT_NO_MEMORY;
}

static mt_status large_from_small(large *l, const mt_node *current)
{
    const mti_cell *cells = mti_node_cells(current);
    mt_status st = MT_OK;

    for (uint32_t i = 0; i < current->count && st == MT_OK; i++) {
        mti_pick pick = {current, &cells[i], true};
        if (mti_cell_state(&cells[i]) > l->floor)
            st = large_put_new(l, current->shape->names[i], &pick);
    }
    return st;
}

/* All entries above the new floor. */
static mt_status large_above(large *l, const mt_node *current)
{
    mt_bytes start = {NULL, 0};
    mti_entry *entry;
    mt_walk walk;
    mt_status st = MT_OK;

    mti_tree_walk(mti_node_tree(current), &mti_entry_kind, start, &walk);
    while (st == MT_OK && (entry = mti_tree_next(&walk))) {
        if (mti_cell_state(&entry->cell) <= l->floor) continue;
        mti_hold(entry);
        st = large_put(l, entry);
    }
    return st;
}

static mt_status large_begin(large *l, mti_family *family, const mt_node *current, uint64_t floor)
{
    memset(l, 0, sizeof *l);
    l->family = family;
    l->floor = max_state(current ? current->floor : 0, floor);
    l->state_max = max_state(current ? current->state_max : 0, l->floor);
    l->changed = !current || l->floor > current->floor;
    l->late = current && floor > 0 && floor < current->floor;
    if (!current) return MT_OK;
    l->partial = mti_node_is_partial(current);
    /* A floor is raised only where every field is at hand. */
    mti_assert(!l->partial || l->floor == current->floor);
    if (current->shape) return large_from_small(l, current);
    if (l->floor > current->floor) return large_above(l, current);
    mti_tree_copy(mti_node_tree(current), &l->tree);
    l->alive = current->alive;
    return MT_OK;
}

/* Whether an incoming cell wins against what the tree has, whose entry may be NULL. */
static bool large_wins(large *l, const void *base, const mti_cell *cell, const mti_entry *entry,
                       const mt_node *current)
{
    uint64_t state = mti_cell_state(cell);
    int order;

    if (state <= l->floor) {
        if (entry || (current && state < current->floor)) l->late = true;
        return false;
    }
    order = entry ? mti_cell_compare(base, cell, entry, &entry->cell) : 1;
    if (order < 0 && state < mti_cell_state(&entry->cell)) l->late = true;
    if (order <= 0) return false;
    l->changed = true;
    l->state_max = max_state(l->state_max, state);
    return true;
}

/* A small node of the entries of a tree. NULL without memory. */
static mt_node *small_of_entries(mti_family *family, mt_bytes uid, uint64_t floor,
                                 uint64_t state_max, const mti_tree *tree)
{
    mt_bytes start = {NULL, 0}, name[MTI_SHAPE_FIELDS_MAX];
    mti_pick pick[MTI_SHAPE_FIELDS_MAX];
    mti_shape *shape;
    mt_node *node;
    mti_entry *entry;
    mt_walk walk;
    size_t count = 0;

    mti_tree_walk(tree, &mti_entry_kind, start, &walk);
    while ((entry = mti_tree_next(&walk))) {
        pick[count].base = entry;
        pick[count].cell = &entry->cell;
        pick[count].share = true;
        name[count++] = mti_entry_name(entry);
    }
    if (!(shape = mti_shape_of(family, name, count))) return NULL;
    node = mti_node_new(family, uid, floor, state_max, shape, pick);
    if (!node) mti_shape_release(family, shape);
    return node;
}

mt_node *mti_node_of_entries(mti_family *family, mt_bytes uid, uint64_t floor, uint64_t state_max,
                             size_t alive, mti_tree *tree)
{
    mti_tree_env env = mti_entry_env(family);
    mt_node *node;

    if (tree->count > MTI_SHAPE_FIELDS_MAX) {
        node = mti_node_new_large(family, uid, floor, state_max, alive, tree);
        if (node) memset(tree, 0, sizeof *tree);
        return node;
    }
    node = small_of_entries(family, uid, floor, state_max, tree);
    if (node) mti_tree_end(tree, &env);
    return node;
}

/* Makes the node, or `current` where nothing changed, and lets go of the tree. */
static mt_status large_end(large *l, mt_status st, mt_bytes uid, mt_node *current, mt_node **out,
                           bool *late)
{
    mti_tree_env env = mti_entry_env(l->family);

    *late = l->late;
    *out = current;
    if (st == MT_OK && l->changed) {
        if (l->partial)
            *out = mti_node_new_partial(l->family, uid, l->floor, l->state_max, l->alive, &l->tree);
        else *out = mti_node_of_entries(l->family, uid, l->floor, l->state_max, l->alive, &l->tree);
        if (!*out) st = MT_NO_MEMORY;
    }
    mti_tree_end(&l->tree, &env);
    return st;
}

static mt_status large_merge(mti_family *family, mt_node *current, const mti_incoming *in,
                             mt_node **out, bool *late)
{
    large l;
    mt_status st = large_begin(&l, family, current, in->floor);

    for (size_t i = 0; i < in->count && st == MT_OK; i++) {
        mti_entry *entry = mti_tree_get(&l.tree, &mti_entry_kind, in->names[i]);
        mti_pick pick = {in->base, &in->cells[i], in->share};
        if (large_wins(&l, in->base, pick.cell, entry, current))
            st = large_put_new(&l, in->names[i], &pick);
    }
    return large_end(&l, st, in->uid, current, out, late);
}

mt_status mti_node_merge(mti_family *family, mt_node *current, const mti_incoming *in,
                         mt_node **out, bool *late)
{
    mt_status st;

    if (current && current->shape && edit_merge(family, current, in, out, late, &st)) return st;
    if ((!current || current->shape) && in->count <= MTI_SHAPE_FIELDS_MAX) {
        st = small_merge(family, current, in, out, late);
        if (st != MT_OK || *out) return st;
    }
    return large_merge(family, current, in, out, late);
}

/* A large node of the same family: past what both share, and what wins is held instead of
 * copied. */
static mt_status large_merge_shared(large *l, const mt_node *incoming, const mt_node *current)
{
    mti_tree_env env = mti_entry_env(l->family);
    mt_walk walk_a, walk_b;
    mt_status st = MT_OK;
    mti_tree base;
    void *a, *b;

    /* The walk needs a tree that stays as it is while `l->tree` is edited. */
    mti_tree_copy(&l->tree, &base);
    mti_tree_pair_walk(&base, mti_node_tree(incoming), &walk_a, &walk_b);
    while (st == MT_OK && mti_tree_pair_next(&mti_entry_kind, &walk_a, &walk_b, &a, &b)) {
        mti_entry *entry = b;
        if (!entry || !large_wins(l, entry, &entry->cell, a, current)) continue;
        mti_hold(entry);
        st = large_put(l, entry);
    }
    mti_tree_end(&base, &env);
    return st;
}

static mt_status large_merge_foreign(large *l, const mt_node *incoming, const mt_node *current)
{
    mt_bytes start = {NULL, 0};
    mt_status st = MT_OK;
    mti_entry *entry;
    mt_walk walk;

    mti_tree_walk(mti_node_tree(incoming), &mti_entry_kind, start, &walk);
    while (st == MT_OK && (entry = mti_tree_next(&walk))) {
        mt_bytes name = mti_entry_name(entry);
        mti_entry *here = mti_tree_get(&l->tree, &mti_entry_kind, name);
        mti_pick pick = {entry, &entry->cell, false};
        if (large_wins(l, entry, &entry->cell, here, current)) st = large_put_new(l, name, &pick);
    }
    return st;
}

void mti_source_end(mti_family *family, mti_merge_source *source)
{
    if (source->own) mti_shape_release(family, source->own);
    source->own = NULL;
    source->foreign = NULL;
}

/* The target's shape with the names of an incoming node, held by `source`. NULL without memory. */
static mti_shape *source_shape(mti_family *family, mti_merge_source *source,
                               const mt_node *incoming)
{
    if (source->same) return incoming->shape;
    if (source->foreign == incoming->shape) return source->own;
    mti_source_end(family, source);
    source->own = mti_shape_like(family, incoming->shape);
    if (source->own) source->foreign = incoming->shape;
    return source->own;
}

static mt_status small_merge_node(mti_family *family, mt_node *current, mt_node *incoming,
                                  mti_merge_source *source, mt_node **out, bool *late)
{
    mti_incoming in = {.uid = mt_node_uid(incoming),
                       .floor = incoming->floor,
                       .count = incoming->count,
                       .names = incoming->shape->names,
                       .cells = mti_node_cells(incoming),
                       .base = incoming,
                       .share = source->same};

    in.shape = source_shape(family, source, incoming);
    if (!in.shape) return MT_NO_MEMORY;
    if (current) return mti_node_merge(family, current, &in, out, late);
    *late = false;
    *out = mti_node_copy(family, incoming, in.shape);
    if (!*out) return MT_NO_MEMORY;
    in.shape->refs++;
    return MT_OK;
}

mt_status mti_node_merge_node(mti_family *family, mt_node *current, mt_node *incoming,
                              mti_merge_source *source, mt_node **out, bool *late)
{
    mt_status st;
    large l;

    if (source->same && !current) {
        mti_hold(incoming);
        *out = incoming;
        *late = false;
        return MT_OK;
    }
    if (incoming->shape) return small_merge_node(family, current, incoming, source, out, late);
    st = large_begin(&l, family, current, incoming->floor);
    if (st == MT_OK && source->same) st = large_merge_shared(&l, incoming, current);
    else if (st == MT_OK) st = large_merge_foreign(&l, incoming, current);
    return large_end(&l, st, mt_node_uid(incoming), current, out, late);
}
