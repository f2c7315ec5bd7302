#define _GNU_SOURCE /* NOLINT(bugprone-reserved-identifier): for prctl */
#include "far_peer.h"

#include "figure.h"
#include "peer.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/prctl.h>
#endif

static void run(int ready, const char *path, const char *url, const bench_set *set, bool secured)
{
    mt_loop *loop;
    peer p;

#ifdef __linux__
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
#endif
    bench_must(mt_loop_new(mt_mem_system(), &loop), "loop");
    peer_open(&p, loop, path, url, false, secured);
    peer_fill(&p, set);
    url = mt_server_url(p.server);
    bench_well(write(ready, url, strlen(url)) == (ssize_t)strlen(url) && close(ready) == 0, "pipe");
    for (;;) peer_turn(&p);
}

far_peer far_peer_open(const char *path, const char *url, const bench_set *set, bool secured)
{
    far_peer far = {.process = 0};
    int ends[2];
    ssize_t len;

    bench_well(pipe(ends) == 0, "pipe");
    far.process = fork();
    bench_well(far.process >= 0, "fork");
    if (far.process == 0) {
        run(ends[1], path, url, set, secured);
        abort();
    }
    (void)close(ends[1]);
    len = read(ends[0], far.url, sizeof far.url - 1);
    (void)close(ends[0]);
    if (len <= 0) bench_fail(url, "the far peer did not begin");
    return far;
}

void far_peer_close(const far_peer *far)
{
    (void)kill(far->process, SIGKILL);
    (void)waitpid(far->process, NULL, 0);
}
