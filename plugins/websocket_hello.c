#include "plugins/websocket_hello.h"

#include "plugins/gather.h"
#include "plugins/sha1.h"

#include <stdio.h>
#include <string.h>

#define GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Base64 with its padding: (len + 2) / 3 * 4 letters. */
static void base64(const uint8_t *data, size_t len, char *out)
{
    for (size_t i = 0; i < len; i += 3) {
        uint32_t word = (uint32_t)data[i] << 16;

        if (i + 1 < len) word |= (uint32_t)data[i + 1] << 8;
        if (i + 2 < len) word |= data[i + 2];
        *out++ = digits[word >> 18];
        *out++ = digits[word >> 12 & 63];
        *out++ = '=';
        *out++ = '=';
        if (i + 1 < len) out[-2] = digits[word >> 6 & 63];
        if (i + 2 < len) out[-1] = digits[word & 63];
    }
}

void mti_websocket_key(const uint8_t random[16], char key[MTI_WEBSOCKET_KEY_LEN])
{
    base64(random, 16, key);
}

void mti_websocket_accept(const char key[MTI_WEBSOCKET_KEY_LEN],
                          char accept[MTI_WEBSOCKET_ACCEPT_LEN])
{
    uint8_t text[MTI_WEBSOCKET_KEY_LEN + sizeof GUID], sum[MTI_SHA1_LEN];

    memcpy(text, key, MTI_WEBSOCKET_KEY_LEN);
    memcpy(text + MTI_WEBSOCKET_KEY_LEN, GUID, sizeof GUID);
    mti_sha1(text, sizeof text - 1, sum);
    base64(sum, sizeof sum, accept);
}

size_t mti_websocket_request(char out[MTI_WEBSOCKET_REQUEST_MAX], const mti_url *url,
                             const char key[MTI_WEBSOCKET_KEY_LEN])
{
    int len = snprintf(out, MTI_WEBSOCKET_REQUEST_MAX,
                       "GET %.*s HTTP/1.1\r\n"
                       "Host: %s%.*s%s:%u\r\n"
                       "Upgrade: websocket\r\n"
                       "Connection: Upgrade\r\n"
                       "Sec-WebSocket-Key: %.*s\r\n"
                       "Sec-WebSocket-Version: 13\r\n\r\n",
                       (int)url->path.len, (const char *)url->path.data, url->bracketed ? "[" : "",
                       (int)url->host.len, (const char *)url->host.data, url->bracketed ? "]" : "",
                       (unsigned)url->port, MTI_WEBSOCKET_KEY_LEN, key);

    return (size_t)len;
}

bool mti_websocket_asked(const mti_http_head *head)
{
    return mti_http_lists(head->upgrade, "websocket");
}

/* Whether it is 16 bytes in base64. */
static bool is_key(mt_bytes key)
{
    if (key.len != MTI_WEBSOCKET_KEY_LEN || memcmp(key.data + 22, "==", 2) != 0) return false;
    for (size_t i = 0; i < 22; i++) {
        if (!key.data[i] || !strchr(digits, key.data[i])) return false;
    }
    return true;
}

unsigned mti_websocket_check(const mti_http_head *head, const char **why)
{
    *why = "WebSocket is asked for with GET";
    if (!mt_bytes_equal(head->method, mt_str("GET"))) return 405;
    *why = "WebSocket is asked for with HTTP/1.1, a Host and Connection: Upgrade";
    if (head->minor < 1 || !head->host.data || !mti_http_lists(head->connection, "upgrade"))
        return 400;
    *why = "only version 13 of WebSocket is spoken here";
    if (!mt_bytes_equal(head->version, mt_str("13"))) return 426;
    *why = "Sec-WebSocket-Key is not 16 bytes in base64";
    if (!is_key(head->key)) return 400;
    *why = "";
    return 101;
}

/* The words behind a status, as far as they can be shown. */
static int shown_len(mt_bytes text)
{
    int len = 0;

    while ((size_t)len < text.len && len < 60 && text.data[len] <= '~') len++;
    return len;
}

mt_status mti_websocket_answer_check(const mti_http_head *head,
                                     const char accept[MTI_WEBSOCKET_ACCEPT_LEN], mt_error *err)
{
    if (head->status != 101) {
        return mti_link_error(err, MT_REFUSED, "the server answers %u %.*s", head->status,
                              shown_len(head->reason),
                              head->reason.len ? (const char *)head->reason.data : "");
    }
    if (!mti_http_lists(head->upgrade, "websocket") ||
        !mti_http_lists(head->connection, "upgrade")) {
        return mti_link_error(err, MT_MALFORMED, "the server does not answer with WebSocket");
    }
    if (!mt_bytes_equal(head->accept,
                        (mt_bytes){(const uint8_t *)accept, MTI_WEBSOCKET_ACCEPT_LEN})) {
        return mti_link_error(err, MT_MALFORMED, "the server answers to another key");
    }
    if (!head->extensions.len && !head->protocol.len) return MT_OK;
    return mti_link_error(
        err, MT_MALFORMED,
        "the server answers with extensions or protocols that were not asked for");
}
