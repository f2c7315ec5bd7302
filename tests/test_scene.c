#include "test_scene.h"

#include <mytosis/plugin/kv_memory.h>
#include <string.h>

void test_scene_begin(test_scene *s)
{
    memset(s, 0, sizeof *s);
    s->memory.fail_at = SIZE_MAX;
    test_env_init(&s->te, 1, fail_mem_hook(&s->memory));
}

void test_scene_open(test_scene *s, size_t at, const mt_sync_options *sync,
                     const mt_node_store_options *store)
{
    mt_config config = {.size = sizeof config, .env = &s->te.env};
    const mt_config *configs[1] = {&config};
    mt_storage storage;
    mt_router router;
    mt_kv kv;

    CHECK(mt_group_new(s->te.env.mem, &s->links[at]) == MT_OK);
    CHECK(mt_router_sync(&s->te.env, sync, &router, NULL) == MT_OK);
    config.group = s->links[at];
    config.router = &router;
    if (store) {
        CHECK(mt_kv_memory(&s->te.env, &kv) == MT_OK);
        CHECK(mt_node_store_new(&s->te.env, kv, store, &storage, NULL) == MT_OK);
        config.storage = &storage;
    }
    CHECK(mt_open(configs, 1, &s->dbs[at], NULL) == MT_OK);
}

bool test_scene_join(test_scene *s)
{
    for (size_t i = 0; i < 2; i++)
        if (mt_group_add(s->links[i], s->ends[i]) != MT_OK) return false;
    return true;
}

static bool take(void *ctx, mt_db *db, const mt_row *row)
{
    (void)db;
    CHECK(mt_graph_merge_rows(ctx, row, 1, NULL) == MT_OK);
    return true;
}

mt_graph *test_scene_graph(const test_scene *s, size_t at)
{
    mt_range all = {.deleted = true};
    mt_graph *graph;

    CHECK(mt_graph_new(test_mem(), NULL, &graph) == MT_OK);
    CHECK(mt_stream_wait(s->dbs[at], &all, take, graph) == MT_OK);
    return graph;
}

bool test_scene_are_equal(const test_scene *s)
{
    mt_graph *a = test_scene_graph(s, 0), *b = test_scene_graph(s, 1);
    bool equal = mt_graph_equal(a, b);

    mt_graph_free(a);
    mt_graph_free(b);
    return equal;
}

void test_scene_end(test_scene *s)
{
    for (size_t i = 0; i < 2; i++) {
        mt_connection_close(s->ends[i]);
        mt_connection_unref(s->ends[i]);
    }
    for (size_t i = 0; i < 2; i++) {
        mt_close(s->dbs[i]);
        mt_group_unref(s->links[i]);
    }
    test_env_run(&s->te);
    test_env_end(&s->te);
    CHECK(s->memory.live_bytes == 0);
}
