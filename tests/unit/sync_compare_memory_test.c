/* Comparisons where memory runs out: from when two that differ meet, each allocation fails once. Nothing
 * crashes, nothing is left, and once there is memory again they become equal. */
#include "test_law.h"
#include "test_scene.h"

#include <stdio.h>

typedef struct how {
    bool stored;
    bool away;      /* they have met, for longer ago than logs reach; else they never have */
    unsigned nodes; /* that they have in common */
    unsigned differ;
} how;

static void open_peer(test_scene *s, size_t at, const how *h)
{
    mt_sync_options options = {.size = sizeof options, .log_nodes = h->away ? 4 : 0};
    mt_node_store_options store = {.size = sizeof store, .log_max = h->away ? 8 : 0};

    test_scene_open(s, at, &options, h->stored ? &store : NULL);
}

static void put(test_scene *s, size_t at, unsigned first, unsigned count, const char *text,
                uint64_t state)
{
    mt_field field = {.name = mt_str("text"), .value = mt_text(text), .state = state};
    mt_row row = {.fields = &field, .count = 1};
    mt_graph *graph;

    CHECK(mt_graph_new(test_mem(), NULL, &graph) == MT_OK);
    for (unsigned i = first; i < first + count; i++) {
        char uid[16];
        snprintf(uid, sizeof uid, "user/%04u", i);
        row.uid = mt_str(uid);
        CHECK(mt_graph_merge_rows(graph, &row, 1, NULL) == MT_OK);
    }
    CHECK(mt_commit_graph_wait(s->dbs[at], graph, NULL) == MT_OK);
    mt_graph_free(graph);
}

/* Both have something that the other has not. */
static void prepare(test_scene *s, const how *h)
{
    unsigned step = h->nodes / (h->differ + 1);

    for (size_t i = 0; i < 2; i++) open_peer(s, i, h);
    CHECK(mt_pipe_new(&s->te.env, NULL, &s->ends[0], &s->ends[1], NULL) == MT_OK);
    for (size_t i = 0; i < 2; i++) put(s, i, 0, h->nodes, "the same", 5);
    if (h->away) CHECK(test_scene_join(s));
    test_env_run_for(&s->te, 3000);
    CHECK(mt_pipe_cut(s->ends[0]) == MT_OK);
    for (unsigned k = 0; k < h->differ; k++) {
        put(s, 0, k * step, 1, "of the first", 6);
        put(s, 1, k * step + k % 3, 1, "of the last", 6 + k % 2);
    }
    put(s, 0, h->nodes, 3, "new", 5);
    put(s, 1, h->nodes + 3, 3, "new", 5);
    test_env_run_for(&s->te, 3000);
}

static void write(test_scene *s, size_t at, const char *uid)
{
    mt_field field = {.name = mt_str("text"), .value = mt_text("meanwhile")};
    mt_row row = {.uid = mt_str(uid), .fields = &field, .count = 1};

    (void)!mt_write(s->dbs[at], &row, 1, NULL, NULL, NULL, NULL);
}

/* Answers whether they have met: a link that there was no memory for is none. */
static bool play(test_scene *s, const how *h)
{
    if (!h->away && !test_scene_join(s)) return false;
    CHECK(mt_pipe_restore(s->ends[0]) == MT_OK);
    test_env_run_for(&s->te, 1);
    write(s, 0, "user/0001");
    test_env_run_for(&s->te, 100);
    write(s, 1, "user/0002");
    test_env_run_for(&s->te, 30000);
    return true;
}

static void show(void *ctx, const mt_sync_peer *peer)
{
    (void)ctx;
    print_message("    %s; %s\n", peer->text, peer->error);
}

/* Answers whether an allocation failed. */
static bool fail_at(size_t at, const how *h)
{
    static test_scene s;
    bool met;

    test_scene_begin(&s);
    prepare(&s, h);
    CHECK(!test_scene_are_equal(&s));
    s.memory.fail_at = s.memory.count + at;
    met = play(&s, h);
    s.memory.fail_at = SIZE_MAX;
    if (met && !test_scene_are_equal(&s)) {
        for (size_t i = 0; i < 2; i++) (void)!mt_db_status(s.dbs[i], show, NULL);
        fail_msg("after allocation %zu failed they did not become equal", at);
    }
    test_scene_end(&s);
    return s.memory.tripped;
}

static void fail_each(const how *h)
{
    size_t at = 0;

    while (fail_at(at, h)) at += TEST_SANITIZED ? 3 : 1;
    print_message("[   POINTS ] %zu\n", at);
    CHECK(at > 200);
}

TEST(every_allocation_of_strangers_fails_once)
{
    fail_each(&(how){.nodes = 40, .differ = 3});
}

TEST(every_allocation_of_strangers_that_say_tables_fails_once)
{
    fail_each(&(how){.nodes = 900, .differ = 20});
}

TEST(every_allocation_of_peers_that_were_away_fails_once)
{
    fail_each(&(how){.away = true, .nodes = 60, .differ = 10});
}

TEST(every_allocation_of_strangers_on_stores_fails_once)
{
    fail_each(&(how){.stored = true, .nodes = 40, .differ = 3});
}

TEST(every_allocation_of_peers_on_stores_that_were_away_fails_once)
{
    fail_each(&(how){.stored = true, .away = true, .nodes = 60, .differ = 10});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_allocation_of_strangers_fails_once),
        cmocka_unit_test(every_allocation_of_strangers_that_say_tables_fails_once),
        cmocka_unit_test(every_allocation_of_peers_that_were_away_fails_once),
        cmocka_unit_test(every_allocation_of_strangers_on_stores_fails_once),
        cmocka_unit_test(every_allocation_of_peers_on_stores_that_were_away_fails_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
