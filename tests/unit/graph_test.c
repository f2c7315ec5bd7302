/* Graphs as readers and listeners see them. */
#include "test_notation.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BYTES(text) ((mt_bytes){(const uint8_t *)(text), sizeof(text) - 1})

/* ---- Life ---- */

TEST(a_new_graph_is_empty)
{
    mt_graph *graph = test_graph_new();

    CHECK(mt_graph_count(graph) == 0 && !mt_graph_get(graph, mt_str("a")));
    CHECK(!mt_graph_get(graph, mt_str("")) && mt_graph_error(graph)->status == MT_OK);
    CHECK(mt_graph_memory(graph) > 0);
    test_graph_says(graph, "");
    mt_graph_free(graph);
    mt_graph_free(NULL);
    mt_delta_free(NULL);
    mt_patch_free(NULL);
}

TEST(an_error_is_kept_until_the_next_call_that_fails)
{
    mt_graph *graph = test_graph_new();

    CHECK(test_patch(graph, "a @object=1", 0, NULL) == MT_INVALID);
    test_worked(graph, test_patch(graph, "a x=1", 0, NULL));
    test_error_is(graph, MT_INVALID, "node \"a\": a field may not have the name \"@object\"");
    CHECK(test_merge_rows(graph, "a x=1", NULL) == MT_STATE);
    test_error_is(graph, MT_STATE, "node \"a\", field \"x\": state 0 is not in 1 to 2^53 - 1");
    mt_graph_free(graph);
}

TEST(memory_grows_with_what_is_held)
{
    mt_graph *graph = test_graph_new(), *clone;
    size_t before = mt_graph_memory(graph);
    uint8_t *blob = calloc(1, 100000);

    test_worked(graph,
                mt_graph_set(graph, mt_str("a"), mt_str("x"), mt_blob((mt_bytes){blob, 100000})));
    CHECK(mt_graph_memory(graph) >= before + 100000);
    clone = test_clone(graph);
    CHECK(mt_graph_memory(clone) == mt_graph_memory(graph));
    CHECK(mt_graph_memory(clone) < before + 200000);
    mt_graph_free(graph);
    mt_graph_free(clone);
    free(blob);
}

/* Appends to a text that has room. */
static void append(char *text, size_t room, mt_bytes bytes)
{
    size_t len = strlen(text);

    CHECK(bytes.len < room - len);
    memcpy(text + len, bytes.data, bytes.len);
    text[len + bytes.len] = 0;
}

/* ---- Walking ---- */

static void check_walk(const mt_graph *graph, const char *prefix, const char *from,
                       const char *expected)
{
    char uids[256] = "";
    const mt_node *node;
    mt_graph_iter iter;

    mt_graph_iter_init(&iter, graph, mt_str(prefix), mt_str(from));
    while ((node = mt_graph_iter_next(&iter))) {
        append(uids, sizeof uids, mt_str(*uids ? " " : ""));
        append(uids, sizeof uids, mt_node_uid(node));
    }
    CHECK(!mt_graph_iter_next(&iter));
    assert_string_equal(uids, expected);
}

TEST(nodes_come_in_the_order_of_their_bytes)
{
    mt_graph *graph = test_graph_from("b, a, ab, B, 1, \xF0\x9F\x98\x80, \xEF\xBF\xBF, a/b");

    check_walk(graph, "", "", "1 B a a/b ab b \xEF\xBF\xBF \xF0\x9F\x98\x80");
    check_walk(graph, "", "a", "a a/b ab b \xEF\xBF\xBF \xF0\x9F\x98\x80");
    check_walk(graph, "", "a0", "ab b \xEF\xBF\xBF \xF0\x9F\x98\x80");
    check_walk(graph, "", "\xF1", "");
    mt_graph_free(graph);
}

TEST(a_prefix_is_a_range)
{
    mt_graph *graph = test_graph_from("a, user, user/1, user/10, user/2, user0, v");

    check_walk(graph, "user/", "", "user/1 user/10 user/2");
    check_walk(graph, "user", "", "user user/1 user/10 user/2 user0");
    check_walk(graph, "user/1", "", "user/1 user/10");
    check_walk(graph, "user/", "user/10", "user/10 user/2");
    check_walk(graph, "user/", "a", "user/1 user/10 user/2");
    check_walk(graph, "user/", "user/3", "");
    check_walk(graph, "user/", "v", "");
    check_walk(graph, "w", "", "");
    check_walk(graph, "a", "", "a");
    mt_graph_free(graph);
}

TEST(a_walk_of_many_nodes_begins_anywhere)
{
    mt_graph *graph = test_graph_new();
    mt_bytes prefix = mt_str("n/03");
    const mt_node *node;
    mt_graph_iter iter;
    char uid[32];
    size_t count = 0;

    for (int i = 0; i < 5000; i++) {
        snprintf(uid, sizeof uid, "n/%04d", i * 37 % 5000);
        test_worked(graph, mt_graph_set(graph, mt_str(uid), mt_str("x"), mt_null()));
    }
    mt_graph_iter_init(&iter, graph, prefix, mt_str("n/0310"));
    for (int i = 310; (node = mt_graph_iter_next(&iter)); i++, count++) {
        snprintf(uid, sizeof uid, "n/%04d", i);
        CHECK(mt_bytes_equal(mt_node_uid(node), mt_str(uid)));
    }
    assert_int_equal(count, 90);
    mt_graph_free(graph);
}

/* ---- Equality and snapshots ---- */

TEST(graphs_are_equal_in_all_or_not)
{
    static const char *const graphs[] = {
        "",
        "a",
        "b",
        "a^1",
        "a^2",
        "a x=1@1",
        "a x=1@2",
        "a x=2@1",
        "a x=~@1",
        "a x=null@1",
        "a y=1@1",
        "a x=1@1 y=1@1",
        "a x=1@1, b",
        "a x='1'@1",
        "a x=$1@1",
        "a x=&1@1",
        "a x='a text of some length'@1",
        "a x=$a_bytes_of_some_length@1",
        "a x='A text of some length'@1",
        "a^1 x=1@2",
    };

    for (size_t i = 0; i < TEST_COUNT(graphs); i++) {
        mt_graph *a = test_graph_from(graphs[i]);

        for (size_t j = 0; j < TEST_COUNT(graphs); j++) {
            mt_graph *b = test_graph_from(graphs[j]);
            const mt_node *node_a = mt_graph_get(a, mt_str("a"));
            const mt_node *node_b = mt_graph_get(b, mt_str("a"));

            CHECK(mt_graph_equal(a, b) == (i == j));
            if (i == j && node_a) CHECK(mt_node_equal(node_a, node_b));
            mt_graph_free(b);
        }
        mt_graph_free(a);
    }
}

TEST(a_snapshot_has_values_and_no_trace_of_the_deleted)
{
    mt_graph *graph = test_graph_from("a x=~@4, b^3 y=1.5@4 x='\"'@5 z=~@9, c^9, d, e =&b@1 "
                                      "n=#9007199254740993@1 o=$AQI@1 p=null@2 q=true@1");
    mt_buf text = test_snapshot(graph), whole = {.mem = test_mem()};
    static const char expected[] =
        "{\"b\":{\"x\":\"\\\"\",\"y\":1.5},\"e\":{\"\":{\"edge\":\"b\"},"
        "\"n\":{\"int\":\"9007199254740993\"},\"o\":{\"bytes\":\"QVFJ\"},\"p\":null,\"q\":true}}";

    CHECK(mt_bytes_equal(mt_buf_bytes(&text), mt_str(expected)));
    mt_buf_free(&text);
    /* A node alone, behind what is there. */
    CHECK(mt_node_snapshot(mt_graph_get(graph, mt_str("b")), &whole) == MT_OK);
    CHECK(mt_node_snapshot(mt_graph_get(graph, mt_str("c")), &whole) == MT_OK);
    CHECK(mt_bytes_equal(mt_buf_bytes(&whole), mt_str("{\"x\":\"\\\"\",\"y\":1.5}{}")));
    mt_buf_free(&whole);
    mt_graph_free(graph);
}

/* ---- Listening ---- */

#define HEARD_MAX 16

typedef struct heard {
    const char *name[HEARD_MAX]; /* of the listeners, as they were called */
    size_t count;
    char update[256]; /* of the last delta */
    bool changed;
} heard;

typedef struct ear {
    const char *name;
    heard *heard;
} ear;

static void listen(void *ctx, mt_graph *graph, const mt_delta *delta)
{
    ear *e = ctx;
    mt_delta_node node;
    mt_delta_iter iter;
    mt_field field, now;

    CHECK(e->heard->count < HEARD_MAX);
    e->heard->name[e->heard->count++] = e->name;
    e->heard->changed = mt_delta_changed(delta);
    e->heard->update[0] = 0;
    mt_delta_iter_init(&iter, delta, MT_UPDATE);
    while (mt_delta_iter_node(&iter, &node)) {
        const mt_node *here = mt_graph_get(graph, node.uid);

        append(e->heard->update, sizeof e->heard->update, node.uid);
        CHECK(here);
        /* The graph holds it already. */
        while (mt_delta_iter_field(&iter, &field)) {
            CHECK(mt_node_get_any(here, field.name, &now) == MT_OK && now.state == field.state);
            append(e->heard->update, sizeof e->heard->update, mt_str("."));
            append(e->heard->update, sizeof e->heard->update, field.name);
        }
    }
}

static void check_heard(heard *h, const char *names, const char *update)
{
    char said[64] = "";

    for (size_t i = 0; i < h->count; i++) append(said, sizeof said, mt_str(h->name[i]));
    assert_string_equal(said, names);
    if (update) assert_string_equal(h->update, update);
    h->count = 0;
}

TEST(listeners_hear_of_each_change_in_their_order)
{
    mt_graph *graph = test_graph_from("a x=1@5"), *other = test_graph_from("a x=2@6, b y=1@1");
    heard h = {.count = 0};
    ear first = {"1", &h}, second = {"2", &h};

    test_worked(graph, mt_graph_listen(graph, listen, &first));
    test_worked(graph, mt_graph_listen(graph, listen, &second));
    test_worked(graph, mt_graph_set(graph, mt_str("a"), mt_str("z"), mt_null()));
    check_heard(&h, "12", "a.z");
    mt_delta_free(test_merge(graph, other));
    check_heard(&h, "12", "a.xb.y");
    test_worked(graph, test_merge_rows(graph, "c x=1@1 y=1@1", NULL));
    check_heard(&h, "12", "c.x.y");
    test_worked(graph, mt_graph_remove_node(graph, mt_str("c")));
    check_heard(&h, "12", "c");
    test_worked(graph, test_patch(graph, "d", 0, NULL));
    check_heard(&h, "12", "d");
    mt_graph_free(graph);
    mt_graph_free(other);
}

TEST(listeners_hear_of_what_came_too_late_and_of_nothing_else)
{
    mt_graph *graph = test_graph_from("a^2 x=1@5"), *other = test_graph_from("a x=1@4");
    mt_graph *same = test_graph_from("a^2 x=1@5");
    heard h = {.count = 0};
    ear e = {"1", &h};

    test_worked(graph, mt_graph_listen(graph, listen, &e));
    mt_delta_free(test_merge(graph, other));
    CHECK(!h.changed);
    check_heard(&h, "1", "a");
    test_worked(graph, test_merge_rows(graph, "a^1", NULL));
    CHECK(!h.changed);
    check_heard(&h, "1", "a");
    mt_delta_free(test_merge(graph, same));
    test_worked(graph, test_merge_rows(graph, "a x=1@5", NULL));
    test_worked(graph, test_patch(graph, "a", 0, NULL));
    test_worked(graph, test_patch(graph, "", 0, NULL));
    CHECK(test_patch(graph, "a y=1, b @object=1", 0, NULL) == MT_INVALID);
    check_heard(&h, "", NULL);
    mt_graph_free(graph);
    mt_graph_free(other);
    mt_graph_free(same);
}

/* Merges rows into a node of so many fields beside those given; answers whether anybody was
 * told. */
static bool is_told(const char *current, size_t count, const char *rows)
{
    mt_graph *graph = test_graph_from(current);
    heard h = {.count = 0};
    ear e = {"1", &h};
    mt_field field = {.value = mt_null(), .state = 9};
    mt_row row = {.uid = mt_str("a"), .fields = &field, .count = 1};
    char name[32];

    for (size_t i = 0; i < count; i++) {
        snprintf(name, sizeof name, "%zu", i);
        field.name = mt_str(name);
        test_worked(graph, mt_graph_merge_rows(graph, &row, 1, NULL));
    }
    test_worked(graph, mt_graph_listen(graph, listen, &e));
    test_worked(graph, test_merge_rows(graph, rows, NULL));
    mt_graph_free(graph);
    return h.count > 0;
}

TEST(who_loses_a_tie_is_not_late)
{
    for (size_t count = 0; count < 200; count += 90) {
        CHECK(is_told("a x=2@5", count, "a x=1@4"));
        CHECK(is_told("a x=2@5", count, "a x=3@5"));
        CHECK(!is_told("a x=2@5", count, "a x=1@5"));
        CHECK(!is_told("a x=2@5", count, "a x=~@5"));
        CHECK(is_told("a^4 x=2@5", count, "a^3"));
        CHECK(!is_told("a^4 x=2@5", count, "a^4"));
        CHECK(is_told("a^4 x=2@5", count, "a x=1@4"));
        CHECK(!is_told("a^4 x=2@5", count, "a y=1@4"));
        CHECK(is_told("a^4 x=2@5", count, "a y=1@3"));
    }
}

TEST(a_listener_that_was_removed_hears_no_more)
{
    mt_graph *graph = test_graph_new(), *clone;
    heard h = {.count = 0};
    ear first = {"1", &h}, second = {"2", &h};

    test_worked(graph, mt_graph_listen(graph, listen, &first));
    test_worked(graph, mt_graph_listen(graph, listen, &second));
    test_worked(graph, mt_graph_listen(graph, listen, &first));
    test_worked(graph, test_patch(graph, "a x=1", 0, NULL));
    check_heard(&h, "121", NULL);
    mt_graph_unlisten(graph, listen, &first);
    test_worked(graph, test_patch(graph, "a x=1", 0, NULL));
    check_heard(&h, "21", NULL);
    mt_graph_unlisten(graph, listen, &h);
    clone = test_clone(graph);
    test_worked(clone, test_patch(clone, "a x=1", 0, NULL));
    check_heard(&h, "", NULL);
    mt_graph_unlisten(graph, listen, &second);
    mt_graph_unlisten(graph, listen, &first);
    mt_graph_unlisten(graph, listen, &first);
    test_worked(graph, test_patch(graph, "a x=1", 0, NULL));
    check_heard(&h, "", NULL);
    mt_graph_free(graph);
    mt_graph_free(clone);
}

TEST(a_delta_is_handed_out_and_heard_alike)
{
    mt_graph *graph = test_graph_new();
    heard h = {.count = 0};
    ear e = {"1", &h};
    mt_delta *delta = NULL;

    test_worked(graph, mt_graph_listen(graph, listen, &e));
    test_worked(graph, test_patch(graph, "a x=1", 0, &delta));
    check_heard(&h, "1", "a.x");
    test_part_says(delta, MT_UPDATE, "+a x=1@1");
    mt_delta_free(delta);
    mt_graph_free(graph);
}

/* ---- Uids ---- */

TEST(strange_uids_and_names_are_ordinary)
{
    mt_graph *graph = test_graph_new();
    mt_field field;

    test_worked(graph, mt_graph_set(graph, mt_str("__proto__"), mt_str("__proto__"), mt_null()));
    test_worked(graph, mt_graph_set(graph, mt_str("@object"), BYTES("a\0b"), mt_bool(true)));
    test_worked(graph, mt_graph_set(graph, mt_str("@object"), BYTES("a\0"), mt_bool(false)));
    CHECK(mt_node_get(mt_graph_get(graph, mt_str("@object")), BYTES("a\0b"), &field) == MT_OK);
    CHECK(field.value.as.boolean && mt_bytes_equal(field.name, BYTES("a\0b")));
    CHECK(mt_node_get(mt_graph_get(graph, mt_str("@object")), BYTES("a"), &field) == MT_NOT_FOUND);
    mt_graph_free(graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_graph_is_empty),
        cmocka_unit_test(an_error_is_kept_until_the_next_call_that_fails),
        cmocka_unit_test(memory_grows_with_what_is_held),
        cmocka_unit_test(nodes_come_in_the_order_of_their_bytes),
        cmocka_unit_test(a_prefix_is_a_range),
        cmocka_unit_test(a_walk_of_many_nodes_begins_anywhere),
        cmocka_unit_test(graphs_are_equal_in_all_or_not),
        cmocka_unit_test(a_snapshot_has_values_and_no_trace_of_the_deleted),
        cmocka_unit_test(listeners_hear_of_each_change_in_their_order),
        cmocka_unit_test(listeners_hear_of_what_came_too_late_and_of_nothing_else),
        cmocka_unit_test(who_loses_a_tie_is_not_late),
        cmocka_unit_test(a_listener_that_was_removed_hears_no_more),
        cmocka_unit_test(a_delta_is_handed_out_and_heard_alike),
        cmocka_unit_test(strange_uids_and_names_are_ordinary),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
