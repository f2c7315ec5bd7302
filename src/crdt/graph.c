#include "crdt/graph.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "base/status.h"
#include "crdt/limits.h"

/* ---- Life ---- */

mt_status mti_graph_new_in(const mt_mem *mem, mti_family *family, const mt_limits *limits,
                           mt_graph **out)
{
    mt_graph *graph = mti_mem_alloc(mem, sizeof *graph);

    if (!graph) return MT_NO_MEMORY;
    memset(graph, 0, sizeof *graph);
    graph->mem = mem;
    graph->family = family;
    graph->limits = mti_limits_copy(limits);
    mti_family_hold(family);
    *out = graph;
    return MT_OK;
}

mt_status mt_graph_new(const mt_mem *mem, const mt_limits *limits, mt_graph **out)
{
    mti_family *family;
    mt_status st = mti_family_new(mem, &family);

    if (st != MT_OK) return st;
    st = mti_graph_new_in(mem, family, limits, out);
    mti_family_release(family);
    return st;
}

void mt_graph_free(mt_graph *graph)
{
    mti_tree_env env;

    if (!graph) return;
    mt_delta_free(graph->spare);
    env = mti_node_env(graph->family);
    /* What nobody else holds goes with its family, all at once. */
    if (graph->family->refs > 1 || mti_heap_checked()) mti_tree_end(&graph->nodes, &env);
    mti_family_release(graph->family);
    mti_mem_free(graph->mem, graph->scratch.names, graph->scratch.name_cap * sizeof(mt_bytes));
    mti_mem_free(graph->mem, graph->scratch.cells, graph->scratch.cell_cap * sizeof(mti_cell));
    mti_mem_free(graph->mem, graph->scratch.order, graph->scratch.order_cap * sizeof(uint32_t));
    mti_mem_free(graph->mem, graph->listeners, graph->listener_cap * sizeof *graph->listeners);
    mti_mem_free(graph->mem, graph, sizeof *graph);
}

mt_status mt_graph_clone(const mt_graph *graph, mt_graph **out)
{
    mt_status st = mti_graph_new_in(graph->mem, graph->family, &graph->limits, out);

    if (st != MT_OK) return st;
    mti_tree_copy(&graph->nodes, &(*out)->nodes);
    ((mt_graph *)graph)->last.leaf = NULL; /* its leaf is shared from now on */
    return MT_OK;
}

const mt_error *mt_graph_error(const mt_graph *graph)
{
    return &graph->error;
}

size_t mt_graph_memory(const mt_graph *graph)
{
    return graph->family->heap.held + graph->family->list_cap + sizeof *graph->family +
           sizeof *graph;
}

/* ---- Reading ---- */

size_t mt_graph_count(const mt_graph *graph)
{
    return graph->nodes.count;
}

const mt_node *mt_graph_get(const mt_graph *graph, mt_bytes uid)
{
    return mti_tree_get(&graph->nodes, &mti_node_kind, uid);
}

void mt_graph_iter_init(mt_graph_iter *iter, const mt_graph *graph, mt_bytes prefix, mt_bytes from)
{
    iter->prefix = prefix;
    mti_tree_walk(&graph->nodes, &mti_node_kind, mt_bytes_compare(prefix, from) < 0 ? from : prefix,
                  &iter->walk);
}

const mt_node *mt_graph_iter_next(mt_graph_iter *iter)
{
    const mt_node *node = mti_tree_next(&iter->walk);

    if (!node || iter->prefix.len == 0) return node;
    if (node->uid_len >= iter->prefix.len &&
        memcmp(node->uid, iter->prefix.data, iter->prefix.len) == 0)
        return node;
    iter->walk.level = -1;
    return NULL;
}

bool mt_graph_equal(const mt_graph *a, const mt_graph *b)
{
    mt_walk walk_a, walk_b;
    void *x, *y;

    if (a->nodes.count != b->nodes.count) return false;
    mti_tree_pair_walk(&a->nodes, &b->nodes, &walk_a, &walk_b);
    while (mti_tree_pair_next(&mti_node_kind, &walk_a, &walk_b, &x, &y))
        if (!x || !y || !mt_node_equal(x, y)) return false;
    return true;
}

/* ---- Changing ---- */

mt_status mti_graph_put(mt_graph *graph, mt_node *node)
{
    mti_tree_env env = mti_node_env(graph->family);
    mt_status st;
    void *old;

    graph->last.leaf = NULL;
    graph->version++;
    st = mti_tree_put(&graph->nodes, &env, node, &old);
    if (st != MT_OK) {
        mti_node_release(graph->family, node);
        return mti_no_memory(&graph->error);
    }
    mti_node_release(graph->family, old);
    return MT_OK;
}

/* Finds a node: row `i` of a batch, or near the last one. */
static mt_node *find_place(mt_graph *graph, mt_bytes uid, const mti_tree_batch *batch, size_t i,
                           mti_tree_place *place)
{
    mt_node *node;

    if (batch && batch->count > 0)
        node = mti_tree_find_batched(&graph->nodes, &mti_node_kind, uid, batch, i, place);
    else node = mti_tree_find_near(&graph->nodes, &mti_node_kind, uid, &graph->last, place);

    if (node && place->leaf) graph->last = *place;
    return node;
}

/* Puts `after` (held for the caller, MOVED) in the place of `current`, and both into the log. */
static mt_status apply_node(mt_graph *graph, mt_delta *log, const mti_tree_place *place,
                            mt_node *current, mt_node *after)
{
    mti_tree_env env = mti_node_env(graph->family);
    mti_change change = {.before = current, .after = after};
    mt_status st = mti_delta_reserve(log, 1);
    void *old;

    if (st == MT_OK && after != current) {
        graph->version++;
        if ((st = mti_tree_put_at(&graph->nodes, &env, place, after, &old)) == MT_OK)
            mti_hold(after);
        graph->last = *place;
        graph->last.found = true;
        change.before = old;
    } else if (st == MT_OK) {
        mti_hold(current);
        mti_hold(current);
    }
    if (st != MT_OK) {
        if (after != current) mti_node_release(graph->family, after);
        return mti_no_memory(&graph->error);
    }
    mti_delta_add(log, change);
    return MT_OK;
}

/* Keeps what came too late for the change that was applied last. The node is MOVED. */
static void keep_late(mt_delta *log, mt_node *incoming, bool foreign)
{
    mti_change *change = &log->changes[log->count - 1];

    change->incoming = incoming;
    change->foreign = foreign;
    log->late = true;
}

mt_status mti_graph_apply(mt_graph *graph, const mti_tree_place *place, mt_node *current,
                          const mti_incoming *in, mt_delta *log, bool record)
{
    mt_node *after, *incoming = NULL;
    mt_status st;
    bool late, unused;

    st = mti_node_merge(graph->family, current, in, &after, &late);
    if (st != MT_OK) return mti_no_memory(&graph->error);
    if (after == current && !record) return MT_OK;
    if (late && record && mti_node_merge(graph->family, NULL, in, &incoming, &unused) != MT_OK) {
        if (after != current) mti_node_release(graph->family, after);
        return mti_no_memory(&graph->error);
    }
    st = apply_node(graph, log, place, current, after);
    if (st != MT_OK) mti_node_release(graph->family, incoming);
    else if (incoming) keep_late(log, incoming, false);
    return st;
}

static mt_status apply_incoming_node(mt_graph *graph, mt_node *incoming, mti_merge_source *source,
                                     mt_delta *log, bool record)
{
    mti_tree_place place;
    mt_node *current = find_place(graph, mt_node_uid(incoming), NULL, 0, &place);
    mt_node *after;
    mt_status st;
    bool late;

    st = mti_node_merge_node(graph->family, current, incoming, source, &after, &late);
    if (st != MT_OK) return mti_no_memory(&graph->error);
    if (after == current && !record) return MT_OK;
    st = apply_node(graph, log, &place, current, after);
    if (st == MT_OK && late && record) {
        mti_hold(incoming);
        keep_late(log, incoming, !source->same);
    }
    return st;
}

/* ---- One change of many nodes ---- */

/* A log larger than this is not kept for the next change. */
#define SPARE_CHANGES_MAX 64

typedef struct change {
    mt_graph *graph;
    mt_delta *log;
    mti_tree_batch batch;
    bool record; /* somebody wants to know: log what did nothing and what came too late, too */
} change;

static mt_status change_begin(change *c, mt_graph *graph, mti_family *foreign, bool wanted)
{
    c->graph = graph;
    c->batch.count = 0;
    c->record = wanted || graph->listener_count > 0;
    if (!c->record && graph->spare) {
        c->log = graph->spare;
        graph->spare = NULL;
        return MT_OK;
    }
    if (mti_delta_new(graph->mem, graph->family, foreign, &c->log) == MT_OK) return MT_OK;
    return mti_no_memory(&graph->error);
}

/* From its end. The pages on the way are the graph's own since they were written. */
void mti_graph_take_back(mt_graph *graph, const mt_delta *delta)
{
    mti_tree_env env = mti_node_env(graph->family);

    graph->last.leaf = NULL;
    graph->version++;
    for (size_t i = delta->count; i-- > 0;) {
        const mti_change *done = &delta->changes[i];
        void *old = NULL;
        mt_status st;
        if (done->before == done->after) continue;
        if (done->before) {
            mti_hold(done->before);
            st = mti_tree_put(&graph->nodes, &env, done->before, &old);
        } else {
            st = mti_tree_remove(&graph->nodes, &env, mt_node_uid(done->after), &old);
        }
        mti_assert(st == MT_OK);
        mti_node_release(graph->family, old);
    }
}

/* Ends a change: on failure undoes it, else tells the listeners and hands out the delta. */
static mt_status change_end(change *c, mt_status st, mt_delta **delta)
{
    if (st == MT_OK && c->record && mti_delta_settle(c->log) != MT_OK)
        st = mti_no_memory(&c->graph->error);
    if (st != MT_OK) {
        mti_graph_take_back(c->graph, c->log);
        mt_delta_free(c->log);
        return st;
    }
    if (!c->record && !c->graph->spare && !c->log->foreign && c->log->cap <= SPARE_CHANGES_MAX) {
        mti_delta_reset(c->log);
        c->graph->spare = c->log;
        return MT_OK;
    }
    if (c->log->changed || c->log->late) {
        for (size_t i = 0; i < c->graph->listener_count; i++)
            c->graph->listeners[i].listener(c->graph->listeners[i].ctx, c->graph, c->log);
    }
    if (delta) *delta = c->log;
    else mt_delta_free(c->log);
    return MT_OK;
}

/* Every so many rows: looks for the next ones all at once. */
static void rows_prefetch(change *c, const mt_row *rows, size_t at, size_t count)
{
    mt_bytes keys[MTI_TREE_BATCH];
    size_t n = count - at < MTI_TREE_BATCH ? count - at : MTI_TREE_BATCH;

    if (at % MTI_TREE_BATCH != 0) return;
    for (size_t i = 0; i < n; i++) keys[i] = rows[at + i].uid;
    mti_tree_prefetch(&c->graph->nodes, &mti_node_kind, keys, n, &c->batch);
}

/* A row of a patch or, where `state` is NULL, of what is merged. */
static mt_status apply_row(change *c, const mt_row *row, size_t i, const uint64_t *state)
{
    mti_tree_place place;
    mt_node *current;
    mti_incoming in;
    mt_status st;

    current = find_place(c->graph, row->uid, &c->batch, i % MTI_TREE_BATCH, &place);
    st = mti_incoming_row(c->graph, row, current, !state, &in);
    if (st != MT_OK) return st;
    if (state) st = mti_incoming_stamp(c->graph, current, row, *state, &in);
    /* A node that is not there is not brought into being by deleting it. */
    if (st == MT_OK && (!state || !row->delete_node || current || in.count > 0 || in.floor > 0))
        st = mti_graph_apply(c->graph, &place, current, &in, c->log, c->record);
    mti_incoming_end(c->graph, &in);
    return st;
}

static mt_status apply_rows(mt_graph *graph, const mt_row *rows, size_t count,
                            const uint64_t *state, mt_delta **delta)
{
    change c;
    mt_status st = change_begin(&c, graph, NULL, delta);

    if (st != MT_OK) return st;
    for (size_t i = 0; i < count && st == MT_OK; i++) {
        rows_prefetch(&c, rows, i, count);
        st = apply_row(&c, &rows[i], i, state);
    }
    return change_end(&c, st, delta);
}

mt_status mt_graph_patch(mt_graph *graph, const mt_row *rows, size_t count, uint64_t state,
                         mt_delta **delta)
{
    return apply_rows(graph, rows, count, &state, delta);
}

mt_status mt_graph_merge_rows(mt_graph *graph, const mt_row *rows, size_t count, mt_delta **delta)
{
    return apply_rows(graph, rows, count, NULL, delta);
}

mt_status mt_graph_set(mt_graph *graph, mt_bytes uid, mt_bytes name, mt_value value)
{
    mt_field field = {.name = name, .value = value};
    mt_row row = {.uid = uid, .fields = &field, .count = 1};

    return mt_graph_patch(graph, &row, 1, 0, NULL);
}

mt_status mt_graph_remove(mt_graph *graph, mt_bytes uid, mt_bytes name)
{
    mt_field field = {.name = name, .kind = MT_FIELD_DELETED};
    mt_row row = {.uid = uid, .fields = &field, .count = 1};

    return mt_graph_patch(graph, &row, 1, 0, NULL);
}

mt_status mt_graph_remove_node(mt_graph *graph, mt_bytes uid)
{
    mt_row row = {.uid = uid, .delete_node = true};

    return mt_graph_patch(graph, &row, 1, 0, NULL);
}

/* ---- Merging graphs ---- */

/* Whether a foreign node keeps to the limits of the graph that it is merged into. */
static mt_status node_check(mt_graph *graph, const mt_node *node)
{
    mt_field_iter iter;
    mt_field field;
    mt_error why;

    mt_field_iter_init(&iter, node, false);
    while (mt_field_iter_next(&iter, &field)) {
        if (field.value.kind < MT_STRING || field.value.as.bytes.len <= graph->limits.value_len_max)
            continue;
        if (mt_value_check(&field.value, &graph->limits, &why) == MT_OK) continue;
        return mti_fail(&graph->error, why.status, "node \"%.*s\", field \"%.*s\": %s",
                        MTI_SHOW(mt_node_uid(node)), MTI_SHOW(field.name), why.text);
    }
    return MT_OK;
}

/* Every incoming node, one after the other. */
static mt_status merge_all(change *c, const mt_graph *incoming, mti_merge_source *source)
{
    bool check = c->graph->limits.value_len_max < incoming->limits.value_len_max;
    mt_bytes start = {NULL, 0};
    mt_status st = MT_OK;
    mt_walk walk;
    mt_node *node;

    if (c->record && (st = mti_delta_reserve(c->log, incoming->nodes.count)) != MT_OK)
        return mti_no_memory(&c->graph->error);
    mti_tree_walk(&incoming->nodes, &mti_node_kind, start, &walk);
    while (st == MT_OK && (node = mti_tree_next(&walk))) {
        if (check && (st = node_check(c->graph, node)) != MT_OK) break;
        st = apply_incoming_node(c->graph, node, source, c->log, c->record);
    }
    return st;
}

/* Only the nodes in which two graphs of one family differ. */
static mt_status merge_differing(change *c, const mt_graph *incoming, mti_merge_source *source)
{
    mti_tree_env env = mti_node_env(c->graph->family);
    mt_walk walk_a, walk_b;
    mt_status st = MT_OK;
    mti_tree base;
    void *a, *b;

    /* The walk needs a tree that stays as it is while the graph's is edited. */
    mti_tree_copy(&c->graph->nodes, &base);
    c->graph->last.leaf = NULL;
    mti_tree_pair_walk(&base, &incoming->nodes, &walk_a, &walk_b);
    while (st == MT_OK && mti_tree_pair_next(&mti_node_kind, &walk_a, &walk_b, &a, &b))
        if (b) st = apply_incoming_node(c->graph, b, source, c->log, c->record);
    mti_tree_end(&base, &env);
    return st;
}

mt_status mt_graph_merge(mt_graph *graph, const mt_graph *incoming, mt_delta **delta)
{
    mti_merge_source source = {.same = incoming->family == graph->family};
    change c;
    mt_status st = change_begin(&c, graph, incoming->family, delta);

    if (st != MT_OK) return st;
    if (source.same) st = merge_differing(&c, incoming, &source);
    else st = merge_all(&c, incoming, &source);
    mti_source_end(graph->family, &source);
    return change_end(&c, st, delta);
}

/* ---- Listening ---- */

mt_status mt_graph_listen(mt_graph *graph, mt_graph_listener *listener, void *ctx)
{
    mti_listening *listeners =
        mti_vector_reserve(graph->mem, graph->listeners, &graph->listener_cap,
                           graph->listener_count + 1, sizeof *listeners);
    mti_listening listening = {listener, ctx};

    if (!listeners) return mti_no_memory(&graph->error);
    graph->listeners = listeners;
    graph->listeners[graph->listener_count++] = listening;
    return MT_OK;
}

void mt_graph_unlisten(mt_graph *graph, mt_graph_listener *listener, void *ctx)
{
    size_t kept = 0;
    bool found = false;

    for (size_t i = 0; i < graph->listener_count; i++) {
        mti_listening *l = &graph->listeners[i];
        if (!found && l->listener == listener && l->ctx == ctx) found = true;
        else graph->listeners[kept++] = *l;
    }
    graph->listener_count = kept;
}
