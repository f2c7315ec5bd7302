/* node_store_test.c - whatever was written, in whatever form it rests, is read as it is in a graph. */
#include "crdt/part.h"
#include "test_gen.h"
#include "test_asker.h"
#include <mytosis/plugin/kv_memory.h>
#include <string.h>

/* A store and the graph that it should hold. */
typedef struct world {
    test_case *c;
    gen_universe u;
    test_env te;
    test_kept kept;
    mt_node_store_options options;
    test_asker store;
    mt_graph *graph;
} world;

static void store_open(world *w)
{
    test_asker_init(&w->store, &w->te, test_kept_kv(&w->kept, w->kept.kv), &w->options);
}

static void world_begin(world *w, test_case *c)
{
    static const size_t lens[] = {1, 60, 200, 4096};

    memset(w, 0, sizeof *w);
    w->c = c;
    w->u = test_once_in(c, 6) ? gen_of_size(c, GEN_LARGE_NODE) : gen_any(c);
    w->options.size = sizeof w->options;
    w->options.small_len_max = lens[test_below(c, TEST_COUNT(lens))];
    w->options.log_max = test_once_in(c, 2) ? 1 + test_below(c, 8) : 1000;
    test_env_init(&w->te, test_rng_next(&c->rng), test_mem());
    HOLDS(mt_kv_memory(&w->te.env, &w->kept.kv) == MT_OK);
    store_open(w);
    w->graph = test_graph_new();
}

static void world_end(world *w)
{
    test_asker_end(&w->store);
    mt_kv_close(&w->kept.kv);
    mt_graph_free(w->graph);
    test_env_end(&w->te);
}

/* Changes a graph in some way. */
static mt_delta *change(world *w, mt_graph *graph)
{
    mt_delta *delta = NULL;
    ref_graph incoming;
    mt_row *rows;
    size_t count;
    mt_status st;

    if (test_once_in(w->c, 2)) {
        incoming = gen_graph(w->c, &w->u);
        rows = gen_rows(w->c, &incoming, true, &count);
        test_worked(graph, mt_graph_merge_rows(graph, rows, count, &delta));
        return delta;
    }
    rows = gen_patch(w->c, &w->u, &count);
    st = mt_graph_patch(graph, rows, count, 0, &delta);
    HOLDS(st == MT_OK || st == MT_STATE);
    return delta;
}

/* ---- Writes of whole nodes ---- */

static void write_commits(world *w)
{
    mt_storage_commit commits[4] = {{0}};
    mt_storage_write write = {.commits = commits, .clock_mode = 1};
    size_t count = test_once_in(w->c, 2) ? 1 : 1 + test_below(w->c, 4);
    test_reply r;

    for (; write.commit_count < count; write.commit_count++) {
        mt_storage_commit *commit = &commits[write.commit_count];

        commit->delta = change(w, w->graph);
        commit->origin = mt_str(test_once_in(w->c, 2) ? "" : "peer");
        commit->whole = test_once_in(w->c, 12);
    }
    test_ask_write(&w->store, &r, &write);
    test_await(&w->store, &r);
    HOLDS(r.status == MT_OK);
    test_reply_end(&r);
    for (size_t i = 0; i < count; i++) mt_delta_free((mt_delta *)(uintptr_t)commits[i].delta);
}

/* Forgets a node, in the store and in the graph. */
static void remove_one(world *w)
{
    mt_bytes uid = gen_uid(w->c, &w->u, test_below(w->c, w->u.uid_count));
    ref_graph all = test_read(&w->c->arena, w->graph);
    test_reply r;

    test_ask_remove(&w->store, &r, &uid, 1);
    test_await(&w->store, &r);
    HOLDS(r.status == MT_OK);
    test_reply_end(&r);
    for (size_t i = 0; i < all.count; i++)
        if (mt_bytes_equal(all.nodes[i].uid, uid)) ref_drop_node(&all, i--);
    mt_graph_free(w->graph);
    w->graph = test_graph_of(&all);
}

static void what_was_written_is_read(test_case *c)
{
    size_t steps = 1 + test_below(c, 6);
    world w;

    world_begin(&w, c);
    for (size_t i = 0; i < steps; i++) {
        if (test_once_in(c, 8)) remove_one(&w);
        else write_commits(&w);
        if (test_once_in(c, 3)) test_asker_is(&w.store, w.graph);
        if (test_once_in(c, 4)) {
            test_asker_end(&w.store);
            store_open(&w);
        }
    }
    test_asker_is(&w.store, w.graph);
    world_end(&w);
}

TEST(what_was_written_is_what_is_read)
{
    test_law(20000, what_was_written_is_read);
}

/* ---- Writes of nodes of which only a part is in memory ---- */

/* Brings into `memory` what a patch of `rows` needs, as a database does: of large nodes only the
 * fields that are written, unless the node is deleted. */
static void load(world *w, mt_graph *memory, const mt_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        mt_bytes *names = test_take(&w->c->arena, (rows[i].count + 1) * sizeof *names);
        mt_storage_key key = {.uid = rows[i].uid, .names = names, .name_count = rows[i].count};
        test_reply r;

        for (size_t j = 0; j < rows[i].count; j++) {
            size_t at = j;

            for (; at > 0 && mt_bytes_compare(names[at - 1], rows[i].fields[j].name) > 0; at--)
                names[at] = names[at - 1];
            names[at] = rows[i].fields[j].name;
        }
        key.whole = rows[i].delete_node || test_once_in(w->c, 6);
        r = test_asker_read(&w->store, &key, 1);
        for (size_t j = 0; j < r.row_count; j++) {
            mti_part part = {.uid = key.uid,
                             .floor = r.rows[j].row.floor,
                             .state_max = r.rows[j].state_max,
                             .fields = r.rows[j].row.fields,
                             .count = r.rows[j].row.count,
                             .absent = names,
                             .absent_count = r.rows[j].row.more ? 0 : rows[i].count};

            part.whole = !r.rows[j].partial && !r.rows[j].row.more;
            test_worked(memory, mti_graph_load_part(memory, &part));
        }
        test_reply_end(&r);
    }
}

/* Writes of several patches, each on what memory holds by then; what is loaded for one is there for
 * those after it. */
static void write_partly(world *w)
{
    mt_graph *memory = test_graph_new();
    mt_storage_commit commits[4] = {{0}};
    mt_storage_write write = {.commits = commits};
    size_t count = 1 + test_below(w->c, 4);
    test_reply r;

    for (size_t i = 0; i < count; i++) {
        mt_delta *delta = NULL;
        size_t row_count;
        mt_row *rows = gen_patch(w->c, &w->u, &row_count);

        load(w, memory, rows, row_count);
        if (mt_graph_patch(memory, rows, row_count, 0, &delta) != MT_OK) continue;
        test_worked(w->graph, mt_graph_patch(w->graph, rows, row_count, 0, NULL));
        commits[write.commit_count++].delta = delta;
    }
    test_ask_write(&w->store, &r, &write);
    test_await(&w->store, &r);
    if (r.status != MT_OK) print_error("%s\n", r.text);
    HOLDS(r.status == MT_OK);
    test_reply_end(&r);
    for (size_t i = 0; i < write.commit_count; i++)
        mt_delta_free((mt_delta *)(uintptr_t)commits[i].delta);
    mt_graph_free(memory);
}

static void what_was_written_in_parts_is_read(test_case *c)
{
    size_t steps = 1 + test_below(c, 6);
    world w;

    world_begin(&w, c);
    write_commits(&w);
    for (size_t i = 0; i < steps; i++) {
        write_partly(&w);
        if (test_once_in(c, 3)) test_asker_is(&w.store, w.graph);
    }
    test_asker_is(&w.store, w.graph);
    world_end(&w);
}

TEST(what_was_written_from_parts_is_what_is_read)
{
    test_law(20000, what_was_written_in_parts_is_read);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_what_is_read),
        cmocka_unit_test(what_was_written_from_parts_is_what_is_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
