/* How long a device waits until it is online at a server over TCP: alone, and while a thousand strangers keep
 * half-open links there.
 *
 * The server and the device are on one loop, the strangers in a process of their own: each connects, says what
 * strangers of its kind say, stays, and comes back at once when it is thrown out. */
#include "figure.h"

#include <mytosis/host.h>
#include <mytosis/loop.h>
#include <mytosis/plugin/socket.h>
#include <mytosis/secure.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define STRANGERS 1000u
#define DIALS 200u

/* Between two: so that the run is longer than the time that strangers have. */
#define PAUSE_MS 30

/* Who else is there. */
typedef enum crowd_kind { NOBODY, SILENT, PARTIAL, JUNK, CROWD_KINDS } crowd_kind;

enum { MEDIAN, P99, WORST, RATIO, COMEBACKS, MEASURES };

typedef struct bench {
    uint64_t seed;
    uint64_t run[CROWD_KINDS]; /* in which it was measured */
    double got[CROWD_KINDS][MEASURES];
} bench;

/* ---- The strangers ---- */

typedef struct stranger {
    int fd;
    bool said;
} stranger;

/* Frames of TCP: half of one, which stays half, and a whole one that is no handshake. */
static const uint8_t half[] = {0x10, 0x60, 0, 0, 1, 1};
static const uint8_t junk[] = {0x10, 0x04, 0, 0, 1, 1, 2, 3};

static void stranger_comes(stranger *one, int poll, uint16_t port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data = {.ptr = one}};

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    one->said = false;
    bench_well((one->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)) >= 0, "socket");
    if (connect(one->fd, (struct sockaddr *)&at, sizeof at) != 0)
        bench_well(errno == EINPROGRESS, "connect");
    bench_well(epoll_ctl(poll, EPOLL_CTL_ADD, one->fd, &event) == 0, "epoll_ctl");
}

/* It is connected: from now on it only waits for the end. */
static void stranger_says(stranger *one, int poll, crowd_kind kind)
{
    struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = one}};
    const uint8_t *bytes = kind == JUNK ? junk : half;
    size_t len = kind == JUNK ? sizeof junk : sizeof half;

    one->said = true;
    if (kind != SILENT) (void)!send(one->fd, bytes, len, MSG_NOSIGNAL);
    bench_well(epoll_ctl(poll, EPOLL_CTL_MOD, one->fd, &event) == 0, "epoll_ctl");
}

static bool stranger_is_out(const stranger *one)
{
    char byte;
    ssize_t got = recv(one->fd, &byte, 1, 0);

    return got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR);
}

/* How often they came back is told whenever somebody asks. */
static void tell(int from, int to, uint64_t comebacks)
{
    char byte;

    if (read(from, &byte, 1) == 1)
        bench_well(write(to, &comebacks, sizeof comebacks) == sizeof comebacks, "tell");
}

static _Noreturn void strangers_run(crowd_kind kind, int from, int to)
{
    static stranger all[STRANGERS];
    struct epoll_event events[64];
    struct epoll_event asked = {.events = EPOLLIN, .data = {.ptr = NULL}};
    uint64_t comebacks = 0;
    uint16_t port;
    int poll = epoll_create1(0);

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    bench_well(read(from, &port, sizeof port) == sizeof port, "port");
    for (size_t i = 0; i < STRANGERS; i++) stranger_comes(&all[i], poll, port);
    bench_well(epoll_ctl(poll, EPOLL_CTL_ADD, from, &asked) == 0, "epoll_ctl");
    for (;;) {
        int count = epoll_wait(poll, events, 64, -1);

        for (int i = 0; i < count; i++) {
            stranger *one = events[i].data.ptr;

            if (!one) {
                tell(from, to, comebacks);
            } else if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR) && stranger_is_out(one)) {
                close(one->fd);
                stranger_comes(one, poll, port);
                comebacks++;
            } else if (!one->said) {
                stranger_says(one, poll, kind);
            }
        }
    }
}

typedef struct crowd {
    pid_t process;
    int to, from;
} crowd;

/* Before there is a loop, of which they shall have nothing. */
static void crowd_begin(crowd *c, crowd_kind kind)
{
    int to[2] = {-1, -1}, from[2] = {-1, -1};

    *c = (crowd){.process = 0};
    if (kind == NOBODY) return;
    bench_well(pipe(to) == 0 && pipe(from) == 0, "pipe");
    bench_well((c->process = fork()) >= 0, "fork");
    if (c->process == 0) strangers_run(kind, to[0], from[1]);
    close(to[0]);
    close(from[1]);
    c->to = to[1];
    c->from = from[0];
}

static void crowd_end(crowd *c)
{
    if (!c->process) return;
    kill(c->process, SIGKILL);
    waitpid(c->process, NULL, 0);
    close(c->to);
    close(c->from);
}

/* ---- The server and the device ---- */

typedef struct stage {
    mt_loop *loop;
    const mt_env *env;
    mt_secure *here, *device;
    mt_server *server;
    mt_secure_server *secured;
    crowd crowd;
} stage;

static mt_status admit(void *ctx, const mt_secure_visitor *visitor, mt_connection *connection,
                       mt_error *why)
{
    (void)ctx, (void)visitor, (void)connection, (void)why;
    return MT_OK;
}

static mt_secure *device_new(const stage *s, uint8_t number)
{
    uint8_t seed[MT_KEY_LEN] = {number}, space[MT_SPACE_LEN] = {3};
    mt_secure_options options = {.size = sizeof options,
                                 .crypto = mt_crypto_sodium(),
                                 .seed = seed,
                                 .space = space,
                                 .admit = admit};
    mt_secure *secure;
    mt_error error;

    bench_must(mt_secure_new(s->env, &options, &secure, &error), "secure");
    return secure;
}

static void turn(const stage *s)
{
    bench_must(s->env->turn(s->env->ctx), "turn");
}

static void rung(void *arg)
{
    *(bool *)arg = true;
}

static void turn_for(const stage *s, uint64_t ms)
{
    bool over = false;
    mt_timer timer = {.fire = rung, .arg = &over};

    s->env->timer_set(s->env->ctx, &timer, ms);
    while (!over) turn(s);
}

/* Until the strangers are there: all have come, and a while has passed. */
static void crowd_awaited(const stage *s)
{
    uint16_t port = (uint16_t)strtoul(strrchr(mt_server_url(s->server), ':') + 1, NULL, 10);

    if (!s->crowd.process) return;
    bench_well(write(s->crowd.to, &port, sizeof port) == sizeof port, "port");
    while (mt_secure_counts_of(s->here).begun < STRANGERS) turn(s);
    turn_for(s, 200);
}

static double comebacks(const stage *s)
{
    uint64_t count = 0;
    char byte = 0;

    if (!s->crowd.process) return 0;
    bench_well(write(s->crowd.to, &byte, 1) == 1, "ask");
    bench_well(read(s->crowd.from, &count, sizeof count) == sizeof count, "hear");
    return (double)count;
}

static void stage_open(stage *s, crowd_kind kind)
{
    mt_error error;

    *s = (stage){.loop = NULL};
    crowd_begin(&s->crowd, kind);
    bench_must(mt_loop_new(mt_mem_system(), &s->loop), "loop");
    s->env = mt_loop_env(s->loop);
    s->here = device_new(s, 1);
    s->device = device_new(s, 2);
    bench_must(mt_server_new(s->env, "tcp://127.0.0.1:0", NULL, &s->server, &error), "server");
    bench_must(mt_secure_serve(s->here, mt_server_group(s->server), &s->secured, &error), "serve");
    crowd_awaited(s);
}

static void stage_close(stage *s)
{
    crowd_end(&s->crowd);
    mt_secure_server_free(s->secured);
    mt_server_close(s->server);
    bench_must(mt_loop_run(s->loop), "loop");
    mt_secure_unref(s->here);
    mt_secure_unref(s->device);
    mt_loop_free(s->loop);
}

/* Seconds from dialing until it is online. */
static double dial(const stage *s)
{
    mt_secure_peer peer = {.size = sizeof peer, .device = mt_secure_device(s->here)};
    double start = bench_now();
    mt_connection *link, *outer;
    mt_error error;

    bench_must(mt_dial(s->env, mt_server_url(s->server), NULL, &link, &error), "dial");
    bench_must(mt_secure_dial(s->device, link, &peer, &outer, &error), "secure");
    while (mt_connection_offline(outer)) turn(s);
    start = bench_now() - start;
    mt_connection_unref(link);
    mt_connection_unref(outer);
    return start;
}

/* ---- Figures ---- */

/* All of a kind at once, each run. */
static void measure(bench *b, crowd_kind kind)
{
    static double times[DIALS];
    double *got = b->got[kind], before, start;
    stage s;

    if (b->run[kind] == b->seed) return;
    b->run[kind] = b->seed;
    stage_open(&s, kind);
    (void)dial(&s);
    before = comebacks(&s);
    start = bench_now();
    for (unsigned i = 0; i < DIALS; i++) {
        times[i] = dial(&s);
        turn_for(&s, PAUSE_MS);
    }
    got[COMEBACKS] = (comebacks(&s) - before) / (bench_now() - start);
    stage_close(&s);
    bench_sort(times, DIALS);
    got[MEDIAN] = 1e3 * times[DIALS / 2];
    got[P99] = 1e3 * times[DIALS * 99 / 100];
    got[WORST] = 1e3 * times[DIALS - 1];
}

#define AT(kind, which) ((kind)*MEASURES + (which))

static double flood(void *ctx, unsigned at)
{
    bench *b = ctx;
    const double *got = b->got[at / MEASURES], *alone = b->got[NOBODY];

    measure(b, (crowd_kind)(at / MEASURES));
    if (at % MEASURES != RATIO) return got[at % MEASURES];
    measure(b, NOBODY);
    return got[MEDIAN] / alone[MEDIAN];
}

#define FLOOD(name, what, unit, kind, which, aim) \
    FIGURE_AT(name, what, unit, flood, AT(kind, which), aim, true)

static figure figures[] = {
    FLOOD("flood_alone", "from dial to online, alone, p50", "ms", NOBODY, MEDIAN, 0),
    FLOOD("flood_alone_p99", "  p99", "ms", NOBODY, P99, 0),
    FLOOD("flood_alone_worst", "  worst of 200", "ms", NOBODY, WORST, 0),
    FLOOD("flood_silent", "beside 1,000 that say nothing, p50", "ms", SILENT, MEDIAN, 0),
    FLOOD("flood_silent_p99", "  p99", "ms", SILENT, P99, 0),
    FLOOD("flood_silent_worst", "  worst of 200", "ms", SILENT, WORST, 0),
    FLOOD("flood_silent_times", "  p50, times that alone", "times", SILENT, RATIO, 2),
    FLOOD("flood_silent_comebacks", "  that were thrown out and came again", "/s", SILENT,
          COMEBACKS, 0),
    FLOOD("flood_partial", "beside 1,000 that say half a message, p50", "ms", PARTIAL, MEDIAN, 0),
    FLOOD("flood_partial_p99", "  p99", "ms", PARTIAL, P99, 0),
    FLOOD("flood_partial_worst", "  worst of 200", "ms", PARTIAL, WORST, 0),
    FLOOD("flood_partial_times", "  p50, times that alone", "times", PARTIAL, RATIO, 2),
    FLOOD("flood_partial_comebacks", "  that were thrown out and came again", "/s", PARTIAL,
          COMEBACKS, 0),
    FLOOD("flood_junk", "beside 1,000 that say junk, p50", "ms", JUNK, MEDIAN, 0),
    FLOOD("flood_junk_p99", "  p99", "ms", JUNK, P99, 0),
    FLOOD("flood_junk_worst", "  worst of 200", "ms", JUNK, WORST, 0),
    FLOOD("flood_junk_times", "  p50, times that alone", "times", JUNK, RATIO, 2),
    FLOOD("flood_junk_comebacks", "  that were thrown out and came again", "/s", JUNK, COMEBACKS,
          0),
};

#define FIGURE_COUNT (sizeof figures / sizeof *figures)

static void raise_files(void)
{
    struct rlimit limit;

    bench_well(getrlimit(RLIMIT_NOFILE, &limit) == 0, "getrlimit");
    limit.rlim_cur = limit.rlim_max;
    bench_well(setrlimit(RLIMIT_NOFILE, &limit) == 0, "setrlimit");
}

int main(int argc, char **argv)
{
    static const char about[] =
        "Times secured links over TCP from dial to online, alone and beside a thousand strangers\n"
        "that keep half-open links to the same server.\n";
    figures_options options;
    bench b = {.seed = 1};

    if (!figures_parse(argc, argv, about, figures, FIGURE_COUNT, &options))
        return options.exit_code;
    raise_files();
    figures_run(figures, FIGURE_COUNT, &options, &b, &b.seed);
    return 0;
}
