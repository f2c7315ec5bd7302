/* store_fault_test.c - memory that is out, an engine that fails: at any call, with nothing leaked, nothing
 * half there, and everything working again afterwards. */
#include "store/node_store.h"
#include "test_asker.h"
#include "test_notation.h"
#include <mytosis/conformance.h>
#include <mytosis/plugin/kv_memory.h>
#include <stdio.h>
#include <string.h>

/* A scenario that does a bit of everything. What it writes is in the graph only once the store says so.
 */
typedef struct scenario {
    test_env te;
    test_kept kept;
    test_asker s;
    mt_node_store_options options;
    mt_graph *graph;
    mt_cursor head;
    bool indexed; /* the fingerprint index is used, and stored, all the time */
    const bool *tripped;
    mt_status status; /* the first failure */
    char text[MT_ERROR_TEXT_MAX];
} scenario;

static bool note(scenario *sc, const test_reply *r)
{
    if (r->status == MT_OK || sc->status != MT_OK) return r->status == MT_OK;
    sc->status = r->status;
    memcpy(sc->text, r->text, sizeof sc->text);
    return false;
}

static void open_store(scenario *sc)
{
    test_reply r;

    /* Until it works: the fault comes only once. */
    while (test_asker_try(&sc->s, &sc->te, test_kept_kv(&sc->kept, sc->kept.kv), &sc->options,
                          &r) != MT_OK)
        if (note(sc, &r)) break;
    test_reply_end(&r);
    if (sc->indexed) ((mti_node_store *)sc->s.storage.ctx)->keeper.slice = 20;
}

/* Adds up until it works. */
static void add_up(scenario *sc, bool items)
{
    const mt_storage_span span = {.parts = 2};
    test_reply r;
    bool worked = false;

    if (!sc->indexed) return;
    while (!worked) {
        if (items) test_ask_items(&sc->s, &r, &span, 1);
        else test_ask_fingerprint(&sc->s, &r, &span, 1);
        test_await(&sc->s, &r);
        worked = r.status != MT_AGAIN && note(sc, &r);
        if (worked && items) CHECK(r.item_count == mt_graph_count(sc->graph));
        test_reply_end(&r);
    }
    if (*sc->tripped) test_asker_prints_are(&sc->s, sc->graph, &span, 1);
}

static mt_delta *delta_of(mt_graph *graph, const char *rows, size_t large)
{
    test_arena arena = {0};
    mt_field *fields = test_take(&arena, (large + 1) * sizeof *fields);
    mt_row row = {.uid = mt_str("big"), .fields = fields, .count = large};
    mt_delta *delta = NULL;
    char name[32];

    if (!large) CHECK(test_merge_rows(graph, rows, &delta) == MT_OK);
    for (size_t i = 0; i < large; i++) {
        snprintf(name, sizeof name, "f%03zu", i);
        fields[i].name = test_copy(&arena, mt_str(name));
        fields[i].value = mt_number(1);
        fields[i].state = 3;
    }
    if (large) CHECK(mt_graph_merge_rows(graph, &row, 1, &delta) == MT_OK);
    test_arena_end(&arena);
    return delta;
}

/* Writes until it works, and each time it does not, sees that nothing happened. */
static void write(scenario *sc, const char *rows, size_t large)
{
    mt_graph *after = test_clone(sc->graph);
    mt_delta *delta = delta_of(after, rows, large);
    mt_storage_record record = {mt_str("peer"), mt_str(rows)};
    mt_storage_commit commit = {.delta = delta};
    mt_storage_write write = {&commit, 1, &record, 1, 7, 1};
    test_reply r;

    for (;;) {
        bool worked;

        test_ask_write(&sc->s, &r, &write);
        test_await(&sc->s, &r);
        worked = note(sc, &r);
        if (worked) sc->head = r.next;
        test_reply_end(&r);
        if (worked) break;
        test_asker_is(&sc->s, sc->graph);
    }
    mt_delta_free(delta);
    mt_graph_free(sc->graph);
    sc->graph = after;
}

/* Asks until it works. */
static void read(scenario *sc, const char *uid, bool whole)
{
    mt_bytes names[] = {mt_str("f001"), mt_str("f002")};
    mt_storage_key keys[] = {{.uid = mt_str("ada")}, {.uid = mt_str(uid), .whole = whole}};
    test_reply r;
    bool worked;

    keys[1].names = names;
    keys[1].name_count = 2;
    do {
        test_ask_read(&sc->s, &r, keys, 2);
        test_await(&sc->s, &r);
        worked = note(sc, &r);
        if (worked) CHECK(r.row_count >= 2);
        test_reply_end(&r);
    } while (!worked);
}

static void follow(scenario *sc)
{
    mt_cursor none = {{0}, 0};
    test_reply r;
    bool worked;

    do {
        test_ask_changes(&sc->s, &r, &none, 100);
        test_await(&sc->s, &r);
        if (r.status == MT_STALE) break;
        worked = note(sc, &r);
        test_reply_end(&r);
    } while (!worked);
    test_reply_end(&r);
    do {
        test_ask_records(&sc->s, &r, mt_str(""), mt_str(""), 10);
        test_await(&sc->s, &r);
        worked = note(sc, &r);
        if (worked) CHECK(r.record_count == 1);
        test_reply_end(&r);
    } while (!worked);
    do {
        test_ask_list(&sc->s, &r, mt_str(""), mt_str(""), 100);
        test_await(&sc->s, &r);
        worked = note(sc, &r);
        test_reply_end(&r);
    } while (!worked);
}

static void remove_one(scenario *sc)
{
    mt_bytes uid = mt_str("bob");
    test_arena arena = {0};
    ref_graph all;
    test_reply r;
    bool worked;

    do {
        test_ask_remove(&sc->s, &r, &uid, 1);
        test_await(&sc->s, &r);
        worked = note(sc, &r);
        test_reply_end(&r);
        if (!worked) test_asker_is(&sc->s, sc->graph);
    } while (!worked);
    all = test_read(&arena, sc->graph);
    for (size_t i = 0; i < all.count; i++)
        if (mt_bytes_equal(all.nodes[i].uid, uid)) ref_drop_node(&all, i--);
    mt_graph_free(sc->graph);
    sc->graph = test_graph_of(&all);
    test_arena_end(&arena);
}

static void play(scenario *sc)
{
    sc->options = (mt_node_store_options){.size = sizeof sc->options, .log_max = 4};
    if (sc->indexed) sc->options.index_lag = 3;
    if (sc->indexed) sc->options.log_max = 1000;
    if (sc->indexed) sc->options.index_bytes = 1;
    sc->graph = test_graph_new();
    open_store(sc);
    write(sc, "ada name='Ada'@1, bob x=1@1", 0);
    write(sc, "", 70);
    add_up(sc, false);
    write(sc, "ada name='Eve'@2, big f001=2@4, cy x=1@1, dan x=1@1, eve x=1@1", 0);
    read(sc, "big", true);
    read(sc, "big", false);
    follow(sc);
    test_asker_end(&sc->s);
    open_store(sc);
    add_up(sc, true);
    write(sc, "big^3 g=1@5, ada age=7@3", 0);
    write(sc, "", 70);
    remove_one(sc);
    test_asker_end(&sc->s);
    open_store(sc);
    add_up(sc, true);
    test_asker_end(&sc->s);
    sc->options.no_fingerprints = true;
    open_store(sc);
    write(sc, "cy x=2@7, zed y=1@8", 0);
    test_asker_end(&sc->s);
    sc->options.no_fingerprints = false;
    open_store(sc);
    add_up(sc, false);
    if (*sc->tripped) test_asker_is(&sc->s, sc->graph);
    test_asker_end(&sc->s);
    mt_graph_free(sc->graph);
}

/* Writes do not fail where only the index could not be stored. */
static bool failed_as(const scenario *sc, bool tripped, mt_status status)
{
    if (sc->indexed && sc->status == MT_OK) return true;
    return sc->status == (tripped ? status : MT_OK);
}

static void fail_memory(bool indexed)
{
    for (size_t n = 0;; n++) {
        fail_mem fm = {.fail_at = n};
        scenario sc = {.indexed = indexed, .tripped = &fm.tripped};
        mt_env plain;

        test_env_init(&sc.te, 1, fail_mem_hook(&fm));
        plain = sc.te.env;
        plain.mem = test_mem();
        CHECK(mt_kv_memory(&plain, &sc.kept.kv) == MT_OK);
        play(&sc);
        mt_kv_close(&sc.kept.kv);
        test_env_end(&sc.te);
        CHECK(fm.live_bytes == 0);
        CHECK(failed_as(&sc, fm.tripped, MT_NO_MEMORY));
        if (!fm.tripped) break;
    }
}

TEST(memory_may_be_out_at_any_time)
{
    fail_memory(false);
}

TEST(memory_may_be_out_while_an_index_is_kept)
{
    fail_memory(true);
}

static void fail_calls(bool at_start, bool indexed)
{
    mt_kv_fault fault = {.calls = MT_KV_FAULT_ALL, .status = MT_IO, .at_start = at_start};

    for (;; fault.fail_at++) {
        scenario sc = {.indexed = indexed, .tripped = &fault.tripped};
        mt_kv_late_options options = {.size = sizeof options, .seed = 7, .fault = &fault};
        mt_kv inner;

        fault.count = 0;
        fault.tripped = false;
        test_env_init(&sc.te, 1, test_mem());
        CHECK(mt_kv_memory(&sc.te.env, &inner) == MT_OK);
        CHECK(mt_kv_late(&sc.te.env, inner, &options, &sc.kept.kv) == MT_OK);
        play(&sc);
        mt_kv_close(&sc.kept.kv);
        test_env_end(&sc.te);
        CHECK(failed_as(&sc, fault.tripped, MT_IO));
        CHECK(test_mem_live() == 0);
        if (!fault.tripped) break;
    }
}

TEST(any_call_of_the_engine_may_fail)
{
    fail_calls(false, false);
}

TEST(any_call_of_the_engine_may_fail_to_start)
{
    fail_calls(true, false);
}

TEST(any_call_of_the_engine_may_fail_while_an_index_is_kept)
{
    fail_calls(false, true);
    fail_calls(true, true);
}

/* ---- What it says ---- */

static mt_status full_commit(void *ctx, const mt_kv_host *host, uint64_t id, const mt_kv_op *ops,
                             size_t count)
{
    mt_kv_answer answer = {.status = MT_FULL, .text = "the disk is full"};

    (void)ctx, (void)ops, (void)count;
    host->answer(host->ctx, id, &answer);
    return MT_OK;
}

TEST(what_the_engine_says_is_passed_on)
{
    scenario sc = {.status = MT_OK};
    mt_storage_write write = {.clock = 1};
    mt_kv kv;
    test_reply r;

    test_env_init(&sc.te, 1, test_mem());
    CHECK(mt_kv_memory(&sc.te.env, &sc.kept.kv) == MT_OK);
    kv = test_kept_kv(&sc.kept, sc.kept.kv);
    sc.kept.ops.commit = full_commit;
    test_asker_init(&sc.s, &sc.te, kv, NULL);
    test_ask_write(&sc.s, &r, &write);
    CHECK(r.done && r.status == MT_FULL);
    assert_string_equal(r.text, "the disk is full");
    test_asker_end(&sc.s);
    mt_kv_close(&sc.kept.kv);
    test_env_end(&sc.te);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_may_be_out_at_any_time),
        cmocka_unit_test(memory_may_be_out_while_an_index_is_kept),
        cmocka_unit_test(any_call_of_the_engine_may_fail_while_an_index_is_kept),
        cmocka_unit_test(any_call_of_the_engine_may_fail),
        cmocka_unit_test(any_call_of_the_engine_may_fail_to_start),
        cmocka_unit_test(what_the_engine_says_is_passed_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
