/* Subscriptions that a peer should not ask for. */
#include "test_meeting.h"
#include "test_stranger.h"

#include <mytosis/plugin/network.h>
#include <mytosis/secure.h>

#include <stdio.h>
#include <string.h>

static const mt_sync_range given[] = {
    {.prefix = {(const uint8_t *)"mine/", 5}},
    {.prefix = {(const uint8_t *)"ours/", 5}},
    {.prefix = {(const uint8_t *)"kept/", 5}, .push_none = true},
};

/* A peer that gives mine/ and ours/, and a stranger that wants everything. */
static void begin(test_meeting *m, test_stranger *s)
{
    mt_sync_options options = {
        .size = sizeof options, .ranges = given, .range_count = TEST_COUNT(given)};

    test_meeting_begin(m);
    test_meeting_open_with(m, 0, &options, (mt_config){.size = 0});
    test_stranger_come(m, s, (mt_pipe_options){.queued_max = 1 << 22});
    test_stranger_greet(m, s, 's', 1, 0);
}

static void end(test_meeting *m, test_stranger *s)
{
    test_stranger_leave(s);
    test_meeting_end(m);
}

/* Asks for what lies from one uid to before another. */
static void subscribe(test_meeting *m, test_stranger *s, uint64_t id, const char *first,
                      const char *last)
{
    mti_range range = {.first = mt_str(first), .end = mt_str(last)};
    mti_say say = test_stranger_speak(s, MTI_SUBSCRIBE);

    mti_say_number(&say, id);
    mti_say_range(&say, &range, 0);
    test_say_cursor(&say, 0, 0);
    mti_say_byte(&say, 0);
    test_stranger_send(s);
    test_env_run_for(&m->te, 5);
}

/* A commit within mine/ still goes over to the subscription there is. */
static void check_goes_on(test_meeting *m, test_stranger *s)
{
    size_t before;

    test_meeting_rest(m);
    before = s->heard[MTI_DATA];
    CHECK(s->heard[MTI_BYE] == 0);
    test_text_set(m->peers[0].db, "mine/1", "later");
    test_env_run_for(&m->te, 5); /* after a while the other ones hear how far they are */
    CHECK(s->heard[MTI_DATA] == before + 1);
}

static void check_ended(const test_stranger *s)
{
    CHECK(s->heard[MTI_BYE] == 1 && s->why.status == MT_MALFORMED);
    CHECK(strstr(s->why.text, "the subscription: its number is 0, or in use"));
}

TEST(subscription_of_number_0_ends_the_session)
{
    test_stranger s;
    test_meeting m;

    begin(&m, &s);
    subscribe(&m, &s, 0, "mine/", "mine0");
    CHECK(s.heard[MTI_SUBSCRIBED] == 0);
    check_ended(&s);
    end(&m, &s);
}

TEST(subscription_of_a_number_that_is_in_use_ends_the_session)
{
    test_stranger s;
    test_meeting m;

    begin(&m, &s);
    subscribe(&m, &s, 1, "mine/", "mine0");
    CHECK(s.heard[MTI_SUBSCRIBED] == 1 && s.heard[MTI_BYE] == 0);
    subscribe(&m, &s, 1, "ours/", "ours0");
    CHECK(s.heard[MTI_SUBSCRIBED] == 1);
    check_ended(&s);
    end(&m, &s);
}

TEST(number_of_a_subscription_that_was_ended_may_be_used_again)
{
    test_stranger s;
    test_meeting m;
    mti_say say;

    begin(&m, &s);
    subscribe(&m, &s, 1, "ours/", "ours0");
    say = test_stranger_speak(&s, MTI_UNSUBSCRIBE);
    mti_say_number(&say, 1);
    test_stranger_send(&s);
    subscribe(&m, &s, 1, "mine/", "mine0");
    CHECK(s.heard[MTI_SUBSCRIBED] == 2);
    check_goes_on(&m, &s);
    end(&m, &s);
}

TEST(range_that_is_subscribed_to_again_is_given_once)
{
    test_stranger s;
    test_meeting m;

    begin(&m, &s);
    subscribe(&m, &s, 1, "mine/", "mine0");
    subscribe(&m, &s, 2, "mine/", "mine0");
    CHECK(s.heard[MTI_SUBSCRIBED] == 2);
    check_goes_on(&m, &s);
    end(&m, &s);
}

/* The stranger begins anew, and we do so for it; what it says before it knows of that is of before. */
TEST(what_a_peer_said_to_a_session_that_is_over_is_not_heard)
{
    test_stranger s;
    test_meeting m;
    uint64_t known;
    mti_say say;

    begin(&m, &s);
    known = s.session;
    s.session = 1; /* it has heard of none of ours */
    test_stranger_greet(&m, &s, 's', 2, 0);
    CHECK(s.session != known && s.session != 1);
    subscribe(&m, &s, 1, "mine/", "mine0");
    say = test_stranger_speak(&s, MTI_ACK);
    mti_say_number(&say, 1000); /* of what was never sent */
    test_stranger_send(&s);
    test_env_run_for(&m.te, 5);
    CHECK(s.heard[MTI_SUBSCRIBED] == 0 && s.heard[MTI_BYE] == 0);
    test_stranger_greet(&m, &s, 's', 2, 0); /* and now it has */
    subscribe(&m, &s, 2, "mine/", "mine0");
    CHECK(s.heard[MTI_SUBSCRIBED] == 1 && s.granted == 2);
    check_goes_on(&m, &s);
    end(&m, &s);
}

/* Begins as another peer's does, which has proven to be a device. */
static void claim(test_meeting *m, test_stranger *s, const mt_connection *of, const uint8_t *device)
{
    mt_bytes boot = mt_connection_peer(of);
    mti_hello hello = {.version_min = 1,
                       .version_max = 1,
                       .clock = 1,
                       .peer = boot,
                       .boot = boot,
                       .nonce = 1,
                       .window = 1 << 22};
    mti_range all = {.first = {NULL, 0}};
    mti_say say;

    mt_connection_set_device(s->here, device);
    say = test_stranger_speak(s, MTI_HELLO);
    mti_say_hello(&say, &hello);
    mti_say_number(&say, 1);
    mti_say_range(&say, &all, MTI_RANGE_PULL | MTI_RANGE_PUSH);
    test_stranger_send(s);
    test_env_run_for(&m->te, 100);
}

TEST(what_is_known_of_a_device_no_other_can_claim)
{
    static const uint8_t one[MT_DEVICE_LEN] = {1}, other[MT_DEVICE_LEN] = {2};
    mt_connection *link;
    test_stranger s;
    test_meeting m;
    mt_db *guest;
    mt_bytes known;

    test_meeting_begin(&m);
    test_meeting_open(&m, 0, NULL);
    guest = test_meeting_open(&m, 1, NULL);
    link = test_meeting_join(&m, 0, 1);
    mt_connection_set_device(link, one);
    test_meeting_rest(&m);
    test_stranger_come(&m, &s, (mt_pipe_options){.queued_max = 1 << 20, .a_id = mt_str("other")});
    claim(&m, &s, m.ends[0][1], other);
    claim(&m, &s, link, other);
    known = mt_connection_peer(s.here);
    CHECK(known.len == 16 && !mt_bytes_equal(known, mt_connection_peer(link)));
    test_text_set(m.peers[0].db, "later", "for both");
    test_meeting_rest(&m);
    CHECK(test_text_is(guest, "later", "for both"));
    test_stranger_leave(&s);
    test_meeting_end(&m);
}

TEST(range_that_is_not_given_is_refused_and_the_session_goes_on)
{
    static const struct {
        const char *first, *last;
    } cases[] = {
        {"a", "b"},         /* none of ours */
        {"kept/", "kept0"}, /* that is only pulled */
        {"mine", "mine0"},  /* begins before it */
        {"mine/", "mine1"}, /* ends behind it */
        {"mine/", "ours0"}, /* spans two */
        {"", ""},           /* everything */
    };
    test_stranger s;
    test_meeting m;

    begin(&m, &s);
    test_text_set(m.peers[0].db, "kept/1", "not theirs");
    for (size_t i = 0; i < TEST_COUNT(cases); i++) {
        subscribe(&m, &s, 10 + i, cases[i].first, cases[i].last);
        CHECK(s.heard[MTI_REFUSED] == i + 1 && s.refused_id == 10 + i);
        CHECK(s.why.status == MT_REFUSED);
        assert_string_equal(s.why.text, "the peer says: this peer does not give that range");
    }
    CHECK(s.heard[MTI_SUBSCRIBED] == 0 && s.heard[MTI_DATA] == 0);
    subscribe(&m, &s, 10, "mine/", "mine0"); /* the number is not in use */
    subscribe(&m, &s, 11, "mine/1", "mine/2");
    CHECK(s.heard[MTI_REFUSED] == TEST_COUNT(cases) && s.heard[MTI_SUBSCRIBED] == 2);
    end(&m, &s);
}

TEST(subscription_beyond_a_thousand_is_refused_and_the_session_goes_on)
{
    test_stranger s;
    test_meeting m;
    mti_say say;

    begin(&m, &s);
    subscribe(&m, &s, 1, "mine/", "mine0");
    for (uint64_t id = 2; id <= 1002; id++) {
        char first[32];
        snprintf(first, sizeof first, "ours/%06u", (unsigned)id);
        subscribe(&m, &s, id, first, "ours0");
    }
    CHECK(s.heard[MTI_SUBSCRIBED] == 1000 && s.heard[MTI_REFUSED] == 2);
    CHECK(s.refused_id == 1002 && s.why.status == MT_TOO_LARGE);
    assert_string_equal(s.why.text, "the peer says: too many subscriptions");
    check_goes_on(&m, &s);
    /* Once another one has ended, there is room. */
    say = test_stranger_speak(&s, MTI_UNSUBSCRIBE);
    mti_say_number(&say, 500);
    test_stranger_send(&s);
    subscribe(&m, &s, 1003, "ours/", "ours0");
    CHECK(s.heard[MTI_SUBSCRIBED] == 1001 && s.heard[MTI_REFUSED] == 2);
    end(&m, &s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(subscription_of_number_0_ends_the_session),
        cmocka_unit_test(subscription_of_a_number_that_is_in_use_ends_the_session),
        cmocka_unit_test(number_of_a_subscription_that_was_ended_may_be_used_again),
        cmocka_unit_test(range_that_is_subscribed_to_again_is_given_once),
        cmocka_unit_test(what_a_peer_said_to_a_session_that_is_over_is_not_heard),
        cmocka_unit_test(what_is_known_of_a_device_no_other_can_claim),
        cmocka_unit_test(range_that_is_not_given_is_refused_and_the_session_goes_on),
        cmocka_unit_test(subscription_beyond_a_thousand_is_refused_and_the_session_goes_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
