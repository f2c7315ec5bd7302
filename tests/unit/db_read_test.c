/* Reads: what comes from memory, what storage is asked for, and what fields lead to. */
#include "test.h"
#include "test_calls.h"

#include <stdlib.h>
#include <string.h>

static void turn(test_stage *s)
{
    test_env_run(&s->t.te);
}

static void begin(test_stage *s, const char *nodes)
{
    test_stage_init(s);
    test_storage_put(&s->ts, nodes);
    test_stage_open(s, NULL);
    test_heard_is(&s->ts.heard, "open");
}

/* ---- Nodes ---- */

TEST(all_that_is_missing_is_asked_for_in_one_request)
{
    test_call r = {.name = "r"};
    test_stage s;

    begin(&s, "ada a=1@1, bob a=1@1, cyd a=1@1");
    test_read_is(s.db, "bob", "{\"a\":1}");
    test_heard_is(&s.ts.heard, "read(bob)");
    CHECK(test_call_read(&r, s.db, "dan cyd bob ada cyd", NULL) == MT_OK);
    turn(&s);
    test_call_is(&r, MT_OK, NULL);
    assert_string_equal(r.nodes, "- cyd bob ada cyd");
    test_heard_is(&s.ts.heard, "read(ada,cyd,dan)");
    test_stage_end(&s);
}

TEST(one_node_has_one_handle_while_it_is_held)
{
    mt_bytes keys[3] = {mt_str("ada"), mt_str("ada"), mt_str("bob")};
    mt_handle *nodes[3], *again, *written;
    mt_field b = {.name = mt_str("b"), .value = mt_null()};
    mt_row row = {.uid = mt_str("ada"), .fields = &b, .count = 1};
    test_stage s;

    begin(&s, "ada a=1@1, bob a=1@1");
    CHECK(mt_nodes_wait(s.db, keys, 3, NULL, nodes) == MT_OK);
    CHECK(nodes[0] && nodes[0] == nodes[1] && nodes[2] && nodes[2] != nodes[0]);
    again = test_hold_node(s.db, "ada");
    CHECK(mt_write_wait(s.db, &row, 1, NULL, &written) == MT_OK);
    CHECK(again == nodes[0] && written == nodes[0] && mt_handle_db(again) == s.db);
    mt_handle_unref(again);
    mt_handle_unref(written);
    for (size_t i = 0; i < 3; i++) mt_handle_unref(nodes[i]);
    test_stage_end(&s);
}

TEST(handle_shows_the_node_as_it_is_now)
{
    mt_field field;
    mt_handle *ada;
    test_stage s;

    begin(&s, "ada a=1@1");
    ada = test_hold_node(s.db, "ada");
    CHECK(mt_handle_get(ada, mt_str("a"), &field) == MT_OK && field.value.as.number == 1);
    test_write(s.db, "ada a=2");
    CHECK(mt_handle_get(ada, mt_str("a"), &field) == MT_OK && field.value.as.number == 2);
    CHECK(mt_handle_get(ada, mt_str("b"), &field) == MT_NOT_FOUND);
    test_write(s.db, "!ada");
    CHECK(mt_handle_node(ada) == NULL);
    CHECK(mt_handle_get(ada, mt_str("a"), &field) == MT_NOT_FOUND);
    test_write(s.db, "ada a=3");
    CHECK(mt_handle_get(ada, mt_str("a"), &field) == MT_OK && field.value.as.number == 3);
    CHECK(mt_handle_edge(ada).kind == MT_EDGE);
    CHECK(mt_bytes_equal(mt_handle_edge(ada).as.bytes, mt_str("ada")));
    mt_handle_unref(ada);
    test_stage_end(&s);
}

TEST(node_that_storage_does_not_have_is_asked_for_once_while_it_is_held)
{
    mt_row row = {.uid = mt_str("ada")};
    mt_handle *ada;
    test_stage s;

    begin(&s, "");
    CHECK(mt_write_wait(s.db, &row, 1, NULL, &ada) == MT_OK);
    test_heard_is(&s.ts.heard, "read(ada)");
    test_read_is(s.db, "ada", NULL);
    test_write(s.db, "ada a=1");
    test_read_is(s.db, "ada", "{\"a\":1}");
    test_heard_is(&s.ts.heard, "write(ada)");
    mt_handle_unref(ada);
    test_stage_end(&s);
}

TEST(two_reads_of_a_node_that_is_on_its_way_ask_once)
{
    test_call r[3] = {{.name = "a"}, {.name = "b"}, {.name = "c"}};
    test_stage s;

    begin(&s, "ada a=1@1, bob a=1@1");
    s.ts.when = TEST_HELD;
    CHECK(test_call_read(&r[0], s.db, "ada", NULL) == MT_OK);
    CHECK(test_call_read(&r[1], s.db, "ada bob", NULL) == MT_OK);
    CHECK(test_call_read(&r[2], s.db, "bob ada", NULL) == MT_OK);
    test_heard_is(&s.ts.heard, "read(ada) read(bob)");
    test_storage_answer(&s.ts, 1);
    turn(&s);
    CHECK(r[1].a.count == 0 && r[2].a.count == 0);
    test_storage_answer(&s.ts, 0);
    turn(&s);
    test_call_is(&r[0], MT_OK, NULL);
    assert_string_equal(r[1].nodes, "ada bob");
    assert_string_equal(r[2].nodes, "bob ada");
    test_stage_end(&s);
}

TEST(failed_read_fails_all_that_wait_for_it_and_the_next_one_asks_again)
{
    test_call r[2] = {{.name = "a"}, {.name = "b"}};
    test_stage s;

    for (int at_start = 0; at_start < 2; at_start++) {
        begin(&s, "ada a=1@1");
        s.ts.when = TEST_LATER;
        s.ts.fault = (test_fault){.calls = TEST_READ, .status = MT_MALFORMED, .at_start = at_start};
        CHECK(test_call_read(&r[0], s.db, "ada", NULL) == MT_OK);
        if (!at_start) CHECK(test_call_read(&r[1], s.db, "ada", NULL) == MT_OK);
        turn(&s);
        test_call_is(&r[0], MT_MALFORMED, NULL);
        if (!at_start) test_call_is(&r[1], MT_MALFORMED, "the disk is upset");
        test_read_is(s.db, "ada", "{\"a\":1}");
        test_stage_end(&s);
    }
}

TEST(rows_that_nobody_asked_for_are_ignored)
{
    test_stage s;

    begin(&s, "ada a=1@1, bob a=1@1, cyd a=1@1");
    s.ts.extra = "bob";
    s.ts.rows_alone = true;
    test_read_is(s.db, "ada", "{\"a\":1}");
    test_peek_is(s.db, "bob", NULL);
    test_read_is(s.db, "cyd", "{\"a\":1}");
    test_peek_is(s.db, "bob", NULL);
    test_stage_end(&s);
}

TEST(force_asks_storage_for_what_is_in_memory)
{
    mt_options force = {.size = sizeof force, .force = true};
    test_call r = {.name = "r"};
    test_stage s;

    begin(&s, "ada a=1@1, bob a=1@1");
    test_read_is(s.db, "ada", "{\"a\":1}");
    test_storage_put(&s.ts, "ada a=2@2");
    test_read_is(s.db, "ada", "{\"a\":1}");
    CHECK(test_call_read(&r, s.db, "ada bob", &force) == MT_OK);
    turn(&s);
    test_heard_is(&s.ts.heard, "read(ada) read(ada,bob)");
    assert_string_equal(r.nodes, "ada bob");
    test_peek_is(s.db, "ada", "{\"a\":2}");
    test_stage_end(&s);
}

TEST(what_storage_answers_late_never_overwrites)
{
    mt_options force = {.size = sizeof force, .force = true};
    test_call r = {.name = "r"};
    test_stage s;

    begin(&s, "ada a=1@1 b=1@1");
    test_read_is(s.db, "ada", "{\"a\":1,\"b\":1}");
    s.ts.when = TEST_MIXED;
    for (unsigned i = 0; i < 40; i++) {
        CHECK(test_call_read(&r, s.db, "ada", &force) == MT_OK);
        test_write(s.db, i % 3 ? "ada a=2 b=~" : "!ada a=2");
        turn(&s);
        test_call_is(&r, MT_OK, NULL);
        test_peek_is(s.db, "ada", "{\"a\":2}");
        test_write(s.db, "ada a=1 b=1");
        turn(&s);
    }
    test_stage_end(&s);
}

TEST(storage_none_reads_what_is_in_memory)
{
    mt_options options = {.size = sizeof options, .storage_none = true};
    test_call r = {.name = "r"};
    test_stage s;

    begin(&s, "ada a=1@1, bob a=1@1");
    test_read_is(s.db, "bob", "{\"a\":1}");
    CHECK(test_call_read(&r, s.db, "ada bob", &options) == MT_OK);
    turn(&s);
    assert_string_equal(r.nodes, "- bob");
    test_heard_is(&s.ts.heard, "read(bob)");
    test_stage_end(&s);
}

TEST(peek_answers_from_memory_alone)
{
    test_stage s;

    begin(&s, "ada a=1@1");
    test_peek_is(s.db, "ada", NULL);
    test_read_is(s.db, "ada", "{\"a\":1}");
    test_peek_is(s.db, "ada", "{\"a\":1}");
    test_write(s.db, "!ada");
    test_peek_is(s.db, "ada", NULL);
    test_stage_end(&s);
}

TEST(uids_that_are_none_and_too_many_are_refused_at_once)
{
    mt_bytes *many = calloc(10001, sizeof *many), none = {NULL, 0};
    test_call r = {.name = "r"};
    test_stage s;

    if (!many) abort();
    for (size_t i = 0; i < 10001; i++) many[i] = mt_str("ada");
    begin(&s, "");
    CHECK(mt_nodes(s.db, many, 10001, NULL, test_answered, &r.a, NULL) == MT_TOO_LARGE);
    assert_string_equal(mt_db_error(s.db)->text,
                        "10001 uids are more than the 10000 that one read takes");
    CHECK(mt_read(s.db, none, NULL, test_answered, &r.a, NULL) == MT_INVALID);
    CHECK(mt_nodes(s.db, many, 10000, NULL, test_answered, &r.a, NULL) == MT_OK);
    turn(&s);
    CHECK(r.a.count == 1);
    test_heard_is(&s.ts.heard, "read(ada)");
    free(many);
    test_stage_end(&s);
}

TEST(read_of_no_uids_answers_none)
{
    test_call r = {.name = "r"};
    test_stage s;

    begin(&s, "");
    CHECK(test_call_read(&r, s.db, "", NULL) == MT_OK);
    turn(&s);
    test_call_is(&r, MT_OK, NULL);
    test_heard_is(&s.ts.heard, "");
    test_stage_end(&s);
}

/* ---- Large nodes ---- */

TEST(field_of_a_large_node_is_not_loaded_before_it_is_asked_for)
{
    mt_field field;
    mt_handle *ada;
    test_stage s;

    test_stage_init(&s);
    s.ts.large = 2;
    test_storage_put(&s.ts, "ada a=1@1 b=2@1 c=3@1");
    test_stage_open(&s, NULL);
    ada = test_hold_node(s.db, "ada");
    CHECK(mt_node_partial(mt_handle_node(ada)));
    CHECK(mt_handle_get(ada, mt_str("b"), &field) == MT_NOT_LOADED);
    CHECK(mt_handle_get(ada, mt_str("z"), &field) == MT_NOT_LOADED);
    CHECK(mt_field_wait(ada, mt_str("b"), NULL, &field, NULL) == MT_OK);
    CHECK(field.value.as.number == 2);
    CHECK(mt_field_wait(ada, mt_str("z"), NULL, &field, NULL) == MT_NOT_FOUND);
    CHECK(mt_handle_get(ada, mt_str("b"), &field) == MT_OK);
    CHECK(mt_handle_get(ada, mt_str("z"), &field) == MT_NOT_FOUND);
    CHECK(mt_handle_get(ada, mt_str("a"), &field) == MT_NOT_LOADED);
    test_heard_is(&s.ts.heard, "open read(ada) read(ada:b) read(ada:z)");
    mt_handle_unref(ada);
    test_stage_end(&s);
}

TEST(fields_without_names_loads_all_of_them)
{
    test_call f = {.name = "f"};
    mt_field field;
    mt_handle *ada;
    test_stage s;

    for (size_t row_fields = 1; row_fields < 5; row_fields++) {
        test_stage_init(&s);
        s.ts.large = 2;
        s.ts.row_fields = row_fields;
        s.ts.rows_alone = row_fields % 2;
        test_storage_put(&s.ts, "ada a=1@1 b=2@1 c=3@1 d=~@1");
        test_stage_open(&s, NULL);
        ada = test_hold_node(s.db, "ada");
        CHECK(mt_field_wait(ada, mt_str("b"), NULL, &field, NULL) == MT_OK);
        test_heard_is(&s.ts.heard, "open read(ada) read(ada:b)");
        CHECK(test_call_fields(&f, ada, "", NULL) == MT_OK);
        turn(&s);
        test_call_is(&f, MT_OK, NULL);
        assert_string_equal(f.nodes, "- - -");
        test_heard_is(&s.ts.heard, "read(ada!)");
        CHECK(!mt_node_partial(mt_handle_node(ada)));
        CHECK(mt_handle_get(ada, mt_str("z"), &field) == MT_NOT_FOUND);
        test_peek_is(s.db, "ada", "{\"a\":1,\"b\":2,\"c\":3}");
        mt_handle_unref(ada);
        test_stage_end(&s);
    }
}

TEST(fields_in_memory_are_not_asked_for)
{
    test_call f = {.name = "f"};
    mt_handle *ada;
    test_stage s;

    test_stage_init(&s);
    s.ts.large = 2;
    test_storage_put(&s.ts, "ada a=1@1 b=2@1 c=3@1");
    test_stage_open(&s, NULL);
    ada = test_hold_node(s.db, "ada");
    CHECK(test_call_fields(&f, ada, "c a c", NULL) == MT_OK);
    turn(&s);
    test_heard_is(&s.ts.heard, "open read(ada) read(ada:a:c)");
    CHECK(test_call_fields(&f, ada, "a", NULL) == MT_OK);
    turn(&s);
    test_call_is(&f, MT_OK, NULL);
    test_heard_is(&s.ts.heard, "");
    mt_handle_unref(ada);
    test_stage_end(&s);
}

TEST(fields_with_storage_none_show_what_is_in_memory)
{
    mt_options options = {.size = sizeof options, .storage_none = true};
    mt_bytes names[] = {mt_str("a"), mt_str("b")};
    mt_field field;
    mt_handle *ada;
    test_stage s;

    test_stage_init(&s);
    s.ts.large = 2;
    test_storage_put(&s.ts, "ada a=1@1 b=2@1 c=3@1");
    test_stage_open(&s, NULL);
    ada = test_hold_node(s.db, "ada");
    CHECK(mt_field_wait(ada, mt_str("b"), NULL, &field, NULL) == MT_OK);
    test_heard_is(&s.ts.heard, "open read(ada) read(ada:b)");
    CHECK(mt_fields_wait(ada, names, 2, &options) == MT_OK);
    test_heard_is(&s.ts.heard, "");
    mt_handle_unref(ada);
    test_stage_end(&s);
}

TEST(write_to_a_large_node_and_its_load_leave_each_other_be)
{
    test_call w = {.name = "w"}, f = {.name = "f"};
    mt_handle *ada;
    test_stage s;

    test_stage_init(&s);
    s.ts.large = 2;
    test_storage_put(&s.ts, "ada a=1@1 b=2@1 c=3@1");
    test_stage_open(&s, NULL);
    test_write(s.db, "ada a=2");
    ada = test_hold_node(s.db, "ada");
    s.ts.when = TEST_HELD;
    CHECK(test_call_fields(&f, ada, "", NULL) == MT_OK);
    CHECK(test_call_write(&w, s.db, "ada a=3 b=3", NULL) == MT_OK);
    CHECK(test_storage_waiting(&s.ts) == 1);
    test_storage_answer(&s.ts, 0);
    turn(&s);
    test_storage_answer_all(&s.ts);
    turn(&s);
    test_call_is(&w, MT_OK, NULL);
    test_call_is(&f, MT_OK, NULL);
    test_peek_is(s.db, "ada", "{\"a\":3,\"b\":3,\"c\":3}");
    mt_handle_unref(ada);
    test_stage_end(&s);
}

/* ---- Edges ---- */

TEST(fields_read_all_nodes_that_they_lead_to_at_once)
{
    test_call f = {.name = "f"};
    mt_handle *ada;
    test_stage s;

    begin(&s, "ada age=7@1 best=&bob@1 last=&cyd@1 lost=&nobody@1 next=&bob@1, bob a=1@1, "
              "cyd a=1@1");
    ada = test_hold_node(s.db, "ada");
    CHECK(test_call_fields(&f, ada, "", NULL) == MT_OK);
    turn(&s);
    test_call_is(&f, MT_OK, NULL);
    assert_string_equal(f.nodes, "- bob cyd - bob");
    test_heard_is(&s.ts.heard, "read(ada) read(bob,cyd,nobody)");
    CHECK(test_call_fields(&f, ada, "last age none", NULL) == MT_OK);
    turn(&s);
    assert_string_equal(f.nodes, "cyd - -");
    mt_handle_unref(ada);
    test_stage_end(&s);
}

TEST(edges_none_gives_fields_without_reading_what_they_lead_to)
{
    mt_options options = {.size = sizeof options, .edges_none = true};
    test_call f = {.name = "f"};
    mt_handle *ada;
    test_stage s;

    begin(&s, "ada best=&bob@1, bob a=1@1");
    ada = test_hold_node(s.db, "ada");
    CHECK(test_call_fields(&f, ada, "best", &options) == MT_OK);
    turn(&s);
    test_call_is(&f, MT_OK, NULL);
    assert_string_equal(f.nodes, "-");
    test_heard_is(&s.ts.heard, "read(ada)");
    mt_handle_unref(ada);
    test_stage_end(&s);
}

TEST(fields_fail_where_the_nodes_they_lead_to_cannot_be_read)
{
    test_call f = {.name = "f"};
    mt_handle *ada;
    test_stage s;

    begin(&s, "ada best=&bob@1, bob a=1@1");
    ada = test_hold_node(s.db, "ada");
    s.ts.fault = (test_fault){.calls = TEST_READ, .status = MT_IO};
    CHECK(test_call_fields(&f, ada, "best", NULL) == MT_OK);
    turn(&s);
    test_call_is(&f, MT_IO, "the disk is upset");
    mt_handle_unref(ada);
    test_stage_end(&s);
}

static void only_bob(test_hook *hook, mt_action *action)
{
    mt_bytes bob = mt_str("bob");

    CHECK(mt_action_set_keys(action, &bob, 1) == MT_OK);
    (void)hook;
}

TEST(hook_that_drops_nodes_never_swaps_those_that_edges_lead_to)
{
    test_hook hook = {.name = "h"};
    test_call f = {.name = "f"};
    mt_handle *ada;
    test_stage s;

    test_stage_init(&s);
    test_storage_put(&s.ts, "ada a=&ann@1 b=&bob@1, ann a=1@1, bob a=1@1");
    test_stage_hook(&s, &hook, MT_BEFORE_READ_NODES);
    test_stage_open(&s, NULL);
    ada = test_hold_node(s.db, "ada");
    hook.then = only_bob;
    CHECK(test_call_fields(&f, ada, "", NULL) == MT_OK);
    turn(&s);
    assert_string_equal(f.nodes, "- bob");
    mt_handle_unref(ada);
    test_stage_end(&s);
}

TEST(what_fields_show_stays_as_it_is_until_the_answer)
{
    test_hook hook = {.name = "h", .does = TEST_HOLDS};
    test_call f = {.name = "f"};
    mt_handle *ada;
    test_stage s;

    test_stage_init(&s);
    test_storage_put(&s.ts, "ada name='a long name that lies in memory of its own'@1");
    test_stage_hook(&s, &hook, MT_AFTER_READ_FIELDS);
    test_stage_open(&s, NULL);
    ada = test_hold_node(s.db, "ada");
    CHECK(test_call_fields(&f, ada, "name", NULL) == MT_OK);
    test_write(s.db, "!ada");
    test_hook_pass(&hook, 0);
    turn(&s);
    test_call_is(&f, MT_OK, NULL);
    mt_handle_unref(ada);
    test_stage_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_that_is_missing_is_asked_for_in_one_request),
        cmocka_unit_test(one_node_has_one_handle_while_it_is_held),
        cmocka_unit_test(handle_shows_the_node_as_it_is_now),
        cmocka_unit_test(node_that_storage_does_not_have_is_asked_for_once_while_it_is_held),
        cmocka_unit_test(two_reads_of_a_node_that_is_on_its_way_ask_once),
        cmocka_unit_test(failed_read_fails_all_that_wait_for_it_and_the_next_one_asks_again),
        cmocka_unit_test(rows_that_nobody_asked_for_are_ignored),
        cmocka_unit_test(force_asks_storage_for_what_is_in_memory),
        cmocka_unit_test(what_storage_answers_late_never_overwrites),
        cmocka_unit_test(storage_none_reads_what_is_in_memory),
        cmocka_unit_test(peek_answers_from_memory_alone),
        cmocka_unit_test(uids_that_are_none_and_too_many_are_refused_at_once),
        cmocka_unit_test(read_of_no_uids_answers_none),
        cmocka_unit_test(field_of_a_large_node_is_not_loaded_before_it_is_asked_for),
        cmocka_unit_test(fields_without_names_loads_all_of_them),
        cmocka_unit_test(fields_in_memory_are_not_asked_for),
        cmocka_unit_test(fields_with_storage_none_show_what_is_in_memory),
        cmocka_unit_test(write_to_a_large_node_and_its_load_leave_each_other_be),
        cmocka_unit_test(fields_read_all_nodes_that_they_lead_to_at_once),
        cmocka_unit_test(edges_none_gives_fields_without_reading_what_they_lead_to),
        cmocka_unit_test(fields_fail_where_the_nodes_they_lead_to_cannot_be_read),
        cmocka_unit_test(hook_that_drops_nodes_never_swaps_those_that_edges_lead_to),
        cmocka_unit_test(what_fields_show_stays_as_it_is_until_the_answer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
