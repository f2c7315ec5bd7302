/* All nodes of one and of two fields over four states: each field absent, or a delete marker, or
 * one of two values, at state 1 to 4, under each floor from 0 to 4. Every pair is merged, rebased,
 * overlapped and compared, every triple merged. */
#include "test_graph.h"
#include "test_inspect.h"
#include <string.h>

#define STATES 4
#define CHOICES (1 + 3 * STATES) /* absent, then each kind at each state */
#define FLOORS (STATES + 1)
#define NODES_MAX 335
#define NONE UINT16_MAX

typedef struct node_code {
    unsigned floor, field[2];
} node_code;

/* The nodes of so many fields, the graphs that hold one each, and what merging two of them
 * gives. */
typedef struct table {
    test_arena arena;
    mt_value values[2];
    size_t fields, count;
    node_code code[NODES_MAX];
    uint16_t index[FLOORS][CHOICES][CHOICES];
    ref_graph ref[NODES_MAX];
    mt_graph *graph[NODES_MAX], *other[NODES_MAX]; /* the same, of two families */
    uint16_t merged[NODES_MAX][NODES_MAX];
} table;

static unsigned choice_state(unsigned choice)
{
    return (choice - 1) % STATES + 1;
}

static unsigned choice_kind(unsigned choice)
{
    return (choice - 1) / STATES;
}

static bool node_may_be(const node_code *code)
{
    for (size_t f = 0; f < 2; f++)
        if (code->field[f] && choice_state(code->field[f]) <= code->floor) return false;
    return true;
}

static void table_add(table *t, node_code code)
{
    ref_graph ref = {.arena = &t->arena};
    ref_node *node = ref_add(&ref, mt_str("n"));

    node->floor = code.floor;
    for (size_t f = 0; f < 2; f++) {
        mt_field field = {.name = mt_str(f == 0 ? "x" : "y")};

        if (!code.field[f]) continue;
        field.state = choice_state(code.field[f]);
        if (choice_kind(code.field[f]) == 0) field.kind = MT_FIELD_DELETED;
        else field.value = t->values[choice_kind(code.field[f]) - 1];
        ref_put(&ref, node, &field);
    }
    t->index[code.floor][code.field[0]][code.field[1]] = (uint16_t)t->count;
    t->code[t->count] = code;
    t->graph[t->count] = test_graph_of(&ref);
    t->other[t->count] = test_graph_of(&ref);
    t->ref[t->count++] = ref;
}

static void table_init(table *t, size_t fields, mt_value a, mt_value b)
{
    unsigned second = fields == 2 ? CHOICES : 1;

    memset(t, 0, sizeof *t);
    memset(t->index, 0xFF, sizeof t->index);
    t->fields = fields;
    t->values[0] = a;
    t->values[1] = b;
    for (unsigned floor = 0; floor < FLOORS; floor++) {
        for (unsigned x = 0; x < CHOICES; x++) {
            for (unsigned y = 0; y < second; y++) {
                node_code code = {floor, {x, y}};

                if (node_may_be(&code)) table_add(t, code);
            }
        }
    }
}

static void table_end(table *t)
{
    for (size_t i = 0; i < t->count; i++) {
        mt_graph_free(t->graph[i]);
        mt_graph_free(t->other[i]);
    }
    test_arena_end(&t->arena);
}

/* Which of the nodes a graph holds, read from it. */
static uint16_t table_find(const table *t, const mt_graph *graph)
{
    const mt_node *node = mt_graph_get(graph, mt_str("n"));
    unsigned choice[2] = {0, 0};
    mt_field_iter iter;
    mt_field field;

    HOLDS(node && mt_graph_count(graph) == 1 && mt_node_floor(node) <= STATES);
    mt_field_iter_init(&iter, node, true);
    while (mt_field_iter_next(&iter, &field)) {
        size_t f = mt_bytes_equal(field.name, mt_str("y"));
        unsigned kind = field.kind == MT_FIELD_DELETED                ? 0
                        : mt_value_equal(&field.value, &t->values[0]) ? 1
                                                                      : 2;

        HOLDS(field.state <= STATES);
        choice[f] = 1 + kind * STATES + (unsigned)field.state - 1;
    }
    return t->index[mt_node_floor(node)][choice[0]][choice[1]];
}

static void merge_pair(table *t, size_t i, size_t j, mt_graph *graph)
{
    ref_delta expected;
    ref_graph ref = ref_merge(&t->ref[i], &t->ref[j], &expected);
    mt_delta *delta = test_merge(graph, t->other[j]);

    t->merged[i][j] = table_find(t, graph);
    HOLDS(t->merged[i][j] != NONE);
    HOLDS(ref_equal(&ref, &t->ref[t->merged[i][j]]));
    HOLDS(mt_graph_equal(graph, t->other[t->merged[i][j]]));
    test_delta_is(delta, &expected, false);
    mt_delta_free(delta);
}

static void compare_pair(table *t, size_t i, size_t j)
{
    ref_graph rebased, overlap = ref_overlap(&t->ref[i], &t->ref[j]);
    ref_graph diff = ref_diff(&t->ref[i], &t->ref[j]);
    mt_graph *result = NULL;

    HOLDS(ref_rebase(&t->ref[i], &t->ref[j], &rebased) == MT_OK);
    HOLDS(mt_graph_rebase(t->graph[i], t->other[j], &result, NULL) == MT_OK);
    test_graph_is(result, &rebased);
    mt_graph_free(result);
    HOLDS(mt_graph_overlap(t->graph[i], t->other[j], &result, NULL) == MT_OK);
    test_graph_is(result, &overlap);
    mt_graph_free(result);
    HOLDS(mt_graph_diff(t->graph[i], t->other[j], &result, NULL) == MT_OK);
    test_graph_is(result, &diff);
    mt_graph_free(result);
    HOLDS(mt_graph_equal(t->graph[i], t->other[j]) == (i == j));
}

/* A sanitizer sees each of the pairs in so many. */
static size_t stride(const table *t)
{
    return TEST_SANITIZED && t->fields == 2 ? 13 : 1;
}

static void all_pairs(table *t)
{
    size_t pairs = 0;

    for (size_t i = 0; i < t->count; i++) {
        test_arena row = {.left = 0};

        t->ref[i].arena = &row;
        for (size_t j = 0; j < t->count; j++) {
            mt_graph *graph = test_clone(t->graph[i]);

            merge_pair(t, i, j, graph);
            if ((i + j) % stride(t) == 0) compare_pair(t, i, j);
            mt_graph_free(graph);
            pairs++;
        }
        t->ref[i].arena = &t->arena;
        test_arena_end(&row);
    }
    print_message("[   CASES  ] %zu pairs\n", pairs);
}

static void all_laws(const table *t)
{
    size_t triples = 0;

    for (size_t i = 0; i < t->count; i++) {
        HOLDS(t->merged[i][i] == i);
        for (size_t j = 0; j < t->count; j++) {
            size_t both = t->merged[i][j];

            HOLDS(both == t->merged[j][i]);
            HOLDS(t->merged[both][i] == both && t->merged[both][j] == both);
            for (size_t k = 0; k < t->count; k++, triples++)
                HOLDS(t->merged[both][k] == t->merged[i][t->merged[j][k]]);
        }
    }
    print_message("[   CASES  ] %zu triples\n", triples);
}

static void all_of(size_t fields, mt_value a, mt_value b, size_t count)
{
    static table t;

    table_init(&t, fields, a, b);
    assert_int_equal(t.count, count);
    all_pairs(&t);
    all_laws(&t);
    table_end(&t);
}

TEST(all_nodes_of_one_field)
{
    all_of(1, mt_number(9), mt_number(10), 35);
    all_of(1, mt_text("\xEF\xBF\xBF"), mt_text("\xF0\x9F\x98\x80"), 35);
    all_of(1, mt_blob(mt_str("\xFF")), mt_int(INT64_MAX), 35);
    all_of(1, mt_edge_to("an edge that lies in its node"), mt_null(), 35);
}

TEST(all_nodes_of_two_fields)
{
    all_of(2, mt_number(9), mt_text("a text that lies in its node"), NODES_MAX);
}

TEST(all_nodes_of_two_fields_with_blobs)
{
    char text[201];

    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = 0;
    all_of(2, mt_text(text), mt_text("\xF0\x9F\x98\x80"), NODES_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_nodes_of_one_field),
        cmocka_unit_test(all_nodes_of_two_fields),
        cmocka_unit_test(all_nodes_of_two_fields_with_blobs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
