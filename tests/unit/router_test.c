/* A router and its database: what peers send and ask, who comes and goes, opening and closing. */
#include "test.h"
#include "test_link.h"
#include "test_notation.h"
#include "test_router.h"

#include <mytosis/plugin/pipe.h>

TEST(network_none_tells_nobody_and_asks_nobody)
{
    mt_options none = {.size = sizeof none, .network_none = true};
    test_call w = {.name = "w"}, r = {.name = "r"};
    test_routed t;

    test_routed_begin(&t);
    CHECK(test_call_write(&w, t.db, "ada n=1", &none) == MT_OK);
    CHECK(test_call_read(&r, t.db, "bob", &none) == MT_OK);
    test_env_run(&t.s.t.te);
    test_call_is(&w, MT_OK, NULL);
    test_call_is(&r, MT_OK, NULL);
    test_heard_is(&t.s.heard, "untold(ada)");
    test_routed_end(&t);
}

TEST(hook_chooses_whom_to_tell_and_whom_to_ask)
{
    test_hook hook = {.name = "hook"};
    mt_hook hooks[] = {test_hook_at(&hook, MT_BEFORE_WRITE),
                       test_hook_at(&hook, MT_BEFORE_READ_NODES)};
    mt_config config = {.size = sizeof config, .hooks = hooks, .hook_count = 2};
    test_call w = {.name = "w"}, r = {.name = "r"};
    mt_group *few;
    test_routed t;

    test_routed_init(&t);
    CHECK(mt_group_new(test_mem(), &few) == MT_OK);
    hook.does = TEST_HOLDS;
    test_routed_open(&t, &config);
    CHECK(test_call_write(&w, t.db, "ada n=1", NULL) == MT_OK);
    mt_action_set_group(hook.held[0], few);
    test_hook_pass(&hook, 0);
    test_env_run(&t.s.t.te);
    CHECK(t.r.pushed.group == few);
    CHECK(test_call_read(&r, t.db, "bob", NULL) == MT_OK);
    mt_action_set_group(hook.held[0], few);
    test_hook_pass(&hook, 0);
    test_env_run(&t.s.t.te);
    CHECK(t.r.pull_group == few);
    test_heard_is(&t.s.heard, "push(ada) pull(bob)");
    CHECK(test_call_read(&r, t.db, "bob", NULL) == MT_OK);
    mt_action_set_group(hook.held[0], NULL);
    test_hook_pass(&hook, 0);
    test_env_run(&t.s.t.te);
    test_call_is(&r, MT_OK, NULL);
    test_heard_is(&t.s.heard, "");
    mt_group_unref(few);
    test_routed_end(&t);
}

TEST(what_is_received_is_pushed_on_with_its_origin)
{
    test_heard sent = {.len = 0};
    test_link link = {.heard = NULL};
    test_watch watch = {.name = "w"};
    test_call c = {.name = "c"};
    test_routed t;

    test_routed_begin(&t);
    test_link_begin(&link, &sent, "peer");
    watch.heard = &t.s.heard;
    test_watch_on(&watch, t.db, MT_EVENT_UPDATE, "*");
    CHECK(test_call_receive(&c, t.db, link.connection, "ada n=1@4", NULL) == MT_OK);
    test_env_run(&t.s.t.te);
    test_call_is(&c, MT_OK, NULL);
    test_heard_is(&t.s.heard, "w:update(ada) push(ada)");
    CHECK(t.r.pushed.origin == link.connection);
    test_storage_says(&t.s.ts, "ada n=1@4");
    CHECK(test_call_receive(&c, t.db, link.connection, "ada n=1@4", NULL) == MT_OK);
    test_env_run(&t.s.t.te);
    test_heard_is(&t.s.heard, "");
    test_stage_close(&t.s);
    test_link_end(&link);
    test_stage_end(&t.s);
}

TEST(request_of_a_peer_asks_hooks_memory_and_storage_and_nobody_else)
{
    test_hook request = {.name = "request", .does = TEST_PASSES};
    test_hook before = {.name = "before", .does = TEST_PASSES};
    mt_hook hooks[] = {test_hook_at(&request, MT_ON_REQUEST),
                       test_hook_at(&before, MT_BEFORE_READ_NODES),
                       test_hook_at(&before, MT_AFTER_READ_NODES)};
    mt_config config = {.size = sizeof config, .hooks = hooks, .hook_count = 3};
    mt_bytes uids[] = {mt_str("bob"), mt_str("ada"), mt_str("cyd")};
    test_answer a = {.count = 0};
    test_routed t;

    test_routed_init(&t);
    test_storage_put(&t.s.ts, "ada n=1@1");
    test_routed_open(&t, &config);
    request.heard = before.heard = &t.s.heard;
    test_write(t.db, "bob n=1");
    t.s.heard.len = 0;
    CHECK(mt_db_request(t.db, NULL, uids, 3, NULL, test_answered, &a, NULL) == MT_OK);
    test_env_run(&t.s.t.te);
    CHECK(a.count == 1 && a.status == MT_OK);
    test_heard_is(&t.s.heard, "request");
    request.does = TEST_REFUSES;
    CHECK(mt_db_request(t.db, NULL, uids, 3, NULL, test_answered, &a, NULL) == MT_OK);
    test_env_run(&t.s.t.te);
    CHECK(a.count == 2 && a.status == MT_REFUSED);
    uids[1].len = 0;
    CHECK(mt_db_request(t.db, NULL, uids, 3, NULL, test_answered, &a, NULL) == MT_INVALID);
    test_routed_end(&t);
}

static void whole(void *ctx, mt_db *db, const mt_result *result)
{
    const mt_node *ada = mt_handle_node(result->nodes[0]);

    test_answered(ctx, db, result);
    CHECK(!mt_node_partial(ada) && mt_node_count(ada) == 4);
    CHECK(result->nodes[1] == NULL);
}

TEST(peer_gets_large_nodes_whole)
{
    mt_bytes uids[] = {mt_str("ada"), mt_str("bob")};
    test_answer a = {.count = 0};
    test_routed t;

    test_routed_init(&t);
    t.s.ts.large = 2;
    test_storage_put(&t.s.ts, "ada a=1@1 b=1@1 c=1@1 d=1@1, bob^7");
    test_routed_open(&t, NULL);
    test_write(t.db, "ada b=2");
    CHECK(mt_db_request(t.db, NULL, uids, 2, NULL, whole, &a, NULL) == MT_OK);
    test_env_run(&t.s.t.te);
    CHECK(a.count == 1 && a.status == MT_OK);
    test_routed_end(&t);
}

TEST(messages_come_and_members_go)
{
    mt_connection *here, *there, *more;
    mt_config config = {.size = sizeof config};
    mt_connection *members[1];
    test_link link = {.heard = NULL};
    test_heard sent = {.len = 0};
    test_routed t;

    test_routed_init(&t);
    CHECK(mt_pipe_new(&t.s.t.te.env, NULL, &here, &there, NULL) == MT_OK);
    members[0] = here;
    config.connections = members;
    config.connection_count = 1;
    test_routed_open(&t, &config);
    CHECK(mt_group_get(t.r.group, mt_str("a")) == here);
    CHECK(mt_connection_send(there, mt_str("hello")) == MT_OK);
    test_env_run(&t.s.t.te);
    test_heard_is(&t.s.heard, "message(a:hello)");
    test_link_begin(&link, &sent, "late");
    more = link.connection;
    CHECK(mt_group_add(mt_db_group(t.db), more) == MT_OK);
    test_heard_is(&t.s.heard, "joined(late)");
    CHECK(test_link_deliver(&link, "hi") == MT_OK);
    CHECK(mt_group_remove(mt_db_group(t.db), more) == MT_OK);
    mt_connection_close(there);
    test_env_run(&t.s.t.te);
    test_heard_is(&t.s.heard, "message(late:hi) left(late) left(a)");
    test_stage_close(&t.s);
    test_link_end(&link);
    mt_connection_unref(here);
    mt_connection_unref(there);
    test_stage_end(&t.s);
}

/* A router that answers and then says that it did not start. */
static test_router *liar;

static mt_status lying_push(void *ctx, uint64_t id, const mt_push *push)
{
    mt_push_answer answer = {.status = MT_OK};

    (void)ctx;
    (void)push;
    mt_push_done(liar->db, id, &answer);
    mt_push_done(liar->db, id, &answer);
    return MT_IO;
}

static mt_status lying_pull(void *ctx, uint64_t id, const mt_pull *pull)
{
    mt_pull_answer answer = {.status = MT_OK};

    (void)ctx;
    (void)pull;
    mt_pull_done(liar->db, id, &answer);
    mt_pull_done(liar->db, id, &answer);
    return MT_IO;
}

TEST(router_that_answers_twice_harms_nobody)
{
    test_routed t;

    test_routed_init(&t);
    liar = &t.r;
    t.r.ops.push = lying_push;
    t.r.ops.pull = lying_pull;
    test_routed_open(&t, NULL);
    test_write(t.db, "ada n=1");
    test_read_is(t.db, "bob", NULL);
    mt_push_done(t.db, 12345, &(mt_push_answer){.status = MT_OK});
    mt_pull_done(t.db, 12345, &(mt_pull_answer){.status = MT_OK});
    test_routed_end(&t);
}

/* ---- Opening and closing ---- */

TEST(router_is_told_who_leaves_while_its_database_closes)
{
    test_link link = {.heard = NULL};
    test_heard sent = {.len = 0};
    test_routed t;

    test_routed_begin(&t);
    test_link_begin(&link, &sent, "peer");
    CHECK(mt_group_add(mt_db_group(t.db), link.connection) == MT_OK);
    mt_db_close(t.db, NULL, NULL);
    t.s.t.db = NULL;
    CHECK(mt_group_remove(mt_db_group(t.db), link.connection) == MT_OK);
    test_env_run(&t.s.t.te);
    test_heard_is(&t.s.heard, "joined(peer) left(peer) close");
    test_link_end(&link);
    test_stage_end(&t.s);
}

TEST(closing_ends_pushes_and_pulls_that_are_pending)
{
    mt_options level = {.size = sizeof level, .level = MT_LEVEL_RECEIVED};
    test_call w = {.name = "w"}, r = {.name = "r"};
    test_routed t;

    test_routed_begin(&t);
    t.r.holds = true;
    test_write(t.db, "ada n=1");
    CHECK(test_call_write(&w, t.db, "ada n=2", &level) == MT_OK);
    CHECK(test_call_read(&r, t.db, "bob", NULL) == MT_OK);
    test_env_run(&t.s.t.te);
    test_heard_is(&t.s.heard, "push(ada) pull(bob) push(ada)");
    test_stage_close(&t.s);
    test_call_is(&w, MT_CANCELED, NULL);
    test_call_is(&r, MT_CANCELED, NULL);
    CHECK(w.a.reached == MT_LEVEL_DURABLE);
    test_heard_is(&t.s.heard, "cancel close");
    test_stage_end(&t.s);
}

static mt_status no_open(void *ctx, mt_db *db, mt_group *group)
{
    (void)ctx;
    (void)db;
    (void)group;
    return MT_IO;
}

TEST(router_that_does_not_open_or_lacks_something_is_refused)
{
    test_heard heard = {.len = 0};
    mt_config config = {.size = sizeof config};
    const mt_config *configs[1] = {&config};
    mt_error error;
    test_router r;
    mt_db *db;
    test_db t;

    test_db_begin(&t);
    test_router_init(&r, &heard);
    config.env = &t.te.env;
    config.router = &r.router;
    r.ops.open = no_open;
    CHECK(mt_db_open(configs, 1, &db, &error) == MT_IO);
    r.ops.abi = 77;
    CHECK(mt_db_open(configs, 1, &db, &error) == MT_UNSUPPORTED);
    assert_string_equal(error.text, "the router is of abi 77, not 1");
    test_router_init(&r, &heard);
    r.ops.left = NULL;
    CHECK(mt_db_open(configs, 1, &db, &error) == MT_UNSUPPORTED);
    assert_string_equal(error.text, "router \"test\" lacks what every router has");
    test_heard_is(&heard, "");
    test_db_end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(network_none_tells_nobody_and_asks_nobody),
        cmocka_unit_test(hook_chooses_whom_to_tell_and_whom_to_ask),
        cmocka_unit_test(what_is_received_is_pushed_on_with_its_origin),
        cmocka_unit_test(request_of_a_peer_asks_hooks_memory_and_storage_and_nobody_else),
        cmocka_unit_test(peer_gets_large_nodes_whole),
        cmocka_unit_test(messages_come_and_members_go),
        cmocka_unit_test(router_that_answers_twice_harms_nobody),
        cmocka_unit_test(router_is_told_who_leaves_while_its_database_closes),
        cmocka_unit_test(closing_ends_pushes_and_pulls_that_are_pending),
        cmocka_unit_test(router_that_does_not_open_or_lacks_something_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
