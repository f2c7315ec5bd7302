/* Each allocation of each call on a branch fails in turn: the call says so, or did all it should;
 * it leaks nothing, and what failed changed nothing. */

/* In this program every object of a heap is an allocation of its own: the linker takes these
 * functions and leaves those of the library, whose chunks would hide most allocations. */
#define MTI_HEAP_PASS_THROUGH
#include "base/heap.c" /* NOLINT(bugprone-suspicious-include) */

#include "test_fork.h"
#include "test_notation.h"

#include <string.h>

/* A source, a branch of it, and a branch of that. */
typedef struct world {
    fail_mem fm;
    test_env te;
    test_storage ts;
    mt_db *source, *branch, *twig;
    mt_db *made; /* by the call that is tried */
    test_watch watches[3];
} world;

typedef struct scenario {
    const char *name;
    mt_status (*act)(world *w);
    /* What must be seen if it failed, and if it did not: the nodes of the source, the branch, the
     * twig and of what was made, with their states. */
    const char *before[3], *after[4];
} scenario;

static bool take_row(void *ctx, mt_db *db, const mt_row *row)
{
    (void)db;
    CHECK(mt_graph_merge_rows(ctx, row, 1, NULL) == MT_OK);
    return true;
}

static void db_says(mt_db *db, const char *nodes)
{
    mt_range all = {.deleted = true};
    mt_graph *graph = test_graph_new();

    CHECK(mt_stream_wait(db, &all, take_row, graph) == MT_OK);
    test_graph_says(graph, nodes);
    mt_graph_free(graph);
}

/* The nodes are read one by one, too. */
static void reads_say(mt_db *db, const char *nodes)
{
    mt_graph *graph = test_graph_from(nodes);
    mt_bytes all = {NULL, 0};
    const mt_node *node;
    mt_graph_iter iter;

    mt_graph_iter_init(&iter, graph, all, all);
    while ((node = mt_graph_iter_next(&iter))) {
        mt_handle *handle = NULL;
        CHECK(mt_read_wait(db, mt_node_uid(node), NULL, &handle) == MT_OK);
        CHECK((handle != NULL) == (mt_node_count(node) > 0));
        if (handle) CHECK(mt_fields_wait(handle, NULL, 0, NULL) == MT_OK);
        if (handle) CHECK(mt_node_equal(mt_handle_node(handle), node));
        mt_handle_unref(handle);
    }
    mt_graph_free(graph);
}

static void write_row(mt_db *db, const char *row)
{
    test_arena arena = {.left = 0};
    size_t count;
    mt_row *rows = test_rows_read(&arena, row, &count);

    CHECK(mt_write_wait(db, rows, count, NULL, NULL) == MT_OK);
    test_arena_end(&arena);
}

static mt_status try_row(mt_db *db, const char *row)
{
    test_arena arena = {.left = 0};
    size_t count;
    mt_row *rows = test_rows_read(&arena, row, &count);
    mt_status st = mt_write_wait(db, rows, count, NULL, NULL);

    test_arena_end(&arena);
    return st;
}

static const char large[] = "big a=1@1 b=1@1 c=1@1 d=1@1";

static void world_begin(world *w)
{
    mt_config on = {.size = sizeof on};
    const mt_config *configs[2] = {&on, &test_counts};

    memset(w, 0, sizeof *w);
    w->fm.fail_at = SIZE_MAX;
    test_env_init(&w->te, 1, fail_mem_hook(&w->fm));
    test_storage_init(&w->ts, &w->te.env);
    w->ts.large = 3;
    w->ts.quiet = true;
    test_storage_put(&w->ts, "ada n=1@1, bob n=1@1");
    test_storage_put(&w->ts, large);
    on.env = &w->te.env;
    on.storage = &w->ts.storage;
    CHECK(mt_db_open(configs, 2, &w->source, NULL) == MT_OK);
    test_env_run(&w->te);
    CHECK(mt_branch(w->source, &w->branch) == MT_OK);
    write_row(w->branch, "ada n=2, own n=1");
    write_row(w->branch, "big b=2");
    CHECK(mt_branch(w->branch, &w->twig) == MT_OK);
    write_row(w->source, "bob n=5, ada m=5");
    test_watch_on(&w->watches[0], w->source, 0, "*");
    test_watch_on(&w->watches[1], w->branch, 0, "*");
    test_watch_on(&w->watches[2], w->twig, 0, "*");
}

static void closed(void *ctx)
{
    *(mt_db **)ctx = NULL;
}

static void world_end(world *w)
{
    mt_db_close(w->source, closed, &w->source);
    test_env_run(&w->te);
    CHECK(w->source == NULL);
    test_storage_end(&w->ts);
    assert_int_equal(w->fm.live_bytes, 0);
    test_env_end(&w->te);
}

static mt_status act_branch(world *w)
{
    return mt_branch(w->branch, &w->made);
}

static mt_status act_read(world *w)
{
    mt_bytes uids[] = {mt_str("ada"), mt_str("bob"), mt_str("big"), mt_str("none")};
    mt_handle *nodes[4] = {NULL};
    mt_status st = mt_nodes_wait(w->twig, uids, 4, NULL, nodes);

    for (size_t i = 0; i < 4; i++) mt_handle_unref(nodes[i]);
    return st;
}

static mt_status act_write(world *w)
{
    return try_row(w->branch, "ada n=3, big c=~ e=1, !own");
}

static mt_status act_write_source(world *w)
{
    return try_row(w->source, "ada n=3, big c=~ e=1");
}

static mt_status act_delete_source(world *w)
{
    return try_row(w->source, "!big, !ada");
}

static mt_status act_stream(world *w)
{
    mt_graph *graph = test_graph_new();
    mt_status st = mt_stream_wait(w->twig, NULL, take_row, graph);

    mt_graph_free(graph);
    return st;
}

static mt_status act_commit(world *w)
{
    return mt_commit_wait(w->source, w->branch, NULL);
}

static mt_status act_rebase(world *w)
{
    return mt_rebase_wait(w->branch);
}

static mt_status act_edits(world *w)
{
    mt_graph *edits = NULL;
    mt_status st = mt_branch_edits(w->branch, &edits);

    mt_graph_free(edits);
    return st;
}

static mt_status act_forget(world *w)
{
    mt_bytes big = mt_str("big");

    return mt_forget_wait(w->source, &big, 1, NULL);
}

#define SOURCE "ada m=5@1 n=1@1, big a=1@1 b=1@1 c=1@1 d=1@1, bob n=5@2"
#define BRANCH "ada n=2@2, big a=1@1 b=2@2 c=1@1 d=1@1, bob n=1@1, own n=1@1"
#define BEFORE                  \
    {                           \
        SOURCE, BRANCH, BRANCH, \
    }

static const scenario scenarios[] = {
    {"branch", act_branch, BEFORE, {SOURCE, BRANCH, BRANCH, BRANCH}},
    {"read", act_read, BEFORE, {SOURCE, BRANCH, BRANCH, NULL}},
    {"stream", act_stream, BEFORE, {SOURCE, BRANCH, BRANCH, NULL}},
    {"edits", act_edits, BEFORE, {SOURCE, BRANCH, BRANCH, NULL}},
    {"write",
     act_write,
     BEFORE,
     {SOURCE, "ada n=3@3, big a=1@1 b=2@2 c=~@2 d=1@1 e=1@1, bob n=1@1, own^1", BRANCH, NULL}},
    {"write to the source",
     act_write_source,
     BEFORE,
     {"ada m=5@1 n=3@2, big a=1@1 b=1@1 c=~@2 d=1@1 e=1@1, bob n=5@2", BRANCH, BRANCH, NULL}},
    {"delete in the source",
     act_delete_source,
     BEFORE,
     {"ada^1, big^1, bob n=5@2", BRANCH, BRANCH, NULL}},
    {"commit",
     act_commit,
     BEFORE,
     {"ada m=5@1 n=2@2, big a=1@1 b=2@2 c=1@1 d=1@1, bob n=5@2, own n=1@1", BRANCH, BRANCH, NULL}},
    {"rebase",
     act_rebase,
     BEFORE,
     {SOURCE, "ada m=5@1 n=2@2, big a=1@1 b=2@2 c=1@1 d=1@1, bob n=5@2, own n=1@1", BRANCH, NULL}},
    {"forget", act_forget, BEFORE, {"ada m=5@1 n=1@1, bob n=5@2", BRANCH, BRANCH, NULL}},
};

static void views_are(world *w, const char *const *views)
{
    mt_db *dbs[4] = {w->source, w->branch, w->twig, w->made};

    for (size_t i = 0; i < 4; i++) {
        if (!dbs[i]) continue;
        reads_say(dbs[i], views[i]);
        db_says(dbs[i], views[i]);
    }
}

/* Fails the allocation `n` of the call. Answers whether there was one. */
static bool try_at(const scenario *s, size_t n)
{
    mt_status st;
    world w;

    world_begin(&w);
    w.fm.count = 0;
    w.fm.fail_at = n;
    st = s->act(&w);
    w.fm.fail_at = SIZE_MAX;
    test_env_run(&w.te);
    if (st != MT_OK && st != MT_NO_MEMORY) fail_msg("%s: %s", s->name, mt_status_name(st));
    if (!w.fm.tripped) CHECK(st == MT_OK);
    if (st == MT_OK) {
        views_are(&w, s->after);
    } else {
        for (size_t i = 0; i < 3; i++) CHECK(w.watches[i].count == 0);
        views_are(&w, s->before);
        CHECK(s->act(&w) == MT_OK);
        views_are(&w, s->after);
    }
    world_end(&w);
    return w.fm.tripped;
}

TEST(call_that_fails_for_memory_changes_nothing_and_may_be_made_again)
{
    for (size_t i = 0; i < TEST_COUNT(scenarios); i++) {
        size_t n = 0;
        while (try_at(&scenarios[i], n)) n++;
        print_message("%s: %zu allocations\n", scenarios[i].name, n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(call_that_fails_for_memory_changes_nothing_and_may_be_made_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
