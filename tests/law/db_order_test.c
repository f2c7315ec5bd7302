/* The order of the program decides, whatever order hooks answer in. */
#include "test.h"
#include "test_calls.h"
#include "test_notation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WRITES_MAX 6

static const char *const uids[] = {"ada", "bob", "cyd"};
static const char *const names[] = {"x", "y", "z"};

/* A patch in words: one or two rows about three nodes of three fields. */
static void any_patch(test_case *c, char *out, size_t cap, unsigned number)
{
    size_t rows = test_once_in(c, 4) ? 2 : 1, len = 0;

    for (size_t i = 0; i < rows; i++) {
        bool deletes = test_once_in(c, 3);
        len += (size_t)snprintf(out + len, cap - len, "%s%s%s", i ? ", " : "", deletes ? "!" : "",
                                uids[test_below(c, test_once_in(c, 4) ? 3 : 1)]);
        for (size_t n = 0; n < 3; n++) {
            if (test_below(c, deletes ? 4 : 2) > 0) continue;
            if (test_once_in(c, 5))
                len += (size_t)snprintf(out + len, cap - len, " %s=~", names[n]);
            else len += (size_t)snprintf(out + len, cap - len, " %s=%u", names[n], number);
        }
    }
}

/* A node as plain JSON; nothing where readers see none. */
static mt_buf snapshot(const mt_node *node)
{
    mt_buf text = {.mem = test_mem()};

    if (node && mt_node_count(node) > 0) HOLDS(mt_node_snapshot(node, &text) == MT_OK);
    return text;
}

/* Holds that every node reads as the model has it. */
static void reads_as(mt_db *db, const mt_graph *model)
{
    for (size_t i = 0; i < TEST_COUNT(uids); i++) {
        mt_buf expected = snapshot(mt_graph_get(model, mt_str(uids[i]))), found;
        mt_handle *node = NULL;
        HOLDS(mt_read_wait(db, mt_str(uids[i]), NULL, &node) == MT_OK);
        if (node) HOLDS(mt_fields_wait(node, NULL, 0, NULL) == MT_OK);
        found = snapshot(node ? mt_handle_node(node) : NULL);
        if (!mt_bytes_equal(mt_buf_bytes(&expected), mt_buf_bytes(&found)))
            print_error("%s is %.*s, not %.*s\n", uids[i], (int)found.len, found.data,
                        (int)expected.len, expected.data);
        HOLDS(mt_bytes_equal(mt_buf_bytes(&expected), mt_buf_bytes(&found)));
        mt_handle_unref(node);
        mt_buf_free(&expected);
        mt_buf_free(&found);
    }
}

static void put_some(test_case *c, test_stage *s, mt_graph *model)
{
    uint64_t now = (s->t.te.epoch_ms - UINT64_C(1577836800000)) << 11;
    char rows[256];

    for (size_t i = 0; i < TEST_COUNT(uids); i++) {
        /* Some are of a peer whose clock is ahead. */
        uint64_t state =
            test_once_in(c, 3) ? now + (test_below(c, 100) << 20) : 1 + test_below(c, 9);
        if (test_once_in(c, 2)) continue;
        snprintf(rows, sizeof rows, "%s x=0@%llu y=0@%llu", uids[i], (unsigned long long)state,
                 (unsigned long long)(state + test_below(c, 3)));
        test_storage_put(&s->ts, rows);
        CHECK(test_merge_rows(model, rows, NULL) == MT_OK);
    }
}

/* Writes whose hooks are held. */
typedef struct program {
    test_stage s;
    test_hook hook;
    mt_graph *model;
    size_t count;
    char patches[WRITES_MAX][256];
    test_call calls[WRITES_MAX];
    bool refused[WRITES_MAX];
} program;

static void begin(test_case *c, program *p)
{
    mt_hook hooks[1] = {test_hook_at(&p->hook, MT_BEFORE_WRITE)};
    mt_config config = {.size = sizeof config, .hooks = hooks, .hook_count = 1};

    memset(p->calls, 0, sizeof p->calls);
    memset(p->refused, 0, sizeof p->refused);
    memset(&p->hook, 0, sizeof p->hook);
    p->hook.does = TEST_HOLDS;
    config.clock = test_once_in(c, 2) ? MT_CLOCK_LAMPORT : MT_CLOCK_HYBRID;
    test_stage_init(&p->s);
    p->model = test_graph_new();
    p->s.ts.quiet = true;
    p->s.ts.rng = test_rng_new(c->seed);
    p->s.ts.when = test_once_in(c, 2) ? TEST_AT_ONCE : TEST_MIXED;
    p->s.ts.large = test_once_in(c, 3) ? 1 : 0;
    put_some(c, &p->s, p->model);
    test_stage_open(&p->s, &config);
    if (test_once_in(c, 3))
        p->s.ts.fault =
            (test_fault){.calls = TEST_WRITE, .status = MT_IO, .fail_at = test_below(c, 3)};
}

/* Lets the hooks answer, in any order. */
static void answer_hooks(test_case *c, program *p)
{
    size_t order[WRITES_MAX];

    for (size_t i = 0; i < p->count; i++) order[i] = i;
    for (size_t left = p->count; left > 0; left--) {
        size_t at = test_below(c, left), which = order[at];
        memmove(&order[at], &order[at + 1], (left - at - 1) * sizeof *order);
        p->refused[which] = test_once_in(c, 8);
        if (p->refused[which]) test_hook_refuse(&p->hook, at);
        else test_hook_pass(&p->hook, at);
        if (test_once_in(c, 2)) test_env_run_for(&p->s.t.te, test_below(c, 6));
    }
    test_env_run(&p->s.t.te);
}

static void order_of_the_program_decides(test_case *c)
{
    program p;

    begin(c, &p);
    p.count = 2 + test_below(c, WRITES_MAX - 1);
    for (size_t i = 0; i < p.count; i++) {
        any_patch(c, p.patches[i], sizeof p.patches[i], (unsigned)i + 1);
        HOLDS(test_call_write(&p.calls[i], p.s.db, p.patches[i], NULL) == MT_OK);
    }
    answer_hooks(c, &p);
    for (size_t i = 0; i < p.count; i++) {
        mt_status st = p.calls[i].a.status;
        HOLDS(p.calls[i].a.count == 1);
        HOLDS((st == MT_REFUSED) == p.refused[i]);
        HOLDS(st == MT_OK || st == MT_REFUSED || (st == MT_IO && p.s.ts.fault.tripped));
        if (st == MT_OK) HOLDS(test_patch(p.model, p.patches[i], 0, NULL) == MT_OK);
    }
    reads_as(p.s.db, p.model);
    mt_graph_free(p.model);
    test_stage_end(&p.s);
}

TEST(order_of_the_program_decides_however_late_hooks_answer)
{
    test_law(50000, order_of_the_program_decides);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_of_the_program_decides_however_late_hooks_answer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
