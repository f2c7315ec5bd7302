/* Storages that keep no prints: peers make them from a list of all nodes, which comes late, in parts, or
 * fails; and some cannot list. */
#include "sync/message.h"
#include "test_meeting.h"
#include "test_storage.h"

#include <mytosis/mytosis.h>
#include <stdio.h>
#include <string.h>

#define NODES 60u

/* Two that have storages, and were told of the same nodes. */
typedef struct scene {
    test_meeting m;
    test_storage stores[2];
    mt_subscription *ears[2];
    size_t heard[64];
    size_t data; /* bytes */
} scene;

static void hear(void *ctx, const void *event)
{
    mt_bytes message = ((const mt_message *)event)->bytes;
    scene *w = ctx;

    w->heard[message.data[1]]++;
    if (message.data[1] == MTI_DATA) w->data += message.len;
}

static void begin(scene *w, test_when when)
{
    memset(w, 0, sizeof *w);
    test_meeting_begin(&w->m);
    for (size_t i = 0; i < 2; i++) {
        test_storage_init(&w->stores[i], &w->m.te.env);
        w->stores[i].when = when;
        w->stores[i].quiet = true;
        w->stores[i].large = 4;
        w->stores[i].row_fields = 3;
        w->stores[i].ops.changes = NULL; /* the log is in memory, too */
    }
}

static void open_with(scene *w, size_t at, const mt_sync_range *range)
{

    mt_sync_options options = {
        .size = sizeof options, .ranges = range, .range_count = range != NULL, .log_nodes = NODES};

    (void)test_meeting_open_with(
        &w->m, at, &options,
        (mt_config){.storage = &w->stores[at].storage, .cache_bytes = 1 << 16});
}

static void open_both(scene *w)
{
    for (size_t i = 0; i < 2; i++) open_with(w, i, NULL);
}

/* Nodes of several fields; those of some numbers have more than come at once. */
static void put(test_storage *ts, unsigned number, const char *text, uint64_t state)
{
    char uid[16], name[16];
    mt_field field = {.value = mt_text(text), .state = state};
    mt_row row = {.fields = &field, .count = 1};

    snprintf(uid, sizeof uid, "user/%03u", number);
    row.uid = mt_str(uid);
    for (unsigned i = 0; i < (number % 5 ? 2 : 12); i++) {
        snprintf(name, sizeof name, "f%02u", i);
        field.name = mt_str(name);
        CHECK(mt_graph_merge_rows(ts->graph, &row, 1, NULL) == MT_OK);
    }
}

static void put_same(scene *w)
{
    for (size_t i = 0; i < 2; i++)
        for (unsigned k = 0; k < NODES; k++) put(&w->stores[i], k, "the same", 5);
}

static void meet(scene *w)
{
    mt_subscriber subscriber = {.on_event = hear, .ctx = w};

    (void)test_meeting_join(&w->m, 0, 1);
    for (size_t i = 0; i < 2; i++)
        CHECK(mt_event_stream_subscribe(mt_connection_messages(w->m.ends[w->m.pipes - 1][i]),
                                        &subscriber, &w->ears[i]) == MT_OK);
}

static bool are_equal(const scene *w)
{
    return mt_graph_equal(w->stores[0].graph, w->stores[1].graph);
}

static void end(scene *w)
{
    for (size_t i = 0; i < 2; i++)
        if (w->ears[i]) mt_subscription_dispose(w->ears[i]);
    for (size_t i = 0; i < 2; i++) w->stores[i].when = TEST_AT_ONCE;
    for (size_t i = 0; i < 2; i++) {
        mt_close(w->m.peers[i].db);
        w->m.peers[i].db = NULL;
    }
    for (size_t i = 0; i < 2; i++) test_storage_end(&w->stores[i]);
    test_meeting_end(&w->m);
}

/* ---- Parts ---- */

static void nodes_in_parts_are_compared(test_when when)
{
    scene w;

    begin(&w, when);
    put_same(&w);
    put(&w.stores[0], 5, "of the first", 6);
    put(&w.stores[1], 6, "of the last", 6);
    put(&w.stores[1], 10, "of the last", 6);
    put(&w.stores[1], NODES + 5, "new", 5);
    open_both(&w);
    meet(&w);
    test_meeting_rest(&w.m);
    CHECK(are_equal(&w));
    CHECK(w.heard[MTI_ASK] > 0 && w.heard[MTI_BYE] == 0);
    if (w.data > 1500) fail_msg("%zu bytes of data", w.data);
    end(&w);
}

TEST(nodes_that_come_in_parts_are_compared)
{
    nodes_in_parts_are_compared(TEST_AT_ONCE);
    nodes_in_parts_are_compared(TEST_LATER);
    nodes_in_parts_are_compared(TEST_MIXED);
}

/* Commits of nodes that are not whole in memory leave nothing wrong in the index. */
TEST(what_is_written_to_a_part_of_a_node_is_in_the_index)
{
    mt_field field = {.value = mt_text("meanwhile")};
    mt_row row = {.uid = mt_str("user/010"), .fields = &field, .count = 1};
    scene w;

    begin(&w, TEST_LATER);
    put_same(&w);
    put(&w.stores[0], 5, "of the first", 6);
    open_both(&w);
    meet(&w);
    for (unsigned i = 0; i < 12; i++) {
        char name[16];
        snprintf(name, sizeof name, "f%02u", i);
        field.name = mt_str(name);
        CHECK(mt_write(w.m.peers[i % 2].db, &row, 1, NULL, NULL, NULL, NULL) == MT_OK);
        test_env_run_for(&w.m.te, 2);
        if (i % 3 == 2) {
            CHECK(mt_pipe_cut(w.m.ends[0][0]) == MT_OK);
            test_env_run_for(&w.m.te, i);
            CHECK(mt_pipe_restore(w.m.ends[0][0]) == MT_OK);
        }
    }
    test_meeting_rest(&w.m);
    CHECK(are_equal(&w));
    end(&w);
}

/* ---- Failures ---- */

static void list_fails_at(size_t at, bool at_start)
{
    scene w;

    begin(&w, TEST_LATER);
    put_same(&w);
    put(&w.stores[0], 5, "of the first", 6);
    put(&w.stores[1], 6, "of the last", 6);
    w.stores[0].fault =
        (test_fault){.calls = TEST_LIST, .status = MT_IO, .fail_at = at, .at_start = at_start};
    open_both(&w);
    meet(&w);
    test_env_run_for(&w.m.te, 12000);
    CHECK(are_equal(&w));
    end(&w);
}

TEST(list_that_fails_is_asked_for_again)
{
    for (size_t at = 0; at < 4; at++) {
        list_fails_at(at, false);
        list_fails_at(at, true);
    }
}

TEST(list_that_always_fails_is_not_asked_for_all_the_time)
{
    unsigned calls;
    uint64_t timers;
    scene w;

    begin(&w, TEST_LATER);
    put_same(&w);
    put(&w.stores[1], 6, "of the last", 6);
    w.stores[0].fault = (test_fault){.calls = TEST_LIST, .status = MT_IO};
    open_both(&w);
    meet(&w);
    calls = w.stores[0].calls;
    timers = w.m.te.set_count;
    for (unsigned i = 0; i < 60000; i++) {
        w.stores[0].fault.count = 0;
        test_env_run_for(&w.m.te, 1);
    }
    if (w.stores[0].calls - calls > 80) fail_msg("%u calls", w.stores[0].calls - calls);
    CHECK(w.m.te.set_count - timers < 3000);
    w.stores[0].fault.status = MT_OK;
    test_env_run_for(&w.m.te, 12000);
    CHECK(are_equal(&w));
    end(&w);
}

/* ---- Without a list ---- */

static void cannot_list(scene *w, bool pull_alone)
{
    mt_sync_range pull = {.push_none = true};

    begin(w, TEST_LATER);
    w->stores[0].ops.list = NULL;
    put_same(w);
    put(&w->stores[0], 5, "of the first", 6);
    put(&w->stores[1], 6, "of the last", 6);
    open_with(w, 0, pull_alone ? &pull : NULL);
    open_with(w, 1, NULL);
    meet(w);
    test_meeting_rest(&w->m);
}

TEST(storage_that_cannot_list_is_sent_all)
{
    mt_field field = {.name = mt_str("f00"), .value = mt_text("now")};
    mt_row row = {.uid = mt_str("user/007"), .fields = &field, .count = 1};
    scene w;

    cannot_list(&w, true);
    CHECK(w.heard[MTI_ASK] == 0 && w.heard[MTI_BYE] == 0);
    CHECK(test_standing_of(w.m.peers[0].db).peer.state == MT_SYNC_LIVE);
    CHECK(mt_write(w.m.peers[1].db, &row, 1, NULL, NULL, NULL, NULL) == MT_OK);
    test_meeting_rest(&w.m);
    /* What it is not asked for is not sent. */
    CHECK(mt_graph_merge(w.stores[1].graph, w.stores[0].graph, NULL) == MT_OK);
    CHECK(are_equal(&w));
    end(&w);
}

TEST(storage_that_cannot_list_and_was_away_for_long_is_sent_all)
{
    mt_field field = {.name = mt_str("f00"), .value = mt_text("now")};
    mt_row row = {.fields = &field, .count = 1};
    scene w;

    cannot_list(&w, true);
    CHECK(mt_pipe_cut(w.m.ends[0][0]) == MT_OK);
    for (unsigned i = 0; i < 3 * NODES; i++) {
        char uid[16];
        snprintf(uid, sizeof uid, "user/%03u", i);
        row.uid = mt_str(uid);
        CHECK(mt_write_wait(w.m.peers[1].db, &row, 1, NULL, NULL) == MT_OK);
    }
    CHECK(mt_pipe_restore(w.m.ends[0][0]) == MT_OK);
    test_env_run_for(&w.m.te, 12000);
    CHECK(test_standing_of(w.m.peers[0].db).peer.state == MT_SYNC_LIVE);
    CHECK(mt_graph_merge(w.stores[1].graph, w.stores[0].graph, NULL) == MT_OK);
    CHECK(are_equal(&w));
    end(&w);
}

TEST(storage_that_cannot_list_gives_nothing_and_does_not_spin)
{
    uint64_t timers;
    scene w;

    cannot_list(&w, false);
    timers = w.m.te.set_count;
    test_env_run_for(&w.m.te, 60000);
    CHECK(w.m.te.set_count - timers < 2000);
    end(&w);
}

/* ---- Forgetting ---- */

/* The log of the second is another from then on: they are compared anew. */
static void meet_again(scene *w)
{
    CHECK(mt_pipe_cut(w->m.ends[0][0]) == MT_OK);
    mt_close(w->m.peers[1].db);
    mt_group_unref(w->m.peers[1].links);
    open_with(w, 1, NULL);
    for (size_t i = 0; i < 2; i++) {
        mt_subscription_dispose(w->ears[i]);
        w->ears[i] = NULL;
    }
    meet(w);
    test_meeting_rest(&w->m);
}

TEST(node_that_was_forgotten_comes_again)
{
    mt_bytes uid = mt_str("user/007");
    scene w;

    begin(&w, TEST_LATER);
    put_same(&w);
    open_both(&w);
    meet(&w);
    test_meeting_rest(&w.m);
    CHECK(mt_forget_wait(w.m.peers[0].db, &uid, 1, NULL) == MT_OK);
    CHECK(!mt_graph_get(w.stores[0].graph, uid));
    meet_again(&w);
    CHECK(are_equal(&w));
    end(&w);
}

/* A list that is read while storage lets a node go may have it. */
TEST(node_that_is_forgotten_while_an_index_is_made_comes_again)
{
    mt_bytes uid = mt_str("user/007");
    scene w;

    for (unsigned seed = 0; seed < 50; seed++) {
        begin(&w, TEST_MIXED);
        w.stores[0].rng = test_rng_new(seed);
        put_same(&w);
        put(&w.stores[1], 6, "of the last", 6);
        open_both(&w);
        meet(&w);
        test_env_run_for(&w.m.te, seed % 10);
        CHECK(mt_forget(w.m.peers[0].db, &uid, 1, NULL, NULL, NULL, NULL) == MT_OK);
        test_meeting_rest(&w.m);
        meet_again(&w);
        CHECK(are_equal(&w));
        end(&w);
    }
}

/* A list that is under way when a node is forgotten ends before another begins. */
TEST(index_that_is_dropped_while_it_is_made_is_made_once_more)
{
    scene w;

    for (unsigned ms = 0; ms < 40; ms++) {
        mt_bytes uid = mt_str("user/007");
        begin(&w, TEST_MIXED);
        w.stores[0].rows_alone = w.stores[1].rows_alone = true;
        put_same(&w);
        put(&w.stores[0], 5, "of the first", 6);
        put(&w.stores[1], 6, "of the last", 6);
        open_both(&w);
        meet(&w);
        test_env_run_for(&w.m.te, ms);
        CHECK(mt_forget(w.m.peers[0].db, &uid, 1, NULL, NULL, NULL, NULL) == MT_OK);
        test_env_run_for(&w.m.te, ms % 4);
        CHECK(mt_forget(w.m.peers[0].db, &uid, 1, NULL, NULL, NULL, NULL) == MT_OK);
        test_meeting_rest(&w.m);
        CHECK(w.heard[MTI_BYE] == 0);
        /* What was forgotten may be gone here. */
        put(&w.stores[0], 7, "the same", 5);
        CHECK(are_equal(&w));
        end(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nodes_that_come_in_parts_are_compared),
        cmocka_unit_test(what_is_written_to_a_part_of_a_node_is_in_the_index),
        cmocka_unit_test(list_that_fails_is_asked_for_again),
        cmocka_unit_test(list_that_always_fails_is_not_asked_for_all_the_time),
        cmocka_unit_test(storage_that_cannot_list_is_sent_all),
        cmocka_unit_test(storage_that_cannot_list_and_was_away_for_long_is_sent_all),
        cmocka_unit_test(storage_that_cannot_list_gives_nothing_and_does_not_spin),
        cmocka_unit_test(node_that_was_forgotten_comes_again),
        cmocka_unit_test(node_that_is_forgotten_while_an_index_is_made_comes_again),
        cmocka_unit_test(index_that_is_dropped_while_it_is_made_is_made_once_more),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
