/* Rebase, overlap and diff: the same as the reference, with what their names promise. */
#include "test_gen.h"
#include "test_graph.h"
#include "test_inspect.h"

/* Two graphs; now and then of one family, made from a graph that both began as. */
typedef struct pair {
    ref_graph a, b;
    mt_graph *left, *right;
} pair;

static pair pair_new(test_case *c)
{
    gen_universe u = gen_any(c);
    pair p = {.a = gen_graph(c, &u)};

    p.b = gen_graph(c, &u);
    p.left = test_graph_of(&p.a);
    if (test_once_in(c, 3)) {
        mt_graph *own = test_graph_of(&p.b);

        p.right = test_clone(p.left);
        mt_delta_free(test_merge(p.right, own));
        mt_graph_free(own);
        p.b = ref_merge(&p.a, &p.b, NULL);
    } else {
        p.right = test_graph_of(&p.b);
    }
    return p;
}

/* Neither graph was changed by what was made from it. */
static void pair_free(pair *p)
{
    test_graph_is(p->left, &p->a);
    test_graph_is(p->right, &p->b);
    mt_graph_free(p->left);
    mt_graph_free(p->right);
}

/* A result is what was expected, and needs nothing of what it was made from. */
static void result_is(pair *p, mt_graph *result, const ref_graph *expected)
{
    test_graph_is(result, expected);
    test_inspect(result);
    pair_free(p);
    test_graph_is(result, expected);
    test_inspect_alone(result);
    mt_graph_free(result);
}

static void rebase_is_that_of_the_reference(test_case *c)
{
    pair p = pair_new(c);
    mt_graph *result = NULL;
    mt_error err = {MT_OK, ""};
    ref_graph expected;
    mt_status st = ref_rebase(&p.a, &p.b, &expected);

    HOLDS(mt_graph_rebase(p.left, p.right, &result, test_once_in(c, 2) ? &err : NULL) == st);
    if (st == MT_OK) {
        result_is(&p, result, &expected);
    } else {
        HOLDS(!result && (err.status == st || err.status == MT_OK));
        pair_free(&p);
    }
}

static void overlap_is_that_of_the_reference(test_case *c)
{
    pair p = pair_new(c);
    mt_graph *result = NULL;
    ref_graph expected = ref_overlap(&p.a, &p.b);

    HOLDS(mt_graph_overlap(p.left, p.right, &result, NULL) == MT_OK);
    result_is(&p, result, &expected);
}

static void diff_is_that_of_the_reference(test_case *c)
{
    pair p = pair_new(c);
    mt_graph *result = NULL;
    ref_graph expected = ref_diff(&p.a, &p.b);

    HOLDS(mt_graph_diff(p.left, p.right, &result, NULL) == MT_OK);
    result_is(&p, result, &expected);
}

/* Whether merging `part` into `b` gives `whole`. */
static bool suffices(const mt_graph *b, const ref_graph *part, const mt_graph *whole)
{
    mt_graph *merged = test_clone(b), *incoming = test_graph_of(part);
    bool same;

    mt_delta_free(test_merge(merged, incoming));
    same = mt_graph_equal(merged, whole);
    mt_graph_free(incoming);
    mt_graph_free(merged);
    return same;
}

/* Takes one thing at random out of a graph: a field, a floor, or a node that has neither. */
static void take_one(test_case *c, ref_graph *graph)
{
    size_t i = test_below(c, graph->count);
    ref_node *node = &graph->nodes[i];

    if (node->floor && test_below(c, node->count + 1) == 0) node->floor = 0;
    else if (node->count) ref_drop_field(node, test_below(c, node->count));
    else ref_drop_node(graph, i);
}

static void diff_is_enough_and_no_more(test_case *c)
{
    pair p = pair_new(c);
    mt_graph *whole = test_clone(p.right), *diff = NULL, *none = NULL;
    ref_graph least;

    mt_delta_free(test_merge(whole, p.left));
    HOLDS(mt_graph_diff(p.left, p.right, &diff, NULL) == MT_OK);
    least = test_read(&c->arena, diff);
    HOLDS(suffices(p.right, &least, whole));
    if (least.count > 0) {
        take_one(c, &least);
        HOLDS(!suffices(p.right, &least, whole));
    }
    HOLDS(mt_graph_diff(p.left, whole, &none, NULL) == MT_OK && mt_graph_count(none) == 0);
    mt_graph_free(none);
    mt_graph_free(diff);
    mt_graph_free(whole);
    pair_free(&p);
}

static void a_graph_and_itself(test_case *c)
{
    pair p = pair_new(c);
    mt_graph *again = test_graph_of(&p.a), *result = NULL;

    HOLDS(mt_graph_overlap(p.left, p.left, &result, NULL) == MT_OK);
    HOLDS(mt_graph_equal(result, p.left));
    mt_graph_free(result);
    HOLDS(mt_graph_overlap(p.left, again, &result, NULL) == MT_OK);
    HOLDS(mt_graph_equal(result, p.left));
    mt_graph_free(result);
    HOLDS(mt_graph_diff(again, p.left, &result, NULL) == MT_OK && mt_graph_count(result) == 0);
    mt_graph_free(result);
    HOLDS(mt_graph_equal(p.left, p.right) == ref_equal(&p.a, &p.b));
    HOLDS(mt_graph_equal(again, p.left));
    mt_graph_free(again);
    pair_free(&p);
}

TEST(library_and_reference_rebase_alike)
{
    test_law(80000, rebase_is_that_of_the_reference);
}

TEST(library_and_reference_overlap_alike)
{
    test_law(60000, overlap_is_that_of_the_reference);
}

TEST(library_and_reference_diff_alike)
{
    test_law(60000, diff_is_that_of_the_reference);
}

TEST(a_diff_is_the_least_that_merges_to_the_same)
{
    test_law(80000, diff_is_enough_and_no_more);
}

TEST(a_graph_overlaps_itself_wholly_and_differs_in_nothing)
{
    test_law(20000, a_graph_and_itself);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(library_and_reference_rebase_alike),
        cmocka_unit_test(library_and_reference_overlap_alike),
        cmocka_unit_test(library_and_reference_diff_alike),
        cmocka_unit_test(a_diff_is_the_least_that_merges_to_the_same),
        cmocka_unit_test(a_graph_overlaps_itself_wholly_and_differs_in_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
