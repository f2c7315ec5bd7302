/* Clones share pages, nodes, entries and blobs, and nobody can tell. */
#include "test_gen.h"
#include "test_graph.h"
#include "test_inspect.h"
#include <mytosis/json.h>

#define REPLICAS 4

/* Graphs with long lives, some of them clones of others, and what each must hold. */
typedef struct replicas {
    test_case *c;
    gen_universe u;
    mt_graph *graph[REPLICAS];
    ref_graph ref[REPLICAS];
    mt_delta *delta; /* of a step before, kept while graphs change */
    ref_delta expected;
    bool shared;
} replicas;

static void keep_delta(replicas *r, mt_delta *delta, const ref_delta *expected, bool shared)
{
    if (r->delta) test_delta_is(r->delta, &r->expected, r->shared);
    mt_delta_free(r->delta);
    r->delta = delta;
    r->expected = *expected;
    r->shared = shared;
}

static void step_patch(replicas *r, size_t i)
{
    size_t count;
    mt_row *rows = gen_patch(r->c, &r->u, &count);
    mt_delta *delta = NULL;
    ref_delta expected;
    mt_status st = ref_patch(&r->ref[i], rows, count, 0, &r->ref[i], &expected);

    HOLDS(mt_graph_patch(r->graph[i], rows, count, 0, &delta) == st);
    if (st == MT_OK) keep_delta(r, delta, &expected, false);
}

static void step_rows(replicas *r, size_t i)
{
    ref_graph incoming = gen_graph(r->c, &r->u);
    size_t count;
    mt_row *rows = gen_rows(r->c, &incoming, true, &count);

    test_worked(r->graph[i], mt_graph_merge_rows(r->graph[i], rows, count, NULL));
    r->ref[i] = ref_merge(&r->ref[i], &incoming, NULL);
}

static void step_merge(replicas *r, size_t i, size_t from)
{
    ref_delta expected;
    mt_delta *delta = test_merge(r->graph[i], r->graph[from]);

    r->ref[i] = ref_merge(&r->ref[i], &r->ref[from], &expected);
    keep_delta(r, delta, &expected, true);
}

static void step_replace(replicas *r, size_t i, mt_graph *graph, ref_graph ref)
{
    mt_graph_free(r->graph[i]);
    r->graph[i] = graph;
    r->ref[i] = ref;
}

static void step_make(replicas *r, size_t i, size_t from)
{
    mt_graph *graph = NULL;
    ref_graph ref;

    switch (test_below(r->c, 3)) {
    case 0:
        if (ref_rebase(&r->ref[i], &r->ref[from], &ref) != MT_OK) return;
        HOLDS(mt_graph_rebase(r->graph[i], r->graph[from], &graph, NULL) == MT_OK);
        break;
    case 1:
        ref = ref_overlap(&r->ref[i], &r->ref[from]);
        HOLDS(mt_graph_overlap(r->graph[i], r->graph[from], &graph, NULL) == MT_OK);
        break;
    default:
        ref = ref_diff(&r->ref[i], &r->ref[from]);
        HOLDS(mt_graph_diff(r->graph[i], r->graph[from], &graph, NULL) == MT_OK);
        break;
    }
    step_replace(r, i, graph, ref);
}

static void step_fail(replicas *r, size_t i)
{
    size_t count;
    mt_row *rows = gen_patch(r->c, &r->u, &count);
    mt_field field = {.name = mt_str("@object")};

    if (count == 0) return;
    rows[count - 1].fields = &field;
    rows[count - 1].count = 1;
    HOLDS(mt_graph_patch(r->graph[i], rows, count, 0, NULL) != MT_OK);
}

static void step(replicas *r)
{
    size_t i = test_below(r->c, REPLICAS), from = test_below(r->c, REPLICAS);

    switch (test_below(r->c, 10)) {
    case 0:
    case 1:
    case 2: step_patch(r, i); break;
    case 3: step_rows(r, i); break;
    case 4:
    case 5: step_merge(r, i, from); break;
    case 6:
        if (i != from) step_replace(r, i, test_clone(r->graph[from]), ref_copy(&r->ref[from]));
        break;
    case 7:
        if (i != from) step_replace(r, i, test_graph_of(&r->ref[from]), ref_copy(&r->ref[from]));
        break;
    case 8: step_make(r, i, from); break;
    default: step_fail(r, i); break;
    }
}

static void replicas_live(test_case *c, gen_universe u, size_t steps)
{
    replicas r = {.c = c, .u = u};
    ref_delta none = {.conflict_count = 0};

    for (size_t i = 0; i < REPLICAS; i++) {
        r.ref[i] = gen_graph(c, &u);
        r.graph[i] = test_graph_of(&r.ref[i]);
    }
    for (size_t i = 0; i < steps; i++) step(&r);
    for (size_t i = 0; i < REPLICAS; i++) {
        test_graph_is(r.graph[i], &r.ref[i]);
        test_inspect(r.graph[i]);
    }
    /* However it came to be, a graph gives the same bytes. */
    for (size_t i = 0; i < REPLICAS; i++) {
        mt_graph *fresh = test_graph_of(&r.ref[i]);

        test_same_bytes(test_text(r.graph[i]), test_text(fresh));
        mt_graph_free(fresh);
    }
    keep_delta(&r, NULL, &none, false);
    for (size_t i = 0; i < REPLICAS; i++) mt_graph_free(r.graph[i]);
}

static void small_replicas_live(test_case *c)
{
    replicas_live(c, gen_of_size(c, GEN_SMALL), 16);
}

static void large_replicas_live(test_case *c)
{
    replicas_live(c, gen_of_size(c, test_once_in(c, 2) ? GEN_LARGE_NODE : GEN_MANY_NODES), 10);
}

/* Few edits, so that most pages stay shared. */
static void edit_a_little(test_case *c, const gen_universe *u, mt_graph *graph)
{
    for (size_t n = test_below(c, 4); n > 0; n--) {
        mt_bytes uid = gen_uid(c, u, test_below(c, u->uid_count));
        mt_bytes name = gen_name(c, u, test_below(c, u->name_count));
        size_t what = test_below(c, 8);

        if (what == 0) (void)!mt_graph_remove_node(graph, uid);
        else if (what < 3) (void)!mt_graph_remove(graph, uid, name);
        else (void)!mt_graph_set(graph, uid, name, gen_value(c));
    }
}

static void parts_are_the_same(test_case *c, const mt_delta *a, const mt_delta *b,
                               mt_delta_part part)
{
    size_t count_a, count_b;
    mt_row *rows_a = test_delta_rows(&c->arena, a, part, &count_a);
    mt_row *rows_b = test_delta_rows(&c->arena, b, part, &count_b);

    HOLDS(count_a == count_b);
    for (size_t i = 0; i < count_a; i++) {
        HOLDS(mt_bytes_equal(rows_a[i].uid, rows_b[i].uid));
        HOLDS(rows_a[i].floor == rows_b[i].floor && rows_a[i].count == rows_b[i].count);
        for (size_t f = 0; f < rows_a[i].count; f++)
            HOLDS(ref_field_equal(&rows_a[i].fields[f], &rows_b[i].fields[f]));
    }
}

static void merging_a_clone_is_merging_its_copy(test_case *c)
{
    gen_universe u = gen_of_size(c, test_once_in(c, 2) ? GEN_LARGE_NODE : GEN_MANY_NODES);
    ref_graph base = gen_graph(c, &u), read;
    mt_graph *graph = test_graph_of(&base), *clone = test_clone(graph), *copy, *target;
    mt_delta *near, *far;

    edit_a_little(c, &u, graph);
    edit_a_little(c, &u, clone);
    read = test_read(&c->arena, clone);
    copy = test_graph_of(&read);
    target = test_clone(graph);
    near = test_merge(graph, clone);
    far = test_merge(target, copy);
    HOLDS(mt_graph_equal(graph, target) && mt_graph_equal(copy, clone));
    parts_are_the_same(c, near, far, MT_UPDATE);
    parts_are_the_same(c, near, far, MT_HISTORY);
    test_inspect(graph);
    test_inspect(target);
    mt_delta_free(near);
    mt_delta_free(far);
    mt_graph_free(clone);
    mt_graph_free(copy);
    mt_graph_free(target);
    mt_graph_free(graph);
}

TEST(replicas_and_clones_live_apart)
{
    test_law(15000, small_replicas_live);
}

TEST(large_replicas_and_clones_live_apart)
{
    test_law(200, large_replicas_live);
}

TEST(pages_that_clones_share_are_skipped_without_loss)
{
    test_law(1500, merging_a_clone_is_merging_its_copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replicas_and_clones_live_apart),
        cmocka_unit_test(large_replicas_and_clones_live_apart),
        cmocka_unit_test(pages_that_clones_share_are_skipped_without_loss),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
