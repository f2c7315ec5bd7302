/* plugins/socket.h - one socket on the loop: what waits to be sent, and what it is watched for.
 *
 * uv_poll and not uv_stream: libuv 1.44 writes without MSG_NOSIGNAL, so that a peer that is gone
 * would end the host by SIGPIPE. */
#ifndef MTI_SOCKET_H
#define MTI_SOCKET_H

#include "plugins/tls.h"

#include <sys/types.h>
#include <uv.h>

/* All zero but for `fd` (-1), `out.mem` and the functions is one that is not open. */
typedef struct mti_socket {
    uv_poll_t poll;
    int fd;        /* -1: not open */
    int watched;   /* the events that `poll` is started for */
    bool closing;  /* `poll` is */
    mti_tls *tls;  /* OWNED; NULL: what goes over it is plain */
    mt_buf out;    /* what waits to be sent, */
    size_t out_at; /* from here */
    void (*ready)(struct mti_socket *s, bool readable, bool writable); /* both: look for an error */
    void (*closed)(struct mti_socket *s);
} mti_socket;

/* Takes `fd`, which is MOVED. MT_IO: the loop does not take it. */
mt_status mti_socket_open(mti_socket *s, uv_loop_t *uv, int fd);

/* Lets what goes over one that is open be plain from now on. */
void mti_socket_plain(mti_socket *s);

/* Closes what is open: `closed` comes in the loop's next iteration, when the socket may be opened
 * again. What waits is dropped. */
void mti_socket_close(mti_socket *s);

/* Watches for what can be read, if that is wanted, and, while something waits or `connecting`, for
 * when can be written. */
void mti_socket_watch(mti_socket *s, bool read, bool connecting);

/* How much waits to be sent. */
size_t mti_socket_queued(const mti_socket *s);

/* Adds a head and what follows it to what waits. `mask` (4 bytes), if it is not NULL, is laid over
 * the latter. MT_NO_MEMORY: nothing was added. */
mt_status mti_socket_put(mti_socket *s, mt_bytes head, mt_bytes body, const uint8_t *mask);

/* Forgets what waits to be sent. */
void mti_socket_drop(mti_socket *s);

/* Sends what waits, as far as it goes now. 0, or what errno was; EPROTO: TLS knows why. */
int mti_socket_flush(mti_socket *s);

/* Reads at most `cap` bytes: how many, 0 at the end, or a negative errno; -EAGAIN: nothing now. */
ssize_t mti_socket_read(mti_socket *s, uint8_t *into, size_t cap);

/* Whether to read though the socket did not become readable: bytes came before that were not taken,
 * or, `writable`, reading had to wait until it is. */
bool mti_socket_has_more(const mti_socket *s, bool writable);

/* Ends our side, all being sent. False: it cannot be told yet, and is to be tried again. */
bool mti_socket_end(mti_socket *s);

/* The system's calls, without a signal and again if one interrupts them. Answer as mti_socket_read. */
ssize_t mti_fd_send(int fd, const uint8_t *data, size_t len);
ssize_t mti_fd_read(int fd, uint8_t *into, size_t cap);

#endif
