#include "interrupt.h"

#include <signal.h>
#include <stddef.h>
#include <string.h>

static volatile sig_atomic_t came;

static void on_signal(int signal)
{
    came = signal;
}

/* Without SA_RESTART: a read that waits is to return. */
void cli_interrupt_watch(void)
{
    static const int signals[] = {SIGHUP, SIGINT, SIGTERM};
    struct sigaction action, old;

    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        if (sigaction(signals[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
            (void)sigaction(signals[i], &action, NULL);
}

bool cli_interrupted(void)
{
    return came != 0;
}

void cli_interrupt_end(void)
{
    if (!came) return;
    (void)signal(came, SIG_DFL);
    (void)raise(came);
}
