/* Rebase, overlap and diff, case by case. */
#include "test_inspect.h"
#include "test_notation.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef mt_status comparison(const mt_graph *a, const mt_graph *b, mt_graph **out, mt_error *err);

static void check(comparison *compare, const char *a, const char *b, const char *expected)
{
    mt_graph *left = test_graph_from(a), *right = test_graph_from(b), *out = NULL;
    mt_error err = {MT_OK, ""};

    CHECK(compare(left, right, &out, &err) == MT_OK && err.status == MT_OK);
    test_graph_says(out, expected);
    test_graph_says(left, a);
    test_graph_says(right, b);
    mt_graph_free(left);
    mt_graph_free(right);
    test_inspect_alone(out);
    test_graph_says(out, expected);
    mt_graph_free(out);
}

/* ---- Rebase ---- */

TEST(what_both_have_is_replayed_above_the_target)
{
    check(mt_graph_rebase, "a x=1@2", "a x=2@5", "a x=1@6");
    check(mt_graph_rebase, "a x=1@9", "a x=2@5", "a x=1@9");
    check(mt_graph_rebase, "a x=1@5", "a x=2@5", "a x=1@6");
    check(mt_graph_rebase, "a x=~@2", "a x=2@5", "a x=~@6");
    check(mt_graph_rebase, "a x=1@2", "a x=~@5", "a x=1@6");
}

TEST(what_one_has_stays_as_it_is)
{
    check(mt_graph_rebase, "a x=1@2, b", "a y=2@5, c z=~@1", "a x=1@2 y=2@5, b, c z=~@1");
    check(mt_graph_rebase, "", "a x=1@2", "a x=1@2");
    check(mt_graph_rebase, "a x=1@2", "", "a x=1@2");
}

TEST(a_floor_that_the_target_lacks_is_replayed_at_its_highest_state)
{
    check(mt_graph_rebase, "a^3", "a x=1@2 y=1@7", "a^7");
    check(mt_graph_rebase, "a^3 x=5@4", "a x=1@2 y=1@7", "a^7 x=5@8");
    check(mt_graph_rebase, "a^3 x=5@4 z=6@12", "a x=1@2 y=1@7", "a^7 x=5@8 z=6@12");
    check(mt_graph_rebase, "a^9", "a x=1@2", "a^9");
    check(mt_graph_rebase, "a^3", "", "a^3");
    check(mt_graph_rebase, "a^3 x=1@4", "a^2 x=2@9", "a^9 x=1@10");
    check(mt_graph_rebase, "a^3 x=~@4", "a y=1@7", "a^7");
}

TEST(a_floor_that_the_target_has_is_not_replayed)
{
    check(mt_graph_rebase, "a^3", "a^3 x=1@4", "a^3 x=1@4");
    check(mt_graph_rebase, "a^2", "a^3 x=1@4", "a^3 x=1@4");
    /* A living field below the target's floor is lifted above it; a marker says what the floor
     * says. */
    check(mt_graph_rebase, "a x=1@2", "a^3", "a^3 x=1@4");
    check(mt_graph_rebase, "a x=~@2", "a^3", "a^3");
}

TEST(rebase_finds_the_end_of_states)
{
    mt_graph *source = test_graph_from("b x=1@2"), *out = NULL;
    mt_graph *target = test_graph_from("b x=1@9007199254740991");
    mt_graph *floor = test_graph_from("b^9007199254740991");
    mt_error err = {MT_OK, ""};

    CHECK(mt_graph_rebase(source, target, &out, &err) == MT_STATE && !out);
    assert_int_equal(err.status, MT_STATE);
    assert_string_equal(err.text, "node \"b\", field \"x\": there is no state above 2^53 - 1");
    CHECK(mt_graph_rebase(source, target, &out, NULL) == MT_STATE && !out);
    CHECK(mt_graph_rebase(source, floor, &out, &err) == MT_STATE && !out);
    test_graph_says(target, "b x=1@9007199254740991");
    mt_graph_free(source);
    mt_graph_free(target);
    mt_graph_free(floor);
}

/* ---- Overlap ---- */

TEST(an_overlap_has_the_fields_that_both_have)
{
    check(mt_graph_overlap, "a x=1@2 y=2@3", "a y=5@1 z=1@1", "a y=2@3");
    check(mt_graph_overlap, "a x=1@2, b y=1@1", "a z=1@1, c", "a");
    check(mt_graph_overlap, "a x=~@2 y=1@1", "a x=1@1 y=~@9", "a x=~@2 y=1@1");
    check(mt_graph_overlap, "", "a", "");
    check(mt_graph_overlap, "a", "", "");
    check(mt_graph_overlap, "a", "a", "a");
}

TEST(an_overlap_keeps_a_floor_where_both_have_one)
{
    check(mt_graph_overlap, "a^3 x=1@4", "a^1 x=1@2", "a^3 x=1@4");
    check(mt_graph_overlap, "a^3 x=1@4", "a x=1@2", "a x=1@4");
    check(mt_graph_overlap, "a x=1@4", "a^3", "a");
}

/* ---- Diff ---- */

TEST(a_diff_has_what_would_change)
{
    check(mt_graph_diff, "a x=1@2", "a x=1@2", "");
    check(mt_graph_diff, "a x=2@3 y=1@1", "a x=1@2 y=1@1", "a x=2@3");
    check(mt_graph_diff, "a x=1@2", "a x=2@3", "");
    check(mt_graph_diff, "a x=9@2", "a x=10@2", "a x=9@2");
    check(mt_graph_diff, "a x=10@2", "a x=9@2", "");
    check(mt_graph_diff, "a, b x=1@1", "", "a, b x=1@1");
    check(mt_graph_diff, "", "a x=1@1", "");
    check(mt_graph_diff, "a x=~@3", "a x=1@2", "a x=~@3");
}

TEST(a_diff_has_the_floors_that_would_change)
{
    check(mt_graph_diff, "a^3", "a x=1@2", "a^3");
    check(mt_graph_diff, "a^3 x=1@4 y=1@5", "a^2 x=1@4", "a^3 y=1@5");
    check(mt_graph_diff, "a^3 x=1@4", "a^3 x=1@4", "");
    check(mt_graph_diff, "a^3 x=1@4", "a^5", "");
}

/* ---- Many ---- */

/* A node of so many fields, at one state. */
static mt_graph *large(size_t count, uint64_t state, uint64_t floor)
{
    mt_field *fields = calloc(count, sizeof *fields);
    char(*names)[32] = calloc(count, sizeof *names);
    mt_row row = {.uid = mt_str("a"), .fields = fields, .count = count, .floor = floor};
    mt_graph *graph;

    for (size_t i = 0; i < count; i++) {
        snprintf(names[i], sizeof names[i], "%04zu", i);
        fields[i] = (mt_field){.name = mt_str(names[i]), .state = state};
    }
    graph = test_graph_of_rows(&row, 1);
    free(fields);
    free(names);
    return graph;
}

static void check_large(comparison *compare, mt_graph *a, mt_graph *b, size_t count,
                        uint64_t state_max)
{
    mt_graph *out = NULL;
    const mt_node *node;

    CHECK(compare(a, b, &out, NULL) == MT_OK);
    test_inspect(out);
    node = mt_graph_get(out, mt_str("a"));
    assert_int_equal(node ? mt_node_count_all(node) : 0, count);
    assert_int_equal(node ? mt_node_state_max(node) : 0, state_max);
    mt_graph_free(out);
}

TEST(large_nodes_are_compared_in_parts)
{
    mt_graph *a = large(1000, 4, 0), *b = large(500, 9, 0), *c = large(1000, 5, 4),
             *d = large(70, 9, 0);
    mt_graph *clone = test_clone(a);

    check_large(mt_graph_rebase, a, b, 1000, 10);
    check_large(mt_graph_rebase, b, a, 1000, 9);
    check_large(mt_graph_rebase, c, b, 1000, 10);
    check_large(mt_graph_overlap, a, b, 500, 4);
    check_large(mt_graph_overlap, a, clone, 1000, 4);
    check_large(mt_graph_overlap, b, d, 70, 9);
    check_large(mt_graph_diff, a, b, 500, 4);
    check_large(mt_graph_diff, a, clone, 0, 0);
    test_worked(clone, mt_graph_set(clone, mt_str("a"), mt_str("0700"), mt_null()));
    check_large(mt_graph_diff, clone, a, 1, 5);
    check_large(mt_graph_overlap, clone, a, 1000, 5);
    mt_graph_free(a);
    mt_graph_free(b);
    mt_graph_free(c);
    mt_graph_free(d);
    mt_graph_free(clone);
}

TEST(values_beyond_the_limits_of_the_other_graph_are_kept)
{
    mt_graph *narrow = NULL, *wide = test_graph_from("a x='0123456789'@5"), *out = NULL;
    mt_limits limits;

    mt_limits_init(&limits);
    limits.value_len_max = 4;
    CHECK(mt_graph_new(test_mem(), &limits, &narrow) == MT_OK);
    test_worked(narrow, mt_graph_set(narrow, mt_str("a"), mt_str("x"), mt_text("abc")));
    CHECK(mt_graph_rebase(wide, narrow, &out, NULL) == MT_OK);
    test_graph_says(out, "a x='0123456789'@5");
    mt_graph_free(out);
    CHECK(mt_graph_diff(wide, narrow, &out, NULL) == MT_OK);
    test_graph_says(out, "a x='0123456789'@5");
    mt_graph_free(out);
    CHECK(mt_graph_overlap(wide, narrow, &out, NULL) == MT_OK);
    test_graph_says(out, "a x='0123456789'@5");
    mt_graph_free(out);
    CHECK(mt_graph_rebase(narrow, wide, &out, NULL) == MT_OK);
    test_graph_says(out, "a x='abc'@6");
    mt_graph_free(out);
    mt_graph_free(narrow);
    mt_graph_free(wide);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_both_have_is_replayed_above_the_target),
        cmocka_unit_test(what_one_has_stays_as_it_is),
        cmocka_unit_test(a_floor_that_the_target_lacks_is_replayed_at_its_highest_state),
        cmocka_unit_test(a_floor_that_the_target_has_is_not_replayed),
        cmocka_unit_test(rebase_finds_the_end_of_states),
        cmocka_unit_test(an_overlap_has_the_fields_that_both_have),
        cmocka_unit_test(an_overlap_keeps_a_floor_where_both_have_one),
        cmocka_unit_test(a_diff_has_what_would_change),
        cmocka_unit_test(a_diff_has_the_floors_that_would_change),
        cmocka_unit_test(large_nodes_are_compared_in_parts),
        cmocka_unit_test(values_beyond_the_limits_of_the_other_graph_are_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
