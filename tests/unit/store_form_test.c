/* store_form_test.c - records whose seals are right and whose content is not of its form, as another version
 * might write them, and keys that are none: they are found, and all else is read as before. */
#include "base/bytes.h"
#include "base/varint.h"
#include "store/index_record.h"
#include "store/seal.h"
#include "test_shelf.h"
#include <string.h>

static const mt_storage_span everything = {.parts = 3};
static const mt_cursor beginning = {{0}, 0};

#define KEY(text) ((mt_bytes){(const uint8_t *)(text), sizeof(text) - 1})

/* A store with everything in it and an index that lags, opened anew. */
static void begin(test_shelf *shelf)
{
    test_shelf_begin(shelf);
    test_shelf_write(shelf, "ada name='Ada'@4, bob^3 x=~@5", "p");
    test_shelf_write_large(shelf, "big", 66, 5);
    test_shelf_write(shelf, "cy x=1@1, dan x=1@1", "");
    CHECK(test_shelf_record(shelf, "peer/p", "12") == MT_OK);
    test_shelf_reopen(shelf);
    test_asker_prints_are(&shelf->s, shelf->graph, &everything, 1);
    test_shelf_write(shelf, "ada age=7@6", "p");
    test_shelf_reopen(shelf);
}

/* ---- Records, sealed anew ---- */

static void put_sealed(test_shelf *shelf, mt_bytes key, mt_bytes content)
{
    size_t len = content.len + MTI_SEAL_LEN;
    mt_buf value = {.mem = test_mem(), .cap = len, .len = len};

    value.data = value.mem->resize(NULL, NULL, 0, len);
    if (content.len) memcpy(value.data, content.data, content.len);
    mti_seal_put(key, value.data, value.data + content.len);
    test_shelf_put(shelf, key, &value);
    mt_buf_free(&value);
}

/* Cuts the content of a record at each place, and adds a byte to it, and looks at each of them. */
static void each_cut(test_shelf *shelf, mt_bytes key, void (*look)(test_shelf *shelf))
{
    mt_buf value = test_shelf_get(shelf, key), longer = {.mem = test_mem()};
    mt_bytes content = {value.data, value.len - MTI_SEAL_LEN};

    CHECK(value.len > MTI_SEAL_LEN);
    for (size_t len = 0; len < content.len; len++) {
        put_sealed(shelf, key, (mt_bytes){content.data, len});
        look(shelf);
    }
    CHECK(mti_buf_append(&longer, content.data, content.len) == MT_OK);
    CHECK(mti_buf_append(&longer, "", 1) == MT_OK);
    put_sealed(shelf, key, mt_buf_bytes(&longer));
    look(shelf);
    test_shelf_put(shelf, key, &value);
    mt_buf_free(&value);
    mt_buf_free(&longer);
}

/* ---- What the store says of itself ---- */

static void opening_fails(test_shelf *shelf, mt_status status, const char *text)
{
    test_reply r;

    test_asker_end(&shelf->s);
    CHECK(test_shelf_try(shelf, &r) == status);
    assert_string_equal(r.text, text);
    test_reply_end(&r);
}

/* The same content as the format in both copies. */
static void format_is_refused(const char *content, size_t len, mt_status status, const char *text)
{
    test_shelf shelf = {0};
    mt_buf sound, copy;
    mt_bytes bytes = {(const uint8_t *)content, len};

    begin(&shelf);
    sound = test_shelf_get(&shelf, KEY("mformat"));
    copy = test_shelf_get(&shelf, KEY("mformat.copy"));
    put_sealed(&shelf, KEY("mformat"), bytes);
    put_sealed(&shelf, KEY("mformat.copy"), bytes);
    opening_fails(&shelf, status, text);
    test_shelf_put(&shelf, KEY("mformat"), &sound);
    test_shelf_put(&shelf, KEY("mformat.copy"), &copy);
    test_shelf_open(&shelf);
    test_asker_is(&shelf.s, shelf.graph);
    mt_buf_free(&sound);
    mt_buf_free(&copy);
    test_shelf_end(&shelf);
}

TEST(a_format_that_is_not_of_its_form_is_refused)
{
    static const char *const form = "the store's format is not of its form";

    format_is_refused("", 0, MT_MALFORMED, "the store's format is no number");
    format_is_refused("\x01", 1, MT_MALFORMED, form);
    format_is_refused("\x01\x64\x00", 3, MT_MALFORMED, form);
    format_is_refused("\x01\x00", 2, MT_MALFORMED, form);
    format_is_refused("\x01\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01", 11, MT_MALFORMED, form);
    format_is_refused("\x02\x64", 2, MT_UNSUPPORTED,
                      "the store has format 2, and only 1 is known here");
}

/* Opened anew, all nodes are listed; where the log lost changes, an index that lags may not know. */
static void nodes_are_listed(test_shelf *shelf)
{
    mt_graph *is;

    test_shelf_reopen(shelf);
    is = test_asker_graph(&shelf->s, 2);
    CHECK(mt_graph_equal(is, shelf->graph));
    mt_graph_free(is);
}

/* Opened anew, all nodes are there. */
static void nodes_are_there(test_shelf *shelf)
{
    test_shelf_reopen(shelf);
    test_asker_is(&shelf->s, shelf->graph);
}

TEST(a_clock_that_is_not_of_its_form_is_none)
{
    mt_storage_write write = {.clock = 77};
    test_shelf shelf = {0};
    test_reply r;

    begin(&shelf);
    test_ask_write(&shelf.s, &r, &write);
    test_await(&shelf.s, &r);
    test_reply_worked(&r);
    test_reply_end(&r);
    each_cut(&shelf, KEY("mclock"), nodes_are_there);
    test_asker_end(&shelf.s);
    CHECK(test_shelf_try(&shelf, &r) == MT_OK && r.info.clock == 77);
    test_reply_end(&r);
    put_sealed(&shelf, KEY("mclock"), KEY("\x01"));
    test_asker_end(&shelf.s);
    CHECK(test_shelf_try(&shelf, &r) == MT_OK && r.info.clock < 77);
    test_reply_end(&r);
    test_shelf_end(&shelf);
}

static void log_is_stale(test_shelf *shelf)
{
    nodes_are_there(shelf);
    CHECK(test_shelf_follow(shelf, beginning) == MT_STALE);
}

TEST(where_the_bounds_of_the_log_are_not_of_their_form_nobody_knows_what_was_trimmed)
{
    test_shelf shelf = {.options.log_max = 100};

    begin(&shelf);
    CHECK(test_shelf_follow(&shelf, beginning) == MT_OK);
    put_sealed(&shelf, KEY("mlog"), KEY("\x00\x05"));
    test_shelf_reopen(&shelf);
    CHECK(test_shelf_follow(&shelf, beginning) == MT_OK);
    each_cut(&shelf, KEY("mlog"), log_is_stale);
    test_shelf_end(&shelf);
}

/* Nobody knows what was trimmed, and there is no entry either: the log begins anew. */
TEST(a_log_without_entries_has_nothing_trimmed)
{
    test_shelf shelf = {0};

    test_shelf_begin(&shelf);
    CHECK(test_shelf_record(&shelf, "peer/p", "12") == MT_OK);
    put_sealed(&shelf, KEY("mlog"), KEY("\x00"));
    test_shelf_reopen(&shelf);
    CHECK(test_shelf_follow(&shelf, beginning) == MT_OK);
    test_shelf_write(&shelf, "ada x=1@1", "");
    test_shelf_log(&shelf, beginning, "1:ada*");
    test_shelf_end(&shelf);
}

TEST(a_boot_that_is_not_of_its_form_is_not_known)
{
    test_shelf shelf = {0};
    mt_cursor at;

    begin(&shelf);
    at = test_shelf_write(&shelf, "", "");
    each_cut(&shelf, KEY("b\0\0\0\0\0\0\0\6"), nodes_are_there);
    nodes_are_there(&shelf);
    CHECK(test_shelf_follow(&shelf, at) == MT_OK);
    put_sealed(&shelf, KEY("b\0\0\0\0\0\0\0\6"), KEY("123456789012345"));
    test_shelf_reopen(&shelf);
    CHECK(test_shelf_follow(&shelf, at) == MT_STALE);
    test_shelf_end(&shelf);
}

/* ---- The log ---- */

static void last_change_is_damaged(test_shelf *shelf)
{
    test_reply r;

    nodes_are_there(shelf);
    test_ask_changes(&shelf->s, &r, &beginning, 100);
    test_await(&shelf->s, &r);
    CHECK(r.status == MT_MALFORMED && r.change_count == 5 && !r.end);
    CHECK(strstr(r.text, "the log's record of change 6: "));
    test_reply_end(&r);
    test_asker_prints_are(&shelf->s, shelf->graph, &everything, 1);
}

TEST(a_change_that_is_not_of_its_form_is_named)
{
    test_shelf shelf = {0};

    begin(&shelf);
    each_cut(&shelf, KEY("l\0\0\0\0\0\0\0\6"), last_change_is_damaged);
    nodes_are_there(&shelf);
    /* With bytes for later versions, which are skipped, but not if there are none. */
    put_sealed(&shelf, KEY("l\0\0\0\0\0\0\0\6"), KEY("\x09\3ada\3sig"));
    nodes_are_there(&shelf);
    each_cut(&shelf, KEY("l\0\0\0\0\0\0\0\6"), last_change_is_damaged);
    put_sealed(&shelf, KEY("l\0\0\0\0\0\0\0\6"), KEY("\x09\3ada\0"));
    last_change_is_damaged(&shelf);
    test_shelf_end(&shelf);
}

TEST(a_key_among_the_changes_that_is_none_of_a_change_is_named)
{
    static const char long_key[80] = "l\0\0\0\0\0\0\0\5x";
    const mt_bytes keys[] = {KEY("l\0\0\0\0\0\0\0\5x"),
                             {(const uint8_t *)long_key, sizeof long_key}};
    const mt_buf empty = {.len = 0};
    test_shelf shelf = {0};
    test_reply r;

    begin(&shelf);
    for (size_t i = 0; i < TEST_COUNT(keys); i++) {
        test_shelf_put(&shelf, keys[i], &empty);
        nodes_are_there(&shelf);
        test_ask_changes(&shelf.s, &r, &beginning, 100);
        test_await(&shelf.s, &r);
        CHECK(r.status == MT_MALFORMED && r.change_count == 5);
        CHECK(strstr(r.text, "is no key of a change"));
        test_reply_end(&r);
        test_asker_prints_are(&shelf.s, shelf.graph, &everything, 1);
        test_shelf_put(&shelf, keys[i], NULL);
    }
    test_shelf_end(&shelf);
}

/* Before all changes, amid them, and behind the last. */
TEST(a_key_among_the_changes_that_is_none_does_not_hide_where_the_log_ends)
{
    const mt_bytes keys[] = {KEY("l\0\0\0\0\0\0\0\0x"), KEY("l\0\0\0\0\0\0\0\3x"),
                             KEY("l\0\0\0\0\0\0\0\6x"), KEY("l\0\0\0\0\0\0\0\7x"), KEY("l\1x")};
    const mt_buf empty = {.len = 0};
    mt_storage_commit commit = {.whole = false};
    mt_storage_write write = {.commits = &commit, .commit_count = 1, .clock = 7};
    mt_delta *delta = NULL;
    test_shelf shelf = {0};
    test_reply r;
    mt_cursor at;

    begin(&shelf);
    CHECK(test_merge_rows(shelf.graph, "ada age=8@7", &delta) == MT_OK);
    commit.delta = delta;
    test_ask_write(&shelf.s, &r, &write);
    test_await(&shelf.s, &r);
    CHECK(r.status == MT_OK && r.next.number == 7);
    at = r.next;
    test_reply_end(&r);
    mt_delta_free(delta);
    for (size_t i = 0; i < TEST_COUNT(keys); i++) {
        test_shelf_put(&shelf, keys[i], &empty);
        test_asker_end(&shelf.s);
        CHECK(test_shelf_try(&shelf, &r) == MT_OK);
        CHECK(r.info.head.number == 7 && r.info.log_first == 1 && r.info.clock == 7);
        test_reply_end(&r);
        CHECK(test_shelf_follow(&shelf, at) == MT_OK);
        test_shelf_put(&shelf, keys[i], NULL);
    }
    test_shelf_end(&shelf);
}

TEST(a_key_among_the_changes_that_is_none_does_not_keep_them_from_being_trimmed)
{
    const mt_buf empty = {.len = 0};
    test_shelf shelf = {.options.log_max = 4};

    begin(&shelf);
    test_shelf_put(&shelf, KEY("l\0\0\0\0\0\0\0\0x"), &empty);
    nodes_are_there(&shelf);
    test_shelf_write(&shelf, "eve x=1@1, fay x=1@1, gil x=1@1, hal x=1@1", "");
    test_shelf_write(&shelf, "ida x=1@1", "");
    test_shelf_write(&shelf, "joe x=1@1", "");
    nodes_are_there(&shelf);
    test_shelf_keys(&shelf, "l", "l8 l9 l10 l11 l12");
    test_shelf_end(&shelf);
}

/* Who believes that the log is longer than it is trims no more than all but its last entry. */
TEST(a_log_that_lost_entries_keeps_its_last)
{
    test_shelf shelf = {.options.log_max = 4};

    begin(&shelf);
    test_shelf_write(&shelf, "eve x=1@1, fay x=1@1, gil x=1@1, hal x=1@1", "");
    for (uint8_t number = 1; number < 10; number++)
        test_shelf_put(&shelf, (mt_bytes){(uint8_t[]){'l', 0, 0, 0, 0, 0, 0, 0, number}, 9}, NULL);
    test_shelf_keys(&shelf, "l", "l10");
    test_shelf_write(&shelf, "", "");
    test_shelf_keys(&shelf, "l", "l10");
    test_shelf_write(&shelf, "ida x=1@1", "");
    test_shelf_keys(&shelf, "l", "l10 l11");
    nodes_are_listed(&shelf);
    test_shelf_end(&shelf);
}

/* The last of a write says the clock and how long the log is. */
TEST(where_the_last_entry_is_gone_the_one_before_is_the_newest)
{
    test_shelf shelf = {0};

    begin(&shelf);
    test_shelf_write(&shelf, "eve x=1@1, fay x=1@1", "");
    test_shelf_put(&shelf, KEY("l\0\0\0\0\0\0\0\10"), NULL);
    test_shelf_reopen(&shelf);
    test_shelf_log(&shelf, beginning, "1:ada*<p 2:bob*<p 3:big* 4:cy* 5:dan* 6:ada(age)<p 7:eve*");
    CHECK(test_shelf_write(&shelf, "gil x=1@1", "").number == 8);
    nodes_are_listed(&shelf);
    test_shelf_end(&shelf);
}

/* A count that is too small does not go below nothing. */
TEST(a_log_of_which_more_is_absorbed_than_it_says_to_have_goes_on)
{
    static const char entry[] = "\4\3cyx\1\1x\7\0\1";
    test_shelf shelf = {0};

    begin(&shelf);
    put_sealed(&shelf, KEY("l\0\0\0\0\0\0\0\6"),
               (mt_bytes){(const uint8_t *)entry, sizeof entry - 1});
    nodes_are_listed(&shelf);
    test_shelf_write(&shelf, "cy a=1@2", "");
    put_sealed(&shelf, KEY("l\0\0\0\0\0\0\0\7"),
               (mt_bytes){(const uint8_t *)entry, sizeof entry - 1});
    nodes_are_listed(&shelf);
    test_shelf_write(&shelf, "cy a=1@3 b=1@3, dan a=1@3, eve a=1@3", "");
    test_shelf_write(&shelf, "cy^4, dan^4, eve^4", "");
    nodes_are_listed(&shelf);
    test_shelf_end(&shelf);
}

/* The number behind the last one that a change may have is none. */
TEST(a_log_whose_numbers_are_used_up_is_full)
{
    static const char entry[] = "\5\3zoe\7\0\1";
    const mt_bytes last = KEY("l\x3F\xFF\xFF\xFF\xFF\xFF\xFF\xFF");
    test_shelf shelf = {0};
    mt_delta *delta = NULL;
    mt_storage_commit commit = {.whole = false};
    mt_storage_write write = {.commits = &commit, .commit_count = 1};
    test_reply r;

    begin(&shelf);
    put_sealed(&shelf, KEY("mlog"), KEY("\0\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F"));
    nodes_are_listed(&shelf);
    test_shelf_write(&shelf, "eve x=1@1", "");
    put_sealed(&shelf, last, (mt_bytes){(const uint8_t *)entry, sizeof entry - 1});
    nodes_are_listed(&shelf);
    CHECK(test_shelf_write(&shelf, "", "").number == (UINT64_C(1) << 62) - 1);
    CHECK(test_merge_rows(shelf.graph, "fay x=1@1", &delta) == MT_OK);
    commit.delta = delta;
    test_ask_write(&shelf.s, &r, &write);
    test_await(&shelf.s, &r);
    CHECK(r.status == MT_FULL);
    test_reply_end(&r);
    mt_delta_free(delta);
    test_shelf_reads(&shelf, "fay", NULL, true, "");
    test_shelf_put(&shelf, last, NULL);
    test_shelf_end(&shelf);
}

TEST(a_key_among_the_boots_that_is_none_is_passed_over)
{
    const mt_buf empty = {.len = 0};
    test_shelf shelf = {0};
    mt_cursor at;

    begin(&shelf);
    at = test_shelf_write(&shelf, "", "");
    test_shelf_put(&shelf, KEY("b\0\0\0\0\0\0\0\3x"), &empty);
    nodes_are_there(&shelf);
    CHECK(test_shelf_follow(&shelf, at) == MT_OK);
    test_shelf_end(&shelf);
}

/* ---- Nodes ---- */

static void big_is_damaged(test_shelf *shelf)
{
    mt_storage_key key = {.uid = mt_str("big"), .whole = true};
    test_reply r;

    test_shelf_reopen(shelf);
    test_ask_read(&shelf->s, &r, &key, 1);
    test_await(&shelf->s, &r);
    CHECK(r.status == MT_MALFORMED && r.row_count == 0);
    CHECK(strstr(r.text, "the record of node \"big\": "));
    test_reply_end(&r);
    test_ask_list(&shelf->s, &r, mt_str(""), mt_str(""), 100);
    test_await(&shelf->s, &r);
    CHECK(r.status == MT_MALFORMED && r.row_count == 4);
    test_reply_end(&r);
}

TEST(a_large_node_that_is_not_of_its_form_is_named)
{
    test_shelf shelf = {0};

    begin(&shelf);
    each_cut(&shelf, KEY("nbig"), big_is_damaged);
    nodes_are_there(&shelf);
    /* Its floor is above its highest state; that is above all that there are. */
    put_sealed(&shelf, KEY("nbig"), KEY("\x01\x06\x05\x00"));
    big_is_damaged(&shelf);
    put_sealed(&shelf, KEY("nbig"), KEY("\x01\x00\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F\x00"));
    big_is_damaged(&shelf);
    test_shelf_end(&shelf);
}

/* Keys of nodes whose uids are none: before all others, and one that is too long. */
TEST(a_key_among_the_nodes_that_is_none_of_a_node_is_named)
{
    static const char long_uid[MT_UID_LEN_MAX + 2] = "ncz";
    const mt_bytes keys[] = {KEY("n"), {(const uint8_t *)long_uid, sizeof long_uid}};
    const mt_buf empty = {.len = 0};
    test_shelf shelf = {0};
    test_reply r;

    begin(&shelf);
    for (size_t i = 0; i < TEST_COUNT(keys); i++) {
        test_shelf_put(&shelf, keys[i], &empty);
        test_shelf_reopen(&shelf);
        test_ask_list(&shelf.s, &r, mt_str(""), mt_str(""), 100);
        test_await(&shelf.s, &r);
        CHECK(r.status == MT_MALFORMED && r.row_count == 5);
        CHECK(strstr(r.text, "is no key of a node"));
        test_reply_end(&r);
        test_asker_prints_are(&shelf.s, shelf.graph, &everything, 1);
        /* An index that is made of all nodes has nothing of it either. */
        test_shelf_put(&shelf, mti_index_meta_key(), NULL);
        test_shelf_reopen(&shelf);
        test_asker_prints_are(&shelf.s, shelf.graph, &everything, 1);
        test_shelf_put(&shelf, keys[i], NULL);
    }
    test_shelf_end(&shelf);
}

/* ---- The index ---- */

static void adds_up(test_shelf *shelf)
{
    test_shelf_reopen(shelf);
    test_asker_prints_are(&shelf->s, shelf->graph, &everything, 1);
}

TEST(a_record_of_the_index_that_is_not_of_its_form_makes_no_sum_wrong)
{
    test_shelf shelf = {0};
    test_pairs all = {{0}, NULL, 0, 0};
    mt_kv_host host = {test_pairs_take, &all};

    begin(&shelf);
    CHECK(shelf.engine.ops->scan(shelf.engine.ctx, &host, 1, mt_str("x"), mt_str("y"), 1000) ==
          MT_OK);
    CHECK(all.count >= 2);
    for (size_t i = 0; i < all.count; i++) each_cut(&shelf, all.pairs[i].key, adds_up);
    put_sealed(&shelf, KEY("x\0rada"), KEY(""));
    adds_up(&shelf);
    put_sealed(&shelf, KEY("x\0rada"), KEY("x"));
    adds_up(&shelf);
    test_arena_end(&all.arena);
    test_shelf_end(&shelf);
}

TEST(a_key_of_the_index_that_is_none_has_it_made_anew)
{
    static const char long_uid[MT_UID_LEN_MAX + 4] = "x\0r";
    const mt_bytes keys[] = {KEY("x\0z"),
                             KEY("x\0"),
                             KEY("x\0r"),
                             KEY("x\0s1234"),
                             {(const uint8_t *)long_uid, sizeof long_uid}};
    const mt_buf empty = {.len = 0};
    test_shelf shelf = {0};

    begin(&shelf);
    for (size_t i = 0; i < TEST_COUNT(keys); i++) {
        test_shelf_put(&shelf, keys[i], &empty);
        adds_up(&shelf);
        CHECK(test_shelf_get(&shelf, keys[i]).data == NULL);
    }
    test_shelf_end(&shelf);
}

/* The meta record in numbers. */
static void put_meta(test_shelf *shelf, mt_bytes sound, uint64_t suite, uint64_t watermark,
                     uint64_t leaves, bool other_key)
{
    uint8_t content[64], *end = content;

    end = mti_varint_put(end, suite);
    memcpy(end, sound.data + 1, 8); /* the check of the key follows the suite */
    *end ^= other_key;
    end = mti_varint_put(end + 8, watermark);
    end = mti_varint_put(end, leaves);
    put_sealed(shelf, mti_index_meta_key(), (mt_bytes){content, (size_t)(end - content)});
    adds_up(shelf);
    test_shelf_put(shelf, mti_index_meta_key(),
                   &(mt_buf){.data = (uint8_t *)(uintptr_t)sound.data, .len = sound.len});
}

TEST(an_index_that_is_of_another_log_or_suite_or_key_is_made_anew)
{
    test_shelf shelf = {.options.log_max = 4};
    mt_buf meta;

    begin(&shelf);
    meta = test_shelf_get(&shelf, mti_index_meta_key());
    put_meta(&shelf, mt_buf_bytes(&meta), 2, 5, 1, false);
    put_meta(&shelf, mt_buf_bytes(&meta), 1, 5, 1, true);
    put_meta(&shelf, mt_buf_bytes(&meta), 1, 7, 1, false);
    put_meta(&shelf, mt_buf_bytes(&meta), 1, 0, 1, false);
    put_meta(&shelf, mt_buf_bytes(&meta), 1, 5, 2, false);
    put_meta(&shelf, mt_buf_bytes(&meta), 1, 5, UINT64_MAX / 64, false);
    mt_buf_free(&meta);
    test_shelf_end(&shelf);
}

/* Changes a byte in the middle of a record, and has the index made anew. */
static void spoil(test_shelf *shelf, mt_bytes key)
{
    mt_buf value = test_shelf_get(shelf, key);

    value.data[value.len / 2] ^= 4;
    test_shelf_put(shelf, key, &value);
    mt_buf_free(&value);
    test_shelf_put(shelf, mti_index_meta_key(), NULL);
    test_shelf_reopen(shelf);
}

TEST(what_is_damaged_is_not_in_the_index)
{
    test_shelf shelf = {0};
    mt_graph *rest = NULL;
    test_reply r;

    begin(&shelf);
    spoil(&shelf, KEY("ncy"));
    rest = test_graph_from("ada name='Ada'@4 age=7@6, bob^3 x=~@5, dan x=1@1");
    spoil(&shelf, KEY("fbig\0f001"));
    r = test_asker_items(&shelf.s, &everything, 1);
    CHECK(r.item_count == 4);
    test_reply_end(&r);
    /* Without its own record, its fields are not found either. */
    spoil(&shelf, KEY("nbig"));
    test_asker_prints_are(&shelf.s, rest, &everything, 1);
    mt_graph_free(rest);
    test_shelf_end(&shelf);
}

/* ---- Leaves ---- */

/* What an index makes of bytes for a leaf that begins with "b" and has what `sum` says. */
static mt_status loads(const char *bytes, size_t len, const mti_leaf_sum *sum)
{
    mti_index index;
    mt_status st;

    mti_index_init(&index, test_mem());
    CHECK(mti_index_append(&index, mt_str("b"), (mt_bytes){NULL, 0}, sum) == MT_OK);
    st = mti_index_load(&index, 0, (mt_bytes){(const uint8_t *)bytes, len});
    if (st == MT_OK)
        CHECK(mti_index_load(&index, 0, (mt_bytes){NULL, 0}) == MT_OK); /* it is there */
    mti_index_free(&index);
    return st;
}

#define ONE "\0\1b\1\2ssssssssSSSSSSSS"
#define LOADS(text, sum) loads((text), sizeof(text) - 1, (sum))

TEST(bytes_that_are_no_leaf_are_not_loaded)
{
    mti_leaf_sum one = {.nodes = 1, .elements = 1}, sum;

    memcpy(&one.living.lo, "ssssssss", 8);
    memcpy(&one.living.hi, "SSSSSSSS", 8);
    CHECK(LOADS(ONE, &one) == MT_OK);
    for (size_t len = 0; len < sizeof ONE - 1; len++) CHECK(loads(ONE, len, &one) == MT_MALFORMED);
    /* More than was there is shared; nothing but that; more follows than there is, or fits. */
    CHECK(LOADS("\1\1b\1\2ssssssssSSSSSSSS", &one) == MT_MALFORMED);
    CHECK(LOADS("\0\0\1\2ssssssssSSSSSSSS", &one) == MT_MALFORMED);
    CHECK(LOADS("\0\x7F"
                "b\1\2ssssssssSSSSSSSS",
                &one) == MT_MALFORMED);
    CHECK(LOADS("\0\xFF\x7F"
                "b\1\2ssssssssSSSSSSSS",
                &one) == MT_MALFORMED);
    /* Parts that are not known; a number that does not end. */
    CHECK(LOADS("\0\1b\4\2ssssssssSSSSSSSS", &one) == MT_MALFORMED);
    CHECK(LOADS("\0\1b\1\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", &one) == MT_MALFORMED);
    /* It begins before its first key, and it is not in order. */
    CHECK(LOADS("\0\1a\1\2ssssssssSSSSSSSS", &one) == MT_MALFORMED);
    CHECK(LOADS("\0\1c\0\2\0\1b\1\2ssssssssSSSSSSSS", &one) == MT_MALFORMED);
    /* It adds up to something else. */
    for (size_t i = 0; i < sizeof sum / 8; i++) {
        sum = one;
        ((uint64_t *)&sum)[i]++;
        CHECK(LOADS(ONE, &sum) == MT_MALFORMED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_format_that_is_not_of_its_form_is_refused),
        cmocka_unit_test(a_clock_that_is_not_of_its_form_is_none),
        cmocka_unit_test(
            where_the_bounds_of_the_log_are_not_of_their_form_nobody_knows_what_was_trimmed),
        cmocka_unit_test(a_log_without_entries_has_nothing_trimmed),
        cmocka_unit_test(a_boot_that_is_not_of_its_form_is_not_known),
        cmocka_unit_test(a_change_that_is_not_of_its_form_is_named),
        cmocka_unit_test(a_key_among_the_changes_that_is_none_of_a_change_is_named),
        cmocka_unit_test(a_key_among_the_changes_that_is_none_does_not_hide_where_the_log_ends),
        cmocka_unit_test(
            a_key_among_the_changes_that_is_none_does_not_keep_them_from_being_trimmed),
        cmocka_unit_test(a_log_that_lost_entries_keeps_its_last),
        cmocka_unit_test(where_the_last_entry_is_gone_the_one_before_is_the_newest),
        cmocka_unit_test(a_log_of_which_more_is_absorbed_than_it_says_to_have_goes_on),
        cmocka_unit_test(a_log_whose_numbers_are_used_up_is_full),
        cmocka_unit_test(a_key_among_the_boots_that_is_none_is_passed_over),
        cmocka_unit_test(a_large_node_that_is_not_of_its_form_is_named),
        cmocka_unit_test(a_key_among_the_nodes_that_is_none_of_a_node_is_named),
        cmocka_unit_test(a_record_of_the_index_that_is_not_of_its_form_makes_no_sum_wrong),
        cmocka_unit_test(a_key_of_the_index_that_is_none_has_it_made_anew),
        cmocka_unit_test(an_index_that_is_of_another_log_or_suite_or_key_is_made_anew),
        cmocka_unit_test(what_is_damaged_is_not_in_the_index),
        cmocka_unit_test(bytes_that_are_no_leaf_are_not_loaded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
