/* What was refused, over a close of the database: the notes of it lie in the store. */
#include "test_asker.h"
#include "test_meeting.h"

#include <mytosis/plugin/kv_memory.h>
#include <mytosis/plugin/node_store.h>
#include <mytosis/plugin/storage.h>

/* Two that are joined, of which the second has a store. */
typedef struct meeting {
    test_meeting m;
    mt_kv engine; /* kept through all openings */
    test_kept kept;
} meeting;

static void open_second(meeting *w)
{
    mt_sync_options options = {.size = sizeof options};
    mt_storage storage;

    CHECK(mt_node_store_new(&w->m.te.env, w->engine, NULL, &storage, NULL) == MT_OK);
    test_meeting_open_with(&w->m, 1, &options, (mt_config){.storage = &storage});
    test_meeting_rest(&w->m);
}

static void close_second(meeting *w)
{
    mt_close(w->m.peers[1].db);
    mt_group_unref(w->m.peers[1].links);
    w->m.peers[1] = (test_meeting_peer){.db = NULL};
    test_meeting_rest(&w->m);
}

static void begin(meeting *w)
{
    mt_kv kv;

    test_meeting_begin(&w->m);
    test_meeting_open(&w->m, 0, NULL);
    CHECK(mt_kv_memory(&w->m.te.env, &kv) == MT_OK);
    w->engine = test_kept_kv(&w->kept, kv);
    open_second(w);
}

static void end(meeting *w)
{
    close_second(w);
    w->kept.kv.ops->close(w->kept.kv.ctx);
    test_meeting_end(&w->m);
}

static void join(meeting *w)
{
    test_meeting_join(&w->m, 0, 1);
    test_meeting_rest(&w->m);
}

/* The first writes something that is 15 minutes ahead: in five it may be taken. */
static void write_ahead(meeting *w, const char *uid)
{
    mt_options future = {.size = sizeof future, .allow_future = true};
    mt_field field = {.name = mt_str("text"), .value = mt_text("too soon")};
    mt_row row = {.uid = mt_str(uid), .fields = &field, .count = 1};

    field.state = (w->m.te.env.now_ms(w->m.te.env.ctx) - UINT64_C(1577836800000) + 15 * 60000)
                  << 11;
    CHECK(mt_commit_rows_wait(w->m.peers[0].db, &row, 1, &future) == MT_OK);
    test_meeting_rest(&w->m);
}

static bool is_stored(meeting *w, const char *uid)
{
    mt_options here = {.size = sizeof here, .network_none = true};
    mt_handle *node;
    bool is;

    CHECK(mt_read_wait(w->m.peers[1].db, mt_str(uid), &here, &node) == MT_OK);
    is = node != NULL;
    if (node) mt_handle_unref(node);
    return is;
}

TEST(what_came_too_soon_before_a_close_is_taken_after_it_when_its_time_has_come)
{
    meeting w;

    begin(&w);
    join(&w);
    write_ahead(&w, "bob");
    test_text_set(w.m.peers[0].db, "ada", "in time");
    test_meeting_rest(&w.m);
    CHECK(test_standing_of(w.m.peers[1].db).peer.refused == 1);
    close_second(&w);
    open_second(&w);
    join(&w);
    assert_string_equal(test_standing_of(w.m.peers[1].db).text,
                        "live, but for 1 refused: 1 due in 5 min");
    CHECK(test_standing_of(w.m.peers[1].db).peer.nodes_in == 0); /* it goes on where it was */
    test_env_run_for(&w.m.te, 4 * 60000);
    CHECK(!is_stored(&w, "bob"));
    test_env_run_for(&w.m.te, 2 * 60000);
    CHECK(is_stored(&w, "bob"));
    assert_string_equal(test_standing_of(w.m.peers[1].db).text, "live");
    end(&w);
}

TEST(what_became_due_while_the_database_was_closed_is_taken_soon)
{
    meeting w;

    begin(&w);
    join(&w);
    write_ahead(&w, "bob");
    close_second(&w);
    test_env_run_for(&w.m.te, 30 * 60000);
    open_second(&w);
    CHECK(!is_stored(&w, "bob"));
    join(&w);
    test_env_run_for(&w.m.te, 61000);
    CHECK(is_stored(&w, "bob"));
    assert_string_equal(test_standing_of(w.m.peers[1].db).text, "live");
    end(&w);
}

/* A device that starts in the past refuses everything, until it learns what time it is. */
TEST(what_is_due_since_a_clock_was_set_right_is_taken_soon)
{
    meeting w;

    begin(&w);
    join(&w);
    write_ahead(&w, "bob");
    CHECK(!is_stored(&w, "bob"));
    w.m.te.epoch_ms += 20 * 60000;
    test_env_run_for(&w.m.te, 61000);
    CHECK(is_stored(&w, "bob"));
    end(&w);
}

/* Nor is it asked for again. */
TEST(what_was_taken_is_not_noted_after_a_close)
{
    meeting w;

    begin(&w);
    join(&w);
    write_ahead(&w, "bob");
    test_env_run_for(&w.m.te, 6 * 60000);
    CHECK(is_stored(&w, "bob"));
    close_second(&w);
    open_second(&w);
    join(&w);
    CHECK(test_standing_of(w.m.peers[1].db).peer.refused == 0);
    end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            what_came_too_soon_before_a_close_is_taken_after_it_when_its_time_has_come),
        cmocka_unit_test(what_became_due_while_the_database_was_closed_is_taken_soon),
        cmocka_unit_test(what_is_due_since_a_clock_was_set_right_is_taken_soon),
        cmocka_unit_test(what_was_taken_is_not_noted_after_a_close),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
