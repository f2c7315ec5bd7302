/* Deltas: how they are walked, and how they are undone. */
#include "crdt/delta.h"
#include "test_notation.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct merged {
    mt_graph *graph;
    mt_delta *delta;
} merged;

static merged merged_new(const char *current, const char *rows)
{
    merged m = {.graph = test_graph_from(current)};

    test_worked(m.graph, test_merge_rows(m.graph, rows, &m.delta));
    return m;
}

static void merged_free(merged *m)
{
    mt_delta_free(m->delta);
    mt_graph_free(m->graph);
}

/* ---- Keeping ---- */

TEST(a_clone_says_the_same_and_outlives_delta_and_graph)
{
    merged m = merged_new("a x=1@1 y=1@3, b z='a text that is long enough to be a blob of its own, "
                          "which is more than one hundred and twenty-eight bytes long, as this one "
                          "is now'@1",
                          "a x=2@1 y=0@2, b z=~@4, c w=1@1");
    mt_delta *clone = NULL;

    CHECK(mt_delta_clone(m.delta, &clone) == MT_OK);
    merged_free(&m);
    test_part_says(clone, MT_UPDATE, "a x=2@1, b z=~@4, +c w=1@1");
    test_conflict_says(clone, "a x=1@1<2@1");
    CHECK(mt_delta_changed(clone) && !mt_delta_part_empty(clone, MT_HISTORY));
    mt_delta_free(clone);
}

TEST(a_clone_of_a_delta_between_two_families_outlives_both)
{
    mt_graph *graph = test_graph_from("a x=5@5"), *other = test_graph_from("a x=1@1 y=2@2");
    mt_delta *delta = NULL, *clone = NULL;

    CHECK(mt_graph_merge(graph, other, &delta) == MT_OK);
    CHECK(mt_delta_clone(delta, &clone) == MT_OK);
    mt_delta_free(delta);
    mt_graph_free(graph);
    mt_graph_free(other);
    test_part_says(clone, MT_UPDATE, "a y=2@2");
    test_part_says(clone, MT_HISTORY, "a x=1@1");
    mt_delta_free(clone);
}

/* ---- Walking ---- */

TEST(an_iterator_gives_nothing_before_its_first_node)
{
    merged m = merged_new("a x=1@1", "a x=2@1");
    mt_conflict conflict;
    mt_delta_iter iter;
    mt_field field;

    mt_delta_iter_init(&iter, m.delta, MT_UPDATE);
    CHECK(!mt_delta_iter_field(&iter, &field) && !mt_delta_iter_conflict(&iter, &conflict));
    mt_delta_iter_init(&iter, m.delta, MT_CONFLICT);
    CHECK(!mt_delta_iter_field(&iter, &field) && !mt_delta_iter_conflict(&iter, &conflict));
    merged_free(&m);
}

TEST(fields_and_conflicts_are_asked_for_by_their_part)
{
    merged m = merged_new("a x=1@1", "a x=2@1");
    mt_conflict conflict;
    mt_delta_iter iter;
    mt_delta_node node;
    mt_field field;

    mt_delta_iter_init(&iter, m.delta, MT_UPDATE);
    CHECK(mt_delta_iter_node(&iter, &node));
    CHECK(!mt_delta_iter_conflict(&iter, &conflict));
    CHECK(mt_delta_iter_field(&iter, &field) && field.value.as.number == 2);
    mt_delta_iter_init(&iter, m.delta, MT_CONFLICT);
    CHECK(mt_delta_iter_node(&iter, &node) && !node.empty);
    CHECK(!mt_delta_iter_field(&iter, &field));
    CHECK(mt_delta_iter_conflict(&iter, &conflict));
    CHECK(conflict.won.value.as.number == 2 && conflict.lost.value.as.number == 1);
    CHECK(!mt_delta_iter_conflict(&iter, &conflict) && !mt_delta_iter_node(&iter, &node));
    merged_free(&m);
}

TEST(nodes_may_be_passed_without_their_fields)
{
    merged m =
        merged_new("a x=1@1 y=1@1, b x=1@1, c x=1@9", "a x=2@2 y=2@2, b x=2@2, c x=2@2, d x=1@1");
    mt_delta_node node;
    mt_delta_iter iter;
    mt_field field;

    for (int part = MT_UPDATE; part <= MT_CONFLICT; part++) {
        mt_delta_iter_init(&iter, m.delta, (mt_delta_part)part);
        for (size_t i = 0; i < 4; i++) CHECK(mt_delta_iter_node(&iter, &node));
        CHECK(!mt_delta_iter_node(&iter, &node));
    }
    mt_delta_iter_init(&iter, m.delta, MT_HISTORY);
    CHECK(mt_delta_iter_node(&iter, &node) && mt_delta_iter_field(&iter, &field));
    CHECK(mt_delta_iter_node(&iter, &node) && mt_delta_iter_field(&iter, &field));
    CHECK(mt_bytes_equal(node.uid, mt_str("b")) && field.value.as.number == 1);
    CHECK(mt_delta_iter_node(&iter, &node) && mt_delta_iter_field(&iter, &field));
    CHECK(mt_bytes_equal(node.uid, mt_str("c")) && field.value.as.number == 2);
    merged_free(&m);
}

TEST(overwritten_and_late_come_in_one_order)
{
    merged m = merged_new("a b=1@1 d=1@5 f=1@1 h=1@5", "a a=1@1 b=2@2 d=2@2 f=2@2 h=2@2");

    test_part_says(m.delta, MT_HISTORY, "a b=1@1 d=2@2 f=1@1 h=2@2");
    test_part_says(m.delta, MT_UPDATE, "a a=1@1 b=2@2 f=2@2");
    merged_free(&m);
}

static void check_empty(const char *current, const char *rows, const char *parts)
{
    merged m = merged_new(current, rows);
    char said[4];

    snprintf(said, sizeof said, "%c%c%c", mt_delta_part_empty(m.delta, MT_UPDATE) ? '-' : 'u',
             mt_delta_part_empty(m.delta, MT_HISTORY) ? '-' : 'h',
             mt_delta_part_empty(m.delta, MT_CONFLICT) ? '-' : 'c');
    assert_string_equal(said, parts);
    CHECK(mt_delta_changed(m.delta) == (parts[0] == 'u'));
    merged_free(&m);
}

TEST(a_part_without_field_floor_or_created_node_is_empty)
{
    check_empty("", "", "---");
    check_empty("a", "a", "---");
    check_empty("a x=1@1", "a x=1@1", "---");
    check_empty("", "a", "u--");
    check_empty("a", "a x=1@1", "u--");
    check_empty("a", "a^1", "u--");
    check_empty("a x=1@1", "a x=1@2", "uh-");
    check_empty("a x=1@1", "a x=2@1", "uhc");
    check_empty("a x=1@2", "a x=2@1", "-h-");
    check_empty("a^2", "a^1", "-h-");
    check_empty("a^1", "a^2", "uh-");
    check_empty("a x=1@2", "a^2", "uhc");
    check_empty("a x=1@2", "a^3", "uh-");
    check_empty("a x=2@1", "a x=1@1", "---");
    check_empty("a, b x=1@1", "a, b x=2@1", "uhc");
}

TEST(many_rows_in_any_order_make_one_delta)
{
    mt_graph *graph = test_graph_new();
    mt_delta *delta = NULL;
    size_t count = 3000, seen = 0;
    char(*uids)[32] = calloc(count, sizeof *uids);
    mt_field *fields = calloc(count, sizeof *fields);
    mt_row *rows = calloc(count, sizeof *rows);
    mt_delta_node node;
    mt_delta_iter iter;
    mt_field field;

    for (size_t i = 0; i < count; i++) {
        snprintf(uids[i], sizeof uids[i], "%04zu", i * 1237 % 1000);
        fields[i] = (mt_field){.name = mt_str("x"), .value = mt_number((double)i)};
        fields[i].state = i / 1000 + 1;
        rows[i] = (mt_row){.uid = mt_str(uids[i]), .fields = &fields[i], .count = 1};
    }
    test_worked(graph, mt_graph_merge_rows(graph, rows, count, &delta));
    mt_delta_iter_init(&iter, delta, MT_UPDATE);
    for (; mt_delta_iter_node(&iter, &node); seen++) {
        char uid[32];

        snprintf(uid, sizeof uid, "%04zu", seen);
        CHECK(mt_bytes_equal(node.uid, mt_str(uid)) && node.created);
        CHECK(mt_delta_iter_field(&iter, &field) && field.state == 3);
    }
    assert_int_equal(seen, 1000);
    CHECK(mt_delta_part_empty(delta, MT_HISTORY));
    mt_graph_free(graph);
    mt_delta_free(delta);
    free(rows);
    free(fields);
    free(uids);
}

/* ---- Undoing ---- */

/* Holds which rows undo a patch, and that they do. */
static void check_revert(const char *before, const char *rows, const char *undo, const char *after)
{
    mt_graph *graph = test_graph_from(before);
    mt_buf snapshot = test_snapshot(graph);
    mt_delta *delta = NULL;
    mt_patch *patch = NULL;
    const mt_row *undoing;
    size_t count;

    test_worked(graph, test_patch(graph, rows, 0, &delta));
    CHECK(mt_delta_revert(delta, &patch) == MT_OK);
    undoing = mt_patch_rows(patch, &count);
    test_rows_say(undoing, count, undo);
    test_worked(graph, mt_graph_patch(graph, undoing, count, 0, NULL));
    test_graph_says(graph, after);
    test_same_bytes(test_snapshot(graph), snapshot);
    mt_patch_free(patch);
    mt_delta_free(delta);
    mt_graph_free(graph);
}

TEST(a_patch_undone_gives_back_values_at_higher_states)
{
    check_revert("a x=1@1", "a x=2", "a x=1", "a x=1@3");
    check_revert("a x=1@1", "a y=2", "a y=~", "a x=1@1 y=~@2");
    check_revert("a x=1@1", "a x=~", "a x=1", "a x=1@3");
    check_revert("a x=~@1", "a x=1", "a x=~", "a x=~@3");
    check_revert("", "a x=1, b x=1", "a x=~, b x=~", "a x=~@2, b x=~@2");
    check_revert("a x=1@1, b y=1@1", "b y=2, a x=2", "a x=1, b y=1", "a x=1@3, b y=1@3");
}

TEST(a_deleted_node_comes_back_field_by_field)
{
    check_revert("a x=1@1 y=2@5 z=~@7", "!a", "a x=1 y=2", "a^7 x=1@8 y=2@8");
    check_revert("a x=1@1 y=2@5", "!a x=3 w=4", "a w=~ x=1 y=2", "a^5 w=~@7 x=1@7 y=2@6");
}

TEST(what_readers_never_saw_needs_no_undoing)
{
    check_revert("a x=~@1", "a x=~", "", "a x=~@2");
    check_revert("", "a", "", "a");
    check_revert("", "a x=~", "", "a x=~@1");
    check_revert("a x=~@3", "!a", "", "a^3");
    check_revert("a x=1@1", "", "", "a x=1@1");
}

TEST(a_merge_is_undone_too)
{
    merged m =
        merged_new("a x=1@3 y=1@1, b z='a text of some length'@1", "a x=2@2 y=2@2, b^9, c x=1@1");
    mt_patch *patch = NULL;
    const mt_row *rows;
    size_t count;

    CHECK(mt_delta_revert(m.delta, &patch) == MT_OK);
    rows = mt_patch_rows(patch, &count);
    test_rows_say(rows, count, "a y=1, b z='a text of some length', c x=~");
    test_worked(m.graph, mt_graph_patch(m.graph, rows, count, 0, NULL));
    test_graph_says(m.graph, "a x=1@3 y=1@3, b^9 z='a text of some length'@10, c x=~@2");
    mt_patch_free(patch);
    merged_free(&m);
}

TEST(undoing_takes_back_even_what_undoing_did)
{
    mt_graph *graph = test_graph_from("a x=1@1 y=1@1");
    mt_buf snapshot = test_snapshot(graph);
    mt_delta *done = NULL, *undone = NULL;
    mt_patch *undo = NULL, *redo = NULL;
    const mt_row *rows;
    size_t count;

    test_worked(graph, test_patch(graph, "!a x=2, b z=1", 0, &done));
    CHECK(mt_delta_revert(done, &undo) == MT_OK);
    rows = mt_patch_rows(undo, &count);
    test_worked(graph, mt_graph_patch(graph, rows, count, 0, &undone));
    test_same_bytes(test_snapshot(graph), snapshot);
    CHECK(mt_delta_revert(undone, &redo) == MT_OK);
    rows = mt_patch_rows(redo, &count);
    test_rows_say(rows, count, "a x=2 y=~, b z=1");
    test_worked(graph, mt_graph_patch(graph, rows, count, 0, NULL));
    test_graph_says(graph, "a^1 x=2@4 y=~@3, b z=1@3");
    mt_patch_free(undo);
    mt_patch_free(redo);
    mt_delta_free(done);
    mt_delta_free(undone);
    mt_graph_free(graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clone_says_the_same_and_outlives_delta_and_graph),
        cmocka_unit_test(a_clone_of_a_delta_between_two_families_outlives_both),
        cmocka_unit_test(an_iterator_gives_nothing_before_its_first_node),
        cmocka_unit_test(fields_and_conflicts_are_asked_for_by_their_part),
        cmocka_unit_test(nodes_may_be_passed_without_their_fields),
        cmocka_unit_test(overwritten_and_late_come_in_one_order),
        cmocka_unit_test(a_part_without_field_floor_or_created_node_is_empty),
        cmocka_unit_test(many_rows_in_any_order_make_one_delta),
        cmocka_unit_test(a_patch_undone_gives_back_values_at_higher_states),
        cmocka_unit_test(a_deleted_node_comes_back_field_by_field),
        cmocka_unit_test(what_readers_never_saw_needs_no_undoing),
        cmocka_unit_test(a_merge_is_undone_too),
        cmocka_unit_test(undoing_takes_back_even_what_undoing_did),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
