#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void cli_text_init(cli_text *text)
{
    memset(text, 0, sizeof *text);
    text->buf.mem = mt_mem_system();
}

void cli_text_free(cli_text *text)
{
    mt_buf_free(&text->buf);
}

bool cli_text_reserve(cli_text *text, size_t len)
{
    mt_buf *buf = &text->buf;
    size_t cap = buf->cap ? buf->cap : 256;
    void *data;

    if (text->status != MT_OK) return false;
    if (len <= buf->cap - buf->len) return true;
    while (cap - buf->len < len && cap <= SIZE_MAX / 2) cap *= 2;
    data = cap - buf->len < len ? NULL : buf->mem->resize(buf->mem->ctx, buf->data, buf->cap, cap);
    if (!data) {
        text->status = MT_NO_MEMORY;
        return false;
    }
    buf->data = data;
    buf->cap = cap;
    return true;
}

void cli_text_add(cli_text *text, mt_bytes bytes)
{
    if (bytes.len == 0 || !cli_text_reserve(text, bytes.len)) return;
    memcpy(text->buf.data + text->buf.len, bytes.data, bytes.len);
    text->buf.len += bytes.len;
}

void cli_text_str(cli_text *text, const char *string)
{
    cli_text_add(text, mt_str(string));
}

void cli_text_printf(cli_text *text, const char *format, ...)
{
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (len < 0 || !cli_text_reserve(text, (size_t)len + 1)) return;
    va_start(args, format);
    (void)vsnprintf((char *)text->buf.data + text->buf.len, (size_t)len + 1, format, args);
    va_end(args);
    text->buf.len += (size_t)len;
}

void cli_text_number(cli_text *text, uint64_t number)
{
    char digits[32];
    size_t at = sizeof digits;
    int count = 0;

    do {
        if (count > 0 && count % 3 == 0) digits[--at] = ',';
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
        count++;
    } while (number);
    cli_text_add(text, (mt_bytes){(const uint8_t *)digits + at, sizeof digits - at});
}

void cli_text_count(cli_text *text, uint64_t number, const char *noun)
{
    cli_text_number(text, number);
    cli_text_printf(text, " %s%s", noun, number == 1 ? "" : "s");
}

void cli_text_fact(cli_text *text, size_t start, uint64_t number, const char *fact)
{
    if (number == 0) return;
    if (text->buf.len > start) cli_text_str(text, ", ");
    cli_text_number(text, number);
    cli_text_printf(text, " %s", fact);
}

void cli_text_note(cli_text *text, mt_status status)
{
    if (text->status == MT_OK) text->status = status;
}
