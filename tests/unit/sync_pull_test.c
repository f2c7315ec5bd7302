/* Reads of peers: who is asked, what ends a read, and what becomes of answers that come later. */
#include "test_meeting.h"

#include <string.h>

/* What became of a read, and when. */
typedef struct outcome {
    unsigned count;
    mt_status status;
    uint64_t began_ms, took_ms;
    const test_env *te;
} outcome;

static void note(void *ctx, mt_db *db, const mt_result *result)
{
    outcome *o = ctx;

    (void)db;
    o->count++;
    o->status = result->status;
    o->took_ms = o->te->ticks_ms - o->began_ms;
}

static void begin_read(test_meeting *m, const char *uid, outcome *o)
{
    *o = (outcome){.te = &m->te, .began_ms = m->te.ticks_ms};
    CHECK(mt_read(m->peers[0].db, mt_str(uid), NULL, note, o, NULL) == MT_OK);
}

static mt_pipe_options slow(uint64_t ms)
{
    return (mt_pipe_options){.size = sizeof(mt_pipe_options), .latency_ms = ms};
}

/* The first peer replicates mine/ alone and asks for so long; it is not joined. The others give all. */
static void begin(test_meeting *m, uint64_t pull_ms)
{
    mt_sync_range mine = {.prefix = mt_str("mine/")};
    mt_sync_options options = {
        .size = sizeof options, .ranges = &mine, .range_count = 1, .pull_ms = pull_ms};

    test_meeting_begin(m);
    test_meeting_open_with(m, 0, &options, (mt_config){.size = 0});
    test_meeting_open(m, 1, NULL);
    test_meeting_open(m, 2, NULL);
}

/* ---- Two givers ---- */

TEST(first_complete_answer_ends_a_read_and_a_later_one_is_merged_all_the_same)
{
    test_meeting m;
    outcome o;

    begin(&m, 0);
    test_text_set(m.peers[1].db, "ada", "older");
    test_env_run_for(&m.te, 10);
    test_text_set(m.peers[2].db, "ada", "newer");
    test_meeting_join_with(&m, 0, 1, slow(10));
    test_meeting_join_with(&m, 0, 2, slow(500));
    test_meeting_rest(&m);
    CHECK(!test_text_of(m.peers[0].db, "ada"));
    begin_read(&m, "ada", &o);
    test_env_run_for(&m.te, 100);
    CHECK(o.count == 1 && o.status == MT_OK && o.took_ms < 100);
    CHECK(test_text_is(m.peers[0].db, "ada", "older"));
    test_meeting_rest(&m);
    CHECK(o.count == 1 && test_text_is(m.peers[0].db, "ada", "newer"));
    test_meeting_end(&m);
}

TEST(what_comes_late_and_is_older_changes_nothing)
{
    test_meeting m;
    outcome o;

    begin(&m, 0);
    test_text_set(m.peers[2].db, "ada", "older");
    test_env_run_for(&m.te, 10);
    test_text_set(m.peers[1].db, "ada", "newer");
    test_meeting_join_with(&m, 0, 1, slow(10));
    test_meeting_join_with(&m, 0, 2, slow(500));
    test_meeting_rest(&m);
    begin_read(&m, "ada", &o);
    test_meeting_rest(&m);
    CHECK(o.count == 1 && o.status == MT_OK && test_text_is(m.peers[0].db, "ada", "newer"));
    test_meeting_end(&m);
}

TEST(read_waits_for_a_slow_peer_while_no_other_one_has_the_node)
{
    test_meeting m;
    outcome o;

    begin(&m, 0);
    test_text_set(m.peers[2].db, "ada", "there");
    test_meeting_join_with(&m, 0, 1, slow(10));
    test_meeting_join_with(&m, 0, 2, slow(500));
    test_meeting_rest(&m);
    begin_read(&m, "ada", &o);
    test_env_run_for(&m.te, 900);
    CHECK(o.count == 0);
    test_meeting_rest(&m);
    CHECK(o.count == 1 && o.status == MT_OK && test_text_is(m.peers[0].db, "ada", "there"));
    test_meeting_end(&m);
}

TEST(read_ends_with_nothing_once_all_peers_said_that_they_do_not_have_it)
{
    mt_handle *node;
    test_meeting m;
    outcome o;

    begin(&m, 0);
    test_meeting_join_with(&m, 0, 1, slow(10));
    test_meeting_join_with(&m, 0, 2, slow(500));
    test_meeting_rest(&m);
    begin_read(&m, "nobody", &o);
    test_meeting_rest(&m);
    CHECK(o.count == 1 && o.status == MT_OK && o.took_ms >= 1000 && o.took_ms < 1100);
    CHECK(mt_read_wait(m.peers[0].db, mt_str("nobody"), NULL, &node) == MT_OK && !node);
    test_meeting_end(&m);
}

TEST(read_fails_when_the_link_to_the_last_peer_that_may_have_it_goes_down)
{
    mt_connection *link;
    test_meeting m;
    outcome o;

    begin(&m, 0);
    test_meeting_join_with(&m, 0, 1, slow(10));
    link = test_meeting_join_with(&m, 0, 2, slow(500));
    test_meeting_rest(&m);
    begin_read(&m, "ada", &o);
    test_env_run_for(&m.te, 200);
    CHECK(o.count == 0 && mt_pipe_cut(link) == MT_OK);
    test_env_run_for(&m.te, 10);
    CHECK(o.count == 1 && o.status == MT_OFFLINE);
    test_meeting_end(&m);
}

/* ---- Nobody answers ---- */

TEST(read_of_a_peer_that_is_too_slow_fails_in_time_and_its_answer_is_merged_all_the_same)
{
    test_meeting m;
    outcome o;

    begin(&m, 300);
    test_text_set(m.peers[1].db, "ada", "late");
    test_meeting_join_with(&m, 0, 1, slow(250));
    test_meeting_rest(&m);
    begin_read(&m, "ada", &o);
    test_env_run_for(&m.te, 299);
    CHECK(o.count == 0);
    test_env_run_for(&m.te, 5);
    CHECK(o.count == 1 && o.status == MT_DEADLINE && o.took_ms >= 300);
    CHECK(!test_text_of(m.peers[0].db, "ada"));
    test_meeting_rest(&m);
    CHECK(o.count == 1 && test_text_is(m.peers[0].db, "ada", "late"));
    test_meeting_end(&m);
}

TEST(answer_that_comes_when_as_much_time_has_passed_again_is_dropped)
{
    test_meeting m;
    outcome o;

    begin(&m, 300);
    test_text_set(m.peers[1].db, "ada", "too late");
    test_meeting_join_with(&m, 0, 1, slow(700));
    test_meeting_rest(&m);
    begin_read(&m, "ada", &o);
    test_meeting_rest(&m);
    CHECK(o.count == 1 && o.status == MT_DEADLINE);
    CHECK(!test_text_of(m.peers[0].db, "ada"));
    test_meeting_end(&m);
}

TEST(peer_that_is_gone_before_its_late_answer_costs_nothing)
{
    mt_connection *link;
    test_meeting m;
    outcome o;

    begin(&m, 300);
    link = test_meeting_join_with(&m, 0, 1, slow(400));
    test_meeting_rest(&m);
    begin_read(&m, "ada", &o);
    test_env_run_for(&m.te, 400);
    CHECK(o.count == 1 && o.status == MT_DEADLINE);
    CHECK(mt_pipe_cut(link) == MT_OK);
    test_env_run_for(&m.te, 10);
    CHECK(mt_pipe_restore(link) == MT_OK);
    test_meeting_rest(&m);
    CHECK(o.count == 1 && test_standing_of(m.peers[0].db).peer.state == MT_SYNC_LIVE);
    test_meeting_end(&m);
}

TEST(database_may_be_closed_while_a_late_answer_is_still_to_come)
{
    test_meeting m;
    outcome o;

    begin(&m, 300);
    test_text_set(m.peers[1].db, "ada", "late");
    test_meeting_join_with(&m, 0, 1, slow(250));
    test_meeting_rest(&m);
    begin_read(&m, "ada", &o);
    test_env_run_for(&m.te, 400);
    CHECK(o.count == 1 && o.status == MT_DEADLINE);
    test_meeting_end(&m);
}

typedef struct remover {
    test_meeting *m;
    mt_connection *link;
    unsigned count;
} remover;

static void remove_link(void *ctx, mt_action *action)
{
    remover *r = ctx;

    if (r->count++ == 0) CHECK(mt_group_remove(r->m->peers[0].links, r->link) == MT_OK);
    mt_action_pass(action);
}

TEST(hook_may_take_the_link_away_when_a_late_answer_comes)
{
    test_meeting m;
    remover r = {.m = &m};
    mt_hook hook = {.point = MT_ON_UPDATE, .run = remove_link, .ctx = &r};
    mt_sync_range mine = {.prefix = mt_str("mine/")};
    mt_sync_options options = {
        .size = sizeof options, .ranges = &mine, .range_count = 1, .pull_ms = 300};
    outcome o;

    test_meeting_begin(&m);
    test_meeting_open_with(&m, 0, &options, (mt_config){.hooks = &hook, .hook_count = 1});
    test_meeting_open(&m, 1, NULL);
    test_text_set(m.peers[1].db, "ada", "late");
    r.link = test_meeting_join_with(&m, 0, 1, slow(250));
    test_meeting_rest(&m);
    begin_read(&m, "ada", &o);
    test_meeting_rest(&m);
    CHECK(o.count == 1 && o.status == MT_DEADLINE && r.count == 1);
    CHECK(test_text_is(m.peers[0].db, "ada", "late"));
    test_meeting_end(&m);
}

/* Whoever says nothing at all is at the other end of a link. */
TEST(read_of_a_peer_that_never_says_who_it_is_fails_in_time)
{
    mt_connection *here, *there;
    test_meeting m;
    outcome o;

    begin(&m, 300);
    CHECK(mt_pipe_new(&m.te.env, NULL, &here, &there, NULL) == MT_OK);
    CHECK(mt_group_add(m.peers[0].links, here) == MT_OK);
    test_meeting_rest(&m);
    begin_read(&m, "ada", &o);
    test_env_run_for(&m.te, 299);
    CHECK(o.count == 0);
    test_env_run_for(&m.te, 5);
    CHECK(o.count == 1 && o.status == MT_DEADLINE);
    mt_connection_close(there);
    mt_connection_unref(there);
    mt_connection_unref(here);
    test_meeting_end(&m);
}

TEST(read_of_nobody_ends_at_once)
{
    test_meeting m;
    outcome o;

    begin(&m, 0);
    begin_read(&m, "ada", &o);
    test_env_run_for(&m.te, 5);
    CHECK(o.count == 1 && o.status == MT_OK);
    test_meeting_end(&m);
}

/* ---- Peers that greet meanwhile ---- */

TEST(peer_that_is_greeting_is_asked_once_it_has_said_what_it_gives)
{
    test_meeting m;
    outcome o;

    begin(&m, 0);
    test_text_set(m.peers[1].db, "ada", "there");
    test_meeting_join_with(&m, 0, 1, slow(200));
    test_env_run_for(&m.te, 5);
    begin_read(&m, "ada", &o);
    test_env_run_for(&m.te, 100);
    CHECK(o.count == 0 && test_standing_of(m.peers[0].db).peer.state == MT_SYNC_GREETING);
    test_meeting_rest(&m);
    CHECK(o.count == 1 && o.status == MT_OK && test_text_is(m.peers[0].db, "ada", "there"));
    test_meeting_end(&m);
}

TEST(peer_that_was_cut_off_is_asked_when_it_is_back)
{
    mt_connection *link;
    test_meeting m;
    outcome o;

    begin(&m, 0);
    link = test_meeting_join_with(&m, 0, 1, slow(200));
    test_meeting_rest(&m);
    CHECK(mt_pipe_cut(link) == MT_OK);
    test_meeting_rest(&m);
    test_text_set(m.peers[1].db, "ada", "there");
    CHECK(mt_pipe_restore(link) == MT_OK);
    test_env_run_for(&m.te, 5);
    begin_read(&m, "ada", &o);
    test_meeting_rest(&m);
    CHECK(o.count == 1 && o.status == MT_OK && test_text_is(m.peers[0].db, "ada", "there"));
    test_meeting_end(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_complete_answer_ends_a_read_and_a_later_one_is_merged_all_the_same),
        cmocka_unit_test(what_comes_late_and_is_older_changes_nothing),
        cmocka_unit_test(read_waits_for_a_slow_peer_while_no_other_one_has_the_node),
        cmocka_unit_test(read_ends_with_nothing_once_all_peers_said_that_they_do_not_have_it),
        cmocka_unit_test(read_fails_when_the_link_to_the_last_peer_that_may_have_it_goes_down),
        cmocka_unit_test(
            read_of_a_peer_that_is_too_slow_fails_in_time_and_its_answer_is_merged_all_the_same),
        cmocka_unit_test(answer_that_comes_when_as_much_time_has_passed_again_is_dropped),
        cmocka_unit_test(peer_that_is_gone_before_its_late_answer_costs_nothing),
        cmocka_unit_test(database_may_be_closed_while_a_late_answer_is_still_to_come),
        cmocka_unit_test(hook_may_take_the_link_away_when_a_late_answer_comes),
        cmocka_unit_test(read_of_a_peer_that_never_says_who_it_is_fails_in_time),
        cmocka_unit_test(read_of_nobody_ends_at_once),
        cmocka_unit_test(peer_that_is_greeting_is_asked_once_it_has_said_what_it_gives),
        cmocka_unit_test(peer_that_was_cut_off_is_asked_when_it_is_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
