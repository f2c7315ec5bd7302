#include "crdt/value.h"
#include "base/bytes.h"
#include "base/number.h"
#include "base/status.h"
#include "base/utf8.h"
#include "crdt/limits.h"

mt_value mt_null(void)
{
    return (mt_value){.kind = MT_NULL};
}

mt_value mt_bool(bool boolean)
{
    return (mt_value){.kind = MT_BOOL, .as.boolean = boolean};
}

mt_value mt_number(double number)
{
    return (mt_value){.kind = MT_NUMBER, .as.number = number == 0 ? 0 : number};
}

mt_value mt_int(int64_t integer)
{
    if (mti_integer_is_number(integer)) return mt_number((double)integer);
    return (mt_value){.kind = MT_INT, .as.integer = integer};
}

mt_value mt_string(mt_bytes text)
{
    return (mt_value){.kind = MT_STRING, .as.bytes = text};
}

mt_value mt_text(const char *text)
{
    return mt_string(mt_str(text));
}

mt_value mt_blob(mt_bytes bytes)
{
    return (mt_value){.kind = MT_BYTES, .as.bytes = bytes};
}

mt_value mt_edge(mt_bytes uid)
{
    return (mt_value){.kind = MT_EDGE, .as.bytes = uid};
}

mt_value mt_edge_to(const char *uid)
{
    return mt_edge(mt_str(uid));
}

/* The bits tell -0 from 0 and equal doubles by one comparison: values hold no NaN. */
static uint64_t number_bits(double number)
{
    uint64_t bits;

    memcpy(&bits, &number, sizeof bits);
    return bits;
}

static mt_status check_utf8(mt_bytes text, const char *what, mt_error *err)
{
    static const char hex[] = "0123456789ABCDEF";
    size_t bad;
    uint8_t byte;

    if (mti_utf8_valid(text)) return MT_OK;
    bad = mti_utf8_bad(text);
    byte = text.data[bad];
    return mti_fail(err, MT_INVALID, "%s is not UTF-8: byte 0x%c%c at %zu", what, hex[byte >> 4],
                    hex[byte & 15], bad);
}

mt_status mt_uid_check(mt_bytes uid, mt_error *err)
{
    if (uid.len == 0) return mti_fail(err, MT_INVALID, "a uid is empty");
    if (uid.len > MT_UID_LEN_MAX)
        return mti_fail(err, MT_INVALID, "a uid has %zu bytes, more than %d", uid.len,
                        MT_UID_LEN_MAX);
    if (memchr(uid.data, 0, uid.len)) return mti_fail(err, MT_INVALID, "a uid holds U+0000");
    return check_utf8(uid, "a uid", err);
}

mt_status mt_name_check(mt_bytes name, mt_error *err)
{
    if (name.len > MT_NAME_LEN_MAX)
        return mti_fail(err, MT_INVALID, "a field name has %zu bytes, more than %d", name.len,
                        MT_NAME_LEN_MAX);
    if (mt_bytes_equal(name, mt_str("@object")))
        return mti_fail(err, MT_INVALID, "a field may not have the name \"@object\"");
    return check_utf8(name, "a field name", err);
}

static mt_status check_number(double number, mt_error *err)
{
    const uint64_t infinity = UINT64_C(0x7FF) << 52;
    uint64_t bits = number_bits(number);

    if ((bits & infinity) == infinity) return mti_fail(err, MT_INVALID, "a number is not finite");
    if (bits == UINT64_C(1) << 63) return mti_fail(err, MT_INVALID, "a number is -0, not 0");
    return MT_OK;
}

static mt_status check_integer(int64_t integer, mt_error *err)
{
    char text[MTI_INTEGER_TEXT_MAX];

    if (!mti_integer_is_number(integer)) return MT_OK;
    return mti_fail(err, MT_INVALID, "the integer %.*s is a number: a double holds it",
                    (int)mti_integer_format(integer, text), text);
}

static mt_status check_len(mt_bytes bytes, const mt_limits *limits, mt_error *err)
{
    size_t max = limits ? limits->value_len_max : 0;

    if (max == 0) max = mti_limits_copy(limits).value_len_max;
    if (bytes.len <= max) return MT_OK;
    return mti_fail(err, MT_TOO_LARGE, "a value has %zu bytes, more than %zu (value_len_max)",
                    bytes.len, max);
}

mt_status mt_value_check(const mt_value *value, const mt_limits *limits, mt_error *err)
{
    mt_status st;

    switch (value->kind) {
    case MT_NULL:
    case MT_BOOL: return MT_OK;
    case MT_NUMBER: return check_number(value->as.number, err);
    case MT_INT: return check_integer(value->as.integer, err);
    case MT_STRING:
        if ((st = check_len(value->as.bytes, limits, err)) != MT_OK) return st;
        return check_utf8(value->as.bytes, "a string", err);
    case MT_BYTES: return check_len(value->as.bytes, limits, err);
    case MT_EDGE: return mt_uid_check(value->as.bytes, err);
    }
    return mti_fail(err, MT_INVALID, "%d is no kind of value", (int)value->kind);
}

bool mt_value_equal(const mt_value *a, const mt_value *b)
{
    if (a->kind != b->kind) return false;
    switch (a->kind) {
    case MT_NULL: return true;
    case MT_BOOL: return a->as.boolean == b->as.boolean;
    case MT_NUMBER: return number_bits(a->as.number) == number_bits(b->as.number);
    case MT_INT: return a->as.integer == b->as.integer;
    case MT_STRING:
    case MT_BYTES:
    case MT_EDGE: return mt_bytes_equal(a->as.bytes, b->as.bytes);
    }
    return false;
}

void mt_uid_random(const uint8_t entropy[16], char out[MT_UID_RANDOM_LEN + 1])
{
    static const char hex[] = "0123456789abcdef";
    char *at = out;

    for (int i = 0; i < 16; i++) {
        uint8_t byte = entropy[i];

        if (i == 6) byte = (uint8_t)((byte & 0x0F) | 0x40); /* the version, 4 */
        if (i == 8) byte = (uint8_t)((byte & 0x3F) | 0x80); /* the variant of RFC 9562 */
        if (i == 4 || i == 6 || i == 8 || i == 10) *at++ = '-';
        *at++ = hex[byte >> 4];
        *at++ = hex[byte & 15];
    }
    *at = 0;
}
