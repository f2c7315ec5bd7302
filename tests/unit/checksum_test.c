#include "base/checksum.h"
#include "test.h"
#include <string.h>

#define PRIME32 UINT64_C(0x9E3779B1)

/* The bytes that xxHash's own tests sum up. */
static void fill(uint8_t *out, size_t len)
{
    uint64_t word = PRIME32;

    for (size_t i = 0; i < len; i++) {
        out[i] = (uint8_t)(word >> 56);
        word *= UINT64_C(0x9E3779B185EBCA8D);
    }
}

TEST(published_values_are_met)
{
    static const struct {
        size_t len;
        uint64_t seed;
        uint64_t sum;
    } cases[] = {
        {0, 0, 0xEF46DB3751D8E999},           {0, PRIME32, 0xAC75FDA2929B17EF},
        {0, UINT64_MAX, 0x298F4C84B24F5380},  {1, 0, 0xE934A84ADB052768},
        {1, PRIME32, 0x5014607643A9B4C3},     {1, UINT64_MAX, 0x8BA3328805E37C90},
        {4, 0, 0x9136A0DCA57457EE},           {4, PRIME32, 0xCAAB286BD8E9FDB5},
        {7, 0, 0x6C83909A9F01ED25},           {7, PRIME32, 0xF98D03B1AD6F9293},
        {8, 0, 0xCDBCF538E71D1348},           {8, UINT64_MAX, 0x568E81B1596E8283},
        {14, 0, 0x8282DCC4994E35C8},          {14, PRIME32, 0xC3BD6BF63DEB6DF0},
        {31, 0, 0x299B39A290E6D783},          {31, PRIME32, 0xDA673D5FEB5C1D79},
        {32, 0, 0x18B216492BB44B70},          {32, PRIME32, 0xB3F33BDF93ADE409},
        {32, UINT64_MAX, 0x3A793D9020113C2A}, {33, 0, 0x55C8DC3E578F5B59},
        {63, 0, 0xA9EFBE0FA0F3F4E7},          {63, UINT64_MAX, 0x93B7C9E8CE6DE24C},
        {222, 0, 0xB641AE8CB691C174},         {222, PRIME32, 0x20CB8AB7AE10C14A},
        {300, 0, 0x27D0E073EC12824F},         {300, UINT64_MAX, 0x670A297DBD37F4FD},
    };
    uint8_t data[300];

    fill(data, sizeof data);
    for (size_t i = 0; i < TEST_COUNT(cases); i++) {
        uint64_t sum = mti_checksum((mt_bytes){data, cases[i].len}, cases[i].seed);

        if (sum != cases[i].sum)
            fail_msg("%zu bytes give %llx", cases[i].len, (unsigned long long)sum);
    }
}

TEST(words_have_their_known_sums)
{
    CHECK(mti_checksum(mt_str("a"), 0) == 0xD24EC4F1A98C6E5B);
    CHECK(mti_checksum(mt_str("abc"), 0) == 0x44BC2CF5AD770999);
    CHECK(mti_checksum(mt_str("message digest"), 0) == 0x066ED728FCEEB3BE);
    CHECK(mti_checksum(mt_str("Nobody inspects the spammish repetition"), 0) == 0xFBCEA83C8A378BF1);
}

TEST(nothing_may_have_no_address)
{
    CHECK(mti_checksum((mt_bytes){NULL, 0}, 0) == 0xEF46DB3751D8E999);
}

TEST(the_short_sum_is_the_low_half)
{
    CHECK(mti_checksum32(mt_str("abc"), 0) == 0xAD770999);
    CHECK(mti_checksum32(mt_str("abc"), 7) == (uint32_t)mti_checksum(mt_str("abc"), 7));
}

TEST(alignment_does_not_matter)
{
    uint8_t data[80], moved[96];

    fill(data, sizeof data);
    for (size_t by = 0; by < 16; by++) {
        memcpy(moved + by, data, sizeof data);
        CHECK(mti_checksum((mt_bytes){moved + by, sizeof data}, 3) ==
              mti_checksum((mt_bytes){data, sizeof data}, 3));
    }
}

TEST(every_bit_counts)
{
    uint8_t data[70];
    uint64_t sum;

    fill(data, sizeof data);
    sum = mti_checksum((mt_bytes){data, sizeof data}, 0);
    for (size_t bit = 0; bit < 8 * sizeof data; bit++) {
        data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        CHECK(mti_checksum((mt_bytes){data, sizeof data}, 0) != sum);
        data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    CHECK(mti_checksum((mt_bytes){data, sizeof data}, 0) == sum);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_values_are_met),
        cmocka_unit_test(words_have_their_known_sums),
        cmocka_unit_test(nothing_may_have_no_address),
        cmocka_unit_test(the_short_sum_is_the_low_half),
        cmocka_unit_test(alignment_does_not_matter),
        cmocka_unit_test(every_bit_counts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
