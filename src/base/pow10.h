/* base/pow10.h - powers of ten in 128 bits, for reading and writing doubles.
 *
 * The entry of an exponent e is the least integer m for which
 *
 *     m * 2^s >= 10^e    where s = floor(e * log2(10)) - 127
 *
 * so that m has exactly 128 bits (2^127 <= m < 2^128). From e = 0 to MTI_POW10_EXACT_MAX the two
 * are equal, since 5^55 < 2^128; elsewhere m is rounded up, by less than 1.
 * tests/unit/number_test.c computes all of them again. */
#ifndef MTI_POW10_H
#define MTI_POW10_H

#include "base/word.h"

/* What the two directions need: 19 digits times 10^-343 read as 0, and the smallest subnormal is
 * written with the help of 10^324. */
#define MTI_POW10_MIN (-342)
#define MTI_POW10_MAX 324
#define MTI_POW10_EXACT_MAX 55

extern const mti_wide mti_pow10_table[MTI_POW10_MAX - MTI_POW10_MIN + 1];

/* The entry of 10^exponent, which is MTI_POW10_MIN to MTI_POW10_MAX. */
static inline mti_wide mti_pow10(int exponent)
{
    return mti_pow10_table[exponent - MTI_POW10_MIN];
}

/* floor(exponent * log2(10)), exact from -1300 to 1300 at least. */
static inline int mti_log2_pow10(int exponent)
{
    return (int)(((int64_t)exponent * 1741647) >> 19);
}

#endif
