/* injection_test.c - one database, where each allocation and each call of its engine fails. */
#include "test_trial.h"

#include <mytosis/host.h>

/* ---- Opening, writing, reading ---- */

static void play_writes(test_trial *t)
{
    test_trial_open(t, 0);
    test_trial_write(t, 0, "ada", "name age");
    test_trial_write(t, 0, "ada bob cyd", "name");
    test_trial_write(t, 0, "bob", "a b c");
    test_trial_read(t, 0, "ada bob nobody");
    test_trial_write(t, 0, "ada", "age");
}

TEST(a_store_is_opened_and_written_to)
{
    static const test_scenario s = {.name = "writes", .stored = true, .play = play_writes};

    test_trials(&s);
}

TEST(a_graph_in_memory_is_written_to)
{
    static const test_scenario s = {.name = "memory", .play = play_writes};

    test_trials(&s);
}

static void before_some(test_trial *t)
{
    CHECK(test_trial_open(t, 0));
    CHECK(test_trial_write(t, 0, "ada bob cyd", "a b c d"));
    CHECK(test_trial_write(t, 0, "ada large", "a1 a2 a3 a4 a5 a6 a7 a8"));
}

static void play_deletes(test_trial *t)
{
    test_trial_delete_fields(t, 0, "ada", "a b none");
    test_trial_delete(t, 0, "bob");
    test_trial_write(t, 0, "ada bob", "b");
    test_trial_delete(t, 0, "large");
    test_trial_delete(t, 0, "nobody");
    test_trial_write(t, 0, "large", "a2");
    test_trial_read(t, 0, "ada bob cyd large nobody");
    test_trial_delete_fields(t, 0, "large", "a2 a3");
}

TEST(nodes_and_fields_are_deleted)
{
    static const test_scenario s = {.name = "deletes",
                                    .stored = true,
                                    .options = {.small_len_max = 300},
                                    .before = before_some,
                                    .play = play_deletes};

    test_trials(&s);
}

static void before_closed(test_trial *t)
{
    before_some(t);
    test_trial_close(t, 0);
}

static void play_reads(test_trial *t)
{
    test_trial_open(t, 0);
    test_trial_read(t, 0, "large");
    test_trial_read(t, 0, "ada bob cyd nobody ada");
    test_trial_write(t, 0, "large cyd", "a1 d");
    test_trial_read(t, 0, "large cyd");
    test_trial_close(t, 0);
    test_trial_open(t, 0);
    test_trial_read(t, 0, "ada large");
}

TEST(what_was_stored_is_read_after_restarts)
{
    static const test_scenario s = {.name = "reads",
                                    .stored = true,
                                    .options = {.small_len_max = 300},
                                    .before = before_closed,
                                    .play = play_reads};

    test_trials(&s);
}

static void play_restarts(test_trial *t)
{
    for (int i = 0; i < 4; i++) {
        test_trial_open(t, 0);
        test_trial_write(t, 0, "ada", "a b");
        test_trial_write(t, 0, "bob large", "a c");
        test_trial_close(t, 0);
    }
}

TEST(a_short_log_is_trimmed_and_an_index_stored)
{
    static const test_scenario s = {
        .name = "restarts",
        .stored = true,
        .options = {.small_len_max = 100, .log_max = 3, .index_lag = 2, .index_bytes = 1},
        .before = before_closed,
        .play = play_restarts};

    test_trials(&s);
}

/* ---- Streaming, forgetting, listening ---- */

static bool count_row(void *ctx, mt_db *db, const mt_row *row)
{
    (void)db;
    *(size_t *)ctx += row->uid.len > 0;
    return true;
}

static void stream(test_trial *t, const char *prefix, bool deleted, size_t least)
{
    mt_range range = {.prefix = mt_str(prefix), .deleted = deleted};
    mt_db *db = t->sites[0].db;
    size_t count = 0;

    if (!db || !test_trial_worked(t, mt_stream_wait(db, &range, count_row, &count))) return;
    STANDS(count >= least);
}

static void play_streams(test_trial *t)
{
    stream(t, "", false, 4);
    stream(t, "b", false, 1);
    test_trial_delete(t, 0, "cyd");
    stream(t, "", true, 4);
    test_trial_write(t, 0, "dan", "a");
    stream(t, "none", false, 0);
}

TEST(all_nodes_are_streamed)
{
    static const test_scenario s = {.name = "streams",
                                    .stored = true,
                                    .options = {.small_len_max = 300},
                                    .before = before_some,
                                    .play = play_streams};

    test_trials(&s);
}

static void hear(void *ctx, mt_db *db, const mt_event *event)
{
    (void)db;
    (void)event;
    ++*(size_t *)ctx;
}

static void play_listens(test_trial *t)
{
    mt_listen all = {.kinds = 7}, one = {.kinds = 7, .uid = mt_str("ada")};
    mt_listening *on[2] = {NULL, NULL};
    mt_bytes gone[] = {mt_str("x1"), mt_str("x2")};
    size_t heard = 0;

    if (!test_trial_worked(t, mt_on(t->sites[0].db, &all, hear, &heard, &on[0]))) on[0] = NULL;
    if (!test_trial_worked(t, mt_on(t->sites[0].db, &one, hear, &heard, &on[1]))) on[1] = NULL;
    test_trial_write(t, 0, "ada bob", "a");
    test_trial_worked(t, mt_forget_wait(t->sites[0].db, gone, 2, NULL));
    test_trial_delete(t, 0, "ada");
    test_trial_write(t, 0, "ada", "b");
    mt_off(on[0]);
    mt_off(on[1]);
    test_trial_write(t, 0, "ada", "c");
}

TEST(events_are_told_and_nodes_are_forgotten)
{
    static const test_scenario s = {
        .name = "listens", .stored = true, .before = before_some, .play = play_listens};

    test_trials(&s);
}

/* ---- Branches ---- */

static void play_branches(test_trial *t)
{
    mt_db *db = t->sites[0].db, *branch = NULL, *twig = NULL;
    uint64_t edited;

    if (!test_trial_worked(t, mt_branch(db, &branch))) return;
    test_trial_edit(t, branch, "ada", "a");
    test_trial_write(t, 0, "ada bob", "b");
    if (test_trial_worked(t, mt_branch(branch, &twig))) {
        test_trial_edit(t, twig, "dan", "t");
        test_trial_worked(t, mt_commit_wait(branch, twig, NULL));
        test_trial_worked(t, mt_rebase_wait(twig));
    }
    test_trial_worked(t, mt_delete_wait(branch, mt_str("none"), NULL));
    test_trial_worked(t, mt_rebase_wait(branch));
    test_trial_write(t, 0, "bob", "c");
    test_trial_worked(t, mt_rebase_wait(branch));
    edited = test_trial_edit(t, branch, "eve", "e");
    if (test_trial_worked(t, mt_commit_wait(db, branch, NULL)))
        test_trial_promise(t, "eve", "e", edited);
    mt_close(twig);
    mt_close(branch);
}

TEST(branches_are_rebased_and_committed)
{
    static const test_scenario s = {
        .name = "branches", .stored = true, .before = before_some, .play = play_branches};

    test_trials(&s);
}

TEST(branches_of_large_nodes_in_a_closed_store_are_rebased)
{
    static const test_scenario s = {.name = "large-branches",
                                    .stored = true,
                                    .options = {.small_len_max = 100},
                                    .before = before_some,
                                    .play = play_branches};

    test_trials(&s);
}

/* ---- Graphs in and out ---- */

static const char json[] =
    "{\"imp\":{\"a\":{\"value\":\"99999 json\",\"state\":3},\"b\":{\"value\":\"99999 "
    "b\",\"state\":4},"
    "\"@object\":{\"uid\":\"imp\"}},\"jane\":{\"x\":{\"value\":\"99999 jane\",\"state\":2},"
    "\"@object\":{\"uid\":\"jane\"}},\"ada\":{\"j\":{\"value\":\"99999 ada\",\"state\":7},"
    "\"@object\":{\"uid\":\"ada\"}}}";

static void commit_graph(test_trial *t, const mt_graph *graph)
{
    uint64_t kept;

    test_trial_value(t);
    kept = test_trial_worked(t, mt_commit_graph_wait(t->sites[0].db, graph, NULL)) ? t->number : 0;
    test_trial_promise(t, "imp", "a", kept);
    test_trial_promise(t, "imp", "b", kept);
    test_trial_promise(t, "jane", "x", kept);
    test_trial_promise(t, "ada", "j", kept);
}

static void play_json(test_trial *t)
{
    const mt_mem *mem = t->te.env.mem;
    mt_buf out = {.mem = mem};
    mt_graph *graph;

    if (!test_trial_worked(t, mt_json_load(mem, NULL, "t", mt_str(json), &graph, NULL))) return;
    commit_graph(t, graph);
    if (test_trial_worked(t, mt_json_graph(graph, &out))) STANDS(out.len > sizeof json / 2);
    mt_buf_free(&out);
    mt_graph_free(graph);
    test_trial_read(t, 0, "imp jane ada");
}

TEST(json_is_imported)
{
    static const test_scenario s = {
        .name = "json", .stored = true, .before = before_some, .play = play_json};

    test_trials(&s);
}

static mt_status encode(const mt_graph *graph, mt_buf *out)
{
    mt_binary_writer *writer;
    mt_status st = mt_binary_writer_new(out->mem, NULL, mt_compressor_zstd(), out, &writer);

    if (st != MT_OK) return st;
    st = mt_binary_graph(writer, graph);
    if (st == MT_OK) st = mt_binary_finish(writer);
    mt_binary_writer_free(writer);
    return st;
}

static void play_binary(test_trial *t)
{
    const mt_mem *mem = t->te.env.mem;
    mt_buf bytes = {.mem = mem};
    mt_graph *from = NULL, *to = NULL;

    if (test_trial_worked(t, mt_json_load(mem, NULL, "t", mt_str(json), &from, NULL)) &&
        test_trial_worked(t, encode(from, &bytes)) &&
        test_trial_worked(t, mt_binary_load(mem, NULL, mt_compressor_zstd(), "t",
                                            mt_buf_bytes(&bytes), &to, NULL)))
        commit_graph(t, to);
    mt_buf_free(&bytes);
    mt_graph_free(from);
    mt_graph_free(to);
    test_trial_read(t, 0, "imp jane ada");
}

TEST(binary_graphs_are_imported)
{
    static const test_scenario s = {
        .name = "binary", .stored = true, .before = before_some, .play = play_binary};

    test_trials(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_store_is_opened_and_written_to),
        cmocka_unit_test(a_graph_in_memory_is_written_to),
        cmocka_unit_test(nodes_and_fields_are_deleted),
        cmocka_unit_test(what_was_stored_is_read_after_restarts),
        cmocka_unit_test(a_short_log_is_trimmed_and_an_index_stored),
        cmocka_unit_test(all_nodes_are_streamed),
        cmocka_unit_test(events_are_told_and_nodes_are_forgotten),
        cmocka_unit_test(branches_are_rebased_and_committed),
        cmocka_unit_test(branches_of_large_nodes_in_a_closed_store_are_rebased),
        cmocka_unit_test(json_is_imported),
        cmocka_unit_test(binary_graphs_are_imported),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
