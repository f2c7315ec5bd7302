/* store_log_test.c - the sequence log: what it says, what absorbs what, what is trimmed, and which
 * cursors are valid. */
#include "test_shelf.h"
#include <stdio.h>
#include <string.h>

static const mt_cursor none;

/* ---- What it says ---- */

TEST(each_node_of_a_commit_is_a_change)
{
    test_shelf shelf = {0};
    mt_cursor next;

    test_shelf_begin(&shelf);
    next = test_shelf_log(&shelf, none, "");
    CHECK(memcmp(&next, &none, sizeof next) == 0);
    test_shelf_write(&shelf, "bob age=7@1, ada x=1@1", "");
    next = test_shelf_log(&shelf, none, "1:ada* 2:bob*");
    CHECK(next.number == 2);
    test_shelf_write(&shelf, "bob age=8@2 name='Bob'@1", "");
    test_shelf_log(&shelf, next, "3:bob(age name)");
    test_shelf_end(&shelf);
}

TEST(a_floor_is_a_change_of_everything)
{
    test_shelf shelf = {0};
    mt_cursor next;

    test_shelf_begin(&shelf);
    next = test_shelf_write(&shelf, "ada x=1@1", "");
    test_shelf_write(&shelf, "ada^2 y=1@4", "");
    test_shelf_log(&shelf, next, "2:ada*");
    test_shelf_end(&shelf);
}

TEST(more_than_64_names_are_everything)
{
    test_shelf shelf = {0};
    mt_cursor next;

    test_shelf_begin(&shelf);
    next = test_shelf_write(&shelf, "big a=1@1", "");
    test_shelf_write_large(&shelf, "big", 65, 5);
    test_shelf_log(&shelf, next, "2:big*");
    test_shelf_end(&shelf);
}

TEST(a_change_says_where_it_came_from)
{
    test_shelf shelf = {0};

    test_shelf_begin(&shelf);
    test_shelf_write(&shelf, "ada x=1@1", "peer");
    test_shelf_write(&shelf, "bob x=1@1", "");
    test_shelf_log(&shelf, none, "1:ada*<peer 2:bob*");
    test_shelf_end(&shelf);
}

TEST(changes_come_as_many_as_are_asked_for)
{
    test_shelf shelf = {0};
    mt_cursor at = none;
    size_t seen = 0;
    test_reply r;

    test_shelf_begin(&shelf);
    test_shelf_write(&shelf, "a x=1@1, b x=1@1, c x=1@1, d x=1@1, e x=1@1", "");
    r = test_asker_changes(&shelf.s, at, 0);
    CHECK(r.change_count == 0 && !r.end && r.next.number == 0);
    test_reply_end(&r);
    for (bool end = false; !end; seen++) {
        r = test_asker_changes(&shelf.s, at, 2);
        CHECK(r.change_count == (seen < 2 ? 2 : 1) &&
              r.next.number == (seen < 2 ? 2 * seen + 2 : 5));
        at = r.next;
        end = r.end;
        test_reply_end(&r);
    }
    CHECK(seen == 3);
    test_shelf_end(&shelf);
}

TEST(an_origin_has_at_most_255_bytes)
{
    test_shelf shelf = {0};
    char origin[257];
    mt_storage_commit commit;
    mt_storage_write write = {.commits = &commit, .commit_count = 1};
    mt_delta *delta = NULL;
    test_reply r;

    memset(origin, 'o', 256);
    origin[256] = 0;
    test_shelf_begin(&shelf);
    CHECK(test_merge_rows(shelf.graph, "ada x=1@1", &delta) == MT_OK);
    commit = (mt_storage_commit){.delta = delta, .origin = mt_str(origin)};
    test_ask_write(&shelf.s, &r, &write);
    test_await(&shelf.s, &r);
    CHECK(r.status == MT_TOO_LARGE);
    assert_string_equal(r.text, "an origin of 256 bytes, more than 255");
    test_shelf_keys(&shelf, "l n", "");
    commit.origin.len = 255;
    test_ask_write(&shelf.s, &r, &write);
    test_await(&shelf.s, &r);
    test_reply_worked(&r);
    mt_delta_free(delta);
    test_shelf_end(&shelf);
}

/* ---- What absorbs what ---- */

TEST(a_newer_change_absorbs_older_ones_of_its_node)
{
    test_shelf shelf = {0};

    test_shelf_begin(&shelf);
    test_shelf_write(&shelf, "ada x=1@1, bob x=1@1", "");
    test_shelf_write(&shelf, "ada y=1@1", "");
    test_shelf_write(&shelf, "ada x=2@2 y=2@2", "");
    test_shelf_keys(&shelf, "l", "l1 l2 l4");
    test_shelf_log(&shelf, none, "1:ada* 2:bob* 4:ada(x y)");
    test_shelf_write(&shelf, "ada^1", "");
    test_shelf_log(&shelf, none, "2:bob* 5:ada*");
    test_shelf_end(&shelf);
}

/* Who has heard of the older one is not told of all of it again. */
TEST(a_field_is_named_where_it_changed_last_and_nowhere_else)
{
    test_shelf shelf = {0};
    mt_cursor next;

    test_shelf_begin(&shelf);
    test_shelf_write(&shelf, "ada x=1@1", "");
    next = test_shelf_write(&shelf, "ada x=2@2 y=1@1 z=1@1", "");
    test_shelf_write(&shelf, "ada y=2@2", "");
    test_shelf_log(&shelf, none, "1:ada* 2:ada(x z) 3:ada(y)");
    test_shelf_log(&shelf, next, "3:ada(y)");
    test_shelf_write(&shelf, "ada x=3@3 y=3@3", "");
    test_shelf_log(&shelf, none, "1:ada* 2:ada(z) 4:ada(x y)");
    test_shelf_write(&shelf, "ada y=4@4 z=2@2", "");
    test_shelf_keys(&shelf, "l", "l1 l4 l5");
    test_shelf_log(&shelf, none, "1:ada* 4:ada(x) 5:ada(y z)");
    test_shelf_reopen(&shelf);
    test_shelf_log(&shelf, none, "1:ada* 4:ada(x) 5:ada(y z)");
    test_shelf_end(&shelf);
}

/* Of one write, where the older entry is not in the store yet. */
TEST(names_are_taken_from_entries_of_the_same_write)
{
    test_shelf shelf = {0};
    mt_delta *deltas[3];
    mt_storage_commit commits[3];
    mt_storage_write write = {.commits = commits, .commit_count = 3};
    const char *rows[] = {"ada x=2@2 y=2@2 z=2@2", "ada y=3@3", "ada x=3@3 y=4@4"};
    test_reply r;

    test_shelf_begin(&shelf);
    test_shelf_write(&shelf, "ada x=1@1", "");
    for (size_t i = 0; i < 3; i++) {
        CHECK(test_merge_rows(shelf.graph, rows[i], &deltas[i]) == MT_OK);
        commits[i] = (mt_storage_commit){.delta = deltas[i]};
    }
    test_ask_write(&shelf.s, &r, &write);
    test_await(&shelf.s, &r);
    test_reply_worked(&r);
    for (size_t i = 0; i < 3; i++) mt_delta_free(deltas[i]);
    test_shelf_keys(&shelf, "l", "l1 l2 l4");
    test_shelf_log(&shelf, none, "1:ada* 2:ada(z) 4:ada(x y)");
    test_shelf_reopen(&shelf);
    test_shelf_log(&shelf, none, "1:ada* 2:ada(z) 4:ada(x y)");
    test_shelf_end(&shelf);
}

TEST(names_do_not_absorb_everything)
{
    test_shelf shelf = {0};
    mt_cursor next;

    test_shelf_begin(&shelf);
    test_shelf_write_large(&shelf, "big", 300, 5);
    /* Else a peer that has the node would get 300 fields for one. */
    next = test_shelf_write(&shelf, "big f001=8@6", "");
    test_shelf_write(&shelf, "big f002=8@6", "");
    test_shelf_log(&shelf, none, "1:big* 2:big(f001) 3:big(f002)");
    test_shelf_log(&shelf, next, "3:big(f002)");
    test_shelf_end(&shelf);
}

TEST(changes_absorb_only_what_this_opening_has_logged)
{
    test_shelf shelf = {0};

    test_shelf_begin(&shelf);
    test_shelf_write(&shelf, "ada x=1@1", "");
    test_shelf_write(&shelf, "ada x=2@2", "");
    test_shelf_reopen(&shelf);
    test_shelf_write(&shelf, "ada y=2@2", "");
    test_shelf_log(&shelf, none, "1:ada* 2:ada(x) 3:ada(y)");
    test_shelf_end(&shelf);
}

TEST(changes_of_different_peers_together_are_nobodys)
{
    test_shelf shelf = {0};
    char row[32];

    test_shelf_begin(&shelf);
    test_shelf_write(&shelf, "ada x=1@1 y=1@1", "");
    test_shelf_write(&shelf, "ada x=2@2", "p");
    test_shelf_write(&shelf, "ada y=2@2", "p");
    test_shelf_write(&shelf, "ada z=2@2", "q");
    test_shelf_log(&shelf, none, "1:ada* 2:ada(x)<p 3:ada(y)<p 4:ada(z)<q");
    /* More than eight are not remembered: the oldest two become one, each time. */
    for (int i = 0; i < 6; i++) {
        snprintf(row, sizeof row, "ada n%d=1@1", i);
        test_shelf_write(&shelf, row, "p");
    }
    test_shelf_log(&shelf, none,
                   "1:ada* 3:ada(x y)<p 4:ada(z)<q 5:ada(n0)<p 6:ada(n1)<p 7:ada(n2)<p "
                   "8:ada(n3)<p 9:ada(n4)<p 10:ada(n5)<p");
    test_shelf_write(&shelf, "ada n6=1@1", "p");
    test_shelf_log(&shelf, none,
                   "1:ada* 4:ada(x y z) 5:ada(n0)<p 6:ada(n1)<p 7:ada(n2)<p 8:ada(n3)<p "
                   "9:ada(n4)<p 10:ada(n5)<p 11:ada(n6)<p");
    test_shelf_end(&shelf);
}

TEST(what_overwrites_all_of_an_older_change_is_its_own)
{
    test_shelf shelf = {0};

    test_shelf_begin(&shelf);
    test_shelf_write(&shelf, "ada x=1@1 y=1@1", "");
    test_shelf_write(&shelf, "ada x=2@2", "p");
    test_shelf_write(&shelf, "ada x=3@3 y=3@3", "q");
    test_shelf_log(&shelf, none, "1:ada* 3:ada(x y)<q");
    test_shelf_end(&shelf);
}

TEST(everything_absorbs_only_what_came_from_the_same_peer)
{
    test_shelf shelf = {0};

    test_shelf_begin(&shelf);
    test_shelf_write(&shelf, "ada x=1@1", "p");
    test_shelf_write(&shelf, "ada x=2@2", "q");
    test_shelf_write(&shelf, "ada^1", "q");
    test_shelf_log(&shelf, none, "1:ada*<p 3:ada*<q");
    test_shelf_write(&shelf, "ada y=2@2", "p");
    test_shelf_write(&shelf, "ada^2", "");
    test_shelf_log(&shelf, none, "1:ada*<p 3:ada*<q 4:ada(y)<p 5:ada*");
    test_shelf_end(&shelf);
}

TEST(unions_of_more_than_64_names_are_not_made)
{
    test_shelf shelf = {0};
    test_reply r;
    char row[64];

    test_shelf_begin(&shelf);
    test_shelf_write(&shelf, "big a=1@1", "");
    for (int i = 0; i < 80; i++) {
        snprintf(row, sizeof row, "big n%02d=1@1", i);
        test_shelf_write(&shelf, row, "");
    }
    r = test_asker_changes(&shelf.s, none, 20);
    assert_int_equal(r.change_count, 10);
    CHECK(r.changes[0].all && r.changes[1].name_count == 64 && r.changes[2].name_count == 9);
    for (size_t i = 3; i < 10; i++) CHECK(r.changes[i].name_count == 1);
    test_reply_end(&r);
    test_shelf_end(&shelf);
}

TEST(many_nodes_are_remembered_and_not_all)
{
    test_shelf shelf = {0};
    test_arena arena = {0};
    const size_t count = 40000;
    mt_row *rows = test_take(&arena, count * sizeof *rows);
    mt_field field = {.name = mt_str("x"), .value = mt_number(1), .state = 1};
    mt_delta *delta = NULL;
    mt_cursor head;
    char uid[16];
    test_reply r;

    test_shelf_begin(&shelf);
    for (size_t i = 0; i < count; i++) {
        snprintf(uid, sizeof uid, "n%05zu", i);
        rows[i] = (mt_row){.uid = test_copy(&arena, mt_str(uid)), .fields = &field, .count = 1};
    }
    test_worked(shelf.graph, mt_graph_merge_rows(shelf.graph, rows, count, &delta));
    head = test_asker_write(&shelf.s, delta, "");
    test_shelf_write(&shelf, "n00001^1, n39999^1", "");
    r = test_asker_changes(&shelf.s, none, 2);
    CHECK(r.changes[1].number == 2 && mt_bytes_equal(r.changes[1].uid, mt_str("n00001")));
    test_reply_end(&r);
    head.number = count - 2;
    test_shelf_log(&shelf, head, "39999:n39998* 40001:n00001* 40002:n39999*");
    test_arena_end(&arena);
    test_shelf_end(&shelf);
}

/* ---- Trimming ---- */

TEST(the_oldest_changes_are_trimmed)
{
    test_shelf shelf = {.options.log_max = 16};
    char row[64];
    mt_cursor at[40];

    test_shelf_begin(&shelf);
    for (int i = 0; i < 40; i++) {
        snprintf(row, sizeof row, "n%02d x=1@1", i);
        at[i] = test_shelf_write(&shelf, row, "");
    }
    /* Never more than an eighth too many, after which there are as many as should be. */
    CHECK(test_shelf_follow(&shelf, none) == MT_STALE);
    CHECK(test_shelf_follow(&shelf, at[19]) == MT_STALE);
    CHECK(test_shelf_follow(&shelf, at[23]) == MT_OK);
    test_shelf_reopen(&shelf);
    CHECK(test_shelf_follow(&shelf, none) == MT_STALE);
    CHECK(test_shelf_follow(&shelf, at[19]) == MT_STALE);
    CHECK(test_shelf_follow(&shelf, at[23]) == MT_OK);
    test_shelf_end(&shelf);
}

TEST(the_last_change_stays)
{
    test_shelf shelf = {.options.log_max = 1};
    mt_cursor head;
    char row[64];

    test_shelf_begin(&shelf);
    for (int i = 0; i < 9; i++) {
        snprintf(row, sizeof row, "n%02d x=1@1", i);
        head = test_shelf_write(&shelf, row, "");
    }
    /* And what was logged since the last trimming. */
    test_shelf_keys(&shelf, "l", "l8 l9");
    test_shelf_log(&shelf, head, "");
    test_shelf_end(&shelf);
}

TEST(a_log_that_may_be_shorter_than_it_was_gets_there)
{
    test_shelf shelf = {0};
    char row[64];

    test_shelf_begin(&shelf);
    for (int i = 0; i < 300; i++) {
        snprintf(row, sizeof row, "n%03d x=1@1", i);
        test_shelf_write(&shelf, row, "");
    }
    shelf.options.log_max = 4;
    test_shelf_reopen(&shelf);
    test_shelf_write(&shelf, "a x=1@1", "");
    test_shelf_keys(&shelf, "l", "l297 l298 l299 l300 l301");
    test_shelf_end(&shelf);
}

TEST(what_was_trimmed_is_not_absorbed_once_more)
{
    test_shelf shelf = {.options.log_max = 2};

    test_shelf_begin(&shelf);
    test_shelf_write(&shelf, "a x=1@1", "");
    test_shelf_write(&shelf, "b x=1@1", "");
    test_shelf_write(&shelf, "c x=1@1", "");
    test_shelf_write(&shelf, "a^1, b^1", "");
    test_shelf_keys(&shelf, "l", "l3 l4 l5");
    test_shelf_end(&shelf);
}

/* ---- Cursors ---- */

TEST(a_cursor_of_another_store_is_stale)
{
    test_shelf one = {0}, other = {0};
    mt_cursor at;

    test_shelf_begin(&one);
    test_shelf_begin(&other);
    test_env_run(&other.te);
    other.te.rng = test_rng_new(2);
    at = test_shelf_write(&one, "a x=1@1, b x=1@1", "");
    test_shelf_write(&other, "a x=1@1, b x=1@1", "");
    CHECK(test_shelf_follow(&one, at) == MT_OK);
    CHECK(test_shelf_follow(&other, at) == MT_STALE);
    at.boot[3] ^= 1;
    CHECK(test_shelf_follow(&one, at) == MT_STALE);
    test_shelf_end(&other);
    test_shelf_end(&one);
}

TEST(a_cursor_beyond_the_head_is_stale)
{
    test_shelf shelf = {0};
    mt_cursor at;

    test_shelf_begin(&shelf);
    at = test_shelf_write(&shelf, "a x=1@1", "");
    at.number++;
    CHECK(test_shelf_follow(&shelf, at) == MT_STALE);
    at = none;
    at.number = 1;
    CHECK(test_shelf_follow(&shelf, at) == MT_STALE);
    test_shelf_end(&shelf);
}

TEST(cursors_hold_through_openings)
{
    test_shelf shelf = {0};
    mt_cursor one, two, three;

    test_shelf_begin(&shelf);
    one = test_shelf_write(&shelf, "a x=1@1, b x=1@1", "");
    test_shelf_reopen(&shelf);
    two = test_shelf_log(&shelf, one, "");
    CHECK(memcmp(&one, &two, sizeof one) == 0);
    two = test_shelf_write(&shelf, "c x=1@1", "");
    test_shelf_reopen(&shelf);
    three = test_shelf_write(&shelf, "d x=1@1", "");
    test_shelf_keys(&shelf, "b", "b1 b3 b4");
    CHECK(memcmp(one.boot, two.boot, 16) != 0 && memcmp(two.boot, three.boot, 16) != 0);
    test_shelf_log(&shelf, one, "3:c* 4:d*");
    test_shelf_log(&shelf, two, "4:d*");
    test_shelf_log(&shelf, three, "");
    /* A boot covers no more than what was logged before the next one. */
    one.number = 3;
    CHECK(test_shelf_follow(&shelf, one) == MT_STALE);
    test_shelf_end(&shelf);
}

TEST(an_opening_that_logs_nothing_has_no_boot)
{
    test_shelf shelf = {0};

    test_shelf_begin(&shelf);
    test_shelf_write(&shelf, "a x=1@1", "");
    test_shelf_reopen(&shelf);
    CHECK(test_shelf_record(&shelf, "r", "1") == MT_OK);
    test_shelf_reopen(&shelf);
    test_shelf_write(&shelf, "b x=1@1", "");
    test_shelf_keys(&shelf, "b", "b1 b2");
    test_shelf_end(&shelf);
}

TEST(a_copied_store_is_noticed)
{
    test_shelf one = {0}, copy = {0};
    mt_cursor common, of_one, of_copy;

    test_shelf_begin(&one);
    test_shelf_begin(&copy);
    copy.te.rng = test_rng_new(2);
    common = test_shelf_write(&one, "a x=1@1, b x=1@1", "");
    test_shelf_copy(&one, &copy);
    test_shelf_reopen(&copy);
    of_one = test_shelf_write(&one, "c x=1@1", "");
    of_copy = test_shelf_write(&copy, "d x=1@1", "");
    CHECK(of_one.number == of_copy.number);
    CHECK(test_shelf_follow(&one, of_copy) == MT_STALE);
    CHECK(test_shelf_follow(&copy, of_one) == MT_STALE);
    /* What was before is common to both. */
    test_shelf_log(&one, common, "3:c*");
    test_shelf_log(&copy, common, "3:d*");
    test_shelf_end(&copy);
    test_shelf_end(&one);
}

TEST(a_restored_store_is_noticed)
{
    test_shelf one = {0}, backup = {0};
    mt_cursor before, after;

    test_shelf_begin(&one);
    test_shelf_begin(&backup);
    before = test_shelf_write(&one, "a x=1@1", "");
    test_shelf_copy(&one, &backup);
    after = test_shelf_write(&one, "b x=1@1, c x=1@1", "");
    test_shelf_copy(&backup, &one);
    test_shelf_reopen(&one);
    CHECK(test_shelf_follow(&one, after) == MT_STALE);
    CHECK(test_shelf_follow(&one, before) == MT_OK);
    test_shelf_write(&one, "d x=1@1, e x=1@1, f x=1@1", "");
    CHECK(test_shelf_follow(&one, after) == MT_STALE);
    test_shelf_log(&one, before, "2:d* 3:e* 4:f*");
    test_shelf_end(&backup);
    test_shelf_end(&one);
}

TEST(the_last_1024_boots_are_remembered)
{
    test_shelf shelf = {0};
    mt_cursor first, second = {.number = 0}, next;
    char row[64];

    test_shelf_begin(&shelf);
    first = test_shelf_write(&shelf, "n0000 x=1@1", "");
    for (int i = 1; i < 1026; i++) {
        test_shelf_reopen(&shelf);
        snprintf(row, sizeof row, "n%04d x=1@1", i);
        next = test_shelf_write(&shelf, row, "");
        if (i == 2) second = next;
    }
    CHECK(test_shelf_follow(&shelf, first) == MT_STALE);
    CHECK(test_shelf_follow(&shelf, second) == MT_OK);
    test_shelf_reopen(&shelf);
    CHECK(test_shelf_follow(&shelf, first) == MT_STALE);
    CHECK(test_shelf_follow(&shelf, second) == MT_OK);
    /* The changes are all there; a cursor among the first is that of the oldest boot. */
    test_reply r = test_asker_changes(&shelf.s, none, 1);
    CHECK(r.change_count == 1 && r.next.number == 1);
    CHECK(memcmp(r.next.boot, second.boot, 16) == 0);
    next = r.next;
    test_reply_end(&r);
    CHECK(test_shelf_follow(&shelf, next) == MT_OK);
    test_shelf_end(&shelf);
}

/* ---- While a write is under way ---- */

TEST(changes_that_are_not_durable_yet_are_not_shown)
{
    test_shelf shelf = {0};
    mt_storage_commit commit = {0};
    mt_storage_write write = {.commits = &commit, .commit_count = 1};
    mt_delta *delta = NULL;
    test_reply r;

    test_shelf_begin(&shelf);
    test_shelf_write(&shelf, "a x=1@1, b x=1@1", "");
    CHECK(test_merge_rows(shelf.graph, "a^1, c x=1@1", &delta) == MT_OK);
    commit.delta = delta;
    shelf.hold = true;
    test_ask_write(&shelf.s, &r, &write);
    CHECK(!r.done);
    /* The engine shows it already: the change of `a` is not lost, it comes with the next page. */
    CHECK(test_shelf_log(&shelf, none, "2:b*").number == 2);
    test_shelf_release(&shelf);
    CHECK(r.done && r.next.number == 4);
    mt_delta_free(delta);
    test_shelf_log(&shelf, none, "2:b* 3:a* 4:c*");
    test_shelf_end(&shelf);
}

TEST(what_is_being_trimmed_is_stale)
{
    test_shelf shelf = {.options.log_max = 2};
    mt_storage_commit commit = {0};
    mt_storage_write write = {.commits = &commit, .commit_count = 1};
    mt_delta *delta = NULL;
    mt_cursor at;
    test_reply r;

    test_shelf_begin(&shelf);
    at = test_shelf_write(&shelf, "a x=1@1", "");
    test_shelf_write(&shelf, "b x=1@1, c x=1@1, d x=1@1, e x=1@1", "");
    CHECK(test_merge_rows(shelf.graph, "f x=1@1", &delta) == MT_OK);
    commit.delta = delta;
    shelf.hold = true;
    test_ask_write(&shelf.s, &r, &write);
    CHECK(!r.done && test_shelf_follow(&shelf, at) == MT_STALE);
    test_shelf_release(&shelf);
    CHECK(r.done && test_shelf_follow(&shelf, at) == MT_STALE);
    mt_delta_free(delta);
    test_shelf_end(&shelf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_node_of_a_commit_is_a_change),
        cmocka_unit_test(a_floor_is_a_change_of_everything),
        cmocka_unit_test(more_than_64_names_are_everything),
        cmocka_unit_test(a_change_says_where_it_came_from),
        cmocka_unit_test(changes_come_as_many_as_are_asked_for),
        cmocka_unit_test(an_origin_has_at_most_255_bytes),
        cmocka_unit_test(a_newer_change_absorbs_older_ones_of_its_node),
        cmocka_unit_test(a_field_is_named_where_it_changed_last_and_nowhere_else),
        cmocka_unit_test(names_are_taken_from_entries_of_the_same_write),
        cmocka_unit_test(names_do_not_absorb_everything),
        cmocka_unit_test(changes_absorb_only_what_this_opening_has_logged),
        cmocka_unit_test(changes_of_different_peers_together_are_nobodys),
        cmocka_unit_test(what_overwrites_all_of_an_older_change_is_its_own),
        cmocka_unit_test(everything_absorbs_only_what_came_from_the_same_peer),
        cmocka_unit_test(unions_of_more_than_64_names_are_not_made),
        cmocka_unit_test(many_nodes_are_remembered_and_not_all),
        cmocka_unit_test(the_oldest_changes_are_trimmed),
        cmocka_unit_test(the_last_change_stays),
        cmocka_unit_test(a_log_that_may_be_shorter_than_it_was_gets_there),
        cmocka_unit_test(what_was_trimmed_is_not_absorbed_once_more),
        cmocka_unit_test(a_cursor_of_another_store_is_stale),
        cmocka_unit_test(a_cursor_beyond_the_head_is_stale),
        cmocka_unit_test(cursors_hold_through_openings),
        cmocka_unit_test(an_opening_that_logs_nothing_has_no_boot),
        cmocka_unit_test(a_copied_store_is_noticed),
        cmocka_unit_test(a_restored_store_is_noticed),
        cmocka_unit_test(the_last_1024_boots_are_remembered),
        cmocka_unit_test(changes_that_are_not_durable_yet_are_not_shown),
        cmocka_unit_test(what_is_being_trimmed_is_stale),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
