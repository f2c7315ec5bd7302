#include "test_world.h"
#include "store/node_store.h"
#include <mytosis/plugin/kv_memory.h>
#include <string.h>

static void store_open(test_world *w)
{
    mt_kv kept = test_kept_kv(&w->kept, w->kept.kv);
    test_reply opened;

    if (test_asker_try(&w->store, &w->te, kept, &w->options, &opened) != MT_OK)
        fail_msg("%s", opened.text);
    test_world_keep_index(w, &w->store);
    w->head = opened.info.head;
    test_reply_end(&opened);
}

void test_world_draw_index(test_world *w)
{
    if (test_once_in(w->c, 2)) w->options.index_lag = 1 + test_below(w->c, 30);
    if (test_once_in(w->c, 2)) w->options.index_bytes = 1 + test_below(w->c, 1000);
    if (test_once_in(w->c, 2)) w->slice = 1 + test_below(w->c, 50);
}

void test_world_keep_index(const test_world *w, test_asker *store)
{
    mti_keeper *keeper = &((mti_node_store *)store->storage.ctx)->keeper;

    if (w->slice == 0) return;
    keeper->slice = w->slice;
    keeper->storing.most = w->slice / 10; /* mostly a leaf or two at once */
}

void test_world_begin(test_world *w, test_case *c, bool late)
{
    static const size_t lens[] = {1, 60, 200, 4096};
    mt_kv_late_options options = {.size = sizeof options, .seed = test_rng_next(&c->rng)};
    mt_kv inner;

    memset(w, 0, sizeof *w);
    w->c = c;
    w->u = test_once_in(c, 6) ? gen_of_size(c, GEN_LARGE_NODE) : gen_any(c);
    w->options.size = sizeof w->options;
    w->options.small_len_max = lens[test_below(c, TEST_COUNT(lens))];
    w->options.log_max = test_once_in(c, 2) ? 1 + test_below(c, 8) : 1000;
    test_world_draw_index(w);
    test_env_init(&w->te, test_rng_next(&c->rng), test_mem());
    HOLDS(mt_kv_memory(&w->te.env, &w->kept.kv) == MT_OK);
    inner = w->kept.kv;
    if (late) HOLDS(mt_kv_late(&w->te.env, inner, &options, &w->kept.kv) == MT_OK);
    store_open(w);
    w->graph = test_graph_new();
}

void test_world_end(test_world *w)
{
    test_asker_end(&w->store);
    mt_kv_close(&w->kept.kv);
    mt_graph_free(w->graph);
    test_env_end(&w->te);
}

void test_world_reopen(test_world *w)
{
    test_asker_end(&w->store);
    store_open(w);
}

mt_delta *test_world_change(test_world *w, mt_graph *graph)
{
    mt_delta *delta = NULL;
    ref_graph incoming;
    mt_row *rows;
    size_t count;
    mt_status st;

    if (test_once_in(w->c, 2)) {
        incoming = gen_graph(w->c, &w->u);
        rows = gen_rows(w->c, &incoming, true, &count);
        test_worked(graph, mt_graph_merge_rows(graph, rows, count, &delta));
        return delta;
    }
    rows = gen_patch(w->c, &w->u, &count);
    st = mt_graph_patch(graph, rows, count, 0, &delta);
    HOLDS(st == MT_OK || st == MT_STATE);
    return delta;
}

void test_writing_add(test_writing *w, mt_delta *delta, const char *origin)
{
    HOLDS(w->write.commit_count < TEST_COUNT(w->commits));
    w->commits[w->write.commit_count++] =
        (mt_storage_commit){.delta = delta, .origin = mt_str(origin)};
}

void test_writing_start(test_world *w, test_writing *writing)
{
    writing->write.commits = writing->commits;
    writing->write.clock_mode = 1;
    test_ask_write(&w->store, &writing->reply, &writing->write);
}

void test_writing_end(test_world *w, test_writing *writing)
{
    test_await(&w->store, &writing->reply);
    test_reply_worked(&writing->reply);
    w->head = writing->reply.next;
    test_reply_end(&writing->reply);
    for (size_t i = 0; i < writing->write.commit_count; i++)
        mt_delta_free((mt_delta *)(uintptr_t)writing->commits[i].delta);
}

void test_world_write(test_world *w)
{
    size_t count = test_once_in(w->c, 2) ? 1 : 1 + test_below(w->c, 4);
    test_writing writing = {.write = {.clock_mode = 1}};

    for (size_t i = 0; i < count; i++) {
        test_writing_add(&writing, test_world_change(w, w->graph),
                         test_once_in(w->c, 2) ? "" : "peer");
        writing.commits[i].whole = test_once_in(w->c, 12);
    }
    test_writing_start(w, &writing);
    test_writing_end(w, &writing);
}
