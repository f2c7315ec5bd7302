#include "plugins/socket_host.h"

#include "plugins/gather.h"
#include "plugins/socket_address.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

typedef struct host_parts {
    char url[MT_CONNECTION_ID_LEN_MAX + 1];
    mti_url parsed; /* of `url`; without a port it has that of its scheme */
    bool has_port;
    bool is_address;
    mti_address address; /* without the port */
} host_parts;

static void address_read(host_parts *out)
{
    mti_url without = out->parsed;

    without.port = 0;
    out->is_address = mti_address_of(&without, &out->address);
}

/* As the HOST[:PORT] of a URL, which is what it is. */
static bool host_read(mt_bytes text, const char *scheme, host_parts *out)
{
    size_t len = strlen(scheme) + text.len;
    const uint8_t *end;

    if (text.len == 0 || len >= sizeof out->url || memchr(text.data, '/', text.len)) return false;
    if (snprintf(out->url, sizeof out->url, "%s%.*s", scheme, (int)text.len,
                 (const char *)text.data) != (int)len)
        return false; /* there is a zero in it */
    if (mti_url_read(out->url, &out->parsed, NULL) != MT_OK) return false;
    end = out->parsed.host.data + out->parsed.host.len + (out->parsed.bracketed ? 1 : 0);
    out->has_port = *end != '\0';
    address_read(out);
    return out->is_address || !out->parsed.bracketed;
}

static bool is_name(const host_parts *h, mt_bytes name)
{
    return !h->is_address && h->parsed.host.len == name.len &&
           strncasecmp((const char *)h->parsed.host.data, (const char *)name.data, name.len) == 0;
}

static bool is_same_address(const host_parts *a, const host_parts *b)
{
    const struct in6_addr *a6 = &a->address.at.ip6.sin6_addr, *b6 = &b->address.at.ip6.sin6_addr;

    if (!a->is_address || !b->is_address) return false;
    if (a->address.at.any.sa_family != b->address.at.any.sa_family) return false;
    if (a->address.at.any.sa_family == AF_INET)
        return a->address.at.ip4.sin_addr.s_addr == b->address.at.ip4.sin_addr.s_addr;
    return IN6_ARE_ADDR_EQUAL(a6, b6);
}

static bool is_any_address(const mti_address *address)
{
    if (address->at.any.sa_family == AF_INET)
        return address->at.ip4.sin_addr.s_addr == htonl(INADDR_ANY);
    return IN6_IS_ADDR_UNSPECIFIED(&address->at.ip6.sin6_addr);
}

static bool is_listed(const mti_hosts *hosts, const host_parts *asked, const char *scheme)
{
    for (size_t i = 0; i < hosts->count; i++) {
        host_parts h;

        if (!host_read(hosts->listed[i], scheme, &h)) continue;
        if (h.has_port && h.parsed.port != asked->parsed.port) continue;
        if (is_same_address(&h, asked) || is_name(asked, h.parsed.host)) return true;
    }
    return false;
}

unsigned mti_hosts_check(const mti_hosts *hosts, mt_bytes host)
{
    const char *scheme;
    host_parts here, asked;

    if (mti_url_read(hosts->url, &here.parsed, NULL) != MT_OK) return 421;
    scheme = here.parsed.is_tls ? "wss://" : "ws://";
    address_read(&here);
    if (!host_read(host, scheme, &asked)) return 400;
    if (asked.is_address && mti_address_is_local(&asked.address)) return 200;
    if (asked.is_address && here.is_address && is_any_address(&here.address)) return 200;
    if (is_same_address(&asked, &here) || is_name(&asked, mt_str("localhost"))) return 200;
    return is_listed(hosts, &asked, scheme) ? 200 : 421;
}

mt_status mti_hosts_list_check(const mt_bytes *listed, size_t count, mt_error *err)
{
    for (size_t i = 0; i < count; i++) {
        host_parts h;

        if (host_read(listed[i], "ws://", &h)) continue;
        return mti_link_error(err, MT_INVALID,
                              "a host to answer to is HOST or HOST:PORT, not \"%.*s\"",
                              (int)(listed[i].len < 60 ? listed[i].len : 60),
                              listed[i].len ? (const char *)listed[i].data : "");
    }
    return MT_OK;
}
