/* Numbers modulo 2^61 - 1, against sums and remainders. */
#include "sync/field61.h"
#include "test.h"

#define PRIME MTI_F61_PRIME

/* By adding and doubling. */
static uint64_t slow_product(uint64_t a, uint64_t b)
{
    uint64_t product = 0;

    for (; b > 0; b >>= 1, a = 2 * a % PRIME)
        if (b & 1) product = (product + a) % PRIME;
    return product;
}

TEST(numbers_are_those_of_the_field)
{
    const uint64_t edges[] = {0, 1, 2, 8, (UINT64_C(1) << 60), PRIME - 2, PRIME - 1};
    test_rng rng = test_rng_new(61);

    for (size_t i = 0; i < 2000; i++) {
        uint64_t a = i < 49 ? edges[i / 7] : test_rng_below(&rng, PRIME);
        uint64_t b = i < 49 ? edges[i % 7] : test_rng_below(&rng, PRIME);

        CHECK(mti_f61_mul(a, b) == slow_product(a, b));
        CHECK(mti_f61_add(a, b) == (a + b) % PRIME);
        CHECK(mti_f61_sub(a, b) == (a + PRIME - b) % PRIME);
        CHECK(mti_f61_mul_loose(a, b) % PRIME == slow_product(a, b));
        if (a) CHECK(mti_f61_mul(a, mti_f61_inverse(a)) == 1);
    }
}

TEST(any_word_is_reduced)
{
    const uint64_t words[] = {0, PRIME - 1, PRIME, PRIME + 1, 2 * PRIME, 7 * PRIME + 5, UINT64_MAX};

    for (size_t i = 0; i < TEST_COUNT(words); i++) {
        CHECK(mti_f61_reduce(words[i]) == words[i] % PRIME);
        CHECK(mti_f61_fold(words[i]) <= PRIME + 7 &&
              mti_f61_fold(words[i]) % PRIME == words[i] % PRIME);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_those_of_the_field),
        cmocka_unit_test(any_word_is_reduced),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
