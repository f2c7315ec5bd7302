/* URLs of peers: what they say, and what is wrong with them, and where. */
#include "test.h"
#include <mytosis/plugin/socket.h>
#include <string.h>

#include "plugins/url.h"

static mti_url read(const char *url)
{
    mt_error err;
    mti_url out;

    if (mti_url_read(url, &out, &err) != MT_OK) fail_msg("%s", err.text);
    return out;
}

static void says(mt_bytes bytes, const char *text)
{
    CHECK(mt_bytes_equal(bytes, mt_str(text)));
}

static void refused(const char *url, mt_status status, const char *message)
{
    mt_error err = {.status = MT_OK};
    mti_url out;

    CHECK(mti_url_read(url, &out, &err) == status);
    CHECK(err.status == status);
    assert_string_equal(err.text, message);
    CHECK(mti_url_read(url, &out, NULL) == status);
}

TEST(a_url_of_tcp_has_a_host_and_a_port)
{
    mti_url url = read("tcp://peer-1.example_x:7117");

    CHECK(url.kind == MTI_URL_TCP && url.port == 7117 && !url.bracketed);
    says(url.host, "peer-1.example_x");
    url = read("tcp://[::ffff:1.2.3.4]:0");
    CHECK(url.bracketed && url.port == 0);
    says(url.host, "::ffff:1.2.3.4");
    CHECK(read("tcp://a:65535").port == 65535);
}

TEST(a_url_of_websocket_has_a_path_and_may_lack_a_port)
{
    mti_url url = read("ws://a/b/c?d=e");

    CHECK(url.kind == MTI_URL_WS && url.port == 80 && !url.is_tls);
    says(url.host, "a");
    says(url.path, "/b/c?d=e");
    says(read("ws://a:1").path, "/");
    says(read("ws://[::1]").host, "::1");
}

TEST(a_url_of_websocket_over_tls_is_the_same_with_another_port)
{
    mti_url url = read("wss://a/b");

    CHECK(url.kind == MTI_URL_WS && url.port == 443 && url.is_tls);
    says(url.host, "a");
    says(url.path, "/b");
    CHECK(read("wss://a:1").port == 1);
}

TEST(a_url_of_a_unix_socket_is_a_path)
{
    says(read("unix:a b").path, "a b");
    says(read("unix:/run/x").path, "/run/x");
    says(read("unix:///run/x").path, "/run/x");
}

TEST(an_error_says_what_is_wrong_with_a_url_and_where)
{
    refused("", MT_UNSUPPORTED, ": does not begin with tcp://, ws://, wss:// or unix:");
    refused("http://a", MT_UNSUPPORTED,
            "http://a: does not begin with tcp://, ws://, wss:// or unix:");
    refused("tcp://", MT_INVALID, "tcp://: byte 6: there is no host here");
    refused("tcp://:1", MT_INVALID, "tcp://:1: byte 6: there is no host here");
    refused("tcp://a", MT_INVALID, "tcp://a: byte 7: there is no port here, such as :7117");
    refused("tcp://a:", MT_INVALID, "tcp://a:: byte 8: there is no port here, such as 7117");
    refused("tcp://a:x", MT_INVALID, "tcp://a:x: byte 8: there is no port here, such as 7117");
    refused("tcp://a:65536", MT_INVALID, "tcp://a:65536: byte 13: a port is at most 65535");
    refused("tcp://a:99999999999", MT_INVALID,
            "tcp://a:99999999999: byte 13: a port is at most 65535");
    refused("tcp://a:1/", MT_INVALID, "tcp://a:1/: byte 9: nothing may stand behind the port");
    refused("tcp://u@a:1", MT_INVALID,
            "tcp://u@a:1: byte 7: this cannot be in a host; a port stands behind a colon");
    refused("tcp://[::1:1", MT_INVALID,
            "tcp://[::1:1: byte 12: an IPv6 address in brackets has hex digits, colons and a "
            "bracket behind");
    refused("ws://a:1b", MT_INVALID, "ws://a:1b: byte 8: only a path may stand behind the port");
    refused("ws://a/b c", MT_INVALID, "ws://a/b c: byte 8: this cannot be in a path");
    refused("ws://a/#b", MT_INVALID, "ws://a/#b: byte 7: this cannot be in a path");
    refused("unix:", MT_INVALID, "unix:: byte 5: there is no path here");
    refused("unix://a/b", MT_INVALID,
            "unix://a/b: byte 7: behind unix:// stands the slash of an absolute path");
}

TEST(a_url_has_its_limits)
{
    char url[300];
    mti_url out;

    memset(url, 'x', sizeof url);
    memcpy(url, "unix:/", 6);
    url[5 + MTI_UNIX_PATH_MAX] = '\0';
    CHECK(mti_url_read(url, &out, NULL) == MT_OK && out.path.len == MTI_UNIX_PATH_MAX);
    url[5 + MTI_UNIX_PATH_MAX] = 'x';
    url[5 + MTI_UNIX_PATH_MAX + 1] = '\0';
    CHECK(mti_url_read(url, &out, NULL) == MT_TOO_LARGE);
    url[5 + MTI_UNIX_PATH_MAX + 1] = 'x';
    memcpy(url, "ws://a/", 7);
    url[MT_CONNECTION_ID_LEN_MAX] = '\0';
    CHECK(mti_url_read(url, &out, NULL) == MT_OK);
    url[MT_CONNECTION_ID_LEN_MAX] = 'x';
    url[MT_CONNECTION_ID_LEN_MAX + 1] = '\0';
    refused(url, MT_TOO_LARGE, "a URL of 256 bytes, and 255 are the most");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_url_of_tcp_has_a_host_and_a_port),
        cmocka_unit_test(a_url_of_websocket_has_a_path_and_may_lack_a_port),
        cmocka_unit_test(a_url_of_websocket_over_tls_is_the_same_with_another_port),
        cmocka_unit_test(a_url_of_a_unix_socket_is_a_path),
        cmocka_unit_test(an_error_says_what_is_wrong_with_a_url_and_where),
        cmocka_unit_test(a_url_has_its_limits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
