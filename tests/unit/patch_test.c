/* What mt_graph_patch, mt_graph_set and mt_graph_remove write, and what they refuse. */
#include "test_notation.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BYTES(text) ((mt_bytes){(const uint8_t *)(text), sizeof(text) - 1})

/* Patches `before` and holds what comes of it. NULL: that is not looked at. */
static void check_patch(const char *before, const char *rows, uint64_t state, const char *after,
                        const char *update, const char *history)
{
    mt_graph *graph = test_graph_from(before);
    mt_delta *delta = NULL;

    test_worked(graph, test_patch(graph, rows, state, &delta));
    test_graph_says(graph, after);
    if (update) test_part_says(delta, MT_UPDATE, update);
    if (history) test_part_says(delta, MT_HISTORY, history);
    mt_delta_free(delta);
    mt_graph_free(graph);
}

/* Holds that a patch is refused with these words, and nothing is changed. */
static void check_refused(const char *before, const char *rows, uint64_t state, mt_status status,
                          const char *text)
{
    mt_graph *graph = test_graph_from(before);
    mt_delta *delta = NULL;

    CHECK(test_patch(graph, rows, state, &delta) == status && !delta);
    test_error_is(graph, status, text);
    test_graph_says(graph, before);
    mt_graph_free(graph);
}

/* ---- States ---- */

TEST(a_field_gets_the_next_state)
{
    check_patch("", "a x=1", 0, "a x=1@1", "+a x=1@1", "+a");
    check_patch("a x=1@3", "a x=2", 0, "a x=2@4", "a x=2@4", "a x=1@3");
    check_patch("a x=1@3", "a y=2", 0, "a x=1@3 y=2@1", "a y=2@1", "a");
    check_patch("a x=1@3 y=1@5", "a y=2 x=2", 0, "a x=2@4 y=2@6", "a x=2@4 y=2@6", "a x=1@3 y=1@5");
    check_patch("a x=~@3", "a x=1", 0, "a x=1@4", "a x=1@4", "a x=~@3");
}

TEST(writing_the_same_value_is_a_change)
{
    check_patch("a x=1@3", "a x=1", 0, "a x=1@4", "a x=1@4", "a x=1@3");
}

TEST(a_field_is_written_above_the_floor_of_its_node)
{
    check_patch("a^5", "a x=1", 0, "a^5 x=1@6", "a x=1@6", "a");
    check_patch("a^5 x=1@7", "a x=2 y=2", 0, "a^5 x=2@8 y=2@6", NULL, NULL);
}

TEST(a_given_state_is_that_of_every_field)
{
    check_patch("a x=1@3", "a x=2 y=2, b z=3", 9, "a x=2@9 y=2@9, b z=3@9", NULL, NULL);
    check_patch("a x=1@3", "a x=2", 4, "a x=2@4", NULL, NULL);
    check_patch("", "a x=2", MT_STATE_MAX, "a x=2@9007199254740991", NULL, NULL);
}

TEST(a_given_state_must_be_above_what_is_there)
{
    check_refused("a x=1@3", "a x=2", 3, MT_STATE,
                  "node \"a\", field \"x\": state 3 is not above 3, which is there");
    check_refused("a x=~@3", "a x=2", 2, MT_STATE,
                  "node \"a\", field \"x\": state 2 is not above 3, which is there");
    check_refused("a^7", "a x=2", 7, MT_STATE,
                  "node \"a\", field \"x\": state 7 is not above 7, which is there");
    check_refused("a^2 x=1@3", "!a", 3, MT_STATE,
                  "node \"a\": state 3 is not above 3, which is there");
    check_refused("", "a x=2", MT_STATE_MAX + 1, MT_STATE,
                  "node \"a\": there is no state above 2^53 - 1");
    check_refused("a", "a", UINT64_MAX, MT_STATE, "node \"a\": there is no state above 2^53 - 1");
}

TEST(there_is_no_step_past_the_last_state)
{
    check_patch("a x=1@9007199254740990", "a x=2", 0, "a x=2@9007199254740991", NULL, NULL);
    check_refused("a x=1@9007199254740991", "a x=2", 0, MT_STATE,
                  "node \"a\", field \"x\": there is no state above 2^53 - 1");
    check_refused("a^9007199254740991", "a x=~", 0, MT_STATE,
                  "node \"a\", field \"x\": there is no state above 2^53 - 1");
    check_refused("a x=1@9007199254740991", "!a y=1", 0, MT_STATE,
                  "node \"a\", field \"y\": there is no state above 2^53 - 1");
    check_patch("a x=1@9007199254740991", "!a", 0, "a^9007199254740991", NULL, NULL);
}

TEST(states_and_floors_that_stand_in_a_patch_mean_nothing)
{
    check_patch("a x=1@3", "a^9 x=2@77 y='a longer text'@18446744073709551615", 0,
                "a x=2@4 y='a longer text'@1", NULL, NULL);
    check_patch("a x=1@3", "a x=~@18446744073709551615", 0, "a x=~@4", NULL, NULL);
}

/* ---- Deleting ---- */

TEST(deleting_a_field_writes_a_marker)
{
    check_patch("a x=1@3", "a x=~", 0, "a x=~@4", "a x=~@4", "a x=1@3");
    check_patch("a x=~@3", "a x=~", 0, "a x=~@4", "a x=~@4", "a x=~@3");
    check_patch("a", "a x=~", 0, "a x=~@1", "a x=~@1", "a");
    check_patch("", "a x=~", 0, "a x=~@1", "+a x=~@1", "+a");
}

TEST(deleting_a_node_writes_its_highest_state_as_floor)
{
    check_patch("a x=1@3 y=2@7, b z=1@9", "!a", 0, "a^7, b z=1@9", "a^7", "a x=1@3 y=2@7");
    check_patch("a^4 x=1@6", "!a", 0, "a^6", "a^6", "a^4 x=1@6");
    check_patch("a^4", "!a", 0, "a^4", "a", "a");
}

TEST(what_is_written_with_the_deletion_lives)
{
    check_patch("a x=1@3 y=2@7", "!a x=5 z=6", 0, "a^7 x=5@8 z=6@8", "a^7 x=5@8 z=6@8",
                "a x=1@3 y=2@7");
    check_patch("", "!a x=5", 0, "a x=5@1", "+a x=5@1", "+a");
}

TEST(a_node_deleted_at_a_state_gets_the_floor_below_it)
{
    check_patch("a x=1@3", "!a", 9, "a^8", "a^8", "a x=1@3");
    check_patch("a x=1@3", "!a y=2", 9, "a^8 y=2@9", "a^8 y=2@9", "a x=1@3");
    check_patch("", "!a", 9, "a^8", "+a^8", "+a");
    check_patch("", "!a y=2", 1, "a y=2@1", "+a y=2@1", "+a");
}

TEST(deleting_what_is_not_there_changes_nothing)
{
    check_patch("", "!a", 0, "", "", "");
    check_patch("", "!a", 1, "", "", "");
    check_patch("a", "!a", 0, "a", "a", "a");
    check_patch("b x=1@1", "!a, !b", 0, "b^1", "b^1", "b x=1@1");
}

TEST(a_later_write_brings_back_that_field_alone)
{
    mt_graph *graph = test_graph_from("a x=1@3 y=2@7");

    test_worked(graph, mt_graph_remove_node(graph, mt_str("a")));
    CHECK(mt_node_count(mt_graph_get(graph, mt_str("a"))) == 0);
    test_worked(graph, mt_graph_set(graph, mt_str("a"), mt_str("x"), mt_text("again")));
    test_graph_says(graph, "a^7 x='again'@8");
    mt_graph_free(graph);
}

TEST(a_row_without_fields_creates_an_empty_node)
{
    check_patch("", "a", 0, "a", "+a", "+a");
    check_patch("", "a", 5, "a", "+a", "+a");
    check_patch("a x=1@1", "a", 0, "a x=1@1", "a", "a");
}

TEST(no_rows_are_a_patch_too)
{
    check_patch("a x=1@1", "", 0, "a x=1@1", "", "");
    check_patch("a x=1@1", "", UINT64_MAX, "a x=1@1", "", "");
}

/* ---- One field ---- */

TEST(one_field_is_set_and_removed)
{
    mt_graph *graph = test_graph_new();

    test_worked(graph, mt_graph_set(graph, mt_str("a"), mt_str("x"), mt_number(1.5)));
    test_worked(graph, mt_graph_set(graph, mt_str("a"), mt_str(""), mt_edge_to("b")));
    test_worked(graph, mt_graph_set(graph, mt_str("a"), mt_str("x"), mt_bool(true)));
    test_graph_says(graph, "a =&b@1 x=true@2");
    test_worked(graph, mt_graph_remove(graph, mt_str("a"), mt_str("x")));
    test_worked(graph, mt_graph_remove(graph, mt_str("b"), mt_str("y")));
    test_graph_says(graph, "a =&b@1 x=~@3, b y=~@1");
    test_worked(graph, mt_graph_remove_node(graph, mt_str("a")));
    test_worked(graph, mt_graph_remove_node(graph, mt_str("c")));
    test_graph_says(graph, "a^3, b y=~@1");
    CHECK(mt_graph_set(graph, mt_str(""), mt_str("x"), mt_null()) == MT_INVALID);
    test_error_is(graph, MT_INVALID, "a uid is empty");
    mt_graph_free(graph);
}

TEST(what_was_given_is_copied)
{
    char uid[] = "ada", name[] = "name", text[] = "Ada Lovelace";
    mt_graph *graph = test_graph_new();

    test_worked(graph, mt_graph_set(graph, mt_str(uid), mt_str(name), mt_text(text)));
    memset(uid, '-', 3);
    memset(name, '-', 4);
    memset(text, '-', 12);
    test_graph_says(graph, "ada name='Ada Lovelace'@1");
    mt_graph_free(graph);
}

/* ---- What cannot be ---- */

/* Holds that one field of a good node is refused with these words, by patch and merge alike. */
static void check_field(mt_field field, mt_status status, const char *text)
{
    mt_field fields[2] = {{.name = mt_str("good"), .value = mt_null(), .state = 1}, field};
    mt_row rows[2] = {{.uid = mt_str("first"), .fields = fields, .count = 1},
                      {.uid = mt_str("n"), .fields = fields, .count = 2}};
    mt_graph *graph = test_graph_from("kept x=1@1");

    CHECK(mt_graph_patch(graph, rows, 2, 0, NULL) == status);
    test_error_is(graph, status, text);
    test_graph_says(graph, "kept x=1@1");
    fields[1].state = 1;
    CHECK(mt_graph_merge_rows(graph, rows, 2, NULL) == status);
    test_error_is(graph, status, text);
    test_graph_says(graph, "kept x=1@1");
    mt_graph_free(graph);
}

TEST(values_that_cannot_be_are_named_with_their_place)
{
    const mt_bytes x = mt_str("x");
    const mt_value minus_zero = {.kind = MT_NUMBER, .as.number = -0.0};
    const mt_value small = {.kind = MT_INT, .as.integer = -5};
    const mt_value unknown = {.kind = (mt_value_kind)7};

    check_field((mt_field){.name = x, .value = mt_number(NAN)}, MT_INVALID,
                "node \"n\", field \"x\": a number is not finite");
    check_field((mt_field){.name = x, .value = mt_number(-INFINITY)}, MT_INVALID,
                "node \"n\", field \"x\": a number is not finite");
    check_field((mt_field){.name = x, .value = minus_zero}, MT_INVALID,
                "node \"n\", field \"x\": a number is -0, not 0");
    check_field((mt_field){.name = x, .value = small}, MT_INVALID,
                "node \"n\", field \"x\": the integer -5 is a number: a double holds it");
    check_field((mt_field){.name = x, .value = mt_text("abcdefg\xFF")}, MT_INVALID,
                "node \"n\", field \"x\": a string is not UTF-8: byte 0xFF at 7");
    check_field((mt_field){.name = x, .value = mt_text("\xED\xA0\x80")}, MT_INVALID,
                "node \"n\", field \"x\": a string is not UTF-8: byte 0xED at 0");
    check_field((mt_field){.name = x, .value = mt_edge_to("")}, MT_INVALID,
                "node \"n\", field \"x\": a uid is empty");
    check_field((mt_field){.name = x, .value = mt_edge(BYTES("a\0"))}, MT_INVALID,
                "node \"n\", field \"x\": a uid holds U+0000");
    check_field((mt_field){.name = x, .value = unknown}, MT_INVALID,
                "node \"n\", field \"x\": 7 is no kind of value");
}

TEST(kinds_and_types_that_are_not_known_are_refused)
{
    check_field((mt_field){.name = mt_str("x"), .type = (mt_field_type)1}, MT_UNSUPPORTED,
                "node \"n\", field \"x\": type 1 is not known");
    check_field((mt_field){.name = mt_str("x"), .kind = (mt_field_kind)2}, MT_INVALID,
                "node \"n\", field \"x\": field kind 2 is not known");
}

TEST(names_that_cannot_be_are_refused)
{
    char text[256];

    memset(text, 'n', 255);
    text[255] = 0;
    check_field((mt_field){.name = mt_str("@object")}, MT_INVALID,
                "node \"n\": a field may not have the name \"@object\"");
    check_field((mt_field){.name = mt_str("\xC3")}, MT_INVALID,
                "node \"n\": a field name is not UTF-8: byte 0xC3 at 0");
    check_field((mt_field){.name = mt_str(text)}, MT_INVALID,
                "node \"n\": a field name has 255 bytes, more than 254");
    check_field((mt_field){.name = mt_str("good")}, MT_INVALID,
                "node \"n\": field \"good\" stands twice");
}

TEST(the_longest_name_and_uid_do)
{
    char text[256];
    mt_graph *graph = test_graph_new();
    mt_field field;

    memset(text, 'n', 255);
    text[255] = 0;
    test_worked(graph, mt_graph_set(graph, mt_str(text), mt_str(text + 1), mt_edge_to(text)));
    CHECK(mt_node_get(mt_graph_get(graph, mt_str(text)), mt_str(text + 1), &field) == MT_OK);
    CHECK(field.value.as.bytes.len == 255);
    mt_graph_free(graph);
}

static void check_uid(mt_bytes uid, const char *text)
{
    mt_graph *graph = test_graph_from("kept x=1@1");
    mt_row rows[2] = {{.uid = mt_str("first")}, {.uid = uid}};

    CHECK(mt_graph_patch(graph, rows, 2, 0, NULL) == MT_INVALID);
    test_error_is(graph, MT_INVALID, text);
    CHECK(mt_graph_merge_rows(graph, rows, 2, NULL) == MT_INVALID);
    test_error_is(graph, MT_INVALID, text);
    test_graph_says(graph, "kept x=1@1");
    mt_graph_free(graph);
}

TEST(uids_that_cannot_be_are_refused)
{
    char text[257];

    memset(text, 'u', 256);
    text[256] = 0;
    check_uid((mt_bytes){NULL, 0}, "a uid is empty");
    check_uid(BYTES("a\0b"), "a uid holds U+0000");
    check_uid(mt_str("ab\xF0\x9F\x98"), "a uid is not UTF-8: byte 0xF0 at 2");
    check_uid(mt_str(text), "a uid has 256 bytes, more than 255");
}

TEST(values_over_the_limit_are_too_large)
{
    mt_limits limits;
    mt_graph *graph = NULL;

    mt_limits_init(&limits);
    limits.value_len_max = 10;
    CHECK(mt_graph_new(test_mem(), &limits, &graph) == MT_OK);
    test_worked(graph, mt_graph_set(graph, mt_str("a"), mt_str("x"), mt_text("0123456789")));
    CHECK(mt_graph_set(graph, mt_str("a"), mt_str("x"), mt_text("0123456789a")) == MT_TOO_LARGE);
    test_error_is(graph, MT_TOO_LARGE,
                  "node \"a\", field \"x\": a value has 11 bytes, more than 10 (value_len_max)");
    CHECK(mt_graph_set(graph, mt_str("a"), mt_str("x"), mt_blob(mt_str("0123456789a"))) ==
          MT_TOO_LARGE);
    /* An edge has the limit of uids. */
    test_worked(graph, mt_graph_set(graph, mt_str("a"), mt_str("y"), mt_edge_to("0123456789ab")));
    test_graph_says(graph, "a x='0123456789'@1 y=&0123456789ab@1");
    mt_graph_free(graph);
}

TEST(rows_of_one_uid_are_written_one_after_the_other)
{
    check_patch("a x=1@3", "a x=2, a y=2", 0, "a x=2@4 y=2@1", NULL, NULL);
    check_patch("a x=1@3", "a x=2, b x=2, a x=5", 0, "a x=5@5, b x=2@1", NULL, NULL);
    check_patch("a x=1@3", "a x=2, a y=2", 9, "a x=2@9 y=2@9", NULL, NULL);
    check_patch("b x=1@3", "c x=2, b x=2, a x=2", 0, "a x=2@1, b x=2@4, c x=2@1", NULL, NULL);
}

/* ---- All or nothing ---- */

/* Writes many nodes and then one that cannot be: pages were split, nodes made, and all of it is
 * taken back. */
static void check_rollback(mt_graph *graph, size_t count, uint64_t state, bool merge)
{
    mt_buf before = test_text(graph);
    mt_row *rows = calloc(count, sizeof *rows);
    char(*uids)[32] = calloc(count, sizeof *uids);
    mt_field field = {
        .name = mt_str("written"), .value = mt_text("a text of some length"), .state = 9};
    mt_delta *delta = NULL;

    for (size_t i = 0; i < count; i++) {
        snprintf(uids[i], sizeof uids[i], "%05zu", i * 7919 % count);
        rows[i] = (mt_row){.uid = mt_str(uids[i]), .fields = &field, .count = 1};
    }
    rows[count - 1].uid = mt_str("");
    if (merge) CHECK(mt_graph_merge_rows(graph, rows, count, &delta) == MT_INVALID);
    else CHECK(mt_graph_patch(graph, rows, count, state, &delta) == MT_INVALID);
    CHECK(!delta);
    test_error_is(graph, MT_INVALID, "a uid is empty");
    test_same_bytes(test_text(graph), before);
    free(rows);
    free(uids);
}

TEST(a_patch_is_applied_wholly_or_not_at_all)
{
    mt_graph *graph = test_graph_from("00001 x=1@1, 00002^4 written=1@5, 00500, zzz a=1@1"), *clone;

    check_rollback(graph, 10, 0, false);
    check_rollback(graph, 2000, 0, false);
    check_rollback(graph, 2000, 100, false);
    check_rollback(graph, 2000, 0, true);
    clone = test_clone(graph);
    check_rollback(graph, 2000, 0, false);
    CHECK(mt_graph_equal(graph, clone));
    mt_graph_free(graph);
    check_rollback(clone, 2000, 0, true);
    mt_graph_free(clone);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_field_gets_the_next_state),
        cmocka_unit_test(writing_the_same_value_is_a_change),
        cmocka_unit_test(a_field_is_written_above_the_floor_of_its_node),
        cmocka_unit_test(a_given_state_is_that_of_every_field),
        cmocka_unit_test(a_given_state_must_be_above_what_is_there),
        cmocka_unit_test(there_is_no_step_past_the_last_state),
        cmocka_unit_test(states_and_floors_that_stand_in_a_patch_mean_nothing),
        cmocka_unit_test(deleting_a_field_writes_a_marker),
        cmocka_unit_test(deleting_a_node_writes_its_highest_state_as_floor),
        cmocka_unit_test(what_is_written_with_the_deletion_lives),
        cmocka_unit_test(a_node_deleted_at_a_state_gets_the_floor_below_it),
        cmocka_unit_test(deleting_what_is_not_there_changes_nothing),
        cmocka_unit_test(a_later_write_brings_back_that_field_alone),
        cmocka_unit_test(a_row_without_fields_creates_an_empty_node),
        cmocka_unit_test(no_rows_are_a_patch_too),
        cmocka_unit_test(one_field_is_set_and_removed),
        cmocka_unit_test(what_was_given_is_copied),
        cmocka_unit_test(values_that_cannot_be_are_named_with_their_place),
        cmocka_unit_test(kinds_and_types_that_are_not_known_are_refused),
        cmocka_unit_test(names_that_cannot_be_are_refused),
        cmocka_unit_test(the_longest_name_and_uid_do),
        cmocka_unit_test(uids_that_cannot_be_are_refused),
        cmocka_unit_test(values_over_the_limit_are_too_large),
        cmocka_unit_test(rows_of_one_uid_are_written_one_after_the_other),
        cmocka_unit_test(a_patch_is_applied_wholly_or_not_at_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
