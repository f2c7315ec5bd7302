#include "output.h"

#include "message.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* How much gathers before it is written. */
#define FLOW_LEN ((size_t)256 * 1024)

/* ---- What is left when a signal ends the program ---- */

static const char *volatile unfinished;

static void on_end(int signal)
{
    if (unfinished) (void)unlink(unfinished);
    (void)raise(signal); /* the default action, once this handler returns */
}

/* Signals that were ignored from the start stay ignored. */
static void watch_signals(void)
{
    static const int ends[] = {SIGHUP, SIGINT, SIGTERM};
    struct sigaction action, old;

    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        memset(&action, 0, sizeof action);
        action.sa_handler = on_end;
        action.sa_flags = (int)SA_RESETHAND;
        sigemptyset(&action.sa_mask);
        if (sigaction(ends[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
            (void)sigaction(ends[i], &action, NULL);
    }
}

/* ---- Opening ---- */

void cli_output_standard(cli_output *out)
{
    memset(out, 0, sizeof *out);
    cli_text_init(&out->text);
    out->fd = STDOUT_FILENO;
    out->name = "standard output";
}

void cli_output_memory(cli_output *out, bool color)
{
    cli_output_standard(out);
    out->fd = -1;
    out->color = color;
}

/* Where the file goes: a symbolic link stays, and what it points to is replaced. */
static char *find_target(const char *path)
{
    char *target = realpath(path, NULL);

    return target || errno != ENOENT ? target : strdup(path);
}

/* The folder's part of a path, with its slash; may be 0. */
static size_t folder_len(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? (size_t)(slash - path) + 1 : 0;
}

/* A new file beside the target, with the mode that the target has or would get. */
static int open_temporary(cli_output *out, const struct stat *old)
{
    static const char pattern[] = ".mytosis-XXXXXX";
    size_t folder = folder_len(out->target);
    mode_t mask = umask(0);
    int fd;

    (void)umask(mask);
    out->temporary = malloc(folder + sizeof pattern);
    if (!out->temporary) return -1;
    memcpy(out->temporary, out->target, folder);
    memcpy(out->temporary + folder, pattern, sizeof pattern);
    fd = mkstemp(out->temporary);
    if (fd < 0) {
        free(out->temporary);
        out->temporary = NULL;
        return -1;
    }
    unfinished = out->temporary;
    watch_signals();
    if (fchmod(fd, old ? old->st_mode & 0777 : 0666 & ~mask) != 0) out->error = errno;
    return fd;
}

static int open_output(cli_output *out, const char *path)
{
    struct stat old;
    bool exists;

    out->target = find_target(path);
    if (!out->target) return -1;
    exists = stat(out->target, &old) == 0;
    if (exists && S_ISDIR(old.st_mode)) {
        errno = EISDIR;
        return -1;
    }
    if (exists && !S_ISREG(old.st_mode)) return open(out->target, O_WRONLY | O_CLOEXEC);
    return open_temporary(out, exists ? &old : NULL);
}

static void output_free(cli_output *out)
{
    if (out->temporary) {
        (void)unlink(out->temporary);
        unfinished = NULL;
    }
    free(out->temporary);
    free(out->target);
    cli_text_free(&out->text);
}

cli_exit_code cli_output_file(cli_output *out, const char *path)
{
    cli_exit_code code;

    cli_output_standard(out);
    if (strcmp(path, "-") == 0) return EXIT_DONE;
    out->name = path;
    out->fd = open_output(out, path);
    if (out->fd >= 0) return EXIT_DONE;
    code = cli_complain(EXIT_SYSTEM, "cannot write %s: %s", path, strerror(errno));
    output_free(out);
    return code;
}

/* ---- Writing ---- */

static void write_all(cli_output *out)
{
    mt_bytes rest = mt_buf_bytes(&out->text.buf);

    if (out->fd < 0) return;
    while (rest.len > 0 && !out->error && !out->quiet) {
        ssize_t len = write(out->fd, rest.data, rest.len);

        if (len >= 0) {
            rest.data += len;
            rest.len -= (size_t)len;
        } else if (errno == EPIPE) {
            out->quiet = true;
        } else if (errno == EAGAIN) {
            struct pollfd ready = {out->fd, POLLOUT, 0};
            (void)poll(&ready, 1, -1);
        } else if (errno != EINTR) {
            out->error = errno;
        }
    }
    out->text.buf.len = 0;
}

void cli_output_flow(cli_output *out)
{
    if (out->text.buf.len >= FLOW_LEN) write_all(out);
}

void cli_output_flush(cli_output *out)
{
    write_all(out);
}

static void put_in_place(cli_output *out)
{
    if (rename(out->temporary, out->target) != 0) {
        out->error = errno;
        return;
    }
    unfinished = NULL;
    free(out->temporary);
    out->temporary = NULL;
    cli_output_sync_folder(out->target);
}

cli_exit_code cli_output_end(cli_output *out, cli_exit_code code)
{
    if (out->text.status != MT_OK && code == EXIT_DONE)
        code = cli_complain(EXIT_SYSTEM, "%s", mt_status_text(out->text.status));
    if (out->text.status == MT_OK) write_all(out);
    if (out->temporary && !out->error && fsync(out->fd) != 0) out->error = errno;
    if (close(out->fd) != 0 && !out->error && !out->quiet) out->error = errno;
    if (out->temporary && !out->error && code == EXIT_DONE) put_in_place(out);
    if (out->error && code == EXIT_DONE)
        code = cli_complain(EXIT_SYSTEM, "cannot write %s: %s", out->name, strerror(out->error));
    output_free(out);
    return code;
}

/* ---- Other files ---- */

bool cli_output_all(int fd, const void *data, size_t len)
{
    const char *at = data;

    while (len > 0) {
        ssize_t put = write(fd, at, len);

        if (put < 0 && errno != EINTR) return false;
        if (put < 0) continue;
        at += put;
        len -= (size_t)put;
    }
    return true;
}

void cli_output_sync_folder(const char *path)
{
    size_t len = folder_len(path);
    char *folder = len > 0 ? strndup(path, len) : strdup(".");
    int fd = folder ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

    if (fd >= 0) {
        (void)fsync(fd);
        (void)close(fd);
    }
    free(folder);
}

/* ---- Styles ---- */

void cli_output_style(cli_output *out, cli_style style)
{
    static const char *const codes[] = {
        [STYLE_PLAIN] = "0",  [STYLE_BOLD] = "1",    [STYLE_DIM] = "2",   [STYLE_RED] = "31",
        [STYLE_GREEN] = "32", [STYLE_YELLOW] = "33", [STYLE_CYAN] = "36",
    };

    if (out->color) cli_text_printf(&out->text, "\033[%sm", codes[style]);
}
