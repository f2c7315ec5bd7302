/* socket_hello.c - links of WebSocket until they are up, and plain HTTP, which never is.
 *
 * A head is gathered in `held`, whole before it is looked at. What follows it is of the link. */
#include "plugins/socket_server.h"

#include "plugins/gather.h"
#include "plugins/socket_host.h"
#include "plugins/websocket_hello.h"

#include <stdio.h>
#include <string.h>

/* The first byte of a client that speaks TLS. */
#define TLS_BEGINS 0x16

/* ---- Answers ---- */

static const char *reason_of(unsigned status)
{
    switch (status) {
    case 101: return "Switching Protocols";
    case 200: return "OK";
    case 400: return "Bad Request";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 421: return "Misdirected Request";
    case 426: return "Upgrade Required";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 503: return "Service Unavailable";
    default: return "Status";
    }
}

static const char *fields_of(unsigned status)
{
    switch (status) {
    case 405: return "Allow: GET, HEAD\r\n";
    case 426: return "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n";
    default: return "";
    }
}

/* Answers, and ends the link. */
static void answer(mti_link *link, unsigned status, const char *type, mt_bytes body, bool with_body)
{
    char head[512];
    const mt_bytes nothing = {NULL, 0};
    int len = snprintf(head, sizeof head,
                       "HTTP/1.1 %u %s\r\n"
                       "Content-Type: %s\r\n"
                       "Content-Length: %zu\r\n"
                       "Cache-Control: no-store\r\n"
                       "%sConnection: close\r\n\r\n",
                       status, reason_of(status), type, body.len, fields_of(status));
    mt_status st = mti_socket_put(&link->socket, (mt_bytes){(const uint8_t *)head, (size_t)len},
                                  with_body ? body : nothing, NULL);

    if (st == MT_OK) mti_link_finish(link);
    else mti_link_fail(link, NULL);
}

static void refuse(mti_link *link, unsigned status, const char *why)
{
    char text[MT_ERROR_TEXT_MAX + 1];
    int len = snprintf(text, sizeof text, "%s\n", why);

    answer(link, status, "text/plain; charset=utf-8",
           (mt_bytes){(const uint8_t *)text, (size_t)len}, true);
}

mt_status mt_http_respond(mt_http_response *response, unsigned status, const char *type,
                          mt_bytes body)
{
    size_t len = strlen(type);

    if (status < 100 || status > 599 || len == 0 || len >= sizeof response->type) return MT_INVALID;
    for (size_t i = 0; i < len; i++) {
        if (type[i] < ' ' || type[i] > '~') return MT_INVALID;
    }
    mt_buf_free(&response->body);
    response->status = status;
    memcpy(response->type, type, len + 1);
    response->failed = mti_gather(&response->body, body.data, body.len, body.len) != MT_OK;
    return response->failed ? MT_NO_MEMORY : MT_OK;
}

/* ---- Requests ---- */

static bool is_same(mt_bytes text, const char *word)
{
    return mt_bytes_equal(text, mt_str(word));
}

/* The path of the target, without its query. */
static mt_bytes path_of(mt_bytes target)
{
    const uint8_t *query = memchr(target.data, '?', target.len);

    return (mt_bytes){target.data, query ? (size_t)(query - target.data) : target.len};
}

static bool origin_is_known(const mt_server *server, mt_bytes origin)
{
    for (size_t i = 0; i < server->options.origin_count; i++) {
        if (mt_bytes_equal(server->options.origins[i], origin)) return true;
    }
    return false;
}

/* 200, or what is wrong with the Host of a request; HTTP/1.0 knew none. */
static unsigned host_check(const mt_server *server, const mti_http_head *head, const char **why)
{
    mti_hosts hosts = {server->url, server->options.hosts, server->options.host_count};
    unsigned status;

    *why = "a request has a Host";
    if (!head->host.data) return head->minor > 0 ? 400 : 200;
    status = mti_hosts_check(&hosts, head->host);
    *why = status == 400 ? "the Host of a request is HOST or HOST:PORT"
                         : "this Host is not one that is answered to here";
    return status;
}

static void answer_get(mti_link *link, const mti_http_head *head)
{
    const mt_server_options *options = &link->server->options;
    mt_http_response response = {.body = {.mem = link->env->mem}};

    if (options->http && link->server->is_local)
        options->http(options->http_ctx, head->target, &response);
    if (response.failed) {
        refuse(link, 500, "out of memory");
    } else if (response.status != 0) {
        answer(link, response.status, response.type, mt_buf_bytes(&response.body),
               !is_same(head->method, "HEAD"));
    } else if (is_same(path_of(head->target), link->server->path)) {
        refuse(link, 426, "WebSocket is spoken here");
    } else {
        refuse(link, 404, "there is nothing here");
    }
    mt_buf_free(&response.body);
}

static void upgrade(mti_link *link, const mti_http_head *head)
{
    char text[160], accept[MTI_WEBSOCKET_ACCEPT_LEN];
    const char *why;
    unsigned status = mti_websocket_check(head, &why);
    int len;

    if (status == 101 && !is_same(path_of(head->target), link->server->path)) {
        status = 404;
        why = "there is nothing here";
    }
    if (status != 101) {
        refuse(link, status, why);
        return;
    }
    mti_websocket_accept((const char *)head->key.data, accept);
    len = snprintf(text, sizeof text,
                   "HTTP/1.1 101 %s\r\n"
                   "Upgrade: websocket\r\n"
                   "Connection: Upgrade\r\n"
                   "Sec-WebSocket-Accept: %.*s\r\n\r\n",
                   reason_of(101), MTI_WEBSOCKET_ACCEPT_LEN, accept);
    if (mti_socket_put(&link->socket, (mt_bytes){(const uint8_t *)text, (size_t)len},
                       (mt_bytes){NULL, 0}, NULL) == MT_OK)
        mti_link_up(link);
    else mti_link_fail(link, NULL);
}

static void request_take(mti_link *link, mt_bytes bytes)
{
    mti_http_head head;
    const char *why;
    unsigned status;
    mt_error err;

    if (mti_http_request_read(bytes, &head, &err) != MT_OK) {
        refuse(link, 400, err.text);
    } else if ((status = host_check(link->server, &head, &why)) != 200) {
        refuse(link, status, why);
    } else if (head.origin.data && !origin_is_known(link->server, head.origin)) {
        refuse(link, 403, "pages of this origin may not connect");
    } else if (head.transfer_encoding.data ||
               (head.content_length.data && !is_same(head.content_length, "0"))) {
        refuse(link, 400, "a request with a body is not taken");
    } else if (mti_websocket_asked(&head)) {
        upgrade(link, &head);
    } else if (is_same(head.method, "GET") || is_same(head.method, "HEAD")) {
        answer_get(link, &head);
    } else {
        refuse(link, 405, "only GET and HEAD are answered");
    }
}

static void answer_take(mti_link *link, mt_bytes bytes)
{
    mti_http_head head;
    mt_error err;
    mt_status st = mti_http_answer_read(bytes, &head, &err);

    if (st == MT_OK) st = mti_websocket_answer_check(&head, link->accept, &err);
    if (st == MT_OK) mti_link_up(link);
    else mti_link_fail(link, &err);
}

/* ---- Heads ---- */

void mti_hello_begin(mti_link *link)
{
    link->stage = MTI_LINK_HELLO;
    mti_link_alarm(link, link->server->options.hello_ms);
}

bool mti_hello_is_plain(const mti_link *link)
{
    return link->server && link->stage == MTI_LINK_HELLO && link->socket.tls &&
           mti_tls_met_http(link->socket.tls);
}

void mti_hello_plain(mti_link *link)
{
    static const char said[] = "HTTP/1.1 400 TLS Is Spoken Here\r\n"
                               "Content-Type: text/plain; charset=utf-8\r\n"
                               "Content-Length: 47\r\n"
                               "Connection: close\r\n\r\n"
                               "TLS is spoken here: wss:// or https:// instead\n";

    mti_socket_plain(&link->socket);
    if (mti_socket_put(&link->socket, mt_str(said), (mt_bytes){NULL, 0}, NULL) == MT_OK)
        mti_link_finish(link);
    else mti_link_fail(link, NULL);
}

void mti_hello_send(mti_link *link, const mti_url *url)
{
    char request[MTI_WEBSOCKET_REQUEST_MAX], key[MTI_WEBSOCKET_KEY_LEN];
    uint8_t random[16];
    mt_error err;
    mt_status st = link->env->entropy(link->env->ctx, random, sizeof random);
    size_t len;

    link->stage = MTI_LINK_HELLO;
    if (st == MT_OK) {
        mti_websocket_key(random, key);
        mti_websocket_accept(key, link->accept);
        len = mti_websocket_request(request, url, key);
        st = mti_socket_put(&link->socket, (mt_bytes){(const uint8_t *)request, len},
                            (mt_bytes){NULL, 0}, NULL);
    }
    if (st == MT_OK) return;
    mti_link_error(&err, st, "no hello can be sent: %s", mt_status_text(st));
    mti_link_fail(link, &err);
}

static void head_too_long(mti_link *link)
{
    mt_error err;

    if (link->server) {
        refuse(link, 431, "a request has at most 8192 bytes");
        return;
    }
    mti_link_error(&err, MT_TOO_LARGE, "the server answers with more than 8192 bytes");
    mti_link_fail(link, &err);
}

void mti_hello_take(mti_link *link, uint8_t *data, size_t len)
{
    size_t room = MTI_HTTP_HEAD_MAX - link->held.len, before = link->held.len, head_len;
    size_t piece = len < room ? len : room;
    mt_error err;
    mt_buf held;

    if (link->ending) return;
    if (link->server && link->held.len == 0 && len > 0 && data[0] == TLS_BEGINS) {
        refuse(link, 400, "TLS is not spoken here");
        return;
    }
    if (mti_gather(&link->held, data, piece, MTI_HTTP_HEAD_MAX) != MT_OK) {
        mti_link_error(&err, MT_NO_MEMORY, "no memory for a hello");
        mti_link_fail(link, &err);
        return;
    }
    head_len = mti_http_head_len(mt_buf_bytes(&link->held), before);
    if (head_len == 0) {
        if (link->held.len == MTI_HTTP_HEAD_MAX) head_too_long(link);
        return;
    }
    held = link->held;
    link->held = (mt_buf){.mem = held.mem};
    if (link->server) request_take(link, (mt_bytes){held.data, head_len});
    else answer_take(link, (mt_bytes){held.data, head_len});
    mt_buf_free(&held);
    /* What came behind the head: all of it lies in `data`. */
    head_len -= before;
    mti_link_take(link, data + head_len, len - head_len);
}
