#include "test_json.h"

#include "test.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef MYTOSIS_VECTORS_DIR
#define MYTOSIS_VECTORS_DIR "tests/vectors"
#endif

static _Noreturn void refuse(const char *what, const char *which)
{
    fprintf(stderr, "test_json: %s: %.60s\n", what, which);
    abort();
}

mt_bytes test_vectors(const char *file)
{
    const char *folder = getenv("MYTOSIS_VECTORS");
    char path[4096];
    uint8_t *data;
    FILE *in;
    long len = 0;

    if (!folder) folder = MYTOSIS_VECTORS_DIR;
    snprintf(path, sizeof path, "%s/%s", folder, file);
    in = fopen(path, "rb");
    if (!in || fseek(in, 0, SEEK_END) != 0 || (len = ftell(in)) <= 0) refuse("cannot read", path);
    rewind(in);
    data = malloc((size_t)len + 1);
    if (!data || fread(data, 1, (size_t)len, in) != (size_t)len) refuse("cannot read", path);
    fclose(in);
    data[len] = 0; /* for messages, and so that looking one byte ahead is safe */
    return (mt_bytes){data, (size_t)len};
}

void test_vectors_free(mt_bytes text)
{
    free((void *)(uintptr_t)text.data);
}

static size_t skip_space(mt_bytes text, size_t at)
{
    while (at < text.len && memchr(" \n\r\t", text.data[at], 4)) at++;
    return at;
}

/* From a quote to behind the next one that is not escaped. */
static size_t skip_string(mt_bytes text, size_t at)
{
    for (at++; at < text.len && text.data[at] != '"'; at++)
        if (text.data[at] == '\\') at++;
    if (at >= text.len) refuse("a string does not end", (const char *)text.data);
    return at + 1;
}

/* From the first character of a value to behind its last. */
static size_t skip_value(mt_bytes text, size_t at)
{
    size_t depth = 0;

    if (at < text.len && text.data[at] == '"') return skip_string(text, at);
    if (at < text.len && !memchr("[{", text.data[at], 2)) {
        while (at < text.len && !memchr(",]} \n\r\t", text.data[at], 7)) at++;
        return at;
    }
    do {
        if (at >= text.len) refuse("a value does not end", (const char *)text.data);
        if (text.data[at] == '"') {
            at = skip_string(text, at);
            continue;
        }
        if (memchr("[{", text.data[at], 2)) depth++;
        if (memchr("]}", text.data[at], 2)) depth--;
        at++;
    } while (depth > 0);
    return at;
}

test_json_iter test_json_items(mt_bytes array_or_object)
{
    size_t at = skip_space(array_or_object, 0);

    if (at == array_or_object.len || !memchr("[{", array_or_object.data[at], 2))
        refuse("neither array nor object", (const char *)array_or_object.data);
    return (test_json_iter){array_or_object, at};
}

/* Reads a value and passes the space behind it. */
static mt_bytes take(test_json_iter *iter)
{
    size_t start = skip_space(iter->text, iter->at), end = skip_value(iter->text, start);

    iter->at = skip_space(iter->text, end);
    return (mt_bytes){iter->text.data + start, end - start};
}

bool test_json_next(test_json_iter *iter, mt_bytes *key, mt_bytes *value)
{
    mt_bytes slice;

    /* At the opening mark, at a comma, or at the closing mark. */
    if (iter->at >= iter->text.len || memchr("]}", iter->text.data[iter->at], 2)) return false;
    iter->at = skip_space(iter->text, iter->at + 1);
    if (iter->at < iter->text.len && memchr("]}", iter->text.data[iter->at], 2)) return false;
    slice = take(iter);
    if (iter->at < iter->text.len && iter->text.data[iter->at] == ':') {
        if (key) *key = slice;
        iter->at++;
        slice = take(iter);
    }
    *value = slice;
    return true;
}

mt_bytes test_json_get(mt_bytes object, const char *name)
{
    test_json_iter iter = test_json_items(object);
    mt_bytes key = {NULL, 0}, value;

    while (test_json_next(&iter, &key, &value)) {
        if (key.len == strlen(name) + 2 && memcmp(key.data + 1, name, key.len - 2) == 0)
            return value;
    }
    return (mt_bytes){NULL, 0};
}

bool test_json_is(mt_bytes slice, const char *text)
{
    return slice.len == strlen(text) && memcmp(slice.data, text, slice.len) == 0;
}

static uint32_t hex_unit(const uint8_t *at)
{
    char digits[5] = {(char)at[0], (char)at[1], (char)at[2], (char)at[3], 0};

    return (uint32_t)strtoul(digits, NULL, 16);
}

static uint8_t *put_code(uint32_t code, uint8_t *out)
{
    if (code < 0x80) {
        *out++ = (uint8_t)code;
    } else if (code < 0x800) {
        *out++ = (uint8_t)(0xC0 + (code >> 6));
        *out++ = (uint8_t)(0x80 + code % 64);
    } else if (code < 0x10000) {
        *out++ = (uint8_t)(0xE0 + (code >> 12));
        *out++ = (uint8_t)(0x80 + (code >> 6) % 64);
        *out++ = (uint8_t)(0x80 + code % 64);
    } else {
        *out++ = (uint8_t)(0xF0 + (code >> 18));
        *out++ = (uint8_t)(0x80 + (code >> 12) % 64);
        *out++ = (uint8_t)(0x80 + (code >> 6) % 64);
        *out++ = (uint8_t)(0x80 + code % 64);
    }
    return out;
}

size_t test_json_string(mt_bytes slice, uint8_t *out)
{
    const uint8_t *at = slice.data + 1, *end = slice.data + slice.len - 1;
    uint8_t *start = out;
    const char *letter;
    uint32_t code;

    if (slice.len < 2 || slice.data[0] != '"') refuse("not a string", (const char *)slice.data);
    while (at < end) {
        if (*at != '\\') {
            *out++ = *at++;
            continue;
        }
        if ((letter = strchr("b\bf\fn\nr\rt\t", at[1])) && at[1] != 0) {
            *out++ = (uint8_t)letter[1];
            at += 2;
        } else if (at[1] == 'u') {
            code = hex_unit(at + 2);
            at += 6;
            if (code >= 0xD800 && code < 0xDC00) {
                code = 0x10000 + ((code - 0xD800) << 10) + (hex_unit(at + 2) - 0xDC00);
                at += 6;
            }
            out = put_code(code, out);
        } else {
            *out++ = at[1];
            at += 2;
        }
    }
    return (size_t)(out - start);
}

static uint8_t digit_of(uint8_t c)
{
    CHECK((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'));
    return (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

mt_bytes test_json_hex(mt_bytes slice)
{
    static uint8_t rooms[8][4096];
    static size_t next;
    uint8_t *out = rooms[next++ % 8];
    size_t len = slice.len > 2 ? (slice.len - 2) / 2 : 0;

    CHECK(len <= sizeof rooms[0]);
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)(digit_of(slice.data[1 + 2 * i]) << 4 | digit_of(slice.data[2 + 2 * i]));
    return (mt_bytes){out, len};
}
