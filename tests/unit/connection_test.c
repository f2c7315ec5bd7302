/* Connections: what passes between an application and a transport, and what is kept from it. */
#include "net/connection.h"

#include "test_link.h"
#include <stdlib.h>
#include <string.h>

/* A connection, who listens to its messages and events, and who else does. */
typedef struct scene {
    test_heard heard;
    test_link link;
    mt_connection *connection;
    test_listener messages, events, others;
} scene;

static void scene_begin_with(scene *s, unsigned flags)
{
    *s = (scene){0};
    s->link.heard = &s->heard;
    CHECK(test_link_new(&s->link, test_mem(), &test_link_ops, "peer", flags) == MT_OK);
    s->connection = s->link.connection;
    s->messages = (test_listener){&s->heard, "m", test_say_bytes, .arg = s};
    s->events = (test_listener){&s->heard, "e", test_say_connection_event, .arg = s};
    s->others = (test_listener){&s->heard, "o", test_say_bytes, .arg = s};
}

static void scene_begin(scene *s)
{
    scene_begin_with(s, 0);
}

static void scene_listen(scene *s)
{
    test_listen(&s->messages, mt_connection_messages(s->connection));
    test_listen(&s->events, mt_connection_events(s->connection));
    test_heard_is(&s->heard, "start");
}

static void scene_end(scene *s)
{
    test_unlisten(&s->messages);
    test_unlisten(&s->events);
    test_unlisten(&s->others);
    test_link_end(&s->link);
    CHECK(!s->link.connection);
    CHECK(test_mem_live() == 0);
}

static void deliver(scene *s, const char *text)
{
    CHECK(test_link_deliver(&s->link, text) == MT_OK);
}

static mt_status send(scene *s, const char *text)
{
    return mt_connection_send(s->connection, mt_str(text));
}

/* ---- What it is ---- */

TEST(a_connection_says_what_it_is)
{
    scene s;

    scene_begin(&s);
    CHECK(mt_bytes_equal(mt_connection_id(s.connection), mt_str("peer")));
    CHECK(mt_bytes_equal(mt_connection_type(s.connection), mt_str("test")));
    CHECK(!mt_connection_offline(s.connection) && !mt_connection_ephemeral(s.connection));
    CHECK(!mt_connection_ended(s.connection));
    scene_end(&s);
}

TEST(a_connection_may_be_ephemeral_and_begin_offline)
{
    scene s;

    scene_begin_with(&s, MT_CONNECTION_OFFLINE | MT_CONNECTION_EPHEMERAL);
    CHECK(mt_connection_offline(s.connection) && mt_connection_ephemeral(s.connection));
    scene_end(&s);
}

static mt_status make(mt_bytes id, const mt_connection_ops *ops, unsigned flags, mt_error *err)
{
    mt_connection *connection;

    return mt_connection_new(test_mem(), id, ops, NULL, flags, &connection, err);
}

TEST(an_id_has_1_to_255_bytes)
{
    uint8_t bytes[MT_CONNECTION_ID_LEN_MAX + 1] = {0};
    mt_error err;

    CHECK(make((mt_bytes){0}, &test_link_ops, 0, &err) == MT_INVALID);
    assert_string_equal(err.text, "the id of a connection has 0 bytes, not 1 to 255");
    CHECK(make((mt_bytes){bytes, sizeof bytes}, &test_link_ops, 0, &err) == MT_INVALID);
    assert_string_equal(err.text, "the id of a connection has 256 bytes, not 1 to 255");
}

TEST(unknown_flags_are_refused)
{
    mt_error err;

    CHECK(make(mt_str("x"), &test_link_ops, 4, &err) == MT_INVALID);
    assert_string_equal(err.text, "unknown flags: 4");
}

TEST(a_table_of_an_unknown_abi_or_size_is_refused)
{
    mt_connection_ops ops = test_link_ops;
    mt_error err;

    ops.abi = 7;
    CHECK(make(mt_str("x"), &ops, 0, &err) == MT_UNSUPPORTED);
    CHECK(strstr(err.text, "a transport of abi 7") == err.text);
    ops.abi = MT_CONNECTION_ABI;
    ops.size = 24;
    CHECK(make(mt_str("x"), &ops, 0, &err) == MT_UNSUPPORTED);
    assert_string_equal(err.text, "a transport of abi 1 with a table of 24 bytes");
}

TEST(a_table_that_lacks_a_function_is_refused)
{
    mt_connection_ops ops = test_link_ops;
    mt_error err;

    ops.stop = NULL;
    CHECK(make(mt_str("x"), &ops, 0, &err) == MT_INVALID);
    assert_string_equal(err.text, "the table of a transport lacks a name or a function");
}

TEST(a_table_may_be_longer_than_is_known)
{
    struct {
        mt_connection_ops ops;
        void (*later)(void *ctx);
    } table = {.ops = test_link_ops};
    test_link link = {.heard = NULL};

    table.ops.size = sizeof table;
    CHECK(test_link_new(&link, test_mem(), &table.ops, "x", 0) == MT_OK);
    test_link_end(&link);
    CHECK(test_mem_live() == 0);
}

TEST(its_maker_finds_its_context_again)
{
    scene s;

    scene_begin(&s);
    CHECK(mt_connection_ctx(s.connection, &test_link_ops) == &s.link);
    CHECK(!mt_connection_ctx(s.connection, &test_link_other_ops));
    scene_end(&s);
}

TEST(application_and_router_each_keep_a_pointer)
{
    scene s;

    scene_begin(&s);
    CHECK(!mt_connection_app(s.connection) && !mti_connection_session(s.connection));
    mt_connection_set_app(s.connection, &s);
    mti_connection_set_session(s.connection, &s.heard);
    CHECK(mt_connection_app(s.connection) == &s);
    CHECK(mti_connection_session(s.connection) == &s.heard);
    scene_end(&s);
}

/* ---- Sending ---- */

TEST(a_message_goes_to_the_transport_whose_answer_comes_back)
{
    scene s;

    scene_begin(&s);
    CHECK(send(&s, "hello") == MT_OK);
    CHECK(send(&s, "") == MT_OK);
    s.link.answer = MT_NO_MEMORY;
    CHECK(send(&s, "x") == MT_NO_MEMORY);
    test_heard_is(&s.heard, "send(hello) send() send(x)");
    s.link.queued = 7;
    CHECK(mt_connection_queued(s.connection) == 7);
    scene_end(&s);
}

TEST(offline_nothing_is_sent)
{
    scene s;

    scene_begin(&s);
    mt_connection_set_offline(s.connection, true);
    CHECK(send(&s, "x") == MT_OFFLINE);
    mt_connection_set_offline(s.connection, false);
    CHECK(send(&s, "y") == MT_OK);
    test_heard_is(&s.heard, "send(y)");
    scene_end(&s);
}

TEST(a_message_that_is_too_long_is_neither_sent_nor_delivered)
{
    uint8_t *bytes = calloc(1, MT_MESSAGE_LEN_MAX + 1);
    mt_bytes message = {bytes, MT_MESSAGE_LEN_MAX + 1};
    scene s;

    scene_begin(&s);
    scene_listen(&s);
    CHECK(mt_connection_send(s.connection, message) == MT_TOO_LARGE);
    CHECK(mt_connection_deliver(s.connection, message) == MT_TOO_LARGE);
    test_heard_is(&s.heard, "");
    scene_end(&s);
    free(bytes);
}

TEST(room_is_told_of_once_to_who_found_none)
{
    scene s;

    scene_begin(&s);
    scene_listen(&s);
    mt_connection_writable(s.connection);
    test_heard_is(&s.heard, "");
    s.link.answer = MT_AGAIN;
    CHECK(send(&s, "x") == MT_AGAIN);
    CHECK(send(&s, "y") == MT_AGAIN);
    test_heard_is(&s.heard, "send(x) send(y)");
    mt_connection_writable(s.connection);
    mt_connection_writable(s.connection);
    test_heard_is(&s.heard, "e:writable");
    scene_end(&s);
}

TEST(room_is_not_told_of_when_the_link_went_down_meanwhile)
{
    scene s;

    scene_begin(&s);
    scene_listen(&s);
    s.link.answer = MT_AGAIN;
    CHECK(send(&s, "x") == MT_AGAIN);
    mt_connection_set_offline(s.connection, true);
    mt_connection_set_offline(s.connection, false);
    mt_connection_writable(s.connection);
    test_heard_is(&s.heard, "send(x) e:offline e:online");
    scene_end(&s);
}

/* ---- Receiving ---- */

TEST(what_arrives_is_heard_by_all_who_listen)
{
    scene s;

    scene_begin(&s);
    scene_listen(&s);
    test_listen(&s.others, mt_connection_messages(s.connection));
    deliver(&s, "1");
    deliver(&s, "");
    test_heard_is(&s.heard, "m:1 o:1 m: o:");
    scene_end(&s);
}

TEST(the_transport_delivers_only_while_somebody_listens)
{
    scene s;

    scene_begin(&s);
    CHECK(test_link_deliver(&s.link, "x") == MT_AGAIN);
    test_listen(&s.messages, mt_connection_messages(s.connection));
    test_listen(&s.others, mt_connection_messages(s.connection));
    test_unlisten(&s.messages);
    test_heard_is(&s.heard, "start");
    deliver(&s, "y");
    test_unlisten(&s.others);
    test_heard_is(&s.heard, "o:y stop");
    CHECK(test_link_deliver(&s.link, "z") == MT_AGAIN);
    scene_end(&s);
}

TEST(messages_come_while_offline_too)
{
    scene s;

    scene_begin(&s);
    scene_listen(&s);
    mt_connection_set_offline(s.connection, true);
    deliver(&s, "what was under way");
    test_heard_is(&s.heard, "e:offline m:what was under way");
    scene_end(&s);
}

/* ---- Offline and online ---- */

TEST(going_offline_and_online_is_told_once)
{
    scene s;

    scene_begin(&s);
    scene_listen(&s);
    mt_connection_set_offline(s.connection, false);
    mt_connection_set_offline(s.connection, true);
    mt_connection_set_offline(s.connection, true);
    CHECK(mt_connection_offline(s.connection));
    mt_connection_set_offline(s.connection, false);
    CHECK(!mt_connection_offline(s.connection));
    test_heard_is(&s.heard, "e:offline e:online");
    scene_end(&s);
}

/* ---- Closing ---- */

TEST(closing_ends_both_streams_when_the_transport_is_done)
{
    scene s;

    scene_begin(&s);
    scene_listen(&s);
    mt_connection_close(s.connection);
    CHECK(mt_connection_ended(s.connection));
    mt_connection_close(s.connection);
    test_heard_is(&s.heard, "close");
    mt_connection_closed(s.connection, NULL);
    test_heard_is(&s.heard, "e:closed e. m.");
    scene_end(&s);
    test_heard_is(&s.heard, "free");
}

TEST(a_closing_connection_takes_and_gives_no_message)
{
    scene s;

    scene_begin(&s);
    scene_listen(&s);
    mt_connection_close(s.connection);
    CHECK(send(&s, "x") == MT_CLOSED);
    CHECK(test_link_deliver(&s.link, "y") == MT_CLOSED);
    s.link.queued = 5;
    CHECK(mt_connection_queued(s.connection) == 5);
    mt_connection_writable(s.connection);
    test_unlisten(&s.messages);
    test_heard_is(&s.heard, "close");
    scene_end(&s);
}

TEST(nothing_comes_after_the_end)
{
    const mt_error why = {MT_IO, "reset"};
    scene s;

    scene_begin(&s);
    scene_listen(&s);
    mt_connection_closed(s.connection, &why);
    test_heard_is(&s.heard, "e:closed e!reset m!reset");
    CHECK(mt_connection_offline(s.connection) && mt_connection_ended(s.connection));
    CHECK(send(&s, "x") == MT_CLOSED);
    CHECK(test_link_deliver(&s.link, "y") == MT_CLOSED);
    CHECK(mt_connection_queued(s.connection) == 0);
    mt_connection_set_offline(s.connection, false);
    mt_connection_writable(s.connection);
    mt_connection_closed(s.connection, NULL);
    mt_connection_close(s.connection);
    CHECK(mt_connection_offline(s.connection));
    test_heard_is(&s.heard, "");
    scene_end(&s);
}

TEST(who_subscribes_to_a_closed_connection_is_told_the_end)
{
    const mt_subscriber nobody = {0};
    mt_subscription *subscription;
    scene s;

    scene_begin(&s);
    mt_connection_closed(s.connection, NULL);
    CHECK(mt_event_stream_subscribe(mt_connection_messages(s.connection), &nobody, &subscription) ==
          MT_END);
    CHECK(mt_event_stream_subscribe(mt_connection_events(s.connection), &nobody, &subscription) ==
          MT_END);
    scene_end(&s);
}

/* ---- Letting go ---- */

TEST(a_connection_that_nobody_holds_is_closed_and_then_freed)
{
    scene s;

    scene_begin(&s);
    mt_connection_unref(s.connection);
    test_heard_is(&s.heard, "close");
    mt_connection_closed(s.connection, NULL);
    test_heard_is(&s.heard, "free");
    CHECK(test_mem_live() == 0);
}

TEST(closed_and_let_go_of_it_is_freed_once_the_transport_is_done)
{
    scene s;

    scene_begin(&s);
    mt_connection_close(s.connection);
    mt_connection_unref(s.connection);
    test_heard_is(&s.heard, "close");
    mt_connection_closed(s.connection, NULL);
    test_heard_is(&s.heard, "free");
    CHECK(test_mem_live() == 0);
}

TEST(a_subscription_keeps_the_connection)
{
    scene s;

    scene_begin(&s);
    scene_listen(&s);
    mt_connection_unref(s.connection);
    deliver(&s, "x");
    test_unlisten(&s.messages);
    test_heard_is(&s.heard, "m:x stop");
    test_unlisten(&s.events);
    test_heard_is(&s.heard, "close");
    mt_connection_closed(s.connection, NULL);
    test_heard_is(&s.heard, "free");
    CHECK(test_mem_live() == 0);
}

TEST(a_stream_may_be_held_longer_than_its_connection)
{
    const mt_subscriber nobody = {0};
    mt_subscription *subscription;
    mt_event_stream *stream;
    scene s;

    scene_begin(&s);
    stream = mt_event_stream_ref(mt_connection_messages(s.connection));
    test_link_end(&s.link);
    CHECK(mt_event_stream_subscribe(stream, &nobody, &subscription) == MT_END);
    mt_event_stream_unref(stream);
    CHECK(test_mem_live() == 0);
}

/* ---- Inside callbacks ---- */

static void close_it(test_listener *listener)
{
    mt_connection_close(((scene *)listener->arg)->connection);
}

TEST(closing_inside_a_message_ends_the_messages)
{
    scene s;

    scene_begin(&s);
    scene_listen(&s);
    s.messages.then = close_it;
    deliver(&s, "1");
    CHECK(test_link_deliver(&s.link, "2") == MT_CLOSED);
    test_heard_is(&s.heard, "m:1 close");
    scene_end(&s);
}

static void let_go(test_listener *listener)
{
    scene *s = listener->arg;

    test_unlisten(&s->messages);
    test_unlisten(&s->events);
    mt_connection_unref(s->connection);
}

TEST(all_may_be_let_go_of_inside_a_message)
{
    scene s;

    scene_begin(&s);
    scene_listen(&s);
    s.messages.then = let_go;
    deliver(&s, "1");
    test_heard_is(&s.heard, "m:1 stop close");
    mt_connection_closed(s.connection, NULL);
    test_heard_is(&s.heard, "free");
    CHECK(test_mem_live() == 0);
}

TEST(all_may_be_let_go_of_inside_the_last_event)
{
    scene s;

    scene_begin(&s);
    scene_listen(&s);
    s.events.then = let_go;
    mt_connection_closed(s.connection, NULL);
    test_heard_is(&s.heard, "e:closed free");
    CHECK(test_mem_live() == 0);
}

TEST(all_may_be_let_go_of_inside_the_end)
{
    scene s;

    scene_begin(&s);
    scene_listen(&s);
    s.events.at_end = let_go;
    mt_connection_closed(s.connection, NULL);
    test_heard_is(&s.heard, "e:closed e. free");
    CHECK(test_mem_live() == 0);
}

static void break_it(test_listener *listener)
{
    mt_connection_closed(((scene *)listener->arg)->connection, NULL);
}

TEST(a_link_that_breaks_inside_a_message_ends_after_all_have_heard_it)
{
    scene s;

    scene_begin(&s);
    scene_listen(&s);
    test_listen(&s.others, mt_connection_messages(s.connection));
    s.messages.then = break_it;
    deliver(&s, "1");
    test_heard_is(&s.heard, "m:1 e:closed e. o:1 m. o.");
    scene_end(&s);
}

TEST(nothing_is_let_go_of_without_harm)
{
    mt_connection_unref(NULL);
    CHECK(!mt_connection_ref(NULL));
}

TEST(without_memory_there_is_no_connection)
{
    for (size_t n = 0;; n++) {
        fail_mem fm = {.fail_at = n};
        test_link link = {.heard = NULL};
        mt_status st = test_link_new(&link, fail_mem_hook(&fm), &test_link_ops, "x", 0);

        CHECK(st == (fm.tripped ? MT_NO_MEMORY : MT_OK));
        CHECK(fm.tripped ? !link.connection : link.connection != NULL);
        test_link_end(&link);
        CHECK(fm.live_bytes == 0);
        if (!fm.tripped) break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_connection_says_what_it_is),
        cmocka_unit_test(a_connection_may_be_ephemeral_and_begin_offline),
        cmocka_unit_test(an_id_has_1_to_255_bytes),
        cmocka_unit_test(unknown_flags_are_refused),
        cmocka_unit_test(a_table_of_an_unknown_abi_or_size_is_refused),
        cmocka_unit_test(a_table_that_lacks_a_function_is_refused),
        cmocka_unit_test(a_table_may_be_longer_than_is_known),
        cmocka_unit_test(its_maker_finds_its_context_again),
        cmocka_unit_test(application_and_router_each_keep_a_pointer),
        cmocka_unit_test(a_message_goes_to_the_transport_whose_answer_comes_back),
        cmocka_unit_test(offline_nothing_is_sent),
        cmocka_unit_test(a_message_that_is_too_long_is_neither_sent_nor_delivered),
        cmocka_unit_test(room_is_told_of_once_to_who_found_none),
        cmocka_unit_test(room_is_not_told_of_when_the_link_went_down_meanwhile),
        cmocka_unit_test(what_arrives_is_heard_by_all_who_listen),
        cmocka_unit_test(the_transport_delivers_only_while_somebody_listens),
        cmocka_unit_test(messages_come_while_offline_too),
        cmocka_unit_test(going_offline_and_online_is_told_once),
        cmocka_unit_test(closing_ends_both_streams_when_the_transport_is_done),
        cmocka_unit_test(a_closing_connection_takes_and_gives_no_message),
        cmocka_unit_test(nothing_comes_after_the_end),
        cmocka_unit_test(who_subscribes_to_a_closed_connection_is_told_the_end),
        cmocka_unit_test(a_connection_that_nobody_holds_is_closed_and_then_freed),
        cmocka_unit_test(closed_and_let_go_of_it_is_freed_once_the_transport_is_done),
        cmocka_unit_test(a_subscription_keeps_the_connection),
        cmocka_unit_test(a_stream_may_be_held_longer_than_its_connection),
        cmocka_unit_test(closing_inside_a_message_ends_the_messages),
        cmocka_unit_test(all_may_be_let_go_of_inside_a_message),
        cmocka_unit_test(all_may_be_let_go_of_inside_the_last_event),
        cmocka_unit_test(all_may_be_let_go_of_inside_the_end),
        cmocka_unit_test(a_link_that_breaks_inside_a_message_ends_after_all_have_heard_it),
        cmocka_unit_test(nothing_is_let_go_of_without_harm),
        cmocka_unit_test(without_memory_there_is_no_connection),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
