/* socket_dial.c - links that connect by themselves, for ever.
 *
 * A name is looked up by a work of the loop's, as getaddrinfo may take long and cannot be
 * interrupted: when the link is closed meanwhile, the lookup is left to end alone. */
#include "plugins/socket_link.h"

#include "plugins/gather.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

#define ADDRESSES_MAX 8
#define CONNECT_MS 10000
#define RETRY_MIN_MS 200
#define RETRY_MAX_MS 30000
#define LASTED_MS 10000

typedef struct lookup {
    struct mti_link *link; /* NULL: nobody waits for it */
    const mt_mem *mem;
    char host[MT_CONNECTION_ID_LEN_MAX + 1];
    char port[8];
    int code; /* of getaddrinfo */
    struct addrinfo *found;
} lookup;

typedef struct mti_dial {
    mt_dial_options options;
    mti_url parsed;       /* BORROWS from `url` */
    mti_tls_context *tls; /* NULL: the URL asks for none */
    lookup *looking;
    uint64_t failures;
    uint64_t up_ms;    /* when it was last up; 0: it was not since the last failure */
    uint64_t retry_ms; /* when the next attempt begins */
    size_t address_count, address_at;
    mti_address addresses[ADDRESSES_MAX];
    mt_error error; /* what mt_dial_error gives */
    uint8_t
        masks[256]; /* random bytes for masks of WebSocket; asking for each costs a system call */
    size_t masks_left; /* of these, from the end */
    size_t url_size;
    char url[];
} mti_dial;

/* ---- Waiting ---- */

uint64_t mti_dial_wait_ms(uint64_t failures, uint64_t min_ms, uint64_t max_ms, uint32_t random)
{
    uint64_t wait_ms = min_ms;

    for (uint64_t i = 1; i < failures && wait_ms < max_ms; i++) {
        wait_ms = wait_ms > max_ms / 2 ? max_ms : wait_ms * 2;
    }
    if (wait_ms > max_ms) wait_ms = max_ms;
    return wait_ms / 2 + (wait_ms - wait_ms / 2) * random / UINT32_MAX;
}

/* Whether the attempt goes on with another address. */
static bool has_address(const mti_dial *d)
{
    return d->up_ms == 0 && d->address_at < d->address_count;
}

bool mti_dial_ends(const mti_link *link)
{
    return link->dial->options.once && !has_address(link->dial);
}

const mt_error *mti_dial_note(mti_link *link)
{
    mti_dial *d = link->dial;
    bool known = link->why.status != MT_OK;

    mti_link_error(&d->error, known ? link->why.status : MT_CLOSED, "%.150s: %.165s", d->url,
                   known ? link->why.text : "the link has ended");
    return &d->error;
}

/* Without randomness all of a crowd come back at once, which is better than never. */
void mti_dial_failed(mti_link *link)
{
    mti_dial *d = link->dial;
    uint64_t now_ms = mti_link_now(link), wait_ms;
    uint8_t drawn[4] = {0};
    uint32_t random = 0;
    mt_status st = link->env->entropy(link->env->ctx, drawn, sizeof drawn);

    (void)st;
    memcpy(&random, drawn, sizeof random);
    if (has_address(d)) {
        mti_link_alarm(link, 0);
        return;
    }
    if (d->up_ms && now_ms - d->up_ms >= LASTED_MS) d->failures = 0;
    d->up_ms = 0;
    d->failures++;
    wait_ms =
        mti_dial_wait_ms(d->failures, d->options.retry_min_ms, d->options.retry_max_ms, random);
    d->retry_ms = now_ms + wait_ms;
    mti_link_alarm(link, wait_ms);
}

void mti_dial_up(mti_link *link)
{
    mti_dial *d = link->dial;

    d->up_ms = mti_link_now(link);
    d->address_count = d->address_at = 0;
    d->error = (mt_error){.status = MT_OK};
    link->why = (mt_error){.status = MT_OK};
}

mt_status mti_dial_mask(mti_link *link, uint8_t mask[4])
{
    mti_dial *d = link->dial;
    mt_status st;

    if (d->masks_left == 0) {
        st = link->env->entropy(link->env->ctx, d->masks, sizeof d->masks);
        if (st != MT_OK) return st;
        d->masks_left = sizeof d->masks;
    }
    d->masks_left -= 4;
    memcpy(mask, d->masks + d->masks_left, 4);
    return MT_OK;
}

/* ---- Connecting ---- */

static void connect_failed(mti_link *link, int code)
{
    mt_error err;

    mti_link_error(&err, MT_IO, "%s", uv_strerror(uv_translate_sys_error(code)));
    mti_link_fail(link, &err);
}

/* Tries the next address. An attempt that fails goes through the closing of its socket, and comes
 * back here by way of mti_dial_failed. */
static void connect_next(mti_link *link)
{
    mti_dial *d = link->dial;
    const mti_address *address = &d->addresses[d->address_at++];
    int fd = mti_address_socket(address);

    link->stage = MTI_LINK_CONNECTING;
    mti_link_alarm(link, d->options.connect_ms);
    if (fd < 0) {
        connect_failed(link, errno);
        return;
    }
    if (mti_socket_open(&link->socket, link->uv, fd) != MT_OK) {
        connect_failed(link, EIO);
    } else if (connect(fd, &address->at.any, address->len) == 0 || errno == EINPROGRESS) {
        mti_link_settle(link);
    } else {
        connect_failed(link, errno);
    }
}

/* Before anything is sent. False: the attempt has failed. */
static bool tls_begin(mti_link *link)
{
    mt_error err;

    if (!link->dial->tls) return true;
    link->socket.tls = mti_tls_new(link->dial->tls, link->socket.fd);
    if (link->socket.tls) return true;
    mti_link_error(&err, MT_NO_MEMORY, "no memory for TLS");
    mti_link_fail(link, &err);
    return false;
}

void mti_dial_ready(mti_link *link)
{
    int code = 0;
    socklen_t size = sizeof code;

    if (getsockopt(link->socket.fd, SOL_SOCKET, SO_ERROR, &code, &size) != 0) code = errno;
    if (code == 0 && mti_address_meets_itself(link->socket.fd)) code = ECONNREFUSED;
    if (code != 0) connect_failed(link, code);
    else if (link->kind != MTI_URL_WS) mti_link_up(link);
    else if (tls_begin(link)) mti_hello_send(link, &link->dial->parsed);
}

/* ---- Looking a name up ---- */

static void lookup_free(lookup *l)
{
    if (l->found) freeaddrinfo(l->found);
    l->mem->resize(l->mem->ctx, l, sizeof *l, 0);
}

static void lookup_run(void *arg)
{
    lookup *l = arg;
    struct addrinfo hints;

    memset(&hints, 0, sizeof hints);
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICSERV;
    l->code = getaddrinfo(l->host, l->port, &hints, &l->found);
}

static void addresses_take(mti_dial *d, const struct addrinfo *found)
{
    d->address_count = d->address_at = 0;
    for (; found && d->address_count < ADDRESSES_MAX; found = found->ai_next) {
        mti_address *address = &d->addresses[d->address_count];

        if (found->ai_addrlen > sizeof address->at) continue;
        address->len = found->ai_addrlen;
        memcpy(&address->at, found->ai_addr, found->ai_addrlen);
        d->address_count++;
    }
}

static void lookup_done(void *arg)
{
    lookup *l = arg;
    mti_link *link = l->link;
    mt_error err;

    if (link) link->dial->looking = NULL;
    if (link && !link->closing) {
        addresses_take(link->dial, l->code == 0 ? l->found : NULL);
        if (link->dial->address_count > 0) {
            connect_next(link);
        } else {
            mti_link_error(&err, MT_IO, "the host was not found: %s",
                           l->code ? gai_strerror(l->code) : "it has no address");
            mti_link_fail(link, &err);
        }
    }
    lookup_free(l);
}

static mt_status lookup_begin(mti_link *link)
{
    mti_dial *d = link->dial;
    const mt_mem *mem = link->env->mem;
    lookup *l = mem->resize(mem->ctx, NULL, 0, sizeof *l);
    mt_status st;

    if (!l) return MT_NO_MEMORY;
    memset(l, 0, sizeof *l);
    l->mem = mem;
    l->link = link;
    memcpy(l->host, d->parsed.host.data, d->parsed.host.len);
    snprintf(l->port, sizeof l->port, "%u", (unsigned)d->parsed.port);
    st = link->env->work(link->env->ctx, lookup_run, lookup_done, l);
    if (st == MT_OK) d->looking = l;
    else lookup_free(l);
    return st;
}

/* ---- Attempts ---- */

static void attempt(mti_link *link)
{
    mti_dial *d = link->dial;
    mt_error err;
    mt_status st;

    d->retry_ms = 0;
    if (d->address_at < d->address_count) {
        connect_next(link);
        return;
    }
    d->address_at = d->address_count = 0;
    if (mti_address_of(&d->parsed, &d->addresses[0])) {
        d->address_count = 1;
        connect_next(link);
    } else if ((st = lookup_begin(link)) != MT_OK) {
        mti_link_error(&err, st, "the host cannot be looked up: %s", mt_status_text(st));
        mti_link_fail(link, &err);
    }
}

void mti_dial_alarm(mti_link *link)
{
    if (!link->closing && !link->dial->looking) attempt(link);
}

void mti_dial_free(mti_link *link)
{
    mti_dial *d = link->dial;
    const mt_mem *mem = link->env->mem;

    if (d->looking) d->looking->link = NULL;
    mti_tls_context_free(d->tls);
    mem->resize(mem->ctx, d, sizeof *d + d->url_size, 0);
}

/* ---- Making one ---- */

static mt_status options_take(const mt_dial_options *options, mt_dial_options *own,
                              mti_link_limits *limits, mt_error *err)
{
    *own = (mt_dial_options){0};
    if (options) memcpy(own, options, options->size < sizeof *own ? options->size : sizeof *own);
    if (!own->connect_ms) own->connect_ms = CONNECT_MS;
    if (!own->retry_min_ms) own->retry_min_ms = RETRY_MIN_MS;
    if (!own->retry_max_ms) own->retry_max_ms = RETRY_MAX_MS;
    if (own->retry_min_ms <= own->retry_max_ms)
        return mti_link_limits_of(own->queued_max, own->ping_ms, own->silence_ms, limits, err);
    return mti_link_error(err, MT_INVALID, "retry_min_ms is %llu, more than retry_max_ms: %llu",
                          (unsigned long long)own->retry_min_ms,
                          (unsigned long long)own->retry_max_ms);
}

/* Reads a URL that this build can do something with. */
static mt_status url_read(const char *url, mti_url *out, mt_error *err)
{
    mt_status st = mti_url_read(url, out, err);

    if (st != MT_OK || !out->is_tls || mti_tls_known()) return st;
    return mti_link_error(err, MT_UNSUPPORTED, "%s: this build has no TLS", url);
}

static mt_status dial_read(const char *url, mti_url *out, mt_error *err)
{
    mti_address address;
    mt_status st = url_read(url, out, err);

    if (st != MT_OK) return st;
    if (out->kind == MTI_URL_UNIX) return MT_OK;
    if (out->port == 0) return mti_link_error(err, MT_INVALID, "%s: there is no port 0", url);
    if (!out->bracketed || mti_address_of(out, &address)) return MT_OK;
    return mti_link_error(err, MT_INVALID, "%s: what is in brackets is not an IPv6 address", url);
}

mt_status mt_url_check(const char *url, bool listen, mt_error *err)
{
    mti_address address;
    mti_url parsed;
    mt_status st;

    if (!listen) return dial_read(url, &parsed, err);
    st = url_read(url, &parsed, err);
    return st == MT_OK ? mti_address_to_listen(url, &parsed, &address, err) : st;
}

static mti_link *dial_new(const mt_env *env, const char *url, mt_dial_options options,
                          const mti_link_limits *limits)
{
    size_t size = strlen(url) + 1;
    mti_dial *d = env->mem->resize(env->mem->ctx, NULL, 0, sizeof *d + size);
    mti_link *link;
    mt_status st;

    if (!d) return NULL;
    memset(d, 0, sizeof *d);
    d->options = options;
    d->url_size = size;
    memcpy(d->url, url, size);
    st = mti_url_read(d->url, &d->parsed, NULL);
    (void)st; /* it was read before */
    link = mti_link_new(env, d->parsed.kind, limits);
    if (link) link->dial = d;
    else env->mem->resize(env->mem->ctx, d, sizeof *d + size, 0);
    return link;
}

/* Certificates are verified wherever there are any: nothing asks for less. */
static mt_status tls_make(mti_link *link, const char *url, const char *ca_file, mt_error *err)
{
    mti_dial *d = link->dial;

    if (d->parsed.is_tls)
        return mti_tls_dial(link->env->mem, ca_file, d->parsed.host, &d->tls, err);
    if (!ca_file) return MT_OK;
    return mti_link_error(err, MT_INVALID,
                          "%s: authorities are for wss://, and this link has no certificates", url);
}

mt_status mt_dial(const mt_env *env, const char *url, const mt_dial_options *options,
                  mt_connection **out, mt_error *err)
{
    mt_dial_options own;
    mti_link_limits limits;
    mti_link *link;
    mti_url parsed;
    mt_status st;

    if (!mt_loop_of(env))
        return mti_link_error(err, MT_INVALID, "dialing needs the environment of a loop");
    if ((st = dial_read(url, &parsed, err)) != MT_OK) return st;
    if ((st = options_take(options, &own, &limits, err)) != MT_OK) return st;
    if (!own.id.data) own.id = mt_str(url);
    if (!(link = dial_new(env, url, own, &limits)))
        return mti_link_error(err, MT_NO_MEMORY, "out of memory");
    st = tls_make(link, url, own.ca_file, err);
    if (st == MT_OK)
        st = mti_link_connection(link, own.id, own.flags | MT_CONNECTION_OFFLINE, out, err);
    link->dial->options.id = (mt_bytes){NULL, 0}; /* these were BORROWED */
    link->dial->options.ca_file = NULL;
    if (st == MT_OK) mti_link_alarm(link, 0);
    else mti_link_free(link);
    return st;
}

/* ---- What is known of it ---- */

const mt_error *mt_dial_error(const mt_connection *connection)
{
    const mti_link *link = mti_link_of(connection);

    return link && link->dial ? &link->dial->error : NULL;
}

uint64_t mt_dial_failures(const mt_connection *connection)
{
    const mti_link *link = mti_link_of(connection);

    return link && link->dial ? link->dial->failures : 0;
}

uint64_t mt_dial_retry_ms(const mt_connection *connection)
{
    const mti_link *link = mti_link_of(connection);
    uint64_t now_ms;

    if (!link || !link->dial || link->dial->retry_ms == 0) return 0;
    now_ms = mti_link_now(link);
    return link->dial->retry_ms > now_ms ? link->dial->retry_ms - now_ms : 1;
}

void mt_dial_hurry(mt_connection *connection)
{
    mti_link *link = mti_link_of(connection);

    if (!link || !link->dial || link->dial->retry_ms == 0 || link->closing) return;
    mti_link_alarm(link, 0);
}
