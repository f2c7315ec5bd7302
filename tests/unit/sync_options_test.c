/* What the sync router is made with, what it is told later, and what it says of how it stands. */
#include "test_meeting.h"
#include "test_stranger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Made ---- */

static mt_status make(test_meeting *m, const mt_sync_options *options, mt_error *err)
{
    mt_router router;
    mt_status st = mt_router_sync(&m->te.env, options, &router, err);

    if (st == MT_OK) router.ops->close(router.ctx);
    return st;
}

TEST(more_ranges_than_there_can_be_are_refused)
{
    mt_sync_range *ranges = calloc(MT_SYNC_RANGES_MAX + 1, sizeof *ranges);
    mt_sync_options options = {.size = sizeof options, .ranges = ranges};
    test_meeting m;
    mt_error err;

    if (!ranges) abort();
    test_meeting_begin(&m);
    options.range_count = MT_SYNC_RANGES_MAX + 1;
    CHECK(make(&m, &options, &err) == MT_TOO_LARGE);
    assert_string_equal(err.text, "1001 ranges, the limit is 1000");
    options.range_count = MT_SYNC_RANGES_MAX;
    CHECK(make(&m, &options, &err) == MT_OK);
    ranges[2] = (mt_sync_range){.pull_none = true, .push_none = true};
    CHECK(make(&m, &options, &err) == MT_INVALID);
    assert_string_equal(err.text, "range 3 is neither pulled nor pushed");
    free(ranges);
    test_meeting_end(&m);
}

/* An environment whose random numbers end after a while. */
typedef struct scarce {
    mt_env env;
    test_env *te;
    size_t left;
} scarce;

static mt_status draw(void *ctx, uint8_t *out, size_t len)
{
    scarce *s = ctx;

    if (s->left == 0) return MT_IO;
    s->left--;
    return s->te->env.entropy(s->te->env.ctx, out, len);
}

TEST(router_without_random_numbers_is_not_made)
{
    test_meeting m;
    size_t left = 0;
    mt_status st;

    test_meeting_begin(&m);
    do {
        scarce s = {.env = m.te.env, .te = &m.te, .left = left};
        mt_router router;
        mt_error err;
        left++;
        s.env.ctx = &s;
        s.env.entropy = draw;
        st = mt_router_sync(&s.env, NULL, &router, &err);
        if (st == MT_OK) router.ops->close(router.ctx);
        else assert_string_equal(err.text, "there is no source of random numbers");
        CHECK(st == MT_OK || (st == MT_IO && err.status == MT_IO));
    } while (st != MT_OK);
    CHECK(left == 5);
    test_meeting_end(&m);
}

/* What it says in its greeting. */
static void hear_window(void *ctx, const void *event)
{
    unsigned type;
    mti_hello hello;
    mt_error err;
    mti_parse in;

    CHECK(mti_parse_head(((const mt_message *)event)->bytes, &type, &in, &err) == MT_OK);
    if (type == MTI_HELLO && mti_parse_hello(&in, &hello) == MT_OK) *(uint64_t *)ctx = hello.window;
}

TEST(window_that_is_too_small_is_made_larger)
{
    mt_sync_options options = {.size = sizeof options, .window = 1};
    uint64_t window = 0;
    mt_subscriber subscriber = {.on_event = hear_window, .ctx = &window};
    mt_subscription *ear;
    test_stranger s;
    test_meeting m;

    test_meeting_begin(&m);
    test_meeting_open_with(&m, 0, &options, (mt_config){.size = 0});
    test_stranger_come(&m, &s, (mt_pipe_options){.size = 0});
    CHECK(mt_event_stream_subscribe(mt_connection_messages(s.there), &subscriber, &ear) == MT_OK);
    test_stranger_greet(&m, &s, 's', 1, 0);
    test_meeting_rest(&m);
    CHECK(window == 65536);
    mt_subscription_dispose(ear);
    test_stranger_leave(&s);
    test_meeting_end(&m);
}

/* ---- Told ---- */

static void count_peer(void *ctx, const mt_sync_peer *peer)
{
    (void)peer;
    ++*(unsigned *)ctx;
}

static void count_one(void *ctx, const mt_sync_subscription *one)
{
    (void)one;
    ++*(unsigned *)ctx;
}

static void count_change(void *ctx, mt_db *db)
{
    (void)db;
    ++*(unsigned *)ctx;
}

static mt_status other_open(void *ctx, mt_db *db, mt_group *group)
{
    (void)ctx;
    (void)db;
    (void)group;
    return MT_OK;
}

static mt_status other_push(void *ctx, uint64_t id, const mt_push *push)
{
    (void)push;
    mt_push_done(*(mt_db **)ctx, id, &(mt_push_answer){.status = MT_OK});
    return MT_OK;
}

static mt_status other_pull(void *ctx, uint64_t id, const mt_pull *pull)
{
    (void)pull;
    mt_pull_done(*(mt_db **)ctx, id, &(mt_pull_answer){.status = MT_OK});
    return MT_OK;
}

static void other_message(void *ctx, mt_connection *from, mt_bytes bytes)
{
    (void)ctx;
    (void)from;
    (void)bytes;
}

static void other_comes(void *ctx, mt_connection *connection)
{
    (void)ctx;
    (void)connection;
}

static void other_close(void *ctx)
{
    (void)ctx;
}

/* A router that tells nobody anything. */
static const mt_router_ops other = {.abi = MT_ROUTER_ABI,
                                    .size = sizeof other,
                                    .name = "other",
                                    .open = other_open,
                                    .push = other_push,
                                    .pull = other_pull,
                                    .message = other_message,
                                    .joined = other_comes,
                                    .left = other_comes,
                                    .close = other_close};

static void knows_no_sync(mt_db *db)
{
    unsigned count = 0;

    CHECK(mt_db_status(db, count_peer, &count) == MT_UNSUPPORTED);
    assert_string_equal(mt_db_error(db)->text, "the router of this database is not that of sync");
    CHECK(mt_db_subscriptions(db, NULL, count_one, &count) == MT_UNSUPPORTED);
    CHECK(mt_db_on_status(db, count_change, &count) == MT_UNSUPPORTED);
    CHECK(mt_db_set_ranges(db, NULL, 0) == MT_UNSUPPORTED);
    CHECK(mt_db_rights_changed(db) == MT_UNSUPPORTED);
    CHECK(count == 0);
}

TEST(database_with_another_router_or_none_says_so)
{
    mt_db *db = NULL, *alone = NULL;
    mt_router router = {&other, &db};
    test_env te;
    mt_config config = {.size = sizeof config, .env = &te.env};
    const mt_config *configs[1] = {&config};

    test_env_init(&te, 1, test_mem());
    CHECK(mt_open(configs, 1, &alone, NULL) == MT_OK);
    config.router = &router;
    CHECK(mt_open(configs, 1, &db, NULL) == MT_OK);
    knows_no_sync(db);
    knows_no_sync(alone);
    mt_close(db);
    mt_close(alone);
    test_env_run(&te);
    test_env_end(&te);
}

TEST(dry_run_keeps_its_ranges)
{
    mt_sync_options options = {.size = sizeof options, .dry_run = true};
    test_meeting m;

    test_meeting_begin(&m);
    test_meeting_open_with(&m, 0, &options, (mt_config){.size = 0});
    CHECK(mt_db_set_ranges(m.peers[0].db, NULL, 0) == MT_UNSUPPORTED);
    assert_string_equal(mt_db_error(m.peers[0].db)->text, "a dry run keeps its ranges");
    test_meeting_end(&m);
}

TEST(who_is_not_told_of_changes_any_more_is_not_called)
{
    unsigned changes = 0;
    test_meeting m;

    test_meeting_of_two(&m);
    CHECK(mt_db_on_status(m.peers[0].db, count_change, &changes) == MT_OK);
    test_meeting_join(&m, 0, 1);
    while (test_standing_of(m.peers[0].db).peer.state == MT_SYNC_GREETING)
        test_env_run_for(&m.te, 1);
    test_meeting_rest(&m);
    CHECK(changes > 0);
    changes = 0;
    CHECK(mt_pipe_cut(m.ends[0][0]) == MT_OK); /* a call is due in the next turn */
    CHECK(mt_db_on_status(m.peers[0].db, NULL, NULL) == MT_OK);
    test_meeting_rest(&m);
    CHECK(changes == 0);
    test_meeting_end(&m);
}

/* ---- What it says ---- */

/* Texts of subscriptions, one a line. */
static void say_text(void *ctx, const mt_sync_subscription *one)
{
    char *text = ctx;

    (void)snprintf(text + strlen(text), 400 - strlen(text), "%s %s%s %d\n",
                   one->outgoing ? ">" : "<", one->text, one->range.once ? ", once" : "",
                   (int)one->state);
}

static void subscribe(test_stranger *s, uint64_t id, const mti_range *range, unsigned flags)
{
    mti_say say = test_stranger_speak(s, MTI_SUBSCRIBE);

    mti_say_number(&say, id);
    mti_say_range(&say, range, flags);
    test_say_cursor(&say, 0, 0);
    mti_say_byte(&say, 0);
    test_stranger_send(s);
}

/* A peer with some nodes, and a stranger that compares and takes its time. */
static void begin(test_meeting *m, test_stranger *s, const mt_sync_range *range)
{
    test_meeting_begin(m);
    test_meeting_open(m, 0, range);
    for (unsigned i = 0; i < 100; i++) {
        char uid[16];
        (void)snprintf(uid, sizeof uid, "r%04u", i);
        test_text_set(m->peers[0].db, uid, "here");
    }
    test_stranger_come(m, s, (mt_pipe_options){.queued_max = 1 << 22});
    s->features = MTI_FEATURE_COMPARES | MTI_FEATURE_CODES;
    test_stranger_greet(m, s, '\0', 1, 0);
}

static void end(test_meeting *m, test_stranger *s)
{
    test_stranger_leave(s);
    test_meeting_end(m);
}

TEST(comparison_is_shown_both_ways_for_as_long_as_it_takes)
{
    static const mti_range everything;
    char text[400] = "";
    test_stranger s;
    test_meeting m;

    begin(&m, &s, NULL);
    assert_string_equal(test_standing_of(m.peers[0].db).text, "comparing everything");
    test_stranger_compares(&s, 1, &everything, 0);
    test_env_run_for(&m.te, 50);
    CHECK(mt_db_subscriptions(m.peers[0].db, s.here, say_text, text) == MT_OK);
    assert_string_equal(text, "< comparing 2\n> comparing 2\n");
    end(&m, &s);
}

TEST(what_is_asked_for_once_is_done_when_it_has_gone)
{
    mt_bytes uids[] = {mt_str("r0001"), mt_str("r0002")};
    mti_range list = {.uids = uids, .uid_count = 2};
    char text[400] = "";
    test_stranger s;
    test_meeting m;

    begin(&m, &s, NULL);
    test_stranger_grants(&s, s.asked, MTI_STANDS_FEED);
    subscribe(&s, 1, &list, MTI_RANGE_ONCE);
    test_env_run_for(&m.te, 50);
    CHECK(mt_db_subscriptions(m.peers[0].db, s.here, say_text, text) == MT_OK);
    assert_string_equal(text, "< catching up 2\n> done, once 6\n");
    end(&m, &s);
}

TEST(what_is_compared_is_named)
{
    static const mt_sync_range some = {.first = {(const uint8_t *)"a", 1},
                                       .end = {(const uint8_t *)"x2", 2}};
    static const mt_sync_range within = {.first = {(const uint8_t *)"r0", 2},
                                         .end = {(const uint8_t *)"r00505", 6}};
    test_stranger s;
    test_meeting m;

    begin(&m, &s, &some);
    assert_string_equal(test_standing_of(m.peers[0].db).text, "comparing a range");
    end(&m, &s);
    begin(&m, &s, &within);
    assert_string_equal(test_standing_of(m.peers[0].db).text, "comparing r0");
    end(&m, &s);
}

TEST(list_that_is_on_its_way_is_named_so)
{
    mt_bytes uids[] = {mt_str("ada"), mt_str("bob")};
    mt_sync_range list = {.uids = uids, .uid_count = 2};
    test_stranger s;
    test_meeting m;

    begin(&m, &s, &list);
    test_stranger_grants(&s, s.asked, MTI_STANDS_COPYING);
    test_env_run_for(&m.te, 50);
    assert_string_equal(test_standing_of(m.peers[0].db).text, "receiving a list, 0 nodes");
    end(&m, &s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(more_ranges_than_there_can_be_are_refused),
        cmocka_unit_test(router_without_random_numbers_is_not_made),
        cmocka_unit_test(window_that_is_too_small_is_made_larger),
        cmocka_unit_test(database_with_another_router_or_none_says_so),
        cmocka_unit_test(dry_run_keeps_its_ranges),
        cmocka_unit_test(who_is_not_told_of_changes_any_more_is_not_called),
        cmocka_unit_test(comparison_is_shown_both_ways_for_as_long_as_it_takes),
        cmocka_unit_test(what_is_asked_for_once_is_done_when_it_has_gone),
        cmocka_unit_test(what_is_compared_is_named),
        cmocka_unit_test(list_that_is_on_its_way_is_named_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
