/* Peers that say anything while they are compared: what is malformed, out of turn, too much, or never comes.
 * Whatever they do, it costs them their own session at the most. */
#include "sync/compare.h"
#include "sync/parts.h"
#include "test_meeting.h"
#include "test_stranger.h"

#include <mytosis/mytosis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NODES 100u

static const mti_range everything;

/* ---- Who meets ---- */

/* A peer that has some nodes, an honest one beside it, and a stranger that has greeted as one that finds out
 * what differs. */
typedef struct scene {
    test_meeting m;
    test_stranger s;
    uint64_t greetings;
    bool last; /* of two that both may, it is the peer that asks; else the stranger */
} scene;

static void put_nodes(mt_db *db, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        char uid[16];
        snprintf(uid, sizeof uid, "r%04u", i);
        test_text_set(db, uid, "here");
    }
}

static void greet(scene *w, size_t ranges)
{
    test_stranger_greet(&w->m, &w->s, w->last ? (char)0xFE : '\0', ++w->greetings, ranges);
}

static void begin_as(scene *w, const mt_sync_options *options, mt_config config, size_t ranges)
{
    memset(w, 0, sizeof *w);
    test_meeting_begin(&w->m);
    test_meeting_open_with(&w->m, 0, options, config);
    test_meeting_open(&w->m, 1, NULL);
    put_nodes(w->m.peers[0].db, NODES);
    test_meeting_join(&w->m, 0, 1);
    test_meeting_rest(&w->m);
    test_stranger_come(&w->m, &w->s, (mt_pipe_options){.queued_max = 1 << 22});
    w->s.features = MTI_FEATURE_COMPARES | MTI_FEATURE_CODES;
    greet(w, ranges);
}

static void begin(scene *w)
{
    mt_sync_options options = {.size = sizeof options};

    begin_as(w, &options, (mt_config){.size = 0}, 0);
}

/* The honest ones go on, and all is quiet. */
static void end(scene *w)
{
    uint64_t timers;

    test_env_run_for(&w->m.te, 20000);
    timers = w->m.te.set_count;
    test_env_run_for(&w->m.te, 10000);
    if (w->m.te.set_count - timers > 100)
        fail_msg("%d timers in ten seconds", (int)(w->m.te.set_count - timers));
    test_text_set(w->m.peers[1].db, "zoe", "goes on");
    test_meeting_rest(&w->m);
    CHECK(test_text_is(w->m.peers[0].db, "zoe", "goes on"));
    test_stranger_leave(&w->s);
    test_meeting_end(&w->m);
}

/* ---- What is said ---- */

static mti_say speak(scene *w, mti_message_type type, uint64_t id)
{
    mti_say say = test_stranger_speak(&w->s, type);

    mti_say_number(&say, id);
    return say;
}

/* About a range, with a print that nothing has. */
static void say_ask_of(scene *w, uint64_t id, uint64_t round, const mti_range *range)
{
    mti_say say = speak(w, MTI_ASK, id);
    mti_parts parts;

    mti_parts_init(&parts, test_mem());
    CHECK(mti_parts_add(&parts, range->first, range->end) == MT_OK);
    mti_say_number(&say, round);
    mti_say_number(&say, 0);
    mti_say_number(&say, 0);
    mti_say_number(&say, 0);
    mti_say_number(&say, 16);
    mti_say_parts(&say, &parts, range->end, 16);
    mti_parts_free(&parts);
}

static void say_ask(scene *w, uint64_t id, uint64_t round)
{
    say_ask_of(w, id, round, &everything);
}

/* Wants all, and offers something. */
static void say_want(scene *w, uint64_t id, uint64_t round)
{
    mti_say say = speak(w, MTI_WANT, id);
    mti_parts parts;
    mt_bytes none = {NULL, 0};

    mti_parts_init(&parts, test_mem());
    CHECK(mti_parts_add(&parts, none, none) == MT_OK);
    mti_say_number(&say, round);
    mti_say_number(&say, 0);
    mti_say_number(&say, 1); /* by its key */
    mti_say_number(&say, 5);
    mti_say_fixed(&say, (mt_bytes){(const uint8_t *)"keyy", 4});
    mti_say_parts(&say, &parts, none, 0);
    mti_say_number(&say, 1);
    mti_say_number(&say, 0);
    mti_say_bytes(&say, mt_str("r0005x"));
    mti_say_number(&say, 8);
    mti_parts_free(&parts);
}

static void say_lack(scene *w, uint64_t id, uint64_t round)
{
    mti_say say = speak(w, MTI_LACK, id);

    mti_say_number(&say, round);
    for (unsigned i = 0; i < 16; i++) mti_say_byte(&say, i);
    mti_say_number(&say, 3);
    mti_say_number(&say, 0);
    mti_say_number(&say, 1);
    mti_say_number(&say, 0);
    mti_say_bytes(&say, mt_str("r0005"));
    mti_say_number(&say, 0);
}

/* That no part differs, of up to 256. */
static void say_answer(scene *w, uint64_t id, uint64_t round)
{
    mti_say say = speak(w, MTI_ANSWER, id);

    mti_say_number(&say, round);
    mti_say_byte(&say, 0);
    mti_say_byte(&say, 0);
}

static void say_compared(scene *w, uint64_t id)
{
    mti_say say = speak(w, MTI_COMPARED, id);

    mti_say_byte(&say, 1);
}

static void say_prints(scene *w, uint64_t at)
{
    mti_say say = speak(w, MTI_PRINTS, at);

    mti_say_fixed(&say, (mt_bytes){(const uint8_t *)"8 bytes!", 8});
}

static void say_subscribe(scene *w, uint64_t id, unsigned flags)
{
    mti_say say = speak(w, MTI_SUBSCRIBE, id);

    mti_say_range(&say, &everything, flags);
    if (!(flags & MTI_RANGE_COMPARE)) test_say_cursor(&say, 0, 0);
    if (!(flags & MTI_RANGE_COMPARE)) mti_say_byte(&say, 0);
    for (unsigned i = 0; i < 16; i++) mti_say_byte(&say, i);
    mti_say_number(&say, 1000);
}

static void say_subscribed(scene *w, uint64_t id, unsigned how)
{
    mti_say say = speak(w, MTI_SUBSCRIBED, id);

    test_say_cursor(&say, 7, 10);
    mti_say_byte(&say, how);
    mti_say_number(&say, 1000);
}

/* Begins the message of some kind; answers whether there is one. */
static bool say_kind(scene *w, size_t kind, uint64_t id, uint64_t round)
{
    switch (kind) {
    case 0: say_ask(w, id, round); return true;
    case 1: say_want(w, id, round); return true;
    case 2: say_lack(w, id, round); return true;
    case 3: say_answer(w, id, round); return true;
    case 4: say_compared(w, id); return true;
    case 5: say_prints(w, id - 1); return true;
    case 6: say_subscribe(w, id, MTI_RANGE_COMPARE); return true;
    case 7: say_subscribe(w, id, MTI_RANGE_COMPARE | MTI_RANGE_DRY); return true;
    case 8: say_subscribe(w, id, MTI_RANGE_DRY); return true;
    case 9: say_subscribed(w, id, MTI_STANDS_ASKED); return true;
    case 10: say_subscribed(w, id, MTI_STANDS_COMPARED); return true;
    default: return false;
    }
}

static void run(scene *w, uint64_t ms)
{
    test_env_run_for(&w->m.te, ms);
}

/* ---- Malformed ---- */

/* Each message cut short, or with a byte that is another, where it would be taken otherwise. */
TEST(message_that_is_malformed_ends_its_session_alone)
{
    scene w;

    begin(&w);
    for (size_t kind = 0; say_kind(&w, kind, 1, 1); kind++) {
        size_t len = w.s.message.len, ended = w.s.heard[MTI_BYE];
        for (size_t i = 3; i < 2 * len; i++) {
            greet(&w, 0);
            if (kind < 5) test_stranger_compares(&w.s, 1, &everything, 0);
            if (kind == 2 || kind == 3) test_stranger_grants(&w.s, w.s.asked, MTI_STANDS_ASKED);
            run(&w, 5);
            (void)say_kind(&w, kind, kind == 2 || kind == 3 ? w.s.asked : 1, 1);
            if (i < len) w.s.message.len = i;
            else w.s.message.data[i - len] ^= (uint8_t)(1u << i % 8);
            if (i >= len && i - len < 3) continue; /* the head, of which other tests are */
            test_stranger_send(&w.s);
            run(&w, 5);
        }
        CHECK(w.s.heard[MTI_BYE] > ended);
    }
    end(&w);
}

TEST(messages_in_any_order_end_in_nothing)
{
    test_rng rng = test_rng_new(8831);
    scene w;

    begin(&w);
    for (size_t i = 0; i < 20000; i++) {
        uint64_t id = test_rng_below(&rng, 4) == 0 ? w.s.asked : test_rng_below(&rng, 5);
        w.last = test_rng_below(&rng, 2) == 0;
        if (test_rng_below(&rng, 30) == 0) greet(&w, test_rng_below(&rng, 3));
        (void)say_kind(&w, test_rng_below(&rng, 11), id, 1 + test_rng_below(&rng, 2));
        test_stranger_send(&w.s);
        if (test_rng_below(&rng, 2) == 0) run(&w, test_rng_below(&rng, 20));
    }
    end(&w);
}

/* ---- Out of turn ---- */

/* A print is told with a greeting: who tells one may not have heard ours, and is greeted again. */
TEST(print_that_is_told_answers_no_greeting)
{
    size_t greetings;
    scene w;

    begin(&w);
    w.s.session = 0; /* it has heard nothing */
    greet(&w, 0);
    say_prints(&w, 0);
    test_stranger_send(&w.s);
    greetings = w.s.heard[MTI_HELLO];
    run(&w, 6000);
    CHECK(w.s.heard[MTI_HELLO] == greetings + 1);
    end(&w);
}

TEST(who_is_not_compared_is_not_answered)
{
    scene w;

    begin(&w);
    test_stranger_subscribes(&w.s, 1, 0, 0); /* all is copied */
    run(&w, 100);
    for (uint64_t id = 0; id < 3; id++) {
        say_ask(&w, id, 1);
        test_stranger_send(&w.s);
        run(&w, 100);
    }
    CHECK(w.s.heard[MTI_ANSWER] == 0 && w.s.heard[MTI_BYE] == 0);
    test_stranger_compares(&w.s, 2, &everything, 0);
    run(&w, 100);
    CHECK(w.s.granted == 2 && w.s.how == MTI_STANDS_ASKED);
    say_ask(&w, 2, 1);
    test_stranger_send(&w.s);
    run(&w, 100);
    CHECK(w.s.heard[MTI_ANSWER] == 1);
    say_compared(&w, 2);
    test_stranger_send(&w.s);
    say_ask(&w, 2, 2);
    test_stranger_send(&w.s);
    run(&w, 100);
    CHECK(w.s.heard[MTI_ANSWER] == 1 && w.s.heard[MTI_BYE] == 0);
    end(&w);
}

TEST(of_a_list_nothing_but_the_list_is_told)
{
    mt_bytes uid = mt_str("r0003");
    mti_range list = {.uids = &uid, .uid_count = 1};
    mti_say say;
    scene w;

    begin(&w);
    say = speak(&w, MTI_SUBSCRIBE, 1);
    mti_say_range(&say, &list, 0);
    test_say_cursor(&say, 9, 9);
    mti_say_byte(&say, 0);
    test_stranger_send(&w.s);
    run(&w, 100);
    CHECK(w.s.heard[MTI_DATA] == 2);
    say_ask(&w, 1, 1);
    test_stranger_send(&w.s);
    say_want(&w, 1, 1);
    test_stranger_send(&w.s);
    run(&w, 100);
    CHECK(w.s.heard[MTI_ANSWER] == 0 && w.s.heard[MTI_LACK] == 0 && w.s.heard[MTI_DATA] == 2);
    end(&w);
}

TEST(of_a_list_nothing_is_asked)
{
    mt_bytes uid = mt_str("r0003");
    mt_sync_range list = {.uids = &uid, .uid_count = 1};
    mt_sync_options options = {.size = sizeof options, .ranges = &list, .range_count = 1};
    scene w;

    begin_as(&w, &options, (mt_config){.size = 0}, 0);
    CHECK(w.s.heard[MTI_SUBSCRIBE] == 1);
    test_stranger_grants(&w.s, w.s.asked, MTI_STANDS_ASKED);
    run(&w, 100);
    CHECK(w.s.heard[MTI_ASK] == 0 && w.s.heard[MTI_BYE] == 1);
    CHECK(w.s.why.status == MT_MALFORMED);
    test_stranger_leave(&w.s);
    test_meeting_end(&w.m);
}

/* ---- For ever ---- */

TEST(who_asks_for_ever_is_told_that_it_is_too_much)
{
    scene w;
    size_t asked = 0;

    begin(&w);
    test_stranger_compares(&w.s, 1, &everything, 0);
    run(&w, 100);
    while (w.s.heard[MTI_BYE] == 0 && asked < 2000) {
        say_ask(&w, 1, 1 + asked++);
        test_stranger_send(&w.s);
        run(&w, 1);
    }
    CHECK(asked > 100 && w.s.heard[MTI_BYE] == 1);
    CHECK(w.s.why.status == MT_TOO_LARGE);
    end(&w);
}

TEST(peer_that_says_that_it_asks_and_does_not_keeps_nobody_waiting)
{
    mt_sync_options options = {.size = sizeof options};
    scene w;

    begin_as(&w, &options, (mt_config){.size = 0}, 2);
    CHECK(w.s.heard[MTI_SUBSCRIBE] == 2 && w.s.asked_flags & MTI_RANGE_COMPARE);
    test_stranger_grants(&w.s, 1, MTI_STANDS_COMPARED);
    test_env_run_for(&w.m.te, 60000);
    test_stranger_grants(&w.s, 2, MTI_STANDS_COPYING);
    test_stranger_copied(&w.s, 2, "r0001.", 1, 4, 9);
    run(&w, 100);
    CHECK(test_text_is(w.m.peers[0].db, "r0001.", "xxxx"));
    CHECK(w.s.heard[MTI_BYE] == 0);
    end(&w);
}

TEST(comparison_that_the_peer_asked_for_is_over_when_it_goes_on)
{
    mti_say say;
    scene w;

    begin(&w);
    test_stranger_grants(&w.s, w.s.asked, MTI_STANDS_COMPARED);
    run(&w, 100);
    assert_string_equal(test_standing_of(w.m.peers[0].db).text, "comparing everything");
    say = speak(&w, MTI_DATA, w.s.asked);
    mti_say_number(&say, MTI_DATA_POSITION);
    test_say_cursor(&say, 7, 11);
    test_stranger_send(&w.s);
    run(&w, 100);
    assert_string_equal(test_standing_of(w.m.peers[0].db).text, "catching up");
    end(&w);
}

TEST(peer_that_answers_nothing_waits_alone)
{
    scene w;

    begin(&w);
    test_stranger_grants(&w.s, w.s.asked, MTI_STANDS_ASKED);
    run(&w, 100);
    CHECK(w.s.heard[MTI_ASK] == 1);
    test_stranger_subscribes(&w.s, 1, 0, 0);
    run(&w, 100);
    CHECK(w.s.heard[MTI_DATA] > 0); /* the other way it goes on */
    end(&w);
}

static void add_large(mt_db *db)
{
    uint8_t *text = malloc(100000);
    mt_field field = {.name = mt_str("text"), .value = mt_string((mt_bytes){text, 100000})};
    mt_row row = {.fields = &field, .count = 1};

    if (!text) abort();
    memset(text, 'x', 100000);
    for (unsigned i = 0; i < 60; i++) {
        char uid[16];
        snprintf(uid, sizeof uid, "r%04ux", i);
        row.uid = mt_str(uid);
        CHECK(mt_write_wait(db, &row, 1, NULL, NULL) == MT_OK);
    }
    free(text);
}

TEST(who_takes_nothing_is_sent_no_more_than_there_is_room_for)
{
    scene w;

    begin(&w);
    add_large(w.m.peers[0].db);
    test_stranger_compares(&w.s, 1, &everything, 0);
    run(&w, 100);
    say_ask(&w, 1, 1);
    test_stranger_send(&w.s);
    run(&w, 100);
    say_want(&w, 1, 1);
    test_stranger_send(&w.s);
    run(&w, 1000);
    CHECK(w.s.heard[MTI_DATA] > 5 && w.s.heard[MTI_DATA] < 20);
    CHECK(w.s.heard[MTI_LACK] == 0);
    say_ask(&w, 1, 2);
    test_stranger_send(&w.s);
    say_ask(&w, 1, 3);
    test_stranger_send(&w.s);
    run(&w, 100);
    CHECK(w.s.heard[MTI_BYE] == 1);
    end(&w);
}

TEST(who_unsubscribes_from_what_is_compared_is_forgotten)
{
    mti_say say;
    scene w;

    begin(&w);
    add_large(w.m.peers[0].db);
    for (uint64_t i = 1; i < 20; i++) {
        test_stranger_compares(&w.s, i, &everything, 0);
        run(&w, i % 3);
        say_ask(&w, i, 1);
        test_stranger_send(&w.s);
        run(&w, i % 5);
        say_want(&w, i, 1);
        test_stranger_send(&w.s);
        run(&w, i % 7);
        say = speak(&w, MTI_UNSUBSCRIBE, i);
        test_stranger_send(&w.s);
        CHECK(mti_say_end(&say) == MT_OK);
        run(&w, i % 2);
    }
    CHECK(w.s.heard[MTI_BYE] == 0);
    end(&w);
}

/* The last question of the peer. */
typedef struct question {
    uint64_t round;
    size_t parts;
} question;

static void hear_question(void *ctx, const void *event)
{
    question *q = ctx;
    unsigned type;
    mt_error err;
    mti_parse in;
    mti_parts parts;
    mt_bytes none = {NULL, 0};
    uint64_t print_len;

    CHECK(mti_parse_head(((const mt_message *)event)->bytes, &type, &in, &err) == MT_OK);
    if (type != MTI_ASK) return;
    (void)mti_parse_number(&in, "");
    q->round = mti_parse_number(&in, "");
    (void)mti_parse_number(&in, "");
    (void)mti_parse_number(&in, "");
    (void)mti_parse_number(&in, "");
    print_len = mti_parse_number(&in, "");
    mti_parts_init(&parts, test_mem());
    mti_parse_parts(&in, &parts, none, none, (size_t)print_len, MTI_COMPARE_PARTS_MAX);
    q->parts = parts.count;
    mti_parts_free(&parts);
}

/* That `differing` parts differ, and `empty` parts are: all those from the first. */
static void answer_bits(scene *w, uint64_t id, const question *q, size_t differing, size_t empty)
{
    mti_say say = speak(w, MTI_ANSWER, id);
    const size_t bits[] = {differing, empty};

    mti_say_number(&say, q->round);
    mti_say_byte(&say, MTI_ANSWER_EMPTY);
    for (size_t times = 0; times < 2; times++)
        for (size_t i = 0; i < q->parts; i += 8) {
            size_t left = bits[times] > i ? bits[times] - i : 0;
            mti_say_byte(&say, left < 8 ? (1u << left) - 1 : 255u);
        }
    test_stranger_send(&w->s);
}

/* That it has nothing of all that was asked about. */
static void answer_nothing(scene *w, uint64_t id, const question *q)
{
    answer_bits(w, id, q, q->parts, q->parts);
}

TEST(parts_that_were_not_asked_about_end_the_session)
{
    question q = {.parts = 0};
    mt_subscriber subscriber = {.on_event = hear_question, .ctx = &q};
    mt_subscription *ear;
    scene w;

    begin(&w);
    add_large(w.m.peers[0].db);
    CHECK(mt_event_stream_subscribe(mt_connection_messages(w.s.there), &subscriber, &ear) == MT_OK);
    for (size_t more = 0; more < 4; more++) {
        greet(&w, 0);
        test_stranger_grants(&w.s, w.s.asked, MTI_STANDS_ASKED);
        run(&w, 100);
        CHECK(q.parts % 8 > 0);
        answer_bits(&w, w.s.asked, &q, q.parts + more % 2, q.parts + more / 2);
        run(&w, 100);
        CHECK(w.s.heard[MTI_BYE] == more);
    }
    mt_subscription_dispose(ear);
    end(&w);
}

/* The peer asks for both, and so sends what the stranger lacks, which does not take it. */
TEST(who_unsubscribes_from_what_is_sent_is_asked_on)
{
    question q = {.parts = 0};
    mt_subscriber subscriber = {.on_event = hear_question, .ctx = &q};
    mt_subscription *ear;
    mti_say say;
    scene w;

    begin(&w);
    add_large(w.m.peers[0].db);
    CHECK(mt_event_stream_subscribe(mt_connection_messages(w.s.there), &subscriber, &ear) == MT_OK);
    w.last = true;
    greet(&w, 0);
    test_stranger_compares(&w.s, 1, &everything, 0);
    run(&w, 10);
    CHECK(w.s.how == MTI_STANDS_COMPARED);
    test_stranger_grants(&w.s, w.s.asked, MTI_STANDS_ASKED);
    run(&w, 100);
    CHECK(w.s.heard[MTI_ASK] == 1 && q.parts > 1);
    answer_nothing(&w, w.s.asked, &q);
    run(&w, 100);
    CHECK(w.s.heard[MTI_DATA] > 5 && w.s.heard[MTI_WANT] == 0);
    say = speak(&w, MTI_UNSUBSCRIBE, 1);
    CHECK(mti_say_end(&say) == MT_OK);
    test_stranger_send(&w.s);
    run(&w, 100);
    CHECK(w.s.heard[MTI_WANT] == 1 && w.s.heard[MTI_BYE] == 0);
    mt_subscription_dispose(ear);
    end(&w);
}

/* ---- Much at once ---- */

static void hold(void *ctx, mt_action *action)
{
    mt_action **held = ctx;

    if (*held) mt_action_pass(action);
    else *held = action;
}

/* They are kept while what came before them is not stored. */
TEST(questions_that_wait_are_not_kept_without_bound)
{
    mt_action *held = NULL;
    mt_hook hook = {.point = MT_ON_UPDATE, .run = hold, .ctx = &held};
    mt_sync_options options = {.size = sizeof options, .window = 65536};
    uint8_t *much = calloc(1, 900000);
    scene w;

    if (!much) abort();
    begin_as(&w, &options, (mt_config){.hooks = &hook, .hook_count = 1}, 0);
    if (held) mt_action_pass(held);
    held = NULL;
    test_stranger_copies(&w.s, w.s.asked, 7, 10);
    test_stranger_copied(&w.s, w.s.asked, "ada", 1, 4, 9);
    run(&w, 10);
    CHECK(held);
    for (size_t i = 0; i < 50 && w.s.heard[MTI_BYE] == 0; i++) {
        mti_say say = speak(&w, MTI_ASK, 1);
        mti_say_fixed(&say, (mt_bytes){much, 900000});
        test_stranger_send(&w.s);
        run(&w, 1);
    }
    CHECK(w.s.heard[MTI_BYE] == 1);
    mt_action_pass(held);
    free(much);
    end(&w);
}

static void compare_one(scene *w, unsigned number)
{
    char first[16], last[16];
    mti_range range = {.uids = NULL};

    snprintf(first, sizeof first, "r%04u", number);
    snprintf(last, sizeof last, "r%04u/", number);
    range.first = mt_str(first);
    range.end = mt_str(last);
    test_stranger_compares(&w->s, number + 1, &range, 0);
    say_ask_of(w, number + 1, 1, &range);
    test_stranger_send(&w->s);
    run(w, 10);
}

/* Each that is compared takes memory here, for as long as the peer likes. */
TEST(peer_compares_a_few_ranges_at_once)
{
    scene w;

    begin(&w);
    for (unsigned i = 0; i < NODES; i++) {
        compare_one(&w, i);
        CHECK(w.s.heard[MTI_ANSWER] == i + 1);
        say_compared(&w, i + 1);
        test_stranger_send(&w.s);
    }
    CHECK(w.s.heard[MTI_BYE] == 0);
    greet(&w, 0);
    for (unsigned i = 0; i < 20; i++) compare_one(&w, i);
    CHECK(w.s.heard[MTI_ANSWER] == NODES + 8 && w.s.heard[MTI_BYE] == 1);
    CHECK(w.s.why.status == MT_TOO_LARGE);
    end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(message_that_is_malformed_ends_its_session_alone),
        cmocka_unit_test(messages_in_any_order_end_in_nothing),
        cmocka_unit_test(print_that_is_told_answers_no_greeting),
        cmocka_unit_test(who_is_not_compared_is_not_answered),
        cmocka_unit_test(of_a_list_nothing_but_the_list_is_told),
        cmocka_unit_test(of_a_list_nothing_is_asked),
        cmocka_unit_test(who_asks_for_ever_is_told_that_it_is_too_much),
        cmocka_unit_test(peer_that_says_that_it_asks_and_does_not_keeps_nobody_waiting),
        cmocka_unit_test(comparison_that_the_peer_asked_for_is_over_when_it_goes_on),
        cmocka_unit_test(peer_that_answers_nothing_waits_alone),
        cmocka_unit_test(who_takes_nothing_is_sent_no_more_than_there_is_room_for),
        cmocka_unit_test(who_unsubscribes_from_what_is_compared_is_forgotten),
        cmocka_unit_test(parts_that_were_not_asked_about_end_the_session),
        cmocka_unit_test(who_unsubscribes_from_what_is_sent_is_asked_on),
        cmocka_unit_test(questions_that_wait_are_not_kept_without_bound),
        cmocka_unit_test(peer_compares_a_few_ranges_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
