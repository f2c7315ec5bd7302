/* Branches and large nodes: they are read, kept and edited field by field. */
#include "test.h"
#include "test_fork.h"
#include "test_notation.h"

#include <stdio.h>

/* ---- Large nodes ---- */

/* "big f00=0@1 f01=1@1 ..." */
static const char *big_node(char *out, size_t count, const char *state)
{
    size_t len = (size_t)sprintf(out, "big");

    for (size_t i = 0; i < count; i++)
        len += (size_t)sprintf(out + len, " f%02zu=%zu%s", i, i, state);
    return out;
}

TEST(field_of_a_large_node_is_read_alone)
{
    char text[2048];
    mt_handle *big;
    mt_field field;
    test_fork f;

    test_fork_stored(&f, big_node(text, 90, "@1"));
    f.s.ts.large = 8;
    big = test_hold_node(f.branch, "big");
    CHECK(mt_handle_get(big, mt_str("f07"), &field) == MT_NOT_LOADED);
    CHECK(mt_field_wait(big, mt_str("f07"), NULL, &field, NULL) == MT_OK);
    CHECK(field.value.as.number == 7);
    CHECK(mt_field_wait(big, mt_str("none"), NULL, &field, NULL) == MT_NOT_FOUND);
    CHECK(mt_handle_get(big, mt_str("f08"), &field) == MT_NOT_LOADED);
    test_heard_is(&f.s.ts.heard, "read(big) read(big:f07) read(big:none)");
    mt_handle_unref(big);
    test_fork_end(&f);
}

TEST(of_a_large_node_only_the_fields_that_change_are_kept)
{
    char text[2048];
    mt_handle *big;
    test_fork f;

    test_fork_stored(&f, big_node(text, 90, "@1"));
    f.s.ts.large = 8;
    test_write(f.source, "big f07='changed' new=1 f08=~");
    test_heard_is(&f.s.ts.heard, "read(big) read(big:f07:f08:new) write(big)");
    test_field_is(f.branch, "big", "f07", "7");
    test_field_is(f.branch, "big", "f08", "8");
    test_field_is(f.branch, "big", "f09", "9");
    test_field_is(f.branch, "big", "new", NULL);
    test_write(f.source, "big f09='changed' new=2");
    test_field_is(f.branch, "big", "f09", "9");
    test_field_is(f.branch, "big", "new", NULL);
    big = test_hold_node(f.branch, "big");
    CHECK(mt_fields_wait(big, NULL, 0, NULL) == MT_OK);
    assert_int_equal(mt_node_count(mt_handle_node(big)), 90);
    mt_handle_unref(big);
    test_fork_end(&f);
}

TEST(large_node_that_is_deleted_is_kept_as_it_was)
{
    char text[2048];
    mt_handle *big;
    test_fork f;

    test_fork_stored(&f, big_node(text, 90, "@1"));
    f.s.ts.large = 8;
    test_write(f.source, "big f07='changed' new=1");
    test_write(f.source, "!big f01='back'");
    test_write(f.source, "big f02='again'");
    test_field_is(f.branch, "big", "f07", "7");
    test_field_is(f.branch, "big", "new", NULL);
    test_field_is(f.branch, "big", "f01", "1");
    big = test_hold_node(f.branch, "big");
    CHECK(mt_fields_wait(big, NULL, 0, NULL) == MT_OK);
    assert_int_equal(mt_node_count(mt_handle_node(big)), 90);
    mt_handle_unref(big);
    test_fork_end(&f);
}

TEST(large_node_is_edited_by_its_fields)
{
    char text[2048];
    test_fork f;

    test_fork_stored(&f, big_node(text, 90, "@1"));
    f.s.ts.large = 8;
    test_write(f.branch, "big f07='mine' own=1 f08=~");
    test_heard_is(&f.s.ts.heard, "read(big) read(big:f07:f08:own)");
    test_edits_are(f.branch, "big f07='mine'@2 f08=~@2 own=1@1");
    test_write(f.source, "big f07='theirs' f10='theirs'");
    test_field_is(f.branch, "big", "f07", "\"mine\"");
    test_field_is(f.branch, "big", "f08", NULL);
    test_field_is(f.branch, "big", "f10", "10");
    test_field_is(f.branch, "big", "own", "1");
    test_commit_branch(f.source, f.branch);
    test_field_is(f.source, "big", "own", "1");
    test_field_is(f.source, "big", "f08", NULL);
    test_fork_end(&f);
}

TEST(large_node_that_a_branch_deletes_has_no_fields_left_there)
{
    char text[2048];
    test_fork f;

    test_fork_stored(&f, big_node(text, 90, "@1"));
    f.s.ts.large = 8;
    test_write(f.source, "big f05='theirs'");
    test_write(f.branch, "!big f07='mine'");
    test_edits_are(f.branch, "big^1 f07='mine'@2");
    test_read_is(f.branch, "big", "{\"f07\":\"mine\"}");
    test_field_is(f.source, "big", "f07", "7");
    test_commit_branch(f.source, f.branch);
    test_read_is(f.source, "big", "{\"f05\":\"theirs\",\"f07\":\"mine\"}");
    test_fork_end(&f);
}

TEST(large_node_that_was_kept_in_part_is_forgotten_whole)
{
    mt_bytes big = mt_str("big");
    char text[2048];
    test_fork f;

    test_fork_stored(&f, big_node(text, 90, "@1"));
    f.s.ts.large = 8;
    test_write(f.source, "big f07='changed'");
    CHECK(mt_forget_wait(f.source, &big, 1, NULL) == MT_OK);
    test_field_is(f.branch, "big", "f07", "7");
    test_field_is(f.branch, "big", "f08", "8");
    test_fork_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(field_of_a_large_node_is_read_alone),
        cmocka_unit_test(of_a_large_node_only_the_fields_that_change_are_kept),
        cmocka_unit_test(large_node_that_is_deleted_is_kept_as_it_was),
        cmocka_unit_test(large_node_is_edited_by_its_fields),
        cmocka_unit_test(large_node_that_a_branch_deletes_has_no_fields_left_there),
        cmocka_unit_test(large_node_that_was_kept_in_part_is_forgotten_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
