/* Events: who is told of a commit, when, and of what. */
#include "test.h"
#include "test_calls.h"
#include "test_notation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void turn(test_stage *s)
{
    test_env_run(&s->t.te);
}

static void begin(test_stage *s)
{
    static const mt_config counts = {.size = sizeof counts, .clock = MT_CLOCK_LAMPORT};

    test_stage_begin(s, &counts);
    s->ts.quiet = true;
}

/* A listener that the stage hears. */
static void listen(test_stage *s, test_watch *watch, unsigned kinds, const char *what)
{
    watch->heard = &s->heard;
    test_watch_on(watch, s->db, kinds, what);
}

/* ---- Who ---- */

TEST(listeners_hear_of_a_node_of_a_prefix_or_of_all)
{
    test_watch ada = {.name = "ada"}, no = {.name = "no"}, all = {.name = "all"};
    test_stage s;

    begin(&s);
    listen(&s, &ada, 0, "ada");
    listen(&s, &no, 0, "no*");
    listen(&s, &all, 0, "*");
    test_write(s.db, "ada a=1");
    test_heard_is(&s.heard, "ada:update(ada) all:update(ada)");
    test_write(s.db, "noah a=1, ada a=2, n a=1, nob a=1");
    test_heard_is(&s.heard, "ada:update(ada) all:update(ada,n,noah,nob) no:update(noah,nob)");
    test_write(s.db, "adam a=1");
    test_heard_is(&s.heard, "all:update(adam)");
    test_stage_end(&s);
}

TEST(listener_by_prefix_hears_of_a_node_that_is_the_prefix)
{
    test_watch no = {.name = "no"};
    test_stage s;

    begin(&s);
    listen(&s, &no, 0, "no*");
    test_write(s.db, "no a=1");
    test_heard_is(&s.heard, "no:update(no)");
    test_write(s.db, "nn a=1, np a=1");
    test_heard_is(&s.heard, "");
    test_stage_end(&s);
}

TEST(many_listeners_hear_the_same_as_few)
{
    static char keys[64][8];
    test_watch watches[64] = {{.name = NULL}}, ada = {.name = "ada"}, no = {.name = "no"};
    test_stage s;

    begin(&s);
    for (size_t i = 0; i < TEST_COUNT(watches); i++) {
        snprintf(keys[i], sizeof keys[i], i % 2 ? "x%zu" : "y%zu*", i);
        watches[i].name = "x";
        listen(&s, &watches[i], 0, keys[i]);
    }
    listen(&s, &ada, 0, "ada");
    listen(&s, &no, 0, "no*");
    test_write(s.db, "ada a=1");
    test_heard_is(&s.heard, "ada:update(ada)");
    test_write(s.db, "noah a=1, nob a=1, x1 a=1, y2z a=1");
    test_heard_is(&s.heard, "no:update(noah,nob) x:update(x1) x:update(y2z)");
    test_stage_end(&s);
}

TEST(uid_that_is_none_and_a_prefix_that_is_too_long_are_refused)
{
    static const uint8_t broken[] = {0xC3};
    char prefix[300];
    mt_listen bad = {.uid = {broken, 1}}, lengthy = {.prefix = {(const uint8_t *)prefix, 256}};
    mt_listening *out;
    test_stage s;

    memset(prefix, 'a', sizeof prefix);
    begin(&s);
    CHECK(mt_on(s.db, &bad, NULL, NULL, &out) == MT_INVALID);
    CHECK(mt_on(s.db, &lengthy, NULL, NULL, &out) == MT_INVALID);
    mt_off(NULL);
    test_stage_end(&s);
}

/* ---- Of what ---- */

TEST(update_history_and_conflict_are_told_once_each)
{
    test_watch watch = {.name = "w"};
    test_stage s;

    begin(&s);
    listen(&s, &watch, MT_EVENT_UPDATE | MT_EVENT_HISTORY | MT_EVENT_CONFLICT, "*");
    test_commit(s.db, "ada a=1@5");
    test_heard_is(&s.heard, "w:update(ada)");
    test_commit(s.db, "ada a=2@6");
    test_heard_is(&s.heard, "w:update(ada) w:history(ada)");
    test_commit(s.db, "ada a=3@6");
    test_heard_is(&s.heard, "w:update(ada) w:history(ada) w:conflict(ada)");
    test_commit(s.db, "ada a=9@4");
    test_heard_is(&s.heard, "w:history(ada)");
    test_commit(s.db, "ada a=3@6");
    test_heard_is(&s.heard, "");
    test_stage_end(&s);
}

TEST(kind_is_told_of_the_nodes_that_it_is_about)
{
    test_watch update = {.name = "u"}, history = {.name = "h"}, conflict = {.name = "c"};
    test_stage s;

    begin(&s);
    test_commit(s.db, "ada a=1@5, bob a=1@5, cyd a=1@5");
    listen(&s, &update, MT_EVENT_UPDATE, "*");
    listen(&s, &history, MT_EVENT_HISTORY, "*");
    listen(&s, &conflict, MT_EVENT_CONFLICT, "*");
    test_commit(s.db, "ada b=1@5, bob a=0@4, cyd a=2@5, dan a=1@5");
    test_heard_is(&s.heard, "u:update(ada,cyd,dan) h:history(bob,cyd) c:conflict(cyd)");
    test_stage_end(&s);
}

TEST(kinds_of_none_mean_update)
{
    test_watch watch = {.name = "w"};
    test_stage s;

    begin(&s);
    listen(&s, &watch, 0, "*");
    test_write(s.db, "ada a=1");
    test_write(s.db, "ada a=2");
    test_heard_is(&s.heard, "w:update(ada) w:update(ada)");
    test_stage_end(&s);
}

static void see_event(test_watch *watch, mt_db *db, const mt_event *event)
{
    mt_delta_iter iter = {.delta = NULL};
    mt_delta_node node;
    mt_field field;

    CHECK(event->app == watch->arg && event->origin == NULL && event->commit == 2);
    CHECK(event->kind == MT_EVENT_UPDATE && event->count == 1);
    CHECK(mt_event_node(event, &iter, &node) && mt_bytes_equal(node.uid, mt_str("bob")));
    CHECK(node.created && node.before == NULL && node.after != NULL);
    CHECK(mt_delta_iter_field(&iter, &field) && mt_bytes_equal(field.name, mt_str("b")));
    CHECK(!mt_delta_iter_field(&iter, &field));
    CHECK(!mt_event_node(event, &iter, &node));
    test_part_says(event->delta, MT_UPDATE, "ada a=2@2, +bob b=1@1");
    (void)db;
}

TEST(event_has_the_commit_and_what_the_options_carried)
{
    test_watch watch = {.name = "w", .then = see_event, .arg = &watch};
    mt_options options = {.size = sizeof options, .app = &watch};
    test_call w = {.name = "w"};
    test_stage s;

    begin(&s);
    test_write(s.db, "ada a=1");
    listen(&s, &watch, 0, "bob");
    CHECK(test_call_write(&w, s.db, "ada a=2, bob b=1", &options) == MT_OK);
    turn(&s);
    test_call_is(&w, MT_OK, NULL);
    CHECK(watch.count == 1);
    test_stage_end(&s);
}

TEST(deleted_node_is_told_as_an_update_and_its_fields_as_history)
{
    test_watch watch = {.name = "w"};
    test_stage s;

    begin(&s);
    test_write(s.db, "ada a=1");
    listen(&s, &watch, MT_EVENT_UPDATE | MT_EVENT_HISTORY, "ada");
    test_write(s.db, "!ada");
    test_heard_is(&s.heard, "w:update(ada) w:history(ada)");
    test_stage_end(&s);
}

/* ---- When ---- */

TEST(nobody_is_told_before_storage_has_answered)
{
    test_watch watch = {.name = "e"};
    test_call w = {.name = "w"};
    test_stage s;

    begin(&s);
    test_write(s.db, "ada a=1");
    listen(&s, &watch, 7, "*");
    w.heard = &s.heard;
    s.ts.when = TEST_HELD;
    CHECK(test_call_write(&w, s.db, "ada a=2", NULL) == MT_OK);
    turn(&s);
    test_heard_is(&s.heard, "");
    test_storage_answer_all(&s.ts);
    turn(&s);
    test_heard_is(&s.heard, "e:update(ada) e:history(ada) w:MT_OK(ada)");
    test_stage_end(&s);
}

TEST(commits_are_told_in_their_order)
{
    test_watch watch = {.name = "e"};
    test_call w[4];
    test_stage s;

    begin(&s);
    listen(&s, &watch, 0, "*");
    s.ts.when = TEST_LATER;
    memset(w, 0, sizeof w);
    CHECK(test_call_write(&w[0], s.db, "ada a=1", NULL) == MT_OK);
    CHECK(test_call_write(&w[1], s.db, "bob a=1", NULL) == MT_OK);
    CHECK(test_call_write(&w[2], s.db, "ada a=2", NULL) == MT_OK);
    CHECK(test_call_write(&w[3], s.db, "cyd a=1", NULL) == MT_OK);
    turn(&s);
    test_heard_is(&s.heard, "e:update(ada) e:update(ada) e:update(bob) e:update(cyd)");
    CHECK(watch.commit == 4);
    test_stage_end(&s);
}

/* ---- Coming and going meanwhile ---- */

static void off(test_watch *watch, mt_db *db, const mt_event *event)
{
    test_watch_off(watch->arg);
    (void)db;
    (void)event;
}

TEST(listener_may_leave_in_its_own_event)
{
    test_watch watch = {.name = "a", .then = off, .arg = &watch}, other = {.name = "b"};
    test_stage s;

    begin(&s);
    listen(&s, &watch, 7, "ada");
    listen(&s, &other, 0, "ada");
    test_write(s.db, "ada a=1");
    test_write(s.db, "ada a=2");
    test_heard_is(&s.heard, "a:update(ada) b:update(ada) b:update(ada)");
    test_stage_end(&s);
}

TEST(listener_that_another_takes_off_hears_no_more)
{
    test_watch next = {.name = "next"}, elsewhere = {.name = "elsewhere"};
    test_watch first = {.name = "first", .then = off, .arg = &next};
    test_watch second = {.name = "second", .then = off, .arg = &elsewhere};
    test_stage s;

    begin(&s);
    listen(&s, &first, 0, "ada");
    listen(&s, &second, 0, "ada");
    listen(&s, &next, 0, "ada");
    listen(&s, &elsewhere, 0, "bob");
    test_write(s.db, "ada a=1");
    test_heard_is(&s.heard, "first:update(ada) second:update(ada)");
    test_write(s.db, "bob a=1");
    test_heard_is(&s.heard, "");
    test_stage_end(&s);
}

TEST(listeners_taken_off_in_an_event_free_their_memory)
{
    test_watch elsewhere = {.name = "elsewhere"};
    test_watch first = {.name = "first", .then = off, .arg = &elsewhere};
    size_t before = 0;
    test_stage s;

    begin(&s);
    listen(&s, &first, 0, "ada");
    for (unsigned i = 0; i < 20; i++) {
        listen(&s, &elsewhere, 0, "bob");
        test_write(s.db, "ada a=1");
        test_env_run(&s.t.te);
        if (i == 9) before = test_mem_live();
        s.heard.len = 0;
    }
    assert_int_equal(test_mem_live(), before);
    test_stage_end(&s);
}

static void on(test_watch *watch, mt_db *db, const mt_event *event)
{
    test_watch *other = watch->arg;

    watch->then = NULL;
    other->heard = watch->heard;
    test_watch_on(other, db, 7, "*");
    (void)event;
}

TEST(listener_that_comes_in_an_event_hears_of_the_next)
{
    test_watch later = {.name = "later"};
    test_watch first = {.name = "first", .then = on, .arg = &later};
    test_stage s;

    begin(&s);
    listen(&s, &first, 0, "*");
    test_write(s.db, "ada a=1");
    test_heard_is(&s.heard, "first:update(ada)");
    test_write(s.db, "bob a=1");
    test_heard_is(&s.heard, "first:update(bob) later:update(bob)");
    test_stage_end(&s);
}

static test_call inner = {.name = "inner"};

static void write_more(test_watch *watch, mt_db *db, const mt_event *event)
{
    watch->then = NULL;
    CHECK(test_call_write(&inner, db, "bob a=1", NULL) == MT_OK);
    (void)event;
}

TEST(listener_may_write)
{
    test_watch watch = {.name = "e", .then = write_more}, other = {.name = "f"};
    test_stage s;
    test_db t;

    begin(&s);
    listen(&s, &watch, 0, "*");
    listen(&s, &other, 0, "*");
    test_write(s.db, "ada a=1");
    turn(&s);
    test_call_is(&inner, MT_OK, NULL);
    test_heard_is(&s.heard, "e:update(ada) f:update(ada) e:update(bob) f:update(bob)");
    test_stage_end(&s);
    test_db_memory(&t);
    watch = (test_watch){.name = "e", .then = write_more};
    test_watch_on(&watch, t.db, 0, "*");
    test_write(t.db, "ada a=1");
    test_env_run(&t.te);
    CHECK(watch.count == 2);
    test_db_end(&t);
}

static void close_it(test_watch *watch, mt_db *db, const mt_event *event)
{
    mt_db_close(db, NULL, NULL);
    (void)watch;
    (void)event;
}

TEST(listener_may_close_the_database)
{
    test_watch watch = {.name = "e", .then = close_it}, other = {.name = "f"};
    test_call w = {.name = "w"};
    test_stage s;

    begin(&s);
    listen(&s, &watch, 0, "*");
    listen(&s, &other, 0, "*");
    CHECK(test_call_write(&w, s.db, "ada a=1", NULL) == MT_OK);
    turn(&s);
    test_heard_is(&s.heard, "e:update(ada) f:update(ada)");
    CHECK(w.a.count == 1);
    s.t.db = NULL;
    test_stage_end(&s);
}

/* ---- Many ---- */

TEST(a_hundred_thousand_listeners_are_carried)
{
    enum { MANY = 100000 };
    test_watch *watches = calloc(MANY, sizeof *watches);
    char uid[16];
    test_db t;

    if (!watches) abort();
    test_db_memory(&t);
    for (size_t i = 0; i < MANY; i++) {
        snprintf(uid, sizeof uid, i % 2 ? "u%06zu" : "u%06zu*", i);
        test_watch_on(&watches[i], t.db, 0, uid);
    }
    for (unsigned i = 0; i < 1000; i++) test_write(t.db, "u000007 a=1, u000008x a=1, v a=1");
    CHECK(watches[7].count == 1000 && watches[8].count == 1000 && watches[9].count == 0);
    for (size_t i = 0; i < MANY; i++) test_watch_off(&watches[i]);
    test_write(t.db, "u000007 a=1");
    CHECK(watches[7].count == 1000);
    free(watches);
    test_db_end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(listeners_hear_of_a_node_of_a_prefix_or_of_all),
        cmocka_unit_test(listener_by_prefix_hears_of_a_node_that_is_the_prefix),
        cmocka_unit_test(many_listeners_hear_the_same_as_few),
        cmocka_unit_test(uid_that_is_none_and_a_prefix_that_is_too_long_are_refused),
        cmocka_unit_test(update_history_and_conflict_are_told_once_each),
        cmocka_unit_test(kind_is_told_of_the_nodes_that_it_is_about),
        cmocka_unit_test(kinds_of_none_mean_update),
        cmocka_unit_test(event_has_the_commit_and_what_the_options_carried),
        cmocka_unit_test(deleted_node_is_told_as_an_update_and_its_fields_as_history),
        cmocka_unit_test(nobody_is_told_before_storage_has_answered),
        cmocka_unit_test(commits_are_told_in_their_order),
        cmocka_unit_test(listener_may_leave_in_its_own_event),
        cmocka_unit_test(listener_that_another_takes_off_hears_no_more),
        cmocka_unit_test(listeners_taken_off_in_an_event_free_their_memory),
        cmocka_unit_test(listener_that_comes_in_an_event_hears_of_the_next),
        cmocka_unit_test(listener_may_write),
        cmocka_unit_test(listener_may_close_the_database),
        cmocka_unit_test(a_hundred_thousand_listeners_are_carried),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
