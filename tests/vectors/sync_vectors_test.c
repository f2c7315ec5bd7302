/* The sessions in vectors/sync: what peers say to each other, message by message.
 *
 * Each line has who says it, a or b, and the message in hexadecimal, in the order in which they come. They
 * are played here, on virtual time and from one seed, so that to change one is to change the protocol.
 * sync_reader.py reads them as docs/protocol.md has it. */
#include "base/bytes.h"
#include "test_json.h"
#include "test_meeting.h"

#include <stdio.h>
#include <string.h>

typedef struct session {
    test_meeting m;
    mt_db *a, *b;
    mt_connection *link; /* a's end */
    mt_subscription *heard[2];
    mt_buf text;
} session;

/* ---- Writing down ---- */

static void write_down(session *s, char who, mt_bytes message)
{
    char digits[4];

    snprintf(digits, sizeof digits, "%c ", who);
    CHECK(mti_buf_append(&s->text, digits, 2) == MT_OK);
    for (size_t i = 0; i < message.len; i++) {
        snprintf(digits, sizeof digits, "%02x", message.data[i]);
        CHECK(mti_buf_append(&s->text, digits, 2) == MT_OK);
    }
    CHECK(mti_buf_append(&s->text, "\n", 1) == MT_OK);
}

static void hear_a(void *ctx, const void *event)
{
    write_down(ctx, 'a', ((const mt_message *)event)->bytes);
}

static void hear_b(void *ctx, const void *event)
{
    write_down(ctx, 'b', ((const mt_message *)event)->bytes);
}

static void listen(session *s)
{
    mt_subscriber at_a = {.on_event = hear_b, .ctx = s}, at_b = {.on_event = hear_a, .ctx = s};
    mt_connection **ends = s->m.ends[0];

    CHECK(mt_event_stream_subscribe(mt_connection_messages(ends[0]), &at_a, &s->heard[0]) == MT_OK);
    CHECK(mt_event_stream_subscribe(mt_connection_messages(ends[1]), &at_b, &s->heard[1]) == MT_OK);
}

static void open_two(session *s, const mt_sync_options *options_of_a)
{
    s->a = test_meeting_open_with(&s->m, 0, options_of_a, (mt_config){.size = 0});
    s->b = test_meeting_open(&s->m, 1, NULL);
}

static void join(session *s)
{
    s->link = test_meeting_join(&s->m, 0, 1);
    listen(s);
    test_meeting_rest(&s->m);
}

static void write_row(mt_db *db, const char *uid, const mt_field *fields, size_t count,
                      const mt_options *options)
{
    mt_row row = {.uid = mt_str(uid), .fields = fields, .count = count};

    CHECK(mt_write_wait(db, &row, 1, options, NULL) == MT_OK);
}

/* ---- Sessions ---- */

/* Two that never met, a commit that is waited for, a link that breaks, and what was written meanwhile. */
static void meet(session *s)
{
    mt_options received = {.size = sizeof received, .level = MT_LEVEL_RECEIVED};
    mt_field ada[] = {{.name = mt_str("born"), .value = mt_number(1815)},
                      {.name = mt_str("friend"), .value = mt_edge_to("charles")},
                      {.name = mt_str("name"), .value = mt_text("Ada")}};
    mt_field king = {.name = mt_str("name"), .value = mt_text("Ada King")};
    mt_bytes born = mt_str("born");

    open_two(s, NULL);
    write_row(s->a, "ada", ada, 3, NULL);
    test_text_set(s->a, "gone", "soon");
    CHECK(mt_delete_wait(s->a, mt_str("gone"), NULL) == MT_OK);
    test_text_set(s->b, "charles", "Babbage");
    join(s);
    write_row(s->a, "ada", &king, 1, &received);
    test_meeting_rest(&s->m);
    CHECK(mt_pipe_cut(s->link) == MT_OK);
    CHECK(mt_delete_fields_wait(s->a, mt_str("ada"), &born, 1, NULL) == MT_OK);
    test_text_set(s->b, "charles", "Babbage, mathematician");
    test_meeting_rest(&s->m);
    CHECK(mt_pipe_restore(s->link) == MT_OK);
    test_meeting_rest(&s->m);
    CHECK(test_text_is(s->a, "charles", "Babbage, mathematician"));
}

/* One that replicates some of what the other has, asks for more when it is read, and then for other
 * ranges. */
static void ranges(session *s)
{
    mt_bytes list[] = {mt_str("x"), mt_str("y")};
    mt_sync_range some[] = {{.prefix = mt_str("notes/")},
                            {.uids = list, .uid_count = 2, .once = true, .push_none = true}};
    mt_sync_options options = {.size = sizeof options, .ranges = some, .range_count = 2};
    mt_handle *zoe = NULL;

    open_two(s, &options);
    test_text_set(s->b, "notes/1", "one");
    test_text_set(s->b, "x", "listed");
    test_text_set(s->b, "zoe", "read");
    join(s);
    test_text_set(s->b, "notes/2", "two");
    test_meeting_rest(&s->m);
    CHECK(mt_read_wait(s->a, mt_str("zoe"), NULL, &zoe) == MT_OK);
    mt_handle_unref(zoe);
    CHECK(mt_db_set_ranges(s->a, some, 1) == MT_OK);
    test_meeting_rest(&s->m);
    CHECK(test_text_is(s->a, "notes/2", "two") && test_text_is(s->a, "zoe", "read"));
}

/* A stranger of a later version, then one who says what is not known. */
static void stranger(session *s)
{
    static const uint8_t hello[] = "\x01\x02\x00\x02\x03\x01\x00"
                                   "peer of a sample"
                                   "boot of a sample"
                                   "\x05\x00\x01\x80\x80\x04\x00\x00";
    uint8_t suits[sizeof hello - 1];
    static const uint8_t optional[] = {1, 201, 0, 'o', 'd', 'd'}, required[] = {1, 200, 0};
    mt_connection **ends = s->m.ends[0];

    s->b = test_meeting_open(&s->m, 1, NULL);
    CHECK(mt_pipe_new(&s->m.te.env, NULL, &ends[0], &ends[1], NULL) == MT_OK);
    s->m.pipes = 1;
    listen(s);
    CHECK(mt_group_add(s->m.peers[1].links, ends[1]) == MT_OK);
    test_env_run_for(&s->m.te, 10);
    CHECK(mt_connection_send(ends[0], (mt_bytes){hello, sizeof hello - 1}) == MT_OK);
    test_env_run_for(&s->m.te, 10);
    memcpy(suits, hello, sizeof suits);
    suits[3] = 1;
    suits[sizeof suits - 8] = 6; /* another session */
    CHECK(mt_connection_send(ends[0], (mt_bytes){suits, sizeof suits}) == MT_OK);
    test_env_run_for(&s->m.te, 10);
    CHECK(mt_connection_send(ends[0], (mt_bytes){optional, sizeof optional}) == MT_OK);
    CHECK(mt_connection_send(ends[0], (mt_bytes){required, sizeof required}) == MT_OK);
    test_env_run_for(&s->m.te, 10);
    CHECK(test_standing_of(s->b).peer.state == MT_SYNC_REFUSED);
}

static const struct {
    const char *name;
    void (*play)(session *s);
} sessions[] = {{"meet", meet}, {"ranges", ranges}, {"stranger", stranger}};

/* Keeps what was said instead, for whoever changes the protocol. */
static void differs(const session *s, const char *name)
{
    char path[50];
    FILE *file;

    snprintf(path, sizeof path, "sync-%s.hex", name);
    file = fopen(path, "wb");
    if (!file || fwrite(s->text.data, 1, s->text.len, file) != s->text.len || fclose(file) != 0)
        fail_msg("what is said differs from sync/%s.hex, and %s cannot be written", name, path);
    fail_msg("what is said differs from sync/%s.hex: it is in %s here", name, path);
}

TEST(sessions_are_said)
{
    for (size_t i = 0; i < TEST_COUNT(sessions); i++) {
        static session s;
        char path[50];
        mt_bytes expected;

        memset(&s, 0, sizeof s);
        snprintf(path, sizeof path, "sync/%s.hex", sessions[i].name);
        expected = test_vectors(path);
        test_meeting_begin(&s.m);
        s.text.mem = test_mem();
        sessions[i].play(&s);
        if (!mt_bytes_equal(mt_buf_bytes(&s.text), expected)) differs(&s, sessions[i].name);
        mt_buf_free(&s.text);
        for (size_t k = 0; k < 2; k++) mt_subscription_dispose(s.heard[k]);
        test_meeting_end(&s.m);
        test_vectors_free(expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sessions_are_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
