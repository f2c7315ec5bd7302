/* Groups of those members of another that a test accepts, or that are of one type. */
#include "test_link.h"
#include <string.h>

/* A group, a part of it, another group, and connections. */
typedef struct scene {
    test_heard heard;
    mt_group *x, *y, *part;
    test_link a, b, c;
    bool refuses; /* what `accepts` answers */
} scene;

static void scene_begin(scene *s)
{
    *s = (scene){0};
    CHECK(mt_group_new(test_mem(), &s->x) == MT_OK);
    CHECK(mt_group_new(test_mem(), &s->y) == MT_OK);
    test_link_begin(&s->a, NULL, "a");
    test_link_begin(&s->b, NULL, "b");
    test_link_begin(&s->c, NULL, "c");
}

static void scene_end(scene *s)
{
    mt_group_unref(s->part);
    mt_group_unref(s->x);
    mt_group_unref(s->y);
    test_link_end(&s->a);
    test_link_end(&s->b);
    test_link_end(&s->c);
    CHECK(test_mem_live() == 0);
}

static void add(mt_group *group, test_link *link)
{
    CHECK(mt_group_add(group, link->connection) == MT_OK);
}

static void take_out(mt_group *group, test_link *link)
{
    CHECK(mt_group_remove(group, link->connection) == MT_OK);
}

/* ---- Tests ---- */

static bool is_not_b(void *ctx, const mt_connection *connection)
{
    (void)ctx;
    return !mt_bytes_equal(mt_connection_id(connection), mt_str("b"));
}

TEST(a_filter_follows_those_that_its_test_accepts)
{
    scene s;

    scene_begin(&s);
    add(s.x, &s.a);
    add(s.x, &s.b);
    CHECK(mt_group_filter(s.x, &s.part, is_not_b, NULL) == MT_OK);
    test_members_are(s.part, "a");
    take_out(s.x, &s.b);
    add(s.x, &s.b);
    add(s.x, &s.c);
    test_members_are(s.part, "ac");
    take_out(s.x, &s.a);
    test_members_are(s.part, "c");
    scene_end(&s);
}

static bool accepts(void *ctx, const mt_connection *connection)
{
    scene *s = ctx;

    test_heard_add(&s->heard, "test(%c)", mt_connection_id(connection).data[0]);
    return !s->refuses;
}

TEST(a_test_is_asked_once_and_its_answer_holds)
{
    scene s;

    scene_begin(&s);
    CHECK(mt_group_filter(s.x, &s.part, accepts, &s) == MT_OK);
    add(s.x, &s.a);
    s.refuses = true;
    add(s.x, &s.b);
    test_heard_is(&s.heard, "test(a) test(b)");
    s.refuses = false;
    take_out(s.x, &s.a);
    take_out(s.x, &s.b);
    test_members_are(s.part, "");
    test_heard_is(&s.heard, "");
    scene_end(&s);
}

TEST(a_connection_that_leaves_and_comes_back_is_tested_again)
{
    scene s;

    scene_begin(&s);
    CHECK(mt_group_filter(s.x, &s.part, accepts, &s) == MT_OK);
    s.refuses = true;
    add(s.x, &s.a);
    test_members_are(s.part, "");
    take_out(s.x, &s.a);
    s.refuses = false;
    add(s.x, &s.a);
    test_members_are(s.part, "a");
    scene_end(&s);
}

TEST(a_filter_may_follow_the_rest_too)
{
    scene s;

    scene_begin(&s);
    add(s.x, &s.a);
    add(s.x, &s.b);
    CHECK(mt_group_filter(s.x, &s.part, is_not_b, NULL) == MT_OK);
    CHECK(mt_group_follow(s.part, s.x) == MT_OK);
    test_members_are(s.part, "ab");
    CHECK(mt_group_follow(s.part, s.x) == MT_OK);
    CHECK(mt_group_unfollow(s.part, s.x) == MT_OK);
    test_members_are(s.part, "");
    scene_end(&s);
}

/* What a test may not do. */
static bool meddles(void *ctx, const mt_connection *connection)
{
    scene *s = ctx;
    mt_subscription *subscription;
    const mt_subscriber nobody = {0};
    mt_group *group;

    (void)connection;
    CHECK(mt_group_add(s->x, s->b.connection) == MT_BUSY);
    assert_string_equal(mt_group_error(s->x)->text, "the group is asking a test whom to accept");
    CHECK(mt_group_remove(s->x, s->c.connection) == MT_BUSY);
    CHECK(mt_group_follow(s->x, s->y) == MT_BUSY);
    CHECK(mt_group_follow(s->y, s->x) == MT_BUSY);
    CHECK(mt_group_unfollow(s->part, s->x) == MT_BUSY);
    CHECK(mt_group_union(s->x, s->y, &group) == MT_BUSY);
    CHECK(mt_event_stream_subscribe(mt_group_messages(s->x), &nobody, &subscription) == MT_BUSY);
    CHECK(mt_group_add(s->y, s->b.connection) == MT_OK);
    CHECK(mt_group_remove(s->y, s->b.connection) == MT_OK);
    return true;
}

TEST(a_test_changes_none_of_the_groups_that_ask_it)
{
    mt_group *meddled;
    scene s;

    scene_begin(&s);
    add(s.x, &s.c);
    CHECK(mt_group_filter(s.x, &s.part, is_not_b, NULL) == MT_OK);
    CHECK(mt_group_filter(s.x, &meddled, meddles, &s) == MT_OK);
    add(s.x, &s.a);
    test_members_are(meddled, "ac");
    mt_group_unref(meddled);
    scene_end(&s);
}

static bool lets_go(void *ctx, const mt_connection *connection)
{
    scene *s = ctx;

    (void)connection;
    mt_group_unref(s->part);
    s->part = NULL;
    return true;
}

TEST(a_group_that_its_own_test_lets_go_of_is_gone_afterwards)
{
    scene s;

    scene_begin(&s);
    CHECK(mt_group_filter(s.x, &s.part, lets_go, &s) == MT_OK);
    add(s.x, &s.a);
    add(s.x, &s.b);
    test_members_are(s.x, "ab");
    scene_end(&s);
}

static bool stops_listening(void *ctx, const mt_connection *connection)
{
    (void)connection;
    test_unlisten(ctx);
    return true;
}

TEST(a_test_may_end_the_last_subscription_to_the_messages_of_a_group)
{
    test_listener messages = {.say = test_say_message};
    scene s;

    scene_begin(&s);
    CHECK(mt_group_filter(s.x, &s.part, stops_listening, &messages) == MT_OK);
    test_listen(&messages, mt_group_messages(s.x));
    add(s.x, &s.a);
    test_members_are(s.part, "a");
    CHECK(!s.a.started);
    scene_end(&s);
}

/* ---- Types ---- */

TEST(a_selection_follows_those_of_one_type)
{
    test_link other = {.heard = NULL};
    char type[] = "other";
    scene s;

    scene_begin(&s);
    CHECK(test_link_new(&other, test_mem(), &test_link_other_ops, "o", 0) == MT_OK);
    add(s.x, &s.a);
    add(s.x, &other);
    CHECK(mt_group_select(s.x, mt_str(type), &s.part) == MT_OK);
    memset(type, 'x', 5);
    test_members_are(s.part, "o");
    take_out(s.x, &other);
    add(s.x, &s.b);
    test_members_are(s.part, "");
    add(s.x, &other);
    test_members_are(s.part, "o");
    take_out(s.x, &other);
    test_link_end(&other);
    scene_end(&s);
}

TEST(a_selection_of_no_type_is_empty)
{
    scene s;

    scene_begin(&s);
    add(s.x, &s.a);
    CHECK(mt_group_select(s.x, mt_str(""), &s.part) == MT_OK);
    test_members_are(s.part, "");
    scene_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_filter_follows_those_that_its_test_accepts),
        cmocka_unit_test(a_test_is_asked_once_and_its_answer_holds),
        cmocka_unit_test(a_connection_that_leaves_and_comes_back_is_tested_again),
        cmocka_unit_test(a_filter_may_follow_the_rest_too),
        cmocka_unit_test(a_test_changes_none_of_the_groups_that_ask_it),
        cmocka_unit_test(a_group_that_its_own_test_lets_go_of_is_gone_afterwards),
        cmocka_unit_test(a_test_may_end_the_last_subscription_to_the_messages_of_a_group),
        cmocka_unit_test(a_selection_follows_those_of_one_type),
        cmocka_unit_test(a_selection_of_no_type_is_empty),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
