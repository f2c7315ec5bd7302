/* What a peer says that is malformed, field by field: its session ends and it is told what was wrong, or it is
 * passed over where that is harmless. */
#include "test_meeting.h"
#include "test_storage.h"
#include "test_stranger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct scene {
    test_meeting m;
    test_stranger s;
    uint64_t greetings;
} scene;

static void begin(scene *w)
{
    memset(w, 0, sizeof *w);
    test_meeting_begin(&w->m);
    test_meeting_open(&w->m, 0, NULL);
    test_text_set(w->m.peers[0].db, "ada", "here");
    test_stranger_come(&w->m, &w->s, (mt_pipe_options){.queued_max = 1 << 22});
}

static void end(scene *w)
{
    test_stranger_leave(&w->s);
    test_meeting_end(&w->m);
}

static void greet(scene *w)
{
    test_stranger_greet(&w->m, &w->s, 's', ++w->greetings, 0);
}

/* Sends what was begun, and fails unless it is answered with a BYE that says this; NULL: with none. */
static void is_answered(scene *w, const char *text)
{
    size_t byes = w->s.heard[MTI_BYE];

    test_stranger_send(&w->s);
    test_env_run_for(&w->m.te, 50);
    if ((w->s.heard[MTI_BYE] > byes) != (text != NULL))
        fail_msg("\"%s\" was wanted, \"%s\" was said", text ? text : "nothing", w->s.why.text);
    if (text && !strstr(w->s.why.text, text)) fail_msg("\"%s\", not \"%s\"", w->s.why.text, text);
}

/* ---- Greetings ---- */

typedef struct greeting {
    uint8_t version_min, version_max;
    uint64_t nonce;
    const char *ranges; /* bytes */
    size_t len;
    const char *text;
} greeting;

static void say_hello(scene *w, const greeting *g)
{
    static const uint8_t peer[16] = "a peer's name..", boot[16] = "and its opening";
    mti_hello hello = {.version_min = g->version_min,
                       .version_max = g->version_max,
                       .clock = MT_CLOCK_HYBRID,
                       .peer = {peer, 16},
                       .boot = {boot, 16},
                       .nonce = g->nonce,
                       .window = UINT64_MAX};
    mti_say say = test_stranger_speak(&w->s, MTI_HELLO);

    mti_say_hello(&say, &hello);
    mti_say_fixed(&say, (mt_bytes){(const uint8_t *)g->ranges, g->len});
}

TEST(greeting_that_is_malformed_is_answered_with_what_is_wrong)
{
    static const greeting greetings[] = {
        {0, 0, 7, "\0", 1, "the peer speaks versions 0 to 0, this one 1"},
        {2, 9, 7, "\0", 1, "the peer speaks versions 2 to 9, this one 1"},
        {1, 1, 0, "\0", 1, "the number of the session: is 0"},
        {1, 1, 7, "", 0, "the number of ranges: the message ends before it"},
        {1, 1, 7, "\x80", 1, "the number of ranges: the message ends before it"},
        {1, 1, 7, "\x80\0", 2, "the number of ranges: not a number in its shortest form"},
        {1, 1, 7, "\xe9\7", 2, "the number of ranges: too many"},
        {1, 1, 7, "\1", 1, "the flags of a range: the message ends before it"},
        {1, 1, 7, "\2\6\1b\1a", 6, "a range ends where it begins, or before"},
        {1, 1, 7, "\2\6\0\0", 4, "the flags of a range: the message ends before it"},
        {1, 1, 7, "\1\6\1", 3, "where a range begins: the message ends within it"},
        {1, 1, 7, "\1\6\xff\2", 4, "where a range begins: longer than it may be"},
        {1, 1, 7, "\1\7\0", 3, "the number of uids: none, or more than there can be"},
        {1, 1, 7, "\1\7\5", 3, "the number of uids: none, or more than there can be"},
        {1, 1, 7, "\1\7", 2, "the number of uids: the message ends before it"},
        {1, 1, 7, "\1\7\1\2a", 5, "a uid: the message ends within it"},
        {1, 1, 7, "\1\7\1\0", 4, "uid"},
        {1, 1, 7, "\1\7\1\1\xff", 5, "UTF-8"},
        {1, 1, 7, "\1\6\0\0and more", 12, NULL},
    };
    scene w;

    begin(&w);
    for (size_t i = 0; i < TEST_COUNT(greetings); i++) {
        greeting g = greetings[i];
        g.nonce += g.nonce ? 100 + i : 0;
        greet(&w);
        say_hello(&w, &g);
        is_answered(&w, g.text);
    }
    CHECK(test_standing_of(w.m.peers[0].db).peer.state != MT_SYNC_REFUSED);
    end(&w);
}

TEST(list_of_more_uids_than_there_can_be_is_refused)
{
    mti_say say;
    scene w;

    begin(&w);
    greet(&w);
    say = test_stranger_speak(&w.s, MTI_SUBSCRIBE);
    mti_say_number(&say, 1);
    mti_say_byte(&say, MTI_RANGE_LIST);
    mti_say_number(&say, MTI_RANGE_UIDS_MAX + 1);
    for (unsigned i = 0; i <= MTI_RANGE_UIDS_MAX; i++) mti_say_bytes(&say, mt_str("a"));
    is_answered(&w, "SUBSCRIBE: byte 7: the number of uids: none, or more than there can be");
    end(&w);
}

/* ---- Messages ---- */

/* The body of a message, after a good greeting. */
typedef struct said {
    mti_message_type type;
    const char *bytes;
    size_t len;
    const char *text; /* NULL: it is passed over */
} said;

#define POSITION "sixteen byte log\5"

TEST(message_that_is_malformed_is_answered_with_what_is_wrong)
{
    static const said messages[] = {
        {MTI_ACK, "", 0, "ACK: byte 3: how much was taken: the message ends before it"},
        {MTI_ACK, "\0\1", 2, "ACK: byte 5: the position's log: the message ends within it"},
        {MTI_ACK, "\0\1sixteen byte log", 18,
         "ACK: byte 21: the position: the message ends before"},
        {MTI_ACK, "\0\xff", 2, "ACK: byte 4: the subscription: the message ends before it"},
        {MTI_ACK, "\x7f", 1, "less than before, or more than was sent"},
        {MTI_ACK, "\0\x09" POSITION, 19, NULL}, /* of no subscription */
        {MTI_UNSUBSCRIBE, "\x09", 1, NULL},
        {MTI_UNSUBSCRIBE, "", 0, "UNSUBSCRIBE: byte 3: the subscription: the message ends before"},
        {MTI_PULL, "\1", 1, "PULL: byte 4: the number of uids: the message ends before it"},
        {MTI_PULL, "\1\2\1a", 4, "PULL: byte 7: a uid: the message ends before it"},
        {MTI_PULL, "\1\1\1a!", 5, "PULL: byte 7: its end: bytes follow"},
        {MTI_PULL, "\1\2\3a", 4, "PULL: byte 6: a uid: the message ends within it"},
        {MTI_FOUND, "\1", 1, "FOUND: byte 4: whether more follows: the message ends before it"},
        {MTI_FOUND, "\1\0", 2, "FOUND: byte 5: the status: the message ends before it"},
        {MTI_FOUND, "\1\0\0no rows", 10, "FOUND: byte 13: the rows: "},
        {MTI_FOUND, "\1\0\0", 3, NULL}, /* of no read */
        {MTI_FOUND, "\1\1\0", 3, NULL},
        {MTI_REFUSED, "\1", 1, "REFUSED: byte 4: the status: the message ends before it"},
        {MTI_REFUSED, "\1\5\4why", 6, "REFUSED: byte 6: the reason: the message ends within it"},
        {MTI_REFUSED, "\1\5\3why!", 7, "REFUSED: byte 9: its end: bytes follow"},
        {MTI_REFUSED, "\x09\5\3why", 6, NULL}, /* of no subscription */
        {MTI_SUBSCRIBED, "\1", 1,
         "SUBSCRIBED: byte 4: the position's log: the message ends within"},
        {MTI_SUBSCRIBED, "\1" POSITION, 18,
         "SUBSCRIBED: byte 21: how it goes on: the message ends"},
        {MTI_SUBSCRIBED, "\1" POSITION "\4", 19, "SUBSCRIBED: byte 22: how it goes on: not known"},
        {MTI_SUBSCRIBED, "\1" POSITION "\1", 19, "the last uid: the message ends before it"},
        {MTI_SUBSCRIBED, "\1" POSITION "\2", 19, "how many nodes it has: the message ends before"},
        {MTI_SUBSCRIBED, "\1" POSITION "\0!", 20, "SUBSCRIBED: byte 22: its end: bytes follow"},
        {MTI_SUBSCRIBED, "\x09" POSITION "\0", 19, NULL}, /* of no subscription */
        {MTI_DATA, "\1", 1, "DATA: byte 4: the flags: the message ends before it"},
        {MTI_DATA, "\1\x08log", 5, "DATA: byte 5: the position's log: the message ends within it"},
        {MTI_SUBSCRIBE, "\7\1\1\3ada" POSITION, 24, "how it goes on: the message ends before it"},
        {MTI_SUBSCRIBE, "\7\x11\1\3ada0123456789abcdef\1", 24, "the print: a list has none"},
        {MTI_SUBSCRIBE, "\7\x10\0\0short", 9, "the print: the message ends within it"},
        {MTI_SUBSCRIBE, "\7\0\0\0" POSITION "\0!", 23, "its end: bytes follow"},
        {MTI_BYE, "", 0, "the status: the message ends before it"},
    };
    scene w;

    begin(&w);
    for (size_t i = 0; i < TEST_COUNT(messages); i++) {
        const said *m = &messages[i];
        mti_say say;
        greet(&w);
        say = test_stranger_speak(&w.s, m->type);
        mti_say_fixed(&say, (mt_bytes){(const uint8_t *)m->bytes, m->len});
        if (m->type == MTI_BYE) {
            is_answered(&w, NULL);
            CHECK(test_standing_of(w.m.peers[0].db).peer.state == MT_SYNC_REFUSED);
        } else {
            is_answered(&w, m->text);
        }
    }
    end(&w);
}

TEST(data_that_is_no_rows_is_answered_with_what_is_wrong)
{
    mti_say say;
    scene w;

    begin(&w);
    greet(&w);
    say = test_stranger_speak(&w.s, MTI_DATA);
    mti_say_number(&say, w.s.asked);
    mti_say_number(&say, 0);
    mti_say_fixed(&say, mt_str("no rows"));
    is_answered(&w, "");
    CHECK(w.s.why.status == MT_MALFORMED);
    end(&w);
}

TEST(read_of_what_is_no_uid_is_answered_and_the_session_goes_on)
{
    mti_say say;
    scene w;

    begin(&w);
    greet(&w);
    say = test_stranger_speak(&w.s, MTI_PULL);
    mti_say_number(&say, 5);
    mti_say_number(&say, 2);
    mti_say_bytes(&say, mt_str("ada"));
    mti_say_bytes(&say, mt_str("\xff"));
    is_answered(&w, NULL);
    CHECK(w.s.heard[MTI_FOUND] == 1);
    say = test_stranger_speak(&w.s, MTI_PULL);
    mti_say_number(&say, 6);
    mti_say_number(&say, 1);
    mti_say_bytes(&say, mt_str("ada"));
    is_answered(&w, NULL);
    CHECK(w.s.heard[MTI_FOUND] == 3);
    end(&w);
}

TEST(reads_of_more_keys_than_there_can_be_are_not_answered)
{
    mti_say say;
    scene w;

    begin(&w);
    greet(&w);
    say = test_stranger_speak(&w.s, MTI_PULL);
    mti_say_number(&say, 5);
    mti_say_number(&say, 10001);
    for (unsigned i = 0; i < 10001; i++) mti_say_bytes(&say, mt_str("a"));
    is_answered(&w, "the number of uids: more than there can be");
    end(&w);
}

/* ---- Reads that take their time ---- */

/* The same, on a storage that answers when it is told to. */
static void begin_held(scene *w, test_storage *ts)
{
    mt_sync_options options = {.size = sizeof options};

    memset(w, 0, sizeof *w);
    test_meeting_begin(&w->m);
    test_storage_init(ts, &w->m.te.env);
    ts->quiet = true;
    test_meeting_open_with(&w->m, 0, &options, (mt_config){.storage = &ts->storage});
    test_stranger_come(&w->m, &w->s, (mt_pipe_options){.queued_max = 1 << 22});
    greet(w);
    ts->when = TEST_HELD;
}

static void end_held(scene *w, test_storage *ts)
{
    test_storage_answer_all(ts);
    test_stranger_leave(&w->s);
    ts->when = TEST_AT_ONCE;
    test_meeting_end(&w->m);
    test_storage_end(ts);
}

/* Asks for many nodes with long names, none of which is here. */
static void pull_much(scene *w, uint64_t id)
{
    mti_say say = test_stranger_speak(&w->s, MTI_PULL);
    char uid[256];

    memset(uid, 'k', sizeof uid);
    mti_say_number(&say, id);
    mti_say_number(&say, 3500);
    for (unsigned k = 0; k < 3500; k++) {
        (void)snprintf(uid + 240, 16, "%04u", k);
        mti_say_bytes(&say, (mt_bytes){(const uint8_t *)uid, 244});
    }
    test_stranger_send(&w->s);
    test_env_run_for(&w->m.te, 5);
}

/* Each read waits for the one before, and takes memory meanwhile. */
TEST(reads_beyond_what_is_kept_are_told_that_it_is_busy)
{
    test_storage ts;
    scene w;

    begin_held(&w, &ts);
    for (uint64_t i = 1; i <= 4; i++) pull_much(&w, i);
    CHECK(w.s.heard[MTI_FOUND] == 0);
    pull_much(&w, 5);
    CHECK(w.s.heard[MTI_FOUND] == 1);
    for (unsigned i = 0; i < 400; i++) {
        test_storage_answer_all(&ts);
        test_env_run_for(&w.m.te, 5);
    }
    CHECK(w.s.heard[MTI_FOUND] == 5 && w.s.heard[MTI_BYE] == 0);
    end_held(&w, &ts);
}

TEST(read_of_a_peer_that_begins_anew_is_not_answered)
{
    test_storage ts;
    scene w;

    begin_held(&w, &ts);
    pull_much(&w, 1);
    CHECK(test_storage_waiting(&ts) > 0);
    greet(&w);
    for (unsigned i = 0; i < 10; i++) {
        test_storage_answer_all(&ts);
        test_env_run_for(&w.m.te, 5);
    }
    CHECK(w.s.heard[MTI_FOUND] == 0 && w.s.heard[MTI_BYE] == 0);
    end_held(&w, &ts);
}

/* ---- What is acknowledged ---- */

static void say_ack(scene *w, uint64_t number)
{
    mti_say say = test_stranger_speak(&w->s, MTI_ACK);

    mti_say_number(&say, number);
}

TEST(peer_that_acknowledges_less_than_before_is_told_so)
{
    scene w;

    begin(&w);
    greet(&w);
    test_stranger_subscribes(&w.s, 1, 0, 0);
    test_env_run_for(&w.m.te, 50);
    CHECK(w.s.heard[MTI_DATA] >= 1);
    say_ack(&w, 1);
    is_answered(&w, NULL);
    say_ack(&w, 0);
    is_answered(&w, "less than before, or more than was sent");
    end(&w);
}

/* ---- What is refused ---- */

static void show(void *ctx, const mt_sync_subscription *sub)
{
    char *text = ctx;

    if (!sub->outgoing) (void)snprintf(text, 128, "%s", sub->text);
}

TEST(subscription_that_the_peer_refuses_is_shown_with_its_reason)
{
    static const unsigned features[] = {0, MTI_FEATURE_COMPARES | MTI_FEATURE_CODES};

    for (size_t i = 0; i < TEST_COUNT(features); i++) {
        char text[128] = "";
        mti_say say;
        scene w;
        begin(&w);
        w.s.features = features[i];
        greet(&w);
        CHECK(w.s.heard[MTI_SUBSCRIBE] == 1);
        CHECK(!(w.s.asked_flags & MTI_RANGE_COMPARE) == !features[i]);
        say = test_stranger_speak(&w.s, MTI_REFUSED);
        mti_say_number(&say, w.s.asked);
        mti_say_reason(&say, MT_REFUSED, "not today");
        is_answered(&w, NULL);
        CHECK(mt_db_subscriptions(w.m.peers[0].db, w.s.here, show, text) == MT_OK);
        assert_string_equal(text, "refused: the peer says: not today");
        assert_string_equal(test_standing_of(w.m.peers[0].db).error, "the peer says: not today");
        /* What it sends in it all the same is not taken. */
        test_stranger_copied(&w.s, w.s.asked, "bob", 1, 4, 5);
        test_env_run_for(&w.m.te, 50);
        CHECK(!test_text_of(w.m.peers[0].db, "bob"));
        end(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(greeting_that_is_malformed_is_answered_with_what_is_wrong),
        cmocka_unit_test(list_of_more_uids_than_there_can_be_is_refused),
        cmocka_unit_test(message_that_is_malformed_is_answered_with_what_is_wrong),
        cmocka_unit_test(read_of_what_is_no_uid_is_answered_and_the_session_goes_on),
        cmocka_unit_test(reads_of_more_keys_than_there_can_be_are_not_answered),
        cmocka_unit_test(data_that_is_no_rows_is_answered_with_what_is_wrong),
        cmocka_unit_test(reads_beyond_what_is_kept_are_told_that_it_is_busy),
        cmocka_unit_test(read_of_a_peer_that_begins_anew_is_not_answered),
        cmocka_unit_test(peer_that_acknowledges_less_than_before_is_told_so),
        cmocka_unit_test(subscription_that_the_peer_refuses_is_shown_with_its_reason),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
