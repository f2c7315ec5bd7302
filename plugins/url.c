#include "plugins/url.h"

#include "plugins/gather.h"

#include <string.h>

/* A text that is read from left to right. */
typedef struct reader {
    const char *url;
    const char *at;
    const char *end;
    mt_error *err;
} reader;

static const struct scheme {
    const char *prefix;
    mti_url_kind kind;
    bool is_tls;
} schemes[] = {{"tcp://", MTI_URL_TCP, false},
               {"ws://", MTI_URL_WS, false},
               {"wss://", MTI_URL_WS, true},
               {"unix:", MTI_URL_UNIX, false}};

static mt_status wrong(const reader *r, const char *what)
{
    return mti_link_error(r->err, MT_INVALID, "%s: byte %zu: %s", r->url, (size_t)(r->at - r->url),
                          what);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_name(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '.' || c == '_';
}

static mt_bytes since(const reader *r, const char *begin)
{
    return (mt_bytes){(const uint8_t *)begin, (size_t)(r->at - begin)};
}

static mt_status scheme_read(reader *r, mti_url *out)
{
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        size_t len = strlen(schemes[i].prefix);

        if (strncmp(r->url, schemes[i].prefix, len) != 0) continue;
        out->kind = schemes[i].kind;
        out->is_tls = schemes[i].is_tls;
        r->at += len;
        return MT_OK;
    }
    return mti_link_error(r->err, MT_UNSUPPORTED,
                          "%s: does not begin with tcp://, ws://, wss:// or unix:", r->url);
}

static mt_status host_read(reader *r, mti_url *out)
{
    const char *begin;

    out->bracketed = *r->at == '[';
    if (out->bracketed) r->at++;
    begin = r->at;
    if (out->bracketed) {
        while (is_hex(*r->at) || *r->at == ':' || *r->at == '.') r->at++;
    } else {
        while (is_name(*r->at)) r->at++;
    }
    out->host = since(r, begin);
    if (out->bracketed && *r->at != ']')
        return wrong(r, "an IPv6 address in brackets has hex digits, colons and a bracket behind");
    if (out->host.len == 0) return wrong(r, "there is no host here");
    if (out->bracketed) r->at++;
    return MT_OK;
}

static mt_status port_read(reader *r, mti_url *out)
{
    uint32_t port = 0;
    const char *begin;

    if (*r->at != ':') {
        out->port = out->is_tls ? 443 : 80;
        if (out->kind == MTI_URL_WS && (*r->at == '/' || !*r->at)) return MT_OK;
        return wrong(r, *r->at ? "this cannot be in a host; a port stands behind a colon"
                               : "there is no port here, such as :7117");
    }
    begin = ++r->at;
    for (; is_digit(*r->at) && port <= UINT16_MAX; r->at++) {
        port = port * 10 + (uint32_t)(*r->at - '0');
    }
    if (r->at == begin) return wrong(r, "there is no port here, such as 7117");
    if (port > UINT16_MAX) return wrong(r, "a port is at most 65535");
    out->port = (uint16_t)port;
    return MT_OK;
}

/* What a request of HTTP may hold: no spaces, no control bytes, no fragment. */
static mt_status path_read(reader *r, mti_url *out)
{
    const char *begin = r->at;

    if (*r->at && *r->at != '/') return wrong(r, "only a path may stand behind the port");
    for (; *r->at; r->at++) {
        if (*r->at <= ' ' || *r->at > '~' || *r->at == '#')
            return wrong(r, "this cannot be in a path");
    }
    out->path = since(r, begin);
    if (out->path.len == 0) out->path = mt_str("/");
    return MT_OK;
}

static mt_status unix_read(reader *r, mti_url *out)
{
    if (strncmp(r->at, "//", 2) == 0) {
        r->at += 2;
        if (*r->at != '/') return wrong(r, "behind unix:// stands the slash of an absolute path");
    }
    out->path = mt_str(r->at);
    if (out->path.len == 0) return wrong(r, "there is no path here");
    if (out->path.len > MTI_UNIX_PATH_MAX) {
        return mti_link_error(r->err, MT_TOO_LARGE,
                              "%s: a path of %zu bytes; that of a Unix socket has at most %d",
                              r->url, out->path.len, MTI_UNIX_PATH_MAX);
    }
    return MT_OK;
}

mt_status mti_url_read(const char *url, mti_url *out, mt_error *err)
{
    reader r = {.url = url, .at = url, .end = url + strlen(url), .err = err};
    mt_status st;

    *out = (mti_url){.kind = MTI_URL_TCP};
    if (r.end - url > MT_CONNECTION_ID_LEN_MAX) {
        return mti_link_error(err, MT_TOO_LARGE, "a URL of %zu bytes, and %d are the most",
                              (size_t)(r.end - url), MT_CONNECTION_ID_LEN_MAX);
    }
    if ((st = scheme_read(&r, out)) != MT_OK) return st;
    if (out->kind == MTI_URL_UNIX) return unix_read(&r, out);
    if ((st = host_read(&r, out)) != MT_OK) return st;
    if ((st = port_read(&r, out)) != MT_OK) return st;
    if (out->kind == MTI_URL_WS) return path_read(&r, out);
    return *r.at ? wrong(&r, "nothing may stand behind the port") : MT_OK;
}

const char *mti_url_type(mti_url_kind kind)
{
    switch (kind) {
    case MTI_URL_TCP: return "tcp";
    case MTI_URL_UNIX: return "unix";
    case MTI_URL_WS: return "websocket";
    }
    return "";
}
