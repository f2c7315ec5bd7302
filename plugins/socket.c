#include "plugins/socket.h"

#include "plugins/gather.h"
#include "plugins/websocket_frame.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0 /* there SO_NOSIGPIPE does it */
#endif

static void on_poll(uv_poll_t *poll, int status, int events)
{
    mti_socket *s = poll->data;

    if (s->closing) return;
    if (status < 0) s->watched = 0; /* libuv has stopped it */
    s->ready(s, status < 0 || events & UV_READABLE, status < 0 || events & UV_WRITABLE);
}

static void on_closed(uv_handle_t *handle)
{
    mti_socket *s = handle->data;

    close(s->fd);
    s->fd = -1;
    s->closing = false;
    s->closed(s);
}

mt_status mti_socket_open(mti_socket *s, uv_loop_t *uv, int fd)
{
    if (uv_poll_init(uv, &s->poll, fd) != 0) {
        close(fd);
        return MT_IO;
    }
    s->poll.data = s;
    s->fd = fd;
    s->watched = 0;
    s->closing = false;
    return MT_OK;
}

void mti_socket_close(mti_socket *s)
{
    mti_socket_drop(s);
    if (s->fd < 0 || s->closing) return;
    s->closing = true;
    uv_close((uv_handle_t *)&s->poll, on_closed);
}

void mti_socket_watch(mti_socket *s, bool read, bool connecting)
{
    int events =
        (read ? UV_READABLE : 0) | (connecting || mti_socket_queued(s) > 0 ? UV_WRITABLE : 0);

    if (s->fd < 0 || s->closing || events == s->watched) return;
    s->watched = events;
    if (events == 0) (void)uv_poll_stop(&s->poll);
    else (void)uv_poll_start(&s->poll, events, on_poll);
}

void mti_socket_drop(mti_socket *s)
{
    mt_buf_free(&s->out);
    s->out_at = 0;
}

size_t mti_socket_queued(const mti_socket *s)
{
    return s->out.len - s->out_at;
}

mt_status mti_socket_put(mti_socket *s, mt_bytes head, mt_bytes body, const uint8_t *mask)
{
    size_t before;

    if (s->out_at > s->out.len / 2) {
        s->out.len -= s->out_at;
        memmove(s->out.data, s->out.data + s->out_at, s->out.len);
        s->out_at = 0;
    }
    before = s->out.len;
    if (mti_gather(&s->out, head.data, head.len, SIZE_MAX) != MT_OK) return MT_NO_MEMORY;
    if (mti_gather(&s->out, body.data, body.len, SIZE_MAX) != MT_OK) {
        s->out.len = before;
        return MT_NO_MEMORY;
    }
    if (mask) mti_websocket_mask(s->out.data + before + head.len, body.len, mask, 0);
    return MT_OK;
}

int mti_socket_flush(mti_socket *s)
{
    while (mti_socket_queued(s) > 0) {
        ssize_t sent = send(s->fd, s->out.data + s->out_at, mti_socket_queued(s), MSG_NOSIGNAL);

        if (sent >= 0) s->out_at += (size_t)sent;
        else if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS) return 0;
        else if (errno != EINTR) return errno;
    }
    mti_socket_drop(s);
    return 0;
}

ssize_t mti_socket_read(mti_socket *s, uint8_t *into, size_t cap)
{
    ssize_t got;

    do {
        got = recv(s->fd, into, cap, 0);
    } while (got < 0 && errno == EINTR);
    if (got >= 0) return got;
    return errno == EWOULDBLOCK ? -EAGAIN : -errno;
}
