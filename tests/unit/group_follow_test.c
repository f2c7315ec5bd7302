/* Groups that follow others and unite them, and what they do not allow. */
#include "test_link.h"
#include <string.h>

/* Two groups, a group for whatever a test makes of them, and connections. */
typedef struct scene {
    test_heard heard;
    mt_group *x, *y, *both;
    test_link a, b, c;
    test_listener on_x, on_both;
} scene;

static void scene_begin(scene *s)
{
    *s = (scene){0};
    CHECK(mt_group_new(test_mem(), &s->x) == MT_OK);
    CHECK(mt_group_new(test_mem(), &s->y) == MT_OK);
    test_link_begin(&s->a, NULL, "a");
    test_link_begin(&s->b, NULL, "b");
    test_link_begin(&s->c, NULL, "c");
    s->on_x = (test_listener){&s->heard, "x", test_say_group_event, .arg = s};
    s->on_both = (test_listener){&s->heard, "both", test_say_group_event, .arg = s};
}

static void scene_end(scene *s)
{
    test_unlisten(&s->on_x);
    test_unlisten(&s->on_both);
    mt_group_unref(s->x);
    mt_group_unref(s->y);
    mt_group_unref(s->both);
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

static void unite(scene *s)
{
    CHECK(mt_group_union(s->x, s->y, &s->both) == MT_OK);
}

static bool is_not_b(void *ctx, const mt_connection *connection)
{
    (void)ctx;
    return !mt_bytes_equal(mt_connection_id(connection), mt_str("b"));
}

/* ---- Following ---- */

TEST(a_follower_has_the_members_that_were_there_and_those_that_come)
{
    scene s;

    scene_begin(&s);
    add(s.x, &s.b);
    CHECK(mt_group_follow(s.y, s.x) == MT_OK);
    test_members_are(s.y, "b");
    add(s.x, &s.a);
    test_members_are(s.y, "ab");
    take_out(s.x, &s.b);
    test_members_are(s.y, "a");
    scene_end(&s);
}

TEST(a_follower_has_members_of_its_own_too)
{
    scene s;

    scene_begin(&s);
    CHECK(mt_group_follow(s.y, s.x) == MT_OK);
    add(s.y, &s.a);
    add(s.x, &s.b);
    test_members_are(s.y, "ab");
    test_members_are(s.x, "b");
    CHECK(mt_group_remove(s.y, s.b.connection) == MT_NOT_FOUND);
    test_members_are(s.y, "ab");
    scene_end(&s);
}

TEST(a_member_of_both_its_own_and_the_followed_leaves_when_it_left_both)
{
    scene s;

    scene_begin(&s);
    CHECK(mt_group_follow(s.y, s.x) == MT_OK);
    add(s.x, &s.a);
    add(s.y, &s.a);
    take_out(s.y, &s.a);
    test_members_are(s.y, "a");
    add(s.y, &s.a);
    take_out(s.x, &s.a);
    test_members_are(s.y, "a");
    take_out(s.y, &s.a);
    test_members_are(s.y, "");
    scene_end(&s);
}

TEST(following_again_changes_nothing)
{
    scene s;

    scene_begin(&s);
    add(s.x, &s.a);
    CHECK(mt_group_follow(s.y, s.x) == MT_OK);
    CHECK(mt_group_follow(s.y, s.x) == MT_OK);
    CHECK(mt_group_unfollow(s.y, s.x) == MT_OK);
    test_members_are(s.y, "");
    scene_end(&s);
}

TEST(who_no_longer_follows_keeps_what_others_bring)
{
    scene s;

    scene_begin(&s);
    add(s.x, &s.a);
    add(s.y, &s.a);
    add(s.x, &s.b);
    unite(&s);
    test_members_are(s.both, "ab");
    CHECK(mt_group_unfollow(s.both, s.x) == MT_OK);
    test_members_are(s.both, "a");
    add(s.x, &s.c);
    test_members_are(s.both, "a");
    CHECK(mt_group_unfollow(s.both, s.x) == MT_NOT_FOUND);
    assert_string_equal(mt_group_error(s.both)->text, "the group does not follow that one");
    scene_end(&s);
}

TEST(a_follower_keeps_the_followed)
{
    scene s;

    scene_begin(&s);
    add(s.x, &s.a);
    unite(&s);
    mt_group_unref(s.x);
    s.x = NULL;
    test_members_are(s.both, "a");
    mt_connection_closed(s.a.connection, NULL);
    test_members_are(s.both, "");
    scene_end(&s);
}

TEST(a_follower_that_is_gone_follows_no_more)
{
    scene s;

    scene_begin(&s);
    unite(&s);
    mt_group_unref(s.both);
    s.both = NULL;
    add(s.x, &s.a);
    add(s.y, &s.b);
    scene_end(&s);
}

/* ---- Unions ---- */

TEST(a_union_has_each_member_once_until_it_left_both)
{
    scene s;

    scene_begin(&s);
    add(s.x, &s.a);
    unite(&s);
    test_listen(&s.on_both, mt_group_events(s.both));
    add(s.y, &s.a);
    add(s.y, &s.b);
    test_members_are(s.both, "ab");
    take_out(s.x, &s.a);
    test_members_are(s.both, "ab");
    take_out(s.y, &s.a);
    test_members_are(s.both, "b");
    test_heard_is(&s.heard, "both:+b both:-a");
    scene_end(&s);
}

TEST(a_group_united_with_itself_is_that_group)
{
    scene s;

    scene_begin(&s);
    add(s.x, &s.a);
    CHECK(mt_group_union(s.x, s.x, &s.both) == MT_OK);
    test_members_are(s.both, "a");
    take_out(s.x, &s.a);
    test_members_are(s.both, "");
    scene_end(&s);
}

TEST(groups_with_two_connections_of_one_id_are_not_united)
{
    test_link twin;
    scene s;

    scene_begin(&s);
    test_link_begin(&twin, NULL, "a");
    add(s.x, &s.a);
    add(s.y, &twin);
    CHECK(mt_group_union(s.x, s.y, &s.both) == MT_BUSY);
    assert_string_equal(mt_group_error(s.x)->text,
                        "the group has another connection with the id a");
    CHECK(!s.both);
    test_members_are(s.x, "a");
    mt_connection_closed(twin.connection, NULL);
    unite(&s);
    test_link_end(&twin);
    scene_end(&s);
}

TEST(a_connection_is_refused_if_a_follower_has_another_with_its_id)
{
    test_link twin;
    scene s;

    scene_begin(&s);
    test_link_begin(&twin, NULL, "a");
    unite(&s);
    add(s.x, &s.a);
    test_listen(&s.on_both, mt_group_events(s.both));
    CHECK(mt_group_add(s.y, twin.connection) == MT_BUSY);
    assert_string_equal(mt_group_error(s.y)->text,
                        "a group that follows this one has another connection with the id a");
    test_members_are(s.y, "");
    CHECK(mt_group_get(s.both, mt_str("a")) == s.a.connection);
    test_heard_is(&s.heard, "");
    test_link_end(&twin);
    scene_end(&s);
}

/* ---- Circles and depths ---- */

TEST(groups_do_not_follow_in_a_circle)
{
    mt_group *z;
    scene s;

    scene_begin(&s);
    add(s.x, &s.a);
    CHECK(mt_group_follow(s.x, s.x) == MT_TOO_LARGE);
    assert_string_equal(mt_group_error(s.x)->text,
                        "groups would follow one another in a circle, or more than 32 deep");
    CHECK(mt_group_follow(s.y, s.x) == MT_OK);
    CHECK(mt_group_follow(s.x, s.y) == MT_TOO_LARGE);
    CHECK(mt_group_union(s.x, s.y, &z) == MT_OK);
    CHECK(mt_group_follow(s.x, z) == MT_TOO_LARGE);
    test_members_are(z, "a");
    take_out(s.x, &s.a);
    test_members_are(z, "");
    CHECK(mt_group_unfollow(s.y, s.x) == MT_OK);
    CHECK(mt_group_unfollow(z, s.x) == MT_OK);
    CHECK(mt_group_follow(s.x, z) == MT_OK);
    add(s.y, &s.b);
    test_members_are(s.x, "b");
    mt_group_unref(z);
    scene_end(&s);
}

TEST(a_chain_of_groups_has_a_bound)
{
    mt_group *chain[MT_GROUP_DEPTH_MAX + 2];
    scene s;

    scene_begin(&s);
    for (size_t i = 0; i < TEST_COUNT(chain); i++) {
        CHECK(mt_group_new(test_mem(), &chain[i]) == MT_OK);
        /* The last link closes the chain in its middle, where both halves count. */
        if (i == 0 || i == 5) continue;
        CHECK(mt_group_follow(chain[i], chain[i - 1]) == MT_OK);
    }
    add(chain[0], &s.a);
    add(chain[5], &s.b);
    CHECK(mt_group_follow(chain[5], chain[4]) == MT_TOO_LARGE);
    test_members_are(chain[TEST_COUNT(chain) - 1], "b");
    CHECK(mt_group_follow(chain[5], chain[3]) == MT_OK);
    test_members_are(chain[TEST_COUNT(chain) - 1], "ab");
    take_out(chain[0], &s.a);
    test_members_are(chain[TEST_COUNT(chain) - 1], "b");
    CHECK(mt_group_follow(s.x, chain[TEST_COUNT(chain) - 1]) == MT_TOO_LARGE);
    CHECK(mt_group_unfollow(chain[1], chain[0]) == MT_OK);
    CHECK(mt_group_follow(s.x, chain[TEST_COUNT(chain) - 1]) == MT_OK);
    test_members_are(s.x, "b");
    for (size_t i = 0; i < TEST_COUNT(chain); i++) mt_group_unref(chain[i]);
    scene_end(&s);
}

TEST(a_group_follows_a_bounded_number_of_others)
{
    mt_group *others[MT_GROUP_SOURCES_MAX + 1];
    scene s;

    scene_begin(&s);
    for (size_t i = 0; i < TEST_COUNT(others); i++) {
        bool fits = i < MT_GROUP_SOURCES_MAX;

        CHECK(mt_group_new(test_mem(), &others[i]) == MT_OK);
        add(others[i], i % 2 ? &s.a : &s.b);
        CHECK(mt_group_follow(s.x, others[i]) == (fits ? MT_OK : MT_TOO_LARGE));
    }
    assert_string_equal(mt_group_error(s.x)->text, "a group follows at most 63 others");
    test_members_are(s.x, "ab");
    for (size_t i = 0; i < MT_GROUP_SOURCES_MAX; i++) {
        CHECK(mt_group_unfollow(s.x, others[i]) == MT_OK);
    }
    test_members_are(s.x, "");
    for (size_t i = 0; i < TEST_COUNT(others); i++) mt_group_unref(others[i]);
    scene_end(&s);
}

/* ---- Inside callbacks ---- */

static void check_all_changed(test_listener *listener)
{
    scene *s = listener->arg;

    test_members_are(s->x, "a");
    test_members_are(s->both, "a");
}

TEST(all_groups_have_changed_before_one_is_told)
{
    scene s;

    scene_begin(&s);
    unite(&s);
    test_listen(&s.on_x, mt_group_events(s.x));
    test_listen(&s.on_both, mt_group_events(s.both));
    s.on_x.then = s.on_both.then = check_all_changed;
    add(s.x, &s.a);
    s.heard.len = 0;
    scene_end(&s);
}

static void take_a_out(test_listener *listener)
{
    scene *s = listener->arg;

    take_out(s->x, &s->a);
    take_out(s->y, &s->a);
}

TEST(who_leaves_inside_the_event_of_its_coming_is_told_of_in_order_or_not_at_all)
{
    test_listener on_y;
    scene s;

    scene_begin(&s);
    on_y = (test_listener){&s.heard, "y", test_say_group_event, .arg = &s};
    unite(&s);
    add(s.y, &s.a);
    test_listen(&s.on_x, mt_group_events(s.x));
    test_listen(&s.on_both, mt_group_events(s.both));
    test_listen(&on_y, mt_group_events(s.y));
    s.on_x.then = take_a_out;
    add(s.x, &s.a);
    test_members_are(s.both, "");
    CHECK(strstr(s.heard.text, "x:+a x:-a"));
    CHECK(strstr(s.heard.text, "both:-a") && strstr(s.heard.text, "y:-a"));
    CHECK(!strstr(s.heard.text, "both:+a"));
    s.heard.len = 0;
    test_unlisten(&on_y);
    scene_end(&s);
}

static void add_b_to_both(test_listener *listener)
{
    scene *s = listener->arg;

    add(s->both, &s->b);
}

TEST(who_comes_inside_an_event_is_told_of_after_the_one_whose_id_it_takes)
{
    test_link twin;
    scene s;

    scene_begin(&s);
    test_link_begin(&twin, NULL, "b");
    add(s.x, &s.a);
    add(s.x, &twin);
    unite(&s);
    test_listen(&s.on_both, mt_group_events(s.both));
    s.on_both.then = add_b_to_both;
    CHECK(mt_group_unfollow(s.both, s.x) == MT_OK);
    test_heard_is(&s.heard, "both:-a both:-b both:+b");
    CHECK(mt_group_get(s.both, mt_str("b")) == s.b.connection);
    mt_connection_closed(twin.connection, NULL);
    test_link_end(&twin);
    scene_end(&s);
}

static void unfollow_both(test_listener *listener)
{
    scene *s = listener->arg;

    CHECK(mt_group_unfollow(s->both, s->x) == MT_OK);
    CHECK(mt_group_follow(s->both, s->y) == MT_OK);
}

TEST(a_group_may_follow_others_inside_an_event)
{
    scene s;

    scene_begin(&s);
    add(s.y, &s.b);
    CHECK(mt_group_filter(s.x, &s.both, is_not_b, NULL) == MT_OK);
    test_listen(&s.on_x, mt_group_events(s.x));
    test_listen(&s.on_both, mt_group_events(s.both));
    s.on_x.then = unfollow_both;
    add(s.x, &s.a);
    test_members_are(s.both, "b");
    CHECK(strstr(s.heard.text, "both:+b"));
    s.heard.len = 0;
    scene_end(&s);
}

/* ---- Without memory ---- */

/* A listened union of a group and a filter of it and of another gains members. */
static mt_status live(const mt_mem *mem, test_link *links, test_listener *listener)
{
    const mt_subscriber subscriber = test_subscriber(listener);
    mt_group *x = NULL, *y = NULL, *part = NULL, *both = NULL;
    mt_status st;

    if ((st = mt_group_new(mem, &x)) != MT_OK) goto done;
    if ((st = mt_group_new(mem, &y)) != MT_OK) goto done;
    if ((st = mt_group_add(x, links[0].connection)) != MT_OK) goto done;
    if ((st = mt_group_filter(x, &part, is_not_b, NULL)) != MT_OK) goto done;
    if ((st = mt_group_union(part, y, &both)) != MT_OK) goto done;
    st = mt_event_stream_subscribe(mt_group_messages(both), &subscriber, &listener->subscription);
    if (st != MT_OK) goto done;
    if ((st = mt_group_add(y, links[1].connection)) != MT_OK) goto done;
    if ((st = mt_group_follow(both, x)) != MT_OK) test_members_are(both, "ab");
    else st = mt_group_add(x, links[2].connection);
    if (st != MT_OK) CHECK(mt_group_count(x) == 1 && mt_group_count(both) == 2);
done:
    test_unlisten(listener);
    mt_group_unref(both);
    mt_group_unref(part);
    mt_group_unref(y);
    mt_group_unref(x);
    return st;
}

TEST(without_memory_nobody_joins_any_group)
{
    for (size_t n = 0;; n++) {
        fail_mem fm = {.fail_at = n};
        test_listener listener = {.say = test_say_message};
        test_link links[3];
        mt_status st;

        for (size_t i = 0; i < 3; i++)
            test_link_begin(&links[i], NULL, (const char *[]){"a", "b", "c"}[i]);
        st = live(fail_mem_hook(&fm), links, &listener);
        CHECK(st == (fm.tripped ? MT_NO_MEMORY : MT_OK));
        for (size_t i = 0; i < 3; i++) test_link_end(&links[i]);
        CHECK(fm.live_bytes == 0 && test_mem_live() == 0);
        if (!fm.tripped) break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_follower_has_the_members_that_were_there_and_those_that_come),
        cmocka_unit_test(a_follower_has_members_of_its_own_too),
        cmocka_unit_test(a_member_of_both_its_own_and_the_followed_leaves_when_it_left_both),
        cmocka_unit_test(following_again_changes_nothing),
        cmocka_unit_test(who_no_longer_follows_keeps_what_others_bring),
        cmocka_unit_test(a_follower_keeps_the_followed),
        cmocka_unit_test(a_follower_that_is_gone_follows_no_more),
        cmocka_unit_test(a_union_has_each_member_once_until_it_left_both),
        cmocka_unit_test(a_group_united_with_itself_is_that_group),
        cmocka_unit_test(groups_with_two_connections_of_one_id_are_not_united),
        cmocka_unit_test(a_connection_is_refused_if_a_follower_has_another_with_its_id),
        cmocka_unit_test(groups_do_not_follow_in_a_circle),
        cmocka_unit_test(a_chain_of_groups_has_a_bound),
        cmocka_unit_test(a_group_follows_a_bounded_number_of_others),
        cmocka_unit_test(all_groups_have_changed_before_one_is_told),
        cmocka_unit_test(
            who_leaves_inside_the_event_of_its_coming_is_told_of_in_order_or_not_at_all),
        cmocka_unit_test(who_comes_inside_an_event_is_told_of_after_the_one_whose_id_it_takes),
        cmocka_unit_test(a_group_may_follow_others_inside_an_event),
        cmocka_unit_test(without_memory_nobody_joins_any_group),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
