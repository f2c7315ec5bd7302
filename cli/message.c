#include "message.h"

#include "clock.h"
#include "shown.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

/* ---- Progress ---- */

/* How often it is worth while to make a new line. */
#define DUE_MS 250

/* The line without its seconds. A signal handler shows it: the text is complete before the pointer is set. */
static char lines[2][160];
static const char *_Atomic line;
static volatile sig_atomic_t seconds;
static volatile sig_atomic_t is_shown;

static void write_quietly(const char *bytes, size_t len)
{
    if (write(STDERR_FILENO, bytes, len) < 0) return;
}

/* Only calls that a handler may make. */
static void on_second(int signal)
{
    static const char start[] = "\r\033[K";
    char digits[16];
    size_t at = sizeof digits;
    int kept = errno;
    unsigned number;
    const char *now = atomic_load(&line);

    (void)signal;
    seconds = seconds + 1;
    is_shown = 1;
    digits[--at] = 's';
    digits[--at] = ' ';
    for (number = (unsigned)seconds; number > 0; number /= 10)
        digits[--at] = (char)('0' + number % 10);
    write_quietly(start, sizeof start - 1);
    if (now) write_quietly(now, strlen(now));
    write_quietly(digits + at, sizeof digits - at);
    errno = kept;
}

static void set_timer(int every)
{
    struct itimerval timer = {{every, 0}, {every, 0}};

    (void)setitimer(ITIMER_REAL, &timer, NULL);
}

static void progress_begin(void)
{
    struct sigaction action;

    memset(&action, 0, sizeof action);
    action.sa_handler = on_second;
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);
    if (sigaction(SIGALRM, &action, NULL) == 0) set_timer(1);
}

static void show_progress(const char *action, mt_bytes name)
{
    const char *last = atomic_load(&line);
    char *next = last == lines[0] ? lines[1] : lines[0];
    cli_text shown;

    if (!isatty(STDERR_FILENO)) return;
    cli_text_init(&shown);
    cli_shown_raw(&shown, name);
    (void)snprintf(next, sizeof lines[0], "mytosis: %s%s%.*s ... ", action,
                   *action && name.len > 0 ? " " : "",
                   shown.buf.len < 100 ? (int)shown.buf.len : 100, (const char *)shown.buf.data);
    cli_text_free(&shown);
    atomic_store(&line, next);
    if (!last) progress_begin();
}

void cli_progress(const char *action, const char *name)
{
    show_progress(action, mt_str(name));
}

void cli_progress_text(const char *action, cli_text *text)
{
    if (text->status == MT_OK) show_progress(action, mt_buf_bytes(&text->buf));
    cli_text_free(text);
}

bool cli_progress_due(void)
{
    static uint64_t last_ms;
    uint64_t ms = cli_clock_ticks();

    if (ms - last_ms < DUE_MS || !isatty(STDERR_FILENO)) return false;
    last_ms = ms;
    return true;
}

void cli_progress_end(void)
{
    static const char clear[] = "\r\033[K";

    if (!atomic_load(&line)) return;
    set_timer(0);
    atomic_store(&line, NULL);
    if (is_shown) write_quietly(clear, sizeof clear - 1);
    is_shown = 0;
}

/* ---- Failures ---- */

cli_exit_code cli_complain(cli_exit_code code, const char *format, ...)
{
    char said[1024];
    va_list args;
    cli_text text;

    cli_progress_end();
    va_start(args, format);
    (void)vsnprintf(said, sizeof said, format, args);
    va_end(args);
    cli_text_init(&text);
    cli_text_str(&text, "mytosis: ");
    cli_shown_raw(&text, mt_str(said));
    cli_text_str(&text, "\n");
    if (text.status == MT_OK) write_quietly((const char *)text.buf.data, text.buf.len);
    else write_quietly("mytosis: out of memory\n", 23);
    cli_text_free(&text);
    return code;
}

cli_exit_code cli_exit_of(mt_status status)
{
    bool system = status == MT_NO_MEMORY || status == MT_IO || status == MT_FULL ||
                  status == MT_BUSY || status == MT_BUDGET;

    return system ? EXIT_SYSTEM : EXIT_INPUT;
}

void cli_error_note(mt_error *err, mt_status status, const char *text)
{
    err->status = status;
    (void)snprintf(err->text, sizeof err->text, "%s", text ? text : mt_status_text(status));
}

cli_exit_code cli_complain_error(const mt_error *err, const char *verb, const char *name)
{
    cli_exit_code code = cli_exit_of(err->status);

    if (!verb) return cli_complain(code, "%s", err->text);
    return cli_complain(code, "cannot %s %s: %s", verb, name, err->text);
}
