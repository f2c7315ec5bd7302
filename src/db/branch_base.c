#include "db/branch_base.h"

#include "base/bytes.h"
#include "base/status.h"
#include "crdt/part.h"
#include "crdt/rows.h"

/* A part of a node. What the base has already stays as it is, and so does what it knows of the
 * node in all. */
static mti_part part_of(const mti_branch *branch, const mt_node *node)
{
    const mt_node *kept = mt_graph_get(branch->base, mt_node_uid(node));
    mti_part part = {.uid = mt_node_uid(node),
                     .floor = mt_node_floor(node),
                     .state_max = mt_node_state_max(kept ? kept : node)};

    return part;
}

/* Keeps a node, or the rest of one of which some fields were kept. NULL: it is not there. */
static mt_status keep_whole(mti_branch *branch, mt_bytes uid, const mt_node *node)
{
    mti_part part = {.uid = uid, .whole = true};
    mti_node_rows rows;
    mt_status st = MT_OK;
    mt_row row;

    if (!node) return mti_graph_load_part(branch->base, &part);
    part = part_of(branch, node);
    mti_node_rows_init(&rows, node);
    while (st == MT_OK && mti_node_rows_next(&rows, &row)) {
        part.fields = row.fields;
        part.count = row.count;
        part.whole = !row.more;
        st = mti_graph_load_part(branch->base, &part);
    }
    return st;
}

/* Fields of a node, and names that it has no field of, up to so many at once. */
#define GATHERED_MAX 64

typedef struct gathering {
    mti_branch *branch;
    const mt_node *node;
    mt_field fields[GATHERED_MAX];
    mt_bytes absent[GATHERED_MAX];
    size_t count, absent_count;
} gathering;

static mt_status keep_gathered(gathering *g)
{
    mti_part part = part_of(g->branch, g->node);

    part.fields = g->fields;
    part.count = g->count;
    part.absent = g->absent;
    part.absent_count = g->absent_count;
    g->count = g->absent_count = 0;
    return mti_graph_load_part(g->branch->base, &part);
}

/* Keeps the fields of `node` that `names` walks, or that there are none. */
static mt_status keep_fields(mti_branch *branch, const mt_node *node, mt_delta_iter *names)
{
    gathering g = {.branch = branch, .node = node};
    mt_status st = MT_OK;
    mt_field named;

    while (st == MT_OK && mt_delta_iter_field(names, &named)) {
        if (mt_node_get_any(node, named.name, &g.fields[g.count]) == MT_OK) g.count++;
        else g.absent[g.absent_count++] = named.name;
        if (g.count == GATHERED_MAX || g.absent_count == GATHERED_MAX) st = keep_gathered(&g);
    }
    return st == MT_OK ? keep_gathered(&g) : st;
}

/* Keeps a node of which a change touches the fields that `names` walks; with `all`, perhaps every
 * one. */
static mt_status keep(mti_branch *branch, mt_bytes uid, const mt_node *node, bool all,
                      mt_delta_iter *names)
{
    const mt_node *kept = mt_graph_get(branch->base, uid);

    if (kept && !mti_node_is_partial(kept)) return MT_OK;
    if (all || !node || node->shape) return keep_whole(branch, uid, node);
    return keep_fields(branch, node, names);
}

/* Whether a change may take any field of the node. */
static bool takes_all(const mt_delta_node *node)
{
    return node->before && mt_node_floor(node->after) > mt_node_floor(node->before);
}

mt_status mti_branches_keep(mt_db *db, const mt_delta *delta)
{
    mt_status st = MT_OK;

    for (mti_branch *b = db->branches; b && st == MT_OK; b = b->next) {
        mt_delta_iter iter;
        mt_delta_node node;
        mt_delta_iter_init(&iter, delta, MT_UPDATE);
        while (st == MT_OK && mt_delta_iter_node(&iter, &node))
            if (node.before != node.after)
                st = keep(b, node.uid, node.before, takes_all(&node), &iter);
    }
    return st == MT_OK ? MT_OK : mti_no_memory(&db->error);
}

mt_status mti_branches_keep_node(mt_db *db, mt_bytes uid)
{
    const mt_node *node = mt_graph_get(db->graph, uid);
    mt_status st = MT_OK;

    for (mti_branch *b = db->branches; b && st == MT_OK; b = b->next)
        st = keep(b, uid, node, true, NULL);
    return st == MT_OK ? MT_OK : mti_no_memory(&db->error);
}

static mt_status keep_commits(mti_branch *branch, const mti_queue *queue)
{
    mt_status st = MT_OK;

    for (const mt_action *a = queue->first; a && st == MT_OK; a = a->next_stored) {
        mt_delta_iter iter;
        mt_delta_node node;
        mt_delta_iter_init(&iter, a->as.write.delta, MT_UPDATE);
        while (st == MT_OK && mt_delta_iter_node(&iter, &node)) {
            const mt_node *now = mt_graph_get(branch->source->graph, node.uid);
            if (node.before != node.after)
                st = keep(branch, node.uid, now, takes_all(&node), &iter);
        }
    }
    return st;
}

mt_status mti_branch_keep_unstored(mti_branch *branch)
{
    mt_status st = keep_commits(branch, &branch->source->storing);

    return st == MT_OK ? keep_commits(branch, &branch->source->to_store) : st;
}
