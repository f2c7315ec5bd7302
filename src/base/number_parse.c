/* number_parse.c - reading numbers.
 *
 * A scan finds where the number ends and takes its first 19 significant digits, which a word holds.
 * Then the first of these that applies makes the double:
 *
 *     integers to 2^53        the word itself
 *     up to 19 digits         Eisel-Lemire: Daniel Lemire, "Number parsing at a gigabyte per
 *                             second", 2021. Always decides: Noble Mushtak and Daniel Lemire,
 *                             "Fast number parsing without fallback", 2022
 *     more                    the same for the 19 digits and for their successor, if they agree
 *     they differ             then in one bit, and the exact value is compared with the middle
 *                             between the two in big integers
 *
 * Nothing here rounds in floating point. Clinger's fast path, one product or quotient of doubles,
 * would save 4 of the 20 ns that a short decimal takes, but its result depends on the rounding mode
 * that the program has set and, on an x87, on the precision. */
#include "base/assert.h"
#include "base/number.h"
#include "base/pow10.h"

#define WORD_DIGITS 19

/* Where two doubles meet lies an odd multiple m * 2^-e, e <= 1075 and m < 2^54: a decimal of at
 * most 768 significant digits, the longest of which are those below 2^-1021. So the digits of a
 * number behind the 768th only tell whether it is more than its first 768. */
#define BIG_DIGITS 768

/* Both sides of the comparison stay below 2^2700: 769 digits are fewer than 2^2555, a middle times
 * 5^1093 fewer than 2^2593, and the shift makes the lesser side about as large as the greater. */
#define BIG_LIMBS 44

#define INFINITE_BITS (UINT64_C(0x7FF) << 52)

/* A number in the text. Its value is that of the digits of `whole` and `part` as one integer, times
 * 10^exponent. */
typedef struct scan {
    mt_bytes whole; /* before the point, without a leading zero; may be empty */
    mt_bytes part;  /* behind the point and its zeros if `whole` is empty; may be empty */
    uint64_t word;  /* all digits, modulo 2^64 */
    int64_t exponent;
    bool negative;
} scan;

/* A natural number, the lowest limb first, without leading zeros: 0 has no limbs. */
typedef struct big {
    uint64_t limb[BIG_LIMBS];
    size_t len;
} big;

static bool is_digit(uint8_t byte)
{
    return (uint8_t)(byte - '0') <= 9;
}

/* Whether all eight bytes are digits: 3 as the high half, also after adding 6 to the low one. */
static bool are_eight_digits(uint64_t word)
{
    uint64_t highs = UINT64_C(0xF0F0F0F0F0F0F0F0);

    return ((word & highs) | ((word + UINT64_C(0x0606060606060606)) & highs) >> 4) ==
           UINT64_C(0x3333333333333333);
}

/* The value of eight digits, the first in the lowest byte: neighbours are joined to pairs, pairs to
 * fours, fours to the whole, each step with one product. */
static uint64_t eight_digits_value(uint64_t word)
{
    word = (word & UINT64_C(0x0F0F0F0F0F0F0F0F)) * (10 << 8 | 1) >> 8;
    word = (word & UINT64_C(0x00FF00FF00FF00FF)) * (UINT64_C(100) << 16 | 1) >> 16;
    return (word & UINT64_C(0x0000FFFF0000FFFF)) * (UINT64_C(10000) << 32 | 1) >> 32;
}

/* Passes the digits at `at`, adding them to `*word` modulo 2^64; answers where they end. */
static const uint8_t *scan_digits(const uint8_t *at, const uint8_t *end, uint64_t *word)
{
    uint64_t value = *word;

    while (end - at >= 8) {
        uint64_t eight = mti_load_le64(at);

        if (!are_eight_digits(eight)) break;
        value = value * 100000000 + eight_digits_value(eight);
        at += 8;
    }
    for (; at < end && is_digit(*at); at++) value = value * 10 + (uint64_t)(*at - '0');
    *word = value;
    return at;
}

/* Passes an exponent at `at`, if there is one. It stays at about 10^18 where it is longer: no text
 * has as many digits as would be needed to make up for that. */
static const uint8_t *scan_exponent(const uint8_t *at, const uint8_t *end, int64_t *exponent)
{
    const uint8_t *start = at;
    int64_t value = 0;
    bool negative;

    if (at == end || (*at | 0x20) != 'e' || ++at == end) return start;
    negative = *at == '-';
    if ((negative || *at == '+') && ++at == end) return start;
    if (!is_digit(*at)) return start;
    for (; at < end && is_digit(*at); at++) {
        if (value < INT64_C(100000000000000000)) value = value * 10 + (*at - '0');
    }
    *exponent = negative ? -value : value;
    return at;
}

/* Finds the number that `text` starts with; answers its length, 0 if there is none. */
static size_t scan_number(mt_bytes text, scan *out)
{
    const uint8_t *at = text.data, *end = text.data + text.len, *start;

    *out = (scan){.negative = *at == '-'};
    at += out->negative;
    if (at == end || !is_digit(*at)) return 0;
    start = at;
    at = *at == '0' ? at + 1 : scan_digits(at, end, &out->word);
    out->whole = (mt_bytes){start, *start == '0' ? 0 : (size_t)(at - start)};
    if (end - at >= 2 && *at == '.' && is_digit(at[1])) {
        start = at + 1;
        at = scan_digits(start, end, &out->word);
        out->part = (mt_bytes){start, (size_t)(at - start)};
    }
    end = scan_exponent(at, end, &out->exponent);
    out->exponent -= (int64_t)out->part.len;
    if (out->whole.len == 0) {
        for (; out->part.len > 0 && *out->part.data == '0'; out->part.len--) out->part.data++;
    }
    return (size_t)(end - text.data);
}

/* The bits of the double nearest to word * 10^exponent, which is not negative. The upper 64 bits of
 * the word times the power are right but for the last; only if all bits behind the rounding bit are
 * set can the lower half of the power carry into it. */
static uint64_t nearest(uint64_t word, int64_t exponent)
{
    unsigned zeros, top;
    mti_wide power, product, low;
    uint64_t mantissa, bits;
    int biased;

    if (word == 0 || exponent < MTI_POW10_MIN) return 0;
    if (exponent > 308) return INFINITE_BITS;
    zeros = (unsigned)__builtin_clzll(word);
    word <<= zeros;
    power = mti_pow10((int)exponent);
    product = mti_mul64(word, power.hi);
    if ((product.hi & 0x1FF) == 0x1FF) {
        /* Lemire's table is rounded down but for small reciprocals. */
        low = mti_mul64(word, power.lo - (exponent < -27 || exponent > MTI_POW10_EXACT_MAX));
        product.lo += low.hi;
        product.hi += product.lo < low.hi;
    }
    top = (unsigned)(product.hi >> 63);
    mantissa = product.hi >> (top + 9); /* 53 bits and the rounding bit */
    biased = mti_log2_pow10((int)exponent) + 63 + (int)top - (int)zeros + 1023;
    if (biased <= 0) {
        /* A subnormal. No 19 digits lie in the middle between two of these. */
        if (biased < -54) return 0;
        return ((mantissa >> (1 - biased)) + 1) >> 1;
    }
    /* A tie takes 5^exponent to divide the word, or to fit into 64 bits beside it. */
    if (product.lo <= 1 && exponent >= -4 && exponent <= 23 && (mantissa & 3) == 1 &&
        mantissa << (top + 9) == product.hi) {
        mantissa--;
    }
    /* The mantissa's leading bit adds 1 to the exponent, or 2 if rounding carried through. */
    bits = ((uint64_t)(biased - 1) << 52) + ((mantissa + 1) >> 1);
    return bits < INFINITE_BITS ? bits : INFINITE_BITS;
}

static void big_push(big *number, uint64_t limb)
{
    mti_assert(number->len < BIG_LIMBS);
    number->limb[number->len++] = limb;
}

/* Multiplies by `factor` and adds `carry`. */
static void big_mul_add(big *number, uint64_t factor, uint64_t carry)
{
    for (size_t i = 0; i < number->len; i++) {
        mti_wide product = mti_mul64(number->limb[i], factor);

        number->limb[i] = product.lo + carry;
        carry = product.hi + (number->limb[i] < carry);
    }
    if (carry) big_push(number, carry);
}

/* Multiplies by 5^exponent; does nothing where that is negative. */
static void big_mul_pow5(big *number, int64_t exponent)
{
    for (; exponent >= 27; exponent -= 27) big_mul_add(number, UINT64_C(7450580596923828125), 0);
    for (; exponent > 0; exponent--) big_mul_add(number, 5, 0);
}

/* Multiplies by 2^bits; does nothing where that is negative. */
static void big_shift_left(big *number, int64_t bits)
{
    if (bits <= 0) return;
    big_mul_add(number, UINT64_C(1) << bits % 64, 0);
    for (bits /= 64; bits > 0; bits--) {
        big_push(number, 0);
        memmove(number->limb + 1, number->limb, (number->len - 1) * sizeof number->limb[0]);
        number->limb[0] = 0;
    }
}

static int big_compare(const big *a, const big *b)
{
    if (a->len != b->len) return a->len < b->len ? -1 : 1;
    for (size_t i = a->len; i-- > 0;) {
        if (a->limb[i] != b->limb[i]) return a->limb[i] < b->limb[i] ? -1 : 1;
    }
    return 0;
}

/* Appends digits to a number, as many to a step as a word holds. */
static void big_append(big *number, mt_bytes digits)
{
    for (size_t i = 0; i < digits.len;) {
        uint64_t factor = 1, value = 0;

        for (size_t n = 0; n < WORD_DIGITS && i < digits.len; n++, i++) {
            value = value * 10 + (uint64_t)(digits.data[i] - '0');
            factor *= 10;
        }
        big_mul_add(number, factor, value);
    }
}

/* The first `count` bytes, or all if there are fewer. */
static mt_bytes head(mt_bytes bytes, size_t count)
{
    return (mt_bytes){bytes.data, bytes.len < count ? bytes.len : count};
}

static bool has_digit_above_zero(mt_bytes digits, size_t start)
{
    for (size_t i = start; i < digits.len; i++) {
        if (digits.data[i] != '0') return true;
    }
    return false;
}

/* The digits that matter, a 1 standing for all others unless they are zeros. Answers the power of
 * ten to multiply by. */
static int64_t big_load(const scan *text, big *out)
{
    mt_bytes whole = head(text->whole, BIG_DIGITS);
    mt_bytes part = head(text->part, BIG_DIGITS - whole.len);
    int64_t cut = (int64_t)(text->whole.len - whole.len + text->part.len - part.len);

    out->len = 0;
    big_append(out, whole);
    big_append(out, part);
    if (!has_digit_above_zero(text->whole, whole.len) &&
        !has_digit_above_zero(text->part, part.len)) {
        return text->exponent + cut;
    }
    big_mul_add(out, 10, 1);
    return text->exponent + cut - 1;
}

/* Negative, zero or positive as the number is less than, equal to or more than the middle between
 * the double with these bits and the next. */
static int compare_with_middle(const scan *text, uint64_t bits)
{
    uint64_t fraction = bits & ((UINT64_C(1) << 52) - 1);
    int biased = (int)(bits >> 52);
    int64_t two_exponent = (biased ? biased : 1) - 1076;
    big number, middle = {.len = 1};
    int64_t ten_exponent = big_load(text, &number);

    middle.limb[0] = 2 * (biased ? fraction | UINT64_C(1) << 52 : fraction) + 1;
    big_mul_pow5(&number, ten_exponent);
    big_mul_pow5(&middle, -ten_exponent);
    big_shift_left(&number, ten_exponent - two_exponent);
    big_shift_left(&middle, two_exponent - ten_exponent);
    return big_compare(&number, &middle);
}

/* More digits than a word holds: the number lies between its first 19 and their successor. */
static uint64_t nearest_long(const scan *text)
{
    mt_bytes whole = head(text->whole, WORD_DIGITS);
    mt_bytes part = head(text->part, WORD_DIGITS - whole.len);
    int64_t cut = (int64_t)(text->whole.len - whole.len + text->part.len - part.len);
    uint64_t word = 0, low, high;
    int order;

    for (size_t i = 0; i < whole.len; i++) word = word * 10 + (uint64_t)(whole.data[i] - '0');
    for (size_t i = 0; i < part.len; i++) word = word * 10 + (uint64_t)(part.data[i] - '0');
    low = nearest(word, text->exponent + cut);
    high = nearest(word + 1, text->exponent + cut);
    if (low == high) return low;
    order = compare_with_middle(text, low);
    if (order == 0) return low & 1 ? high : low;
    return order < 0 ? low : high;
}

size_t mti_number_parse(mt_bytes text, double *out)
{
    scan number;
    size_t len = text.len ? scan_number(text, &number) : 0;
    uint64_t bits;

    if (len == 0) return 0;
    if (number.whole.len + number.part.len > WORD_DIGITS) {
        bits = nearest_long(&number);
    } else if (number.exponent == 0 && number.word <= UINT64_C(1) << 53) {
        *out = (double)(number.negative ? -(int64_t)number.word : (int64_t)number.word);
        return len;
    } else {
        bits = nearest(number.word, number.exponent);
    }
    if (number.negative && bits) bits |= UINT64_C(1) << 63;
    memcpy(out, &bits, sizeof bits);
    return len;
}

bool mti_integer_parse(mt_bytes text, int64_t *out)
{
    bool negative = text.len > 0 && text.data[0] == '-';
    uint64_t limit = (uint64_t)INT64_MAX + negative, value = 0;
    size_t start = negative, len = text.len - start;

    if (len < 1 || len > WORD_DIGITS) return false;
    if (text.data[start] == '0' && text.len > 1) return false;
    for (size_t i = start; i < text.len; i++) {
        if (!is_digit(text.data[i])) return false;
        value = value * 10 + (uint64_t)(text.data[i] - '0');
    }
    if (value > limit) return false;
    *out = negative ? (int64_t)-value : (int64_t)value;
    return true;
}
