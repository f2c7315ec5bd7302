/* Each allocation of each scenario fails in turn: the call says so, leaks nothing and changes
 * nothing, and the same call succeeds when there is memory again. */

/* In this program every object of a heap is an allocation of its own: the linker takes these
 * functions and leaves those of the library, whose chunks would hide most allocations. */
#define MTI_HEAP_PASS_THROUGH
#include "base/heap.c" /* NOLINT(bugprone-suspicious-include) */

#include "test_inspect.h"
#include "test_notation.h"
#include <mytosis/binary.h>
#include <mytosis/json.h>
#include <stdio.h>
#include <stdlib.h>

/* What a scenario has to do with. */
typedef struct world {
    const mt_mem *mem;
    mt_graph *graph, *other; /* what may not change when a call fails; `other` never changes */
    mt_graph *out;           /* what a call makes */
    mt_delta *delta;
    mt_patch *patch;
    mt_buf buf;
    size_t heard;
} world;

typedef struct scenario {
    const char *name;
    void (*prepare)(world *w);
    mt_status (*act)(world *w);
} scenario;

/* ---- Graphs to begin with ---- */

static mt_graph *graph_in(const mt_mem *mem, const char *text)
{
    mt_graph *graph = NULL;

    CHECK(mt_graph_new(mem, NULL, &graph) == MT_OK);
    test_worked(graph, test_merge_rows(graph, text, NULL));
    return graph;
}

/* Adds a node of so many fields, some of them long. */
static void add_large(mt_graph *graph, size_t count, uint64_t state)
{
    mt_field *fields = calloc(count, sizeof *fields);
    char(*names)[32] = calloc(count, sizeof *names), text[200];
    mt_row row = {.uid = mt_str("large"), .fields = fields, .count = count};

    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = 0;
    for (size_t i = 0; i < count; i++) {
        snprintf(names[i], sizeof names[i], "%03zu", i * 37 % count);
        fields[i] = (mt_field){.name = mt_str(names[i]), .state = state + i % 3};
        fields[i].value = mt_text(i % 16 ? "a text of some length" : text);
    }
    test_worked(graph, mt_graph_merge_rows(graph, &row, 1, NULL));
    free(fields);
    free(names);
}

/* Rows for so many nodes, in no order; freed by the caller. */
typedef struct many_rows {
    char (*uids)[32];
    mt_field *fields;
    mt_row *rows;
} many_rows;

static many_rows many_new(size_t count)
{
    many_rows m = {calloc(count, sizeof *m.uids), calloc(count, sizeof *m.fields),
                   calloc(count, sizeof *m.rows)};

    for (size_t i = 0; i < count; i++) {
        snprintf(m.uids[i], sizeof m.uids[i], "n/%03zu", i * 37 % count);
        m.fields[i] = (mt_field){.name = mt_str("x"), .value = mt_text(m.uids[i]), .state = 2};
        m.rows[i] = (mt_row){.uid = mt_str(m.uids[i]), .fields = &m.fields[i], .count = 1};
    }
    return m;
}

static void many_free(many_rows *m)
{
    free(m->uids);
    free(m->fields);
    free(m->rows);
}

static void add_many(mt_graph *graph, size_t count)
{
    many_rows m = many_new(count);

    test_worked(graph, mt_graph_merge_rows(graph, m.rows, count, NULL));
    many_free(&m);
}

#define SMALL "a x=1@1 y='a text of some length'@2, b^3 z=~@4, c"
#define OTHER "a w=&b@1 x=2@1 y='another text, somewhat longer'@1, b^5, c z=1@1, d x=1@1"

static void prepare_none(world *w)
{
    (void)w;
}

static void prepare_small(world *w)
{
    w->graph = graph_in(w->mem, SMALL);
    w->other = graph_in(w->mem, OTHER);
}

/* `other` has two long texts in a small node, too. */
static void prepare_large(world *w)
{
    char text[300];

    memset(text, 'y', sizeof text - 1);
    text[sizeof text - 1] = 0;
    prepare_small(w);
    add_large(w->graph, 120, 1);
    add_large(w->other, 120, 2);
    test_worked(w->other, mt_graph_set(w->other, mt_str("e"), mt_str("one"), mt_text(text)));
    test_worked(w->other, mt_graph_set(w->other, mt_str("e"), mt_str("two"), mt_text(text)));
}

/* A small node here, and a large one of the same uid there. */
static void prepare_mixed(world *w)
{
    w->graph = graph_in(w->mem, "large 001='a text of some length'@9 zzz=1@1");
    w->other = graph_in(w->mem, OTHER);
    add_large(w->other, 80, 2);
}

static void prepare_mixed_clone(world *w)
{
    w->graph = graph_in(w->mem, "large 001='a text of some length'@9 zzz=1@1");
    CHECK(mt_graph_clone(w->graph, &w->other) == MT_OK);
    add_large(w->other, 80, 2);
    test_worked(w->graph, test_patch(w->graph, "large zzz=2", 0, NULL));
}

/* A clone, edited, and what it was cloned from. */
static void prepare_clone(world *w)
{
    w->graph = graph_in(w->mem, SMALL);
    add_large(w->graph, 120, 1);
    add_many(w->graph, 130);
    CHECK(mt_graph_clone(w->graph, &w->other) == MT_OK);
    test_worked(w->other, test_merge_rows(w->other, OTHER ", n/050 x=5@9", NULL));
    test_worked(w->other, test_patch(w->other, "large 007=~ 500='a text of some length'", 0, NULL));
    test_worked(w->graph, test_patch(w->graph, "large 008=1, n/051 y=1, n/100 x=~", 0, NULL));
}

static void hear(void *ctx, mt_graph *graph, const mt_delta *delta)
{
    (void)graph;
    (void)delta;
    ++*(size_t *)ctx;
}

static void prepare_listened(world *w)
{
    prepare_large(w);
    CHECK(mt_graph_listen(w->graph, hear, &w->heard) == MT_OK);
}

static void prepare_delta(world *w)
{
    prepare_large(w);
    test_worked(w->graph, mt_graph_merge(w->graph, w->other, &w->delta));
}

static void prepare_text(world *w)
{
    prepare_large(w);
    w->buf.mem = test_mem();
    CHECK(mt_json_graph(w->other, &w->buf) == MT_OK);
}

static mt_status encode(world *w)
{
    mt_buf out = {.mem = w->mem};
    mt_binary_writer *writer = NULL;
    mt_status st = mt_binary_writer_new(w->mem, NULL, NULL, &out, &writer);

    if (st == MT_OK) st = mt_binary_graph(writer, w->other);
    if (st == MT_OK) st = mt_binary_finish(writer);
    mt_binary_writer_free(writer);
    w->buf = out;
    return st;
}

static void prepare_binary(world *w)
{
    prepare_large(w);
    CHECK(encode(w) == MT_OK);
}

/* ---- What is tried ---- */

static mt_status act_new(world *w)
{
    return mt_graph_new(w->mem, NULL, &w->out);
}

static mt_status act_clone(world *w)
{
    return mt_graph_clone(w->graph, &w->out);
}

static mt_status act_listen(world *w)
{
    return mt_graph_listen(w->graph, hear, &w->heard);
}

static mt_status act_set(world *w)
{
    return mt_graph_set(w->graph, mt_str("a"), mt_str("new"), mt_text("a text of some length"));
}

static mt_status act_patch(world *w)
{
    return test_patch(w->graph, "d z=1 y=2 x=~, a z='a text of some length' x=2, !b x=1, c, !e", 0,
                      &w->delta);
}

static mt_status act_delete_all(world *w)
{
    return test_patch(w->graph, "!a, !b, !large 001=1", 50, &w->delta);
}

/* A long text, and a node that becomes a large one. */
static mt_status act_grow(world *w)
{
    mt_field fields[70] = {{.name = {NULL, 0}}};
    mt_row row = {.uid = mt_str("a"), .fields = fields, .count = 70};
    char names[70][32], text[300];

    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = 0;
    for (int i = 0; i < 70; i++) {
        snprintf(names[i], sizeof names[i], "%03d", 69 - i);
        fields[i] = (mt_field){.name = mt_str(names[i]), .value = mt_text(i % 9 ? "t" : text)};
    }
    return mt_graph_patch(w->graph, &row, 1, 0, &w->delta);
}

static mt_status many(world *w, bool merge, mt_delta **delta)
{
    many_rows m = many_new(150);
    mt_status st = merge ? mt_graph_merge_rows(w->graph, m.rows, 150, delta)
                         : mt_graph_patch(w->graph, m.rows, 150, 0, delta);

    many_free(&m);
    return st;
}

static mt_status act_many(world *w)
{
    return many(w, false, NULL);
}

static mt_status act_many_logged(world *w)
{
    return many(w, false, &w->delta);
}

static mt_status act_many_merged(world *w)
{
    return many(w, true, &w->delta);
}

static mt_status act_merge(world *w)
{
    return mt_graph_merge(w->graph, w->other, NULL);
}

static mt_status act_merge_logged(world *w)
{
    return mt_graph_merge(w->graph, w->other, &w->delta);
}

/* Nodes more than once, in no order, with fields and floors that come too late. */
static mt_status act_rows(world *w)
{
    return test_merge_rows(w->graph,
                           "c x=1@1, a y=0@1 x=5@5, b^1 z=1@2, a y='late, and of some length'@1, "
                           "d x=1@1, large 001=1@1 002=1@9 500='a text of some length'@1, b z=1@3, "
                           "a x=4@4, b^4 z=2@5, large 002=2@2 003=2@1, d x=2@2, c y=1@1",
                           &w->delta);
}

/* A floor that leaves a large node large, and one that leaves it small. */
static mt_status act_floor(world *w)
{
    return test_merge_rows(w->graph, "large^1", &w->delta);
}

static mt_status act_high_floor(world *w)
{
    return test_merge_rows(w->graph, "large^2", &w->delta);
}

typedef mt_status comparison(const mt_graph *a, const mt_graph *b, mt_graph **out, mt_error *err);

static mt_status compare(world *w, comparison *call)
{
    mt_error err = {MT_OK, ""};
    mt_status st = call(w->other, w->graph, &w->out, &err);

    CHECK(err.status == st);
    return st;
}

static mt_status act_rebase(world *w)
{
    return compare(w, mt_graph_rebase);
}

static mt_status act_overlap(world *w)
{
    return compare(w, mt_graph_overlap);
}

static mt_status act_diff(world *w)
{
    return compare(w, mt_graph_diff);
}

/* All of them, and nobody asks for the error. */
static mt_status act_quietly(world *w)
{
    comparison *const calls[] = {mt_graph_rebase, mt_graph_overlap, mt_graph_diff};
    mt_status st = MT_OK;

    for (size_t i = 0; i < TEST_COUNT(calls) && st == MT_OK; i++) {
        mt_graph_free(w->out);
        w->out = NULL;
        st = calls[i](w->other, w->graph, &w->out, NULL);
    }
    return st;
}

static mt_status act_delta_clone(world *w)
{
    mt_delta *clone = NULL;
    mt_status st = mt_delta_clone(w->delta, &clone);

    mt_delta_free(clone);
    return st;
}

static mt_status act_revert(world *w)
{
    return mt_delta_revert(w->delta, &w->patch);
}

static mt_status act_snapshot(world *w)
{
    mt_status st;

    w->buf.mem = w->mem;
    st = mt_graph_snapshot(w->graph, &w->buf);
    CHECK((st == MT_OK) == (w->buf.len > 0));
    return st;
}

static mt_status act_json(world *w)
{
    mt_status st;

    w->buf.mem = w->mem;
    st = mt_json_graph(w->graph, &w->buf);
    CHECK((st == MT_OK) == (w->buf.len > 0));
    return st;
}

static mt_status act_json_load(world *w)
{
    return mt_json_load(w->mem, NULL, "t", mt_buf_bytes(&w->buf), &w->out, NULL);
}

static mt_status act_binary(world *w)
{
    mt_status st = encode(w);

    if (st != MT_OK) mt_buf_free(&w->buf);
    return st;
}

static mt_status act_binary_load(world *w)
{
    return mt_binary_load(w->mem, NULL, NULL, "t", mt_buf_bytes(&w->buf), &w->out, NULL);
}

static const scenario scenarios[] = {
    {"a new graph", prepare_none, act_new},
    {"a clone", prepare_clone, act_clone},
    {"a listener", prepare_small, act_listen},
    {"one field of a small node", prepare_small, act_set},
    {"one field of a shared node", prepare_clone, act_set},
    {"a patch", prepare_small, act_patch},
    {"a patch with a listener", prepare_listened, act_patch},
    {"a patch of shared nodes", prepare_clone, act_patch},
    {"nodes deleted", prepare_large, act_delete_all},
    {"nodes deleted in a clone", prepare_clone, act_delete_all},
    {"a node that becomes large", prepare_small, act_grow},
    {"a node that becomes large in a clone", prepare_clone, act_grow},
    {"many nodes", prepare_small, act_many},
    {"many nodes, logged", prepare_small, act_many_logged},
    {"many shared nodes", prepare_clone, act_many_logged},
    {"many rows merged", prepare_clone, act_many_merged},
    {"a merge", prepare_large, act_merge},
    {"a merge, logged", prepare_large, act_merge_logged},
    {"a merge with a listener", prepare_listened, act_merge},
    {"a merge of clones", prepare_clone, act_merge},
    {"a merge of clones, logged", prepare_clone, act_merge_logged},
    {"rows that repeat and are late", prepare_large, act_rows},
    {"rows that repeat and are late in a clone", prepare_clone, act_rows},
    {"a floor in a large node", prepare_large, act_floor},
    {"a floor in a shared large node", prepare_clone, act_floor},
    {"a floor that makes a large node small", prepare_large, act_high_floor},
    {"a floor that makes a shared large node small", prepare_clone, act_high_floor},
    {"a large node merged into a small one", prepare_mixed, act_merge_logged},
    {"a large node merged into a small one it was", prepare_mixed_clone, act_merge_logged},
    {"a rebase", prepare_large, act_rebase},
    {"a rebase of clones", prepare_clone, act_rebase},
    {"an overlap", prepare_large, act_overlap},
    {"an overlap of clones", prepare_clone, act_overlap},
    {"a rebase of a large node on a small one", prepare_mixed, act_rebase},
    {"a diff", prepare_large, act_diff},
    {"a diff of clones", prepare_clone, act_diff},
    {"a rebase, an overlap and a diff", prepare_large, act_quietly},
    {"a clone of a delta", prepare_delta, act_delta_clone},
    {"a revert", prepare_delta, act_revert},
    {"a snapshot", prepare_large, act_snapshot},
    {"JSON", prepare_large, act_json},
    {"JSON read", prepare_text, act_json_load},
    {"binary", prepare_large, act_binary},
    {"binary read", prepare_binary, act_binary_load},
};

/* ---- The loop ---- */

static mt_buf text_of(const mt_graph *graph)
{
    return graph ? test_text(graph) : (mt_buf){.mem = test_mem()};
}

static void world_end(world *w)
{
    mt_graph_free(w->graph);
    mt_graph_free(w->other);
    mt_graph_free(w->out);
    mt_patch_free(w->patch);
    mt_delta_free(w->delta);
    mt_buf_free(&w->buf);
}

/* Prepares, lets the allocation numbered `n` of the act fail, and acts again. `results` gets what
 * the graphs then are. Answers whether the act came so far. */
static bool try_once(const scenario *s, size_t n, mt_buf results[2])
{
    fail_mem fm = {.fail_at = SIZE_MAX};
    world w = {.mem = fail_mem_hook(&fm)};
    mt_buf graph, other;
    mt_delta *delta;
    mt_status st;

    s->prepare(&w);
    delta = w.delta;
    graph = text_of(w.graph);
    other = text_of(w.other);
    if (n != SIZE_MAX) fm.fail_at = fm.count + n;
    st = s->act(&w);
    fm.fail_at = SIZE_MAX;
    if (fm.tripped) {
        CHECK(st == MT_NO_MEMORY && !w.out && !w.patch && w.delta == delta && w.heard == 0);
        test_same_bytes(text_of(w.graph), graph);
        if (w.graph) test_inspect(w.graph);
        st = s->act(&w);
    } else {
        mt_buf_free(&graph);
    }
    CHECK(st == MT_OK);
    test_same_bytes(text_of(w.other), other);
    if (w.graph) test_inspect(w.graph);
    if (w.out) test_inspect(w.out);
    results[0] = text_of(w.graph);
    results[1] = text_of(w.out);
    world_end(&w);
    CHECK(fm.live_bytes == 0);
    return fm.tripped;
}

static void try_all(const scenario *s)
{
    mt_buf expected[2], results[2];
    size_t n = 0;
    bool tripped;

    try_once(s, SIZE_MAX, expected);
    do {
        tripped = try_once(s, n++, results);
        for (size_t i = 0; i < 2; i++) {
            CHECK(mt_bytes_equal(mt_buf_bytes(&results[i]), mt_buf_bytes(&expected[i])));
            mt_buf_free(&results[i]);
        }
    } while (tripped);
    for (size_t i = 0; i < 2; i++) mt_buf_free(&expected[i]);
    print_message("[   CASES  ] %zu of %s\n", n, s->name);
}

TEST(without_memory_a_call_says_so_and_changes_nothing)
{
    for (size_t i = 0; i < TEST_COUNT(scenarios); i++) try_all(&scenarios[i]);
    assert_int_equal(test_mem_live(), 0);
}

TEST(objects_are_allocated_one_by_one_here)
{
    CHECK(mti_heap_checked());
}

/* Of a node or its graph, behind what stood there, where the buffer cannot grow for the `at`th time; false: it grows
 * less often. */
static bool snapshot_fails_at(const mt_graph *graph, bool whole, size_t at)
{
    fail_mem fm = {.fail_at = at + 1};
    mt_buf out = {.mem = fail_mem_hook(&fm)};
    mt_status st;

    CHECK(mti_buf_append(&out, "x", 1) == MT_OK);
    st = whole ? mt_graph_snapshot(graph, &out)
               : mt_node_snapshot(mt_graph_get(graph, mt_str("ada")), &out);
    CHECK(st == (fm.tripped ? MT_NO_MEMORY : MT_OK));
    CHECK(!fm.tripped || (out.len == 1 && out.data[0] == 'x'));
    mt_buf_free(&out);
    CHECK(fm.live_bytes == 0);
    return fm.tripped;
}

/* The longer the text, the later it is that there is no room. */
TEST(a_snapshot_that_finds_no_room_leaves_what_was_there)
{
    char rows[512], text[256];

    for (size_t len = 0; len < 200; len++) {
        mt_graph *graph;

        memset(text, 't', len);
        text[len] = 0;
        snprintf(rows, sizeof rows, "ada a='%s'@1 b=true@1 c=1@1, bob a=1@1, cy b=1@1", text);
        graph = test_graph_from(rows);
        for (int whole = 0; whole < 2; whole++)
            for (size_t at = 0; snapshot_fails_at(graph, whole, at); at++) CHECK(at < 30);
        mt_graph_free(graph);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_memory_a_call_says_so_and_changes_nothing),
        cmocka_unit_test(objects_are_allocated_one_by_one_here),
        cmocka_unit_test(a_snapshot_that_finds_no_room_leaves_what_was_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
