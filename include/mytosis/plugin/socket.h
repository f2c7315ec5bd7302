/* mytosis/plugin/socket.h - connections over TCP, Unix sockets and WebSocket, on libuv; the last also
 * over TLS, by OpenSSL.
 *
 *     mt_connection *there;
 *     mt_dial(env, "tcp://127.0.0.1:7117", NULL, &there, &err);      connects, for ever
 *
 *     mt_server *here;
 *     mt_server_new(env, "ws://127.0.0.1:7118", NULL, &here, &err);
 *     ... mt_server_group(here) holds whoever connected ...
 *
 * Addresses are written as URLs:
 *
 *     tcp://HOST:PORT          HOST is a name, 127.0.0.1, or [::1]
 *     ws://HOST:PORT/PATH      WebSocket (RFC 6455); PORT is 80 and PATH is / if they are left out
 *     wss://HOST:PORT/PATH     the same over TLS 1.2 or 1.3; PORT is 443 if it is left out
 *     unix:PATH                a Unix socket; unix:///PATH is the same for absolute paths
 *
 * An error says what is wrong with a URL, and at which byte. docs/protocol.md tells what is sent,
 * to the byte. Servers listen only on addresses of this machine, 127.0.0.0/8, [::1], localhost (which
 * is 127.0.0.1) and Unix sockets, unless they are told to listen anywhere; dialing takes any.
 *
 * Over TLS a client always verifies the server's certificate: that it is valid now, of an authority
 * that is trusted (those of the system, or of a file), and for the very HOST of the URL, a name or an
 * address. There is no way to ask for less. Who has no authority makes a certificate of his own, and
 * gives it to his clients as one.
 *
 * What is sent within one turn of the loop leaves in one piece. A link that is idle sends pings;
 * one from which nothing comes is given up. While nobody listens to the messages of a connection
 * its socket is not read, but for the first bytes of the next message. An idle link costs 1.5 KiB,
 * or dialed 3, besides what the kernel takes. Over TLS OpenSSL takes 14 KiB more, or dialed 28 and what
 * a file of authorities needs. SIGPIPE is never raised.
 *
 * The environment must be that of a loop of mytosis/loop.h, and has to be turned until a connection
 * has told that it is closed, and what a server had is gone, before the loop is freed. Left out
 * of builds with MYTOSIS_WITH_UV=OFF; with MYTOSIS_WITH_TLS=OFF, wss:// is MT_UNSUPPORTED. Threads:
 * that of the loop. */
#ifndef MYTOSIS_PLUGIN_SOCKET_H
#define MYTOSIS_PLUGIN_SOCKET_H

#include <mytosis/env.h>
#include <mytosis/network.h>

MT_BEGIN_DECLS

/* ---- URLs ---- */

/* Whether mt_dial, or with `listen` mt_server_new with `anywhere`, would take this URL: for who checks
 * a configuration without acting on it. What is listened on is an address or localhost, and no other
 * name. MT_INVALID: it is not of the form above, or not allowed; MT_UNSUPPORTED: a scheme that is not
 * known; MT_TOO_LARGE: longer than MT_CONNECTION_ID_LEN_MAX, or a path too long for a Unix socket. `err`
 * may be NULL. Threads: any. */
MT_API MT_MUST_USE mt_status mt_url_check(const char *url, bool listen, mt_error *err);

/* Whether a URL names this machine itself, which nobody else reaches there: 127.0.0.0/8, [::1],
 * localhost or a Unix socket. What is no URL does not. Threads: any. */
MT_API bool mt_url_is_local(const char *url);

/* Whether files would be taken for wss://, likewise: of a server a chain of certificates with its key,
 * of a client authorities to trust. NULL: none; a certificate and a key go together. MT_IO: one cannot
 * be read. MT_INVALID: it holds something else, the key is that of another certificate, a certificate
 * is not valid now. MT_TOO_LARGE, MT_UNSUPPORTED. `err`, which may be NULL, names the file. Threads: any. */
MT_API MT_MUST_USE mt_status mt_tls_check(const char *cert_file, const char *key_file,
                                          const char *ca_file, mt_error *err);

/* ---- Dialing ---- */

/* All zero gives the defaults. */
typedef struct mt_dial_options {
    size_t size;           /* sizeof(mt_dial_options) as compiled */
    mt_bytes id;           /* of the connection: the URL */
    size_t queued_max;     /* bytes that wait to be sent before MT_AGAIN: 1 MiB */
    uint64_t connect_ms;   /* how long until it is online an attempt may take: 10,000 */
    uint64_t retry_min_ms; /* the wait after the first attempt that failed: 200 */
    uint64_t retry_max_ms; /* up to which it doubles: 30,000 */
    uint64_t ping_ms;      /* silence after which a ping is sent: a third of that below */
    uint64_t silence_ms;   /* after which the link is given up: 45,000, or 3 x ping_ms */
    unsigned flags;        /* MT_CONNECTION_EPHEMERAL */
    bool once;             /* it connects once: what ends the link, closes the connection */
    const char
        *ca_file; /* PEM, read at once: authorities that wss:// trusts. Those of the system */
} mt_dial_options;

/* A connection to whoever listens at a URL, SHARED, held by the caller. Offline to begin with, it
 * connects and, unless it is to do so but once, reconnects for ever, until it is closed: after an
 * attempt that failed it waits, each time twice as long, times a random number from a half to
 * one. A link that lasted for 10 seconds sets that back. All addresses of a name are tried in turn.
 * Its type is "tcp", "unix" or "websocket".
 *
 * `env` is BORROWED until the connection is gone; `url` and `options` (NULL: defaults) are COPIED.
 * MT_INVALID, MT_UNSUPPORTED, MT_TOO_LARGE: the URL, as mt_url_check; options that cannot be; an
 * environment that is not of a loop. The file of authorities: as mt_tls_check. MT_NO_MEMORY. `err`
 * may be NULL. */
MT_API MT_MUST_USE mt_status mt_dial(const mt_env *env, const char *url,
                                     const mt_dial_options *options, mt_connection **out,
                                     mt_error *err);

/* Why a dialed connection is offline, such as "tcp://127.0.0.1:7117: connection refused", or
 * "wss://localhost/: the certificate is for other.example, not localhost". Its status is MT_OK while
 * it is online, or nothing has failed yet. MT_REFUSED: the peer refuses us, or we its certificate.
 * BORROWED until the loop's next turn. NULL: the connection is not a dialed one. */
MT_API const mt_error *mt_dial_error(const mt_connection *connection);

/* How many attempts have failed since it was last online for 10 seconds, and in how many milliseconds
 * the next begins (0: one is under way, or none is needed). Both 0: not a dialed one. */
MT_API uint64_t mt_dial_failures(const mt_connection *connection);
MT_API uint64_t mt_dial_retry_ms(const mt_connection *connection);

/* Lets the next attempt begin at once, instead of when the wait is over: for when the network is
 * known to have come back. No effect while one is under way. */
MT_API void mt_dial_hurry(mt_connection *connection);

/* ---- Listening ---- */

/* What a plain HTTP request is answered with. */
typedef struct mt_http_response mt_http_response;

/* Answers a request: `status` is 100 to 599, `type` such as "text/plain", `body` COPIED. The last
 * call counts. MT_INVALID: a status or type that cannot be. MT_NO_MEMORY: then the request is
 * answered with 500. */
MT_API MT_MUST_USE mt_status mt_http_respond(mt_http_response *response, unsigned status,
                                             const char *type, mt_bytes body);

/* Is asked for `path` (with its query, as it was sent) by GET or HEAD. `path` and `response` are
 * BORROWED until it returns. If it does not respond, the answer is 404. */
typedef void mt_http_get(void *ctx, mt_bytes path, mt_http_response *response);

/* All zero gives the defaults.
 *
 * Whoever owns a name can have it lead here, and then pages of that name pass for our own. So a request
 * of HTTP or WebSocket is taken only if its Host is an address of this machine or localhost, the address
 * that is listened on, or where that is 0.0.0.0 or [::] any address; or one of `hosts`, in letters of any
 * case, and at that port if it has one. What pages of other origins ask is refused unless `origins` has
 * theirs; and no answer lets a browser show it to pages of another (CORS). */
typedef struct mt_server_options {
    size_t size;             /* sizeof(mt_server_options) as compiled */
    size_t connections_max;  /* at one time; who comes then is turned away: 2,048 */
    size_t half_open_max;    /* of these, not up yet, and HTTP; one more ends the oldest: 64 */
    size_t queued_max;       /* bytes that wait to be sent on one before MT_AGAIN: 1 MiB */
    uint64_t hello_ms;       /* how long all until the upgrade, or HTTP's end, may take: 5,000 */
    uint64_t ping_ms;        /* silence after which a ping is sent: a third of that below */
    uint64_t silence_ms;     /* after which a link is given up: 45,000, or 3 x ping_ms */
    const mt_bytes *origins; /* who may connect from browsers, such as "http://localhost:8000" */
    size_t origin_count;     /* 0: every request with an Origin is refused */
    mt_http_get *http;       /* answers plain HTTP, if the URL is of this machine; NULL: 404 */
    void *http_ctx;          /* BORROWED until the server is closed */
    const char *cert_file;   /* of wss://, which needs both: the chain of certificates, its own */
    const char *key_file;    /* first, and its key; in PEM, read by mt_server_new */
    bool anywhere; /* addresses beyond this machine too: only for links that are put into secured
                    * ones (mytosis/secure.h), since anybody may connect */
    const mt_bytes *hosts; /* names that lead here, besides those above: HOST, HOST:PORT */
    size_t host_count;
} mt_server_options;

/* What listens at a URL, until mt_server_close. */
typedef struct mt_server mt_server;

/* Listens. Port 0 takes any that is free. A Unix socket is made for its owner alone (mode 0600), in
 * place of one that nobody listens on any more. OWNED: mt_server_close. `env` is BORROWED until
 * all of it is gone, `url` and `options` (NULL: defaults) are COPIED.
 *
 * MT_INVALID, MT_UNSUPPORTED, MT_TOO_LARGE: as mt_url_check; an address that is not of this machine,
 * unless `anywhere` is set; a host to take that is neither HOST nor HOST:PORT.
 * Certificate and key: as mt_tls_check, and that they are missing, or there without TLS.
 * MT_BUSY: somebody listens there. MT_IO: the system says no. MT_NO_MEMORY. `err` may be NULL. */
MT_API MT_MUST_USE mt_status mt_server_new(const mt_env *env, const char *url,
                                           const mt_server_options *options, mt_server **out,
                                           mt_error *err);

/* Whoever is connected: members come when their link is up and leave when it has ended. Their ids
 * are such as "tcp:127.0.0.1:53122#7", new for each link, and say nothing of who it is; a closed one
 * never comes online again. BORROWED until the server is closed. */
MT_API mt_group *mt_server_group(const mt_server *server);

/* Where it listens, with the port that was taken: such as "tcp://127.0.0.1:41233". BORROWED until it
 * is closed. */
MT_API const char *mt_server_url(const mt_server *server);

/* Stops listening at once, and closes what was accepted, as mt_connection_close does. Some turns of
 * the loop later all of it is gone. NULL is accepted. */
MT_API void mt_server_close(mt_server *server);

MT_END_DECLS
#endif
