#include "daemon.h"

#include "remote_storage.h"

#include <mytosis/plugin/socket.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *cli_daemon_url(const char *path)
{
    static const char form[] = "unix:%s-socket";
    size_t size = strlen(path) + sizeof form;
    char *url = malloc(size);

    if (url) (void)snprintf(url, size, form, path);
    return url;
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
    if (st != MT_OK && connection) mt_connection_close(connection);
    mt_connection_unref(connection);
    free(url);
    return st;
}
