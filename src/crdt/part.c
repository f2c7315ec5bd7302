#include "crdt/part.h"

#include "base/status.h"

/* The entries of a node while they are gathered. */
typedef struct gathering {
    mti_family *family;
    mti_tree tree;
    size_t alive;
} gathering;

/* Puts an entry, which is MOVED whatever happens. */
static mt_status gather(gathering *g, mti_entry *entry)
{
    mti_tree_env env = mti_entry_env(g->family);
    mt_status st;
    void *old;

    if (!entry) return MT_NO_MEMORY;
    st = mti_tree_put(&g->tree, &env, entry, &old);
    if (st != MT_OK) {
        mti_entry_release(g->family, entry);
        return st;
    }
    g->alive += !mti_cell_deleted(&entry->cell);
    if (old) g->alive -= !mti_cell_deleted(&((mti_entry *)old)->cell);
    mti_entry_release(g->family, old);
    return MT_OK;
}

static mt_status gather_cells(gathering *g, const mti_incoming *in)
{
    mt_status st = MT_OK;

    for (size_t i = 0; i < in->count && st == MT_OK; i++) {
        mti_pick pick = {in->base, &in->cells[i], false};
        if (mti_tree_get(&g->tree, &mti_entry_kind, in->names[i])) continue;
        st = gather(g, mti_entry_new(g->family, in->names[i], &pick));
    }
    return st;
}

static mt_status gather_absent(gathering *g, const mt_bytes *names, size_t count)
{
    mti_cell cell = {.head = mti_cell_head(0, MTI_CELL_DELETED, MTI_INLINE, 0), .payload = 0};
    mti_pick pick = {NULL, &cell, false};
    mt_status st = MT_OK;

    for (size_t i = 0; i < count && st == MT_OK; i++)
        if (!mti_tree_get(&g->tree, &mti_entry_kind, names[i]))
            st = gather(g, mti_entry_new(g->family, names[i], &pick));
    return st;
}

/* Takes the entries out that say of a name that there is no field. */
static mt_status drop_absent(gathering *g)
{
    mti_tree_env env = mti_entry_env(g->family);
    mti_tree kept = {NULL, 0, 0};
    mt_bytes start = {NULL, 0};
    mt_status st = MT_OK;
    mti_entry *entry;
    mt_walk walk;
    void *old;

    mti_tree_walk(&g->tree, &mti_entry_kind, start, &walk);
    while (st == MT_OK && (entry = mti_tree_next(&walk))) {
        if (mti_cell_absent(&entry->cell)) continue;
        mti_hold(entry);
        if ((st = mti_tree_put(&kept, &env, entry, &old)) != MT_OK)
            mti_entry_release(g->family, entry);
    }
    mti_tree_end(st == MT_OK ? &g->tree : &kept, &env);
    if (st == MT_OK) g->tree = kept;
    return st;
}

/* The node as it is now known, in the place of `current`. */
static mt_status put_gathered(mt_graph *graph, const mt_node *current, gathering *g,
                              const mti_part *part)
{
    uint64_t floor = current ? current->floor : part->floor;
    uint64_t state_max = part->state_max;
    mt_node *node;

    if (current && current->state_max > state_max) state_max = current->state_max;
    if (part->whole && drop_absent(g) != MT_OK) return MT_NO_MEMORY;
    if (part->whole)
        node = mti_node_of_entries(g->family, part->uid, floor, state_max, g->alive, &g->tree);
    else node = mti_node_new_partial(g->family, part->uid, floor, state_max, g->alive, &g->tree);
    return node ? mti_graph_put(graph, node) : MT_NO_MEMORY;
}

mt_status mti_graph_load_part(mt_graph *graph, const mti_part *part)
{
    mt_row row = {
        .uid = part->uid, .fields = part->fields, .count = part->count, .floor = part->floor};
    gathering g = {.family = graph->family};
    mti_tree_env env = mti_entry_env(graph->family);
    const mt_node *current = mt_graph_get(graph, part->uid);
    mti_incoming in;
    mt_status st;

    if (current && !mti_node_is_partial(current)) return MT_OK;
    if ((st = mti_incoming_row(graph, &row, current, true, &in)) != MT_OK) return st;
    if (current) {
        mti_tree_copy(mti_node_tree(current), &g.tree);
        g.alive = current->alive;
    }
    st = gather_cells(&g, &in);
    mti_incoming_end(graph, &in);
    if (st == MT_OK) st = gather_absent(&g, part->absent, part->absent_count);
    if (st == MT_OK) st = put_gathered(graph, current, &g, part);
    mti_tree_end(&g.tree, &env);
    return st == MT_OK ? MT_OK : mti_no_memory(&graph->error);
}
