/* Merge: the same as the reference, and the same whatever the order. */
#include "test_gen.h"
#include "test_graph.h"
#include "test_inspect.h"

/* A pair of graphs of one universe, with one of them twice. */
typedef struct pair {
    ref_graph current, incoming;
    mt_graph *graph, *other;
} pair;

static pair pair_new(test_case *c)
{
    gen_universe u = gen_any(c);
    pair p = {.current = gen_graph(c, &u)};

    p.incoming = gen_graph(c, &u);
    p.graph = test_graph_of(&p.current);
    p.other = test_graph_of(&p.incoming);
    return p;
}

static void pair_free(pair *p)
{
    mt_graph_free(p->graph);
    mt_graph_free(p->other);
}

/* Merges what a part of a delta says into a graph; answers whether that changed anything. */
static bool replay(test_case *c, mt_graph *graph, const mt_delta *delta, mt_delta_part part)
{
    mt_delta *done = NULL;
    size_t count;
    mt_row *rows = test_delta_rows(&c->arena, delta, part, &count);
    bool changed;

    gen_shuffle(c, rows, count, sizeof *rows);
    test_worked(graph, mt_graph_merge_rows(graph, rows, count, &done));
    changed = mt_delta_changed(done);
    mt_delta_free(done);
    return changed;
}

static void hear(void *ctx, mt_graph *graph, const mt_delta *delta)
{
    (void)graph;
    (void)delta;
    ++*(size_t *)ctx;
}

static void merge_is_that_of_the_reference(test_case *c)
{
    pair p = pair_new(c);
    mti_family *family = test_family_keep(p.graph);
    ref_delta expected;
    ref_graph merged = ref_merge(&p.current, &p.incoming, &expected);
    mt_graph *held = NULL;
    mt_delta *delta;
    size_t heard = 0;

    test_graph_is(p.graph, &p.current);
    /* The incoming nodes have another holder. */
    HOLDS(mt_graph_overlap(p.other, p.other, &held, NULL) == MT_OK);
    HOLDS(mt_graph_listen(p.graph, hear, &heard) == MT_OK);
    delta = test_merge(p.graph, p.other);
    HOLDS(heard == (mt_delta_changed(delta) || expected.late));
    test_graph_is(p.graph, &merged);
    test_graph_is(p.other, &p.incoming);
    test_delta_is(delta, &expected, false);
    test_inspect(p.graph);
    mt_graph_free(held);
    pair_free(&p);
    /* The delta needs neither graph. */
    test_delta_is(delta, &expected, false);
    mt_delta_free(delta);
    test_family_end(family);
}

static void merge_of_one_family_is_that_of_the_reference(test_case *c)
{
    gen_universe u = gen_any(c);
    ref_graph base = gen_graph(c, &u), left = gen_graph(c, &u), right = gen_graph(c, &u), merged;
    mt_graph *graph = test_graph_of(&base), *other = test_clone(graph);
    mti_family *family = test_family_keep(graph);
    ref_delta expected;
    size_t count, heard = 0;
    mt_row *rows = gen_rows(c, &left, true, &count);
    mt_delta *delta;

    left = ref_merge(&base, &left, NULL);
    test_worked(graph, mt_graph_merge_rows(graph, rows, count, NULL));
    rows = gen_rows(c, &right, false, &count);
    right = ref_merge(&base, &right, NULL);
    test_worked(other, mt_graph_merge_rows(other, rows, count, NULL));
    test_graph_is(other, &right);
    merged = ref_merge(&left, &right, &expected);
    HOLDS(mt_graph_listen(graph, hear, &heard) == MT_OK);
    delta = test_merge(graph, other);
    HOLDS(heard == (mt_delta_changed(delta) || expected.late));
    test_graph_is(graph, &merged);
    test_graph_is(other, &right);
    test_delta_is(delta, &expected, true);
    test_inspect(graph);
    mt_graph_free(graph);
    mt_delta_free(delta);
    mt_graph_free(other);
    test_family_end(family);
}

static void order_does_not_matter(test_case *c)
{
    gen_universe u = gen_any(c);
    ref_graph refs[3];
    mt_graph *graphs[3], *left, *right, *two;

    for (size_t i = 0; i < 3; i++) {
        refs[i] = gen_graph(c, &u);
        graphs[i] = test_graph_of(&refs[i]);
    }
    left = test_clone(graphs[0]);
    right = test_clone(graphs[1]);
    mt_delta_free(test_merge(left, graphs[1]));
    mt_delta_free(test_merge(right, graphs[0]));
    HOLDS(mt_graph_equal(left, right)); /* a b = b a */
    two = test_clone(left);
    mt_delta_free(test_merge(left, right));
    HOLDS(mt_graph_equal(left, two)); /* (a b) (b a) = a b */
    mt_delta_free(test_merge(left, graphs[2]));
    mt_delta_free(test_merge(graphs[1], graphs[2]));
    mt_delta_free(test_merge(graphs[0], graphs[1]));
    HOLDS(mt_graph_equal(left, graphs[0])); /* (a b) c = a (b c) */
    for (size_t i = 0; i < 3; i++) mt_graph_free(graphs[i]);
    mt_graph_free(left);
    mt_graph_free(right);
    mt_graph_free(two);
}

static void merging_again_changes_nothing(test_case *c)
{
    pair p = pair_new(c);
    mt_graph *before;
    mt_delta *delta;

    mt_delta_free(test_merge(p.graph, p.other));
    before = test_clone(p.graph);
    delta = test_merge(p.graph, p.other);
    HOLDS(!mt_delta_changed(delta));
    HOLDS(mt_delta_part_empty(delta, MT_UPDATE) && mt_delta_part_empty(delta, MT_CONFLICT));
    mt_delta_free(delta);
    delta = test_merge(p.graph, p.graph);
    HOLDS(!mt_delta_changed(delta) && mt_delta_part_empty(delta, MT_HISTORY));
    mt_delta_free(delta);
    HOLDS(mt_graph_equal(p.graph, before));
    mt_graph_free(before);
    pair_free(&p);
}

static void update_replays_and_history_is_past(test_case *c)
{
    pair p = pair_new(c);
    mt_graph *replica = test_graph_of(&p.current);
    mt_delta *delta = test_merge(p.graph, p.other);

    HOLDS(replay(c, replica, delta, MT_UPDATE) == mt_delta_changed(delta));
    HOLDS(mt_graph_equal(replica, p.graph));
    HOLDS(!replay(c, p.graph, delta, MT_UPDATE));
    HOLDS(!replay(c, p.graph, delta, MT_HISTORY));
    HOLDS(mt_graph_equal(replica, p.graph));
    mt_delta_free(delta);
    mt_graph_free(replica);
    pair_free(&p);
}

static void rows_in_any_shape_are_their_graph(test_case *c)
{
    pair p = pair_new(c);
    mt_graph *replica = test_clone(p.graph), *rebuilt;
    mti_family *family = test_family_keep(replica);
    ref_delta expected;
    ref_graph merged = ref_merge(&p.current, &p.incoming, &expected);
    size_t count;
    mt_row *rows = gen_rows(c, &p.incoming, true, &count);
    mt_delta *delta = NULL;

    test_worked(p.graph, mt_graph_merge_rows(p.graph, rows, count, &delta));
    test_graph_is(p.graph, &merged);
    HOLDS(mt_delta_changed(delta) == !mt_graph_equal(p.graph, replica));
    HOLDS(replay(c, replica, delta, MT_UPDATE) == mt_delta_changed(delta));
    HOLDS(mt_graph_equal(replica, p.graph));
    HOLDS(!replay(c, p.graph, delta, MT_HISTORY));
    rebuilt = test_graph_of_rows(rows, count);
    test_inspect_alone(rebuilt);
    HOLDS(mt_graph_equal(rebuilt, p.other));
    mt_graph_free(rebuilt);
    mt_graph_free(replica);
    mt_delta_free(delta);
    pair_free(&p);
    test_family_end(family);
}

static void revert_brings_back_what_readers_saw(test_case *c)
{
    pair p = pair_new(c);
    mt_buf before = test_snapshot(p.graph);
    mt_delta *delta = test_merge(p.graph, p.other);
    mt_patch *patch = NULL;
    const mt_row *rows;
    size_t count;
    mt_status st;

    HOLDS(mt_delta_revert(delta, &patch) == MT_OK);
    rows = mt_patch_rows(patch, &count);
    st = mt_graph_patch(p.graph, rows, count, 0, NULL);
    /* There may be no state left to undo with. */
    if (st == MT_OK) test_same_bytes(test_snapshot(p.graph), before);
    else mt_buf_free(&before);
    HOLDS(st == MT_OK || st == MT_STATE);
    mt_patch_free(patch);
    mt_delta_free(delta);
    pair_free(&p);
}

TEST(library_and_reference_merge_alike)
{
    test_law(120000, merge_is_that_of_the_reference);
}

TEST(library_and_reference_merge_clones_alike)
{
    test_law(80000, merge_of_one_family_is_that_of_the_reference);
}

TEST(merge_commutes_and_associates_and_is_idempotent)
{
    test_law(120000, order_does_not_matter);
}

TEST(what_was_merged_is_not_merged_again)
{
    test_law(60000, merging_again_changes_nothing);
}

TEST(an_update_replays_to_the_same_graph)
{
    test_law(80000, update_replays_and_history_is_past);
}

TEST(rows_shuffled_split_and_repeated_are_the_graph_they_came_from)
{
    test_law(80000, rows_in_any_shape_are_their_graph);
}

TEST(a_merge_is_undone_for_every_reader)
{
    test_law(80000, revert_brings_back_what_readers_saw);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(library_and_reference_merge_alike),
        cmocka_unit_test(library_and_reference_merge_clones_alike),
        cmocka_unit_test(merge_commutes_and_associates_and_is_idempotent),
        cmocka_unit_test(what_was_merged_is_not_merged_again),
        cmocka_unit_test(an_update_replays_to_the_same_graph),
        cmocka_unit_test(rows_shuffled_split_and_repeated_are_the_graph_they_came_from),
        cmocka_unit_test(a_merge_is_undone_for_every_reader),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
