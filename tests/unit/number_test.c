/* number_test.c - numbers as text, checked against the C library's own reading and writing, which
 * is exact, and against values that ECMAScript engines print. */
#include "base/number.h"
#include "base/pow10.h"
#include "test.h"
#include <fenv.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Doubles and their bits ---- */

static uint64_t bits_of(double number)
{
    uint64_t bits;

    memcpy(&bits, &number, sizeof bits);
    return bits;
}

static double double_of(uint64_t bits)
{
    double number;

    memcpy(&number, &bits, sizeof number);
    return number;
}

static double parse(const char *text)
{
    double number = -1;

    CHECK(mti_number_parse(mt_str(text), &number) == strlen(text));
    return number;
}

/* Reads `text` and compares with the bits of `expected`; -0 is expected to be 0. */
static void check_parse(const char *text, double expected)
{
    double number = parse(text);

    if (expected == 0) expected = 0;
    if (bits_of(number) != bits_of(expected)) {
        fail_msg("%s reads as %.17g, not %.17g", text, number, expected);
    }
}

/* Writes a number, checks that it fits, and ends it with a zero byte. */
static size_t format(double number, char text[MTI_NUMBER_TEXT_MAX + 1])
{
    size_t len;

    text[MTI_NUMBER_TEXT_MAX] = '!';
    len = mti_number_format(number, text);
    CHECK(len >= 1 && len <= MTI_NUMBER_TEXT_MAX);
    CHECK(text[MTI_NUMBER_TEXT_MAX] == '!');
    text[len] = 0;
    return len;
}

static void check_round_trip(double number)
{
    char text[MTI_NUMBER_TEXT_MAX + 1];
    size_t len = format(number, text);
    double by_library = strtod(text, NULL), read = -1;

    if (by_library != number) fail_msg("%.17g is written as %s", number, text);
    if (mti_number_parse((mt_bytes){(const uint8_t *)text, len}, &read) != len || read != number) {
        fail_msg("%s is read as %.17g", text, read);
    }
}

/* ---- Random doubles of many kinds ---- */

enum { KINDS = 8 };

static double random_double(test_rng *rng, int kind)
{
    uint64_t word = test_rng_next(rng), high = word >> 40;
    double number;

    switch (kind) {
    case 0: /* any bits, but for infinities and NaN */
        return isfinite(double_of(word)) ? double_of(word) : 0;
    case 1: /* few digits and a small exponent, either way of making it */
        number = (double)(word % 100000);
        return high % 2 ? number / pow(10, (double)(high % 23))
                        : number * pow(10, (double)(high % 23));
    case 2: /* powers of two and their neighbours */
        return double_of(((word % 2047) << 52) + high % 5 - (word % 2047 ? 2 : 0));
    case 3: /* subnormals */ return double_of(word >> (12 + high % 52));
    case 4: /* integers */ number = (double)(word >> high % 64); return word % 2 ? -number : number;
    case 5: /* halves, quarters, eighths */
        return (double)(word >> (11 + high % 40)) / (double)(1 << (1 + high % 3));
    case 6: /* fractions of one */ return (double)(word >> 11) * 0x1p-53;
    default: /* money, degrees, seconds */
        return (double)(word % 1000000000) / (double[]){10, 100, 1000, 1e6}[high % 4];
    }
}

TEST(what_is_written_reads_back_as_the_same_double)
{
    test_rng rng = test_rng_new(3);

    for (int i = 0; i < 5000000; i++) check_round_trip(random_double(&rng, i % KINDS));
}

TEST(all_powers_of_two_and_ten_and_their_neighbours_read_back)
{
    for (uint64_t biased = 0; biased < 2047; biased++) {
        for (uint64_t offset = 0; offset < 5; offset++) {
            uint64_t bits = (biased << 52) + offset - (biased ? 2 : 0);

            check_round_trip(double_of(bits));
            check_round_trip(-double_of(bits));
        }
    }
    for (int exponent = -323; exponent <= 308; exponent++) {
        char text[16];
        uint64_t bits;

        (void)snprintf(text, sizeof text, "1e%d", exponent);
        check_parse(text, strtod(text, NULL));
        bits = bits_of(strtod(text, NULL));
        for (uint64_t offset = 0; offset < 5 && bits > 2; offset++) {
            check_round_trip(double_of(bits + offset - 2));
        }
    }
}

/* ---- The shortest text ---- */

/* Whether `digits`, as one integer, times 10^exponent reads as `number`. */
static bool reads_as(uint64_t digits, int exponent, double number)
{
    char text[40];

    (void)snprintf(text, sizeof text, "%" PRIu64 "e%d", digits, exponent);
    return strtod(text, NULL) == number;
}

/* The fewest digits that read as the positive `number`, and of those the closest: for each count of
 * digits, the C library's rounding first and then its neighbours, of which one lies on the other
 * side of the number. (Just above a power of two the closest may be out where the other is not.) */
static int shortest_digits(double number, uint64_t *digits)
{
    for (int count = 1; count <= 17; count++) {
        char text[40], plain[20];
        int exponent;

        (void)snprintf(text, sizeof text, "%.*e", count - 1, number);
        exponent = (int)strtol(strchr(text, 'e') + 1, NULL, 10) - (count - 1);
        (void)snprintf(plain, sizeof plain, "%c%.*s", text[0], count - 1, text + 2);
        *digits = strtoull(plain, NULL, 10);
        if (reads_as(*digits, exponent, number)) return exponent;
        if (reads_as(++*digits, exponent, number)) return exponent;
        *digits -= 2;
        if (reads_as(*digits, exponent, number)) return exponent;
    }
    fail_msg("%.17g has no text", number);
    return 0;
}

/* As section 6.1.6.1.20 of ECMA-262 says, step by step. */
static void ecmascript_text(double number, char *out)
{
    char digits[32];
    uint64_t value;
    int exponent, k, n;

    if (number < 0) *out++ = '-';
    exponent = shortest_digits(fabs(number), &value);
    for (; value % 10 == 0; value /= 10) exponent++;
    k = snprintf(digits, sizeof digits, "%" PRIu64, value);
    n = k + exponent;
    if (k <= n && n <= 21) {
        (void)sprintf(out, "%s%.*s", digits, n - k, "000000000000000000000");
    } else if (0 < n && n <= 21) {
        (void)sprintf(out, "%.*s.%s", n, digits, digits + n);
    } else if (-6 < n && n <= 0) {
        (void)sprintf(out, "0.%.*s%s", -n, "000000", digits);
    } else {
        (void)sprintf(out, "%c%s%se%c%d", digits[0], k > 1 ? "." : "", digits + 1,
                      n < 1 ? '-' : '+', abs(n - 1));
    }
}

TEST(the_text_is_the_shortest_and_of_those_the_closest)
{
    test_rng rng = test_rng_new(4);

    for (int i = 0; i < 100000; i++) {
        double number = random_double(&rng, i % KINDS);
        char text[MTI_NUMBER_TEXT_MAX + 1], expected[64];

        if (number == 0) continue;
        (void)format(number, text);
        ecmascript_text(number, expected);
        if (strcmp(text, expected) != 0) fail_msg("%.17g is %s, not %s", number, expected, text);
    }
}

/* What node prints. */
static const struct {
    double number;
    const char *text;
} ecmascript[] = {
    {0.0, "0"},
    {-0.0, "0"},
    {1.0, "1"},
    {-1.0, "-1"},
    {10.0, "10"},
    {0.1, "0.1"},
    {0.3, "0.3"},
    {0.5, "0.5"},
    {-1.5, "-1.5"},
    {0.1 + 0.2, "0.30000000000000004"},
    {1.0 / 3, "0.3333333333333333"},
    {2.0 / 3, "0.6666666666666666"},
    {100.0 / 3, "33.333333333333336"},
    {3.141592653589793, "3.141592653589793"},
    {123456.789, "123456.789"},
    {99999999.0, "99999999"},
    {100000000.0, "100000000"},
    {4294967296.0, "4294967296"},
    {1000000000000000.3, "1000000000000000.2"},
    {9007199254740991.0, "9007199254740991"},
    {9007199254740992.0, "9007199254740992"},
    {9007199254740994.0, "9007199254740994"},
    {-9007199254740992.0, "-9007199254740992"},
    {9999999999999999.0, "10000000000000000"},
    {10000000000000002.0, "10000000000000002"},
    {12300000000000000000.0, "12300000000000000000"},
    {20919495182368195000.0, "20919495182368195000"},
    {26153245263757308000.0, "26153245263757308000"},
    {123456789012345680000.0, "123456789012345680000"},
    {100000000000000000000.0, "100000000000000000000"},
    {999999999999999900000.0, "999999999999999900000"},
    {1e21, "1e+21"},
    {1.1e21, "1.1e+21"},
    {1e22, "1e+22"},
    {1e23, "1e+23"},
    {0x1p70, "1.1805916207174113e+21"},
    {0x1p100, "1.2676506002282294e+30"},
    {5.764607523034235e39, "5.764607523034235e+39"},
    {1e100 / 3, "3.333333333333333e+99"},
    {1.5e300, "1.5e+300"},
    {0x1p1023, "8.98846567431158e+307"},
    {1.7976931348623157e308, "1.7976931348623157e+308"},
    {-1.7976931348623157e308, "-1.7976931348623157e+308"},
    {0.00001, "0.00001"},
    {0.000001, "0.000001"},
    {0.0000012345678901234567, "0.0000012345678901234567"},
    {-0.0000012345678901234567, "-0.0000012345678901234567"},
    {9.5367431640625e-7, "9.5367431640625e-7"},
    {1e-7, "1e-7"},
    {1.5e-7, "1.5e-7"},
    {0x1p-44, "5.684341886080802e-14"},
    {2.220446049250313e-16, "2.220446049250313e-16"},
    {1.23e-18, "1.23e-18"},
    {1e-300, "1e-300"},
    {7.120236347223045e-307, "7.120236347223045e-307"},
    {4.4501477170144023e-308, "4.4501477170144023e-308"},
    {2.2250738585072014e-308, "2.2250738585072014e-308"},
    {2.225073858507201e-308, "2.225073858507201e-308"},
    {1.8557973e-315, "1.8557973e-315"},
    {1.2e-322, "1.2e-322"},
    {5e-323, "5e-323"},
    {2e-323, "2e-323"},
    {1.5e-323, "1.5e-323"},
    {5e-324, "5e-324"},
};

TEST(texts_are_those_of_ecmascript)
{
    for (size_t i = 0; i < TEST_COUNT(ecmascript); i++) {
        char text[MTI_NUMBER_TEXT_MAX + 1];

        (void)format(ecmascript[i].number, text);
        assert_string_equal(text, ecmascript[i].text);
        check_parse(text, ecmascript[i].number);
    }
}

/* ---- Reading ---- */

TEST(the_longest_json_number_is_read)
{
    static const struct {
        const char *text;
        size_t len;
        double number;
    } cases[] = {
        {"0", 1, 0},
        {"7", 1, 7},
        {"-7", 2, -7},
        {"10", 2, 10},
        {"00", 1, 0},
        {"01", 1, 0},
        {"-01", 2, 0},
        {"0.5", 3, 0.5},
        {"-0.5", 4, -0.5},
        {"1.", 1, 1},
        {"1.x", 1, 1},
        {"1.5.5", 3, 1.5},
        {"1e", 1, 1},
        {"1e+", 1, 1},
        {"1e-", 1, 1},
        {"1e+x", 1, 1},
        {"1e5", 3, 1e5},
        {"1E5", 3, 1e5},
        {"1e+5", 4, 1e5},
        {"1e-5", 4, 1e-5},
        {"1e05", 4, 1e5},
        {"1e5.5", 3, 1e5},
        {"1.5e3", 5, 1500},
        {"1.e3", 1, 1},
        {"0e5", 3, 0},
        {"0x10", 1, 0},
        {"1 2", 1, 1},
        {"12,", 2, 12},
        {"1-", 1, 1},
        {"1e--5", 1, 1},
        {"123456789]", 9, 123456789},
        {"12345678901234567890}", 20, 12345678901234567890.0},
        {"0.000000000000000000001", 23, 1e-21},
        {"100000000000000000000.5", 23, 1e20},
    };

    for (size_t i = 0; i < TEST_COUNT(cases); i++) {
        double number = -1;

        if (mti_number_parse(mt_str(cases[i].text), &number) != cases[i].len)
            fail_msg("%s", cases[i].text);
        CHECK(bits_of(number) == bits_of(cases[i].number));
    }
}

TEST(what_is_no_number_is_left_alone)
{
    static const char *const texts[] = {"",   "-",   "+1", ".5",       "-.5", "e5",  "x",
                                        " 1", "--1", "-x", "Infinity", "NaN", "\xFF"};

    for (size_t i = 0; i < TEST_COUNT(texts); i++) {
        double number = 42;

        CHECK(mti_number_parse(mt_str(texts[i]), &number) == 0);
        CHECK(number == 42);
    }
    CHECK(mti_number_parse((mt_bytes){NULL, 0}, &(double){0}) == 0);
}

TEST(nothing_behind_the_text_is_read)
{
    const char *text = "-12345678901234567890.12345678901234567890e+123";
    char room[64];

    for (size_t len = 1; len <= strlen(text); len++) {
        char cut[64] = {0};
        double number = 0;
        char *end;

        /* At the end of the array, for the sanitizers, and before digits, for all. */
        memcpy(room + sizeof room - len, text, len);
        memcpy(cut, text, len);
        if (len == 1) continue;
        (void)mti_number_parse((mt_bytes){(const uint8_t *)room + sizeof room - len, len}, &number);
        CHECK(number == strtod(cut, &end));
        (void)mti_number_parse((mt_bytes){(const uint8_t *)text, len}, &number);
        CHECK(number == strtod(cut, &end));
    }
}

TEST(zero_is_never_negative)
{
    static const char *const texts[] = {"-0",
                                        "-0.0",
                                        "-0e5",
                                        "-0.00e-7",
                                        "-1e-400",
                                        "-0e99999999999",
                                        "-0.0000000000000000000000000000000",
                                        "-2e-324",
                                        "-2.4703282292062327208e-324",
                                        "-1e-99999999999999999999"};

    for (size_t i = 0; i < TEST_COUNT(texts); i++) CHECK(bits_of(parse(texts[i])) == 0);
}

TEST(what_is_too_large_is_infinite)
{
    check_parse("1e309", HUGE_VAL);
    check_parse("-1e309", -HUGE_VAL);
    check_parse("1.7976931348623157e308", 1.7976931348623157e308);
    check_parse("1.7976931348623158e308", 1.7976931348623157e308);
    check_parse("1.797693134862315807e308", 1.7976931348623157e308);
    check_parse("1.797693134862315808e308", HUGE_VAL);
    check_parse("1e99999999999999999999", HUGE_VAL);
    check_parse("-1e99999999999999999999", -HUGE_VAL);
    check_parse("123456789012345678901234567890e99999999999999999999", HUGE_VAL);
    check_parse("1e-99999999999999999999", 0);
    check_parse("0e99999999999999999999", 0);
    check_parse("123456789012345678901234567890e-99999999999999999999", 0);
    check_parse("1e18446744073709551616", HUGE_VAL);
    check_parse("1e-18446744073709551616", 0);
    check_parse("1e9223372036854775808", HUGE_VAL);
    check_parse("1e4294967297", HUGE_VAL);
}

/* Sets `out` to `head`, `count` times `byte`, and `tail`. */
static void long_text(char *out, const char *head, char byte, size_t count, const char *tail)
{
    size_t len = strlen(head);

    memcpy(out, head, len);
    memset(out + len, byte, count);
    memcpy(out + len + count, tail, strlen(tail) + 1);
}

TEST(digits_and_exponent_make_up_for_each_other)
{
    const size_t count = 1000000;
    char *text = malloc(count + 100);

    long_text(text, "0.", '0', count, "1e1000001");
    check_parse(text, 1);
    long_text(text, "0.", '0', count, "123456789012345678901234567890e1000003");
    check_parse(text, 123.456789012345678901234567890);
    long_text(text, "1", '0', count, "e-1000000");
    check_parse(text, 1);
    long_text(text, "1", '0', count, "1e-1000001");
    check_parse(text, 1);
    long_text(text, "", '9', count, "e-1000000");
    check_parse(text, 1);
    long_text(text, "1e", '0', count, "5");
    check_parse(text, 1e5);
    long_text(text, "1e-", '9', count, "");
    check_parse(text, 0);
    long_text(text, "0.", '0', count, "");
    check_parse(text, 0);
    long_text(text, "", '7', count, "");
    check_parse(text, HUGE_VAL);
    free(text);
}

/* Makes a number of `count` digits with a point somewhere or nowhere, and perhaps an exponent. */
static void random_number_text(test_rng *rng, size_t count, char *out)
{
    size_t point = test_rng_below(rng, count + 1);
    bool round = test_rng_below(rng, 3) == 0;

    if (test_rng_below(rng, 2)) *out++ = '-';
    if (point == 0 || test_rng_below(rng, 4) == 0) {
        *out++ = '0';
        point = 0;
    }
    for (size_t i = 0; i < count; i++) {
        uint64_t digit = round && i > 5 ? 0 : test_rng_below(rng, 10);

        if (i == point) *out++ = '.';
        if (i == 0 && point != 0 && digit == 0) digit = 1;
        if (i + 1 == count && round) digit = test_rng_below(rng, 2);
        *out++ = (char)('0' + digit);
    }
    *out = 0;
    if (test_rng_below(rng, 3)) {
        int exponent = (int)test_rng_below(rng, 700) - 350;

        (void)sprintf(out, "e%d", test_rng_below(rng, 2) ? exponent - (int)point : exponent / 10);
    }
}

TEST(random_digits_read_as_the_c_library_reads_them)
{
    test_rng rng = test_rng_new(5);
    char text[900];

    for (int i = 0; i < 400000; i++) {
        size_t count = 1 + test_rng_below(&rng, i % 16 == 0 ? 800 : 25);

        random_number_text(&rng, count, text);
        check_parse(text, strtod(text, NULL));
    }
}

/* ---- Simple big numbers ---- */

/* A natural number, the lowest limb first; all limbs from `len` on are 0. */
typedef struct natural {
    uint32_t limb[128];
    size_t len;
} natural;

static void natural_mul_add(natural *number, uint32_t factor, uint32_t add)
{
    uint64_t carry = add;

    for (size_t i = 0; i < number->len; i++) {
        carry += (uint64_t)number->limb[i] * factor;
        number->limb[i] = (uint32_t)carry;
        carry >>= 32;
    }
    CHECK(number->len < TEST_COUNT(number->limb));
    if (carry) number->limb[number->len++] = (uint32_t)carry;
}

static natural natural_from(uint64_t high, uint64_t low)
{
    natural number = {
        {(uint32_t)low, (uint32_t)(low >> 32), (uint32_t)high, (uint32_t)(high >> 32)}, 4};

    while (number.len > 0 && number.limb[number.len - 1] == 0) number.len--;
    return number;
}

static void natural_mul_power(natural *number, uint32_t base, int exponent)
{
    for (; exponent > 0; exponent--) natural_mul_add(number, base, 0);
}

static int natural_compare(const natural *a, const natural *b)
{
    if (a->len != b->len) return a->len < b->len ? -1 : 1;
    for (size_t i = a->len; i-- > 0;) {
        if (a->limb[i] != b->limb[i]) return a->limb[i] < b->limb[i] ? -1 : 1;
    }
    return 0;
}

static void natural_subtract_one(natural *number)
{
    size_t i = 0;

    while (number->limb[i]-- == 0) i++;
    while (number->len > 0 && number->limb[number->len - 1] == 0) number->len--;
}

/* Writes the decimal digits of a number, which is used up. */
static void natural_text(natural *number, char *out)
{
    char reversed[1300];
    size_t len = 0;

    while (number->len > 0) {
        uint64_t rest = 0;

        for (size_t i = number->len; i-- > 0;) {
            rest = rest << 32 | number->limb[i];
            number->limb[i] = (uint32_t)(rest / 1000000000);
            rest %= 1000000000;
        }
        while (number->len > 0 && number->limb[number->len - 1] == 0) number->len--;
        for (int i = 0; i < 9 && (number->len > 0 || rest > 0); i++, rest /= 10) {
            reversed[len++] = (char)('0' + rest % 10);
        }
    }
    while (len > 0) *out++ = reversed[--len];
    *out = 0;
}

/* ---- Halfway between two doubles ---- */

/* The digits of the number halfway between the double with these bits and the next, or what is less
 * by one in the last digit; answers the power of ten to multiply by. */
static int middle_text(uint64_t bits, bool less, char *out)
{
    uint64_t fraction = bits & ((UINT64_C(1) << 52) - 1);
    int biased = (int)(bits >> 52), exponent = (biased ? biased : 1) - 1076;
    natural number = natural_from(0, 2 * (biased ? fraction | UINT64_C(1) << 52 : fraction) + 1);

    natural_mul_power(&number, exponent < 0 ? 5 : 2, abs(exponent));
    if (less) natural_subtract_one(&number);
    natural_text(&number, out);
    return exponent < 0 ? exponent : 0;
}

static void check_middle(uint64_t bits)
{
    char digits[1300], text[4000];
    double low = double_of(bits), high = double_of(bits + 1), even = bits % 2 ? high : low;
    int exponent = middle_text(bits, false, digits);

    (void)sprintf(text, "%se%d", digits, exponent);
    check_parse(text, even);
    (void)sprintf(text, "-%s.000e%d", digits, exponent);
    check_parse(text, -even);
    (void)sprintf(text, "0.000%se%d", digits, exponent + 3 + (int)strlen(digits));
    check_parse(text, even);
    (void)sprintf(text, "%c.%se%d", digits[0], digits[1] ? digits + 1 : "0",
                  exponent + (int)strlen(digits) - 1);
    check_parse(text, even);
    (void)sprintf(text, "%s.0000000000000000000000000000001e%d", digits, exponent);
    check_parse(text, high);
    (void)sprintf(text, "%s%0*d.%0*de%d", digits, 1000, 0, 1000, 1, exponent - 1000);
    check_parse(text, high);
    (void)middle_text(bits, true, digits);
    (void)sprintf(text, "%s.9999999999999999999999999999999e%d", *digits ? digits : "0", exponent);
    check_parse(text, low);
}

TEST(halfway_goes_to_the_even_double_and_any_more_or_less_decides)
{
    test_rng rng = test_rng_new(6);
    static const uint64_t edges[] = {
        0, /* half the least subnormal */
        1,
        2,
        0x000FFFFFFFFFFFFE,
        0x000FFFFFFFFFFFFF, /* the greatest subnormal */
        0x0010000000000000,
        0x001FFFFFFFFFFFFF, /* below it lies the middle with the most digits: 768 */
        0x3FEFFFFFFFFFFFFF,
        0x3FF0000000000000, /* 1 */
        0x4340000000000000, /* 2^53 */
        0x7FE0000000000000,
        0x7FEFFFFFFFFFFFFF, /* the greatest: beyond halfway lies infinity */
    };

    for (size_t i = 0; i < TEST_COUNT(edges); i++) check_middle(edges[i]);
    for (int i = 0; i < 500; i++) check_middle(test_rng_below(&rng, 0x7FF0000000000000));
    for (int i = 0; i < 500; i++)
        check_middle(test_rng_below(&rng, 0x7FE0000000000000) >> 20 << 20);
    /* Where middles have 17 to 60 digits. */
    for (int i = 0; i < 5000; i++) check_middle(0x4200000000000000 + (test_rng_next(&rng) >> 7));
}

/* ---- The table ---- */

/* The least m with m * 2^s >= 10^e, and so that m has 128 bits: by whole numbers, m * 2^a * 5^c is
 * at least 2^b * 5^d and (m - 1) * 2^a * 5^c is not. */
TEST(every_power_of_ten_is_right)
{
    for (int e = MTI_POW10_MIN; e <= MTI_POW10_MAX; e++) {
        mti_wide entry = mti_pow10(e);
        int s = mti_log2_pow10(e) - 127 - e;
        natural power = natural_from(0, 1), exact = natural_from(entry.hi, entry.lo), less = exact;

        CHECK(entry.hi >> 63 == 1);
        natural_subtract_one(&less);
        natural_mul_power(&power, 5, e);
        natural_mul_power(&power, 2, -s);
        natural_mul_power(&exact, 5, -e);
        natural_mul_power(&exact, 2, s);
        natural_mul_power(&less, 5, -e);
        natural_mul_power(&less, 2, s);
        if (natural_compare(&exact, &power) < 0) fail_msg("10^%d is too small", e);
        if (natural_compare(&less, &power) >= 0) fail_msg("10^%d is too large", e);
        CHECK((natural_compare(&exact, &power) == 0) == (e >= 0 && e <= MTI_POW10_EXACT_MAX));
    }
}

TEST(wide_products_are_those_of_big_numbers)
{
    test_rng rng = test_rng_new(7);

    for (int i = 0; i < 100000; i++) {
        uint64_t a = test_rng_next(&rng) >> i % 63, b = i % 7 ? test_rng_next(&rng) : UINT64_MAX;
        mti_wide product = mti_mul64(a, b);
        natural low = natural_from(0, a), high = natural_from(a >> 32, a << 32), expected;
        uint64_t carry = 0;

        natural_mul_add(&low, (uint32_t)b, 0);
        natural_mul_add(&high, (uint32_t)(b >> 32), 0);
        expected = natural_from(product.hi, product.lo);
        for (size_t limb = 0; limb < 4; limb++) {
            carry += (uint64_t)low.limb[limb] + high.limb[limb];
            CHECK(expected.limb[limb] == (uint32_t)carry);
            carry >>= 32;
        }
        CHECK(carry == 0);
    }
}

/* ---- The surroundings ---- */

TEST(the_rounding_mode_does_not_matter)
{
    static const int modes[] = {FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};
    test_rng rng = test_rng_new(8);

    for (int i = 0; i < 30000; i++) {
        double number = random_double(&rng, i % KINDS), read = -1;
        char usual[MTI_NUMBER_TEXT_MAX + 1], text[MTI_NUMBER_TEXT_MAX + 1];
        size_t usual_len = format(number, usual), len;

        CHECK(fesetround(modes[i % 3]) == 0);
        len = mti_number_format(number, text);
        (void)mti_number_parse((mt_bytes){(const uint8_t *)text, len}, &read);
        CHECK(fesetround(FE_TONEAREST) == 0);
        CHECK(len == usual_len && memcmp(text, usual, len) == 0);
        CHECK(read == number);
    }
}

/* ---- Integers ---- */

TEST(integers_are_written_and_read_in_decimal)
{
    test_rng rng = test_rng_new(9);

    for (int i = 0; i < 300000; i++) {
        int64_t number = (int64_t)test_rng_next(&rng) >> i % 64, read = ~number;
        char text[MTI_INTEGER_TEXT_MAX + 1], expected[32];
        size_t len;

        if (i < 64) number = INT64_MIN + i;
        else if (i < 128) number = INT64_MAX - (i - 64);
        else if (i < 1024) number = i - 500;
        text[MTI_INTEGER_TEXT_MAX] = '!';
        len = mti_integer_format(number, text);
        CHECK(text[MTI_INTEGER_TEXT_MAX] == '!');
        text[len] = 0;
        (void)snprintf(expected, sizeof expected, "%" PRId64, number);
        CHECK(strcmp(text, expected) == 0);
        CHECK(mti_integer_parse((mt_bytes){(const uint8_t *)text, len}, &read));
        CHECK(read == number);
    }
}

TEST(powers_of_ten_and_their_neighbours_have_the_right_length)
{
    int64_t power = 1;

    for (int digits = 1; digits <= 19; digits++, power = digits <= 18 ? power * 10 : INT64_MAX) {
        char text[MTI_INTEGER_TEXT_MAX];

        CHECK(mti_integer_format(power, text) == (size_t)digits);
        CHECK(mti_integer_format(power - 1, text) ==
              (size_t)(digits - 1 + (digits == 1 || digits == 19)));
        CHECK(mti_integer_format(-power, text) == (size_t)digits + 1);
    }
}

TEST(an_integer_that_is_not_in_its_one_form_is_refused)
{
    static const char *const texts[] = {
        "",
        "-",
        "+1",
        "-0",
        "00",
        "01",
        "-01",
        "1 ",
        " 1",
        "1.0",
        "1e3",
        "0x1",
        "a",
        "1a",
        "--1",
        "1-",
        "9223372036854775808",
        "-9223372036854775809",
        "9999999999999999999",
        "-9999999999999999999",
        "18446744073709551617",
        "10000000000000000000000",
        "-18446744073709551615",
        "\xD9\xA1",
        "/",
        ":",
    };
    int64_t number = 42;

    for (size_t i = 0; i < TEST_COUNT(texts); i++) {
        if (mti_integer_parse(mt_str(texts[i]), &number)) fail_msg("'%s' is taken", texts[i]);
        CHECK(number == 42);
    }
    CHECK(!mti_integer_parse((mt_bytes){NULL, 0}, &number));
    CHECK(!mti_integer_parse((mt_bytes){(const uint8_t *)"1\0", 2}, &number));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_reads_back_as_the_same_double),
        cmocka_unit_test(all_powers_of_two_and_ten_and_their_neighbours_read_back),
        cmocka_unit_test(the_text_is_the_shortest_and_of_those_the_closest),
        cmocka_unit_test(texts_are_those_of_ecmascript),
        cmocka_unit_test(the_longest_json_number_is_read),
        cmocka_unit_test(what_is_no_number_is_left_alone),
        cmocka_unit_test(nothing_behind_the_text_is_read),
        cmocka_unit_test(zero_is_never_negative),
        cmocka_unit_test(what_is_too_large_is_infinite),
        cmocka_unit_test(digits_and_exponent_make_up_for_each_other),
        cmocka_unit_test(random_digits_read_as_the_c_library_reads_them),
        cmocka_unit_test(halfway_goes_to_the_even_double_and_any_more_or_less_decides),
        cmocka_unit_test(every_power_of_ten_is_right),
        cmocka_unit_test(wide_products_are_those_of_big_numbers),
        cmocka_unit_test(the_rounding_mode_does_not_matter),
        cmocka_unit_test(integers_are_written_and_read_in_decimal),
        cmocka_unit_test(powers_of_ten_and_their_neighbours_have_the_right_length),
        cmocka_unit_test(an_integer_that_is_not_in_its_one_form_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
