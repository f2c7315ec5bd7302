/* Comparisons that a peer ends, or goes on with, in ways of its own: what was asked for both of two is asked on by
 * the other, copied, refused, or over. */
#include "sync/compare.h"
#include "sync/parts.h"
#include "test_meeting.h"
#include "test_stranger.h"

#include <stdio.h>
#include <string.h>

static const mti_range everything;
static const mt_bytes none = {NULL, 0};

/* The last question of the peer. */
typedef struct question {
    uint64_t round;
    size_t parts;
} question;

/* A peer that has some nodes, and a stranger that has greeted as one that finds out what differs. */
typedef struct scene {
    test_meeting m;
    test_stranger s;
    mt_subscription *ear;
    question q;
} scene;

static void hear_question(void *ctx, const void *event)
{
    question *q = ctx;
    unsigned type;
    mt_error err;
    mti_parse in;
    mti_parts parts;
    uint64_t print_len;

    CHECK(mti_parse_head(((const mt_message *)event)->bytes, &type, &in, &err) == MT_OK);
    if (type != MTI_ASK) return;
    (void)mti_parse_number(&in, "");
    q->round = mti_parse_number(&in, "");
    for (int i = 0; i < 3; i++) (void)mti_parse_number(&in, "");
    print_len = mti_parse_number(&in, "");
    mti_parts_init(&parts, test_mem());
    mti_parse_parts(&in, &parts, none, none, (size_t)print_len, MTI_COMPARE_PARTS_MAX);
    q->parts = parts.count;
    mti_parts_free(&parts);
}

static void begin_with(scene *w, const mt_sync_options *options, unsigned flags, char who)
{
    const mt_subscriber subscriber = {.on_event = hear_question, .ctx = &w->q};

    memset(w, 0, sizeof *w);
    test_meeting_begin(&w->m);
    test_meeting_open_with(&w->m, 0, options, (mt_config){.size = 0});
    for (unsigned i = 0; i < 100; i++) {
        char uid[16];
        (void)snprintf(uid, sizeof uid, "r%04u", i);
        test_text_set(w->m.peers[0].db, uid, "here");
    }
    test_stranger_come(&w->m, &w->s, (mt_pipe_options){.queued_max = 1 << 22, .flags = flags});
    CHECK(mt_event_stream_subscribe(mt_connection_messages(w->s.there), &subscriber, &w->ear) ==
          MT_OK);
    w->s.features = MTI_FEATURE_COMPARES | MTI_FEATURE_CODES;
    test_stranger_greet(&w->m, &w->s, who, 1, 0);
    CHECK(w->s.heard[MTI_SUBSCRIBE] == 1 && w->s.asked_flags & MTI_RANGE_COMPARE);
}

/* Of two that both may ask, it is the stranger that does, or the peer. */
static void begin(scene *w, bool peer_asks)
{
    mt_sync_options options = {.size = sizeof options};

    begin_with(w, &options, 0, peer_asks ? (char)0xFE : '\0');
}

static void run(scene *w, uint64_t ms)
{
    test_env_run_for(&w->m.te, ms);
}

static void end(scene *w)
{
    test_text_set(w->m.peers[0].db, "zoe", "goes on");
    run(w, 20000);
    mt_subscription_dispose(w->ear);
    test_stranger_leave(&w->s);
    test_meeting_end(&w->m);
}

static const char *text_of(scene *w)
{
    static test_standing s;

    s = test_standing_of(w->m.peers[0].db);
    return s.text;
}

static mti_say speak(scene *w, mti_message_type type, uint64_t id)
{
    mti_say say = test_stranger_speak(&w->s, type);

    mti_say_number(&say, id);
    return say;
}

static void send(scene *w)
{
    test_stranger_send(&w->s);
    run(w, 50);
}

static void ask(scene *w, uint64_t id)
{
    mti_say say = speak(w, MTI_ASK, id);
    mti_parts parts;

    mti_parts_init(&parts, test_mem());
    CHECK(mti_parts_add(&parts, none, none) == MT_OK);
    mti_say_number(&say, 1);
    for (int i = 0; i < 3; i++) mti_say_number(&say, 0);
    mti_say_number(&say, 16);
    mti_say_parts(&say, &parts, none, 16);
    mti_parts_free(&parts);
    send(w);
}

static void want_nothing(scene *w, uint64_t id, unsigned flags)
{
    mti_say say = speak(w, MTI_WANT, id);

    mti_say_number(&say, 1);
    mti_say_number(&say, flags);
    for (int i = 0; i < 3; i++) mti_say_number(&say, 0);
    send(w);
}

static void compared(scene *w, uint64_t id, bool equal, const char *more)
{
    mti_say say = speak(w, MTI_COMPARED, id);

    mti_say_byte(&say, equal);
    mti_say_fixed(&say, mt_str(more));
    send(w);
}

static void grant(scene *w, mti_standing_how how)
{
    test_stranger_grants(&w->s, w->s.asked, how);
    run(w, 50);
}

/* Begins an answer to the last question: that all parts differ. */
static mti_say answer(scene *w, unsigned form)
{
    mti_say say = speak(w, MTI_ANSWER, w->s.asked);

    mti_say_number(&say, w->q.round);
    mti_say_byte(&say, form);
    for (size_t i = 0; i < w->q.parts; i += 8) {
        size_t left = w->q.parts - i;
        mti_say_byte(&say, left < 8 ? (1u << left) - 1 : 255u);
    }
    return say;
}

/* That it has so many nodes in the first part, of which we have none. */
static void answer_lists(scene *w, size_t count)
{
    mti_say say = answer(w, MTI_ANSWER_LISTS);

    mti_say_number(&say, w->q.parts);
    for (size_t i = 0; i < w->q.parts; i++) {
        size_t len = i == 0 ? count : 0;
        mti_say_number(&say, len);
        for (size_t k = 0; k < len; k++) {
            uint8_t tag[3] = {(uint8_t)k, (uint8_t)(k >> 8), (uint8_t)(k >> 16)};
            mti_say_fixed(&say, (mt_bytes){tag, sizeof tag});
        }
    }
    send(w);
}

/* ---- The stranger asks ---- */

TEST(who_asked_may_have_all_copied_after_all)
{
    scene w;

    begin(&w, false);
    test_stranger_compares(&w.s, 1, &everything, 0);
    run(&w, 50);
    CHECK(w.s.granted == 1 && w.s.how == MTI_STANDS_ASKED);
    ask(&w, 1);
    CHECK(w.s.heard[MTI_ANSWER] == 1 && w.s.heard[MTI_DATA] == 0);
    want_nothing(&w, 1, MTI_WANT_COPY);
    CHECK(w.s.granted == 1 && w.s.how == MTI_STANDS_COPYING && w.s.heard[MTI_DATA] > 0);
    end(&w);
}

TEST(dry_run_of_a_peer_has_nothing_copied)
{
    scene w;

    begin(&w, false);
    test_stranger_compares(&w.s, 1, &everything, MTI_RANGE_DRY);
    run(&w, 50);
    ask(&w, 1);
    want_nothing(&w, 1, MTI_WANT_COPY);
    CHECK(w.s.heard[MTI_ANSWER] == 1 && w.s.how == MTI_STANDS_ASKED && w.s.heard[MTI_DATA] == 0);
    compared(&w, 1, false, "");
    test_text_set(w.m.peers[0].db, "later", "not told");
    run(&w, 5000);
    CHECK(w.s.heard[MTI_DATA] == 0 && w.s.heard[MTI_BYE] == 0);
    end(&w);
}

/* Its place in the log is lost: it may ask, and says at once that all is equal. */
TEST(who_says_that_all_is_equal_without_asking_goes_on_from_there)
{
    scene w;

    begin(&w, false);
    test_stranger_subscribes(&w.s, 1, 9, 9);
    run(&w, 50);
    CHECK(w.s.granted == 1 && w.s.how == MTI_STANDS_ASKED);
    CHECK(strncmp(text_of(&w), "comparing", 9) == 0);
    compared(&w, 1, true, "");
    CHECK(w.s.heard[MTI_BYE] == 0 && w.s.heard[MTI_DATA] >= 1);
    compared(&w, 1, true, ""); /* what is live is not compared any more */
    CHECK(w.s.heard[MTI_BYE] == 0);
    end(&w);
}

TEST(end_of_a_comparison_that_is_malformed_ends_the_session)
{
    scene w;

    begin(&w, false);
    test_stranger_compares(&w.s, 1, &everything, 0);
    run(&w, 50);
    compared(&w, 1, false, "and more");
    CHECK(w.s.heard[MTI_BYE] == 1 && w.s.why.status == MT_MALFORMED);
    end(&w);
}

/* ---- The peer asks ---- */

TEST(what_was_refused_is_not_compared_when_it_is_granted_after_all)
{
    mti_say say;
    scene w;

    begin(&w, true);
    say = speak(&w, MTI_REFUSED, w.s.asked);
    mti_say_reason(&say, MT_REFUSED, "no");
    send(&w);
    grant(&w, MTI_STANDS_ASKED);
    CHECK(w.s.heard[MTI_ASK] == 0 && w.s.heard[MTI_BYE] == 0);
    end(&w);
}

TEST(refusal_of_what_is_compared_for_both_has_the_other_way_copied)
{
    mti_say say;
    scene w;

    begin(&w, true);
    test_stranger_compares(&w.s, 1, &everything, 0);
    run(&w, 50);
    CHECK(w.s.how == MTI_STANDS_COMPARED);
    say = speak(&w, MTI_REFUSED, w.s.asked);
    mti_say_reason(&say, MT_REFUSED, "no");
    send(&w);
    CHECK(w.s.how == MTI_STANDS_COPYING && w.s.heard[MTI_DATA] > 0);
    end(&w);
}

TEST(who_sends_all_finds_out_itself_what_it_lacks)
{
    scene w;

    begin(&w, true);
    test_stranger_compares(&w.s, 1, &everything, 0);
    run(&w, 50);
    CHECK(w.s.how == MTI_STANDS_COMPARED);
    grant(&w, MTI_STANDS_COPYING);
    CHECK(w.s.granted == 1 && w.s.how == MTI_STANDS_ASKED && w.s.heard[MTI_DATA] == 0);
    ask(&w, 1);
    CHECK(w.s.heard[MTI_ANSWER] == 1);
    end(&w);
}

TEST(question_that_was_answered_is_not_asked_for_both_any_more)
{
    scene w;

    begin(&w, true);
    grant(&w, MTI_STANDS_ASKED);
    CHECK(w.s.heard[MTI_ASK] == 1);
    answer_lists(&w, 3);
    CHECK(w.s.heard[MTI_WANT] == 1);
    test_stranger_compares(&w.s, 1, &everything, 0);
    run(&w, 50);
    CHECK(w.s.granted == 1 && w.s.how == MTI_STANDS_ASKED); /* it is to ask itself */
    end(&w);
}

TEST(who_has_said_that_it_asks_is_not_asked_for)
{
    scene w;

    begin(&w, true);
    grant(&w, MTI_STANDS_COMPARED);
    test_stranger_compares(&w.s, 1, &everything, 0);
    run(&w, 50);
    CHECK(w.s.granted == 1 && w.s.how == MTI_STANDS_ASKED);
    end(&w);
}

TEST(position_that_comes_while_it_is_asked_ends_no_comparison)
{
    mti_say say;
    scene w;

    begin(&w, true);
    grant(&w, MTI_STANDS_ASKED);
    say = speak(&w, MTI_DATA, w.s.asked);
    mti_say_number(&say, MTI_DATA_POSITION);
    test_say_cursor(&say, 7, 11);
    send(&w);
    assert_string_equal(text_of(&w), "comparing everything");
    answer_lists(&w, 3);
    CHECK(w.s.heard[MTI_WANT] == 1);
    assert_string_equal(text_of(&w), "receiving everything, 0 of 3 nodes that differ");
    end(&w);
}

TEST(so_much_that_differs_is_copied_both_ways)
{
    scene w;

    begin(&w, true);
    test_stranger_compares(&w.s, 1, &everything, 0);
    run(&w, 50);
    CHECK(w.s.how == MTI_STANDS_COMPARED);
    grant(&w, MTI_STANDS_ASKED);
    CHECK(w.s.heard[MTI_ASK] == 1);
    answer_lists(&w, MTI_COMPARE_WANTS_MAX + 1000);
    CHECK(w.s.heard[MTI_WANT] == 1 && w.s.heard[MTI_COMPARED] == 0);
    CHECK(w.s.granted == 1 && w.s.how == MTI_STANDS_COPYING && w.s.heard[MTI_DATA] > 0);
    end(&w);
}

/* ---- Others ---- */

TEST(of_a_peer_that_is_not_expected_back_no_place_is_kept_that_was_compared)
{
    mt_sync_options options = {.size = sizeof options};
    scene w;

    begin_with(&w, &options, MT_CONNECTION_EPHEMERAL, (char)0xFE);
    grant(&w, MTI_STANDS_FEED);
    test_stranger_greet(&w.m, &w.s, (char)0xFE, 2, 0);
    CHECK(w.s.heard[MTI_SUBSCRIBE] == 2 && w.s.asked_flags & MTI_RANGE_COMPARE);
    end(&w);
}

static void show(void *ctx, const mt_sync_subscription *one)
{
    if (!one->outgoing) *(mt_sync_subscription *)ctx = *one;
}

TEST(dry_run_with_a_peer_that_is_equal_is_over_at_once)
{
    mt_sync_options options = {.size = sizeof options, .dry_run = true};
    mt_sync_subscription found = {.state = MT_SYNC_OFFLINE};
    scene w;

    begin_with(&w, &options, 0, (char)0xFE);
    grant(&w, MTI_STANDS_FEED);
    CHECK(mt_db_subscriptions(w.m.peers[0].db, w.s.here, show, &found) == MT_OK);
    CHECK(found.state == MT_SYNC_DONE && found.only_here + found.only_there + found.on_both == 0);
    end(&w);
}

TEST(dry_run_counts_more_than_would_be_asked_for)
{
    mt_sync_options options = {.size = sizeof options, .dry_run = true};
    mt_sync_subscription found = {.state = MT_SYNC_OFFLINE};
    mti_say say;
    scene w;

    begin_with(&w, &options, 0, (char)0xFE);
    grant(&w, MTI_STANDS_ASKED);
    answer_lists(&w, MTI_COMPARE_WANTS_MAX + 1000);
    CHECK(w.s.heard[MTI_WANT] == 1); /* of what it has alone, it asks what the other knows */
    say = speak(&w, MTI_LACK, w.s.asked);
    mti_say_number(&say, w.q.round);
    for (unsigned i = 0; i < 16; i++) mti_say_byte(&say, i);
    for (unsigned i = 0; i < 3; i++) mti_say_number(&say, 0);
    send(&w);
    CHECK(mt_db_subscriptions(w.m.peers[0].db, w.s.here, show, &found) == MT_OK);
    CHECK(found.state == MT_SYNC_DONE && found.only_there == MTI_COMPARE_WANTS_MAX + 1000);
    CHECK(w.s.heard[MTI_COMPARED] == 1);
    end(&w);
}

TEST(dry_run_with_a_peer_that_cannot_compare_says_so)
{
    mt_sync_options options = {.size = sizeof options, .dry_run = true};
    mt_sync_subscription found = {.state = MT_SYNC_OFFLINE};
    test_stranger s;
    test_meeting m;

    test_meeting_begin(&m);
    test_meeting_open_with(&m, 0, &options, (mt_config){.size = 0});
    test_stranger_come(&m, &s, (mt_pipe_options){.size = 0});
    test_stranger_greet(&m, &s, 's', 1, 0);
    CHECK(mt_db_subscriptions(m.peers[0].db, s.here, show, &found) == MT_OK);
    CHECK(found.state == MT_SYNC_REFUSED && s.heard[MTI_SUBSCRIBE] == 0);
    assert_string_equal(found.text, "refused: it cannot tell what differs");
    test_stranger_leave(&s);
    test_meeting_end(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_asked_may_have_all_copied_after_all),
        cmocka_unit_test(dry_run_of_a_peer_has_nothing_copied),
        cmocka_unit_test(who_says_that_all_is_equal_without_asking_goes_on_from_there),
        cmocka_unit_test(end_of_a_comparison_that_is_malformed_ends_the_session),
        cmocka_unit_test(what_was_refused_is_not_compared_when_it_is_granted_after_all),
        cmocka_unit_test(refusal_of_what_is_compared_for_both_has_the_other_way_copied),
        cmocka_unit_test(who_sends_all_finds_out_itself_what_it_lacks),
        cmocka_unit_test(question_that_was_answered_is_not_asked_for_both_any_more),
        cmocka_unit_test(who_has_said_that_it_asks_is_not_asked_for),
        cmocka_unit_test(position_that_comes_while_it_is_asked_ends_no_comparison),
        cmocka_unit_test(so_much_that_differs_is_copied_both_ways),
        cmocka_unit_test(of_a_peer_that_is_not_expected_back_no_place_is_kept_that_was_compared),
        cmocka_unit_test(dry_run_with_a_peer_that_is_equal_is_over_at_once),
        cmocka_unit_test(dry_run_counts_more_than_would_be_asked_for),
        cmocka_unit_test(dry_run_with_a_peer_that_cannot_compare_says_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
