/* node_store_test.c - whatever was written, in whatever form it rests, is read as it is in a graph. */
#include "crdt/part.h"
#include "test_world.h"
#include <string.h>

/* ---- Writes of whole nodes ---- */

/* Forgets a node, in the store and in the graph. */
static void remove_one(test_world *w)
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
    test_world w;

    test_world_begin(&w, c, false);
    for (size_t i = 0; i < steps; i++) {
        if (test_once_in(c, 8)) remove_one(&w);
        else test_world_write(&w);
        if (test_once_in(c, 3)) test_asker_is(&w.store, w.graph);
        if (test_once_in(c, 4)) test_world_reopen(&w);
    }
    test_asker_is(&w.store, w.graph);
    test_world_end(&w);
}

TEST(what_was_written_is_what_is_read)
{
    test_law(20000, what_was_written_is_read);
}

/* ---- Writes of nodes of which only a part is in memory ---- */

/* Brings into `memory` what a patch of `rows` needs, as a database does: of large nodes only the
 * fields that are written, unless the node is deleted. */
static void load(test_world *w, mt_graph *memory, const mt_row *rows, size_t count)
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
static void write_partly(test_world *w)
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
    test_world w;

    test_world_begin(&w, c, false);
    test_world_write(&w);
    for (size_t i = 0; i < steps; i++) {
        write_partly(&w);
        if (test_once_in(c, 3)) test_asker_is(&w.store, w.graph);
    }
    test_asker_is(&w.store, w.graph);
    test_world_end(&w);
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
