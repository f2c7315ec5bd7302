/* Peers that have no position in common find out what differs, and nothing else goes over.
 *
 * The first and the last have the same from the one between them, and then meet. */
#include "sync/message.h"
#include "test_meeting.h"

#include <mytosis/plugin/kv_memory.h>
#include <mytosis/plugin/node_store.h>
#include <stdio.h>
#include <string.h>

#define NODES 600u

/* What is said on a link, but for greetings. */
typedef struct tally {
    size_t bytes, messages[64];
    mt_subscription *at[2];
} tally;

static void hear(void *ctx, const void *event)
{
    mt_bytes message = ((const mt_message *)event)->bytes;
    tally *t = ctx;

    t->messages[message.data[1]]++;
    if (message.data[1] != MTI_HELLO) t->bytes += message.len;
}

static void listen(test_meeting *m, tally *t)
{
    mt_subscriber subscriber = {.on_event = hear, .ctx = t};

    memset(t, 0, sizeof *t);
    for (size_t i = 0; i < 2; i++)
        CHECK(mt_event_stream_subscribe(mt_connection_messages(m->ends[m->pipes - 1][i]),
                                        &subscriber, &t->at[i]) == MT_OK);
}

static void unlisten(tally *t)
{
    for (size_t i = 0; i < 2; i++) mt_subscription_dispose(t->at[i]);
}

static mt_db *open_peer(test_meeting *m, size_t at, bool stored)
{
    mt_sync_options options = {.size = sizeof options};
    mt_config config = {.size = 0};
    mt_storage storage;
    mt_kv kv;

    if (!stored) return test_meeting_open(m, at, NULL);
    CHECK(mt_kv_memory(&m->te.env, &kv) == MT_OK);
    CHECK(mt_node_store_new(&m->te.env, kv, NULL, &storage, NULL) == MT_OK);
    config.storage = &storage;
    return test_meeting_open_with(m, at, &options, config);
}

static void set(mt_db *db, unsigned number, const char *text)
{
    char uid[16];

    snprintf(uid, sizeof uid, "user/%04u", number);
    test_text_set(db, uid, text);
}

static const char *get(mt_db *db, unsigned number)
{
    char uid[16];

    snprintf(uid, sizeof uid, "user/%04u", number);
    return test_text_of(db, uid);
}

/* Nodes from one number to before another, all of one state. */
static void fill(mt_db *db, unsigned first, unsigned end, uint64_t state)
{
    mt_field field = {.name = mt_str("text"), .value = mt_text("the same"), .state = state};
    mt_graph *graph;

    CHECK(mt_graph_new(test_mem(), NULL, &graph) == MT_OK);
    for (unsigned i = first; i < end; i++) {
        char uid[16];
        mt_row row = {.fields = &field, .count = 1};
        snprintf(uid, sizeof uid, "user/%04u", i);
        row.uid = mt_str(uid);
        CHECK(mt_graph_merge_rows(graph, &row, 1, NULL) == MT_OK);
    }
    CHECK(mt_commit_graph_wait(db, graph, NULL) == MT_OK);
    mt_graph_free(graph);
}

/* Three of which all have the same, and the first and the last never met. */
static void begin(test_meeting *m, bool stored, unsigned nodes)
{
    test_meeting_begin(m);
    for (size_t i = 0; i < 3; i++) (void)open_peer(m, i, stored);
    for (unsigned i = 0; i < nodes; i++) set(m->peers[1].db, i, "as it was");
    (void)test_meeting_join(m, 0, 1);
    (void)test_meeting_join(m, 1, 2);
    test_meeting_rest(m);
    CHECK(mt_pipe_cut(m->ends[0][0]) == MT_OK && mt_pipe_cut(m->ends[1][0]) == MT_OK);
    test_meeting_rest(m);
    CHECK(get(m->peers[0].db, 0) && get(m->peers[2].db, 0));
}

static bool are_equal(const test_meeting *m)
{
    for (unsigned i = 0; i < 2 * NODES; i++) {
        const char *a = get(m->peers[0].db, i);
        char kept[64] = "";
        if (a) snprintf(kept, sizeof kept, "%s", a);
        if (!a != !get(m->peers[2].db, i)) return false;
        if (a && strcmp(get(m->peers[2].db, i), kept) != 0) return false;
    }
    return true;
}

/* ---- Equal ---- */

static void equal_strangers_say_little(bool stored)
{
    test_meeting m;
    tally t;

    begin(&m, stored, NODES);
    (void)test_meeting_join(&m, 0, 2);
    listen(&m, &t);
    test_meeting_rest(&m);
    unlisten(&t);
    CHECK(t.messages[MTI_SUBSCRIBE] == 2 && t.messages[MTI_SUBSCRIBED] == 2);
    CHECK(t.messages[MTI_ASK] == 0);
    if (t.bytes > 150) fail_msg("%zu bytes", t.bytes);
    set(m.peers[0].db, 7, "now");
    test_meeting_rest(&m);
    CHECK(strcmp(get(m.peers[2].db, 7), "now") == 0);
    test_meeting_end(&m);
}

TEST(strangers_that_are_equal_find_that_out_with_150_bytes)
{
    equal_strangers_say_little(false);
}

TEST(strangers_that_are_equal_find_that_out_with_150_bytes_in_stores)
{
    equal_strangers_say_little(true);
}

TEST(strangers_that_were_equal_know_where_they_stand_when_they_meet_again)
{
    test_meeting m;
    tally t;

    begin(&m, true, NODES);
    (void)test_meeting_join(&m, 0, 2);
    test_meeting_rest(&m);
    CHECK(mt_pipe_cut(m.ends[2][0]) == MT_OK);
    test_meeting_rest(&m);
    for (unsigned i = 0; i < 10; i++) {
        set(m.peers[0].db, 31 * i, "of the first");
        set(m.peers[2].db, 31 * i + 5, "of the last");
    }
    CHECK(mt_pipe_restore(m.ends[2][0]) == MT_OK);
    listen(&m, &t);
    test_meeting_rest(&m);
    unlisten(&t);
    CHECK(are_equal(&m));
    CHECK(t.messages[MTI_SUBSCRIBE] == 2 && t.messages[MTI_ASK] == 0);
    test_meeting_end(&m);
}

/* ---- Different ---- */

static void strangers_send_what_differs(bool stored)
{
    test_meeting m;
    tally t;

    begin(&m, stored, NODES);
    for (unsigned i = 0; i < 10; i++) {
        set(m.peers[0].db, 31 * i, "of the first");
        set(m.peers[2].db, 31 * i + 5, "of the last");
    }
    set(m.peers[0].db, NODES + 1, "new");
    CHECK(mt_delete_wait(m.peers[2].db, mt_str("user/0400"), NULL) == MT_OK);
    (void)test_meeting_join(&m, 0, 2);
    listen(&m, &t);
    test_meeting_rest(&m);
    unlisten(&t);
    CHECK(are_equal(&m));
    CHECK(get(m.peers[0].db, 400) == NULL);
    CHECK(t.messages[MTI_ASK] > 0);
    /* 22 nodes differ: so many go over, and not 600. */
    if (t.bytes > 5000) fail_msg("%zu bytes", t.bytes);
    test_meeting_end(&m);
}

TEST(strangers_send_each_other_what_differs_and_no_more)
{
    strangers_send_what_differs(false);
}

TEST(strangers_send_each_other_what_differs_and_no_more_from_stores)
{
    strangers_send_what_differs(true);
}

TEST(who_has_next_to_nothing_is_sent_all)
{
    test_meeting m;
    tally t;

    test_meeting_begin(&m);
    for (size_t i = 0; i < 3; i += 2) (void)open_peer(&m, i, false);
    for (unsigned i = 0; i < NODES; i++) set(m.peers[0].db, i, "much");
    set(m.peers[2].db, NODES + 1, "little");
    (void)test_meeting_join(&m, 0, 2);
    listen(&m, &t);
    test_meeting_rest(&m);
    unlisten(&t);
    CHECK(are_equal(&m));
    test_meeting_end(&m);
}

/* Of two that have part of their ranges in common, one asks, and the other need not. */
static void part_is_compared(uint64_t seed)
{
    static const mt_sync_range part = {.prefix = {(const uint8_t *)"user/", 5}};
    mt_sync_options options = {.size = sizeof options};
    mt_sync_options of_part = {.size = sizeof of_part, .ranges = &part, .range_count = 1};
    test_meeting m;
    tally t;

    test_meeting_begin(&m);
    m.te.rng = test_rng_new(seed);
    for (size_t i = 0; i < 3; i++) {
        mt_storage storage;
        mt_kv kv;
        CHECK(mt_kv_memory(&m.te.env, &kv) == MT_OK);
        CHECK(mt_node_store_new(&m.te.env, kv, NULL, &storage, NULL) == MT_OK);
        (void)test_meeting_open_with(&m, i, i ? &options : &of_part,
                                     (mt_config){.storage = &storage});
    }
    for (size_t i = 0; i < 3; i++) fill(m.peers[i].db, 0, NODES, 7);
    for (size_t i = 0; i < 2; i++) (void)test_meeting_join(&m, i, i + 1);
    test_meeting_rest(&m); /* their indexes are made */
    for (size_t i = 0; i < 2; i++) CHECK(mt_pipe_cut(m.ends[i][0]) == MT_OK);
    for (unsigned i = 0; i < 10; i++) {
        set(m.peers[0].db, 31 * i, "of the first");
        set(m.peers[2].db, 31 * i + 5, "of the last");
    }
    (void)test_meeting_join_with(&m, 0, 2, (mt_pipe_options){.latency_ms = 5});
    listen(&m, &t);
    test_meeting_rest(&m);
    unlisten(&t);
    CHECK(are_equal(&m));
    CHECK(t.messages[MTI_ASK] > 0 && t.messages[MTI_COMPARED] == 1 && t.messages[MTI_BYE] == 0);
    if (t.bytes > 5000) fail_msg("%zu bytes with seed %d", t.bytes, (int)seed);
    test_meeting_end(&m);
}

TEST(what_two_have_in_common_is_compared_by_one_of_them)
{
    for (uint64_t seed = 0; seed < 20; seed++) part_is_compared(seed);
}

#define RANGES 1000u

/* Each has a node of its own in some of a thousand ranges, and all the others in common. */
static void many_ranges_are_compared(bool alike)
{
    static char names[RANGES][2][16];
    static mt_sync_range ranges[RANGES];
    mt_sync_options options = {.size = sizeof options, .ranges = ranges, .range_count = RANGES};
    mt_sync_options all = {.size = sizeof all};
    test_meeting m;
    tally t;

    for (unsigned i = 0; i < RANGES; i++) {
        snprintf(names[i][0], sizeof names[i][0], "user/%04u", i);
        snprintf(names[i][1], sizeof names[i][1], "user/%04u/", i);
        ranges[i] = (mt_sync_range){.first = mt_str(names[i][0]), .end = mt_str(names[i][1])};
    }
    test_meeting_begin(&m);
    (void)test_meeting_open_with(&m, 0, &options, (mt_config){.size = 0});
    (void)test_meeting_open_with(&m, 2, alike ? &options : &all, (mt_config){.size = 0});
    fill(m.peers[0].db, 0, RANGES, 7);
    fill(m.peers[2].db, 0, RANGES, 7);
    for (unsigned i = 0; i < 100; i++) {
        set(m.peers[0].db, 7 * i, "of the first");
        set(m.peers[2].db, 9 * i, "of the last");
    }
    (void)test_meeting_join_with(&m, 0, 2, (mt_pipe_options){.latency_ms = 1});
    listen(&m, &t);
    test_meeting_rest(&m);
    unlisten(&t);
    CHECK(are_equal(&m));
    CHECK(t.messages[MTI_SUBSCRIBE] == 2 * RANGES && t.messages[MTI_BYE] == 0);
    test_meeting_end(&m);
}

TEST(thousand_ranges_are_compared)
{
    many_ranges_are_compared(true);
    many_ranges_are_compared(false);
}

/* ---- Away for long ---- */

static void lost_position_is_compared(bool stored)
{
    mt_sync_options options = {.size = sizeof options, .log_nodes = 20};
    mt_node_store_options store = {.size = sizeof store, .log_max = 20};
    mt_config config = {.size = 0};
    mt_storage storage;
    test_meeting m;
    mt_kv kv;
    tally t;

    test_meeting_begin(&m);
    if (stored) {
        CHECK(mt_kv_memory(&m.te.env, &kv) == MT_OK);
        CHECK(mt_node_store_new(&m.te.env, kv, &store, &storage, NULL) == MT_OK);
        config.storage = &storage;
    }
    (void)test_meeting_open_with(&m, 0, &options, config);
    (void)open_peer(&m, 2, false);
    for (unsigned i = 0; i < NODES; i++) set(m.peers[0].db, i, "as it was");
    (void)test_meeting_join(&m, 0, 2);
    test_meeting_rest(&m);
    CHECK(mt_pipe_cut(m.ends[0][0]) == MT_OK);
    for (unsigned i = 0; i < 2000; i++) set(m.peers[0].db, i % 60, "changed");
    test_meeting_rest(&m);
    listen(&m, &t);
    CHECK(mt_pipe_restore(m.ends[0][0]) == MT_OK);
    test_meeting_rest(&m);
    unlisten(&t);
    CHECK(are_equal(&m));
    CHECK(t.messages[MTI_ASK] > 0);
    if (t.bytes > 8000) fail_msg("%zu bytes", t.bytes);
    test_meeting_end(&m);
}

TEST(who_was_away_for_longer_than_the_log_reaches_is_compared)
{
    lost_position_is_compared(false);
}

TEST(who_was_away_for_longer_than_the_log_of_a_store_reaches_is_compared)
{
    lost_position_is_compared(true);
}

/* ---- Only to know ---- */

static void note(void *ctx, const mt_sync_subscription *subscription)
{
    if (!subscription->outgoing) *(mt_sync_subscription *)ctx = *subscription;
}

static void dry_run_counts(unsigned nodes, unsigned there, unsigned here, unsigned both)
{
    mt_sync_options dry = {.size = sizeof dry, .dry_run = true};
    mt_sync_subscription found = {.outgoing = true};
    mt_connection *link;
    test_meeting m;

    test_meeting_begin(&m);
    (void)test_meeting_open_with(&m, 0, &dry, (mt_config){.size = 0});
    (void)test_meeting_open(&m, 1, NULL);
    for (size_t i = 0; i < 2; i++) fill(m.peers[i].db, 0, nodes, 7);
    fill(m.peers[0].db, 0, both / 2, 8);
    fill(m.peers[1].db, both / 2, both, 9);
    fill(m.peers[0].db, 3000, 3000 + here, 7);
    fill(m.peers[1].db, 4000, 4000 + there, 7);
    link = test_meeting_join(&m, 0, 1);
    test_meeting_rest(&m);
    CHECK(mt_db_subscriptions(m.peers[0].db, link, note, &found) == MT_OK);
    CHECK(found.state == MT_SYNC_DONE);
    if (found.only_there != there || found.only_here != here || found.on_both != both)
        fail_msg("%d there, %d here, %d on both of %u", (int)found.only_there, (int)found.only_here,
                 (int)found.on_both, nodes);
    /* And nothing has moved, nor does it from then on. */
    set(m.peers[1].db, 5000, "later");
    test_meeting_rest(&m);
    CHECK(get(m.peers[0].db, 5000) == NULL);
    CHECK(there == 0 || get(m.peers[0].db, 4000) == NULL);
    CHECK(here == 0 || get(m.peers[1].db, 3000) == NULL);
    test_meeting_end(&m);
}

TEST(dry_run_counts_what_differs_and_moves_nothing)
{
    dry_run_counts(600, 0, 0, 0);
    dry_run_counts(600, 3, 2, 10);
    dry_run_counts(5, 1, 1, 2);
    dry_run_counts(1, 0, 0, 1);
    dry_run_counts(600, 400, 300, 200);
    dry_run_counts(0, 50, 0, 0);
    dry_run_counts(0, 0, 50, 0);
    dry_run_counts(2900, 10, 200, 2000);
}

TEST(dry_run_of_a_list_is_refused)
{
    mt_bytes uid = mt_str("ada");
    mt_sync_range list = {.uids = &uid, .uid_count = 1};
    mt_sync_options dry = {.size = sizeof dry, .dry_run = true, .ranges = &list, .range_count = 1};
    test_meeting m;
    mt_router router;
    mt_error err;

    test_meeting_begin(&m);
    CHECK(mt_router_sync(&m.te.env, &dry, &router, &err) == MT_INVALID);
    assert_string_equal(err.text, "range 1 is a list, which a dry run cannot compare");
    test_meeting_end(&m);
}

/* ---- Once ---- */

/* What one of them wants once ends when it is equal, and the other goes on. */
TEST(range_that_is_wanted_once_is_compared_and_ends)
{
    mt_sync_range once = {.once = true};
    mt_sync_subscription found = {.outgoing = true};
    mt_connection *link;
    test_meeting m;

    test_meeting_begin(&m);
    (void)test_meeting_open(&m, 0, &once);
    (void)test_meeting_open(&m, 2, NULL);
    for (size_t i = 0; i < 3; i += 2) fill(m.peers[i].db, 0, NODES, 7);
    for (unsigned i = 0; i < 10; i++) {
        set(m.peers[0].db, 31 * i, "of the first");
        set(m.peers[2].db, 31 * i + 5, "of the last");
    }
    link = test_meeting_join(&m, 0, 2);
    test_meeting_rest(&m);
    CHECK(are_equal(&m));
    CHECK(mt_db_subscriptions(m.peers[0].db, link, note, &found) == MT_OK);
    CHECK(found.state == MT_SYNC_DONE);
    set(m.peers[2].db, NODES, "later");
    set(m.peers[0].db, NODES + 1, "later");
    test_meeting_rest(&m);
    CHECK(!get(m.peers[0].db, NODES) && get(m.peers[2].db, NODES + 1));
    test_meeting_end(&m);
}

/* ---- Meanwhile ---- */

TEST(what_is_written_while_strangers_compare_goes_over_too)
{
    test_meeting m;

    begin(&m, false, NODES);
    for (unsigned i = 0; i < 10; i++) set(m.peers[0].db, 31 * i, "of the first");
    (void)test_meeting_join(&m, 0, 2);
    for (unsigned i = 0; i < 40; i++) {
        set(m.peers[0].db, 29 * i % NODES, "meanwhile");
        set(m.peers[2].db, 23 * i % NODES, "at the same time");
        test_env_run_for(&m.te, 1);
    }
    test_meeting_rest(&m);
    CHECK(are_equal(&m));
    test_meeting_end(&m);
}

/* What was said of any peer, in any turn. */
typedef struct said {
    bool compared, moved;
} said;

static void hear_status(void *ctx, const mt_sync_peer *peer)
{
    said *s = ctx;

    s->compared |= strcmp(peer->text, "comparing everything") == 0;
    s->moved |=
        strstr(peer->text, "ing everything, ") && strstr(peer->text, " of 200 nodes that differ");
}

TEST(status_tells_what_is_compared_and_how_much_of_it_has_gone)
{
    said s = {false, false};
    test_meeting m;

    begin(&m, false, NODES);
    for (unsigned i = 0; i < NODES; i += 3) set(m.peers[0].db, i, "of the first");
    (void)test_meeting_join_with(&m, 0, 2, (mt_pipe_options){.latency_ms = 10});
    for (unsigned turn = 0; turn < 400; turn++) {
        test_env_run_for(&m.te, 1);
        for (size_t i = 0; i < 3; i += 2)
            CHECK(mt_db_status(m.peers[i].db, hear_status, &s) == MT_OK);
    }
    CHECK(s.compared && s.moved);
    CHECK(are_equal(&m));
    test_meeting_end(&m);
}

TEST(comparison_that_is_cut_begins_again)
{
    test_meeting m;

    begin(&m, false, NODES);
    for (unsigned i = 0; i < 200; i++) set(m.peers[0].db, 3 * i, "of the first");
    (void)test_meeting_join(&m, 0, 2);
    for (unsigned i = 0; i < 30; i++) {
        test_env_run_for(&m.te, i);
        CHECK(mt_pipe_cut(m.ends[2][0]) == MT_OK);
        test_env_run_for(&m.te, 5);
        CHECK(mt_pipe_restore(m.ends[2][0]) == MT_OK);
    }
    test_meeting_rest(&m);
    CHECK(are_equal(&m));
    test_meeting_end(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strangers_that_are_equal_find_that_out_with_150_bytes),
        cmocka_unit_test(strangers_that_are_equal_find_that_out_with_150_bytes_in_stores),
        cmocka_unit_test(strangers_that_were_equal_know_where_they_stand_when_they_meet_again),
        cmocka_unit_test(strangers_send_each_other_what_differs_and_no_more),
        cmocka_unit_test(strangers_send_each_other_what_differs_and_no_more_from_stores),
        cmocka_unit_test(who_has_next_to_nothing_is_sent_all),
        cmocka_unit_test(what_two_have_in_common_is_compared_by_one_of_them),
        cmocka_unit_test(thousand_ranges_are_compared),
        cmocka_unit_test(who_was_away_for_longer_than_the_log_reaches_is_compared),
        cmocka_unit_test(who_was_away_for_longer_than_the_log_of_a_store_reaches_is_compared),
        cmocka_unit_test(dry_run_counts_what_differs_and_moves_nothing),
        cmocka_unit_test(dry_run_of_a_list_is_refused),
        cmocka_unit_test(range_that_is_wanted_once_is_compared_and_ends),
        cmocka_unit_test(what_is_written_while_strangers_compare_goes_over_too),
        cmocka_unit_test(status_tells_what_is_compared_and_how_much_of_it_has_gone),
        cmocka_unit_test(comparison_that_is_cut_begins_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
