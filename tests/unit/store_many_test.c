/* store_many_test.c - stores with more than one page, piece or question takes, and an index of very many
 * leaves: all of it comes, and where memory or the engine fails amid that, it comes later. */
#include "base/bytes.h"
#include "store/node_store.h"
#include "test_shelf.h"
#include <mytosis/conformance.h>
#include <mytosis/plugin/kv_memory.h>
#include <stdio.h>
#include <string.h>

static const mt_storage_span everything = {.parts = 3};

static mti_keeper *keeper_of(test_shelf *shelf)
{
    return &((mti_node_store *)shelf->s.storage.ctx)->keeper;
}

/* Writes nodes of one field: PREFIX00000 and on, at a state. */
static void write_many(test_shelf *shelf, const char *prefix, size_t count, uint64_t state)
{
    test_arena arena = {0};
    mt_row *rows = test_take(&arena, count * sizeof *rows);
    mt_field field = {.name = mt_str("x"), .value = mt_number(1), .state = state};
    mt_delta *delta = NULL;
    char uid[32];

    for (size_t i = 0; i < count; i++) {
        snprintf(uid, sizeof uid, "%s%05zu", prefix, i);
        rows[i] = (mt_row){.uid = test_copy(&arena, mt_str(uid)), .fields = &field, .count = 1};
    }
    test_worked(shelf->graph, mt_graph_merge_rows(shelf->graph, rows, count, &delta));
    test_asker_write(&shelf->s, delta, "");
    test_arena_end(&arena);
}

/* ---- Nodes ---- */

TEST(of_many_large_nodes_each_has_its_row)
{
    test_shelf shelf = {.options.small_len_max = 30};
    test_arena arena = {0};
    mt_bytes name = mt_str("f000");
    mt_storage_key *keys = test_take(&arena, 1200 * sizeof *keys);
    char uid[32];
    test_reply r;

    test_shelf_begin(&shelf);
    for (size_t i = 0; i < 600; i++) {
        snprintf(uid, sizeof uid, "n%03zu", i);
        test_shelf_write_large(&shelf, uid, 65, 5);
        keys[i] = (mt_storage_key){
            .uid = test_copy(&arena, mt_str(uid)), .names = &name, .name_count = i % 2};
    }
    r = test_asker_read(&shelf.s, keys, 600);
    CHECK(r.row_count == 600 && r.pieces > 1);
    for (size_t i = 0; i < r.row_count; i++)
        CHECK(r.rows[i].partial && r.rows[i].row.count <= 1 && !r.rows[i].row.more);
    test_reply_end(&r);
    for (size_t i = 0; i < 600; i++) keys[i].name_count = 0;
    r = test_asker_read(&shelf.s, keys, 600);
    CHECK(r.row_count == 600 && r.pieces > 1);
    test_reply_end(&r);
    /* Some by name and some whole. */
    for (size_t i = 0; i < 4; i++) {
        keys[i].whole = i % 2;
        keys[i].name_count = 1;
    }
    r = test_asker_read(&shelf.s, keys, 4);
    CHECK(r.row_count == 4);
    for (size_t i = 0; i < 4; i++) CHECK(r.rows[i].partial == (r.rows[i].row.count == 1));
    test_reply_end(&r);
    test_arena_end(&arena);
    test_shelf_end(&shelf);
}

/* Texts of a hundred thousand bytes each, and a record of three million. */
TEST(a_write_of_many_megabytes_is_one_commit)
{
    static uint8_t text[3000000];
    mt_field fields[60];
    char names[60][8];
    mt_row row = {.uid = mt_str("big"), .fields = fields, .count = 60};
    mt_storage_record record = {mt_str("peer/p"), {text, sizeof text}};
    mt_storage_write write = {.records = &record, .record_count = 1};
    mt_delta *delta = NULL;
    test_shelf shelf = {0};
    test_reply r;

    memset(text, 't', sizeof text);
    for (size_t i = 0; i < 60; i++) {
        snprintf(names[i], sizeof names[i], "f%02zu", i);
        fields[i] = (mt_field){.name = mt_str(names[i]), .state = 1};
        fields[i].value = mt_string((mt_bytes){text, 100000});
    }
    test_shelf_begin(&shelf);
    test_worked(shelf.graph, mt_graph_merge_rows(shelf.graph, &row, 1, &delta));
    test_asker_write(&shelf.s, delta, "");
    CHECK(test_shelf_ops(&shelf) > 60);
    test_ask_write(&shelf.s, &r, &write);
    test_reply_worked(&r);
    test_reply_end(&r);
    test_shelf_write(&shelf, "ada x=1@1", "");
    test_asker_is(&shelf.s, shelf.graph);
    test_ask_records(&shelf.s, &r, mt_str(""), mt_str(""), 10);
    CHECK(r.record_count == 1 && mt_bytes_equal(r.records[0].value, record.value));
    test_reply_end(&r);
    test_shelf_end(&shelf);
}

/* ---- An index of many leaves ---- */

#define MANY 9000

/* A large node of many fields, and many nodes; the index is not made yet. */
static void begin(test_shelf *shelf)
{
    test_shelf_begin(shelf);
    test_shelf_write_large(shelf, "big", MANY, 5);
    write_many(shelf, "n", MANY, 1);
    test_shelf_reopen(shelf);
}

/* What one question for all comes to. */
static mt_status ask_once(test_shelf *shelf)
{
    test_reply r;
    mt_status st;

    test_ask_fingerprint(&shelf->s, &r, &everything, 1);
    test_await(&shelf->s, &r);
    st = r.status;
    test_reply_end(&r);
    return st;
}

/* Asks until it answers, and holds that the whole adds up. */
static void adds_up(test_shelf *shelf)
{
    test_asker_prints_are(&shelf->s, shelf->graph, &everything, 1);
}

TEST(an_index_of_many_leaves_is_made_and_stored_in_parts)
{
    test_shelf shelf = {0};

    begin(&shelf);
    test_shelf_ops(&shelf);
    adds_up(&shelf);
    CHECK(keeper_of(&shelf)->index.count > 256);
    CHECK(test_shelf_ops(&shelf) > keeper_of(&shelf)->index.count);
    test_shelf_reopen(&shelf);
    adds_up(&shelf);
    CHECK(test_shelf_ops(&shelf) == 0);
    test_shelf_end(&shelf);
}

/* Of 30 nodes, 13. */
static void some_spans(test_arena *arena, mt_storage_span *spans, size_t count)
{
    char uid[32];

    for (size_t i = 0; i < count; i++) {
        snprintf(uid, sizeof uid, "n%05zu", 30 * i + 7);
        spans[i] = (mt_storage_span){.first = test_copy(arena, mt_str(uid))};
        snprintf(uid, sizeof uid, "n%05zu", 30 * i + 20);
        spans[i].end = test_copy(arena, mt_str(uid));
    }
}

/* So many spans that their leaves do not all go into one question. */
TEST(many_spans_are_answered_from_leaves_that_are_not_in_memory)
{
    test_shelf shelf = {.options.index_bytes = 1};
    test_arena arena = {0};
    size_t count = 300;
    mt_storage_span *spans = test_take(&arena, count * sizeof *spans);

    begin(&shelf);
    some_spans(&arena, spans, count);
    test_asker_prints_are(&shelf.s, shelf.graph, spans, count);
    test_arena_end(&arena);
    test_shelf_end(&shelf);
}

TEST(changes_of_many_leaves_are_taken_in_though_none_of_them_is_in_memory)
{
    test_shelf shelf = {.options.index_bytes = 1};

    begin(&shelf);
    adds_up(&shelf);
    write_many(&shelf, "n", MANY, 2);
    adds_up(&shelf);
    test_shelf_end(&shelf);
}

/* More changes than are looked at together, among them those of many fields of a node by name. */
TEST(an_index_that_lags_far_behind_takes_the_log_in_part_by_part)
{
    test_shelf shelf = {.options.index_lag = 100000};

    begin(&shelf);
    adds_up(&shelf);
    write_many(&shelf, "n", 5000, 3);
    for (size_t i = 0; i < 200; i += 50) {
        char rows[2048];
        size_t len = (size_t)snprintf(rows, sizeof rows, "big");

        for (size_t j = i; j < i + 50; j++)
            len += (size_t)snprintf(rows + len, sizeof rows - len, " f%03zu=9@9", j);
        test_shelf_write(&shelf, rows, "");
    }
    test_shelf_reopen(&shelf);
    test_shelf_ops(&shelf);
    adds_up(&shelf);
    test_shelf_end(&shelf);
}

TEST(an_index_that_lags_too_far_behind_is_made_anew)
{
    test_shelf shelf = {.options.index_lag = 1000000};

    test_shelf_begin(&shelf);
    test_shelf_write(&shelf, "ada x=1@1", "");
    test_shelf_reopen(&shelf);
    adds_up(&shelf);
    write_many(&shelf, "n", 70000, 1);
    test_shelf_reopen(&shelf);
    CHECK(keeper_of(&shelf)->state == MTI_KEEPER_NONE);
    test_shelf_end(&shelf);
}

/* More fields of one node than go into one piece. */
TEST(of_many_fields_that_are_asked_for_by_name_each_comes_once)
{
    test_arena arena = {0};
    size_t count = 3000, fields = 0;
    mt_bytes *names = test_take(&arena, count * sizeof *names);
    mt_storage_key key = {.uid = mt_str("big"), .names = names, .name_count = count};
    test_shelf shelf = {0};
    char name[32];
    test_reply r;

    for (size_t i = 0; i < count; i++) {
        snprintf(name, sizeof name, "f%04zu", 1000 + i);
        names[i] = test_copy(&arena, mt_str(name));
    }
    test_shelf_begin(&shelf);
    test_shelf_write_large(&shelf, "big", 5000, 5);
    r = test_asker_read(&shelf.s, &key, 1);
    for (size_t i = 0; i < r.row_count; i++) fields += r.rows[i].row.count;
    CHECK(fields == count && r.row_count > 1);
    test_reply_end(&r);
    test_arena_end(&arena);
    test_shelf_end(&shelf);
}

/* ---- Lists and writes that take turns ---- */

/* A write under way, and the node that it changes each time anew. */
typedef struct writer {
    mt_delta *delta;
    mt_storage_commit commit;
    mt_storage_write write;
    test_reply r;
    uint64_t state;
    size_t count;
} writer;

static void write_one(writer *w, test_asker *s, mt_graph *graph)
{
    mt_field field = {.name = mt_str("y"), .value = mt_number(1), .state = w->state++};
    mt_row row = {.uid = mt_str("n04500"), .fields = &field, .count = 1};

    test_worked(graph, mt_graph_merge_rows(graph, &row, 1, &w->delta));
    w->commit = (mt_storage_commit){.delta = w->delta};
    w->write = (mt_storage_write){.commits = &w->commit, .commit_count = 1};
    test_ask_write(s, &w->r, &w->write);
    w->count++;
}

static void write_ended(writer *w)
{
    test_reply_worked(&w->r);
    test_reply_end(&w->r);
    mt_delta_free(w->delta);
}

/* Lists the items of spans while one write follows the other: the list does not wait for all of them, nor they for
 * it. Answers how many there were. */
static size_t list_between_writes(const mt_storage_span *spans, size_t count, size_t *items)
{
    mt_kv_late_options late = {.size = sizeof late, .seed = 5};
    mt_node_store_options options = {.size = sizeof options, .index_lag = 100000};
    test_shelf shelf = {0};
    writer w = {.state = 10};
    test_reply list;
    mt_kv kv;

    begin(&shelf);
    adds_up(&shelf);
    test_asker_end(&shelf.s);
    CHECK(mt_kv_late(&shelf.te.env, shelf.engine, &late, &kv) == MT_OK);
    test_asker_init(&shelf.s, &shelf.te, kv, &options);
    CHECK(ask_once(&shelf) == MT_OK);
    test_ask_items(&shelf.s, &list, spans, count);
    write_one(&w, &shelf.s, shelf.graph);
    while (!list.done) {
        test_env_run_for(&shelf.te, 1);
        if (!w.r.done || list.done) continue;
        write_ended(&w);
        write_one(&w, &shelf.s, shelf.graph);
    }
    test_reply_worked(&list);
    for (size_t i = 1; i < list.item_count; i++)
        CHECK(mt_bytes_compare(list.items[i - 1].uid, list.items[i].uid) < 0);
    *items = list.item_count;
    test_reply_end(&list);
    test_await(&shelf.s, &w.r);
    write_ended(&w);
    test_asker_prints_are(&shelf.s, shelf.graph, spans, count);
    test_asker_end(&shelf.s);
    mt_graph_free(shelf.graph);
    test_env_end(&shelf.te);
    return w.count;
}

TEST(writes_go_before_the_rest_of_a_node_that_is_listed)
{
    size_t items;

    CHECK(list_between_writes(&everything, 1, &items) > 2);
    CHECK(items == MANY + 1);
}

TEST(writes_go_before_the_rest_of_spans_that_are_listed)
{
    test_arena arena = {0};
    size_t items, count = 300;
    mt_storage_span *spans = test_take(&arena, count * sizeof *spans);

    some_spans(&arena, spans, count);
    CHECK(list_between_writes(spans, count, &items) > 2);
    CHECK(items == 13 * count);
    test_arena_end(&arena);
}

/* ---- Failures ---- */

static size_t failed; /* requests */

/* Some leaves, of small nodes and of fields. `made`: the index is stored, and lags behind. */
static void begin_some(test_shelf *shelf, fail_mem *fm, bool made)
{
    fm->fail_at = SIZE_MAX;
    shelf->mem = fail_mem_hook(fm);
    test_shelf_begin(shelf);
    test_shelf_write_large(shelf, "big", 150, 5);
    test_shelf_write_large(shelf, "bog", 70, 5);
    test_shelf_write_large(shelf, "zoo", 70, 5);
    write_many(shelf, "n", 150, 1);
    test_shelf_reopen(shelf);
    if (!made) return;
    CHECK(ask_once(shelf) == MT_OK);
    write_many(shelf, "n", 30, 2);
    test_shelf_write(shelf, "big f003=8@6", "");
    test_shelf_write(shelf, "zoo f003=8@6", "");
    test_shelf_write(shelf, "bog^2", "");
    test_shelf_write_large(shelf, "n00003", 70, 9); /* of which the log does not say all */
    test_shelf_reopen(shelf);
}

/* Asks where one allocation fails, and once more where none does, and ends the store. Answers whether one has. */
static bool ask_without(test_shelf *shelf, fail_mem *fm, size_t at)
{
    mt_status st;

    fm->fail_at = fm->count + at;
    st = ask_once(shelf);
    CHECK(st == MT_OK || (fm->tripped && st == MT_NO_MEMORY));
    failed += st != MT_OK;
    fm->fail_at = SIZE_MAX;
    adds_up(shelf);
    test_shelf_end(shelf);
    CHECK(fm->live_bytes == 0);
    return fm->tripped;
}

/* Asks where the allocation numbered `at` fails; false: there are not so many. It does not matter where an index
 * that is made is only to be stored. */
static bool fails_at(size_t at, bool made)
{
    fail_mem fm = {.fail_at = SIZE_MAX};
    test_shelf shelf = {.options.index_bytes = 1};

    begin_some(&shelf, &fm, made);
    return ask_without(&shelf, &fm, at);
}

TEST(while_an_index_is_made_memory_may_be_out_at_any_time)
{
    size_t at = 0;

    failed = 0;
    while (fails_at(at, false)) at++;
    CHECK(failed > 10 && failed <= at);
}

TEST(while_an_index_takes_in_what_it_lacks_memory_may_be_out_at_any_time)
{
    size_t at = 0;

    failed = 0;
    while (fails_at(at, true)) at++;
    CHECK(failed > 10 && failed <= at);
}

/* Changes since it was made concern leaves that are not in memory. */
static bool fails_later(size_t at)
{
    fail_mem fm = {.fail_at = SIZE_MAX};
    test_shelf shelf = {.options.index_bytes = 1};

    begin_some(&shelf, &fm, false);
    CHECK(ask_once(&shelf) == MT_OK);
    write_many(&shelf, "n", 150, 2);
    return ask_without(&shelf, &fm, at);
}

TEST(while_an_index_takes_changes_in_memory_may_be_out_at_any_time)
{
    size_t at = 0;

    failed = 0;
    while (fails_later(at)) at++;
    CHECK(failed > 5 && failed <= at);
}

/* Of the many allocations, some: the index goes on where it was. */
TEST(while_an_index_of_many_leaves_is_made_memory_may_be_out)
{
    bool tripped = true;

    for (size_t at = 0; tripped; at += 41) {
        fail_mem fm = {.fail_at = SIZE_MAX};
        test_shelf shelf = {.mem = fail_mem_hook(&fm)};
        mt_status st;

        begin(&shelf);
        fm.fail_at = fm.count + at;
        while ((st = ask_once(&shelf)) == MT_AGAIN) {
        }
        CHECK(st == MT_OK || (fm.tripped && st == MT_NO_MEMORY));
        tripped = fm.tripped;
        fm.fail_at = SIZE_MAX;
        while ((st = ask_once(&shelf)) == MT_AGAIN) {
        }
        CHECK(st == MT_OK && keeper_of(&shelf)->index.all.nodes == MANY + 1);
        test_shelf_end(&shelf);
        CHECK(fm.live_bytes == 0);
    }
}

/* The engine fails once, at each of the calls that making an index needs. */
TEST(while_an_index_is_made_each_call_of_the_engine_may_fail)
{
    mt_kv_fault fault = {.calls = 0, .status = MT_IO};
    mt_status st;

    failed = 0;
    do {
        mt_kv_late_options late = {.size = sizeof late, .seed = 7, .fault = &fault};
        mt_node_store_options options = {.size = sizeof options};
        test_shelf shelf = {0};
        mt_kv kv;

        fault.calls = 0;
        begin_some(&shelf, &(fail_mem){.fail_at = SIZE_MAX}, false);
        test_asker_end(&shelf.s);
        CHECK(mt_kv_late(&shelf.te.env, shelf.engine, &late, &kv) == MT_OK);
        test_asker_init(&shelf.s, &shelf.te, kv, &options);
        fault.count = 0;
        fault.tripped = false;
        fault.calls = MT_KV_FAULT_ALL;
        st = ask_once(&shelf);
        CHECK(st == MT_OK || (fault.tripped && st == MT_IO));
        failed += st != MT_OK;
        fault.calls = 0;
        adds_up(&shelf);
        test_asker_end(&shelf.s);
        mt_graph_free(shelf.graph);
        test_env_end(&shelf.te);
        fault.fail_at++;
    } while (fault.tripped);
    CHECK(failed > 3 && failed < fault.fail_at);
}

/* Asks for a list, or writes, while so many lists are under way and the allocation numbered `at` fails. */
static bool fails_beside(size_t lists, size_t at, bool writes)
{
    mt_kv_late_options late = {.size = sizeof late, .seed = 7};
    fail_mem fm = {.fail_at = SIZE_MAX};
    mt_storage_record record = {mt_str("peer/p"), mt_str("12")};
    mt_storage_write write = {.records = &record, .record_count = 1};
    test_reply others[32], r;
    mt_env plain;
    test_env te;
    test_asker s;
    mt_kv inner, kv;

    test_env_init(&te, 1, fail_mem_hook(&fm));
    plain = te.env;
    plain.mem = test_mem();
    CHECK(mt_kv_memory(&plain, &inner) == MT_OK);
    CHECK(mt_kv_late(&plain, inner, &late, &kv) == MT_OK);
    test_asker_init(&s, &te, kv, NULL);
    for (size_t i = 0; i < lists; i++) test_ask_list(&s, &others[i], mt_str(""), mt_str(""), 10);
    fm.fail_at = fm.count + at;
    if (writes) test_ask_write(&s, &r, &write);
    else test_ask_list(&s, &r, mt_str(""), mt_str(""), 10);
    fm.fail_at = r.done ? fm.fail_at : SIZE_MAX;
    test_await(&s, &r);
    fm.fail_at = SIZE_MAX;
    CHECK(r.status == (fm.tripped ? MT_NO_MEMORY : MT_OK));
    test_reply_end(&r);
    for (size_t i = 0; i < lists; i++) {
        test_await(&s, &others[i]);
        test_reply_worked(&others[i]);
        test_reply_end(&others[i]);
    }
    test_asker_end(&s);
    test_env_end(&te);
    CHECK(fm.live_bytes == 0);
    return fm.tripped;
}

TEST(beside_many_requests_memory_may_be_out_for_one_more)
{
    for (size_t lists = 0; lists < 32; lists++)
        for (int writes = 0; writes < 2; writes++)
            for (size_t at = 0; fails_beside(lists, at, writes); at++) CHECK(at < 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_many_large_nodes_each_has_its_row),
        cmocka_unit_test(a_write_of_many_megabytes_is_one_commit),
        cmocka_unit_test(an_index_of_many_leaves_is_made_and_stored_in_parts),
        cmocka_unit_test(many_spans_are_answered_from_leaves_that_are_not_in_memory),
        cmocka_unit_test(changes_of_many_leaves_are_taken_in_though_none_of_them_is_in_memory),
        cmocka_unit_test(an_index_that_lags_far_behind_takes_the_log_in_part_by_part),
        cmocka_unit_test(an_index_that_lags_too_far_behind_is_made_anew),
        cmocka_unit_test(of_many_fields_that_are_asked_for_by_name_each_comes_once),
        cmocka_unit_test(writes_go_before_the_rest_of_a_node_that_is_listed),
        cmocka_unit_test(writes_go_before_the_rest_of_spans_that_are_listed),
        cmocka_unit_test(while_an_index_is_made_memory_may_be_out_at_any_time),
        cmocka_unit_test(while_an_index_takes_in_what_it_lacks_memory_may_be_out_at_any_time),
        cmocka_unit_test(while_an_index_takes_changes_in_memory_may_be_out_at_any_time),
        cmocka_unit_test(while_an_index_of_many_leaves_is_made_memory_may_be_out),
        cmocka_unit_test(while_an_index_is_made_each_call_of_the_engine_may_fail),
        cmocka_unit_test(beside_many_requests_memory_may_be_out_for_one_more),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
