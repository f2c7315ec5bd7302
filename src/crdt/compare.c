/* Rebase, overlap and diff: graphs made from two graphs. */
#include "base/bytes.h"
#include "base/status.h"
#include "crdt/graph.h"
#include "crdt/rows.h"

/* ---- Rebase ---- */

typedef struct replay {
    mt_graph *graph; /* what becomes the result */
    mt_bytes uid;
    const mt_node *target; /* NULL: the target has no such node */
    mt_delta *log;
    bool floor_new; /* the source's floor is replayed */
    uint64_t floor; /* of the result */
    mt_error *err;
} replay;

/* The state of a replayed field: 0 if it is not replayed. */
static mt_status replay_state(const replay *r, const mt_field *field, uint64_t *state)
{
    const void *base;
    const mti_cell *here = r->target ? mti_node_find(r->target, field->name, &base) : NULL;
    uint64_t below = here ? mti_cell_state(here) : 0;

    *state = field->state > below ? field->state : below + 1;
    if (*state <= r->floor) {
        /* A delete marker at or below the floor says what the floor says already. */
        *state = field->kind == MT_FIELD_DELETED ? 0 : r->floor + 1;
    }
    if (*state <= MT_STATE_MAX) return MT_OK;
    return mti_fail(r->err, MT_STATE,
                    "node \"%.*s\", field \"%.*s\": there is no state above 2^53 - 1",
                    MTI_SHOW(r->uid), MTI_SHOW(field->name));
}

static mt_status replay_row(replay *r, mt_row *row, mt_field *fields)
{
    mti_tree_place place;
    mt_node *current;
    mti_incoming in;
    size_t count = 0;
    mt_status st;

    for (size_t i = 0; i < row->count; i++) {
        uint64_t state;
        if ((st = replay_state(r, &row->fields[i], &state)) != MT_OK) return st;
        if (!state) continue;
        fields[count] = row->fields[i];
        fields[count++].state = state;
    }
    row->fields = fields;
    row->count = count;
    row->floor = r->floor_new ? r->floor : 0;
    if ((st = mti_incoming_row(r->graph, row, true, true, &in)) == MT_OK) {
        current = mti_tree_find(&r->graph->nodes, &mti_node_kind, row->uid, &place);
        st = mti_graph_apply(r->graph, &place, current, &in, r->log, false);
        mti_incoming_end(r->graph, &in);
    }
    if (st != MT_OK && r->err) *r->err = r->graph->error;
    return st;
}

static mt_status replay_node(replay *r, const mt_graph *target, const mt_node *source)
{
    uint64_t here, top;
    mti_node_rows rows;
    mt_field fields[MTI_ROW_FIELDS];
    mt_status st = MT_OK;
    mt_row row;

    r->uid = mt_node_uid(source);
    r->target = mt_graph_get(target, r->uid);
    here = r->target ? r->target->floor : 0;
    top = r->target ? r->target->state_max : 0;
    r->floor_new = source->floor > here;
    r->floor = !r->floor_new ? here : source->floor > top ? source->floor : top;
    mti_node_rows_init(&rows, source);
    while (st == MT_OK && mti_node_rows_next(&rows, &row)) st = replay_row(r, &row, fields);
    return st;
}

mt_status mt_graph_rebase(const mt_graph *source, const mt_graph *target, mt_graph **out,
                          mt_error *err)
{
    mt_bytes start = {NULL, 0};
    replay r = {.err = err};
    mt_graph_iter iter;
    const mt_node *node;
    mt_status st;

    if (mt_graph_clone(target, &r.graph) != MT_OK) return mti_no_memory(err);
    if (r.graph->limits.value_len_max < source->limits.value_len_max)
        r.graph->limits.value_len_max = source->limits.value_len_max;
    st = mti_delta_new(target->mem, target->family, NULL, &r.log);
    if (st != MT_OK) (void)mti_no_memory(err);
    mt_graph_iter_init(&iter, source, start, start);
    while (st == MT_OK && (node = mt_graph_iter_next(&iter))) st = replay_node(&r, target, node);
    mt_delta_free(r.log);
    if (st == MT_OK) *out = r.graph;
    else mt_graph_free(r.graph);
    return st;
}

/* ---- Overlap and diff: some nodes of a family, some of their fields ---- */

typedef struct select {
    mt_graph *out;
    mt_node *node; /* what is selected of the node so far; held */
} select;

static mt_status select_row(select *s, const mt_row *row)
{
    mti_incoming in;
    mt_node *node;
    mt_status st;
    bool late;

    if ((st = mti_incoming_row(s->out, row, true, true, &in)) != MT_OK) return st;
    st = mti_node_merge(s->out->family, s->node, &in, &node, &late);
    mti_incoming_end(s->out, &in);
    if (st != MT_OK) return mti_no_memory(&s->out->error);
    if (node != s->node) mti_node_release(s->out->family, s->node);
    s->node = node;
    return MT_OK;
}

static mt_status select_end(select *s, mt_status st)
{
    mt_node *node = s->node;

    s->node = NULL;
    if (st == MT_OK) return mti_graph_put(s->out, node);
    mti_node_release(s->out->family, node);
    return st;
}

static mt_status select_whole(select *s, mt_node *node)
{
    mti_hold(node);
    return mti_graph_put(s->out, node);
}

static mt_status overlap_node(select *s, mt_node *source, const mt_node *target)
{
    mti_node_rows rows;
    mt_status st = MT_OK;
    const void *base;
    mt_row row;

    if (source == target) return select_whole(s, source);
    mti_node_rows_init(&rows, source);
    while (st == MT_OK && mti_node_rows_next(&rows, &row)) {
        size_t count = 0;
        for (size_t i = 0; i < row.count; i++)
            if (mti_node_find(target, rows.fields[i].name, &base))
                rows.fields[count++] = rows.fields[i];
        row.count = count;
        if (!target->floor) row.floor = 0;
        st = select_row(s, &row);
    }
    return select_end(s, st);
}

/* A graph of the family of `like`, without limits of its own: what goes in was in a graph
 * already. */
static mt_status select_begin(select *s, const mt_graph *like, mt_error *err)
{
    s->node = NULL;
    if (mti_graph_new_in(like->mem, like->family, &like->limits, &s->out) == MT_OK) return MT_OK;
    return mti_no_memory(err);
}

static mt_status select_done(select *s, mt_status st, mt_graph **out, mt_error *err)
{
    if (st == MT_OK) {
        *out = s->out;
        return st;
    }
    if (err) *err = s->out->error;
    mt_graph_free(s->out);
    return st;
}

mt_status mt_graph_overlap(const mt_graph *source, const mt_graph *target, mt_graph **out,
                           mt_error *err)
{
    mt_bytes start = {NULL, 0};
    mt_status st;
    mt_node *node;
    mt_walk walk;
    select s;

    if ((st = select_begin(&s, source, err)) != MT_OK) return st;
    mti_tree_walk(&source->nodes, &mti_node_kind, start, &walk);
    while (st == MT_OK && (node = mti_tree_next(&walk))) {
        const mt_node *other = mt_graph_get(target, mt_node_uid(node));
        if (other) st = overlap_node(&s, node, other);
    }
    return select_done(&s, st, out, err);
}

/* The update part of a delta as a graph. */
static mt_status select_update(select *s, const mt_delta *delta)
{
    mti_delta_rows rows;
    mt_status st = MT_OK;
    mt_row row;

    mti_delta_rows_init(&rows, delta, MT_UPDATE, false);
    while (st == MT_OK && mti_delta_rows_next(&rows, &row)) {
        st = select_row(s, &row);
        if (!row.more || st != MT_OK) st = select_end(s, st);
    }
    return st;
}

mt_status mt_graph_diff(const mt_graph *a, const mt_graph *b, mt_graph **out, mt_error *err)
{
    mt_graph *merged = NULL;
    mt_delta *delta = NULL;
    mt_status st;
    select s;

    if (mt_graph_clone(b, &merged) != MT_OK) return mti_no_memory(err);
    if (merged->limits.value_len_max < a->limits.value_len_max)
        merged->limits.value_len_max = a->limits.value_len_max;
    st = mt_graph_merge(merged, a, &delta);
    if (st != MT_OK && err) *err = *mt_graph_error(merged);
    if (st == MT_OK && (st = select_begin(&s, merged, err)) == MT_OK)
        st = select_done(&s, select_update(&s, delta), out, err);
    mt_delta_free(delta);
    mt_graph_free(merged);
    return st;
}
