/* Fingerprints: the hash is that of docs/store.md, and the sum does not depend on how a node comes. */
#include "crdt/fingerprint.h"
#include "test.h"

#include <mytosis/graph.h>
#include <stdio.h>
#include <string.h>

static const mti_sipkey key = {7, 9};

static mti_print print_of(const mt_row *row)
{
    mti_print print = {.state_max = 0};

    mti_print_add_row(&print, &key, row, true);
    return print;
}

static mt_field field_of(const char *name, mt_value value, uint64_t state)
{
    return (mt_field){.name = mt_str(name), .value = value, .state = state};
}

static bool is(mt_sum sum, mt_sum other)
{
    return mti_sum_equal(&sum, &other);
}

static mt_sum hash_of(const uint8_t *bytes, size_t len)
{
    mti_siphash hash;
    mti_sip128 out;

    mti_siphash_init(&hash, &key);
    out = mti_siphash_end(hash, (mt_bytes){bytes, len}, (mt_bytes){NULL, 0});
    return (mt_sum){out.lo, out.hi};
}

TEST(hash_is_over_uid_state_kind_name_and_value)
{
    static const uint8_t text[] = "\3ada\0\0\0\0"
                                  "\5\1\0\0\0\0\0\4"
                                  "\4name"
                                  "Ada";
    static const uint8_t number[] = "\3ada\0\0\0\0"
                                    "\1\0\0\0\0\0\0\2"
                                    "\0"
                                    "\0\0\0\0\0\0\xf0\x3f";
    static const uint8_t marker[] = "\3ada\0\0\0\0"
                                    "\2\0\0\0\0\0\0\7"
                                    "\1x";
    static const uint8_t floor[] = "\3ada\0\0\0\0"
                                   "\x09\0\0\0\0\0\0\x8"
                                   "\xff";
    mt_field name = field_of("name", mt_text("Ada"), 261), one = field_of("", mt_number(1), 1);
    mt_field gone = {.name = mt_str("x"), .state = 2, .kind = MT_FIELD_DELETED};
    mt_row row = {.uid = mt_str("ada"), .fields = &name, .count = 1};
    mt_sum sum;

    sum = hash_of(text, sizeof text - 1);
    CHECK(is(print_of(&row).living, sum));
    row.fields = &one;
    sum = hash_of(number, sizeof number - 1);
    CHECK(is(print_of(&row).living, sum));
    row.fields = &gone;
    sum = hash_of(marker, sizeof marker - 1);
    CHECK(is(print_of(&row).deleted, sum));
    CHECK(print_of(&row).living.lo == 0 && print_of(&row).living.hi == 0);
    row.count = 0;
    row.floor = 9;
    sum = hash_of(floor, sizeof floor - 1);
    CHECK(is(print_of(&row).deleted, sum));
    CHECK(print_of(&row).state_max == 9);
}

TEST(sum_is_that_of_its_parts)
{
    mt_field fields[] = {field_of("a", mt_bool(true), 3), field_of("b", mt_null(), 4),
                         field_of("c", mt_edge_to("bob"), 5)};
    mt_row row = {.uid = mt_str("ada"), .fields = fields, .count = 3, .floor = 2}, part = row;
    mti_print whole = print_of(&row), parts = {.state_max = 0};

    part.count = 1;
    mti_print_add_row(&parts, &key, &part, true);
    part.fields = fields + 1;
    part.count = 2;
    mti_print_add_row(&parts, &key, &part, false);
    CHECK(memcmp(&whole, &parts, sizeof whole) == 0);
    CHECK(whole.state_max == 5);
}

TEST(whatever_the_merge_rule_tells_apart_has_another_sum)
{
    mt_value values[] = {mt_null(),
                         mt_bool(false),
                         mt_bool(true),
                         mt_number(0),
                         mt_number(1),
                         mt_text(""),
                         mt_text("1"),
                         mt_blob(mt_str("")),
                         mt_blob(mt_str("1")),
                         mt_edge_to("1"),
                         mt_int(INT64_C(9007199254740993))};
    mt_sum seen[64];
    size_t count = 0;

    for (size_t i = 0; i < TEST_COUNT(values); i++) {
        for (uint64_t at = 1; at <= 2; at++) {
            mt_field field = field_of("f", values[i], at);
            mt_row row = {.uid = mt_str("u"), .fields = &field, .count = 1};
            seen[count++] = print_of(&row).living;
        }
    }
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < i; k++) CHECK(!mti_sum_equal(&seen[i], &seen[k]));
}

TEST(node_in_memory_has_the_sum_of_its_rows)
{
    mt_field fields[100];
    char names[100][8];
    mt_row row = {.uid = mt_str("ada"), .fields = fields, .floor = 3};
    mt_graph *graph;
    mti_print known, made;

    for (size_t i = 0; i < 100; i++) {
        snprintf(names[i], sizeof names[i], "n%02zu", i);
        fields[i] = field_of(names[i], mt_number((double)i), 4 + i);
        if (i % 7 == 0) fields[i].kind = MT_FIELD_DELETED;
    }
    CHECK(mt_graph_new(test_mem(), NULL, &graph) == MT_OK);
    for (row.count = 5; row.count <= 100; row.count += 95) {
        CHECK(mt_graph_merge_rows(graph, &row, 1, NULL) == MT_OK);
        known = print_of(&row);
        made = mti_print_node(&key, mt_graph_get(graph, mt_str("ada")));
        CHECK(memcmp(&known, &made, sizeof known) == 0);
    }
    mt_graph_free(graph);
}

TEST(sums_are_taken_away_as_they_were_added)
{
    mt_sum a = {UINT64_MAX, 1}, b = {5, UINT64_MAX}, sum = a;

    mti_sum_add(&sum, &b);
    CHECK(sum.lo == 4 && sum.hi == 1);
    mti_sum_subtract(&sum, &b);
    CHECK(mti_sum_equal(&sum, &a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hash_is_over_uid_state_kind_name_and_value),
        cmocka_unit_test(sum_is_that_of_its_parts),
        cmocka_unit_test(whatever_the_merge_rule_tells_apart_has_another_sum),
        cmocka_unit_test(node_in_memory_has_the_sum_of_its_rows),
        cmocka_unit_test(sums_are_taken_away_as_they_were_added),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
