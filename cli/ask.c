#include "ask.h"

#include "message.h"
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/select.h>
#include <termios.h>
#include <unistd.h>

static const int signals[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP};

#define SIGNALS (sizeof signals / sizeof *signals)

static volatile sig_atomic_t came;

static void on_signal(int signal)
{
    came = signal;
}

/* The terminal, and how all was before the question. */
typedef struct asking {
    int fd;
    struct termios terminal;
    struct sigaction actions[SIGNALS];
    sigset_t mask;
} asking;

/* Signals come only while an answer is waited for, and are then noted. Those that are ignored stay so. */
static void hold_signals(asking *a)
{
    struct sigaction action;
    sigset_t held;

    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    sigemptyset(&action.sa_mask);
    sigemptyset(&held);
    for (size_t i = 0; i < SIGNALS; i++) sigaddset(&held, signals[i]);
    (void)sigprocmask(SIG_BLOCK, &held, &a->mask);
    for (size_t i = 0; i < SIGNALS; i++)
        if (sigaction(signals[i], NULL, &a->actions[i]) == 0 && a->actions[i].sa_handler != SIG_IGN)
            (void)sigaction(signals[i], &action, NULL);
}

static void release_signals(const asking *a)
{
    for (size_t i = 0; i < SIGNALS; i++) (void)sigaction(signals[i], &a->actions[i], NULL);
    (void)sigprocmask(SIG_SETMASK, &a->mask, NULL);
}

/* The next byte; 0: the input has ended; -1: it failed, or a signal came. */
static int next_byte(const asking *a, char *out)
{
    for (;;) {
        fd_set ready;
        ssize_t len;

        FD_ZERO(&ready);
        FD_SET(a->fd, &ready);
        if (pselect(a->fd + 1, &ready, NULL, NULL, NULL, &a->mask) < 0) {
            if (errno != EINTR || came) return -1;
            continue;
        }
        len = read(a->fd, out, 1);
        if (len >= 0) return (int)len;
        if (errno != EINTR) return -1;
    }
}

/* The rest of a line that is too long is taken, too: it is not for the shell. */
static cli_ask_outcome read_line(const asking *a, char *out, size_t cap, size_t *len)
{
    bool too_long = false;
    char byte = 0;
    int got;

    *len = 0;
    while ((got = next_byte(a, &byte)) > 0 && byte != '\n') {
        if (*len < cap) out[(*len)++] = byte;
        else too_long = true;
    }
    byte = 0;
    if (got < 0) return ASK_FAILED;
    return too_long ? ASK_TOO_LONG : ASK_DONE;
}

static cli_ask_outcome ask_once(asking *a, const char *question, char *out, size_t cap, size_t *len)
{
    struct termios silent = a->terminal;
    cli_ask_outcome outcome = ASK_FAILED;
    int error;

    silent.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
    silent.c_lflag |= ICANON | ISIG;
    hold_signals(a);
    if (tcsetattr(a->fd, TCSAFLUSH, &silent) == 0 &&
        cli_output_all(a->fd, question, strlen(question)))
        outcome = read_line(a, out, cap, len);
    error = errno;
    (void)tcsetattr(a->fd, TCSAFLUSH, &a->terminal);
    (void)cli_output_all(a->fd, "\n", 1);
    release_signals(a);
    errno = error;
    return outcome;
}

cli_ask_outcome cli_ask(const char *question, char *out, size_t cap, size_t *len)
{
    asking a = {.fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC)};
    cli_ask_outcome outcome;

    cli_progress_end();
    if (a.fd < 0) return ASK_NO_TERMINAL;
    if (a.fd >= FD_SETSIZE || tcgetattr(a.fd, &a.terminal) != 0) {
        (void)close(a.fd);
        return ASK_NO_TERMINAL;
    }
    do {
        came = 0;
        outcome = ask_once(&a, question, out, cap, len);
        if (came) (void)raise(came);
    } while (came);
    (void)close(a.fd);
    return outcome;
}
