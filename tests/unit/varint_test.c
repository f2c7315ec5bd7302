#include "base/varint.h"
#include "test.h"
#include <string.h>

/* Reads from a block of exactly `len` bytes. */
static int get(const uint8_t *bytes, size_t len, uint64_t *number)
{
    return mti_varint_get(bytes, bytes + len, number);
}

static void check_round_trip(uint64_t number, size_t len)
{
    uint8_t bytes[MTI_VARINT_LEN_MAX];
    size_t written = (size_t)(mti_varint_put(bytes, number) - bytes);
    uint64_t read;

    CHECK(written == len);
    CHECK(get(bytes, written, &read) == (int)written);
    CHECK(read == number);
    for (size_t cut = 0; cut < written; cut++)
        CHECK(get(bytes, cut, &read) == MTI_VARINT_CUT && read == 0);
}

TEST(numbers_take_a_byte_for_each_seven_bits)
{
    check_round_trip(0, 1);
    check_round_trip(UINT64_MAX, 10);
    for (unsigned bits = 1; bits < 64; bits++) {
        uint64_t number = UINT64_C(1) << bits;

        check_round_trip(number - 1, (bits + 6) / 7);
        check_round_trip(number, bits / 7 + 1);
    }
}

TEST(random_numbers_read_back)
{
    test_rng rng = test_rng_new(1);

    for (int i = 0; i < 100000; i++) {
        uint64_t number = test_rng_next(&rng) >> test_rng_below(&rng, 64), read;
        uint8_t bytes[MTI_VARINT_LEN_MAX];
        uint8_t *end = mti_varint_put(bytes, number);

        CHECK(mti_varint_get(bytes, end, &read) == end - bytes && read == number);
    }
}

TEST(no_bytes_may_be_nowhere)
{
    uint64_t number = 1;

    CHECK(mti_varint_get(NULL, NULL, &number) == MTI_VARINT_CUT && number == 0);
}

TEST(longer_forms_are_refused)
{
    const uint8_t zero[] = {0x80, 0x00}, one[] = {0x81, 0x80, 0x00};
    uint64_t number;

    CHECK(get(zero, sizeof zero, &number) == MTI_VARINT_BAD);
    CHECK(get(one, sizeof one, &number) == MTI_VARINT_BAD);
}

TEST(more_than_64_bits_are_refused)
{
    uint8_t bytes[11];
    uint64_t number;

    memset(bytes, 0xFF, sizeof bytes);
    CHECK(get(bytes, 11, &number) == MTI_VARINT_BAD);
    CHECK(get(bytes, 9, &number) == MTI_VARINT_CUT);
    bytes[9] = 0x01;
    CHECK(get(bytes, 10, &number) == 10 && number == UINT64_MAX);
    bytes[9] = 0x02;
    CHECK(get(bytes, 10, &number) == MTI_VARINT_BAD);
    bytes[9] = 0x81;
    CHECK(get(bytes, 11, &number) == MTI_VARINT_BAD);
}

TEST(small_differences_of_either_sign_are_small_numbers)
{
    CHECK(mti_zigzag(0) == 0);
    CHECK(mti_zigzag(UINT64_MAX) == 1);
    CHECK(mti_zigzag(1) == 2);
    CHECK(mti_zigzag(UINT64_MAX - 1) == 3);
    CHECK(mti_zigzag(UINT64_C(1) << 63) == UINT64_MAX);
    for (int i = 0; i < 64; i++) {
        uint64_t difference = UINT64_C(1) << i;

        CHECK(mti_unzigzag(mti_zigzag(difference)) == difference);
        CHECK(mti_unzigzag(mti_zigzag(0 - difference)) == 0 - difference);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_take_a_byte_for_each_seven_bits),
        cmocka_unit_test(random_numbers_read_back),
        cmocka_unit_test(no_bytes_may_be_nowhere),
        cmocka_unit_test(longer_forms_are_refused),
        cmocka_unit_test(more_than_64_bits_are_refused),
        cmocka_unit_test(small_differences_of_either_sign_are_small_numbers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
