/* Hosts of requests: which are answered to, where. */
#include "test.h"
#include <string.h>

#include "plugins/socket_host.h"

static const mt_bytes listed[] = {{(const uint8_t *)"notes.example", 13},
                                  {(const uint8_t *)"Box:7118", 8},
                                  {(const uint8_t *)"plain.example:80", 16},
                                  {(const uint8_t *)"[2001:db8::1]:9", 15}};

static unsigned asked(const char *url, const char *host)
{
    const mti_hosts hosts = {url, listed, TEST_COUNT(listed)};

    return mti_hosts_check(&hosts, mt_str(host));
}

#define HERE "ws://127.0.0.1:7118/"
#define THERE "ws://192.0.2.7:7118/"
#define ANY "wss://0.0.0.0:7118/"

TEST(this_machine_is_answered_to_under_its_addresses_and_localhost)
{
    static const char *const urls[] = {HERE, THERE, ANY, "ws://[::]:1/", "ws://[::1]:1/x"};
    static const char *const hosts[] = {"127.0.0.1",  "127.0.0.1:7118",        "127.9.8.7:1",
                                        "localhost",  "LocalHost:7118",        "[::1]",
                                        "[::1]:7118", "[0:0:0:0:0:0:0:1]:7118"};

    for (size_t i = 0; i < TEST_COUNT(urls); i++) {
        for (size_t j = 0; j < TEST_COUNT(hosts); j++) CHECK(asked(urls[i], hosts[j]) == 200);
    }
}

TEST(a_name_that_is_made_to_lead_here_is_not_answered_to)
{
    static const char *const urls[] = {HERE, THERE, ANY, "ws://[::]:1/"};
    static const char *const hosts[] = {"evil.example",
                                        "evil.example:7118",
                                        "localhost.evil.example",
                                        "127.0.0.1.evil.example",
                                        "localhost.",
                                        "127.1:7118",
                                        "2130706433",
                                        "0x7f.0.0.1",
                                        "0177.0.0.1"};

    for (size_t i = 0; i < TEST_COUNT(urls); i++) {
        for (size_t j = 0; j < TEST_COUNT(hosts); j++) CHECK(asked(urls[i], hosts[j]) == 421);
    }
}

TEST(addresses_are_answered_to_where_they_are_listened_on)
{
    CHECK(asked(THERE, "192.0.2.7") == 200 && asked(THERE, "192.0.2.7:7118") == 200);
    CHECK(asked(THERE, "192.0.2.8:7118") == 421 && asked(HERE, "192.0.2.7:7118") == 421);
    CHECK(asked(HERE, "0.0.0.0:7118") == 421 && asked(HERE, "[::]:7118") == 421);
    CHECK(asked(ANY, "192.0.2.8:1") == 200 && asked(ANY, "[fe80::1]:7118") == 200);
    CHECK(asked("ws://[::]:1/", "192.0.2.8") == 200 && asked("ws://[::]:1/", "[fe80::1]") == 200);
    CHECK(asked("ws://[fe80::1]:1/", "[fe80:0::1]:1") == 200);
    CHECK(asked("ws://[fe80::1]:1/", "[fe80::2]:1") == 421);
}

TEST(names_that_are_listed_are_answered_to)
{
    CHECK(asked(HERE, "notes.example") == 200 && asked(HERE, "NOTES.example:1") == 200);
    CHECK(asked(ANY, "notes.example:7118") == 200 && asked(HERE, "notes.example.") == 421);
    CHECK(asked(HERE, "box:7118") == 200 && asked(HERE, "box") == 421);
    CHECK(asked(HERE, "box:7119") == 421 && asked(HERE, "xbox:7118") == 421);
    CHECK(asked(HERE, "plain.example") == 200 && asked(HERE, "plain.example:80") == 200);
    CHECK(asked("wss://127.0.0.1:1/", "plain.example") == 421);
    CHECK(asked(HERE, "[2001:db8:0::1]:9") == 200 && asked(HERE, "[2001:db8::1]") == 421);
}

TEST(what_is_no_host_is_malformed)
{
    static const char *const hosts[] = {
        "",      ":1",   "a b", "a:",     "a:x",       "a:65536", "a/b",   "a?b", "u@a",
        "a:1:2", "[::1", "::1", "[::1]x", "[1.2.3.4]", "[::zz]",  "[abc]", "a,b", "\xc3\xa9"};
    char text[400];

    for (size_t i = 0; i < TEST_COUNT(hosts); i++) CHECK(asked(HERE, hosts[i]) == 400);
    memset(text, 'a', sizeof text);
    text[sizeof text - 1] = '\0';
    CHECK(asked(HERE, text) == 400);
}

TEST(a_list_of_hosts_is_checked)
{
    const mt_bytes wrong[] = {mt_str("a"), mt_str("http://a")};
    const mt_bytes zero = {(const uint8_t *)"a\0b", 3}, none = {NULL, 0};
    mt_error err;

    CHECK(mti_hosts_list_check(listed, TEST_COUNT(listed), &err) == MT_OK);
    CHECK(mti_hosts_list_check(wrong, 2, &err) == MT_INVALID);
    assert_string_equal(err.text, "a host to answer to is HOST or HOST:PORT, not \"http://a\"");
    CHECK(mti_hosts_list_check(&zero, 1, NULL) == MT_INVALID);
    CHECK(mti_hosts_list_check(&none, 1, NULL) == MT_INVALID);
    CHECK(mti_hosts_list_check(NULL, 0, NULL) == MT_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(this_machine_is_answered_to_under_its_addresses_and_localhost),
        cmocka_unit_test(a_name_that_is_made_to_lead_here_is_not_answered_to),
        cmocka_unit_test(addresses_are_answered_to_where_they_are_listened_on),
        cmocka_unit_test(names_that_are_listed_are_answered_to),
        cmocka_unit_test(what_is_no_host_is_malformed),
        cmocka_unit_test(a_list_of_hosts_is_checked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
