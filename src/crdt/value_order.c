/* The order of values by their JSON text, made from the values alone.
 *
 * Two texts differ for the first time at a UTF-16 unit that depends on little of the values:
 *
 *     "text"  -1.5  false  null  true  {"bytes":"AQID"}  {"edge":"ada"}  {"int":"9007199254740993"}
 *
 * Kinds are told apart by the first unit (" - 0..9 f n t {) or by the third (b e i), which gives a
 * rank. Within a kind, only numbers and integers need their text. */
#include "crdt/value.h"
#include "base/base64url.h"
#include "base/bytes.h"
#include "base/number.h"
#include "base/utf8.h"
#include "base/word.h"

static int rank(const mt_value *value)
{
    switch (value->kind) {
    case MT_STRING: return 0;
    case MT_NUMBER: return 1;
    case MT_BOOL: return value->as.boolean ? 4 : 2;
    case MT_NULL: return 3;
    case MT_BYTES: return 5;
    case MT_EDGE: return 6;
    case MT_INT: return 7;
    }
    return 8;
}

/* Where the two first differ, or the end of the shorter. */
static size_t common_len(mt_bytes a, mt_bytes b)
{
    size_t len = a.len < b.len ? a.len : b.len, at = 0;

    for (; len - at >= 8; at += 8) {
        uint64_t differ = mti_load_le64(a.data + at) ^ mti_load_le64(b.data + at);

        if (differ) return at + (size_t)__builtin_ctzll(differ) / 8;
    }
    while (at < len && a.data[at] == b.data[at]) at++;
    return at;
}

/* What stands in the text for a character, as a number that sorts as its units do: the first unit,
 * what tells apart characters with the same first unit behind it. The first units are
 *
 *     0022 the closing quote    005C the backslash of an escape    D800 to DBFF all above U+FFFF */
static uint32_t character_key(uint32_t code)
{
    const uint32_t backslash = (uint32_t)'\\' << 16;

    switch (code) {
    case '"':
    case '\\': return backslash | code;
    case '\b': return backslash | 'b';
    case '\t': return backslash | 't';
    case '\n': return backslash | 'n';
    case '\f': return backslash | 'f';
    case '\r': return backslash | 'r';
    default: break;
    }
    if (code < 0x20) return backslash | 'u' << 8 | code;
    if (code < 0x10000) return code << 16;
    code -= 0x10000;
    return (0xD800 + (code >> 10)) << 16 | (code & 0x3FF);
}

/* The key of what follows the first `at` bytes of a string: a character, or the closing quote. */
static uint32_t key_at(mt_bytes text, size_t at)
{
    size_t len;

    if (at == text.len) return (uint32_t)'"' << 16;
    return character_key(mti_utf8_decode(text.data + at, &len));
}

static int compare_strings(mt_bytes a, mt_bytes b)
{
    size_t at = common_len(a, b);
    uint32_t a_key, b_key;

    if (at == a.len && at == b.len) return 0;
    /* Both share the bytes before `at`, so that a character they differ within begins alike. */
    while (at > 0 && at < a.len && (a.data[at] & 0xC0) == 0x80) at--;
    a_key = key_at(a, at);
    b_key = key_at(b, at);
    return a_key < b_key ? -1 : 1;
}

/* The characters of up to three bytes from `at` on, and a 0 for each that is missing: where a text
 * ends, its closing quote is less than any character of the alphabet too. */
static void group_at(mt_bytes bytes, size_t at, char out[4])
{
    size_t left = bytes.len - at;

    memset(out, 0, 4);
    if (left) mti_base64url_encode((mt_bytes){bytes.data + at, left < 3 ? left : 3}, out);
}

/* Four characters stand for three bytes, so that one group decides. */
static int compare_bytes(mt_bytes a, mt_bytes b)
{
    size_t at = common_len(a, b);
    char a_text[4], b_text[4];

    if (at == a.len && at == b.len) return 0;
    group_at(a, at - at % 3, a_text);
    group_at(b, at - at % 3, b_text);
    return memcmp(a_text, b_text, sizeof a_text);
}

/* The closing quote of an integer's text is less than a digit, as is the end of a number's. */
static int compare_text(const char *a, size_t a_len, const char *b, size_t b_len)
{
    return mt_bytes_compare((mt_bytes){(const uint8_t *)a, a_len},
                            (mt_bytes){(const uint8_t *)b, b_len});
}

static int compare_numbers(double a, double b)
{
    char a_text[MTI_NUMBER_TEXT_MAX], b_text[MTI_NUMBER_TEXT_MAX];
    size_t a_len = mti_number_format(a, a_text), b_len = mti_number_format(b, b_text);

    return compare_text(a_text, a_len, b_text, b_len);
}

static int compare_integers(int64_t a, int64_t b)
{
    char a_text[MTI_INTEGER_TEXT_MAX], b_text[MTI_INTEGER_TEXT_MAX];
    size_t a_len = mti_integer_format(a, a_text), b_len = mti_integer_format(b, b_text);

    return compare_text(a_text, a_len, b_text, b_len);
}

int mt_value_compare(const mt_value *a, const mt_value *b)
{
    int a_rank = rank(a), b_rank = rank(b);

    if (a_rank != b_rank) return a_rank < b_rank ? -1 : 1;
    switch (a->kind) {
    case MT_NULL:
    case MT_BOOL: return 0;
    case MT_NUMBER: return compare_numbers(a->as.number, b->as.number);
    case MT_INT: return compare_integers(a->as.integer, b->as.integer);
    case MT_STRING:
    case MT_EDGE: return compare_strings(a->as.bytes, b->as.bytes);
    case MT_BYTES: return compare_bytes(a->as.bytes, b->as.bytes);
    }
    return 0;
}
