/* The sync router where peers lie, links are full, stores are late, and hooks take links away. */
#include "test_meeting.h"
#include "test_stranger.h"

#include <mytosis/conformance.h>
#include <mytosis/mytosis.h>
#include <mytosis/plugin/kv_memory.h>
#include <mytosis/plugin/node_store.h>
#include <mytosis/plugin/pipe.h>
#include <mytosis/plugin/storage.h>
#include <mytosis/plugin/sync.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Peers ---- */

/* A node with several values of some length. */
static void set_large(mt_db *db, const char *uid, size_t fields, size_t len)
{
    uint8_t *text = malloc(len);
    mt_field field = {.name = mt_str("0")};
    mt_row row = {.uid = mt_str(uid), .fields = &field, .count = 1};

    if (!text) abort();
    memset(text, 'x', len);
    field.value = mt_string((mt_bytes){text, len});
    for (size_t i = 0; i < fields; i++) {
        char name[32];
        snprintf(name, sizeof name, "f%02zu", i);
        field.name = mt_str(name);
        CHECK(mt_write_wait(db, &row, 1, NULL, NULL) == MT_OK);
    }
    free(text);
}

static bool has(mt_db *db, const char *uid)
{
    const mt_node *node = mt_peek(db, mt_str(uid));

    return node && mt_node_state_max(node) > 0;
}

/* ---- Positions ---- */

TEST(what_was_copied_before_a_copy_began_anew_does_not_count_for_it)
{
    test_stranger s;
    test_meeting w;

    test_meeting_begin(&w);
    test_meeting_open(&w, 0, NULL);
    test_stranger_come(&w, &s, (mt_pipe_options){.size = 0});
    test_stranger_greet(&w, &s, 's', 1, 0);
    CHECK(s.heard[MTI_SUBSCRIBE] == 1);
    test_stranger_copies(&s, 1, 7, 10);
    test_env_run_for(&w.te, 100);
    /* The log lost its place: the copy begins anew, right behind the last node of the first. */
    test_stranger_copied(&s, 1, "zoe", 1, 1, 1);
    test_stranger_copies(&s, 1, 7, 20);
    test_env_run_for(&w.te, 100);
    CHECK(has(w.peers[0].db, "zoe"));
    CHECK(mt_pipe_cut(s.there) == MT_OK);
    test_meeting_rest(&w);
    CHECK(mt_pipe_restore(s.there) == MT_OK);
    test_stranger_greet(&w, &s, 's', 2, 0);
    CHECK(s.heard[MTI_SUBSCRIBE] == 2);
    /* All nodes up to zoe are those of before 20. */
    CHECK(s.standing.how != MTI_STANDS_COPYING || s.standing.after.len == 0 ||
          s.standing.at.number < 20);
    test_stranger_leave(&s);
    test_meeting_end(&w);
}

TEST(range_that_begins_behind_a_uid_has_those_that_it_is_a_prefix_of)
{
    mt_sync_range range = {.first = {(const uint8_t *)"key\0", 4}};
    test_meeting w;

    test_meeting_begin(&w);
    test_meeting_open(&w, 0, NULL);
    test_meeting_open(&w, 1, &range);
    test_text_set(w.peers[0].db, "key", "before");
    test_text_set(w.peers[0].db, "keys", "behind");
    test_meeting_join(&w, 0, 1);
    test_meeting_rest(&w);
    CHECK(!has(w.peers[1].db, "key") && has(w.peers[1].db, "keys"));
    test_meeting_end(&w);
}

static void count_records(void *ctx, mt_db *db, const struct mt_storage_answer *answer)
{
    (void)db;
    *(size_t *)ctx += answer->record_count;
}

/* How many positions are stored of a peer that said that this is all. */
static size_t positions_of(unsigned flags)
{
    mt_sync_options options = {.size = sizeof options};
    mt_storage storage;
    size_t count = 0;
    mti_say say;
    test_stranger s;
    test_meeting w;
    mt_kv kv;

    test_meeting_begin(&w);
    CHECK(mt_kv_memory(&w.te.env, &kv) == MT_OK);
    CHECK(mt_node_store_new(&w.te.env, kv, NULL, &storage, NULL) == MT_OK);
    test_meeting_open_with(&w, 0, &options, (mt_config){.storage = &storage});
    test_stranger_come(&w, &s, (mt_pipe_options){.flags = flags});
    test_stranger_greet(&w, &s, 's', 1, 0);
    say = test_stranger_speak(&s, MTI_DATA);
    mti_say_number(&say, 1);
    mti_say_number(&say, MTI_DATA_POSITION | MTI_DATA_ALL);
    test_say_cursor(&say, 7, 5);
    test_stranger_send(&s);
    test_meeting_rest(&w);
    CHECK(mt_db_records(w.peers[0].db, mt_str("sync/in/"), (mt_bytes){NULL, 0}, 10, count_records,
                        &count) == MT_OK);
    test_meeting_rest(&w);
    test_stranger_leave(&s);
    test_meeting_end(&w);
    return count;
}

TEST(of_a_peer_that_is_not_expected_back_no_position_is_kept)
{
    CHECK(positions_of(0) == 1);
    CHECK(positions_of(MT_CONNECTION_EPHEMERAL) == 0);
}

/* A write fails in storage, late, while a list is copied: it does not go over. */
TEST(copy_of_a_list_has_what_storage_has)
{
    mt_kv_fault fault = {.calls = MT_KV_FAULT_COMMIT};
    mt_kv_late_options late = {.size = sizeof late, .delay_ms = 50, .fault = &fault};
    mt_field field = {.name = mt_str("text"), .value = mt_text("undone")};
    mt_row row = {.uid = mt_str("ada"), .fields = &field, .count = 1};
    mt_sync_options options = {.size = sizeof options};
    mt_bytes uid = mt_str("ada");
    mti_range list = {.uids = &uid, .uid_count = 1};
    mt_storage storage;
    mti_say say;
    test_stranger s;
    test_meeting w;
    mt_kv kv;

    test_meeting_begin(&w);
    CHECK(mt_kv_memory(&w.te.env, &kv) == MT_OK);
    CHECK(mt_kv_late(&w.te.env, kv, &late, &kv) == MT_OK);
    CHECK(mt_node_store_new(&w.te.env, kv, NULL, &storage, NULL) == MT_OK);
    test_meeting_open_with(&w, 0, &options, (mt_config){.storage = &storage});
    test_meeting_rest(&w);
    test_text_set(w.peers[0].db, "ada", "before");
    test_stranger_come(&w, &s, (mt_pipe_options){.size = 0});
    test_stranger_greet(&w, &s, 's', 1, 0);
    test_meeting_rest(&w);
    fault.count = fault.fail_at = 0;
    fault.status = MT_IO;
    CHECK(mt_write(w.peers[0].db, &row, 1, NULL, NULL, NULL, NULL) == MT_OK);
    say = test_stranger_speak(&s, MTI_SUBSCRIBE);
    mti_say_number(&say, 1);
    mti_say_range(&say, &list, 0);
    test_say_cursor(&say, 0, 0);
    mti_say_byte(&say, 0);
    test_stranger_send(&s);
    test_meeting_rest(&w);
    CHECK(fault.tripped && s.heard[MTI_DATA] > 0 && !s.undone);
    test_stranger_leave(&s);
    test_meeting_end(&w);
}

/* ---- Room ---- */

TEST(copy_goes_on_when_answers_to_reads_have_left_a_link)
{
    mti_say say;
    test_stranger s;
    test_meeting w;

    test_meeting_begin(&w);
    test_meeting_open(&w, 0, NULL);
    set_large(w.peers[0].db, "large", 3, 100000);
    test_stranger_come(&w, &s, (mt_pipe_options){.queued_max = 1 << 20, .latency_ms = 50});
    test_stranger_greet(&w, &s, 's', 1, 0);
    say = test_stranger_speak(&s, MTI_PULL);
    mti_say_number(&say, 1);
    mti_say_number(&say, 1);
    mti_say_bytes(&say, mt_str("large"));
    test_stranger_send(&s);
    test_env_run_for(&w.te, 10);
    test_stranger_subscribes(&s, 1, 0, 0);
    test_meeting_rest(&w);
    CHECK(s.heard[MTI_FOUND] == 2 && s.heard[MTI_SUBSCRIBED] == 1);
    CHECK(s.heard[MTI_DATA] > 0);
    test_stranger_leave(&s);
    test_meeting_end(&w);
}

TEST(node_that_is_longer_than_a_message_goes_over)
{
    test_meeting w;

    test_meeting_of_two(&w);
    set_large(w.peers[0].db, "large", 12, 250000);
    test_meeting_join(&w, 0, 1);
    test_meeting_rest(&w);
    test_meeting_rest(&w);
    assert_string_equal(test_standing_of(w.peers[1].db).text, "live");
    CHECK(has(w.peers[1].db, "large"));
    test_meeting_end(&w);
}

TEST(node_that_is_longer_than_a_message_is_read_from_a_peer)
{
    mt_sync_range mine = {.prefix = mt_str("mine/")};
    mt_handle *node;
    test_meeting w;

    test_meeting_begin(&w);
    test_meeting_open(&w, 0, NULL);
    test_meeting_open(&w, 1, &mine);
    set_large(w.peers[0].db, "large", 12, 250000);
    test_meeting_join(&w, 0, 1);
    test_meeting_rest(&w);
    CHECK(mt_read_wait(w.peers[1].db, mt_str("large"), NULL, &node) == MT_OK);
    CHECK(node);
    mt_handle_unref(node);
    test_meeting_end(&w);
}

TEST(many_nodes_are_read_from_a_peer_at_once)
{
    mt_sync_range mine = {.prefix = mt_str("mine/")};
    mt_handle *nodes[40];
    mt_bytes uids[40];
    char names[40][8];
    test_meeting w;

    test_meeting_begin(&w);
    test_meeting_open(&w, 0, NULL);
    test_meeting_open(&w, 1, &mine);
    for (size_t i = 0; i < 40; i++) {
        snprintf(names[i], sizeof names[i], "n%02zu", i);
        uids[i] = mt_str(names[i]);
        set_large(w.peers[0].db, names[i], 1, 200000);
    }
    test_meeting_join(&w, 0, 1);
    test_meeting_rest(&w);
    CHECK(mt_nodes_wait(w.peers[1].db, uids, 40, NULL, nodes) == MT_OK);
    for (size_t i = 0; i < 40; i++) {
        CHECK(nodes[i]);
        mt_handle_unref(nodes[i]);
    }
    CHECK(test_standing_of(w.peers[1].db).peer.state == MT_SYNC_LIVE);
    test_meeting_end(&w);
}

static void hold_for_ever(void *ctx, mt_action *action)
{
    mt_action **held = ctx;
    size_t at = 0;

    while (held[at]) at++;
    held[at] = action;
}

TEST(peer_that_sends_more_than_the_window_ends_its_session)
{
    enum { MOST = 3000 };
    mt_action **held = calloc(MOST, sizeof(mt_action *));
    mt_hook hook = {.point = MT_ON_UPDATE, .run = hold_for_ever, .ctx = held};
    mt_sync_options options = {.size = sizeof options, .window = 65536};
    test_stranger s;
    test_meeting w;

    if (!held) abort();
    test_meeting_begin(&w);
    test_meeting_open_with(&w, 0, &options, (mt_config){.hooks = &hook, .hook_count = 1});
    test_stranger_come(&w, &s, (mt_pipe_options){.queued_max = 1 << 20});
    test_stranger_greet(&w, &s, 's', 1, 0);
    test_stranger_copies(&s, 1, 7, 10);
    for (size_t i = 0; i < 500 && s.heard[MTI_BYE] == 0; i++) {
        test_stranger_copied(&s, 1, "ada", 1, 100000, 1);
        test_env_run_for(&w.te, 1);
    }
    CHECK(s.heard[MTI_BYE] == 1);
    for (size_t i = 0; held[i]; i++) mt_action_pass(held[i]);
    test_meeting_rest(&w);
    test_stranger_leave(&s);
    test_meeting_end(&w);
    free(held);
}

/* ---- Levels ---- */

static void write_for(mt_db *db, uint32_t peers, test_outcome *o)
{
    mt_options options = {.size = sizeof options, .level = MT_LEVEL_RECEIVED, .peers = peers};
    mt_field field = {.name = mt_str("text"), .value = mt_text("written")};
    mt_row row = {.uid = mt_str("ada"), .fields = &field, .count = 1};

    memset(o, 0, sizeof *o);
    CHECK(mt_write(db, &row, 1, &options, test_outcome_note, o, NULL) == MT_OK);
}

TEST(peer_with_two_links_is_one_peer_that_received_a_write)
{
    test_outcome o;
    test_meeting w;

    test_meeting_of_two(&w);
    test_meeting_join(&w, 0, 1);
    test_meeting_join(&w, 0, 1);
    test_meeting_rest(&w);
    write_for(w.peers[0].db, 2, &o);
    test_meeting_rest(&w);
    CHECK(o.count == 0);
    mt_connection_close(w.ends[test_standing_of(w.peers[1].db).peer.state == MT_SYNC_STANDBY][0]);
    test_meeting_rest(&w);
    CHECK(o.count == 1 && o.status == MT_OFFLINE && o.received == 1);
    test_meeting_end(&w);
}

TEST(position_that_the_log_does_not_know_is_not_ahead_of_a_write)
{
    test_outcome o;
    test_stranger s;
    test_meeting w;

    test_meeting_begin(&w);
    test_meeting_open(&w, 0, NULL);
    test_stranger_come(&w, &s, (mt_pipe_options){.size = 0});
    test_stranger_greet(&w, &s, 's', 1, 0);
    test_stranger_subscribes(&s, 1, 9, 1000000);
    write_for(w.peers[0].db, 1, &o); /* in the turn in which that comes */
    test_meeting_rest(&w);
    CHECK(s.heard[MTI_DATA] > 0 && o.count == 0);
    test_stranger_leave(&s);
    test_meeting_end(&w);
}

TEST(peers_that_have_nothing_in_common_are_quiet)
{
    mt_sync_range ranges[2] = {{.prefix = mt_str("a/")}, {.prefix = mt_str("b/")}};
    uint64_t said;
    test_meeting w;

    test_meeting_begin(&w);
    test_meeting_open(&w, 0, &ranges[0]);
    test_meeting_open(&w, 1, &ranges[1]);
    test_meeting_join(&w, 0, 1);
    test_env_run_for(&w.te, 20000);
    said = test_standing_of(w.peers[0].db).peer.bytes_out;
    test_env_run_for(&w.te, 60000);
    CHECK(test_standing_of(w.peers[0].db).peer.bytes_out == said);
    test_meeting_end(&w);
}

/* ---- Many peers, and much that is refused ---- */

TEST(peer_that_came_with_many_ranges_keeps_nobody_from_being_live)
{
    test_stranger s;
    test_meeting w;

    test_meeting_of_two(&w);
    test_stranger_come(&w, &s, (mt_pipe_options){.queued_max = 1 << 20});
    for (uint64_t round = 0; round < 11; round++) {
        test_stranger_greet(&w, &s, (char)('a' + 2 * round), round + 1, 1000);
        for (uint64_t i = 1; i <= 1000; i++) {
            mti_say say = test_stranger_speak(&s, MTI_DATA);
            mti_say_number(&say, 1000 * round + i);
            mti_say_number(&say, MTI_DATA_POSITION);
            test_say_cursor(&say, 7, 5);
            test_stranger_send(&s);
        }
        test_env_run_for(&w.te, 100);
    }
    test_stranger_leave(&s);
    test_text_set(w.peers[1].db, "ada", "x");
    test_meeting_join(&w, 0, 1);
    test_meeting_rest(&w);
    CHECK(has(w.peers[0].db, "ada"));
    assert_string_equal(test_standing_of(w.peers[0].db).text, "live");
    test_meeting_end(&w);
}

TEST(more_that_is_refused_than_can_be_noted_is_copied_anew)
{
    test_stranger s;
    test_meeting w;

    test_meeting_begin(&w);
    test_meeting_open(&w, 0, NULL);
    test_stranger_come(&w, &s, (mt_pipe_options){.queued_max = 1 << 22});
    test_stranger_greet(&w, &s, 's', 1, 0);
    test_stranger_copies(&s, 1, 7, 10);
    for (size_t i = 0; i < 3; i++) {
        char uid[8];
        snprintf(uid, sizeof uid, "n%zu", i);
        test_stranger_copied(&s, 1, uid, 4000, 1, (uint64_t)1 << 52);
        test_env_run_for(&w.te, 100);
    }
    CHECK(s.heard[MTI_BYE] == 0 && s.heard[MTI_ACK] > 0);
    CHECK(test_standing_of(w.peers[0].db).peer.refused == 10000);
    test_stranger_greet(&w, &s, 's', 2, 0);
    CHECK(s.heard[MTI_SUBSCRIBE] == 2);
    CHECK(s.standing.how == MTI_STANDS_FEED && s.standing.at.number == 0);
    test_stranger_leave(&s);
    test_meeting_end(&w);
}

TEST(nodes_are_read_in_whatever_order_they_are_asked_for)
{
    mti_say say;
    test_stranger s;
    test_meeting w;

    test_meeting_begin(&w);
    test_meeting_open(&w, 0, NULL);
    test_text_set(w.peers[0].db, "ada", "x");
    test_text_set(w.peers[0].db, "bob", "y");
    test_stranger_come(&w, &s, (mt_pipe_options){.size = 0});
    test_stranger_greet(&w, &s, 's', 1, 0);
    say = test_stranger_speak(&s, MTI_PULL);
    mti_say_number(&say, 1);
    mti_say_number(&say, 3);
    mti_say_bytes(&say, mt_str("bob"));
    mti_say_bytes(&say, mt_str("ada"));
    mti_say_bytes(&say, mt_str("bob"));
    test_stranger_send(&s);
    test_meeting_rest(&w);
    CHECK(s.heard[MTI_FOUND] == 2); /* both, and that this was all */
    test_stranger_leave(&s);
    test_meeting_end(&w);
}

/* ---- What was deleted ---- */

TEST(delete_that_came_too_soon_is_taken_when_its_time_has_come)
{
    mt_options future = {.size = sizeof future, .allow_future = true};
    mt_row row = {.uid = mt_str("ada")};
    test_meeting w;

    test_meeting_of_two(&w);
    test_text_set(w.peers[0].db, "ada", "x");
    test_meeting_join(&w, 0, 1);
    test_meeting_rest(&w);
    row.floor = (w.te.env.now_ms(w.te.env.ctx) - UINT64_C(1577836800000) + 15 * 60000) << 11;
    CHECK(mt_commit_rows_wait(w.peers[0].db, &row, 1, &future) == MT_OK);
    test_meeting_rest(&w);
    CHECK(mt_node_count(mt_peek(w.peers[1].db, mt_str("ada"))) == 1);
    test_env_run_for(&w.te, 10 * 60000);
    CHECK(!mt_peek(w.peers[1].db, mt_str("ada")));
    assert_string_equal(test_standing_of(w.peers[1].db).text, "live");
    test_meeting_end(&w);
}

TEST(read_by_force_learns_that_a_node_was_deleted)
{
    mt_options force = {.size = sizeof force, .force = true};
    mt_sync_range mine = {.prefix = mt_str("mine/")};
    mt_handle *node;
    test_meeting w;

    test_meeting_begin(&w);
    test_meeting_open(&w, 0, NULL);
    test_meeting_open(&w, 1, &mine);
    test_text_set(w.peers[0].db, "ada", "x");
    test_meeting_join(&w, 0, 1);
    test_meeting_rest(&w);
    CHECK(mt_read_wait(w.peers[1].db, mt_str("ada"), NULL, &node) == MT_OK && node);
    mt_handle_unref(node);
    CHECK(mt_delete_wait(w.peers[0].db, mt_str("ada"), NULL) == MT_OK);
    CHECK(mt_read_wait(w.peers[1].db, mt_str("ada"), &force, &node) == MT_OK && !node);
    test_meeting_end(&w);
}

/* ---- Hooks that take links away ---- */

typedef struct remover {
    mt_group *links;
    mt_connection *link;
    unsigned left; /* times that it passes first */
    unsigned count;
} remover;

static void remove_link(void *ctx, mt_action *action)
{
    remover *r = ctx;

    if (r->left > 0) r->left--;
    else if (r->link && r->count++ == 0) CHECK(mt_group_remove(r->links, r->link) == MT_OK);
    mt_action_pass(action);
}

/* The link goes away in a hook that runs when something comes, or is acknowledged. */
static void removes_at(mt_hook_point point, bool cuts)
{
    remover r = {.count = 0};
    mt_hook hook = {.point = point, .run = remove_link, .ctx = &r};
    mt_sync_options options = {.size = sizeof options};
    test_outcome o;
    test_meeting w;

    test_meeting_begin(&w);
    test_meeting_open_with(&w, 0, &options, (mt_config){.hooks = &hook, .hook_count = 1});
    test_meeting_open(&w, 1, NULL);
    r.link = test_meeting_join_with(&w, 0, 1, (mt_pipe_options){.latency_ms = 50});
    r.links = w.peers[0].links;
    if (point != MT_ON_UPDATE) test_meeting_rest(&w);
    else test_text_set(w.peers[1].db, "ada", "x");
    if (point == MT_AFTER_WRITE) {
        mt_options await = {.size = sizeof await, .await_push = true};
        mt_field field = {.name = mt_str("text"), .value = mt_text("written")};
        mt_row row = {.uid = mt_str("ada"), .fields = &field, .count = 1};
        memset(&o, 0, sizeof o);
        CHECK(mt_write(w.peers[0].db, &row, 1, &await, test_outcome_note, &o, NULL) == MT_OK);
        test_env_run_for(&w.te, 5);
        CHECK(o.count == 0);
        if (cuts) CHECK(mt_pipe_cut(r.link) == MT_OK);
    }
    test_meeting_rest(&w);
    CHECK(r.count > 0);
    test_meeting_end(&w);
}

TEST(hook_may_take_the_link_away_when_a_write_was_acknowledged)
{
    removes_at(MT_AFTER_WRITE, false);
}

TEST(hook_may_take_the_link_away_when_a_write_was_given_up)
{
    removes_at(MT_AFTER_WRITE, true);
}

TEST(hook_may_take_the_link_away_when_something_comes)
{
    removes_at(MT_ON_UPDATE, false);
}

TEST(hook_may_take_the_link_away_when_reads_are_given_up)
{
    remover r = {.count = 0};
    mt_hook hook = {.point = MT_ON_CATCH, .run = remove_link, .ctx = &r};
    mt_sync_range mine = {.prefix = mt_str("mine/")};
    mt_sync_options options = {.size = sizeof options, .ranges = &mine, .range_count = 1};
    test_outcome o[3];
    test_meeting w;

    test_meeting_begin(&w);
    memset(o, 0, sizeof o);
    test_meeting_open_with(&w, 0, &options, (mt_config){.hooks = &hook, .hook_count = 1});
    test_meeting_open(&w, 1, NULL);
    r.links = w.peers[0].links;
    r.link = test_meeting_join_with(&w, 0, 1, (mt_pipe_options){.latency_ms = 50});
    test_meeting_rest(&w);
    for (size_t i = 0; i < 3; i++)
        CHECK(mt_read(w.peers[0].db, mt_str("ada"), NULL, test_outcome_note, &o[i], NULL) == MT_OK);
    test_env_run_for(&w.te, 5);
    CHECK(mt_pipe_cut(r.link) == MT_OK);
    test_meeting_rest(&w);
    CHECK(o[0].count == 1 && o[1].count == 1 && o[2].count == 1 && r.count > 0);
    test_meeting_end(&w);
}

/* A message has two frames, and the link goes away with the first; `state`: they are refused, too. */
static void removes_between_frames(uint64_t state)
{
    remover r = {.count = 0};
    mt_hook hook = {.point = MT_ON_UPDATE, .run = remove_link, .ctx = &r};
    mt_sync_options options = {.size = sizeof options};
    test_stranger s;
    test_meeting w;

    test_meeting_begin(&w);
    test_meeting_open_with(&w, 0, &options, (mt_config){.hooks = &hook, .hook_count = 1});
    test_stranger_come(&w, &s, (mt_pipe_options){.queued_max = 1 << 22});
    test_stranger_greet(&w, &s, 's', 1, 0);
    test_stranger_copies(&s, 1, 7, 10);
    r.links = w.peers[0].links;
    r.link = s.here;
    r.left = state > 1 ? 2 : 0;
    test_stranger_copied(&s, 1, "ada", 16, 100000, state);
    test_meeting_rest(&w);
    CHECK(r.count > 0);
    test_stranger_leave(&s);
    test_meeting_end(&w);
}

TEST(hook_may_take_the_link_away_between_two_frames)
{
    removes_between_frames(1);
}

TEST(hook_may_take_the_link_away_when_what_was_refused_is_tried_again)
{
    removes_between_frames((uint64_t)1 << 52);
}

/* ---- Acknowledging ---- */

TEST(number_that_is_used_again_leaves_nothing_unacknowledged)
{
    mti_say say;
    test_stranger s;
    test_meeting w;

    test_meeting_begin(&w);
    test_meeting_open(&w, 0, NULL);
    test_text_set(w.peers[0].db, "ada", "x");
    test_stranger_come(&w, &s, (mt_pipe_options){.size = 0});
    test_stranger_greet(&w, &s, 's', 1, 0);
    test_stranger_subscribes(&s, 1, 0, 0);
    test_env_run_for(&w.te, 100);
    CHECK(s.heard[MTI_DATA] == 2);
    say = test_stranger_speak(&s, MTI_UNSUBSCRIBE);
    mti_say_number(&say, 1);
    test_stranger_send(&s);
    test_stranger_subscribes(&s, 1, 9, 9);
    say = test_stranger_speak(&s, MTI_ACK);
    mti_say_number(&say, 2);
    test_stranger_send(&s);
    test_env_run_for(&w.te, 100);
    CHECK(test_standing_of(w.peers[0].db).peer.unacknowledged < 10000);
    test_stranger_leave(&s);
    test_meeting_end(&w);
}

TEST(peer_whose_id_was_not_stored_tries_again)
{
    mt_kv_fault fault = {.calls = MT_KV_FAULT_COMMIT, .status = MT_IO, .fail_at = 0};
    mt_kv_late_options late = {.size = sizeof late, .delay_ms = 5, .fault = &fault};
    mt_sync_options options = {.size = sizeof options};
    mt_storage storage;
    test_meeting w;
    mt_kv kv;

    test_meeting_begin(&w);
    CHECK(mt_kv_memory(&w.te.env, &kv) == MT_OK);
    CHECK(mt_kv_late(&w.te.env, kv, &late, &kv) == MT_OK);
    CHECK(mt_node_store_new(&w.te.env, kv, NULL, &storage, NULL) == MT_OK);
    test_meeting_open_with(&w, 0, &options, (mt_config){.storage = &storage});
    test_meeting_open(&w, 1, NULL);
    test_meeting_join(&w, 0, 1);
    test_env_run_for(&w.te, 30000);
    CHECK(fault.tripped);
    assert_string_equal(test_standing_of(w.peers[0].db).text, "live");
    test_meeting_end(&w);
}

/* It says where it is in a log that is not there. */
TEST(peer_that_is_ahead_of_the_log_is_not_behind)
{
    test_stranger s;
    test_meeting w;
    mti_say say;

    test_meeting_begin(&w);
    test_meeting_open(&w, 0, NULL);
    for (char uid[2] = "b"; uid[0] < 'm'; uid[0]++) set_large(w.peers[0].db, uid, 5, 60000);
    test_stranger_come(&w, &s, (mt_pipe_options){.latency_ms = 50});
    test_stranger_greet(&w, &s, 's', 1, 0);
    test_env_run_for(&w.te, 200);
    say = test_stranger_speak(&s, MTI_SUBSCRIBE);
    mti_say_number(&say, 1);
    mti_say_range(&say, &(mti_range){.first = {NULL, 0}}, 0);
    test_say_cursor(&say, 7, 1000);
    mti_say_byte(&say, 1);
    mti_say_bytes(&say, mt_str("a"));
    test_stranger_send(&s);
    test_env_run_for(&w.te, 55);
    CHECK(strncmp(test_standing_of(w.peers[0].db).text, "sending", 7) == 0);
    for (int i = 0; i < 60; i++) {
        CHECK(test_standing_of(w.peers[0].db).peer.behind == 0);
        test_env_run_for(&w.te, 1);
    }
    test_stranger_leave(&s);
    test_meeting_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(peer_whose_id_was_not_stored_tries_again),
        cmocka_unit_test(what_was_copied_before_a_copy_began_anew_does_not_count_for_it),
        cmocka_unit_test(range_that_begins_behind_a_uid_has_those_that_it_is_a_prefix_of),
        cmocka_unit_test(of_a_peer_that_is_not_expected_back_no_position_is_kept),
        cmocka_unit_test(copy_of_a_list_has_what_storage_has),
        cmocka_unit_test(copy_goes_on_when_answers_to_reads_have_left_a_link),
        cmocka_unit_test(node_that_is_longer_than_a_message_goes_over),
        cmocka_unit_test(node_that_is_longer_than_a_message_is_read_from_a_peer),
        cmocka_unit_test(many_nodes_are_read_from_a_peer_at_once),
        cmocka_unit_test(peer_that_sends_more_than_the_window_ends_its_session),
        cmocka_unit_test(peer_with_two_links_is_one_peer_that_received_a_write),
        cmocka_unit_test(position_that_the_log_does_not_know_is_not_ahead_of_a_write),
        cmocka_unit_test(peers_that_have_nothing_in_common_are_quiet),
        cmocka_unit_test(peer_that_came_with_many_ranges_keeps_nobody_from_being_live),
        cmocka_unit_test(more_that_is_refused_than_can_be_noted_is_copied_anew),
        cmocka_unit_test(nodes_are_read_in_whatever_order_they_are_asked_for),
        cmocka_unit_test(delete_that_came_too_soon_is_taken_when_its_time_has_come),
        cmocka_unit_test(read_by_force_learns_that_a_node_was_deleted),
        cmocka_unit_test(hook_may_take_the_link_away_when_a_write_was_acknowledged),
        cmocka_unit_test(hook_may_take_the_link_away_when_a_write_was_given_up),
        cmocka_unit_test(hook_may_take_the_link_away_when_something_comes),
        cmocka_unit_test(hook_may_take_the_link_away_when_reads_are_given_up),
        cmocka_unit_test(hook_may_take_the_link_away_between_two_frames),
        cmocka_unit_test(hook_may_take_the_link_away_when_what_was_refused_is_tried_again),
        cmocka_unit_test(number_that_is_used_again_leaves_nothing_unacknowledged),
        cmocka_unit_test(peer_that_is_ahead_of_the_log_is_not_behind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
