/* Random histories of a database: whatever storage does and when, what events tell, what storage
 * keeps and what readers see is one and the same. */
#include "test.h"
#include "test_calls.h"
#include "test_gen.h"
#include "test_graph.h"

#include <mytosis/conformance.h>
#include <mytosis/plugin/kv_memory.h>
#include <mytosis/plugin/node_store.h>

#include <stdlib.h>
#include <string.h>

#define CALLS_MAX 24

typedef struct history {
    test_case *c;
    gen_universe u;
    test_stage s;
    mt_config config;
    bool on_store;     /* on the node store, over an engine in memory that answers late */
    mt_kv_fault fault; /* of that engine */
    fail_mem memory;   /* of the database */
    bool forgetful;    /* it has failed */
    test_hook hook;
    mt_graph *told;  /* what events have told of */
    uint64_t commit; /* of the last event */
    test_call calls[CALLS_MAX];
    size_t count;
    mt_handle *held[4];
} history;

/* ---- Events ---- */

static void told(test_watch *watch, mt_db *db, const mt_event *event)
{
    history *h = watch->arg;
    mt_delta_iter iter = {.delta = NULL};
    mt_delta_node node;
    mt_field field;

    (void)db;
    HOLDS(event->commit > h->commit);
    h->commit = event->commit;
    while (mt_event_node(event, &iter, &node)) {
        mt_row row = {.uid = node.uid, .floor = node.floor};
        if (row.floor) HOLDS(mt_graph_merge_rows(h->told, &row, 1, NULL) == MT_OK);
        row.fields = &field;
        row.count = 1;
        while (mt_delta_iter_field(&iter, &field))
            HOLDS(mt_graph_merge_rows(h->told, &row, 1, NULL) == MT_OK);
    }
}

/* ---- Opening and closing ---- */

/* The node store, with large nodes that are not so large. */
static mt_storage new_store(history *h)
{
    mt_kv_late_options late = {.size = sizeof late, .seed = h->c->seed, .fault = &h->fault};
    mt_node_store_options options = {.size = sizeof options,
                                     .small_len_max = 100 + test_below(h->c, 2000)};
    const mt_env *env = &h->s.t.te.env;
    mt_storage storage;
    mt_kv inner, kv;

    HOLDS(mt_kv_memory(env, &inner) == MT_OK);
    HOLDS(mt_kv_late(env, inner, &late, &kv) == MT_OK);
    HOLDS(mt_node_store_new(env, kv, &options, &storage, NULL) == MT_OK);
    return storage;
}

static void open_on_store(history *h)
{
    mt_storage storage = new_store(h);
    mt_config on = {.size = sizeof on,
                    .env = &h->s.t.te.env,
                    .storage = &storage,
                    .hooks = h->s.hooks,
                    .hook_count = h->s.hook_count};
    const mt_config *both[2] = {&on, &h->config};

    HOLDS(mt_db_open(both, 2, &h->s.db, &h->s.t.error) == MT_OK);
    h->s.t.db = h->s.db;
    test_env_run(&h->s.t.te);
}

static void open_history(history *h, test_watch *watch)
{
    if (h->on_store) open_on_store(h);
    else test_stage_open(&h->s, &h->config);
    h->commit = 0;
    *watch = (test_watch){.name = "w", .then = told, .arg = h};
    test_watch_on(watch, h->s.db, MT_EVENT_UPDATE, "*");
}

static void let_go(history *h)
{
    for (size_t i = 0; i < TEST_COUNT(h->held); i++) {
        mt_handle_unref(h->held[i]);
        h->held[i] = NULL;
    }
}

/* Lets everything come to its end. */
static void settle(history *h)
{
    while (h->hook.held_count > 0) test_hook_pass(&h->hook, test_below(h->c, h->hook.held_count));
    test_env_run(&h->s.t.te);
    HOLDS(h->hook.held_count == 0);
    for (size_t i = 0; i < h->count; i++) {
        mt_status st = h->calls[i].a.status;
        HOLDS(h->calls[i].a.count == 1);
        HOLDS(st == MT_OK || st == MT_CANCELED || st == MT_DEADLINE || st == MT_STATE ||
              st == MT_BUDGET || st == MT_IO || st == MT_NO_MEMORY);
        if (st == MT_NO_MEMORY) HOLDS(h->forgetful || h->memory.tripped);
        if (st == MT_IO) HOLDS(h->s.ts.fault.tripped || h->fault.tripped);
    }
    h->count = 0;
}

/* ---- What happens ---- */

static mt_bytes any_uid(history *h)
{
    return gen_uid(h->c, &h->u, test_below(h->c, h->u.uid_count));
}

static test_call *next_call(history *h)
{
    test_call *call;

    if (h->count == CALLS_MAX) settle(h);
    call = &h->calls[h->count++];
    memset(call, 0, sizeof *call);
    return call;
}

/* What does not start for want of memory is no call. */
static void started(history *h, test_call *call, mt_status st)
{
    HOLDS(st == MT_OK || (st == MT_NO_MEMORY && h->memory.tripped));
    if (st != MT_OK) {
        HOLDS(call->a.count == 0);
        h->count--;
        return;
    }
    call->returned = true;
    if (test_once_in(h->c, 12)) mt_cancel(h->s.db, call->id);
}

static mt_options any_options(history *h)
{
    mt_options options = {.size = sizeof options};

    if (test_once_in(h->c, 10)) options.deadline_ms = 1 + test_below(h->c, 5);
    if (test_once_in(h->c, 5)) options.level = MT_LEVEL_APPLIED;
    return options;
}

static void write_patch(history *h)
{
    mt_options options = any_options(h);
    test_call *call = next_call(h);
    size_t count;
    mt_row *rows = gen_patch(h->c, &h->u, &count);

    started(h, call, mt_write(h->s.db, rows, count, &options, test_answered, &call->a, &call->id));
}

static void commit_rows(history *h)
{
    ref_graph graph = gen_graph(h->c, &h->u);
    mt_options options = any_options(h);
    test_call *call = next_call(h);
    size_t count;
    mt_row *rows = gen_rows(h->c, &graph, test_once_in(h->c, 2), &count);

    options.allow_future = true;
    if (test_once_in(h->c, 2))
        started(h, call,
                mt_commit_rows(h->s.db, rows, count, &options, test_answered, &call->a, &call->id));
    else
        started(h, call,
                mt_db_receive(h->s.db, NULL, rows, count, &options, test_answered, &call->a,
                              &call->id));
}

static void delete_node(history *h)
{
    mt_options options = any_options(h);
    test_call *call = next_call(h);

    started(h, call, mt_delete(h->s.db, any_uid(h), &options, test_answered, &call->a, &call->id));
}

static void read_nodes(history *h)
{
    mt_options options = any_options(h);
    test_call *call = next_call(h);
    mt_bytes uids[6];
    size_t count = 1 + test_below(h->c, TEST_COUNT(uids));

    for (size_t i = 0; i < count; i++) uids[i] = any_uid(h);
    options.force = test_once_in(h->c, 4);
    started(h, call, mt_nodes(h->s.db, uids, count, &options, test_answered, &call->a, &call->id));
}

static void keep_node(history *h)
{
    size_t at = test_below(h->c, TEST_COUNT(h->held));
    mt_handle *node = NULL;

    mt_handle_unref(h->held[at]);
    h->held[at] = NULL;
    if (h->hook.held_count > 0) return;
    if (mt_read_wait(h->s.db, any_uid(h), NULL, &node) == MT_OK) h->held[at] = node;
}

static void read_fields(history *h)
{
    mt_handle *node = h->held[test_below(h->c, TEST_COUNT(h->held))];
    mt_options options = any_options(h);
    mt_bytes names[4];
    size_t count = test_below(h->c, TEST_COUNT(names) + 1);
    test_call *call;

    if (!node) return;
    call = next_call(h);
    options.edges_none = true;
    for (size_t i = 0; i < count; i++)
        names[i] = gen_name(h->c, &h->u, test_below(h->c, h->u.name_count));
    started(h, call, mt_fields(node, names, count, &options, test_answered, &call->a, &call->id));
}

/* Memory fails again after a while. */
static void fail_again(history *h)
{
    if (!h->memory.tripped) return;
    h->forgetful = true;
    h->memory.tripped = false;
    h->memory.fail_at = h->memory.count + test_below(h->c, 400);
}

static void run_a_while(history *h)
{
    fail_again(h);
    while (h->hook.held_count > 0 && test_below(h->c, 3) > 0)
        test_hook_pass(&h->hook, test_below(h->c, h->hook.held_count));
    test_env_run_for(&h->s.t.te, test_below(h->c, 6));
}

static void happen(history *h)
{
    switch (test_below(h->c, 10)) {
    case 0:
    case 1:
    case 2: write_patch(h); break;
    case 3:
    case 4: commit_rows(h); break;
    case 5: delete_node(h); break;
    case 6: read_nodes(h); break;
    case 7: keep_node(h); break;
    case 8: read_fields(h); break;
    default: run_a_while(h); break;
    }
}

/* ---- What holds ---- */

static bool take_row(void *ctx, mt_db *db, const mt_row *row)
{
    (void)db;
    return mt_graph_merge_rows(ctx, row, 1, NULL) == MT_OK;
}

/* What storage keeps, as a stream of it gives it. */
static mt_graph *stored_graph(history *h)
{
    mt_graph *graph = test_graph_new();
    mt_range all = {.deleted = true};

    HOLDS(mt_stream_wait(h->s.db, &all, take_row, graph) == MT_OK);
    if (!h->on_store) HOLDS(mt_graph_equal(graph, h->s.ts.graph));
    return graph;
}

/* Holds that every node reads as storage has it. One that is large seems to be there until all of
 * it was read. */
static void reads_as(history *h, const mt_graph *graph)
{
    for (size_t i = 0; i < h->u.uid_count; i++) {
        mt_bytes uid = gen_uid(h->c, &h->u, i);
        const mt_node *stored = mt_graph_get(graph, uid), *seen;
        bool there = stored && mt_node_count(stored) > 0;
        mt_handle *node = NULL;
        HOLDS(mt_read_wait(h->s.db, uid, NULL, &node) == MT_OK);
        HOLDS(node || !there);
        if (!node) continue;
        HOLDS(there || mt_node_partial(mt_handle_node(node)));
        HOLDS(mt_fields_wait(node, NULL, 0, NULL) == MT_OK);
        seen = mt_handle_node(node);
        HOLDS((seen != NULL) == there);
        if (seen) HOLDS(!mt_node_partial(seen) && mt_node_equal(seen, stored));
        mt_handle_unref(node);
    }
}

static void holds(history *h)
{
    mt_graph *stored;

    settle(h);
    h->s.ts.fault.status = h->fault.status = MT_OK;
    h->memory.fail_at = SIZE_MAX;
    stored = stored_graph(h);
    HOLDS(mt_graph_equal(h->told, stored));
    if (!h->config.cache_bytes) reads_as(h, stored);
    mt_graph_free(stored);
}

static void prepare(test_case *c, history *h)
{
    memset(h, 0, sizeof *h);
    h->c = c;
    h->u = gen_of_size(c, test_once_in(c, 3) ? GEN_LARGE_NODE : GEN_SMALL);
    h->config.size = sizeof h->config;
    h->config.clock = test_once_in(c, 2) ? MT_CLOCK_LAMPORT : MT_CLOCK_HYBRID;
    if (test_once_in(c, 3)) h->config.cache_bytes = 2000 + test_below(c, 40000);
    test_stage_init(&h->s);
    h->memory.fail_at = SIZE_MAX;
    h->s.t.te.env.mem = fail_mem_hook(&h->memory);
    h->told = test_graph_new();
    h->s.ts.quiet = true;
    h->s.ts.rng = test_rng_new(c->seed);
    h->s.ts.when = test_once_in(c, 4) ? TEST_AT_ONCE : TEST_MIXED;
    h->s.ts.large = test_once_in(c, 2) ? 1 + test_below(c, 10) : 0;
    h->s.ts.row_fields = 1 + test_below(c, 64);
    h->s.ts.rows_alone = test_once_in(c, 4);
    h->hook.does = test_once_in(c, 2) ? TEST_HOLDS : TEST_PASSES;
    test_stage_hook(&h->s, &h->hook, MT_BEFORE_WRITE);
    h->hook.heard = NULL;
}

static void set_fault(history *h)
{
    if (test_once_in(h->c, 3)) h->memory.fail_at = h->memory.count + test_below(h->c, 500);
    if (test_once_in(h->c, 2)) return;
    h->fault = (mt_kv_fault){.calls = MT_KV_FAULT_ALL,
                             .status = MT_IO,
                             .fail_at = test_below(h->c, 30),
                             .at_start = test_once_in(h->c, 2)};
    h->s.ts.fault = (test_fault){.calls = TEST_READ | TEST_WRITE,
                                 .status = MT_IO,
                                 .fail_at = test_below(h->c, 12),
                                 .at_start = test_once_in(h->c, 2)};
}

static void play(history *h)
{
    test_watch watch;

    open_history(h, &watch);
    set_fault(h);
    for (size_t i = 5 + test_below(h->c, 40); i > 0; i--) happen(h);
    holds(h);
    let_go(h);
    test_stage_close(&h->s);
}

static void history_is_one(test_case *c)
{
    test_watch watch;
    history h;

    prepare(c, &h);
    for (size_t opened = 1 + test_below(c, 2); opened > 0; opened--) play(&h);
    open_history(&h, &watch);
    holds(&h);
    mt_graph_free(h.told);
    test_stage_end(&h.s);
}

static void history_on_a_node_store_is_one(test_case *c)
{
    history h;

    prepare(c, &h);
    h.on_store = true;
    play(&h);
    mt_graph_free(h.told);
    test_stage_end(&h.s);
}

TEST(events_storage_and_readers_agree_for_all)
{
    test_law(6000, history_is_one);
}

TEST(events_and_readers_agree_with_a_node_store_for_all)
{
    test_law(6000, history_on_a_node_store_is_one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_storage_and_readers_agree_for_all),
        cmocka_unit_test(events_and_readers_agree_with_a_node_store_for_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
