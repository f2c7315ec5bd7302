#include "shown.h"

#include <inttypes.h>
#include <string.h>

/* How many of the bytes that a value holds are shown. */
#define BYTES_SHOWN 16

#define INVALID UINT32_MAX

/* Takes one character from `bytes`; INVALID for a byte that is none. */
static uint32_t next_character(mt_bytes *bytes)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    uint8_t lead = bytes->data[0];
    size_t len = lead < 0x80 ? 1 : lead < 0xC0 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    uint32_t code = len < 2 ? lead : lead & (0x7Fu >> len);

    if (lead >= 0xF8 || len > bytes->len) len = 0;
    for (size_t i = 1; i < len; i++) {
        if ((bytes->data[i] & 0xC0) != 0x80) len = 0;
        else code = code << 6 | (bytes->data[i] & 0x3F);
    }
    if (len == 0 || code < least[len] || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) {
        len = 1;
        code = INVALID;
    }
    bytes->data += len;
    bytes->len -= len;
    return code;
}

typedef struct range {
    uint32_t first, last;
} range;

static bool is_in(uint32_t code, const range *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (code >= ranges[i].first && code <= ranges[i].last) return true;
    return false;
}

/* Controls, ends of lines, and what sets the direction of reading. */
static bool is_printable(uint32_t code)
{
    static const range hidden[] = {
        {0, 0x1F},        {0x7F, 0x9F},     {0xAD, 0xAD},     {0x61C, 0x61C},   {0x200B, 0x200F},
        {0x2028, 0x202E}, {0x2060, 0x206F}, {0xFEFF, 0xFEFF}, {0xFFF9, 0xFFFB}, {0xE0000, 0xE0FFF},
    };

    if (code < 0x7F) return code >= 0x20;
    return code != INVALID && !is_in(code, hidden, sizeof hidden / sizeof *hidden);
}

static size_t character_columns(uint32_t code)
{
    static const range combining[] = {
        {0x300, 0x36F}, {0x1AB0, 0x1AFF}, {0x20D0, 0x20FF}, {0xFE00, 0xFE0F}};
    static const range wide[] = {
        {0x1100, 0x115F},   {0x2E80, 0xA4CF},   {0xAC00, 0xD7A3}, {0xF900, 0xFAFF},
        {0xFE30, 0xFE6F},   {0xFF00, 0xFF60},   {0xFFE0, 0xFFE6}, {0x1F300, 0x1F64F},
        {0x1F900, 0x1F9FF}, {0x20000, 0x3FFFD},
    };

    if (code < 0x300) return 1;
    if (is_in(code, combining, sizeof combining / sizeof *combining)) return 0;
    return is_in(code, wide, sizeof wide / sizeof *wide) ? 2 : 1;
}

size_t cli_shown_columns(mt_bytes bytes)
{
    size_t columns = 0;

    while (bytes.len > 0) columns += character_columns(next_character(&bytes));
    return columns;
}

/* One character, which lies in `whole`. `quoted`: as it is written between quotes. */
static void add_character(cli_text *text, uint32_t code, mt_bytes whole, bool quoted)
{
    static const char short_codes[] = "\"\\\b\f\n\r\t", short_letters[] = "\"\\bfnrt";
    const char *found = code && code < 0x80 ? strchr(short_codes, (int)code) : NULL;

    if (quoted && found) cli_text_printf(text, "\\%c", short_letters[found - short_codes]);
    else if (is_printable(code)) cli_text_add(text, whole);
    else if (code == INVALID || (code < 0x80 && !quoted))
        cli_text_printf(text, "\\x%02x", whole.data[0]);
    else if (code < 0x10000) cli_text_printf(text, "\\u%04" PRIx32, code);
    else cli_text_printf(text, "\\u{%" PRIx32 "}", code);
}

/* Adds characters until `columns` are used. Answers whether all were added. */
static bool add_characters(cli_text *text, mt_bytes bytes, bool quoted, size_t columns)
{
    while (bytes.len > 0) {
        mt_bytes whole = bytes;
        size_t start = text->buf.len, used;
        uint32_t code = next_character(&bytes);

        whole.len -= bytes.len;
        add_character(text, code, whole, quoted);
        if (text->status != MT_OK) return true;
        used = cli_shown_columns((mt_bytes){text->buf.data + start, text->buf.len - start});
        if (used > columns) {
            text->buf.len = start;
            return false;
        }
        columns -= used;
    }
    return true;
}

void cli_shown_raw(cli_text *text, mt_bytes bytes)
{
    (void)add_characters(text, bytes, false, SIZE_MAX);
}

/* Whether a key needs no quotes. */
static bool is_bare(mt_bytes key)
{
    if (key.len == 0 || key.data[0] == '-' || key.data[0] == '<') return false;
    while (key.len > 0) {
        uint32_t code = next_character(&key);

        if (!is_printable(code) || code == ' ' || code == '"' || code == '\\' || code == 0xA0)
            return false;
    }
    return true;
}

static void add_quoted(cli_text *text, mt_bytes bytes, size_t columns)
{
    cli_text_str(text, "\"");
    if (add_characters(text, bytes, true, columns > 2 ? columns - 2 : 0)) {
        cli_text_str(text, "\"");
        return;
    }
    cli_text_str(text, "…\" (");
    cli_text_count(text, bytes.len, "byte");
    cli_text_str(text, ")");
}

void cli_shown_key(cli_text *text, mt_bytes key)
{
    if (is_bare(key)) cli_text_add(text, key);
    else add_quoted(text, key, SIZE_MAX);
}

static void add_bytes(cli_text *text, mt_bytes bytes, size_t columns)
{
    size_t len = columns == SIZE_MAX || bytes.len < BYTES_SHOWN ? bytes.len : BYTES_SHOWN;

    cli_text_str(text, "<");
    cli_text_count(text, bytes.len, "byte");
    if (len > 0) cli_text_str(text, ": ");
    for (size_t i = 0; i < len; i++) cli_text_printf(text, "%02x", bytes.data[i]);
    cli_text_str(text, len < bytes.len ? "…>" : ">");
}

void cli_shown_value(cli_text *text, const mt_value *value, size_t columns)
{
    switch (value->kind) {
    case MT_NULL:
    case MT_BOOL:
    case MT_NUMBER: cli_text_note(text, mt_value_json(value, &text->buf)); break;
    case MT_INT: cli_text_printf(text, "%" PRId64, value->as.integer); break;
    case MT_STRING: add_quoted(text, value->as.bytes, columns); break;
    case MT_BYTES: add_bytes(text, value->as.bytes, columns); break;
    case MT_EDGE:
        cli_text_str(text, "-> ");
        cli_shown_key(text, value->as.bytes);
        break;
    }
}

void cli_shown_field(cli_text *text, const mt_field *field, size_t columns)
{
    if (field->kind == MT_FIELD_DELETED) cli_text_str(text, "deleted");
    else cli_shown_value(text, &field->value, columns);
}
