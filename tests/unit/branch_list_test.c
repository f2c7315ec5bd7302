/* Streams of a branch: its nodes in uid order, as it sees them. */
#include "test.h"
#include "test_fork.h"
#include "test_notation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a stream gave. */
typedef struct given {
    mt_graph *graph;
    size_t rows;
    size_t most; /* pauses after so many rows; 0: never */
    mt_bytes last;
    uint8_t last_uid[MT_UID_LEN_MAX];
    bool within;
} given;

static bool row_given(void *ctx, mt_db *db, const mt_row *row)
{
    given *g = ctx;

    (void)db;
    /* In order, and a node once. */
    if (g->within) CHECK(mt_bytes_equal(g->last, row->uid));
    else CHECK(g->rows == 0 || mt_bytes_compare(g->last, row->uid) < 0);
    CHECK(mt_graph_merge_rows(g->graph, row, 1, NULL) == MT_OK);
    memcpy(g->last_uid, row->uid.data, row->uid.len);
    g->last = (mt_bytes){g->last_uid, row->uid.len};
    g->within = row->more;
    g->rows++;
    return g->most == 0 || g->rows % g->most != 0;
}

/* Fails unless a stream gives these nodes, as in test_notation.h. */
static void stream_says(mt_db *db, const mt_range *range, const char *nodes)
{
    given g = {.graph = test_graph_new()};
    mt_status st = mt_stream_wait(db, range, row_given, &g);

    if (st != MT_OK) fail_msg("%s: %s", mt_status_name(st), mt_db_error(db)->text);
    test_graph_says(g.graph, nodes);
    mt_graph_free(g.graph);
}

TEST(stream_gives_nodes_as_the_branch_sees_them)
{
    mt_range all = {.deleted = true};
    test_fork f;

    test_fork_stored(&f, "ada n=1@1 m=1@1, bob n=1@1, cyd n=1@1, dan n=1@1, ede n=1@1");
    test_write(f.branch, "ada n=2, new1 n=1, !dan");
    test_write(f.source, "ada n=7 k=7, bob n=7, new2 n=1");
    test_write(f.source, "!cyd, !dan");
    stream_says(f.branch, &all,
                "ada m=1@1 n=2@2, bob n=1@1, cyd n=1@1, dan^1, ede n=1@1, new1 n=1@1");
    stream_says(f.branch, NULL, "ada m=1@1 n=2@2, bob n=1@1, cyd n=1@1, ede n=1@1, new1 n=1@1");
    test_fork_end(&f);
}

TEST(stream_of_a_branch_without_storage_below_gives_all)
{
    mt_db *branch;
    test_db t;

    test_db_begin(&t);
    test_db_open(&t, &test_counts);
    test_write(t.db, "ada n=1, bob n=1");
    CHECK(mt_branch(t.db, &branch) == MT_OK);
    test_write(branch, "cyd n=1, bob n=2");
    test_write(t.db, "ada n=2, abe n=1, dan n=1");
    stream_says(branch, NULL, "ada n=1@1, bob n=2@2, cyd n=1@1");
    test_db_end(&t);
}

TEST(stream_keeps_to_its_range)
{
    mt_range range = {.prefix = mt_str("n/"), .after = mt_str("n/b"), .limit = 3};
    test_fork f;

    test_fork_stored(&f, "m n=1@1, n/a n=1@1, n/c n=1@1, n/e n=1@1, n/g n=1@1, o n=1@1");
    test_write(f.branch, "n/b n=1, n/d n=1, n/z n=1, p n=1");
    stream_says(f.branch, &range, "n/c n=1@1, n/d n=1@1, n/e n=1@1");
    range.limit = 0;
    stream_says(f.branch, &range, "n/c n=1@1, n/d n=1@1, n/e n=1@1, n/g n=1@1, n/z n=1@1");
    test_fork_end(&f);
}

static void write_many(mt_db *db, char kind, size_t from, size_t count)
{
    char row[32];

    for (size_t i = from; i < from + count; i++) {
        snprintf(row, sizeof row, "n%04zu %c=1", i, kind);
        test_write(db, row);
    }
}

TEST(pages_of_which_nothing_is_left_are_passed_over)
{
    mt_db *branch;
    given g = {.graph = NULL};
    test_db t;

    test_db_memory(&t);
    test_write(t.db, "a n=1, z n=1");
    CHECK(mt_branch(t.db, &branch) == MT_OK);
    write_many(t.db, 's', 0, 600);
    g.graph = test_graph_new();
    CHECK(mt_stream_wait(branch, NULL, row_given, &g) == MT_OK);
    assert_int_equal(g.rows, 2);
    mt_graph_free(g.graph);
    test_db_end(&t);
}

TEST(many_nodes_on_either_side_come_once_and_in_order)
{
    mt_db *branch;
    given g = {.graph = NULL};
    test_db t;

    test_db_memory(&t);
    write_many(t.db, 's', 0, 700);
    CHECK(mt_branch(t.db, &branch) == MT_OK);
    write_many(branch, 'b', 400, 700);
    write_many(t.db, 't', 100, 1200);
    g.graph = test_graph_new();
    CHECK(mt_stream_wait(branch, NULL, row_given, &g) == MT_OK);
    assert_int_equal(g.rows, 1100);
    assert_int_equal(mt_graph_count(g.graph), 1100);
    mt_graph_free(g.graph);
    test_db_end(&t);
}

/* What a stream gave, and what it answered: its ctx is that of both. */
typedef struct streaming {
    given given;
    test_answer answer;
} streaming;

static bool streaming_row(void *ctx, mt_db *db, const mt_row *row)
{
    return row_given(&((streaming *)ctx)->given, db, row);
}

static void streaming_done(void *ctx, mt_db *db, const mt_result *result)
{
    test_answered(&((streaming *)ctx)->answer, db, result);
}

TEST(stream_is_paused_and_resumed)
{
    streaming s = {.given = {.most = 10}};
    size_t pauses = 0;
    mt_db *branch;
    uint64_t id;
    test_db t;

    test_db_memory(&t);
    write_many(t.db, 's', 0, 60);
    CHECK(mt_branch(t.db, &branch) == MT_OK);
    write_many(branch, 'b', 30, 65);
    s.given.graph = test_graph_new();
    CHECK(mt_stream(branch, NULL, streaming_row, streaming_done, &s, &id) == MT_OK);
    for (test_env_run(&t.te); s.answer.count == 0; test_env_run(&t.te), pauses++)
        mt_stream_resume(branch, id);
    assert_int_equal(s.given.rows, 95);
    assert_int_equal(pauses, 9);
    mt_graph_free(s.given.graph);
    test_db_end(&t);
}

TEST(large_node_is_streamed_whole_as_the_branch_sees_it)
{
    char text[4096];
    given g = {.graph = NULL};
    const mt_node *big;
    mt_field field;
    size_t len;
    test_fork f;

    len = (size_t)sprintf(text, "big");
    for (int i = 0; i < 200; i++) len += (size_t)sprintf(text + len, " f%03d=%d@1", i, i);
    test_fork_stored(&f, text);
    f.s.ts.large = 8;
    test_write(f.source, "big f007='theirs' new=1");
    test_write(f.branch, "big f008='mine' own=1 f009=~");
    g.graph = test_graph_new();
    CHECK(mt_stream_wait(f.branch, NULL, row_given, &g) == MT_OK);
    big = mt_graph_get(g.graph, mt_str("big"));
    assert_int_equal(mt_node_count(big), 200);
    CHECK(mt_node_get(big, mt_str("f007"), &field) == MT_OK && field.value.as.number == 7);
    CHECK(mt_node_get(big, mt_str("f008"), &field) == MT_OK && field.value.kind == MT_STRING);
    CHECK(mt_node_get(big, mt_str("own"), &field) == MT_OK);
    CHECK(mt_node_get(big, mt_str("new"), &field) == MT_NOT_FOUND);
    CHECK(mt_node_get(big, mt_str("f009"), &field) == MT_NOT_FOUND);
    mt_graph_free(g.graph);
    test_fork_end(&f);
}

TEST(volatile_nodes_are_streamed_no_more_than_from_the_source)
{
    test_call write = {.name = "write"};
    mt_options none = {.size = sizeof none, .storage_none = true};
    test_fork f;

    test_stage_init(&f.s);
    f.s.ts.quiet = true;
    test_stage_open(&f.s, &test_counts);
    f.source = f.s.db;
    CHECK(test_call_write(&write, f.source, "vol n=1", &none) == MT_OK);
    test_env_run(&f.s.t.te);
    CHECK(mt_branch(f.source, &f.branch) == MT_OK);
    stream_says(f.source, NULL, "");
    stream_says(f.branch, NULL, "");
    test_read_is(f.branch, "vol", "{\"n\":1}");
    test_write(f.branch, "vol m=1");
    stream_says(f.branch, NULL, "vol m=1@1 n=1@1");
    test_fork_end(&f);
}

TEST(stream_of_a_branch_of_a_branch)
{
    mt_db *twig;
    test_fork f;

    test_fork_stored(&f, "ada n=1@1, bob n=1@1, cyd n=1@1");
    test_write(f.branch, "ada n=2, dan n=1");
    CHECK(mt_branch(f.branch, &twig) == MT_OK);
    test_write(f.branch, "bob n=7, !dan");
    test_write(twig, "ede n=1");
    test_write(f.source, "cyd n=7");
    stream_says(twig, NULL, "ada n=2@2, bob n=1@1, cyd n=1@1, dan n=1@1, ede n=1@1");
    test_fork_end(&f);
}

TEST(storage_that_fails_the_source_ends_the_stream)
{
    given g = {.graph = NULL};
    test_fork f;

    test_fork_stored(&f, "ada n=1@1");
    f.s.ts.fault = (test_fault){.calls = TEST_LIST, .status = MT_IO};
    CHECK(mt_stream_wait(f.branch, NULL, row_given, &g) == MT_IO);
    f.s.ts.fault = (test_fault){.calls = TEST_LIST, .status = MT_UNSUPPORTED, .at_start = true};
    CHECK(mt_stream_wait(f.branch, NULL, row_given, &g) == MT_UNSUPPORTED);
    test_fork_end(&f);
}

TEST(closing_ends_a_stream)
{
    test_answer done = {.count = 0};
    test_fork f;

    test_fork_stored(&f, "ada n=1@1, bob n=1@1");
    f.s.ts.when = TEST_HELD;
    CHECK(mt_stream(f.branch, NULL, row_given, test_answered, &done, NULL) == MT_OK);
    CHECK(f.s.t.te.env.turn(f.s.t.te.env.ctx) == MT_OK);
    test_fork_end(&f);
    CHECK(done.count == 1 && done.status == MT_CANCELED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stream_gives_nodes_as_the_branch_sees_them),
        cmocka_unit_test(stream_of_a_branch_without_storage_below_gives_all),
        cmocka_unit_test(stream_keeps_to_its_range),
        cmocka_unit_test(pages_of_which_nothing_is_left_are_passed_over),
        cmocka_unit_test(many_nodes_on_either_side_come_once_and_in_order),
        cmocka_unit_test(stream_is_paused_and_resumed),
        cmocka_unit_test(large_node_is_streamed_whole_as_the_branch_sees_it),
        cmocka_unit_test(volatile_nodes_are_streamed_no_more_than_from_the_source),
        cmocka_unit_test(stream_of_a_branch_of_a_branch),
        cmocka_unit_test(storage_that_fails_the_source_ends_the_stream),
        cmocka_unit_test(closing_ends_a_stream),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
