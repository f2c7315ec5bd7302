/* The sync router where memory runs out: each allocation fails once, of two peers that meet, write, and
 * part. Nothing crashes, nothing is left, and once there is memory again they become equal. */
#include "test_env.h"

#include <mytosis/mytosis.h>
#include <mytosis/plugin/kv_memory.h>
#include <mytosis/plugin/node_store.h>
#include <mytosis/plugin/pipe.h>
#include <mytosis/plugin/sync.h>
#include <stdio.h>
#include <string.h>

typedef struct scene {
    test_env te;
    fail_mem memory;
    mt_db *dbs[2];
    mt_group *links[2];
    mt_connection *ends[2];
    bool stored, list;
    bool played;
} scene;

static mt_status open_peer(scene *s, size_t at)
{
    mt_bytes uids[2] = {mt_str("ada"), mt_str("bob")};
    mt_sync_range list = {.uids = uids, .uid_count = 2};
    mt_sync_options options = {.size = sizeof options, .ranges = &list, .range_count = s->list};
    mt_config config = {.size = sizeof config, .env = &s->te.env};
    const mt_config *configs[1] = {&config};
    mt_storage storage = {.ops = NULL};
    mt_router router;
    mt_kv kv;
    mt_status st;

    if ((st = mt_group_new(s->te.env.mem, &s->links[at])) != MT_OK) return st;
    if ((st = mt_router_sync(&s->te.env, &options, &router, NULL)) != MT_OK) return st;
    if (s->stored && (st = mt_kv_memory(&s->te.env, &kv)) == MT_OK &&
        (st = mt_node_store_new(&s->te.env, kv, NULL, &storage, NULL)) != MT_OK)
        kv.ops->close(kv.ctx);
    config.group = s->links[at];
    config.router = &router;
    if (storage.ops) config.storage = &storage;
    if (st == MT_OK) st = mt_open(configs, 1, &s->dbs[at], NULL);
    if (st == MT_OK) return MT_OK;
    router.ops->close(router.ctx);
    mt_storage_close(&storage);
    return st;
}

static void write(scene *s, size_t at, const char *uid, const char *text)
{
    mt_options options = {.size = sizeof options, .level = MT_LEVEL_RECEIVED, .deadline_ms = 1000};
    mt_field field = {.name = mt_str("text"), .value = mt_text(text)};
    mt_row row = {.uid = mt_str(uid), .fields = &field, .count = 1};

    (void)!mt_write(s->dbs[at], &row, 1, at ? &options : NULL, NULL, NULL, NULL);
}

static void read(scene *s, size_t at, const char *uid)
{
    (void)!mt_read(s->dbs[at], mt_str(uid), NULL, NULL, NULL, NULL);
}

static void play(scene *s)
{
    if (open_peer(s, 0) != MT_OK || open_peer(s, 1) != MT_OK) return;
    write(s, 0, "ada", "one");
    write(s, 1, "bob", "two");
    if (mt_pipe_new(&s->te.env, NULL, &s->ends[0], &s->ends[1], NULL) != MT_OK) return;
    if (mt_group_add(s->links[0], s->ends[0]) != MT_OK) return;
    if (mt_group_add(s->links[1], s->ends[1]) != MT_OK) return;
    read(s, 1, "cyd");
    test_env_run_for(&s->te, 100);
    write(s, 0, "bob", "three");
    write(s, 1, "ada", "four");
    test_env_run_for(&s->te, 100);
    CHECK(mt_pipe_cut(s->ends[0]) == MT_OK);
    write(s, 0, "ada", "five");
    test_env_run_for(&s->te, 100);
    (void)!mt_db_set_ranges(s->dbs[0], NULL, 0);
    CHECK(mt_pipe_restore(s->ends[0]) == MT_OK);
    test_env_run_for(&s->te, 100);
    (void)!mt_db_set_ranges(s->dbs[1], NULL, 0);
    test_env_run_for(&s->te, 20000);
    s->played = true;
}

static void show(void *ctx, const mt_sync_peer *peer)
{
    (void)ctx;
    print_message("    %s; %s\n", peer->text, peer->error);
}

static bool is_equal(const scene *s, const char *uid)
{
    const mt_node *a = mt_peek(s->dbs[0], mt_str(uid)), *b = mt_peek(s->dbs[1], mt_str(uid));

    return a && b ? mt_node_equal(a, b) : a == b;
}

static void end(scene *s)
{
    for (size_t i = 0; i < 2; i++) {
        if (s->ends[i]) mt_connection_close(s->ends[i]);
        mt_connection_unref(s->ends[i]);
    }
    for (size_t i = 0; i < 2; i++) {
        if (s->dbs[i]) mt_close(s->dbs[i]);
        mt_group_unref(s->links[i]);
    }
    test_env_run(&s->te);
    test_env_end(&s->te);
}

/* Answers whether an allocation failed. */
static bool fail_at(size_t at, bool stored, bool list)
{
    static scene s;

    memset(&s, 0, sizeof s);
    s.stored = stored;
    s.list = list;
    s.memory.fail_at = at;
    test_env_init(&s.te, 1, fail_mem_hook(&s.memory));
    play(&s);
    if (s.played && !s.stored && !(is_equal(&s, "ada") && is_equal(&s, "bob"))) {
        for (size_t i = 0; i < 2; i++) (void)!mt_db_status(s.dbs[i], show, NULL);
        fail_msg("after allocation %zu failed they did not become equal", at);
    }
    end(&s);
    CHECK(s.memory.live_bytes == 0);
    return s.memory.tripped;
}

static void fail_each(bool stored, bool list)
{
    size_t at = 0;

    while (fail_at(at, stored, list)) at++;
    print_message("[   POINTS ] %zu\n", at);
    CHECK(at > 200);
}

TEST(every_allocation_of_peers_in_memory_fails_once)
{
    fail_each(false, false);
}

TEST(every_allocation_of_peers_with_a_list_fails_once)
{
    fail_each(false, true);
}

TEST(every_allocation_of_peers_on_stores_fails_once)
{
    fail_each(true, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_allocation_of_peers_in_memory_fails_once),
        cmocka_unit_test(every_allocation_of_peers_with_a_list_fails_once),
        cmocka_unit_test(every_allocation_of_peers_on_stores_fails_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
