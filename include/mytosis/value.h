/* mytosis/value.h - what a field holds: a primitive, or an edge to another node.
 *
 * A value is a small struct, copied freely; strings, bytes and edges in it are BORROWED from
 * where the value came from. One value has one canonical JSON text and one text one value:
 *
 *     null  true  -1.5  1e+21  "text"
 *     {"int":"9007199254740993"}  {"bytes":"AQID"}  {"edge":"user/1"}
 *
 * Numbers read and print as ECMAScript does (ECMA-262, Number::toString). */
#ifndef MYTOSIS_VALUE_H
#define MYTOSIS_VALUE_H

#include <mytosis/limits.h>
#include <mytosis/status.h>

MT_BEGIN_DECLS

/* What a value is. */
typedef enum mt_value_kind {
    MT_NULL = 0,
    MT_BOOL = 1,
    MT_NUMBER = 2, /* a finite double; -0 is stored as 0 */
    MT_INT = 3,    /* a 64-bit integer that no double holds exactly; all others are numbers */
    MT_STRING = 4, /* UTF-8 */
    MT_BYTES = 5,
    MT_EDGE = 6 /* the uid of another node */
} mt_value_kind;

/* A value, which is free to be copied. What it points to is BORROWED. */
typedef struct mt_value {
    mt_value_kind kind;
    union {
        bool boolean;
        double number;
        int64_t integer;
        mt_bytes bytes; /* string, bytes, edge */
    } as;
} mt_value;

/* Makers. They check nothing: whatever takes a value checks it. */
MT_API mt_value mt_null(void);
MT_API mt_value mt_bool(bool boolean);
MT_API mt_value mt_number(double number);    /* -0 becomes 0 */
MT_API mt_value mt_int(int64_t integer);     /* a number, wherever a double holds it exactly */
MT_API mt_value mt_string(mt_bytes text);    /* BORROWED */
MT_API mt_value mt_text(const char *text);   /* BORROWED, ends at its zero byte */
MT_API mt_value mt_blob(mt_bytes bytes);     /* BORROWED */
MT_API mt_value mt_edge(mt_bytes uid);       /* BORROWED */
MT_API mt_value mt_edge_to(const char *uid); /* BORROWED, ends at its zero byte */

/* Whether a graph may hold the value. MT_INVALID: not finite, -0, an integer that a double
 * holds, not UTF-8, an edge to what is no uid, an unknown kind. MT_TOO_LARGE: over
 * `value_len_max`. `limits` and `err` may be NULL. */
MT_API MT_MUST_USE mt_status mt_value_check(const mt_value *value, const mt_limits *limits,
                                            mt_error *err);

/* Whether `uid` is 1 to 255 bytes of UTF-8 without U+0000: MT_OK or MT_INVALID. `err` may be
 * NULL. */
MT_API MT_MUST_USE mt_status mt_uid_check(mt_bytes uid, mt_error *err);

/* Whether `name` is 0 to 254 bytes of UTF-8 and not "@object": MT_OK or MT_INVALID. `err` may be
 * NULL. */
MT_API MT_MUST_USE mt_status mt_name_check(mt_bytes name, mt_error *err);

/* Whether two values that passed the check are the same. */
MT_API bool mt_value_equal(const mt_value *a, const mt_value *b);

/* The order that settles equal states: negative, zero or positive as the JSON text of `a` is
 * less than, the same as or greater than that of `b`, compared by UTF-16 code unit as JavaScript
 * compares strings. Both passed the check. Makes no text unless both are numbers. */
MT_API int mt_value_compare(const mt_value *a, const mt_value *b);

/* Appends the canonical JSON text. MT_NO_MEMORY leaves `out` as it was. */
MT_API MT_MUST_USE mt_status mt_value_json(const mt_value *value, mt_buf *out);

/* The length of the text that `mt_uid_random` writes, without the zero byte. */
#define MT_UID_RANDOM_LEN 36

/* Writes a random uid, a UUID version 4 (RFC 9562) such as
 * "9c5b94b1-35ad-49bb-b118-8e8fc24abf80", and a zero byte. `entropy` is 16 bytes from a good
 * random source; the core has none of its own. */
MT_API void mt_uid_random(const uint8_t entropy[16], char out[MT_UID_RANDOM_LEN + 1]);

MT_END_DECLS
#endif
