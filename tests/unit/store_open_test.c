/* store_open_test.c - what a store knows when it is opened, what it is refused for, how it ends. */
#include "base/varint.h"
#include "crdt/binary.h"
#include "store/key.h"
#include "store/seal.h"
#include "test_shelf.h"
#include <stdio.h>
#include <string.h>

static const mt_cursor none;

/* What opening the store once more comes to. The shelf's own is open before and after, if it can be. */
static test_reply opened(test_shelf *shelf, bool works)
{
    test_asker other;
    test_kept engine;
    test_reply r;

    test_asker_end(&shelf->s);
    if (test_asker_try(&other, &shelf->te, test_kept_kv(&engine, shelf->engine), &shelf->options,
                       &r) == MT_OK)
        test_asker_end(&other);
    HOLDS((r.status == MT_OK) == works);
    return r;
}

/* A shelf whose store could not be opened. */
static void shelf_end_closed(test_shelf *shelf)
{
    mt_kv_close(&shelf->engine);
    mt_graph_free(shelf->graph);
    test_env_end(&shelf->te);
}

static void opens_as(test_shelf *shelf, uint64_t clock, uint8_t mode, uint64_t head, uint64_t first)
{
    test_reply r = opened(shelf, true);

    assert_int_equal(r.info.clock, clock);
    assert_int_equal(r.info.clock_mode, mode);
    assert_int_equal(r.info.head.number, head);
    assert_int_equal(r.info.log_first, first);
    test_shelf_open(shelf);
}

static void does_not_open(test_shelf *shelf, mt_status status, const char *text)
{
    test_reply r = opened(shelf, false);

    CHECK(r.status == status);
    assert_string_equal(r.text, text);
}

/* ---- What is known ---- */

TEST(a_new_store_knows_nothing_and_opening_writes_nothing)
{
    test_shelf shelf = {0};

    test_shelf_begin(&shelf);
    opens_as(&shelf, 0, 0, 0, 0);
    assert_int_equal(test_shelf_ops(&shelf), 0);
    test_shelf_keys(&shelf, "bflmnr", "");
    test_shelf_end(&shelf);
}

static void write_clock(test_shelf *shelf, const char *rows, uint64_t clock, uint8_t mode)
{
    mt_storage_commit commit = {0};
    mt_storage_write write = {&commit, 1, NULL, 0, clock, mode};
    mt_delta *delta = NULL;
    test_reply r;

    if (rows) CHECK(test_merge_rows(shelf->graph, rows, &delta) == MT_OK);
    commit.delta = delta;
    test_ask_write(&shelf->s, &r, &write);
    test_await(&shelf->s, &r);
    test_reply_worked(&r);
    test_reply_end(&r);
    mt_delta_free(delta);
}

TEST(the_clock_is_found_again)
{
    test_shelf shelf = {0};

    test_shelf_begin(&shelf);
    write_clock(&shelf, "a x=1@1, b x=1@1", 77, 1);
    test_shelf_keys(&shelf, "l m", "l1 l2 mformat mformat.copy");
    opens_as(&shelf, 77, 1, 2, 1);
    /* Without a change of nodes it needs a record of its own. */
    write_clock(&shelf, NULL, 80, 2);
    test_shelf_keys(&shelf, "l m", "l1 l2 mclock mformat mformat.copy");
    opens_as(&shelf, 80, 2, 2, 1);
    write_clock(&shelf, "c x=1@1", 90, 1);
    opens_as(&shelf, 90, 1, 3, 1);
    test_shelf_end(&shelf);
}

TEST(the_clock_never_goes_back)
{
    test_shelf shelf = {0};

    test_shelf_begin(&shelf);
    write_clock(&shelf, "a x=1@1", 77, 1);
    write_clock(&shelf, "b x=1@1", 5, 1);
    opens_as(&shelf, 77, 1, 2, 1);
    write_clock(&shelf, NULL, 6, 2);
    opens_as(&shelf, 77, 2, 2, 1);
    test_shelf_end(&shelf);
}

TEST(a_clock_that_does_not_move_is_not_written)
{
    test_shelf shelf = {0};

    test_shelf_begin(&shelf);
    write_clock(&shelf, "a x=1@1", 77, 1);
    test_shelf_ops(&shelf);
    write_clock(&shelf, NULL, 77, 1);
    assert_int_equal(test_shelf_ops(&shelf), 0);
    test_shelf_end(&shelf);
}

TEST(the_head_of_a_long_log_is_found)
{
    test_shelf shelf = {.options.log_max = 3000};
    test_arena arena = {0};
    mt_row *rows = test_take(&arena, 700 * sizeof *rows);
    uint64_t head = 0;

    test_shelf_begin(&shelf);
    for (size_t round = 1; round < 30; round++) {
        mt_field field = {.name = mt_str("x"), .value = mt_number(1), .state = round};
        size_t count = round * 23;
        mt_delta *delta = NULL;

        for (size_t i = 0; i < count; i++) {
            char uid[32];

            snprintf(uid, sizeof uid, "n%zu", i * (round % 3 + 1));
            rows[i] = (mt_row){.uid = test_copy(&arena, mt_str(uid)), .fields = &field, .count = 1};
        }
        test_worked(shelf.graph, mt_graph_merge_rows(shelf.graph, rows, count, &delta));
        head = test_asker_write(&shelf.s, delta, "").number;
        if (round % 4 == 0) {
            test_reply r = opened(&shelf, true);

            assert_int_equal(r.info.head.number, head);
            test_shelf_open(&shelf);
        }
    }
    test_arena_end(&arena);
    test_asker_is(&shelf.s, shelf.graph);
    test_shelf_end(&shelf);
}

/* ---- The format ---- */

/* Puts a sealed record under a key. */
static void put_sealed(test_shelf *shelf, const char *key, uint64_t first, uint64_t second)
{
    uint8_t content[2 * MTI_VARINT_LEN_MAX + MTI_SEAL_LEN], *end = content;
    mt_buf value = {.data = content};

    end = mti_varint_put(end, first);
    end = mti_varint_put(end, second);
    end = mti_seal_put(mt_str(key), content, end);
    value.len = (size_t)(end - content);
    test_shelf_put(shelf, mt_str(key), &value);
}

TEST(another_format_is_refused_by_number)
{
    test_shelf shelf = {0};

    test_shelf_begin(&shelf);
    put_sealed(&shelf, MTI_META_FORMAT, 2, 4096);
    does_not_open(&shelf, MT_UNSUPPORTED, "the store has format 2, and only 1 is known here");
    shelf_end_closed(&shelf);
}

TEST(data_without_a_format_is_no_node_store)
{
    test_shelf shelf = {0};
    mt_buf value = {.data = (uint8_t *)(uintptr_t) "1", .len = 1};

    test_shelf_begin(&shelf);
    test_shelf_put(&shelf, mt_str("a"), &value);
    does_not_open(&shelf, MT_MALFORMED, "it is no node store: there is data, and no format");
    shelf_end_closed(&shelf);
}

TEST(one_damaged_copy_of_the_format_is_no_harm)
{
    test_shelf shelf = {0};
    mt_buf value;

    test_shelf_begin(&shelf);
    test_shelf_write(&shelf, "a x=1@1", "");
    value = test_shelf_get(&shelf, mt_str(MTI_META_FORMAT));
    value.data[0] ^= 1;
    test_shelf_put(&shelf, mt_str(MTI_META_FORMAT), &value);
    opens_as(&shelf, 1, 1, 1, 1);
    /* A copy under the key of the other is none. */
    test_shelf_put(&shelf, mt_str(MTI_META_FORMAT_COPY), &value);
    does_not_open(&shelf, MT_MALFORMED,
                  "what the store says of its format is damaged in both copies");
    mt_buf_free(&value);
    shelf_end_closed(&shelf);
}

TEST(a_format_of_another_form_is_malformed)
{
    test_shelf shelf = {0};

    test_shelf_begin(&shelf);
    put_sealed(&shelf, MTI_META_FORMAT, 1, 0);
    does_not_open(&shelf, MT_MALFORMED, "the store's format is not of its form");
    shelf_end_closed(&shelf);
}

/* ---- Damage to what is known ---- */

TEST(a_damaged_newest_change_costs_the_clock_and_no_more)
{
    test_shelf shelf = {0};
    uint8_t key[MTI_KEY_NUMBER_LEN];
    mt_buf value;

    test_shelf_begin(&shelf);
    write_clock(&shelf, NULL, 70, 1);
    write_clock(&shelf, "a x=1@1, b x=1@1", 77, 1);
    mti_key_put_number(key, MTI_KEY_LOG, 2);
    value = test_shelf_get(&shelf, (mt_bytes){key, sizeof key});
    value.data[0] ^= 0x80;
    test_shelf_put(&shelf, (mt_bytes){key, sizeof key}, &value);
    mt_buf_free(&value);
    opens_as(&shelf, 70, 1, 2, 1);
    CHECK(test_shelf_follow(&shelf, none) == MT_MALFORMED);
    test_shelf_write(&shelf, "c x=1@1", "");
    opens_as(&shelf, 70, 1, 3, 1);
    test_asker_is(&shelf.s, shelf.graph);
    test_shelf_end(&shelf);
}

TEST(when_what_was_trimmed_is_damaged_older_cursors_are_stale)
{
    test_shelf shelf = {.options.log_max = 4};
    mt_cursor at, head;
    mt_buf value;

    test_shelf_begin(&shelf);
    test_shelf_write(&shelf, "a x=1@1, b x=1@1, c x=1@1, d x=1@1, e x=1@1, f x=1@1", "");
    at = test_shelf_write(&shelf, "g x=1@1", "");
    head = test_shelf_write(&shelf, "h x=1@1", "");
    CHECK(test_shelf_follow(&shelf, at) == MT_OK);
    value = test_shelf_get(&shelf, mt_str(MTI_META_LOG));
    value.data[0] ^= 1;
    test_shelf_put(&shelf, mt_str(MTI_META_LOG), &value);
    mt_buf_free(&value);
    test_shelf_reopen(&shelf);
    CHECK(test_shelf_follow(&shelf, at) == MT_STALE);
    test_shelf_log(&shelf, head, "");
    test_shelf_end(&shelf);
}

TEST(a_damaged_boot_is_a_boot_that_nobody_knows)
{
    test_shelf shelf = {0};
    uint8_t key[MTI_KEY_NUMBER_LEN];
    mt_cursor one, two;
    mt_buf value;

    test_shelf_begin(&shelf);
    one = test_shelf_write(&shelf, "a x=1@1", "");
    test_shelf_reopen(&shelf);
    two = test_shelf_write(&shelf, "b x=1@1", "");
    mti_key_put_number(key, MTI_KEY_BOOT, 2);
    value = test_shelf_get(&shelf, (mt_bytes){key, sizeof key});
    value.data[5] ^= 1;
    test_shelf_put(&shelf, (mt_bytes){key, sizeof key}, &value);
    mt_buf_free(&value);
    test_shelf_reopen(&shelf);
    CHECK(test_shelf_follow(&shelf, two) == MT_STALE);
    test_shelf_log(&shelf, one, "2:b*");
    test_shelf_write(&shelf, "c x=1@1", "");
    CHECK(test_shelf_follow(&shelf, test_shelf_log(&shelf, one, "2:b* 3:c*")) == MT_OK);
    test_shelf_end(&shelf);
}

/* ---- Making a store ---- */

TEST(an_engine_that_is_refused_stays_its_owners)
{
    mt_kv_ops ops = {.abi = 2};
    mt_storage storage = {NULL, NULL};
    mt_error err = {0};
    test_env te;

    test_env_init(&te, 1, test_mem());
    CHECK(mt_node_store_new(&te.env, (mt_kv){&ops, NULL}, NULL, &storage, &err) == MT_UNSUPPORTED);
    assert_string_equal(err.text, "the key-value engine is made for abi 2 of its contract, not 1");
    CHECK(!storage.ops);
    test_env_end(&te);
}

TEST(without_randomness_nothing_is_logged)
{
    test_shelf shelf = {0};
    mt_storage_commit commit = {0};
    mt_storage_write write = {.commits = &commit, .commit_count = 1};
    mt_delta *delta = NULL;
    test_reply r;

    test_shelf_begin(&shelf);
    CHECK(test_merge_rows(shelf.graph, "a x=1@1", &delta) == MT_OK);
    commit.delta = delta;
    shelf.te.no_entropy = true;
    test_ask_write(&shelf.s, &r, &write);
    CHECK(r.done && r.status == MT_IO);
    assert_string_equal(r.text, "there is no randomness for the id of this opening");
    CHECK(test_shelf_record(&shelf, "r", "1") == MT_OK);
    shelf.te.no_entropy = false;
    test_ask_write(&shelf.s, &r, &write);
    CHECK(r.done && r.status == MT_OK);
    mt_delta_free(delta);
    test_asker_is(&shelf.s, shelf.graph);
    test_shelf_end(&shelf);
}

/* It is drawn again for the first change that is logged. */
TEST(a_store_that_was_opened_without_randomness_is_none_the_worse)
{
    test_shelf shelf = {0};

    test_shelf_begin(&shelf);
    test_shelf_write(&shelf, "ada x=1@1", "");
    shelf.te.no_entropy = true;
    test_shelf_reopen(&shelf);
    test_asker_is(&shelf.s, shelf.graph);
    shelf.te.no_entropy = false;
    test_shelf_write(&shelf, "ada x=2@2", "");
    test_shelf_log(&shelf, none, "1:ada* 2:ada(x)");
    test_shelf_end(&shelf);
}

TEST(options_that_say_no_size_are_the_defaults)
{
    test_shelf shelf = {0};

    test_shelf_begin(&shelf);
    shelf.options = (mt_node_store_options){.size = 0, .small_len_max = 1, .no_fingerprints = true};
    test_shelf_reopen(&shelf);
    CHECK(shelf.s.storage.ops->fingerprint != NULL);
    CHECK(shelf.s.storage.ops->bytes(shelf.s.storage.ctx) == 0);
    test_shelf_write(&shelf, "ada x=1@1", "");
    test_shelf_keys(&shelf, "nf", "nada");
    test_shelf_end(&shelf);
}

/* A frame has no more, so that a small node would not be read again. */
TEST(a_small_node_is_no_longer_than_a_frame_may_be)
{
    test_shelf shelf = {.options.small_len_max = SIZE_MAX};
    mt_bytes content = {NULL, 0};
    uint64_t format, len;
    mt_buf value;

    test_shelf_begin(&shelf);
    test_shelf_write(&shelf, "ada x=1@1", "");
    value = test_shelf_get(&shelf, mt_str(MTI_META_FORMAT));
    CHECK(mti_seal_open(mt_str(MTI_META_FORMAT), mt_buf_bytes(&value), &content));
    CHECK(mti_varint_get(content.data, content.data + content.len, &format) == 1 && format == 1);
    CHECK(mti_varint_get(content.data + 1, content.data + content.len, &len) > 0);
    CHECK(len == MTI_FRAME_LEN_WALL);
    mt_buf_free(&value);
    test_shelf_reopen(&shelf);
    test_asker_is(&shelf.s, shelf.graph);
    test_shelf_end(&shelf);
}

#define KEY(text)                                 \
    {                                             \
        (const uint8_t *)(text), sizeof(text) - 1 \
    }

/* A record of a large node, under a key where nobody would look for it. */
TEST(a_store_that_is_checked_does_not_open_with_a_key_under_which_nobody_looks)
{
    const struct {
        mt_bytes key;
        const char *text;
    } strays[] = {
        {KEY("speer/p"), "the key \"speer/p\" is none that is known"},
        {KEY("A"), "the key \"A\" is none that is known"},
        {KEY("zz"), "the key \"zz\" is none that is known"},
        {KEY("mclocj"), "the key \"mclocj\" is none that is known"},
        {KEY("l1"), "the key \"l1\" is none that is known"},
        {KEY("b12345678z"), "the key \"b12345678z\" is none that is known"},
        {KEY("fbig"), "the key \"fbig\" is none that is known"},
        {KEY("f\0f001"), "the key \"f\\x00f001\" is none that is known"},
        {KEY("fbog\0f001"), "among the fields of node \"bog\" is one of \"big\""},
    };
    const mt_bytes from = KEY("fbig\0f001");
    test_shelf shelf = {.options.check = true};
    mt_buf value;
    test_reply r;

    test_shelf_begin(&shelf);
    test_shelf_write(&shelf, "ada x=1@1, bob x=1@1", "");
    test_shelf_write_large(&shelf, "big", 300, 5);
    CHECK(test_shelf_record(&shelf, "peer/p", "12") == MT_OK);
    test_shelf_reopen(&shelf);
    test_asker_is(&shelf.s, shelf.graph);
    value = test_shelf_get(&shelf, from);
    for (size_t i = 0; i < TEST_COUNT(strays); i++) {
        test_asker_end(&shelf.s);
        test_shelf_put(&shelf, strays[i].key, &value);
        CHECK(test_shelf_try(&shelf, &r) == MT_MALFORMED);
        assert_string_equal(r.text, strays[i].text);
        test_reply_end(&r);
        shelf.options.check = false;
        test_shelf_open(&shelf);
        test_asker_end(&shelf.s);
        shelf.options.check = true;
        test_shelf_put(&shelf, strays[i].key, NULL);
        test_shelf_open(&shelf);
        test_asker_is(&shelf.s, shelf.graph);
    }
    mt_buf_free(&value);
    test_shelf_end(&shelf);
}

/* It is told of where it is read, with all others. */
TEST(a_store_that_is_checked_opens_with_a_record_that_is_damaged)
{
    const mt_bytes key = KEY("fbig\0f001");
    test_shelf shelf = {.options.check = true};
    mt_storage_key big = {.uid = mt_str("big"), .whole = true};
    mt_buf value;
    test_reply r;

    test_shelf_begin(&shelf);
    test_shelf_write_large(&shelf, "big", 66, 5);
    value = test_shelf_get(&shelf, key);
    value.data[value.len / 2] ^= 4;
    test_shelf_put(&shelf, key, &value);
    mt_buf_free(&value);
    test_shelf_reopen(&shelf);
    test_ask_read(&shelf.s, &r, &big, 1);
    CHECK(r.status == MT_MALFORMED && r.row_count > 0);
    test_reply_end(&r);
    test_shelf_end(&shelf);
}

TEST(before_it_is_open_everything_is_refused)
{
    test_shelf shelf = {0};
    test_kept engine;
    mt_storage_write write = {0};
    mt_storage_key key = {.uid = mt_str("a")};
    test_asker s = {0};
    test_reply r;

    test_shelf_begin(&shelf);
    s.te = &shelf.te;
    CHECK(mt_node_store_new(&shelf.te.env, test_kept_kv(&engine, shelf.engine), NULL, &s.storage,
                            NULL) == MT_OK);
    test_ask_read(&s, &r, &key, 1);
    CHECK(r.status == MT_INVALID);
    test_ask_list(&s, &r, key.uid, key.uid, 1);
    CHECK(r.status == MT_INVALID);
    test_ask_write(&s, &r, &write);
    CHECK(r.status == MT_INVALID);
    test_ask_remove(&s, &r, &key.uid, 1);
    CHECK(r.status == MT_INVALID);
    test_ask_changes(&s, &r, &none, 1);
    CHECK(r.status == MT_INVALID);
    test_ask_records(&s, &r, key.uid, key.uid, 1);
    CHECK(r.status == MT_INVALID);
    test_ask_fingerprint(&s, &r, &(mt_storage_span){.parts = 1}, 1);
    CHECK(r.status == MT_INVALID);
    test_ask_items(&s, &r, &(mt_storage_span){.parts = 1}, 1);
    CHECK(r.status == MT_INVALID);
    mt_storage_close(&s.storage);
    test_shelf_end(&shelf);
}

TEST(a_store_is_opened_once)
{
    test_shelf shelf = {0};
    test_reply r;

    test_shelf_begin(&shelf);
    test_ask_open(&shelf.s, &r);
    CHECK(r.status == MT_INVALID);
    test_shelf_end(&shelf);
}

/* ---- Ending it inside its last answer ---- */

typedef struct closer {
    mt_storage storage;
    size_t answers;
} closer;

static void answer_and_close(void *ctx, uint64_t id, const mt_storage_answer *answer)
{
    closer *c = ctx;

    CHECK(answer->status == MT_OK && !answer->more);
    c->answers++;
    if (id == 2) mt_storage_close(&c->storage);
}

TEST(a_store_may_be_closed_inside_its_last_answer)
{
    mt_storage_key key = {.uid = mt_str("a")};
    mt_storage_write write = {.clock = 1};
    test_shelf shelf = {0};

    test_shelf_begin(&shelf);
    for (int i = 0; i < 3; i++) {
        test_kept engine;
        closer c = {.answers = 0};
        mt_storage_host host = {answer_and_close, &c};

        CHECK(mt_node_store_new(&shelf.te.env, test_kept_kv(&engine, shelf.engine), NULL,
                                &c.storage, NULL) == MT_OK);
        CHECK(c.storage.ops->open(c.storage.ctx, &host, 1) == MT_OK);
        write.clock++;
        if (i == 0) CHECK(c.storage.ops->read(c.storage.ctx, &host, 2, &key, 1) == MT_OK);
        if (i == 1) CHECK(c.storage.ops->write(c.storage.ctx, &host, 2, &write) == MT_OK);
        if (i == 2) CHECK(c.storage.ops->changes(c.storage.ctx, &host, 2, &none, 1) == MT_OK);
        CHECK(c.answers == 2 && !c.storage.ops);
    }
    test_shelf_end(&shelf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_store_knows_nothing_and_opening_writes_nothing),
        cmocka_unit_test(the_clock_is_found_again),
        cmocka_unit_test(the_clock_never_goes_back),
        cmocka_unit_test(a_clock_that_does_not_move_is_not_written),
        cmocka_unit_test(the_head_of_a_long_log_is_found),
        cmocka_unit_test(another_format_is_refused_by_number),
        cmocka_unit_test(data_without_a_format_is_no_node_store),
        cmocka_unit_test(one_damaged_copy_of_the_format_is_no_harm),
        cmocka_unit_test(a_format_of_another_form_is_malformed),
        cmocka_unit_test(a_damaged_newest_change_costs_the_clock_and_no_more),
        cmocka_unit_test(when_what_was_trimmed_is_damaged_older_cursors_are_stale),
        cmocka_unit_test(a_damaged_boot_is_a_boot_that_nobody_knows),
        cmocka_unit_test(an_engine_that_is_refused_stays_its_owners),
        cmocka_unit_test(without_randomness_nothing_is_logged),
        cmocka_unit_test(a_store_that_was_opened_without_randomness_is_none_the_worse),
        cmocka_unit_test(options_that_say_no_size_are_the_defaults),
        cmocka_unit_test(a_small_node_is_no_longer_than_a_frame_may_be),
        cmocka_unit_test(a_store_that_is_checked_does_not_open_with_a_key_under_which_nobody_looks),
        cmocka_unit_test(a_store_that_is_checked_opens_with_a_record_that_is_damaged),
        cmocka_unit_test(before_it_is_open_everything_is_refused),
        cmocka_unit_test(a_store_is_opened_once),
        cmocka_unit_test(a_store_may_be_closed_inside_its_last_answer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
