/* Streams of stored nodes: order, ranges, pages, pauses. */
#include "test.h"
#include "test_calls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a stream gives, in words: "ada(a,b) bob(x..)(y)", dots where rows follow. */
typedef struct streaming {
    test_answer a; /* first: both callbacks get the same ctx */
    test_stage s;
    uint64_t id;
    char text[4096];
    size_t rows, nodes;
    size_t pause_at;         /* the row that pauses; 0: none */
    void (*then)(mt_db *db); /* done in the first row, if not NULL */
    bool within;
} streaming;

static void put(streaming *st, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void put(streaming *st, const char *format, ...)
{
    size_t len = strlen(st->text);
    va_list args;
    int more;

    va_start(args, format);
    more = vsnprintf(st->text + len, sizeof st->text - len, format, args);
    va_end(args);
    CHECK(more >= 0 && len + (size_t)more < sizeof st->text);
}

static void say(streaming *st, const mt_row *row)
{
    if (!st->within) put(st, "%s%.*s", st->text[0] ? " " : "", (int)row->uid.len, row->uid.data);
    if (!st->within && row->floor) put(st, "^%llu", (unsigned long long)row->floor);
    put(st, "(");
    for (size_t i = 0; i < row->count; i++)
        put(st, "%s%.*s%s", i ? "," : "", (int)row->fields[i].name.len, row->fields[i].name.data,
            row->fields[i].kind == MT_FIELD_DELETED ? "~" : "");
    put(st, row->more ? "..)" : ")");
}

static bool row_given(void *ctx, mt_db *db, const mt_row *row)
{
    streaming *st = ctx;

    CHECK(st->a.count == 0);
    if (st->nodes < 50) say(st, row);
    if (!st->within) st->nodes++;
    st->within = row->more;
    if (st->then) st->then(db);
    st->then = NULL;
    return ++st->rows != st->pause_at;
}

static void start(streaming *st, const mt_range *range)
{
    st->text[0] = '\0';
    st->rows = st->nodes = 0;
    st->within = false;
    memset(&st->a, 0, sizeof st->a);
    CHECK(mt_stream(st->s.db, range, row_given, test_answered, st, &st->id) == MT_OK);
    CHECK(st->rows == 0);
}

/* Lets the stream run; holds that this was given, and whether it has ended. */
static void given(streaming *st, const char *expected, bool ended)
{
    test_env_run(&st->s.t.te);
    assert_string_equal(st->text, expected);
    CHECK(st->a.count == ended);
    if (ended) CHECK(st->a.status == MT_OK);
}

static void begin(streaming *st, const char *nodes)
{
    memset(st, 0, sizeof *st);
    test_stage_init(&st->s);
    if (*nodes) test_storage_put(&st->s.ts, nodes);
    test_stage_open(&st->s, NULL);
    test_heard_is(&st->s.ts.heard, "open");
}

/* `count` nodes u0000, u0001 ... */
static void begin_many(streaming *st, size_t count)
{
    char node[32];

    memset(st, 0, sizeof *st);
    test_stage_init(&st->s);
    st->s.ts.quiet = true;
    for (size_t i = 0; i < count; i++) {
        snprintf(node, sizeof node, "u%04zu a=1@1", i);
        test_storage_put(&st->s.ts, node);
    }
    test_stage_open(&st->s, NULL);
}

/* ---- Which nodes ---- */

TEST(every_node_is_given_once_in_uid_order)
{
    streaming st;

    begin(&st, "cyd a=1@1, ada a=1@1 b=1@1, bob a=1@1");
    start(&st, NULL);
    given(&st, "ada(a,b) bob(a) cyd(a)", true);
    test_heard_is(&st.s.ts.heard, "list(>)");
    test_stage_end(&st.s);
}

TEST(range_has_a_prefix_a_start_and_a_limit)
{
    mt_range range = {.prefix = mt_str("b")};
    streaming st;

    begin(&st, "a x=1@1, b x=1@1, ba x=1@1, bb x=1@1, c x=1@1");
    start(&st, &range);
    given(&st, "b(x) ba(x) bb(x)", true);
    range.after = mt_str("b");
    start(&st, &range);
    given(&st, "ba(x) bb(x)", true);
    range.limit = 1;
    start(&st, &range);
    given(&st, "ba(x)", true);
    range = (mt_range){.after = mt_str("bz")};
    start(&st, &range);
    given(&st, "c(x)", true);
    range = (mt_range){.prefix = mt_str("zz")};
    start(&st, &range);
    given(&st, "", true);
    test_stage_end(&st.s);
}

TEST(deleted_nodes_and_markers_are_given_where_they_are_asked_for)
{
    mt_range range = {.deleted = true};
    streaming st;

    begin(&st, "ada a=1@1 b=~@2, bob^7, cyd a=~@3, dan^2 a=1@3");
    start(&st, NULL);
    given(&st, "ada(a) dan(a)", true);
    start(&st, &range);
    given(&st, "ada(a,b~) bob^7() cyd(a~) dan^2(a)", true);
    test_stage_end(&st.s);
}

TEST(limit_counts_the_nodes_that_are_given)
{
    mt_range range = {.limit = 2};
    streaming st;

    begin(&st, "ada^7, bob a=1@1, cyd a=~@3, dan a=1@1, eve a=1@1");
    start(&st, &range);
    given(&st, "bob(a) dan(a)", true);
    test_stage_end(&st.s);
}

TEST(large_node_comes_in_rows)
{
    mt_range range = {.deleted = true, .limit = 2};
    streaming st;

    for (int alone = 0; alone < 2; alone++) {
        begin(&st, "ada a=1@1 b=2@1 c=3@1 d=~@1, bob a=1@1, cyd a=1@1");
        st.s.ts.row_fields = 2;
        st.s.ts.rows_alone = alone;
        start(&st, &range);
        given(&st, "ada(a,b..)(c,d~) bob(a)", true);
        st.s.ts.row_fields = 3;
        start(&st, NULL);
        given(&st, "ada(a,b,c..)() bob(a) cyd(a)", true);
        test_stage_end(&st.s);
    }
}

TEST(large_node_of_which_little_lives_shows_only_that)
{
    streaming st;

    begin(&st, "ada a=~@1 b=~@1 c=3@1 d=~@1, bob a=~@1 b=~@1 c=~@1");
    st.s.ts.row_fields = 1;
    start(&st, NULL);
    given(&st, "ada(c..)()", true);
    test_stage_end(&st.s);
}

/* ---- Pages ---- */

TEST(nodes_come_in_pages_of_bounded_size)
{
    streaming st;

    begin_many(&st, 1000);
    start(&st, NULL);
    test_env_run(&st.s.t.te);
    CHECK(st.nodes == 1000 && st.a.count == 1);
    CHECK(st.s.ts.calls == 1 + 4); /* open; pages of 256 */
    test_stage_end(&st.s);
}

TEST(stream_does_not_load_the_graph)
{
    mt_db_stats stats = {.size = sizeof stats};
    streaming st;

    begin_many(&st, 1000);
    start(&st, NULL);
    test_env_run(&st.s.t.te);
    mt_db_statistics(st.s.db, &stats);
    CHECK(st.nodes == 1000 && stats.cache_nodes == 0);
    test_stage_end(&st.s);
}

TEST(limit_goes_over_pages)
{
    mt_range range = {.limit = 600};
    streaming st;

    begin_many(&st, 1000);
    start(&st, &range);
    test_env_run(&st.s.t.te);
    CHECK(st.nodes == 600 && st.a.count == 1);
    test_stage_end(&st.s);
}

TEST(stream_that_storage_cannot_list_says_so)
{
    streaming st;

    memset(&st, 0, sizeof st);
    test_stage_init(&st.s);
    st.s.ts.ops.list = NULL;
    test_stage_open(&st.s, NULL);
    start(&st, NULL);
    test_env_run(&st.s.t.te);
    CHECK(st.a.count == 1 && st.a.status == MT_UNSUPPORTED);
    assert_string_equal(st.a.text, "storage \"test\" cannot list its nodes");
    test_stage_end(&st.s);
}

TEST(stream_fails_where_a_page_does)
{
    streaming st;

    for (int at_start = 0; at_start < 2; at_start++) {
        begin_many(&st, 600);
        st.s.ts.fault =
            (test_fault){.calls = TEST_LIST, .status = MT_IO, .fail_at = 1, .at_start = at_start};
        start(&st, NULL);
        test_env_run(&st.s.t.te);
        CHECK(st.nodes == 256 && st.a.count == 1 && st.a.status == MT_IO);
        test_stage_end(&st.s);
    }
}

TEST(stream_may_be_canceled_between_pages)
{
    streaming st;

    begin_many(&st, 600);
    st.s.ts.when = TEST_HELD;
    start(&st, NULL);
    test_env_run(&st.s.t.te);
    test_storage_answer(&st.s.ts, 0);
    test_env_run(&st.s.t.te);
    mt_cancel(st.s.db, st.id);
    test_env_run(&st.s.t.te);
    CHECK(st.a.count == 1 && st.a.status == MT_CANCELED && st.nodes == 256);
    test_storage_answer(&st.s.ts, 0);
    test_env_run(&st.s.t.te);
    CHECK(st.nodes == 256);
    test_stage_end(&st.s);
}

/* ---- Pauses ---- */

TEST(stream_paused_at_any_node_goes_on_behind_it)
{
    static const size_t stops[] = {1, 2, 255, 256, 257, 511, 512, 599, 600};
    streaming st;

    for (size_t i = 0; i < TEST_COUNT(stops); i++) {
        begin_many(&st, 600);
        st.pause_at = stops[i];
        start(&st, NULL);
        test_env_run(&st.s.t.te);
        CHECK(st.nodes == stops[i] && st.a.count == 0);
        mt_stream_resume(st.s.db, st.id);
        mt_stream_resume(st.s.db, st.id);
        test_env_run(&st.s.t.te);
        CHECK(st.nodes == 600 && st.a.count == 1 && st.a.status == MT_OK);
        mt_stream_resume(st.s.db, st.id);
        test_stage_end(&st.s);
    }
}

TEST(stream_paused_within_a_node_gives_the_rest_of_it)
{
    streaming st;

    begin(&st, "ada a=1@1 b=2@1 c=3@1, bob a=1@1");
    st.s.ts.row_fields = 1;
    st.pause_at = 1;
    start(&st, NULL);
    given(&st, "ada(a..)(b..)(c)", false);
    mt_stream_resume(st.s.db, st.id);
    given(&st, "ada(a..)(b..)(c) bob(a)", true);
    test_stage_end(&st.s);
}

TEST(paused_stream_may_be_canceled)
{
    streaming st;

    begin(&st, "ada a=1@1, bob a=1@1");
    st.pause_at = 1;
    start(&st, NULL);
    given(&st, "ada(a)", false);
    mt_cancel(st.s.db, st.id);
    test_env_run(&st.s.t.te);
    CHECK(st.a.count == 1 && st.a.status == MT_CANCELED);
    test_stage_end(&st.s);
}

TEST(paused_stream_ends_with_the_database)
{
    streaming st;

    begin(&st, "ada a=1@1, bob a=1@1");
    st.pause_at = 1;
    start(&st, NULL);
    given(&st, "ada(a)", false);
    test_stage_close(&st.s);
    CHECK(st.a.count == 1 && st.a.status == MT_CANCELED);
    test_stage_end(&st.s);
}

/* ---- In memory ---- */

static void overwrite(mt_db *db)
{
    static test_call call;

    CHECK(test_call_write(&call, db, "!ada z='overwritten', aab a=1, zoe a=1", NULL) == MT_OK);
}

static void memory_rows(streaming *st, size_t fields)
{
    char row[4096] = "ada";

    memset(st, 0, sizeof *st);
    test_db_memory(&st->s.t);
    st->s.db = st->s.t.db;
    for (size_t i = 0; i < fields; i++) {
        size_t len = strlen(row);
        snprintf(row + len, sizeof row - len, " f%03zu='a text of some length'", i);
    }
    test_write(st->s.db, row);
    test_write(st->s.db, "bob a=1");
}

TEST(database_in_memory_streams_what_it_holds)
{
    mt_range range = {.deleted = true};
    streaming st;

    memset(&st, 0, sizeof st);
    test_db_memory(&st.s.t);
    st.s.db = st.s.t.db;
    test_commit(st.s.db, "cyd^3, ada a=1@1 b=~@1, bob a=1@1");
    start(&st, NULL);
    given(&st, "ada(a) bob(a)", true);
    start(&st, &range);
    given(&st, "ada(a,b~) bob(a) cyd^3()", true);
    st.pause_at = 1;
    start(&st, NULL);
    given(&st, "ada(a)", false);
    mt_stream_resume(st.s.db, st.id);
    given(&st, "ada(a) bob(a)", true);
    test_db_end(&st.s.t);
}

TEST(node_may_be_overwritten_while_it_is_given)
{
    streaming st;

    memory_rows(&st, 100);
    st.then = overwrite;
    start(&st, NULL);
    test_env_run(&st.s.t.te);
    CHECK(st.a.count == 1 && st.nodes == 3 && st.rows == 4); /* ada in two rows, bob, zoe */
    test_db_end(&st.s.t);
}

static void close_it(mt_db *db)
{
    mt_db_close(db, NULL, NULL);
}

TEST(row_may_close_the_database)
{
    streaming st;

    memory_rows(&st, 100);
    st.then = close_it;
    start(&st, NULL);
    test_env_run(&st.s.t.te);
    CHECK(st.a.count == 1 && st.a.status == MT_CANCELED);
    st.s.t.db = NULL;
    test_db_end(&st.s.t);
}

/* ---- Ranges that cannot be ---- */

TEST(prefix_longer_than_any_uid_is_refused)
{
    char text[257];
    mt_range range = {.prefix = {(const uint8_t *)text, 256}};
    streaming st;

    memset(text, 'a', sizeof text);
    begin(&st, "ada a=1@1");
    st.s.ts.quiet = true;
    CHECK(mt_stream(st.s.db, &range, row_given, test_answered, &st, NULL) == MT_INVALID);
    range = (mt_range){.after = {(const uint8_t *)text, 256}};
    CHECK(mt_stream(st.s.db, &range, row_given, test_answered, &st, NULL) == MT_INVALID);
    range.after.len = 255;
    start(&st, &range);
    given(&st, "ada(a)", true);
    test_stage_end(&st.s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_node_is_given_once_in_uid_order),
        cmocka_unit_test(range_has_a_prefix_a_start_and_a_limit),
        cmocka_unit_test(deleted_nodes_and_markers_are_given_where_they_are_asked_for),
        cmocka_unit_test(limit_counts_the_nodes_that_are_given),
        cmocka_unit_test(large_node_comes_in_rows),
        cmocka_unit_test(large_node_of_which_little_lives_shows_only_that),
        cmocka_unit_test(nodes_come_in_pages_of_bounded_size),
        cmocka_unit_test(stream_does_not_load_the_graph),
        cmocka_unit_test(limit_goes_over_pages),
        cmocka_unit_test(stream_that_storage_cannot_list_says_so),
        cmocka_unit_test(stream_fails_where_a_page_does),
        cmocka_unit_test(stream_may_be_canceled_between_pages),
        cmocka_unit_test(stream_paused_at_any_node_goes_on_behind_it),
        cmocka_unit_test(stream_paused_within_a_node_gives_the_rest_of_it),
        cmocka_unit_test(paused_stream_may_be_canceled),
        cmocka_unit_test(paused_stream_ends_with_the_database),
        cmocka_unit_test(database_in_memory_streams_what_it_holds),
        cmocka_unit_test(node_may_be_overwritten_while_it_is_given),
        cmocka_unit_test(row_may_close_the_database),
        cmocka_unit_test(prefix_longer_than_any_uid_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
