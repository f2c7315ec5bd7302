/* Parts of a range, as they are written and read; where nodes of a table were; and into how many parts what
 * differs is divided. */
#include "sync/parts.h"
#include "sync/trail.h"
#include "test.h"

#include <stdio.h>
#include <string.h>

static const mt_bytes none = {NULL, 0};

/* ---- Parts ---- */

/* Reads bytes as parts from "b" to "x", at most two; what is wrong is left in `err`. */
static mt_status read_parts(const char *bytes, size_t len, mti_parts *out, mt_error *err)
{
    mti_parse in = mti_parse_of((mt_bytes){(const uint8_t *)bytes, len}, "parts", err);

    *err = (mt_error){.status = MT_OK};
    mti_parse_parts(&in, out, mt_str("b"), mt_str("x"), 1, 2);
    return mti_parse_end(&in);
}

TEST(parts_that_are_not_in_order_or_not_in_the_range_are_refused)
{
    static const struct {
        const char *bytes;
        size_t len;
        const char *text;
    } bad[] = {
        {"\x05", 1, "the number of bounds: more than there can be"},
        {"\x01", 1, "the number of bounds: more than there can be"},
        {"", 0, "the number of bounds: the message ends before it"},
        {"\x01\x20"
         "a"
         "p",
         4, "a bound: not behind the one before, or not in the range"},
        {"\x01\x20"
         "x"
         "p",
         4, "a bound: not behind the one before, or not in the range"},
        {"\x01\x21"
         "c",
         3, "a bound: not behind the one before, or not in the range"},
        {"\x02\x20"
         "d"
         "p\x20"
         "c"
         "p",
         7, "a bound: not behind the one before, or not in the range"},
        {"\x02\x20"
         "d"
         "p\x20"
         "d"
         "p",
         7, "a bound: not behind the one before, or not in the range"},
        {"\x01\x22"
         "d"
         "p",
         4, "a bound: longer than it can be"},
        {"\x01\x20"
         "d",
         3, "a print: the message ends within it"},
        {"\x01\x20", 2, "a bound: the message ends within it"},
        {"\x01\xe0", 2, "a bound: the message ends before it"},
        {"\x01\x1e", 2, "a bound: the message ends before it"},
        {"\x03\x20"
         "c"
         "p\x20"
         "d"
         "p\x20"
         "e"
         "p",
         10, "the number of parts: more than there can be"},
    };

    for (size_t i = 0; i < TEST_COUNT(bad); i++) {
        mti_parts parts;
        mt_error err;
        mti_parts_init(&parts, test_mem());
        CHECK(read_parts(bad[i].bytes, bad[i].len, &parts, &err) == MT_MALFORMED);
        if (!strstr(err.text, bad[i].text)) fail_msg("%zu: \"%s\"", i, err.text);
        mti_parts_free(&parts);
    }
}

TEST(parts_with_a_gap_between_them_are_read_as_they_were_written)
{
    mt_buf buf = {.mem = test_mem()};
    mti_say say = {.out = &buf};
    mti_parts parts, read;
    mt_error err;

    mti_parts_init(&parts, test_mem());
    mti_parts_init(&read, test_mem());
    CHECK(mti_parts_add(&parts, mt_str("b"), mt_str("d")) == MT_OK);
    CHECK(mti_parts_add(&parts, mt_str("e"), mt_str("g")) == MT_OK);
    mti_say_parts(&say, &parts, mt_str("x"), 1);
    CHECK(mti_say_end(&say) == MT_OK);
    CHECK(read_parts((const char *)buf.data, buf.len, &read, &err) == MT_OK);
    CHECK(read.count == 2);
    for (size_t i = 0; i < 2; i++) {
        CHECK(mt_bytes_equal(mti_part_first(&read, &read.at[i]),
                             mti_part_first(&parts, &parts.at[i])));
        CHECK(mt_bytes_equal(mti_part_end(&read, &read.at[i]), mti_part_end(&parts, &parts.at[i])));
    }
    mti_parts_free(&parts);
    mti_parts_free(&read);
    mt_buf_free(&buf);
}

TEST(prints_are_compared_as_far_as_they_are_long)
{
    mti_sip128 a = {1, 2}, low = {1, 2}, high = {1, 2};

    low.lo ^= (uint64_t)1 << 32;
    high.hi ^= (uint64_t)1 << 32;
    for (size_t len = 0; len <= 16; len++) {
        CHECK(mti_prints_same(a, low, len) == (len <= 4));
        CHECK(mti_prints_same(a, high, len) == (len <= 12));
    }
}

/* ---- Nodes with states ---- */

TEST(nodes_whose_uids_cannot_be_are_refused)
{
    static const struct {
        const char *bytes;
        size_t len;
        const char *text;
    } bad[] = {
        {"\x01\x01\x00\x00", 4, "a uid: longer than it can be, or empty"}, /* of nothing before */
        {"\x01\x00\x00\x00", 4, "a uid: longer than it can be, or empty"},
        {"\x02\x00\x01"
         "a\x00\x02\x00\x00",
         8, "a uid: longer than it can be, or empty"},
        {"\x01\x00\x05"
         "a",
         4, "a uid: the message ends within it"},
        {"\x01\x00\x01"
         "a",
         4, "a state: the message ends before it"},
        {"\x01\x00\x01"
         "a\x01",
         5, "a state: out of range"},
        {"\x09\x00", 2, "the number of nodes: more than there can be"},
        {"\xff\xff\x7f", 3, "the number of nodes: more than there can be"},
    };
    uint8_t text[600] = {2, 0, 200};

    for (size_t i = 0; i < TEST_COUNT(bad); i++) {
        mt_error err = {.status = MT_OK};
        mti_parse in =
            mti_parse_of((mt_bytes){(const uint8_t *)bad[i].bytes, bad[i].len}, "nodes", &err);
        mti_sends sends;
        mti_sends_init(&sends, test_mem());
        mti_parse_sends(&in, &sends);
        CHECK(mti_parse_end(&in) == MT_MALFORMED);
        if (!strstr(err.text, bad[i].text)) fail_msg("%zu: \"%s\"", i, err.text);
        mti_sends_free(&sends);
    }
    /* 200 bytes of the one before, and 100 more. */
    for (size_t len = 55; len <= 56; len++) {
        mt_error err = {.status = MT_OK};
        mti_parse in;
        mti_sends sends;
        size_t at = 4;
        text[3] = 1; /* 200 as a number: c8 01 */
        text[2] = 0xC8;
        for (size_t k = 0; k < 200; k++) text[at++] = 'a';
        text[at++] = 0;
        text[at++] = 0xC8;
        text[at++] = 1;
        text[at++] = (uint8_t)len;
        for (size_t k = 0; k < len; k++) text[at++] = 'b';
        text[at++] = 0;
        in = mti_parse_of((mt_bytes){text, at}, "nodes", &err);
        mti_sends_init(&sends, test_mem());
        mti_parse_sends(&in, &sends);
        CHECK((mti_parse_end(&in) == MT_OK) == (len == 55) && sends.count == (len == 55 ? 2 : 1));
        mti_sends_free(&sends);
    }
}

/* ---- Trails ---- */

typedef struct walk {
    mti_trail trail;
    mti_cells cells;
    mti_tag_key key;
    mti_parts parts, found;
    mti_key_map map;
} walk;

static void walk_begin(walk *w)
{
    memset(w, 0, sizeof *w);
    mti_trail_init(&w->trail, test_mem());
    mti_parts_init(&w->parts, test_mem());
    mti_parts_init(&w->found, test_mem());
    w->map.mem = test_mem();
    w->key = mti_tag_key_of(1, 2, 3, 4);
    CHECK(mti_cells_new(test_mem(), 16, w->key.table, &w->cells) == MT_OK);
}

static void walk_end(walk *w)
{
    mti_trail_free(&w->trail);
    mti_parts_free(&w->parts);
    mti_parts_free(&w->found);
    mti_key_map_free(&w->map);
    mti_cells_free(&w->cells);
}

/* Adds nodes of one piece, under the names "0000000" and so on. */
static void pass(walk *w, size_t first, size_t count)
{
    static char uids[128][16];
    mt_storage_item items[128];

    CHECK(count <= TEST_COUNT(items));
    for (size_t i = 0; i < count; i++) {
        snprintf(uids[i], sizeof uids[i], "%07zu", first + i);
        items[i] = (mt_storage_item){.uid = mt_str(uids[i]), .state_max = 5};
    }
    CHECK(mti_trail_code(&w->trail, &w->cells, &w->key, &w->parts, items, count) == MT_OK);
}

static void look_for(walk *w, const char *uid)
{
    uint64_t key = (uint32_t)mti_tag_uid(&w->key, mt_str(uid));

    CHECK(mti_key_map_put(&w->map, key + 1, 1) == MT_OK);
    CHECK(mti_trail_find(&w->trail, &w->parts, &w->map, &w->found) == MT_OK);
}

TEST(nodes_of_a_piece_that_spans_parts_are_found_in_theirs)
{
    walk w;

    walk_begin(&w);
    CHECK(mti_parts_add(&w.parts, none, mt_str("0000040")) == MT_OK);
    CHECK(mti_parts_add(&w.parts, mt_str("0000040"), mt_str("0000070")) == MT_OK);
    CHECK(mti_parts_add(&w.parts, mt_str("0000070"), none) == MT_OK);
    pass(&w, 30, 60);
    look_for(&w, "0000055");
    CHECK(w.found.count == 1);
    assert_memory_equal(mti_part_first(&w.found, w.found.at).data, "0000040", 7);
    assert_memory_equal(mti_part_end(&w.found, w.found.at).data, "0000070", 7);
    walk_end(&w);
}

TEST(of_more_nodes_than_are_kept_all_parts_are_looked_at)
{
    walk w;

    walk_begin(&w);
    CHECK(mti_parts_add(&w.parts, none, mt_str("0000040")) == MT_OK);
    CHECK(mti_parts_add(&w.parts, mt_str("0000040"), none) == MT_OK);
    for (size_t i = 0; i < MTI_TRAIL_MAX; i += 128) pass(&w, i, 128);
    CHECK(!w.trail.lost);
    look_for(&w, "0000055");
    CHECK(w.found.count == 1);
    pass(&w, MTI_TRAIL_MAX, 1);
    CHECK(w.trail.lost);
    mti_parts_clear(&w.found);
    look_for(&w, "0000055");
    CHECK(w.found.count == 2);
    walk_end(&w);
}

/* ---- Estimates ---- */

TEST(no_more_parts_are_asked_for_than_a_message_may_have)
{
    mti_seen seen = {.parts = 16, .open = 1, .nodes = 100000000, .expected = 90000000};

    CHECK(mti_seen_divide(&seen, false, false) == MTI_COMPARE_PARTS_MAX);
    seen.nodes = 36 * 100;
    CHECK(mti_seen_divide(&seen, false, false) <= 100);
}

TEST(small_parts_are_divided_once_more_only_where_there_are_very_many_nodes)
{
    mti_seen seen = {.parts = 100000, .open = 400, .nodes = 100000, .expected = 2000};

    CHECK(mti_seen_divide(&seen, true, true) == 0);
    CHECK(mti_seen_divide(&seen, true, false) == 0);
    seen.nodes = 2000000;
    CHECK(mti_seen_divide(&seen, true, true) > 0);
    CHECK(mti_seen_divide(&seen, true, false) == 0);
    seen.parts = 3000; /* fewer than twice what differs */
    CHECK(mti_seen_divide(&seen, true, false) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_that_are_not_in_order_or_not_in_the_range_are_refused),
        cmocka_unit_test(parts_with_a_gap_between_them_are_read_as_they_were_written),
        cmocka_unit_test(prints_are_compared_as_far_as_they_are_long),
        cmocka_unit_test(nodes_whose_uids_cannot_be_are_refused),
        cmocka_unit_test(nodes_of_a_piece_that_spans_parts_are_found_in_theirs),
        cmocka_unit_test(of_more_nodes_than_are_kept_all_parts_are_looked_at),
        cmocka_unit_test(no_more_parts_are_asked_for_than_a_message_may_have),
        cmocka_unit_test(small_parts_are_divided_once_more_only_where_there_are_very_many_nodes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
