/* Coded tables: what differs between two sets is found, and what cannot be is not made up. */
#include "sync/cells.h"
#include "sync/cells_place.h"
#include "test.h"
#include "test_guard.h"
#include "test_law.h"

#include <string.h>

#define PRIME MTI_F61_PRIME

static mti_cells table_of(size_t count, uint64_t seed)
{
    mti_cells cells;

    CHECK(mti_cells_new(test_mem(), count, seed, &cells) == MT_OK);
    return cells;
}

static void add(mti_cells *cells, uint64_t key, uint64_t value)
{
    mti_coded element = {key, value};

    mti_cells_add(cells, &element, 1);
}

/* Elements with keys `first`, `first` + 1 and so on. */
static void add_run(mti_cells *cells, uint64_t first, size_t count)
{
    for (size_t i = 0; i < count; i++) add(cells, first + i, 1000 + i);
}

static bool all_empty(const mti_cells *cells)
{
    for (size_t i = 0; i < cells->count; i++)
        if (mti_f61_reduce(cells->cells[i].s0) || mti_f61_reduce(cells->cells[i].s1)) return false;
    return true;
}

/* The value under a key, 0 if it is not there. */
static uint64_t value_of(const mti_difference *found, uint64_t key)
{
    for (size_t i = 0; i < found->count; i++)
        if (found->items[i].key == key) return found->items[i].value;
    return 0;
}

/* ---- Places ---- */

TEST(places_of_a_key_are_different_and_in_the_table)
{
    const size_t counts[] = {4, 5, 7, 40, 149, 150, 151, 165, 1000, MTI_CELLS_MAX};

    for (size_t k = 0; k < TEST_COUNT(counts); k++) {
        size_t in_many = 0;

        for (uint64_t key = 1; key <= 2000; key++) {
            mti_places p;
            mti_places_of(key, 7, counts[k], &p);
            CHECK(p.count == 16 || p.count == (counts[k] < 150 ? 4 : 3));
            in_many += p.count == 16;
            for (size_t i = 0; i < p.count; i++) {
                CHECK(p.at[i] < counts[k]);
                for (size_t j = 0; j < i; j++) CHECK(p.at[i] != p.at[j]);
            }
        }
        CHECK(counts[k] < 150 ? in_many == 0 : in_many > 150 && in_many < 290);
    }
}

/* Or peers on other machines would find nothing. */
TEST(places_are_what_they_always_were)
{
    const uint32_t few[] = {270, 353, 645}, small[] = {10, 32, 29, 20};
    const uint32_t many[] = {33,  104, 168, 194, 258, 321, 415, 483,
                             523, 594, 674, 693, 764, 873, 936, 983};
    mti_places p;

    mti_places_of(1, 8831, 1000, &p);
    assert_memory_equal(p.at, few, sizeof few);
    mti_places_of(10, 8831, 1000, &p);
    assert_memory_equal(p.at, many, sizeof many);
    mti_places_of(1, 8831, 40, &p);
    assert_memory_equal(p.at, small, sizeof small);
}

TEST(every_cell_is_some_elements_place)
{
    size_t held[200] = {0};

    for (uint64_t key = 1; key <= 20000; key++) {
        mti_places p;
        mti_places_of(key, 7, 200, &p);
        for (size_t i = 0; i < p.count; i++) held[p.at[i]]++;
    }
    /* 442 is the mean. Those in many leave out some cells, which hold 267. */
    for (size_t i = 0; i < 200; i++) CHECK(held[i] > 200 && held[i] < 600);
}

/* ---- Tables ---- */

TEST(equal_sets_decode_to_nothing)
{
    mti_cells ours = table_of(40, 1), theirs = table_of(40, 1);
    mti_difference found;

    add_run(&ours, 1, 5000);
    for (size_t i = 5000; i-- > 0;) add(&theirs, 1 + i, 1000 + i); /* in another order */
    mti_cells_subtract(&ours, &theirs);
    CHECK(mti_cells_decode(&ours, &found) == MT_OK);
    CHECK(found.count == 0);
    mti_difference_free(&found);
    mti_cells_free(&ours);
    mti_cells_free(&theirs);
}

TEST(each_differing_key_is_found_once)
{
    mti_cells ours = table_of(40, 2), theirs = table_of(40, 2);
    mti_difference found;

    add_run(&ours, 1, 1000);
    add_run(&theirs, 1, 1000);
    add(&ours, 5001, 70);
    add(&theirs, 5002, 80);
    add(&ours, 5003, 100);
    add(&theirs, 5003, 90);
    add(&ours, 5004, 90);
    add(&theirs, 5004, 100);
    mti_cells_subtract(&ours, &theirs);
    CHECK(mti_cells_decode(&ours, &found) == MT_OK);
    CHECK(found.count == 4);
    CHECK(value_of(&found, 5001) == 70);
    CHECK(value_of(&found, 5002) == PRIME - 80);
    CHECK(value_of(&found, 5003) == 10);
    CHECK(value_of(&found, 5004) == PRIME - 10);
    mti_difference_free(&found);
    mti_cells_free(&ours);
    mti_cells_free(&theirs);
}

TEST(largest_keys_and_values_are_found)
{
    mti_cells cells = table_of(20, 3);
    mti_difference found;

    add(&cells, MTI_CELLS_KEY_END - 1, PRIME - 1);
    add(&cells, 1, 1);
    add(&cells, 2, PRIME - 1);
    CHECK(mti_cells_decode(&cells, &found) == MT_OK && found.count == 3);
    CHECK(value_of(&found, MTI_CELLS_KEY_END - 1) == PRIME - 1);
    CHECK(value_of(&found, 1) == 1 && value_of(&found, 2) == PRIME - 1);
    mti_difference_free(&found);
    mti_cells_free(&cells);
}

TEST(elements_at_once_are_as_those_one_by_one)
{
    mti_coded elements[1000];
    mti_cells once = table_of(300, 4), each = table_of(300, 4);

    for (size_t i = 0; i < 1000; i++) elements[i] = (mti_coded){1 + i, PRIME - 1 - i};
    mti_cells_add(&once, elements, 1000);
    mti_cells_add(&once, elements, 0);
    for (size_t i = 0; i < 1000; i++) mti_cells_add(&each, &elements[i], 1);
    mti_cells_subtract(&once, &each);
    CHECK(all_empty(&once));
    mti_cells_free(&once);
    mti_cells_free(&each);
}

/* Elements may cancel in s0 alone: then the cell is neither empty nor pure. */
TEST(values_that_cancel_are_not_taken_for_nothing)
{
    mti_cells cells = table_of(MTI_CELLS_MIN, 5); /* all elements are in all of its cells */
    mti_difference found;

    add(&cells, 10, 70);
    add(&cells, 11, PRIME - 70);
    CHECK(mti_f61_reduce(cells.cells[0].s0) == 0);
    CHECK(mti_cells_decode(&cells, &found) == MT_AGAIN);
    CHECK(found.count == 0 && !all_empty(&cells));
    mti_difference_free(&found);
    mti_cells_free(&cells);
}

TEST(stuck_table_says_so_and_what_was_found_is_right)
{
    size_t some = 0;

    for (uint64_t seed = 0; seed < 50; seed++) {
        mti_cells cells = table_of(150, seed);
        mti_difference found;

        add_run(&cells, 1, 135);
        if (mti_cells_decode(&cells, &found) == MT_AGAIN) {
            some += found.count > 0;
            CHECK(found.count < 135 && !all_empty(&cells));
            for (size_t i = 0; i < found.count; i++) {
                mti_coded e = found.items[i];
                CHECK(e.key >= 1 && e.key <= 135 && e.value == 999 + e.key);
            }
            /* The rest is still there. */
            for (uint64_t key = 1; key <= 135; key++)
                if (!value_of(&found, key)) add(&cells, key, PRIME - (999 + key));
            CHECK(all_empty(&cells));
        }
        mti_difference_free(&found);
        mti_cells_free(&cells);
    }
    CHECK(some > 20);
}

TEST(stuck_table_tells_about_how_many_are_left)
{
    for (size_t differing = 1000; differing <= 1800; differing += 200) {
        mti_cells cells = table_of(1000, differing);
        mti_difference found;
        size_t left;

        add_run(&cells, 1, differing);
        CHECK(mti_cells_decode(&cells, &found) == MT_AGAIN);
        left = differing - found.count;
        CHECK(mti_cells_left(&cells) > left * 3 / 4 && mti_cells_left(&cells) < left * 3 / 2);
        mti_difference_free(&found);
        mti_cells_free(&cells);
    }
}

TEST(full_table_has_two_left_for_each_cell_and_empty_one_none)
{
    mti_cells cells = table_of(1000, 6);

    CHECK(mti_cells_left(&cells) == 0);
    add_run(&cells, 1, 20000);
    CHECK(mti_cells_left(&cells) == 2000);
    mti_cells_free(&cells);
}

TEST(more_that_differ_want_more_cells)
{
    size_t before = 0;

    for (size_t differing = 0; differing < 30000; differing++) {
        size_t count = mti_cells_count_for(differing);
        CHECK(count >= MTI_CELLS_MIN && count >= before && count > differing);
        before = count;
    }
    CHECK(mti_cells_count_for(900000) <= MTI_CELLS_MAX);
    CHECK(mti_cells_count_for(SIZE_MAX) > MTI_CELLS_MAX);
}

TEST(table_of_the_calculated_size_seldom_fails)
{
    const size_t sizes[] = {1, 2, 5, 20, 100, 500};

    for (size_t k = 0; k < TEST_COUNT(sizes); k++) {
        size_t times = TEST_AMOUNT(1000), failed = 0;

        for (uint64_t seed = 0; seed < times; seed++) {
            mti_cells cells = table_of(mti_cells_count_for(sizes[k]), seed);
            mti_difference found;
            add_run(&cells, 1, sizes[k]);
            failed += mti_cells_decode(&cells, &found) != MT_OK;
            mti_difference_free(&found);
            mti_cells_free(&cells);
        }
        CHECK(failed <= times / 50);
    }
}

TEST(table_of_no_such_size_is_refused)
{
    mti_cells cells = {0};

    CHECK(mti_cells_new(test_mem(), MTI_CELLS_MIN - 1, 1, &cells) == MT_INVALID);
    CHECK(mti_cells_new(test_mem(), (size_t)MTI_CELLS_MAX + 1, 1, &cells) == MT_INVALID);
    CHECK(mti_cells_new(test_mem(), SIZE_MAX, 1, &cells) == MT_INVALID);
    mti_cells_free(&cells);
}

/* ---- Bytes ---- */

TEST(table_that_was_sent_is_the_same)
{
    uint8_t bytes[40 * MTI_CELL_LEN], again[40 * MTI_CELL_LEN];
    mti_cells ours = table_of(40, 7), theirs = table_of(40, 7);

    add_run(&ours, 1, 30);
    add_run(&theirs, 77, 5);
    mti_cells_put(&ours, bytes);
    CHECK(mti_cells_get(&theirs, (mt_bytes){bytes, sizeof bytes}) == MT_OK);
    mti_cells_put(&theirs, again);
    assert_memory_equal(bytes, again, sizeof bytes);
    mti_cells_subtract(&ours, &theirs);
    CHECK(all_empty(&ours));
    mti_cells_free(&ours);
    mti_cells_free(&theirs);
}

TEST(words_are_written_lowest_byte_first)
{
    const uint8_t bytes[] = {3, 0, 0, 0, 0, 0, 0, 0, 219, 138, 99, 0, 0, 0, 0, 0};
    uint8_t out[4 * MTI_CELL_LEN];
    mti_cells cells = table_of(4, 8);

    add(&cells, 2, 3);
    mti_cells_put(&cells, out);
    for (size_t i = 0; i < 4; i++) assert_memory_equal(out + i * MTI_CELL_LEN, bytes, 16);
    mti_cells_free(&cells);
}

/* Sums that are p itself, before they are reduced. */
TEST(what_is_written_is_reduced)
{
    uint8_t out[4 * MTI_CELL_LEN];
    mti_cells cells = table_of(4, 9);

    add(&cells, 1, 1);
    add(&cells, 1, PRIME - 1);
    mti_cells_put(&cells, out);
    CHECK(mti_cells_get(&cells, (mt_bytes){out, sizeof out}) == MT_OK);
    for (size_t i = 0; i < sizeof out; i++) CHECK(out[i] == 0);
    mti_cells_free(&cells);
}

TEST(words_of_p_or_more_are_refused_and_change_nothing)
{
    test_guard guard = test_guard_new(256);
    uint8_t bytes[5 * MTI_CELL_LEN], after[5 * MTI_CELL_LEN];
    const uint64_t wrong[] = {PRIME, PRIME + 1, UINT64_C(1) << 63, UINT64_MAX};
    mti_cells cells = table_of(5, 10);

    add_run(&cells, 1, 9);
    for (size_t at = 0; at < sizeof bytes; at += 8) {
        for (size_t k = 0; k < TEST_COUNT(wrong); k++) {
            mt_bytes in = {bytes, sizeof bytes};
            memset(bytes, 0, sizeof bytes);
            mti_store_le64(wrong[k], bytes + at);
            mti_cells_put(&cells, after);
            CHECK(mti_cells_get(&cells, test_guard_put(&guard, in)) == MT_MALFORMED);
            mti_cells_put(&cells, bytes);
            assert_memory_equal(bytes, after, sizeof bytes);
        }
    }
    mti_cells_free(&cells);
    test_guard_free(&guard);
}

TEST(bytes_of_another_length_are_refused)
{
    uint8_t bytes[6 * MTI_CELL_LEN] = {0};
    mti_cells cells = table_of(5, 11);

    for (size_t len = 0; len <= sizeof bytes; len++) {
        mt_status st = mti_cells_get(&cells, (mt_bytes){bytes, len});
        CHECK(st == (len == 5 * MTI_CELL_LEN ? MT_OK : MT_MALFORMED));
    }
    mti_cells_free(&cells);
}

/* ---- What a peer may think up ---- */

/* A decoding ends, no key is found twice, and what was found is what is gone. */
static void decodes_as_it_must(mti_cells *cells)
{
    mti_cells copy = table_of(cells->count, cells->seed);
    mti_difference found;
    mt_status st;

    memcpy(copy.cells, cells->cells, cells->count * sizeof *cells->cells);
    st = mti_cells_decode(cells, &found);
    CHECK(found.count <= cells->count);
    CHECK(st == (all_empty(cells) ? MT_OK : MT_AGAIN));
    for (size_t i = 0; i < found.count; i++) {
        for (size_t k = 0; k < i; k++) CHECK(found.items[i].key != found.items[k].key);
        add(cells, found.items[i].key, found.items[i].value);
    }
    mti_cells_subtract(&copy, cells);
    CHECK(all_empty(&copy));
    mti_difference_free(&found);
    mti_cells_free(&copy);
}

/* Each cell by itself looks as if a key were alone in it, so that what is taken out of one cell appears
 * in others. */
TEST(table_in_which_all_cells_look_pure_ends)
{
    const size_t counts[] = {4, 8, 40, 160, 400};

    for (size_t k = 0; k < TEST_COUNT(counts); k++) {
        mti_cells cells = table_of(counts[k], k);

        for (uint64_t key = 1, filled = 0; filled < 4 * counts[k]; key++, filled++) {
            mti_places p;
            mti_places_of(key, k, counts[k], &p);
            cells.cells[p.at[key % p.count]] =
                (mti_coded_cell){filled + 1, mti_f61_mul(filled + 1, p.name)};
        }
        decodes_as_it_must(&cells);
        mti_cells_free(&cells);
    }
}

/* The cells of one key, all but one with another value: taking one out leaves the others pure again. */
TEST(key_is_not_found_a_second_time)
{
    for (size_t count = 8; count <= 400; count *= 7) {
        mti_cells cells = table_of(count, 12);
        mti_places p;

        mti_places_of(77, 12, count, &p);
        for (size_t i = 0; i < p.count; i++)
            cells.cells[p.at[i]] = (mti_coded_cell){5 + i, mti_f61_mul(5 + i, p.name)};
        decodes_as_it_must(&cells);
        CHECK(!all_empty(&cells));
        mti_cells_free(&cells);
    }
}

/* Fills a table of 4 cells as if a key were alone there by that name. */
static void names_are_not_found(uint64_t name)
{
    mti_cells cells = table_of(4, 13);
    mti_difference found;

    for (size_t i = 0; i < 4; i++) cells.cells[i] = (mti_coded_cell){1, name};
    CHECK(mti_cells_decode(&cells, &found) == MT_AGAIN && found.count == 0);
    mti_difference_free(&found);
    mti_cells_free(&cells);
}

TEST(keys_that_are_none_and_names_that_are_not_theirs_are_not_found)
{
    mti_places p;

    mti_places_of(0, 13, 4, &p);
    names_are_not_found(p.name);
    mti_places_of(MTI_CELLS_KEY_END, 13, 4, &p);
    names_are_not_found(p.name);
    mti_places_of(77, 13, 4, &p);
    names_are_not_found(p.name ^ 1);
    names_are_not_found(p.name ^ 1 << 19);
}

/* The mean of two keys is a key, but not by its name. */
TEST(elements_of_the_same_value_are_not_taken_for_one)
{
    for (uint64_t key = 1; key <= 1000; key++) {
        mti_cells cells = table_of(MTI_CELLS_MIN, key);
        mti_difference found;

        add(&cells, key, 70);
        add(&cells, key + 2, 70);
        CHECK(mti_cells_decode(&cells, &found) == MT_AGAIN && found.count == 0);
        mti_difference_free(&found);
        mti_cells_free(&cells);
    }
}

/* ---- Without memory ---- */

static mt_status differ_by_one(const mt_mem *mem, size_t *found_count)
{
    mti_cells ours = {0}, theirs = {0};
    mti_difference found = {0};
    mt_status st;

    if ((st = mti_cells_new(mem, 20, 14, &ours)) != MT_OK) goto done;
    if ((st = mti_cells_new(mem, 20, 14, &theirs)) != MT_OK) goto done;
    add_run(&ours, 1, 11);
    add_run(&theirs, 1, 10);
    mti_cells_subtract(&ours, &theirs);
    st = mti_cells_decode(&ours, &found);
    *found_count = found.count;
    if (st == MT_NO_MEMORY) CHECK(!all_empty(&ours) && !found.items);
done:
    mti_difference_free(&found);
    mti_cells_free(&theirs);
    mti_cells_free(&ours);
    return st;
}

TEST(failing_allocations_lose_nothing)
{
    for (size_t n = 0;; n++) {
        fail_mem fm = {.fail_at = n};
        size_t count = 0;
        mt_status st = differ_by_one(fail_mem_hook(&fm), &count);

        CHECK(fm.live_bytes == 0);
        CHECK(st == (fm.tripped ? MT_NO_MEMORY : MT_OK));
        CHECK(count == (fm.tripped ? 0 : 1));
        if (!fm.tripped) break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places_of_a_key_are_different_and_in_the_table),
        cmocka_unit_test(places_are_what_they_always_were),
        cmocka_unit_test(every_cell_is_some_elements_place),
        cmocka_unit_test(equal_sets_decode_to_nothing),
        cmocka_unit_test(each_differing_key_is_found_once),
        cmocka_unit_test(largest_keys_and_values_are_found),
        cmocka_unit_test(elements_at_once_are_as_those_one_by_one),
        cmocka_unit_test(values_that_cancel_are_not_taken_for_nothing),
        cmocka_unit_test(stuck_table_says_so_and_what_was_found_is_right),
        cmocka_unit_test(stuck_table_tells_about_how_many_are_left),
        cmocka_unit_test(full_table_has_two_left_for_each_cell_and_empty_one_none),
        cmocka_unit_test(more_that_differ_want_more_cells),
        cmocka_unit_test(table_of_the_calculated_size_seldom_fails),
        cmocka_unit_test(table_of_no_such_size_is_refused),
        cmocka_unit_test(table_that_was_sent_is_the_same),
        cmocka_unit_test(words_are_written_lowest_byte_first),
        cmocka_unit_test(what_is_written_is_reduced),
        cmocka_unit_test(words_of_p_or_more_are_refused_and_change_nothing),
        cmocka_unit_test(bytes_of_another_length_are_refused),
        cmocka_unit_test(table_in_which_all_cells_look_pure_ends),
        cmocka_unit_test(key_is_not_found_a_second_time),
        cmocka_unit_test(keys_that_are_none_and_names_that_are_not_theirs_are_not_found),
        cmocka_unit_test(elements_of_the_same_value_are_not_taken_for_one),
        cmocka_unit_test(failing_allocations_lose_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
