/* Patch: the same as the reference, wholly or not at all, and undone by its revert. */
#include "test_gen.h"
#include "test_graph.h"
#include "test_inspect.h"

typedef struct patching {
    gen_universe u;
    ref_graph before;
    mt_graph *graph;
    mt_row *rows;
    size_t count;
    uint64_t state;
} patching;

/* A given state is mostly one that will do. */
static uint64_t gen_state(test_case *c, const gen_universe *u)
{
    if (test_once_in(c, 2)) return 0;
    if (test_once_in(c, 30)) return MT_STATE_MAX + 1;
    return u->state_low + (test_once_in(c, 3) ? test_below(c, 8) : 7);
}

static patching patching_new(test_case *c)
{
    gen_universe u = gen_any(c);
    patching p = {.u = u, .before = gen_graph(c, &u)};

    p.graph = test_graph_of(&p.before);
    p.rows = gen_patch(c, &p.u, &p.count);
    p.state = gen_state(c, &p.u);
    return p;
}

static void patch_is_that_of_the_reference(test_case *c)
{
    patching p = patching_new(c);
    mti_family *family = test_family_keep(p.graph);
    ref_graph after = p.before;
    ref_delta expected;
    mt_delta *delta = NULL;
    mt_status st = ref_patch(&p.before, p.rows, p.count, p.state, &after, &expected);

    if (st == MT_OK) {
        test_worked(p.graph, mt_graph_patch(p.graph, p.rows, p.count, p.state, &delta));
        test_delta_is(delta, &expected, false);
    } else {
        HOLDS(mt_graph_patch(p.graph, p.rows, p.count, p.state, &delta) == st && !delta);
    }
    test_graph_is(p.graph, &after);
    test_inspect(p.graph);
    mt_delta_free(delta);
    mt_graph_free(p.graph);
    test_family_end(family);
}

/* Rows that no patch may hold: one after good ones must take these back. */
static void spoil(test_case *c, patching *p)
{
    mt_row *row = &p->rows[test_below(c, p->count)];
    mt_field *fields = test_take(&c->arena, (row->count + 2) * sizeof *fields);

    for (size_t i = 0; i < row->count; i++) fields[i] = row->fields[i];
    row->fields = fields;
    fields[row->count] = (mt_field){.name = mt_str("spoilt")};
    switch (test_below(c, 6)) {
    case 0: fields[row->count].name = mt_str("@object"); break;
    case 1: fields[row->count].name = mt_str("\xFF"); break;
    case 2: fields[row->count].value = mt_text("\xC3"); break;
    case 3: fields[row->count].type = (mt_field_type)1; break;
    case 4: fields[row->count].value = (mt_value){.kind = MT_INT, .as.integer = 1}; break;
    default:
        fields[row->count + 1] = fields[row->count];
        row->count++;
        break;
    }
    row->count++;
}

static void what_fails_changes_nothing(test_case *c)
{
    patching p = patching_new(c);
    mti_family *family = test_family_keep(p.graph);
    mt_graph *kept = test_once_in(c, 2) ? test_clone(p.graph) : test_graph_of(&p.before);
    mt_delta *delta = NULL, **wanted = test_once_in(c, 2) ? &delta : NULL;
    bool merge = test_once_in(c, 2);
    mt_status st;

    if (p.count > 0) {
        spoil(c, &p);
        for (size_t i = 0; i < p.count && merge; i++) {
            mt_field *fields = (mt_field *)p.rows[i].fields;

            for (size_t f = 0; f < p.rows[i].count; f++) fields[f].state = 1 + test_below(c, 20);
        }
        st = merge ? mt_graph_merge_rows(p.graph, p.rows, p.count, wanted)
                   : mt_graph_patch(p.graph, p.rows, p.count, p.state, wanted);
        HOLDS(st != MT_OK && !delta && mt_graph_error(p.graph)->status == st);
        HOLDS(mt_graph_error(p.graph)->text[0] != 0);
    }
    HOLDS(mt_graph_equal(p.graph, kept));
    test_graph_is(p.graph, &p.before);
    test_inspect(p.graph);
    mt_graph_free(kept);
    mt_graph_free(p.graph);
    test_family_end(family);
}

static void revert_brings_back_what_readers_saw(test_case *c)
{
    patching p = patching_new(c);
    mt_buf before = test_snapshot(p.graph);
    mt_delta *delta = NULL;
    mt_patch *patch = NULL;
    const mt_row *rows;
    size_t count;
    mt_status st = mt_graph_patch(p.graph, p.rows, p.count, p.state, &delta);

    if (st == MT_OK) {
        HOLDS(mt_delta_revert(delta, &patch) == MT_OK);
        rows = mt_patch_rows(patch, &count);
        for (size_t i = 1; i < count; i++)
            HOLDS(mt_bytes_compare(rows[i - 1].uid, rows[i].uid) < 0);
        st = mt_graph_patch(p.graph, rows, count, 0, NULL);
    }
    if (st == MT_OK) {
        test_same_bytes(test_snapshot(p.graph), before);
    } else {
        HOLDS(st == MT_STATE);
        mt_buf_free(&before);
    }
    mt_patch_free(patch);
    mt_delta_free(delta);
    mt_graph_free(p.graph);
}

/* A patch, made here, and its update, merged into another replica of the same graph. */
static void patch_travels_as_its_update(test_case *c)
{
    patching p = patching_new(c);
    mt_graph *replica = test_graph_of(&p.before);
    mt_delta *delta = NULL;
    size_t count;
    mt_row *rows;

    if (mt_graph_patch(p.graph, p.rows, p.count, p.state, &delta) == MT_OK) {
        rows = test_delta_rows(&c->arena, delta, MT_UPDATE, &count);
        gen_shuffle(c, rows, count, sizeof *rows);
        test_worked(replica, mt_graph_merge_rows(replica, rows, count, NULL));
    }
    HOLDS(mt_graph_equal(replica, p.graph));
    mt_delta_free(delta);
    mt_graph_free(p.graph);
    mt_graph_free(replica);
}

/* The snapshot of a graph, as a patch, gives an empty graph the same snapshot. */
static void snapshot_is_a_patch(test_case *c)
{
    patching p = patching_new(c);
    mt_graph *other = test_graph_new();

    for (size_t i = 0; i < p.before.count; i++) {
        const ref_node *node = &p.before.nodes[i];
        mt_row row = {.uid = node->uid, .fields = node->fields, .count = node->count};

        test_worked(other, mt_graph_patch(other, &row, 1, 0, NULL));
    }
    test_same_bytes(test_snapshot(p.graph), test_snapshot(other));
    mt_graph_free(p.graph);
    mt_graph_free(other);
}

TEST(library_and_reference_patch_alike)
{
    test_law(150000, patch_is_that_of_the_reference);
}

TEST(a_call_that_fails_changes_nothing)
{
    test_law(80000, what_fails_changes_nothing);
}

TEST(a_patch_is_undone_for_every_reader)
{
    test_law(80000, revert_brings_back_what_readers_saw);
}

TEST(the_update_of_a_patch_is_that_patch_elsewhere)
{
    test_law(60000, patch_travels_as_its_update);
}

TEST(readers_see_values_and_no_trace_of_their_past)
{
    test_law(30000, snapshot_is_a_patch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(library_and_reference_patch_alike),
        cmocka_unit_test(a_call_that_fails_changes_nothing),
        cmocka_unit_test(a_patch_is_undone_for_every_reader),
        cmocka_unit_test(the_update_of_a_patch_is_that_patch_elsewhere),
        cmocka_unit_test(readers_see_values_and_no_trace_of_their_past),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
