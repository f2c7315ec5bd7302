/* base/number.h - numbers as text: ECMAScript's for doubles, plain decimal for integers.
 *
 * Every double has one text and reads back from it to the bit, but for -0, which is 0 here. The
 * result depends neither on a locale nor on the processor's rounding mode. */
#ifndef MTI_NUMBER_H
#define MTI_NUMBER_H

#include <mytosis/bytes.h>

/* The longest texts, such as "-0.0000012345678901234567" and "-9223372036854775808". */
#define MTI_NUMBER_TEXT_MAX 25
#define MTI_INTEGER_TEXT_MAX 20

/* Writes `number`, which must be finite, as ECMAScript's Number::toString does: the fewest digits
 * that read back as the same double, and of those the closest. Answers how many bytes it took; all
 * MTI_NUMBER_TEXT_MAX bytes of `out` may be written. There is no zero byte at the end. */
size_t mti_number_format(double number, char *out);

/* Reads the longest JSON number (RFC 8259, section 6) that `text` starts with. Answers how many
 * bytes it took; 0: no number, and `*out` is untouched. `*out` is the nearest double, at equal
 * distance the even one: +-infinity beyond the largest, 0 in place of -0. Takes time linear in
 * what it reads, whatever the digits and the exponent. */
size_t mti_number_parse(mt_bytes text, double *out);

/* Writes `number` in decimal. Answers how many bytes it took; all MTI_INTEGER_TEXT_MAX bytes of
 * `out` may be written. There is no zero byte at the end. */
size_t mti_integer_format(int64_t number, char *out);

/* Reads all of `text` as `mti_integer_format` writes it: no plus, no leading zeros, no "-0".
 * False: it is anything else or does not fit, and `*out` is untouched. */
bool mti_integer_parse(mt_bytes text, int64_t *out);

#endif
