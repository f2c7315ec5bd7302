/* What clones cost: little, and only for what is edited. */
#include "test_inspect.h"
#include "test_notation.h"
#include <mytosis/host.h>
#include <stdio.h>
#include <stdlib.h>

/* Counts what is taken from the system's own memory, which is fast. */
typedef struct counter {
    mt_mem mem;
    size_t taken; /* bytes, in all */
    size_t live;
} counter;

static void *counter_resize(void *ctx, void *ptr, size_t old_size, size_t size)
{
    const mt_mem *system = mt_mem_system();
    counter *c = ctx;

    c->live = c->live - old_size + size;
    if (size > old_size) c->taken += size - old_size;
    return system->resize(system->ctx, ptr, old_size, size);
}

static mt_graph *counted_graph(counter *c)
{
    mt_graph *graph = NULL;

    *c = (counter){.mem = {.resize = counter_resize, .ctx = c}};
    CHECK(mt_graph_new(&c->mem, NULL, &graph) == MT_OK);
    return graph;
}

#define BATCH 1000

static void add_nodes(mt_graph *graph, size_t count)
{
    static char uids[BATCH][32];
    static mt_row rows[BATCH];
    mt_field fields[2] = {{.name = mt_str("age"), .value = mt_number(7)},
                          {.name = mt_str("name"), .value = mt_text("a name of some length")}};

    for (size_t first = 0; first < count; first += BATCH) {
        for (size_t i = 0; i < BATCH; i++) {
            snprintf(uids[i], sizeof uids[i], "user/%07zu", first + i);
            rows[i] = (mt_row){.uid = mt_str(uids[i]), .fields = fields, .count = 2};
        }
        test_worked(graph, mt_graph_patch(graph, rows, BATCH, 0, NULL));
    }
}

/* What lies free in the heap's chunk would hide what is taken. Chunks are of up to 2 MiB, so that
 * this asks for none. */
static size_t heap_left(const mt_graph *graph)
{
    return graph->family->heap.left;
}

TEST(a_clone_of_a_million_nodes_takes_a_few_hundred_bytes)
{
    const size_t count = TEST_SANITIZED ? 50000 : 1000000;
    counter c;
    mt_graph *graph = counted_graph(&c), *clone = NULL;
    size_t before, left;

    add_nodes(graph, count);
    before = c.taken;
    left = heap_left(graph);
    CHECK(mt_graph_clone(graph, &clone) == MT_OK);
    assert_int_equal(heap_left(graph), left);
    CHECK(c.taken - before < 1000);
    CHECK(mt_graph_equal(graph, clone));

    /* One edit takes the pages on the way to its node, a node, and what a patch needs. */
    before = c.taken;
    test_worked(clone, mt_graph_set(clone, mt_str("user/0000777"), mt_str("age"), mt_number(8)));
    CHECK(c.taken - before + left - heap_left(clone) < 8 * 1024);
    CHECK(!mt_graph_equal(graph, clone));
    before = c.taken;
    mt_delta_free(test_merge(graph, clone));
    CHECK(c.taken - before < 8 * 1024);
    CHECK(mt_graph_equal(graph, clone));
    mt_graph_free(graph);
    assert_int_equal(mt_graph_count(clone), count);
    mt_graph_free(clone);
    CHECK(c.live == 0);
}

TEST(one_change_to_a_node_of_100000_fields_takes_a_few_pages)
{
    const size_t count = TEST_SANITIZED ? 20000 : 100000;
    counter c;
    mt_graph *graph = counted_graph(&c), *clone;
    mt_field *fields = calloc(count, sizeof *fields);
    char(*names)[32] = calloc(count, sizeof *names);
    mt_row row = {.uid = mt_str("a"), .fields = fields, .count = count};
    size_t before, left;
    mt_field found;

    for (size_t i = 0; i < count; i++) {
        snprintf(names[i], sizeof names[i], "field %zu", i * 7919 % count);
        fields[i] = (mt_field){.name = mt_str(names[i]), .value = mt_number((double)i)};
    }
    test_worked(graph, mt_graph_patch(graph, &row, 1, 0, NULL));
    clone = test_clone(graph);
    before = c.taken;
    left = heap_left(graph);
    test_worked(graph, mt_graph_set(graph, mt_str("a"), mt_str("field 77"), mt_text("changed")));
    CHECK(c.taken - before + left - heap_left(graph) < 16 * 1024);
    CHECK(mt_node_get(mt_graph_get(clone, mt_str("a")), mt_str("field 77"), &found) == MT_OK);
    CHECK(found.state == 1);
    assert_int_equal(mt_node_count(mt_graph_get(graph, mt_str("a"))), count);
    before = c.taken;
    left = heap_left(graph);
    test_worked(graph, mt_graph_remove(graph, mt_str("a"), mt_str("field 99")));
    CHECK(c.taken - before + left - heap_left(graph) < 16 * 1024);
    assert_int_equal(mt_node_count(mt_graph_get(graph, mt_str("a"))), count - 1);
    test_inspect(graph);
    mt_graph_free(graph);
    mt_graph_free(clone);
    CHECK(c.live == 0);
    free(fields);
    free(names);
}

TEST(clones_of_clones_hold_what_each_was_given)
{
    mt_graph *graphs[20] = {test_graph_from("a x=0@1, b y=1@1")};
    char text[64];

    for (int i = 1; i < 20; i++) {
        graphs[i] = test_clone(graphs[i / 2]);
        test_worked(graphs[i], mt_graph_set(graphs[i], mt_str("a"), mt_str("x"), mt_number(i)));
    }
    for (int i = 0; i < 20; i += 2) mt_graph_free(graphs[i]);
    for (int i = 1; i < 20; i += 2) {
        int depth = 1;

        for (int up = i; up > 0; up /= 2) depth++;
        snprintf(text, sizeof text, "a x=%d@%d, b y=1@1", i, depth);
        test_graph_says(graphs[i], text);
        mt_graph_free(graphs[i]);
    }
}

TEST(a_clone_edits_in_place_once_it_is_alone)
{
    counter c;
    mt_graph *graph = counted_graph(&c), *clone;
    size_t before;

    add_nodes(graph, BATCH);
    clone = test_clone(graph);
    mt_graph_free(graph);
    test_worked(clone, mt_graph_set(clone, mt_str("user/0000777"), mt_str("age"), mt_number(0)));
    before = c.taken;
    for (int i = 0; i < 10000; i++)
        test_worked(clone,
                    mt_graph_set(clone, mt_str("user/0000777"), mt_str("age"), mt_number(i)));
    /* What was overwritten is used again. */
    if (!mti_heap_checked()) CHECK(c.taken - before < 64 * 1024);
    mt_graph_free(clone);
    CHECK(c.live == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clone_of_a_million_nodes_takes_a_few_hundred_bytes),
        cmocka_unit_test(one_change_to_a_node_of_100000_fields_takes_a_few_pages),
        cmocka_unit_test(clones_of_clones_hold_what_each_was_given),
        cmocka_unit_test(a_clone_edits_in_place_once_it_is_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
