/* Ranges that become others, reads beside that, and writes of which not everybody is told. */
#include "test_meeting.h"

#include <mytosis/conformance.h>
#include <mytosis/plugin/kv_memory.h>
#include <mytosis/plugin/node_store.h>
#include <mytosis/plugin/storage.h>
#include <string.h>

typedef struct outcome {
    unsigned count;
    mt_status status;
    uint64_t at_ms;
    const test_env *te;
} outcome;

static void note(void *ctx, mt_db *db, const mt_result *result)
{
    outcome *o = ctx;

    (void)db;
    o->count++;
    o->status = result->status;
    o->at_ms = o->te->ticks_ms;
}

static void begin_read(test_meeting *m, size_t at, const char *uid, outcome *o)
{
    *o = (outcome){.te = &m->te};
    CHECK(mt_read(m->peers[at].db, mt_str(uid), NULL, note, o, NULL) == MT_OK);
}

static mt_pipe_options slow(uint64_t ms)
{
    return (mt_pipe_options){.size = sizeof(mt_pipe_options), .latency_ms = ms};
}

static const mt_sync_range mine[] = {{.prefix = {(const uint8_t *)"mine/", 5}},
                                     {.prefix = {(const uint8_t *)"doc/", 4}}};

/* ---- Reads ---- */

TEST(read_beside_ranges_that_become_others_is_answered)
{
    outcome before, after;
    test_meeting m;

    test_meeting_begin(&m);
    test_meeting_open(&m, 0, &mine[0]);
    test_meeting_open(&m, 1, NULL);
    test_text_set(m.peers[1].db, "doc/1", "x");
    test_text_set(m.peers[1].db, "elsewhere/1", "y");
    test_meeting_join_with(&m, 0, 1, slow(50));
    test_meeting_rest(&m);
    begin_read(&m, 0, "elsewhere/1", &before);
    test_env_run_for(&m.te, 5);
    CHECK(mt_db_set_ranges(m.peers[0].db, mine, 2) == MT_OK);
    begin_read(&m, 0, "doc/1", &after);
    test_meeting_rest(&m);
    CHECK(before.count == 1 && before.status == MT_OK);
    CHECK(after.count == 1 && after.status == MT_OK);
    CHECK(test_text_is(m.peers[0].db, "elsewhere/1", "y"));
    CHECK(test_text_is(m.peers[0].db, "doc/1", "x"));
    test_meeting_end(&m);
}

/* Which of two links is used is up to chance: here it falls either way. */
TEST(read_while_two_links_greet_is_answered_on_the_one_that_is_used)
{
    for (uint64_t round = 0; round < 8; round++) {
        outcome nothing, something;
        test_meeting m;
        uint64_t start;

        test_meeting_begin(&m);
        test_meeting_open(&m, 0, &mine[0]);
        test_meeting_open(&m, 1, NULL);
        test_text_set(m.peers[1].db, "elsewhere/1", "y");
        test_meeting_join_with(&m, 0, 1, slow(50));
        test_meeting_join_with(&m, 0, 1, slow(50 + round));
        for (uint64_t i = 0; i < round; i++) {
            CHECK(mt_db_set_ranges(m.peers[0].db, mine, 2) == MT_OK);
            test_meeting_rest(&m);
        }
        CHECK(mt_db_set_ranges(m.peers[0].db, mine, 2) == MT_OK);
        test_env_run_for(&m.te, 2);
        start = m.te.ticks_ms;
        begin_read(&m, 0, "nobody/1", &nothing);
        begin_read(&m, 0, "elsewhere/1", &something);
        test_meeting_rest(&m);
        CHECK(nothing.count == 1 && nothing.status == MT_OK && nothing.at_ms - start < 1000);
        CHECK(something.count == 1 && something.status == MT_OK);
        CHECK(test_text_is(m.peers[0].db, "elsewhere/1", "y"));
        test_meeting_end(&m);
    }
}

/* ---- Hooks that take links away ---- */

typedef struct remover {
    mt_group *links;
    mt_connection *link;
    mt_db *db;
    unsigned count;
} remover;

static void remove_link(void *ctx, mt_action *action)
{
    remover *r = ctx;

    if (r->count++ == 0) {
        mt_connection_close(r->link);
        (void)!mt_group_remove(r->links, r->link);
    }
    mt_action_pass(action);
}

/* A write that waits for a peer is answered when the session begins anew, and its hook has the link go. */
TEST(hook_may_take_the_link_away_when_ranges_become_others)
{
    mt_options awaited = {.size = sizeof awaited, .await_push = true};
    remover r = {.count = 0};
    mt_hook hook = {.point = MT_AFTER_WRITE, .run = remove_link, .ctx = &r};
    mt_sync_options options = {.size = sizeof options, .ranges = mine, .range_count = 1};
    mt_field field = {.name = mt_str("text"), .value = mt_text("x")};
    mt_row row = {.uid = mt_str("mine/1"), .fields = &field, .count = 1};
    test_meeting m;
    outcome o;

    test_meeting_begin(&m);
    test_meeting_open_with(&m, 0, &options, (mt_config){.hooks = &hook, .hook_count = 1});
    test_meeting_open(&m, 1, NULL);
    test_meeting_open(&m, 2, NULL);
    r.links = m.peers[0].links;
    r.link = test_meeting_join_with(&m, 0, 1, slow(50));
    test_meeting_join_with(&m, 0, 2, slow(50));
    test_meeting_rest(&m);
    o = (outcome){.te = &m.te};
    CHECK(mt_write(m.peers[0].db, &row, 1, &awaited, note, &o, NULL) == MT_OK);
    test_env_run_for(&m.te, 5);
    CHECK(mt_db_set_ranges(m.peers[0].db, mine, 2) == MT_OK);
    test_meeting_rest(&m);
    CHECK(o.count == 1 && r.count == 1);
    test_text_set(m.peers[2].db, "doc/1", "still there");
    test_meeting_rest(&m);
    CHECK(test_text_is(m.peers[0].db, "doc/1", "still there"));
    test_meeting_end(&m);
}

/* ---- Writes of which not everybody is told ---- */

static mt_db *open_stored(test_meeting *m, size_t at)
{
    mt_sync_options options = {.size = sizeof options};
    mt_storage storage;
    mt_kv kv;

    CHECK(mt_kv_memory(&m->te.env, &kv) == MT_OK);
    CHECK(mt_node_store_new(&m->te.env, kv, NULL, &storage, NULL) == MT_OK);
    return test_meeting_open_with(m, at, &options, (mt_config){.storage = &storage});
}

static mt_status write_as(mt_db *db, const char *uid, const mt_options *options)
{
    mt_field field = {.name = mt_str("text"), .value = mt_text("x")};
    mt_row row = {.uid = mt_str(uid), .fields = &field, .count = 1};

    return mt_write_wait(db, &row, 1, options, NULL);
}

static void write_large(mt_db *db, const char *uid)
{
    static uint8_t text[100000];
    mt_field field = {.name = mt_str("text"), .value = mt_blob((mt_bytes){text, sizeof text})};
    mt_row row = {.uid = mt_str(uid), .fields = &field, .count = 1};

    CHECK(mt_write_wait(db, &row, 1, NULL, NULL) == MT_OK);
}

TEST(what_is_not_stored_goes_at_once_also_behind_what_nobody_was_told_of)
{
    mt_options untold = {.size = sizeof untold, .network_none = true};
    mt_options aside = {.size = sizeof aside, .storage_none = true};
    test_meeting m;
    mt_db *db;

    test_meeting_begin(&m);
    db = open_stored(&m, 0);
    test_meeting_open(&m, 1, NULL);
    test_meeting_join(&m, 0, 1);
    test_meeting_rest(&m);
    CHECK(write_as(db, "quiet", &untold) == MT_OK && write_as(db, "cursor", &aside) == MT_OK);
    test_meeting_rest(&m);
    CHECK(test_text_is(m.peers[1].db, "cursor", "x") && !test_text_of(m.peers[1].db, "quiet"));
    CHECK(write_as(db, "loud", NULL) == MT_OK);
    test_meeting_rest(&m);
    CHECK(test_text_is(m.peers[1].db, "quiet", "x") && test_text_is(m.peers[1].db, "loud", "x"));
    test_meeting_end(&m);
}

/* A peer that catches up reads the log, where it is not. */
TEST(what_is_not_stored_is_not_received_by_a_peer_that_catches_up)
{
    mt_options aside = {.size = sizeof aside, .storage_none = true, .level = MT_LEVEL_RECEIVED};
    test_meeting m;
    mt_db *db;

    test_meeting_begin(&m);
    db = open_stored(&m, 0);
    aside.deadline_ms = 2000;
    for (char uid[] = "a"; uid[0] <= 'z'; uid[0]++) write_large(db, uid);
    test_meeting_open(&m, 1, NULL);
    test_meeting_join_with(&m, 0, 1, slow(100));
    test_env_run_for(&m.te, 250);
    CHECK(test_standing_of(db).peer.state == MT_SYNC_CATCHING);
    CHECK(write_as(db, "cursor", &aside) != MT_OK);
    test_env_run_for(&m.te, 20000);
    CHECK(test_standing_of(db).peer.state == MT_SYNC_LIVE);
    CHECK(!test_text_of(m.peers[1].db, "cursor"));
    CHECK(write_as(db, "cursor", &aside) == MT_OK);
    CHECK(test_text_is(m.peers[1].db, "cursor", "x"));
    test_meeting_end(&m);
}

TEST(what_a_peer_gave_itself_it_is_not_behind_with)
{
    mt_sync_range gives = {.pull_none = true};
    mt_handle *node = NULL;
    test_meeting m;

    test_meeting_begin(&m);
    test_meeting_open(&m, 0, &gives);
    test_meeting_open(&m, 1, NULL);
    test_meeting_join(&m, 0, 1);
    test_text_set(m.peers[1].db, "ada", "x");
    test_meeting_rest(&m);
    CHECK(mt_read_wait(m.peers[0].db, mt_str("ada"), NULL, &node) == MT_OK && node);
    mt_handle_unref(node);
    test_meeting_rest(&m);
    CHECK(test_standing_of(m.peers[0].db).peer.behind == 0);
    test_meeting_end(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(read_beside_ranges_that_become_others_is_answered),
        cmocka_unit_test(read_while_two_links_greet_is_answered_on_the_one_that_is_used),
        cmocka_unit_test(hook_may_take_the_link_away_when_ranges_become_others),
        cmocka_unit_test(what_is_not_stored_goes_at_once_also_behind_what_nobody_was_told_of),
        cmocka_unit_test(what_is_not_stored_is_not_received_by_a_peer_that_catches_up),
        cmocka_unit_test(what_a_peer_gave_itself_it_is_not_behind_with),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
