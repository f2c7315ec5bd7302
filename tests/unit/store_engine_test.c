/* store_engine_test.c - engines that answer strangely: what is within their contract does no harm, and what
 * is not is refused. */
#include "test_shelf.h"
#include <string.h>

static const mt_storage_span everything = {.parts = 3};
static const mt_cursor beginning = {{0}, 0};

/* A store with everything in it, that is opened anew. */
static void begin(test_shelf *shelf)
{
    test_shelf_begin(shelf);
    test_shelf_write(shelf, "ada name='Ada'@4, bob^3 x=~@5", "");
    test_shelf_write_large(shelf, "big", 66, 5);
    CHECK(test_shelf_record(shelf, "peer/p", "12") == MT_OK);
    test_shelf_reopen(shelf);
    test_asker_prints_are(&shelf->s, shelf->graph, &everything, 1);
    test_shelf_write(shelf, "ada age=7@6, big f003=8@6", "p");
    test_shelf_reopen(shelf);
}

/* ---- Within the contract ---- */

static void always_more(test_shelf *shelf, bool get, const mt_kv_host *host, mt_kv_answer *answer)
{
    (void)shelf, (void)host;
    if (!get) answer->more = true;
}

TEST(an_engine_may_say_that_there_is_more_until_nothing_comes)
{
    test_shelf shelf = {.bend = always_more, .options.log_max = 4};

    begin(&shelf);
    test_asker_is(&shelf.s, shelf.graph);
    test_shelf_records(&shelf, "", "", 100, "peer/p=12");
    test_shelf_records(&shelf, "", "peer/p", 100, ".");
    test_shelf_write(&shelf, "cy x=1@1, dan x=1@1, eve x=1@1, big^6", "");
    test_shelf_reopen(&shelf);
    test_asker_is(&shelf.s, shelf.graph);
    test_shelf_write(&shelf, "fay x=1@1, gil x=1@1, hal x=1@1", "");
    test_shelf_write(&shelf, "ida x=1@1", "");
    test_shelf_keys(&shelf, "l", "l9 l10 l11 l12 l13");
    test_shelf_reopen(&shelf);
    test_asker_is(&shelf.s, shelf.graph);
    test_shelf_end(&shelf);
}

TEST(an_index_is_made_and_goes_on_though_an_engine_says_that_there_is_more)
{
    test_shelf shelf = {.bend = always_more};

    begin(&shelf);
    test_asker_prints_are(&shelf.s, shelf.graph, &everything, 1);
    test_shelf_write(&shelf, "big^1", "");
    test_shelf_write(&shelf, "ada x=1@9", "");
    test_shelf_reopen(&shelf);
    test_asker_prints_are(&shelf.s, shelf.graph, &everything, 1);
    test_shelf_end(&shelf);
}

TEST(changes_come_to_an_end_though_an_engine_says_that_there_is_more)
{
    test_shelf shelf = {.bend = always_more};
    test_reply r;
    mt_cursor at;

    begin(&shelf);
    r = test_asker_changes(&shelf.s, beginning, 100);
    CHECK(r.status == MT_OK && r.change_count == 5 && r.next.number == 5);
    at = r.next;
    test_reply_end(&r);
    test_shelf_log(&shelf, at, "");
    test_shelf_end(&shelf);
}

/* Before the answer that is waited for comes one to another question. */
static void answers_twice(test_shelf *shelf, bool get, const mt_kv_host *host, mt_kv_answer *answer)
{
    mt_kv_answer none = {.status = MT_IO};

    (void)shelf, (void)get, (void)answer;
    host->answer(host->ctx, UINT64_MAX, &none);
}

TEST(an_answer_that_nobody_waits_for_is_ignored)
{
    test_shelf shelf = {.bend = answers_twice};

    begin(&shelf);
    test_asker_is(&shelf.s, shelf.graph);
    test_shelf_end(&shelf);
}

/* It lost changes, and says each time that there are more. */
TEST(the_last_change_stays_whatever_an_engine_says)
{
    test_shelf shelf = {.bend = always_more, .options = {.log_max = 4, .no_fingerprints = true}};

    test_shelf_begin(&shelf);
    test_shelf_write(&shelf, "a x=1@1, b x=1@1, c x=1@1, d x=1@1, e x=1@1, f x=1@1, g x=1@1", "");
    for (uint8_t number = 1; number < 7; number++)
        test_shelf_put(&shelf, (mt_bytes){(uint8_t[]){'l', 0, 0, 0, 0, 0, 0, 0, number}, 9}, NULL);
    test_shelf_keys(&shelf, "l", "l7");
    test_shelf_write(&shelf, "", "");
    test_shelf_keys(&shelf, "l", "l7");
    test_shelf_end(&shelf);
}

/* ---- Beyond it ---- */

static void one_too_few(test_shelf *shelf, bool get, const mt_kv_host *host, mt_kv_answer *answer)
{
    (void)shelf, (void)host;
    if (get) answer->count--;
}

/* As if the first key of a page were another one. */
static void first_key(mt_kv_answer *answer, mt_bytes key)
{
    static mt_kv_pair pairs[1024];

    if (answer->count == 0) return;
    CHECK(answer->count <= TEST_COUNT(pairs));
    memcpy(pairs, answer->pairs, answer->count * sizeof *pairs);
    pairs[0].key = key;
    answer->pairs = pairs;
}

static void no_key(test_shelf *shelf, bool get, const mt_kv_host *host, mt_kv_answer *answer)
{
    (void)shelf, (void)host;
    if (!get) first_key(answer, (mt_bytes){NULL, 0});
}

static void long_key(test_shelf *shelf, bool get, const mt_kv_host *host, mt_kv_answer *answer)
{
    static const uint8_t key[MT_KV_KEY_LEN_MAX + 1] = "n";

    (void)shelf, (void)host;
    if (!get) first_key(answer, (mt_bytes){key, sizeof key});
}

/* The request was refused: nothing was served, and why is said. */
static void is_refused(test_shelf *shelf, test_reply *r)
{
    test_await(&shelf->s, r);
    CHECK(r->status == MT_MALFORMED && r->row_count == 0 && r->change_count == 0);
    CHECK(r->record_count == 0 && r->print_count == 0);
    assert_string_equal(r->text,
                        "the key-value engine answers to other keys than it was asked for");
    test_reply_end(r);
}

static void is_not_opened(test_shelf *shelf)
{
    test_reply r;

    test_asker_end(&shelf->s);
    CHECK(test_shelf_try(shelf, &r) == MT_MALFORMED);
    is_refused(shelf, &r);
}

TEST(a_get_that_is_answered_with_too_few_pairs_is_refused)
{
    mt_bytes names[] = {mt_str("f001"), mt_str("f002")};
    mt_storage_key key = {.uid = mt_str("big"), .names = names, .name_count = 2};
    test_shelf shelf = {0};
    test_reply r;

    begin(&shelf);
    shelf.bend = one_too_few;
    test_ask_read(&shelf.s, &r, &key, 1);
    is_refused(&shelf, &r);
    test_ask_fingerprint(&shelf.s, &r, &everything, 1);
    is_refused(&shelf, &r);
    is_not_opened(&shelf);
    shelf.bend = NULL;
    test_shelf_open(&shelf);
    test_asker_is(&shelf.s, shelf.graph);
    test_shelf_end(&shelf);
}

static void no_page_is_taken(void (*bend)(test_shelf *shelf, bool get, const mt_kv_host *host,
                                          mt_kv_answer *answer))
{
    mt_storage_key key = {.uid = mt_str("big"), .whole = true};
    test_shelf shelf = {0};
    test_reply r;

    begin(&shelf);
    shelf.bend = bend;
    test_ask_read(&shelf.s, &r, &key, 1);
    is_refused(&shelf, &r);
    test_ask_list(&shelf.s, &r, mt_str(""), mt_str(""), 10);
    is_refused(&shelf, &r);
    test_ask_changes(&shelf.s, &r, &beginning, 10);
    is_refused(&shelf, &r);
    test_ask_records(&shelf.s, &r, mt_str(""), mt_str(""), 10);
    is_refused(&shelf, &r);
    test_ask_fingerprint(&shelf.s, &r, &everything, 1);
    is_refused(&shelf, &r);
    is_not_opened(&shelf);
    shelf.bend = NULL;
    test_shelf_open(&shelf);
    test_asker_is(&shelf.s, shelf.graph);
    test_shelf_end(&shelf);
}

TEST(a_page_with_a_key_of_no_bytes_is_refused)
{
    no_page_is_taken(no_key);
}

TEST(a_page_with_a_key_that_is_too_long_is_refused)
{
    no_page_is_taken(long_key);
}

/* Where fields are listed, the first is one of another node. */
static void not_in_range(test_shelf *shelf, bool get, const mt_kv_host *host, mt_kv_answer *answer)
{
    (void)shelf, (void)host;
    if (!get && answer->count > 1 && answer->pairs[0].key.data[0] == 'f')
        first_key(answer, mt_str("f"));
}

/* One field of the large node is missing wherever it is listed. */
static void lacks_its_first_field(test_shelf *shelf)
{
    mt_storage_key key = {.uid = mt_str("big"), .whole = true};
    test_reply r = test_asker_read(&shelf->s, &key, 1);

    CHECK(r.row_count == 1 && r.rows[0].row.count == 65);
    CHECK(mt_bytes_equal(r.rows[0].row.fields[0].name, mt_str("f001")));
    test_reply_end(&r);
}

TEST(what_does_not_lie_among_the_fields_of_a_node_is_passed_over)
{
    test_shelf shelf = {0};
    test_reply r;

    begin(&shelf);
    shelf.bend = not_in_range;
    lacks_its_first_field(&shelf);
    shelf.bend = NULL;
    test_asker_prints_are(&shelf.s, shelf.graph, &everything, 1);
    /* As the index takes in what it lacks, and as it is made. */
    test_shelf_write(&shelf, "big^1", "");
    test_shelf_write(&shelf, "zed x=1@1", "");
    for (int made = 0; made < 2; made++) {
        test_shelf_reopen(&shelf);
        shelf.bend = not_in_range;
        r = test_asker_items(&shelf.s, &everything, 1);
        CHECK(r.item_count == 4);
        test_reply_end(&r);
        shelf.bend = NULL;
        test_shelf_put(&shelf, (mt_bytes){(const uint8_t *)"x\0m", 3}, NULL);
    }
    test_shelf_end(&shelf);
}

/* Where the index is listed, a key has nothing behind what says that it is one of it. */
static void bare_key(test_shelf *shelf, bool get, const mt_kv_host *host, mt_kv_answer *answer)
{
    (void)shelf, (void)host;
    if (!get && answer->count > 0 && answer->pairs[0].key.data[0] == 'x')
        first_key(answer, mt_str("x"));
}

TEST(an_index_with_a_key_that_is_none_is_made_anew)
{
    test_shelf shelf = {0};

    begin(&shelf);
    shelf.bend = bare_key;
    test_asker_prints_are(&shelf.s, shelf.graph, &everything, 1);
    test_shelf_end(&shelf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_engine_may_say_that_there_is_more_until_nothing_comes),
        cmocka_unit_test(an_index_is_made_and_goes_on_though_an_engine_says_that_there_is_more),
        cmocka_unit_test(changes_come_to_an_end_though_an_engine_says_that_there_is_more),
        cmocka_unit_test(an_answer_that_nobody_waits_for_is_ignored),
        cmocka_unit_test(the_last_change_stays_whatever_an_engine_says),
        cmocka_unit_test(a_get_that_is_answered_with_too_few_pairs_is_refused),
        cmocka_unit_test(a_page_with_a_key_of_no_bytes_is_refused),
        cmocka_unit_test(a_page_with_a_key_that_is_too_long_is_refused),
        cmocka_unit_test(what_does_not_lie_among_the_fields_of_a_node_is_passed_over),
        cmocka_unit_test(an_index_with_a_key_that_is_none_is_made_anew),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
