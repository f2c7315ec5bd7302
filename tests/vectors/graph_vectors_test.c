/* What the reference implementation made of nodes and graphs. A node stands in a graph of its own,
 * as the node "n". */
#include "test_graph.h"
#include "test_inspect.h"
#include "test_json.h"
#include <mytosis/json.h>
#include <stdio.h>
#include <string.h>

#define CASES 250

/* Whether a file is of nodes or of graphs. */
typedef enum form { NODES, GRAPHS } form;

/* The text of a graph: a slice, or an object with the slice as node "n". OWNED. */
static mt_buf graph_text(mt_bytes slice, form what)
{
    static const char head[] = "{\"n\":";
    size_t extra = what == NODES ? sizeof head : 0;
    mt_buf text = {.mem = test_mem(), .len = slice.len + extra, .cap = slice.len + extra};

    CHECK(slice.len > 0);
    text.data = text.mem->resize(NULL, NULL, 0, text.cap);
    CHECK(text.data);
    if (extra) {
        memcpy(text.data, head, extra - 1);
        text.data[text.len - 1] = '}';
    }
    memcpy(text.data + (extra ? extra - 1 : 0), slice.data, slice.len);
    return text;
}

static mt_graph *graph_of(mt_bytes item, const char *member, form what)
{
    mt_buf text = graph_text(test_json_get(item, member), what);
    mt_error err = {MT_OK, ""};
    mt_graph *graph = NULL;

    if (mt_json_load(test_mem(), NULL, member, mt_buf_bytes(&text), &graph, &err) != MT_OK)
        fail_msg("%s", err.text);
    mt_buf_free(&text);
    return graph;
}

/* Holds that a graph is the one that a member of a case says, to the byte. */
static void check_graph(const mt_graph *graph, mt_bytes item, const char *member, form what)
{
    mt_graph *expected = graph_of(item, member, what);

    CHECK(mt_graph_equal(graph, expected));
    test_same_bytes(test_text(graph), test_text(expected));
    test_inspect(graph);
    mt_graph_free(expected);
}

/* The same for a part of a delta, with the nodes that were touched without effect. */
static void check_part(const mt_delta *delta, mt_delta_part part, mt_bytes item, const char *member,
                       form what)
{
    mt_graph *graph = test_graph_new();
    mt_delta_node node;
    mt_delta_iter iter;
    mt_field field;

    mt_delta_iter_init(&iter, delta, part);
    while (mt_delta_iter_node(&iter, &node)) {
        mt_row row = {.uid = node.uid, .floor = node.floor};

        test_worked(graph, mt_graph_merge_rows(graph, &row, 1, NULL));
        row.fields = &field;
        row.count = 1;
        while (mt_delta_iter_field(&iter, &field))
            test_worked(graph, mt_graph_merge_rows(graph, &row, 1, NULL));
    }
    check_graph(graph, item, member, what);
    mt_graph_free(graph);
}

/* ---- Conflicts ---- */

/* Whether a field is this one, a value with its state. */
static bool field_is(const mt_field *field, mt_bytes slice)
{
    mt_graph *graph = NULL;
    mt_field read;
    char text[4096];
    bool same;
    int len;

    len = snprintf(text, sizeof text, "{\"n\":{\"@object\":{\"uid\":\"n\"},\"f\":%.*s}}",
                   (int)slice.len, (const char *)slice.data);
    CHECK(len > 0 && (size_t)len < sizeof text);
    CHECK(mt_json_load(test_mem(), NULL, "field", mt_str(text), &graph, NULL) == MT_OK);
    CHECK(mt_node_get(mt_graph_get(graph, mt_str("n")), mt_str("f"), &read) == MT_OK);
    read.name = field->name;
    same = ref_field_equal(field, &read);
    mt_graph_free(graph);
    return same;
}

/* Whether a conflict is recorded. The records do not name the field. */
static bool is_recorded(const mt_conflict *conflict, mt_bytes conflicts)
{
    test_json_iter iter = test_json_items(conflicts);
    mt_bytes item;

    while (test_json_next(&iter, NULL, &item))
        if (field_is(&conflict->won, test_json_get(item, "won")) &&
            field_is(&conflict->lost, test_json_get(item, "lost")))
            return true;
    return false;
}

static size_t count_items(mt_bytes array)
{
    test_json_iter iter = test_json_items(array);
    mt_bytes item;
    size_t count = 0;

    while (test_json_next(&iter, NULL, &item)) count++;
    return count;
}

static size_t check_conflicts(const mt_delta *delta, mt_bytes item)
{
    mt_bytes conflicts = test_json_get(item, "conflicts");
    mt_conflict conflict;
    mt_delta_node node;
    mt_delta_iter iter;
    size_t count = 0;

    mt_delta_iter_init(&iter, delta, MT_CONFLICT);
    while (mt_delta_iter_node(&iter, &node)) {
        for (; mt_delta_iter_conflict(&iter, &conflict); count++)
            CHECK(is_recorded(&conflict, conflicts));
    }
    assert_int_equal(count, count_items(conflicts));
    return count;
}

/* ---- Merge and patch ---- */

static size_t merge_case(mt_bytes item, form what)
{
    mt_graph *graph = graph_of(item, "current", what), *other = graph_of(item, "incoming", what);
    mt_delta *delta = test_merge(graph, other);
    size_t conflicts = 0;

    check_graph(graph, item, "merged", what);
    check_part(delta, MT_UPDATE, item, "update", what);
    check_part(delta, MT_HISTORY, item, "history", what);
    if (what == NODES) conflicts = check_conflicts(delta, item);
    mt_delta_free(delta);
    mt_graph_free(graph);
    mt_graph_free(other);
    return conflicts;
}

static void patch_graph(mt_graph *graph, mt_bytes text, mt_delta **delta)
{
    mt_json_reader *reader = NULL;
    mt_row row;

    CHECK(mt_json_reader_new(test_mem(), MT_JSON_PATCH, "patch", NULL, &reader) == MT_OK);
    CHECK(mt_json_reader_feed(reader, text, true) == MT_OK);
    if (mt_json_reader_next(reader, &row) != MT_OK)
        fail_msg("%s", mt_json_reader_error(reader)->text);
    test_worked(graph, mt_graph_patch(graph, &row, 1, 0, delta));
    CHECK(mt_json_reader_next(reader, &row) == MT_END);
    mt_json_reader_free(reader);
}

static size_t patch_case(mt_bytes item, form what)
{
    mt_graph *graph = graph_of(item, "current", what);
    mt_buf text = graph_text(test_json_get(item, "patch"), what);
    mt_delta *delta = NULL;

    patch_graph(graph, mt_buf_bytes(&text), &delta);
    check_graph(graph, item, "merged", what);
    check_part(delta, MT_UPDATE, item, "update", what);
    check_part(delta, MT_HISTORY, item, "history", what);
    CHECK(mt_delta_part_empty(delta, MT_CONFLICT));
    mt_buf_free(&text);
    mt_delta_free(delta);
    mt_graph_free(graph);
    return 0;
}

/* ---- Rebase and overlap ---- */

typedef mt_status comparison(const mt_graph *source, const mt_graph *target, mt_graph **out,
                             mt_error *err);

static void comparison_case(mt_bytes item, form what, comparison *compare)
{
    mt_graph *source = graph_of(item, "source", what), *target = graph_of(item, "target", what);
    mt_graph *result = NULL;

    CHECK(compare(source, target, &result, NULL) == MT_OK);
    check_graph(result, item, "result", what);
    check_graph(source, item, "source", what);
    check_graph(target, item, "target", what);
    mt_graph_free(result);
    mt_graph_free(source);
    mt_graph_free(target);
}

static size_t rebase_case(mt_bytes item, form what)
{
    comparison_case(item, what, mt_graph_rebase);
    return 0;
}

static size_t overlap_case(mt_bytes item, form what)
{
    comparison_case(item, what, mt_graph_overlap);
    return 0;
}

/* ---- Files ---- */

/* Answers the sum of what the cases answer. */
static size_t all_cases(const char *name, form what, size_t (*check)(mt_bytes item, form what))
{
    mt_bytes file = test_vectors(name), item;
    test_json_iter iter = test_json_items(file);
    size_t count = 0, sum = 0;

    for (; test_json_next(&iter, NULL, &item); count++) sum += check(item, what);
    assert_int_equal(count, CASES);
    test_vectors_free(file);
    assert_int_equal(test_mem_live(), 0);
    return sum;
}

TEST(nodes_merge_as_recorded)
{
    size_t conflicts = all_cases("node-merge.json", NODES, merge_case);

    CHECK(conflicts > 0);
}

TEST(nodes_are_patched_as_recorded)
{
    all_cases("node-patch.json", NODES, patch_case);
}

TEST(nodes_are_rebased_as_recorded)
{
    all_cases("node-rebase.json", NODES, rebase_case);
}

TEST(nodes_overlap_as_recorded)
{
    all_cases("node-overlap.json", NODES, overlap_case);
}

TEST(graphs_merge_as_recorded)
{
    all_cases("graph-merge.json", GRAPHS, merge_case);
}

TEST(graphs_are_rebased_as_recorded)
{
    all_cases("graph-rebase.json", GRAPHS, rebase_case);
}

TEST(graphs_overlap_as_recorded)
{
    all_cases("graph-overlap.json", GRAPHS, overlap_case);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nodes_merge_as_recorded),
        cmocka_unit_test(nodes_are_patched_as_recorded),
        cmocka_unit_test(nodes_are_rebased_as_recorded),
        cmocka_unit_test(nodes_overlap_as_recorded),
        cmocka_unit_test(graphs_merge_as_recorded),
        cmocka_unit_test(graphs_are_rebased_as_recorded),
        cmocka_unit_test(graphs_overlap_as_recorded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
