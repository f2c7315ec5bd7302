#include "base/bytes.h"
#include "test.h"

TEST(a_c_string_loses_its_zero_byte)
{
    mt_bytes bytes = mt_str("abc");

    CHECK(bytes.len == 3);
    assert_memory_equal(bytes.data, "abc", 3);
    CHECK(mt_str("").len == 0);
    CHECK(mt_str(NULL).len == 0);
    CHECK(mt_str(NULL).data == NULL);
}

TEST(bytes_sort_by_unsigned_bytes_and_a_prefix_first)
{
    static const char *const sorted[] = {"", "A", "a", "aa", "ab", "b", "\x7f", "\x80", "\xff"};

    for (size_t i = 0; i < TEST_COUNT(sorted); i++) {
        for (size_t j = 0; j < TEST_COUNT(sorted); j++) {
            int order = mt_bytes_compare(mt_str(sorted[i]), mt_str(sorted[j]));

            CHECK((order < 0) == (i < j));
            CHECK((order > 0) == (i > j));
            CHECK(mt_bytes_equal(mt_str(sorted[i]), mt_str(sorted[j])) == (i == j));
        }
    }
}

TEST(zero_bytes_count)
{
    mt_bytes one = {(const uint8_t *)"a\0b", 3}, other = {(const uint8_t *)"a\0c", 3};

    CHECK(mt_bytes_compare(one, other) < 0);
    CHECK(!mt_bytes_equal(one, other));
}

TEST(an_empty_run_may_have_no_address)
{
    mt_bytes nothing = {NULL, 0};

    CHECK(mt_bytes_compare(nothing, mt_str("")) == 0);
    CHECK(mt_bytes_equal(nothing, mt_str("")));
    CHECK(mt_bytes_compare(nothing, mt_str("a")) < 0);
    CHECK(mt_bytes_compare(mt_str("a"), nothing) > 0);
}

TEST(a_buffer_keeps_what_was_appended)
{
    mt_buf buf = {.mem = test_mem()};
    uint8_t bytes[300];

    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t)i;
    for (size_t i = 0; i < sizeof bytes; i++) {
        CHECK(mti_buf_append(&buf, bytes, i) == MT_OK);
        CHECK(buf.len <= buf.cap);
    }
    CHECK(mt_buf_bytes(&buf).len == sizeof bytes * (sizeof bytes - 1) / 2);
    for (size_t i = 0, at = 0; i < sizeof bytes; at += i, i++) {
        assert_memory_equal(mt_buf_bytes(&buf).data + at, bytes, i);
    }
    mt_buf_free(&buf);
    CHECK(test_mem_live() == 0);
}

TEST(a_freed_buffer_is_empty_and_takes_more)
{
    mt_buf buf = {.mem = test_mem()};

    mt_buf_free(NULL);
    mt_buf_free(&buf);
    CHECK(mti_buf_append(&buf, "first", 5) == MT_OK);
    mt_buf_free(&buf);
    CHECK(buf.len == 0 && buf.cap == 0 && buf.data == NULL);
    CHECK(mti_buf_append(&buf, "second", 6) == MT_OK);
    CHECK(mt_bytes_equal(mt_buf_bytes(&buf), mt_str("second")));
    mt_buf_free(&buf);
    CHECK(test_mem_live() == 0);
}

TEST(reserved_room_is_not_taken_twice)
{
    mt_buf buf = {.mem = test_mem()};
    uint8_t *data;

    CHECK(mti_buf_reserve(&buf, 1000) == MT_OK);
    CHECK(buf.cap >= 1000 && buf.len == 0);
    data = buf.data;
    for (int i = 0; i < 100; i++) CHECK(mti_buf_append(&buf, "0123456789", 10) == MT_OK);
    CHECK(buf.data == data);
    mt_buf_free(&buf);
}

TEST(appending_without_memory_changes_nothing)
{
    for (size_t n = 0;; n++) {
        fail_mem fm = {.fail_at = n};
        mt_buf buf = {.mem = fail_mem_hook(&fm)};
        size_t appended = 0;
        mt_status st = MT_OK;

        while (appended < 1000 && (st = mti_buf_append(&buf, "ten bytes.", 10)) == MT_OK) {
            appended += 10;
        }
        CHECK(st == (fm.tripped ? MT_NO_MEMORY : MT_OK));
        CHECK(buf.len == appended);
        for (size_t i = 0; i < buf.len; i += 10)
            assert_memory_equal(buf.data + i, "ten bytes.", 10);
        mt_buf_free(&buf);
        CHECK(fm.live_bytes == 0);
        if (!fm.tripped) break;
    }
}

TEST(a_size_that_cannot_be_is_out_of_memory)
{
    mt_buf buf = {.mem = test_mem()};

    CHECK(mti_buf_append(&buf, "a", 1) == MT_OK);
    CHECK(mti_buf_reserve(&buf, SIZE_MAX) == MT_NO_MEMORY);
    CHECK(buf.len == 1 && buf.data[0] == 'a');
    mt_buf_free(&buf);
}

TEST(allocating_nothing_gives_nothing)
{
    void *ptr;

    CHECK(mti_mem_alloc(test_mem(), 0) == NULL);
    mti_mem_free(test_mem(), NULL, 0);
    ptr = mti_mem_alloc(test_mem(), 7);
    CHECK(ptr != NULL);
    CHECK(test_mem_live() == 7);
    mti_mem_free(test_mem(), ptr, 7);
    CHECK(test_mem_live() == 0);
}

TEST(sums_and_products_that_do_not_fit_are_told)
{
    size_t out;

    CHECK(mti_size_add(SIZE_MAX - 1, 1, &out) && out == SIZE_MAX);
    CHECK(!mti_size_add(SIZE_MAX, 1, &out));
    CHECK(mti_size_mul(SIZE_MAX / 2, 2, &out) && out == SIZE_MAX - 1);
    CHECK(!mti_size_mul(SIZE_MAX / 2 + 1, 2, &out));
    CHECK(mti_size_mul(0, SIZE_MAX, &out) && out == 0);
}

TEST(a_vector_keeps_its_items_as_it_grows)
{
    const mt_mem *mem = test_mem();
    uint32_t *items = NULL;
    size_t cap = 0;

    for (uint32_t i = 0; i < 1000; i++) {
        uint32_t *grown = mti_vector_reserve(mem, items, &cap, i + 1, sizeof *items);

        CHECK(grown != NULL && cap > i);
        items = grown;
        items[i] = i;
    }
    for (uint32_t i = 0; i < 1000; i++) CHECK(items[i] == i);
    mti_mem_free(mem, items, cap * sizeof *items);
    CHECK(test_mem_live() == 0);
}

TEST(a_vector_without_memory_is_as_it_was)
{
    fail_mem fm = {.fail_at = 1};
    const mt_mem *mem = fail_mem_hook(&fm);
    size_t cap = 0;
    uint64_t *items = mti_vector_reserve(mem, NULL, &cap, 3, sizeof *items);
    size_t room = cap;

    CHECK(items != NULL && room >= 3);
    items[2] = 42;
    CHECK(mti_vector_reserve(mem, items, &cap, room, sizeof *items) == items);
    CHECK(mti_vector_reserve(mem, items, &cap, room + 1, sizeof *items) == NULL);
    CHECK(fm.tripped && cap == room && items[2] == 42);
    CHECK(mti_vector_reserve(mem, items, &cap, SIZE_MAX / 4, sizeof *items) == NULL);
    CHECK(cap == room && items[2] == 42);
    mti_mem_free(mem, items, cap * sizeof *items);
    CHECK(fm.live_bytes == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_c_string_loses_its_zero_byte),
        cmocka_unit_test(bytes_sort_by_unsigned_bytes_and_a_prefix_first),
        cmocka_unit_test(zero_bytes_count),
        cmocka_unit_test(an_empty_run_may_have_no_address),
        cmocka_unit_test(a_buffer_keeps_what_was_appended),
        cmocka_unit_test(a_freed_buffer_is_empty_and_takes_more),
        cmocka_unit_test(reserved_room_is_not_taken_twice),
        cmocka_unit_test(appending_without_memory_changes_nothing),
        cmocka_unit_test(a_size_that_cannot_be_is_out_of_memory),
        cmocka_unit_test(allocating_nothing_gives_nothing),
        cmocka_unit_test(sums_and_products_that_do_not_fit_are_told),
        cmocka_unit_test(a_vector_keeps_its_items_as_it_grows),
        cmocka_unit_test(a_vector_without_memory_is_as_it_was),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
