/* plugins/socket_address.h - addresses of sockets: from URLs, and as text. */
#ifndef MTI_SOCKET_ADDRESS_H
#define MTI_SOCKET_ADDRESS_H

#include "plugins/url.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

typedef struct mti_address {
    socklen_t len;
    union {
        struct sockaddr any;
        struct sockaddr_in ip4;
        struct sockaddr_in6 ip6;
        struct sockaddr_un path;
    } at;
} mti_address;

/* The address that a URL says by itself. False: its host is a name, or, in brackets, nothing that is
 * an address. */
bool mti_address_of(const mti_url *url, mti_address *out);

/* Whether nobody but this machine reaches it. */
bool mti_address_is_local(const mti_address *address);

/* As mt_url_check does with `listen`, of a URL that was read, and gives the address. */
mt_status mti_address_to_listen(const char *text, const mti_url *url, mti_address *out,
                                mt_error *err);

/* "127.0.0.1:53122", "[::1]:53122"; of a Unix socket nothing. */
#define MTI_ADDRESS_TEXT_MAX 64
void mti_address_text(const mti_address *address, char out[MTI_ADDRESS_TEXT_MAX]);

/* A new socket for it that does not block, is not inherited and raises no SIGPIPE where that is a
 * matter of the socket. -1: errno says why not. */
int mti_address_socket(const mti_address *address);

/* The same for one that was accepted; false: errno says why not. */
bool mti_address_prepare(int fd, bool is_unix);

/* Whether a socket is connected to itself: dialing a port of this machine on which nobody listens, the
 * system may choose that very port for our side, and TCP takes that for a connection. */
bool mti_address_meets_itself(int fd);

#endif
