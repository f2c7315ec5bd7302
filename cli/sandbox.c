#include "sandbox.h"

#include <mytosis/network.h>

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

/* ---- What is allowed ---- */

void cli_sandbox_path(cli_sandbox *s, const char *path, bool is_written)
{
    char *copy = s->path_count < SANDBOX_PATHS_MAX ? strdup(path) : NULL;

    if (!copy) {
        s->status = MT_NO_MEMORY;
        return;
    }
    s->paths[s->path_count].path = copy;
    s->paths[s->path_count++].is_written = is_written;
}

static void add_folder(cli_sandbox *s, const char *path)
{
    char *copy = strdup(path);

    if (copy) cli_sandbox_path(s, dirname(copy), true);
    else s->status = MT_NO_MEMORY;
    free(copy);
}

void cli_sandbox_folder_of(cli_sandbox *s, const char *path)
{
    char *real = realpath(path, NULL);

    add_folder(s, path);
    if (real) add_folder(s, real);
    free(real);
}

static void add_port(cli_sandbox *s, unsigned long port, bool listens)
{
    if (s->port_count == SANDBOX_PORTS_MAX) {
        s->status = MT_TOO_LARGE;
        return;
    }
    s->ports[s->port_count].port = (uint16_t)port;
    s->ports[s->port_count++].listens = listens;
}

/* The URL is a right one: see mytosis/plugin/socket.h. Behind a # may be a device. */
void cli_sandbox_url(cli_sandbox *s, const char *url, bool listens)
{
    char host[MT_CONNECTION_ID_LEN_MAX + 1];
    const char *rest = strstr(url, "://"), *colon;

    if (strncmp(url, "unix:", 5) == 0) {
        if (listens) cli_sandbox_folder_of(s, url + 5);
        return;
    }
    if (!rest) return;
    (void)snprintf(host, sizeof host, "%.*s", (int)strcspn(rest + 3, "/#"), rest + 3);
    colon = strrchr(host, ':');
    if (colon && !strchr(colon, ']')) add_port(s, strtoul(colon + 1, NULL, 10), listens);
    else add_port(s, strncmp(url, "wss:", 4) == 0 ? 443 : 80, listens);
}

void cli_sandbox_system(cli_sandbox *s)
{
    /* A file that is replaced is another file to Landlock: of those who write resolv.conf anew the folders are read. */
    static const char *const read[] = {"/lib",
                                       "/lib64",
                                       "/usr/lib",
                                       "/usr/lib64",
                                       "/usr/local/lib",
                                       "/etc/ld.so.cache",
                                       "/etc/resolv.conf",
                                       "/run/systemd/resolve",
                                       "/run/NetworkManager",
                                       "/run/resolvconf",
                                       "/etc/hosts",
                                       "/etc/host.conf",
                                       "/etc/nsswitch.conf",
                                       "/etc/gai.conf",
                                       "/etc/services",
                                       "/etc/protocols",
                                       "/etc/ssl/certs",
                                       "/etc/ssl/cert.pem",
                                       "/etc/ssl/openssl.cnf",
                                       "/etc/pki/tls",
                                       "/etc/pki/ca-trust",
                                       "/etc/ca-certificates",
                                       "/usr/share/ca-certificates",
                                       "/usr/local/share/ca-certificates",
                                       "/etc/crypto-policies",
                                       "/dev/urandom",
                                       "/dev/random",
                                       "/sys/devices/system/cpu",
                                       "/proc/self"};
    const char *file = getenv("SSL_CERT_FILE"), *folder = getenv("SSL_CERT_DIR");

    for (size_t i = 0; i < sizeof read / sizeof *read; i++) cli_sandbox_path(s, read[i], false);
    cli_sandbox_path(s, "/dev/null", true);
    if (file && *file) cli_sandbox_path(s, file, false);
    if (folder && *folder) cli_sandbox_path(s, folder, false);
    add_port(s, 53, false);
}

void cli_sandbox_free(cli_sandbox *s)
{
    for (size_t i = 0; i < s->path_count; i++) free(s->paths[i].path);
    *s = (cli_sandbox){.path_count = 0};
}

/* ---- Entering ---- */

static mt_status give_up_privileges(mt_error *err)
{
#ifdef PR_SET_NO_NEW_PRIVS
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0) return MT_OK;
    (void)snprintf(err->text, sizeof err->text, "no_new_privs: %s", strerror(errno));
#else
    (void)snprintf(err->text, sizeof err->text, "no_new_privs: this system has none");
#endif
    return MT_UNSUPPORTED;
}

/* Landlock looks at one thread alone. */
static bool has_one_thread(void)
{
    struct stat tasks;

    return stat("/proc/self/task", &tasks) != 0 || tasks.st_nlink <= 3;
}

static bool note(cli_sandbox_result *out, mt_status st, const mt_error *why)
{
    size_t len = strlen(out->lacking);

    if (st != MT_OK)
        (void)snprintf(out->lacking + len, sizeof out->lacking - len, "%s%s", len > 0 ? "; " : "",
                       why->text);
    return st == MT_OK;
}

/* What this build is for, if a sandbox would break that. */
#ifdef MYTOSIS_NO_SANDBOX
static const char built_for[] = MYTOSIS_NO_SANDBOX;
#else
static const char built_for[] = "";
#endif

static void enter_parts(const cli_sandbox *s, cli_sandbox_result *out)
{
    mt_error why = {MT_UNSUPPORTED, ""};

    if (built_for[0]) {
        (void)snprintf(why.text, sizeof why.text,
                       "this build is for %s, which a sandbox would break", built_for);
        (void)note(out, why.status, &why);
        return;
    }
    out->has_privileges = note(out, give_up_privileges(&why), &why);
    if (!has_one_thread()) {
        (void)snprintf(why.text, sizeof why.text,
                       "Landlock: there are other threads, of a plugin perhaps");
        (void)note(out, MT_UNSUPPORTED, &why);
    } else {
        out->has_files = note(out, cli_sandbox_files(s, &out->has_ports, &why), &why);
        (void)snprintf(why.text, sizeof why.text, "Landlock: this kernel does not know ports");
        if (out->has_files && !out->has_ports) (void)note(out, MT_UNSUPPORTED, &why);
    }
    out->has_calls = note(out, cli_sandbox_calls(&why), &why);
}

mt_status cli_sandbox_enter(const cli_sandbox *s, bool needs_all, cli_sandbox_result *out,
                            mt_error *err)
{
    *out = (cli_sandbox_result){.any_connection = s->any_connection};
    if (s->status != MT_OK) {
        *err = (mt_error){s->status, "the sandbox: there is no room for all that it allows"};
        return s->status;
    }
    enter_parts(s, out);
    if (!needs_all || !out->lacking[0]) return MT_OK;
    err->status = MT_UNSUPPORTED;
    (void)snprintf(err->text, sizeof err->text, "the sandbox cannot be had: %.260s", out->lacking);
    return err->status;
}
