/* A link is cut at every message of a session in turn, and once more later: the two become equal, and what
 * went over does not go again wholesale. */
#include "test_scene.h"

#include <stdio.h>
#include <string.h>

#define NODES 2500

/* What may be on its way when the link is cut, and goes again: 1 MiB. */
#define AGAIN_MAX 1200

typedef struct scene {
    test_scene two;
    mt_subscription *heard[2];
    size_t messages, cut_at;
    bool cut;
} scene;

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
        CHECK(mt_write(s->two.dbs[at], &row, 1, NULL, NULL, NULL, NULL) == MT_OK);
    }
}

/* The link goes before the next message comes. */
static void hear(void *ctx, const void *event)
{
    scene *s = ctx;

    (void)event;
    if (s->messages++ != s->cut_at) return;
    s->cut = true;
    CHECK(mt_pipe_cut(s->two.ends[0]) == MT_OK);
}

static void join(scene *s)
{
    mt_subscriber subscriber = {.on_event = hear, .ctx = s};

    CHECK(mt_pipe_new(&s->two.te.env, NULL, &s->two.ends[0], &s->two.ends[1], NULL) == MT_OK);
    for (size_t i = 0; i < 2; i++)
        CHECK(mt_event_stream_subscribe(mt_connection_messages(s->two.ends[i]), &subscriber,
                                        &s->heard[i]) == MT_OK);
    CHECK(test_scene_join(&s->two));
}

static void end(scene *s)
{
    for (size_t i = 0; i < 2; i++) mt_subscription_dispose(s->heard[i]);
    test_scene_end(&s->two);
}

static void are_equal(const scene *s)
{
    mt_graph *graph = test_scene_graph(&s->two, 0);

    CHECK(test_scene_are_equal(&s->two) && mt_graph_count(graph) >= NODES + 20);
    mt_graph_free(graph);
}

static void count_in(void *ctx, const mt_sync_peer *peer)
{
    *(uint64_t *)ctx += peer->nodes_in;
}

/* Answers whether there was a message to cut the link at. */
static bool cut_at(size_t at, bool stored)
{
    static const mt_node_store_options store = {.size = sizeof store};
    uint64_t nodes = 0;
    scene s = {.cut_at = at};

    test_scene_begin(&s.two);
    for (size_t i = 0; i < 2; i++) test_scene_open(&s.two, i, NULL, stored ? &store : NULL);
    write_some(&s, 0, "a/", 0, NODES);
    write_some(&s, 1, "b/", 0, 10);
    test_env_run_for(&s.two.te, 10);
    join(&s);
    test_env_run_for(&s.two.te, 50);
    write_some(&s, 0, "c/", 0, 5);
    write_some(&s, 1, "c/", 5, 5);
    test_env_run_for(&s.two.te, 2000);
    CHECK(mt_pipe_restore(s.two.ends[0]) == MT_OK);
    test_env_run_for(&s.two.te, 20000);
    are_equal(&s);
    CHECK(mt_db_status(s.two.dbs[1], count_in, &nodes) == MT_OK);
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
