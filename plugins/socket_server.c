/* socket_server.c - servers: whoever connects becomes a member of a group. */
#include "plugins/socket_server.h"

#include "plugins/gather.h"
#include "plugins/socket_host.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CONNECTIONS_MAX 2048
#define HALF_OPEN_MAX 64
#define HELLO_MS 5000
#define BACKLOG 511

/* How many are accepted before others have their turn, and how long to rest when the system has
 * nothing left to accept with. */
#define ACCEPTED_AT_ONCE 16
#define REST_MS 100

static void on_accept(uv_poll_t *poll, int status, int events);

/* ---- Links ---- */

static void links_add(mt_server *server, mti_link *link)
{
    link->server = server;
    link->next = server->links;
    if (link->next) link->next->before = link;
    server->links = link;
    server->link_count++;
    server->young_count++;
}

static void server_free_if_over(mt_server *server)
{
    const mt_mem *mem = server->env->mem;

    if (!server->closed || server->open || server->links) return;
    server->env->timer_stop(server->env->ctx, &server->rest);
    mti_tls_context_free(server->tls);
    mem->resize(mem->ctx, server, server->size, 0);
}

void mti_server_lost(mti_link *link)
{
    mt_server *server = link->server;

    if (link->before) link->before->next = link->next;
    else server->links = link->next;
    if (link->next) link->next->before = link->before;
    if (!link->connection) server->young_count--;
    server->link_count--;
    link->server = NULL;
    server_free_if_over(server);
}

static const char *scheme_of(const mt_server *server)
{
    if (server->tls) return "wss";
    return server->kind == MTI_URL_WS ? "ws" : mti_url_type(server->kind);
}

/* "tcp:127.0.0.1:53122#7", or of a Unix socket, where no peer has an address, "unix#7". */
static mt_bytes id_write(mti_link *link, char *out, size_t cap)
{
    char from[MTI_ADDRESS_TEXT_MAX] = "";
    mti_address address;
    int len;

    memset(&address, 0, sizeof address);
    address.len = sizeof address.at;
    if (getpeername(link->socket.fd, &address.at.any, &address.len) == 0)
        mti_address_text(&address, from);
    len = snprintf(out, cap, "%s%s%s#%llu", scheme_of(link->server), from[0] ? ":" : "", from,
                   (unsigned long long)link->server->accepted);
    return (mt_bytes){(const uint8_t *)out, (size_t)len};
}

void mti_server_joined(mti_link *link)
{
    mt_server *server = link->server;
    mt_connection *connection;
    mt_error err;
    char id[MTI_ADDRESS_TEXT_MAX + 32];

    server->accepted++;
    if (mti_link_connection(link, id_write(link, id, sizeof id), 0, &connection, &err) != MT_OK) {
        mti_link_fail(link, &err);
        return;
    }
    server->young_count--;
    /* Without memory for a member it closes, as nobody holds it. */
    if (server->closed || mt_group_add(server->group, connection) != MT_OK)
        mt_connection_close(connection);
    mt_connection_unref(connection);
}

/* ---- Accepting ---- */

/* Whoever is quick is up before so many more have come: the oldest that is not has to go. False: all of
 * them are going already. */
static bool young_evict(mt_server *server)
{
    mti_link *oldest = NULL;

    for (mti_link *link = server->links; link; link = link->next) {
        if (!link->connection && link->stage != MTI_LINK_SHUT) oldest = link;
    }
    if (oldest) mti_link_fail(oldest, NULL);
    return oldest != NULL;
}

static bool room_make(mt_server *server)
{
    if (server->link_count >= server->options.connections_max) return false;
    return server->young_count < server->options.half_open_max || young_evict(server);
}

static void accept_one(mt_server *server, int fd)
{
    mti_link *link;

    if (!room_make(server) || !mti_address_prepare(fd, server->kind == MTI_URL_UNIX) ||
        !(link = mti_link_new(server->env, server->kind, &server->limits))) {
        close(fd);
        return;
    }
    if (mti_socket_open(&link->socket, link->uv, fd) != MT_OK) {
        mti_link_free(link);
        return;
    }
    links_add(server, link);
    if (server->tls) link->socket.tls = mti_tls_new(server->tls, fd);
    if (server->tls && !link->socket.tls) mti_link_fail(link, NULL);
    else if (server->kind == MTI_URL_WS) mti_hello_begin(link);
    else mti_link_up(link);
    mti_link_settle(link);
}

static void watch(mt_server *server)
{
    if (server->open && !server->closed) (void)uv_poll_start(&server->poll, UV_READABLE, on_accept);
}

static void on_rested(void *arg)
{
    watch(arg);
}

static void rest(mt_server *server)
{
    (void)uv_poll_stop(&server->poll);
    server->env->timer_set(server->env->ctx, &server->rest, REST_MS);
}

/* A group's subscribers may close the server, which lives until its handle is closed. */
static void on_accept(uv_poll_t *poll, int status, int events)
{
    mt_server *server = poll->data;

    (void)events;
    if (status < 0) {
        rest(server);
        return;
    }
    for (size_t i = 0; i < ACCEPTED_AT_ONCE && !server->closed; i++) {
        int fd = accept(server->fd, NULL, NULL);

        if (fd >= 0) accept_one(server, fd);
        else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            rest(server);
            return;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            return;
        }
    }
}

/* ---- Binding ---- */

static mt_status fail_system(mt_error *err, const char *url, const char *what)
{
    return mti_link_error(err, MT_IO, "%s: %s: %s", url, what,
                          uv_strerror(uv_translate_sys_error(errno)));
}

/* Whether nobody listens any more on the Unix socket that is there. */
static mt_status stale_check(const char *url, const mti_address *address, mt_error *err)
{
    struct stat found;
    int fd, code;

    if (lstat(address->at.path.sun_path, &found) != 0) return MT_OK; /* it has just gone */
    if (!S_ISSOCK(found.st_mode)) {
        return mti_link_error(err, MT_BUSY, "%s: what is there is no socket, and is left alone",
                              url);
    }
    if ((fd = mti_address_socket(address)) < 0) return fail_system(err, url, "no socket");
    code = connect(fd, &address->at.any, address->len) == 0 ? 0 : errno;
    close(fd);
    if (code == ECONNREFUSED || code == ENOENT) return MT_OK;
    return mti_link_error(err, MT_BUSY, "%s: somebody listens there", url);
}

/* The mode of the socket is that of the file from the first moment on (Linux), less the umask; chmod
 * makes it exact. */
static mt_status bind_path(mt_server *server, const char *url, const mti_address *address,
                           mt_error *err)
{
    const char *path = address->at.path.sun_path;
    struct stat made;
    mt_status st;

    (void)fchmod(server->fd, S_IRUSR | S_IWUSR);
    if (bind(server->fd, &address->at.any, address->len) != 0) {
        if (errno != EADDRINUSE) return fail_system(err, url, "it cannot be made");
        if ((st = stale_check(url, address, err)) != MT_OK) return st;
        if (unlink(path) != 0 && errno != ENOENT)
            return fail_system(err, url, "an old socket cannot be removed");
        if (bind(server->fd, &address->at.any, address->len) != 0)
            return fail_system(err, url, "it cannot be made");
    }
    memcpy(server->path, path, strlen(path) + 1);
    if (lstat(path, &made) == 0) {
        server->device = made.st_dev;
        server->inode = made.st_ino;
    }
    if (chmod(path, S_IRUSR | S_IWUSR) != 0) return fail_system(err, url, "its mode cannot be set");
    return MT_OK;
}

static mt_status bind_port(mt_server *server, const char *url, mti_address *address, mt_error *err)
{
    const int on = 1;
    bool ip6 = address->at.any.sa_family == AF_INET6;

    (void)setsockopt(server->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (ip6) (void)setsockopt(server->fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (bind(server->fd, &address->at.any, address->len) == 0) return MT_OK;
    if (errno == EADDRINUSE) return mti_link_error(err, MT_BUSY, "%s: somebody listens there", url);
    return fail_system(err, url, "it cannot be listened on");
}

/* Writes down where it listens, with the port that the system chose. */
static void url_write(mt_server *server, const mti_url *parsed, mti_address *address)
{
    char text[MTI_ADDRESS_TEXT_MAX];

    if (parsed->kind == MTI_URL_UNIX) {
        snprintf(server->url, sizeof server->url, "unix:%s", server->path);
        return;
    }
    address->len = sizeof address->at;
    (void)getsockname(server->fd, &address->at.any, &address->len);
    mti_address_text(address, text);
    snprintf(server->url, sizeof server->url, "%s://%s%.*s", scheme_of(server), text,
             (int)parsed->path.len, parsed->path.len ? (const char *)parsed->path.data : "");
}

/* Before anything is bound: a certificate that is no good leaves nothing behind. */
static mt_status tls_make(mt_server *server, const char *url, bool is_tls, mt_error *err)
{
    const mt_server_options *options = &server->options;

    if (!is_tls && !options->cert_file && !options->key_file) return MT_OK;
    if (!is_tls)
        return mti_link_error(err, MT_INVALID, "%s: certificates and keys are for wss://", url);
    if (options->cert_file && options->key_file) {
        return mti_tls_serve(server->env->mem, options->cert_file, options->key_file, &server->tls,
                             err);
    }
    return mti_link_error(err, MT_INVALID, "%s: to listen there takes %s", url,
                          options->cert_file  ? "the key of the certificate, too"
                          : options->key_file ? "the certificate of the key, too"
                                              : "a certificate and its key");
}

static mt_status reach_check(const mt_server *server, const char *url, mt_error *err)
{
    if (server->is_local || server->options.anywhere) return MT_OK;
    return mti_link_error(
        err, MT_INVALID,
        "%s: anybody could connect there; without secured links only addresses of "
        "this machine are listened on: 127.0.0.0/8, [::1], localhost, unix:",
        url);
}

static mt_status listen_begin(mt_server *server, const char *url, mt_error *err)
{
    mti_address address;
    mti_url parsed;
    mt_status st = mt_url_check(url, true, err);

    if (st == MT_OK) st = mti_url_read(url, &parsed, err);
    if (st == MT_OK) st = mti_address_to_listen(url, &parsed, &address, err);
    if (st != MT_OK) return st;
    server->is_local = mti_address_is_local(&address);
    st = reach_check(server, url, err);
    if (st == MT_OK)
        st = mti_hosts_list_check(server->options.hosts, server->options.host_count, err);
    if (st == MT_OK) st = tls_make(server, url, parsed.is_tls, err);
    if (st != MT_OK) return st;
    server->kind = parsed.kind;
    if ((server->fd = mti_address_socket(&address)) < 0) return fail_system(err, url, "no socket");
    st = parsed.kind == MTI_URL_UNIX ? bind_path(server, url, &address, err)
                                     : bind_port(server, url, &address, err);
    if (st != MT_OK) return st;
    if (listen(server->fd, BACKLOG) != 0) {
        if (errno == EADDRINUSE)
            return mti_link_error(err, MT_BUSY, "%s: somebody listens there", url);
        return fail_system(err, url, "it cannot be listened on");
    }
    if (parsed.kind == MTI_URL_WS) memcpy(server->path, parsed.path.data, parsed.path.len);
    url_write(server, &parsed, &address);
    return MT_OK;
}

/* ---- Its life ---- */

static mt_server_options options_take(const mt_server_options *options)
{
    mt_server_options own = {0};

    if (options) memcpy(&own, options, options->size < sizeof own ? options->size : sizeof own);
    if (!own.connections_max) own.connections_max = CONNECTIONS_MAX;
    if (!own.half_open_max) own.half_open_max = HALF_OPEN_MAX;
    if (!own.hello_ms) own.hello_ms = HELLO_MS;
    if (!own.origins) own.origin_count = 0;
    if (!own.hosts) own.host_count = 0;
    return own;
}

static size_t texts_len(const mt_bytes *list, size_t count)
{
    size_t len = 0;

    for (size_t i = 0; i < count; i++) len += list[i].len;
    return len;
}

/* Copies the texts of a list to `text`, and where they are to `out`; answers what is behind them. */
static uint8_t *list_copy(const mt_bytes *list, size_t count, mt_bytes *out, uint8_t *text)
{
    for (size_t i = 0; i < count; i++) {
        out[i] = (mt_bytes){text, list[i].len};
        if (list[i].len > 0) memcpy(text, list[i].data, list[i].len);
        text += list[i].len;
    }
    return text;
}

/* A server with copies of its origins and hosts behind it: where they are, then their texts. */
static mt_server *server_alloc(const mt_env *env, mt_server_options options)
{
    size_t count = options.origin_count + options.host_count;
    size_t size = sizeof(mt_server) + count * sizeof(mt_bytes) +
                  texts_len(options.origins, options.origin_count) +
                  texts_len(options.hosts, options.host_count);
    mt_server *server = env->mem->resize(env->mem->ctx, NULL, 0, size);
    mt_bytes *lists;
    uint8_t *text;

    if (!server) return NULL;
    memset(server, 0, sizeof *server);
    lists = (mt_bytes *)(void *)(server + 1);
    text = list_copy(options.origins, options.origin_count, lists, (uint8_t *)(lists + count));
    (void)list_copy(options.hosts, options.host_count, lists + options.origin_count, text);
    options.origins = lists;
    options.hosts = lists + options.origin_count;
    server->options = options;
    server->env = env;
    server->size = size;
    server->fd = -1;
    server->rest = (mt_timer){.fire = on_rested, .arg = server};
    return server;
}

/* Only the socket that we made, which another may have replaced. */
static void path_remove(mt_server *server)
{
    struct stat found;

    if (server->kind != MTI_URL_UNIX || !server->path[0] || lstat(server->path, &found) != 0)
        return;
    if (found.st_dev == server->device && found.st_ino == server->inode) (void)unlink(server->path);
}

static void on_closed(uv_handle_t *handle)
{
    mt_server *server = handle->data;

    close(server->fd);
    server->open = false;
    server_free_if_over(server);
}

void mt_server_close(mt_server *server)
{
    if (!server || server->closed) return;
    server->closed = true;
    path_remove(server);
    for (mti_link *link = server->links; link; link = link->next) {
        if (link->connection) mt_connection_close(link->connection);
        else mti_link_fail(link, NULL);
    }
    mt_group_unref(server->group);
    if (server->open) {
        uv_close((uv_handle_t *)&server->poll, on_closed);
        return;
    }
    if (server->fd >= 0) close(server->fd);
    server_free_if_over(server);
}

mt_status mt_server_new(const mt_env *env, const char *url, const mt_server_options *options,
                        mt_server **out, mt_error *err)
{
    mt_server *server;
    mt_status st;

    if (!mt_loop_of(env))
        return mti_link_error(err, MT_INVALID, "listening needs the environment of a loop");
    if (!(server = server_alloc(env, options_take(options))))
        return mti_link_error(err, MT_NO_MEMORY, "out of memory");
    st = mt_group_new(env->mem, &server->group);
    if (st != MT_OK) st = mti_link_error(err, st, "out of memory");
    if (st == MT_OK) {
        st = mti_link_limits_of(server->options.queued_max, server->options.ping_ms,
                                server->options.silence_ms, &server->limits, err);
    }
    if (st == MT_OK) st = listen_begin(server, url, err);
    server->options.cert_file = server->options.key_file = NULL; /* they were BORROWED */
    if (st == MT_OK && uv_poll_init(mt_loop_uv(mt_loop_of(env)), &server->poll, server->fd) != 0)
        st = mti_link_error(err, MT_IO, "%s: the loop does not take it", url);
    if (st != MT_OK) {
        mt_server_close(server);
        return st;
    }
    server->poll.data = server;
    server->open = true;
    watch(server);
    *out = server;
    return MT_OK;
}

mt_group *mt_server_group(const mt_server *server)
{
    return server->group;
}

const char *mt_server_url(const mt_server *server)
{
    return server->url;
}
