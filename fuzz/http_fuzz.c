/* fuzz/http_fuzz.c - any bytes, read as the head of an HTTP request and of an answer, and as the hello of WebSocket. */
#include "counted.h"

#include "plugins/websocket_hello.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whether a value lies in the head, and has nothing that could end a line. */
static void require_inside(mt_bytes head, mt_bytes value)
{
    if (!value.data) return;
    REQUIRE(value.data >= head.data && value.data + value.len <= head.data + head.len);
    REQUIRE(value.len == 0 || !memchr(value.data, '\r', value.len));
    REQUIRE(value.len == 0 || !memchr(value.data, '\n', value.len));
}

static void require_values(mt_bytes head, const mti_http_head *read)
{
    require_inside(head, read->method);
    require_inside(head, read->target);
    require_inside(head, read->reason);
    require_inside(head, read->host);
    require_inside(head, read->upgrade);
    require_inside(head, read->connection);
    require_inside(head, read->origin);
    require_inside(head, read->key);
    require_inside(head, read->version);
    require_inside(head, read->accept);
    require_inside(head, read->protocol);
    require_inside(head, read->extensions);
    require_inside(head, read->content_length);
    require_inside(head, read->transfer_encoding);
}

static void request(mt_bytes head)
{
    char accept[MTI_WEBSOCKET_ACCEPT_LEN];
    const char *why = NULL;
    mti_http_head read;
    mt_error err = {.status = MT_OK};
    unsigned status;

    if (mti_http_request_read(head, &read, &err) != MT_OK) {
        REQUIRE(err.status == MT_MALFORMED && err.text[0]);
        return;
    }
    require_values(head, &read);
    REQUIRE(read.method.len > 0 && read.target.len > 0 && read.target.data[0] == '/');
    if (!mti_websocket_asked(&read)) return;
    status = mti_websocket_check(&read, &why);
    REQUIRE(why != NULL && (status == 101) == (why[0] == '\0'));
    if (status == 101) mti_websocket_accept((const char *)read.key.data, accept);
}

static void answer(mt_bytes head)
{
    mti_http_head read;
    mt_error err = {.status = MT_OK};

    if (mti_http_answer_read(head, &read, &err) != MT_OK) {
        REQUIRE(err.status == MT_MALFORMED && err.text[0]);
        return;
    }
    require_values(head, &read);
    REQUIRE(read.status <= 999);
    if (mti_websocket_answer_check(&read, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", &err) != MT_OK)
        REQUIRE(err.text[0]);
}

/* The end of a head is found in pieces as it is at once. */
static size_t head_len(const uint8_t *data, size_t size)
{
    size_t whole = mti_http_head_len((mt_bytes){data, size}, 0), found = 0;

    for (size_t len = 1; len <= size && found == 0; len++)
        found = mti_http_head_len((mt_bytes){data, len}, len - 1);
    REQUIRE(found == whole);
    return whole;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *head;
    size_t len;

    if (size > MTI_HTTP_HEAD_MAX) return 0;
    if ((len = head_len(data, size)) == 0) len = size;
    if (!(head = malloc(len ? len : 1))) return 0;
    memcpy(head, data, len);
    request((mt_bytes){head, len});
    answer((mt_bytes){head, len});
    free(head);
    return 0;
}
