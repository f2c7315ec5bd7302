/* store_room_test.c - memory that is out just where the room that a write has is full.
 *
 * What a write puts lies in chunks of 64 KiB, so that hardly any of it allocates. So as much is put before
 * as has the first chunk end at each place in turn, and there is no second one: the write fails and changes
 * nothing, and works once there is memory. */
#include "store/node_store.h"
#include "test_shelf.h"
#include <stdio.h>
#include <string.h>

/* ---- Memory without a second chunk ---- */

typedef struct tight {
    mt_mem mem;
    bool armed, tripped;
} tight;

static void *tight_resize(void *ctx, void *ptr, size_t old_size, size_t size)
{
    tight *t = ctx;
    const mt_mem *mem = test_mem();

    if (t->armed && size > old_size && size > (size_t)100 * 1024) {
        t->tripped = true;
        return NULL;
    }
    return mem->resize(mem->ctx, ptr, old_size, size);
}

/* ---- What is put before ---- */

#define FILL_NODES 5
#define FILL_NAMES 64
#define FILL_NAME_LEN 240

/* Of some nodes with many fields of long names, so many of each. */
static mt_delta *fill(mt_graph *graph, size_t from, size_t to, size_t count, uint64_t state)
{
    test_arena arena = {0};
    mt_row rows[FILL_NODES];
    mt_delta *delta = NULL;
    char text[FILL_NAME_LEN + 1];

    for (size_t i = from; i < to; i++) {
        mt_field *fields = test_take(&arena, FILL_NAMES * sizeof *fields);

        for (size_t j = 0; j < count; j++) {
            snprintf(text, sizeof text, "%0*zu", FILL_NAME_LEN, j);
            fields[j] = (mt_field){
                .name = test_copy(&arena, mt_str(text)), .value = mt_number(1), .state = state};
        }
        snprintf(text, sizeof text, "zz%zu", i);
        rows[i - from] =
            (mt_row){.uid = test_copy(&arena, mt_str(text)), .fields = fields, .count = count};
    }
    test_worked(graph, mt_graph_merge_rows(graph, rows, to - from, &delta));
    test_arena_end(&arena);
    return delta;
}

/* ---- What is written ---- */

/* Nodes in all their forms, a log that remembers much of one of them, and an index that is stored and is not
 * to be stored again. */
static void begin(test_shelf *shelf, tight *t)
{
    static const char *const rows[] = {"ada a=2@2 b=2@2", "ada c=2@2", "ada d=2@2", "ada e=2@2",
                                       "ada f=2@2",       "ada g=2@2", "ada h=2@2", "ada i=2@2"};
    static const mt_storage_span everything = {.parts = 1};
    mti_keeper *keeper;
    test_reply r;

    t->mem = (mt_mem){.resize = tight_resize, .ctx = t};
    t->armed = t->tripped = false;
    shelf->mem = &t->mem;
    shelf->options.small_len_max = 300;
    shelf->options.index_lag = 2;
    test_shelf_begin(shelf);
    test_asker_write(&shelf->s, fill(shelf->graph, 0, FILL_NODES, FILL_NAMES, 1), "");
    test_shelf_reopen(shelf);
    keeper = &((mti_node_store *)shelf->s.storage.ctx)->keeper;
    r = test_asker_fingerprint(&shelf->s, &everything, 1);
    test_reply_end(&r);
    test_shelf_write_large(shelf, "big", 66, 5);
    test_shelf_write_large(shelf, "bog", 66, 5);
    test_shelf_write(shelf, "bog old=1@2 older=1@2", "");
    test_shelf_write_large(shelf, "bug", 66, 5);
    test_shelf_write(shelf, "ada x=1@1, bob x=1@1, cy x=1@1", "");
    for (size_t i = 0; i < TEST_COUNT(rows); i++)
        test_shelf_write(shelf, rows[i], i % 2 ? "p" : "q");
    CHECK(keeper->in_store);
    keeper->due = UINT64_MAX;
    test_shelf_ops(shelf);
}

/* It becomes a large one. */
static const char *const long_text =
    "cy t='a text that is so long that the node which has it does not fit into a small record any "
    "more, however short the rest of it may be; for that it needs some three hundred bytes, which "
    "is what a store was told here, and so the text goes on for a while until there are enough of "
    "them, as there are now, more or less'@2";

/* Of a write, one commit after the other. */
typedef struct writing {
    mt_graph *after;
    mt_storage_commit commits[8];
    size_t count;
} writing;

static void add(writing *w, mt_delta *delta, mt_bytes origin)
{
    w->commits[w->count++] = (mt_storage_commit){.delta = delta, .origin = origin};
}

static void add_rows(writing *w, const char *rows, const char *origin)
{
    mt_delta *delta = NULL;

    test_worked(w->after, test_merge_rows(w->after, rows, &delta));
    add(w, delta, mt_str(origin));
}

static void add_all(writing *w)
{
    add_rows(w, "ada b=3@3 c=3@3, bob x=2@2, big f003=9@9, bog^3", "p");
    add_rows(w, long_text, "q");
    add_rows(w, "ada j=1@1, bug^9 z=1@10, new x=1@1", "p");
    add_rows(w, "ada^4", "q");
}

/* Writes, with other things before of which the log has `room` bytes, or with such things behind, so that the
 * log has as much before the records begin; true: there was not enough memory for it. */
static bool write_with(test_shelf *shelf, tight *t, size_t room, bool before)
{
    const size_t each = FILL_NAME_LEN + 1, node = FILL_NAMES * each;
    uint8_t origin[FILL_NAME_LEN];
    writing w = {.after = test_clone(shelf->graph)};
    mt_storage_record records[] = {{mt_str("peer/p"), mt_str("12")},
                                   {mt_str("peer/q"), mt_str("13")}};
    mt_storage_write write = {.commits = w.commits, .records = records, .record_count = 2};
    mt_graph *is;
    bool failed;
    test_reply r;

    memset(origin, 'o', sizeof origin);
    if (!before) add_all(&w);
    add(&w, fill(w.after, 0, room / node, FILL_NAMES, 2), mt_str(""));
    add(&w, fill(w.after, room / node, room / node + 1, 1 + room % node / each, 2),
        (mt_bytes){origin, room % each});
    if (before) add_all(&w);
    write.commit_count = w.count;
    write.clock = 7;
    t->armed = true;
    test_ask_write(&shelf->s, &r, &write);
    t->armed = false;
    failed = r.status != MT_OK;
    CHECK(r.done && r.status == (t->tripped ? MT_NO_MEMORY : MT_OK));
    if (failed) {
        CHECK(test_shelf_ops(shelf) == 0);
        test_ask_write(&shelf->s, &r, &write);
        CHECK(r.done && r.status == MT_OK);
    }
    for (size_t i = 0; i < w.count; i++) mt_delta_free((mt_delta *)(uintptr_t)w.commits[i].delta);
    is = test_asker_graph(&shelf->s, 1000);
    CHECK(mt_graph_equal(is, w.after));
    mt_graph_free(is);
    mt_graph_free(shelf->graph);
    shelf->graph = w.after;
    return failed;
}

static void at_each_place(bool before, size_t from, size_t to, size_t step)
{
    size_t failed = 0, all = 0;

    for (size_t room = from; room < to; room += step, all++) {
        test_shelf shelf = {0};
        tight t;

        begin(&shelf, &t);
        failed += write_with(&shelf, &t, room, before);
        test_shelf_end(&shelf);
        CHECK(test_mem_live() == 0);
    }
    print_message("[  ROOM    ] %zu of %zu failed\n", failed, all);
    CHECK(failed == all);
}

TEST(the_log_of_a_write_may_be_cut_at_each_place)
{
    at_each_place(true, 63400, 65600, 3);
}

TEST(the_records_of_a_write_may_be_cut_at_each_place)
{
    at_each_place(false, 60500, 65000, 5);
}

/* ---- The end of a write ---- */

/* One text of so many bytes is all that the write has before what comes at its end: the clock, what is trimmed and
 * absorbed, the boot, the records. */
static bool ends_with(test_shelf *shelf, tight *t, size_t room)
{
    test_arena arena = {0};
    mt_field field = {.name = mt_str("t"), .state = 3};
    mt_row row = {.uid = mt_str("zz0"), .fields = &field, .count = 1};
    writing w = {.after = test_clone(shelf->graph)};
    mt_storage_record records[] = {{mt_str("peer/p"), mt_str("12")},
                                   {mt_str("peer/q"), mt_str("")}};
    mt_storage_write write = {.records = records, .record_count = 2, .clock = 7};
    mt_delta *delta = NULL;
    uint8_t *text = test_take(&arena, room);
    bool failed;
    test_reply r;

    memset(text, 't', room);
    field.value = mt_string((mt_bytes){text, room});
    test_worked(w.after, mt_graph_merge_rows(w.after, &row, 1, &delta));
    add(&w, delta, mt_str(""));
    add_rows(&w,
             "bob x=2@2, dan x=2@2, m1 x=1@1, m2 x=1@1, m3 x=1@1, m4 x=1@1, m5 x=1@1, m6 x=1@1, "
             "m7 x=1@1, m8 x=1@1, m9 x=1@1",
             "");
    write.commits = w.commits;
    write.commit_count = w.count;
    t->armed = true;
    test_ask_write(&shelf->s, &r, &write);
    t->armed = false;
    failed = r.status != MT_OK;
    CHECK(r.done && r.status == (t->tripped ? MT_NO_MEMORY : MT_OK));
    if (failed) {
        CHECK(test_shelf_ops(shelf) == 0);
        test_ask_write(&shelf->s, &r, &write);
        CHECK(r.done && r.status == MT_OK);
    }
    for (size_t i = 0; i < w.count; i++) mt_delta_free((mt_delta *)(uintptr_t)w.commits[i].delta);
    mt_graph_free(shelf->graph);
    shelf->graph = w.after;
    test_arena_end(&arena);
    return failed;
}

/* In an opening that has logged nothing yet, or in one whose log is trimmed and names the same nodes. */
static void each_end(bool first)
{
    size_t failed = 0, all = 0;

    for (size_t room = 63600; room < 65400; room += 3, all++) {
        test_shelf shelf = {.options = {.small_len_max = 70000, .log_max = 4}};
        tight t = {.armed = false};

        t.mem = (mt_mem){.resize = tight_resize, .ctx = &t};
        shelf.mem = &t.mem;
        test_shelf_begin(&shelf);
        test_shelf_write(&shelf, "ada x=1@1, bob x=1@1, cy x=1@1, dan x=1@1, eve x=1@1", "");
        if (first) test_shelf_reopen(&shelf);
        else test_shelf_write(&shelf, "bob y=1@1, dan y=1@1, cy y=1@1", "");
        test_shelf_ops(&shelf);
        failed += ends_with(&shelf, &t, room);
        if (all % 16 == 0) test_asker_is(&shelf.s, shelf.graph);
        test_shelf_end(&shelf);
        CHECK(test_mem_live() == 0);
    }
    CHECK(failed > 0 && failed < all);
}

TEST(the_end_of_a_write_may_be_cut_at_each_place)
{
    each_end(false);
}

TEST(the_end_of_the_first_write_may_be_cut_at_each_place)
{
    each_end(true);
}

/* What is forgotten are nodes with long uids, and one more. */
TEST(a_list_of_nodes_to_be_forgotten_may_be_cut_at_each_place)
{
    static const mt_storage_span everything = {.parts = 1};
    mt_bytes uids[96];
    char text[TEST_COUNT(uids)][204];
    size_t failed = 0;

    for (size_t i = 0; i < TEST_COUNT(uids); i++) {
        snprintf(text[i], sizeof text[i], "%0200zu", i);
        uids[i] = mt_str(text[i]);
    }
    for (size_t len = 1; len < 200; len++) {
        test_shelf shelf = {0};
        tight t;
        test_reply r;

        begin(&shelf, &t);
        t.armed = true;
        uids[0].len = len;
        test_ask_remove(&shelf.s, &r, uids, TEST_COUNT(uids));
        CHECK(r.done && r.status == (t.tripped ? MT_NO_MEMORY : MT_OK));
        failed += t.tripped;
        t.armed = false;
        test_asker_prints_are(&shelf.s, shelf.graph, &everything, 1);
        test_shelf_end(&shelf);
    }
    CHECK(failed > 0);
}

/* ---- Room for what there is more of ---- */

/* A store whose index is stored and not read yet. */
static void begin_indexed(test_shelf *shelf, fail_mem *fm)
{
    static const mt_storage_span everything = {.parts = 1};
    test_reply r;

    fm->fail_at = SIZE_MAX;
    shelf->mem = fail_mem_hook(fm);
    shelf->options.small_len_max = 300;
    test_shelf_begin(shelf);
    test_shelf_write_large(shelf, "bog", 66, 5);
    test_shelf_write(shelf, "bog old=1@2 older=1@2, cy x=1@1", "");
    test_shelf_write_large(shelf, "bug", 66, 5);
    test_shelf_reopen(shelf);
    r = test_asker_fingerprint(&shelf->s, &everything, 1);
    test_reply_end(&r);
    test_shelf_reopen(shelf);
}

/* Writes `more` small nodes, then rows. */
static mt_status write_rows(test_shelf *shelf, mt_graph *after, size_t more, const char *rows,
                            bool whole)
{
    mt_storage_commit commits[2] = {{.whole = false}, {.whole = whole}};
    mt_storage_write write = {.commits = commits, .commit_count = 2};
    char text[512] = "";
    mt_delta *small = NULL, *delta = NULL;
    test_reply r;

    for (size_t i = 0, len = 0; i < more; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "%sa%02zu x=1@1", i ? ", " : "", i);
    test_worked(after, test_merge_rows(after, text, &small));
    test_worked(after, test_merge_rows(after, rows, &delta));
    commits[0].delta = small;
    commits[1].delta = delta;
    test_ask_write(&shelf->s, &r, &write);
    mt_delta_free(small);
    mt_delta_free(delta);
    CHECK(r.done);
    return r.status;
}

static mt_status forget(test_shelf *shelf, size_t more)
{
    mt_bytes uids[32];
    test_reply r;

    for (size_t i = 0; i <= more; i++) uids[i] = i < more ? mt_str("none") : mt_str("bug");
    test_ask_remove(&shelf->s, &r, uids, more + 1);
    CHECK(r.done);
    return r.status;
}

/* Writes rows, or with NULL forgets a node, behind more of the kind, where the allocation numbered `at` fails;
 * false: there are not so many. What failed changed nothing, and the index says so. */
static bool fails_at(const char *rows, size_t more, size_t at, bool whole)
{
    static const mt_storage_span everything = {.parts = 1};
    fail_mem fm = {.fail_at = SIZE_MAX};
    test_shelf shelf = {0};
    mt_graph *after;
    mt_status st;

    begin_indexed(&shelf, &fm);
    after = test_clone(shelf.graph);
    fm.fail_at = fm.count + at;
    st = rows ? write_rows(&shelf, after, more, rows, whole) : forget(&shelf, more);
    fm.fail_at = SIZE_MAX;
    CHECK(st == (fm.tripped ? MT_NO_MEMORY : MT_OK));
    if (rows) test_asker_prints_are(&shelf.s, fm.tripped ? shelf.graph : after, &everything, 1);
    mt_graph_free(after);
    test_shelf_end(&shelf);
    CHECK(fm.live_bytes == 0);
    return fm.tripped;
}

TEST(wherever_what_a_write_gathers_grows_there_may_be_no_room)
{
    const char *const rows[] = {"bog^3",   "bug^9 z=1@10", "new x=1@1", "bug f003=2@6",
                                long_text, "bug g=2@6",    NULL};

    for (size_t i = 0; i < TEST_COUNT(rows); i++)
        for (size_t more = 0; more < 24; more++)
            for (size_t whole = 0; whole < 2; whole++)
                for (size_t at = 0; fails_at(rows[i], more, at, whole); at++) CHECK(at < 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_log_of_a_write_may_be_cut_at_each_place),
        cmocka_unit_test(the_records_of_a_write_may_be_cut_at_each_place),
        cmocka_unit_test(the_end_of_a_write_may_be_cut_at_each_place),
        cmocka_unit_test(the_end_of_the_first_write_may_be_cut_at_each_place),
        cmocka_unit_test(a_list_of_nodes_to_be_forgotten_may_be_cut_at_each_place),
        cmocka_unit_test(wherever_what_a_write_gathers_grows_there_may_be_no_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
