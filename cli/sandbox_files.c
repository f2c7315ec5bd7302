/* Files and ports: Landlock, asked by its system calls. The headers of a system are often older than its kernel, so what they
 * would say is said here; these numbers never change. */
#define _GNU_SOURCE /* NOLINT(bugprone-reserved-identifier): for O_PATH */
#include "sandbox.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static mt_status fail(mt_error *err, const char *why)
{
    err->status = MT_UNSUPPORTED;
    (void)snprintf(err->text, sizeof err->text, "Landlock: %s", why);
    return err->status;
}

#ifdef __linux__

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CALL_CREATE 444
#define CALL_ADD 445
#define CALL_RESTRICT 446
#define CREATE_VERSION 1u
#define RULE_PATH 1
#define RULE_PORT 2

#define FS_WRITE_FILE (UINT64_C(1) << 1)
#define FS_READ_FILE (UINT64_C(1) << 2)
#define FS_READ_DIR (UINT64_C(1) << 3)
#define FS_FIRST ((UINT64_C(1) << 13) - 1) /* all of version 1 */
#define FS_REFER (UINT64_C(1) << 13)       /* version 2 */
#define FS_TRUNCATE (UINT64_C(1) << 14)    /* version 3 */
#define FS_IOCTL (UINT64_C(1) << 15)       /* version 5 */
#define FS_OF_FILES (FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE | FS_IOCTL | 1)
#define NET_BIND UINT64_C(1) /* version 4 */
#define NET_CONNECT UINT64_C(2)
#define SCOPE_SOCKET UINT64_C(1) /* version 6 */
#define SCOPE_SIGNAL UINT64_C(2)

/* Executing, devices, and what leads elsewhere: nothing of it is ever needed. */
#define FS_NEVER (UINT64_C(1) | UINT64_C(1) << 6 | UINT64_C(1) << 11 | UINT64_C(1) << 12 | FS_IOCTL)

struct rules {
    uint64_t fs, net, scoped;
};

struct path_rule {
    uint64_t allowed;
    int32_t parent;
} __attribute__((packed));

struct port_rule {
    uint64_t allowed, port;
};

static uint64_t known_fs(long version)
{
    return FS_FIRST | (version >= 2 ? FS_REFER : 0) | (version >= 3 ? FS_TRUNCATE : 0) |
           (version >= 5 ? FS_IOCTL : 0);
}

/* A service manager may listen at an abstract name. */
static uint64_t scopes(void)
{
    const char *name = getenv("NOTIFY_SOCKET");

    return SCOPE_SIGNAL | (name && *name == '@' ? 0 : SCOPE_SOCKET);
}

/* What is not there, or may not be looked at, cannot be opened later either. */
static bool add_path(int ruleset, const char *path, bool is_written, uint64_t known)
{
    struct path_rule rule = {.allowed = FS_READ_FILE | FS_READ_DIR,
                             .parent = open(path, O_PATH | O_CLOEXEC)};
    struct stat about;
    bool added;

    if (rule.parent < 0) return true;
    if (is_written) rule.allowed = known & ~FS_NEVER;
    added = fstat(rule.parent, &about) == 0;
    if (added && !S_ISDIR(about.st_mode)) rule.allowed &= FS_OF_FILES;
    added = added && syscall(CALL_ADD, ruleset, RULE_PATH, &rule, 0) == 0;
    (void)close(rule.parent);
    return added;
}

static bool add_port(int ruleset, uint16_t port, bool listens)
{
    struct port_rule rule = {.allowed = listens ? NET_BIND : NET_CONNECT, .port = port};

    return syscall(CALL_ADD, ruleset, RULE_PORT, &rule, 0) == 0;
}

static bool add_all(const cli_sandbox *s, int ruleset, const struct rules *rules)
{
    bool added = true;

    for (size_t i = 0; i < s->path_count && added; i++)
        added = add_path(ruleset, s->paths[i].path, s->paths[i].is_written, rules->fs);
    for (size_t i = 0; i < s->port_count && added && rules->net; i++)
        if (s->ports[i].listens || rules->net & NET_CONNECT)
            added = add_port(ruleset, s->ports[i].port, s->ports[i].listens);
    return added;
}

mt_status cli_sandbox_files(const cli_sandbox *s, bool *has_ports, mt_error *err)
{
    long version = syscall(CALL_CREATE, NULL, 0, CREATE_VERSION);
    struct rules rules = {.fs = known_fs(version)};
    size_t size = version >= 6   ? sizeof rules
                  : version >= 4 ? 2 * sizeof(uint64_t)
                                 : sizeof rules.fs;
    int ruleset;
    bool entered;

    *has_ports = version >= 4;
    if (version < 1) return fail(err, "this kernel has none, or does not use it");
    if (version >= 4) rules.net = NET_BIND | (s->any_connection ? 0 : NET_CONNECT);
    if (version >= 6) rules.scoped = scopes();
    ruleset = (int)syscall(CALL_CREATE, &rules, size, 0);
    if (ruleset < 0) return fail(err, strerror(errno));
    entered = add_all(s, ruleset, &rules) && syscall(CALL_RESTRICT, ruleset, 0) == 0;
    if (!entered) (void)fail(err, strerror(errno));
    (void)close(ruleset);
    return entered ? MT_OK : MT_UNSUPPORTED;
}

#else

mt_status cli_sandbox_files(const cli_sandbox *s, bool *has_ports, mt_error *err)
{
    (void)s;
    *has_ports = false;
    return fail(err, "this system has none");
}

#endif
