#include "test_storage_request.h"

#include "crdt/graph.h"

#include <stdlib.h>

static void give(test_request *r, mt_storage_answer *out)
{
    out->status = r->status;
    if (r->status != MT_OK) out->text = "the disk is upset";
    r->host->answer(r->host->ctx, r->id, out);
}

/* ---- Rows ---- */

static bool is_asked(const mt_storage_key *key, mt_bytes name)
{
    for (size_t i = 0; i < key->name_count; i++)
        if (mt_bytes_equal(key->names[i], name)) return true;
    return false;
}

/* Whether a node comes without the fields that are not asked for by name. */
static bool comes_in_part(const test_storage *ts, const mt_storage_key *key, const mt_node *node)
{
    if (key->whole) return false;
    return key->name_count > 0 || (ts->large && mt_node_count_all(node) > ts->large);
}

/* The rows of an answer, gathered in the request's arena. */
typedef struct gathering {
    test_request *r;
    mt_storage_row *rows;
    size_t count, room;
} gathering;

static void add_row(gathering *g, const mt_storage_row *row)
{
    g->rows = test_room(&g->r->arena, g->rows, g->count, &g->room, sizeof *g->rows);
    g->rows[g->count++] = *row;
}

static void add_node(gathering *g, const mt_storage_key *key, const mt_node *node)
{
    test_storage *ts = g->r->ts;
    bool part = comes_in_part(ts, key, node);
    mt_storage_row row = {.row = {.uid = mt_node_uid(node), .floor = mt_node_floor(node)},
                          .state_max = mt_node_state_max(node)};
    mt_field *fields = test_take(&g->r->arena, (mt_node_count_all(node) + 1) * sizeof *fields);
    mt_field_iter iter;
    size_t count = 0, max = ts->row_fields ? ts->row_fields : 64;

    mt_field_iter_init(&iter, node, true);
    while (mt_field_iter_next(&iter, &fields[count]))
        if (!part || is_asked(key, fields[count].name)) count++;
    row.partial = count < mt_node_count_all(node);
    row.row.fields = fields;
    do {
        row.row.count = count < max ? count : max;
        row.row.more = count > max;
        add_row(g, &row);
        row.row.fields += row.row.count;
        count -= row.row.count;
    } while (count > 0);
}

static const mt_graph *seen_by(const test_request *r)
{
    return r->seen ? r->seen : r->ts->graph;
}

static void give_rows(gathering *g, bool end)
{
    test_request *r = g->r;
    mt_storage_answer out = {.rows = g->rows, .row_count = g->count, .end = end};

    if (r->status != MT_OK) out.row_count = 0;
    while (r->ts->rows_alone && out.row_count > 1) {
        mt_storage_answer one = out;
        one.row_count = 1;
        one.more = true;
        give(r, &one);
        out.rows++;
        out.row_count--;
    }
    give(r, &out);
}

static void answer_read(test_request *r)
{
    gathering g = {.r = r};
    const mt_node *node;

    for (size_t i = 0; i < r->count; i++)
        if ((node = mt_graph_get(seen_by(r), r->keys[i].uid))) add_node(&g, &r->keys[i], node);
    if (r->ts->extra && (node = mt_graph_get(seen_by(r), mt_str(r->ts->extra)))) {
        mt_storage_key key = {.uid = mt_str(r->ts->extra), .whole = true};
        add_node(&g, &key, node);
    }
    give_rows(&g, false);
}

static void answer_list(test_request *r)
{
    gathering g = {.r = r};
    mt_storage_key whole = {.whole = true};
    const mt_node *node;
    mt_graph_iter iter;
    size_t count = 0;

    mt_graph_iter_init(&iter, seen_by(r), r->prefix, r->after);
    while ((node = mt_graph_iter_next(&iter)) && count < r->limit) {
        if (r->after.len && mt_bytes_compare(mt_node_uid(node), r->after) <= 0) continue;
        add_node(&g, &whole, node);
        count++;
    }
    give_rows(&g, !node);
}

/* ---- Writing ---- */

void test_storage_drop(test_storage *ts, mt_bytes uid)
{
    mti_tree_env env = mti_node_env(ts->graph->family);
    void *old;

    ts->graph->last.leaf = NULL;
    CHECK(mti_tree_remove(&ts->graph->nodes, &env, uid, &old) == MT_OK);
    mti_node_release(ts->graph->family, old);
}

/* Merges a row, which must be news: the database has read what it overwrites. */
static void store_row(test_storage *ts, const mt_row *row)
{
    const mt_node *node = mt_graph_get(ts->graph, row->uid);
    mt_status st;
    mt_field was;

    if (node && row->floor) CHECK(row->floor >= mt_node_floor(node));
    for (size_t i = 0; i < row->count && node; i++) {
        if (mt_node_get_any(node, row->fields[i].name, &was) != MT_OK) continue;
        if (was.state <= row->fields[i].state) continue;
        fail_msg("field %.*s of %.*s is stored over a higher state", (int)row->fields[i].name.len,
                 row->fields[i].name.data, (int)row->uid.len, row->uid.data);
    }
    st = mt_graph_merge_rows(ts->graph, row, 1, NULL);
    if (st != MT_OK) fail_msg("storage: %s", mt_graph_error(ts->graph)->text);
}

static void store_whole(test_storage *ts, const mt_node *node)
{
    mt_field *fields = calloc(mt_node_count_all(node) + 1, sizeof *fields);
    mt_row row = {.uid = mt_node_uid(node), .floor = mt_node_floor(node), .fields = fields};
    mt_field_iter iter;

    CHECK(fields && !mt_node_partial(node));
    mt_field_iter_init(&iter, node, true);
    while (mt_field_iter_next(&iter, &fields[row.count])) row.count++;
    test_storage_drop(ts, row.uid);
    store_row(ts, &row);
    free(fields);
}

static void store_update(test_storage *ts, mt_delta_iter *iter, const mt_delta_node *node)
{
    mt_row row = {.uid = node->uid, .floor = node->floor};
    mt_field field;

    if (row.floor) store_row(ts, &row);
    row.fields = &field;
    row.count = 1;
    while (mt_delta_iter_field(iter, &field)) store_row(ts, &row);
}

static void store_commit(test_storage *ts, const mt_storage_commit *commit)
{
    const mt_node *now;
    mt_delta_iter iter;
    mt_delta_node node;

    mt_delta_iter_init(&iter, commit->delta, MT_UPDATE);
    while (mt_delta_iter_node(&iter, &node)) {
        if (node.empty) continue;
        if (ts->wants_full) CHECK(!mt_node_partial(node.after));
        if (commit->whole) store_whole(ts, node.after);
        else store_update(ts, &iter, &node);
        now = mt_graph_get(ts->graph, node.uid);
        if (ts->exact && !mt_node_partial(node.after)) CHECK(now && mt_node_equal(now, node.after));
    }
}

void test_request_store(test_request *r)
{
    const mt_storage_write *write = r->write;

    r->write = NULL;
    if (!write || r->status != MT_OK) return;
    for (size_t i = 0; i < write->commit_count; i++) store_commit(r->ts, &write->commits[i]);
    CHECK(write->clock >= r->ts->clock);
    r->ts->clock = write->clock;
    r->ts->clock_mode = write->clock_mode;
}

/* ---- Answers ---- */

static void answer_open(test_request *r)
{
    mt_storage_info info = {.clock = r->ts->clock, .clock_mode = r->ts->clock_mode};
    mt_storage_answer out = {.info = r->status == MT_OK ? &info : NULL};

    give(r, &out);
}

static void answer_plain(test_request *r)
{
    mt_storage_answer out = {.end = true};

    give(r, &out);
}

static void answer_remove(test_request *r)
{
    for (size_t i = 0; i < r->count && r->status == MT_OK; i++)
        test_storage_drop(r->ts, r->keys[i].uid);
    answer_plain(r);
}

static void answer_write(test_request *r)
{
    test_request_store(r);
    r->ts->writing = false;
    answer_plain(r);
}

void test_request_give(test_request *r)
{
    if (r->call == TEST_OPEN) answer_open(r);
    else if (r->call == TEST_READ) answer_read(r);
    else if (r->call == TEST_WRITE) answer_write(r);
    else if (r->call == TEST_REMOVE) answer_remove(r);
    else if (r->call == TEST_LIST) answer_list(r);
    else answer_plain(r);
}
