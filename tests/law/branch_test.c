/* Branches against whole copies: a source and its branches live through random histories, and each
 * always shows what a clone of a graph, made when the branch was made, would show. */
#include "test_calls.h"
#include "test_gen.h"
#include "test_graph.h"

#include <mytosis/conformance.h>
#include <mytosis/plugin/kv_memory.h>
#include <mytosis/plugin/node_store.h>
#include <string.h>

#define ACTORS 6

/* A database, and what it must hold. The first is the source of all. */
typedef struct actor {
    mt_db *db; /* NULL: there is none */
    size_t parent;
    mt_graph *model;
    mt_graph *edits; /* of a branch */
} actor;

typedef struct world {
    test_case *c;
    gen_universe u;
    test_stage s;
    bool has_stage; /* its storage is that of the stage */
    actor actors[ACTORS];
} world;

/* ---- Beginning and end ---- */

static mt_db *root_db(const world *w)
{
    return w->actors[0].db;
}

/* The node store on an engine that answers late. */
static void open_node_store(world *w, mt_config *config, mt_storage *storage)
{
    mt_kv_late_options late = {.size = sizeof late, .seed = test_rng_next(&w->c->rng)};
    mt_node_store_options options = {.size = sizeof options};
    const mt_env *env = &w->s.t.te.env;
    mt_kv memory, kv;

    options.small_len_max = test_once_in(w->c, 2) ? 64 : 0;
    HOLDS(mt_kv_memory(env, &memory) == MT_OK);
    HOLDS(mt_kv_late(env, memory, &late, &kv) == MT_OK);
    HOLDS(mt_node_store_new(env, kv, &options, storage, NULL) == MT_OK);
    config->storage = storage;
}

static void open_root(world *w)
{
    mt_config config = {.size = sizeof config};
    mt_storage storage;
    size_t kind = test_below(w->c, 4);

    config.clock = test_once_in(w->c, 3) ? MT_CLOCK_HYBRID : MT_CLOCK_LAMPORT;
    if (test_once_in(w->c, 2)) config.cache_bytes = w->u.size == GEN_SMALL ? 20000 : 1500000;
    if (kind >= 2) {
        w->has_stage = true;
        test_stage_init(&w->s);
        w->s.ts.quiet = true;
        w->s.ts.rng = test_rng_new(test_rng_next(&w->c->rng));
        w->s.ts.when = (test_when)test_below(w->c, TEST_HELD);
        w->s.ts.large = test_below(w->c, 3);
        test_stage_open(&w->s, &config);
        w->actors[0].db = w->s.db;
        return;
    }
    test_db_begin(&w->s.t);
    if (kind == 1) open_node_store(w, &config, &storage);
    test_db_open(&w->s.t, &config);
    w->actors[0].db = w->s.t.db;
    test_env_run(&w->s.t.te);
}

static void world_begin(world *w, test_case *c, gen_universe u)
{
    memset(w, 0, sizeof *w);
    w->c = c;
    w->u = u;
    w->u.state_low = 0;
    open_root(w);
    w->actors[0].model = test_graph_new();
}

static void actor_end(actor *a)
{
    mt_graph_free(a->model);
    mt_graph_free(a->edits);
    memset(a, 0, sizeof *a);
}

static void world_end(world *w)
{
    for (size_t i = 0; i < ACTORS; i++) actor_end(&w->actors[i]);
    if (w->has_stage) test_stage_end(&w->s);
    else test_db_end(&w->s.t);
}

/* ---- What must hold ---- */

static void worked(mt_db *db, mt_status st)
{
    if (st != MT_OK) print_error("%s: %s\n", mt_status_name(st), mt_db_error(db)->text);
    HOLDS(st == MT_OK);
}

static mt_buf snapshot(const mt_node *node)
{
    mt_buf text = {.mem = test_mem()};

    if (node && mt_node_count(node) > 0) HOLDS(mt_node_snapshot(node, &text) == MT_OK);
    return text;
}

static void node_is(actor *a, mt_bytes uid)
{
    mt_handle *node = NULL;

    worked(a->db, mt_read_wait(a->db, uid, NULL, &node));
    if (node) worked(a->db, mt_fields_wait(node, NULL, 0, NULL));
    test_same_bytes(snapshot(node ? mt_handle_node(node) : NULL),
                    snapshot(mt_graph_get(a->model, uid)));
    mt_handle_unref(node);
}

/* A field by itself, which of a large node is read alone. */
static void field_is(actor *a, mt_bytes uid, mt_bytes name)
{
    const mt_node *model = mt_graph_get(a->model, uid);
    mt_handle *node = NULL;
    mt_field field, expected;
    mt_status st = MT_NOT_FOUND, wanted = MT_NOT_FOUND;

    worked(a->db, mt_read_wait(a->db, uid, NULL, &node));
    if (node) st = mt_field_wait(node, name, NULL, &field, NULL);
    if (model) wanted = mt_node_get(model, name, &expected);
    HOLDS(st == wanted);
    if (st == MT_OK) HOLDS(mt_value_equal(&field.value, &expected.value));
    if (st == MT_OK) HOLDS(field.state == expected.state);
    mt_handle_unref(node);
}

static bool take_row(void *ctx, mt_db *db, const mt_row *row)
{
    (void)db;
    HOLDS(mt_graph_merge_rows(ctx, row, 1, NULL) == MT_OK);
    return true;
}

/* States, floors and delete markers too. */
static void all_is(actor *a)
{
    mt_range range = {.deleted = true};
    mt_graph *all = test_graph_new(), *edits = NULL;

    worked(a->db, mt_stream_wait(a->db, &range, take_row, all));
    HOLDS(mt_graph_equal(all, a->model));
    mt_graph_free(all);
    if (!a->edits) return;
    HOLDS(mt_branch_edits(a->db, &edits) == MT_OK);
    HOLDS(mt_graph_equal(edits, a->edits));
    mt_graph_free(edits);
}

/* ---- Writing, in the model ---- */

/* The rows but for those that do nothing: a database makes no empty nodes. */
static mt_row *rows_that_count(test_case *c, const mt_graph *model, const mt_row *rows,
                               size_t *count)
{
    mt_row *kept = test_take(&c->arena, (*count + 1) * sizeof *kept);
    size_t kept_count = 0;

    for (size_t i = 0; i < *count; i++) {
        if (rows[i].count == 0 && rows[i].floor == 0 && !rows[i].delete_node) continue;
        if (rows[i].count == 0 && rows[i].delete_node && !mt_graph_get(model, rows[i].uid))
            continue;
        kept[kept_count++] = rows[i];
    }
    *count = kept_count;
    return kept;
}

/* The state of the write that was made last; 0 where states count. */
static uint64_t last_state(const world *w)
{
    mt_db_stats stats = {.size = sizeof stats};

    mt_db_statistics(root_db(w), &stats);
    return mt_db_clock(root_db(w)) == MT_CLOCK_LAMPORT ? 0 : stats.clock;
}

/* Notes in the edits what a change did. */
static void note_edits(world *w, mt_graph *edits, const mt_delta *delta)
{
    size_t count;
    mt_row *rows = test_delta_rows(&w->c->arena, delta, MT_UPDATE, &count);

    if (edits) HOLDS(mt_graph_merge_rows(edits, rows, count, NULL) == MT_OK);
}

static void model_patch(world *w, actor *a, const mt_row *rows, size_t count)
{
    mt_delta *delta = NULL;

    rows = rows_that_count(w->c, a->model, rows, &count);
    test_worked(a->model, mt_graph_patch(a->model, rows, count, last_state(w), &delta));
    note_edits(w, a->edits, delta);
    mt_delta_free(delta);
}

static void model_merge(world *w, actor *a, const mt_row *rows, size_t count)
{
    mt_delta *delta = NULL;

    test_worked(a->model, mt_graph_merge_rows(a->model, rows, count, &delta));
    note_edits(w, a->edits, delta);
    mt_delta_free(delta);
}

static mt_row *rows_of(world *w, const mt_graph *graph, size_t *count)
{
    ref_graph read = test_read(&w->c->arena, graph);

    return gen_rows(w->c, &read, false, count);
}

/* ---- Steps ---- */

static actor *any_actor(world *w)
{
    size_t i;

    do i = test_below(w->c, ACTORS);
    while (!w->actors[i].db);
    return &w->actors[i];
}

static mt_bytes any_uid(world *w)
{
    return gen_uid(w->c, &w->u, test_below(w->c, w->u.uid_count));
}

static void step_write(world *w)
{
    actor *a = any_actor(w);
    size_t count;
    mt_row *rows = gen_patch(w->c, &w->u, &count);

    worked(a->db, mt_write_wait(a->db, rows, count, NULL, NULL));
    model_patch(w, a, rows, count);
}

static void step_foreign(world *w)
{
    actor *a = any_actor(w);
    ref_graph incoming = gen_graph(w->c, &w->u);
    size_t count;
    mt_row *rows = gen_rows(w->c, &incoming, true, &count);

    worked(a->db, mt_commit_rows_wait(a->db, rows, count, NULL));
    rows = rows_that_count(w->c, a->model, rows, &count);
    model_merge(w, a, rows, count);
}

static void make_branch(world *w, size_t parent, mt_graph *model)
{
    for (size_t i = 1; i < ACTORS; i++) {
        actor *a = &w->actors[i];
        if (a->db) continue;
        HOLDS(mt_branch(w->actors[parent].db, &a->db) == MT_OK);
        a->parent = parent;
        a->model = test_clone(model);
        a->edits = test_graph_new();
        return;
    }
}

static void step_branch(world *w)
{
    actor *a = any_actor(w);

    make_branch(w, (size_t)(a - w->actors), a->model);
}

static uint64_t commits(mt_db *db)
{
    mt_db_stats stats = {.size = sizeof stats};

    mt_db_statistics(db, &stats);
    return stats.commits;
}

/* A branch is made while a write to its source is on its way, which may fail in storage. */
static void step_branch_in_flight(world *w)
{
    test_answer answer = {.count = 0};
    actor *root = &w->actors[0];
    uint64_t before = commits(root->db);
    mt_graph *merged;
    actor with;
    size_t count;
    mt_row *rows = gen_patch(w->c, &w->u, &count);

    if (w->has_stage && test_once_in(w->c, 2))
        w->s.ts.fault = (test_fault){.calls = TEST_WRITE, .status = MT_FULL};
    HOLDS(mt_write(root->db, rows, count, NULL, test_answered, &answer, NULL) == MT_OK);
    merged = test_clone(root->model);
    with = (actor){.model = merged};
    if (commits(root->db) > before) model_patch(w, &with, rows, count);
    make_branch(w, 0, merged);
    test_env_run(&w->s.t.te);
    HOLDS(answer.count == 1);
    HOLDS(answer.status == (w->s.ts.fault.tripped ? MT_FULL : MT_OK));
    w->s.ts.fault = (test_fault){.status = MT_OK};
    if (answer.status == MT_OK) model_patch(w, root, rows, count);
    mt_graph_free(merged);
}

/* The source is changed while a branch reads. */
static void step_read_in_flight(world *w)
{
    test_answer answer = {.count = 0};
    actor *a = any_actor(w);
    mt_bytes uid = any_uid(w);

    if (a == &w->actors[0]) return;
    HOLDS(mt_read(a->db, uid, NULL, test_answered, &answer, NULL) == MT_OK);
    step_write(w);
    test_env_run(&w->s.t.te);
    HOLDS(answer.count == 1 && answer.status == MT_OK);
    node_is(a, uid);
}

/* The source as it is: what it should be is for others to say. */
static void resync_root(world *w)
{
    mt_range range = {.deleted = true};
    actor *root = &w->actors[0];

    mt_graph_free(root->model);
    root->model = test_graph_new();
    worked(root->db, mt_stream_wait(root->db, &range, take_row, root->model));
}

#define BURST 12

/* Much at once: writes to the source, some of which may fail in storage, while branches read. */
static void step_burst(world *w)
{
    test_answer answers[BURST];
    size_t started = 0;

    memset(answers, 0, sizeof answers);
    if (w->has_stage && test_once_in(w->c, 2))
        w->s.ts.fault =
            (test_fault){.calls = TEST_WRITE, .status = MT_FULL, .fail_at = test_below(w->c, 4)};
    for (size_t i = 2 + test_below(w->c, BURST - 2); i > 0; i--) {
        actor *a = any_actor(w);
        test_answer *answer = &answers[started++];
        size_t count;
        mt_row *rows = gen_patch(w->c, &w->u, &count);
        if (a == &w->actors[0] || test_once_in(w->c, 3))
            HOLDS(mt_write(root_db(w), rows, count, NULL, test_answered, answer, NULL) == MT_OK);
        else HOLDS(mt_read(a->db, any_uid(w), NULL, test_answered, answer, NULL) == MT_OK);
        if (test_once_in(w->c, 4)) w->s.t.te.env.turn(w->s.t.te.env.ctx);
    }
    test_env_run(&w->s.t.te);
    w->s.ts.fault = (test_fault){.status = MT_OK};
    for (size_t i = 0; i < started; i++)
        HOLDS(answers[i].count == 1 &&
              (answers[i].status == MT_OK || answers[i].status == MT_FULL));
    resync_root(w);
}

static void step_commit(world *w)
{
    actor *a = any_actor(w), *to;
    size_t count;
    mt_row *rows;

    if (a == &w->actors[0]) return;
    to = &w->actors[test_once_in(w->c, 4) ? 0 : a->parent];
    worked(to->db, mt_commit_wait(to->db, a->db, NULL));
    rows = rows_of(w, a->edits, &count);
    model_merge(w, to, rows, count);
}

static void step_rebase(world *w)
{
    actor *a = any_actor(w);
    size_t count;
    mt_row *rows;

    if (a == &w->actors[0]) return;
    worked(a->db, mt_rebase_wait(a->db));
    rows = rows_of(w, a->edits, &count);
    for (size_t i = 0; i < count; i++) {
        rows[i].delete_node = rows[i].floor > 0;
        rows[i].floor = 0;
    }
    mt_graph_free(a->model);
    mt_graph_free(a->edits);
    a->model = test_clone(w->actors[a->parent].model);
    a->edits = test_graph_new();
    model_patch(w, a, rows, count);
}

static void step_forget(world *w)
{
    actor *root = &w->actors[0];
    mt_bytes uid = any_uid(w);
    ref_graph all = test_read(&w->c->arena, root->model);

    HOLDS(mt_forget_wait(root->db, &uid, 1, NULL) == MT_OK);
    for (size_t i = 0; i < all.count; i++)
        if (mt_bytes_equal(all.nodes[i].uid, uid)) ref_drop_node(&all, i--);
    mt_graph_free(root->model);
    root->model = test_graph_of(&all);
}

/* A branch goes, and those that came of it. */
static void forget_actor(world *w, size_t gone)
{
    for (size_t i = 1; i < ACTORS; i++)
        if (w->actors[i].db && w->actors[i].parent == gone && i != gone) forget_actor(w, i);
    actor_end(&w->actors[gone]);
}

static void step_close(world *w)
{
    actor *a = any_actor(w);

    if (a == &w->actors[0]) return;
    test_close(a->db);
    forget_actor(w, (size_t)(a - w->actors));
}

static void step_look(world *w)
{
    actor *a = any_actor(w);
    mt_bytes uid = any_uid(w);

    if (test_once_in(w->c, 2)) node_is(a, uid);
    else field_is(a, uid, gen_name(w->c, &w->u, test_below(w->c, w->u.name_count)));
}

static void step(world *w)
{
    switch (test_below(w->c, 22)) {
    case 0:
    case 1:
    case 2:
    case 3: step_write(w); break;
    case 4: step_foreign(w); break;
    case 5:
    case 6: step_branch(w); break;
    case 7: step_branch_in_flight(w); break;
    case 8: step_read_in_flight(w); break;
    case 9:
    case 10: step_commit(w); break;
    case 11:
    case 12: step_rebase(w); break;
    case 13: step_forget(w); break;
    case 14: step_close(w); break;
    case 15: all_is(any_actor(w)); break;
    case 16:
    case 17: step_burst(w); break;
    default: step_look(w); break;
    }
}

static void branches_live(test_case *c, gen_universe u, size_t steps)
{
    world w;

    world_begin(&w, c, u);
    for (size_t i = 0; i < steps; i++) step(&w);
    for (size_t i = 0; i < ACTORS; i++) {
        actor *a = &w.actors[i];
        if (!a->db) continue;
        for (size_t n = 0; n < u.uid_count && n < 8; n++) node_is(a, gen_uid(c, &u, n));
        all_is(a);
    }
    world_end(&w);
}

static void small_branches_live(test_case *c)
{
    branches_live(c, gen_of_size(c, GEN_SMALL), 30);
}

static void large_branches_live(test_case *c)
{
    branches_live(c, gen_of_size(c, test_once_in(c, 2) ? GEN_LARGE_NODE : GEN_MANY_NODES), 12);
}

TEST(branches_show_what_copies_would)
{
    test_law(6000, small_branches_live);
}

TEST(branches_of_large_nodes_and_many_show_what_copies_would)
{
    test_law(150, large_branches_live);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(branches_show_what_copies_would),
        cmocka_unit_test(branches_of_large_nodes_and_many_show_what_copies_would),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
