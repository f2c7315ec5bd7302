/* Links that take nothing, peers that say too much while nothing is handled, and sessions that begin where much is
 * lacking. */
#include "test_link.h"
#include "test_meeting.h"
#include "test_stranger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const mt_sync_range mine = {.prefix = {(const uint8_t *)"mine/", 5}};

/* ---- Links that take nothing ---- */

/* A peer that gives mine/, and a link that leads nowhere. */
typedef struct dead_end {
    test_meeting m;
    test_link link;
    mt_connection *connection;
    mt_buf message;
} dead_end;

static void begin_dead_end(dead_end *d)
{
    memset(d, 0, sizeof *d);
    d->message.mem = test_mem();
    test_meeting_begin(&d->m);
    test_meeting_open(&d->m, 0, &mine);
    test_link_begin(&d->link, NULL, "x");
    d->connection = d->link.connection;
    CHECK(mt_group_add(d->m.peers[0].links, d->connection) == MT_OK);
    test_env_run_for(&d->m.te, 50);
}

static void end_dead_end(dead_end *d)
{
    CHECK(mt_group_remove(d->m.peers[0].links, d->connection) == MT_OK);
    test_env_run_for(&d->m.te, 50);
    test_link_end(&d->link);
    mt_buf_free(&d->message);
    test_meeting_end(&d->m);
}

static void arrive(dead_end *d)
{
    CHECK(mt_connection_deliver(d->connection, mt_buf_bytes(&d->message)) == MT_OK);
}

static void greet(dead_end *d, uint64_t nonce)
{
    static const uint8_t id[16] = "a peer's name..", boot[16] = "and its opening";
    mti_hello hello = {.version_min = 1,
                       .version_max = 1,
                       .clock = MT_CLOCK_HYBRID,
                       .peer = {id, 16},
                       .boot = {boot, 16},
                       .nonce = nonce,
                       .window = 1 << 22};
    mti_say say = mti_say_begin(&d->message, MTI_HELLO);

    mti_say_hello(&say, &hello);
    mti_say_number(&say, 0);
    arrive(d);
}

/* Subscribes to what is not given, to which there is an answer. */
static void subscribe_in_vain(dead_end *d, uint64_t id)
{
    mti_say say = mti_say_begin(&d->message, MTI_SUBSCRIBE);

    mti_say_number(&say, id);
    mti_say_range(&say, &(mti_range){.first = mt_str("other")}, 0);
    test_say_cursor(&say, 0, 0);
    mti_say_byte(&say, 0);
    arrive(d);
}

TEST(peer_that_asks_and_does_not_read_ends_its_session)
{
    dead_end d;

    begin_dead_end(&d);
    greet(&d, 7);
    test_env_run_for(&d.m.te, 50);
    CHECK(test_standing_of(d.m.peers[0].db).peer.state == MT_SYNC_LIVE);
    d.link.answer = MT_AGAIN;
    for (uint64_t id = 1; id < 30000; id++) subscribe_in_vain(&d, id);
    test_env_run_for(&d.m.te, 50);
    assert_string_equal(test_standing_of(d.m.peers[0].db).text,
                        "refused: it does not read what it is sent");
    d.link.answer = MT_OK;
    mt_connection_writable(d.connection);
    test_env_run_for(&d.m.te, 6000); /* it is greeted again */
    CHECK(test_standing_of(d.m.peers[0].db).peer.state == MT_SYNC_GREETING);
    greet(&d, 8);
    test_env_run_for(&d.m.te, 50);
    CHECK(test_standing_of(d.m.peers[0].db).peer.state == MT_SYNC_LIVE);
    end_dead_end(&d);
}

TEST(what_has_to_be_said_waits_for_a_link_that_has_room_again)
{
    uint64_t before;
    dead_end d;

    begin_dead_end(&d);
    greet(&d, 7);
    test_env_run_for(&d.m.te, 50);
    d.link.answer = MT_AGAIN;
    before = test_standing_of(d.m.peers[0].db).peer.bytes_out;
    for (uint64_t id = 1; id < 10; id++) subscribe_in_vain(&d, id);
    test_env_run_for(&d.m.te, 500);
    CHECK(test_standing_of(d.m.peers[0].db).peer.bytes_out == before);
    d.link.answer = MT_OK;
    mt_connection_writable(d.connection);
    test_env_run_for(&d.m.te, 50);
    CHECK(test_standing_of(d.m.peers[0].db).peer.bytes_out > before + 9 * 10);
    end_dead_end(&d);
}

/* A live subscription of which nothing was sent is told after a second how far it is. */
TEST(position_that_a_full_link_does_not_take_is_told_later)
{
    uint64_t before;
    mti_say say;
    dead_end d;

    begin_dead_end(&d);
    greet(&d, 7);
    say = mti_say_begin(&d.message, MTI_SUBSCRIBE);
    mti_say_number(&say, 1);
    mti_say_range(&say, &(mti_range){.first = mt_str("mine/"), .end = mt_str("mine0")}, 0);
    test_say_cursor(&say, 0, 0);
    mti_say_byte(&say, 0);
    arrive(&d);
    test_env_run_for(&d.m.te, 2000);
    test_text_set(d.m.peers[0].db, "other", "not theirs");
    test_env_run_for(&d.m.te, 50);
    before = test_standing_of(d.m.peers[0].db).peer.bytes_out;
    d.link.answer = MT_AGAIN;
    test_env_run_for(&d.m.te, 3000);
    CHECK(test_standing_of(d.m.peers[0].db).peer.bytes_out == before);
    d.link.answer = MT_OK;
    mt_connection_writable(d.connection);
    test_env_run_for(&d.m.te, 3000);
    CHECK(test_standing_of(d.m.peers[0].db).peer.bytes_out > before);
    end_dead_end(&d);
}

/* ---- Who says too much ---- */

static void hold(void *ctx, mt_action *action)
{
    mt_action **held = ctx;

    if (*held) mt_action_pass(action);
    else *held = action;
}

TEST(positions_and_questions_behind_data_are_not_kept_without_bound)
{
    mt_action *held = NULL;
    mt_hook hook = {.point = MT_ON_UPDATE, .run = hold, .ctx = &held};
    mt_sync_options options = {.size = sizeof options};
    test_stranger s;
    test_meeting m;
    mti_say say;

    test_meeting_begin(&m);
    test_meeting_open_with(&m, 0, &options, (mt_config){.hooks = &hook, .hook_count = 1});
    test_stranger_come(&m, &s, (mt_pipe_options){.queued_max = 1 << 22});
    test_stranger_greet(&m, &s, 's', 1, 0);
    test_stranger_copies(&s, s.asked, 7, 10);
    test_stranger_copied(&s, s.asked, "ada", 1, 4, 9);
    test_env_run_for(&m.te, 10);
    CHECK(held);
    say = test_stranger_speak(&s, MTI_ACK);
    mti_say_number(&say, 0);
    for (uint64_t i = 0; i < 1100; i++) {
        mti_say_number(&say, s.asked);
        test_say_cursor(&say, 7, 11 + i);
    }
    test_stranger_send(&s);
    test_env_run_for(&m.te, 10);
    CHECK(s.heard[MTI_BYE] == 0); /* those beyond are told again */
    say = test_stranger_speak(&s, MTI_ASK);
    mti_say_number(&say, 1);
    test_stranger_send(&s);
    test_env_run_for(&m.te, 10);
    CHECK(s.heard[MTI_BYE] == 1 && s.why.status == MT_MALFORMED);
    CHECK(strstr(s.why.text, "too many before it are not handled"));
    mt_action_pass(held);
    test_meeting_rest(&m);
    test_stranger_leave(&s);
    test_meeting_end(&m);
}

/* Two that cannot store what they get would else greet each other without end. */
TEST(hello_of_a_session_that_is_over_begins_nothing)
{
    test_meeting m;
    test_stranger s;
    mti_say say;
    size_t hellos;

    test_meeting_begin(&m);
    test_meeting_open(&m, 0, &mine);
    test_stranger_come(&m, &s, (mt_pipe_options){.size = 0});
    test_stranger_greet(&m, &s, 's', 1, 0);
    say = test_stranger_speak(&s, MTI_BYE);
    mti_say_reason(&say, MT_FULL, "no room");
    test_stranger_send(&s);
    test_env_run_for(&m.te, 100);
    hellos = s.heard[MTI_HELLO];
    test_stranger_greet(&m, &s, 's', 1, 0);
    CHECK(s.heard[MTI_HELLO] == hellos);
    test_stranger_greet(&m, &s, 's', 2, 0);
    CHECK(s.heard[MTI_HELLO] == hellos + 1);
    test_stranger_leave(&s);
    test_meeting_end(&m);
}

TEST(data_that_was_not_asked_for_ends_the_session)
{
    test_stranger s;
    test_meeting m;

    test_meeting_begin(&m);
    test_meeting_open(&m, 0, &mine);
    test_stranger_come(&m, &s, (mt_pipe_options){.size = 0});
    test_stranger_greet(&m, &s, 's', 1, 0);
    test_stranger_copies(&s, s.asked, 7, 10);
    test_stranger_copied(&s, s.asked, "other", 1, 4, 9);
    test_meeting_rest(&m);
    CHECK(s.heard[MTI_BYE] == 1 && s.why.status == MT_INVALID);
    assert_string_equal(s.why.text, "the peer says: data of a node that was not asked for");
    CHECK(!test_text_of(m.peers[0].db, "other"));
    test_stranger_leave(&s);
    test_meeting_end(&m);
}

/* Refuses what comes first, and holds all that is tried after it. */
typedef struct keeper {
    unsigned count;
    mt_action *held[4];
} keeper;

static void refuse_then_hold(void *ctx, mt_action *action)
{
    keeper *k = ctx;

    CHECK(k->count < 4);
    if (k->count++ == 0) mt_action_refuse(action, MT_REFUSED, "not all at once");
    else k->held[k->count - 1] = action;
}

TEST(link_may_go_while_what_was_refused_is_tried_one_by_one)
{
    keeper k = {.count = 0};
    mt_hook hook = {.point = MT_ON_UPDATE, .run = refuse_then_hold, .ctx = &k};
    mt_sync_options options = {.size = sizeof options};
    test_stranger s;
    test_meeting m;

    test_meeting_begin(&m);
    test_meeting_open_with(&m, 0, &options, (mt_config){.hooks = &hook, .hook_count = 1});
    test_stranger_come(&m, &s, (mt_pipe_options){.queued_max = 1 << 20});
    test_stranger_greet(&m, &s, 's', 1, 0);
    test_stranger_copies(&s, s.asked, 7, 10);
    test_stranger_copied(&s, s.asked, "ada", 2, 4, 9);
    test_env_run_for(&m.te, 50);
    CHECK(k.count == 3 && s.heard[MTI_ACK] == 0);
    CHECK(mt_group_remove(m.peers[0].links, s.here) == MT_OK);
    test_env_run_for(&m.te, 50);
    mt_action_pass(k.held[1]);
    mt_action_refuse(k.held[2], MT_REFUSED, "never");
    test_meeting_rest(&m);
    CHECK(test_text_is(m.peers[0].db, "ada", "xxxx") && !test_text_of(m.peers[0].db, "ada/00001"));
    test_stranger_leave(&s);
    test_meeting_end(&m);
}

/* ---- Beginning ---- */

TEST(sessions_are_told_apart_without_random_numbers)
{
    uint64_t first;
    test_stranger s;
    test_meeting m;

    test_meeting_begin(&m);
    test_meeting_open(&m, 0, NULL);
    m.te.no_entropy = true;
    test_stranger_come(&m, &s, (mt_pipe_options){.size = 0});
    test_stranger_greet(&m, &s, 's', 1, 0);
    first = s.session;
    CHECK(s.heard[MTI_SUBSCRIBE] == 1 && first != 0);
    CHECK(mt_db_set_ranges(m.peers[0].db, &mine, 1) == MT_OK);
    test_env_run_for(&m.te, 100);
    CHECK(s.session != first && s.session != 0);
    m.te.no_entropy = false;
    test_stranger_leave(&s);
    test_meeting_end(&m);
}

/* Links that are there before the database is. */
static mt_status open_with_links(test_env *te, mt_group *links, mt_db **out)
{
    mt_config config = {.size = sizeof config, .env = &te->env, .group = links};
    const mt_config *configs[1] = {&config};
    mt_router router;
    mt_status st = mt_router_sync(&te->env, NULL, &router, NULL);

    if (st != MT_OK) return st;
    config.router = &router;
    st = mt_open(configs, 1, out, NULL);
    if (st != MT_OK) router.ops->close(router.ctx);
    return st;
}

TEST(database_with_links_is_opened_or_there_is_no_memory_for_it)
{
    size_t failed = 0;

    for (size_t at = 0;; at++) {
        fail_mem memory = {.fail_at = at};
        mt_connection *ends[2][2];
        mt_pipe_options options = {.size = sizeof options};
        mt_group *links;
        mt_db *db = NULL;
        test_env te, pipes;
        mt_status st;
        bool tripped;
        test_env_init(&te, 1, fail_mem_hook(&memory));
        test_env_init(&pipes, 1, test_mem());
        CHECK(mt_group_new(test_mem(), &links) == MT_OK);
        for (size_t i = 0; i < 2; i++) {
            options.a_id = mt_str(i ? "one" : "two");
            CHECK(mt_pipe_new(&pipes.env, &options, &ends[i][0], &ends[i][1], NULL) == MT_OK);
            CHECK(mt_group_add(links, ends[i][0]) == MT_OK);
        }
        st = open_with_links(&te, links, &db);
        tripped = memory.tripped;
        /* What the router reads first it reads again later. */
        CHECK(st == MT_OK || (tripped && st == MT_NO_MEMORY));
        failed += st != MT_OK;
        if (st == MT_OK) mt_close(db);
        for (size_t i = 0; i < 2; i++) {
            mt_connection_close(ends[i][1]);
            mt_connection_unref(ends[i][0]);
            mt_connection_unref(ends[i][1]);
        }
        mt_group_unref(links);
        test_env_run(&pipes);
        test_env_run(&te);
        test_env_end(&pipes);
        test_env_end(&te);
        CHECK(memory.live_bytes == 0);
        if (!tripped) break;
    }
    CHECK(failed > 10);
}

/* ---- Rights ---- */

typedef struct policy {
    mt_sync_range ranges[300];
    size_t read_count, write_count;
} policy;

static mt_status rights_of(void *ctx, mt_connection *connection, mt_sync_rights *rights,
                           mt_error *why)
{
    policy *p = ctx;

    (void)connection;
    (void)why;
    *rights = (mt_sync_rights){p->ranges, p->read_count, p->ranges, p->write_count};
    return MT_OK;
}

/* What becomes of a peer with rights in so many ranges, where we have so many. */
static void meets(size_t ranges, size_t reads, size_t writes, bool same, const char *text)
{
    static char names[1000][16];
    mt_sync_range *own = calloc(ranges, sizeof *own);
    policy *p = calloc(1, sizeof *p);
    mt_sync_options options = {.size = sizeof options,
                               .ranges = own,
                               .range_count = ranges,
                               .rights = rights_of,
                               .rights_ctx = p};
    test_meeting m;

    if (!own || !p) abort();
    for (size_t i = 0; i < ranges; i++) {
        (void)snprintf(names[i], sizeof names[i], "n%03u/", (unsigned)i);
        own[i].prefix = mt_str(names[i]);
    }
    for (size_t i = 0; i < TEST_COUNT(p->ranges); i++)
        if (!same) p->ranges[i].first = (mt_bytes){(const uint8_t *)"aaaaaaaaaaaaaaa", 1 + i % 15};
    p->read_count = reads;
    p->write_count = writes;
    test_meeting_begin(&m);
    test_meeting_open_with(&m, 0, &options, (mt_config){.size = 0});
    test_meeting_open(&m, 1, NULL);
    test_meeting_join(&m, 0, 1);
    test_meeting_rest(&m);
    if (text) assert_string_equal(test_standing_of(m.peers[0].db).error, text);
    else assert_string_equal(test_standing_of(m.peers[0].db).text, "live");
    test_meeting_end(&m);
    free(own);
    free(p);
}

TEST(rights_in_more_ranges_than_there_can_be_end_the_session_with_a_reason)
{
    meets(1, 257, 0, false, "a peer has rights in more than 256 ranges");
    meets(1, 0, 257, false, "a peer has rights in more than 256 ranges");
    meets(700, 2, 0, false, "with a peer's rights there are 1400 ranges, more than 1000");
    meets(1000, 256, 256, false, "1000 ranges with 512 of a peer's rights are too many");
}

TEST(rights_that_are_named_twice_count_once)
{
    meets(700, 2, 2, true, NULL);
    meets(1, 200, 200, true, NULL);
}

TEST(rights_do_not_widen_what_is_pulled_and_pushed)
{
    mt_sync_range ranges[] = {{.prefix = mt_str("gives/"), .pull_none = true},
                              {.prefix = mt_str("takes/"), .push_none = true}};
    policy *p = calloc(1, sizeof *p);
    mt_sync_options options = {.size = sizeof options,
                               .ranges = ranges,
                               .range_count = 2,
                               .rights = rights_of,
                               .rights_ctx = p};
    test_meeting m;

    if (!p) abort();
    p->read_count = p->write_count = 1; /* everything */
    test_meeting_begin(&m);
    test_meeting_open_with(&m, 0, &options, (mt_config){.size = 0});
    test_meeting_open(&m, 1, NULL);
    for (size_t i = 0; i < 2; i++) {
        test_text_set(m.peers[i].db, i ? "gives/2" : "gives/1", "x");
        test_text_set(m.peers[i].db, i ? "takes/2" : "takes/1", "x");
    }
    test_meeting_join(&m, 0, 1);
    test_meeting_rest(&m);
    CHECK(test_text_of(m.peers[1].db, "gives/1") && !test_text_of(m.peers[0].db, "gives/2"));
    CHECK(test_text_of(m.peers[0].db, "takes/2") && !test_text_of(m.peers[1].db, "takes/1"));
    test_meeting_end(&m);
    free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(peer_that_asks_and_does_not_read_ends_its_session),
        cmocka_unit_test(what_has_to_be_said_waits_for_a_link_that_has_room_again),
        cmocka_unit_test(position_that_a_full_link_does_not_take_is_told_later),
        cmocka_unit_test(positions_and_questions_behind_data_are_not_kept_without_bound),
        cmocka_unit_test(hello_of_a_session_that_is_over_begins_nothing),
        cmocka_unit_test(data_that_was_not_asked_for_ends_the_session),
        cmocka_unit_test(link_may_go_while_what_was_refused_is_tried_one_by_one),
        cmocka_unit_test(sessions_are_told_apart_without_random_numbers),
        cmocka_unit_test(database_with_links_is_opened_or_there_is_no_memory_for_it),
        cmocka_unit_test(rights_in_more_ranges_than_there_can_be_end_the_session_with_a_reason),
        cmocka_unit_test(rights_that_are_named_twice_count_once),
        cmocka_unit_test(rights_do_not_widen_what_is_pulled_and_pushed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
