/* store_prints_test.c - the fingerprint index of a store: when it is made and stored, what it answers
 * meanwhile, and that no damage makes it lie. */
#include "store/node_store.h"
#include "test_shelf.h"
#include <mytosis/conformance.h>
#include <mytosis/plugin/kv_memory.h>
#include <stdio.h>
#include <string.h>

static const mt_storage_span everything = {.parts = 3};

static void adds_up(test_shelf *shelf)
{
    test_asker_prints_are(&shelf->s, shelf->graph, &everything, 1);
}

static mti_keeper *keeper_of(test_shelf *shelf)
{
    return &((mti_node_store *)shelf->s.storage.ctx)->keeper;
}

/* Writes nodes n000 and on, one to a write. */
static void write_some(test_shelf *shelf, size_t from, size_t count, unsigned state)
{
    char rows[64];

    for (size_t i = from; i < from + count; i++) {
        snprintf(rows, sizeof rows, "n%03zu x=%zu@%u", i, i, state);
        test_shelf_write(shelf, rows, "");
    }
}

/* What one question for all comes to. */
static mt_status ask_once(test_shelf *shelf, char *text)
{
    test_reply r;
    mt_status st;

    test_ask_fingerprint(&shelf->s, &r, &everything, 1);
    test_await(&shelf->s, &r);
    st = r.status;
    if (text) memcpy(text, r.text, sizeof r.text);
    test_reply_end(&r);
    return st;
}

/* ---- When it is stored ---- */

TEST(a_new_store_has_an_index_and_stores_none_before_many_changes)
{
    test_shelf shelf = {.options.index_lag = 4};

    test_shelf_begin(&shelf);
    CHECK(ask_once(&shelf, NULL) == MT_OK);
    adds_up(&shelf);
    write_some(&shelf, 0, 4, 1);
    adds_up(&shelf);
    test_shelf_keys(&shelf, "x", "x|m xn000");
    test_shelf_end(&shelf);
    test_shelf_begin(&shelf);
    write_some(&shelf, 0, 4, 1);
    test_shelf_keys(&shelf, "x", "");
    write_some(&shelf, 4, 1, 1);
    test_shelf_keys(&shelf, "x", "x|m xn000");
    test_shelf_reopen(&shelf);
    CHECK(ask_once(&shelf, NULL) == MT_OK);
    adds_up(&shelf);
    test_shelf_end(&shelf);
}

TEST(a_store_without_an_index_notes_nothing_until_it_is_asked)
{
    test_shelf shelf = {0};

    test_shelf_begin(&shelf);
    write_some(&shelf, 0, 3, 1);
    test_shelf_reopen(&shelf);
    write_some(&shelf, 3, 3, 1);
    CHECK(keeper_of(&shelf)->pending.count == 0);
    test_shelf_keys(&shelf, "x", "");
    adds_up(&shelf);
    test_shelf_keys(&shelf, "x", "x|m xn000");
    write_some(&shelf, 6, 3, 1);
    CHECK(keeper_of(&shelf)->pending.count == 3);
    adds_up(&shelf);
    test_shelf_end(&shelf);
}

TEST(a_store_that_is_to_have_none_answers_nothing)
{
    test_shelf shelf = {.options.no_fingerprints = true};

    test_shelf_begin(&shelf);
    write_some(&shelf, 0, 3, 1);
    CHECK(!shelf.s.storage.ops->fingerprint && !shelf.s.storage.ops->items);
    CHECK(keeper_of(&shelf)->pending.count == 0);
    test_shelf_end(&shelf);
}

TEST(spans_that_overlap_or_end_before_they_begin_are_refused)
{
    uint8_t long_uid[MT_UID_LEN_MAX + 1];
    const mt_storage_span bad[][2] = {
        {{mt_str("b"), mt_str("a"), 0}, {mt_str("c"), mt_str("d"), 0}},
        {{mt_str("a"), mt_str("c"), 0}, {mt_str("b"), mt_str("d"), 0}},
        {{mt_str("a"), mt_str(""), 0}, {mt_str("b"), mt_str("d"), 0}},
        {{mt_str("a"), mt_str("a"), 0}, {mt_str("b"), mt_str("d"), 0}}};
    const mt_storage_span too_long[] = {{.first = {long_uid, sizeof long_uid}},
                                        {.end = {long_uid, sizeof long_uid}}};
    test_shelf shelf = {0};
    test_reply r;

    memset(long_uid, 'u', sizeof long_uid);
    test_shelf_begin(&shelf);
    for (size_t i = 0; i < TEST_COUNT(too_long); i++) {
        test_ask_fingerprint(&shelf.s, &r, &too_long[i], 1);
        CHECK(r.done && r.status == MT_INVALID);
    }
    for (size_t i = 0; i < TEST_COUNT(bad); i++) {
        test_ask_fingerprint(&shelf.s, &r, bad[i], 2);
        CHECK(r.done && r.status == MT_INVALID);
        test_ask_items(&shelf.s, &r, bad[i], 2);
        CHECK(r.done && r.status == MT_INVALID);
    }
    test_asker_prints_are(&shelf.s, shelf.graph, NULL, 0);
    test_shelf_end(&shelf);
}

/* ---- A slice at a time ---- */

TEST(while_it_is_made_a_request_is_told_how_far_it_is)
{
    test_shelf shelf = {0};
    char text[MT_ERROR_TEXT_MAX];

    test_shelf_begin(&shelf);
    write_some(&shelf, 0, 50, 1);
    test_shelf_reopen(&shelf);
    keeper_of(&shelf)->slice = 20;
    CHECK(ask_once(&shelf, text) == MT_AGAIN);
    assert_string_equal(text, "the index is being made: 20 nodes so far");
    write_some(&shelf, 45, 10, 2);
    adds_up(&shelf);
    write_some(&shelf, 50, 50, 3);
    test_shelf_reopen(&shelf);
    keeper_of(&shelf)->slice = 20;
    CHECK(ask_once(&shelf, text) == MT_AGAIN);
    CHECK(strstr(text, "the index takes in change "));
    write_some(&shelf, 95, 10, 4);
    adds_up(&shelf);
    test_shelf_end(&shelf);
}

/* ---- Large nodes ---- */

TEST(a_node_that_becomes_large_or_small_again_stays_in_the_index)
{
    test_shelf shelf = {.options = {.small_len_max = 60}};

    test_shelf_begin(&shelf);
    test_shelf_write(&shelf, "ada a='short'@1, bob x=1@1", "");
    adds_up(&shelf);
    test_shelf_write(&shelf, "ada b='a text that makes it a large one, by its length'@2", "");
    adds_up(&shelf);
    test_shelf_write_large(&shelf, "bob", 80, 3);
    test_shelf_reopen(&shelf);
    adds_up(&shelf);
    test_shelf_write(&shelf, "ada b='short'@4", "");
    test_shelf_write(&shelf, "bob f003=~@5", "");
    test_shelf_reopen(&shelf);
    adds_up(&shelf);
    test_shelf_write(&shelf, "bob^6 y=2@7", "");
    test_shelf_reopen(&shelf);
    adds_up(&shelf);
    test_shelf_end(&shelf);
}

/* A field is added to a node of 64, which the index that is stored has as a small one. */
TEST(a_node_that_became_large_by_one_field_is_read_anew)
{
    test_shelf shelf = {0};

    test_shelf_begin(&shelf);
    test_shelf_write_large(&shelf, "big", 64, 1);
    test_shelf_reopen(&shelf);
    adds_up(&shelf);
    test_shelf_keys(&shelf, "x", "x|m xbig");
    test_shelf_write(&shelf, "big more=1@2", "");
    test_shelf_keys(&shelf, "x", "x|m x|rbig xbig");
    test_shelf_reopen(&shelf);
    adds_up(&shelf);
    test_shelf_end(&shelf);
}

static void forget(test_shelf *shelf, const char *uid)
{
    mt_bytes name = mt_str(uid);
    test_reply r;

    test_ask_remove(&shelf->s, &r, &name, 1);
    test_await(&shelf->s, &r);
    test_reply_worked(&r);
    test_reply_end(&r);
}

TEST(a_node_that_was_forgotten_is_not_found_in_an_index_that_lags)
{
    test_shelf shelf = {0};
    test_reply r;

    test_shelf_begin(&shelf);
    write_some(&shelf, 0, 3, 1);
    test_shelf_reopen(&shelf);
    adds_up(&shelf);
    forget(&shelf, "n001");
    test_shelf_keys(&shelf, "x", "x|m x|rn001 xn000");
    test_shelf_reopen(&shelf);
    r = test_asker_items(&shelf.s, &everything, 1);
    CHECK(r.item_count == 2);
    test_reply_end(&r);
    test_shelf_end(&shelf);
}

/* ---- A long list ---- */

TEST(writes_go_before_the_rest_of_a_long_list_of_items)
{
    mt_kv_late_options late = {.size = sizeof late, .seed = 5};
    mt_node_store_options options = {.size = sizeof options, .index_lag = 1, .index_bytes = 1};
    mt_graph *graph = test_graph_new();
    mt_delta *delta = NULL;
    test_arena arena = {0};
    mt_row *rows = test_take(&arena, 6000 * sizeof *rows);
    mt_field field = {.name = mt_str("x"), .value = mt_number(1), .state = 1};
    mt_storage_commit commit = {.whole = false};
    mt_storage_write write = {.commits = &commit, .commit_count = 1};
    test_reply list, written;
    test_env te;
    test_asker s;
    mt_kv inner, kv;
    char uid[32];

    test_env_init(&te, 1, test_mem());
    CHECK(mt_kv_memory(&te.env, &inner) == MT_OK);
    CHECK(mt_kv_late(&te.env, inner, &late, &kv) == MT_OK);
    test_asker_init(&s, &te, kv, &options);
    for (size_t i = 0; i < 6000; i++) {
        snprintf(uid, sizeof uid, "n%04zu", i);
        rows[i] = (mt_row){.uid = test_copy(&arena, mt_str(uid)), .fields = &field, .count = 1};
    }
    test_worked(graph, mt_graph_merge_rows(graph, rows, 6000, &delta));
    test_asker_write(&s, delta, "");
    test_worked(graph, mt_graph_merge_rows(graph, rows, 0, &delta));
    test_asker_write(&s, delta, "");
    test_asker_prints_are(&s, graph, &everything, 1);
    test_ask_items(&s, &list, &everything, 1);
    test_env_run_for(&te, 1);
    field.state = 2;
    test_worked(graph, mt_graph_merge_rows(graph, rows, 1, &delta));
    commit.delta = delta;
    test_ask_write(&s, &written, &write);
    while (!written.done) test_env_run_for(&te, 1);
    CHECK(!list.done);
    test_await(&s, &list);
    test_reply_worked(&list);
    CHECK(list.item_count == 6000);
    mt_delta_free(delta);
    test_reply_end(&list);
    test_reply_end(&written);
    test_asker_prints_are(&s, graph, &everything, 1);
    test_asker_end(&s);
    mt_graph_free(graph);
    test_arena_end(&arena);
    test_env_end(&te);
}

/* ---- Damage ---- */

static void committed(void *ctx, uint64_t id, const mt_kv_answer *answer)
{
    (void)ctx;
    CHECK(id == 2 && answer->status == MT_OK);
}

/* Puts an index as it was, but for one pair, and sees what a store makes of it. */
static void look(test_shelf *shelf, const test_pairs *all, size_t but, mt_kv_pair other)
{
    mt_kv_op ops[32] = {{MT_KV_DELETE_RANGE, mt_str("w"), mt_str("z")}};
    mt_kv_host host = {committed, NULL};
    size_t count = 1;

    CHECK(all->count + 1 < TEST_COUNT(ops));
    for (size_t i = 0; i < all->count; i++)
        if (i != but) ops[count++] = (mt_kv_op){MT_KV_PUT, all->pairs[i].key, all->pairs[i].value};
    if (other.key.len) ops[count++] = (mt_kv_op){MT_KV_PUT, other.key, other.value};
    test_asker_end(&shelf->s);
    CHECK(shelf->engine.ops->commit(shelf->engine.ctx, &host, 2, ops, count) == MT_OK);
    test_shelf_open(shelf);
    adds_up(shelf);
}

/* A store whose index has some leaves, and lags. */
static void indexed(test_shelf *shelf, test_pairs *all)
{
    mt_kv_host host = {test_pairs_take, all};

    test_shelf_begin(shelf);
    write_some(shelf, 0, 30, 1);
    test_shelf_write_large(shelf, "big", 66, 5);
    write_some(shelf, 30, 90, 1);
    test_shelf_write(shelf, "ada^7 x=~@8", "");
    test_shelf_reopen(shelf);
    adds_up(shelf);
    write_some(shelf, 50, 15, 9);
    test_shelf_write_large(shelf, "n001", 66, 5);
    CHECK(shelf->engine.ops->scan(shelf->engine.ctx, &host, 1, mt_str("x"), mt_str("y"), 1000) ==
          MT_OK);
    CHECK(all->count >= 5);
}

static void each_byte(bool of_keys)
{
    test_shelf shelf = {0};
    test_pairs all = {{0}, NULL, 0, 0};

    indexed(&shelf, &all);
    for (size_t i = 0; i < all.count; i++) {
        mt_kv_pair pair = all.pairs[i];
        mt_bytes *part = of_keys ? &pair.key : &pair.value;
        mt_bytes sound = *part;
        uint8_t *spoiled = test_take(&all.arena, sound.len + 1);

        part->data = spoiled;
        for (size_t at = 0; at < sound.len; at++) {
            memcpy(spoiled, sound.data, sound.len);
            spoiled[at] ^= (uint8_t)(1u << at % 8);
            look(&shelf, &all, i, pair);
        }
        memcpy(spoiled, sound.data, sound.len);
        part->len--;
        look(&shelf, &all, i, pair);
        look(&shelf, &all, i, (mt_kv_pair){{NULL, 0}, {NULL, 0}});
    }
    look(&shelf, &all, SIZE_MAX, (mt_kv_pair){{NULL, 0}, {NULL, 0}});
    test_arena_end(&all.arena);
    test_shelf_end(&shelf);
}

TEST(no_changed_byte_of_the_index_makes_a_sum_wrong)
{
    each_byte(false);
}

TEST(no_record_of_the_index_under_another_key_makes_a_sum_wrong)
{
    each_byte(true);
}

/* Whether a leaf of so many elements, with uids of so many bytes, is taken. */
static mt_status load_leaf(size_t count, size_t uid_len)
{
    mti_leaf_writer writer = {.bytes.mem = test_mem()};
    uint8_t uid[MT_UID_LEN_MAX + 1];
    mti_element element = {{uid, uid_len}, {.state_max = 1}};
    mti_index index;
    mt_status st;

    memset(uid, 'a', sizeof uid);
    mti_index_init(&index, test_mem());
    for (size_t i = 0; i < count; i++) {
        uid[uid_len - 1] = (uint8_t)(1 + i);
        CHECK(mti_leaf_writer_add(&writer, &element) == MT_OK);
    }
    CHECK(mti_index_append(&index, mt_str("a"), (mt_bytes){NULL, 0}, &writer.sum) == MT_OK);
    st = mti_index_load(&index, 0, mt_buf_bytes(&writer.bytes));
    mti_index_free(&index);
    mt_buf_free(&writer.bytes);
    return st;
}

TEST(a_leaf_that_holds_more_than_one_may_is_refused)
{
    CHECK(load_leaf(MTI_LEAF_MAX, MT_UID_LEN_MAX) == MT_OK);
    CHECK(load_leaf(MTI_LEAF_MAX + 1, 20) == MT_MALFORMED);
    CHECK(load_leaf(1, MT_UID_LEN_MAX + 1) == MT_MALFORMED);
}

/* A leaf of the index that is damaged, or is gone, while the store is open. */
static void leaf_is_lost(bool gone)
{
    test_shelf shelf = {.options.index_bytes = 1};
    const mt_storage_span some = {.first = mt_str("n010"), .end = mt_str("n050")};
    test_reply r;
    mt_buf value;

    test_shelf_begin(&shelf);
    write_some(&shelf, 0, 90, 1);
    test_shelf_reopen(&shelf);
    adds_up(&shelf);
    value = test_shelf_get(&shelf, mt_str("xn000"));
    CHECK(value.len > 0);
    value.data[value.len - 10] ^= 1;
    test_shelf_put(&shelf, mt_str("xn000"), gone ? NULL : &value);
    mt_buf_free(&value);
    test_ask_fingerprint(&shelf.s, &r, &some, 1);
    test_await(&shelf.s, &r);
    CHECK(r.status == MT_AGAIN);
    assert_string_equal(r.text, "the index is damaged, and is made anew");
    test_reply_end(&r);
    adds_up(&shelf);
    test_shelf_end(&shelf);
}

TEST(a_leaf_that_is_found_damaged_has_the_index_made_anew)
{
    leaf_is_lost(false);
}

TEST(a_leaf_that_is_gone_has_the_index_made_anew)
{
    leaf_is_lost(true);
}

/* ---- What the log says no more ---- */

TEST(a_log_that_was_trimmed_too_far_has_the_index_made_anew)
{
    test_shelf shelf = {.options.log_max = 4};

    test_shelf_begin(&shelf);
    write_some(&shelf, 0, 3, 1);
    test_shelf_reopen(&shelf);
    adds_up(&shelf);
    write_some(&shelf, 0, 20, 2);
    test_shelf_reopen(&shelf);
    adds_up(&shelf);
    write_some(&shelf, 0, 2, 3);
    test_shelf_reopen(&shelf);
    write_some(&shelf, 5, 10, 3);
    adds_up(&shelf);
    test_shelf_end(&shelf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_store_has_an_index_and_stores_none_before_many_changes),
        cmocka_unit_test(a_store_without_an_index_notes_nothing_until_it_is_asked),
        cmocka_unit_test(a_store_that_is_to_have_none_answers_nothing),
        cmocka_unit_test(spans_that_overlap_or_end_before_they_begin_are_refused),
        cmocka_unit_test(while_it_is_made_a_request_is_told_how_far_it_is),
        cmocka_unit_test(a_node_that_becomes_large_or_small_again_stays_in_the_index),
        cmocka_unit_test(a_node_that_became_large_by_one_field_is_read_anew),
        cmocka_unit_test(a_node_that_was_forgotten_is_not_found_in_an_index_that_lags),
        cmocka_unit_test(writes_go_before_the_rest_of_a_long_list_of_items),
        cmocka_unit_test(no_changed_byte_of_the_index_makes_a_sum_wrong),
        cmocka_unit_test(no_record_of_the_index_under_another_key_makes_a_sum_wrong),
        cmocka_unit_test(a_leaf_that_holds_more_than_one_may_is_refused),
        cmocka_unit_test(a_leaf_that_is_found_damaged_has_the_index_made_anew),
        cmocka_unit_test(a_leaf_that_is_gone_has_the_index_made_anew),
        cmocka_unit_test(a_log_that_was_trimmed_too_far_has_the_index_made_anew),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
