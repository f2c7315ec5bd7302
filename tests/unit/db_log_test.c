/* What routers ask of the log and of records, and where commits came from. */
#include "test.h"
#include "test_calls.h"
#include "test_link.h"

#include <stdlib.h>
#include <string.h>

/* What a request of the log came to. */
typedef struct logged {
    unsigned count;
    mt_status status;
    void (*then)(mt_db *db);
} logged;

static void heard(void *ctx, mt_db *db, const mt_storage_answer *answer)
{
    logged *l = ctx;

    l->count++;
    l->status = answer->status;
    if (l->then) l->then(db);
}

static void turn(test_stage *s)
{
    test_env_run(&s->t.te);
}

TEST(changes_are_those_of_the_storage)
{
    mt_cursor since = {.number = 0};
    logged l = {.count = 0};
    test_stage s;

    test_stage_begin(&s, NULL);
    CHECK(mt_db_changes(s.db, &since, 10, heard, &l) == MT_OK);
    CHECK(l.count == 0);
    turn(&s);
    CHECK(l.count == 1 && l.status == MT_OK);
    test_heard_is(&s.ts.heard, "changes");
    test_stage_end(&s);
}

TEST(log_and_records_that_a_storage_does_not_keep_are_refused)
{
    mt_bytes none = {NULL, 0};
    mt_cursor since = {.number = 0};
    logged l = {.count = 0};
    test_stage s;

    test_stage_init(&s);
    s.ts.ops.changes = NULL;
    test_stage_open(&s, NULL);
    CHECK(mt_db_changes(s.db, &since, 10, heard, &l) == MT_UNSUPPORTED);
    assert_string_equal(mt_db_error(s.db)->text, "the storage keeps no log of changes");
    CHECK(mt_db_records(s.db, none, none, 10, heard, &l) == MT_UNSUPPORTED);
    assert_string_equal(mt_db_error(s.db)->text, "the storage keeps no records");
    turn(&s);
    CHECK(l.count == 0);
    test_stage_end(&s);
}

TEST(changes_fail_where_storage_does)
{
    mt_cursor since = {.number = 0};
    test_stage s;

    for (int at_start = 0; at_start < 2; at_start++) {
        logged l = {.count = 0};
        test_stage_begin(&s, NULL);
        s.ts.fault = (test_fault){.calls = TEST_CHANGES, .status = MT_STALE, .at_start = at_start};
        CHECK(mt_db_changes(s.db, &since, 10, heard, &l) == MT_OK);
        turn(&s);
        CHECK(l.count == 1 && l.status == MT_STALE);
        test_stage_end(&s);
    }
}

static void close_it(mt_db *db)
{
    mt_db_close(db, NULL, NULL);
}

TEST(changes_are_answered_once_when_the_database_closes)
{
    mt_cursor since = {.number = 0};
    logged l = {.count = 0};
    test_stage s;

    test_stage_begin(&s, NULL);
    s.ts.when = TEST_HELD;
    CHECK(mt_db_changes(s.db, &since, 10, heard, &l) == MT_OK);
    turn(&s);
    test_stage_close(&s);
    CHECK(l.count == 1 && l.status == MT_CANCELED);
    s.ts.when = TEST_AT_ONCE;
    test_stage_open(&s, NULL);
    l = (logged){.then = close_it};
    CHECK(mt_db_changes(s.db, &since, 10, heard, &l) == MT_OK);
    turn(&s);
    CHECK(l.count == 1 && l.status == MT_OK);
    s.t.db = NULL;
    test_stage_end(&s);
}

/* ---- Where a commit came from ---- */

static void see_origin(test_watch *watch, mt_db *db, const mt_event *event)
{
    CHECK(event->origin == watch->arg);
    (void)db;
}

static void see_action_origin(test_hook *hook, mt_action *action)
{
    CHECK(mt_action_origin(action) == hook->arg && mt_action_stamped(action));
}

TEST(commit_of_a_peer_carries_its_connection_to_hooks_storage_and_events)
{
    test_watch watch = {.name = "e", .then = see_origin};
    test_hook hook = {.name = "h", .then = see_action_origin};
    test_link link = {.heard = NULL};
    test_call c = {.name = "c"};
    test_stage s;

    test_stage_init(&s);
    test_link_begin(&link, NULL, "peer");
    watch.arg = hook.arg = link.connection;
    test_stage_hook(&s, &hook, MT_ON_UPDATE);
    test_stage_open(&s, NULL);
    test_watch_on(&watch, s.db, 0, "*");
    CHECK(test_call_receive(&c, s.db, link.connection, "ada a=1@5", NULL) == MT_OK);
    turn(&s);
    test_call_is(&c, MT_OK, NULL);
    CHECK(hook.count == 1 && watch.count == 1);
    test_heard_is(&s.ts.heard, "open read(ada) write(ada<peer)");
    test_stage_close(&s);
    test_link_end(&link);
    test_stage_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changes_are_those_of_the_storage),
        cmocka_unit_test(log_and_records_that_a_storage_does_not_keep_are_refused),
        cmocka_unit_test(changes_fail_where_storage_does),
        cmocka_unit_test(changes_are_answered_once_when_the_database_closes),
        cmocka_unit_test(commit_of_a_peer_carries_its_connection_to_hooks_storage_and_events),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
