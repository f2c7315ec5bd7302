/* Limits as a handle keeps them. */
#include "crdt/limits.h"
#include "test.h"

TEST(no_limits_are_the_defaults)
{
    mt_limits copy = mti_limits_copy(NULL), defaults;

    mt_limits_init(&defaults);
    CHECK(copy.value_len_max == 256 * 1024 && copy.value_len_max == defaults.value_len_max);
    CHECK(copy.frame_len_max == 1024 * 1024 && copy.frame_len_max == defaults.frame_len_max);
    CHECK(copy.block_len_max == 4096 * 1024 && copy.block_len_max == defaults.block_len_max);
    CHECK(copy.expand_max == 64 && copy.expand_max == defaults.expand_max);
    CHECK(copy.size == sizeof copy);
}

TEST(a_member_that_is_0_stands_for_its_default)
{
    mt_limits given = {.size = sizeof given, .frame_len_max = 1000};
    mt_limits copy = mti_limits_copy(&given);

    CHECK(copy.frame_len_max == 1000 && copy.value_len_max == 256 * 1024);
}

TEST(members_behind_the_size_stand_for_their_defaults)
{
    mt_limits given = {.size = offsetof(mt_limits, frame_len_max), .value_len_max = 7};
    mt_limits copy;

    given.frame_len_max = 1;
    copy = mti_limits_copy(&given);
    CHECK(copy.value_len_max == 7 && copy.frame_len_max == 1024 * 1024);
}

TEST(a_value_never_has_more_than_1_gib)
{
    mt_limits given = {.size = sizeof given, .value_len_max = SIZE_MAX};

    CHECK(mti_limits_copy(&given).value_len_max == (size_t)1 << 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_limits_are_the_defaults),
        cmocka_unit_test(a_member_that_is_0_stands_for_its_default),
        cmocka_unit_test(members_behind_the_size_stand_for_their_defaults),
        cmocka_unit_test(a_value_never_has_more_than_1_gib),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
