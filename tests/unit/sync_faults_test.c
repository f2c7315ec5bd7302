/* The sync router where peers lie, links are full, stores are late, and hooks take links away. */
#include "sync/message.h"
#include "test_env.h"

#include <mytosis/binary.h>
#include <mytosis/conformance.h>
#include <mytosis/mytosis.h>
#include <mytosis/plugin/kv_memory.h>
#include <mytosis/plugin/node_store.h>
#include <mytosis/plugin/pipe.h>
#include <mytosis/plugin/storage.h>
#include <mytosis/plugin/sync.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Peers ---- */

#define PEERS 3

typedef struct peer {
    mt_db *db;
    mt_group *links;
} peer;

typedef struct world {
    test_env te;
    peer peers[PEERS];
    mt_connection *ends[8][2];
    size_t pipes;
    size_t live_before;
} world;

static void begin(world *w)
{
    memset(w, 0, sizeof *w);
    w->live_before = test_mem_live();
    test_env_init(&w->te, 8831, test_mem());
}

static mt_db *open_with(world *w, size_t at, const mt_sync_options *options, mt_config config)
{
    const mt_config *configs[1] = {&config};
    peer *p = &w->peers[at];
    mt_router router;

    CHECK(mt_group_new(test_mem(), &p->links) == MT_OK);
    CHECK(mt_router_sync(&w->te.env, options, &router, NULL) == MT_OK);
    config.size = sizeof config;
    config.env = &w->te.env;
    config.router = &router;
    config.group = p->links;
    CHECK(mt_open(configs, 1, &p->db, NULL) == MT_OK);
    return p->db;
}

static mt_db *open_for(world *w, size_t at, const mt_sync_range *range)
{
    mt_sync_options options = {
        .size = sizeof options, .ranges = range, .range_count = range != NULL};

    return open_with(w, at, &options, (mt_config){.size = 0});
}

static mt_connection *join_with(world *w, size_t a, size_t b, mt_pipe_options options)
{
    char ids[2][16];
    mt_connection **ends = w->ends[w->pipes];

    snprintf(ids[0], sizeof ids[0], "to%zu#%zu", b, w->pipes);
    snprintf(ids[1], sizeof ids[1], "to%zu#%zu", a, w->pipes++);
    options.size = sizeof options;
    options.a_id = mt_str(ids[0]);
    options.b_id = mt_str(ids[1]);
    CHECK(mt_pipe_new(&w->te.env, &options, &ends[0], &ends[1], NULL) == MT_OK);
    CHECK(mt_group_add(w->peers[a].links, ends[0]) == MT_OK);
    CHECK(mt_group_add(w->peers[b].links, ends[1]) == MT_OK);
    return ends[0];
}

static mt_connection *join(world *w, size_t a, size_t b)
{
    return join_with(w, a, b, (mt_pipe_options){.size = 0});
}

static void end(world *w)
{
    for (size_t i = 0; i < w->pipes; i++)
        for (size_t k = 0; k < 2; k++) {
            mt_connection_close(w->ends[i][k]);
            mt_connection_unref(w->ends[i][k]);
        }
    for (size_t i = 0; i < PEERS; i++) {
        if (w->peers[i].db) mt_close(w->peers[i].db);
        mt_group_unref(w->peers[i].links);
    }
    test_env_run(&w->te);
    test_env_end(&w->te);
    CHECK(test_mem_live() == w->live_before);
}

static void rest(world *w)
{
    test_env_run_for(&w->te, 3000);
}

static void set(mt_db *db, const char *uid, const char *text)
{
    mt_field field = {.name = mt_str("text"), .value = mt_text(text)};
    mt_row row = {.uid = mt_str(uid), .fields = &field, .count = 1};

    CHECK(mt_write_wait(db, &row, 1, NULL, NULL) == MT_OK);
}

/* A node with several values of some length. */
static void set_large(mt_db *db, const char *uid, size_t fields, size_t len)
{
    uint8_t *text = malloc(len);
    mt_field field = {.name = mt_str("0")};
    mt_row row = {.uid = mt_str(uid), .fields = &field, .count = 1};

    if (!text) abort();
    memset(text, 'x', len);
    field.value = mt_string((mt_bytes){text, len});
    for (size_t i = 0; i < fields; i++) {
        char name[32];
        snprintf(name, sizeof name, "f%02zu", i);
        field.name = mt_str(name);
        CHECK(mt_write_wait(db, &row, 1, NULL, NULL) == MT_OK);
    }
    free(text);
}

static bool has(mt_db *db, const char *uid)
{
    const mt_node *node = mt_peek(db, mt_str(uid));

    return node && mt_node_state_max(node) > 0;
}

typedef struct seen {
    mt_sync_peer peer; /* the first */
    char text[128], error[MT_ERROR_TEXT_MAX];
    size_t count;
} seen;

static void see(void *ctx, const mt_sync_peer *one)
{
    seen *s = ctx;

    if (s->count++) return;
    s->peer = *one;
    snprintf(s->text, sizeof s->text, "%s", one->text);
    snprintf(s->error, sizeof s->error, "%s", one->error);
}

static seen status_of(mt_db *db)
{
    seen s = {.count = 0};

    CHECK(mt_db_status(db, see, &s) == MT_OK);
    return s;
}

/* ---- A stranger, who says what a test wants ---- */

typedef struct stranger {
    mt_connection *here, *there;
    mt_subscription *subscription;
    mt_buf message;
    bool undone;           /* it heard of what was */
    size_t heard[32];      /* messages, by type */
    uint64_t session;      /* of the last HELLO */
    mti_standing standing; /* of the last SUBSCRIBE */
    uint8_t after[MT_UID_LEN_MAX];
} stranger;

static void hear(void *ctx, const void *event)
{
    const mt_message *m = event;
    stranger *s = ctx;
    unsigned type = 0, flags;
    mt_error err;
    mti_parse in;
    mti_hello hello;
    mti_range range;

    CHECK(mti_parse_head(m->bytes, &type, &in, &err) == MT_OK);
    CHECK(type < TEST_COUNT(s->heard));
    s->heard[type]++;
    for (size_t i = 0; i + 6 <= m->bytes.len; i++)
        s->undone |= memcmp(m->bytes.data + i, "undone", 6) == 0;
    if (type == MTI_HELLO && mti_parse_hello(&in, &hello) == MT_OK) s->session = hello.nonce;
    if (type != MTI_SUBSCRIBE) return;
    (void)mti_parse_number(&in, "");
    CHECK(mti_parse_range(&in, test_mem(), &range, &flags) == MT_OK);
    mti_parse_standing(&in, &s->standing);
    if (s->standing.copying) memcpy(s->after, s->standing.after.data, s->standing.after.len);
    s->standing.after.data = s->after;
    mti_range_free(test_mem(), &range);
}

/* Comes to the first peer. */
static void come(world *w, stranger *s, mt_pipe_options options)
{
    mt_subscriber subscriber = {.on_event = hear, .ctx = s};

    memset(s, 0, sizeof *s);
    s->message.mem = test_mem();
    options.size = sizeof options;
    options.a_id = mt_str("stranger");
    CHECK(mt_pipe_new(&w->te.env, &options, &s->here, &s->there, NULL) == MT_OK);
    CHECK(mt_event_stream_subscribe(mt_connection_messages(s->there), &subscriber,
                                    &s->subscription) == MT_OK);
    CHECK(mt_group_add(w->peers[0].links, s->here) == MT_OK);
    test_env_run_for(&w->te, 100);
}

static void leave(stranger *s)
{
    if (s->subscription) mt_subscription_dispose(s->subscription);
    mt_connection_close(s->there);
    mt_connection_unref(s->there);
    mt_connection_unref(s->here);
    mt_buf_free(&s->message);
}

static mti_say speak(stranger *s, mti_message_type type)
{
    return mti_say_begin(&s->message, type);
}

static void send(stranger *s)
{
    CHECK(mt_connection_send(s->there, mt_buf_bytes(&s->message)) == MT_OK);
}

/* Greets, as one that wants and gives ranges with these prefixes; none: everything. */
static void greet(world *w, stranger *s, char who, uint64_t session, size_t ranges)
{
    uint8_t self[16], boot[16];
    mti_hello hello = {.version_min = 1,
                       .version_max = 1,
                       .clock = 1,
                       .peer = {self, 16},
                       .boot = {boot, 16},
                       .nonce = session,
                       .heard = s->session,
                       .window = 1 << 22};
    mti_say say = speak(s, MTI_HELLO);

    memset(self, who, sizeof self);
    memset(boot, who + 1, sizeof boot);
    mti_say_hello(&say, &hello);
    mti_say_number(&say, ranges ? ranges : 1);
    for (size_t i = 0; i < (ranges ? ranges : 1); i++) {
        char first[32], last[32];
        mti_range range = {.first = {NULL, 0}};
        snprintf(first, sizeof first, "r%04zu", i);
        snprintf(last, sizeof last, "r%04zu/", i);
        if (ranges) range.first = mt_str(first), range.end = mt_str(last);
        mti_say_range(&say, &range, MTI_RANGE_PULL | MTI_RANGE_PUSH);
    }
    send(s);
    test_env_run_for(&w->te, 100);
}

static void say_cursor(mti_say *say, uint8_t boot, uint64_t number)
{
    mt_cursor cursor = {.number = number};

    memset(cursor.boot, boot, sizeof cursor.boot);
    mti_say_fixed(say, (mt_bytes){cursor.boot, sizeof cursor.boot});
    mti_say_number(say, number);
}

static void say_subscribe(stranger *s, uint64_t id, uint8_t boot, uint64_t number)
{
    mti_range all = {.first = {NULL, 0}};
    mti_say say = speak(s, MTI_SUBSCRIBE);

    mti_say_number(&say, id);
    mti_say_range(&say, &all, 0);
    say_cursor(&say, boot, number);
    mti_say_byte(&say, 0);
    send(s);
}

/* That it copies from the beginning, on to a position. */
static void say_copies(stranger *s, uint64_t id, uint8_t boot, uint64_t number)
{
    mti_say say = speak(s, MTI_SUBSCRIBED);

    mti_say_number(&say, id);
    say_cursor(&say, boot, number);
    mti_say_byte(&say, 1);
    mti_say_number(&say, 0);
    send(s);
}

/* A copied node, as often as it is said, under names that follow each other: of many with a long text
 * there are several frames. */
static void say_copied(stranger *s, uint64_t id, const char *uid, size_t count, size_t len,
                       uint64_t state)
{
    uint8_t *text = malloc(len);
    mt_field field = {.name = mt_str("text"), .state = state};
    mt_row row = {.fields = &field, .count = 1};
    mti_say say = speak(s, MTI_DATA);
    mt_binary_writer *writer;

    if (!text) abort();
    memset(text, 'x', len);
    field.value = mt_string((mt_bytes){text, len});
    mti_say_number(&say, id);
    mti_say_number(&say, MTI_DATA_COPY);
    CHECK(mt_binary_writer_new(test_mem(), NULL, NULL, &s->message, &writer) == MT_OK);
    for (size_t i = 0; i < count; i++) {
        char name[64];
        snprintf(name, sizeof name, i ? "%s/%05zu" : "%s", uid, i);
        row.uid = mt_str(name);
        CHECK(mt_binary_row(writer, &row) == MT_OK);
    }
    CHECK(mt_binary_finish(writer) == MT_OK);
    mt_binary_writer_free(writer);
    free(text);
    send(s);
}

/* ---- Positions ---- */

TEST(what_was_copied_before_a_copy_began_anew_does_not_count_for_it)
{
    stranger s;
    world w;

    begin(&w);
    open_for(&w, 0, NULL);
    come(&w, &s, (mt_pipe_options){.size = 0});
    greet(&w, &s, 's', 1, 0);
    CHECK(s.heard[MTI_SUBSCRIBE] == 1);
    say_copies(&s, 1, 7, 10);
    test_env_run_for(&w.te, 100);
    /* The log lost its place: the copy begins anew, right behind the last node of the first. */
    say_copied(&s, 1, "zoe", 1, 1, 1);
    say_copies(&s, 1, 7, 20);
    test_env_run_for(&w.te, 100);
    CHECK(has(w.peers[0].db, "zoe"));
    CHECK(mt_pipe_cut(s.there) == MT_OK);
    rest(&w);
    CHECK(mt_pipe_restore(s.there) == MT_OK);
    greet(&w, &s, 's', 2, 0);
    CHECK(s.heard[MTI_SUBSCRIBE] == 2);
    /* All nodes up to zoe are those of before 20. */
    CHECK(!s.standing.copying || s.standing.after.len == 0 || s.standing.at.number < 20);
    leave(&s);
    end(&w);
}

TEST(range_that_begins_behind_a_uid_has_those_that_it_is_a_prefix_of)
{
    mt_sync_range range = {.first = {(const uint8_t *)"key\0", 4}};
    world w;

    begin(&w);
    open_for(&w, 0, NULL);
    open_for(&w, 1, &range);
    set(w.peers[0].db, "key", "before");
    set(w.peers[0].db, "keys", "behind");
    join(&w, 0, 1);
    rest(&w);
    CHECK(!has(w.peers[1].db, "key") && has(w.peers[1].db, "keys"));
    end(&w);
}

static void count_records(void *ctx, mt_db *db, const struct mt_storage_answer *answer)
{
    (void)db;
    *(size_t *)ctx += answer->record_count;
}

/* How many positions are stored of a peer that said that this is all. */
static size_t positions_of(unsigned flags)
{
    mt_sync_options options = {.size = sizeof options};
    mt_storage storage;
    size_t count = 0;
    mti_say say;
    stranger s;
    world w;
    mt_kv kv;

    begin(&w);
    CHECK(mt_kv_memory(&w.te.env, &kv) == MT_OK);
    CHECK(mt_node_store_new(&w.te.env, kv, NULL, &storage, NULL) == MT_OK);
    open_with(&w, 0, &options, (mt_config){.storage = &storage});
    come(&w, &s, (mt_pipe_options){.flags = flags});
    greet(&w, &s, 's', 1, 0);
    say = speak(&s, MTI_DATA);
    mti_say_number(&say, 1);
    mti_say_number(&say, MTI_DATA_POSITION | MTI_DATA_ALL);
    say_cursor(&say, 7, 5);
    send(&s);
    rest(&w);
    CHECK(mt_db_records(w.peers[0].db, mt_str("sync/in/"), (mt_bytes){NULL, 0}, 10, count_records,
                        &count) == MT_OK);
    rest(&w);
    leave(&s);
    end(&w);
    return count;
}

TEST(of_a_peer_that_is_not_expected_back_no_position_is_kept)
{
    CHECK(positions_of(0) == 1);
    CHECK(positions_of(MT_CONNECTION_EPHEMERAL) == 0);
}

/* A write fails in storage, late, while a list is copied: it does not go over. */
TEST(copy_of_a_list_has_what_storage_has)
{
    mt_kv_fault fault = {.calls = MT_KV_FAULT_COMMIT};
    mt_kv_late_options late = {.size = sizeof late, .delay_ms = 50, .fault = &fault};
    mt_field field = {.name = mt_str("text"), .value = mt_text("undone")};
    mt_row row = {.uid = mt_str("ada"), .fields = &field, .count = 1};
    mt_sync_options options = {.size = sizeof options};
    mt_bytes uid = mt_str("ada");
    mti_range list = {.uids = &uid, .uid_count = 1};
    mt_storage storage;
    mti_say say;
    stranger s;
    world w;
    mt_kv kv;

    begin(&w);
    CHECK(mt_kv_memory(&w.te.env, &kv) == MT_OK);
    CHECK(mt_kv_late(&w.te.env, kv, &late, &kv) == MT_OK);
    CHECK(mt_node_store_new(&w.te.env, kv, NULL, &storage, NULL) == MT_OK);
    open_with(&w, 0, &options, (mt_config){.storage = &storage});
    rest(&w);
    set(w.peers[0].db, "ada", "before");
    come(&w, &s, (mt_pipe_options){.size = 0});
    greet(&w, &s, 's', 1, 0);
    rest(&w);
    fault.count = fault.fail_at = 0;
    fault.status = MT_IO;
    CHECK(mt_write(w.peers[0].db, &row, 1, NULL, NULL, NULL, NULL) == MT_OK);
    say = speak(&s, MTI_SUBSCRIBE);
    mti_say_number(&say, 1);
    mti_say_range(&say, &list, 0);
    say_cursor(&say, 0, 0);
    mti_say_byte(&say, 0);
    send(&s);
    rest(&w);
    CHECK(fault.tripped && s.heard[MTI_DATA] > 0 && !s.undone);
    leave(&s);
    end(&w);
}

/* ---- Room ---- */

TEST(copy_goes_on_when_answers_to_reads_have_left_a_link)
{
    mti_say say;
    stranger s;
    world w;

    begin(&w);
    open_for(&w, 0, NULL);
    set_large(w.peers[0].db, "large", 3, 100000);
    come(&w, &s, (mt_pipe_options){.queued_max = 1 << 20, .latency_ms = 50});
    greet(&w, &s, 's', 1, 0);
    say = speak(&s, MTI_PULL);
    mti_say_number(&say, 1);
    mti_say_number(&say, 1);
    mti_say_bytes(&say, mt_str("large"));
    send(&s);
    test_env_run_for(&w.te, 10);
    say_subscribe(&s, 1, 0, 0);
    rest(&w);
    CHECK(s.heard[MTI_FOUND] == 2 && s.heard[MTI_SUBSCRIBED] == 1);
    CHECK(s.heard[MTI_DATA] > 0);
    leave(&s);
    end(&w);
}

TEST(node_that_is_longer_than_a_message_goes_over)
{
    world w;

    begin(&w);
    open_for(&w, 0, NULL);
    open_for(&w, 1, NULL);
    set_large(w.peers[0].db, "large", 12, 250000);
    join(&w, 0, 1);
    rest(&w);
    rest(&w);
    assert_string_equal(status_of(w.peers[1].db).text, "live");
    CHECK(has(w.peers[1].db, "large"));
    end(&w);
}

TEST(node_that_is_longer_than_a_message_is_read_from_a_peer)
{
    mt_sync_range mine = {.prefix = mt_str("mine/")};
    mt_handle *node;
    world w;

    begin(&w);
    open_for(&w, 0, NULL);
    open_for(&w, 1, &mine);
    set_large(w.peers[0].db, "large", 12, 250000);
    join(&w, 0, 1);
    rest(&w);
    CHECK(mt_read_wait(w.peers[1].db, mt_str("large"), NULL, &node) == MT_OK);
    CHECK(node);
    mt_handle_unref(node);
    end(&w);
}

TEST(many_nodes_are_read_from_a_peer_at_once)
{
    mt_sync_range mine = {.prefix = mt_str("mine/")};
    mt_handle *nodes[40];
    mt_bytes uids[40];
    char names[40][8];
    world w;

    begin(&w);
    open_for(&w, 0, NULL);
    open_for(&w, 1, &mine);
    for (size_t i = 0; i < 40; i++) {
        snprintf(names[i], sizeof names[i], "n%02zu", i);
        uids[i] = mt_str(names[i]);
        set_large(w.peers[0].db, names[i], 1, 200000);
    }
    join(&w, 0, 1);
    rest(&w);
    CHECK(mt_nodes_wait(w.peers[1].db, uids, 40, NULL, nodes) == MT_OK);
    for (size_t i = 0; i < 40; i++) {
        CHECK(nodes[i]);
        mt_handle_unref(nodes[i]);
    }
    CHECK(status_of(w.peers[1].db).peer.state == MT_SYNC_LIVE);
    end(&w);
}

static void hold_for_ever(void *ctx, mt_action *action)
{
    mt_action **held = ctx;
    size_t at = 0;

    while (held[at]) at++;
    held[at] = action;
}

TEST(peer_that_sends_more_than_the_window_ends_its_session)
{
    enum { MOST = 3000 };
    mt_action **held = calloc(MOST, sizeof(mt_action *));
    mt_hook hook = {.point = MT_ON_UPDATE, .run = hold_for_ever, .ctx = held};
    mt_sync_options options = {.size = sizeof options, .window = 65536};
    stranger s;
    world w;

    if (!held) abort();
    begin(&w);
    open_with(&w, 0, &options, (mt_config){.hooks = &hook, .hook_count = 1});
    come(&w, &s, (mt_pipe_options){.queued_max = 1 << 20});
    greet(&w, &s, 's', 1, 0);
    say_copies(&s, 1, 7, 10);
    for (size_t i = 0; i < 500 && s.heard[MTI_BYE] == 0; i++) {
        say_copied(&s, 1, "ada", 1, 100000, 1);
        test_env_run_for(&w.te, 1);
    }
    CHECK(s.heard[MTI_BYE] == 1);
    for (size_t i = 0; held[i]; i++) mt_action_pass(held[i]);
    rest(&w);
    leave(&s);
    end(&w);
    free(held);
}

/* ---- Levels ---- */

typedef struct outcome {
    unsigned count;
    mt_status status;
    uint32_t received;
} outcome;

static void note(void *ctx, mt_db *db, const mt_result *result)
{
    outcome *o = ctx;

    (void)db;
    o->count++;
    o->status = result->status;
    o->received = result->received;
}

static void write_for(mt_db *db, uint32_t peers, outcome *o)
{
    mt_options options = {.size = sizeof options, .level = MT_LEVEL_RECEIVED, .peers = peers};
    mt_field field = {.name = mt_str("text"), .value = mt_text("written")};
    mt_row row = {.uid = mt_str("ada"), .fields = &field, .count = 1};

    memset(o, 0, sizeof *o);
    CHECK(mt_write(db, &row, 1, &options, note, o, NULL) == MT_OK);
}

TEST(peer_with_two_links_is_one_peer_that_received_a_write)
{
    outcome o;
    world w;

    begin(&w);
    open_for(&w, 0, NULL);
    open_for(&w, 1, NULL);
    join(&w, 0, 1);
    join(&w, 0, 1);
    rest(&w);
    write_for(w.peers[0].db, 2, &o);
    rest(&w);
    CHECK(o.count == 0);
    mt_connection_close(w.ends[status_of(w.peers[1].db).peer.state == MT_SYNC_STANDBY][0]);
    rest(&w);
    CHECK(o.count == 1 && o.status == MT_OFFLINE && o.received == 1);
    end(&w);
}

TEST(position_that_the_log_does_not_know_is_not_ahead_of_a_write)
{
    outcome o;
    stranger s;
    world w;

    begin(&w);
    open_for(&w, 0, NULL);
    come(&w, &s, (mt_pipe_options){.size = 0});
    greet(&w, &s, 's', 1, 0);
    say_subscribe(&s, 1, 9, 1000000);
    write_for(w.peers[0].db, 1, &o); /* in the turn in which that comes */
    rest(&w);
    CHECK(s.heard[MTI_DATA] > 0 && o.count == 0);
    leave(&s);
    end(&w);
}

TEST(peers_that_have_nothing_in_common_are_quiet)
{
    mt_sync_range ranges[2] = {{.prefix = mt_str("a/")}, {.prefix = mt_str("b/")}};
    uint64_t said;
    world w;

    begin(&w);
    open_for(&w, 0, &ranges[0]);
    open_for(&w, 1, &ranges[1]);
    join(&w, 0, 1);
    test_env_run_for(&w.te, 20000);
    said = status_of(w.peers[0].db).peer.bytes_out;
    test_env_run_for(&w.te, 60000);
    CHECK(status_of(w.peers[0].db).peer.bytes_out == said);
    end(&w);
}

/* ---- Many peers, and much that is refused ---- */

TEST(peer_that_came_with_many_ranges_keeps_nobody_from_being_live)
{
    stranger s;
    world w;

    begin(&w);
    open_for(&w, 0, NULL);
    open_for(&w, 1, NULL);
    come(&w, &s, (mt_pipe_options){.queued_max = 1 << 20});
    for (uint64_t round = 0; round < 11; round++) {
        greet(&w, &s, (char)('a' + 2 * round), round + 1, 1000);
        for (uint64_t i = 1; i <= 1000; i++) {
            mti_say say = speak(&s, MTI_DATA);
            mti_say_number(&say, 1000 * round + i);
            mti_say_number(&say, MTI_DATA_POSITION);
            say_cursor(&say, 7, 5);
            send(&s);
        }
        test_env_run_for(&w.te, 100);
    }
    leave(&s);
    set(w.peers[1].db, "ada", "x");
    join(&w, 0, 1);
    rest(&w);
    CHECK(has(w.peers[0].db, "ada"));
    assert_string_equal(status_of(w.peers[0].db).text, "live");
    end(&w);
}

TEST(more_that_is_refused_than_can_be_noted_is_copied_anew)
{
    stranger s;
    world w;

    begin(&w);
    open_for(&w, 0, NULL);
    come(&w, &s, (mt_pipe_options){.queued_max = 1 << 22});
    greet(&w, &s, 's', 1, 0);
    say_copies(&s, 1, 7, 10);
    for (size_t i = 0; i < 3; i++) {
        char uid[8];
        snprintf(uid, sizeof uid, "n%zu", i);
        say_copied(&s, 1, uid, 4000, 1, (uint64_t)1 << 52);
        test_env_run_for(&w.te, 100);
    }
    CHECK(s.heard[MTI_BYE] == 0 && s.heard[MTI_ACK] > 0);
    CHECK(status_of(w.peers[0].db).peer.refused == 10000);
    greet(&w, &s, 's', 2, 0);
    CHECK(s.heard[MTI_SUBSCRIBE] == 2);
    CHECK(!s.standing.copying && s.standing.at.number == 0);
    leave(&s);
    end(&w);
}

TEST(nodes_are_read_in_whatever_order_they_are_asked_for)
{
    mti_say say;
    stranger s;
    world w;

    begin(&w);
    open_for(&w, 0, NULL);
    set(w.peers[0].db, "ada", "x");
    set(w.peers[0].db, "bob", "y");
    come(&w, &s, (mt_pipe_options){.size = 0});
    greet(&w, &s, 's', 1, 0);
    say = speak(&s, MTI_PULL);
    mti_say_number(&say, 1);
    mti_say_number(&say, 3);
    mti_say_bytes(&say, mt_str("bob"));
    mti_say_bytes(&say, mt_str("ada"));
    mti_say_bytes(&say, mt_str("bob"));
    send(&s);
    rest(&w);
    CHECK(s.heard[MTI_FOUND] == 2); /* both, and that this was all */
    leave(&s);
    end(&w);
}

/* ---- What was deleted ---- */

TEST(delete_that_came_too_soon_is_taken_when_its_time_has_come)
{
    mt_options future = {.size = sizeof future, .allow_future = true};
    mt_row row = {.uid = mt_str("ada")};
    world w;

    begin(&w);
    open_for(&w, 0, NULL);
    open_for(&w, 1, NULL);
    set(w.peers[0].db, "ada", "x");
    join(&w, 0, 1);
    rest(&w);
    row.floor = (w.te.env.now_ms(w.te.env.ctx) - UINT64_C(1577836800000) + 15 * 60000) << 11;
    CHECK(mt_commit_rows_wait(w.peers[0].db, &row, 1, &future) == MT_OK);
    rest(&w);
    CHECK(mt_node_count(mt_peek(w.peers[1].db, mt_str("ada"))) == 1);
    test_env_run_for(&w.te, 10 * 60000);
    CHECK(!mt_peek(w.peers[1].db, mt_str("ada")));
    assert_string_equal(status_of(w.peers[1].db).text, "live");
    end(&w);
}

TEST(read_by_force_learns_that_a_node_was_deleted)
{
    mt_options force = {.size = sizeof force, .force = true};
    mt_sync_range mine = {.prefix = mt_str("mine/")};
    mt_handle *node;
    world w;

    begin(&w);
    open_for(&w, 0, NULL);
    open_for(&w, 1, &mine);
    set(w.peers[0].db, "ada", "x");
    join(&w, 0, 1);
    rest(&w);
    CHECK(mt_read_wait(w.peers[1].db, mt_str("ada"), NULL, &node) == MT_OK && node);
    mt_handle_unref(node);
    CHECK(mt_delete_wait(w.peers[0].db, mt_str("ada"), NULL) == MT_OK);
    CHECK(mt_read_wait(w.peers[1].db, mt_str("ada"), &force, &node) == MT_OK && !node);
    end(&w);
}

/* ---- Hooks that take links away ---- */

typedef struct remover {
    mt_group *links;
    mt_connection *link;
    unsigned left; /* times that it passes first */
    unsigned count;
} remover;

static void remove_link(void *ctx, mt_action *action)
{
    remover *r = ctx;

    if (r->left > 0) r->left--;
    else if (r->link && r->count++ == 0) CHECK(mt_group_remove(r->links, r->link) == MT_OK);
    mt_action_pass(action);
}

/* The link goes away in a hook that runs when something comes, or is acknowledged. */
static void removes_at(mt_hook_point point, bool cuts)
{
    remover r = {.count = 0};
    mt_hook hook = {.point = point, .run = remove_link, .ctx = &r};
    mt_sync_options options = {.size = sizeof options};
    outcome o;
    world w;

    begin(&w);
    open_with(&w, 0, &options, (mt_config){.hooks = &hook, .hook_count = 1});
    open_for(&w, 1, NULL);
    r.link = join_with(&w, 0, 1, (mt_pipe_options){.latency_ms = 50});
    r.links = w.peers[0].links;
    if (point != MT_ON_UPDATE) rest(&w);
    else set(w.peers[1].db, "ada", "x");
    if (point == MT_AFTER_WRITE) {
        mt_options await = {.size = sizeof await, .await_push = true};
        mt_field field = {.name = mt_str("text"), .value = mt_text("written")};
        mt_row row = {.uid = mt_str("ada"), .fields = &field, .count = 1};
        memset(&o, 0, sizeof o);
        CHECK(mt_write(w.peers[0].db, &row, 1, &await, note, &o, NULL) == MT_OK);
        test_env_run_for(&w.te, 5);
        CHECK(o.count == 0);
        if (cuts) CHECK(mt_pipe_cut(r.link) == MT_OK);
    }
    rest(&w);
    CHECK(r.count > 0);
    end(&w);
}

TEST(hook_may_take_the_link_away_when_a_write_was_acknowledged)
{
    removes_at(MT_AFTER_WRITE, false);
}

TEST(hook_may_take_the_link_away_when_a_write_was_given_up)
{
    removes_at(MT_AFTER_WRITE, true);
}

TEST(hook_may_take_the_link_away_when_something_comes)
{
    removes_at(MT_ON_UPDATE, false);
}

TEST(hook_may_take_the_link_away_when_reads_are_given_up)
{
    remover r = {.count = 0};
    mt_hook hook = {.point = MT_ON_CATCH, .run = remove_link, .ctx = &r};
    mt_sync_range mine = {.prefix = mt_str("mine/")};
    mt_sync_options options = {.size = sizeof options, .ranges = &mine, .range_count = 1};
    outcome o[3];
    world w;

    begin(&w);
    memset(o, 0, sizeof o);
    open_with(&w, 0, &options, (mt_config){.hooks = &hook, .hook_count = 1});
    open_for(&w, 1, NULL);
    r.links = w.peers[0].links;
    r.link = join_with(&w, 0, 1, (mt_pipe_options){.latency_ms = 50});
    rest(&w);
    for (size_t i = 0; i < 3; i++)
        CHECK(mt_read(w.peers[0].db, mt_str("ada"), NULL, note, &o[i], NULL) == MT_OK);
    test_env_run_for(&w.te, 5);
    CHECK(mt_pipe_cut(r.link) == MT_OK);
    rest(&w);
    CHECK(o[0].count == 1 && o[1].count == 1 && o[2].count == 1 && r.count > 0);
    end(&w);
}

/* A message has two frames, and the link goes away with the first; `state`: they are refused, too. */
static void removes_between_frames(uint64_t state)
{
    remover r = {.count = 0};
    mt_hook hook = {.point = MT_ON_UPDATE, .run = remove_link, .ctx = &r};
    mt_sync_options options = {.size = sizeof options};
    stranger s;
    world w;

    begin(&w);
    open_with(&w, 0, &options, (mt_config){.hooks = &hook, .hook_count = 1});
    come(&w, &s, (mt_pipe_options){.queued_max = 1 << 22});
    greet(&w, &s, 's', 1, 0);
    say_copies(&s, 1, 7, 10);
    r.links = w.peers[0].links;
    r.link = s.here;
    r.left = state > 1 ? 2 : 0;
    say_copied(&s, 1, "ada", 16, 100000, state);
    rest(&w);
    CHECK(r.count > 0);
    leave(&s);
    end(&w);
}

TEST(hook_may_take_the_link_away_between_two_frames)
{
    removes_between_frames(1);
}

TEST(hook_may_take_the_link_away_when_what_was_refused_is_tried_again)
{
    removes_between_frames((uint64_t)1 << 52);
}

/* ---- Acknowledging ---- */

TEST(number_that_is_used_again_leaves_nothing_unacknowledged)
{
    mti_say say;
    stranger s;
    world w;

    begin(&w);
    open_for(&w, 0, NULL);
    set(w.peers[0].db, "ada", "x");
    come(&w, &s, (mt_pipe_options){.size = 0});
    greet(&w, &s, 's', 1, 0);
    say_subscribe(&s, 1, 0, 0);
    test_env_run_for(&w.te, 100);
    CHECK(s.heard[MTI_DATA] == 2);
    say = speak(&s, MTI_UNSUBSCRIBE);
    mti_say_number(&say, 1);
    send(&s);
    say_subscribe(&s, 1, 9, 9);
    say = speak(&s, MTI_ACK);
    mti_say_number(&say, 2);
    send(&s);
    test_env_run_for(&w.te, 100);
    CHECK(status_of(w.peers[0].db).peer.unacknowledged < 10000);
    leave(&s);
    end(&w);
}

TEST(peer_whose_id_was_not_stored_tries_again)
{
    mt_kv_fault fault = {.calls = MT_KV_FAULT_COMMIT, .status = MT_IO, .fail_at = 0};
    mt_kv_late_options late = {.size = sizeof late, .delay_ms = 5, .fault = &fault};
    mt_sync_options options = {.size = sizeof options};
    mt_storage storage;
    world w;
    mt_kv kv;

    begin(&w);
    CHECK(mt_kv_memory(&w.te.env, &kv) == MT_OK);
    CHECK(mt_kv_late(&w.te.env, kv, &late, &kv) == MT_OK);
    CHECK(mt_node_store_new(&w.te.env, kv, NULL, &storage, NULL) == MT_OK);
    open_with(&w, 0, &options, (mt_config){.storage = &storage});
    open_for(&w, 1, NULL);
    join(&w, 0, 1);
    test_env_run_for(&w.te, 30000);
    CHECK(fault.tripped);
    assert_string_equal(status_of(w.peers[0].db).text, "live");
    end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(peer_whose_id_was_not_stored_tries_again),
        cmocka_unit_test(what_was_copied_before_a_copy_began_anew_does_not_count_for_it),
        cmocka_unit_test(range_that_begins_behind_a_uid_has_those_that_it_is_a_prefix_of),
        cmocka_unit_test(of_a_peer_that_is_not_expected_back_no_position_is_kept),
        cmocka_unit_test(copy_of_a_list_has_what_storage_has),
        cmocka_unit_test(copy_goes_on_when_answers_to_reads_have_left_a_link),
        cmocka_unit_test(node_that_is_longer_than_a_message_goes_over),
        cmocka_unit_test(node_that_is_longer_than_a_message_is_read_from_a_peer),
        cmocka_unit_test(many_nodes_are_read_from_a_peer_at_once),
        cmocka_unit_test(peer_that_sends_more_than_the_window_ends_its_session),
        cmocka_unit_test(peer_with_two_links_is_one_peer_that_received_a_write),
        cmocka_unit_test(position_that_the_log_does_not_know_is_not_ahead_of_a_write),
        cmocka_unit_test(peers_that_have_nothing_in_common_are_quiet),
        cmocka_unit_test(peer_that_came_with_many_ranges_keeps_nobody_from_being_live),
        cmocka_unit_test(more_that_is_refused_than_can_be_noted_is_copied_anew),
        cmocka_unit_test(nodes_are_read_in_whatever_order_they_are_asked_for),
        cmocka_unit_test(delete_that_came_too_soon_is_taken_when_its_time_has_come),
        cmocka_unit_test(read_by_force_learns_that_a_node_was_deleted),
        cmocka_unit_test(hook_may_take_the_link_away_when_a_write_was_acknowledged),
        cmocka_unit_test(hook_may_take_the_link_away_when_a_write_was_given_up),
        cmocka_unit_test(hook_may_take_the_link_away_when_something_comes),
        cmocka_unit_test(hook_may_take_the_link_away_when_reads_are_given_up),
        cmocka_unit_test(hook_may_take_the_link_away_between_two_frames),
        cmocka_unit_test(hook_may_take_the_link_away_when_what_was_refused_is_tried_again),
        cmocka_unit_test(number_that_is_used_again_leaves_nothing_unacknowledged),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
