/* The sessions in vectors/sync: what peers say to each other, message by message.
 *
 * Each line has who says it, a or b, and the message in hexadecimal, in the order in which they come. They
 * are played here, on virtual time and from one seed, so that to change one is to change the protocol.
 * sync_reader.py reads them as docs/protocol.md has it.
 *
 * NAME.items, where two compare, has the nodes that there were: who has one, its uid, its state, and its
 * two sums in hexadecimal. `*` are both, in the beginning; then there is what a or b has instead before they
 * meet, and what both have in the end, z. */
#include "base/bytes.h"
#include "base/word.h"
#include "sync/message.h"
#include "test_json.h"
#include "test_meeting.h"

#include <mytosis/plugin/kv_memory.h>
#include <mytosis/plugin/node_store.h>
#include <stdio.h>
#include <string.h>

typedef struct session {
    test_meeting m;
    mt_db *a, *b;
    mt_connection *link; /* a's end */
    mt_subscription *heard[2];
    mt_buf text;
    mt_buf items;   /* NAME.items */
    mt_buf base;    /* those of both, as a string; empty: there are none */
    uint64_t nonce; /* of the last HELLO of b */
} session;

/* ---- Writing down ---- */

static void put(mt_buf *text, const char *chars)
{
    CHECK(mti_buf_append(text, chars, strlen(chars)) == MT_OK);
}

static void put_hex(mt_buf *text, mt_bytes bytes)
{
    char digits[3];

    for (size_t i = 0; i < bytes.len; i++) {
        snprintf(digits, sizeof digits, "%02x", bytes.data[i]);
        put(text, digits);
    }
}

static void write_down(session *s, char who, mt_bytes message)
{
    put(&s->text, (char[]){who, ' ', '\0'});
    put_hex(&s->text, message);
    put(&s->text, "\n");
}

static void hear_a(void *ctx, const void *event)
{
    write_down(ctx, 'a', ((const mt_message *)event)->bytes);
}

static void hear_b(void *ctx, const void *event)
{
    mt_bytes message = ((const mt_message *)event)->bytes;
    session *s = ctx;
    mti_hello hello;
    mti_parse in;
    unsigned type;
    mt_error err;

    write_down(s, 'b', message);
    CHECK(mti_parse_head(message, &type, &in, &err) == MT_OK);
    if (type == MTI_HELLO && mti_parse_hello(&in, &hello) == MT_OK) s->nonce = hello.nonce;
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

static void put_sum(mt_buf *text, const mt_sum *sum)
{
    uint8_t bytes[16];

    mti_store_le64(sum->lo, bytes);
    mti_store_le64(sum->hi, bytes + 8);
    put(text, " ");
    put_hex(text, (mt_bytes){bytes, sizeof bytes});
}

typedef struct noting {
    session *s;
    char who;
} noting;

static bool note_row(void *ctx, mt_db *db, const mt_row *row)
{
    noting *n = ctx;
    mt_buf *items = &n->s->items, text = {.mem = test_mem()};
    mt_storage_item item = {.state_max = 0};
    char line[64];

    (void)db;
    CHECK(!row->more);
    mt_storage_item_add(&item, row, true);
    snprintf(line, sizeof line, " %.*s %llu", (int)row->uid.len, (const char *)row->uid.data,
             (unsigned long long)item.state_max);
    put(&text, line);
    put_sum(&text, &item.living);
    put_sum(&text, &item.deleted);
    CHECK(mti_buf_append(&text, "\n", 2) == MT_OK);
    if (n->s->base.len == 0 || !strstr((const char *)n->s->base.data, (const char *)text.data)) {
        put(items, (char[]){n->who, '\0'});
        put(items, (const char *)text.data);
    }
    mt_buf_free(&text);
    return true;
}

/* Writes down what one of the two has, but for what both had in the beginning. */
static void note_items(session *s, char who, mt_db *db)
{
    mt_range all = {.deleted = true};
    noting n = {s, who};

    CHECK(mt_stream_wait(db, &all, note_row, &n) == MT_OK);
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

/* Says that the last HELLO of b was heard, in the session that the stranger is in. */
static void answer_greeting(session *s)
{
    mti_hello hello = {.version_min = MTI_SYNC_VERSION,
                       .version_max = MTI_SYNC_VERSION,
                       .clock = MT_CLOCK_HYBRID,
                       .peer = {(const uint8_t *)"peer of a sample", 16},
                       .boot = {(const uint8_t *)"boot of a sample", 16},
                       .nonce = 6,
                       .heard = s->nonce,
                       .now_ms = 1,
                       .window = 65536};
    mt_buf message = {.mem = test_mem()};
    mti_say say = mti_say_begin(&message, MTI_HELLO);

    mti_say_hello(&say, &hello);
    mti_say_number(&say, 0);
    CHECK(mti_say_end(&say) == MT_OK);
    CHECK(mt_connection_send(s->m.ends[0][0], mt_buf_bytes(&message)) == MT_OK);
    mt_buf_free(&message);
    test_env_run_for(&s->m.te, 10);
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
    answer_greeting(s);
    CHECK(mt_connection_send(ends[0], (mt_bytes){optional, sizeof optional}) == MT_OK);
    CHECK(mt_connection_send(ends[0], (mt_bytes){required, sizeof required}) == MT_OK);
    test_env_run_for(&s->m.te, 10);
    CHECK(test_standing_of(s->b).peer.state == MT_SYNC_REFUSED);
}

/* ---- Comparisons ---- */

/* The same nodes in each of two, as they are where both have them of a third. */
static void fill(mt_db *db, unsigned count)
{
    mt_field field = {.name = mt_str("text"), .value = mt_text("the same"), .state = 1};
    mt_graph *graph;

    CHECK(mt_graph_new(test_mem(), NULL, &graph) == MT_OK);
    for (unsigned i = 0; i < count; i++) {
        char uid[16];
        mt_row row = {.fields = &field, .count = 1};
        snprintf(uid, sizeof uid, "node/%03u", i);
        row.uid = mt_str(uid);
        field.state = i + 1;
        CHECK(mt_graph_merge_rows(graph, &row, 1, NULL) == MT_OK);
    }
    CHECK(mt_commit_graph_wait(db, graph, NULL) == MT_OK);
    mt_graph_free(graph);
}

/* One that keeps an index, so that it can tell at once what it has. */
static mt_db *open_stored(session *s, size_t at)
{
    mt_sync_options options = {.size = sizeof options};
    mt_storage storage;
    mt_kv kv;

    CHECK(mt_kv_memory(&s->m.te.env, &kv) == MT_OK);
    CHECK(mt_node_store_new(&s->m.te.env, kv, NULL, &storage, NULL) == MT_OK);
    return test_meeting_open_with(&s->m, at, &options, (mt_config){.storage = &storage});
}

/* Two that have so many nodes in common. */
static void fill_both(session *s, unsigned count)
{
    fill(s->a, count);
    fill(s->b, count);
    note_items(s, '*', s->a);
    CHECK(mti_buf_append(&s->base, s->items.data, s->items.len) == MT_OK);
    CHECK(mti_buf_append(&s->base, "", 1) == MT_OK);
}

static void note_and_join(session *s)
{
    note_items(s, 'a', s->a);
    note_items(s, 'b', s->b);
    join(s);
}

/* Two that never met and have 300 nodes alike, but for a few: a coded table. */
static void compare(session *s)
{
    s->a = open_stored(s, 0);
    s->b = open_stored(s, 1);
    fill_both(s, 300);
    test_text_set(s->a, "node/041", "newer here");
    test_text_set(s->b, "node/043", "newer there");
    test_text_set(s->a, "node/044+", "only here");
    CHECK(mt_delete_wait(s->b, mt_str("node/250"), NULL) == MT_OK);
    note_and_join(s);
    CHECK(test_text_is(s->b, "node/041", "newer here"));
    CHECK(test_text_is(s->a, "node/043", "newer there"));
    note_items(s, 'z', s->a);
}

/* The same of 40, which are listed; one was written on both sides at the same state. */
static void compare_lists(session *s)
{
    open_two(s, NULL);
    fill_both(s, 40);
    test_text_set(s->a, "node/007", "one");
    test_text_set(s->b, "node/007", "another");
    test_text_set(s->a, "node/011", "newer here");
    test_text_set(s->b, "only/there", "only there");
    test_text_set(s->b, "node/012", "newer there");
    note_and_join(s);
    CHECK(test_text_is(s->a, "node/007", "one") && test_text_is(s->b, "node/007", "one"));
    CHECK(test_text_is(s->a, "only/there", "only there"));
    note_items(s, 'z', s->b);
}

static void compare_equal(session *s)
{
    s->a = open_stored(s, 0);
    s->b = open_stored(s, 1);
    fill_both(s, 40);
    note_and_join(s);
}

static void compare_dry(session *s)
{
    mt_sync_options options = {.size = sizeof options, .dry_run = true};

    open_two(s, &options);
    fill_both(s, 40);
    test_text_set(s->a, "only/here", "only here");
    test_text_set(s->b, "node/012", "newer there");
    test_text_set(s->b, "only/there", "only there");
    note_and_join(s);
    CHECK(test_text_is(s->a, "node/012", "the same"));
}

/* Says a message, whose head is left out here, and lets it be answered. */
static void say(session *s, const char *bytes, size_t len)
{
    CHECK(mt_connection_send(s->m.ends[0][0], (mt_bytes){(const uint8_t *)bytes, len}) == MT_OK);
    test_env_run_for(&s->m.te, 100);
}

#define SAY(s, bytes) say(s, "\x01" bytes, sizeof bytes)

/* One that reads no coded tables, and asks about parts of which one is empty, for all of the other. */
static void compare_plain(session *s)
{
    mt_connection **ends = s->m.ends[0];

    s->b = test_meeting_open(&s->m, 1, NULL);
    fill(s->b, 12);
    note_items(s, 'b', s->b);
    CHECK(mt_pipe_new(&s->m.te.env, NULL, &ends[0], &ends[1], NULL) == MT_OK);
    s->m.pipes = 1;
    listen(s);
    CHECK(mt_group_add(s->m.peers[1].links, ends[1]) == MT_OK);
    test_env_run_for(&s->m.te, 10);
    SAY(s, "\x02\x00\x01\x01\x01\x00"
           "peer of a sample"
           "boot of a sample"
           "\x05\x00\x01\x80\x80\x04\x02\x01\x02\x00\x00");
    SAY(s, "\x08\x00\x01\x10\x00\x00"
           "print of samples"
           "\x05");
    SAY(s, "\x1a\x00\x01\x01\x00\x00\x00\x02\x02\x00"
           "pr"
           "\x20"
           "z"
           "pr");
    SAY(s, "\x1e\x00\x01\x01\x01\x00\x02"
           "\xe0\x01"
           "node/005"
           "\x2f"
           "7"
           "\x02\x00\x08"
           "node/003"
           "\x08\x07\x01"
           "9"
           "\x20");
    SAY(s, "\x22\x00\x01\x00");
}

static const struct {
    const char *name;
    void (*play)(session *s);
} sessions[] = {
    {"meet", meet},
    {"ranges", ranges},
    {"stranger", stranger},
    {"compare", compare},
    {"compare_lists", compare_lists},
    {"compare_equal", compare_equal},
    {"compare_dry", compare_dry},
    {"compare_plain", compare_plain},
};

/* Whether a file has just this. If not, this is kept beside, for whoever changes the protocol. */
static bool is_in_file(mt_bytes text, const char *name, const char *ending)
{
    char path[60];
    mt_bytes expected;
    FILE *file;
    bool is;

    snprintf(path, sizeof path, "sync/%s.%s", name, ending);
    expected = test_vectors(path);
    is = mt_bytes_equal(text, expected);
    test_vectors_free(expected);
    if (is) return true;
    snprintf(path, sizeof path, "sync-%s.%s", name, ending);
    file = fopen(path, "wb");
    if (!file || fwrite(text.data, 1, text.len, file) != text.len || fclose(file) != 0)
        fail_msg("sync/%s.%s has something else, and %s cannot be written", name, ending, path);
    print_message("sync/%s.%s has something else: this is in %s here\n", name, ending, path);
    return false;
}

static bool is_said(session *s, const char *name, void (*play)(session *s))
{
    bool is;

    memset(s, 0, sizeof *s);
    test_meeting_begin(&s->m);
    s->text.mem = s->items.mem = s->base.mem = test_mem();
    play(s);
    is = is_in_file(mt_buf_bytes(&s->text), name, "hex");
    if (s->items.len > 0) is = is_in_file(mt_buf_bytes(&s->items), name, "items") && is;
    mt_buf_free(&s->text);
    mt_buf_free(&s->items);
    mt_buf_free(&s->base);
    for (size_t i = 0; i < 2; i++) mt_subscription_dispose(s->heard[i]);
    test_meeting_end(&s->m);
    return is;
}

TEST(sessions_are_said)
{
    static session s;
    bool all = true;

    for (size_t i = 0; i < TEST_COUNT(sessions); i++)
        all = is_said(&s, sessions[i].name, sessions[i].play) && all;
    CHECK(all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sessions_are_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
