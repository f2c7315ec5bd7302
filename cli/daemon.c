#include "daemon.h"

#include "remote_storage.h"

#include <mytosis/plugin/socket.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The longest path that an address of a socket takes on all systems. */
#define SOCKET_PATH_MAX 100

static char *url_in(const char *folder, const char *name)
{
    static const char form[] = "unix:%s%s-socket";
    size_t size = strlen(folder) + strlen(name) + sizeof form;
    char *url = malloc(size);

    if (url) (void)snprintf(url, size, form, folder, name);
    return url;
}

/* By way of a descriptor of the folder, which stays open as long as the program runs. */
static char *short_url(const char *path, const char *name)
{
    char folder[48];
    char *parent = strndup(path, (size_t)(name - path));
    int fd = parent ? open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

    free(parent);
    if (fd < 0) return url_in("", path);
    (void)snprintf(folder, sizeof folder, "/proc/self/fd/%d/", fd);
    return url_in(folder, name);
}

char *cli_daemon_url(const char *path)
{
    const char *slash = strrchr(path, '/');
    bool is_long = strlen(path) + sizeof "-socket" > SOCKET_PATH_MAX;

    return slash && is_long ? short_url(path, slash + 1) : url_in("", path);
}

/* Waits until it is online or closed. */
static bool is_reached(const mt_env *env, mt_connection *connection)
{
    while (mt_connection_offline(connection) && !mt_connection_ended(connection))
        if (env->turn(env->ctx) != MT_OK) return false;
    return !mt_connection_ended(connection);
}

mt_status cli_daemon_storage(const mt_env *env, const char *path, mt_storage *out)
{
    mt_dial_options options = {.size = sizeof options,
                               .ping_ms = DAEMON_SILENCE_MS,
                               .silence_ms = 2 * DAEMON_SILENCE_MS,
                               .once = true};
    mt_connection *connection = NULL;
    char *url = cli_daemon_url(path);
    mt_status st = url ? mt_dial(env, url, &options, &connection, NULL) : MT_NO_MEMORY;

    if (st == MT_OK) st = is_reached(env, connection) ? cli_remote_new(connection, out) : MT_CLOSED;
    mt_connection_unref(connection);
    free(url);
    return st;
}
