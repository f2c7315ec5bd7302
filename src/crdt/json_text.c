/* Tokens of JSON (RFC 8259). */
#include "crdt/json.h"
#include "base/number.h"
#include "base/status.h"
#include "base/utf8.h"
#include "crdt/value.h"

#define HIGH_BITS UINT64_C(0x8080808080808080)

/* The longest escape of one byte: \u0041. */
#define ESCAPE_LEN_MAX 6

/* ---- What to say ---- */

const uint8_t *mti_json_refuse(mt_json_reader *reader, const uint8_t *at, mt_status st)
{
    mti_json_place place = {.at = at};
    mt_error what = reader->err;

    mti_json_input_settle(&reader->input, &place);
    reader->st =
        mti_fail(&reader->err, st, "%s:%llu:%llu: %s", reader->name, (unsigned long long)place.line,
                 (unsigned long long)place.column, what.text);
    return NULL;
}

const uint8_t *mti_json_no_memory(mt_json_reader *reader)
{
    reader->st = mti_fail(&reader->err, MT_NO_MEMORY, "%s: out of memory", reader->name);
    return NULL;
}

/* Whether nothing follows what lies before `stop`. */
static bool is_complete(const mt_json_reader *reader)
{
    return reader->stop == reader->input.end && mti_json_input_is_final(&reader->input);
}

/* The unit reaches `stop` and is not complete. */
static const uint8_t *cut(mt_json_reader *reader, const char *expected)
{
    if (reader->stop < reader->input.end) {
        return mti_json_refuse(reader, reader->input.at,
                               mti_fail(&reader->err, MT_TOO_LARGE,
                                        "more than %zu bytes of text for one field",
                                        reader->unit_len_max));
    }
    if (!mti_json_input_is_final(&reader->input)) {
        reader->st = MT_AGAIN;
        return NULL;
    }
    return mti_json_refuse(
        reader, reader->stop,
        mti_fail(&reader->err, MT_MALFORMED, "expected %s, found the end of the text", expected));
}

/* What people write who do not know that JSON has none of it. */
static const char *hint(uint8_t found)
{
    switch (found) {
    case '/':
    case '#': return " (JSON has no comments)";
    case '\'': return " (JSON takes double quotes)";
    case 'N': return " (JSON has no NaN)";
    case 'I': return " (JSON has no Infinity)";
    default: return "";
    }
}

static const uint8_t *unexpected_character(mt_json_reader *reader, const uint8_t *at,
                                           const char *expected)
{
    size_t left = (size_t)(reader->input.end - at), len;

    if (*at >= 0x80 && left < 4 && !mti_json_input_is_final(&reader->input)) {
        reader->st = MT_AGAIN; /* its bytes may still come */
        return NULL;
    }
    len = mti_utf8_len((mt_bytes){at, left});
    if (len == 3 && memcmp(at, "\xEF\xBB\xBF", 3) == 0) {
        mti_fail(&reader->err, MT_MALFORMED, "expected %s, found a byte order mark", expected);
    } else {
        mti_fail(&reader->err, MT_MALFORMED, "expected %s, found \"%.*s\"%s", expected,
                 len ? (int)len : 1, (const char *)at, hint(*at));
    }
    return mti_json_refuse(reader, at, MT_MALFORMED);
}

const uint8_t *mti_json_unexpected(mt_json_reader *reader, const uint8_t *at, const char *expected)
{
    const char *token;

    if (at == reader->stop) return cut(reader, expected);
    if (*at == '"') token = "a string";
    else if (*at == '-' || (*at >= '0' && *at <= '9')) token = "a number";
    else return unexpected_character(reader, at, expected);
    return mti_json_refuse(
        reader, at, mti_fail(&reader->err, MT_MALFORMED, "expected %s, found %s", expected, token));
}

/* ---- Words and numbers ---- */

const uint8_t *mti_json_word(mt_json_reader *reader, const uint8_t *at, const char *expected)
{
    for (const char *letter = expected + 1; *letter != '"'; letter++, at++) {
        if (at == reader->stop || *at != (uint8_t)*letter)
            return mti_json_unexpected(reader, at, expected);
    }
    return at;
}

static bool is_number_byte(uint8_t byte)
{
    return (byte >= '0' && byte <= '9') || byte == '.' || byte == '-' || byte == '+' ||
           byte == 'e' || byte == 'E';
}

static bool has_leading_zero(mt_bytes text)
{
    size_t at = text.len > 0 && text.data[0] == '-';

    return text.len > at + 1 && text.data[at] == '0' && text.data[at + 1] >= '0' &&
           text.data[at + 1] <= '9';
}

/* `len` bytes look like a number and are none. */
static const uint8_t *refuse_number(mt_json_reader *reader, const uint8_t *at, size_t len)
{
    mt_bytes text = {at, len};

    if (len == 1 && at + 1 < reader->stop) return unexpected_character(reader, at + 1, "a digit");
    if (has_leading_zero(text)) {
        mti_fail(&reader->err, MT_MALFORMED, "a number has no leading zeros: %.*s", MTI_SHOW(text));
    } else {
        mti_fail(&reader->err, MT_MALFORMED, "expected a number, found %.*s", MTI_SHOW(text));
    }
    return mti_json_refuse(reader, at, MT_MALFORMED);
}

static const uint8_t *check_number(mt_json_reader *reader, const uint8_t *at, size_t len,
                                   double number)
{
    mt_bytes text = {at, len};

    if (__builtin_isfinite(number)) return at + len;
    mti_fail(&reader->err, MT_MALFORMED, "the number %.*s is beyond the range of a double",
             MTI_SHOW(text));
    return mti_json_refuse(reader, at, MT_MALFORMED);
}

const uint8_t *mti_json_number(mt_json_reader *reader, const uint8_t *at, double *out)
{
    mt_bytes text = {at, (size_t)(reader->stop - at)};
    size_t len = mti_number_parse(text, out), all = len;

    while (all < text.len && is_number_byte(at[all])) all++;
    if (all == text.len && !is_complete(reader)) return cut(reader, "the end of the number");
    if (len == 0 || len < all) return refuse_number(reader, at, all);
    return check_number(reader, at, len, *out);
}

/* ---- Strings ---- */

/* Passes what stands for itself. Sets high bits of `*high` if any byte has its own. */
static inline const uint8_t *skip_plain(const uint8_t *at, const uint8_t *wall, uint64_t *high)
{
    while (wall - at >= 8) {
        uint64_t word = mti_load_le64(at), found = mti_escapes_in(word);

        *high |= word;
        if (found) return at + (unsigned)__builtin_ctzll(found) / 8;
        at += 8;
    }
    for (; at < wall && *at >= 0x20 && *at != '"' && *at != '\\'; at++) *high |= *at;
    return at;
}

/* A string while it is read for the first time: nothing is written before all of it is known. */
typedef struct string_scan {
    mt_json_reader *reader;
    const mti_json_limit *limit;
    const uint8_t *start; /* behind the quote */
    const uint8_t *wall;  /* what lies behind it is not there, or more than the string may have */
    size_t len;           /* without escapes */
} string_scan;

static char hex_digit(unsigned value)
{
    return "0123456789ABCDEF"[value & 15];
}

/* Refuses [start, at) if it is not UTF-8; a character that `at` cuts is left to others if
 * `may_go_on`. */
static bool check_utf8(string_scan *scan, const uint8_t *at, bool may_go_on)
{
    mt_bytes text = {scan->start, (size_t)(at - scan->start)};
    size_t bad = mti_utf8_bad(text);
    mt_error *err = &scan->reader->err;
    uint8_t byte;

    if (bad == text.len || (may_go_on && text.len - bad < 4)) return true;
    byte = text.data[bad];
    mti_json_refuse(scan->reader, text.data + bad,
                    mti_fail(err, MT_MALFORMED, "invalid UTF-8: byte 0x%c%c", hex_digit(byte >> 4),
                             hex_digit(byte)));
    return false;
}

static const uint8_t *too_long(string_scan *scan)
{
    return mti_json_refuse(scan->reader, scan->start - 1,
                           mti_fail(&scan->reader->err, MT_TOO_LARGE, "%s of more than %zu bytes%s",
                                    scan->limit->what, scan->limit->told, scan->limit->name));
}

/* The string is not complete before the wall. */
static const uint8_t *at_wall(string_scan *scan)
{
    mt_json_reader *reader = scan->reader;
    bool is_too_long = (size_t)(scan->wall - scan->start) > scan->limit->len_max * ESCAPE_LEN_MAX;

    if (!is_too_long && reader->stop == reader->input.end &&
        !mti_json_input_is_final(&reader->input)) {
        reader->st = MT_AGAIN;
        return NULL;
    }
    if (!check_utf8(scan, scan->wall, true)) return NULL;
    return is_too_long ? too_long(scan) : cut(reader, "a closing quote");
}

/* Answers NULL for the character at `at`, unless something earlier is wrong. */
static const uint8_t *wrong_character(string_scan *scan, const uint8_t *at, const char *expected)
{
    if (!check_utf8(scan, at, false)) return NULL;
    if (at == scan->wall) return at_wall(scan);
    return unexpected_character(scan->reader, at, expected);
}

/* 16 for what is no digit. */
static uint32_t hex_value(uint8_t byte)
{
    if (byte >= '0' && byte <= '9') return byte - (uint32_t)'0';
    if (byte >= 'a' && byte <= 'f') return byte - (uint32_t)'a' + 10;
    if (byte >= 'A' && byte <= 'F') return byte - (uint32_t)'A' + 10;
    return 16;
}

static uint32_t hex_unit(const uint8_t *at)
{
    return hex_value(at[0]) << 12 | hex_value(at[1]) << 8 | hex_value(at[2]) << 4 |
           hex_value(at[3]);
}

/* Checks four digits at `at`. */
static const uint8_t *check_unit(string_scan *scan, const uint8_t *at, uint32_t *out)
{
    for (int i = 0; i < 4; i++) {
        if (at + i == scan->wall || hex_value(at[i]) == 16)
            return wrong_character(scan, at + i, "four hexadecimal digits behind \"\\u\"");
    }
    *out = hex_unit(at);
    return at + 4;
}

static const uint8_t *lone_surrogate(string_scan *scan, const uint8_t *at)
{
    if (!check_utf8(scan, at, false)) return NULL;
    return mti_json_refuse(scan->reader, at,
                           mti_fail(&scan->reader->err, MT_MALFORMED, "lone surrogate %.*s",
                                    ESCAPE_LEN_MAX, (const char *)at));
}

/* Checks the escape of a UTF-16 unit, or of the two of a character above U+FFFF. */
static const uint8_t *check_unicode(string_scan *scan, const uint8_t *at)
{
    const uint8_t *start = at;
    uint32_t unit = 0, low = 0;

    if (!(at = check_unit(scan, at + 2, &unit))) return NULL;
    if (unit < 0xD800 || unit > 0xDFFF) {
        scan->len += unit < 0x80 ? 1 : unit < 0x800 ? 2 : 3;
        return at;
    }
    if (unit >= 0xDC00) return lone_surrogate(scan, start);
    for (int i = 0; i < 2; i++, at++) {
        if (at == scan->wall) return at_wall(scan);
        if (*at != (i == 0 ? '\\' : 'u')) return lone_surrogate(scan, start);
    }
    if (!(at = check_unit(scan, at, &low))) return NULL;
    if (low < 0xDC00 || low > 0xDFFF) return lone_surrogate(scan, start);
    scan->len += 4;
    return at;
}

static const uint8_t *check_escape(string_scan *scan, const uint8_t *at)
{
    static const char letters[] = "\"\\/bfnrtu";

    if (at + 1 == scan->wall) return at_wall(scan);
    if (at[1] == 0 || !memchr(letters, at[1], sizeof letters - 1))
        return wrong_character(scan, at + 1, "one of \"\\/bfnrtu behind a backslash");
    if (at[1] == 'u') return check_unicode(scan, at);
    scan->len++;
    return at + 2;
}

static const uint8_t *refuse_control(string_scan *scan, const uint8_t *at)
{
    if (!check_utf8(scan, at, false)) return NULL;
    return mti_json_refuse(scan->reader, at,
                           mti_fail(&scan->reader->err, MT_MALFORMED,
                                    "control character U+00%c%c in a string", hex_digit(*at >> 4),
                                    hex_digit(*at)));
}

/* Writes `code` and answers where it ends. */
static uint8_t *put_utf8(uint32_t code, uint8_t *out)
{
    if (code < 0x80) {
        *out++ = (uint8_t)code;
        return out;
    }
    if (code < 0x800) {
        *out++ = (uint8_t)(0xC0 | code >> 6);
    } else {
        if (code < 0x10000) {
            *out++ = (uint8_t)(0xE0 | code >> 12);
        } else {
            *out++ = (uint8_t)(0xF0 | code >> 18);
            *out++ = (uint8_t)(0x80 | (code >> 12 & 63));
        }
        *out++ = (uint8_t)(0x80 | (code >> 6 & 63));
    }
    *out++ = (uint8_t)(0x80 | (code & 63));
    return out;
}

/* Writes the character of an escape that was checked. Answers where the escape ends. */
static const uint8_t *unescape_one(const uint8_t *at, uint8_t **out)
{
    uint32_t code;

    switch (at[1]) {
    case 'b': *(*out)++ = '\b'; return at + 2;
    case 'f': *(*out)++ = '\f'; return at + 2;
    case 'n': *(*out)++ = '\n'; return at + 2;
    case 'r': *(*out)++ = '\r'; return at + 2;
    case 't': *(*out)++ = '\t'; return at + 2;
    case 'u': break;
    default: *(*out)++ = at[1]; return at + 2;
    }
    code = hex_unit(at + 2);
    at += ESCAPE_LEN_MAX;
    if (code >= 0xD800 && code <= 0xDBFF) {
        code = 0x10000 + ((code & 0x3FF) << 10 | (hex_unit(at + 2) & 0x3FF));
        at += ESCAPE_LEN_MAX;
    }
    *out = put_utf8(code, *out);
    return at;
}

/* Copies [start, end), which was checked, to the arena without escapes. */
static const uint8_t *unescape(string_scan *scan, const uint8_t *end, mt_bytes *out)
{
    mt_json_reader *reader = scan->reader;
    uint8_t *to = mti_json_arena_take(&reader->arena, scan->len);
    const uint8_t *at = scan->start, *backslash;

    if (!to) return mti_json_no_memory(reader);
    *out = (mt_bytes){to, scan->len};
    while ((backslash = memchr(at, '\\', (size_t)(end - at)))) {
        memcpy(to, at, (size_t)(backslash - at));
        to += backslash - at;
        at = unescape_one(backslash, &to);
    }
    memcpy(to, at, (size_t)(end - at));
    return end + 1;
}

/* Reads a string with escapes, or one in which something is wrong, from behind its quote. */
static const uint8_t *read_slowly(mt_json_reader *reader, const uint8_t *at,
                                  const mti_json_limit *limit, mt_bytes *out)
{
    size_t len = (size_t)(reader->stop - at), len_max = limit->len_max * ESCAPE_LEN_MAX;
    string_scan scan = {reader, limit, at, len > len_max ? at + len_max + 1 : reader->stop, 0};
    uint64_t high = 0;

    for (;;) {
        const uint8_t *plain = skip_plain(at, scan.wall, &high);

        scan.len += (size_t)(plain - at);
        at = plain;
        if (at == scan.wall) return at_wall(&scan);
        if (*at == '"') break;
        if (*at < 0x20) return refuse_control(&scan, at);
        if (!(at = check_escape(&scan, at))) return NULL;
    }
    if (high & HIGH_BITS && !check_utf8(&scan, at, false)) return NULL;
    if (scan.len > limit->len_max) return too_long(&scan);
    return unescape(&scan, at, out);
}

const uint8_t *mti_json_string(mt_json_reader *reader, const uint8_t *at,
                               const mti_json_limit *limit, mt_bytes *out)
{
    uint64_t high = 0;
    const uint8_t *end = skip_plain(++at, reader->stop, &high);
    mt_bytes text = {at, (size_t)(end - at)};

    if (end == reader->stop || *end != '"' || text.len > limit->len_max ||
        (high & HIGH_BITS && !mti_utf8_valid(text)))
        return read_slowly(reader, at, limit, out);
    *out = text;
    return end + 1;
}
