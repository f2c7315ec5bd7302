/* number_format.c - writing numbers.
 *
 * Doubles go through Schubfach: Raffaello Giulietti, "The Schubfach way to render doubles", 2020.
 * Around a double lies the interval of all reals that read back as it. For the greatest k for which
 * the multiples of 10^k lie closer together than the interval is wide, one or two multiples of
 * 10^k or 10^(k+1) next to the double decide. Three products with a power of ten from the table,
 * each rounded to odd, are enough to tell on which side of a multiple a bound lies. */
#include "base/number.h"
#include "base/pow10.h"

#define ASCII_ZEROS 0x3030303030303030u

/* digits * 10^exponent. */
typedef struct decimal {
    uint64_t digits;
    int exponent;
} decimal;

/* 0.ddd... * 10^point, where the first `len` of `text` are the digits, neither beginning nor ending
 * with a zero, and all behind them are zeros. */
typedef struct digit_text {
    char text[25];
    int len;
    int point;
} digit_text;

/* The eight digits of n < 10^8 as the bytes 0 to 9 of a word, the first in the lowest byte: split
 * in halves of four digits, of two, of one, all lanes at once. */
static uint64_t eight_digits(uint32_t n)
{
    uint64_t fours = n / 10000 | (uint64_t)(n % 10000) << 32;
    uint64_t hundreds = (fours * 10486 >> 20) & 0x0000007F0000007Fu;
    uint64_t twos = hundreds | (fours - 100 * hundreds) << 16;
    uint64_t tens = (twos * 103 >> 10) & 0x000F000F000F000Fu;

    return tens | (twos - 10 * tens) << 8;
}

static void put_eight(uint32_t n, char *out)
{
    mti_store_le64(eight_digits(n) | ASCII_ZEROS, out);
}

/* Writes n < 10^8 without leading zeros. Touches eight bytes. */
static size_t put_short(uint32_t n, char *out)
{
    uint64_t word = eight_digits(n);
    unsigned skip = n ? (unsigned)__builtin_ctzll(word) / 8 : 7;

    mti_store_le64((word | ASCII_ZEROS) >> (8 * skip), out);
    return 8 - skip;
}

static size_t put_uint(uint64_t n, char *out)
{
    uint64_t top, rest;
    size_t len;

    if (n < 100000000) return put_short((uint32_t)n, out);
    top = n / 100000000;
    if (top < 100000000) {
        len = put_short((uint32_t)top, out);
    } else {
        rest = top % 100000000;
        len = put_short((uint32_t)(top / 100000000), out);
        put_eight((uint32_t)rest, out + len);
        len += 8;
    }
    put_eight((uint32_t)(n % 100000000), out + len);
    return len + 8;
}

size_t mti_integer_format(int64_t number, char *out)
{
    if (number >= 0) return put_uint((uint64_t)number, out);
    *out = '-';
    return 1 + put_uint(-(uint64_t)number, out + 1);
}

/* The scaled factor, power * factor / 2^128, rounded down, but with the last bit set where anything
 * was cut off. Entries of the table are rounded up: a `middle` of 1 means that nothing was. */
static uint64_t round_to_odd(mti_wide power, uint64_t factor)
{
    mti_wide low = mti_mul64(power.lo, factor);
    mti_wide high = mti_mul64(power.hi, factor);
    uint64_t middle = high.lo + low.hi;

    high.hi += middle < low.hi;
    return high.hi | (middle > 1);
}

/* The shortest decimal in the interval of the positive finite double with these bits, and the
 * closest to it among the shortest. Its digits may end with zeros. Names as in Giulietti's paper:
 * the double is c * 2^q; v and the bounds vl and vr are kept as four times their real value. */
static decimal shortest(uint64_t bits)
{
    uint64_t fraction = bits & ((UINT64_C(1) << 52) - 1);
    int biased = (int)(bits >> 52);
    uint64_t c = biased ? fraction | UINT64_C(1) << 52 : fraction;
    int q = (biased ? biased : 1) - 1075;
    /* Below a power of two doubles lie twice as close: 3/4 of the usual interval. */
    bool uneven = fraction == 0 && biased > 1;
    bool odd = c & 1; /* then the bounds themselves belong to the neighbours */
    /* floor(log10(2^q)), or of 3/4 * 2^q. */
    int k = (int)(((int64_t)q * 1262611 - (uneven ? 524031 : 0)) >> 22);
    int h = q + mti_log2_pow10(-k) + 1;
    mti_wide power = mti_pow10(-k);
    uint64_t vl, v, vr, s, tens;
    bool low_in, high_in;

    vl = round_to_odd(power, (4 * c - 2 + uneven) << h) + odd;
    v = round_to_odd(power, (4 * c) << h);
    vr = round_to_odd(power, (4 * c + 2) << h) - odd;
    s = v / 4;
    tens = s / 10;
    low_in = tens && vl <= 40 * tens;
    high_in = tens && 40 * tens + 40 <= vr;
    if (low_in != high_in) return (decimal){tens + high_in, k + 1};
    low_in = vl <= 4 * s;
    high_in = 4 * s + 4 <= vr;
    if (low_in != high_in) return (decimal){s + high_in, k};
    /* Both or neither: the closer one; at equal distance the even one. */
    return (decimal){s + (v + (s & 1) > 4 * s + 2), k};
}

static digit_text spread(decimal number)
{
    digit_text out;
    uint64_t rest, high, low;

    if (number.digits < 100000000) {
        number.digits *= 100000000;
        number.exponent -= 8;
    }
    while (number.digits < UINT64_C(10000000000000000)) {
        number.digits *= 10;
        number.exponent--;
    }
    rest = number.digits % UINT64_C(10000000000000000);
    high = eight_digits((uint32_t)(rest / 100000000));
    low = eight_digits((uint32_t)(rest % 100000000));
    out.text[0] = (char)('0' + number.digits / UINT64_C(10000000000000000));
    mti_store_le64(high | ASCII_ZEROS, out.text + 1);
    mti_store_le64(low | ASCII_ZEROS, out.text + 9);
    mti_store_le64(ASCII_ZEROS, out.text + 17);
    if (low) out.len = 17 - __builtin_clzll(low) / 8;
    else if (high) out.len = 9 - __builtin_clzll(high) / 8;
    else out.len = 1;
    out.point = number.exponent + 17;
    return out;
}

/* d.ddde+x, as ECMAScript writes what is 10^21 or more or less than 10^-6. */
static size_t put_exponent(const digit_text *digits, char *out)
{
    int exponent = digits->point - 1;
    size_t len = 1;

    out[0] = digits->text[0];
    if (digits->len > 1) {
        out[1] = '.';
        memcpy(out + 2, digits->text + 1, 16);
        len = (size_t)digits->len + 1;
    }
    out[len++] = 'e';
    out[len++] = exponent < 0 ? '-' : '+';
    if (exponent < 0) exponent = -exponent;
    if (exponent >= 100) out[len++] = (char)('0' + exponent / 100);
    if (exponent >= 10) out[len++] = (char)('0' + exponent / 10 % 10);
    out[len++] = (char)('0' + exponent % 10);
    return len;
}

/* Copies of a fixed length are cheaper and may run past the digits, never past the 24 bytes that
 * the sign leaves. */
static size_t put_digits(const digit_text *digits, char *out)
{
    size_t len = (size_t)digits->len;
    size_t point, zeros;

    if (digits->point > 21 || digits->point < -5) return put_exponent(digits, out);
    if (digits->point <= 0) {
        zeros = (size_t)-digits->point;
        memcpy(out, "0.00000", 7);
        memcpy(out + 2 + zeros, digits->text, 17);
        return 2 + zeros + len;
    }
    point = (size_t)digits->point;
    memcpy(out, digits->text, 21);
    if (len <= point) return point;
    out[point] = '.';
    memcpy(out + point + 1, digits->text + point, len - point);
    return len + 1;
}

size_t mti_number_format(double number, char *out)
{
    uint64_t bits;
    digit_text digits;
    size_t sign;

    if (number > -0x1p53 && number < 0x1p53) {
        int64_t whole = (int64_t)number;

        if ((double)whole == number) return mti_integer_format(whole, out);
    }
    memcpy(&bits, &number, sizeof bits);
    sign = (size_t)(bits >> 63);
    if (sign) *out = '-';
    digits = spread(shortest(bits & INT64_MAX));
    return sign + put_digits(&digits, out + sign);
}
