#define _GNU_SOURCE /* NOLINT(bugprone-reserved-identifier): for sched_getcpu */
#include "core.h"

#ifdef __linux__
#include <dirent.h>
#include <sched.h>
#include <stdlib.h>

static cpu_set_t before;

static bool threads_set(const cpu_set_t *cores)
{
    DIR *threads = opendir("/proc/self/task");
    struct dirent *entry;
    bool done = threads != NULL;

    if (!threads) return false;
    while ((entry = readdir(threads))) {
        pid_t thread = (pid_t)strtol(entry->d_name, NULL, 10);
        if (thread > 0 && sched_setaffinity(thread, sizeof *cores, cores) != 0) done = false;
    }
    closedir(threads);
    return done;
}

bool bench_core_pin(void)
{
    int here = sched_getcpu();
    cpu_set_t one;

    if (here < 0 || sched_getaffinity(0, sizeof before, &before) != 0) return false;
    CPU_ZERO(&one);
    CPU_SET((size_t)here, &one);
    if (threads_set(&one)) return true;
    bench_core_free();
    return false;
}

void bench_core_free(void)
{
    (void)threads_set(&before);
}

#else

bool bench_core_pin(void)
{
    return false;
}

void bench_core_free(void)
{
}

#endif
