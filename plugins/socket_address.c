#include "plugins/socket_address.h"

#include "plugins/gather.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool of_path(mt_bytes path, mti_address *out)
{
    out->at.path.sun_family = AF_UNIX;
    memcpy(out->at.path.sun_path, path.data, path.len);
    out->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path.len + 1);
    return true;
}

bool mti_address_of(const mti_url *url, mti_address *out)
{
    char host[INET6_ADDRSTRLEN] = {0};

    memset(out, 0, sizeof *out);
    if (url->kind == MTI_URL_UNIX) return of_path(url->path, out);
    if (url->host.len >= sizeof host) return false;
    memcpy(host, url->host.data, url->host.len);
    if (url->bracketed) {
        out->at.ip6.sin6_family = AF_INET6;
        out->at.ip6.sin6_port = htons(url->port);
        out->len = sizeof out->at.ip6;
        return inet_pton(AF_INET6, host, &out->at.ip6.sin6_addr) == 1;
    }
    out->at.ip4.sin_family = AF_INET;
    out->at.ip4.sin_port = htons(url->port);
    out->len = sizeof out->at.ip4;
    return inet_pton(AF_INET, host, &out->at.ip4.sin_addr) == 1;
}

bool mti_address_is_local(const mti_address *address)
{
    switch (address->at.any.sa_family) {
    case AF_UNIX: return true;
    case AF_INET: return ntohl(address->at.ip4.sin_addr.s_addr) >> 24 == 127;
    case AF_INET6: return IN6_IS_ADDR_LOOPBACK(&address->at.ip6.sin6_addr);
    default: return false;
    }
}

/* "localhost" is not asked for: whoever answers for names could say anything. */
static bool to_listen(const mti_url *url, mti_address *out)
{
    mti_url here = *url;

    if (url->kind != MTI_URL_UNIX && mt_bytes_equal(url->host, mt_str("localhost")))
        here.host = mt_str("127.0.0.1");
    return mti_address_of(&here, out);
}

mt_status mti_address_to_listen(const char *text, const mti_url *url, mti_address *out,
                                mt_error *err)
{
    if (to_listen(url, out)) return MT_OK;
    return mti_link_error(err, MT_INVALID, "%s: the host to listen on is an address, or localhost",
                          text);
}

bool mt_url_is_local(const char *url)
{
    mti_address address;
    mti_url parsed;

    if (mti_url_read(url, &parsed, NULL) != MT_OK) return false;
    return to_listen(&parsed, &address) && mti_address_is_local(&address);
}

void mti_address_text(const mti_address *address, char out[MTI_ADDRESS_TEXT_MAX])
{
    char host[INET6_ADDRSTRLEN] = "";

    out[0] = '\0';
    if (address->at.any.sa_family == AF_INET) {
        inet_ntop(AF_INET, &address->at.ip4.sin_addr, host, sizeof host);
        snprintf(out, MTI_ADDRESS_TEXT_MAX, "%s:%u", host,
                 (unsigned)ntohs(address->at.ip4.sin_port));
    } else if (address->at.any.sa_family == AF_INET6) {
        inet_ntop(AF_INET6, &address->at.ip6.sin6_addr, host, sizeof host);
        snprintf(out, MTI_ADDRESS_TEXT_MAX, "[%s]:%u", host,
                 (unsigned)ntohs(address->at.ip6.sin6_port));
    }
}

bool mti_address_prepare(int fd, bool is_unix)
{
    const int on = 1;
    int flags = fcntl(fd, F_GETFL);

    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0) return false;
    if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) return false;
#ifdef SO_NOSIGPIPE
    (void)setsockopt(fd, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on);
#endif
    if (!is_unix) (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return true;
}

int mti_address_socket(const mti_address *address)
{
    int family = address->at.any.sa_family, fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || mti_address_prepare(fd, family == AF_UNIX)) return fd;
    close(fd);
    return -1;
}

bool mti_address_meets_itself(int fd)
{
    mti_address here, there;

    memset(&here, 0, sizeof here);
    memset(&there, 0, sizeof there);
    here.len = there.len = sizeof here.at;
    if (getsockname(fd, &here.at.any, &here.len) != 0) return false;
    if (getpeername(fd, &there.at.any, &there.len) != 0) return false;
    return here.at.any.sa_family != AF_UNIX && here.len == there.len &&
           memcmp(&here.at, &there.at, here.len) == 0;
}
