/* What is refused for now, where memory runs out: from when two meet of whom one has what is ahead of its time, each
 * allocation fails once. Nothing is left, and once its time has come and they have met again all of it is there. */
#include "test_env.h"
#include "test_law.h"

#include <mytosis/mytosis.h>
#include <mytosis/plugin/kv_memory.h>
#include <mytosis/plugin/node_store.h>
#include <mytosis/plugin/pipe.h>
#include <mytosis/plugin/sync.h>
#include <string.h>

typedef struct scene {
    test_env te;
    fail_mem memory;
    mt_db *dbs[2];
    mt_group *links[2];
    mt_connection *ends[2];
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
    config.group = s->links[at];
    config.router = &router;
    if (stored) {
        CHECK(mt_kv_memory(&s->te.env, &kv) == MT_OK);
        CHECK(mt_node_store_new(&s->te.env, kv, NULL, &storage, NULL) == MT_OK);
        config.storage = &storage;
    }
    CHECK(mt_open(configs, 1, &s->dbs[at], NULL) == MT_OK);
    test_env_run_for(&s->te, 10);
}

/* Fifteen minutes ahead: in five it may be taken. */
static uint64_t ahead(const scene *s)
{
    return (s->te.env.now_ms(s->te.env.ctx) - UINT64_C(1577836800000) + 15 * 60000) << 11;
}

/* A node with some fields in time, some ahead of it, and where it was deleted. */
static void write(scene *s, const char *uid, size_t in_time, size_t too_soon, uint64_t floor)
{
    static const char *const names[] = {"a", "b", "c", "d"};
    mt_options future = {.size = sizeof future, .allow_future = true};
    mt_field fields[TEST_COUNT(names)];
    mt_row row = {.uid = mt_str(uid), .fields = fields, .floor = floor};

    for (size_t i = 0; i < in_time + too_soon; i++)
        fields[row.count++] = (mt_field){.name = mt_str(names[i]),
                                         .value = mt_text("x"),
                                         .state = i < in_time ? 5 + i : ahead(s) + i};
    (void)!mt_commit_rows(s->dbs[0], &row, 1, &future, NULL, NULL, NULL);
}

static void prepare(scene *s, bool stored)
{
    open_peer(s, 0, false);
    open_peer(s, 1, stored);
    CHECK(mt_pipe_new(&s->te.env, NULL, &s->ends[0], &s->ends[1], NULL) == MT_OK);
    write(s, "ada", 2, 0, 0);
    write(s, "bob", 1, 2, 0);
    write(s, "cyd", 0, 1, 0);
    write(s, "dan", 0, 1, ahead(s) - 1);
    test_env_run_for(&s->te, 10);
}

/* Answers whether they have met: a link that there was no memory for is none. */
static bool play(scene *s)
{
    for (size_t i = 0; i < 2; i++)
        if (mt_group_add(s->links[i], s->ends[i]) != MT_OK) return false;
    test_env_run_for(&s->te, 1000);
    write(s, "eve", 0, 2, 0);
    test_env_run_for(&s->te, 1000);
    write(s, "bob", 0, 1, 0);
    test_env_run_for(&s->te, 20 * 60000);
    s->memory.fail_at = SIZE_MAX;
    for (int i = 0; i < 2; i++) {
        CHECK(mt_pipe_cut(s->ends[0]) == MT_OK);
        test_env_run_for(&s->te, 1000);
        CHECK(mt_pipe_restore(s->ends[0]) == MT_OK);
        test_env_run_for(&s->te, 2 * 60000);
    }
    return true;
}

static bool take(void *ctx, mt_db *db, const mt_row *row)
{
    (void)db;
    CHECK(mt_graph_merge_rows(ctx, row, 1, NULL) == MT_OK);
    return true;
}

static bool are_equal(const scene *s)
{
    mt_range all = {.deleted = true};
    mt_graph *has[2];
    bool equal;

    for (size_t i = 0; i < 2; i++) {
        CHECK(mt_graph_new(test_mem(), NULL, &has[i]) == MT_OK);
        CHECK(mt_stream_wait(s->dbs[i], &all, take, has[i]) == MT_OK);
    }
    equal = mt_graph_equal(has[0], has[1]);
    for (size_t i = 0; i < 2; i++) mt_graph_free(has[i]);
    return equal;
}

static void end(scene *s)
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
}

/* Answers whether an allocation failed. */
static bool fail_at(size_t at, bool stored)
{
    static scene s;
    bool met;

    memset(&s, 0, sizeof s);
    s.memory.fail_at = SIZE_MAX;
    test_env_init(&s.te, 1, fail_mem_hook(&s.memory));
    prepare(&s, stored);
    s.memory.fail_at = s.memory.count + at;
    met = play(&s);
    s.memory.fail_at = SIZE_MAX;
    if (met && !are_equal(&s)) fail_msg("after allocation %zu failed they are not equal", at);
    end(&s);
    CHECK(s.memory.live_bytes == 0);
    return s.memory.tripped;
}

static void fail_each(bool stored)
{
    size_t at = 0;

    while (fail_at(at, stored)) at++;
    print_message("[   POINTS ] %zu\n", at);
    CHECK(at > 200);
}

TEST(every_allocation_of_a_peer_that_refuses_fails_once)
{
    fail_each(false);
}

TEST(every_allocation_of_a_peer_that_refuses_and_has_a_store_fails_once)
{
    fail_each(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_allocation_of_a_peer_that_refuses_fails_once),
        cmocka_unit_test(every_allocation_of_a_peer_that_refuses_and_has_a_store_fails_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
