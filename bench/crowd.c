#define _GNU_SOURCE /* NOLINT(bugprone-reserved-identifier): for MAP_ANONYMOUS */
#include "crowd.h"

#include "figure.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* So much is read at once, and acknowledged after so much. */
#define READ_LEN ((size_t)64 * 1024)
#define ACK_LEN ((size_t)32 * 1024)

/* What both processes see. */
typedef struct board {
    atomic_size_t ready;
    atomic_ullong heard;
    atomic_size_t marked;
    double marks[CROWD_MARKS];
    double times[]; /* of each subscriber in turn, of each mark */
} board;

struct crowd {
    board *board;
    size_t size, count;
    pid_t process;
};

typedef struct subscriber {
    int fd;
    bool ready;
    size_t commits, marked; /* commits that came, of which so many were marked */
    size_t handled, len;    /* messages of data, and their bytes since the last ACK */
    size_t held;            /* bytes of a frame that has not all come */
    uint8_t frame[4096];
} subscriber;

/* ---- One of them ---- */

static void put(int fd, const void *bytes, size_t len)
{
    bench_well(send(fd, bytes, len, MSG_NOSIGNAL) == (ssize_t)len, "send");
}

/* A message of less than 126 bytes, in a frame whose mask is 0. */
static void say(int fd, const uint8_t *message, size_t len)
{
    uint8_t frame[6 + 125] = {0x82, (uint8_t)(0x80 | len)};

    memcpy(frame + 6, message, len);
    put(fd, frame, 6 + len);
}

static void upgrade(int fd)
{
    static const char request[] = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
                                  "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                                  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    char answer[1024] = "";
    size_t len = 0;

    put(fd, request, sizeof request - 1);
    while (len < 4 || memcmp(answer + len - 4, "\r\n\r\n", 4) != 0) {
        bench_well(len < sizeof answer, "a long answer");
        bench_well(recv(fd, answer + len, 1, 0) == 1, "upgrade");
        len++;
    }
}

/* As docs/protocol.md has it: HELLO with a wide window, SUBSCRIBE to all from nothing. */
static void greet(int fd, size_t number)
{
    uint8_t hello[] = "\x01\x02\x00\x01\x01\x01\x00"
                      "0123456789abcdef"
                      "fedcba9876543210"
                      "\x05\x00\x01\xff\xff\xff\xff\x0f\x00\x01\x06\x00";
    static const uint8_t subscribe[3 + 4 + 18] = {1, 8, 0, 1};

    memcpy(hello + 7, &number, sizeof number);
    memcpy(hello + 23, &number, sizeof number);
    say(fd, hello, sizeof hello);
    say(fd, subscribe, sizeof subscribe);
}

static void subscriber_open(subscriber *s, unsigned port, size_t number)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int on = 1;

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    s->fd = socket(AF_INET, SOCK_STREAM, 0);
    bench_well(s->fd >= 0, "socket");
    bench_well(connect(s->fd, (struct sockaddr *)&to, sizeof to) == 0, "connect");
    bench_well(setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0, "no delay");
    upgrade(s->fd);
    greet(s->fd, number + 1);
}

static void acknowledge(subscriber *s)
{
    uint8_t ack[16] = {1, 16, 0};
    size_t len = 3;

    for (size_t left = s->handled; len == 3 || left > 0; left >>= 7)
        ack[len++] = (uint8_t)((left & 0x7F) | (left > 0x7F ? 0x80 : 0));
    say(s->fd, ack, len);
    s->len = 0;
}

static void take_commit(board *b, subscriber *s, size_t at, size_t count, double now)
{
    size_t marked = atomic_load(&b->marked);

    s->commits++;
    if (s->marked < marked) {
        b->times[s->marked * count + at] = 1e6 * (now - b->marks[s->marked]);
        s->marked++;
    }
}

/* A message: DATA counts, and of that what its flags say. */
static void take_message(board *b, subscriber *s, size_t at, size_t count, const uint8_t *message,
                         size_t len, double now)
{
    if (len < 5 || message[1] != 14) return;
    s->handled++;
    s->len += len;
    if (message[4] & 1) take_commit(b, s, at, count, now);
    if (!(message[4] & 16) || s->ready) return;
    s->ready = true;
    atomic_fetch_add(&b->ready, 1);
}

/* All whole frames of some bytes; answers how many bytes they have. */
static size_t take_frames(board *b, subscriber *s, size_t at, size_t count, const uint8_t *bytes,
                          size_t len, double now)
{
    size_t taken = 0;

    while (len - taken >= 4) {
        const uint8_t *frame = bytes + taken;
        size_t head = frame[1] == 126 ? 4 : 2;
        size_t size = head == 4 ? (size_t)frame[2] << 8 | frame[3] : frame[1];
        if (len - taken < head + size) break;
        if ((frame[0] & 0x0F) == 2) take_message(b, s, at, count, frame + head, size, now);
        taken += head + size;
    }
    return taken;
}

static void take(board *b, subscriber *s, size_t at, size_t count, uint8_t *room)
{
    uint64_t before = s->commits;
    ssize_t got;
    size_t len, taken;

    memcpy(room, s->frame, s->held);
    got = recv(s->fd, room + s->held, READ_LEN, 0);
    bench_well(got > 0, "the peer hung up");
    len = s->held + (size_t)got;
    taken = take_frames(b, s, at, count, room, len, bench_now());
    s->held = len - taken;
    bench_well(s->held <= sizeof s->frame, "a long frame");
    memcpy(s->frame, room + taken, s->held);
    if (s->len >= ACK_LEN) acknowledge(s);
    atomic_fetch_add(&b->heard, s->commits - before);
}

/* ---- All of them ---- */

static void crowd_run(board *b, unsigned port, size_t count)
{
    subscriber *all = bench_room(count, sizeof *all);
    uint8_t *room = bench_room(1, sizeof all->frame + READ_LEN);
    struct epoll_event events[64];
    int poll = epoll_create1(0);

    bench_well(poll >= 0, "epoll");
    for (size_t i = 0; i < count; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.u64 = i};
        subscriber_open(&all[i], port, i);
        bench_well(epoll_ctl(poll, EPOLL_CTL_ADD, all[i].fd, &event) == 0, "epoll");
    }
    for (;;) {
        int ready = epoll_wait(poll, events, 64, -1);
        for (int i = 0; i < ready; i++)
            take(b, &all[events[i].data.u64], (size_t)events[i].data.u64, count, room);
    }
}

crowd *crowd_new(unsigned port, size_t count)
{
    crowd *c = bench_room(1, sizeof *c);

    c->count = count;
    c->size = sizeof *c->board + CROWD_MARKS * count * sizeof(double);
    c->board = mmap(NULL, c->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    bench_well(c->board != MAP_FAILED, "memory");
    c->process = fork();
    bench_well(c->process >= 0, "fork");
    if (c->process > 0) return c;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    crowd_run(c->board, port, count);
    abort();
}

void crowd_free(crowd *c)
{
    (void)kill(c->process, SIGKILL);
    (void)waitpid(c->process, NULL, 0);
    (void)munmap(c->board, c->size);
    free(c);
}

size_t crowd_ready(const crowd *c)
{
    return atomic_load(&c->board->ready);
}

uint64_t crowd_heard(const crowd *c)
{
    return atomic_load(&c->board->heard);
}

void crowd_mark(crowd *c)
{
    size_t marked = atomic_load(&c->board->marked);

    if (marked >= CROWD_MARKS) bench_fail("crowd", "too many marks");
    else c->board->marks[marked] = bench_now();
    atomic_store(&c->board->marked, marked + 1);
}

size_t crowd_times(const crowd *c, double *out)
{
    size_t count = atomic_load(&c->board->marked) * c->count;

    memcpy(out, c->board->times, count * sizeof *out);
    return count;
}
