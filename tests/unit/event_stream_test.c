/* Event streams: who hears what, in which order, whatever the subscribers do. */
#include "test_heard.h"

/* A stream with a source that notes when it is opened and closed, and two listeners. */
typedef struct scene {
    test_heard heard;
    mt_event_stream *stream;
    mt_status open_answer;
    void (*in_open)(struct scene *s);
    void (*in_close)(struct scene *s);
    test_listener a, b, c;
} scene;

static mt_status source_open(void *ctx, mt_event_stream *stream)
{
    scene *s = ctx;

    CHECK(stream == s->stream);
    test_heard_add(&s->heard, "open");
    if (s->in_open) s->in_open(s);
    return s->open_answer;
}

static void source_close(void *ctx, mt_event_stream *stream)
{
    scene *s = ctx;

    CHECK(stream == s->stream);
    test_heard_add(&s->heard, "close");
    if (s->in_close) s->in_close(s);
}

static void scene_begin(scene *s, bool with_source)
{
    const mt_event_source source = {source_open, source_close, s};

    *s = (scene){.open_answer = MT_OK};
    s->a = (test_listener){.heard = &s->heard, .name = "a", .say = test_say_text, .arg = s};
    s->b = (test_listener){.heard = &s->heard, .name = "b", .say = test_say_text, .arg = s};
    s->c = (test_listener){.heard = &s->heard, .name = "c", .say = test_say_text, .arg = s};
    CHECK(mt_event_stream_new(test_mem(), with_source ? &source : NULL, &s->stream) == MT_OK);
}

static void scene_listen(scene *s)
{
    test_listen(&s->a, s->stream);
    test_listen(&s->b, s->stream);
    test_listen(&s->c, s->stream);
}

static void scene_end(scene *s)
{
    test_unlisten(&s->a);
    test_unlisten(&s->b);
    test_unlisten(&s->c);
    mt_event_stream_unref(s->stream);
    CHECK(test_mem_live() == 0);
}

static void emit(scene *s, const char *event)
{
    CHECK(mt_event_stream_emit(s->stream, event) == MT_OK);
}

static void complete(scene *s)
{
    CHECK(mt_event_stream_complete(s->stream, NULL) == MT_OK);
}

static mt_status subscribe(scene *s, test_listener *listener)
{
    const mt_subscriber subscriber = test_subscriber(listener);

    return mt_event_stream_subscribe(s->stream, &subscriber, &listener->subscription);
}

/* ---- Laziness ---- */

TEST(a_source_is_opened_by_the_first_subscriber_and_closed_by_the_last)
{
    scene s;

    scene_begin(&s, true);
    CHECK(!mt_event_stream_subscribed(s.stream));
    test_heard_is(&s.heard, "");
    test_listen(&s.a, s.stream);
    test_heard_is(&s.heard, "open");
    CHECK(mt_event_stream_subscribed(s.stream));
    test_listen(&s.b, s.stream);
    test_unlisten(&s.a);
    test_heard_is(&s.heard, "");
    test_unlisten(&s.b);
    test_heard_is(&s.heard, "close");
    CHECK(!mt_event_stream_subscribed(s.stream));
    scene_end(&s);
}

TEST(a_source_that_was_closed_is_opened_again)
{
    scene s;

    scene_begin(&s, true);
    for (int i = 0; i < 2; i++) {
        test_listen(&s.a, s.stream);
        emit(&s, "x");
        test_unlisten(&s.a);
        test_heard_is(&s.heard, "open a:x close");
    }
    scene_end(&s);
}

TEST(a_source_that_does_not_open_gives_its_answer_and_no_subscription)
{
    scene s;

    scene_begin(&s, true);
    s.open_answer = MT_IO;
    CHECK(subscribe(&s, &s.a) == MT_IO);
    CHECK(!s.a.subscription && !mt_event_stream_subscribed(s.stream));
    test_heard_is(&s.heard, "open");
    s.open_answer = MT_OK;
    test_listen(&s.a, s.stream);
    test_heard_is(&s.heard, "open");
    scene_end(&s);
}

static void emit_early(scene *s)
{
    emit(s, "early");
}

TEST(what_is_emitted_while_the_source_opens_or_closes_is_heard_by_nobody)
{
    scene s;

    scene_begin(&s, true);
    s.in_open = s.in_close = emit_early;
    test_listen(&s.a, s.stream);
    test_unlisten(&s.a);
    test_heard_is(&s.heard, "open close");
    scene_end(&s);
}

static void subscribe_busy(scene *s)
{
    CHECK(subscribe(s, &s->b) == MT_BUSY);
}

TEST(nobody_subscribes_while_the_source_is_opened_or_closed)
{
    scene s;

    scene_begin(&s, true);
    s.in_open = s.in_close = subscribe_busy;
    test_listen(&s.a, s.stream);
    test_unlisten(&s.a);
    test_heard_is(&s.heard, "open close");
    scene_end(&s);
}

TEST(a_source_that_completes_while_it_opens_is_closed_and_the_subscriber_told_the_end)
{
    scene s;

    scene_begin(&s, true);
    s.in_open = complete;
    CHECK(subscribe(&s, &s.a) == MT_END);
    test_heard_is(&s.heard, "open close");
    scene_end(&s);
}

TEST(a_stream_needs_no_source)
{
    scene s;

    scene_begin(&s, false);
    emit(&s, "gone");
    test_listen(&s.a, s.stream);
    emit(&s, "x");
    test_heard_is(&s.heard, "a:x");
    scene_end(&s);
}

/* ---- Completion ---- */

TEST(all_are_told_the_end_once_in_their_order)
{
    scene s;

    scene_begin(&s, true);
    scene_listen(&s);
    complete(&s);
    test_heard_is(&s.heard, "open close a. b. c.");
    CHECK(mt_event_stream_completed(s.stream) && !mt_event_stream_subscribed(s.stream));
    scene_end(&s);
    test_heard_is(&s.heard, "");
}

TEST(the_end_may_have_a_reason)
{
    const mt_error why = {MT_IO, "broken"};
    scene s;

    scene_begin(&s, true);
    test_listen(&s.a, s.stream);
    CHECK(mt_event_stream_complete(s.stream, &why) == MT_OK);
    test_heard_is(&s.heard, "open close a!broken");
    scene_end(&s);
}

TEST(after_the_end_emitting_and_completing_are_errors)
{
    scene s;

    scene_begin(&s, true);
    test_listen(&s.a, s.stream);
    complete(&s);
    CHECK(mt_event_stream_emit(s.stream, "x") == MT_CLOSED);
    CHECK(mt_event_stream_complete(s.stream, NULL) == MT_CLOSED);
    test_heard_is(&s.heard, "open close a.");
    scene_end(&s);
}

TEST(subscribing_after_the_end_says_so)
{
    scene s;

    scene_begin(&s, true);
    complete(&s);
    CHECK(subscribe(&s, &s.a) == MT_END);
    CHECK(!s.a.subscription);
    test_heard_is(&s.heard, "");
    scene_end(&s);
}

TEST(a_subscriber_need_not_care_for_the_end)
{
    mt_subscriber subscriber;
    scene s;

    scene_begin(&s, true);
    subscriber = test_subscriber(&s.a);
    subscriber.on_end = NULL;
    CHECK(mt_event_stream_subscribe(s.stream, &subscriber, &s.a.subscription) == MT_OK);
    complete(&s);
    test_heard_is(&s.heard, "open close");
    scene_end(&s);
}

static void dispose_all(test_listener *listener)
{
    scene *s = listener->arg;

    test_unlisten(&s->a);
    test_unlisten(&s->b);
    test_unlisten(&s->c);
}

TEST(who_disposes_in_the_end_spares_the_others_the_end)
{
    scene s;

    scene_begin(&s, true);
    scene_listen(&s);
    s.a.at_end = dispose_all;
    complete(&s);
    test_heard_is(&s.heard, "open close a.");
    scene_end(&s);
}

static void complete_inside(test_listener *listener)
{
    complete(listener->arg);
}

TEST(who_completes_in_an_event_lets_the_others_hear_it_before_the_end)
{
    scene s;

    scene_begin(&s, true);
    scene_listen(&s);
    s.a.then = complete_inside;
    emit(&s, "1");
    test_heard_is(&s.heard, "open a:1 b:1 c:1 close a. b. c.");
    scene_end(&s);
}

/* ---- Order ---- */

TEST(each_hears_every_event_emitted_since_it_subscribed)
{
    scene s;

    scene_begin(&s, true);
    test_listen(&s.a, s.stream);
    emit(&s, "1");
    test_listen(&s.b, s.stream);
    emit(&s, "2");
    test_unlisten(&s.a);
    emit(&s, "3");
    test_heard_is(&s.heard, "open a:1 a:2 b:2 b:3");
    scene_end(&s);
}

static void emit_2(test_listener *listener)
{
    emit(listener->arg, "2");
}

static void emit_3(test_listener *listener)
{
    emit(listener->arg, "3");
}

TEST(what_a_subscriber_emits_comes_after_the_event_at_hand_for_all_others)
{
    scene s;

    scene_begin(&s, true);
    scene_listen(&s);
    s.b.then = emit_2;
    emit(&s, "1");
    test_heard_is(&s.heard, "open a:1 b:1 c:1 a:2 b:2 c:2");
    scene_end(&s);
}

TEST(events_emitted_inside_each_other_stay_in_order)
{
    scene s;

    scene_begin(&s, true);
    scene_listen(&s);
    s.a.then = emit_2;
    s.b.then = emit_3;
    emit(&s, "1");
    test_heard_is(&s.heard, "open a:1 b:1 c:1 a:2 b:2 c:2 a:3 b:3 c:3");
    scene_end(&s);
}

/* ---- Coming and going inside callbacks ---- */

static void dispose_self(test_listener *listener)
{
    test_unlisten(listener);
}

static void dispose_b(test_listener *listener)
{
    test_unlisten(&((scene *)listener->arg)->b);
}

static void listen_c(test_listener *listener)
{
    scene *s = listener->arg;

    test_listen(&s->c, s->stream);
}

TEST(who_disposes_of_itself_inside_an_event_hears_no_more)
{
    scene s;

    scene_begin(&s, true);
    scene_listen(&s);
    s.b.then = dispose_self;
    emit(&s, "1");
    emit(&s, "2");
    test_heard_is(&s.heard, "open a:1 b:1 c:1 a:2 c:2");
    scene_end(&s);
}

TEST(who_is_disposed_of_by_one_before_it_does_not_hear_the_event_at_hand)
{
    scene s;

    scene_begin(&s, true);
    scene_listen(&s);
    s.a.then = dispose_b;
    emit(&s, "1");
    test_heard_is(&s.heard, "open a:1 c:1");
    scene_end(&s);
}

TEST(who_is_disposed_of_by_one_behind_it_has_heard_the_event_at_hand)
{
    scene s;

    scene_begin(&s, true);
    scene_listen(&s);
    s.c.then = dispose_b;
    emit(&s, "1");
    emit(&s, "2");
    test_heard_is(&s.heard, "open a:1 b:1 c:1 a:2 c:2");
    scene_end(&s);
}

TEST(who_subscribes_inside_an_event_hears_only_what_comes_later)
{
    scene s;

    scene_begin(&s, true);
    test_listen(&s.a, s.stream);
    test_listen(&s.b, s.stream);
    s.a.then = listen_c;
    emit(&s, "1");
    emit(&s, "2");
    test_heard_is(&s.heard, "open a:1 b:1 a:2 b:2 c:2");
    scene_end(&s);
}

TEST(when_all_dispose_inside_an_event_the_source_is_closed)
{
    scene s;

    scene_begin(&s, true);
    scene_listen(&s);
    s.a.then = dispose_all;
    emit(&s, "1");
    emit(&s, "2");
    test_heard_is(&s.heard, "open a:1 close");
    scene_end(&s);
}

static void reopen_with_c(test_listener *listener)
{
    scene *s = listener->arg;

    dispose_all(listener);
    test_listen(&s->c, s->stream);
    emit(s, "2");
}

TEST(a_stream_may_be_left_and_opened_again_inside_an_event)
{
    scene s;

    scene_begin(&s, true);
    test_listen(&s.a, s.stream);
    s.a.then = reopen_with_c;
    emit(&s, "1");
    test_heard_is(&s.heard, "open a:1 close open c:2");
    scene_end(&s);
}

static void complete_after_c_came(test_listener *listener)
{
    scene *s = listener->arg;

    test_listen(&s->c, s->stream);
    complete(s);
    dispose_all(listener);
}

TEST(a_stream_may_end_inside_an_event_with_one_that_came_inside_it)
{
    scene s;

    scene_begin(&s, true);
    test_listen(&s.a, s.stream);
    test_listen(&s.b, s.stream);
    s.b.then = complete_after_c_came;
    emit(&s, "1");
    test_heard_is(&s.heard, "open a:1 b:1 close a. b. c.");
    scene_end(&s);
}

/* ---- Its life ---- */

static void let_go(test_listener *listener)
{
    scene *s = listener->arg;

    mt_event_stream_unref(s->stream);
    dispose_all(listener);
    s->stream = NULL;
}

TEST(a_stream_may_be_let_go_of_inside_an_event)
{
    scene s;

    scene_begin(&s, false);
    scene_listen(&s);
    s.b.then = let_go;
    emit(&s, "1");
    test_heard_is(&s.heard, "a:1 b:1");
    scene_end(&s);
}

TEST(a_stream_may_be_let_go_of_inside_its_end)
{
    scene s;

    scene_begin(&s, false);
    scene_listen(&s);
    s.a.at_end = let_go;
    complete(&s);
    test_heard_is(&s.heard, "a.");
    scene_end(&s);
}

TEST(a_subscription_keeps_the_stream)
{
    scene s;

    scene_begin(&s, true);
    test_listen(&s.a, s.stream);
    mt_event_stream_unref(s.stream);
    emit(&s, "x");
    test_unlisten(&s.a);
    test_heard_is(&s.heard, "open a:x close");
    CHECK(test_mem_live() == 0);
}

TEST(a_subscription_may_outlive_the_end_and_the_stream)
{
    scene s;

    scene_begin(&s, true);
    test_listen(&s.a, s.stream);
    complete(&s);
    mt_event_stream_unref(s.stream);
    test_unlisten(&s.a);
    CHECK(test_mem_live() == 0);
}

TEST(nothing_is_let_go_of_without_harm)
{
    mt_subscription_dispose(NULL);
    mt_event_stream_unref(NULL);
    CHECK(!mt_event_stream_ref(NULL));
}

TEST(without_memory_there_is_no_stream_and_no_subscription)
{
    for (size_t n = 0;; n++) {
        fail_mem fm = {.fail_at = n};
        test_heard heard = {0};
        test_listener a = {.heard = &heard, .name = "a", .say = test_say_text};
        const mt_subscriber subscriber = test_subscriber(&a);
        mt_event_stream *stream = NULL;
        mt_status st = mt_event_stream_new(fail_mem_hook(&fm), NULL, &stream);

        if (st == MT_OK) st = mt_event_stream_subscribe(stream, &subscriber, &a.subscription);
        CHECK(st == (fm.tripped ? MT_NO_MEMORY : MT_OK));
        test_unlisten(&a);
        mt_event_stream_unref(stream);
        CHECK(fm.live_bytes == 0);
        if (!fm.tripped) break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_source_is_opened_by_the_first_subscriber_and_closed_by_the_last),
        cmocka_unit_test(a_source_that_was_closed_is_opened_again),
        cmocka_unit_test(a_source_that_does_not_open_gives_its_answer_and_no_subscription),
        cmocka_unit_test(what_is_emitted_while_the_source_opens_or_closes_is_heard_by_nobody),
        cmocka_unit_test(nobody_subscribes_while_the_source_is_opened_or_closed),
        cmocka_unit_test(
            a_source_that_completes_while_it_opens_is_closed_and_the_subscriber_told_the_end),
        cmocka_unit_test(a_stream_needs_no_source),
        cmocka_unit_test(all_are_told_the_end_once_in_their_order),
        cmocka_unit_test(the_end_may_have_a_reason),
        cmocka_unit_test(after_the_end_emitting_and_completing_are_errors),
        cmocka_unit_test(subscribing_after_the_end_says_so),
        cmocka_unit_test(a_subscriber_need_not_care_for_the_end),
        cmocka_unit_test(who_disposes_in_the_end_spares_the_others_the_end),
        cmocka_unit_test(who_completes_in_an_event_lets_the_others_hear_it_before_the_end),
        cmocka_unit_test(each_hears_every_event_emitted_since_it_subscribed),
        cmocka_unit_test(what_a_subscriber_emits_comes_after_the_event_at_hand_for_all_others),
        cmocka_unit_test(events_emitted_inside_each_other_stay_in_order),
        cmocka_unit_test(who_disposes_of_itself_inside_an_event_hears_no_more),
        cmocka_unit_test(who_is_disposed_of_by_one_before_it_does_not_hear_the_event_at_hand),
        cmocka_unit_test(who_is_disposed_of_by_one_behind_it_has_heard_the_event_at_hand),
        cmocka_unit_test(who_subscribes_inside_an_event_hears_only_what_comes_later),
        cmocka_unit_test(when_all_dispose_inside_an_event_the_source_is_closed),
        cmocka_unit_test(a_stream_may_be_left_and_opened_again_inside_an_event),
        cmocka_unit_test(a_stream_may_end_inside_an_event_with_one_that_came_inside_it),
        cmocka_unit_test(a_stream_may_be_let_go_of_inside_an_event),
        cmocka_unit_test(a_stream_may_be_let_go_of_inside_its_end),
        cmocka_unit_test(a_subscription_keeps_the_stream),
        cmocka_unit_test(a_subscription_may_outlive_the_end_and_the_stream),
        cmocka_unit_test(nothing_is_let_go_of_without_harm),
        cmocka_unit_test(without_memory_there_is_no_stream_and_no_subscription),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
