#include "plain_server.h"

#include "figure.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FRAME_LEN_MAX 1024u
#define FRAMES_MAX 64u

struct plain_server {
    int listener;
    int *links;
    size_t count;
    uint8_t frames[FRAMES_MAX * FRAME_LEN_MAX];
};

plain_server *plain_server_new(unsigned *port)
{
    plain_server *s = bench_room(1, sizeof *s);
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t len = sizeof at;

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    s->listener = socket(AF_INET, SOCK_STREAM, 0);
    bench_well(s->listener >= 0, "socket");
    bench_well(bind(s->listener, (struct sockaddr *)&at, sizeof at) == 0, "bind");
    bench_well(listen(s->listener, 128) == 0, "listen");
    bench_well(getsockname(s->listener, (struct sockaddr *)&at, &len) == 0, "port");
    *port = ntohs(at.sin_port);
    return s;
}

void plain_server_free(plain_server *s)
{
    for (size_t i = 0; i < s->count; i++) (void)close(s->links[i]);
    (void)close(s->listener);
    free(s->links);
    free(s);
}

/* Answers the request, and says by DATA with flag 16 that all is there. */
static void greet(int link)
{
    static const char answer[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                                 "Connection: Upgrade\r\n\r\n";
    static const uint8_t all[] = {0x82, 5, 1, 14, 0, 1, 16};
    char request[1024] = "";
    size_t len = 0;

    while (len < 4 || memcmp(request + len - 4, "\r\n\r\n", 4) != 0) {
        bench_well(len < sizeof request && recv(link, request + len, 1, 0) == 1, "request");
        len++;
    }
    bench_well(send(link, answer, sizeof answer - 1, MSG_NOSIGNAL) > 0, "answer");
    bench_well(send(link, all, sizeof all, MSG_NOSIGNAL) > 0, "all");
}

void plain_server_take(plain_server *s, size_t count)
{
    int on = 1;

    s->links = bench_room(count, sizeof *s->links);
    for (; s->count < count; s->count++) {
        int link = accept(s->listener, NULL, NULL);
        bench_well(link >= 0, "accept");
        bench_well(setsockopt(link, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0, "no delay");
        greet(link);
        s->links[s->count] = link;
    }
}

/* What they acknowledge. */
static void drop(int link)
{
    char bytes[1024];

    while (recv(link, bytes, sizeof bytes, MSG_DONTWAIT) > 0) continue;
}

void plain_server_send(plain_server *s, size_t frames, size_t len)
{
    uint8_t head[] = {0x82, 126, (uint8_t)(len >> 8), (uint8_t)len, 1, 14, 0, 1, 1};
    size_t size = 4 + len;

    bench_well(frames <= FRAMES_MAX && size <= FRAME_LEN_MAX && size >= sizeof head, "frames");
    for (size_t i = 0; i < frames; i++) memcpy(s->frames + i * size, head, sizeof head);
    for (size_t i = 0; i < s->count; i++)
        bench_well(send(s->links[i], s->frames, frames * size, MSG_NOSIGNAL) ==
                       (ssize_t)(frames * size),
                   "send");
    for (size_t i = 0; i < s->count && frames > 1; i++) drop(s->links[i]);
}
