/* Numbers to pointers, against an array of what is in. */
#include "base/map.h"
#include "test.h"

#define KEYS 500

TEST(what_was_put_is_found_until_it_is_taken)
{
    static char in[KEYS + 1];
    mti_map map = {.mem = test_mem()};
    test_rng rng = test_rng_new(1);
    size_t live = 0;

    for (size_t step = 0; step < 200000; step++) {
        uint64_t key = 1 + test_rng_below(&rng, KEYS);
        if (in[key]) {
            CHECK(mti_map_take(&map, key) == &in[key]);
            in[key] = 0;
            live--;
        } else {
            CHECK(mti_map_put(&map, key, &in[key]) == MT_OK);
            in[key] = 1;
            live++;
        }
        CHECK(map.count == live);
        key = 1 + test_rng_below(&rng, KEYS);
        CHECK(mti_map_get(&map, key) == (in[key] ? &in[key] : NULL));
    }
    CHECK((mti_map_any(&map) != NULL) == (live > 0));
    mti_map_free(&map);
    assert_int_equal(test_mem_live(), 0);
}

TEST(nothing_is_in_an_empty_map)
{
    mti_map map = {.mem = test_mem()};

    CHECK(mti_map_get(&map, 1) == NULL);
    CHECK(mti_map_take(&map, 1) == NULL);
    CHECK(mti_map_any(&map) == NULL);
    mti_map_free(&map);
}

TEST(map_without_memory_holds_what_it_held)
{
    fail_mem fm = {.fail_at = 1};
    mti_map map = {.mem = fail_mem_hook(&fm)};
    uint64_t key = 1;
    int value;

    while (mti_map_put(&map, key, &value) == MT_OK) key++;
    CHECK(fm.tripped && map.count == key - 1);
    for (uint64_t k = 1; k < key; k++) CHECK(mti_map_get(&map, k) == &value);
    CHECK(mti_map_get(&map, key) == NULL);
    mti_map_free(&map);
    CHECK(fm.live_bytes == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_put_is_found_until_it_is_taken),
        cmocka_unit_test(nothing_is_in_an_empty_map),
        cmocka_unit_test(map_without_memory_holds_what_it_held),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
