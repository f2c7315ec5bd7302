/* Hooks: what each sees, and what it can do. */
#include "test.h"
#include "test_calls.h"
#include "test_notation.h"

#include <stdlib.h>
#include <string.h>

/* Opens a database with the hooks of the stage, whose states count. */
static void begin(test_stage *s)
{
    static const mt_config counts = {.size = sizeof counts, .clock = MT_CLOCK_LAMPORT};

    test_stage_open(s, &counts);
    test_heard_is(&s->ts.heard, "open");
}

static void turn(test_stage *s)
{
    test_env_run(&s->t.te);
}

/* ---- Where hooks stand ---- */

TEST(write_meets_its_hooks_around_storage_and_events)
{
    test_hook b1 = {.name = "b1"}, b2 = {.name = "b2"}, a1 = {.name = "a1"}, a2 = {.name = "a2"};
    test_watch watch = {.name = "e"};
    test_call w = {.name = "w"};
    test_stage s;

    test_stage_init(&s);
    test_stage_hook(&s, &b1, MT_BEFORE_WRITE);
    test_stage_hook(&s, &a1, MT_AFTER_WRITE);
    test_stage_hook(&s, &b2, MT_BEFORE_WRITE);
    test_stage_hook(&s, &a2, MT_AFTER_WRITE);
    begin(&s);
    s.ts.when = TEST_HELD;
    watch.heard = w.heard = &s.heard;
    test_watch_on(&watch, s.db, 0, "*");
    CHECK(test_call_write(&w, s.db, "ada a=1", NULL) == MT_OK);
    test_heard_is(&s.heard, "b1 b2");
    test_storage_answer(&s.ts, 0);
    turn(&s);
    test_heard_is(&s.heard, "");
    test_storage_answer(&s.ts, 0);
    turn(&s);
    test_heard_is(&s.heard, "e:update(ada) a1 a2 w:MT_OK(ada)");
    test_stage_end(&s);
}

TEST(read_meets_its_hooks_around_storage)
{
    test_hook before = {.name = "before"}, after = {.name = "after"};
    test_call r = {.name = "r"};
    test_stage s;

    test_stage_init(&s);
    test_storage_put(&s.ts, "ada a=1@1");
    test_stage_hook(&s, &before, MT_BEFORE_READ_NODES);
    test_stage_hook(&s, &after, MT_AFTER_READ_NODES);
    begin(&s);
    s.ts.when = TEST_HELD;
    r.heard = &s.heard;
    CHECK(test_call_read(&r, s.db, "ada bob", NULL) == MT_OK);
    test_heard_is(&s.heard, "before");
    test_storage_answer(&s.ts, 0);
    turn(&s);
    test_heard_is(&s.heard, "after r:MT_OK(ada -)");
    test_stage_end(&s);
}

TEST(read_of_fields_meets_its_hooks_around_those_of_the_nodes_it_leads_to)
{
    test_hook before = {.name = "fields"}, after = {.name = "after"}, nodes = {.name = "nodes"};
    test_call f = {.name = "f"};
    mt_handle *ada;
    test_stage s;

    test_stage_init(&s);
    test_storage_put(&s.ts, "ada friend=&bob@1, bob a=1@1");
    test_stage_hook(&s, &before, MT_BEFORE_READ_FIELDS);
    test_stage_hook(&s, &after, MT_AFTER_READ_FIELDS);
    test_stage_hook(&s, &nodes, MT_BEFORE_READ_NODES);
    begin(&s);
    ada = test_hold_node(s.db, "ada");
    test_heard_is(&s.heard, "nodes");
    f.heard = &s.heard;
    CHECK(test_call_fields(&f, ada, "friend", NULL) == MT_OK);
    turn(&s);
    test_heard_is(&s.heard, "fields nodes after f:MT_OK(bob)");
    mt_handle_unref(ada);
    test_stage_end(&s);
}

TEST(what_arrives_meets_hooks_of_update_and_what_is_asked_hooks_of_request)
{
    test_hook update = {.name = "update"}, request = {.name = "request"}, write = {.name = "write"};
    test_hook read = {.name = "read"}, after = {.name = "after"};
    test_call c = {.name = "c"};
    mt_bytes uid = mt_str("ada");
    test_stage s;

    test_stage_init(&s);
    test_stage_hook(&s, &update, MT_ON_UPDATE);
    test_stage_hook(&s, &request, MT_ON_REQUEST);
    test_stage_hook(&s, &write, MT_BEFORE_WRITE);
    test_stage_hook(&s, &read, MT_BEFORE_READ_NODES);
    test_stage_hook(&s, &after, MT_AFTER_READ_NODES);
    begin(&s);
    CHECK(test_call_receive(&c, s.db, NULL, "ada a=1@5", NULL) == MT_OK);
    turn(&s);
    test_call_is(&c, MT_OK, NULL);
    test_heard_is(&s.heard, "update");
    memset(&c.a, 0, sizeof c.a);
    CHECK(mt_db_request(s.db, NULL, &uid, 1, NULL, test_answered, &c.a, NULL) == MT_OK);
    turn(&s);
    CHECK(c.a.count == 1 && c.a.status == MT_OK);
    test_heard_is(&s.heard, "request");
    test_stage_end(&s);
}

TEST(hooks_run_in_the_order_of_the_configs)
{
    test_hook hooks[3] = {{.name = "one"}, {.name = "two"}, {.name = "three"}};
    mt_hook points[3];
    mt_config configs[2] = {{.size = sizeof configs[0]}, {.size = sizeof configs[1]}};
    const mt_config *both[2] = {&configs[0], &configs[1]};
    test_heard heard = {0};
    test_db t;

    test_db_begin(&t);
    for (size_t i = 0; i < 3; i++) {
        hooks[i].heard = &heard;
        points[i] = test_hook_at(&hooks[i], MT_BEFORE_WRITE);
    }
    configs[0].env = &t.te.env;
    configs[0].hooks = points;
    configs[0].hook_count = 1;
    configs[1].hooks = points + 1;
    configs[1].hook_count = 2;
    CHECK(mt_db_open(both, 2, &t.db, &t.error) == MT_OK);
    test_write(t.db, "ada a=1");
    test_heard_is(&heard, "one two three");
    test_db_end(&t);
}

TEST(thousands_of_hooks_that_pass_at_once_take_no_stack)
{
    test_hook hook = {.name = "h"};
    mt_hook *hooks = calloc(20000, sizeof *hooks);
    mt_config config = {.size = sizeof config, .hooks = hooks, .hook_count = 20000};
    test_stage s;

    if (!hooks) abort();
    for (size_t i = 0; i < 20000; i++) hooks[i] = test_hook_at(&hook, MT_BEFORE_WRITE);
    test_stage_begin(&s, &config);
    test_write(s.db, "ada a=1");
    CHECK(hook.count == 20000);
    free(hooks);
    test_stage_end(&s);
}

/* ---- What they see and change ---- */

static void see_write(test_hook *hook, mt_action *action)
{
    size_t count, names;
    const mt_row *rows = mt_action_rows(action, &count);

    CHECK(mt_action_db(action) == hook->arg);
    CHECK(mt_action_point(action) == MT_BEFORE_WRITE);
    CHECK(mt_action_options(action)->app == hook);
    CHECK(mt_action_group(action) == mt_db_group(mt_action_db(action)));
    CHECK(mt_action_origin(action) == NULL);
    CHECK(!mt_action_stamped(action) && !mt_action_full(action) && !mt_action_error(action));
    CHECK(!mt_action_delta(action) && !mt_action_node(action));
    CHECK(mt_action_keys(action, &names) == NULL && names == 0);
    CHECK(mt_action_names(action, &names) == NULL && names == 0);
    CHECK(mt_action_fields(action, &names) == NULL && names == 0);
    test_rows_say(rows, count, "!ada a=1, bob b=~");
}

TEST(before_write_sees_the_rows_and_nothing_of_other_actions)
{
    test_hook hook = {.name = "h", .then = see_write};
    mt_options options = {.size = sizeof options, .app = &hook};
    test_call w = {.name = "w"};
    test_stage s;

    test_stage_init(&s);
    test_stage_hook(&s, &hook, MT_BEFORE_WRITE);
    begin(&s);
    hook.arg = s.db;
    CHECK(test_call_write(&w, s.db, "!ada a=1, bob b=~", &options) == MT_OK);
    turn(&s);
    test_call_is(&w, MT_OK, NULL);
    CHECK(hook.count == 1);
    test_stage_end(&s);
}

static void set_rows(test_hook *hook, mt_action *action)
{
    test_arena arena = {.left = 0};
    size_t count;
    mt_row *rows = test_rows_read(&arena, hook->arg, &count);

    hook->status = mt_action_set_rows(action, rows, count);
    test_arena_end(&arena);
}

TEST(before_write_may_write_other_rows)
{
    test_hook hook = {.name = "h", .then = set_rows, .arg = "bob b=1, cyd c=1"};
    test_call w = {.name = "w"};
    test_stage s;

    test_stage_init(&s);
    test_stage_hook(&s, &hook, MT_BEFORE_WRITE);
    begin(&s);
    CHECK(test_call_write(&w, s.db, "ada a=1", NULL) == MT_OK);
    turn(&s);
    test_call_is(&w, MT_OK, NULL);
    assert_string_equal(w.nodes, "bob cyd");
    test_heard_is(&s.ts.heard, "read(bob,cyd) write(bob,cyd)");
    test_storage_says(&s.ts, "bob b=1@1, cyd c=1@1");
    test_stage_end(&s);
}

TEST(rows_that_cannot_be_are_not_taken_from_a_hook)
{
    test_hook hook = {.name = "h", .then = set_rows, .arg = "ada @object=1"};
    test_stage s;

    test_stage_init(&s);
    test_stage_hook(&s, &hook, MT_BEFORE_WRITE);
    begin(&s);
    test_write(s.db, "ada a=1");
    CHECK(hook.status == MT_INVALID);
    test_peek_is(s.db, "ada", "{\"a\":1}");
    test_stage_end(&s);
}

static void not_reached(test_hook *hook, mt_action *action)
{
    (void)hook;
    (void)action;
    fail_msg("a hook was given what cannot be");
}

TEST(hooks_are_not_given_values_that_cannot_be)
{
    test_hook hook = {.name = "h", .then = not_reached};
    test_call w = {.name = "w"};
    test_stage s;

    test_stage_init(&s);
    test_stage_hook(&s, &hook, MT_BEFORE_WRITE);
    begin(&s);
    CHECK(test_call_write(&w, s.db, "ada @object=1", NULL) == MT_OK);
    turn(&s);
    test_call_is(&w, MT_INVALID, NULL);
    test_stage_end(&s);
}

static void make_volatile(test_hook *hook, mt_action *action)
{
    (void)hook;
    mt_action_options(action)->storage_none = true;
}

TEST(before_write_may_change_the_options)
{
    test_hook hook = {.name = "h", .then = make_volatile};
    test_stage s;

    test_stage_init(&s);
    test_stage_hook(&s, &hook, MT_BEFORE_WRITE);
    begin(&s);
    test_write(s.db, "ada a=1");
    CHECK(s.ts.writes == 0);
    test_peek_is(s.db, "ada", "{\"a\":1}");
    test_stage_end(&s);
}

static void set_keys(test_hook *hook, mt_action *action)
{
    mt_bytes keys[2] = {mt_str("bob"), mt_str("cyd")}, none = {NULL, 0};
    size_t count;

    CHECK(mt_action_keys(action, &count) && count == 1);
    CHECK(mt_action_set_keys(action, &none, 1) == MT_INVALID);
    CHECK(mt_action_set_keys(action, keys, 2) == MT_OK);
    CHECK(mt_action_set_rows(action, NULL, 0) == MT_INVALID);
    CHECK(mt_action_set_names(action, keys, 2) == MT_INVALID);
    (void)hook;
}

TEST(before_read_may_ask_for_other_nodes)
{
    test_hook hook = {.name = "h", .then = set_keys};
    test_call r = {.name = "r"};
    test_stage s;

    test_stage_init(&s);
    test_storage_put(&s.ts, "bob a=1@1");
    test_stage_hook(&s, &hook, MT_BEFORE_READ_NODES);
    begin(&s);
    CHECK(test_call_read(&r, s.db, "ada", NULL) == MT_OK);
    turn(&s);
    test_call_is(&r, MT_OK, NULL);
    assert_string_equal(r.nodes, "bob -");
    test_heard_is(&s.ts.heard, "read(bob,cyd)");
    test_stage_end(&s);
}

static void ask_for_nothing(test_hook *hook, mt_action *action)
{
    CHECK(mt_action_set_keys(action, NULL, 0) == MT_OK);
    (void)hook;
}

TEST(before_read_may_ask_for_nothing)
{
    mt_options force = {.size = sizeof force, .force = true};
    test_hook hook = {.name = "h", .then = ask_for_nothing};
    mt_handle *node = (mt_handle *)&hook;
    test_call r = {.name = "r"};
    test_stage s;

    test_stage_init(&s);
    test_stage_hook(&s, &hook, MT_BEFORE_READ_NODES);
    begin(&s);
    CHECK(test_call_read(&r, s.db, "ada", &force) == MT_OK);
    turn(&s);
    test_call_is(&r, MT_OK, NULL);
    assert_string_equal(r.nodes, "");
    CHECK(mt_read_wait(s.db, mt_str("ada"), NULL, &node) == MT_OK && node == NULL);
    test_heard_is(&s.ts.heard, "");
    test_stage_end(&s);
}

static void swap_nodes(test_hook *hook, mt_action *action)
{
    size_t count;
    mt_handle *const *nodes = mt_action_nodes(action, &count);
    mt_bytes key = mt_str("cyd");

    CHECK(count == 2 && nodes[0] && nodes[1]);
    mt_action_set_node(action, 0, nodes[1]);
    mt_action_set_node(action, 1, NULL);
    mt_action_set_node(action, 2, NULL);
    CHECK(mt_action_set_keys(action, &key, 1) == MT_INVALID);
    (void)hook;
}

TEST(after_read_may_put_other_nodes_in_the_place_of_those_found)
{
    test_hook hook = {.name = "h", .then = swap_nodes};
    test_call r = {.name = "r"};
    test_stage s;

    test_stage_init(&s);
    test_storage_put(&s.ts, "ada a=1@1, bob a=1@1");
    test_stage_hook(&s, &hook, MT_AFTER_READ_NODES);
    begin(&s);
    CHECK(test_call_read(&r, s.db, "ada bob", NULL) == MT_OK);
    turn(&s);
    test_call_is(&r, MT_OK, NULL);
    assert_string_equal(r.nodes, "bob -");
    test_stage_end(&s);
}

static void mask_field(test_hook *hook, mt_action *action)
{
    size_t count;
    mt_found_field *fields = mt_action_fields(action, &count);

    CHECK(count == 2 && fields[0].found && !fields[1].found);
    CHECK(mt_bytes_equal(fields[1].field.name, mt_str("none")));
    fields[0].field.value = mt_text("masked");
    (void)hook;
}

static void mask_first(test_hook *hook, mt_action *action)
{
    size_t count;

    mt_action_fields(action, &count)[0].field.value = mt_text("masked, too");
    (void)hook;
}

static void masked(void *ctx, mt_db *db, const mt_result *result)
{
    (void)db;
    CHECK(result->count == 2 && result->fields[0].found);
    CHECK(mt_bytes_equal(result->fields[0].field.value.as.bytes, mt_str("masked")));
    ++*(unsigned *)ctx;
}

TEST(after_read_of_fields_may_change_them)
{
    test_hook hook = {.name = "h", .then = mask_field};
    mt_bytes names[] = {mt_str("name"), mt_str("none")};
    unsigned answers = 0;
    mt_field field;
    mt_handle *ada;
    test_stage s;

    test_stage_init(&s);
    test_storage_put(&s.ts, "ada name='Ada'@1");
    test_stage_hook(&s, &hook, MT_AFTER_READ_FIELDS);
    begin(&s);
    ada = test_hold_node(s.db, "ada");
    CHECK(mt_fields(ada, names, 2, NULL, masked, &answers, NULL) == MT_OK);
    turn(&s);
    CHECK(answers == 1);
    hook.then = mask_first;
    CHECK(mt_field_wait(ada, mt_str("name"), NULL, &field, NULL) == MT_OK);
    CHECK(mt_bytes_equal(field.value.as.bytes, mt_str("masked, too")));
    CHECK(mt_bytes_equal(field.name, mt_str("name")));
    mt_handle_unref(ada);
    test_stage_end(&s);
}

static void set_names(test_hook *hook, mt_action *action)
{
    mt_bytes names[] = {mt_str("b"), mt_str("friend"), mt_str("b")}, bad = mt_str("@object");
    size_t count;

    CHECK(mt_action_node(action) == hook->arg);
    CHECK(mt_action_names(action, &count) && count == 1);
    CHECK(mt_action_set_names(action, &bad, 1) == MT_INVALID);
    CHECK(mt_action_set_names(action, names, 3) == MT_OK);
}

TEST(before_read_of_fields_may_ask_for_other_names)
{
    test_hook hook = {.name = "h", .then = set_names};
    test_call f = {.name = "f"};
    mt_handle *ada;
    test_stage s;

    test_stage_init(&s);
    s.ts.large = 1;
    test_storage_put(&s.ts, "ada a=1@1 b=&cyd@1 friend=&bob@1, bob a=1@1");
    test_stage_hook(&s, &hook, MT_BEFORE_READ_FIELDS);
    begin(&s);
    hook.arg = ada = test_hold_node(s.db, "ada");
    CHECK(test_call_fields(&f, ada, "a", NULL) == MT_OK);
    turn(&s);
    test_call_is(&f, MT_OK, NULL);
    assert_string_equal(f.nodes, "- bob -");
    test_heard_is(&s.ts.heard, "read(ada) read(ada:b:friend) read(bob,cyd)");
    mt_handle_unref(ada);
    test_stage_end(&s);
}

/* ---- Whole nodes ---- */

static void see_full(test_hook *hook, mt_action *action)
{
    const mt_graph *full = mt_action_full(action);

    CHECK(full != NULL);
    test_graph_says(full, hook->arg);
}

TEST(hook_that_wants_whole_nodes_sees_them_as_they_will_be)
{
    test_hook hook = {.name = "h", .then = see_full, .arg = "ada a=1@9 b=5@9 c=3@7, bob x=1@1"};
    test_stage s;

    test_stage_init(&s);
    s.ts.large = 2;
    test_storage_put(&s.ts, "ada a=1@9 b=2@8 c=3@7");
    test_stage_hook(&s, &hook, MT_BEFORE_WRITE);
    s.hooks[0].wants_full = true;
    begin(&s);
    test_write(s.db, "ada b=5, bob x=1");
    CHECK(hook.count == 1);
    test_heard_is(&s.ts.heard, "read(ada!,bob!) write(ada,bob)");
    test_storage_says(&s.ts, "ada a=1@9 b=5@9 c=3@7, bob x=1@1");
    test_stage_end(&s);
}

TEST(whole_nodes_show_what_the_hook_before_changed)
{
    test_hook change = {.name = "change", .then = set_rows, .arg = "bob x=2"};
    test_hook see = {.name = "see", .then = see_full, .arg = "bob x=2@8"};
    test_stage s;

    test_stage_init(&s);
    test_storage_put(&s.ts, "ada a=1@9, bob x=1@7");
    test_stage_hook(&s, &change, MT_BEFORE_WRITE);
    test_stage_hook(&s, &see, MT_BEFORE_WRITE);
    s.hooks[0].wants_full = s.hooks[1].wants_full = true;
    begin(&s);
    s.ts.when = TEST_LATER;
    test_write(s.db, "ada b=5");
    CHECK(see.count == 1);
    test_heard_is(&s.ts.heard, "read(ada!) read(bob!) write(bob)");
    test_stage_end(&s);
}

TEST(hook_of_update_that_wants_whole_nodes_sees_them_merged)
{
    test_hook hook = {.name = "h", .then = see_full, .arg = "ada a=1@9 b=5@9"};
    test_call c = {.name = "c"};
    test_stage s;

    test_stage_init(&s);
    test_storage_put(&s.ts, "ada a=1@9 b=2@8");
    test_stage_hook(&s, &hook, MT_ON_UPDATE);
    s.hooks[0].wants_full = true;
    begin(&s);
    CHECK(test_call_receive(&c, s.db, NULL, "ada a=7@8 b=5@9", NULL) == MT_OK);
    turn(&s);
    test_call_is(&c, MT_OK, NULL);
    CHECK(hook.count == 1);
    test_stage_end(&s);
}

TEST(whole_nodes_cannot_be_had_where_storage_fails)
{
    test_hook hook = {.name = "h", .then = not_reached};
    test_call w = {.name = "w"};
    test_stage s;

    for (int at_start = 0; at_start < 2; at_start++) {
        test_stage_init(&s);
        test_stage_hook(&s, &hook, MT_BEFORE_WRITE);
        s.hooks[0].wants_full = true;
        begin(&s);
        s.ts.when = TEST_LATER;
        s.ts.fault = (test_fault){.calls = TEST_READ, .status = MT_IO, .at_start = at_start};
        CHECK(test_call_write(&w, s.db, "ada a=1", NULL) == MT_OK);
        turn(&s);
        test_call_is(&w, MT_IO, NULL);
        CHECK(s.ts.writes == 0);
        test_stage_end(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(write_meets_its_hooks_around_storage_and_events),
        cmocka_unit_test(read_meets_its_hooks_around_storage),
        cmocka_unit_test(read_of_fields_meets_its_hooks_around_those_of_the_nodes_it_leads_to),
        cmocka_unit_test(what_arrives_meets_hooks_of_update_and_what_is_asked_hooks_of_request),
        cmocka_unit_test(hooks_run_in_the_order_of_the_configs),
        cmocka_unit_test(thousands_of_hooks_that_pass_at_once_take_no_stack),
        cmocka_unit_test(before_write_sees_the_rows_and_nothing_of_other_actions),
        cmocka_unit_test(before_write_may_write_other_rows),
        cmocka_unit_test(rows_that_cannot_be_are_not_taken_from_a_hook),
        cmocka_unit_test(hooks_are_not_given_values_that_cannot_be),
        cmocka_unit_test(before_write_may_change_the_options),
        cmocka_unit_test(before_read_may_ask_for_other_nodes),
        cmocka_unit_test(before_read_may_ask_for_nothing),
        cmocka_unit_test(after_read_may_put_other_nodes_in_the_place_of_those_found),
        cmocka_unit_test(after_read_of_fields_may_change_them),
        cmocka_unit_test(before_read_of_fields_may_ask_for_other_names),
        cmocka_unit_test(hook_that_wants_whole_nodes_sees_them_as_they_will_be),
        cmocka_unit_test(whole_nodes_show_what_the_hook_before_changed),
        cmocka_unit_test(hook_of_update_that_wants_whole_nodes_sees_them_merged),
        cmocka_unit_test(whole_nodes_cannot_be_had_where_storage_fails),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
