/* store_list_test.c - lists of nodes, records of the database's own, removal. */
#include "test_shelf.h"
#include <stdio.h>
#include <string.h>

/* ---- Lists ---- */

TEST(nodes_are_listed_in_their_order)
{
    test_shelf shelf = {0};

    test_shelf_begin(&shelf);
    test_shelf_lists(&shelf, "", "", 10, ".");
    test_shelf_write(&shelf, "b x=1@1, a x=1@1, aa x=1@1, c^3, a/1 x=~@1", "");
    test_shelf_lists(&shelf, "", "", 10, "a a/1 aa b c.");
    test_shelf_end(&shelf);
}

TEST(a_list_goes_on_after_a_uid_whether_or_not_it_is_there)
{
    test_shelf shelf = {0};

    test_shelf_begin(&shelf);
    test_shelf_write(&shelf, "a x=1@1, b x=1@1, c x=1@1, d x=1@1", "");
    test_shelf_lists(&shelf, "", "", 2, "a b");
    test_shelf_lists(&shelf, "", "b", 2, "c d.");
    test_shelf_lists(&shelf, "", "bb", 1, "c");
    test_shelf_lists(&shelf, "", "d", 2, ".");
    test_shelf_lists(&shelf, "", "", 0, "");
    test_shelf_end(&shelf);
}

TEST(a_prefix_is_a_range)
{
    test_shelf shelf = {0};
    char longer[301];

    memset(longer, 'u', 300);
    longer[300] = 0;
    test_shelf_begin(&shelf);
    test_shelf_write(&shelf, "user x=1@1, user/1 x=1@1, user/2 x=1@1, user0 x=1@1, use x=1@1", "");
    test_shelf_lists(&shelf, "user/", "", 10, "user/1 user/2.");
    test_shelf_lists(&shelf, "user", "", 10, "user user/1 user/2 user0.");
    test_shelf_lists(&shelf, "user/", "user/1", 10, "user/2.");
    test_shelf_lists(&shelf, "user/", "a", 10, "user/1 user/2.");
    test_shelf_lists(&shelf, "user/", "z", 10, ".");
    test_shelf_lists(&shelf, longer, "", 10, ".");
    test_shelf_lists(&shelf, "", longer, 10, ".");
    test_shelf_end(&shelf);
}

TEST(the_last_of_all_prefixes_is_a_range_too)
{
    test_shelf shelf = {0};

    test_shelf_begin(&shelf);
    test_shelf_write(&shelf, "\xF4\x8F\xBF\xBF x=1@1, \xF4\x8F\xBF\xBF\xF4\x8F\xBF\xBF x=1@1", "");
    test_shelf_lists(&shelf, "\xF4\x8F\xBF\xBF", "", 10,
                     "\xF4\x8F\xBF\xBF \xF4\x8F\xBF\xBF\xF4\x8F\xBF\xBF.");
    test_shelf_lists(&shelf, "\xFF", "", 10, ".");
    test_shelf_end(&shelf);
}

TEST(large_nodes_are_listed_with_all_their_fields)
{
    test_shelf shelf = {0};
    mt_graph *listed;

    test_shelf_begin(&shelf);
    test_shelf_write(&shelf, "a x=1@1, c x=1@1", "");
    test_shelf_write_large(&shelf, "b", 300, 5);
    test_shelf_write_large(&shelf, "d", 65, 5);
    test_shelf_write_large(&shelf, "e", 256, 5);
    test_shelf_lists(&shelf, "", "", 2, "a b");
    test_shelf_lists(&shelf, "", "", 10, "a b c d e.");
    listed = test_asker_graph(&shelf.s, 10);
    CHECK(mt_graph_equal(listed, shelf.graph));
    mt_graph_free(listed);
    test_shelf_end(&shelf);
}

TEST(many_nodes_come_in_pieces)
{
    test_shelf shelf = {0};
    char row[64];
    test_reply r;

    test_shelf_begin(&shelf);
    for (int i = 0; i < 1500; i++) {
        snprintf(row, sizeof row, "n%04d a=1@1 b=2@1 c=3@1", i);
        test_shelf_write(&shelf, row, "");
    }
    test_ask_list(&shelf.s, &r, mt_str(""), mt_str(""), 1200);
    test_await(&shelf.s, &r);
    test_reply_worked(&r);
    assert_int_equal(r.row_count, 1200);
    CHECK(r.pieces > 2 && !r.end);
    test_reply_end(&r);
    test_asker_is(&shelf.s, shelf.graph);
    test_shelf_end(&shelf);
}

TEST(many_nodes_are_read_in_one_go)
{
    test_shelf shelf = {0};
    test_arena arena = {0};
    mt_storage_key *keys = test_take(&arena, 3000 * sizeof *keys);
    char row[64], uid[16];
    test_reply r;

    test_shelf_begin(&shelf);
    for (int i = 0; i < 3000; i++) {
        snprintf(uid, sizeof uid, "n%04d", i);
        keys[i] = (mt_storage_key){.uid = test_copy(&arena, mt_str(uid))};
        snprintf(row, sizeof row, "%s friend=&n0001@1", uid);
        if (i % 2) test_shelf_write(&shelf, row, "");
    }
    r = test_asker_read(&shelf.s, keys, 3000);
    assert_int_equal(r.row_count, 1500);
    for (size_t i = 0; i < r.row_count; i++)
        CHECK(mt_bytes_equal(r.rows[i].row.uid, keys[2 * i + 1].uid));
    test_reply_end(&r);
    r = test_asker_read(&shelf.s, keys, 0);
    CHECK(r.row_count == 0);
    test_reply_end(&r);
    test_arena_end(&arena);
    test_shelf_end(&shelf);
}

TEST(what_is_no_uid_is_refused)
{
    test_shelf shelf = {0};
    mt_storage_key key = {.uid = {(const uint8_t *)"", 0}};
    uint8_t text[256];
    test_reply r;

    memset(text, 'u', sizeof text);
    test_shelf_begin(&shelf);
    test_ask_read(&shelf.s, &r, &key, 1);
    CHECK(r.status == MT_INVALID);
    key.uid = (mt_bytes){text, sizeof text};
    test_ask_read(&shelf.s, &r, &key, 1);
    CHECK(r.status == MT_INVALID);
    test_ask_remove(&shelf.s, &r, &key.uid, 1);
    CHECK(r.status == MT_INVALID);
    test_ask_remove(&shelf.s, &r, &(mt_bytes){text, 0}, 1);
    CHECK(r.status == MT_INVALID);
    key = (mt_storage_key){.uid = mt_str("a"), .names = &key.uid, .name_count = 1};
    key.names = &(mt_bytes){text, 255};
    test_ask_read(&shelf.s, &r, &key, 1);
    CHECK(r.status == MT_INVALID);
    test_shelf_end(&shelf);
}

/* ---- Records ---- */

TEST(records_are_found_again)
{
    test_shelf shelf = {0};

    test_shelf_begin(&shelf);
    test_shelf_records(&shelf, "", "", 10, ".");
    CHECK(test_shelf_record(&shelf, "peer/b", "2") == MT_OK);
    CHECK(test_shelf_record(&shelf, "peer/a", "1") == MT_OK);
    CHECK(test_shelf_record(&shelf, "peers", "") == MT_OK);
    CHECK(test_shelf_record(&shelf, "", "none") == MT_OK);
    test_shelf_reopen(&shelf);
    test_shelf_records(&shelf, "", "", 10, "=none peer/a=1 peer/b=2 peers=.");
    test_shelf_records(&shelf, "peer/", "", 10, "peer/a=1 peer/b=2.");
    test_shelf_records(&shelf, "peer/", "peer/a", 10, "peer/b=2.");
    test_shelf_records(&shelf, "", "", 2, "=none peer/a=1");
    test_shelf_records(&shelf, "", "", 0, "");
    test_shelf_end(&shelf);
}

TEST(a_record_without_a_value_is_deleted)
{
    test_shelf shelf = {0};

    test_shelf_begin(&shelf);
    CHECK(test_shelf_record(&shelf, "a", "1") == MT_OK);
    CHECK(test_shelf_record(&shelf, "a", "2") == MT_OK);
    test_shelf_records(&shelf, "", "", 10, "a=2.");
    CHECK(test_shelf_record(&shelf, "a", NULL) == MT_OK);
    CHECK(test_shelf_record(&shelf, "b", NULL) == MT_OK);
    test_shelf_records(&shelf, "", "", 10, ".");
    test_shelf_end(&shelf);
}

TEST(the_key_of_a_record_has_at_most_255_bytes)
{
    test_shelf shelf = {0};
    char key[257];

    memset(key, 'k', 256);
    key[256] = 0;
    test_shelf_begin(&shelf);
    CHECK(test_shelf_record(&shelf, key, "1") == MT_TOO_LARGE);
    test_shelf_records(&shelf, "", "", 10, ".");
    CHECK(test_shelf_record(&shelf, key + 1, "1") == MT_OK);
    test_shelf_end(&shelf);
}

TEST(records_go_with_the_nodes_of_their_write)
{
    test_shelf shelf = {0};
    mt_storage_record record = {mt_str("peer/a"), mt_str("4")};
    mt_storage_commit commit = {.origin = mt_str("a")};
    mt_storage_write write = {&commit, 1, &record, 1, 7, 1};
    mt_delta *delta = NULL;
    test_reply r;

    test_shelf_begin(&shelf);
    CHECK(test_merge_rows(shelf.graph, "ada x=1@1", &delta) == MT_OK);
    commit.delta = delta;
    test_ask_write(&shelf.s, &r, &write);
    test_await(&shelf.s, &r);
    test_reply_worked(&r);
    CHECK(r.next.number == 1);
    test_reply_end(&r);
    mt_delta_free(delta);
    test_shelf_keys(&shelf, "l n r", "l1 nada rpeer/a");
    test_shelf_end(&shelf);
}

TEST(records_are_listed_after_whatever_key)
{
    test_shelf shelf = {0};
    char longer[601];

    memset(longer, 'q', 600);
    longer[600] = 0;
    test_shelf_begin(&shelf);
    CHECK(test_shelf_record(&shelf, "peer/p", "1") == MT_OK);
    CHECK(test_shelf_record(&shelf, "peer/r", "2") == MT_OK);
    test_shelf_records(&shelf, "peer/", "a", 10, "peer/p=1 peer/r=2.");
    test_shelf_records(&shelf, "peer/", "peer/q", 10, "peer/r=2.");
    test_shelf_records(&shelf, "", longer, 10, ".");
    test_shelf_records(&shelf, longer, "", 10, ".");
    test_shelf_end(&shelf);
}

/* ---- Removal ---- */

static void remove_all(test_shelf *shelf, const mt_bytes *uids, size_t count)
{
    test_reply r;

    test_ask_remove(&shelf->s, &r, uids, count);
    test_await(&shelf->s, &r);
    test_reply_worked(&r);
    test_reply_end(&r);
}

TEST(what_was_removed_is_gone_and_the_log_says_nothing_of_it)
{
    test_shelf shelf = {0};
    mt_bytes uids[] = {mt_str("ada"), mt_str("big"), mt_str("nobody")};

    test_shelf_begin(&shelf);
    test_shelf_write(&shelf, "ada x=1@1, bob x=1@1", "");
    test_shelf_write_large(&shelf, "big", 70, 5);
    remove_all(&shelf, uids, 3);
    remove_all(&shelf, uids, 0);
    test_shelf_keys(&shelf, "f l n", "l1 l2 l3 nbob");
    test_shelf_reads(&shelf, "big", "f001", false, "");
    /* The node may come back, and is a new one then. */
    mt_graph_free(shelf.graph);
    shelf.graph = test_graph_from("bob x=1@1");
    test_shelf_write(&shelf, "big f001=1@1", "");
    test_asker_is(&shelf.s, shelf.graph);
    test_shelf_end(&shelf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nodes_are_listed_in_their_order),
        cmocka_unit_test(a_list_goes_on_after_a_uid_whether_or_not_it_is_there),
        cmocka_unit_test(a_prefix_is_a_range),
        cmocka_unit_test(the_last_of_all_prefixes_is_a_range_too),
        cmocka_unit_test(large_nodes_are_listed_with_all_their_fields),
        cmocka_unit_test(many_nodes_come_in_pieces),
        cmocka_unit_test(many_nodes_are_read_in_one_go),
        cmocka_unit_test(what_is_no_uid_is_refused),
        cmocka_unit_test(records_are_found_again),
        cmocka_unit_test(a_record_without_a_value_is_deleted),
        cmocka_unit_test(the_key_of_a_record_has_at_most_255_bytes),
        cmocka_unit_test(records_go_with_the_nodes_of_their_write),
        cmocka_unit_test(records_are_listed_after_whatever_key),
        cmocka_unit_test(what_was_removed_is_gone_and_the_log_says_nothing_of_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
