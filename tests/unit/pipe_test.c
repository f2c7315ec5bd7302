/* Pipes: two connections of one process, on virtual time. */
#include "test_env.h"
#include "test_link.h"
#include <mytosis/plugin/pipe.h>
#include <stdlib.h>

/* A pipe, and who listens at each end to messages and events. */
typedef struct scene {
    test_heard heard;
    test_env te;
    mt_connection *a, *b;
    test_listener at_a, at_b, on_a, on_b;
} scene;

static void scene_begin_with(scene *s, const mt_pipe_options *options)
{
    *s = (scene){0};
    test_env_init(&s->te, 1, test_mem());
    CHECK(mt_pipe_new(&s->te.env, options, &s->a, &s->b, NULL) == MT_OK);
    s->at_a = (test_listener){&s->heard, "a", test_say_bytes, .arg = s};
    s->at_b = (test_listener){&s->heard, "b", test_say_bytes, .arg = s};
    s->on_a = (test_listener){&s->heard, "a", test_say_connection_event, .arg = s};
    s->on_b = (test_listener){&s->heard, "b", test_say_connection_event, .arg = s};
    test_listen(&s->on_a, mt_connection_events(s->a));
    test_listen(&s->on_b, mt_connection_events(s->b));
}

static void scene_begin(scene *s)
{
    scene_begin_with(s, NULL);
}

static void scene_listen(scene *s)
{
    test_listen(&s->at_a, mt_connection_messages(s->a));
    test_listen(&s->at_b, mt_connection_messages(s->b));
}

static void scene_end(scene *s)
{
    test_unlisten(&s->at_a);
    test_unlisten(&s->at_b);
    test_unlisten(&s->on_a);
    test_unlisten(&s->on_b);
    mt_connection_unref(s->a);
    mt_connection_unref(s->b);
    test_env_run(&s->te);
    test_env_end(&s->te);
    CHECK(test_mem_live() == 0);
}

static void send(mt_connection *connection, const char *text)
{
    CHECK(mt_connection_send(connection, mt_str(text)) == MT_OK);
}

/* Runs the loop until nothing happens any more, and looks at what was heard. */
static void then_heard(scene *s, const char *expected)
{
    test_env_run(&s->te);
    test_heard_is(&s->heard, expected);
}

/* ---- What they are ---- */

TEST(the_ends_of_a_pipe_are_named_a_and_b)
{
    scene s;

    scene_begin(&s);
    CHECK(mt_bytes_equal(mt_connection_id(s.a), mt_str("a")));
    CHECK(mt_bytes_equal(mt_connection_id(s.b), mt_str("b")));
    CHECK(mt_bytes_equal(mt_connection_type(s.a), mt_str("pipe")));
    CHECK(!mt_connection_offline(s.a) && !mt_connection_ephemeral(s.b));
    scene_end(&s);
}

TEST(the_ends_of_a_pipe_are_what_the_options_say)
{
    const mt_pipe_options options = {.size = sizeof options,
                                     .a_id = mt_str("ann"),
                                     .b_id = mt_str("bob"),
                                     .flags = MT_CONNECTION_EPHEMERAL | MT_CONNECTION_OFFLINE};
    scene s;

    scene_begin_with(&s, &options);
    CHECK(mt_bytes_equal(mt_connection_id(s.a), mt_str("ann")));
    CHECK(mt_bytes_equal(mt_connection_id(s.b), mt_str("bob")));
    CHECK(mt_connection_offline(s.a) && mt_connection_ephemeral(s.a));
    CHECK(mt_connection_offline(s.b) && mt_connection_ephemeral(s.b));
    CHECK(mt_pipe_restore(s.a) == MT_OK);
    CHECK(!mt_connection_offline(s.a) && !mt_connection_offline(s.b));
    scene_end(&s);
}

TEST(a_pipe_with_an_id_that_cannot_be_is_refused_and_leaves_nothing)
{
    const mt_pipe_options options = {.size = sizeof options, .b_id = {(const uint8_t *)"", 0}};
    mt_connection *a, *b;
    mt_error err;
    test_env te;

    test_env_init(&te, 1, test_mem());
    CHECK(mt_pipe_new(&te.env, &options, &a, &b, &err) == MT_INVALID);
    assert_string_equal(err.text, "the id of a connection has 0 bytes, not 1 to 255");
    test_env_end(&te);
    CHECK(test_mem_live() == 0);
}

/* ---- Messages ---- */

TEST(what_is_sent_arrives_at_the_other_end_in_a_later_turn)
{
    scene s;

    scene_begin(&s);
    scene_listen(&s);
    send(s.a, "1");
    send(s.a, "");
    send(s.b, "2");
    test_heard_is(&s.heard, "");
    CHECK(mt_connection_queued(s.a) > 1 && mt_connection_queued(s.b) > 1);
    then_heard(&s, "b:1 b: a:2");
    CHECK(mt_connection_queued(s.a) == 0 && mt_connection_queued(s.b) == 0);
    CHECK(s.te.ticks_ms == 0);
    scene_end(&s);
}

TEST(a_message_takes_as_long_as_the_options_say)
{
    const mt_pipe_options options = {.size = sizeof options, .latency_ms = 20};
    scene s;

    scene_begin_with(&s, &options);
    scene_listen(&s);
    send(s.a, "1");
    test_env_run_for(&s.te, 10);
    send(s.a, "2");
    test_env_run_for(&s.te, 9);
    test_heard_is(&s.heard, "");
    test_env_run_for(&s.te, 1);
    test_heard_is(&s.heard, "b:1");
    then_heard(&s, "b:2");
    CHECK(s.te.ticks_ms == 30);
    scene_end(&s);
}

static void answer(test_listener *listener)
{
    scene *s = listener->arg;

    send(listener == &s->at_a ? s->a : s->b, "answer");
}

TEST(an_answer_comes_in_a_turn_of_its_own)
{
    scene s;

    scene_begin(&s);
    scene_listen(&s);
    s.at_b.then = s.at_a.then = answer;
    send(s.a, "1");
    send(s.a, "2");
    CHECK(s.te.env.turn(s.te.env.ctx) == MT_OK);
    test_heard_is(&s.heard, "b:1 b:2");
    CHECK(s.te.env.turn(s.te.env.ctx) == MT_OK);
    test_heard_is(&s.heard, "a:answer");
    then_heard(&s, "b:answer");
    scene_end(&s);
}

static void send_more(test_listener *listener)
{
    send(((scene *)listener->arg)->a, "more");
}

TEST(what_is_sent_while_messages_are_delivered_waits_for_the_next_turn)
{
    scene s;

    scene_begin(&s);
    scene_listen(&s);
    s.at_b.then = send_more;
    send(s.a, "1");
    send(s.a, "2");
    CHECK(s.te.env.turn(s.te.env.ctx) == MT_OK);
    test_heard_is(&s.heard, "b:1 b:2");
    then_heard(&s, "b:more");
    scene_end(&s);
}

TEST(messages_wait_until_somebody_listens)
{
    scene s;

    scene_begin(&s);
    send(s.a, "1");
    then_heard(&s, "");
    send(s.a, "2");
    CHECK(mt_connection_queued(s.a) > 2);
    test_listen(&s.at_b, mt_connection_messages(s.b));
    test_heard_is(&s.heard, "");
    then_heard(&s, "b:1 b:2");
    scene_end(&s);
}

static void stop_listening(test_listener *listener)
{
    test_unlisten(listener);
}

TEST(messages_wait_again_when_nobody_listens_any_more)
{
    scene s;

    scene_begin(&s);
    scene_listen(&s);
    s.at_b.then = stop_listening;
    send(s.a, "1");
    send(s.a, "2");
    then_heard(&s, "b:1");
    test_listen(&s.at_b, mt_connection_messages(s.b));
    then_heard(&s, "b:2");
    scene_end(&s);
}

/* ---- Backpressure ---- */

/* Sends messages of 100 bytes until one is not taken; answers how many were. */
static size_t fill(mt_connection *connection)
{
    static const uint8_t bytes[100] = {'x'};
    mt_status st;
    size_t count = 0;

    while ((st = mt_connection_send(connection, (mt_bytes){bytes, sizeof bytes})) == MT_OK) count++;
    CHECK(st == MT_AGAIN);
    return count;
}

TEST(a_full_pipe_says_so_and_tells_when_there_is_room)
{
    const mt_pipe_options options = {.size = sizeof options, .queued_max = 1000};
    scene s;
    size_t count;

    scene_begin_with(&s, &options);
    count = fill(s.a);
    CHECK(count > 2 && count < 10);
    CHECK(mt_connection_queued(s.a) <= 1000);
    then_heard(&s, "");
    test_listen(&s.at_b, mt_connection_messages(s.b));
    test_env_run(&s.te);
    CHECK(mt_connection_queued(s.a) == 0);
    s.heard.len = 0;
    CHECK(fill(s.a) == count);
    scene_end(&s);
}

TEST(room_is_told_of_once)
{
    const mt_pipe_options options = {.size = sizeof options, .queued_max = 1};
    scene s;

    scene_begin_with(&s, &options);
    scene_listen(&s);
    send(s.a, "1");
    CHECK(mt_connection_send(s.a, mt_str("2")) == MT_AGAIN);
    CHECK(mt_connection_send(s.a, mt_str("2")) == MT_AGAIN);
    then_heard(&s, "b:1 a:writable");
    send(s.a, "2");
    then_heard(&s, "b:2");
    scene_end(&s);
}

TEST(room_is_told_of_when_half_of_it_is_free)
{
    const mt_pipe_options options = {.size = sizeof options, .queued_max = 1000, .latency_ms = 10};
    static const uint8_t bytes[400];
    scene s;

    scene_begin_with(&s, &options);
    test_listen(&s.at_b, mt_connection_messages(s.b));
    CHECK(mt_connection_send(s.a, (mt_bytes){bytes, sizeof bytes}) == MT_OK);
    test_env_run_for(&s.te, 5);
    CHECK(mt_connection_send(s.a, (mt_bytes){bytes, sizeof bytes}) == MT_OK);
    CHECK(mt_connection_send(s.a, (mt_bytes){bytes, sizeof bytes}) == MT_AGAIN);
    test_env_run_for(&s.te, 5);
    test_heard_is(&s.heard, "b: a:writable");
    scene_end(&s);
}

TEST(a_message_longer_than_the_room_passes_alone)
{
    const mt_pipe_options options = {.size = sizeof options, .queued_max = 10};
    uint8_t *bytes = calloc(1, MT_MESSAGE_LEN_MAX);
    scene s;

    scene_begin_with(&s, &options);
    test_listen(&s.at_b, mt_connection_messages(s.b));
    CHECK(mt_connection_send(s.a, (mt_bytes){bytes, MT_MESSAGE_LEN_MAX}) == MT_OK);
    CHECK(mt_connection_send(s.a, mt_str("x")) == MT_AGAIN);
    test_env_run(&s.te);
    CHECK(mt_connection_queued(s.a) == 0);
    s.heard.len = 0;
    scene_end(&s);
    free(bytes);
}

/* ---- Cutting ---- */

TEST(a_cut_pipe_is_offline_and_has_lost_what_was_under_way)
{
    scene s;

    scene_begin(&s);
    scene_listen(&s);
    send(s.a, "lost");
    send(s.b, "lost");
    CHECK(mt_pipe_cut(s.b) == MT_OK);
    CHECK(mt_pipe_cut(s.a) == MT_OK);
    test_heard_is(&s.heard, "a:offline b:offline");
    CHECK(mt_connection_send(s.a, mt_str("x")) == MT_OFFLINE);
    CHECK(mt_connection_queued(s.a) == 0);
    then_heard(&s, "");
    CHECK(mt_pipe_restore(s.a) == MT_OK);
    CHECK(mt_pipe_restore(s.b) == MT_OK);
    test_heard_is(&s.heard, "a:online b:online");
    send(s.a, "1");
    then_heard(&s, "b:1");
    scene_end(&s);
}

static void cut_it(test_listener *listener)
{
    CHECK(mt_pipe_cut(((scene *)listener->arg)->a) == MT_OK);
}

static void restore_it(test_listener *listener)
{
    CHECK(mt_pipe_restore(((scene *)listener->arg)->a) == MT_OK);
}

TEST(a_pipe_may_be_cut_inside_a_message)
{
    scene s;

    scene_begin(&s);
    scene_listen(&s);
    s.at_b.then = cut_it;
    send(s.a, "1");
    send(s.a, "lost");
    then_heard(&s, "b:1 a:offline b:offline");
    scene_end(&s);
}

TEST(a_pipe_that_is_restored_inside_the_event_of_its_cut_is_whole)
{
    scene s;

    scene_begin(&s);
    scene_listen(&s);
    s.on_a.then = restore_it;
    CHECK(mt_pipe_cut(s.a) == MT_OK);
    CHECK(!mt_connection_offline(s.a) && !mt_connection_offline(s.b));
    test_heard_is(&s.heard, "a:offline a:online");
    send(s.b, "1");
    then_heard(&s, "a:1");
    scene_end(&s);
}

TEST(what_is_not_a_pipe_is_not_cut)
{
    test_link link;

    test_link_begin(&link, NULL, "x");
    CHECK(mt_pipe_cut(link.connection) == MT_INVALID);
    CHECK(mt_pipe_restore(link.connection) == MT_INVALID);
    test_link_end(&link);
}

/* ---- Closing ---- */

TEST(what_was_sent_before_closing_arrives_and_then_the_end)
{
    scene s;

    scene_begin(&s);
    scene_listen(&s);
    send(s.a, "1");
    send(s.a, "2");
    send(s.b, "dropped");
    mt_connection_close(s.a);
    test_heard_is(&s.heard, "");
    then_heard(&s, "b:1 b:2 b:closed b. b. a:closed a. a.");
    scene_end(&s);
}

TEST(an_end_learns_that_the_other_closed_after_what_it_has_not_listened_to)
{
    scene s;

    scene_begin(&s);
    send(s.a, "1");
    mt_connection_close(s.a);
    then_heard(&s, "a:closed a.");
    CHECK(mt_connection_send(s.b, mt_str("x")) == MT_CLOSED);
    test_listen(&s.at_b, mt_connection_messages(s.b));
    then_heard(&s, "b:1 b:closed b. b.");
    scene_end(&s);
}

TEST(closing_takes_as_long_as_a_message)
{
    const mt_pipe_options options = {.size = sizeof options, .latency_ms = 20};
    scene s;

    scene_begin_with(&s, &options);
    mt_connection_close(s.a);
    test_env_run_for(&s.te, 19);
    test_heard_is(&s.heard, "a:closed a.");
    test_env_run_for(&s.te, 1);
    test_heard_is(&s.heard, "b:closed b.");
    scene_end(&s);
}

TEST(both_ends_may_be_closed_at_once)
{
    scene s;

    scene_begin(&s);
    scene_listen(&s);
    send(s.a, "dropped");
    mt_connection_close(s.a);
    mt_connection_close(s.b);
    then_heard(&s, "b:closed b. b. a:closed a. a.");
    scene_end(&s);
}

static void close_a(test_listener *listener)
{
    mt_connection_close(((scene *)listener->arg)->a);
}

static void close_b(test_listener *listener)
{
    mt_connection_close(((scene *)listener->arg)->b);
}

TEST(an_end_may_be_closed_inside_a_message)
{
    scene s;

    scene_begin(&s);
    scene_listen(&s);
    s.at_b.then = close_b;
    send(s.a, "1");
    send(s.a, "dropped");
    then_heard(&s, "b:1 b:closed b. b. a:closed a. a.");
    scene_end(&s);
    scene_begin(&s);
    scene_listen(&s);
    s.at_b.then = close_a;
    send(s.a, "1");
    send(s.a, "2");
    then_heard(&s, "b:1 b:2 b:closed b. b. a:closed a. a.");
    scene_end(&s);
}

static void let_go(test_listener *listener)
{
    scene *s = listener->arg;

    test_unlisten(&s->at_a);
    test_unlisten(&s->at_b);
    test_unlisten(&s->on_a);
    test_unlisten(&s->on_b);
    mt_connection_unref(s->a);
    mt_connection_unref(s->b);
    s->a = s->b = NULL;
}

TEST(all_may_be_let_go_of_inside_a_message)
{
    scene s;

    scene_begin(&s);
    scene_listen(&s);
    s.at_b.then = let_go;
    send(s.a, "1");
    send(s.a, "2");
    then_heard(&s, "b:1");
    scene_end(&s);
}

TEST(a_cut_pipe_that_was_closed_closes_the_other_end_when_it_is_restored)
{
    scene s;

    scene_begin(&s);
    CHECK(mt_pipe_cut(s.a) == MT_OK);
    mt_connection_close(s.a);
    then_heard(&s, "a:offline b:offline a:closed a.");
    CHECK(mt_pipe_restore(s.b) == MT_OK);
    then_heard(&s, "b:online b:closed b.");
    scene_end(&s);
}

TEST(without_memory_there_is_no_pipe_and_no_message)
{
    for (size_t n = 0;; n++) {
        fail_mem fm = {.fail_at = n};
        mt_connection *a = NULL, *b = NULL;
        test_env te;
        mt_error err;
        mt_status st;

        test_env_init(&te, 1, fail_mem_hook(&fm));
        if ((st = mt_pipe_new(&te.env, NULL, &a, &b, &err)) == MT_OK) {
            st = mt_connection_send(a, mt_str("x"));
        } else {
            CHECK(err.status == MT_NO_MEMORY && !a && !b);
        }
        CHECK(st == (fm.tripped ? MT_NO_MEMORY : MT_OK));
        mt_connection_unref(a);
        mt_connection_unref(b);
        test_env_run(&te);
        test_env_end(&te);
        CHECK(fm.live_bytes == 0);
        if (!fm.tripped) break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_ends_of_a_pipe_are_named_a_and_b),
        cmocka_unit_test(the_ends_of_a_pipe_are_what_the_options_say),
        cmocka_unit_test(a_pipe_with_an_id_that_cannot_be_is_refused_and_leaves_nothing),
        cmocka_unit_test(what_is_sent_arrives_at_the_other_end_in_a_later_turn),
        cmocka_unit_test(a_message_takes_as_long_as_the_options_say),
        cmocka_unit_test(an_answer_comes_in_a_turn_of_its_own),
        cmocka_unit_test(what_is_sent_while_messages_are_delivered_waits_for_the_next_turn),
        cmocka_unit_test(messages_wait_until_somebody_listens),
        cmocka_unit_test(messages_wait_again_when_nobody_listens_any_more),
        cmocka_unit_test(a_full_pipe_says_so_and_tells_when_there_is_room),
        cmocka_unit_test(room_is_told_of_once),
        cmocka_unit_test(room_is_told_of_when_half_of_it_is_free),
        cmocka_unit_test(a_message_longer_than_the_room_passes_alone),
        cmocka_unit_test(a_cut_pipe_is_offline_and_has_lost_what_was_under_way),
        cmocka_unit_test(a_pipe_may_be_cut_inside_a_message),
        cmocka_unit_test(a_pipe_that_is_restored_inside_the_event_of_its_cut_is_whole),
        cmocka_unit_test(what_is_not_a_pipe_is_not_cut),
        cmocka_unit_test(what_was_sent_before_closing_arrives_and_then_the_end),
        cmocka_unit_test(an_end_learns_that_the_other_closed_after_what_it_has_not_listened_to),
        cmocka_unit_test(closing_takes_as_long_as_a_message),
        cmocka_unit_test(both_ends_may_be_closed_at_once),
        cmocka_unit_test(an_end_may_be_closed_inside_a_message),
        cmocka_unit_test(all_may_be_let_go_of_inside_a_message),
        cmocka_unit_test(a_cut_pipe_that_was_closed_closes_the_other_end_when_it_is_restored),
        cmocka_unit_test(without_memory_there_is_no_pipe_and_no_message),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
