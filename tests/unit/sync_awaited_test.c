/* Writes that wait for peers: for which of them, and what ends the waiting. */
#include "test_meeting.h"
#include "test_stranger.h"

#include <mytosis/plugin/kv_memory.h>
#include <mytosis/plugin/node_store.h>
#include <mytosis/plugin/storage.h>
#include <string.h>

static void write(mt_db *db, const char *uid, mt_options options, test_outcome *o)
{
    mt_field field = {.name = mt_str("text"), .value = mt_text("written")};
    mt_row row = {.uid = mt_str(uid), .fields = &field, .count = 1};

    options.size = sizeof options;
    *o = (test_outcome){.count = 0};
    CHECK(mt_write(db, &row, 1, &options, test_outcome_note, o, NULL) == MT_OK);
}

static mt_options received(void)
{
    return (mt_options){.level = MT_LEVEL_RECEIVED};
}

/* ---- For whom ---- */

static void choose_group(void *ctx, mt_action *action)
{
    mt_action_set_group(action, *(mt_group **)ctx);
    mt_action_pass(action);
}

TEST(write_waits_for_the_group_that_it_is_told_to)
{
    mt_group *group;
    mt_hook hook = {.point = MT_BEFORE_WRITE, .run = choose_group, .ctx = &group};
    mt_sync_options options = {.size = sizeof options};
    mt_connection *second;
    test_meeting m;
    test_outcome o;

    test_meeting_begin(&m);
    CHECK(mt_group_new(test_mem(), &group) == MT_OK);
    test_meeting_open_with(&m, 0, &options, (mt_config){.hooks = &hook, .hook_count = 1});
    test_meeting_open(&m, 1, NULL);
    test_meeting_open(&m, 2, NULL);
    test_meeting_join(&m, 0, 1);
    second = test_meeting_join(&m, 0, 2);
    test_meeting_rest(&m);
    CHECK(mt_group_add(group, second) == MT_OK);
    write(m.peers[0].db, "ada", (mt_options){.level = MT_LEVEL_RECEIVED, .peers = 2}, &o);
    test_meeting_rest(&m);
    CHECK(o.count == 1 && o.status == MT_OFFLINE && o.received == 1);
    CHECK(!test_text_of(m.peers[1].db, "ada") && test_text_is(m.peers[2].db, "ada", "written"));
    mt_group_unref(group);
    group = NULL;
    write(m.peers[0].db, "bob", received(), &o);
    test_meeting_rest(&m);
    CHECK(o.count == 1 && o.status == MT_OFFLINE && o.received == 0);
    test_meeting_end(&m);
}

TEST(write_waits_for_nobody_that_is_not_expected_back)
{
    test_meeting m;
    test_outcome o;

    test_meeting_of_two(&m);
    test_meeting_join_with(&m, 0, 1, (mt_pipe_options){.flags = MT_CONNECTION_EPHEMERAL});
    test_meeting_rest(&m);
    write(m.peers[0].db, "ada", received(), &o);
    test_meeting_rest(&m);
    CHECK(o.count == 1 && o.status == MT_OFFLINE && o.received == 0);
    CHECK(test_text_is(m.peers[1].db, "ada", "written"));
    test_meeting_end(&m);
}

TEST(write_waits_for_nobody_that_does_not_want_it_unless_it_may_later)
{
    mt_sync_range notes = {.prefix = mt_str("notes/")};
    mt_options pushed = {.level = MT_LEVEL_APPLIED, .await_push = true};
    test_meeting m;
    test_outcome o;

    test_meeting_begin(&m);
    test_meeting_open(&m, 0, NULL);
    test_meeting_open(&m, 1, &notes);
    test_meeting_join(&m, 0, 1);
    test_meeting_rest(&m);
    write(m.peers[0].db, "other/1", pushed, &o);
    test_env_run_for(&m.te, 50);
    CHECK(o.count == 1 && o.status == MT_OK);
    write(m.peers[0].db, "notes/1", pushed, &o);
    test_env_run_for(&m.te, 50);
    CHECK(o.count == 1 && o.status == MT_OK);
    write(m.peers[0].db, "other/2", received(), &o);
    test_meeting_rest(&m);
    CHECK(o.count == 0); /* it may want more ranges one day */
    CHECK(mt_db_set_ranges(m.peers[1].db, NULL, 0) == MT_OK);
    test_meeting_rest(&m);
    CHECK(o.count == 1 && o.status == MT_OK && o.received == 1);
    test_meeting_end(&m);
}

TEST(write_that_is_only_pushed_does_not_wait_for_who_is_away)
{
    mt_options pushed = {.level = MT_LEVEL_APPLIED, .await_push = true};
    test_meeting m;
    test_outcome o;

    test_meeting_of_two(&m);
    CHECK(mt_pipe_cut(test_meeting_join(&m, 0, 1)) == MT_OK);
    test_meeting_rest(&m);
    write(m.peers[0].db, "ada", pushed, &o);
    test_env_run_for(&m.te, 50);
    CHECK(o.count == 1 && o.status == MT_OK);
    test_meeting_end(&m);
}

TEST(write_of_what_ended_does_not_count_as_sent)
{
    mt_sync_range once = {.once = true};
    mt_options brief = {.level = MT_LEVEL_RECEIVED, .deadline_ms = 500};
    test_meeting m;
    test_outcome o;

    test_meeting_begin(&m);
    test_meeting_open(&m, 0, NULL);
    test_meeting_open(&m, 1, &once);
    test_text_set(m.peers[0].db, "ada", "before");
    test_meeting_join(&m, 0, 1);
    test_meeting_rest(&m);
    CHECK(test_text_is(m.peers[1].db, "ada", "before"));
    write(m.peers[0].db, "ada", brief, &o);
    test_meeting_rest(&m);
    CHECK(o.count == 1 && o.status == MT_DEADLINE && test_text_is(m.peers[1].db, "ada", "before"));
    test_meeting_end(&m);
}

/* A write that is not stored is in no log: who is away, or behind, will not get it. */
TEST(write_that_is_not_stored_waits_for_those_alone_that_get_it_at_once)
{
    mt_sync_options options = {.size = sizeof options};
    mt_options aside = {.level = MT_LEVEL_RECEIVED, .storage_none = true};
    mt_sync_range notes = {.prefix = mt_str("notes/")};
    mt_connection *link;
    mt_storage storage;
    test_meeting m;
    mt_kv kv;
    test_outcome o;

    test_meeting_begin(&m);
    CHECK(mt_kv_memory(&m.te.env, &kv) == MT_OK);
    CHECK(mt_node_store_new(&m.te.env, kv, NULL, &storage, NULL) == MT_OK);
    test_meeting_open_with(&m, 0, &options, (mt_config){.storage = &storage});
    test_meeting_open(&m, 1, &notes);
    link = test_meeting_join(&m, 0, 1);
    test_meeting_rest(&m);
    write(m.peers[0].db, "notes/1", aside, &o);
    test_meeting_rest(&m);
    CHECK(o.count == 1 && o.status == MT_OK && o.received == 1);
    CHECK(mt_pipe_cut(link) == MT_OK);
    test_meeting_rest(&m);
    write(m.peers[0].db, "notes/2", aside, &o);
    test_meeting_rest(&m);
    CHECK(o.count == 1 && o.status == MT_OFFLINE);
    test_meeting_end(&m);
}

TEST(write_that_is_not_stored_is_in_the_log_of_a_database_without_storage)
{
    mt_options aside = {.level = MT_LEVEL_RECEIVED, .storage_none = true};
    mt_connection *link;
    test_meeting m;
    test_outcome o;

    test_meeting_of_two(&m);
    link = test_meeting_join(&m, 0, 1);
    test_meeting_rest(&m);
    CHECK(mt_pipe_cut(link) == MT_OK);
    test_meeting_rest(&m);
    write(m.peers[0].db, "ada", aside, &o);
    test_meeting_rest(&m);
    CHECK(o.count == 0);
    CHECK(mt_pipe_restore(link) == MT_OK);
    test_meeting_rest(&m);
    CHECK(o.count == 1 && o.status == MT_OK && o.received == 1);
    CHECK(test_text_is(m.peers[1].db, "ada", "written"));
    test_meeting_end(&m);
}

/* ---- Until when ---- */

TEST(writes_wait_side_by_side_and_end_in_any_order)
{
    mt_connection *links[2];
    test_outcome first, second, third;
    test_meeting m;

    test_meeting_begin(&m);
    for (size_t i = 0; i < TEST_MEETING_MAX; i++) test_meeting_open(&m, i, NULL);
    for (size_t i = 0; i < 2; i++) links[i] = test_meeting_join(&m, 0, i + 1);
    test_meeting_rest(&m);
    CHECK(mt_pipe_cut(links[1]) == MT_OK);
    test_meeting_rest(&m);
    write(m.peers[0].db, "a", (mt_options){.level = MT_LEVEL_RECEIVED, .peers = 2}, &first);
    write(m.peers[0].db, "b", (mt_options){.level = MT_LEVEL_RECEIVED, .peers = 1}, &second);
    write(m.peers[0].db, "c", (mt_options){.level = MT_LEVEL_RECEIVED, .peers = 2}, &third);
    test_meeting_rest(&m);
    CHECK(first.count == 0 && second.count == 1 && second.status == MT_OK && third.count == 0);
    CHECK(mt_pipe_restore(links[1]) == MT_OK);
    test_meeting_rest(&m);
    CHECK(first.count == 1 && first.status == MT_OK && first.received == 2);
    CHECK(third.count == 1 && third.status == MT_OK && third.received == 2);
    test_meeting_end(&m);
}

TEST(writes_that_wait_end_when_the_database_is_closed)
{
    test_outcome first, second;
    test_meeting m;

    test_meeting_of_two(&m);
    CHECK(mt_pipe_cut(test_meeting_join(&m, 0, 1)) == MT_OK);
    test_meeting_rest(&m);
    write(m.peers[0].db, "a", received(), &first);
    write(m.peers[0].db, "b", received(), &second);
    test_meeting_rest(&m);
    CHECK(first.count == 0 && second.count == 0);
    mt_close(m.peers[0].db);
    m.peers[0].db = NULL;
    test_env_run_for(&m.te, 50);
    CHECK(first.count == 1 && first.status != MT_OK && second.count == 1 && second.status != MT_OK);
    test_meeting_end(&m);
}

static void close_db(void *ctx, mt_db *db, const mt_result *result)
{
    (void)result;
    ++*(unsigned *)ctx;
    mt_close(db);
}

TEST(who_waited_may_close_the_database)
{
    mt_options options = {.size = sizeof options, .level = MT_LEVEL_RECEIVED};
    mt_field field = {.name = mt_str("text"), .value = mt_text("written")};
    mt_row row = {.uid = mt_str("b"), .fields = &field, .count = 1};
    unsigned closed = 0;
    test_outcome first;
    test_meeting m;

    test_meeting_of_two(&m);
    test_meeting_join(&m, 0, 1);
    test_meeting_rest(&m);
    write(m.peers[0].db, "a", (mt_options){.level = MT_LEVEL_RECEIVED, .peers = 3}, &first);
    CHECK(mt_write(m.peers[0].db, &row, 1, &options, close_db, &closed, NULL) == MT_OK);
    m.peers[0].db = NULL;
    test_meeting_rest(&m);
    CHECK(closed == 1 && first.count == 1);
    test_meeting_end(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(write_waits_for_the_group_that_it_is_told_to),
        cmocka_unit_test(write_waits_for_nobody_that_is_not_expected_back),
        cmocka_unit_test(write_waits_for_nobody_that_does_not_want_it_unless_it_may_later),
        cmocka_unit_test(write_that_is_only_pushed_does_not_wait_for_who_is_away),
        cmocka_unit_test(write_of_what_ended_does_not_count_as_sent),
        cmocka_unit_test(write_that_is_not_stored_waits_for_those_alone_that_get_it_at_once),
        cmocka_unit_test(write_that_is_not_stored_is_in_the_log_of_a_database_without_storage),
        cmocka_unit_test(writes_wait_side_by_side_and_end_in_any_order),
        cmocka_unit_test(writes_that_wait_end_when_the_database_is_closed),
        cmocka_unit_test(who_waited_may_close_the_database),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
