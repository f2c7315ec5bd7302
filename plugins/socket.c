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

    mti_socket_plain(s);
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

void mti_socket_plain(mti_socket *s)
{
    mti_tls_free(s->tls);
    s->tls = NULL;
}

/* Without a word of ours the peer would take the end for a cut, as it should if something is lost. */
void mti_socket_close(mti_socket *s)
{
    bool is_whole = mti_socket_queued(s) == 0;

    mti_socket_drop(s);
    if (s->fd < 0 || s->closing) return;
    if (s->tls && is_whole) (void)mti_tls_end(s->tls);
    s->closing = true;
    uv_close((uv_handle_t *)&s->poll, on_closed);
}

/* TLS may wait for what the peer says before it can send. */
static bool waits_to_write(const mti_socket *s, bool read)
{
    if (!s->tls) return mti_socket_queued(s) > 0;
    return mti_tls_write_waits(s->tls) || (read && mti_tls_read_waits(s->tls));
}

void mti_socket_watch(mti_socket *s, bool read, bool connecting)
{
    int events =
        (read ? UV_READABLE : 0) | (connecting || waits_to_write(s, read) ? UV_WRITABLE : 0);

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
        const uint8_t *data = s->out.data + s->out_at;
        ssize_t sent = s->tls ? mti_tls_write(s->tls, data, mti_socket_queued(s))
                              : mti_fd_send(s->fd, data, mti_socket_queued(s));

        if (sent == -EAGAIN) return 0;
        if (sent < 0) return (int)-sent;
        s->out_at += (size_t)sent;
    }
    mti_socket_drop(s);
    return 0;
}

ssize_t mti_socket_read(mti_socket *s, uint8_t *into, size_t cap)
{
    return s->tls ? mti_tls_read(s->tls, into, cap) : mti_fd_read(s->fd, into, cap);
}

bool mti_socket_has_more(const mti_socket *s, bool writable)
{
    return s->tls && (mti_tls_has_more(s->tls) || (writable && mti_tls_read_waits(s->tls)));
}

bool mti_socket_end(mti_socket *s)
{
    if (s->tls && !mti_tls_end(s->tls)) return false;
    (void)shutdown(s->fd, SHUT_WR);
    return true;
}

ssize_t mti_fd_send(int fd, const uint8_t *data, size_t len)
{
    ssize_t sent;

    do {
        sent = send(fd, data, len, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    if (sent >= 0) return sent;
    return errno == EWOULDBLOCK || errno == ENOBUFS ? -EAGAIN : -errno;
}

ssize_t mti_fd_read(int fd, uint8_t *into, size_t cap)
{
    ssize_t got;

    do {
        got = recv(fd, into, cap, 0);
    } while (got < 0 && errno == EINTR);
    if (got >= 0) return got;
    return errno == EWOULDBLOCK ? -EAGAIN : -errno;
}
