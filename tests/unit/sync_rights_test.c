/* What a peer has a right to: it is sent what it may read and nothing else, and what it may not write is not
 * taken from it, whatever it asks and sends. */
#include "test_meeting.h"
#include "test_stranger.h"

#include <stdio.h>
#include <string.h>

/* What everybody but the first peer may, at the first. */
typedef struct policy {
    mt_sync_range read[3], write[3];
    size_t read_count, write_count;
    mt_status status;
    size_t asked;
} policy;

static mt_status rights_of(void *ctx, mt_connection *connection, mt_sync_rights *rights,
                           mt_error *why)
{
    policy *p = ctx;

    (void)connection;
    p->asked++;
    if (p->status != MT_OK) *why = (mt_error){p->status, "you may nothing here"};
    *rights = (mt_sync_rights){p->read, p->read_count, p->write, p->write_count};
    return p->status;
}

/* Reads notes/ and all/, writes notes/a/. */
static policy some(void)
{
    return (policy){.read = {{.prefix = mt_str("all/")}, {.prefix = mt_str("notes/")}},
                    .write = {{.prefix = mt_str("notes/a/")}},
                    .read_count = 2,
                    .write_count = 1};
}

static mt_sync_options guarded(policy *p)
{
    return (mt_sync_options){.size = sizeof(mt_sync_options), .rights = rights_of, .rights_ctx = p};
}

static void begin(test_meeting *m, policy *p)
{
    mt_sync_options options = guarded(p);

    test_meeting_begin(m);
    test_meeting_open_with(m, 0, &options, (mt_config){.size = 0});
    test_text_set(m->peers[0].db, "notes/1", "a note");
    test_text_set(m->peers[0].db, "notesx", "not in notes/");
    test_text_set(m->peers[0].db, "notes", "neither");
    test_text_set(m->peers[0].db, "secret/1", "a secret");
}

/* ---- Between peers that follow the rules ---- */

TEST(peer_gets_what_it_may_read_and_gives_what_it_may_write)
{
    policy p = some();
    test_meeting m;
    mt_db *hub, *guest;

    begin(&m, &p);
    hub = m.peers[0].db;
    guest = test_meeting_open(&m, 1, NULL);
    test_text_set(guest, "notes/a/1", "may be written");
    test_text_set(guest, "notes/2", "may not");
    test_text_set(guest, "mine", "may not either");
    test_meeting_join(&m, 0, 1);
    test_meeting_rest(&m);
    CHECK(test_text_is(guest, "notes/1", "a note"));
    CHECK(!test_text_of(guest, "notesx") && !test_text_of(guest, "notes"));
    CHECK(!test_text_of(guest, "secret/1"));
    CHECK(test_text_is(hub, "notes/a/1", "may be written"));
    CHECK(!test_text_of(hub, "notes/2") && !test_text_of(hub, "mine"));
    test_text_set(hub, "secret/2", "later");
    test_text_set(hub, "all/1", "later");
    test_text_set(guest, "notes/3", "later");
    test_text_set(guest, "notes/a/2", "later");
    test_meeting_rest(&m);
    CHECK(test_text_is(guest, "all/1", "later") && !test_text_of(guest, "secret/2"));
    CHECK(test_text_is(hub, "notes/a/2", "later") && !test_text_of(hub, "notes/3"));
    test_meeting_end(&m);
}

TEST(strangers_compare_no_more_than_what_one_may_read)
{
    policy p = some();
    test_meeting m;
    mt_db *hub, *guest;
    char uid[32];

    begin(&m, &p);
    hub = m.peers[0].db;
    guest = test_meeting_open(&m, 1, NULL);
    for (int i = 0; i < 300; i++) {
        snprintf(uid, sizeof uid, "notes/%03d", i);
        test_text_set(hub, uid, i % 40 ? "the same" : "here");
        test_text_set(guest, uid, "the same");
        snprintf(uid, sizeof uid, "secret/%03d", i);
        test_text_set(hub, uid, "here");
        test_text_set(guest, uid, "there");
    }
    test_meeting_join(&m, 0, 1);
    test_meeting_rest(&m);
    for (int i = 0; i < 300; i++) {
        snprintf(uid, sizeof uid, "secret/%03d", i);
        CHECK(test_text_is(hub, uid, "here") && test_text_is(guest, uid, "there"));
    }
    /* Whoever wrote last, what may not be written is not, and what may be read is. */
    CHECK(test_text_is(hub, "notes/001", "the same") && test_text_is(hub, "notes/040", "here"));
    test_meeting_end(&m);
}

TEST(peer_without_any_right_is_told_so)
{
    policy p = {.status = MT_REFUSED};
    test_meeting m;
    mt_db *guest;

    begin(&m, &p);
    guest = test_meeting_open(&m, 1, NULL);
    test_meeting_join(&m, 0, 1);
    test_meeting_rest(&m);
    CHECK(!test_text_of(guest, "notes/1"));
    CHECK(strstr(test_standing_of(m.peers[0].db).error, "you may nothing here"));
    test_meeting_end(&m);
}

TEST(peer_of_whom_nothing_is_said_may_nothing)
{
    policy p = {.status = MT_OK};
    test_meeting m;
    mt_db *guest;

    begin(&m, &p);
    guest = test_meeting_open(&m, 1, NULL);
    test_text_set(guest, "notes/a/1", "not taken");
    test_meeting_join(&m, 0, 1);
    test_meeting_rest(&m);
    CHECK(!test_text_of(guest, "notes/1") && !test_text_of(m.peers[0].db, "notes/a/1"));
    test_meeting_end(&m);
}

TEST(rights_that_change_hold_from_the_next_turn_on)
{
    policy p = some();
    test_meeting m;
    mt_db *hub, *guest;

    begin(&m, &p);
    hub = m.peers[0].db;
    guest = test_meeting_open(&m, 1, NULL);
    test_meeting_join(&m, 0, 1);
    test_meeting_rest(&m);
    CHECK(test_text_is(guest, "notes/1", "a note") && !test_text_of(guest, "secret/1"));
    p.read[0].prefix = mt_str("secret/");
    p.read_count = 1;
    CHECK(mt_db_rights_changed(hub) == MT_OK);
    test_meeting_rest(&m);
    CHECK(test_text_is(guest, "secret/1", "a secret"));
    test_text_set(hub, "notes/1", "another");
    test_meeting_rest(&m);
    CHECK(test_text_is(guest, "notes/1", "a note"));
    p.status = MT_REFUSED;
    CHECK(mt_db_rights_changed(hub) == MT_OK);
    test_meeting_rest(&m);
    test_text_set(hub, "secret/1", "another");
    test_meeting_rest(&m);
    CHECK(test_text_is(guest, "secret/1", "a secret"));
    test_meeting_end(&m);
}

TEST(rights_narrow_ranges_and_never_widen_them)
{
    policy p = some();
    mt_sync_range range = {.prefix = mt_str("notes/a/")};
    mt_sync_options options = guarded(&p);
    test_meeting m;
    mt_db *hub, *guest;

    options.ranges = &range;
    options.range_count = 1;
    test_meeting_begin(&m);
    hub = test_meeting_open_with(&m, 0, &options, (mt_config){.size = 0});
    guest = test_meeting_open(&m, 1, NULL);
    test_text_set(hub, "notes/1", "in no range");
    test_text_set(hub, "notes/a/1", "in both");
    test_text_set(guest, "notes/a/2", "in both");
    test_meeting_join(&m, 0, 1);
    test_meeting_rest(&m);
    CHECK(!test_text_of(guest, "notes/1") && test_text_is(guest, "notes/a/1", "in both"));
    CHECK(test_text_is(hub, "notes/a/2", "in both"));
    test_meeting_end(&m);
}

TEST(rights_in_what_is_no_range_end_the_session_with_a_reason)
{
    policy p = some();
    test_meeting m;

    begin(&m, &p);
    p.read[0].prefix.len = MT_UID_LEN_MAX + 1; /* longer than any uid */
    test_meeting_open(&m, 1, NULL);
    test_meeting_join(&m, 0, 1);
    test_meeting_rest(&m);
    CHECK(strstr(test_standing_of(m.peers[0].db).error, "more than any uid has"));
    test_meeting_end(&m);
}

TEST(rights_may_leave_a_part_out)
{
    const mt_bytes one = mt_str("notes/1");
    policy p = {.read = {{.end = mt_str("notes/")}, {.first = mt_str("notes0")}},
                .write = {{.uids = &one, .uid_count = 1}},
                .read_count = 2,
                .write_count = 1};
    test_meeting m;
    mt_db *guest;

    begin(&m, &p);
    guest = test_meeting_open(&m, 1, NULL);
    test_text_set(guest, "notes/2", "not taken");
    test_text_set(guest, "notes/1", "taken");
    test_meeting_join(&m, 0, 1);
    test_meeting_rest(&m);
    CHECK(test_text_is(guest, "secret/1", "a secret") &&
          test_text_is(guest, "notesx", "not in notes/"));
    CHECK(test_text_is(guest, "notes/1", "taken"));
    CHECK(test_text_is(m.peers[0].db, "notes/1", "taken") &&
          !test_text_of(m.peers[0].db, "notes/2"));
    test_meeting_end(&m);
}

/* ---- A peer that follows no rules ---- */

typedef struct scene {
    test_meeting m;
    test_stranger s;
    policy p;
} scene;

static void come(scene *w)
{
    w->p = some();
    begin(&w->m, &w->p);
    test_stranger_come(&w->m, &w->s, (mt_pipe_options){.queued_max = 1 << 20});
    test_stranger_greet(&w->m, &w->s, 's', 1, 0);
    test_env_run_for(&w->m.te, 5);
}

static void leave(scene *w)
{
    test_stranger_leave(&w->s);
    test_meeting_end(&w->m);
}

static void subscribe(scene *w, uint64_t id, const char *first, const char *end)
{
    mti_range range = {.first = mt_str(first), .end = mt_str(end)};
    mti_say say = test_stranger_speak(&w->s, MTI_SUBSCRIBE);

    mti_say_number(&say, id);
    mti_say_range(&say, &range, 0);
    test_say_cursor(&say, 0, 0);
    mti_say_byte(&say, 0);
    test_stranger_send(&w->s);
    test_env_run_for(&w->m.te, 20);
}

TEST(what_it_may_not_read_it_cannot_subscribe_to)
{
    static const char *const ranges[][2] = {{"", ""},
                                            {"secret/", "secret0"},
                                            {"notes", "notes0"},
                                            {"notes/", "notes1"},
                                            {"notes", "notes/"},
                                            {"notesx", "notesy"},
                                            {"a", "notes0"},
                                            {"notes/a/", ""}};
    scene w;

    come(&w);
    for (size_t i = 0; i < TEST_COUNT(ranges); i++) {
        subscribe(&w, 10 + i, ranges[i][0], ranges[i][1]);
        CHECK(w.s.refused_id == 10 + i && w.s.heard[MTI_DATA] == 0);
    }
    subscribe(&w, 30, "notes/", "notes0");
    CHECK(w.s.heard[MTI_DATA] > 0 && w.s.granted == 30);
    leave(&w);
}

TEST(what_it_may_not_read_it_cannot_compare)
{
    mti_range range = {.first = mt_str("secret/"), .end = mt_str("secret0")};
    scene w;

    come(&w);
    test_stranger_compares(&w.s, 10, &range, 16);
    test_env_run_for(&w.m.te, 20);
    CHECK(w.s.refused_id == 10 && w.s.heard[MTI_SUBSCRIBED] == 0);
    leave(&w);
}

TEST(what_it_may_not_read_is_not_found_for_it)
{
    static const char *const uids[] = {"notes/1", "notesx", "secret/1"};
    mti_say say;
    scene w;

    come(&w);
    for (size_t i = 0; i < TEST_COUNT(uids); i++) {
        say = test_stranger_speak(&w.s, MTI_PULL);
        mti_say_number(&say, 1 + i);
        mti_say_number(&say, 1);
        mti_say_bytes(&say, mt_str(uids[i]));
        test_stranger_send(&w.s);
        test_env_run_for(&w.m.te, 20);
        CHECK(w.s.heard[MTI_FOUND] == (i == 0 ? 2 : 2 + i)); /* the node, and each time the end */
    }
    leave(&w);
}

/* Sends a node as an answer to a read that nobody made. */
static void find_unasked(scene *w, const char *uid)
{
    mt_field field = {.name = mt_str("text"), .value = mt_string(mt_str("forged")), .state = 5};
    mt_row row = {.uid = mt_str(uid), .fields = &field, .count = 1};
    mt_buf rows = {.mem = test_mem()};
    mt_binary_writer *writer;
    mti_say say;

    CHECK(mt_binary_writer_new(test_mem(), NULL, NULL, &rows, &writer) == MT_OK);
    CHECK(mt_binary_row(writer, &row) == MT_OK && mt_binary_finish(writer) == MT_OK);
    mt_binary_writer_free(writer);
    say = test_stranger_speak(&w->s, MTI_FOUND);
    mti_say_number(&say, 1);
    mti_say_byte(&say, 0);
    mti_say_number(&say, 0);
    mti_say_fixed(&say, mt_buf_bytes(&rows));
    test_stranger_send(&w->s);
    mt_buf_free(&rows);
    test_env_run_for(&w->m.te, 20);
}

TEST(what_it_may_not_write_it_cannot_answer_reads_with)
{
    scene w;

    come(&w);
    find_unasked(&w, "notes/a/1");
    CHECK(w.s.heard[MTI_BYE] == 0);
    find_unasked(&w, "secret/1");
    CHECK(w.s.heard[MTI_BYE] == 1 && w.s.why.status == MT_MALFORMED);
    CHECK(strstr(w.s.why.text, "no right to send"));
    CHECK(test_text_is(w.m.peers[0].db, "secret/1", "a secret"));
    leave(&w);
}

TEST(what_it_may_not_write_it_cannot_send)
{
    scene w;

    come(&w);
    CHECK(w.s.heard[MTI_SUBSCRIBE] == 1); /* of notes/a/ */
    test_stranger_copies(&w.s, w.s.asked, 's', 1);
    test_stranger_copied(&w.s, w.s.asked, "notes/a/1", 1, 10, 5);
    test_env_run_for(&w.m.te, 20);
    CHECK(w.s.heard[MTI_BYE] == 0);
    test_stranger_copied(&w.s, w.s.asked, "notes/b/1", 1, 10, 5);
    test_env_run_for(&w.m.te, 20);
    CHECK(w.s.heard[MTI_BYE] == 1 && !test_text_of(w.m.peers[0].db, "notes/b/1"));
    leave(&w);
}

/* Where it may only write, it hears neither what there is nor how much. */
TEST(what_it_may_only_write_is_not_compared_with_it)
{
    scene w;

    w.p = (policy){.write = {{.prefix = mt_str("notes/")}}, .write_count = 1};
    begin(&w.m, &w.p);
    test_stranger_come(&w.m, &w.s, (mt_pipe_options){.queued_max = 1 << 20});
    w.s.features = MTI_FEATURE_COMPARES | MTI_FEATURE_CODES;
    test_stranger_greet(&w.m, &w.s, 's', 1, 0);
    test_env_run_for(&w.m.te, 20);
    CHECK(w.s.heard[MTI_SUBSCRIBE] == 1 && !(w.s.asked_flags & MTI_RANGE_COMPARE));
    CHECK(w.s.heard[MTI_PRINTS] == 0);
    test_stranger_grants(&w.s, w.s.asked, MTI_STANDS_ASKED);
    test_env_run_for(&w.m.te, 20);
    CHECK(w.s.heard[MTI_ASK] == 0 && w.s.heard[MTI_SUBSCRIBE] == 2);
    CHECK(!(w.s.asked_flags & MTI_RANGE_COMPARE) && w.s.standing.how == MTI_STANDS_FEED);
    leave(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(peer_gets_what_it_may_read_and_gives_what_it_may_write),
        cmocka_unit_test(strangers_compare_no_more_than_what_one_may_read),
        cmocka_unit_test(peer_without_any_right_is_told_so),
        cmocka_unit_test(peer_of_whom_nothing_is_said_may_nothing),
        cmocka_unit_test(rights_that_change_hold_from_the_next_turn_on),
        cmocka_unit_test(rights_narrow_ranges_and_never_widen_them),
        cmocka_unit_test(rights_in_what_is_no_range_end_the_session_with_a_reason),
        cmocka_unit_test(rights_may_leave_a_part_out),
        cmocka_unit_test(what_it_may_not_read_it_cannot_subscribe_to),
        cmocka_unit_test(what_it_may_not_read_it_cannot_compare),
        cmocka_unit_test(what_it_may_not_read_is_not_found_for_it),
        cmocka_unit_test(what_it_may_not_write_it_cannot_answer_reads_with),
        cmocka_unit_test(what_it_may_not_write_it_cannot_send),
        cmocka_unit_test(what_it_may_only_write_is_not_compared_with_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
