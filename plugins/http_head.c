#include "plugins/http_head.h"

#include "plugins/gather.h"

#include <string.h>

/* Fields that may be there once; others are read over. */
static const struct field {
    const char *name; /* in small letters */
    size_t offset;
} fields[] = {
    {"host", offsetof(mti_http_head, host)},
    {"upgrade", offsetof(mti_http_head, upgrade)},
    {"connection", offsetof(mti_http_head, connection)},
    {"origin", offsetof(mti_http_head, origin)},
    {"sec-websocket-key", offsetof(mti_http_head, key)},
    {"sec-websocket-version", offsetof(mti_http_head, version)},
    {"sec-websocket-accept", offsetof(mti_http_head, accept)},
    {"sec-websocket-protocol", offsetof(mti_http_head, protocol)},
    {"sec-websocket-extensions", offsetof(mti_http_head, extensions)},
    {"content-length", offsetof(mti_http_head, content_length)},
    {"transfer-encoding", offsetof(mti_http_head, transfer_encoding)},
};

static mt_status wrong(mt_error *err, const char *what)
{
    return mti_link_error(err, MT_MALFORMED, "%s", what);
}

/* ---- Letters ---- */

static uint8_t small(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c - 'A' + 'a') : c;
}

static bool is_token(uint8_t c)
{
    return (c >= '0' && c <= '9') || (small(c) >= 'a' && small(c) <= 'z') ||
           (c > ' ' && c < 127 && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t';
}

static mt_bytes trim(mt_bytes text)
{
    while (text.len > 0 && is_space(text.data[0])) {
        text.data++;
        text.len--;
    }
    while (text.len > 0 && is_space(text.data[text.len - 1])) text.len--;
    return text;
}

/* In letters of any case; `word` has small ones. */
static bool is_word(mt_bytes text, const char *word)
{
    if (text.len != strlen(word)) return false;
    for (size_t i = 0; i < text.len; i++) {
        if (small(text.data[i]) != (uint8_t)word[i]) return false;
    }
    return true;
}

bool mti_http_lists(mt_bytes list, const char *word)
{
    while (list.len > 0) {
        const uint8_t *comma = memchr(list.data, ',', list.len);
        size_t len = comma ? (size_t)(comma - list.data) : list.len;

        if (is_word(trim((mt_bytes){list.data, len}), word)) return true;
        if (comma) len++;
        list.data += len;
        list.len -= len;
    }
    return false;
}

/* ---- Lines ---- */

size_t mti_http_head_len(mt_bytes bytes, size_t from)
{
    for (size_t i = from > 3 ? from - 3 : 0; i + 4 <= bytes.len; i++) {
        if (memcmp(bytes.data + i, "\r\n\r\n", 4) == 0) return i + 4;
    }
    return 0;
}

/* Takes the next line, without its end. False: it has none, or bytes that no line has. */
static bool line_take(mt_bytes *rest, mt_bytes *line)
{
    for (size_t i = 0; i < rest->len; i++) {
        uint8_t c = rest->data[i];

        if (c == '\r' && i + 1 < rest->len && rest->data[i + 1] == '\n') {
            *line = (mt_bytes){rest->data, i};
            rest->data += i + 2;
            rest->len -= i + 2;
            return true;
        }
        if ((c < ' ' && c != '\t') || c == 127) return false;
    }
    return false;
}

/* Takes what stands before the next space; that is taken too. */
static mt_bytes word_take(mt_bytes *rest)
{
    const uint8_t *space = rest->len ? memchr(rest->data, ' ', rest->len) : NULL;
    mt_bytes word = {rest->data, space ? (size_t)(space - rest->data) : rest->len};
    size_t taken = space ? word.len + 1 : word.len;

    rest->data += taken;
    rest->len -= taken;
    return word;
}

/* Of "HTTP/1.0" and "HTTP/1.1", and of later ones that read like these. */
static bool version_read(mt_bytes text, mti_http_head *out)
{
    if (text.len != 8 || memcmp(text.data, "HTTP/1.", 7) != 0) return false;
    if (text.data[7] < '0' || text.data[7] > '9') return false;
    out->minor = text.data[7] - (unsigned)'0';
    return true;
}

static mt_status field_read(mt_bytes line, mti_http_head *out, mt_error *err)
{
    size_t len = 0;
    mt_bytes *value;

    while (len < line.len && is_token(line.data[len])) len++;
    if (len == 0 || len == line.len || line.data[len] != ':')
        return wrong(err, "a field of HTTP is not a name, a colon and a value");
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        if (!is_word((mt_bytes){line.data, len}, fields[i].name)) continue;
        value = (mt_bytes *)(void *)((uint8_t *)out + fields[i].offset);
        if (value->data) {
            return mti_link_error(err, MT_MALFORMED, "the field %s of HTTP is there twice",
                                  fields[i].name);
        }
        *value = trim((mt_bytes){line.data + len + 1, line.len - len - 1});
        return MT_OK;
    }
    return MT_OK;
}

static mt_status fields_read(mt_bytes rest, mti_http_head *out, mt_error *err)
{
    mt_bytes line;
    mt_status st;

    for (;;) {
        if (!line_take(&rest, &line)) return wrong(err, "a line of HTTP does not end as it must");
        if (line.len == 0) return MT_OK;
        if ((st = field_read(line, out, err)) != MT_OK) return st;
    }
}

/* ---- Heads ---- */

static bool is_method(mt_bytes method)
{
    for (size_t i = 0; i < method.len; i++) {
        if (!is_token(method.data[i])) return false;
    }
    return method.len > 0;
}

/* A path as it is in a URL: no spaces and nothing beyond ASCII. */
static bool is_target(mt_bytes target)
{
    for (size_t i = 0; i < target.len; i++) {
        if (target.data[i] <= ' ' || target.data[i] > '~') return false;
    }
    return target.len > 0 && target.data[0] == '/';
}

mt_status mti_http_request_read(mt_bytes head, mti_http_head *out, mt_error *err)
{
    mt_bytes line;

    *out = (mti_http_head){.status = 0};
    if (!line_take(&head, &line)) return wrong(err, "a request of HTTP has no first line");
    out->method = word_take(&line);
    out->target = word_take(&line);
    if (!version_read(line, out))
        return wrong(err, "the first line is not that of an HTTP/1 request");
    if (!is_method(out->method) || !is_target(out->target))
        return wrong(err, "the first line of HTTP has no method, or no path");
    return fields_read(head, out, err);
}

mt_status mti_http_answer_read(mt_bytes head, mti_http_head *out, mt_error *err)
{
    mt_bytes line, status;

    *out = (mti_http_head){.status = 0};
    if (!line_take(&head, &line)) return wrong(err, "an answer of HTTP has no first line");
    if (!version_read(word_take(&line), out))
        return wrong(err, "the first line is not that of an HTTP/1 answer");
    status = word_take(&line);
    if (status.len != 3) return wrong(err, "an answer of HTTP has no status");
    for (size_t i = 0; i < 3; i++) {
        if (status.data[i] < '0' || status.data[i] > '9')
            return wrong(err, "an answer of HTTP has no status");
        out->status = out->status * 10 + status.data[i] - (unsigned)'0';
    }
    out->reason = line;
    return fields_read(head, out, err);
}
