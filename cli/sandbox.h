/* sandbox.h - what a daemon gives up for good before it talks to anybody: whatever takes it over has no more than it needs.
 *
 *     privileges   it and what it would start never gain any (no_new_privs)
 *     calls        no new process, no tracing, mounting, modules ... : seccomp, by libseccomp
 *     files        only those that were named, and ports of TCP to listen on and, where asked for, to connect to: Landlock
 *
 * Entered once, while there is one thread: Landlock holds for that and those that it starts. What the kernel or the build does
 * not have is told of. docs/security.md says what each part stops. */
#ifndef CLI_SANDBOX_H
#define CLI_SANDBOX_H

#include "config.h"

#include <mytosis/status.h>

#define SANDBOX_PATHS_MAX 192
#define SANDBOX_PORTS_MAX 192

/* What is still allowed. All zero: nothing; add to it with the calls below. */
typedef struct cli_sandbox {
    struct {
        char *path; /* a file, or a folder with all in it */
        bool is_written;
    } paths[SANDBOX_PATHS_MAX];
    size_t path_count;
    struct {
        uint16_t port;
        bool listens;
    } ports[SANDBOX_PORTS_MAX];
    size_t port_count;
    bool any_connection; /* to whatever port of TCP */
    mt_status status;    /* anything but MT_OK: there was no room or no memory for all of it */
} cli_sandbox;

/* What it came to. */
typedef struct cli_sandbox_result {
    bool has_privileges, has_calls, has_files, has_ports;
    bool any_connection;
    char lacking[MT_ERROR_TEXT_MAX]; /* which parts could not be had, and why; empty: none */
} cli_sandbox_result;

/* Allows a file or a folder; one that is not there then is not there later. */
void cli_sandbox_path(cli_sandbox *sandbox, const char *path, bool is_written);

/* The same for the folder that a file is in, by its name and where that leads to. */
void cli_sandbox_folder_of(cli_sandbox *sandbox, const char *path);

/* Allows the port of a URL, or of a Unix socket to listen on its folder. */
void cli_sandbox_url(cli_sandbox *sandbox, const char *url, bool listens);

/* Allows what any program needs: libraries, names, authorities, randomness; nothing of it is written. */
void cli_sandbox_system(cli_sandbox *sandbox);

void cli_sandbox_free(cli_sandbox *sandbox);

/* Enters it, as far as can be. With `needs_all` anything that is lacking is an error, MT_UNSUPPORTED; what was entered until
 * then remains. */
mt_status cli_sandbox_enter(const cli_sandbox *sandbox, bool needs_all, cli_sandbox_result *out,
                            mt_error *err);

/* The two parts: sandbox_files.c and sandbox_calls.c. MT_UNSUPPORTED: the kernel, or this build, has none; `has_ports`: ports are
 * looked at, too. */
mt_status cli_sandbox_files(const cli_sandbox *sandbox, bool *has_ports, mt_error *err);
mt_status cli_sandbox_calls(mt_error *err);

#endif
