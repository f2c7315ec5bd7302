/* Answers to reads, word by word: rows that nobody asked for, twice the same, too late, and of peers that come, go
 * and give only some of it. */
#include "test_meeting.h"
#include "test_stranger.h"

#include <string.h>

typedef struct outcome {
    unsigned count;
    mt_status status;
} outcome;

static void note(void *ctx, mt_db *db, const mt_result *result)
{
    outcome *o = ctx;

    (void)db;
    o->count++;
    o->status = result->status;
}

/* A peer that replicates mine/ alone, and a stranger that gives what it says. */
typedef struct scene {
    test_meeting m;
    test_stranger s;
    outcome o;
} scene;

static void begin(scene *w, uint64_t pull_ms)
{
    mt_sync_range mine = {.prefix = mt_str("mine/")};
    mt_sync_options options = {
        .size = sizeof options, .ranges = &mine, .range_count = 1, .pull_ms = pull_ms};

    memset(w, 0, sizeof *w);
    test_meeting_begin(&w->m);
    test_meeting_open_with(&w->m, 0, &options, (mt_config){.size = 0});
    test_stranger_come(&w->m, &w->s, (mt_pipe_options){.queued_max = 1 << 20});
}

static void end(scene *w)
{
    test_stranger_leave(&w->s);
    test_meeting_end(&w->m);
}

static void run(scene *w, uint64_t ms)
{
    test_env_run_for(&w->m.te, ms);
}

static void read_both(scene *w, const char *a, const char *b, const mt_options *options)
{
    mt_bytes uids[] = {mt_str(a), mt_str(b)};

    w->o = (outcome){.count = 0};
    CHECK(mt_nodes(w->m.peers[0].db, uids, 2, options, note, &w->o, NULL) == MT_OK);
    run(w, 20);
}

static void finds(scene *w, const char *uid, bool more)
{
    test_finding found = test_stranger_finds(&w->s, w->s.pulled, more, MT_OK);

    if (uid) test_finding_row(&found, uid, "a", 5, false);
    test_finding_send(&found);
    run(w, 20);
}

static bool has(const scene *w, const char *uid)
{
    return mt_peek(w->m.peers[0].db, mt_str(uid)) != NULL;
}

TEST(rows_that_nobody_asked_for_are_not_taken)
{
    test_finding found;
    scene w;

    begin(&w, 0);
    test_stranger_greet(&w.m, &w.s, 's', 1, 0);
    read_both(&w, "bob", "dan", NULL);
    CHECK(w.s.heard[MTI_PULL] == 1 && w.s.pulled_keys == 2);
    found = test_stranger_finds(&w.s, w.s.pulled, true, MT_OK);
    test_finding_row(&found, "ada", "a", 5, false);
    test_finding_row(&found, "bob", "a", 5, true);
    test_finding_row(&found, "bob", "b", 5, false);
    test_finding_row(&found, "cyd", "a", 5, false);
    test_finding_row(&found, "eve", "a", 5, false);
    test_finding_send(&found);
    run(&w, 20);
    CHECK(w.o.count == 0);
    finds(&w, "dan", false);
    CHECK(w.o.count == 1 && w.o.status == MT_OK);
    CHECK(has(&w, "bob") && has(&w, "dan"));
    CHECK(!has(&w, "ada") && !has(&w, "cyd") && !has(&w, "eve"));
    finds(&w, "dan", false); /* the read has long ended */
    CHECK(w.s.heard[MTI_BYE] == 0);
    end(&w);
}

TEST(late_rows_are_merged_unless_some_were_not_asked_for)
{
    test_finding found;
    scene w;

    begin(&w, 100);
    test_stranger_greet(&w.m, &w.s, 's', 1, 0);
    read_both(&w, "bob", "dan", NULL);
    run(&w, 100);
    CHECK(w.o.count == 1 && w.o.status == MT_DEADLINE);
    found = test_stranger_finds(&w.s, w.s.pulled, true, MT_OK);
    test_finding_row(&found, "bob", "a", 5, false);
    test_finding_row(&found, "cyd", "a", 5, false);
    test_finding_send(&found);
    run(&w, 20);
    CHECK(!has(&w, "bob") && !has(&w, "cyd"));
    finds(&w, "dan", false);
    CHECK(has(&w, "dan"));
    end(&w);
}

TEST(peer_that_could_not_answer_is_the_reason_why_a_read_fails)
{
    test_finding found;
    scene w;

    begin(&w, 0);
    test_stranger_greet(&w.m, &w.s, 's', 1, 0);
    read_both(&w, "bob", "dan", NULL);
    found = test_stranger_finds(&w.s, w.s.pulled, false, MT_BUSY);
    test_finding_send(&found);
    run(&w, 20);
    CHECK(w.o.count == 1 && w.o.status == MT_BUSY);
    end(&w);
}

TEST(peer_is_asked_for_what_it_gives_and_no_more)
{
    scene w;

    begin(&w, 0);
    test_stranger_greet(&w.m, &w.s, 's', 1, 1); /* it gives what begins with r0000 */
    read_both(&w, "r0000", "zoe", NULL);
    CHECK(w.s.heard[MTI_PULL] == 1 && w.s.pulled_keys == 1 && w.o.count == 0);
    finds(&w, "r0000", false);
    CHECK(w.o.count == 1 && has(&w, "r0000"));
    read_both(&w, "yan", "zoe", NULL);
    CHECK(w.s.heard[MTI_PULL] == 1 && w.o.count == 1); /* nobody is asked */
    end(&w);
}

TEST(read_ends_when_a_peer_that_was_greeting_gives_nothing_of_it)
{
    scene w;

    begin(&w, 0);
    read_both(&w, "bob", "dan", NULL);
    CHECK(w.o.count == 0 && w.s.heard[MTI_PULL] == 0);
    test_stranger_greet(&w.m, &w.s, 's', 1, 1);
    CHECK(w.o.count == 1 && w.o.status == MT_OK && w.s.heard[MTI_PULL] == 0);
    end(&w);
}

/* Two peers, of which one goes while several reads wait for both. */
TEST(read_goes_on_while_one_of_its_peers_is_there)
{
    outcome first = {.count = 0};
    mt_connection *link;
    scene w;

    begin(&w, 0);
    test_stranger_greet(&w.m, &w.s, 's', 1, 0);
    test_meeting_open(&w.m, 1, NULL);
    test_text_set(w.m.peers[1].db, "bob", "x");
    test_text_set(w.m.peers[1].db, "dan", "x");
    link = test_meeting_join_with(&w.m, 0, 1, (mt_pipe_options){.latency_ms = 500});
    test_meeting_rest(&w.m);
    CHECK(mt_read(w.m.peers[0].db, mt_str("ada"), NULL, note, &first, NULL) == MT_OK);
    read_both(&w, "bob", "dan", NULL);
    CHECK(mt_pipe_cut(link) == MT_OK);
    run(&w, 20);
    CHECK(first.count == 0 && w.o.count == 0);
    CHECK(w.s.heard[MTI_PULL] == 2);
    finds(&w, "bob", true);
    finds(&w, "dan", false);
    CHECK(w.o.count == 1 && w.o.status == MT_OK && first.count == 0);
    CHECK(mt_pipe_cut(w.s.there) == MT_OK);
    run(&w, 20);
    CHECK(first.count == 1 && first.status == MT_OFFLINE);
    end(&w);
}

TEST(late_answer_of_each_peer_is_merged_once)
{
    scene w;

    begin(&w, 300);
    test_stranger_greet(&w.m, &w.s, 's', 1, 0);
    test_meeting_open(&w.m, 1, NULL);
    test_text_set(w.m.peers[1].db, "bob", "x");
    test_meeting_join_with(&w.m, 0, 1, (mt_pipe_options){.latency_ms = 250});
    test_meeting_rest(&w.m);
    read_both(&w, "bob", "dan", NULL);
    run(&w, 300);
    CHECK(w.o.count == 1 && w.o.status == MT_DEADLINE && !has(&w, "bob"));
    finds(&w, NULL, false); /* the last word of this one */
    finds(&w, "dan", false);
    CHECK(!has(&w, "dan"));
    run(&w, 300);
    CHECK(has(&w, "bob") && w.o.count == 1);
    end(&w);
}

static void choose_group(void *ctx, mt_action *action)
{
    mt_action_set_group(action, *(mt_group **)ctx);
    mt_action_pass(action);
}

TEST(read_is_asked_of_the_group_that_a_hook_names)
{
    mt_group *group, *asks = NULL;
    mt_hook hook = {.point = MT_BEFORE_READ_NODES, .run = choose_group};
    mt_sync_range mine = {.prefix = mt_str("mine/")};
    mt_sync_options options = {.size = sizeof options, .ranges = &mine, .range_count = 1};
    scene w;

    memset(&w, 0, sizeof w);
    test_meeting_begin(&w.m);
    CHECK(mt_group_new(test_mem(), &group) == MT_OK);
    hook.ctx = &asks;
    test_meeting_open_with(&w.m, 0, &options, (mt_config){.hooks = &hook, .hook_count = 1});
    test_stranger_come(&w.m, &w.s, (mt_pipe_options){.queued_max = 1 << 20});
    test_stranger_greet(&w.m, &w.s, 's', 1, 0);
    read_both(&w, "bob", "dan", NULL); /* of nobody */
    CHECK(w.s.heard[MTI_PULL] == 0 && w.o.count == 1);
    asks = group;
    read_both(&w, "bob", "dan", NULL); /* it has no member */
    CHECK(w.s.heard[MTI_PULL] == 0 && w.o.count == 1);
    CHECK(mt_group_add(group, w.s.here) == MT_OK);
    read_both(&w, "bob", "dan", NULL);
    CHECK(w.s.heard[MTI_PULL] == 1 && w.o.count == 0);
    finds(&w, NULL, false);
    CHECK(w.o.count == 1 && w.o.status == MT_OK);
    mt_group_unref(group);
    end(&w);
}

TEST(read_that_is_canceled_is_not_answered_twice)
{
    outcome o = {.count = 0};
    uint64_t id;
    scene w;

    begin(&w, 0);
    test_stranger_greet(&w.m, &w.s, 's', 1, 0);
    CHECK(mt_read(w.m.peers[0].db, mt_str("ada"), NULL, note, &o, &id) == MT_OK);
    read_both(&w, "bob", "dan", NULL);
    mt_cancel(w.m.peers[0].db, id);
    run(&w, 20);
    CHECK(o.count == 1 && o.status == MT_CANCELED && w.o.count == 0);
    finds(&w, "bob", true);
    finds(&w, "dan", false);
    CHECK(w.o.count == 1 && w.o.status == MT_OK && w.s.heard[MTI_BYE] == 0);
    end(&w);
}

TEST(reads_that_wait_end_when_the_database_is_closed)
{
    outcome o = {.count = 0};
    scene w;

    begin(&w, 0);
    test_stranger_greet(&w.m, &w.s, 's', 1, 0);
    CHECK(mt_read(w.m.peers[0].db, mt_str("ada"), NULL, note, &o, NULL) == MT_OK);
    read_both(&w, "bob", "dan", NULL);
    mt_close(w.m.peers[0].db);
    w.m.peers[0].db = NULL;
    run(&w, 20);
    CHECK(o.count == 1 && w.o.count == 1);
    end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_that_nobody_asked_for_are_not_taken),
        cmocka_unit_test(late_rows_are_merged_unless_some_were_not_asked_for),
        cmocka_unit_test(peer_that_could_not_answer_is_the_reason_why_a_read_fails),
        cmocka_unit_test(peer_is_asked_for_what_it_gives_and_no_more),
        cmocka_unit_test(read_ends_when_a_peer_that_was_greeting_gives_nothing_of_it),
        cmocka_unit_test(read_goes_on_while_one_of_its_peers_is_there),
        cmocka_unit_test(late_answer_of_each_peer_is_merged_once),
        cmocka_unit_test(read_is_asked_of_the_group_that_a_hook_names),
        cmocka_unit_test(read_that_is_canceled_is_not_answered_twice),
        cmocka_unit_test(reads_that_wait_end_when_the_database_is_closed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
