/* Each allocation and each request of storage fails once: every call answers, with the error or as
 * if nothing had been, nothing is half changed, and nothing is left behind. */
#include "test.h"
#include "test_calls.h"
#include "test_notation.h"

#include <stdlib.h>
#include <string.h>

/* A database on failing memory, or on a failing storage, and what it should hold. */
typedef struct scene {
    test_env te;
    test_storage ts;
    fail_mem fm;
    mt_graph *model;
    mt_hook hooks[8];
    size_t hook_count;
    mt_query_engine engine;
    mt_db *db;
    mt_status fault; /* what may go wrong: MT_NO_MEMORY, or what storage says */
    bool faulted;    /* something has gone wrong */
    unsigned closed;
} scene;

typedef void scenario(scene *sc);

/* Notes a status, which is either good or that of the fault. */
static bool went_well(scene *sc, mt_status st)
{
    if (st != MT_OK && st != sc->fault) fail_msg("%s", mt_status_name(st));
    if (st != MT_OK) sc->faulted = true;
    return st == MT_OK;
}

static void turn(scene *sc)
{
    test_env_run(&sc->te);
}

/* What a call came to, which was started with `st`. */
static bool call_ended(scene *sc, const test_call *call, mt_status st)
{
    if (!went_well(sc, st)) {
        CHECK(call->a.count == 0);
        return false;
    }
    CHECK(call->a.count == 1);
    return went_well(sc, call->a.status);
}

static void write_rows(scene *sc, const char *rows)
{
    test_call call = {.name = "w"};
    mt_status st = test_call_write(&call, sc->db, rows, NULL);

    turn(sc);
    if (call_ended(sc, &call, st)) CHECK(test_patch(sc->model, rows, 0, NULL) == MT_OK);
}

static void commit_rows(scene *sc, const char *rows)
{
    test_call call = {.name = "c"};
    mt_status st = test_call_rows(&call, sc->db, rows, NULL);

    turn(sc);
    if (call_ended(sc, &call, st)) CHECK(test_merge_rows(sc->model, rows, NULL) == MT_OK);
}

static bool read_nodes(scene *sc, const char *uids)
{
    test_call call = {.name = "r"};
    mt_status st = test_call_read(&call, sc->db, uids, NULL);

    turn(sc);
    return call_ended(sc, &call, st);
}

/* ---- Running ---- */

static void closed(void *ctx)
{
    ++*(unsigned *)ctx;
}

static bool open_db(scene *sc)
{
    mt_config config = {.size = sizeof config,
                        .env = &sc->te.env,
                        .storage = &sc->ts.storage,
                        .clock = MT_CLOCK_LAMPORT,
                        .hooks = sc->hooks,
                        .hook_count = sc->hook_count,
                        .engines = &sc->engine,
                        .engine_count = sc->engine.name ? 1 : 0};
    const mt_config *one[1] = {&config};
    mt_error error;
    mt_status st = mt_db_open(one, 1, &sc->db, &error);

    if (went_well(sc, st)) return true;
    if (sc->ts.open) mt_storage_close(&sc->ts.storage);
    sc->db = NULL;
    return false;
}

static void close_db(scene *sc)
{
    mt_db_close(sc->db, closed, &sc->closed);
    turn(sc);
    CHECK(sc->closed == 1 && sc->ts.open == 0);
}

/* Runs a scenario with one fault. */
static void run(scene *sc, scenario *play, const mt_mem *mem, test_fault fault)
{
    test_env_init(&sc->te, 1, mem);
    test_storage_init(&sc->ts, &sc->te.env);
    sc->ts.quiet = true;
    sc->ts.when = TEST_LATER;
    sc->ts.fault = fault;
    sc->model = test_graph_new();
    play(sc);
    test_same_bytes(test_snapshot(sc->ts.graph), test_snapshot(sc->model));
    mt_graph_free(sc->model);
    test_storage_end(&sc->ts);
    test_env_end(&sc->te);
}

static void fail_each_allocation(scenario *play)
{
    for (size_t n = 0;; n++) {
        scene sc = {.fm = {.fail_at = n}, .fault = MT_NO_MEMORY};
        run(&sc, play, fail_mem_hook(&sc.fm), (test_fault){.status = MT_OK});
        CHECK(sc.fm.live_bytes == 0);
        if (!sc.fm.tripped) break;
    }
}

static void fail_each_request(scenario *play)
{
    for (int at_start = 0; at_start < 2; at_start++) {
        for (size_t n = 0;; n++) {
            scene sc = {.fault = MT_IO};
            test_fault fault = {
                .calls = TEST_ALL, .status = MT_IO, .fail_at = n, .at_start = at_start};
            size_t live = test_mem_live();
            run(&sc, play, test_mem(), fault);
            CHECK(test_mem_live() == live);
            if (!sc.ts.fault.tripped) break;
        }
    }
}

/* Plays a scenario with every fault there is. */
static void fail_each(scenario *play)
{
    fail_each_allocation(play);
    fail_each_request(play);
}

/* ---- Writes and reads ---- */

/* Reads nodes, and holds that they are what they should be. */
static void reads_well(scene *sc, const char *uid)
{
    const mt_node *node = mt_graph_get(sc->model, mt_str(uid));
    mt_buf expected = {.mem = test_mem()}, found = {.mem = test_mem()};
    const mt_node *seen;

    if (!read_nodes(sc, uid)) return;
    seen = mt_peek(sc->db, mt_str(uid));
    if (node && mt_node_count(node)) CHECK(mt_node_snapshot(node, &expected) == MT_OK);
    if (seen && !mt_node_partial(seen)) CHECK(mt_node_snapshot(seen, &found) == MT_OK);
    if (seen && mt_node_partial(seen)) mt_buf_free(&expected);
    test_same_bytes(expected, found);
}

static void play_writes(scene *sc)
{
    if (!open_db(sc)) return;
    write_rows(sc, "ada name='a name of some length' age=7");
    write_rows(sc, "bob a=1, cyd a=1 b='another text that does not fit', ada age=8");
    write_rows(sc, "ada x=1, !ada y=2, bob a=2, ada z=3");
    commit_rows(sc, "dan^2 a=1@5 b=~@7, bob a=9@1 b=9@9");
    commit_rows(sc, "dan a=1@5, eve a=&ada@3");
    write_rows(sc, "!cyd, nobody, !nobody");
    write_rows(sc, "eve a=~");
    reads_well(sc, "ada");
    reads_well(sc, "bob");
    reads_well(sc, "cyd");
    read_nodes(sc, "ada bob cyd dan eve nobody ada");
    close_db(sc);
}

TEST(writes_and_reads_survive_every_fault)
{
    fail_each(play_writes);
}

static void play_events(scene *sc)
{
    test_watch watches[3] = {{.name = "a"}, {.name = "b"}, {.name = "c"}};
    static const char *const what[] = {"ada", "b*", "*"};

    if (!open_db(sc)) return;
    for (size_t i = 0; i < 3; i++) {
        mt_listen listen = {.kinds = 7};
        size_t len = strlen(what[i]);
        if (what[i][len - 1] == '*') listen.prefix = (mt_bytes){(const uint8_t *)what[i], len - 1};
        else listen.uid = mt_str(what[i]);
        went_well(sc, test_watch_try(&watches[i], sc->db, &listen));
    }
    write_rows(sc, "ada a=1, bob a=1");
    write_rows(sc, "ada a=2, bob a=2, bab a=1");
    test_watch_off(&watches[1]);
    write_rows(sc, "bob a=3");
    close_db(sc);
}

TEST(events_survive_every_fault)
{
    fail_each(play_events);
}

/* ---- Large nodes ---- */

static void put(scene *sc, const char *nodes)
{
    test_storage_put(&sc->ts, nodes);
    CHECK(test_merge_rows(sc->model, nodes, NULL) == MT_OK);
}

static mt_handle *hold(scene *sc, const char *uid)
{
    mt_handle *node = NULL;

    if (went_well(sc, mt_read_wait(sc->db, mt_str(uid), NULL, &node))) CHECK(node != NULL);
    return node;
}

static void read_fields(scene *sc, mt_handle *node, const char *names)
{
    test_call call = {.name = "f"};
    mt_status st = test_call_fields(&call, node, names, NULL);

    turn(sc);
    call_ended(sc, &call, st);
}

static void play_large(scene *sc)
{
    mt_handle *ada;

    sc->ts.large = 2;
    sc->ts.row_fields = 2;
    put(sc,
        "ada a=1@1 b=2@2 c=&bob@3 d='a text that lies elsewhere'@4 e=~@5 f=6@6, bob a=1@1 b=1@1 "
        "c=1@1, cyd a=1@1 b=1@1 c=1@1");
    if (!open_db(sc)) return;
    if ((ada = hold(sc, "ada"))) {
        read_fields(sc, ada, "d b none");
        write_rows(sc, "ada a=2 z=1, bob b=2");
        read_fields(sc, ada, "c");
        read_fields(sc, ada, "");
        mt_handle_unref(ada);
    }
    write_rows(sc, "!bob, cyd a=~ x=1");
    write_rows(sc, "!cyd y=1");
    reads_well(sc, "bob");
    close_db(sc);
}

TEST(large_nodes_survive_every_fault)
{
    fail_each(play_large);
}

/* ---- Hooks ---- */

static void set_same_rows(test_hook *hook, mt_action *action)
{
    size_t count;
    const mt_row *rows = mt_action_rows(action, &count);

    hook->status = mt_action_set_rows(action, rows, count);
}

static void set_same_keys(test_hook *hook, mt_action *action)
{
    size_t count;
    const mt_bytes *keys = mt_action_keys(action, &count);

    hook->status = mt_action_set_keys(action, keys, count);
}

static void play_hooks(scene *sc)
{
    test_hook write = {.name = "w", .then = set_same_rows}, after = {.name = "a"};
    test_hook full = {.name = "full"}, read = {.name = "r", .then = set_same_keys};
    test_hook fields = {.name = "f"}, catches = {.name = "c"};
    mt_handle *ada;

    sc->hook_count = 0;
    sc->hooks[sc->hook_count++] = test_hook_at(&write, MT_BEFORE_WRITE);
    sc->hooks[sc->hook_count++] = test_hook_at(&full, MT_BEFORE_WRITE);
    sc->hooks[1].wants_full = true;
    sc->hooks[sc->hook_count++] = test_hook_at(&after, MT_AFTER_WRITE);
    sc->hooks[sc->hook_count++] = test_hook_at(&read, MT_BEFORE_READ_NODES);
    sc->hooks[sc->hook_count++] = test_hook_at(&fields, MT_AFTER_READ_FIELDS);
    sc->hooks[sc->hook_count++] = test_hook_at(&catches, MT_ON_CATCH);
    put(sc, "ada a=1@1 b=&bob@1");
    if (!open_db(sc)) return;
    write_rows(sc, "ada a=2, bob a=1");
    write_rows(sc, "ada a=3, !bob");
    reads_well(sc, "bob");
    if ((ada = hold(sc, "ada"))) {
        read_fields(sc, ada, "b");
        mt_handle_unref(ada);
    }
    close_db(sc);
}

TEST(hooks_survive_every_fault)
{
    fail_each(play_hooks);
}

/* ---- Writes that overtake, batches that fail ---- */

#define TOGETHER 5

/* Starts writes, whose hooks answer in another order, and applies to the model those that were
 * done. */
static void write_together(scene *sc, test_hook *hook, const char *const rows[TOGETHER])
{
    static const size_t order[TOGETHER] = {2, 3, 0, 1, 0};
    test_call calls[TOGETHER];
    mt_status st[TOGETHER];

    memset(calls, 0, sizeof calls);
    for (size_t i = 0; i < TOGETHER; i++) st[i] = test_call_write(&calls[i], sc->db, rows[i], NULL);
    for (size_t i = 0; i < TOGETHER; i++) {
        if (order[i] < hook->held_count) test_hook_pass(hook, order[i]);
        if (i % 2) test_env_run_for(&sc->te, 1);
    }
    while (hook->held_count > 0) test_hook_pass(hook, 0);
    turn(sc);
    for (size_t i = 0; i < TOGETHER; i++)
        if (call_ended(sc, &calls[i], st[i]))
            CHECK(test_patch(sc->model, rows[i], 0, NULL) == MT_OK);
}

static void play_overtaking(scene *sc)
{
    static const char *const first[TOGETHER] = {"ada a=1 b=1", "!ada c=2", "bob a=3, ada b=3",
                                                "ada a=~, cyd a=4", "!bob b=5"};
    static const char *const second[TOGETHER] = {"dan a=1", "!dan", "ada z=3, dan b=3", "dan b=4",
                                                 "!ada"};
    test_hook hook = {.name = "h", .does = TEST_HOLDS};

    sc->hooks[0] = test_hook_at(&hook, MT_BEFORE_WRITE);
    sc->hook_count = 1;
    put(sc, "ada x=1@9, bob x=1@9 y=1@8");
    if (!open_db(sc)) return;
    write_together(sc, &hook, first);
    write_together(sc, &hook, second);
    reads_well(sc, "ada");
    reads_well(sc, "dan");
    close_db(sc);
}

TEST(writes_that_overtake_survive_every_fault)
{
    fail_each(play_overtaking);
}

/* ---- What is not stored, or no more ---- */

static void play_forgetting(scene *sc)
{
    mt_options aside = {.size = sizeof aside, .storage_none = true};
    test_call w = {.name = "w"}, f = {.name = "f"};
    mt_status st;

    if (!open_db(sc)) return;
    write_rows(sc, "ada a=1, bob a=1");
    st = test_call_write(&w, sc->db, "cyd a=1, dan a=1", &aside);
    turn(sc);
    call_ended(sc, &w, st);
    write_rows(sc, "bob a=2");
    st = test_call_forget(&f, sc->db, "cyd bob nobody", NULL);
    turn(sc);
    if (call_ended(sc, &f, st)) {
        mt_graph *kept = test_graph_new();
        const mt_node *ada = mt_graph_get(sc->model, mt_str("ada"));
        if (ada) CHECK(test_merge_rows(kept, "ada a=1@1", NULL) == MT_OK);
        mt_graph_free(sc->model);
        sc->model = kept;
        reads_well(sc, "bob");
        reads_well(sc, "cyd");
    }
    close_db(sc);
}

TEST(forgetting_survives_every_fault)
{
    fail_each(play_forgetting);
}

/* ---- Streams and queries ---- */

static bool count_row(void *ctx, mt_db *db, const mt_row *row)
{
    (void)ctx;
    (void)db;
    return row->count % 2 == 0;
}

static mt_status execute(void *ctx, mt_db *db, uint64_t id, mt_bytes query,
                         const mt_options *options)
{
    (void)ctx;
    (void)options;
    mt_query_done(db, id, MT_OK, NULL, query);
    return MT_OK;
}

static void play_streaming(scene *sc)
{
    test_call s = {.name = "s"}, q = {.name = "q"};
    uint64_t id = 0;
    mt_status st;

    sc->engine = (mt_query_engine){.name = "sql", .execute = execute};
    put(sc, "ada a=1@1 b=1@1, bob a=1@1, cyd^3");
    if (!open_db(sc)) return;
    st = mt_stream(sc->db, NULL, count_row, test_answered, &s.a, &id);
    turn(sc);
    mt_stream_resume(sc->db, id);
    turn(sc);
    call_ended(sc, &s, st);
    st = mt_query(sc->db, "sql", mt_str("select"), NULL, test_answered, &q.a, NULL);
    turn(sc);
    call_ended(sc, &q, st);
    close_db(sc);
}

TEST(streams_and_queries_survive_every_fault)
{
    fail_each(play_streaming);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_and_reads_survive_every_fault),
        cmocka_unit_test(events_survive_every_fault),
        cmocka_unit_test(large_nodes_survive_every_fault),
        cmocka_unit_test(hooks_survive_every_fault),
        cmocka_unit_test(writes_that_overtake_survive_every_fault),
        cmocka_unit_test(forgetting_survives_every_fault),
        cmocka_unit_test(streams_and_queries_survive_every_fault),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
