/* The router's records in a store: those that are none of its own are passed over, and the rest is gone on with. */
#include "sync/message.h"
#include "test_asker.h"
#include "test_meeting.h"
#include "test_stranger.h"

#include <mytosis/plugin/kv_memory.h>
#include <mytosis/plugin/node_store.h>
#include <mytosis/plugin/storage.h>
#include <stdio.h>
#include <string.h>

/* Reads with this number are of what was refused. */
#define FETCH (UINT64_C(1) << 62)

/* A peer on an engine that stays, and a stranger whose id is sixteen times 's'. */
typedef struct scene {
    test_meeting m;
    test_stranger s;
    mt_kv engine;
    test_kept kept;
} scene;

static void begin(scene *w)
{
    mt_kv kv;

    memset(w, 0, sizeof *w);
    test_meeting_begin(&w->m);
    CHECK(mt_kv_memory(&w->m.te.env, &kv) == MT_OK);
    w->engine = test_kept_kv(&w->kept, kv);
}

static void open_peer(scene *w)
{
    mt_sync_options options = {.size = sizeof options};
    mt_storage storage;

    CHECK(mt_node_store_new(&w->m.te.env, w->engine, NULL, &storage, NULL) == MT_OK);
    test_meeting_open_with(&w->m, 0, &options, (mt_config){.storage = &storage});
    test_meeting_rest(&w->m);
}

static void close_peer(scene *w)
{
    mt_close(w->m.peers[0].db);
    mt_group_unref(w->m.peers[0].links);
    w->m.peers[0] = (test_meeting_peer){.db = NULL};
    test_meeting_rest(&w->m);
}

static void come(scene *w)
{
    test_stranger_come(&w->m, &w->s, (mt_pipe_options){.queued_max = 1 << 22});
    test_stranger_greet(&w->m, &w->s, 's', 1, 0);
}

static void end(scene *w)
{
    test_stranger_leave(&w->s);
    close_peer(w);
    w->kept.kv.ops->close(w->kept.kv.ctx);
    test_meeting_end(&w->m);
}

static void put(scene *w, mt_bytes key, mt_bytes value)
{
    mt_storage_record record = {key, value};
    mt_received what = {.records = &record, .record_count = 1};

    CHECK(mt_db_receive_with(w->m.peers[0].db, NULL, &what, NULL, NULL, NULL, NULL) == MT_OK);
    test_env_run_for(&w->m.te, 5);
}

/* Of the stranger, and of a number. */
static mt_bytes key_of(const char *prefix, unsigned number)
{
    static uint8_t key[64];
    size_t len = strlen(prefix);

    memcpy(key, prefix, len);
    memset(key + len, 's', 16);
    memset(key + len + 16, 0, 8);
    key[len + 16] = (uint8_t)number;
    key[len + 17] = (uint8_t)(number >> 8);
    return (mt_bytes){key, len + 24};
}

/* That a node was refused, and when it is due. */
static void put_note(scene *w, unsigned number, uint64_t due_ms)
{
    mt_buf value = {.mem = test_mem()};
    mti_say say = {.out = &value};
    char uid[16];

    (void)snprintf(uid, sizeof uid, "no%04u", number);
    mti_say_status(&say, MT_STATE);
    mti_say_number(&say, due_ms);
    mti_say_fixed(&say, mt_str(uid));
    put(w, key_of("sync/no/", number), mt_buf_bytes(&value));
    mt_buf_free(&value);
}

TEST(records_that_are_none_of_the_routers_are_passed_over)
{
    static const uint8_t long_uid[MT_UID_LEN_MAX + 3] = {5, 0};
    scene w;

    begin(&w);
    open_peer(&w);
    put(&w, mt_str("sync/self"), mt_str("short"));
    put(&w, mt_str("sync/in/short"), mt_str("anything"));
    put(&w, key_of("sync/in/", 1), mt_str("no standing"));
    put(&w, key_of("sync/in/", 2), mt_str("sixteen byte log\5\0 and more"));
    put(&w, mt_str("sync/no/short"), mt_str("\5\0ada"));
    put(&w, mt_str("sync/other"), mt_str("\5\0ada"));
    put(&w, mt_str("sync/x"), mt_str("\5\0ada"));
    put(&w, key_of("sync/ok/", 1), mt_str("\5\0ada"));
    put(&w, key_of("sync/no/", 1), mt_str("\5"));
    put(&w, key_of("sync/no/", 2), (mt_bytes){long_uid, 2});
    put(&w, key_of("sync/no/", 3), (mt_bytes){long_uid, sizeof long_uid});
    close_peer(&w);
    open_peer(&w);
    come(&w);
    CHECK(w.s.heard[MTI_SUBSCRIBE] == 1 && w.s.standing.at.number == 0);
    CHECK(test_standing_of(w.m.peers[0].db).peer.refused == 0);
    end(&w);
}

TEST(more_records_than_are_read_at_once_are_all_read)
{
    scene w;

    begin(&w);
    open_peer(&w);
    for (unsigned i = 0; i < 600; i++) put_note(&w, i, 0);
    close_peer(&w);
    open_peer(&w);
    come(&w);
    CHECK(test_standing_of(w.m.peers[0].db).peer.refused == 600);
    assert_string_equal(test_standing_of(w.m.peers[0].db).text, "catching up");
    end(&w);
}

/* ---- What is due ---- */

TEST(what_is_due_is_asked_for_in_turns_and_taken_as_far_as_it_was_asked_for)
{
    test_finding found;
    uint64_t now;
    scene w;

    begin(&w);
    open_peer(&w);
    now = w.m.te.env.now_ms(w.m.te.env.ctx);
    for (unsigned i = 0; i < 300; i++) put_note(&w, i, now + 20000);
    put_note(&w, 300, 0); /* never */
    put_note(&w, 301, now + 3600000);
    close_peer(&w);
    open_peer(&w);
    come(&w);
    CHECK(w.s.heard[MTI_PULL] == 0);
    test_env_run_for(&w.m.te, 30000);
    CHECK(w.s.heard[MTI_PULL] == 1 && w.s.pulled == FETCH && w.s.pulled_keys == 256);
    test_env_run_for(&w.m.te, 70000); /* those that were left, and did not come */
    CHECK(w.s.heard[MTI_PULL] > 1);

    found = test_stranger_finds(&w.s, FETCH, true, MT_OK);
    test_finding_row(&found, "no0001", "a", 5, true);
    test_finding_row(&found, "no0001", "b", 5, false);
    test_finding_row(&found, "no0002", "a", 5, false);
    test_finding_row(&found, "other", "a", 5, false); /* nobody asked for it */
    test_finding_send(&found);
    test_env_run_for(&w.m.te, 1000);
    CHECK(test_standing_of(w.m.peers[0].db).peer.refused == 300);
    CHECK(mt_node_count(mt_peek(w.m.peers[0].db, mt_str("no0001"))) == 2);
    CHECK(mt_peek(w.m.peers[0].db, mt_str("no0002")) && !mt_peek(w.m.peers[0].db, mt_str("other")));
    CHECK(w.s.heard[MTI_BYE] == 0);
    end(&w);
}

TEST(what_comes_too_soon_again_is_noted_again_in_its_parts)
{
    test_finding found;
    uint64_t now;
    scene w;

    begin(&w);
    open_peer(&w);
    now = w.m.te.env.now_ms(w.m.te.env.ctx);
    put_note(&w, 1, now);
    close_peer(&w);
    open_peer(&w);
    come(&w);
    test_env_run_for(&w.m.te, 70000);
    CHECK(w.s.heard[MTI_PULL] >= 1 && w.s.pulled_keys == 1);
    found = test_stranger_finds(&w.s, FETCH, false, MT_OK);
    test_finding_row(&found, "no0001", "a", 5, true);
    test_finding_row(&found, "no0001", "b", UINT64_C(1) << 52, false);
    test_finding_send(&found);
    test_env_run_for(&w.m.te, 1000);
    CHECK(mt_node_count(mt_peek(w.m.peers[0].db, mt_str("no0001"))) == 1);
    CHECK(test_standing_of(w.m.peers[0].db).peer.refused == 1);
    end(&w);
}

TEST(what_is_due_of_a_peer_that_is_away_waits_for_it)
{
    uint64_t now;
    scene w;

    begin(&w);
    open_peer(&w);
    now = w.m.te.env.now_ms(w.m.te.env.ctx);
    put_note(&w, 1, now + 1000);
    put_note(&w, 2, now + 1000);
    close_peer(&w);
    open_peer(&w);
    test_env_run_for(&w.m.te, 130000);
    come(&w);
    test_env_run_for(&w.m.te, 70000);
    CHECK(w.s.heard[MTI_PULL] >= 1 && w.s.pulled == FETCH && w.s.pulled_keys == 2);
    end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_that_are_none_of_the_routers_are_passed_over),
        cmocka_unit_test(more_records_than_are_read_at_once_are_all_read),
        cmocka_unit_test(what_is_due_is_asked_for_in_turns_and_taken_as_far_as_it_was_asked_for),
        cmocka_unit_test(what_comes_too_soon_again_is_noted_again_in_its_parts),
        cmocka_unit_test(what_is_due_of_a_peer_that_is_away_waits_for_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
