/* crdt/value.h - what makes a value, and its canonical JSON text. */
#ifndef MTI_VALUE_H
#define MTI_VALUE_H

#include "base/word.h"
#include <mytosis/value.h>
#include <string.h>

/* Whether a double holds the integer exactly: at most 53 bits between its first and last 1. */
static inline bool mti_integer_is_number(int64_t integer)
{
    uint64_t size = integer < 0 ? -(uint64_t)integer : (uint64_t)integer;

    return size == 0 || size >> __builtin_ctzll(size) < UINT64_C(1) << 53;
}

/* Of eight bytes of a string, the high bit of the first that its text cannot hold as it is: a quote,
 * a backslash or a control. Bits above it mean nothing; 0: there is none. */
static inline uint64_t mti_escapes_in(uint64_t word)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t quote = word ^ '"' * ones;
    uint64_t backslash = word ^ '\\' * ones;

    return ((word - 0x20 * ones) | (quote - ones) | (backslash - ones)) & ~word & 0x80 * ones;
}

/* Room for the text of a string with its quotes, or of a value. The writers below may use all of
 * it, for bytes behind the text too. SIZE_MAX: more than any buffer has. */
size_t mti_string_text_room(mt_bytes text);
size_t mti_value_text_room(const mt_value *value);

/* Writes the text of a string with its quotes, or of a value. Answers where it ends. */
uint8_t *mti_string_text_put(mt_bytes text, uint8_t *out);
uint8_t *mti_value_text_put(const mt_value *value, uint8_t *out);

/* Writes a literal. Answers where it ends. */
#define MTI_PUT(literal, out) mti_put("" literal, sizeof(literal) - 1, out)

static inline uint8_t *mti_put(const char *text, size_t len, uint8_t *out)
{
    memcpy(out, text, len);
    return out + len;
}

#endif
