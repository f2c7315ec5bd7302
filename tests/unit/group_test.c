/* Groups: who is in one, who is told, what is sent and heard. */
#include "test_link.h"
#include <stdio.h>

/* A group and four connections, none of them in it. */
typedef struct scene {
    test_heard heard;
    mt_group *group;
    test_link a, b, c, d;
    test_listener events, messages, others;
} scene;

static void scene_begin(scene *s)
{
    *s = (scene){0};
    CHECK(mt_group_new(test_mem(), &s->group) == MT_OK);
    test_link_begin(&s->a, NULL, "a");
    test_link_begin(&s->b, NULL, "b");
    test_link_begin(&s->c, NULL, "c");
    test_link_begin(&s->d, NULL, "d");
    s->events = (test_listener){&s->heard, "e", test_say_group_event, .arg = s};
    s->messages = (test_listener){&s->heard, "m", test_say_message, .arg = s};
    s->others = (test_listener){&s->heard, "o", test_say_group_event, .arg = s};
}

static void scene_end(scene *s)
{
    test_unlisten(&s->events);
    test_unlisten(&s->messages);
    test_unlisten(&s->others);
    mt_group_unref(s->group);
    test_link_end(&s->a);
    test_link_end(&s->b);
    test_link_end(&s->c);
    test_link_end(&s->d);
    CHECK(test_mem_live() == 0);
}

static void add(scene *s, test_link *link)
{
    CHECK(mt_group_add(s->group, link->connection) == MT_OK);
}

static void take_out(scene *s, test_link *link)
{
    CHECK(mt_group_remove(s->group, link->connection) == MT_OK);
}

/* ---- Members ---- */

TEST(a_new_group_is_empty)
{
    scene s;

    scene_begin(&s);
    test_members_are(s.group, "");
    CHECK(!mt_group_get(s.group, mt_str("a")) && !mt_group_has(s.group, s.a.connection));
    CHECK(!mt_group_after(s.group, mt_str("")));
    scene_end(&s);
}

TEST(members_are_in_the_order_of_their_ids)
{
    scene s;

    scene_begin(&s);
    add(&s, &s.c);
    add(&s, &s.a);
    add(&s, &s.d);
    add(&s, &s.b);
    test_members_are(s.group, "abcd");
    take_out(&s, &s.b);
    test_members_are(s.group, "acd");
    scene_end(&s);
}

TEST(a_member_is_found_by_its_id)
{
    scene s;

    scene_begin(&s);
    add(&s, &s.a);
    add(&s, &s.c);
    CHECK(mt_group_get(s.group, mt_str("a")) == s.a.connection);
    CHECK(mt_group_get(s.group, mt_str("c")) == s.c.connection);
    CHECK(!mt_group_get(s.group, mt_str("b")) && !mt_group_get(s.group, mt_str("")));
    CHECK(mt_group_has(s.group, s.a.connection) && !mt_group_has(s.group, s.b.connection));
    scene_end(&s);
}

TEST(a_group_holds_its_members)
{
    scene s;

    scene_begin(&s);
    add(&s, &s.a);
    mt_connection_unref(s.a.connection);
    CHECK(!mt_connection_ended(s.a.connection));
    take_out(&s, &s.a);
    CHECK(mt_connection_ended(s.a.connection));
    mt_connection_closed(s.a.connection, NULL);
    CHECK(!s.a.connection);
    scene_end(&s);
}

TEST(adding_a_member_again_changes_nothing)
{
    scene s;

    scene_begin(&s);
    add(&s, &s.a);
    test_listen(&s.events, mt_group_events(s.group));
    add(&s, &s.a);
    test_members_are(s.group, "a");
    take_out(&s, &s.a);
    test_members_are(s.group, "");
    test_heard_is(&s.heard, "e:-a");
    scene_end(&s);
}

TEST(two_connections_with_one_id_are_not_in_one_group)
{
    test_link twin;
    scene s;

    scene_begin(&s);
    test_link_begin(&twin, NULL, "a");
    add(&s, &s.a);
    CHECK(mt_group_add(s.group, twin.connection) == MT_BUSY);
    assert_string_equal(mt_group_error(s.group)->text,
                        "the group has another connection with the id a");
    CHECK(mt_group_error(s.group)->status == MT_BUSY);
    CHECK(!mt_group_has(s.group, twin.connection));
    CHECK(mt_group_remove(s.group, twin.connection) == MT_NOT_FOUND);
    test_members_are(s.group, "a");
    take_out(&s, &s.a);
    add(&s, &twin);
    test_members_are(s.group, "a");
    take_out(&s, &twin);
    test_link_end(&twin);
    scene_end(&s);
}

TEST(what_was_not_added_is_not_removed)
{
    scene s;

    scene_begin(&s);
    add(&s, &s.a);
    CHECK(mt_group_remove(s.group, s.b.connection) == MT_NOT_FOUND);
    assert_string_equal(mt_group_error(s.group)->text,
                        "the connection was not added to this group");
    test_members_are(s.group, "a");
    scene_end(&s);
}

TEST(a_closed_connection_leaves_and_does_not_come_back)
{
    scene s;

    scene_begin(&s);
    add(&s, &s.a);
    add(&s, &s.b);
    test_listen(&s.events, mt_group_events(s.group));
    mt_connection_closed(s.a.connection, NULL);
    test_members_are(s.group, "b");
    test_heard_is(&s.heard, "e:-a");
    CHECK(mt_group_add(s.group, s.a.connection) == MT_CLOSED);
    assert_string_equal(mt_group_error(s.group)->text, "the connection is closed");
    scene_end(&s);
}

TEST(a_connection_that_is_offline_stays)
{
    scene s;

    scene_begin(&s);
    add(&s, &s.a);
    test_listen(&s.events, mt_group_events(s.group));
    mt_connection_set_offline(s.a.connection, true);
    test_members_are(s.group, "a");
    test_heard_is(&s.heard, "");
    scene_end(&s);
}

/* ---- Walking ---- */

TEST(a_walk_from_id_to_id_meets_all_who_stay)
{
    mt_connection *at;
    scene s;

    scene_begin(&s);
    add(&s, &s.a);
    add(&s, &s.b);
    add(&s, &s.d);
    at = mt_group_after(s.group, mt_str(""));
    CHECK(at == s.a.connection);
    take_out(&s, &s.a);
    take_out(&s, &s.b);
    add(&s, &s.c);
    at = mt_group_after(s.group, mt_connection_id(at));
    CHECK(at == s.c.connection);
    at = mt_group_after(s.group, mt_connection_id(at));
    CHECK(at == s.d.connection);
    CHECK(!mt_group_after(s.group, mt_connection_id(at)));
    scene_end(&s);
}

/* ---- Who is told ---- */

TEST(who_comes_and_goes_is_told)
{
    scene s;

    scene_begin(&s);
    add(&s, &s.a);
    test_listen(&s.events, mt_group_events(s.group));
    add(&s, &s.c);
    add(&s, &s.b);
    take_out(&s, &s.a);
    add(&s, &s.a);
    test_heard_is(&s.heard, "e:+c e:+b e:-a e:+a");
    scene_end(&s);
}

static void add_b(test_listener *listener)
{
    scene *s = listener->arg;

    add(s, &s->b);
}

static void remove_a(test_listener *listener)
{
    scene *s = listener->arg;

    take_out(s, &s->a);
    test_heard_add(listener->heard, "returned");
}

TEST(changes_made_inside_an_event_are_told_in_order_to_all)
{
    scene s;

    scene_begin(&s);
    test_listen(&s.events, mt_group_events(s.group));
    test_listen(&s.others, mt_group_events(s.group));
    s.events.then = add_b;
    add(&s, &s.a);
    test_heard_is(&s.heard, "e:+a o:+a e:+b o:+b");
    take_out(&s, &s.a);
    take_out(&s, &s.b);
    test_heard_is(&s.heard, "e:-a o:-a e:-b o:-b");
    s.events.then = remove_a;
    add(&s, &s.a);
    test_heard_is(&s.heard, "e:+a o:+a e:-a o:-a returned");
    test_members_are(s.group, "");
    scene_end(&s);
}

static void let_go(test_listener *listener)
{
    scene *s = listener->arg;

    test_unlisten(&s->events);
    test_unlisten(&s->messages);
    test_unlisten(&s->others);
    mt_group_unref(s->group);
    s->group = NULL;
}

TEST(a_group_may_be_let_go_of_inside_an_event)
{
    scene s;

    scene_begin(&s);
    test_listen(&s.events, mt_group_events(s.group));
    test_listen(&s.others, mt_group_events(s.group));
    s.events.then = let_go;
    add(&s, &s.a);
    test_heard_is(&s.heard, "e:+a");
    scene_end(&s);
}

static void close_a(test_listener *listener)
{
    mt_connection_closed(((scene *)listener->arg)->a.connection, NULL);
}

TEST(a_member_may_be_closed_inside_the_event_of_its_coming)
{
    scene s;

    scene_begin(&s);
    test_listen(&s.events, mt_group_events(s.group));
    s.events.then = close_a;
    add(&s, &s.a);
    test_heard_is(&s.heard, "e:+a e:-a");
    test_members_are(s.group, "");
    scene_end(&s);
}

TEST(a_subscription_keeps_the_group)
{
    scene s;

    scene_begin(&s);
    test_listen(&s.events, mt_group_events(s.group));
    mt_group_unref(s.group);
    add(&s, &s.a);
    test_heard_is(&s.heard, "e:+a");
    s.group = NULL;
    scene_end(&s);
}

/* ---- Sending to all ---- */

static void sent_is(mt_group_sent sent, const char *expected)
{
    char text[64];

    snprintf(text, sizeof text, "taken %zu, offline %zu, full %zu, failed %zu", sent.taken,
             sent.offline, sent.full, sent.failed);
    assert_string_equal(text, expected);
}

TEST(a_message_to_all_is_counted_by_what_became_of_it)
{
    scene s;

    scene_begin(&s);
    add(&s, &s.a);
    add(&s, &s.b);
    add(&s, &s.c);
    add(&s, &s.d);
    s.a.heard = s.b.heard = s.c.heard = s.d.heard = &s.heard;
    sent_is(mt_group_send(s.group, mt_str("1")), "taken 4, offline 0, full 0, failed 0");
    test_heard_is(&s.heard, "send(1) send(1) send(1) send(1)");
    mt_connection_set_offline(s.a.connection, true);
    s.b.answer = MT_AGAIN;
    s.c.answer = MT_NO_MEMORY;
    sent_is(mt_group_send(s.group, mt_str("2")), "taken 1, offline 1, full 1, failed 1");
    s.a.heard = s.b.heard = s.c.heard = s.d.heard = NULL;
    scene_end(&s);
}

TEST(a_message_to_an_empty_group_is_taken_by_nobody)
{
    scene s;

    scene_begin(&s);
    sent_is(mt_group_send(s.group, mt_str("x")), "taken 0, offline 0, full 0, failed 0");
    scene_end(&s);
}

/* A transport should not call back from here, and this one takes a member out. */
typedef struct rude_link {
    test_link link;
    scene *s;
    test_link *takes_out;
} rude_link;

static mt_status send_rudely(void *ctx, mt_bytes message)
{
    rude_link *rude = ctx;

    (void)message;
    take_out(rude->s, rude->takes_out);
    return MT_OK;
}

TEST(members_may_leave_while_all_are_sent_to)
{
    mt_connection_ops ops = test_link_ops;
    rude_link rude = {.link = {.heard = NULL}};
    scene s;

    scene_begin(&s);
    ops.send = send_rudely;
    rude.s = &s;
    CHECK(test_link_new(&rude.link, test_mem(), &ops, "aa", 0) == MT_OK);
    add(&s, &s.a);
    add(&s, &rude.link);
    add(&s, &s.b);
    rude.takes_out = &s.a;
    sent_is(mt_group_send(s.group, mt_str("x")), "taken 3, offline 0, full 0, failed 0");
    test_members_are(s.group, "ab");
    rude.takes_out = &rude.link;
    sent_is(mt_group_send(s.group, mt_str("x")), "taken 2, offline 0, full 0, failed 0");
    test_members_are(s.group, "b");
    test_link_end(&rude.link);
    scene_end(&s);
}

/* ---- Hearing all ---- */

TEST(messages_of_all_members_come_with_their_sender)
{
    scene s;

    scene_begin(&s);
    add(&s, &s.a);
    add(&s, &s.b);
    test_listen(&s.messages, mt_group_messages(s.group));
    CHECK(test_link_deliver(&s.b, "1") == MT_OK);
    CHECK(test_link_deliver(&s.a, "2") == MT_OK);
    CHECK(test_link_deliver(&s.c, "3") == MT_AGAIN);
    test_heard_is(&s.heard, "m:b>1 m:a>2");
    scene_end(&s);
}

TEST(members_are_listened_to_only_while_somebody_listens_to_the_group)
{
    scene s;

    scene_begin(&s);
    s.a.heard = s.b.heard = &s.heard;
    add(&s, &s.a);
    test_heard_is(&s.heard, "");
    test_listen(&s.messages, mt_group_messages(s.group));
    test_heard_is(&s.heard, "start");
    add(&s, &s.b);
    test_heard_is(&s.heard, "start");
    take_out(&s, &s.b);
    test_heard_is(&s.heard, "stop");
    test_unlisten(&s.messages);
    test_heard_is(&s.heard, "stop");
    s.a.heard = s.b.heard = NULL;
    scene_end(&s);
}

static void remove_sender(test_listener *listener)
{
    scene *s = listener->arg;

    take_out(s, &s->a);
    CHECK(test_link_deliver(&s->a, "unheard") == MT_AGAIN);
}

TEST(a_sender_may_be_removed_inside_its_message)
{
    scene s;

    scene_begin(&s);
    add(&s, &s.a);
    test_listen(&s.messages, mt_group_messages(s.group));
    s.messages.then = remove_sender;
    CHECK(test_link_deliver(&s.a, "1") == MT_OK);
    CHECK(test_link_deliver(&s.a, "2") == MT_AGAIN);
    test_heard_is(&s.heard, "m:a>1");
    scene_end(&s);
}

TEST(a_group_may_be_let_go_of_inside_a_message)
{
    scene s;

    scene_begin(&s);
    add(&s, &s.a);
    test_listen(&s.messages, mt_group_messages(s.group));
    s.messages.then = let_go;
    CHECK(test_link_deliver(&s.a, "1") == MT_OK);
    CHECK(test_link_deliver(&s.a, "2") == MT_AGAIN);
    test_heard_is(&s.heard, "m:a>1");
    scene_end(&s);
}

/* ---- Without memory ---- */

/* A group that is listened to gains and loses members. */
static mt_status live(const mt_mem *mem, test_link *links, test_listener *listener)
{
    const mt_subscriber subscriber = test_subscriber(listener);
    mt_group *group = NULL;
    mt_status st = mt_group_new(mem, &group);

    for (size_t i = 0; i < 4 && st == MT_OK; i++) {
        st = mt_group_add(group, links[i].connection);
        CHECK(mt_group_count(group) == i + (st == MT_OK));
        CHECK(st == MT_OK || mt_group_error(group)->status == st);
        if (st != MT_OK || i != 1) continue;
        st = mt_event_stream_subscribe(mt_group_messages(group), &subscriber,
                                       &listener->subscription);
        CHECK(links[0].started == (st == MT_OK) && links[1].started == (st == MT_OK));
    }
    test_unlisten(listener);
    mt_group_unref(group);
    return st;
}

TEST(without_memory_a_group_is_as_it_was)
{
    for (size_t n = 0;; n++) {
        fail_mem fm = {.fail_at = n};
        const mt_mem *mem = fail_mem_hook(&fm);
        test_link links[4] = {{.heard = NULL}};
        test_listener listener = {.say = test_say_message};
        mt_status st = MT_OK;

        for (size_t i = 0; i < 4 && st == MT_OK; i++) {
            const char id[2] = {(char)('a' + i), '\0'};

            st = test_link_new(&links[i], mem, &test_link_ops, id, 0);
        }
        if (st == MT_OK) st = live(mem, links, &listener);
        CHECK(st == (fm.tripped ? MT_NO_MEMORY : MT_OK));
        for (size_t i = 0; i < 4; i++) test_link_end(&links[i]);
        CHECK(fm.live_bytes == 0);
        if (!fm.tripped) break;
    }
}

TEST(nothing_is_let_go_of_without_harm)
{
    mt_group_unref(NULL);
    CHECK(!mt_group_ref(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_group_is_empty),
        cmocka_unit_test(members_are_in_the_order_of_their_ids),
        cmocka_unit_test(a_member_is_found_by_its_id),
        cmocka_unit_test(a_group_holds_its_members),
        cmocka_unit_test(adding_a_member_again_changes_nothing),
        cmocka_unit_test(two_connections_with_one_id_are_not_in_one_group),
        cmocka_unit_test(what_was_not_added_is_not_removed),
        cmocka_unit_test(a_closed_connection_leaves_and_does_not_come_back),
        cmocka_unit_test(a_connection_that_is_offline_stays),
        cmocka_unit_test(a_walk_from_id_to_id_meets_all_who_stay),
        cmocka_unit_test(who_comes_and_goes_is_told),
        cmocka_unit_test(changes_made_inside_an_event_are_told_in_order_to_all),
        cmocka_unit_test(a_group_may_be_let_go_of_inside_an_event),
        cmocka_unit_test(a_member_may_be_closed_inside_the_event_of_its_coming),
        cmocka_unit_test(a_subscription_keeps_the_group),
        cmocka_unit_test(a_message_to_all_is_counted_by_what_became_of_it),
        cmocka_unit_test(a_message_to_an_empty_group_is_taken_by_nobody),
        cmocka_unit_test(members_may_leave_while_all_are_sent_to),
        cmocka_unit_test(messages_of_all_members_come_with_their_sender),
        cmocka_unit_test(members_are_listened_to_only_while_somebody_listens_to_the_group),
        cmocka_unit_test(a_sender_may_be_removed_inside_its_message),
        cmocka_unit_test(a_group_may_be_let_go_of_inside_a_message),
        cmocka_unit_test(without_memory_a_group_is_as_it_was),
        cmocka_unit_test(nothing_is_let_go_of_without_harm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
