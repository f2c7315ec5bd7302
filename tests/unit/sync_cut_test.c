/* A link is cut at every message of a session in turn, and once more later: the two become equal, and what
 * went over does not go again wholesale. */
#include "test_db.h"

#include <mytosis/mytosis.h>
#include <mytosis/plugin/kv_memory.h>
#include <mytosis/plugin/node_store.h>
#include <mytosis/plugin/pipe.h>
#include <mytosis/plugin/sync.h>
#include <stdio.h>
#include <string.h>

#define NODES 2500

/* What may be on its way when the link is cut, and goes again: 1 MiB. */
#define AGAIN_MAX 1200

typedef struct scene {
    test_env te;
    mt_db *dbs[2];
    mt_group *links[2];
    mt_connection *ends[2];
    mt_subscription *heard[2];
    size_t messages, cut_at;
    bool cut;
} scene;

static void open_peer(scene *s, size_t at, bool stored)
{
    mt_config config = {.size = sizeof config, .env = &s->te.env};
    const mt_config *configs[1] = {&config};
    mt_storage storage;
    mt_router router;
    mt_kv kv;

    CHECK(mt_group_new(s->te.env.mem, &s->links[at]) == MT_OK);
    CHECK(mt_router_sync(&s->te.env, NULL, &router, NULL) == MT_OK);
    CHECK(mt_kv_memory(&s->te.env, &kv) == MT_OK);
    CHECK(mt_node_store_new(&s->te.env, kv, NULL, &storage, NULL) == MT_OK);
    config.group = s->links[at];
    config.router = &router;
    if (stored) config.storage = &storage;
    else mt_storage_close(&storage);
    CHECK(mt_open(configs, 1, &s->dbs[at], NULL) == MT_OK);
}

static void write_some(scene *s, size_t at, const char *prefix, size_t first, size_t count)
{
    char uid[32], text[1000];
    mt_field field = {.name = mt_str("text")};
    mt_row row = {.fields = &field, .count = 1};

    memset(text, 'x', sizeof text);
    field.value = mt_string((mt_bytes){(const uint8_t *)text, sizeof text});
    for (size_t i = first; i < first + count; i++) {
        snprintf(uid, sizeof uid, "%s%04zu", prefix, i);
        row.uid = mt_str(uid);
        CHECK(mt_write(s->dbs[at], &row, 1, NULL, NULL, NULL, NULL) == MT_OK);
    }
}

/* The link goes before the next message comes. */
static void hear(void *ctx, const void *event)
{
    scene *s = ctx;

    (void)event;
    if (s->messages++ != s->cut_at) return;
    s->cut = true;
    CHECK(mt_pipe_cut(s->ends[0]) == MT_OK);
}

static void join(scene *s)
{
    mt_subscriber subscriber = {.on_event = hear, .ctx = s};

    CHECK(mt_pipe_new(&s->te.env, NULL, &s->ends[0], &s->ends[1], NULL) == MT_OK);
    for (size_t i = 0; i < 2; i++) {
        CHECK(mt_event_stream_subscribe(mt_connection_messages(s->ends[i]), &subscriber,
                                        &s->heard[i]) == MT_OK);
        CHECK(mt_group_add(s->links[i], s->ends[i]) == MT_OK);
    }
}

static void end(scene *s)
{
    for (size_t i = 0; i < 2; i++) {
        mt_subscription_dispose(s->heard[i]);
        mt_connection_close(s->ends[i]);
        mt_connection_unref(s->ends[i]);
    }
    for (size_t i = 0; i < 2; i++) {
        mt_close(s->dbs[i]);
        mt_group_unref(s->links[i]);
    }
    test_env_run(&s->te);
    test_env_end(&s->te);
}

static bool take(void *ctx, mt_db *db, const mt_row *row)
{
    (void)db;
    CHECK(mt_graph_merge_rows(ctx, row, 1, NULL) == MT_OK);
    return true;
}

static mt_graph *graph_of(mt_db *db)
{
    mt_range all = {.deleted = true};
    mt_graph *graph;

    CHECK(mt_graph_new(test_mem(), NULL, &graph) == MT_OK);
    CHECK(mt_stream_wait(db, &all, take, graph) == MT_OK);
    return graph;
}

static void are_equal(scene *s)
{
    mt_graph *a = graph_of(s->dbs[0]), *b = graph_of(s->dbs[1]);

    CHECK(mt_graph_equal(a, b) && mt_graph_count(a) >= NODES + 20);
    mt_graph_free(a);
    mt_graph_free(b);
}

static void count_in(void *ctx, const mt_sync_peer *peer)
{
    *(uint64_t *)ctx += peer->nodes_in;
}

/* Answers whether there was a message to cut the link at. */
static bool cut_at(size_t at, bool stored)
{
    uint64_t nodes = 0;
    scene s;

    memset(&s, 0, sizeof s);
    s.cut_at = at;
    test_env_init(&s.te, 1, test_mem());
    open_peer(&s, 0, stored);
    open_peer(&s, 1, stored);
    write_some(&s, 0, "a/", 0, NODES);
    write_some(&s, 1, "b/", 0, 10);
    test_env_run_for(&s.te, 10);
    join(&s);
    test_env_run_for(&s.te, 50);
    write_some(&s, 0, "c/", 0, 5);
    write_some(&s, 1, "c/", 5, 5);
    test_env_run_for(&s.te, 2000);
    CHECK(mt_pipe_restore(s.ends[0]) == MT_OK);
    test_env_run_for(&s.te, 20000);
    are_equal(&s);
    CHECK(mt_db_status(s.dbs[1], count_in, &nodes) == MT_OK);
    CHECK(nodes <= NODES + AGAIN_MAX);
    end(&s);
    return s.cut;
}

static void cut_at_each(bool stored)
{
    size_t at = 0;

    while (cut_at(at, stored)) at++;
    print_message("[ MESSAGES ] %zu\n", at);
    CHECK(at > 20);
}

TEST(peers_in_memory_go_on_wherever_the_link_is_cut)
{
    cut_at_each(false);
}

TEST(peers_on_stores_go_on_wherever_the_link_is_cut)
{
    cut_at_each(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(peers_in_memory_go_on_wherever_the_link_is_cut),
        cmocka_unit_test(peers_on_stores_go_on_wherever_the_link_is_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
