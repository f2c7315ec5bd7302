/* The sync router: ranges, levels, reads of peers, refusals, bad peers, status. */
#include "test_meeting.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Ranges ---- */

TEST(peer_of_notes_gets_notes_and_nothing_else)
{
    mt_sync_range notes = {.prefix = mt_str("notes/")};
    mt_db *hub, *phone;
    test_meeting w;

    test_meeting_begin(&w);
    hub = test_meeting_open(&w, 0, NULL);
    phone = test_meeting_open(&w, 1, &notes);
    test_text_set(hub, "notes/1", "from the hub");
    test_text_set(hub, "photos/1", "not for the phone");
    test_text_set(phone, "notes/2", "from the phone");
    test_text_set(phone, "drafts/1", "not for the hub");
    test_meeting_join(&w, 0, 1);
    test_meeting_rest(&w);
    test_text_set(hub, "notes/3", "live");
    test_text_set(hub, "photos/2", "not for the phone");
    test_text_set(phone, "drafts/2", "not for the hub");
    test_meeting_rest(&w);
    CHECK(test_text_is(phone, "notes/1", "from the hub") && test_text_is(phone, "notes/3", "live"));
    CHECK(test_text_is(hub, "notes/2", "from the phone"));
    CHECK(!test_text_of(phone, "photos/1") && !test_text_of(phone, "photos/2"));
    CHECK(!test_text_of(hub, "drafts/1") && !test_text_of(hub, "drafts/2"));
    CHECK(test_standing_of(phone).peer.nodes_in == 2 &&
          test_standing_of(phone).peer.nodes_out == 1);
    test_meeting_end(&w);
}

TEST(range_from_one_uid_to_before_another_has_its_first_and_not_its_end)
{
    mt_sync_range some = {.first = mt_str("b"), .end = mt_str("d")};
    mt_db *hub, *part;
    test_meeting w;

    test_meeting_begin(&w);
    hub = test_meeting_open(&w, 0, NULL);
    part = test_meeting_open(&w, 1, &some);
    test_text_set(hub, "a\xF4\x8F\xBF\xBF", "before");
    test_text_set(hub, "b", "first");
    test_text_set(hub, "c", "within");
    test_text_set(hub, "d", "end");
    test_meeting_join(&w, 0, 1);
    test_meeting_rest(&w);
    CHECK(test_text_is(part, "b", "first") && test_text_is(part, "c", "within"));
    CHECK(!test_text_of(part, "d") && test_standing_of(part).peer.nodes_in == 2);
    test_meeting_end(&w);
}

TEST(list_of_uids_gets_these)
{
    mt_bytes uids[3] = {mt_str("b"), mt_str("nowhere"), mt_str("a")};
    mt_sync_range list = {.uids = uids, .uid_count = 3};
    mt_db *hub, *part;
    test_meeting w;

    test_meeting_begin(&w);
    hub = test_meeting_open(&w, 0, NULL);
    part = test_meeting_open(&w, 1, &list);
    test_text_set(hub, "a", "one");
    test_text_set(hub, "b", "two");
    test_text_set(hub, "c", "three");
    test_meeting_join(&w, 0, 1);
    test_meeting_rest(&w);
    test_text_set(hub, "a", "one more");
    test_meeting_rest(&w);
    CHECK(test_text_is(part, "a", "one more") && test_text_is(part, "b", "two") &&
          !test_text_of(part, "c"));
    test_meeting_end(&w);
}

TEST(peer_that_only_pulls_gives_nothing_and_one_that_only_pushes_gets_nothing)
{
    mt_sync_range pulls = {.push_none = true}, pushes = {.pull_none = true};
    mt_db *hub, *screen, *sensor;
    test_meeting w;

    test_meeting_begin(&w);
    hub = test_meeting_open(&w, 0, NULL);
    screen = test_meeting_open(&w, 1, &pulls);
    sensor = test_meeting_open(&w, 2, &pushes);
    test_text_set(screen, "own", "of the screen");
    test_text_set(sensor, "heat", "21");
    test_meeting_join(&w, 0, 1);
    test_meeting_join(&w, 0, 2);
    test_meeting_rest(&w);
    CHECK(test_text_is(hub, "heat", "21") && test_text_is(screen, "heat", "21"));
    CHECK(!test_text_of(hub, "own") && !test_text_of(sensor, "own"));
    test_meeting_end(&w);
}

TEST(subscription_that_is_once_ends_when_all_has_come)
{
    mt_sync_range once = {.once = true};
    mt_db *hub, *copy;
    test_meeting w;

    test_meeting_begin(&w);
    hub = test_meeting_open(&w, 0, NULL);
    copy = test_meeting_open(&w, 1, &once);
    test_text_set(hub, "a", "there");
    test_meeting_join(&w, 0, 1);
    test_meeting_rest(&w);
    CHECK(test_text_is(copy, "a", "there"));
    CHECK(test_standing_of(copy).peer.state == MT_SYNC_LIVE);
    test_text_set(hub, "b", "later");
    test_meeting_rest(&w);
    CHECK(!test_text_of(copy, "b"));
    test_meeting_end(&w);
}

TEST(ranges_that_cannot_be_are_refused)
{
    const mt_bytes no_uid = {NULL, 0};
    const struct {
        mt_sync_range range;
        mt_status status;
        const char *text;
    } cases[] = {
        {{.first = {(const uint8_t *)"b", 1}, .end = {(const uint8_t *)"a", 1}},
         MT_INVALID,
         "a range ends where it begins, or before"},
        {{.pull_none = true, .push_none = true},
         MT_INVALID,
         "range 1 is neither pulled nor pushed"},
        {{.prefix = {(const uint8_t *)"a", 1}, .end = {(const uint8_t *)"b", 1}},
         MT_INVALID,
         "a range has a prefix, or a first and an end, or uids"},
        {{.uids = &no_uid, .uid_count = 1}, MT_INVALID, NULL},
    };
    test_env te;

    test_env_init(&te, 1, test_mem());
    for (size_t i = 0; i < TEST_COUNT(cases); i++) {
        mt_sync_options options = {
            .size = sizeof options, .ranges = &cases[i].range, .range_count = 1};
        mt_router router;
        mt_error err;
        CHECK(mt_router_sync(&te.env, &options, &router, &err) == cases[i].status);
        if (cases[i].text) assert_string_equal(err.text, cases[i].text);
    }
    test_env_end(&te);
}

/* ---- Levels ---- */

typedef struct outcome {
    unsigned count;
    mt_status status;
    uint32_t received, durable;
    char text[MT_ERROR_TEXT_MAX];
} outcome;

static void note(void *ctx, mt_db *db, const mt_result *result)
{
    outcome *o = ctx;

    (void)db;
    o->count++;
    o->status = result->status;
    o->received = result->received;
    o->durable = result->durable;
    snprintf(o->text, sizeof o->text, "%s", result->text);
}

static void write_at(mt_db *db, mt_level level, uint32_t peers, uint64_t deadline_ms, outcome *o)
{
    mt_options options = {.size = sizeof options, .level = level, .peers = peers};
    mt_field field = {.name = mt_str("text"), .value = mt_text("written")};
    mt_row row = {.uid = mt_str("ada"), .fields = &field, .count = 1};

    options.deadline_ms = deadline_ms;
    memset(o, 0, sizeof *o);
    CHECK(mt_write(db, &row, 1, &options, note, o, NULL) == MT_OK);
}

TEST(write_waits_until_peers_have_received_it)
{
    test_meeting w;
    outcome o;

    test_meeting_begin(&w);
    for (size_t i = 0; i < TEST_MEETING_MAX; i++) test_meeting_open(&w, i, NULL);
    test_meeting_join(&w, 0, 1);
    test_meeting_join(&w, 0, 2);
    test_meeting_rest(&w);
    write_at(w.peers[0].db, MT_LEVEL_RECEIVED, 2, 0, &o);
    test_meeting_rest(&w);
    CHECK(o.count == 1 && o.status == MT_OK && o.received == 2 && o.durable == 0);
    test_meeting_end(&w);
}

TEST(write_that_too_few_peers_get_fails_at_its_deadline)
{
    test_meeting w;
    outcome o;

    test_meeting_of_two(&w);
    CHECK(mt_pipe_cut(test_meeting_join(&w, 0, 1)) == MT_OK);
    write_at(w.peers[0].db, MT_LEVEL_RECEIVED, 1, 500, &o);
    test_meeting_rest(&w);
    CHECK(o.count == 1 && o.status == MT_DEADLINE);
    test_meeting_end(&w);
}

TEST(write_waits_for_a_peer_that_comes_back)
{
    test_meeting w;
    outcome o;
    mt_connection *link;

    test_meeting_of_two(&w);
    link = test_meeting_join(&w, 0, 1);
    CHECK(mt_pipe_cut(link) == MT_OK);
    write_at(w.peers[0].db, MT_LEVEL_RECEIVED, 1, 0, &o);
    test_meeting_rest(&w);
    CHECK(o.count == 0);
    CHECK(mt_pipe_restore(link) == MT_OK);
    test_meeting_rest(&w);
    CHECK(o.count == 1 && o.status == MT_OK && o.received == 1);
    test_meeting_end(&w);
}

/* ---- Reads ---- */

TEST(read_asks_peers_for_what_is_not_replicated_here)
{
    mt_sync_range mine = {.prefix = mt_str("mine/")};
    mt_db *hub, *phone;
    mt_handle *node;
    test_meeting w;

    test_meeting_begin(&w);
    hub = test_meeting_open(&w, 0, NULL);
    phone = test_meeting_open(&w, 1, &mine);
    test_text_set(hub, "others/1", "asked for");
    test_meeting_join(&w, 0, 1);
    test_meeting_rest(&w);
    CHECK(!test_text_of(phone, "others/1"));
    CHECK(mt_read_wait(phone, mt_str("others/1"), NULL, &node) == MT_OK);
    CHECK(node && test_text_is(phone, "others/1", "asked for"));
    mt_handle_unref(node);
    CHECK(mt_read_wait(phone, mt_str("others/2"), NULL, &node) == MT_OK && !node);
    test_meeting_end(&w);
}

/* ---- What is refused ---- */

TEST(commit_from_the_future_is_refused_and_the_next_one_is_not)
{
    mt_options future = {.size = sizeof future, .allow_future = true};
    mt_field field = {.name = mt_str("text"), .value = mt_text("too soon")};
    mt_row row = {.uid = mt_str("bob"), .fields = &field, .count = 1};
    test_meeting w;

    test_meeting_of_two(&w);
    test_meeting_join(&w, 0, 1);
    test_meeting_rest(&w);
    field.state = (uint64_t)1 << 52;
    CHECK(mt_commit_rows_wait(w.peers[0].db, &row, 1, &future) == MT_OK);
    test_text_set(w.peers[0].db, "ada", "in time");
    test_meeting_rest(&w);
    CHECK(test_text_is(w.peers[1].db, "ada", "in time") && !test_text_of(w.peers[1].db, "bob"));
    CHECK(test_standing_of(w.peers[1].db).peer.refused == 1);
    CHECK(test_standing_of(w.peers[1].db).peer.state == MT_SYNC_LIVE);
    test_meeting_end(&w);
}

TEST(what_is_refused_in_a_copy_is_refused_alone)
{
    mt_options future = {.size = sizeof future, .allow_future = true};
    mt_field field = {.name = mt_str("text"), .value = mt_text("too soon")};
    mt_row row = {.uid = mt_str("bob"), .fields = &field, .count = 1};
    test_meeting w;

    test_meeting_of_two(&w);
    field.state = (uint64_t)1 << 52;
    CHECK(mt_commit_rows_wait(w.peers[0].db, &row, 1, &future) == MT_OK);
    test_text_set(w.peers[0].db, "ada", "before");
    test_text_set(w.peers[0].db, "cyd", "behind");
    test_meeting_join(&w, 0, 1);
    test_meeting_rest(&w);
    CHECK(test_text_is(w.peers[1].db, "ada", "before") &&
          test_text_is(w.peers[1].db, "cyd", "behind"));
    CHECK(!test_text_of(w.peers[1].db, "bob") && test_standing_of(w.peers[1].db).peer.refused == 1);
    test_meeting_end(&w);
}

TEST(what_came_too_soon_is_taken_when_its_time_has_come)
{
    mt_options future = {.size = sizeof future, .allow_future = true};
    mt_field field = {.name = mt_str("text"), .value = mt_text("too soon")};
    mt_row row = {.uid = mt_str("bob"), .fields = &field, .count = 1};
    test_meeting w;

    test_meeting_of_two(&w);
    test_meeting_join(&w, 0, 1);
    test_meeting_rest(&w);
    /* Fifteen minutes ahead: in five it may be taken. */
    field.state = (w.te.env.now_ms(w.te.env.ctx) - UINT64_C(1577836800000) + 15 * 60000) << 11;
    CHECK(mt_commit_rows_wait(w.peers[0].db, &row, 1, &future) == MT_OK);
    test_meeting_rest(&w);
    CHECK(!test_text_of(w.peers[1].db, "bob"));
    assert_string_equal(test_standing_of(w.peers[1].db).text,
                        "live, but for 1 refused: 1 due in 5 min");
    test_env_run_for(&w.te, 4 * 60000);
    CHECK(!test_text_of(w.peers[1].db, "bob"));
    test_env_run_for(&w.te, 2 * 60000);
    CHECK(test_text_is(w.peers[1].db, "bob", "too soon"));
    assert_string_equal(test_standing_of(w.peers[1].db).text, "live");
    test_meeting_end(&w);
}

TEST(only_the_fields_that_came_too_soon_are_refused_in_a_copy)
{
    mt_options future = {.size = sizeof future, .allow_future = true};
    mt_field fields[2] = {{.name = mt_str("soon"), .value = mt_text("x")},
                          {.name = mt_str("text"), .value = mt_text("in time")}};
    mt_row row = {.uid = mt_str("bob"), .fields = fields, .count = 2};
    test_meeting w;

    test_meeting_of_two(&w);
    fields[0].state = (uint64_t)1 << 52;
    fields[1].state = 1;
    CHECK(mt_commit_rows_wait(w.peers[0].db, &row, 1, &future) == MT_OK);
    test_meeting_join(&w, 0, 1);
    test_meeting_rest(&w);
    CHECK(test_text_is(w.peers[1].db, "bob", "in time"));
    CHECK(test_standing_of(w.peers[1].db).peer.refused == 1);
    test_meeting_end(&w);
}

static void refuse_bad(void *ctx, mt_action *action)
{
    size_t count;
    const mt_row *rows = mt_action_rows(action, &count);

    (void)ctx;
    for (size_t i = 0; i < count; i++)
        if (mt_bytes_equal(rows[i].uid, mt_str("bad"))) {
            mt_action_refuse(action, MT_REFUSED, "not that");
            return;
        }
    mt_action_pass(action);
}

TEST(hook_that_refuses_an_update_keeps_it_out)
{
    mt_hook hook = {.point = MT_ON_UPDATE, .run = refuse_bad};
    mt_sync_options options = {.size = sizeof options};
    test_meeting w;

    test_meeting_begin(&w);
    test_meeting_open(&w, 0, NULL);
    test_meeting_open_with(&w, 1, &options, (mt_config){.hooks = &hook, .hook_count = 1});
    test_meeting_join(&w, 0, 1);
    test_meeting_rest(&w);
    test_text_set(w.peers[0].db, "bad", "x");
    test_text_set(w.peers[0].db, "good", "y");
    test_meeting_rest(&w);
    CHECK(!test_text_of(w.peers[1].db, "bad") && test_text_is(w.peers[1].db, "good", "y"));
    assert_string_equal(test_standing_of(w.peers[1].db).error, "not that");
    test_meeting_end(&w);
}

/* ---- Bad peers ---- */

typedef struct talk {
    char heard[16][256]; /* texts of BYE */
    size_t byes;
    mt_subscription *subscription;
} talk;

static void listen_for_bye(void *ctx, const void *event)
{
    const mt_message *m = event;
    talk *t = ctx;

    if (m->bytes.len < 5 || m->bytes.data[1] != 24) return;
    snprintf(t->heard[t->byes++], sizeof t->heard[0], "%.*s", (int)(m->bytes.len - 5),
             (const char *)m->bytes.data + 5);
}

/* Says something to a peer that is in sync with a good one, and checks what it answers. */
static void says_bye(const uint8_t *bytes, size_t len, const char *answer)
{
    mt_subscriber subscriber = {.on_event = listen_for_bye};
    mt_connection *bad, *here;
    talk t = {.byes = 0};
    test_meeting w;

    test_meeting_of_two(&w);
    test_meeting_join(&w, 0, 1);
    CHECK(mt_pipe_new(&w.te.env, NULL, &here, &bad, NULL) == MT_OK);
    CHECK(mt_group_add(w.peers[0].links, here) == MT_OK);
    subscriber.ctx = &t;
    CHECK(mt_event_stream_subscribe(mt_connection_messages(bad), &subscriber, &t.subscription) ==
          MT_OK);
    test_meeting_rest(&w);
    CHECK(mt_connection_send(bad, (mt_bytes){bytes, len}) == MT_OK);
    test_meeting_rest(&w);
    if (answer) {
        CHECK(t.byes == 1);
        assert_string_equal(t.heard[0], answer);
    } else {
        CHECK(t.byes == 0);
    }
    test_text_set(w.peers[0].db, "ada", "good peers go on");
    test_meeting_rest(&w);
    CHECK(test_text_is(w.peers[1].db, "ada", "good peers go on"));
    mt_subscription_dispose(t.subscription);
    mt_connection_close(bad);
    mt_connection_unref(bad);
    mt_connection_unref(here);
    test_meeting_end(&w);
}

#define SAYS_BYE(bytes, answer) says_bye((const uint8_t *)(bytes), sizeof(bytes) - 1, answer)

TEST(what_is_no_message_ends_what_is_between_the_two)
{
    SAYS_BYE("\x07whatever", "a message of version 7, this build knows 1");
    SAYS_BYE("", "a message: byte 0: the version: the message ends before it");
    SAYS_BYE("\x01\x02\x00", "HELLO: byte 3: the lowest version: the message ends before it");
    SAYS_BYE("\x01\x02\x05", "HELLO: byte 3: the extension: the message ends within it");
}

TEST(what_comes_before_a_greeting_is_dropped)
{
    SAYS_BYE("\x01\x0e\x00\x01\x00garbage", NULL);
}

#define HELLO_OF(version, clock)                \
    "\x01\x02\x00" version version clock "\x00" \
    "0123456789abcdef"                          \
    "fedcba9876543210"                          \
    "\x05\x00\x01\xff\xff\x7f\x00\x00"

TEST(peer_of_another_version_or_clock_is_told_so)
{
    SAYS_BYE(HELLO_OF("\x09", "\x01"), "the peer speaks versions 9 to 9, this one 1");
    SAYS_BYE(HELLO_OF("\x01", "\x02"), "the clocks of the two are not of one kind");
    SAYS_BYE(HELLO_OF("\x01", "\x01"), NULL);
}

/* After a good greeting. */
static void says_bye_after_hello(const uint8_t *bytes, size_t len, const char *answer)
{
    mt_subscriber subscriber = {.on_event = listen_for_bye};
    mt_connection *bad, *here;
    talk t = {.byes = 0};
    test_meeting w;

    test_meeting_begin(&w);
    test_meeting_open(&w, 0, NULL);
    CHECK(mt_pipe_new(&w.te.env, NULL, &here, &bad, NULL) == MT_OK);
    CHECK(mt_group_add(w.peers[0].links, here) == MT_OK);
    subscriber.ctx = &t;
    CHECK(mt_event_stream_subscribe(mt_connection_messages(bad), &subscriber, &t.subscription) ==
          MT_OK);
    test_meeting_rest(&w);
    CHECK(mt_connection_send(bad, (mt_bytes){(const uint8_t *)HELLO_OF("\x01", "\x01"),
                                             sizeof(HELLO_OF("\x01", "\x01")) - 1}) == MT_OK);
    CHECK(mt_connection_send(bad, (mt_bytes){bytes, len}) == MT_OK);
    test_meeting_rest(&w);
    CHECK(t.byes == (answer ? 1 : 0));
    if (answer) assert_string_equal(t.heard[0], answer);
    mt_subscription_dispose(t.subscription);
    mt_connection_close(bad);
    mt_connection_unref(bad);
    mt_connection_unref(here);
    test_meeting_end(&w);
}

#define THEN_BYE(bytes, answer) \
    says_bye_after_hello((const uint8_t *)(bytes), sizeof(bytes) - 1, answer)

TEST(messages_that_cannot_be_are_named)
{
    THEN_BYE("\x01\x64\x00", "message type 100 is not known here");
    THEN_BYE("\x01\x63\x00", NULL); /* an odd one is skipped */
    THEN_BYE("\x01\x10\x00\x05",
             "ACK: byte 4: how much was taken: less than before, or more than was sent");
    THEN_BYE("\x01\x08\x00\x01\x00\x01z\x01"
             "a",
             "a range ends where it begins, or before");
    THEN_BYE("\x01\x08\x00\x01\x00",
             "SUBSCRIBE: byte 5: where a range begins: the message ends before it");
    THEN_BYE("\x01\x14\x00\x01\x7f", "PULL: byte 5: the number of uids: more than there can be");
    THEN_BYE("\x01\x0e\x00\x01\x00garbage", NULL); /* of no subscription of ours */
}

TEST(peer_that_is_this_very_database_is_told_so)
{
    mt_connection *a, *b;
    test_meeting w;
    test_standing s;

    test_meeting_begin(&w);
    test_meeting_open(&w, 0, NULL);
    CHECK(mt_pipe_new(&w.te.env, NULL, &a, &b, NULL) == MT_OK);
    CHECK(mt_group_add(w.peers[0].links, a) == MT_OK);
    CHECK(mt_group_add(w.peers[0].links, b) == MT_OK);
    test_meeting_rest(&w);
    s = test_standing_of(w.peers[0].db);
    CHECK(s.peer.state == MT_SYNC_REFUSED);
    mt_connection_close(a);
    mt_connection_unref(a);
    mt_connection_unref(b);
    test_meeting_end(&w);
}

TEST(two_links_to_one_peer_carry_everything_once)
{
    test_meeting w;
    test_standing s;

    test_meeting_of_two(&w);
    test_meeting_join(&w, 0, 1);
    test_meeting_join(&w, 0, 1);
    test_meeting_rest(&w);
    for (int i = 0; i < 10; i++) test_text_set(w.peers[0].db, "ada", i % 2 ? "one" : "other");
    test_meeting_rest(&w);
    CHECK(test_text_is(w.peers[1].db, "ada", "one"));
    s = test_standing_of(w.peers[1].db);
    CHECK(s.count == 2);
    CHECK(s.peer.state == MT_SYNC_STANDBY ? s.peer.nodes_in == 0 : s.peer.nodes_in == 10);
    /* Whichever is used: when it goes, the other one takes over. */
    mt_connection_close(w.ends[s.peer.state == MT_SYNC_STANDBY][0]);
    test_meeting_rest(&w);
    test_text_set(w.peers[0].db, "ada", "still there");
    test_meeting_rest(&w);
    CHECK(test_text_is(w.peers[1].db, "ada", "still there"));
    test_meeting_end(&w);
}

/* ---- Commits ---- */

static void count_event(void *ctx, mt_db *db, const mt_event *event)
{
    size_t *counts = ctx;

    (void)db;
    counts[0]++;
    counts[1] += event->count;
}

TEST(commit_of_many_frames_arrives_as_one)
{
    enum { NODES = 3000 };
    static char uids[NODES][16], text[100];
    static mt_row rows[NODES];
    mt_field field = {.name = mt_str("text")};
    mt_listen all = {.kinds = MT_EVENT_UPDATE};
    size_t counts[2] = {0, 0};
    test_meeting w;

    memset(text, 'x', sizeof text);
    field.value = mt_string((mt_bytes){(const uint8_t *)text, sizeof text});
    for (size_t i = 0; i < NODES; i++) {
        snprintf(uids[i], sizeof uids[i], "node%05zu", i);
        rows[i] = (mt_row){.uid = mt_str(uids[i]), .fields = &field, .count = 1};
    }
    test_meeting_of_two(&w);
    test_meeting_join(&w, 0, 1);
    test_meeting_rest(&w);
    CHECK(mt_on(w.peers[1].db, &all, count_event, counts, NULL) == MT_OK);
    CHECK(mt_write_wait(w.peers[0].db, rows, NODES, NULL, NULL) == MT_OK);
    test_meeting_rest(&w);
    CHECK(counts[0] == 1 && counts[1] == NODES);
    test_meeting_end(&w);
}

/* ---- Much at once ---- */

static void set_many(mt_db *db, const char *prefix, size_t count)
{
    char uid[32], text[200];
    mt_field field = {.name = mt_str("text")};
    mt_row row = {.fields = &field, .count = 1};

    memset(text, 'x', sizeof text);
    field.value = mt_string((mt_bytes){(const uint8_t *)text, sizeof text});
    for (size_t i = 0; i < count; i++) {
        snprintf(uid, sizeof uid, "%s%06zu", prefix, i);
        row.uid = mt_str(uid);
        CHECK(mt_write(db, &row, 1, NULL, NULL, NULL, NULL) == MT_OK);
    }
}

TEST(commit_does_not_wait_behind_a_long_copy)
{
    mt_sync_range parts[2] = {{.prefix = mt_str("many/")}, {.prefix = mt_str("news/")}};
    mt_sync_options options = {.size = sizeof options, .ranges = parts, .range_count = 2};
    unsigned long nodes;
    mt_db *hub, *phone;
    test_standing s;
    char *thousands;
    test_meeting w;

    test_meeting_begin(&w);
    hub = test_meeting_open(&w, 0, NULL);
    phone = test_meeting_open_with(&w, 1, &options, (mt_config){.size = 0});
    set_many(hub, "many/", 30000);
    test_env_run_for(&w.te, 10);
    CHECK(mt_peek(hub, mt_str("many/029999")));
    test_meeting_join(&w, 0, 1);
    for (size_t i = 0; i < 6; i++) CHECK(w.te.env.turn(w.te.env.ctx) == MT_OK);
    test_text_set(hub, "news/1", "now");
    for (size_t i = 0; i < 200 && !test_text_of(phone, "news/1"); i++)
        CHECK(w.te.env.turn(w.te.env.ctx) == MT_OK);
    CHECK(test_text_is(phone, "news/1", "now") && !mt_peek(phone, mt_str("many/029999")));
    s = test_standing_of(phone);
    nodes = strtoul(s.text + strlen("receiving many/, "), &thousands, 10);
    CHECK(nodes > 0 && nodes < 30 && strncmp(thousands, ",", 1) == 0);
    assert_string_equal(thousands + 4, " nodes");
    test_meeting_rest(&w);
    CHECK(mt_peek(phone, mt_str("many/029999")));
    test_meeting_end(&w);
}

TEST(peer_that_does_not_read_costs_a_position_and_no_memory)
{
    mt_connection *deaf, *here;
    size_t alone = 0, with_peer = 0;
    test_meeting w;

    for (size_t peers = 0; peers < 2; peers++) {
        test_meeting_begin(&w);
        test_meeting_open(&w, 0, NULL);
        if (peers) {
            CHECK(mt_pipe_new(&w.te.env, NULL, &here, &deaf, NULL) == MT_OK);
            CHECK(mt_group_add(w.peers[0].links, here) == MT_OK);
            CHECK(mt_connection_send(deaf, (mt_bytes){(const uint8_t *)HELLO_OF("\x01", "\x01"),
                                                      sizeof(HELLO_OF("\x01", "\x01")) - 1}) ==
                  MT_OK);
            CHECK(mt_connection_send(deaf, (mt_bytes){(const uint8_t[25]){1, 8, 0, 1}, 25}) ==
                  MT_OK);
        }
        set_many(w.peers[0].db, "a/", 100);
        test_meeting_rest(&w);
        for (size_t i = 0; i < 10; i++) {
            set_many(w.peers[0].db, "a/", 5000);
            test_env_run_for(&w.te, 10);
        }
        alone = peers ? alone : test_mem_live();
        with_peer = test_mem_live();
        if (peers) {
            CHECK(mt_connection_queued(here) > 100000);
            mt_connection_close(deaf);
            mt_connection_unref(deaf);
            mt_connection_unref(here);
        }
        test_meeting_end(&w);
    }
    CHECK(with_peer < alone + (size_t)1024 * 1024);
}

/* ---- Status ---- */

static void count_change(void *ctx, mt_db *db)
{
    (void)db;
    ++*(unsigned *)ctx;
}

TEST(status_says_how_it_stands_and_tells_of_changes)
{
    unsigned changes = 0;
    mt_connection *link;
    test_meeting w;
    test_standing s;

    test_meeting_of_two(&w);
    CHECK(mt_db_on_status(w.peers[0].db, count_change, &changes) == MT_OK);
    link = test_meeting_join(&w, 0, 1);
    test_meeting_rest(&w);
    s = test_standing_of(w.peers[0].db);
    CHECK(s.peer.state == MT_SYNC_LIVE && s.peer.since_ms > 0 && s.peer.id.len == 16);
    assert_string_equal(s.text, "live");
    CHECK(changes > 0);
    changes = 0;
    CHECK(mt_pipe_cut(link) == MT_OK);
    test_meeting_rest(&w);
    assert_string_equal(test_standing_of(w.peers[0].db).text, "offline");
    CHECK(changes == 1);
    test_meeting_end(&w);
}

TEST(status_says_what_a_peer_lacks_and_whether_it_is_of_another_version)
{
    static const char bare[] = HELLO_OF("\x01", "\x01"), later[] = HELLO_OF("\x09", "\x01");
    static const struct {
        const char *hello;
        mt_status status;
        unsigned lacks;
    } cases[] = {{bare, MT_OK, MT_SYNC_LACKS_COMPARING | MT_SYNC_LACKS_CODES},
                 {later, MT_UNSUPPORTED, MT_SYNC_LACKS_VERSION}};
    test_meeting w;

    test_meeting_of_two(&w);
    test_meeting_join(&w, 0, 1);
    test_meeting_rest(&w);
    CHECK(test_standing_of(w.peers[0].db).peer.lacks == 0);
    test_meeting_end(&w);

    for (size_t i = 0; i < TEST_COUNT(cases); i++) {
        mt_bytes hello = {(const uint8_t *)cases[i].hello, sizeof bare - 1};
        mt_connection *here, *there;
        mt_sync_peer peer;

        test_meeting_begin(&w);
        test_meeting_open(&w, 0, NULL);
        CHECK(mt_pipe_new(&w.te.env, NULL, &here, &there, NULL) == MT_OK);
        CHECK(mt_group_add(w.peers[0].links, here) == MT_OK);
        test_env_run_for(&w.te, 100);
        CHECK(mt_connection_send(there, hello) == MT_OK);
        test_env_run_for(&w.te, 100);
        peer = test_standing_of(w.peers[0].db).peer;
        CHECK(peer.status == cases[i].status);
        CHECK(peer.lacks == cases[i].lacks);
        mt_connection_close(there);
        mt_connection_unref(there);
        mt_connection_unref(here);
        test_meeting_end(&w);
    }
}

TEST(status_says_how_far_the_clock_of_a_peer_is_ahead)
{
    static const char slow[] = HELLO_OF("\x01", "\x01"); /* its time is 1 */
    mt_connection *here, *there;
    uint64_t now;
    test_meeting w;

    test_meeting_of_two(&w);
    test_meeting_join(&w, 0, 1);
    test_meeting_rest(&w);
    CHECK(test_standing_of(w.peers[0].db).peer.clock_ahead_ms == 0);
    test_meeting_end(&w);

    test_meeting_begin(&w);
    test_meeting_open(&w, 0, NULL);
    CHECK(mt_pipe_new(&w.te.env, NULL, &here, &there, NULL) == MT_OK);
    CHECK(mt_group_add(w.peers[0].links, here) == MT_OK);
    test_env_run_for(&w.te, 100);
    now = w.te.env.now_ms(w.te.env.ctx);
    CHECK(mt_connection_send(there, (mt_bytes){(const uint8_t *)slow, sizeof slow - 1}) == MT_OK);
    test_env_run_for(&w.te, 100);
    CHECK(test_standing_of(w.peers[0].db).peer.clock_ahead_ms <= 1 - (int64_t)now);
    CHECK(test_standing_of(w.peers[0].db).peer.clock_ahead_ms >= 1 - (int64_t)now - 100);
    mt_connection_close(there);
    mt_connection_unref(there);
    mt_connection_unref(here);
    test_meeting_end(&w);
}

/* What goes over on a link, one line a subscription. */
static void list_one(void *ctx, const mt_sync_subscription *one)
{
    char *line = ctx, *at = line + strlen(line);
    mt_bytes from = one->range.prefix.len  ? one->range.prefix
                    : one->range.uid_count ? one->range.uids[0]
                                           : one->range.first;

    CHECK(one->state == MT_SYNC_LIVE || one->since_ms == 0 || one->state == MT_SYNC_DONE);
    CHECK(one->outgoing || (one->behind == 0 && one->unacknowledged == 0));
    CHECK(one->bytes > 0 || one->nodes == 0);
    snprintf(at, 500 - strlen(line), "%s%s%.*s%s %s %d\n", one->outgoing ? "> " : "< ",
             one->range.prefix.len  ? "prefix "
             : one->range.uid_count ? "list "
             : one->range.first.len ? "from "
                                    : "all",
             (int)from.len, (const char *)from.data, one->range.once ? " once" : "", one->text,
             (int)one->nodes);
}

TEST(status_says_what_goes_over_on_a_link)
{
    mt_bytes list[] = {mt_str("a"), mt_str("b")};
    mt_sync_range ranges[] = {{.prefix = mt_str("notes/")},
                              {.first = mt_str("x"), .end = mt_str("x2"), .push_none = true},
                              {.uids = list, .uid_count = 2, .once = true, .push_none = true}};
    mt_sync_options options = {.size = sizeof options, .ranges = ranges, .range_count = 3};
    mt_connection *link;
    char text[500] = "";
    test_meeting w;

    test_meeting_begin(&w);
    test_meeting_open_with(&w, 0, &options, (mt_config){.size = 0});
    test_meeting_open(&w, 1, NULL);
    test_meeting_open(&w, 2, NULL);
    test_text_set(w.peers[1].db, "notes/1", "one");
    test_text_set(w.peers[1].db, "b", "two");
    link = test_meeting_join(&w, 0, 1);
    CHECK(mt_db_subscriptions(w.peers[0].db, link, list_one, text) == MT_OK);
    assert_string_equal(text, "");
    test_meeting_rest(&w);
    CHECK(mt_db_subscriptions(w.peers[0].db, link, list_one, text) == MT_OK);
    assert_string_equal(text, "< prefix notes/ live 1\n"
                              "< from x live 0\n"
                              "< list a once done 1\n"
                              "> prefix notes/ live 0\n");
    CHECK(test_standing_of(w.peers[0].db).peer.round_trips == 2);
    CHECK(mt_db_subscriptions(w.peers[2].db, link, list_one, text) == MT_NOT_FOUND);
    test_meeting_end(&w);
}

TEST(commit_that_nobody_is_told_of_goes_with_the_next_one)
{
    mt_options untold = {.size = sizeof untold, .network_none = true};
    mt_field field = {.name = mt_str("text"), .value = mt_text("quiet")};
    mt_row row = {.uid = mt_str("a"), .fields = &field, .count = 1};
    test_meeting w;

    test_meeting_of_two(&w);
    test_meeting_join(&w, 0, 1);
    test_meeting_rest(&w);
    CHECK(mt_write_wait(w.peers[0].db, &row, 1, &untold, NULL) == MT_OK);
    test_meeting_rest(&w);
    CHECK(!test_text_of(w.peers[1].db, "a"));
    CHECK(test_standing_of(w.peers[0].db).peer.behind == 1);
    test_text_set(w.peers[0].db, "b", "loud");
    test_meeting_rest(&w);
    CHECK(test_text_is(w.peers[1].db, "a", "quiet") && test_text_is(w.peers[1].db, "b", "loud"));
    CHECK(test_standing_of(w.peers[0].db).peer.behind == 0);
    test_meeting_end(&w);
}

TEST(ranges_may_be_others_later_and_what_stayed_goes_on_where_it_was)
{
    mt_sync_range ranges[] = {{.prefix = mt_str("a/")}, {.prefix = mt_str("b/")}};
    mt_sync_range bad = {.pull_none = true, .push_none = true};
    char text[500] = "";
    mt_connection *link;
    test_meeting w;

    test_meeting_begin(&w);
    test_meeting_open(&w, 0, &ranges[0]);
    test_meeting_open(&w, 1, NULL);
    link = test_meeting_join(&w, 0, 1);
    test_text_set(w.peers[1].db, "a/1", "one");
    test_text_set(w.peers[1].db, "b/1", "two");
    test_text_set(w.peers[1].db, "c/1", "three");
    test_meeting_rest(&w);
    CHECK(test_text_is(w.peers[0].db, "a/1", "one") && !test_text_of(w.peers[0].db, "b/1"));
    CHECK(mt_db_set_ranges(w.peers[0].db, &bad, 1) == MT_INVALID);
    assert_string_equal(mt_db_error(w.peers[0].db)->text, "range 1 is neither pulled nor pushed");
    CHECK(mt_db_set_ranges(w.peers[0].db, ranges, 2) == MT_OK);
    test_text_set(w.peers[1].db, "a/2", "four");
    test_meeting_rest(&w);
    CHECK(test_text_is(w.peers[0].db, "b/1", "two") && !test_text_of(w.peers[0].db, "c/1"));
    CHECK(test_text_is(w.peers[0].db, "a/2", "four"));
    CHECK(mt_db_subscriptions(w.peers[0].db, link, list_one, text) == MT_OK);
    assert_string_equal(text, "< prefix a/ live 1\n< prefix b/ live 1\n"
                              "> prefix a/ live 0\n> prefix b/ live 0\n");
    CHECK(mt_db_set_ranges(w.peers[0].db, &ranges[1], 1) == MT_OK);
    test_text_set(w.peers[1].db, "a/3", "five");
    test_meeting_rest(&w);
    test_text_set(w.peers[1].db, "b/3", "six");
    test_meeting_rest(&w);
    CHECK(test_text_is(w.peers[0].db, "a/1", "one") && !test_text_of(w.peers[0].db, "a/3"));
    CHECK(test_text_is(w.peers[0].db, "b/3", "six"));
    CHECK(mt_db_set_ranges(w.peers[0].db, NULL, 0) == MT_OK);
    test_meeting_rest(&w);
    CHECK(test_text_is(w.peers[0].db, "a/3", "five") &&
          test_text_is(w.peers[0].db, "c/1", "three"));
    test_meeting_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(peer_of_notes_gets_notes_and_nothing_else),
        cmocka_unit_test(range_from_one_uid_to_before_another_has_its_first_and_not_its_end),
        cmocka_unit_test(list_of_uids_gets_these),
        cmocka_unit_test(peer_that_only_pulls_gives_nothing_and_one_that_only_pushes_gets_nothing),
        cmocka_unit_test(subscription_that_is_once_ends_when_all_has_come),
        cmocka_unit_test(ranges_that_cannot_be_are_refused),
        cmocka_unit_test(write_waits_until_peers_have_received_it),
        cmocka_unit_test(write_that_too_few_peers_get_fails_at_its_deadline),
        cmocka_unit_test(write_waits_for_a_peer_that_comes_back),
        cmocka_unit_test(read_asks_peers_for_what_is_not_replicated_here),
        cmocka_unit_test(commit_from_the_future_is_refused_and_the_next_one_is_not),
        cmocka_unit_test(what_is_refused_in_a_copy_is_refused_alone),
        cmocka_unit_test(what_came_too_soon_is_taken_when_its_time_has_come),
        cmocka_unit_test(only_the_fields_that_came_too_soon_are_refused_in_a_copy),
        cmocka_unit_test(hook_that_refuses_an_update_keeps_it_out),
        cmocka_unit_test(what_is_no_message_ends_what_is_between_the_two),
        cmocka_unit_test(what_comes_before_a_greeting_is_dropped),
        cmocka_unit_test(peer_of_another_version_or_clock_is_told_so),
        cmocka_unit_test(messages_that_cannot_be_are_named),
        cmocka_unit_test(peer_that_is_this_very_database_is_told_so),
        cmocka_unit_test(two_links_to_one_peer_carry_everything_once),
        cmocka_unit_test(commit_of_many_frames_arrives_as_one),
        cmocka_unit_test(commit_does_not_wait_behind_a_long_copy),
        cmocka_unit_test(peer_that_does_not_read_costs_a_position_and_no_memory),
        cmocka_unit_test(status_says_how_it_stands_and_tells_of_changes),
        cmocka_unit_test(status_says_what_a_peer_lacks_and_whether_it_is_of_another_version),
        cmocka_unit_test(status_says_how_far_the_clock_of_a_peer_is_ahead),
        cmocka_unit_test(status_says_what_goes_over_on_a_link),
        cmocka_unit_test(commit_that_nobody_is_told_of_goes_with_the_next_one),
        cmocka_unit_test(ranges_may_be_others_later_and_what_stayed_goes_on_where_it_was),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
