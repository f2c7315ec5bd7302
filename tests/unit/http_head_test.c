/* Heads of HTTP, and the hello of WebSocket in them. */
#include "test.h"
#include <stdio.h>
#include <string.h>

#include "plugins/sha1.h"
#include "plugins/websocket_hello.h"

static void says(mt_bytes bytes, const char *text)
{
    CHECK(mt_bytes_equal(bytes, mt_str(text)));
}

static mti_http_head request(const char *text)
{
    mti_http_head head;
    mt_error err;

    if (mti_http_request_read(mt_str(text), &head, &err) != MT_OK) fail_msg("%s", err.text);
    return head;
}

static void refused(const char *text, const char *message)
{
    mti_http_head head;
    mt_error err = {.status = MT_OK};

    CHECK(mti_http_request_read(mt_str(text), &head, &err) == MT_MALFORMED);
    assert_string_equal(err.text, message);
}

TEST(a_head_ends_with_its_empty_line_wherever_it_is_cut)
{
    const mt_bytes bytes = mt_str("GET / HTTP/1.1\r\nA: b\r\n\r\nrest");

    for (size_t len = 0; len <= bytes.len; len++) {
        for (size_t from = 0; from <= len && from < 25; from++)
            CHECK(mti_http_head_len((mt_bytes){bytes.data, len}, from) == (len < 24 ? 0 : 24) ||
                  from == 24);
    }
}

TEST(a_request_gives_its_path_and_the_fields_that_matter)
{
    mti_http_head head =
        request("GET /metrics?a=1 HTTP/1.1\r\n"
                "hOsT: \t here:1 \r\nX-Other: \x80 y\r\nX-Other: z\r\n"
                "Upgrade:h2c, WebSocket\r\nConnection: keep-alive,Upgrade\r\n\r\n");

    says(head.method, "GET");
    says(head.target, "/metrics?a=1");
    says(head.host, "here:1");
    CHECK(head.minor == 1 && !head.origin.data && !head.key.data);
    CHECK(mti_websocket_asked(&head) && mti_http_lists(head.connection, "upgrade"));
    CHECK(!mti_http_lists(head.connection, "keep"));
    CHECK(request("HEAD / HTTP/1.0\r\nOrigin:\r\n\r\n").origin.data != NULL);
}

TEST(what_is_no_request_is_refused_by_name)
{
    const char *first = "the first line is not that of an HTTP/1 request";
    const char *target = "the first line of HTTP has no method, or no path";
    const char *field = "a field of HTTP is not a name, a colon and a value";
    const char *line = "a line of HTTP does not end as it must";

    refused("\x10\x05\r\n\r\n", "a request of HTTP has no first line");
    refused("GET /\r\n\r\n", first);
    refused("GET / HTTP/2.0\r\n\r\n", first);
    refused("GET / HTTP/1.x\r\n\r\n", first);
    refused("GET  / HTTP/1.1\r\n\r\n", first);
    refused("GET / HTTP/1.1 \r\n\r\n", first);
    refused("G(T / HTTP/1.1\r\n\r\n", target);
    refused("GET http://a/ HTTP/1.1\r\n\r\n", target);
    refused("GET * HTTP/1.1\r\n\r\n", target);
    refused("GET /\xc3\xa9 HTTP/1.1\r\n\r\n", target);
    refused("GET / HTTP/1.1\r\nHost : a\r\n\r\n", field);
    refused("GET / HTTP/1.1\r\n: a\r\n\r\n", field);
    refused("GET / HTTP/1.1\r\nHost\r\n\r\n", field);
    refused("GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n", field);
    refused("GET / HTTP/1.1\r\nA: b\nC: d\r\n\r\n", line);
    refused("GET / HTTP/1.1\r\nA: b\rC: d\r\n\r\n", line);
    refused("GET / HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n",
            "the field host of HTTP is there twice");
}

/* RFC 3174, and RFC 6455, section 1.3. */
TEST(the_examples_of_the_rfcs_come_out)
{
    static const uint8_t sum[MTI_SHA1_LEN] = {0xa9, 0x99, 0x3e, 0x36, 0x47, 0x06, 0x81,
                                              0x6a, 0xba, 0x3e, 0x25, 0x71, 0x78, 0x50,
                                              0xc2, 0x6c, 0x9c, 0xd0, 0xd8, 0x9d};
    static const uint8_t long_sum[4] = {0x84, 0x98, 0x3e, 0x44};
    uint8_t out[MTI_SHA1_LEN];
    char accept[MTI_WEBSOCKET_ACCEPT_LEN], key[MTI_WEBSOCKET_KEY_LEN];

    mti_sha1((const uint8_t *)"abc", 3, out);
    CHECK(memcmp(out, sum, sizeof out) == 0);
    mti_sha1((const uint8_t *)"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56, out);
    CHECK(memcmp(out, long_sum, 4) == 0);
    mti_websocket_accept("dGhlIHNhbXBsZSBub25jZQ==", accept);
    CHECK(memcmp(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", sizeof accept) == 0);
    mti_websocket_key((const uint8_t *)"the sample nonce", key);
    CHECK(memcmp(key, "dGhlIHNhbXBsZSBub25jZQ==", sizeof key) == 0);
}

static void checked(const char *line, const char *fields, unsigned status)
{
    char text[512];
    mti_http_head head;
    const char *why;

    snprintf(text, sizeof text, "%s%s\r\n", line, fields);
    head = request(text);
    CHECK(mti_websocket_asked(&head));
    CHECK(mti_websocket_check(&head, &why) == status);
    CHECK((status == 101) == (why[0] == '\0'));
}

#define GET "GET / HTTP/1.1\r\nUpgrade: websocket\r\n"
#define HOST "Host: a\r\nConnection: Upgrade\r\n"
#define VERSION "Sec-WebSocket-Version: 13\r\n"
#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

TEST(an_upgrade_has_all_that_it_must_have)
{
    checked(GET, HOST VERSION KEY, 101);
    checked("POST / HTTP/1.1\r\nUpgrade: websocket\r\n", HOST VERSION KEY, 405);
    checked("GET / HTTP/1.0\r\nUpgrade: websocket\r\n", HOST VERSION KEY, 400);
    checked(GET, "Connection: Upgrade\r\n" VERSION KEY, 400);
    checked(GET, "Host: a\r\nConnection: close\r\n" VERSION KEY, 400);
    checked(GET, HOST KEY, 426);
    checked(GET, HOST KEY "Sec-WebSocket-Version: 8\r\n", 426);
    checked(GET, HOST VERSION, 400);
    checked(GET, HOST VERSION "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=\r\n", 400);
    checked(GET, HOST VERSION "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZ!==\r\n", 400);
    checked(GET, HOST VERSION "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQAB\r\n", 400);
}

TEST(what_a_client_asks_is_what_a_server_takes)
{
    char text[MTI_WEBSOCKET_REQUEST_MAX], key[MTI_WEBSOCKET_KEY_LEN];
    mti_http_head head;
    const char *why;
    mti_url url;

    mti_websocket_key((const uint8_t *)"0123456789abcdef", key);
    CHECK(mti_url_read("ws://[::1]:7117/a/b?c", &url, NULL) == MT_OK);
    text[mti_websocket_request(text, &url, key)] = '\0';
    head = request(text);
    CHECK(mti_websocket_asked(&head) && mti_websocket_check(&head, &why) == 101);
    says(head.target, "/a/b?c");
    says(head.host, "[::1]:7117");
    CHECK(!head.origin.data);
}

static void answered(const char *text, mt_status status, const char *message)
{
    mti_http_head head;
    mt_error err = {.status = MT_OK, .text = ""};
    mt_status st = mti_http_answer_read(mt_str(text), &head, &err);

    if (st == MT_OK) st = mti_websocket_answer_check(&head, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", &err);
    CHECK(st == status);
    assert_string_equal(err.text, message);
}

#define SWITCHES "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"
#define ACCEPT "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"

TEST(an_answer_is_the_one_to_be_had)
{
    answered(SWITCHES ACCEPT "\r\n", MT_OK, "");
    answered("HTTP/1.1 403 Not \xff for you\r\n\r\n", MT_REFUSED, "the server answers 403 Not ");
    answered("HTTP/1.1 200\r\n\r\n", MT_REFUSED, "the server answers 200 ");
    answered("HTTP/1.1 101 x\r\n" ACCEPT "\r\n", MT_MALFORMED,
             "the server does not answer with WebSocket");
    answered(SWITCHES "\r\n", MT_MALFORMED, "the server answers to another key");
    answered(SWITCHES "Sec-WebSocket-Accept: x\r\n\r\n", MT_MALFORMED,
             "the server answers to another key");
    answered(SWITCHES ACCEPT "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n", MT_MALFORMED,
             "the server answers with extensions or protocols that were not asked for");
    answered("HTTP/1.1 1O1 x\r\n\r\n", MT_MALFORMED, "an answer of HTTP has no status");
    answered("HTTP/1.1 10\r\n\r\n", MT_MALFORMED, "an answer of HTTP has no status");
    answered("SSH-2.0-x\r\n\r\n", MT_MALFORMED, "the first line is not that of an HTTP/1 answer");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_head_ends_with_its_empty_line_wherever_it_is_cut),
        cmocka_unit_test(a_request_gives_its_path_and_the_fields_that_matter),
        cmocka_unit_test(what_is_no_request_is_refused_by_name),
        cmocka_unit_test(the_examples_of_the_rfcs_come_out),
        cmocka_unit_test(an_upgrade_has_all_that_it_must_have),
        cmocka_unit_test(what_a_client_asks_is_what_a_server_takes),
        cmocka_unit_test(an_answer_is_the_one_to_be_had),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
