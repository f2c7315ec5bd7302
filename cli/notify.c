#include "notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static mt_status fail(mt_error *err, mt_status st, const char *why)
{
    err->status = st;
    (void)snprintf(err->text, sizeof err->text, "NOTIFY_SOCKET: %s", why);
    return st;
}

/* An abstract name has a zero where its @ is, and ends with its length. */
static mt_status address_of(const char *name, struct sockaddr_un *address, socklen_t *len,
                            mt_error *err)
{
    size_t name_len = strlen(name);

    if ((*name != '/' && *name != '@') || name_len < 2)
        return fail(err, MT_INVALID, "it is neither a path from / nor a name behind @");
    if (name_len >= sizeof address->sun_path)
        return fail(err, MT_INVALID, "it is longer than a socket's name can be");
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    memcpy(address->sun_path, name, name_len);
    if (*name == '@') address->sun_path[0] = '\0';
    *len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + name_len + (*name == '/'));
    return MT_OK;
}

mt_status cli_notify(const char *state, mt_error *err)
{
    const char *name = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address;
    socklen_t len;
    mt_status st;
    int fd;

    if (!name || !*name) return MT_OK;
    if ((st = address_of(name, &address, &len, err)) != MT_OK) return st;
    if ((fd = socket(AF_UNIX, SOCK_DGRAM, 0)) < 0) return fail(err, MT_IO, strerror(errno));
    if (sendto(fd, state, strlen(state), 0, (const struct sockaddr *)&address, len) < 0)
        st = fail(err, MT_IO, strerror(errno));
    (void)close(fd);
    return st;
}
