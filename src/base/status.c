/* status.c - statuses in words, and messages written without the C library's printf.
 *
 * Every byte of a message passes `put_bytes`, those of the format too, so that what a peer sent can
 * neither break the line nor steer a terminal. Unlike printf's, a `%.*s` shows all of its bytes, a
 * zero byte as \x00. */
#include "base/status.h"
#include "base/utf8.h"
#include <stdarg.h>
#include <string.h>

/* A message while it is written. Apart from the error, so that an argument may be part of the
 * message that it replaces. Once something did not fit, all that follows is left out too. */
typedef struct line {
    char text[MT_ERROR_TEXT_MAX];
    size_t len;
    bool full;
} line;

const char *mt_status_name(mt_status status)
{
    switch (status) {
#define STATUS_NAME(name, number, text) \
    case name: return #name;
        MT_STATUS_MAP(STATUS_NAME)
#undef STATUS_NAME
    }
    return "MT_UNKNOWN";
}

const char *mt_status_text(mt_status status)
{
    switch (status) {
#define STATUS_TEXT(name, number, text) \
    case name: return text;
        MT_STATUS_MAP(STATUS_TEXT)
#undef STATUS_TEXT
    }
    return "an unknown status";
}

/* Adds a character or an escape, wholly or not at all. */
static void put(line *out, const char *text, size_t len)
{
    if (len > MT_ERROR_TEXT_MAX - 1 - out->len) out->full = true;
    if (out->full) return;
    memcpy(out->text + out->len, text, len);
    out->len += len;
}

static void put_escape(line *out, uint8_t byte)
{
    static const char hex[] = "0123456789abcdef";
    char text[4] = {'\\', 'x', hex[byte >> 4], hex[byte & 15]};

    put(out, text, sizeof text);
}

/* Whether a character can stand in a line: no controls (U+0000 to U+001F, U+007F to U+009F), no
 * line or paragraph separator (U+2028, U+2029). */
static bool is_shown(const uint8_t *at)
{
    size_t len;
    uint32_t code = mti_utf8_decode(at, &len);

    return code >= 0x20 && (code < 0x7F || code > 0x9F) && code != 0x2028 && code != 0x2029;
}

static void put_bytes(line *out, mt_bytes bytes)
{
    while (bytes.len > 0 && !out->full) {
        size_t len = mti_utf8_len(bytes);

        if (len > 0 && is_shown(bytes.data)) {
            put(out, (const char *)bytes.data, len);
        } else {
            len = len ? len : 1;
            for (size_t i = 0; i < len; i++) put_escape(out, bytes.data[i]);
        }
        bytes.data += len;
        bytes.len -= len;
    }
}

static void put_number(line *out, unsigned long long number, bool negative)
{
    char text[24];
    size_t at = sizeof text;

    do {
        text[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number);
    if (negative) text[--at] = '-';
    put(out, text + at, sizeof text - at);
}

typedef enum directive {
    DIRECTIVE_PERCENT,
    DIRECTIVE_CHAR,
    DIRECTIVE_INT,
    DIRECTIVE_UNSIGNED,
    DIRECTIVE_SIZE,
    DIRECTIVE_LONG_LONG,
    DIRECTIVE_STRING,
    DIRECTIVE_RUN,
    DIRECTIVE_NONE
} directive;

/* Which directive stands at `format`, behind its %; where it ends goes to `*end`. */
static directive read_directive(const char *format, const char **end)
{
    static const char spellings[DIRECTIVE_NONE][4] = {"%", "c", "d", "u", "zu", "llu", "s", ".*s"};

    for (unsigned i = 0; i < DIRECTIVE_NONE; i++) {
        size_t len = 0;

        while (spellings[i][len] && format[len] == spellings[i][len]) len++;
        *end = format + len;
        if (!spellings[i][len]) return (directive)i;
    }
    return DIRECTIVE_NONE;
}

static void put_argument(line *out, directive kind, va_list *args)
{
    switch (kind) {
    case DIRECTIVE_PERCENT: put(out, "%", 1); break;
    case DIRECTIVE_CHAR: {
        uint8_t byte = (uint8_t)va_arg(*args, int);
        put_bytes(out, (mt_bytes){&byte, 1});
        break;
    }
    case DIRECTIVE_INT: {
        long long number = va_arg(*args, int);
        put_number(out, (unsigned long long)(number < 0 ? -number : number), number < 0);
        break;
    }
    case DIRECTIVE_UNSIGNED: put_number(out, va_arg(*args, unsigned), false); break;
    case DIRECTIVE_SIZE: put_number(out, va_arg(*args, size_t), false); break;
    case DIRECTIVE_LONG_LONG: put_number(out, va_arg(*args, unsigned long long), false); break;
    case DIRECTIVE_STRING: {
        const char *text = va_arg(*args, const char *);
        put_bytes(out, mt_str(text ? text : "(null)"));
        break;
    }
    case DIRECTIVE_RUN: {
        int len = va_arg(*args, int);
        const uint8_t *data = (const uint8_t *)va_arg(*args, const char *);
        put_bytes(out, (mt_bytes){data, len > 0 ? (size_t)len : 0});
        break;
    }
    case DIRECTIVE_NONE: break;
    }
}

/* A directive that is not ours is shown as it stands, with all behind it: what its argument is, and
 * where the next one lies, is not known. */
static void put_format(line *out, const char *format, va_list *args)
{
    while (*format) {
        const char *start = format, *end;
        directive kind;

        while (*format && *format != '%') format++;
        put_bytes(out, (mt_bytes){(const uint8_t *)start, (size_t)(format - start)});
        if (!*format) return;
        kind = read_directive(format + 1, &end);
        if (kind == DIRECTIVE_NONE) {
            put_bytes(out, mt_str(format));
            return;
        }
        put_argument(out, kind, args);
        format = end;
    }
}

mt_status mti_fail(mt_error *err, mt_status status, const char *format, ...)
{
    line out;
    va_list args;

    if (!err) return status;
    out.len = 0;
    out.full = false;
    va_start(args, format);
    put_format(&out, format, &args);
    va_end(args);
    err->status = status;
    memcpy(err->text, out.text, out.len);
    err->text[out.len] = 0;
    return status;
}

mt_status mti_no_memory(mt_error *err)
{
    return mti_fail(err, MT_NO_MEMORY, "out of memory");
}
