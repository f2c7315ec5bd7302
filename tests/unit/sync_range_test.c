/* Ranges: what of them can be, what two have in common, and how they are shown. */
#include "sync/range.h"
#include "test.h"

#include <stdlib.h>
#include <string.h>

static mti_range made(const mt_sync_range *asked)
{
    mti_range range;
    mt_error err;

    CHECK(mti_range_of(test_mem(), asked, &range, &err) == MT_OK);
    return range;
}

static mti_range between(const char *first, const char *end)
{
    return made(&(mt_sync_range){.first = mt_str(first), .end = mt_str(end)});
}

static mti_range prefixed(const char *prefix)
{
    return made(&(mt_sync_range){.prefix = mt_str(prefix)});
}

static mti_range listed(const char *a, const char *b)
{
    mt_bytes uids[2] = {mt_str(a), mt_str(b)};

    return made(&(mt_sync_range){.uids = uids, .uid_count = 2});
}

static void drop(mti_range *range)
{
    mti_range_free(test_mem(), range);
}

static void is_refused(const mt_sync_range *asked, mt_status status, const char *text)
{
    mti_range range;
    mt_error err;

    CHECK(mti_range_of(test_mem(), asked, &range, &err) == status);
    if (!strstr(err.text, text)) fail_msg("\"%s\", not \"%s\"", err.text, text);
    CHECK(!range.held);
}

TEST(range_that_cannot_be_is_refused_with_a_reason)
{
    uint8_t text[MT_UID_LEN_MAX + 1];
    mt_bytes uids[] = {mt_str("ada"), mt_str(""), mt_str("bob")}, longer = {text, sizeof text};
    mt_bytes *many = calloc(MTI_RANGE_UIDS_MAX + 1, sizeof *many);

    if (!many) abort();
    memset(text, 'x', sizeof text);
    is_refused(&(mt_sync_range){.uids = many, .uid_count = MTI_RANGE_UIDS_MAX + 1}, MT_TOO_LARGE,
               "10001 uids in a list, the limit is 10000");
    is_refused(&(mt_sync_range){.uids = uids, .uid_count = 3}, MT_INVALID, "uid");
    is_refused(&(mt_sync_range){.prefix = longer}, MT_INVALID, "more than any uid has");
    is_refused(&(mt_sync_range){.first = longer}, MT_INVALID, "more than any uid has");
    is_refused(&(mt_sync_range){.end = longer}, MT_INVALID, "more than any uid has");
    is_refused(&(mt_sync_range){.prefix = mt_str("a"), .end = mt_str("b")}, MT_INVALID,
               "a range has a prefix, or a first and an end, or uids");
    is_refused(&(mt_sync_range){.first = mt_str("b"), .end = mt_str("b")}, MT_INVALID,
               "a range ends where it begins, or before");
    free(many);
}

TEST(prefix_that_ends_with_the_highest_byte_goes_up_to_what_follows_it)
{
    mti_range range = prefixed("a\xff\xff"), all = prefixed("\xff");

    CHECK(range.end.len == 1 && range.end.data[0] == 'b');
    CHECK(mti_range_has(&range, mt_str("a\xff\xff z")) && !mti_range_has(&range, mt_str("b")));
    CHECK(mt_bytes_equal(mti_range_show(&range).prefix, mt_str("a\xff\xff")));
    CHECK(all.end.len == 0); /* nothing follows it */
    CHECK(mt_bytes_equal(mti_range_show(&all).prefix, mt_str("\xff")));
    drop(&range);
    drop(&all);
}

TEST(range_is_shown_as_a_prefix_only_if_it_is_one)
{
    static const char *const ends[] = {"notes1", "notet0", "notes00", ""};
    mti_range range = between("notes/", "notes0");

    CHECK(mt_bytes_equal(mti_range_show(&range).prefix, mt_str("notes/")));
    drop(&range);
    for (size_t i = 0; i < TEST_COUNT(ends); i++) {
        range = between("notes/", ends[i]);
        CHECK(mti_range_show(&range).prefix.len == 0);
        CHECK(mt_bytes_equal(mti_range_show(&range).first, mt_str("notes/")));
        CHECK(mt_bytes_equal(mti_range_show(&range).end, mt_str(ends[i])));
        drop(&range);
    }
}

static void has_prefix(mti_range range, const char *prefix)
{
    mt_bytes found = mti_range_prefix(&range);

    CHECK(mt_bytes_equal(found, mt_str(prefix)));
    drop(&range);
}

TEST(prefix_of_a_range_is_what_all_its_uids_begin_with)
{
    has_prefix(between("notes/", "notes0"), "notes/");
    has_prefix(between("notes/", "notes1"), "notes");
    has_prefix(between("notes/a", "notes0"), "notes");
    has_prefix(between("notes/", "notes00"), "notes");
    has_prefix(between("notes/a", "notes/b"), "notes/a");
    has_prefix(between("notes/a", ""), "");
    has_prefix(listed("notes/1", "notes/2"), "notes/");
    has_prefix(listed("notes", "notes/2"), "notes");
    has_prefix(listed("ada", "bob"), "");
}

TEST(range_is_within_another_as_far_as_bounds_tell)
{
    mti_range notes = prefixed("notes/"), some = prefixed("notes/a"), all = prefixed("");
    mti_range rest = between("notes/", ""), list = listed("notes/a", "notes/b");

    CHECK(mti_range_within(&some, &notes) && !mti_range_within(&notes, &some));
    CHECK(mti_range_within(&notes, &all) && !mti_range_within(&all, &notes));
    CHECK(mti_range_within(&notes, &rest) && !mti_range_within(&rest, &notes));
    CHECK(mti_range_within(&notes, &notes));
    CHECK(!mti_range_within(&list, &notes) && !mti_range_within(&notes, &list));
    drop(&notes);
    drop(&some);
    drop(&all);
    drop(&rest);
    drop(&list);
}

TEST(ranges_are_equal_if_they_have_the_same_bounds_or_uids)
{
    mti_range all[] = {prefixed("a"),    prefixed("b"),    between("a", "c"), between("a", ""),
                       listed("a", "b"), listed("a", "c"), listed("a", "a")};

    for (size_t i = 0; i < TEST_COUNT(all); i++)
        for (size_t k = 0; k < TEST_COUNT(all); k++)
            CHECK(mti_range_equal(&all[i], &all[k]) == (i == k));
    for (size_t i = 0; i < TEST_COUNT(all); i++) drop(&all[i]);
}

static mt_status make_each(const mt_mem *mem)
{
    mt_bytes uids[2] = {mt_str("notes/a"), mt_str("x")};
    mti_range list = {.held = NULL}, notes = list, common = list;
    mt_error err;
    bool empty = true;
    mt_status st = mti_range_of(mem, &(mt_sync_range){.uids = uids, .uid_count = 2}, &list, &err);

    if (st == MT_OK)
        st = mti_range_of(mem, &(mt_sync_range){.prefix = mt_str("notes/")}, &notes, &err);
    if (st == MT_OK) st = mti_range_common(mem, &notes, &list, &common, &empty);
    if (st == MT_OK) CHECK(!empty && common.uid_count == 1);
    mti_range_free(mem, &list);
    mti_range_free(mem, &notes);
    mti_range_free(mem, &common);
    return st;
}

TEST(ranges_say_that_there_is_no_memory)
{
    for (size_t at = 0;; at++) {
        fail_mem memory = {.fail_at = at};
        mt_status st = make_each(fail_mem_hook(&memory));
        CHECK(st == (memory.tripped ? MT_NO_MEMORY : MT_OK));
        CHECK(memory.live_bytes == 0);
        if (!memory.tripped) break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(range_that_cannot_be_is_refused_with_a_reason),
        cmocka_unit_test(prefix_that_ends_with_the_highest_byte_goes_up_to_what_follows_it),
        cmocka_unit_test(range_is_shown_as_a_prefix_only_if_it_is_one),
        cmocka_unit_test(prefix_of_a_range_is_what_all_its_uids_begin_with),
        cmocka_unit_test(range_is_within_another_as_far_as_bounds_tell),
        cmocka_unit_test(ranges_are_equal_if_they_have_the_same_bounds_or_uids),
        cmocka_unit_test(ranges_say_that_there_is_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
